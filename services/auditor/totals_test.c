/* Sums of both sides, and what explains the difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "totals.h"

#define S(z) DR_STR_LIT(z)

static const char plan_text[] =
    "{\"objects\":[{\"object\":\"deal\",\"fields\":["
    "{\"rule\":\"deal.amount\",\"source\":\"amount\",\"target\":\"amount\","
    "\"transform\":\"special:amount\"},"
    "{\"rule\":\"deal.profit\",\"source\":\"profit\",\"target\":\"cf_profit\","
    "\"transform\":\"number\"}]},{\"object\":\"line_item\",\"fields\":["
    "{\"rule\":\"line_item.unit_price\",\"source\":\"unit_price\","
    "\"target\":\"unit_price\",\"transform\":\"special:unit_price\"},"
    "{\"rule\":\"line_item.discount\",\"source\":\"discount\","
    "\"target\":\"discount\",\"transform\":\"special:discount\"}]}]}";

struct scene {
    struct dr_arena *a;
    struct totals *t;
};

static void scene_open(struct scene *s)
{
    s->a = dr_arena_new(1 << 20);
    s->t = totals_new(dr_json_parse(s->a, S(plan_text), NULL, NULL));
}

static void scene_close(struct scene *s)
{
    totals_free(s->t);
    dr_arena_free(s->a);
}

static void put(struct scene *s, const char *id, const char *source,
                const char *target, const char *state, uint64_t dst,
                const char *told)
{
    struct dr_source rec = {.object = S("deal"),
                            .id = dr_str_z(id),
                            .op = DR_SRC_UPSERT,
                            .body = dr_str_z(source)};
    struct judge_case c = {.rec = &rec};
    struct record_row r = {.object = rec.object,
                           .id = rec.id,
                           .state = state,
                           .type = S("deals"),
                           .target = dst};
    struct judged_field f = {
        .id = rec.id, .field = dr_str_z(told), .verdict = JUDGED_INTENDED};

    if (target) {
        c.loads[0].bodies[0] =
            dr_json_parse(s->a, dr_str_z(target), NULL, NULL);
        c.loads[0].body_count = 1;
    }
    if (told) {
        totals_field(s->t, &f);
    }
    totals_record(s->t, &r);
    totals_add(s->t, &c, s->a);
}

static bool is_of(struct scene *s, const char *object, const char *want)
{
    struct dr_json_w w;
    struct dr_buf b;
    bool balanced;

    dr_buf_init(&b, 1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    balanced = totals_write(s->t, object, &w);
    dr_json_w_end(&w);
    if (dr_str_find(dr_buf_view(&b), dr_str_z(want)) == SIZE_MAX) {
        fail_msg("%s\nis not in\n%s", want, b.p);
    }
    dr_buf_done(&b);
    return balanced;
}

static bool is(struct scene *s, const char *want)
{
    return is_of(s, "deal", want);
}

/* A line of these properties, and what the deal holds of it. */
static void put_held(struct scene *s, struct dr_str properties,
                     const char *held, const char *told)
{
    struct dr_part part = {
        .id = S("l1"),
        .body = dr_arena_printf(s->a, "{\"properties\":" DR_STR_FMT "}",
                                DR_STR_ARG(properties))};
    struct dr_source rec = {.object = S("line_item"),
                            .id = S("d1"),
                            .op = DR_SRC_UPSERT,
                            .parts = &part,
                            .part_count = 1};
    uint64_t product = 800;
    struct dr_line line = {.id = part.id};
    struct dr_load load = {.lines = &line, .line_count = 1};
    struct dr_outcome out = {.loads = &load, .load_count = 1};
    struct judge_case c = {.rec = &rec, .out = &out};
    struct record_row r = {.object = rec.object,
                           .id = part.id,
                           .state = "landed",
                           .type = S("deals"),
                           .target = 1};
    struct judged_field f = {
        .id = part.id, .field = dr_str_z(told), .verdict = JUDGED_INTENDED};

    c.loads[0].lines = &product;
    c.loads[0].bodies[0] = dr_json_parse(
        s->a,
        dr_arena_printf(s->a, "{\"products\":[{\"product_id\":800,%s}]}", held),
        NULL, NULL);
    c.loads[0].body_count = 1;
    if (*told) {
        totals_field(s->t, &f);
    }
    totals_record(s->t, &r);
    totals_add(s->t, &c, s->a);
}

