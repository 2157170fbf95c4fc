/* The server: what a request says, limits, late answers, broken answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <drover/base/buf.h>
#include <drover/base/clock.h>
#include <drover/http/client.h>
#include <drover/http/server.h>

#include "raw_test.h"

#define DEADLINE_MS 10000

struct seen {
    int requests;
    struct dr_httpd_req *kept;
    enum dr_httpd_break how;
    size_t cut;
    int pauses, over;
};

/* Eight letters, each after a pause. */
static int64_t letters(void *ctx, uint64_t pos, char *out, size_t max)
{
    struct seen *s = ctx;

    assert_true(max > 0);
    if (pos == 8) {
        return 0;
    }
    if ((uint64_t)s->pauses == pos) {
        s->pauses++;
        return -3;
    }
    out[0] = (char)('a' + pos);
    return 1;
}

static void over(void *ctx)
{
    ((struct seen *)ctx)->over++;
}

static void echo(struct dr_httpd_req *r, struct seen *s)
{
    struct dr_buf b;

    dr_buf_init(&b, (size_t)2 << 20);
    dr_buf_printf(
        &b, "%s|%s|%s|%s|%s|%s|%zu", dr_httpd_method(r).p, dr_httpd_path(r).p,
        dr_httpd_rawpath(r).p, dr_httpd_query(r).p,
        dr_httpd_arg(r, "a").p ? dr_httpd_arg(r, "a").p : "(none)",
        dr_httpd_header(r, "x-test").p ? dr_httpd_header(r, "x-test").p
                                       : "(none)",
        dr_httpd_body(r).n);
    dr_httpd_set_user(r, s);
    assert_ptr_equal(dr_httpd_user(r), s);
    dr_httpd_add_header(r, "X-Back", "yes");
    dr_httpd_add_header(r, "X-Evil", "a\r\nX-Split: 1");
    dr_httpd_answer(r, 200, "text/plain", dr_buf_view(&b));
    dr_buf_done(&b);
}

static void handle(struct dr_httpd_req *r, void *ctx)
{
    struct seen *s = ctx;
    struct dr_str path = dr_httpd_path(r);

    s->requests++;
    if (dr_str_eqz(path, "/defer")) {
        s->kept = r;
        dr_httpd_defer(r);
    } else if (dr_str_eqz(path, "/break")) {
        dr_httpd_answer_broken(r, 201, NULL, DR_STR_LIT("{\"id\":12345}"),
                               s->how, s->cut);
    } else if (dr_str_eqz(path, "/body")) {
        dr_httpd_answer(r, 200, NULL, dr_httpd_body(r));
    } else if (dr_str_eqz(path, "/range")) {
        FILE *f = tmpfile();
        assert_non_null(f);
        assert_true(fputs("0123456789", f) >= 0);
        assert_int_equal(fflush(f), 0);
        dr_httpd_answer_range(r, 200, "text/plain", dup(fileno(f)), 3, 4);
        assert_int_equal(fclose(f), 0);
    } else if (dr_str_eqz(path, "/stream")) {
        struct dr_str size = dr_httpd_arg(r, "size");
        uint64_t n = UINT64_MAX;
        if (size.p) {
            assert_int_equal(dr_str_u64(size, &n), 0);
        }
        s->pauses = 0;
        dr_httpd_answer_stream(r, 200, "text/plain", n, letters, over, s);
    } else if (!dr_str_eqz(path, "/forget")) {
        echo(r, s);
    }
}

static struct dr_httpd *server(struct seen *s, size_t max_body)
{
    struct dr_httpd_opts o = {.handle = handle, .ctx = s, .max_body = max_body};
    struct dr_err err;
    struct dr_httpd *h;

    memset(s, 0, sizeof(*s));
    h = dr_httpd_new(&o, &err);
    if (!h) {
        fail_msg("%s", err.text);
    }
    assert_int_not_equal(dr_httpd_port(h), 0);
    return h;
}

