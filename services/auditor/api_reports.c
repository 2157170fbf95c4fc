/* Calls for reports, lines and single records. */
#include <drover/wire/classes.h>

#include "ask.h"
#include "checklist.h"
#include "conflicts.h"
#include "desk.h"
#include "job.h"
#include "kept.h"
#include "removals.h"
#include "report.h"
#include "sample.h"

#define PAGE 1000
#define PAGE_MAX 10000

/* Pages of lines by cursor. */
struct pages {
    const char *path;
    void (*write)(struct ask *q, struct dr_str after, int64_t limit,
                  struct spool *out, struct dr_buf *next);
};

static void write_records(struct ask *q, struct dr_str after, int64_t limit,
                          struct spool *out, struct dr_buf *next)
{
    report_records(q->au, after, limit, out, next);
}

static void write_rejected(struct ask *q, struct dr_str after, int64_t limit,
                           struct spool *out, struct dr_buf *next)
{
    struct reject_filter f = {dr_httpd_arg(q->req, "object"),
                              dr_httpd_arg(q->req, "class")};

    report_rejected(q->au, &f, after, limit, out, next);
}

static void write_removals(struct ask *q, struct dr_str after, int64_t limit,
                           struct spool *out, struct dr_buf *next)
{
    removals_list(q->au, dr_httpd_arg(q->req, "object"), after, limit, out,
                  next);
}

static void write_conflicts(struct ask *q, struct dr_str after, int64_t limit,
                            struct spool *out, struct dr_buf *next)
{
    conflicts_list(q->au, dr_httpd_arg(q->req, "object"), after, limit, out,
                   next);
}

static void write_events(struct ask *q, struct dr_str after, int64_t limit,
                         struct spool *out, struct dr_buf *next)
{
    struct dr_str want = dr_httpd_arg(q->req, "fate");
    const char *fate = report_event_fate(q->au);

    /* The plan has one fate for all of them. */
    if (want.n == 0 || (fate && dr_str_eqz(want, fate))) {
        report_events(q->au, after, limit, out, next);
    }
}

static bool fate_ok(struct ask *q)
{
    struct dr_str want = dr_httpd_arg(q->req, "fate");

    if (want.n == 0 || dr_str_eqz(want, "activities") ||
        dr_str_eqz(want, "report") || dr_str_eqz(want, "none")) {
        return true;
    }
    ask_error(q, 400, "bad_request", "fate is activities, report or none",
              "leave it out for all events", NULL);
    return false;
}

static bool class_ok(struct ask *q)
{
    struct dr_str want = dr_httpd_arg(q->req, "class");
    struct dr_buf b;

    if (want.n == 0 || dr_class_named(want)) {
        return true;
    }
    want = dr_utf8_prefix(want, 64);
    dr_buf_init(&b, 4096);
    dr_buf_printf(&b, "there is no class \"" DR_STR_FMT "\"; there are:",
                  DR_STR_ARG(want));
    for (size_t i = 0; i < dr_class_count; i++) {
        dr_buf_printf(&b, " %s", dr_classes[i].name);
    }
    ask_error(q, 400, "no_such_class", b.p, "", NULL);
    dr_buf_done(&b);
    return false;
}

static const struct pages pages[] = {{"/v1/events", write_events},
                                     {"/v1/records", write_records},
                                     {"/v1/rejected", write_rejected},
                                     {"/v1/removals", write_removals},
                                     {"/v1/conflicts", write_conflicts}};

void get_lines(struct ask *q)
{
    struct dr_str after = dr_httpd_arg(q->req, "after");
    struct dr_str limit = dr_httpd_arg(q->req, "limit");
    int64_t n = PAGE;
    struct dr_buf next, header;
    struct spool out;

    if (limit.n > 0 && (dr_str_i64(limit, &n) || n < 1 || n > PAGE_MAX)) {
        ask_error(q, 400, "bad_request", "limit is between 1 and 10000", "",
                  NULL);
        return;
    }
    if (!fate_ok(q) || !class_ok(q) ||
        !ask_object(q, dr_httpd_arg(q->req, "object"))) {
        return;
    }
    dr_buf_init(&next, 4096);
    spool_open(&out, q->au);
    for (size_t i = 0; i < DR_ARRAY_LEN(pages); i++) {
        if (dr_str_eqz(dr_httpd_path(q->req), pages[i].path)) {
            pages[i].write(q, after, n, &out, &next);
        }
    }
    if (next.n > 0) {
        dr_buf_init(&header, 16384);
        dr_buf_urlenc(&header, dr_buf_view(&next));
        dr_httpd_add_header(q->req, "X-Next", header.p);
        dr_buf_done(&header);
    }
    dr_buf_done(&next);
    (void)spool_answer(&out, q->req, "application/x-ndjson");
    spool_close(&out);
}

