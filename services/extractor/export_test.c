/* What to do with an export's job, and lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <drover/base/arena.h>

#include "cursor.h"
#include "export.h"
#include "textfile.h"

#define NOW 1000000

static void test_states(void **state)
{
    (void)state;
    assert_int_equal(export_state(DR_STR_LIT("queued")), EXPORT_WAITING);
    assert_int_equal(export_state(DR_STR_LIT("running")), EXPORT_WAITING);
    assert_int_equal(export_state(DR_STR_LIT("complete")), EXPORT_COMPLETE);
    assert_int_equal(export_state(DR_STR_LIT("failed")), EXPORT_LOST);
    assert_int_equal(export_state(DR_STR_LIT("cancelled")), EXPORT_LOST);
    assert_int_equal(export_state(DR_STR_LIT("expired")), EXPORT_LOST);
    assert_int_equal(export_state(DR_STR_LIT("paused")), EXPORT_ODD);
}

static void test_a_job_from_request_to_end(void **state)
{
    struct export_job j = {0};

    (void)state;
    assert_int_equal(export_begin(&j), EXPORT_REQUEST);
    export_asks(&j, NOW);
    export_asks_not(&j); /* refused */
    assert_int_equal(export_begin(&j), EXPORT_REQUEST);
    export_asks(&j, NOW);
    assert_int_equal(export_begin(&j), EXPORT_LISTS); /* its id never came */
    export_asked(&j, DR_STR_LIT("x_1"));
    assert_int_equal(export_begin(&j), EXPORT_POLL); /* after a restart */
    assert_int_equal(export_next(&j, EXPORT_WAITING, 0, 0, NOW), EXPORT_POLL);
    assert_int_equal(export_next(&j, EXPORT_ODD, 0, 0, NOW), EXPORT_POLL);
    assert_int_equal(export_next(&j, EXPORT_COMPLETE, 2, 12, NOW), EXPORT_PART);
    export_part_read(&j, 5);
    assert_int_equal(export_next(&j, EXPORT_COMPLETE, 2, 12, NOW), EXPORT_PART);
    export_part_read(&j, 7);
    assert_int_equal(export_next(&j, EXPORT_COMPLETE, 2, 12, NOW), EXPORT_DONE);
    assert_int_equal(j.jobs, 1);
}

static void test_a_job_that_never_ends_has_failed(void **state)
{
    const int64_t minute = 60000;
    int64_t now = NOW, told = 0;
    struct export_job j = {.id = "x_1", .jobs = 1, .asked_ms = NOW};

    (void)state;
    for (; now < NOW + EXPORT_WAIT_MAX_MS; now += minute / 2) {
        assert_int_equal(
            export_next(&j, (now / minute) % 2 ? EXPORT_WAITING : EXPORT_ODD, 0,
                        0, now),
            EXPORT_POLL);
        told += export_tells(&j, now);
    }
    assert_int_equal(told, EXPORT_WAIT_MAX_MS / minute - 1);
    assert_int_equal(export_next(&j, EXPORT_WAITING, 0, 0, now),
                     EXPORT_REQUEST);
    assert_string_equal(j.id, "");
    j = (struct export_job){.id = "x_3", .jobs = 3, .asked_ms = NOW};
    assert_int_equal(export_next(&j, EXPORT_ODD, 0, 0, now), EXPORT_LISTS);
    j = (struct export_job){.id = "x_2", .jobs = 2}; /* not known when */
    assert_int_equal(export_next(&j, EXPORT_WAITING, 0, 0, now), EXPORT_POLL);
    assert_int_equal(j.asked_ms, now);
    j.asked_ms = now + 1; /* a clock that stepped back */
    assert_int_equal(export_next(&j, EXPORT_WAITING, 0, 0, now), EXPORT_POLL);
    assert_int_equal(j.asked_ms, now);
}

