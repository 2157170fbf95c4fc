/* The books: what counts, what does not, and what survives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <drover/crypto/crypto.h>

#include "auditor.h"
#include "books_world.h"
#include "conflicts.h"
#include "report.h"
#include "spool.h"

static void put_source(const char *body, uint64_t rev)
{
    struct dr_env env = {.kind = DR_MSG_SOURCE};
    struct dr_buf out;

    env.u.source = (struct dr_source){.object = S("deal"),
                                      .id = S("d1"),
                                      .rev = rev,
                                      .op = DR_SRC_UPSERT,
                                      .origin = DR_ORIGIN_SNAPSHOT,
                                      .body = dr_str_z(body)};
    dr_buf_init(&out, 1 << 16);
    assert_int_equal(dr_wire_pack(&env, &out, NULL), 0);
    books_source(b, &env.u.source, dr_buf_view(&out), 1);
    dr_buf_done(&out);
}

static void test_the_newest_revision_counts(void **state)
{
    const struct dr_source *s;

    (void)state;
    put_source("two", 2);
    assert_int_equal(books_dirty_count(b), 1);
    books_clean(b, S("deal"), S("d1"));
    put_source("one", 1); /* read again after a restart */
    put_source("two", 2);
    assert_int_equal(books_dirty_count(b), 0);
    s = books_get_source(b, S("deal"), S("d1"), a);
    assert_non_null(s);
    assert_true(dr_str_eqz(s->body, "two"));
    put_source("three", 3);
    assert_int_equal(books_dirty_count(b), 1);
}

static struct fact_row fact(void)
{
    struct fact_row f;

    assert_true(books_get_fact(b, S("deal"), S("deal:d1"), a, &f));
    return f;
}

/* A fenced owner's refusal may stand after the DONE of the new one. */
static void test_a_refusal_does_not_undo(void **state)
{
    (void)state;
    put_fact(false, 5, 1, 77, DR_DONE_MERGED);
    put_fact(true, 5, 1, 0, 0);
    assert_false(fact().refused);
    put_fact(true, 4, 1, 0, 0);
    assert_false(fact().refused);
    /* of a later version it counts, and the target is not forgotten, nor
     * that the record was there before */
    put_fact(true, 6, 1, 0, 0);
    assert_true(fact().refused);
    assert_int_equal(fact().dst, 77);
    put_fact(false, 7, 1, 77, DR_DONE_UPDATED);
    assert_false(fact().refused);
    assert_int_equal(fact().origin, DR_DONE_MERGED);
}

/* The first of two steps, or what was found half done, is no content that was
 * wanted: a refusal of the rest is the word about the version. */
static void test_a_refusal_after_half_of_it(void **state)
{
    static const char zeros[32];
    static const struct dr_str contents[] = {{"", 0}, {zeros, 32}};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(contents); i++) {
        struct fact_row f = {.lane = S("deal"),
                             .key = S("deal:d1"),
                             .type = S("deals"),
                             .content_hash = contents[i],
                             .dst = 77,
                             .rev = 7 + i,
                             .pass = 1,
                             .origin = DR_DONE_CREATED};
        books_fact(b, &f);
        assert_false(fact().refused);
        put_fact(true, f.rev, 1, 0, 0);
        assert_true(fact().refused);
        assert_int_equal(fact().dst, 77);
    }
}

/* That somebody deleted it there is not undone by a refusal for which nobody
 * asked the target. */
static void test_what_is_lost_stays_lost(void **state)
{
    struct fact_row f = {.lane = S("deal"),
                         .key = S("deal:d1"),
                         .type = S("deals"),
                         .class = S("gone"),
                         .refused = true,
                         .deleted = FACT_LOST,
                         .rev = 8,
                         .pass = 1};

    (void)state;
    put_fact(false, 7, 1, 77, DR_DONE_CREATED);
    books_fact(b, &f);
    assert_int_equal(fact().deleted, FACT_LOST);
    f.rev = 9;
    f.deleted = FACT_STANDS;
    f.class = S("parent_missing");
    books_fact(b, &f);
    assert_int_equal(fact().deleted, FACT_LOST);
    put_fact(false, 10, 1, 78, DR_DONE_CREATED);
    assert_int_equal(fact().deleted, FACT_STANDS);
}

static void test_what_arrives_is_judged_again(void **state)
{
    (void)state;
    put_source("one", 1);
    books_clean(b, S("deal"), S("d1"));
    put_fact(false, 1, 1, 77, DR_DONE_CREATED);
    assert_int_equal(books_dirty_count(b), 1);
    books_clean(b, S("deal"), S("d1"));
    put_landed("x", 1, 1);
    assert_int_equal(books_dirty_count(b), 1);
}

