#include "job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/json/json.h>

#include "report.h"
#include "settle.h"
#include "setup.h"
#include "shared.h"
#include "spool.h"
#include "status.h"
#include "totals.h"

#define SLICE 200
#define CAUSES_MAX 1000
#define PLAN_ARENA ((size_t)128 << 20)

struct job {
    struct dr_httpd_req *req;
    struct dr_arena *plan_arena;
    const struct dr_json *plan;
    struct totals *totals;
    int64_t row; /* last one judged */
};

bool job_start(struct auditor *au, struct dr_httpd_req *req)
{
    struct job *j;

    if (au->job) {
        return false;
    }
    setup_settle(au);
    j = dr_xcalloc(1, sizeof(*j));
    j->req = req;
    j->plan_arena = dr_arena_new(PLAN_ARENA);
    j->plan = dr_json_parse(
        j->plan_arena,
        dr_arena_dup(j->plan_arena, dr_control(au->control)->plan_json), NULL,
        NULL);
    j->totals = totals_new(j->plan);
    au->job = j;
    dr_httpd_defer(req);
    return true;
}

void job_drop(struct auditor *au)
{
    struct job *j = au->job;

    if (j) {
        totals_free(j->totals);
        dr_arena_free(j->plan_arena);
        free(j);
        au->job = NULL;
    }
}

/* ---- going through the records ---- */

static void hear_field(void *ctx, const struct judged_field *f)
{
    totals_field(ctx, f);
}

static void hear_record(void *ctx, const struct record_row *r)
{
    totals_record(ctx, r);
}

static void one(struct auditor *au, const struct dr_source *rec)
{
    struct job *j = au->job;
    struct judge_sink sink = {hear_field, hear_record, j->totals};
    struct dr_outcome out;
    struct judge_case c;

    if (settle_heard(au, rec, &sink, &out, &c)) {
        totals_add(j->totals, &c, au->arena);
    }
}

/* ---- the report ---- */

static struct dr_str target_type(const struct job *j, struct dr_str object)
{
    DR_JSON_EACH(o, dr_json_get(j->plan, "objects"))
    {
        if (dr_str_eq(dr_json_get_str(o, "object"), object)) {
            return dr_json_get_str(o, "target_type");
        }
    }
    return (struct dr_str){"", 0};
}

/* What was there before is known of the kinds that the loader could list. */
static bool surveyed(struct auditor *au, struct dr_str type)
{
    const struct dr_json *existing = dr_json_parse(
        au->request,
        books_catalog_text(au->books, "target", "existing", au->request), NULL,
        NULL);

    return dr_json_gets(existing, type) != NULL;
}

static void count_or_null(struct dr_json_w *w, const char *key, bool known,
                          int64_t n)
{
    dr_json_w_key(w, key);
    if (known) {
        dr_json_w_i64(w, n);
    } else {
        dr_json_w_null(w);
    }
}

static void write_target(struct auditor *au, struct dr_str object,
                         struct dr_str type, struct dr_json_w *w)
{
    bool lines = dr_str_eqz(object, "line_item"); /* they stand in deals */
    bool known = surveyed(au, type);
    struct type_counts n = books_type_counts(au->books, type);

    dr_json_w_kv(w, "target_type", type);
    count_or_null(w, "target_before", known, n.before);
    count_or_null(w, "target_after", known, n.before + n.created - n.gone);
    dr_json_w_kvi(w, "created", lines ? 0 : n.created);
    dr_json_w_kvi(w, "updated", lines ? 0 : n.updated);
    dr_json_w_kvi(w, "gone", lines ? 0 : n.gone);
}

static bool write_object(struct auditor *au, struct dr_str object,
                         struct dr_json_w *w)
{
    struct job *j = au->job;
    struct dr_str type = target_type(j, object);
    int64_t pending = status_count(au, object, true);
    bool ok;
    char name[80];

    dr_json_w_obj(w);
    dr_json_w_kv(w, "object", object);
    dr_json_w_kvi(w, "extracted", status_count(au, object, false));
    dr_json_w_key(w, "states");
    dr_json_w_obj(w);
    status_states(au, object, w);
    dr_json_w_end(w);
    dr_json_w_kvi(w, "pending", pending);
    write_target(au, object, type, w);
    (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(object));
    ok = totals_write(j->totals, name, w);
    dr_json_w_end(w);
    return ok && pending == 0;
}

