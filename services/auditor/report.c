#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <drover/base/time.h>
#include <drover/json/json.h>
#include <drover/wire/classes.h>

#include "status.h"

static void text_or_null(struct dr_json_w *w, const char *key, struct query *q,
                         int at)
{
    dr_json_w_key(w, key);
    if (db_col_null(q, at)) {
        dr_json_w_null(w);
    } else {
        dr_json_w_str(w, db_col(q, at));
    }
}

static void number_or_null(struct dr_json_w *w, const char *key,
                           struct query *q, int at)
{
    dr_json_w_key(w, key);
    if (db_col_null(q, at)) {
        dr_json_w_null(w);
    } else {
        dr_json_w_i64(w, db_col_int(q, at));
    }
}

/* ---- records.ndjson ---- */

#define RECORD_COLUMNS \
    "object, id, version, state, lane, type, target, rule, reason, rev"

/* What else one record became: the rest of its text, or a word about it. */
static void also(struct auditor *au, struct query *q, struct dr_json_w *w)
{
    static const char sql[] =
        "SELECT type, dst FROM fact WHERE lane IN ('activity','note','file')"
        " AND key=?1||':'||?2 AND dst>0 AND deleted NOT IN (1,2,4)"
        " AND NOT (type=?3 AND dst=?4) ORDER BY lane";
    struct query *f;

    dr_json_w_key(w, "also");
    dr_json_w_arr(w);
    if (!db_col_null(q, 6)) {
        f = db_query(books_db(au->books), sql);
        db_text(f, 1, db_col(q, 0));
        db_text(f, 2, db_col(q, 1));
        db_text(f, 3, db_col(q, 5));
        db_int(f, 4, db_col_int(q, 6));
        while (db_step(f)) {
            dr_json_w_obj(w);
            dr_json_w_kv(w, "type", db_col(f, 0));
            dr_json_w_kvi(w, "target_id", db_col_int(f, 1));
            dr_json_w_end(w);
        }
    }
    dr_json_w_end(w);
}

static void record_members(struct auditor *au, struct query *q,
                           struct dr_json_w *w)
{
    dr_json_w_kv(w, "object", db_col(q, 0));
    dr_json_w_kv(w, "id", db_col(q, 1));
    number_or_null(w, "version", q, 2);
    text_or_null(w, "state", q, 3);
    text_or_null(w, "lane", q, 4);
    text_or_null(w, "type", q, 5);
    number_or_null(w, "target_id", q, 6);
    also(au, q, w);
    text_or_null(w, "rule", q, 7);
    text_or_null(w, "reason", q, 8);
}

/* A cursor is "<object>:<id>" of the last line. */
static void cursor_of(struct query *q, struct dr_buf *next)
{
    dr_buf_reset(next);
    dr_buf_str(next, db_col(q, 0));
    dr_buf_ch(next, ':');
    dr_buf_str(next, db_col(q, 1));
}

void report_records(struct auditor *au, struct dr_str after, int64_t limit,
                    struct spool *out, struct dr_buf *next)
{
    struct dr_str object = dr_str_split(&after, ':');
    struct query *q =
        db_query(books_db(au->books), "SELECT " RECORD_COLUMNS " FROM record"
                                      " WHERE (object, id) > (?1, ?2)"
                                      " ORDER BY object, id LIMIT ?3");
    int64_t n = 0;

    dr_buf_reset(next);
    db_text(q, 1, object);
    db_text(q, 2, after);
    db_int(q, 3, limit);
    while (db_step(q)) {
        struct dr_json_w w;
        dr_json_w_init(&w, &out->buf);
        dr_json_w_obj(&w);
        record_members(au, q, &w);
        dr_json_w_end(&w);
        dr_buf_ch(&out->buf, '\n');
        cursor_of(q, next);
        spool_flow(out);
        n++;
    }
    if (n < limit) {
        dr_buf_reset(next);
    }
}

/* ---- rejected.ndjson ---- */

/* Parked or rejected without a line of its own. */
#define REJECT_CLASS                                                       \
    "coalesce(j.class, CASE WHEN r.state='parked' THEN 'owner_unresolved'" \
    " WHEN r.rule='gone' THEN 'gone'"                                      \
    " WHEN r.rule='line_item.deal_gone' THEN 'deal_gone'"                  \
    " WHEN r.rule='custom_object.parent_gone' THEN 'parent_gone'"          \
    " ELSE 'rejected' END)"

#define REJECT_COLUMNS                                                        \
    "j.object, j.id, j.part_id, j.stage, j.class, j.field, j.rule, j.reason," \
    " j.cure, j.topic, j.part, j.off, j.redrivable"