/* A line at 190.51 of this currency, which stands in a deal of EUR. */
static void put_line(struct scene *s, const char *currency, bool told)
{
    put_held(s,
             dr_arena_printf(
                 s->a, "{\"unit_price\":\"190.51\",\"currency\":%s}", currency),
             "\"unit_price\":190.51,\"currency_code\":\"EUR\"",
             told ? "currency" : "");
}

/* Percents are no money: each kind has a sum of its own, and a line without a
 * discount, which has no kind, is in neither. */
static void test_percents_are_no_money(void **state)
{
    static const char money[] =
        "\"currency\":\"EUR\",\"source\":\"30\",\"target\":\"30\","
        "\"explained\":\"0\",\"difference\":\"0\"";
    static const char percents[] =
        "\"unit\":\"percent\",\"source\":\"12.5\",\"target\":\"12.5\","
        "\"explained\":\"0\",\"difference\":\"0\"";
    struct scene s;

    (void)state;
    scene_open(&s);
    put_held(&s,
             S("{\"discount\":\"12.5\",\"discount_type\":\" Percent\","
               "\"currency\":\"EUR\"}"),
             "\"discount\":12.5,\"discount_type\":1,"
             "\"currency_code\":\"EUR\"",
             "");
    put_held(&s,
             S("{\"discount\":\"30\",\"discount_type\":\"amount\","
               "\"currency\":\"EUR\"}"),
             "\"discount\":30,\"discount_type\":2,"
             "\"currency_code\":\"EUR\"",
             "");
    put_held(&s, S("{\"discount\":null,\"currency\":\"EUR\"}"),
             "\"discount\":0,\"discount_type\":1,\"currency_code\":\"EUR\"",
             "");
    assert_true(is_of(&s, "line_item", money));
    assert_true(is_of(&s, "line_item", percents));
    scene_close(&s);
    scene_open(&s); /* 10 EUR instead of 10 percent, and nobody says so */
    put_held(&s,
             S("{\"discount\":\"10\",\"discount_type\":\"percent\","
               "\"currency\":\"EUR\"}"),
             "\"discount\":10,\"discount_type\":2,"
             "\"currency_code\":\"EUR\"",
             "");
    assert_false(is_of(&s, "line_item",
                       "\"unit\":\"percent\",\"source\":\"10\","
                       "\"target\":\"0\",\"explained\":\"0\","
                       "\"difference\":\"10\""));
    scene_close(&s);
    scene_open(&s); /* of a set in another currency a percent is the same */
    put_held(&s,
             S("{\"discount\":\"10\",\"discount_type\":\"percent\","
               "\"currency\":\"USD\"}"),
             "\"discount\":10,\"discount_type\":1,"
             "\"currency_code\":\"EUR\"",
             "");
    assert_true(is_of(&s, "line_item",
                      "\"unit\":\"percent\",\"source\":\"10\","
                      "\"target\":\"10\",\"explained\":\"0\""));
    scene_close(&s);
}

/* Each side in the currency that it is really in. */
static void test_a_line_of_another_currency(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    put_line(&s, "\"USD\"", true);
    assert_true(is_of(&s, "line_item",
                      "\"currency\":\"USD\",\"source\":\"190.51\","
                      "\"target\":\"0\",\"explained\":\"190.51\","
                      "\"difference\":\"0\""));
    assert_true(is_of(&s, "line_item",
                      "\"currency\":\"EUR\",\"source\":\"0\","
                      "\"target\":\"190.51\",\"explained\":\"-190.51\","
                      "\"difference\":\"0\""));
    scene_close(&s);
    scene_open(&s);
    put_line(&s, "\"EUR\"", false);
    put_line(&s, "null", false); /* it is in its deal's */
    assert_true(is_of(&s, "line_item",
                      "\"currency\":\"EUR\",\"source\":\"381.02\","
                      "\"target\":\"381.02\",\"explained\":\"0\""));
    scene_close(&s);
    scene_open(&s);
    put_line(&s, "\"USD\"", false); /* and nobody says so */
    assert_false(is_of(&s, "line_item", "\"difference\":\"190.51\""));
    scene_close(&s);
}

