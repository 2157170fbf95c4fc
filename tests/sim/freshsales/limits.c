/* The account's limits: an hour and a minute, windows of several kinds, and
 * their headers (reference 19, 23.2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#include "call.h"

#define HOUR_MS 3600000
#define MINUTE_MS 60000
#define MINUTE_LIMIT 400

static int64_t limit_of_plan(struct dr_str plan)
{
    static const struct {
        const char *plan;
        int64_t limit;
    } plans[] = {{"pro", 2000},
                 {"estate", 2000},
                 {"enterprise", 5000},
                 {"forest", 5000}};

    for (size_t i = 0; i < DR_ARRAY_LEN(plans); i++) {
        if (is(plan, plans[i].plan)) {
            return plans[i].limit;
        }
    }
    return 1000;
}

struct dr_str plan_of(const struct account *a)
{
    const char *plan = knob_text(a->knobs, "plan");

    return strcmp(plan, "tenant") == 0 ? dr_json_get_str(a->tenant, "plan")
                                       : dr_str_z(plan);
}

int64_t hour_limit(const struct account *a)
{
    const char *plan = knob_text(a->knobs, "rate_plan");
    int64_t now = vclock_now(&a->clock);
    int64_t n;

    if (strcmp(plan, "lifted") == 0 ||
        (now >= a->lift_from_ms && now < a->lift_until_ms)) {
        return 0;
    }
    if (dr_str_i64(dr_str_z(plan), &n) == 0) {
        return n;
    }
    return limit_of_plan(strcmp(plan, "tenant") == 0 ? plan_of(a)
                                                     : dr_str_z(plan));
}

/* Times of the simulated clock, from now where they are small. */
void lift_limits(struct account *a, int64_t from_ms, int64_t until_ms)
{
    int64_t now = vclock_now(&a->clock);
    int64_t small = INT64_C(1000) * 24 * HOUR_MS;

    a->lift_from_ms = from_ms < small ? now + from_ms : from_ms;
    a->lift_until_ms = until_ms < small ? now + until_ms : until_ms;
}

/* ---- one window ---- */

/* The clock's window that is over goes to the books. */
static void turn(struct account *a, struct window *w, int64_t now,
                 int64_t limit)
{
    int64_t slot = now / w->length_ms;

    if (slot == w->slot) {
        return;
    }
    if (w->used > 0) {
        if (a->windows_n == a->windows_cap) {
            a->windows_cap = a->windows_cap ? a->windows_cap * 2 : 64;
            a->windows =
                dr_xrealloc(a->windows, a->windows_cap * sizeof(*a->windows));
        }
        a->windows[a->windows_n++] = (struct used_window){
            w->length_ms == MINUTE_MS, w->slot * w->length_ms, w->used, limit};
    }
    w->slot = slot;
    w->used = 0;
}

static void forget_old(struct window *w, int64_t now)
{
    while (w->at_n > 0 && w->at[w->at_first] <= now - w->length_ms) {
        w->at_first = (w->at_first + 1) % w->at_cap;
        w->at_n--;
    }
}

static int64_t interval_us(const struct window *w, int64_t limit)
{
    return w->length_ms * 1000 / limit;
}

/* How many calls of the limit are used up now, by the kind in force. */
static int64_t used_now(struct account *a, struct window *w, int64_t now,
                        int64_t limit)
{
    const char *kind = knob_text(a->knobs, "rate_window");

    if (strcmp(kind, "rolling") == 0) {
        forget_old(w, now);
        return (int64_t)w->at_n;
    }
    if (strcmp(kind, "first_call") == 0) {
        return now < w->first_ms + w->length_ms ? w->counted : 0;
    }
    if (strcmp(kind, "leaky") == 0) {
        int64_t ahead = w->tat_us - now * 1000, step = interval_us(w, limit);
        return ahead > 0 ? (ahead + step - 1) / step : 0;
    }
    return now / w->length_ms == w->first_ms ? w->counted : 0;
}

static void remember(struct window *w, int64_t now)
{
    if (w->at_n == w->at_cap) {
        size_t cap = w->at_cap ? w->at_cap * 2 : 1024;
        int64_t *at = dr_xcalloc(cap, sizeof(*at));
        for (size_t i = 0; i < w->at_n; i++) {
            at[i] = w->at[(w->at_first + i) % w->at_cap];
        }
        free(w->at);
        w->at = at;
        w->at_first = 0;
        w->at_cap = cap;
    }
    w->at[(w->at_first + w->at_n++) % w->at_cap] = now;
}

