/* The fold's rules, one test each (effects protocol 4, 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/ledger/ledger.h>

static const char nonce_a[] = "aaaaaaaaaaaaaaaa";
static const char nonce_b[] = "bbbbbbbbbbbbbbbb";
static const char job_1[] = "1111111111111111";

static struct dr_str s16(const char *p)
{
    return (struct dr_str){p, 16};
}

static struct dr_folded put(struct dr_fold *f, const struct dr_env *env)
{
    struct dr_folded out;

    dr_fold_accept(f, env, dr_fold_offset(f) + 1, &out);
    return out;
}

static enum dr_fold_what owner(struct dr_fold *f, uint64_t e, const char *n)
{
    struct dr_env env = {.kind = DR_MSG_OWNER};

    env.u.owner = (struct dr_owner){.epoch = e, .nonce = s16(n)};
    return put(f, &env).what;
}

static enum dr_fold_what intent(struct dr_fold *f, uint64_t e, const char *n,
                                const char *key, uint64_t rev, uint32_t attempt,
                                uint32_t step)
{
    struct dr_env env = {.kind = DR_MSG_INTENT};
    struct dr_intent_item item = {.key = dr_str_z(key),
                                  .rev = rev,
                                  .attempt = attempt,
                                  .pass = 1,
                                  .step = step,
                                  .op = DR_EFFECT_CREATE};

    env.u.intent = (struct dr_intent){
        .epoch = e, .nonce = s16(n), .items = &item, .item_count = 1};
    return put(f, &env).what;
}

static struct dr_folded done(struct dr_fold *f, const char *key, uint64_t rev,
                             uint64_t dst, uint64_t first, uint32_t step)
{
    struct dr_env env = {.kind = DR_MSG_DONE};

    env.u.done = (struct dr_done){.key = dr_str_z(key),
                                  .rev = rev,
                                  .dst = dst,
                                  .first_dst = first,
                                  .pass = 1,
                                  .step = step};
    return put(f, &env);
}

static struct dr_folded refused(struct dr_fold *f, uint64_t e, const char *n,
                                const char *key, uint32_t attempt, bool final)
{
    struct dr_env env = {.kind = DR_MSG_REFUSED};

    env.u.refused = (struct dr_refused){.key = dr_str_z(key),
                                        .epoch = e,
                                        .nonce = s16(n),
                                        .attempt = attempt,
                                        .rev = 1,
                                        .pass = 1,
                                        .final = final};
    return put(f, &env);
}

static bool open_key(const struct dr_fold *f, const char *key)
{
    return dr_fold_unsettled(f, dr_str_z(key)) != NULL;
}

static void ownership_is_stolen_by_a_higher_epoch_only(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();

    (void)state;
    assert_int_equal(owner(f, 1, nonce_a), DR_FOLD_OWNER);
    assert_int_equal(owner(f, 1, nonce_b), DR_FOLD_IGNORED);
    assert_true(dr_fold_owned_by(f, 1, (const uint8_t *)nonce_a));
    assert_int_equal(owner(f, 2, nonce_b), DR_FOLD_OWNER);
    assert_false(dr_fold_owned_by(f, 1, (const uint8_t *)nonce_a));
    assert_true(dr_fold_owned_by(f, 2, (const uint8_t *)nonce_b));
}

static void a_zombies_intent_is_ignored(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();

    (void)state;
    assert_int_equal(intent(f, 1, nonce_a, "k", 1, 1, 0), DR_FOLD_IGNORED);
    (void)owner(f, 1, nonce_a);
    (void)owner(f, 2, nonce_b);
    assert_int_equal(intent(f, 1, nonce_a, "k", 1, 1, 0), DR_FOLD_IGNORED);
    assert_int_equal(intent(f, 2, nonce_a, "k", 1, 1, 0), DR_FOLD_IGNORED);
    assert_false(open_key(f, "k"));
    assert_int_equal(intent(f, 2, nonce_b, "k", 1, 1, 0), DR_FOLD_INTENT);
    assert_true(open_key(f, "k"));
}

static void refused_names_its_attempt(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();

    (void)state;
    (void)owner(f, 1, nonce_a);
    (void)intent(f, 1, nonce_a, "k", 1, 7, 0);
    (void)owner(f, 2, nonce_b);
    (void)intent(f, 2, nonce_b, "k", 1, 7, 0);
    assert_int_equal(refused(f, 1, nonce_a, "k", 7, true).what,
                     DR_FOLD_IGNORED);
    assert_int_equal(refused(f, 2, nonce_b, "k", 6, true).what,
                     DR_FOLD_IGNORED);
    assert_true(open_key(f, "k"));
    assert_int_equal(refused(f, 2, nonce_b, "k", 7, false).what,
                     DR_FOLD_SETTLED);
    assert_false(open_key(f, "k"));
    (void)intent(f, 2, nonce_b, "k", 1, 8, 0);
    assert_int_equal(refused(f, 2, nonce_b, "k", 8, true).fact.state,
                     DR_LEDGER_REFUSED);
}

static void a_refusal_before_any_send_needs_the_owner(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();

    (void)state;
    (void)owner(f, 3, nonce_a);
    assert_int_equal(refused(f, 2, nonce_b, "k", 0, true).what,
                     DR_FOLD_IGNORED);
    assert_int_equal(refused(f, 3, nonce_a, "k", 0, true).what, DR_FOLD_FACT);
    (void)intent(f, 3, nonce_a, "k", 1, 1, 0);
    assert_int_equal(refused(f, 3, nonce_a, "k", 0, true).what,
                     DR_FOLD_IGNORED);
}

static void done_always_counts_and_fixes_the_first_dst(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();
    struct dr_folded r;

    (void)state;
    (void)owner(f, 1, nonce_a);
    (void)intent(f, 1, nonce_a, "k", 2, 1, 0);
    r = done(f, "k", 1, 50, 0, 0);
    assert_int_equal(r.what, DR_FOLD_FACT);
    assert_int_equal(r.fact.dst, 50);
    assert_true(open_key(f, "k")); /* version 2 is still open */
    (void)owner(f, 2, nonce_b);
    r = done(f, "k", 2, 51, 50, 0);
    assert_int_equal(r.fact.dst, 50);
    assert_false(open_key(f, "k"));
}

