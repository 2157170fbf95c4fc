/* Wishes of a proposal: what is understood, what is refused, and that what is
 * kept is what was said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wishes.h"

static void test_round_trip(void **state)
{
    static const char said[] =
        "{\"fallback_owner\":7,\"house_owner\":31000000005,"
        "\"orphan_account\":\"Nobody's\",\"scope\":[\"company\",\"deal\"],"
        "\"custom_objects\":[\"co_x=notes\"],\"calls\":\"call_log\","
        "\"html\":\"keep\",\"long_texts\":\"note\",\"events\":\"report\","
        "\"line_currency\":\"deal\","
        "\"files\":{\"max_bytes\":"
        "1000,\"storage_bytes\":5000000000,\"too_large\":\"skip\","
        "\"beyond\":\"link\","
        "\"broken\":\"reject\"}}";
    struct dr_arena *a = dr_arena_new(1 << 20);
    struct dr_buf again;
    struct dr_json_w w;
    struct wishes got;

    (void)state;
    assert_int_equal(
        wishes_parse(dr_json_parse(a, dr_str_z(said), NULL, NULL), &got, NULL),
        0);
    assert_int_equal(got.house_owner, 31000000005);
    assert_int_equal(got.scope_count, 2);
    assert_true(got.calls_as_logs && got.html_keep && got.events_report);
    assert_true(wishes_opts(&got).lines_as_deal);
    dr_buf_init(&again, 1 << 16);
    dr_json_w_init(&w, &again);
    wishes_write(&got, &w);
    assert_string_equal(again.p, said);
    dr_buf_done(&again);
    dr_arena_free(a);
}

static void test_none(void **state)
{
    struct wishes got;

    (void)state;
    assert_int_equal(wishes_parse(NULL, &got, NULL), 0);
    assert_false(got.calls_as_logs || got.html_keep || got.events_report);
    assert_true(got.long_notes); /* nothing is cut off without a copy */
    assert_int_equal(wishes_opts(&got).scope_count, 0);
    assert_string_equal(wishes_opts(&got).files_beyond, "upload");
}

static void test_refused(void **state)
{
    static const char *const bad[][2] = {
        {"{\"house_owner\":\"x\"}", "house_owner"},
        {"{\"fallback_owner\":-1}", "fallback_owner"},
        {"{\"calls\":\"phone\"}", "call_log"},
        {"{\"html\":\"yes\"}", "keep"},
        {"{\"events\":\"no\"}", "report"},
        {"{\"line_currency\":\"EUR\"}", "reject or deal"},
        {"{\"files\":{\"too_large\":\"cut\"}}", "skip"},
        {"{\"files\":{\"too_large\":\"upload\"}}", "note or link or skip"},
        {"{\"files\":{\"beyond\":\"drop\"}}",
         "beyond is upload or note or link or skip"},
        {"{\"files\":{\"max_bytes\":\"1e9\"}}", "max_bytes"}};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(bad); i++) {
        struct dr_arena *a = dr_arena_new(1 << 20);
        struct dr_err err = {0};
        struct wishes got;
        assert_int_equal(
            wishes_parse(dr_json_parse(a, dr_str_z(bad[i][0]), NULL, NULL),
                         &got, &err),
            -1);
        if (!strstr(err.text, bad[i][1])) {
            fail_msg("%s: %s", bad[i][0], err.text);
        }
        dr_arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
