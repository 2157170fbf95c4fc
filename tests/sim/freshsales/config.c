/* What administrators configured, read-only: selectors, field definitions
 * (reference 12, 13). */
#include <stdio.h>

#include "call.h"
#include "modules.h"

static const char *const known[] = {
    "users",
    "territories",
    "deal_pipelines",
    "deal_stages",
    "currencies",
    "deal_reasons",
    "deal_types",
    "deal_payment_statuses",
    "deal_products",
    "lead_sources",
    "campaigns",
    "industry_types",
    "business_types",
    "contact_statuses",
    "lifecycle_stages",
    "sales_activity_types",
    "sales_activity_outcomes",
    "sales_activity_entity_types",
    "designations",
};
static const char *const classic_only[] = {"lead_stages", "lead_reasons"};

static bool is_known(const struct call *c, struct dr_str name)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(known); i++) {
        if (is(name, known[i])) {
            return true;
        }
    }
    return c->a->classic &&
           (is(name, classic_only[0]) || is(name, classic_only[1]));
}

/* Entries of the list, or those whose `field` is id. */
static void raw_list(struct call *c, const char *root, struct list *l,
                     const char *field, struct dr_str id)
{
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, root);
    dr_json_w_arr(&c->w);
    for (size_t i = 0; l && i < l->n; i++) {
        if (!field ||
            dr_str_eq(dr_json_scalar(dr_json_get(list_at(l, i), field)), id)) {
            dr_json_w_raw(&c->w, dr_str_z(l->v[i]));
        }
    }
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

static bool nested(struct call *c, struct dr_str head, struct dr_str rest)
{
    struct dr_str id = dr_str_split(&rest, '/');

    if (is(head, "deal_pipelines") && is(rest, "deal_stages")) {
        raw_list(c, "deal_stages", list_of(c->a->selectors, "deal_stages"),
                 "deal_pipeline_id", id);
        return true;
    }
    if (is(head, "sales_activity_types") &&
        is(rest, "sales_activity_outcomes")) {
        raw_list(c, "sales_activity_outcomes",
                 list_of(c->a->selectors, "sales_activity_outcomes"),
                 "sales_activity_type_id", id);
        return true;
    }
    return false;
}

void selector(struct call *c, struct dr_str rest)
{
    struct dr_str head = dr_str_split(&rest, '/');
    char name[128];

    if (rest.p) {
        if (!nested(c, head, rest)) {
            fail(c, 404, "There is no such call.");
        }
        return;
    }
    (void)snprintf(name, sizeof(name), DR_STR_FMT,
                   DR_STR_ARG(is(head, "owners") ? DR_STR_LIT("users") : head));
    if (!is_known(c, dr_str_z(name)) || is(head, "users")) {
        fail(c, 404, "There is no such call.");
        return;
    }
    raw_list(c, name, dr_map_get(c->a->selectors, dr_str_z(name)), NULL,
             (struct dr_str){NULL, 0});
}

static void field_definitions(struct call *c, struct dr_str entity,
                              struct dr_str rest)
{
    struct list *l = dr_map_get(c->a->fields, entity);

    if (!is(rest, "fields") || module_kind(entity) ||
        (is(entity, "leads") && !c->a->classic) ||
        (!l && !kind_of_type(entity))) {
        fail(c, 404, "There is no such call.");
        return;
    }
    raw_list(c, "fields", l, NULL, (struct dr_str){NULL, 0});
}

void settings(struct call *c, struct dr_str rest)
{
    struct dr_str entity = dr_str_split(&rest, '/');

    if (is(entity, "module_customizations")) {
        module_definitions(c, rest);
        return;
    }
    if (module_forms(c, entity, rest)) {
        return;
    }
    field_definitions(c, entity, rest);
}
