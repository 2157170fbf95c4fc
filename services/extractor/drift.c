#include "drift.h"

#include <drover/base/arena.h>
#include <drover/json/json.h>

#define TREE_MAX ((size_t)64 << 20)

static void add(struct dr_map *m, struct dr_str item)
{
    static char there;

    if (item.n > 0 && dr_text_valid(item)) {
        dr_map_put(m, item, &there);
    }
}

static void add_property(struct dr_map *m, struct dr_arena *a,
                         struct dr_str type, const struct dr_json *p)
{
    struct dr_str name = dr_json_get_str(p, "name");
    struct dr_str data = dr_json_get_str(p, "data_type");

    add(m, dr_arena_printf(a, "property " DR_STR_FMT "." DR_STR_FMT,
                           DR_STR_ARG(type), DR_STR_ARG(name)));
    add(m,
        dr_arena_printf(a, "type " DR_STR_FMT " of " DR_STR_FMT "." DR_STR_FMT,
                        DR_STR_ARG(data), DR_STR_ARG(type), DR_STR_ARG(name)));
    DR_JSON_EACH(o, dr_json_get(p, "options"))
    {
        struct dr_str value = dr_json_scalar(dr_json_get(o, "value"));
        add(m, dr_arena_printf(
                   a, "option " DR_STR_FMT " of " DR_STR_FMT "." DR_STR_FMT,
                   DR_STR_ARG(value), DR_STR_ARG(type), DR_STR_ARG(name)));
    }
}

static void add_schema(struct dr_map *m, struct dr_arena *a,
                       const struct dr_json *schema)
{
    DR_JSON_EACH(o, dr_json_get(schema, "objects"))
    {
        add(m, dr_arena_printf(a, "object " DR_STR_FMT,
                               DR_STR_ARG(dr_json_get_str(o, "type"))));
    }
    DR_JSON_EACH(type, dr_json_get(schema, "properties"))
    {
        DR_JSON_EACH(p, type)
        {
            add_property(m, a, type->key, p);
        }
    }
    DR_JSON_EACH(p, dr_json_get(schema, "associations"))
    {
        add(m, dr_arena_printf(
                   a, "association " DR_STR_FMT "/" DR_STR_FMT " " DR_STR_FMT,
                   DR_STR_ARG(dr_json_get_str(p, "from")),
                   DR_STR_ARG(dr_json_get_str(p, "to")),
                   DR_STR_ARG(dr_json_get_str(p, "label"))));
    }
}

static void add_pipelines(struct dr_map *m, struct dr_arena *a,
                          const struct dr_json *deal)
{
    DR_JSON_EACH(p, deal)
    {
        struct dr_str id = dr_json_scalar(dr_json_get(p, "id"));
        add(m, dr_arena_printf(a, "pipeline " DR_STR_FMT, DR_STR_ARG(id)));
        DR_JSON_EACH(s, dr_json_get(p, "stages"))
        {
            add(m, dr_arena_printf(
                       a, "stage " DR_STR_FMT " of " DR_STR_FMT,
                       DR_STR_ARG(dr_json_scalar(dr_json_get(s, "id"))),
                       DR_STR_ARG(id)));
        }
    }
}

struct dr_map *drift_items(struct dr_str schema, struct dr_str pipelines)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(TREE_MAX);
    struct dr_map *m = dr_map_new(NULL);

    add_schema(m, a, dr_json_parse(a, schema, NULL, NULL));
    add_pipelines(m, a,
                  dr_json_get(dr_json_parse(a, pipelines, NULL, NULL), "deal"));
    return m;
}

static size_t lacks(const struct dr_map *in, const struct dr_map *of,
                    const char *word, size_t n, struct dr_buf *out)
{
    struct dr_str item;
    size_t at = 0;
    void *value;

    while (dr_map_next(of, &at, &item, &value)) {
        if (!dr_map_has(in, item) && n++ < DRIFT_MAX) {
            dr_buf_printf(out, "%s " DR_STR_FMT "\n", word, DR_STR_ARG(item));
        }
    }
    return n;
}

size_t drift_between(const struct dr_map *was, const struct dr_map *now,
                     struct dr_buf *out)
{
    size_t n = lacks(was, now, "new", 0, out);

    return lacks(now, was, "gone", n, out);
}
