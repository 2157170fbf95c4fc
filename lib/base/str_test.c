/* Strings, integers, UTF-8, the partitioner, and the bounded buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <drover/base/buf.h>
#include <drover/base/str.h>

static void test_integers(void **state)
{
    static const char *const bad[] = {"",    "-",   "+1",  " 1", "1 ",
                                      "1.0", "0x1", "--1", "1e3"};
    int64_t i = 5;
    uint64_t u = 5;

    (void)state;
    assert_int_equal(dr_str_i64(DR_STR_LIT("9223372036854775807"), &i), 0);
    assert_true(i == INT64_MAX);
    assert_int_equal(dr_str_i64(DR_STR_LIT("-9223372036854775808"), &i), 0);
    assert_true(i == INT64_MIN);
    i = 5;
    assert_int_equal(dr_str_i64(DR_STR_LIT("9223372036854775808"), &i), -1);
    assert_int_equal(dr_str_i64(DR_STR_LIT("-9223372036854775809"), &i), -1);
    assert_int_equal(dr_str_u64(DR_STR_LIT("18446744073709551615"), &u), 0);
    assert_true(u == UINT64_MAX);
    u = 5;
    assert_int_equal(dr_str_u64(DR_STR_LIT("18446744073709551616"), &u), -1);
    assert_int_equal(dr_str_u64(DR_STR_LIT("99999999999999999999"), &u), -1);
    assert_int_equal(dr_str_u64(DR_STR_LIT("-1"), &u), -1);
    for (size_t k = 0; k < DR_ARRAY_LEN(bad); k++) {
        assert_int_equal(dr_str_i64(dr_str_z(bad[k]), &i), -1);
        assert_int_equal(dr_str_u64(dr_str_z(bad[k]), &u), -1);
    }
    assert_int_equal(i, 5);
    assert_int_equal(u, 5);
}

static void test_compare(void **state)
{
    (void)state;
    assert_true(dr_str_eqz(DR_STR_LIT("ab"), "ab"));
    assert_true(dr_str_eq(dr_str_z(NULL), DR_STR_LIT("")));
    assert_false(dr_str_eq(DR_STR_LIT("a\0b"), DR_STR_LIT("a\0c")));
    assert_false(dr_str_ieq(DR_STR_LIT("a\0b"), DR_STR_LIT("a\0c")));
    assert_true(
        dr_str_ieq(DR_STR_LIT("Retry-After"), DR_STR_LIT("rETRY-aFTER")));
    assert_false(dr_str_ieq(DR_STR_LIT("["), DR_STR_LIT("{")));
    assert_false(dr_str_ieq(DR_STR_LIT("\xc3\x84"), DR_STR_LIT("\xc3\xa4")));
    assert_true(dr_str_cmp(DR_STR_LIT("a"), DR_STR_LIT("ab")) < 0);
    assert_true(dr_str_cmp(DR_STR_LIT("\xff"), DR_STR_LIT("a")) > 0);
    assert_int_equal(dr_str_cmp(dr_str_z(NULL), DR_STR_LIT("")), 0);
    assert_true(dr_str_starts(DR_STR_LIT("abc"), DR_STR_LIT("ab")));
    assert_false(dr_str_starts(DR_STR_LIT("a"), DR_STR_LIT("ab")));
    assert_true(dr_str_ends(DR_STR_LIT("abc"), DR_STR_LIT("bc")));
    assert_false(dr_str_ends(DR_STR_LIT("c"), DR_STR_LIT("bc")));
    assert_true(dr_str_eqz(dr_str_trim(DR_STR_LIT(" \t a b\r\n")), "a b"));
    assert_int_equal(dr_str_trim(DR_STR_LIT(" \n ")).n, 0);
    assert_int_equal(dr_str_find(DR_STR_LIT("abcabd"), DR_STR_LIT("abd")), 3);
    assert_true(dr_str_find(DR_STR_LIT("ab"), DR_STR_LIT("abc")) == SIZE_MAX);
}

static void test_split(void **state)
{
    struct dr_str rest = DR_STR_LIT("a,,b");

    (void)state;
    assert_true(dr_str_eqz(dr_str_split(&rest, ','), "a"));
    assert_true(dr_str_eqz(dr_str_split(&rest, ','), ""));
    assert_non_null(rest.p);
    assert_true(dr_str_eqz(dr_str_split(&rest, ','), "b"));
    assert_null(rest.p);
    rest = DR_STR_LIT("a,");
    assert_true(dr_str_eqz(dr_str_split(&rest, ','), "a"));
    assert_non_null(rest.p); /* an empty tail is not "no separator" */
    assert_int_equal(rest.n, 0);
}

