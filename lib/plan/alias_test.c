/*
 * Records that name what was merged since: each record of the golden world
 * once more, its references by the names of before and the aliases beside
 * them, has to become what it becomes in the world as it is; but for what it
 * may stand on, where the names of before come last.
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

/* "parents" of an attachment: [{"type": …, "id": …}, …]. */
static struct dr_str parents_was(struct before *b, struct dr_str body)
{
    const struct dr_json *said = dr_json_get(
        dr_json_get(dr_json_parse(b->a, body, NULL, NULL), "properties"),
        "parents");

    DR_JSON_EACH(e, said)
    {
        struct dr_str id = dr_json_get_str(e, "id");
        struct dr_str quoted =
            dr_arena_printf(b->a, "\"" DR_STR_FMT "\"", DR_STR_ARG(id));
        size_t at = dr_str_find(body, DR_STR_LIT("\"parents\"")), head;
        struct dr_str rest = {body.p + at, body.n - at};

        assert_true(at != SIZE_MAX && dr_str_find(rest, quoted) != SIZE_MAX);
        head = at + dr_str_find(rest, quoted) + 1;
        body = dr_arena_printf(
            b->a, DR_STR_FMT DR_STR_FMT DR_STR_FMT,
            DR_STR_ARG(((struct dr_str){body.p, head})),
            DR_STR_ARG(was(b, dr_json_get_str(e, "type"), id)),
            DR_STR_ARG(
                ((struct dr_str){body.p + head + id.n, body.n - head - id.n})));
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
    if (dr_str_eqz(s->object, "attachment")) {
        out.body = parents_was(b, out.body);
    }
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

static bool is_target(const struct dr_ref *r)
{
    return dr_str_starts(r->field, DR_STR_LIT("targetable:"));
}

static struct dr_str packed(struct dr_arena *a, const struct dr_load *l)
{
    struct dr_env env = {.kind = DR_MSG_LOAD};
    struct dr_buf out;
    struct dr_err err = {0};
    struct dr_str bytes;

    env.u.load = *l;
    dr_buf_init(&out, (size_t)16 << 20);
    assert_int_equal(dr_wire_pack(&env, &out, &err), 0);
    bytes = dr_arena_dup(a, dr_buf_view(&out));
    dr_buf_done(&out);
    return bytes;
}

/* What stands behind the references of `one` in those of `two`: the names of
 * before of what it may stand on. Returns how many. */
static size_t last_ones(const struct dr_load *one, const struct dr_load *two,
                        const char *path)
{
    size_t targets = 0, more = two->ref_count - one->ref_count;

    if (two->ref_count < one->ref_count) {
        fail_msg("%s: references are missing", path);
    }
    for (size_t i = 0; i < one->ref_count; i++) {
        targets += is_target(&one->refs[i]);
    }
    for (size_t i = one->ref_count; i < two->ref_count; i++) {
        if (!is_target(&two->refs[i]) ||
            dr_str_find(two->refs[i].key, DR_STR_LIT(":was-")) == SIZE_MAX) {
            fail_msg("%s: another reference than the last one", path);
        }
    }
    if (more > targets || (targets > 0 && more == 0 && targets < 8)) {
        fail_msg("%s: %zu last ones of %zu", path, more, targets);
    }
    return more;
}

/* Returns how many references are the last ones to stand on. */
static size_t same(const struct dr_plan *p, const struct dr_source *s,
                   const struct dr_source *old, const char *path)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    bool file = dr_str_eqz(s->object, "attachment");
    struct dr_outcome one, two;
    struct dr_err err = {0};
    size_t last = 0;

    assert_int_equal(dr_plan_apply(p, s, &opts, a, &one, &err), 0);
    assert_int_equal(dr_plan_apply(p, old, &opts, a, &two, &err), 0);
    if (one.state != two.state || one.load_count != two.load_count ||
        (one.note_count != two.note_count && !file)) {
        fail_msg("%s: %zu loads in state %d, not %zu in %d", path,
                 two.load_count, two.state, one.load_count, one.state);
    }
    for (size_t i = 0; i < one.load_count; i++) {
        struct dr_load l = two.loads[i];
        size_t more = last_ones(&one.loads[i], &l, path);
        if (more == 0 &&
            !dr_str_eq(one.loads[i].content_hash, l.content_hash)) {
            fail_msg("%s: load record %zu is another one", path, i);
        }
        l.ref_count -= more;
        l.content_hash = one.loads[i].content_hash;
        if (!dr_str_eq(packed(a, &one.loads[i]), packed(a, &l))) {
            fail_msg("%s: load record %zu has another content", path, i);
        }
        last += more;
    }
    return last;
}

static void a_reference_leads_to_what_is_left(void **state)
{
    struct world w;
    struct dr_plan *p;
    size_t led = 0, last = 0;

    (void)state;
    world_open(&w);
    p = world_plan(&w);
    for (size_t i = 0; i < w.n; i++) {
        struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
        struct dr_source old = source_was(a, &w.v[i].source);
        last += same(p, &w.v[i].source, &old, w.v[i].path);
        led += old.alias_count;
    }
    assert_true(led > 40);
    assert_true(last > 10);
    dr_plan_free(p);
    world_close(&w);
}

/* The target moves none: what was merged since makes no other one of it. */
static void a_file_stays_the_same(void **state)
{
    struct world w;
    struct dr_plan *p;
    size_t files = 0;

    (void)state;
    world_open(&w);
    p = world_plan(&w);
    for (size_t i = 0; i < w.n; i++) {
        struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
        struct dr_source merged = source_was(a, &w.v[i].source),
                         as_was = merged;
        struct dr_outcome one, two;
        struct dr_err err = {0};

        as_was.alias_count = 0;
        assert_int_equal(dr_plan_apply(p, &as_was, &opts, a, &one, &err), 0);
        assert_int_equal(dr_plan_apply(p, &merged, &opts, a, &two, &err), 0);
        if (one.state != DR_OUT_LOAD || merged.alias_count == 0 ||
            !dr_str_eqz(one.loads[0].lane, "file")) {
            continue;
        }
        assert_true(two.loads[0].ref_count > one.loads[0].ref_count);
        assert_true(
            dr_str_eq(one.loads[0].content_hash, two.loads[0].content_hash));
        assert_true(two.note_count > one.note_count);
        files++;
    }
    assert_true(files > 0);
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

static bool tells(const struct dr_outcome *out, const char *id)
{
    for (size_t i = 0; i < out->note_count; i++) {
        if (dr_str_eqz(out->notes[i].source, id)) {
            return true;
        }
    }
    return false;
}

/* On the contact that is left, else on the company, and where neither is
 * there, on the contact of before: it is no link of its own. */
static void what_was_merged_is_stood_on_last(void **state)
{
    static const char *const wanted[] = {"contact:y", "company:c", "contact:x"};
    const struct dr_assoc ends[] = {
        {.pair = DR_STR_LIT("note_company"), .to_id = DR_STR_LIT("c")},
        {.pair = DR_STR_LIT("note_contact"), .to_id = DR_STR_LIT("x")}};
    const struct dr_alias aliases[] = {
        {DR_STR_LIT("contact"), DR_STR_LIT("x"), DR_STR_LIT("y")},
        {DR_STR_LIT("contact"), DR_STR_LIT("u"), DR_STR_LIT("v")}};
    struct dr_source s = {.object = DR_STR_LIT("note"),
                          .id = DR_STR_LIT("n"),
                          .op = DR_SRC_UPSERT,
                          .origin = DR_ORIGIN_SNAPSHOT,
                          .assocs = ends,
                          .assoc_count = DR_ARRAY_LEN(ends),
                          .aliases = aliases,
                          .alias_count = DR_ARRAY_LEN(aliases)};
    struct world w;
    struct dr_plan *p;
    struct dr_outcome out;
    struct dr_err err = {0};

    (void)state;
    world_open(&w);
    p = world_plan(&w);
    for (size_t i = 0; i < w.n && s.body.n == 0; i++) {
        if (dr_str_eqz(w.v[i].source.object, "note")) {
            s.body = w.v[i].source.body;
        }
    }
    assert_int_equal(dr_plan_apply(p, &s, &opts, w.a, &out, &err), 0);
    assert_int_equal(out.state, DR_OUT_LOAD);
    assert_int_equal(out.loads[0].ref_count, DR_ARRAY_LEN(wanted));
    for (size_t i = 0; i < DR_ARRAY_LEN(wanted); i++) {
        assert_true(dr_str_eqz(out.loads[0].refs[i].key, wanted[i]));
        assert_int_equal(out.loads[0].refs[i].on_miss, DR_MISS_REJECT);
    }
    assert_true(tells(&out, "c"));
    assert_false(tells(&out, "x"));
    dr_plan_free(p);
    world_close(&w);
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
        cmocka_unit_test(a_file_stays_the_same),
        cmocka_unit_test(a_proposal_follows_as_well),
        cmocka_unit_test(two_that_became_one_are_one),
        cmocka_unit_test(what_was_merged_is_stood_on_last),
        cmocka_unit_test(nobody_is_its_own_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
