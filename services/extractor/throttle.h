/*
 * What to do after an answer of the source: go on, wait, give up (contract
 * 4.1, 4.12). Pure. A 429 carries Retry-After as seconds, as a date, as a
 * fraction or not at all; the first three arrive here as milliseconds.
 */
#ifndef EXTRACTOR_THROTTLE_H
#define EXTRACTOR_THROTTLE_H

#include <stdint.h>

#include <drover/base/rand.h>
#include <drover/http/client.h>

enum throttle_do {
    THROTTLE_USE,     /* the answer counts                               */
    THROTTLE_AGAIN,   /* the same call again after wait_ms               */
    THROTTLE_STOP,    /* the credentials or the address are wrong        */
    THROTTLE_GIVE_UP, /* tried too often                               */
};

struct throttle {
    struct dr_rand rand;
    int failures;        /* in a row: 5xx, cut bodies, no connection */
    int refusals;        /* in a row: 429                            */
    int64_t waits;       /* for metrics */
    int64_t max_told_ms; /* the most that is waited when told to */
};

#define THROTTLE_MAX_WAIT_MS 60000 /* chosen by ourselves */
/* Told by the source: a daily quota asks for hours, and calling before is one
 * more refusal. Asking once an hour is the cap on what may be nonsense. */
#define THROTTLE_MAX_TOLD_MS 3600000
#define THROTTLE_MAX_FAILURES 12

void throttle_init(struct throttle *t, uint64_t seed);
enum throttle_do throttle_after(struct throttle *t,
                                const struct dr_http_answer *ans,
                                int64_t *wait_ms_out);

#endif
