/* Round trips of every kind, what is refused, and the change rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <drover/v1/drover.pb-c.h>

#include "check.h"
#include "fill_private.h"
#include "maps.h"

#define ARENA ((size_t)64 << 20)

/* ---- bytes by hand ---- */

static void put_varint(struct dr_buf *b, uint64_t v)
{
    while (v > 127) {
        dr_buf_ch(b, (char)(v | 0x80));
        v >>= 7;
    }
    dr_buf_ch(b, (char)v);
}

static void put_number(struct dr_buf *b, uint32_t field, uint64_t v)
{
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, v);
}

static void put_bytes(struct dr_buf *b, uint32_t field, struct dr_str s)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, s.n);
    dr_buf_str(b, s);
}

/* An envelope around one body. */
static void put_env(struct dr_buf *b, uint32_t body_field, struct dr_str body)
{
    put_number(b, 1, 1);
    put_bytes(b, 2, DR_STR_LIT("0123456789abcdef"));
    put_bytes(b, body_field, body);
}

/* NULL: accepted. Else the reason, in a buffer of its own. */
static const char *reason(struct dr_str bytes, size_t arena)
{
    static struct dr_err err;
    struct dr_arena *a = dr_arena_new(arena);
    const struct dr_env *env;

    err = (struct dr_err){0};
    env = dr_wire_unpack(a, bytes, &err);
    assert_true(env || (err.verdict == DR_REJECT && err.text[0] != '\0'));
    dr_arena_free(a);
    return env ? NULL : err.text;
}

static void assert_refused(struct dr_buf *b, const char *part)
{
    const char *why = reason(dr_buf_view(b), ARENA);

    if (!why || !strstr(why, part)) {
        fail_msg("wanted \"%s\", got \"%s\"", part, why ? why : "accepted");
    }
    dr_buf_done(b);
}

/* ---- tables ---- */

static enum map_kind kind_for(const ProtobufCFieldDescriptor *f)
{
    bool many = f->label == PROTOBUF_C_LABEL_REPEATED;

    switch ((int)f->type) {
    case PROTOBUF_C_TYPE_STRING:
        return many ? MAP_TEXTS : MAP_TEXT;
    case PROTOBUF_C_TYPE_MESSAGE:
        return many ? MAP_SUBS : MAP_SUB;
    case PROTOBUF_C_TYPE_BYTES:
        return MAP_BYTES;
    case PROTOBUF_C_TYPE_UINT64:
        return MAP_U64;
    case PROTOBUF_C_TYPE_INT64:
        return MAP_I64;
    case PROTOBUF_C_TYPE_UINT32:
        return MAP_U32;
    case PROTOBUF_C_TYPE_INT32:
        return MAP_I32;
    default:
        return MAP_BOOL;
    }
}

static void check_map(const struct msg_map *map)
{
    unsigned left_out = map->desc->n_fields - (unsigned)map->field_count;

    assert_int_equal(left_out, strcmp(map->desc->short_name, "Meta") == 0);
    for (size_t i = 0; i < map->field_count; i++) {
        const struct field_map *f = &map->fields[i];
        enum map_kind kind = f->kind;

        assert_string_equal(f->name, map->desc->fields[i].name);
        kind = kind == MAP_ENUM                        ? MAP_U32
               : kind == MAP_HASH || kind == MAP_NONCE ? MAP_BYTES
                                                       : kind;
        assert_int_equal(kind, kind_for(&map->desc->fields[i]));
        if (f->sub) {
            assert_ptr_equal(f->sub->desc, map->desc->fields[i].descriptor);
            check_map(f->sub);
        }
    }
}

static void test_maps_are_the_messages(void **state)
{
    const ProtobufCMessageDescriptor *e = &drover__v1__envelope__descriptor;

    (void)state;
    assert_int_equal(body_map_count, DR_MSG_CHECKPOINT + 1);
    assert_int_equal(e->n_fields, BODY_FIRST + body_map_count - 1);
    for (size_t k = 1; k < body_map_count; k++) {
        const ProtobufCFieldDescriptor *f = &e->fields[BODY_FIRST + k - 1];
        assert_string_equal(body_maps[k].oneof_name, f->name);
        assert_string_equal(dr_msg_name((enum dr_msg)k), f->name);
        assert_ptr_equal(body_maps[k].map->desc, f->descriptor);
        check_map(body_maps[k].map);
    }
}

/* ---- round trips ---- */

