/*
 * The skeleton under every service: configuration, signals, log, health and
 * metrics. main() of a service is a declaration and a call:
 *
 *   static const struct dr_conf_key keys[] = {
 *       DR_CONF_COMMON,
 *       {"source.url", DR_CONF_TEXT, NULL, 0, 0, "base address of …"},
 *       …
 *       {NULL}};
 *   struct dr_service svc = {0};
 *   dr_service_init(&svc, "extractor", keys, argc, argv);
 *
 * Configuration is one INI file (--config FILE): `key = value` lines, optional
 * [section] prefixing the keys with "section.", # and ; comments. Each key can
 * be overridden by the environment: source.url is DROVER_SOURCE_URL. Unknown
 * keys (file or DROVER_ environment) are errors. Secrets only as files: keys
 * of type DR_CONF_SECRET hold a path and are read at start.
 *
 * Flags: --config FILE, --check-config (exit 0 or 64), --print-config,
 * --help-config, --help, --version. Anything else is refused (exit 2).
 */
#ifndef DROVER_SERVICE_SERVICE_H
#define DROVER_SERVICE_SERVICE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/err.h>
#include <drover/base/str.h>
#include <drover/http/server.h>
#include <drover/kafka/kafka.h>
#include <drover/wire/wire.h>

enum dr_conf_type {
    DR_CONF_TEXT,
    DR_CONF_INT,    /* min..max */
    DR_CONF_BOOL,   /* true false yes no 1 0 */
    DR_CONF_SECRET, /* path of a file that holds it */
};

struct dr_conf_key {
    const char *name;
    enum dr_conf_type type;
    const char *otherwise; /* default; NULL: required */
    int64_t min, max;
    const char *help;
};

/* Keys every service has. */
#define DR_CONF_COMMON                                                         \
    {"migration", DR_CONF_TEXT,                                                \
     NULL,        0,                                                           \
     0,           "name of the migration: a-z 0-9 -, at most 32 characters"},  \
        {"instance", DR_CONF_TEXT,                                             \
         "0",        0,                                                        \
         0,          "tells instances of one service apart (the pod's name)"}, \
        {"kafka.brokers", DR_CONF_TEXT, NULL, 0, 0, "host:port, …"},           \
        {"kafka.partitions",                                                   \
         DR_CONF_INT,                                                          \
         "6",                                                                  \
         1,                                                                    \
         512,                                                                  \
         "partitions of every data topic; fixed when the migration is made"},  \
        {"kafka.session_ms",         DR_CONF_INT, "6000", 1000, 300000,        \
         "group membership time-out"},                                         \
        {"http.bind", DR_CONF_TEXT,                                            \
         "127.0.0.1", 0,                                                       \
         0,           "address for /healthz, /readyz, /metrics"},              \
        {"http.port", DR_CONF_INT, "0", 0, 65535, "0 takes a free port"},      \
        {"http.port_file",                                                     \
         DR_CONF_TEXT,                                                         \
         "",                                                                   \
         0,                                                                    \
         0,                                                                    \
         "where the port taken is written (tests, demo)"},                     \
    {                                                                          \
        "log.level", DR_CONF_TEXT, "info", 0, 0, "debug info warn error"       \
    }

extern volatile sig_atomic_t dr_stop; /* SIGTERM, SIGINT: stop politely */

struct dr_conf;

/* One thing that a service wants of its values. -1: err says it as
 * dr_conf_refuse does. Others may be wrong, too: a value that is missing is
 * empty here. */
typedef int dr_conf_check_fn(const struct dr_conf *c, struct dr_err *err);

const char *dr_conf_text(const struct dr_conf *c, const char *key);
int64_t dr_conf_int(const struct dr_conf *c, const char *key);
bool dr_conf_bool(const struct dr_conf *c, const char *key);
/* The secret's bytes; empty when the key's path is empty. */
struct dr_str dr_conf_secret(const struct dr_conf *c, const char *key);

/* What the table of keys cannot say of values: checked by --check-config and
 * by each start, by the same function. Text of the error: the key, its value
 * (unless it may hold a password), what is wrong, what is allowed; `where` of
 * it is the key. All -1. */
int dr_conf_refuse(const struct dr_conf *c, const char *key, struct dr_err *err,
                   const char *fmt, ...) DR_PRINTF(4, 5);
/* An IPv4 address of this machine. */
int dr_conf_check_bind(const struct dr_conf *c, const char *key,
                       struct dr_err *err) DR_MUSTCHECK;
/* A file to be written, or "": its folder is there, and it is none itself. */
int dr_conf_check_folder(const struct dr_conf *c, const char *key,
                         struct dr_err *err) DR_MUSTCHECK;
/* "host[:port], …" or "". */
int dr_conf_check_hosts(const struct dr_conf *c, const char *key,
                        struct dr_err *err) DR_MUSTCHECK;
