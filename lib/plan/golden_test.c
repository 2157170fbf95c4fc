/*
 * Golden files: what every record of tests/golden becomes, and what is
 * proposed for all of them together. `plan_golden_test --update` writes the
 * files anew; read the difference before committing it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "golden_test.h"

static struct world world;
static bool update;

static void write_file(const char *path, struct dr_str text)
{
    char full[512];
    FILE *f;

    (void)snprintf(full, sizeof(full), "%s/%s", GOLDEN_DIR, path);
    f = fopen(full, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    assert_int_equal(fclose(f), 0);
}

static unsigned first_difference(struct dr_str a, struct dr_str b)
{
    unsigned line = 1;

    for (size_t i = 0; i < a.n && i < b.n && a.p[i] == b.p[i]; i++) {
        line += a.p[i] == '\n';
    }
    return line;
}

/* 1 when it differs. */
static int check(const char *path, struct dr_str text)
{
    struct dr_str want = world_read(&world, path);

    if (update) {
        write_file(path, text);
        return 0;
    }
    if (want.p && dr_str_eq(text, want)) {
        return 0;
    }
    print_error("tests/golden/%s differs from line %u on\n", path,
                first_difference(text, want));
    return 1;
}

static int check_record(const struct dr_plan *plan, const struct golden *g,
                        const char *folder)
{
    struct dr_apply_opts o = {
        .migration = DR_STR_LIT("golden"), .generation = 1, .pass = 2};
    struct dr_arena *a = dr_arena_new((size_t)16 << 20);
    struct dr_outcome out;
    struct dr_err err = {0};
    struct dr_buf b;
    char path[400];
    int bad;

    assert_int_equal(dr_plan_apply(plan, &g->source, &o, a, &out, &err), 0);
    dr_buf_init(&b, (size_t)1 << 20);
    dr_outcome_print(&out, &b);
    (void)snprintf(path, sizeof(path), "%s%s.ok.json", folder, g->path);
    bad = check(path, dr_buf_view(&b));
    dr_buf_done(&b);
    dr_arena_free(a);
    return bad;
}

static void test_records(void **state)
{
    struct dr_plan *plan = world_plan(&world);
    int bad = 0;

    (void)state;
    for (size_t i = 0; i < world.n; i++) {
        bad += check_record(plan, &world.v[i], "");
    }
    dr_plan_free(plan);
    assert_int_equal(bad, 0);
}

static void pretty(struct dr_json_w *w, const struct dr_json *j)
{
    bool object = j->type == DR_JSON_OBJECT;

    if (!object && j->type != DR_JSON_ARRAY) {
        dr_json_w_tree(w, j);
        return;
    }
    if (object) {
        dr_json_w_obj(w);
    } else {
        dr_json_w_arr(w);
    }
    DR_JSON_EACH(e, j)
    {
        if (object) {
            dr_json_w_keys(w, e->key);
        }
        pretty(w, e);
    }
    dr_json_w_end(w);
}

/* One blank of indentation, so that a difference can be read. */
static int check_pretty(const char *path, const struct dr_buf *text)
{
    struct dr_err err = {0};
    const struct dr_json *j =
        dr_json_parse(world.a, dr_buf_view(text), NULL, &err);
    struct dr_json_w w;
    struct dr_buf b;
    int bad;

    assert_non_null(j);
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    w.pretty = true;
    pretty(&w, j);
    dr_buf_ch(&b, '\n');
    bad = check(path, dr_buf_view(&b));
    dr_buf_done(&b);
    return bad;
}

static void test_proposal(void **state)
{
    struct dr_err err = {0};
    struct dr_proposal p;
    struct dr_buf problems;
    struct dr_plan *plan;
    int bad;

    (void)state;
    world_propose(&world, &world.c, 0, 1, &p);
    plan = dr_plan_parse(dr_buf_view(&p.plan), &err);
    assert_non_null(plan);
    dr_buf_init(&problems, (size_t)1 << 20);
    (void)dr_plan_check(plan, &world.c, &problems);
    bad = check_pretty("plan.ok.json", &p.plan);
    bad += check_pretty("checklist.ok.json", &p.checklist);
    bad += check_pretty("owners.ok.json", &p.owners);
    bad += check_pretty("duplicates.ok.json", &p.duplicates);
    bad += check_pretty("problems.ok.json", &problems);
    dr_buf_done(&problems);
    dr_plan_free(plan);
    dr_proposal_done(&p);
    assert_int_equal(bad, 0);
}

static void test_files(void **state)
{
    struct dr_profile *p = world_profile(&world, 0, 1);
    struct dr_plan *plan = world_plan(&world);
    struct dr_json_w w;
    struct dr_buf b;
    int bad;

    (void)state;
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_plan_files_json(p, plan, NULL, &w);
    bad = check_pretty("files.ok.json", &b);
    dr_buf_done(&b);
    dr_plan_free(plan);
    dr_profile_free(p);
    assert_int_equal(bad, 0);
}

