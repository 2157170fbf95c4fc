/* What a plan hangs on, as one hash a side: names, types, requirements and
 * options. Not positions, help texts or counts: a plan does not go stale
 * because a label's help was edited (mapping reference 11). */
#include "propose_private.h"

#include <stdlib.h>

#include <drover/crypto/crypto.h>

struct lines {
    struct dr_arena *a;
    struct dr_map *set; /* each line once; hashed in byte order */
};

static void add(struct lines *l, struct dr_str line)
{
    dr_map_put(l->set, line, l);
}

static struct dr_str finish(struct lines *l)
{
    static const char prefix[] = "sha256:";
    char text[72];
    uint8_t out[32];
    struct dr_hash h;
    size_t n;
    struct dr_str *v = sorted_keys(l->a, l->set, &n);

    dr_hash_init(&h);
    for (size_t i = 0; i < n; i++) {
        dr_hash_part(&h, v[i]);
    }
    dr_hash_final(&h, out);
    dr_map_free(l->set);
    dr_hex(out, sizeof(out), text);
    return dr_arena_printf(l->a, "%s%.64s", prefix, text);
}

static const char *yes(const struct dr_json *of, const char *key)
{
    return dr_json_true(dr_json_get(of, key)) ? "1" : "0";
}

static void add_property(struct lines *l, struct dr_str type,
                         const struct dr_json *f)
{
    struct dr_str name = dr_json_get_str(f, "name");

    add(l,
        dr_arena_printf(
            l->a, "p\n" DR_STR_FMT "\n" DR_STR_FMT "\n" DR_STR_FMT "\n%s%s%s%s",
            DR_STR_ARG(type), DR_STR_ARG(name),
            DR_STR_ARG(dr_json_get_str(f, "data_type")), yes(f, "multi"),
            yes(f, "calculated"), yes(f, "archived"), yes(f, "required")));
    DR_JSON_EACH(o, dr_json_get(f, "options"))
    {
        add(l, dr_arena_printf(l->a,
                               "o\n" DR_STR_FMT "\n" DR_STR_FMT "\n" DR_STR_FMT
                               "\n" DR_STR_FMT,
                               DR_STR_ARG(type), DR_STR_ARG(name),
                               DR_STR_ARG(dr_json_get_str(o, "value")),
                               DR_STR_ARG(dr_json_get_str(o, "label"))));
    }
}

/* Entries with an id and a name, and the stages inside them. */
static void add_pipeline(struct lines *l, const struct dr_json *j,
                         const char *name, const char *stages)
{
    struct dr_str id = id_of(j);

    add(l,
        dr_arena_printf(l->a, "l\n" DR_STR_FMT "\n" DR_STR_FMT, DR_STR_ARG(id),
                        DR_STR_ARG(dr_json_get_str(j, name))));
    DR_JSON_EACH(s, dr_json_get(j, stages))
    {
        add(l, dr_arena_printf(l->a,
                               "s\n" DR_STR_FMT "\n" DR_STR_FMT "\n" DR_STR_FMT,
                               DR_STR_ARG(id), DR_STR_ARG(id_of(s)),
                               DR_STR_ARG(dr_json_get_str(s, name))));
    }
}

struct dr_str source_schema_hash(struct dr_arena *a,
                                 const struct dr_catalogs *c)
{
    struct lines l = {a, dr_map_new(NULL)};
    const struct dr_json *types = dr_json_get(c->src_schema, "properties");
    size_t n;
    const struct target_kind *kinds = kinds_of(a, c, NULL, &n);

    for (size_t i = 0; i < n; i++) {
        struct dr_str type = dr_str_z(kinds[i].object);
        DR_JSON_EACH(f, dr_json_gets(types, type))
        {
            add_property(&l, type, f);
        }
    }
    DR_JSON_EACH(j, dr_json_get(c->src_pipelines, "deal"))
    {
        add_pipeline(&l, j, "label", "stages");
    }
    return finish(&l);
}

static void add_field(struct lines *l, struct dr_str type,
                      const struct dr_json *f)
{
    struct dr_str name = dr_json_get_str(f, "name");

    add(l, dr_arena_printf(
               l->a, "f\n" DR_STR_FMT "\n" DR_STR_FMT "\n" DR_STR_FMT "\n%s",
               DR_STR_ARG(type), DR_STR_ARG(name),
               DR_STR_ARG(dr_json_get_str(f, "type")), yes(f, "required")));
    if (!dr_str_starts(name, DR_STR_LIT("cf_"))) {
        return; /* the choices of standard fields are the selectors */
    }
    DR_JSON_EACH(o, dr_json_get(f, "choices"))
    {
        add(l, dr_arena_printf(l->a,
                               "c\n" DR_STR_FMT "\n" DR_STR_FMT "\n" DR_STR_FMT,
                               DR_STR_ARG(type), DR_STR_ARG(name),
                               DR_STR_ARG(dr_json_get_str(o, "value"))));
    }
}

struct dr_str target_schema_hash(struct dr_arena *a,
                                 const struct dr_catalogs *c)
{
    static const char *const types[] = {"contacts", "sales_accounts", "deals",
                                        "leads"};
    struct lines l = {a, dr_map_new(NULL)};

    for (size_t i = 0; i < DR_ARRAY_LEN(types); i++) {
        DR_JSON_EACH(f, dr_json_get(c->dst_fields, types[i]))
        {
            add_field(&l, dr_str_z(types[i]), f);
        }
    }
    DR_JSON_EACH(m, c->dst_modules)
    {
        struct dr_str entity = dr_json_get_str(m, "entity_name");
        add(&l, dr_arena_printf(a, "e\n" DR_STR_FMT, DR_STR_ARG(entity)));
        DR_JSON_EACH(f, dr_json_get(m, "fields"))
        {
            add_field(&l, entity, f);
        }
    }
    DR_JSON_EACH(j, dr_json_get(c->dst_selectors, "deal_pipelines"))
    {
        add_pipeline(&l, j, "name", "deal_stages");
    }
    DR_JSON_EACH(j, dr_json_get(c->dst_selectors, "currencies"))
    {
        add(&l, dr_arena_printf(a, "m\n" DR_STR_FMT "\n" DR_STR_FMT "\n%s",
                                DR_STR_ARG(id_of(j)),
                                DR_STR_ARG(dr_json_get_str(j, "currency_code")),
                                yes(j, "is_active")));
    }
    DR_JSON_EACH(j, dr_json_get(c->dst_selectors, "sales_activity_types"))
    {
        add(&l, dr_arena_printf(a, "t\n" DR_STR_FMT "\n" DR_STR_FMT,
                                DR_STR_ARG(id_of(j)),
                                DR_STR_ARG(dr_json_get_str(j, "name"))));
    }
    return finish(&l);
}
