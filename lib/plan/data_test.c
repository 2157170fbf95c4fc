/*
 * Every record of the data sets, and damaged copies of them, through proposal
 * and plan: each has one outcome, and what would be sent is within the limits
 * of the target. The sets lie beside the repository (DR_SHARED, ../shared);
 * without them the test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "data_world.h"

#define RECORD_ARENA ((size_t)64 << 20)
#define HOUSE 1

/* ---- what must hold ---- */

static struct dr_str field_of(const struct dr_load *l, const char *name)
{
    for (size_t i = 0; i < l->field_count; i++) {
        if (dr_str_eqz(l->fields[i].name, name)) {
            return l->fields[i].value;
        }
    }
    return (struct dr_str){NULL, 0};
}

static size_t text_limit(struct dr_str name)
{
    static const char *const lines[] = {"title", "name", "file_name",
                                        "location", "working_name"};

    for (size_t i = 0; i < DR_ARRAY_LEN(lines); i++) {
        if (dr_str_eqz(name, lines[i])) {
            return 255;
        }
    }
    return 10000;
}

static void check_field(const struct dr_load *l, const struct dr_field *f)
{
    struct dr_dec d;

    assert_true(f->name.n > 0 && f->rule.n > 0);
    assert_true(dr_text_valid(f->value));
    if (f->kind == DR_VAL_NUMBER) {
        assert_int_equal(dr_dec_parse_json(f->value, &d), 0);
    } else if (f->kind == DR_VAL_TEXT && dr_str_eqz(l->type, "notes")) {
        assert_true(f->value.n <= 65535);
    } else if (f->kind == DR_VAL_TEXT) {
        assert_true(dr_utf8_count(f->value) <= text_limit(f->name));
    }
}

static void check_times(const struct dr_load *l, const char *from,
                        const char *to)
{
    int64_t start, end;

    assert_int_equal(dr_time_parse(field_of(l, from), &start, NULL), 0);
    assert_int_equal(dr_time_parse(field_of(l, to), &end, NULL), 0);
    assert_true(start <= end);
    assert_true(field_of(l, "title").n > 0);
}

static void check_type(const struct dr_load *l)
{
    size_t targets = 0;
    struct dr_str text;

    for (size_t i = 0; i < l->ref_count; i++) {
        targets += dr_str_starts(l->refs[i].field, DR_STR_LIT("targetable:"));
    }
    if (dr_str_eqz(l->type, "sales_activities")) {
        check_times(l, "start_date", "end_date");
        assert_true(field_of(l, "owner_id").n > 0);
        assert_true(field_of(l, "sales_activity_type_id").n > 0);
    } else if (dr_str_eqz(l->type, "appointments")) {
        check_times(l, "from_date", "end_date");
    } else if (dr_str_eqz(l->type, "files")) {
        assert_true(field_of(l, "file_name").n > 0);
        assert_int_equal(l->blob.state, DR_BLOB_STORED);
    }
    if (dr_str_eqz(l->type, "sales_activities") ||
        dr_str_eqz(l->type, "notes") || dr_str_eqz(l->type, "files")) {
        assert_true(targets >= 1);
    }
    assert_true(targets <= 8);
    if (dr_str_eqz(l->lane, "activity") || dr_str_eqz(l->lane, "note")) {
        text = field_of(l, "notes");
        text = text.p ? text : field_of(l, "description");
        assert_true(dr_str_ends(text, DR_STR_LIT("]")));
        assert_true(dr_str_find(text, l->marker) != SIZE_MAX);
    }
}

static void check_load(const struct dr_source *rec, const struct dr_load *l)
{
    struct dr_env env = {.kind = DR_MSG_LOAD};
    struct dr_err err = {0};
    struct dr_buf bytes;

    assert_true(dr_str_eq(l->id, rec->id));
    assert_true(dr_str_ends(l->key, rec->id));
    assert_int_equal(l->content_hash.n, 32);
    assert_true(l->type.n > 0);
    for (size_t i = 0; i < l->field_count; i++) {
        check_field(l, &l->fields[i]);
    }
    check_type(l);
    env.u.load = *l;
    dr_buf_init(&bytes, DR_WIRE_MAX);
    if (dr_wire_pack(&env, &bytes, &err)) {
        fail_msg("%s", err.text);
    }
    dr_buf_done(&bytes);
}

static void check_outcome(const struct dr_source *rec,
                          const struct dr_outcome *o)
{
    const struct dr_rejected *r = &o->reject;

    switch (o->state) {
    case DR_OUT_LOAD:
        /* a set of lines may be set aside line by line */
        assert_true(o->load_count + o->part_reject_count > 0);
        assert_in_range(o->load_count, 0, 4);
        for (size_t i = 0; i < o->load_count; i++) {
            check_load(rec, &o->loads[i]);
        }
        break;
    case DR_OUT_PARKED:
    case DR_OUT_REJECTED:
        assert_int_equal(o->load_count, 0);
        assert_true(r->class.n > 0 && r->rule.n > 0 && r->field.n > 0);
        assert_true(r->reason.n > 0 && r->cure.n > 0);
        break;
    case DR_OUT_EXCLUDED:
    case DR_OUT_WAITING:
        assert_int_equal(o->load_count, 0);
        assert_int_equal(r->class.n, 0);
        assert_true(o->rule.n > 0 && o->reason.n > 0);
        break;
    case DR_OUT_GONE:
        fail();
    }
    for (size_t i = 0; i < o->note_count; i++) {
        assert_true(o->notes[i].field.n > 0 && o->notes[i].rule.n > 0);
        assert_true(o->notes[i].cause.n > 0);
    }
}

/* ---- the test ---- */

static const struct dr_apply_opts opts = {
    .migration = {"data", 4}, .generation = 1, .pass = 1};

