/* Links of a record: as they are, as they shall be, and what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "body.h"
#include "linked.h"
#include "route.h"
#include "rows.h"
#include "types.h"

/* No parent: something is to be done only where there was one. */
static void a_link_ends_where_there_was_one(void **state)
{
    struct dr_ref r = {.field = DR_STR_LIT("self")};
    struct dr_load load = {.lane = DR_STR_LIT("link"),
                           .type = DR_STR_LIT("sales_accounts"),
                           .key = DR_STR_LIT("company:1"),
                           .rev = 2,
                           .op = DR_LOAD_PATCH,
                           .refs = &r,
                           .ref_count = 1};
    struct dr_fact fact = {.state = DR_FACT_NONE};
    struct route_case c = {.load = &load, .fact = &fact, .self_dst = 44};
    struct route out;

    (void)state;
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_SKIP);
    fact = (struct dr_fact){.state = DR_FACT_DONE, .dst = 44, .rev = 1};
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_UPDATE);
    assert_int_equal(out.dst, 44);
    c.self_dst = 45; /* the account was removed and came back */
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_SKIP);
    fact = (struct dr_fact){.state = DR_FACT_REFUSED, .rev = 1};
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_SKIP);
}

/* No line: nothing is sent to a deal that never had any. */
static void a_set_is_emptied_where_there_was_one(void **state)
{
    struct dr_ref r = {.field = DR_STR_LIT("deal")};
    struct dr_load load = {.lane = DR_STR_LIT("deal_product"),
                           .type = DR_STR_LIT("deals"),
                           .key = DR_STR_LIT("line_item:1"),
                           .rev = 2,
                           .op = DR_LOAD_WRITE,
                           .refs = &r,
                           .ref_count = 1};
    struct dr_fact fact = {.state = DR_FACT_NONE};
    struct route_case c = {.load = &load, .fact = &fact, .self_dst = 44};
    struct route out;

    (void)state;
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_SKIP);
    fact = (struct dr_fact){.state = DR_FACT_REFUSED, .rev = 1};
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_SKIP);
    c.open = true; /* a set was sent to it, and nobody knows its outcome */
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_LINES);
    c.open = false;
    fact = (struct dr_fact){.state = DR_FACT_CREATED, .dst = 44, .rev = 1};
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_LINES);
    fact = (struct dr_fact){.state = DR_FACT_DONE, .dst = 44, .rev = 1};
    route_of(&c, &out);
    assert_int_equal(out.way, WAY_LINES);
    assert_int_equal(out.dst, 44);
    assert_true(out.preimage);
}

static void same_text(struct dr_str is, const char *wanted)
{
    assert_true(is.p != NULL);
    if (!dr_str_eqz(is, wanted)) {
        fail_msg("%.*s is not %s", (int)is.n, is.p, wanted);
    }
}

static void links_are_told_alike(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *contact = dr_json_parse(
        a,
        DR_STR_LIT("{\"sales_accounts\":[{\"id\":9,\"is_primary\":false},"
                   "{\"id\":7,\"is_primary\":true}],\"sales_account_id\":null,"
                   "\"contact_ids\":[4,3,4]}"),
        NULL, NULL);
    struct dr_ref r[] = {
        {.field = DR_STR_LIT("sales_accounts"), .primary = true},
        {.field = DR_STR_LIT("sales_accounts")},
        {.field = DR_STR_LIT("sales_accounts")}};
    struct dr_load load = {.lane = DR_STR_LIT("contact"),
                           .type = DR_STR_LIT("contacts"),
                           .op = DR_LOAD_WRITE,
                           .refs = r,
                           .ref_count = 3};
    uint64_t ids[] = {7, 9, 0};
    struct links links = {.ref = ids};
    const struct linked_ends *beside =
        linked_beside(contact, (struct dr_str){"", 0}, a);

    (void)state;
    same_text(linked_now(contact, LINKED_ACCOUNTS, a), "\n7*\n9");
    same_text(linked_now(contact, LINKED_CONTACTS, a), "\n3\n4");
    same_text(linked_now(contact, LINKED_ACCOUNT, a), "");
    assert_null(linked_now(contact, LINKED_PARENT, a).p);
    same_text(linked_wanted(&load, &links, LINKED_ACCOUNTS, NULL, a),
              "\n7*\n9");
    ids[0] = 0; /* the next one is the primary one then */
    same_text(linked_wanted(&load, &links, LINKED_ACCOUNTS, NULL, a), "\n9*");
    ids[1] = 8;
    same_text(linked_wanted(&load, &links, LINKED_ACCOUNTS, beside, a),
              "\n7\n8*\n9");
    ids[1] = 0;
    same_text(linked_wanted(&load, &links, LINKED_ACCOUNTS, NULL, a), "");
    same_text(linked_wanted(&load, &links, LINKED_ACCOUNTS, beside, a),
              "\n7*\n9");
}