static void step_one_does_not_settle_step_two(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();

    (void)state;
    (void)owner(f, 1, nonce_a);
    (void)intent(f, 1, nonce_a, "k", 1, 1, 1);
    assert_int_equal(done(f, "k", 1, 9, 9, 1).fact.state, DR_LEDGER_CREATED);
    assert_false(open_key(f, "k"));
    (void)intent(f, 1, nonce_a, "k", 1, 2, 2);
    (void)done(f, "k", 1, 9, 9, 1);
    assert_true(open_key(f, "k"));
    assert_int_equal(done(f, "k", 1, 9, 9, 2).fact.state, DR_LEDGER_DONE);
    assert_false(open_key(f, "k"));
}

static void roll_ends_loading(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();
    struct dr_env env = {.kind = DR_MSG_ROLL};

    (void)state;
    (void)owner(f, 1, nonce_a);
    env.u.roll = (struct dr_roll){.epoch = 1, .nonce = s16(nonce_b)};
    assert_int_equal(put(f, &env).what, DR_FOLD_IGNORED);
    assert_false(dr_fold_rolled(f));
    env.u.roll.epoch = 2;
    assert_int_equal(put(f, &env).what, DR_FOLD_ROLL);
    assert_true(dr_fold_rolled(f));
    assert_int_equal(intent(f, 1, nonce_a, "k", 1, 1, 0), DR_FOLD_IGNORED);
    (void)owner(f, 3, nonce_a);
    assert_false(dr_fold_owned_by(f, 3, (const uint8_t *)nonce_a));
}

static void in_mid_log_every_intent_counts(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_resume(5);

    (void)state;
    assert_int_equal(owner(f, 5, nonce_b), DR_FOLD_IGNORED);
    assert_int_equal(intent(f, 4, nonce_a, "k", 1, 1, 0), DR_FOLD_INTENT);
    assert_int_equal(dr_fold_oldest(f), 1);
    assert_int_equal(owner(f, 6, nonce_b), DR_FOLD_OWNER);
    assert_int_equal(intent(f, 5, nonce_a, "j", 1, 1, 0), DR_FOLD_IGNORED);
    assert_true(open_key(f, "k"));
}

