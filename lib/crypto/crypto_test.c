/* Known answers, parts that cannot run together, and secrets from files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <drover/crypto/crypto.h>

static void test_sha256(void **state)
{
    uint8_t out[DR_SHA256];
    char hex[65];

    (void)state;
    dr_sha256(DR_STR_LIT("abc"), out); /* FIPS 180-4 */
    dr_hex(out, sizeof(out), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
                             "b00361a396177a9cb410ff61f20015ad");
    dr_sha256((struct dr_str){NULL, 0}, out);
    dr_hex(out, sizeof(out), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb924"
                             "27ae41e4649b934ca495991b7852b855");
}

static void parts(const struct dr_str *v, size_t n, uint8_t out[DR_SHA256])
{
    struct dr_hash h;

    dr_hash_init(&h);
    for (size_t i = 0; i < n; i++) {
        dr_hash_part(&h, v[i]);
    }
    dr_hash_final(&h, out);
}

static void test_parts(void **state)
{
    const struct dr_str ab_c[] = {DR_STR_LIT("ab"), DR_STR_LIT("c")};
    const struct dr_str a_bc[] = {DR_STR_LIT("a"), DR_STR_LIT("bc")};
    uint8_t one[DR_SHA256], two[DR_SHA256];

    (void)state;
    parts(ab_c, 2, one);
    parts(a_bc, 2, two);
    assert_memory_not_equal(one, two, sizeof(one));
    /* The bytes that are hashed never change: length, little end first. */
    dr_sha256(DR_STR_LIT("\2\0\0\0\0\0\0\0ab\1\0\0\0\0\0\0\0c"), two);
    assert_memory_equal(one, two, sizeof(one));
}

static void test_hex(void **state)
{
    uint8_t out[3] = {0};
    char text[7];

    (void)state;
    dr_hex("\x00\xff\x1a", 3, text);
    assert_string_equal(text, "00ff1a");
    assert_int_equal(dr_unhex(DR_STR_LIT("00ff1a"), out, 3), 0);
    assert_memory_equal(out, "\x00\xff\x1a", 3);
    assert_int_equal(dr_unhex(DR_STR_LIT("00FF1A"), out, 3), 0);
    assert_int_equal(dr_unhex(DR_STR_LIT("00ff1"), out, 3), -1);
    assert_int_equal(dr_unhex(DR_STR_LIT("00ff1a00"), out, 3), -1);
    assert_int_equal(dr_unhex(DR_STR_LIT("00ff1g"), out, 3), -1);
    assert_int_equal(dr_unhex(DR_STR_LIT("00 f1a"), out, 3), -1);
    assert_int_equal(dr_unhex((struct dr_str){NULL, 0}, out, 3), -1);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(dr_ct_eq(DR_STR_LIT("abc"), DR_STR_LIT("abc")));
    assert_false(dr_ct_eq(DR_STR_LIT("abc"), DR_STR_LIT("abd")));
    assert_false(dr_ct_eq(DR_STR_LIT("abc"), DR_STR_LIT("ab")));
    assert_true(dr_ct_eq((struct dr_str){NULL, 0}, DR_STR_LIT("")));
}

/* Recomputed by hand: HMAC-SHA-256 over length-prefixed parts. */
static void test_marker(void **state)
{
    const struct dr_str key = DR_STR_LIT("key"), m = DR_STR_LIT("acme");
    const struct dr_str type = DR_STR_LIT("contacts");
    const struct dr_str id = DR_STR_LIT("contact:1");
    char base[33], other[33];
    uint8_t mid[16];
    char hex[33];

    (void)state;
    dr_marker_hex(key, m, 1, type, id, base);
    assert_string_equal(base, "f020a33b8313c3498a5d62eeb2762154");
    dr_marker_hex(key, m, 2, type, id, other);
    assert_string_not_equal(base, other);
    dr_marker_hex(DR_STR_LIT("kez"), m, 1, type, id, other);
    assert_string_not_equal(base, other);
    dr_marker_hex(key, m, 1, DR_STR_LIT("contactsc"), DR_STR_LIT("ontact:1"),
                  other);
    assert_string_not_equal(base, other);
    dr_migration_id(DR_STR_LIT("abc"), mid);
    dr_hex(mid, 16, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223");
}

static char path[64];

static void put(const char *text, size_t n)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void test_secret(void **state)
{
    char big[4098];
    struct dr_err err = {0};
    struct dr_secret *s;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/crypto-test-XXXXXX");
    assert_int_equal(close(mkstemp(path)), 0);
    assert_null(dr_secret_read(path, &err));
    assert_non_null(strstr(err.text, "is empty"));
    assert_non_null(strstr(err.text, path));
    put(" \n\t ", 4);
    assert_null(dr_secret_read(path, &err));
    put("\n  two words \r\n", 15);
    s = dr_secret_read(path, &err);
    assert_non_null(s);
    assert_true(dr_str_eqz(dr_secret_view(s), "two words"));
    assert_int_equal(dr_secret_view(s).p[9], 0);
    dr_secret_free(s);

    memset(big, 'k', sizeof(big));
    put(big, 4096);
    s = dr_secret_read(path, &err);
    assert_non_null(s);
    assert_int_equal(dr_secret_view(s).n, 4096);
    dr_secret_free(s);
    put(big, 4097);
    assert_null(dr_secret_read(path, &err));
    assert_non_null(strstr(err.text, "larger than 4096 bytes"));
    assert_int_equal(unlink(path), 0);
    assert_null(dr_secret_read(path, &err));
    assert_non_null(strstr(err.text, "No such file"));
    assert_null(dr_secret_read("/tmp", &err)); /* a folder */
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(dr_secret_read(path, &err)); /* nobody will write */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(dr_secret_view(NULL).n, 0);
    dr_secret_free(NULL);
}

/* Owner and group may have it; who else may read or change it is told. */
static void test_a_secret_that_all_may_read(void **state)
{
    static const mode_t open_to_all[] = {0644, 0604, 0602, 0666, 0440 | 01};
    static const mode_t kept[] = {0400, 0440, 0600, 0640, 0660};
    struct dr_err err = {0};
    struct dr_secret *s;
    char says[32];

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/crypto-test-XXXXXX");
    assert_int_equal(close(mkstemp(path)), 0);
    put("word", 4);
    for (size_t i = 0; i < sizeof(open_to_all) / sizeof(open_to_all[0]); i++) {
        assert_int_equal(chmod(path, open_to_all[i]), 0);
        assert_null(dr_secret_read(path, &err));
        (void)snprintf(says, sizeof(says), "(mode %04o)",
                       (unsigned)open_to_all[i]);
        assert_non_null(strstr(err.text, says));
        assert_non_null(strstr(err.text, "chmod 0400"));
        assert_non_null(strstr(err.text, path));
    }
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        assert_int_equal(chmod(path, kept[i]), 0);
        s = dr_secret_read(path, &err);
        assert_non_null(s);
        dr_secret_free(s);
    }
    assert_int_equal(unlink(path), 0);
}

static void test_random(void **state)
{
    uint8_t a[16] = {0}, b[16] = {0};

    (void)state;
    dr_random(a, sizeof(a));
    dr_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_marker),
        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_a_secret_that_all_may_read),
        cmocka_unit_test(test_random),
    };

    dr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
