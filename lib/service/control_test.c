/* The control reader over a log in memory, and the topics of a migration. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <drover/base/arena.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>
#include <drover/service/service.h>

/* ---- a log in memory instead of lib/kafka ---- */

#define LOG_MAX 32

struct dr_reader {
    int64_t next;
};

volatile sig_atomic_t dr_stop; /* in the place of service.c */

static struct {
    struct dr_buf v[LOG_MAX];
    bool gone[LOG_MAX]; /* tombstone */
    int64_t n;
    bool away;  /* the broker does not answer */
    bool stuck; /* it does, and gives nothing */
} store;

/* Calls that the waits made meanwhile; at this one somebody asks to stop. */
static int ticks, stop_at, flushes_left;

void dr_service_tick(struct dr_service *s, int timeout_ms)
{
    (void)s;
    (void)timeout_ms;
    dr_stop = ++ticks == stop_at ? 1 : dr_stop;
}

int dr_producer_flush(struct dr_producer *p, int timeout_ms)
{
    (void)p;
    assert_true(timeout_ms > 0);
    return flushes_left == 0 || --flushes_left == 0 ? 0 : -1;
}

static struct {
    char name[64][DR_TOPIC_MAX];
    int partitions[64];
    bool compact[64];
    size_t n;
} made;

struct dr_reader *dr_reader_new(const struct dr_kafka_opts *o,
                                const char *const *topics, size_t topic_count,
                                struct dr_err *err)
{
    (void)o;
    (void)err;
    assert_int_equal(topic_count, 1);
    assert_string_equal(topics[0], "drover.m.control");
    return dr_xcalloc(1, sizeof(struct dr_reader));
}

void dr_reader_free(struct dr_reader *r)
{
    free(r);
}

void dr_reader_add(struct dr_reader *r, int topic, int32_t partition,
                   int64_t offset)
{
    assert_int_equal(topic, 0);
    assert_int_equal(partition, 0);
    assert_int_equal(offset, DR_OFFSET_BEGIN);
    r->next = 0;
}

int dr_reader_end(struct dr_reader *r, int topic, int32_t partition,
                  int timeout_ms, int64_t *end_out, struct dr_err *err)
{
    (void)r;
    (void)topic;
    (void)partition;
    assert_true(timeout_ms > 0);
    *end_out = store.n;
    return store.away ? dr_err_set(err, DR_RETRY, 0, "kafka", "no answer") : 0;
}

int dr_reader_poll(struct dr_reader *r, int timeout_ms, struct dr_kmsg *out)
{
    assert_int_equal(timeout_ms, 0);
    if (r->next == store.n || store.stuck) {
        return 0;
    }
    *out = (struct dr_kmsg){.offset = r->next,
                            .key = DR_STR_LIT("k"),
                            .value = dr_buf_view(&store.v[r->next])};
    if (store.gone[r->next]) {
        out->value = (struct dr_str){NULL, 0};
    }
    r->next++;
    return 1;
}

int dr_topics_ensure(const struct dr_kafka_opts *o,
                     const struct dr_topic_spec *specs, size_t n,
                     int timeout_ms, struct dr_err *err)
{
    (void)o;
    (void)err;
    assert_true(timeout_ms > 0 && n <= 64);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(made.name[i], DR_TOPIC_MAX, "%s", specs[i].name);
        made.partitions[i] = specs[i].partitions;
        made.compact[i] = specs[i].compact;
    }
    made.n = n;
    return 0;
}

static struct dr_service svc = {.migration = "m", .partitions = 6};

static void say(struct dr_env *env)
{
    struct dr_buf *b = &store.v[store.n++];

    assert_true(store.n <= LOG_MAX);
    memcpy(env->migration, svc.migration_id, 16);
    dr_buf_init(b, DR_WIRE_MAX);
    assert_int_equal(dr_wire_pack(env, b, NULL), 0);
}

static void say_plan(struct dr_str hash, const char *json)
{
    struct dr_env env = {.kind = DR_MSG_PLAN};

    env.u.plan = (struct dr_planfile){.hash = hash, .json = dr_str_z(json)};
    say(&env);
}

static void say_sample(uint32_t pass, const struct dr_str *keys, size_t n)
{
    struct dr_env env = {.kind = DR_MSG_SAMPLE};

    env.u.sample =
        (struct dr_sample){.pass = pass, .keys = keys, .key_count = n};
    say(&env);
}

