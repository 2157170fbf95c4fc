/* Flags, exit codes, signals, health and metrics of a running service. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include <drover/base/clock.h>
#include <drover/service/service.h>

#define DEADLINE_MS 10000

static const struct dr_conf_key keys[] = {
    DR_CONF_COMMON,
    {"source.key_file", DR_CONF_SECRET, "", 0, 0, "the key"},
    {NULL, DR_CONF_TEXT, NULL, 0, 0, NULL}};

static char conf_path[64];

static int make_conf(void **state)
{
    static const char text[] =
        "migration = m\nkafka.brokers = 127.0.0.1:1\nlog.level = error\n";
    int fd;

    (void)state;
    (void)snprintf(conf_path, sizeof(conf_path), "/tmp/service-test-XXXXXX");
    fd = mkstemp(conf_path);
    return fd < 0 || write(fd, text, sizeof(text) - 1) < 0 || close(fd);
}

static int drop_conf(void **state)
{
    (void)state;
    return unlink(conf_path);
}

/* ---- a child that is the service ---- */

struct child {
    pid_t pid;
    int out; /* its stdout and stderr */
};

static struct child start(const char *const *args, const char *env,
                          void (*body)(struct dr_service *))
{
    struct child c;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    c.pid = fork();
    assert_true(c.pid >= 0);
    if (c.pid == 0) {
        static char *argv[16];
        struct dr_service svc = {0};
        int n = 0;

        (void)dup2(fds[1], 1);
        (void)dup2(fds[1], 2);
        (void)close(fds[0]);
        if (env) {
            (void)setenv("DROVER_LOG_LEVEL", env, 1);
        }
        argv[n++] = (char *)(uintptr_t) "drover-tester";
        while (*args) {
            argv[n++] = (char *)(uintptr_t)*args++;
        }
        dr_service_init(&svc, "tester", keys, n, argv);
        body(&svc);
        dr_service_done(&svc);
        _exit(0);
    }
    (void)close(fds[1]);
    c.out = fds[0];
    return c;
}

/* Everything it says until it ends or says `until`. */
static void hear(const struct child *c, const char *until, char *out, size_t n)
{
    int64_t end = dr_mono_ms() + DEADLINE_MS;
    size_t at = 0;

    out[0] = '\0';
    while (!until || !strstr(out, until)) {
        struct pollfd p = {c->out, POLLIN, 0};
        int64_t left = end - dr_mono_ms();
        ssize_t got;

        if (left <= 0 || poll(&p, 1, (int)left) <= 0) {
            (void)kill(c->pid, SIGKILL);
            fail_msg("the service does not end: %s", out);
        }
        got = read(c->out, out + at, n - 1 - at);
        if (got <= 0) {
            return;
        }
        at += (size_t)got;
        out[at] = '\0';
    }
}

