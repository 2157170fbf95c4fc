#include "sample.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>
#include <drover/json/json.h>

#include "settle.h"

struct choosing {
    struct auditor *au;
    struct dr_map *of_rules, *of_values; /* everything there is to cover */
    struct dr_map *rules, *values;       /* what the chosen ones cover   */
    struct dr_map *mapped;               /* rules that map values        */
    struct dr_map *chosen;               /* "<object>:<id>"              */
    int64_t size;
};

/* ---- what a record exercises ---- */

/* Rules whose values are mapped one by one; others are covered by a rule. */
static void find_mapped(struct choosing *c, const struct dr_json *plan)
{
    static const char *const always[] = {"deal.stage_id", "deal.pipeline_id",
                                         "deal.currency"};

    for (size_t i = 0; i < DR_ARRAY_LEN(always); i++) {
        dr_map_put(c->mapped, dr_str_z(always[i]), c);
    }
    DR_JSON_EACH(o, dr_json_get(plan, "objects"))
    {
        DR_JSON_EACH(row, dr_json_get(o, "fields"))
        {
            const struct dr_json *values = dr_json_get(row, "values");
            if (values && values->count > 0) {
                dr_map_put(c->mapped, dr_json_get_str(row, "rule"), c);
            }
        }
    }
}

typedef void feature_fn(struct choosing *c, struct dr_str rule,
                        struct dr_str value, void *ctx);

static void fields_of(struct choosing *c, const struct dr_field *f, size_t n,
                      feature_fn *fn, void *ctx)
{
    for (size_t i = 0; i < n; i++) {
        bool mapped = dr_map_has(c->mapped, f[i].rule) && f[i].value.n < 200;
        fn(c, f[i].rule, mapped ? f[i].value : (struct dr_str){"", 0}, ctx);
    }
}

static void each_feature(struct choosing *c, const struct dr_outcome *o,
                         feature_fn *fn, void *ctx)
{
    for (size_t i = 0; i < o->load_count; i++) {
        const struct dr_load *l = &o->loads[i];
        fields_of(c, l->fields, l->field_count, fn, ctx);
        for (size_t k = 0; k < l->ref_count; k++) {
            fn(c, l->refs[k].rule, (struct dr_str){"", 0}, ctx);
        }
        for (size_t k = 0; k < l->line_count; k++) {
            fields_of(c, l->lines[k].fields, l->lines[k].field_count, fn, ctx);
        }
    }
    for (size_t i = 0; i < o->note_count; i++) {
        fn(c, o->notes[i].rule, (struct dr_str){"", 0}, ctx);
    }
}

static void with_value(struct choosing *c, struct dr_map *m, struct dr_str rule,
                       struct dr_str value)
{
    struct dr_buf b;

    dr_buf_init(&b, 1024);
    dr_buf_str(&b, rule);
    dr_buf_ch(&b, '=');
    dr_buf_str(&b, value);
    dr_map_put(m, dr_buf_view(&b), c);
    dr_buf_done(&b);
}

static void note_feature(struct choosing *c, struct dr_str rule,
                         struct dr_str value, void *ctx)
{
    (void)ctx;
    dr_map_put(c->of_rules, rule, c);
    if (value.n > 0) {
        with_value(c, c->of_values, rule, value);
    }
}

static void cover_feature(struct choosing *c, struct dr_str rule,
                          struct dr_str value, void *ctx)
{
    bool *new = ctx;
    size_t before = dr_map_count(c->rules) + dr_map_count(c->values);

    dr_map_put(c->rules, rule, c);
    if (value.n > 0) {
        with_value(c, c->values, rule, value);
    }
    *new |= dr_map_count(c->rules) + dr_map_count(c->values) > before;
}

/* ---- choosing ---- */

static bool outcome_of(struct auditor *au, const struct dr_source *rec,
                       struct dr_outcome *out)
{
    struct dr_apply_opts o = {.migration = dr_str_z(au->svc->migration),
                              .generation = au->state.generation,
                              .pass = au->state.pass + 1};
    struct dr_err err = {0};

    return dr_plan_apply(au->plan, rec, &o, au->arena, out, &err) == 0;
}

/* Each record once; everything that it brings is noted, and it is taken when
 * that is new. */
static void take_covering(struct choosing *c)
{
    struct query *q =
        db_query(books_db(c->au->books),
                 "SELECT env FROM source JOIN bytes USING (n) WHERE op=1");
    const struct dr_env *env;
    struct dr_outcome o;

    while (db_step(q)) {
        bool brings = false;
        dr_arena_reset(c->au->arena);
        env = dr_wire_unpack(c->au->arena, db_col(q, 0), NULL);
        if (!env || env->kind != DR_MSG_SOURCE ||
            !outcome_of(c->au, &env->u.source, &o)) {
            continue;
        }
        each_feature(c, &o, note_feature, NULL);
        if ((int64_t)dr_map_count(c->chosen) >= c->size * 4 / 5 &&
            o.state == DR_OUT_LOAD) {
            continue;
        }
        each_feature(c, &o, cover_feature, &brings);
        if (brings) {
            dr_map_put(c->chosen, settle_key(c->au->arena, &env->u.source), c);
        }
    }
}

