/* Decimals: hand-computed cases, then identities over random numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/base/buf.h>
#include <drover/base/decimal.h>
#include <drover/base/rand.h>

static struct dr_dec dec(const char *z)
{
    struct dr_dec d;

    if (dr_dec_parse(dr_str_z(z), &d)) {
        fail_msg("%s does not parse", z);
    }
    return d;
}

static void is(const struct dr_dec *d, const char *want)
{
    char text[DR_DEC_TEXT];

    assert_string_equal(dr_dec_text(d, text), want);
}

static void test_parse(void **state)
{
    static const char *const good[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"-0.000", "0"},
        {"007", "7"},
        {"12.50", "12.5"},
        {"-0.05", "-0.05"},
        {"100", "100"},
        {"99999999999999999999.99", "99999999999999999999.99"},
        {"0.0", "0"},
        {"1000000.000001", "1000000.000001"},
    };
    static const char *const bad[] = {"",      "-",   "+1",  ".5",       "5.",
                                      "1e3",   " 1",  "1 ",  "1,5",      "--1",
                                      "1.2.3", "0x1", "NaN", "1\xc2\xa0"};
    struct dr_dec d;
    char long_text[128];

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(good); i++) {
        d = dec(good[i][0]);
        is(&d, good[i][1]);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(bad); i++) {
        assert_int_equal(dr_dec_parse(dr_str_z(bad[i]), &d), -1);
    }
    memset(long_text, '9', sizeof(long_text));
    assert_int_equal(
        dr_dec_parse((struct dr_str){long_text, DR_DEC_DIGITS}, &d), 0);
    assert_int_equal(
        dr_dec_parse((struct dr_str){long_text, DR_DEC_DIGITS + 1}, &d), -1);
}

static void test_parse_json(void **state)
{
    static const char *const good[][2] = {
        {"1e3", "1000"},    {"1E+3", "1000"},  {"1.25e1", "12.5"},
        {"125e-2", "1.25"}, {"5e-3", "0.005"}, {"-1.50e0", "-1.5"},
        {"0e999", "0"},     {"1200e-2", "12"}, {"1.000e-95", NULL},
        {"0.001e98", NULL}, {"0.5", "0.5"},
    };
    static const char *const bad[] = {
        "1e",    "1e+",   "e5",
        "1e1.5", "1e+-5", "1e--5",
        "1e99",  "1e-97", "1e99999999999999999999"};
    struct dr_dec d;

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(good); i++) {
        assert_int_equal(dr_dec_parse_json(dr_str_z(good[i][0]), &d), 0);
        if (good[i][1]) {
            is(&d, good[i][1]);
        }
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(bad); i++) {
        if (dr_dec_parse_json(dr_str_z(bad[i]), &d) == 0) {
            fail_msg("%s was taken", bad[i]);
        }
    }
}

struct sum_case {
    const char *a, *b, *sum, *diff, *product;
};

static void test_arithmetic(void **state)
{
    static const struct sum_case cases[] = {
        {"0.1", "0.2", "0.3", "-0.1", "0.02"},
        {"1", "-1", "0", "2", "-1"},
        {"999.99", "0.01", "1000", "999.98", "9.9999"},
        {"-5", "-7.25", "-12.25", "2.25", "36.25"},
        {"0", "-3.5", "-3.5", "3.5", "0"},
        {"12345678901234567890", "0.00000000000000000001",
         "12345678901234567890.00000000000000000001",
         "12345678901234567889.99999999999999999999", "0.1234567890123456789"},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_dec a = dec(cases[i].a), b = dec(cases[i].b), r;
        assert_int_equal(dr_dec_add(&a, &b, &r), 0);
        is(&r, cases[i].sum);
        assert_int_equal(dr_dec_sub(&a, &b, &r), 0);
        is(&r, cases[i].diff);
        assert_int_equal(dr_dec_mul(&a, &b, &r), 0);
        is(&r, cases[i].product);
        assert_int_equal(dr_dec_add(&a, &b, &a), 0); /* out may be a */
        is(&a, cases[i].sum);
    }
}

/* Numbers at the edge of what fits. */
static void test_ceiling(void **state)
{
    char nines[DR_DEC_DIGITS + 3] = "0.";
    struct dr_dec big, small, one = dec("1"), r;

    (void)state;
    memset(nines + 2, '9', DR_DEC_DIGITS);
    assert_int_equal(
        dr_dec_parse((struct dr_str){nines + 2, DR_DEC_DIGITS}, &big), 0);
    assert_int_equal(dr_dec_add(&big, &one, &r), -1);
    assert_int_equal(dr_dec_sub(&big, &one, &r), 0);
    assert_int_equal(dr_dec_mul(&big, &one, &r), 0);
    assert_int_equal(dr_dec_mul(&big, &big, &r), -1);
    assert_int_equal(
        dr_dec_parse((struct dr_str){nines, DR_DEC_DIGITS + 2}, &small), 0);
    assert_int_equal(dr_dec_sub(&small, &one, &r), 0); /* -0.00..01 */
    assert_int_equal(dr_dec_add(&r, &one, &r), 0);
    assert_int_equal(dr_dec_cmp(&r, &small), 0);
    assert_int_equal(dr_dec_add(&small, &big, &r), -1);
    dr_dec_round(&small, 2);
    is(&small, "1");
}

