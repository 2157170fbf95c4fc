/* Records by id: bodies from the authoritative store, with associations. */
#include "extractor.h"

#include <stdlib.h>

#include <drover/base/log.h>

/* Rows of one page with the ends of each. */
struct rows {
    struct dr_source v[CONTRACT_PAGE];
    const struct dr_json *row[CONTRACT_PAGE];
    struct ends ends[CONTRACT_PAGE];
    size_t n;
};

static void rows_free(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->ends[i].vec.v);
    }
    free(r);
}

static bool add_ends(struct extractor *ex, const struct object *o,
                     struct rows *rows)
{
    if (o->is == OBJECT_FILES &&
        !parent_ends(ex, rows->v, rows->ends, rows->n)) {
        return false;
    }
    for (size_t p = 0; p < o->pair_count; p++) {
        for (size_t at = 0; at < rows->n; at += CONTRACT_BATCH) {
            size_t n = rows->n - at;
            if (!read_ends(ex, &o->pairs[p], rows->ends + at,
                           n < CONTRACT_BATCH ? n : CONTRACT_BATCH)) {
                return false;
            }
        }
    }
    return true;
}

/* What a page of large bodies took is given back with the next small one. */
#define KEEP_BYTES ((size_t)1 << 20)

void hold_page(struct extractor *ex)
{
    struct dr_arena *arena = ex->page_arena;
    struct dr_buf bytes = ex->held;

    ex->page_arena = ex->inner_arena;
    ex->inner_arena = arena;
    ex->held = ex->api.answer;
    dr_arena_reset(arena);
    if (bytes.cap > KEEP_BYTES) {
        size_t max = bytes.max;
        dr_buf_done(&bytes);
        dr_buf_init(&bytes, max);
    }
    ex->api.answer = bytes;
}

void hold_in(struct extractor *ex, struct dr_arena *arena, struct page *page)
{
    struct dr_err err = {0};
    struct dr_str body;

    dr_arena_reset(arena);
    body = dr_arena_dup(arena, dr_buf_view(&ex->api.answer));
    if (page_parse(arena, body, page, &err)) {
        dr_die(DR_EXIT_INVARIANT, "extractor",
               "a page that was read once cannot be read again: %s", err.text);
    }
}

/* Before the records, and there when they are: one that was sent may never be
 * read again, and what is damaged in it would stay untold. */
static void tell_rows(struct extractor *ex, struct object *o,
                      const struct rows *rows)
{
    size_t told = dr_map_count(ex->told);

    for (size_t i = 0; i < rows->n; i++) {
        const struct dr_source *s = &rows->v[i];
        if (!rows->ends[i].bad) {
            tell_flags(ex, o,
                       &(struct flagged){.id = s->id, .version = s->version},
                       rows->row[i]);
        }
    }
    if (dr_map_count(ex->told) > told) {
        emit_flush(ex);
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
            emit_rejected_row(ex, o, row, err.text);
            continue;
        }
        if (rows->n == CONTRACT_PAGE) {
            dr_die(DR_EXIT_FAILURE, "source",
                   "a page of %s holds more than %d rows: the contract allows "
                   "no more",
                   o->name, CONTRACT_PAGE);
        }
        s.origin = origin;
        rows->ends[rows->n].id = s.id;
        rows->row[rows->n] = row;
        rows->v[rows->n++] = s;
    }
    going = add_ends(ex, o, rows);
    if (going) {
        tell_rows(ex, o, rows);
    }
    for (size_t i = 0; going && i < rows->n; i++) {
        struct dr_source *s = &rows->v[i];
        const struct ends *e = &rows->ends[i];
        if (e->bad) {
            emit_unreadable(ex, o, s->id, e->bad);
            continue;
        }
        s->assocs = e->vec.v;
        s->assoc_count = e->vec.n;
        emit_source(ex, o, s, page->server_ms);
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

    if (dr_str_eqz(reason, "merged")) {
        s.op = DR_SRC_MERGE;
        s.merged_into = dr_json_scalar(dr_json_get(miss, "merged_into"));
    } else if (dr_str_eqz(reason, "forbidden")) {
        s.op = DR_SRC_HIDDEN;
    }
    if (!id_ok(s.id) || (s.merged_into.n > 0 && !id_ok(s.merged_into))) {
        emit_rejected_row(ex, o, miss,
                          "a missing record has no usable id or merged_into");
    } else if (dr_str_eqz(reason, "corrupt")) {
        emit_unreadable(ex, o, s.id,
                        "FastTrack cannot read this record itself (corrupt)");
    } else if (s.op == DR_SRC_MERGE || !merges_knew(ex, o, s.id)) {
        emit_source(ex, o, &s, server_ms);
    }
}

bool read_ids(struct extractor *ex, struct object *o, const struct dr_str *ids,
              size_t n, enum dr_origin origin)
{
    struct page page;
    enum api_result r;

    DR_ASSERT(n > 0 && n <= CONTRACT_BATCH);
    path_batch(&ex->path, o->name);
    body_ids(&ex->body, ids, n);
    r = api_read(&ex->api, ex->path.p, dr_buf_view(&ex->body), ex->inner_arena,
                 &page);
    if (r == API_STOPPED) {
        return false;
    }
    if (r == API_LARGE && n == 1) {
        emit_too_large(ex, o, ids[0], (struct dr_str){0});
        return true;
    }
    if (r == API_POISON && n == 1) {
        emit_unreadable(ex, o, ids[0],
                        "every answer that should hold this record breaks");
        return true;
    }
    if (r == API_POISON ||
        r == API_LARGE) { /* halve, until what breaks it stands alone */
        return read_ids(ex, o, ids, n / 2, origin) &&
               read_ids(ex, o, ids + n / 2, n - n / 2, origin);
    }
    hold_page(ex);
    if (!emit_rows(ex, o, &page, origin)) {
        return false;
    }
    DR_JSON_EACH(miss, dr_json_get(page.root, "missing"))
    {
        emit_missing(ex, o, miss, page.server_ms, origin);
    }
    return true;
}
