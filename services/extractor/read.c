/* Records by id: bodies from the authoritative store, with associations. */
#include "extractor.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>

/* Rows of one page with the room that their associations need. */
struct rows {
    struct dr_source v[CONTRACT_PAGE];
    size_t n;
    struct assoc_vec assocs[CONTRACT_PAGE];
};

static void rows_free(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->assocs[i].v);
    }
    free(r);
}

static struct assoc_vec *row_assocs(struct rows *r, struct dr_str id)
{
    for (size_t i = 0; i < r->n; i++) {
        if (dr_str_eq(r->v[i].id, id)) {
            return &r->assocs[i];
        }
    }
    return NULL;
}

/* The `after` object of a paged row, passed on as it came. */
static void body_ids_after(struct dr_buf *b, struct dr_str id,
                           struct dr_str after)
{
    struct dr_json_w w;

    dr_buf_reset(b);
    dr_json_w_init(&w, b);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "ids");
    dr_json_w_arr(&w);
    dr_json_w_str(&w, id);
    dr_json_w_end(&w);
    dr_json_w_key(&w, "after");
    dr_json_w_obj(&w);
    dr_json_w_keys(&w, id);
    dr_json_w_str(&w, after);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}

/* An answer's strings live in the call's buffer: the ends are copied into
 * the page's arena, which holds the rows they belong to. */
static void keep_assocs(struct dr_arena *arena, struct assoc_vec *vec,
                        size_t from)
{
    for (size_t i = from; i < vec->n; i++) {
        struct dr_assoc *a = &vec->v[i];
        a->to_id = dr_arena_dup(arena, a->to_id);
        a->type_id = dr_arena_dup(arena, a->type_id);
        a->label = dr_arena_dup(arena, a->label);
        a->category = dr_arena_dup(arena, a->category);
    }
}

/* One batch of ids of one pair; rows with many ends are paged inside. */
static bool read_pair(struct extractor *ex, const char *pair,
                      const struct dr_str *ids, size_t n, struct rows *rows)
{
    struct dr_err err = {0};
    struct page page;
    struct dr_str more_id[CONTRACT_BATCH], more_after[CONTRACT_BATCH];
    size_t more = 0;

    path_assoc_batch(&ex->path, pair);
    body_ids(&ex->body, ids, n);
    for (;;) {
        enum api_result r =
            api_page(&ex->api, ex->path.p, dr_buf_view(&ex->body),
                     ex->inner_arena, &page, &err);
        if (r == API_STOPPED) {
            return false;
        }
        if (r != API_OK) {
            dr_log(DR_LOG_WARN, "extractor.pair_unreadable", "pair=%s %s", pair,
                   err.text);
            return true;
        }
        DR_JSON_EACH(row, dr_json_get(page.root, "results"))
        {
            struct dr_str from = dr_json_scalar(dr_json_get(row, "from"));
            struct assoc_vec *vec = row_assocs(rows, from);
            struct dr_str after = dr_json_scalar(dr_json_get(
                dr_json_get(dr_json_get(row, "paging"), "next"), "after"));
            size_t had = vec ? vec->n : 0;

            if (!vec) {
                continue;
            }
            assoc_row_parse(row, dr_str_z(pair), vec);
            keep_assocs(ex->page_arena, vec, had);
            if (after.n > 0 && more < CONTRACT_BATCH) {
                more_id[more] = dr_arena_dup(ex->page_arena, from);
                more_after[more] = dr_arena_dup(ex->page_arena, after);
                more++;
            }
        }
        if (more == 0) {
            return true;
        }
        more--;
        path_assoc_batch(&ex->path, pair);
        body_ids_after(&ex->body, more_id[more], more_after[more]);
    }
}

static bool add_assocs(struct extractor *ex, const struct object *o,
                       struct rows *rows)
{
    const char *const *pairs = carried[o->carried].pairs;
    struct dr_str ids[CONTRACT_PAGE];

    for (size_t i = 0; i < rows->n; i++) {
        ids[i] = rows->v[i].id;
    }
    for (int p = 0; pairs[p]; p++) {
        for (size_t at = 0; at < rows->n; at += CONTRACT_BATCH) {
            size_t n = rows->n - at;
            if (!read_pair(ex, pairs[p], ids + at,
                           n < CONTRACT_BATCH ? n : CONTRACT_BATCH, rows)) {
                return false;
            }
        }
    }
    return true;
}

