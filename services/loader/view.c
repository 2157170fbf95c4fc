/*
 * The id map in Redis as this loader uses it: facts in, facts out (4, 8). When
 * the store finds that Redis was restarted, emptied or restored, every
 * partition is folded again before a missing fact means anything.
 */
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/plan/plan.h>

#define RETRY_MS 300
#define BARRIER_MS 30

bool view_usable(struct loader *l)
{
    return l->now_ms >= l->view_retry_ms;
}

void view_failed(struct loader *l, const struct dr_err *err)
{
    if (err->verdict == DR_HALT) {
        dr_die(DR_EXIT_FAILURE, err->where, "%s", err->text);
    }
    if (l->view_up) {
        dr_log(DR_LOG_WARN, "loader.redis_away",
               "%s: nothing is sent until it is back", err->text);
    }
    l->view_up = false;
    l->view_retry_ms = l->now_ms + RETRY_MS;
}

/* Redis forgot: all partitions are read again, from the start where needed. */
static void view_lost(struct loader *l)
{
    size_t n = (size_t)(LANES * l->parts);

    dr_log(DR_LOG_WARN, "loader.redis_forgot",
           "the id map was lost: it is rebuilt from the ledger");
    for (size_t i = 0; i < n; i++) {
        struct lanepart *lp = &l->lps[i];
        if (lp->assigned) {
            ledger_drop(lp);
            lp->want_view = true;
            lp->applied = -1;
        }
    }
    for (size_t i = 0; i < LANES; i++) {
        l->lanes[i].barrier = BARRIER_NO;
    }
}

/* Outside of any walk over partitions: their state may be dropped here. */
void view_check(struct loader *l)
{
    uint64_t now = dr_store_incarnation(l->store);

    if (now != l->incarnation) {
        l->incarnation = now;
        view_lost(l);
    }
}

int view_facts(struct loader *l, const struct dr_str *lanes,
               const struct dr_str *keys, size_t n, struct dr_fact *out)
{
    struct dr_err err;

    if (!view_usable(l)) {
        return -1;
    }
    if (dr_store_facts(l->store, lanes, keys, n, out, &err)) {
        view_failed(l, &err);
        return -1;
    }
    l->view_up = true;
    return 0;
}

/* ---- facts into the map ---- */

/* A refusal does not undo what stands in the target: its id stays known. */
static int keep_ids(struct loader *l, struct lanepart *lp)
{
    for (size_t i = 0; i < lp->fact_count; i++) {
        struct dr_str lane = dr_str_z(lp->lane->name);
        struct dr_fact before = {0};

        if (lp->facts[i].state != DR_FACT_REFUSED || lp->facts[i].dst) {
            continue;
        }
        if (view_facts(l, &lane, &lp->keys[i], 1, &before)) {
            return -1;
        }
        for (size_t k = 0; k < i; k++) {
            if (dr_str_eq(lp->keys[k], lp->keys[i])) {
                before = lp->facts[k];
            }
        }
        lp->facts[i].unknown |=
            before.state == DR_FACT_REFUSED && before.unknown;
        if (before.dst && before.state != DR_FACT_DELETED) {
            lp->facts[i].dst = before.dst;
            lp->facts[i].origin = before.origin;
            lp->facts[i].made = before.made;
            lp->facts[i].fields_n = before.fields_n;
            memcpy(lp->facts[i].fields, before.fields, before.fields_n);
            memcpy(lp->facts[i].type, before.type, sizeof(before.type));
            memcpy(lp->facts[i].amount, before.amount, sizeof(before.amount));
            memcpy(lp->facts[i].place, before.place, sizeof(before.place));
        }
    }
    return 0;
}

static void told(struct loader *l, struct lanepart *lp, struct dr_str key,
                 const struct dr_fact *f)
{
    struct item *it = item_find(lp, key);

    if (it && it->older && it->state == ITEM_WRITTEN) {
        item_again(it); /* what stands there is known: now it is updated */
        return;
    }
    if (!it || f->rev < it->rev || f->pass < it->pass) {
        return;
    }
    if (f->state == DR_FACT_CREATED && it->route.step == 2) {
        return; /* its own first step, and the second is under way */
    }
    if (it->state == ITEM_WRITTEN && f->state != DR_FACT_CREATED) {
        if (f->state == DR_FACT_REFUSED) {
            lp->lane->refused++;
        } else {
            lp->lane->done++;
        }
        crash_at(l, "after_apply");
        item_settled(it);
    } else if (it->state == ITEM_WRITTEN || it->state == ITEM_PARENT ||
               it->state == ITEM_READY || it->state == ITEM_PAUSE ||
               it->state == ITEM_UNSETTLED || it->state == ITEM_CONFIRM) {
        item_again(it); /* someone else's word about it */
    }
}