/* Sends bytes, runs the server until the peer has what it waits for or the
 * connection ends. Returns what came back. */
static const char *talk(struct dr_httpd *h, const char *bytes, size_t n,
                        const char *until)
{
    static char in[70000];
    int64_t end = dr_mono_ms() + DEADLINE_MS;
    int fd = raw_connect(dr_httpd_port(h));
    size_t got = 0, sent = 0;

    for (;;) {
        ssize_t k;
        if (sent < n) {
            k = send(fd, bytes + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            sent += k > 0 ? (size_t)k : 0;
        }
        dr_httpd_poll(&h, 1, 5);
        k = recv(fd, in + got, sizeof(in) - 1 - got, MSG_DONTWAIT);
        got += k > 0 ? (size_t)k : 0;
        in[got] = '\0';
        if (k == 0 || (until && strstr(in, until))) {
            break;
        }
        if (dr_mono_ms() > end) {
            fail_msg("no end; so far: %s", in);
        }
    }
    (void)close(fd);
    dr_httpd_poll(&h, 1, 0);
    return in;
}

static const char *talk_z(struct dr_httpd *h, const char *z, const char *until)
{
    return talk(h, z, strlen(z), until);
}

static void test_request(void **state)
{
    struct seen s;
    struct dr_httpd *h = server(&s, 0);
    const char *a;

    (void)state;
    a = talk_z(h,
               "GET /x%20y?a=1&b=2&a=%C3%A4+z HTTP/1.1\r\nHost: t\r\n"
               "X-TEST: v\r\n\r\n",
               "|0");
    assert_non_null(strstr(a, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(a, "GET|/x y|/x%20y|a=1&b=2&a=%C3%A4+z|\xc3\xa4 z|"
                              "v|0"));
    assert_non_null(strstr(a, "X-Back: yes\r\n"));
    assert_null(strstr(a, "X-Evil"));
    assert_null(strstr(a, "X-Split"));
    a = talk_z(h, "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc",
               "|3");
    assert_non_null(strstr(a, "POST|/p|/p||(none)|(none)|3"));
    a = talk_z(h,
               "POST /p HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
               "\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
               "|5");
    assert_non_null(strstr(a, "|5"));
    a = talk_z(h,
               "DELETE /one HTTP/1.1\r\nHost: t\r\n\r\n"
               "GET /two HTTP/1.1\r\nHost: t\r\n\r\n",
               "GET|/two"); /* two in one packet */
    assert_non_null(strstr(a, "DELETE|/one"));
    assert_int_equal(s.requests, 5);
    dr_httpd_free(h);
}

static void test_limits(void **state)
{
    struct seen s;
    struct dr_httpd *h = server(&s, 1000);
    char *big = calloc(1, 70000);
    int n;

    (void)state;
    assert_non_null(big);
    n = snprintf(big, 200,
                 "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n");
    memset(big + n, 'x', 1000);
    assert_non_null(strstr(talk(h, big, (size_t)n + 1000, "|1000"), " 200 "));
    n = snprintf(big, 200,
                 "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\n\r\n");
    memset(big + n, 'x', 1001);
    assert_non_null(
        strstr(talk(h, big, (size_t)n + 1001, "too_large"), " 413 "));
    /* far beyond the limit: hung up on */
    n = snprintf(big, 200,
                 "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 60000\r\n\r\n");
    memset(big + n, 'x', 60000);
    assert_string_equal(talk(h, big, (size_t)n + 60000, NULL), "");
    /* headers beyond 32 KiB */
    n = snprintf(big, 70000,
                 "GET / HTTP/1.1\r\nHost: t\r\nX-Long: %066000d\r\n\r\n", 0);
    assert_null(strstr(talk(h, big, (size_t)n, NULL), " 200 "));
    assert_int_equal(s.requests, 1);
    free(big);
    dr_httpd_free(h);
}

/* A body in memory, one in a file, one too large for both: what comes back is
 * what was sent. */
static void test_spool(void **state)
{
    static const size_t sizes[] = {1000, 1001, 60000, 60001};
    struct seen s = {0};
    struct dr_httpd_opts o = {.handle = handle,
                              .ctx = &s,
                              .max_body = 60000,
                              .spool = 1000,
                              .too_large = "{\"own\":413}"};
    struct dr_err err;
    struct dr_httpd *h = dr_httpd_new(&o, &err);
    char *big = calloc(1, 70000);

    (void)state;
    assert_non_null(h);
    assert_non_null(big);
    for (size_t i = 0; i < DR_ARRAY_LEN(sizes); i++) {
        int n = snprintf(big, 200,
                         "POST /body HTTP/1.1\r\nHost: t\r\nConnection: close"
                         "\r\nContent-Length: %zu\r\n\r\n",
                         sizes[i]);
        const char *a;
        for (size_t k = 0; k < sizes[i]; k++) {
            big[(size_t)n + k] = (char)('a' + k % 23);
        }
        a = talk(h, big, (size_t)n + sizes[i], NULL);
        if (sizes[i] > o.max_body) {
            assert_non_null(strstr(a, " 413 "));
            assert_non_null(strstr(a, "{\"own\":413}"));
            continue;
        }
        a = strstr(a, "\r\n\r\n");
        assert_non_null(a);
        assert_int_equal(strlen(a + 4), sizes[i]);
        assert_memory_equal(a + 4, big + n, sizes[i]);
    }
    assert_int_equal(s.requests, 3);
    free(big);
    dr_httpd_free(h);
}

static void test_range(void **state)
{
    struct seen s;
    struct dr_httpd *h = server(&s, 0);
    const char *a = talk_z(h, "GET /range HTTP/1.1\r\nHost: t\r\n\r\n", "3456");

    (void)state;
    assert_non_null(strstr(a, "Content-Length: 4\r\n"));
    assert_non_null(strstr(a, "\r\n\r\n3456"));
    dr_httpd_free(h);
}

/* Nonsense and half requests leave nothing behind and harm nobody else. */
static void test_nonsense(void **state)
{
    static const char *const bytes[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01\xff\xfe",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nbroken\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nxyz",
        "GET /half HTTP/1.1\r\nHo"};
    struct seen s;
    struct dr_httpd *h = server(&s, 0);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(bytes); i++) {
        int fd = raw_connect(dr_httpd_port(h));
        size_t n = strlen(bytes[i]);
        assert_int_equal(send(fd, bytes[i], n, MSG_NOSIGNAL), n);
        for (int k = 0; k < 3; k++) {
            dr_httpd_poll(&h, 1, 2);
        }
        (void)close(fd);
        dr_httpd_poll(&h, 1, 2);
    }
    assert_non_null(strstr(
        talk_z(h, "GET /fine HTTP/1.1\r\nHost: t\r\n\r\n", "/fine"), " 200 "));
    dr_httpd_free(h);
}

static struct dr_http *client(const struct dr_httpd *h)
{
    char url[64];
    struct dr_http_opts o = {.base_url = url};
    struct dr_err err;
    struct dr_http *c;

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u",
                   (unsigned)dr_httpd_port(h));
    c = dr_http_new(&o, &err);
    assert_non_null(c);
    return c;
}

