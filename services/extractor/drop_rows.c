/* The rows of a folder's files: records, events and tombstones, a line each;
 * what is CSV goes through drop_table.c. */
#include "drop_private.h"

#include <stdlib.h>

#include <drover/base/time.h>
#include <drover/wire/wire.h>

#include "contract.h"
#include "scratch.h"
#include "textfile.h"

/* ---- one record ---- */

static struct entry *new_entry(struct drop_kind *k)
{
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 256;
        k->v = dr_xrealloc(k->v, k->cap * sizeof(*k->v));
    }
    k->v[k->n] = (struct entry){.version = 0};
    return &k->v[k->n++];
}

const char *drop_index(struct drop *d, struct drop_kind *k, struct dr_str json,
                       FILE *file, uint64_t offset, struct dr_arena *a,
                       struct dr_err *err)
{
    struct dr_json_limits limits = {.max_nodes = 100000};
    bool event = dr_str_eqz(k->name, "event");
    const struct dr_json *j;
    struct dr_source s;
    struct entry *e;

    dr_arena_reset(a);
    j = dr_json_parse(a, json, &limits, err);
    if (!j || (event ? event_parse(j, &s, err) : record_parse(j, &s, err))) {
        return err->text;
    }
    if (!event && !dr_str_eq(s.object, k->name)) {
        return "not of this type";
    }
    if (s.updated_ms == 0) {
        s.updated_ms = d->produced_ms;
    }
    e = new_entry(k);
    *e = (struct entry){.id = drop_keep(d, s.id),
                        .file = file,
                        .offset = offset,
                        .bytes = (uint32_t)json.n, /* 8 MiB at most */
                        .sum = drop_sum(json),
                        .version = s.version,
                        .updated_ms = s.updated_ms,
                        .archived = s.archived};
    if (event) { /* in the order of their arrival */
        e->id = drop_keep(d, dr_arena_printf(a, "%020lld " DR_STR_FMT,
                                             (long long)s.updated_ms,
                                             DR_STR_ARG(s.id)));
    }
    if (dr_str_eqz(k->name, "line_item")) {
        e->deal = drop_keep(d, dr_json_scalar(dr_json_get(
                                   dr_json_get(j, "properties"), "deal_id")));
    }
    return NULL;
}

/* ---- a file of lines ---- */

/* NULL: the line is what it should be, and was taken. */
typedef const char *line_fn(void *ctx, struct dr_str line, uint64_t offset,
                            struct dr_arena *a, struct dr_err *why);

static int one_line(struct drop *d, const struct dr_json *f,
                    const struct text_line *line, line_fn *take, void *ctx,
                    struct dr_arena *a, struct dr_err *err)
{
    struct dr_err why = {0};
    const char *bad = "longer than 8 MiB";

    if (!line->too_long) {
        bad = take(ctx, line->text, line->offset, a, &why);
    }
    if (why.verdict == DR_HALT) {
        *err = why;
        return -1;
    }
    return bad ? drop_add_bad(
                     d,
                     &(struct drop_bad){.object = dr_json_get_str(f, "object"),
                                        .file = dr_json_get_str(f, "path"),
                                        .raw = line->text,
                                        .why = dr_str_z(bad),
                                        .offset = line->offset,
                                        .bytes = line->bytes},
                     err)
               : 0;
}

static int64_t each_line(struct drop *d, const struct dr_json *f, FILE *stored,
                         line_fn *take, void *ctx, struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct text_line line;
    struct textfile t;
    int64_t rows = 0;
    int got;

    text_open(&t, stored, drop_is_gzip(f), drop_bound(d, f));
    while ((got = text_line(&t, &line, err)) > 0) {
        if (line.text.n == 0) {
            continue;
        }
        if (drop_row_fits(d, f, ++rows, err) ||
            one_line(d, f, &line, take, ctx, a, err)) {
            got = -1;
            break;
        }
    }
    text_close(&t);
    return got < 0 ? -1 : rows;
}

struct records {
    struct drop *d;
    struct drop_kind *k;
    FILE *stored;
    struct scratch *scratch; /* NULL: they stay where they are */
    bool raw;                /* the manifest says that they are none */
};

