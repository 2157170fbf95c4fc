/* CSV as tools write it, each trap of the source contract's section 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/csv/csv.h>

static struct dr_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = dr_arena_new(16 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dr_arena_free(arena);
    return 0;
}

/* All records as "a|b/c|<>/…": quoted cells in <>, records end in '/'. */
static const char *all(const char *text, size_t n, struct dr_csv_dialect d)
{
    static char out[4096];
    struct dr_str rest = {text, n};
    struct dr_csv_record r;
    struct dr_err err;
    size_t at = 0;
    int rc;

    while ((rc = dr_csv_read(&d, rest, true, arena, &r, &err)) != 0) {
        assert_true(r.bytes > 0 && r.bytes <= rest.n);
        rest = (struct dr_str){rest.p + r.bytes, rest.n - r.bytes};
        if (rc < 0) {
            at +=
                (size_t)snprintf(out + at, sizeof(out) - at, "!%s/", err.text);
            continue;
        }
        for (size_t i = 0; i < r.n; i++) {
            at += (size_t)snprintf(out + at, sizeof(out) - at,
                                   r.cells[i].quoted ? "%s<" DR_STR_FMT ">"
                                                     : "%s" DR_STR_FMT,
                                   i ? "|" : "", DR_STR_ARG(r.cells[i].text));
        }
        at += (size_t)snprintf(out + at, sizeof(out) - at, "/");
    }
    out[at] = '\0';
    return out;
}

static const char *comma(const char *text)
{
    return all(text, strlen(text), (struct dr_csv_dialect){.delimiter = ','});
}

static void test_records(void **state)
{
    (void)state;
    assert_string_equal(comma("a,b\nc,d\n"), "a|b/c|d/");
    assert_string_equal(comma("a,b\r\nc,d"), "a|b/c|d/");
    assert_string_equal(comma("a,b\rc,d\r\ne\n"), "a|b/c|d/e/"); /* mixed */
    assert_string_equal(comma("\"a\nb\",c\n"), "<a\nb>|c/");
    assert_string_equal(comma("\"a\"\"b\"\n"), "<a\"b>/");
    assert_string_equal(comma("\"\",,x\n"), "<>||x/");
    assert_string_equal(comma(",\n"), "|/");
    assert_string_equal(comma("a\n\nb\n"), "a//b/");
    assert_string_equal(comma("a,\"b,c\",d\n"), "a|<b,c>|d/");
    assert_string_equal(comma("a b\"c,d\n"), "a b\"c|d/"); /* no quoting */
    assert_string_equal(comma("=1+1,1.23457E+12\n"), "=1+1|1.23457E+12/");
    assert_string_equal(comma(""), "");
}

static void test_ragged_and_broken(void **state)
{
    (void)state;
    assert_string_equal(comma("a,b,c\nd\ne,f\n"), "a|b|c/d/e|f/");
    assert_string_equal(comma("a,\"b\nc,d\n"), "!a quote is not closed/c|d/");
    assert_string_equal(comma("\"a\"x,b\nc\n"),
                        "!text behind a closing quote/c/");
}

static void test_backslash(void **state)
{
    struct dr_csv_dialect d = {.delimiter = ',', .backslash = true};
    const char *text = "\"a\\\"b\",\"c\\\\\"\n";

    (void)state;
    assert_string_equal(all(text, strlen(text), d), "<a\"b>|<c\\>/");
}

static void test_what_is_not_whole_waits(void **state)
{
    const char *text = "ab,\"c\"\"d\r\ne\",f\r\nnext";
    struct dr_csv_dialect d = {.delimiter = ','};
    struct dr_csv_record r;
    struct dr_err err;

    (void)state;
    for (size_t n = 0; n < 16; n++) {
        assert_int_equal(
            dr_csv_read(&d, (struct dr_str){text, n}, false, arena, &r, &err),
            0);
    }
    assert_int_equal(
        dr_csv_read(&d, (struct dr_str){text, 17}, false, arena, &r, &err), 1);
    assert_int_equal(r.bytes, 16);
    assert_int_equal(r.n, 3);
}

