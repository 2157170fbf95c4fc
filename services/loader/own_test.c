/* Owning a partition: recovery, claims, theft, roll back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "own.h"

static const uint8_t mine[DR_LEDGER_NONCE] = "my own nonce 16b";
static const uint8_t theirs[DR_LEDGER_NONCE] = "their own nonce!";

static enum own_wish owner(struct own *o, uint64_t epoch, const uint8_t *nonce,
                           int64_t offset)
{
    struct dr_env env = {.kind = DR_MSG_OWNER};
    struct dr_folded folded;

    env.u.owner = (struct dr_owner){
        .epoch = epoch, .nonce = {(const char *)nonce, DR_LEDGER_NONCE}};
    return own_record(o, &env, offset, &folded);
}

static enum own_wish intent(struct own *o, uint64_t epoch, const uint8_t *nonce,
                            int64_t offset)
{
    struct dr_env env = {.kind = DR_MSG_INTENT};
    struct dr_intent_item item = {.key = DR_STR_LIT("k"), .attempt = 1};
    struct dr_folded folded;

    env.u.intent =
        (struct dr_intent){.epoch = epoch,
                           .nonce = {(const char *)nonce, DR_LEDGER_NONCE},
                           .items = &item,
                           .item_count = 1};
    return own_record(o, &env, offset, &folded);
}

static void an_empty_partition_gets_meta_and_an_owner(void **state)
{
    struct own_view v = {.applied = -1, .oldest = -1};
    struct own o;

    (void)state;
    own_init(&o);
    assert_int_equal(own_start(&o, &v, 0, true, mine), 0);
    assert_int_equal(own_check(&o), OWN_APPEND_META);
    assert_int_equal(o.epoch, 1);
    assert_int_equal(own_skip(&o, 0), OWN_NOTHING); /* META */
    assert_int_equal(owner(&o, 1, mine, 1), OWN_READY);
    assert_true(own_active(&o));
    own_done(&o);
}

static void a_claim_reads_to_the_end_first(void **state)
{
    struct own_view v = {.applied = -1, .oldest = -1};
    struct own o;

    (void)state;
    own_init(&o);
    assert_int_equal(own_start(&o, &v, 3, true, mine), 0);
    assert_int_equal(own_check(&o), OWN_NOTHING);
    assert_int_equal(own_skip(&o, 0), OWN_NOTHING);
    assert_int_equal(owner(&o, 4, theirs, 1), OWN_NOTHING);
    assert_int_equal(intent(&o, 4, theirs, 2), OWN_APPEND_OWNER);
    assert_int_equal(o.epoch, 5);
    assert_non_null(dr_fold_unsettled(o.fold, DR_STR_LIT("k")));
    assert_int_equal(owner(&o, 5, mine, 3), OWN_READY);
    own_done(&o);
}

static void a_recovery_starts_at_the_oldest_open_intent(void **state)
{
    struct own_view v = {.applied = 100, .oldest = 40, .epoch = 7};
    struct own o;

    (void)state;
    own_init(&o);
    assert_int_equal(own_start(&o, &v, 101, true, mine), 40);
    assert_int_equal(intent(&o, 6, theirs, 40), OWN_NOTHING);
    assert_int_equal(own_skip(&o, 100), OWN_APPEND_OWNER);
    assert_int_equal(o.epoch, 8);
    assert_non_null(dr_fold_unsettled(o.fold, DR_STR_LIT("k")));
    own_done(&o);
    /* An id map of another log: from the start. */
    own_init(&o);
    assert_int_equal(own_start(&o, &v, 50, true, mine), 0);
    own_done(&o);
}

static void who_comes_second_tries_again(void **state)
{
    struct own_view v = {.applied = -1, .oldest = -1};
    struct own o;

    (void)state;
    own_init(&o);
    (void)own_start(&o, &v, 0, true, mine);
    (void)own_check(&o);
    assert_int_equal(owner(&o, 1, theirs, 0), OWN_APPEND_OWNER);
    assert_int_equal(o.epoch, 2);
    assert_int_equal(owner(&o, 1, mine, 1), OWN_NOTHING);
    assert_int_equal(owner(&o, 2, mine, 2), OWN_READY);
    own_done(&o);
}

static void theft_and_roll_back_step_us_down(void **state)
{
    struct own_view v = {.applied = -1, .oldest = -1};
    struct dr_env roll = {.kind = DR_MSG_ROLL};
    struct dr_folded folded;
    struct own o;

    (void)state;
    own_init(&o);
    (void)own_start(&o, &v, 0, true, mine);
    (void)own_check(&o);
    (void)owner(&o, 1, mine, 0);
    assert_int_equal(owner(&o, 2, theirs, 1), OWN_STEP_DOWN);
    assert_false(own_active(&o));
    own_done(&o);
    own_init(&o);
    (void)own_start(&o, &v, 0, true, mine);
    (void)own_check(&o);
    (void)owner(&o, 1, mine, 0);
    roll.u.roll = (struct dr_roll){.epoch = 2};
    assert_int_equal(own_record(&o, &roll, 1, &folded), OWN_STEP_DOWN);
    assert_int_equal(o.state, OWN_LOST);
    own_done(&o);
}

static void a_view_only_recovery_claims_nothing(void **state)
{
    struct own_view v = {.applied = 4, .oldest = -1, .epoch = 3};
    struct own o;

    (void)state;
    own_init(&o);
    assert_int_equal(own_start(&o, &v, 7, false, mine), 5);
    assert_int_equal(own_skip(&o, 5), OWN_NOTHING);
    assert_int_equal(own_skip(&o, 6), OWN_UP_TO_DATE);
    assert_int_equal(o.state, OWN_IDLE);
    own_done(&o);
}

static void another_configuration_is_refused(void **state)
{
    struct own_view v = {.applied = -1, .oldest = -1};
    struct dr_env meta = {.kind = DR_MSG_META};
    struct dr_folded folded;
    struct dr_err err;
    struct own o;

    (void)state;
    own_init(&o);
    (void)own_start(&o, &v, 1, true, mine);
    meta.u.meta = (struct dr_meta){.partitions = 6,
                                   .partitioner = DR_LEDGER_PARTITIONER,
                                   .mapping = DR_LEDGER_MAPPING};
    (void)own_record(&o, &meta, 0, &folded);
    assert_int_equal(own_meta_fits(&o, 6, &err), 0);
    assert_int_equal(own_meta_fits(&o, 12, &err), -1);
    own_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_partition_gets_meta_and_an_owner),
        cmocka_unit_test(a_claim_reads_to_the_end_first),
        cmocka_unit_test(a_recovery_starts_at_the_oldest_open_intent),
        cmocka_unit_test(who_comes_second_tries_again),
        cmocka_unit_test(theft_and_roll_back_step_us_down),
        cmocka_unit_test(a_view_only_recovery_claims_nothing),
        cmocka_unit_test(another_configuration_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