static void round_trip(const struct dr_env *env, struct dr_arena *a)
{
    struct dr_err err = {0};
    struct dr_buf b, again;
    const struct dr_env *got;
    const char *field;

    dr_buf_init(&b, DR_WIRE_MAX);
    dr_buf_init(&again, DR_WIRE_MAX);
    if (dr_wire_pack(env, &b, &err)) {
        fail_msg("%s: %s", dr_msg_name(env->kind), err.text);
    }
    got = dr_wire_unpack(a, dr_buf_view(&b), &err);
    if (!got) {
        fail_msg("%s: %s", dr_msg_name(env->kind), err.text);
    }
    field = differs(env, got);
    if (field) {
        fail_msg("%s.%s came back changed", dr_msg_name(env->kind), field);
    }
    assert_int_equal(dr_wire_pack(got, &again, &err), 0);
    assert_true(dr_str_eq(dr_buf_view(&b), dr_buf_view(&again)));
    dr_buf_done(&b);
    dr_buf_done(&again);
}

static void test_round_trip_full(void **state)
{
    struct dr_rand r;

    (void)state;
    dr_rand_init(&r, 1);
    for (int turn = 0; turn < 50; turn++) {
        for (enum dr_msg k = DR_MSG_SOURCE; k <= DR_MSG_CHECKPOINT; k++) {
            DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(ARENA);
            struct dr_env env;
            fill_env(&env, k, a, &r);
            round_trip(&env, a);
        }
    }
}

static void test_round_trip_empty(void **state)
{
    (void)state;
    for (enum dr_msg k = DR_MSG_SOURCE; k <= DR_MSG_CHECKPOINT; k++) {
        DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(ARENA);
        struct dr_env env = {.kind = k};
        round_trip(&env, a);
    }
}

static void test_absent_is_not_empty(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(ARENA);
    struct dr_env env = {.kind = DR_MSG_SOURCE};
    struct dr_assoc assoc = {.label = DR_STR_LIT("")};

    (void)state;
    env.u.source.merged_into = DR_STR_LIT("");
    env.u.source.body = DR_STR_LIT("");
    env.u.source.assocs = &assoc;
    env.u.source.assoc_count = 1;
    env.u.source.has_version = true; /* and it is 0 */
    round_trip(&env, a);
    env.u.source.has_version = false;
    round_trip(&env, a);
}

static void test_extremes(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(ARENA);
    struct dr_env env = {.kind = DR_MSG_REJECTED};

    (void)state;
    env.u.rejected.partition = INT32_MIN;
    env.u.rejected.offset = INT64_MIN;
    env.u.rejected.rev = UINT64_MAX;
    env.u.rejected.pass = UINT32_MAX;
    env.u.rejected.original = DR_STR_LIT("any \0 byte \xff");
    env.wall_ms = -1;
    round_trip(&env, a);
}

/* ---- change rules ---- */

static void test_unknown_fields_survive(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(ARENA);
    struct dr_buf body, b, out;
    struct dr_err err = {0};
    const struct dr_env *env;

    (void)state;
    dr_buf_init(&body, DR_WIRE_MAX);
    dr_buf_init(&b, DR_WIRE_MAX);
    dr_buf_init(&out, DR_WIRE_MAX);
    put_bytes(&body, 1, DR_STR_LIT("contact"));
    put_number(&body, 2, 3);
    put_number(&body, 2000, 77);
    put_bytes(&body, 2001, DR_STR_LIT("of a later version"));
    put_env(&b, 17, dr_buf_view(&body));
    put_bytes(&b, 60, DR_STR_LIT("and so is \xff this"));
    put_varint(&b, 61u << 3 | 1);
    dr_buf_str(&b, DR_STR_LIT("12345678"));
    put_varint(&b, 62u << 3 | 5);
    dr_buf_str(&b, DR_STR_LIT("1234"));

    env = dr_wire_unpack(a, dr_buf_view(&b), &err);
    assert_non_null(env);
    assert_int_equal(env->kind, DR_MSG_MARKER);
    assert_int_equal(env->u.marker.partition, 3);
    assert_int_equal(dr_wire_repack(dr_buf_view(&b), &out, &err), 0);
    assert_true(dr_str_eq(dr_buf_view(&b), dr_buf_view(&out)));
    dr_buf_done(&body);
    dr_buf_done(&b);
    dr_buf_done(&out);
}

