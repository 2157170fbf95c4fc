/* Rows that any loader's walk has shown, for the partitions that we own. */
#include "loader.h"

#include <drover/base/log.h>

#define HISTORY 20000 /* rows before a take-over that may be of its keys */
#define READ_MAX 1000

void landed_follow(struct lanepart *lp)
{
    struct loader *l = lp->lane->l;
    struct dr_err err;
    int64_t end, from;

    if (dr_reader_end(l->landed, lp->lane->index, lp->part, 10000, &end,
                      &err)) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
    }
    from = end;
    if (dr_fold_unsettled_count(lp->own.fold) > 0) {
        from = end > HISTORY ? end - HISTORY : 0;
    }
    dr_reader_add(l->landed, lp->lane->index, lp->part,
                  from == 0 ? DR_OFFSET_BEGIN : from);
    lp->following = true;
}

void landed_leave(struct lanepart *lp)
{
    if (lp->following) {
        dr_reader_remove(lp->lane->l->landed, lp->lane->index, lp->part);
        lp->following = false;
    }
}

static void one(struct loader *l, const struct dr_kmsg *m)
{
    struct lanepart *lp = &l->lps[m->topic * l->parts + m->partition];
    struct item *it = item_find(lp, m->key);
    const struct dr_env *env;
    const struct dr_json *record;
    enum row_match match;

    /* Most rows are no longer waited for: our own walk has told already. */
    if (!it || !own_active(&lp->own) ||
        (it->state != ITEM_CONFIRM && it->state != ITEM_UNSETTLED)) {
        return;
    }
    dr_arena_reset(l->rows);
    env = dr_wire_unpack(l->rows, m->value, NULL);
    if (!env || env->kind != DR_MSG_LANDED ||
        env->u.landed.how == DR_LANDED_BEFORE ||
        env->u.landed.pass < it->pass || /* before any attempt at it */
        (it->unread && it->content && env->u.landed.rev < it->rev)) {
        return;
    }
    record = dr_json_parse(l->rows, env->u.landed.body, NULL, NULL);
    dr_arena_reset(l->scratch);
    if (record && confirm_row(l, it, record, &match) && match == ROW_SAME) {
        item_done_now(l, it, row_id(record), env->u.landed.body);
    }
}

void landed_read(struct loader *l)
{
    struct dr_kmsg m;

    for (int n = 0; n < READ_MAX && dr_reader_poll(l->landed, 0, &m); n++) {
        one(l, &m);
    }
}
