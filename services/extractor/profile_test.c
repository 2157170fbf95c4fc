/* The profile: its closed schema, pointers, placeholders, predicates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "express.h"
#include "profile.h"

static const struct dr_json *json(struct dr_arena *a, const char *text)
{
    struct dr_err err = {0};
    const struct dr_json *j = dr_json_parse(a, dr_str_z(text), NULL, &err);

    assert_non_null(j);
    return j;
}

static void assert_str(struct dr_str got, const char *want)
{
    if (!dr_str_eqz(got, want)) {
        fail_msg("\n got: " DR_STR_FMT "\nwant: %s", DR_STR_ARG(got), want);
    }
}

/* ---- pointers ---- */

static void a_pointer_walks_objects_and_lists(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *j =
        json(a, "{\"a\":[{\"b/c\":1},{\"m~n\":\"x\"}],\"\":7}");

    (void)state;
    assert_str(dr_json_scalar(pointer_get(j, DR_STR_LIT("/a/0/b~1c"))), "1");
    assert_str(dr_json_scalar(pointer_get(j, DR_STR_LIT("/a/1/m~0n"))), "x");
    assert_str(dr_json_scalar(pointer_get(j, DR_STR_LIT("/"))), "7");
    assert_ptr_equal(pointer_get(j, DR_STR_LIT("")), j);
    assert_null(pointer_get(j, DR_STR_LIT("/a/2")));
    assert_null(pointer_get(j, DR_STR_LIT("/a/-1")));
    assert_null(pointer_get(j, DR_STR_LIT("/a/0/b")));
    assert_false(pointer_ok(DR_STR_LIT("a")));
    assert_false(pointer_ok(DR_STR_LIT("/a~")));
    assert_false(pointer_ok(DR_STR_LIT("/a~2")));
}

/* ---- placeholders ---- */

static void a_request_is_filled(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *call =
        json(a, "{\"path\":\"/x/{remote}/y\",\"query\":{\"n\":\"{limit}\","
                "\"after\":\"{after}\",\"p\":\"a,{since}\"},\"body\":{"
                "\"in\":[{\"id\":\"{id}\"}],\"props\":[\"{property}\"],"
                "\"limit\":\"{#limit}\",\"after\":\"{after}\",\"x\":[1,2]}}");
    struct dr_str ids[] = {DR_STR_LIT("1"), DR_STR_LIT("2\"")};
    struct dr_str props[] = {DR_STR_LIT("name")};
    struct vars v = {
        .ids = ids, .id_count = 2, .properties = props, .property_count = 1};
    struct dr_buf b;

    (void)state;
    v.v[VAR_REMOTE] = DR_STR_LIT("a/b?");
    v.v[VAR_LIMIT] = DR_STR_LIT("7");
    v.v[VAR_SINCE] = DR_STR_LIT("z&");
    dr_buf_init(&b, 4096);
    request_path(&b, call, &v);
    assert_str(dr_buf_view(&b), "/x/a%2Fb%3F/y?n=7&p=a,z%26");
    request_body(&b, call, &v);
    assert_str(dr_buf_view(&b),
               "{\"in\":[{\"id\":\"1\"},{\"id\":\"2\\\"\"}],"
               "\"props\":[\"name\"],\"limit\":7,\"x\":[1,2]}");
    dr_buf_done(&b);
}

static void an_unknown_placeholder_is_told(void **state)
{
    struct dr_str bad;

    (void)state;
    assert_true(template_ok(DR_STR_LIT("/a/{object}?x={#limit}"), &bad));
    assert_false(template_ok(DR_STR_LIT("/a/{tenant}"), &bad));
    assert_str(bad, "tenant");
    assert_false(template_ok(DR_STR_LIT("/a/{object"), &bad));
}

/* ---- predicates ---- */

