/* The HTTP API of docs/api.md. */
#ifndef DROVER_AUDITOR_API_H
#define DROVER_AUDITOR_API_H

#include "auditor.h"

/* The values that the table of keys cannot judge; -1: err says which. */
int api_check(const struct dr_conf *c, struct dr_err *err) DR_MUSTCHECK;
void api_open(struct auditor *au);
void api_close(struct auditor *au);

#endif
