/*
 * Names and addresses that the target wants to be unique: which record of ours
 * was seen to have one.
 */
#ifndef DROVER_AUDITOR_HELD_H
#define DROVER_AUDITOR_HELD_H

#include "auditor.h"
#include "judge.h"

/* Another record than the load's own was seen to have what it wants. */
bool held_by_another(struct auditor *au, const struct dr_load *load);
/* What the record was seen to have, if it stands. */
void held_note(struct auditor *au, const struct judge_case *c);

#endif
