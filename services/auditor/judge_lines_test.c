/* Lines of deals, and custom objects that were folded into another record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "judge_scene.h"

static struct dr_field quantity[2];

static void lines_open(struct scene *s, struct dr_part parts[2],
                       struct dr_line lines[2], uint64_t products[2])
{
    const struct dr_field want[2] = {
        {S("quantity"), S("line_item.quantity"), DR_VAL_NUMBER, S("2")},
        {S("quantity"), S("line_item.quantity"), DR_VAL_NUMBER, S("3")}};

    memcpy(quantity, want, sizeof(want));
    scene_open(s);
    for (int i = 0; i < 2; i++) {
        parts[i] = (struct dr_part){.id = i ? S("l2") : S("l1"), .version = 1};
        lines[i] = (struct dr_line){
            .id = parts[i].id, .fields = &quantity[i], .field_count = 1};
        products[i] = 800;
    }
    s->rec.object = S("line_item");
    s->rec.id = S("d1");
    s->rec.body = S("");
    s->rec.parts = parts;
    s->rec.part_count = 2;
    s->load.lane = S("deal_product");
    s->load.object = S("line_item");
    s->load.field_count = s->load.ref_count = 0;
    s->load.lines = lines;
    s->load.line_count = 2;
    s->c.loads[0].lines = products;
    s->c.loads[0].fact.lane = S("deal_product");
    s->c.loads[0].fact.type = S("deals");
}

static void test_lines(void **state)
{
    struct scene s;
    struct dr_part parts[2];
    struct dr_line lines[2];
    uint64_t products[2];

    (void)state;
    lines_open(&s, parts, lines, products);
    /* the same product twice, the other way round */
    set_body(&s, "{\"products\":[{\"product_id\":800,\"quantity\":3},"
                 "{\"product_id\":800,\"quantity\":2}]}");
    (void)judged(&s);
    assert_int_equal(s.said.row_n, 2);
    is_state(&s.said.rows[0], "landed");
    is_state(&s.said.rows[1], "landed");
    assert_int_equal(s.said.rows[1].target, 501);
    assert_int_equal(losses(&s.said), 0);
    set_body(&s, "{\"products\":[{\"product_id\":800,\"quantity\":3}]}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 2); /* one line, and their number */
    set_body(&s, "{\"products\":[{\"product_id\":800,\"quantity\":3},"
                 "{\"product_id\":800,\"quantity\":2},"
                 "{\"product_id\":801,\"quantity\":1}]}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1); /* one that nobody asked for */
    dr_arena_free(s.a);
}

/* No line of it is in the deal; those of before are, and somebody must know. */
static void test_a_set_that_is_refused(void **state)
{
    struct scene s;
    struct dr_part parts[2];
    struct dr_line lines[2];
    uint64_t products[2];

    (void)state;
    lines_open(&s, parts, lines, products);
    s.c.loads[0].fact.refused = true;
    s.c.loads[0].fact.reason = S("the product is not in the target");
    (void)judged(&s);
    is_state(&s.said.rows[0], "rejected");
    is_state(&s.said.rows[1], "rejected");
    assert_int_equal(losses(&s.said), 1);
    s.c.loads[0].fact.dst = 0; /* the deal never had any */
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 0);
    dr_arena_free(s.a);
}

