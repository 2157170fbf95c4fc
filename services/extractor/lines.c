/*
 * A deal's line items as one set (design 3): the target takes them as one.
 * The set is read through the association deal/line_item and keyed by the
 * deal's id.
 */
#include "extractor.h"

#include <stdio.h>
#include <stdlib.h>

#include <drover/base/log.h>

struct line {
    size_t deal;      /* index in the batch */
    struct dr_str id; /* in the page arena  */
    uint64_t version;
    struct dr_str body;
    bool found;
};

struct lines {
    struct line *v;
    size_t n, cap;
};

static void add_line(struct lines *l, size_t deal, struct dr_str id)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 256;
        l->v = dr_xrealloc(l->v, l->cap * sizeof(*l->v));
    }
    l->v[l->n++] = (struct line){.deal = deal, .id = id};
}

/* Ids of the lines of each deal. Rows with more ends than an answer holds are
 * continued by the source's own cursor. */
static bool list_lines(struct extractor *ex, const struct dr_str *deals,
                       size_t n, struct lines *out, int64_t *server_ms)
{
    struct dr_err err = {0};
    struct page page;
    struct assoc_vec ends = {0};
    enum api_result r;

    dr_buf_reset(&ex->path);
    dr_buf_z(&ex->path, "/v1/associations/deal/line_item/batch/read");
    body_ids(&ex->body, deals, n);
    r = api_page(&ex->api, ex->path.p, dr_buf_view(&ex->body), ex->inner_arena,
                 &page, &err);
    if (r != API_OK) {
        return r != API_STOPPED;
    }
    *server_ms = page.server_ms;
    DR_JSON_EACH(row, dr_json_get(page.root, "results"))
    {
        struct dr_str from = dr_json_scalar(dr_json_get(row, "from"));
        for (size_t d = 0; d < n; d++) {
            if (!dr_str_eq(deals[d], from)) {
                continue;
            }
            ends.n = 0;
            assoc_row_parse(row, DR_STR_LIT("deal_line_item"), &ends);
            for (size_t i = 0; i < ends.n; i++) {
                add_line(out, d, dr_arena_dup(ex->page_arena, ends.v[i].to_id));
                dr_map_put(ex->lines, ends.v[i].to_id, ex);
            }
        }
    }
    free(ends.v);
    return true;
}

static struct line *find_line(struct lines *l, size_t from, size_t to,
                              struct dr_str id)
{
    for (size_t i = from; i < to; i++) {
        if (dr_str_eq(l->v[i].id, id)) {
            return &l->v[i];
        }
    }
    return NULL;
}

static void reject_line(struct extractor *ex, struct object *o,
                        struct dr_str deal, struct dr_str id)
{
    struct reject r = {
        .id = deal.n ? deal : id,
        .part_id = id,
        .class = DR_STR_LIT("unreadable"),
        .reason = DR_STR_LIT("FastTrack cannot read this line item"),
        .cure = DR_STR_LIT("ask FastTrack to repair the line, or accept that "
                           "it stays behind"),
    };

    emit_rejected(ex, o, &r);
}

static bool read_bodies(struct extractor *ex, struct object *o,
                        const struct dr_str *deals, struct lines *l,
                        size_t from, size_t to)
{
    struct dr_err err = {0};
    struct dr_str ids[CONTRACT_BATCH];
    struct page page;
    enum api_result r;

    for (size_t i = from; i < to; i++) {
        ids[i - from] = l->v[i].id;
    }
    path_batch(&ex->path, o->name);
    body_ids(&ex->body, ids, to - from);
    r = api_page(&ex->api, ex->path.p, dr_buf_view(&ex->body), ex->inner_arena,
                 &page, &err);
    if (r != API_OK) {
        return r != API_STOPPED;
    }
    DR_JSON_EACH(row, dr_json_get(page.root, "results"))
    {
        struct dr_source s;
        struct line *line;
        if (record_parse(row, &s, &err)) {
            continue;
        }
        line = find_line(l, from, to, s.id);
        if (line) {
            line->found = true;
            line->version = s.version;
            line->body = dr_arena_dup(ex->page_arena, s.body);
        }
    }
    for (size_t i = from; i < to; i++) {
        if (!l->v[i].found) {
            reject_line(ex, o, deals[l->v[i].deal], l->v[i].id);
        }
    }
    return true;
}

