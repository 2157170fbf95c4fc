/* Custom objects, events and leads: decisions, what is refused, what the
 * checklist asks for, and what a person's change of class leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "golden_test.h"

static struct world world;

static const struct dr_json *json(const char *text)
{
    struct dr_err err = {0};
    const struct dr_json *j = dr_json_parse(
        world.a, dr_arena_dup(world.a, dr_str_z(text)), NULL, &err);

    if (!j) {
        fail_msg("%s: %s", text, err.text);
    }
    return j;
}

/* ---- proposals ---- */

struct made {
    struct dr_proposal p;
    struct dr_plan *plan;
    const struct dr_json *root, *items;
};

static int propose(const struct dr_catalogs *c, const struct dr_propose_opts *o,
                   struct made *m, struct dr_err *err)
{
    struct dr_profile *profile = world_profile(&world, 0, 1);
    int rc;

    *m = (struct made){0};
    dr_proposal_init(&m->p);
    rc = dr_plan_propose(profile, c, o, &m->p, err);
    dr_profile_free(profile);
    if (rc == 0) {
        m->plan = dr_plan_parse(dr_buf_view(&m->p.plan), err);
        assert_non_null(m->plan);
        m->root = dr_json_parse(
            world.a, dr_arena_dup(world.a, dr_buf_view(&m->p.plan)), NULL, err);
        m->items = dr_json_get(
            dr_json_parse(world.a,
                          dr_arena_dup(world.a, dr_buf_view(&m->p.checklist)),
                          NULL, err),
            "items");
    }
    return rc;
}

static void drop(struct made *m)
{
    dr_plan_free(m->plan);
    dr_proposal_done(&m->p);
}

static struct made decided(const struct dr_catalogs *c, const char *wish,
                           bool report)
{
    struct dr_str fates[1] = {wish ? dr_str_z(wish) : (struct dr_str){"", 0}};
    struct dr_propose_opts o = {.house_owner = 11,
                                .fates = fates,
                                .fate_count = wish ? 1 : 0,
                                .events_report = report};
    struct dr_err err = {0};
    struct made m;

    if (propose(c, &o, &m, &err)) {
        fail_msg("%s", err.text);
    }
    return m;
}

static struct dr_str fate_of(const struct made *m, const char *object)
{
    return dr_json_get_str(
        dr_json_get(dr_json_get(m->root, "custom_objects"), object), "fate");
}

static const struct dr_json *entry_of(const struct made *m, const char *object)
{
    DR_JSON_EACH(o, dr_json_get(m->root, "objects"))
    {
        if (dr_str_eqz(dr_json_get_str(o, "object"), object)) {
            return o;
        }
    }
    return NULL;
}

static size_t count_items(const struct made *m, const char *key,
                          const char *value)
{
    size_t n = 0;

    DR_JSON_EACH(i, m->items)
    {
        n += dr_str_eqz(dr_json_get_str(i, key), value);
    }
    return n;
}

/* Problems of a code, of one object where it is given. */
static size_t problems(const struct dr_plan *plan, const struct dr_catalogs *c,
                       const char *code, const char *object)
{
    struct dr_err err = {0};
    struct dr_buf b;
    size_t n = 0;

    dr_buf_init(&b, (size_t)1 << 20);
    (void)dr_plan_check(plan, c, &b);
    DR_JSON_EACH(e,
                 dr_json_parse(world.a, dr_arena_dup(world.a, dr_buf_view(&b)),
                               NULL, &err))
    {
        n += dr_str_eqz(dr_json_get_str(e, "code"), code) &&
             (!object || dr_str_eqz(dr_json_get_str(e, "object"), object));
    }
    dr_buf_done(&b);
    return n;
}

static const struct dr_source *golden(const char *path)
{
    for (size_t i = 0; i < world.n; i++) {
        if (strcmp(world.v[i].path, path) == 0) {
            return &world.v[i].source;
        }
    }
    fail_msg("no %s", path);
    return NULL;
}

static struct dr_outcome apply(const struct dr_plan *plan,
                               const struct dr_source *s)
{
    struct dr_apply_opts o = {
        .migration = DR_STR_LIT("t"), .generation = 1, .pass = 1};
    struct dr_outcome out;
    struct dr_err err = {0};

    assert_int_equal(dr_plan_apply(plan, s, &o, world.a, &out, &err), 0);
    return out;
}

