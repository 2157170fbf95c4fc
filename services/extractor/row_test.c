/* Rows of another shape as records of the contract, and the contract's calls
 * taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "row.h"

static const char head[] =
    "{\"profile\":\"t/"
    "1\",\"answers\":\"mapped\",\"auth\":{\"type\":\"bearer\"},"
    "\"clock\":{\"from\":\"date\"},\"errors\":{},\"limits\":{},"
    "\"values\":{\"null\":[\"\",\"n/a\"],\"true\":[\"Yes\",\"1\"],"
    "\"false\":[\"No\",0],\"time\":\"epoch_ms\",\"date\":\"epoch_ms\","
    "\"assume_timezone\":\"+02:00\",\"multi_separator\":\";\","
    "\"box\":\"/value\"},"
    "\"redaction\":[{\"object\":\"note\",\"property\":\"body\",\"contains\":"
    "\"no access\"}],\"calls\":{},\"default\":{\"list\":{\"path\":\"/l\"},"
    "\"read\":{\"path\":\"/r/{id}\"},\"keys\":{\"id\":\"/id\","
    "\"created_at\":\"/at\",\"updated_at\":\"/mod\",\"archived\":\"/gone\","
    "\"archived_at\":\"/gone_at\",\"owner\":\"/own\",\"values\":\"/p\"},"
    "\"assumptions\":{\"A1\":true,\"A2\":\"updated_at\",\"A3\":{},\"A4\":{},"
    "\"A5\":\"offset\",\"A6\":true,\"A7\":{}}},\"objects\":{\"note\":{"
    "\"types\":{\"b\":\"bool\",\"d\":\"date\",\"t\":\"datetime\","
    "\"m\":\"multi_enum\",\"n\":\"money\",\"j\":\"json\"},"
    "\"rename\":{\"txt\":\"body\"},\"role\":[{\"when\":{\"path\":\"/p/k\","
    "\"eq\":\"x\"},\"set\":{\"kind\":\"one\"}},{\"set\":{\"kind\":\"two\"}}]"
    "}}}";

struct bed {
    struct dr_arena *a;
    struct profile profile;
    struct row_kind kind;
    struct dr_buf out;
};

static void setup(struct bed *b)
{
    struct dr_err err = {0};

    b->a = dr_arena_new((size_t)32 << 20);
    if (profile_parse(b->a, dr_str_z(head), &b->profile, &err)) {
        fail_msg("%s", err.text);
    }
    b->kind =
        (struct row_kind){.profile = &b->profile, .object = DR_STR_LIT("note")};
    dr_buf_init(&b->out, 1 << 20);
}

static void teardown(struct bed *b)
{
    dr_buf_done(&b->out);
    dr_arena_free(b->a);
}

static const struct dr_json *json(struct bed *b, const char *text)
{
    struct dr_err err = {0};
    const struct dr_json *j = dr_json_parse(b->a, dr_str_z(text), NULL, &err);

    assert_non_null(j);
    return j;
}

/* The record of a row, parsed again: what is written is always JSON. */
static const struct dr_json *record(struct bed *b, const char *row)
{
    struct dr_json_w w;
    struct dr_err err = {0};
    const struct dr_json *j;

    dr_buf_reset(&b->out);
    dr_json_w_init(&w, &b->out);
    row_record(&w, &b->kind, json(b, row), false);
    j = dr_json_parse(b->a, dr_arena_dup(b->a, dr_buf_view(&b->out)), NULL,
                      &err);
    if (!j) {
        fail_msg("%s: %s", err.text, b->out.p);
    }
    return j;
}

static void assert_raw(const struct dr_json *j, const char *key,
                       const char *want)
{
    const struct dr_json *v = dr_json_get(j, key);

    if (!v || !dr_str_eqz(v->raw, want)) {
        fail_msg("%s: got " DR_STR_FMT ", want %s", key,
                 DR_STR_ARG(v ? v->raw : DR_STR_LIT("nothing")), want);
    }
}

static void an_envelope_is_found_and_typed(void **state)
{
    const char *row = "{\"id\":17,\"at\":\"2026-03-02T10:00:00\",\"mod\":"
                      "\"1740000000123\",\"gone\":\"Yes\",\"gone_at\":\"\","
                      "\"own\":9,\"p\":{}}";
    struct bed b;
    const struct dr_json *r;

    (void)state;
    setup(&b);
    r = record(&b, row);
    assert_raw(r, "type", "\"note\"");
    assert_raw(r, "id", "\"17\"");
    assert_raw(r, "version", "1740000000123");
    assert_raw(r, "created_at", "\"2026-03-02T08:00:00Z\"");
    assert_raw(r, "updated_at", "\"2025-02-19T21:20:00.123Z\"");
    assert_raw(r, "archived", "true");
    assert_raw(r, "archived_at", "null");
    assert_raw(r, "owner_id", "\"9\"");
    assert_raw(r, "raw", row);
    teardown(&b);
}

