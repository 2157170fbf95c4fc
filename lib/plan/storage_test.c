/* What the account's storage has no room for: which files, and what becomes of
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "golden_test.h"

static struct world world;

static const struct dr_source *record(const char *path)
{
    for (size_t i = 0; i < world.n; i++) {
        if (strcmp(world.v[i].path, path) == 0) {
            return &world.v[i].source;
        }
    }
    fail_msg("no %s in the golden world", path);
    return NULL;
}

static struct dr_outcome apply(const struct dr_plan *plan,
                               const struct dr_source *rec)
{
    static const struct dr_apply_opts o = {
        .migration = {"test", 4}, .generation = 1, .pass = 1};
    struct dr_err err = {0};
    struct dr_outcome out;

    assert_int_equal(dr_plan_apply(plan, rec, &o, world.a, &out, &err), 0);
    return out;
}

static struct dr_str field(const struct dr_outcome *o, const char *name)
{
    for (size_t i = 0; o->load_count > 0 && i < o->loads[0].field_count; i++) {
        if (dr_str_eqz(o->loads[0].fields[i].name, name)) {
            return o->loads[0].fields[i].value;
        }
    }
    return (struct dr_str){NULL, 0};
}

static void assert_holds(struct dr_str text, const char *part)
{
    if (dr_str_find(text, dr_str_z(part)) == SIZE_MAX) {
        fail_msg("\"" DR_STR_FMT "\" does not hold \"%s\"", DR_STR_ARG(text),
                 part);
    }
}

static const struct {
    const char *id, *created, *size, *status;
} asking[] = {
    /* of another zone: the oldest, though its text is not the smallest */
    {"b", "2021-01-01T00:30:00+01:00", "500", "available"},
    {"a", "2021-01-01T00:00:00Z", "600", "available"}, /* 300 are left */
    {"c", "2022-01-01T00:00:00Z", "100", "available"},
    {"d", "2022-01-01T00:00:00Z", "201", "available"}, /* 200 are left */
    {"e", "2020-01-01T00:00:00Z", "157286401", "available"},
    {"f", "2020-01-01T00:00:00Z", "700", "missing"},
    {"i", "2020-01-01T00:00:00Z", "", "Quarantined"},
    {"g", "soon", "200", "available"}, /* no time: the last, and it fits */
    {"h", "soon", "1", "available"},
};

static struct dr_profile *asking_files(bool backwards)
{
    struct dr_profile *p = dr_profile_new();
    size_t n = DR_ARRAY_LEN(asking);

    for (size_t i = 0; i < n; i++) {
        size_t at = backwards ? n - 1 - i : i;
        struct dr_source rec = {.object = DR_STR_LIT("attachment"),
                                .op = DR_SRC_UPSERT,
                                .id = dr_str_z(asking[at].id)};
        struct dr_err err = {0};
        rec.body = dr_arena_printf(
            world.a,
            "{\"owner_id\":\"o_%s\",\"created_at\":\"%s\",\"properties\":{"
            "\"file_name\":\"n\",\"size\":\"%s\",\"status\":\"%s\","
            "\"parents\":[{\"type\":\"deal\",\"id\":\"d_%s\"}]}}",
            asking[at].id, asking[at].created, asking[at].size,
            asking[at].status, asking[at].id);
        assert_int_equal(dr_profile_add(p, &rec, &err), 0);
    }
    return p;
}

/* The plan's text, without its hash; in the world's arena. */
static struct dr_str asked_plan(const struct dr_profile *profile,
                                const char *fate, uint64_t storage)
{
    struct dr_propose_opts o = {.house_owner = world.house_owner,
                                .storage_bytes = storage,
                                .files_beyond = fate};
    struct dr_catalogs c = world.c;
    struct dr_proposal p;
    struct dr_err err = {0};
    struct dr_str text;
    size_t at;

    if (storage == 0) { /* nor is it known from the account */
        c.dst_account = NULL;
    }
    dr_proposal_init(&p);
    assert_int_equal(dr_plan_propose(profile, &c, &o, &p, &err), 0);
    text = dr_arena_dup(world.a, dr_buf_view(&p.plan));
    at = dr_str_find(text, DR_STR_LIT("\"hash\":\"sha256:"));
    text = dr_arena_printf(world.a, "%.*s%.*s", (int)at, text.p,
                           (int)(text.n - at - 81), text.p + at + 81);
    dr_proposal_done(&p);
    return text;
}

