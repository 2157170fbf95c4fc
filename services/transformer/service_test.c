/*
 * The transformer as a process beside a real broker: nothing without a pass,
 * the sample and no more, then everything, through a kill -9, and on into the
 * tail. Started by tests/support/with_servers.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <drover/base/clock.h>
#include <drover/base/map.h>
#include <drover/crypto/crypto.h>
#include <drover/plan/plan.h>
#include <drover/service/service.h>

#define PARTS 3
#define MARKERS ((size_t)PARTS * PARTS) /* of one lane */
#define RECORDS 20000
#define WAIT_MS 60000

static const char plan_text[] =
    "{\"format\":\"drover-plan/1\",\"scope\":[\"company\",\"sms\",\"no/"
    "topic\"],"
    "\"objects\":[{"
    "\"object\":\"company\",\"target_type\":\"sales_accounts\",\"lane\":"
    "\"account\",\"fields\":[]},{\"object\":\"sms\",\"target_type\":"
    "\"sales_activities\",\"lane\":\"activity\",\"fields\":[]},{\"object\":"
    "\"no/topic\",\"target_type\":\"sales_activities\",\"lane\":\"activity\","
    "\"fields\":[]}],\"owners\":{\"map\":{\"o\":\"5\"}}}";

static char bin_dir[512], conf[256];
static struct dr_service svc;
static struct dr_producer *producer;
static struct dr_reader *reader; /* of load.account, load.link */
static struct dr_arena *arena;
static pid_t child;

/* What arrived so far, pass by pass. */
static struct seen {
    size_t loads, markers, orphans, link_markers;
    struct dr_map *keys; /* "pass key" -> content hash */
} seen[4];
static size_t messages; /* activities of a kind that nobody knew */
static size_t removals;
static size_t unreadable; /* rejected for what a message of Kafka holds */

static void send(const char *stage, const char *object, int32_t partition,
                 const char *key, struct dr_env *env)
{
    char topic[DR_TOPIC_MAX];

    dr_service_send(&svc, producer, dr_topic(&svc, topic, stage, object),
                    partition, dr_str_z(key), env, NULL, NULL);
}

static void send_company(int i, uint64_t rev, enum dr_origin origin)
{
    struct dr_env env = {.kind = DR_MSG_SOURCE};
    char id[24], body[128];

    (void)snprintf(id, sizeof(id), "c%d", i);
    (void)snprintf(
        body, sizeof(body),
        "{\"owner_id\":\"o\",\"properties\":{\"name\":\"Company %d\"}}", i);
    env.u.source = (struct dr_source){.object = DR_STR_LIT("company"),
                                      .id = dr_str_z(id),
                                      .rev = rev,
                                      .op = DR_SRC_UPSERT,
                                      .origin = origin,
                                      .body = dr_str_z(body)};
    send("source", "company", dr_partition(dr_str_z(id), PARTS), id, &env);
}

/* A kind of activity whose topic nobody had made before the plan named it. */
static void send_sms(const char *id)
{
    struct dr_assoc to = {.pair = DR_STR_LIT("sms_contact"),
                          .to_id = DR_STR_LIT("p1")};
    struct dr_env env = {.kind = DR_MSG_SOURCE};

    env.u.source = (struct dr_source){
        .object = DR_STR_LIT("sms"),
        .id = dr_str_z(id),
        .rev = 1,
        .op = DR_SRC_UPSERT,
        .origin = DR_ORIGIN_TAIL,
        .assocs = &to,
        .assoc_count = 1,
        .body = DR_STR_LIT("{\"owner_id\":\"o\",\"created_at\":"
                           "\"2024-01-01T00:00:00Z\",\"properties\":{}}")};
    send("source", "sms", dr_partition(dr_str_z(id), PARTS), id, &env);
}

static void send_removal(void)
{
    struct dr_removal item = {DR_STR_LIT("company"), DR_STR_LIT("c7"), 9};
    struct dr_env env = {.kind = DR_MSG_REMOVALS};

    env.u.removals = (struct dr_removals){1, &item, 1};
    send("control", NULL, 0, "removals:1", &env);
}