static void values_become_typed(void **state)
{
    static const struct {
        const char *name, *value, *want;
    } cases[] = {
        {"b", "\"Yes\"", "true"},
        {"b", "\"No\"", "false"},
        {"b", "0", "false"},
        {"b", "\"maybe\"", "\"maybe\""},
        {"b", "true", "true"},
        {"s", "\"Yes\"", "\"Yes\""},
        {"s", "\"\"", "null"},
        {"s", "\"n/a\"", "null"},
        {"s", "{\"value\":\"in a box\"}", "\"in a box\""},
        {"s", "{\"other\":1}", "null"},
        {"s", "12345678901234567890.10", "\"12345678901234567890.10\""},
        {"n", "1e400", "\"1e400\""},
        {"n", "\"1,5\"", "\"1,5\""},
        {"d", "1740000000123", "\"2025-02-19\""},
        {"d", "\"2025-02-30\"", "\"2025-02-30\""},
        {"t", "\"1740000000000\"", "\"2025-02-19T21:20:00Z\""},
        {"t", "\"2025-02-19T23:20:00\"", "\"2025-02-19T21:20:00Z\""},
        {"t", "\"2025-02-19T23:20:00+05:00\"", "\"2025-02-19T23:20:00+05:00\""},
        {"t", "\"tomorrow\"", "\"tomorrow\""},
        {"t", "\"99999999999999999\"", "\"99999999999999999\""},
        {"m", "\"a;b\"", "[\"a\",\"b\"]"},
        {"m", "[\"a;b\"]", "[\"a;b\"]"},
        {"j", "\"{\\\"x\\\":1}\"", "{\"x\":1}"},
        {"j", "\"{broken\"", "\"{broken\""},
        {"j", "7", "7"},
    };
    struct bed b;

    (void)state;
    setup(&b);
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        char row[256];
        (void)snprintf(row, sizeof(row), "{\"id\":\"1\",\"p\":{\"%s\":%s}}",
                       cases[i].name, cases[i].value);
        assert_raw(dr_json_get(record(&b, row), "properties"), cases[i].name,
                   cases[i].want);
    }
    teardown(&b);
}

static void roles_names_and_redaction(void **state)
{
    struct bed b;
    const struct dr_json *r;

    (void)state;
    setup(&b);
    r = record(&b, "{\"id\":\"1\",\"p\":{\"k\":\"x\",\"kind\":\"theirs\","
                   "\"txt\":\"You have no access here\",\"body\":\"B\"}}");
    assert_raw(dr_json_get(r, "properties"), "kind", "\"one\"");
    assert_raw(dr_json_get(r, "properties"), "body", "null");
    assert_raw(r, "redacted", "[\"body\"]");
    assert_int_equal(dr_json_get(r, "properties")->count, 3);
    r = record(&b, "{\"id\":\"1\",\"p\":{\"k\":\"y\",\"body\":\"B\"}}");
    assert_raw(dr_json_get(r, "properties"), "kind", "\"two\"");
    assert_raw(dr_json_get(r, "properties"), "body", "\"B\"");
    assert_raw(r, "redacted", "[]");
    teardown(&b);
}

static void a_row_that_is_nothing_is_a_record_without_id(void **state)
{
    static const char *const rows[] = {"{}", "[]", "7", "null",
                                       "{\"id\":{\"x\":1},\"p\":[1]}"};
    struct bed b;

    (void)state;
    setup(&b);
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        const struct dr_json *r = record(&b, rows[i]);
        struct dr_source s;
        struct dr_err err = {0};
        assert_int_equal(record_parse(r, &s, &err), -1);
        assert_raw(r, "raw", rows[i]);
    }
    teardown(&b);
}

