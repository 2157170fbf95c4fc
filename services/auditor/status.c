/* GET /v1/status (docs/api.md). */
#include "status.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>
#include <drover/json/json.h>

#include "asks.h"
#include "conflicts.h"
#include "removals.h"

/* As the extractor tells it: what of the source's schema is other than at the
 * start; what a person should know of an export folder. */
static void copy_list(struct dr_json_w *w, const char *key,
                      const struct dr_json *list)
{
    dr_json_w_key(w, key);
    dr_json_w_arr(w);
    DR_JSON_EACH(text, list)
    {
        dr_json_w_str(w, dr_json_str(text));
    }
    dr_json_w_end(w);
}

static void source(struct auditor *au, struct dr_json_w *w)
{
    const struct dr_json *s = dr_json_parse(
        au->request, books_extractor(au->books, au->request), NULL, NULL);

    dr_json_w_key(w, "source");
    dr_json_w_obj(w);
    dr_json_w_kv(w, "phase",
                 s ? dr_json_get_str(s, "phase") : DR_STR_LIT("starting"));
    dr_json_w_kvb(w, "snapshot_complete", au->evidence.snapshot_complete);
    dr_json_w_kvi(w, "tail_misses", dr_json_get_i64(s, "tail_misses", 0));
    dr_json_w_kvi(w, "lag_s", dr_json_get_i64(s, "lag_s", 0));
    dr_json_w_kv(w, "halted", dr_json_get_str(s, "halted"));
    dr_json_w_kv(w, "consistency", dr_json_get_str(s, "consistency"));
    dr_json_w_kvb(w, "schema_drift",
                  dr_json_true(dr_json_get(s, "schema_drift")));
    copy_list(w, "drift", dr_json_get(s, "drift"));
    copy_list(w, "findings", dr_json_get(s, "findings"));
    dr_json_w_key(w, "asks");
    asks_write(au, w);
    dr_json_w_key(w, "objects");
    dr_json_w_arr(w);
    DR_JSON_EACH(o, dr_json_get(s, "objects"))
    {
        dr_json_w_obj(w);
        dr_json_w_kv(w, "object", o->key);
        dr_json_w_kvi(w, "expected", dr_json_get_i64(o, "expected", 0));
        dr_json_w_kvi(w, "read", dr_json_get_i64(o, "read", 0));
        dr_json_w_kvi(w, "lag_records", dr_json_get_i64(o, "lag_records", 0));
        dr_json_w_kvi(w, "lag_s", dr_json_get_i64(o, "lag_s", 0));
        dr_json_w_kvi(w, "clamped", dr_json_get_i64(o, "clamped", 0));
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
    dr_json_w_end(w);
}

static void target(struct auditor *au, struct dr_json_w *w)
{
    dr_json_w_key(w, "target");
    dr_json_w_obj(w);
    dr_json_w_kvi(w, "catalog_seq", au->catalog_read);
    dr_json_w_kvi(w, "catalog_wanted", (int64_t)au->state.catalog_seq);
    dr_json_w_kvb(w, "catalog_read", au->evidence.target_catalog);
    dr_json_w_kvb(w, "survey_complete", au->evidence.survey_complete);
    dr_json_w_end(w);
}

/* ---- lanes and progress ---- */

/* Keys, but for load_records: one for each time that a key changed. */
struct lane_counts {
    int64_t planned, done, refused, load_records;
};

/* Outcomes of any pass count: what landed once is not written again. */
static void outcomes(struct auditor *au, const char *lane,
                     struct lane_counts *c)
{
    struct query *q =
        db_query(books_db(au->books), "SELECT sum(refused=0), sum(refused=1)"
                                      " FROM fact WHERE lane=?1");

    db_textz(q, 1, lane);
    if (db_step(q)) {
        c->done = db_col_int(q, 0);
        c->refused = db_col_int(q, 1);
        db_end(q);
    }
    if (c->done + c->refused <= c->planned) {
        return;
    }
    /* Some are of keys that this pass has not, or has not planned yet. */
    q = db_query(books_db(au->books),
                 "SELECT sum(f.refused=0), sum(f.refused=1) FROM planned_key p"
                 " JOIN fact f ON f.lane=p.lane AND f.key=p.key"
                 " WHERE p.lane=?1 AND p.pass=?2");
    db_textz(q, 1, lane);
    db_int(q, 2, au->state.pass);
    if (db_step(q)) {
        c->done = db_col_int(q, 0);
        c->refused = db_col_int(q, 1);
        db_end(q);
    }
}

static struct lane_counts counts_of(struct auditor *au, const char *lane)
{
    struct lane_counts c = {0};
    struct query *q =
        db_query(books_db(au->books), "SELECT keys, n FROM planned"
                                      " WHERE lane=?1 AND pass=?2");

    db_textz(q, 1, lane);
    db_int(q, 2, au->state.pass);
    if (db_step(q)) {
        c.planned = db_col_int(q, 0);
        c.load_records = db_col_int(q, 1);
        db_end(q);
    }
    outcomes(au, lane, &c);
    return c;
}

static void lanes(struct auditor *au, struct dr_json_w *w,
                  struct lane_counts *sum)
{
    dr_json_w_key(w, "lanes");
    dr_json_w_arr(w);
    for (int i = 0; i < GATE_LANES; i++) {
        struct lane_counts c;
        int64_t left, idle;
        bool complete = au->evidence.lane_complete[i];
        if (!au->evidence.lane_fed[i] && !au->evidence.lane_left[i]) {
            continue;
        }
        c = counts_of(au, dr_lanes[i]);
        left = c.planned - c.done - c.refused;
        /* Once a lane is complete, nothing was to be done for the rest. */
        idle = complete ? left : 0;
        left -= idle;
        sum->planned += c.planned;
        sum->done += c.planned - left;
        dr_json_w_obj(w);
        dr_json_w_kvz(w, "lane", dr_lanes[i]);
        dr_json_w_kvb(w, "open", au->state.open[i]);
        dr_json_w_kvb(w, "complete", complete);
        dr_json_w_kvi(w, "planned", c.planned);
        dr_json_w_kvi(w, "done", c.done);
        dr_json_w_kvi(w, "refused", c.refused);
        dr_json_w_kvi(w, "idle", idle);
        dr_json_w_kvi(w, "lag", left);
        dr_json_w_kvi(w, "load_records", c.load_records);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

/* Records a second over what was measured, in tenths. */
static int64_t rate10(const struct auditor *au)
{
    int last = 0;
    int64_t ms;

    for (int i = 1; i < 11 && au->rate_at[i] > 0; i++) {
        last = i;
    }
    ms = au->rate_at[0] - au->rate_at[last];
    return ms > 0 ? (au->rate_n[0] - au->rate_n[last]) * 10000 / ms : 0;
}

static void progress(struct auditor *au, struct dr_json_w *w,
                     const struct lane_counts *sum)
{
    int64_t rate = rate10(au);
    int64_t left = sum->planned - sum->done;
    char text[32], at[DR_TIME_TEXT];

    rate = rate > 0 ? rate : 0;
    (void)snprintf(text, sizeof(text), "%lld.%lld", (long long)(rate / 10),
                   (long long)(rate % 10));
    dr_json_w_key(w, "progress");
    dr_json_w_obj(w);
    dr_json_w_kvi(w, "done", sum->done);
    dr_json_w_kvi(w, "planned", sum->planned);
    dr_json_w_kvz(w, "rate", text);
    if (rate > 0 && left > 0) {
        int64_t eta = left * 10 / rate;
        dr_json_w_kvi(w, "eta_s", eta);
        dr_json_w_kvz(w, "finish_at",
                      dr_time_format((dr_wall_ms() / 1000 + eta) * 1000, at));
    } else {
        dr_json_w_key(w, "eta_s");
        dr_json_w_null(w);
        dr_json_w_key(w, "finish_at");
        dr_json_w_null(w);
    }
    dr_json_w_end(w);
}

/* ---- objects ---- */

void status_states(struct auditor *au, struct dr_str object,
                   struct dr_json_w *w)
{
    static const char *const states[] = {"landed", "merged",   "excluded",
                                         "parked", "rejected", "deleted"};
    int64_t n[DR_ARRAY_LEN(states)] = {0};
    struct query *q =
        db_query(books_db(au->books), "SELECT state, count(*) FROM record"
                                      " WHERE object=?1 GROUP BY state");

    db_text(q, 1, object);
    while (db_step(q)) {
        for (size_t i = 0; i < DR_ARRAY_LEN(states); i++) {
            if (dr_str_eqz(db_col(q, 0), states[i])) {
                n[i] = db_col_int(q, 1);
            }
        }
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(states); i++) {
        dr_json_w_kvi(w, states[i], n[i]);
    }
}

int64_t status_count(struct auditor *au, struct dr_str object, bool pending)
{
    struct query *q =
        db_query(books_db(au->books),
                 pending ? "SELECT count(*) FROM record WHERE object=?1"
                           " AND state IS NULL"
                         : "SELECT count(*) FROM record WHERE object=?1");

    db_text(q, 1, object);
    return db_one(q);
}

size_t status_objects(struct auditor *au, struct dr_str *out, size_t max)
{
    struct query *q =
        db_query(books_db(au->books), "SELECT DISTINCT object FROM record");
    size_t n = 0;

    while (n < max && db_step(q)) {
        out[n++] = dr_arena_dup(au->request, db_col(q, 0));
    }
    db_end(q);
    return n;
}

static void objects(struct auditor *au, struct dr_json_w *w)
{
    struct dr_str names[AUDITOR_OBJECTS + 8];
    size_t n = status_objects(au, names, DR_ARRAY_LEN(names));

    dr_json_w_key(w, "objects");
    dr_json_w_arr(w);
    for (size_t i = 0; i < n; i++) {
        dr_json_w_obj(w);
        dr_json_w_kv(w, "object", names[i]);
        dr_json_w_kvi(w, "extracted", status_count(au, names[i], false));
        status_states(au, names[i], w);
        dr_json_w_kvi(w, "pending", status_count(au, names[i], true));
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

void status_verified(struct auditor *au, struct dr_json_w *w)
{
    struct query *q =
        db_query(books_db(au->books), "SELECT sum(fields>0), sum(fields),"
                                      " sum(mismatches) FROM verified");

    dr_json_w_key(w, "verified");
    dr_json_w_obj(w);
    if (db_step(q)) {
        dr_json_w_kvi(w, "records", db_col_int(q, 0));
        dr_json_w_kvi(w, "fields", db_col_int(q, 1));
        dr_json_w_kvi(w, "mismatches", db_col_int(q, 2));
        db_end(q);
    }
    dr_json_w_end(w);
}

/* ---- attachments ---- */

struct file_counts {
    int64_t n, bytes, unsized;
};

static struct file_counts files_where(struct auditor *au, const char *sql)
{
    struct query *q = db_query(books_db(au->books), sql);
    struct file_counts c = {0};

    if (db_step(q)) {
        c.n = db_col_int(q, 0);
        c.bytes = db_col_int(q, 1);
        c.unsized = db_col_int(q, 2);
        db_end(q);
    }
    return c;
}

#define FILES_FROM                                                        \
    "SELECT count(*), sum(max(f.size, 0)), sum(f.size < 0) FROM source s" \
    " JOIN file f ON f.id=s.id"                                           \
    " LEFT JOIN record r ON r.object='attachment' AND r.id=s.id"          \
    " WHERE s.object='attachment' AND s.op=1"

/* Transfers that failed and are tried again, as the extractor tells. */
static void failing(struct dr_json_w *w, const struct dr_json *s)
{
    dr_json_w_kvi(w, "failing", dr_json_get_i64(s, "failing", 0));
    dr_json_w_key(w, "failing_hosts");
    dr_json_w_arr(w);
    DR_JSON_EACH(h, dr_json_get(s, "failing_hosts"))
    {
        dr_json_w_obj(w);
        dr_json_w_kv(w, "host", dr_json_get_str(h, "host"));
        dr_json_w_kvi(w, "files", dr_json_get_i64(h, "files", 0));
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

/* By the sizes that the source states. Pending: without a state yet. */
static void files(struct auditor *au, struct dr_json_w *w)
{
    const struct dr_json *s = dr_json_get(
        dr_json_parse(au->request, books_extractor(au->books, au->request),
                      NULL, NULL),
        "files");
    struct file_counts all = files_where(au, FILES_FROM);
    struct file_counts landed =
        files_where(au, FILES_FROM " AND r.state='landed' AND r.type='files'");
    struct file_counts pending =
        files_where(au, FILES_FROM " AND r.state IS NULL");

    dr_json_w_key(w, "files");
    dr_json_w_obj(w);
    dr_json_w_kvi(w, "known", all.n);
    dr_json_w_kvi(w, "known_bytes", all.bytes);
    dr_json_w_kvi(w, "landed", landed.n);
    dr_json_w_kvi(w, "landed_bytes", landed.bytes);
    dr_json_w_kvi(w, "pending", pending.n);
    dr_json_w_kvi(w, "pending_bytes", pending.bytes);
    dr_json_w_kvi(w, "pending_unsized", pending.unsized);
    dr_json_w_kvi(w, "fetched", dr_json_get_i64(s, "stored", 0));
    dr_json_w_kvi(w, "fetched_bytes", dr_json_get_i64(s, "bytes", 0));
    dr_json_w_kvi(w, "to_fetch", dr_json_get_i64(s, "pending", 0));
    failing(w, s);
    dr_json_w_end(w);
}

/* What people must look at: deletions, and edits that were left alone. */
static void decisions(struct auditor *au, struct dr_json_w *w)
{
    struct removal_counts n;

    removals_count(au, &n);
    dr_json_w_key(w, "removals");
    dr_json_w_obj(w);
    dr_json_w_kvi(w, "proposed", n.proposed);
    dr_json_w_kvi(w, "approved", n.approved);
    dr_json_w_kvi(w, "deleted", n.deleted);
    dr_json_w_kvi(w, "kept", n.kept);
    dr_json_w_kvi(w, "stays", n.stays);
    dr_json_w_end(w);
    dr_json_w_kvi(w, "conflicts", conflicts_count(au));
}

/* Lanes in which the target takes no bulk create: a call a record. */
static void single_creates(const struct dr_json *lanes, struct dr_json_w *w)
{
    dr_json_w_key(w, "single_creates");
    dr_json_w_arr(w);
    DR_JSON_EACH(lane, lanes)
    {
        if (dr_json_true(dr_json_get(lane, "single_creates"))) {
            dr_json_w_str(w, lane->key);
        }
    }
    dr_json_w_end(w);
}

static void loaders(struct auditor *au, struct dr_json_w *w)
{
    struct query *q = db_query(books_db(au->books),
                               "SELECT name, body FROM text WHERE side='status'"
                               " AND name LIKE 'loader:%'");

    dr_json_w_key(w, "loaders");
    dr_json_w_arr(w);
    while (db_step(q)) {
        const struct dr_json *j = dr_json_parse(
            au->request, dr_arena_dup(au->request, db_col(q, 1)), NULL, NULL);
        struct dr_str id = db_col(q, 0);
        (void)dr_str_split(&id, ':');
        dr_json_w_obj(w);
        dr_json_w_kv(w, "id", id);
        dr_json_w_kvi(w, "calls", dr_json_get_i64(j, "calls", 0));
        dr_json_w_kvi(w, "refused_429", dr_json_get_i64(j, "refused_429", 0));
        dr_json_w_kv(w, "waiting", dr_json_get_str(j, "waiting"));
        single_creates(dr_json_get(j, "lanes"), w);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

/* ---- the gate ---- */

static void gate(struct auditor *au, struct dr_json_w *w)
{
    enum step next = gate_next(&au->state);
    struct dr_err err = {0};
    bool open = next != STEP_NONE &&
                gate_check(&au->state, &au->evidence, next, &err) == 0;

    dr_json_w_key(w, "gate");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "next", step_name(next));
    dr_json_w_kvb(w, "ready", open);
    dr_json_w_kvz(w, "why", open ? "" : err.text);
    dr_json_w_end(w);
}

void status_write(struct auditor *au, struct dr_buf *out)
{
    struct lane_counts sum = {0};
    char hex[65] = "";
    struct dr_json_w w;

    if (au->state.has_plan) {
        dr_hex(au->state.plan_hash, 32, hex);
    }
    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "migration", au->svc->migration);
    dr_json_w_kvz(&w, "phase", phase_name(au->state.phase));
    dr_json_w_kvi(&w, "pass", au->state.pass);
    dr_json_w_kvz(&w, "scope",
                  au->state.pass == 0 ? ""
                  : au->state.all     ? "all"
                                      : "sample");
    dr_json_w_kvb(&w, "paused", au->state.paused);
    dr_json_w_kvz(&w, "plan_hash", hex);
    dr_json_w_kv(&w, "plan_latest",
                 books_kept(au->books, "plan.latest", au->request));
    source(au, &w);
    target(au, &w);
    lanes(au, &w, &sum);
    objects(au, &w);
    files(au, &w);
    status_verified(au, &w);
    decisions(au, &w);
    loaders(au, &w);
    progress(au, &w, &sum);
    dr_json_w_key(&w, "books");
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "lag", au->lag);
    dr_json_w_kvi(&w, "pending", au->evidence.pending);
    dr_json_w_end(&w);
    gate(au, &w);
    dr_json_w_end(&w);
}
