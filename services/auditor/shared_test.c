/* Which records stand at one and the same target record, and may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include <drover/json/json.h>

#include "shared.h"

#define S(z) DR_STR_LIT(z)

static char path[64];
static struct auditor au;

static int setup(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/drover-shared-%d.sqlite",
                   (int)getpid());
    (void)remove(path);
    au = (struct auditor){.books = books_open(path, S("m"))};
    return 0;
}

static int teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[80];

    (void)state;
    books_close(au.books);
    for (size_t i = 0; i < DR_ARRAY_LEN(ends); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)remove(name);
    }
    return 0;
}

static void stands(const char *lane, const char *key, const char *type,
                   uint64_t dst, uint32_t origin)
{
    static const char content[32] = "content";
    struct fact_row f = {.lane = dr_str_z(lane),
                         .key = dr_str_z(key),
                         .type = dr_str_z(type),
                         .content_hash = {content, sizeof(content)},
                         .rev = 1,
                         .pass = 1,
                         .dst = dst,
                         .origin = origin};

    books_fact(au.books, &f);
}

static void told(const char *want)
{
    struct spool out = {.au = &au};
    struct dr_json_w w;

    dr_buf_init(&out.buf, 1 << 16);
    dr_json_w_init(&w, &out.buf);
    dr_json_w_obj(&w);
    shared_write(&au, &w, &out);
    dr_json_w_end(&w);
    if (dr_str_find(dr_buf_view(&out.buf), dr_str_z(want)) == SIZE_MAX) {
        fail_msg("%s\nis not in\n%s", want, out.buf.p);
    }
    dr_buf_done(&out.buf);
}

/* Equal but for case, two persons or a person and what it is not. */
static void test_two_that_landed_at_one_record(void **state)
{
    (void)state;
    stands("contact", "contact:CASE-1", "contacts", 7, DR_DONE_CREATED);
    stands("contact", "contact:other", "contacts", 8, DR_DONE_CREATED);
    assert_int_equal(shared_count(&au), 0);
    told("\"shared\":[]");
    stands("contact", "contact:case-1", "contacts", 7, DR_DONE_CREATED);
    stands("contact", "person:8", "contacts", 8, DR_DONE_CREATED);
    assert_int_equal(shared_count(&au), 2);
    told("{\"shared\":[{\"type\":\"contacts\",\"target_id\":7,\"records\":["
         "{\"object\":\"contact\",\"id\":\"CASE-1\"},"
         "{\"object\":\"contact\",\"id\":\"case-1\"}],\"cure\":\"");
    told("\"},{\"type\":\"contacts\",\"target_id\":8,\"records\":["
         "{\"object\":\"contact\",\"id\":\"other\"},"
         "{\"object\":\"person\",\"id\":\"8\"}],\"cure\":\"");
}

/* What was there before, and what was made of another record. */
static void test_one_was_written_over_a_merged_one(void **state)
{
    (void)state;
    stands("contact", "contact:a", "contacts", 7, DR_DONE_MERGED);
    stands("contact", "contact:b", "contacts", 7, DR_DONE_MERGED);
    assert_int_equal(shared_count(&au), 0);
    stands("contact", "contact:c", "contacts", 7, DR_DONE_CREATED);
    assert_int_equal(shared_count(&au), 1);
}

static void test_what_is_a_part_of_another(void **state)
{
    (void)state;
    stands("deal", "deal:1", "deals", 7, DR_DONE_CREATED);
    stands("deal_product", "line_item:1", "deals", 7, DR_DONE_UPDATED);
    stands("link", "parcel:1", "deals", 7, DR_DONE_UPDATED);
    stands("contact", "contact:1", "contacts", 7, DR_DONE_CREATED);
    assert_int_equal(shared_count(&au), 0);
}

/* An id that the target gives anew, say. */
static void test_what_is_gone_shares_nothing(void **state)
{
    (void)state;
    stands("contact", "contact:a", "contacts", 7, DR_DONE_CREATED);
    books_fact_deleted(au.books, S("contact"), S("contact:a"), FACT_DELETED);
    stands("contact", "contact:b", "contacts", 7, DR_DONE_CREATED);
    assert_int_equal(shared_count(&au), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_two_that_landed_at_one_record),
        T(test_one_was_written_over_a_merged_one),
        T(test_what_is_a_part_of_another),
        T(test_what_is_gone_shares_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
