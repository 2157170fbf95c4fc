/*
 * Walks of a view: 100 rows a page, everything included. By id ascending from
 * the position that all loaders share; by update time descending for changes to
 * records that the first has passed. One loader walks for all: the others find
 * their rows in `landed`.
 */
#include "loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>

#define LOCK_MS 10000 /* of a walker that died */
#define RENEW_MS 3000
#define BUSY_MS 150 /* another loader walks: look again then */
#define FAIL_MS 500
#define FAIL_DOUBLINGS 3 /* the longest pause: 4 s */
#define FAILURES_MAX 20  /* of one walk: it is begun anew then */
#define WALKS_MAX 6      /* that failed: single look-ups must */

void walk_path(const struct type *t, int64_t view, int64_t page,
               bool descending, struct dr_buf *out)
{
    dr_buf_printf(
        out, "%s/view/%lld?page=%lld&per_page=%d&sort=%s&sort_type=%s", t->path,
        (long long)view, (long long)page, PAGE_ROWS,
        descending ? "updated_at" : "id", descending ? "desc" : "asc");
    if (t->include[0]) {
        dr_buf_printf(out, "&include=%s", t->include);
    }
}

static const char *what(const struct loader *l, const struct lane *lane,
                        char out[64])
{
    (void)snprintf(
        out, 64, "%s:%lld%s", lane->type->name,
        (long long)l->views[type_index(lane->type)][lane->walk.view].id,
        lane->walk.mode == WALK_CHANGED ? ":changed" : "");
    return out;
}

static void ask(struct loader *l, struct lane *lane);

static void unlock(struct loader *l, struct lane *lane, int64_t rows)
{
    char name[64];
    struct dr_err err;

    if (lane->walk.locked && dr_store_walk_unlock(l->store, what(l, lane, name),
                                                  l->svc->id, rows, &err)) {
        view_failed(l, &err);
    }
    lane->walk.locked = false;
}

/* Still walking: the lock is taken anew. Lost to another loader in between:
 * both walk, which costs calls and nothing else. */
static void renew(struct loader *l, struct lane *lane)
{
    struct walk *w = &lane->walk;
    char name[64];
    struct dr_err err;
    int rc;

    if (!w->locked || l->now_ms - w->locked_ms < RENEW_MS) {
        return;
    }
    unlock(l, lane, -1);
    rc = dr_store_walk_lock(l->store, what(l, lane, name), l->svc->id, LOCK_MS,
                            &err);
    if (rc < 0) {
        view_failed(l, &err);
    }
    w->locked = rc == 1;
    w->locked_ms = l->now_ms;
}

/* 1: may walk this view; 0: somebody else does; -1: Redis is away. */
static int enter_view(struct loader *l, struct lane *lane)
{
    struct walk *w = &lane->walk;
    char name[64];
    struct dr_err err;
    int64_t rows = 0;
    int rc = 1;

    if (w->mode != WALK_BEFORE) {
        rc = dr_store_walk_lock(l->store, what(l, lane, name), l->svc->id,
                                LOCK_MS, &err);
        if (rc == 1 && w->mode == WALK_CREATED &&
            dr_store_walk_rows(l->store, what(l, lane, name), &rows, &err)) {
            rc = -1;
        }
        if (rc < 0) {
            view_failed(l, &err);
            return -1;
        }
        w->locked = rc == 1;
        w->locked_ms = l->now_ms;
    }
    walk_begin(&w->at, rows);
    w->settled = rows;
    return rc;
}

static void ended(struct loader *l, struct lane *lane)
{
    if (lane->walk.mode == WALK_BEFORE) {
        rewrite_walk_ended(l, lane);
    } else {
        confirm_walk_ended(l, lane, lane->walk.mode, lane->walk.started_ms);
    }
}

bool walk_start(struct loader *l, struct lane *lane, enum walk_mode mode,
                int64_t floor_ms)
{
    struct walk *w = &lane->walk;

    if (l->view_count[type_index(lane->type)] == 0) {
        /* No view tells: single look-ups must. */
        w->mode = mode;
        w->started_ms = l->now_ms;
        ended(l, lane);
        w->retry_ms = l->now_ms + FAIL_MS;
        return false;
    }
    *w = (struct walk){
        .mode = mode, .floor_ms = floor_ms, .started_ms = l->now_ms};
    if (enter_view(l, lane) != 1) {
        w->retry_ms = l->now_ms + BUSY_MS;
        return false;
    }
    w->active = true;
    ask(l, lane);
    return true;
}

static void abandon(struct loader *l, struct lane *lane)
{
    unlock(l, lane, -1);
    lane->walk.active = false;
    lane->walk.retry_ms = l->now_ms + FAIL_MS;
    if (lane->walk.mode == WALK_BEFORE) {
        rewrite_walk_ended(l, lane);
    }
}

/* What is refused is asked for ever more seldom, and in the end waited for no
 * longer: the walk counts as one that has shown nothing. */
static void give_up(struct loader *l, struct lane *lane)
{
    int n = lane->walks_failed < FAIL_DOUBLINGS ? lane->walks_failed
                                                : FAIL_DOUBLINGS;

    lane->walks_failed++;
    abandon(l, lane);
    lane->walk.retry_ms = l->now_ms + ((int64_t)FAIL_MS << n);
    if (lane->walks_failed > WALKS_MAX && lane->walk.mode != WALK_BEFORE) {
        confirm_walk_ended(l, lane, lane->walk.mode, lane->walk.started_ms);
    }
}