/* The rest evenly over each object. */
static void take_evenly(struct choosing *c)
{
    int64_t all = db_one(db_query(books_db(c->au->books),
                                  "SELECT count(*) FROM source WHERE op=1"));
    int64_t want = c->size - (int64_t)dr_map_count(c->chosen);
    int64_t every = want > 0 ? all / want : 0;
    struct query *q = db_query(books_db(c->au->books),
                               "SELECT object, id FROM source WHERE op=1"
                               " ORDER BY object, id");

    for (int64_t i = 0; want > 0 && db_step(q); i++) {
        struct dr_str key;
        if ((every > 1 && i % every != 0) ||
            !dr_plan_in_scope(c->au->plan, db_col(q, 0))) {
            continue;
        }
        dr_arena_reset(c->au->arena);
        key =
            dr_arena_printf(c->au->arena, DR_STR_FMT ":" DR_STR_FMT,
                            DR_STR_ARG(db_col(q, 0)), DR_STR_ARG(db_col(q, 1)));
        dr_map_put(c->chosen, key, c);
    }
    db_end(q);
}

static void take_parent(struct choosing *c, const struct dr_ref *r,
                        struct dr_map *next)
{
    if (r->key.n > 0 && !dr_str_eqz(r->key, DR_ORPHAN_KEY) &&
        !dr_map_has(c->chosen, r->key)) {
        dr_map_put(c->chosen, r->key, c);
        dr_map_put(next, r->key, c);
    }
}

static void take_parents_of(struct choosing *c, struct dr_str key,
                            struct dr_map *next)
{
    struct dr_str id = key;
    struct dr_str object = dr_str_split(&id, ':');
    const struct dr_source *rec;
    struct dr_outcome o;

    dr_arena_reset(c->au->arena);
    rec = books_get_source(c->au->books, object, id, c->au->arena);
    if (!rec || !outcome_of(c->au, rec, &o)) {
        return;
    }
    for (size_t i = 0; i < o.load_count; i++) {
        for (size_t k = 0; k < o.loads[i].ref_count; k++) {
            take_parent(c, &o.loads[i].refs[k], next);
        }
        for (size_t k = 0; k < o.loads[i].line_count; k++) {
            take_parent(c, &o.loads[i].lines[k].product, next);
        }
    }
}

/* A record without what it hangs on would show a link missing that the full
 * run makes. */
static void take_parents(struct choosing *c)
{
    struct dr_map *now = dr_map_new(NULL);
    struct dr_str key;
    size_t at = 0;

    while (dr_map_next(c->chosen, &at, &key, NULL)) {
        dr_map_put(now, key, c);
    }
    while (dr_map_count(now) > 0) {
        struct dr_map *next = dr_map_new(NULL);
        for (at = 0; dr_map_next(now, &at, &key, NULL);) {
            take_parents_of(c, key, next);
        }
        dr_map_free(now);
        now = next;
    }
    dr_map_free(now);
}