/* A kind that came later is passed on, and refused by who must know it. */
static void test_unknown_kind(void **state)
{
    struct dr_err err = {0};
    struct dr_buf b, out;

    (void)state;
    dr_buf_init(&b, 1000);
    dr_buf_init(&out, 1000);
    put_env(&b, 63, DR_STR_LIT("x"));
    assert_int_equal(dr_wire_repack(dr_buf_view(&b), &out, &err), 0);
    assert_true(dr_str_eq(dr_buf_view(&b), dr_buf_view(&out)));
    dr_buf_done(&out);
    assert_refused(&b, "does not know");
}

/* ---- what is refused ---- */

static void test_refused_text(void **state)
{
    const struct dr_str bad[] = {DR_STR_LIT("a\0b"), DR_STR_LIT("\0"),
                                 DR_STR_LIT("\xff"), DR_STR_LIT("\xc0\x80"),
                                 DR_STR_LIT("\xed\xa0\x80")};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(bad); i++) {
        struct dr_buf b, body, sub;

        dr_buf_init(&body, 1000);
        dr_buf_init(&b, 1000);
        put_bytes(&body, 2, bad[i]);
        put_env(&b, 16, dr_buf_view(&body));
        assert_refused(&b, "SourceRecord.id: not valid text");

        dr_buf_init(&sub, 1000);
        dr_buf_reset(&body);
        put_bytes(&sub, 4, bad[i]);
        put_bytes(&body, 12, dr_buf_view(&sub));
        dr_buf_init(&b, 1000);
        put_env(&b, 16, dr_buf_view(&body));
        assert_refused(&b, "Association.label: not valid text");

        dr_buf_reset(&body);
        put_bytes(&body, 7, bad[i]);
        dr_buf_init(&b, 1000);
        put_env(&b, 23, dr_buf_view(&body));
        assert_refused(&b, "Control.open_lanes: not valid text");

        dr_buf_init(&b, 1000);
        put_bytes(&b, 4, bad[i]);
        put_env(&b, 17, (struct dr_str){NULL, 0});
        assert_refused(&b, "Envelope.service: not valid text");
        dr_buf_done(&body);
        dr_buf_done(&sub);
    }
}

/* One body of one field: its number, then bytes or a number. */
struct bad_field {
    uint32_t body, field;
    struct dr_str bytes; /* p NULL: the number */
    uint64_t number;
    const char *why;
};

static void test_refused_fields(void **state)
{
#define S31 DR_STR_LIT("0123456789012345678901234567890")
#define S17 DR_STR_LIT("01234567890123456")
    const struct bad_field cases[] = {
        {16, 14, S31, 0, "SourceRecord.content_hash: not of the length"},
        {18, 8, S31, 0, "LoadRecord.plan_hash: not of the length"},
        {23, 4, S17, 0, "Control.plan_hash: not of the length"},
        {24, 1, S31, 0, "PlanFile.hash: not of the length"},
        {33, 2, S17, 0, "Owner.nonce: not of the length"},
        {34, 3, S31, 0, "Intent.job_nonce: not of the length"},
        {36, 7, S17, 0, "Done.response_hash: not of the length"},
        {49, 3, S17, 0, "Checkpoint.head: not of the length"},
        {23, 4, DR_STR_LIT(""), 0, "Control.plan_hash: not of the length"},
        {16, 9, {NULL, 0}, 6, "SourceRecord.op: a value this version"},
        {16, 8, {NULL, 0}, 4, "SourceRecord.origin: a value this version"},
        {18, 12, {NULL, 0}, 4, "LoadRecord.op: a value this version"},
        {18, 13, {NULL, 0}, 6, "LoadRecord.how: a value this version"},
        {19, 7, {NULL, 0}, 5, "Landed.how: a value this version"},
        {36, 5, {NULL, 0}, 4, "Done.origin: a value this version"},
        {36, 6, {NULL, 0}, 4, "Done.how: a value this version"},
        {16, 9, {NULL, 0}, 0x100000001, "SourceRecord.op: a number that is"},
        {17, 2, {NULL, 0}, UINT64_MAX, "Marker.partition: a number that is"},
        {20, 11, {NULL, 0}, 0x80000000, "Rejected.partition: a number that"},
        {17, 1, {NULL, 0}, 5, "Marker.object: not of the type"},
        {17, 3, S17, 0, "Marker.count: not of the type"},
        {16, 12, {NULL, 0}, 5, "SourceRecord.associations: not of the type"},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        const struct bad_field *c = &cases[i];
        struct dr_buf b, body;

        dr_buf_init(&b, 1000);
        dr_buf_init(&body, 1000);
        if (c->bytes.p) {
            put_bytes(&body, c->field, c->bytes);
        } else {
            put_number(&body, c->field, c->number);
        }
        put_env(&b, c->body, dr_buf_view(&body));
        assert_refused(&b, c->why);
        dr_buf_done(&body);
    }
}

