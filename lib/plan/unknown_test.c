/* Properties that no row of the plan names, for the schema had none of the
 * name: each is told, whatever record it stands in. */
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

/* The text with `more` as its first properties. */
static struct dr_str with(struct dr_str body, const char *more)
{
    static const char begin[] = "\"properties\": {";
    size_t at = dr_str_find(body, dr_str_z(begin));

    assert_true(at != SIZE_MAX);
    at += strlen(begin);
    return dr_arena_printf(world.a, "%.*s%s%.*s", (int)at, body.p, more,
                           (int)(body.n - at), body.p + at);
}

static struct dr_outcome apply(const struct dr_source *rec)
{
    static const struct dr_apply_opts o = {
        .migration = {"t", 1}, .generation = 1, .pass = 1};
    struct dr_outcome out;
    struct dr_err err = {0};

    assert_int_equal(dr_plan_apply(plan, rec, &o, world.a, &out, &err), 0);
    assert_int_equal(out.state, DR_OUT_LOAD);
    return out;
}

static size_t told(const struct dr_outcome *o)
{
    size_t n = 0;

    for (size_t i = 0; i < o->note_count; i++) {
        n += dr_str_eqz(o->notes[i].rule, "source.unknown");
    }
    return n;
}

static const struct dr_note *note_on(const struct dr_outcome *o,
                                     const char *name)
{
    for (size_t i = 0; i < o->note_count; i++) {
        if (dr_str_eqz(o->notes[i].field, name)) {
            return &o->notes[i];
        }
    }
    fail_msg("nothing is told of %s", name);
    return NULL;
}

/* None of what is there is unknown; what was added is, of every kind. */
static void test_every_kind(void **state)
{
    size_t tried = 0;

    (void)state;
    for (size_t i = 0; i < world.n; i++) {
        struct dr_source rec = world.v[i].source;
        static const struct dr_apply_opts o = {
            .migration = {"t", 1}, .generation = 1, .pass = 1};
        struct dr_outcome out;
        struct dr_err err = {0};
        if (dr_str_find(rec.body, DR_STR_LIT("\"properties\": {\n")) ==
            SIZE_MAX) {
            continue;
        }
        assert_int_equal(dr_plan_apply(plan, &rec, &o, world.a, &out, &err), 0);
        if (out.state != DR_OUT_LOAD || told(&out) > 0) {
            continue;
        }
        rec.body = with(rec.body, "\"zz_new\": [7],");
        out = apply(&rec);
        if (told(&out) != 1) {
            fail_msg("%s: zz_new is not told", world.v[i].path);
        }
        assert_true(dr_str_eqz(note_on(&out, "zz_new")->source, "[7]"));
        assert_int_equal(note_on(&out, "zz_new")->target.n, 0);
        tried++;
    }
    assert_true(tried > 40);
}

static void test_nothing_is_no_loss(void **state)
{
    struct dr_source rec = record("contact/plain");
    struct dr_outcome out;

    (void)state;
    assert_int_equal((out = apply(&rec), told(&out)), 0);
    rec.body = with(rec.body, "\"zz\": null, \"zy\": \"\", \"zx\": [],");
    assert_int_equal((out = apply(&rec), told(&out)), 0);
    rec.body = with(rec.body, "\"zw\": 0, \"zv\": false,");
    assert_int_equal((out = apply(&rec), told(&out)), 2);
}

/* A hundred are named, the rest counted. */
static void test_many(void **state)
{
    struct dr_source rec = record("contact/plain");
    struct dr_outcome out;
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, (size_t)4 << 20);
    for (int i = 0; i < 50000; i++) {
        dr_buf_printf(&b, "\"zz%05d\":1,", i);
    }
    dr_buf_ch(&b, '\0');
    rec.body = with(rec.body, b.p);
    dr_buf_done(&b);
    out = apply(&rec);
    assert_int_equal(told(&out), 101);
    assert_non_null(note_on(&out, "zz00099"));
    assert_true(dr_str_starts(note_on(&out, "*")->cause,
                              DR_STR_LIT("49900 more properties")));
}

/* Of a deal's lines, each for itself. */
static void test_lines(void **state)
{
    struct dr_part parts[2];
    struct dr_source rec = record("line_item/plain");
    struct dr_outcome out;

    (void)state;
    assert_true(rec.part_count >= 2);
    assert_int_equal((out = apply(&rec), told(&out)), 0);
    memcpy(parts, rec.parts, sizeof(parts));
    parts[1].body = with(parts[1].body, "\"zz\": 1,");
    rec.parts = parts;
    rec.part_count = 2;
    out = apply(&rec);
    assert_int_equal(told(&out), 1);
    assert_true(dr_str_eq(note_on(&out, "zz")->id, parts[1].id));
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
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_nothing_is_no_loss),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_lines),
    };

    dr_crypto_init();
    return cmocka_run_group_tests(tests, open_world, close_world);
}
