#include "catalog.h"

#include <string.h>

#include <drover/base/arena.h>

#define MODULE_MAX ((size_t)16 << 20)

const struct question questions[] = {
    {PART_FIELDS, "contacts", "/settings/contacts/fields", "fields", false},
    {PART_FIELDS, "sales_accounts", "/settings/sales_accounts/fields", "fields",
     false},
    {PART_FIELDS, "deals", "/settings/deals/fields", "fields", false},
    {PART_FIELDS, "leads", "/settings/leads/fields", "fields", true},
    {PART_SELECTORS, "users", "/selector/owners", "users", false},
    {PART_SELECTORS, "deal_pipelines", "/selector/deal_pipelines",
     "deal_pipelines", false},
    {PART_SELECTORS, "deal_stages", "/selector/deal_stages", "deal_stages",
     false},
    {PART_SELECTORS, "currencies", "/selector/currencies", "currencies", false},
    {PART_SELECTORS, "lead_sources", "/selector/lead_sources", "lead_sources",
     false},
    {PART_SELECTORS, "deal_types", "/selector/deal_types", "deal_types", false},
    {PART_SELECTORS, "deal_reasons", "/selector/deal_reasons", "deal_reasons",
     false},
    {PART_SELECTORS, "lifecycle_stages", "/selector/lifecycle_stages",
     "lifecycle_stages", false},
    {PART_SELECTORS, "contact_statuses", "/selector/contact_statuses",
     "contact_statuses", false},
    {PART_SELECTORS, "industry_types", "/selector/industry_types",
     "industry_types", false},
    {PART_SELECTORS, "business_types", "/selector/business_types",
     "business_types", false},
    {PART_SELECTORS, "territories", "/selector/territories", "territories",
     false},
    {PART_SELECTORS, "campaigns", "/selector/campaigns", "campaigns", false},
    {PART_SELECTORS, "sales_activity_types", "/selector/sales_activity_types",
     "sales_activity_types", false},
    {PART_SELECTORS, "sales_activity_outcomes",
     "/selector/sales_activity_outcomes", "sales_activity_outcomes", false},
    {PART_SELECTORS, "sales_activity_entity_types",
     "/selector/sales_activity_entity_types", "sales_activity_entity_types",
     false},
    {PART_SELECTORS, "lead_stages", "/selector/lead_stages", "lead_stages",
     true},
    {PART_FIELDS, "sales_activities", "/settings/sales_activities/fields",
     "fields", false},
    {PART_MODULES, "custom_modules", "/settings/module_customizations",
     "module_customizations", false},
    {PART_VIEWS, "contacts", "/contacts/filters", "filters", false},
    {PART_VIEWS, "sales_accounts", "/sales_accounts/filters", "filters", false},
    {PART_VIEWS, "deals", "/deals/filters", "filters", false},
    {PART_VIEWS, "leads", "/leads/filters", "filters", true},
};
const size_t question_count = DR_ARRAY_LEN(questions);

/* Groups hold fields; a form holds either. */
static void form_fields(struct dr_json_w *w, const struct dr_json *list)
{
    DR_JSON_EACH(f, list)
    {
        const struct dr_json *inner = dr_json_get(f, "fields");
        if (dr_json_type(inner) == DR_JSON_ARRAY) {
            DR_JSON_EACH(e, inner)
            {
                dr_json_w_tree(w, e);
            }
        } else {
            dr_json_w_tree(w, f);
        }
    }
}

static void module_fields(struct dr_json_w *w, const char *forms)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(MODULE_MAX);
    const struct dr_json *list =
        forms ? dr_json_parse(a, dr_str_z(forms), NULL, NULL) : NULL;

    dr_json_w_arr(w);
    DR_JSON_EACH(form, list)
    {
        form_fields(w, dr_json_get(form, "fields"));
    }
    dr_json_w_end(w);
}

static void module_parts(struct dr_json_w *w, enum catalog_part part,
                         const struct module_texts *modules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct module_texts *m = &modules[i];
        if (part == PART_FIELDS && m->forms) {
            dr_json_w_key(w, m->type->name);
            module_fields(w, m->forms);
        } else if (part == PART_VIEWS && m->views) {
            dr_json_w_key(w, m->type->name);
            dr_json_w_raw(w, dr_str_z(m->views));
        }
    }
}

