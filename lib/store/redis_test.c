/*
 * The view against a real Redis. Started by tests/support/with_servers.py,
 * which names it in DR_REDIS and, on SIGUSR2, kills it with -9 and starts it
 * again, empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <unistd.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>
#include <drover/store/store.h>

#define WAIT_MS 20000
#define MANY 1700

static const char *address(void)
{
    const char *a = getenv("DR_REDIS");

    return a ? a : "127.0.0.1:1";
}

static struct dr_store *store(const char *migration)
{
    struct dr_store_opts o = {.address = address(), .migration = migration};
    struct dr_err err = {0};
    struct dr_store *s = dr_store_new(&o, &err);

    if (!s) {
        fail_msg("%s: %s", err.where, err.text);
    }
    return s;
}

/* A command behind the store's back. */
static void raw(const char *command)
{
    struct dr_str rest = dr_str_z(address());
    struct dr_str host = dr_str_split(&rest, ':');
    int64_t port = 0;
    char *name = dr_xstrndup(host);
    redisContext *c;
    redisReply *r;

    assert_int_equal(dr_str_i64(rest, &port), 0);
    c = redisConnect(name, (int)port);
    free(name);
    r = redisCommand(c, command);
    assert_non_null(r);
    assert_int_not_equal(r->type, REDIS_REPLY_ERROR);
    freeReplyObject(r);
    redisFree(c);
}

static struct dr_fact fact(uint64_t dst, int64_t offset)
{
    struct dr_fact f = {.state = DR_FACT_DONE,
                        .dst = dst,
                        .rev = UINT64_MAX,
                        .pass = 3,
                        .origin = 2,
                        .made = 1,
                        .offset = offset,
                        .unknown = true,
                        .place = "/contacts/1/notes",
                        .amount = "12.50|x",
                        .type = "contacts",
                        .fields_n = 16};

    for (size_t i = 0; i < f.fields_n; i++) {
        f.fields[i] = (uint8_t)(255 - i * 3);
    }
    for (size_t i = 0; i < sizeof(f.content_hash); i++) {
        f.content_hash[i] = (uint8_t)(i * 7 + dst);
    }
    return f;
}

static struct dr_fact look(struct dr_store *s, const char *lane,
                           const char *key)
{
    struct dr_str l = dr_str_z(lane), k = dr_str_z(key);
    struct dr_fact f;

    assert_int_equal(dr_store_facts(s, &l, &k, 1, &f, NULL), 0);
    return f;
}

static void test_facts_come_back(void **state)
{
    struct dr_store *s = store("facts");
    struct dr_str key = DR_STR_LIT("company:1|:x"), odd = {"a\0b", 3};
    struct dr_fact f = fact(77, 10), g;
    struct dr_position at;
    struct dr_err err = {0};

    (void)state;
    assert_int_equal(dr_store_incarnation(s), 1);
    assert_int_equal(look(s, "account", "company:1|:x").state, DR_FACT_NONE);
    assert_int_equal(dr_store_position(s, "account", 4, &at, NULL), 0);
    assert_int_equal(at.applied, -1);
    assert_int_equal(at.oldest, -1);
    assert_int_equal(
        dr_store_move(s, "account", 4, 5, &key, &f, 1, 11, 9, NULL), 0);
    g = look(s, "account", "company:1|:x");
    assert_memory_equal(&f, &g, sizeof(f));
    assert_int_equal(look(s, "contact", "company:1|:x").state, DR_FACT_NONE);
    assert_int_equal(dr_store_position(s, "account", 4, &at, NULL), 0);
    assert_int_equal(at.applied, 11);
    assert_int_equal(at.oldest, 9);
    assert_int_equal(at.epoch, 5);
    /* An older fact, and an older position, change nothing. */
    f = fact(78, 9);
    assert_int_equal(dr_store_apply(s, "account", 4, 5, &key, &f, 1, 3, NULL),
                     0);
    assert_int_equal(look(s, "account", "company:1|:x").dst, 77);
    assert_int_equal(dr_store_position(s, "account", 4, &at, NULL), 0);
    assert_int_equal(at.applied, 11);
    assert_int_equal(at.oldest, 9);
    /* A newer owner; then the old one is told to stop. */
    assert_int_equal(
        dr_store_apply(s, "account", 4, 6, NULL, NULL, 0, 12, NULL), 0);
    f = fact(79, 20);
    assert_int_equal(dr_store_apply(s, "account", 4, 5, &key, &f, 1, 21, &err),
                     -1);
    assert_int_equal(err.verdict, DR_HALT);
    assert_int_equal(look(s, "account", "company:1|:x").dst, 77);
    /* Bytes of any kind are keys. */
    f = fact(80, 1);
    assert_int_equal(dr_store_apply(s, "account", 5, 1, &odd, &f, 1, 1, NULL),
                     0);
    assert_int_equal(look(s, "account", "a").state, DR_FACT_NONE);
    dr_store_free(s);
}

