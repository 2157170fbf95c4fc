/*
 * The reconciliation: every record is judged anew, a few at a time between
 * other work, and the totals of both sides are summed on the way.
 */
#ifndef DROVER_AUDITOR_JOB_H
#define DROVER_AUDITOR_JOB_H

#include "auditor.h"

/* Begins, and answers the request when done; false: one is being made
 * already. */
bool job_start(struct auditor *au, struct dr_httpd_req *req);
/* Goes on a little; true: there is more to do. */
bool job_step(struct auditor *au);
void job_drop(struct auditor *au);

#endif
