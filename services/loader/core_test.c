/* The loader's decisions: route, references, bodies, rows, answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <drover/plan/plan.h>

#include "answer.h"
#include "body.h"
#include "catalog.h"
#include "refs.h"
#include "route.h"
#include "rows.h"
#include "types.h"

static struct dr_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = dr_arena_new((size_t)8 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dr_arena_free(arena);
    return 0;
}

static const struct dr_json *json(const char *text)
{
    const struct dr_json *j = dr_json_parse(arena, dr_str_z(text), NULL, NULL);

    assert_non_null(j);
    return j;
}

/* ---- route ---- */

static struct route routed(enum dr_load_how how, const struct dr_fact *fact,
                           bool alone)
{
    struct dr_load load = {.lane = DR_STR_LIT("deal"),
                           .key = DR_STR_LIT("deal:1"),
                           .rev = 5,
                           .pass = 2,
                           .content_hash = DR_STR_LIT("new"),
                           .op = DR_LOAD_WRITE,
                           .how = how,
                           .dst = 77};
    struct route_case c = {.load = &load, .fact = fact, .alone = alone};
    struct route r;

    route_of(&c, &r);
    return r;
}

static void first_writes_go_as_the_plan_says(void **state)
{
    const struct dr_fact none = {.state = DR_FACT_NONE};
    struct route r;

    (void)state;
    assert_int_equal(routed(DR_HOW_SINGLE, &none, false).way, WAY_CREATE);
    assert_int_equal(routed(DR_HOW_BULK, &none, false).way, WAY_BULK_CREATE);
    assert_int_equal(routed(DR_HOW_BULK, &none, true).way, WAY_CREATE);
    /* of before: in bulk, found by a name */
    assert_int_equal(routed((enum dr_load_how)3, &none, false).way, WAY_CREATE);
    r = routed(DR_HOW_TWO_STEP, &none, false);
    assert_int_equal(r.way, WAY_BULK_CREATE);
    assert_int_equal(r.step, 1);
    r = routed(DR_HOW_MERGE, &none, false);
    assert_int_equal(r.way, WAY_UPDATE);
    assert_int_equal(r.dst, 77);
    assert_true(r.preimage);
    assert_int_equal(r.origin, DR_DONE_MERGED);
}

static void later_writes_go_by_id(void **state)
{
    struct dr_fact f = {.state = DR_FACT_CREATED, .dst = 9, .rev = 5};
    struct route r = routed(DR_HOW_TWO_STEP, &f, false);

    (void)state;
    assert_int_equal(r.way, WAY_BULK_ID);
    assert_int_equal(r.step, 2);
    assert_int_equal(r.dst, 9);
    r = routed(DR_HOW_TWO_STEP, &f, true); /* alone: what refuses it is told */
    assert_int_equal(r.way, WAY_UPDATE);
    assert_int_equal(r.dst, 9);
    f.state = DR_FACT_DONE;
    f.origin = DR_DONE_MERGED;
    r = routed(DR_HOW_TWO_STEP, &f, false);
    assert_int_equal(r.way, WAY_UPDATE);
    assert_true(r.merge && r.preimage);
    f.state = DR_FACT_DELETED; /* of that very version: it stays away */
    f.pass = 2;
    assert_int_equal(routed(DR_HOW_SINGLE, &f, false).way, WAY_SKIP);
    f.pass = 1; /* but what the plan of a newer pass makes of it again */
    assert_int_equal(routed(DR_HOW_SINGLE, &f, false).way, WAY_CREATE);
    f.rev = 4;
    r = routed(DR_HOW_SINGLE, &f, false);
    assert_int_equal(r.way, WAY_CREATE);
    assert_int_equal(r.dst, 0);
}

