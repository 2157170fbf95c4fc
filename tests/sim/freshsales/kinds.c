/* The kinds and their attributes (API reference 3 to 8), one row each. */
#include "kinds.h"
#include "attrs.h"

/* What contacts, accounts and deals all have. */
#define SEQUENCES                            \
    FIXED("completed_sales_sequences", NUL), \
        FIXED("active_sales_sequences", NUL)
#define PEOPLE                                           \
    HIDDEN_SHOWN("creater_id", "creater", show_creater), \
        HIDDEN_SHOWN("updater_id", "updater", show_updater)
#define HANGING                                           \
    HIDDEN_SHOWN("task_ids", "tasks", show_task_ids),     \
        HIDDEN_SHOWN("note_ids", "notes", show_note_ids), \
        HIDDEN_SHOWN("appointment_ids", "appointments", show_appointment_ids)
#define RECORD_TYPE "\"71010794467\""

static const struct attr contact_attrs[] = {
    TEXT("first_name"),
    TEXT("last_name"),
    SHOWN("display_name", show_display_name),
    FIXED("avatar", NUL),
    TEXT("job_title"),
    KEPT("email", A_EMAILS),
    {"emails", A_EMAILS, NULL, NULL, "[]", NULL},
    TEXT("work_email"),
    TEXT("work_number"),
    TEXT("mobile_number"),
    {"phone_numbers", A_NESTED, NULL, NULL, "[]", NULL},
    TEXT("address"),
    TEXT("city"),
    TEXT("state"),
    TEXT("zipcode"),
    TEXT("country"),
    TEXT("time_zone"),
    TEXT("facebook"),
    TEXT("twitter"),
    TEXT("linkedin"),
    TEXT("external_id"),
    TEXT("keyword"),
    TEXT("medium"),
    TEXT("first_campaign"),
    TEXT("first_medium"),
    TEXT("first_source"),
    TEXT("last_campaign"),
    TEXT("last_medium"),
    TEXT("last_source"),
    TEXT("latest_campaign"),
    TEXT("latest_medium"),
    TEXT("latest_source"),
    KEPT("subscription_status", A_NUMBER),
    TEXT("subscription_types"),
    KEPT("unsubscription_reason", A_RAW),
    KEPT("other_unsubscription_reason", A_RAW),
    KEPT("whatsapp_subscription_status", A_NUMBER),
    KEPT("sms_subscription_status", A_NUMBER),
    FIXED("customer_fit", "0"),
    FIXED("lead_score", "0"),
    FIXED("last_seen", NUL),
    FIXED("last_seen_chat", NUL),
    FIXED("first_seen_chat", NUL),
    FIXED("locale", NUL),
    FIXED("total_sessions", NUL),
    FIXED("last_contacted", NUL),
    FIXED("last_contacted_mode", NUL),
    FIXED("last_contacted_sales_activity_mode", NUL),
    FIXED("last_contacted_via_sales_activity", NUL),
    SHOWN("open_deals_amount", show_open_amount),
    SHOWN("won_deals_amount", show_won_amount),
    SHOWN("open_deals_count", show_open_count),
    SHOWN("won_deals_count", show_won_count),
    SHOWN("recent_note", show_recent_note),
    SEQUENCES,
    FIXED("web_form_ids", NUL),
    SHOWN("last_assigned_at", show_assigned),
    SHOWN("team_user_ids", show_team),
    {"tags", A_TAGS, NULL, NULL, "[]", NULL},
    FIXED("system_tags", "[]"),
    SHOWN("mcr_id", show_mcr_id),
    FIXED("record_type_id", RECORD_TYPE),
    SHOWN("links", show_links),
    HIDDEN("do_not_disturb", A_BOOL, CLASSIC, NUL),
    HIDDEN("has_authority", A_BOOL, CLASSIC, NUL),
    HIDDEN("department", A_TEXT, CLASSIC, NUL),
    HIDDEN("lead_quality", A_TEXT, CLASSIC, NUL),
    HIDDEN("email_status", A_READONLY, CLASSIC, NUL),
    HIDDEN("last_contacted_via_chat", A_READONLY, CLASSIC, NUL),
    HIDDEN("has_duplicates", A_READONLY, CLASSIC, "false"),
    HIDDEN("has_connections", A_READONLY, CLASSIC, "false"),
    HIDDEN("owner_id", A_USER, "owner", NUL),
    SELECT("lifecycle_stage_id", "lifecycle_stage", "lifecycle_stages"),
    SELECT("contact_status_id", "contact_status", "contact_statuses"),
    SELECT("lead_source_id", "source", "lead_sources"),
    SELECT("campaign_id", "campaign", "campaigns"),
    SELECT("territory_id", "territory", "territories"),
    HIDDEN("lost_reason_id", A_RAW, "lost_reason", NUL),
    PEOPLE,
    HANGING,
    HIDDEN_SHOWN("deal_ids", "deals", show_deal_ids),
    {"sales_accounts", A_LINKS, "sales_accounts", NULL, "[]", show_accounts},
    END};

