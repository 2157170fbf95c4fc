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
#include <drover/base/clock.h>
#include <drover/base/log.h>

#define COMMITTED_MS 15000
/* A broker that crashed is back well within; a minute says it is not. */
#define COMMITTED_GIVE_UP_MS 60000

struct dr_consumer {
    rd_kafka_t *rk;
    char **names;
    rd_kafka_topic_t **topics;
    size_t topic_count;
    struct dr_consumer_opts opts;
    rd_kafka_message_t *held;
    int32_t *owned; /* partition numbers, the same for every topic */
    size_t owned_count;
    rd_kafka_topic_partition_list_t *settled; /* not yet committed */
    /* One asynchronous commit at a time: a commit takes milliseconds, and a
     * close waits for all that are under way. */
    bool committing;
};

static bool owns(const struct dr_consumer *c, int32_t partition)
{
    for (size_t i = 0; i < c->owned_count; i++) {
        if (c->owned[i] == partition) {
            return true;
        }
    }
    return false;
}

/* The partition numbers of topic 0; every topic must have the same. */
static size_t numbers(const struct dr_consumer *c,
                      const rd_kafka_topic_partition_list_t *list, int32_t *out)
{
    size_t n = 0;

    for (int i = 0; i < list->cnt; i++) {
        if (strcmp(list->elems[i].topic, c->names[0]) == 0) {
            out[n++] = list->elems[i].partition;
        }
    }
    for (size_t t = 1; t < c->topic_count; t++) {
        for (size_t i = 0; i < n; i++) {
            if (!rd_kafka_topic_partition_list_find(list, c->names[t],
                                                    out[i])) {
                n = SIZE_MAX / 2; /* cannot equal the list's length */
            }
        }
    }
    if ((size_t)list->cnt != n * c->topic_count) {
        dr_die(DR_EXIT_REFUSED, "kafka",
               "the group gave us unequal partitions of its topics: all "
               "members must run with the same list and all topics must have "
               "the same partition count; start again");
    }
    return n;
}

static rd_kafka_resp_err_t first_error(rd_kafka_resp_err_t r,
                                       rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt && !r; i++) {
        r = list->elems[i].err;
    }
    return r;
}

static void start_positions(struct dr_consumer *c,
                            rd_kafka_topic_partition_list_t *list)
{
    int64_t until = dr_mono_ms() + COMMITTED_GIVE_UP_MS;

    for (;;) {
        rd_kafka_resp_err_t r =
            first_error(rd_kafka_committed(c->rk, list, COMMITTED_MS), list);
        if (!r) {
            break;
        }
        if (!dr_kafka_transient(r) || dr_mono_ms() >= until) {
            dr_die(DR_EXIT_FAILURE, "kafka", "committed offsets: %s",
                   rd_kafka_err2str(r));
        }
    }
    for (int i = 0; i < list->cnt; i++) {
        if (list->elems[i].offset < 0) {
            list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
        }
    }
}

static void drop_settled(struct dr_consumer *c)
{
    rd_kafka_topic_partition_list_destroy(c->settled);
    c->settled = rd_kafka_topic_partition_list_new(16);
}

static void commit_now(struct dr_consumer *c)
{
    if (c->settled->cnt > 0) {
        /* Lost commits are read again: harmless, and nobody is to wait. */
        (void)rd_kafka_commit(c->rk, c->settled, 0);
        drop_settled(c);
    }
}

static void take_over(struct dr_consumer *c,
                      rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t r;

    c->owned = dr_xcalloc((size_t)list->cnt + 1, sizeof(*c->owned));
    c->owned_count = numbers(c, list, c->owned);
    if (list->cnt > 0) {
        start_positions(c, list);
    }
    r = rd_kafka_assign(c->rk, list);
    if (r) {
        dr_die(DR_EXIT_FAILURE, "kafka", "assign: %s", rd_kafka_err2str(r));
    }
    if (c->opts.assigned) {
        c->opts.assigned(c->opts.ctx, c->owned, c->owned_count);
    }
}

/* The client remembers a pause beyond the assignment, and would give nothing
 * of the partition should it come back. */
static void forget_pauses(struct dr_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = NULL;

    if (rd_kafka_assignment(c->rk, &list) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)rd_kafka_resume_partitions(c->rk, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
}

static void give_up(struct dr_consumer *c)
{
    bool lost = rd_kafka_assignment_lost(c->rk);

    if (c->opts.revoked) {
        c->opts.revoked(c->opts.ctx, c->owned, c->owned_count, lost);
    }
    if (lost) {
        drop_settled(c);
    } else {
        commit_now(c);
    }
    free(c->owned);
    c->owned = NULL;
    c->owned_count = 0;
    forget_pauses(c);
    (void)rd_kafka_assign(c->rk, NULL);
}

/* The eager protocol revokes everything before it assigns anew. */
static void rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct dr_consumer *c = opaque;

    (void)rk;
    if (c->owned) {
        give_up(c);
    } else {
        (void)rd_kafka_assign(c->rk, NULL);
    }
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take_over(c, list);
    }
}

