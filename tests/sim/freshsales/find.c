/* Finding records: search, lookup, filtered search (reference 14.2 to 14.5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/time.h>

#include "call.h"
#include "modules.h"
#include "write.h"

#define SEARCH_DEFAULT 25
#define FILTER_DEFAULT 10 /* so it appears in captures */

/* The index has seen it: not in the first search_lag_ms of its life. */
static bool indexed(const struct account *a, const struct rec *r)
{
    return r->born_mono_ms + knob_int(a->knobs, "search_lag_ms") <=
           dr_mono_ms();
}

static bool searchable(const struct account *a, const struct kind *k)
{
    return is_type(k, "products") ? knob_is(a->knobs, "product_search", "yes")
           : is_type(k, "leads")  ? a->classic
           : k->module            ? modules_allowed(a)
                                  : k->bin;
}

/* ---- search: bare rows, tolerant matching ---- */

static bool holds(struct dr_str hay, struct dr_str word)
{
    for (size_t i = 0; i + word.n <= hay.n; i++) {
        if (dr_str_ieq((struct dr_str){hay.p + i, word.n}, word)) {
            return true;
        }
    }
    return false;
}

/* Each word is in one of the fields that people search by. */
static bool found(const struct rec *r, struct dr_str q)
{
    static const char *const fields[] = {
        "name",        "first_name",   "last_name",  "email", "mobile_number",
        "work_number", "product_code", "sku_number", "phone", "website"};
    bool any = false;

    while (q.p) {
        struct dr_str word = dr_str_split(&q, ' ');
        bool here = word.n == 0;
        for (size_t i = 0; !here && i < DR_ARRAY_LEN(fields); i++) {
            here = holds(rec_text(r, fields[i]), word);
        }
        if (!here) {
            return false;
        }
        any |= word.n > 0;
    }
    return any;
}

static void member(struct dr_json_w *w, const char *key, const struct rec *r,
                   const char *field)
{
    struct dr_str v = rec_value(r, field);

    dr_json_w_key(w, key);
    dr_json_w_raw(w, v.p ? v : DR_STR_LIT("null"));
}

static void owner(struct account *a, const struct rec *r, struct dr_json_w *w)
{
    const struct dr_json *u =
        list_find(list_of(a->selectors, "users"), rec_id(r, "owner_id"));

    dr_json_w_key(w, "owner");
    if (!u) {
        dr_json_w_null(w);
        return;
    }
    dr_json_w_obj(w);
    dr_json_w_kvi(w, "id", dr_json_get_i64(u, "id", 0));
    dr_json_w_kv(w, "name", dr_json_get_str(u, "display_name"));
    dr_json_w_end(w);
}

static void primary_account(struct account *a, const struct rec *r,
                            struct dr_json_w *w)
{
    dr_json_w_key(w, "primary_sales_account_name");
    DR_JSON_EACH(e, rec_json(a, r, "sales_accounts"))
    {
        const struct rec *x = rec_alive(kind_named("sales_accounts"),
                                        (uint64_t)dr_json_get_i64(e, "id", 0));
        if (x && dr_json_true(dr_json_get(e, "is_primary"))) {
            dr_json_w_raw(w, rec_value(x, "name"));
            return;
        }
    }
    dr_json_w_null(w);
}

static void search_row(struct account *a, const struct kind *k,
                       const struct rec *r, struct dr_json_w *w)
{
    char text[STAMP_TEXT], id[24];
    struct show s = {a, k, r, w};
    const struct attr *name = attr_of(k, DR_STR_LIT("display_name"));

    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)r->id);
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "id", id); /* a string here */
    dr_json_w_kvz(w, "type", k->root);
    dr_json_w_key(w, "name");
    if (name) {
        name->show(&s);
    } else {
        dr_json_w_raw(w, rec_value(r, "name"));
    }
    member(w, "email", r, "email");
    dr_json_w_kvz(w, "avatar", NULL);
    owner(a, r, w);
    dr_json_w_kvz(w, "updated_at", stamp_text(a, r->updated_ms, text));
    primary_account(a, r, w);
    if (attr_of(k, DR_STR_LIT("mcr_id"))) {
        dr_json_w_key(w, "mcr_id");
        attr_of(k, DR_STR_LIT("mcr_id"))->show(&s);
    }
    member(w, "country", r, "country");
    member(w, "website", r, "website");
    dr_json_w_end(w);
}

