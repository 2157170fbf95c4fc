/*
 * Target records at which more than one record of the source landed, though
 * nothing made them one: a record that the plan merges into what was there
 * before may share it, and so may what became a part of another one (lines of
 * a deal, a parent, fields of a record). Any other was written over.
 */
#ifndef DROVER_AUDITOR_SHARED_H
#define DROVER_AUDITOR_SHARED_H

#include "spool.h"

int64_t shared_count(struct auditor *au);
/* "shared":[{"type","target_id","records":[{"object","id"}…],"cure"}…] into an
 * open object. */
void shared_write(struct auditor *au, struct dr_json_w *w, struct spool *out);

#endif