static void settle(struct dr_consumer *c, const char *topic, int32_t partition,
                   int64_t offset)
{
    rd_kafka_topic_partition_t *tp =
        rd_kafka_topic_partition_list_find(c->settled, topic, partition);

    if (!tp) {
        tp = rd_kafka_topic_partition_list_add(c->settled, topic, partition);
    }
    if (tp->offset < offset) {
        tp->offset = offset;
    }
}

/* An asynchronous commit that failed is sent with the next one. */
static void committed(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct dr_consumer *c = opaque;

    (void)rk;
    c->committing = false;
    if (!list || code == RD_KAFKA_RESP_ERR__NO_OFFSET) {
        return;
    }
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *tp = &list->elems[i];
        rd_kafka_resp_err_t r = code ? code : tp->err;

        if (r && owns(c, tp->partition)) {
            dr_log(DR_LOG_DEBUG, "kafka.commit", "%s/%d: %s", tp->topic,
                   (int)tp->partition, rd_kafka_err2name(r));
            settle(c, tp->topic, tp->partition, tp->offset);
        }
    }
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
    dr_kafka_set(conf, "queued.max.messages.kbytes", "3072");
    dr_kafka_set(conf, "fetch.message.max.bytes", "131072");
    dr_kafka_set(conf, "fetch.max.bytes", "2097152");
    dr_kafka_set(conf, "fetch.wait.max.ms", "100");
    rd_kafka_conf_set_rebalance_cb(conf, rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, committed);
    return conf;
}

static int subscribe(struct dr_consumer *c, struct dr_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)c->topic_count);
    rd_kafka_resp_err_t r;

    for (size_t i = 0; i < c->topic_count; i++) {
        c->topics[i] = dr_kafka_topic(c->rk, c->names[i], (int)i);
        (void)rd_kafka_topic_partition_list_add(list, c->names[i],
                                                RD_KAFKA_PARTITION_UA);
    }
    r = rd_kafka_subscribe(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return r ? dr_err_set(err, DR_HALT, (int)r, "kafka", "subscribe: %s",
                          rd_kafka_err2str(r))
             : 0;
}

struct dr_consumer *dr_consumer_new(const struct dr_consumer_opts *o,
                                    struct dr_err *err)
{
    struct dr_consumer *c = dr_xcalloc(1, sizeof(*c));
    rd_kafka_conf_t *conf = consumer_conf(o);

    c->opts = *o;
    c->topic_count = o->topic_count;
    c->names = dr_xcalloc(o->topic_count, sizeof(*c->names));
    c->topics = dr_xcalloc(o->topic_count, sizeof(rd_kafka_topic_t *));
    for (size_t i = 0; i < o->topic_count; i++) {
        c->names[i] = dr_xstrdup(o->topics[i]);
    }
    c->settled = rd_kafka_topic_partition_list_new(16);
    rd_kafka_conf_set_opaque(conf, c);
    c->rk = dr_kafka_new(RD_KAFKA_CONSUMER, conf, err);
    if (!c->rk || rd_kafka_poll_set_consumer(c->rk) || subscribe(c, err)) {
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
        for (size_t i = 0; i < c->topic_count; i++) {
            if (c->topics[i]) {
                rd_kafka_topic_destroy(c->topics[i]);
            }
        }
        /* Revokes, and so commits what is settled, then leaves. */
        (void)rd_kafka_consumer_close(c->rk);
        rd_kafka_destroy(c->rk);
    }
    rd_kafka_topic_partition_list_destroy(c->settled);
    for (size_t i = 0; i < c->topic_count; i++) {
        free(c->names[i]);
    }
    free(c->owned);
    free(c->topics);
    free(c->names);
    free(c);
}

int dr_consumer_poll(struct dr_consumer *c, int timeout_ms, struct dr_kmsg *out)
{
    int64_t until = dr_mono_ms() + timeout_ms;

    for (;;) {
        drop_held(c);
        c->held = rd_kafka_consumer_poll(c->rk, timeout_ms);
        if (!c->held) {
            return 0;
        }
        if (!c->held->err) {
            dr_kafka_fill(c->held, out);
            return 1;
        }
        dr_kafka_message_error(c->held);
        timeout_ms = (int)(until - dr_mono_ms());
        timeout_ms = timeout_ms < 0 ? 0 : timeout_ms;
    }
}

typedef rd_kafka_resp_err_t pause_fn(rd_kafka_t *rk,
                                     rd_kafka_topic_partition_list_t *list);

static void pause_or_resume(struct dr_consumer *c, int topic, int32_t partition,
                            pause_fn *fn)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);

    (void)rd_kafka_topic_partition_list_add(list, c->names[topic], partition);
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
    /* What another member owns now is its to commit. */
    if (owns(c, partition)) {
        settle(c, c->names[topic], partition, offset);
    }
}

void dr_consumer_commit(struct dr_consumer *c)
{
    if (c->settled->cnt > 0 && !c->committing &&
        !rd_kafka_commit(c->rk, c->settled, 1)) {
        c->committing = true;
        drop_settled(c);
    }
}
