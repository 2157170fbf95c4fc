#include "drop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#define DROP_ARENA ((size_t)1 << 30)
#define JSON_MAX ((size_t)64 << 20)

static int wrong(struct dr_err *err, struct dr_str file, const char *why)
{
    return dr_err_set(err, DR_HALT, 0, "source folder",
                      DR_STR_FMT ": %s; export the folder again",
                      DR_STR_ARG(file), why);
}

static FILE *open_in(const struct drop *d, struct dr_str name)
{
    char path[5200];

    (void)snprintf(path, sizeof(path), "%s/" DR_STR_FMT, d->dir,
                   DR_STR_ARG(name));
    return fopen(path, "rbe");
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
    rewind(f);
    return ferror(f) ? -1 : 0;
}

static const struct dr_json *json_of(struct drop *d, const char *name,
                                     bool required, uint8_t hash[32],
                                     struct dr_err *err)
{
    struct dr_json_limits limits = {.max_bytes = JSON_MAX};
    FILE *f = open_in(d, dr_str_z(name));
    const struct dr_json *j = NULL;
    struct dr_err why = {0};
    struct dr_buf b;
    char piece[65536];
    size_t n;

    if (!f) {
        if (required) {
            (void)wrong(err, dr_str_z(name), "is not there");
        }
        return NULL;
    }
    dr_buf_init(&b, JSON_MAX);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0) {
        dr_buf_add(&b, piece, n);
    }
    (void)fclose(f);
    if (hash) {
        dr_sha256(dr_buf_view(&b), hash);
    }
    if (!b.over) {
        j = dr_json_parse(d->arena, dr_arena_dup(d->arena, dr_buf_view(&b)),
                          &limits, &why);
    }
    dr_buf_done(&b);
    if (!j) {
        (void)wrong(err, dr_str_z(name), why.text[0] ? why.text : "too large");
    }
    return j;
}

/* ---- look-ups ---- */

struct drop_kind *drop_kind(const struct drop *d, struct dr_str name)
{
    for (size_t i = 0; i < d->kind_n; i++) {
        if (dr_str_eq(d->kinds[i].name, name)) {
            return &d->kinds[i];
        }
    }
    return NULL;
}

