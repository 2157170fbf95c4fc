/*
 * One at a time for a record that others change, too: between the read of its
 * custom fields and the write of all of them nobody else may write it. The
 * right to is in Redis, for the others may be another loader's. It outlives a
 * write of unknown outcome by the quarantine, and ends with the item.
 */
#include "loader.h"

#include <inttypes.h>
#include <stdio.h>

#define BEYOND_MS 120000 /* S, T and a look, over the quarantine */

static const char *lock_name(const struct item *it, uint64_t dst, char out[128])
{
    (void)snprintf(out, 128, "record:%s:%" PRIu64, it->type->name, dst);
    return out;
}

bool fold_needed(const struct item *it)
{
    bool whole =
        it->route.way == WAY_UPDATE && it->type->entity && !it->type->module;

    return it->route.dst != 0 && (whole || it->route.way == WAY_FOLD);
}

static int lock(struct loader *l, struct item *it, const char *name)
{
    int64_t ttl = l->quarantine_ms + BEYOND_MS;
    struct dr_err err;
    int rc = dr_store_walk_lock(l->store, name, it->key_text, (int)ttl, &err);

    if (rc < 0) {
        view_failed(l, &err);
    }
    return rc;
}

bool fold_enter(struct loader *l, struct item *it)
{
    char name[128];
    struct dr_err err;
    int rc;

    (void)lock_name(it, it->route.dst, name);
    rc = lock(l, it, name);
    if (rc == 0) {
        /* Our own from before, perhaps: an attempt that was tried again. */
        if (dr_store_walk_unlock(l->store, name, it->key_text, -1, &err)) {
            view_failed(l, &err);
            return false;
        }
        rc = lock(l, it, name);
    }
    it->locked |= rc == 1;
    return rc == 1;
}

void fold_leave(struct loader *l, struct item *it)
{
    uint64_t dst = it->route.dst ? it->route.dst : it->fact.dst;
    char name[128];
    struct dr_err err;

    if ((!it->locked && !it->fold) || dst == 0 || !l->view_up) {
        return;
    }
    it->locked = false;
    if (dr_store_walk_unlock(l->store, lock_name(it, dst, name), it->key_text,
                             -1, &err)) {
        view_failed(l, &err);
    }
}