static void test_round(void **state)
{
    static const struct {
        const char *in;
        unsigned scale;
        const char *out;
    } cases[] = {
        {"2.345", 2, "2.35"},   {"2.344999", 2, "2.34"}, {"-2.345", 2, "-2.35"},
        {"0.5", 0, "1"},        {"-0.4", 0, "0"},        {"0.49", 0, "0"},
        {"999.995", 2, "1000"}, {"1.5", 4, "1.5"},       {"0.0049", 2, "0"},
        {"0.005", 2, "0.01"},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_dec d = dec(cases[i].in);
        dr_dec_round(&d, cases[i].scale);
        is(&d, cases[i].out);
        assert_false(dr_dec_is_zero(&d) && d.neg);
    }
}

static void test_compare_and_money(void **state)
{
    /* each smaller than the next */
    static const char *const order[] = {"-10", "-9.99", "-0.1", "0",  "0.0001",
                                        "0.1", "9.99",  "10",   "100"};
    struct dr_dec d;
    char text[DR_DEC_TEXT];

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(order); i++) {
        for (size_t j = 0; j < DR_ARRAY_LEN(order); j++) {
            struct dr_dec a = dec(order[i]), b = dec(order[j]);
            assert_int_equal(dr_dec_cmp(&a, &b), (i > j) - (i < j));
        }
    }
    d = dec("1.0");
    assert_int_equal(dr_dec_cmp(&d, &(struct dr_dec){.n = 1, .d = {1}}), 0);
    d = dec("5600");
    assert_string_equal(dr_dec_money(&d, text), "5600.0");
    d = dec("5600.50");
    assert_string_equal(dr_dec_money(&d, text), "5600.5");
    d = dec("-0");
    assert_string_equal(dr_dec_money(&d, text), "0.0");
}

static struct dr_dec random_dec(struct dr_rand *rnd)
{
    char text[64];
    size_t n = 0, whole = 1 + dr_rand_below(rnd, 20);
    size_t after = dr_rand_below(rnd, 12);
    struct dr_dec d;

    if (dr_rand_below(rnd, 2)) {
        text[n++] = '-';
    }
    for (size_t i = 0; i < whole; i++) {
        text[n++] = (char)('0' + dr_rand_below(rnd, 10));
    }
    for (size_t i = 0; i < after; i++) {
        if (i == 0) {
            text[n++] = '.';
        }
        text[n++] = (char)('0' + dr_rand_below(rnd, 10));
    }
    assert_int_equal(dr_dec_parse((struct dr_str){text, n}, &d), 0);
    return d;
}

static void same(const struct dr_dec *a, const struct dr_dec *b)
{
    assert_int_equal(dr_dec_cmp(a, b), 0);
}

/* Ring identities, and text that reads back as the same number. */
static void test_identities(void **state)
{
    struct dr_rand rnd;

    (void)state;
    dr_rand_init(&rnd, 2026);
    for (int i = 0; i < 5000; i++) {
        struct dr_dec a = random_dec(&rnd), b = random_dec(&rnd);
        struct dr_dec c = random_dec(&rnd), x, y, z;
        char text[DR_DEC_TEXT];

        assert_int_equal(dr_dec_add(&a, &b, &x), 0);
        assert_int_equal(dr_dec_add(&b, &a, &y), 0);
        same(&x, &y);
        assert_int_equal(dr_dec_sub(&x, &b, &y), 0);
        same(&y, &a);
        assert_int_equal(dr_dec_mul(&x, &c, &x), 0); /* (a + b) c */
        assert_int_equal(dr_dec_mul(&a, &c, &y), 0);
        assert_int_equal(dr_dec_mul(&b, &c, &z), 0);
        assert_int_equal(dr_dec_add(&y, &z, &y), 0); /* ac + bc */
        same(&x, &y);
        assert_int_equal(dr_dec_cmp(&a, &b), -dr_dec_cmp(&b, &a));
        z = dec(dr_dec_text(&x, text));
        same(&z, &x);
        z = dec(dr_dec_money(&x, text));
        same(&z, &x);
        (void)snprintf(text + strlen(text), 8, "e0");
        assert_int_equal(dr_dec_parse_json(dr_str_z(text), &z), 0);
        same(&z, &x);
    }
}

/* Against 128-bit integers for numbers that fit. */
static void test_against_integers(void **state)
{
    struct dr_rand rnd;

    (void)state;
    dr_rand_init(&rnd, 7);
    for (int i = 0; i < 5000; i++) {
        int64_t a = (int64_t)dr_rand_u64(&rnd) >> (2 + dr_rand_below(&rnd, 40));
        int64_t b = (int64_t)dr_rand_u64(&rnd) >> (2 + dr_rand_below(&rnd, 40));
        struct dr_dec x, y, r;
        char text[32];

        (void)snprintf(text, sizeof(text), "%lld", (long long)a);
        x = dec(text);
        (void)snprintf(text, sizeof(text), "%lld", (long long)b);
        y = dec(text);
        assert_int_equal(dr_dec_sub(&x, &y, &r), 0);
        (void)snprintf(text, sizeof(text), "%lld", (long long)(a - b));
        is(&r, text);
        a >>= 31; /* so that the product fits */
        b >>= 31;
        (void)snprintf(text, sizeof(text), "%lld", (long long)a);
        x = dec(text);
        (void)snprintf(text, sizeof(text), "%lld", (long long)b);
        y = dec(text);
        assert_int_equal(dr_dec_mul(&x, &y, &r), 0);
        (void)snprintf(text, sizeof(text), "%lld", (long long)(a * b));
        is(&r, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_json),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_compare_and_money),
        cmocka_unit_test(test_identities),
        cmocka_unit_test(test_against_integers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
