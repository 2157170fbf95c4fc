#include "drop_private.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>
#include <drover/zip/zip.h>

#include "plain.h"
#include "scratch.h"
#include "textfile.h"

#define RAW_KEPT ((size_t)64 << 10) /* of one bad row  */
#define RAW_ALL ((size_t)128 << 20) /* of all of them  */
#define RAW_LEAST ((size_t)512)     /* once it is used */
#define BAD_MAX 100000
#define ROWS_MAX 30000000 /* of all files; some 100 bytes each */
#define DROP_ARENA ((size_t)1 << 30)

static int wrong(struct dr_err *err, struct dr_str file, const char *why)
{
    return dr_err_set(err, DR_HALT, 0, "source folder",
                      DR_STR_FMT ": %s; export the folder again",
                      DR_STR_ARG(file), why);
}

/* Length and SHA-256 of a file, which then stands at its start again. */
static int measure(FILE *f, uint64_t *bytes, char hex[65])
{
    char piece[65536];
    struct dr_hash h;
    uint8_t sum[32];
    size_t n;

    *bytes = 0;
    dr_hash_init(&h);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) {
        dr_hash_bytes(&h, (struct dr_str){piece, n});
        *bytes += n;
    }
    dr_hash_final(&h, sum);
    dr_hex(sum, sizeof(sum), hex);
    if (ferror(f)) { /* which rewind() forgets */
        return -1;
    }
    rewind(f);
    return 0;
}

/* ---- the files ---- */

static bool inside(struct dr_str path)
{
    return path.n > 0 && path.n < 1000 && path.p[0] != '/' &&
           dr_str_find(path, DR_STR_LIT("..")) == SIZE_MAX;
}

static bool below(struct dr_str path, const char *folder)
{
    return dr_str_starts(path, dr_str_z(folder));
}

static FILE *kept(struct drop *d, FILE *f)
{
    d->files = dr_xrealloc(d->files, (d->file_n + 1) * sizeof(FILE *));
    d->files[d->file_n++] = f;
    return f;
}

FILE *drop_scratch(struct drop *d)
{
    return kept(d, scratch_file());
}

struct dr_str drop_keep(struct drop *d, struct dr_str s)
{
    struct dr_str out = dr_arena_dup(d->arena, s);

    d->full = d->full || !out.p;
    return out;
}

void drop_tell(struct drop *d, struct dr_str about, const char *cure,
               const char *fmt, ...)
{
    char text[300];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (d->told_n < DROP_TOLD_MAX) {
        d->told[d->told_n++] =
            (struct drop_told){.about = drop_keep(d, about),
                               .found = drop_keep(d, dr_str_z(text)),
                               .cure = drop_keep(d, dr_str_z(cure))};
    }
}

int drop_add_bad(struct drop *d, const struct drop_bad *bad, struct dr_err *err)
{
    size_t most = d->bad_bytes < RAW_ALL ? RAW_KEPT : RAW_LEAST;
    struct dr_str raw = bad->raw;

    if (d->bad_n == BAD_MAX) {
        return dr_err_set(
            err, DR_HALT, 0, "folder",
            "more than %d rows are no records (the last: %.100s): "
            "look at its format, encoding and delimiter in the "
            "manifest",
            BAD_MAX, bad->why.p);
    }
    if (d->bad_n == d->bad_cap) {
        d->bad_cap = d->bad_cap ? d->bad_cap * 2 : 64;
        d->bad = dr_xrealloc(d->bad, d->bad_cap * sizeof(*d->bad));
    }
    raw.n = raw.n < most ? raw.n : most;
    d->bad_bytes += raw.n;
    d->bad[d->bad_n] = *bad;
    d->bad[d->bad_n].raw = drop_keep(d, raw);
    d->bad[d->bad_n++].why = drop_keep(d, bad->why);
    return 0;
}

bool drop_is_gzip(const struct dr_json *f)
{
    return dr_str_eqz(dr_json_get_str(f, "compression"), "gzip");
}

uint64_t drop_bound(const struct drop *d, const struct dr_json *f)
{
    return drop_is_gzip(f)
               ? text_bound((uint64_t)dr_json_get_i64(f, "bytes", 0),
                            d->unpack_ratio)
               : UINT64_MAX;
}

void drop_explain(const struct drop *d, struct dr_err *err)
{
    if (err->code == DR_ZIP_TOO_MUCH) {
        (void)dr_err_set(err, DR_HALT, 0, "zip",
                         "it unpacks to more than 64 MiB and %u times its "
                         "size: if it is sound, unpack it and say compression "
                         "none, or raise source.unpack_ratio",
                         d->unpack_ratio);
    }
}

int drop_row_fits(struct drop *d, const struct dr_json *f, int64_t rows,
                  struct dr_err *err)
{
    int64_t said = dr_json_get_i64(f, "rows", -1);

