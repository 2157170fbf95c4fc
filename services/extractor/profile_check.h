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

/* What one check leaves for the next: the newest number that was answered, and
 * records as they were seen, so that an edit between two checks shows. */
struct profile_memory {
    uint64_t number;
    struct dr_buf seen; /* {"<object>":[["<id>","<mark>",<stamp in ms>],…]} */
};
#define PROFILE_SAMPLE 20 /* records of an object */
#define PROFILE_MEMORY_MAX ((size_t)1 << 20)

/* {"profile","number","at","checks":[{"object","assumption","verdict","must",
 * "found","cure"}],"holds","fails","unknown","must_fail"} into out. `whole`
 * false: only what cannot be done without, one call an object. A whole check
 * replaces what memory has seen. False: the service is asked to stop. */
bool profile_try(struct api *api, const struct profile *profile, bool whole,
                 struct profile_memory *memory, struct dr_buf *out,
                 struct profile_verdict *verdict_out);
/* What every report begins with; the caller ends the object. */
void profile_head(struct dr_json_w *w, struct dr_str name, uint64_t number);

#endif
