/* The rows that every plan holds, whatever a matcher would say: standard
 * fields (mapping reference 4) and what no property stands behind. */
#include "propose_private.h"

#include <string.h>

#define LINE(object, source, target)                                \
    {                                                               \
        object, source, target, "copy", TEXT_MAX, NULL, NULL, false \
    }
#define OWN(object, source, target, special)                             \
    {                                                                    \
        object, source, target, "special:" special, 0, NULL, NULL, false \
    }

/* As OWN, and the source's word stands in the text as well. */
#define KEPT(object, source, target, special)                           \
    {                                                                   \
        object, source, target, "special:" special, 0, NULL, NULL, true \
    }
#define OUTCOME(object, target)                          \
    {                                                    \
        object, "outcome", target, "special:outcome", 0, \
            "sales_activity_outcomes", NULL, true        \
    }

static const struct standard standards[] = {
    OWN("company", "name", "name", "name"),
    LINE("company", "phone", "phone"),
    LINE("company", "website", "website"),
    LINE("company", "street", "address"),
    LINE("company", "city", "city"),
    LINE("company", "state", "state"),
    LINE("company", "postal_code", "zipcode"),
    LINE("company", "country", "country"),
    {"company", "annual_revenue", "annual_revenue", "money", 0, NULL, NULL,
     false},
    {"company", "tags", "tags", "tags", 0, NULL, NULL, false},
    OWN("company", "parent_company_id", "parent_sales_account_id", "parent"),

    LINE("contact", "first_name", "first_name"),
    LINE("contact", "last_name", "last_name"),
    OWN("contact", "email", "emails", "email"),
    LINE("contact", "phone", "work_number"),
    LINE("contact", "job_title", "job_title"),
    LINE("contact", "street", "address"),
    LINE("contact", "city", "city"),
    LINE("contact", "state", "state"),
    LINE("contact", "postal_code", "zipcode"),
    LINE("contact", "country", "country"),
    {"contact", "tags", "tags", "tags", 0, NULL, NULL, false},
    {"contact", "lead_source", "lead_source_id", "id", 0, "lead_sources",
     "lead_source", false},
    {"contact", "lifecycle_stage", "lifecycle_stage_id", "special:lifecycle", 0,
     "lifecycle_stages", "lifecycle_stage", false},
    {"contact", "lead_status", "contact_status_id", "special:lead_status", 0,
     "contact_statuses", "contact_status", true},
    OWN("contact", "primary_company_id", "sales_accounts", "companies"),

    OWN("deal", "name", "name", "name"),
    OWN("deal", "amount", "amount", "amount"),
    OWN("deal", "currency", "currency_id", "currency"),
    OWN("deal", "pipeline_id", "deal_pipeline_id", "pipeline"),
    OWN("deal", "stage_id", "deal_stage_id", "stage"),
    OWN("deal", "close_date", "closed_date", "close_date"),
    {"deal", "probability", "probability", "percent", 0, NULL, NULL, false},
    {"deal", "forecast_category", "forecast_category", "id", 0, "", NULL, true},
    {"deal", "deal_type", "deal_type_id", "id", 0, "deal_types", "deal_type",
     false},
    {"deal", "lead_source", "lead_source_id", "id", 0, "lead_sources",
     "lead_source", false},
    {"deal", "tags", "tags", "tags", 0, NULL, NULL, false},

    OWN("product", "name", "name", "name"),
    LINE("product", "sku", "sku_number"),
    LINE("product", "category", "category"),
    {"product", "active", "is_active", "bool", 0, NULL, NULL, false},
    OWN("product", "price", "product_pricings", "price"),
    OWN("product", "currency", "product_pricings", "price_currency"),
    OWN("product", "price_tiers", "product_pricings", "tiers"),
    OWN("product", "description", "description", "description"),

    OWN("line_item", "deal_id", "deal", "deal"),
    OWN("line_item", "product_id", "product", "product"),
    OWN("line_item", "quantity", "quantity", "quantity"),
    OWN("line_item", "unit_price", "unit_price", "unit_price"),
    OWN("line_item", "discount", "discount", "discount"),
    OWN("line_item", "discount_type", "discount_type", "discount_type"),
    OWN("line_item", "tax", "tax", "tax"),
    OWN("line_item", "currency", "currency_code", "currency"),

    OWN("task", "subject", "title", "title"),
    OWN("task", "body", "description", "body"),
    OWN("task", "due_at", "due_date", "due"),
    {"task", "status", "status", "special:status", 0, NULL, NULL, true},
    /* Task types cannot be created through any screen the checklist could
     * name: an unknown one stays a line of the description alone. */
    {"task", "task_type", "task_type_id", "id", 0,
     "sales_activity_entity_types", NULL, true},

    OWN("call", "subject", "title", "title"),
    OWN("call", "body", "notes", "body"),
    OWN("call", "started_at", "start_date", "start"),
    OWN("call", "ended_at", "end_date", "end"),
    KEPT("call", "duration_s", "end_date", "duration"),
    OUTCOME("call", "sales_activity_outcome_id"),

    OWN("call_log", "body", "description", "body"),
    OWN("call_log", "subject", "description", "title"),
    OWN("call_log", "started_at", "description", "start"),
    OWN("call_log", "ended_at", "description", "end"),
    KEPT("call_log", "direction", "call_direction", "direction"),
    KEPT("call_log", "duration_s", "call_duration", "duration"),
    OUTCOME("call_log", "outcome_id"),

    OWN("email", "subject", "title", "title"),
    OWN("email", "body", "notes", "body"),
    OWN("email", "sent_at", "start_date", "start"),
    OWN("email", "participants", "notes", "participants"),

    OWN("meeting", "subject", "title", "title"),
    OWN("meeting", "body", "description", "body"),
    OWN("meeting", "started_at", "from_date", "start"),
    OWN("meeting", "ended_at", "end_date", "end"),
    {"meeting", "all_day", "is_allday", "bool", 0, NULL, NULL, false},
    LINE("meeting", "location", "location"),
    {"meeting", "time_zone", "time_zone", "special:time_zone", 0, "rails_zones",
     NULL, true},
    OWN("meeting", "participants", "description", "participants"),

    /* Of an activity that the contract does not know, by likely names: the
     * first of a kind in the schema's order is taken. */
    OWN("activity", "subject", "title", "title"),
    OWN("activity", "title", "title", "title"),
    OWN("activity", "name", "title", "title"),
    OWN("activity", "body", "notes", "body"),
    OWN("activity", "text", "notes", "body"),
    OWN("activity", "message", "notes", "body"),
    OWN("activity", "content", "notes", "body"),
    OWN("activity", "description", "notes", "body"),
    OWN("activity", "started_at", "start_date", "start"),
    OWN("activity", "sent_at", "start_date", "start"),
    OWN("activity", "occurred_at", "start_date", "start"),
    OWN("activity", "due_at", "start_date", "start"),
    OWN("activity", "ended_at", "end_date", "end"),
    OWN("activity", "completed_at", "end_date", "end"),
    KEPT("activity", "duration_s", "end_date", "duration"),
    OWN("activity", "participants", "notes", "participants"),
    KEPT("activity", "status", "status", "status"),
    OUTCOME("activity", "sales_activity_outcome_id"),

    OWN("note", "body", "description", "body"),

    OWN("attachment", "file_name", "file_name", "file_name"),
    OWN("attachment", "size", "file", "size"),
    OWN("attachment", "content_type", "file", "content_type"),
    OWN("attachment", "sha256", "file", "sha256"),
    OWN("attachment", "status", "file", "status"),
    OWN("attachment", "parents", "targetable_id", "parents"),
    OWN("attachment", "uploaded_at", "file", "uploaded_at"),
    OWN("attachment", "inline", "file", "inline"),
    {"event", "", "sales_activity_type_id", "const", 0, NULL, NULL, false},
};

