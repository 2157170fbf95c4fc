#include "types.h"

#include <string.h>

#include <drover/base/arena.h>
#include <drover/plan/plan.h>

struct type types[TYPES_MAX] = {
    {.name = "products",
     .root = "product",
     .path = "/cpq/products",
     .include = "product_pricings",
     .object = "product",
     .ident = IDENT_CODE,
     .bin = true},
    {.name = "sales_accounts",
     .root = "sales_account",
     .path = "/sales_accounts",
     .include = "owner,creater,updater,territory,business_type,industry_type",
     .entity = "sales_account",
     .object = "company",
     .ident = IDENT_CF,
     .unique = true,
     .all_view = "All Accounts",
     .bin = true},
    {.name = "contacts",
     .root = "contact",
     .path = "/contacts",
     .include = "sales_accounts,owner,creater,updater,source,campaign,"
                "territory,contact_status,lifecycle_stage",
     .entity = "contact",
     .object = "contact",
     .ident = IDENT_EXTERNAL,
     .unique = true,
     .all_view = "All Contacts",
     .bin = true},
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
     .all_view = "All Leads",
     .bin = true},
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
     .part_views = {"Open Deals", "Won Deals", "Lost Deals"},
     .bin = true},
    {.name = "tasks",
     .root = "task",
     .path = "/tasks",
     .include = "",
     .object = "task",
     .ident = IDENT_MARKER,
     .text = "description",
     .sub = "tasks",
     .lists = {"/tasks?filter=open", "/tasks?filter=completed"}},
    {.name = "sales_activities",
     .root = "sales_activity",
     .path = "/sales_activities",
     .include = "",
     .ident = IDENT_MARKER,
     .text = "notes",
     .sub = "sales_activities",
     .lists = {"/sales_activities?"}},
    {.name = "appointments",
     .root = "appointment",
     .path = "/appointments",
     .include = "",
     .object = "meeting",
     .ident = IDENT_MARKER,
     .text = "description",
     .sub = "appointments",
     .lists = {"/appointments?filter=past", "/appointments?filter=upcoming"}},
    {.name = "call_logs",
     .root = "phone_call",
     .plural = "phone_calls",
     .path = "/phone_calls",
     .include = "",
     .object = "call",
     .ident = IDENT_MARKER,
     .shape = SHAPE_CALL,
     .text = "description",
     .sub = "phone_calls",
     .unlisted = true},
    {.name = "notes",
     .root = "note",
     .path = "/notes",
     .include = "",
     .ident = IDENT_MARKER,
     .text = "description",
     .sub = "notes",
     .unlisted = true},
    {.name = "files",
     .root = "document",
     .plural = "documents",
     .path = "/documents",
     .include = "",
     .object = "attachment",
     .ident = IDENT_CONTENT,
     .shape = SHAPE_FILE,
     .sub = "document_associations",
     .unlisted = true,
     .fixed = true},
    {.name = "document_links",
     .root = "document_link",
     .path = "/document_links",
     .include = "",
     .object = "attachment",
     .ident = IDENT_CONTENT,
     .shape = SHAPE_BARE,
     .sub = "document_associations",
     .unlisted = true,
     .fixed = true},
};
#define FIXED_TYPES 12
size_t type_count = FIXED_TYPES;

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

const char *type_plural(const struct type *t)
{
    return t->plural ? t->plural : t->name;
}

static bool module_name(struct dr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(i > 0 && c >= '0' && c <= '9') &&
            !(i > 0 && c == '_')) {
            return false;
        }
    }
    return s.n > 0 && s.n <= 64;
}

static const char *joined(const char *head, struct dr_str tail)
{
    struct dr_buf b;
    char *out;

    dr_buf_init(&b, 256);
    dr_buf_z(&b, head);
    dr_buf_str(&b, tail);
    out = dr_xstrndup(dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}

/* The names are never freed: as many as there are modules. */
const struct type *type_module(struct dr_str entity)
{
    const struct type *known = type_of(entity);
    struct type *t = &types[type_count];

    if (known) {
        return known->module ? known : NULL;
    }
    if (type_count == TYPES_MAX || !module_name(entity)) {
        return NULL;
    }
    *t = (struct type){.name = joined("", entity),
                       .path = joined("/custom_module/", entity),
                       .include = "",
                       .ident = IDENT_CF,
                       .module = true};
    t->root = t->entity = t->name;
    type_count++;
    return t;
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
    case IDENT_CONTENT:
        break;
    }
    return (struct dr_str){NULL, 0};
}

void type_key(const struct type *t, struct dr_str source_id, struct dr_buf *out)
{
    const char *object = t->object ? t->object : "";
    bool orphan =
        strcmp(object, "company") == 0 && dr_str_eqz(source_id, DR_ORPHAN_ID);

    dr_buf_z(out, orphan ? DR_ORPHAN_OBJECT : object);
    dr_buf_ch(out, ':');
    dr_buf_str(out, source_id);
}

/* A character outside ASCII that may have a case. Which is whose would be a
 * long table, and what is wrongly taken for alike costs a call: all of them
 * count as one. Scripts without case stand as they are. */
static bool may_have_case(struct dr_str c)
{
    const unsigned char *p = (const unsigned char *)c.p;

    if (c.n < 2 || p[0] <= 0xd6 || p[0] >= 0xf0) {
        return true; /* Latin, Greek, Cyrillic, Armenian; Deseret and others */
    }
    switch (p[0]) {
    case 0xe1: /* Georgian, Cherokee, more Latin and Greek */
        return p[1] >= 0x82;
    case 0xe2: /* letters in circles; Glagolitic, Coptic */
        return p[1] <= 0x93 || p[1] >= 0xb0;
    case 0xea: /* more Cyrillic and Latin; Cherokee */
        return p[1] <= 0x9f || (p[1] >= 0xac && p[1] <= 0xae);
    case 0xef: /* full width */
        return p[1] >= 0xac;
    default:
        return false;
    }
}

static struct dr_str character(struct dr_str s, size_t at)
{
    size_t n = 1;

    while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xc0) == 0x80) {
        n++;
    }
    return (struct dr_str){s.p + at, n};
}

void id_folded(struct dr_str id, struct dr_buf *out)
{
    struct dr_str c;

    id = dr_str_trim(id);
    for (size_t i = 0; i < id.n; i += c.n) {
        c = character(id, i);
        if ((unsigned char)c.p[0] < 0x80) {
            bool upper = c.p[0] >= 'A' && c.p[0] <= 'Z';
            dr_buf_ch(out, upper ? (char)(c.p[0] - 'A' + 'a') : c.p[0]);
        } else if (dr_str_eqz(c, "\u212a")) {
            dr_buf_ch(out, 'k'); /* the sign of kelvin */
        } else if (dr_str_eqz(c, "\u017f")) {
            dr_buf_ch(out, 's'); /* a long one */
        } else if (may_have_case(c)) {
            dr_buf_ch(out, '?');
        } else {
            dr_buf_str(out, c);
        }
    }
}

struct dr_str key_id(struct dr_str key)
{
    (void)dr_str_split(&key, ':');
    return key.p ? key : (struct dr_str){"", 0};
}