static void keep_coverage(struct choosing *c)
{
    struct dr_json_w w;
    struct dr_buf b;
    struct dr_str key;
    size_t at = 0;

    dr_buf_init(&b, 1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "rules");
    dr_json_w_arr(&w);
    dr_json_w_i64(&w, (int64_t)dr_map_count(c->rules));
    dr_json_w_i64(&w, (int64_t)dr_map_count(c->of_rules));
    dr_json_w_end(&w);
    dr_json_w_key(&w, "values");
    dr_json_w_arr(&w);
    dr_json_w_i64(&w, (int64_t)dr_map_count(c->values));
    dr_json_w_i64(&w, (int64_t)dr_map_count(c->of_values));
    dr_json_w_end(&w);
    dr_json_w_key(&w, "uncovered");
    dr_json_w_arr(&w);
    while (dr_map_next(c->of_rules, &at, &key, NULL)) {
        if (!dr_map_has(c->rules, key)) {
            dr_json_w_str(&w, key);
        }
    }
    for (at = 0; dr_map_next(c->of_values, &at, &key, NULL);) {
        if (!dr_map_has(c->values, key)) {
            dr_json_w_str(&w, key);
        }
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    (void)lead_keep(c->au, "sample.coverage", dr_buf_view(&b));
    dr_buf_done(&b);
}

static void send_keys(struct choosing *c)
{
    size_t n = dr_map_count(c->chosen), i = 0, at = 0;
    struct dr_str *keys = dr_xcalloc(n + 1, sizeof(*keys));

    while (dr_map_next(c->chosen, &at, &keys[i], NULL)) {
        i++;
    }
    lead_sample(c->au, keys, n);
    free(keys);
}

int sample_choose(struct auditor *au, int64_t size, struct dr_err *err)
{
    struct choosing c = {.au = au, .size = size};
    struct dr_map **maps[] = {&c.of_rules, &c.of_values, &c.rules,
                              &c.values,   &c.mapped,    &c.chosen};
    int rc = 0;

    for (size_t i = 0; i < DR_ARRAY_LEN(maps); i++) {
        *maps[i] = dr_map_new(NULL);
    }
    find_mapped(&c,
                dr_json_parse(au->request, dr_control(au->control)->plan_json,
                              NULL, NULL));
    take_covering(&c);
    take_evenly(&c);
    take_parents(&c);
    if (dr_map_count(c.chosen) == 0) {
        rc = dr_err_set(err, DR_REJECT, 0, "sample",
                        "the plan's scope has no record: nothing to sample");
    } else {
        keep_coverage(&c);
        send_keys(&c);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(maps); i++) {
        dr_map_free(*maps[i]);
    }
    return rc;
}

/* ---- the report ---- */

struct telling {
    struct dr_json_w *w;
    struct record_row row;
};

static void tell_field(void *ctx, const struct judged_field *f)
{
    static const char *const verdicts[] = {"same", "intended", "loss"};
    struct telling *t = ctx;

    dr_json_w_obj(t->w);
    dr_json_w_kv(t->w, "field", f->field);
    dr_json_w_kv(t->w, "source", dr_utf8_prefix(f->source, 200));
    dr_json_w_kv(t->w, "expected", dr_utf8_prefix(f->expected, 200));
    dr_json_w_kv(t->w, "actual", dr_utf8_prefix(f->actual, 200));
    dr_json_w_kvz(t->w, "verdict", verdicts[f->verdict]);
    if (f->cause.n > 0) {
        dr_json_w_kv(t->w, "cause", f->cause);
    }
    dr_json_w_end(t->w);
}

static void tell_record(void *ctx, const struct record_row *r)
{
    struct telling *t = ctx;

    t->row = *r;
}

static void tell_one(struct auditor *au, struct dr_str key, struct dr_json_w *w)
{
    struct dr_str id = key;
    struct dr_str object = dr_str_split(&id, ':');
    struct dr_json_w fields;
    struct telling t = {.w = &fields};
    struct judge_sink sink = {tell_field, tell_record, &t};
    const struct dr_source *rec;
    struct dr_outcome out;
    struct judge_case c;
    struct dr_buf b;

    dr_arena_reset(au->arena);
    rec = books_get_source(au->books, object, id, au->arena);
    if (!rec || !settle_gather(au, rec, &out, &c)) {
        return;
    }
    dr_buf_init(&b, AUDITOR_TEXT);
    dr_json_w_init(&fields, &b);
    dr_json_w_arr(&fields);
    c.tell_source = true;
    judge(&c, au->arena, &sink);
    dr_json_w_end(&fields);
    dr_json_w_obj(w);
    dr_json_w_kv(w, "object", object);
    dr_json_w_kv(w, "id", id);
    dr_json_w_key(w, "type");
    if (t.row.type.n > 0) {
        dr_json_w_str(w, t.row.type);
    } else {
        dr_json_w_null(w);
    }
    dr_json_w_key(w, "target_id");
    if (t.row.target) {
        dr_json_w_u64(w, t.row.target);
    } else {
        dr_json_w_null(w);
    }
    dr_json_w_key(w, "fields");
    dr_json_w_raw(w, dr_buf_view(&b));
    dr_json_w_kvz(w, "state", t.row.state);
    dr_json_w_end(w);
    dr_buf_done(&b);
}

static void tell_signed(struct auditor *au, struct dr_json_w *w)
{
    struct query *q = db_query(books_db(au->books),
                               "SELECT actor, at_ms, lower(hex(plan)) FROM"
                               " decision WHERE operation='sample.sign'"
                               " ORDER BY seq DESC LIMIT 1");

    char at[DR_TIME_TEXT];

    dr_json_w_key(w, "signed");
    if (!db_step(q)) {
        dr_json_w_null(w);
        return;
    }
    dr_json_w_obj(w);
    dr_json_w_kv(w, "by", db_col(q, 0));
    dr_json_w_kvz(w, "at", dr_time_format(db_col_int(q, 1), at));
    dr_json_w_kv(w, "hash", db_col(q, 2));
    dr_json_w_end(w);
    db_end(q);
}

bool sample_report(struct auditor *au, struct spool *out)
{
    struct dr_str coverage =
        books_kept(au->books, "sample.coverage", au->request);
    struct dr_json_w w;
    const struct dr_sample *s = &dr_control(au->control)->last_sample;

    if (s->key_count == 0) {
        return false;
    }
    dr_json_w_init(&w, &out->buf);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "size", (int64_t)s->key_count);
    dr_json_w_key(&w, "coverage");
    if (coverage.n > 0) {
        dr_json_w_raw(&w, coverage);
    } else {
        dr_json_w_null(&w);
    }
    dr_json_w_key(&w, "records");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < s->key_count; i++) {
        tell_one(au, s->keys[i], &w);
        spool_flow(out);
    }
    dr_json_w_end(&w);
    tell_signed(au, &w);
    dr_json_w_end(&w);
    return true;
}
