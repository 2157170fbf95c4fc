/*
 * lib/kafka against a real broker. Started by tests/support/with_servers.py,
 * which names the broker in DR_BROKERS and, on SIGUSR1, kills it with -9 and
 * starts it again on the same port and data.
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

#include <drover/base/arena.h>
#include <drover/base/clock.h>
#include <drover/base/rand.h>
#include <drover/kafka/kafka.h>

#define WAIT_MS 30000
#define RESTART_MS 120000 /* a broker that is killed is back by then */
#define PARTS 4

static struct dr_kafka_opts opts(void)
{
    const char *brokers = getenv("DR_BROKERS");

    return (struct dr_kafka_opts){.brokers = brokers ? brokers : "127.0.0.1:1",
                                  .client_id = "test",
                                  .linger_ms = 1};
}

static void make_topics(const char *const *names, size_t n, int parts)
{
    struct dr_kafka_opts o = opts();
    struct dr_topic_spec specs[8];
    struct dr_err err = {0};

    for (size_t i = 0; i < n; i++) {
        specs[i] = (struct dr_topic_spec){
            .name = names[i], .partitions = parts, .max_bytes = 4 << 20};
    }
    if (dr_topics_ensure(&o, specs, n, WAIT_MS, &err)) {
        fail_msg("%s: %s", err.where, err.text);
    }
}

static struct dr_producer *producer(void)
{
    struct dr_kafka_opts o = opts();
    struct dr_producer *p = dr_producer_new(&o, NULL);

    assert_non_null(p);
    return p;
}

static struct dr_reader *reader(const char *const *topics, size_t n)
{
    struct dr_kafka_opts o = opts();
    struct dr_reader *r = dr_reader_new(&o, topics, n, NULL);

    assert_non_null(r);
    return r;
}

/* Records whose value is their number, to be found at that offset. */
static void send_numbers(struct dr_producer *p, const char *topic,
                         int32_t partition, int64_t from, int64_t to)
{
    char text[24];

    for (; from < to; from++) {
        int n = snprintf(text, sizeof(text), "%lld", (long long)from);
        dr_producer_send(p, topic, partition, DR_STR_LIT("k"),
                         (struct dr_str){text, (size_t)n}, NULL, NULL);
    }
}

static int64_t number_in(const struct dr_kmsg *m)
{
    int64_t v = -1;

    assert_int_equal(dr_str_i64(m->value, &v), 0);
    return v;
}

static void test_topics_are_made_and_checked(void **state)
{
    struct dr_kafka_opts o = opts();
    struct dr_topic_spec specs[] = {
        {.name = "t.data", .partitions = 3},
        {.name = "t.ledger", .partitions = 3, .compact = true},
    };
    struct dr_err err = {0};

    (void)state;
    assert_int_equal(dr_topics_ensure(&o, specs, 2, WAIT_MS, &err), 0);
    assert_int_equal(dr_topics_ensure(&o, specs, 2, WAIT_MS, &err), 0);
    specs[0].partitions = 6;
    assert_int_equal(dr_topics_ensure(&o, specs, 2, WAIT_MS, &err), -1);
    assert_int_equal(err.verdict, DR_HALT);
    assert_non_null(strstr(err.text, "t.data has 3 partitions"));
    specs[0].partitions = 3;
    specs[1].compact = false;
    assert_int_equal(dr_topics_ensure(&o, specs, 2, WAIT_MS, &err), -1);
    assert_int_equal(err.verdict, DR_HALT);
    assert_non_null(strstr(err.text, "t.ledger"));
}

struct acks {
    int64_t last;
    int count;
    bool in_order;
};

static void on_ack(void *ctx, int32_t partition, int64_t offset)
{
    struct acks *a = ctx;

    (void)partition;
    a->in_order = a->in_order && offset == a->last + 1;
    a->last = offset;
    a->count++;
}

