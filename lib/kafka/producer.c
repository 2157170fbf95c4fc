/*
 * The producer: idempotent, acks=all. An idempotent producer keeps order and
 * makes no duplicates across reconnects (measured against broker kills); a
 * delivery that failed for good would leave a hole behind which later records
 * are accepted, so it ends the process.
 */
#include "kafka_private.h"

#include <stdlib.h>

#include <drover/base/arena.h>
#include <drover/base/map.h>

/* The plan travels as one record; the topics' own limit decides. */
#define MESSAGE_MAX (8 << 20)
#define FULL_POLL_MS 100

struct sent {
    dr_delivered_fn *cb;
    void *ctx;
};

struct dr_producer {
    rd_kafka_t *rk;
    struct dr_map *topics; /* name -> handle: keeps the metadata known */
    size_t in_flight;
    bool closing;
};

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct dr_producer *p = opaque;
    struct sent *s = m->_private;

    (void)rk;
    if (m->err && !p->closing) {
        dr_die(DR_EXIT_FAILURE, "kafka", "%s/%d: not delivered: %s",
               rd_kafka_topic_name(m->rkt), (int)m->partition,
               rd_kafka_err2str(m->err));
    }
    p->in_flight--;
    if (s && !m->err) {
        s->cb(s->ctx, m->partition, m->offset);
    }
    free(s);
}

struct dr_producer *dr_producer_new(const struct dr_kafka_opts *o,
                                    struct dr_err *err)
{
    struct dr_producer *p = dr_xcalloc(1, sizeof(*p));
    rd_kafka_conf_t *conf = dr_kafka_conf(o);

    dr_kafka_set(conf, "enable.idempotence", "true");
    dr_kafka_set_int(conf, "linger.ms", o->linger_ms);
    dr_kafka_set(conf, "compression.type", "lz4");
    dr_kafka_set(conf, "batch.size", "262144");
    dr_kafka_set(conf, "queue.buffering.max.kbytes", "9216");
    /* A short one makes holes when a broker is away for a while. */
    dr_kafka_set(conf, "message.timeout.ms", "300000");
    dr_kafka_set_int(conf, "message.max.bytes", MESSAGE_MAX);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, p);
    p->rk = dr_kafka_new(RD_KAFKA_PRODUCER, conf, err);
    if (!p->rk) {
        free(p);
        return NULL;
    }
    p->topics = dr_map_new(NULL);
    return p;
}

void dr_producer_free(struct dr_producer *p)
{
    size_t at = 0;
    struct dr_str name;
    void *topic;

    if (!p) {
        return;
    }
    /* What was not flushed is dropped, as a crash would drop it. */
    p->closing = true;
    (void)rd_kafka_purge(p->rk,
                         RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_poll(p->rk, 0);
    while (dr_map_next(p->topics, &at, &name, &topic)) {
        rd_kafka_topic_destroy(topic);
    }
    dr_map_free(p->topics);
    rd_kafka_destroy(p->rk);
    free(p);
}

static rd_kafka_topic_t *topic_of(struct dr_producer *p, const char *name)
{
    struct dr_str key = dr_str_z(name);
    rd_kafka_topic_t *t = dr_map_get(p->topics, key);

    if (!t) {
        t = dr_kafka_topic(p->rk, name, 0);
        dr_map_put(p->topics, key, t);
    }
    return t;
}

int dr_producer_warm(struct dr_producer *p, const char *const *topics, size_t n,
                     int timeout_ms, struct dr_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct rd_kafka_metadata *md;
        rd_kafka_resp_err_t r = rd_kafka_metadata(
            p->rk, 0, topic_of(p, topics[i]), &md, timeout_ms);

        if (r) {
            return dr_err_set(err, DR_RETRY, (int)r, "kafka", "%s: %s",
                              topics[i], rd_kafka_err2str(r));
        }
        rd_kafka_metadata_destroy(md);
    }
    return 0;
}

void dr_producer_send(struct dr_producer *p, const char *topic,
                      int32_t partition, struct dr_str key, struct dr_str value,
                      dr_delivered_fn *cb, void *ctx)
{
    rd_kafka_topic_t *t = topic_of(p, topic);
    struct sent *s = NULL;

    if (cb) {
        s = dr_xcalloc(1, sizeof(*s));
        *s = (struct sent){cb, ctx};
    }
    /* The library copies; it does not write to the value. */
    while (rd_kafka_produce(t, partition, RD_KAFKA_MSG_F_COPY,
                            (void *)(uintptr_t)value.p, value.n, key.p, key.n,
                            s)) {
        rd_kafka_resp_err_t r = rd_kafka_last_error();

        if (r != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            dr_die(DR_EXIT_FAILURE, "kafka", "%s/%d: %s", topic, (int)partition,
                   rd_kafka_err2str(r));
        }
        (void)rd_kafka_poll(p->rk, FULL_POLL_MS);
    }
    p->in_flight++;
}

int dr_producer_poll(struct dr_producer *p, int timeout_ms)
{
    return rd_kafka_poll(p->rk, timeout_ms);
}

int dr_producer_flush(struct dr_producer *p, int timeout_ms)
{
    return rd_kafka_flush(p->rk, timeout_ms) ? -1 : 0;
}

size_t dr_producer_in_flight(const struct dr_producer *p)
{
    return p->in_flight;
}
