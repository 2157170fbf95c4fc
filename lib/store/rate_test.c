/*
 * The rate controller against simulated servers of each kind, on a real
 * Redis. All scenarios run side by side on scaled windows and on a simulated
 * clock, so that a busy machine changes nothing; each has two clients that
 * share the account. A server's count is exact; an answer takes some
 * milliseconds. Compared with a perfect client on the same server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poll.h>

#include <cmocka.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>
#include <drover/base/rand.h>
#include <drover/store/store.h>

#define HOUR_MS 3600
#define SECOND_MS 1 /* of the server's hour */
#define MINUTE_MS 300
#define HOUR_LIMIT 240
#define MINUTE_LIMIT 40
#define RUN_MS 13800
/* Two starts in the hour: what is learned at one is not at the other. */
#define HOUR_BEGINS ((int64_t)HOUR_MS * 400000)
#define IN_FLIGHT 8
#define MAX_CALLS 4096

enum kind { FIXED, ROLLING, FIRST_CALL, LEAKY };

struct server {
    enum kind kind;
    int64_t hour_start, minute_start; /* first call: of the window */
    int64_t at[MAX_CALLS];            /* accepted calls, in order  */
    size_t n;
    int refused;
    double level_hour, level_minute; /* leaky: full until then */
    int64_t limit;                   /* of the hour; 0: lifted */
    int lifted;                      /* calls that were not counted */
};

static size_t since(const struct server *s, int64_t from)
{
    size_t i = s->n;

    while (i > 0 && s->at[i - 1] >= from) {
        i--;
    }
    return s->n - i;
}

/* The start of the window that `now` is in. */
static int64_t window_start(const struct server *s, int64_t now, int64_t len,
                            int64_t first)
{
    switch (s->kind) {
    case ROLLING:
        return now - len + 1;
    case FIRST_CALL:
        return now - first < len ? first : now;
    case FIXED:
    default:
        return now - now % len;
    }
}

/* A bucket of n calls that leaks n in len. */
static double leaky_used(double level, int64_t now, int64_t len, int64_t n)
{
    double ahead = level - (double)now;

    return ahead > 0 ? ahead * (double)n / (double)len : 0;
}

static void leaky_add(double *level, int64_t now, int64_t len, int64_t n)
{
    if (*level < (double)now) {
        *level = (double)now;
    }
    *level += (double)len / (double)n;
}

static int64_t used(const struct server *s, int64_t now)
{
    if (s->kind == LEAKY) {
        return (int64_t)(leaky_used(s->level_hour, now, HOUR_MS, s->limit) +
                         0.999);
    }
    return (int64_t)since(s, window_start(s, now, HOUR_MS, s->hour_start));
}

static bool serve(struct server *s, int64_t now)
{
    int64_t hour = window_start(s, now, HOUR_MS, s->hour_start);
    int64_t minute = window_start(s, now, MINUTE_MS, s->minute_start);
    int64_t in_minute = s->kind == LEAKY
                            ? (int64_t)(leaky_used(s->level_minute, now,
                                                   MINUTE_MS, MINUTE_LIMIT) +
                                        0.999)
                            : (int64_t)since(s, minute);

    if (s->limit > 0 &&
        (used(s, now) >= s->limit || in_minute >= MINUTE_LIMIT)) {
        s->refused++;
        return false;
    }
    if (s->limit == 0) {
        s->lifted++;
        return true;
    }
    assert_true(s->n < MAX_CALLS);
    leaky_add(&s->level_hour, now, HOUR_MS, s->limit);
    leaky_add(&s->level_minute, now, MINUTE_MS, MINUTE_LIMIT);
    s->hour_start = hour;
    s->minute_start = minute;
    s->at[s->n++] = now;
    return true;
}

struct scenario {
    const char *name;
    enum kind kind;
    bool headers;
    int neighbour_each_ms; /* somebody else calls as often; 0: nobody */
    int neighbour_calls;   /* and so many times at once               */
    int64_t reserve;
    int refused_max;
    int efficiency_min; /* per cent of the perfect client          */
    bool lifted;        /* the limit, in the middle of the run     */
};

