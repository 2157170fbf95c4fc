#include "throttle.h"

void throttle_init(struct throttle *t, uint64_t seed)
{
    *t = (struct throttle){.max_told_ms = THROTTLE_MAX_TOLD_MS};
    dr_rand_init(&t->rand, seed);
}

/* Doubling from first_ms, capped, with up to a quarter of jitter on top so
 * that several extractors do not come back in step. */
static int64_t backoff(struct throttle *t, int64_t first_ms, int n)
{
    int64_t wait = first_ms;

    for (int i = 1; i < n && wait < THROTTLE_MAX_WAIT_MS; i++) {
        wait *= 2;
    }
    if (wait > THROTTLE_MAX_WAIT_MS) {
        wait = THROTTLE_MAX_WAIT_MS;
    }
    return wait + (int64_t)dr_rand_below(&t->rand, (uint64_t)wait / 4 + 1);
}

/* Never less than what was asked for, and a little more, so that several
 * extractors do not come back in step. */
static int64_t told(struct throttle *t, int64_t ms)
{
    uint64_t jitter;

    if (ms > t->max_told_ms) {
        ms = t->max_told_ms;
    }
    jitter = (uint64_t)ms / 8 + 20;
    return ms + (int64_t)dr_rand_below(&t->rand, jitter < 5000 ? jitter : 5000);
}

static enum throttle_do refused(struct throttle *t,
                                const struct dr_http_answer *ans,
                                int64_t *wait_ms_out)
{
    t->refusals++;
    t->waits++;
    *wait_ms_out = ans->retry_after_ms < 0 ? backoff(t, 250, t->refusals)
                                           : told(t, ans->retry_after_ms);
    return THROTTLE_AGAIN;
}

/* A redirect is an answer of somebody else's choice: it is not followed, and
 * holds nothing of what was asked for. */
enum throttle_do throttle_after(struct throttle *t,
                                const struct dr_http_answer *ans,
                                int64_t *wait_ms_out)
{
    int64_t server_wait = ans->retry_after_ms;

    *wait_ms_out = 0;
    if (ans->outcome == DR_HTTP_ANSWERED) {
        if (ans->status == 429) {
            return refused(t, ans, wait_ms_out);
        }
        if (ans->status == 401) {
            return THROTTLE_STOP;
        }
        if (ans->status < 500 && ans->status != 408 && ans->status / 100 != 3) {
            t->failures = 0;
            t->refusals = 0;
            return THROTTLE_USE;
        }
    }
    if (++t->failures > THROTTLE_MAX_FAILURES) {
        return THROTTLE_GIVE_UP;
    }
    *wait_ms_out = backoff(t, 100, t->failures);
    if (server_wait > *wait_ms_out) {
        *wait_ms_out = told(t, server_wait);
    }
    return THROTTLE_AGAIN;
}
