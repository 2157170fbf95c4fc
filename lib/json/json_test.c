/* Limits, lexemes, hostile shapes; the writer. Values: see oracle_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <drover/base/arena.h>
#include <drover/json/json.h>

static const struct dr_json *parse(struct dr_arena *a, const char *z)
{
    struct dr_err err = {0};
    const struct dr_json *j = dr_json_parse(a, dr_str_z(z), NULL, &err);

    if (!j) {
        fail_msg("%s: %s", z, err.text);
    }
    return j;
}

static void test_lexemes_and_raw(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(1 << 20);
    const struct dr_json *j =
        parse(a, " {\"n\": 1.50e+2 ,\"id\":70001234567890123456,"
                 "\"o\":{ \"x\" : [1, 2] },\"s\":\"a\\u0000\\n\"} ");

    (void)state;
    assert_true(dr_str_eqz(dr_json_get(j, "n")->text, "1.50e+2"));
    assert_true(dr_str_eqz(dr_json_scalar(dr_json_get(j, "id")),
                           "70001234567890123456"));
    assert_true(dr_str_eqz(dr_json_get(j, "o")->raw, "{ \"x\" : [1, 2] }"));
    assert_true(dr_str_eqz(dr_json_get(j, "s")->raw, "\"a\\u0000\\n\""));
    assert_true(dr_str_eq(dr_json_get_str(j, "s"), DR_STR_LIT("a\0\n")));
    assert_int_equal(j->raw.p[0], '{');
    assert_int_equal(j->raw.p[j->raw.n - 1], '}');
    assert_int_equal(j->count, 4);
}

static void test_access(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(1 << 20);
    const struct dr_json *j =
        parse(a, "{\"a\":[10,\"11\",1.5,null],\"t\":true,\"f\":false}");
    const struct dr_json *arr = dr_json_get(j, "a");
    int64_t v = 0;

    (void)state;
    assert_int_equal(dr_json_i64(dr_json_at(arr, 0), &v), 0);
    assert_int_equal(v, 10);
    assert_int_equal(dr_json_i64(dr_json_at(arr, 1), &v), 0);
    assert_int_equal(v, 11);
    assert_int_equal(dr_json_i64(dr_json_at(arr, 2), &v), -1);
    assert_int_equal(v, 11);
    assert_true(dr_json_is_null(dr_json_at(arr, 3)));
    assert_int_equal(dr_json_type(dr_json_at(arr, 3)), DR_JSON_NULL);
    assert_null(dr_json_at(arr, 4));
    assert_int_equal(dr_json_type(dr_json_at(arr, 4)), DR_JSON_ABSENT);
    assert_true(dr_json_is_null(NULL));
    assert_true(dr_json_true(dr_json_get(j, "t")));
    assert_false(dr_json_true(dr_json_get(j, "f")));
    assert_false(dr_json_true(NULL));
    assert_true(dr_json_lists(arr, DR_STR_LIT("11")));
    assert_false(dr_json_lists(arr, DR_STR_LIT("10"))); /* a number */
    assert_false(dr_json_lists(arr, DR_STR_LIT("")));
    assert_false(dr_json_lists(j, DR_STR_LIT("11")));
    assert_false(dr_json_lists(NULL, DR_STR_LIT("11")));
    assert_null(dr_json_get(arr, "a"));
    assert_null(dr_json_get(NULL, "a"));
    assert_null(dr_json_at(j, 0));
    assert_int_equal(dr_json_str(arr).n, 0);
    assert_int_equal(dr_json_get_i64(j, "none", -5), -5);
}

static void refused(const char *z, const struct dr_json_limits *limits,
                    const char *why)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(1 << 20);
    struct dr_err err = {0};

    assert_null(dr_json_parse(a, dr_str_z(z), limits, &err));
    assert_int_equal(err.verdict, DR_REJECT);
    if (!strstr(err.text, why)) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
    }
}