static int ended(const struct child *c)
{
    int status = 0;

    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    (void)close(c->out);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void tell_id(struct dr_service *svc)
{
    printf("id %s", svc->id);
    (void)fflush(stdout);
}

static void test_flags(void **state)
{
    static const struct {
        const char *args[5];
        const char *env;
        int code;
        const char *says;
    } cases[] = {
        {{"--config", conf_path, "--check-config"}, NULL, 0, ""},
        {{"--check-config"}, NULL, 64, "migration is required"},
        {{"--config", conf_path, "--check-config"},
         "loud",
         64,
         "log.level = loud: debug, info, warn or error"},
        {{"--config"}, NULL, 2, "--config needs a file"},
        {{"--config", "/nowhere/x"}, NULL, 64, "/nowhere/x: No such file"},
        {{"--config", conf_path, "--print-config"}, NULL, 0, "migration = m\n"},
        {{"--help-config"}, NULL, 0, "| `kafka.brokers` | text | required |"},
        {{"--help"}, NULL, 0, "--check-config"},
        {{"--version"}, NULL, 0, "drover-tester "},
        {{"--config", conf_path}, NULL, 0, "id tester-0"},
        {{"--config", conf_path, "extra"}, NULL, 2, "unknown argument extra"},
        {{"--confg", conf_path}, NULL, 2, "unknown argument --confg"},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct child c = start(cases[i].args, cases[i].env, tell_id);
        char said[16384];
        int code;

        hear(&c, NULL, said, sizeof(said));
        code = ended(&c);
        if (code != cases[i].code || !strstr(said, cases[i].says)) {
            fail_msg("case %zu: exit %d, said: %s", i, code, said);
        }
    }
}

static void until_stopped(struct dr_service *svc)
{
    printf("up\n");
    (void)fflush(stdout);
    while (!dr_stop) {
        dr_service_tick(svc, 20);
    }
}

static void deaf(struct dr_service *svc)
{
    bool told = false;

    printf("up\n");
    (void)fflush(stdout);
    for (;;) {
        dr_service_tick(svc, 20);
        if (dr_stop && !told) {
            printf("first\n");
            (void)fflush(stdout);
            told = true;
        }
    }
}

static void test_signals(void **state)
{
    const char *const args[] = {"--config", conf_path, NULL};
    struct child c = start(args, NULL, until_stopped);
    char said[4096];

    (void)state;
    hear(&c, "up", said, sizeof(said));
    assert_int_equal(kill(c.pid, SIGTERM), 0);
    assert_int_equal(ended(&c), 0);

    c = start(args, NULL, deaf);
    hear(&c, "up", said, sizeof(said));
    assert_int_equal(kill(c.pid, SIGINT), 0);
    hear(&c, "first", said, sizeof(said));
    assert_int_equal(kill(c.pid, SIGTERM), 0);
    assert_int_equal(ended(&c), 130);
}

/* ---- health and metrics ---- */

static void get(struct dr_service *svc, const char *path, char *out, size_t n)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(dr_httpd_port(svc->http))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int64_t end = dr_mono_ms() + DEADLINE_MS;
    size_t at = 0;
    ssize_t got = -1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)(void *)&to, sizeof(to)),
                     0);
    assert_true(dprintf(fd,
                        "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                        "\r\n",
                        path) > 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (got != 0) {
        assert_true(dr_mono_ms() < end);
        dr_httpd_poll(&svc->http, 1, 10); /* no tick: see the stuck loop */
        got = read(fd, out + at, n - 1 - at);
        at += got > 0 ? (size_t)got : 0;
        assert_true(got >= 0 || errno == EAGAIN);
    }
    out[at] = '\0';
    (void)close(fd);
}

static void extra(struct dr_httpd_req *r, void *ctx)
{
    (void)ctx;
    dr_httpd_answer(r, 418, "text/plain", DR_STR_LIT("mine"));
}

static void test_health(void **state)
{
    char name[] = "x", flag[] = "--config";
    char *argv[] = {name, flag, conf_path, NULL};
    struct dr_service svc = {0};
    char answer[8192];

    (void)state;
    dr_service_init(&svc, "tester", keys, 3, argv);
    *dr_metric(svc.metrics, "drover_records_total", "counter", "records",
               "stage=\"load\"") = 5;
    dr_service_tick(&svc, 0);
    get(&svc, "/healthz", answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    svc.alive_ms -= 61000; /* a loop that hangs */
    get(&svc, "/healthz", answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 503"));
    get(&svc, "/readyz", answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 503"));
    svc.ready = true;
    get(&svc, "/readyz", answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    get(&svc, "/metrics", answer, sizeof(answer));
    assert_non_null(strstr(answer, "text/plain; version=0.0.4"));
    assert_non_null(strstr(answer, "\ndrover_records_total{stage=\"load\"} 5"));
    assert_non_null(strstr(answer, "\ndrover_build_info{version=\""));
    get(&svc, "/other", answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 404"));
    dr_service_on_http(&svc, extra, NULL);
    get(&svc, "/other", answer, sizeof(answer));
    assert_non_null(strstr(answer, "HTTP/1.1 418"));
    dr_service_done(&svc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_health),
    };

    return cmocka_run_group_tests(tests, make_conf, drop_conf);
}
