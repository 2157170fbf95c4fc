/*
 * The account: plan, scopes, throttling (contract 4.2, 4.12, 4.13). As the
 * folder has it until a plan, a scope or a lift changes in mid-run.
 */
#include <stdio.h>
#include <string.h>

#include <drover/base/time.h>

#include "call.h"

#define LIFT_MAX_MS ((int64_t)60 * 86400000)

/* What a plan brings (contract 4.13: an assumption). */
struct tier {
    const char *plan;
    enum event_shape shape;
    bool bulk_export, custom_objects;
    int tombstone_days;
    int jobs_at_once, jobs_a_day;
    int64_t file_bytes;
};

static const struct tier tiers[] = {
    {"starter", SHAPE_FLAT, false, false, 7, 0, 0, (int64_t)10 << 20},
    {"growth", SHAPE_TYPED, true, true, 30, 2, 20, (int64_t)25 << 20},
    {"enterprise", SHAPE_NESTED, true, true, 90, 5, 100, (int64_t)100 << 20},
};

static const struct dr_json *account_of(const struct world *w)
{
    return dr_json_get(w->manifest, "account");
}

struct dr_str tenant_plan(const struct world *w)
{
    return w->plan[0] ? dr_str_z(w->plan)
                      : dr_json_get_str(account_of(w), "plan");
}

static const struct tier *tier_of(const struct world *w)
{
    struct dr_str plan = tenant_plan(w);

    for (size_t i = 0; i < DR_ARRAY_LEN(tiers); i++) {
        if (dr_str_eqz(plan, tiers[i].plan)) {
            return &tiers[i];
        }
    }
    return &tiers[DR_ARRAY_LEN(tiers) - 1];
}

/* A plan that was changed brings all of its tier; the folder's own what its
 * account says. */
static const struct dr_json *own(const struct world *w, const char *name)
{
    return w->plan[0]
               ? NULL
               : dr_json_get(dr_json_get(account_of(w), "capabilities"), name);
}

bool tenant_may(const struct world *w, const char *capability)
{
    const struct dr_json *said = own(w, capability);
    const struct tier *t = tier_of(w);

    if (said) {
        return dr_json_true(said);
    }
    return dr_str_eqz(dr_str_z(capability), "bulk_export") ? t->bulk_export
                                                           : t->custom_objects;
}

enum event_shape tenant_shape(const struct world *w)
{
    return tier_of(w)->shape;
}

int64_t tenant_tombstone_ms(const struct world *w)
{
    int64_t days = tier_of(w)->tombstone_days;

    if (dr_json_i64(own(w, "tombstone_retention_days"), &days)) {
        days = tier_of(w)->tombstone_days;
    }
    return days * 86400000;
}

int tenant_jobs(const struct world *w, bool a_day)
{
    return a_day ? tier_of(w)->jobs_a_day : tier_of(w)->jobs_at_once;
}

/* ---- scopes ---- */

bool tenant_scope(const struct world *w, const char *scope)
{
    struct dr_str rest = dr_str_z(knob_text(w->knobs, "scopes"));

    if (!dr_str_eqz(rest, "folder")) {
        while (rest.n > 0) {
            if (dr_str_eqz(dr_str_split(&rest, ','), scope)) {
                return true;
            }
        }
        return false;
    }
    DR_JSON_EACH(s, dr_json_get(account_of(w), "scopes"))
    {
        if (dr_str_eqz(dr_json_str(s), scope)) {
            return true;
        }
    }
    return false;
}

/* ---- the lift ---- */

/* Stamps are those of the simulated clock; small numbers count from now. */
void tenant_lift(struct world *w, int64_t from_ms, int64_t until_ms)
{
    int64_t now = vclock_now(&w->clock);
    int64_t small = (int64_t)1000 * 86400000;

    w->lift_from_ms = from_ms < small ? now + from_ms : from_ms;
    w->lift_until_ms = until_ms < small ? now + until_ms : until_ms;
    if (w->lift_until_ms > w->lift_from_ms + LIFT_MAX_MS) {
        w->lift_until_ms = w->lift_from_ms + LIFT_MAX_MS;
    }
}

/* The knob: "FROM/UNTIL", times or milliseconds from now; empty ends it. */
void tenant_tick(struct world *w)
{
    struct dr_str rest = dr_str_z(knob_text(w->knobs, "lift"));
    struct dr_str from;
    int64_t a, b;

    if (dr_str_eqz(rest, w->lift_knob)) {
        return;
    }
    (void)snprintf(w->lift_knob, sizeof(w->lift_knob), DR_STR_FMT,
                   DR_STR_ARG(rest));
    w->lift_from_ms = w->lift_until_ms = 0;
    from = dr_str_split(&rest, '/');
    if (rest.p &&
        (dr_str_i64(from, &a) == 0 || dr_time_parse(from, &a, NULL) == 0) &&
        (dr_str_i64(rest, &b) == 0 || dr_time_parse(rest, &b, NULL) == 0)) {
        tenant_lift(w, a, b);
    }
}

bool tenant_lifted(const struct world *w, int64_t now)
{
    return dr_str_eqz(tenant_plan(w), "enterprise") && w->lift_from_ms <= now &&
           now < w->lift_until_ms;
}

