#include "rate.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>

#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)
#define MINUTE_LIMIT 400 /* a minute, on all paid plans (19.1) */
#define LIFTED 1000000

void rate_init(struct rate *r)
{
    *r = (struct rate){.hour = {.len_ms = HOUR_MS, .start_ms = -1},
                       .minute = {.len_ms = MINUTE_MS, .start_ms = -1}};
}

void rate_done(struct rate *r)
{
    free(r->hour.times);
    free(r->minute.times);
    free(r->past);
}

static void window_rules(struct window *w, enum window_kind kind, int64_t limit)
{
    if (w->kind != kind) {
        free(w->times);
        *w = (struct window){.kind = kind, .len_ms = w->len_ms, .start_ms = -1};
    }
    w->limit = limit;
}

void rate_rules(struct rate *r, enum window_kind kind, int64_t hour_limit,
                bool with_minute, bool lifted)
{
    window_rules(&r->hour, kind, lifted ? LIFTED : hour_limit);
    window_rules(&r->minute, kind, lifted ? LIFTED : MINUTE_LIMIT);
    r->with_minute = with_minute;
    r->lifted = lifted;
}

/* ---- one window ---- */

static int64_t burst_of(const struct window *w)
{
    return w->limit >= 10 ? w->limit / 10 : 1;
}

static int64_t interval_us(const struct window *w)
{
    return w->limit > 0 ? w->len_ms * 1000 / w->limit : w->len_ms * 1000;
}

static void roll(struct window *w, int64_t now)
{
    if (w->kind == WINDOW_FIXED) {
        int64_t start = now - now % w->len_ms;
        if (w->start_ms != start) {
            w->start_ms = start;
            w->used = 0;
        }
    } else if (w->kind == WINDOW_FIRST_CALL) {
        if (w->start_ms >= 0 && now >= w->start_ms + w->len_ms) {
            w->start_ms = -1;
            w->used = 0;
        }
    } else if (w->kind == WINDOW_ROLLING) {
        while (w->count > 0 && w->times[w->head] <= now - w->len_ms) {
            w->head = (w->head + 1) % w->cap;
            w->count--;
        }
    }
}

int64_t rate_left(struct window *w, int64_t now)
{
    int64_t ahead;

    roll(w, now);
    switch (w->kind) {
    case WINDOW_ROLLING:
        return w->limit - (int64_t)w->count;
    case WINDOW_GCRA:
        ahead = w->tat_us - now * 1000;
        if (ahead < 0) {
            ahead = 0;
        }
        ahead = (ahead + interval_us(w) - 1) / interval_us(w);
        return burst_of(w) - ahead;
    case WINDOW_FIXED:
    case WINDOW_FIRST_CALL:
        break;
    }
    return w->limit - w->used;
}

int64_t rate_used(struct window *w, int64_t now)
{
    int64_t left = rate_left(w, now);

    return (w->kind == WINDOW_GCRA ? burst_of(w) : w->limit) - left;
}

static void ring_push(struct window *w, int64_t now)
{
    if (w->count == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 1024;
        int64_t *times = dr_xcalloc(cap, sizeof(*times));
        for (size_t i = 0; i < w->count; i++) {
            times[i] = w->times[(w->head + i) % w->cap];
        }
        free(w->times);
        w->times = times;
        w->cap = cap;
        w->head = 0;
    }
    w->times[(w->head + w->count) % w->cap] = now;
    w->count++;
}

static void charge(struct window *w, int64_t now)
{
    roll(w, now);
    if (w->kind == WINDOW_ROLLING) {
        ring_push(w, now);
    } else if (w->kind == WINDOW_GCRA) {
        int64_t from = w->tat_us > now * 1000 ? w->tat_us : now * 1000;
        w->tat_us = from + interval_us(w);
    } else {
        if (w->start_ms < 0) {
            w->start_ms = now;
        }
        w->used++;
    }
}

static int64_t reset_of(struct window *w, int64_t now)
{
    roll(w, now);
    switch (w->kind) {
    case WINDOW_ROLLING:
        return w->count > 0 ? w->times[w->head] + w->len_ms : now;
    case WINDOW_GCRA:
        return rate_left(w, now) > 0 ? now : now + interval_us(w) / 1000 + 1;
    case WINDOW_FIXED:
    case WINDOW_FIRST_CALL:
        break;
    }
    return w->start_ms < 0 ? now + w->len_ms : w->start_ms + w->len_ms;
}

int64_t rate_reset_ms(struct rate *r, int64_t now)
{
    return reset_of(&r->hour, now);
}

/* ---- both ---- */

static void keep_past(struct rate *r, const struct past *p)
{
    if (p->used == 0) {
        return;
    }
    if (r->past_count == r->past_cap) {
        r->past_cap = r->past_cap ? r->past_cap * 2 : 64;
        r->past = dr_xrealloc(r->past, r->past_cap * sizeof(*r->past));
    }
    r->past[r->past_count++] = *p;
}

static void tally(struct rate *r, struct past *p, bool minute, int64_t now)
{
    const struct window *w = minute ? &r->minute : &r->hour;
    int64_t start = now - now % w->len_ms;

    if (w->kind == WINDOW_FIRST_CALL) {
        start = w->start_ms;
    }
    if (p->start_ms != start) {
        keep_past(r, p);
        *p = (struct past){.minute = minute, .start_ms = start};
    }
    p->limit = w->limit;
    p->used++;
}

bool rate_take(struct rate *r, int64_t now, bool charge_refused)
{
    bool ok = rate_left(&r->hour, now) > 0 &&
              (!r->with_minute || rate_left(&r->minute, now) > 0);

    ok = ok || r->lifted;
    if (ok || charge_refused) {
        charge(&r->hour, now);
        charge(&r->minute, now);
    }
    if (ok) {
        tally(r, &r->now_hour, false, now);
        tally(r, &r->now_minute, true, now);
    }
    return ok;
}
