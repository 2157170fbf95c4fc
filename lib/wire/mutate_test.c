/*
 * Seeded damage: whatever arrives is refused or is a record that packs and
 * comes back the same, within the arena's budget.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fill_private.h"

#define ROUNDS 200000
#define BUDGET ((size_t)1 << 20)
#define BYTES_MAX ((size_t)64 << 10)

static void put_byte(struct dr_buf *b, size_t at, uint64_t v)
{
    b->p[at] = (char)v;
}

/* One to four wounds: flip, overwrite, cut out, double, swap the tail. */
static void wound(struct dr_buf *b, struct dr_rand *r)
{
    static const uint8_t nasty[] = {0, 1, 2, 7, 0x7f, 0x80, 0xc0, 0xed, 0xff};
    size_t at = dr_rand_below(r, b->n);
    size_t n = 1 + dr_rand_below(r, 16);

    n = n < b->n - at ? n : b->n - at;
    switch (dr_rand_below(r, 6)) {
    case 0:
        put_byte(b, at, (uint64_t)b->p[at] ^ 1u << dr_rand_below(r, 8));
        break;
    case 1:
        put_byte(b, at, dr_rand_u64(r));
        break;
    case 2:
        put_byte(b, at, nasty[dr_rand_below(r, sizeof(nasty))]);
        break;
    case 3:
        if (n < b->n) {
            memmove(b->p + at, b->p + at + n, b->n - at - n);
            b->n -= n;
        }
        break;
    case 4: {
        char copy[16];
        memcpy(copy, b->p + at, n);
        dr_buf_add(b, copy, n);
        break;
    }
    default:
        b->n = at + 1;
        break;
    }
}

static bool survive(struct dr_arena *a, struct dr_str bytes)
{
    struct dr_err err = {0};
    const struct dr_env *env, *back;
    struct dr_buf b, raw;

    dr_buf_init(&raw, DR_WIRE_MAX);
    dr_arena_reset(a);
    env = dr_wire_unpack(a, bytes, &err);
    assert_true(dr_arena_used(a) <= BUDGET);
    if (!env) {
        assert_int_equal(err.verdict, DR_REJECT);
        assert_int_not_equal(err.text[0], 0);
        assert_true(dr_text_valid(dr_str_z(err.text)));
        (void)!dr_wire_repack(bytes, &raw, &err); /* must not crash either */
        dr_buf_done(&raw);
        return false;
    }
    dr_buf_init(&b, DR_WIRE_MAX);
    if (dr_wire_pack(env, &b, &err)) {
        fail_msg("what was read cannot be written: %s", err.text);
    }
    back = dr_wire_unpack(a, dr_buf_view(&b), &err);
    if (!back || differs(env, back)) {
        fail_msg("%s: %s", dr_msg_name(env->kind),
                 back ? differs(env, back) : err.text);
    }
    assert_int_equal(dr_wire_repack(bytes, &raw, &err), 0);
    dr_buf_done(&b);
    dr_buf_done(&raw);
    return true;
}

static void test_mutations(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(BUDGET);
    DR_AUTO(dr_arena) struct dr_arena *made = dr_arena_new(BUDGET);
    size_t whole = 0;
    struct dr_rand r;
    struct dr_buf b;

    (void)state;
    dr_rand_init(&r, 20261124);
    dr_buf_init(&b, BYTES_MAX);
    for (int i = 0; i < ROUNDS; i++) {
        enum dr_msg k = (enum dr_msg)(1 + i % DR_MSG_CHECKPOINT);
        size_t wounds = 1 + dr_rand_below(&r, 4);
        struct dr_env env;

        dr_arena_reset(made);
        dr_buf_reset(&b);
        fill_env(&env, k, made, &r);
        assert_int_equal(dr_wire_pack(&env, &b, NULL), 0);
        while (wounds-- > 0) {
            wound(&b, &r);
        }
        whole += survive(a, dr_buf_view(&b));
    }
    /* The test sees both sides. */
    assert_true(whole > ROUNDS / 50 && whole < ROUNDS - ROUNDS / 50);
    printf("%d mutations, %zu still a record\n", ROUNDS, whole);
    dr_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mutations)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
