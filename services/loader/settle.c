/* Attempts of unknown outcome: waited for, looked up, decided (5 step 3, 6). */
#include "loader.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/log.h>

#define LOOKS_MAX 8 /* look-ups under way at a time */
#define WALK_FROM 2 /* more than so many: walk first */
#define AGAIN_MAX 6 /* without effect, before a person must look */

/* The second of two steps was not had, whatever the job says. */
static bool half_made(const struct dr_load *load, const struct dr_json *record)
{
    return load->working_name.n > 0 &&
           dr_str_eq(dr_json_get_str(record, "name"), load->working_name);
}

/* Seen and as wanted? */
static enum dr_found compare(struct loader *l, struct item *it,
                             const struct dr_json *record)
{
    const struct dr_load *load;
    struct row_case c = {.type = it->type,
                         .kept = it->kept,
                         .kept_links = it->kept_links,
                         .merge = it->route.merge,
                         .fields = edits_left(it),
                         .step = it->route.step,
                         .dst = row_id(record),
                         .content = it->content};
    struct links links;

    if (item_links(l, it, &load, &links)) {
        return DR_FOUND_NOT_LOOKED;
    }
    if (amount_of_set(it)) { /* whatever its way: what was sent is a set, too */
        it->set_stands = row_has_lines(load, &links, record);
        return it->set_stands && (!it->amount[0] ||
                                  row_amount_is(record, dr_str_z(it->amount)))
                   ? DR_FOUND_SAME
                   : DR_FOUND_OLDER;
    }
    if (it->strayed) {
        return DR_FOUND_OLDER;
    }
    c.load = load;
    c.links = &links;
    if (it->route.way == WAY_BULK_ID && it->job_done && it->why == NULL) {
        /* The job says done, and the record is there. */
        c.content = half_made(load, record);
    }
    return row_matches(&c, record, l->scratch) == ROW_SAME ? DR_FOUND_SAME
                                                           : DR_FOUND_OLDER;
}

static void refuse_unknown(struct loader *l, struct item *it)
{
    item_refuse(l, it, "outcome_unknown", 0,
                "look in the target whether it is there; if not, create it "
                "by hand",
                false,
                DR_STR_LIT("the request had no answer and the target has no "
                           "search for this kind"));
}

/* What was written may stand there, or not. */
static void refuse_outcome(struct loader *l, struct item *it, int code,
                           const char *why)
{
    enum dr_effect op = it->route.op;

    item_refuse(l, it, "outcome_unknown", code,
                op == DR_EFFECT_DELETE
                    ? "look in the target whether it is gone; if not, delete "
                      "it by hand"
                : op == DR_EFFECT_UPDATE
                    ? "look in the target whether it is as at the source; if "
                      "not, change it by hand"
                    : "look in the target whether it is there; if not, create "
                      "it by hand",
                false, dr_str_z(why));
}

/* Asked for long. */
static void refuse_untold(struct loader *l, struct item *it, int status)
{
    char why[128] = "the request had no answer, nor has the question whether "
                    "it was followed";

    if (status > 0) {
        (void)snprintf(why, sizeof(why),
                       "the request had no answer, and whether it was followed "
                       "the target does not say: HTTP %d",
                       status);
    }
    refuse_outcome(l, it, status > 0 ? status : 0, why);
}

void look_heard(struct item *it, const struct dr_http_answer *ans)
{
    it->look_status = ans->status > 0 ? ans->status : LOOK_UNANSWERED;
}

/* Where nobody at all is answered, that is an outage, and ends no record. */
bool look_again(struct loader *l, struct item *it)
{
    bool outage =
        it->look_status == LOOK_UNANSWERED && l->well_ms <= it->unheard_ms;

    if (it->look_status == 0) {
        it->look_ms = l->now_ms + AGAIN_MS;
        return false;
    }
    it->unheard_ms = l->now_ms;
    return single_untold(l, it, it->look_status) && !outage;
}

void look_failed(struct loader *l, struct item *it)
{
    if (look_again(l, it)) {
        refuse_untold(l, it, it->look_status);
        return;
    }
    item_move(it, &it->lp->lane->waiting, ITEM_UNSETTLED);
}

