/* What the plan says of custom objects and events, read into maps. */
#include "event.h"

static const char *const names[] = {
    [FATE_NONE] = "",       [FATE_MODULE] = "module", [FATE_FIELDS] = "fields",
    [FATE_NOTES] = "notes", [FATE_SKIP] = "skip",
};

const char *fate_name(enum fate f)
{
    return names[f];
}

enum fate fate_named(struct dr_str name)
{
    for (int i = FATE_MODULE; i <= FATE_SKIP; i++) {
        if (dr_str_eqz(name, names[i])) {
            return (enum fate)i;
        }
    }
    return FATE_NONE;
}

static void type_free(void *v)
{
    dr_map_free(((struct event_type *)v)->versions);
}

static struct dr_map *read_versions(struct dr_plan *p, const struct dr_json *j)
{
    struct dr_map *m = dr_map_new(NULL);

    DR_JSON_EACH(v, j)
    {
        struct dr_str *shape = dr_arena_alloc(p->arena, sizeof(*shape));
        if (shape) {
            *shape = dr_json_str(v);
            dr_map_put(m, v->key, shape);
        }
    }
    return m;
}

const char *dr_plan_event_fate(const struct dr_plan *p)
{
    return !dr_plan_in_scope(p, DR_STR_LIT("event")) ? "none"
           : p->events_report                        ? "report"
                                                     : "activities";
}

void read_fates(struct dr_plan *p, const struct dr_json *root)
{
    const struct dr_json *events = dr_json_get(root, "events");

    p->customs = dr_map_new(NULL);
    p->event_types = dr_map_new(type_free);
    p->events_report = dr_str_eqz(dr_json_get_str(events, "fate"), "report");
    DR_JSON_EACH(j, dr_json_get(root, "custom_objects"))
    {
        struct custom_plan *c = dr_arena_alloc(p->arena, sizeof(*c));
        if (c) {
            c->fate = fate_named(dr_json_get_str(j, "fate"));
            c->entity = dr_json_get_str(j, "entity");
            c->parent = dr_json_get_str(j, "parent");
            dr_map_put(p->customs, j->key, c);
        }
    }
    DR_JSON_EACH(j, dr_json_get(events, "types"))
    {
        struct event_type *t = dr_arena_alloc(p->arena, sizeof(*t));
        if (t) {
            t->name = dr_json_get_str(j, "name");
            t->versions = read_versions(p, dr_json_get(j, "versions"));
            dr_map_put(p->event_types, j->key, t);
        }
    }
}

void free_fates(struct dr_plan *p)
{
    dr_map_free(p->customs);
    dr_map_free(p->event_types);
}