static void empty_or_null(struct dr_json_w *w, const char *key, struct query *q,
                          int at)
{
    dr_json_w_key(w, key);
    if (db_col(q, at).n == 0) {
        dr_json_w_null(w);
    } else {
        dr_json_w_str(w, db_col(q, at));
    }
}

static void reject_line(struct query *q, struct dr_buf *out)
{
    const struct dr_class *class = dr_class_named(db_col(q, 4));
    bool cured = db_col(q, 8).n > 0 || !class;
    bool part = db_col(q, 2).n > 0;
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "object", db_col(q, 0));
    dr_json_w_kv(&w, "id", db_col(q, part ? 2 : 1));
    dr_json_w_kv(&w, "stage", db_col(q, 3));
    dr_json_w_kv(&w, "class", db_col(q, 4));
    empty_or_null(&w, "field", q, 5);
    empty_or_null(&w, "rule", q, 6);
    dr_json_w_kv(&w, "reason", db_col(q, 7));
    dr_json_w_kv(&w, "cure", cured ? db_col(q, 8) : dr_str_z(class->cure));
    empty_or_null(&w, "topic", q, 9);
    number_or_null(&w, "partition", q, 10);
    dr_json_w_key(&w, "offset");
    if (db_col_null(q, 11) || db_col_int(q, 11) < 0) {
        dr_json_w_null(&w);
    } else {
        dr_json_w_i64(&w, db_col_int(q, 11));
    }
    dr_json_w_kvb(&w, "redrivable", db_col_int(q, 12) != 0);
    dr_json_w_end(&w);
    dr_buf_ch(out, '\n');
}

/* Of every record that is rejected or parked now, or whose newest version is
 * not in the target: its newest reason. A set of lines that stopped as one
 * stands for each of its lines. What the auditor itself found, when a deal was
 * deleted with its lines, has no line in `rejected`. */
static const char rejected_sql[] =
    "SELECT r.object, r.id, '' AS part_id, coalesce(j.stage, 'transform'),"
    " " REJECT_CLASS
    ", coalesce(j.field, CASE r.rule WHEN 'line_item.deal_gone'"
    "  THEN 'deal_id' ELSE '' END),"
    " coalesce(nullif(j.rule, ''), r.rule), coalesce(j.reason, r.reason),"
    " coalesce(j.cure, ''), j.topic, j.part, j.off, j.redrivable"
    " FROM record r LEFT JOIN reject j ON j.rowid = ("
    "  SELECT k.rowid FROM reject k WHERE"
    "   (k.object=r.object AND k.id=r.id AND k.part_id='') OR"
    "   (r.object='line_item' AND k.object='line_item' AND"
    "    k.id=r.src_id AND k.part_id IN (r.id, ''))"
    "  ORDER BY k.part_id DESC, k.ts DESC LIMIT 1)"
    " WHERE (r.state IN ('rejected','parked') OR EXISTS("
    "  SELECT 1 FROM diff d WHERE d.src_object=r.src_object"
    "  AND d.src_id=r.src_id AND d.id=r.id AND d.field='*'))"
    " AND (r.object, r.id) > (?1, ?2)"
    " AND (?3='' OR r.object=?3) AND (?4='' OR " REJECT_CLASS "=?4)"
    " ORDER BY r.object, r.id LIMIT ?5";

void report_rejected(struct auditor *au, const struct reject_filter *f,
                     struct dr_str after, int64_t limit, struct spool *out,
                     struct dr_buf *next)
{
    struct dr_str object = dr_str_split(&after, ':');
    struct query *q = db_query(books_db(au->books), rejected_sql);
    int64_t n = 0;

    dr_buf_reset(next);
    db_text(q, 1, object);
    db_text(q, 2, after);
    db_text(q, 3, f->object);
    db_text(q, 4, f->class);
    db_int(q, 5, limit);
    while (db_step(q)) {
        reject_line(q, &out->buf);
        cursor_of(q, next);
        spool_flow(out);
        n++;
    }
    if (n < limit) {
        dr_buf_reset(next);
    }
}

