/*
 * Watching: the evidence for the gates, and the next lane. A lane's partition
 * is complete when the markers of all objects that feed it have arrived and
 * the loaders have settled everything up to the last of them.
 */
#include "auditor.h"
#include "relink.h"
#include "removals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/json/json.h>

#define WATCH_MS 250
#define ASK_MS 5000
/* A loader says something every second, and hangs on a slow broker for some. */
#define SILENT_MS 30000

bool watch_feeds(const struct auditor *au, const char *lane,
                 struct dr_str object)
{
    struct dr_str lanes[4];
    size_t n = au->plan && dr_plan_in_scope(au->plan, object)
                   ? dr_plan_lanes_of(au->plan, object, lanes)
                   : 0;

    for (size_t i = 0; i < n; i++) {
        if (dr_str_eqz(lanes[i], lane)) {
            return true;
        }
    }
    return false;
}

static int feeders(const struct auditor *au, const char *lane)
{
    int n = 0;

    for (size_t i = 0; i < au->object_count; i++) {
        n += watch_feeds(au, lane, dr_str_z(au->object_names[i]));
    }
    return n;
}

/* ---- what the services say of themselves ---- */

static const struct dr_json *catalog(struct auditor *au, const char *side,
                                     const char *name)
{
    return dr_json_parse(au->arena,
                         books_catalog_text(au->books, side, name, au->arena),
                         NULL, NULL);
}

static void see_source(struct auditor *au)
{
    struct query *q =
        db_query(books_db(au->books),
                 "SELECT count(*) FROM marker WHERE lane='' AND pass=0");
    struct evidence *e = &au->evidence;
    const struct dr_json *status;
    struct dr_str halted;

    e->snapshot_complete =
        au->object_count > 0 &&
        db_one(q) >= (int64_t)au->object_count * au->svc->partitions;
    status = dr_json_parse(au->arena, books_extractor(au->books, au->arena),
                           NULL, NULL);
    e->source_catalog = au->sources != NULL;
    e->frozen = dr_json_true(dr_json_get(status, "swept")) &&
                dr_str_eqz(dr_json_get_str(status, "phase"), "frozen");
    halted = dr_json_get_str(status, "halted");
    (void)snprintf(au->halted, sizeof(au->halted), DR_STR_FMT,
                   DR_STR_ARG(halted));
    e->halted = au->halted;
}

static void see_target(struct auditor *au)
{
    const struct dr_json *account = catalog(au, "target", "account");
    const struct dr_json *existing = catalog(au, "target", "existing");
    int64_t seq = dr_json_get_i64(account, "catalog_seq", 0);

    au->catalog_read = seq;
    au->evidence.target_catalog =
        account && (uint64_t)seq >= au->state.catalog_seq;
    au->evidence.survey_complete =
        dr_json_true(dr_json_get(existing, "complete"));
}

/* A lane that any loader has halted: only a person can help. */
static void see_halts(struct auditor *au)
{
    struct query *q = db_query(books_db(au->books),
                               "SELECT body FROM text WHERE side='status'"
                               " AND name LIKE 'loader:%'");

    au->stands_still[0] = '\0';
    while (db_step(q)) {
        const struct dr_json *s = dr_json_parse(
            au->arena, dr_arena_dup(au->arena, db_col(q, 0)), NULL, NULL);
        DR_JSON_EACH(lane, dr_json_get(s, "lanes"))
        {
            if (dr_json_true(dr_json_get(lane, "halted"))) {
                (void)snprintf(au->stands_still, sizeof(au->stands_still),
                               DR_STR_FMT, DR_STR_ARG(lane->key));
            }
        }
    }
    au->evidence.stands_still = au->stands_still;
}

/* ---- lanes ---- */

/* As far as we have read ourselves. */
static int64_t lag_of(struct auditor *au, const char *topic,
                      const int64_t *committed)
{
    int64_t lag = 0;

    for (int32_t p = 0; p < au->svc->partitions; p++) {
        int64_t end = books_position(au->books, dr_str_z(topic), p);
        int64_t at = committed[p] > 0 ? committed[p] : 0;
        lag += end > at ? end - at : 0;
    }
    return lag;
}

/* The last marker of a lane's partition; -1: some are missing. */
static int64_t last_marker(struct auditor *au, const char *lane, int32_t part,
                           int want)
{
    struct query *q =
        db_query(books_db(au->books), "SELECT count(*), max(off) FROM marker"
                                      " WHERE lane=?1 AND part=?2 AND pass=?3");
    int64_t at = -1;

    db_textz(q, 1, lane);
    db_int(q, 2, part);
    db_int(q, 3, au->state.pass);
    if (db_step(q)) {
        at = db_col_int(q, 0) >= want ? db_col_int(q, 1) : -1;
        db_end(q);
    }
    return at;
}

