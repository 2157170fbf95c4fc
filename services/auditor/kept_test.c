/* What does not fit is never cut: a word stands in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <drover/json/json.h>

#include "kept.h"

static void test_fit(void **state)
{
    char *large = calloc(KEPT_MAX + 1, 1), word[KEPT_WORD];
    struct dr_arena *a = dr_arena_new(1 << 16);
    struct dr_str text = {large, KEPT_MAX}, out;
    const struct dr_json *j;

    (void)state;
    assert_non_null(large);
    out = kept_fit("audit.json", text, word);
    assert_ptr_equal(out.p, large);
    assert_int_equal(out.n, KEPT_MAX);
    text.n++;
    out = kept_fit("audit.json", text, word);
    assert_true(kept_is_word(out));
    j = dr_json_parse(a, out, NULL, NULL);
    assert_true(dr_str_eqz(dr_json_get_str(j, "left_out"),
                           "audit.json has more than 7 MiB"));
    assert_false(kept_is_word(DR_STR_LIT("{\"items\":[]}")));
    assert_false(kept_is_word(DR_STR_LIT("")));
    dr_arena_free(a);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fit)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
