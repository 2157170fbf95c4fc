/* Times: RFC 3339 in its odd forms, HTTP dates, and every day there and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include <drover/base/time.h>

struct good {
    const char *text, *back;
    unsigned flags;
};

static void test_parse(void **state)
{
    static const struct good cases[] = {
        {"2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z", 0},
        {"2026-03-02t08:00:00z", "2026-03-02T08:00:00Z", 0},
        {"2026-03-02 08:00:00Z", "2026-03-02T08:00:00Z", 0},
        {"2026-03-02T08:00Z", "2026-03-02T08:00:00Z", 0},
        {"2026-03-02T08:00:00.5Z", "2026-03-02T08:00:00.500Z", 0},
        {"2026-03-02T08:00:00.1239Z", "2026-03-02T08:00:00.123Z",
         DR_TIME_FRACTION},
        {"2026-03-02T08:00:00.123000Z", "2026-03-02T08:00:00.123Z", 0},
        {"2026-03-02T08:00:00+05:30", "2026-03-02T02:30:00Z", 0},
        {"2026-03-02T08:00:00-0800", "2026-03-02T16:00:00Z", 0},
        {"2026-03-02T08:00:00-00:00", "2026-03-02T08:00:00Z", 0},
        {"2026-03-02T08:00:00", "2026-03-02T08:00:00Z", DR_TIME_NO_ZONE},
        {"2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", DR_TIME_LEAP_SECOND},
        {"2026-02-28T24:00:00Z", "2026-03-01T00:00:00Z", DR_TIME_24H},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", 0},
        {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z", 0},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", 0},
        {"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z", 0},
        {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z", 0},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        char text[DR_TIME_TEXT];
        unsigned flags = 99;
        int64_t ms;
        if (dr_time_parse(dr_str_z(cases[i].text), &ms, &flags)) {
            fail_msg("%s does not parse", cases[i].text);
        }
        assert_string_equal(dr_time_format(ms, text), cases[i].back);
        assert_int_equal(flags, cases[i].flags);
        assert_int_equal(dr_time_parse(dr_str_z(cases[i].text), &ms, NULL), 0);
    }
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-03-02",
        "2026-03-02T",
        "2026-03-02T08",
        "2026-13-02T08:00:00Z",
        "2026-00-02T08:00:00Z",
        "2026-02-29T08:00:00Z",
        "1900-02-29T08:00:00Z",
        "2026-04-31T08:00:00Z",
        "2026-03-00T08:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-03-02T25:00:00Z",
        "2026-03-02T24:00:01Z",
        "2026-03-02T08:60:00Z",
        "2026-03-02T08:00:61Z",
        "2026-03-02T08:00:00.Z",
        "2026-03-02T08:00:00,5Z",
        "2026-03-02T08:00:00+05",
        "2026-03-02T08:00:00+05:",
        "2026-03-02T08:00:00+5:30",
        "2026-03-02T08:00:00+15:00",
        "2026-03-02T08:00:00+05:60",
        "2026-03-02T08:00:00Zx",
        " 2026-03-02T08:00:00Z",
        "2026-03-02T08:00:00Z ",
        "2026-3-2T08:00:00Z",
        "+2026-03-02T08:00:00Z",
        "2026/03/02T08:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T24:00:00Z",
        "9999-12-31T23:59:59-01:00",
    };
    int64_t ms = 42;
    unsigned flags = 42;

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(bad); i++) {
        if (dr_time_parse(dr_str_z(bad[i]), &ms, &flags) == 0) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
    assert_int_equal(ms, 42); /* outs are untouched on failure */
    assert_int_equal(flags, 42);
    assert_int_equal(dr_date_parse(DR_STR_LIT("2026-03-02x"), &ms), -1);
    assert_int_equal(dr_date_parse(DR_STR_LIT("2026-02-30"), &ms), -1);
}

/* Against the C library, day by day over several centuries and leap rules. */
static void test_every_day(void **state)
{
    (void)state;
    for (int64_t day = -140000; day < 300000; day++) {
        time_t t = (time_t)(day * 86400);
        char text[DR_TIME_TEXT], want[DR_TIME_TEXT];
        struct tm tm;
        int64_t ms;

        assert_non_null(gmtime_r(&t, &tm));
        assert_int_not_equal(strftime(want, sizeof(want), "%Y-%m-%d", &tm), 0);
        assert_string_equal(dr_date_format(day * 86400000, text), want);
        assert_int_equal(dr_date_parse(dr_str_z(text), &ms), 0);
        assert_int_equal(ms, day * 86400000);
        assert_string_equal(dr_date_format(ms + 86399999, text), want);
    }
}

static void test_http_dates(void **state)
{
    static const char *const bad[] = {
        "",
        "Mon, 02 Mar 2026 08:00:00 UTC",
        "Mon, 31 Apr 2026 08:00:00 GMT",
        "Mon, 02 Mai 2026 08:00:00 GMT",
        "Mon, 2 Mar 2026 08:00:00 GMT",
        "Monday, 02-Mar-26 08:00:00 GMT",
        "Mon Mar  2 08:00:00 2026",
    };
    char text[DR_TIME_TEXT];
    int64_t ms;

    (void)state;
    assert_string_equal(dr_http_date_format(1772438400000, text),
                        "Mon, 02 Mar 2026 08:00:00 GMT");
    for (int64_t t = 0; t < 40000000000; t += 86400000 * 3 + 3661000) {
        char again[DR_TIME_TEXT];
        assert_int_equal(
            dr_http_date_parse(dr_str_z(dr_http_date_format(t, text)), &ms), 0);
        assert_string_equal(dr_http_date_format(ms, again), text);
        assert_int_equal(ms, t / 1000 * 1000);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(bad); i++) {
        assert_int_equal(dr_http_date_parse(dr_str_z(bad[i]), &ms), -1);
    }
}

/* Extreme values must not overflow or write a malformed text. */
static void test_extremes(void **state)
{
    char text[DR_TIME_TEXT];

    (void)state;
    assert_string_equal(dr_time_format(INT64_MAX, text),
                        "9999-12-31T23:59:59.999Z");
    assert_string_equal(dr_time_format(INT64_MIN, text),
                        "0001-01-01T00:00:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_day), cmocka_unit_test(test_http_dates),
        cmocka_unit_test(test_extremes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