/* What is no record: damaged, empty, and a tombstone of compaction. */
static void send_garbage(void)
{
    static const char topic_key[] = "co\0_nul";
    struct dr_str keys[] = {DR_STR_LIT("c_damaged"),
                            {topic_key, sizeof(topic_key) - 1},
                            DR_STR_LIT("c_gone")};
    struct dr_str values[] = {
        DR_STR_LIT("\xff\xfe not protobuf"), DR_STR_LIT(""), {NULL, 0}};
    char topic[DR_TOPIC_MAX];

    dr_topic(&svc, topic, "source", "company");
    for (size_t i = 0; i < DR_ARRAY_LEN(keys); i++) {
        dr_producer_send(producer, topic, 0, keys[i], values[i], NULL, NULL);
    }
}

static void send_markers(void)
{
    for (int32_t p = 0; p < PARTS; p++) {
        struct dr_env env = {.kind = DR_MSG_MARKER};
        env.u.marker = (struct dr_marker){.object = DR_STR_LIT("company"),
                                          .partition = (uint32_t)p,
                                          .epoch = 1};
        send("source", "company", p, "#marker", &env);
    }
}

static void send_plan(uint8_t hash[32])
{
    struct dr_err err = {0};
    struct dr_plan *p = dr_plan_parse(dr_str_z(plan_text), &err);
    struct dr_env env = {.kind = DR_MSG_PLAN};

    assert_non_null(p);
    memcpy(hash, dr_plan_hash(p).p, 32);
    dr_plan_free(p);
    env.u.plan = (struct dr_planfile){.hash = {(const char *)hash, 32},
                                      .json = dr_str_z(plan_text)};
    send("control", NULL, 0, "plan", &env);
}

static void send_sample(uint32_t pass)
{
    struct dr_str keys[] = {DR_STR_LIT("company:c1"), DR_STR_LIT("company:c2")};
    struct dr_env env = {.kind = DR_MSG_SAMPLE};

    env.u.sample = (struct dr_sample){
        .pass = pass, .keys = keys, .key_count = DR_ARRAY_LEN(keys)};
    send("control", NULL, 0, "sample", &env);
}

static void send_state(uint32_t pass, const char *scope, const uint8_t hash[32])
{
    static uint64_t seq;
    struct dr_env env = {.kind = DR_MSG_CONTROL};

    env.u.control = (struct dr_control){.seq = ++seq,
                                        .phase = DR_STR_LIT("run"),
                                        .plan_hash = {(const char *)hash, 32},
                                        .pass = pass,
                                        .scope = dr_str_z(scope)};
    send("control", NULL, 0, "state", &env);
}

static void flush(void)
{
    assert_int_equal(dr_producer_flush(producer, WAIT_MS), 0);
}

/* ---- the process ---- */

static void start(void)
{
    char path[600];

    (void)snprintf(path, sizeof(path), "%s/drover-transformer", bin_dir);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)execl(path, path, "--config", conf, (char *)NULL);
        _exit(127);
    }
}

