/* The plan file: what is taken, what is refused, what its hash hangs on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <drover/crypto/crypto.h>

#include "golden_test.h"

static struct dr_plan *parse(const char *text, struct dr_err *err)
{
    return dr_plan_parse(dr_str_z(text), err);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "JSON"},
        {"[]", "format"},
        {"{}", "format"},
        {"{\"format\":\"drover-plan/2\"}", "format"},
        {"{\"format\":\"drover-plan/1\",\"hash\":\"sha256:00\"}", "hash"},
        {"{\"format\":\"drover-plan/1\",\"objects\":[{\"object\":\"deal\","
         "\"fields\":[{\"rule\":\"r\",\"transform\":\"shell\"}]}]}",
         "\"shell\""},
        {"{\"format\":\"drover-plan/1\",\"objects\":[{\"object\":\"deal\","
         "\"fields\":[{\"transform\":\"copy\"}]}]}",
         "rule"},
    };

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        struct dr_err err = {0};
        assert_null(parse(rows[i].text, &err));
        if (i > 0 && !strstr(err.text, rows[i].says)) {
            print_error("%s: \"%s\"\n", rows[i].text, err.text);
            fail();
        }
    }
}

static void test_too_large(void **state)
{
    size_t n = (size_t)9 << 20;
    char *text = malloc(n);
    struct dr_err err = {0};

    (void)state;
    assert_non_null(text);
    memset(text, ' ', n);
    memcpy(text, "{\"format\":\"drover-plan/1\"}", 26);
    assert_null(dr_plan_parse((struct dr_str){text, n}, &err));
    free(text);
}

/* Blanks, the order of members and the hash itself do not matter. */
static void test_hash(void **state)
{
    static const char one[] =
        "{\"format\":\"drover-plan/1\",\"leads\":\"lead\",\"scope\":[]}";
    static const char two[] =
        " {\"scope\": [ ], \"leads\":\"lead\", \"format\":\"drover-plan/1\"}";
    static const char three[] =
        "{\"format\":\"drover-plan/1\",\"leads\":\"contact\",\"scope\":[]}";
    struct dr_err err = {0};
    struct dr_plan *a = parse(one, &err), *b = parse(two, &err);
    struct dr_plan *c = parse(three, &err), *d, *e;
    char hex[65], text[256];

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_true(dr_str_eq(dr_plan_hash(a), dr_plan_hash(b)));
    assert_false(dr_str_eq(dr_plan_hash(a), dr_plan_hash(c)));
    dr_hex(dr_plan_hash(a).p, 32, hex);
    (void)snprintf(text, sizeof(text), "{\"hash\":\"sha256:%s\",%s", hex,
                   one + 1);
    d = parse(text, &err);
    assert_non_null(d);
    assert_true(dr_str_eq(dr_plan_hash(a), dr_plan_hash(d)));
    text[16] ^= 1;
    e = parse(text, &err);
    assert_null(e);
    dr_plan_free(a);
    dr_plan_free(b);
    dr_plan_free(c);
    dr_plan_free(d);
}

static void test_lanes(void **state)
{
    static const char text[] =
        "{\"format\":\"drover-plan/1\",\"scope\":[\"company\",\"deal\"],"
        "\"objects\":[{\"object\":\"company\",\"target_type\":"
        "\"sales_accounts\",\"lane\":\"account\",\"fields\":[]},"
        "{\"object\":\"task\",\"target_type\":\"tasks\",\"lane\":"
        "\"activity\",\"fields\":[]}]}";
    struct dr_err err = {0};
    struct dr_plan *p = parse(text, &err);
    struct dr_str out[4];

    (void)state;
    assert_non_null(p);
    assert_int_equal(dr_plan_lanes_of(p, DR_STR_LIT("company"), out), 2);
    assert_true(dr_str_eqz(out[0], "account"));
    assert_true(dr_str_eqz(out[1], "link"));
    /* out of scope; in scope without rows; unknown */
    assert_int_equal(dr_plan_lanes_of(p, DR_STR_LIT("task"), out), 0);
    assert_int_equal(dr_plan_lanes_of(p, DR_STR_LIT("deal"), out), 0);
    assert_int_equal(dr_plan_lanes_of(p, DR_STR_LIT("note"), out), 0);
    assert_true(dr_plan_in_scope(p, DR_STR_LIT("deal")));
    assert_false(dr_plan_in_scope(p, DR_STR_LIT("task")));
    dr_plan_free(p);
}

#define HEAD 26 /* {"format":"drover-plan/1", */
#define HASH 81 /* "hash":"sha256:…", */

/* A plan file is untrusted: whatever the bytes, it is refused or applied. */
static void test_mutations(void **state)
{
    struct world w;
    struct dr_proposal p;
    unsigned seed = 7;
    char *text;
    int taken = 0;

    (void)state;
    world_open(&w);
    world_propose(&w, &w.c, 0, 1, &p);
    text = malloc(p.plan.n);
    assert_non_null(text);
    for (int i = 0; i < 1500; i++) {
        struct dr_err err = {0};
        struct dr_plan *plan;
        /* without its hash, which would refuse nearly all of them */
        size_t n = p.plan.n - HASH;
        memcpy(text, p.plan.p, HEAD);
        memcpy(text + HEAD, p.plan.p + HEAD + HASH, n - HEAD);
        for (int k = 0; k < 3; k++) {
            seed = seed * 1103515245u + 12345u;
            text[HEAD + (seed >> 8) % (n - HEAD)] =
                "\"{}[]:,0an"[(seed >> 4) % 10];
        }
        plan = dr_plan_parse((struct dr_str){text, n}, &err);
        if (plan) {
            struct dr_buf b;
            dr_buf_init(&b, (size_t)1 << 22);
            (void)dr_plan_check(plan, &w.c, &b);
            dr_buf_done(&b);
            taken++;
        }
        dr_plan_free(plan);
    }
    free(text);
    dr_proposal_done(&p);
    world_close(&w);
    assert_true(taken > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_hash),      cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_mutations),
    };

    dr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
