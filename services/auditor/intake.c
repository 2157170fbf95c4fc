/*
 * From Kafka into the books. A batch of messages and the positions behind it
 * are one transaction: whatever dies, a message counts once.
 */
#include "auditor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/base/time.h>
#include <drover/json/json.h>

#include "facts.h"

#define BATCH 2000
#define BATCH_MS 200
#define LAG_EVERY_MS 500
#define ENDS_MS 5000

/* The topics of the reader, in this order; each lane's three after them. */
enum { TOPIC_AUDIT, TOPIC_REJECTED, TOPICS_BEFORE_LANES };
static const char *const laned[] = {"load", "ledger", "landed"};
enum { STAGE_LOAD, STAGE_LEDGER, STAGE_LANDED, STAGES };

/* ---- opening ---- */

static size_t parts(const struct auditor *au)
{
    return (size_t)au->svc->partitions;
}

static size_t lane_of(size_t topic)
{
    return (topic - TOPICS_BEFORE_LANES) % AUDITOR_LANES;
}

static void add_position(struct auditor *au, struct dr_reader *r, int topic,
                         const char *name, int32_t part)
{
    int64_t at = books_position(au->books, dr_str_z(name), part);

    dr_reader_add(r, topic, part, at > 0 ? at : DR_OFFSET_BEGIN);
}

static void open_fold(struct auditor *au, size_t topic, int32_t part)
{
    size_t i = lane_of(topic) * parts(au) + (size_t)part;
    struct dr_fold_place at;

    books_place(au->books, dr_str_z(au->topics[topic]), part, &at);
    au->folds[i] = dr_fold_resume_at(&at);
}

static void name_topics(struct auditor *au)
{
    au->topic_count = TOPICS_BEFORE_LANES + STAGES * AUDITOR_LANES;
    au->topics = dr_xcalloc(au->topic_count, sizeof(*au->topics));
    dr_topic(au->svc, au->topics[TOPIC_AUDIT], "audit", NULL);
    dr_topic(au->svc, au->topics[TOPIC_REJECTED], "rejected", NULL);
    for (size_t s = 0; s < STAGES; s++) {
        for (size_t l = 0; l < AUDITOR_LANES; l++) {
            dr_topic(au->svc,
                     au->topics[TOPICS_BEFORE_LANES + s * AUDITOR_LANES + l],
                     laned[s], dr_lanes[l]);
        }
    }
}

static struct dr_reader *reader_of(struct auditor *au, const char *const *names,
                                   size_t n)
{
    struct dr_err err = {0};
    struct dr_reader *r = dr_reader_new(&au->svc->kafka, names, n, &err);

    if (!r) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
    }
    return r;
}

void intake_open(struct auditor *au)
{
    const char *names[TOPICS_BEFORE_LANES + STAGES * AUDITOR_LANES];
    const char *catalog[1];

    DR_ASSERT(dr_lane_count == AUDITOR_LANES);
    name_topics(au);
    for (size_t t = 0; t < au->topic_count; t++) {
        names[t] = au->topics[t];
    }
    au->folds = dr_xcalloc(AUDITOR_LANES * parts(au), sizeof(*au->folds));
    au->reader = reader_of(au, names, au->topic_count);
    for (size_t t = 0; t < au->topic_count; t++) {
        for (int32_t p = 0; p < au->svc->partitions; p++) {
            if (t >= TOPICS_BEFORE_LANES + AUDITOR_LANES &&
                t < TOPICS_BEFORE_LANES + 2 * AUDITOR_LANES) {
                open_fold(au, t, p);
            }
            add_position(au, au->reader, (int)t, au->topics[t], p);
        }
    }
    dr_topic(au->svc, au->catalog_topic, "catalog", NULL);
    catalog[0] = au->catalog_topic;
    au->catalog = reader_of(au, catalog, 1);
    add_position(au, au->catalog, 0, au->catalog_topic, 0);
    au->loader_heard_ms = dr_mono_ms(); /* what was before is not known */
}

void intake_close(struct auditor *au)
{
    dr_reader_free(au->reader);
    dr_reader_free(au->catalog);
    dr_reader_free(au->sources);
    for (size_t i = 0; i < AUDITOR_LANES * parts(au); i++) {
        dr_fold_free(au->folds[i]);
    }
    free(au->folds);
    free(au->topics);
}

