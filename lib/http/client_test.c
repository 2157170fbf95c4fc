/*
 * The client against servers that break connections. What counts is how often
 * a request arrives whole, counted at the server, not at the caller.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include <drover/base/clock.h>
#include <drover/http/client.h>

#include "raw_test.h"

#define DEADLINE_MS 10000

static const char ok_answer[] = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n"
                                "\r\n{}";

struct got {
    int calls;
    struct dr_http_answer ans;
    char body[256];
};

static void take(const struct dr_http_answer *ans, void *ctx)
{
    struct got *g = ctx;

    g->calls++;
    g->ans = *ans;
    (void)snprintf(g->body, sizeof(g->body), DR_STR_FMT, DR_STR_ARG(ans->body));
    g->ans.body = (struct dr_str){NULL, 0};
}

static struct dr_http *client(uint16_t port, struct dr_http_opts o)
{
    char url[64];
    struct dr_err err;
    struct dr_http *h;

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/api", (unsigned)port);
    o.base_url = url;
    h = dr_http_new(&o, &err);
    if (!h) {
        fail_msg("%s", err.text);
    }
    return h;
}

/* Runs client and server until nothing is in flight. */
static void run(struct dr_http *h, struct raw *r)
{
    int64_t end = dr_mono_ms() + DEADLINE_MS;

    while (dr_http_poll(h, 2) > 0) {
        raw_step(r);
        assert_true(dr_mono_ms() < end);
    }
    for (int i = 0; i < 20; i++) { /* whatever else is on its way */
        (void)dr_http_poll(h, 1);
        raw_step(r);
    }
}

static struct got one(struct dr_http *h, struct raw *r, const char *method,
                      const char *body)
{
    struct got g = {0};

    dr_http_send(h, method, "/contacts", dr_str_z(body), take, &g);
    run(h, r);
    assert_int_equal(g.calls, 1);
    return g;
}

/* ---- the silent second sending (effects protocol, section 2) ---- */

/* Answers the first request of the first connection; then takes the second
 * one whole and closes before the first byte of an answer. */
static const char *dies_on_reuse(struct raw *r, int nth, bool *close_out)
{
    *close_out = r->accepted == 1 && nth == 2;
    return *close_out ? NULL : ok_answer;
}

static size_t drop_body(char *p, size_t size, size_t n, void *ctx)
{
    (void)p;
    (void)ctx;
    return size * n;
}

/* A control: libcurl left alone does send the POST again. Should this test
 * ever fail, the trap is gone and the next one proves nothing any more. */
static void test_the_trap_is_real(void **state)
{
    CURLM *m = curl_multi_init();
    CURL *e = curl_easy_init();
    char url[64];
    struct raw r;

    (void)state;
    raw_open(&r, dies_on_reuse);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", (unsigned)r.port);
    (void)curl_easy_setopt(e, CURLOPT_URL, url);
    (void)curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(e, CURLOPT_POSTFIELDS, "{}");
    (void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, drop_body);
    for (int i = 0; i < 2; i++) {
        int64_t end = dr_mono_ms() + DEADLINE_MS;
        int running = 1;
        assert_int_equal(curl_multi_add_handle(m, e), CURLM_OK);
        while (running > 0) {
            (void)curl_multi_perform(m, &running);
            (void)curl_multi_poll(m, NULL, 0, 2, NULL);
            raw_step(&r);
            assert_true(dr_mono_ms() < end);
        }
        assert_int_equal(curl_multi_remove_handle(m, e), CURLM_OK);
    }
    assert_int_equal(r.requests, 3); /* for two calls */
    curl_easy_cleanup(e);
    (void)curl_multi_cleanup(m);
    raw_close(&r);
}

static void write_arrives_once(const char *method, const char *body)
{
    struct raw r;
    struct dr_http *h;
    struct got g;

    raw_open(&r, dies_on_reuse);
    h = client(r.port, (struct dr_http_opts){0});
    g = one(h, &r, "POST", "{\"n\":1}");
    assert_int_equal(g.ans.outcome, DR_HTTP_ANSWERED);
    g = one(h, &r, method, body);
    if (body[0] != '\0') { /* it went over the dying connection */
        assert_int_equal(g.ans.outcome, DR_HTTP_UNSETTLED);
        assert_int_not_equal(g.ans.reason[0], '\0');
    } else { /* it was given a connection of its own */
        assert_int_equal(g.ans.outcome, DR_HTTP_ANSWERED);
    }
    if (r.requests != 2 || r.partial != 0) {
        fail_msg("%s \"%s\": %d arrived for two calls", method, body,
                 r.requests);
    }
    dr_http_free(h);
    raw_close(&r);
}