/* The same, of Kafka: "PLAINTEXT://" and its like may stand before a host. */
int dr_conf_check_brokers(const struct dr_conf *c, const char *key,
                          struct dr_err *err) DR_MUSTCHECK;

/* ---- metrics ---- */

struct dr_metrics;
/* labels: `stage="load",object="contact"` or "". Pointers are stable. */
int64_t *dr_metric(struct dr_metrics *m, const char *name, const char *type,
                   const char *help, const char *labels);

/* ---- the service ---- */

struct dr_service {
    const char *name;      /* "extractor" */
    const char *own_flags; /* lines of --help for flags that main() took out of
                              argv, set before dr_service_init; or NULL */
    /* What else this service wants of its values, NULL at the end; set before
     * it too; or NULL. */
    dr_conf_check_fn *const *checks;
    char id[64]; /* "extractor-0" */
    const char *migration;
    uint8_t migration_id[16];
    int partitions;
    struct dr_conf *conf;
    struct dr_metrics *metrics;
    struct dr_httpd *http;
    struct dr_kafka_opts kafka;
    bool ready;       /* /readyz */
    int64_t alive_ms; /* set by dr_service_tick; /healthz fails when the
                         loop has not ticked for 60 s */
};

/* Exits on bad configuration (64), usage (2), --help and --check-config. svc is
 * zero but for own_flags and checks. */
void dr_service_init(struct dr_service *svc, const char *name,
                     const struct dr_conf_key *keys, int argc, char **argv);
/* Serves http, notes that the loop is alive. Call at least each second.
 * Waits at most timeout_ms on the http sockets. */
void dr_service_tick(struct dr_service *svc, int timeout_ms);
/* Lets the service answer paths beyond health and metrics. */
void dr_service_on_http(struct dr_service *svc,
                        void (*handle)(struct dr_httpd_req *, void *),
                        void *ctx);
void dr_service_done(struct dr_service *svc);

/* ---- topics of the migration ---- */

#define DR_TOPIC_MAX 128
/* drover.<migration>.<stage>[.<object>]; object may be NULL. Returns out. */
const char *dr_topic(const struct dr_service *svc, char out[DR_TOPIC_MAX],
                     const char *stage, const char *object);

/* Objects of the source and lanes of the target, in load order. */
extern const char *const dr_lanes[]; /* product account … file */
extern const size_t dr_lane_count;
int dr_lane_index(struct dr_str lane); /* -1: unknown */

/* All topics of a migration for the given source objects: created and
 * checked. Every service calls it at start; exits (65) when refused. */
void dr_service_topics(struct dr_service *svc, const char *const *objects,
                       size_t object_count);

/* Packs env with the service's identity filled in and sends it. */
void dr_service_send(struct dr_service *svc, struct dr_producer *p,
                     const char *topic, int32_t partition, struct dr_str key,
                     struct dr_env *env, dr_delivered_fn *cb, void *ctx);

/* Until Kafka has all that p was given. 0; -1: asked to stop, and Kafka had it
 * not stop_ms later: nothing that depends on it may be committed. Ends the
 * process (1) when it takes limit_ms. */
int dr_service_flush(struct dr_service *svc, struct dr_producer *p,
                     int limit_ms, int stop_ms) DR_MUSTCHECK;

/* ---- control: the auditor's word, read by all ---- */

struct dr_control_view {
    struct dr_control state;      /* borrowed from the view's own arena */
    struct dr_str plan_json;      /* of state.plan_hash; empty: none    */
    size_t plan_count;            /* so many were approved              */
    struct dr_sample sample;      /* of state.pass                      */
    struct dr_sample last_sample; /* of the newest pass that has one    */
    struct dr_removals *removals; /* all that were approved, in order   */
    size_t removal_count;         /* it only rises                      */
    bool caught_up;               /* the topic was read to its end      */
};

struct dr_control_reader;
/* Reads `control` from the beginning. */
struct dr_control_reader *dr_control_open(struct dr_service *svc,
                                          struct dr_err *err) DR_MUSTCHECK;
void dr_control_free(struct dr_control_reader *r);
/* Reads what is there without waiting. true: the view changed. For the first
 * word it is waited without an end, since people decide when it comes: that is
 * told once. */
bool dr_control_poll(struct dr_control_reader *r);
const struct dr_control_view *dr_control(const struct dr_control_reader *r);

#define DR_CONTROL_MS \
    120000 /* the end of `control` is there, or Kafka is not */
/* Until what stood in `control` when it was opened is read: nothing, before the
 * auditor's first word. false: asked to stop. Ends the process (1) when it
 * takes limit_ms. */
bool dr_control_catch_up(struct dr_service *svc, struct dr_control_reader *r,
                         int limit_ms);

#endif