    /* Where it says nothing, all are counted: the refusal then says how many.
     */
    if (said >= 0 && rows > said) {
        return dr_err_set(err, DR_HALT, 0, "folder",
                          "it has more rows than the %lld that the manifest "
                          "says: correct that, or export it again",
                          (long long)said);
    }
    if (++d->rows > ROWS_MAX || d->full) {
        return dr_err_set(err, DR_HALT, 0, "folder",
                          "with it the folder has more than %d million rows, "
                          "or 1 GiB of ids and links: their index is in "
                          "memory; use the API, or export less",
                          ROWS_MAX / 1000000);
    }
    return 0;
}

static bool is_tombstones(const struct dr_json *f)
{
    return dr_str_eqz(dr_json_get_str(f, "object"), "tombstone") ||
           dr_str_eqz(dr_json_get_str(f, "path"), "tombstones.ndjson");
}

/* ---- the words of an entry ---- */

static int unknown(struct dr_err *err, const struct dr_json *f, const char *key,
                   const char *known)
{
    struct dr_str said = dr_utf8_prefix(dr_json_get(f, key)->raw, 40);

    return dr_err_set(err, DR_HALT, 0, "folder",
                      "its %s is " DR_STR_FMT ", known are %s: correct it in "
                      "the manifest, or export it so",
                      key, DR_STR_ARG(said), known);
}

/* It is not said, or as one of these. */
static bool says(const struct dr_json *f, const char *key, const char *one,
                 const char *other)
{
    const struct dr_json *j = dr_json_get(f, key);
    struct dr_str said = dr_json_str(j);

    return dr_json_is_null(j) ||
           (dr_json_type(j) == DR_JSON_STRING &&
            (said.n == 0 || dr_str_eqz(said, one) || dr_str_eqz(said, other)));
}

static int check_encoding(const struct dr_json *f, bool csv, struct dr_err *err)
{
    enum dr_csv_encoding e = DR_CSV_UTF8;
    const struct dr_json *j = dr_json_get(f, "encoding");
    bool known = dr_json_is_null(j) ||
                 (dr_json_type(j) == DR_JSON_STRING &&
                  dr_csv_encoding_of(dr_json_str(j), DR_STR_LIT(""), &e));

    return known && (csv || e == DR_CSV_UTF8)
               ? 0
               : unknown(err, f, "encoding",
                         csv ? "utf-8, utf-16, utf-16le, utf-16be, windows-1252"
                             : "utf-8 alone where it is no CSV");
}

/* By what the manifest says a file is read: a word that nobody knows would be
 * read as another. */
static int check_words(const struct dr_json *f, struct dr_err *err)
{
    struct dr_str path = dr_json_get_str(f, "path");
    bool links = below(path, "associations/"), gone = is_tombstones(f);
    bool csv = links || dr_str_eqz(dr_json_get_str(f, "format"), "csv");

    if (!links && !gone && !below(path, "objects/") &&
        !below(path, "events/")) {
        return 0; /* not read by it */
    }
    if (!says(f, "compression", "none", "gzip")) {
        return unknown(err, f, "compression", "none, gzip");
    }
    if (links && !says(f, "format", "csv", "csv")) {
        return unknown(err, f, "format", "csv");
    }
    if (gone && !links && !says(f, "format", "ndjson", "ndjson")) {
        return unknown(err, f, "format", "ndjson");
    }
    return check_encoding(f, csv, err);
}

/* ---- its rows ---- */

static int64_t rows_of(struct drop *d, const struct dr_json *f, FILE *stored,
                       struct dr_err *err)
{
    struct dr_str path = dr_json_get_str(f, "path");

    if (below(path, "associations/")) {
        return drop_assocs(d, f, stored, err);
    }
    if (is_tombstones(f)) {
        return drop_tombstones(d, f, stored, err);
    }
    return below(path, "objects/") || below(path, "events/")
               ? drop_rows(d, f, stored, err)
               : dr_json_get_i64(f, "rows", 0);
}

/* What is wrong, with the file that it is wrong in. */
static int of_file(struct dr_err *err, struct dr_str path)
{
    const struct dr_err why = *err;

    return dr_err_set(err, DR_HALT, 0, "source folder", DR_STR_FMT ": %s",
                      DR_STR_ARG(path), why.text);
}

