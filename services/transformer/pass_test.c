/* What one message of a pass becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/crypto/crypto.h>

#include "pass.h"

#define PARTS 6

static const char plan_text[] =
    "{\"format\":\"drover-plan/1\",\"scope\":[\"company\",\"contact\","
    "\"line_item\",\"attachment\",\"co_box\"],\"objects\":["
    "{\"object\":\"attachment\",\"target_type\":\"files\",\"lane\":\"file\","
    "\"fields\":[]},"
    "{\"object\":\"co_box\",\"target_type\":\"deals\",\"lane\":\"link\","
    "\"fields\":[]},"
    "{\"object\":\"company\",\"target_type\":\"sales_accounts\",\"lane\":"
    "\"account\",\"fields\":[]},"
    "{\"object\":\"contact\",\"target_type\":\"contacts\",\"lane\":\"contact\","
    "\"fields\":[]},"
    "{\"object\":\"line_item\",\"target_type\":\"deals\",\"lane\":"
    "\"deal_product\",\"fields\":[]}],"
    "\"owners\":{\"map\":{\"o\":\"5\"},\"unresolved\":\"park\"}}";

struct fixture {
    struct dr_arena *a;
    struct pass pass;
    struct dr_plan *plan;
    struct out_list out;
};

static int setup(void **state)
{
    static struct fixture f;
    struct dr_err err = {0};

    f = (struct fixture){.a = dr_arena_new((size_t)64 << 20)};
    f.plan = dr_plan_parse(dr_str_z(plan_text), &err);
    if (!f.plan) {
        print_error("%s\n", err.text);
        return -1;
    }
    f.pass = (struct pass){.plan = f.plan,
                           .number = 3,
                           .sample = dr_map_new(NULL),
                           .partitions = PARTS,
                           .opts = {.migration = DR_STR_LIT("m"), .pass = 3}};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    dr_map_free(f->pass.sample);
    dr_plan_free(f->plan);
    dr_arena_free(f->a);
    return 0;
}

static void step(struct fixture *f, const struct dr_env *env)
{
    struct dr_err err = {0};

    dr_arena_reset(f->a);
    assert_int_equal(pass_step(&f->pass, env, DR_STR_LIT("source.x"), 4, 99,
                               f->a, &f->out, &err),
                     0);
}

static void step_source(struct fixture *f, const char *object, const char *id,
                        const char *body)
{
    struct dr_env env = {.kind = DR_MSG_SOURCE};

    env.u.source = (struct dr_source){.object = dr_str_z(object),
                                      .id = dr_str_z(id),
                                      .rev = 7,
                                      .op = DR_SRC_UPSERT,
                                      .origin = DR_ORIGIN_SNAPSHOT,
                                      .body = dr_str_z(body)};
    step(f, &env);
}

static const char company[] =
    "{\"owner_id\":\"o\",\"properties\":{\"name\":\"A\","
    "\"parent_company_id\":\"p\"}}";

/* Account and link: two lanes, one partition, that of the id. */
static void test_load(void **state)
{
    struct fixture *f = *state;

    step_source(f, "company", "c1", company);
    assert_int_equal(f->out.n, 2);
    assert_true(dr_str_eqz(f->out.v[0].lane, "account"));
    assert_true(dr_str_eqz(f->out.v[1].lane, "link"));
    for (size_t i = 0; i < 2; i++) {
        const struct out_message *m = &f->out.v[i];
        assert_int_equal(m->topic, OUT_LOAD);
        assert_true(dr_str_eqz(m->key, "company:c1"));
        assert_int_equal(m->partition, dr_partition(DR_STR_LIT("c1"), PARTS));
        assert_int_equal(m->env.kind, DR_MSG_LOAD);
        assert_int_equal(m->env.u.load.pass, 3);
        assert_int_equal(m->env.u.load.rev, 7);
    }
}

static void test_rejected(void **state)
{
    struct fixture *f = *state;
    const struct dr_rejected *r;

    step_source(f, "company", "c1", "{\"owner_id\":\"o\",\"properties\":{}}");
    assert_int_equal(f->out.n, 1);
    r = &f->out.v[0].env.u.rejected;
    assert_int_equal(f->out.v[0].topic, OUT_REJECTED);
    assert_int_equal(f->out.v[0].partition,
                     dr_partition(DR_STR_LIT("c1"), PARTS));
    assert_true(dr_str_eqz(r->class, "required_empty"));
    assert_true(dr_str_eqz(r->topic, "source.x"));
    assert_int_equal(r->partition, 4);
    assert_int_equal(r->offset, 99);
    assert_true(
        dr_str_eqz(r->original, "{\"owner_id\":\"o\",\"properties\":{}}"));
    step_source(f, "company", "c1",
                "{\"owner_id\":\"x\",\"properties\":{\"name\":\"A\"}}");
    assert_int_equal(f->out.n, 1);
    assert_true(f->out.v[0].env.u.rejected.parked);
}

