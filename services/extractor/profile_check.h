/*
 * Tries out what a profile says: each call with one row, a bounded number of
 * them. What it finds is told; what cannot be done without ends the start.
 */
#ifndef EXTRACTOR_PROFILE_CHECK_H
#define EXTRACTOR_PROFILE_CHECK_H

#include <drover/base/buf.h>

#include "api.h"
#include "profile.h"

/* Room for the findings of 64 objects. */
#define PROFILE_FINDINGS_MAX ((size_t)512 << 10)

struct profile_verdict {
    int holds, fails, unknown;
    int must_fail;   /* of those that fail: what cannot be done without */
    char first[256]; /* in words, the first of these                    */
};

/* {"profile":…,"checks":[{"object","assumption","verdict","found","cure"}]}
 * into out. `whole` false: only what cannot be done without, one call an
 * object. False: the service is asked to stop. */
bool profile_try(struct api *api, const struct profile *profile, bool whole,
                 struct dr_buf *out, struct profile_verdict *verdict_out);

#endif
