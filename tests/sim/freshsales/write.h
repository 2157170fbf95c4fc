/* What the files that check and store a write share. */
#ifndef FRESHSALES_WRITE_H
#define FRESHSALES_WRITE_H

#include "store.h"

/* Fills the refusal and returns -1. */
int no(struct refusal *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A custom field's definition, parsed into ar; NULL: none. */
const struct dr_json *definition(const struct account *a, const struct kind *k,
                                 struct dr_str name, struct dr_arena *ar);
/* The text as it stands between the quotes of JSON. */
struct dr_str quoted(struct dr_arena *a, struct dr_str s);
bool same_name(struct dr_str a, struct dr_str b);
/* The primary address of whatever form the body has (reference 3.3). */
struct dr_str primary_email(const struct dr_json *attrs);

#endif