/* What the auditor derives by itself is not sent. */
static void test_silent(void **state)
{
    struct fixture *f = *state;
    struct dr_env env = {.kind = DR_MSG_SOURCE};

    step_source(f, "note", "n1", "{\"properties\":{}}");
    assert_int_equal(f->out.n, 0);
    env.u.source = (struct dr_source){.object = DR_STR_LIT("company"),
                                      .id = DR_STR_LIT("c1"),
                                      .op = DR_SRC_DELETE};
    step(f, &env);
    assert_int_equal(f->out.n, 0);
    env = (struct dr_env){.kind = DR_MSG_CURSOR};
    step(f, &env);
    assert_int_equal(f->out.n, 0);
}

static void test_sample(void **state)
{
    struct fixture *f = *state;

    f->pass.sample_only = true;
    step_source(f, "company", "c1", company);
    assert_int_equal(f->out.n, 0);
    dr_map_put(f->pass.sample, DR_STR_LIT("company:c1"), f);
    step_source(f, "company", "c1", company);
    assert_int_equal(f->out.n, 2);
    step_source(f, "contact", "c1", company);
    assert_int_equal(f->out.n, 0);
}

/* A set of lines of which more are set aside than a list begins with. */
static void test_many_lines(void **state)
{
    static struct dr_part parts[3000];
    static char ids[3000][8];
    struct fixture *f = *state;
    struct dr_env env = {.kind = DR_MSG_SOURCE};

    for (size_t i = 0; i < DR_ARRAY_LEN(parts); i++) {
        int n = snprintf(ids[i], sizeof(ids[i]), "l%zu", i);
        parts[i] = (struct dr_part){
            .id = {ids[i], (size_t)n},
            .body = DR_STR_LIT("{\"properties\":{\"product_id\":\"p\","
                               "\"quantity\":\"1\"}}")};
    }
    env.u.source = (struct dr_source){.object = DR_STR_LIT("line_item"),
                                      .id = DR_STR_LIT("d1"),
                                      .op = DR_SRC_UPSERT,
                                      .origin = DR_ORIGIN_SNAPSHOT,
                                      .parts = parts,
                                      .part_count = DR_ARRAY_LEN(parts)};
    step(f, &env);
    assert_int_equal(f->out.n, 1 + 2900);
    assert_int_equal(f->out.v[0].env.u.load.line_count, 100);
    assert_true(dr_str_eqz(f->out.v[1].env.u.rejected.class, "too_many_lines"));
    assert_true(dr_str_eqz(f->out.v[1].env.u.rejected.part_id, "l100"));
    assert_true(dr_str_eqz(f->out.v[1].key, "line_item:d1"));
    assert_true(f->out.v[1].env.u.rejected.original.n > 0);
}

static void step_marker(struct fixture *f, const char *object)
{
    struct dr_env env = {.kind = DR_MSG_MARKER};

    env.u.marker = (struct dr_marker){
        .object = dr_str_z(object), .partition = 2, .count = 17, .epoch = 1};
    step(f, &env);
}

static void test_markers(void **state)
{
    struct fixture *f = *state;

    step_marker(f, "contact");
    assert_int_equal(f->out.n, PARTS);
    for (size_t i = 0; i < PARTS; i++) {
        assert_true(dr_str_eqz(f->out.v[i].lane, "contact"));
        assert_int_equal(f->out.v[i].partition, (int)i);
        assert_int_equal(f->out.v[i].env.u.marker.pass, 3);
        assert_int_equal(f->out.v[i].env.u.marker.partition, 2);
        assert_int_equal(f->out.v[i].env.u.marker.count, 17);
    }
    step_marker(f, "note"); /* feeds no lane */
    assert_int_equal(f->out.n, 0);
    step_marker(f, "product"); /* not in the plan's scope */
    assert_int_equal(f->out.n, 0);
}

