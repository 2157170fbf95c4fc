/*
 * References to records that were merged at the source: they go on naming the
 * one that is no more, and lead to the one that is left. Whatever the plan
 * makes of a reference, it comes through here first; so the transformer, which
 * writes links, and the auditor, which judges them, mean the same record.
 */
#include "plan_private.h"

#include <stdlib.h>

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

static int by_name(const struct dr_alias *a, const struct dr_alias *b)
{
    int c = dr_str_cmp(a->type, b->type);

    return c != 0 ? c : dr_str_cmp(a->id, b->id);
}

/* Of one name the first comes first. */
static int in_order(const void *x, const void *y)
{
    const struct dr_alias *a = *(const struct dr_alias *const *)x;
    const struct dr_alias *b = *(const struct dr_alias *const *)y;
    int c = by_name(a, b);

    return c != 0 ? c : a < b ? -1 : a > b;
}

/* alias_of, of many: by an index in order. */
static struct dr_str into_of(const struct dr_alias *const *index, size_t n,
                             struct dr_str type, struct dr_str id)
{
    const struct dr_alias want = {.type = type, .id = id};
    size_t from = 0, to = n;

    while (from < to) {
        size_t at = from + (to - from) / 2;
        if (by_name(index[at], &want) < 0) {
            from = at + 1;
        } else {
            to = at;
        }
    }
    return from < n && by_name(index[from], &want) == 0 ? index[from]->into
                                                        : id;
}

const struct dr_source *alias_followed(struct dr_arena *a,
                                       const struct dr_source *rec)
{
    struct dr_source *out;
    struct dr_assoc *ends;
    const struct dr_alias **index;

    if (rec->alias_count == 0 || rec->assoc_count == 0) {
        return rec;
    }
    out = dr_arena_alloc(a, sizeof(*out));
    ends = dr_arena_calloc(a, rec->assoc_count, sizeof(*ends));
    index = dr_arena_calloc(a, rec->alias_count, sizeof(*index));
    if (!out || !ends || !index) {
        return NULL;
    }
    for (size_t i = 0; i < rec->alias_count; i++) {
        index[i] = &rec->aliases[i];
    }
    qsort(index, rec->alias_count, sizeof(*index), in_order);
    for (size_t i = 0; i < rec->assoc_count; i++) {
        ends[i] = rec->assocs[i];
        ends[i].to_id = into_of(index, rec->alias_count,
                                end_type(rec, ends[i].pair), ends[i].to_id);
    }
    *out = *rec;
    out->assocs = ends;
    return out;
}