/* The event as it was read, and what becomes of it. */
static void event_line(struct auditor *au, struct query *q, struct dr_buf *out)
{
    const struct dr_env *env;
    const struct dr_json *j = NULL;
    struct dr_json_w w;

    dr_arena_reset(au->arena);
    env = dr_wire_unpack(au->arena, db_col(q, 1), NULL);
    if (env && env->kind == DR_MSG_SOURCE) {
        j = dr_json_parse(au->arena, env->u.source.body, NULL, NULL);
    }
    if (!j) {
        return;
    }
    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "id", db_col(q, 0));
    dr_json_w_kvz(&w, "fate", report_event_fate(au));
    text_or_null(&w, "state", q, 2);
    text_or_null(&w, "reason", q, 3);
    dr_json_w_key(&w, "event");
    dr_json_w_tree(&w, j);
    dr_json_w_end(&w);
    dr_buf_ch(out, '\n');
}

const char *report_event_fate(const struct auditor *au)
{
    return au->plan ? dr_plan_event_fate(au->plan) : NULL;
}

void report_events(struct auditor *au, struct dr_str after, int64_t limit,
                   struct spool *out, struct dr_buf *next)
{
    struct query *q =
        db_query(books_db(au->books),
                 "SELECT s.id, b.env, r.state, r.reason FROM source s"
                 " JOIN bytes b ON b.n=s.n"
                 " LEFT JOIN record r ON r.object='event' AND r.id=s.id"
                 " WHERE s.object='event' AND s.id>?1 ORDER BY s.id LIMIT ?2");
    int64_t n = 0;

    dr_buf_reset(next);
    db_text(q, 1, after);
    db_int(q, 2, limit);
    while (db_step(q)) {
        event_line(au, q, &out->buf);
        dr_buf_reset(next);
        dr_buf_str(next, db_col(q, 0));
        spool_flow(out);
        n++;
    }
    if (n < limit) {
        dr_buf_reset(next);
    }
}

void report_inventory(struct auditor *au, struct dr_str automation,
                      struct dr_buf *out)
{
    const struct dr_json *j =
        dr_json_parse(au->request, automation, NULL, NULL);
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    DR_JSON_EACH(m, j)
    {
        dr_json_w_keys(&w, m->key);
        dr_json_w_tree(&w, m);
    }
    dr_json_w_key(&w, "events");
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "fate", report_event_fate(au));
    dr_json_w_kvi(&w, "count", status_count(au, DR_STR_LIT("event"), false));
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}

/* As it was read: of a record, or of the line in its deal's set. */
static void source_body(struct auditor *au, struct dr_str object,
                        struct dr_str id, struct dr_buf *out)
{
    struct query *q =
        db_query(books_db(au->books), "SELECT src_object, src_id FROM record"
                                      " WHERE object=?1 AND id=?2");
    const struct dr_source *rec = NULL;

    db_text(q, 1, object);
    db_text(q, 2, id);
    if (db_step(q)) {
        dr_arena_reset(au->arena);
        rec =
            books_get_source(au->books, db_col(q, 0), db_col(q, 1), au->arena);
        db_end(q);
    }
    if (!rec) {
        return;
    }
    dr_buf_str(out, rec->body);
    for (size_t i = 0; i < rec->part_count; i++) {
        if (dr_str_eq(rec->parts[i].id, id)) {
            dr_buf_reset(out);
            dr_buf_str(out, rec->parts[i].body);
        }
    }
}

bool report_reject(struct auditor *au, struct dr_str object, struct dr_str id,
                   struct dr_buf *out)
{
    struct query *q = db_query(books_db(au->books),
                               "SELECT " REJECT_COLUMNS
                               ", j.original FROM reject j WHERE object=?1"
                               " AND (id=?2 OR part_id=?2) ORDER BY ts");
    struct dr_buf lines, original;
    struct dr_json_w w;
    size_t n = 0;

    dr_buf_init(&lines, AUDITOR_TEXT);
    dr_buf_init(&original, AUDITOR_TEXT);
    db_text(q, 1, object);
    db_text(q, 2, id);
    while (db_step(q)) {
        if (n++ > 0) {
            lines.p[lines.n - 1] = ','; /* instead of the line's end */
        }
        reject_line(q, &lines);
        /* What the loader set aside is Drover's own record. */
        if (db_col(q, 13).n > 0 && !dr_str_eqz(db_col(q, 3), "load")) {
            dr_buf_reset(&original);
            dr_buf_str(&original, db_col(q, 13));
        }
    }
    if (n > 0 && original.n == 0) {
        source_body(au, object, id, &original);
    }
    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_buf_z(out, "\"lines\":[");
    dr_buf_str(out, dr_buf_view(&lines));
    dr_buf_z(out, "],\"original\":");
    w.after_key = true;
    dr_json_w_str(&w, dr_buf_view(&original));
    dr_json_w_end(&w);
    dr_buf_done(&lines);
    dr_buf_done(&original);
    return n > 0;
}

/* ---- find ---- */

