/* Command line, help, completion, settings file, and text for a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"
#include "pages.h"
#include "text.h"

#define WORDS 10

static int parse(struct args *a, const char *const *words, struct dr_buf *why)
{
    static char name[] = "drover";
    char *argv[WORDS + 2] = {name};
    int argc = 1;

    for (; words[argc - 1]; argc++) {
        memcpy(&argv[argc], &words[argc - 1], sizeof(argv[0]));
    }
    return args_parse(a, argc, argv, why);
}

static void test_understood(void **state)
{
    struct args a;
    struct dr_buf why;

    (void)state;
    dr_buf_init(&why, 4096);
    assert_int_equal(
        parse(&a,
              (const char *[]){"--url", "http://x", "plan", "--by=ann=b",
                               "approve", "--json", "h1", NULL},
              &why),
        0);
    assert_string_equal(a.verb->name, "plan approve");
    assert_string_equal(a.pos[0], "h1");
    assert_string_equal(args_flag(&a, "url"), "http://x");
    assert_string_equal(args_flag(&a, "by"), "ann=b");
    assert_string_equal(args_flag(&a, "json"), "");
    assert_null(args_flag(&a, "config"));
    assert_int_equal(
        parse(&a, (const char *[]){"find", "--", "--json", NULL}, &why), 0);
    assert_string_equal(a.pos[0], "--json");
    assert_null(args_flag(&a, "json"));
    assert_int_equal(
        parse(&a, (const char *[]){"plan", "put", "-", NULL}, &why), 0);
    assert_string_equal(a.pos[0], "-");
    assert_int_equal(
        parse(&a, (const char *[]){"plan", "approve", "--help", NULL}, &why),
        0);
    assert_true(a.help);
    assert_int_equal(parse(&a, (const char *[]){"plan", "-h", NULL}, &why), 0);
    assert_string_equal(a.group, "plan");
    dr_buf_done(&why);
}

static void test_refused(void **state)
{
    static const struct {
        const char *words[WORDS], *why;
    } cases[] = {
        {{NULL}, "no command given (drover --help)"},
        {{"plan", NULL}, "drover plan: which one? (drover plan --help)"},
        {{"stauts", NULL},
         "there is no command \"stauts\"; did you mean "
         "\"status\"? (drover --help lists what there is)"},
        {{"plna", NULL},
         "there is no command \"plna\"; did you mean "
         "\"plan\"? (drover --help lists what there is)"},
        {{"xyzzyx\033[2J", NULL},
         "there is no command \"xyzzyx\\x1b[2J\" (drover --help lists what "
         "there is)"},
        {{"plan", "chekc", NULL},
         "there is no plan \"chekc\"; did you mean \"check\"? (drover plan "
         "--help lists what there is)"},
        {{"status", "--wacth", NULL},
         "there is no option \"--wacth\"; did you mean \"--watch\"?"},
        {{"status", "-w", NULL}, "there is no option \"-w\""},
        {{"status", "--json=1", NULL}, "--json takes no value"},
        {{"status", "--url", NULL}, "--url needs a value: --url URL"},
        {{"run", "--by", "a", "--by", "b", NULL}, "--by is given twice"},
        {{"--size", "3", "run", NULL}, "drover run has no option --size"},
        {{"find", NULL}, "drover find: ID is missing"},
        {{"rejected", "show", "deal", NULL},
         "drover rejected show: ID is missing"},
        {{"find", "1", "2", NULL}, "drover find takes no \"2\""},
        {{"find", "", NULL}, "ID is empty"},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct args a;
        struct dr_buf why;
        dr_buf_init(&why, 4096);
        assert_int_equal(parse(&a, cases[i].words, &why), -1);
        assert_string_equal(why.p, cases[i].why);
        dr_buf_done(&why);
    }
}

/* The table keeps its own rules. */
static void test_table(void **state)
{
    (void)state;
    for (const struct verb *v = verbs; v->name; v++) {
        struct dr_buf b;
        assert_non_null(v->run);
        assert_true(v->offline || v->timeout_s > 0);
        assert_true(strlen(v->help) > 0 && strlen(v->help) < 53);
        dr_buf_init(&b, 65536);
        help_verb(&b, v);
        assert_non_null(strstr(b.p, v->help));
        /* Completion puts them into single quotes. */
        assert_null(strchr(v->help, '\''));
        for (const struct flag *f = v->flags; f && f->name; f++) {
            assert_non_null(strstr(b.p, f->help));
            assert_null(strchr(f->help, '\''));
            for (const struct flag *g = common_flags; g->name; g++) {
                assert_string_not_equal(f->name, g->name);
            }
        }
        dr_buf_done(&b);
    }
}

