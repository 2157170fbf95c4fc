/* The extractor's decisions: horizon, news, sweep, throttling, cursor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#include "contract.h"
#include "currencies.h"
#include "cursor.h"
#include "emitted.h"
#include "horizon.h"
#include "throttle.h"

static const struct horizon two_minutes = {.lag_ms = 120000,
                                           .granularity_ms = 1000};

static void horizon_stays_behind_the_visibility_bound(void **state)
{
    (void)state;
    assert_int_equal(horizon_of(&two_minutes, 1000000500), 999879000);
}

static void window_opens_only_when_the_horizon_moved(void **state)
{
    int64_t until = 0;

    (void)state;
    assert_false(horizon_window(&two_minutes, 999879000, 1000000999, &until));
    assert_true(horizon_window(&two_minutes, 999879000, 1000001000, &until));
    assert_int_equal(until, 999880000);
}

static void lag_ends_at_the_freeze(void **state)
{
    (void)state;
    assert_int_equal(horizon_lag_s(1000, 421000, 0), 420);
    assert_int_equal(horizon_lag_s(1000, 421000, 61000), 60);
    assert_int_equal(horizon_lag_s(61000, 421000, 61000), 0);
    assert_int_equal(horizon_lag_s(90000, 421000, 61000), 0);
    assert_int_equal(horizon_lag_s(0, 421000, 0), 0);
    assert_int_equal(horizon_lag_s(1000, 421000, 500000), 420);
}

static void window_is_half_open(void **state)
{
    (void)state;
    assert_true(horizon_inside(1000, 1000, 2000));
    assert_false(horizon_inside(2000, 1000, 2000));
}

static void a_snapshot_overlaps_its_first_window(void **state)
{
    int64_t t0 = 1000000000;

    (void)state;
    assert_true(horizon_start(&two_minutes, t0) < t0 - two_minutes.lag_ms);
}

static struct emitted_row row(uint64_t version, uint64_t content)
{
    return (struct emitted_row){.version = version,
                                .has_version = true,
                                .rev = version,
                                .content = content};
}

static void lower_versions_are_no_news(void **state)
{
    struct emitted *e = emitted_new();
    struct emitted_row r = row(5, 1), lower = row(4, 2), same = row(5, 1);
    struct emitted_row linked = row(5, 2), higher = row(6, 1);

    (void)state;
    emitted_put(e, 1, DR_STR_LIT("c_1"), &r);
    assert_false(emitted_is_news(e, 1, DR_STR_LIT("c_1"), &lower));
    assert_false(emitted_is_news(e, 1, DR_STR_LIT("c_1"), &same));
    assert_true(emitted_is_news(e, 1, DR_STR_LIT("c_1"), &linked));
    assert_true(emitted_is_news(e, 1, DR_STR_LIT("c_1"), &higher));
    assert_true(emitted_is_news(e, 2, DR_STR_LIT("c_1"), &lower));
    emitted_free(e);
}

/* A source may count in milliseconds of its clock. */
static void versions_have_64_bits(void **state)
{
    const uint64_t big = UINT64_C(1772438400000);
    struct emitted *e = emitted_new();
    struct emitted_row r = row(big, 1), lower = row(big - 1, 2), out;

    (void)state;
    emitted_put(e, 1, DR_STR_LIT("c_1"), &r);
    assert_false(emitted_is_news(e, 1, DR_STR_LIT("c_1"), &r));
    assert_false(emitted_is_news(e, 1, DR_STR_LIT("c_1"), &lower));
    assert_true(emitted_get(e, 1, DR_STR_LIT("c_1"), &out));
    assert_true(out.version == big);
    emitted_free(e);
}

static void a_tombstone_is_not_resurrected(void **state)
{
    struct emitted *e = emitted_new();
    struct emitted_row gone = row(7, 9), late = row(7, 1), again = row(8, 1);

    (void)state;
    gone.gone = true;
    emitted_put(e, 0, DR_STR_LIT("x"), &gone);
    assert_false(emitted_is_news(e, 0, DR_STR_LIT("x"), &late));
    assert_true(emitted_is_news(e, 0, DR_STR_LIT("x"), &again));
    emitted_free(e);
}

