#include "service_private.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#define VERSION "0.1.0"
#define STUCK_MS 60000
/* 512 partitions of 40 topics, and room. */
#define METRICS_MAX ((size_t)8 << 20)

volatile sig_atomic_t dr_stop;

static void on_signal(int sig)
{
    (void)sig;
    if (dr_stop) {
        _exit(130); /* the second one means it */
    }
    dr_stop = 1;
}

static void install_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};

    (void)sigemptyset(&sa.sa_mask);
    (void)sigaction(SIGTERM, &sa, NULL);
    (void)sigaction(SIGINT, &sa, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static void print_and_exit(struct dr_buf *b)
{
    (void)fwrite(b->p, 1, b->n, stdout);
    exit(fflush(stdout) == 0 ? DR_EXIT_OK : DR_EXIT_FAILURE);
}

static void print_help(const struct dr_service *svc)
{
    printf("drover-%s %s\n\n"
           "  --config FILE     read the configuration (key = value lines)\n"
           "  --check-config    check it and exit: 0 good, 64 not\n"
           "  --print-config    print what is in force\n"
           "  --help-config     every key with type, default and meaning\n"
           "  --version\n%s\n"
           "Each key can be set in the environment: source.url is "
           "DROVER_SOURCE_URL.\n",
           svc->name, VERSION, svc->own_flags ? svc->own_flags : "");
    exit(DR_EXIT_OK);
}

struct flags {
    const char *config;
    bool check, print, help_config;
};

/* Takes the skeleton's own flags out of argv. */
static struct flags take_flags(const struct dr_service *svc, int argc,
                               char **argv)
{
    struct flags f = {0};

    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (strcmp(a, "--config") == 0) {
            if (++i == argc) {
                (void)fprintf(stderr, "--config needs a file\n");
                exit(DR_EXIT_USAGE);
            }
            f.config = argv[i];
        } else if (strcmp(a, "--check-config") == 0) {
            f.check = true;
        } else if (strcmp(a, "--print-config") == 0) {
            f.print = true;
        } else if (strcmp(a, "--help-config") == 0) {
            f.help_config = true;
        } else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            print_help(svc);
        } else if (strcmp(a, "--version") == 0) {
            printf("drover-%s %s\n", svc->name, VERSION);
            exit(DR_EXIT_OK);
        } else {
            (void)fprintf(stderr,
                          "drover-%s: unknown argument %.60s: --help lists "
                          "what there is\n",
                          svc->name, a);
            exit(DR_EXIT_USAGE);
        }
    }
    return f;
}

/* -1: not a level. */
static int log_level(const char *text)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int check_migration(const struct dr_conf *c, struct dr_err *err)
{
    const char *m = dr_conf_text(c, "migration");
    size_t n = strlen(m);

    return n < 1 || n > 32 ||
                   strspn(m, "abcdefghijklmnopqrstuvwxyz0123456789-") != n
               ? dr_conf_refuse(c, "migration", err,
                                "a to z, 0 to 9 and -, at most 32 characters")
               : 0;
}

static int check_level(const struct dr_conf *c, struct dr_err *err)
{
    return log_level(dr_conf_text(c, "log.level")) < 0
               ? dr_conf_refuse(c, "log.level", err,
                                "debug, info, warn or error is wanted")
               : 0;
}

static int check_brokers(const struct dr_conf *c, struct dr_err *err)
{
    return dr_conf_check_brokers(c, "kafka.brokers", err);
}

static int check_bind(const struct dr_conf *c, struct dr_err *err)
{
    return dr_conf_check_bind(c, "http.bind", err);
}

static int check_port_file(const struct dr_conf *c, struct dr_err *err)
{
    return dr_conf_check_folder(c, "http.port_file", err);
}

static dr_conf_check_fn *const common_checks[] = {check_migration, check_level,
                                                  check_brokers,   check_bind,
                                                  check_port_file, NULL};

/* All that is wrong is told: whoever mends it need not start again for each. */
static void no_faults(const struct dr_conf *c)
{
    struct dr_str faults = dr_conf_faults(c);

    if (faults.n > 0) {
        (void)fwrite(faults.p, 1, faults.n, stderr);
        exit(DR_EXIT_CONFIG);
    }
}

static void load_config(struct dr_service *svc, const struct dr_conf_key *keys,
                        const struct flags *f)
{
    struct dr_buf b;

    svc->conf = dr_conf_new(keys);
    dr_buf_init(&b, (size_t)1 << 20);
    if (f->help_config) {
        dr_conf_help(svc->conf, &b);
        print_and_exit(&b);
    }
    if (f->config) {
        dr_conf_read(svc->conf, f->config);
    }
    dr_conf_apply_env(svc->conf, environ);
    dr_conf_finish(svc->conf);
    dr_conf_check(svc->conf, common_checks);
    dr_conf_check(svc->conf, svc->checks);
    no_faults(svc->conf);
    if (f->print) {
        dr_conf_print(svc->conf, &b);
        print_and_exit(&b);
    }
    if (f->check) {
        exit(DR_EXIT_OK);
    }
    dr_buf_done(&b);
}

/* ---- health and metrics ---- */

struct http_hook {
    void (*handle)(struct dr_httpd_req *, void *);
    void *ctx;
};

static struct http_hook hook;

static void answer_metrics(struct dr_service *svc, struct dr_httpd_req *r)
{
    struct dr_buf b;

    dr_buf_init(&b, METRICS_MAX);
    dr_metrics_print(svc->metrics, &b);
    dr_httpd_answer(r, 200, "text/plain; version=0.0.4", dr_buf_view(&b));
    dr_buf_done(&b);
}