static const struct standard classic_status = {
    "contact", "lead_status", "lead_stage_id", "special:lead_status",
    0,         "lead_stages", "lead_stage",    true};

const struct standard *standard_of(const struct proposing *p,
                                   const struct target_kind *k,
                                   struct dr_str source)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(standards); i++) {
        const struct standard *s = &standards[i];
        if (strcmp(s->object, k->rows) != 0 || !dr_str_eqz(source, s->source)) {
            continue;
        }
        if (p->classic && s->selector &&
            strcmp(s->selector, "lifecycle_stages") == 0) {
            return NULL; /* leads and contacts are two types there */
        }
        if (p->classic && s->selector &&
            strcmp(s->selector, "contact_statuses") == 0) {
            return &classic_status;
        }
        return s;
    }
    return NULL;
}

bool standard_target(const char *rows, struct dr_str target)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(standards); i++) {
        if (strcmp(rows, standards[i].object) == 0 &&
            dr_str_eqz(target, standards[i].target)) {
            return true;
        }
    }
    return false;
}

#define ORIGIN(object)                                                     \
    {object,       "created_at", "created_at", "cf_source_created_at",     \
     "created_at", "date_time"},                                           \
        {object,       "updated_at", "updated_at", "cf_source_updated_at", \
         "updated_at", "date_time"},                                       \
        {object,   "created_by", "created_by", "cf_source_author",         \
         "author", "text"},                                                \
        {object,         "source_owner", "owner_id", "cf_source_owner",    \
         "source_owner", "text"},                                          \
    {                                                                      \
        object, "owner_id", "owner_id", "owner_id", "owner", NULL          \
    }

