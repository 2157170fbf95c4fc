/* The checklist: an admin can create everything by it, nothing in it marks the
 * text up, and only what is there is told as there. */
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

/* ---- what an earlier proposal asked for ---- */

#define ITEM(kind, entity, name, more)                                  \
    "{\"kind\":\"" kind "\",\"entity\":\"" entity "\",\"name\":\"" name \
    "\",\"detail\":\"d\",\"status\":\"missing\"" more "}"

static const char fields[] =
    "{\"deals\":[{\"name\":\"cf_status\",\"choices\":[{\"value\":\"Open\"},"
    "{\"value\":\"Won\"}]}]}";
static const char selectors[] =
    "{\"users\":[{\"email\":\"a@x.example\",\"is_active\":true},"
    "{\"email\":\"b@x.example\",\"is_active\":false}],"
    "\"currencies\":[{\"currency_code\":\"EUR\",\"is_active\":true},"
    "{\"currency_code\":\"USD\",\"is_active\":false}],"
    "\"lead_sources\":[{\"id\":1,\"name\":\"Fair\"}],"
    "\"lifecycle_stages\":[{\"id\":7,\"name\":\"Lead\"},"
    "{\"id\":8,\"name\":\"Other\"}],"
    "\"contact_statuses\":[{\"name\":\"New\",\"lifecycle_stage_id\":7}],"
    "\"sales_activity_types\":[{\"name\":\"SMS\"}],"
    "\"deal_pipelines\":[{\"name\":\"Sales\",\"deal_stages\":["
    "{\"name\":\"Won\"}]}]}";
static const char modules[] = "[{\"entity_name\":\"cm_x\"}]";

/* What is made of one item of before, when nothing is missing now. */
static bool told_as_present(const char *item)
{
    struct dr_arena *a = dr_arena_new(1 << 20);
    const struct dr_catalogs c = {
        .dst_fields = dr_json_parse(a, dr_str_z(fields), NULL, NULL),
        .dst_selectors = dr_json_parse(a, dr_str_z(selectors), NULL, NULL),
        .dst_modules = dr_json_parse(a, dr_str_z(modules), NULL, NULL)};
    struct dr_str list = dr_arena_printf(a, "{\"items\":[%s]}", item);
    const struct dr_json *items;
    struct dr_buf out;
    bool present;

    assert_non_null(c.dst_fields);
    assert_non_null(c.dst_selectors);
    assert_non_null(c.dst_modules);
    dr_buf_init(&out, 1 << 20);
    checklist_merge(dr_json_parse(a, DR_STR_LIT("{\"items\":[]}"), NULL, NULL),
                    dr_json_parse(a, list, NULL, NULL), &c, a, &out);
    items = dr_json_get(
        dr_json_parse(a, dr_arena_dup(a, dr_buf_view(&out)), NULL, NULL),
        "items");
    assert_int_equal(dr_json_type(items), DR_JSON_ARRAY);
    present = items->count == 1;
    if (present) {
        assert_true(dr_str_eqz(dr_json_get_str(dr_json_at(items, 0), "status"),
                               "present"));
    }
    dr_buf_done(&out);
    dr_arena_free(a);
    return present;
}

/* A proposal that asks for less has created nothing: only what the catalogue
 * shows is there. */
static void test_only_what_is_there_is_told_as_there(void **state)
{
    static const char *const there[] = {
        ITEM("field", "deals", "cf_status", ""),
        ITEM("choice", "deals", "cf_status", ",\"choices\":[\"Won\"]"),
        ITEM("user", "users", "a@x.example", ""),
        ITEM("currency", "deals", "EUR", ""),
        ITEM("lead_source", "contacts", "fair", ""),
        ITEM("lifecycle_stage", "contacts", "Lead", ""),
        ITEM("contact_status", "Lead", "New", ""),
        ITEM("sales_activity_type", "sales_activities", "SMS", ""),
        ITEM("pipeline", "deals", "Sales", ""),
        ITEM("stage", "deals", "Won", ",\"pipeline\":\"Sales\""),
        ITEM("custom_module", "cm_x", "X", "")};
    static const char *const lacking[] = {
        ITEM("field", "deals", "cf_other", ""),
        ITEM("field", "contacts", "cf_status", ""),
        ITEM("choice", "deals", "cf_status", ",\"choices\":[\"Won\",\"Lost\"]"),
        ITEM("choice", "deals", "cf_other", ",\"choices\":[\"Won\"]"),
        ITEM("user", "users", "b@x.example", ""),
        ITEM("currency", "deals", "USD", ""),
        ITEM("currency", "deals", "CHF", ""),
        ITEM("lead_source", "contacts", "Web", ""),
        ITEM("deal_type", "deals", "New", ""),
        ITEM("lifecycle_stage", "contacts", "Customer", ""),
        ITEM("lead_stage", "leads", "New", ""),
        ITEM("contact_status", "Other", "New", ""),
        ITEM("sales_activity_type", "sales_activities", "Letter", ""),
        ITEM("pipeline", "deals", "Service", ""),
        ITEM("stage", "deals", "Lost", ",\"pipeline\":\"Sales\""),
        ITEM("stage", "deals", "Won", ",\"pipeline\":\"Service\""),
        ITEM("custom_module", "cm_y", "Y", ""),
        ITEM("moon", "deals", "cf_status", "")};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(there); i++) {
        assert_true(told_as_present(there[i]));
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(lacking); i++) {
        assert_false(told_as_present(lacking[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_said),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_only_what_is_there_is_told_as_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
