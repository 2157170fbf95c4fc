/*
 * Records that name what was merged since: each record of the golden world
 * once more, its references by the names of before and the aliases beside
 * them, has to become what it becomes in the world as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "golden_test.h"

#define ALIASES_MAX 64

static const struct dr_apply_opts opts = {
    .migration = {"t", 1}, .generation = 1, .pass = 1};

/* The records of a world under names of before. */
struct before {
    struct dr_arena *a;
    struct dr_alias v[ALIASES_MAX];
    size_t n;
};

static struct dr_str was(struct before *b, struct dr_str type, struct dr_str id)
{
    struct dr_str old =
        dr_arena_printf(b->a, "was-" DR_STR_FMT, DR_STR_ARG(id));

    for (size_t i = 0; i < b->n; i++) {
        if (dr_str_eq(b->v[i].type, type) && dr_str_eq(b->v[i].id, old)) {
            return old;
        }
    }
    assert_true(b->n < ALIASES_MAX);
    b->v[b->n++] = (struct dr_alias){type, old, id};
    return old;
}

/* The text of a member, as it stands in a body. */
static bool find(struct dr_str text, const char *name, struct dr_str *out)
{
    const struct dr_str key = dr_str_z(name);
    size_t at = dr_str_find(text, key);

    if (at == SIZE_MAX) {
        return false;
    }
    at += key.n;
    while (at < text.n && (text.p[at] == ':' || text.p[at] == ' ')) {
        at++;
    }
    if (at >= text.n || text.p[at] != '"') {
        return false; /* null */
    }
    *out = (struct dr_str){text.p + at + 1, 0};
    while (at + 1 + out->n < text.n && out->p[out->n] != '"') {
        out->n++;
    }
    return out->n > 0;
}

static struct dr_str body_was(struct before *b, struct dr_str body)
{
    static const struct {
        const char *name, *type;
    } refs[] = {{"\"parent_company_id\"", "company"},
                {"\"primary_company_id\"", "company"},
                {"\"product_id\"", "product"},
                {"\"contact_id\"", "contact"}};

    for (size_t i = 0; i < DR_ARRAY_LEN(refs); i++) {
        struct dr_str id, old;
        size_t head;
        if (!find(body, refs[i].name, &id)) {
            continue;
        }
        old = was(b, dr_str_z(refs[i].type), id);
        head = (size_t)(id.p - body.p);
        body = dr_arena_printf(
            b->a, DR_STR_FMT DR_STR_FMT DR_STR_FMT,
            DR_STR_ARG(((struct dr_str){body.p, head})), DR_STR_ARG(old),
            DR_STR_ARG(((struct dr_str){id.p + id.n, body.n - head - id.n})));
    }
    return body;
}

static struct dr_source source_was(struct dr_arena *a,
                                   const struct dr_source *s)
{
    struct before *b = dr_arena_alloc(a, sizeof(*b));
    struct dr_assoc *ends =
        dr_arena_calloc(a, s->assoc_count + 1, sizeof(*ends));
    struct dr_part *parts =
        dr_arena_calloc(a, s->part_count + 1, sizeof(*parts));
    struct dr_source out = *s;

    assert_true(b && ends && parts);
    b->a = a;
    out.body = body_was(b, s->body);
    for (size_t i = 0; i < s->part_count; i++) {
        parts[i] = s->parts[i];
        parts[i].body = body_was(b, parts[i].body);
    }
    for (size_t i = 0; i < s->assoc_count; i++) {
        size_t skip = s->object.n + 1;
        struct dr_str pair = s->assocs[i].pair;
        ends[i] = s->assocs[i];
        ends[i].to_id = was(b, (struct dr_str){pair.p + skip, pair.n - skip},
                            ends[i].to_id);
    }
    out.parts = parts;
    out.assocs = ends;
    out.aliases = b->v;
    out.alias_count = b->n;
    return out;
}

static void same(const struct dr_plan *p, const struct dr_source *s,
                 const struct dr_source *old, const char *path)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct dr_outcome one, two;
    struct dr_err err = {0};

    assert_int_equal(dr_plan_apply(p, s, &opts, a, &one, &err), 0);
    assert_int_equal(dr_plan_apply(p, old, &opts, a, &two, &err), 0);
    if (one.state != two.state || one.load_count != two.load_count ||
        one.note_count != two.note_count) {
        fail_msg("%s: %zu loads in state %d, not %zu in %d", path,
                 two.load_count, two.state, one.load_count, one.state);
    }
    for (size_t i = 0; i < one.load_count; i++) {
        if (!dr_str_eq(one.loads[i].content_hash, two.loads[i].content_hash)) {
            fail_msg("%s: load record %zu is another one", path, i);
        }
    }
}

