/*
 * The ends of associations, for a batch of ids of one pair. A row with more
 * ends than an answer holds is followed to its end; a batch that cannot be
 * read is halved until the one that breaks it stands alone.
 */
#include "extractor.h"

#include <drover/base/log.h>

/* An answer's strings live in the call's buffer: they are copied beside the
 * records they belong to. */
static void keep(struct dr_arena *arena, struct assoc_vec *vec, size_t from)
{
    for (size_t i = from; i < vec->n; i++) {
        struct dr_assoc *a = &vec->v[i];
        a->to_id = dr_arena_dup(arena, a->to_id);
        a->type_id = dr_arena_dup(arena, a->type_id);
        a->label = dr_arena_dup(arena, a->label);
        a->category = dr_arena_dup(arena, a->category);
    }
}

static struct ends *ends_of(struct ends *of, size_t n, struct dr_str id)
{
    for (size_t i = 0; i < n; i++) {
        if (dr_str_eq(of[i].id, id)) {
            return &of[i];
        }
    }
    return NULL;
}

static void take_row(struct extractor *ex, const struct pair *pair,
                     struct ends *e, const struct dr_json *row)
{
    struct dr_str after = assoc_row_after(row);
    size_t had = e->vec.n;

    if (assoc_row_parse(row, dr_str_z(pair->name), &e->vec)) {
        e->bad = "an association of it is not text: an id, a type or a label "
                 "is too long, not UTF-8, or holds NUL";
    }
    keep(ex->page_arena, &e->vec, had);
    if (after.n > 0 &&
        (after.n >= CONTRACT_AFTER_MAX || dr_str_eq(after, e->after))) {
        e->bad = "the list of its associations does not end";
    }
    e->after =
        e->bad ? (struct dr_str){0} : dr_arena_dup(ex->page_arena, after);
}

static void take_rows(struct extractor *ex, const struct pair *pair,
                      const struct page *page, struct ends *of, size_t n)
{
    DR_JSON_EACH(row, dr_json_get(page->root, "results"))
    {
        struct ends *e =
            ends_of(of, n, dr_json_scalar(dr_json_get(row, "from")));
        if (e) {
            take_row(ex, pair, e, row);
        }
    }
}

/* What did not fit into the first answer. */
static bool follow(struct extractor *ex, const struct pair *pair,
                   struct ends *e)
{
    while (e->after.n > 0) {
        struct page page;
        struct dr_str before = e->after;
        enum api_result r;

        path_assoc_batch(&ex->path, pair->from, pair->to);
        body_ids_after(&ex->body, e->id, e->after);
        r = api_read(&ex->api, ex->path.p, dr_buf_view(&ex->body),
                     ex->inner_arena, &page);
        if (r == API_STOPPED) {
            return false;
        }
        if (r == API_OK) {
            take_rows(ex, pair, &page, e, 1);
        }
        if (r == API_POISON || r == API_LARGE ||
            (!e->bad && dr_str_eq(e->after, before))) {
            e->bad = "FastTrack cannot read all associations of it";
            e->after = (struct dr_str){0};
        }
    }
    return true;
}

/* A tenant without the pair has no ends of it. */
static enum api_result ask_ends(struct extractor *ex, struct page *page)
{
    struct dr_err err = {0};
    enum api_result r = api_page(&ex->api, ex->path.p, dr_buf_view(&ex->body),
                                 ex->inner_arena, page, &err);

    if (r == API_NO && ex->api.status != 404) {
        api_refused(&ex->api, ex->path.p);
    }
    return r;
}

bool read_ends(struct extractor *ex, const struct pair *pair, struct ends *of,
               size_t n)
{
    struct dr_str ids[CONTRACT_BATCH];
    struct page page;
    enum api_result r;

    DR_ASSERT(n > 0 && n <= CONTRACT_BATCH);
    for (size_t i = 0; i < n; i++) {
        ids[i] = of[i].id;
        of[i].after = (struct dr_str){0};
    }
    path_assoc_batch(&ex->path, pair->from, pair->to);
    body_ids(&ex->body, ids, n);
    r = ask_ends(ex, &page);
    if (r == API_NO) {
        return true;
    }
    if (r == API_STOPPED) {
        return false;
    }
    if ((r == API_POISON || r == API_LARGE) && n == 1) {
        of->bad = "FastTrack cannot read its associations";
        return true;
    }
    if (r == API_POISON || r == API_LARGE) {
        return read_ends(ex, pair, of, n / 2) &&
               read_ends(ex, pair, of + n / 2, n - n / 2);
    }
    take_rows(ex, pair, &page, of, n);
    for (size_t i = 0; i < n; i++) {
        if (!follow(ex, pair, &of[i])) {
            return false;
        }
    }
    return true;
}