static const struct scenario scenarios[] = {
    {"fixed", FIXED, true, 0, 0, 0, 2, 93, false},
    {"rolling", ROLLING, true, 0, 0, 0, 1, 97, false},
    {"first-call", FIRST_CALL, true, 0, 0, 0, 4, 95, false},
    {"leaky", LEAKY, true, 0, 0, 0, 8, 60, false},
    {"silent-fixed", FIXED, false, 0, 0, 0, 0, 70, false},
    {"silent-rolling", ROLLING, false, 0, 0, 0, 0, 97, false},
    {"neighbour", FIXED, true, 150, 1, 0, 40, 70, false},
    {"reserve", FIXED, true, 40, 1, 90, 0, 55, false},
    {"reserve-rolling", ROLLING, true, 40, 1, 90, 0, 55, false},
    {"reserve-at-once", FIXED, true, 720, 19, 95, 0, 50, false},
    {"lifted", FIXED, true, 0, 0, 0, 40, 0, true},
};

#define SCENARIOS DR_ARRAY_LEN(scenarios)

struct call {
    bool busy, canary, accepted, served;
    int64_t arrives, answers;
    int64_t limit, remaining, reset;
};

struct client {
    struct dr_store *store;
    int64_t ask_at;
    struct call calls[IN_FLIGHT];
};

struct run {
    const struct scenario *sc;
    struct dr_rate_opts opts;
    char account[48]; /* another at each start: nothing is known yet */
    struct server server, perfect;
    struct client clients[2];
    int64_t neighbour_at;
    int neighbour_refused, accepted, probes;
};

static struct dr_store *store(void)
{
    const char *a = getenv("DR_REDIS");
    struct dr_store_opts o = {.address = a ? a : "127.0.0.1:1",
                              .migration = "rate"};
    struct dr_store *s = dr_store_new(&o, NULL);

    assert_non_null(s);
    return s;
}

static void arrive(struct run *r, struct call *k, int64_t now)
{
    struct server *s = &r->server;
    int64_t hour;

    k->accepted = serve(s, now);
    k->served = true;
    r->accepted += k->accepted;
    hour = window_start(s, now, HOUR_MS, s->hour_start);
    k->limit = !r->sc->headers ? -1 : s->limit > 0 ? s->limit : 1000000000;
    k->remaining = s->limit > 0 ? s->limit - used(s, now) : k->limit;
    k->remaining = r->sc->headers ? k->remaining : -1;
    k->reset = -1;
    if (r->sc->headers) {
        int64_t end = s->kind == ROLLING
                          ? s->at[s->n - since(s, hour)] + HOUR_MS
                      : s->kind == LEAKY ? (int64_t)s->level_hour
                                         : hour + HOUR_MS;
        k->reset = end / SECOND_MS * SECOND_MS - now;
        k->reset = k->reset < 0 ? 0 : k->reset;
    }
}

static void answer(struct run *r, struct client *c, struct call *k)
{
    assert_int_equal(dr_rate_report(c->store, &r->opts, k->accepted ? 200 : 429,
                                    k->limit, k->remaining, k->reset, -1,
                                    k->canary, NULL),
                     0);
    k->busy = false;
}

static void ask(struct run *r, struct client *c, struct call *k,
                struct dr_rand *rnd, int64_t now)
{
    struct dr_rate_grant g;

    assert_int_equal(dr_rate_take(c->store, &r->opts, 1, &g, NULL), 0);
    if (!g.granted) {
        assert_true(g.wait_ms >= 1);
        c->ask_at = now + g.wait_ms;
        return;
    }
    r->probes += g.canary;
    *k = (struct call){.busy = true,
                       .canary = g.canary,
                       .arrives = now + 1 + (int64_t)dr_rand_below(rnd, 5)};
    k->answers = k->arrives + 1 + (int64_t)dr_rand_below(rnd, 5);
}

/* The vendor lifts the limit for a while. */
static void lift(struct run *r, int64_t done_ms)
{
    if (r->sc->lifted) {
        bool now = done_ms > RUN_MS / 4 && done_ms <= RUN_MS * 5 / 8;
        r->server.limit = now ? 0 : HOUR_LIMIT;
    }
}

