/* A folder without a manifest: what its files could be is written down for a
 * person to check; nothing is guessed in silence. */
#include "drop.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <drover/base/buf.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>
#include <drover/json/json.h>

#define FILES_MAX 10000

struct guess {
    struct dr_str object, format, compression;
};

/* "contact-0001.ndjson.gz", "Deals.csv": the object is what stands before the
 * first '-' or '.'. */
static bool guess_of(struct dr_str name, struct guess *out)
{
    struct dr_str rest = name;
    bool gz = dr_str_ends(rest, DR_STR_LIT(".gz"));

    rest.n -= gz ? 3 : 0;
    out->compression = gz ? DR_STR_LIT("gzip") : DR_STR_LIT("none");
    if (dr_str_ends(rest, DR_STR_LIT(".ndjson"))) {
        out->format = DR_STR_LIT("ndjson");
    } else if (dr_str_ends(rest, DR_STR_LIT(".csv"))) {
        out->format = DR_STR_LIT("csv");
    } else {
        return false;
    }
    out->object = (struct dr_str){rest.p, strcspn(rest.p, "-.")};
    return out->object.n > 0;
}

static void one_file(struct dr_json_w *w, const char *dir, const char *sub,
                     struct dr_str name)
{
    char path[5200], piece[65536], hex[65];
    struct guess g;
    struct dr_hash h;
    uint8_t sum[32];
    uint64_t bytes = 0, lines = 0;
    size_t n;
    FILE *f;

    if (!guess_of(name, &g)) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/%s" DR_STR_FMT, dir, sub,
                   DR_STR_ARG(name));
    f = fopen(path, "rbe");
    if (!f) {
        return;
    }
    dr_hash_init(&h);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) {
        dr_hash_bytes(&h, (struct dr_str){piece, n});
        bytes += n;
        for (size_t i = 0; i < n; i++) {
            lines += piece[i] == '\n';
        }
    }
    (void)fclose(f);
    dr_hash_final(&h, sum);
    dr_hex(sum, sizeof(sum), hex);
    (void)snprintf(path, sizeof(path), "%s" DR_STR_FMT, sub, DR_STR_ARG(name));
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "path", path);
    dr_json_w_kv(w, "object", g.object);
    dr_json_w_kv(w, "format", g.format);
    dr_json_w_kv(w, "compression", g.compression);
    dr_json_w_key(w, "rows");
    if (dr_str_eqz(g.compression, "gzip")) {
        dr_json_w_null(w); /* to be counted */
    } else {
        dr_json_w_u64(w, lines - (lines > 0 && dr_str_eqz(g.format, "csv")));
    }
    dr_json_w_kvi(w, "bytes", (int64_t)bytes);
    dr_json_w_kvz(w, "sha256", hex);
    dr_json_w_kvz(w, "encoding", "utf-8");
    dr_json_w_end(w);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void folder(struct dr_json_w *w, const char *dir, const char *sub)
{
    char path[5200];
    char **names = NULL;
    size_t n = 0;
    const struct dirent *e;
    DIR *d;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, sub);
    d = opendir(path);
    while (d && n < FILES_MAX && (e = readdir(d)) != NULL) {
        names = dr_xrealloc(names, (n + 1) * sizeof(*names));
        names[n++] = dr_xstrdup(e->d_name);
    }
    if (d) {
        (void)closedir(d);
    }
    if (n > 1) {
        qsort(names, n, sizeof(*names), by_name);
    }
    for (size_t i = 0; i < n; i++) {
        one_file(w, dir, sub, dr_str_z(names[i]));
        free(names[i]);
    }
    free(names);
}

int drop_propose(const char *dir, struct dr_err *err)
{
    char path[5200];
    struct dr_json_w w;
    struct dr_buf b;
    FILE *f;
    bool written;

    dr_buf_init(&b, (size_t)16 << 20);
    dr_json_w_init(&w, &b);
    w.pretty = true;
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "profile", "fasttrack/1");
    dr_json_w_kvz(&w, "contract", "1");
    dr_json_w_kvz(&w, "produced_at", NULL);
    dr_json_w_key(&w, "files");
    dr_json_w_arr(&w);
    folder(&w, dir, "");
    folder(&w, dir, "objects/");
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    (void)snprintf(path, sizeof(path), "%s/manifest.proposed.json", dir);
    f = fopen(path, "wbe");
    written = f && fwrite(b.p, 1, b.n, f) == b.n;
    written = f && fclose(f) == 0 && written;
    dr_buf_done(&b);
    return dr_err_set(err, DR_HALT, 0, "source folder",
                      written ? "no manifest.json: what the files could be is "
                                "in manifest.proposed.json; check it, complete "
                                "it, name it manifest.json and start again"
                              : "no manifest.json, and a proposal cannot be "
                                "written there: make the folder writable");
}
