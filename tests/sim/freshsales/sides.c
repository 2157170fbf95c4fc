/* Side-loading (reference 1.7): what an include adds beside the records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "write.h"

/* An entry of a selector that the record names by `field`. */
struct side {
    const char *include, *field, *key, *selector;
};

static const struct side sides[] = {
    {"owner", "owner_id", "users", "users"},
    {"creater", "", "users", "users"},
    {"updater", "", "users", "users"},
    {"users", "owner_id", "users", "users"},
    {"campaign", "campaign_id", "campaigns", "campaigns"},
    {"territory", "territory_id", "territories", "territories"},
    {"contact_status", "contact_status_id", "contact_status",
     "contact_statuses"},
    {"lifecycle_stage", "lifecycle_stage_id", "lifecycle_stages",
     "lifecycle_stages"},
    {"industry_type", "industry_type_id", "industry_types", "industry_types"},
    {"business_type", "business_type_id", "business_types", "business_types"},
    {"deal_stage", "deal_stage_id", "deal_stages", "deal_stages"},
    {"deal_type", "deal_type_id", "deal_types", "deal_types"},
    {"deal_reason", "deal_reason_id", "deal_reasons", "deal_reasons"},
    {"deal_payment_status", "deal_payment_status_id", "deal_payment_statuses",
     "deal_payment_statuses"},
    {"deal_product", "deal_product_id", "deal_products", "deal_products"},
    {"currency", "currency_id", "currencies", "currencies"},
    {"lead_stage", "lead_stage_id", "lead_stages", "lead_stages"},
    {"lead_reason", "lead_reason_id", "lead_reasons", "lead_reasons"},
    {"task_type", "task_type_id", "task_types", "sales_activity_entity_types"},
};

struct side_out {
    struct call *c;
    const struct kind *k;
    const struct rec *const *v;
    size_t n;
    struct dr_str with;
    struct dr_map *seen; /* of one key */
};

static bool first_time(struct side_out *o, uint64_t id)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
    if (id == 0 || dr_map_has(o->seen, dr_str_z(text))) {
        return false;
    }
    dr_map_put(o->seen, dr_str_z(text), o);
    return true;
}

static void entries(struct side_out *o, const struct side *s)
{
    struct account *a = o->c->a;

    for (size_t i = 0; i < o->n; i++) {
        const struct rec *r = o->v[i];
        uint64_t id = strcmp(s->include, "creater") == 0 ? r->creater
                      : strcmp(s->include, "updater") == 0
                          ? a->api_user
                          : rec_id(r, s->field);
        const struct dr_json *e =
            list_find(dr_map_get(a->selectors, dr_str_z(s->selector)), id);
        if (e && first_time(o, id)) {
            dr_json_w_raw(&o->c->w, e->raw);
        }
    }
}

/* All includes that feed one key together. */
static void selector_key(struct side_out *o, const char *key)
{
    bool any = false;

    for (size_t i = 0; i < DR_ARRAY_LEN(sides); i++) {
        any |=
            strcmp(sides[i].key, key) == 0 && asked(o->with, sides[i].include);
    }
    if (!any) {
        return;
    }
    o->seen = dr_map_new(NULL);
    dr_json_w_key(&o->c->w, key);
    dr_json_w_arr(&o->c->w);
    for (size_t i = 0; i < DR_ARRAY_LEN(sides); i++) {
        if (strcmp(sides[i].key, key) == 0 &&
            asked(o->with, sides[i].include)) {
            entries(o, &sides[i]);
        }
    }
    dr_json_w_end(&o->c->w);
    dr_map_free(o->seen);
}

static void source(struct side_out *o)
{
    /* lead_source on contacts and leads, lead_sources on deals: 22/3 */
    struct side s = {"source", "lead_source_id",
                     is_type(o->k, "deals") ? "lead_sources" : "lead_source",
                     "lead_sources"};

    if (!asked(o->with, "source")) {
        return;
    }
    o->seen = dr_map_new(NULL);
    dr_json_w_key(&o->c->w, s.key);
    dr_json_w_arr(&o->c->w);
    entries(o, &s);
    dr_json_w_end(&o->c->w);
    dr_map_free(o->seen);
}