/* Whoever reads the log again from where an open INTENT holds it back. */
static void a_zombies_intent_is_ignored_after_a_restart(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();
    DR_AUTO(dr_fold) struct dr_fold *again = NULL;
    struct dr_fold_place place;

    (void)state;
    (void)owner(f, 1, nonce_a);
    (void)owner(f, 2, nonce_b);
    (void)intent(f, 2, nonce_b, "j", 1, 1, 0);
    (void)intent(f, 1, nonce_a, "k", 1, 1, 0);
    (void)owner(f, 3, nonce_a);
    dr_fold_place(f, &place);
    assert_int_equal(place.offset, 2);
    again = dr_fold_resume_at(&place);
    assert_true(dr_fold_owned_by(again, 2, (const uint8_t *)nonce_b));
    assert_int_equal(intent(again, 2, nonce_b, "j", 1, 1, 0), DR_FOLD_INTENT);
    assert_int_equal(intent(again, 1, nonce_a, "k", 1, 1, 0), DR_FOLD_IGNORED);
    assert_int_equal(owner(again, 3, nonce_a), DR_FOLD_OWNER);
    (void)done(again, "j", 1, 77, 0, 0);
    assert_int_equal(dr_fold_unsettled_count(again), 0);
}

/* With nothing open it is taken up behind the last record. */
static void a_place_says_who_owns_it(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();
    DR_AUTO(dr_fold) struct dr_fold *owned = NULL;
    DR_AUTO(dr_fold) struct dr_fold *rolled = NULL;
    struct dr_env env = {.kind = DR_MSG_ROLL};
    struct dr_fold_place place;

    (void)state;
    dr_fold_place(f, &place);
    assert_int_equal(place.offset, 0);
    assert_int_equal(place.epoch, 0);
    (void)owner(f, 1, nonce_a);
    (void)owner(f, 2, nonce_b);
    dr_fold_place(f, &place);
    assert_int_equal(place.offset, 2);
    owned = dr_fold_resume_at(&place);
    assert_int_equal(intent(owned, 1, nonce_a, "k", 1, 1, 0), DR_FOLD_IGNORED);
    assert_int_equal(intent(owned, 2, nonce_b, "k", 1, 1, 0), DR_FOLD_INTENT);
    env.u.roll = (struct dr_roll){.epoch = 3, .nonce = s16(nonce_a)};
    assert_int_equal(put(f, &env).what, DR_FOLD_ROLL);
    dr_fold_place(f, &place);
    rolled = dr_fold_resume_at(&place);
    assert_true(dr_fold_rolled(rolled));
    assert_int_equal(intent(rolled, 3, nonce_a, "k", 1, 1, 0), DR_FOLD_IGNORED);
}

static void a_job_keeps_its_address_while_it_is_open(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();
    struct dr_intent_item items[2] = {{.key = DR_STR_LIT("a"), .attempt = 1},
                                      {.key = DR_STR_LIT("b"), .attempt = 1}};
    struct dr_env env = {.kind = DR_MSG_INTENT};

    (void)state;
    (void)owner(f, 1, nonce_a);
    env.u.intent = (struct dr_intent){.epoch = 1,
                                      .nonce = s16(nonce_a),
                                      .job_nonce = s16(job_1),
                                      .items = items,
                                      .item_count = 2};
    assert_int_equal(put(f, &env).what, DR_FOLD_INTENT);
    env = (struct dr_env){.kind = DR_MSG_JOB};
    env.u.job = (struct dr_job){.job_nonce = s16(job_1),
                                .status_url = DR_STR_LIT("http://x/1")};
    assert_int_equal(put(f, &env).what, DR_FOLD_JOB);
    (void)done(f, "a", 0, 1, 0, 0);
    assert_false(open_key(f, "a"));
    assert_true(open_key(f, "b"));
    assert_true(
        dr_str_eqz(dr_fold_job_url(f, dr_fold_unsettled(f, DR_STR_LIT("b"))),
                   "http://x/1"));
    env.u.job.job_nonce = s16(nonce_b);
    assert_int_equal(put(f, &env).what, DR_FOLD_IGNORED);
}

