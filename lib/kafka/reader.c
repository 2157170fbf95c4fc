/*
 * The reader: explicit positions, no group. Built on the library's per
 * partition start and stop, not on assign: stop returns when the partition is
 * stopped, and what it had fetched is dropped by the library, so adding,
 * moving or removing one partition touches no other and neither loses nor
 * repeats a record. All partitions deliver into one queue, whose limits bound
 * the memory of all together.
 */
#include "kafka_private.h"

#include <stdlib.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>

/* How long DR_OFFSET_END may wait for a broker: longer than a broker needs to
 * come back after a crash. */
#define RESOLVE_MS 60000
#define REQUEST_MS 5000

struct position {
    bool on;
    int64_t next; /* expected next offset; below 0: the beginning */
};

struct source {
    rd_kafka_topic_t *topic;
    char *name;
    struct position *parts;
    int32_t cap;
};

struct dr_reader {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct source *sources;
    size_t source_count;
    rd_kafka_message_t *held;
};

static rd_kafka_conf_t *reader_conf(const struct dr_kafka_opts *o)
{
    rd_kafka_conf_t *conf = dr_kafka_conf(o);

    dr_kafka_set(conf, "enable.auto.commit", "false");
    dr_kafka_set(conf, "enable.auto.offset.store", "false");
    dr_kafka_set(conf, "auto.offset.reset", "error");
    dr_kafka_set(conf, "isolation.level", "read_committed");
    dr_kafka_set(conf, "queued.max.messages.kbytes", "2048");
    dr_kafka_set(conf, "fetch.message.max.bytes", "131072");
    dr_kafka_set(conf, "fetch.max.bytes", "2097152");
    /* Ledger and control are read right after they are written. */
    dr_kafka_set(conf, "fetch.wait.max.ms", "20");
    return conf;
}

struct dr_reader *dr_reader_new(const struct dr_kafka_opts *o,
                                const char *const *topics, size_t topic_count,
                                struct dr_err *err)
{
    rd_kafka_t *rk = dr_kafka_new(RD_KAFKA_CONSUMER, reader_conf(o), err);
    struct dr_reader *r;

    if (!rk) {
        return NULL;
    }
    r = dr_xcalloc(1, sizeof(*r));
    r->rk = rk;
    r->queue = rd_kafka_queue_new(rk);
    r->source_count = topic_count;
    r->sources = dr_xcalloc(topic_count + 1, sizeof(*r->sources));
    for (size_t i = 0; i < topic_count; i++) {
        r->sources[i].name = dr_xstrdup(topics[i]);
        r->sources[i].topic = dr_kafka_topic(rk, topics[i], (int)i);
    }
    return r;
}

static void drop_held(struct dr_reader *r)
{
    if (r->held) {
        rd_kafka_message_destroy(r->held);
        r->held = NULL;
    }
}

static void stop(struct source *s, int32_t partition)
{
    if (s->parts[partition].on) {
        (void)rd_kafka_consume_stop(s->topic, partition);
        s->parts[partition].on = false;
    }
}

void dr_reader_free(struct dr_reader *r)
{
    if (!r) {
        return;
    }
    drop_held(r);
    for (size_t i = 0; i < r->source_count; i++) {
        struct source *s = &r->sources[i];
        for (int32_t p = 0; p < s->cap; p++) {
            stop(s, p);
        }
        rd_kafka_topic_destroy(s->topic);
        free(s->parts);
        free(s->name);
    }
    free(r->sources);
    rd_kafka_queue_destroy(r->queue);
    rd_kafka_destroy(r->rk);
    free(r);
}

static struct position *position(struct source *s, int32_t partition)
{
    DR_ASSERT(partition >= 0 && partition < 1 << 16);
    if (partition >= s->cap) {
        int32_t cap = partition + 8;

        s->parts = dr_xrealloc(s->parts, (size_t)cap * sizeof(*s->parts));
        for (; s->cap < cap; s->cap++) {
            s->parts[s->cap] = (struct position){.on = false};
        }
    }
    return &s->parts[partition];
}