void view_apply(struct loader *l, struct lanepart *lp)
{
    int64_t applied = lp->own.read_to;
    int64_t oldest = dr_fold_oldest(lp->own.fold);
    size_t n = lp->fact_count;
    struct dr_err err;

    if (keep_ids(l, lp) || alike_apply(l, lp)) {
        return;
    }
    if (dr_store_move(l->store, lp->lane->name, lp->part,
                      dr_fold_epoch(lp->own.fold), lp->keys, lp->facts, n,
                      applied, oldest, &err)) {
        if (err.verdict == DR_HALT) {
            ledger_stepped_down(l, lp);
            lp->applied = applied; /* theirs knows it */
        } else {
            view_failed(l, &err);
        }
        return;
    }
    lp->applied = applied;
    lp->applied_ms = l->now_ms;
    lp->oldest = oldest;
    lp->fact_count = 0;
    for (size_t i = 0; i < n; i++) {
        told(l, lp, lp->keys[i], &lp->facts[i]);
        free((void *)(uintptr_t)lp->keys[i].p);
    }
}

/* ---- barriers: earlier lanes are in the map before a lane is worked ----
 * So is its own, where one of its records may be in another's way. */

static void barrier_begin(struct loader *l, struct lane *lane)
{
    struct dr_err err;

    if (!lane->ends) {
        lane->ends =
            dr_xcalloc((size_t)(LANES * l->parts), sizeof(*lane->ends));
    }
    if (dr_reader_ends(l->ledger, l->parts, 10000, lane->ends, &err)) {
        dr_log(DR_LOG_WARN, "loader.barrier", "%s", err.text);
        return;
    }
    lane->barrier = BARRIER_WAIT;
}

static bool known(struct loader *l, struct lane *lane, int earlier, int32_t p)
{
    struct lanepart *lp = &l->lps[earlier * l->parts + p];
    int64_t end = lane->ends[earlier * l->parts + p];
    struct dr_position pos;
    struct dr_err err;

    if (end == 0) {
        return true;
    }
    if (dr_store_position(l->store, lp->lane->name, p, &pos, &err)) {
        view_failed(l, &err);
        return false;
    }
    if (pos.applied + 1 >= end) {
        return true;
    }
    if (lp->assigned && lp->own.state == OWN_IDLE &&
        lp->own.read_to <= lp->applied) {
        lp->want_view = true;
    }
    return false;
}

static void barrier_look(struct loader *l, struct lane *lane)
{
    int upto = alike_matters(lane) ? lane->index : lane->index - 1;

    for (int e = 0; e <= upto; e++) {
        for (int32_t p = 0; p < l->parts; p++) {
            if (!known(l, lane, e, p)) {
                return;
            }
        }
    }
    lane->barrier = BARRIER_OK;
    dr_log(DR_LOG_INFO, "loader.lane_open", "lane=%s", lane->name);
}

/* Positions do not tell a map that was lost from one that is behind; asking
 * for a fact does. */
static bool still_there(struct loader *l)
{
    struct dr_str lane = DR_STR_LIT("account");
    struct dr_str key = DR_STR_LIT(DR_ORPHAN_KEY);
    uint64_t before = l->incarnation;
    struct dr_fact f;

    return view_facts(l, &lane, &key, 1, &f) == 0 &&
           dr_store_incarnation(l->store) == before;
}

void barriers(struct loader *l)
{
    if (!l->working || !view_usable(l)) {
        return;
    }
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &l->lanes[i];
        if (!lane->open || lane->barrier == BARRIER_OK ||
            l->now_ms < lane->barrier_ms) {
            continue;
        }
        lane->barrier_ms = l->now_ms + BARRIER_MS;
        if (!still_there(l)) {
            return;
        }
        if (lane->barrier == BARRIER_NO) {
            barrier_begin(l, lane);
        }
        if (lane->barrier == BARRIER_WAIT) {
            barrier_look(l, lane);
        }
    }
}