static struct dr_plan *parsed(struct dr_str text)
{
    struct dr_err err = {0};
    struct dr_plan *p = dr_plan_parse(text, &err);

    if (!p) {
        fail_msg("%s", err.text);
    }
    return p;
}

/* Deals as the books have them: one merged, one hidden, one without an owner.
 */
static const struct dr_source *get(void *ctx, struct dr_str object,
                                   struct dr_str id, struct dr_arena *a)
{
    static const struct {
        const char *id, *into, *body;
    } deals[] = {{"d_own", NULL, "{\"owner_id\":\"o_deal\"}"},
                 {"d_nobody", NULL, "{\"owner_id\":null}"},
                 {"d_merged", "d_own", NULL},
                 {"d_round", "d_round", NULL}};

    assert_null(ctx);
    for (size_t i = 0; i < DR_ARRAY_LEN(deals); i++) {
        if (dr_str_eqz(object, "deal") && dr_str_eqz(id, deals[i].id)) {
            struct dr_source *rec = dr_arena_calloc(a, 1, sizeof(*rec));
            rec->op = deals[i].into ? DR_SRC_MERGE : DR_SRC_UPSERT;
            rec->merged_into = dr_str_z(deals[i].into);
            rec->body = dr_str_z(deals[i].body);
            return rec;
        }
    }
    return NULL;
}

static const struct dr_json *files_report(const struct dr_profile *profile,
                                          struct dr_str plan)
{
    const struct dr_records records = {get, NULL};
    struct dr_plan *p = parsed(plan);
    const struct dr_json *j;
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_plan_files_json(profile, p, &records, &w);
    j = dr_json_parse(world.a, dr_arena_dup(world.a, dr_buf_view(&b)), NULL,
                      NULL);
    assert_non_null(j);
    dr_buf_done(&b);
    dr_plan_free(p);
    return j;
}

static void assert_item(const struct dr_json *j, size_t at, const char *id,
                        const char *class, const char *decision)
{
    const struct dr_json *i = dr_json_at(dr_json_get(j, "items"), at);

    assert_true(dr_str_eqz(dr_json_get_str(i, "id"), id));
    assert_true(dr_str_eqz(dr_json_get_str(i, "class"), class));
    assert_true(dr_str_eqz(dr_json_get_str(i, "decision"), decision));
    assert_true(dr_str_eq(dr_json_get_str(i, "owner"),
                          dr_arena_printf(world.a, "o_%s", id)));
    assert_true(dr_str_eq(dr_json_get_str(dr_json_get(i, "parent"), "id"),
                          dr_arena_printf(world.a, "d_%s", id)));
}

static void is_because(const struct dr_json *j, size_t at, const char *part)
{
    assert_holds(
        dr_json_get_str(dr_json_at(dr_json_get(j, "items"), at), "reason"),
        part);
}

static int64_t count_of(const struct dr_json *j, const char *class)
{
    return dr_json_get_i64(dr_json_get(j, class), "count", -1);
}

