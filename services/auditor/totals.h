/*
 * Field totals (bench reference 3.2): exact decimal sums of both sides, by
 * object, field and currency, and what explains the difference. Pure. Fed
 * with one judged record after the other.
 */
#ifndef DROVER_AUDITOR_TOTALS_H
#define DROVER_AUDITOR_TOTALS_H

#include <stdbool.h>

#include <drover/base/decimal.h>
#include <drover/json/json.h>

#include "judge.h"

struct totals;

/* The plan's JSON: its money and number rows are what is summed. It must
 * outlive the totals. NULL: nothing is summed. */
struct totals *totals_new(const struct dr_json *plan);
void totals_free(struct totals *t);

/* The judge's words about the record that follows: pass them on. */
void totals_field(struct totals *t, const struct judged_field *f);
void totals_record(struct totals *t, const struct record_row *r);
/* Adds the record that was judged; forgets the words. */
void totals_add(struct totals *t, const struct judge_case *c,
                struct dr_arena *a);

/* Discounts in percent have a sum of their own: "unit":"percent" in place of a
 * currency.
 * "totals":[…],"by":[…] of one object into an open JSON object. Returns
 * whether every difference is 0. */
bool totals_write(const struct totals *t, const char *object,
                  struct dr_json_w *w);

#endif