static void revisions_rise_even_when_the_clock_does_not(void **state)
{
    struct emitted *e = emitted_new();
    struct emitted_row r = {.rev = 5000};

    (void)state;
    assert_int_equal(emitted_next_rev(e, 0, DR_STR_LIT("x"), 4000), 4000);
    emitted_put(e, 0, DR_STR_LIT("x"), &r);
    assert_int_equal(emitted_next_rev(e, 0, DR_STR_LIT("x"), 4000), 5001);
    assert_int_equal(emitted_next_rev(e, 0, DR_STR_LIT("x"), 6000), 6000);
    emitted_free(e);
}

static void a_sweep_finds_what_is_missing(void **state)
{
    struct emitted *e = emitted_new();
    struct emitted_row r = row(1, 1);
    struct dr_str id;
    size_t at = 0;
    char text[16];

    (void)state;
    for (int i = 0; i < 5000; i++) { /* grows the table on the way */
        int n = snprintf(text, sizeof(text), "id_%d", i);
        emitted_put(e, 3, (struct dr_str){text, (size_t)n}, &r);
    }
    emitted_sweep_begin(e, 3);
    for (int i = 0; i < 5000; i++) {
        int n = snprintf(text, sizeof(text), "id_%d", i);
        if (i != 4321) {
            emitted_sweep_saw(e, 3, (struct dr_str){text, (size_t)n});
        }
    }
    assert_int_equal(emitted_sweep_missing(e, 3), 1);
    assert_true(emitted_sweep_next(e, 3, &at, &id));
    assert_true(dr_str_eqz(id, "id_4321"));
    assert_false(emitted_sweep_next(e, 3, &at, &id));
    emitted_free(e);
}

static uint8_t say(struct currencies *c, struct dr_arena *a, const char *body)
{
    return currencies_take(c, dr_json_parse(a, dr_str_z(body), NULL, NULL));
}

static void what_was_said_of_deals_is_remembered(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    struct currencies *c = dr_xcalloc(1, sizeof(*c));
    char text[120];

    (void)state;
    assert_int_equal(say(c, a, "{\"deal\":{\"currency\":\"EUR\"}}"), 1);
    assert_int_equal(say(c, a, "{\"deal\":{\"currency\":\"\"}}"), 2);
    assert_int_equal(say(c, a, "{\"deal\":{\"currency\":\"EUR\"}}"), 1);
    assert_int_equal(say(c, a, "{\"deal\":{\"currency\":7}}"), 0);
    assert_int_equal(say(c, a, "{\"deal\":{}}"), 0);
    assert_int_equal(currencies_take(c, NULL), 0);
    assert_string_equal(currencies_get(c, 1).p, "EUR");
    assert_string_equal(currencies_get(c, 2).p, "");
    for (int i = 3; i <= 300; i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"deal\":{\"currency\":\"%064d\"}}", i);
        assert_int_equal(say(c, a, text), i <= CURRENCIES_MAX ? i : 0);
    }
    assert_int_equal(currencies_get(c, 255).n, CURRENCY_MAX);
    assert_true(dr_str_eqz(currencies_print(a, DR_STR_LIT("E\"R")),
                           "{\"deal\":{\"currency\":\"E\\\"R\"}}"));
    free(c);
}

static struct dr_http_answer answer(int status, int64_t retry_after_ms)
{
    return (struct dr_http_answer){.outcome = DR_HTTP_ANSWERED,
                                   .status = status,
                                   .retry_after_ms = retry_after_ms};
}

static void a_429_waits_as_long_as_it_says(void **state)
{
    struct throttle t;
    struct dr_http_answer a = answer(429, 7000);
    int64_t wait = 0;

    (void)state;
    throttle_init(&t, 1);
    assert_int_equal(throttle_after(&t, &a, &wait), THROTTLE_AGAIN);
    assert_true(wait >= 7000 && wait < 8000);
}

static void a_429_that_says_nothing_backs_off(void **state)
{
    struct throttle t;
    struct dr_http_answer a = answer(429, -1);
    int64_t first = 0, later = 0;

    (void)state;
    throttle_init(&t, 1);
    (void)throttle_after(&t, &a, &first);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(throttle_after(&t, &a, &later), THROTTLE_AGAIN);
    }
    assert_true(first >= 250 && first < 400);
    assert_true(later >= THROTTLE_MAX_WAIT_MS &&
                later <= THROTTLE_MAX_WAIT_MS * 5 / 4);
}