static void say_state(uint64_t seq, uint32_t pass, struct dr_str hash)
{
    struct dr_str lanes[] = {DR_STR_LIT("product"), DR_STR_LIT("account")};
    struct dr_env env = {.kind = DR_MSG_CONTROL};

    env.u.control = (struct dr_control){.seq = seq,
                                        .phase = DR_STR_LIT("run"),
                                        .plan_hash = hash,
                                        .pass = pass,
                                        .scope = DR_STR_LIT("sample"),
                                        .open_lanes = lanes,
                                        .open_lane_count = 2};
    say(&env);
}

static int reset(void **state)
{
    (void)state;
    for (int64_t i = 0; i < store.n; i++) {
        dr_buf_done(&store.v[i]);
    }
    memset(&store, 0, sizeof(store));
    ticks = stop_at = flushes_left = 0;
    dr_stop = 0;
    dr_migration_id(dr_str_z(svc.migration), svc.migration_id);
    return 0;
}

#define H1 DR_STR_LIT("11111111111111111111111111111111")
#define H2 DR_STR_LIT("22222222222222222222222222222222")

static void test_before_anything(void **state)
{
    struct dr_control_reader *r = dr_control_open(&svc, NULL);

    (void)state;
    assert_non_null(r);
    assert_true(dr_control(r)->caught_up);
    assert_false(dr_control_poll(r));
    assert_true(dr_str_eqz(dr_control(r)->state.phase, "audit"));
    assert_int_equal(dr_control(r)->state.plan_hash.n, 0);
    dr_control_free(r);
}

static void test_broker_away(void **state)
{
    struct dr_err err = {0};

    (void)state;
    store.away = true;
    assert_null(dr_control_open(&svc, &err));
    assert_string_equal(err.text, "no answer");
}

/* ---- waits ---- */

#define FOR_EVER INT_MAX
#define SOON_MS 50

/* The exit code of a child that does it; -1: it came back. */
static int ends_by(void (*does)(void))
{
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(20);
        does();
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status)); /* not by the alarm */
    return WEXITSTATUS(status) == 99 ? -1 : WEXITSTATUS(status);
}

static void catch_up_in_vain(void)
{
    (void)dr_control_catch_up(&svc, dr_control_open(&svc, NULL), SOON_MS);
}

static void test_control_is_read_to_its_end(void **state)
{
    struct dr_control_reader *r = dr_control_open(&svc, NULL);

    (void)state;
    /* Before the auditor's first word there is nothing to wait for. */
    assert_true(dr_control_catch_up(&svc, r, SOON_MS));
    assert_int_equal(ticks, 0);
    dr_control_free(r);
    say_state(1, 1, H1);
    r = dr_control_open(&svc, NULL);
    assert_true(dr_control_catch_up(&svc, r, SOON_MS));
    assert_int_equal(dr_control(r)->state.seq, 1);
    dr_control_free(r);

    store.stuck = true;
    assert_int_equal(ends_by(catch_up_in_vain), DR_EXIT_FAILURE);
    stop_at = 3; /* answers until then, and no longer */
    r = dr_control_open(&svc, NULL);
    assert_false(dr_control_catch_up(&svc, r, FOR_EVER));
    assert_int_equal(ticks, 3);
    dr_control_free(r);
}

static void flush_in_vain(void)
{
    (void)!dr_service_flush(&svc, NULL, SOON_MS, 0);
}

static void test_what_kafka_does_not_take(void **state)
{
    (void)state;
    flushes_left = 5;
    assert_int_equal(dr_service_flush(&svc, NULL, FOR_EVER, 0), 0);
    assert_int_equal(ticks, 4);
    flushes_left = FOR_EVER;
    assert_int_equal(ends_by(flush_in_vain), DR_EXIT_FAILURE);
    stop_at = ticks + 2;
    assert_int_equal(dr_service_flush(&svc, NULL, FOR_EVER, 0), -1);
    assert_int_equal(ticks, stop_at);
    flushes_left = 3; /* asked to stop, and Kafka takes it in time */
    assert_int_equal(dr_service_flush(&svc, NULL, FOR_EVER, FOR_EVER), 0);
}

