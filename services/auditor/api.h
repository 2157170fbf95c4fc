/* The HTTP API of docs/api.md. */
#ifndef DROVER_AUDITOR_API_H
#define DROVER_AUDITOR_API_H

#include "auditor.h"

void api_open(struct auditor *au);
void api_close(struct auditor *au);

#endif
