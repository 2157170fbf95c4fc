/* One record, one state; each field against what the target holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "judge_scene.h"

static void test_landed(void **state)
{
    struct scene s;
    const struct record_row *r;

    (void)state;
    scene_open(&s);
    r = judged(&s);
    is_state(r, "landed");
    assert_int_equal(r->target, 501);
    assert_int_equal(r->version, 3);
    assert_int_equal(s.said.field_n, 3);
    assert_int_equal(losses(&s.said), 0);
    s.c.loads[0].fact.origin = DR_DONE_MERGED;
    r = judged(&s);
    is_state(r, "merged");
    assert_true(r->reason.n > 0);
    dr_arena_free(s.a);
}

static void test_each_loss_shows(void **state)
{
    static const char *const bodies[] = {
        /* another name; no such field; another number; no link; another link;
         * linked, but not as the primary one; nothing at all */
        "{\"first_name\":\"Eve\",\"custom_field\":{\"cf_score\":7},"
        "\"sales_accounts\":[{\"id\":71,\"is_primary\":true}]}",
        "{\"first_name\":\"Ana\",\"custom_field\":{},"
        "\"sales_accounts\":[{\"id\":71,\"is_primary\":true}]}",
        "{\"first_name\":\"Ana\",\"custom_field\":{\"cf_score\":7.01},"
        "\"sales_accounts\":[{\"id\":71,\"is_primary\":true}]}",
        "{\"first_name\":\"Ana\",\"custom_field\":{\"cf_score\":7},"
        "\"sales_accounts\":[]}",
        "{\"first_name\":\"Ana\",\"custom_field\":{\"cf_score\":7},"
        "\"sales_accounts\":[{\"id\":72,\"is_primary\":true}]}",
        "{\"first_name\":\"Ana\",\"custom_field\":{\"cf_score\":7},"
        "\"sales_accounts\":[{\"id\":71,\"is_primary\":false}]}",
    };
    struct scene s;

    (void)state;
    scene_open(&s);
    for (size_t i = 0; i < DR_ARRAY_LEN(bodies); i++) {
        set_body(&s, bodies[i]);
        is_state(judged(&s), "landed");
        assert_int_equal(losses(&s.said), 1);
    }
    s.c.loads[0].body_count = 0;
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 3);
    dr_arena_free(s.a);
}

/* A company that is not in the target is explained, not a loss. */
static void test_a_missing_end_is_told(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.ref_ids[0] = 0;
    set_body(&s, "{\"first_name\":\"Ana\",\"custom_field\":{\"cf_score\":7},"
                 "\"sales_accounts\":[{\"id\":9,\"is_primary\":true}]}");
    is_state(judged(&s), "landed");
    assert_int_equal(losses(&s.said), 0);
    assert_int_equal(s.said.fields[2].verdict, JUDGED_INTENDED);
    assert_true(dr_str_eqz(s.said.fields[2].field, "contact_company"));
    assert_true(dr_str_eqz(s.said.fields[2].actual, "Unassigned Account"));
    assert_true(dr_str_eqz(s.said.fields[2].source, "k1"));
    dr_arena_free(s.a);
}

static void body_with_accounts(struct scene *s, const char *accounts)
{
    struct dr_str body = dr_arena_printf(
        s->a,
        "{\"first_name\":\"Ana\",\"custom_field\":{\"cf_score\":7},"
        "\"sales_accounts\":[%s]}",
        accounts);

    set_body(s, body.p);
}

