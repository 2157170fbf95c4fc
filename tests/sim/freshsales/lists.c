/* Reading many: views, sub-lists, lookup, filtered search. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

#define PAGE_DEFAULT 25
#define PAGE_MAX 100

static uint64_t number_arg(struct call *c, const char *name, uint64_t otherwise)
{
    struct dr_str s = dr_httpd_arg(c->req, name);
    uint64_t v;

    return s.p && dr_str_u64(s, &v) == 0 ? v : otherwise;
}

typedef bool keep_fn(struct call *c, const struct rec *r, void *ctx);

static int newest_first(const void *a, const void *b)
{
    const struct rec *x = *(const struct rec *const *)a;
    const struct rec *y = *(const struct rec *const *)b;

    if (x->updated_ms != y->updated_ms) {
        return x->updated_ms > y->updated_ms ? -1 : 1;
    }
    return x->id > y->id ? -1 : 1;
}

static void sort_rows(struct call *c, const struct rec **v, size_t n)
{
    struct dr_str by = dr_httpd_arg(c->req, "sort");
    bool desc = is(dr_httpd_arg(c->req, "sort_type"), "desc");
    bool newest = is(by, "updated_at");

    if (newest) {
        qsort(v, n, sizeof(const struct rec *), newest_first);
    }
    if (newest != desc) { /* turn round */
        for (size_t i = 0; i < n / 2; i++) {
            const struct rec *t = v[i];
            v[i] = v[n - 1 - i];
            v[n - 1 - i] = t;
        }
    }
}

static void page(struct call *c, struct kind *k, keep_fn *keep, void *ctx)
{
    uint64_t per = number_arg(c, "per_page", PAGE_DEFAULT);
    uint64_t no = number_arg(c, "page", 1);
    const struct rec **v = dr_xcalloc(k->n + 1, sizeof(const struct rec *));
    size_t n = 0;
    uint64_t pages;

    per = per < 1 ? PAGE_DEFAULT : per > PAGE_MAX ? PAGE_MAX : per;
    for (size_t i = 0; i < k->n; i++) {
        if (keep(c, k->v[i], ctx)) {
            v[n++] = k->v[i];
        }
    }
    sort_rows(c, v, n);
    pages = (n + per - 1) / per;
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, k->type);
    dr_json_w_arr(&c->w);
    for (uint64_t i = (no - 1) * per; no > 0 && i < n && i < no * per; i++) {
        render(c->a, k, v[i], include(c), false, &c->w);
    }
    dr_json_w_end(&c->w);
    dr_json_w_key(&c->w, "meta");
    dr_json_w_obj(&c->w);
    dr_json_w_kvi(&c->w, "total_pages",
                  n == 0 ? knob_int(c->a->knobs, "empty_total_pages")
                         : (int64_t)pages);
    dr_json_w_kvi(&c->w, "total", (int64_t)n);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    free(v);
}

static bool keep_view(struct call *c, const struct rec *r, void *ctx)
{
    struct dr_str name = *(const struct dr_str *)ctx;
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)16 << 20);
    struct dr_str type;

    if (is(name, "Recycle Bin")) {
        return r->deleted;
    }
    if (r->deleted) {
        return false;
    }
    if (!is(name, "Open Deals") && !is(name, "Won Deals") &&
        !is(name, "Lost Deals")) {
        return true;
    }
    type = dr_json_get_str(list_find(list_of(c->a->selectors, "deal_stages"),
                                     rec_id(r, "deal_stage_id"), a),
                           "forecast_type");
    return is(name, "Won Deals")    ? is(type, "Closed Won")
           : is(name, "Lost Deals") ? is(type, "Closed Lost")
                                    : is(type, "Open");
}

static bool shown_view(const struct call *c, const struct dr_json *v)
{
    return !is(dr_json_get_str(v, "name"), "All Deals") ||
           knob_is(c->a->knobs, "all_deals_view", "present");
}

void view(struct call *c, struct kind *k, struct dr_str rest)
{
    uint64_t id = 0;

    if (dr_str_u64(rest, &id)) {
        id = 0;
    }
    DR_JSON_EACH(v, dr_json_get(dr_json_get(c->a->tenant, "views"), k->entity))
    {
        struct dr_str name = dr_json_get_str(v, "name");
        if ((uint64_t)dr_json_get_i64(v, "id", 0) == id && shown_view(c, v)) {
            page(c, k, keep_view, &name);
            return;
        }
    }
    fail(c, 404, "The view does not exist.");
}