static void search_users(struct call *c, struct dr_str q)
{
    struct list *l = list_of(c->a->selectors, "users");

    for (size_t i = 0; i < l->n; i++) {
        const struct dr_json *u = list_at(l, i);
        if (q.n == 0 || (!holds(dr_json_get_str(u, "display_name"), q) &&
                         !holds(dr_json_get_str(u, "email"), q))) {
            continue;
        }
        dr_json_w_obj(&c->w);
        dr_json_w_kv(&c->w, "id", dr_json_scalar(dr_json_get(u, "id")));
        dr_json_w_kvz(&c->w, "type", "user");
        dr_json_w_kv(&c->w, "name", dr_json_get_str(u, "display_name"));
        dr_json_w_kv(&c->w, "email", dr_json_get_str(u, "email"));
        dr_json_w_kvz(&c->w, "avatar", NULL);
        dr_json_w_end(&c->w);
    }
}

void search(struct call *c)
{
    struct dr_str q = dr_str_trim(arg(c, "q"));
    struct dr_str with = include(c);
    uint64_t left;

    if (!page_size(c, SEARCH_DEFAULT, &left)) {
        return;
    }
    q = quoted(c->a, q);
    dr_json_w_arr(&c->w);
    while (with.p) {
        struct dr_str one = dr_str_trim(dr_str_split(&with, ','));
        struct kind *k = kind_of_root(one);
        if (is(one, "user")) {
            search_users(c, q);
        }
        for (size_t i = 0; k && searchable(c->a, k) && i < k->n && left > 0;
             i++) {
            if (!k->v[i]->deleted && indexed(c->a, k->v[i]) &&
                found(k->v[i], q)) {
                search_row(c->a, k, k->v[i], &c->w);
                left--;
            }
        }
    }
    dr_json_w_end(&c->w);
}

/* ---- lookup: one field, exact ---- */

static void looked_up(struct call *c, struct kind *k, struct dr_str field,
                      struct dr_str q, uint64_t per)
{
    const struct hits *h = NULL;
    struct dr_str with = include(c);

    if (is_type(k, "contacts") && is(field, "email")) {
        field = DR_STR_LIT("emails");
    }
    if (is(field, "id")) {
        const struct rec *r = find_by(c->a, k, field, q);
        if (r) {
            render(c->a, k, r, with, false, &c->w);
        }
        return;
    }
    h = index_find(c->a, k, field, quoted(c->a, q));
    for (size_t i = 0; h && i < h->n && per > 0; i++) {
        if (!h->v[i]->deleted && indexed(c->a, h->v[i])) {
            render(c->a, k, h->v[i], with, false, &c->w);
            per--;
        }
    }
}

void lookup(struct call *c)
{
    struct dr_str entities = arg(c, "entities");
    uint64_t per;

    if (arg(c, "q").n == 0 || arg(c, "f").n == 0) {
        fail_with(c, &(struct refusal){400, "%s can't be blank", 0, "q, f"});
        return;
    }
    if (!page_size(c, SEARCH_DEFAULT, &per)) {
        return;
    }
    dr_json_w_obj(&c->w);
    while (entities.p) {
        struct kind *k =
            kind_of_root(dr_str_trim(dr_str_split(&entities, ',')));
        if (!k || !searchable(c->a, k)) {
            continue;
        }
        dr_json_w_key(&c->w, k->type);
        dr_json_w_obj(&c->w);
        dr_json_w_key(&c->w, k->type);
        dr_json_w_arr(&c->w);
        looked_up(c, k, arg(c, "f"), arg(c, "q"), per);
        dr_json_w_end(&c->w);
        dr_json_w_end(&c->w);
    }
    dr_json_w_end(&c->w);
}

