/*
 * Many records of ours changed at once (a corrected plan): what they are
 * before comes from the pages of their view, then they go in bulk by id. Few
 * go singly: GET, PUT.
 */
#include "loader.h"

#include <stdio.h>

#define MANY 10
#define BODY_MAX ((size_t)4 << 20)

static void singly(struct list *from, struct lane *lane)
{
    while (from->first) {
        item_move(from->first, &lane->single, ITEM_READY);
    }
}

/* A walk of all pages against a GET a record. */
static bool walk_pays(struct loader *l, struct lane *lane)
{
    int64_t pages = lane->rows / PAGE_ROWS + 1;

    return l->view_count[type_index(lane->type)] > 0 &&
           lane->updates.n >= MANY && (int64_t)lane->updates.n > pages;
}

static void learn_rows(struct loader *l, struct lane *lane)
{
    struct dr_err err;
    char what[64];
    int64_t rows = 0;

    for (int v = 0; v < l->view_count[type_index(lane->type)]; v++) {
        int64_t n = 0;
        (void)snprintf(what, sizeof(what), "%s:%lld", lane->type->name,
                       (long long)l->views[type_index(lane->type)][v].id);
        if (dr_store_walk_rows(l->store, what, &n, &err)) {
            view_failed(l, &err);
        }
        rows += n;
    }
    lane->rows = rows;
}

/* What others write just now waits its turn among the single ones. */
static void take_all(struct loader *l, struct lane *lane)
{
    while (lane->updates.first) {
        struct item *it = lane->updates.first;
        bool ours = turn_enter(l, it);
        item_move(it, ours ? &lane->before : &lane->single, ITEM_READY);
    }
}

void rewrites(struct loader *l, struct lane *lane, bool input_waits)
{
    if (lane->walk.active || lane->before.n > 0 ||
        l->now_ms < lane->walk.retry_ms ||
        (input_waits && lane->updates.n < HELD_LOW)) {
        return;
    }
    learn_rows(l, lane);
    if (!walk_pays(l, lane)) {
        singly(&lane->updates, lane);
        return;
    }
    take_all(l, lane);
    if (!walk_start(l, lane, WALK_BEFORE, 0)) {
        singly(&lane->before, lane);
    }
}

void rewrite_row(struct loader *l, struct item *it,
                 const struct dr_json *record)
{
    const struct dr_load *load;
    struct links links;
    struct body_opts o;
    struct dr_buf b;

    if (it->in != &it->lp->lane->before || row_id(record) != it->route.dst) {
        return;
    }
    if (!own_active(&it->lp->own) || item_links(l, it, &load, &links) ||
        edits_find(l, it, load, &links, record)) {
        item_again(it);
        return;
    }
    if (it->same) {
        item_landed(l, it, it->route.dst, DR_LANDED_WALK, DR_DONE_DISCOVERED,
                    record->raw);
        return;
    }
    update_opts(l, it, load, record, &o);
    dr_buf_init(&b, BODY_MAX);
    body_bulk(load, &links, it->route.dst, &o, &b);
    DR_ASSERT(!b.over);
    item_body(it, &b);
    dr_buf_done(&b);
    ledger_preimage(l, it, it->route.dst, record->raw);
    it->route.way = WAY_BULK_ID;
    item_move(it, &it->lp->lane->by_id, ITEM_READY);
}

/* Those that the pages did not show: each by its own GET. */
void rewrite_walk_ended(struct loader *l, struct lane *lane)
{
    (void)l;
    singly(&lane->before, lane);
}
