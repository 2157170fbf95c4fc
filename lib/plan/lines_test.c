/* Lines of another currency than their deal: what each decision makes of them,
 * and what it says of itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "golden_test.h"

static struct world world;

/* The plan of a proposal; its text in the world's arena. */
static struct dr_plan *plan_of(bool as_deal, struct dr_str *text)
{
    struct dr_profile *profile = world_profile(&world, 0, 1);
    struct dr_propose_opts o = {.lines_as_deal = as_deal,
                                .house_owner = world.house_owner};
    struct dr_proposal p;
    struct dr_err err = {0};
    struct dr_plan *plan;

    dr_proposal_init(&p);
    assert_int_equal(dr_plan_propose(profile, &world.c, &o, &p, &err), 0);
    *text = dr_arena_dup(world.a, dr_buf_view(&p.plan));
    plan = dr_plan_parse(*text, &err);
    assert_non_null(plan);
    dr_proposal_done(&p);
    dr_profile_free(profile);
    return plan;
}

static struct dr_outcome apply(const struct dr_plan *p, const char *path)
{
    struct dr_apply_opts o = {
        .migration = DR_STR_LIT("m"), .generation = 1, .pass = 1};
    struct dr_outcome out;
    struct dr_err err = {0};

    for (size_t i = 0; i < world.n; i++) {
        if (strcmp(world.v[i].path, path) == 0) {
            assert_int_equal(
                dr_plan_apply(p, &world.v[i].source, &o, world.a, &out, &err),
                0);
            return out;
        }
    }
    fail_msg("no record %s", path);
    return out;
}

static size_t notes_on_currency(const struct dr_outcome *out, const char *to)
{
    size_t n = 0;

    for (size_t i = 0; i < out->note_count; i++) {
        n += dr_str_eqz(out->notes[i].field, "currency") &&
             dr_str_eqz(out->notes[i].target, to);
    }
    return n;
}

static void holds(struct dr_str text, const char *what)
{
    if (dr_str_find(text, dr_str_z(what)) == SIZE_MAX) {
        fail_msg("the plan does not hold %s", what);
    }
}

static void test_rejected(void **state)
{
    struct dr_str text;
    struct dr_plan *p = plan_of(false, &text);
    struct dr_outcome out = apply(p, "line_item/currency");

    (void)state;
    assert_int_equal(out.part_reject_count, 1);
    assert_true(dr_str_eqz(out.part_rejects[0].part_id, "l_21"));
    assert_true(dr_str_eqz(out.part_rejects[0].class, "other_currency"));
    assert_true(out.part_rejects[0].cure.n > 0);
    assert_int_equal(out.loads[0].line_count, 3);
    assert_int_equal(notes_on_currency(&out, "EUR"), 0);
    holds(text, "\"lines\":{\"currency\":\"reject\"");
    holds(text, "{\"code\":\"W-CUR\",\"currency\":\"USD\",\"deal_currency\":"
                "\"EUR\",\"records\":1,\"sum\":\"199.8\"}");
    dr_plan_free(p);
}

static void test_as_the_deal(void **state)
{
    struct dr_str text;
    struct dr_plan *p = plan_of(true, &text);
    struct dr_outcome out = apply(p, "line_item/currency");

    (void)state;
    assert_int_equal(out.part_reject_count, 0);
    assert_int_equal(out.loads[0].line_count, 4);
    assert_int_equal(notes_on_currency(&out, "EUR"), 1);
    holds(text, "\"lines\":{\"currency\":\"deal\"");
    dr_plan_free(p);
}

static void test_of_a_deal_that_was_not_read(void **state)
{
    struct dr_str text;
    struct dr_plan *p = plan_of(false, &text);
    struct dr_outcome out = apply(p, "line_item/currency_unknown");

    (void)state;
    assert_int_equal(out.loads[0].line_count, 1);
    assert_int_equal(notes_on_currency(&out, ""), 1);
    dr_plan_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rejected), cmocka_unit_test(test_as_the_deal),
        cmocka_unit_test(test_of_a_deal_that_was_not_read)};
    int rc;

    world_open(&world);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    world_close(&world);
    return rc;
}