/* The objects are known once the extractor has published the schema. */
static void open_sources(struct auditor *au)
{
    const struct dr_json *schema;
    const char *names[AUDITOR_OBJECTS], *topics[AUDITOR_OBJECTS];
    size_t n = 0;

    dr_arena_reset(au->arena);
    schema = dr_json_parse(
        au->arena, books_catalog_text(au->books, "source", "schema", au->arena),
        NULL, NULL);
    if (!schema) {
        return;
    }
    DR_JSON_EACH(o, dr_json_get(schema, "objects"))
    {
        struct dr_str type = dr_json_get_str(o, "type");
        if (n + 1 < AUDITOR_OBJECTS && type.n > 0 &&
            type.n < sizeof(au->object_names[0])) {
            (void)snprintf(au->object_names[n++], sizeof(au->object_names[0]),
                           DR_STR_FMT, DR_STR_ARG(type));
        }
    }
    (void)snprintf(au->object_names[n++], sizeof(au->object_names[0]), "event");
    au->object_count = n;
    for (size_t i = 0; i < n; i++) {
        names[i] = au->object_names[i];
        topics[i] = dr_topic(au->svc, au->source_topics[i], "source", names[i]);
    }
    dr_service_topics(au->svc, names, n);
    au->sources = reader_of(au, topics, n);
    for (size_t t = 0; t < n; t++) {
        for (int32_t p = 0; p < au->svc->partitions; p++) {
            add_position(au, au->sources, (int)t, topics[t], p);
        }
    }
}

/* ---- one message ---- */

static void take_ledger(struct auditor *au, size_t lane,
                        const struct dr_env *env, const struct dr_kmsg *m)
{
    struct dr_fold *f = au->folds[lane * parts(au) + (size_t)m->partition];
    struct dr_folded out = {0};
    struct dr_str name = dr_str_z(dr_lanes[lane]);
    struct fact_row row;

    dr_fold_accept(f, env, m->offset, &out);
    if (out.what != DR_FOLD_FACT) {
        return;
    }
    if (env->kind == DR_MSG_DELETED) {
        books_fact_deleted(au->books, name, env->u.deleted.key,
                           env->u.deleted.how);
        return;
    }
    row = facts_row(name, &out.fact, env);
    books_fact(au->books, &row);
}

static int64_t updated_of(struct auditor *au, struct dr_str body)
{
    const struct dr_json *j = dr_json_parse(au->arena, body, NULL, NULL);
    int64_t ms = 0;

    return dr_time_parse(dr_json_get_str(j, "updated_at"), &ms, NULL) ? 0 : ms;
}

static void take_load(struct auditor *au, size_t lane, const struct dr_env *env,
                      const struct dr_kmsg *m)
{
    struct dr_str name = dr_str_z(dr_lanes[lane]);

    if (env->kind == DR_MSG_MARKER) {
        books_marker(au->books, name, m->partition, &env->u.marker, m->offset);
    } else if (env->kind == DR_MSG_LOAD &&
               !dr_plan_is_leftover(&env->u.load)) { /* mostly of nothing */
        books_planned(au->books, name, env->u.load.key, env->u.load.pass);
    }
}

static void take_audit(struct auditor *au, const struct dr_env *env)
{
    if (env->kind == DR_MSG_AUDIT) {
        books_decision(au->books, &env->u.audit);
    }
}

static void take(struct auditor *au, size_t topic, const struct dr_env *env,
                 const struct dr_kmsg *m)
{
    if (topic == TOPIC_AUDIT) {
        take_audit(au, env);
    } else if (topic == TOPIC_REJECTED) {
        bool partial = env->kind == DR_MSG_REJECTED && env->u.rejected.partial;
        if (partial && dr_str_eqz(env->u.rejected.stage, "load")) {
            books_conflict(au->books, &env->u.rejected, m->timestamp_ms);
        } else if (env->kind == DR_MSG_REJECTED && !partial) {
            books_reject(au->books, &env->u.rejected, m->timestamp_ms);
            au->unreadable = true;
        }
    } else if (topic < TOPICS_BEFORE_LANES + AUDITOR_LANES) {
        take_load(au, lane_of(topic), env, m);
    } else if (topic < TOPICS_BEFORE_LANES + 2 * AUDITOR_LANES) {
        take_ledger(au, lane_of(topic), env, m);
    } else if (env->kind == DR_MSG_LANDED) {
        books_landed(au->books, &env->u.landed, m->timestamp_ms,
                     updated_of(au, env->u.landed.body));
    }
}