/* The oldest first, each that fits in what is left, whatever was read first. */
static void test_list(void **state)
{
    struct dr_profile *one = asking_files(false), *two = asking_files(true);
    struct dr_str plan = asked_plan(one, "note", 800);
    const struct dr_json *j;

    (void)state;
    assert_holds(plan,
                 "\"beyond\":\"note\",\"beyond_ids\":[\"a\",\"d\",\"h\"]");
    assert_true(dr_str_eq(plan, asked_plan(two, "note", 800)));
    j = files_report(one, plan);
    assert_true(dr_str_eqz(dr_json_get_str(j, "storage"), "known"));
    assert_int_equal(dr_json_get(j, "items")->count, 6);
    assert_item(j, 0, "e", "too_large", "note");
    assert_item(j, 1, "a", "storage", "note");
    assert_item(j, 2, "d", "storage", "note");
    assert_item(j, 3, "h", "storage", "note");
    assert_item(j, 4, "f", "broken", "note"); /* by id, whatever their size */
    assert_item(j, 5, "i", "broken", "note");
    is_because(j, 0, "larger than");
    is_because(j, 1, "no room");
    is_because(j, 4, "the bytes no more");
    is_because(j, 5, "holds the file back");
    assert_int_equal(count_of(j, "broken"), 2);
    assert_int_equal(count_of(j, "beyond"), 3);
    assert_int_equal(count_of(j, "upload"), 3);
    assert_int_equal(count_of(j, "no_room"), 0);
    assert_int_equal(dr_json_get_i64(j, "storage_over", -1), 0);
    dr_profile_free(one);
    dr_profile_free(two);
}

/* Without a word all go; what has no room is told nonetheless. */
static void test_no_word(void **state)
{
    struct dr_profile *profile = asking_files(false);
    struct dr_str plan = asked_plan(profile, NULL, 800);
    const struct dr_json *j = files_report(profile, plan);

    (void)state;
    assert_holds(plan, "\"beyond\":\"upload\",\"beyond_ids\":[]");
    assert_item(j, 1, "a", "storage", "upload");
    assert_int_equal(count_of(j, "beyond"), 0);
    assert_int_equal(count_of(j, "upload"), 6);
    assert_int_equal(count_of(j, "no_room"), 3);
    assert_int_equal(dr_json_get_i64(j, "storage_over", -1), 802);
    /* nobody knows the storage: nothing is beyond it, and that is said */
    plan = asked_plan(profile, "skip", 0);
    assert_holds(plan, "\"beyond\":\"skip\",\"beyond_ids\":[]");
    j = files_report(profile, plan);
    assert_holds(dr_json_get_str(j, "storage"), "not known: ");
    assert_holds(dr_json_get_str(j, "storage"), "`--storage BYTES`");
    assert_int_equal(dr_json_get(j, "items")->count, 3);
    dr_profile_free(profile);
}

/* A plan names so many; the others go up, and the report says which. */
static void test_bound(void **state)
{
    struct dr_profile *profile = dr_profile_new();
    const struct dr_json *j;

    (void)state;
    for (int i = 0; i < 100002; i++) {
        struct dr_source rec = {.object = DR_STR_LIT("attachment"),
                                .op = DR_SRC_UPSERT};
        struct dr_err err = {0};
        char id[16];
        (void)snprintf(id, sizeof(id), "f%06d", i);
        rec.id = dr_str_z(id);
        rec.body = DR_STR_LIT("{\"properties\":{\"size\":\"2\"}}");
        assert_int_equal(dr_profile_add(profile, &rec, &err), 0);
    }
    j = files_report(profile, asked_plan(profile, "note", 1));
    assert_int_equal(count_of(j, "beyond"), 100000);
    assert_int_equal(count_of(j, "no_room"), 2);
    assert_int_equal(count_of(j, "upload"), 2);
    assert_int_equal(dr_json_get_i64(j, "left_off", 0), 98002);
    dr_profile_free(profile);
}