static void stubs_and_index_rows(void **state)
{
    const char *row = "{\"id\":\"1\",\"mod\":\"1740000000000\","
                      "\"gone_at\":1740000005000}";
    struct bed b;
    struct dr_json_w w;

    (void)state;
    setup(&b);
    dr_json_w_init(&w, &b.out);
    row_index(&w, &b.kind, json(&b, row), true);
    assert_string_equal(b.out.p,
                        "[\"1\",1740000000000,\"2025-02-19T21:20:00Z\",true]");
    dr_buf_reset(&b.out);
    dr_json_w_init(&w, &b.out);
    row_stub(&w, &b.kind, json(&b, row), true);
    assert_string_equal(b.out.p,
                        "{\"id\":\"1\",\"op\":\"archive\",\"version\":"
                        "1740000000000,\"updated_at\":\"2025-02-19T21:20:05Z\""
                        "}");
    teardown(&b);
}

static void a_catalogue_row_is_mapped(void **state)
{
    struct bed b;
    struct dr_json_w w;

    (void)state;
    setup(&b);
    dr_json_w_init(&w, &b.out);
    row_map(&w, &b.profile,
            json(&b, "{\"id\":\"/x/0\",\"fixed\":[1],\"word\":\"w\","
                     "\"on\":{\"from\":\"/on\",\"as\":\"bool\"},"
                     "\"off\":{\"from\":\"/on\",\"as\":\"not_bool\"},"
                     "\"t\":{\"from\":\"/t\",\"words\":{\"A\":\"b\"}},"
                     "\"u\":{\"from\":\"/none\",\"otherwise\":5},"
                     "\"n\":{\"from\":\"/n\",\"as\":\"text\"},"
                     "\"s\":{\"rows\":\"/s\",\"map\":{\"i\":\"/i\"}},"
                     "\"z\":{\"rows\":\"/t\",\"map\":{\"i\":\"/i\"}}}"),
            json(&b, "{\"x\":[\"a\"],\"on\":\"1\",\"t\":\"A\",\"n\":12,"
                     "\"s\":[{\"i\":1},{}]}"));
    assert_string_equal(
        b.out.p, "{\"id\":\"a\",\"fixed\":[1],\"word\":\"w\","
                 "\"on\":true,\"off\":false,\"t\":\"b\",\"u\":5,"
                 "\"n\":\"12\",\"s\":[{\"i\":1},{\"i\":null}],\"z\":[]}");
    teardown(&b);
}

/* ---- calls ---- */

static void calls_are_taken_apart(void **state)
{
    struct dr_buf b;
    struct call c;

    (void)state;
    dr_buf_init(&b, 4096);
    path_list(&b, "co_x", DR_STR_LIT("a/b&c="), 77);
    call_parse(dr_buf_view(&b), &c);
    assert_int_equal(c.kind, CALL_LIST);
    assert_string_equal(c.object, "co_x");
    assert_string_equal(c.after, "a/b&c=");
    assert_int_equal(c.limit, 77);
    path_changes(&b, "deal", 1740000000000, 1740000001000, (struct dr_str){0});
    call_parse(dr_buf_view(&b), &c);
    assert_int_equal(c.kind, CALL_CHANGES);
    assert_int_equal(c.since_ms, 1740000000000);
    assert_int_equal(c.before_ms, 1740000001000);
    assert_string_equal(c.after, "");
    path_assoc_batch(&b, "line_item", "co_x");
    call_parse(dr_buf_view(&b), &c);
    assert_int_equal(c.kind, CALL_ASSOCIATIONS);
    assert_string_equal(c.object, "line_item");
    assert_string_equal(c.to, "co_x");
    path_assoc_changes(&b, 0, 0, (struct dr_str){0});
    call_parse(dr_buf_view(&b), &c);
    assert_int_equal(c.kind, CALL_ASSOCIATION_CHANGES);
    path_batch(&b, "task");
    call_parse(dr_buf_view(&b), &c);
    assert_int_equal(c.kind, CALL_READ);
    call_parse(DR_STR_LIT("/v1/attachments/7/download-url"), &c);
    assert_int_equal(c.kind, CALL_OTHER);
    call_parse(DR_STR_LIT("/v1/objects"), &c);
    assert_int_equal(c.kind, CALL_OTHER);
    call_parse(DR_STR_LIT("account"), &c);
    assert_int_equal(c.kind, CALL_OTHER);
    dr_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_is_found_and_typed),
        cmocka_unit_test(values_become_typed),
        cmocka_unit_test(roles_names_and_redaction),
        cmocka_unit_test(a_row_that_is_nothing_is_a_record_without_id),
        cmocka_unit_test(stubs_and_index_rows),
        cmocka_unit_test(a_catalogue_row_is_mapped),
        cmocka_unit_test(calls_are_taken_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
