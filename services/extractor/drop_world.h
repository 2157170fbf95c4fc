/* What the tests of an export folder share: one below /tmp, its manifest made
 * to fit, and what is said of it. */
#ifndef EXTRACTOR_DROP_WORLD_H
#define EXTRACTOR_DROP_WORLD_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/crypto/crypto.h>

#include "drop.h"

static const char schema[] =
    "{\"objects\":{\"results\":[{\"type\":\"contact\"},{\"type\":\"company\"}]"
    "},\"properties\":{\"contact\":{\"results\":["
    "{\"name\":\"name\",\"label\":\"Full name\",\"data_type\":\"string\"},"
    "{\"name\":\"phone\",\"label\":\"Phone\",\"data_type\":\"phone\"},"
    "{\"name\":\"amount\",\"label\":\"Amount\",\"data_type\":\"money\"},"
    "{\"name\":\"since\",\"label\":\"Same\",\"data_type\":\"date\"},"
    "{\"name\":\"stage\",\"label\":\"Same\",\"data_type\":\"enum\",\"options\":"
    "[{\"value\":\"won\",\"label\":\"Gewonnen\"},"
    "{\"value\":\"a\",\"label\":\"Twice\"},{\"value\":\"b\",\"label\":"
    "\"Twice\"}]},"
    "{\"name\":\"tags\",\"data_type\":\"multi_enum\",\"options\":"
    "[{\"value\":\"vip\",\"label\":\"Very important\"}]},"
    "{\"name\":\"company\",\"label\":\"Company\",\"data_type\":\"reference\"}"
    "]},\"company\":{\"results\":[]}},"
    "\"associations\":{\"results\":[{\"from\":\"contact\",\"to\":\"company\"}]"
    "}}";

struct world {
    char dir[64];
    struct dr_buf files; /* of the manifest */
    struct drop *drop;
    struct dr_err err;
};

static inline void put(const struct world *w, const char *name,
                       struct dr_str bytes)
{
    char path[200];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
    assert_int_equal(fclose(f), 0);
}

static inline int setup(void **state)
{
    struct world *w = dr_xcalloc(1, sizeof(*w));
    char path[100];

    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/drover-drop-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    (void)snprintf(path, sizeof(path), "%s/objects", w->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/associations", w->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    put(w, "schema.json", dr_str_z(schema));
    put(w, "pipelines.json", DR_STR_LIT("{}"));
    put(w, "owners.json", DR_STR_LIT("{\"results\":[]}"));
    dr_buf_init(&w->files, 1 << 20);
    *state = w;
    return 0;
}

static inline int forget(const char *path, const struct stat *st, int type,
                         struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int teardown(void **state)
{
    struct world *w = *state;

    (void)nftw(w->dir, forget, 8, FTW_DEPTH | FTW_PHYS);
    drop_free(w->drop);
    dr_buf_done(&w->files);
    free(w);
    return 0;
}

/* A file of the folder, and its entry in the manifest. */
static inline void file(struct world *w, const char *path, const char *object,
                        int rows, const char *more, struct dr_str bytes)
{
    uint8_t sum[32];
    char hex[65];

    put(w, path, bytes);
    dr_sha256(bytes, sum);
    dr_hex(sum, sizeof(sum), hex);
    dr_buf_printf(&w->files,
                  "%s{\"path\":\"%s\",\"object\":\"%s\",\"rows\":%d,\"bytes\":"
                  "%zu,\"sha256\":\"%s\"%s}",
                  w->files.n ? "," : "", path, object, rows, bytes.n, hex,
                  more);
}

static inline bool opened(struct world *w, unsigned ratio)
{
    struct dr_buf b;

    dr_buf_init(&b, 1 << 20);
    dr_buf_z(&b, "{\"contract\":\"1\",\"produced_at\":\"2026-03-02T08:00:00Z\""
                 ",\"files\":[");
    dr_buf_str(&b, dr_buf_view(&w->files));
    dr_buf_z(&b, "]}");
    put(w, "manifest.json", dr_buf_view(&b));
    dr_buf_done(&b);
    drop_free(w->drop);
    w->err = (struct dr_err){0};
    w->drop = drop_open(w->dir, ratio, &w->err);
    return w->drop != NULL;
}

#define assert_says(w, t) assert_non_null(strstr((w)->err.text, t))

static inline const char *told(const struct world *w)
{
    static char out[8192];
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < w->drop->told_n; i++) {
        n += (size_t)snprintf(out + n, sizeof(out) - n,
                              DR_STR_FMT ": " DR_STR_FMT "\n",
                              DR_STR_ARG(w->drop->told[i].about),
                              DR_STR_ARG(w->drop->told[i].found));
    }
    return out;
}

#define assert_told(w, t) assert_non_null(strstr(told(w), t))

static inline void records(struct world *w)
{
    file(w, "objects/contact.csv", "contact", 2, ",\"format\":\"csv\"",
         DR_STR_LIT("id\nc\nd\n"));
    file(w, "objects/company.ndjson", "company", 1, ",\"format\":\"ndjson\"",
         DR_STR_LIT("{\"type\":\"company\",\"id\":\"k\",\"version\":1}\n"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
