/*
 * The target's kinds of records as the loader needs them: one table row each
 * (Freshsales reference 1.7, 2, 7 to 11, 14.1). Custom modules are kinds that
 * the admin makes: they join the table when they are first heard of. Pure but
 * for that.
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
    IDENT_MARKER,   /* the marker, a word in its text                    */
    IDENT_CONTENT,  /* nowhere: name and size, or address and name       */
};

/* How a single request is written. */
enum shape {
    SHAPE_ROOT, /* {"task": {…}}                                         */
    SHAPE_BARE, /* {…}: document links                                   */
    SHAPE_CALL, /* {"phone_call": {…, "note": {"description": …}}}       */
    SHAPE_FILE, /* multipart/form-data                                   */
};

#define TYPE_VIEWS 3
#define TYPE_LISTS 2
#define TYPES_MAX 32

struct type {
    const char *name;    /* of the load record                          */
    const char *root;    /* key of a single record                      */
    const char *plural;  /* key of a list; NULL: name                   */
    const char *path;    /* "/contacts"                                 */
    const char *include; /* everything that a plain read hides, or ""   */
    const char *entity;  /* in lookup and filtered_search, or NULL      */
    const char *object;  /* of the source; NULL: any                    */
    enum ident ident;
    enum shape shape;
    const char *text; /* IDENT_MARKER: the field with the marker    */
    const char *sub;  /* its list below a parent, or NULL           */
    const char *lists[TYPE_LISTS]; /* all of it, without a parent        */
    bool unlisted; /* a single one cannot be read: its parent's list     */
    bool fixed;    /* cannot be changed once it is there                 */
    bool module;   /* a custom module's                                  */
    bool unique;   /* a create may collide with somebody else's record   */
    bool classic;  /* in the classic edition only                        */
    bool bin;      /* what is deleted lies in a recycle bin (20)         */
    const char *all_view; /* NULL: no views                              */
    const char *part_views[TYPE_VIEWS]; /* their union when it is absent */
};

extern struct type types[TYPES_MAX];
extern size_t type_count;

const struct type *type_of(struct dr_str name);
int type_index(const struct type *t);
const char *type_plural(const struct type *t);

/* The kind of a custom module's records, made when it is a new one. NULL: no
 * name of a module, or more of them than there is room for. */
const struct type *type_module(struct dr_str entity);

/* The source id a record of the target carries; empty: none. */
struct dr_str type_identity(const struct type *t, const struct dr_json *record);
/* "<object>:<source id>", the orphan account's key included. */
void type_key(const struct type *t, struct dr_str source_id,
              struct dr_buf *out);
/* The part after the first colon. */
struct dr_str key_id(struct dr_str key);
/* The same text for all ids that a target may take for one: without case, and
 * without blanks around. More are alike so than by Unicode's folding, none that
 * is alike by that is told apart. */
void id_folded(struct dr_str id, struct dr_buf *out);

#endif