/* After an answer that was lost, the record itself must say that it is so. */
static void a_row_with_other_links_is_older(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *deal = dr_json_parse(
        a,
        DR_STR_LIT("{\"id\":5,\"sales_account_id\":7,\"contacts\":"
                   "[{\"id\":3}]}"),
        NULL, NULL);
    struct dr_ref r[] = {{.field = DR_STR_LIT("contacts_added_list")},
                         {.field = DR_STR_LIT("sales_account_id")}};
    struct dr_load load = {.lane = DR_STR_LIT("deal"),
                           .type = DR_STR_LIT("deals"),
                           .op = DR_LOAD_WRITE,
                           .refs = r,
                           .ref_count = 2};
    uint64_t ids[] = {3, 7};
    struct links links = {.ref = ids};
    struct row_case c = {.type = type_of(DR_STR_LIT("deals")),
                         .load = &load,
                         .links = &links,
                         .dst = 5,
                         .content = true};

    (void)state;
    assert_int_equal(row_matches(&c, deal, a), ROW_SAME);
    ids[0] = 4;
    assert_int_equal(row_matches(&c, deal, a), ROW_OLDER);
    c.kept_links = 1u << LINKED_CONTACTS;
    assert_int_equal(row_matches(&c, deal, a), ROW_SAME);
    load.ref_count = 1; /* the account has ended */
    assert_int_equal(row_matches(&c, deal, a), ROW_OLDER);
}

static struct dr_str left_at(const struct dr_commits *c)
{
    return (struct dr_str){(const char *)c->bytes, c->n};
}

static void accounts_of_somebody_stay_beside_ours(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *before = dr_json_parse(
        a,
        DR_STR_LIT("{\"sales_accounts\":[{\"id\":9,\"is_primary\":true},"
                   "{\"id\":7}]}"),
        NULL, NULL);
    struct dr_ref r = {.field = DR_STR_LIT("sales_accounts"), .primary = true};
    struct dr_load load = {.lane = DR_STR_LIT("contact"),
                           .type = DR_STR_LIT("contacts"),
                           .op = DR_LOAD_WRITE,
                           .refs = &r,
                           .ref_count = 1};
    uint64_t id = 8;
    struct links links = {.ref = &id, .orphan = 99};
    struct body_opts o = {.kept = NULL};
    struct dr_commits left = {.n = 0};
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 4096);
    /* 7 is one of ours, and ends; 9 was there. */
    linked_commit(&left, LINKED_ACCOUNTS, DR_STR_LIT("\n7\n9*"),
                  DR_STR_LIT("\n7"));
    o.beside = linked_beside(before, left_at(&left), a);
    body_single(type_of(load.type), &load, &links, &o, &b);
    same_text(dr_buf_view(&b),
              "{\"contact\":{\"sales_accounts\":[{\"id\":8,\"is_primary\":"
              "true},{\"id\":9,\"is_primary\":false}]}}");
    same_text(linked_wanted(&load, &links, LINKED_ACCOUNTS, o.beside, a),
              "\n8*\n9");
    dr_buf_reset(&b);
    id = 99; /* no Unassigned Account beside somebody's own */
    body_single(type_of(load.type), &load, &links, &o, &b);
    same_text(dr_buf_view(&b),
              "{\"contact\":{\"sales_accounts\":[{\"id\":9,\"is_primary\":"
              "true}]}}");
    same_text(linked_wanted(&load, &links, LINKED_ACCOUNTS, o.beside, a),
              "\n9*");
    dr_buf_done(&b);
}