static void a_removal_is_of_what_stands_there(void **state)
{
    struct dr_load load = {.lane = DR_STR_LIT("deal"),
                           .rev = 5,
                           .op = DR_LOAD_DELETE,
                           .how = DR_HOW_SINGLE};
    struct dr_fact f = {.state = DR_FACT_DONE, .dst = 9, .rev = 4};
    struct route_case c = {.load = &load, .fact = &f};
    struct route r;

    (void)state;
    route_of(&c, &r);
    assert_int_equal(r.way, WAY_DELETE);
    assert_int_equal(r.op, DR_EFFECT_DELETE);
    assert_int_equal(r.dst, 9);
    f.rev = 6; /* restored meanwhile */
    route_of(&c, &r);
    assert_int_equal(r.way, WAY_SKIP);
    f = (struct dr_fact){.state = DR_FACT_DELETED, .dst = 9, .rev = 4};
    route_of(&c, &r);
    assert_int_equal(r.way, WAY_SKIP);
    f = (struct dr_fact){.state = DR_FACT_NONE};
    route_of(&c, &r);
    assert_int_equal(r.way, WAY_SKIP);
}

static void a_lead_becomes_a_contact_once(void **state)
{
    struct dr_load load = {.lane = DR_STR_LIT("contact"),
                           .type = DR_STR_LIT("contacts"),
                           .rev = 5,
                           .op = DR_LOAD_WRITE,
                           .how = DR_HOW_BULK};
    struct dr_fact f = {
        .state = DR_FACT_DONE, .dst = 9, .rev = 4, .type = "leads"};
    struct route_case c = {.load = &load, .fact = &f};
    struct route r;

    (void)state;
    route_of(&c, &r);
    assert_int_equal(r.way, WAY_CONVERT);
    assert_int_equal(r.dst, 9);
    assert_int_equal(r.step, STEP_CONVERT);
    memcpy(f.type, "contacts", sizeof("contacts"));
    route_of(&c, &r);
    assert_int_equal(r.way, WAY_UPDATE);
    load.type = DR_STR_LIT("leads");
    assert_true(conversion_back(&f, &load));
}

static void what_is_covered_is_skipped(void **state)
{
    struct dr_fact f = {.state = DR_FACT_DONE, .dst = 9, .rev = 6};

    (void)state;
    assert_int_equal(routed(DR_HOW_BULK, &f, false).way, WAY_SKIP);
    f = (struct dr_fact){.state = DR_FACT_REFUSED, .rev = 5, .pass = 2};
    assert_int_equal(routed(DR_HOW_BULK, &f, false).way, WAY_SKIP);
    f.pass = 1; /* an older pass refused it: tried again */
    assert_int_equal(routed(DR_HOW_BULK, &f, false).way, WAY_BULK_CREATE);
}

/* ---- references ---- */

static enum refs_verdict resolved(const struct dr_fact facts[3], bool wait,
                                  struct links *links)
{
    const struct dr_ref refs2[2] = {
        {.field = DR_STR_LIT("sales_accounts"),
         .lane = DR_STR_LIT("account"),
         .key = DR_STR_LIT("company:1"),
         .on_miss = DR_MISS_ORPHAN,
         .primary = true},
        {.field = DR_STR_LIT("deal"),
         .lane = DR_STR_LIT("deal"),
         .key = DR_STR_LIT("deal:1"),
         .on_miss = DR_MISS_REJECT},
    };
    struct dr_load load = {.refs = refs2, .ref_count = 2};
    struct refs_case c = {.load = &load, .facts = facts, .may_wait = wait};
    enum refs_verdict v;
    const struct dr_ref *which;

    assert_int_equal(refs_resolve(&c, arena, links, &v, &which), 0);
    return v;
}

static void a_missing_parent_is_waited_for_only_in_the_tail(void **state)
{
    struct dr_fact f[3] = {{.state = DR_FACT_NONE},
                           {.state = DR_FACT_DONE, .dst = 5},
                           {.state = DR_FACT_DONE, .dst = 99}};
    struct links l;

    (void)state;
    assert_int_equal(resolved(f, true, &l), REFS_WAIT);
    assert_int_equal(resolved(f, false, &l), REFS_OK);
    assert_int_equal(l.ref[0], 99);
    assert_int_equal(l.missing, 1);
    assert_int_equal(l.orphaned, 1);
    assert_int_equal(l.ref[1], 5);
}