static void reading_again_is_harmless(void **state)
{
    DR_AUTO(dr_fold) struct dr_fold *f = dr_fold_new();
    struct dr_env env = {.kind = DR_MSG_OWNER};
    struct dr_folded out;

    (void)state;
    (void)owner(f, 1, nonce_a);
    env.u.owner = (struct dr_owner){.epoch = 9, .nonce = s16(nonce_b)};
    dr_fold_accept(f, &env, 0, &out);
    assert_int_equal(out.what, DR_FOLD_IGNORED);
    assert_int_equal(dr_fold_epoch(f), 1);
}

static void absence_proves_nothing_before_the_quarantine(void **state)
{
    struct dr_settle_case c = {.op = DR_EFFECT_CREATE,
                               .found = DR_FOUND_NOTHING,
                               .waited_ms = 10,
                               .quarantine_ms = 100};

    (void)state;
    assert_int_equal(dr_settle_decide(&c), DR_SETTLE_WAIT);
    c.waited_ms = 100;
    assert_int_equal(dr_settle_decide(&c), DR_SETTLE_RETRY);
    c.waited_ms = 0;
    c.found = DR_FOUND_SAME;
    assert_int_equal(dr_settle_decide(&c), DR_SETTLE_DONE);
    c.found = DR_FOUND_NOT_LOOKED;
    assert_int_equal(dr_settle_decide(&c), DR_SETTLE_WAIT);
    c.unique = true;
    assert_int_equal(dr_settle_decide(&c), DR_SETTLE_LOOK);
    c.op = DR_EFFECT_UPDATE; /* never for updates */
    assert_int_equal(dr_settle_decide(&c), DR_SETTLE_WAIT);
    c.whole_5xx = true;
    assert_int_equal(dr_settle_decide(&c), DR_SETTLE_LOOK);
}

static void facts_cover_what_they_say(void **state)
{
    struct dr_ledger_fact f = {.state = DR_LEDGER_DONE,
                               .rev = 5,
                               .pass = 1,
                               .content_hash = DR_STR_LIT("h")};

    (void)state;
    assert_true(dr_fact_covers(&f, 5, 1, DR_STR_LIT("h"), 0));
    assert_true(dr_fact_covers(&f, 6, 2, DR_STR_LIT("h"), 0));
    assert_true(dr_fact_covers(&f, 4, 1, DR_STR_LIT("x"), 0));
    assert_false(dr_fact_covers(&f, 5, 1, DR_STR_LIT("x"), 0));
    f.state = DR_LEDGER_REFUSED;
    assert_true(dr_fact_covers(&f, 5, 1, DR_STR_LIT("h"), 0));
    assert_false(dr_fact_covers(&f, 5, 2, DR_STR_LIT("h"), 0));
    assert_false(dr_fact_covers(&f, 6, 1, DR_STR_LIT("h"), 0));
}

/* Without some of its links a record is done until one of them can be made. */
static void what_landed_without_a_link_is_tried_again(void **state)
{
    uint8_t hash[32] = {1, 2, 3}, loose[32] = {1, 2, 3};
    struct dr_str whole = {(const char *)hash, 32};
    struct dr_ledger_fact f = {.state = DR_LEDGER_DONE,
                               .rev = 5,
                               .pass = 2,
                               .content_hash = {(const char *)loose, 32}};
    size_t missing = 9;

    (void)state;
    assert_int_equal(dr_content_of(f.content_hash, whole, &missing),
                     DR_CONTENT_WHOLE);
    assert_int_equal(missing, 0);
    assert_true(dr_fact_covers(&f, 5, 3, whole, 0));
    assert_true(dr_fact_covers(&f, 5, 2, whole, 1)); /* ended since it landed */
    assert_false(dr_fact_covers(&f, 5, 3, whole, 1));
    dr_content_loosen(loose, 2);
    assert_int_equal(dr_content_of(f.content_hash, whole, &missing),
                     DR_CONTENT_LOOSE);
    assert_int_equal(missing, 2);
    assert_true(dr_fact_covers(&f, 5, 2, whole, 1));
    assert_true(dr_fact_covers(&f, 6, 2, whole, 1)); /* read again, the same */
    assert_true(dr_fact_covers(&f, 5, 3, whole, 2)); /* nothing came */
    assert_false(dr_fact_covers(&f, 5, 3, whole, 1));
    assert_false(dr_fact_covers(&f, 5, 3, whole, 0));
    dr_content_loosen(loose, 2);
    dr_content_loosen(loose, 100000); /* as many as can be told */
    assert_true(dr_fact_covers(&f, 5, 3, whole, 5000));
    assert_false(dr_fact_covers(&f, 5, 3, whole, 126));
    hash[0] = 9;
    assert_int_equal(dr_content_of(f.content_hash, whole, NULL),
                     DR_CONTENT_OTHER);
    assert_false(dr_fact_covers(&f, 5, 2, whole, 0));
}