static struct dr_catalogs enterprise(void)
{
    struct dr_catalogs c = world.c;

    c.dst_account = json("{\"edition\":\"suite\",\"plan\":\"enterprise\"}");
    return c;
}

/* ---- fates ---- */

static void test_wishes(void **state)
{
    static const struct {
        const char *wish, *says;
    } rows[] = {
        {"co_nothing=notes", "no such custom object"},
        {"deal=notes", "no such custom object"},
        {"co_shipment=frob", "module, fields, notes or skip"},
        {"co_shipment", "module, fields, notes or skip"},
        {"co_shipment=module", "no custom modules"},
        {"co_visit=fields", "overwrite each other"},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        struct dr_str fates[1] = {dr_str_z(rows[i].wish)};
        struct dr_propose_opts o = {.fates = fates, .fate_count = 1};
        struct dr_err err = {0};
        struct made m;
        assert_int_equal(propose(&world.c, &o, &m, &err), -1);
        assert_int_equal(err.verdict, DR_REJECT);
        if (!strstr(err.text, rows[i].says)) {
            fail_msg("%s: %s", rows[i].wish, err.text);
        }
        drop(&m);
    }
}

static void test_fates(void **state)
{
    struct dr_catalogs c = world.c, big = enterprise();
    struct dr_str lanes[4];
    struct made m = decided(&c, NULL, false);

    (void)state;
    assert_true(dr_str_eqz(fate_of(&m, "co_shipment"), "fields"));
    assert_true(dr_str_eqz(fate_of(&m, "co_visit"), "notes"));
    assert_int_equal(dr_plan_lanes_of(m.plan, DR_STR_LIT("co_shipment"), lanes),
                     1);
    assert_true(dr_str_eqz(lanes[0], "link"));
    drop(&m);
    m = decided(&big, NULL, false);
    assert_true(dr_str_eqz(fate_of(&m, "co_visit"), "module"));
    (void)dr_plan_lanes_of(m.plan, DR_STR_LIT("co_visit"), lanes);
    assert_true(dr_str_eqz(lanes[0], "custom"));
    drop(&m);
    m = decided(&big, "co_visit=notes", false);
    assert_true(dr_str_eqz(fate_of(&m, "co_visit"), "notes"));
    assert_true(dr_str_eqz(fate_of(&m, "co_shipment"), "module"));
    drop(&m);
    /* no custom fields at all: not even where one record hangs on each */
    c.dst_account = json("{\"edition\":\"suite\",\"plan\":\"free\"}");
    m = decided(&c, NULL, false);
    assert_true(dr_str_eqz(fate_of(&m, "co_shipment"), "notes"));
    drop(&m);
    /* what the account says goes before what its plan has */
    c.dst_account = json("{\"edition\":\"suite\",\"custom_modules\":true}");
    m = decided(&c, NULL, false);
    assert_true(dr_str_eqz(fate_of(&m, "co_shipment"), "module"));
    drop(&m);
    c.dst_account = json("{\"edition\":\"suite\",\"plan\":\"enterprise\","
                         "\"custom_modules\":false}");
    m = decided(&c, NULL, false);
    assert_true(dr_str_eqz(fate_of(&m, "co_shipment"), "fields"));
    drop(&m);
    c.dst_account = json("{\"edition\":\"classic\",\"plan\":\"enterprise\"}");
    m = decided(&c, NULL, false); /* modules are of the Suite */
    assert_true(dr_str_eqz(fate_of(&m, "co_shipment"), "fields"));
    drop(&m);
}

/* Growth has 20 text fields and 5 areas a module: the deal's own come first. */
static void test_quota(void **state)
{
    struct dr_catalogs c = world.c;
    struct made m;

    (void)state;
    c.dst_account = json("{\"edition\":\"suite\",\"plan\":\"blossom\"}");
    m = decided(&c, NULL, false);
    assert_true(dr_str_eqz(fate_of(&m, "co_shipment"), "notes"));
    drop(&m);
    m = decided(&c, "co_shipment=fields", false); /* told, not replaced */
    assert_true(dr_str_eqz(fate_of(&m, "co_shipment"), "fields"));
    assert_true(problems(m.plan, &c, "quota", "co_shipment") > 0);
    drop(&m);
}

