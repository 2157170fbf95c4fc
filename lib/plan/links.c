/* Which of a load record's references become links. */
#include "plan_private.h"

static bool is_target(const struct dr_ref *r)
{
    return dr_str_starts(r->field, DR_STR_LIT("targetable:"));
}

bool dr_ref_takes_lead(const struct dr_ref *r)
{
    return is_target(r) || dr_str_eqz(r->field, "self");
}

bool dr_ref_is_merged(const struct dr_ref *r)
{
    return dr_str_ends(r->rule, DR_STR_LIT(RULE_MERGED));
}

/* The lane of an account's parent; what a custom object's fields become says
 * nothing of links. */
static bool is_parent_patch(const struct dr_load *load)
{
    return dr_str_eqz(load->lane, "link") && load->ref_count > 0 &&
           dr_str_eqz(load->refs[0].field, "self");
}

bool dr_links_governed(const struct dr_load *load, struct dr_str name)
{
    static const struct {
        const char *lane, *type, *name;
    } all[] = {{"contact", "contacts", "sales_accounts"},
               {"deal", "deals", "contacts"},
               {"deal", "deals", "sales_account_id"},
               {"activity", NULL, "targetables"},
               {"note", NULL, "targetables"}};

    if (load->op == DR_LOAD_PATCH) {
        return is_parent_patch(load) &&
               dr_str_eqz(name, "parent_sales_account_id");
    }
    for (size_t i = 0; load->op == DR_LOAD_WRITE && i < DR_ARRAY_LEN(all);
         i++) {
        if (dr_str_eqz(load->lane, all[i].lane) &&
            (!all[i].type || dr_str_eqz(load->type, all[i].type)) &&
            dr_str_eqz(name, all[i].name)) {
            return true;
        }
    }
    return false;
}

bool dr_links_only_end(const struct dr_load *load)
{
    if (dr_str_eqz(load->lane, "deal_product")) {
        return load->op == DR_LOAD_WRITE && load->line_count == 0;
    }
    return load->op == DR_LOAD_PATCH && is_parent_patch(load) &&
           load->ref_count == 1;
}

/* An account's parent in the other form of its load record. */
static bool says_none(const struct dr_ref *r)
{
    return r->key.n == 0 && r->dst == 0;
}

size_t dr_links_settle(const struct dr_load *load, uint64_t *ids,
                       const bool *lead)
{
    size_t left_out = 0;
    bool stands = false;

    for (size_t i = 0; i < load->ref_count; i++) {
        const struct dr_ref *r = &load->refs[i];
        bool on_lead = ids[i] && lead[i];
        if (is_target(r) && stands) {
            ids[i] = 0; /* nothing is left out: it stands already */
            continue;
        }
        if (on_lead && !dr_ref_takes_lead(r)) {
            ids[i] = 0;
        }
        left_out += (ids[i] == 0 && !says_none(r)) || on_lead;
        stands |= is_target(r) && ids[i];
    }
    return left_out;
}