/* ---- GET /account ---- */

static void scopes(struct call *c, const struct dr_json *as_is)
{
    struct dr_str rest = dr_str_z(knob_text(c->w->knobs, "scopes"));

    if (dr_str_eqz(rest, "folder")) {
        dr_json_w_tree(&c->j, as_is);
        return;
    }
    dr_json_w_arr(&c->j);
    while (rest.n > 0) {
        dr_json_w_str(&c->j, dr_str_split(&rest, ','));
    }
    dr_json_w_end(&c->j);
}

static void capabilities(struct call *c, const struct dr_json *as_is)
{
    static const char *const shapes[] = {"flat", "typed", "nested"};
    struct world *w = c->w;

    dr_json_w_obj(&c->j);
    DR_JSON_EACH(m, as_is)
    {
        dr_json_w_keys(&c->j, m->key);
        if (dr_str_eqz(m->key, "number_encoding")) {
            dr_json_w_z(&c->j, numbers_bare(w) ? "json" : "string");
        } else if (!w->plan[0]) {
            dr_json_w_tree(&c->j, m);
        } else if (dr_str_eqz(m->key, "bulk_export") ||
                   dr_str_eqz(m->key, "custom_objects")) {
            char name[32];
            (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(m->key));
            dr_json_w_bool(&c->j, tenant_may(w, name));
        } else if (dr_str_eqz(m->key, "event_schema")) {
            dr_json_w_z(&c->j, shapes[tenant_shape(w)]);
        } else if (dr_str_eqz(m->key, "tombstone_retention_days")) {
            dr_json_w_i64(&c->j, tenant_tombstone_ms(w) / 86400000);
        } else {
            dr_json_w_tree(&c->j, m);
        }
    }
    dr_json_w_end(&c->j);
}

static void throttle(struct call *c, const struct dr_json *as_is)
{
    char text[DR_TIME_TEXT];

    if (!tenant_lifted(c->w, c->now)) {
        dr_json_w_tree(&c->j, as_is);
        return;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_kvz(&c->j, "policy", "lifted");
    dr_json_w_kvz(
        &c->j, "lifted_until",
        dr_time_format(c->w->lift_until_ms - c->w->lift_until_ms % 1000, text));
    dr_json_w_end(&c->j);
}

void account(struct call *c)
{
    dr_json_w_obj(&c->j);
    DR_JSON_EACH(m, account_of(c->w))
    {
        dr_json_w_keys(&c->j, m->key);
        if (dr_str_eqz(m->key, "plan")) {
            dr_json_w_str(&c->j, tenant_plan(c->w));
        } else if (dr_str_eqz(m->key, "scopes")) {
            scopes(c, m);
        } else if (dr_str_eqz(m->key, "capabilities")) {
            capabilities(c, m);
        } else if (dr_str_eqz(m->key, "throttle")) {
            throttle(c, m);
        } else {
            dr_json_w_tree(&c->j, m);
        }
    }
    server_time(c);
    dr_json_w_end(&c->j);
}

/* ---- what is refused ---- */

static bool needs(struct call *c, const char *scope)
{
    if (tenant_scope(c->w, scope)) {
        return true;
    }
    bite(c->w, "scopes.refused");
    fail(c, 403, "forbidden_scope", scope);
    return false;
}

static bool is_custom(struct world *w, struct dr_str type)
{
    DR_JSON_EACH(o, dr_json_get(dr_json_get(w->schema, "objects"), "results"))
    {
        if (dr_str_eq(dr_json_get_str(o, "type"), type)) {
            return dr_json_true(dr_json_get(o, "custom"));
        }
    }
    return false;
}

bool tenant_admits(struct call *c, struct dr_str head, struct dr_str type)
{
    if (dr_str_eqz(head, "automation")) {
        return needs(c, "automation.read");
    }
    if (dr_str_eqz(head, "attachments")) {
        return needs(c, "files.read");
    }
    if (dr_str_eqz(head, "account")) {
        return true;
    }
    if (!needs(c, "objects.read")) {
        return false;
    }
    if (dr_str_eqz(head, "objects") && is_custom(c->w, type) &&
        !tenant_may(c->w, "custom_objects")) {
        bite(c->w, "plan.refused");
        fail(c, 403, "plan_feature_unavailable",
             "the plan has no custom objects");
        return false;
    }
    return true;
}

void tenant_objects(struct call *c)
{
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    DR_JSON_EACH(o,
                 dr_json_get(dr_json_get(c->w->schema, "objects"), "results"))
    {
        dr_json_w_obj(&c->j);
        DR_JSON_EACH(m, o)
        {
            dr_json_w_keys(&c->j, m->key);
            if (dr_str_eqz(m->key, "readable") &&
                dr_json_true(dr_json_get(o, "custom"))) {
                dr_json_w_bool(&c->j, false);
            } else {
                dr_json_w_tree(&c->j, m);
            }
        }
        dr_json_w_end(&c->j);
    }
    dr_json_w_end(&c->j);
    server_time(c);
    dr_json_w_end(&c->j);
}
