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
    struct dr_map *made;         /* type -> struct quota_counts *: new fields */
    struct dr_json_w *of_module; /* the fields of a module to be created */
    const char *prefix;  /* before the names of custom fields, or NULL */
    struct dr_buf fates; /* the plan's member custom_objects */
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

#define CUSTOM_ROWS "(custom)" /* rows of a kind that has no fate yet */

/* ---- quota.c: custom fields that the target's plan allows (19.3) ---- */

#define QUOTAS 7
struct quota_counts {
    unsigned total, of[QUOTAS];
};
extern const char *const quota_names[QUOTAS];
void quota_add(struct quota_counts *n, struct dr_str type);
/* The limits of the plan, or of a module's fields where `module`; NULL: not
 * known. */
const struct quota_counts *quota_of(const struct dr_catalogs *c, bool module);
/* The custom fields that a type of the target has. */
struct quota_counts quota_used(const struct dr_catalogs *c, const char *type);
/* A field that the proposal has created. */
void quota_made(struct proposing *p, const char *type, struct dr_str of_type);
bool quota_allows(struct proposing *p, const char *type,
                  const struct quota_counts *more);

/* ---- custom_objects.c ---- */

struct custom_fate {
    enum fate fate;
    const struct parent_kind *parent; /* of fields           */
    struct dr_str entity;             /* of a module         */
    bool there;                       /* the module exists   */
    const char *why;                  /* in words            */
};
struct custom_fate custom_fate_of(struct proposing *p,
                                  const struct target_kind *k);
/* The kind that the fate makes of it. */
struct target_kind custom_kind_of(struct proposing *p,
                                  const struct target_kind *k,
                                  const struct custom_fate *f);
/* Before the names of fields on a parent. */
const char *custom_prefix(struct proposing *p, const struct target_kind *k);
/* An entry of objects[], or none. */
void propose_custom_object(struct proposing *p, const struct target_kind *k);
int check_fate_wishes(struct proposing *p, struct dr_err *err);
bool is_custom_kind(const struct target_kind *k);
bool is_event_kind(const struct target_kind *k);

/* ---- events.c ---- */

void propose_events(struct proposing *p); /* the member "events" */
bool has_events(const struct proposing *p);

/* audit.c: what the parts of the audit share. */
void audit_open(struct proposing *p);
void audit_close(struct proposing *p);

/* ---- modules.c: custom modules of the target ---- */

/* By entity or by one of the names; NULL: none. */
const struct dr_json *module_named(struct dr_arena *a,
                                   const struct dr_catalogs *c,
                                   struct dr_str entity, struct dr_str name,
                                   struct dr_str plural);
const struct dr_json *module_of(const struct dr_catalogs *c,
                                struct dr_str entity);
/* The custom modules that the target's plan has at all. */
bool modules_allowed(const struct dr_catalogs *c);
/* How a module's records name a link: "deal_id", "contact_ids". `many` asks
 * for one that takes several and says what it got. Empty: no such field. */
struct dr_str module_link(struct dr_arena *a, const struct dr_json *module,
                          const struct parent_kind *k, bool *many);
/* Whether a field of a module writes under this name. */
bool module_writes(struct dr_arena *a, const struct dr_json *module,
                   struct dr_str name);
/* The definitions of a type's fields: of a module, too. */
const struct dr_json *target_fields(const struct dr_catalogs *c,
                                    struct dr_str type);

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
void propose_property(struct proposing *p, const struct target_kind *k,
                      const struct dr_json *prop);
void propose_own(struct proposing *p, const struct target_kind *k,
                 const struct own_row *o);
/* customs.c: a property's custom field: the field that is there, or a new
 * one. `suffix` tells a second row of one property apart. */
void propose_custom(struct proposing *p, const struct target_kind *k,
                    const struct dr_json *prop, const char *suffix);
/* The field it would be, how sure that is ("0.95") and why, in words. */
struct dr_str custom_target(struct proposing *p, const struct target_kind *k,
                            const struct dr_json *prop, const char **confidence,
                            const char **evidence);
/* Marks a field as taken by a row. */
void custom_use(struct proposing *p, const struct target_kind *k,
                struct dr_str target);
/* The type of the field that it would be. */
const char *custom_type(struct proposing *p, const struct target_kind *k,
                        const struct dr_json *prop, bool *there);
/* The name that the target derives from a label (reference 13.3). */
struct dr_str key_of(struct proposing *p, struct dr_str label);
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
/* line_currencies.c: the member "lines"; and a member of the audit. */
void propose_lines(struct proposing *p);
void write_line_currencies(struct proposing *p, const char *name,
                           struct dr_json_w *w);
/* How many lines are in another currency than their deal. */
uint64_t count_other_lines(struct proposing *p);
void propose_owners(struct proposing *p, struct dr_buf *report);
void propose_hierarchy(struct proposing *p); /* hierarchy.c */
void propose_names(struct proposing *p, struct dr_buf *duplicates);

/* checklist.c: an item is opened with its fixed keys; the caller adds more
 * and ends it. False: the item is there already, nothing was opened. */
bool item_begin(struct proposing *p, const char *kind, struct dr_str entity,
                struct dr_str name, struct dr_str detail);
void item_end(struct proposing *p);
/* The item of a custom field that the target lacks: in the list, or in that of
 * a module to be created. NULL: it is there, or asked for. The caller adds
 * keys and ends the object. */
struct dr_json_w *field_begin(struct proposing *p, const char *entity,
                              struct dr_str name, const char *type);

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
