/* The kinds and their attributes (API reference 3 to 8), one row each. */
#include "store.h"

#define NUL "null"
#define END                           \
    {                                 \
        NULL, A_RAW, NULL, NULL, NULL \
    }

static const struct attr contact_attrs[] = {
    {"first_name", A_TEXT, NULL, NULL, NUL},
    {"last_name", A_TEXT, NULL, NULL, NUL},
    {"job_title", A_TEXT, NULL, NULL, NUL},
    {"email", A_RAW, NULL, NULL, NUL},
    {"emails", A_RAW, NULL, NULL, "[]"},
    {"work_email", A_TEXT, NULL, NULL, NUL},
    {"work_number", A_TEXT, NULL, NULL, NUL},
    {"mobile_number", A_TEXT, NULL, NULL, NUL},
    {"phone_numbers", A_RAW, NULL, NULL, "[]"},
    {"address", A_TEXT, NULL, NULL, NUL},
    {"city", A_TEXT, NULL, NULL, NUL},
    {"state", A_TEXT, NULL, NULL, NUL},
    {"zipcode", A_TEXT, NULL, NULL, NUL},
    {"country", A_TEXT, NULL, NULL, NUL},
    {"time_zone", A_TEXT, NULL, NULL, NUL},
    {"facebook", A_TEXT, NULL, NULL, NUL},
    {"twitter", A_TEXT, NULL, NULL, NUL},
    {"linkedin", A_TEXT, NULL, NULL, NUL},
    {"external_id", A_TEXT, NULL, NULL, NUL},
    {"keyword", A_TEXT, NULL, NULL, NUL},
    {"medium", A_TEXT, NULL, NULL, NUL},
    {"subscription_status", A_RAW, NULL, NULL, NUL},
    {"tags", A_TAGS, NULL, NULL, "[]"},
    {"open_deals_amount", A_READONLY, NULL, NULL, "\"0.0\""},
    {"won_deals_amount", A_READONLY, NULL, NULL, "\"0.0\""},
    {"owner_id", A_USER, "owner", NULL, NUL},
    {"lifecycle_stage_id", A_SELECT, "lifecycle_stage", "lifecycle_stages",
     NUL},
    {"contact_status_id", A_SELECT, "contact_status", "contact_statuses", NUL},
    {"lead_source_id", A_SELECT, "source", "lead_sources", NUL},
    {"campaign_id", A_SELECT, "campaign", "campaigns", NUL},
    {"territory_id", A_SELECT, "territory", "territories", NUL},
    {"lost_reason_id", A_RAW, "lost_reason", NULL, NUL},
    {"updater_id", A_READONLY, "updater", NULL, NUL},
    {"sales_accounts", A_RAW, "sales_accounts", NULL, "[]"},
    END};

static const struct attr account_attrs[] = {
    {"name", A_TEXT, NULL, NULL, NUL},
    {"address", A_TEXT, NULL, NULL, NUL},
    {"city", A_TEXT, NULL, NULL, NUL},
    {"state", A_TEXT, NULL, NULL, NUL},
    {"zipcode", A_TEXT, NULL, NULL, NUL},
    {"country", A_TEXT, NULL, NULL, NUL},
    {"number_of_employees", A_RAW, NULL, NULL, NUL},
    {"annual_revenue", A_NUMBER, NULL, NULL, NUL},
    {"website", A_TEXT, NULL, NULL, NUL},
    {"phone", A_TEXT, NULL, NULL, NUL},
    {"facebook", A_TEXT, NULL, NULL, NUL},
    {"twitter", A_TEXT, NULL, NULL, NUL},
    {"linkedin", A_TEXT, NULL, NULL, NUL},
    {"owner_id", A_USER, NULL, NULL, NUL},
    {"parent_sales_account_id", A_ACCOUNT, NULL, NULL, NUL},
    {"tags", A_TAGS, NULL, NULL, "[]"},
    {"open_deals_amount", A_READONLY, NULL, NULL, "\"0.0\""},
    {"industry_type_id", A_SELECT, "industry_type", "industry_types", NUL},
    {"business_type_id", A_SELECT, "business_type", "business_types", NUL},
    {"territory_id", A_SELECT, "territory", "territories", NUL},
    END};

static const struct attr deal_attrs[] = {
    {"name", A_TEXT, NULL, NULL, NUL},
    {"amount", A_MONEY, NULL, NULL, "\"0.0\""},
    {"base_currency_amount", A_READONLY, NULL, NULL, "\"0.0\""},
    {"expected_deal_value", A_READONLY, NULL, NULL, "\"0.0\""},
    {"deal_pipeline_id", A_SELECT, NULL, "deal_pipelines", NUL},
    {"deal_stage_id", A_SELECT, NULL, "deal_stages", NUL},
    {"expected_close", A_DATE, NULL, NULL, NUL},
    {"closed_date", A_DATE, NULL, NULL, NUL},
    {"probability", A_NUMBER, NULL, NULL, NUL},
    {"forecast_category", A_RAW, NULL, NULL, NUL},
    {"tags", A_TAGS, NULL, NULL, "[]"},
    {"has_products", A_READONLY, NULL, NULL, "false"},
    {"owner_id", A_USER, "owner", NULL, NUL},
    {"sales_account_id", A_ACCOUNT, "sales_account", NULL, NUL},
    {"currency_id", A_SELECT, "currency", "currencies", NUL},
    {"deal_type_id", A_SELECT, "deal_type", "deal_types", NUL},
    {"lead_source_id", A_SELECT, "source", "lead_sources", NUL},
    {"deal_reason_id", A_SELECT, "deal_reason", "deal_reasons", NUL},
    {"deal_payment_status_id", A_SELECT, "deal_payment_status",
     "deal_payment_statuses", NUL},
    {"deal_product_id", A_RAW, "deal_product", NULL, NUL},
    {"campaign_id", A_SELECT, "campaign", "campaigns", NUL},
    {"territory_id", A_SELECT, "territory", "territories", NUL},
    {"updater_id", A_READONLY, "updater", NULL, NUL},
    {"contacts", A_READONLY, "contacts", NULL, "[]"},
    {"products", A_READONLY, "products", NULL, "[]"},
    END};

