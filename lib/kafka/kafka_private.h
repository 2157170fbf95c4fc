/* What the files of this library share: making clients, judging errors. */
#ifndef DROVER_KAFKA_PRIVATE_H
#define DROVER_KAFKA_PRIVATE_H

#include <librdkafka/rdkafka.h>

#include <drover/kafka/kafka.h>

/* Settings common to all clients; ends the process on a refused setting. */
rd_kafka_conf_t *dr_kafka_conf(const struct dr_kafka_opts *o);
void dr_kafka_set(rd_kafka_conf_t *conf, const char *key, const char *value);
void dr_kafka_set_int(rd_kafka_conf_t *conf, const char *key, int value);
/* Takes the conf. */
rd_kafka_t *dr_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                         struct dr_err *err) DR_MUSTCHECK;
/* A handle whose messages carry `index` (dr_kafka_index). Made before the
 * library meets the topic by other ways. Ends the process on failure. */
rd_kafka_topic_t *dr_kafka_topic(rd_kafka_t *rk, const char *name, int index);
int dr_kafka_index(const rd_kafka_message_t *m);
/* Brokers being away is waited out by the library; anything else is final. */
bool dr_kafka_transient(rd_kafka_resp_err_t code);
/* An error event that came as a message: transient ones are swallowed, a
 * position that is gone and all others end the process. */
void dr_kafka_message_error(const rd_kafka_message_t *m);
void dr_kafka_fill(const rd_kafka_message_t *m, struct dr_kmsg *out);

#endif