/* Sizes are known before bytes move: what is still to come can be told. */
static void take_file(struct auditor *au, const struct dr_source *s)
{
    const struct dr_json *body = dr_json_parse(au->arena, s->body, NULL, NULL);
    struct dr_str text =
        dr_json_scalar(dr_json_get(dr_json_get(body, "properties"), "size"));
    int64_t size;

    if (dr_str_i64(text, &size) || size < 0) {
        size = -1;
    }
    books_file(au->books, s->id, s->rev, size);
}

static void take_source(struct auditor *au, const struct dr_env *env,
                        const struct dr_kmsg *m)
{
    if (env->kind == DR_MSG_SOURCE) {
        books_source(au->books, &env->u.source, m->value, m->timestamp_ms);
        if (dr_str_eqz(env->u.source.object, "attachment")) {
            take_file(au, &env->u.source);
        }
    } else if (env->kind == DR_MSG_MARKER) {
        books_marker(au->books, (struct dr_str){"", 0}, m->partition,
                     &env->u.marker, m->offset);
    }
}

/* NULL: nothing of ours. Logged once here; the transformer and the loader
 * have set the message aside already. */
static const struct dr_env *unpack(struct auditor *au, const struct dr_kmsg *m,
                                   const char *topic)
{
    struct dr_err err = {0};
    const struct dr_env *env;

    if (!m->value.p) {
        return NULL;
    }
    dr_arena_reset(au->arena);
    env = dr_wire_unpack(au->arena, m->value, &err);
    if (env && memcmp(env->migration, au->svc->migration_id, 16) == 0) {
        return env;
    }
    dr_log(DR_LOG_WARN, "auditor.ignored",
           "topic=%s partition=%d offset=%lld "
           "%s",
           topic, (int)m->partition, (long long)m->offset,
           env ? "another migration's" : err.text);
    return NULL;
}

/* A ledger is read again from its oldest open INTENT, so that the fold of the
 * next start knows what a refusal refers to. */
static void save_position(struct auditor *au, size_t topic,
                          const struct dr_kmsg *m)
{
    struct dr_fold_place at = {.offset = m->offset + 1};

    if (topic >= TOPICS_BEFORE_LANES + AUDITOR_LANES &&
        topic < TOPICS_BEFORE_LANES + 2 * AUDITOR_LANES) {
        const struct dr_fold *f =
            au->folds[lane_of(topic) * parts(au) + (size_t)m->partition];
        int64_t next = at.offset; /* also of what nobody could read */
        dr_fold_place(f, &at);
        at.offset = dr_fold_oldest(f) < 0 ? next : at.offset;
    }
    books_set_place(au->books, dr_str_z(au->topics[topic]), m->partition, &at);
}

/* ---- a batch ---- */

static int read_main(struct auditor *au, int64_t until)
{
    const struct dr_env *env;
    struct dr_kmsg m;
    int n = 0;

    while (n < BATCH && dr_mono_ms() < until &&
           dr_reader_poll(au->reader, 0, &m)) {
        n++;
        env = unpack(au, &m, au->topics[m.topic]);
        if (env) {
            take(au, (size_t)m.topic, env, &m);
        }
        save_position(au, (size_t)m.topic, &m);
    }
    return n;
}

static int read_sources(struct auditor *au, int64_t until)
{
    const struct dr_env *env;
    struct dr_kmsg m;
    int n = 0;

    while (au->sources && n < BATCH && dr_mono_ms() < until &&
           dr_reader_poll(au->sources, 0, &m)) {
        n++;
        env = unpack(au, &m, au->source_topics[m.topic]);
        if (env) {
            take_source(au, env, &m);
        }
        books_set_position(au->books, dr_str_z(au->source_topics[m.topic]),
                           m.partition, m.offset + 1);
    }
    return n;
}