/* In its other form it is done, until a later pass asks for its own. */
static void what_is_in_its_other_form_is_tried_again(void **state)
{
    uint8_t hash[32] = {1, 2, 3}, done[32] = {1, 2, 3};
    struct dr_str whole = {(const char *)hash, 32};
    struct dr_ledger_fact f = {.state = DR_LEDGER_DONE,
                               .rev = 5,
                               .pass = 2,
                               .content_hash = {(const char *)done, 32}};
    size_t missing = 9;

    (void)state;
    assert_false(dr_content_is_other_form(f.content_hash, whole));
    dr_content_in_other_form(done);
    assert_true(dr_content_is_other_form(f.content_hash, whole));
    assert_int_equal(dr_content_of(f.content_hash, whole, &missing),
                     DR_CONTENT_LOOSE);
    assert_int_equal(missing, 0); /* no link */
    assert_true(dr_fact_covers(&f, 6, 2, whole, 0));
    assert_false(dr_fact_covers(&f, 5, 3, whole, 0));
    dr_content_loosen(done, 300);
    assert_true(dr_content_is_other_form(f.content_hash, whole));
    (void)dr_content_of(f.content_hash, whole, &missing);
    assert_int_equal(missing, 127);
    hash[0] = 9;
    assert_false(dr_content_is_other_form(f.content_hash, whole));
}

static struct dr_str committed(const struct dr_commits *c)
{
    return (struct dr_str){(const char *)c->bytes, c->n};
}

static void what_a_field_was_left_at(void **state)
{
    struct dr_commits c = {.n = 0}, again = {.n = 0};
    struct dr_str city = DR_STR_LIT("city"), name = DR_STR_LIT("name");
    struct dr_str rome = DR_STR_LIT("Rome"), none = DR_STR_LIT("");

    (void)state;
    dr_commit(&c, city, rome);
    dr_commit(&c, city, none);
    dr_commit(&c, city, rome);
    assert_int_equal(c.n, 2 * DR_COMMIT);
    assert_true(dr_committed(committed(&c), city));
    assert_false(dr_committed(committed(&c), name));
    assert_true(dr_committed_as(committed(&c), city, rome));
    assert_true(dr_committed_as(committed(&c), city, none));
    assert_false(
        dr_committed_as(committed(&c), city, DR_STR_LIT("Rome, Georgia")));
    assert_false(dr_committed_as(committed(&c), name, rome));
    dr_commit_again(&again, committed(&c), name);
    assert_int_equal(again.n, 0);
    dr_commit_again(&again, committed(&c), city);
    assert_memory_equal(again.bytes, c.bytes, 2 * DR_COMMIT);
    for (int i = 0; i < 100; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "f%d", i);
        assert_int_equal(dr_commits_full(committed(&c)), i >= 62);
        dr_commit(&c, dr_str_z(text), rome);
    }
    assert_int_equal(c.n, sizeof(c.bytes));
}

static void an_attempt_says_below_what_it_was_put(void **state)
{
    struct dr_env env = {.kind = DR_MSG_INTENT};
    struct dr_intent_item items[2] = {
        {.key = DR_STR_LIT("note:1"),
         .attempt = 1,
         .place = DR_STR_LIT("/deals/12")},
        {.key = DR_STR_LIT("note:2"), .attempt = 2}};
    struct dr_fold *f = dr_fold_new();

    (void)state;
    (void)owner(f, 1, "a");
    env.u.intent = (struct dr_intent){
        .epoch = 1, .nonce = s16("a"), .items = items, .item_count = 2};
    (void)put(f, &env);
    assert_string_equal(dr_fold_unsettled(f, DR_STR_LIT("note:1"))->place,
                        "/deals/12");
    assert_string_equal(dr_fold_unsettled(f, DR_STR_LIT("note:2"))->place, "");
    dr_fold_free(f);
}

