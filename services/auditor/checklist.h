/* The checklist: what is missing now beside what was asked for and is there,
 * and Markdown of it for people. Pure. */
#ifndef DROVER_AUDITOR_CHECKLIST_H
#define DROVER_AUDITOR_CHECKLIST_H

#include <drover/base/buf.h>
#include <drover/json/json.h>
#include <drover/plan/plan.h>

/* A section an item with everything that is needed to create it: what is
 * missing first, then what is there. No value can mark up the text. */
void checklist_md(const struct dr_json *checklist, struct dr_buf *out);

/* {"items":[…]}: the items that a proposal finds missing, then those of the
 * list before that the catalogue shows by now, as present. What it does not
 * show, and this proposal does not need, is in neither. */
void checklist_merge(const struct dr_json *now, const struct dr_json *before,
                     const struct dr_catalogs *c, struct dr_arena *a,
                     struct dr_buf *out);

#endif