static void test_producer(void **state)
{
    static const char *const topics[] = {"t.produce"};
    struct dr_producer *p;
    struct dr_reader *r;
    struct dr_kmsg m;
    struct acks acks = {.last = -1, .in_order = true};
    char *big = dr_xmalloc(2 << 20);
    int64_t began;

    (void)state;
    make_topics(topics, 1, 1);
    p = producer();
    assert_int_equal(dr_producer_warm(p, topics, 1, WAIT_MS, NULL), 0);
    began = dr_mono_ms();
    dr_producer_send(p, topics[0], 0, DR_STR_LIT("a"), DR_STR_LIT("1"), on_ack,
                     &acks);
    assert_int_equal(dr_producer_in_flight(p), 1);
    assert_int_equal(dr_producer_flush(p, WAIT_MS), 0);
    assert_int_equal(dr_producer_in_flight(p), 0);
    print_message("first send after warming: %lld ms\n",
                  (long long)(dr_mono_ms() - began));
    dr_producer_send(p, topics[0], 0, DR_STR_LIT("b"), (struct dr_str){NULL, 0},
                     on_ack, &acks);
    dr_producer_send(p, topics[0], 0, DR_STR_LIT("c"), (struct dr_str){"", 0},
                     on_ack, &acks);
    for (size_t i = 0; i < 2 << 20; i++) {
        big[i] = (char)('a' + i * 2654435761U % 26);
    }
    dr_producer_send(p, topics[0], 0, DR_STR_LIT("d"),
                     (struct dr_str){big, 2 << 20}, on_ack, &acks);
    for (int i = 0; i < 30000; i++) { /* more than the queue holds at once */
        dr_producer_send(p, topics[0], 0, DR_STR_LIT("e"),
                         (struct dr_str){big + i, 1000}, on_ack, &acks);
    }
    assert_int_equal(dr_producer_flush(p, WAIT_MS), 0);
    assert_int_equal(acks.count, 30004);
    assert_true(acks.in_order);
    r = reader(topics, 1);
    dr_reader_add(r, 0, 0, 1);
    assert_int_equal(dr_reader_poll(r, WAIT_MS, &m), 1);
    assert_true(dr_str_eqz(m.key, "b"));
    assert_null(m.value.p);
    assert_int_equal(dr_reader_poll(r, WAIT_MS, &m), 1);
    assert_true(dr_str_eqz(m.key, "c"));
    assert_non_null(m.value.p);
    assert_int_equal(m.value.n, 0);
    assert_int_equal(dr_reader_poll(r, WAIT_MS, &m), 1);
    assert_int_equal(m.value.n, 2 << 20);
    assert_memory_equal(m.value.p, big, 2 << 20);
    dr_reader_free(r);
    /* Freed with records under way: they are dropped, nothing leaks. */
    send_numbers(p, topics[0], 0, 0, 100);
    dr_producer_free(p);
    free(big);
}

/* Partitions come, go and are moved while records arrive: each is read in
 * order, without a hole or a repetition but those asked for. */
static void test_reader_keeps_its_positions(void **state)
{
    static const char *const topics[] = {"t.read1", "t.read2"};
    struct dr_producer *p;
    struct dr_reader *r;
    struct dr_rand rnd;
    int64_t next[2][PARTS] = {{0}}, sent = 0, until = dr_mono_ms() + WAIT_MS;
    bool on[2][PARTS] = {{false}};
    int changes = 0, read = 0, left = 2 * PARTS;

    (void)state;
    make_topics(topics, 2, PARTS);
    p = producer();
    r = reader(topics, 2);
    dr_rand_init(&rnd, 7);
    while (left > 0) {
        int t = (int)dr_rand_below(&rnd, 2);
        int32_t part = (int32_t)dr_rand_below(&rnd, PARTS);
        struct dr_kmsg m;

        assert_true(dr_mono_ms() < until);
        if (sent < 6000) {
            for (int i = 0; i < 2 * PARTS; i++) {
                send_numbers(p, topics[i / PARTS], i % PARTS, sent, sent + 20);
            }
            sent += 20;
            (void)dr_producer_poll(p, 0);
        }
        if (!on[t][part]) {
            dr_reader_add(r, t, part,
                          next[t][part] ? next[t][part] : DR_OFFSET_BEGIN);
            on[t][part] = true;
            changes++;
        } else if (next[t][part] < 6000 && dr_rand_chance(&rnd, 300000)) {
            if (dr_rand_chance(&rnd, 500000)) {
                dr_reader_remove(r, t, part);
                on[t][part] = false;
            } else { /* back by some */
                int64_t back = (int64_t)dr_rand_below(
                    &rnd,
                    (uint64_t)(next[t][part] < 50 ? next[t][part] + 1 : 50));
                next[t][part] -= back;
                dr_reader_add(r, t, part, next[t][part]);
            }
            changes++;
        }
        for (int i = 0; i < 400 && dr_reader_poll(r, i ? 0 : 50, &m); i++) {
            assert_in_range(m.topic, 0, 1);
            assert_true(on[m.topic][m.partition]);
            assert_int_equal(m.offset, next[m.topic][m.partition]);
            assert_int_equal(number_in(&m), m.offset);
            next[m.topic][m.partition]++;
            read++;
        }
        left = 0;
        for (int i = 0; i < 2 * PARTS; i++) {
            left += next[i / PARTS][i % PARTS] < 6000;
        }
    }
    print_message("%d records, %d changes of the list\n", read, changes);
    dr_reader_free(r);
    dr_producer_free(p);
}

