/*
 * What a spreadsheet, or an export made for reading, has done to a value.
 * Pure: the data type (contract 4.3) and the text in, a verdict out. Lost
 * leading zeros and words turned into dates leave no trace in a value.
 */
#ifndef EXTRACTOR_DAMAGE_H
#define EXTRACTOR_DAMAGE_H

#include <stdbool.h>

#include <drover/base/str.h>

enum damage {
    DAMAGE_NONE,
    DAMAGE_ROUNDED, /* 1.23457E+12: digits are gone        */
    DAMAGE_SERIAL,  /* 45321 where a date was               */
    DAMAGE_ERROR,   /* #NAME?, #REF!, ######                */
    DAMAGE_CUT,     /* "a; b …and 12 more"                  */
    DAMAGE_BYTES,   /* U+FFFD: bytes that were no character */
};

/* `type` may be empty: an id, or several values. DAMAGE_BYTES is the reader's
 * to tell. */
enum damage damage_of(struct dr_str type, struct dr_str text);

/* ="00123": a cell that was kept from being a number. The text inside; false:
 * it is no such cell. */
bool damage_unwrap(struct dr_str text, struct dr_str *inside);
/* '=1+1: a guard against formulas before what could be one. */
bool damage_guarded(struct dr_str text);

/* ---- numbers as people write them ---- */

bool damage_is_number(struct dr_str type);

enum number_form {
    NUMBER_OTHER,  /* no number, or one without any mark            */
    NUMBER_POINT,  /* 1234.5 or 1,234.56: the point is the decimal   */
    NUMBER_COMMA,  /* 1234,5 or 1.234,56: the comma is               */
    NUMBER_EITHER, /* 1.234: a thousand and more, or one and a bit   */
};
enum number_form number_form(struct dr_str text);
/* A number with this decimal mark and thousands as the other one, blank or
 * apostrophe, as a plain one into out (at least text.n + 1 bytes); false: it
 * is none, out is untouched. */
bool number_plain(struct dr_str text, char decimal, char *out, size_t *n_out);

#endif
