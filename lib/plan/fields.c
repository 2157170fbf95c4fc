/* The rows of a plan: known standard fields, same names, custom fields. */
#include "propose_private.h"

#include <string.h>

struct standard {
    const char *object, *source, *target, *transform;
    size_t max;
    const char *selector; /* where the ids of its values come from */
    bool also_custom;     /* the source's word is kept too         */
};

static const struct standard standards[] = {
    {"company", "name", "name", "special:name", TEXT_MAX, NULL, false},
    {"company", "phone", "phone", "copy", TEXT_MAX, NULL, false},
    {"company", "website", "website", "copy", TEXT_MAX, NULL, false},
    {"company", "street", "address", "copy", TEXT_MAX, NULL, false},
    {"company", "city", "city", "copy", TEXT_MAX, NULL, false},
    {"company", "state", "state", "copy", TEXT_MAX, NULL, false},
    {"company", "postal_code", "zipcode", "copy", TEXT_MAX, NULL, false},
    {"company", "country", "country", "copy", TEXT_MAX, NULL, false},
    {"company", "annual_revenue", "annual_revenue", "money", 0, NULL, false},
    {"company", "tags", "tags", "tags", 0, NULL, false},
    {"company", "parent_company_id", "parent_sales_account_id",
     "special:parent", 0, NULL, false},
    {"contact", "first_name", "first_name", "copy", TEXT_MAX, NULL, false},
    {"contact", "last_name", "last_name", "copy", TEXT_MAX, NULL, false},
    {"contact", "email", "emails", "special:email", 0, NULL, false},
    {"contact", "phone", "work_number", "copy", TEXT_MAX, NULL, false},
    {"contact", "job_title", "job_title", "copy", TEXT_MAX, NULL, false},
    {"contact", "street", "address", "copy", TEXT_MAX, NULL, false},
    {"contact", "city", "city", "copy", TEXT_MAX, NULL, false},
    {"contact", "state", "state", "copy", TEXT_MAX, NULL, false},
    {"contact", "postal_code", "zipcode", "copy", TEXT_MAX, NULL, false},
    {"contact", "country", "country", "copy", TEXT_MAX, NULL, false},
    {"contact", "tags", "tags", "tags", 0, NULL, false},
    {"contact", "lead_source", "lead_source_id", "id", 0, "lead_sources",
     false},
    {"contact", "lifecycle_stage", "lifecycle_stage_id", "special:lifecycle", 0,
     "lifecycle_stages", false},
    {"contact", "lead_status", "contact_status_id", "special:lead_status", 0,
     "contact_statuses", true},
    {"contact", "primary_company_id", "sales_accounts", "special:companies", 0,
     NULL, false},
    {"deal", "name", "name", "special:name", TEXT_MAX, NULL, false},
    {"deal", "amount", "amount", "special:amount", 0, NULL, false},
    {"deal", "currency", "currency_id", "special:currency", 0, NULL, false},
    {"deal", "pipeline_id", "deal_pipeline_id", "special:pipeline", 0, NULL,
     false},
    {"deal", "stage_id", "deal_stage_id", "special:stage", 0, NULL, false},
    {"deal", "close_date", "closed_date", "special:close_date", 0, NULL, false},
    {"deal", "probability", "probability", "number", 0, NULL, false},
    {"deal", "forecast_category", "forecast_category", "id", 0, "", true},
    {"deal", "deal_type", "deal_type_id", "id", 0, "deal_types", false},
    {"deal", "lead_source", "lead_source_id", "id", 0, "lead_sources", false},
    {"product", "name", "name", "special:name", TEXT_MAX, NULL, false},
    {"product", "sku", "sku_number", "copy", TEXT_MAX, NULL, false},
    {"product", "category", "category", "copy", TEXT_MAX, NULL, false},
    {"product", "active", "is_active", "bool", 0, NULL, false},
    {"product", "price", "product_pricings", "special:price", 0, NULL, false},
    {"product", "currency", "product_pricings", "special:price_currency", 0,
     NULL, false},
    {"product", "description", "description", "special:description", 0, NULL,
     false},
    {"line_item", "deal_id", "deal", "special:deal", 0, NULL, false},
    {"line_item", "product_id", "product", "special:product", 0, NULL, false},
    {"line_item", "quantity", "quantity", "special:quantity", 0, NULL, false},
    {"line_item", "unit_price", "unit_price", "special:unit_price", 0, NULL,
     false},
    {"line_item", "discount", "discount", "special:discount", 0, NULL, false},
    {"line_item", "discount_type", "discount_type", "special:discount_type", 0,
     NULL, false},
    {"line_item", "tax", "tax", "special:tax", 0, NULL, false},
    {"task", "subject", "title", "special:title", TEXT_MAX, NULL, false},
    {"task", "body", "description", "special:body", 0, NULL, false},
    {"task", "due_at", "due_date", "special:due", 0, NULL, false},
    {"task", "status", "status", "special:status", 0, NULL, true},
};