static void test_errors_say_where(void **state)
{
    (void)state;
    refused("{\"a\":1,}", NULL, "byte 7: an object member without a key");
    refused("[1 2]", NULL, "byte 3: a comma");
    refused("[tru]", NULL, "byte 1: not a JSON value");
    refused("[1]x", NULL, "byte 3: something follows");
    refused("{\"a\":1,\"a\":2}", NULL, "a key that occurs twice");
    refused("\"\\ud800\"", NULL, "a lone surrogate");
    refused("", NULL, "byte 0: the text ends too early");
}

static void test_limits(void **state)
{
    char deep[200];
    DR_AUTO(dr_arena) struct dr_arena *tiny = dr_arena_new(256);
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(1 << 20);
    struct dr_err err;

    (void)state;
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    assert_null(dr_json_parse(a, (struct dr_str){deep, 130}, NULL, &err));
    assert_non_null(strstr(err.text, "nested too deeply"));
    assert_non_null(
        dr_json_parse(a, (struct dr_str){deep + 1, 128}, NULL, &err));
    assert_non_null(dr_json_parse(a, (struct dr_str){deep, 130},
                                  &(struct dr_json_limits){.max_depth = 65},
                                  &err));
    refused("[1,2,3]", &(struct dr_json_limits){.max_nodes = 3}, "too many");
    assert_non_null(dr_json_parse(a, DR_STR_LIT("[1,2,3]"),
                                  &(struct dr_json_limits){.max_nodes = 4},
                                  &err));
    refused("[1,2,3]", &(struct dr_json_limits){.max_bytes = 6}, "larger than");
    assert_null(dr_json_parse(tiny, DR_STR_LIT("[1,2,3]"), NULL, &err));
    assert_non_null(strstr(err.text, "memory"));
}

/* A hundred thousand keys with one twin, first and last: quadratic work would
 * not end within the time-out of the test. */
static void test_many_keys(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new((size_t)64 << 20);
    struct dr_err err;
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, (size_t)8 << 20);
    dr_buf_ch(&b, '{');
    for (int i = 0; i < 100000; i++) {
        dr_buf_printf(&b, "\"a_long_common_prefix_%d\":%d,", i, i);
    }
    dr_buf_z(&b, "\"a_long_common_prefix_100000\":0}");
    assert_false(b.over);
    assert_non_null(dr_json_parse(a, dr_buf_view(&b), NULL, &err));
    b.n -= strlen("\"a_long_common_prefix_100000\":0}");
    dr_buf_z(&b, "\"a_long_common_prefix_0\":0}");
    dr_arena_reset(a);
    assert_null(dr_json_parse(a, dr_buf_view(&b), NULL, &err));
    assert_non_null(strstr(err.text, "twice"));
    dr_buf_done(&b);
}

static void test_writer(void **state)
{
    struct dr_json_w w;
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "a", "x\"\\/\b\f\n\r\t\x01\x7f");
    dr_json_w_kvz(&w, "none", NULL);
    dr_json_w_kv(&w, "bad",
                 DR_STR_LIT("a\xff\xc3"
                            "b\xe2\x82"));
    dr_json_w_kv(&w, "nul", DR_STR_LIT("a\0b"));
    dr_json_w_key(&w, "list");
    dr_json_w_arr(&w);
    dr_json_w_i64(&w, INT64_MIN);
    dr_json_w_u64(&w, UINT64_MAX);
    dr_json_w_arr(&w);
    dr_json_w_end(&w);
    dr_json_w_obj(&w);
    dr_json_w_end(&w);
    dr_json_w_raw(&w, DR_STR_LIT("1.50"));
    dr_json_w_null(&w);
    dr_json_w_end(&w);
    dr_json_w_kvb(&w, "t", true);
    dr_json_w_kvi(&w, "n", -1);
    dr_json_w_end(&w);
    assert_string_equal(
        b.p, "{\"a\":\"x\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\",\"none\":null,"
             "\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbd"
             "b\xef\xbf\xbd\xef\xbf\xbd\","
             "\"nul\":\"a\\u0000b\","
             "\"list\":[-9223372036854775808,18446744073709551615,[],{},1.50,"
             "null],\"t\":true,\"n\":-1}");
    dr_buf_done(&b);
}