static void a_refused_parent_is_not_waited_for(void **state)
{
    struct dr_fact f[3] = {{.state = DR_FACT_REFUSED},
                           {.state = DR_FACT_REFUSED},
                           {.state = DR_FACT_DONE, .dst = 99}};
    struct links l;

    (void)state;
    assert_int_equal(resolved(f, true, &l), REFS_REJECT);
    f[1].dst = 4; /* refused, but an older version stands there */
    assert_int_equal(resolved(f, true, &l), REFS_OK);
    assert_int_equal(l.ref[1], 4);
}

static enum refs_verdict on_what(const struct dr_fact facts[4], bool wait,
                                 struct links *links)
{
    const struct dr_ref refs3[3] = {
        {.field = DR_STR_LIT("targetable:Deal"),
         .key = DR_STR_LIT("deal:1"),
         .on_miss = DR_MISS_REJECT},
        {.field = DR_STR_LIT("targetable:Contact"),
         .key = DR_STR_LIT("contact:1"),
         .on_miss = DR_MISS_REJECT},
        {.field = DR_STR_LIT("targetable:SalesAccount"),
         .key = DR_STR_LIT("company:1"),
         .on_miss = DR_MISS_REJECT},
    };
    struct dr_load load = {.refs = refs3, .ref_count = 3};
    struct refs_case c = {.load = &load, .facts = facts, .may_wait = wait};
    enum refs_verdict v;
    const struct dr_ref *which;

    assert_int_equal(refs_resolve(&c, arena, links, &v, &which), 0);
    if (v == REFS_REJECT) {
        assert_true(dr_str_eqz(which->key, "deal:1"));
    }
    return v;
}

static void it_stands_on_the_first_that_is_there(void **state)
{
    struct dr_fact f[4] = {{.state = DR_FACT_DONE, .dst = 1},
                           {.state = DR_FACT_DONE, .dst = 2},
                           {.state = DR_FACT_NONE}};
    struct links l;

    (void)state;
    assert_int_equal(on_what(f, true, &l), REFS_OK);
    assert_int_equal(l.ref[0], 1);
    assert_int_equal(l.ref[1], 0);
    assert_int_equal(l.missing, 0);

    f[0] = (struct dr_fact){.state = DR_FACT_REFUSED};
    assert_int_equal(on_what(f, true, &l), REFS_OK);
    assert_int_equal(l.ref[1], 2);
    assert_int_equal(l.missing, 1); /* the deal may still be cured */

    f[0] = (struct dr_fact){.state = DR_FACT_NONE};
    assert_int_equal(on_what(f, true, &l), REFS_WAIT);
    assert_int_equal(on_what(f, false, &l), REFS_OK);

    f[1] = (struct dr_fact){.state = DR_FACT_REFUSED};
    assert_int_equal(on_what(f, false, &l), REFS_REJECT);
}

static void only_what_hangs_on_it_is_linked_with_a_lead(void **state)
{
    const struct dr_ref refs2[2] = {
        {.field = DR_STR_LIT("contacts_added_list"),
         .key = DR_STR_LIT("contact:1"),
         .on_miss = DR_MISS_DROP},
        {.field = DR_STR_LIT("targetable:Contact"),
         .key = DR_STR_LIT("contact:1"),
         .on_miss = DR_MISS_REJECT},
    };
    struct dr_fact lead = {.state = DR_FACT_DONE, .dst = 7, .type = "leads"};
    struct dr_fact facts[3] = {lead, lead};
    struct dr_load load = {.refs = refs2, .ref_count = 2};
    struct refs_case c = {.load = &load, .facts = facts};
    enum refs_verdict v;
    const struct dr_ref *which;
    struct links l;

    (void)state;
    assert_int_equal(refs_resolve(&c, arena, &l, &v, &which), 0);
    assert_int_equal(v, REFS_OK);
    assert_int_equal(l.ref[0], 0); /* or another contact of that id was it */
    assert_int_equal(l.ref[1], 7);
    assert_int_equal(l.missing, 2);
}

