/* What the files that check and store a write share. */
#ifndef FRESHSALES_WRITE_H
#define FRESHSALES_WRITE_H

#include "store.h"

/* Fills the refusal and returns -1. */
int no(struct refusal *r, const char *text, struct dr_str what);
int noz(struct refusal *r, const char *text, const char *what);
/* A custom field's definition; NULL: none. */
const struct dr_json *definition(const struct account *a, const struct kind *k,
                                 struct dr_str name);
bool is_choice(const struct dr_json *def, struct dr_str s);
bool is_type(const struct kind *k, const char *type);
bool blank(const struct dr_json *v); /* absent, null or "" */
/* A number as JSON writes it, allocated; NULL: none. */
char *number_kept(struct dr_str s);
/* The text as it stands between the quotes of JSON, in the scratch. */
struct dr_str quoted(struct account *a, struct dr_str s);
/* The primary address of whatever form the body has (reference 3.3). */
struct dr_str primary_email(const struct dr_json *attrs);
int check_lines(const struct dr_json *lines, struct refusal *r);
void apply_lines(struct account *a, struct rec *deal,
                 const struct dr_json *lines);

/* ---- nested.c ---- */

void set_emails(struct account *a, struct rec *r, const struct dr_json *attrs);
/* phone_numbers, product_pricings: rows with ids of their own. */
void set_nested(struct account *a, struct rec *r, const struct dr_json *list,
                const char *name);
void set_accounts(struct rec *r, const struct dr_json *attrs);
void set_contacts(struct account *a, struct rec *r,
                  const struct dr_json *attrs);

/* ---- hanging.c ---- */

bool names_target(const struct dr_json *attrs);
struct kind *target_kind(const struct dr_json *attrs);
/* The living record that a body hangs on; NULL: none. */
struct rec *target_of(const struct dr_json *attrs, struct kind **kind_out);
int check_hanging(struct account *a, const struct kind *k,
                  const struct rec *rec, const struct dr_json *attrs,
                  struct refusal *r);
void set_hanging(struct account *a, const struct kind *k, struct rec *r,
                 const struct dr_json *attrs);
/* The 32 digits of "[<marker>]" at the end of a text; n 0: none. */
struct dr_str text_marker(struct dr_str s);

#endif