void report_diff_members(struct query *q, int at, struct dr_json_w *w)
{
    static const char *const names[] = {"object",   "id",     "field", "source",
                                        "expected", "actual", "cause"};

    for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
        dr_json_w_kv(w, names[i], db_col(q, at + (int)i));
    }
}

static void find_diffs(struct auditor *au, struct dr_str object,
                       struct dr_str id, struct dr_json_w *w)
{
    struct query *q = db_query(books_db(au->books),
                               "SELECT object, id, field, source, expected,"
                               " actual, cause FROM diff WHERE src_object=?1"
                               " AND src_id=?2");

    dr_json_w_key(w, "differences");
    dr_json_w_arr(w);
    db_text(q, 1, object);
    db_text(q, 2, id);
    while (db_step(q)) {
        dr_json_w_obj(w);
        report_diff_members(q, 0, w);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void find_loads(struct auditor *au, const struct dr_source *rec,
                       struct dr_json_w *w)
{
    struct query *q;
    struct dr_str key =
        dr_arena_printf(au->arena, DR_STR_FMT ":" DR_STR_FMT,
                        DR_STR_ARG(rec->object), DR_STR_ARG(rec->id));

    dr_json_w_key(w, "loads");
    dr_json_w_arr(w);
    for (size_t l = 0; l < dr_lane_count; l++) {
        q = db_query(books_db(au->books),
                     "SELECT lane, type, dst, CASE WHEN deleted IN (1,2)"
                     "  THEN 'deleted' WHEN refused THEN 'refused'"
                     "  ELSE 'done' END, rev, reason"
                     " FROM fact WHERE key=?1 AND lane=?2");
        db_text(q, 1, key);
        db_textz(q, 2, dr_lanes[l]);
        if (!db_step(q)) {
            continue;
        }
        dr_json_w_obj(w);
        dr_json_w_kv(w, "lane", db_col(q, 0));
        dr_json_w_kv(w, "type", db_col(q, 1));
        number_or_null(w, "target_id", q, 2);
        dr_json_w_kv(w, "state", db_col(q, 3));
        dr_json_w_kvi(w, "rev", db_col_int(q, 4));
        dr_json_w_kv(w, "reason", db_col(q, 5));
        dr_json_w_end(w);
        db_end(q);
    }
    dr_json_w_end(w);
}

static void find_source(struct auditor *au, const struct dr_source *rec,
                        struct dr_json_w *w)
{
    char at[DR_TIME_TEXT];

    dr_json_w_kvi(w, "rev", (int64_t)rec->rev);
    dr_json_w_key(w, "updated_at");
    if (rec->updated_ms > 0) {
        dr_json_w_z(w, dr_time_format(rec->updated_ms, at));
    } else {
        dr_json_w_null(w); /* of a set of lines, say */
    }
    dr_json_w_key(w, "body");
    if (dr_json_parse(au->arena, rec->body, NULL, NULL)) {
        dr_json_w_raw(w, rec->body);
    } else {
        dr_json_w_null(w);
    }
    find_loads(au, rec, w);
}

static void find_target(struct auditor *au, struct dr_str type, uint64_t dst,
                        struct dr_json_w *w)
{
    struct dr_str body[1];
    size_t n = dst ? books_get_landed(au->books, type, dst, DR_STR_LIT(""),
                                      au->arena, body, 1)
                   : 0;

    dr_json_w_key(w, "target");
    if (n > 0 && dr_json_parse(au->arena, body[0], NULL, NULL)) {
        dr_json_w_raw(w, body[0]);
    } else {
        dr_json_w_null(w);
    }
}

void report_find(struct auditor *au, struct dr_str object, struct dr_str id,
                 struct dr_buf *out)
{
    struct query *q = db_query(books_db(au->books),
                               "SELECT " RECORD_COLUMNS ", src_object, src_id"
                               " FROM record WHERE id=?1"
                               " AND (?2='' OR object=?2) LIMIT 50");
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "matches");
    dr_json_w_arr(&w);
    db_text(q, 1, id);
    db_text(q, 2, object);
    while (db_step(q)) {
        const struct dr_source *rec;
        dr_arena_reset(au->arena);
        dr_json_w_obj(&w);
        record_members(au, q, &w);
        rec = books_get_source(au->books, db_col(q, 10), db_col(q, 11),
                               au->arena);
        if (rec) {
            find_source(au, rec, &w);
        }
        find_target(au, db_col(q, 5), (uint64_t)db_col_int(q, 6), &w);
        find_diffs(au, db_col(q, 10), db_col(q, 11), &w);
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}
