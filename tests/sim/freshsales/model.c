/* The attributes of each type: sections 3 to 8 and 17, as tables. */
#include <string.h>

#include "fs.h"
#include "parts.h"

#define TEXT(n)                      \
    {                                \
        .name = n, .kind = KIND_TEXT \
    }
#define AREA(n)                      \
    {                                \
        .name = n, .kind = KIND_AREA \
    }
#define NUMBER(n)                      \
    {                                  \
        .name = n, .kind = KIND_NUMBER \
    }
#define INT(n)                      \
    {                               \
        .name = n, .kind = KIND_INT \
    }
#define BOOL(n, u)                               \
    {                                            \
        .name = n, .kind = KIND_BOOL, .unset = u \
    }
#define DATE(n)                      \
    {                                \
        .name = n, .kind = KIND_DATE \
    }
#define STAMP(n)                      \
    {                                 \
        .name = n, .kind = KIND_STAMP \
    }
#define FIXED(n, u)                                            \
    {                                                          \
        .name = n, .kind = KIND_OWN, .fixed = true, .unset = u \
    }
#define SERVER_STAMP(n)                              \
    {                                                \
        .name = n, .kind = KIND_STAMP, .fixed = true \
    }
#define CHOICE(n, u)                               \
    {                                              \
        .name = n, .kind = KIND_CHOICE, .unset = u \
    }
#define SHOW(n, f)                                              \
    {                                                           \
        .name = n, .kind = KIND_OWN, .fixed = true, .render = f \
    }
#define SHOW_INC(n, i, f)                                                 \
    {                                                                     \
        .name = n, .kind = KIND_OWN, .fixed = true, .inc = i, .render = f \
    }
#define OWN(n, f, t)                                        \
    {                                                       \
        .name = n, .kind = KIND_OWN, .render = f, .take = t \
    }
#define OWN_INC(n, i, f, t)                                           \
    {                                                                 \
        .name = n, .kind = KIND_OWN, .inc = i, .render = f, .take = t \
    }
#define WRITE(n, t)                                              \
    {                                                            \
        .name = n, .kind = KIND_OWN, .inc = INC_NEVER, .take = t \
    }
#define ID(n, i, s)                                    \
    {                                                  \
        .name = n, .kind = KIND_ID, .inc = i, .ref = s \
    }
#define USER(n, i)                                                          \
    {                                                                       \
        .name = n, .kind = KIND_ID, .inc = i, .ref = "users", .fixed = true \
    }
#define CLASSIC(n, k, u)                                     \
    {                                                        \
        .name = n, .kind = k, .inc = INC_CLASSIC, .unset = u \
    }

#define ADDRESS                                                    \
    TEXT("address"), TEXT("city"), TEXT("state"), TEXT("zipcode"), \
        TEXT("country")
#define SOCIAL TEXT("facebook"), TEXT("twitter"), TEXT("linkedin")
#define CONTACTED                                                      \
    FIXED("last_contacted", NULL), FIXED("last_contacted_mode", NULL), \
        FIXED("last_contacted_sales_activity_mode", NULL),             \
        FIXED("last_contacted_via_sales_activity", NULL)
#define ROLLUPS                                      \
    SHOW("open_deals_amount", show_money_rollup),    \
        SHOW("won_deals_amount", show_money_rollup), \
        SHOW("open_deals_count", show_count_rollup), \
        SHOW("won_deals_count", show_count_rollup)
#define SEQUENCES                             \
    FIXED("completed_sales_sequences", NULL), \
        FIXED("active_sales_sequences", NULL), FIXED("web_form_ids", NULL)
#define TAIL                                                                   \
    FIXED("team_user_ids", NULL), OWN("tags", show_tags, take_tags),           \
        OWN("custom_field", show_custom, take_custom_field),                   \
        FIXED("record_type_id", "\"71010794467\""), SHOW("links", show_links), \
        SHOW("is_deleted", show_deleted), SHOW("created_at", show_created),    \
        SHOW("updated_at", show_updated)
#define AUTHORS USER("creater_id", INC_CREATER), USER("updater_id", INC_UPDATER)

