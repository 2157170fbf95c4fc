/*
 * References to records that were merged at the source: they go on naming the
 * one that is no more, and lead to the one that is left. Whatever the plan
 * makes of a reference, it comes through here first; so the transformer, which
 * writes links, and the auditor, which judges them, mean the same record.
 */
#include "plan_private.h"

struct dr_str alias_of(const struct dr_source *rec, struct dr_str type,
                       struct dr_str id)
{
    for (size_t i = 0; i < rec->alias_count; i++) {
        const struct dr_alias *a = &rec->aliases[i];
        if (dr_str_eq(a->id, id) && dr_str_eq(a->type, type)) {
            return a->into;
        }
    }
    return id;
}

/* "deal" of "note_deal", of a note. */
static struct dr_str end_type(const struct dr_source *rec, struct dr_str pair)
{
    size_t n = rec->object.n;

    if (pair.n > n + 1 && pair.p[n] == '_' &&
        dr_str_starts(pair, rec->object)) {
        return (struct dr_str){pair.p + n + 1, pair.n - n - 1};
    }
    return (struct dr_str){"", 0};
}

const struct dr_source *alias_followed(struct dr_arena *a,
                                       const struct dr_source *rec)
{
    struct dr_source *out;
    struct dr_assoc *ends;

    if (rec->alias_count == 0 || rec->assoc_count == 0) {
        return rec;
    }
    out = dr_arena_alloc(a, sizeof(*out));
    ends = dr_arena_calloc(a, rec->assoc_count, sizeof(*ends));
    if (!out || !ends) {
        return NULL;
    }
    for (size_t i = 0; i < rec->assoc_count; i++) {
        ends[i] = rec->assocs[i];
        ends[i].to_id =
            alias_of(rec, end_type(rec, ends[i].pair), ends[i].to_id);
    }
    *out = *rec;
    out->assocs = ends;
    return out;
}