/* What stands in the log after some polls of a control without a word. */
static int told_of_waiting(const char *log)
{
    char text[4096];
    FILE *f = fopen(log, "re");
    int n = 0;

    assert_non_null(f);
    while (fgets(text, sizeof(text), f)) {
        n += strstr(text, "control.waits") && strstr(text, "drover.m.control");
    }
    (void)fclose(f);
    return n;
}

static void test_that_nothing_was_said_is_told_once(void **state)
{
    char log[] = "/tmp/control-test-XXXXXX";
    int fd = mkstemp(log), before = dup(2);
    struct dr_control_reader *r;

    (void)state;
    assert_true(fd >= 0 && before >= 0 && dup2(fd, 2) == 2);
    dr_log_init("control-test", "m", DR_LOG_INFO);
    r = dr_control_open(&svc, NULL);
    (void)dr_control_poll(r);
    (void)dr_control_poll(r);
    dr_control_free(r);
    say_state(1, 1, H1); /* then there is nothing to tell */
    r = dr_control_open(&svc, NULL);
    (void)dr_control_poll(r);
    dr_control_free(r);
    dr_log_init("control-test", "m", DR_LOG_ERROR);
    assert_int_equal(dup2(before, 2), 2);
    (void)close(before);
    (void)close(fd);
    assert_int_equal(told_of_waiting(log), 1);
    assert_int_equal(unlink(log), 0);
}

/* ---- the view ---- */

/* Plan and sample are found whichever order they come in. */
static void test_view(void **state)
{
    const struct dr_str keys[] = {DR_STR_LIT("contact:1"),
                                  DR_STR_LIT("deal:2")};
    const struct dr_control_view *v;
    struct dr_control_reader *r;

    (void)state;
    say_plan(H1, "{\"plan\":1}");
    say_plan(H2, "{\"plan\":2}");
    say_state(1, 1, H1);
    say_sample(1, keys, 2);
    r = dr_control_open(&svc, NULL);
    v = dr_control(r);
    assert_false(v->caught_up);
    assert_true(dr_control_poll(r));
    assert_true(v->caught_up);
    assert_true(dr_str_eqz(v->plan_json, "{\"plan\":1}"));
    assert_int_equal(v->plan_count, 2);
    assert_int_equal(v->sample.key_count, 2);
    assert_true(dr_str_eqz(v->sample.keys[1], "deal:2"));
    assert_int_equal(v->state.open_lane_count, 2);
    assert_true(dr_str_eqz(v->state.open_lanes[0], "product"));
    assert_false(dr_control_poll(r));

    say_state(2, 2, H2);
    assert_true(dr_control_poll(r));
    assert_int_equal(v->state.seq, 2);
    assert_true(dr_str_eqz(v->plan_json, "{\"plan\":2}"));
    assert_int_equal(v->plan_count, 2);
    assert_int_equal(v->sample.key_count, 0); /* none for pass 2 yet */
    say_sample(2, keys, 1);
    assert_true(dr_control_poll(r));
    assert_int_equal(v->sample.key_count, 1);
    say_state(3, 2, (struct dr_str){NULL, 0}); /* approval withdrawn */
    assert_true(dr_control_poll(r));
    assert_int_equal(v->plan_json.n, 0);
    dr_control_free(r);
}

/* Pointers hold while other things change. */
static void test_pointers_stay(void **state)
{
    const struct dr_str keys[] = {DR_STR_LIT("contact:1")};
    struct dr_control_reader *r;
    struct dr_str plan, phase;

    (void)state;
    say_plan(H1, "{\"plan\":1}");
    say_state(1, 1, H1);
    r = dr_control_open(&svc, NULL);
    assert_true(dr_control_poll(r));
    plan = dr_control(r)->plan_json;
    phase = dr_control(r)->state.phase;
    say_plan(H2, "{\"plan\":2}");
    say_sample(1, keys, 1);
    assert_true(dr_control_poll(r));
    assert_ptr_equal(plan.p, dr_control(r)->plan_json.p);
    assert_ptr_equal(phase.p, dr_control(r)->state.phase.p);
    assert_true(dr_str_eqz(plan, "{\"plan\":1}"));
    dr_control_free(r);
}