static const struct attr contact_attrs[] = {
    SHOW("id", show_id),
    TEXT("first_name"),
    TEXT("last_name"),
    SHOW("display_name", show_display_name),
    TEXT("avatar"),
    TEXT("job_title"),
    OWN("email", show_email, take_email),
    OWN("emails", show_emails, take_emails),
    TEXT("work_email"),
    TEXT("work_number"),
    TEXT("mobile_number"),
    OWN("phone_numbers", show_phones, take_phones),
    ADDRESS,
    TEXT("time_zone"),
    SOCIAL,
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
    CHOICE("subscription_status", "2"),
    TEXT("subscription_types"),
    TEXT("unsubscription_reason"),
    TEXT("other_unsubscription_reason"),
    CHOICE("whatsapp_subscription_status", "2"),
    CHOICE("sms_subscription_status", "2"),
    FIXED("customer_fit", "0"),
    FIXED("lead_score", "0"),
    FIXED("last_seen", NULL),
    FIXED("last_seen_chat", NULL),
    FIXED("first_seen_chat", NULL),
    FIXED("locale", NULL),
    FIXED("total_sessions", NULL),
    CONTACTED,
    ROLLUPS,
    {.name = "recent_note", .kind = KIND_AREA, .fixed = true},
    SEQUENCES,
    SERVER_STAMP("last_assigned_at"),
    FIXED("system_tags", "[]"),
    {.name = "mcr_id", .kind = KIND_INT, .fixed = true},
    CLASSIC("do_not_disturb", KIND_BOOL, "false"),
    CLASSIC("has_authority", KIND_BOOL, "false"),
    CLASSIC("department", KIND_TEXT, NULL),
    CLASSIC("lead_quality", KIND_TEXT, "\"Cold\""),
    CLASSIC("email_status", KIND_TEXT, NULL),
    CLASSIC("last_contacted_via_chat", KIND_TEXT, NULL),
    CLASSIC("has_duplicates", KIND_BOOL, "false"),
    CLASSIC("has_connections", KIND_BOOL, "false"),
    OWN_INC("sales_accounts", INC_ACCOUNTS, show_accounts, take_accounts),
    WRITE("sales_account_id", take_account_id),
    ID("owner_id", INC_OWNER, "users"),
    ID("contact_status_id", INC_STATUS, "contact_statuses"),
    ID("lifecycle_stage_id", INC_LIFECYCLE | INC_STATUS, "lifecycle_stages"),
    ID("lead_source_id", INC_SOURCE, "lead_sources"),
    ID("campaign_id", INC_CAMPAIGN, "campaigns"),
    ID("territory_id", INC_TERRITORY, "territories"),
    {.name = "lost_reason_id", .kind = KIND_INT, .inc = INC_STATUS},
    AUTHORS,
    TAIL,
};

static const struct attr account_attrs[] = {
    SHOW("id", show_id),
    TEXT("name"),
    TEXT("phone"),
    TEXT("website"),
    ADDRESS,
    SOCIAL,
    CHOICE("number_of_employees", NULL),
    NUMBER("annual_revenue"),
    ID("owner_id", 0, "users"),
    {.name = "parent_sales_account_id",
     .kind = KIND_RECORD,
     .ref = "sales_accounts"},
    SHOW("child_sales_accounts_count", show_children),
    ROLLUPS,
    CONTACTED,
    {.name = "recent_note", .kind = KIND_AREA, .fixed = true},
    SERVER_STAMP("last_assigned_at"),
    SEQUENCES,
    FIXED("has_connections", "false"),
    FIXED("avatar", NULL),
    FIXED("domains", "[]"),
    ID("industry_type_id", INC_INDUSTRY, "industry_types"),
    ID("business_type_id", INC_BUSINESS, "business_types"),
    ID("territory_id", INC_TERRITORY, "territories"),
    AUTHORS,
    TAIL,
};

