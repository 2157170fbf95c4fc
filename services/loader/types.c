#include "types.h"

#include <string.h>

#include <drover/plan/plan.h>

const struct type types[] = {
    {.name = "products",
     .root = "product",
     .path = "/cpq/products",
     .include = "product_pricings",
     .object = "product",
     .ident = IDENT_CODE},
    {.name = "sales_accounts",
     .root = "sales_account",
     .path = "/sales_accounts",
     .include = "owner,creater,updater,territory,business_type,industry_type",
     .entity = "sales_account",
     .object = "company",
     .ident = IDENT_CF,
     .unique = true,
     .all_view = "All Accounts"},
    {.name = "contacts",
     .root = "contact",
     .path = "/contacts",
     .include = "sales_accounts,owner,creater,updater,source,campaign,"
                "territory,contact_status,lifecycle_stage",
     .entity = "contact",
     .object = "contact",
     .ident = IDENT_EXTERNAL,
     .unique = true,
     .all_view = "All Contacts"},
    {.name = "leads",
     .root = "lead",
     .path = "/leads",
     .include = "owner,creater,updater,source,lead_stage,lead_reason,"
                "territory,campaign",
     .entity = "lead",
     .object = "contact",
     .ident = IDENT_CF,
     .unique = true,
     .classic = true,
     .all_view = "All Leads"},
    {.name = "deals",
     .root = "deal",
     .path = "/deals",
     .include = "sales_account,contacts,owner,creater,updater,source,campaign,"
                "deal_stage,deal_type,deal_reason,deal_payment_status,"
                "deal_product,currency,territory,products",
     .entity = "deal",
     .object = "deal",
     .ident = IDENT_CF,
     .all_view = "All Deals",
     .part_views = {"Open Deals", "Won Deals", "Lost Deals"}},
    {.name = "tasks",
     .root = "task",
     .path = "/tasks",
     .include = "",
     .object = "task",
     .ident = IDENT_MARKER},
};
const size_t type_count = DR_ARRAY_LEN(types);

const struct type *type_of(struct dr_str name)
{
    for (size_t i = 0; i < type_count; i++) {
        if (dr_str_eqz(name, types[i].name)) {
            return &types[i];
        }
    }
    return NULL;
}

int type_index(const struct type *t)
{
    return (int)(t - types);
}

struct dr_str type_identity(const struct type *t, const struct dr_json *record)
{
    switch (t->ident) {
    case IDENT_EXTERNAL:
        return dr_json_scalar(dr_json_get(record, "external_id"));
    case IDENT_CF:
        return dr_json_scalar(
            dr_json_get(dr_json_get(record, "custom_field"), "cf_source_id"));
    case IDENT_CODE:
        return dr_json_scalar(dr_json_get(record, "product_code"));
    case IDENT_MARKER:
        break;
    }
    return (struct dr_str){NULL, 0};
}

void type_key(const struct type *t, struct dr_str source_id, struct dr_buf *out)
{
    bool orphan = strcmp(t->object, "company") == 0 &&
                  dr_str_eqz(source_id, DR_ORPHAN_ID);

    dr_buf_z(out, orphan ? DR_ORPHAN_OBJECT : t->object);
    dr_buf_ch(out, ':');
    dr_buf_str(out, source_id);
}

struct dr_str key_id(struct dr_str key)
{
    (void)dr_str_split(&key, ':');
    return key.p ? key : (struct dr_str){"", 0};
}