const struct own_row own_rows[] = {
    {"company", "id", "id", "cf_source_id", "id", "text"},
    ORIGIN("company"),
    {"contact", "id", "id", "external_id", "id", NULL},
    ORIGIN("contact"),
    {"contact", "company", "contact_company", "sales_accounts", "link", NULL},
    {"deal", "id", "id", "cf_source_id", "id", "text"},
    ORIGIN("deal"),
    {"deal", "company", "deal_company", "sales_account_id", "link", NULL},
    {"deal", "contact", "deal_contact", "contacts_added_list", "link", NULL},
    {"product", "id", "id", "product_code", "id", NULL},
    {"product", "owner_id", "owner_id", "owner_id", "owner", NULL},
    {"task", "owner_id", "owner_id", "owner_id", "owner", NULL},
    {"event", "owner_id", "owner_id", "owner_id", "owner", NULL},
    {"event", "contact_id", "contact_id", "targetable_id", "link", NULL},
    {"event", "title", "type", "title", "title", NULL},
    {"event", "occurred_at", "occurred_at", "start_date", "when", NULL},
    {"event", "data", "data", "notes", "data", NULL},
    {"task", "target", "task_deal", "targetable_id", "link", NULL},
    {"call", "owner_id", "owner_id", "owner_id", "owner", NULL},
    {"call", "target", "call_deal", "targetable_id", "link", NULL},
    {"call_log", "target", "call_deal", "targetable_id", "link", NULL},
    {"email", "owner_id", "owner_id", "owner_id", "owner", NULL},
    {"email", "target", "email_deal", "targetable_id", "link", NULL},
    {"email", "end", "", "end_date", "end", NULL},
    {"meeting", "target", "meeting_deal", "targetable_id", "link", NULL},
    {"activity", "owner_id", "owner_id", "owner_id", "owner", NULL},
    {"activity", "target", "", "targetable_id", "link", NULL},
    {"note", "target", "note_deal", "targetable_id", "link", NULL},
    {"attachment", "target", "attachment_deal", "targetable_id", "link", NULL},
};
const size_t own_row_count = DR_ARRAY_LEN(own_rows);