static void step(struct run *r, struct dr_rand *rnd, int64_t now)
{
    if (r->sc->neighbour_each_ms && now >= r->neighbour_at) {
        r->neighbour_at = now + r->sc->neighbour_each_ms;
        for (int i = 0; i < r->sc->neighbour_calls; i++) {
            r->neighbour_refused += !serve(&r->server, now);
            (void)serve(&r->perfect, now);
        }
    }
    for (int i = 0; i < 2; i++) {
        struct client *c = &r->clients[i];
        for (int j = 0; j < IN_FLIGHT; j++) {
            struct call *k = &c->calls[j];
            if (k->busy && !k->served && now >= k->arrives) {
                arrive(r, k, now);
            }
            if (k->busy && k->served && now >= k->answers) {
                answer(r, c, k);
            }
            if (!k->busy && now >= c->ask_at) {
                ask(r, c, k, rnd, now);
            }
        }
    }
    while (serve(&r->perfect, now)) {
    }
}

static void check(const struct run *r)
{
    int refused = r->server.refused - r->neighbour_refused;
    int percent = (int)((size_t)r->accepted * 100 / r->perfect.n);

    print_message("%-15s %d accepted of %zu (%d %%), %d refused, %d probes\n",
                  r->sc->name, r->accepted, r->perfect.n, percent, refused,
                  r->probes);
    assert_true(refused <= r->sc->refused_max);
    assert_true(percent >= r->sc->efficiency_min);
    if (r->sc->lifted) { /* far more than the limit let through */
        print_message("%-15s %d while lifted\n", r->sc->name, r->server.lifted);
        assert_true(r->server.lifted > 2 * HOUR_LIMIT);
        assert_true(r->server.n >= (size_t)(2 * HOUR_LIMIT));
    }
    if (r->sc->reserve) { /* the others never met a refusal */
        assert_int_equal(r->neighbour_refused, 0);
    }
}

static void run_from(int64_t begin_ms)
{
    struct run *runs = dr_xcalloc(SCENARIOS, sizeof(*runs));
    struct dr_rand rnd;

    dr_rand_init(&rnd, 5);
    for (size_t i = 0; i < SCENARIOS; i++) {
        struct run *r = &runs[i];
        r->sc = &scenarios[i];
        r->server.kind = r->perfect.kind = r->sc->kind;
        r->server.limit = r->perfect.limit = HOUR_LIMIT;
        (void)snprintf(r->account, sizeof(r->account), "%s-%d", r->sc->name,
                       (int)(begin_ms % HOUR_MS));
        r->opts = (struct dr_rate_opts){.account = r->account,
                                        .hour_limit = HOUR_LIMIT,
                                        .minute_limit = MINUTE_LIMIT,
                                        .hour_ms = HOUR_MS,
                                        .minute_ms = MINUTE_MS,
                                        .reserve = r->sc->reserve};
        r->clients[0].store = store();
        r->clients[1].store = store();
    }
    for (int64_t ms = 0; ms < RUN_MS; ms++) {
        for (size_t i = 0; i < SCENARIOS; i++) {
            runs[i].opts.now_ms = begin_ms + ms;
            lift(&runs[i], ms);
            step(&runs[i], &rnd, begin_ms + ms);
        }
    }
    for (size_t i = 0; i < SCENARIOS; i++) {
        check(&runs[i]);
        dr_store_free(runs[i].clients[0].store);
        dr_store_free(runs[i].clients[1].store);
    }
    free(runs);
}

static void test_from_a_quarter(void **state)
{
    (void)state;
    run_from(HOUR_BEGINS + HOUR_MS / 4);
}

static void test_from_just_before_the_end(void **state)
{
    (void)state;
    run_from(HOUR_BEGINS + HOUR_MS * 11 / 12);
}

static struct dr_rate_grant take(struct dr_store *s,
                                 const struct dr_rate_opts *o)
{
    struct dr_rate_grant g;

    assert_int_equal(dr_rate_take(s, o, 1, &g, NULL), 0);
    return g;
}

static void report(struct dr_store *s, const struct dr_rate_opts *o, int status,
                   int64_t remaining, int64_t retry, bool canary)
{
    assert_int_equal(
        dr_rate_report(s, o, status, -1, remaining, -1, retry, canary, NULL),
        0);
}

/* The wait that is told, on the clock of the test, and no more than it. */
static struct dr_rate_grant after_the_wait(struct dr_store *s,
                                           struct dr_rate_opts *o)
{
    o->now_ms += take(s, o).wait_ms - 1;
    assert_false(take(s, o).granted);
    o->now_ms++;
    return take(s, o);
}