/* ---- filtered search ---- */

static bool later(struct account *a, int64_t ms, struct dr_str v, bool after)
{
    int64_t other;

    return read_time(a, v, &other) == 0 && (after ? ms > other : ms < other);
}

static bool text_holds(struct dr_str op, struct dr_str have, struct dr_str v)
{
    if (is(op, "contains")) {
        return holds(have, v);
    }
    if (is(op, "starts_with")) {
        return have.n >= v.n && dr_str_ieq((struct dr_str){have.p, v.n}, v);
    }
    return dr_str_ieq(dr_str_trim(have), dr_str_trim(v));
}

/* What a record has in the attribute of a rule, as between JSON's quotes. */
static struct dr_str attribute(const struct rec *r, struct dr_str at)
{
    char name[128];
    struct dr_str v;

    if (dr_str_starts(at, DR_STR_LIT("cf_"))) {
        v = dr_str_z(dr_map_get(r->custom, at));
    } else {
        (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(at));
        v = rec_value(r, name);
    }
    return v.n >= 2 && v.p[0] == '"' ? (struct dr_str){v.p + 1, v.n - 2} : v;
}

static struct dr_str attribute_name(const struct dr_json *rule)
{
    struct dr_str at = dr_json_get_str(rule, "attribute");

    return is(at, "contact_email.email") ? DR_STR_LIT("email") : at;
}

/* One value, or any of several for is_in. */
static bool any_value(struct account *a, const struct rec *r,
                      const struct dr_json *rule)
{
    const struct dr_json *value = dr_json_get(rule, "value");
    struct dr_str op = dr_json_get_str(rule, "operator");
    struct dr_str have = attribute(r, attribute_name(rule));
    struct dr_str rest;

    if (dr_json_type(value) == DR_JSON_ARRAY) {
        DR_JSON_EACH(v, value)
        {
            if (text_holds(op, have, quoted(a, dr_json_scalar(v)))) {
                return true;
            }
        }
        return false;
    }
    rest = quoted(a, dr_json_scalar(value));
    if (text_holds(op, have, rest)) {
        return true;
    }
    while (is(op, "is_in") && rest.p) {
        if (text_holds(op, have, dr_str_split(&rest, ','))) {
            return true;
        }
    }
    return false;
}

static bool rule_holds(struct account *a, const struct rec *r,
                       const struct dr_json *rule)
{
    struct dr_str at = attribute_name(rule);
    struct dr_str op = dr_json_get_str(rule, "operator");
    struct dr_str v = dr_json_scalar(dr_json_get(rule, "value"));
    bool after = is(op, "is_after");
    int64_t ms;

    if (is(at, "deleted")) {
        return true; /* was decided for the whole */
    }
    if (after || is(op, "is_before")) {
        if (is(at, "created_at") || is(at, "updated_at")) {
            return later(a,
                         is(at, "created_at") ? r->created_ms : r->updated_ms,
                         v, after);
        }
        return read_time(a, attribute(r, at), &ms) == 0 &&
               later(a, ms, v, after);
    }
    return any_value(a, r, rule) != is(op, "is_not");
}

/* {"attribute": "deleted", "operator": "is", "value": 1} lists the bin. */
static bool wants_deleted(const struct dr_json *rules)
{
    DR_JSON_EACH(rule, rules)
    {
        struct dr_str v = dr_json_scalar(dr_json_get(rule, "value"));
        if (is(attribute_name(rule), "deleted")) {
            return is(v, "1") || is(v, "true") ||
                   dr_json_true(dr_json_get(rule, "value"));
        }
    }
    return false;
}

/* Rows to look at: by the index of the first rule that asks for one value,
 * else all. */