static void test_refused_envelopes(void **state)
{
    const struct dr_str id = DR_STR_LIT("0123456789abcdef");
    const struct dr_str none = {NULL, 0};
    struct dr_buf b;

    (void)state;
    dr_buf_init(&b, 1000);
    assert_refused(&b, "empty");
    put_number(&b, 1, 1);
    put_bytes(&b, 17, none);
    assert_refused(&b, "migration are missing");
    put_bytes(&b, 2, id);
    put_bytes(&b, 17, none);
    assert_refused(&b, "format or migration");
    put_number(&b, 1, 2);
    put_bytes(&b, 2, id);
    put_bytes(&b, 17, none);
    assert_refused(&b, "format 2: this version reads format 1");
    put_number(&b, 1, 1);
    put_bytes(&b, 2, DR_STR_LIT("0123456789abcde"));
    put_bytes(&b, 17, none);
    assert_refused(&b, "not 16 bytes");
    put_number(&b, 1, 1);
    put_bytes(&b, 2, id);
    assert_refused(&b, "does not know");
    put_env(&b, 17, none);
    put_bytes(&b, 18, none);
    assert_refused(&b, "a second body");
    put_env(&b, 17, none);
    put_bytes(&b, 17, none);
    assert_refused(&b, "there twice");
    put_env(&b, 17, none);
    put_number(&b, 3, 1);
    put_number(&b, 3, 2);
    assert_refused(&b, "Envelope.generation: there twice");
    put_number(&b, 1, 1);
    put_bytes(&b, 2, id);
    put_bytes(&b, 7, DR_STR_LIT("secret"));
    assert_refused(&b, "encrypted");
    put_env(&b, 17, none);
    put_varint(&b, 17u << 3 | 3); /* a group */
    assert_refused(&b, "not a protobuf message");
    put_env(&b, 17, none);
    put_varint(&b, 0u << 3 | 2); /* field 0 */
    put_varint(&b, 0);
    assert_refused(&b, "not a protobuf message");
    put_env(&b, 17, none);
    dr_buf_str(&b, DR_STR_LIT("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
    assert_refused(&b, "not a protobuf message");
}

/* The body comes last, so nothing that is cut can pass for whole. */
static void test_refused_when_cut(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(ARENA);
    struct dr_rand r;

    (void)state;
    dr_rand_init(&r, 2);
    for (enum dr_msg k = DR_MSG_SOURCE; k <= DR_MSG_CHECKPOINT; k++) {
        struct dr_env env;
        struct dr_buf b;

        dr_arena_reset(a);
        fill_env(&env, k, a, &r);
        dr_buf_init(&b, DR_WIRE_MAX);
        assert_int_equal(dr_wire_pack(&env, &b, NULL), 0);
        for (size_t n = 0; n < b.n; n++) {
            if (!reason((struct dr_str){b.p, n}, ARENA)) {
                fail_msg("%s cut at %zu of %zu", dr_msg_name(k), n, b.n);
            }
        }
        dr_buf_done(&b);
    }
}

static void test_refused_size(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(ARENA);
    struct dr_buf b, body;

    (void)state;
    dr_buf_init(&b, 2 * DR_WIRE_MAX);
    dr_buf_init(&body, 2 * DR_WIRE_MAX);
    put_varint(&body, 11u << 3 | 2);
    put_varint(&body, DR_WIRE_MAX);
    dr_buf_str(&body,
               (struct dr_str){dr_arena_alloc(a, DR_WIRE_MAX), DR_WIRE_MAX});
    put_env(&b, 16, dr_buf_view(&body));
    assert_refused(&b, "larger than");
    dr_buf_done(&body);
}

/* Many small things that grow in memory: refused before they do. */
static void repeat_refused(uint32_t body_field, struct dr_str item,
                           const char *why)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(ARENA);
    struct dr_buf b, body;

    dr_buf_init(&b, DR_WIRE_MAX);
    dr_buf_init(&body, DR_WIRE_MAX);
    while (body.n < (2u << 20)) {
        dr_buf_str(&body, item);
    }
    put_env(&b, body_field, dr_buf_view(&body));
    assert_null(dr_wire_unpack(a, dr_buf_view(&b), NULL));
    assert_int_equal(dr_arena_used(a), 0);
    assert_refused(&b, why);
    dr_buf_done(&body);
}

static void test_refused_amplification(void **state)
{
    (void)state;
    repeat_refused(16, DR_STR_LIT("\x62\x00"), "too many empty parts");
    repeat_refused(16, DR_STR_LIT("\x62\x02\x28\x01"), "too many empty parts");
    repeat_refused(18, DR_STR_LIT("\x92\x01\x00"), "too many empty parts");
    repeat_refused(16, DR_STR_LIT("\xf8\x0f\x01"), "too many unknown fields");
}

static void test_refused_by_budget(void **state)
{
    struct dr_arena *a = dr_arena_new(4096);
    struct dr_err err = {0};
    struct dr_buf b, body;

    (void)state;
    dr_buf_init(&b, DR_WIRE_MAX);
    dr_buf_init(&body, DR_WIRE_MAX);
    for (int i = 0; i < 2000; i++) {
        put_bytes(&body, 2, DR_STR_LIT("contact:1"));
    }
    put_env(&b, 25, dr_buf_view(&body));
    assert_null(reason(dr_buf_view(&b), ARENA));
    /* Whatever the budget is, the answer is a whole record or a refusal. */
    for (size_t budget = 16; budget < 300000; budget += 997) {
        (void)reason(dr_buf_view(&b), budget);
    }
    assert_null(dr_wire_unpack(a, dr_buf_view(&b), &err));
    assert_non_null(strstr(err.text, "more memory"));
    dr_arena_free(a);
    dr_buf_done(&b);
    dr_buf_done(&body);
}

/* As many associations as a large company has are not an attack. */
static void test_many_associations(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(ARENA);
    static struct dr_assoc many[60000];
    struct dr_env env = {.kind = DR_MSG_SOURCE};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(many); i++) {
        many[i] = (struct dr_assoc){.pair = DR_STR_LIT("company_contact"),
                                    .to_id = DR_STR_LIT("1234567890"),
                                    .updated_ms = 1};
    }
    env.u.source.assocs = many;
    env.u.source.assoc_count = DR_ARRAY_LEN(many);
    round_trip(&env, a);
}

