/*
 * What is in the way of a record's own form, as far as the target was seen:
 * another record of ours with the name or address that it wants, or accounts
 * above its parent that lead back to it.
 */
#ifndef DROVER_AUDITOR_HELD_H
#define DROVER_AUDITOR_HELD_H

#include "auditor.h"
#include "judge.h"

bool held(struct auditor *au, const struct dr_load *load,
          const struct judge_load *l);
/* What the record was seen to have, if it stands. */
void held_note(struct auditor *au, const struct judge_case *c);

#endif