static const struct standard *standard_of(const char *object,
                                          struct dr_str source)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(standards); i++) {
        if (strcmp(standards[i].object, object) == 0 &&
            dr_str_eqz(source, standards[i].source)) {
            return &standards[i];
        }
    }
    return NULL;
}

static void row_begin(struct proposing *p, const struct target_kind *k,
                      struct dr_str source, const char *suffix,
                      struct dr_str target, struct dr_str transform)
{
    struct dr_json_w *w = &p->plan;

    dr_json_w_obj(w);
    dr_json_w_kv(w, "rule",
                 dr_arena_printf(p->a, "%s." DR_STR_FMT "%s", k->object,
                                 DR_STR_ARG(source), suffix));
    dr_json_w_kv(w, "source", source);
    dr_json_w_key(w, "target");
    if (target.n > 0) {
        dr_json_w_str(w, target);
    } else {
        dr_json_w_null(w);
    }
    dr_json_w_kv(w, "transform", transform);
}

/* ---- values of pick-lists ---- */

static struct dr_str label_of(const struct dr_json *prop, struct dr_str value)
{
    DR_JSON_EACH(o, dr_json_get(prop, "options"))
    {
        if (dr_str_eq(dr_json_get_str(o, "value"), value)) {
            struct dr_str label = dr_json_get_str(o, "label");
            return label.n ? label : value;
        }
    }
    return value;
}

/* Calls fn for every value declared or seen. */
typedef void value_fn(struct proposing *p, void *ctx, struct dr_str value,
                      struct dr_str label);

static void each_value(struct proposing *p, const struct target_kind *k,
                       const struct dr_json *prop, value_fn *fn, void *ctx)
{
    const struct field_stats *s = profile_field(p->profile, dr_str_z(k->object),
                                                dr_json_get_str(prop, "name"));
    struct dr_map *done = dr_map_new(NULL);
    struct dr_str key;
    size_t at = 0;

    DR_JSON_EACH(o, dr_json_get(prop, "options"))
    {
        struct dr_str value = dr_json_get_str(o, "value");
        if (!dr_map_has(done, value)) {
            dr_map_put(done, value, p);
            fn(p, ctx, value, label_of(prop, value));
        }
    }
    while (s && dr_map_next(s->distinct, &at, &key, NULL)) {
        if (!dr_map_has(done, key) && dr_text_valid(key)) {
            fn(p, ctx, key, key);
        }
    }
    dr_map_free(done);
}

struct id_values {
    const struct dr_json *list;
    const char *kind;
    struct dr_str entity;
    struct dr_map *asked;
};

static void id_value(struct proposing *p, void *ctx, struct dr_str value,
                     struct dr_str label)
{
    struct id_values *v = ctx;
    const struct dr_json *hit = by_name(p, v->list, "name", label);

    if (!hit) {
        hit = by_name(p, v->list, "name", value);
    }
    if (hit) {
        dr_json_w_keys(&p->plan, value);
        dr_json_w_str(&p->plan, id_of(hit));
    } else if (!dr_map_has(v->asked, label)) {
        dr_map_put(v->asked, label, p);
        item_begin(p, v->kind, v->entity, label,
                   DR_STR_LIT("a value of the source that the target lacks"));
        dr_json_w_end(&p->list);
    }
}

/* Freshsales knows two forecast categories; the others are none. */
static void forecast_values(struct proposing *p)
{
    static const char *const none[] = {"pipeline", "closed", "omitted"};

    dr_json_w_kvz(&p->plan, "commit", "1");
    dr_json_w_kvz(&p->plan, "best_case", "2");
    for (size_t i = 0; i < DR_ARRAY_LEN(none); i++) {
        dr_json_w_kvz(&p->plan, none[i], "");
    }
}

static const struct dr_json *lead_stage(struct proposing *p)
{
    const struct dr_json *stages =
        dr_json_get(p->c->dst_selectors, "lifecycle_stages");

    DR_JSON_EACH(s, stages)
    {
        if (dr_str_eqz(dr_json_get_str(s, "type"), "Lead")) {
            return s;
        }
    }
    return by_name(p, stages, "name", DR_STR_LIT("Lead"));
}

