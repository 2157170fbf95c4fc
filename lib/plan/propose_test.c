/* Proposing and checking: the same for any order of reading; every gap is
 * found; what the checklist asks for is all that was missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/crypto/crypto.h>

#include "golden_test.h"

static struct world world;

static void assert_equal_text(const struct dr_buf *a, const struct dr_buf *b)
{
    assert_true(dr_str_eq(dr_buf_view(a), dr_buf_view(b)));
}

static void test_order(void **state)
{
    struct dr_proposal one, two;

    (void)state;
    world_propose(&world, &world.c, 0, 1, &one);
    for (size_t first = 1; first < world.n; first += 7) {
        /* backwards from `first`: n - 1 and n have no common divisor */
        world_propose(&world, &world.c, first, world.n - 1, &two);
        assert_equal_text(&one.plan, &two.plan);
        assert_equal_text(&one.checklist, &two.checklist);
        assert_equal_text(&one.owners, &two.owners);
        assert_equal_text(&one.duplicates, &two.duplicates);
        dr_proposal_done(&two);
    }
    dr_proposal_done(&one);
}

/* ---- a changed catalogue ---- */

/* The catalogue's JSON with the first `from` made `to`. */
static const struct dr_json *changed(const struct dr_json *j, const char *from,
                                     const char *to)
{
    struct dr_str head = j->raw, tail;
    size_t at = dr_str_find(head, dr_str_z(from));
    struct dr_err err = {0};
    const struct dr_json *out;

    assert_true(at != SIZE_MAX);
    tail =
        (struct dr_str){head.p + at + strlen(from), head.n - at - strlen(from)};
    head.n = at;
    out = dr_json_parse(world.a,
                        dr_arena_printf(world.a, DR_STR_FMT "%s" DR_STR_FMT,
                                        DR_STR_ARG(head), to, DR_STR_ARG(tail)),
                        NULL, &err);
    if (!out) {
        fail_msg("%s", err.text);
    }
    return out;
}

/* How many problems of a code there are; SIZE_MAX codes: of any. */
static size_t problems(const struct dr_catalogs *c, const char *code)
{
    struct dr_plan *p = world_plan(&world);
    struct dr_err err = {0};
    struct dr_buf b;
    size_t n = 0, all;

    dr_buf_init(&b, (size_t)1 << 20);
    all = dr_plan_check(p, c, &b);
    DR_JSON_EACH(e,
                 dr_json_parse(world.a, dr_arena_dup(world.a, dr_buf_view(&b)),
                               NULL, &err))
    {
        n += dr_str_eqz(dr_json_get_str(e, "code"), code);
        assert_true(dr_json_get_str(e, "detail").n > 0);
        assert_true(dr_json_get_str(e, "cure").n > 0);
        all--;
    }
    assert_int_equal(all, 0);
    dr_buf_done(&b);
    dr_plan_free(p);
    return n;
}

static void test_stale(void **state)
{
    struct dr_catalogs c = world.c;

    (void)state;
    assert_int_equal(problems(&c, "source_schema"), 0);
    assert_int_equal(problems(&c, "target_schema"), 0);
    /* a help text or a position is no other schema */
    c.dst_fields = changed(world.c.dst_fields, "\"required\"",
                           "\"help\": \"x\", \"required\"");
    assert_int_equal(problems(&c, "target_schema"), 0);
    c.dst_fields =
        changed(world.c.dst_fields, "\"cf_employees\"", "\"cf_staff\"");
    assert_int_equal(problems(&c, "target_schema"), 1);
    assert_int_equal(problems(&c, "missing_field"),
                     problems(&world.c, "missing_field") + 1);
    c = world.c;
    c.src_schema = changed(world.c.src_schema, "\"Retail\"", "\"Shops\"");
    assert_int_equal(problems(&c, "source_schema"), 1);
    c.src_schema = changed(world.c.src_schema, "\"domain\"", "\"host\"");
    assert_int_equal(problems(&c, "source_schema"), 1);
    assert_int_equal(problems(&c, "unmapped"), 1);
    c = world.c;
    c.src_pipelines = changed(world.c.src_pipelines, "\"st_2\"", "\"st_3\"");
    assert_int_equal(problems(&c, "source_schema"), 1);
}

#define HASH 81 /* "hash":"sha256:…", and its comma */

/* A proposal with the first `from` made `to`: what people do to a plan. How
 * much is wrong with it; *first: the place and what is said of it. */
static size_t invalid_first(const char *from, const char *to,
                            struct dr_str *first)
{
    struct dr_proposal p;
    struct dr_plan *plan;
    struct dr_err err = {0};
    struct dr_buf b;
    struct dr_str head, text;
    size_t at, n = 0;

