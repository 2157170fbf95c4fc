/* Committed offsets of a group, without joining it: a consumer with that
 * group id that never subscribes. */
#include "kafka_private.h"

#include <stdlib.h>

#include <drover/base/arena.h>

struct dr_group {
    rd_kafka_t *rk;
    char *name;
};

struct dr_group *dr_group_open(const struct dr_kafka_opts *o, const char *group,
                               struct dr_err *err)
{
    rd_kafka_conf_t *conf = dr_kafka_conf(o);
    struct dr_group *g;
    rd_kafka_t *rk;

    dr_kafka_set(conf, "group.id", group);
    rk = dr_kafka_new(RD_KAFKA_CONSUMER, conf, err);
    if (!rk) {
        return NULL;
    }
    g = dr_xcalloc(1, sizeof(*g));
    g->rk = rk;
    g->name = dr_xstrdup(group);
    return g;
}

void dr_group_free(struct dr_group *g)
{
    if (g) {
        rd_kafka_destroy(g->rk);
        free(g->name);
        free(g);
    }
}

int dr_group_committed(struct dr_group *g, const char *const *topics,
                       size_t topic_count, int parts, int timeout_ms,
                       int64_t *committed_out, struct dr_err *err)
{
    int n = (int)topic_count * parts;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(n);
    rd_kafka_resp_err_t r;

    for (size_t t = 0; t < topic_count; t++) {
        for (int p = 0; p < parts; p++) {
            (void)rd_kafka_topic_partition_list_add(list, topics[t], p);
        }
    }
    r = rd_kafka_committed(g->rk, list, timeout_ms);
    /* The answer keeps the order of the list. */
    for (int i = 0; !r && i < n; i++) {
        int64_t at = list->elems[i].offset;
        committed_out[i] = at < 0 ? -1 : at;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (r) {
        return dr_err_set(err, DR_RETRY, (int)r, "kafka", "%s: %s", g->name,
                          rd_kafka_err2str(r));
    }
    return 0;
}
