/*
 * The sample: records chosen so that every rule and every mapped value is
 * seen at work, with the records that they hang on; and what became of them,
 * field by field.
 */
#ifndef DROVER_AUDITOR_SAMPLE_H
#define DROVER_AUDITOR_SAMPLE_H

#include "auditor.h"
#include "spool.h"

#define SAMPLE_DEFAULT 300
#define SAMPLE_MIN 10
#define SAMPLE_MAX 5000

/* Chooses by the approved plan and sends the keys to `control` for the pass
 * that is to begin. */
int sample_choose(struct auditor *au, int64_t size,
                  struct dr_err *err) DR_MUSTCHECK;
/* sample-diff.json. false: there was no sample. */
bool sample_report(struct auditor *au, struct spool *out);

#endif