static void test_end_is_fixed_when_added(void **state)
{
    static const char *const topics[] = {"t.end"};
    struct dr_producer *p;
    struct dr_reader *r;
    struct dr_kmsg m;
    int64_t ends[PARTS], end;

    (void)state;
    make_topics(topics, 1, PARTS);
    p = producer();
    send_numbers(p, topics[0], 0, 0, 10);
    send_numbers(p, topics[0], 2, 0, 5);
    assert_int_equal(dr_producer_flush(p, WAIT_MS), 0);
    r = reader(topics, 1);
    assert_int_equal(dr_reader_ends(r, PARTS, WAIT_MS, ends, NULL), 0);
    assert_int_equal(ends[0], 10);
    assert_int_equal(ends[1], 0);
    assert_int_equal(ends[2], 5);
    assert_int_equal(dr_reader_end(r, 0, 2, WAIT_MS, &end, NULL), 0);
    assert_int_equal(end, 5);
    dr_reader_add(r, 0, 0, DR_OFFSET_END);
    send_numbers(p, topics[0], 0, 10, 12); /* before the first poll */
    assert_int_equal(dr_producer_flush(p, WAIT_MS), 0);
    dr_reader_add(r, 0, 1, DR_OFFSET_END);
    for (int64_t want = 10; want < 12; want++) {
        assert_int_equal(dr_reader_poll(r, WAIT_MS, &m), 1);
        assert_int_equal(m.partition, 0);
        assert_int_equal(m.offset, want);
    }
    assert_int_equal(dr_reader_poll(r, 0, &m), 0);
    dr_reader_free(r);
    dr_producer_free(p);
}

/* A position that the log does not have ends the process: no jump. */
static void test_gone_position_ends_the_process(void **state)
{
    static const char *const topics[] = {"t.gone"};
    int status = 0;
    pid_t pid;

    (void)state;
    make_topics(topics, 1, 1);
    (void)fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct dr_kafka_opts o = opts();
        struct dr_reader *r = dr_reader_new(&o, topics, 1, NULL);
        struct dr_kmsg m;

        dr_reader_add(r, 0, 0, 1000);
        (void)dr_reader_poll(r, WAIT_MS, &m);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), DR_EXIT_FAILURE);
}

struct member {
    struct dr_consumer *c;
    int32_t parts[PARTS];
    size_t n;
    int assigned, revoked;
};

static void on_assigned(void *ctx, const int32_t *parts, size_t n)
{
    struct member *m = ctx;

    assert_true(n <= PARTS);
    memcpy(m->parts, parts, n * sizeof(*parts));
    m->n = n;
    m->assigned++;
}

static void on_revoked(void *ctx, const int32_t *parts, size_t n, bool lost)
{
    struct member *m = ctx;

    assert_int_equal(n, m->n);
    assert_memory_equal(parts, m->parts, n * sizeof(*parts));
    assert_false(lost);
    m->n = 0;
    m->revoked++;
}

static void join(struct member *m, const char *group, const char *const *topics,
                 size_t n, int session_ms)
{
    struct dr_consumer_opts o = {.kafka = opts(),
                                 .group = group,
                                 .topics = topics,
                                 .topic_count = n,
                                 .assigned = on_assigned,
                                 .revoked = on_revoked,
                                 .ctx = m};

    o.kafka.session_ms = session_ms;
    *m = (struct member){0};
    m->c = dr_consumer_new(&o, NULL);
    assert_non_null(m->c);
}

static bool owns(const struct member *m, int32_t partition)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->parts[i] == partition) {
            return true;
        }
    }
    return false;
}

#define GROUP_RECORDS 500

