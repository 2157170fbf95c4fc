/* Uploads: the body is asked for in pieces, leaves once, or is cut. What
 * counts is what arrives whole at the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/base/clock.h>
#include <drover/http/client.h>

#include "raw_test.h"

#define DEADLINE_MS 10000
#define SIZE 300000u

static const char ok_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                                "\r\n{}";

struct upload {
    uint64_t size, given;
    uint64_t cut_at; /* 0: never */
    int later;       /* so often there is nothing yet, before each piece */
    int waits, asked;
    int calls;
    struct dr_http_answer ans;
    uint32_t sum;
};

static uint8_t byte_at(uint64_t i)
{
    return (uint8_t)(i * 31 + (i >> 8));
}

static long give(char *out, size_t n, void *ctx)
{
    struct upload *u = ctx;

    u->asked++;
    if (u->cut_at > 0 && u->given >= u->cut_at) {
        return DR_HTTP_CUT;
    }
    if (u->waits < u->later) {
        u->waits++;
        return DR_HTTP_LATER;
    }
    u->waits = 0;
    if (n > 50000) {
        n = 50000;
    }
    if (u->cut_at > 0 && n > u->cut_at - u->given) {
        n = (size_t)(u->cut_at - u->given);
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = (char)byte_at(u->given++);
    }
    return (long)n;
}

static void done(const struct dr_http_answer *ans, void *ctx)
{
    struct upload *u = ctx;

    u->calls++;
    u->ans = *ans;
    u->ans.body = (struct dr_str){NULL, 0};
}

static struct dr_http *client(uint16_t port)
{
    char url[64];
    struct dr_http_opts o = {
        .base_url = url, .auth_header = "Token token=k", .total_ms = 3000};
    struct dr_err err;
    struct dr_http *h;

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/api", (unsigned)port);
    h = dr_http_new(&o, &err);
    if (!h) {
        fail_msg("%s", err.text);
    }
    return h;
}

static void run(struct dr_http *h, struct raw *r, struct upload *u)
{
    int64_t end = dr_mono_ms() + DEADLINE_MS;

    dr_http_upload(h, "/documents", "multipart/form-data; boundary=b", u->size,
                   give, done, u);
    while (dr_http_poll(h, 2) > 0) {
        raw_step(r);
        assert_true(dr_mono_ms() < end);
    }
    for (int i = 0; i < 20; i++) {
        (void)dr_http_poll(h, 1);
        raw_step(r);
    }
    assert_int_equal(u->calls, 1);
}

static const char *accepts(struct raw *r, int nth, bool *close_out)
{
    struct upload *u = r->ctx;
    const struct raw_conn *c = r->conns;
    const char *body;

    (void)nth;
    *close_out = false;
    while (c->fd < 0 || c->in.n == 0) {
        c++;
    }
    body = strstr(c->in.p, "\r\n\r\n") + 4;
    for (uint64_t i = 0; i < r->last_body; i++) {
        u->sum += (uint8_t)body[i] != byte_at(i);
    }
    return ok_answer;
}

static void test_arrives_once_as_given(void **state)
{
    struct upload u = {.size = SIZE, .later = 3};
    struct dr_http *h;
    struct raw r;

    (void)state;
    raw_open(&r, accepts);
    r.ctx = &u;
    h = client(r.port);
    run(h, &r, &u);
    assert_int_equal(u.ans.outcome, DR_HTTP_ANSWERED);
    assert_false(u.ans.body_cut);
    assert_int_equal(r.requests, 1);
    assert_int_equal(r.last_body, SIZE);
    assert_int_equal(u.sum, 0);
    assert_non_null(
        strstr(r.last, "Content-Type: multipart/form-data; boundary=b\r\n"));
    assert_non_null(strstr(r.last, "Authorization: Token token=k\r\n"));
    assert_null(strstr(r.last, "application/json\r\nContent-Type"));
    assert_null(strstr(r.last, "Expect: 100"));
    /* The next request is an ordinary one again. */
    u.calls = 0;
    dr_http_send(h, "POST", "/x", dr_str_z("{}"), done, &u);
    while (dr_http_poll(h, 2) > 0) {
        raw_step(&r);
    }
    assert_non_null(strstr(r.last, "Content-Type: application/json\r\n"));
    dr_http_free(h);
    raw_close(&r);
}

static void test_what_is_cut_is_not_whole(void **state)
{
    const uint64_t at[] = {1, 70000, SIZE - 1};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(at); i++) {
        struct upload u = {.size = SIZE, .cut_at = at[i]};
        struct dr_http *h;
        struct raw r;
        raw_open(&r, accepts);
        r.ctx = &u;
        h = client(r.port);
        run(h, &r, &u);
        assert_int_equal(u.ans.outcome, DR_HTTP_UNSETTLED);
        assert_true(u.ans.body_cut);
        assert_int_equal(r.requests, 0);
        dr_http_free(h);
        raw_close(&r);
    }
}

static const char *hangs_up(struct raw *r, int nth, bool *close_out)
{
    (void)r;
    (void)nth;
    *close_out = true;
    return NULL;
}

/* Whole at the server and no answer: it is not sent again. */
static void test_a_lost_answer_is_in_doubt(void **state)
{
    struct upload u = {.size = SIZE};
    struct dr_http *h;
    struct raw r;

    (void)state;
    raw_open(&r, hangs_up);
    h = client(r.port);
    run(h, &r, &u);
    assert_int_equal(u.ans.outcome, DR_HTTP_UNSETTLED);
    assert_false(u.ans.body_cut);
    assert_int_equal(r.requests, 1);
    assert_int_equal(r.accepted, 1);
    dr_http_free(h);
    raw_close(&r);
}

static const char *silent(struct raw *r, int nth, bool *close_out)
{
    (void)r;
    (void)nth;
    *close_out = false;
    return NULL;
}

static void test_silence_has_a_limit(void **state)
{
    struct upload u = {.size = SIZE};
    struct dr_http *h;
    struct raw r;

    (void)state;
    raw_open(&r, silent);
    h = client(r.port);
    run(h, &r, &u);
    assert_int_equal(u.ans.outcome, DR_HTTP_UNSETTLED);
    assert_false(u.ans.body_cut);
    assert_int_equal(r.requests, 1);
    dr_http_free(h);
    raw_close(&r);
}

/* Ended by its owner while it waits for more. */
static void test_free_while_it_waits(void **state)
{
    struct upload u = {.size = SIZE, .later = 1000000};
    struct dr_http *h;
    struct raw r;

    (void)state;
    raw_open(&r, accepts);
    r.ctx = &u;
    h = client(r.port);
    dr_http_upload(h, "/documents", "multipart/form-data; boundary=b", SIZE,
                   give, done, &u);
    for (int i = 0; i < 20; i++) {
        (void)dr_http_poll(h, 1);
        raw_step(&r);
    }
    assert_true(u.asked > 1);
    dr_http_free(h);
    raw_step(&r);
    assert_int_equal(u.calls, 0);
    assert_int_equal(r.requests, 0);
    raw_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrives_once_as_given),
        cmocka_unit_test(test_what_is_cut_is_not_whole),
        cmocka_unit_test(test_a_lost_answer_is_in_doubt),
        cmocka_unit_test(test_silence_has_a_limit),
        cmocka_unit_test(test_free_while_it_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
