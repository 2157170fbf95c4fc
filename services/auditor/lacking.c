#include "lacking.h"

#include <drover/ledger/ledger.h>

static bool is_target(const struct dr_ref *r)
{
    return dr_str_starts(r->field, DR_STR_LIT("targetable:"));
}

static bool is_file(const struct dr_load *load)
{
    return dr_str_eqz(load->type, "files") ||
           dr_str_eqz(load->type, "document_links");
}

/* Everything is there now without which it makes no sense. */
static bool could_stand(const struct judge_load *l, const struct dr_load *load)
{
    bool targets = false, stands = false;

    for (size_t i = 0; i < load->ref_count; i++) {
        const struct dr_ref *r = &load->refs[i];
        if (is_target(r)) {
            targets |= r->on_miss == DR_MISS_REJECT;
            /* a lead takes no files */
            stands |= l->refs[i] && !(is_file(load) && l->lead[i]);
        } else if (r->on_miss == DR_MISS_REJECT && !l->refs[i]) {
            return false;
        }
    }
    return stands || !targets;
}

static enum lacking of_refusal(const struct judge_load *l,
                               const struct dr_load *load)
{
    if (!dr_str_eqz(l->fact.class, "parent_missing") &&
        !dr_str_eqz(l->fact.class, "no_target")) {
        return LACKS_NOTHING; /* that is another cause */
    }
    return could_stand(l, load) ? LACKS_ONCE : LACKS_LINKS;
}

/* Its company was removed since, and no other of its companies is there: what
 * the Unassigned Account is for. */
static bool lost_its_account(const struct judge_case *c,
                             const struct judge_load *l,
                             const struct dr_load *load)
{
    for (size_t i = 0; c->orphan && i < load->ref_count; i++) {
        if (judge_orphaned(l, load, i)) {
            return true;
        }
    }
    return false;
}

static enum lacking of_load(const struct judge_case *c,
                            const struct judge_load *l,
                            const struct dr_load *load)
{
    size_t left_out = 0;

    if (!l->has_fact || judge_needs_no_end(l, load)) {
        return LACKS_NOTHING;
    }
    if (l->fact.refused) {
        return of_refusal(l, load);
    }
    if (dr_content_of(l->fact.content_hash, load->content_hash, &left_out) ==
        DR_CONTENT_OTHER) {
        return LACKS_NOTHING;
    }
    /* What stood in the way of its own form may be gone. */
    if (dr_content_is_other_form(l->fact.content_hash, load->content_hash)) {
        return l->held ? LACKS_LINKS : LACKS_ONCE;
    }
    if (l->left_out > left_out && lost_its_account(c, l, load)) {
        return LACKS_ONCE;
    }
    if (left_out == 0) {
        return LACKS_NOTHING;
    }
    /* The target never changes a file. */
    return l->left_out < left_out && !is_file(load) ? LACKS_ONCE : LACKS_LINKS;
}

enum lacking lacking(const struct judge_case *c)
{
    enum lacking most = LACKS_NOTHING;

    if (!c->out || c->out->state != DR_OUT_LOAD) {
        return most;
    }
    for (size_t i = 0; i < c->out->load_count && i < JUDGE_LOADS; i++) {
        enum lacking one = of_load(c, &c->loads[i], &c->out->loads[i]);
        most = one > most ? one : most;
    }
    return most;
}