/* The Unassigned Account goes first, always the same. */
static void test_orphan(void **state)
{
    struct fixture *f = *state;
    char hash[32];

    step_marker(f, "company");
    assert_int_equal(f->out.n, 1 + 2 * PARTS);
    assert_int_equal(f->out.v[0].env.kind, DR_MSG_LOAD);
    assert_true(dr_str_eqz(f->out.v[0].key, DR_ORPHAN_KEY));
    assert_int_equal(f->out.v[0].partition,
                     dr_partition(DR_STR_LIT(DR_ORPHAN_ID), PARTS));
    memcpy(hash, f->out.v[0].env.u.load.content_hash.p, sizeof(hash));
    f->pass.sample_only = true;
    step_marker(f, "company");
    assert_int_equal(f->out.n, 1 + 2 * PARTS);
    assert_memory_equal(hash, f->out.v[0].env.u.load.content_hash.p,
                        sizeof(hash));
}

static const char attachment[] =
    "{\"properties\":{\"file_name\":\"a.txt\",\"size\":\"3\","
    "\"parents\":[{\"type\":\"contact\",\"id\":\"c\"}]}}";

/* Without bytes nothing goes out and nothing is rejected; with them the same
 * record goes. Its markers go to both of its lanes. */
static void test_waiting(void **state)
{
    static const char hash[32] = "of the bytes";
    struct fixture *f = *state;
    struct dr_env env = {.kind = DR_MSG_SOURCE};
    char first[32];

    step_source(f, "attachment", "f1", attachment);
    assert_int_equal(f->out.n, 0);
    env.u.source = (struct dr_source){
        .object = DR_STR_LIT("attachment"),
        .id = DR_STR_LIT("f1"),
        .rev = 8,
        .op = DR_SRC_UPSERT,
        .origin = DR_ORIGIN_TAIL,
        .body = dr_str_z(attachment),
        .blob = {DR_BLOB_STORED, 1, 5, 5, 3, {hash, sizeof(hash)}}};
    step(f, &env);
    assert_int_equal(f->out.n, 2); /* and no note about it */
    assert_true(dr_str_eqz(f->out.v[0].lane, "file"));
    assert_int_equal(f->out.v[0].env.u.load.blob.first_offset, 5);
    memcpy(first, f->out.v[0].env.u.load.content_hash.p, sizeof(first));
    env.u.source.blob.first_offset = 77; /* fetched again: the same file */
    step(f, &env);
    assert_memory_equal(first, f->out.v[0].env.u.load.content_hash.p,
                        sizeof(first));
    env.u.source.blob.size = 4;
    step(f, &env);
    assert_memory_not_equal(first, f->out.v[0].env.u.load.content_hash.p,
                            sizeof(first));
    step_marker(f, "attachment");
    assert_int_equal(f->out.n, 2 * PARTS);
    assert_true(dr_str_eqz(f->out.v[0].lane, "file"));
    assert_true(dr_str_eqz(f->out.v[PARTS].lane, "note"));
}

/* A note about a file, from the moment that there is a file: the note goes, and
 * nobody is asked. */
static void test_leftover(void **state)
{
    struct fixture *f = *state;
    struct dr_env env = {.kind = DR_MSG_SOURCE};
    struct dr_source *s = &env.u.source;
    const struct dr_load *l;

    *s = (struct dr_source){.object = DR_STR_LIT("attachment"),
                            .id = DR_STR_LIT("f1"),
                            .rev = 8,
                            .op = DR_SRC_UPSERT,
                            .origin = DR_ORIGIN_TAIL,
                            .body = dr_str_z(attachment),
                            .blob = {.state = DR_BLOB_HASH}};
    step(f, &env);
    assert_int_equal(f->out.n, 1); /* the note */
    assert_int_equal(f->out.v[0].env.u.load.op, DR_LOAD_WRITE);
    assert_true(dr_str_eqz(f->out.v[0].lane, "note"));
    s->blob = (struct dr_blob){0};
    step(f, &env);
    assert_int_equal(f->out.n, 0); /* its bytes are on their way */
    s->blob = (struct dr_blob){.state = DR_BLOB_STORED, .size = 3};
    step(f, &env);
    assert_int_equal(f->out.n, 2);
    l = &f->out.v[1].env.u.load;
    assert_int_equal(l->op, DR_LOAD_DELETE);
    assert_true(dr_str_eqz(l->lane, "note"));
    assert_true(dr_str_eqz(l->type, "notes"));
    assert_true(dr_str_eqz(l->key, "attachment:f1"));
    assert_int_equal(l->rev, 8);
    assert_int_equal(l->field_count + l->ref_count, 0);
    s->origin = DR_ORIGIN_SNAPSHOT; /* nothing was before it */
    step(f, &env);
    assert_int_equal(f->out.n, 1);
    f->pass.other_plans = true; /* but what a sample under another plan left */
    step(f, &env);
    assert_int_equal(f->out.n, 2);
    assert_int_equal(f->out.v[1].env.u.load.op, DR_LOAD_DELETE);
    f->pass.other_plans = false;
    s->origin = DR_ORIGIN_TAIL;
    s->object = DR_STR_LIT("company"); /* makes no note */
    s->body = dr_str_z(company);
    step(f, &env);
    for (size_t i = 0; i < f->out.n; i++) {
        assert_int_not_equal(f->out.v[i].env.u.load.op, DR_LOAD_DELETE);
    }
}

