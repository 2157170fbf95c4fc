/*
 * Calls to the target: a token first, then the INTENT where it is a write,
 * then one send (5 steps 5 and 6). What the answer says of the limits goes to
 * the rate controller.
 */
#include "loader.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>

#define BODY_MAX ((size_t)32 << 20)
#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 10000
#define THROTTLE_MAX_MS 60000
#define HOUR_MS 3600000

void crash_at(struct loader *l, const char *point)
{
    if (l->crash_point && strcmp(l->crash_point, point) == 0 &&
        --l->crash_at == 0) {
        /* What was appended before this point must be out, as if the process
         * had been killed a moment later. */
        if (strcmp(point, "after_intent") == 0 ||
            strcmp(point, "after_done") == 0) {
            (void)!dr_producer_flush(l->ledger_out, 5000);
        }
        _exit(137);
    }
}

struct call *call_new(struct loader *l, struct lane *lane, const char *method,
                      struct dr_str path, call_done_fn *done, void *ctx)
{
    struct call *c = dr_xcalloc(1, sizeof(*c));

    c->l = l;
    c->lane = lane;
    c->method = method;
    c->path = dr_xstrndup(path);
    c->done = done;
    c->ctx = ctx;
    dr_buf_init(&c->body, BODY_MAX);
    return c;
}

static void call_free(struct call *c)
{
    upload_free(c->upload);
    free(c->path);
    dr_buf_done(&c->body);
    free(c);
}

void call_queue(struct loader *l, struct call *c, bool urgent)
{
    struct call_queue *q = urgent ? &l->urgent : &l->normal;

    c->next = NULL;
    *(q->last ? &q->last->next : &q->first) = c;
    q->last = c;
}

void call_later(struct loader *l, struct call *c, int64_t pause_ms)
{
    struct call **end = &l->later;

    while (*end) {
        end = &(*end)->next;
    }
    c->due_ms = l->now_ms + pause_ms;
    *end = c;
}

static void wake(struct loader *l)
{
    struct call **at = &l->later;

    while (*at) {
        struct call *c = *at;
        if (c->due_ms <= l->now_ms) {
            *at = c->next;
            call_queue(l, c, true);
        } else {
            at = &c->next;
        }
    }
}

static bool limited(const struct loader *l)
{
    return l->rate.hour_limit > 0 || l->rate.minute_limit > 0;
}

static void give_back(struct loader *l, const struct call *c)
{
    struct dr_err err;

    if (c->taken && limited(l) &&
        dr_rate_give_back(l->store, &l->rate, 1, &err)) {
        view_failed(l, &err);
    }
}

/* Not sent after all. */
void call_drop(struct loader *l, struct call *c)
{
    give_back(l, c);
    l->calls_out--;
    call_free(c);
}

bool call_expired(struct loader *l, const struct call *c)
{
    return c->appended_ms && l->now_ms - c->appended_ms > SEND_MS;
}

/* The server speaks of its own clock; in a rehearsal that runs faster, and the
 * hour as we know it is shorter. */
static int64_t own_ms(const struct loader *l, int64_t server_ms)
{
    return server_ms > 0 ? (server_ms * l->rate.hour_ms + HOUR_MS - 1) / HOUR_MS
                         : server_ms;
}

static void report(struct loader *l, const struct call *c,
                   const struct dr_http_answer *ans)
{
    int64_t reset = answer_reset_ms(ans, dr_wall_ms());
    int64_t retry = ans->retry_after_ms;
    struct dr_err err;

    if (!limited(l) || ans->outcome != DR_HTTP_ANSWERED) {
        return;
    }
    if (reset > HOUR_MS) {
        reset = HOUR_MS; /* a clock that disagrees */
    }
    if (dr_rate_report(l->store, &l->rate, ans->status, ans->limit,
                       ans->remaining, own_ms(l, reset), own_ms(l, retry),
                       c->canary, &err)) {
        view_failed(l, &err);
    }
}

/* The controller decides when the next call may go. Where the limits are
 * lifted there is none, and we wait ourselves: ever longer, until one passes.
 */
static void throttled(struct loader *l, const struct dr_http_answer *ans)
{
    int64_t wait = ans->retry_after_ms;

    if (limited(l)) {
        l->rate_wait_ms = l->now_ms + BACKOFF_MS / 2;
        return;
    }
    if (wait < 0 && l->now_ms >= l->rate_wait_ms) {
        l->throttle_ms = l->throttle_ms ? l->throttle_ms * 2 : BACKOFF_MS;
        wait =
            l->throttle_ms < THROTTLE_MAX_MS ? l->throttle_ms : THROTTLE_MAX_MS;
        l->throttle_ms = wait;
    }
    if (wait > 0) {
        l->rate_wait_ms = l->now_ms + wait;
    }
}

/* The page of somebody in between says nothing of the target. */
static bool well(const struct dr_http_answer *ans)
{
    return ans->status >= 200 && ans->status < 300 &&
           (ans->body.n == 0 || ans->body.p[0] == '{' || ans->body.p[0] == '[');
}

