/* The contiguous prefix, against a plain set of offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <drover/base/rand.h>
#include <drover/kafka/offsets.h>

static void test_prefix_waits_for_the_oldest(void **state)
{
    struct dr_offsets o;

    (void)state;
    dr_offsets_init(&o);
    assert_int_equal(dr_offsets_prefix(&o), -1);
    assert_true(dr_offsets_idle(&o));
    dr_offsets_take(&o, 100);
    dr_offsets_take(&o, 101);
    dr_offsets_take(&o, 102);
    assert_int_equal(dr_offsets_prefix(&o), 100);
    dr_offsets_settle(&o, 102);
    dr_offsets_settle(&o, 101);
    assert_int_equal(dr_offsets_prefix(&o), 100);
    assert_false(dr_offsets_idle(&o));
    dr_offsets_settle(&o, 100);
    assert_int_equal(dr_offsets_prefix(&o), 103);
    assert_true(dr_offsets_idle(&o));
}

static void test_gaps_count_as_settled(void **state)
{
    struct dr_offsets o;

    (void)state;
    dr_offsets_init(&o);
    dr_offsets_take(&o, 5);
    dr_offsets_take(&o, 9); /* 6..8 are not in the log */
    dr_offsets_settle(&o, 5);
    assert_int_equal(dr_offsets_prefix(&o), 9);
    dr_offsets_settle(&o, 9);
    assert_int_equal(dr_offsets_prefix(&o), 10);
    dr_offsets_take(&o, 1000000000000); /* idle: any gap is fine */
    assert_int_equal(dr_offsets_prefix(&o), 1000000000000);
    dr_offsets_settle(&o, 1000000000000);
    assert_int_equal(dr_offsets_prefix(&o), 1000000000001);
}

static void test_full_is_back_pressure(void **state)
{
    struct dr_offsets o;
    int64_t at = 7;

    (void)state;
    dr_offsets_init(&o);
    while (!dr_offsets_full(&o)) {
        dr_offsets_take(&o, at++);
    }
    assert_int_equal(at - 7, DR_OFFSETS_WINDOW / 2);
    /* The oldest is what holds everything up. */
    for (int64_t i = 8; i < at; i++) {
        dr_offsets_settle(&o, i);
    }
    assert_true(dr_offsets_full(&o));
    assert_int_equal(dr_offsets_prefix(&o), 7);
    dr_offsets_settle(&o, 7);
    assert_false(dr_offsets_full(&o));
    assert_int_equal(dr_offsets_prefix(&o), at);
}

#define SPAN 60000

/* Random takes, gaps and settles: the prefix is the smallest unsettled. */
static void test_against_a_set(void **state)
{
    static uint8_t kind[SPAN]; /* 0 not in the log, 1 taken, 2 settled */
    struct dr_offsets o;
    struct dr_rand r;
    int64_t next = 0, first = 0;

    (void)state;
    dr_rand_init(&r, 42);
    dr_offsets_init(&o);
    while (next < SPAN - 8) {
        if (!dr_offsets_full(&o) && dr_rand_chance(&r, 520000)) {
            next +=
                dr_rand_chance(&r, 100000) ? (int64_t)dr_rand_below(&r, 6) : 0;
            kind[next] = 1;
            dr_offsets_take(&o, next++);
        } else {
            int64_t at = first + (int64_t)dr_rand_below(
                                     &r, (uint64_t)(next - first) + 1);
            if (at < next && kind[at] == 1) {
                kind[at] = 2;
                dr_offsets_settle(&o, at);
            }
        }
        while (first < next && kind[first] != 1) {
            first++;
        }
        if (next > 0) {
            assert_int_equal(dr_offsets_prefix(&o), first);
            assert_int_equal(dr_offsets_idle(&o), first == next);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_waits_for_the_oldest),
        cmocka_unit_test(test_gaps_count_as_settled),
        cmocka_unit_test(test_full_is_back_pressure),
        cmocka_unit_test(test_against_a_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