static void answer_state(struct dr_httpd_req *r, bool good)
{
    dr_httpd_answer(r, good ? 200 : 503, "text/plain",
                    good ? DR_STR_LIT("ok\n") : DR_STR_LIT("not now\n"));
}

static void on_http(struct dr_httpd_req *r, void *ctx)
{
    struct dr_service *svc = ctx;
    struct dr_str path = dr_httpd_path(r);

    if (dr_str_eqz(path, "/healthz")) {
        answer_state(r, dr_mono_ms() - svc->alive_ms < STUCK_MS);
    } else if (dr_str_eqz(path, "/readyz")) {
        answer_state(r, svc->ready && !dr_stop);
    } else if (dr_str_eqz(path, "/metrics")) {
        answer_metrics(svc, r);
    } else if (hook.handle) {
        hook.handle(r, hook.ctx);
    } else {
        dr_httpd_answer(r, 404, "text/plain", DR_STR_LIT("not found\n"));
    }
}

void dr_service_on_http(struct dr_service *svc,
                        void (*handle)(struct dr_httpd_req *, void *),
                        void *ctx)
{
    (void)svc;
    hook = (struct http_hook){handle, ctx};
}

static void write_port(const char *path, uint16_t port)
{
    char tmp[4096];
    FILE *f;

    (void)snprintf(tmp, sizeof(tmp), "%s.new", path);
    f = fopen(tmp, "we");
    if (!f || fprintf(f, "%u\n", (unsigned)port) < 0 || fclose(f) != 0 ||
        rename(tmp, path) != 0) {
        dr_die(DR_EXIT_CONFIG, "http.port_file", "cannot write %s", path);
    }
}

static void start_http(struct dr_service *svc)
{
    struct dr_err err = {0};
    struct dr_httpd_opts o = {.bind = dr_conf_text(svc->conf, "http.bind"),
                              .port =
                                  (uint16_t)dr_conf_int(svc->conf, "http.port"),
                              .max_body = (size_t)8 << 20,
                              .handle = on_http,
                              .ctx = svc};
    const char *port_file = dr_conf_text(svc->conf, "http.port_file");

    svc->http = dr_httpd_new(&o, &err);
    if (!svc->http) {
        dr_die(DR_EXIT_CONFIG, "http", "%s", err.text);
    }
    if (port_file[0]) {
        write_port(port_file, dr_httpd_port(svc->http));
    }
}

/* librdkafka has a thread for each broker, and glibc an arena for each thread:
 * what one frees the others cannot use. Two arenas, and large buffers given
 * back at once, keep a service within its 64 MiB. */
static void bound_memory(void)
{
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
}

void dr_service_init(struct dr_service *svc, const char *name,
                     const struct dr_conf_key *keys, int argc, char **argv)
{
    struct flags f;

    bound_memory();
    (void)umask(0077); /* what a service writes is a customer's data */
    *svc = (struct dr_service){
        .name = name, .own_flags = svc->own_flags, .checks = svc->checks};
    f = take_flags(svc, argc, argv);
    load_config(svc, keys, &f);
    dr_crypto_init();
    svc->migration = dr_conf_text(svc->conf, "migration");
    dr_migration_id(dr_str_z(svc->migration), svc->migration_id);
    svc->partitions = (int)dr_conf_int(svc->conf, "kafka.partitions");
    (void)snprintf(svc->id, sizeof(svc->id), "%s-%s", name,
                   dr_conf_text(svc->conf, "instance"));
    dr_log_init(
        svc->id, svc->migration,
        (enum dr_log_level)log_level(dr_conf_text(svc->conf, "log.level")));
    svc->kafka = (struct dr_kafka_opts){
        .brokers = dr_conf_text(svc->conf, "kafka.brokers"),
        .client_id = svc->id,
        .linger_ms = 5,
        .session_ms = (int)dr_conf_int(svc->conf, "kafka.session_ms")};
    svc->metrics = dr_metrics_new();
    *dr_metric(svc->metrics, "drover_build_info", "gauge", "version",
               "version=\"" VERSION "\"") = 1;
    svc->alive_ms = dr_mono_ms();
    (void)prctl(PR_SET_DUMPABLE, 0); /* secrets are in memory */
    install_signals();
    start_http(svc);
}

void dr_service_tick(struct dr_service *svc, int timeout_ms)
{
    struct dr_httpd *servers[] = {svc->http};

    svc->alive_ms = dr_mono_ms();
    dr_httpd_poll(servers, 1, timeout_ms);
}

void dr_service_done(struct dr_service *svc)
{
    dr_log(DR_LOG_INFO, "service.stopped", "%s", svc->id);
    dr_httpd_free(svc->http);
    dr_metrics_free(svc->metrics);
    dr_conf_free(svc->conf);
}

void dr_service_send(struct dr_service *svc, struct dr_producer *p,
                     const char *topic, int32_t partition, struct dr_str key,
                     struct dr_env *env, dr_delivered_fn *cb, void *ctx)
{
    struct dr_err err = {0};
    struct dr_buf b;

    memcpy(env->migration, svc->migration_id, sizeof(env->migration));
    env->service = dr_str_z(svc->id);
    env->wall_ms = dr_wall_ms();
    dr_buf_init(&b, DR_WIRE_MAX);
    if (dr_wire_pack(env, &b, &err)) {
        dr_die(DR_EXIT_INVARIANT, "wire", "%s: %s", topic, err.text);
    }
    dr_producer_send(p, topic, partition, key, dr_buf_view(&b), cb, ctx);
    dr_buf_done(&b);
}
