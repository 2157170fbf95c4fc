/* The two forms of a record, and which records the plan sends in the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <drover/plan/plan.h>

#define S DR_STR_LIT

static const struct dr_apply_opts opts = {
    .migration = {"t", 1}, .generation = 1, .pass = 1};

static struct dr_plan *plan_of(const char *decisions)
{
    struct dr_err err = {0};
    struct dr_buf b;
    struct dr_plan *p;

    dr_buf_init(&b, 65536);
    dr_buf_printf(
        &b,
        "{\"format\":\"drover-plan/1\",\"scope\":[\"company\",\"contact\"],"
        "\"objects\":[{\"object\":\"company\",\"target_type\":"
        "\"sales_accounts\",\"lane\":\"account\",\"fields\":[]},{\"object\":"
        "\"contact\",\"target_type\":\"contacts\",\"lane\":\"contact\","
        "\"fields\":[{\"rule\":\"contact.last_name\",\"source\":"
        "\"last_name\",\"target\":\"last_name\",\"transform\":\"copy\"}]}],"
        "\"owners\":{\"map\":{\"o\":\"5\"}},%s}",
        decisions);
    p = dr_plan_parse(dr_buf_view(&b), &err);
    if (!p) {
        fail_msg("%s", err.text);
    }
    dr_buf_done(&b);
    return p;
}

static struct dr_outcome applied(const struct dr_plan *p, const char *object,
                                 const char *id, const char *properties,
                                 struct dr_arena *a)
{
    struct dr_source s = {
        .object = dr_str_z(object),
        .id = dr_str_z(id),
        .op = DR_SRC_UPSERT,
        .origin = DR_ORIGIN_SNAPSHOT,
        .body = dr_arena_printf(a, "{\"owner_id\":\"o\",\"properties\":{%s}}",
                                properties)};
    struct dr_outcome out;
    struct dr_err err = {0};

    assert_int_equal(dr_plan_apply(p, &s, &opts, a, &out, &err), 0);
    return out;
}

static struct dr_str value_of(const struct dr_load *l, const char *name)
{
    for (size_t i = 0; i < l->field_count; i++) {
        if (dr_str_eqz(l->fields[i].name, name)) {
            return l->fields[i].value;
        }
    }
    return (struct dr_str){NULL, 0};
}

static void is_contact(const struct dr_plan *p, const char *id,
                       const char *email, bool first)
{
    struct dr_arena *a = dr_arena_new((size_t)1 << 20);
    struct dr_outcome out = applied(
        p, "contact", id,
        dr_arena_printf(a, "\"last_name\":\"N\",\"email\":\"%s\"", email).p, a);
    const struct dr_load *l = &out.loads[0];
    struct dr_load other;

    assert_int_equal(out.state, DR_OUT_LOAD);
    assert_int_equal(out.note_count, 0);
    assert_int_equal(l->other_first, first);
    assert_int_equal(l->how, DR_HOW_BULK);
    assert_true(dr_str_eqz(value_of(l, "emails"), email));
    assert_int_equal(value_of(l, "work_email").n, 0);
    assert_non_null(dr_other_of(l));
    assert_non_null(strstr(dr_other_of(l)->why, "recycle bin"));
    assert_int_equal(dr_other_form(l, a, &other), 0);
    assert_int_equal(value_of(&other, "emails").n, 0);
    assert_true(dr_str_eqz(value_of(&other, "work_email"), email));
    assert_int_equal(other.ident.n, 0);
    dr_arena_free(a);
}

/* A plan of before lists ids alone: then it is so with every address. */
static void test_shared_addresses(void **state)
{
    struct dr_plan *p =
        plan_of("\"emails\":{\"without\":{\"2\":\"a@b.test\"}}");
    struct dr_plan *before = plan_of("\"emails\":{\"without\":[\"2\"]}");

    (void)state;
    is_contact(p, "1", "a@b.test", false);
    is_contact(p, "2", "A@b.test", true);
    is_contact(p, "2", "c@b.test", false); /* it has another one now */
    is_contact(before, "1", "a@b.test", false);
    is_contact(before, "2", "a@b.test", true);
    is_contact(before, "2", "c@b.test", true);
    dr_plan_free(p);
    dr_plan_free(before);
}

