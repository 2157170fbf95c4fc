#ifndef DROVER_AUDITOR_STATUS_H
#define DROVER_AUDITOR_STATUS_H

#include "auditor.h"

void status_write(struct auditor *au, struct dr_buf *out);
/* Counts of an object's terminal states, as members of an open object. */
void status_states(struct auditor *au, struct dr_str object,
                   struct dr_json_w *w);
int64_t status_count(struct auditor *au, struct dr_str object, bool pending);
/* The objects that have records; names live in au->request. */
size_t status_objects(struct auditor *au, struct dr_str *out, size_t max);
/* "verified":{…} */
void status_verified(struct auditor *au, struct dr_json_w *w);

#endif