/* ---- packing refuses ---- */

static void pack_refused(const struct dr_env *env, size_t room, const char *why)
{
    struct dr_err err = {0};
    struct dr_buf b;

    dr_buf_init(&b, room);
    dr_buf_z(&b, "before");
    assert_int_equal(dr_wire_pack(env, &b, &err), -1);
    assert_int_equal(err.verdict, DR_REJECT);
    if (!strstr(err.text, why)) {
        fail_msg("wanted \"%s\", got \"%s\"", why, err.text);
    }
    assert_true(dr_str_eqz(dr_buf_view(&b), "before"));
    dr_buf_done(&b);
}

static void test_pack_refuses(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(ARENA);
    struct dr_field field = {.name = DR_STR_LIT("a\0b")};
    struct dr_env env = {.kind = DR_MSG_LOAD};

    (void)state;
    env.u.load.fields = &field;
    env.u.load.field_count = 1;
    pack_refused(&env, 1000, "Field.name: not valid text");
    field.name = DR_STR_LIT("\xff");
    pack_refused(&env, 1000, "Field.name: not valid text");
    field = (struct dr_field){.kind = (enum dr_value_kind)9};
    pack_refused(&env, 1000, "Field.kind: not one of its values");
    env.u.load.field_count = 0;
    env.u.load.plan_hash = DR_STR_LIT("short");
    pack_refused(&env, 1000, "LoadRecord.plan_hash: not of the length");
    env = (struct dr_env){.kind = DR_MSG_LANDED};
    env.u.landed.body =
        (struct dr_str){dr_arena_alloc(a, DR_WIRE_MAX), DR_WIRE_MAX};
    pack_refused(&env, 3 * DR_WIRE_MAX, "larger than");
    env.u.landed.body.n = 100;
    pack_refused(&env, 50, "buffer too small");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maps_are_the_messages),
        cmocka_unit_test(test_round_trip_full),
        cmocka_unit_test(test_round_trip_empty),
        cmocka_unit_test(test_absent_is_not_empty),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_unknown_fields_survive),
        cmocka_unit_test(test_unknown_kind),
        cmocka_unit_test(test_refused_text),
        cmocka_unit_test(test_refused_fields),
        cmocka_unit_test(test_refused_envelopes),
        cmocka_unit_test(test_refused_when_cut),
        cmocka_unit_test(test_refused_size),
        cmocka_unit_test(test_refused_amplification),
        cmocka_unit_test(test_refused_by_budget),
        cmocka_unit_test(test_many_associations),
        cmocka_unit_test(test_pack_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