static void a_long_retry_after_is_obeyed(void **state)
{
    static const int statuses[] = {429, 503};
    int64_t wait = 0;

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(statuses); i++) {
        struct throttle t;
        struct dr_http_answer a = answer(statuses[i], 1800000);
        throttle_init(&t, 1);
        assert_int_equal(throttle_after(&t, &a, &wait), THROTTLE_AGAIN);
        assert_true(wait >= 1800000 && wait <= 1800000 + 10000);
    }
}

static void an_absurd_retry_after_is_capped(void **state)
{
    struct throttle t;
    struct dr_http_answer a = answer(429, INT64_C(86400000));
    int64_t wait = 0;

    (void)state;
    throttle_init(&t, 1);
    (void)throttle_after(&t, &a, &wait);
    assert_true(wait >= THROTTLE_MAX_TOLD_MS &&
                wait <= THROTTLE_MAX_TOLD_MS + 10000);
}

static void a_source_that_stays_away_is_given_up(void **state)
{
    struct throttle t;
    struct dr_http_answer a = {.outcome = DR_HTTP_UNSETTLED,
                               .retry_after_ms = -1};
    enum throttle_do last = THROTTLE_AGAIN;
    int64_t wait;

    (void)state;
    throttle_init(&t, 1);
    for (int i = 0; i <= THROTTLE_MAX_FAILURES; i++) {
        last = throttle_after(&t, &a, &wait);
    }
    assert_int_equal(last, THROTTLE_GIVE_UP);
    a = answer(401, -1);
    assert_int_equal(throttle_after(&t, &a, &wait), THROTTLE_STOP);
}

static void a_redirect_is_no_answer(void **state)
{
    static const int statuses[] = {301, 302, 304, 307, 308};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(statuses); i++) {
        struct throttle t;
        struct dr_http_answer a = answer(statuses[i], -1);
        int64_t wait;
        throttle_init(&t, 1);
        assert_int_equal(throttle_after(&t, &a, &wait), THROTTLE_AGAIN);
        assert_true(wait > 0);
        assert_int_equal(t.failures, 1);
    }
}

static void a_cursor_survives_its_text(void **state)
{
    struct cursor c = {.phase = CURSOR_INDEX,
                       .after = "b\"\\x",
                       .last_id = "~last",
                       .again = true,
                       .start_ms = 1,
                       .watermark_ms = 2,
                       .assoc_watermark_ms = 3};
    struct cursor back;
    struct dr_err err = {0};
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    cursor_print(&c, &b);
    assert_int_equal(cursor_parse(dr_buf_view(&b), &back, &err), 0);
    assert_int_equal(back.phase, CURSOR_INDEX);
    assert_string_equal(back.after, c.after);
    assert_string_equal(back.last_id, c.last_id);
    assert_int_equal(back.watermark_ms, 2);
    assert_int_equal(back.assoc_watermark_ms, 3);
    dr_buf_done(&b);
}

static void a_page_without_a_clock_is_refused(void **state)
{
    struct dr_arena *a = dr_arena_new(1 << 16);
    struct dr_err err = {0};
    struct page page;

    (void)state;
    assert_int_equal(page_parse(a, DR_STR_LIT("{\"results\":[]}"), &page, &err),
                     -1);
    assert_int_equal(
        page_parse(a,
                   DR_STR_LIT("{\"results\":[],\"paging\":{\"next\":{\"after\":"
                              "\"k\"}},\"server_time\":"
                              "\"2026-03-02T08:00:00Z\"}"),
                   &page, &err),
        0);
    assert_true(dr_str_eqz(page.next, "k"));
    dr_arena_free(a);
}

static void records_keep_their_bytes(void **state)
{
    static const char text[] =
        "{\"type\":\"deal\",\"id\":9994,\"version\":3,"
        "\"properties\":{\"amount\":1.10000000000000000001}}";
    struct dr_arena *a = dr_arena_new(1 << 16);
    struct dr_err err = {0};
    struct dr_source s;

    (void)state;
    assert_int_equal(
        record_parse(dr_json_parse(a, dr_str_z(text), NULL, &err), &s, &err),
        0);
    assert_true(dr_str_eqz(s.id, "9994"));
    assert_true(dr_str_eqz(s.body, text));
    assert_int_equal(
        record_parse(dr_json_parse(a, DR_STR_LIT("{\"id\":\"\"}"), NULL, &err),
                     &s, &err),
        -1);
    dr_arena_free(a);
}

