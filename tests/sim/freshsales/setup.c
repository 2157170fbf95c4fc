/* What an administrator sets up in the product's screens: fields, pipelines,
 * stages, entries of selectors (bench reference 1.1). */
#include <stdio.h>
#include <string.h>

#include "modules.h"

static void stage_text(struct account *a, struct dr_buf *b, uint64_t pipeline,
                       const struct dr_json *s)
{
    struct dr_json_w w;

    dr_json_w_init(&w, b);
    dr_json_w_obj(&w);
    dr_json_w_kvb(&w, "partial", true);
    dr_json_w_key(&w, "id");
    dr_json_w_u64(&w, new_id(a));
    dr_json_w_kv(&w, "name", dr_json_get_str(s, "name"));
    dr_json_w_kvi(&w, "position", dr_json_get_i64(s, "position", 1));
    dr_json_w_kv(&w, "forecast_type", dr_json_get_str(s, "forecast_type"));
    dr_json_w_kvz(&w, "updated_at", "2026-01-05T08:00:00Z");
    dr_json_w_key(&w, "deal_pipeline_id");
    dr_json_w_u64(&w, pipeline);
    dr_json_w_kvi(&w, "choice_type", 2);
    dr_json_w_kvi(&w, "probability", dr_json_get_i64(s, "probability", 100));
    dr_json_w_end(&w);
}

static void add_pipeline(struct account *a, const struct dr_json *j)
{
    struct dr_json_w w;
    struct dr_buf b, s;
    uint64_t id = new_id(a);

    dr_buf_init(&b, (size_t)1 << 20);
    dr_buf_init(&s, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvb(&w, "partial", true);
    dr_json_w_key(&w, "id");
    dr_json_w_u64(&w, id);
    dr_json_w_kv(&w, "name", dr_json_get_str(j, "name"));
    dr_json_w_kvb(&w, "is_default", false);
    dr_json_w_kvi(&w, "rotting_days", 30);
    dr_json_w_key(&w, "deal_stages");
    dr_json_w_arr(&w);
    DR_JSON_EACH(st, dr_json_get(j, "stages"))
    {
        dr_buf_reset(&s);
        stage_text(a, &s, id, st);
        dr_json_w_raw(&w, dr_buf_view(&s));
        list_add(list_of(a->selectors, "deal_stages"), dr_buf_view(&s));
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    list_add(list_of(a->selectors, "deal_pipelines"), dr_buf_view(&b));
    dr_buf_done(&b);
    dr_buf_done(&s);
}

static void add_stage(struct account *a, const struct dr_json *j)
{
    struct list *l = list_of(a->selectors, "deal_pipelines");
    uint64_t id = (uint64_t)dr_json_get_i64(j, "deal_pipeline_id", 0);
    struct dr_buf s, b;

    dr_buf_init(&s, (size_t)1 << 20);
    dr_buf_init(&b, (size_t)1 << 20);
    stage_text(a, &s, id, j);
    list_add(list_of(a->selectors, "deal_stages"), dr_buf_view(&s));
    for (size_t i = 0; i < l->n; i++) {
        const struct dr_json *p = list_at(l, i);
        struct dr_json_w w;
        if ((uint64_t)dr_json_get_i64(p, "id", 0) != id) {
            continue;
        }
        dr_json_w_init(&w, &b);
        dr_json_w_obj(&w);
        DR_JSON_EACH(m, p)
        {
            dr_json_w_keys(&w, m->key);
            if (!dr_str_eqz(m->key, "deal_stages")) {
                dr_json_w_tree(&w, m);
                continue;
            }
            dr_json_w_arr(&w);
            DR_JSON_EACH(st, m)
            {
                dr_json_w_tree(&w, st);
            }
            dr_json_w_raw(&w, dr_buf_view(&s));
            dr_json_w_end(&w);
        }
        dr_json_w_end(&w);
        list_set(l, i, dr_buf_view(&b));
    }
    dr_buf_done(&s);
    dr_buf_done(&b);
}

/* A selector entry: the body's members and an id of its own. */
static void add_entry(struct account *a, const char *selector,
                      const struct dr_json *j)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "id");
    dr_json_w_u64(&w, new_id(a));
    dr_json_w_kvb(&w, "partial", true);
    if (strcmp(selector, "currencies") == 0 || strcmp(selector, "users") == 0) {
        dr_json_w_kvb(&w, "is_active", true);
    }
    DR_JSON_EACH(m, j)
    {
        if (!dr_str_eqz(m->key, "id")) {
            dr_json_w_keys(&w, m->key);
            dr_json_w_tree(&w, m);
        }
    }
    dr_json_w_end(&w);
    list_add(list_of(a->selectors, selector), dr_buf_view(&b));
    dr_buf_done(&b);
}