static void test_many_facts(void **state)
{
    struct dr_store *s = store("many");
    struct dr_fact *facts = dr_xcalloc(MANY, sizeof(*facts));
    struct dr_str *keys = dr_xcalloc(MANY, sizeof(*keys));
    struct dr_str *lanes = dr_xcalloc(MANY, sizeof(*lanes));
    struct dr_arena *a = dr_arena_new(1 << 20);
    int64_t applied;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        facts[i] = fact((uint64_t)i + 1, i);
        keys[i] = dr_arena_printf(a, "contact:%d", i);
        lanes[i] = DR_STR_LIT("contact");
    }
    assert_int_equal(
        dr_store_apply(s, "contact", 0, 1, keys, facts, MANY, MANY, NULL), 0);
    assert_int_equal(dr_store_applied(s, "contact", 0, &applied, NULL), 0);
    assert_int_equal(applied, MANY);
    memset(facts, 0, MANY * sizeof(*facts));
    raw("SCRIPT FLUSH");
    assert_int_equal(dr_store_facts(s, lanes, keys, MANY, facts, NULL), 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(facts[i].dst, (uint64_t)i + 1);
    }
    /* The script is loaded again. */
    assert_int_equal(
        dr_store_apply(s, "contact", 0, 1, keys, facts, 1, MANY + 1, NULL), 0);
    dr_arena_free(a);
    free(facts);
    free(keys);
    free(lanes);
    dr_store_free(s);
}

static void test_walk(void **state)
{
    struct dr_store *a = store("walk"), *b = store("walk");
    int64_t rows = -1;

    (void)state;
    assert_int_equal(dr_store_walk_rows(a, "contacts", &rows, NULL), 0);
    assert_int_equal(rows, 0);
    assert_int_equal(dr_store_walk_lock(a, "contacts", "one", 60000, NULL), 1);
    assert_int_equal(dr_store_walk_lock(b, "contacts", "two", 60000, NULL), 0);
    assert_int_equal(dr_store_walk_lock(b, "deals", "two", 60000, NULL), 1);
    /* Not the holder: neither the lock nor the rows move. */
    assert_int_equal(dr_store_walk_unlock(b, "contacts", "two", 900, NULL), 0);
    assert_int_equal(dr_store_walk_lock(b, "contacts", "two", 60000, NULL), 0);
    assert_int_equal(dr_store_walk_unlock(a, "contacts", "one", 300, NULL), 0);
    assert_int_equal(dr_store_walk_rows(b, "contacts", &rows, NULL), 0);
    assert_int_equal(rows, 300);
    assert_int_equal(dr_store_walk_lock(b, "contacts", "two", 60000, NULL), 1);
    dr_store_free(a);
    dr_store_free(b);
}

/* Facts of another form read as none: what an older version left must not look
 * like a view that knows all up to some offset. */
static void test_an_older_form(void **state)
{
    struct dr_position at;
    struct dr_store *s;

    (void)state;
    raw("SET dr:form:0:view 00000000000000000000000000000000");
    raw("HSET dr:form:0:part:deal:0 epoch 1 applied 9");
    raw("SET dr:form:0:fact:deal:deal:1 1|5|1|1|1|9|x|deals||0||");
    s = store("form");
    assert_int_equal(dr_store_position(s, "deal", 0, &at, NULL), 0);
    assert_int_equal(at.applied, -1);
    dr_store_free(s);
}

/* An emptied Redis must not look like a ledger without facts. */
static void test_emptied(void **state)
{
    struct dr_store *a = store("empty"), *b = store("empty");
    struct dr_str lane = DR_STR_LIT("deal"), key = DR_STR_LIT("deal:1");
    struct dr_fact f = fact(5, 1), got;
    struct dr_position at;
    struct dr_err err = {0};

    (void)state;
    assert_int_equal(dr_store_apply(a, "deal", 0, 1, &key, &f, 1, 2, NULL), 0);
    raw("FLUSHALL");
    assert_int_equal(dr_store_facts(a, &lane, &key, 1, &got, &err), -1);
    assert_int_equal(err.verdict, DR_RETRY);
    assert_int_equal(dr_store_incarnation(a), 2);
    assert_int_equal(dr_store_facts(a, &lane, &key, 1, &got, &err), 0);
    /* The newest fact may not hide that the older ones are gone. */
    assert_int_equal(dr_store_apply(a, "deal", 0, 1, &key, &f, 1, 3, &err), -1);
    assert_int_equal(err.verdict, DR_RETRY);
    assert_int_equal(dr_store_position(a, "deal", 0, &at, NULL), 0);
    assert_int_equal(at.applied, -1);
    assert_int_equal(dr_store_apply(a, "deal", 0, 1, &key, &f, 1, 3, NULL), 0);
    /* The other loader is told as well, by its own next call. */
    assert_int_equal(dr_store_apply(b, "deal", 0, 1, &key, &f, 1, 4, &err), -1);
    assert_int_equal(err.verdict, DR_RETRY);
    assert_int_equal(dr_store_incarnation(b), 2);
    assert_int_equal(dr_store_facts(b, &lane, &key, 1, &got, &err), 0);
    assert_int_equal(got.dst, 5);
    dr_store_free(a);
    dr_store_free(b);
}

