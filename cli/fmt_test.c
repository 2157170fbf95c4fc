/*
 * Formatting against golden text: golden/NAME.json in, golden/NAME.txt out.
 * DR_UPDATE=1 in the environment rewrites the texts; review the difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cond.h"
#include "fmt.h"
#include "text.h"

#define FILE_MAX ((size_t)1 << 20)

static void sample(struct fmt *f, const struct dr_json *j)
{
    assert_int_equal(fmt_sample(f, j), 2);
}

static void profile(struct fmt *f, const struct dr_json *j)
{
    assert_int_equal(fmt_profile_check(f, j), 1);
}

/* Lines as the table of their verb. */
static void rows(struct fmt *f, const struct dr_json *j, const char *spec,
                 const char *const *heads,
                 void (*row)(struct text_table *t, const struct dr_json *j))
{
    struct text_table t;

    text_table_init(&t, f->arena, spec, heads);
    DR_JSON_EACH(line, dr_json_get(j, "lines"))
    {
        row(&t, line);
    }
    text_table_print(&t, f->out, "");
}

static void conflicts(struct fmt *f, const struct dr_json *j)
{
    rows(f, j, fmt_conflict_spec, fmt_conflict_heads, fmt_conflict_row);
}

static void removals(struct fmt *f, const struct dr_json *j)
{
    rows(f, j, fmt_removal_spec, fmt_removal_heads, fmt_removal_row);
}

static const struct {
    const char *name, *out;
    void (*print)(struct fmt *f, const struct dr_json *j);
} cases[] = {
    {"status", "status", fmt_status},
    {"status", "status_line", fmt_status_line},
    {"status", "progress", fmt_progress},
    {"status_empty", "status_empty", fmt_status},
    {"step", "step", fmt_step},
    {"proposed", "proposed", fmt_proposed},
    {"plan", "plan", fmt_plan},
    {"problems", "problems", fmt_problems},
    {"problems_none", "problems_none", fmt_problems},
    {"ready", "ready", fmt_ready},
    {"owners", "owners", fmt_owners},
    {"duplicates", "duplicates", fmt_duplicates},
    {"sample", "sample", sample},
    {"reconciliation", "reconciliation", fmt_reconciliation},
    {"rejected", "rejected", fmt_rejected},
    {"found", "found", fmt_found},
    {"asks", "asks", fmt_asks},
    {"asks_none", "asks_none", fmt_asks},
    {"inventory", "inventory", fmt_inventory},
    {"inventory_events", "inventory_events", fmt_inventory},
    {"conflicts", "conflicts", conflicts},
    {"removals", "removals", removals},
    {"profile_check", "profile_check", profile},
};

static void path_of(char out[512], const char *name, const char *end)
{
    (void)snprintf(out, 512, "%s/cli/golden/%s.%s", DR_SOURCE_DIR, name, end);
}

static void read_whole(const char *path, struct dr_buf *out)
{
    FILE *f = fopen(path, "rb");
    char piece[4096];
    size_t n;

    if (!f) {
        fail_msg("%s cannot be read", path);
    }
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) {
        dr_buf_add(out, piece, n);
    }
    (void)fclose(f);
}

/* Text that never moves a cursor: what colours add is not in it. */
static void assert_harmless(const struct dr_buf *b)
{
    for (size_t i = 0; i < b->n; i++) {
        unsigned char c = (unsigned char)b->p[i];
        assert_true((c >= 0x20 && c != 0x7f) || c == '\n');
    }
    assert_true(dr_utf8_valid(dr_buf_view(b)));
}

static void compare(size_t i, const struct dr_json *j, struct dr_arena *a)
{
    char path[512];
    struct dr_buf got, want;
    struct fmt f = {.out = &got, .arena = a};

    dr_buf_init(&got, FILE_MAX);
    dr_buf_init(&want, FILE_MAX);
    cases[i].print(&f, j);
    assert_harmless(&got);
    path_of(path, cases[i].out, "txt");
    if (getenv("DR_UPDATE")) {
        FILE *out = fopen(path, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(got.p, 1, got.n, out), got.n);
        assert_int_equal(fclose(out), 0);
    }
    read_whole(path, &want);
    if (!dr_str_eq(dr_buf_view(&got), dr_buf_view(&want))) {
        fail_msg("%s:\n%s\ninstead of\n%s", cases[i].out, got.p, want.p);
    }
    dr_buf_done(&got);
    dr_buf_done(&want);
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_arena *a = dr_arena_new(FILE_MAX);
        const struct dr_json *j;
        struct dr_buf in;
        struct dr_err err;
        char path[512];
        dr_buf_init(&in, FILE_MAX);
        path_of(path, cases[i].name, "json");
        read_whole(path, &in);
        j = dr_json_parse(a, dr_buf_view(&in), NULL, &err);
        if (!j) {
            fail_msg("%s: %s", path, err.text);
        }
        compare(i, j, a);
        dr_buf_done(&in);
        dr_arena_free(a);
    }
}

