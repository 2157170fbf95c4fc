/* What the loader says of itself, once a second while something changes. */
#include "loader.h"

#include <stdio.h>
#include <string.h>

#define STATUS_MS 1000

static const char *waiting_for(const struct loader *l)
{
    bool open = false;

    if (l->now_ms < l->rate_wait_ms && (l->urgent.first || l->normal.first)) {
        return "rate";
    }
    for (size_t i = 0; i < LANES; i++) {
        open |= l->lanes[i].open && l->lanes[i].barrier == BARRIER_OK;
    }
    return l->working && !open ? "lane" : "none";
}

static void partitions(const struct loader *l, struct dr_json_w *w)
{
    dr_json_w_key(w, "partitions");
    dr_json_w_arr(w);
    for (int32_t p = 0; p < l->parts; p++) {
        if (l->lps[p].assigned) {
            dr_json_w_i64(w, p);
        }
    }
    dr_json_w_end(w);
}

/* What stands there may not be read: it waits for a person. */
static bool forbids(const struct lane *lane)
{
    const struct item *it = lane->waiting.first;

    while (it && it->look_status != 403) {
        it = it->next;
    }
    return it != NULL;
}

static void lanes(const struct loader *l, struct dr_json_w *w)
{
    dr_json_w_key(w, "lanes");
    dr_json_w_obj(w);
    for (size_t i = 0; i < LANES; i++) {
        const struct lane *lane = &l->lanes[i];
        *lane->m_done = (int64_t)lane->done;
        *lane->m_refused = (int64_t)lane->refused;
        dr_json_w_key(w, lane->name);
        dr_json_w_obj(w);
        dr_json_w_kvi(w, "done", (int64_t)lane->done);
        dr_json_w_kvi(w, "refused", (int64_t)lane->refused);
        dr_json_w_kvi(w, "in_flight", (int64_t)lane->held);
        if (lane->halted || forbids(lane)) {
            dr_json_w_kvb(w, "halted", true);
        }
        if (lane->single_creates) {
            dr_json_w_kvb(w, "single_creates", true);
        }
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

void status_pump(struct loader *l, bool now)
{
    struct dr_env env = {.kind = DR_MSG_CATALOG};
    struct dr_json_w w;
    struct dr_buf json;
    char name[96], key[128];

    if (!now && l->now_ms < l->status_ms) {
        return;
    }
    l->status_ms = l->now_ms + STATUS_MS;
    dr_buf_init(&json, 64 << 10);
    dr_json_w_init(&w, &json);
    dr_json_w_obj(&w);
    partitions(l, &w);
    lanes(l, &w);
    dr_json_w_kvi(&w, "calls", (int64_t)l->calls);
    dr_json_w_kvi(&w, "refused_429", (int64_t)l->refused_429);
    dr_json_w_kvz(&w, "waiting", waiting_for(l));
    dr_json_w_kvi(&w, "pass", l->pass);
    dr_json_w_kvi(&w, "check_to_send_ms_max", *l->m_gap);
    dr_json_w_end(&w);
    (void)snprintf(name, sizeof(name), "loader:%s", l->svc->id);
    (void)snprintf(key, sizeof(key), "status:%s", name);
    env.u.catalog = (struct dr_catalog){.side = DR_STR_LIT("status"),
                                        .name = dr_str_z(name),
                                        .json = dr_buf_view(&json)};
    dr_service_send(l->svc, l->out, l->catalog_topic, 0, dr_str_z(key), &env,
                    NULL, NULL);
    dr_buf_done(&json);
}
