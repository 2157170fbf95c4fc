/*
 * A field that a record has in one version it has in every other one of the
 * same class, be it as null: else an update leaves there what was there before,
 * and nobody compares it. Every record of the golden world is taken, and of it
 * every version in which one property is empty, strange, or one of the others'.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "golden_test.h"

#define VALUES_MAX 6 /* of one property */
#define SHORT 200    /* bytes of one    */

static struct world world;
static const struct dr_json *roots[GOLDEN_MAX];
static size_t versions;

static struct dr_outcome apply(const struct dr_plan *plan,
                               const struct dr_source *rec, struct dr_arena *a)
{
    static const struct dr_apply_opts o = {
        .migration = {"test", 4}, .generation = 1, .pass = 1};
    struct dr_err err = {0};
    struct dr_outcome out;

    assert_int_equal(dr_plan_apply(plan, rec, &o, a, &out, &err), 0);
    return out;
}

/* The record with another value of one property, or of one member. */
static struct dr_str changed(const struct dr_json *root, struct dr_str name,
                             struct dr_str value, struct dr_arena *a)
{
    struct dr_json_w w;
    struct dr_str out;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 22);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    DR_JSON_EACH(m, root)
    {
        dr_json_w_keys(&w, m->key);
        if (!dr_str_eqz(m->key, "properties")) {
            dr_json_w_raw(&w, dr_str_eq(m->key, name) ? value : m->raw);
            continue;
        }
        dr_json_w_obj(&w);
        DR_JSON_EACH(p, m)
        {
            dr_json_w_keys(&w, p->key);
            dr_json_w_raw(&w, dr_str_eq(p->key, name) ? value : p->raw);
        }
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    assert_false(b.over);
    out = dr_arena_dup(a, dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}

static bool has(const struct dr_load *l, struct dr_str name)
{
    size_t n = 0;

    for (size_t i = 0; i < l->field_count; i++) {
        n += dr_str_eq(l->fields[i].name, name);
    }
    if (n > 1) {
        fail_msg(DR_STR_FMT ": \"" DR_STR_FMT "\" stands there %zu times",
                 DR_STR_ARG(l->key), DR_STR_ARG(name), n);
    }
    return n == 1;
}

static size_t lacks(const struct dr_load *x, const struct dr_load *y,
                    struct dr_str name)
{
    size_t bad = 0;

    for (size_t i = 0; i < x->field_count; i++) {
        if (!has(y, x->fields[i].name)) {
            print_error(DR_STR_FMT ": \"" DR_STR_FMT
                                   "\" comes and goes with " DR_STR_FMT "\n",
                        DR_STR_ARG(x->key), DR_STR_ARG(x->fields[i].name),
                        DR_STR_ARG(name));
            bad++;
        }
    }
    return bad;
}

static size_t compare(const struct dr_outcome *x, const struct dr_outcome *y,
                      struct dr_str name)
{
    size_t bad = 0;

    for (size_t i = 0; i < x->load_count && i < y->load_count; i++) {
        if (dr_str_eq(x->loads[i].type, y->loads[i].type) &&
            dr_str_eq(x->loads[i].lane, y->loads[i].lane)) {
            bad += lacks(&x->loads[i], &y->loads[i], name);
            bad += lacks(&y->loads[i], &x->loads[i], name);
            versions++;
        }
    }
    return bad;
}

static size_t one_version(const struct dr_plan *plan,
                          const struct dr_source *rec,
                          const struct dr_outcome *before, struct dr_str name,
                          struct dr_str value)
{
    struct dr_arena *a = dr_arena_new((size_t)16 << 20);
    const struct dr_json *root = dr_json_parse(a, rec->body, NULL, NULL);
    struct dr_source other = *rec;
    struct dr_outcome out;
    size_t bad;

    other.body = changed(root, name, value, a);
    out = apply(plan, &other, a);
    bad = compare(before, &out, name);
    dr_arena_free(a);
    return bad;
}

/* What other records of the kind have there, each value once. */
static size_t others(const struct dr_plan *plan, const struct dr_source *rec,
                     const struct dr_outcome *before, struct dr_str name)
{
    struct dr_str v[VALUES_MAX];
    size_t n = 0, bad = 0;

    for (size_t i = 0; i < world.n && n < VALUES_MAX; i++) {
        const struct dr_json *is =
            dr_json_gets(dr_json_get(roots[i], "properties"), name);
        bool seen = !is || is->raw.n > SHORT ||
                    !dr_str_eq(world.v[i].source.object, rec->object);
        for (size_t k = 0; !seen && k < n; k++) {
            seen = dr_str_eq(v[k], is->raw);
        }
        if (!seen) {
            v[n++] = is->raw;
            bad += one_version(plan, rec, before, name, is->raw);
        }
    }
    return bad;
}

static size_t all_versions(const struct dr_plan *plan,
                           const struct dr_source *rec)
{
    static const char *const members[] = {"created_by", "created_at",
                                          "updated_at", "archived_at"};
    struct dr_arena *a = dr_arena_new((size_t)16 << 20);
    const struct dr_json *root = dr_json_parse(a, rec->body, NULL, NULL);
    struct dr_outcome before = apply(plan, rec, a), out;
    struct dr_source other = *rec;
    size_t bad;

    other.archived = !rec->archived;
    out = apply(plan, &other, a);
    bad = compare(&before, &out, DR_STR_LIT("archived"));
    DR_JSON_EACH(p, dr_json_get(root, "properties"))
    {
        bad += one_version(plan, rec, &before, p->key, DR_STR_LIT("null"));
        bad += one_version(plan, rec, &before, p->key, DR_STR_LIT("\"\""));
        bad += one_version(plan, rec, &before, p->key, DR_STR_LIT("\"zz\""));
        bad += others(plan, rec, &before, p->key);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(members); i++) {
        bad += one_version(plan, rec, &before, dr_str_z(members[i]),
                           DR_STR_LIT("null"));
    }
    dr_arena_free(a);
    return bad;
}

static void run(const struct dr_catalogs *c, const struct dr_propose_opts *in)
{
    struct dr_profile *profile = world_profile(&world, 0, 1);
    struct dr_propose_opts o = *in;
    struct dr_proposal p;
    struct dr_err err = {0};
    struct dr_plan *plan;
    size_t bad = 0;

    o.house_owner = world.house_owner;
    dr_proposal_init(&p);
    assert_int_equal(dr_plan_propose(profile, c, &o, &p, &err), 0);
    plan = dr_plan_parse(dr_buf_view(&p.plan), &err);
    assert_non_null(plan);
    versions = 0;
    for (size_t i = 0; i < world.n; i++) {
        if (world.v[i].source.op == DR_SRC_UPSERT) {
            bad += all_versions(plan, &world.v[i].source);
        }
    }
    dr_plan_free(plan);
    dr_proposal_done(&p);
    dr_profile_free(profile);
    assert_true(versions > 1000);
    assert_int_equal(bad, 0);
}

static void test_as_proposed(void **state)
{
    struct dr_propose_opts o = {0};

    (void)state;
    run(&world.c, &o);
}

static void test_call_logs(void **state)
{
    struct dr_propose_opts o = {.calls_as_logs = true};

    (void)state;
    run(&world.c, &o);
}

static const struct dr_json *read_json(const char *text)
{
    const struct dr_json *j =
        dr_json_parse(world.a, dr_str_z(text), NULL, NULL);

    assert_non_null(j);
    return j;
}

static void test_leads(void **state)
{
    struct dr_propose_opts o = {0};
    struct dr_catalogs c = world.c;

    (void)state;
    c.dst_account = read_json("{\"edition\":\"classic\",\"plan\":\"estate\"}");
    run(&c, &o);
}

static void test_modules(void **state)
{
    struct dr_propose_opts o = {0};
    struct dr_catalogs c = world.c;

    (void)state;
    c.dst_account =
        read_json("{\"edition\":\"suite\",\"plan\":\"enterprise\"}");
    run(&c, &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_proposed), cmocka_unit_test(test_call_logs),
        cmocka_unit_test(test_leads), cmocka_unit_test(test_modules)};
    int rc;

    world_open(&world);
    for (size_t i = 0; i < world.n; i++) {
        roots[i] = dr_json_parse(world.a, world.v[i].source.body, NULL, NULL);
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    world_close(&world);
    return rc;
}
