/* The classes of what was set aside: `class` of rejected.ndjson. Pure. */
#ifndef DROVER_AUDITOR_CLASSES_H
#define DROVER_AUDITOR_CLASSES_H

#include <drover/base/buf.h>
#include <drover/base/str.h>

/* Whether any service sets records aside with this class. */
bool class_known(struct dr_str class);
/* All of them, each with a blank before it. */
void classes_print(struct dr_buf *out);

#endif
