/* The HTTP API of docs/api.md. */
#ifndef DROVER_AUDITOR_API_H
#define DROVER_AUDITOR_API_H

#include "auditor.h"

/* The values that the table of keys cannot judge. */
extern dr_conf_check_fn *const api_checks[];
void api_open(struct auditor *au);
void api_close(struct auditor *au);

#endif