static void predicates_decide(void **state)
{
    static const struct {
        const char *when;
        bool is;
    } cases[] = {
        {"{\"path\":\"/k\",\"eq\":\"person\"}", true},
        {"{\"path\":\"/n\",\"eq\":\"12\"}", true},
        {"{\"path\":\"/n\",\"ne\":12}", false},
        {"{\"path\":\"/k\",\"in\":[\"a\",\"person\"]}", true},
        {"{\"path\":\"/none\",\"exists\":false}", true},
        {"{\"path\":\"/null\",\"exists\":true}", false},
        {"{\"path\":\"/null\",\"eq\":null}", true},
        {"{\"and\":[{\"path\":\"/k\",\"exists\":true},"
         "{\"path\":\"/n\",\"eq\":13}]}",
         false},
        {"{\"or\":[{\"path\":\"/b\",\"eq\":false},"
         "{\"path\":\"/b\",\"eq\":true}]}",
         true},
        {"{\"or\":[]}", false},
    };
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *row =
        json(a, "{\"k\":\"person\",\"n\":12,\"null\":null,\"b\":true}");
    struct dr_err err = {0};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        const struct dr_json *w = json(a, cases[i].when);
        assert_int_equal(when_check(w, "/x", &err), 0);
        assert_int_equal(when_true(w, row), cases[i].is);
    }
    assert_true(when_true(NULL, row));
}

static void a_predicate_that_says_nothing_is_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"path\":\"/k\"}",
        "{\"path\":\"k\",\"eq\":1}",
        "{\"path\":\"/k\",\"like\":1}",
        "{\"path\":\"/k\",\"eq\":1,\"ne\":2}",
        "{\"and\":[],\"or\":[]}",
        "{\"and\":[{}]}",
        "[]",
    };
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(bad); i++) {
        struct dr_err err = {0};
        assert_int_equal(when_check(json(a, bad[i]), "/objects/x", &err), -1);
        assert_non_null(strstr(err.text, "/objects/x"));
    }
}

/* ---- the schema ---- */

static void the_default_is_a_profile(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(4 << 20);
    struct profile p;
    struct dr_err err = {0};

    (void)state;
    assert_int_equal(profile_parse(a, profile_builtin(), &p, &err), 0);
    assert_str(p.name, "fasttrack/1");
    assert_false(p.mapped);
    assert_int_equal(profile_lag_s(&p), 300);
    assert_int_equal(profile_granularity_ms(&p), 1000);
    assert_str(profile_remote(&p, DR_STR_LIT("co_x")), "co_x");
    assert_int_equal(profile_do(&p, 500, DR_STR_LIT("record_unreadable")),
                     PROFILE_ISOLATE);
    assert_int_equal(profile_do(&p, 500, DR_STR_LIT("other")), PROFILE_RETRY);
    assert_int_equal(profile_do(&p, 404, DR_STR_LIT("")), PROFILE_UNSAID);
}