static const struct attr deal_attrs[] = {
    SHOW("id", show_id),
    TEXT("name"),
    {.name = "amount", .kind = KIND_MONEY},
    {.name = "base_currency_amount", .kind = KIND_MONEY, .fixed = true},
    {.name = "expected_deal_value", .kind = KIND_MONEY, .fixed = true},
    DATE("expected_close"),
    DATE("closed_date"),
    SERVER_STAMP("stage_updated_time"),
    INT("probability"),
    CHOICE("forecast_category", NULL),
    ID("deal_pipeline_id", 0, "deal_pipelines"),
    ID("deal_stage_id", 0, "deal_stages"),
    SHOW("age", show_age),
    SHOW("rotten_days", show_rotten),
    FIXED("deal_prediction", NULL),
    FIXED("deal_prediction_last_updated_at", NULL),
    FIXED("last_deal_prediction", NULL),
    FIXED("freddy_forecast_metrics", NULL),
    SHOW("fc_widget_collaboration", show_fc_widget),
    FIXED("collaboration", "{}"),
    FIXED("upcoming_activities_time", NULL),
    FIXED("web_form_id", NULL),
    {.name = "recent_note", .kind = KIND_AREA, .fixed = true},
    FIXED("avatar", NULL),
    SERVER_STAMP("last_assigned_at"),
    FIXED("completed_sales_sequences", NULL),
    FIXED("active_sales_sequences", NULL),
    FIXED("last_contacted_sales_activity_mode", NULL),
    FIXED("last_contacted_via_sales_activity", NULL),
    SHOW("has_products", show_has_products),
    OWN_INC("products", INC_PRODUCTS, show_lines, take_lines),
    {.name = "sales_account_id",
     .kind = KIND_RECORD,
     .inc = INC_ACCOUNTS,
     .ref = "sales_accounts"},
    WRITE("sales_account", take_inline_account),
    SHOW_INC("contacts", INC_DUMP, show_contacts),
    OWN_INC("contact_ids", INC_CONTACTS, show_contact_ids, take_contact_ids),
    WRITE("contacts_added_list", take_contacts_added),
    WRITE("contacts_removed_list", take_contacts_removed),
    ID("owner_id", INC_OWNER, "users"),
    ID("currency_id", INC_CURRENCY, "currencies"),
    ID("lead_source_id", INC_SOURCE, "lead_sources"),
    ID("campaign_id", INC_CAMPAIGN, "campaigns"),
    ID("deal_type_id", INC_TYPE, "deal_types"),
    ID("deal_reason_id", INC_REASON, "deal_reasons"),
    ID("deal_payment_status_id", INC_PAYMENT, "deal_payment_statuses"),
    ID("deal_product_id", INC_PICK, "deal_products"),
    ID("territory_id", INC_TERRITORY, "territories"),
    AUTHORS,
    TAIL,
};

static const struct attr lead_attrs[] = {
    SHOW("id", show_id),
    TEXT("first_name"),
    TEXT("last_name"),
    SHOW("display_name", show_display_name),
    TEXT("job_title"),
    TEXT("department"),
    OWN("email", show_email, take_email),
    OWN("emails", show_emails, take_emails),
    TEXT("work_number"),
    TEXT("mobile_number"),
    OWN("phone_numbers", show_phones, take_phones),
    ADDRESS,
    TEXT("time_zone"),
    BOOL("do_not_disturb", "false"),
    BOOL("has_authority", "false"),
    TEXT("avatar"),
    TEXT("keyword"),
    TEXT("medium"),
    FIXED("last_seen", NULL),
    FIXED("last_contacted", NULL),
    FIXED("last_contacted_mode", NULL),
    FIXED("lead_score", "0"),
    TEXT("lead_quality"),
    TEXT("email_status"),
    SERVER_STAMP("stage_updated_time"),
    {.name = "recent_note", .kind = KIND_AREA, .fixed = true},
    SOCIAL,
    FIXED("company", NULL),
    FIXED("deal", NULL),
    ID("owner_id", INC_OWNER, "users"),
    ID("lead_stage_id", INC_STAGE, "lead_stages"),
    ID("lead_source_id", INC_SOURCE, "lead_sources"),
    ID("lead_reason_id", INC_REASON, "lead_reasons"),
    ID("campaign_id", INC_CAMPAIGN, "campaigns"),
    ID("territory_id", INC_TERRITORY, "territories"),
    AUTHORS,
    TAIL,
};

