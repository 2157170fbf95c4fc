/*
 * drover-transformer: applies the approved plan. Contract:
 * services/transformer/README.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/kafka/offsets.h>
#include <drover/service/service.h>

#include "once.h"
#include "pass.h"

/* What the plan carries is read. No plan carries more objects, for one service
 * has no more topics. */
#define OBJECTS_MAX 160
#define RECORD_ARENA ((size_t)64 << 20)
#define COMMIT_MS 500
#define FLUSH_MS 120000 /* beyond it Kafka is not there */
#define STOP_MS 10000   /* it may take so long of those that a stop is given */

static const struct dr_conf_key keys[] = {DR_CONF_COMMON, {0}};

/* One object of the running pass. */
struct input {
    char object[72];
    char topic[DR_TOPIC_MAX];
};

struct transformer {
    struct dr_service svc;
    struct dr_producer *producer;
    struct dr_control_reader *control;
    struct dr_consumer *consumer; /* of the running pass; NULL: none */
    struct dr_plan *plan;
    struct pass pass;
    struct dr_arena *arena;
    struct out_list out;
    struct input *inputs; /* of the pass; indexed as its topics are */
    size_t input_n;
    size_t removed; /* sets of removals sent in this pass */
    char rejected[DR_TOPIC_MAX];
    uint8_t plan_hash[32];
    /* Next offset to commit of each partition, once all is acknowledged. */
    int64_t *next;
    int64_t commit_due_ms;
    bool
        gave_up; /* stopped before Kafka had everything: nothing is committed */
    int64_t *m_records, *m_loads, *m_rejected;
};

static void forget_positions(struct transformer *t)
{
    for (size_t i = 0; i < t->input_n * (size_t)t->svc.partitions; i++) {
        t->next[i] = -1;
    }
}

static void flush_and_commit(struct transformer *t)
{
    t->gave_up =
        t->gave_up || dr_service_flush(&t->svc, t->producer, FLUSH_MS, STOP_MS);
    if (t->gave_up) {
        forget_positions(t);
        return;
    }
    for (size_t o = 0; o < t->input_n; o++) {
        for (int p = 0; p < t->svc.partitions; p++) {
            int64_t *n = &t->next[o * (size_t)t->svc.partitions + (size_t)p];
            if (*n >= 0) {
                dr_consumer_settle(t->consumer, (int)o, p, *n);
                *n = -1;
            }
        }
    }
    dr_consumer_commit(t->consumer);
    t->commit_due_ms = dr_mono_ms() + COMMIT_MS;
}

static void revoked(void *ctx, const int32_t *parts, size_t n, bool lost)
{
    struct transformer *t = ctx;

    (void)parts;
    (void)n;
    if (!lost) {
        flush_and_commit(t);
    }
    forget_positions(t);
}

static void end_pass(struct transformer *t)
{
    if (!t->consumer) {
        return;
    }
    flush_and_commit(t);
    dr_consumer_free(t->consumer);
    t->consumer = NULL;
    dr_plan_free(t->plan);
    t->plan = NULL;
    dr_map_free(t->pass.sample);
    t->pass.sample = NULL;
    free(t->inputs);
    free(t->next);
    t->inputs = NULL;
    t->next = NULL;
    t->input_n = 0;
}

static void take_sample(struct transformer *t, const struct dr_sample *s)
{
    t->pass.sample = dr_map_new(NULL);
    for (size_t i = 0; i < s->key_count; i++) {
        dr_map_put(t->pass.sample, s->keys[i], t);
    }
}

/* A type of the source whose name Kafka takes as part of a topic's. */
static bool topic_part(struct dr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '_' || c == '-')) {
            return false;
        }
    }
    return s.n > 0 && s.n <= 64;
}

/* The topics of what the plan carries: made where they do not exist yet, for
 * the extractor may come to an object later than the plan does. */
static void take_inputs(struct transformer *t)
{
    size_t n = dr_plan_scope_count(t->plan);
    const char *objects[OBJECTS_MAX];

    if (n == 0 || n > OBJECTS_MAX) {
        dr_die(DR_EXIT_REFUSED, "plan",
               "the plan carries %zu objects; 1 to %d can be", n, OBJECTS_MAX);
    }
    t->inputs = dr_xcalloc(n, sizeof(*t->inputs));
    for (size_t i = 0; i < n; i++) {
        struct dr_str object = dr_plan_scope_at(t->plan, i);
        struct input *in = &t->inputs[t->input_n];
        if (!topic_part(object)) {
            dr_log(DR_LOG_ERROR, "transformer.no_topic",
                   "object %zu of the plan's scope cannot be a topic's name: "
                   "it is not read",
                   i);
            continue;
        }
        (void)snprintf(in->object, sizeof(in->object), DR_STR_FMT,
                       DR_STR_ARG(object));
        dr_topic(&t->svc, in->topic, "source", in->object);
        objects[t->input_n++] = in->object;
    }
    if (t->input_n == 0) {
        dr_die(DR_EXIT_REFUSED, "plan", "no object of the plan can be read");
    }
    dr_service_topics(&t->svc, objects, t->input_n);
    t->next = dr_xcalloc(t->input_n * (size_t)t->svc.partitions + 1,
                         sizeof(*t->next));
    forget_positions(t);
}