void get_find(struct ask *q)
{
    struct dr_str id = dr_httpd_arg(q->req, "id");

    if (id.n == 0) {
        ask_error(q, 400, "bad_request", "id is missing",
                  "name the id that the record has at the source", NULL);
        return;
    }
    if (!ask_object(q, dr_httpd_arg(q->req, "object"))) {
        return;
    }
    report_find(q->au, dr_httpd_arg(q->req, "object"), id, &q->out);
    ask_answer(q);
}

static void not_yet(struct ask *q)
{
    ask_error(q, 404, "not_found", "there is no such report yet",
              "`drover status` shows how far the migration is", NULL);
}

/* Not filled yet, or no report's name. */
static void no_report(struct ask *q, struct dr_str name)
{
    static const char *const names[] = {
        "audit.json",       "plan.json",           "checklist.json",
        "checklist.md",     "owners.json",         "duplicates.json",
        "sample-diff.json", "reconciliation.json", "inventory.json",
        "files.json",       "profile-check.json"};
    struct dr_buf list;
    bool known = false;

    dr_buf_init(&list, 1024);
    dr_buf_z(&list, "there are:");
    for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
        known = known || dr_str_eqz(name, names[i]);
        dr_buf_printf(&list, " %s", names[i]);
    }
    if (known) {
        not_yet(q);
    } else {
        ask_error(q, 404, "not_found", "there is no report of this name",
                  list.p, NULL);
    }
    dr_buf_done(&list);
}

void get_sample_diff(struct ask *q)
{
    struct spool out;

    spool_open(&out, q->au);
    if (sample_report(q->au, &out)) {
        (void)spool_answer(&out, q->req, NULL);
    } else {
        not_yet(q);
    }
    spool_close(&out);
}

void get_report(struct ask *q, struct dr_str name)
{
    static const char *const kept[] = {"audit.json", "checklist.json",
                                       "owners.json", "duplicates.json",
                                       "files.json"};
    /* As the extractor has published them. */
    static const char *const published[][2] = {
        {"inventory.json", "automation"},
        {"profile-check.json", "profile_check"}};
    struct auditor *au = q->au;
    struct dr_str text = {"", 0};

    for (size_t i = 0; i < DR_ARRAY_LEN(kept); i++) {
        if (dr_str_eqz(name, kept[i])) {
            text = books_kept(au->books, kept[i], au->request);
        }
    }
    if (dr_str_eqz(name, "plan.json")) {
        text = desk_plan(au, (struct dr_str){"", 0});
    } else if (dr_str_eqz(name, "checklist.md")) {
        struct dr_str json =
            books_kept(au->books, "checklist.json", au->request);
        if (json.n > 0) {
            checklist_md(dr_json_parse(au->request, json, NULL, NULL), &q->out);
            text = dr_buf_view(&q->out);
        }
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(published); i++) {
        if (dr_str_eqz(name, published[i][0])) {
            text = books_catalog_text(au->books, "source", published[i][1],
                                      au->request);
        }
    }
    if (text.n > 0 && dr_str_eqz(name, "inventory.json")) {
        report_inventory(au, text, &q->out);
        text = dr_buf_view(&q->out);
    }
    if (kept_is_word(text)) {
        ask_error(q, 404, "not_found",
                  "this report has more than 7 MiB, and was not kept",
                  "propose the plan anew, with a smaller scope, or save the "
                  "report right after that",
                  NULL);
        return;
    }
    if (text.n == 0) {
        no_report(q, name);
        return;
    }
    dr_httpd_answer(
        q->req, 200,
        dr_str_ends(name, DR_STR_LIT(".md")) ? "text/markdown" : NULL, text);
}

void get_reconciliation(struct ask *q)
{
    if (!q->au->evidence.books_ready || !q->au->plan) {
        not_yet(q);
    } else if (!job_start(q->au, q->req)) {
        ask_error(q, 409, "gate", "a reconciliation is being made already",
                  "wait for it, then ask again", NULL);
    }
}

void get_reject(struct ask *q, struct dr_str rest)
{
    struct dr_str id = rest;
    struct dr_str object = dr_str_split(&id, '/');

    if (id.p && !ask_object(q, object)) {
        return;
    }
    if (!id.p || !report_reject(q->au, object, id, &q->out)) {
        ask_error(q, 404, "not_found", "nothing of this record stopped",
                  "`drover find ID` tells what became of it", NULL);
        return;
    }
    ask_answer(q);
}
