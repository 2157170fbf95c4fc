/*
 * What is left of a request's secrets in this process when it is over and its
 * client is gone: nothing. The server is another process, and the secrets stand
 * here only as what they are not.
 */
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <drover/http/client.h>

#include "raw_test.h"

#define SECRET_N 40

/* Its memory is another, and may not be looked at. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Each of its own letters, so that none is found by chance. */
static char letter(char kind, size_t i)
{
    return (char)(kind + (char)((i * 7 + i / 3) % 20));
}

static void add_secret(struct dr_buf *b, char kind)
{
    for (size_t i = 0; i < SECRET_N; i++) {
        dr_buf_ch(b, letter(kind, i));
    }
}

static bool is_secret(const char *p, char kind)
{
    size_t i = 0;

    while (i < SECRET_N && p[i] == letter(kind, i)) {
        i++;
    }
    return i == SECRET_N;
}

/* How often it stands in this process's own memory, but for its stack. */
static int count(char kind)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512];
    int n = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        uintptr_t from, to;
        char mode[5];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, mode) !=
                3 ||
            strncmp(mode, "rw", 2) != 0 || strstr(line, "[stack]")) {
            continue;
        }
        for (uintptr_t at = from; at + SECRET_N <= to; at++) {
            n += is_secret((const char *)at, kind);
        }
    }
    assert_int_equal(fclose(f), 0);
    return n;
}

/* The answer brings a secret of its own. */
static const char *answer(struct raw *r, int nth, bool *close_out)
{
    static char text[256];
    struct dr_buf b;

    (void)r;
    (void)nth;
    (void)close_out;
    dr_buf_init(&b, 200);
    dr_buf_z(&b, "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n");
    add_secret(&b, 'A');
    (void)snprintf(text, sizeof(text), "%s", b.p);
    return text;
}

static pid_t serve(struct raw *r)
{
    pid_t child;

    raw_open(r, answer);
    child = fork();
    assert_true(child >= 0);
    for (int i = 0; child == 0 && i < 20000; i++) {
        raw_step(r);
        (void)poll(NULL, 0, 1);
    }
    if (child == 0) {
        _exit(0);
    }
    return child;
}

static void wipe(struct dr_buf *b)
{
    explicit_bzero(b->p, b->cap);
    dr_buf_done(b);
}

/* A token call: secrets in the header, the form and the answer. */
static void call_it(uint16_t port, size_t form_n)
{
    struct dr_http_answer ans;
    struct dr_buf header, form, out;
    struct dr_err err = {0};
    struct dr_http *h;
    char url[64];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)port);
    dr_buf_init(&header, 4096);
    dr_buf_init(&form, 65536);
    dr_buf_init(&out, 4096);
    assert_true(dr_buf_reserve(&header, 4096) && dr_buf_reserve(&form, 65536) &&
                dr_buf_reserve(&out, 4096));
    dr_buf_z(&header, "Basic ");
    add_secret(&header, 'a');
    while (form.n < form_n) {
        dr_buf_z(&form, "x=y&secret=");
        add_secret(&form, '0');
    }
    h = dr_http_new(&(struct dr_http_opts){.base_url = url,
                                           .form = true,
                                           .auth_header = header.p,
                                           .max_answer = 4096},
                    &err);
    assert_non_null(h);
    for (int i = 0; i < 3; i++) {
        dr_buf_reset(&out);
        assert_int_equal(dr_http_call(h, "POST", "/token", dr_buf_view(&form),
                                      &ans, &out, &err),
                         0);
        assert_int_equal(ans.status, 200);
        assert_true(is_secret(out.p, 'A'));
    }
    dr_http_free(h);
    wipe(&header);
    wipe(&form);
    wipe(&out);
}

static void nothing_is_left(void **state)
{
    struct raw r;
    pid_t child;

    (void)state;
    if (SANITIZED) {
        skip();
    }
    child = serve(&r);
    for (size_t n = 1; n < 60000; n += 29999) {
        call_it(r.port, n);
        assert_int_equal(count('a'), 0);
        assert_int_equal(count('0'), 0);
        assert_int_equal(count('A'), 0);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    raw_close(&r);
}

/* Else the test would find nothing whatever is left. */
static void what_is_left_is_found(void **state)
{
    struct dr_buf b;

    (void)state;
    if (SANITIZED) {
        skip();
    }
    dr_buf_init(&b, 100);
    add_secret(&b, 'k');
    assert_true(count('k') > 0);
    wipe(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_is_found),
        cmocka_unit_test(nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