/* Its company was removed, and nobody put it on the Unassigned Account. */
static void test_an_orphan_with_nothing_is_a_loss(void **state)
{
    static uint64_t gone[] = {71};
    struct scene s;

    (void)state;
    scene_open(&s);
    s.ref_ids[0] = 0;
    s.c.loads[0].gone = gone;
    body_with_accounts(&s, "");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    body_with_accounts(&s, "{\"id\":71,\"is_primary\":true}"); /* no news */
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    s.c.conflicts[0] =
        (struct conflict_row){S("sales_accounts"), S("conflict"), S("kept"), 5};
    s.c.conflict_count = 1; /* a person put it to another account */
    body_with_accounts(&s, "{\"id\":80,\"is_primary\":true}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 0);
    s.c.conflict_count = 0;
    s.c.loads[0].fact.origin = DR_DONE_MERGED; /* somebody's, with its own */
    body_with_accounts(&s, "{\"id\":71},{\"id\":80,\"is_primary\":true}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 0);
    dr_arena_free(s.a);
}

static void test_not_yet(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.c.out = NULL; /* no plan */
    is_state(judged(&s), NULL);
    dr_arena_free(s.a);
    scene_open(&s);
    s.c.loads[0].has_fact = false;
    is_state(judged(&s), NULL);
    s.c.loads[0].has_fact = true; /* an older content */
    s.c.loads[0].fact.content_hash = S("another content of the record..");
    is_state(judged(&s), NULL);
    dr_arena_free(s.a);
    scene_open(&s);
    s.c.in_scope_of_pass = false;
    is_state(judged(&s), NULL);
    dr_arena_free(s.a);
}

static void test_refused(void **state)
{
    struct scene s;
    const struct record_row *r;

    (void)state;
    scene_open(&s);
    s.c.loads[0].fact.refused = true;
    s.c.loads[0].fact.reason = S("Email is not unique");
    s.c.loads[0].fact.dst = 0;
    s.c.loads[0].dst = 0;
    r = judged(&s);
    is_state(r, "rejected");
    assert_true(dr_str_eqz(r->reason, "Email is not unique"));
    assert_int_equal(r->target, 0);
    /* an earlier version stands there: it landed, and that is told */
    s.c.loads[0].fact.dst = 501;
    r = judged(&s);
    is_state(r, "landed");
    assert_int_equal(s.said.field_n, 1);
    assert_true(dr_str_eqz(s.said.fields[0].field, "*"));
    assert_int_equal(losses(&s.said), 1);
    dr_arena_free(s.a);
}

static void test_other_ends(void **state)
{
    static const struct {
        enum dr_out_state out;
        const char *state;
    } ends[] = {{DR_OUT_EXCLUDED, "excluded"},
                {DR_OUT_PARKED, "parked"},
                {DR_OUT_REJECTED, "rejected"}};
    struct scene s;

    (void)state;
    scene_open(&s);
    for (size_t i = 0; i < DR_ARRAY_LEN(ends); i++) {
        s.out = (struct dr_outcome){
            .state = ends[i].out, .rule = S("rule"), .reason = S("why")};
        is_state(judged(&s), ends[i].state);
        assert_true(dr_str_eqz(s.said.rows[0].reason, "why"));
    }
    s.rec.op = DR_SRC_DELETE;
    s.c.gone_has_fact = true;
    s.c.gone_fact = s.c.loads[0].fact;
    is_state(judged(&s), "deleted");
    assert_int_equal(s.said.rows[0].target, 501);
    dr_arena_free(s.a);
}

/* What was written of it before the plan left it out stands there unasked. */
static void test_left_out_and_standing(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.out = (struct dr_outcome){
        .state = DR_OUT_EXCLUDED, .rule = S("scope"), .reason = S("why")};
    s.c.gone_has_fact = true;
    s.c.gone_fact = s.c.loads[0].fact;
    is_state(judged(&s), "excluded");
    assert_int_equal(s.said.rows[0].target, 501);
    assert_true(dr_str_eqz(s.said.rows[0].reason, "why"));
    assert_int_equal(s.said.field_n, 1);
    assert_int_equal(losses(&s.said), 0);
    assert_non_null(strstr(s.said.fields[0].cause.p, "stays in Freshsales"));
    s.c.gone_fact.origin = DR_DONE_MERGED; /* nobody is told to delete it */
    is_state(judged(&s), "excluded");
    assert_null(strstr(s.said.fields[0].cause.p, "delete"));
    s.c.lost = true;
    is_state(judged(&s), "excluded");
    assert_int_equal(s.said.rows[0].target + s.said.field_n, 0);
    s.c.lost = false;
    s.c.gone_fact.deleted = FACT_DELETED;
    is_state(judged(&s), "excluded");
    assert_int_equal(s.said.rows[0].target + s.said.field_n, 0);
    dr_arena_free(s.a);
}

/* A deletion is proposed, on its way, carried out or kept: each is told. */
static void test_removal(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.rec.op = DR_SRC_DELETE;
    s.rec.rev = 6;
    s.c.gone_has_fact = true;
    s.c.gone_fact = s.c.loads[0].fact;
    s.c.removal_open = true;
    is_state(judged(&s), NULL);
    s.c.gone_fact.deleted = 1; /* lies in the recycle bin */
    is_state(judged(&s), "deleted");
    assert_int_equal(s.said.rows[0].target, 501);
    s.c.gone_fact.type = S("tasks"); /* that has none */
    is_state(judged(&s), "deleted");
    assert_int_equal(s.said.rows[0].target, 0);
    s.c.gone_fact.deleted = 3; /* kept */
    is_state(judged(&s), "deleted");
    assert_int_equal(s.said.rows[0].target, 501);
    s.c.gone_fact.deleted = 0;
    s.c.gone_fact.refused = true; /* the target does not let us */
    s.c.gone_fact.rev = 6;
    s.c.gone_fact.reason = S("forbidden");
    is_state(judged(&s), "deleted");
    assert_true(dr_str_eqz(s.said.rows[0].reason, "forbidden"));
    dr_arena_free(s.a);
}

/* One difference stands for all of it, and it is no loss of ours. */
static void is_told_as_lost(struct scene *s)
{
    is_state(judged(s), "rejected");
    assert_int_equal(s->said.rows[0].target, 0);
    assert_true(dr_str_eqz(s->said.rows[0].rule, "gone"));
    assert_true(s->said.rows[0].reason.n > 0);
    assert_int_equal(s->said.field_n, 1);
    assert_true(dr_str_eqz(s->said.fields[0].field, "*"));
    assert_int_equal(losses(&s->said), 0);
}

/* Somebody deleted it in the target, and the loader met that. */
static void test_deleted_there_by_somebody(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.c.loads[0].fact.refused = true;
    s.c.loads[0].fact.reason = S("no such status");
    s.c.loads[0].fact.deleted = FACT_DELETED; /* by us, before it came back */
    is_state(judged(&s), "rejected");
    assert_int_equal(s.said.rows[0].target, 0);
    s.c.lost = true;
    s.c.loads[0].fact.deleted = FACT_LOST;
    is_told_as_lost(&s);
    /* also one that the plan parks now, and one that a merge had found */
    s.c.loads[0].fact.origin = DR_DONE_MERGED;
    is_told_as_lost(&s);
    s.c.gone_has_fact = true;
    s.c.gone_fact = s.c.loads[0].fact;
    s.out.state = DR_OUT_PARKED;
    s.out.reason = S("no owner");
    is_state(judged(&s), "parked");
    assert_int_equal(s.said.rows[0].target, 0);
    s.rec.op = DR_SRC_DELETE; /* and then it goes at the source, too */
    is_state(judged(&s), "deleted");
    assert_int_equal(s.said.rows[0].target, 0);
    assert_true(dr_str_eqz(s.said.rows[0].rule, "removal"));
    dr_arena_free(s.a);
}

/* The end of a link was deleted there: the link is no loss of ours. */
static void test_an_end_that_somebody_deleted(void **state)
{
    bool lost[2] = {true, false};
    struct scene s;

    (void)state;
    scene_open(&s);
    s.c.loads[0].lost = lost;
    is_state(judged(&s), "landed");
    assert_int_equal(losses(&s.said), 0);
    set_body(&s, "{\"id\":501,\"first_name\":\"Ana\",\"custom_field\":{"
                 "\"cf_score\":7},\"sales_accounts\":[]}");
    is_state(judged(&s), "landed");
    assert_int_equal(losses(&s.said), 0);
    lost[0] = false;
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    dr_arena_free(s.a);
}

/* What a person changed in the target is no loss, but it is told. */
static void test_a_kept_edit_is_told(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    set_body(&s, "{\"first_name\":\"Eve\",\"custom_field\":{\"cf_score\":7},"
                 "\"sales_accounts\":[{\"id\":71,\"is_primary\":true}]}");
    s.c.conflicts[0] =
        (struct conflict_row){S("first_name"), S("conflict"), S("kept"), 5};
    s.c.conflict_count = 1;
    is_state(judged(&s), "landed");
    assert_int_equal(losses(&s.said), 0);
    assert_int_equal(s.said.fields[0].verdict, JUDGED_INTENDED);
    assert_true(dr_str_eqz(s.said.fields[0].actual, "Eve"));
    s.c.conflicts[0].rev = 4; /* of an older version: it was undone since */
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    s.c.conflicts[0] =
        (struct conflict_row){S("last_name"), S("conflict"), S("kept"), 5};
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    dr_arena_free(s.a);
}

/* An account whose own name another one has: the other name is the rule's, and
 * no third one is. */
static void test_a_name_that_is_taken(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.load.type = S("sales_accounts");
    s.fields[0] =
        (struct dr_field){S("name"), S("company.name"), DR_VAL_TEXT, S("Acme")};
    s.load.field_count = 1;
    s.load.ref_count = 0;
    s.load.other_name = S("Acme (c1)");
    set_body(&s, "{\"name\":\"Acme (c1)\"}");
    (void)judged(&s); /* nobody is seen to have its own */
    assert_int_equal(losses(&s.said), 1);
    s.c.loads[0].held = true;
    is_state(judged(&s), "landed");
    assert_int_equal(losses(&s.said), 0);
    assert_int_equal(s.said.fields[0].verdict, JUDGED_INTENDED);
    assert_true(dr_str_eqz(s.said.fields[0].rule, DR_RULE_OTHER_NAME));
    assert_true(dr_str_eqz(s.said.fields[0].expected, "Acme"));
    assert_true(dr_str_eqz(s.said.fields[0].actual, "Acme (c1)"));
    s.c.conflicts[0] =
        (struct conflict_row){S("name"), S("name_taken"), S("taken"), 5};
    s.c.conflict_count = 1;
    s.c.loads[0].held = false;
    set_body(&s, "{\"name\":\"Acme (c1)\"}");
    (void)judged(&s); /* the loader met one */
    assert_int_equal(losses(&s.said), 0);
    s.c.conflicts[0].rev = 4; /* when an older version was written */
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    s.c.conflicts[0].rev = 5;
    set_body(&s, "{\"name\":\"Acme [0123]\"}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    set_body(&s, "{\"name\":\"Acme\"}");
    (void)judged(&s);
    assert_int_equal(s.said.fields[0].verdict, JUDGED_SAME);
    dr_arena_free(s.a);
}

/* A contact whose address another one has: it stands in work_email, or it is
 * lost. */
static void test_an_address_that_is_taken(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.fields[0] = (struct dr_field){S("emails"), S("contact.email"),
                                    DR_VAL_TEXT, S("a@b.test")};
    s.fields[1] = (struct dr_field){S("work_email"), S("contact.email.kept"),
                                    DR_VAL_NULL, S("")};
    s.load.ref_count = 0;
    s.load.other_name = S("a@b.test");
    s.c.loads[0].held = true;
    set_body(&s, "{\"email\":null,\"work_email\":\"a@b.test\"}");
    is_state(judged(&s), "landed");
    assert_int_equal(losses(&s.said), 0);
    assert_true(dr_str_eqz(s.said.fields[0].cause, DR_WHY_ADDRESS_TAKEN));
    assert_int_equal(s.said.fields[1].verdict, JUDGED_SAME);
    set_body(&s, "{\"email\":null,\"work_email\":null}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    set_body(&s, "{\"email\":\"x@b.test\",\"work_email\":\"a@b.test\"}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 2);
    set_body(&s, "{\"email\":\"A@b.test\",\"work_email\":null}");
    (void)judged(&s);
    assert_int_equal(s.said.fields[0].verdict, JUDGED_SAME);
    s.c.loads[0].held = false;
    set_body(&s, "{\"email\":null,\"work_email\":\"a@b.test\"}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    s.load.other_first = true; /* by the plan, until the freeze asks */
    (void)judged(&s);
    assert_int_equal(s.said.fields[0].verdict, JUDGED_INTENDED);
    assert_false(dr_str_eqz(s.said.fields[0].cause, DR_WHY_ADDRESS_TAKEN));
    dr_arena_free(s.a);
}

/* A company whose parent stands below it in the target has none there. */
static void test_a_circle_of_parents(void **state)
{
    struct dr_ref refs[2] = {{.field = S("self"), .key = S("company:c1")},
                             {.field = S("parent_sales_account_id"),
                              .rule = S("company.parent_company_id"),
                              .key = S("company:c2"),
                              .on_miss = DR_MISS_DROP}};
    uint64_t ids[2] = {501, 502};
    struct scene s;

    (void)state;
    scene_open(&s);
    s.load.object = S("company");
    s.load.lane = S("link");
    s.load.type = S("sales_accounts");
    s.load.op = DR_LOAD_PATCH;
    s.load.field_count = 0;
    s.load.refs = refs;
    s.load.ref_count = 2;
    s.c.loads[0].refs = ids;
    set_body(&s, "{\"parent_sales_account_id\":null}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    s.c.loads[0].held = true;
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 0);
    assert_true(dr_str_eqz(s.said.fields[0].cause, DR_WHY_CIRCLE));
    assert_true(dr_str_eqz(s.said.fields[0].field, "parent_company_id"));
    assert_true(dr_str_eqz(s.said.fields[0].source, "c2"));
    set_body(&s, "{\"parent_sales_account_id\":503}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 2); /* another one, and not this one */
    set_body(&s, "{\"parent_sales_account_id\":502}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 0);
    dr_arena_free(s.a);
}

/* Call logs name their one target in small letters. */
static void test_the_target_of_a_call_log(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.load.field_count = 0;
    s.load.type = S("call_logs");
    s.refs[0] = (struct dr_ref){.field = S("targetable:Deal"),
                                .key = S("deal:d1"),
                                .on_miss = DR_MISS_REJECT};
    set_body(&s, "{\"targetable\":{\"id\":71,\"type\":\"deal\"}}");
    is_state(judged(&s), "landed");
    assert_int_equal(losses(&s.said), 0);
    set_body(&s, "{\"targetable\":{\"id\":71,\"type\":\"contact\"}}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    dr_arena_free(s.a);
}

/* A link that the target holds and the source has not. */
static void test_one_link_too_many(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.load.op = DR_LOAD_WRITE;
    set_body(&s, "{\"first_name\":\"Ana\",\"custom_field\":{\"cf_score\":7},"
                 "\"sales_accounts\":[{\"id\":71,\"is_primary\":true},"
                 "{\"id\":9}]}");
    (void)judged(&s); /* nor has the Unassigned one any business there */
    assert_int_equal(losses(&s.said), 1);
    s.c.conflicts[0] =
        (struct conflict_row){S("sales_accounts"), S("conflict"), S("kept"), 5};
    s.c.conflict_count = 1;
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 0);
    s.c.conflict_count = 0;
    s.c.loads[0].fact.origin = DR_DONE_MERGED; /* somebody's own */
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 0);
    s.c.loads[0].fact.origin = DR_DONE_CREATED;
    s.ref_ids[0] = 0; /* its company is not there: on the Unassigned one */
    set_body(&s, "{\"first_name\":\"Ana\",\"custom_field\":{\"cf_score\":7},"
                 "\"sales_accounts\":[{\"id\":9,\"is_primary\":true}]}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 0);
    dr_arena_free(s.a);
}

/* That a company has no parent is nobody's line where it never had one, or
 * where the link was refused. */
static void test_a_link_that_never_was(void **state)
{
    static uint64_t self[] = {501};
    static bool lead[1];
    struct dr_ref r = {.field = S("self"), .key = S("company:k1")};
    struct dr_load loads[2];
    struct scene s;

    (void)state;
    scene_open(&s);
    loads[0] = s.load;
    loads[1] = (struct dr_load){.lane = S("link"),
                                .key = S("company:k1"),
                                .rev = 5,
                                .type = S("sales_accounts"),
                                .op = DR_LOAD_PATCH,
                                .content_hash = {content, 32},
                                .refs = &r,
                                .ref_count = 1};
    s.out.loads = loads;
    s.out.load_count = 2;
    s.c.loads[1] = (struct judge_load){.refs = self, .lead = lead};
    is_state(judged(&s), "landed");
    s.c.loads[1].has_fact = true;
    s.c.loads[1].fact = (struct fact_row){
        .lane = S("link"), .refused = true, .rev = 2, .class = S("refused")};
    is_state(judged(&s), "landed");
    s.c.loads[1].fact.dst = 501; /* there is one, and it has to end */
    is_state(judged(&s), NULL);
    dr_arena_free(s.a);
}

/* ---- line items ---- */

/* An e-mail on a contact that was deleted since; it would stand on the company
 * if it were sent now. */
static void test_what_stood_on_what_was_deleted(void **state)
{
    uint64_t gone[2] = {800, 0};
    struct scene s;

    (void)state;
    scene_open(&s);
    s.load.field_count = 0;
    s.load.ref_count = 2;
    s.refs[0] = (struct dr_ref){.field = S("targetable:Contact"),
                                .key = S("contact:c2"),
                                .on_miss = DR_MISS_REJECT};
    s.refs[1] = (struct dr_ref){.field = S("targetable:SalesAccount"),
                                .key = S("company:co1"),
                                .on_miss = DR_MISS_REJECT};
    s.ref_ids[0] = 0;
    s.ref_ids[1] = 71;
    s.c.loads[0].gone = gone;
    set_body(&s, "{\"targetables\":[{\"id\":800,\"type\":\"Contact\"}]}");
    is_state(judged(&s), "landed");
    assert_int_equal(losses(&s.said), 0);
    set_body(&s, "{\"targetables\":[{\"id\":801,\"type\":\"Contact\"}]}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    dr_arena_free(s.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_landed),
        cmocka_unit_test(test_what_stood_on_what_was_deleted),
        cmocka_unit_test(test_each_loss_shows),
        cmocka_unit_test(test_a_missing_end_is_told),
        cmocka_unit_test(test_an_orphan_with_nothing_is_a_loss),
        cmocka_unit_test(test_not_yet),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_other_ends),
        cmocka_unit_test(test_left_out_and_standing),
        cmocka_unit_test(test_removal),
        cmocka_unit_test(test_deleted_there_by_somebody),
        cmocka_unit_test(test_an_end_that_somebody_deleted),
        cmocka_unit_test(test_a_kept_edit_is_told),
        cmocka_unit_test(test_a_name_that_is_taken),
        cmocka_unit_test(test_an_address_that_is_taken),
        cmocka_unit_test(test_a_circle_of_parents),
        cmocka_unit_test(test_one_link_too_many),
        cmocka_unit_test(test_the_target_of_a_call_log),
        cmocka_unit_test(test_a_link_that_never_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
