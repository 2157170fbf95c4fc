#include "api.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>
#include <drover/http/server.h>
#include <drover/json/json.h>

#include "desk.h"
#include "job.h"
#include "report.h"
#include "sample.h"
#include "setup.h"
#include "status.h"

#define PAGE 1000
#define CATCH_UP_MS 5000 /* a gate is judged by all that is known */
#define PAGE_MAX 10000

/* One request: what it asks, and what is answered. */
struct ask {
    struct auditor *au;
    struct dr_httpd_req *req;
    const struct dr_json *body; /* NULL: none */
    struct dr_buf out;
};

/* ---- answering ---- */

static void answer_error(struct ask *q, int status, const char *code,
                         const char *message, const char *cure,
                         const struct dr_buf *problems)
{
    struct dr_json_w w;

    dr_buf_reset(&q->out);
    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "error");
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "code", code);
    dr_json_w_kvz(&w, "message", message);
    dr_json_w_kvz(&w, "cure", cure);
    dr_json_w_end(&w);
    if (problems) {
        dr_json_w_key(&w, "problems");
        dr_json_w_raw(&w, dr_buf_view(problems));
    }
    dr_json_w_end(&w);
    dr_httpd_answer(q->req, status, NULL, dr_buf_view(&q->out));
}

static void answer_err(struct ask *q, const struct dr_err *err)
{
    if (err->code == 404) {
        answer_error(q, 404, "not_found", err->text, "", NULL);
    } else if (strcmp(err->where, "gate") == 0) {
        answer_error(q, 409, "gate", err->text,
                     "`drover status` shows how far it is", NULL);
    } else {
        answer_error(q, 400, "bad_request", err->text, "", NULL);
    }
}

static void answer(struct ask *q)
{
    dr_httpd_answer(q->req, 200, NULL, dr_buf_view(&q->out));
}

static void answer_phase(struct ask *q)
{
    struct dr_json_w w;

    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "phase", phase_name(q->au->state.phase));
    dr_json_w_kvi(&w, "pass", q->au->state.pass);
    dr_json_w_end(&w);
    answer(q);
}

/* ---- asking ---- */

static struct dr_str member(const struct ask *q, const char *name)
{
    return dr_json_scalar(dr_json_get(q->body, name));
}

/* Who decides: at most 200 characters of text, without controls. */
static struct dr_str by(const struct ask *q)
{
    struct dr_str s = dr_str_trim(member(q, "by"));

    if (s.n == 0 || !dr_text_valid(s)) {
        return DR_STR_LIT("unnamed");
    }
    return dr_utf8_prefix(s, 200);
}

/* The evidence as of now, not as of the last look. */
static bool gate_open(struct ask *q, enum step step)
{
    struct dr_err err = {0};

    intake_catch_up(q->au, CATCH_UP_MS);
    q->au->watch_due_ms = 0;
    watch(q->au);
    if (gate_check(&q->au->state, &q->au->evidence, step, &err)) {
        answer_err(q, &err);
        return false;
    }
    return true;
}

static void take_step(struct ask *q, enum step step)
{
    struct auditor *au = q->au;

    if (!gate_open(q, step)) {
        return;
    }
    gate_take(&au->state, step, NULL);
    lead_publish(au, step_name(step), by(q));
    lead_take(au);
    watch_anew(au);
    if (step == STEP_RUN || step == STEP_REDRIVE) {
        books_dirty_all(au->books);
    }
    answer_phase(q);
}

/* ---- status and plan ---- */

static void get_status(struct ask *q)
{
    status_write(q->au, &q->out);
    answer(q);
}

static void answer_desk(struct ask *q, const struct desk_result *r, bool whole)
{
    struct dr_json_w w;

    dr_buf_reset(&q->out);
    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "hash", r->hash);
    dr_json_w_kvi(&w, "problems", r->problems);
    if (whole) {
        dr_json_w_key(&w, "checklist");
        dr_json_w_obj(&w);
        dr_json_w_kvi(&w, "missing", r->missing);
        dr_json_w_kvi(&w, "present", r->present);
        dr_json_w_end(&w);
        dr_json_w_kvi(&w, "owners_unmatched", r->owners_unmatched);
        dr_json_w_kvi(&w, "duplicates", r->duplicates);
    }
    dr_json_w_end(&w);
    answer(q);
}