static void test_positions_survive(void **state)
{
    static const struct dr_fold_place at = {
        .offset = 12, .epoch = 9, .owned = true, .nonce = {7, 0, 3}};
    struct dr_fold_place got;

    (void)state;
    assert_int_equal(books_position(b, S("t"), 3), 0);
    books_begin(b);
    books_set_position(b, S("t"), 3, 41);
    books_set_place(b, S("l"), 0, &at);
    books_commit(b);
    books_begin(b);
    books_set_position(b, S("t"), 3, 99); /* killed before the commit */
    books_close(b);
    b = books_open(path, S("m"));
    assert_int_equal(books_position(b, S("t"), 3), 41);
    books_place(b, S("t"), 3, &got);
    assert_false(got.owned || got.rolled || got.epoch);
    books_place(b, S("l"), 0, &got);
    assert_int_equal(got.offset, 12);
    assert_int_equal(got.epoch, 9);
    assert_true(got.owned && !got.rolled);
    assert_memory_equal(got.nonce, at.nonce, sizeof(got.nonce));
}

static void test_lines_that_are_gone(void **state)
{
    struct record_row r = {.object = S("line_item"),
                           .id = S("l1"),
                           .src_object = S("line_item"),
                           .src_id = S("d1"),
                           .rev = 4,
                           .state = "landed"};
    struct query *q;

    (void)state;
    books_record(b, &r);
    r.id = S("l2");
    r.rev = 5;
    books_record(b, &r);
    books_lines_gone(b, S("d1"), 5); /* a set read again without l1 */
    q = db_query(books_db(b), "SELECT state FROM record ORDER BY id");
    assert_true(db_step(q));
    assert_true(dr_str_eqz(db_col(q, 0), "deleted"));
    assert_true(db_step(q));
    assert_true(dr_str_eqz(db_col(q, 0), "landed"));
    db_end(q);
}

/* Its deal was deleted with it: the auditor says so, and no line of `rejected`
 * does. */
static void test_a_line_that_went_with_its_deal(void **state)
{
    struct auditor au = {.books = b};
    struct reject_filter all = {.object = S("line_item"), .class = S("")};
    struct record_row r = {.object = S("line_item"),
                           .id = S("l9"),
                           .src_object = S("line_item"),
                           .src_id = S("d9"),
                           .rev = 4,
                           .state = "rejected",
                           .rule = S("line_item.deal_gone"),
                           .reason = S("its deal is gone")};
    struct dr_buf next;
    struct spool out;

    (void)state;
    books_record(b, &r);
    for (int i = 0; i < 2; i++) {
        spool_open(&out, &au);
        dr_buf_init(&next, 1 << 10);
        report_rejected(&au, &all, S(""), 10, &out, &next);
        assert_non_null(strstr(out.buf.p, "\"class\":\"deal_gone\""));
        assert_non_null(strstr(out.buf.p, "\"field\":\"deal_id\""));
        assert_non_null(strstr(out.buf.p, "\"cure\":\"delete the line"));
        spool_close(&out);
        dr_buf_done(&next);
        all.class = S("deal_gone"); /* found by it, too */
    }
}

/* So of what became fields of a record that is gone. */
static void test_what_went_with_its_parent(void **state)
{
    struct auditor au = {.books = b};
    struct reject_filter by = {.object = S("co_x"), .class = S("parent_gone")};
    struct record_row r = {.object = S("co_x"),
                           .id = S("x9"),
                           .src_object = S("co_x"),
                           .src_id = S("x9"),
                           .rev = 4,
                           .state = "rejected",
                           .rule = S("custom_object.parent_gone"),
                           .reason = S("its record is gone")};
    struct dr_buf next;
    struct spool out;

    (void)state;
    books_record(b, &r);
    spool_open(&out, &au);
    dr_buf_init(&next, 1 << 10);
    report_rejected(&au, &by, S(""), 10, &out, &next);
    assert_non_null(strstr(out.buf.p, "\"class\":\"parent_gone\""));
    assert_non_null(strstr(out.buf.p, "\"cure\":\"where that was meant"));
    spool_close(&out);
    dr_buf_done(&next);
}

/* A deletion counts for the revision that was approved, and each word about it
 * has the record looked at again. */
