/*
 * The group consumer: range assignor, one message a poll, manual commits.
 * auto.offset.reset=error: a partition without commit is started at the
 * beginning explicitly, in the assign callback; a position that is gone ends
 * the process instead of jumping.
 */
#include "kafka_private.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>

#define COMMITTED_MS 15000

struct dr_consumer {
    rd_kafka_t *rk;
    char **topics;
    size_t topic_count;
    struct dr_consumer_opts opts;
    rd_kafka_message_t *held;
    rd_kafka_topic_partition_list_t *settled; /* not yet committed */
};

static int topic_index(const struct dr_consumer *c, const char *name)
{
    for (size_t i = 0; i < c->topic_count; i++) {
        if (strcmp(c->topics[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* The partition numbers of topic 0; every topic must have the same. */
static size_t numbers(const struct dr_consumer *c,
                      const rd_kafka_topic_partition_list_t *list, int32_t *out)
{
    size_t n = 0;

    for (int i = 0; i < list->cnt; i++) {
        if (strcmp(list->elems[i].topic, c->topics[0]) == 0) {
            out[n++] = list->elems[i].partition;
        }
    }
    if ((size_t)list->cnt != n * c->topic_count) {
        dr_die(DR_EXIT_FAILURE, "kafka",
               "the group gave us unequal partitions of its topics: all "
               "members must run with the same list; start again");
    }
    return n;
}

static void start_positions(struct dr_consumer *c,
                            rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t r = rd_kafka_committed(c->rk, list, COMMITTED_MS);

    if (r) {
        dr_die(DR_EXIT_FAILURE, "kafka", "committed offsets: %s",
               rd_kafka_err2str(r));
    }
    for (int i = 0; i < list->cnt; i++) {
        if (list->elems[i].offset < 0) {
            list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
        }
    }
}

static void commit_now(struct dr_consumer *c)
{
    if (c->settled->cnt > 0) {
        (void)rd_kafka_commit(c->rk, c->settled, 0);
        rd_kafka_topic_partition_list_destroy(c->settled);
        c->settled = rd_kafka_topic_partition_list_new(16);
    }
}

static void drop_settled(struct dr_consumer *c)
{
    rd_kafka_topic_partition_list_destroy(c->settled);
    c->settled = rd_kafka_topic_partition_list_new(16);
}

static void rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct dr_consumer *c = opaque;
    int32_t *parts = dr_xcalloc((size_t)list->cnt + 1, sizeof(*parts));
    size_t n = numbers(c, list, parts);

    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        if (list->cnt > 0) {
            start_positions(c, list);
        }
        (void)rd_kafka_assign(rk, list);
        if (c->opts.assigned) {
            c->opts.assigned(c->opts.ctx, parts, n);
        }
    } else {
        bool lost = rd_kafka_assignment_lost(rk);
        if (c->opts.revoked) {
            c->opts.revoked(c->opts.ctx, parts, n, lost);
        }
        if (lost) {
            drop_settled(c);
        } else {
            commit_now(c);
        }
        (void)rd_kafka_assign(rk, NULL);
    }
    free(parts);
}

static rd_kafka_conf_t *consumer_conf(const struct dr_consumer_opts *o)
{
    rd_kafka_conf_t *conf = dr_kafka_conf(&o->kafka);
    int session = o->kafka.session_ms ? o->kafka.session_ms : 6000;

    dr_kafka_set(conf, "group.id", o->group);
    dr_kafka_set(conf, "partition.assignment.strategy", "range");
    dr_kafka_set(conf, "enable.auto.commit", "false");
    dr_kafka_set(conf, "enable.auto.offset.store", "false");
    dr_kafka_set(conf, "auto.offset.reset", "error");
    dr_kafka_set(conf, "isolation.level", "read_committed");
    dr_kafka_set_int(conf, "session.timeout.ms", session);
    dr_kafka_set_int(conf, "heartbeat.interval.ms", session / 6);
    dr_kafka_set(conf, "queued.max.messages.kbytes", "8192");
    dr_kafka_set(conf, "fetch.message.max.bytes", "262144");
    dr_kafka_set(conf, "fetch.max.bytes", "4194304");
    dr_kafka_set(conf, "fetch.wait.max.ms", "100");
    return conf;
}

struct dr_consumer *dr_consumer_new(const struct dr_consumer_opts *o,
                                    struct dr_err *err)
{
    struct dr_consumer *c = dr_xcalloc(1, sizeof(*c));
    rd_kafka_conf_t *conf = consumer_conf(o);
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t r;

    c->opts = *o;
    c->topic_count = o->topic_count;
    c->topics = dr_xcalloc(o->topic_count, sizeof(*c->topics));
    for (size_t i = 0; i < o->topic_count; i++) {
        c->topics[i] = dr_xstrdup(o->topics[i]);
    }
    c->settled = rd_kafka_topic_partition_list_new(16);
    rd_kafka_conf_set_rebalance_cb(conf, rebalance);
    rd_kafka_conf_set_opaque(conf, c);
    c->rk = dr_kafka_new(RD_KAFKA_CONSUMER, conf, err);
    if (!c->rk) {
        dr_consumer_free(c);
        return NULL;
    }
    (void)rd_kafka_poll_set_consumer(c->rk);
    list = rd_kafka_topic_partition_list_new((int)c->topic_count);
    for (size_t i = 0; i < c->topic_count; i++) {
        (void)rd_kafka_topic_partition_list_add(list, c->topics[i],
                                                RD_KAFKA_PARTITION_UA);
    }
    r = rd_kafka_subscribe(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (r) {
        (void)dr_err_set(err, DR_HALT, (int)r, "kafka", "subscribe: %s",
                         rd_kafka_err2str(r));
        dr_consumer_free(c);
        return NULL;
    }
    return c;
}

static void drop_held(struct dr_consumer *c)
{
    if (c->held) {
        rd_kafka_message_destroy(c->held);
        c->held = NULL;
    }
}

void dr_consumer_free(struct dr_consumer *c)
{
    if (!c) {
        return;
    }
    drop_held(c);
    if (c->rk) {
        commit_now(c);
        (void)rd_kafka_consumer_close(c->rk);
        rd_kafka_destroy(c->rk);
    }
    rd_kafka_topic_partition_list_destroy(c->settled);
    for (size_t i = 0; i < c->topic_count; i++) {
        free(c->topics[i]);
    }
    free(c->topics);
    free(c);
}

int dr_consumer_poll(struct dr_consumer *c, int timeout_ms, struct dr_kmsg *out)
{
    drop_held(c);
    c->held = rd_kafka_consumer_poll(c->rk, timeout_ms);
    if (!c->held) {
        return 0;
    }
    if (c->held->err) {
        dr_kafka_message_error(c->held);
        drop_held(c);
        return 0;
    }
    dr_kafka_fill(c->held, topic_index(c, rd_kafka_topic_name(c->held->rkt)),
                  out);
    return 1;
}

typedef rd_kafka_resp_err_t pause_fn(rd_kafka_t *rk,
                                     rd_kafka_topic_partition_list_t *list);

static void pause_or_resume(struct dr_consumer *c, int topic, int32_t partition,
                            pause_fn *fn)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);

    (void)rd_kafka_topic_partition_list_add(list, c->topics[topic], partition);
    (void)fn(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

void dr_consumer_pause(struct dr_consumer *c, int topic, int32_t partition)
{
    pause_or_resume(c, topic, partition, rd_kafka_pause_partitions);
}

void dr_consumer_resume(struct dr_consumer *c, int topic, int32_t partition)
{
    pause_or_resume(c, topic, partition, rd_kafka_resume_partitions);
}

void dr_consumer_settle(struct dr_consumer *c, int topic, int32_t partition,
                        int64_t offset)
{
    rd_kafka_topic_partition_t *tp = rd_kafka_topic_partition_list_find(
        c->settled, c->topics[topic], partition);

    if (!tp) {
        tp = rd_kafka_topic_partition_list_add(c->settled, c->topics[topic],
                                               partition);
    }
    tp->offset = offset;
}

void dr_consumer_commit(struct dr_consumer *c)
{
    if (c->settled->cnt == 0) {
        return;
    }
    (void)rd_kafka_commit(c->rk, c->settled, 1);
    rd_kafka_topic_partition_list_destroy(c->settled);
    c->settled = rd_kafka_topic_partition_list_new(16);
}