/* A type of one's own comes with the outcomes that all types have. */
static void add_activity_type(struct account *a, const struct dr_json *j)
{
    static const char *const outcomes[] = {"Interested", "Left message",
                                           "No response", "Not interested",
                                           "Not able to reach"};
    struct list *l = list_of(a->selectors, "sales_activity_types");
    struct dr_str name = dr_json_get_str(j, "name");
    char inner[256];
    uint64_t id = new_id(a);
    struct dr_json_w w;
    struct dr_buf b;

    derive_name(name, "cs_", inner, sizeof(inner));
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvb(&w, "partial", true);
    dr_json_w_key(&w, "id");
    dr_json_w_u64(&w, id);
    dr_json_w_kv(&w, "name", name);
    dr_json_w_kvz(&w, "internal_name", inner);
    dr_json_w_kvb(&w, "show_in_conversation", true);
    dr_json_w_kvi(&w, "position", (int64_t)l->n + 1);
    dr_json_w_kvb(&w, "is_default", false);
    dr_json_w_kvb(&w, "is_checkedin", false);
    dr_json_w_kvb(&w, "is_checkedin_mandatory", false);
    dr_json_w_kvb(&w, "is_outcome_mandatory", false);
    dr_json_w_end(&w);
    list_add(l, dr_buf_view(&b));
    l = list_of(a->selectors, "sales_activity_outcomes");
    for (size_t i = 0; i < DR_ARRAY_LEN(outcomes); i++) {
        dr_buf_reset(&b);
        dr_buf_printf(&b,
                      "{\"partial\":true,\"id\":%llu,\"name\":\"%s\","
                      "\"sales_activity_type_id\":%llu,\"position\":%d}",
                      (unsigned long long)new_id(a), outcomes[i],
                      (unsigned long long)id, (int)i + 1);
        list_add(l, dr_buf_view(&b));
    }
    dr_buf_done(&b);
}

/* PUT: members of the body replace those of the entry. */
static void change_entry(struct account *a, const char *selector,
                         struct dr_str rest, const struct dr_json *j)
{
    struct list *l = list_of(a->selectors, selector);
    uint64_t id;

    for (size_t i = 0; dr_str_u64(rest, &id) == 0 && i < l->n; i++) {
        const struct dr_json *e = list_at(l, i);
        struct dr_json_w w;
        struct dr_buf b;
        if ((uint64_t)dr_json_get_i64(e, "id", 0) != id) {
            continue;
        }
        dr_buf_init(&b, (size_t)1 << 20);
        dr_json_w_init(&w, &b);
        dr_json_w_obj(&w);
        DR_JSON_EACH(m, e)
        {
            const struct dr_json *n = dr_json_gets(j, m->key);
            dr_json_w_keys(&w, m->key);
            dr_json_w_tree(&w, n ? n : m);
        }
        dr_json_w_end(&w);
        list_set(l, i, dr_buf_view(&b));
        dr_buf_done(&b);
    }
}

