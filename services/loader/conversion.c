/*
 * A person who was a lead and is a contact now (classic edition, reference 17):
 * the lead is converted, once; the contact that comes of it is then updated as
 * a record of its own. A conversion without an answer is looked up: the lead is
 * gone, and the contact bears its e-mail.
 */
#include "loader.h"

void conversion_refuse_back(struct loader *l, struct item *it)
{
    it->attempt = 0;
    item_refuse(l, it, "class_change", 0,
                "change the record in the target by hand, or make it a "
                "contact in the source again",
                true,
                DR_STR_LIT("it is a contact in the target, and a contact "
                           "does not become a lead"));
}

void conversion_path(const struct item *it, struct dr_buf *out)
{
    dr_buf_printf(out, "/leads/%llu/convert",
                  (unsigned long long)it->route.dst);
}

void conversion_body(struct dr_buf *out)
{
    dr_buf_z(out, "{\"lead\":{}}");
}

/* Its id and its kind are a fact; what it holds comes with the update. */
static void converted(struct loader *l, struct item *it, uint64_t contact)
{
    it->older = true;
    item_move(it, &it->lp->lane->work, ITEM_WRITTEN);
    ledger_older(l, it, contact);
}

void conversion_answered(struct loader *l, struct call *c,
                         const struct dr_http_answer *ans)
{
    struct item *it = c->ctx;
    const struct dr_json *doc = answer_json(l, ans);
    uint64_t contact = row_id(dr_json_get(doc, "contact"));
    enum outcome o = answer_outcome(ans, contact != 0);

    it->call = NULL;
    if (it->dead) {
        single_finish(it);
        return;
    }
    if (!single_failed(l, it, o, ans, doc)) {
        converted(l, it, contact);
    }
    it->lp->lane->in_flight--;
    item_unpin(it);
}

static void later(struct item *it, int64_t look_ms)
{
    it->look_ms = look_ms;
    item_move(it, &it->lp->lane->waiting, ITEM_UNSETTLED);
}

static void found(struct loader *l, struct item *it, enum find_state s,
                  const struct dr_json *record)
{
    if (it->state != ITEM_LOOK) {
        return;
    }
    it->route.dst = it->fact.dst; /* the lead's */
    if (s == FIND_FAILED) {
        look_failed(l, it);
    } else if (record) {
        converted(l, it, row_id(record));
    } else {
        item_refuse(l, it, "outcome_unknown", 0,
                    "look in the target for the contact; if it is not there, "
                    "create it by hand",
                    false,
                    DR_STR_LIT("the lead is gone and no contact bears its "
                               "e-mail"));
    }
}

static void lead_seen(struct loader *l, struct call *c,
                      const struct dr_http_answer *ans)
{
    struct item *it = c->ctx;
    const struct dr_json *doc = answer_json(l, ans);
    const struct dr_json *lead = dr_json_get(doc, "lead");
    enum outcome o = answer_outcome(ans, row_id(lead) != 0);
    bool absent = ans->outcome == DR_HTTP_ANSWERED && ans->status == 404;

    l->looking--;
    if (it->dead || it->state != ITEM_LOOK) {
        item_unpin(it);
        return;
    }
    if (absent || (o == OUT_SUCCESS && row_deleted(lead))) {
        it->route.dst = 0;
        find_item(l, it, true, found);
    } else if (o != OUT_SUCCESS) {
        look_heard(it, ans);
        look_failed(l, it);
    } else if (it->whole_5xx || l->now_ms - it->since_ms >= l->quarantine_ms) {
        settle_again(l, it, "to be converted several times, and still a lead");
    } else {
        later(it, it->since_ms + l->quarantine_ms);
    }
    item_unpin(it);
}

void conversion_look(struct loader *l, struct item *it)
{
    struct dr_buf path;
    struct call *c;

    dr_buf_init(&path, 256);
    dr_buf_printf(&path, "/leads/%llu", (unsigned long long)it->route.dst);
    c = call_new(l, it->lp->lane, "GET", dr_buf_view(&path), lead_seen, it);
    dr_buf_done(&path);
    it->pins++;
    l->looking++;
    call_queue(l, c, true);
}
