/*
 * What became of records that are not there: chains, their bounds, and when
 * the source has to be asked. And which records a record names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alias.h"
#include "refs.h"

static const struct dr_str type = {"contact", 7};

/* Ids that begin with l live, with g are gone; of the others nothing is known.
 */
static enum presence by_letter(const void *ctx, struct dr_str t,
                               struct dr_str id)
{
    (void)ctx;
    assert_true(dr_str_eq(t, type));
    return id.p[0] == 'l'   ? PRESENCE_LIVES
           : id.p[0] == 'g' ? PRESENCE_GONE
                            : PRESENCE_UNKNOWN;
}

static void merge(struct aliases *a, const char *id, const char *into)
{
    assert_true(aliases_merged(a, type, dr_str_z(id), dr_str_z(into)));
}

static void leads(const struct aliases *a, const char *id, const char *want,
                  const char *ask)
{
    struct dr_str asked;
    struct dr_str got =
        aliases_follow(a, type, dr_str_z(id), by_letter, NULL, &asked);

    if (!dr_str_eqz(got, want) || !dr_str_eqz(asked, ask)) {
        fail_msg("%s leads to \"" DR_STR_FMT "\" and asks \"" DR_STR_FMT "\"",
                 id, DR_STR_ARG(got), DR_STR_ARG(asked));
    }
}

static void a_chain_ends_at_what_lives(void **state)
{
    struct aliases *a = aliases_new();

    (void)state;
    merge(a, "ga", "b");
    leads(a, "ga", "", "b");
    merge(a, "b", "c");
    leads(a, "ga", "", "c");
    merge(a, "c", "l1");
    leads(a, "ga", "l1", "");
    leads(a, "c", "l1", "");
    leads(a, "l1", "", "");
    leads(a, "l2", "", "");
    assert_int_equal(aliases_merged_count(a), 3);
    assert_false(aliases_merged(a, type, DR_STR_LIT("c"), DR_STR_LIT("l1")));
    /* What lives ends a chain, whatever was said of it before. */
    merge(a, "l1", "l2");
    leads(a, "ga", "l1", "");
    aliases_free(a);
}

/* Topics are read back in no order but that of one record. */
static void its_own_tombstone_counts_more_than_what_others_tell(void **state)
{
    for (int first = 0; first < 2; first++) {
        struct aliases *a = aliases_new();

        (void)state;
        if (first) {
            assert_true(
                aliases_told(a, type, DR_STR_LIT("x"), DR_STR_LIT("l-old")));
            leads(a, "x", "l-old", "");
        }
        merge(a, "x", "l-new");
        assert_false(
            aliases_told(a, type, DR_STR_LIT("x"), DR_STR_LIT("l-old")));
        leads(a, "x", "l-new", "");
        assert_int_equal(aliases_merged_count(a), 1);
        merge(a, "x", "l-newer");
        leads(a, "x", "l-newer", "");
        aliases_free(a);
    }
}

static void what_lived_again_was_merged_no_more(void **state)
{
    struct aliases *a = aliases_new();

    (void)state;
    merge(a, "g", "l1");
    aliases_lived(a, type, DR_STR_LIT("g"));
    leads(a, "g", "", ""); /* it was deleted since */
    assert_int_equal(aliases_merged_count(a), 0);
    assert_true(aliases_any(a)); /* who was told of it has to be told this */
    /* What others were told while it was merged is read back after that. */
    assert_true(aliases_told(a, type, DR_STR_LIT("g"), DR_STR_LIT("l1")));
    assert_false(aliases_is_merged(a, type, DR_STR_LIT("g")));
    leads(a, "g", "", "");
    merge(a, "g", "l2");
    leads(a, "g", "l2", "");
    aliases_free(a);
}

static void what_is_gone_leads_nowhere(void **state)
{
    struct aliases *a = aliases_new();

    (void)state;
    leads(a, "x", "", "x");
    merge(a, "x", "y");
    aliases_gone(a, type, DR_STR_LIT("y"));
    leads(a, "x", "", "");
    leads(a, "y", "", "");
    merge(a, "z", "g");
    leads(a, "z", "", ""); /* sent, and gone: there is nobody to ask */
    aliases_free(a);
}

static void a_circle_ends(void **state)
{
    struct aliases *a = aliases_new();
    char id[16], next[16];

    (void)state;
    merge(a, "x", "y");
    merge(a, "y", "x");
    merge(a, "s", "s");
    leads(a, "x", "", "");
    leads(a, "s", "", "");
    for (int i = 0; i < ALIAS_HOPS_MAX; i++) {
        (void)snprintf(id, sizeof(id), "c%d", i);
        (void)snprintf(next, sizeof(next),
                       i + 1 < ALIAS_HOPS_MAX ? "c%d" : "l%d", i + 1);
        merge(a, id, next);
    }
    leads(a, "c1", "l64", "");
    leads(a, "c0", "", ""); /* one hop too many */
    aliases_free(a);
}

