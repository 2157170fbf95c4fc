/* Finding entries in catalogues and walking maps in a fixed order. */
#include "propose_private.h"

#include <stdlib.h>

struct dr_str id_of(const struct dr_json *j)
{
    return dr_json_scalar(dr_json_get(j, "id"));
}

const struct dr_json *by_name(struct dr_arena *a, const struct dr_json *list,
                              const char *key, struct dr_str name)
{
    struct dr_str want = plan_norm(a, name);

    DR_JSON_EACH(j, list)
    {
        if (dr_str_eq(dr_json_get_str(j, key), name)) {
            return j;
        }
    }
    DR_JSON_EACH(j, list)
    {
        if (dr_str_eq(plan_norm(a, dr_json_get_str(j, key)), want)) {
            return j;
        }
    }
    return NULL;
}

const struct dr_json *by_id(const struct dr_json *list, struct dr_str id)
{
    DR_JSON_EACH(j, list)
    {
        if (dr_str_eq(id_of(j), id)) {
            return j;
        }
    }
    return NULL;
}

const struct dr_json *field_by_name(const struct dr_catalogs *c,
                                    const char *type, struct dr_str name)
{
    DR_JSON_EACH(f, target_fields(c, dr_str_z(type)))
    {
        if (dr_str_eq(dr_json_get_str(f, "name"), name)) {
            return f;
        }
    }
    return NULL;
}

static int text_order(const void *a, const void *b)
{
    const struct dr_str *x = a;
    const struct dr_str *y = b;

    return dr_str_cmp(*x, *y);
}

struct dr_str *sorted_keys(struct dr_arena *a, const struct dr_map *m,
                           size_t *n_out)
{
    size_t count = m ? dr_map_count(m) : 0, n = 0, at = 0;
    struct dr_str *v = dr_arena_calloc(a, count + 1, sizeof(*v));

    *n_out = 0;
    if (!v) {
        dr_die(DR_EXIT_NOMEM, "plan",
               "the proposal needs more memory than it "
               "may take");
    }
    while (m && n < count && dr_map_next(m, &at, &v[n], NULL)) {
        n++;
    }
    qsort(v, n, sizeof(*v), text_order);
    *n_out = n;
    return v;
}
