/* Names and addresses: what counts as equal, what counts as an address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan_private.h"

static void expect(struct dr_str got, const char *want, const char *of)
{
    if (!dr_str_eqz(got, want)) {
        print_error("\"%s\" gave \"" DR_STR_FMT "\", not \"%s\"\n", of,
                    DR_STR_ARG(got), want);
        fail();
    }
}

static void test_names(void **state)
{
    static const char *const rows[][2] = {
        {"Acme", "acme"},
        {"  Acme \t Corp\n", "acme corp"},
        {"ACME\v\fCORP", "acme corp"},
        {"", ""},
        {" \t ", ""},
        {"Zo\xc3\x8b", "zo\xc3\x8b"}, /* letters beyond ASCII stay */
    };
    struct dr_arena *a = dr_arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        expect(plan_norm(a, dr_str_z(rows[i][0])), rows[i][1], rows[i][0]);
    }
    dr_arena_free(a);
}

static void test_other_names(void **state)
{
    static const struct {
        const char *name, *other;
        bool stale;
    } rows[] = {
        {"Acme", "Acme (7)", false},      {"Acme", "Acme (7 12)", false},
        {" Acme ", "Acme (7)", false},    {"Beta", "Acme (7)", true},
        {"Beta", "Acme (7 2)", true},     {"Acme Two", "Acme (7)", true},
        {"Acme", "Acme (17)", false}, /* people chose it, as the next ones */
        {"Beta", "Acme Berlin", false},   {"Beta", "Acme 7", false},
        {"Beta", "Acme (Berlin)", false}, {"Beta", "", false},
        {"Beta", "(7)", false},           {"Beta", ")", false},
    };
    struct dr_arena *a = dr_arena_new(1 << 20);
    const struct dr_str id = DR_STR_LIT("7");
    struct dr_str full = {dr_arena_calloc(a, 1, 300), 255};

    (void)state;
    expect(plan_other_name(a, DR_STR_LIT(" Acme "), id, 1), "Acme (7)", "Acme");
    expect(plan_other_name(a, DR_STR_LIT("Acme"), id, 2), "Acme (7 2)", "2");
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        if (plan_other_is_stale(dr_str_z(rows[i].other), dr_str_z(rows[i].name),
                                id) != rows[i].stale) {
            fail_msg("\"%s\" of \"%s\"", rows[i].other, rows[i].name);
        }
    }
    memset((char *)(uintptr_t)full.p, 'x', full.n);
    assert_int_equal(plan_other_name(a, full, id, 1).n, 180 + 4);
    assert_false(
        plan_other_is_stale(plan_other_name(a, full, id, 1), full, id));
    dr_arena_free(a);
}

static void test_addresses(void **state)
{
    static const char *const rows[][2] = {
        {" Zoe@Example.COM ", "zoe@example.com"},
        {"a+tag@x.example", "a+tag@x.example"},
        {"a@b.c", "a@b.c"},
        {"zo\xc3\xab@x.example", "zo\xc3\xab@x.example"},
        {"", ""},
        {"no address", ""},
        {"a@b", ""},
        {"a@@x.example", ""},
        {"a@x@y.example", ""},
        {"@x.example", ""},
        {"a@", ""},
        {"a@.example", ""},
        {"a@x.example.", ""},
        {"a@x..example", ""},
        {".a@x.example", ""},
        {"a.@x.example", ""},
        {"a b@x.example", ""},
        {"a@x.example; b@x.example", ""},
        {"a@x.example,b@x.example", ""},
        {"a\x01@x.example", ""},
        {"<a@x.example>", ""},
    };
    struct dr_arena *a = dr_arena_new(1 << 20);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        expect(plan_email(a, dr_str_z(rows[i][0])), rows[i][1], rows[i][0]);
    }
    dr_arena_free(a);
}

/* 254 characters are an address, 255 are none (RFC 5321, 4.5.3). */
static void test_length(void **state)
{
    struct dr_arena *a = dr_arena_new(1 << 20);
    char text[256];

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text + 244, "@x.example", 10);
    assert_int_equal(plan_email(a, (struct dr_str){text, 254}).n, 254);
    memcpy(text + 244, "a@x.example", 11);
    assert_int_equal(plan_email(a, (struct dr_str){text, 255}).n, 0);
    dr_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_other_names),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
