/*
 * Text for a terminal. Pure: values in, text out. What comes from the API is
 * a customer's or an attacker's: characters that move the cursor, change
 * colours or turn the reading direction are shown as escapes.
 */
#ifndef DROVER_CLI_TEXT_H
#define DROVER_CLI_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/str.h>

/* Control characters as \n, \t, \xHH or \u{H}; bytes that are no UTF-8 as
 * \xHH. */
void text_esc(struct dr_buf *b, struct dr_str s);
/* Bytes at the end of s that begin a character and do not end it. */
size_t text_cut_off(struct dr_str s);
/* Columns on a terminal: wide characters count two, combining ones none. */
size_t text_width(struct dr_str s);

void text_count(struct dr_buf *b, int64_t n); /* 12,345 */
/* "1 record", "12,345 records" */
void text_many(struct dr_buf *b, int64_t n, const char *one, const char *many);
void text_bytes(struct dr_buf *b, int64_t n);   /* 512 B, 1.5 MiB */
void text_span(struct dr_buf *b, int64_t secs); /* 4 h 05 min */
/* "41.3 %" of done in all; nothing when all is 0. Never 100 while some is
 * left. */
void text_share(struct dr_buf *b, int64_t done, int64_t all);

enum text_style { TEXT_PLAIN, TEXT_GOOD, TEXT_BAD, TEXT_WARN, TEXT_DIM };
/* Plain text when color is false. */
void text_styled(struct dr_buf *b, bool color, enum text_style style,
                 const char *z);

/* A table: columns as wide as their widest cell, two blanks between, no
 * blanks at line ends. Everything lives in the arena. */
#define TEXT_COLS 12
struct text_table {
    struct dr_arena *arena;
    struct text_cell *first, *last;
    size_t cols, cells;
    size_t width[TEXT_COLS];
    bool right[TEXT_COLS];
};
/* spec: one letter a column, 'l' or 'r'. heads: as many titles, or NULL. */
void text_table_init(struct text_table *t, struct dr_arena *a, const char *spec,
                     const char *const *heads);
/* Columns at least this wide. */
void text_table_widen(struct text_table *t, const size_t width[TEXT_COLS]);
void text_cell(struct text_table *t, struct dr_str s);
void text_cellz(struct text_table *t, const char *z);
void text_cell_count(struct text_table *t, int64_t n);
/* The start of what takes more than so many columns, and "...": for values,
 * which the JSON has whole. */
void text_cell_cut(struct text_table *t, struct dr_str s, size_t columns);
void text_table_print(const struct text_table *t, struct dr_buf *b,
                      const char *indent);

#endif
