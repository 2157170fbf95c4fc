/* Headers of an answer: Retry-After in its forms, limits, hostile values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "headers_private.h"

#include <drover/base/buf.h>
#include <drover/base/time.h>

#define HOUR 3600000

static void test_retry_after(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"0", 0},
        {"1", 1000},
        {"30", 30000},
        {"1.5", 1500},
        {"0.250", 250},
        {"3600", HOUR},
        {"3601", HOUR},
        {"99999999999999999999999999", HOUR},
        {"Mon, 02 Mar 2026 08:00:30 GMT", 30000},
        {"Mon, 02 Mar 2026 07:59:00 GMT", 0},
        {"Tue, 03 Mar 2026 08:00:00 GMT", HOUR},
        {"", -1},
        {"-5", -1},
        {"+5", -1},
        {"soon", -1},
        {"1e3", -1},
        {"5s", -1},
        {"0x10", -1},
        {"NaN", -1},
        {"Mon, 32 Mar 2026 08:00:30 GMT", -1},
    };
    int64_t now;

    (void)state;
    assert_int_equal(
        dr_time_parse(DR_STR_LIT("2026-03-02T08:00:00Z"), &now, NULL), 0);
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        int64_t ms = dr_http_retry_after(dr_str_z(cases[i].text), now);
        if (ms != cases[i].ms) {
            fail_msg("\"%s\" gives %lld", cases[i].text, (long long)ms);
        }
    }
}

static struct dr_http_answer nothing(void)
{
    return (struct dr_http_answer){
        .retry_after_ms = -1, .date_ms = -1, .limit = -1, .remaining = -1};
}

static void test_fields(void **state)
{
    static const char *const lines[] = {
        "HTTP/1.1 429 Too Many Requests\r\n",
        "Date: Mon, 02 Mar 2026 08:00:00 GMT\r\n",
        "retry-after:  7 \r\n",
        "X-RATELIMIT-LIMIT: 1000\r\n",
        "X-RateLimit-Remaining: 12\r\n",
        "X-RateLimit-Reset: 020326090000\r\n",
        "ETag: \"abc\"\r\n",
        "Content-Type: application/json; charset=utf-8\r\n",
        "X-Next: company:co_17\r\n",
        "No colon here\r\n",
        "\r\n",
    };
    struct dr_http_answer a = nothing();
    char retry[DR_HTTP_RETRY_TEXT] = "";

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(lines); i++) {
        dr_http_take_header(dr_str_z(lines[i]), retry, &a);
    }
    assert_string_equal(retry, "7");
    assert_int_equal(a.date_ms, 1772438400000);
    assert_int_equal(a.limit, 1000);
    assert_int_equal(a.remaining, 12);
    assert_string_equal(a.reset, "020326090000");
    assert_string_equal(a.etag, "\"abc\"");
    assert_string_equal(a.content_type, "application/json; charset=utf-8");
    assert_string_equal(a.next, "company:co_17");
    assert_false(a.next_cut);
    dr_http_take_header(DR_STR_LIT("HTTP/1.1 200 OK\r\n"), retry, &a);
    assert_string_equal(retry, ""); /* the one of an interim answer is gone */
}

static void test_rate_limit_policy(void **state)
{
    static const struct {
        const char *line;
        int64_t remaining;
    } cases[] = {
        {"RateLimit: \"burst\";r=73;t=6", 73},
        {"RateLimit: \"burst\";t=6;r=5", 5},
        {"RateLimit: \"burst\"; r=9", 9},
        {"RateLimit: \"a\";r=1, \"b\";r=2", 1},
        {"RateLimit: \"burst\";t=6", -1},
        {"RateLimit: \"burst\";r=-4", -1},
        {"RateLimit:", -1},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_http_answer a = nothing();
        char retry[DR_HTTP_RETRY_TEXT] = "";
        dr_http_take_header(dr_str_z(cases[i].line), retry, &a);
        assert_int_equal(a.remaining, cases[i].remaining);
    }
}

static void test_hostile(void **state)
{
    char line[4096] = "ETag: ";
    struct dr_buf b;
    struct dr_http_answer a = nothing();
    char retry[DR_HTTP_RETRY_TEXT] = "";

    (void)state;
    memset(line + 6, 'e', sizeof(line) - 6);
    dr_http_take_header((struct dr_str){line, sizeof(line)}, retry, &a);
    assert_string_equal(a.etag, ""); /* a cut tag is no tag */
    memcpy(line, "X-Next", 6);
    line[6] = ':';
    dr_http_take_header((struct dr_str){line, sizeof(line)}, retry, &a);
    assert_string_equal(a.next, "");
    assert_true(a.next_cut); /* and a cut cursor is not the end */
    dr_http_take_header(DR_STR_LIT("X-RateLimit-Limit: -7"), retry, &a);
    assert_int_equal(a.limit, -1);
    dr_http_take_header(DR_STR_LIT("X-RateLimit-Limit: 99999999999999999999"),
                        retry, &a);
    assert_int_equal(a.limit, -1);
    dr_http_take_header(DR_STR_LIT("Date: yesterday"), retry, &a);
    assert_int_equal(a.date_ms, -1);
    memset(line, '9', sizeof(line));
    dr_buf_init(&b, 2 * sizeof(line));
    dr_buf_z(&b, "Retry-After: ");
    dr_buf_add(&b, line, sizeof(line));
    dr_http_take_header(dr_buf_view(&b), retry, &a);
    dr_buf_done(&b);
    assert_int_equal(strlen(retry), sizeof(retry) - 1);
    dr_http_take_header(DR_STR_LIT(""), retry, &a);
    dr_http_take_header(DR_STR_LIT(":"), retry, &a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_rate_limit_policy),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
