/*
 * What the transformer set aside does not come: who waits for it in the tail
 * need not. `rejected` says so; it is read on while somebody waits. Only what
 * was said in this pass counts, and of a whole record.
 */
#include "loader.h"

#include <drover/base/clock.h>

#define READ_MS 20
/* Of those beyond it nothing is known: they are waited for. */
#define FATES_MAX 200000
/* A corrected version may be on its way, and wait for a call itself: half of
 * the unit of patience is waited all the same. */
#define SHARE 2

static void begin(struct loader *l)
{
    const char *topics[1] = {l->rejected_topic};
    struct dr_err err;

    l->fates_reader = dr_reader_new(&l->svc->kafka, topics, 1, &err);
    if (!l->fates_reader) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
    }
    l->fates = dr_map_new(NULL);
    for (int32_t p = 0; p < l->parts; p++) {
        dr_reader_add(l->fates_reader, 0, p, DR_OFFSET_BEGIN);
    }
}

static void take(struct loader *l, const struct dr_kmsg *m)
{
    const struct dr_env *env;

    dr_arena_reset(l->rows);
    env = m->value.p ? dr_wire_unpack(l->rows, m->value, NULL) : NULL;
    if (env && env->kind == DR_MSG_REJECTED) {
        const struct dr_rejected *r = &env->u.rejected;
        if (dr_str_eqz(r->stage, "transform") && !r->partial &&
            r->part_id.n == 0 && r->pass >= l->pass &&
            (dr_map_count(l->fates) < FATES_MAX ||
             dr_map_has(l->fates, m->key))) {
            dr_map_put(l->fates, m->key, (void *)(uintptr_t)r->pass);
        }
    }
}

void fates_read(struct loader *l)
{
    int64_t until = dr_mono_ms() + READ_MS;
    struct dr_kmsg m;

    if (!l->fates_reader) {
        begin(l);
    }
    if (l->fates_pass != l->pass) { /* what the last one said is no matter */
        dr_map_free(l->fates);
        l->fates = dr_map_new(NULL);
        l->fates_pass = l->pass;
    }
    while (dr_mono_ms() < until && dr_reader_poll(l->fates_reader, 1, &m)) {
        take(l, &m);
    }
}

void fates_mark(const struct loader *l, const struct item *it,
                const struct dr_str *keys, size_t n, struct dr_fact *facts)
{
    if (!l->fates || !it->tail || it->since_ms == 0 ||
        l->now_ms - it->since_ms < l->parent_wait_ms / SHARE) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (facts[i].state == DR_FACT_NONE &&
            (uintptr_t)dr_map_get(l->fates, keys[i]) == l->pass) {
            facts[i].state = DR_FACT_REFUSED;
        }
    }
}
