/* Associations; a deal's line items are served as one (contract 4.6). */
#include <drover/base/time.h>

#include "call.h"

static void assoc_end(struct call *c, struct dr_str id, const struct assoc *a)
{
    char text[DR_TIME_TEXT];

    dr_json_w_obj(&c->j);
    dr_json_w_kv(&c->j, "id", id);
    dr_json_w_kvi(&c->j, "type_id", a ? a->type_id : 0);
    dr_json_w_kv(&c->j, "label", a ? a->label : DR_STR_LIT("Line item"));
    dr_json_w_kv(&c->j, "category", a ? a->category : DR_STR_LIT("system"));
    dr_json_w_kvb(&c->j, "primary", a && a->primary);
    if (a) {
        dr_json_w_kvz(&c->j, "updated_at", dr_time_format(a->updated_ms, text));
    }
    dr_json_w_end(&c->j);
}

/* The part of one row's ends that this answer has room for. */
struct window {
    uint64_t from, n, seen;
};

static bool inside(struct window *w)
{
    uint64_t i = w->seen++;

    return i >= w->from && i - w->from < w->n;
}

static void line_ends(struct call *c, struct dr_str deal, struct window *w)
{
    const struct kind *k = world_kind(c->w, DR_STR_LIT("line_item"));

    for (size_t i = 0; k && i < k->n; i++) {
        if (k->v[i].gone == LIVES && dr_str_eq(k->v[i].deal_id, deal) &&
            inside(w)) {
            assoc_end(c, k->v[i].id, NULL);
        }
    }
}

static void pair_ends(struct call *c, const struct pair *p, struct dr_str from,
                      struct window *w)
{
    for (size_t i = pair_from(p, from);
         i < p->n && dr_str_eq(p->v[i].from, from); i++) {
        if (inside(w)) {
            assoc_end(c, p->v[i].to, &p->v[i]);
        }
    }
}

/* NULL pair: a deal's lines. */
static void assoc_row(struct call *c, const struct pair *p, struct dr_str id,
                      struct dr_str after)
{
    struct window w = {.n = (uint64_t)knob_int(c->w->knobs, "ends_per_answer")};

    if (after.n == 0 || dr_str_u64(after, &w.from)) {
        w.from = 0;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_kv(&c->j, "from", id);
    dr_json_w_key(&c->j, "to");
    dr_json_w_arr(&c->j);
    if (p) {
        pair_ends(c, p, id, &w);
    } else {
        line_ends(c, id, &w);
    }
    dr_json_w_end(&c->j);
    dr_json_w_key(&c->j, "paging");
    if (w.seen > w.from + w.n) {
        bite(c->w, "ends_per_answer");
        dr_json_w_obj(&c->j);
        dr_json_w_key(&c->j, "next");
        dr_json_w_obj(&c->j);
        dr_json_w_kv(
            &c->j, "after",
            dr_arena_printf(c->a, "%llu", (unsigned long long)(w.from + w.n)));
        dr_json_w_end(&c->j);
        dr_json_w_end(&c->j);
    } else {
        dr_json_w_null(&c->j);
    }
    dr_json_w_end(&c->j);
}

void assoc_batch(struct call *c, struct dr_str from, struct dr_str to)
{
    bool lines = dr_str_eqz(from, "deal") && dr_str_eqz(to, "line_item");
    const struct pair *p = lines ? NULL : world_pair(c->w, from, to);
    const struct dr_json *body =
        dr_json_parse(c->a, dr_httpd_body(c->req), NULL, NULL);
    const struct dr_json *ids = dr_json_get(body, "ids");

    if (!lines && !p) {
        fail(c, 404, "not_found", "no such pair");
        return;
    }
    if (batch_poisoned(c, ids)) {
        return;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    DR_JSON_EACH(id, ids)
    {
        struct dr_str one = dr_json_scalar(id);
        assoc_row(
            c, p, one,
            dr_json_scalar(dr_json_gets(dr_json_get(body, "after"), one)));
    }
    dr_json_w_end(&c->j);
    server_time(c);
    dr_json_w_end(&c->j);
}

static void listed_row(struct call *c, struct dr_str from, struct dr_str to,
                       const struct assoc *a)
{
    dr_json_w_obj(&c->j);
    dr_json_w_kv(&c->j, "from", from);
    dr_json_w_key(&c->j, "to");
    assoc_end(c, to, a);
    dr_json_w_end(&c->j);
}

/* Lines in the order of their ids: a deal's set has no other. */
static size_t list_lines(struct call *c, size_t i, size_t limit, size_t *total)
{
    const struct kind *k = world_kind(c->w, DR_STR_LIT("line_item"));

    *total = k ? k->n : 0;
    for (size_t n = 0; i < *total && n < limit; i++) {
        const struct rec *r = &k->v[i];
        if (rec_exists(r) && r->deal_id.n > 0) {
            listed_row(c, r->deal_id, r->id, NULL);
            n++;
        }
    }
    return i;
}

void assoc_list(struct call *c, struct dr_str from, struct dr_str to)
{
    bool lines = dr_str_eqz(from, "deal") && dr_str_eqz(to, "line_item");
    const struct pair *p = lines ? NULL : world_pair(c->w, from, to);
    size_t limit = limit_of(c, PAGE_MAX), i = 0, total;
    struct dr_str after;
    uint64_t at = 0;

    if (!lines && !p) {
        fail(c, 404, "not_found", "no such pair");
        return;
    }
    if (!cursor(c, &after)) {
        return;
    }
    if (after.n > 0 && dr_str_u64(after, &at) == 0) {
        i = (size_t)at;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    if (lines) {
        i = list_lines(c, i, limit, &total);
    } else {
        total = p->n;
        for (size_t end = i + limit; i < end && i < total; i++) {
            listed_row(c, p->v[i].from, p->v[i].to, &p->v[i]);
        }
    }
    dr_json_w_end(&c->j);
    paging(c, dr_arena_printf(c->a, "%zu", i), i < total);
    server_time(c);
    dr_json_w_end(&c->j);
}

void assoc_changes(struct call *c)
{
    int64_t since = time_arg(c, "updated_since", INT64_MIN);
    int64_t before = time_arg(c, "updated_before", INT64_MAX);
    size_t limit = limit_of(c, PAGE_MAX), n = 0, i = 0;
    struct dr_str after, last = {"", 0};
    uint64_t from = 0;

    if (!cursor(c, &after)) {
        return;
    }
    if (after.n > 0 && dr_str_u64(after, &from) == 0) {
        i = (size_t)from;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    for (; i < c->w->moved_n && n < limit; i++) {
        const struct assoc_change *m = &c->w->moved[i];
        char text[DR_TIME_TEXT];
        if (m->ms < since || m->ms >= before || m->visible_ms > c->now) {
            continue;
        }
        dr_json_w_obj(&c->j);
        dr_json_w_kvz(&c->j, "op", m->removed ? "remove" : "add");
        dr_json_w_kv(&c->j, "from_type", m->from_type);
        dr_json_w_kv(&c->j, "to_type", m->to_type);
        dr_json_w_kv(&c->j, "from_id", m->from);
        dr_json_w_kv(&c->j, "to_id", m->to);
        dr_json_w_kvi(&c->j, "type_id", m->type_id);
        dr_json_w_kvz(&c->j, "updated_at", dr_time_format(m->ms, text));
        dr_json_w_end(&c->j);
        n++;
    }
    last = dr_arena_printf(c->a, "%zu", i);
    dr_json_w_end(&c->j);
    paging(c, last, i < c->w->moved_n);
    server_time(c);
    dr_json_w_end(&c->j);
}
