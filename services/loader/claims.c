/*
 * Nothing of ours can stand on a file or a link in the target, so one that
 * looks like the lost one may be another record's of the same name and size.
 * `landed` says which are: every document whose answer anybody has heard.
 */
#include "upload.h"

#include <stdlib.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>

#include "loader.h"

#define READ_MS 3000 /* at a time */
#define END_MS 5000

static void claim_key(struct dr_str type, uint64_t id, struct dr_buf *out)
{
    dr_buf_str(out, type);
    dr_buf_ch(out, ':');
    dr_buf_u64(out, id);
}

static void take(struct loader *l, const struct dr_kmsg *m)
{
    const struct dr_env *env;
    struct dr_buf key;

    dr_arena_reset(l->rows);
    env = m->value.p ? dr_wire_unpack(l->rows, m->value, NULL) : NULL;
    if (env && env->kind == DR_MSG_LANDED) {
        const struct dr_landed *d = &env->u.landed;
        dr_buf_init(&key, 256);
        claim_key(d->type, d->dst, &key);
        /* Of the key only that it is another one matters. */
        dr_map_put(l->claims, dr_buf_view(&key),
                   (void *)(uintptr_t)(dr_hash64(d->key) | 1));
        dr_buf_done(&key);
    }
    l->claims_at[m->partition] = m->offset + 1;
}

static bool begin(struct loader *l)
{
    const char *topics[1] = {
        l->lanes[dr_lane_index(DR_STR_LIT("file"))].landed_topic};
    struct dr_err err;

    l->claims_reader = dr_reader_new(&l->svc->kafka, topics, 1, &err);
    if (!l->claims_reader) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
    }
    l->claims = dr_map_new(NULL);
    l->claims_at = dr_xcalloc((size_t)l->parts, sizeof(*l->claims_at));
    for (int32_t p = 0; p < l->parts; p++) {
        dr_reader_add(l->claims_reader, 0, p, DR_OFFSET_BEGIN);
    }
    return true;
}

static bool behind(const struct loader *l, const int64_t *ends)
{
    for (int32_t p = 0; p < l->parts; p++) {
        if (l->claims_at[p] < ends[p]) {
            return true;
        }
    }
    return false;
}

bool claims_read(struct loader *l)
{
    int64_t until = dr_mono_ms() + READ_MS;
    struct dr_kmsg m;
    struct dr_err err;
    int64_t *ends;
    bool there;

    if (!l->claims_reader) {
        (void)begin(l);
    }
    ends = dr_xcalloc((size_t)l->parts, sizeof(*ends));
    there = dr_reader_ends(l->claims_reader, l->parts, END_MS, ends, &err) == 0;
    while (there && behind(l, ends)) {
        if (dr_reader_poll(l->claims_reader, 50, &m)) {
            take(l, &m);
        }
        there = dr_mono_ms() < until;
    }
    free(ends);
    return there;
}

bool claimed(const struct loader *l, const struct item *it, uint64_t id)
{
    struct dr_buf key;
    uintptr_t who;

    dr_buf_init(&key, 256);
    claim_key(dr_str_z(it->type->name), id, &key);
    who = (uintptr_t)dr_map_get(l->claims, dr_buf_view(&key));
    dr_buf_done(&key);
    return who != 0 && who != (uintptr_t)(dr_hash64(it->key) | 1);
}
