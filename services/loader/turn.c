/*
 * One at a time. For a record that others change, too: between the read of its
 * custom fields and the write of all of them nobody else may write it; nor a
 * deal between the write of its lines and that of the amount they changed. For
 * files and links that are alike, since nothing of ours can stand on them: when
 * an answer was lost, only one of them can be the one that is found. The right
 * to is in Redis, for the others may be another loader's. It outlives a write
 * of unknown outcome by the quarantine, and ends with the item.
 */
#include "loader.h"

#include <inttypes.h>
#include <stdio.h>

#define BEYOND_MS 120000 /* S, T and a look, over the quarantine */

static bool by_content(const struct item *it)
{
    return it->type && it->type->ident == IDENT_CONTENT;
}

static const char *lock_name(const struct item *it, uint64_t dst, char out[128])
{
    if (by_content(it)) {
        (void)snprintf(out, 128, "alike:%016" PRIx64, it->alike);
    } else {
        (void)snprintf(out, 128, "record:%s:%" PRIu64, it->type->name, dst);
    }
    return out;
}

uint64_t turn_alike(const struct dr_load *load, const char *place)
{
    static const char *const names[] = {"file_name", "url", "name"};
    struct dr_buf b;
    uint64_t out;

    dr_buf_init(&b, (size_t)64 << 10);
    dr_buf_str(&b, load->type);
    dr_buf_ch(&b, '\n');
    dr_buf_z(&b, place);
    dr_buf_printf(&b, "\n%" PRIu64, load->blob.size);
    for (size_t i = 0; i < load->field_count; i++) {
        for (size_t k = 0; k < DR_ARRAY_LEN(names); k++) {
            if (dr_str_eqz(load->fields[i].name, names[k])) {
                dr_buf_ch(&b, '\n');
                dr_buf_str(&b, load->fields[i].value);
            }
        }
    }
    out = dr_hash64(dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}

bool turn_needed(const struct item *it)
{
    bool whole =
        it->route.way == WAY_UPDATE && it->type->entity && !it->type->module;

    if (by_content(it)) {
        return it->route.way == WAY_CREATE;
    }
    return it->route.dst != 0 &&
           (whole || it->route.way == WAY_FOLD ||
            (it->route.way == WAY_LINES && it->amount[0]));
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

bool turn_enter(struct loader *l, struct item *it)
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

void turn_leave(struct loader *l, struct item *it)
{
    uint64_t dst = it->route.dst ? it->route.dst : it->fact.dst;
    char name[128];
    struct dr_err err;

    /* Of a set that was found done, the turn may be another process's. */
    if (!it->type ||
        (!it->locked && !it->fold && !by_content(it) && !amount_of_set(it)) ||
        (dst == 0 && !by_content(it)) || !l->view_up) {
        return;
    }
    it->locked = false;
    if (dr_store_walk_unlock(l->store, lock_name(it, dst, name), it->key_text,
                             -1, &err)) {
        view_failed(l, &err);
    }
}

/* Neither under way nor of unknown outcome. */
static bool idle(const struct item *it)
{
    const struct dr_fold *fold = it->lp->own.fold;
    bool waits = it->state == ITEM_FRESH || it->state == ITEM_PARENT ||
                 it->state == ITEM_READY || it->state == ITEM_PAUSE;

    return waits && it->pins == 0 && fold && !dr_fold_unsettled(fold, it->key);
}

void turn_yield(struct loader *l, struct item *it)
{
    if (it->locked && it->pass < l->pass && !it->lp->lane->open && idle(it)) {
        turn_leave(l, it);
    }
}