struct got {
    int calls;
    struct dr_http_answer ans;
};

static void take(const struct dr_http_answer *ans, void *ctx)
{
    struct got *g = ctx;

    g->calls++;
    g->ans = *ans;
}

static void run(struct dr_http *c, struct dr_httpd *h)
{
    int64_t end = dr_mono_ms() + DEADLINE_MS;

    while (dr_http_poll(c, 1) > 0) {
        dr_httpd_poll(&h, 1, 1);
        assert_true(dr_mono_ms() < end);
    }
}

static void test_broken_answers(void **state)
{
    static const struct {
        enum dr_httpd_break how;
        size_t cut;
    } cases[] = {
        {DR_HTTPD_CLOSE, 0},      {DR_HTTPD_CUT, 0},
        {DR_HTTPD_CUT, 5},        {DR_HTTPD_CUT, 1000},
        {DR_HTTPD_BAD_LENGTH, 0}, {DR_HTTPD_CHUNKED_NO_END, 0},
    };
    struct seen s;
    struct dr_httpd *h = server(&s, 0);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        for (int reused = 0; reused < 2; reused++) {
            struct dr_http *c = client(h);
            struct got g = {0};
            s.how = cases[i].how;
            s.cut = cases[i].cut;
            if (reused) {
                dr_http_send(c, "POST", "/body", DR_STR_LIT("{}"), take, &g);
                run(c, h);
                assert_int_equal(g.ans.outcome, DR_HTTP_ANSWERED);
            }
            s.requests = 0;
            dr_http_send(c, "POST", "/break", DR_STR_LIT("{}"), take, &g);
            run(c, h);
            assert_int_equal(g.calls, 1 + reused);
            assert_int_equal(g.ans.outcome, DR_HTTP_UNSETTLED);
            assert_int_equal(s.requests, 1); /* the effect happened once */
            dr_http_free(c);
        }
    }
    s.how = DR_HTTPD_CUT; /* a cut answer does show its beginning */
    s.cut = 5;
    assert_non_null(
        strstr(talk_z(h, "GET /break HTTP/1.1\r\nHost: t\r\n\r\n", NULL),
               "\r\n\r\n{\"id\""));
    dr_httpd_free(h);
}