static struct dr_str now; /* what a failure was about */

static int tell(void **state)
{
    (void)state;
    if (now.n > 0) {
        print_message("last: " DR_STR_FMT "\n", DR_STR_ARG(now));
    }
    now = (struct dr_str){NULL, 0};
    return 0;
}

static enum dr_out_state apply(const struct dr_plan *plan,
                               const struct dr_source *rec)
{
    struct dr_arena *a = dr_arena_new(RECORD_ARENA);
    struct dr_err err = {0};
    struct dr_outcome o;
    enum dr_out_state state;
    char hash[32] = {0};

    now = rec->id;
    if (dr_plan_apply(plan, rec, &opts, a, &o, &err)) {
        fail_msg(DR_STR_FMT ": %s", DR_STR_ARG(rec->id), err.text);
    }
    check_outcome(rec, &o);
    state = o.state;
    if (o.load_count > 0) {
        memcpy(hash, o.loads[0].content_hash.p, sizeof(hash));
        dr_arena_reset(a);
        assert_int_equal(dr_plan_apply(plan, rec, &opts, a, &o, &err), 0);
        assert_memory_equal(hash, o.loads[0].content_hash.p, sizeof(hash));
    }
    dr_arena_free(a);
    return state;
}

/* xorshift: the same damage at every run. */
static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void damage(char *text, size_t n, uint64_t *seed)
{
    static const char bytes[] = "\"\\{}[]:,0e-<>&u\x01\xff\xc3";

    for (uint64_t i = next(seed) % 4 + 1; i > 0; i--) {
        text[next(seed) % n] = bytes[next(seed) % (sizeof(bytes) - 1)];
    }
}

static void damaged(struct set *s, const struct dr_plan *plan,
                    const struct record *r, uint64_t *seed)
{
    char *text = dr_xmalloc(r->body.n);
    struct sent out;

    memcpy(text, r->body.p, r->body.n);
    damage(text, r->body.n, seed);
    set_send(s, r, (struct dr_str){text, r->body.n}, &out);
    (void)apply(plan, &out.source);
    set_send(s, r, (struct dr_str){text, next(seed) % r->body.n}, &out);
    (void)apply(plan, &out.source);
    free(text);
}

static struct dr_plan *propose(struct set *s, uint64_t fallback)
{
    struct dr_profile *p = dr_profile_new();
    struct dr_propose_opts o = {.house_owner = HOUSE,
                                .fallback_owner = fallback};
    struct dr_proposal out;
    struct dr_err err = {0};
    struct dr_plan *plan;
    struct sent one;

    for (size_t i = 0; i < s->n; i++) {
        set_send(s, &s->v[i], s->v[i].body, &one);
        assert_int_equal(dr_profile_add(p, &one.source, &err), 0);
    }
    dr_proposal_init(&out);
    if (dr_plan_propose(p, &s->c, &o, &out, &err)) {
        fail_msg("%s", err.text);
    }
    plan = dr_plan_parse(dr_buf_view(&out.plan), &err);
    assert_non_null(plan);
    dr_proposal_done(&out);
    dr_profile_free(p);
    return plan;
}

/* Bytes that an attachment could have: what waits then goes. */
static void with_bytes(const struct dr_plan *plan, struct sent *one,
                       size_t counts[8])
{
    static const char hash[32] = "of the bytes";

    if (dr_str_eqz(one->source.object, "attachment")) {
        one->source.blob =
            (struct dr_blob){DR_BLOB_STORED, 0, 0, 0, 5, {hash, sizeof(hash)}};
        assert_int_not_equal(apply(plan, &one->source), DR_OUT_WAITING);
        counts[0]++;
    }
}

static void run(const char *name, uint64_t fallback, bool harm)
{
    static struct sent one;
    struct dr_map *seen = dr_map_new(free);
    struct dr_plan *plan;
    struct set s;
    struct dr_str object;
    uint64_t seed = 88172645463325252u;
    size_t at = 0;
    void *v;

    if (!set_open(&s, name)) {
        print_message("SKIP: no data set here (%s)\n", s.dir);
        dr_map_free(seen);
        skip();
        return;
    }
    plan = propose(&s, fallback);
    for (size_t i = 0; i < s.n; i++) {
        size_t *counts = dr_map_get(seen, s.v[i].object);
        if (!counts) {
            counts = dr_xcalloc(8, sizeof(*counts));
            dr_map_put(seen, s.v[i].object, counts);
        }
        set_send(&s, &s.v[i], s.v[i].body, &one);
        counts[apply(plan, &one.source)]++;
        with_bytes(plan, &one, counts);
        if (harm) {
            damaged(&s, plan, &s.v[i], &seed);
        }
    }
    while (dr_map_next(seen, &at, &object, &v)) {
        const size_t *n = v;
        print_message(DR_STR_FMT ": %zu load, %zu excluded, %zu parked, %zu "
                                 "rejected, %zu waiting\n",
                      DR_STR_ARG(object), n[DR_OUT_LOAD], n[DR_OUT_EXCLUDED],
                      n[DR_OUT_PARKED], n[DR_OUT_REJECTED], n[DR_OUT_WAITING]);
    }
    assert_true(s.n > 1000);
    now = (struct dr_str){NULL, 0};
    dr_map_free(seen);
    dr_plan_free(plan);
    set_close(&s);
}

static void test_small(void **state)
{
    (void)state;
    run("small", 0, true);
}

static void test_fallback(void **state)
{
    (void)state;
    run("small", HOUSE, false);
}

static void test_realworld(void **state)
{
    (void)state;
    run("realworld", 0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_small, tell),
        cmocka_unit_test_teardown(test_fallback, tell),
        cmocka_unit_test_teardown(test_realworld, tell)};

    dr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