static int read_wishes(const struct ask *q, struct desk_wishes *w,
                       struct dr_err *err)
{
    struct dr_str owner = member(q, "fallback_owner");
    struct dr_str house = member(q, "house_owner");

    *w = (struct desk_wishes){.orphan_name = member(q, "orphan_account")};
    if (owner.n > 0 && dr_str_u64(owner, &w->fallback_owner)) {
        return dr_err_set(err, DR_REJECT, 0, "request",
                          "fallback_owner is no user id of Freshsales");
    }
    if (house.n > 0 && dr_str_u64(house, &w->house_owner)) {
        return dr_err_set(err, DR_REJECT, 0, "request",
                          "house_owner is no user id of Freshsales");
    }
    DR_JSON_EACH(s, dr_json_get(q->body, "scope"))
    {
        if (w->scope_count == DR_ARRAY_LEN(w->scope)) {
            return dr_err_set(err, DR_REJECT, 0, "request",
                              "the scope names too many objects");
        }
        w->scope[w->scope_count++] = dr_json_str(s);
    }
    return 0;
}

static void post_propose(struct ask *q)
{
    struct desk_wishes wishes;
    struct desk_result r;
    struct dr_err err = {0};

    if (!gate_open(q, STEP_PROPOSE)) {
        return;
    }
    if (read_wishes(q, &wishes, &err) ||
        desk_propose(q->au, &wishes, &r, &err)) {
        answer_err(q, &err);
        return;
    }
    if (q->au->state.phase == PHASE_AUDIT) {
        gate_take(&q->au->state, STEP_PROPOSE, NULL);
        lead_publish(q->au, step_name(STEP_PROPOSE), by(q));
    }
    answer_desk(q, &r, true);
}

static void get_plan(struct ask *q)
{
    struct dr_str hash = dr_httpd_arg(q->req, "hash");
    struct dr_str text = desk_plan(q->au, hash);

    if (text.n == 0) {
        answer_error(q, 404, "not_found", "there is no such plan",
                     "`drover plan propose` makes one", NULL);
        return;
    }
    dr_httpd_answer(q->req, 200, NULL, text);
}

static void put_plan(struct ask *q)
{
    struct desk_result r;
    struct dr_err err = {0};

    if (!gate_open(q, STEP_APPROVE)) {
        return;
    }
    if (desk_put(q->au, dr_httpd_body(q->req), &r, &err)) {
        answer_err(q, &err);
        return;
    }
    answer_desk(q, &r, false);
}

static void post_check(struct ask *q)
{
    struct dr_str hash = member(q, "hash");
    struct dr_err err = {0};
    struct dr_buf problems;
    struct dr_json_w w;
    int64_t n = 0;

    dr_buf_init(&problems, AUDITOR_TEXT);
    if (desk_check(q->au, hash, &problems, &n, &err)) {
        answer_err(q, &err);
    } else {
        dr_json_w_init(&w, &q->out);
        dr_json_w_obj(&w);
        dr_json_w_kv(
            &w, "hash",
            hash.n ? hash
                   : books_kept(q->au->books, "plan.latest", q->au->request));
        dr_json_w_key(&w, "problems");
        dr_json_w_raw(&w, dr_buf_view(&problems));
        dr_json_w_end(&w);
        answer(q);
    }
    dr_buf_done(&problems);
}

static void post_approve(struct ask *q)
{
    struct dr_str hash = member(q, "hash");
    struct dr_err err = {0};
    struct dr_buf problems;
    int64_t n = 0;

    if (!gate_open(q, STEP_APPROVE)) {
        return;
    }
    dr_buf_init(&problems, AUDITOR_TEXT);
    if (hash.n == 0) {
        answer_error(q, 400, "bad_request", "the plan's hash is missing",
                     "name the hash that was reviewed", NULL);
    } else if (desk_check(q->au, hash, &problems, &n, &err)) {
        answer_err(q, &err);
    } else if (n > 0) {
        char text[96];
        (void)snprintf(text, sizeof(text),
                       "the plan has %lld problems: it cannot be approved",
                       (long long)n);
        answer_error(q, 422, "plan_problems", text,
                     "carry out the checklist, have the target read again and "
                     "propose anew, or edit the plan",
                     &problems);
    } else if (desk_approve(q->au, hash, by(q), &err)) {
        answer_err(q, &err);
    } else {
        struct dr_json_w w;
        setup_settle(q->au);
        dr_json_w_init(&w, &q->out);
        dr_json_w_obj(&w);
        dr_json_w_kv(&w, "hash", hash);
        dr_json_w_end(&w);
        answer(q);
    }
    dr_buf_done(&problems);
}