static void test_writes_arrive_once(void **state)
{
    (void)state;
    write_arrives_once("POST", "{\"n\":2}");
    write_arrives_once("PUT", "{\"n\":2}");
    write_arrives_once("PATCH", "{\"n\":2}");
    write_arrives_once("DELETE", "{\"n\":2}");
    write_arrives_once("POST", "");
    write_arrives_once("PUT", "");
    write_arrives_once("DELETE", "");
}

static const char *answer_ok(struct raw *r, int nth, bool *close_out)
{
    (void)r;
    (void)nth;
    *close_out = false;
    return ok_answer;
}

/* The rule must not cost the reuse of connections. */
static void test_connections_are_reused(void **state)
{
    struct dr_http_opts o = {.auth_header = "Token token=secret",
                             .user_agent = "drover/test"};
    struct raw r;
    struct dr_http *h;
    char *big = malloc(600001);

    (void)state;
    assert_non_null(big);
    memset(big, 'x', 600000);
    big[600000] = '\0';
    raw_open(&r, answer_ok);
    h = client(r.port, o);
    for (int i = 0; i < 20; i++) {
        struct got g = one(h, &r, i % 2 ? "POST" : "PUT", "{\"n\":1}");
        assert_int_equal(g.ans.outcome, DR_HTTP_ANSWERED);
        assert_int_equal(g.ans.status, 201);
        assert_string_equal(g.body, "{}");
        assert_int_equal(r.last_body, 7);
    }
    assert_int_equal(r.requests, 20);
    assert_int_equal(r.accepted, 1);
    assert_non_null(strstr(r.last, "POST /api/contacts HTTP/1.1\r\n"));
    assert_non_null(strstr(r.last, "Authorization: Token token=secret\r\n"));
    assert_non_null(strstr(r.last, "User-Agent: drover/test\r\n"));
    assert_non_null(strstr(r.last, "Content-Type: application/json\r\n"));
    assert_null(strstr(r.last, "Expect"));
    assert_null(strstr(r.last, "Accept-Encoding"));
    assert_null(strstr(r.last, "chunked"));
    assert_int_equal(one(h, &r, "POST", big).ans.outcome, DR_HTTP_ANSWERED);
    assert_int_equal(r.last_body, 600000);
    assert_int_equal(one(h, &r, "GET", "").ans.outcome, DR_HTTP_ANSWERED);
    assert_int_equal(r.last_body, 0);
    dr_http_free(h);
    raw_close(&r);
    free(big);
}

static void test_bodies_may_be_forms(void **state)
{
    struct raw r;
    struct dr_http *h;

    (void)state;
    raw_open(&r, answer_ok);
    h = client(r.port, (struct dr_http_opts){.form = true});
    assert_int_equal(one(h, &r, "POST", "a=1&b=%20").ans.outcome,
                     DR_HTTP_ANSWERED);
    assert_non_null(
        strstr(r.last, "Content-Type: application/x-www-form-urlencoded\r\n"));
    assert_int_equal(r.last_body, 9);
    dr_http_free(h);
    raw_close(&r);
}

/* ---- outcomes ---- */

static const char *scripted(struct raw *r, int nth, bool *close_out)
{
    (void)nth;
    *close_out = true;
    return r->ctx;
}

/* What the client makes of an answer on a fresh connection, then closed. */
static struct got hears(const char *answer, struct dr_http_opts o)
{
    struct raw r;
    struct dr_http *h;
    struct got g;
    char copy[4096];

    raw_open(&r, scripted);
    if (answer) {
        (void)snprintf(copy, sizeof(copy), "%s", answer);
        r.ctx = copy;
    }
    h = client(r.port, o);
    g = one(h, &r, "POST", "{}");
    assert_int_equal(r.requests, 1);
    dr_http_free(h);
    raw_close(&r);
    return g;
}

