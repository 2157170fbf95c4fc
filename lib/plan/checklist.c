/* What the target lacks, one item each: what `ready` reads back. */
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
