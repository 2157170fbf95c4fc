/*
 * The producer: idempotent, acks=all. An idempotent producer keeps order and
 * makes no duplicates across reconnects (measured against broker kills); a
 * delivery that failed for good would leave a hole behind which later records
 * are accepted, so it ends the process.
 */
#include "kafka_private.h"

#include <stdlib.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>
#include <drover/base/log.h>

struct sent {
    dr_delivered_fn *cb;
    void *ctx;
};

struct dr_producer {
    rd_kafka_t *rk;
    size_t in_flight;
};

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct dr_producer *p = opaque;
    struct sent *s = m->_private;

    (void)rk;
    if (m->err) {
        dr_die(DR_EXIT_FAILURE, "kafka", "%s/%d: not delivered: %s",
               rd_kafka_topic_name(m->rkt), (int)m->partition,
               rd_kafka_err2str(m->err));
    }
    p->in_flight--;
    if (s) {
        s->cb(s->ctx, m->partition, m->offset);
        free(s);
    }
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
    dr_kafka_set(conf, "queue.buffering.max.kbytes", "16384");
    dr_kafka_set(conf, "message.timeout.ms", "300000");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, p);
    p->rk = dr_kafka_new(RD_KAFKA_PRODUCER, conf, err);
    if (!p->rk) {
        free(p);
        return NULL;
    }
    return p;
}

void dr_producer_free(struct dr_producer *p)
{
    if (p) {
        rd_kafka_destroy(p->rk);
        free(p);
    }
}

int dr_producer_warm(struct dr_producer *p, const char *const *topics, size_t n,
                     int timeout_ms, struct dr_err *err)
{
    for (size_t i = 0; i < n; i++) {
        rd_kafka_topic_t *t = rd_kafka_topic_new(p->rk, topics[i], NULL);
        const struct rd_kafka_metadata *md;
        rd_kafka_resp_err_t r = rd_kafka_metadata(p->rk, 0, t, &md, timeout_ms);

        if (!r) {
            rd_kafka_metadata_destroy(md);
        }
        rd_kafka_topic_destroy(t);
        if (r) {
            return dr_err_set(err, DR_RETRY, (int)r, "kafka", "%s: %s",
                              topics[i], rd_kafka_err2str(r));
        }
    }
    return 0;
}

void dr_producer_send(struct dr_producer *p, const char *topic,
                      int32_t partition, struct dr_str key, struct dr_str value,
                      dr_delivered_fn *cb, void *ctx)
{
    struct sent *s = NULL;

    if (cb) {
        s = dr_xcalloc(1, sizeof(*s));
        *s = (struct sent){cb, ctx};
    }
    for (;;) {
        rd_kafka_resp_err_t r = rd_kafka_producev(
            p->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(key.p, key.n),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value.p, value.n),
            RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);

        if (!r) {
            p->in_flight++;
            return;
        }
        if (r != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            dr_die(DR_EXIT_FAILURE, "kafka", "%s/%d: %s", topic, (int)partition,
                   rd_kafka_err2str(r));
        }
        (void)rd_kafka_poll(p->rk, 100);
    }
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