    world_propose(&world, &world.c, 0, 1, &p);
    head = dr_buf_view(&p.plan);
    at = dr_str_find(head, DR_STR_LIT("\"hash\":\"sha256:"));
    assert_true(at != SIZE_MAX);
    head = dr_arena_printf(world.a, "%.*s%.*s", (int)at, head.p,
                           (int)(head.n - at - HASH), head.p + at + HASH);
    at = dr_str_find(head, dr_str_z(from));
    if (at == SIZE_MAX) {
        fail_msg("the plan does not hold %s", from);
    }
    text = dr_arena_printf(world.a, "%.*s%s%.*s", (int)at, head.p, to,
                           (int)(head.n - at - strlen(from)),
                           head.p + at + strlen(from));
    plan = dr_plan_parse(text, &err);
    if (!plan) {
        fail_msg("%s", err.text);
    }
    dr_buf_init(&b, (size_t)1 << 20);
    (void)dr_plan_check(plan, &world.c, &b);
    DR_JSON_EACH(e,
                 dr_json_parse(world.a, dr_arena_dup(world.a, dr_buf_view(&b)),
                               NULL, &err))
    {
        if (dr_str_eqz(dr_json_get_str(e, "code"), "invalid") && n++ == 0) {
            *first = dr_arena_printf(world.a,
                                     DR_STR_FMT "|" DR_STR_FMT "|" DR_STR_FMT,
                                     DR_STR_ARG(dr_json_get_str(e, "object")),
                                     DR_STR_ARG(dr_json_get_str(e, "field")),
                                     DR_STR_ARG(dr_json_get_str(e, "detail")));
        }
    }
    dr_buf_done(&b);
    dr_plan_free(plan);
    dr_proposal_done(&p);
    return n;
}

static size_t invalid(const char *from, const char *to)
{
    struct dr_str first = {"", 0};

    return invalid_first(from, to, &first);
}

static void test_edits(void **state)
{
    (void)state;
    assert_int_equal(invalid("\"format\"", "\"format\""), 0);
    assert_int_equal(invalid("\"scope\":[", "\"scope\":[\"frob\","), 1);
    /* no rows for tasks; a field that a "tusk" does not have */
    assert_int_equal(invalid("\"object\":\"task\"", "\"object\":\"tusk\""), 2);
    assert_int_equal(
        invalid("\"target\":\"website\"", "\"target\":\"webzite\""), 1);
    assert_int_equal(invalid("\"target\":\"website\"", "\"target\":\"phone\""),
                     1);
    assert_int_equal(
        invalid("\"unresolved\":\"park\"", "\"unresolved\":\"whatever\""), 1);
    assert_int_equal(
        invalid("\"unresolved\":\"park\"", "\"unresolved\":\"fallback\""), 1);
    assert_int_equal(
        invalid("\"policy\":\"source_wins\"", "\"policy\":\"zzz\""), 1);
    assert_int_equal(invalid("\"special:owner\"", "\"ignore\""), 1);
    assert_int_equal(invalid("\"special:id\"", "\"ignore\""), 1);
    assert_int_equal(invalid("\"format\"", "\"surprise\":1,\"format\""), 1);
    /* calls: the choice and the rows must say the same */
    assert_int_equal(
        invalid("\"call\":\"sales_activity\"", "\"call\":\"call_log\""), 1);
    assert_int_equal(invalid("\"html\":\"text\"", "\"html\":\"maybe\""), 1);
    assert_int_equal(
        invalid("\"too_large\":\"note\"", "\"too_large\":\"shrink\""), 1);
    assert_int_equal(
        invalid("\"too_large\":\"note\"", "\"too_large\":\"link\""), 1);
    assert_int_equal(
        invalid("\"too_large\":\"note\"",
                "\"source_url\":\"http://x.example/{id}\",\"too_large\":"
                "\"link\""),
        1);
    assert_int_equal(invalid("\"beyond\":\"upload\"", "\"beyond\":\"drop\""),
                     1);
    assert_int_equal(invalid("\"beyond\":\"upload\"", "\"beyond\":\"link\""),
                     1);
    assert_int_equal(invalid("\"beyond_ids\":[]", "\"beyond_ids\":\"f_1\""), 1);
    assert_int_equal(
        invalid("\"max_bytes\":157286400", "\"max_bytes\":157286401"), 1);
}