static void fields_are_folded_into_what_is_whole(void **state)
{
    const struct dr_ref into = {.field = DR_STR_LIT("@record"),
                                .key = DR_STR_LIT("deal:1"),
                                .on_miss = DR_MISS_REJECT};
    struct dr_fact facts[2] = {{.state = DR_FACT_CREATED, .dst = 7}};
    struct dr_load load = {.refs = &into, .ref_count = 1};
    struct refs_case c = {.load = &load, .facts = facts, .may_wait = true};
    enum refs_verdict v;
    const struct dr_ref *which;
    struct links l;

    (void)state;
    assert_int_equal(refs_resolve(&c, arena, &l, &v, &which), 0);
    assert_int_equal(v, REFS_WAIT);
    facts[0].state = DR_FACT_DONE;
    assert_int_equal(refs_resolve(&c, arena, &l, &v, &which), 0);
    assert_int_equal(v, REFS_OK);
    assert_int_equal(l.ref[0], 7);
}

/* ---- bodies ---- */

static void bulk_entries_carry_one_identifier(void **state)
{
    struct dr_field fields[] = {{.name = DR_STR_LIT("name"),
                                 .kind = DR_VAL_TEXT,
                                 .value = DR_STR_LIT("A \"B\"")},
                                {.name = DR_STR_LIT("cf_x"),
                                 .kind = DR_VAL_NUMBER,
                                 .value = DR_STR_LIT("1.10")},
                                {.name = DR_STR_LIT("amount"),
                                 .kind = DR_VAL_TEXT,
                                 .value = DR_STR_LIT("10.50")}};
    struct dr_load load = {.how = DR_HOW_TWO_STEP,
                           .working_name = DR_STR_LIT("A [m]"),
                           .fields = fields,
                           .field_count = 3};
    struct links none = {0};
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    body_bulk(&load, &none, 0, NULL, &b);
    assert_string_equal(b.p, "{\"name\":\"A [m]\",\"data\":{\"name\":\"A "
                             "[m]\",\"amount\":\"10.50\",\"custom_field\":{"
                             "\"cf_x\":1.10}}}");
    dr_buf_reset(&b);
    body_bulk(&load, &none, 12, NULL, &b);
    assert_string_equal(b.p, "{\"id\":\"12\",\"data\":{\"name\":\"A "
                             "\\\"B\\\"\",\"amount\":\"10.50\","
                             "\"custom_field\":{\"cf_x\":1.10}}}");
    dr_buf_done(&b);
}

static void a_contact_has_one_primary_account(void **state)
{
    struct dr_ref refs[3] = {
        {.field = DR_STR_LIT("sales_accounts"), .primary = true},
        {.field = DR_STR_LIT("sales_accounts")},
        {.field = DR_STR_LIT("sales_accounts")}};
    struct dr_load load = {.refs = refs, .ref_count = 3};
    uint64_t ids[3] = {0, 7, 7}; /* the primary did not land */
    struct links l = {.ref = ids};
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    body_single(type_of(DR_STR_LIT("contacts")), &load, &l, NULL, &b);
    assert_string_equal(b.p, "{\"contact\":{\"sales_accounts\":[{\"id\":7,"
                             "\"is_primary\":true}]}}");
    dr_buf_done(&b);
}

static void a_deal_loses_contacts_that_are_not_wanted(void **state)
{
    struct dr_ref refs[1] = {{.field = DR_STR_LIT("contacts_added_list")}};
    struct dr_load load = {.refs = refs, .ref_count = 1};
    uint64_t ids[1] = {7};
    struct links l = {.ref = ids};
    struct body_opts o = {.linked = json("[{\"id\":7},{\"id\":8},9]")};
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    body_single(type_of(DR_STR_LIT("deals")), &load, &l, &o, &b);
    assert_string_equal(b.p, "{\"deal\":{\"contacts_added_list\":[7],"
                             "\"contacts_removed_list\":[8,9]}}");
    dr_buf_done(&b);
}

static void merged_records_keep_their_tags(void **state)
{
    struct dr_field f = {.name = DR_STR_LIT("tags"),
                         .kind = DR_VAL_JSON,
                         .value = DR_STR_LIT("[\"a\",\"b\"]")};
    struct dr_load load = {.fields = &f, .field_count = 1};
    struct links l = {0};
    struct tags t = {.now = json("[\"b\",\"mine\"]"), .merged = true};
    struct body_opts o = {.tags = &t};
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    body_single(type_of(DR_STR_LIT("contacts")), &load, &l, &o, &b);
    assert_string_equal(b.p, "{\"contact\":{\"tags\":[\"a\",\"b\",\"mine\"]}}");
    dr_buf_done(&b);
}

