/* What the two halves of a profile's check share. */
#ifndef EXTRACTOR_PROFILE_PRIVATE_H
#define EXTRACTOR_PROFILE_PRIVATE_H

#include "profile.h"

struct check {
    char at[160]; /* the JSON pointer of what is looked at */
    struct dr_err *err;
};

/* Fills err; words may be NULL. */
int profile_wrong(struct check *c, const char *what, const char *words);
/* Steps into a member; what it gives cuts `at` back. */
size_t profile_enter(struct check *c, struct dr_str key);
/* By the tables. */
int profile_check_parts(struct check *c, const struct dr_json *root);

#endif