static void test_anything_not_whole_is_unsettled(void **state)
{
    static const char *const answers[] = {
        NULL,
        "H",
        "HTTP/1.1 201 Created\r\n",
        "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n",
        "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n{\"a\"",
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        "HTTP/1.1 201 Created\r\nContent-Length: x\r\n\r\n{}",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nDate: x\r\n",
        "{\"not\":\"http\"}",
        "SSH-2.0-x\r\n",
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(answers); i++) {
        struct got g = hears(answers[i], (struct dr_http_opts){0});
        if (g.ans.outcome != DR_HTTP_UNSETTLED || g.ans.status != 0) {
            fail_msg("%s: outcome %d, status %d",
                     answers[i] ? answers[i] : "(none)", (int)g.ans.outcome,
                     g.ans.status);
        }
    }
}

static void test_whole_answers(void **state)
{
    struct got g = hears("HTTP/1.1 429 Slow\r\nContent-Length: 2\r\n"
                         "Retry-After: Mon, 02 Mar 2026 08:00:05 GMT\r\n"
                         "Date: Mon, 02 Mar 2026 08:00:00 GMT\r\n"
                         "X-RateLimit-Remaining: 0\r\n\r\n{}",
                         (struct dr_http_opts){0});

    (void)state;
    assert_int_equal(g.ans.outcome, DR_HTTP_ANSWERED);
    assert_int_equal(g.ans.status, 429);
    assert_int_equal(g.ans.retry_after_ms, 5000); /* by the server's clock */
    assert_int_equal(g.ans.remaining, 0);
    assert_int_equal(g.ans.limit, -1);
    assert_true(g.ans.took_ms >= 0);
    g = hears("HTTP/1.1 204 No Content\r\n\r\n", (struct dr_http_opts){0});
    assert_int_equal(g.ans.outcome, DR_HTTP_ANSWERED);
    assert_int_equal(g.ans.status, 204);
    assert_int_equal(g.ans.retry_after_ms, -1);
    assert_string_equal(g.body, "");
    g = hears("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              "2\r\n{}\r\n0\r\n\r\n",
              (struct dr_http_opts){0});
    assert_int_equal(g.ans.outcome, DR_HTTP_ANSWERED);
    assert_string_equal(g.body, "{}");
    g = hears("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              "2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n",
              (struct dr_http_opts){0});
    assert_int_equal(g.ans.outcome, DR_HTTP_ANSWERED);
    assert_int_equal(g.ans.status, 200);
    g = hears("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n"
              "Content-Length: 0\r\n\r\n",
              (struct dr_http_opts){0}); /* hears() counts one request */
    assert_int_equal(g.ans.status, 302);
}

static void test_size_cap(void **state)
{
    struct dr_http_opts o = {.max_answer = 10};
    struct got g =
        hears("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", o);

    (void)state;
    assert_int_equal(g.ans.outcome, DR_HTTP_ANSWERED);
    assert_string_equal(g.body, "0123456789");
    g = hears("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890", o);
    assert_int_equal(g.ans.outcome, DR_HTTP_UNSETTLED);
    assert_non_null(strstr(g.ans.reason, "larger than allowed"));
    g = hears("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              "b\r\n01234567890\r\n0\r\n\r\n",
              o);
    assert_int_equal(g.ans.outcome, DR_HTTP_UNSETTLED);
}

struct stream {
    struct got got;
    struct dr_buf taken;
    size_t most; /* take says no beyond it */
};

static bool stream_take(struct dr_str piece, void *ctx)
{
    struct stream *s = ctx;

    dr_buf_str(&s->taken, piece);
    return s->taken.n <= s->most;
}

static void stream_done(const struct dr_http_answer *ans, void *ctx)
{
    struct stream *s = ctx;

    take(ans, &s->got);
}

static struct stream streams(const char *answer, size_t most)
{
    struct stream s = {.most = most};
    struct raw r;
    struct dr_http *h;
    char copy[256];

    (void)snprintf(copy, sizeof(copy), "%s", answer);
    raw_open(&r, scripted);
    r.ctx = copy;
    h = client(r.port, (struct dr_http_opts){.max_answer = 10});
    dr_buf_init(&s.taken, 256);
    dr_http_stream(h, "/records", stream_take, stream_done, &s);
    run(h, &r);
    assert_int_equal(s.got.calls, 1);
    dr_http_free(h);
    raw_close(&r);
    return s;
}