static void committed(const struct dr_kafka_opts *o, const char *group,
                      const char *const *topics, size_t n, int64_t *out)
{
    struct dr_group *g = dr_group_open(o, group, NULL);

    assert_non_null(g);
    assert_int_equal(
        dr_group_committed(g, topics, n, PARTS, WAIT_MS, out, NULL), 0);
    dr_group_free(g);
}

/* A second member joins and leaves: both topics' partitions go together,
 * what was settled is not read again, and nothing is jumped over. */
static void test_group(void **state)
{
    static const char *const topics[] = {"t.group1", "t.group2"};
    struct member a, b;
    struct dr_kafka_opts o = opts();
    struct dr_producer *p;
    int64_t next[2][PARTS] = {{0}}, got[2 * PARTS];
    int64_t until = dr_mono_ms() + WAIT_MS;
    int total = 0, phase = 0;

    (void)state;
    make_topics(topics, 2, PARTS);
    p = producer();
    for (int i = 0; i < 2 * PARTS; i++) {
        send_numbers(p, topics[i / PARTS], i % PARTS, 0, GROUP_RECORDS);
    }
    assert_int_equal(dr_producer_flush(p, WAIT_MS), 0);
    dr_producer_free(p);
    join(&a, "g", topics, 2, 0);
    while (total < 2 * PARTS * GROUP_RECORDS) {
        struct member *who;
        struct dr_kmsg m;

        assert_true(dr_mono_ms() < until);
        if (phase == 0 && total > 1000) {
            join(&b, "g", topics, 2, 0);
            phase = 1;
        } else if (phase == 1 && total > 3000 && b.n == 2) {
            assert_int_equal(a.n, 2);
            dr_consumer_free(b.c);
            assert_int_equal(b.revoked, b.assigned);
            phase = 2;
        }
        who = phase == 1 && total % 2 ? &b : &a;
        if (!dr_consumer_poll(who->c, 20, &m)) {
            who = who == &a && phase == 1 ? &b : &a;
            if (!dr_consumer_poll(who->c, 20, &m)) {
                continue;
            }
        }
        assert_true(owns(who, m.partition));
        assert_int_equal(m.offset, next[m.topic][m.partition]);
        assert_int_equal(number_in(&m), m.offset);
        next[m.topic][m.partition]++;
        total++;
        dr_consumer_settle(who->c, m.topic, m.partition, m.offset + 1);
        if (total % 50 == 0) {
            dr_consumer_commit(who->c);
        }
    }
    assert_int_equal(phase, 2);
    dr_consumer_free(a.c);
    committed(&o, "g", topics, 2, got);
    for (int i = 0; i < 2 * PARTS; i++) {
        assert_int_equal(got[i], GROUP_RECORDS);
    }
    committed(&o, "none", topics, 2, got);
    assert_int_equal(got[0], -1);
}

static void test_pause(void **state)
{
    static const char *const topics[] = {"t.pause"};
    struct dr_producer *p;
    struct member a;
    struct dr_kmsg m;
    int64_t next[PARTS] = {0}, until = dr_mono_ms() + WAIT_MS;
    int total = 0;

    (void)state;
    make_topics(topics, 1, PARTS);
    p = producer();
    for (int i = 0; i < PARTS; i++) {
        send_numbers(p, topics[0], i, 0, 300);
    }
    assert_int_equal(dr_producer_flush(p, WAIT_MS), 0);
    dr_producer_free(p);
    join(&a, "pause", topics, 1, 0);
    while (a.n == 0) {
        assert_true(dr_mono_ms() < until);
        if (dr_consumer_poll(a.c, 20, &m)) {
            next[m.partition]++;
            total++;
        }
    }
    dr_consumer_pause(a.c, 0, 1);
    while (total < 3 * 300 + next[1]) {
        assert_true(dr_mono_ms() < until);
        if (dr_consumer_poll(a.c, 20, &m)) {
            assert_int_not_equal(m.partition, 1);
            assert_int_equal(m.offset, next[m.partition]++);
            total++;
        }
    }
    dr_consumer_resume(a.c, 0, 1);
    while (total < 4 * 300) {
        assert_true(dr_mono_ms() < until);
        if (dr_consumer_poll(a.c, 20, &m)) {
            assert_int_equal(m.offset, next[m.partition]++);
            total++;
        }
    }
    dr_consumer_free(a.c);
}

