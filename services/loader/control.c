/* What control says: phase, pass, plan, open lanes, the catalogue's number. */
#include "loader.h"

#include <string.h>

#include <drover/base/log.h>

static bool writes(struct dr_str phase)
{
    static const char *const phases[] = {"sample", "run", "freeze", "cutover"};

    for (size_t i = 0; i < DR_ARRAY_LEN(phases); i++) {
        if (dr_str_eqz(phase, phases[i])) {
            return true;
        }
    }
    return false;
}

static bool named(const struct dr_control *c, const char *lane)
{
    for (size_t i = 0; i < c->open_lane_count; i++) {
        if (dr_str_eqz(c->open_lanes[i], lane)) {
            return true;
        }
    }
    return false;
}

/* The one thing the loader needs of the plan: an account that the admin named
 * for contacts without one. */
static void take_plan(struct loader *l, const struct dr_control_view *v)
{
    const struct dr_json *plan;
    int64_t id;

    l->has_plan = v->state.plan_hash.n == sizeof(l->plan_hash);
    l->orphan_dst = 0;
    if (!l->has_plan) {
        return;
    }
    memcpy(l->plan_hash, v->state.plan_hash.p, sizeof(l->plan_hash));
    dr_arena_reset(l->rows);
    plan = dr_json_parse(l->rows, v->plan_json, NULL, NULL);
    if (dr_json_i64(dr_json_get(dr_json_get(plan, "orphans"), "account_id"),
                    &id) == 0 &&
        id > 0) {
        l->orphan_dst = (uint64_t)id;
    }
}

static void open_or_close(struct loader *l, struct lane *lane, bool open)
{
    if (open != lane->open) {
        lane->barrier = BARRIER_NO;
        lane->input_ms = l->now_ms;
    }
    lane->open = open;
    lane->halted = false;
    for (int32_t p = 0; p < l->parts; p++) {
        struct lanepart *lp = &l->lps[lane->index * l->parts + p];
        if (lp->assigned) {
            lp_flow(lp);
        }
    }
}

void control_changed(struct loader *l)
{
    const struct dr_control_view *v = dr_control(l->control);
    const struct dr_control *c = &v->state;
    bool new_pass = c->pass != l->pass;

    take_plan(l, v);
    l->pass = c->pass;
    l->freezing = dr_str_eqz(c->phase, "freeze");
    l->catalog_wanted = c->catalog_seq;
    l->working = writes(c->phase) && !c->paused && l->has_plan && c->pass > 0;
    for (size_t i = 0; i < LANES; i++) {
        bool open = writes(c->phase) && named(c, l->lanes[i].name);
        if (new_pass) {
            l->lanes[i].barrier = BARRIER_NO;
        }
        open_or_close(l, &l->lanes[i], open);
    }
    if (new_pass) {
        items_yield(l);
    }
    dr_log(DR_LOG_INFO, "loader.control",
           "phase=" DR_STR_FMT " pass=%u working=%d lanes=%zu",
           DR_STR_ARG(c->phase), (unsigned)c->pass, (int)l->working,
           c->open_lane_count);
}

void lane_halt(struct lane *lane, const char *why)
{
    if (!lane->halted) {
        dr_log(DR_LOG_ERROR, "loader.lane_halted", "lane=%s %s", lane->name,
               why);
    }
    lane->halted = true;
}

void lane_halt_forbidden(struct lane *lane)
{
    lane_halt(lane, "the target forbids it (403): give the key's user the "
                    "right to write this kind, and the account a plan that "
                    "has it; then `drover resume`");
}
