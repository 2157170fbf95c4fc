#include "totals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/map.h>

/* One sum that is kept. */
struct sum {
    struct dr_str object, field, target, currency;
    bool money;
    struct dr_dec source, target_sum, explained;
};

/* In place of a currency: the sum of percentages. */
#define PERCENT DR_STR_LIT("percent")

struct group {
    struct dr_str object, key, value;
    int64_t source_count, target_count;
    struct dr_dec source_sum, target_sum;
};

struct totals {
    const struct dr_json *plan;
    struct dr_arena *arena; /* names of sums and groups */
    struct dr_buf scratch;  /* one key */
    struct dr_map *sums, *groups;
    struct dr_map *seen; /* of merged records: targets that were counted */
    /* of the record being added */
    struct dr_map *told;    /* "<id>/<field>" with a line in differences */
    struct dr_map *records; /* id -> struct record_row copy */
};

#define TOTALS_ARENA ((size_t)64 << 20)

struct totals *totals_new(const struct dr_json *plan)
{
    struct totals *t = dr_xcalloc(1, sizeof(*t));

    t->plan = plan;
    t->arena = dr_arena_new(TOTALS_ARENA);
    dr_buf_init(&t->scratch, 1 << 20);
    t->sums = dr_map_new(free);
    t->groups = dr_map_new(free);
    t->seen = dr_map_new(NULL);
    t->told = dr_map_new(NULL);
    t->records = dr_map_new(free);
    return t;
}

void totals_free(struct totals *t)
{
    if (t) {
        dr_map_free(t->sums);
        dr_map_free(t->groups);
        dr_map_free(t->seen);
        dr_map_free(t->told);
        dr_map_free(t->records);
        dr_arena_free(t->arena);
        dr_buf_done(&t->scratch);
        free(t);
    }
}

/* A key of several parts in the scratch buffer. */
static struct dr_str joined(struct totals *t, struct dr_str x, struct dr_str y,
                            struct dr_str z)
{
    dr_buf_reset(&t->scratch);
    dr_buf_str(&t->scratch, x);
    dr_buf_ch(&t->scratch, '\x1f');
    dr_buf_str(&t->scratch, y);
    dr_buf_ch(&t->scratch, '\x1f');
    dr_buf_str(&t->scratch, z);
    return dr_buf_view(&t->scratch);
}

static void key_of(struct dr_buf *b, struct dr_str id, struct dr_str field)
{
    dr_buf_reset(b);
    dr_buf_str(b, id);
    dr_buf_ch(b, '\x1f');
    dr_buf_str(b, field);
}

void totals_field(struct totals *t, const struct judged_field *f)
{
    struct dr_buf b;

    if (f->verdict == JUDGED_SAME) {
        return;
    }
    dr_buf_init(&b, 4096);
    key_of(&b, f->id, f->field);
    dr_map_put(t->told, dr_buf_view(&b), t);
    dr_buf_done(&b);
}

void totals_record(struct totals *t, const struct record_row *r)
{
    struct record_row *copy = dr_xcalloc(1, sizeof(*copy));

    *copy = *r;
    dr_map_put(t->records, r->id, copy);
}

static bool told(const struct totals *t, struct dr_str id, struct dr_str field)
{
    struct dr_buf b;
    bool yes;

    dr_buf_init(&b, 4096);
    key_of(&b, id, field);
    yes = dr_map_has(t->told, dr_buf_view(&b));
    key_of(&b, id, DR_STR_LIT("*"));
    yes |= dr_map_has(t->told, dr_buf_view(&b));
    dr_buf_done(&b);
    return yes;
}

/* ---- which rows are summed ---- */

static bool is_money(struct dr_str transform)
{
    return dr_str_eqz(transform, "money") ||
           dr_str_eqz(transform, "special:amount") ||
           dr_str_eqz(transform, "special:price") ||
           dr_str_eqz(transform, "special:unit_price") ||
           dr_str_eqz(transform, "special:discount") ||
           dr_str_eqz(transform, "special:tax");
}

static bool is_number(struct dr_str transform)
{
    return dr_str_eqz(transform, "number") ||
           dr_str_eqz(transform, "percent") ||
           dr_str_eqz(transform, "special:quantity");
}

