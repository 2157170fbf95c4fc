/* The simulated FastTrack as a process, and the calls that the oracle makes
 * to it. */
#include "oracle.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drover/http/client.h>
#include <drover/json/json.h>

#define ANSWER_MAX ((size_t)256 << 20)
#define FILE_MAX ((size_t)4 << 20) /* the service fetches none of it */

char sim_url[64], sim_files_url[64], sim_key[128];
int sim_status;

static pid_t pid;
static int out = -1;
static char admin_url[64];
static struct dr_http *of_admin, *of_api;
static struct dr_buf answer;

static void field(const char *line, const char *name, char *to, size_t n)
{
    const char *at = strstr(line, name);

    if (!at) {
        oracle_fail("the simulator's first line", line);
    }
    at += strlen(name);
    (void)snprintf(to, n, "%.*s", (int)strcspn(at, " \n"), at);
}

/* The child: its standard error is nobody's. */
_Noreturn static void run(const char *program, const char *folder, int to)
{
    const char *argv[16 + 2 * ARGS_MAX] = {
        program, "--source", folder, "--clock-scale", "0", "--seed"};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), argc = 7;
    char seed[32];

    (void)snprintf(seed, sizeof(seed), "%llu",
                   (unsigned long long)oracle->seed);
    argv[6] = seed;
    for (size_t i = 0; i < sim_arg_n; i++) {
        argv[argc++] = "--knob";
        argv[argc++] = sim_args[i];
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(to, 1);
    (void)dup2(null, 2);
    (void)execv(program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

void sim_start(const char *program, const char *folder)
{
    char line[512] = "", port[16];
    size_t got = 0;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC)) {
        oracle_fail("pipe", "");
    }
    pid = fork();
    if (pid == 0) {
        run(program, folder, fds[1]);
    }
    (void)close(fds[1]);
    out = fds[0];
    while (got + 1 < sizeof(line) && !strchr(line, '\n')) {
        ssize_t r = read(fds[0], line + got, sizeof(line) - 1 - got);
        if (r <= 0) {
            oracle_fail("the simulator did not start", folder);
        }
        got += (size_t)r;
    }
    field(line, "api=", port, sizeof(port));
    (void)snprintf(sim_url, sizeof(sim_url), "http://127.0.0.1:%s", port);
    field(line, "download=", port, sizeof(port));
    (void)snprintf(sim_files_url, sizeof(sim_files_url), "http://127.0.0.1:%s",
                   port);
    field(line, "admin=", port, sizeof(port));
    (void)snprintf(admin_url, sizeof(admin_url), "http://127.0.0.1:%s", port);
    field(line, "key=", sim_key, sizeof(sim_key));
}

void sim_connect(void)
{
    struct dr_http_opts o = {.base_url = admin_url,
                             .max_answer = ANSWER_MAX,
                             .total_ms = 60000,
                             .max_connections = 1};
    char auth[200];

    (void)snprintf(auth, sizeof(auth), "Bearer %s", sim_key);
    of_admin = dr_http_new(&o, NULL);
    o.base_url = sim_url;
    o.auth_header = auth;
    of_api = dr_http_new(&o, NULL);
    if (answer.max == 0) {
        dr_buf_init(&answer, ANSWER_MAX);
    }
}

void sim_stop(void)
{
    if (pid > 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        (void)close(out);
        pid = 0;
    }
    dr_http_free(of_admin);
    dr_http_free(of_api);
    of_admin = of_api = NULL;
}

struct dr_str admin(const char *method, const char *path, struct dr_str body)
{
    struct dr_http_answer ans;
    struct dr_err err = {0};

    if (oracle_talks && body.n > 0) {
        (void)fprintf(stderr, "%llu: %s " DR_STR_FMT "\n",
                      (unsigned long long)oracle->calls, path,
                      DR_STR_ARG(body));
    }
    dr_buf_reset(&answer);
    if (dr_http_call(of_admin, method, path, body, &ans, &answer, &err) ||
        ans.status != 200) {
        dr_buf_printf(&answer, " (%d %s)", ans.status, err.text);
        (void)fprintf(stderr, "%s: " DR_STR_FMT "\n%s\n", path,
                      DR_STR_ARG(body), answer.p);
        oracle_fail("the admin port refuses", path);
    }
    return dr_buf_view(&answer);
}

struct dr_str sim_api(const char *method, const char *path, struct dr_str body)
{
    struct dr_http_answer ans;
    struct dr_err err = {0};

    dr_buf_reset(&answer);
    sim_status =
        dr_http_call(of_api, method, path, body, &ans, &answer, &err) == 0
            ? ans.status
            : 0; /* a fault of the seed's */
    return dr_buf_view(&answer);
}

void post(const char *path, struct dr_buf *body)
{
    (void)admin("POST", path, dr_buf_view(body));
    dr_buf_done(body);
}

void postf(const char *path, const char *fmt, ...)
{
    char text[2048];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)admin("POST", path, dr_str_z(text));
}

void advance(int64_t ms)
{
    postf("/sim/clock", "{\"advance_ms\":%lld}", (long long)ms);
}

int sim_download(const char *id, struct dr_buf *to)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    struct dr_http_opts o = {
        .max_answer = FILE_MAX, .total_ms = 60000, .max_connections = 1};
    struct dr_http_answer ans;
    struct dr_err err = {0};
    struct dr_str url_text;
    struct dr_url url;
    struct dr_http *h;
    char path[200];

    (void)snprintf(path, sizeof(path), "/v1/attachments/%s/download-url", id);
    url_text = dr_json_get_str(
        dr_json_parse(a, sim_api("POST", path, DR_STR_LIT("{}")), NULL, NULL),
        "url");
    if (sim_status != 200 || dr_url_split(url_text, &url, &err)) {
        oracle_fail("no address of its bytes", id);
    }
    o.base_url = url.origin;
    h = dr_http_new(&o, &err);
    if (!h ||
        (dr_http_call(h, "GET", url.path, (struct dr_str){0}, &ans, to, &err) &&
         !ans.too_large)) {
        oracle_fail("its bytes cannot be fetched", id);
    }
    dr_http_free(h);
    return ans.too_large ? 200 : ans.status; /* longer than any that counts */
}
