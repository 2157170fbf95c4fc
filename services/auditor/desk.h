/*
 * The plan's desk: proposals, checks and approval, over lib/plan. Everything
 * is made from the catalogues and the source records in the books.
 */
#ifndef DROVER_AUDITOR_DESK_H
#define DROVER_AUDITOR_DESK_H

#include "auditor.h"
#include "wishes.h"

#define DESK_REPORTS 4 /* that may be too large */

struct desk_result {
    char hash[65];
    int64_t problems, missing, present, owners_unmatched, duplicates;
    /* Reports that are not in Kafka whole, and lost with the books. */
    const char *large[DESK_REPORTS];
    size_t large_count;
};

/* Proposes and keeps plan, checklist, owners, duplicates and the schema audit
 * as the newest reports. */
int desk_propose(struct auditor *au, const struct wishes *w,
                 struct desk_result *out, struct dr_err *err) DR_MUSTCHECK;
/* An edited plan: its hash is set anew, and it becomes the latest. */
int desk_put(struct auditor *au, struct dr_str json, struct desk_result *out,
             struct dr_err *err) DR_MUSTCHECK;
/* The text of a plan. hex empty: the approved one, else the latest. Empty:
 * there is none. Lives in au->request. */
struct dr_str desk_plan(struct auditor *au, struct dr_str hex);
/* The problems as a JSON array into out; -1: no such plan. */
int desk_check(struct auditor *au, struct dr_str hex, struct dr_buf *out,
               int64_t *problems, struct dr_err *err) DR_MUSTCHECK;
/* Sends the plan to `control` and names it in the state. */
int desk_approve(struct auditor *au, struct dr_str hex, struct dr_str by,
                 struct dr_err *err) DR_MUSTCHECK;
/* The checklist against the newest catalogue, with the wishes of the last
 * proposal: {"ready","items":[…]}. */
int desk_ready(struct auditor *au, struct dr_buf *out,
               struct dr_err *err) DR_MUSTCHECK;

#endif