static void emit_sets(struct extractor *ex, struct object *o,
                      const struct dr_str *deals, size_t n,
                      const struct lines *l, int64_t server_ms,
                      enum dr_origin origin)
{
    struct dr_part *parts = dr_xcalloc(l->n + 1, sizeof(*parts));

    for (size_t d = 0; d < n; d++) {
        struct dr_source s = {.id = deals[d],
                              .op = DR_SRC_UPSERT,
                              .origin = origin,
                              .parts = parts};
        struct emitted_row before;
        int kind = object_index(ex, o);

        for (size_t i = 0; i < l->n; i++) {
            if (l->v[i].deal == d && l->v[i].found) {
                parts[s.part_count++] =
                    (struct dr_part){.id = l->v[i].id,
                                     .version = l->v[i].version,
                                     .body = l->v[i].body};
            }
        }
        /* A deal that never had a line needs no record; one that lost its
         * last line does. */
        if (s.part_count > 0 || emitted_get(ex->emitted, kind, s.id, &before)) {
            emit_source(ex, o, &s, server_ms);
        }
    }
    free(parts);
}

bool read_line_sets(struct extractor *ex, const struct dr_str *deals, size_t n,
                    enum dr_origin origin)
{
    struct object *o = object_find(ex, DR_STR_LIT("line_item"));
    struct lines l = {0};
    struct dr_str kept[CONTRACT_BATCH];
    int64_t server_ms = ex->api.server_ms;
    bool going;

    if (!o) {
        return true;
    }
    DR_ASSERT(n <= CONTRACT_BATCH);
    for (size_t i = 0; i < n; i++) {
        kept[i] = deals[i];
    }
    going = list_lines(ex, kept, n, &l, &server_ms);
    for (size_t at = 0; going && at < l.n; at += CONTRACT_BATCH) {
        size_t to = at + CONTRACT_BATCH < l.n ? at + CONTRACT_BATCH : l.n;
        going = read_bodies(ex, o, kept, &l, at, to);
    }
    if (going) {
        emit_sets(ex, o, kept, n, &l, server_ms, origin);
    }
    free(l.v);
    return going;
}

/* Lines without a deal, each a record of its own under its own id. */
static bool lone_lines(struct extractor *ex, struct object *o,
                       const struct dr_str *ids, size_t n)
{
    struct lines l = {0};
    bool going;

    for (size_t i = 0; i < n; i++) {
        add_line(&l, i, ids[i]);
    }
    going = read_bodies(ex, o, ids, &l, 0, n);
    if (going) {
        emit_sets(ex, o, ids, n, &l, ex->api.server_ms, DR_ORIGIN_SWEEP);
        emit_flush(ex);
    }
    free(l.v);
    return going;
}

bool orphan_lines(struct extractor *ex, struct object *o)
{
    struct dr_err err = {0};
    char after[CURSOR_AFTER_MAX] = "";

    do {
        struct page page;
        struct dr_str ids[CONTRACT_BATCH];
        size_t n = 0;

        path_index(&ex->path, o->name, dr_str_z(after));
        if (api_page(&ex->api, ex->path.p, (struct dr_str){0}, ex->inner_arena,
                     &page, &err) != API_OK) {
            return !dr_stop;
        }
        hold_page(ex, &page);
        snprintf(after, sizeof(after), DR_STR_FMT, DR_STR_ARG(page.next));
        DR_JSON_EACH(j, dr_json_get(page.root, "results"))
        {
            struct index_row row;
            if (index_row_parse(j, &row) || dr_map_has(ex->lines, row.id)) {
                continue;
            }
            ids[n++] = row.id;
            if (n == CONTRACT_BATCH) {
                if (!lone_lines(ex, o, ids, n)) {
                    return false;
                }
                n = 0;
            }
        }
        if (n > 0 && !lone_lines(ex, o, ids, n)) {
            return false;
        }
    } while (after[0] != '\0');
    return true;
}
