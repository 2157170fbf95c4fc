/*
 * What all clients share. The library's own threads never call us: errors and
 * log lines wait in a queue until the service polls.
 */
#include "kafka_private.h"

#include <stdio.h>
#include <syslog.h>

#include <drover/base/log.h>

void dr_kafka_set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char why[256];

    if (rd_kafka_conf_set(conf, key, value, why, sizeof(why)) !=
        RD_KAFKA_CONF_OK) {
        dr_die(DR_EXIT_CONFIG, "kafka", "%s: %s", key, why);
    }
}

void dr_kafka_set_int(rd_kafka_conf_t *conf, const char *key, int value)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", value);
    dr_kafka_set(conf, key, text);
}

bool dr_kafka_transient(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__NOENT: /* no coordinator known yet */
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
        return true;
    default:
        return false;
    }
}

static void error_event(rd_kafka_t *rk, int code, const char *reason,
                        void *opaque)
{
    char why[256];

    (void)opaque;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t real = rd_kafka_fatal_error(rk, why, sizeof(why));
        dr_die(DR_EXIT_FAILURE, "kafka", "fatal: %s: %s",
               rd_kafka_err2name(real), why);
    }
    dr_log(DR_LOG_DEBUG, "kafka.error", "%s: %s",
           rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
}

/* The library's own lines speak of things it deals with itself. */
static void log_event(const rd_kafka_t *rk, int level, const char *facility,
                      const char *text)
{
    (void)rk;
    if (level <= LOG_WARNING) {
        dr_log(DR_LOG_DEBUG, "kafka.client", "%s: %s", facility, text);
    }
}

rd_kafka_conf_t *dr_kafka_conf(const struct dr_kafka_opts *o)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    dr_kafka_set(conf, "bootstrap.servers", o->brokers);
    dr_kafka_set(conf, "client.id", o->client_id ? o->client_id : "drover");
    dr_kafka_set(conf, "reconnect.backoff.max.ms", "500");
    dr_kafka_set(conf, "topic.metadata.refresh.interval.ms", "30000");
    dr_kafka_set(conf, "log.queue", "true");
    rd_kafka_conf_set_error_cb(conf, error_event);
    rd_kafka_conf_set_log_cb(conf, log_event);
    return conf;
}

rd_kafka_t *dr_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                         struct dr_err *err)
{
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));

    if (!rk) {
        rd_kafka_conf_destroy(conf);
        (void)dr_err_set(err, DR_HALT, 0, "kafka", "%s", why);
        return NULL;
    }
    (void)rd_kafka_set_log_queue(rk, NULL);
    return rk;
}

rd_kafka_topic_t *dr_kafka_topic(rd_kafka_t *rk, const char *name, int index)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(rk);
    rd_kafka_topic_t *t;

    rd_kafka_topic_conf_set_opaque(conf, (void *)((uintptr_t)index + 1));
    t = rd_kafka_topic_new(rk, name, conf);
    if (!t) {
        dr_die(DR_EXIT_CONFIG, "kafka", "topic %s: %s", name,
               rd_kafka_err2str(rd_kafka_last_error()));
    }
    return t;
}

int dr_kafka_index(const rd_kafka_message_t *m)
{
    uintptr_t at = (uintptr_t)rd_kafka_topic_opaque(m->rkt);

    DR_ASSERT(at > 0);
    return (int)(at - 1);
}

void dr_kafka_message_error(const rd_kafka_message_t *m)
{
    const char *topic = m->rkt ? rd_kafka_topic_name(m->rkt) : "-";

    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
        dr_kafka_transient(m->err)) {
        return;
    }
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        dr_die(DR_EXIT_FAILURE, "kafka",
               "%s/%d: the position asked for is not in the log any more: "
               "records may have been deleted before they were read; check "
               "the topic's retention",
               topic, (int)m->partition);
    }
    dr_die(DR_EXIT_FAILURE, "kafka", "%s/%d: %s", topic, (int)m->partition,
           rd_kafka_message_errstr(m));
}

void dr_kafka_fill(const rd_kafka_message_t *m, struct dr_kmsg *out)
{
    rd_kafka_timestamp_type_t type;

    *out = (struct dr_kmsg){
        .topic = dr_kafka_index(m),
        .partition = m->partition,
        .offset = m->offset,
        .timestamp_ms = rd_kafka_message_timestamp(m, &type),
        .key = {m->key, m->key_len},
        .value = {m->payload, m->len},
    };
}