void catalog_modules_write(const struct module_texts *modules, size_t count,
                           struct dr_buf *out)
{
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_arr(&w);
    for (size_t i = 0; i < count; i++) {
        DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(MODULE_MAX);
        const struct dr_json *m =
            dr_json_parse(a, dr_str_z(modules[i].definition), NULL, NULL);
        dr_json_w_obj(&w);
        DR_JSON_EACH(v, m)
        {
            if (!dr_str_eqz(v->key, "fields")) {
                dr_json_w_keys(&w, v->key);
                dr_json_w_tree(&w, v);
            }
        }
        dr_json_w_key(&w, "fields");
        module_fields(&w, modules[i].forms);
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
}

void catalog_write(enum catalog_part part, char *const *texts,
                   const struct module_texts *modules, size_t module_count,
                   uint64_t seq, struct dr_buf *out)
{
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    for (size_t i = 0; i < question_count; i++) {
        if (questions[i].part == part && texts[i]) {
            dr_json_w_key(&w, questions[i].name);
            dr_json_w_raw(&w, dr_str_z(texts[i]));
        }
    }
    module_parts(&w, part, modules, module_count);
    dr_json_w_kvi(&w, "catalog_seq", (int64_t)seq);
    dr_json_w_end(&w);
}

static struct dr_str host_of(const char *url)
{
    struct dr_str s = dr_str_z(url);
    size_t at = dr_str_find(s, DR_STR_LIT("://"));

    if (at != SIZE_MAX) {
        s.p += at + 3;
        s.n -= at + 3;
    }
    return dr_str_split(&s, '/');
}

/* Reference 19.1. Of the plans of one limit the first is meant. */
static const struct {
    int64_t limit; /* calls an hour, 0: none that would name it */
    const char *suite, *classic;
} plans[] = {{1000, "growth", "garden"},
             {2000, "pro", "estate"},
             {5000, "enterprise", "forest"},
             {0, "free", "sprout"},
             {0, "", "blossom"}};

bool catalog_plan_known(const char *plan)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(plans); i++) {
        if (plan[0] && (strcmp(plan, plans[i].suite) == 0 ||
                        strcmp(plan, plans[i].classic) == 0)) {
            return true;
        }
    }
    return false;
}

/* What the account does not say itself: a limit that was raised names another
 * plan, one that was lifted none. */
static const char *plan_of(const struct catalog_account *a)
{
    if (a->plan[0]) {
        return a->plan;
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(plans); i++) {
        if (a->hour_limit > 0 && plans[i].limit == a->hour_limit) {
            return a->classic ? plans[i].classic : plans[i].suite;
        }
    }
    return NULL;
}

void catalog_account_write(const struct catalog_account *a, struct dr_buf *out)
{
    const char *plan = plan_of(a);
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "edition", a->classic ? "classic" : "suite");
    dr_json_w_kvz(&w, "base_url", a->base_url);
    dr_json_w_kv(&w, "host", host_of(a->base_url));
    dr_json_w_kvz(&w, "user_agent", a->user_agent);
    if (a->hour_limit > 0) {
        dr_json_w_kvi(&w, "rate_limit", a->hour_limit);
    }
    if (plan) {
        dr_json_w_kvz(&w, "plan", plan);
    }
    dr_json_w_kvb(&w, "custom_modules", a->modules);
    dr_json_w_kvi(&w, "catalog_seq", (int64_t)a->seq);
    dr_json_w_end(&w);
}

static int64_t view_named(const struct dr_json *list, const char *name)
{
    DR_JSON_EACH(v, list)
    {
        int64_t id;
        if (dr_str_ieq(dr_json_get_str(v, "name"), dr_str_z(name)) &&
            dr_json_i64(dr_json_get(v, "id"), &id) == 0) {
            return id;
        }
    }
    return 0;
}

static int64_t view_of_all(const struct dr_json *list)
{
    DR_JSON_EACH(v, list)
    {
        struct dr_str name = dr_json_get_str(v, "name");
        int64_t id;
        if (name.n > 4 &&
            dr_str_ieq((struct dr_str){name.p, 4}, DR_STR_LIT("all ")) &&
            dr_json_i64(dr_json_get(v, "id"), &id) == 0) {
            return id;
        }
    }
    return 0;
}

int catalog_views(const struct type *t, const struct dr_json *views,
                  int64_t out[TYPE_VIEWS])
{
    const struct dr_json *list = dr_json_get(views, t->name);
    int n = 0;

    if (t->module) {
        out[0] = view_of_all(list);
        return out[0] ? 1 : 0;
    }
    if (!t->all_view) {
        return 0;
    }
    out[0] = view_named(list, t->all_view);
    if (out[0]) {
        return 1;
    }
    for (int i = 0; i < TYPE_VIEWS && t->part_views[i]; i++) {
        int64_t id = view_named(list, t->part_views[i]);
        if (id) {
            out[n++] = id;
        }
    }
    return n;
}