/* ---- rows ---- */

static void identity_is_read_by_type(void **state)
{
    const struct type *account = type_of(DR_STR_LIT("sales_accounts"));
    struct dr_buf b;

    (void)state;
    assert_true(dr_str_eqz(
        type_identity(account,
                      json("{\"custom_field\":{\"cf_source_id\":\"12\"}}")),
        "12"));
    assert_true(dr_str_eqz(type_identity(type_of(DR_STR_LIT("contacts")),
                                         json("{\"external_id\":\"x\"}")),
                           "x"));
    assert_int_equal(type_identity(account, json("{\"id\":1}")).n, 0);
    dr_buf_init(&b, 256);
    type_key(account, DR_STR_LIT("unassigned"), &b); /* an id like others */
    assert_string_equal(b.p, "company:unassigned");
    dr_buf_reset(&b);
    type_key(account, DR_STR_LIT(DR_ORPHAN_ID), &b);
    assert_string_equal(b.p, DR_ORPHAN_KEY);
    dr_buf_done(&b);
}

static void a_walk_counts_full_pages(void **state)
{
    struct walk_at w;

    (void)state;
    walk_begin(&w, 137);
    assert_int_equal(w.page, 2);
    walk_page(&w, 98, 4); /* a short page in between counts as full */
    assert_false(w.end);
    assert_int_equal(w.page, 3);
    walk_page(&w, 100, 4);
    walk_page(&w, 12, 4);
    assert_true(w.end);
    assert_int_equal(w.rows, 312);
    walk_begin(&w, 200);
    walk_page(&w, 0, -1); /* nothing new: the position stands */
    assert_true(w.end);
    assert_int_equal(w.rows, 200);
}

static void rows_are_compared_by_identity_then_content(void **state)
{
    struct dr_field f = {.name = DR_STR_LIT("city"),
                         .kind = DR_VAL_TEXT,
                         .value = DR_STR_LIT("Rome")};
    struct dr_load load = {.key = DR_STR_LIT("company:12"),
                           .type = DR_STR_LIT("sales_accounts"),
                           .working_name = DR_STR_LIT("w"),
                           .fields = &f,
                           .field_count = 1};
    struct links l = {0};
    struct row_case c = {
        .type = type_of(load.type), .load = &load, .links = &l};
    const struct dr_json *row = json("{\"id\":5,\"name\":\"n\",\"city\":"
                                     "\"Bonn\",\"custom_field\":{"
                                     "\"cf_source_id\":\"12\"}}");

    (void)state;
    assert_int_equal(row_matches(&c, row, arena), ROW_SAME);
    c.content = true;
    assert_int_equal(row_matches(&c, row, arena), ROW_OLDER);
    c.step = 1;
    assert_int_equal(row_matches(&c, row, arena), ROW_OLDER);
    c.dst = 6;
    assert_int_equal(row_matches(&c, row, arena), ROW_OTHER);
}

static void line_sets_are_compared_whole(void **state)
{
    struct dr_field q = {.name = DR_STR_LIT("quantity"),
                         .kind = DR_VAL_NUMBER,
                         .value = DR_STR_LIT("2.0")};
    struct dr_line lines[2] = {{.fields = &q, .field_count = 1},
                               {.fields = &q, .field_count = 1}};
    struct dr_load load = {.lines = lines, .line_count = 2};
    uint64_t ids[2] = {4, 4};
    struct links l = {.line = ids};

    (void)state;
    assert_true(
        row_has_lines(&load, &l,
                      json("{\"products\":[{\"product_id\":4,\"quantity\":2},"
                           "{\"product_id\":4,\"quantity\":2}]}")));
    assert_false(row_has_lines(
        &load, &l, json("{\"products\":[{\"product_id\":4,\"quantity\":2}]}")));
    assert_false(
        row_has_lines(&load, &l,
                      json("{\"products\":[{\"product_id\":4,\"quantity\":2},"
                           "{\"product_id\":4,\"quantity\":3}]}")));
    assert_true(
        row_amount_is(json("{\"amount\":\"10.50\"}"), DR_STR_LIT("10.5")));
    assert_false(row_amount_is(json("{\"amount\":null}"), DR_STR_LIT("0")));
}

