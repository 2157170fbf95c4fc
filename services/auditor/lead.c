/*
 * The auditor's word: `control`, which it alone writes, and the decisions of
 * people in `audit`. A word counts when Kafka has it: only then is it acted on
 * or answered.
 */
#include "auditor.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>
#include <drover/json/json.h>

#include "kept.h"

#define FLUSH_MS 30000
#define START_MS 120000
#define PLAN_MAX ((size_t)8 << 20)
#define PLAN_TREE ((size_t)256 << 20)

static void flushed(struct auditor *au)
{
    if (dr_producer_flush(au->producer, FLUSH_MS)) {
        dr_die(DR_EXIT_FAILURE, "kafka",
               "control is not written within %d s: check kafka.brokers and "
               "start again; nothing was decided",
               FLUSH_MS / 1000);
    }
}

/* ---- reading back ---- */

static void read_state(struct auditor *au)
{
    const struct dr_control *c = &dr_control(au->control)->state;
    char phase[16];

    (void)snprintf(phase, sizeof(phase), DR_STR_FMT, DR_STR_ARG(c->phase));
    au->state = (struct state){.seq = c->seq,
                               .phase = phase_of(phase),
                               .paused = c->paused,
                               .has_plan = c->plan_hash.n == 32,
                               .pass = c->pass,
                               .generation = c->generation,
                               .all = dr_str_eqz(c->scope, "all"),
                               .catalog_seq = c->catalog_seq,
                               .profile_check = c->profile_check};
    if (au->state.has_plan) {
        memcpy(au->state.plan_hash, c->plan_hash.p, 32);
    }
    au->approval_count = 0;
    for (size_t i = 0; i < c->approval_count && i < AUDITOR_APPROVALS; i++) {
        (void)snprintf(au->approvals[au->approval_count++], AUDITOR_ASK_MAX,
                       DR_STR_FMT, DR_STR_ARG(c->approvals[i]));
    }
    for (size_t i = 0; i < c->open_lane_count; i++) {
        int lane = dr_lane_index(c->open_lanes[i]);
        if (lane >= 0) {
            au->state.open[lane] = true;
        }
    }
}

/* Bytes of larger files than the plan uploads are not even fetched. */
static uint64_t file_limit(struct dr_str plan)
{
    struct dr_json_limits limits = {.max_bytes = PLAN_MAX,
                                    .max_nodes = 4000000};
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(PLAN_TREE);
    const struct dr_json *j = dr_json_parse(a, plan, &limits, NULL);
    int64_t n = dr_json_get_i64(dr_json_get(j, "files"), "max_bytes", 0);

    DR_JSON_EACH(o, dr_json_get(j, "scope"))
    {
        if (dr_str_eqz(dr_json_str(o), "attachment") && n > 0) {
            return (uint64_t)n;
        }
    }
    return 0;
}

void lead_take(struct auditor *au)
{
    const struct dr_control_view *v = dr_control(au->control);
    struct dr_err err = {0};

    dr_plan_free(au->plan);
    dr_map_free(au->sample);
    au->plan = NULL;
    au->sample = NULL;
    au->file_limit = file_limit(v->plan_json);
    if (v->plan_json.n > 0) {
        au->plan = dr_plan_parse(v->plan_json, &err);
        if (!au->plan) {
            dr_die(DR_EXIT_REFUSED, "plan", "the plan in control: %s",
                   err.text);
        }
    }
    if (v->sample.key_count > 0) {
        au->sample = dr_map_new(NULL);
        for (size_t i = 0; i < v->sample.key_count; i++) {
            dr_map_put(au->sample, v->sample.keys[i], au);
        }
    }
}

