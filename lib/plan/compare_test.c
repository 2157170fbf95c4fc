/* What is expected against what the target holds (reference 23.4 rule 6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <drover/plan/plan.h>

struct row {
    const char *type; /* NULL: deals */
    const char *name;
    enum dr_value_kind kind;
    const char *value, *record;
    enum dr_cmp want;
};

static const struct row rows[] = {
    /* texts by bytes */
    {NULL, "city", DR_VAL_TEXT, "Oslo", "{\"city\":\"Oslo\"}", DR_CMP_SAME},
    {NULL, "city", DR_VAL_TEXT, "Oslo", "{\"city\":\"oslo\"}",
     DR_CMP_DIFFERENT},
    {NULL, "city", DR_VAL_TEXT, "Oslo", "{}", DR_CMP_ABSENT},
    {NULL, "city", DR_VAL_TEXT, "", "{\"city\":null}", DR_CMP_SAME},
    {NULL, "phone", DR_VAL_TEXT, "0100", "{\"phone\":\"100\"}",
     DR_CMP_DIFFERENT},
    /* money as decimals */
    {NULL, "amount", DR_VAL_TEXT, "5600", "{\"amount\":\"5600.0\"}",
     DR_CMP_SAME},
    {NULL, "amount", DR_VAL_TEXT, "5600", "{\"amount\":\"5600.01\"}",
     DR_CMP_DIFFERENT},
    {NULL, "annual_revenue", DR_VAL_NUMBER, "0.10", "{\"annual_revenue\":0.1}",
     DR_CMP_SAME},
    {NULL, "annual_revenue", DR_VAL_NUMBER, "12345678901234567",
     "{\"annual_revenue\":12345678901234568}", DR_CMP_DIFFERENT},
    {NULL, "owner_id", DR_VAL_NUMBER, "5", "{\"owner_id\":5}", DR_CMP_SAME},
    {NULL, "owner_id", DR_VAL_NUMBER, "5", "{\"owner_id\":null}",
     DR_CMP_DIFFERENT},
    /* timestamps as instants, dates whatever the zone's midnight */
    {NULL, "cf_t", DR_VAL_TEXT, "2024-06-01T10:00:00Z",
     "{\"custom_field\":{\"cf_t\":\"2024-06-01T06:00:00-04:00\"}}",
     DR_CMP_SAME},
    {NULL, "cf_t", DR_VAL_TEXT, "2024-06-01T10:00:00Z",
     "{\"custom_field\":{\"cf_t\":\"2024-06-01T10:00:00-04:00\"}}",
     DR_CMP_DIFFERENT},
    {NULL, "cf_d", DR_VAL_TEXT, "2024-06-01",
     "{\"custom_field\":{\"cf_d\":\"2024-06-01T00:00:00-05:00\"}}",
     DR_CMP_SAME},
    {NULL, "cf_d", DR_VAL_TEXT, "2024-06-01",
     "{\"custom_field\":{\"cf_d\":\"2024-06-02T00:00:00-05:00\"}}",
     DR_CMP_DIFFERENT},
    {NULL, "closed_date", DR_VAL_TEXT, "2024-06-01",
     "{\"closed_date\":\"2024-06-01\"}", DR_CMP_SAME},
    /* a module's record without a hash of custom fields */
    {"cm_shipment", "cf_c", DR_VAL_TEXT, "DHL", "{\"cf_c\":\"DHL\"}",
     DR_CMP_SAME},
    {"cm_shipment", "cf_c", DR_VAL_TEXT, "DHL",
     "{\"cf_c\":\"DHL\",\"custom_field\":{}}", DR_CMP_ABSENT},
    /* several options as a set */
    {NULL, "cf_m", DR_VAL_TEXT, "a;b", "{\"custom_field\":{\"cf_m\":\"b;a\"}}",
     DR_CMP_SAME},
    {NULL, "cf_m", DR_VAL_TEXT, "a;b",
     "{\"custom_field\":{\"cf_m\":\"a;b;c\"}}", DR_CMP_DIFFERENT},
    {NULL, "cf_m", DR_VAL_TEXT, "a;b", "{\"custom_field\":{\"cf_m\":\"a\"}}",
     DR_CMP_DIFFERENT},
    {NULL, "tags", DR_VAL_JSON, "[\"a\",\"b\"]",
     "{\"tags\":[\"b\",\"x\",\"a\"]}", DR_CMP_SAME},
    {NULL, "tags", DR_VAL_JSON, "[\"a\",\"b\"]", "{\"tags\":[\"b\"]}",
     DR_CMP_DIFFERENT},
    {NULL, "tags", DR_VAL_JSON, "[]", "{\"tags\":[]}", DR_CMP_SAME},
    {NULL, "tags", DR_VAL_JSON, "[]", "{\"tags\":[\"theirs\"]}", DR_CMP_SAME},
    {NULL, "tags", DR_VAL_JSON, "[]", "{\"tags\":[\"archived\"]}",
     DR_CMP_DIFFERENT},
    {NULL, "tags", DR_VAL_JSON, "[\"archived\"]", "{\"tags\":[\"archived\"]}",
     DR_CMP_SAME},
    {NULL, "product_pricings", DR_VAL_JSON, "[]", "{\"product_pricings\":[]}",
     DR_CMP_SAME},
    {NULL, "product_pricings", DR_VAL_JSON, "[]",
     "{\"product_pricings\":[{\"id\":1,\"currency_code\":\"USD\"}]}",
     DR_CMP_DIFFERENT},
    {NULL, "product_pricings", DR_VAL_JSON,
     "[{\"currency_code\":\"USD\",\"unit_price\":9.90}]",
     "{\"product_pricings\":[{\"id\":1,\"currency_code\":\"USD\","
     "\"unit_price\":9.9}]}",
     DR_CMP_SAME},
    {NULL, "product_pricings", DR_VAL_JSON,
     "[{\"currency_code\":\"USD\",\"unit_price\":9.90}]",
     "{\"product_pricings\":[{\"currency_code\":\"EUR\",\"unit_price\":9.9}]}",
     DR_CMP_DIFFERENT},
    /* addresses */
    {NULL, "emails", DR_VAL_TEXT, "Zoe@X.example",
     "{\"email\":\"zoe@x.example\"}", DR_CMP_SAME},
    {NULL, "emails", DR_VAL_TEXT, "zoe@x.example", "{\"email\":null}",
     DR_CMP_DIFFERENT},
    {NULL, "emails", DR_VAL_NULL, "",
     "{\"email\":\"zoe@x.example\",\"emails\":[]}", DR_CMP_DIFFERENT},
    {NULL, "emails", DR_VAL_NULL, "", "{\"email\":null,\"emails\":[]}",
     DR_CMP_SAME},
    /* texts of activities and notes, as they are read */
    {"notes", "description", DR_VAL_TEXT, "a < b\n\nc",
     "{\"description\":\"a < b\\r\\n\\r\\nc\\n\"}", DR_CMP_SAME},
    {"notes", "description", DR_VAL_TEXT, "a &\nb",
     "{\"description\":\"<div>a &amp;<br>b</div>\"}", DR_CMP_SAME},
    {"notes", "description", DR_VAL_TEXT, "<p>a</p><p>b</p>",
     "{\"description\":\"<p>a</p>\\n<p>b</p>\"}", DR_CMP_SAME},
    /* kept HTML with the lines below it, shown in other ways */
    {"notes", "description", DR_VAL_TEXT,
     "<div>a<i>b</i></div><br><br>By: A &lt;a@b.c&gt;<br>C: D",
     "{\"description\":\"<div>a<em>b</em></div>\\n\\nBy: A <a@b.c>\\nC: D\"}",
     DR_CMP_SAME},
    {"notes", "description", DR_VAL_TEXT, "<p>a &lt;bob@x.example></p>",
     "{\"description\":\"<p>a &lt;bob@x.example&gt;</p>\"}", DR_CMP_SAME},
    {"notes", "description", DR_VAL_TEXT, "<div>a</div><br><br>C: D",
     "{\"description\":\"<div>a</div><br><br>C: E\"}", DR_CMP_DIFFERENT},
    {"notes", "description", DR_VAL_TEXT, "a b", "{\"description\":\"ab\"}",
     DR_CMP_DIFFERENT},
    {"sales_activities", "notes", DR_VAL_TEXT, "a;b", "{\"notes\":\"b;a\"}",
     DR_CMP_DIFFERENT},
    {"sales_activities", "notes", DR_VAL_TEXT, "a", "{}", DR_CMP_ABSENT},
    {"sales_activities", "start_date", DR_VAL_TEXT, "2017-12-04T11:30:00Z",
     "{\"start_date\":\"2017-12-04T12:30:00+01:00\"}", DR_CMP_SAME},
    {"sales_activities", "start_date", DR_VAL_TEXT, "2017-12-04T11:30:00Z",
     "{\"start_date\":\"2017-12-04T12:30:01+01:00\"}", DR_CMP_DIFFERENT},
    {"sales_activities", "status", DR_VAL_BOOL, "true", "{\"status\":1}",
     DR_CMP_SAME},
    {"sales_activities", "status", DR_VAL_BOOL, "true", "{\"status\":0}",
     DR_CMP_DIFFERENT},
    {"call_logs", "description", DR_VAL_TEXT, "a",
     "{\"note\":{\"description\":\"a\"}}", DR_CMP_SAME},
    {"files", "file_name", DR_VAL_TEXT, "a.txt",
     "{\"content_file_name\":\"a.txt\"}", DR_CMP_SAME},
    {"files", "file_name", DR_VAL_TEXT, "a.txt",
     "{\"content_file_name\":\"b.txt\"}", DR_CMP_DIFFERENT},
    /* nothing */
    {NULL, "cf_n", DR_VAL_NULL, "", "{\"custom_field\":{\"cf_n\":null}}",
     DR_CMP_SAME},
    {NULL, "cf_n", DR_VAL_NULL, "", "{\"custom_field\":{\"cf_n\":\"x\"}}",
     DR_CMP_DIFFERENT},
    {NULL, "cf_b", DR_VAL_BOOL, "true", "{\"custom_field\":{\"cf_b\":true}}",
     DR_CMP_SAME},
    {NULL, "cf_b", DR_VAL_BOOL, "false", "{\"custom_field\":{\"cf_b\":null}}",
     DR_CMP_DIFFERENT},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct dr_load load = {.type = dr_str_z(r->type ? r->type : "deals")};
        struct dr_arena *a = dr_arena_new(1 << 20);
        struct dr_err err = {0};
        const struct dr_json *record =
            dr_json_parse(a, dr_str_z(r->record), NULL, &err);
        struct dr_field f = {.name = dr_str_z(r->name),
                             .kind = r->kind,
                             .value = dr_str_z(r->value)};
        struct dr_str actual;
        assert_non_null(record);
        if (dr_compare_field(&load, &f, record, a, &actual) != r->want) {
            print_error("%s \"%s\" against %s: not %d\n", r->name, r->value,
                        r->record, (int)r->want);
            fail();
        }
        dr_arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