static void post_refresh(struct ask *q)
{
    struct dr_json_w w;

    q->au->state.catalog_seq++;
    lead_publish(q->au, NULL, (struct dr_str){"", 0});
    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "catalog_wanted", (int64_t)q->au->state.catalog_seq);
    dr_json_w_end(&w);
    answer(q);
}

static void get_ready(struct ask *q)
{
    struct dr_err err = {0};

    intake_catch_up(q->au, CATCH_UP_MS);
    if (desk_ready(q->au, &q->out, &err)) {
        answer_err(q, &err);
    } else {
        answer(q);
    }
}

/* ---- steps ---- */

static void post_sample(struct ask *q)
{
    int64_t size = dr_json_get_i64(q->body, "size", SAMPLE_DEFAULT);
    struct dr_err err = {0};

    if (!gate_open(q, STEP_SAMPLE)) {
        return;
    }
    if (size < SAMPLE_MIN || size > SAMPLE_MAX) {
        answer_error(q, 400, "bad_request",
                     "a sample has between 10 and 5000 records", "", NULL);
    } else if (sample_choose(q->au, size, &err)) {
        answer_err(q, &err);
    } else {
        take_step(q, STEP_SAMPLE);
        books_dirty_all(q->au->books);
    }
}

static void post_sign(struct ask *q)
{
    struct dr_str hash = member(q, "hash");
    char hex[65] = "";

    if (q->au->state.has_plan) {
        dr_hex(q->au->state.plan_hash, 32, hex);
    }
    if (!dr_str_eqz(hash, hex)) {
        answer_error(q, 409, "gate",
                     "this is not the hash of the plan that made the sample",
                     "sign with the hash that `drover status` shows", NULL);
        return;
    }
    take_step(q, STEP_SIGN);
}

static void post_run(struct ask *q)
{
    take_step(q, STEP_RUN);
}

static void post_freeze(struct ask *q)
{
    take_step(q, STEP_FREEZE);
}

static void post_cutover(struct ask *q)
{
    take_step(q, STEP_CUTOVER);
}

static void post_redrive(struct ask *q)
{
    take_step(q, STEP_REDRIVE);
}

/* A resume when nothing is paused tells the loaders to try halted lanes. */
static void set_paused(struct ask *q, bool paused)
{
    if (!gate_writes(q->au->state.phase) ||
        q->au->state.phase == PHASE_CUTOVER) {
        answer_error(q, 409, "gate", "nothing is being written now",
                     "`drover status` shows how far it is", NULL);
        return;
    }
    q->au->state.paused = paused;
    lead_publish(q->au, paused ? "pause" : "resume", by(q));
    answer_phase(q);
}

static void post_pause(struct ask *q)
{
    set_paused(q, true);
}

static void post_resume(struct ask *q)
{
    set_paused(q, false);
}

/* ---- reports ---- */

static void get_records(struct ask *q)
{
    struct dr_str after = dr_httpd_arg(q->req, "after");
    struct dr_str limit = dr_httpd_arg(q->req, "limit");
    bool rejected = dr_str_eqz(dr_httpd_path(q->req), "/v1/rejected");
    struct reject_filter f = {dr_httpd_arg(q->req, "object"),
                              dr_httpd_arg(q->req, "class")};
    int64_t n = PAGE;
    struct dr_buf next, header;

    if (limit.n > 0 && (dr_str_i64(limit, &n) || n < 1 || n > PAGE_MAX)) {
        answer_error(q, 400, "bad_request", "limit is between 1 and 10000", "",
                     NULL);
        return;
    }
    dr_buf_init(&next, 4096);
    if (rejected) {
        report_rejected(q->au, &f, after, n, &q->out, &next);
    } else {
        report_records(q->au, after, n, &q->out, &next);
    }
    if (next.n > 0) {
        dr_buf_init(&header, 16384);
        dr_buf_urlenc(&header, dr_buf_view(&next));
        dr_httpd_add_header(q->req, "X-Next", header.p);
        dr_buf_done(&header);
    }
    dr_buf_done(&next);
    dr_httpd_answer(q->req, 200, "application/x-ndjson", dr_buf_view(&q->out));
}

