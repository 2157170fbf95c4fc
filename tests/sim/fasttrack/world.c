/* What the simulated FastTrack holds: records by id, associations by pair. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

/* ---- records ---- */

bool rec_exists(const struct rec *r)
{
    return r->gone == LIVES && !r->hidden && (r->body.n > 0 || r->poison);
}

struct kind *world_kind(struct world *w, struct dr_str name)
{
    for (size_t i = 0; i < w->kind_n; i++) {
        if (dr_str_eq(w->kinds[i].name, name)) {
            return &w->kinds[i];
        }
    }
    return NULL;
}

size_t kind_after(const struct kind *k, struct dr_str after)
{
    size_t lo = 0, hi = k->n;

    if (after.n == 0) {
        return 0;
    }
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (dr_str_cmp(k->v[mid].id, after) <= 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

struct rec *kind_find(struct kind *k, struct dr_str id)
{
    size_t at = kind_after(k, id);

    return at > 0 && dr_str_eq(k->v[at - 1].id, id) ? &k->v[at - 1] : NULL;
}

struct rec *kind_append(struct kind *k)
{
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 256;
        k->v = dr_xrealloc(k->v, k->cap * sizeof(*k->v));
    }
    k->v[k->n] = (struct rec){0};
    return &k->v[k->n++];
}

struct rec *kind_put(struct world *w, struct kind *k, struct dr_str id)
{
    struct rec *r = kind_find(k, id);
    size_t at;

    if (r) {
        return r;
    }
    at = kind_after(k, id);
    (void)kind_append(k);
    memmove(&k->v[at + 1], &k->v[at], (k->n - 1 - at) * sizeof(*k->v));
    k->v[at] = (struct rec){.id = dr_arena_dup(w->arena, id)};
    return &k->v[at];
}

static int rec_order(const void *a, const void *b)
{
    return dr_str_cmp(((const struct rec *)a)->id, ((const struct rec *)b)->id);
}

void kind_sort(struct kind *k)
{
    if (k->n > 1) {
        qsort(k->v, k->n, sizeof(*k->v), rec_order);
    }
}

/* ---- associations ---- */

struct pair *world_pair(struct world *w, struct dr_str from, struct dr_str to)
{
    for (size_t i = 0; i < w->pair_n; i++) {
        if (dr_str_eq(w->pairs[i].from, from) &&
            dr_str_eq(w->pairs[i].to, to)) {
            return &w->pairs[i];
        }
    }
    return NULL;
}

struct assoc *pair_add(struct pair *p)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 256;
        p->v = dr_xrealloc(p->v, p->cap * sizeof(*p->v));
    }
    p->v[p->n] = (struct assoc){0};
    return &p->v[p->n++];
}

static int assoc_order(const void *a, const void *b)
{
    const struct assoc *x = a;
    const struct assoc *y = b;
    int c = dr_str_cmp(x->from, y->from);

    c = c ? c : dr_str_cmp(x->to, y->to);
    return c ? c : (x->type_id > y->type_id) - (x->type_id < y->type_id);
}

void pair_sort(struct pair *p)
{
    if (p->n > 1) {
        qsort(p->v, p->n, sizeof(*p->v), assoc_order);
    }
}

size_t pair_from(const struct pair *p, struct dr_str from)
{
    size_t lo = 0, hi = p->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (dr_str_cmp(p->v[mid].from, from) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

void moved_add(struct world *w, const struct assoc_change *c)
{
    if (w->moved_n == w->moved_cap) {
        w->moved_cap = w->moved_cap ? w->moved_cap * 2 : 64;
        w->moved = dr_xrealloc(w->moved, w->moved_cap * sizeof(*w->moved));
    }
    w->moved[w->moved_n++] = *c;
}
