/* Committed offsets of a group, without joining it: a consumer with that
 * group id that never subscribes. */
#include "kafka_private.h"

int dr_group_committed(const struct dr_kafka_opts *o, const char *group,
                       const char *topic, int parts, int timeout_ms,
                       int64_t *committed_out, struct dr_err *err)
{
    rd_kafka_conf_t *conf = dr_kafka_conf(o);
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t r;
    rd_kafka_t *rk;

    dr_kafka_set(conf, "group.id", group);
    rk = dr_kafka_new(RD_KAFKA_CONSUMER, conf, err);
    if (!rk) {
        return -1;
    }
    list = rd_kafka_topic_partition_list_new(parts);
    for (int p = 0; p < parts; p++) {
        (void)rd_kafka_topic_partition_list_add(list, topic, p);
    }
    r = rd_kafka_committed(rk, list, timeout_ms);
    for (int i = 0; !r && i < list->cnt; i++) {
        int64_t at = list->elems[i].offset;
        committed_out[list->elems[i].partition] = at < 0 ? -1 : at;
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    if (r) {
        return dr_err_set(err, DR_RETRY, (int)r, "kafka", "%s: %s", group,
                          rd_kafka_err2str(r));
    }
    return 0;
}
