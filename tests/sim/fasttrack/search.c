/* POST /objects/{type}/search: an index that lags, and ends at a cap
 * (contract 4.4). */
#include <stdlib.h>

#include <drover/base/time.h>

#include "call.h"

/* The record as the index has it: changes of the last while are not in it. */
static const struct rec *indexed(const struct call *c, const struct rec *r)
{
    int64_t lag = knob_int(c->w->knobs, "search_lag_ms");

    while (r && (r->visible_ms > c->now ||
                 (lag > 0 && r->updated_ms + lag > c->now))) {
        r = r->was;
    }
    return r;
}

static bool compare(struct dr_str op, struct dr_str is, struct dr_str want)
{
    int order = dr_str_cmp(is, want);

    return dr_str_eqz(op, "gte")        ? order >= 0
           : dr_str_eqz(op, "lt")       ? order < 0
           : dr_str_eqz(op, "contains") ? dr_str_find(is, want) != SIZE_MAX
                                        : order == 0;
}

/* {"filters":[{"property","op":"eq|gte|lt|contains","value"}]}; the envelope's
 * updated_at and id are properties here. */
static bool matches(struct call *c, const struct rec *r,
                    const struct dr_json *filters)
{
    struct dr_json_limits limits = {.max_bytes = (size_t)64 << 20};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)256 << 20);
    const struct dr_json *j;

    if (!filters || filters->count == 0) {
        return true;
    }
    (void)c;
    j = dr_json_parse(a, r->body, &limits, NULL);
    DR_JSON_EACH(f, filters)
    {
        struct dr_str name = dr_json_get_str(f, "property");
        const struct dr_json *v =
            dr_json_gets(dr_json_get(j, "properties"), name);
        v = v ? v : dr_json_gets(j, name);
        if (!compare(dr_json_get_str(f, "op"), dr_json_scalar(v),
                     dr_json_scalar(dr_json_get(f, "value")))) {
            return false;
        }
    }
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct rec *x = *(const struct rec *const *)a;
    const struct rec *y = *(const struct rec *const *)b;

    if (x->updated_ms != y->updated_ms) {
        return x->updated_ms < y->updated_ms ? -1 : 1;
    }
    return dr_str_cmp(x->id, y->id);
}

static size_t find(struct call *c, struct kind *k,
                   const struct dr_json *filters, const struct rec **v)
{
    size_t n = 0;

    for (size_t i = 0; i < k->n; i++) {
        const struct rec *r = indexed(c, &k->v[i]);
        if (r && rec_exists(r) && !r->poison && !r->archived &&
            matches(c, r, filters)) {
            v[n++] = r;
        }
    }
    qsort(v, n, sizeof(const struct rec *), by_time);
    return n;
}

/* The body's own paging: a number, as offset APIs have it. */
static size_t place(const struct dr_json *body)
{
    int64_t at = 0;

    return dr_json_i64(dr_json_get(body, "after"), &at) || at < 0 ? 0
                                                                  : (size_t)at;
}

void records_search(struct call *c, struct kind *k)
{
    const struct dr_json *body =
        dr_json_parse(c->a, dr_httpd_body(c->req), NULL, NULL);
    size_t cap = (size_t)knob_int(c->w->knobs, "search_cap");
    int64_t asked = dr_json_get_i64(body, "limit", PAGE_MAX);
    size_t limit = asked > 0 && asked < PAGE_MAX ? (size_t)asked : PAGE_MAX;
    size_t from = place(body), i = from, n;
    const struct rec **v;

    if (dr_json_type(body) != DR_JSON_OBJECT) {
        fail(c, 400, "unsupported_parameter", "a search is a JSON object");
        return;
    }
    if (from + limit > cap) {
        fail(c, 400, "result_cap", "a search ends here: split the window");
        return;
    }
    v = dr_xcalloc(k->n + 1, sizeof(const struct rec *));
    n = find(c, k, dr_json_get(body, "filters"), v);
    dr_json_w_obj(&c->j);
    dr_json_w_kvi(&c->j, "total", (int64_t)n);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    for (; i < n && i < from + limit; i++) {
        record_write(c, k, v[i]);
    }
    dr_json_w_end(&c->j);
    dr_json_w_key(&c->j, "paging");
    if (i < n) {
        dr_json_w_raw(
            &c->j, dr_arena_printf(c->a, "{\"next\":{\"after\":\"%zu\"}}", i));
    } else {
        dr_json_w_null(&c->j);
    }
    server_time(c);
    dr_json_w_end(&c->j);
    free(v);
}