static void test_removals(void **state)
{
    struct dr_removal r = {S("deal"), S("d1"), 4};
    struct fact_row f = {.lane = S("deal"),
                         .key = S("deal:d1"),
                         .type = S("deals"),
                         .dst = 30,
                         .rev = 3,
                         .origin = 1};
    struct fact_row got;

    (void)state;
    put_source("x", 4);
    books_fact(b, &f);
    books_clean(b, S("deal"), S("d1"));
    assert_false(books_removal_open(b, S("deal"), S("d1"), 4));
    books_removal(b, &r, 1);
    assert_int_equal(books_dirty_count(b), 1);
    assert_true(books_removal_open(b, S("deal"), S("d1"), 4));
    /* it came back and went again: a new decision is needed */
    assert_false(books_removal_open(b, S("deal"), S("d1"), 5));
    books_clean(b, S("deal"), S("d1"));
    books_fact_deleted(b, S("deal"), S("deal:d1"), 1);
    assert_int_equal(books_dirty_count(b), 1);
    assert_true(books_get_fact(b, S("deal"), S("deal:d1"), a, &got));
    assert_int_equal(got.deleted, 1);
    f.rev = 6; /* made anew */
    f.dst = 31;
    books_fact(b, &f);
    assert_true(books_get_fact(b, S("deal"), S("deal:d1"), a, &got));
    assert_int_equal(got.deleted, 0);
    assert_int_equal(got.dst, 31);
}

static void put_lost(uint64_t rev)
{
    struct fact_row f = {.lane = S("deal"),
                         .key = S("deal:d1"),
                         .class = S("gone"),
                         .refused = true,
                         .deleted = FACT_LOST,
                         .rev = rev,
                         .pass = 1};

    books_fact(b, &f);
}

/* Two were there before; one was created, then deleted by decision. */
static void test_what_stands_in_the_target(void **state)
{
    struct dr_landed l = {.lane = S("deal"),
                          .type = S("deals"),
                          .how = DR_LANDED_BEFORE,
                          .body = S("{}")};
    struct record_row r;
    struct type_counts n;

    (void)state;
    l.dst = 1;
    books_landed(b, &l, 1, 1);
    l.dst = 2;
    books_landed(b, &l, 1, 1);
    put_fact(false, 5, 1, 77, DR_DONE_CREATED);
    n = books_type_counts(b, S("deals"));
    assert_int_equal(n.before, 2);
    assert_int_equal(n.created, 1);
    assert_int_equal(n.gone, 0);
    books_fact_deleted(b, S("deal"), S("deal:d1"), 1);
    assert_int_equal(books_type_counts(b, S("deals")).gone, 1);
    assert_int_equal(books_type_counts(b, S("contacts")).gone, 0);
    put_fact(true, 6, 1, 0, 0); /* its next version is refused: still gone */
    assert_int_equal(books_type_counts(b, S("deals")).gone, 1);
    put_fact(false, 7, 1, 78, DR_DONE_CREATED); /* made anew */
    assert_int_equal(books_type_counts(b, S("deals")).gone, 0);
    db_exec(books_db(b), "INSERT INTO source(object, id, rev, op, ts, dirty)"
                         " VALUES('line_item','d1',1,1,1,0)");
    put_lost(8); /* and deleted there by somebody, with its lines */
    assert_int_equal(books_dirty_count(b), 1);
    assert_int_equal(fact().dst, 78);
    assert_int_equal(fact().deleted, FACT_LOST);
    assert_int_equal(books_type_counts(b, S("deals")).gone, 1);
    put_fact(false, 9, 1, 78, DR_DONE_UPDATED); /* and restored */
    assert_int_equal(books_type_counts(b, S("deals")).gone, 0);
    r = (struct record_row){.object = S("deal"),
                            .id = S("d1"),
                            .src_object = S("deal"),
                            .src_id = S("d1"),
                            .rev = 9,
                            .state = "rejected",
                            .rule = S("gone")};
    books_record(b, &r); /* its lines met nothing there */
    assert_int_equal(books_type_counts(b, S("deals")).gone, 1);
}

/* What hangs on a lead is judged again when it became a contact. */
static void test_a_class_change(void **state)
{
    struct fact_row f = {.lane = S("contact"),
                         .key = S("contact:c1"),
                         .type = S("leads"),
                         .dst = 30,
                         .rev = 3,
                         .origin = 1};

    (void)state;
    put_source("x", 4); /* a deal: hangs on nobody */
    db_exec(books_db(b), "INSERT INTO source"
                         " VALUES(NULL,'note','n1',1,1,1,0)");
    books_fact(b, &f);
    books_clean(b, S("deal"), S("d1"));
    assert_int_equal(books_dirty_count(b), 0);
    f.rev = 4;
    books_fact(b, &f);
    assert_int_equal(books_dirty_count(b), 0);
    f.rev = 5;
    f.type = S("contacts");
    books_fact(b, &f);
    assert_int_equal(books_dirty_count(b), 1);
}