static void hear(struct auditor *au, const struct dr_catalog *c)
{
    if (dr_str_eqz(c->side, "status") &&
        dr_str_starts(c->name, DR_STR_LIT("loader:"))) {
        au->loader_heard_ms = dr_mono_ms();
    }
}

static int read_catalog(struct auditor *au)
{
    const struct dr_env *env;
    struct dr_kmsg m;
    int n = 0;

    while (n < BATCH && dr_reader_poll(au->catalog, 0, &m)) {
        n++;
        env = unpack(au, &m, au->catalog_topic);
        if (env && env->kind == DR_MSG_CATALOG) {
            books_catalog(au->books, &env->u.catalog);
            hear(au, &env->u.catalog);
        }
        books_set_position(au->books, dr_str_z(au->catalog_topic), m.partition,
                           m.offset + 1);
    }
    return n;
}

/* ---- how far behind ---- */

static bool add_lag(struct auditor *au, struct dr_reader *r,
                    const char (*names)[DR_TOPIC_MAX], size_t n, int64_t *lag)
{
    int64_t *ends = dr_xcalloc(n * parts(au), sizeof(*ends));
    struct dr_err err = {0};
    bool ok = dr_reader_ends(r, au->svc->partitions, ENDS_MS, ends, &err) == 0;

    for (size_t i = 0; ok && i < n * parts(au); i++) {
        int64_t at = books_position(au->books, dr_str_z(names[i / parts(au)]),
                                    (int32_t)(i % parts(au)));
        *lag += ends[i] > at ? ends[i] - at : 0;
    }
    free(ends);
    return ok;
}

static bool add_catalog_lag(struct auditor *au, int64_t *lag)
{
    struct dr_err err = {0};
    int64_t at = books_position(au->books, dr_str_z(au->catalog_topic), 0);
    int64_t end;

    if (dr_reader_end(au->catalog, 0, 0, ENDS_MS, &end, &err)) {
        return false;
    }
    *lag += end > at ? end - at : 0;
    return true;
}

/* An open INTENT keeps its ledger's position back; it is no lag of ours. */
static int64_t open_intents(const struct auditor *au)
{
    int64_t n = 0;

    for (size_t i = 0; i < AUDITOR_LANES * parts(au); i++) {
        int64_t oldest = dr_fold_oldest(au->folds[i]);
        if (oldest >= 0) {
            n += dr_fold_offset(au->folds[i]) + 1 - oldest;
        }
    }
    return n;
}

static void measure(struct auditor *au)
{
    int64_t now = dr_mono_ms(), lag = 0;
    bool ok;

    if (now < au->lag_due_ms) {
        return;
    }
    au->lag_due_ms = now + LAG_EVERY_MS;
    ok = add_lag(au, au->reader, (const char(*)[DR_TOPIC_MAX])au->topics,
                 au->topic_count, &lag);
    ok = ok && add_catalog_lag(au, &lag);
    if (ok && au->sources) {
        ok = add_lag(au, au->sources,
                     (const char(*)[DR_TOPIC_MAX])au->source_topics,
                     au->object_count, &lag);
    }
    if (ok) {
        lag -= open_intents(au);
        au->lag = lag > 0 ? lag : 0;
        au->caught_up |= au->lag == 0;
    }
}

bool intake_step(struct auditor *au)
{
    int64_t until = dr_mono_ms() + BATCH_MS;
    int n;

    books_begin(au->books);
    n = read_catalog(au);
    n += read_sources(au, until);
    n += read_main(au, until);
    books_commit(au->books);
    if (!au->sources) {
        open_sources(au);
    }
    measure(au);
    return n > 0;
}

void intake_catch_up(struct auditor *au, int limit_ms)
{
    int64_t until = dr_mono_ms() + limit_ms;

    do {
        bool busy = intake_step(au);
        if (!busy) {
            au->lag_due_ms = 0;
            measure(au);
            dr_service_tick(au->svc, 5);
        }
    } while (!dr_stop && au->lag > 0 && dr_mono_ms() < until);
}
