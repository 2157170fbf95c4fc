/* What the parts of a drop share. */
#ifndef EXTRACTOR_DROP_PRIVATE_H
#define EXTRACTOR_DROP_PRIVATE_H

#include <drover/base/arena.h>
#include <drover/csv/csv.h>

#include "drop.h"

/* A copy that lives as long as the drop; notes when there is no room. */
struct dr_str drop_keep(struct drop *d, struct dr_str s);
FILE *drop_scratch(struct drop *d);
void drop_tell(struct drop *d, struct dr_str about, const char *cure,
               const char *fmt, ...) DR_PRINTF(4, 5);
/* -1, err: there are too many of them. */
int drop_add_bad(struct drop *d, const struct drop_bad *bad,
                 struct dr_err *err) DR_MUSTCHECK;
/* Says of a file that unpacks to too much what can be done. */
void drop_explain(const struct drop *d, struct dr_err *err);
/* Bytes that a stored file may unfold to. */
uint64_t drop_bound(const struct drop *d, const struct dr_json *entry);
bool drop_is_gzip(const struct dr_json *entry);
/* One more row, the file's `rows`-th. -1: they are more than the manifest
 * says, or than the memory for a folder holds; no more of them is read. */
int drop_row_fits(struct drop *d, const struct dr_json *entry, int64_t rows,
                  struct dr_err *err) DR_MUSTCHECK;

/* ---- drop_parts.c ---- */

/* A file of the folder, to be read. NULL: see plain.h. */
FILE *drop_file(const struct drop *d, struct dr_str name);
/* Why a file was not opened or read, which errno says; always -1, with err. */
int drop_unreadable(struct dr_err *err, struct dr_str name);
/* The manifest, and what stands beside it as the API would answer it. */
int drop_read_parts(struct drop *d, struct dr_err *err) DR_MUSTCHECK;
/* The schema of a folder that is none yet; NULL: there is none to be read. */
const struct dr_json *drop_schema(struct drop *d);

/* ---- drop_index.c ---- */

/* All by id, of each id one; tells what is odd. */
int drop_sort(struct drop *d, struct dr_err *err) DR_MUSTCHECK;

/* ---- drop_broken.c ---- */

/* Once the rows are sorted: which records are there and cannot be read. */
void drop_find_broken(struct drop *d);

/* ---- drop_rows.c ---- */

/* The rows of one file into the index; the number of rows, or -1. */
int64_t drop_rows(struct drop *d, const struct dr_json *entry, FILE *stored,
                  struct dr_err *err);
/* One record's JSON, which stands at `offset` of `file`. NULL, or why it is
 * none of the kind. */
const char *drop_index(struct drop *d, struct drop_kind *k, struct dr_str json,
                       FILE *file, uint64_t offset, struct dr_arena *a,
                       struct dr_err *err);
/* tombstones.ndjson */
int64_t drop_tombstones(struct drop *d, const struct dr_json *entry,
                        FILE *stored, struct dr_err *err);

/* ---- drop_csv.c ---- */

struct drop_csv {
    struct drop *d;
    const struct dr_json *entry; /* of the manifest */
    struct dr_csv_dialect dialect;
    bool decoded; /* from another encoding: U+FFFD is what was no character */
};
/* The first row is the header. bad: why it is no row, or NULL. 0: go on. */
typedef int drop_csv_row(void *ctx, const struct dr_csv_record *r,
                         struct dr_str raw, uint64_t offset, const char *bad,
                         struct dr_err *err);
/* Every record of a stored file to `row`; rows without the header, or -1. */
int64_t drop_each_csv(struct drop_csv *c, FILE *stored, drop_csv_row *row,
                      void *ctx, struct dr_err *err);
/* true, yes, 1; false, no, 0, nothing. -1: neither. */
int drop_word(struct dr_str s);

/* ---- drop_table.c, drop_assocs.c ---- */

int64_t drop_table(struct drop *d, const struct dr_json *entry, FILE *stored,
                   struct drop_kind *k, struct dr_err *err);
int64_t drop_assocs(struct drop *d, const struct dr_json *entry, FILE *stored,
                    struct dr_err *err);
/* Pairs of the schema without a file. */
void drop_tell_unlinked(struct drop *d);
/* Ends that no record of the folder has, where they are many. */
void drop_tell_dangling(struct drop *d);

/* ---- drop_propose.c ---- */

/* Writes what a manifest could be; always -1, with err. schema: or NULL. */
int drop_propose(const char *dir, const struct dr_json *schema,
                 struct dr_err *err);

#endif
