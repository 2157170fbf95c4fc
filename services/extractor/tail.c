/*
 * The tail: settled windows of changes, one object after the other, and the
 * changes of associations, which move no record's stamp (contract 3.3).
 */
#include "extractor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>

/* Ids waiting to be read in one batch. Their bytes are copied. */
struct batch {
    char text[CONTRACT_BATCH][CONTRACT_ID_MAX + 1];
    struct dr_str v[CONTRACT_BATCH];
    size_t n;
};

static bool batch_add(struct batch *b, struct dr_str id)
{
    for (size_t i = 0; i < b->n; i++) {
        if (dr_str_eq(b->v[i], id)) {
            return false;
        }
    }
    snprintf(b->text[b->n], sizeof(b->text[0]), DR_STR_FMT, DR_STR_ARG(id));
    b->v[b->n] = (struct dr_str){b->text[b->n], id.n};
    b->n++;
    return b->n == CONTRACT_BATCH;
}

/* What a window has still to read: records, and the sets of deals that are
 * new here. */
struct batches {
    struct batch ids, sets;
};

static bool batch_flush(struct extractor *ex, struct object *o, struct batch *b)
{
    bool going = true;

    if (b->n > 0) {
        going = read_ids(ex, o, b->v, b->n, DR_ORIGIN_TAIL);
        b->n = 0;
    }
    return going;
}

static void emit_gone(struct extractor *ex, struct object *o,
                      const struct change_row *row, int64_t server_ms)
{
    struct dr_source s = {.id = row->id,
                          .has_version = true,
                          .version = row->version,
                          .updated_ms = row->updated_ms,
                          .op = DR_SRC_DELETE,
                          .origin = DR_ORIGIN_TAIL};

    if (dr_str_eqz(row->op, "merge")) {
        s.op = DR_SRC_MERGE;
        s.merged_into = row->merged_into;
    }
    emit_source(ex, o, &s, server_ms);
}

/* The deals that these lines name. A line that cannot be read names none and
 * is rejected. */
static bool deals_of(struct extractor *ex, struct object *o,
                     const struct dr_str *ids, size_t n, struct batch *deals)
{
    struct page page;
    enum api_result r;

    path_batch(&ex->path, o->name);
    body_ids(&ex->body, ids, n);
    r = api_read(&ex->api, ex->path.p, dr_buf_view(&ex->body), ex->inner_arena,
                 &page);
    if (r == API_STOPPED) {
        return false;
    }
    if ((r == API_POISON || r == API_LARGE) && n > 1) {
        return deals_of(ex, o, ids, n / 2, deals) &&
               deals_of(ex, o, ids + n / 2, n - n / 2, deals);
    }
    if (r == API_POISON || r == API_LARGE) {
        emit_unreadable(ex, o, ids[0],
                        "every answer that should hold this line breaks");
        return true;
    }
    DR_JSON_EACH(row, dr_json_get(page.root, "results"))
    {
        struct dr_str deal = dr_json_scalar(
            dr_json_get(dr_json_get(row, "properties"), "deal_id"));
        if (id_ok(deal) && deals->n < CONTRACT_BATCH) {
            (void)batch_add(deals, deal);
        }
    }
    return true;
}

/* A changed line changes its deal's set: the line's body names the deal. */
static bool touch_lines(struct extractor *ex, struct object *o,
                        const struct dr_str *ids, size_t n)
{
    struct batch *deals = dr_xcalloc(1, sizeof(*deals));
    bool going = deals_of(ex, o, ids, n, deals);

    if (going && deals->n > 0) {
        dr_arena_reset(ex->page_arena);
        going = read_line_sets(ex, deals->v, deals->n, DR_ORIGIN_TAIL);
    }
    free(deals);
    return going;
}

static bool flush_sets(struct extractor *ex, struct batch *deals)
{
    bool going;

    dr_arena_reset(ex->page_arena);
    going = read_line_sets(ex, deals->v, deals->n, DR_ORIGIN_TAIL);
    deals->n = 0;
    return going;
}

static bool has_lines(struct extractor *ex, struct dr_str deal)
{
    const struct object *o = object_find(ex, DR_STR_LIT("line_item"));
    struct emitted_row known;

    return o && emitted_get(ex->emitted, object_index(ex, o), deal, &known) &&
           !known.gone;
}

/* A deal that comes, or comes back, may have lines that were records of their
 * own until now; no change of theirs says that they are not any more. That it
 * was sent before says nothing: a change of its links may have read it first.
 * And what its set says of the deal itself may be another. */
static bool deal_comes(struct extractor *ex, struct object *o,
                       const struct change_row *row, struct batch *sets)
{
    if (strcmp(o->name, "deal") != 0 ||
        (dr_map_count(ex->alone) == 0 && !has_lines(ex, row->id))) {
        return true;
    }
    return !batch_add(sets, row->id) || flush_sets(ex, sets);
}

