/*
 * The rate controller's calls. All of it lives in Redis, in lua/rate_*.lua:
 * two exact windows, what the server's headers tell, and one probe at a time
 * after a refusal (performance reference 1.6). Keys belong to the account,
 * not to the migration: the account has one budget.
 */
#include "store_private.h"

#include <string.h>

#include "rate_back_lua.h"
#include "rate_report_lua.h"
#include "rate_take_lua.h"

static struct script take_script = {.text = rate_take_lua};
static struct script report_script = {.text = rate_report_lua};
static struct script back_script = {.text = rate_back_lua};

#define RATE_KEYS 4
#define RATE_ARGS 12

struct call {
    struct dr_buf text;
    size_t at[RATE_KEYS + RATE_ARGS + 1];
    int n;
};

static void next(struct call *c)
{
    DR_ASSERT(c->n < RATE_KEYS + RATE_ARGS);
    c->at[c->n++] = c->text.n;
}

static void arg(struct call *c, int64_t v)
{
    next(c);
    dr_buf_i64(&c->text, v);
}

static void begin(struct call *c, const struct dr_rate_opts *o)
{
    static const char *const parts[RATE_KEYS] = {"state", "hour", "minute",
                                                 "fly"};

    c->n = 0;
    dr_buf_init(&c->text, 8192);
    for (int i = 0; i < RATE_KEYS; i++) {
        next(c);
        dr_buf_printf(&c->text, "dr:rate:{%s}:%s", o->account, parts[i]);
    }
    arg(c, o->hour_limit);
    arg(c, o->hour_ms);
    arg(c, o->minute_limit);
    arg(c, o->minute_ms);
    arg(c, o->reserve);
    arg(c, o->now_ms);
}

static redisReply *run(struct dr_store *s, struct script *sc, struct call *c,
                       struct dr_err *err)
{
    const char *v[RATE_KEYS + RATE_ARGS];
    size_t lens[RATE_KEYS + RATE_ARGS];
    redisReply *r;

    DR_ASSERT(!c->text.over);
    c->at[c->n] = c->text.n;
    for (int i = 0; i < c->n; i++) {
        v[i] = c->text.p + c->at[i];
        lens[i] = c->at[i + 1] - c->at[i];
    }
    r = dr_store_eval(s, sc, RATE_KEYS, c->n, v, lens, err);
    dr_buf_done(&c->text);
    return r;
}

int dr_rate_take(struct dr_store *s, const struct dr_rate_opts *o, int cost,
                 struct dr_rate_grant *out, struct dr_err *err)
{
    struct call c;
    redisReply *r;
    int rc = 0;

    begin(&c, o);
    arg(&c, cost);
    r = run(s, &take_script, &c, err);
    if (!r) {
        return -1;
    }
    if (r->type == REDIS_REPLY_ARRAY && r->elements == 4) {
        *out =
            (struct dr_rate_grant){.granted = r->element[0]->integer == 1,
                                   .wait_ms = r->element[1]->integer,
                                   .canary = r->element[2]->integer == 1,
                                   .epoch = (uint64_t)r->element[3]->integer};
    } else {
        rc = dr_err_set(err, DR_RETRY, 0, "redis", "rate: odd answer");
    }
    freeReplyObject(r);
    return rc;
}

static int run_and_drop(struct dr_store *s, struct script *sc, struct call *c,
                        struct dr_err *err)
{
    redisReply *r = run(s, sc, c, err);

    if (!r) {
        return -1;
    }
    freeReplyObject(r);
    return 0;
}

int dr_rate_report(struct dr_store *s, const struct dr_rate_opts *o, int status,
                   int64_t limit, int64_t remaining, int64_t reset_ms,
                   int64_t retry_ms, bool canary, struct dr_err *err)
{
    struct call c;

    begin(&c, o);
    arg(&c, status);
    arg(&c, limit);
    arg(&c, remaining);
    arg(&c, reset_ms);
    arg(&c, retry_ms);
    arg(&c, canary);
    return run_and_drop(s, &report_script, &c, err);
}

int dr_rate_give_back(struct dr_store *s, const struct dr_rate_opts *o,
                      int cost, struct dr_err *err)
{
    struct call c;

    begin(&c, o);
    arg(&c, cost);
    return run_and_drop(s, &back_script, &c, err);
}
