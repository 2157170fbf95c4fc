/*
 * Bulk export jobs (contract 4.10): what a job is, for those who run it and
 * those who answer about it.
 */
#ifndef FASTTRACK_EXPORT_H
#define FASTTRACK_EXPORT_H

#include "call.h"

enum job_state {
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_COMPLETE,
    JOB_FAILED,
    JOB_CANCELLED,
    JOB_EXPIRED,
};

struct part {
    struct dr_str bytes; /* as they are downloaded */
    uint64_t rows;
    int64_t as_of_ms;
    struct dr_str first_id, last_id;
    char sha256[65];
    uint64_t announced; /* its length, as the job says it */
};

struct job {
    struct dr_str id, object, properties;
    struct kind *kind;
    bool csv, gzip, archived, associations;
    bool broken; /* the knob spoils one of its parts */
    enum job_state state;
    int64_t from_ms;
    int64_t requested_ms, started_ms, completed_ms;
    struct part *parts;
    size_t n;
    struct dr_str last_id; /* read so far */
    struct dr_str corrupt; /* NDJSON {"id","reason"} */
    uint64_t rows, corrupt_n;
};

/* ---- export_rows.c ---- */

/* The rows of one part as they are now, at most `max`, behind j->last_id;
 * false: there are none left. */
bool job_read(struct world *w, struct job *j, size_t max, struct dr_buf *out,
              struct part *p);
struct dr_str gzip_of(struct world *w, struct dr_str text);

#endif
