/* A record with very many links: what it costs grows with their number, not
 * with its square, which would take minutes here; and they come out right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/crypto/crypto.h>

#include "golden_test.h"

#define MANY ((size_t)100000)

static struct world world;
static struct dr_plan *plan;

static struct dr_source record(const char *path)
{
    for (size_t i = 0; i < world.n; i++) {
        if (strcmp(world.v[i].path, path) == 0) {
            return world.v[i].source;
        }
    }
    fail_msg("no %s in the golden world", path);
    return (struct dr_source){0};
}

/* The last one first, each twice, one of them primary the second time. */
static struct dr_assoc *links(struct dr_arena *a, const char *pair,
                              size_t primary)
{
    struct dr_assoc *v = dr_arena_calloc(a, 2 * MANY, sizeof(*v));

    assert_non_null(v);
    for (size_t i = 0; i < MANY; i++) {
        v[i].pair = dr_str_z(pair);
        v[i].to_id = dr_arena_printf(a, "x%06zu", MANY - 1 - i);
        v[MANY + i] = v[i];
        v[MANY + i].primary = MANY - 1 - i == primary;
    }
    return v;
}

static struct dr_outcome apply(struct dr_arena *a, const struct dr_source *rec)
{
    static const struct dr_apply_opts o = {
        .migration = {"t", 1}, .generation = 1, .pass = 1};
    struct dr_outcome out;
    struct dr_err err = {0};

    assert_int_equal(dr_plan_apply(plan, rec, &o, a, &out, &err), 0);
    assert_int_equal(out.state, DR_OUT_LOAD);
    return out;
}

static size_t told(const struct dr_outcome *o, const char *field)
{
    size_t n = 0;

    for (size_t i = 0; i < o->note_count; i++) {
        n += dr_str_eqz(o->notes[i].field, field);
    }
    return n;
}

static void assert_key(const struct dr_outcome *o, size_t at, const char *key)
{
    assert_true(at < o->loads[0].ref_count);
    if (!dr_str_eqz(o->loads[0].refs[at].key, key)) {
        fail_msg("link %zu is " DR_STR_FMT ", not %s", at,
                 DR_STR_ARG(o->loads[0].refs[at].key), key);
    }
}

static void test_links_of_a_note(void **state)
{
    struct dr_arena *mine DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct dr_source rec = record("note/plain");
    struct dr_outcome out;

    (void)state;
    rec.assocs = links(mine, "note_contact", 500);
    rec.assoc_count = 2 * MANY;
    out = apply(a, &rec);
    assert_key(&out, 0, "contact:x000500");
    assert_key(&out, 1, "contact:x000000");
    assert_key(&out, 2, "contact:x000001");
    assert_int_equal(told(&out, "note_contact"), MANY - 1);
}

static void test_companies_of_a_contact(void **state)
{
    struct dr_arena *mine DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct dr_source rec = record("contact/plain");
    struct dr_outcome out;

    (void)state;
    rec.assocs = links(mine, "contact_company", 500);
    rec.assoc_count = 2 * MANY;
    out = apply(a, &rec);
    assert_int_equal(out.loads[0].ref_count, MANY);
    assert_key(&out, 0, "company:x000500");
    assert_true(out.loads[0].refs[0].primary);
    assert_key(&out, 1, "company:x000000");
    assert_key(&out, MANY - 1, "company:x099999");
}

/* All of them were merged into others, of which half were named as well. */
static void test_merged_ones(void **state)
{
    struct dr_arena *mine DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct dr_alias *merged = dr_arena_calloc(mine, MANY, sizeof(*merged));
    struct dr_source rec = record("note/plain");
    struct dr_outcome out;

    (void)state;
    assert_non_null(merged);
    rec.assocs = links(mine, "note_contact", MANY);
    rec.assoc_count = 2 * MANY;
    for (size_t i = 0; i < MANY; i++) {
        merged[i] = (struct dr_alias){
            .type = DR_STR_LIT("contact"),
            .id = dr_arena_printf(mine, "x%06zu", i),
            .into = dr_arena_printf(mine, "x%06zu", MANY / 2 + i)};
    }
    rec.aliases = merged;
    rec.alias_count = MANY;
    out = apply(a, &rec);
    assert_key(&out, 0, "contact:x050000");
    assert_int_equal(told(&out, "note_contact"), MANY - 1);
}

static int open_world(void **state)
{
    (void)state;
    world_open(&world);
    plan = world_plan(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    dr_plan_free(plan);
    world_close(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links_of_a_note),
        cmocka_unit_test(test_companies_of_a_contact),
        cmocka_unit_test(test_merged_ones),
    };

    dr_crypto_init();
    return cmocka_run_group_tests(tests, open_world, close_world);
}