/* What would be read as if it were not there is told, with its place. */
static void test_shape(void **state)
{
    static const struct {
        const char *from, *to, *says;
    } rows[] = {
        {"\"emails\":{", "\"emails\":\"x\",\"zz\":{",
         "|emails|it is a text: it must be an object"},
        {"\"names\":{\"company\"", "\"names\":5,\"zz\":{\"company\"",
         "|names|it is a number: it must be an object"},
        {"\"hierarchy\":{", "\"hierarchy\":[1],\"zz\":{",
         "|hierarchy|it is a list: it must be an object"},
        {"\"format\"", "\"surprise\":1,\"format\"",
         "|surprise|a plan has no such member: it has "},
        {"\"cut\":{", "\"cut\":true,\"keep\":{",
         "|hierarchy.cut|it is true: it must be an object or a list"},
        {"\"account_id\":\"\"", "\"account_id\":\"77x\"",
         "|orphans.account_id|it must be an id of Freshsales, in digits"},
        {"\"account_id\":\"\"", "\"account_id\":[]",
         "|orphans.account_id|it is a list: it must be an id"},
        {"\"house\":11", "\"house\":-1",
         "|owners.house|it must be an id of Freshsales, in digits"},
        {"\"rule\":\"company.name\"", "\"frob\":1,\"rule\":\"company.name\"",
         "company|company.name.frob|a row has no such member: it has "},
        {"\"max\":255", "\"max\":-3",
         "company|company.domain.max|it must be a whole number from 1"},
        {"\"rule\":\"company.website\"",
         "\"values\":[\"a\"],\"rule\":\"company.website\"",
         "company|company.website.values|it is a list: it must be an object"},
        {"\"rule\":\"company.website\"",
         "\"values\":{\"a\":{}},\"rule\":\"company.website\"",
         "company|company.website.values.a|it is an object: it must be a text "
         "or a number"},
        {"\"rule\":\"company.website\"",
         "\"label\":7,\"rule\":\"company.website\"",
         "company|company.website.label|it is a number: it must be a text"},
        {"\"rule\":\"company.website\"",
         "\"unit\":\"min\",\"rule\":\"company.website\"",
         "company|company.website.unit|it can be s"},
        {"\"target_type\"", "\"lanes\":\"x\",\"target_type\"",
         "company|lanes|an object of the plan has no such member: it has "},
        {"\"stages\":{", "\"stages\":[],\"zz\":{",
         "deal|pipelines[0].stages|it is a list: it must be an object"},
        {"\"versions\":{", "\"versions\":\"flat\",\"zz\":{",
         "|events.types.order_placed.versions|it is a text: it must be an "
         "object"},
        {"\"fate\":\"fields\",", "\"fate\":\"fields\",\"x\":0,",
         "|custom_objects.co_shipment.x|a custom object has no such member: "},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        struct dr_str first = {"", 0};
        (void)invalid_first(rows[i].from, rows[i].to, &first);
        if (!dr_str_starts(first, dr_str_z(rows[i].says))) {
            print_error("%s: \"" DR_STR_FMT "\", not \"%s\"\n", rows[i].to,
                        DR_STR_ARG(first), rows[i].says);
            fail();
        }
    }
}

static void test_gaps(void **state)
{
    struct dr_catalogs c = world.c;

    (void)state;
    assert_int_equal(problems(&c, "owner"), 0);
    world.house_owner = 0; /* nobody decided */
    assert_int_equal(problems(&c, "owner"), 1);
    world.house_owner = 99; /* no user of the target */
    assert_int_equal(problems(&c, "owner"), 1);
    world.house_owner = 11;
    c.dst_selectors =
        changed(world.c.dst_selectors,
                "\"bo@north.example\",\n     \"is_active\": true",
                "\"bo@north.example\",\n     \"is_active\": false");
    assert_int_equal(problems(&c, "owner"), 1);
    assert_int_equal(problems(&c, "required_field"), 0);
    c = world.c;
    c.dst_fields = changed(world.c.dst_fields, "\"name\": \"amount\"",
                           "\"name\": \"mobile_number\"");
    assert_int_equal(problems(&c, "required_field"), 1);
    assert_int_equal(problems(&world.c, "missing_stage"), 1);
    assert_int_equal(problems(&world.c, "missing_pipeline"), 1);
    assert_int_equal(problems(&world.c, "missing_choice"), 1);
    assert_int_equal(problems(&world.c, "missing_currency"), 1);
    assert_int_equal(problems(&world.c, "missing_value"), 5);
}

static void test_quota(void **state)
{
    struct dr_catalogs c = world.c;

    (void)state;
    assert_int_equal(problems(&c, "quota"), 0);
    c.dst_account = changed(world.c.dst_account, "\"pro\"", "\"Free\"");
    assert_true(problems(&c, "quota") >= 3);
    c.dst_account = changed(world.c.dst_account, "\"pro\"", "\"blossom\"");
    assert_true(problems(&c, "quota") > 0);
    c.dst_account = changed(world.c.dst_account, "\"pro\"", "\"unheard\"");
    assert_int_equal(problems(&c, "quota"), 0);
}