/* After a 429 nobody sends; then exactly one call tries, and again. */
static void test_one_canary(void **state)
{
    struct dr_store *a = store(), *b = store();
    struct dr_rate_opts o = {.account = "canary",
                             .hour_limit = 1000,
                             .minute_limit = 400,
                             .hour_ms = 3600000,
                             .minute_ms = 60000,
                             .now_ms = HOUR_BEGINS + 1000};
    struct dr_rate_grant g;

    (void)state;
    g = take(a, &o);
    assert_true(g.granted && g.canary); /* nothing is known yet */
    assert_false(take(b, &o).granted);
    report(a, &o, 200, -1, -1, true);
    g = take(a, &o);
    assert_true(g.granted && !g.canary);
    g = take(b, &o);
    assert_true(g.granted && !g.canary);
    report(a, &o, 429, -1, 1200, false);
    g = take(b, &o);
    assert_false(g.granted);
    assert_int_equal(g.wait_ms, 1200);
    assert_int_equal(g.epoch, 1);
    report(b, &o, 200, -1, -1, false); /* sent before: tells nothing */
    g = after_the_wait(b, &o);
    assert_true(g.canary);
    assert_false(take(a, &o).granted);
    report(b, &o, 429, -1, 60, true);
    assert_int_equal(take(a, &o).granted, false);
    g = after_the_wait(a, &o);
    assert_true(g.canary);
    report(a, &o, 200, -1, -1, true);
    assert_true(take(b, &o).granted);
    assert_false(take(b, &o).canary);
    dr_store_free(a);
    dr_store_free(b);
}

/* Without a time of the test's own the clock is that of Redis. */
static void test_by_the_clock_of_redis(void **state)
{
    struct dr_store *a = store();
    struct dr_rate_opts o = {.account = "clock",
                             .hour_limit = 1000,
                             .minute_limit = 400,
                             .hour_ms = 3600000,
                             .minute_ms = 60000};
    int64_t began, until = dr_mono_ms() + 20000;
    struct dr_rate_grant g = take(a, &o);

    (void)state;
    assert_true(g.granted);
    began = dr_mono_ms();
    report(a, &o, 429, -1, 1200, g.canary);
    for (g = take(a, &o); !g.granted; g = take(a, &o)) {
        assert_in_range(g.wait_ms, 1, 1200);
        assert_true(dr_mono_ms() < until);
        (void)poll(NULL, 0, (int)g.wait_ms);
    }
    assert_true(dr_mono_ms() - began >= 1199); /* both count whole ones */
    dr_store_free(a);
}

static void test_limits_and_give_back(void **state)
{
    struct dr_store *a = store(), *b = store();
    struct dr_rate_opts o = {.account = "count",
                             .hour_limit = 30,
                             .minute_limit = 100,
                             .hour_ms = 3600000,
                             .minute_ms = 60000,
                             .reserve = 15,
                             .now_ms = HOUR_BEGINS + 1000};
    struct dr_rate_grant g;
    int granted = 0;

    (void)state;
    assert_true(take(a, &o).granted);
    report(a, &o, 200, -1, -1, true);
    for (int i = 0; i < 60; i++) {
        granted += take(i % 2 ? a : b, &o).granted;
    }
    assert_int_equal(granted, 14); /* the hour less the reserve, less one */
    assert_int_equal(dr_rate_give_back(a, &o, 1, NULL), 0);
    assert_true(take(b, &o).granted);
    assert_false(take(b, &o).granted);
    o.reserve = 0; /* now the minute is what binds */
    o.minute_limit = 20;
    granted = 0;
    for (int i = 0; i < 60; i++) {
        granted += take(i % 2 ? a : b, &o).granted;
    }
    assert_int_equal(granted, 5);
    /* A neighbour has used nearly all: the header is believed. */
    o.account = "neighbour-header";
    o.minute_limit = 100;
    assert_true(take(a, &o).granted);
    report(a, &o, 200, 3, -1, true);
    for (granted = 0; take(b, &o).granted; granted++) {
    }
    assert_int_equal(granted, 3);
    g = take(a, &o);
    assert_in_range(g.wait_ms, 50000, 60000);
    dr_store_free(a);
    dr_store_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_canary),
        cmocka_unit_test(test_by_the_clock_of_redis),
        cmocka_unit_test(test_limits_and_give_back),
        cmocka_unit_test(test_from_a_quarter),
        cmocka_unit_test(test_from_just_before_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