/* Until control shows what was written, or all that there is at the start. */
static void follow(struct auditor *au, uint64_t seq)
{
    int64_t until = dr_mono_ms() + START_MS;

    for (;;) {
        (void)dr_control_poll(au->control);
        if (dr_control(au->control)->caught_up &&
            dr_control(au->control)->state.seq >= seq) {
            return;
        }
        if (dr_stop) {
            return;
        }
        if (dr_mono_ms() > until) {
            dr_die(DR_EXIT_FAILURE, "kafka",
                   "control cannot be read to its end: check kafka.brokers");
        }
        dr_service_tick(au->svc, 10);
    }
}

void lead_open(struct auditor *au)
{
    struct dr_err err = {0};

    dr_topic(au->svc, au->control_topic, "control", NULL);
    dr_topic(au->svc, au->audit_topic, "audit", NULL);
    au->producer = dr_producer_new(&au->svc->kafka, &err);
    au->control = au->producer ? dr_control_open(au->svc, &err) : NULL;
    if (!au->control) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
    }
    follow(au, 0);
    read_state(au);
    lead_take(au);
}

/* ---- keeping ---- */

bool lead_keep(struct auditor *au, const char *name, struct dr_str text)
{
    struct dr_env env = {.kind = DR_MSG_CATALOG};
    char key[128], word[KEPT_WORD];
    struct dr_str fits = kept_fit(name, text, word);

    books_keep(au->books, name, text);
    if (fits.p != text.p) {
        dr_log(DR_LOG_WARN, "auditor.kept",
               "%s is larger than 7 MiB: it is lost with the books", name);
    }
    env.u.catalog = (struct dr_catalog){
        .side = DR_STR_LIT("kept"), .name = dr_str_z(name), .json = fits};
    (void)snprintf(key, sizeof(key), "kept:%s", name);
    dr_service_send(au->svc, au->producer, au->catalog_topic, 0, dr_str_z(key),
                    &env, NULL, NULL);
    return fits.p == text.p;
}

/* ---- writing ---- */

static void send_control(struct auditor *au, const char *key,
                         struct dr_env *env)
{
    dr_service_send(au->svc, au->producer, au->control_topic, 0, dr_str_z(key),
                    env, NULL, NULL);
}

static void hash_decision(const struct dr_audit_entry *e, uint8_t out[32])
{
    struct dr_hash h;

    dr_hash_init(&h);
    dr_hash_u64(&h, e->seq);
    dr_hash_u64(&h, (uint64_t)e->wall_ms);
    dr_hash_part(&h, e->actor);
    dr_hash_part(&h, e->operation);
    dr_hash_part(&h, e->plan_hash);
    dr_hash_part(&h, e->prev);
    dr_hash_final(&h, out);
}

/* After a start: the chain goes on where the topic ends. */
static void find_last_decision(struct auditor *au)
{
    struct query *q = db_query(books_db(au->books),
                               "SELECT seq, at_ms, actor, operation, plan, prev"
                               " FROM decision ORDER BY seq DESC LIMIT 1");

    if (au->decisions == 0 && db_step(q)) {
        struct dr_audit_entry e = {.seq = (uint64_t)db_col_int(q, 0),
                                   .wall_ms = db_col_int(q, 1),
                                   .actor = db_col(q, 2),
                                   .operation = db_col(q, 3),
                                   .plan_hash = db_col(q, 4),
                                   .prev = db_col(q, 5)};
        hash_decision(&e, au->last_decision);
        au->decisions = e.seq;
        db_end(q);
    }
}

/* Each entry holds the hash of the one before: a decision that was taken out
 * or changed later shows. */
static void write_decision(struct auditor *au, const char *operation,
                           struct dr_str by)
{
    struct dr_env env = {.kind = DR_MSG_AUDIT};
    uint8_t prev[32];
    char key[32];

