/* Calls by OAuth2 whose end takes minutes by a real clock: answers from a
 * script, and time that costs nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drover/base/clock.h>

#include "api.h"

#define BEARER "{\"type\": \"bearer\", \"hosts\": []}"
#define OAUTH                                                \
    "{\"type\":\"oauth2\",\"grant\":\"client_credentials\"," \
    "\"token_url\":\"http://127.0.0.1:1/token\"}"
#define PATIENCE 40 /* tokens: then there is no bound */
#define NO_BOUND 99
#define SLOW_MS 11000 /* a refusal this late is that of a token taken back */

static int64_t clock_ms = 1000;
static int tokens;
static int good_after; /* tokens that are refused; the next one is let in */

int64_t dr_mono_ms(void)
{
    return clock_ms;
}

int64_t dr_wall_ms(void)
{
    return INT64_C(1772438400000) + clock_ms;
}

int dr_http_call(struct dr_http *h, const char *method, const char *path,
                 struct dr_str body, struct dr_http_answer *ans_out,
                 struct dr_buf *out, struct dr_err *err)
{
    bool for_token = strcmp(path, "/token") == 0;
    bool let_in = for_token || tokens > good_after;

    (void)h;
    (void)method;
    (void)body;
    (void)err;
    if (for_token && ++tokens > PATIENCE) {
        dr_die(NO_BOUND, "source", "asked for %d tokens, and for more",
               PATIENCE);
    }
    clock_ms += for_token ? 10 : SLOW_MS;
    *ans_out = (struct dr_http_answer){.outcome = DR_HTTP_ANSWERED,
                                       .status = let_in ? 200 : 401,
                                       .retry_after_ms = -1,
                                       .date_ms = -1,
                                       .limit = -1,
                                       .remaining = -1,
                                       .range_from = -1};
    if (for_token) {
        dr_buf_printf(out,
                      "{\"access_token\":\"t%d\",\"token_type\":"
                      "\"Bearer\"}",
                      tokens);
    } else {
        dr_buf_z(out, let_in ? "{}" : "{\"error\":{\"code\":\"TAKEN_BACK\"}}");
    }
    return 0;
}

/* The contract's own, but for how its calls are let in. */
static void read_profile(struct dr_arena *a, struct profile *out)
{
    struct dr_str text = profile_builtin();
    size_t at = dr_str_find(text, DR_STR_LIT(BEARER));
    size_t end = at + strlen(BEARER);
    struct dr_err err = {0};

    DR_ASSERT(at < text.n);
    text = dr_arena_printf(a, "%.*s" OAUTH "%.*s", (int)at, text.p,
                           (int)(text.n - end), text.p + end);
    if (profile_parse(a, text, out, &err)) {
        dr_die(DR_EXIT_CONFIG, err.where, "%s", err.text);
    }
}

static void nobody_asks(struct dr_httpd_req *req, void *ctx)
{
    (void)req;
    (void)ctx;
}

/* The child's: how many tokens were asked for until a call was let in. */
_Noreturn static void one_call(int told)
{
    struct dr_arena *a = dr_arena_new(1 << 20);
    struct dr_httpd_opts health = {.handle = nobody_asks};
    struct dr_err err = {0};
    struct dr_service svc = {.http = dr_httpd_new(&health, &err)};
    struct profile profile;
    struct access x = {.url = "http://127.0.0.1:1",
                       .secret = DR_STR_LIT("client_id=a\nclient_secret=b"),
                       .profile = &profile};
    struct api api;
    enum api_result got;

    DR_ASSERT(svc.http);
    read_profile(a, &profile);
    api_init(&api, &svc, &x);
    got = api_call(&api, "GET", "/v1/account", (struct dr_str){0},
                   dr_arena_new(1 << 20), &err);
    _exit(got == API_OK && write(told, &tokens, sizeof(tokens)) > 0
              ? 0
              : DR_EXIT_INVARIANT);
}

/* A call when that many tokens are refused, in a process of its own: how it
 * ends, the tokens that it asked for and what it says. */
static void call(int code, int refused, int *tokens_out, char *log, size_t n)
{
    int told[2], said[2], status;
    ssize_t r;
    pid_t pid;

    assert_int_equal(pipe(told), 0);
    assert_int_equal(pipe(said), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(said[1], STDERR_FILENO);
        good_after = refused;
        one_call(told[1]);
    }
    (void)close(told[1]);
    (void)close(said[1]);
    r = read(said[0], log, n - 1);
    log[r > 0 ? r : 0] = '\0';
    if (read(told[0], tokens_out, sizeof(*tokens_out)) <= 0) {
        *tokens_out = -1;
    }
    (void)close(told[0]);
    (void)close(said[0]);
    assert_true(waitpid(pid, &status, 0) == pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
        fail_msg("status 0x%x: %s", (unsigned)status, log);
    }
}

static void a_token_that_is_taken_back_is_renewed_ten_times(void **state)
{
    char log[2048];
    int n;

    (void)state;
    call(0, 10, &n, log, sizeof(log));
    assert_int_equal(n, 11); /* the first one, and ten */
}

static void a_source_that_refuses_for_ever_ends_the_process(void **state)
{
    char log[2048];
    int n;

    (void)state;
    call(DR_EXIT_FAILURE, PATIENCE, &n, log, sizeof(log));
    assert_non_null(strstr(log, "the source refuses the token, also a new one "
                                "(401 TAKEN_BACK)"));
    assert_non_null(strstr(log, "check auth.scope"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_that_is_taken_back_is_renewed_ten_times),
        cmocka_unit_test(a_source_that_refuses_for_ever_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
