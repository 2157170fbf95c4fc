/*
 * Before the cut-over: records that were written without a link, or on a lead
 * that has become a contact since, are sent once more when that would give
 * them more. One pass by the same plan, in which everything else is skipped.
 */
#ifndef DROVER_AUDITOR_RELINK_H
#define DROVER_AUDITOR_RELINK_H

#include "auditor.h"

/* A part of the watch: looks in the phase `freeze`, when all is drained and
 * judged, and starts that pass if it is due. */
void relink(struct auditor *au);
/* Deletions were let through: in the phase `freeze` it looks once more. */
void relink_anew(struct auditor *au);

#endif
