/* Fields that people changed in the target and that were left alone, and names
 * that are not the source's, for another record has them. */
#ifndef DROVER_AUDITOR_CONFLICTS_H
#define DROVER_AUDITOR_CONFLICTS_H

#include "auditor.h"
#include "spool.h"

int64_t conflicts_count(struct auditor *au);
/* One page of conflicts.ndjson (docs/api.md) after a cursor ("" at first), of
 * one object unless `only` is empty. next: the cursor of the next page, empty
 * at the end. */
void conflicts_list(struct auditor *au, struct dr_str only, struct dr_str after,
                    int64_t limit, struct spool *out, struct dr_buf *next);

#endif