/* Statuses belong to a stage; those of the Lead stage count here. */
static void status_value(struct proposing *p, void *ctx, struct dr_str value,
                         struct dr_str label)
{
    const struct dr_json *stage = ctx;

    DR_JSON_EACH(s, dr_json_get(p->c->dst_selectors, "contact_statuses"))
    {
        if (dr_str_eq(id_of(s), dr_str_z("")) ||
            !dr_str_eq(dr_json_scalar(dr_json_get(s, "lifecycle_stage_id")),
                       id_of(stage)) ||
            !dr_str_eq(plan_norm(p->a, dr_json_get_str(s, "name")),
                       plan_norm(p->a, label))) {
            continue;
        }
        dr_json_w_keys(&p->plan, value);
        dr_json_w_str(&p->plan, id_of(s));
        return;
    }
    item_begin(p, "contact_status", dr_json_get_str(stage, "name"), label,
               DR_STR_LIT("a lead status of the source that the target lacks"));
    dr_json_w_end(&p->list);
}

static void standard_values(struct proposing *p, const struct target_kind *k,
                            const struct standard *s,
                            const struct dr_json *prop)
{
    struct id_values v = {.entity = dr_str_z(k->type)};

    dr_json_w_key(&p->plan, "values");
    dr_json_w_obj(&p->plan);
    if (s->selector[0] == '\0') {
        forecast_values(p);
    } else if (strcmp(s->selector, "contact_statuses") == 0) {
        each_value(p, k, prop, status_value, (void *)(uintptr_t)lead_stage(p));
    } else {
        v.list = dr_json_get(p->c->dst_selectors, s->selector);
        v.kind = strcmp(s->selector, "lead_sources") == 0 ? "lead_source"
                 : strcmp(s->selector, "deal_types") == 0 ? "deal_type"
                                                          : "lifecycle_stage";
        v.asked = dr_map_new(NULL);
        each_value(p, k, prop, id_value, &v);
        dr_map_free(v.asked);
    }
    dr_json_w_end(&p->plan);
}

static void standard_row(struct proposing *p, const struct target_kind *k,
                         const struct standard *s, const struct dr_json *prop)
{
    row_begin(p, k, dr_str_z(s->source), "", dr_str_z(s->target),
              dr_str_z(s->transform));
    if (s->max > 0) {
        dr_json_w_kvi(&p->plan, "max", (int64_t)s->max);
    }
    if (s->selector) {
        standard_values(p, k, s, prop);
    }
    dr_json_w_end(&p->plan);
}

/* ---- custom fields ---- */

struct custom {
    const char *type; /* of the target's field */
    const char *transform;
    size_t max;
    bool choices;
};

static bool is_multi(const struct dr_json *prop)
{
    return dr_json_true(dr_json_get(prop, "multi"));
}

static struct custom custom_text(const struct field_stats *s)
{
    return s && s->longest > TEXT_MAX
               ? (struct custom){"textarea", "copy", AREA_MAX, false}
               : (struct custom){"text", "copy", TEXT_MAX, false};
}

static struct custom custom_of(const struct dr_json *prop,
                               const struct field_stats *s)
{
    struct dr_str t = dr_json_get_str(prop, "data_type");

    if (dr_str_eqz(t, "enum") || dr_str_eqz(t, "multi_enum")) {
        if (s && (s->many || s->longest > TEXT_MAX)) {
            return custom_text(s);
        }
        return is_multi(prop) || dr_str_eqz(t, "multi_enum")
                   ? (struct custom){"multi_select_dropdown", "multi", AREA_MAX,
                                     true}
                   : (struct custom){"dropdown", "optmap", 0, true};
    }
    if (is_multi(prop)) {
        return (struct custom){"textarea", "join", AREA_MAX, false};
    }
    if (dr_str_eqz(t, "bool")) {
        return (struct custom){"checkbox", "bool", 0, false};
    }
    if (dr_str_eqz(t, "date")) {
        return (struct custom){"date", "date", 0, false};
    }
    if (dr_str_eqz(t, "datetime")) {
        return (struct custom){"date_time", "datetime", 0, false};
    }
    if (dr_str_eqz(t, "int") || dr_str_eqz(t, "decimal") ||
        dr_str_eqz(t, "money") || dr_str_eqz(t, "percent") ||
        dr_str_eqz(t, "duration")) {
        if (s && s->overflow) {
            return custom_text(s);
        }
        return (struct custom){s && s->fraction ? "decimal" : "number",
                               "number", 0, false};
    }
    if (dr_str_eqz(t, "text") || dr_str_eqz(t, "html") ||
        dr_str_eqz(t, "json") || dr_str_eqz(t, "file")) {
        return (struct custom){"textarea", "copy", AREA_MAX, false};
    }
    return custom_text(s);
}

