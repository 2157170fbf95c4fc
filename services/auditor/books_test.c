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
#include "conflicts.h"
#include "report.h"
#include "spool.h"

#define S(z) DR_STR_LIT(z)

static char path[64];
static struct books *b;
static struct dr_arena *a;

static int setup(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/drover-books-%d.sqlite",
                   (int)getpid());
    (void)remove(path);
    b = books_open(path, S("m"));
    a = dr_arena_new(1 << 20);
    return 0;
}

static int teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[80];

    (void)state;
    books_close(b);
    dr_arena_free(a);
    for (size_t i = 0; i < DR_ARRAY_LEN(ends); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)remove(name);
    }
    return 0;
}

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

static void put_fact(bool refused, uint64_t rev, uint32_t pass, uint64_t dst,
                     uint32_t origin)
{
    static const char content[32] = "content";
    struct fact_row f = {.lane = S("deal"),
                         .key = S("deal:d1"),
                         .type = S("deals"),
                         .content_hash = {content, sizeof(content)},
                         .refused = refused,
                         .rev = rev,
                         .pass = pass,
                         .dst = dst,
                         .origin = origin};

    books_fact(b, &f);
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

static void put_landed_of(uint64_t rev, const char *body, int64_t updated,
                          int64_t ts)
{
    struct dr_landed l = {.rev = rev,
                          .lane = S("deal"),
                          .key = S("deal:d1"),
                          .type = S("deals"),
                          .dst = 77,
                          .how = DR_LANDED_WALK,
                          .body = dr_str_z(body)};

    books_landed(b, &l, ts, updated);
}

static void put_landed(const char *body, int64_t updated, int64_t ts)
{
    put_landed_of(0, body, updated, ts);
}

/* A page that was asked for before a change may arrive after it. */
static void test_an_older_view_does_not_count(void **state)
{
    struct dr_str body[2];

    (void)state;
    put_landed("new", 20, 5);
    put_landed("old", 10, 6);
    assert_int_equal(books_get_landed(b, S("deals"), 77, S(""), a, body, 2), 1);
    assert_true(dr_str_eqz(body[0], "new"));
    put_landed("newer", 20, 7);
    (void)books_get_landed(b, S("deals"), 77, S(""), a, body, 2);
    assert_true(dr_str_eqz(body[0], "newer"));
}

/* Two lanes write one record within a second, and their answers may be told in
 * any order. */
static void test_each_lane_knows_what_it_wrote(void **state)
{
    static const char *const lanes[] = {"account", "link"};
    struct dr_str body[2];

    (void)state;
    for (int64_t i = 0; i < 2; i++) {
        struct dr_landed l = {.rev = 1,
                              .lane = dr_str_z(lanes[1 - i]),
                              .key = S("company:c1"),
                              .type = S("sales_accounts"),
                              .dst = 78,
                              .how = DR_LANDED_ANSWER,
                              .body = dr_str_z(lanes[1 - i])};
        books_landed(b, &l, 100 + i, 20);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(books_get_landed(b, S("sales_accounts"), 78,
                                          dr_str_z(lanes[i]), a, body, 2),
                         2);
        assert_true(dr_str_eqz(body[0], lanes[i]));
    }
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

/* The newest body, and how many there are. */
static void assert_evidence(const char *body)
{
    struct dr_str got[2];

    assert_int_equal(books_get_landed(b, S("deals"), 77, S(""), a, got, 2), 1);
    assert_true(dr_str_eqz(got[0], body));
}

static void put_done(uint64_t rev, const char *held)
{
    uint8_t hash[DR_SHA256];
    struct fact_row f = {.lane = S("deal"),
                         .key = S("deal:d1"),
                         .type = S("deals"),
                         .landed_hash = {(const char *)hash, sizeof(hash)},
                         .rev = rev,
                         .pass = 1,
                         .dst = 77,
                         .origin = DR_DONE_CREATED};

    dr_sha256(dr_str_z(held), hash);
    books_fact(b, &f);
}

/* A walk shows all that changed, also what people changed since: what the
 * loader found when it said DONE is what it wrote. */
static void test_what_a_walk_shows_later_is_no_evidence(void **state)
{
    (void)state;
    put_landed("ours", 10, 1);
    assert_evidence("ours"); /* nothing better is known */
    put_done(1, "ours");
    put_landed("a person's", 20, 2);
    assert_evidence("ours");
    /* The next version, walked by another loader before its DONE. */
    put_landed("ours again", 30, 3);
    assert_evidence("ours");
    put_done(2, "ours again");
    assert_evidence("ours again");
    put_landed("a person's again", 40, 4);
    assert_evidence("ours again");
    put_done(1, "ours"); /* read again after a restart */
    assert_evidence("ours again");
}

/* Topics are read side by side. */
static void test_evidence_may_arrive_after_its_done(void **state)
{
    (void)state;
    put_done(1, "ours");
    put_landed("a person's", 20, 2);
    put_landed("ours", 10, 1);
    assert_evidence("ours");
    put_fact(true, 2, 1, 0, 0); /* refused: what landed stands */
    put_landed("a person's again", 30, 3);
    assert_evidence("ours");
    put_landed("ours again", 40, 4); /* and both before it */
    put_landed("a person's still", 50, 5);
    put_done(3, "ours again");
    assert_evidence("ours again");
}

/* Two steps: another loader's walk showed the first, our own the second, and
 * all that was read before either DONE. */
static void test_the_first_step_does_not_outlive_the_second(void **state)
{
    (void)state;
    put_landed("working name", 10, 1);
    put_landed_of(1, "name", 20, 2);
    put_done(1, "working name");
    put_done(1, "name");
    assert_evidence("name");
}

/* Times of records are whole seconds: both steps may have the same. */
static void test_two_steps_in_one_second(void **state)
{
    (void)state;
    put_landed("working name", 10, 1);
    put_landed("name", 10, 2);
    put_landed("working name", 10, 3); /* a page that was asked for before */
    put_done(1, "working name");
    put_done(1, "name");
    assert_evidence("name");
    put_landed("working again", 30, 4);
    put_landed_of(2, "name again", 30, 5);
    put_done(2, "working again");
    put_done(2, "name again");
    assert_evidence("name again");
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
        T(test_an_older_view_does_not_count),
        T(test_each_lane_knows_what_it_wrote),
        T(test_what_a_walk_shows_later_is_no_evidence),
        T(test_evidence_may_arrive_after_its_done),
        T(test_the_first_step_does_not_outlive_the_second),
        T(test_two_steps_in_one_second),
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