static bool ask_loaders(struct auditor *au, int64_t *committed)
{
    const char *topics[GATE_LANES];
    char names[GATE_LANES][DR_TOPIC_MAX], group[128];
    struct dr_err err = {0};

    if (!au->loaders) {
        (void)snprintf(group, sizeof(group), "drover.%s.loader",
                       au->svc->migration);
        au->loaders = dr_group_open(&au->svc->kafka, group, &err);
    }
    for (int i = 0; i < GATE_LANES; i++) {
        topics[i] = dr_topic(au->svc, names[i], "load", dr_lanes[i]);
    }
    if (!au->loaders ||
        dr_group_committed(au->loaders, topics, GATE_LANES, au->svc->partitions,
                           ASK_MS, committed, &err)) {
        dr_log(DR_LOG_WARN, "auditor.watch", "%s", err.text);
        return false;
    }
    return true;
}

static bool lane_complete(struct auditor *au, int lane,
                          const int64_t *committed)
{
    int want = feeders(au, dr_lanes[lane]) * au->svc->partitions;

    for (int32_t p = 0; p < au->svc->partitions; p++) {
        int64_t at = last_marker(au, dr_lanes[lane], p, want);
        if (at < 0 || committed[p] <= at) {
            return false;
        }
    }
    return true;
}

/* What was sent into it by a plan that fed it, and no loader has settled. An
 * open attempt keeps its record there. */
static bool lane_left(struct auditor *au, int lane, const int64_t *committed)
{
    char topic[DR_TOPIC_MAX];

    dr_topic(au->svc, topic, "load", dr_lanes[lane]);
    return lag_of(au, topic, committed) > 0;
}

static void see_lanes(struct auditor *au, const int64_t *committed)
{
    struct evidence *e = &au->evidence;

    e->lanes_complete = au->plan != NULL && au->state.pass > 0;
    for (int i = 0; i < GATE_LANES; i++) {
        const int64_t *of_lane = committed + i * au->svc->partitions;
        e->lane_fed[i] = feeders(au, dr_lanes[i]) > 0;
        e->lane_left[i] = !e->lane_fed[i] && lane_left(au, i, of_lane);
        e->lane_complete[i] = e->lane_fed[i] && au->state.pass > 0 &&
                              lane_complete(au, i, of_lane);
        e->lanes_complete &=
            e->lane_fed[i] ? e->lane_complete[i] : !e->lane_left[i];
    }
}

/* ---- is anything still on its way? ---- */

static bool ask_transformers(struct auditor *au, const char *const *topics,
                             size_t n, int64_t *committed)
{
    struct dr_err err = {0};
    char group[128];

    if (au->transformers && au->transformers_pass != au->state.pass) {
        dr_group_free(au->transformers);
        au->transformers = NULL;
    }
    if (!au->transformers) {
        (void)snprintf(group, sizeof(group), "drover.%s.transformer.p%u",
                       au->svc->migration, (unsigned)au->state.pass);
        au->transformers = dr_group_open(&au->svc->kafka, group, &err);
        au->transformers_pass = au->state.pass;
    }
    return au->transformers &&
           dr_group_committed(au->transformers, topics, n, au->svc->partitions,
                              ASK_MS, committed, &err) == 0;
}

/* Our own positions are the ends of the topics while our lag is 0. */
static bool transformers_done(struct auditor *au)
{
    const char *topics[AUDITOR_OBJECTS];
    int64_t *committed;
    size_t n = 0;
    bool done;

    for (size_t i = 0; i < au->object_count; i++) {
        struct dr_str name = dr_str_z(au->object_names[i]);
        if (au->plan && dr_plan_in_scope(au->plan, name)) {
            topics[n++] = au->source_topics[i];
        }
    }
    committed =
        dr_xcalloc((n + 1) * (size_t)au->svc->partitions, sizeof(*committed));
    done = n == 0 || ask_transformers(au, topics, n, committed);
    for (size_t i = 0; done && i < n; i++) {
        done = lag_of(au, topics[i],
                      committed + i * (size_t)au->svc->partitions) == 0;
    }
    free(committed);
    return done;
}

static bool loaders_done(struct auditor *au, const int64_t *committed)
{
    char topic[DR_TOPIC_MAX], labels[2 * DR_TOPIC_MAX + 64];
    int64_t all = 0;

    for (int i = 0; i < GATE_LANES; i++) {
        int64_t lag;
        dr_topic(au->svc, topic, "load", dr_lanes[i]);
        lag = lag_of(au, topic, committed + i * au->svc->partitions);
        (void)snprintf(labels, sizeof(labels),
                       "topic=\"%s\",group=\"drover.%s.loader\"", topic,
                       au->svc->migration);
        *dr_metric(au->svc->metrics, "drover_consumer_lag", "gauge",
                   "messages from the committed offset to what the auditor "
                   "has read",
                   labels) = lag;
        all += lag;
    }
    return all == 0;
}

