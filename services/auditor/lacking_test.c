/* Which records another pass would give more links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <drover/ledger/ledger.h>

#include "lacking.h"

#define S DR_STR_LIT

/* An e-mail on a deal or, where there is none, on a contact. */
struct scene {
    struct dr_ref refs[2];
    uint64_t ids[2];
    bool lead[2];
    uint8_t wanted[32], done[32];
    struct dr_load load;
    struct dr_outcome out;
    struct judge_case c;
};

static void open_scene(struct scene *s, const char *type)
{
    *s = (struct scene){.refs = {{.field = S("targetable:Deal"),
                                  .key = S("deal:1"),
                                  .on_miss = DR_MISS_REJECT},
                                 {.field = S("targetable:Contact"),
                                  .key = S("contact:1"),
                                  .on_miss = DR_MISS_REJECT}}};
    s->load = (struct dr_load){.type = dr_str_z(type),
                               .refs = s->refs,
                               .ref_count = 2,
                               .content_hash = {(const char *)s->wanted, 32}};
    s->out = (struct dr_outcome){
        .state = DR_OUT_LOAD, .loads = &s->load, .load_count = 1};
    s->c.out = &s->out;
    s->c.loads[0] = (struct judge_load){.refs = s->ids, .lead = s->lead};
}

/* As settle.c gathers it. */
static enum lacking lacks(struct scene *s, uint64_t deal, uint64_t contact,
                          bool lead)
{
    s->ids[0] = deal;
    s->ids[1] = contact;
    s->lead[1] = lead;
    s->c.loads[0].left_out = dr_links_settle(&s->load, s->ids, s->lead);
    return lacking(&s->c);
}

static void landed(struct scene *s, size_t without)
{
    memcpy(s->done, s->wanted, 32);
    dr_content_loosen(s->done, without);
    s->c.loads[0].has_fact = true;
    s->c.loads[0].fact = (struct fact_row){
        .dst = 5, .content_hash = {(const char *)s->done, 32}};
}

static void refused(struct scene *s, const char *class)
{
    s->c.loads[0].has_fact = true;
    s->c.loads[0].fact =
        (struct fact_row){.refused = true, .class = dr_str_z(class)};
}

static void test_what_landed(void **state)
{
    struct scene s;

    (void)state;
    open_scene(&s, "sales_activities");
    assert_int_equal(lacks(&s, 1, 2, false), LACKS_NOTHING); /* not sent yet */
    landed(&s, 0);
    assert_int_equal(lacks(&s, 1, 2, false), LACKS_NOTHING);
    landed(&s, 1); /* on the contact, without the deal */
    assert_int_equal(lacks(&s, 0, 2, false), LACKS_LINKS);
    assert_int_equal(lacks(&s, 1, 2, false), LACKS_ONCE);
    landed(&s, 2); /* the same, and the contact was a lead */
    assert_int_equal(lacks(&s, 0, 2, true), LACKS_LINKS);
    assert_int_equal(lacks(&s, 0, 2, false), LACKS_ONCE);
}

/* In its other form, for another record has what its own wants. */
static void test_what_is_in_its_other_form(void **state)
{
    struct scene s;

    (void)state;
    open_scene(&s, "contacts");
    landed(&s, 0);
    dr_content_in_other_form(s.done);
    s.c.loads[0].held = true;
    assert_int_equal(lacks(&s, 1, 2, false), LACKS_LINKS);
    s.c.loads[0].held = false;
    assert_int_equal(lacks(&s, 1, 2, false), LACKS_ONCE);
}

static void test_what_was_refused(void **state)
{
    struct scene s;

    (void)state;
    open_scene(&s, "notes");
    refused(&s, "parent_missing");
    assert_int_equal(lacks(&s, 0, 0, false), LACKS_LINKS);
    assert_int_equal(lacks(&s, 0, 2, true), LACKS_ONCE);
    refused(&s, "refused"); /* for another cause */
    assert_int_equal(lacks(&s, 1, 2, false), LACKS_NOTHING);

    open_scene(&s, "files");
    refused(&s, "no_target");
    assert_int_equal(lacks(&s, 0, 2, true), LACKS_LINKS);
    assert_int_equal(lacks(&s, 0, 2, false), LACKS_ONCE);
    landed(&s, 1); /* on the contact: it stays there */
    assert_int_equal(lacks(&s, 1, 2, false), LACKS_LINKS);
}

static void test_every_part_counts(void **state)
{
    struct scene s;

    (void)state;
    open_scene(&s, "deals");
    s.refs[0] = (struct dr_ref){.field = S("sales_account_id"),
                                .key = S("company:1"),
                                .on_miss = DR_MISS_REJECT};
    s.refs[1] = (struct dr_ref){.field = S("contacts_added_list"),
                                .key = S("contact:1"),
                                .on_miss = DR_MISS_DROP};
    refused(&s, "parent_missing");
    assert_int_equal(lacks(&s, 0, 2, false), LACKS_LINKS);
    assert_int_equal(lacks(&s, 1, 0, false), LACKS_ONCE);
    landed(&s, 1); /* a deal's contacts are contacts */
    assert_int_equal(lacks(&s, 1, 2, true), LACKS_LINKS);
    assert_int_equal(lacks(&s, 1, 2, false), LACKS_ONCE);
}

/* A contact whose company was removed after it landed whole. */
static void test_what_the_unassigned_account_is_for(void **state)
{
    struct scene s;

    (void)state;
    open_scene(&s, "contacts");
    s.refs[0] = (struct dr_ref){.field = S("sales_accounts"),
                                .key = S("company:1"),
                                .on_miss = DR_MISS_ORPHAN};
    s.refs[1] = (struct dr_ref){.field = S("sales_accounts"),
                                .key = S("company:2"),
                                .on_miss = DR_MISS_DROP};
    landed(&s, 0);
    assert_int_equal(lacks(&s, 0, 0, false), LACKS_NOTHING); /* none is there */
    s.c.orphan = 9;
    assert_int_equal(lacks(&s, 1, 0, false), LACKS_NOTHING);
    assert_int_equal(lacks(&s, 0, 2, false), LACKS_NOTHING); /* it has one */
    assert_int_equal(lacks(&s, 0, 0, false), LACKS_ONCE);
    landed(&s, 1); /* one was never there */
    assert_int_equal(lacks(&s, 0, 0, false), LACKS_ONCE);
    landed(&s, 2); /* sent again since */
    assert_int_equal(lacks(&s, 0, 0, false), LACKS_LINKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_landed),
        cmocka_unit_test(test_what_is_in_its_other_form),
        cmocka_unit_test(test_what_was_refused),
        cmocka_unit_test(test_every_part_counts),
        cmocka_unit_test(test_what_the_unassigned_account_is_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
