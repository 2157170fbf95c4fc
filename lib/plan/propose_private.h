/* What the files of the proposal share. */
#ifndef DROVER_PLAN_PROPOSE_PRIVATE_H
#define DROVER_PLAN_PROPOSE_PRIVATE_H

#include "profile_private.h"

struct proposing {
    const struct dr_profile *profile;
    const struct dr_catalogs *c;
    const struct dr_propose_opts *o;
    struct dr_arena *a;
    bool classic;                /* the edition with lead records    */
    struct dr_str lead_stage;    /* id of the lifecycle stage Lead   */
    struct dr_json_w plan, list; /* plan file, checklist items       */
    struct dr_buf plan_text, list_text;
    struct dr_map *asked; /* checklist items that are there already */
    const struct target_kind *kinds; /* kinds.c */
    size_t kind_n;
};

/* ---- kinds.c: what is carried, and on which side of the target ---- */

struct target_kind {
    const char *object;
    const char *rows; /* whose standard and own rows it has: mostly its own */
    const char *type, *lane;
    bool custom; /* has custom fields */
};
/* In load order; those that only the source's schema knows come last. */
const struct target_kind *
kinds_of(struct dr_arena *a, const struct dr_catalogs *c,
         const struct dr_propose_opts *o, /* or NULL */
         size_t *n_out);
/* The rows of a kind whose records a plan gives this type of the target. */
const char *rows_of(const struct target_kind *k, struct dr_str type);
const struct target_kind *kind_in(const struct target_kind *v, size_t n,
                                  struct dr_str object);
bool wanted(const struct proposing *p, const char *object);

/* ---- standards.c: what every plan holds, whatever the names say ---- */

struct standard {
    const char *object, *source, *target, *transform;
    size_t max;
    const char *selector; /* where the ids of its values come from */
    const char *item;     /* kind of the checklist's item for a missing one */
    bool also_custom;     /* the source's word is kept too         */
};
const struct standard *standard_of(const struct proposing *p,
                                   const struct target_kind *k,
                                   struct dr_str source);

/* A field of the target that a standard row goes to. `rows` as in a kind. */
bool standard_target(const char *rows, struct dr_str target);

/* Rows that no property stands behind: identity, origin, links. */
struct own_row {
    const char *object, *name, *source, *target, *special;
    const char *type; /* of the custom field; NULL: none is needed */
};
extern const struct own_row own_rows[];
extern const size_t own_row_count;

/* fields.c: the rows of one object. */
void propose_fields(struct proposing *p, const struct target_kind *k);
/* customs.c: a property's custom field: the field that is there, or a new
 * one. `suffix` tells a second row of one property apart. */
void propose_custom(struct proposing *p, const struct target_kind *k,
                    const struct dr_json *prop, const char *suffix);
/* The field it would be, how sure that is ("0.95") and why, in words. */
struct dr_str custom_target(struct proposing *p, const struct target_kind *k,
                            const struct dr_json *prop, const char **confidence,
                            const char **evidence);
struct dr_str label_for(struct proposing *p, struct dr_str target,
                        struct dr_str wish);
void row_begin(struct proposing *p, const struct target_kind *k,
               struct dr_str source, const char *suffix, struct dr_str target,
               const char *transform);

/* pickvalues.c: the values of a pick-list, declared and seen, in order. */
typedef void value_fn(struct proposing *p, void *ctx, struct dr_str value,
                      struct dr_str label);
void each_value(struct proposing *p, const char *object,
                const struct dr_json *prop, value_fn *fn, void *ctx);
size_t count_values(struct proposing *p, const char *object,
                    const struct dr_json *prop);
/* The "values" of a row whose values become ids. */
void propose_ids(struct proposing *p, const struct target_kind *k,
                 const struct standard *s, const struct dr_json *prop);

/* activities.c: the type of a kind's sales activities, its row, and what the
 * plan says of activities, notes and files as a whole. */
void propose_activity_type(struct proposing *p, const struct target_kind *k);
const struct dr_json *activity_type(const struct proposing *p,
                                    const struct target_kind *k);
void propose_activities(struct proposing *p);
void propose_files(struct proposing *p);
/* Freshsales' name of a time zone; NULL: it has none. */
const char *rails_zone(struct dr_str zone);

void propose_pipelines(struct proposing *p);  /* pipelines.c  */
void propose_currencies(struct proposing *p); /* currencies.c */
void propose_owners(struct proposing *p, struct dr_buf *report);
void propose_hierarchy(struct proposing *p); /* hierarchy.c */
void propose_names(struct proposing *p, struct dr_buf *duplicates);

/* checklist.c: an item is opened with its fixed keys; the caller adds more
 * and ends it. False: the item is there already, nothing was opened. */
bool item_begin(struct proposing *p, const char *kind, struct dr_str entity,
                struct dr_str name, struct dr_str detail);
void item_end(struct proposing *p);

/* schema.c: "sha256:…" over what a plan hangs on. */
struct dr_str source_schema_hash(struct dr_arena *a,
                                 const struct dr_catalogs *c);
struct dr_str target_schema_hash(struct dr_arena *a,
                                 const struct dr_catalogs *c);

/* ---- small things (lookup.c) ---- */

/* The entry of a selector list whose name equals: first byte for byte, then
 * normalised; NULL: none. */
const struct dr_json *by_name(struct dr_arena *a, const struct dr_json *list,
                              const char *key, struct dr_str name);
const struct dr_json *by_id(const struct dr_json *list, struct dr_str id);
/* The definition of a target's field; NULL: none. */
const struct dr_json *field_by_name(const struct dr_catalogs *c,
                                    const char *type, struct dr_str name);
struct dr_str id_of(const struct dr_json *j);
/* The keys of a map in byte order: what is written does not hang on the
 * order in which records arrived. */
struct dr_str *sorted_keys(struct dr_arena *a, const struct dr_map *m,
                           size_t *n_out);

#endif
