/* Custom modules (reference 13.5): kinds that an administrator defines. */
#ifndef FRESHSALES_MODULES_H
#define FRESHSALES_MODULES_H

#include "store.h"

/* The plan has them: Enterprise of the Suite. */
bool modules_allowed(const struct account *a);
/* The module of that entity; NULL: none. */
struct kind *module_kind(struct dr_str entity);
/* Its definition as it is read. */
const struct dr_json *module_definition(struct account *a,
                                        const struct kind *k);
/* A new one, with its fields and views; 0, or a refusal. */
int module_add(struct account *a, const struct dr_json *j, struct refusal *r);
/* Those of the tenant file. */
void modules_load(struct account *a);
/* Its fields have changed. */
void module_refresh(struct account *a, struct kind *k);

/* ---- fields.c ---- */

/* Label to internal name (reference 13.3), behind a prefix. */
void derive_name(struct dr_str label, const char *prefix, char *out,
                 size_t cap);
/* A field that an administrator adds to an entity, within the quotas of the
 * plan; 0, or a refusal. */
int field_add(struct account *a, const char *entity, const struct dr_json *j,
              struct refusal *r);
/* POST, PUT, DELETE of fields/<entity>[/<name>]; the HTTP status. */
int change_fields(struct account *a, struct dr_str method, struct dr_str rest,
                  const struct dr_json *j, struct refusal *r);
/* Removes an entry by id or name; false: none. */
bool is_lookup(const struct dr_json *def);
bool drop_entry(struct list *l, struct dr_str which);

/* ---- quotas.c ---- */

/* May there be one more of these? 0, or a refusal. */
int check_quota(struct account *a, const char *entity, const struct dr_json *j,
                struct refusal *r);
/* More choices for a field, or those of a new one (name ""). */
int check_choice_quota(struct account *a, const char *entity,
                       struct dr_str name, const struct dr_json *j,
                       struct refusal *r);

#endif
