/* The gates: each refuses what is too early, and says what it waits for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gate.h"

static const uint8_t hash[32] = {7};

static struct evidence all_well(void)
{
    struct evidence e = {.books_ready = true,
                         .snapshot_complete = true,
                         .source_catalog = true,
                         .target_catalog = true,
                         .survey_complete = true,
                         .lanes_complete = true,
                         .frozen = true,
                         .drained = true};

    for (int i = 0; i < GATE_LANES; i++) {
        e.lane_fed[i] = true;
    }
    return e;
}

static void test_the_way(void **state)
{
    static const enum step way[] = {STEP_PROPOSE, STEP_APPROVE, STEP_SAMPLE,
                                    STEP_SIGN,    STEP_RUN,     STEP_FREEZE,
                                    STEP_CUTOVER};
    struct evidence e = all_well();
    struct state s = {.seq = 0};
    struct dr_err err;

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(way); i++) {
        assert_int_equal(gate_next(&s), way[i]);
        assert_int_equal(gate_check(&s, &e, way[i], &err), 0);
        gate_take(&s, way[i], hash);
    }
    assert_int_equal(gate_next(&s), STEP_NONE);
    assert_int_equal(s.phase, PHASE_CUTOVER);
    assert_int_equal(s.pass, 2);
    assert_true(s.all);
    assert_memory_equal(s.plan_hash, hash, 32);
}

static void test_no_cutover_before_the_last_links(void **state)
{
    struct evidence e = all_well();
    struct state s = {.phase = PHASE_FREEZE, .has_plan = true};
    struct dr_err err = {0};

    (void)state;
    e.links_open = true;
    assert_int_equal(gate_check(&s, &e, STEP_CUTOVER, &err), -1);
    assert_non_null(strstr(err.text, "links"));
    e.links_open = false;
    assert_int_equal(gate_check(&s, &e, STEP_CUTOVER, &err), 0);
}

/* Nobody has said whether what is gone at the source shall go, and after the
 * cut-over nobody could. */
static void test_no_cutover_over_open_deletions(void **state)
{
    struct evidence e = all_well();
    struct state s = {.phase = PHASE_FREEZE, .has_plan = true};
    struct dr_err err = {0};

    (void)state;
    e.removals = 3;
    assert_int_equal(gate_check(&s, &e, STEP_CUTOVER, &err), -1);
    assert_non_null(strstr(err.text, "3 records"));
    assert_non_null(strstr(err.text, "drover removals approve"));
    assert_non_null(strstr(err.text, "drover cutover --keep-removals`"));
    assert_int_equal(gate_check(&s, &e, STEP_CUTOVER_KEEP, &err), 0);
    e.removals = 1;
    assert_int_equal(gate_check(&s, &e, STEP_CUTOVER, &err), -1);
    assert_non_null(strstr(err.text, "1 record is gone"));
    e.pending = 1; /* to keep them opens nothing else */
    assert_int_equal(gate_check(&s, &e, STEP_CUTOVER_KEEP, &err), -1);
    e.pending = e.removals = 0;
    assert_int_equal(gate_check(&s, &e, STEP_CUTOVER_KEEP, &err), 0);
    gate_take(&s, STEP_CUTOVER_KEEP, NULL);
    assert_int_equal(s.phase, PHASE_CUTOVER);
}

/* No step can be jumped over: from every phase only what may follow does. */
static void test_nothing_is_jumped_over(void **state)
{
    static const struct {
        enum phase phase;
        enum step steps[6]; /* that may be taken, STEP_NONE ends */
    } may[] = {
        {PHASE_AUDIT, {STEP_PROPOSE, STEP_APPROVE, STEP_NONE}},
        {PHASE_PLAN, {STEP_PROPOSE, STEP_APPROVE, STEP_SAMPLE, STEP_NONE}},
        {PHASE_SAMPLE,
         {STEP_PROPOSE, STEP_APPROVE, STEP_SAMPLE, STEP_SIGN, STEP_NONE}},
        {PHASE_SIGNED,
         {STEP_PROPOSE, STEP_APPROVE, STEP_SAMPLE, STEP_RUN, STEP_NONE}},
        {PHASE_RUN,
         {STEP_PROPOSE, STEP_APPROVE, STEP_FREEZE, STEP_REDRIVE, STEP_NONE}},
        {PHASE_FREEZE,
         {STEP_CUTOVER, STEP_CUTOVER_KEEP, STEP_REDRIVE, STEP_NONE}},
        {PHASE_CUTOVER, {STEP_NONE}},
    };
    struct evidence e = all_well();

    (void)state;
    for (size_t p = 0; p < DR_ARRAY_LEN(may); p++) {
        struct state s = {.phase = may[p].phase,
                          .has_plan = may[p].phase >= PHASE_PLAN};
        for (int step = 0; step < STEP_NONE; step++) {
            struct dr_err err = {0};
            bool allowed = false;
            for (int i = 0; i < 6 && may[p].steps[i] != STEP_NONE; i++) {
                allowed |= (int)may[p].steps[i] == step;
            }
            assert_int_equal(gate_check(&s, &e, (enum step)step, &err),
                             allowed ? 0 : -1);
            assert_true(allowed || err.text[0] != '\0');
        }
    }
}