void filters(struct call *c, const struct kind *k)
{
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "filters");
    dr_json_w_arr(&c->w);
    DR_JSON_EACH(v, dr_json_get(dr_json_get(c->a->tenant, "views"), k->entity))
    {
        if (shown_view(c, v)) {
            dr_json_w_tree(&c->w, v);
        }
    }
    dr_json_w_end(&c->w);
    dr_json_w_key(&c->w, "meta");
    dr_json_w_obj(&c->w);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

/* Tasks of a record: by the sub-list of their target. */
static bool keep_target(struct call *c, const struct rec *r, void *ctx)
{
    (void)c;
    return !r->deleted && dr_str_find(rec_value(r, "targetables"),
                                      *(const struct dr_str *)ctx) != SIZE_MAX;
}

void sub_list(struct call *c, struct kind *parent, struct rec *r,
              struct kind *k)
{
    struct dr_str mark =
        dr_arena_printf(c->ar, "\"id\":%llu,\"type\":\"%s\"",
                        (unsigned long long)r->id, parent->model);

    page(c, k, keep_target, &mark);
}

static bool keep_task(struct call *c, const struct rec *r, void *ctx)
{
    bool done = is(rec_value(r, "status"), "1");

    (void)ctx;
    return !r->deleted &&
           done == is(dr_httpd_arg(c->req, "filter"), "completed");
}

void task_list(struct call *c, struct kind *k)
{
    page(c, k, keep_task, NULL);
}

/* ---- finding ---- */

void lookup(struct call *c)
{
    struct dr_str q = dr_httpd_arg(c->req, "q");
    struct dr_str f = dr_httpd_arg(c->req, "f");
    struct dr_str entities = dr_httpd_arg(c->req, "entities");

    dr_json_w_obj(&c->w);
    while (entities.p) {
        struct dr_str one = dr_str_split(&entities, ',');
        for (size_t i = 0; i < kind_count; i++) {
            struct rec *r;
            if (!is(one, kinds[i].root)) {
                continue;
            }
            r = find_by(&kinds[i], f, q);
            dr_json_w_key(&c->w, kinds[i].type);
            dr_json_w_obj(&c->w);
            dr_json_w_key(&c->w, kinds[i].type);
            dr_json_w_arr(&c->w);
            if (r) {
                render(c->a, &kinds[i], r, DR_STR_LIT("*"), false, &c->w);
            }
            dr_json_w_end(&c->w);
            dr_json_w_end(&c->w);
        }
    }
    dr_json_w_end(&c->w);
}

static bool keep_rules(struct call *c, const struct rec *r, void *ctx)
{
    const struct dr_json *rules = ctx;

    (void)c;
    if (r->deleted) {
        return false;
    }
    DR_JSON_EACH(rule, rules)
    {
        struct dr_str at = dr_json_get_str(rule, "attribute");
        struct dr_str v = dr_json_scalar(dr_json_get(rule, "value"));
        char name[128];
        struct dr_str have;
        const char *cf;

        (void)snprintf(name, sizeof(name), DR_STR_FMT,
                       DR_STR_ARG(is(at, "contact_email.email")
                                      ? DR_STR_LIT("email")
                                      : at));
        cf = dr_map_get(r->custom, at);
        have = cf ? dr_str_z(cf) : rec_value(r, name);
        if (have.n >= 2 && have.p[0] == '"') {
            have = (struct dr_str){have.p + 1, have.n - 2};
        }
        if (!dr_str_ieq(have, v)) {
            return false;
        }
    }
    return true;
}

void filtered_search(struct call *c, struct dr_str entity)
{
    const struct dr_json *j =
        dr_json_parse(c->ar, dr_httpd_body(c->req), NULL, NULL);

    for (size_t i = 0; i < kind_count; i++) {
        if (is(entity, kinds[i].root) &&
            (strcmp(kinds[i].type, "products") != 0 ||
             knob_is(c->a->knobs, "product_search", "yes"))) {
            page(c, &kinds[i], keep_rules,
                 (void *)(uintptr_t)dr_json_get(j, "filter_rule"));
            return;
        }
    }
    fail(c, 404, "There is no such entity.");
}
