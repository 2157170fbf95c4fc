/*
 * Deletions. A record that is gone at the source is proposed to people, never
 * deleted in silence; what they let through travels in `control`. A record
 * that was in the target before the migration is never proposed, nor is one
 * that we only see no longer.
 */
#ifndef DROVER_AUDITOR_REMOVALS_H
#define DROVER_AUDITOR_REMOVALS_H

#include "auditor.h"
#include "spool.h"

struct removal_counts {
    int64_t proposed, approved, deleted, kept, stays;
};
void removals_count(struct auditor *au, struct removal_counts *out);
/* One page of NDJSON {"object","id","type","target_id","name","owner",
 * "parent","cause","state","decided_by","decided_at"} after a cursor ("" at
 * first); state: proposed, approved, deleted, gone, kept, stays: by the word of
 * whoever cut over, which the last two members name.
 * only: of this object; empty: of all. */
void removals_list(struct auditor *au, struct dr_str only, struct dr_str after,
                   int64_t limit, struct spool *out, struct dr_buf *next);
/* Lets all that are proposed through, or those of an object (not empty), or of
 * these ids of it. Returns their number, or -1. */
int64_t removals_approve(struct auditor *au, struct dr_str object,
                         const struct dr_json *ids, struct dr_str by,
                         struct dr_err *err) DR_MUSTCHECK;
/* Takes what control holds into the books. */
void removals_take(struct auditor *au);

#endif