static void note(struct loader *l, const struct dr_http_answer *ans)
{
    l->calls++;
    (*l->m_calls)++;
    if (ans->outcome == DR_HTTP_NOT_SENT || ans->status >= 500) {
        l->target_backoff_ms =
            l->target_backoff_ms ? l->target_backoff_ms * 2 : BACKOFF_MS;
        if (l->target_backoff_ms > BACKOFF_MAX_MS) {
            l->target_backoff_ms = BACKOFF_MAX_MS;
        }
        l->target_down_ms = l->now_ms + l->target_backoff_ms;
        return;
    }
    if (well(ans)) {
        l->well_ms = l->now_ms;
        l->target_backoff_ms = 0;
        l->throttle_ms = 0;
    }
    if (ans->status == 429) {
        l->refused_429++;
        (*l->m_429)++;
        throttled(l, ans);
    }
}

/* A token that is refused stays refused: nothing else will help. */
static void denied(struct loader *l)
{
    if (l->exit_code) {
        return;
    }
    dr_log(DR_LOG_ERROR, "loader.token_refused",
           "the target refuses the key (401): put a valid one into the file "
           "that target.key_file names and start again");
    l->exit_code = DR_EXIT_FAILURE;
}

static void answered(const struct dr_http_answer *ans, void *ctx)
{
    struct call *c = ctx;
    struct loader *l = c->l;

    l->calls_out--;
    l->now_ms = dr_mono_ms();
    report(l, c, ans);
    note(l, ans);
    if (c->granted) {
        crash_at(l, "after_answer");
    }
    if (ans->outcome == DR_HTTP_ANSWERED && ans->status == 401) {
        denied(l);
    } else if (ans->outcome == DR_HTTP_ANSWERED) {
        l->ever_answered = true;
    }
    c->done(l, c, ans);
    call_free(c);
}

/* P: the gap between the ownership check and the send. */
static void check_gap(struct loader *l, const struct call *c)
{
    int64_t gap = dr_mono_ms() - c->checked_ms;

    if (!c->checked_ms) {
        return;
    }
    if (gap > *l->m_gap) {
        *l->m_gap = gap;
    }
    if (gap > PAUSE_MS) {
        dr_die(DR_EXIT_FENCED, "loader",
               "%lld ms passed between the ownership check and the send "
               "(limit %d): start again, what is open is settled first",
               (long long)gap, PAUSE_MS);
    }
}

void call_go(struct loader *l, struct call *c)
{
    check_gap(l, c);
    if (c->granted) {
        l->writes_sent++;
        if (!l->sent_checked_ms) {
            l->sent_checked_ms = c->checked_ms;
        }
    }
    if (c->upload) {
        upload_go(c->upload, c, answered);
    } else {
        dr_http_send(l->http, c->method, c->path, dr_buf_view(&c->body),
                     answered, c);
    }
}

/* After the transfers ran: the bytes are with the kernel now. */
void calls_sent(struct loader *l)
{
    if (l->sent_checked_ms && dr_mono_ms() - l->sent_checked_ms > PAUSE_MS) {
        dr_die(DR_EXIT_FENCED, "loader",
               "paused for more than %d ms in the middle of a send: start "
               "again, what is open is settled first",
               PAUSE_MS);
    }
    l->sent_checked_ms = 0;
    for (; l->writes_sent > 0; l->writes_sent--) {
        crash_at(l, "after_send");
    }
}

static bool take_token(struct loader *l, struct call *c)
{
    struct dr_rate_grant g;
    struct dr_err err;

    if (!limited(l)) {
        return true;
    }
    if (dr_rate_take(l->store, &l->rate, 1, &g, &err)) {
        view_failed(l, &err);
        return false;
    }
    if (!g.granted) {
        int64_t wait = g.wait_ms > 0 ? g.wait_ms : 10;
        l->rate_wait_ms = l->now_ms + (wait < 1000 ? wait : 1000);
        return false;
    }
    c->taken = true;
    c->canary = g.canary;
    return true;
}

static bool pump_one(struct loader *l, struct call_queue *q)
{
    struct call *c = q->first;

    if (!c || !take_token(l, c)) {
        return false;
    }
    q->first = c->next;
    if (!q->first) {
        q->last = NULL;
    }
    c->next = NULL;
    l->calls_out++;
    if (c->granted) {
        c->granted(l, c);
    } else {
        call_go(l, c);
    }
    return true;
}

void calls_pump(struct loader *l)
{
    wake(l);
    while (l->calls_out < l->max_calls && view_usable(l) &&
           l->now_ms >= l->rate_wait_ms && l->now_ms >= l->target_down_ms &&
           l->exit_code == 0 && !l->draining) {
        struct call_queue *q = l->urgent.first ? &l->urgent : &l->normal;
        if (!pump_one(l, q)) {
            return;
        }
    }
}
