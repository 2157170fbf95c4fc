/* What verify.c and verify_links.c share. */
#ifndef DROVER_AUDITOR_VERIFY_PRIVATE_H
#define DROVER_AUDITOR_VERIFY_PRIVATE_H

#include "judge.h"

struct verifying {
    const struct judge_case *c;
    const struct dr_load *load;
    const struct judge_load *known;
    struct dr_str refused;
    struct dr_arena *a;
    const struct judge_sink *sink;
    const struct dr_json
        *root; /* of the source record, once it was asked for */
};

/* Tells the sink of one comparison. */
void verify_tell(struct verifying *v, struct judged_field f);
/* A person changed it in the target: the loader kept that. */
bool verify_left_alone(const struct verifying *v, struct dr_str field,
                       struct dr_str *why);
/* The body shows the record in its other form, in which the field is another:
 * it is as it shall be where something is seen to be in the way of its own. */
bool verify_in_other(const struct verifying *v, struct dr_str field,
                     const struct dr_json *body, struct judged_field *out);
bool verify_is_id(const struct dr_json *j, uint64_t id);
/* verify_links.c */
void verify_links(struct verifying *v);

#endif