static void test_conf(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"url", "line 1: not a line of the form key = value"},
        {"# x\n\nulr = 1", "line 3: no such key: \"ulr\"; there are url, "
                           "token_file, allow_plain"},
        {"url = 1\r\nurl = 2", "line 2: url is given twice"},
        {"url =", "line 1: url has no value, or one that is no text"},
    };
    struct conf c = {{NULL}};
    struct dr_buf why;

    (void)state;
    dr_buf_init(&why, 4096);
    conf_set(&c, CONF_URL, "http://flag");
    conf_set(&c, CONF_URL, "http://environment");
    conf_set(&c, CONF_TOKEN_FILE, "");
    assert_int_equal(conf_parse(&c,
                                DR_STR_LIT("url=http://file\r\n"
                                           "  token_file = /a = b \n"),
                                &why),
                     0);
    assert_string_equal(c.value[CONF_URL], "http://flag");
    assert_string_equal(c.value[CONF_TOKEN_FILE], "/a = b");
    conf_done(&c);
    for (size_t i = 0; i < DR_ARRAY_LEN(bad); i++) {
        dr_buf_reset(&why);
        assert_int_equal(conf_parse(&c, dr_str_z(bad[i].text), &why), -1);
        assert_string_equal(why.p, bad[i].why);
        conf_done(&c);
    }
    dr_buf_done(&why);
}

#define BYTES(s) s, sizeof(s) - 1

static void test_escapes(void **state)
{
    static const struct {
        const char *in;
        size_t n;
        const char *out;
        size_t width;
    } cases[] = {
        {BYTES("plain"), "plain", 5},
        {BYTES("a\033[2J\a"), "a\\x1b[2J\\x07", 12},
        {BYTES("a\0b"), "a\\x00b", 6},
        {BYTES("\t\r\n\x7f"), "\\t\\r\\n\\x7f", 10},
        {BYTES("\xc2\x9b"), "\\u{9b}", 6},
        {BYTES("\xe2\x80\xae\xe2\x81\xa6"), "\\u{202e}\\u{2066}", 16},
        {BYTES("\xff\xc3"), "\\xff\\xc3", 8},
        {BYTES("\xc0\x80"), "\\xc0\\x80", 8},
        {BYTES("gr\xc3\xb6\xc3\x9f"
               "er"),
         "gr\xc3\xb6\xc3\x9f"
         "er",
         6},
        {BYTES("\xe5\x96\xb6"), "\xe5\x96\xb6", 2},
        {BYTES("\xf0\x9f\x9a\x80"), "\xf0\x9f\x9a\x80", 2},
        {BYTES("e\xcc\x81"), "e\xcc\x81", 1},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_buf b;
        dr_buf_init(&b, 4096);
        text_esc(&b, (struct dr_str){cases[i].in, cases[i].n});
        assert_string_equal(b.p, cases[i].out);
        assert_int_equal(text_width(dr_buf_view(&b)), cases[i].width);
        dr_buf_done(&b);
    }
}

/* What is cut stays what a terminal shows in so many columns, in characters
 * that are whole. */
static void test_cells_are_cut(void **state)
{
    static const char all[] = "a\n\x1b\xff\xc3\xb6\xe5\x96\xb6"
                              "e\xcc\x81"
                              "\xe2\x80\xae\xf0\x9f\x9a\x80\xc2\x9b\xe5";
    const struct dr_str text = {all, sizeof(all) - 1};
    struct dr_buf whole, b;

    (void)state;
    dr_buf_init(&whole, 4096);
    text_esc(&whole, text);
    for (size_t columns = 0; columns < 60; columns++) {
        struct dr_arena *a = dr_arena_new((size_t)1 << 20);
        bool cut = columns < text_width(dr_buf_view(&whole));
        struct text_table t;
        text_table_init(&t, a, "l", NULL);
        text_cell_cut(&t, text, columns);
        dr_buf_init(&b, 4096);
        text_table_print(&t, &b, "");
        assert_true(dr_utf8_valid(dr_buf_view(&b)));
        assert_true(t.width[0] <= columns + (cut ? 3 : 0));
        assert_int_equal(strncmp(b.p, whole.p, b.n - (cut ? 4 : 1)), 0);
        assert_true(cut ==
                    (dr_str_find(dr_buf_view(&b), DR_STR_LIT("...")) < b.n));
        dr_buf_done(&b);
        dr_arena_free(a);
    }
    dr_buf_done(&whole);
}

