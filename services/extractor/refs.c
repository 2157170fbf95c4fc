#include "refs.h"

#include <drover/json/json.h>

/* "deal" of "note_deal", of a note. */
static struct dr_str end_type(const struct dr_source *s, struct dr_str pair)
{
    size_t n = s->object.n;

    if (pair.n > n + 1 && pair.p[n] == '_' && dr_str_starts(pair, s->object)) {
        return (struct dr_str){pair.p + n + 1, pair.n - n - 1};
    }
    return (struct dr_str){0};
}

static void take(struct dr_str type, struct dr_str id, ref_fn *fn, void *ctx)
{
    if (type.n > 0 && id.n > 0 && dr_text_valid(id)) {
        fn(ctx, type, id);
    }
}

/* What the parent of an attachment hands down stands in the pair as well; of
 * the category "via:note:n_1" the parent itself is known by its own end. */
static void ends(const struct dr_source *s, ref_fn *fn, void *ctx)
{
    for (size_t i = 0; i < s->assoc_count; i++) {
        take(end_type(s, s->assocs[i].pair), s->assocs[i].to_id, fn, ctx);
    }
}

static const struct property {
    const char *object, *name, *type;
} properties[] = {{"company", "parent_company_id", "company"},
                  {"contact", "primary_company_id", "company"},
                  {"line_item", "product_id", "product"}};

static void body(const struct dr_source *s, struct dr_str text,
                 struct dr_arena *arena, ref_fn *fn, void *ctx)
{
    bool event = dr_str_eqz(s->object, "event");

    for (size_t i = 0; i < DR_ARRAY_LEN(properties); i++) {
        const struct property *p = &properties[i];
        const struct dr_json *j;
        if (!event && !dr_str_eqz(s->object, p->object)) {
            continue;
        }
        j = dr_json_parse(arena, text, NULL, NULL);
        if (event) {
            take(DR_STR_LIT("contact"),
                 dr_json_scalar(dr_json_get(j, "contact_id")), fn, ctx);
            return;
        }
        take(dr_str_z(p->type),
             dr_json_scalar(dr_json_get(dr_json_get(j, "properties"), p->name)),
             fn, ctx);
    }
}

void refs_each(const struct dr_source *s, struct dr_arena *arena, ref_fn *fn,
               void *ctx)
{
    ends(s, fn, ctx);
    if (s->body.n > 0) {
        body(s, s->body, arena, fn, ctx);
    }
    for (size_t i = 0; i < s->part_count; i++) {
        body(s, s->parts[i].body, arena, fn, ctx);
    }
}