static const struct hits *candidates(struct call *c, struct kind *k,
                                     const struct dr_json *rules,
                                     struct hits *all)
{
    static const struct hits none;

    DR_JSON_EACH(rule, rules)
    {
        const struct dr_json *v = dr_json_get(rule, "value");
        struct dr_str op = dr_json_get_str(rule, "operator");
        struct dr_str at = attribute_name(rule);
        if ((is(op, "is") || is(op, "is_in")) &&
            dr_json_type(v) == DR_JSON_STRING && !is(at, "deleted") &&
            dr_str_find(v->text, DR_STR_LIT(",")) == SIZE_MAX) {
            const struct hits *h =
                index_find(c->a, k, at, quoted(c->a, v->text));
            return h ? h : &none;
        }
    }
    *all = (struct hits){k->v, k->n, k->n};
    return all;
}

static void partial_rows(struct call *c, struct kind *k,
                         const struct rows *rows, uint64_t per)
{
    char text[STAMP_TEXT];
    uint64_t from, to;

    page_range(c, rows->n, per, &from, &to);
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, k->type);
    dr_json_w_arr(&c->w);
    for (uint64_t i = from; i < to; i++) {
        const struct rec *r = rows->v[i];
        dr_json_w_obj(&c->w);
        render_partial(c->a, k, r, &c->w);
        dr_json_w_kvz(&c->w, "created_at",
                      stamp_text(c->a, r->created_ms, text));
        dr_json_w_kvz(&c->w, "updated_at",
                      stamp_text(c->a, r->updated_ms, text));
        dr_json_w_end(&c->w);
    }
    dr_json_w_end(&c->w);
    dr_json_w_key(&c->w, "meta");
    dr_json_w_obj(&c->w);
    dr_json_w_kvi(&c->w, "total", (int64_t)rows->n);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

/* Page and size stand in the query, or else in the body. */
static void paging_from_body(struct call *c, const struct dr_json *j)
{
    static const char *const names[] = {"page", "per_page"};

    for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
        struct dr_str v = dr_json_scalar(dr_json_get(j, names[i]));
        if (v.n > 0 && !arg(c, names[i]).p) {
            c->query =
                dr_arena_printf(c->ar, DR_STR_FMT "&%s=" DR_STR_FMT,
                                DR_STR_ARG(c->query), names[i], DR_STR_ARG(v));
        }
    }
}

static void filter_rows(struct call *c, struct kind *k,
                        const struct dr_json *rules, struct rows *rows)
{
    bool deleted = wants_deleted(rules);
    struct hits all;
    const struct hits *h = candidates(c, k, rules, &all);

    rows->n = 0;
    rows->v = dr_xcalloc(h->n + 1, sizeof(*rows->v));
    for (size_t i = 0; i < h->n; i++) {
        bool ok = h->v[i]->deleted == deleted && indexed(c->a, h->v[i]);
        DR_JSON_EACH(rule, rules)
        {
            ok = ok && rule_holds(c->a, h->v[i], rule);
        }
        if (ok) {
            rows->v[rows->n++] = h->v[i];
        }
    }
    sort_rows(c, rows->v, rows->n);
}

void filtered_search(struct call *c, struct dr_str entity)
{
    const struct dr_json *j = body_json(c);
    const struct dr_json *rules = dr_json_get(j, "filter_rule");
    struct kind *k = kind_of_root(entity);
    struct rows rows;
    uint64_t per;

    if (!k || !searchable(c->a, k)) {
        fail(c, 404, "There is no such call.");
        return;
    }
    if (dr_json_type(rules) != DR_JSON_ARRAY) {
        fail_with(c, &(struct refusal){400, "%s is invalid", 0, "filter_rule"});
        return;
    }
    paging_from_body(c, j);
    if (!page_size(c, FILTER_DEFAULT, &per)) {
        return;
    }
    filter_rows(c, k, rules, &rows);
    partial_rows(c, k, &rows, per);
    free(rows.v);
}