static const struct dr_json *rows_of(const struct totals *t,
                                     struct dr_str object)
{
    DR_JSON_EACH(o, dr_json_get(t->plan, "objects"))
    {
        if (dr_str_eq(dr_json_get_str(o, "object"), object)) {
            return dr_json_get(o, "fields");
        }
    }
    return NULL;
}

static struct sum *sum_of(struct totals *t, struct dr_str object,
                          const struct dr_json *row, struct dr_str currency,
                          bool money)
{
    struct dr_str field = dr_json_get_str(row, "source");
    struct dr_str key = joined(t, object, field, currency);
    struct sum *s = dr_map_get(t->sums, key);

    if (!s) {
        s = dr_xcalloc(1, sizeof(*s));
        *s = (struct sum){.object = dr_arena_dup(t->arena, object),
                          .field = field,
                          .target = dr_json_get_str(row, "target"),
                          .currency = dr_arena_dup(t->arena, currency),
                          .money = money};
        dr_map_put(t->sums, key, s);
    }
    return s;
}

/* ---- values of both sides ---- */

/* A value with more digits counts 0, as what is no plain decimal does: the
 * sums hold any number of the others. */
#define WHOLE_MAX 60
#define FRACTION_MAX 30

static void keep_small(struct dr_dec *d)
{
    if (d->scale > FRACTION_MAX || d->n > WHOLE_MAX + FRACTION_MAX ||
        d->n - (d->n < d->scale ? d->n : d->scale) > WHOLE_MAX) {
        dr_dec_zero(d);
    }
}

static void decimal(struct dr_str text, struct dr_dec *out)
{
    if (dr_dec_parse(dr_str_trim(text), out)) {
        dr_dec_zero(out);
    }
    keep_small(out);
}

static void number(const struct dr_json *v, struct dr_dec *out)
{
    if (dr_dec_parse_json(dr_json_scalar(v), out)) {
        dr_dec_zero(out);
    }
    keep_small(out);
}

static void price(const struct dr_json *body, struct dr_str currency,
                  struct dr_dec *out)
{
    dr_dec_zero(out);
    DR_JSON_EACH(p, dr_json_get(body, "product_pricings"))
    {
        if (dr_str_eq(dr_json_get_str(p, "currency_code"), currency)) {
            number(dr_json_get(p, "unit_price"), out);
        }
    }
}

static void target_value(const struct judge_load *l, struct dr_str target,
                         struct dr_str currency, struct dr_dec *out)
{
    bool custom = dr_str_starts(target, DR_STR_LIT("cf_"));

    dr_dec_zero(out);
    for (size_t i = 0; i < l->body_count; i++) {
        const struct dr_json *body = l->bodies[i];
        const struct dr_json *v =
            custom ? dr_json_gets(dr_json_get(body, "custom_field"), target)
                   : dr_json_gets(body, target);
        if (!v) {
            continue;
        }
        if (dr_str_eqz(target, "product_pricings")) {
            price(body, currency, out);
        } else {
            number(v, out);
        }
        return;
    }
}

static void add(struct dr_dec *to, const struct dr_dec *v)
{
    DR_ASSERT(dr_dec_add(to, v, to) == 0);
}

static bool stands(const struct record_row *r)
{
    return r->state &&
           (strcmp(r->state, "landed") == 0 || strcmp(r->state, "merged") == 0);
}

/* One value: s at the source, v in the target when the record stands there
 * and its target was not counted for another. */
static void count(struct sum *s, const struct dr_dec *source,
                  const struct dr_dec *target, bool standing, bool explained)
{
    struct dr_dec gap;

    add(&s->source, source);
    if (standing) {
        add(&s->target_sum, target);
    }
    if (standing && !explained) {
        return;
    }
    if (dr_dec_sub(source, target, &gap) == 0) {
        add(&s->explained, standing ? &gap : source);
    }
}

/* ---- records ---- */

/* The first that names a target record counts its values. Only merged ones can
 * share it. */
