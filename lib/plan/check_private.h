/* What the files of the check share. */
#ifndef DROVER_PLAN_CHECK_PRIVATE_H
#define DROVER_PLAN_CHECK_PRIVATE_H

#include "propose_private.h"

struct checking {
    const struct dr_plan *plan;
    const struct dr_catalogs *c;
    struct dr_arena *a;
    struct dr_json_w w;
    size_t n;
    const struct target_kind *kinds;
    size_t kind_n;
};

/* One entry of the answer. */
void problem(struct checking *k, const char *code, struct dr_str object,
             struct dr_str field, struct dr_str detail, const char *cure);

/* One of the code "invalid". */
void invalid(struct checking *k, struct dr_str object, struct dr_str field,
             struct dr_str detail);

/* shape.c: what would be passed over when the plan is read. Code "invalid". */
void check_shape(struct checking *k);

/* edits.c: what only a plan that people edited can have wrong. Code
 * "invalid". */
void check_edits(struct checking *k);

#endif