static void test_an_empty_export_is_done(void **state)
{
    struct export_job j = {.id = "x_1", .jobs = 1};

    (void)state;
    assert_int_equal(export_next(&j, EXPORT_COMPLETE, 0, 0, NOW), EXPORT_DONE);
}

static void test_a_job_that_does_not_add_up_is_given_up(void **state)
{
    struct export_job j = {.id = "x_1", .jobs = 1, .parts = 2, .rows = 11};

    (void)state;
    assert_int_equal(export_next(&j, EXPORT_COMPLETE, 2, 12, NOW),
                     EXPORT_REQUEST);
    assert_int_equal(j.parts, 0);
    assert_int_equal(j.rows, 0);
    assert_string_equal(j.id, "");
    j = (struct export_job){.id = "x_3", .jobs = 3, .parts = 3};
    assert_int_equal(export_next(&j, EXPORT_COMPLETE, 2, 0, NOW), EXPORT_LISTS);
}

static void test_jobs_are_not_asked_for_for_ever(void **state)
{
    struct export_job j = {0};

    (void)state;
    for (int i = 0; i < EXPORT_JOBS_MAX; i++) {
        assert_int_equal(export_begin(&j), EXPORT_REQUEST);
        export_asks(&j, NOW);
        export_asked(&j, DR_STR_LIT("x_1"));
        assert_int_equal(export_next(&j, EXPORT_LOST, 0, 0, NOW),
                         i + 1 < EXPORT_JOBS_MAX ? EXPORT_REQUEST
                                                 : EXPORT_LISTS);
    }
    assert_int_equal(export_begin(&j), EXPORT_LISTS);
}

static void test_a_bad_part_is_read_again_then_the_job_is_given_up(void **state)
{
    struct export_job j = {.id = "x_1", .jobs = 1, .parts = 4, .rows = 40};

    (void)state;
    assert_int_equal(export_part_bad(&j, true), EXPORT_POLL);
    assert_string_equal(j.id, "x_1");
    assert_int_equal(export_part_bad(&j, true), EXPORT_REQUEST);
    j = (struct export_job){.id = "x_2", .jobs = 2};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(export_part_bad(&j, false), EXPORT_POLL);
    }
    export_part_read(&j, 1); /* one that comes at last forgives the others */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(export_part_bad(&j, false), EXPORT_POLL);
    }
    assert_int_equal(export_part_bad(&j, false), EXPORT_REQUEST);
}

static void test_pauses_grow_to_half_a_minute(void **state)
{
    int64_t before = 0;

    (void)state;
    assert_int_equal(export_pause_ms(0, 1000), 1000);
    for (unsigned n = 0; n < 100; n++) {
        int64_t ms = export_pause_ms(n, 1000);
        assert_true(ms >= before && ms <= 30000);
        before = ms;
    }
    assert_int_equal(before, 30000);
}

static void test_a_cursor_keeps_its_job(void **state)
{
    struct cursor in = {
        .phase = CURSOR_LIST,
        .job = {.id = "x_7", .jobs = 2, .parts = 3, .rows = 12345678901}};
    struct cursor out;
    struct dr_err err;
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    cursor_print(&in, &b);
    assert_int_equal(cursor_parse(dr_buf_view(&b), &out, &err), 0);
    assert_string_equal(out.job.id, "x_7");
    assert_int_equal(out.job.jobs, 2);
    assert_int_equal(out.job.parts, 3);
    assert_int_equal(out.job.rows, 12345678901);
    dr_buf_reset(&b);
    cursor_print(&(struct cursor){.phase = CURSOR_LIST}, &b);
    assert_int_equal(cursor_parse(dr_buf_view(&b), &out, &err), 0);
    assert_int_equal(out.job.jobs, 0);
    assert_false(out.job.asking);
    dr_buf_reset(&b);
    in.job = (struct export_job){.asking = true, .jobs = 1};
    cursor_print(&in, &b);
    assert_int_equal(cursor_parse(dr_buf_view(&b), &out, &err), 0);
    assert_true(out.job.asking);
    dr_buf_done(&b);
}