static void a_reference_leads_to_what_is_left(void **state)
{
    struct world w;
    struct dr_plan *p;
    size_t led = 0;

    (void)state;
    world_open(&w);
    p = world_plan(&w);
    for (size_t i = 0; i < w.n; i++) {
        struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
        struct dr_source old = source_was(a, &w.v[i].source);
        same(p, &w.v[i].source, &old, w.v[i].path);
        led += old.alias_count;
    }
    assert_true(led > 40);
    dr_plan_free(p);
    world_close(&w);
}

/* Circles of parents, and on what custom objects hang, too. */
static void a_proposal_follows_as_well(void **state)
{
    struct world w;
    struct dr_proposal one, two;

    (void)state;
    world_open(&w);
    world_propose(&w, &w.c, 0, 1, &one);
    for (size_t i = 0; i < w.n; i++) {
        w.v[i].source = source_was(w.a, &w.v[i].source);
    }
    world_propose(&w, &w.c, 0, 1, &two);
    assert_true(dr_str_find(dr_buf_view(&one.plan), DR_STR_LIT("\"co_b\"")) !=
                SIZE_MAX);
    assert_true(dr_str_eq(dr_buf_view(&one.plan), dr_buf_view(&two.plan)));
    dr_proposal_done(&one);
    dr_proposal_done(&two);
    world_close(&w);
}

/* ---- by hand ---- */

static size_t refs_of(struct dr_source *s, const char *field,
                      struct dr_str *last)
{
    struct world w;
    struct dr_plan *p;
    struct dr_outcome out;
    struct dr_err err = {0};
    size_t n = 0;

    world_open(&w);
    p = world_plan(&w);
    for (size_t i = 0; i < w.n; i++) {
        if (strcmp(w.v[i].path, "deal/plain") == 0 &&
            dr_str_eqz(s->object, "deal")) {
            s->body = w.v[i].source.body;
        }
    }
    assert_int_equal(dr_plan_apply(p, s, &opts, w.a, &out, &err), 0);
    assert_int_equal(out.state, DR_OUT_LOAD);
    for (size_t i = 0; i < out.load_count; i++) {
        for (size_t k = 0; k < out.loads[i].ref_count; k++) {
            const struct dr_ref *r = &out.loads[i].refs[k];
            if (dr_str_eqz(r->field, field)) {
                static char kept[128];
                (void)snprintf(kept, sizeof(kept), DR_STR_FMT,
                               DR_STR_ARG(r->key));
                *last = dr_str_z(kept);
                n++;
            }
        }
    }
    dr_plan_free(p);
    world_close(&w);
    return n;
}

/* A deal with both contacts of a merge has one; an id of another kind of
 * record is another record. */
static void two_that_became_one_are_one(void **state)
{
    const struct dr_assoc ends[] = {
        {.pair = DR_STR_LIT("deal_contact"), .to_id = DR_STR_LIT("x")},
        {.pair = DR_STR_LIT("deal_contact"), .to_id = DR_STR_LIT("y")},
        {.pair = DR_STR_LIT("deal_company"), .to_id = DR_STR_LIT("x")}};
    const struct dr_alias alias = {DR_STR_LIT("contact"), DR_STR_LIT("x"),
                                   DR_STR_LIT("y")};
    struct dr_source s = {.object = DR_STR_LIT("deal"),
                          .id = DR_STR_LIT("d"),
                          .op = DR_SRC_UPSERT,
                          .origin = DR_ORIGIN_SNAPSHOT,
                          .assocs = ends,
                          .assoc_count = DR_ARRAY_LEN(ends)};
    struct dr_str key;

    (void)state;
    assert_int_equal(refs_of(&s, "contacts_added_list", &key), 2);
    s.aliases = &alias;
    s.alias_count = 1;
    assert_int_equal(refs_of(&s, "contacts_added_list", &key), 1);
    assert_true(dr_str_eqz(key, "contact:y"));
    assert_int_equal(refs_of(&s, "sales_account_id", &key), 1);
    assert_true(dr_str_eqz(key, "company:x"));
}

/* Its parent was merged into the company itself. */
static void nobody_is_its_own_parent(void **state)
{
    const struct dr_alias alias = {DR_STR_LIT("company"), DR_STR_LIT("x"),
                                   DR_STR_LIT("c")};
    struct dr_source s = {
        .object = DR_STR_LIT("company"),
        .id = DR_STR_LIT("c"),
        .op = DR_SRC_UPSERT,
        .origin = DR_ORIGIN_SNAPSHOT,
        .body = DR_STR_LIT("{\"owner_id\":\"o_1\",\"properties\":{\"name\":"
                           "\"N\",\"parent_company_id\":\"x\"}}")};
    struct dr_str key;

    (void)state;
    assert_int_equal(refs_of(&s, "parent_sales_account_id", &key), 1);
    s.aliases = &alias;
    s.alias_count = 1;
    assert_int_equal(refs_of(&s, "parent_sales_account_id", &key), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_leads_to_what_is_left),
        cmocka_unit_test(a_proposal_follows_as_well),
        cmocka_unit_test(two_that_became_one_are_one),
        cmocka_unit_test(nobody_is_its_own_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
