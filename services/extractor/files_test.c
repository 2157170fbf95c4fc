/* Attachments and drift: what is decided without any I/O. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/crypto/crypto.h>

#include "contract.h"
#include "drift.h"
#include "files.h"

static int address(const char *url, const char *allowed, bool local,
                   enum dr_reach *reach)
{
    struct dr_url u;

    return files_address(dr_str_z(url), allowed, local, &u, reach);
}

static void bytes_come_from_public_hosts_or_named_ones(void **state)
{
    static const char *const no[] = {
        "http://dl.example.com/f",       "https://dl.example.com:8443/f",
        "https://u:p@dl.example.com/f",  "ftp://dl.example.com/f",
        "https://other.example.com/f",   "https://dl.example.com.evil.com/f",
        "https://dl.example.com:4430/f", "https://evil.com/dl.example.com"};
    enum dr_reach reach;

    (void)state;
    assert_int_equal(address("https://dl.example.com/f", "", false, &reach), 0);
    assert_int_equal(reach, DR_REACH_PUBLIC);
    for (size_t i = 0; i < DR_ARRAY_LEN(no); i++) {
        if (address(no[i], "DL.example.com, 10.0.0.7:9443", false, &reach) ==
            0) {
            fail_msg("%s is taken", no[i]);
        }
    }
    assert_int_equal(address("https://dl.example.com/f",
                             "DL.example.com, 10.0.0.7:9443", false, &reach),
                     0);
    assert_int_equal(reach, DR_REACH_ANY);
    assert_int_equal(address("https://10.0.0.7:9443/f",
                             "dl.example.com,10.0.0.7:9443", false, &reach),
                     0);
    assert_int_equal(
        address("https://10.0.0.7/f", "10.0.0.7:9443", false, &reach), -1);
}

static void without_a_list_only_the_usual_port_is_asked(void **state)
{
    enum dr_reach reach;

    (void)state;
    assert_int_equal(address("https://a.example:8443/f", "", false, &reach),
                     -1);
    assert_int_equal(address("http://127.0.0.1:9/f", "", false, &reach), -1);
    assert_int_equal(address("http://127.0.0.1:9/f", "", true, &reach), 0);
    assert_int_equal(reach, DR_REACH_LOOPBACK); /* no private one even so */
}

static const struct dr_json *metadata(struct dr_arena *a, const char *size,
                                      const char *hash, const char *status)
{
    struct dr_err err = {0};
    struct dr_str text = dr_arena_printf(
        a, "{\"properties\":{\"size\":%s,\"sha256\":%s,\"status\":\"%s\"}}",
        size, hash, status);

    return dr_json_parse(a, text, NULL, &err);
}

static struct dr_source record(uint64_t version)
{
    return (struct dr_source){
        .id = DR_STR_LIT("f_1"), .op = DR_SRC_UPSERT, .version = version};
}

static const char no_hash[] = "null";
static const char hash_a[] =
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"";
static const char hash_b[] =
    "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"";

static size_t note(struct files *f, struct dr_source *s, const char *size,
                   const char *hash)
{
    struct dr_arena *a = dr_arena_new(1 << 16);

    files_note(f, s, metadata(a, size, hash, "available"));
    dr_arena_free(a);
    return files_pending(f);
}

static void nothing_is_pending_without_a_limit_or_beyond_it(void **state)
{
    struct dr_source s = record(1);
    struct files f;

    (void)state;
    files_init(&f);
    assert_int_equal(note(&f, &s, "\"100\"", hash_a), 0);
    f.limit = 99;
    assert_int_equal(files_pending(&f), 0);
    f.limit = 100;
    assert_int_equal(files_pending(&f), 1);
    files_done(&f);
}

static void what_was_fetched_stays_while_the_bytes_do(void **state)
{
    struct dr_blob blob = {.state = DR_BLOB_STORED, .size = 100};
    uint8_t sum[32] = {1};
    struct dr_source s = record(1);
    struct files f;

    (void)state;
    files_init(&f);
    f.limit = 1000;
    assert_int_equal(note(&f, &s, "\"100\"", hash_a), 1);
    files_settle(&f, s.id, &blob, sum);
    s = record(2); /* a new name, the same bytes */
    assert_int_equal(note(&f, &s, "\"100\"", hash_a), 0);
    assert_int_equal(s.blob.state, DR_BLOB_STORED);
    assert_int_equal(s.blob.sha256.n, 32);
    s = record(3);
    assert_int_equal(note(&f, &s, "\"100\"", hash_b), 1);
    assert_int_equal(s.blob.state, 0);
    files_settle(&f, s.id, &blob, sum);
    s = record(4); /* no hash: another version may have other bytes */
    assert_int_equal(note(&f, &s, "\"100\"", no_hash), 1);
    files_settle(&f, s.id, &blob, sum);
    s = record(4);
    assert_int_equal(note(&f, &s, "\"100\"", no_hash), 0);
    s = record(5);
    assert_int_equal(note(&f, &s, "\"100\"", no_hash), 1);
    s = record(6);
    s.op = DR_SRC_DELETE;
    files_note(&f, &s, NULL);
    assert_int_equal(files_pending(&f), 0);
    files_done(&f);
}

