/*
 * The account's call budget: an hour and, by knob, a minute window of the
 * same kind. Pure: the time is passed in, milliseconds of the virtual clock.
 */
#ifndef FS_RATE_H
#define FS_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum window_kind {
    WINDOW_FIXED,      /* clock hour, clock minute */
    WINDOW_ROLLING,    /* the last 3,600 s */
    WINDOW_FIRST_CALL, /* starts with the first call after the last one ended */
    WINDOW_GCRA,       /* leaky bucket that holds a tenth of the limit */
};

struct past {
    bool minute;
    int64_t start_ms, used, limit;
};

struct window {
    enum window_kind kind;
    int64_t len_ms, limit;
    int64_t start_ms, used; /* fixed and first call; -1: none yet */
    int64_t *times;         /* rolling: a ring of accepted calls */
    size_t head, count, cap;
    int64_t tat_us; /* GCRA: theoretical arrival time */
};

struct rate {
    struct window hour, minute;
    bool with_minute, lifted;
    /* what was used in each clock hour and minute, for the stats */
    struct past *past;
    size_t past_count, past_cap;
    struct past now_hour, now_minute;
};

void rate_init(struct rate *r);
void rate_done(struct rate *r);
/* Sets the rules; what was used in a window of another kind is forgotten. */
void rate_rules(struct rate *r, enum window_kind kind, int64_t hour_limit,
                bool with_minute, bool lifted);
/* True: the call may go and was charged. False: refused; charged as well when
 * charge_refused. */
bool rate_take(struct rate *r, int64_t now_ms, bool charge_refused);
int64_t rate_used(struct window *w, int64_t now_ms);
int64_t rate_left(struct window *w, int64_t now_ms);
/* When the hour window gives room again. */
int64_t rate_reset_ms(struct rate *r, int64_t now_ms);

#endif