static const struct attr account_attrs[] = {
    TEXT("name"),
    TEXT("address"),
    TEXT("city"),
    TEXT("state"),
    TEXT("zipcode"),
    TEXT("country"),
    KEPT("number_of_employees", A_NUMBER),
    KEPT("annual_revenue", A_NUMBER),
    TEXT("website"),
    TEXT("phone"),
    TEXT("facebook"),
    TEXT("twitter"),
    TEXT("linkedin"),
    KEPT("owner_id", A_USER),
    KEPT("parent_sales_account_id", A_ACCOUNT),
    SHOWN("child_sales_accounts_count", show_children),
    {"tags", A_TAGS, NULL, NULL, "[]", NULL},
    SHOWN("open_deals_amount", show_open_amount),
    SHOWN("won_deals_amount", show_won_amount),
    SHOWN("open_deals_count", show_open_count),
    SHOWN("won_deals_count", show_won_count),
    FIXED("last_contacted", NUL),
    FIXED("last_contacted_mode", NUL),
    FIXED("last_contacted_sales_activity_mode", NUL),
    FIXED("last_contacted_via_sales_activity", NUL),
    SHOWN("recent_note", show_recent_note),
    SHOWN("last_assigned_at", show_assigned),
    SEQUENCES,
    FIXED("web_form_ids", NUL),
    SHOWN("team_user_ids", show_team),
    FIXED("has_connections", "false"),
    FIXED("avatar", NUL),
    FIXED("domains", "[]"),
    FIXED("record_type_id", RECORD_TYPE),
    SHOWN("links", show_links),
    SELECT("industry_type_id", "industry_type", "industry_types"),
    SELECT("business_type_id", "business_type", "business_types"),
    SELECT("territory_id", "territory", "territories"),
    PEOPLE,
    HANGING,
    HIDDEN_SHOWN("contact_ids", "contacts", show_contact_ids),
    HIDDEN_SHOWN("deal_ids", "deals", show_deal_ids),
    END};