static int stop(int signal)
{
    int status = 0;

    assert_int_equal(kill(child, signal), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    child = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void take_load(struct seen *s, const struct dr_load *l, uint32_t pass)
{
    struct dr_str key = dr_arena_printf(
        arena, "%u " DR_STR_FMT " " DR_STR_FMT " %llu", (unsigned)pass,
        DR_STR_ARG(l->lane), DR_STR_ARG(l->key), (unsigned long long)l->rev);
    struct dr_str *had = dr_map_get(s->keys, key), *copy;

    if (dr_str_eqz(l->key, DR_ORPHAN_KEY)) {
        s->orphans++;
    }
    if (had) { /* sent again: the same bytes again */
        assert_true(dr_str_eq(*had, l->content_hash));
        return;
    }
    copy = dr_arena_alloc(arena, sizeof(*copy));
    assert_non_null(copy);
    *copy = dr_arena_dup(arena, l->content_hash);
    dr_map_put(s->keys, key, copy);
    /* That a company has no parent goes beside it, in the lane link. */
    s->loads +=
        !dr_str_eqz(l->key, DR_ORPHAN_KEY) && dr_str_eqz(l->lane, "account");
}

static void take(const struct dr_kmsg *m)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)8 << 20);
    struct dr_err err = {0};
    const struct dr_env *env = dr_wire_unpack(a, m->value, &err);
    uint32_t pass;

    assert_non_null(env);
    if (m->topic == 2) {
        const struct dr_rejected *r = &env->u.rejected;
        assert_int_equal(env->kind, DR_MSG_REJECTED);
        assert_true(dr_str_eqz(r->class, "unreadable"));
        assert_true(dr_str_eqz(r->object, "company"));
        assert_true(r->id.n > 0 && r->cure.n > 0 && r->offset >= 0);
        unreadable++;
        return;
    }
    if (m->topic == 3) {
        messages +=
            env->kind == DR_MSG_LOAD && dr_str_eqz(env->u.load.key, "sms:s1");
        return;
    }
    if (env->kind == DR_MSG_LOAD && env->u.load.op == DR_LOAD_DELETE) {
        assert_true(dr_str_eqz(env->u.load.key, "company:c7"));
        assert_int_equal(env->u.load.pass, 2);
        removals++;
        return;
    }
    if (env->kind == DR_MSG_LOAD) {
        pass = env->u.load.pass;
        assert_in_range(pass, 1, DR_ARRAY_LEN(seen) - 1);
        assert_int_equal(m->partition, dr_partition(env->u.load.id, PARTS));
        take_load(&seen[pass], &env->u.load, pass);
        return;
    }
    assert_int_equal(env->kind, DR_MSG_MARKER);
    pass = env->u.marker.pass;
    assert_in_range(pass, 1, DR_ARRAY_LEN(seen) - 1);
    seen[pass].markers += m->topic == 0;
    seen[pass].link_markers += m->topic == 1;
}

/* Until so many loads and markers of a pass are there. */
static void wait_for(uint32_t pass, size_t loads, size_t markers)
{
    int64_t due = dr_mono_ms() + WAIT_MS;
    struct dr_kmsg m;

    while (seen[pass].loads < loads || seen[pass].markers < markers ||
           seen[pass].link_markers < markers) {
        if (dr_mono_ms() > due) {
            fail_msg("pass %u: %zu of %zu loads, %zu of %zu markers",
                     (unsigned)pass, seen[pass].loads, loads,
                     seen[pass].markers, markers);
        }
        if (dr_reader_poll(reader, 100, &m)) {
            take(&m);
        }
    }
}

static void wait_for_count(const size_t *what, size_t n, const char *name)
{
    int64_t due = dr_mono_ms() + WAIT_MS;
    struct dr_kmsg m;

    while (*what < n) {
        if (dr_mono_ms() > due) {
            fail_msg("%zu of %zu: %s", *what, n, name);
        }
        if (dr_reader_poll(reader, 100, &m)) {
            take(&m);
        }
    }
}

/* ---- the test ---- */