/* A new status belongs to its lifecycle stage, which names it. */
static void name_status(struct account *a, const struct dr_json *j)
{
    struct list *stages = list_of(a->selectors, "lifecycle_stages");
    struct list *statuses = list_of(a->selectors, "contact_statuses");
    int64_t stage = dr_json_get_i64(j, "lifecycle_stage_id", 0);
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    for (size_t i = 0; i < stages->n; i++) {
        const struct dr_json *s = list_at(stages, i);
        if (dr_json_get_i64(s, "id", 0) != stage || stage == 0) {
            continue;
        }
        dr_json_w_init(&w, &b);
        dr_json_w_obj(&w);
        DR_JSON_EACH(m, s)
        {
            if (!dr_str_eqz(m->key, "contact_status_ids")) {
                dr_json_w_keys(&w, m->key);
                dr_json_w_tree(&w, m);
            }
        }
        dr_json_w_key(&w, "contact_status_ids");
        dr_json_w_arr(&w);
        for (size_t n = 0; n < statuses->n; n++) {
            const struct dr_json *t = list_at(statuses, n);
            if (dr_json_get_i64(t, "lifecycle_stage_id", 0) == stage) {
                dr_json_w_i64(&w, dr_json_get_i64(t, "id", 0));
            }
        }
        dr_json_w_end(&w);
        dr_json_w_end(&w);
        list_set(stages, i, dr_buf_view(&b));
    }
    dr_buf_done(&b);
}

static bool is_selector(const struct account *a, struct dr_str name)
{
    static const char *const known[] = {
        "users",          "territories",      "currencies",
        "deal_reasons",   "deal_types",       "deal_payment_statuses",
        "deal_products",  "lead_sources",     "campaigns",
        "industry_types", "business_types",   "contact_statuses",
        "designations",   "lifecycle_stages", "sales_activity_types",
        "lead_stages",    "lead_reasons",     "sales_activity_outcomes",
        "deal_pipelines", "deal_stages",      "sales_activity_entity_types"};

    for (size_t i = 0; i < DR_ARRAY_LEN(known); i++) {
        if (dr_str_eqz(name, known[i])) {
            return true;
        }
    }
    return dr_map_has(a->selectors, name);
}

static int change_selector(struct account *a, struct dr_str method,
                           struct dr_str what, struct dr_str rest,
                           const struct dr_json *j)
{
    char name[128];

    (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(what));
    if (!is_selector(a, what)) {
        return 404;
    }
    if (dr_str_eqz(method, "DELETE")) {
        return drop_entry(list_of(a->selectors, name), rest) ? 200 : 404;
    }
    if (dr_str_eqz(method, "PUT")) {
        change_entry(a, name, rest, j);
    } else if (strcmp(name, "sales_activity_types") == 0) {
        add_activity_type(a, j);
    } else {
        add_entry(a, name, j);
    }
    if (strcmp(name, "contact_statuses") == 0) {
        name_status(a, j);
    }
    return 200;
}

int setup_change(struct account *a, struct dr_str method, struct dr_str path,
                 const struct dr_json *j, struct refusal *r)
{
    struct dr_str rest = path;
    struct dr_str what = dr_str_split(&rest, '/');
    bool add = dr_str_eqz(method, "POST");

    for (size_t i = 0; i < kind_count; i++) {
        kinds[i].version++; /* views hang on stages */
    }
    if (dr_str_eqz(what, "fields")) {
        return change_fields(a, method, rest, j, r);
    }
    if (dr_str_eqz(what, "custom_modules") && add) {
        return module_add(a, j, r) ? r->status : 200;
    }
    if (dr_str_eqz(what, "pipelines")) {
        what = DR_STR_LIT("deal_pipelines");
        if (add) {
            add_pipeline(a, j);
            return 200;
        }
    }
    if (dr_str_eqz(what, "stages")) {
        what = DR_STR_LIT("deal_stages");
        if (add) {
            add_stage(a, j);
            return 200;
        }
    }
    return change_selector(a, method, what, rest, j);
}
