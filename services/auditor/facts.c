#include "facts.h"

/* Without a status the loader only did not see it any more. */
static bool is_lost(const struct dr_refused *r)
{
    return dr_str_eqz(r->class, "gone") && r->code == 404;
}

/* It says what a deal was before its lines are sent: none may ever stand. */
static bool is_ahead(struct dr_str lane, const struct dr_done *d)
{
    return dr_str_eqz(lane, "deal_product") && d->step == 1 &&
           d->how == DR_DONE_DISCOVERED;
}

struct fact_row facts_row(struct dr_str lane, const struct dr_ledger_fact *fact,
                          const struct dr_env *env)
{
    struct fact_row row = {.lane = lane,
                           .key = fact->key,
                           .type = fact->type,
                           .class = fact->class,
                           .content_hash = fact->content_hash,
                           .dst = fact->dst,
                           .rev = fact->rev,
                           .pass = fact->pass,
                           .origin = fact->origin,
                           .refused = fact->state == DR_LEDGER_REFUSED};

    if (env->kind == DR_MSG_DONE) {
        row.landed_hash = env->u.done.landed_hash;
        row.dst = is_ahead(lane, &env->u.done) ? 0 : row.dst;
    } else if (row.refused && env->kind == DR_MSG_REFUSED) {
        row.reason = env->u.refused.reason;
        row.deleted = is_lost(&env->u.refused) ? FACT_LOST : FACT_STANDS;
    }
    /* The first of two steps is no content that was wanted. */
    if (fact->state == DR_LEDGER_CREATED) {
        row.content_hash = (struct dr_str){"", 0};
    }
    return row;
}