static void test_pretty(void **state)
{
    struct dr_json_w w;
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    dr_json_w_init(&w, &b);
    w.pretty = true;
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "a", 1);
    dr_json_w_key(&w, "b");
    dr_json_w_arr(&w);
    dr_json_w_i64(&w, 2);
    dr_json_w_end(&w);
    dr_json_w_key(&w, "c");
    dr_json_w_arr(&w);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    assert_string_equal(b.p,
                        "{\n \"a\": 1,\n \"b\": [\n  2\n ],\n \"c\": []\n}");
    dr_buf_done(&b);
}

static void test_deep_writer(void **state)
{
    struct dr_json_w w;
    struct dr_buf b;
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(1 << 20);

    (void)state;
    dr_buf_init(&b, 4096);
    dr_json_w_init(&w, &b);
    for (int i = 0; i < 32; i++) { /* 64 levels, alternating */
        dr_json_w_obj(&w);
        dr_json_w_key(&w, "k");
        dr_json_w_arr(&w);
        dr_json_w_i64(&w, i);
    }
    for (int i = 0; i < 32; i++) {
        dr_json_w_end(&w);
        dr_json_w_kvi(&w, "z", i);
        dr_json_w_end(&w);
    }
    assert_non_null(dr_json_parse(a, dr_buf_view(&b), NULL, NULL));
    dr_buf_done(&b);
}

static void test_canonical(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(1 << 20);
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    dr_json_canonical(
        &b, parse(a, "{ \"b\" : 1.50, \"a\": {\"z\":[ {\"y\":1,\"x\":2}, 3 ],"
                     "\"\\u00e4\":\"\\u00e4\\/\"}, \"B\":null, \"ab\":true,"
                     "\"\":\"\"}"));
    assert_string_equal(
        b.p, "{\"\":\"\",\"B\":null,\"a\":{\"z\":[{\"x\":2,\"y\":1},3],"
             "\"\xc3\xa4\":\"\xc3\xa4/\"},\"ab\":true,\"b\":1.50}");
    dr_buf_reset(&b);
    dr_json_canonical(&b, parse(a, "\"x\""));
    dr_json_canonical(&b, NULL);
    assert_string_equal(b.p, "\"x\"");
    dr_buf_done(&b);
}

static void value_without_key(struct dr_json_w *w)
{
    dr_json_w_obj(w);
    dr_json_w_i64(w, 1);
}

static void key_in_array(struct dr_json_w *w)
{
    dr_json_w_arr(w);
    dr_json_w_key(w, "a");
}

static void end_after_key(struct dr_json_w *w)
{
    dr_json_w_obj(w);
    dr_json_w_key(w, "a");
    dr_json_w_end(w);
}

static void too_deep(struct dr_json_w *w)
{
    for (int i = 0; i < 65; i++) {
        dr_json_w_arr(w);
    }
}

static void test_misuse_ends_the_process(void **state)
{
    static void (*const wrong[])(struct dr_json_w *) = {
        value_without_key, key_in_array, end_after_key, too_deep};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(wrong); i++) {
        int status;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct dr_json_w w;
            struct dr_buf b;
            (void)close(STDERR_FILENO);
            dr_buf_init(&b, 4096);
            dr_json_w_init(&w, &b);
            wrong[i](&w);
            _exit(0);
        }
        assert_true(waitpid(pid, &status, 0) == pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), DR_EXIT_INVARIANT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lexemes_and_raw),
        cmocka_unit_test(test_access),
        cmocka_unit_test(test_errors_say_where),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_deep_writer),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_misuse_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