/* The default with one text changed for another. */
static char *changed(const char *from, const char *to)
{
    struct dr_str whole = profile_builtin();
    size_t at = dr_str_find(whole, dr_str_z(from));
    char *out;

    assert_true(at != SIZE_MAX);
    out = malloc(whole.n + strlen(to) + 1);
    assert_non_null(out);
    (void)snprintf(out, whole.n + strlen(to) + 1, "%.*s%s%.*s", (int)at,
                   whole.p, to, (int)(whole.n - at - strlen(from)),
                   whole.p + at + strlen(from));
    return out;
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *from, *to, *at, *says;
    } cases[] = {
        {"\"answers\"", "\"anwsers\"", "/anwsers: ", "no such key"},
        {"\"answers\": \"contract\",", "", "/answers: ", "is missing"},
        {"\"bearer\"", "\"oauth\"",
         "/auth/type: ", "bearer header query basic oauth2"},
        {"\"bearer\"", "\"oauth2\"", "/auth/grant: ", "is missing"},
        {"\"bearer\"", "\"oauth2\", \"grant\": \"password\"",
         "/auth/grant: ", "client_credentials refresh_token"},
        {"\"bearer\"", "\"oauth2\", \"grant\": \"refresh_token\"",
         "/auth/token_url: ", "is missing"},
        {"\"bearer\"",
         "\"oauth2\", \"grant\": \"refresh_token\", \"token_url\": \"/token\"",
         "/auth/token_url: ", "no http(s) address"},
        {"\"bearer\"",
         "\"oauth2\", \"grant\": \"refresh_token\", \"name\": \"X\", "
         "\"token_url\": \"https://crm.example/token\"",
         "/auth/name: ", "oauth2 has none"},
        {"\"bearer\"", "\"bearer\", \"scope\": \"read\"",
         "/auth/scope: ", "belongs to the type oauth2"},
        {"\"bearer\"", "\"bearer\", \"client_secret\": \"x\"",
         "/auth/client_secret: ", "no such key"},
        {"\"max_wait_s\": 3600", "\"max_wait_s\": \"3600\"",
         "/limits/max_wait_s: ", "whole number, 1 to 86400"},
        {"\"max_wait_s\": 3600", "\"max_wait_s\": 0",
         "/limits/max_wait_s: ", "whole number"},
        {"\"status\": 401", "\"status\": 200",
         "/errors/rules/0/status: ", "400 to 599"},
        {"\"rows\": \"/results\"", "\"rows\": \"results\"",
         "/calls/association_changes/rows: ", "no JSON pointer"},
        {"{object}\"", "{tenant}\"", "/calls/pipelines/path: ", "placeholder"},
        {"\"id\": \"/id\", \"version\"", "\"version\"",
         "/default/keys/id: ", "is missing"},
        {"\"A6\": true", "\"A6\": false",
         "/default/assumptions: ", "without A1"},
        {"\"A2\": \"version\"", "\"A2\": \"updated_at\"",
         "/default/assumptions/A2: ", "keys.version"},
        {"\"deletes\": \"changes\"", "\"deletes\": \"sweep\"",
         "/default/deletes: ", "say so"},
        {"\"bearer\"", "\"query\"", "/auth: ", "name of the parameter"},
        {"\"next\": \"/paging/next/after\"", "\"next\": \"/next\"",
         "/calls/association_changes: ", "mapped"},
        {"\"A1\": true,", "", "/default/assumptions/A1: ", "is missing"},
        {"\"assume_timezone\": \"UTC\"",
         "\"assume_timezone\": \"Europe/Malta\"",
         "/values/assume_timezone: ", "offset"},
        {"\"path\": \"/server_time\"", "\"from\": \"body\"", "occurs twice",
         "no JSON"},
        {"\"from\": \"body\", \"path\": \"/server_time\"", "\"from\": \"body\"",
         "/clock: ", "needs a path"},
        {"\"style\": \"body\"", "\"style\": \"offset\"",
         "/calls/association_changes: ", "leads nowhere"},
        {"\"order\": \"ascending\"\n  },\n  \"events\"",
         "\"order\": \"any\", \"cap\": 10\n  },\n  \"events\"",
         "/calls/association_changes: ", "ascending"},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(4 << 20);
        char *text = changed(cases[i].from, cases[i].to);
        struct dr_err err = {0};
        struct profile p;
        assert_int_equal(profile_parse(a, dr_str_z(text), &p, &err), -1);
        assert_string_equal(err.where, "source.profile");
        if (!strstr(err.text, cases[i].at) ||
            !strstr(err.text, cases[i].says)) {
            fail_msg("case %zu says: %s", i, err.text);
        }
        free(text);
    }
}

static void a_profile_is_bounded(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(16 << 20);
    size_t n = PROFILE_MAX + 1;
    char *text = malloc(n + 1);
    struct dr_err err = {0};
    struct profile p;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', n);
    text[0] = '{';
    text[n - 1] = '}';
    text[n] = '\0';
    assert_int_equal(profile_parse(a, (struct dr_str){text, n}, &p, &err), -1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pointer_walks_objects_and_lists),
        cmocka_unit_test(a_request_is_filled),
        cmocka_unit_test(an_unknown_placeholder_is_told),
        cmocka_unit_test(predicates_decide),
        cmocka_unit_test(a_predicate_that_says_nothing_is_refused),
        cmocka_unit_test(the_default_is_a_profile),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_profile_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