/* An answer that it is there holds until it is asked anew. */
static void what_is_there_is_asked_again(void **state)
{
    struct aliases *a = aliases_new();

    (void)state;
    merge(a, "x", "y");
    aliases_there(a, type, DR_STR_LIT("y"));
    leads(a, "x", "y", "");
    leads(a, "y", "", "");
    assert_true(aliases_ask_anew(a));
    assert_false(aliases_ask_anew(a));
    leads(a, "x", "", "y");
    merge(a, "y", "l");
    leads(a, "x", "l", "");
    aliases_free(a);
}

static void it_has_a_bound(void **state)
{
    struct aliases *a = aliases_new();
    char id[16];

    (void)state;
    merge(a, "x", "y");
    for (int i = 1; i < ALIASES_MAX + 10; i++) {
        (void)snprintf(id, sizeof(id), "n%d", i);
        aliases_gone(a, type, dr_str_z(id));
    }
    assert_true(aliases_full(a));
    merge(a, "told", "l"); /* nobody had to ask */
    leads(a, "told", "l", "");
    for (int i = 2; i < ALIASES_MAX; i++) {
        (void)snprintf(id, sizeof(id), "m%d", i);
        merge(a, id, "l");
    }
    assert_false(aliases_merged(a, type, DR_STR_LIT("new"), DR_STR_LIT("l")));
    leads(a, "x", "", ""); /* nobody is asked when no answer can be kept */
    leads(a, "other", "", "");
    assert_true(aliases_merged(a, type, DR_STR_LIT("x"), DR_STR_LIT("l")));
    leads(a, "x", "l", "");
    aliases_free(a);
}

static void which_are_concerned(void **state)
{
    struct aliases *a = aliases_new();

    (void)state;
    assert_false(aliases_concern(a, type, DR_STR_LIT("x")));
    merge(a, "x", "y");
    assert_true(aliases_concern(a, type, DR_STR_LIT("x")));
    assert_true(aliases_concern(a, type, DR_STR_LIT("y")));
    assert_false(aliases_concern(a, type, DR_STR_LIT("z")));
    assert_false(aliases_concern(a, DR_STR_LIT("deal"), DR_STR_LIT("x")));
    aliases_free(a);
}

/* ---- which records a record names ---- */

static void note(void *ctx, struct dr_str t, struct dr_str id)
{
    dr_buf_printf(ctx, DR_STR_FMT ":" DR_STR_FMT " ", DR_STR_ARG(t),
                  DR_STR_ARG(id));
}

static void names(const struct dr_source *s, const char *want)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)1 << 20);
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    refs_each(s, a, note, &b);
    if (!dr_str_eqz(dr_buf_view(&b), want)) {
        fail_msg("it names " DR_STR_FMT, DR_STR_ARG(dr_buf_view(&b)));
    }
    dr_buf_done(&b);
}

static void what_records_name(void **state)
{
    const struct dr_assoc ends[] = {
        {.pair = DR_STR_LIT("co_visit_deal"), .to_id = DR_STR_LIT("d")},
        {.pair = DR_STR_LIT("co_visit_co_plan"), .to_id = DR_STR_LIT("p")},
        {.pair = DR_STR_LIT("other_deal"), .to_id = DR_STR_LIT("no")},
        {.pair = DR_STR_LIT("co_visit"), .to_id = DR_STR_LIT("no")},
        {.pair = DR_STR_LIT("co_visit_deal"), .to_id = DR_STR_LIT("")}};
    const struct dr_part lines[] = {
        {.body = DR_STR_LIT("{\"properties\":{\"product_id\":\"p1\"}}")},
        {.body = DR_STR_LIT("{\"properties\":{\"product_id\":null}}")},
        {.body = DR_STR_LIT("no JSON")}};

    (void)state;
    names(&(struct dr_source){.object = DR_STR_LIT("co_visit"),
                              .assocs = ends,
                              .assoc_count = DR_ARRAY_LEN(ends)},
          "deal:d co_plan:p ");
    names(&(struct dr_source){.object = DR_STR_LIT("line_item"),
                              .parts = lines,
                              .part_count = DR_ARRAY_LEN(lines)},
          "product:p1 ");
    names(&(struct dr_source){.object = DR_STR_LIT("company"),
                              .body = DR_STR_LIT("{\"properties\":{\"parent_"
                                                 "company_id\":\"c\"}}")},
          "company:c ");
    names(&(struct dr_source){.object = DR_STR_LIT("event"),
                              .body = DR_STR_LIT("{\"contact_id\":\"c\"}")},
          "contact:c ");
    names(
        &(struct dr_source){.object = DR_STR_LIT("company"),
                            .body = DR_STR_LIT("{\"properties\":{\"parent_"
                                               "company_id\":\"a\\u0000\"}}")},
        "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_ends_at_what_lives),
        cmocka_unit_test(its_own_tombstone_counts_more_than_what_others_tell),
        cmocka_unit_test(what_lived_again_was_merged_no_more),
        cmocka_unit_test(what_is_gone_leads_nowhere),
        cmocka_unit_test(a_circle_ends),
        cmocka_unit_test(what_is_there_is_asked_again),
        cmocka_unit_test(it_has_a_bound),
        cmocka_unit_test(which_are_concerned),
        cmocka_unit_test(what_records_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
