/*
 * The snapshot: every object from its first id to its last, one page after
 * the other, the cursor saved when Kafka has the page.
 */
#include "extractor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>

#define PAGE_BYTES ((size_t)2 << 20)

/* One checkpoint a page costs a round trip to Kafka of some milliseconds. */

static void set_last(struct object *o, struct dr_str id)
{
    if (dr_str_cmp(id, dr_str_z(o->cursor.last_id)) > 0) {
        snprintf(o->cursor.last_id, sizeof(o->cursor.last_id), DR_STR_FMT,
                 DR_STR_ARG(id));
    }
}

static void save(struct extractor *ex, struct object *o)
{
    emit_flush(ex);
    emit_cursor(ex, o);
    emit_status(ex, false);
    control_look(ex);
}

static void note_last(struct object *o, const struct page *page)
{
    DR_JSON_EACH(row, dr_json_get(page->root, "results"))
    {
        set_last(o, dr_json_scalar(dr_json_get(row, "id")));
    }
}

/* Pages of large bodies get fewer rows, so that each stays within a few MiB;
 * later ones may have more again. */
static void fit_limit(struct object *o, size_t bytes)
{
    if (bytes > PAGE_BYTES && o->limit > 1) {
        o->limit /= 2;
    } else if (bytes < PAGE_BYTES / 4 && o->limit < CONTRACT_PAGE) {
        o->limit = o->limit > CONTRACT_PAGE / 2 ? CONTRACT_PAGE : o->limit * 2;
    }
}

/* Keyset pages. A record that breaks its page sends the object to the index:
 * ids there, bodies by batch, which isolates each bad one. */
static bool list_pages(struct extractor *ex, struct object *o)
{
    struct dr_err err = {0};

    for (;;) {
        struct page page;
        enum api_result r;

        path_list(&ex->path, o->name, dr_str_z(o->cursor.after), o->limit);
        r = api_page(&ex->api, ex->path.p, (struct dr_str){0}, ex->inner_arena,
                     &page, &err);
        if (r == API_STOPPED) {
            return false;
        }
        if (r == API_LARGE && o->limit > 1) {
            o->limit = o->limit > 4 ? o->limit / 4 : 1;
            continue;
        }
        if (r == API_POISON || r == API_LARGE ||
            (r == API_NO && ex->api.status == 410)) {
            dr_log(DR_LOG_WARN, "extractor.page_unreadable",
                   "object=%s code=%s: going on by index and batch", o->name,
                   ex->api.code);
            o->cursor.phase = CURSOR_INDEX;
            save(ex, o);
            return true;
        }
        if (r == API_NO && ex->api.status == 403 &&
            !object_needed(dr_str_z(o->name))) {
            o->cursor.phase = CURSOR_LINES;
            return account_skips(ex, o);
        }
        if (r == API_NO) {
            api_refused(&ex->api, ex->path.p);
        }
        hold_page(ex);
        if (!emit_rows(ex, o, &page, DR_ORIGIN_SNAPSHOT)) {
            return false;
        }
        note_last(o, &page);
        fit_limit(o, ex->held.n);
        api_turn(&page, o->cursor.after);
        if (o->cursor.after[0] == '\0') {
            o->cursor.phase = CURSOR_LINES;
        }
        save(ex, o);
        if (o->cursor.after[0] == '\0') {
            return true;
        }
    }
}

/* The ids of one index page, in the page arena's memory. */
static size_t index_ids(struct extractor *ex, struct object *o,
                        const struct page *page, struct dr_str *ids)
{
    size_t n = 0;

    DR_JSON_EACH(j, dr_json_get(page->root, "results"))
    {
        struct index_row row;
        if (!index_row(ex, o, j, &row)) {
            continue;
        }
        if (dr_str_cmp(row.id, dr_str_z(o->cursor.last_id)) > 0 ||
            o->cursor.last_id[0] == '\0') {
            ids[n++] = row.id;
        }
    }
    return n;
}