static void test_passes(void **state)
{
    uint8_t hash[32];

    (void)state;
    for (int i = 0; i < RECORDS; i++) {
        send_company(i, 1, DR_ORIGIN_SNAPSHOT);
    }
    send_markers();
    flush();
    start();
    send_plan(hash);
    send_sample(1);
    send_state(1, "sample", hash);
    flush();
    wait_for(1, 2, MARKERS);
    assert_int_equal(seen[1].loads, 2);
    assert_int_equal(seen[1].orphans, PARTS);

    send_state(2, "all", hash);
    flush();
    wait_for(2, RECORDS / 10, 0);
    assert_int_equal(stop(SIGKILL), -1);
    start();
    wait_for(2, RECORDS, MARKERS);
    assert_int_equal(seen[2].loads, RECORDS);

    send_removal(); /* in the pass that is running */
    flush();
    wait_for_count(&removals, 1, "removals");
    send_sms("s1");
    flush();
    wait_for_count(&messages, 1, "records of a topic that came late");
    send_company(1, 2, DR_ORIGIN_TAIL); /* changed */
    send_company(RECORDS, 1, DR_ORIGIN_TAIL);
    flush();
    wait_for(2, RECORDS + 2, MARKERS);
    assert_int_equal(seen[1].loads, 2); /* the sample stays the sample */
    assert_int_equal(stop(SIGTERM), 0);

    /* what is no record is set aside and stops nobody */
    start();
    send_garbage();
    send_company(RECORDS + 2, 1, DR_ORIGIN_TAIL);
    flush();
    wait_for_count(&unreadable, 3, "messages set aside");
    wait_for(2, RECORDS + 3, MARKERS);
    assert_int_equal(stop(SIGTERM), 0);

    /* nothing is left to do: a further start sends nothing that is new */
    start();
    send_company(RECORDS + 1, 1, DR_ORIGIN_TAIL);
    flush();
    wait_for(2, RECORDS + 4, MARKERS);
    wait_for_count(&removals, 3, "removals, once a start");
    assert_int_equal(seen[2].loads, RECORDS + 4);
    assert_int_equal(unreadable, 3);
    assert_int_equal(stop(SIGTERM), 0);
}

static int open_all(void **state)
{
    static const char *const objects[] = {"company"};
    static char names[4][DR_TOPIC_MAX];
    static const char *topics[] = {names[0], names[1], names[2], names[3]};
    const char *brokers = getenv("DR_BROKERS");
    struct dr_err err = {0};
    FILE *f;

    (void)state;
    if (!brokers) {
        print_error("DR_BROKERS names no broker\n");
        return -1;
    }
    dr_crypto_init();
    svc.name = "test";
    (void)snprintf(svc.id, sizeof(svc.id), "test-0");
    svc.migration = "transformer";
    dr_migration_id(dr_str_z(svc.migration), svc.migration_id);
    svc.partitions = PARTS;
    svc.kafka = (struct dr_kafka_opts){
        .brokers = brokers, .client_id = "test", .linger_ms = 5};
    dr_service_topics(&svc, objects, DR_ARRAY_LEN(objects));
    producer = dr_producer_new(&svc.kafka, &err);
    dr_topic(&svc, names[0], "load", "account");
    dr_topic(&svc, names[1], "load", "link");
    dr_topic(&svc, names[2], "rejected", NULL);
    dr_topic(&svc, names[3], "load", "activity");
    reader = dr_reader_new(&svc.kafka, topics, 4, &err);
    arena = dr_arena_new((size_t)256 << 20);
    (void)snprintf(conf, sizeof(conf), "%s/transformer-test-%d.conf",
                   getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    f = fopen(conf, "we");
    if (!producer || !reader || !f) {
        return -1;
    }
    (void)fprintf(f,
                  "migration = %s\nkafka.brokers = %s\n"
                  "kafka.partitions = %d\n",
                  svc.migration, brokers, PARTS);
    (void)fclose(f);
    for (int t = 0; t < 4; t++) {
        for (int32_t p = 0; p < PARTS; p++) {
            dr_reader_add(reader, t, p, DR_OFFSET_BEGIN);
        }
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(seen); i++) {
        seen[i].keys = dr_map_new(NULL);
    }
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    if (child > 0) {
        (void)stop(SIGKILL);
    }
    (void)unlink(conf);
    for (size_t i = 0; i < DR_ARRAY_LEN(seen); i++) {
        dr_map_free(seen[i].keys);
    }
    dr_reader_free(reader);
    dr_producer_free(producer);
    dr_arena_free(arena);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_passes)};
    char *slash;

    (void)argc;
    (void)snprintf(bin_dir, sizeof(bin_dir), "%s", argv[0]);
    slash = strrchr(bin_dir, '/');
    if (!slash) {
        (void)fprintf(stderr, "start it by its path\n");
        return 2;
    }
    *slash = '\0';
    return cmocka_run_group_tests(tests, open_all, close_all);
}