static bool first_at(struct totals *t, const struct record_row *r)
{
    char text[64];
    struct dr_str key;
    int n = snprintf(text, sizeof(text), DR_STR_FMT ":%llu",
                     DR_STR_ARG(r->type), (unsigned long long)r->target);

    if (strcmp(r->state, "merged") != 0) {
        return true;
    }
    key = (struct dr_str){text, n > 0 ? (size_t)n : 0};
    if (dr_map_has(t->seen, key)) {
        return false;
    }
    dr_map_put(t->seen, key, t);
    return true;
}

static void add_record(struct totals *t, const struct judge_case *c,
                       const struct record_row *r, const struct dr_json *root)
{
    struct dr_str currency = judge_source_text(root, DR_STR_LIT("currency"));
    bool first = stands(r) && first_at(t, r);

    DR_JSON_EACH(row, rows_of(t, c->rec->object))
    {
        struct dr_str xf = dr_json_get_str(row, "transform");
        struct dr_str field = dr_json_get_str(row, "source");
        bool money = is_money(xf);
        struct dr_dec source, target;
        struct sum *s;

        if (!money && !is_number(xf)) {
            continue;
        }
        s = sum_of(t, c->rec->object, row,
                   money ? currency : (struct dr_str){"", 0}, money);
        decimal(judge_source_text(root, field), &source);
        dr_dec_zero(&target);
        if (first) {
            target_value(&c->loads[0], dr_json_get_str(row, "target"), currency,
                         &target);
        }
        count(s, &source, &target, stands(r),
              told(t, r->id, field) || (stands(r) && !first));
    }
}

/* ---- lines ---- */

/* What the two sides of one value are in: a currency, PERCENT or nothing. */
struct units {
    struct dr_str source, target;
};

/* A discount is an amount or a percentage, which is no money. One of zero is
 * of whatever kind the other side's is. */
static void discount_units(const struct dr_json *root,
                           const struct dr_json *have,
                           const struct dr_dec *source,
                           const struct dr_dec *target, struct units *u)
{
    struct dr_str kind =
        dr_str_trim(judge_source_text(root, DR_STR_LIT("discount_type")));
    struct dr_str held = dr_json_scalar(dr_json_get(have, "discount_type"));
    bool was = dr_str_ieq(kind, PERCENT), is = dr_str_eqz(held, "1");

    was = dr_dec_is_zero(source) ? is : was;
    is = dr_dec_is_zero(target) ? was : is;
    u->source = was ? PERCENT : u->source;
    u->target = is ? PERCENT : u->target;
}

static struct sum *sum_in(struct totals *t, const struct dr_json *row,
                          struct dr_str unit, bool money)
{
    return sum_of(t, DR_STR_LIT("line_item"), row, unit,
                  money && !dr_str_eq(unit, PERCENT));
}

/* A value that stands in another unit than it had: each side in the sum of its
 * own. */
static void count_apart(struct totals *t, const struct dr_json *row,
                        const struct units *u, const struct dr_dec *source,
                        const struct dr_dec *target, bool explained)
{
    struct dr_dec none;

    dr_dec_zero(&none);
    count(sum_in(t, row, u->source, true), source, &none, true, explained);
    count(sum_in(t, row, u->target, true), &none, target, true, explained);
}

static void add_part(struct totals *t, const struct dr_part *part,
                     const struct record_row *r, const struct dr_json *root,
                     const struct dr_json *have)
{
    struct dr_str object = DR_STR_LIT("line_item");
    struct dr_str currency = judge_source_text(root, DR_STR_LIT("currency"));
    struct dr_str is = dr_json_get_str(have, "currency_code");
    bool other = currency.n > 0 && is.n > 0 && !dr_str_ieq(currency, is);

    if (currency.n == 0) {
        currency = is; /* it is in its deal's */
    }

    DR_JSON_EACH(row, rows_of(t, object))
    {
        struct dr_str xf = dr_json_get_str(row, "transform");
        struct dr_str field = dr_json_get_str(row, "source");
        bool money = is_money(xf);
        struct dr_dec source, target;
        struct units u = {{"", 0}, {"", 0}};

        if (!money && !is_number(xf)) {
            continue;
        }
        decimal(judge_source_text(root, field), &source);
        number(dr_json_gets(have, dr_json_get_str(row, "target")), &target);
        if (money) {
            u = (struct units){currency, other ? is : currency};
        }
        if (dr_str_eqz(xf, "special:discount")) {
            discount_units(root, have, &source, &target, &u);
        }
        if (!dr_str_eq(u.source, u.target)) {
            count_apart(t, row, &u, &source, &target,
                        told(t, part->id, DR_STR_LIT("currency")) ||
                            told(t, part->id, field));
            continue;
        }
        count(sum_in(t, row, u.source, money), &source, &target, stands(r),
              told(t, part->id, field));
    }
}