/* Its lines stand; what was refused is the amount that they overwrote. */
static void test_an_amount_that_is_refused(void **state)
{
    struct scene s;
    struct dr_part parts[2];
    struct dr_line lines[2];
    uint64_t products[2];

    (void)state;
    lines_open(&s, parts, lines, products);
    s.c.loads[0].fact.refused = true;
    s.c.loads[0].fact.class = S("refused");
    s.c.loads[0].fact.reason = S("amount is invalid");
    set_body(&s, "{\"products\":[{\"product_id\":800,\"quantity\":3},"
                 "{\"product_id\":800,\"quantity\":2}]}");
    (void)judged(&s);
    is_state(&s.said.rows[0], "landed");
    is_state(&s.said.rows[1], "landed");
    assert_int_equal(s.said.rows[1].target, 501);
    assert_int_equal(losses(&s.said), 1);
    assert_true(dr_str_eqz(s.said.fields[0].field, "amount"));
    assert_true(dr_str_eqz(s.said.fields[0].cause, "amount is invalid"));
    /* one of them is of before: an older set */
    set_body(&s, "{\"products\":[{\"product_id\":800,\"quantity\":3},"
                 "{\"product_id\":800,\"quantity\":4}]}");
    (void)judged(&s);
    is_state(&s.said.rows[1], "rejected");
    assert_int_equal(losses(&s.said), 1);
    assert_true(dr_str_eqz(s.said.fields[0].actual, "an older version"));
    s.load.line_count = 0; /* an emptied set likewise */
    set_body(&s, "{\"products\":[]}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    assert_true(dr_str_eqz(s.said.fields[0].field, "amount"));
    dr_arena_free(s.a);
}

static void test_a_line_alone_is_rejected(void **state)
{
    struct scene s;
    struct dr_part parts[2];
    struct dr_line lines[2];
    uint64_t products[2];
    struct dr_rejected r = {
        .part_id = S("l1"), .rule = S("rule"), .reason = S("no product")};

    (void)state;
    lines_open(&s, parts, lines, products);
    s.load.lines = &lines[1];
    s.load.line_count = 1;
    s.out.part_rejects = &r;
    s.out.part_reject_count = 1;
    set_body(&s, "{\"products\":[{\"product_id\":800,\"quantity\":3}]}");
    (void)judged(&s);
    is_state(&s.said.rows[0], "rejected");
    is_state(&s.said.rows[1], "landed");
    assert_int_equal(losses(&s.said), 0);
    s.c.deal_deleted = true; /* it took its lines along */
    (void)judged(&s);
    is_state(&s.said.rows[1], "rejected");
    assert_int_equal(s.said.rows[1].target, 0);
    s.c.deal_deleted = false;
    s.c.lost = true; /* somebody deleted the deal there */
    (void)judged(&s);
    is_state(&s.said.rows[1], "rejected");
    assert_int_equal(s.said.rows[1].target, 0);
    assert_true(dr_str_eqz(s.said.rows[1].rule, "gone"));
    assert_int_equal(losses(&s.said), 0);
    s.c.lost = false;
    products[0] = 0; /* its product did not land */
    set_body(&s, "{\"products\":[]}");
    (void)judged(&s);
    is_state(&s.said.rows[1], "rejected");
    assert_true(s.said.rows[1].reason.n > 0);
    dr_arena_free(s.a);
}

/* Both lines are rejected: the deal must hold none, if it ever had one. */
static void test_a_set_that_is_emptied(void **state)
{
    struct scene s;
    struct dr_part parts[2];
    struct dr_line lines[2];
    uint64_t products[2];
    struct dr_rejected r[2] = {
        {.part_id = S("l1"), .rule = S("rule"), .reason = S("no product")},
        {.part_id = S("l2"), .rule = S("rule"), .reason = S("no product")}};

    (void)state;
    lines_open(&s, parts, lines, products);
    s.load.op = DR_LOAD_WRITE;
    s.load.line_count = 0;
    s.out.part_rejects = r;
    s.out.part_reject_count = 2;
    set_body(&s, "{\"products\":[]}");
    (void)judged(&s);
    is_state(&s.said.rows[0], "rejected");
    assert_int_equal(losses(&s.said), 0);
    set_body(&s, "{\"products\":[{\"product_id\":800,\"quantity\":3}]}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1); /* it still stands there */
    s.load.content_hash = S("another content, of thirty-two b"); /* not yet */
    (void)judged(&s);
    assert_null(s.said.rows[0].state);
    assert_null(s.said.rows[1].state);
    s.c.loads[0].fact.dst = 0; /* it never had any */
    (void)judged(&s);
    is_state(&s.said.rows[1], "rejected");
    assert_int_equal(losses(&s.said), 0);
    dr_arena_free(s.a);
}

/* No product of it is in the target: the deal must hold none, as above. */
static void test_a_set_without_products(void **state)
{
    struct scene s;
    struct dr_part parts[2];
    struct dr_line lines[2];
    uint64_t products[2];

    (void)state;
    lines_open(&s, parts, lines, products);
    products[0] = products[1] = 0;
    set_body(&s, "{\"products\":[]}");
    (void)judged(&s);
    is_state(&s.said.rows[0], "rejected");
    is_state(&s.said.rows[1], "rejected");
    assert_int_equal(losses(&s.said), 0);
    set_body(&s, "{\"products\":[{\"product_id\":800,\"quantity\":3}]}");
    (void)judged(&s);
    assert_int_equal(losses(&s.said), 1);
    dr_arena_free(s.a);
}

/* Fields of another record: no line of its own for that record. */
static void test_folded(void **state)
{
    struct scene s;
    const struct record_row *r;

    (void)state;
    scene_open(&s);
    s.load.op = DR_LOAD_PATCH;
    s.load.lane = S("link");
    s.load.type = S("deals");
    s.load.ref_count = 1;
    s.refs[0] = (struct dr_ref){
        .field = S("@record"), .lane = S("deal"), .key = S("deal:d1")};
    s.c.loads[0].dst = 900;
    r = judged(&s);
    is_state(r, "merged");
    assert_int_equal(r->target, 900);
    assert_true(dr_str_eqz(r->type, "deals"));
    assert_int_equal(losses(&s.said), 0);
    dr_arena_free(s.a);
}

/* Fields that were deleted with the record that they were of. */
static void test_folded_into_what_is_gone(void **state)
{
    static uint64_t gone[] = {900, 0};
    struct scene s;

    (void)state;
    scene_open(&s);
    s.load.op = DR_LOAD_PATCH;
    s.load.lane = S("link");
    s.load.type = S("deals");
    s.refs[0] = (struct dr_ref){
        .field = S("@record"), .lane = S("deal"), .key = S("deal:d1")};
    s.c.loads[0].dst = 0;
    s.c.loads[0].gone = gone;
    s.ref_ids[0] = 0;
    s.c.loads[0].body_count = 0;
    is_state(judged(&s), "rejected");
    assert_int_equal(losses(&s.said), 0);
    assert_int_equal(s.said.rows[0].target, 0);
    dr_arena_free(s.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_set_that_is_refused),
        cmocka_unit_test(test_an_amount_that_is_refused),
        cmocka_unit_test(test_a_line_alone_is_rejected),
        cmocka_unit_test(test_a_set_that_is_emptied),
        cmocka_unit_test(test_a_set_without_products),
        cmocka_unit_test(test_folded),
        cmocka_unit_test(test_folded_into_what_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
