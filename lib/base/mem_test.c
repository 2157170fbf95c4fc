/* Arena budgets, the map against a plain model, errors and random numbers. */
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
#include <drover/base/err.h>
#include <drover/base/log.h>
#include <drover/base/map.h>
#include <drover/base/rand.h>

static void test_arena_budget(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(1000);
    struct dr_str s;

    (void)state;
    assert_null(dr_arena_alloc(a, 1001));
    assert_non_null(dr_arena_alloc(a, 900));
    assert_null(dr_arena_alloc(a, 100));
    assert_non_null(dr_arena_alloc(a, 64)); /* smaller ones still fit */
    s = dr_arena_dup(a, DR_STR_LIT("a text that is longer than what is left"));
    assert_null(s.p);
    assert_int_equal(s.n, 0);
    assert_null(dr_arena_calloc(a, SIZE_MAX / 2, 4));
    assert_null(dr_arena_alloc(a, SIZE_MAX));
    assert_true(dr_arena_used(a) <= 1000);
    dr_arena_reset(a);
    assert_int_equal(dr_arena_used(a), 0);
    assert_non_null(dr_arena_alloc(a, 1000 - 16));
}

static void test_arena_wiped(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new((size_t)1 << 20);
    struct dr_str s = dr_arena_dup(a, DR_STR_LIT("hush"));

    (void)state;
    dr_arena_wipe(a); /* the block is kept, so that it may be looked at */
    assert_memory_equal(s.p, "\0\0\0\0", 4);
    assert_int_equal(dr_arena_used(a), 0);
}

static void test_arena_memory(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new((size_t)8 << 20);

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t n = 0; n < 3000; n += 7) {
            unsigned char *p = dr_arena_alloc(a, n);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(p[i], 0); /* also after a reset */
            }
            memset(p, 0xa5, n);
        }
        dr_arena_reset(a);
    }
    assert_string_equal(dr_arena_dupz(a, DR_STR_LIT("abc")), "abc");
    assert_string_equal(dr_arena_printf(a, "%d %s", 7, "x").p, "7 x");
    assert_string_equal(dr_arena_dup(a, dr_str_z(NULL)).p, "");
}

/* Small contents are copied, large ones go over; both count. */
static void test_arena_takes_buffers(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new((size_t)1 << 20);
    struct dr_str small, large, none;
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, (size_t)2 << 20);
    dr_buf_z(&b, "short");
    small = dr_arena_take(a, &b);
    assert_int_equal(b.n, 0);
    for (int i = 0; i < 600000; i++) {
        dr_buf_ch(&b, (char)('a' + i % 26));
    }
    large = dr_arena_take(a, &b);
    assert_int_equal(b.n, 0);
    assert_string_equal(small.p, "short");
    assert_int_equal(large.n, 600000);
    assert_int_equal(strlen(large.p), 600000);
    assert_int_equal(large.p[599999], 'a' + 599999 % 26);
    assert_true(dr_arena_used(a) >= 600000);
    assert_true(dr_buf_reserve(&b, 600000));
    assert_int_equal(b.cap, 600001);
    b.n = 600000;
    none = dr_arena_take(a, &b); /* more than what is left */
    assert_null(none.p);
    assert_int_equal(b.n, 0);
    dr_arena_reset(a);
    assert_int_equal(dr_arena_used(a), 0);
    assert_false(dr_buf_reserve(&b, (size_t)3 << 20));
    dr_buf_done(&b);
}

static int freed;

static void count_free(void *p)
{
    freed++;
    free(p);
}

static void test_map_values(void **state)
{
    struct dr_map *m = dr_map_new(count_free);

    (void)state;
    freed = 0;
    dr_map_put(m, DR_STR_LIT("a"), dr_xstrdup("1"));
    dr_map_put(m, DR_STR_LIT(""), dr_xstrdup("empty"));
    dr_map_put(m, DR_STR_LIT("a\0b"), dr_xstrdup("nul"));
    assert_int_equal(dr_map_count(m), 3);
    assert_string_equal(dr_map_get(m, DR_STR_LIT("")), "empty");
    assert_string_equal(dr_map_get(m, DR_STR_LIT("a\0b")), "nul");
    dr_map_put(m, DR_STR_LIT("a"), dr_xstrdup("2"));
    assert_int_equal(freed, 1);
    assert_string_equal(dr_map_get(m, DR_STR_LIT("a")), "2");
    assert_true(dr_map_del(m, DR_STR_LIT("a")));
    assert_false(dr_map_del(m, DR_STR_LIT("a")));
    assert_int_equal(freed, 2);
    assert_null(dr_map_get(m, DR_STR_LIT("a")));
    dr_map_free(m);
    assert_int_equal(freed, 4);
    dr_map_free(NULL);
}

#define KEYS 500

