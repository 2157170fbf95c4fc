/*
 * Removals that a person let through: the record is read, what it was goes to
 * the ledger, and it is deleted unless people have changed it since we wrote
 * it. What hangs on it is left alone.
 */
#include "loader.h"

static void kept(struct loader *l, struct item *it, const char *class,
                 const char *cure, const char *why)
{
    item_refuse(l, it, class, 0, cure, false, dr_str_z(why));
}

/* A note is read below the record it hangs on, which its DONE names; a file
 * cannot be deleted (reference 20). */
static bool out_of_reach(const struct item *it)
{
    return !it->type || it->type->fixed ||
           (it->type->unlisted && it->fact.place[0] != '/');
}

bool removal_may_begin(struct loader *l, struct item *it)
{
    if (it->fact.origin == DR_DONE_MERGED ||
        it->fact.origin == DR_DONE_UPDATED) {
        kept(l, it, "not_ours", "delete it by hand if it is not needed",
             "the record was in the target before the migration: it is not "
             "deleted");
    } else if (out_of_reach(it)) {
        kept(l, it, "changed_in_target", "look at it and delete it by hand",
             "the target does not show whether people changed it: kept");
    } else {
        return true;
    }
    return false;
}

void removal_done(struct loader *l, struct item *it, enum dr_deleted_how how,
                  struct dr_str seen)
{
    bulk_item_gone(it);
    /* The attempt may be another version's, which this record succeeds. */
    it->older = item_load(l, it)->op != DR_LOAD_DELETE;
    item_move(it, &it->lp->lane->work, ITEM_WRITTEN);
    ledger_deleted(l, it, how, seen);
}

static void finish(struct item *it)
{
    it->lp->lane->in_flight--;
    item_unpin(it);
}

void removal_answered(struct loader *l, struct call *c,
                      const struct dr_http_answer *ans)
{
    struct item *it = c->ctx;
    const struct dr_json *doc = answer_json(l, ans);
    enum outcome o = answer_outcome(ans, doc != NULL);

    it->call = NULL;
    if (it->dead) {
        single_finish(it);
        return;
    }
    if (o == OUT_SUCCESS) {
        removal_done(l, it, DR_DELETED_NOW, ans->body);
    } else if (ans->outcome == DR_HTTP_ANSWERED && ans->status == 404) {
        removal_done(l, it, DR_DELETED_GONE, ans->body);
    } else {
        (void)single_failed(l, it, o, ans, doc);
    }
    finish(it);
}

static void judge(struct loader *l, struct item *it,
                  const struct dr_json *record)
{
    if (row_deleted(record)) {
        removal_done(l, it, DR_DELETED_GONE, record->raw);
    } else if (!own_active(&it->lp->own)) {
        item_again(it); /* not ours to act on */
    } else if (row_id(record) != it->route.dst) {
        single_unread(l, it, it->look_status); /* another record's answer */
    } else if (edits_since(&it->fact, record, l->scratch)) {
        kept(l, it, "changed_in_target",
             "look at it and delete it by hand if it is not needed",
             "people changed it in Freshsales since we wrote it: kept");
    } else {
        ledger_preimage(l, it, it->route.dst, record->raw);
        it->lp->lane->in_flight++;
        single_write(l, it, "DELETE");
    }
}

static void seen(struct loader *l, struct call *c,
                 const struct dr_http_answer *ans)
{
    struct item *it = c->ctx;
    const struct dr_json *doc = answer_json(l, ans);
    const struct dr_json *record = row_record(it->type, doc, l->scratch);
    enum outcome o = answer_outcome(ans, record != NULL);

    it->look_status = ans->status;
    if (!it->dead) {
        if (ans->outcome == DR_HTTP_ANSWERED && ans->status == 404) {
            removal_done(l, it, DR_DELETED_GONE, ans->body);
        } else if (!single_failed(l, it, o, ans, doc)) {
            judge(l, it, record);
        }
    }
    finish(it);
}

static void listed(struct loader *l, struct item *it, enum find_state s,
                   const struct dr_json *record)
{
    switch (s) {
    case FIND_OURS:
        judge(l, it, record);
        break;
    case FIND_NOTHING:
    case FIND_OTHER:
        removal_done(l, it, DR_DELETED_GONE, (struct dr_str){"", 0});
        break;
    case FIND_UNKNOWN:
        kept(l, it, "changed_in_target", "look at it and delete it by hand",
             "the record it hangs on is gone, or holds too many: kept");
        break;
    case FIND_FAILED:
        single_unread(l, it, it->look_status);
        break;
    }
}

/* in_flight was counted by the caller. */
void removal_read(struct loader *l, struct item *it)
{
    single_read(l, it, seen, listed);
}

/* An open attempt to delete, looked up: is it still there? */
void removal_looked(struct loader *l, struct item *it, enum find_state s,
                    const struct dr_json *record)
{
    bool over = it->whole_5xx || l->now_ms - it->since_ms >= l->quarantine_ms;

    (void)record;
    if (s == FIND_NOTHING) {
        removal_done(l, it, DR_DELETED_NOW, (struct dr_str){"", 0});
    } else if (s == FIND_FAILED) {
        look_failed(l, it);
    } else if (!over) {
        it->look_ms = it->since_ms + l->quarantine_ms;
        item_move(it, &it->lp->lane->waiting, ITEM_UNSETTLED);
    } else if (s == FIND_OURS) {
        settle_again(l, it, "to be deleted several times, and still there");
    } else {
        kept(l, it, "outcome_unknown",
             "look in the target whether it is gone; if not, delete it by hand",
             "the request to delete it had no answer, and the record it hangs "
             "on is gone, or holds too many");
    }
}
