/*
 * A bulk export as the snapshot's source (contract 4.10): what to do next with
 * a job. Pure. What must survive a restart lies in the object's cursor.
 */
#ifndef EXTRACTOR_EXPORT_H
#define EXTRACTOR_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/str.h>

#define EXPORT_ID_MAX 80
#define EXPORT_JOBS_MAX 3  /* of one object; then the lists are read */
#define EXPORT_TRIES_MAX 4 /* to read one part of one job */
/* A job that did not end within six hours of our clock has failed. */
#define EXPORT_WAIT_MAX_MS ((int64_t)6 * 3600 * 1000)
#define EXPORT_TELL_MS 60000 /* between two warnings that it did not yet */

struct export_job {
    char id[EXPORT_ID_MAX]; /* of the job; "": none */
    bool asking;            /* one is asked for, and its id is not known */
    uint32_t jobs;          /* that were asked for so far */
    uint32_t parts;         /* whose rows were all sent */
    uint64_t rows;          /* in those parts */
    uint32_t tries;         /* of the part that comes next */
    int64_t asked_ms;       /* wall clock of the request; 0: not known */
    int64_t told_ms;        /* when it was said last that it waits */
};

enum export_state {
    EXPORT_WAITING, /* queued or running */
    EXPORT_COMPLETE,
    EXPORT_LOST, /* failed, cancelled, expired, or not known any more */
    EXPORT_ODD,  /* a state that no contract names: as one that waits */
};
enum export_state export_state(struct dr_str status);

enum export_do {
    EXPORT_REQUEST, /* ask for a job; none is known */
    EXPORT_POLL,    /* ask how the job stands, after a pause */
    EXPORT_PART,    /* read part number job->parts */
    EXPORT_DONE,    /* every part was read, and they are all */
    EXPORT_LISTS,   /* no export: read the lists */
};

/* At start, before anything was asked. One that was asked for by somebody who
 * did not live to hear its id is lost: jobs are known by their id alone, and no
 * second one is asked for. */
enum export_do export_begin(const struct export_job *j);
/* A job is going to be asked for: durable before the request leaves. */
void export_asks(struct export_job *j, int64_t now_ms);
/* The request did not leave, or what came says that no job was begun. */
void export_asks_not(struct export_job *j);
/* The job's id came. */
void export_asked(struct export_job *j, struct dr_str id);
/* After an answer about the job. `parts`, `rows`: what the job says it has. */
enum export_do export_next(struct export_job *j, enum export_state s,
                           uint32_t parts, uint64_t rows, int64_t now_ms);
/* True, once a minute: the job still waits, which is to be told. */
bool export_tells(struct export_job *j, int64_t now_ms);
/* A part was read as the job says it is. */
void export_part_read(struct export_job *j, uint64_t rows);
/* A part was not. One that came whole and is damaged is downloaded once more,
 * one that did not come or whose address ran out three times; then the job is
 * given up. */
enum export_do export_part_bad(struct export_job *j, bool damaged);
/* The pause before the n-th poll, from `first_ms` up to half a minute. */
int64_t export_pause_ms(unsigned n, int64_t first_ms);

#endif