static bool one_change(struct extractor *ex, struct object *o,
                       const struct change_row *row, int64_t server_ms,
                       struct batches *w)
{
    struct batch *b = &w->ids;
    bool gone = dr_str_eqz(row->op, "delete") || dr_str_eqz(row->op, "merge");

    if (o->is == OBJECT_LINES) {
        /* A line that is gone leaves its set through associations/changes. */
        if (gone) {
            end_alone(ex, o, row->id, server_ms);
            return true;
        }
        return !batch_add(b, row->id) ||
               (touch_lines(ex, o, b->v, b->n) && ((b->n = 0), true));
    }
    if (gone) {
        emit_gone(ex, o, row, server_ms);
        stir(ex, dr_str_z(o->name), row->id);
        return true;
    }
    return deal_comes(ex, o, row, &w->sets) &&
           (!batch_add(b, row->id) || batch_flush(ex, o, b));
}

static bool rest_of_batch(struct extractor *ex, struct object *o,
                          struct batches *w)
{
    struct batch *b = &w->ids;
    bool going = w->sets.n == 0 || flush_sets(ex, &w->sets);

    if (going && b->n > 0 && o->is == OBJECT_LINES) {
        going = touch_lines(ex, o, b->v, b->n);
        b->n = 0;
    }
    return going && batch_flush(ex, o, b);
}

/* All pages of one window. The page's stubs are copied into one array first:
 * reading bodies reuses the answer's memory. */
static bool window_pages(struct extractor *ex, struct object *o,
                         int64_t since_ms, int64_t until_ms, struct batches *b)
{
    struct dr_arena *stubs DR_AUTO(dr_arena) = dr_arena_new(4 << 20);
    char after[CURSOR_AFTER_MAX] = "";

    do {
        struct page page;
        struct change_row rows[CONTRACT_PAGE];
        size_t n = 0;

        path_changes(&ex->path, o->name, since_ms, until_ms, dr_str_z(after));
        if (!api_must(&ex->api, ex->path.p, after, ex->inner_arena,
                      CONTRACT_PAGE, &page)) {
            return false;
        }
        dr_arena_reset(stubs);
        api_turn(&page, after);
        DR_JSON_EACH(j, dr_json_get(page.root, "results"))
        {
            struct change_row row;
            if (!change_row(ex, o, j, &row) ||
                !horizon_inside(row.updated_ms, since_ms, until_ms)) {
                continue; /* the client checks the bounds itself */
            }
            row.id = dr_arena_dup(stubs, row.id);
            row.op = dr_arena_dup(stubs, row.op);
            row.merged_into = dr_arena_dup(stubs, row.merged_into);
            rows[n++] = row;
        }
        for (size_t i = 0; i < n; i++) {
            o->lag_records = n - i;
            if (!one_change(ex, o, &rows[i], page.server_ms, b)) {
                return false;
            }
        }
    } while (after[0] != '\0');
    o->lag_records = b->ids.n;
    return rest_of_batch(ex, o, b) && ((o->lag_records = 0), true);
}

static bool window(struct extractor *ex, struct object *o)
{
    int64_t until;
    struct batches *b;
    bool going;

    if (!horizon_window(&ex->horizon, o->cursor.watermark_ms, ex->api.now_ms,
                        &until)) {
        return true;
    }
    b = dr_xcalloc(1, sizeof(*b));
    going = window_pages(ex, o, o->cursor.watermark_ms, until, b) &&
            flush_stirred(ex);
    free(b);
    if (going) {
        ex->windows++;
        o->cursor.watermark_ms = until; /* the horizon, never a stamp seen */
        emit_flush(ex);
        emit_cursor(ex, o);
    }
    return going;
}

/* ---- associations ---- */

struct touched {
    struct batch of[MAX_OBJECTS];
};

static bool touch(struct extractor *ex, struct touched *t, struct dr_str type,
                  struct dr_str id)
{
    struct object *o = object_find(ex, type);

    stir(ex, type, id);
    if (!o || !o->readable) {
        return true;
    }
    return !batch_add(&t->of[object_index(ex, o)], id) ||
           batch_flush(ex, o, &t->of[object_index(ex, o)]);
}

static bool assoc_row(struct extractor *ex, struct touched *t,
                      struct batch *sets, const struct dr_json *j)
{
    struct dr_str from_type = dr_json_get_str(j, "from_type");
    struct dr_str to_type = dr_json_get_str(j, "to_type");
    struct dr_str from_id = dr_json_scalar(dr_json_get(j, "from_id"));

