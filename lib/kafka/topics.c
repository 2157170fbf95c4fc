/*
 * Topics: created once with all their settings, checked at every start, never
 * altered: AlterConfigs of this library version resets what it does not name.
 */
#include "kafka_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>
#include <drover/base/map.h>

#define OPERATION_MS 30000
#define PAUSE_MS 50 /* between two questions that are answered at once */

static rd_kafka_t *admin_client(const struct dr_kafka_opts *o,
                                struct dr_err *err)
{
    return dr_kafka_new(RD_KAFKA_PRODUCER, dr_kafka_conf(o), err);
}

/* All topics' metadata, asked for until a broker answers. */
static const struct rd_kafka_metadata *metadata(rd_kafka_t *rk, int timeout_ms,
                                                struct dr_err *err)
{
    int64_t until = dr_mono_ms() + timeout_ms;

    for (;;) {
        const struct rd_kafka_metadata *md;
        rd_kafka_resp_err_t r = rd_kafka_metadata(rk, 1, NULL, &md, 2000);

        if (!r) {
            return md;
        }
        if (dr_mono_ms() >= until) {
            (void)dr_err_set(err, DR_RETRY, (int)r, "kafka",
                             "no broker answers within %d s: check "
                             "kafka.brokers and that Kafka runs",
                             timeout_ms / 1000);
            return NULL;
        }
    }
}

static int partitions_of(const struct rd_kafka_metadata *md, const char *name)
{
    for (int i = 0; i < md->topic_cnt; i++) {
        if (strcmp(md->topics[i].topic, name) == 0 && !md->topics[i].err) {
            return md->topics[i].partition_cnt;
        }
    }
    return 0;
}

static void set_config(rd_kafka_NewTopic_t *t, const char *key,
                       const char *value)
{
    (void)rd_kafka_NewTopic_set_config(t, key, value);
}

static rd_kafka_NewTopic_t *new_topic(const struct dr_topic_spec *s,
                                      int replicas)
{
    char why[256], bytes[16];
    rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(s->name, s->partitions,
                                                   replicas, why, sizeof(why));

    if (!t) {
        dr_die(DR_EXIT_CONFIG, "kafka", "topic %s: %s", s->name, why);
    }
    if (s->plain) {
        set_config(t, "compression.type", "uncompressed");
    }
    set_config(t, "cleanup.policy", s->compact ? "compact" : "delete");
    if (s->compact) {
        /* Longer than any run and its rollback window: 90 days. */
        set_config(t, "min.compaction.lag.ms", "7776000000");
    } else {
        set_config(t, "retention.ms", "-1");
    }
    if (s->max_bytes > 0) {
        (void)snprintf(bytes, sizeof(bytes), "%d", s->max_bytes);
        set_config(t, "max.message.bytes", bytes);
    }
    return t;
}

/* A broker that is busy or just starting: asked again, it may do it. */
static bool is_passing(rd_kafka_resp_err_t r)
{
    return r == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT ||
           r == RD_KAFKA_RESP_ERR__TIMED_OUT ||
           r == RD_KAFKA_RESP_ERR_NOT_CONTROLLER ||
           r == RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION;
}

static int create_result(rd_kafka_event_t *ev, struct dr_err *err)
{
    const rd_kafka_CreateTopics_result_t *res =
        rd_kafka_event_CreateTopics_result(ev);
    size_t n = 0;
    const rd_kafka_topic_result_t **list =
        res ? rd_kafka_CreateTopics_result_topics(res, &n) : NULL;

    if (rd_kafka_event_error(ev)) {
        return dr_err_set(err, DR_RETRY, (int)rd_kafka_event_error(ev), "kafka",
                          "the topics cannot be made: %s",
                          rd_kafka_event_error_string(ev));
    }
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t r = rd_kafka_topic_result_error(list[i]);
        if (r && r != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            return dr_err_set(err, is_passing(r) ? DR_RETRY : DR_HALT, (int)r,
                              "kafka", "topic %s: %s",
                              rd_kafka_topic_result_name(list[i]),
                              rd_kafka_err2str(r));
        }
    }
    return 0;
}

static int create(rd_kafka_t *rk, rd_kafka_NewTopic_t **topics, size_t n,
                  struct dr_err *err)
{
    rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *o =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_event_t *ev;
    int r;

    (void)rd_kafka_AdminOptions_set_operation_timeout(o, OPERATION_MS, NULL, 0);
    (void)rd_kafka_AdminOptions_set_request_timeout(o, OPERATION_MS, NULL, 0);
    rd_kafka_CreateTopics(rk, topics, n, o, q);
    ev = rd_kafka_queue_poll(q, OPERATION_MS + 5000);
    r = ev ? create_result(ev, err)
           : dr_err_set(err, DR_RETRY, 0, "kafka", "topics: no answer");
    if (ev) {
        rd_kafka_event_destroy(ev);
    }
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_queue_destroy(q);
    return r;
}

static int create_missing(rd_kafka_t *rk, const struct dr_topic_spec *specs,
                          size_t n, int timeout_ms, struct dr_err *err)
{
    const struct rd_kafka_metadata *md = metadata(rk, timeout_ms, err);
    rd_kafka_NewTopic_t **list;
    size_t missing = 0;
    int r = 0, replicas;

    if (!md) {
        return -1;
    }
    replicas = md->broker_cnt >= 3 ? 3 : 1;
    list = dr_xcalloc(n, sizeof(*list));
    for (size_t i = 0; i < n; i++) {
        if (partitions_of(md, specs[i].name) == 0) {
            list[missing++] = new_topic(&specs[i], replicas);
        }
    }
    rd_kafka_metadata_destroy(md);
    for (int64_t until = dr_mono_ms() + timeout_ms; missing > 0;) {
        struct dr_err why = {0};
        r = create(rk, list, missing, &why);
        /* Made meanwhile counts as made, so asking again is harmless. */
        if (r == 0 || why.verdict != DR_RETRY || dr_mono_ms() >= until) {
            if (r && err) {
                *err = why;
            }
            break;
        }
        (void)rd_kafka_poll(rk, PAUSE_MS);
    }
    rd_kafka_NewTopic_destroy_array(list, missing);
    free(list);
    return r;
}