static void get_find(struct ask *q)
{
    struct dr_str id = dr_httpd_arg(q->req, "id");

    if (id.n == 0) {
        answer_error(q, 400, "bad_request", "id is missing",
                     "name the id that the record has at the source", NULL);
        return;
    }
    report_find(q->au, dr_httpd_arg(q->req, "object"), id, &q->out);
    answer(q);
}

static void not_yet(struct ask *q)
{
    answer_error(q, 404, "not_found", "there is no such report yet",
                 "`drover status` shows how far the migration is", NULL);
}

static void get_report(struct ask *q, struct dr_str name)
{
    static const char *const kept[] = {"audit.json", "checklist.json",
                                       "owners.json", "duplicates.json"};
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
            report_checklist_md(au, json, &q->out);
            text = dr_buf_view(&q->out);
        }
    } else if (dr_str_eqz(name, "sample-diff.json")) {
        if (sample_report(au, &q->out)) {
            text = dr_buf_view(&q->out);
        }
    } else if (dr_str_eqz(name, "inventory.json") &&
               report_inventory(au, &q->out)) {
        text = dr_buf_view(&q->out);
    }
    if (text.n == 0) {
        not_yet(q);
        return;
    }
    dr_httpd_answer(
        q->req, 200,
        dr_str_ends(name, DR_STR_LIT(".md")) ? "text/markdown" : NULL, text);
}

static void get_reconciliation(struct ask *q)
{
    if (!q->au->evidence.books_ready || !q->au->plan) {
        not_yet(q);
    } else if (!job_start(q->au, q->req)) {
        answer_error(q, 409, "gate", "a reconciliation is being made already",
                     "wait for it, then ask again", NULL);
    }
}

static void get_reject(struct ask *q, struct dr_str rest)
{
    struct dr_str id = rest;
    struct dr_str object = dr_str_split(&id, '/');

    if (!id.p || !report_reject(q->au, object, id, &q->out)) {
        answer_error(q, 404, "not_found", "nothing of this record stopped",
                     "`drover find ID` tells what became of it", NULL);
        return;
    }
    answer(q);
}

/* ---- routing ---- */

static const struct route {
    const char *method, *path;
    void (*run)(struct ask *q);
} routes[] = {
    {"GET", "/v1/status", get_status},
    {"POST", "/v1/plan/propose", post_propose},
    {"GET", "/v1/plan", get_plan},
    {"PUT", "/v1/plan", put_plan},
    {"POST", "/v1/plan/check", post_check},
    {"POST", "/v1/plan/approve", post_approve},
    {"POST", "/v1/target/refresh", post_refresh},
    {"GET", "/v1/ready", get_ready},
    {"POST", "/v1/sample/start", post_sample},
    {"POST", "/v1/sample/sign", post_sign},
    {"POST", "/v1/run", post_run},
    {"POST", "/v1/pause", post_pause},
    {"POST", "/v1/resume", post_resume},
    {"POST", "/v1/freeze", post_freeze},
    {"POST", "/v1/cutover", post_cutover},
    {"POST", "/v1/rejected/redrive", post_redrive},
    {"GET", "/v1/records", get_records},
    {"GET", "/v1/rejected", get_records},
    {"GET", "/v1/find", get_find},
    {"GET", "/v1/reports/reconciliation.json", get_reconciliation},
};

