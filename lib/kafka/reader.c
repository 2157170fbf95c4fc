/*
 * The reader: explicit positions, no group. The list of partitions with the
 * next offset of each is ours, so that adding one moves none of the others.
 */
#include "kafka_private.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>

struct position {
    int topic;
    int32_t partition;
    int64_t next; /* or RD_KAFKA_OFFSET_BEGINNING / _END */
};

struct dr_reader {
    rd_kafka_t *rk;
    char **topics;
    size_t topic_count;
    struct position *v;
    size_t n, cap;
    bool stale; /* the library's assignment is not ours yet */
    rd_kafka_message_t *held;
};

struct dr_reader *dr_reader_new(const struct dr_kafka_opts *o,
                                const char *const *topics, size_t topic_count,
                                struct dr_err *err)
{
    struct dr_reader *r = dr_xcalloc(1, sizeof(*r));
    rd_kafka_conf_t *conf = dr_kafka_conf(o);

    dr_kafka_set(conf, "group.id", "drover-reader"); /* needed, never joined */
    dr_kafka_set(conf, "enable.auto.commit", "false");
    dr_kafka_set(conf, "enable.auto.offset.store", "false");
    dr_kafka_set(conf, "auto.offset.reset", "error");
    dr_kafka_set(conf, "isolation.level", "read_committed");
    dr_kafka_set(conf, "queued.max.messages.kbytes", "4096");
    dr_kafka_set(conf, "fetch.message.max.bytes", "262144");
    dr_kafka_set(conf, "fetch.max.bytes", "4194304");
    dr_kafka_set(conf, "fetch.wait.max.ms", "20");
    r->rk = dr_kafka_new(RD_KAFKA_CONSUMER, conf, err);
    if (!r->rk) {
        free(r);
        return NULL;
    }
    (void)rd_kafka_poll_set_consumer(r->rk);
    r->topic_count = topic_count;
    r->topics = dr_xcalloc(topic_count ? topic_count : 1, sizeof(*r->topics));
    for (size_t i = 0; i < topic_count; i++) {
        r->topics[i] = dr_xstrdup(topics[i]);
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

void dr_reader_free(struct dr_reader *r)
{
    if (!r) {
        return;
    }
    drop_held(r);
    (void)rd_kafka_consumer_close(r->rk);
    rd_kafka_destroy(r->rk);
    for (size_t i = 0; i < r->topic_count; i++) {
        free(r->topics[i]);
    }
    free(r->topics);
    free(r->v);
    free(r);
}

static struct position *find(struct dr_reader *r, int topic, int32_t partition)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->v[i].topic == topic && r->v[i].partition == partition) {
            return &r->v[i];
        }
    }
    return NULL;
}

void dr_reader_add(struct dr_reader *r, int topic, int32_t partition,
                   int64_t offset)
{
    struct position *p = find(r, topic, partition);

    if (!p) {
        if (r->n == r->cap) {
            r->cap = r->cap ? r->cap * 2 : 16;
            r->v = dr_xrealloc(r->v, r->cap * sizeof(*r->v));
        }
        p = &r->v[r->n++];
    }
    *p = (struct position){topic, partition, offset};
    if (offset == DR_OFFSET_BEGIN) {
        p->next = RD_KAFKA_OFFSET_BEGINNING;
    } else if (offset == DR_OFFSET_END) {
        p->next = RD_KAFKA_OFFSET_END;
    }
    r->stale = true;
}

void dr_reader_remove(struct dr_reader *r, int topic, int32_t partition)
{
    struct position *p = find(r, topic, partition);

    if (p) {
        *p = r->v[--r->n];
        r->stale = true;
    }
}

static void assign(struct dr_reader *r)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)r->n);

    for (size_t i = 0; i < r->n; i++) {
        rd_kafka_topic_partition_list_add(list, r->topics[r->v[i].topic],
                                          r->v[i].partition)
            ->offset = r->v[i].next;
    }
    (void)rd_kafka_assign(r->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    r->stale = false;
}

static int topic_index(const struct dr_reader *r, const char *name)
{
    for (size_t i = 0; i < r->topic_count; i++) {
        if (strcmp(r->topics[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int dr_reader_poll(struct dr_reader *r, int timeout_ms, struct dr_kmsg *out)
{
    struct position *p;

    drop_held(r);
    if (r->stale) {
        assign(r);
    }
    if (r->n == 0) {
        return 0;
    }
    r->held = rd_kafka_consumer_poll(r->rk, timeout_ms);
    if (!r->held) {
        return 0;
    }
    if (r->held->err) {
        dr_kafka_message_error(r->held);
        drop_held(r);
        return 0;
    }
    dr_kafka_fill(r->held, topic_index(r, rd_kafka_topic_name(r->held->rkt)),
                  out);
    p = find(r, out->topic, out->partition);
    if (!p || (p->next >= 0 && out->offset < p->next)) {
        drop_held(r); /* fetched before the list changed */
        return 0;
    }
    p->next = out->offset + 1;
    return 1;
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
            list->elems[i].offset = -1;
            list->elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
        }
        code = rd_kafka_offsets_for_times(r->rk, list, 5000);
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
    }
}

int dr_reader_ends(struct dr_reader *r, int parts, int timeout_ms,
                   int64_t *ends_out, struct dr_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)r->topic_count * parts);
    int rc;

    for (size_t t = 0; t < r->topic_count; t++) {
        for (int p = 0; p < parts; p++) {
            (void)rd_kafka_topic_partition_list_add(list, r->topics[t], p);
        }
    }
    rc = fetch_ends(r, list, timeout_ms, err);
    for (int i = 0; rc == 0 && i < list->cnt; i++) {
        int t = topic_index(r, list->elems[i].topic);
        int64_t end = list->elems[i].offset;
        ends_out[t * parts + list->elems[i].partition] = end < 0 ? 0 : end;
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

    (void)rd_kafka_topic_partition_list_add(list, r->topics[topic], partition);
    rc = fetch_ends(r, list, timeout_ms, err);
    if (rc == 0) {
        *end_out = list->elems[0].offset < 0 ? 0 : list->elems[0].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}
