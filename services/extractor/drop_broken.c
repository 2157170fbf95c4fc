/* Records that a folder has and nobody can read: their lines are broken, or the
 * manifest says so. They are not gone. */
#include "drop_private.h"

#include <stdlib.h>

#include "contract.h"

static int id_order(const void *a, const void *b)
{
    return dr_str_cmp(*(const struct dr_str *)a, *(const struct dr_str *)b);
}

size_t drop_broken_after(const struct drop_kind *k, struct dr_str id)
{
    size_t lo = 0, hi = k->broken_n;

    while (id.n > 0 && lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (dr_str_cmp(k->broken[mid], id) <= 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

bool drop_is_broken(const struct drop_kind *k, struct dr_str id)
{
    size_t at = drop_broken_after(k, id);

    return at > 0 && dr_str_eq(k->broken[at - 1], id);
}

/* One that has a line which can be read is read. The bytes of the id are kept
 * with the line, or with the manifest. */
static void add(struct drop_kind *k, struct dr_str id)
{
    if (!id_ok(id) || drop_find(k, id)) {
        return;
    }
    if (k->broken_n == k->broken_cap) {
        k->broken_cap = k->broken_cap ? k->broken_cap * 2 : 64;
        k->broken = dr_xrealloc(k->broken, k->broken_cap * sizeof(*k->broken));
    }
    k->broken[k->broken_n++] = id;
}

static void sort(struct drop_kind *k)
{
    size_t n = k->broken_n > 0;

    if (k->broken_n > 1) {
        qsort(k->broken, k->broken_n, sizeof(*k->broken), id_order);
    }
    for (size_t i = 1; i < k->broken_n; i++) {
        if (!dr_str_eq(k->broken[i], k->broken[n - 1])) {
            k->broken[n++] = k->broken[i];
        }
    }
    k->broken_n = n;
}

/* Line items are told of with their deal's set, and no index of events is
 * asked for. */
static struct drop_kind *indexed(const struct drop *d, struct dr_str name)
{
    return dr_str_eqz(name, "event") || dr_str_eqz(name, "line_item")
               ? NULL
               : drop_kind(d, name);
}

void drop_find_broken(struct drop *d)
{
    for (size_t i = 0; i < d->bad_n; i++) {
        struct drop_kind *k = indexed(d, d->bad[i].object);
        if (k) {
            add(k, id_in_broken(d->bad[i].raw));
        }
    }
    DR_JSON_EACH(p, dr_json_get(d->manifest, "poison"))
    {
        struct drop_kind *k = indexed(d, dr_json_get_str(p, "type"));
        if (k) {
            add(k, dr_json_scalar(dr_json_get(p, "id")));
        }
    }
    for (size_t i = 0; i < d->kind_n; i++) {
        sort(&d->kinds[i]);
    }
}
