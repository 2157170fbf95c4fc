/*
 * A record that became custom fields of another one (PATCH with the reference
 * @record): whether its values stand there already, and what may be written
 * over.
 */
#include "loader.h"

#include <string.h>

#include <drover/plan/plan.h>

bool fold_is_here(const struct item *it)
{
    return it->fact.dst != 0 && it->fact.state != DR_FACT_DELETED &&
           (it->fact.place[0] ? strcmp(it->fact.place, it->place) == 0
                              : it->fact.dst == it->route.dst);
}

bool fold_has_moved(const struct item *it)
{
    return it->route.way == WAY_FOLD && it->fact.dst != 0 && !fold_is_here(it);
}

/* A box that nobody ticked shows false, too. */
static bool is_empty(struct dr_str now)
{
    return now.n == 0 || dr_str_eqz(now, "false");
}

/* The first field in which the record holds something else; NULL: none. */
static const struct dr_field *occupied(const struct dr_load *load,
                                       const struct dr_json *record,
                                       struct dr_arena *a)
{
    for (size_t i = 0; i < load->field_count; i++) {
        struct dr_str now;
        if (dr_compare_field(load, &load->fields[i], record, a, &now) ==
                DR_CMP_DIFFERENT &&
            !is_empty(now)) {
            return &load->fields[i];
        }
    }
    return NULL;
}

/* Fields for one record only: another's values, or a person's, stay. */
static void refuse_occupied(struct loader *l, struct item *it,
                            struct dr_str field)
{
    struct dr_buf b;

    dr_buf_init(&b, 1024);
    dr_buf_printf(
        &b,
        "the record that it hangs on holds another value in " DR_STR_FMT
        " already",
        DR_STR_ARG(field));
    item_refuse(l, it, "occupied", 0,
                "the fields are room for one such record a parent: let the "
                "plan make notes or a module of this object, or clear them "
                "in the target, then redrive",
                true, dr_buf_view(&b));
    dr_buf_done(&b);
}

bool fold_refused(struct loader *l, struct item *it, const struct dr_load *load,
                  const struct dr_json *record)
{
    const struct dr_field *f = occupied(load, record, l->scratch);

    if (f) {
        refuse_occupied(l, it, f->name);
    }
    return f != NULL;
}