/* An address alone makes no contact without it. */
static void test_nothing_but_an_address(void **state)
{
    struct dr_plan *p =
        plan_of("\"emails\":{\"without\":{\"2\":\"a@b.test\"}}");
    struct dr_arena *a = dr_arena_new((size_t)1 << 20);
    struct dr_outcome out =
        applied(p, "contact", "1", "\"email\":\"a@b.test\"", a);

    (void)state;
    assert_int_equal(out.state, DR_OUT_LOAD);
    assert_null(dr_other_of(&out.loads[0]));
    out = applied(p, "contact", "2", "\"email\":\"a@b.test\"", a);
    assert_int_equal(out.state, DR_OUT_REJECTED);
    dr_arena_free(a);
    dr_plan_free(p);
}

static size_t parents(const struct dr_load *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->ref_count; i++) {
        n += dr_str_eqz(l->refs[i].field, "parent_sales_account_id") &&
             l->refs[i].key.n > 0;
    }
    return n;
}

static void is_company(const struct dr_plan *p, const char *id,
                       const char *parent, bool first)
{
    struct dr_arena *a = dr_arena_new((size_t)1 << 20);
    struct dr_str properties = dr_arena_printf(
        a, "\"name\":\"N\",\"parent_company_id\":\"%s\"", parent);
    struct dr_outcome out = applied(p, "company", id, properties.p, a);
    const struct dr_load *l = &out.loads[1];
    uint64_t ids[2] = {7, 0};
    const bool lead[2] = {false};
    struct dr_load other;

    assert_int_equal(out.state, DR_OUT_LOAD);
    assert_int_equal(out.note_count, 0);
    assert_int_equal(l->other_first, first);
    assert_false(out.loads[0].other_first); /* its name is its own */
    assert_int_equal(parents(l), parent[0] != 0);
    assert_int_equal(dr_other_of(l) != NULL, parent[0] != 0);
    assert_int_equal(dr_other_form(l, a, &other), 0);
    assert_int_equal(parents(&other), 0);
    assert_int_equal(other.ref_count, l->ref_count);
    assert_int_equal(dr_links_settle(&other, ids, lead), 0);
    dr_arena_free(a);
}

/* A plan of before lists ids alone: then every parent is cut at first. */
static void test_edges_that_are_cut(void **state)
{
    struct dr_plan *p = plan_of("\"hierarchy\":{\"cut\":{\"2\":\"1\"}}");
    struct dr_plan *before = plan_of("\"hierarchy\":{\"cut\":[\"2\"]}");

    (void)state;
    is_company(p, "1", "2", false);
    is_company(p, "2", "1", true);
    is_company(p, "2", "3", false); /* it has another parent now */
    is_company(p, "2", "", false);
    is_company(before, "2", "1", true);
    is_company(before, "2", "3", true);
    is_company(before, "2", "", false);
    dr_plan_free(p);
    dr_plan_free(before);
}

static bool shown(const struct dr_load *l, const char *json, struct dr_arena *a)
{
    return dr_other_is_shown(l, dr_json_parse(a, dr_str_z(json), NULL, NULL),
                             a);
}

static void test_what_shows_the_other_form(void **state)
{
    struct dr_plan *p = plan_of("\"leads\":\"\"");
    struct dr_arena *a = dr_arena_new((size_t)1 << 20);
    struct dr_outcome out = applied(
        p, "contact", "1", "\"last_name\":\"N\",\"email\":\"a@b.test\"", a);
    const struct dr_load *l = &out.loads[0];

    (void)state;
    assert_true(shown(l, "{\"email\":null,\"work_email\":\"a@b.test\"}", a));
    assert_false(shown(l, "{\"email\":null,\"work_email\":null}", a));
    assert_false(shown(l, "{\"email\":\"x\",\"work_email\":\"a@b.test\"}", a));
    out = applied(p, "company", "1",
                  "\"name\":\"N\",\"parent_company_id\":\"2\"", a);
    l = &out.loads[1];
    assert_true(shown(l, "{\"parent_sales_account_id\":null}", a));
    assert_true(shown(l, "{\"parent_sales_account_id\":0}", a));
    assert_false(shown(l, "{\"parent_sales_account_id\":5}", a));
    assert_false(shown(l, "{\"name\":\"N\"}", a)); /* nothing is said of it */
    l = &out.loads[0];
    assert_true(shown(l, "{\"name\":\"N (1)\"}", a));
    assert_false(shown(l, "{\"name\":\"N\"}", a));
    assert_false(dr_other_is_shown(l, NULL, a));
    dr_arena_free(a);
    dr_plan_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_addresses),
        cmocka_unit_test(test_nothing_but_an_address),
        cmocka_unit_test(test_edges_that_are_cut),
        cmocka_unit_test(test_what_shows_the_other_form),
    };

    return cmocka_run_group_tests_name("other", tests, NULL, NULL);
}
