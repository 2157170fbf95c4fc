/*
 * The source's profile: one JSON file that says how a CRM's API is called and
 * what its answers mean (docs/profile.md). It is data: checked against a
 * closed schema before anything is sent, with no expressions beyond those of
 * express.h. Pure.
 */
#ifndef EXTRACTOR_PROFILE_H
#define EXTRACTOR_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/err.h>
#include <drover/base/str.h>
#include <drover/json/json.h>

#define PROFILE_MAX ((size_t)1 << 20) /* bytes of the file */
#define PROFILE_LAG_S 300 /* contract 3.2, where nothing else is said */

struct profile {
    const struct dr_json *root;
    struct dr_str name; /* "fasttrack/1" */
    /* Answers have another shape than the contract's: rows are turned into
     * its records. False: their bytes stay as they were read. */
    bool mapped;
};

/* The profile that is compiled in: fasttrack/1. */
struct dr_str profile_builtin(void);

/* Everything lives in the arena; text must outlive it. The error names the
 * JSON pointer of what is wrong and says what to do. */
int profile_parse(struct dr_arena *a, struct dr_str text, struct profile *out,
                  struct dr_err *err) DR_MUSTCHECK;

/* Part `part` of an object: its own, or that of `default`. NULL: none. */
const struct dr_json *profile_part(const struct profile *p,
                                   struct dr_str object, const char *part);
/* An object's name at the source, its own name where nothing is said. */
struct dr_str profile_remote(const struct profile *p, struct dr_str object);
/* One of calls{}. NULL: the source has no such call. */
const struct dr_json *profile_call(const struct profile *p, const char *name);
/* True when the profile serves this object: a mapped one names each. */
bool profile_has(const struct profile *p, struct dr_str object);

/* A member of values{} or of another part, with what holds without it. */
const struct dr_json *profile_values(const struct profile *p, const char *key);
int64_t profile_lag_s(const struct profile *p); /* the largest L of A4 */
int64_t profile_granularity_ms(const struct profile *p); /* the largest G */

/* What an answer that is no success asks for, by errors.rules. */
enum profile_do {
    PROFILE_UNSAID, /* no rule: by its status */
    PROFILE_RETRY,
    PROFILE_WAIT,
    PROFILE_SKIP,
    PROFILE_MERGE,
    PROFILE_ISOLATE,
    PROFILE_SPLIT,
    PROFILE_STOP,
};
enum profile_do profile_do(const struct profile *p, int status,
                           struct dr_str code);
/* A pointer of errors{}: "code", "id", "after". */
struct dr_str profile_error_pointer(const struct profile *p, const char *what);

/* ---- profile_file.c ---- */

/* From a file, or the one compiled in where path is empty. The arena holds
 * PROFILE_TREE. profile_open ends the process when it cannot be used. */
int profile_load(struct dr_arena *a, const char *path, struct profile *out,
                 struct dr_err *err) DR_MUSTCHECK;
void profile_open(struct dr_arena *a, const char *path, struct profile *out);
#define PROFILE_TREE ((size_t)32 << 20)

/* ---- profile_sense.c ---- */

int profile_check_tree(const struct dr_json *root,
                       struct dr_err *err) DR_MUSTCHECK;

#endif