static void test_streams(void **state)
{
    struct seen s;
    struct dr_httpd *h = server(&s, 0);
    int64_t began = dr_mono_ms();

    (void)state;
    assert_non_null(strstr(
        talk_z(h, "GET /stream?size=8 HTTP/1.1\r\nHost: t\r\n\r\n", "abcdefgh"),
        "Content-Length: 8\r\n"));
    assert_true(dr_mono_ms() - began >= 24);
    assert_int_equal(s.pauses, 8);
    assert_non_null(strstr(
        talk_z(h, "GET /stream HTTP/1.1\r\nHost: t\r\n\r\n", "\r\n0\r\n\r\n"),
        "chunked"));
    /* it ends before its size: the connection does too */
    assert_non_null(strstr(
        talk_z(h, "GET /stream?size=9 HTTP/1.1\r\nHost: t\r\n\r\n", NULL),
        "abcdefgh"));
    assert_int_equal(s.over, 3);
    /* the server stops while one pauses */
    (void)talk_z(h, "GET /stream?size=8 HTTP/1.1\r\nHost: t\r\n\r\n", "a");
    dr_httpd_free(h);
    assert_int_equal(s.over, 4);
}

static void test_late_answers(void **state)
{
    struct seen s;
    struct dr_httpd *h = server(&s, 0);
    struct dr_http *c = client(h);
    int64_t end = dr_mono_ms() + DEADLINE_MS, start;
    struct got g = {0};

    (void)state;
    for (int i = 0; i < 20; i++) {
        s.kept = NULL;
        g.calls = 0;
        dr_http_send(c, "POST", "/defer", DR_STR_LIT("{}"), take, &g);
        while (!s.kept) {
            (void)dr_http_poll(c, 1);
            dr_httpd_poll(&h, 1, 1);
            assert_true(dr_mono_ms() < end);
        }
        dr_httpd_poll(&h, 1, 1);
        (void)dr_http_poll(c, 1);
        assert_int_equal(g.calls, 0);
        if (i % 2) {
            dr_httpd_answer(s.kept, 202, NULL, DR_STR_LIT("{}"));
        } else {
            dr_httpd_answer_broken(s.kept, 202, NULL, DR_STR_LIT("{}"),
                                   DR_HTTPD_CLOSE, 0);
        }
        start = dr_mono_ms();
        while (!g.calls) {
            dr_httpd_poll(&h, 1, 1000); /* must not wait that long */
            (void)dr_http_poll(c, 1);
            assert_true(dr_mono_ms() - start < 900);
        }
        assert_int_equal(g.ans.outcome,
                         i % 2 ? DR_HTTP_ANSWERED : DR_HTTP_UNSETTLED);
    }
    dr_http_free(c);
    dr_httpd_free(h);
}