    if (from_type.n == 0) { /* both spellings occur */
        from_type = dr_json_get_str(j, "from");
        to_type = dr_json_get_str(j, "to");
    }
    if (!id_ok(from_id)) {
        struct object *o = object_find(ex, from_type);
        emit_rejected_row(ex, o ? o : &ex->objects[0], j,
                          "a change of an association names no usable record");
        return true;
    }
    if (dr_str_eqz(to_type, "line_item")) {
        return !batch_add(sets, from_id) || flush_sets(ex, sets);
    }
    return touch(ex, t, from_type, from_id);
}

static bool assoc_pages(struct extractor *ex, int64_t since_ms,
                        int64_t until_ms, struct touched *t, struct batch *sets)
{
    struct dr_arena *held DR_AUTO(dr_arena) = dr_arena_new(HELD_MAX);
    char after[CURSOR_AFTER_MAX] = "";

    do {
        struct page page;

        path_assoc_changes(&ex->path, since_ms, until_ms, dr_str_z(after));
        if (!api_must(&ex->api, ex->path.p, after, ex->inner_arena,
                      CONTRACT_PAGE, &page)) {
            return false;
        }
        hold_in(ex, held, &page);
        api_turn(&page, after);
        DR_JSON_EACH(j, dr_json_get(page.root, "results"))
        {
            if (!assoc_row(ex, t, sets, j)) {
                return false;
            }
        }
    } while (after[0] != '\0');
    for (size_t i = 0; i < ex->object_count; i++) {
        if (!batch_flush(ex, &ex->objects[i], &t->of[i])) {
            return false;
        }
    }
    return (sets->n == 0 || flush_sets(ex, sets)) && flush_stirred(ex);
}

/* One watermark for all pairs: kept in the first object's cursor. */
static bool assoc_window(struct extractor *ex)
{
    struct object *keeper = &ex->objects[0];
    struct touched *t;
    struct batch *sets;
    int64_t until;
    bool going;

    if (!horizon_window(&ex->horizon, keeper->cursor.assoc_watermark_ms,
                        ex->api.now_ms, &until)) {
        return true;
    }
    t = dr_xcalloc(1, sizeof(*t));
    sets = dr_xcalloc(1, sizeof(*sets));
    going = assoc_pages(ex, keeper->cursor.assoc_watermark_ms, until, t, sets);
    free(t);
    free(sets);
    if (going) {
        keeper->cursor.assoc_watermark_ms = until;
        emit_flush(ex);
        emit_cursor(ex, keeper);
    }
    return going;
}

/* After a change of the account, and where the schema of the start says that
 * an object may not be read, or it was left behind: what may be, and who said
 * that the rest stays behind. */
static bool probe(struct extractor *ex)
{
    for (size_t i = 0; ex->probe && i < ex->object_count; i++) {
        if (!account_probe(ex, &ex->objects[i])) {
            return false;
        }
    }
    ex->probe = false;
    return true;
}

/* A clock that steps back stamps what comes below a watermark that was
 * settled: each goes back with it, and what is read twice is no news. It is
 * saved, for the clock may be right again at the next start. */
static void follow_clock(struct extractor *ex)
{
    int64_t h = horizon_of(&ex->horizon, ex->api.now_ms);

    for (size_t i = 0; i < ex->object_count; i++) {
        struct object *o = &ex->objects[i];
        struct cursor *c = &o->cursor;
        if (c->phase != CURSOR_TAIL) {
            continue;
        }
        if (o->is == OBJECT_EVENTS) {
            events_follow_clock(ex, o);
        } else if (h < c->watermark_ms || h < c->assoc_watermark_ms) {
            c->watermark_ms = h < c->watermark_ms ? h : c->watermark_ms;
            c->assoc_watermark_ms =
                h < c->assoc_watermark_ms ? h : c->assoc_watermark_ms;
            emit_cursor(ex, o);
        }
    }
}

bool tail_round(struct extractor *ex)
{
    int64_t oldest = INT64_MAX;

    if (!account_check(ex) || !probe(ex) || !read_due(ex) ||
        !reread_redacted(ex, false, DR_ORIGIN_TAIL)) {
        return false;
    }
    follow_clock(ex);
    for (size_t i = 0; i < ex->object_count; i++) {
        struct object *o = &ex->objects[i];
        if (!o->readable) {
            continue;
        }
        if (o->is == OBJECT_EVENTS) {
            if (!read_events(ex, o, DR_ORIGIN_TAIL)) {
                return false;
            }
            continue;
        }
        if (!window(ex, o)) {
            return false;
        }
        if (o->cursor.watermark_ms < oldest) {
            oldest = o->cursor.watermark_ms;
        }
    }
    if (!assoc_window(ex)) {
        return false;
    }
    if (oldest != INT64_MAX) {
        ex->lag_s = horizon_lag_s(oldest, ex->api.server_ms, ex->freeze_ms);
        ex->lag_max_s = ex->lag_s > ex->lag_max_s ? ex->lag_s : ex->lag_max_s;
    }
    emit_status(ex, false);
    return true;
}