/* A stream has no size; a refusal's body is no part of it. */
static void test_streams(void **state)
{
    static const struct {
        const char *answer;
        size_t most;
        enum dr_http_outcome outcome;
        const char *taken, *body, *next;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-Next: b\r\n\r\n"
         "01234567890",
         99, DR_HTTP_ANSWERED, "01234567890", "", "b"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n01234567890", 99,
         DR_HTTP_UNSETTLED, "01234567890", "", ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890", 5,
         DR_HTTP_UNSETTLED, "01234567890", "", ""},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", 99,
         DR_HTTP_ANSWERED, "", "none", ""},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct stream s = streams(cases[i].answer, cases[i].most);
        assert_int_equal(s.got.ans.outcome, cases[i].outcome);
        assert_string_equal(s.taken.p, cases[i].taken);
        assert_string_equal(s.got.body, cases[i].body);
        assert_string_equal(s.got.ans.next, cases[i].next);
        dr_buf_done(&s.taken);
    }
}

static const char *silent(struct raw *r, int nth, bool *close_out)
{
    (void)r;
    (void)nth;
    *close_out = false;
    return NULL;
}

/* A silent server: the request reached it, so whether it worked is in doubt. */
static void test_time_outs(void **state)
{
    struct dr_http_opts o = {.total_ms = 1500};
    struct got g;
    struct raw r;
    struct dr_http *h;

    (void)state;
    raw_open(&r, silent);
    h = client(r.port, o);
    g = one(h, &r, "POST", "{}");
    assert_int_equal(g.ans.outcome, DR_HTTP_UNSETTLED);
    assert_true(g.ans.took_ms >= 1400);
    assert_int_equal(r.requests, 1);
    dr_http_free(h);
    raw_close(&r);
}

/* The only connection is taken by a stream, which no total limit ends: a
 * request that waited behind it until its own limit certainly never left.
 * (Two requests with the same limit would be a race: when the first one ends
 * a moment earlier, the second leaves after all, and is in doubt.) */
static void test_waited_in_vain(void **state)
{
    struct dr_http_opts o = {.total_ms = 1001, .max_connections = 1};
    struct stream s = {.most = 99};
    struct got g = {0};
    struct raw r;
    struct dr_http *h;

    (void)state;
    raw_open(&r, silent);
    h = client(r.port, o);
    dr_buf_init(&s.taken, 256);
    dr_http_stream(h, "/records", stream_take, stream_done, &s);
    dr_http_send(h, "POST", "/b", DR_STR_LIT("{}"), take, &g);
    assert_int_equal(dr_http_in_flight(h), 2);
    run(h, &r);
    assert_int_equal(g.calls, 1);
    assert_int_equal(g.ans.outcome, DR_HTTP_NOT_SENT);
    assert_int_equal(s.got.ans.outcome, DR_HTTP_UNSETTLED);
    assert_int_equal(r.requests, 1);
    dr_http_free(h);
    dr_buf_done(&s.taken);
    raw_close(&r);
}

static void test_not_sent(void **state)
{
    char path[9000];
    struct got g = {0};
    struct raw r;
    struct dr_http *h;

    (void)state;
    raw_open(&r, answer_ok);
    h = client(r.port, (struct dr_http_opts){0});
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    dr_http_send(h, "GET", path, DR_STR_LIT(""), take, &g);
    run(h, &r);
    assert_int_equal(g.ans.outcome, DR_HTTP_NOT_SENT);
    assert_non_null(strstr(g.ans.reason, "longer than"));
    dr_http_send(h, "GET", "/a\r\nX-Evil: 1", DR_STR_LIT(""), take, &g);
    run(h, &r);
    assert_int_equal(g.ans.outcome, DR_HTTP_NOT_SENT);
    dr_http_send(h, "GET", "/a b", DR_STR_LIT(""), take, &g);
    run(h, &r);
    assert_int_equal(g.ans.outcome, DR_HTTP_NOT_SENT);
    assert_int_equal(r.requests, 0);
    raw_close(&r); /* from now on nobody listens */
    dr_http_send(h, "POST", "/a", DR_STR_LIT("{}"), take, &g);
    while (dr_http_poll(h, 50) > 0) {
    }
    assert_int_equal(g.calls, 4);
    assert_int_equal(g.ans.outcome, DR_HTTP_NOT_SENT);
    dr_http_free(h);
}