static void dispatch(struct ask *q)
{
    struct dr_str method = dr_httpd_method(q->req);
    struct dr_str path = dr_httpd_path(q->req);
    struct dr_str reports = DR_STR_LIT("/v1/reports/");
    struct dr_str rejected = DR_STR_LIT("/v1/rejected/");

    for (size_t i = 0; i < DR_ARRAY_LEN(routes); i++) {
        if (dr_str_eqz(method, routes[i].method) &&
            dr_str_eqz(path, routes[i].path)) {
            routes[i].run(q);
            return;
        }
    }
    if (dr_str_eqz(method, "GET") && dr_str_starts(path, reports)) {
        get_report(q, (struct dr_str){path.p + reports.n, path.n - reports.n});
    } else if (dr_str_eqz(method, "GET") && dr_str_starts(path, rejected)) {
        get_reject(q,
                   (struct dr_str){path.p + rejected.n, path.n - rejected.n});
    } else {
        answer_error(q, 404, "not_found", "there is no such call",
                     "docs/api.md lists the calls", NULL);
    }
}

static bool allowed(const struct auditor *au, const struct dr_httpd_req *req)
{
    struct dr_str given = dr_httpd_header(req, "Authorization");
    struct dr_str scheme = DR_STR_LIT("Bearer ");

    return dr_str_starts(given, scheme) &&
           dr_ct_eq((struct dr_str){given.p + scheme.n, given.n - scheme.n},
                    au->token);
}

static bool read_body(struct ask *q)
{
    struct dr_str body = dr_httpd_body(q->req);
    struct dr_err err = {0};

    if (body.n == 0 || dr_str_eqz(dr_httpd_method(q->req), "PUT")) {
        return true; /* a plan is read by its own reader */
    }
    q->body = dr_json_parse(q->au->request, body, NULL, &err);
    if (dr_json_type(q->body) != DR_JSON_OBJECT) {
        answer_error(q, 400, "bad_request",
                     q->body ? "the body is no JSON object" : err.text, "",
                     NULL);
        return false;
    }
    return true;
}

static void handle(struct dr_httpd_req *req, void *ctx)
{
    struct auditor *au = ctx;
    struct ask q = {.au = au, .req = req};

    dr_arena_reset(au->request);
    dr_buf_init(&q.out, AUDITOR_TEXT);
    if (!allowed(au, req)) {
        dr_httpd_add_header(req, "WWW-Authenticate", "Bearer");
        answer_error(&q, 401, "unauthorized", "no token, or another one",
                     "send the token that api.token_file holds", NULL);
    } else if (!au->caught_up &&
               !dr_str_eqz(dr_httpd_path(req), "/v1/status")) {
        answer_error(&q, 503, "rebuilding",
                     "the books are still being rebuilt from Kafka",
                     "wait and ask again", NULL);
    } else if (read_body(&q)) {
        dispatch(&q);
    }
    dr_buf_done(&q.out);
}

/* ---- opening ---- */

static void write_port(const char *path, uint16_t port)
{
    FILE *f;

    if (path[0] == '\0') {
        return;
    }
    f = fopen(path, "w");
    if (!f || fprintf(f, "%u\n", (unsigned)port) < 0 || fclose(f)) {
        dr_die(DR_EXIT_CONFIG, "api.port_file",
               "cannot write %s: name a file in a folder that exists", path);
    }
}

void api_open(struct auditor *au)
{
    const struct dr_conf *c = au->svc->conf;
    struct dr_err err = {0};
    struct dr_httpd_opts o = {.bind = dr_conf_text(c, "api.bind"),
                              .port = (uint16_t)dr_conf_int(c, "api.port"),
                              .max_body = (size_t)8 << 20,
                              .handle = handle,
                              .ctx = au};

    au->token = dr_conf_secret(c, "api.token_file");
    if (au->token.n < 16) {
        dr_die(DR_EXIT_CONFIG, "api.token_file",
               "the token is shorter than 16 characters: put a random one "
               "into the file");
    }
    au->api = dr_httpd_new(&o, &err);
    if (!au->api) {
        dr_die(DR_EXIT_CONFIG, "api.port", "%s", err.text);
    }
    write_port(dr_conf_text(c, "api.port_file"), dr_httpd_port(au->api));
}

void api_close(struct auditor *au)
{
    job_drop(au);
    dr_httpd_free(au->api);
}