static void refused(const struct state *s, const struct evidence *e,
                    enum step step, const char *word)
{
    struct dr_err err = {0};

    assert_int_equal(gate_check(s, e, step, &err), -1);
    assert_non_null(strstr(err.text, word));
}

/* A sample by the same plan would throw the run back; one by a corrected plan
 * is asked for by the approval. */
static void test_a_run_is_not_thrown_back(void **state)
{
    struct state s = {.phase = PHASE_RUN, .has_plan = true, .pass = 2};
    struct evidence e = all_well();
    struct dr_err err = {0};

    (void)state;
    refused(&s, &e, STEP_SAMPLE, "`drover plan approve`, then a sample");
    assert_int_equal(gate_check(&s, &e, STEP_APPROVE, &err), 0);
    gate_take(&s, STEP_APPROVE, hash);
    refused(&s, &e, STEP_FREEZE, "by the approved plan");
    assert_int_equal(gate_check(&s, &e, STEP_SAMPLE, &err), 0);
    s.phase = PHASE_FREEZE;
    refused(&s, &e, STEP_SAMPLE, "frozen");
}

static void test_says_what_it_waits_for(void **state)
{
    struct state s = {.phase = PHASE_AUDIT};
    struct evidence e = all_well();

    (void)state;
    e.books_ready = false;
    refused(&s, &e, STEP_PROPOSE, "rebuilt");
    e = all_well();
    e.source_catalog = false;
    refused(&s, &e, STEP_PROPOSE, "extractor");
    e = all_well();
    e.target_catalog = false;
    refused(&s, &e, STEP_PROPOSE, "loader");
    e = all_well();
    e.survey_complete = false;
    refused(&s, &e, STEP_PROPOSE, "already");
    e = all_well();
    e.snapshot_complete = false;
    refused(&s, &e, STEP_PROPOSE, "snapshot");
    s.phase = PHASE_PLAN;
    e = all_well();
    refused(&s, &e, STEP_SAMPLE, "approve");
    s.phase = PHASE_SAMPLE;
    e.pending = 3;
    refused(&s, &e, STEP_SIGN, "3 records");
    e.pending = 0;
    e.losses = 2;
    refused(&s, &e, STEP_SIGN, "2 fields");
    e.losses = 0;
    e.lanes_complete = false;
    refused(&s, &e, STEP_SIGN, "being written");
    e.stands_still = "activity";
    refused(&s, &e, STEP_SIGN, "activity stands still");
    s.phase = PHASE_RUN;
    refused(&s, &e, STEP_FREEZE, "activity stands still");
    e.stands_still = NULL;
    refused(&s, &e, STEP_FREEZE, "lane");
    s.phase = PHASE_FREEZE;
    e = all_well();
    e.frozen = false;
    refused(&s, &e, STEP_CUTOVER, "window");
    e.halted = "mass absence";
    refused(&s, &e, STEP_CUTOVER, "mass absence");
    e = all_well();
    e.drained = false;
    refused(&s, &e, STEP_CUTOVER, "on their way");
}

/* The gate names what stands open, and what is to be done about it: that is to
 * wait only where somebody is at it. */
static void test_says_what_stands_open(void **state)
{
    struct state s = {.phase = PHASE_FREEZE, .has_plan = true};
    struct evidence e = all_well();

    (void)state;
    e.drained = false;
    e.attempts = 1;
    e.named[0] = (struct gate_attempt){"account", "company:c:7"};
    refused(&s, &e, STEP_CUTOVER,
            "the outcome of 1 request to Freshsales is not known yet: company "
            "c:7 (account). The loaders look it up: wait");
    e.attempts = 6;
    e.named[1] = (struct gate_attempt){"deal", "deal:2"};
    e.named[2] = (struct gate_attempt){"note", "call:3"};
    refused(&s, &e, STEP_CUTOVER,
            "of 6 requests to Freshsales is not known yet: company c:7 "
            "(account), deal 2 (deal), call 3 (note) and 3 more. The loaders "
            "look them up: wait");
    s.paused = true;
    refused(&s, &e, STEP_CUTOVER,
            "and 3 more. Everything is paused: `drover "
            "resume`");
    s.paused = false;
    e.silent = true;
    refused(&s, &e, STEP_CUTOVER, "and 3 more. No loader runs: start one");
    e.silent = false;
    e.stands_still = "deal_product";
    refused(&s, &e, STEP_CUTOVER,
            "and 3 more. Freshsales forbids the lane "
            "deal_product (403): grant it, then `drover "
            "resume`");
    e.stands_still = NULL;
    e.drained = true;
    refused(&s, &e, STEP_CUTOVER,
            "and 3 more. Nobody is at it any more: "
            "`drover rejected redrive`");
    for (int i = 0; i < GATE_NAMED; i++) {
        memset(e.named[i].key, 'x', GATE_KEY - 1);
    }
    e.stands_still = "deal_product";
    refused(&s, &e, STEP_CUTOVER, "(account) and 5 more. Freshsales");
    refused(&s, &e, STEP_CUTOVER, "`drover resume`");
}

