/* The reports that are lines of the books (bench reference 3). */
#ifndef DROVER_AUDITOR_REPORT_H
#define DROVER_AUDITOR_REPORT_H

#include "auditor.h"
#include "spool.h"

/* One page of records.ndjson after a cursor ("" at first). next receives the
 * cursor of the next page, empty at the end. */
void report_records(struct auditor *au, struct dr_str after, int64_t limit,
                    struct spool *out, struct dr_buf *next);
struct reject_filter {
    struct dr_str object, class;
};
void report_rejected(struct auditor *au, const struct reject_filter *f,
                     struct dr_str after, int64_t limit, struct spool *out,
                     struct dr_buf *next);
/* What the approved plan makes of events (dr_plan_event_fate); NULL: there is
 * none yet. */
const char *report_event_fate(const struct auditor *au);
/* The events of the source, one a line: {"id","fate","state","reason",
 * "event":{as it was read}}. */
void report_events(struct auditor *au, struct dr_str after, int64_t limit,
                   struct spool *out, struct dr_buf *next);
/* What the extractor published of automation, with the events' fate. */
void report_inventory(struct auditor *au, struct dr_str automation,
                      struct dr_buf *out);
/* {"lines":[…],"original":"…"}; false: nothing of this record stopped. */
bool report_reject(struct auditor *au, struct dr_str object, struct dr_str id,
                   struct dr_buf *out);
/* {"matches":[…]} of docs/api.md. object empty: any. */
void report_find(struct auditor *au, struct dr_str object, struct dr_str id,
                 struct dr_buf *out);

/* Members of a differences' line into an open object. */
void report_diff_members(struct query *q, int at, struct dr_json_w *w);

#endif