/* Differences are many, their causes few: mismatches first, then the most. */
static void write_causes(struct auditor *au, struct dr_json_w *w)
{
    struct query *q =
        db_query(books_db(au->books),
                 "SELECT object, cause, mismatch, count(*) AS n FROM diff"
                 " GROUP BY object, cause, mismatch"
                 " ORDER BY mismatch DESC, n DESC, object, cause LIMIT ?1");

    dr_json_w_key(w, "causes");
    dr_json_w_arr(w);
    db_int(q, 1, CAUSES_MAX);
    while (db_step(q)) {
        dr_json_w_obj(w);
        dr_json_w_kv(w, "object", db_col(q, 0));
        dr_json_w_kv(w, "cause", db_col(q, 1));
        dr_json_w_kvb(w, "mismatch", db_col_int(q, 2) != 0);
        dr_json_w_kvi(w, "count", db_col_int(q, 3));
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void write_differences(struct auditor *au, struct dr_json_w *w,
                              struct spool *out)
{
    struct query *q = db_query(books_db(au->books),
                               "SELECT object, id, field, source, expected,"
                               " actual, cause FROM diff"
                               " ORDER BY object, id, field");

    dr_json_w_key(w, "differences");
    dr_json_w_arr(w);
    while (db_step(q)) {
        dr_json_w_obj(w);
        report_diff_members(q, 0, w);
        dr_json_w_end(w);
        spool_flow(out);
    }
    dr_json_w_end(w);
}

static void write_tail(struct auditor *au, struct dr_json_w *w)
{
    const struct dr_json *s = dr_json_parse(
        au->request, books_extractor(au->books, au->request), NULL, NULL);

    dr_json_w_key(w, "tail");
    dr_json_w_obj(w);
    dr_json_w_kvi(w, "misses", dr_json_get_i64(s, "tail_misses", 0));
    dr_json_w_kvi(w, "lag_max_s", dr_json_get_i64(s, "lag_max_s", 0));
    dr_json_w_kvi(w, "windows", dr_json_get_i64(s, "windows", 0));
    dr_json_w_end(w);
}

static void write_report(struct auditor *au, struct spool *out)
{
    struct dr_str names[AUDITOR_OBJECTS + 8];
    size_t n;
    struct dr_json_w w;
    struct dr_buf objects;
    bool balanced = shared_count(au) == 0;

    dr_arena_reset(au->request);
    n = status_objects(au, names, DR_ARRAY_LEN(names));
    dr_buf_init(&objects, AUDITOR_TEXT);
    dr_json_w_init(&w, &objects);
    dr_json_w_arr(&w);
    for (size_t i = 0; i < n; i++) {
        balanced &= write_object(au, names[i], &w);
    }
    dr_json_w_end(&w);
    dr_json_w_init(&w, &out->buf);
    dr_json_w_obj(&w);
    dr_json_w_kvb(&w, "balanced", balanced);
    dr_json_w_key(&w, "objects");
    dr_json_w_raw(&w, dr_buf_view(&objects));
    dr_buf_done(&objects);
    shared_write(au, &w, out);
    write_causes(au, &w);
    write_differences(au, &w, out);
    write_tail(au, &w);
    status_verified(au, &w);
    dr_json_w_end(&w);
}

static void finish(struct auditor *au)
{
    struct spool out;

    spool_open(&out, au);
    write_report(au, &out);
    dr_log(DR_LOG_INFO, "auditor.reconciled", "bytes=%lld",
           (long long)spool_answer(&out, au->job->req, NULL));
    spool_close(&out);
    job_drop(au);
}

bool job_step(struct auditor *au)
{
    struct job *j = au->job;
    struct query *q;
    int n = 0;

    if (!j) {
        return false;
    }
    books_begin(au->books);
    for (; n < SLICE; n++) {
        const struct dr_env *env;
        q = db_query(books_db(au->books), "SELECT n, env FROM bytes WHERE n>?1"
                                          " ORDER BY n LIMIT 1");
        db_int(q, 1, j->row);
        if (!db_step(q)) {
            break;
        }
        dr_arena_reset(au->arena);
        j->row = db_col_int(q, 0);
        env = dr_wire_unpack(au->arena, db_col(q, 1), NULL);
        db_end(q);
        if (env && env->kind == DR_MSG_SOURCE) {
            one(au, &env->u.source);
        }
    }
    books_commit(au->books);
    if (n < SLICE) {
        finish(au);
    }
    return true;
}
