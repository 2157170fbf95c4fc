/*
 * What only people may let pass: the questions of the extractor (unreadable
 * records above the budget, mass absence, a scope or plan that changed), and
 * the answers, which travel in `control`.
 */
#ifndef DROVER_AUDITOR_ASKS_H
#define DROVER_AUDITOR_ASKS_H

#include "auditor.h"

/* [{"id","kind","text","count","approved"}] of what is asked now. */
void asks_write(struct auditor *au, struct dr_json_w *w);
/* Yes to one of them. -1: it is not asked (any more), or too many were. */
int asks_approve(struct auditor *au, struct dr_str id, struct dr_str by,
                 struct dr_err *err) DR_MUSTCHECK;

#endif