static void test_left_out(void **state)
{
    struct made m = decided(&world.c, "co_shipment=skip", true);
    struct dr_str lanes[4];
    struct dr_outcome out;

    (void)state;
    assert_null(entry_of(&m, "co_shipment"));
    assert_null(entry_of(&m, "event"));
    assert_true(dr_plan_in_scope(m.plan, DR_STR_LIT("co_shipment")));
    assert_true(dr_plan_in_scope(m.plan, DR_STR_LIT("event")));
    assert_int_equal(dr_plan_lanes_of(m.plan, DR_STR_LIT("co_shipment"), lanes),
                     0);
    assert_int_equal(dr_plan_lanes_of(m.plan, DR_STR_LIT("event"), lanes), 0);
    out = apply(m.plan, golden("co_shipment/plain"));
    assert_int_equal(out.state, DR_OUT_EXCLUDED);
    assert_true(dr_str_eqz(out.rule, "custom_object.skip"));
    out = apply(m.plan, golden("event/flat"));
    assert_int_equal(out.state, DR_OUT_EXCLUDED);
    assert_true(dr_str_eqz(out.rule, "event.report"));
    assert_int_equal(problems(m.plan, &world.c, "invalid", NULL), 0);
    assert_int_equal(count_items(&m, "kind", "sales_activity_type"), 0);
    drop(&m);
}