static const char *take_record(void *ctx, struct dr_str line, uint64_t offset,
                               struct dr_arena *a, struct dr_err *why)
{
    struct records *r = ctx;
    const char *bad =
        drop_index(r->d, r->k, line, r->scratch ? r->scratch->f : r->stored,
                   r->scratch ? r->scratch->n : offset, a, why);

    if (!bad && r->raw) {
        r->k->n--; /* it reads, but is not meant to */
        return "the manifest says that it is no record";
    }
    if (!bad && r->scratch && scratch_add(r->scratch, line, why)) {
        return why->text;
    }
    return bad;
}

static int64_t ndjson_rows(struct drop *d, const struct dr_json *f,
                           FILE *stored, struct drop_kind *k,
                           struct dr_err *err)
{
    struct scratch scratch = {0};
    struct records r = {.d = d,
                        .k = k,
                        .stored = stored,
                        .raw = dr_json_true(dr_json_get(f, "raw"))};
    int64_t rows;

    if (drop_is_gzip(f)) {
        scratch = scratch_in(drop_scratch(d));
        r.scratch = &scratch;
    }
    rows = each_line(d, f, stored, take_record, &r, err);
    return rows >= 0 && r.scratch && scratch_end(&scratch, err) ? -1 : rows;
}

int64_t drop_rows(struct drop *d, const struct dr_json *f, FILE *stored,
                  struct dr_err *err)
{
    struct drop_kind *k = drop_kind(d, dr_json_get_str(f, "object"));
    struct dr_str format = dr_json_get_str(f, "format");

    if (!k) {
        return dr_err_set(err, DR_HALT, 0, "folder",
                          "its object is not in schema.json");
    }
    if (dr_str_eqz(format, "csv")) {
        return drop_table(d, f, stored, k, err);
    }
    return dr_str_eqz(format, "ndjson")
               ? ndjson_rows(d, f, stored, k, err)
               : dr_err_set(err, DR_HALT, 0, "folder",
                            "its format is neither ndjson nor csv");
}

/* ---- what is gone ---- */

static const char *take_tombstone(void *ctx, struct dr_str line,
                                  uint64_t offset, struct dr_arena *a,
                                  struct dr_err *why)
{
    struct drop *d = ctx;
    const struct dr_json *j;
    struct drop_gone gone = {0};
    struct drop_kind *k;
    struct dr_str op;

    (void)offset;
    dr_arena_reset(a);
    j = dr_json_parse(a, line, NULL, why);
    k = drop_kind(d, dr_json_get_str(j, "type"));
    op = dr_json_get_str(j, "op");
    gone.id = dr_json_scalar(dr_json_get(j, "id"));
    if (!k || !id_ok(gone.id) ||
        (!dr_str_eqz(op, "delete") && !dr_str_eqz(op, "merge"))) {
        return "no tombstone: type, id or op is none of the schema's";
    }
    if (dr_str_eqz(op, "merge")) {
        gone.merged_into = dr_json_scalar(dr_json_get(j, "merged_into"));
        if (!id_ok(gone.merged_into) || dr_str_eq(gone.merged_into, gone.id)) {
            return "a merge that names no other record in merged_into";
        }
    }
    if (dr_str_u64(dr_json_scalar(dr_json_get(j, "version")), &gone.version)) {
        gone.version = 0;
    }
    gone.id = drop_keep(d, gone.id);
    gone.merged_into = drop_keep(d, gone.merged_into);
    if (k->gone_n == k->gone_cap) {
        k->gone_cap = k->gone_cap ? k->gone_cap * 2 : 64;
        k->gone = dr_xrealloc(k->gone, k->gone_cap * sizeof(*k->gone));
    }
    k->gone[k->gone_n++] = gone;
    return NULL;
}

int64_t drop_tombstones(struct drop *d, const struct dr_json *f, FILE *stored,
                        struct dr_err *err)
{
    size_t before = d->bad_n;
    int64_t rows = each_line(d, f, stored, take_tombstone, d, err);

    if (d->bad_n > before) {
        drop_tell(d, dr_json_get_str(f, "path"),
                  "correct them, or the records count as deleted",
                  "%zu lines are no tombstones, the first at offset "
                  "%llu: " DR_STR_FMT,
                  d->bad_n - before, (unsigned long long)d->bad[before].offset,
                  DR_STR_ARG(d->bad[before].why));
    }
    return rows;
}
