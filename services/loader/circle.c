/*
 * The target refuses an account's parent: is it because the account stands
 * above that one? The parents are walked up in the target, for it has the last
 * word on what they are, and what the ledger says of them may be on its way. A
 * circle is cut here, at the edge that came last; any other reason stays one.
 */
#include "loader.h"

#include <stdlib.h>

#include <drover/plan/plan.h>

#define HOPS_MAX 100 /* levels of a hierarchy that are looked through */

struct climb {
    struct loader *l;
    struct item *it;
    uint64_t at;
    int hops;
};

static void refuse(struct loader *l, struct item *it)
{
    item_refuse_value(l, it, 400,
                      it->why ? dr_str_z(it->why) : DR_STR_LIT("refused"));
}

static void cut(struct loader *l, struct item *it)
{
    if (!taken_other(l, it)) {
        refuse(l, it);
    }
}

static void end(struct climb *c, void (*then)(struct loader *l, struct item *))
{
    c->l->looking--;
    if (!c->it->dead) {
        then(c->l, c->it);
    }
    item_unpin(c->it);
    free(c);
}

/* Begun anew in a while; what says nothing for long leaves the refusal. */
static void again(struct loader *l, struct item *it)
{
    if (look_again(l, it)) {
        refuse(l, it);
        return;
    }
    it->climbing = true;
    item_move(it, &it->lp->lane->waiting, ITEM_UNSETTLED);
}

static void ask(struct climb *c);

static void climbed(struct loader *l, struct call *call,
                    const struct dr_http_answer *ans)
{
    struct climb *c = call->ctx;
    const struct dr_json *doc = answer_json(l, ans);
    const struct dr_json *record = row_record(c->it->type, doc, l->scratch);
    enum outcome o = answer_outcome(ans, record != NULL);
    int64_t up;

    if (o != OUT_SUCCESS && o != OUT_REFUSED && o != OUT_AMBIGUOUS) {
        look_heard(c->it, ans);
        end(c, again);
        return;
    }
    if (dr_json_i64(dr_json_get(record, "parent_sales_account_id"), &up) ||
        up <= 0 || ++c->hops == HOPS_MAX) {
        end(c, refuse);
        return;
    }
    c->at = (uint64_t)up;
    ask(c);
}

static void ask(struct climb *c)
{
    struct dr_buf path;

    if (c->at == c->it->route.dst) {
        end(c, cut);
        return;
    }
    dr_buf_init(&path, 1024);
    record_path(c->it->type, c->at, &path);
    call_queue(
        c->l,
        call_new(c->l, c->it->lp->lane, "GET", dr_buf_view(&path), climbed, c),
        true);
    dr_buf_done(&path);
}

/* Where the parent of its own form stands; 0: it has none. */
static int parent_of(struct loader *l, struct item *it, uint64_t *out)
{
    const struct dr_load *load = item_load(l, it);
    struct links links;

    *out = 0;
    if (it->other || !dr_other_of(load) || load->op != DR_LOAD_PATCH) {
        return 0;
    }
    if (item_links(l, it, &load, &links)) {
        return -1;
    }
    for (size_t i = 0; i < load->ref_count; i++) {
        if (dr_str_eqz(load->refs[i].field, "parent_sales_account_id")) {
            *out = links.ref[i];
        }
    }
    return 0;
}

bool circle_ask(struct loader *l, struct item *it)
{
    uint64_t parent;
    struct climb *c;

    it->look_status = 0;
    it->climbing = false;
    if (parent_of(l, it, &parent)) {
        bulk_item_gone(it);
        again(l, it);
        return true;
    }
    if (!parent) {
        return false;
    }
    c = dr_xcalloc(1, sizeof(*c));
    *c = (struct climb){.l = l, .it = it, .at = parent};
    it->pins++;
    l->looking++;
    bulk_item_gone(it);
    item_move(it, &it->lp->lane->work, ITEM_LOOK);
    ask(c);
    return true;
}

void circle_go_on(struct loader *l, struct item *it)
{
    if (!circle_ask(l, it)) {
        refuse(l, it);
    }
}
