/* What a folder holds, by id: look-ups, and the order that they need. */
#include "drop_private.h"

#include <stdlib.h>

/* ---- look-ups ---- */

struct drop_kind *drop_kind(const struct drop *d, struct dr_str name)
{
    for (size_t i = 0; i < d->kind_n; i++) {
        if (dr_str_eq(d->kinds[i].name, name)) {
            return &d->kinds[i];
        }
    }
    return NULL;
}

size_t drop_after(const struct drop_kind *k, struct dr_str id)
{
    size_t lo = 0, hi = k->n;

    while (id.n > 0 && lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (dr_str_cmp(k->v[mid].id, id) <= 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

const struct entry *drop_find(const struct drop_kind *k, struct dr_str id)
{
    size_t at = drop_after(k, id);

    return at > 0 && dr_str_eq(k->v[at - 1].id, id) ? &k->v[at - 1] : NULL;
}

struct drop_pair *drop_pair(const struct drop *d, struct dr_str from,
                            struct dr_str to)
{
    for (size_t i = 0; i < d->pair_n; i++) {
        if (dr_str_eq(d->pairs[i].from, from) &&
            dr_str_eq(d->pairs[i].to, to)) {
            return &d->pairs[i];
        }
    }
    return NULL;
}

size_t drop_ends(const struct drop_pair *p, struct dr_str from)
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

const struct drop_gone *drop_gone_find(const struct drop_kind *k,
                                       struct dr_str id)
{
    size_t lo = 0, hi = k->gone_n;

    while (lo < hi) { /* the last of them that is not greater */
        size_t mid = (lo + hi) / 2;
        if (dr_str_cmp(k->gone[mid].id, id) <= 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo > 0 && dr_str_eq(k->gone[lo - 1].id, id) ? &k->gone[lo - 1]
                                                       : NULL;
}

uint32_t drop_sum(struct dr_str bytes)
{
    uint32_t sum = 2166136261U; /* FNV-1a: nobody forges, somebody copies */

    for (size_t i = 0; i < bytes.n; i++) {
        sum = (sum ^ (unsigned char)bytes.p[i]) * 16777619U;
    }
    return sum;
}

int drop_body(const struct entry *e, struct dr_buf *out)
{
    char *p = dr_xmalloc((size_t)e->bytes + 1);
    bool ok = fseek(e->file, (long)e->offset, SEEK_SET) == 0 &&
              fread(p, 1, e->bytes, e->file) == e->bytes &&
              drop_sum((struct dr_str){p, e->bytes}) == e->sum;

    if (ok) {
        dr_buf_add(out, p, e->bytes);
    }
    free(p);
    return ok ? 0 : -1;
}

/* ---- the order ---- */

static int entry_order(const void *a, const void *b)
{
    return dr_str_cmp(((const struct entry *)a)->id,
                      ((const struct entry *)b)->id);
}

static int end_order(const void *a, const void *b)
{
    const struct drop_end *x = a;
    const struct drop_end *y = b;
    int c = dr_str_cmp(x->from, y->from);

    return c ? c : dr_str_cmp(x->to, y->to);
}

static int gone_order(const void *a, const void *b)
{
    return dr_str_cmp(((const struct drop_gone *)a)->id,
                      ((const struct drop_gone *)b)->id);
}

static bool same_body(const struct entry *a, const struct entry *b)
{
    struct dr_buf x, y;
    bool same;

    if (a->bytes != b->bytes) {
        return false;
    }
    dr_buf_init(&x, (size_t)a->bytes + 1);
    dr_buf_init(&y, (size_t)b->bytes + 1);
    same = drop_body(a, &x) == 0 && drop_body(b, &y) == 0 &&
           dr_str_eq(dr_buf_view(&x), dr_buf_view(&y));
    dr_buf_done(&x);
    dr_buf_done(&y);
    return same;
}

/* Of one id there is one record: rows that repeat it (one for each of its
 * associations, or in two parts) are one, a higher version is the newer. */
static int one_each(struct drop *d, struct drop_kind *k, struct dr_err *err)
{
    size_t n = k->n > 0, repeated = 0, older = 0;

    for (size_t at = 1; at < k->n; at++) {
        struct entry *last = &k->v[n - 1];
        const struct entry *e = &k->v[at];
        if (!dr_str_eq(last->id, e->id)) {
            k->v[n++] = *e;
        } else if (last->version != e->version) {
            *last = last->version < e->version ? *e : *last;
            older++;
        } else if (same_body(last, e)) {
            repeated++;
        } else {
            return dr_err_set(err, DR_HALT, 0, "source folder",
                              DR_STR_FMT " " DR_STR_FMT
                                         ": the folder holds it twice, with "
                                         "other content and no version that "
                                         "says which is newer; export again",
                              DR_STR_ARG(k->name), DR_STR_ARG(e->id));
        }
    }
    k->n = n;
    if (repeated + older > 0) {
        drop_tell(d, k->name,
                  "none is needed where the export writes a row for each "
                  "association; else export again",
                  "%zu rows repeat a record as it is, %zu an older version of "
                  "it: each record is carried once",
                  repeated, older);
    }
    return 0;
}

/* A record that is there is not gone, whatever a tombstone says. */
static void tell_undead(struct drop *d, const struct drop_kind *k)
{
    size_t n = 0;

    for (size_t i = 0; i < k->gone_n; i++) {
        n += drop_find(k, k->gone[i].id) != NULL;
    }
    if (n > 0) {
        drop_tell(d, k->name, "look which of the two is right",
                  "%zu records are there though tombstones.ndjson says that "
                  "they are gone: they are carried",
                  n);
    }
}

int drop_sort(struct drop *d, struct dr_err *err)
{
    for (size_t i = 0; i < d->kind_n; i++) {
        struct drop_kind *k = &d->kinds[i];
        if (k->n > 1) {
            qsort(k->v, k->n, sizeof(*k->v), entry_order);
        }
        if (k->gone_n > 1) {
            qsort(k->gone, k->gone_n, sizeof(*k->gone), gone_order);
        }
        if (one_each(d, k, err)) {
            return -1;
        }
        tell_undead(d, k);
    }
    drop_find_broken(d);
    for (size_t i = 0; i < d->pair_n; i++) {
        if (d->pairs[i].n > 1) {
            qsort(d->pairs[i].v, d->pairs[i].n, sizeof(*d->pairs[i].v),
                  end_order);
        }
    }
    drop_tell_unlinked(d);
    drop_tell_dangling(d);
    return 0;
}
