/*
 * Throttling per tenant (contract 4.12): a burst and a daily policy, fixed
 * windows of the virtual clock. What a refused caller is told to wait is real
 * time, for that is what it waits in.
 */
#include <stdio.h>

#include <drover/base/time.h>

#include "call.h"

#define DAY_MS 86400000

struct policy {
    const char *name;
    int64_t limit; /* 0: none */
    int64_t window_ms;
    struct window_use *use;
};

/* The plan's figures (contract 4.13: an assumption) or the knob's own. */
static int64_t limit_of_knob(const struct world *w, const char *knob,
                             int64_t starter, int64_t growth,
                             int64_t enterprise)
{
    struct dr_str plan = tenant_plan(w);

    if (!knob_is(w->knobs, knob, "plan")) {
        return knob_int(w->knobs, knob);
    }
    return dr_str_eqz(plan, "starter")  ? starter
           : dr_str_eqz(plan, "growth") ? growth
                                        : enterprise;
}

static int64_t left_ms(const struct policy *p, int64_t now)
{
    return p->window_ms - now % p->window_ms;
}

/* Virtual milliseconds in real ones, never too few. */
static int64_t real_ms(const struct world *w, int64_t ms)
{
    int64_t scale = w->clock.scale > 0 ? w->clock.scale : 1;

    return (ms + scale - 1) / scale;
}

static void header(struct call *c, const char *name, int64_t v)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)v);
    dr_httpd_add_header(c->req, name, text);
}

static int64_t remaining(const struct policy *p)
{
    return p->limit > p->use->used ? p->limit - p->use->used : 0;
}

static int64_t reset_s(const struct call *c, const struct policy *p)
{
    return (real_ms(c->w, left_ms(p, c->now)) + 999) / 1000;
}

static void legacy_headers(struct call *c, const struct policy *p)
{
    bool epoch = knob_is(c->w->knobs, "ratelimit_reset", "epoch");

    header(c, "X-RateLimit-Limit", p->limit);
    header(c, "X-RateLimit-Remaining", remaining(p));
    header(c, "X-RateLimit-Reset",
           epoch ? (c->now + left_ms(p, c->now)) / 1000 : reset_s(c, p));
}

static void headers(struct call *c, const struct policy *p, size_t n)
{
    struct dr_buf rule, state;

    dr_buf_init(&rule, 512);
    dr_buf_init(&state, 512);
    for (size_t i = 0; i < n; i++) {
        if (p[i].limit == 0) {
            continue;
        }
        if (rule.n == 0) {
            legacy_headers(c, &p[i]);
        }
        dr_buf_printf(&rule, "%s\"%s\";q=%lld;w=%lld", rule.n ? ", " : "",
                      p[i].name, (long long)p[i].limit,
                      (long long)p[i].window_ms / 1000);
        dr_buf_printf(&state, "%s\"%s\";r=%lld;t=%lld", state.n ? ", " : "",
                      p[i].name, (long long)remaining(&p[i]),
                      (long long)reset_s(c, &p[i]));
    }
    if (rule.n > 0) {
        dr_httpd_add_header(c->req, "RateLimit-Policy", rule.p);
        dr_httpd_add_header(c->req, "RateLimit", state.p);
        dr_httpd_add_header(c->req, "X-FT-Cost", "1");
    }
    dr_buf_done(&rule);
    dr_buf_done(&state);
}

static void retry_after(struct call *c, int64_t wait_ms)
{
    const char *form = knob_text(c->w->knobs, "retry_after");
    char text[DR_TIME_TEXT];

    if (dr_str_eqz(dr_str_z(form), "seconds")) {
        header(c, "Retry-After", (wait_ms + 999) / 1000);
    } else if (dr_str_eqz(dr_str_z(form), "date")) {
        /* Whole seconds of a clock that the Date header rounds down. */
        dr_http_date_format(c->now + wait_ms + 999, text);
        dr_httpd_add_header(c->req, "Retry-After", text);
    } else if (dr_str_eqz(dr_str_z(form), "fraction")) {
        (void)snprintf(text, sizeof(text), "%lld.%03lld",
                       (long long)(wait_ms / 1000),
                       (long long)(wait_ms % 1000));
        dr_httpd_add_header(c->req, "Retry-After", text);
    }
}

/* As many calls of the tenant are under way as may be: our own, or in one call
 * of so many those of others. */
static bool is_crowded(struct world *w)
{
    int64_t most = knob_int(w->knobs, "concurrency");
    int64_t every = knob_int(w->knobs, "others");

    if (most <= 0 ||
        (w->running < most && (every <= 0 || (w->calls + 1) % every != 0))) {
        return false;
    }
    bite(w, "concurrency");
    return true;
}

bool limits_take(struct call *c)
{
    struct world *w = c->w;
    struct policy p[] = {
        {"burst", limit_of_knob(w, "burst", 20, 100, 150),
         knob_int(w->knobs, "burst_window_ms"), &w->limits.burst},
        {"daily", limit_of_knob(w, "daily", 20000, 250000, 1000000), DAY_MS,
         &w->limits.daily}};
    int64_t wait = 0;

    for (size_t i = 0; i < DR_ARRAY_LEN(p); i++) {
        int64_t slot;
        p[i].window_ms = p[i].window_ms > 0 ? p[i].window_ms : 10000;
        slot = c->now / p[i].window_ms;
        if (p[i].use->slot != slot) {
            *p[i].use = (struct window_use){slot, 0};
        }
        if (i == 0 && tenant_lifted(w, c->now)) {
            if (p[i].limit > 0 && p[i].use->used >= p[i].limit) {
                bite(w, "lift");
            }
            continue; /* the lift: only the day counts */
        }
        if (p[i].limit > 0 && p[i].use->used >= p[i].limit) {
            wait = real_ms(w, left_ms(&p[i], c->now));
            c->policy = p[i].name;
            bite(w, p[i].name);
            if (i == 0 && w->lift_until_ms > 0 && c->now >= w->lift_until_ms) {
                bite(w, "lift_over");
            }
        }
    }
    if (is_crowded(w)) {
        wait = knob_int(w->knobs, "answer_ms") + 1;
        c->policy = "concurrency";
    }
    if (wait > 0) {
        fail(c, 429, "rate_limited", "too many calls: wait");
        retry_after(c, wait);
    } else {
        w->limits.burst.used++;
        w->limits.daily.used++;
    }
    headers(c, p, DR_ARRAY_LEN(p));
    return wait == 0;
}