static int one_file(struct drop *d, const struct dr_json *f, struct dr_err *err)
{
    struct dr_str path = dr_json_get_str(f, "path");
    uint64_t bytes;
    char hex[65];
    FILE *stored;
    int64_t rows;

    if (!inside(path)) {
        return wrong(err, DR_STR_LIT("manifest.json"),
                     "an entry has no path inside the folder");
    }
    if (check_words(f, err)) {
        return of_file(err, path);
    }
    stored = drop_file(d, path);
    if (!stored) {
        return drop_unreadable(err, path);
    }
    (void)kept(d, stored);
    if (measure(stored, &bytes, hex)) {
        return drop_unreadable(err, path);
    }
    if ((int64_t)bytes != dr_json_get_i64(f, "bytes", -1)) {
        return wrong(err, path, "not of the size that the manifest says");
    }
    if (!dr_str_eqz(dr_json_get_str(f, "sha256"), hex)) {
        return wrong(err, path, "its SHA-256 is not that of the manifest");
    }
    rows = rows_of(d, f, stored, err);
    if (rows < 0) {
        drop_explain(d, err);
        return of_file(err, path);
    }
    if (!dr_str_eqz(dr_json_get_str(f, "format"), "json") &&
        rows != dr_json_get_i64(f, "rows", -1)) {
        char said[32] = "nothing";
        if (dr_json_get_i64(f, "rows", -1) >= 0) {
            (void)snprintf(said, sizeof(said), "%lld",
                           (long long)dr_json_get_i64(f, "rows", -1));
        }
        return dr_err_set(err, DR_HALT, 0, "source folder",
                          DR_STR_FMT ": it has %lld rows, the manifest says "
                                     "%s: correct that, or export it again",
                          DR_STR_ARG(path), (long long)rows, said);
    }
    return d->full ? wrong(err, path,
                           "its ids and links do not fit into 1 GiB with those "
                           "before it")
                   : 0;
}

/* ---- the whole ---- */

static void add_kinds(struct drop *d)
{
    const struct dr_json *list =
        dr_json_get(dr_json_get(d->schema, "objects"), "results");

    d->kinds = dr_xcalloc((list ? list->count : 0) + 2u, sizeof(*d->kinds));
    DR_JSON_EACH(o, list)
    {
        d->kinds[d->kind_n++].name = dr_json_get_str(o, "type");
    }
    d->kinds[d->kind_n++].name = DR_STR_LIT("event");
}

/* The manifest need not name it: it is one of the folder's own files. */
static int unnamed_tombstones(struct drop *d, struct dr_err *err)
{
    static const char entry[] =
        "{\"path\":\"tombstones.ndjson\",\"object\":\"tombstone\","
        "\"rows\":1000000000}";
    const struct dr_str name = DR_STR_LIT("tombstones.ndjson");
    FILE *f = drop_file(d, name);

    if (!f) {
        return plain_is_absent() ? 0 : drop_unreadable(err, name);
    }
    return drop_tombstones(d,
                           dr_json_parse(d->arena, dr_str_z(entry), NULL, NULL),
                           kept(d, f), err) < 0
               ? -1
               : 0;
}

static int load(struct drop *d, struct dr_err *err)
{
    bool named = false;

    if (drop_read_parts(d, err)) {
        return -1;
    }
    add_kinds(d);
    DR_JSON_EACH(f, dr_json_get(d->manifest, "files"))
    {
        named = named || is_tombstones(f);
        if (one_file(d, f, err)) {
            return -1;
        }
    }
    if (!named && unnamed_tombstones(d, err)) {
        return -1;
    }
    return drop_sort(d, err);
}

struct drop *drop_open(const char *dir, unsigned unpack_ratio,
                       struct dr_err *err)
{
    struct drop *d = dr_xcalloc(1, sizeof(*d));
    FILE *manifest;

    d->arena = dr_arena_new(DROP_ARENA);
    d->unpack_ratio = unpack_ratio;
    (void)snprintf(d->dir, sizeof(d->dir), "%s", dir);
    manifest = drop_file(d, DR_STR_LIT("manifest.json"));
    if (manifest) {
        (void)fclose(manifest);
    } else if (!plain_is_absent()) {
        (void)drop_unreadable(err, DR_STR_LIT("manifest.json"));
    } else {
        (void)drop_propose(dir, drop_schema(d), err);
    }
    if (!manifest || load(d, err)) {
        drop_free(d);
        return NULL;
    }
    return d;
}

void drop_free(struct drop *d)
{
    if (!d) {
        return;
    }
    for (size_t i = 0; i < d->file_n; i++) {
        (void)fclose(d->files[i]);
    }
    for (size_t i = 0; i < d->kind_n; i++) {
        free(d->kinds[i].v);
        free(d->kinds[i].gone);
        free(d->kinds[i].broken);
    }
    for (size_t i = 0; i < d->pair_n; i++) {
        free(d->pairs[i].v);
    }
    free(d->files);
    free(d->kinds);
    free(d->pairs);
    free(d->bad);
    dr_arena_free(d->arena);
    free(d);
}

bool drop_changed(const struct drop *d)
{
    FILE *f = drop_file(d, DR_STR_LIT("manifest.json"));
    uint64_t bytes;
    char hex[65], was[65];
    bool other;

    if (!f) {
        return false; /* being written */
    }
    dr_hex(d->hash, sizeof(d->hash), was);
    other = measure(f, &bytes, hex) == 0 && strcmp(hex, was) != 0;
    (void)fclose(f);
    return other;
}