/* An end that is gone with its record is nobody's edit. */
static void edits_are_told_by_ends(void **state)
{
    static const struct {
        const char *now, *wanted;
        bool theirs, changed;
    } cases[] = {
        {"\n3\n4", "\n5", false, false},      /* as we left it      */
        {"\n3", "\n3\n5", false, false},      /* 4 is gone with its */
        {"", "\n5", false, false},            /* record, or both    */
        {"\n3", "\n3\n4", true, false},       /* 4 was taken away   */
        {"\n3\n4\n6", "\n3\n4", true, true},  /* 6 was added        */
        {"\n3\n4\n6", "\n3\n6", false, true}, /* so at both ends   */
        {"\n6", "\n3\n4", true, true},
    };
    struct dr_commits left = {.n = 0}, none = {.n = 0};

    (void)state;
    linked_commit(&left, LINKED_CONTACTS, DR_STR_LIT("\n3\n4"),
                  (struct dr_str){NULL, 0});
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_str now = dr_str_z(cases[i].now);
        if (linked_is_theirs(left_at(&left), LINKED_CONTACTS, now,
                             dr_str_z(cases[i].wanted)) != cases[i].theirs ||
            linked_was_changed(left_at(&left), LINKED_CONTACTS, now) !=
                cases[i].changed) {
            fail_msg("case %zu", i);
        }
    }
    linked_commit(&none, LINKED_CONTACTS, DR_STR_LIT(""),
                  (struct dr_str){NULL, 0});
    assert_true(linked_is_theirs(left_at(&none), LINKED_CONTACTS,
                                 DR_STR_LIT("\n3"), DR_STR_LIT("\n4")));
    linked_commit(&none, LINKED_ACCOUNT, DR_STR_LIT("3"),
                  (struct dr_str){NULL, 0});
    /* A single one: it went with its account, or somebody took it away. */
    assert_false(linked_is_theirs(left_at(&none), LINKED_ACCOUNT,
                                  DR_STR_LIT(""), DR_STR_LIT("4")));
    assert_false(
        linked_was_changed(left_at(&none), LINKED_ACCOUNT, DR_STR_LIT("")));
    assert_true(linked_is_theirs(left_at(&none), LINKED_ACCOUNT, DR_STR_LIT(""),
                                 DR_STR_LIT("3")));
    assert_true(linked_is_theirs(left_at(&none), LINKED_ACCOUNT,
                                 DR_STR_LIT("5"), DR_STR_LIT("4")));
    assert_true(
        linked_was_changed(left_at(&none), LINKED_ACCOUNT, DR_STR_LIT("5")));
}

static void relations_of_a_module_are_links(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *record = dr_json_parse(
        a, DR_STR_LIT("{\"id\":5,\"deal_id\":7,\"contact_ids\":[4,3]}"), NULL,
        NULL);
    struct dr_ref r[] = {{.field = DR_STR_LIT("deal_id")},
                         {.field = DR_STR_LIT("contact_ids")},
                         {.field = DR_STR_LIT("contact_ids")}};
    struct dr_load load = {.lane = DR_STR_LIT("custom"),
                           .type = DR_STR_LIT("cm_x"),
                           .op = DR_LOAD_WRITE,
                           .refs = r,
                           .ref_count = 3};
    uint64_t ids[] = {7, 3, 4};
    struct links links = {.ref = ids};
    struct row_case c = {
        .load = &load, .links = &links, .dst = 5, .content = true};

    (void)state;
    assert_int_equal(row_matches(&c, record, a), ROW_SAME);
    ids[2] = 0;
    assert_int_equal(row_matches(&c, record, a), ROW_OLDER);
    c.kept_links = linked_relation_bit(&load, 1);
    assert_int_equal(row_matches(&c, record, a), ROW_SAME);
    ids[0] = 0; /* not there: it is to end */
    assert_int_equal(row_matches(&c, record, a), ROW_OLDER);
}