/* Waiting helps only where somebody works. */
static void test_says_to_wait_only_where_it_helps(void **state)
{
    static const struct {
        enum phase phase;
        enum step step;
    } waits[] = {{PHASE_SAMPLE, STEP_SIGN},
                 {PHASE_RUN, STEP_FREEZE},
                 {PHASE_FREEZE, STEP_CUTOVER}};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(waits); i++) {
        struct state s = {.phase = waits[i].phase, .has_plan = true};
        struct evidence e = all_well();
        e.lanes_complete = e.drained = false;
        refused(&s, &e, waits[i].step, "wait");
        e.silent = true;
        refused(&s, &e, waits[i].step, "no loader runs: start one");
        e.stands_still = "activity";
        refused(&s, &e, waits[i].step, "the lane activity stands still");
        s.paused = true;
        refused(&s, &e, waits[i].step, "everything is paused: `drover resume`");
    }
}

/* What was done already is no word for what is missing. */
static void test_says_what_is_done(void **state)
{
    struct state s = {.phase = PHASE_CUTOVER, .has_plan = true};
    struct evidence e = all_well();

    (void)state;
    for (int step = 0; step < STEP_NONE; step++) {
        refused(&s, &e, (enum step)step, "the migration is cut over");
    }
    s.phase = PHASE_RUN;
    refused(&s, &e, STEP_RUN, "started already");
    s.phase = PHASE_FREEZE;
    refused(&s, &e, STEP_RUN, "started already");
    refused(&s, &e, STEP_FREEZE, "frozen already");
    refused(&s, &e, STEP_SIGN, "too late");
    s.phase = PHASE_SAMPLE;
    refused(&s, &e, STEP_RUN, "not signed");
    refused(&s, &e, STEP_CUTOVER, "freeze first");
    refused(&s, &e, STEP_REDRIVE, "only during the full run");
}

/* One lane after the other, those that nothing feeds left out. */
static void test_lanes_open_in_order(void **state)
{
    struct evidence e = all_well();
    struct state s = {.phase = PHASE_RUN, .has_plan = true, .pass = 2};

    (void)state;
    e.lane_fed[1] = false;
    assert_true(gate_open_lane(&s, &e));
    assert_true(s.open[0]);
    assert_false(gate_open_lane(&s, &e));
    e.lane_complete[0] = true;
    assert_true(gate_open_lane(&s, &e));
    assert_false(s.open[1]);
    assert_true(s.open[2]);
    assert_false(gate_open_lane(&s, &e));
    s.paused = true;
    e.lane_complete[2] = true;
    assert_false(gate_open_lane(&s, &e));
    s.paused = false;
    s.phase = PHASE_SIGNED;
    assert_false(gate_open_lane(&s, &e));
}

/* Nothing feeds it by this plan, but the one before did: what is left of that
 * is dealt with in its turn, and the later lanes wait for it. */
static void test_a_lane_of_the_plan_before_opens(void **state)
{
    struct evidence e = all_well();
    struct state s = {.phase = PHASE_RUN, .has_plan = true, .pass = 2};

    (void)state;
    e.lane_fed[0] = e.lane_fed[1] = false;
    e.lane_left[1] = true;
    assert_true(gate_open_lane(&s, &e));
    assert_false(s.open[0]);
    assert_true(s.open[1]);
    assert_false(gate_open_lane(&s, &e));
    e.lane_left[1] = false;
    assert_true(gate_open_lane(&s, &e));
    assert_true(s.open[2]);
}

static void test_a_new_pass_begins_with_closed_lanes(void **state)
{
    struct state s = {.phase = PHASE_RUN, .has_plan = true, .pass = 2};

    (void)state;
    s.open[0] = s.open[3] = true;
    gate_take(&s, STEP_REDRIVE, NULL);
    assert_int_equal(s.pass, 3);
    assert_int_equal(s.phase, PHASE_RUN);
    assert_true(s.all);
    assert_false(s.open[0] || s.open[3]);
    gate_take(&s, STEP_SAMPLE, NULL);
    assert_int_equal(s.pass, 4);
    assert_false(s.all);
}

static void test_names(void **state)
{
    (void)state;
    for (int p = 0; p < PHASES; p++) {
        assert_int_equal(phase_of(phase_name((enum phase)p)), p);
    }
    assert_int_equal(phase_of("surprise"), PHASE_AUDIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_way),
        cmocka_unit_test(test_no_cutover_before_the_last_links),
        cmocka_unit_test(test_nothing_is_jumped_over),
        cmocka_unit_test(test_no_cutover_over_open_deletions),
        cmocka_unit_test(test_a_run_is_not_thrown_back),
        cmocka_unit_test(test_says_what_it_waits_for),
        cmocka_unit_test(test_says_what_stands_open),
        cmocka_unit_test(test_says_to_wait_only_where_it_helps),
        cmocka_unit_test(test_says_what_is_done),
        cmocka_unit_test(test_lanes_open_in_order),
        cmocka_unit_test(test_a_lane_of_the_plan_before_opens),
        cmocka_unit_test(test_a_new_pass_begins_with_closed_lanes),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