static const struct attr deal_attrs[] = {
    TEXT("name"),
    {"amount", A_MONEY, NULL, NULL, "\"0.0\"", NULL},
    SHOWN("base_currency_amount", show_base_amount),
    SHOWN("expected_deal_value", show_expected_value),
    SELECT("deal_pipeline_id", NULL, "deal_pipelines"),
    SELECT("deal_stage_id", NULL, "deal_stages"),
    SHOWN("stage_updated_time", show_stage_time),
    KEPT("expected_close", A_DATE),
    KEPT("closed_date", A_DATE),
    KEPT("probability", A_NUMBER),
    KEPT("forecast_category", A_RAW),
    SHOWN("age", show_age),
    SHOWN("rotten_days", show_rotten),
    {"tags", A_TAGS, NULL, NULL, "[]", NULL},
    FIXED("has_products", "false"), /* also with lines: captured */
    SHOWN("recent_note", show_recent_note),
    SEQUENCES,
    FIXED("web_form_id", NUL),
    FIXED("upcoming_activities_time", NUL),
    SHOWN("last_assigned_at", show_assigned),
    FIXED("last_contacted_sales_activity_mode", NUL),
    FIXED("last_contacted_via_sales_activity", NUL),
    FIXED("deal_prediction", NUL),
    FIXED("deal_prediction_last_updated_at", NUL),
    FIXED("last_deal_prediction", NUL),
    FIXED("freddy_forecast_metrics", NUL),
    FIXED("collaboration", "{}"),
    FIXED("fc_widget_collaboration", "{}"),
    SHOWN("team_user_ids", show_team),
    FIXED("avatar", NUL),
    FIXED("record_type_id", RECORD_TYPE),
    SHOWN("links", show_links),
    HIDDEN("owner_id", A_USER, "owner", NUL),
    HIDDEN("sales_account_id", A_ACCOUNT, "sales_account", NUL),
    SELECT("currency_id", "currency", "currencies"),
    SELECT("deal_type_id", "deal_type", "deal_types"),
    SELECT("lead_source_id", "source", "lead_sources"),
    SELECT("deal_reason_id", "deal_reason", "deal_reasons"),
    SELECT("deal_payment_status_id", "deal_payment_status",
           "deal_payment_statuses"),
    HIDDEN("deal_product_id", A_RAW, "deal_product", NUL),
    SELECT("campaign_id", "campaign", "campaigns"),
    SELECT("territory_id", "territory", "territories"),
    PEOPLE,
    HIDDEN_SHOWN("contact_ids", "contacts", show_contact_ids),
    HIDDEN_SHOWN("contacts", "contacts", show_contacts),
    HIDDEN("products", A_READONLY, "products", "[]"),
    END};

static const struct attr lead_attrs[] = {
    TEXT("first_name"),
    TEXT("last_name"),
    SHOWN("display_name", show_display_name),
    FIXED("avatar", NUL),
    TEXT("job_title"),
    TEXT("department"),
    KEPT("email", A_EMAILS),
    {"emails", A_EMAILS, NULL, NULL, "[]", NULL},
    TEXT("work_email"),
    TEXT("work_number"),
    TEXT("mobile_number"),
    TEXT("address"),
    TEXT("city"),
    TEXT("state"),
    TEXT("zipcode"),
    TEXT("country"),
    TEXT("time_zone"),
    KEPT("do_not_disturb", A_BOOL),
    KEPT("has_authority", A_BOOL),
    TEXT("keyword"),
    TEXT("medium"),
    FIXED("last_seen", NUL),
    FIXED("last_contacted", NUL),
    FIXED("last_contacted_mode", NUL),
    FIXED("lead_score", "0"),
    TEXT("lead_quality"),
    FIXED("email_status", NUL),
    SHOWN("stage_updated_time", show_stage_time),
    TEXT("facebook"),
    TEXT("twitter"),
    TEXT("linkedin"),
    {"tags", A_TAGS, NULL, NULL, "[]", NULL},
    KEPT("company", A_RAW),
    KEPT("deal", A_RAW),
    SHOWN("recent_note", show_recent_note),
    SHOWN("links", show_links),
    HIDDEN("owner_id", A_USER, "owner", NUL),
    SELECT("lead_stage_id", "lead_stage", "lead_stages"),
    SELECT("lead_source_id", "source", "lead_sources"),
    HIDDEN("lead_reason_id", A_RAW, "lead_reason", NUL),
    SELECT("campaign_id", "campaign", "campaigns"),
    SELECT("territory_id", "territory", "territories"),
    PEOPLE,
    HANGING,
    END};

static const struct attr product_attrs[] = {
    TEXT("name"),
    TEXT("category"),
    KEPT("description", A_AREA),
    TEXT("product_code"),
    TEXT("sku_number"),
    KEPT("parent_product", A_RAW),
    KEPT("territory_id", A_RAW),
    KEPT("valid_till", A_DATE),
    {"is_active", A_BOOL, NULL, NULL, "true", NULL},
    KEPT("owner_id", A_USER),
    {"pricing_type", A_NUMBER, NULL, NULL, "0", NULL},
    FIXED("avatar", NUL),
    SHOWN("base_currency_amount", show_base_price),
    SHOWN("creater_id", show_creater),
    SHOWN("updater_id", show_updater),
    HIDDEN("product_pricings", A_NESTED, "product_pricings", "[]"),
    END};