size_t drop_after(const struct drop_kind *k, struct dr_str id)
{
    size_t lo = 0, hi = k->n;

    while (id.n > 0 && lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (dr_str_cmp(k->v[mid].id, id) <= 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

const struct entry *drop_find(const struct drop_kind *k, struct dr_str id)
{
    size_t at = drop_after(k, id);

    return at > 0 && dr_str_eq(k->v[at - 1].id, id) ? &k->v[at - 1] : NULL;
}

struct drop_pair *drop_pair(const struct drop *d, struct dr_str from,
                            struct dr_str to)
{
    for (size_t i = 0; i < d->pair_n; i++) {
        if (dr_str_eq(d->pairs[i].from, from) &&
            dr_str_eq(d->pairs[i].to, to)) {
            return &d->pairs[i];
        }
    }
    return NULL;
}

size_t drop_ends(const struct drop_pair *p, struct dr_str from)
{
    size_t lo = 0, hi = p->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (dr_str_cmp(p->v[mid].from, from) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

int drop_body(const struct entry *e, struct dr_buf *out)
{
    char *p = dr_xmalloc(e->bytes + 1);
    bool ok = fseek(e->file, (long)e->offset, SEEK_SET) == 0 &&
              fread(p, 1, e->bytes, e->file) == e->bytes;

    if (ok) {
        dr_buf_add(out, p, e->bytes);
    }
    free(p);
    return ok ? 0 : -1;
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
    FILE *f = tmpfile();

    if (!f) {
        dr_die(DR_EXIT_FAILURE, "disk",
               "no temporary file: check $TMPDIR and start again");
    }
    return kept(d, f);
}

static int64_t rows_of(struct drop *d, const struct dr_json *f, FILE *stored,
                       struct dr_err *err)
{
    struct dr_str path = dr_json_get_str(f, "path");

    if (below(path, "associations/")) {
        return drop_assocs(d, f, stored, err);
    }
    return below(path, "objects/") || below(path, "events/")
               ? drop_rows(d, f, stored, err)
               : dr_json_get_i64(f, "rows", 0);
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
    stored = open_in(d, path);
    if (!stored) {
        return wrong(err, path, "is not there or cannot be read");
    }
    (void)kept(d, stored);
    if (measure(stored, &bytes, hex)) {
        return wrong(err, path, "cannot be read");
    }
    if ((int64_t)bytes != dr_json_get_i64(f, "bytes", -1)) {
        return wrong(err, path, "not of the size that the manifest says");
    }
    if (!dr_str_eqz(dr_json_get_str(f, "sha256"), hex)) {
        return wrong(err, path, "its SHA-256 is not that of the manifest");
    }
    rows = rows_of(d, f, stored, err);
    if (rows < 0) {
        struct dr_err why = *err;
        return wrong(err, path, why.text);
    }
    if (!dr_str_eqz(dr_json_get_str(f, "format"), "json") &&
        rows != dr_json_get_i64(f, "rows", -1)) {
        return wrong(err, path, "not as many rows as the manifest says");
    }
    return 0;
}

/* ---- the whole ---- */

static int entry_order(const void *a, const void *b)
{
    return dr_str_cmp(((const struct entry *)a)->id,
                      ((const struct entry *)b)->id);
}

static int end_order(const void *a, const void *b)
{
    const struct drop_end *x = a;
    const struct drop_end *y = b;
    int c = dr_str_cmp(x->from, y->from);

    return c ? c : dr_str_cmp(x->to, y->to);
}

static int sorted(struct drop *d, struct dr_err *err)
{
    for (size_t i = 0; i < d->kind_n; i++) {
        struct drop_kind *k = &d->kinds[i];
        if (k->n > 1) {
            qsort(k->v, k->n, sizeof(*k->v), entry_order);
        }
        for (size_t at = 1; at < k->n; at++) {
            if (dr_str_eq(k->v[at - 1].id, k->v[at].id)) {
                return wrong(err, k->name,
                             "the folder holds a record of it twice");
            }
        }
    }
    for (size_t i = 0; i < d->pair_n; i++) {
        if (d->pairs[i].n > 1) {
            qsort(d->pairs[i].v, d->pairs[i].n, sizeof(*d->pairs[i].v),
                  end_order);
        }
    }
    return 0;
}

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

static int load(struct drop *d, struct dr_err *err)
{
    d->manifest = json_of(d, "manifest.json", true, d->hash, err);
    d->schema = d->manifest ? json_of(d, "schema.json", true, NULL, err) : NULL;
    d->pipelines =
        d->schema ? json_of(d, "pipelines.json", true, NULL, err) : NULL;
    d->owners =
        d->pipelines ? json_of(d, "owners.json", true, NULL, err) : NULL;
    if (!d->owners) {
        return -1;
    }
    d->currencies = json_of(d, "currencies.json", false, NULL, err);
    d->automation = json_of(d, "automation.json", false, NULL, err);
    if (dr_time_parse(dr_json_get_str(d->manifest, "produced_at"),
                      &d->produced_ms, NULL) ||
        !dr_str_eqz(dr_json_get_str(d->manifest, "contract"), "1") ||
        dr_json_type(dr_json_get(d->manifest, "files")) != DR_JSON_ARRAY) {
        return wrong(err, DR_STR_LIT("manifest.json"),
                     "contract is not \"1\", or produced_at or files is "
                     "missing");
    }
    add_kinds(d);
    DR_JSON_EACH(f, dr_json_get(d->manifest, "files"))
    {
        if (one_file(d, f, err)) {
            return -1;
        }
    }
    return sorted(d, err);
}

struct drop *drop_open(const char *dir, struct dr_err *err)
{
    struct drop *d = dr_xcalloc(1, sizeof(*d));
    FILE *manifest;

    d->arena = dr_arena_new(DROP_ARENA);
    (void)snprintf(d->dir, sizeof(d->dir), "%s", dir);
    manifest = open_in(d, DR_STR_LIT("manifest.json"));
    if (manifest) {
        (void)fclose(manifest);
    }
    if (manifest ? load(d, err) : drop_propose(dir, err)) {
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
    FILE *f = open_in(d, DR_STR_LIT("manifest.json"));
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