/* A host that the configuration did not allow may be allowed now. */
static void what_was_refused_is_tried_again_by_the_next_start(void **state)
{
    struct dr_blob missing = {.state = DR_BLOB_MISSING};
    struct dr_blob refused = {.state = DR_BLOB_REFUSED};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 16);
    const struct dr_json *body = metadata(a, "\"100\"", hash_a, "available");
    struct dr_source s = record(1);
    struct files f;

    (void)state;
    files_init(&f);
    f.limit = 1000;
    s.blob = missing;
    files_read_back(&f, &s, body);
    assert_int_equal(files_pending(&f), 0);
    s.blob = refused;
    files_read_back(&f, &s, body);
    assert_int_equal(files_pending(&f), 1);
    s = record(1); /* the record is no news meanwhile */
    files_note(&f, &s, body);
    assert_int_equal(s.blob.state, DR_BLOB_REFUSED);
    assert_int_equal(files_pending(&f), 1);
    files_settle(&f, s.id, &refused, NULL);
    assert_int_equal(files_pending(&f), 0);
    files_note(&f, &s, body);
    assert_int_equal(files_pending(&f), 0);
    files_done(&f);
}

static void an_outage_gives_no_file_up(void **state)
{
    struct file f = {0};
    int64_t now = 1000, before = 0;

    (void)state;
    while (now < FILES_OUTAGE_MAX_MS) { /* the host was well before it alone */
        assert_false(files_failed(&f, false, 1000, now));
        assert_true(f.due_ms > now && f.due_ms - now <= 30000);
        assert_true(f.due_ms - now >= before);
        before = f.due_ms - now;
        now = f.due_ms;
    }
    f.failing_ms++; /* or the outage were too long */
    assert_true(files_failed(&f, false, 1002, now)); /* another one came */
    now += 60000;
    assert_true(files_failed(&f, false, 1000, now)); /* none did, all day */
    assert_false(files_failed(&f, true, 1002, now)); /* bytes of it came */
    assert_int_equal(f.due_ms, now);
    assert_false(files_failed(&f, false, now + 1, now));
    for (int i = 0; i < 50; i++) { /* many tries are not long */
        assert_false(files_failed(&f, false, now + 1, now + i));
    }
}

static void a_file_that_waits_lets_the_others_go_on(void **state)
{
    size_t n[FILES_HOSTS + 1];
    char name[16];
    struct dr_source s = record(1);
    struct file *file;
    struct dr_str id;
    struct files f;
    size_t at = 0;

    (void)state;
    files_init(&f);
    f.limit = 1000;
    (void)note(&f, &s, "\"100\"", hash_a);
    s.id = DR_STR_LIT("f_2");
    (void)note(&f, &s, "\"100\"", hash_b);
    assert_true(files_next(&f, 5000, &at, &id, &file));
    assert_true(dr_str_eqz(id, "f_1"));
    (void)files_failed(file, false, 0, 5000);
    assert_int_equal(files_failing(&f), 1);
    files_failing_by_host(&f, n);
    assert_int_equal(n[FILES_HOSTS], 1);
    assert_int_equal(files_host(&f, ""), 0);
    assert_int_equal(files_host(&f, "one"), 1);
    file->host = files_host(&f, "two");
    files_failing_by_host(&f, n);
    assert_int_equal(n[0] + n[FILES_HOSTS], 0);
    assert_int_equal(n[1], 1);
    for (int i = 2; i < FILES_HOSTS; i++) {
        (void)snprintf(name, sizeof(name), "host-%d", i);
        assert_int_equal(files_host(&f, name), i + 1);
    }
    assert_int_equal(files_host(&f, "one too many"), 0);
    assert_int_equal(files_host(&f, "two"), 2);
    for (int i = 0; i < 3; i++) {
        assert_true(files_next(&f, 5000, &at, &id, &file));
        assert_true(dr_str_eqz(id, "f_2"));
    }
    (void)files_failed(file, false, 0, 5000);
    assert_false(files_next(&f, 5000, &at, &id, &file));
    assert_int_equal(files_pending(&f), 2);
    assert_true(files_next(&f, 35000, &at, &id, &file));
    files_done(&f);
}

