/* Gzip files: whole, in members, damaged at any place, too large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include <drover/base/arena.h>
#include <drover/zip/zip.h>

#define TEXT_BYTES 200000

static char text[TEXT_BYTES];
static unsigned char packed[TEXT_BYTES];

static size_t pack(const char *p, size_t n, unsigned char *out, size_t max)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)p,
                  .avail_in = (uInt)n,
                  .next_out = out,
                  .avail_out = (uInt)max};

    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&z);
    return z.total_out;
}

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        text[i] = (char)('a' + (i * i / 7) % 26);
    }
    return 0;
}

/* Everything that comes out, or -1. */
static int64_t all(const void *p, size_t n, bool gzip, uint64_t max, char *out)
{
    FILE *f = tmpfile();
    struct dr_err err;
    struct dr_zip *z;
    int64_t got, sum = 0;

    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    rewind(f);
    z = dr_zip_open(f, gzip, max);
    while ((got = dr_zip_read(z, out + sum, 1000, &err)) > 0) {
        sum += got;
    }
    dr_zip_close(z);
    (void)fclose(f);
    return got < 0 ? got : sum;
}

static void test_whole(void **state)
{
    char *out = dr_xmalloc(TEXT_BYTES + 1000);
    size_t n = pack(text, TEXT_BYTES, packed, sizeof(packed));

    (void)state;
    assert_int_equal(all(packed, n, true, TEXT_BYTES, out), TEXT_BYTES);
    assert_memory_equal(out, text, TEXT_BYTES);
    assert_int_equal(all(text, TEXT_BYTES, false, TEXT_BYTES, out), TEXT_BYTES);
    assert_memory_equal(out, text, TEXT_BYTES);
    assert_int_equal(all("", 0, false, 10, out), 0);
    n = pack("", 0, packed, sizeof(packed));
    assert_int_equal(all(packed, n, true, 10, out), 0);
    free(out);
}

static void test_members(void **state)
{
    char *out = dr_xmalloc(TEXT_BYTES + 1000);
    size_t n = pack(text, 1000, packed, sizeof(packed));

    (void)state;
    n += pack(text + 1000, 500, packed + n, sizeof(packed) - n);
    assert_int_equal(all(packed, n, true, TEXT_BYTES, out), 1500);
    assert_memory_equal(out, text, 1500);
    free(out);
}

static void test_damaged(void **state)
{
    char *out = dr_xmalloc(TEXT_BYTES + 1000);
    size_t n = pack(text, 5000, packed, sizeof(packed));

    (void)state;
    for (size_t cut = 0; cut < n; cut += 1 + n / 50) {
        assert_int_equal(all(packed, cut, true, TEXT_BYTES, out), -1);
    }
    packed[n - 6] ^= 1; /* the CRC */
    assert_int_equal(all(packed, n, true, TEXT_BYTES, out), -1);
    packed[n - 6] ^= 1;
    packed[n] = 'x'; /* what follows is no member */
    assert_int_equal(all(packed, n + 1, true, TEXT_BYTES, out), -1);
    assert_int_equal(all("plain text", 10, true, TEXT_BYTES, out), -1);
    free(out);
}

static void test_bound(void **state)
{
    char *out = dr_xmalloc(TEXT_BYTES + 1000);
    size_t n = pack(text, 5000, packed, sizeof(packed));

    (void)state;
    assert_int_equal(all(packed, n, true, 4999, out), -1);
    assert_int_equal(all(text, 5000, false, 4999, out), -1);
    assert_int_equal(all(packed, n, true, 5000, out), 5000);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_bound),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