static void jobs_end_by_progress_or_word(void **state)
{
    struct job_state j;
    const struct dr_json *message;

    (void)state;
    job_read(json("{\"status\":\"in_progress\",\"progress\":40}"), arena, &j);
    assert_false(j.terminal);
    job_read(json("{\"status\":\"done, they say\",\"progress\":40}"), arena,
             &j);
    assert_true(j.terminal);
    job_read(json("{\"status\":\"completed\",\"progress\":100,\"data\":"
                  "\"{\\\"failed\\\":[{\\\"index\\\":3,\\\"message\\\":["
                  "\\\"bad\\\"]}]}\"}"),
             arena, &j);
    assert_true(job_failure(&j, 3, &message));
    assert_false(job_failure(&j, 2, &message));
}

/* ---- answers ---- */

static enum outcome outcome(enum dr_http_outcome o, int status, bool parsed)
{
    struct dr_http_answer a = {.outcome = o, .status = status, .date_ms = -1};

    return answer_outcome(&a, parsed);
}

static void only_certainty_is_taken_for_certain(void **state)
{
    (void)state;
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 200, true), OUT_SUCCESS);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 201, true), OUT_SUCCESS);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 200, false), OUT_UNSETTLED);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 302, false), OUT_UNSETTLED);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 408, true), OUT_UNSETTLED);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 418, true), OUT_UNSETTLED);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 400, true), OUT_AMBIGUOUS);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 422, true), OUT_AMBIGUOUS);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 404, true), OUT_REFUSED);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 401, true), OUT_FORBIDDEN);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 429, true), OUT_THROTTLED);
    assert_int_equal(outcome(DR_HTTP_ANSWERED, 503, false), OUT_LOOK);
    assert_int_equal(outcome(DR_HTTP_UNSETTLED, 0, false), OUT_UNSETTLED);
    assert_int_equal(outcome(DR_HTTP_NOT_SENT, 0, false), OUT_NOT_SENT);
}

static void messages_are_found_in_every_shape(void **state)
{
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"{\"errors\":{\"code\":400,\"message\":[\"a\",\"b\"]}}", "a; b"},
        {"{\"errors\":{\"message\":\"one\"}}", "one"},
        {"{\"message\":\"flat\"}", "flat"},
        {"{\"description\":\"d\",\"errors\":[\"x\"]}", "x"},
        {"{\"login\":\"failed\"}", "HTTP 400"},
        {"[]", "HTTP 400"},
        {"{\"message\":\"a\\nb\"}", "a b"},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_buf b;
        dr_buf_init(&b, 4096);
        answer_message(json(cases[i].body), 400, &b);
        assert_string_equal(b.p, cases[i].words);
        dr_buf_done(&b);
    }
}

/* Only words that were seen, and only of the name. */
static void a_taken_name_is_told_by_its_words(void **state)
{
    static const char *const cases[] = {
        "{\"errors\":{\"message\":[\"x\",\"Name has already been taken\"]}}",
        "{\"errors\":[\"name is not unique\"],\"error_code\":3002}",
        "{\"message\":\"Name has already been taken.\"}",
        "{\"errors\":{\"message\":[\"cf_vat is not unique\"]}}", /* no more */
        "{\"errors\":{\"message\":[\"Name is too long\",7,null,[]]}}",
        "{\"error_code\":3002}",
    };

    (void)state;
    assert_true(
        answer_taken(json("{\"message\":\"Email is not unique\"}"), "email"));
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        assert_int_equal(answer_taken(json(cases[i]), "name"), i < 3);
    }
}