static const struct dr_json *deal_body(const struct judge_load *l)
{
    for (size_t i = 0; i < l->body_count; i++) {
        if (dr_json_get(l->bodies[i], "products")) {
            return l->bodies[i];
        }
    }
    return NULL;
}

/* The deal's line that a source line became; NULL: none. */
static const struct dr_json *line_at(const struct dr_load *load,
                                     const struct dr_json **lines,
                                     struct dr_str id)
{
    for (size_t i = 0; lines && i < load->line_count; i++) {
        if (dr_str_eq(load->lines[i].id, id)) {
            return lines[i];
        }
    }
    return NULL;
}

static void add_lines(struct totals *t, const struct judge_case *c,
                      struct dr_arena *a)
{
    const struct dr_load *load =
        c->out && c->out->load_count > 0 ? &c->out->loads[0] : NULL;
    const struct dr_json **lines =
        load ? verify_match_lines(load, c->loads[0].lines,
                                  deal_body(&c->loads[0]), a)
             : NULL;

    for (size_t i = 0; i < c->rec->part_count; i++) {
        const struct dr_part *part = &c->rec->parts[i];
        const struct record_row *r = dr_map_get(t->records, part->id);
        if (r) {
            add_part(t, part, r, dr_json_parse(a, part->body, NULL, NULL),
                     stands(r) ? line_at(load, lines, part->id) : NULL);
        }
    }
}

/* ---- groups of deals ---- */

static const struct {
    const char *key, *property, *target;
} groupings[] = {{"stage", "stage_id", "deal_stage_id"},
                 {"owner", "owner_id", "owner_id"},
                 {"pipeline", "pipeline_id", "deal_pipeline_id"},
                 {"currency", "currency", "currency_id"}};

static struct group *group_of(struct totals *t, struct dr_str object,
                              const char *key, struct dr_str value)
{
    struct dr_str k = joined(t, object, dr_str_z(key), value);
    struct group *g = dr_map_get(t->groups, k);

    if (!g) {
        g = dr_xcalloc(1, sizeof(*g));
        g->object = dr_arena_dup(t->arena, object);
        g->key = dr_str_z(key);
        g->value = dr_arena_dup(t->arena, value);
        dr_map_put(t->groups, k, g);
    }
    return g;
}

static struct dr_str sent(const struct dr_load *load, const char *name)
{
    for (size_t i = 0; load && i < load->field_count; i++) {
        if (dr_str_eqz(load->fields[i].name, name)) {
            return load->fields[i].value;
        }
    }
    return (struct dr_str){"", 0};
}

static struct dr_str held(const struct judge_load *l, const char *name)
{
    for (size_t i = 0; i < l->body_count; i++) {
        const struct dr_json *v = dr_json_get(l->bodies[i], name);
        if (v) {
            return dr_json_scalar(v);
        }
    }
    return (struct dr_str){"", 0};
}

/* The owner stands beside the properties, not among them. */
static struct dr_str source_value(const struct dr_json *root, const char *name)
{
    const struct dr_json *own = dr_json_get(root, name);

    return own ? dr_json_scalar(own) : judge_source_text(root, dr_str_z(name));
}

/* The target's side stands under the source's value while it holds what was
 * sent for it, else under its own id. */
static void add_groups(struct totals *t, const struct judge_case *c,
                       const struct record_row *r, const struct dr_json *root,
                       struct dr_arena *a)
{
    const struct dr_load *load =
        c->out && c->out->load_count > 0 ? &c->out->loads[0] : NULL;
    struct dr_dec source, target;