static void test_exact_sums(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    put(&s, "1",
        "{\"properties\":{\"amount\":\"100000000000000000.10\","
        "\"currency\":\"USD\"}}",
        "{\"amount\":\"100000000000000000.1\"}", "landed", 1, NULL);
    put(&s, "2", "{\"properties\":{\"amount\":\"0.2\",\"currency\":\"USD\"}}",
        "{\"amount\":\"0.2\"}", "landed", 2, NULL);
    put(&s, "3", "{\"properties\":{\"amount\":\"5\",\"currency\":\"EUR\"}}",
        "{\"amount\":\"5.0\"}", "landed", 3, NULL);
    assert_true(is(&s, "\"currency\":\"USD\",\"source\":\"100000000000000000.3"
                       "\",\"target\":\"100000000000000000.3\","
                       "\"explained\":\"0\",\"difference\":\"0\""));
    assert_true(is(&s, "\"currency\":\"EUR\",\"source\":\"5\""));
    scene_close(&s);
}

/* One cent that nothing explains, and the books do not balance. */
static void test_a_cent_is_missing(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    put(&s, "1", "{\"properties\":{\"amount\":\"10.01\"}}",
        "{\"amount\":\"10.0\"}", "landed", 1, NULL);
    assert_false(is(&s, "\"difference\":\"0.01\""));
    scene_close(&s);
}

static void test_explained(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    put(&s, "1", "{\"properties\":{\"amount\":\"10\"}}", NULL, "parked", 0,
        NULL);
    put(&s, "2", "{\"properties\":{\"amount\":\"7\"}}", "{\"amount\":\"6\"}",
        "landed", 2, "amount");
    /* two records that became one: the second's value is nowhere */
    put(&s, "3", "{\"properties\":{\"amount\":\"1\"}}", "{\"amount\":\"1\"}",
        "merged", 3, NULL);
    put(&s, "4", "{\"properties\":{\"amount\":\"2\"}}", "{\"amount\":\"1\"}",
        "merged", 3, NULL);
    assert_true(is(&s, "\"source\":\"20\",\"target\":\"7\","
                       "\"explained\":\"13\",\"difference\":\"0\""));
    scene_close(&s);
}

/* What is no decimal, or one of absurd length, counts 0 on every side. */
static void test_hostile_numbers(void **state)
{
    static const char *const values[] = {
        "\"1e400\"",
        "\"abc\"",
        "\"\"",
        "null",
        "\"0x10\"",
        "\" \"",
        "\"9999999999999999999999999999999999999999999999999999999999999999999"
        "999999999999999999999999999\""};
    char text[256];
    struct scene s;

    (void)state;
    scene_open(&s);
    for (size_t i = 0; i < DR_ARRAY_LEN(values); i++) {
        (void)snprintf(text, sizeof(text), "{\"properties\":{\"profit\":%s}}",
                       values[i]);
        put(&s, "1", text, NULL, "rejected", 0, NULL);
    }
    assert_true(is(&s, "\"field\":\"profit\",\"target_field\":\"cf_profit\","
                       "\"source\":\"0\",\"target\":\"0\""));
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_sums),
        cmocka_unit_test(test_a_line_of_another_currency),
        cmocka_unit_test(test_percents_are_no_money),
        cmocka_unit_test(test_a_cent_is_missing),
        cmocka_unit_test(test_explained),
        cmocka_unit_test(test_hostile_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