static void step_removal(struct fixture *f, const char *object)
{
    struct dr_removal r = {dr_str_z(object), DR_STR_LIT("x1"), 9};
    struct dr_err err = {0};

    dr_arena_reset(f->a);
    assert_int_equal(pass_removal(&f->pass, &r, f->a, &f->out, &err), 0);
}

/* Only what stands as a record of its own is deleted: never, through the lane
 * of links, the record that something was folded into. */
static void test_removal(void **state)
{
    struct fixture *f = *state;
    const struct dr_load *l;
    struct dr_err err = {0};
    struct dr_buf bytes;
    char hash[32];

    step_removal(f, "company");
    assert_int_equal(f->out.n, 1);
    l = &f->out.v[0].env.u.load;
    assert_true(dr_str_eqz(f->out.v[0].lane, "account"));
    assert_int_equal(l->op, DR_LOAD_DELETE);
    assert_int_equal(l->rev, 9);
    assert_int_equal(l->pass, 3);
    assert_int_equal(l->field_count + l->ref_count + l->type.n, 0);
    assert_true(dr_str_eqz(l->key, "company:x1"));
    assert_int_equal(f->out.v[0].partition,
                     dr_partition(DR_STR_LIT("x1"), PARTS));
    dr_buf_init(&bytes, 4096);
    assert_int_equal(dr_wire_pack(&f->out.v[0].env, &bytes, &err), 0);
    dr_buf_done(&bytes);
    memcpy(hash, l->content_hash.p, sizeof(hash));
    step_removal(f, "company"); /* again: the same */
    assert_memory_equal(hash, f->out.v[0].env.u.load.content_hash.p,
                        sizeof(hash));
    step_removal(f, "attachment");
    assert_int_equal(f->out.n, 2);
    step_removal(f, "co_box");
    assert_int_equal(f->out.n, 0);
    step_removal(f, "deal"); /* not in the scope */
    assert_int_equal(f->out.n, 0);
    f->pass.sample_only = true;
    step_removal(f, "company");
    assert_int_equal(f->out.n, 0);
}

static void test_set_aside(void **state)
{
    struct fixture *f = *state;
    struct dr_env env = {.kind = DR_MSG_SOURCE};
    struct dr_arena *small = dr_arena_new(512);
    struct out_message m;
    struct dr_err err = {0};
    struct dr_buf key;

    env.u.source = (struct dr_source){.object = DR_STR_LIT("company"),
                                      .id = DR_STR_LIT("c1"),
                                      .op = DR_SRC_UPSERT,
                                      .body = dr_str_z(company)};
    assert_int_equal(
        pass_step(&f->pass, &env, DR_STR_LIT("t"), 0, 0, small, &f->out, &err),
        -1);
    dr_buf_init(&key, 256);
    pass_set_aside(&f->pass, &env.u.source, DR_STR_LIT("t"), 1, 2, &key, &m);
    assert_int_equal(m.topic, OUT_REJECTED);
    assert_true(dr_str_eqz(m.key, "company:c1"));
    assert_true(dr_str_eqz(m.env.u.rejected.class, "too_large"));
    assert_true(dr_str_eqz(m.env.u.rejected.original, company));
    dr_buf_done(&key);
    dr_arena_free(small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_load),     TEST(test_rejected),   TEST(test_silent),
        TEST(test_sample),   TEST(test_many_lines), TEST(test_markers),
        TEST(test_orphan),   TEST(test_set_aside),  TEST(test_waiting),
        TEST(test_leftover), TEST(test_removal),
    };

    dr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
