/* What the parts of the profile's check share. */
#ifndef EXTRACTOR_PROFILE_TRIAL_H
#define EXTRACTOR_PROFILE_TRIAL_H

#include "door_private.h"
#include "profile_check.h"

enum verdict { HOLDS, FAILS, UNKNOWN, MUST_FAIL };

struct trial {
    struct door *door;
    const struct profile *profile;
    struct dr_json_w w;
    struct profile_verdict *verdict;
    const char *object; /* looked at now; "" for the account */
    bool stopped;
    const struct dr_json *before; /* what the check before has seen, or NULL */
    struct dr_json_w seen;        /* what this one sees, for the next        */
};

/* What one row of an object says of itself. */
struct seen {
    char id[CONTRACT_ID_MAX + 1];
    char version[32];
    int64_t stamp_ms;
};
void look_at(const struct trial *t, const struct dr_json *row,
             struct seen *out);
struct row_kind trial_kind(const struct trial *t);

/* One finding. */
void tell(struct trial *t, const char *assumption, enum verdict v,
          const char *cure, const char *fmt, ...) DR_PRINTF(5, 6);
/* True: a record on the page cannot be had, which breaks it whole. */
bool is_broken(const struct trial *t, enum api_result r);
/* What the answer to such a call says, for people. */
void say_broken(const struct trial *t, enum api_result r, char *out, size_t n);
/* A call that is refused or cannot be read; v: where it can never work. */
void tell_refused(struct trial *t, const char *what, enum verdict v,
                  enum api_result r);

/* A call with limit=1 for the object looked at. */
struct call call_of(const struct trial *t);
/* True: the answer's rows are there. */
bool try_call(struct trial *t, struct ask *ask, enum api_result *r_out);
bool try_page(struct trial *t, const struct dr_json *how, const struct call *c,
              const char *inner, struct ask *ask, enum api_result *r_out);
const struct dr_json *trial_part(const struct trial *t, const char *name);

/* ---- profile_reads.c: the same record by three calls ---- */

void tell_stamp(struct trial *t, const struct seen *row);
void try_bodies(struct trial *t, const struct seen *first);
void try_absence(struct trial *t);
void try_index(struct trial *t, const struct seen *first);
void try_redaction(struct trial *t, const struct seen *first);
/* Those of the first PROFILE_SAMPLE records that can be read, in ask->rows,
 * where the list breaks at one: the index names them, a read gives them. What
 * the index says of each is in named[0..*n_out). */
bool try_sample(struct trial *t, struct ask *ask, struct seen *named,
                size_t *n_out, enum api_result *r_out);
/* What can be told when the list breaks at its first record. */
void try_behind(struct trial *t);

/* ---- profile_edits.c: does updated_at move on an edit? ---- */

void try_edits(struct trial *t);

/* ---- profile_account.c: what belongs to no object ---- */

void try_account(struct trial *t);
void try_catalogue(struct trial *t);
void tell_limits(struct trial *t);

#endif