static FILE *file_of(const char *p, size_t n)
{
    FILE *f = tmpfile();

    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    rewind(f);
    return f;
}

static void test_lines_have_their_place(void **state)
{
    static const char text[] = "one\n\ntwo\r\nthree";
    static const struct {
        const char *text;
        uint64_t offset, bytes;
    } want[] = {{"one", 0, 4}, {"", 4, 1}, {"two", 5, 5}, {"three", 10, 5}};
    FILE *f = file_of(text, sizeof(text) - 1);
    struct text_line line;
    struct textfile t;
    struct dr_err err;

    (void)state;
    text_open(&t, f, false, 1000);
    for (size_t i = 0; i < DR_ARRAY_LEN(want); i++) {
        assert_int_equal(text_line(&t, &line, &err), 1);
        assert_true(dr_str_eqz(line.text, want[i].text));
        assert_int_equal(line.offset, want[i].offset);
        assert_int_equal(line.bytes, want[i].bytes);
    }
    assert_int_equal(text_line(&t, &line, &err), 0);
    text_close(&t);
    (void)fclose(f);
}

static void test_a_line_that_is_too_long_is_passed_over(void **state)
{
    size_t n = TEXT_LINE_MAX + 300000;
    char *p = dr_xmalloc(n + 20);
    struct text_line line;
    struct textfile t;
    struct dr_err err;
    FILE *f;

    (void)state;
    memset(p, 'x', n);
    memcpy(p, "first\n", 6);
    memcpy(p + n, "\nlast\n", 6);
    f = file_of(p, n + 6);
    text_open(&t, f, false, n * 2);
    assert_int_equal(text_line(&t, &line, &err), 1);
    assert_true(dr_str_eqz(line.text, "first"));
    assert_int_equal(text_line(&t, &line, &err), 1);
    assert_true(line.too_long);
    assert_int_equal(line.offset, 6);
    assert_int_equal(line.bytes, n - 6 + 1);
    assert_true(line.text.n > 100 && line.text.p[0] == 'x');
    assert_int_equal(text_line(&t, &line, &err), 1);
    assert_true(dr_str_eqz(line.text, "last"));
    assert_int_equal(text_line(&t, &line, &err), 0);
    text_close(&t);
    (void)fclose(f);
    free(p);
}

static void test_what_a_file_may_unpack_to(void **state)
{
    (void)state;
    assert_int_equal(text_bound(0, 100), 64 << 20);
    assert_int_equal(text_bound(1 << 20, 100), 100 << 20);
    assert_int_equal(text_bound(1 << 20, 2), 64 << 20);
    assert_int_equal(text_bound(UINT64_MAX / 2, 100), UINT64_MAX);
}

static void test_a_damaged_file_is_no_end(void **state)
{
    FILE *f = file_of("\x1f\x8b\x08 this is no gzip", 20);
    struct text_line line;
    struct textfile t;
    struct dr_err err;

    (void)state;
    text_open(&t, f, true, 1000);
    assert_int_equal(text_line(&t, &line, &err), -1);
    text_close(&t);
    (void)fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_a_job_from_request_to_end),
        cmocka_unit_test(test_a_job_that_never_ends_has_failed),
        cmocka_unit_test(test_an_empty_export_is_done),
        cmocka_unit_test(test_a_job_that_does_not_add_up_is_given_up),
        cmocka_unit_test(test_jobs_are_not_asked_for_for_ever),
        cmocka_unit_test(
            test_a_bad_part_is_read_again_then_the_job_is_given_up),
        cmocka_unit_test(test_pauses_grow_to_half_a_minute),
        cmocka_unit_test(test_a_cursor_keeps_its_job),
        cmocka_unit_test(test_lines_have_their_place),
        cmocka_unit_test(test_a_line_that_is_too_long_is_passed_over),
        cmocka_unit_test(test_what_a_file_may_unpack_to),
        cmocka_unit_test(test_a_damaged_file_is_no_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