/* All views read: what was published is out before anybody relies on it. */
static void finish(struct loader *l, struct lane *lane)
{
    struct walk *w = &lane->walk;

    if (dr_producer_flush(l->out, 20000)) {
        dr_log(DR_LOG_WARN, "loader.walk", "the broker is slow to take rows");
        abandon(l, lane);
        return;
    }
    unlock(l, lane, w->mode == WALK_CREATED ? w->at.rows : -1);
    if (w->mode != WALK_CHANGED) {
        lane->rows = w->at.rows;
    }
    if (++w->view < l->view_count[type_index(lane->type)]) {
        if (enter_view(l, lane) != 1) {
            w->active = false;
            w->retry_ms = l->now_ms + BUSY_MS;
            return;
        }
        ask(l, lane);
        return;
    }
    w->active = false;
    lane->walks_failed = 0;
    ended(l, lane);
}

/* ---- rows ---- */

static void row(struct loader *l, struct lane *lane, const struct dr_json *r,
                bool seen_before)
{
    struct dr_str id = type_identity(lane->type, r);
    struct lanepart *lp;
    struct item *it;
    enum row_match match;
    struct dr_buf key;

    if (id.n == 0 || row_id(r) == 0 || row_deleted(r)) {
        return;
    }
    dr_buf_init(&key, 4096);
    type_key(lane->type, id, &key);
    lp = &l->lps[lane->index * l->parts + dr_partition(id, l->parts)];
    it = item_find(lp, dr_buf_view(&key));
    dr_arena_reset(l->scratch);
    if (lane->walk.mode == WALK_BEFORE) {
        if (it) {
            rewrite_row(l, it, r);
        }
    } else if (it && confirm_row(l, it, r, &match) && match == ROW_SAME) {
        item_landed(l, it, row_id(r), DR_LANDED_WALK, DR_DONE_DISCOVERED,
                    r->raw);
    } else if (!seen_before) {
        landed_publish(l, lane, dr_buf_view(&key), id, lane->type, row_id(r), 0,
                       DR_LANDED_WALK, r->raw, NULL, NULL);
    }
    dr_buf_done(&key);
}

/* descending: true when the page reached rows that are older than ours. */
static bool page(struct loader *l, struct lane *lane, const struct dr_json *doc,
                 size_t *count)
{
    const struct walk *w = &lane->walk;
    int64_t nth = (w->at.page - 1) * PAGE_ROWS;
    bool older = false;

    *count = 0;
    DR_JSON_EACH(r, dr_json_get(doc, lane->type->name))
    {
        int64_t at = row_updated_ms(r);
        if (w->mode == WALK_CHANGED && at >= 0 && at < w->floor_ms) {
            older = true;
        } else {
            row(l, lane, r, w->mode == WALK_CREATED && nth < w->settled);
        }
        nth++;
        (*count)++;
    }
    return older;
}

static void failed(struct loader *l, struct lane *lane, enum outcome o)
{
    struct walk *w = &lane->walk;

    if (o == OUT_THROTTLED || o == OUT_NOT_SENT) {
        ask(l, lane);
        return;
    }
    if (++w->failures >= FAILURES_MAX || o == OUT_REFUSED ||
        o == OUT_AMBIGUOUS || o == OUT_FORBIDDEN) {
        dr_log(DR_LOG_WARN, "loader.walk_failed", "lane=%s outcome=%d",
               lane->name, (int)o);
        give_up(l, lane);
        return;
    }
    ask(l, lane);
}

/* The newest change comes first: nothing below can be one that we wait for. */
static bool all_seen(const struct lane *lane)
{
    for (const struct batch *b = lane->batches; b; b = b->next) {
        if (b->by_id && b->state == BATCH_PENDING && b->open > 0) {
            return false;
        }
    }
    return true;
}

static void answered(struct loader *l, struct call *c,
                     const struct dr_http_answer *ans)
{
    struct lane *lane = c->lane;
    struct walk *w = &lane->walk;
    const struct dr_json *doc = NULL, *meta;
    enum outcome o;
    size_t count;
    bool older;

    dr_arena_reset(l->rows);
    if (ans->outcome == DR_HTTP_ANSWERED) {
        doc = dr_json_parse(l->rows, ans->body, NULL, NULL);
    }
    o = answer_outcome(ans, dr_json_type(dr_json_get(doc, lane->type->name)) ==
                                DR_JSON_ARRAY);
    if (o != OUT_SUCCESS) {
        failed(l, lane, o);
        return;
    }
    meta = dr_json_get(doc, "meta");
    if (w->mode == WALK_CREATED && w->at.page > 1 &&
        dr_json_get_i64(meta, "total", INT64_MAX) < w->settled) {
        walk_begin(&w->at, 0); /* rows were deleted: the count is off */
        w->settled = 0;
        ask(l, lane);
        return;
    }
    older = page(l, lane, doc, &count);
    walk_page(&w->at, count, dr_json_get_i64(meta, "total_pages", -1));
    if (w->at.end || older || (w->mode == WALK_CHANGED && all_seen(lane))) {
        finish(l, lane);
    } else {
        ask(l, lane);
    }
}

static void ask(struct loader *l, struct lane *lane)
{
    const struct walk *w = &lane->walk;
    struct dr_buf path;

    renew(l, lane);
    dr_buf_init(&path, 1024);
    walk_path(lane->type, l->views[type_index(lane->type)][w->view].id,
              w->at.page, w->mode == WALK_CHANGED, &path);
    call_queue(l, call_new(l, lane, "GET", dr_buf_view(&path), answered, NULL),
               true);
    dr_buf_done(&path);
}
