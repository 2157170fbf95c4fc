/* Lists inside a record: what is ours is taken away, what people added stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "body.h"
#include "rows.h"

static struct dr_arena *arena;

static const struct dr_json *json(const char *text)
{
    const struct dr_json *j = dr_json_parse(arena, dr_str_z(text), NULL, NULL);

    assert_non_null(j);
    return j;
}

/* The record shows `now` after these were written; kept in *c. */
static struct dr_str left(struct dr_commits *c, struct dr_str before,
                          const char *wanted, const char *now, bool merged)
{
    struct tags t = {json(now), before, merged};

    *c = (struct dr_commits){.n = 0};
    tags_commit(c, &t, dr_str_z(wanted), arena);
    return (struct dr_str){(const char *)c->bytes, c->n};
}

static const struct dr_str nothing = {"", 0};

static void assert_written(const struct tags *t, const char *wanted,
                           const char *want)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    dr_json_w_init(&w, &b);
    tags_write(&w, t, dr_str_z(wanted), arena);
    assert_string_equal(b.p, want);
    dr_buf_done(&b);
}

/* Where there is no room for each of them, none is known on its own. */
static void half_of_them_are_not_committed(void **state)
{
    struct dr_commits c = {.n = DR_COMMIT * (DR_COMMITS_MAX - 3)};
    struct tags t = {json("[\"a\",\"b\",\"c\"]"), nothing, false};

    (void)state;
    tags_commit(&c, &t, DR_STR_LIT("[\"a\",\"b\",\"c\"]"), arena);
    assert_int_equal(c.n, DR_COMMIT * (DR_COMMITS_MAX - 2));
}

static void only_ours_go(void **state)
{
    struct dr_commits c;
    struct tags t = {
        json("[\"archived\",\"theirs\"]"),
        left(&c, nothing, "[\"archived\"]", "[\"archived\"]", false), false};

    (void)state;
    assert_false(tags_same(&t, DR_STR_LIT("[]"), arena));
    assert_false(tags_theirs(&t, DR_STR_LIT("[]"), arena));
    assert_written(&t, "[]", "[\"theirs\"]");
    assert_written(&t, "[\"new\"]", "[\"new\",\"theirs\"]");
    assert_true(tags_same(&t, DR_STR_LIT("[\"archived\"]"), arena));
}

/* What stood there before stays, also once it was read back with ours. */
static void a_merged_record_keeps_its_own(void **state)
{
    struct dr_commits c;
    struct tags t = {json("[\"a\",\"mine\"]"), nothing, true};

    (void)state;
    assert_written(&t, "[\"a\"]", "[\"a\",\"mine\"]");
    t.fields = left(&c, nothing, "[\"b\"]", "[\"b\",\"mine\"]", true);
    t.now = json("[\"b\",\"mine\"]");
    assert_false(tags_same(&t, DR_STR_LIT("[]"), arena));
    assert_written(&t, "[]", "[\"mine\"]");
}

/* One that people took away and that the source still has stays away. */
static void what_was_taken_away_is_theirs(void **state)
{
    struct dr_commits c;
    struct tags t = {json("[\"a\"]"),
                     left(&c, nothing, "[\"a\",\"b\"]", "[\"a\",\"b\"]", false),
                     false};

    (void)state;
    assert_true(tags_theirs(&t, DR_STR_LIT("[\"a\",\"b\"]"), arena));
    assert_false(tags_theirs(&t, DR_STR_LIT("[\"a\"]"), arena));
    assert_true(tags_same(&t, DR_STR_LIT("[\"a\"]"), arena));
}

/* One that the target did not take away is not somebody's from then on. */
static void what_did_not_go_is_still_ours(void **state)
{
    struct dr_commits first, second;
    struct tags t = {json("[\"a\"]"), nothing, false};

    (void)state;
    t.fields = left(&first, nothing, "[\"a\"]", "[\"a\"]", false);
    t.fields = left(&second, t.fields, "[]", "[\"a\"]", false);
    assert_false(tags_same(&t, DR_STR_LIT("[]"), arena));
    assert_written(&t, "[]", "[]");
}

