/*
 * Kafka, in the few words Drover needs. Moves bytes; knows no records. The
 * only user of librdkafka; settings and traps: the comments in the .c files.
 *
 * A fatal client error, a failed delivery or a position that the broker no
 * longer has ends the process (DR_EXIT_FAILURE): Kafka is the truth, and a
 * process that cannot write to it must not go on. Broker outages are waited
 * out by the library.
 */
#ifndef DROVER_KAFKA_KAFKA_H
#define DROVER_KAFKA_KAFKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

struct dr_kafka_opts {
    const char *brokers;
    const char *client_id;
    int linger_ms;  /* producers: 5; ledger 0; extractor 20 */
    int session_ms; /* groups; 0: 6,000 */
};

/* ---- topics ---- */

struct dr_topic_spec {
    const char *name;
    int partitions;
    bool compact;
    int max_bytes; /* 0: the broker's default, about 1 MiB */
    /* Kept as it is: a reader's bound counts what the broker sends, and what
     * compresses well would be many times that in its memory. */
    bool plain;
};

/* Creates what is missing, in one call, then checks what exists: a topic with
 * another partition count or cleanup policy gives DR_HALT with its name and
 * what to do. Nothing is ever altered. Waits at most timeout_ms; DR_RETRY:
 * the broker is away, or slow to know what it made. */
int dr_topics_ensure(const struct dr_kafka_opts *o,
                     const struct dr_topic_spec *specs, size_t n,
                     int timeout_ms, struct dr_err *err) DR_MUSTCHECK;

/* ---- producer ---- */

struct dr_producer;

/* Called from dr_producer_poll or _flush once the broker has the record. */
typedef void dr_delivered_fn(void *ctx, int32_t partition, int64_t offset);

struct dr_producer *dr_producer_new(const struct dr_kafka_opts *o,
                                    struct dr_err *err) DR_MUSTCHECK;
void dr_producer_free(struct dr_producer *p);
/* Fetches the metadata of topics before the first send (1 s each otherwise). */
int dr_producer_warm(struct dr_producer *p, const char *const *topics, size_t n,
                     int timeout_ms, struct dr_err *err) DR_MUSTCHECK;
/* Copies key and value. Blocks, polling, while the queue is full. value.p
 * NULL is a tombstone. cb may be NULL. */
void dr_producer_send(struct dr_producer *p, const char *topic,
                      int32_t partition, struct dr_str key, struct dr_str value,
                      dr_delivered_fn *cb, void *ctx);
int dr_producer_poll(struct dr_producer *p, int timeout_ms);
/* Until everything sent is acknowledged; -1 when not within timeout_ms. */
int dr_producer_flush(struct dr_producer *p, int timeout_ms) DR_MUSTCHECK;
size_t dr_producer_in_flight(const struct dr_producer *p);

/* ---- messages ---- */

struct dr_kmsg {
    int topic; /* index in the list given at creation */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct dr_str key, value; /* value.p NULL: tombstone */
};

/* ---- group consumer: range assignor, manual commits ---- */

struct dr_consumer;

struct dr_consumer_opts {
    struct dr_kafka_opts kafka;
    const char *group;
    const char *const *topics; /* all exist, equal partition counts */
    size_t topic_count;
    /* Partition numbers; the same for every topic (co-partitioned; asserted).
     * Called from dr_consumer_poll. lost: do not commit any more. */
    void (*assigned)(void *ctx, const int32_t *parts, size_t n);
    void (*revoked)(void *ctx, const int32_t *parts, size_t n, bool lost);
    void *ctx;
};

struct dr_consumer *dr_consumer_new(const struct dr_consumer_opts *o,
                                    struct dr_err *err) DR_MUSTCHECK;
/* Leaves the group. Commit first. */
void dr_consumer_free(struct dr_consumer *c);
/* 1: *out is set and valid until the next call. 0: nothing within timeout.
 * A partition without commit starts at the beginning. */
int dr_consumer_poll(struct dr_consumer *c, int timeout_ms,
                     struct dr_kmsg *out);
/* A pause ends with the assignment: what is assigned anew is not paused. */
void dr_consumer_pause(struct dr_consumer *c, int topic, int32_t partition);
void dr_consumer_resume(struct dr_consumer *c, int topic, int32_t partition);
/* Everything below `offset` is settled. Sent with the next dr_consumer_commit
 * (asynchronous) or on revocation and free (synchronous). */
void dr_consumer_settle(struct dr_consumer *c, int topic, int32_t partition,
                        int64_t offset);
void dr_consumer_commit(struct dr_consumer *c);

/* ---- reader: no group, explicit positions ---- */

struct dr_reader;

#define DR_OFFSET_BEGIN (-2)
#define DR_OFFSET_END (-1)

struct dr_reader *dr_reader_new(const struct dr_kafka_opts *o,
                                const char *const *topics, size_t topic_count,
                                struct dr_err *err) DR_MUSTCHECK;
void dr_reader_free(struct dr_reader *r);
/* Adds or moves a position; offset as above or exact. */
void dr_reader_add(struct dr_reader *r, int topic, int32_t partition,
                   int64_t offset);
void dr_reader_remove(struct dr_reader *r, int topic, int32_t partition);
int dr_reader_poll(struct dr_reader *r, int timeout_ms, struct dr_kmsg *out);
/* The log end of a partition now (one past the last offset), by one request.
 * -1 with err on time-out. */
int dr_reader_end(struct dr_reader *r, int topic, int32_t partition,
                  int timeout_ms, int64_t *end_out,
                  struct dr_err *err) DR_MUSTCHECK;
/* All ends of all topics' partitions 0..parts-1 at once; ends_out has
 * topic_count * parts elements. */
int dr_reader_ends(struct dr_reader *r, int parts, int timeout_ms,
                   int64_t *ends_out, struct dr_err *err) DR_MUSTCHECK;

/* ---- lag, for the auditor ---- */

/* A group that is looked at, not joined. */
struct dr_group;

struct dr_group *dr_group_open(const struct dr_kafka_opts *o, const char *group,
                               struct dr_err *err) DR_MUSTCHECK;
void dr_group_free(struct dr_group *g);
/* One request for all topics; committed_out has topic_count * parts elements,
 * by topic; -1: no commit. */
int dr_group_committed(struct dr_group *g, const char *const *topics,
                       size_t topic_count, int parts, int timeout_ms,
                       int64_t *committed_out, struct dr_err *err) DR_MUSTCHECK;

#endif