/* A contact that a job did not create: alone it is told more of why. */
static bool create_alone(struct loader *l, struct item *it)
{
    if (!it->why || !it->job_done || it->alone || it->route.dst ||
        it->type->ident != IDENT_EXTERNAL) {
        return false;
    }
    it->alone = true;
    item_retry(l, it, "job_failed", 0);
    return true;
}

void settle_again(struct loader *l, struct item *it, const char *why)
{
    if (++it->tries > AGAIN_MAX) {
        item_refuse(l, it, "server_error", 0,
                    "the target does not do it, time and again: ask its "
                    "support, then redrive",
                    true, dr_str_z(why));
        return;
    }
    item_retry(l, it, "absent", 0);
}

static void absent(struct loader *l, struct item *it, enum dr_found found)
{
    if (it->endless) { /* the job may do it at any time */
        refuse_outcome(l, it, 0,
                       "the target took it into a job that does not end");
        return;
    }
    if (it->why && it->job_done && it->route.dst && found == DR_FOUND_NOTHING) {
        item_lost(l, it); /* which is why the job failed on it */
        return;
    }
    if (it->why && it->job_done && circle_ask(l, it)) {
        return;
    }
    if (create_alone(l, it) || taken_tried_alone(l, it)) {
        return;
    }
    if (it->why && it->job_done) {
        item_refuse_value(l, it, 400, dr_str_z(it->why));
        return;
    }
    if (taken_by_nobody(l, it)) {
        return;
    }
    if (it->odd && it->route.op == DR_EFFECT_CREATE) {
        refuse_unknown(l, it); /* something was created, not to be found */
        return;
    }
    it->alone |= it->job_done; /* the job took it and it is not there */
    settle_again(l, it, "sent several times and never there");
}

/* Ours stands there, and no fact says so: the next version must know. */
static bool untold(struct loader *l, const struct item *it,
                   const struct dr_json *record)
{
    const struct dr_json *lines = dr_json_get(record, "products");

    if (!amount_of_set(it) || it->route.dst == 0) {
        return it->route.dst == 0;
    }
    return it->fact.dst == 0 ? lines && lines->count > 0
                             : amount_untold(l, it, record);
}

static bool is_outdated(struct loader *l, struct item *it)
{
    return load_outdated(l, item_load(l, it));
}

bool settle_at_once(struct loader *l, struct item *it)
{
    return l->unique_now && it->type->unique && it->route.dst == 0 &&
           !it->foreign && !is_outdated(l, it);
}

/* An update of another version, or of one that nobody wants any more: what
 * stands there is neither that nor what the last fact says, and the next
 * version must not go by the fact. */
static bool changed_since(struct loader *l, struct item *it,
                          const struct dr_json *record)
{
    return it->route.op == DR_EFFECT_UPDATE && !amount_of_set(it) &&
           (it->fact.state == DR_FACT_DONE ||
            it->fact.state == DR_FACT_REFUSED) &&
           it->fact.dst && (it->foreign || is_outdated(l, it)) &&
           edits_since(&it->fact, record, l->scratch);
}

static void later(struct item *it, int64_t look_ms)
{
    it->look_ms = look_ms;
    item_move(it, &it->lp->lane->waiting, ITEM_UNSETTLED);
}

/* A fact of no content that we know, so that nothing goes by the one before. */
static void settle_older(struct loader *l, struct item *it,
                         const struct dr_json *record)
{
    it->older = true;
    item_move(it, &it->lp->lane->work, ITEM_WRITTEN);
    ledger_older(l, it, row_id(record));
}

/* It is there, as it was sent or not. With which links that was nobody knows
 * any more, and no list shows them all: the next version looks. */
static void settle_outdated(struct loader *l, struct item *it,
                            const struct dr_json *record)
{
    if (it->fact.dst == 0) {
        edits_commit(l, it, record->raw);
    } else if (edits_attempted(l, it, record)) {
        later(it, l->now_ms + AGAIN_MS);
        return;
    }
    settle_older(l, it, record);
}

/* What was sent is not there, or something else is. */
static void without_effect(struct loader *l, struct item *it,
                           enum dr_found found, const struct dr_json *record)
{
    if (found == DR_FOUND_OLDER && untold(l, it, record)) {
        if (amount_of_set(it)) {
            amount_commit(l, it, record);
        }
        settle_older(l, it, record);
    } else if (found == DR_FOUND_OLDER &&
               (changed_since(l, it, record) || place_is_news(it))) {
        settle_outdated(l, it, record);
    } else if (is_outdated(l, it)) {
        item_retry(l, it, "outdated", 0); /* which nobody writes any more */
    } else if (found == DR_FOUND_OTHER) {
        taken_held(l, it, record);
    } else {
        absent(l, it, found);
    }
}

