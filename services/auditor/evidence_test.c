/* Which of the bodies that were read back is the evidence of a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <drover/crypto/crypto.h>

#include "books_world.h"

/* A page that was asked for before a change may arrive after it. */
static void test_an_older_view_does_not_count(void **state)
{
    struct dr_str body[2];

    (void)state;
    put_landed("new", 20, 5);
    put_landed("old", 10, 6);
    assert_int_equal(books_get_landed(b, S("deals"), 77, S(""), a, body, 2), 1);
    assert_true(dr_str_eqz(body[0], "new"));
    put_landed("newer", 20, 7);
    (void)books_get_landed(b, S("deals"), 77, S(""), a, body, 2);
    assert_true(dr_str_eqz(body[0], "newer"));
}

/* Two lanes write one record within a second, and their answers may be told in
 * any order. */
static void test_each_lane_knows_what_it_wrote(void **state)
{
    static const char *const lanes[] = {"account", "link"};
    struct dr_str body[2];

    (void)state;
    for (int64_t i = 0; i < 2; i++) {
        struct dr_landed l = {.rev = 1,
                              .lane = dr_str_z(lanes[1 - i]),
                              .key = S("company:c1"),
                              .type = S("sales_accounts"),
                              .dst = 78,
                              .how = DR_LANDED_ANSWER,
                              .body = dr_str_z(lanes[1 - i])};
        books_landed(b, &l, 100 + i, 20);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(books_get_landed(b, S("sales_accounts"), 78,
                                          dr_str_z(lanes[i]), a, body, 2),
                         2);
        assert_true(dr_str_eqz(body[0], lanes[i]));
    }
}

/* The newest body, and how many there are. */
static void assert_evidence(const char *body)
{
    struct dr_str got[2];

    assert_int_equal(books_get_landed(b, S("deals"), 77, S(""), a, got, 2), 1);
    assert_true(dr_str_eqz(got[0], body));
}

static void put_done(uint64_t rev, const char *held)
{
    uint8_t hash[DR_SHA256];
    struct fact_row f = {.lane = S("deal"),
                         .key = S("deal:d1"),
                         .type = S("deals"),
                         .landed_hash = {(const char *)hash, sizeof(hash)},
                         .rev = rev,
                         .pass = 1,
                         .dst = 77,
                         .origin = DR_DONE_CREATED};

    dr_sha256(dr_str_z(held), hash);
    books_fact(b, &f);
}

/* A walk shows all that changed, also what people changed since: what the
 * loader found when it said DONE is what it wrote. */
static void test_what_a_walk_shows_later_is_no_evidence(void **state)
{
    (void)state;
    put_landed("ours", 10, 1);
    assert_evidence("ours"); /* nothing better is known */
    put_done(1, "ours");
    put_landed("a person's", 20, 2);
    assert_evidence("ours");
    /* The next version, walked by another loader before its DONE. */
    put_landed("ours again", 30, 3);
    assert_evidence("ours");
    put_done(2, "ours again");
    assert_evidence("ours again");
    put_landed("a person's again", 40, 4);
    assert_evidence("ours again");
    put_done(1, "ours"); /* read again after a restart */
    assert_evidence("ours again");
}

/* Topics are read side by side. */
static void test_evidence_may_arrive_after_its_done(void **state)
{
    (void)state;
    put_done(1, "ours");
    put_landed("a person's", 20, 2);
    put_landed("ours", 10, 1);
    assert_evidence("ours");
    put_fact(true, 2, 1, 0, 0); /* refused: what landed stands */
    put_landed("a person's again", 30, 3);
    assert_evidence("ours");
    put_landed("ours again", 40, 4); /* and both before it */
    put_landed("a person's still", 50, 5);
    put_done(3, "ours again");
    assert_evidence("ours again");
}

/* Two steps: another loader's walk showed the first, our own the second, and
 * all that was read before either DONE. */
static void test_the_first_step_does_not_outlive_the_second(void **state)
{
    (void)state;
    put_landed("working name", 10, 1);
    put_landed_of(1, "name", 20, 2);
    put_done(1, "working name");
    put_done(1, "name");
    assert_evidence("name");
}

/* Times of records are whole seconds: both steps may have the same. */
static void test_two_steps_in_one_second(void **state)
{
    (void)state;
    put_landed("working name", 10, 1);
    put_landed("name", 10, 2);
    put_landed("working name", 10, 3); /* a page that was asked for before */
    put_done(1, "working name");
    put_done(1, "name");
    assert_evidence("name");
    put_landed("working again", 30, 4);
    put_landed_of(2, "name again", 30, 5);
    put_done(2, "working again");
    put_done(2, "name again");
    assert_evidence("name again");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_an_older_view_does_not_count),
        T(test_each_lane_knows_what_it_wrote),
        T(test_what_a_walk_shows_later_is_no_evidence),
        T(test_evidence_may_arrive_after_its_done),
        T(test_the_first_step_does_not_outlive_the_second),
        T(test_two_steps_in_one_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
