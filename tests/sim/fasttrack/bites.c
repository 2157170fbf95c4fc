/* What knobs and faults really did, for those who must know that they did
 * something: a knob that changes no answer proves nothing. */
#include "world.h"

void bite(struct world *w, const char *name)
{
    int64_t *n;

    n = dr_map_get(w->bites, dr_str_z(name));
    if (!n) {
        n = dr_xcalloc(1, sizeof(*n));
        dr_map_put(w->bites, dr_str_z(name), n);
    }
    (*n)++;
}

void bites_told(const struct world *w, struct dr_json_w *out)
{
    struct dr_str name;
    size_t at = 0;
    void *n;

    dr_json_w_key(out, "bites");
    dr_json_w_obj(out);
    while (dr_map_next(w->bites, &at, &name, &n)) {
        dr_json_w_keys(out, name);
        dr_json_w_i64(out, *(int64_t *)n);
    }
    dr_json_w_end(out);
}