void dr_reader_add(struct dr_reader *r, int topic, int32_t partition,
                   int64_t offset)
{
    struct source *s = &r->sources[topic];
    struct position *p = position(s, partition);
    struct dr_err err = {0};

    stop(s, partition);
    /* The end is fixed now: the library would look it up at some later time,
     * and records written between would be jumped over. */
    if (offset == DR_OFFSET_END &&
        dr_reader_end(r, topic, partition, RESOLVE_MS, &offset, &err)) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s/%d: %s", s->name, (int)partition,
               err.text);
    }
    *p = (struct position){.on = true, .next = offset};
    if (offset == DR_OFFSET_BEGIN) {
        offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    if (rd_kafka_consume_start_queue(s->topic, partition, offset, r->queue)) {
        dr_die(DR_EXIT_FAILURE, "kafka", "%s/%d: %s", s->name, (int)partition,
               rd_kafka_err2str(rd_kafka_last_error()));
    }
}

void dr_reader_remove(struct dr_reader *r, int topic, int32_t partition)
{
    (void)position(&r->sources[topic], partition);
    stop(&r->sources[topic], partition);
}

/* Whether the held message is the next of a partition that we still read. */
static bool take(struct dr_reader *r, struct dr_kmsg *out)
{
    struct position *p;

    if (r->held->err) {
        dr_kafka_message_error(r->held);
        return false;
    }
    dr_kafka_fill(r->held, out);
    p = position(&r->sources[out->topic], out->partition);
    if (!p->on || out->offset < p->next) {
        return false;
    }
    p->next = out->offset + 1;
    return true;
}

int dr_reader_poll(struct dr_reader *r, int timeout_ms, struct dr_kmsg *out)
{
    int64_t until = dr_mono_ms() + timeout_ms;

    for (;;) {
        drop_held(r);
        r->held = rd_kafka_consume_queue(r->queue, timeout_ms);
        if (!r->held) {
            (void)rd_kafka_poll(r->rk, 0); /* errors and log lines */
            return 0;
        }
        if (take(r, out)) {
            return 1;
        }
        timeout_ms = (int)(until - dr_mono_ms());
        timeout_ms = timeout_ms < 0 ? 0 : timeout_ms;
    }
}

/* One request for all: offsets_for_times with timestamp -1 is the end. A topic
 * made a moment ago may have no leader yet: asked again within the limit. */
static int fetch_ends(struct dr_reader *r,
                      rd_kafka_topic_partition_list_t *list, int timeout_ms,
                      struct dr_err *err)
{
    int64_t until = dr_mono_ms() + timeout_ms;

    for (;;) {
        rd_kafka_resp_err_t code;
        for (int i = 0; i < list->cnt; i++) {
            list->elems[i].offset = -1; /* a timestamp, here */
            list->elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
        }
        code = rd_kafka_offsets_for_times(
            r->rk, list, timeout_ms < REQUEST_MS ? timeout_ms : REQUEST_MS);
        for (int i = 0; i < list->cnt && !code; i++) {
            code = list->elems[i].err;
        }
        if (!code) {
            return 0;
        }
        if (dr_mono_ms() >= until) {
            return dr_err_set(err, DR_RETRY, (int)code, "kafka",
                              "the ends of the topics: %s",
                              rd_kafka_err2str(code));
        }
        (void)rd_kafka_poll(r->rk, 50); /* a pause: some errors come at once */
    }
}

int dr_reader_ends(struct dr_reader *r, int parts, int timeout_ms,
                   int64_t *ends_out, struct dr_err *err)
{
    int n = (int)r->source_count * parts;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(n);
    int rc;

    for (size_t t = 0; t < r->source_count; t++) {
        for (int p = 0; p < parts; p++) {
            (void)rd_kafka_topic_partition_list_add(list, r->sources[t].name,
                                                    p);
        }
    }
    rc = fetch_ends(r, list, timeout_ms, err);
    /* The answer keeps the order of the list. */
    for (int i = 0; rc == 0 && i < n; i++) {
        int64_t end = list->elems[i].offset;
        ends_out[i] = end < 0 ? 0 : end;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

int dr_reader_end(struct dr_reader *r, int topic, int32_t partition,
                  int timeout_ms, int64_t *end_out, struct dr_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    int rc;

    (void)rd_kafka_topic_partition_list_add(list, r->sources[topic].name,
                                            partition);
    rc = fetch_ends(r, list, timeout_ms, err);
    if (rc == 0) {
        int64_t end = list->elems[0].offset;
        *end_out = end < 0 ? 0 : end;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}