static void begin_pass(struct transformer *t, const struct dr_control_view *v)
{
    struct dr_err err = {0};
    const char *names[OBJECTS_MAX];
    char group[128];
    struct dr_consumer_opts o = {.kafka = t->svc.kafka,
                                 .group = group,
                                 .topics = names,
                                 .revoked = revoked,
                                 .ctx = t};

    t->plan = dr_plan_parse(v->plan_json, &err);
    if (!t->plan) {
        dr_die(DR_EXIT_REFUSED, "plan", "%s", err.text);
    }
    if (!dr_str_eq(dr_plan_hash(t->plan), v->state.plan_hash)) {
        dr_die(DR_EXIT_REFUSED, "plan",
               "the plan in control is not the approved one");
    }
    t->pass.plan = t->plan;
    t->pass.number = v->state.pass;
    t->pass.sample_only = dr_str_eqz(v->state.scope, "sample");
    t->pass.other_plans = v->plan_count > 1;
    t->pass.partitions = t->svc.partitions;
    t->pass.opts =
        (struct dr_apply_opts){.migration = dr_str_z(t->svc.migration),
                               .generation = v->state.generation,
                               .pass = v->state.pass};
    take_sample(t, &v->sample);
    take_inputs(t);
    for (size_t i = 0; i < t->input_n; i++) {
        names[i] = t->inputs[i].topic;
    }
    o.topic_count = t->input_n;
    t->removed = 0;
    (void)snprintf(group, sizeof(group), "drover.%s.transformer.p%u",
                   t->svc.migration, (unsigned)v->state.pass);
    t->consumer = dr_consumer_new(&o, &err);
    if (!t->consumer) {
        dr_die(DR_EXIT_FAILURE, "kafka", "%s", err.text);
    }
    dr_log(DR_LOG_INFO, "transformer.pass", "pass=%u scope=" DR_STR_FMT,
           (unsigned)v->state.pass, DR_STR_ARG(v->state.scope));
}

/* A pass runs while control names one, its plan and its sample. */
static void follow_control(struct transformer *t)
{
    const struct dr_control_view *v;

    (void)dr_control_poll(t->control);
    v = dr_control(t->control);
    if (t->consumer && v->state.pass != t->pass.number) {
        end_pass(t);
    }
    if (!t->consumer && v->caught_up && v->state.pass > 0 &&
        v->plan_json.n > 0 &&
        (!dr_str_eqz(v->state.scope, "sample") || v->sample.key_count > 0)) {
        begin_pass(t, v);
    }
}

static void send_one(struct transformer *t, struct out_message *m)
{
    char topic[DR_TOPIC_MAX], lane[32];

    if (m->topic == OUT_REJECTED) {
        (*t->m_rejected)++;
        dr_service_send(&t->svc, t->producer, t->rejected, m->partition, m->key,
                        &m->env, NULL, NULL);
        return;
    }
    (*t->m_loads)++;
    (void)snprintf(lane, sizeof(lane), DR_STR_FMT, DR_STR_ARG(m->lane));
    dr_topic(&t->svc, topic, "load", lane);
    dr_service_send(&t->svc, t->producer, topic, m->partition, m->key, &m->env,
                    NULL, NULL);
}

static void send_out(struct transformer *t)
{
    for (size_t i = 0; i < t->out.n; i++) {
        send_one(t, &t->out.v[i]);
    }
}

/* Deletions that people let through go out once a pass: after a start all of
 * them again, which the loader knows by their revision. */
static void send_removals(struct transformer *t)
{
    const struct dr_control_view *v = dr_control(t->control);
    struct dr_err err = {0};

    while (t->consumer && !t->pass.sample_only &&
           t->removed < v->removal_count) {
        const struct dr_removals *set = &v->removals[t->removed++];
        for (size_t i = 0; i < set->item_count; i++) {
            dr_arena_reset(t->arena);
            if (pass_removal(&t->pass, &set->items[i], t->arena, &t->out,
                             &err)) {
                dr_die(DR_EXIT_INVARIANT, "transformer", "%s", err.text);
            }
            send_out(t);
        }
    }
}

