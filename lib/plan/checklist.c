/* What the target lacks, one item each: what `ready` reads back; and whether
 * an item of before is there by now. */
#include "propose_private.h"

#include <string.h>

bool item_begin(struct proposing *p, const char *kind, struct dr_str entity,
                struct dr_str name, struct dr_str detail)
{
    /* Contacts and deals share the account's one list of lead sources. */
    bool shared = strcmp(kind, "lead_source") == 0;
    struct dr_str of = shared ? (struct dr_str){"", 0} : entity;
    struct dr_str key = dr_arena_printf(
        p->a, "%s\n" DR_STR_FMT "\n" DR_STR_FMT "\n" DR_STR_FMT, kind,
        DR_STR_ARG(of), DR_STR_ARG(name), DR_STR_ARG(detail));

    if (dr_map_has(p->asked, key)) {
        return false;
    }
    dr_map_put(p->asked, key, p);
    dr_json_w_obj(&p->list);
    dr_json_w_kvz(&p->list, "kind", kind);
    dr_json_w_kv(&p->list, "entity", entity);
    dr_json_w_kv(&p->list, "name", name);
    dr_json_w_kv(&p->list, "detail", detail);
    dr_json_w_kvz(&p->list, "status", "missing");
    return true;
}

void item_end(struct proposing *p)
{
    dr_json_w_end(&p->list);
}

struct dr_json_w *field_begin(struct proposing *p, const char *entity,
                              struct dr_str name, const char *type)
{
    if (field_by_name(p->c, entity, name)) {
        return NULL;
    }
    if (p->of_module) {
        dr_json_w_obj(p->of_module);
        dr_json_w_kv(p->of_module, "name", name);
        return p->of_module;
    }
    if (!item_begin(p, "field", dr_str_z(entity), name,
                    dr_arena_printf(p->a, "custom field of type %s", type))) {
        return NULL;
    }
    quota_made(p, entity, dr_str_z(type));
    return &p->list;
}

/* ---- what was asked for, and is there ---- */

static bool user_there(const struct dr_json *users, struct dr_str mail,
                       struct dr_arena *a)
{
    DR_JSON_EACH(u, users)
    {
        if (dr_json_true(dr_json_get(u, "is_active")) &&
            dr_str_eq(plan_email(a, dr_json_get_str(u, "email")), mail)) {
            return true;
        }
    }
    return false;
}

static bool status_there(const struct dr_json *selectors,
                         const struct dr_json *item, struct dr_str name,
                         struct dr_arena *a)
{
    const struct dr_json *stage =
        by_name(a, dr_json_get(selectors, "lifecycle_stages"), "name",
                dr_json_get_str(item, "entity"));
    struct dr_str want = plan_norm(a, name);

    DR_JSON_EACH(s, dr_json_get(selectors, "contact_statuses"))
    {
        struct dr_str of = dr_json_scalar(dr_json_get(s, "lifecycle_stage_id"));
        if (dr_str_eq(plan_norm(a, dr_json_get_str(s, "name")), want) &&
            (!stage || dr_str_eq(of, id_of(stage)))) {
            return true;
        }
    }
    return false;
}

static bool choices_there(const struct dr_json *field,
                          const struct dr_json *wanted)
{
    DR_JSON_EACH(want, wanted)
    {
        bool there = false;
        DR_JSON_EACH(o, dr_json_get(field, "choices"))
        {
            there |= dr_str_eq(dr_json_get_str(o, "value"), dr_json_str(want));
        }
        if (!there) {
            return false;
        }
    }
    return field != NULL;
}

bool dr_plan_item_there(const struct dr_catalogs *c, const struct dr_json *item,
                        struct dr_arena *a)
{
    static const struct {
        const char *kind, *list;
    } named[] = {{"lead_source", "lead_sources"},
                 {"deal_type", "deal_types"},
                 {"lifecycle_stage", "lifecycle_stages"},
                 {"lead_stage", "lead_stages"},
                 {"sales_activity_type", "sales_activity_types"},
                 {"pipeline", "deal_pipelines"}};
    const struct dr_json *lists = c->dst_selectors, *of;
    struct dr_str kind = dr_json_get_str(item, "kind");
    struct dr_str name = dr_json_get_str(item, "name");
    char *entity = dr_arena_dupz(a, dr_json_get_str(item, "entity"));

    for (size_t i = 0; i < DR_ARRAY_LEN(named); i++) {
        if (dr_str_eqz(kind, named[i].kind)) {
            return by_name(a, dr_json_get(lists, named[i].list), "name",
                           name) != NULL;
        }
    }
    if (dr_str_eqz(kind, "user")) {
        return user_there(dr_json_get(lists, "users"), name, a);
    }
    if (dr_str_eqz(kind, "contact_status")) {
        return status_there(lists, item, name, a);
    }
    if (dr_str_eqz(kind, "currency")) {
        of =
            by_name(a, dr_json_get(lists, "currencies"), "currency_code", name);
        return dr_json_true(dr_json_get(of, "is_active"));
    }
    if (dr_str_eqz(kind, "stage")) {
        of = by_name(a, dr_json_get(lists, "deal_pipelines"), "name",
                     dr_json_get_str(item, "pipeline"));
        return by_name(a, dr_json_get(of, "deal_stages"), "name", name) != NULL;
    }
    if (dr_str_eqz(kind, "custom_module")) {
        return module_of(c, dr_json_get_str(item, "entity")) != NULL;
    }
    of = entity ? field_by_name(c, entity, name) : NULL;
    return dr_str_eqz(kind, "choice")
               ? choices_there(of, dr_json_get(item, "choices"))
               : dr_str_eqz(kind, "field") && of;
}