static const struct attr task_attrs[] = {
    {"status", A_RAW, NULL, NULL, "0", NULL},
    TEXT("title"),
    KEPT("description", A_AREA),
    KEPT("owner_id", A_USER),
    KEPT("due_date", A_TIME),
    FIXED("completed_date", NUL),
    SHOWN("creater_id", show_creater),
    SHOWN("updater_id", show_updater),
    KEPT("outcome_id", A_RAW),
    SELECT("task_type_id", NULL, "sales_activity_entity_types"),
    TARGETS,
    END};

static const struct attr note_attrs[] = {
    KEPT("description", A_LONG),
    FIXED("url", NUL),
    FIXED("duration", NUL),
    SHOWN("creater_id", show_creater),
    FIXED("has_access", "true"),
    FIXED("collab_context",
          "{\"hasSlackViewAccess\":false,\"messageId\":\"\"}"),
    TARGETS,
    END};

struct kind kinds[KINDS_MAX] = {
    {.type = "contacts",
     .root = "contact",
     .path = "contacts",
     .entity = "contacts",
     .model = "Contact",
     .attrs = contact_attrs,
     .core = true,
     .custom = true,
     .bin = true},
    {.type = "sales_accounts",
     .root = "sales_account",
     .path = "sales_accounts",
     .entity = "sales_accounts",
     .model = "SalesAccount",
     .attrs = account_attrs,
     .core = true,
     .custom = true,
     .bin = true},
    {.type = "deals",
     .root = "deal",
     .path = "deals",
     .entity = "deals",
     .model = "Deal",
     .attrs = deal_attrs,
     .core = true,
     .custom = true,
     .bin = true},
    {.type = "leads",
     .root = "lead",
     .path = "leads",
     .entity = "leads",
     .model = "Lead",
     .attrs = lead_attrs,
     .core = true,
     .custom = true,
     .bin = true},
    {.type = "products",
     .root = "product",
     .path = "cpq/products",
     .entity = "products",
     .model = "Product",
     .attrs = product_attrs,
     .custom = true,
     .bin = true},
    {.type = "tasks",
     .root = "task",
     .path = "tasks",
     .entity = "tasks",
     .model = "Task",
     .attrs = task_attrs,
     .hangs = true},
    {.type = "notes",
     .root = "note",
     .path = "notes",
     .entity = "notes",
     .model = "Note",
     .attrs = note_attrs,
     .hangs = true},
    {.type = "appointments",
     .root = "appointment",
     .path = "appointments",
     .entity = "appointments",
     .model = "Appointment",
     .attrs = appointment_attrs,
     .hangs = true},
    {.type = "sales_activities",
     .root = "sales_activity",
     .path = "sales_activities",
     .entity = "sales_activities",
     .model = "SalesActivity",
     .attrs = activity_attrs,
     .custom = true,
     .hangs = true},
    {.type = "call_logs",
     .root = "phone_call",
     .plural = "phone_calls",
     .path = "phone_calls",
     .entity = "phone_calls",
     .model = "PhoneCall",
     .attrs = call_attrs,
     .hangs = true},
    {.type = "files",
     .root = "document",
     .entity = "documents",
     .model = "Document",
     .attrs = file_attrs,
     .hangs = true},
    {.type = "document_links",
     .root = "document_link",
     .entity = "document_links",
     .model = "DocumentLink",
     .attrs = link_attrs,
     .hangs = true},
    {.type = "lists",
     .root = "list",
     .entity = "lists",
     .model = "List",
     .attrs = list_attrs},
};
size_t kind_count;

void kinds_init(void)
{
    while (kinds[kind_count].type) {
        kind_count++;
    }
}

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
        if (kinds[i].path && dr_str_eqz(path, kinds[i].path)) {
            return &kinds[i];
        }
    }
    return NULL;
}

struct kind *kind_of_root(struct dr_str root)
{
    for (size_t i = 0; i < kind_count; i++) {
        if (dr_str_eqz(root, kinds[i].root)) {
            return &kinds[i];
        }
    }
    return NULL;
}

struct kind *kind_named(const char *type)
{
    struct kind *k = kind_of_type(dr_str_z(type));

    DR_ASSERT(k != NULL);
    return k;
}

const char *plural_of(const struct kind *k)
{
    return k->plural ? k->plural : k->type;
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