/* Every printer, every wrong shape, with and without colour: no crash, and
 * nothing that a terminal would obey but the colours. */
static void test_wrong_shapes(void **state)
{
    static const char *const shapes[] = {
        "null",
        "[]",
        "\"x\"",
        "[1,null,{}]",
        "{\"objects\":5,\"lanes\":[1,[]],\"source\":[],\"gate\":\"x\","
        "\"progress\":null,\"books\":[],\"items\":[null,3],\"records\":[[1]],"
        "\"unmatched\":[1],\"ambiguous\":{\"a\":{}},\"clusters\":{\"a\":1},"
        "\"matches\":[[],{\"body\":[1,{}],\"loads\":{\"x\":[]}}],"
        "\"lines\":{\"a\":[1]},\"pipelines\":[{\"stages\":[1]}],"
        "\"coverage\":{\"rules\":{}},\"signed\":5,\"pass\":\"99999999999\"}",
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        for (size_t k = 0; k < DR_ARRAY_LEN(shapes); k++) {
            struct dr_arena *a = dr_arena_new(FILE_MAX);
            struct dr_buf out;
            struct fmt f = {.out = &out, .arena = a};
            struct dr_err err;
            const struct dr_json *j =
                dr_json_parse(a, dr_str_z(shapes[k]), NULL, &err);
            assert_non_null(j);
            dr_buf_init(&out, FILE_MAX);
            if (cases[i].print == sample) {
                (void)fmt_sample(&f, j);
            } else if (cases[i].print == profile) {
                (void)fmt_profile_check(&f, j);
            } else {
                cases[i].print(&f, j);
            }
            assert_harmless(&out);
            dr_buf_done(&out);
            dr_arena_free(a);
        }
    }
}

/* As deep as the reader allows. */
static void test_deep(void **state)
{
    struct dr_arena *a = dr_arena_new(FILE_MAX);
    char text[129] = "";
    struct dr_buf out;
    struct dr_err err;
    const struct dr_json *j;

    (void)state;
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    j = dr_json_parse(a, dr_str_z(text), NULL, &err);
    assert_non_null(j);
    dr_buf_init(&out, FILE_MAX);
    fmt_value(&out, j);
    assert_string_equal(out.p, text);
    dr_buf_done(&out);
    dr_arena_free(a);
}

static void test_conditions(void **state)
{
    static const char *const wrong[] = {
        "",      "rain",    "gate",         "gate:",      "gate:rain",
        "phase", "phase:x", "snapshot:now", "gate:run:x", "GATE:run"};
    struct cond c;
    struct dr_buf list, why;
    struct dr_str rest;

    (void)state;
    dr_buf_init(&list, 4096);
    dr_buf_init(&why, 65536);
    cond_list(&list);
    rest = dr_buf_view(&list);
    while (rest.p) { /* what is listed is understood; nothing is met by {} */
        struct dr_arena *a = dr_arena_new(FILE_MAX);
        struct dr_str one = dr_str_split(&rest, ' ');
        char text[64];
        (void)snprintf(text, sizeof(text), DR_STR_FMT, DR_STR_ARG(one));
        assert_int_equal(cond_parse(&c, text, &why), 0);
        assert_false(cond_met(&c, NULL));
        assert_false(
            cond_met(&c, dr_json_parse(a, DR_STR_LIT("{}"), NULL, NULL)));
        dr_arena_free(a);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(wrong); i++) {
        assert_int_equal(cond_parse(&c, wrong[i], &why), -1);
    }
    assert_non_null(strstr(why.p, "drained"));
    dr_buf_done(&list);
    dr_buf_done(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_wrong_shapes),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_conditions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