static void the_reset_header_is_read_in_both_forms(void **state)
{
    struct dr_http_answer a = {.date_ms =
                                   1392393600000}; /* 14 Feb 2014 16:00 */

    (void)state;
    memcpy(a.reset, "140214160130", 13);
    assert_int_equal(answer_reset_ms(&a, 0), 90000);
    memcpy(a.reset, "140214180130", 13); /* two hours east */
    assert_int_equal(answer_reset_ms(&a, 0), 90000);
    memcpy(a.reset, "140214090130", 13); /* seven hours west */
    assert_int_equal(answer_reset_ms(&a, 0), 90000);
    memcpy(a.reset, "140214155958", 13); /* just over */
    assert_int_equal(answer_reset_ms(&a, 0), 0);
    memcpy(a.reset, "1392393605", 11);
    assert_int_equal(answer_reset_ms(&a, 0), 5000);
    memcpy(a.reset, "1302141600xx", 13);
    assert_int_equal(answer_reset_ms(&a, 0), -1);
}

static void views_fall_back_to_their_parts(void **state)
{
    const struct type *deals = type_of(DR_STR_LIT("deals"));
    int64_t ids[TYPE_VIEWS];

    (void)state;
    assert_int_equal(
        catalog_views(deals,
                      json("{\"deals\":[{\"id\":1,\"name\":\"Won Deals\"},"
                           "{\"id\":2,\"name\":\"Open Deals\"},{\"id\":3,"
                           "\"name\":\"Lost Deals\"}]}"),
                      ids),
        3);
    assert_int_equal(ids[0], 2);
    assert_int_equal(
        catalog_views(deals,
                      json("{\"deals\":[{\"id\":1,\"name\":\"Won Deals\"},"
                           "{\"id\":9,\"name\":\"all deals\"}]}"),
                      ids),
        1);
    assert_int_equal(ids[0], 9);
}

/* Twenty batches whose jobs are not done yet, all asked at once. */
static void test_one_slow_job_is_not_twenty(void **state)
{
    int64_t job_ms = 300, accepted_ms = 0, now_ms = 400;

    (void)state;
    for (int i = 0; i < 20; i++) {
        job_ms = job_longer(job_ms, now_ms - accepted_ms);
        accepted_ms = now_ms; /* as confirm.c does */
    }
    assert_int_equal(job_ms, 451);
    for (int i = 0; i < 100; i++) {
        now_ms += job_ms;
        job_ms = job_longer(job_ms, now_ms - accepted_ms);
        accepted_ms = now_ms;
    }
    assert_int_equal(job_ms, 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_writes_go_as_the_plan_says),
        cmocka_unit_test(later_writes_go_by_id),
        cmocka_unit_test(a_removal_is_of_what_stands_there),
        cmocka_unit_test(a_lead_becomes_a_contact_once),
        cmocka_unit_test(what_is_covered_is_skipped),
        cmocka_unit_test(a_missing_parent_is_waited_for_only_in_the_tail),
        cmocka_unit_test(a_refused_parent_is_not_waited_for),
        cmocka_unit_test(it_stands_on_the_first_that_is_there),
        cmocka_unit_test(fields_are_folded_into_what_is_whole),
        cmocka_unit_test(only_what_hangs_on_it_is_linked_with_a_lead),
        cmocka_unit_test(bulk_entries_carry_one_identifier),
        cmocka_unit_test(a_contact_has_one_primary_account),
        cmocka_unit_test(a_deal_loses_contacts_that_are_not_wanted),
        cmocka_unit_test(merged_records_keep_their_tags),
        cmocka_unit_test(identity_is_read_by_type),
        cmocka_unit_test(a_walk_counts_full_pages),
        cmocka_unit_test(rows_are_compared_by_identity_then_content),
        cmocka_unit_test(line_sets_are_compared_whole),
        cmocka_unit_test(jobs_end_by_progress_or_word),
        cmocka_unit_test(only_certainty_is_taken_for_certain),
        cmocka_unit_test(messages_are_found_in_every_shape),
        cmocka_unit_test(a_taken_name_is_told_by_its_words),
        cmocka_unit_test(the_reset_header_is_read_in_both_forms),
        cmocka_unit_test(views_fall_back_to_their_parts),
        cmocka_unit_test(test_one_slow_job_is_not_twenty),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