static void test_numbers(void **state)
{
    static const struct {
        int64_t n;
        const char *count, *span;
    } cases[] = {
        {0, "0", "0 s"},
        {999, "999", "16 min 39 s"},
        {1000, "1,000", "16 min 40 s"},
        {-12345, "-12,345", "0 s"},
        {86399, "86,399", "23 h 59 min"},
        {90000, "90,000", "1 d 01 h"},
        {INT64_MIN, "-9,223,372,036,854,775,808", "0 s"},
    };
    static const struct {
        int64_t done, all;
        const char *share;
    } shares[] = {
        {0, 0, ""},
        {0, 3, "0.0 %"},
        {1, 3, "33.3 %"},
        {3, 3, "100.0 %"},
        {4, 3, "100.0 %"},
        {99999, 100000, "99.9 %"},
        {INT64_MAX - 1, INT64_MAX, "99.9 %"},
        {INT64_MAX, INT64_MAX, "100.0 %"},
    };
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        dr_buf_reset(&b);
        text_count(&b, cases[i].n);
        assert_string_equal(b.p, cases[i].count);
        dr_buf_reset(&b);
        text_span(&b, cases[i].n);
        assert_string_equal(b.p, cases[i].span);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(shares); i++) {
        dr_buf_reset(&b);
        text_share(&b, shares[i].done, shares[i].all);
        assert_string_equal(b.n ? b.p : "", shares[i].share);
    }
    dr_buf_done(&b);
}

static void test_cut_off(void **state)
{
    static const struct {
        const char *text;
        size_t cut;
    } cases[] = {{"", 0},
                 {"a", 0},
                 {"\xc3", 1},
                 {"\xc3\xb6", 0},
                 {"a\xe5\x96", 2},
                 {"\xe5\x96\xb6", 0},
                 {"\xf0\x9f\x9a", 3},
                 {"\xf0\x9f\x9a\x80", 0},
                 {"\x80\x80\x80\x80", 0}};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        assert_int_equal(text_cut_off(dr_str_z(cases[i].text)), cases[i].cut);
    }
}

/* What may end where it ends, in one piece and byte by byte. */
static void test_whole(void **state)
{
    static const struct {
        const char *text;
        bool ndjson, whole;
    } cases[] = {
        {"{\"a\":\"}\"}", false, true},
        {"{\"a\":\"}\"", false, false},
        {"[{}, \"\\\"\"]\n", false, true},
        {"[\"\\\"]", false, false},
        {"", false, false},
        {" \n", false, false},
        {"7", false, true},
        {"", true, true},
        {"{}\n{}\n", true, true},
        {"{}\n{}", true, false},
        {"{}\n{\n", true, false},
        {"{}}\n", true, false},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_str s = dr_str_z(cases[i].text);
        struct whole a = {.ndjson = cases[i].ndjson};
        struct whole b = {.ndjson = cases[i].ndjson};
        whole_take(&a, s);
        for (size_t k = 0; k < s.n; k++) {
            whole_take(&b, (struct dr_str){s.p + k, 1});
        }
        assert_int_equal(whole_ended(&a), cases[i].whole);
        assert_int_equal(whole_ended(&b), cases[i].whole);
    }
}

/* The help is written by hand, the list of names is what counts. */
static void test_reports_are_listed(void **state)
{
    for (const struct verb *v = verbs; v->name; v++) {
        for (size_t i = 0; report_names[i]; i++) {
            if (strcmp(v->name, "report") == 0) {
                assert_non_null(strstr(v->more, report_names[i]));
            }
        }
    }
    (void)state;
}

static void test_explain(void **state)
{
    static const char body[] = "{\"error\":{\"code\":\"gate\",\"message\":"
                               "\"3 records\\u001b are missing\","
                               "\"cure\":\"wait\"}}";
    static const char no_object[] =
        "{\"error\":{\"code\":\"no_such_object\",\"message\":\"x\"}}";
    struct dr_arena *arena = dr_arena_new(65536);
    struct api_answer a = {.status = 409};

    (void)state;
    api_explain(&a, dr_json_parse(arena, dr_str_z(body), NULL, NULL));
    assert_int_equal(a.exit, CLI_GATE);
    assert_false(a.passing);
    assert_string_equal(a.text, "3 records\\x1b are missing; wait");
    a = (struct api_answer){.status = 400};
    api_explain(&a, dr_json_parse(arena, dr_str_z(no_object), NULL, NULL));
    assert_int_equal(a.exit, CLI_USAGE);
    a = (struct api_answer){.status = 503};
    api_explain(&a, NULL);
    assert_int_equal(a.exit, CLI_LATE);
    assert_true(a.passing);
    a = (struct api_answer){.status = 999};
    api_explain(&a, NULL);
    assert_int_equal(a.exit, CLI_FAILED);
    assert_non_null(strstr(a.text, "HTTP 999"));
    dr_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_understood),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_conf),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_cells_are_cut),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_explain),
        cmocka_unit_test(test_reports_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
