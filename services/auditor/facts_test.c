/* The ledger's words, as the books keep them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "facts.h"

#define S(z) DR_STR_LIT(z)

static struct fact_row row_of(struct dr_str lane, uint32_t step,
                              enum dr_done_how how)
{
    struct dr_fold *f DR_AUTO(dr_fold) = dr_fold_new();
    struct dr_env env = {.kind = DR_MSG_DONE};
    struct dr_folded out = {0};

    env.u.done = (struct dr_done){.key = S("line_item:d1"),
                                  .type = S("deals"),
                                  .content_hash = S("content"),
                                  .landed_hash = S("landed"),
                                  .dst = 77,
                                  .rev = 2,
                                  .how = how,
                                  .step = step};
    dr_fold_accept(f, &env, 1, &out);
    assert_int_equal(out.what, DR_FOLD_FACT);
    return facts_row(lane, &out.fact, &env);
}

/* What is said of a deal before its lines are sent is no word of lines. */
static void test_lines_stand_once_they_landed(void **state)
{
    const struct dr_str set = S("deal_product");

    (void)state;
    assert_int_equal(row_of(set, 1, DR_DONE_DISCOVERED).dst, 0);
    assert_int_equal(row_of(set, 1, DR_DONE_ANSWERED).dst, 77);
    assert_int_equal(row_of(set, 0, DR_DONE_DISCOVERED).dst, 77);
    assert_int_equal(row_of(S("deal"), 1, DR_DONE_DISCOVERED).dst, 77);
}

static void test_the_first_of_two_steps_has_no_content(void **state)
{
    (void)state;
    assert_int_equal(row_of(S("deal"), 1, DR_DONE_ANSWERED).content_hash.n, 0);
    assert_true(dr_str_eqz(row_of(S("deal"), 2, DR_DONE_ANSWERED).content_hash,
                           "content"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_stand_once_they_landed),
        cmocka_unit_test(test_the_first_of_two_steps_has_no_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