/* Choices are texts on the list, and objects in the target's answer. */
static void as_created(struct dr_json_w *w, const struct dr_json *field)
{
    dr_json_w_obj(w);
    DR_JSON_EACH(m, field)
    {
        dr_json_w_keys(w, m->key);
        if (!dr_str_eqz(m->key, "choices")) {
            dr_json_w_tree(w, m);
            continue;
        }
        dr_json_w_arr(w);
        DR_JSON_EACH(c, m)
        {
            dr_json_w_obj(w);
            dr_json_w_kv(w, "value", dr_json_str(c));
            dr_json_w_end(w);
        }
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

/* The admin creates the module as the item says: nothing of it is asked for
 * again, and the plan finds all of it. */
static void test_module_made(void **state)
{
    struct dr_catalogs c = enterprise();
    struct made m = decided(&c, NULL, false);
    struct dr_json_w w;
    struct dr_buf b;

    (void)state;
    assert_int_equal(count_items(&m, "kind", "custom_module"), 2);
    assert_int_equal(problems(m.plan, &c, "missing_module", NULL), 2);
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(i, m.items)
    {
        if (dr_str_eqz(dr_json_get_str(i, "kind"), "custom_module")) {
            dr_json_w_obj(&w);
            dr_json_w_kv(&w, "entity_name", dr_json_get_str(i, "entity"));
            dr_json_w_kv(&w, "singular_name",
                         dr_json_get_str(i, "singular_name"));
            dr_json_w_key(&w, "fields");
            dr_json_w_arr(&w);
            DR_JSON_EACH(f, dr_json_get(i, "fields"))
            {
                as_created(&w, f);
            }
            dr_json_w_end(&w);
            dr_json_w_end(&w);
        }
    }
    dr_json_w_end(&w);
    dr_buf_ch(&b, '\0');
    c.dst_modules = json(b.p);
    dr_buf_done(&b);
    drop(&m);
    m = decided(&c, NULL, false);
    assert_int_equal(count_items(&m, "kind", "custom_module"), 0);
    assert_int_equal(count_items(&m, "entity", "cm_shipment"), 0);
    assert_int_equal(count_items(&m, "entity", "cm_visit"), 0);
    assert_int_equal(problems(m.plan, &c, "missing_module", NULL), 0);
    assert_int_equal(problems(m.plan, &c, "missing_field", "co_visit"), 0);
    assert_int_equal(problems(m.plan, &c, "missing_field", "co_shipment"), 0);
    drop(&m);
}

/* A plan without its hash, and one text for another. */
static size_t invalid(const struct made *m, const char *from, const char *to)
{
    struct dr_str head = dr_buf_view(&m->p.plan);
    size_t at = dr_str_find(head, DR_STR_LIT("\"hash\":\"sha256:"));
    struct dr_err err = {0};
    struct dr_plan *plan;
    struct dr_str text;
    size_t n;

    head = dr_arena_printf(world.a, "%.*s%.*s", (int)at, head.p,
                           (int)(head.n - at - 81), head.p + at + 81);
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
    n = problems(plan, &world.c, "invalid", NULL);
    dr_plan_free(plan);
    return n;
}

static void test_edits(void **state)
{
    struct made m = decided(&world.c, NULL, false);

    (void)state;
    assert_int_equal(invalid(&m, "\"format\"", "\"format\""), 0);
    /* the rows are those of another fate */
    assert_int_equal(invalid(&m, "\"fate\":\"fields\"", "\"fate\":\"notes\""),
                     1);
    assert_int_equal(invalid(&m, "\"fate\":\"fields\"", "\"fate\":\"skip\""),
                     1);
    assert_int_equal(invalid(&m, "\"fate\":\"fields\"", "\"fate\":\"frob\""),
                     1);
    assert_int_equal(
        invalid(&m, "\"fate\":\"activities\"", "\"fate\":\"frob\""), 1);
    assert_int_equal(invalid(&m,
                             "\"target\":\"cf_shipment_source_id\","
                             "\"transform\":\"special:id\"",
                             "\"target\":\"cf_shipment_source_id\","
                             "\"transform\":\"ignore\""),
                     1);
    drop(&m);
}

/* ---- events ---- */

static void test_activity_type(void **state)
{
    struct dr_catalogs c = world.c;
    struct made m = decided(&c, NULL, false);
    struct dr_outcome out;
    struct dr_buf b;

    (void)state;
    assert_int_equal(problems(m.plan, &c, "missing_activity_type", "event"), 0);
    drop(&m);
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_canonical(&b, c.dst_selectors);
    dr_buf_ch(&b, '\0');
    memcpy(strstr(b.p, "Imported event"), "Another  event", 14);
    c.dst_selectors = json(b.p);
    dr_buf_done(&b);
    m = decided(&c, NULL, false);
    assert_int_equal(problems(m.plan, &c, "missing_activity_type", "event"), 1);
    assert_int_equal(count_items(&m, "name", "Imported event"), 1);
    out = apply(m.plan, golden("event/flat"));
    assert_int_equal(out.state, DR_OUT_REJECTED);
    drop(&m);
}

/* Nobody owns an event: without a house owner it waits, and says so. */
static void test_house(void **state)
{
    struct dr_propose_opts o = {0};
    struct dr_err err = {0};
    struct made m;
    struct dr_outcome out;

    (void)state;
    assert_int_equal(propose(&world.c, &o, &m, &err), 0);
    out = apply(m.plan, golden("event/flat"));
    assert_int_equal(out.state, DR_OUT_PARKED);
    assert_true(out.reject.parked && out.reject.cure.n > 0);
    drop(&m);
}

/* ---- leads ---- */

static struct dr_catalogs classic(void)
{
    struct dr_catalogs c = world.c;
    struct dr_buf b;

    c.dst_account = json("{\"edition\":\"classic\",\"plan\":\"estate\"}");
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_canonical(&b, c.dst_selectors);
    b.n--; /* the brace at the end */
    dr_buf_z(&b, ",\"lead_stages\":[{\"id\":901,\"name\":\"New\"}]}");
    dr_buf_ch(&b, '\0');
    c.dst_selectors = json(b.p);
    dr_buf_done(&b);
    return c;
}

static const struct dr_field *field(const struct dr_load *l, const char *name)
{
    for (size_t i = 0; i < l->field_count; i++) {
        if (dr_str_eqz(l->fields[i].name, name)) {
            return &l->fields[i];
        }
    }
    return NULL;
}

static struct dr_str value(const struct dr_load *l, const char *name)
{
    const struct dr_field *f = field(l, name);

    return f ? f->value : DR_STR_LIT("absent");
}

/* One person, with these properties and companies. */
static struct dr_source person(const char *props, size_t companies)
{
    static const struct dr_assoc works[] = {
        {.pair = {"contact_company", 15}, .to_id = {"co_1", 4}}};
    struct dr_source s = {.object = DR_STR_LIT("contact"),
                          .id = DR_STR_LIT("c_77"),
                          .rev = 9,
                          .op = DR_SRC_UPSERT,
                          .origin = DR_ORIGIN_TAIL,
                          .assocs = works,
                          .assoc_count = companies};

    s.body = dr_arena_printf(world.a,
                             "{\"owner_id\":\"o_1\",\"properties\":{"
                             "\"last_name\":\"Berg\",%s}}",
                             props);
    return s;
}

#define PERSON "\"record_kind\":\"person\","
#define MAIL "\"email\":\"mia@x.example\","
#define LEAD \
    "\"lead_status\":\"new\",\"lead_source\":\"web\",\"lead_score\":\"61\""

static void test_lead(void **state)
{
    struct dr_catalogs c = classic();
    struct made m = decided(&c, NULL, false);
    struct dr_source s = person(PERSON MAIL LEAD, 0);
    struct dr_outcome out = apply(m.plan, &s);
    const struct dr_load *l = &out.loads[0];

    (void)state;
    assert_int_equal(out.state, DR_OUT_LOAD);
    assert_true(dr_str_eqz(l->type, "leads"));
    assert_true(dr_str_eqz(value(l, "lead_stage_id"), "901"));
    assert_true(dr_str_eqz(value(l, "lead_source_id"), "41"));
    assert_true(dr_str_eqz(value(l, "cf_lead_score"), "61"));
    assert_true(dr_str_eqz(value(l, "cf_lead_status"), "New"));
    assert_true(dr_str_eqz(value(l, "cf_source_id"), "c_77"));
    assert_null(field(l, "external_id"));
    assert_null(field(l, "lead_score")); /* read-only there */
    assert_int_equal(l->ref_count, 0);
    /* a stage that the target lacks is asked for, and stops the approval */
    assert_true(count_items(&m, "kind", "lead_stage") > 0);
    assert_true(problems(m.plan, &c, "missing_value", "contact") > 0);
    drop(&m);
}

/* Neither address nor number: the target would refuse it. */
static void test_unreachable(void **state)
{
    struct dr_catalogs c = classic();
    struct made m = decided(&c, NULL, false);
    struct dr_source s = person(PERSON LEAD, 0);
    struct dr_outcome out = apply(m.plan, &s);

    (void)state;
    assert_int_equal(out.state, DR_OUT_REJECTED);
    assert_true(dr_str_eqz(out.reject.class, "required_empty"));
    s = person(PERSON "\"phone\":\"+356 2133 1234 5678 9012 3456 7890\"," LEAD,
               0);
    out = apply(m.plan, &s);
    assert_int_equal(out.state, DR_OUT_LOAD);
    assert_true(dr_str_eqz(value(&out.loads[0], "mobile_number"),
                           "+356 2133 1234 5678 9012 3456 "));
    assert_true(out.note_count > 0);
    drop(&m);
}

/* One key whatever the class: a person that becomes a contact does not
 * double. */
static void test_class_change(void **state)
{
    static const struct {
        const char *props;
        size_t companies;
        const char *type;
    } rows[] = {
        {PERSON MAIL LEAD, 0, "leads"},
        {"\"record_kind\":\"contact\"," MAIL LEAD, 0, "contacts"},
        {PERSON MAIL LEAD, 1, "contacts"}, /* it belongs to a company */
        {PERSON MAIL LEAD ",\"converted_at\":\"2024-05-06T07:08:09Z\"", 0,
         "contacts"},
        {PERSON MAIL LEAD ",\"converted_at\":null", 0, "leads"},
    };
    struct dr_catalogs c = classic();
    struct made m = decided(&c, NULL, false), suite;

    (void)state;
    suite = decided(&world.c, NULL, false);
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        struct dr_source s = person(rows[i].props, rows[i].companies);
        struct dr_outcome out = apply(m.plan, &s);
        assert_int_equal(out.state, DR_OUT_LOAD);
        assert_int_equal(out.load_count, 1);
        assert_true(dr_str_eqz(out.loads[0].key, "contact:c_77"));
        assert_true(dr_str_eqz(out.loads[0].lane, "contact"));
        if (!dr_str_eqz(out.loads[0].type, rows[i].type)) {
            fail_msg("row %zu", i);
        }
        /* the score and the word of the status stay with either class */
        assert_true(dr_str_eqz(value(&out.loads[0], "cf_lead_score"), "61"));
        assert_true(dr_str_eqz(value(&out.loads[0], "cf_lead_status"), "New"));
        out = apply(suite.plan, &s); /* one class there */
        assert_true(dr_str_eqz(out.loads[0].type, "contacts"));
    }
    drop(&m);
    drop(&suite);
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
        cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_fates),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_module_made),
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_activity_type),
        cmocka_unit_test(test_house),
        cmocka_unit_test(test_lead),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_class_change),
    };

    return cmocka_run_group_tests(tests, open_world, close_world);
}
