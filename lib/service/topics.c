/* The topics of a migration (design 3) and the lanes in load order. */
#include <drover/service/service.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>
#include <drover/base/log.h>

const char *const dr_lanes[] = {
    "product", "account", "contact",  "deal", "deal_product",
    "custom",  "link",    "activity", "note", "file"};
const size_t dr_lane_count = DR_ARRAY_LEN(dr_lanes);

#define TOPIC_WAIT_MS 60000
#define TOPIC_TRY_MS 10000
#define MAX_TOPICS 256
/* The plan travels as one record. */
#define CONTROL_BYTES (8 << 20)

int dr_lane_index(struct dr_str lane)
{
    for (size_t i = 0; i < dr_lane_count; i++) {
        if (dr_str_eqz(lane, dr_lanes[i])) {
            return (int)i;
        }
    }
    return -1;
}

const char *dr_topic(const struct dr_service *svc, char out[DR_TOPIC_MAX],
                     const char *stage, const char *object)
{
    int n = snprintf(out, DR_TOPIC_MAX, "drover.%s.%s%s%s", svc->migration,
                     stage, object ? "." : "", object ? object : "");

    DR_ASSERT(n > 0 && n < DR_TOPIC_MAX);
    return out;
}

struct list {
    struct dr_topic_spec specs[MAX_TOPICS];
    char names[MAX_TOPICS][DR_TOPIC_MAX];
    size_t n;
};

static void add(const struct dr_service *svc, struct list *l, const char *stage,
                const char *object, int partitions, bool compact)
{
    DR_ASSERT(l->n < MAX_TOPICS);
    dr_topic(svc, l->names[l->n], stage, object);
    l->specs[l->n] = (struct dr_topic_spec){.name = l->names[l->n],
                                            .partitions = partitions,
                                            .compact = compact,
                                            .max_bytes = CONTROL_BYTES};
    l->n++;
}

/* In short tries, so that somebody hears of it and can end it. */
static int ensure(struct dr_service *svc, const struct list *l,
                  struct dr_err *err)
{
    int64_t until = dr_mono_ms() + TOPIC_WAIT_MS;
    bool told = false;

    while (dr_topics_ensure(&svc->kafka, l->specs, l->n, TOPIC_TRY_MS, err)) {
        if (err->verdict == DR_HALT || dr_stop || dr_mono_ms() > until) {
            return -1;
        }
        if (!told) {
            dr_log(DR_LOG_WARN, "service.kafka_away", "%s: trying for a minute",
                   err->text);
            told = true;
        }
    }
    return 0;
}

void dr_service_topics(struct dr_service *svc, const char *const *objects,
                       size_t object_count)
{
    static const char *const laned[] = {"load", "ledger", "landed"};
    struct list *l = dr_xcalloc(1, sizeof(*l));
    struct dr_err err = {0};
    int parts = svc->partitions;

    for (size_t i = 0; i < object_count; i++) {
        add(svc, l, "source", objects[i], parts, false);
    }
    for (size_t s = 0; s < DR_ARRAY_LEN(laned); s++) {
        for (size_t i = 0; i < dr_lane_count; i++) {
            add(svc, l, laned[s], dr_lanes[i], parts,
                strcmp(laned[s], "ledger") == 0);
        }
    }
    add(svc, l, "rejected", NULL, parts, false);
    add(svc, l, "files", NULL, parts, false);
    l->specs[l->n - 1].plain = true;
    add(svc, l, "audit", NULL, parts, false);
    add(svc, l, "catalog", NULL, 1, true);
    add(svc, l, "cursor", NULL, 1, true);
    add(svc, l, "control", NULL, 1, true);
    if (ensure(svc, l, &err)) {
        dr_die(err.verdict == DR_HALT ? DR_EXIT_REFUSED : DR_EXIT_FAILURE,
               err.where, "%s", err.text);
    }
    free(l);
}
