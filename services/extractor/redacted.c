/*
 * E-mails that were read without their bodies, for the token lacked the scope
 * just then: they are read again when it has it (contract 4.9). Without the
 * scope for long there would be no end of them: beyond the bound they are only
 * told, as all are, with the cure.
 */
#include "extractor.h"

#include <stdlib.h>
#include <string.h>

#define REDACTED_MAX ((size_t)100000)

void note_redacted(struct extractor *ex, const struct object *o,
                   struct dr_str id, bool is)
{
    if (strcmp(o->name, "email") != 0) {
        return; /* no other scope takes anything away */
    }
    if (!is) {
        (void)dr_map_del(ex->redacted, id);
    } else if (dr_map_count(ex->redacted) < REDACTED_MAX &&
               !dr_map_has(ex->redacted, id)) {
        dr_map_put(ex->redacted, id, ex);
        ex->redacted_new++;
    }
}

/* Those that were not read again yet, or all; they live in `a`. */
static size_t redacted_ids(struct extractor *ex, bool all, struct dr_arena *a,
                           struct dr_str *ids)
{
    struct dr_str id;
    size_t at = 0, n = 0;
    void *is_new;

    while (dr_map_next(ex->redacted, &at, &id, &is_new)) {
        if (all || is_new) {
            ids[n++] = dr_arena_dup(a, id);
        }
    }
    for (size_t i = 0; i < n; i++) {
        dr_map_put(ex->redacted, ids[i], NULL);
    }
    ex->redacted_new = 0;
    return n;
}

bool reread_redacted(struct extractor *ex, bool all, enum dr_origin origin)
{
    struct object *o = object_find(ex, DR_STR_LIT("email"));
    size_t max = dr_map_count(ex->redacted), n;
    struct dr_arena *a DR_AUTO(dr_arena) = NULL;
    struct dr_str *ids;
    bool going = true;

    if (!o || !o->readable || max == 0 || !ex->mail_bodies ||
        (!all && ex->redacted_new == 0)) {
        return true; /* without the scope it would be left out again */
    }
    a = dr_arena_new(HELD_MAX);
    ids = dr_xcalloc(max, sizeof(*ids));
    n = redacted_ids(ex, all, a, ids);
    for (size_t i = 0; going && i < n; i += CONTRACT_BATCH) {
        size_t left = n - i;
        going = read_ids(ex, o, ids + i,
                         left < CONTRACT_BATCH ? left : CONTRACT_BATCH, origin);
    }
    free(ids);
    return going;
}