static void an_association_changes_the_content(void **state)
{
    struct dr_assoc end = {.pair = DR_STR_LIT("contact_company"),
                           .to_id = DR_STR_LIT("a_1")};
    struct dr_source s = {.body = DR_STR_LIT("{}")};
    uint8_t without[32], with[32];

    (void)state;
    source_hash(&s, without);
    s.assocs = &end;
    s.assoc_count = 1;
    source_hash(&s, with);
    assert_memory_not_equal(without, with, 32);
}

/* JSON text may hold NUL; what is sent on may not (lib/wire refuses it). */
static void hostile_text_is_no_identity(void **state)
{
    static const char *const rows[] = {
        "{\"to\":[{\"id\":\"a\\u0000b\"}]}",
        "{\"to\":[{\"id\":\"\"}]}",
        "{\"to\":[{\"id\":\"a\",\"type_id\":\"\\u0000\"}]}",
        "{\"to\":[{\"id\":\"a\",\"label\":\"x\\u0000\"}]}",
        "{\"to\":[{\"id\":\"a\",\"category\":\"\\u0000\"}]}",
    };
    struct dr_arena *a = dr_arena_new(1 << 16);
    struct dr_err err = {0};
    struct change_row change;
    struct page page;

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        struct assoc_vec vec = {0};
        assert_int_equal(
            assoc_row_parse(dr_json_parse(a, dr_str_z(rows[i]), NULL, &err),
                            DR_STR_LIT("contact_company"), &vec),
            -1);
        assert_int_equal(vec.n, 0);
        free(vec.v);
    }
    assert_int_equal(
        change_row_parse(
            dr_json_parse(a,
                          DR_STR_LIT("{\"id\":\"a\",\"op\":\"merge\","
                                     "\"version\":1,"
                                     "\"merged_into\":\"b\\u0000\"}"),
                          NULL, &err),
            &change),
        -1);
    assert_int_equal(
        page_parse(a,
                   DR_STR_LIT("{\"results\":[],\"server_time\":"
                              "\"2026-03-02T08:00:00Z\",\"paging\":{"
                              "\"next\":{\"after\":\"k\\u0000\"}}}"),
                   &page, &err),
        -1);
    dr_arena_free(a);
}

static void paths_name_pairs_and_windows(void **state)
{
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 256);
    path_assoc_batch(&b, "co_shipment", "deal");
    assert_string_equal(b.p, "/v1/associations/co_shipment/deal/batch/read");
    path_changes(&b, "deal", 0, 1000, DR_STR_LIT("a b"));
    assert_string_equal(b.p, "/v1/objects/deal/changes?limit=200&updated_since="
                             "1970-01-01T00%3A00%3A00Z&updated_before="
                             "1970-01-01T00%3A00%3A01Z&after=a%20b");
    dr_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(horizon_stays_behind_the_visibility_bound),
        cmocka_unit_test(window_opens_only_when_the_horizon_moved),
        cmocka_unit_test(lag_ends_at_the_freeze),
        cmocka_unit_test(window_is_half_open),
        cmocka_unit_test(a_snapshot_overlaps_its_first_window),
        cmocka_unit_test(lower_versions_are_no_news),
        cmocka_unit_test(versions_have_64_bits),
        cmocka_unit_test(a_tombstone_is_not_resurrected),
        cmocka_unit_test(revisions_rise_even_when_the_clock_does_not),
        cmocka_unit_test(a_sweep_finds_what_is_missing),
        cmocka_unit_test(a_429_waits_as_long_as_it_says),
        cmocka_unit_test(a_429_that_says_nothing_backs_off),
        cmocka_unit_test(a_long_retry_after_is_obeyed),
        cmocka_unit_test(an_absurd_retry_after_is_capped),
        cmocka_unit_test(a_source_that_stays_away_is_given_up),
        cmocka_unit_test(a_redirect_is_no_answer),
        cmocka_unit_test(a_cursor_survives_its_text),
        cmocka_unit_test(a_page_without_a_clock_is_refused),
        cmocka_unit_test(records_keep_their_bytes),
        cmocka_unit_test(what_was_said_of_deals_is_remembered),
        cmocka_unit_test(an_association_changes_the_content),
        cmocka_unit_test(hostile_text_is_no_identity),
        cmocka_unit_test(paths_name_pairs_and_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