/* What is still on its way when the client goes is dropped, not leaked. */
static void test_free_with_requests_in_flight(void **state)
{
    struct got g = {0};
    struct raw r;
    struct dr_http *h;

    (void)state;
    raw_open(&r, silent);
    h = client(r.port, (struct dr_http_opts){.max_connections = 2});
    for (int i = 0; i < 5; i++) {
        dr_http_send(h, "POST", "/a", DR_STR_LIT("{}"), take, &g);
        (void)dr_http_poll(h, 5);
        raw_step(&r);
    }
    assert_int_equal(dr_http_in_flight(h), 5);
    dr_http_free(h);
    assert_int_equal(g.calls, 0);
    dr_http_free(NULL);
    raw_close(&r);
}

/* A finished answer is handed out at once, whatever else is still open. */
static const char *first_only(struct raw *r, int nth, bool *close_out)
{
    (void)nth;
    *close_out = false;
    return strstr(r->last, "/slow") ? NULL : ok_answer;
}

static void test_no_waiting_behind_others(void **state)
{
    struct got slow = {0}, fast = {0};
    struct raw r;
    struct dr_http *h;
    int64_t start;

    (void)state;
    raw_open(&r, first_only);
    h = client(r.port, (struct dr_http_opts){0});
    dr_http_send(h, "POST", "/slow", DR_STR_LIT("{}"), take, &slow);
    dr_http_send(h, "POST", "/fast", DR_STR_LIT("{}"), take, &fast);
    start = dr_mono_ms();
    while (r.requests < 2) {
        (void)dr_http_poll(h, 1);
        raw_step(&r);
        assert_true(dr_mono_ms() < start + DEADLINE_MS);
    }
    start = dr_mono_ms();
    while (!fast.calls) {
        (void)dr_http_poll(h, 5000);
    }
    assert_true(dr_mono_ms() - start < 2000);
    assert_int_equal(slow.calls, 0);
    dr_http_free(h);
    raw_close(&r);
}

/* ---- what may be configured ---- */

static void test_addresses(void **state)
{
    static const char *const bad[] = {
        "",
        "crm.example",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "http://crm.example",
        "http://127.0.0.1.crm.example",
        "http://127.crm.example",
        "http://localhost.crm.example",
        "http://localhost:1@crm.example/",
        "http://128.0.0.1",
        "http://[::1].crm.example",
        "https://user:secret@crm.example",
        "https://crm.example\r\nX: 1",
    };
    static const char *const good[] = {
        "https://crm.example", "http://127.0.0.1", "http://127.9.9.9:8080/a",
        "http://localhost:80", "http://[::1]:8080/x"};
    struct dr_http_opts o = {0};
    struct dr_err err;

    (void)state;
    assert_null(dr_http_new(&o, &err));
    for (size_t i = 0; i < DR_ARRAY_LEN(bad); i++) {
        struct dr_http *h;
        o.base_url = bad[i];
        h = dr_http_new(&o, &err);
        if (h) {
            fail_msg("%s was taken", bad[i]);
        }
        assert_int_equal(err.verdict, DR_HALT);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(good); i++) {
        struct dr_http *h;
        o.base_url = good[i];
        h = dr_http_new(&o, &err);
        assert_non_null(h);
        dr_http_free(h);
    }
    o = (struct dr_http_opts){.base_url = "http://crm.example",
                              .allow_plain = true};
    dr_http_free(dr_http_new(&o, &err));
    o.auth_header = "Token token=a\r\nX-Evil: 1";
    assert_null(dr_http_new(&o, &err));
    assert_null(strstr(err.text, "Evil")); /* the secret is not in the text */
}

static void test_proxy_variables_are_ignored(void **state)
{
    struct raw r;
    struct dr_http *h;

    (void)state;
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    raw_open(&r, answer_ok);
    h = client(r.port, (struct dr_http_opts){0});
    assert_int_equal(one(h, &r, "POST", "{}").ans.outcome, DR_HTTP_ANSWERED);
    dr_http_free(h);
    raw_close(&r);
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_trap_is_real),
        cmocka_unit_test(test_writes_arrive_once),
        cmocka_unit_test(test_connections_are_reused),
        cmocka_unit_test(test_bodies_may_be_forms),
        cmocka_unit_test(test_anything_not_whole_is_unsettled),
        cmocka_unit_test(test_whole_answers),
        cmocka_unit_test(test_size_cap),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_time_outs),
        cmocka_unit_test(test_waited_in_vain),
        cmocka_unit_test(test_not_sent),
        cmocka_unit_test(test_free_with_requests_in_flight),
        cmocka_unit_test(test_no_waiting_behind_others),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_proxy_variables_are_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