/* ---- the admin does what the list says ---- */

static void add_field(struct dr_json_w *w, const struct dr_json *item)
{
    dr_json_w_obj(w);
    dr_json_w_kv(w, "name", dr_json_get_str(item, "name"));
    dr_json_w_kv(w, "label", dr_json_get_str(item, "label"));
    dr_json_w_kv(w, "type", dr_json_get_str(item, "type"));
    dr_json_w_key(w, "choices");
    dr_json_w_arr(w);
    DR_JSON_EACH(c, dr_json_get(item, "choices"))
    {
        dr_json_w_obj(w);
        dr_json_w_kv(w, "value", dr_json_str(c));
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
    dr_json_w_end(w);
}

static const struct dr_json *fields_made(const struct dr_json *items)
{
    struct dr_json_w w;
    struct dr_buf b;
    struct dr_err err = {0};
    const struct dr_json *out;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    DR_JSON_EACH(entity, world.c.dst_fields)
    {
        dr_json_w_keys(&w, entity->key);
        dr_json_w_arr(&w);
        DR_JSON_EACH(f, entity)
        {
            dr_json_w_tree(&w, f);
        }
        DR_JSON_EACH(i, items)
        {
            if (dr_str_eqz(dr_json_get_str(i, "kind"), "field") &&
                dr_str_eq(dr_json_get_str(i, "entity"), entity->key)) {
                add_field(&w, i);
            }
        }
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    out = dr_json_parse(world.a, dr_arena_dup(world.a, dr_buf_view(&b)), NULL,
                        &err);
    dr_buf_done(&b);
    assert_non_null(out);
    return out;
}

static size_t count_items(const struct dr_proposal *p, const char *kind,
                          const struct dr_json **items)
{
    struct dr_err err = {0};
    const struct dr_json *j = dr_json_parse(
        world.a, dr_arena_dup(world.a, dr_buf_view(&p->checklist)), NULL, &err);
    size_t n = 0;

    *items = dr_json_get(j, "items");
    DR_JSON_EACH(i, *items)
    {
        n += dr_str_eqz(dr_json_get_str(i, "kind"), kind);
    }
    return n;
}

static void test_carried_out(void **state)
{
    struct dr_catalogs c = world.c;
    struct dr_proposal one, two;
    const struct dr_json *items;

    (void)state;
    world_propose(&world, &world.c, 0, 1, &one);
    assert_true(count_items(&one, "field", &items) > 20);
    c.dst_fields = fields_made(items);
    world_propose(&world, &c, 0, 1, &two);
    assert_int_equal(count_items(&two, "field", &items), 0);
    assert_int_equal(count_items(&two, "choice", &items), 1);
    dr_proposal_done(&one);
    dr_proposal_done(&two);
}

/* In the classic edition leads are records with fields of their own. */
static void test_classic(void **state)
{
    struct dr_catalogs c = world.c;
    struct dr_proposal p;
    const struct dr_json *items;
    size_t leads = 0, stages;

    (void)state;
    c.dst_account = changed(world.c.dst_account, "\"suite\"", "\"classic\"");
    world_propose(&world, &c, 0, 1, &p);
    assert_true(dr_str_find(dr_buf_view(&p.plan),
                            DR_STR_LIT("\"leads\":\"lead\"")) != SIZE_MAX);
    stages = count_items(&p, "lifecycle_stage", &items);
    DR_JSON_EACH(i, items)
    {
        leads += dr_str_eqz(dr_json_get_str(i, "entity"), "leads") &&
                 dr_str_eqz(dr_json_get_str(i, "kind"), "field");
    }
    assert_int_equal(stages, 0);
    assert_true(leads > 10);
    dr_proposal_done(&p);
}

static void test_not_yet(void **state)
{
    struct dr_profile *p = dr_profile_new();
    struct dr_catalogs c = world.c;
    struct dr_propose_opts o = {0};
    struct dr_proposal out;
    struct dr_err err = {0};

    (void)state;
    c.dst_fields = NULL;
    dr_proposal_init(&out);
    assert_int_equal(dr_plan_propose(p, &c, &o, &out, &err), -1);
    assert_int_equal(err.verdict, DR_RETRY);
    dr_proposal_done(&out);
    dr_profile_free(p);
}

static int open_world(void **state)
{
    (void)state;
    world_open(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),   cmocka_unit_test(test_stale),
        cmocka_unit_test(test_gaps),    cmocka_unit_test(test_edits),
        cmocka_unit_test(test_shape),   cmocka_unit_test(test_quota),
        cmocka_unit_test(test_classic), cmocka_unit_test(test_carried_out),
        cmocka_unit_test(test_not_yet),
    };

    return cmocka_run_group_tests(tests, open_world, close_world);
}
