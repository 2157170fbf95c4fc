/*
 * Events (contract 4.7): an append-only list in the order of their intake,
 * without index, versions or changes. The cursor stays before the first page
 * that is not settled yet, and what lies behind it is read again each round:
 * an event that becomes visible late is not jumped over, and one that was
 * sent already is no news.
 */
#include "extractor.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/log.h>

#include "folder.h"

struct walk {
    char at[CURSOR_AFTER_MAX]; /* the page to read */
    enum dr_origin origin;
    int limit;
    bool settled;   /* everything before `at` is */
    bool whole;     /* false: what follows cannot be reached */
    uint64_t below; /* sent by the sweep though settled before: missed */
};

/* One row; false: it is not settled yet. */
static bool take_event(struct extractor *ex, struct object *o, struct walk *w,
                       const struct dr_json *row, int64_t server_ms)
{
    struct dr_err err = {0};
    struct dr_source s;
    uint64_t before = o->written;
    int64_t stamp_ms;

    if (event_parse(row, &s, &err)) {
        emit_rejected_row(ex, o, row, err.text);
        return true;
    }
    s.origin = w->origin;
    stamp_ms = folder_stamp(ex->api.folder, s.updated_ms);
    emit_source(ex, o, &s, server_ms);
    emitted_sweep_saw(ex->emitted, object_index(ex, o), s.id);
    if (o->written > before && stamp_ms < o->cursor.watermark_ms) {
        w->below++;
    }
    return stamp_ms < horizon_of(&ex->horizon, server_ms);
}

static void reject_unreadable(struct extractor *ex, struct object *o,
                              const struct walk *w)
{
    char id[CURSOR_AFTER_MAX + 32];

    if (ex->api.poison_id[0]) {
        emit_unreadable(ex, o, dr_str_z(ex->api.poison_id),
                        "FastTrack cannot read this event");
        return;
    }
    (void)snprintf(id, sizeof(id), "(no id) after %.40s",
                   w->at[0] ? w->at : "the start");
    emit_unreadable(ex, o, dr_str_z(id),
                    "FastTrack cannot read the event at this place of the "
                    "list");
}

/* The page cannot be read: smaller ones, until the event stands alone. False:
 * there is no way past it. */
static bool shrink(struct extractor *ex, struct object *o, struct walk *w,
                   enum api_result r)
{
    if (w->limit > 1) {
        w->limit = w->limit > 10 ? w->limit / 10 : 1;
        return true;
    }
    if (r == API_LARGE) {
        char id[64];
        (void)snprintf(id, sizeof(id), "(no id) after %.40s", w->at);
        emit_too_large(ex, o, dr_str_z(id), (struct dr_str){0});
    } else {
        reject_unreadable(ex, o, w);
    }
    if (ex->api.poison_after[0] && strcmp(ex->api.poison_after, w->at) != 0) {
        (void)snprintf(w->at, sizeof(w->at), "%s", ex->api.poison_after);
        w->limit = CONTRACT_PAGE;
        return true;
    }
    if (!o->blocked) {
        dr_log(DR_LOG_ERROR, "extractor.events_hidden",
               "an event cannot be read and hides what follows it: ask "
               "FastTrack to repair it");
    }
    o->blocked = true;
    w->whole = false;
    return false;
}

/* Starts over: a cursor is no promise, and what was sent is known. */
static void from_the_start(struct object *o, struct walk *w)
{
    dr_log(DR_LOG_WARN, "extractor.cursor_expired",
           "object=event: reading the list from its start");
    w->at[0] = o->cursor.after[0] = '\0';
    w->settled = true;
}

static void take_page(struct extractor *ex, struct object *o, struct walk *w,
                      const struct page *page)
{
    bool settled = true;

    DR_JSON_EACH(row, dr_json_get(page->root, "results"))
    {
        settled = take_event(ex, o, w, row, page->server_ms) && settled;
    }
    w->settled = w->settled && settled;
    api_turn(page, w->at);
    emit_flush(ex);
    if (w->settled && w->at[0] && w->origin != DR_ORIGIN_SWEEP) {
        int64_t until = horizon_of(&ex->horizon, page->server_ms);
        ex->events_until_ms =
            until > ex->events_until_ms ? until : ex->events_until_ms;
        (void)snprintf(o->cursor.after, sizeof(o->cursor.after), "%s", w->at);
        emit_cursor(ex, o);
    }
    emit_status(ex, false);
}

static bool walk_events(struct extractor *ex, struct object *o, struct walk *w)
{
    struct dr_err err = {0};

    for (;;) {
        struct page page;
        enum api_result r;

        path_events(&ex->path, dr_str_z(w->at), w->limit);
        r = api_page(&ex->api, ex->path.p, (struct dr_str){0}, ex->inner_arena,
                     &page, &err);
        if (r == API_STOPPED) {
            return false;
        }
        if (r == API_POISON || r == API_LARGE) {
            if (shrink(ex, o, w, r)) {
                continue;
            }
            return true;
        }
        if (r == API_NO && ex->api.status == 410 && w->at[0]) {
            from_the_start(o, w);
            continue;
        }
        if (r == API_NO && ex->api.status == 404) {
            return true; /* the source has none */
        }
        if (r == API_NO && ex->api.status == 403) {
            return account_skips(ex, o);
        }
        if (r == API_NO) {
            api_refused(&ex->api, ex->path.p);
        }
        take_page(ex, o, w, &page);
        w->limit = w->limit < CONTRACT_PAGE / 2 ? w->limit * 2 : CONTRACT_PAGE;
        if (w->at[0] == '\0') {
            o->blocked = false;
            return true;
        }
    }
}

bool read_events(struct extractor *ex, struct object *o, enum dr_origin origin)
{
    struct walk w = {.origin = origin,
                     .limit = CONTRACT_PAGE,
                     .settled = true,
                     .whole = true};
    int64_t until = horizon_of(&ex->horizon, ex->api.now_ms);

    (void)snprintf(w.at, sizeof(w.at), "%s", o->cursor.after);
    if (!walk_events(ex, o, &w)) {
        return false;
    }
    if (origin == DR_ORIGIN_TAIL && until > o->cursor.watermark_ms) {
        o->cursor.watermark_ms = until;
        emit_cursor(ex, o);
    }
    return true;
}

void events_follow_clock(struct extractor *ex, struct object *o)
{
    struct cursor *c = &o->cursor;

    if (ex->api.now_ms < c->watermark_ms ||
        ex->api.now_ms < ex->events_until_ms) {
        c->after[0] = '\0';
        c->watermark_ms = horizon_of(&ex->horizon, ex->api.now_ms);
        ex->events_until_ms = 0;
        emit_cursor(ex, o);
    }
}

bool sweep_events(struct extractor *ex, struct object *o)
{
    struct walk w = {.origin = DR_ORIGIN_SWEEP,
                     .limit = CONTRACT_PAGE,
                     .settled = true,
                     .whole = true};
    int kind = object_index(ex, o);
    size_t absent;

    emitted_sweep_begin(ex->emitted, kind);
    if (!walk_events(ex, o, &w)) {
        return false;
    }
    if (w.below > 0) {
        ex->tail_misses += w.below;
        dr_log(DR_LOG_ERROR, "extractor.tail_miss", "object=event records=%llu",
               (unsigned long long)w.below);
    }
    absent = w.whole ? emitted_sweep_missing(ex->emitted, kind) : 0;
    if (absent > 0) { /* append-only: what was there stays */
        dr_log(DR_LOG_WARN, "extractor.events_absent",
               "%zu events are not listed any more: they are kept", absent);
    }
    return true;
}