/* Ids copied out of the page, so that reading them may reuse its memory. */
struct id_list {
    struct dr_buf text;
    struct dr_str v[CONTRACT_INDEX_PAGE];
    size_t n;
};

static void id_list_fill(struct id_list *l, const struct dr_str *ids, size_t n)
{
    size_t at = 0;

    dr_buf_reset(&l->text);
    for (size_t i = 0; i < n; i++) {
        dr_buf_str(&l->text, ids[i]);
    }
    for (size_t i = 0; i < n; i++) {
        l->v[i] = (struct dr_str){l->text.p + at, ids[i].n};
        at += ids[i].n;
    }
    l->n = n;
}

static bool index_pages_from(struct extractor *ex, struct object *o,
                             struct id_list *list)
{
    char after[CURSOR_AFTER_MAX] = "";

    for (;;) {
        struct page page;
        struct dr_str found[CONTRACT_INDEX_PAGE];

        path_index(&ex->path, o->name, dr_str_z(after));
        if (!api_must(&ex->api, ex->path.p, after, ex->inner_arena,
                      CONTRACT_INDEX_PAGE, &page)) {
            return false;
        }
        id_list_fill(list, found, index_ids(ex, o, &page, found));
        api_turn(&page, after);
        for (size_t at = 0; at < list->n; at += CONTRACT_BATCH) {
            size_t n = list->n - at;
            n = n < CONTRACT_BATCH ? n : CONTRACT_BATCH;
            if (!read_ids(ex, o, list->v + at, n, DR_ORIGIN_SNAPSHOT)) {
                return false;
            }
            set_last(o, list->v[at + n - 1]);
            save(ex, o);
        }
        if (after[0] == '\0') {
            return true;
        }
    }
}

static bool index_pages(struct extractor *ex, struct object *o)
{
    struct id_list *list = dr_xcalloc(1, sizeof(*list));
    bool going;

    dr_buf_init(&list->text, CONTRACT_INDEX_PAGE * (CONTRACT_ID_MAX + 1));
    going = index_pages_from(ex, o, list);
    if (going) {
        o->cursor.phase = CURSOR_LINES;
        save(ex, o);
    }
    dr_buf_done(&list->text);
    free(list);
    return going;
}

bool line_sets(struct extractor *ex, struct object *o, enum dr_origin origin)
{
    struct object *deals = object_find(ex, DR_STR_LIT("deal"));
    struct id_list *list = dr_xcalloc(1, sizeof(*list));
    char after[CURSOR_AFTER_MAX] = "";
    bool going = true;

    dr_buf_init(&list->text, CONTRACT_INDEX_PAGE * (CONTRACT_ID_MAX + 1));
    do {
        struct page page;
        struct dr_str found[CONTRACT_INDEX_PAGE];
        size_t n = 0;

        path_index(&ex->path, deals->name, dr_str_z(after));
        if (!api_must(&ex->api, ex->path.p, after, ex->inner_arena,
                      CONTRACT_INDEX_PAGE, &page)) {
            going = false;
            break;
        }
        DR_JSON_EACH(j, dr_json_get(page.root, "results"))
        {
            struct index_row row;
            if (index_row(ex, deals, j, &row)) {
                emitted_sweep_saw(ex->emitted, object_index(ex, o), row.id);
                found[n++] = row.id;
            }
        }
        id_list_fill(list, found, n);
        api_turn(&page, after);
        for (size_t at = 0; going && at < list->n; at += CONTRACT_BATCH) {
            n = list->n - at < CONTRACT_BATCH ? list->n - at : CONTRACT_BATCH;
            dr_arena_reset(ex->page_arena);
            going = read_line_sets(ex, list->v + at, n, origin);
            emit_flush(ex);
            emit_status(ex, false);
            if (origin == DR_ORIGIN_SNAPSHOT) {
                control_look(ex);
            }
        }
    } while (going && after[0] != '\0');
    dr_buf_done(&list->text);
    free(list);
    return going;
}

