/* What a record is called, whatever its kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "named.h"

static const struct {
    const char *body, *name, *parent, *owner;
} cases[] = {
    {"{\"display_name\":\"Ana N\",\"first_name\":\"x\",\"owner_id\":5,"
     "\"sales_accounts\":[{\"id\":70,\"name\":\"B\"},{\"id\":71,\"name\":"
     "\"Acme\",\"is_primary\":true}]}",
     "Ana N", "Acme (account 71)", "Sam"},
    {"{\"first_name\":\"Ana\",\"last_name\":\"N\",\"sales_accounts\":[]}",
     "Ana N", "", ""},
    {"{\"name\":\"Order\",\"sales_account_id\":71,\"owner_id\":6}", "Order",
     "account 71", "g@x.example"},
    {"{\"name\":\"Order\",\"sales_account\":{\"id\":71,\"name\":\"Acme\"}}",
     "Order", "Acme (account 71)", ""},
    {"{\"description\":\"\\n A note \\nand more\",\"targetables\":[{\"id\":9,"
     "\"type\":\"Deal\"}],\"owner_id\":7}",
     "A note", "Deal 9", "user 7"},
    {"{\"targetable\":{\"id\":\"9\",\"type\":\"Contact\"},\"notes\":\"Hm\"}",
     "Hm", "Contact 9", ""},
    {"{\"name\":5,\"targetables\":[null,{}],\"sales_accounts\":{},"
     "\"owner_id\":null}",
     "", "", ""},
    {"[]", "", "", ""},
};

static void test_named(void **state)
{
    struct dr_arena *a = dr_arena_new(1 << 20);
    const struct dr_json *users = dr_json_parse(
        a,
        DR_STR_LIT("[{\"id\":5,\"display_name\":\"Sam\"},{\"id\":\"6\","
                   "\"email\":\"g@x.example\"},{\"id\":7},4]"),
        NULL, NULL);

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(cases); i++) {
        const struct dr_json *j =
            dr_json_parse(a, dr_str_z(cases[i].body), NULL, NULL);
        assert_non_null(j);
        assert_true(dr_str_eqz(named_record(j, a), cases[i].name));
        assert_true(dr_str_eqz(named_parent(j, a), cases[i].parent));
        assert_true(dr_str_eqz(named_owner(j, users, a), cases[i].owner));
    }
    assert_int_equal(named_record(NULL, a).n, 0);
    dr_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_named)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