/* Another member comes and goes: what was paused before is not paused after.
 * The client itself would remember it. */
static void test_pause_ends_with_the_assignment(void **state)
{
    static const char *const topics[] = {"t.repause"};
    struct dr_producer *p;
    struct member a, b;
    struct dr_kmsg m;
    int64_t until = dr_mono_ms() + WAIT_MS;
    int from[PARTS] = {0}, seen = 0;

    (void)state;
    make_topics(topics, 1, PARTS);
    join(&a, "repause", topics, 1, 0);
    while (a.n < PARTS) {
        assert_true(dr_mono_ms() < until);
        (void)dr_consumer_poll(a.c, 20, &m);
    }
    for (int i = 0; i < PARTS; i++) {
        dr_consumer_pause(a.c, 0, i);
    }
    join(&b, "repause", topics, 1, 0);
    while (b.n == 0 || a.n == PARTS) {
        assert_true(dr_mono_ms() < until);
        (void)dr_consumer_poll(a.c, 20, &m);
        (void)dr_consumer_poll(b.c, 20, &m);
    }
    dr_consumer_free(b.c);
    while (a.n < PARTS) {
        assert_true(dr_mono_ms() < until);
        (void)dr_consumer_poll(a.c, 20, &m);
    }
    p = producer();
    for (int i = 0; i < PARTS; i++) {
        send_numbers(p, topics[0], i, 0, 10);
    }
    assert_int_equal(dr_producer_flush(p, WAIT_MS), 0);
    dr_producer_free(p);
    while (seen < 10 * PARTS) {
        assert_true(dr_mono_ms() < until);
        if (dr_consumer_poll(a.c, 20, &m)) {
            assert_int_equal(m.offset, from[m.partition]++);
            seen++;
        }
    }
    dr_consumer_free(a.c);
}

/* kill -9 of the broker in mid-stream: nothing is lost, doubled or swapped,
 * and nobody ends. */
static void test_broker_crash(void **state)
{
    static const char *const topics[] = {"t.crash"};
    struct dr_producer *p;
    struct dr_reader *r;
    struct acks acks = {.last = -1, .in_order = true};
    struct dr_kmsg m;
    struct member a;
    char text[24];
    int64_t next = 0, group_next = 0, sent = 0;
    int64_t until = dr_mono_ms() + RESTART_MS;
    bool killed = false;

    (void)state;
    make_topics(topics, 1, 1);
    p = producer();
    r = reader(topics, 1);
    dr_reader_add(r, 0, 0, DR_OFFSET_BEGIN);
    /* The broker may be away for longer than a session usually lasts: a member
     * is to keep its partitions, or it begins at what was committed. */
    join(&a, "crash", topics, 1, RESTART_MS);
    while (next < 4000 || group_next < 4000) {
        assert_true(dr_mono_ms() < until);
        if (sent < 4000) {
            int n = snprintf(text, sizeof(text), "%lld", (long long)sent++);
            dr_producer_send(p, topics[0], 0, DR_STR_LIT("k"),
                             (struct dr_str){text, (size_t)n}, on_ack, &acks);
        }
        (void)dr_producer_poll(p, 0);
        if (!killed && next > 1000) {
            killed = true;
            assert_int_equal(kill(getppid(), SIGUSR1), 0);
        }
        if (dr_reader_poll(r, 1, &m)) {
            assert_int_equal(m.offset, next);
            assert_int_equal(number_in(&m), next++);
        }
        if (dr_consumer_poll(a.c, 1, &m)) {
            assert_int_equal(m.offset, group_next);
            dr_consumer_settle(a.c, 0, 0, ++group_next);
            dr_consumer_commit(a.c);
        }
    }
    assert_true(killed);
    assert_int_equal(dr_producer_flush(p, WAIT_MS), 0);
    assert_int_equal(acks.count, 4000);
    assert_true(acks.in_order);
    dr_consumer_free(a.c);
    dr_reader_free(r);
    dr_producer_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics_are_made_and_checked),
        cmocka_unit_test(test_producer),
        cmocka_unit_test(test_reader_keeps_its_positions),
        cmocka_unit_test(test_end_is_fixed_when_added),
        cmocka_unit_test(test_gone_position_ends_the_process),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_pause_ends_with_the_assignment),
        cmocka_unit_test(test_broker_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