/* More tags than are known one by one: as a whole. */
static void many_tags(void **state)
{
    static const char many[] =
        "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
        "\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]";
    struct dr_commits c;
    struct tags t = {json(many), left(&c, nothing, many, many, false), false};

    (void)state;
    assert_written(&t, "[\"1\"]", "[\"1\"]");
    t.now = json("[\"1\",\"theirs\"]");
    assert_true(tags_theirs(&t, DR_STR_LIT("[\"1\"]"), arena));
}

static void after_an_update_the_row_shows_it(void **state)
{
    struct dr_commits c;
    struct dr_field f = {.name = DR_STR_LIT("tags"),
                         .kind = DR_VAL_JSON,
                         .value = DR_STR_LIT("[]")};
    struct dr_load load = {
        .type = DR_STR_LIT("deals"), .fields = &f, .field_count = 1};
    struct links links = {0};
    struct row_case k = {.type = type_of(DR_STR_LIT("deals")),
                         .load = &load,
                         .links = &links,
                         .dst = 5,
                         .content = true};

    (void)state;
    k.fields = left(&c, nothing, "[\"a\"]", "[\"a\"]", false);
    assert_int_equal(
        row_matches(&k, json("{\"id\":5,\"tags\":[\"a\"]}"), arena), ROW_OLDER);
    assert_int_equal(
        row_matches(&k, json("{\"id\":5,\"tags\":[\"theirs\"]}"), arena),
        ROW_SAME);
}

/* ---- bodies ---- */

static void assert_body(const char *type, struct dr_field *f,
                        const char *before, const char *want)
{
    struct dr_load load = {.fields = f, .field_count = 1};
    struct links l = {0};
    struct body_opts o = {.before = before ? json(before) : NULL};
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    body_single(type_of(dr_str_z(type)), &load, &l, before ? &o : NULL, &b);
    assert_string_equal(b.p, want);
    dr_buf_done(&b);
}

static void an_address_that_ended_goes(void **state)
{
    struct dr_field f = {.name = DR_STR_LIT("emails"), .kind = DR_VAL_NULL};

    (void)state;
    assert_body("contacts", &f, NULL, "{\"contact\":{}}");
    assert_body("contacts", &f,
                "{\"emails\":[{\"id\":15,\"value\":\"a@x.example\"}]}",
                "{\"contact\":{\"emails\":[{\"id\":15,\"_destroy\":true}]}}");
}

static void prices_that_ended_go(void **state)
{
    struct dr_field f = {
        .name = DR_STR_LIT("product_pricings"),
        .kind = DR_VAL_JSON,
        .value = DR_STR_LIT("[{\"currency_code\":\"USD\",\"unit_price\":2}]")};
    static const char before[] =
        "{\"product_pricings\":[{\"id\":7,\"currency_code\":\"USD\"},"
        "{\"id\":8,\"currency_code\":\"EUR\"}]}";

    (void)state;
    assert_body("products", &f, before,
                "{\"product\":{\"product_pricings\":[{\"currency_code\":"
                "\"USD\",\"unit_price\":2},{\"id\":8,\"_destroy\":true}]}}");
    f.value = DR_STR_LIT("[]");
    assert_body("products", &f, NULL, "{\"product\":{}}");
    assert_body("products", &f, before,
                "{\"product\":{\"product_pricings\":[{\"id\":7,\"_destroy\":"
                "true},{\"id\":8,\"_destroy\":true}]}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_them_are_not_committed),
        cmocka_unit_test(only_ours_go),
        cmocka_unit_test(a_merged_record_keeps_its_own),
        cmocka_unit_test(what_was_taken_away_is_theirs),
        cmocka_unit_test(what_did_not_go_is_still_ours),
        cmocka_unit_test(many_tags),
        cmocka_unit_test(after_an_update_the_row_shows_it),
        cmocka_unit_test(an_address_that_ended_goes),
        cmocka_unit_test(prices_that_ended_go)};
    int rc;

    arena = dr_arena_new((size_t)1 << 20);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    dr_arena_free(arena);
    return rc;
}