/* What is not a record of ours changes nothing and stops nothing. */
static void test_hostile_log(void **state)
{
    struct dr_env other = {.kind = DR_MSG_CONTROL};
    struct dr_env cursor = {.kind = DR_MSG_CURSOR};
    struct dr_control_reader *r;

    (void)state;
    say_state(7, 1, H1);
    say(&cursor);
    say(&other);
    store.v[store.n - 1].p[5] ^= 1; /* in the migration's id */
    say(&cursor);
    store.gone[store.n - 1] = true;
    say(&cursor);
    store.v[store.n - 1].n = 3;
    r = dr_control_open(&svc, NULL);
    assert_true(dr_control_poll(r));
    assert_int_equal(dr_control(r)->state.seq, 7);
    assert_true(dr_control(r)->caught_up);
    dr_control_free(r);
}

/* A list counts once, in its order, whatever the log repeats. */
static void test_removals(void **state)
{
    static const uint64_t seqs[] = {1, 1, 3, 2};
    struct dr_removal item = {DR_STR_LIT("contact"), DR_STR_LIT("c1"), 7};
    const struct dr_control_view *v;
    struct dr_control_reader *r;

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(seqs); i++) {
        struct dr_env env = {.kind = DR_MSG_REMOVALS};
        env.u.removals = (struct dr_removals){seqs[i], &item, 1};
        say(&env);
    }
    r = dr_control_open(&svc, NULL);
    assert_true(dr_control_poll(r));
    v = dr_control(r);
    assert_int_equal(v->removal_count, 2);
    assert_int_equal(v->removals[1].seq, 2);
    assert_true(dr_str_eqz(v->removals[1].items[0].id, "c1"));
    dr_control_free(r);
}

static int find_topic(const char *name)
{
    for (size_t i = 0; i < made.n; i++) {
        if (strcmp(made.name[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void test_topics(void **state)
{
    static const char *const objects[] = {"contact", "line_item"};
    static const struct {
        const char *name;
        int partitions;
        bool compact;
    } want[] = {
        {"drover.m.source.contact", 6, false},
        {"drover.m.source.line_item", 6, false},
        {"drover.m.load.product", 6, false},
        {"drover.m.load.file", 6, false},
        {"drover.m.ledger.deal_product", 6, true},
        {"drover.m.landed.account", 6, false},
        {"drover.m.rejected", 6, false},
        {"drover.m.files", 6, false},
        {"drover.m.audit", 6, false},
        {"drover.m.catalog", 1, true},
        {"drover.m.cursor", 1, true},
        {"drover.m.control", 1, true},
    };

    (void)state;
    dr_service_topics(&svc, objects, 2);
    assert_int_equal(made.n, 2 + 3 * 10 + 6);
    for (size_t i = 0; i < DR_ARRAY_LEN(want); i++) {
        int at = find_topic(want[i].name);
        if (at < 0) {
            fail_msg("%s is missing", want[i].name);
        }
        assert_int_equal(made.partitions[at], want[i].partitions);
        assert_int_equal(made.compact[at], want[i].compact);
    }
}

static void test_lanes(void **state)
{
    (void)state;
    assert_int_equal(dr_lane_count, 10);
    assert_int_equal(dr_lane_index(DR_STR_LIT("product")), 0);
    assert_int_equal(dr_lane_index(DR_STR_LIT("link")), 6);
    assert_int_equal(dr_lane_index(DR_STR_LIT("file")), 9);
    assert_int_equal(dr_lane_index(DR_STR_LIT("files")), -1);
    assert_int_equal(dr_lane_index(DR_STR_LIT("")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_before_anything, reset),
        cmocka_unit_test_setup(test_broker_away, reset),
        cmocka_unit_test_setup(test_control_is_read_to_its_end, reset),
        cmocka_unit_test_setup(test_what_kafka_does_not_take, reset),
        cmocka_unit_test_setup(test_that_nothing_was_said_is_told_once, reset),
        cmocka_unit_test_setup(test_view, reset),
        cmocka_unit_test_setup(test_pointers_stay, reset),
        cmocka_unit_test_setup(test_hostile_log, reset),
        cmocka_unit_test_setup(test_removals, reset),
        cmocka_unit_test_setup(test_topics, reset),
        cmocka_unit_test(test_lanes),
    };
    int failed;

    dr_log_init("control-test", "m", DR_LOG_ERROR);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)reset(NULL);
    return failed;
}