/* ---- records beside records ---- */

static void partial(struct side_out *o, const struct kind *k,
                    const struct rec *r)
{
    if (!r || r->deleted || !first_time(o, r->id)) {
        return;
    }
    dr_json_w_obj(&o->c->w);
    render_partial(o->c->a, k, r, &o->c->w);
    dr_json_w_end(&o->c->w);
}

/* Records whose `field` names one of ours; tasks and notes whole. */
static void pointing(struct side_out *o, const char *type, const char *field)
{
    struct kind *k = kind_named(type);
    bool whole = !k->bin;
    char key[64];

    for (size_t i = 0; i < o->n; i++) {
        const struct hits *h;
        (void)snprintf(key, sizeof(key), "%s%s%llu", whole ? o->k->model : "",
                       whole ? ":" : "", (unsigned long long)o->v[i]->id);
        h = index_find(o->c->a, k, dr_str_z(field), dr_str_z(key));
        for (size_t n = 0; h && n < h->n; n++) {
            if (!whole) {
                partial(o, k, h->v[n]);
            } else if (first_time(o, h->v[n]->id)) {
                render(o->c->a, k, h->v[n], (struct dr_str){"", 0}, false,
                       &o->c->w);
            }
        }
    }
}

/* Records that ours name by an id, or by the ids of a list. */
static void pointed(struct side_out *o, const char *type, const char *field)
{
    struct kind *k = kind_named(type);

    for (size_t i = 0; i < o->n; i++) {
        uint64_t id = rec_id(o->v[i], field);
        if (id) {
            partial(o, k, rec_find(k, id));
            continue;
        }
        DR_JSON_EACH(e, rec_json(o->c->a, o->v[i], field))
        {
            struct dr_str model = dr_json_get_str(e, "type");
            if (model.n == 0 || dr_str_eqz(model, k->model)) {
                partial(o, k,
                        rec_find(k, (uint64_t)dr_json_get_i64(e, "id", 0)));
            }
        }
    }
}

struct neighbour {
    const char *of, *include, *key, *type, *field;
    bool back; /* they name us */
};

static const struct neighbour neighbours[] = {
    {"deals", "sales_account", "sales_accounts", "sales_accounts",
     "sales_account_id", false},
    {"deals", "contacts", "contacts", "contacts", "contacts", false},
    {"contacts", "deals", "deals", "deals", "contacts", true},
    {"contacts", "notes", "notes", "notes", "targetables", true},
    {"contacts", "appointments", "appointments", "appointments", "targetables",
     true},
    {"contacts", "tasks", "tasks", "tasks", "targetables", true},
    {"sales_accounts", "contacts", "contacts", "contacts", "sales_accounts",
     true},
    {"sales_accounts", "deals", "deals", "deals", "sales_account_id", true},
    {"sales_accounts", "notes", "notes", "notes", "targetables", true},
    {"sales_accounts", "appointments", "appointments", "appointments",
     "targetables", true},
    {"sales_accounts", "tasks", "tasks", "tasks", "targetables", true},
    {"sales_accounts", "child_sales_accounts", "child_sales_accounts",
     "sales_accounts", "parent_sales_account_id", true},
    {"leads", "notes", "notes", "notes", "targetables", true},
    {"leads", "appointments", "appointments", "appointments", "targetables",
     true},
    {"leads", "tasks", "tasks", "tasks", "targetables", true},
    {"tasks", "targetable", "contacts", "contacts", "targetables", false},
    {"tasks", "targetable", "deals", "deals", "targetables", false},
    {"tasks", "targetable", "sales_accounts", "sales_accounts", "targetables",
     false},
    {"@", "targetable", "contacts", "contacts", "targetables", false},
    {"@", "targetable", "deals", "deals", "targetables", false},
    {"@", "targetable", "sales_accounts", "sales_accounts", "targetables",
     false},
    {"@", "targetable", "leads", "leads", "targetables", false},
};