    find_last_decision(au);
    memcpy(prev, au->last_decision, sizeof(prev));
    env.u.audit = (struct dr_audit_entry){
        .seq = ++au->decisions,
        .wall_ms = dr_wall_ms(),
        .actor = by,
        .operation = dr_str_z(operation),
        .status = (int32_t)au->state.pass,
        .plan_hash = {(const char *)au->state.plan_hash,
                      au->state.has_plan ? 32 : 0},
        .prev = {(const char *)prev, au->decisions > 1 ? 32 : 0}};
    (void)snprintf(key, sizeof(key), "decision:%llu",
                   (unsigned long long)au->decisions);
    dr_service_send(au->svc, au->producer, au->audit_topic, 0, dr_str_z(key),
                    &env, NULL, NULL);
    hash_decision(&env.u.audit, au->last_decision);
}

void lead_publish(struct auditor *au, const char *operation, struct dr_str by)
{
    struct dr_env env = {.kind = DR_MSG_CONTROL};
    struct dr_str open[GATE_LANES], approvals[AUDITOR_APPROVALS];
    struct state *s = &au->state;
    size_t n = 0;

    for (int i = 0; i < GATE_LANES; i++) {
        if (s->open[i]) {
            open[n++] = dr_str_z(dr_lanes[i]);
        }
    }
    for (size_t i = 0; i < au->approval_count; i++) {
        approvals[i] = dr_str_z(au->approvals[i]);
    }
    s->seq++;
    env.u.control = (struct dr_control){
        .seq = s->seq,
        .phase = dr_str_z(phase_name(s->phase)),
        .paused = s->paused,
        .plan_hash = {(const char *)s->plan_hash, s->has_plan ? 32 : 0},
        .pass = s->pass,
        .scope = dr_str_z(s->pass == 0 ? ""
                          : s->all     ? "all"
                                       : "sample"),
        .open_lanes = open,
        .open_lane_count = n,
        .catalog_seq = s->catalog_seq,
        .generation = s->generation,
        .approvals = approvals,
        .approval_count = au->approval_count,
        .file_limit = au->file_limit,
        .profile_check = s->profile_check};
    if (operation) {
        write_decision(au, operation, by);
    }
    send_control(au, "state", &env);
    flushed(au);
    follow(au, s->seq);
    dr_log(DR_LOG_INFO, "auditor.control",
           "seq=%llu phase=%s pass=%u lanes=%zu by=%s",
           (unsigned long long)s->seq, phase_name(s->phase), (unsigned)s->pass,
           n, operation ? operation : "watch");
}

void lead_plan(struct auditor *au, struct dr_str hash, struct dr_str json)
{
    struct dr_env env = {.kind = DR_MSG_PLAN};
    char hex[65], key[80];

    env.u.plan = (struct dr_planfile){.hash = hash, .json = json};
    dr_hex(hash.p, hash.n, hex);
    (void)snprintf(key, sizeof(key), "plan:%s", hex);
    send_control(au, key, &env);
    flushed(au);
    /* The state that approves it says it too: no later word is waited for. */
    au->file_limit = file_limit(json);
}

void lead_sample(struct auditor *au, const struct dr_str *keys, size_t n)
{
    struct dr_env env = {.kind = DR_MSG_SAMPLE};
    char key[32];

    env.u.sample = (struct dr_sample){
        .pass = au->state.pass + 1, .keys = keys, .key_count = n};
    (void)snprintf(key, sizeof(key), "sample:%u", (unsigned)env.u.sample.pass);
    send_control(au, key, &env);
    flushed(au);
}

void lead_removals(struct auditor *au, const struct dr_removal *v, size_t n,
                   struct dr_str by)
{
    struct dr_env env = {.kind = DR_MSG_REMOVALS};
    uint64_t seq = dr_control(au->control)->removal_count + 1;
    char key[48], operation[64];

    env.u.removals = (struct dr_removals){seq, v, n};
    (void)snprintf(key, sizeof(key), "removals:%llu", (unsigned long long)seq);
    (void)snprintf(operation, sizeof(operation), "removals:%zu", n);
    send_control(au, key, &env);
    /* The state behind it: whoever follows control has seen the list then. */
    lead_publish(au, operation, by);
}
