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
        left_out += ids[i] == 0 || on_lead;
        stands |= is_target(r) && ids[i];
    }
    return left_out;
}