static struct dr_alike alike_of(struct dr_store *s, struct dr_arena *a,
                                const char *name, const char *id)
{
    struct dr_str n = dr_str_z(name), i = dr_str_z(id);
    struct dr_alike out;

    assert_int_equal(dr_store_alike(s, "contact", &n, &i, 1, a, &out, NULL), 0);
    return out;
}

static void test_alike(void **state)
{
    struct dr_store *s = store("alike"), *t = store("alike");
    struct dr_arena *a = dr_arena_new(1 << 16);
    struct dr_str names[4] = {DR_STR_LIT("y"), DR_STR_LIT("z"), DR_STR_LIT("y"),
                              DR_STR_LIT("y")};
    struct dr_str ids[4] = {DR_STR_LIT("Y"), DR_STR_LIT("z"), DR_STR_LIT("y:1"),
                            DR_STR_LIT("Y")};
    struct dr_alike out[4];
    struct dr_err err;

    (void)state;
    assert_int_equal(alike_of(s, a, "x", "X").is, DR_ALIKE_ALONE);
    assert_int_equal(alike_of(t, a, "x", "X").is, DR_ALIKE_ALONE);
    out[0] = alike_of(t, a, "x", "x");
    assert_int_equal(out[0].is, DR_ALIKE_LATER);
    assert_true(dr_str_eqz(out[0].other, "X"));
    out[0] = alike_of(s, a, "x", "X");
    assert_int_equal(out[0].is, DR_ALIKE_FIRST);
    assert_true(dr_str_eqz(out[0].other, "x"));
    assert_true(dr_str_eqz(alike_of(s, a, "x", "third").other, "X"));
    /* All of a call are there before any is told. */
    assert_int_equal(dr_store_alike(s, "contact", names, ids, 4, a, out, NULL),
                     0);
    assert_int_equal(out[0].is, DR_ALIKE_FIRST);
    assert_true(dr_str_eqz(out[0].other, "y:1"));
    assert_int_equal(out[1].is, DR_ALIKE_ALONE);
    assert_int_equal(out[2].is, DR_ALIKE_LATER);
    assert_int_equal(out[3].is, DR_ALIKE_FIRST);
    /* A view that was lost says nothing, and that it was. */
    raw("FLUSHALL");
    assert_int_equal(dr_store_alike(s, "contact", names, ids, 1, a, out, &err),
                     -1);
    assert_int_equal(err.verdict, DR_RETRY);
    assert_int_equal(dr_store_incarnation(s), 2);
    assert_int_equal(alike_of(s, a, "y", "Y").is, DR_ALIKE_ALONE);
    dr_arena_free(a);
    dr_store_free(s);
    dr_store_free(t);
}

static void test_refused_settings(void **state)
{
    struct dr_store_opts o = {.address = address(), .migration = "m"};
    struct dr_err err = {0};

    (void)state;
    raw("CONFIG SET maxmemory-policy allkeys-lru");
    assert_null(dr_store_new(&o, &err));
    assert_int_equal(err.verdict, DR_HALT);
    assert_non_null(strstr(err.text, "noeviction"));
    raw("CONFIG SET maxmemory-policy noeviction");
    o.password = "wrong";
    assert_null(dr_store_new(&o, &err));
    assert_int_equal(err.verdict, DR_HALT);
    o.password = NULL;
    o.address = "127.0.0.1:none";
    assert_null(dr_store_new(&o, &err));
    assert_int_equal(err.verdict, DR_HALT);
    o.address = "127.0.0.1:1";
    assert_null(dr_store_new(&o, &err));
    assert_int_equal(err.verdict, DR_RETRY);
}

/* kill -9: callers are told to wait, then that the view is another one. */
static void test_crash(void **state)
{
    struct dr_store *s = store("crash");
    struct dr_str lane = DR_STR_LIT("deal"), key = DR_STR_LIT("deal:1");
    struct dr_fact f = fact(5, 1), got;
    struct dr_err err = {0};
    int64_t until = dr_mono_ms() + WAIT_MS;
    int failures = 0;

    (void)state;
    assert_int_equal(dr_store_apply(s, "deal", 0, 1, &key, &f, 1, 2, NULL), 0);
    assert_int_equal(kill(getppid(), SIGUSR2), 0);
    while (dr_store_incarnation(s) == 1 ||
           dr_store_facts(s, &lane, &key, 1, &got, &err)) {
        assert_true(dr_mono_ms() < until);
        if (dr_store_facts(s, &lane, &key, 1, &got, &err)) {
            assert_int_equal(err.verdict, DR_RETRY);
            failures++;
        }
    }
    assert_true(failures > 0);
    assert_int_equal(got.state, DR_FACT_NONE);
    dr_store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_come_back),
        cmocka_unit_test(test_many_facts),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_an_older_form),
        cmocka_unit_test(test_emptied),
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_refused_settings),
        cmocka_unit_test(test_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