/* One record that is too much for us does not stop the others. */
static void set_aside(struct transformer *t, const struct dr_env *env,
                      const struct dr_kmsg *m, const struct dr_err *err)
{
    struct out_message one;
    struct dr_buf key;

    dr_log(DR_LOG_ERROR, "transformer.set_aside",
           "topic=%s partition=%d offset=%lld: %s", t->inputs[m->topic].topic,
           (int)m->partition, (long long)m->offset, err->text);
    if (env->kind != DR_MSG_SOURCE) {
        dr_die(DR_EXIT_INVARIANT, "transformer",
               "a marker needs more than a record may: too many partitions");
    }
    dr_buf_init(&key, 1024);
    pass_set_aside(&t->pass, &env->u.source,
                   dr_str_z(t->inputs[m->topic].topic), m->partition, m->offset,
                   &key, &one);
    send_one(t, &one);
    dr_buf_done(&key);
}

static void unreadable(struct transformer *t, const struct dr_kmsg *m,
                       const struct dr_err *err)
{
    struct out_message one;
    struct dr_buf name, key;

    dr_log(DR_LOG_ERROR, "transformer.unreadable",
           "topic=%s partition=%d offset=%lld: %s", t->inputs[m->topic].topic,
           (int)m->partition, (long long)m->offset, err->text);
    dr_buf_init(&name, 256);
    dr_buf_init(&key, 1024);
    pass_unreadable(&t->pass, dr_str_z(t->inputs[m->topic].object), m->key,
                    m->value, dr_str_z(t->inputs[m->topic].topic), m->partition,
                    m->offset, &name, &key, &one);
    send_one(t, &one);
    dr_buf_done(&name);
    dr_buf_done(&key);
}

static void one_message(struct transformer *t, const struct dr_kmsg *m)
{
    struct dr_err err = {0};
    const struct dr_env *env;

    dr_arena_reset(t->arena);
    env = dr_wire_unpack(t->arena, m->value, &err);
    if (!env) {
        unreadable(t, m, &err);
    } else if (memcmp(env->migration, t->svc.migration_id, 16) != 0) {
        dr_log(DR_LOG_ERROR, "transformer.ignored",
               "topic=%s partition=%d offset=%lld: another migration's record",
               t->inputs[m->topic].topic, (int)m->partition,
               (long long)m->offset);
    } else if (pass_step(&t->pass, env, dr_str_z(t->inputs[m->topic].topic),
                         m->partition, m->offset, t->arena, &t->out, &err)) {
        set_aside(t, env, m, &err);
    } else {
        send_out(t);
    }
    (*t->m_records)++;
    t->next[(size_t)m->topic * (size_t)t->svc.partitions +
            (size_t)m->partition] = m->offset + 1;
}

static void run(struct transformer *t)
{
    struct dr_kmsg m;

    while (!dr_stop) {
        int n = 0;

        dr_service_tick(&t->svc, t->consumer ? 0 : 100);
        follow_control(t);
        send_removals(t);
        while (t->consumer && n++ < 500 &&
               dr_consumer_poll(t->consumer, n == 1 ? 50 : 0, &m)) {
            one_message(t, &m);
        }
        (void)dr_producer_poll(t->producer, 0);
        if (t->consumer && dr_mono_ms() >= t->commit_due_ms) {
            flush_and_commit(t);
        }
    }
    end_pass(t);
}

static void open_metrics(struct transformer *t)
{
    static const char help[] = "records by stage and outcome";
    struct dr_metrics *m = t->svc.metrics;

    t->m_records = dr_metric(m, "drover_records_total", "counter", help,
                             "stage=\"transform\",outcome=\"read\"");
    t->m_loads = dr_metric(m, "drover_records_total", "counter", help,
                           "stage=\"transform\",outcome=\"load\"");
    t->m_rejected = dr_metric(m, "drover_records_total", "counter", help,
                              "stage=\"transform\",outcome=\"rejected\"");
}

static void open_all(struct transformer *t)
{
    struct dr_err err = {0};

    dr_service_topics(&t->svc, NULL, 0);
    dr_topic(&t->svc, t->rejected, "rejected", NULL);
    t->arena = dr_arena_new(RECORD_ARENA);
    t->producer = dr_producer_new(&t->svc.kafka, &err);
    t->control = t->producer ? dr_control_open(&t->svc, &err) : NULL;
    if (!t->control) {
        dr_die(DR_EXIT_FAILURE, "kafka", "%s", err.text);
    }
    (void)dr_control_catch_up(&t->svc, t->control, DR_CONTROL_MS);
}

int main(int argc, char **argv)
{
    static struct transformer t;

    if (argc > 1 && strcmp(argv[1], "--once") == 0) {
        return once(argc, argv);
    }
    t.svc.own_flags =
        "  --once FILE --plan PLAN   (first) print what one record "
        "becomes\n";
    dr_service_init(&t.svc, "transformer", keys, argc, argv);
    open_metrics(&t);
    open_all(&t);
    t.svc.ready = true;
    dr_log(DR_LOG_INFO, "transformer.up", "partitions=%d", t.svc.partitions);
    run(&t);
    dr_control_free(t.control);
    dr_producer_free(t.producer);
    dr_arena_free(t.arena);
    dr_service_done(&t.svc);
    return DR_EXIT_OK;
}
