/* What the files of the proposal share. */
#ifndef DROVER_PLAN_PROPOSE_PRIVATE_H
#define DROVER_PLAN_PROPOSE_PRIVATE_H

#include "profile_private.h"

struct proposing {
    const struct dr_profile *profile;
    const struct dr_catalogs *c;
    const struct dr_propose_opts *o;
    struct dr_arena *a;
    struct dr_json_w plan, list; /* plan file, checklist items */
    struct dr_buf plan_text, list_text;
};

/* One carried object on the target's side. */
struct target_kind {
    const char *object, *type, *lane;
    bool custom; /* has custom fields */
};
extern const struct target_kind target_kinds[];
extern const size_t target_kind_count;
bool wanted(const struct proposing *p, const char *object);

/* fields.c: the rows of one object. */
void propose_fields(struct proposing *p, const struct target_kind *k);
/* decisions.c */
void propose_pipelines(struct proposing *p);
void propose_owners(struct proposing *p, struct dr_buf *report);
void propose_currencies(struct proposing *p);
void propose_names(struct proposing *p, struct dr_buf *duplicates);

/* A checklist item is opened with its fixed keys; the caller adds more and
 * ends it. */
void item_begin(struct proposing *p, const char *kind, struct dr_str entity,
                struct dr_str name, struct dr_str detail);
/* The entry of a selector list whose name equals (normalised); NULL: none. */
const struct dr_json *by_name(struct proposing *p, const struct dr_json *list,
                              const char *key, struct dr_str name);
struct dr_str id_of(const struct dr_json *j);

#endif