/* Deleted when its address was asked for, and back since: FastTrack may have
 * both between two reads. */
static void what_did_not_come_is_tried_with_each_version(void **state)
{
    struct dr_blob missing = {.state = DR_BLOB_MISSING};
    struct dr_source s = record(1);
    struct files f;

    (void)state;
    files_init(&f);
    f.limit = 1000;
    assert_int_equal(note(&f, &s, "\"100\"", hash_a), 1);
    files_settle(&f, s.id, &missing, NULL);
    s = record(1);
    assert_int_equal(note(&f, &s, "\"100\"", hash_a), 0);
    assert_int_equal(s.blob.state, DR_BLOB_MISSING);
    s = record(2);
    assert_int_equal(note(&f, &s, "\"100\"", hash_a), 1);
    assert_int_equal(s.blob.state, 0);
    files_done(&f);
}

static void two_blobs_of_a_record_are_two_contents(void **state)
{
    struct dr_blob none = {0}, stored = {.state = DR_BLOB_STORED};
    struct dr_blob other = {.state = DR_BLOB_STORED, .first_offset = 7};

    (void)state;
    assert_true(files_mix(&none) == 0);
    assert_true(files_mix(&stored) != 0);
    assert_true(files_mix(&stored) != files_mix(&other));
}

static void drift_is_told_by_name(void **state)
{
    static const char was[] =
        "{\"objects\":[{\"type\":\"deal\"}],\"properties\":{\"deal\":[{"
        "\"name\":\"a\",\"data_type\":\"enum\",\"options\":[{\"value\":"
        "\"x\"}]}]}}";
    static const char now[] =
        "{\"objects\":[{\"type\":\"deal\"}],\"properties\":{\"deal\":[{"
        "\"name\":\"a\",\"data_type\":\"string\",\"options\":[{\"value\":"
        "\"x\"},{\"value\":\"y\"}]},{\"name\":\"b\",\"data_type\":\"int\"}]}}";
    static const char lines[] = "{\"deal\":[{\"id\":\"p\",\"stages\":[]}]}";
    static const char more[] =
        "{\"deal\":[{\"id\":\"p\",\"stages\":[{\"id\":\"s\"}]}]}";
    struct dr_map *a = drift_items(dr_str_z(was), dr_str_z(lines));
    struct dr_map *b = drift_items(dr_str_z(now), dr_str_z(more));
    struct dr_buf out;

    (void)state;
    dr_buf_init(&out, 4096);
    assert_int_equal(drift_between(a, a, &out), 0);
    assert_int_equal(drift_between(a, b, &out), 6);
    assert_non_null(strstr(out.p, "new option y of deal.a\n"));
    assert_non_null(strstr(out.p, "new property deal.b\n"));
    assert_non_null(strstr(out.p, "new type string of deal.a\n"));
    assert_non_null(strstr(out.p, "gone type enum of deal.a\n"));
    assert_non_null(strstr(out.p, "new stage s of p\n"));
    dr_buf_done(&out);
    dr_map_free(a);
    dr_map_free(b);
}

static void types_name_topics_and_paths(void **state)
{
    (void)state;
    assert_true(type_ok(DR_STR_LIT("co_shipment-2")));
    assert_false(type_ok(DR_STR_LIT("")));
    assert_false(type_ok(DR_STR_LIT("a/../b")));
    assert_false(type_ok(DR_STR_LIT("a.b")));
    assert_true(object_rank(DR_STR_LIT("deal"), false) <
                object_rank(DR_STR_LIT("co_shipment"), true));
    assert_true(object_rank(DR_STR_LIT("letter"), false) <
                object_rank(DR_STR_LIT("attachment"), false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_from_public_hosts_or_named_ones),
        cmocka_unit_test(without_a_list_only_the_usual_port_is_asked),
        cmocka_unit_test(nothing_is_pending_without_a_limit_or_beyond_it),
        cmocka_unit_test(what_was_fetched_stays_while_the_bytes_do),
        cmocka_unit_test(what_was_refused_is_tried_again_by_the_next_start),
        cmocka_unit_test(an_outage_gives_no_file_up),
        cmocka_unit_test(a_file_that_waits_lets_the_others_go_on),
        cmocka_unit_test(what_did_not_come_is_tried_with_each_version),
        cmocka_unit_test(two_blobs_of_a_record_are_two_contents),
        cmocka_unit_test(drift_is_told_by_name),
        cmocka_unit_test(types_name_topics_and_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