static void test_conflicts(void **state)
{
    struct dr_rejected r = {.object = S("deal"),
                            .id = S("d1"),
                            .field = S("amount"),
                            .class = S("conflict"),
                            .reason = S("first"),
                            .rev = 4,
                            .partial = true};
    struct conflict_row got[2];

    (void)state;
    books_conflict(b, &r, 1);
    r.reason = S("second");
    r.rev = 5;
    books_conflict(b, &r, 2);
    books_conflict(b, &r, 2); /* told again by a loader that was killed */
    r.reason = S("read again");
    r.rev = 4;
    books_conflict(b, &r, 3);
    assert_int_equal(books_get_conflicts(b, S("deal"), S("d1"), a, got, 2), 1);
    assert_true(dr_str_eqz(got[0].field, "amount"));
    assert_true(dr_str_eqz(got[0].class, "conflict"));
    assert_true(dr_str_eqz(got[0].reason, "second"));
    assert_int_equal(books_get_conflicts(b, S("deal"), S("d2"), a, got, 2), 0);
}

/* A later version has its own name, or the same one in a later pass. */
static void test_a_name_that_is_free_again(void **state)
{
    static const struct {
        uint64_t rev;
        uint32_t pass;
        bool refused;
        int64_t listed;
    } next[] = {{4, 2, false, 1},
                {5, 3, true, 1},
                {4, 3, false, 0},
                {5, 2, false, 0},
                {4, 1, false, 1}};
    struct dr_rejected r = {.object = S("company"),
                            .field = S("name"),
                            .class = S("name_taken"),
                            .reason = S("in whatever words"),
                            .rev = 4,
                            .pass = 2,
                            .partial = true};
    struct auditor au = {.books = b, .arena = a};
    char id[2] = "0";

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(next); i++, id[0]++) {
        struct fact_row f = {.lane = S("account"),
                             .key = dr_arena_printf(a, "company:%s", id),
                             .refused = next[i].refused,
                             .rev = next[i].rev,
                             .pass = next[i].pass};
        int64_t before = conflicts_count(&au);

        r.id = dr_str_z(id);
        books_conflict(b, &r, 1);
        assert_int_equal(conflicts_count(&au), before + 1);
        books_fact(b, &f);
        assert_int_equal(conflicts_count(&au), before + next[i].listed);
    }
    /* Taken once more. */
    r.id = S("2");
    r.pass = 3;
    books_conflict(b, &r, 2);
    r.pass = 2; /* read again */
    books_conflict(b, &r, 3);
    assert_int_equal(conflicts_count(&au), 4);
}

static int64_t planned(const char *column, int64_t pass)
{
    char sql[100];
    struct query *q;

    (void)snprintf(sql, sizeof(sql),
                   "SELECT %s FROM planned WHERE lane='deal' AND pass=?1",
                   column);
    q = db_query(books_db(b), sql);
    db_int(q, 1, pass);
    return db_one(q);
}

/* A key is planned once in a pass, however often its record changes. */
static void test_keys_and_load_records(void **state)
{
    (void)state;
    books_planned(b, S("deal"), S("deal:d1"), 1);
    books_planned(b, S("deal"), S("deal:d2"), 1);
    books_planned(b, S("deal"), S("deal:d1"), 1);
    books_planned(b, S("account"), S("deal:d1"), 1);
    assert_int_equal(planned("keys", 1), 2);
    assert_int_equal(planned("n", 1), 3);
    books_planned(b, S("deal"), S("deal:d1"), 2);
    books_planned(b, S("deal"), S("deal:d1"), 1); /* late, of the one before */
    assert_int_equal(planned("keys", 1), 2);
    assert_int_equal(planned("keys", 2), 1);
    assert_int_equal(planned("n", 2), 1);
}

static void test_sizes_of_files(void **state)
{
    const char *sum = "SELECT sum(size) FROM file";

    (void)state;
    books_file(b, S("f1"), 3, 100);
    books_file(b, S("f2"), 3, 10);
    books_file(b, S("f1"), 2, 7); /* older */
    assert_int_equal(db_one(db_query(books_db(b), sum)), 110);
    books_file(b, S("f1"), 4, 1);
    assert_int_equal(db_one(db_query(books_db(b), sum)), 11);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_the_newest_revision_counts),
        T(test_a_line_that_went_with_its_deal),
        T(test_what_went_with_its_parent),
        T(test_a_refusal_does_not_undo),
        T(test_a_refusal_after_half_of_it),
        T(test_what_is_lost_stays_lost),
        T(test_what_arrives_is_judged_again),
        T(test_positions_survive),
        T(test_lines_that_are_gone),
        T(test_removals),
        T(test_conflicts),
        T(test_a_name_that_is_free_again),
        T(test_what_stands_in_the_target),
        T(test_a_class_change),
        T(test_keys_and_load_records),
        T(test_sizes_of_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