static void reject_row(struct extractor *ex, struct object *o,
                       const struct dr_json *row, const struct dr_err *err)
{
    struct reject r = {.id = dr_json_scalar(dr_json_get(row, "id")),
                       .class = DR_STR_LIT("unreadable"),
                       .reason = dr_str_z(err->text),
                       .cure = DR_STR_LIT("mend the record in FastTrack: the "
                                          "tail picks it up by itself"),
                       .original = row->raw};

    if (r.id.n == 0 || r.id.n > CONTRACT_ID_MAX) {
        r.id = DR_STR_LIT("(no id)");
    }
    emit_rejected(ex, o, &r);
}

void hold_page(struct extractor *ex, struct page *page)
{
    struct dr_err err = {0};
    struct dr_str body;

    dr_arena_reset(ex->page_arena);
    body = dr_arena_dup(ex->page_arena, dr_buf_view(&ex->api.answer));
    if (page_parse(ex->page_arena, body, page, &err)) {
        dr_die(DR_EXIT_INVARIANT, "extractor",
               "a page that was read once cannot be read again: %s", err.text);
    }
}

bool emit_rows(struct extractor *ex, struct object *o, const struct page *page,
               enum dr_origin origin)
{
    struct rows *rows = dr_xcalloc(1, sizeof(*rows));
    bool going;

    DR_JSON_EACH(row, dr_json_get(page->root, "results"))
    {
        struct dr_err err = {0};
        struct dr_source s;
        if (record_parse(row, &s, &err)) {
            reject_row(ex, o, row, &err);
            continue;
        }
        s.origin = origin;
        if (rows->n < CONTRACT_PAGE) {
            rows->v[rows->n++] = s;
        }
    }
    going = add_assocs(ex, o, rows);
    for (size_t i = 0; going && i < rows->n; i++) {
        rows->v[i].assocs = rows->assocs[i].v;
        rows->v[i].assoc_count = rows->assocs[i].n;
        emit_source(ex, o, &rows->v[i], page->server_ms);
    }
    rows_free(rows);
    return going;
}

static void emit_missing(struct extractor *ex, struct object *o,
                         const struct dr_json *miss, int64_t server_ms,
                         enum dr_origin origin)
{
    struct dr_str reason = dr_json_get_str(miss, "reason");
    struct dr_source s = {.id = dr_json_scalar(dr_json_get(miss, "id")),
                          .op = DR_SRC_DELETE,
                          .origin = origin};

    if (s.id.n == 0 || s.id.n > CONTRACT_ID_MAX) {
        return;
    }
    if (dr_str_eqz(reason, "corrupt")) {
        struct reject r = {
            .id = s.id,
            .class = DR_STR_LIT("unreadable"),
            .reason = DR_STR_LIT("FastTrack cannot read this record itself "
                                 "(corrupt)"),
            .cure = DR_STR_LIT("ask FastTrack to repair the record, or accept "
                               "that it stays behind"),
        };
        emit_rejected(ex, o, &r);
        return;
    }
    if (dr_str_eqz(reason, "merged")) {
        s.op = DR_SRC_MERGE;
        s.merged_into = dr_json_scalar(dr_json_get(miss, "merged_into"));
    } else if (dr_str_eqz(reason, "forbidden")) {
        s.op = DR_SRC_HIDDEN;
    }
    emit_source(ex, o, &s, server_ms);
}

bool read_ids(struct extractor *ex, struct object *o, const struct dr_str *ids,
              size_t n, enum dr_origin origin)
{
    struct dr_err err = {0};
    struct page page;
    enum api_result r;

    DR_ASSERT(n <= CONTRACT_BATCH);
    path_batch(&ex->path, o->name);
    body_ids(&ex->body, ids, n);
    r = api_page(&ex->api, ex->path.p, dr_buf_view(&ex->body), ex->inner_arena,
                 &page, &err);
    if (r == API_STOPPED) {
        return false;
    }
    if (r != API_OK) {
        dr_log(DR_LOG_ERROR, "extractor.batch_refused", "object=%s %s", o->name,
               err.text);
        return true;
    }
    hold_page(ex, &page);
    if (!emit_rows(ex, o, &page, origin)) {
        return false;
    }
    DR_JSON_EACH(miss, dr_json_get(page.root, "missing"))
    {
        emit_missing(ex, o, miss, page.server_ms, origin);
    }
    return true;
}