static const struct attr product_attrs[] = {
    SHOW("id", show_id),
    TEXT("name"),
    TEXT("category"),
    AREA("description"),
    TEXT("product_code"),
    TEXT("sku_number"),
    FIXED("parent_product", NULL),
    ID("territory_id", 0, "territories"),
    DATE("valid_till"),
    BOOL("is_active", "true"),
    ID("owner_id", 0, "users"),
    SHOW("is_deleted", show_deleted),
    {.name = "pricing_type", .kind = KIND_INT, .unset = "0"},
    TEXT("avatar"),
    {.name = "base_currency_amount", .kind = KIND_NUMBER, .fixed = true},
    USER("creater_id", 0),
    USER("updater_id", 0),
    OWN("custom_field", show_custom, take_custom_field),
    SHOW("created_at", show_created),
    SHOW("updated_at", show_updated),
    OWN_INC("product_pricings", INC_PRICINGS, show_pricings, take_pricings),
};

static const struct attr note_attrs[] = {
    SHOW("id", show_id),
    AREA("description"),
    SHOW("created_at", show_created),
    SHOW("updated_at", show_updated),
    FIXED("url", NULL),
    FIXED("duration", NULL),
    USER("creater_id", 0),
    FIXED("has_access", "true"),
    FIXED("collab_context", "{\"hasSlackViewAccess\":false,"
                            "\"messageId\":\"\"}"),
    SHOW("targetables", show_targetables),
    SHOW_INC("is_deleted", INC_DUMP, show_deleted),
    WRITE("targetable_id", take_targetable_id),
    WRITE("targetable_type", take_targetable_type),
};

static const struct attr task_attrs[] = {
    SHOW("id", show_id),
    {.name = "status", .kind = KIND_INT, .unset = "0"},
    TEXT("title"),
    AREA("description"),
    SHOW("created_at", show_created),
    SHOW("updated_at", show_updated),
    ID("owner_id", 0, "users"),
    STAMP("due_date"),
    SERVER_STAMP("completed_date"),
    USER("creater_id", 0),
    USER("updater_id", 0),
    ID("outcome_id", 0, "sales_activity_outcomes"),
    ID("task_type_id", 0, "sales_activity_entity_types"),
    SHOW_INC("user_ids", INC_TARGETABLE, show_user_ids),
    SHOW_INC("targetable", INC_TARGETABLE, show_targetable),
    SHOW("targetables", show_targetables),
    SHOW_INC("is_deleted", INC_DUMP, show_deleted),
    WRITE("targetable_id", take_targetable_id),
    WRITE("targetable_type", take_targetable_type),
};

static const struct include contact_incs[] = {
    {"sales_accounts", INC_ACCOUNTS},
    {"owner", INC_OWNER},
    {"creater", INC_CREATER},
    {"updater", INC_UPDATER},
    {"source", INC_SOURCE},
    {"campaign", INC_CAMPAIGN},
    {"territory", INC_TERRITORY},
    {"contact_status", INC_STATUS},
    {"tasks", INC_TASKS},
    {"appointments", INC_APPOINTMENTS},
    {"notes", INC_NOTES},
    {"deals", INC_DEALS},
    {"lifecycle_stage", INC_LIFECYCLE},
    {NULL, 0}};

static const struct include account_incs[] = {
    {"owner", INC_OWNER},
    {"creater", INC_CREATER},
    {"updater", INC_UPDATER},
    {"territory", INC_TERRITORY},
    {"business_type", INC_BUSINESS},
    {"industry_type", INC_INDUSTRY},
    {"tasks", INC_TASKS},
    {"appointments", INC_APPOINTMENTS},
    {"notes", INC_NOTES},
    {"contacts", INC_CONTACTS},
    {"deals", INC_DEALS},
    {"child_sales_accounts", INC_CHILDREN},
    {NULL, 0}};

