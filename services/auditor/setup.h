/* Owners and pipelines: what the plan maps, and no lane carries. */
#ifndef DROVER_AUDITOR_SETUP_H
#define DROVER_AUDITOR_SETUP_H

#include "auditor.h"

/* Writes a record for each owner and pipeline of the source. */
void setup_settle(struct auditor *au);

#endif