static const struct attr lead_attrs[] = {
    {"first_name", A_TEXT, NULL, NULL, NUL},
    {"last_name", A_TEXT, NULL, NULL, NUL},
    {"job_title", A_TEXT, NULL, NULL, NUL},
    {"email", A_RAW, NULL, NULL, NUL},
    {"emails", A_RAW, NULL, NULL, "[]"},
    {"work_email", A_TEXT, NULL, NULL, NUL},
    {"work_number", A_TEXT, NULL, NULL, NUL},
    {"mobile_number", A_TEXT, NULL, NULL, NUL},
    {"address", A_TEXT, NULL, NULL, NUL},
    {"city", A_TEXT, NULL, NULL, NUL},
    {"state", A_TEXT, NULL, NULL, NUL},
    {"zipcode", A_TEXT, NULL, NULL, NUL},
    {"country", A_TEXT, NULL, NULL, NUL},
    {"tags", A_TAGS, NULL, NULL, "[]"},
    {"company", A_RAW, NULL, NULL, NUL},
    {"owner_id", A_USER, "owner", NULL, NUL},
    {"lead_stage_id", A_SELECT, "lead_stage", "lead_stages", NUL},
    {"lead_source_id", A_SELECT, "source", "lead_sources", NUL},
    {"lead_reason_id", A_RAW, "lead_reason", NULL, NUL},
    END};

static const struct attr product_attrs[] = {
    {"name", A_TEXT, NULL, NULL, NUL},
    {"category", A_TEXT, NULL, NULL, NUL},
    {"description", A_AREA, NULL, NULL, NUL},
    {"product_code", A_TEXT, NULL, NULL, NUL},
    {"sku_number", A_TEXT, NULL, NULL, NUL},
    {"parent_product", A_RAW, NULL, NULL, NUL},
    {"territory_id", A_RAW, NULL, NULL, NUL},
    {"valid_till", A_RAW, NULL, NULL, NUL},
    {"is_active", A_BOOL, NULL, NULL, "true"},
    {"owner_id", A_USER, NULL, NULL, NUL},
    {"pricing_type", A_NUMBER, NULL, NULL, "0"},
    {"product_pricings", A_RAW, "product_pricings", NULL, "[]"},
    END};

static const struct attr task_attrs[] = {
    {"title", A_TEXT, NULL, NULL, NUL},
    {"description", A_AREA, NULL, NULL, NUL},
    {"status", A_RAW, NULL, NULL, "0"},
    {"owner_id", A_USER, NULL, NULL, NUL},
    {"due_date", A_TIME, NULL, NULL, NUL},
    {"completed_date", A_READONLY, NULL, NULL, NUL},
    {"outcome_id", A_RAW, NULL, NULL, NUL},
    {"task_type_id", A_SELECT, NULL, "sales_activity_entity_types", NUL},
    {"updater_id", A_READONLY, NULL, NULL, NUL},
    {"targetables", A_READONLY, NULL, NULL, "[]"},
    END};

static const struct attr note_attrs[] = {
    {"description", A_AREA, NULL, NULL, NUL},
    {"targetables", A_READONLY, NULL, NULL, "[]"},
    END};

struct kind kinds[] = {
    {"contacts", "contact", "contacts", "contacts", "Contact", contact_attrs,
     true, true, NULL, 0, 0},
    {"sales_accounts", "sales_account", "sales_accounts", "sales_accounts",
     "SalesAccount", account_attrs, true, true, NULL, 0, 0},
    {"deals", "deal", "deals", "deals", "Deal", deal_attrs, true, true, NULL, 0,
     0},
    {"leads", "lead", "leads", "leads", "Lead", lead_attrs, true, true, NULL, 0,
     0},
    {"products", "product", "cpq/products", "products", "Product",
     product_attrs, true, true, NULL, 0, 0},
    {"tasks", "task", "tasks", "tasks", "Task", task_attrs, false, false, NULL,
     0, 0},
    {"notes", "note", "notes", "notes", "Note", note_attrs, false, false, NULL,
     0, 0},
};
const size_t kind_count = DR_ARRAY_LEN(kinds);

struct kind *kind_of_type(struct dr_str type)
{
    for (size_t i = 0; i < kind_count; i++) {
        if (dr_str_eqz(type, kinds[i].type)) {
            return &kinds[i];
        }
    }
    return NULL;
}

struct kind *kind_of_path(struct dr_str path)
{
    for (size_t i = 0; i < kind_count; i++) {
        if (dr_str_eqz(path, kinds[i].path)) {
            return &kinds[i];
        }
    }
    return NULL;
}

const struct attr *attr_of(const struct kind *k, struct dr_str name)
{
    for (const struct attr *t = k->attrs; t->name; t++) {
        if (dr_str_eqz(name, t->name)) {
            return t;
        }
    }
    return NULL;
}