static void deleted_ends_the_attempt_and_older_versions(void **state)
{
    struct dr_fold *f = dr_fold_new();
    struct dr_intent_item item = {.key = DR_STR_LIT("k:1"),
                                  .marker = DR_STR_LIT(""),
                                  .rev = 7,
                                  .op = DR_EFFECT_DELETE,
                                  .attempt = 1};
    uint8_t nonce[DR_LEDGER_NONCE] = {1};
    struct dr_env env = {.kind = DR_MSG_OWNER};
    struct dr_str hash = DR_STR_LIT("0123456789abcdef0123456789abcdef");
    struct dr_folded out;

    (void)state;
    env.u.owner =
        (struct dr_owner){.epoch = 1, .nonce = {(const char *)nonce, 16}};
    dr_fold_accept(f, &env, 0, &out);
    env = (struct dr_env){.kind = DR_MSG_INTENT};
    env.u.intent = (struct dr_intent){.epoch = 1,
                                      .nonce = {(const char *)nonce, 16},
                                      .items = &item,
                                      .item_count = 1};
    dr_fold_accept(f, &env, 1, &out);
    assert_int_equal(dr_fold_unsettled_count(f), 1);
    env = (struct dr_env){.kind = DR_MSG_DELETED};
    env.u.deleted = (struct dr_deleted){
        .key = item.key, .dst = 9, .rev = 7, .pass = 1, .how = DR_DELETED_NOW};
    dr_fold_accept(f, &env, 2, &out);
    assert_int_equal(dr_fold_unsettled_count(f), 0);
    assert_int_equal(out.fact.state, DR_LEDGER_DELETED);
    assert_true(dr_fact_covers(&out.fact, 7, 1, hash, 0));
    assert_true(dr_fact_covers(&out.fact, 6, 9, hash, 0));
    assert_false(dr_fact_covers(&out.fact, 8, 1, hash, 0));
    /* what the plan of before did not make, the one of now may */
    assert_false(dr_fact_covers(&out.fact, 7, 2, hash, 0));
    dr_fold_free(f);
}

static void a_marker_is_a_word(void **state)
{
    struct dr_str m = DR_STR_LIT("00112233445566778899aabbccddeeff");

    (void)state;
    assert_true(
        dr_marker_in(DR_STR_LIT("text [00112233445566778899aabbccddeeff]"), m));
    assert_false(
        dr_marker_in(DR_STR_LIT("text 00112233445566778899aabbccddeeff0"), m));
    assert_false(dr_marker_in(DR_STR_LIT(""), m));
    assert_false(dr_marker_in(DR_STR_LIT("x"), DR_STR_LIT("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ownership_is_stolen_by_a_higher_epoch_only),
        cmocka_unit_test(a_zombies_intent_is_ignored),
        cmocka_unit_test(refused_names_its_attempt),
        cmocka_unit_test(a_refusal_before_any_send_needs_the_owner),
        cmocka_unit_test(done_always_counts_and_fixes_the_first_dst),
        cmocka_unit_test(step_one_does_not_settle_step_two),
        cmocka_unit_test(roll_ends_loading),
        cmocka_unit_test(in_mid_log_every_intent_counts),
        cmocka_unit_test(a_job_keeps_its_address_while_it_is_open),
        cmocka_unit_test(a_zombies_intent_is_ignored_after_a_restart),
        cmocka_unit_test(a_place_says_who_owns_it),
        cmocka_unit_test(reading_again_is_harmless),
        cmocka_unit_test(absence_proves_nothing_before_the_quarantine),
        cmocka_unit_test(facts_cover_what_they_say),
        cmocka_unit_test(what_landed_without_a_link_is_tried_again),
        cmocka_unit_test(what_is_in_its_other_form_is_tried_again),
        cmocka_unit_test(what_a_field_was_left_at),
        cmocka_unit_test(an_attempt_says_below_what_it_was_put),
        cmocka_unit_test(deleted_ends_the_attempt_and_older_versions),
        cmocka_unit_test(a_marker_is_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
