/* What the judge's tests share: a record with what is known of it, and what the
 * judge said. */
#ifndef DROVER_AUDITOR_JUDGE_SCENE_H
#define DROVER_AUDITOR_JUDGE_SCENE_H

#include "judge.h"

#define S(z) DR_STR_LIT(z)
#define MAX 64

/* What the judge said. */
struct said {
    struct judged_field fields[MAX];
    struct record_row rows[MAX];
    size_t field_n, row_n;
};

/* A contact of one company, and what is to be judged of it. */
struct scene {
    struct dr_arena *a;
    struct dr_source rec;
    struct dr_field fields[3];
    struct dr_ref refs[2];
    bool leads[2];
    struct dr_load load;
    struct dr_outcome out;
    struct judge_case c;
    uint64_t ref_ids[2];
    struct said said;
};

/* The hash of the content that is to be there. */
extern const char content[32];

/* The caller frees s->a. */
void scene_open(struct scene *s);
/* What the target holds. */
void set_body(struct scene *s, const char *json);
/* Judges it; the first row. */
const struct record_row *judged(struct scene *s);
/* NULL: the row has none. */
void is_state(const struct record_row *r, const char *state);
/* How many losses were told, each with a cause. */
size_t losses(const struct said *s);

#endif
