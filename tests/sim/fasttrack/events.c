/* Events, append-only, and their schema by plan (contract 4.7). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#include "call.h"

static int event_order(const void *a, const void *b)
{
    const struct event *x = a;
    const struct event *y = b;

    if (x->ingested_ms != y->ingested_ms) {
        return x->ingested_ms < y->ingested_ms ? -1 : 1;
    }
    return dr_str_cmp(x->id, y->id);
}

void events_sort(struct world *w)
{
    if (w->event_n > 1) {
        qsort(w->events, w->event_n, sizeof(*w->events), event_order);
    }
}

void events_add(struct world *w, const struct event *e)
{
    if (w->event_n == w->event_cap) {
        w->event_cap = w->event_cap ? w->event_cap * 2 : 256;
        w->events = dr_xrealloc(w->events, w->event_cap * sizeof(*w->events));
    }
    w->events[w->event_n++] = *e;
}

const char *events_ingest(struct world *w, const struct dr_json *j, int64_t ms)
{
    struct event e = {.ingested_ms = ms - ms % 1000,
                      .id = dr_json_scalar(dr_json_get(j, "id")),
                      .type = dr_json_get_str(j, "type"),
                      .poison = dr_json_true(dr_json_get(j, "poison"))};
    int64_t lag = knob_int(w->knobs, "visibility_lag_ms");
    char at[DR_TIME_TEXT];
    struct dr_json_w out;
    struct dr_buf b;

    if (e.id.n == 0 || e.type.n == 0) {
        return "an event needs an id and a type";
    }
    dr_time_format(e.ingested_ms, at);
    dr_buf_init(&b, (size_t)64 << 20);
    dr_json_w_init(&out, &b);
    dr_json_w_obj(&out);
    DR_JSON_EACH(m, j)
    {
        if (!dr_str_eqz(m->key, "ingested_at")) {
            dr_json_w_keys(&out, m->key);
            dr_json_w_tree(&out, m);
        }
    }
    dr_json_w_kvz(&out, "ingested_at", at);
    dr_json_w_end(&out);
    e.line = dr_arena_dup(w->arena, dr_buf_view(&b));
    e.visible_ms = lag > 0 ? ms + lag : 0;
    dr_buf_done(&b);
    events_add(w, &e);
    events_sort(w);
    return NULL;
}

/* ---- pages ---- */

static int64_t occurred(struct call *c, const struct event *e)
{
    const struct dr_json *j = dr_json_parse(c->a, e->line, NULL, NULL);
    int64_t ms;

    return dr_time_parse(dr_json_get_str(j, "occurred_at"), &ms, NULL)
               ? INT64_MAX
               : ms;
}

static bool wanted(struct call *c, const struct event *e)
{
    struct dr_str type = dr_httpd_arg(c->req, "type");
    int64_t since = time_arg(c, "occurred_since", INT64_MIN);

    return e->visible_ms <= c->now &&
           (!type.p || type.n == 0 || dr_str_eq(type, e->type)) &&
           (since == INT64_MIN || e->poison || occurred(c, e) >= since);
}

static bool behind(const struct event *e, int64_t ms, struct dr_str id)
{
    return e->ingested_ms > ms ||
           (e->ingested_ms == ms && dr_str_cmp(e->id, id) > 0);
}

static struct dr_str place_of(struct call *c, const struct event *e)
{
    return dr_arena_printf(c->a, "%lld " DR_STR_FMT, (long long)e->ingested_ms,
                           DR_STR_ARG(e->id));
}

void events_list(struct call *c)
{
    size_t limit = limit_of(c, PAGE_MAX), i = 0, n = 0;
    struct dr_str last = {"", 0}, id;
    int64_t ms;

    if (!change_cursor(c, &ms, &id)) {
        return;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    for (; i < c->w->event_n && n < limit; i++) {
        const struct event *e = &c->w->events[i];
        if (!behind(e, ms, id) || !wanted(c, e)) {
            continue;
        }
        last = place_of(c, e);
        if (e->poison) {
            unreadable_event(c, e->id, last);
            return;
        }
        dr_json_w_raw(&c->j, e->line);
        n++;
    }
    while (i < c->w->event_n && !wanted(c, &c->w->events[i])) {
        i++;
    }
    dr_json_w_end(&c->j);
    paging(c, last, n > 0 && i < c->w->event_n);
    server_time(c);
    dr_json_w_end(&c->j);
}

/* ---- schema ---- */

/* By plan: nothing, names and types, or all versions with their fields. */
void events_schema(struct call *c)
{
    const struct dr_json *list =
        dr_json_get(dr_json_get(c->w->schema, "events"), "results");
    bool nested = tenant_shape(c->w) == SHAPE_NESTED;

    if (tenant_shape(c->w) == SHAPE_FLAT) {
        fail(c, 403, "plan_feature_unavailable",
             "the plan has no schema of events");
        return;
    }
    if (unchanged(c, list)) {
        return;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    DR_JSON_EACH(e, list)
    {
        dr_json_w_obj(&c->j);
        dr_json_w_kv(&c->j, "type", dr_json_get_str(e, "type"));
        dr_json_w_kv(&c->j, "name", dr_json_get_str(e, "name"));
        if (nested && dr_json_get(e, "versions")) {
            dr_json_w_key(&c->j, "versions");
            dr_json_w_tree(&c->j, dr_json_get(e, "versions"));
        }
        dr_json_w_end(&c->j);
    }
    dr_json_w_end(&c->j);
    server_time(c);
    dr_json_w_end(&c->j);
}
