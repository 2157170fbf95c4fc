/* Events of the source: their types by version for the plan, and the report on
 * what there is. */
#include "event.h"
#include "propose_private.h"

static const struct dr_json *declared(const struct dr_catalogs *c)
{
    const struct dr_json *list = dr_json_get(c->src_schema, "events");

    return dr_json_type(list) == DR_JSON_OBJECT ? dr_json_get(list, "results")
                                                : list;
}

/* Events have no properties in the schema, and on small plans no types. */
bool has_events(const struct proposing *p)
{
    const struct dr_json *types = declared(p->c);

    return (types && types->count > 0) ||
           profile_count(p->profile->counts, DR_STR_LIT("event")) > 0;
}

static void one_type(struct dr_json_w *w, const struct dr_json *type)
{
    dr_json_w_keys(w, dr_json_get_str(type, "type"));
    dr_json_w_obj(w);
    dr_json_w_kv(w, "name", dr_json_get_str(type, "name"));
    dr_json_w_key(w, "versions");
    dr_json_w_obj(w);
    DR_JSON_EACH(v, dr_json_get(type, "versions"))
    {
        dr_json_w_keys(w, dr_json_scalar(dr_json_get(v, "schema_version")));
        dr_json_w_str(w, dr_json_get_str(v, "shape"));
    }
    dr_json_w_end(w);
    dr_json_w_end(w);
}

/* A type or version that is there twice counts the first time. */
static bool is_first(const struct dr_json *list, const struct dr_json *type)
{
    DR_JSON_EACH(t, list)
    {
        if (dr_str_eq(dr_json_get_str(t, "type"),
                      dr_json_get_str(type, "type"))) {
            return t == type;
        }
    }
    return false;
}

void propose_events(struct proposing *p)
{
    struct dr_json_w *w = &p->plan;
    const struct dr_json *types = declared(p->c);

    dr_json_w_key(w, "events");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "fate", p->o->events_report ? "report" : "activities");
    dr_json_w_key(w, "types");
    dr_json_w_obj(w);
    DR_JSON_EACH(t, types)
    {
        if (dr_json_get_str(t, "type").n > 0 && is_first(types, t)) {
            one_type(w, t);
        }
    }
    dr_json_w_end(w);
    dr_json_w_end(w);
}

/* ---- the report ---- */

static const char *declared_shape(const struct dr_catalogs *c,
                                  struct dr_str type, struct dr_str version)
{
    bool known = false;

    DR_JSON_EACH(t, declared(c))
    {
        if (!dr_str_eq(dr_json_get_str(t, "type"), type)) {
            continue;
        }
        known = true;
        DR_JSON_EACH(v, dr_json_get(t, "versions"))
        {
            if (dr_str_eq(dr_json_scalar(dr_json_get(v, "schema_version")),
                          version)) {
                return event_shape_name(
                    event_shape_named(dr_json_get_str(v, "shape")));
            }
        }
    }
    return known ? "unknown version" : "unknown type";
}

static void write_events(const struct dr_profile *profile,
                         const struct dr_catalogs *c, struct dr_arena *a,
                         struct dr_json_w *w)
{
    size_t n;
    struct dr_str *keys = sorted_keys(a, profile->events, &n);

    dr_json_w_key(w, "events");
    dr_json_w_arr(w);
    for (size_t i = 0; i < n; i++) {
        struct dr_str rest = keys[i];
        struct dr_str type = dr_str_split(&rest, '\n');
        struct dr_str version = dr_str_split(&rest, '\n');
        dr_json_w_obj(w);
        dr_json_w_kv(w, "type", type);
        dr_json_w_kv(w, "schema_version", version);
        dr_json_w_kvz(w, "declared", declared_shape(c, type, version));
        dr_json_w_kv(w, "shape", rest);
        dr_json_w_kvi(w, "count",
                      (int64_t)profile_count(profile->events, keys[i]));
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void write_custom(struct proposing *p, const struct target_kind *k,
                         struct dr_json_w *w)
{
    const struct parentage *g =
        dr_map_get(p->profile->parentage, dr_str_z(k->object));
    struct custom_fate f = custom_fate_of(p, k);

    dr_json_w_obj(w);
    dr_json_w_kvz(w, "object", k->object);
    dr_json_w_kvi(
        w, "count",
        (int64_t)profile_count(p->profile->counts, dr_str_z(k->object)));
    dr_json_w_kvi(w, "linked", g ? (int64_t)g->linked : 0);
    dr_json_w_key(w, "parents");
    dr_json_w_arr(w);
    for (size_t i = 0; g && i < PARENT_KINDS; i++) {
        dr_json_w_obj(w);
        dr_json_w_kvz(w, "object", parent_kinds[i].object);
        dr_json_w_kvi(w, "records", (int64_t)g->of[i].records);
        dr_json_w_kvi(w, "most_on_one", (int64_t)g->of[i].most);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
    dr_json_w_kvz(w, "fate", fate_name(f.fate));
    dr_json_w_kvz(w, "reason", f.why);
    dr_json_w_end(w);
}

void dr_profile_shapes_json(const struct dr_profile *profile,
                            const struct dr_catalogs *c, struct dr_json_w *w)
{
    struct proposing p = {.profile = profile, .c = c};

    audit_open(&p);
    write_events(profile, c, p.a, w);
    dr_json_w_key(w, "custom_objects");
    dr_json_w_arr(w);
    for (size_t i = 0; i < p.kind_n; i++) {
        if (is_custom_kind(&p.kinds[i])) {
            write_custom(&p, &p.kinds[i], w);
        }
    }
    dr_json_w_end(w);
    write_line_currencies(&p, "line_currencies", w);
    audit_close(&p);
}