static void act(struct loader *l, struct item *it, enum dr_found found,
                const struct dr_json *record)
{
    struct dr_settle_case c = {.op = it->route.op,
                               .found = found,
                               .waited_ms = l->now_ms - it->since_ms,
                               .quarantine_ms = l->quarantine_ms,
                               /* That a job is done shortens no wait: its
                                * address came in an answer, and that may have
                                * been another's. */
                               .whole_5xx = it->whole_5xx,
                               .unique = settle_at_once(l, it)};

    switch (dr_settle_decide(&c)) {
    case DR_SETTLE_DONE:
        if (is_outdated(l, it) && !amount_of_set(it)) {
            settle_outdated(l, it, record);
        } else {
            item_landed(l, it, row_id(record), DR_LANDED_LOOKUP,
                        DR_DONE_DISCOVERED, record->raw);
        }
        break;
    case DR_SETTLE_RETRY:
    case DR_SETTLE_REFUSE:
        without_effect(l, it, found, record);
        break;
    case DR_SETTLE_WAIT:
    case DR_SETTLE_LOOK:
        later(it, it->since_ms + l->quarantine_ms);
        break;
    }
}

static void found(struct loader *l, struct item *it, enum find_state s,
                  const struct dr_json *record)
{
    switch (s) {
    case FIND_FAILED:
        look_failed(l, it);
        break;
    case FIND_UNKNOWN:
        refuse_unknown(l, it);
        break;
    case FIND_NOTHING:
        act(l, it, DR_FOUND_NOTHING, NULL);
        break;
    case FIND_OTHER:
        act(l, it, DR_FOUND_OTHER, record);
        break;
    case FIND_OURS: {
        enum dr_found f = compare(l, it, record);
        if (f == DR_FOUND_NOT_LOOKED) {
            later(it, l->now_ms + AGAIN_MS);
        } else {
            act(l, it, f, record);
        }
        break;
    }
    }
}

static void looked(struct loader *l, struct item *it, enum find_state s,
                   const struct dr_json *record)
{
    if (it->state != ITEM_LOOK) {
        return;
    }
    if (s != FIND_FAILED) {
        it->untold_n = 0;
    }
    if (it->route.op == DR_EFFECT_DELETE) {
        removal_looked(l, it, s, record);
    } else {
        found(l, it, s, record);
    }
}

/* Many at once: one walk shows them cheaper than a look-up each (7.5). */
static bool walk_first(struct loader *l, struct lane *lane)
{
    size_t due = 0;

    if (!lane->type || l->view_count[type_index(lane->type)] == 0) {
        return false;
    }
    for (struct item *it = lane->waiting.first; it; it = it->next) {
        due += it->look_ms <= l->now_ms && it->route.dst == 0 &&
               it->look_ms > lane->walked_ms;
    }
    if (due > WALK_FROM) {
        lane->walk_again = true;
        return true;
    }
    return false;
}

static void settle_lane(struct loader *l, struct lane *lane)
{
    struct item *it = lane->waiting.first;

    while (it && l->looking < LOOKS_MAX) {
        struct item *next = it->next;
        if (it->look_ms <= l->now_ms && own_active(&it->lp->own)) {
            if (it->state == ITEM_PAUSE) {
                item_again(it);
                it = next;
                continue;
            }
            item_move(it, &lane->work, ITEM_LOOK);
            if (it->route.step == STEP_CONVERT) {
                conversion_look(l, it);
            } else if (it->climbing) {
                circle_go_on(l, it);
            } else {
                find_item(l, it, it->why != NULL, looked);
            }
            next = lane->waiting.first; /* it may have ended at once */
        }
        it = next;
    }
}

void settles(struct loader *l)
{
    if (l->draining || l->exit_code || !view_usable(l) || !l->working) {
        return;
    }
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &l->lanes[i];
        if (lane->waiting.n > 0 && !walk_first(l, lane)) {
            settle_lane(l, lane);
        }
    }
}