static bool begin(struct extractor *ex, struct object *o)
{
    o->cursor.start_ms = ex->api.server_ms;
    o->cursor.watermark_ms = horizon_start(&ex->horizon, ex->api.now_ms);
    o->cursor.assoc_watermark_ms = o->cursor.watermark_ms;
    o->cursor.phase = o->is == OBJECT_LINES ? CURSOR_LINES : CURSOR_LIST;
    emit_cursor(ex, o); /* T0 is durable before page 1 */
    return !dr_stop;
}

static bool finish(struct extractor *ex, struct object *o)
{
    if (o->is == OBJECT_LINES && object_find(ex, DR_STR_LIT("deal")) &&
        (!line_sets(ex, o, DR_ORIGIN_SNAPSHOT) || !orphan_lines(ex, o))) {
        return false;
    }
    if (object_index(ex, o) + 1 == (int)ex->object_count &&
        (!merges_settle(ex) || !ask_corrupt_wait(ex))) {
        return false;
    }
    emit_flush(ex);
    emit_markers(ex, o);
    emit_flush(ex);
    o->cursor.phase = CURSOR_TAIL;
    emit_cursor(ex, o);
    emit_status(ex, true);
    dr_log(DR_LOG_INFO, "extractor.snapshot_done", "object=%s records=%llu",
           o->name, (unsigned long long)o->written);
    return true;
}

static bool is_refused(const struct object *o)
{
    return !o->readable && object_needed(dr_str_z(o->name));
}

/* With the names of all of them: each start would tell one otherwise. */
_Noreturn static void refuse(const struct extractor *ex)
{
    struct dr_buf names;

    dr_buf_init(&names, MAX_OBJECTS * (CONTRACT_ID_MAX + 2));
    for (size_t i = 0; i < ex->object_count; i++) {
        if (is_refused(&ex->objects[i])) {
            dr_buf_printf(&names, "%s%s", names.n > 0 ? ", " : "",
                          ex->objects[i].name);
        }
    }
    dr_die(DR_EXIT_REFUSED, "source.schema",
           "the token may not read %s: give it the scope and start again",
           names.p);
}

/* What the schema says may not be read: left out only by a decision. */
static bool skip_unreadable(struct extractor *ex, struct object *o)
{
    if (is_refused(o)) {
        refuse(ex);
    }
    o->cursor.phase = CURSOR_LINES;
    return account_skips(ex, o);
}

static bool one_object(struct extractor *ex, struct object *o)
{
    if (o->cursor.phase == CURSOR_NEW && !begin(ex, o)) {
        return false;
    }
    if (!o->readable && o->cursor.phase != CURSOR_TAIL) {
        if (!skip_unreadable(ex, o)) {
            return false;
        }
    }
    if (o->cursor.phase == CURSOR_LIST || o->cursor.phase == CURSOR_INDEX) {
        if (!account_allows(ex, o) || !ex->pages(ex, o)) {
            return false;
        }
    }
    if (o->cursor.phase == CURSOR_LINES) {
        return finish(ex, o);
    }
    return !dr_stop;
}

/* All records of an object from where its cursor stands, by the API. */
bool api_pages(struct extractor *ex, struct object *o)
{
    bool going = o->is == OBJECT_EVENTS
                     ? read_events(ex, o, DR_ORIGIN_SNAPSHOT)
                     : o->cursor.phase == CURSOR_INDEX || list_pages(ex, o);

    if (going && o->is == OBJECT_EVENTS) {
        o->cursor.phase = CURSOR_LINES;
        save(ex, o);
    }
    return going && (o->cursor.phase != CURSOR_INDEX || index_pages(ex, o));
}

bool snapshot(struct extractor *ex)
{
    for (size_t i = 0; i < ex->object_count; i++) {
        if (!one_object(ex, &ex->objects[i])) {
            return false;
        }
    }
    return true;
}
