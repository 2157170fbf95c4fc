/* Judging, bound to the books: for everything that goes through records. */
#ifndef DROVER_AUDITOR_SETTLE_H
#define DROVER_AUDITOR_SETTLE_H

#include "auditor.h"
#include "judge.h"

/* Applies the approved plan and gathers what is known. Everything lives in
 * au->arena. false: the record takes more than a record may. */
bool settle_gather(struct auditor *au, const struct dr_source *rec,
                   struct dr_outcome *out, struct judge_case *c);
/* Judges one record anew and writes it down. Within a transaction. */
void settle_one(struct auditor *au, const struct dr_source *rec);
/* The same, and tells `also`. Afterwards *c and *out hold what was judged;
 * false: the record took more than a record may, nothing was. */
bool settle_heard(struct auditor *au, const struct dr_source *rec,
                  const struct judge_sink *also, struct dr_outcome *out,
                  struct judge_case *c);
/* "<object>:<id>" */
struct dr_str settle_key(struct dr_arena *a, const struct dr_source *rec);

#endif
