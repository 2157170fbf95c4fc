/*
 * The contiguous prefix: which offsets of one partition are settled, and how
 * far everything below is. Pure. Holds at most DR_OFFSETS_WINDOW offsets
 * between the first unsettled and the last taken one: dr_offsets_full is the
 * back-pressure signal.
 */
#ifndef DROVER_KAFKA_OFFSETS_H
#define DROVER_KAFKA_OFFSETS_H

#include <stdbool.h>
#include <stdint.h>

#define DR_OFFSETS_WINDOW 8192

struct dr_offsets {
    int64_t base; /* first unsettled offset, -1 before the first take */
    int64_t next; /* one past the last taken                          */
    uint64_t done[DR_OFFSETS_WINDOW / 64];
};

void dr_offsets_init(struct dr_offsets *o);
/* Offsets are taken in rising order, gaps allowed (compaction, markers). */
void dr_offsets_take(struct dr_offsets *o, int64_t offset);
void dr_offsets_settle(struct dr_offsets *o, int64_t offset);
bool dr_offsets_full(const struct dr_offsets *o);
/* The offset to commit: everything below it is settled. -1: nothing yet. */
int64_t dr_offsets_prefix(const struct dr_offsets *o);
bool dr_offsets_idle(const struct dr_offsets *o); /* nothing unsettled */

#endif