static void test_audit(void **state)
{
    struct dr_profile *p = world_profile(&world, 0, 1);
    struct dr_json_w w;
    struct dr_buf b;
    int bad;

    (void)state;
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_profile_fields_json(p, &world.c, &w);
    dr_json_w_end(&w);
    bad = check_pretty("audit.ok.json", &b);
    dr_buf_done(&b);
    dr_profile_free(p);
    assert_int_equal(bad, 0);
}

/* ---- other accounts ---- */

static bool is_of(const struct golden *g, const char *folder)
{
    return dr_str_starts(dr_str_z(g->path), dr_str_z(folder));
}

/* One list of a JSON text, of which only what names the object is kept. */
static int check_part(const char *path, const struct dr_buf *text,
                      const char *list, const char *key, const char *object)
{
    struct dr_err err = {0};
    const struct dr_json *j =
        dr_json_parse(world.a, dr_buf_view(text), NULL, &err);
    struct dr_json_w w;
    struct dr_buf b;
    int bad;

    assert_non_null(j);
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(e, list ? dr_json_get(j, list) : j)
    {
        if (dr_str_eqz(dr_json_get_str(e, key), object)) {
            dr_json_w_tree(&w, e);
        }
    }
    dr_json_w_end(&w);
    bad = check_pretty(path, &b);
    dr_buf_done(&b);
    return bad;
}

/* The shipments under another account or by another decision. */
static int check_fate(const char *folder, const struct dr_catalogs *c,
                      const char *wish, const char *item, const char *entity)
{
    struct dr_profile *profile = world_profile(&world, 0, 1);
    struct dr_str fates[] = {wish ? dr_str_z(wish) : (struct dr_str){"", 0}};
    struct dr_propose_opts o = {
        .house_owner = 11, .fates = fates, .fate_count = wish ? 1 : 0};
    struct dr_err err = {0};
    struct dr_proposal p;
    struct dr_buf problems;
    struct dr_plan *plan;
    char path[400];
    int bad = 0;

    dr_proposal_init(&p);
    assert_int_equal(dr_plan_propose(profile, c, &o, &p, &err), 0);
    plan = dr_plan_parse(dr_buf_view(&p.plan), &err);
    assert_non_null(plan);
    for (size_t i = 0; i < world.n; i++) {
        if (is_of(&world.v[i], "co_shipment/")) {
            bad += check_record(plan, &world.v[i], folder);
        }
    }
    dr_buf_init(&problems, (size_t)1 << 20);
    (void)dr_plan_check(plan, c, &problems);
    (void)snprintf(path, sizeof(path), "%splan.ok.json", folder);
    bad += check_part(path, &p.plan, "objects", "object", "co_shipment");
    (void)snprintf(path, sizeof(path), "%schecklist.ok.json", folder);
    bad += check_part(path, &p.checklist, "items", item, entity);
    (void)snprintf(path, sizeof(path), "%sproblems.ok.json", folder);
    bad += check_part(path, &problems, NULL, "object", "co_shipment");
    dr_buf_done(&problems);
    dr_plan_free(plan);
    dr_proposal_done(&p);
    dr_profile_free(profile);
    return bad;
}

static const struct dr_json *json_of(const char *path)
{
    struct dr_err err = {0};
    struct dr_str text = world_read(&world, path);
    const struct dr_json *j = dr_json_parse(world.a, text, NULL, &err);

    assert_non_null(j);
    return j;
}

static void test_notes(void **state)
{
    (void)state;
    assert_int_equal(check_fate("fates/notes/", &world.c, "co_shipment=notes",
                                "entity", "notes"),
                     0);
}

/* Enterprise: the module is to be created, or is there under another name,
 * with some of its fields. */
static void test_module(void **state)
{
    struct dr_catalogs c = world.c;

    (void)state;
    c.dst_account = json_of("fates/enterprise.json");
    assert_int_equal(
        check_fate("fates/module/", &c, NULL, "kind", "custom_module"), 0);
    c.dst_modules = json_of("fates/modules.json");
    assert_int_equal(
        check_fate("fates/module_there/", &c, NULL, "entity", "cm_delivery"),
        0);
}

static void test_shapes(void **state)
{
    struct dr_profile *p = world_profile(&world, 0, 1);
    struct dr_json_w w;
    struct dr_buf b;
    int bad;

    (void)state;
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_profile_shapes_json(p, &world.c, &w);
    dr_json_w_end(&w);
    bad = check_pretty("shapes.ok.json", &b);
    dr_buf_done(&b);
    dr_profile_free(p);
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records), cmocka_unit_test(test_proposal),
        cmocka_unit_test(test_files),   cmocka_unit_test(test_audit),
        cmocka_unit_test(test_shapes),  cmocka_unit_test(test_notes),
        cmocka_unit_test(test_module)};
    int rc;

    update = argc > 1 && strcmp(argv[1], "--update") == 0;
    world_open(&world);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    world_close(&world);
    return rc;
}