/* Every code point in every encoding length: valid in the shortest only. */
static void test_utf8_code_points(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x1fffff; c += c < 0x12000 ? 1 : 61) {
        for (size_t len = 1; len <= 4; len++) {
            static const uint32_t cap[] = {0x80, 0x800, 0x10000, 0x200000};
            size_t shortest = c < 0x80      ? 1
                              : c < 0x800   ? 2
                              : c < 0x10000 ? 3
                                            : 4;
            bool good =
                len == shortest && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
            char s[4];
            if (c >= cap[len - 1]) {
                continue;
            }
            for (size_t i = len; i-- > 1;) {
                s[i] = (char)(0x80 | ((c >> (6 * (len - 1 - i))) & 0x3f));
            }
            s[0] = (char)(len == 1 ? c
                                   : ((0xf00u >> len) & 0xff) |
                                         c >> (6 * (len - 1)));
            if (dr_utf8_valid((struct dr_str){s, len}) != good) {
                fail_msg("U+%04X in %zu bytes", (unsigned)c, len);
            }
            assert_false(len > 1 && dr_utf8_valid((struct dr_str){s, len - 1}));
        }
    }
}

static void test_utf8_text(void **state)
{
    struct dr_str s = DR_STR_LIT("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x84z");

    (void)state;
    assert_true(dr_utf8_valid(s));
    assert_false(dr_utf8_valid(DR_STR_LIT("12345678\x80")));
    assert_false(dr_utf8_valid(DR_STR_LIT("1234567\xff"
                                          "1234567890")));
    assert_int_equal(dr_utf8_count(s), 5);
    assert_int_equal(dr_utf8_prefix(s, 0).n, 0);
    assert_int_equal(dr_utf8_prefix(s, 2).n, 3);
    assert_int_equal(dr_utf8_prefix(s, 3).n, 6);
    assert_int_equal(dr_utf8_prefix(s, 4).n, 10);
    assert_int_equal(dr_utf8_prefix(s, 99).n, s.n);
    assert_true(dr_text_valid(s));
    assert_true(dr_text_valid(dr_str_z(NULL)));
    assert_false(dr_text_valid(DR_STR_LIT("a\0b")));
}

/* Pinned: all topics hang on these numbers. A change here loses records. */
static void test_partitioner_never_changes(void **state)
{
    int count[12] = {0};

    (void)state;
    assert_true(dr_hash64(DR_STR_LIT("")) == 0xecba3df2c3383c52u);
    assert_true(dr_hash64(DR_STR_LIT("contact:1001")) == 0xedba8fcbda21422bu);
    assert_int_equal(dr_partition(DR_STR_LIT("contact:1001"), 12), 7);
    for (int i = 0; i < 12000; i++) {
        struct dr_buf b;
        int32_t p;
        dr_buf_init(&b, 64);
        dr_buf_printf(&b, "contact:%d", i);
        p = dr_partition(dr_buf_view(&b), 12);
        assert_in_range(p, 0, 11);
        count[p]++;
        dr_buf_done(&b);
    }
    for (int i = 0; i < 12; i++) {
        assert_in_range(count[i], 850, 1150);
    }
}

static void test_buf(void **state)
{
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 10);
    assert_string_equal(dr_buf_view(&b).p, "");
    dr_buf_printf(&b, "%d-%s", 42, "ab");
    dr_buf_i64(&b, -7);
    assert_string_equal(b.p, "42-ab-7");
    dr_buf_z(&b, "123");
    assert_int_equal(b.n, 10);
    assert_false(b.over);
    dr_buf_ch(&b, 'x');
    assert_true(b.over);
    assert_string_equal(b.p, "42-ab-7123");
    dr_buf_reset(&b);
    assert_false(b.over);
    dr_buf_add(&b, "0123456789ab", 12); /* all or nothing */
    assert_true(b.over);
    assert_int_equal(b.n, 0);
    dr_buf_done(&b);
    dr_buf_init(&b, SIZE_MAX);
    dr_buf_u64(&b, UINT64_MAX);
    dr_buf_urlenc(&b, DR_STR_LIT("a b/\xc3\xa4~-_."));
    assert_string_equal(b.p, "18446744073709551615a%20b%2F%C3%A4~-_.");
    dr_buf_done(&b);
    dr_buf_done(&b); /* twice is fine */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_utf8_code_points),
        cmocka_unit_test(test_utf8_text),
        cmocka_unit_test(test_partitioner_never_changes),
        cmocka_unit_test(test_buf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
