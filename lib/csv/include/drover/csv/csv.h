/*
 * CSV as people's tools write it: one record at a time out of bytes that are
 * there, and bytes of other encodings as UTF-8. Pure.
 */
#ifndef DROVER_CSV_CSV_H
#define DROVER_CSV_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include <drover/base/arena.h>
#include <drover/base/attrs.h>
#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

#define DR_CSV_CELLS 2048 /* of a record */

struct dr_csv_dialect {
    char delimiter;
    bool backslash; /* \" is a quote inside quotes, beside "" */
};

/* By the first record: the one of , ; tab | that is there most outside quotes;
 * a comma when none is. */
struct dr_csv_dialect dr_csv_sniff(struct dr_str head);

struct dr_csv_cell {
    struct dr_str text; /* without quotes                     */
    bool quoted;        /* "" is a text, nothing is no value  */
};
struct dr_csv_record {
    struct dr_csv_cell *cells;
    size_t n;
    size_t bytes; /* of the record with its line end */
};

/*
 * The record that text begins with. 1: it is in *out, its texts in the arena
 * or in `text`. 0: it does not end here (never when `last`), or text is empty.
 * -1: a quote that is not closed, a quote in the middle of a cell that began
 * with one, too many cells, no memory; out->bytes then says where the next
 * line begins. Line ends are LF, CRLF or CR; a blank line is a record of no
 * cells.
 */
int dr_csv_read(const struct dr_csv_dialect *d, struct dr_str text, bool last,
                struct dr_arena *a, struct dr_csv_record *out,
                struct dr_err *err) DR_MUSTCHECK;

enum dr_csv_encoding {
    DR_CSV_UTF8,
    DR_CSV_UTF16LE,
    DR_CSV_UTF16BE,
    DR_CSV_CP1252
};
/* Names as manifests have them; false: none of these. A mark (BOM) at the start
 * knows better than the name; "utf-16" without one is little endian. */
bool dr_csv_encoding_of(struct dr_str name, struct dr_str head,
                        enum dr_csv_encoding *out);
/* Appends what is whole of `in` as UTF-8 and returns how many bytes that were;
 * a mark (BOM) at the start of a file is the caller's to skip: dr_csv_mark.
 * Halves of surrogates and bytes without a meaning become U+FFFD. */
size_t dr_csv_decode(enum dr_csv_encoding e, struct dr_str in,
                     struct dr_buf *out);
size_t dr_csv_mark(enum dr_csv_encoding e, struct dr_str head);

/* Several values in one cell, by `;`; "\;" is one inside a value. Appends each
 * as a JSON string to the list that the caller wrote "[" of. */
void dr_csv_split(struct dr_str cell, void (*each)(struct dr_str, void *),
                  void *ctx);

#endif