/* Random puts and deletes against an array; order of insertion on the way. */
static void test_map_model(void **state)
{
    static int value[KEYS], at[KEYS];
    static bool here[KEYS];
    DR_AUTO(dr_map) struct dr_map *m = dr_map_new(NULL);
    size_t live = 0, pos = 0;
    struct dr_rand rnd;
    struct dr_str key;
    void *v;
    int last = -1;

    (void)state;
    dr_rand_init(&rnd, 3);
    for (int i = 0; i < 60000; i++) {
        size_t k = (size_t)dr_rand_below(&rnd, KEYS);
        char text[16];
        struct dr_str s = {text, 0};
        s.n = (size_t)snprintf(text, sizeof(text), "key%zu", k);
        if (dr_rand_below(&rnd, 100) < 55) {
            dr_map_put(m, s, &value[k]);
            live += !here[k];
            at[k] = here[k] ? at[k] : i;
            here[k] = true;
        } else {
            assert_int_equal(dr_map_del(m, s), here[k]);
            live -= here[k];
            here[k] = false;
        }
        assert_int_equal(dr_map_count(m), live);
        assert_ptr_equal(dr_map_get(m, s), here[k] ? &value[k] : NULL);
        assert_int_equal(dr_map_has(m, s), here[k]);
    }
    while (dr_map_next(m, &pos, &key, &v)) {
        ptrdiff_t k = (int *)v - value;
        assert_true(here[k]);
        assert_true(at[k] > last); /* insertion order */
        last = at[k];
        assert_true(dr_map_del(m, key)); /* deleting the current one is fine */
        live--;
    }
    assert_int_equal(live, 0);
    assert_int_equal(dr_map_count(m), 0);
}

static void test_err(void **state)
{
    struct dr_err err = {0};
    char long_text[600];

    (void)state;
    assert_int_equal(
        dr_err_set(&err, DR_REJECT, 7, "contact.email", "longer than %d", 254),
        -1);
    assert_int_equal(err.verdict, DR_REJECT);
    assert_int_equal(err.code, 7);
    assert_string_equal(err.where, "contact.email");
    assert_string_equal(err.text, "longer than 254");
    memset(long_text, 'x', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    assert_int_equal(dr_err_set(&err, DR_HALT, 0, long_text, "%s", long_text),
                     -1);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_int_equal(strlen(err.where), sizeof(err.where) - 1);
    assert_int_equal(dr_err_set(NULL, DR_HALT, 0, "x", "y"), -1);
}

/* Runs `what` in a child; its stderr lands in out. Returns the exit code. */
static int in_child(void (*what)(void), char *out, size_t n)
{
    int fd[2], status;
    size_t got = 0;
    ssize_t r;
    pid_t pid;

    assert_int_equal(pipe(fd), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(fd[1], STDERR_FILENO);
        what();
        _exit(0);
    }
    (void)close(fd[1]);
    while (got + 1 < n && (r = read(fd[0], out + got, n - 1 - got)) > 0) {
        got += (size_t)r;
    }
    out[got] = '\0';
    (void)close(fd[0]);
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status)); /* never by a signal */
    return WEXITSTATUS(status);
}

static void log_hostile(void)
{
    dr_log_init("loader", "m\"1", DR_LOG_INFO);
    dr_log(DR_LOG_DEBUG, "quiet", "not shown");
    dr_log(DR_LOG_WARN, "a.b", "%s", "x\n{\"y\"}\x1b[31m\\ \xff");
}

static void break_invariant(void)
{
    DR_ASSERT(1 + 1 == 3);
}

/* The sanitizers end a program themselves when it asks for this much. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TEST_NO_MEMORY 1
static void ask_too_much(void)
{
    /* volatile: the compiler must not see the size */
    volatile size_t n = SIZE_MAX / 2;
    free(dr_xmalloc(n));
}
#endif

static void test_log_and_exit(void **state)
{
    char out[4096];

    (void)state;
    assert_int_equal(in_child(log_hostile, out, sizeof(out)), 0);
    assert_non_null(strstr(out, "\"migration\":\"m\\\"1\""));
    assert_non_null(strstr(out, "\"level\":\"warn\""));
    assert_non_null(strstr(out, "x\\u000a{\\\"y\\\"}\\u001b[31m\\\\ ?\"}\n"));
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1); /* one line */
    assert_int_equal(in_child(break_invariant, out, sizeof(out)),
                     DR_EXIT_INVARIANT);
    assert_non_null(strstr(out, "1 + 1 == 3"));
#ifdef TEST_NO_MEMORY
    assert_int_equal(in_child(ask_too_much, out, sizeof(out)), DR_EXIT_NOMEM);
#endif
}

static void test_rand(void **state)
{
    struct dr_rand a, b;
    int hits = 0;

    (void)state;
    dr_rand_init(&a, 1);
    dr_rand_init(&b, 1);
    assert_true(dr_rand_u64(&a) == 0x910a2dec89025cc1u); /* splitmix64(1) */
    (void)dr_rand_u64(&b);
    for (int i = 0; i < 100000; i++) {
        assert_true(dr_rand_u64(&a) == dr_rand_u64(&b));
        assert_true(dr_rand_below(&a, 7) < 7);
        (void)dr_rand_u64(&b);
        hits += dr_rand_chance(&a, 250000);
        (void)dr_rand_u64(&b);
    }
    assert_in_range(hits, 24000, 26000);
    assert_int_equal(dr_rand_below(&a, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_budget),
        cmocka_unit_test(test_arena_wiped),
        cmocka_unit_test(test_arena_memory),
        cmocka_unit_test(test_arena_takes_buffers),
        cmocka_unit_test(test_map_values),
        cmocka_unit_test(test_map_model),
        cmocka_unit_test(test_err),
        cmocka_unit_test(test_log_and_exit),
        cmocka_unit_test(test_rand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