static void count(struct account *a, struct window *w, int64_t now,
                  int64_t limit)
{
    const char *kind = knob_text(a->knobs, "rate_window");

    w->used++;
    if (strcmp(kind, "rolling") == 0) {
        remember(w, now);
    } else if (strcmp(kind, "leaky") == 0) {
        if (w->tat_us < now * 1000) {
            w->tat_us = now * 1000;
        }
        w->tat_us += interval_us(w, limit);
    } else if (strcmp(kind, "first_call") == 0) {
        if (now >= w->first_ms + w->length_ms) {
            w->first_ms = now;
            w->counted = 0;
        }
        w->counted++;
    } else { /* first_ms is the window's number */
        if (now / w->length_ms != w->first_ms) {
            w->first_ms = now / w->length_ms;
            w->counted = 0;
        }
        w->counted++;
    }
}

/* When calls are free again. */
static int64_t reset_of(struct account *a, struct window *w, int64_t now)
{
    const char *kind = knob_text(a->knobs, "rate_window");

    if (strcmp(kind, "rolling") == 0) {
        return w->at_n ? w->at[w->at_first] + w->length_ms : now;
    }
    if (strcmp(kind, "first_call") == 0) {
        return now < w->first_ms + w->length_ms ? w->first_ms + w->length_ms
                                                : now + w->length_ms;
    }
    if (strcmp(kind, "leaky") == 0) {
        return w->tat_us / 1000 > now ? w->tat_us / 1000 : now;
    }
    return (now / w->length_ms + 1) * w->length_ms;
}

/* ---- both ---- */

bool within_limits(struct account *a, int64_t now)
{
    int64_t limit = hour_limit(a);
    bool by_minute = knob_is(a->knobs, "rate_minute", "on");
    bool full;

    a->hour.length_ms = HOUR_MS;
    a->minute.length_ms = MINUTE_MS;
    turn(a, &a->hour, now, limit);
    turn(a, &a->minute, now, MINUTE_LIMIT);
    if (limit == 0) {
        a->hour.used++;
        a->minute.used++;
        return true;
    }
    full = used_now(a, &a->hour, now, limit) >= limit ||
           (by_minute &&
            used_now(a, &a->minute, now, MINUTE_LIMIT) >= MINUTE_LIMIT);
    if (!full || knob_is(a->knobs, "rate_429_charged", "yes")) {
        count(a, &a->hour, now, limit);
        count(a, &a->minute, now, MINUTE_LIMIT);
    }
    return !full;
}

static void reset_header(struct call *c, int64_t reset)
{
    char text[64], iso[DR_TIME_TEXT];

    if (knob_is(c->a->knobs, "rate_reset_format", "absent")) {
        return;
    }
    if (knob_is(c->a->knobs, "rate_reset_format", "epoch")) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)(reset / 1000));
    } else { /* DDMMYYHHMMSS of YYYY-MM-DDTHH:MM:SSZ */
        dr_time_format(reset - reset % 1000, iso);
        (void)snprintf(text, sizeof(text), "%.2s%.2s%.2s%.2s%.2s%.2s", iso + 8,
                       iso + 5, iso + 2, iso + 11, iso + 14, iso + 17);
    }
    dr_httpd_add_header(c->req, "X-RateLimit-Reset", text);
}

void limit_headers(struct call *c, int64_t now)
{
    int64_t limit = hour_limit(c->a);
    int64_t used = 0;
    char text[64];

    c->a->hour.length_ms = HOUR_MS;
    if (limit > 0) {
        used = used_now(c->a, &c->a->hour, now, limit);
    }
    limit = limit ? limit : 1000000000;
    (void)snprintf(text, sizeof(text), "%lld", (long long)limit);
    dr_httpd_add_header(c->req, "X-RateLimit-Limit", text);
    (void)snprintf(text, sizeof(text), "%lld",
                   (long long)(limit > used ? limit - used : 0));
    dr_httpd_add_header(c->req, "X-RateLimit-Remaining", text);
    reset_header(c, reset_of(c->a, &c->a->hour, now));
    dr_httpd_add_header(c->req, "Date", dr_http_date_format(now, text));
}

/* The knob: absent, seconds, date, or the header's very value. */
static void retry_after(struct call *c, int64_t now)
{
    const char *after = knob_text(c->a->knobs, "retry_after");
    struct account *a = c->a;
    int64_t limit = hour_limit(a), free_at;
    char text[64];

    if (strcmp(after, "absent") == 0 || limit == 0) {
        return;
    }
    free_at = used_now(a, &a->hour, now, limit) >= limit
                  ? reset_of(a, &a->hour, now)
                  : reset_of(a, &a->minute, now);
    if (strcmp(after, "seconds") == 0) {
        (void)snprintf(text, sizeof(text), "%lld",
                       (long long)((free_at - now + 999) / 1000));
        after = text;
    } else if (strcmp(after, "date") == 0) {
        after = dr_http_date_format(free_at, text);
    }
    dr_httpd_add_header(c->req, "Retry-After", after);
}

void too_many(struct call *c, int64_t now)
{
    c->a->refused++;
    if (++c->a->burst > c->a->largest_burst) {
        c->a->largest_burst = c->a->burst;
    }
    retry_after(c, now);
    fail(c, 429, "Too many requests.");
}
