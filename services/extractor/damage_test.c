/* What spreadsheets and locales do to values, and how it is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/base/attrs.h>

#include "damage.h"

static enum damage of(const char *type, const char *text)
{
    return damage_of(dr_str_z(type), dr_str_z(text));
}

static void test_rounded_numbers(void **state)
{
    static const char *const yes[] = {"1.23457E+12", "1,23457E+12", "-9E+15",
                                      "3.5E-07"};
    static const char *const no[] = {
        "1234567890123", "1.5",   "12E5",   "E+12", "1.E+12",
        "12.5E+12",      "1e+12", "1.2E+1", "",     "1.2E+1234"};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(yes); i++) {
        assert_int_equal(of("", yes[i]), DAMAGE_ROUNDED);
        assert_int_equal(of("phone", yes[i]), DAMAGE_ROUNDED);
        assert_int_equal(of("html", yes[i]), DAMAGE_NONE);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(no); i++) {
        assert_int_equal(of("", no[i]), DAMAGE_NONE);
    }
}

static void test_serials_of_dates(void **state)
{
    (void)state;
    assert_int_equal(of("date", "45321"), DAMAGE_SERIAL);
    assert_int_equal(of("datetime", "45321.5"), DAMAGE_SERIAL);
    assert_int_equal(of("datetime", "45321,25"), DAMAGE_SERIAL);
    assert_int_equal(of("date", "2024-01-30"), DAMAGE_NONE);
    assert_int_equal(of("date", "1706572800"), DAMAGE_NONE);
    assert_int_equal(of("date", "04532"), DAMAGE_NONE);
    assert_int_equal(of("int", "45321"), DAMAGE_NONE);
}

static void test_errors_and_lists_that_are_cut_off(void **state)
{
    (void)state;
    assert_int_equal(of("string", "#NAME?"), DAMAGE_ERROR);
    assert_int_equal(of("money", "#DIV/0!"), DAMAGE_ERROR);
    assert_int_equal(of("date", "########"), DAMAGE_ERROR);
    assert_int_equal(of("string", "#1"), DAMAGE_NONE);
    assert_int_equal(of("text", "#NAME?"), DAMAGE_NONE);
    assert_int_equal(of("", "c_1;c_2\xe2\x80\xa6"
                            "and 12 more"),
                     DAMAGE_CUT);
    assert_int_equal(of("reference", "c_1; c_2 ... and 3 more"), DAMAGE_CUT);
    assert_int_equal(of("", "c_1 and 3 more"), DAMAGE_NONE);
    assert_int_equal(of("string", "Bob... and 3 more"), DAMAGE_NONE);
    assert_int_equal(of("", "... and more"), DAMAGE_NONE);
}

static void test_guards(void **state)
{
    struct dr_str in = DR_STR_LIT("");

    (void)state;
    assert_true(damage_unwrap(DR_STR_LIT("=\"00123\""), &in));
    assert_true(dr_str_eqz(in, "00123"));
    assert_false(damage_unwrap(DR_STR_LIT("=\"a\"&\"b\""), &in));
    assert_false(damage_unwrap(DR_STR_LIT("=1+1"), &in));
    assert_false(damage_unwrap(DR_STR_LIT("=\""), &in));
    assert_true(damage_guarded(DR_STR_LIT("'+356 2133")));
    assert_true(damage_guarded(DR_STR_LIT("'=1+1")));
    assert_false(damage_guarded(DR_STR_LIT("'tis")));
    assert_false(damage_guarded(DR_STR_LIT("'")));
}

static const char *plain(const char *text, char decimal)
{
    static char out[65];
    size_t n = 0;

    if (!number_plain(dr_str_z(text), decimal, out, &n)) {
        return "-";
    }
    out[n] = '\0';
    return out;
}

static void test_numbers_of_a_locale(void **state)
{
    (void)state;
    assert_string_equal(plain("1.234,56", ','), "1234.56");
    assert_string_equal(plain("-1 234 567,8", ','), "-1234567.8");
    assert_string_equal(plain("1\xc2\xa0"
                              "234,5",
                              ','),
                        "1234.5");
    assert_string_equal(plain("1'234.50", '.'), "1234.50");
    assert_string_equal(plain("1,234,567", '.'), "1234567");
    assert_string_equal(plain("12", ','), "12");
    assert_string_equal(plain("1.23", ','), "-");
    assert_string_equal(plain("1234.567", ','), "-");
    assert_string_equal(plain("1,2,3", ','), "-");
    assert_string_equal(plain("(1,200.00)", '.'), "-");
    assert_string_equal(plain("EUR 12", ','), "-");
    assert_string_equal(plain("", ','), "-");
    assert_string_equal(plain("1,", ','), "-");
    assert_int_equal(number_form(DR_STR_LIT("1.234,56")), NUMBER_COMMA);
    assert_int_equal(number_form(DR_STR_LIT("12,5")), NUMBER_COMMA);
    assert_int_equal(number_form(DR_STR_LIT("1,234.56")), NUMBER_POINT);
    assert_int_equal(number_form(DR_STR_LIT("12.50")), NUMBER_POINT);
    assert_int_equal(number_form(DR_STR_LIT("1.234")), NUMBER_EITHER);
    assert_int_equal(number_form(DR_STR_LIT("1234")), NUMBER_OTHER);
    assert_int_equal(number_form(DR_STR_LIT("")), NUMBER_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounded_numbers),
        cmocka_unit_test(test_serials_of_dates),
        cmocka_unit_test(test_errors_and_lists_that_are_cut_off),
        cmocka_unit_test(test_guards),
        cmocka_unit_test(test_numbers_of_a_locale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