/* Stopping with requests that wait, or whose clients have gone. */
static void test_stop_while_waiting(void **state)
{
    struct seen s;
    struct dr_httpd *h = server(&s, 0);
    int fd[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        static const char text[] = "GET /defer HTTP/1.1\r\nHost: t\r\n\r\n";
        fd[i] = raw_connect(dr_httpd_port(h));
        assert_int_equal(send(fd[i], text, sizeof(text) - 1, 0),
                         sizeof(text) - 1);
        for (int k = 0; k < 100 && s.requests <= i; k++) {
            dr_httpd_poll(&h, 1, 10);
        }
    }
    assert_int_equal(s.requests, 3);
    (void)close(fd[0]);
    dr_httpd_poll(&h, 1, 1);
    dr_httpd_free(h);
    (void)close(fd[1]);
    (void)close(fd[2]);
    dr_httpd_free(NULL);
}

static void test_forgotten_request_is_dropped(void **state)
{
    struct seen s;
    struct dr_httpd *h = server(&s, 0);

    (void)state;
    assert_string_equal(
        talk_z(h, "GET /forget HTTP/1.1\r\nHost: t\r\n\r\n", NULL), "");
    dr_httpd_free(h);
}

static void test_ports(void **state)
{
    struct seen s, t;
    struct dr_httpd *two[2] = {server(&s, 0), server(&t, 0)};
    struct dr_httpd_opts o = {
        .handle = handle, .ctx = &s, .port = dr_httpd_port(two[0])};
    int64_t end = dr_mono_ms() + DEADLINE_MS, start;
    struct dr_err err;
    int fd;

    (void)state;
    assert_null(dr_httpd_new(&o, &err)); /* taken: not shared silently */
    assert_int_equal(err.verdict, DR_HALT);
    assert_non_null(strstr(err.text, "port"));
    o = (struct dr_httpd_opts){.handle = handle, .bind = "not an address"};
    assert_null(dr_httpd_new(&o, &err));
    fd = raw_connect(dr_httpd_port(two[1])); /* one poll serves both */
    assert_int_equal(send(fd, "GET / HTTP/1.1\r\nHost: t\r\n\r\n", 27, 0), 27);
    while (t.requests == 0) {
        dr_httpd_poll(two, 2, 1000);
        assert_true(dr_mono_ms() < end);
    }
    assert_int_equal(s.requests, 0);
    (void)close(fd);
    dr_httpd_poll(two, 2, 0);
    start = dr_mono_ms();
    dr_httpd_poll(two, 2, 60); /* nothing to do: waits, and no longer */
    assert_in_range(dr_mono_ms() - start, 0, 500);
    dr_httpd_free(two[0]);
    dr_httpd_free(two[1]);
}

static void test_call(void **state)
{
    struct dr_http_answer ans;
    struct dr_http *c;
    struct dr_err err;
    struct seen s;
    struct dr_httpd *h = server(&s, 0);
    struct dr_buf out;
    uint16_t port = dr_httpd_port(h);

    (void)state;
    c = client(h);
    dr_buf_init(&out, 100);
    dr_httpd_free(h); /* nobody there */
    assert_int_equal(
        dr_http_call(c, "GET", "/", DR_STR_LIT(""), &ans, &out, &err), -1);
    assert_int_equal(err.verdict, DR_RETRY);
    assert_int_equal(ans.outcome, DR_HTTP_NOT_SENT);
    assert_int_not_equal(port, 0);
    dr_buf_done(&out);
    dr_http_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_spool),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_broken_answers),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_late_answers),
        cmocka_unit_test(test_stop_while_waiting),
        cmocka_unit_test(test_forgotten_request_is_dropped),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