static const struct include deal_incs[] = {{"sales_account", INC_ACCOUNTS},
                                           {"contacts", INC_CONTACTS},
                                           {"owner", INC_OWNER},
                                           {"creater", INC_CREATER},
                                           {"updater", INC_UPDATER},
                                           {"source", INC_SOURCE},
                                           {"campaign", INC_CAMPAIGN},
                                           {"deal_stage", INC_STAGE},
                                           {"deal_type", INC_TYPE},
                                           {"deal_reason", INC_REASON},
                                           {"deal_payment_status", INC_PAYMENT},
                                           {"deal_product", INC_PICK},
                                           {"currency", INC_CURRENCY},
                                           {"probability", INC_PROBABILITY},
                                           {"territory", INC_TERRITORY},
                                           {"products", INC_PRODUCTS},
                                           {NULL, 0}};

static const struct include lead_incs[] = {
    {"owner", INC_OWNER},         {"creater", INC_CREATER},
    {"updater", INC_UPDATER},     {"source", INC_SOURCE},
    {"lead_stage", INC_STAGE},    {"lead_reason", INC_REASON},
    {"territory", INC_TERRITORY}, {"campaign", INC_CAMPAIGN},
    {"tasks", INC_TASKS},         {"appointments", INC_APPOINTMENTS},
    {"notes", INC_NOTES},         {NULL, 0}};

static const struct include product_incs[] = {
    {"product_pricings", INC_PRICINGS}, {NULL, 0}};

static const struct include note_incs[] = {{"creater", INC_CREATER}, {NULL, 0}};

static const struct include task_incs[] = {{"owner", INC_OWNER},
                                           {"users", INC_OWNER},
                                           {"targetable", INC_TARGETABLE},
                                           {"creater", INC_CREATER},
                                           {"updater", INC_UPDATER},
                                           {"task_type", INC_TASK_TYPE},
                                           {NULL, 0}};

#define TABLE(a) .attrs = a, .attr_count = DR_ARRAY_LEN(a)

const struct entity entities[ENT_COUNT] = {
    [ENT_CONTACT] = {"contacts", "contact", "Contact", TABLE(contact_attrs),
                     contact_incs, 0},
    [ENT_ACCOUNT] = {"sales_accounts", "sales_account", "SalesAccount",
                     TABLE(account_attrs), account_incs, 1},
    [ENT_DEAL] = {"deals", "deal", "Deal", TABLE(deal_attrs), deal_incs, 2},
    [ENT_LEAD] = {"leads", "lead", "Lead", TABLE(lead_attrs), lead_incs, 3},
    [ENT_PRODUCT] = {"products", "product", "Product", TABLE(product_attrs),
                     product_incs, -1},
    [ENT_NOTE] = {"notes", "note", "Note", TABLE(note_attrs), note_incs, -1},
    [ENT_TASK] = {"tasks", "task", "Task", TABLE(task_attrs), task_incs, -1},
};

const struct entity *entity_of(enum ent e)
{
    return &entities[e];
}

enum ent ent_by_path(struct dr_str path)
{
    for (int e = 0; e < ENT_COUNT; e++) {
        if (dr_str_eqz(path, entities[e].path)) {
            return (enum ent)e;
        }
    }
    return ENT_COUNT;
}

enum ent ent_by_root(struct dr_str root)
{
    for (int e = 0; e < ENT_COUNT; e++) {
        if (dr_str_eqz(root, entities[e].root)) {
            return (enum ent)e;
        }
    }
    return ENT_COUNT;
}

enum ent ent_by_model(struct dr_str model)
{
    for (int e = 0; e < ENT_COUNT; e++) {
        if (dr_str_ieq(model, dr_str_z(entities[e].model)) ||
            dr_str_ieq(model, dr_str_z(entities[e].root))) {
            return (enum ent)e;
        }
    }
    return ENT_COUNT;
}

/* The names are few and short; a hash on the first use keeps it quick. */
int attr_at(enum ent e, struct dr_str name)
{
    static struct dr_map *maps[ENT_COUNT];
    uintptr_t at;

    if (!maps[e]) {
        maps[e] = dr_map_new(NULL);
        for (size_t i = 0; i < entities[e].attr_count; i++) {
            dr_map_put(maps[e], dr_str_z(entities[e].attrs[i].name),
                       (void *)(uintptr_t)(i + 1));
        }
    }
    at = (uintptr_t)dr_map_get(maps[e], name);
    return (int)at - 1;
}
