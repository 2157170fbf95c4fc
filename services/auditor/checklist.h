/* The checklist for people: Markdown from checklist.json. Pure. */
#ifndef DROVER_AUDITOR_CHECKLIST_H
#define DROVER_AUDITOR_CHECKLIST_H

#include <drover/base/buf.h>
#include <drover/json/json.h>

/* A section an item with everything that is needed to create it: what is
 * missing first, then what is there. No value can mark up the text. */
void checklist_md(const struct dr_json *checklist, struct dr_buf *out);

#endif