/* An existing field of another type decides the transform. */
static struct custom custom_existing(const struct dr_json *field,
                                     struct custom c)
{
    struct dr_str t = dr_json_get_str(field, "type");

    if (dr_str_eqz(t, "dropdown") || dr_str_eqz(t, "radio")) {
        return (struct custom){"dropdown", "optmap", 0, true};
    }
    if (dr_str_eqz(t, "text")) {
        return (struct custom){"text", "copy", TEXT_MAX, false};
    }
    return c;
}

static bool same_field(struct proposing *p, const struct dr_json *f,
                       struct dr_str name, struct dr_str label)
{
    struct dr_str have = dr_json_get_str(f, "name");
    struct dr_str cf =
        dr_arena_printf(p->a, "cf_" DR_STR_FMT, DR_STR_ARG(name));
    struct dr_str tail =
        dr_arena_printf(p->a, "_" DR_STR_FMT, DR_STR_ARG(name));

    if (!dr_str_starts(have, DR_STR_LIT("cf_"))) {
        return false;
    }
    return dr_str_eq(have, cf) ||
           (label.n > 0 &&
            dr_str_eq(plan_norm(p->a, label),
                      plan_norm(p->a, dr_json_get_str(f, "label")))) ||
           (dr_str_starts(have, DR_STR_LIT("cf_customer_")) &&
            dr_str_ends(have, tail));
}

static const struct dr_json *find_custom(struct proposing *p,
                                         const struct target_kind *k,
                                         const struct dr_json *prop)
{
    struct dr_str name = dr_json_get_str(prop, "name");
    struct dr_str exact =
        dr_arena_printf(p->a, "cf_" DR_STR_FMT, DR_STR_ARG(name));
    const struct dr_json *fields = dr_json_get(p->c->dst_fields, k->type);

    DR_JSON_EACH(f, fields)
    {
        if (dr_str_eq(dr_json_get_str(f, "name"), exact)) {
            return f;
        }
    }
    DR_JSON_EACH(f, fields)
    {
        if (same_field(p, f, name, dr_json_get_str(prop, "label"))) {
            return f;
        }
    }
    return NULL;
}

struct choices {
    const struct dr_json *have; /* the field's choices, or NULL */
    size_t missing;
};

static void choice_value(struct proposing *p, void *ctx, struct dr_str value,
                         struct dr_str label)
{
    struct choices *c = ctx;

    (void)value;
    DR_JSON_EACH(o, c->have)
    {
        if (dr_str_eq(dr_json_get_str(o, "value"), label)) {
            return;
        }
    }
    if (c->missing++ == 0 && c->have) {
        return; /* counted first, written by the second turn */
    }
    (void)p;
}

static void choice_write(struct proposing *p, void *ctx, struct dr_str value,
                         struct dr_str label)
{
    struct choices *c = ctx;

    (void)value;
    DR_JSON_EACH(o, c->have)
    {
        if (dr_str_eq(dr_json_get_str(o, "value"), label)) {
            return;
        }
    }
    dr_json_w_str(&p->list, label);
}

static void ask_choices(struct proposing *p, const struct target_kind *k,
                        const struct dr_json *prop, const struct dr_json *field)
{
    struct choices c = {.have = dr_json_get(field, "choices")};

    each_value(p, k, prop, choice_value, &c);
    if (c.missing == 0) {
        return;
    }
    item_begin(p, "choice", dr_str_z(k->type), dr_json_get_str(field, "name"),
               DR_STR_LIT("the pick-list lacks values of the source"));
    dr_json_w_key(&p->list, "choices");
    dr_json_w_arr(&p->list);
    each_value(p, k, prop, choice_write, &c);
    dr_json_w_end(&p->list);
    dr_json_w_end(&p->list);
}

static void ask_field(struct proposing *p, const struct target_kind *k,
                      const struct dr_json *prop, struct dr_str name,
                      struct custom c)
{
    struct choices none = {0};
    struct dr_str label = dr_json_get_str(prop, "label");

    item_begin(p, "field", dr_str_z(k->type), name,
               dr_arena_printf(p->a, "custom field of type %s", c.type));
    dr_json_w_kv(&p->list, "label",
                 label.n ? label : dr_json_get_str(prop, "name"));
    dr_json_w_kvz(&p->list, "type", c.type);
    if (c.choices) {
        dr_json_w_key(&p->list, "choices");
        dr_json_w_arr(&p->list);
        each_value(p, k, prop, choice_write, &none);
        dr_json_w_end(&p->list);
    }
    dr_json_w_end(&p->list);
}