/* The order matters: what the extractor sent before it froze passes the
 * transformer first, then the loader, then the books. */
static void see_drained(struct auditor *au, const int64_t *committed)
{
    bool first = au->lag == 0 && transformers_done(au);
    bool then = loaders_done(au, committed);

    au->evidence.drained = first && then;
}

/* Records of the pass without a terminal state. */
static int64_t count_pending(struct auditor *au)
{
    int64_t n = books_dirty_count(au->books);

    if (au->state.all) {
        n += db_one(db_query(books_db(au->books), "SELECT count(*) FROM record"
                                                  " WHERE state IS NULL"));
        return n;
    }
    if (au->sample) {
        struct query *q;
        struct dr_str key;
        size_t at = 0;
        while (dr_map_next(au->sample, &at, &key, NULL)) {
            struct dr_str id = key;
            struct dr_str object = dr_str_split(&id, ':');
            q = db_query(books_db(au->books),
                         "SELECT count(*) FROM record WHERE src_object=?1"
                         " AND src_id=?2 AND state IS NULL");
            db_text(q, 1, object);
            db_text(q, 2, id);
            n += db_one(q);
        }
    }
    return n;
}

/* Of any lane, and whatever record they were for: what such a request made
 * may stand in the target, and no fact names it. */
static void see_attempts(struct auditor *au)
{
    struct evidence *e = &au->evidence;
    const struct dr_attempt *a;
    struct dr_str key;

    e->attempts = 0;
    for (int i = 0; i < AUDITOR_LANES * au->svc->partitions; i++) {
        const struct dr_fold *f = au->folds[i];
        int64_t n = e->attempts;
        size_t at = 0;
        e->attempts += (int64_t)dr_fold_unsettled_count(f);
        for (; n < GATE_NAMED && dr_fold_next(f, &at, &key, &a); n++) {
            struct dr_str fits = dr_utf8_prefix(key, GATE_KEY - 1);
            e->named[n].lane = dr_lanes[i / au->svc->partitions];
            (void)snprintf(e->named[n].key, GATE_KEY, DR_STR_FMT,
                           DR_STR_ARG(fits));
        }
    }
}

/* The cut-over alone asks for them. */
static void see_removals(struct auditor *au)
{
    struct removal_counts n = {0, 0, 0, 0, 0};

    if (au->state.phase == PHASE_FREEZE) {
        removals_count(au, &n);
    }
    au->evidence.removals = n.proposed;
}

static void measure_rate(struct auditor *au, int64_t now)
{
    struct query *q;

    if (now < au->rate_due_ms) {
        return;
    }
    au->rate_due_ms = now + 1000;
    memmove(au->rate_at + 1, au->rate_at, 10 * sizeof(*au->rate_at));
    memmove(au->rate_n + 1, au->rate_n, 10 * sizeof(*au->rate_n));
    q = db_query(books_db(au->books),
                 "SELECT count(*) FROM fact WHERE pass=?1");
    db_int(q, 1, au->state.pass);
    au->rate_at[0] = now;
    au->rate_n[0] = db_one(q);
}

void watch(struct auditor *au)
{
    int64_t now = dr_mono_ms();
    int64_t *committed;
    struct evidence *e = &au->evidence;

    if (now < au->watch_due_ms) {
        return;
    }
    au->watch_due_ms = now + WATCH_MS;
    dr_arena_reset(au->arena);
    e->books_ready = au->caught_up;
    see_source(au);
    see_target(au);
    see_halts(au);
    e->silent = now - au->loader_heard_ms > SILENT_MS;
    measure_rate(au, now);
    committed = dr_xcalloc((size_t)(GATE_LANES * au->svc->partitions),
                           sizeof(*committed));
    if (au->state.pass > 0 && ask_loaders(au, committed)) {
        see_lanes(au, committed);
        see_drained(au, committed);
        if (e->books_ready && gate_open_lane(&au->state, e)) {
            lead_publish(au, NULL, (struct dr_str){"", 0});
        }
    }
    free(committed);
    e->pending = count_pending(au);
    see_attempts(au);
    see_removals(au);
    e->losses = db_one(
        db_query(books_db(au->books), "SELECT sum(mismatches) FROM verified"));
    relink(au);
    *au->m_lag = au->lag;
    *au->m_pending = e->pending;
    *au->m_mismatches = e->losses;
}

void watch_anew(struct auditor *au)
{
    struct evidence *e = &au->evidence;

    memset(e->lane_complete, 0, sizeof(e->lane_complete));
    e->lanes_complete = false;
    e->drained = false;
    memset(au->rate_at, 0, sizeof(au->rate_at));
    au->watch_due_ms = 0;
}
