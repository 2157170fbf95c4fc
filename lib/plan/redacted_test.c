/* What FastTrack does not show is no value: neither the sentence that stands in
 * its place goes to the target, nor does a load keep silent about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/wire/redaction.h>

#include "golden_test.h"

#define SENTENCE "This content has been redacted: the token lacks a scope."

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

static struct dr_str with(struct dr_str s, const char *was, const char *is)
{
    size_t at = dr_str_find(s, dr_str_z(was)), behind = at + strlen(was);

    if (at >= s.n) {
        fail_msg("no %s in " DR_STR_FMT, was, DR_STR_ARG(s));
    }
    return dr_arena_printf(world.a, "%.*s%s%.*s", (int)at, s.p, is,
                           (int)(s.n - behind), s.p + behind);
}

/* A record of which FastTrack names one property in `redacted`. */
static struct dr_source hiding(const char *path, const char *name)
{
    struct dr_source rec = record(path);
    char list[64];

    (void)snprintf(list, sizeof(list), "\"redacted\": [\"%s\"]", name);
    rec.body = with(rec.body, "\"redacted\": []", list);
    return rec;
}

static struct dr_outcome apply(const struct dr_source *rec)
{
    static const struct dr_apply_opts o = {
        .migration = {"test", 4}, .generation = 1, .pass = 1};
    struct dr_err err = {0};
    struct dr_outcome out;

    assert_int_equal(dr_plan_apply(plan, rec, &o, world.a, &out, &err), 0);
    return out;
}

static const struct dr_field *field(const struct dr_outcome *o,
                                    const char *name)
{
    assert_int_equal(o->state, DR_OUT_LOAD);
    for (size_t i = 0; i < o->loads[0].field_count; i++) {
        if (dr_str_eqz(o->loads[0].fields[i].name, name)) {
            return &o->loads[0].fields[i];
        }
    }
    return NULL;
}

static size_t notes_on(const struct dr_outcome *o, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < o->note_count; i++) {
        n += dr_str_eqz(o->notes[i].field, name);
    }
    return n;
}

static bool holds(const struct dr_field *f, const char *what)
{
    return f && dr_str_find(f->value, dr_str_z(what)) < f->value.n;
}

/* FastTrack may put the sentence there and say nothing (contract 2.2, 5.2). */
static void test_a_sentence_without_a_flag(void **state)
{
    struct dr_source rec = record("email/plain");
    struct dr_outcome out = apply(&rec);

    (void)state;
    assert_int_equal(notes_on(&out, "body"), 0);
    rec.body = with(rec.body, "\"body\": \"",
                    "\"body\": \"" SENTENCE "\", "
                    "\"was\": \"");
    out = apply(&rec);
    assert_false(holds(field(&out, "notes"), "redacted"));
    assert_int_equal(notes_on(&out, "body"), 1);
    assert_true(dr_str_eqz(out.loads[0].hides, "body"));
}

/* A person's own words about it are no sentence of FastTrack's. */
static void test_whose_words_they_are(void **state)
{
    struct dr_source rec = record("note/plain");
    struct dr_outcome out;

    (void)state;
    rec.body = with(rec.body, "\"body\": \"",
                    "\"body\": \"The report has been redacted. ");
    out = apply(&rec);
    assert_true(holds(field(&out, "description"), "has been redacted"));
}

/* The load says what it hides: what stands in the target may be that, or be
 * made of it. */
static void test_loads_say_it(void **state)
{
    struct dr_source rec = hiding("contact/plain", "phone");
    struct dr_outcome out = apply(&rec);

    (void)state;
    assert_non_null(field(&out, "work_number"));
    assert_int_equal(field(&out, "work_number")->kind, DR_VAL_NULL);
    assert_int_equal(notes_on(&out, "phone"), 1);
    assert_true(dr_str_eqz(out.loads[0].hides, "phone"));
    rec = hiding("deal/plain", "amount\", \"close_date");
    out = apply(&rec);
    assert_true(dr_str_eqz(out.loads[0].hides, "amount,close_date"));
    assert_true(holds(field(&out, "amount"), "0"));
    rec = record("contact/plain");
    out = apply(&rec);
    assert_int_equal(out.loads[0].hides.n, 0);
}

/* A hierarchy is made of links, not of fields. */
static void test_what_links_are_made_of(void **state)
{
    struct dr_source rec = hiding("company/plain", "parent_company_id");
    struct dr_outcome out = apply(&rec);

    (void)state;
    assert_int_equal(out.load_count, 2);
    assert_true(dr_hides(out.loads[1].hides, DR_STR_LIT(DR_HIDES_MORE)));
    rec = hiding("company/plain", "phone");
    out = apply(&rec);
    assert_true(dr_str_eqz(out.loads[0].hides, "phone"));
    assert_int_equal(out.loads[1].hides.n, 0);
}

/* An amount in another currency is another one. */
static void test_a_currency_that_is_hidden(void **state)
{
    struct dr_source rec = hiding("deal/plain", "currency");
    struct dr_outcome out = apply(&rec);

    (void)state;
    assert_int_equal(out.state, DR_OUT_REJECTED);
    assert_true(dr_str_eqz(out.reject.class, "redacted"));
    assert_true(dr_str_eqz(out.reject.field, "currency"));
}

static struct dr_part *parts(struct dr_source *rec)
{
    struct dr_part *v = dr_arena_calloc(world.a, rec->part_count, sizeof(*v));

    memcpy(v, rec->parts, rec->part_count * sizeof(*v));
    rec->parts = v;
    return v;
}

/* Nor does a line: what it lacks would be the catalogue's, or none. */
static void test_lines(void **state)
{
    static const char *const names[] = {"product_id", "quantity", "unit_price",
                                        "discount",   "tax",      "currency"};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
        struct dr_source rec = record("line_item/plain");
        struct dr_part *v = parts(&rec);
        struct dr_outcome out = apply(&rec);
        size_t before = out.part_reject_count;
        char list[64];
        (void)snprintf(list, sizeof(list), "\"redacted\": [\"%s\"]", names[i]);
        v[0].body = with(v[0].body, "\"redacted\": []", list);
        out = apply(&rec);
        assert_int_equal(out.part_reject_count, before + 1);
        assert_true(dr_str_eqz(out.part_rejects[0].class, "redacted"));
        assert_true(dr_str_eqz(out.part_rejects[0].field, names[i]));
        assert_true(dr_str_eq(out.part_rejects[0].part_id, v[0].id));
        assert_true(out.loads[0].hides.n > 0);
    }
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
        cmocka_unit_test(test_a_sentence_without_a_flag),
        cmocka_unit_test(test_whose_words_they_are),
        cmocka_unit_test(test_loads_say_it),
        cmocka_unit_test(test_what_links_are_made_of),
        cmocka_unit_test(test_a_currency_that_is_hidden),
        cmocka_unit_test(test_lines)};

    return cmocka_run_group_tests(tests, open_world, close_world);
}