/* Where the file's record names nobody, the record that it hangs on may. */
static void test_owners(void **state)
{
    static const struct {
        const char *owner, *parent, *shown, *of;
    } cases[] = {{"\"o_1\"", "d_own", "o_1", "attachment"},
                 {"null", "d_own", "o_deal", "deal"},
                 {"\"\"", "d_merged", "o_deal", "deal"},
                 {"null", "d_nobody", "", ""},
                 {"null", "d_round", "", ""},
                 {"null", "d_unknown", "", ""}};
    struct dr_profile *profile = dr_profile_new();
    const struct dr_json *items;

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        struct dr_source rec = {.object = DR_STR_LIT("attachment"),
                                .op = DR_SRC_UPSERT};
        struct dr_err err = {0};
        rec.id = dr_arena_printf(world.a, "f%zu", i);
        rec.body = dr_arena_printf(
            world.a,
            "{\"owner_id\":%s,\"properties\":{\"file_name\":\"n\","
            "\"size\":\"%zu\",\"status\":\"available\",\"parents\":[{"
            "\"type\":\"deal\",\"id\":\"%s\"}]}}",
            cases[i].owner, 900000000 - i, cases[i].parent);
        assert_int_equal(dr_profile_add(profile, &rec, &err), 0);
    }
    items = dr_json_get(files_report(profile, asked_plan(profile, NULL, 800)),
                        "items");
    assert_int_equal(items->count, DR_ARRAY_LEN(cases));
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        const struct dr_json *item = dr_json_at(items, i);
        assert_holds(dr_json_get(item, "owner")->raw, cases[i].shown);
        assert_int_equal(dr_json_get_str(item, "owner").n,
                         strlen(cases[i].shown));
        assert_true(dr_str_eqz(dr_json_get_str(item, "owner_of"), cases[i].of));
    }
    dr_profile_free(profile);
}

static void test_fates(void **state)
{
    struct dr_profile *profile = asking_files(false);
    struct dr_source rec = *record("attachment/stored"); /* with its bytes */
    struct dr_plan *p = parsed(asked_plan(profile, "skip", 800));
    struct dr_outcome out;

    (void)state;
    rec.id = DR_STR_LIT("a");
    out = apply(p, &rec);
    assert_int_equal(out.state, DR_OUT_EXCLUDED);
    assert_true(dr_str_eqz(out.rule, "file.storage"));
    rec.id = DR_STR_LIT("b"); /* not in the list */
    out = apply(p, &rec);
    assert_true(dr_str_eqz(out.loads[0].type, "files"));
    dr_plan_free(p);
    rec.id = DR_STR_LIT("a");
    p = parsed(asked_plan(profile, "note", 800));
    out = apply(p, &rec);
    assert_true(dr_str_eqz(out.loads[0].type, "notes"));
    assert_holds(field(&out, "description"),
                 "A file that is not here: the account's storage would be "
                 "full.");
    dr_plan_free(p);
    p = parsed(asked_plan(profile, "upload", 800));
    out = apply(p, &rec);
    assert_true(dr_str_eqz(out.loads[0].type, "files"));
    dr_plan_free(p);
    dr_profile_free(profile);
}

static void test_link(void **state)
{
    static const char url[] =
        "\"source_url\":\"https://crm.example/a/{id}\",\"max_bytes\"";
    struct dr_profile *profile = asking_files(false);
    struct dr_source rec = *record("attachment/stored");
    struct dr_str text = asked_plan(profile, "link", 800);
    size_t at = dr_str_find(text, DR_STR_LIT("\"max_bytes\""));
    struct dr_plan *p = parsed(text);
    struct dr_outcome out;

    (void)state;
    rec.id = DR_STR_LIT("a");
    /* no address to link to: a note is better than nothing */
    out = apply(p, &rec);
    assert_true(dr_str_eqz(out.loads[0].type, "notes"));
    dr_plan_free(p);
    p = parsed(dr_arena_printf(world.a, "%.*s%s%s", (int)at, text.p, url,
                               text.p + at + strlen("\"max_bytes\"")));
    out = apply(p, &rec);
    assert_true(dr_str_eqz(out.loads[0].type, "document_links"));
    assert_holds(field(&out, "url"), "https://crm.example/a/a");
    dr_plan_free(p);
    dr_profile_free(profile);
}

static int open_world(void **state)
{
    (void)state;
    world_open(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),  cmocka_unit_test(test_no_word),
        cmocka_unit_test(test_bound), cmocka_unit_test(test_fates),
        cmocka_unit_test(test_link),  cmocka_unit_test(test_owners),
    };

    return cmocka_run_group_tests(tests, open_world, close_world);
}
