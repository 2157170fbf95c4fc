#include "export.h"

#include <stdio.h>

#define PAUSE_MAX_MS 30000

enum export_state export_state(struct dr_str status)
{
    if (dr_str_eqz(status, "queued") || dr_str_eqz(status, "running")) {
        return EXPORT_WAITING;
    }
    if (dr_str_eqz(status, "complete")) {
        return EXPORT_COMPLETE;
    }
    return dr_str_eqz(status, "failed") || dr_str_eqz(status, "cancelled") ||
                   dr_str_eqz(status, "expired")
               ? EXPORT_LOST
               : EXPORT_ODD;
}

/* The job is of no use: another one, of the same epoch, or the lists. */
static enum export_do another(struct export_job *j)
{
    uint32_t jobs = j->jobs;

    *j = (struct export_job){.jobs = jobs};
    return jobs < EXPORT_JOBS_MAX ? EXPORT_REQUEST : EXPORT_LISTS;
}

enum export_do export_begin(const struct export_job *j)
{
    if (j->id[0]) {
        return EXPORT_POLL;
    }
    return j->jobs < EXPORT_JOBS_MAX && !j->asking ? EXPORT_REQUEST
                                                   : EXPORT_LISTS;
}

void export_asks(struct export_job *j, int64_t now_ms)
{
    j->asking = true;
    j->jobs++;
    j->asked_ms = now_ms;
}

void export_asks_not(struct export_job *j)
{
    j->asking = false;
    j->jobs--;
}

void export_asked(struct export_job *j, struct dr_str id)
{
    (void)snprintf(j->id, sizeof(j->id), DR_STR_FMT, DR_STR_ARG(id));
    j->asking = false;
}

enum export_do export_next(struct export_job *j, enum export_state s,
                           uint32_t parts, uint64_t rows, int64_t now_ms)
{
    if (s == EXPORT_WAITING || s == EXPORT_ODD) {
        /* Of a cursor without it, and of a clock that stepped back. */
        j->asked_ms =
            j->asked_ms > 0 && j->asked_ms <= now_ms ? j->asked_ms : now_ms;
        return now_ms - j->asked_ms < EXPORT_WAIT_MAX_MS ? EXPORT_POLL
                                                         : another(j);
    }
    if (s == EXPORT_LOST) {
        return another(j);
    }
    if (j->parts < parts) {
        return EXPORT_PART;
    }
    return j->parts == parts && j->rows == rows ? EXPORT_DONE : another(j);
}

bool export_tells(struct export_job *j, int64_t now_ms)
{
    int64_t last = j->told_ms > j->asked_ms && j->told_ms <= now_ms
                       ? j->told_ms
                       : j->asked_ms;

    if (now_ms - last < EXPORT_TELL_MS) {
        return false;
    }
    j->told_ms = now_ms;
    return true;
}

void export_part_read(struct export_job *j, uint64_t rows)
{
    j->parts++;
    j->rows += rows;
    j->tries = 0;
}

enum export_do export_part_bad(struct export_job *j, bool damaged)
{
    j->tries += damaged ? EXPORT_TRIES_MAX / 2 : 1;
    return j->tries < EXPORT_TRIES_MAX ? EXPORT_POLL : another(j);
}

int64_t export_pause_ms(unsigned n, int64_t first_ms)
{
    int64_t ms = first_ms;

    while (n-- > 0 && ms < PAUSE_MAX_MS) {
        ms += ms / 2 + 1;
    }
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}