/* A module has up to 50 (reference 19.3): what people did with one of them is
 * told apart from all others. */
static void each_relation_has_a_bit_of_its_own(void **state)
{
    enum { MOST = 50 };
    struct dr_ref r[MOST];
    char names[MOST][16];
    struct dr_load load = {.lane = DR_STR_LIT("custom"),
                           .type = DR_STR_LIT("cm_x"),
                           .op = DR_LOAD_WRITE,
                           .refs = r,
                           .ref_count = MOST};
    uint64_t seen = 0;

    (void)state;
    for (size_t i = 0; i < MOST; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "lookup_%zu", i);
        r[i] = (struct dr_ref){.field = dr_str_z(names[i])};
    }
    for (size_t i = 0; i < MOST; i++) {
        uint64_t bit = linked_relation_bit(&load, i);
        assert_int_not_equal(bit, 0);
        assert_int_equal(seen & bit, 0);
        seen |= bit;
    }
}

/* Two companies that are both not there: as if there were none. */
static void the_unassigned_one_stands_for_all(void **state)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    struct dr_ref r[] = {{.field = DR_STR_LIT("sales_accounts"),
                          .key = DR_STR_LIT("company:1"),
                          .on_miss = DR_MISS_ORPHAN},
                         {.field = DR_STR_LIT("sales_accounts"),
                          .key = DR_STR_LIT("company:2"),
                          .on_miss = DR_MISS_DROP}};
    struct dr_load load = {.lane = DR_STR_LIT("contact"),
                           .type = DR_STR_LIT("contacts"),
                           .op = DR_LOAD_WRITE,
                           .refs = r,
                           .ref_count = 2};
    struct dr_fact facts[3] = {[2] = {.state = DR_FACT_DONE, .dst = 99}};
    struct refs_case c = {.load = &load, .facts = facts};
    const struct dr_ref *which;
    enum refs_verdict verdict;
    struct links links;

    (void)state;
    assert_int_equal(refs_resolve(&c, a, &links, &verdict, &which), 0);
    assert_int_equal(verdict, REFS_OK);
    assert_int_equal(links.ref[0], 99);
    assert_int_equal(links.ref[1], 0);
    assert_int_equal(links.missing, 2);
    facts[1] = (struct dr_fact){.state = DR_FACT_DONE, .dst = 7};
    assert_int_equal(refs_resolve(&c, a, &links, &verdict, &which), 0);
    assert_int_equal(links.ref[0], 0);
    assert_int_equal(links.ref[1], 7);
    assert_int_equal(links.missing, 1);
    facts[1] = facts[2] = facts[0]; /* not even that one */
    assert_int_equal(refs_resolve(&c, a, &links, &verdict, &which), 0);
    assert_int_equal(verdict, REFS_REJECT);
    c.may_wait = true;
    assert_int_equal(refs_resolve(&c, a, &links, &verdict, &which), 0);
    assert_int_equal(verdict, REFS_WAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_ends_where_there_was_one),
        cmocka_unit_test(a_set_is_emptied_where_there_was_one),
        cmocka_unit_test(links_are_told_alike),
        cmocka_unit_test(a_row_with_other_links_is_older),
        cmocka_unit_test(accounts_of_somebody_stay_beside_ours),
        cmocka_unit_test(edits_are_told_by_ends),
        cmocka_unit_test(relations_of_a_module_are_links),
        cmocka_unit_test(each_relation_has_a_bit_of_its_own),
        cmocka_unit_test(the_unassigned_one_stands_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
