/*
 * The view of `control`: state, plan and sample, read from the beginning.
 * The strings of the view live in arenas of their own and stay until the next
 * change of that part.
 */
#include <drover/service/service.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/base/map.h>
#include <drover/crypto/crypto.h>

#define END_MS 60000
#define RECORD_MAX ((size_t)64 << 20)
#ifndef CONTROL_TELL_MS
#define CONTROL_TELL_MS 60000 /* the services of a migration start together */
#endif

struct held {
    struct dr_arena *arena;
    const struct dr_env *env;
};

struct dr_control_reader {
    struct dr_reader *reader;
    char topic[DR_TOPIC_MAX];
    int64_t end, next;
    int64_t opened_ms;
    bool told; /* that nothing was said, or that something was */
    struct held state;
    struct dr_map *plans;   /* hex hash -> struct held */
    struct dr_map *samples; /* "pass" -> struct held   */
    struct held *removals;  /* in the order they were approved */
    size_t removal_cap;
    struct dr_control_view view;
    uint8_t migration[16];
};

static void held_free(void *p)
{
    struct held *h = p;

    if (h) {
        dr_arena_free(h->arena);
        free(h);
    }
}

struct dr_control_reader *dr_control_open(struct dr_service *svc,
                                          struct dr_err *err)
{
    struct dr_control_reader *r = dr_xcalloc(1, sizeof(*r));
    const char *topics[1];

    dr_topic(svc, r->topic, "control", NULL);
    topics[0] = r->topic;
    memcpy(r->migration, svc->migration_id, sizeof(r->migration));
    r->plans = dr_map_new(held_free);
    r->samples = dr_map_new(held_free);
    r->view.state.phase = DR_STR_LIT("audit");
    r->reader = dr_reader_new(&svc->kafka, topics, 1, err);
    if (!r->reader || dr_reader_end(r->reader, 0, 0, END_MS, &r->end, err)) {
        dr_control_free(r);
        return NULL;
    }
    dr_reader_add(r->reader, 0, 0, DR_OFFSET_BEGIN);
    r->opened_ms = dr_mono_ms();
    r->view.caught_up = r->end == 0;
    return r;
}

void dr_control_free(struct dr_control_reader *r)
{
    if (!r) {
        return;
    }
    dr_reader_free(r->reader);
    dr_arena_free(r->state.arena);
    dr_map_free(r->plans);
    dr_map_free(r->samples);
    for (size_t i = 0; i < r->view.removal_count; i++) {
        dr_arena_free(r->removals[i].arena);
    }
    free(r->removals);
    free(r->view.removals);
    free(r);
}

/* Points the view at the plan and the sample that the state names. */
static void refresh(struct dr_control_reader *r)
{
    const struct dr_control *s = &r->view.state;
    char key[65];
    const struct held *h;

    r->view.plan_json = (struct dr_str){NULL, 0};
    r->view.plan_count = dr_map_count(r->plans);
    r->view.sample = (struct dr_sample){0};
    if (s->plan_hash.n == 32) {
        dr_hex(s->plan_hash.p, 32, key);
        h = dr_map_get(r->plans, dr_str_z(key));
        if (h) {
            r->view.plan_json = h->env->u.plan.json;
        }
    }
    (void)snprintf(key, sizeof(key), "%u", (unsigned)s->pass);
    h = dr_map_get(r->samples, dr_str_z(key));
    if (h) {
        r->view.sample = h->env->u.sample;
    }
}

static void keep(struct dr_map *m, const char *key, struct dr_arena *arena,
                 const struct dr_env *env)
{
    struct held *h = dr_xcalloc(1, sizeof(*h));

    *h = (struct held){arena, env};
    dr_map_put(m, dr_str_z(key), h);
}

/* Each list once: one that was sent twice has the same number. */
static bool take_removals(struct dr_control_reader *r, struct dr_arena *a,
                          const struct dr_env *env)
{
    struct dr_control_view *v = &r->view;
    size_t n = v->removal_count;

    if (env->u.removals.seq != n + 1) {
        return false;
    }
    if (n == r->removal_cap) {
        r->removal_cap = n ? n * 2 : 8;
        r->removals =
            dr_xrealloc(r->removals, r->removal_cap * sizeof(*r->removals));
        v->removals =
            dr_xrealloc(v->removals, r->removal_cap * sizeof(*v->removals));
    }
    r->removals[n] = (struct held){a, env};
    v->removals[n] = env->u.removals;
    v->removal_count++;
    return true;
}

/* Takes the arena when the record is kept. */
static bool take(struct dr_control_reader *r, struct dr_arena *a,
                 const struct dr_env *env)
{
    char key[65];

    switch ((int)env->kind) {
    case DR_MSG_CONTROL:
        dr_arena_free(r->state.arena);
        r->state = (struct held){a, env};
        r->view.state = env->u.control;
        return true;
    case DR_MSG_PLAN:
        if (env->u.plan.hash.n != 32) {
            return false;
        }
        dr_hex(env->u.plan.hash.p, 32, key);
        keep(r->plans, key, a, env);
        return true;
    case DR_MSG_SAMPLE:
        (void)snprintf(key, sizeof(key), "%u", (unsigned)env->u.sample.pass);
        keep(r->samples, key, a, env);
        if (env->u.sample.pass >= r->view.last_sample.pass) {
            r->view.last_sample = env->u.sample;
        }
        return true;
    case DR_MSG_REMOVALS:
        return take_removals(r, a, env);
    default:
        return false;
    }
}

static bool one_message(struct dr_control_reader *r, const struct dr_kmsg *m)
{
    struct dr_arena *a = dr_arena_new(RECORD_MAX);
    struct dr_err err = {0};
    struct dr_str bytes = dr_arena_dup(a, m->value);
    const struct dr_env *env =
        m->value.p ? dr_wire_unpack(a, bytes, &err) : NULL;

    if (env && memcmp(env->migration, r->migration, 16) == 0 &&
        take(r, a, env)) {
        refresh(r);
        return true;
    }
    if (m->value.p) {
        dr_log(DR_LOG_WARN, "control.ignored", "offset=%lld %s",
               (long long)m->offset,
               env ? "another migration's, or no record of control" : err.text);
    }
    dr_arena_free(a);
    return false;
}

/* It may be days until people decide something, or the auditor may be missing:
 * whoever looks why nothing happens finds it here. */
static void tell_waiting(struct dr_control_reader *r)
{
    if (r->told || (r->view.caught_up && r->view.state.seq == 0 &&
                    dr_mono_ms() - r->opened_ms < CONTROL_TELL_MS)) {
        return;
    }
    if (r->view.caught_up && r->view.state.seq == 0) {
        dr_log(DR_LOG_INFO, "control.waits",
               "%s is empty: nothing was decided yet, or no auditor runs for "
               "this migration; what needs an approved plan waits for it",
               r->topic);
    }
    r->told = r->view.caught_up;
}

bool dr_control_poll(struct dr_control_reader *r)
{
    bool changed = false;
    struct dr_kmsg m;

    while (dr_reader_poll(r->reader, 0, &m)) {
        changed |= one_message(r, &m);
        r->next = m.offset + 1;
        if (r->next >= r->end) {
            r->view.caught_up = true;
        }
    }
    tell_waiting(r);
    return changed;
}

const struct dr_control_view *dr_control(const struct dr_control_reader *r)
{
    return &r->view;
}
