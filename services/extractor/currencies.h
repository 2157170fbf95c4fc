/*
 * What a set of lines says of its deal, and which currencies were said, a byte
 * each (struct emitted_row): a deal that cannot be read any more keeps the one
 * that its set was sent with. Pure. Beyond CURRENCIES_MAX different ones
 * nothing is remembered.
 */
#ifndef EXTRACTOR_CURRENCIES_H
#define EXTRACTOR_CURRENCIES_H

#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/str.h>
#include <drover/json/json.h>

#define CURRENCY_MAX 64 /* bytes of one; "": the deal has none */
#define CURRENCIES_MAX 255

struct currencies {
    char v[CURRENCIES_MAX][CURRENCY_MAX + 1];
    size_t n;
};

/* {"deal":{"currency":"EUR"}}: the body of a set. */
struct dr_str currencies_print(struct dr_arena *a, struct dr_str code);
/* The number of what such a body says; 0: it says nothing, or it is not
 * remembered. */
uint8_t currencies_take(struct currencies *c, const struct dr_json *body);
/* number: 1 and up. */
struct dr_str currencies_get(const struct currencies *c, uint8_t number);

#endif
