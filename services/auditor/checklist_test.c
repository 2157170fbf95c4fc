/* The checklist: an admin can create everything by it, and nothing in it marks
 * the text up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "checklist.h"

static void made(const char *json, struct dr_buf *out)
{
    struct dr_arena *a = dr_arena_new(1 << 20);
    const struct dr_json *j = dr_json_parse(a, dr_str_z(json), NULL, NULL);

    assert_non_null(j);
    dr_buf_init(out, 1 << 20);
    checklist_md(j, out);
    dr_arena_free(a);
}

static void test_everything_is_said(void **state)
{
    static const char list[] =
        "{\"items\":[{\"kind\":\"field\",\"entity\":\"deals\",\"name\":"
        "\"cf_status\",\"detail\":\"custom field of type dropdown\",\"status\":"
        "\"present\",\"label\":\"Status\",\"type\":\"dropdown\",\"choices\":"
        "[\"Open\",\"Won\"]},{\"kind\":\"pipeline\",\"entity\":\"deals\","
        "\"name\":\"Sales\",\"detail\":\"with its stages\",\"status\":"
        "\"missing\",\"stages\":[{\"name\":\"New\",\"position\":1,"
        "\"probability\":10},{\"name\":\"Won\",\"position\":2,\"probability\":"
        "100,\"forecast_type\":\"Closed Won\"}]},{\"kind\":\"custom_module\","
        "\"entity\":\"cm_x\",\"name\":\"X\",\"detail\":\"\",\"status\":"
        "\"waived\",\"fields\":[{\"label\":\"Deal\",\"type\":\"lookup\","
        "\"relation\":\"deals\",\"multiple\":false},{\"label\":\"Carrier\","
        "\"type\":\"dropdown\",\"choices\":[\"DHL\",\"UPS\"]}]}]}";
    static const char want[] =
        "# What to create in Freshsales\n"
        "\n## To be created\n"
        "\n### pipeline Sales of deals\n\n"
        "- detail: with its stages\n"
        "- stages, 2 in this order:\n\n"
        "| name | position | probability | forecast type |\n"
        "| --- | --- | --- | --- |\n"
        "| New | 1 | 10 |  |\n"
        "| Won | 2 | 100 | Closed Won |\n\n"
        "\n## Waived: not asked for\n"
        "\n### custom module X of cm\\_x\n\n"
        "- fields, 2 in this order:\n\n"
        "| label | type | relation | multiple | choices |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| Deal | lookup | deals | no |  |\n"
        "| Carrier | dropdown |  |  | DHL, UPS |\n\n"
        "\n## There already\n"
        "\n### field cf\\_status of deals\n\n"
        "- detail: custom field of type dropdown\n"
        "- label: Status\n"
        "- type: dropdown\n"
        "- choices, 2 in this order:\n"
        "  1. Open\n"
        "  2. Won\n";
    struct dr_buf out;

    (void)state;
    made(list, &out);
    assert_string_equal(out.p, want);
    dr_buf_done(&out);
}

/* Values of a CRM neither end a line nor begin a list, a heading or a link. */
static void test_hostile(void **state)
{
    struct dr_buf out;

    (void)state;
    made("{\"items\":[{\"kind\":\"field\",\"entity\":\"deals\",\"name\":"
         "\"a\\n# b|[x](y)<i>\",\"status\":\"missing\",\"choices\":"
         "[\"- x\",\"12. y\",\"# z\"]}]}",
         &out);
    assert_non_null(strstr(out.p, "### field a \\# b\\|\\[x\\](y)\\<i\\> of"));
    assert_non_null(strstr(out.p, "  1. \\- x\n  2. 12\\. y\n  3. \\# z\n"));
    dr_buf_done(&out);
    made("{\"items\":[null,3,{\"choices\":5,\"stages\":[],\"status\":"
         "\"missing\"}]}",
         &out);
    dr_buf_done(&out);
    made("[]", &out);
    assert_non_null(strstr(out.p, "Nothing is missing."));
    dr_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_said),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
