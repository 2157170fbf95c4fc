/*
 * Exact decimal numbers. Amounts travel as text and are added and compared
 * here; no double lies on the way. A value is a sign and at most
 * DR_DEC_DIGITS decimal digits before and after the point together.
 */
#ifndef DROVER_BASE_DECIMAL_H
#define DROVER_BASE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/str.h>

#define DR_DEC_DIGITS 96
#define DR_DEC_TEXT (DR_DEC_DIGITS + 8)

struct dr_dec {
    bool neg;
    uint8_t n;     /* digits in d, without leading zeros; 0 digits is zero */
    uint8_t scale; /* how many of them stand after the point               */
    uint8_t d[DR_DEC_DIGITS]; /* most significant first, values 0..9       */
};

/* A plain decimal: [-]digits[.digits]. No exponent, no blank, no plus sign.
 * -1: not a plain decimal, or too many digits. */
int dr_dec_parse(struct dr_str s, struct dr_dec *out) DR_MUSTCHECK;
/* As above and a JSON exponent, when the result fits. */
int dr_dec_parse_json(struct dr_str s, struct dr_dec *out) DR_MUSTCHECK;
void dr_dec_zero(struct dr_dec *out);
/* -1: the result has too many digits. out may be a or b. */
int dr_dec_add(const struct dr_dec *a, const struct dr_dec *b,
               struct dr_dec *out) DR_MUSTCHECK;
int dr_dec_sub(const struct dr_dec *a, const struct dr_dec *b,
               struct dr_dec *out) DR_MUSTCHECK;
int dr_dec_mul(const struct dr_dec *a, const struct dr_dec *b,
               struct dr_dec *out) DR_MUSTCHECK;
int dr_dec_cmp(const struct dr_dec *a, const struct dr_dec *b);
bool dr_dec_is_zero(const struct dr_dec *a);
/* Half away from zero to `scale` digits after the point. */
void dr_dec_round(struct dr_dec *a, unsigned scale);
/* Shortest form: no trailing zeros after the point, "-0" is "0". */
const char *dr_dec_text(const struct dr_dec *a, char out[DR_DEC_TEXT]);
/* At least one digit after the point, as Freshsales writes money: "5600.0". */
const char *dr_dec_money(const struct dr_dec *a, char out[DR_DEC_TEXT]);

#endif