static void option_value(struct proposing *p, void *ctx, struct dr_str value,
                         struct dr_str label)
{
    (void)ctx;
    dr_json_w_keys(&p->plan, value);
    dr_json_w_str(&p->plan, label);
}

static void custom_row(struct proposing *p, const struct target_kind *k,
                       const struct dr_json *prop, const char *suffix)
{
    struct dr_str name = dr_json_get_str(prop, "name");
    const struct dr_json *field = find_custom(p, k, prop);
    struct custom c =
        custom_of(prop, profile_field(p->profile, dr_str_z(k->object), name));
    struct dr_str target =
        dr_arena_printf(p->a, "cf_" DR_STR_FMT, DR_STR_ARG(name));

    if (field) {
        c = custom_existing(field, c);
        target = dr_json_get_str(field, "name");
        if (c.choices) {
            ask_choices(p, k, prop, field);
        }
    } else {
        ask_field(p, k, prop, target, c);
    }
    row_begin(p, k, name, suffix, target, dr_str_z(c.transform));
    if (c.max > 0) {
        dr_json_w_kvi(&p->plan, "max", (int64_t)c.max);
    }
    if (c.choices) {
        dr_json_w_key(&p->plan, "values");
        dr_json_w_obj(&p->plan);
        each_value(p, k, prop, option_value, NULL);
        dr_json_w_end(&p->plan);
    }
    dr_json_w_end(&p->plan);
}

static void append_row(struct proposing *p, const struct target_kind *k,
                       const struct dr_json *prop, const char *suffix)
{
    struct dr_str name = dr_json_get_str(prop, "name");
    struct dr_str label = dr_json_get_str(prop, "label");

    row_begin(p, k, name, suffix, DR_STR_LIT("description"),
              DR_STR_LIT("append"));
    dr_json_w_kv(&p->plan, "label", label.n ? label : name);
    dr_json_w_end(&p->plan);
}

static void ignore_row(struct proposing *p, const struct target_kind *k,
                       struct dr_str name, const char *why)
{
    row_begin(p, k, name, "", (struct dr_str){"", 0}, DR_STR_LIT("ignore"));
    dr_json_w_kvz(&p->plan, "reason", why);
    dr_json_w_end(&p->plan);
}

static void one_property(struct proposing *p, const struct target_kind *k,
                         const struct dr_json *prop)
{
    struct dr_str name = dr_json_get_str(prop, "name");
    const struct standard *s = standard_of(k->object, name);
    bool lines = strcmp(k->object, "line_item") == 0;

    if (name.n == 0) {
        return;
    }
    if (dr_json_true(dr_json_get(prop, "calculated"))) {
        ignore_row(p, k, name, "calculated by FastTrack from other data");
        return;
    }
    if (s) {
        standard_row(p, k, s, prop);
        if (!s->also_custom) {
            return;
        }
    }
    if (lines) {
        ignore_row(p, k, name,
                   "a line of a Freshsales deal has no field for it");
    } else if (k->custom) {
        custom_row(p, k, prop, s ? ".kept" : "");
    } else {
        append_row(p, k, prop, s ? ".kept" : "");
    }
}

/* Identity and provenance: the fields that every record gets. */
static void own_fields(struct proposing *p, const struct target_kind *k)
{
    static const char *const own[][2] = {
        {"cf_source_id", "text"},
        {"cf_source_created_at", "date_time"},
        {"cf_source_updated_at", "date_time"},
        {"cf_source_author", "text"},
        {"cf_source_owner", "text"},
    };

    for (size_t i = 0; i < DR_ARRAY_LEN(own); i++) {
        bool there = false;
        DR_JSON_EACH(f, dr_json_get(p->c->dst_fields, k->type))
        {
            there |= dr_str_eqz(dr_json_get_str(f, "name"), own[i][0]);
        }
        if (there) {
            continue;
        }
        item_begin(p, "field", dr_str_z(k->type), dr_str_z(own[i][0]),
                   dr_arena_printf(p->a, "custom field of type %s", own[i][1]));
        dr_json_w_kv(&p->list, "label",
                     dr_arena_printf(p->a, "%s", own[i][0] + 3));
        dr_json_w_kvz(&p->list, "type", own[i][1]);
        dr_json_w_end(&p->list);
    }
}

void propose_fields(struct proposing *p, const struct target_kind *k)
{
    DR_JSON_EACH(prop, dr_json_get(dr_json_get(p->c->src_schema, "properties"),
                                   k->object))
    {
        one_property(p, k, prop);
    }
    if (k->custom) {
        own_fields(p, k);
    }
}