/* Of activities: only the array of what they hang on. */
static bool concerns(const struct side_out *o, const struct neighbour *x)
{
    char model[64];

    if (x->of[0] != '@') {
        return is_type(o->k, x->of);
    }
    if (!o->k->hangs || is_type(o->k, "tasks") || is_type(o->k, "notes")) {
        return false;
    }
    (void)snprintf(model, sizeof(model), "\"%s\"", kind_named(x->type)->model);
    for (size_t i = 0; i < o->n; i++) {
        if (dr_str_find(rec_value(o->v[i], "targetables"), dr_str_z(model)) !=
            SIZE_MAX) {
            return true;
        }
    }
    return false;
}

static void neighbour(struct side_out *o, const struct neighbour *x)
{
    if (!concerns(o, x) || !asked(o->with, x->include)) {
        return;
    }
    o->seen = dr_map_new(NULL);
    dr_json_w_key(&o->c->w, x->key);
    dr_json_w_arr(&o->c->w);
    if (x->back) {
        pointing(o, x->type, x->field);
    } else {
        pointed(o, x->type, x->field);
    }
    dr_json_w_end(&o->c->w);
    dr_map_free(o->seen);
}

void side_loads(struct call *c, const struct kind *k, struct dr_str with,
                const struct rec *const *v, size_t n)
{
    struct side_out o = {.c = c, .k = k, .v = v, .n = n, .with = with};

    if (with.n == 0) {
        return;
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(sides); i++) {
        bool again = false;
        for (size_t j = 0; j < i; j++) {
            again |= strcmp(sides[j].key, sides[i].key) == 0;
        }
        if (!again) {
            selector_key(&o, sides[i].key);
        }
    }
    source(&o);
    for (size_t i = 0; i < DR_ARRAY_LEN(neighbours); i++) {
        neighbour(&o, &neighbours[i]);
    }
}

/* ---- beside appointments and calls ---- */

/* The note that holds the text of a call. */
static void note_of_call(struct call *c, const struct rec *r)
{
    struct dr_str text = rec_value(r, "description");
    char stamp[STAMP_TEXT];

    if (!text.p) {
        return;
    }
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "id");
    dr_json_w_u64(&c->w, rec_id(r, "note_id"));
    dr_json_w_key(&c->w, "description");
    dr_json_w_raw(&c->w, text);
    dr_json_w_key(&c->w, "creater_id");
    dr_json_w_u64(&c->w, r->creater);
    dr_json_w_kvz(&c->w, "created_at", stamp_text(c->a, r->created_ms, stamp));
    dr_json_w_kvz(&c->w, "updated_at", stamp_text(c->a, r->updated_ms, stamp));
    dr_json_w_end(&c->w);
}

static void attendees(struct call *c, const struct rec *r)
{
    DR_JSON_EACH(e, rec_json(c->a, r, "appointment_attendees"))
    {
        dr_json_w_raw(&c->w, e->raw);
    }
}

static void side_list(struct call *c, const char *key,
                      void (*each)(struct call *c, const struct rec *r),
                      const struct rec *const *v, size_t n)
{
    dr_json_w_key(&c->w, key);
    dr_json_w_arr(&c->w);
    for (size_t i = 0; each && i < n; i++) {
        each(c, v[i]);
    }
    dr_json_w_end(&c->w);
}

void beside(struct call *c, const struct kind *k, struct dr_str with,
            const struct rec *const *v, size_t n)
{
    if (is_type(k, "call_logs")) {
        side_list(c, "notes", note_of_call, v, n);
        return;
    }
    if (!is_type(k, "appointments")) {
        return;
    }
    if (asked(with, "appointment_attendees")) {
        side_list(c, "appointment_attendees", attendees, v, n);
    }
    if (asked(with, "conference")) {
        side_list(c, "conferences", NULL, v, n);
    }
    if (asked(with, "note")) {
        side_list(c, "notes", NULL, v, n);
    }
}