static int count_refused(const struct dr_topic_spec *s, int got,
                         struct dr_err *err)
{
    if (got == 0) {
        return dr_err_set(err, DR_RETRY, 0, "kafka",
                          "topic %s was made, and the broker does not know it "
                          "yet: see whether it is short of memory or disk",
                          s->name);
    }
    return dr_err_set(
        err, DR_HALT, 0, "kafka",
        "topic %s has %d partitions, the configuration says %d: set "
        "kafka.partitions to what the migration was made with",
        s->name, got, s->partitions);
}

static int check_counts(rd_kafka_t *rk, const struct dr_topic_spec *specs,
                        size_t n, int timeout_ms, struct dr_err *err)
{
    int64_t until = dr_mono_ms() + timeout_ms;

    for (size_t i = 0; i < n;) {
        const struct rd_kafka_metadata *md = metadata(rk, timeout_ms, err);

        if (!md) {
            return -1;
        }
        for (; i < n; i++) {
            int got = partitions_of(md, specs[i].name);
            if (got == 0 && dr_mono_ms() < until) {
                break; /* made a moment ago: not known everywhere yet */
            }
            if (got == specs[i].partitions) {
                continue;
            }
            rd_kafka_metadata_destroy(md);
            return count_refused(&specs[i], got, err);
        }
        rd_kafka_metadata_destroy(md);
        if (i < n) {
            (void)rd_kafka_poll(rk, PAUSE_MS);
        }
    }
    return 0;
}

static const char *entry_value(const rd_kafka_ConfigResource_t *r,
                               const char *key)
{
    size_t n = 0;
    const rd_kafka_ConfigEntry_t **e = rd_kafka_ConfigResource_configs(r, &n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(e[i]), key) == 0) {
            return rd_kafka_ConfigEntry_value(e[i]);
        }
    }
    return NULL;
}

static int check_policy(rd_kafka_event_t *ev, const struct dr_topic_spec *specs,
                        size_t n, struct dr_err *err)
{
    const rd_kafka_DescribeConfigs_result_t *res =
        rd_kafka_event_DescribeConfigs_result(ev);
    size_t got = 0;
    const rd_kafka_ConfigResource_t **list =
        res ? rd_kafka_DescribeConfigs_result_resources(res, &got) : NULL;

    for (size_t i = 0; i < got; i++) {
        const char *name = rd_kafka_ConfigResource_name(list[i]);
        const char *value = entry_value(list[i], "cleanup.policy");

        if (!value) {
            return dr_err_set(err, DR_HALT, 0, "kafka",
                              "topic %s: its cleanup.policy cannot be read: %s",
                              name,
                              rd_kafka_ConfigResource_error_string(list[i]));
        }
        for (size_t k = 0; k < n; k++) {
            const char *want = specs[k].compact ? "compact" : "delete";
            if (strcmp(specs[k].name, name) == 0 && strcmp(value, want) != 0) {
                return dr_err_set(err, DR_HALT, 0, "kafka",
                                  "topic %s has cleanup.policy=%s, it must be "
                                  "%s: records would be lost; make the "
                                  "migration's topics anew",
                                  name, value, want);
            }
        }
    }
    return 0;
}

static int check_policies(rd_kafka_t *rk, const struct dr_topic_spec *specs,
                          size_t n, int timeout_ms, struct dr_err *err)
{
    rd_kafka_ConfigResource_t **list = dr_xcalloc(n, sizeof(*list));
    rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
    rd_kafka_event_t *ev;
    int r;

    for (size_t i = 0; i < n; i++) {
        list[i] =
            rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, specs[i].name);
    }
    rd_kafka_DescribeConfigs(rk, list, n, NULL, q);
    ev = rd_kafka_queue_poll(q, timeout_ms);
    r = ev && !rd_kafka_event_error(ev)
            ? check_policy(ev, specs, n, err)
            : dr_err_set(err, DR_RETRY, 0, "kafka",
                         "the settings of the topics cannot be read: %s",
                         ev ? rd_kafka_event_error_string(ev) : "no answer");
    if (ev) {
        rd_kafka_event_destroy(ev);
    }
    rd_kafka_ConfigResource_destroy_array(list, n);
    rd_kafka_queue_destroy(q);
    free(list);
    return r;
}

static int check(const struct dr_kafka_opts *o,
                 const struct dr_topic_spec *specs, size_t n, int timeout_ms,
                 struct dr_err *err)
{
    rd_kafka_t *rk = admin_client(o, err);
    int r = -1;

    if (rk) {
        r = check_counts(rk, specs, n, timeout_ms, err);
        r = r ? r : check_policies(rk, specs, n, timeout_ms, err);
        rd_kafka_destroy(rk);
    }
    return r;
}

int dr_topics_ensure(const struct dr_kafka_opts *o,
                     const struct dr_topic_spec *specs, size_t n,
                     int timeout_ms, struct dr_err *err)
{
    rd_kafka_t *rk = admin_client(o, err);
    int r = -1;

    if (!rk) {
        return -1;
    }
    r = create_missing(rk, specs, n, timeout_ms, err);
    rd_kafka_destroy(rk);
    return r ? -1 : check(o, specs, n, timeout_ms, err);
}
