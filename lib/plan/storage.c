/* Which attachments the account's storage has room for: one after the other,
 * the oldest first; what does not fit is passed over, and a later one may. */
#include "profile_private.h"

#include <stdlib.h>

/* Of one time the smaller id: no order of reading. */
static int by_age(const void *a, const void *b)
{
    const struct seen_file *x = *(const struct seen_file *const *)a;
    const struct seen_file *y = *(const struct seen_file *const *)b;

    if (x->created != y->created) {
        return x->created < y->created ? -1 : 1;
    }
    return dr_str_cmp(x->id, y->id);
}

const struct seen_file **files_by_age(const struct seen_list *f)
{
    const struct seen_file **v =
        dr_xcalloc(f->n + 1, sizeof(const struct seen_file *));

    for (size_t i = 0; i < f->n; i++) {
        v[i] = &f->v[i];
    }
    qsort(v, f->n, sizeof(*v), by_age);
    return v;
}

size_t files_beyond(const struct seen_file **v, size_t n,
                    const struct room *room)
{
    uint64_t left = room->storage;
    size_t beyond = 0;

    for (size_t i = 0; room->storage > 0 && i < n; i++) {
        if (v[i]->size > room->max ||
            (room->listed && dr_map_has(room->listed, v[i]->id))) {
            continue;
        }
        if (v[i]->size <= left) {
            left -= v[i]->size;
        } else {
            v[beyond++] = v[i];
        }
    }
    return beyond;
}
