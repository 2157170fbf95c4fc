/* Items: what a new beginning forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "loader.h"

struct world {
    struct loader l;
    struct lane lane;
    struct lanepart lp;
    struct item it;
};

static void begins_again(struct world *w, enum item_state from)
{
    memset(w, 0, sizeof(*w));
    w->lane.l = &w->l;
    w->lp.lane = &w->lane;
    w->it.lp = &w->lp;
    w->it.since_ms = 5000;
    item_move(&w->it, &w->lane.work, from);
    item_again(&w->it);
    assert_int_equal(w->it.state, ITEM_FRESH);
    assert_ptr_equal(w->lp.fresh.first, &w->it);
}

/* Else a record that settles the attempt of another version has no patience
 * left for its own parents. */
static void the_wait_for_an_outcome_is_over(void **state)
{
    static struct world w;

    (void)state;
    begins_again(&w, ITEM_WRITTEN);
    assert_int_equal(w.it.since_ms, 0);
    begins_again(&w, ITEM_UNSETTLED);
    assert_int_equal(w.it.since_ms, 0);
}

/* Else it would wait as long again with each new owner. */
static void the_wait_for_a_parent_goes_on(void **state)
{
    static struct world w;

    (void)state;
    begins_again(&w, ITEM_PARENT);
    assert_int_equal(w.it.since_ms, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_for_an_outcome_is_over),
        cmocka_unit_test(the_wait_for_a_parent_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