static void test_cells_are_bounded(void **state)
{
    static char text[DR_CSV_CELLS + 10];
    struct dr_csv_dialect d = {.delimiter = ','};
    struct dr_csv_record r;
    struct dr_err err;

    (void)state;
    memset(text, ',', sizeof(text));
    assert_int_equal(dr_csv_read(&d, (struct dr_str){text, DR_CSV_CELLS - 1},
                                 true, arena, &r, &err),
                     1);
    assert_int_equal(r.n, DR_CSV_CELLS);
    assert_int_equal(dr_csv_read(&d, (struct dr_str){text, DR_CSV_CELLS}, true,
                                 arena, &r, &err),
                     -1);
}

static void test_delimiters_are_found(void **state)
{
    (void)state;
    assert_int_equal(dr_csv_sniff(DR_STR_LIT("a,b,c\n;;;;;")).delimiter, ',');
    assert_int_equal(dr_csv_sniff(DR_STR_LIT("a;b;c\n")).delimiter, ';');
    assert_int_equal(dr_csv_sniff(DR_STR_LIT("a\tb,c\td\n")).delimiter, '\t');
    assert_int_equal(dr_csv_sniff(DR_STR_LIT("\"a;b;c\",d\n")).delimiter, ',');
    assert_int_equal(dr_csv_sniff(DR_STR_LIT("one\n")).delimiter, ',');
}

static const char *utf8(const char *name, const char *p, size_t n)
{
    static struct dr_buf b;
    struct dr_str in = {p, n};
    enum dr_csv_encoding e;
    size_t used = 0;

    dr_buf_done(&b);
    dr_buf_init(&b, 1000);
    assert_true(dr_csv_encoding_of(dr_str_z(name), in, &e));
    used = dr_csv_mark(e, in);
    for (size_t step = 1; used < n; step++) { /* in pieces of any size */
        size_t more = used + step < n ? step : n - used;
        used += dr_csv_decode(e, (struct dr_str){p + used, more}, &b);
    }
    dr_buf_ch(&b, '\0');
    return b.p;
}

static void test_encodings(void **state)
{
    enum dr_csv_encoding e;

    (void)state;
    assert_string_equal(utf8("utf-8",
                             "\xef\xbb\xbf"
                             "id",
                             5),
                        "id");
    assert_string_equal(utf8("windows-1252", "\x80\xe9\x99\x81", 4),
                        "\xe2\x82\xac\xc3\xa9\xe2\x84\xa2\xef\xbf\xbd");
    assert_string_equal(utf8("utf-16le",
                             "\xff\xfe"
                             "a\0\xe9\0",
                             6),
                        "a\xc3\xa9");
    assert_string_equal(utf8("utf-16", "\xfe\xff\0a\xd8\x3d\xde\x00", 8),
                        "a\xf0\x9f\x98\x80");
    assert_string_equal(utf8("utf-16be", "\xdc\0\0b", 4), "\xef\xbf\xbd"
                                                          "b");
    /* A mark knows better than a name. */
    assert_string_equal(utf8("utf-8",
                             "\xff\xfe"
                             "a\0",
                             4),
                        "a");
    assert_string_equal(utf8("windows-1252",
                             "\xef\xbb\xbf"
                             "\xc3\xa9",
                             5),
                        "\xc3\xa9");
    assert_false(dr_csv_encoding_of(DR_STR_LIT("ebcdic"), DR_STR_LIT(""), &e));
}

static void add(struct dr_str s, void *ctx)
{
    strncat(ctx, "[", 2);
    strncat(ctx, s.p ? s.p : "", s.n);
    strncat(ctx, "]", 2);
}

static void test_many_values_in_a_cell(void **state)
{
    char out[100] = "";

    (void)state;
    dr_csv_split(DR_STR_LIT("a;b\\;c;;d\\\\;\\x"), add, out);
    assert_string_equal(out, "[a][b;c][][d\\][\\x]");
    out[0] = '\0';
    dr_csv_split(DR_STR_LIT(""), add, out);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_ragged_and_broken),
        cmocka_unit_test(test_backslash),
        cmocka_unit_test(test_what_is_not_whole_waits),
        cmocka_unit_test(test_cells_are_bounded),
        cmocka_unit_test(test_delimiters_are_found),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_many_values_in_a_cell),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