    decimal(judge_source_text(root, DR_STR_LIT("amount")), &source);
    target_value(&c->loads[0], DR_STR_LIT("amount"), (struct dr_str){"", 0},
                 &target);
    for (size_t i = 0; i < DR_ARRAY_LEN(groupings); i++) {
        struct dr_str value = source_value(root, groupings[i].property);
        struct dr_str is = held(&c->loads[0], groupings[i].target);
        struct group *g = group_of(t, c->rec->object, groupings[i].key, value);
        g->source_count++;
        add(&g->source_sum, &source);
        if (!stands(r)) {
            continue;
        }
        if (!dr_str_eq(is, sent(load, groupings[i].target))) {
            value = dr_arena_printf(a, "target:" DR_STR_FMT, DR_STR_ARG(is));
            g = group_of(t, c->rec->object, groupings[i].key, value);
        }
        g->target_count++;
        add(&g->target_sum, &target);
    }
}

/* ---- all ---- */

static void forget(struct totals *t)
{
    dr_map_free(t->told);
    dr_map_free(t->records);
    t->told = dr_map_new(NULL);
    t->records = dr_map_new(free);
}

void totals_add(struct totals *t, const struct judge_case *c,
                struct dr_arena *a)
{
    const struct dr_json *root;
    const struct record_row *r = dr_map_get(t->records, c->rec->id);

    if (c->rec->op != DR_SRC_UPSERT || !t->plan) {
        forget(t);
        return;
    }
    if (dr_str_eqz(c->rec->object, "line_item")) {
        add_lines(t, c, a);
    } else if (r) {
        root = judge_body(c, a);
        add_record(t, c, r, root);
        if (dr_str_eqz(c->rec->object, "deal")) {
            add_groups(t, c, r, root, a);
        }
    }
    forget(t);
}

/* ---- writing ---- */

static void decimal_kv(struct dr_json_w *w, const char *key,
                       const struct dr_dec *d)
{
    char text[DR_DEC_TEXT];

    dr_json_w_kvz(w, key, dr_dec_text(d, text));
}

static bool write_sum(const struct sum *s, struct dr_json_w *w)
{
    struct dr_dec d;
    bool ok = dr_dec_sub(&s->source, &s->explained, &d) == 0 &&
              dr_dec_sub(&d, &s->target_sum, &d) == 0;

    dr_json_w_obj(w);
    dr_json_w_kv(w, "field", s->field);
    dr_json_w_kv(w, "target_field", s->target);
    if (s->money && s->currency.n > 0) {
        dr_json_w_kv(w, "currency", s->currency);
    } else if (s->currency.n > 0) {
        dr_json_w_kv(w, "unit", s->currency);
    } else if (s->money) {
        dr_json_w_key(w, "currency");
        dr_json_w_null(w);
    }
    decimal_kv(w, "source", &s->source);
    decimal_kv(w, "target", &s->target_sum);
    decimal_kv(w, "explained", &s->explained);
    decimal_kv(w, "difference", &d);
    dr_json_w_end(w);
    return ok && dr_dec_is_zero(&d);
}

static void write_group(const struct group *g, struct dr_json_w *w)
{
    dr_json_w_obj(w);
    dr_json_w_kv(w, "key", g->key);
    dr_json_w_kv(w, "value", g->value);
    dr_json_w_kvi(w, "source_count", g->source_count);
    dr_json_w_kvi(w, "target_count", g->target_count);
    decimal_kv(w, "source_sum", &g->source_sum);
    decimal_kv(w, "target_sum", &g->target_sum);
    dr_json_w_end(w);
}

bool totals_write(const struct totals *t, const char *object,
                  struct dr_json_w *w)
{
    struct dr_str key;
    bool all = true;
    void *v;
    size_t at = 0;

    dr_json_w_key(w, "totals");
    dr_json_w_arr(w);
    while (dr_map_next(t->sums, &at, &key, &v)) {
        const struct sum *s = v;
        if (dr_str_eqz(s->object, object)) {
            all &= write_sum(s, w);
        }
    }
    dr_json_w_end(w);
    dr_json_w_key(w, "by");
    dr_json_w_arr(w);
    for (at = 0; dr_map_next(t->groups, &at, &key, &v);) {
        const struct group *g = v;
        if (dr_str_eqz(g->object, object)) {
            write_group(g, w);
        }
    }
    dr_json_w_end(w);
    return all;
}
