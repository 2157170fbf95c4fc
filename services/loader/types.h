/*
 * The target's kinds of records as the loader needs them: one table row each
 * (Freshsales reference 1.7, 2, 14.1). Pure.
 */
#ifndef DROVER_LOADER_TYPES_H
#define DROVER_LOADER_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include <drover/base/buf.h>
#include <drover/base/str.h>
#include <drover/json/json.h>

/* Where a record carries the source's id. */
enum ident {
    IDENT_EXTERNAL, /* external_id                                       */
    IDENT_CF,       /* custom_field.cf_source_id                         */
    IDENT_CODE,     /* product_code                                      */
    IDENT_MARKER,   /* the marker, a word in the description             */
};

#define TYPE_VIEWS 3

struct type {
    const char *name;    /* of the load record; the list's key          */
    const char *root;    /* key of a single record                      */
    const char *path;    /* "/contacts"                                 */
    const char *include; /* everything that a plain read hides, or ""   */
    const char *entity;  /* in lookup and filtered_search, or NULL      */
    const char *object;  /* of the source                               */
    enum ident ident;
    bool unique;  /* a create may collide with somebody else's record   */
    bool classic; /* in the classic edition only                        */
    const char *all_view; /* NULL: no views                             */
    const char *part_views[TYPE_VIEWS]; /* their union when it is absent */
};

extern const struct type types[];
extern const size_t type_count;

const struct type *type_of(struct dr_str name);
int type_index(const struct type *t);

/* The source id a record of the target carries; empty: none. */
struct dr_str type_identity(const struct type *t, const struct dr_json *record);
/* "<object>:<source id>", the orphan account's key included. */
void type_key(const struct type *t, struct dr_str source_id,
              struct dr_buf *out);
/* The part after the first colon. */
struct dr_str key_id(struct dr_str key);

#endif
