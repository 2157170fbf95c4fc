/* Properties that no row of the plan names: the source's schema had none of the
 * name when the plan was proposed. They are left out, and told. */
#include "plan_private.h"

#include <string.h>

/* So many are named of one record; the rest is counted. */
#define NAMED_MAX 100

/* What is carried, or decides something, whether a row names it or not. */
static const struct {
    const char *object, *name;
} used[] = {
    {"company", "name"},
    {"company", "parent_company_id"},
    {"contact", "email"},
    {"contact", "primary_company_id"},
    {"contact", "record_kind"},
    {"contact", "converted_at"},
    {"deal", "name"},
    {"deal", "amount"},
    {"deal", "currency"},
    {"deal", "pipeline_id"},
    {"deal", "stage_id"},
    {"deal", "close_date"},
    {"product", "name"},
    {"product", "price"},
    {"product", "currency"},
    {"product", "price_tiers"},
    {"product", "description"},
    {"line_item", "deal_id"},
    {"line_item", "product_id"},
    {"line_item", "quantity"},
    {"line_item", "unit_price"},
    {"line_item", "discount"},
    {"line_item", "tax"},
    {"line_item", "discount_type"},
    {"line_item", "currency"},
    {"line_item", "line_total"},
    {"task", "subject"},
    {"task", "body"},
    {"task", "due_at"},
    {"task", "status"},
    {"call", "duration_s"},
    {"call", "body_type"},
    {"email", "body_type"},
    {"meeting", "body_type"},
    {"note", "body"},
    {"attachment", "file_name"},
    {"attachment", "size"},
    {"attachment", "status"},
    {"attachment", "sha256"},
    {"attachment", "parents"},
    {"attachment", "uploaded_at"},
    {"attachment", "content_type"},
};

static bool is_used(struct dr_str object, struct dr_str name)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(used); i++) {
        if (dr_str_eqz(name, used[i].name) &&
            dr_str_eqz(object, used[i].object)) {
            return true;
        }
    }
    return false;
}

/* Records list their properties in the schema's order, and so do the rules:
 * mostly the row at *at is the one, or one soon behind it. */
static bool is_named(const struct object_plan *o, struct dr_str name,
                     size_t *at)
{
    const struct rule *r;

    for (size_t i = *at; i < o->n && i < *at + 3; i++) {
        if (dr_str_eq(o->rules[i].source, name)) {
            *at = i + 1;
            return true;
        }
    }
    r = dr_map_get(o->sources, name);
    if (r) {
        *at = (size_t)(r - o->rules) + 1;
    }
    return r != NULL;
}

static bool is_nothing(const struct dr_json *j)
{
    return dr_json_is_null(j) || value_text(j).n == 0 ||
           dr_str_eqz(j->raw, "[]");
}

void unknown_tell(struct build *b)
{
    static const char rule[] = "source.unknown";
    size_t at = 0, n = 0;

    DR_JSON_EACH(j, b->props)
    {
        if (is_named(b->op, j->key, &at) || is_nothing(j) ||
            is_used(b->rec->object, j->key)) {
            continue;
        }
        if (n++ < NAMED_MAX) {
            build_note(b, j->key, dr_str_z(rule), value_text(j),
                       (struct dr_str){"", 0},
                       "no row of the plan names this property, for the "
                       "source's schema had none of the name: left out");
        }
    }
    if (n > NAMED_MAX) {
        struct dr_str why =
            build_printf(b,
                         "%zu more properties that no row of the plan names: "
                         "left out",
                         n - NAMED_MAX);
        build_note(b, DR_STR_LIT("*"), dr_str_z(rule), (struct dr_str){"", 0},
                   (struct dr_str){"", 0}, why.n ? why.p : "more");
    }
}
