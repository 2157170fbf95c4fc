#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lost.h"

static struct fact_row deal(uint64_t rev, uint32_t pass)
{
    return (struct fact_row){
        .type = DR_STR_LIT("deals"), .dst = 7, .rev = rev, .pass = pass};
}

static struct fact_row part(uint64_t rev, uint32_t pass)
{
    return (struct fact_row){
        .refused = true, .deleted = FACT_LOST, .rev = rev, .pass = pass};
}

/* It never got there, so that it names no target. */
static void test_the_first_part_of_it_found_nothing(void **state)
{
    struct fact_row d = deal(5, 1), p = part(6, 1);

    (void)state;
    assert_false(lost(&d));
    assert_true(lost_by_part(&d, &p));
    p.deleted = FACT_STANDS; /* refused for another cause */
    assert_false(lost_by_part(&d, &p));
}

static void test_a_part_of_another_record(void **state)
{
    struct fact_row d = deal(5, 1), p = part(6, 1);

    (void)state;
    p.dst = 7;
    p.type = DR_STR_LIT("deals");
    assert_true(lost_by_part(&d, &p));
    p.dst = 8; /* of before the deal was made anew */
    assert_false(lost_by_part(&d, &p));
    p.dst = 7;
    p.type = DR_STR_LIT("notes");
    assert_false(lost_by_part(&d, &p));
}

static void test_the_newest_word_counts(void **state)
{
    struct fact_row d = deal(5, 1), p = part(4, 1);

    (void)state;
    assert_false(lost_by_part(&d, &p)); /* restored, and written again */
    p.pass = 2; /* it was not written again in that pass */
    assert_true(lost_by_part(&d, &p));
    d.pass = 3;
    p.rev = 9;
    assert_false(lost_by_part(&d, &p));
}

static void test_what_never_stood_or_was_deleted_by_us(void **state)
{
    struct fact_row d = deal(5, 1), p = part(6, 1);

    (void)state;
    d.deleted = FACT_DELETED;
    assert_false(lost_by_part(&d, &p));
    d.deleted = FACT_GONE;
    assert_false(lost_by_part(&d, &p));
    d.deleted = FACT_LOST;
    assert_true(lost(&d));
    d.dst = 0;
    assert_false(lost(&d));
    assert_false(lost_by_part(&d, &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_part_of_it_found_nothing),
        cmocka_unit_test(test_a_part_of_another_record),
        cmocka_unit_test(test_the_newest_word_counts),
        cmocka_unit_test(test_what_never_stood_or_was_deleted_by_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
