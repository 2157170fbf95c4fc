/*
 * A deal's line items as one set (design 3): the target takes them as one.
 * The set is read through the association deal/line_item and keyed by the
 * deal's id.
 */
#include "extractor.h"

#include <stdlib.h>

#include <drover/base/log.h>

#include "folder.h"

struct line {
    size_t deal;      /* index in the batch */
    struct dr_str id; /* in the page arena  */
    uint64_t version;
    int64_t updated_ms;
    struct dr_str body;
    bool found, settled; /* settled: read, gone or rejected */
    bool rejected;
    bool priced; /* it names a currency */
};

struct lines {
    struct line *v;
    size_t n, cap;
};

/* A line once a deal, however often the source lists it. */
static void add_line(struct lines *l, size_t deal, struct dr_str id)
{
    for (size_t i = l->n; i > 0 && l->v[i - 1].deal == deal; i--) {
        if (dr_str_eq(l->v[i - 1].id, id)) {
            return;
        }
    }
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 256;
        l->v = dr_xrealloc(l->v, l->cap * sizeof(*l->v));
    }
    l->v[l->n++] = (struct line){.deal = deal, .id = id};
}

/* What a line is held against: the target's has no currency but its deal's. */
struct priced {
    bool known;             /* the deal was read */
    struct dr_str currency; /* in the page arena; empty: none */
    int64_t updated_ms;
};

/* The deals of one batch and the lines that their sets hold. */
struct sets {
    struct ends deal[CONTRACT_BATCH];
    struct priced priced[CONTRACT_BATCH];
    size_t n;
    struct lines lines;
};

static void sets_done(struct sets *s)
{
    for (size_t d = 0; d < s->n; d++) {
        free(s->deal[d].vec.v);
    }
    free(s->lines.v);
}

static bool list_lines(struct extractor *ex, struct object *o, struct sets *s)
{
    static const struct pair lines = {"deal", "line_item", "deal_line_item"};

    if (!read_ends(ex, &lines, s->deal, s->n)) {
        return false;
    }
    for (size_t d = 0; d < s->n; d++) {
        const struct ends *e = &s->deal[d];
        if (e->bad) {
            emit_unreadable(ex, o, e->id, e->bad);
            continue;
        }
        for (size_t i = 0; i < e->vec.n; i++) {
            add_line(&s->lines, d, e->vec.v[i].to_id);
            dr_map_put(ex->lines, e->vec.v[i].to_id, ex);
        }
    }
    return true;
}

static void reject_line(struct extractor *ex, struct object *o,
                        const struct sets *s, struct line *line,
                        const char *reason)
{
    struct reject r = {
        .id = s->deal[line->deal].id,
        .part_id = line->id,
        .class = DR_STR_LIT("unreadable"),
        .reason = dr_str_z(reason),
        .cure = DR_STR_LIT("ask FastTrack to repair the line, or accept that "
                           "it stays behind"),
    };

    line->settled = line->rejected = true;
    emit_rejected(ex, o, &r);
}

/* Two deals may name one line: each of them gets it. */
static void take_body(struct extractor *ex, struct object *o, struct sets *s,
                      size_t from, size_t to, const struct dr_json *row)
{
    struct dr_str currency =
        dr_json_scalar(dr_json_get(dr_json_get(row, "properties"), "currency"));
    struct dr_source src;
    struct dr_err err = {0};

    if (record_parse(row, &src, &err)) {
        return; /* it stays unsettled and is rejected by name */
    }
    for (size_t i = from; i < to; i++) {
        struct line *line = &s->lines.v[i];
        if (dr_str_eq(line->id, src.id)) {
            line->found = line->settled = true;
            line->priced = currency.n > 0;
            line->version = src.version;
            line->updated_ms = folder_stamp(ex->api.folder, src.updated_ms);
            line->body = dr_arena_dup(ex->page_arena, src.body);
            tell_flags(ex, o,
                       &(struct flagged){.id = s->deal[line->deal].id,
                                         .part_id = line->id,
                                         .version = line->version},
                       row);
        }
    }
}

/* A line deleted or merged since its deal was read is gone, not lost. */
static void take_missing(struct extractor *ex, struct object *o, struct sets *s,
                         size_t from, size_t to, const struct dr_json *miss)
{
    struct dr_str id = dr_json_scalar(dr_json_get(miss, "id"));
    struct dr_str why = dr_json_get_str(miss, "reason");

    for (size_t i = from; i < to; i++) {
        struct line *line = &s->lines.v[i];
        if (!dr_str_eq(line->id, id)) {
            continue;
        }
        if (dr_str_eqz(why, "deleted") || dr_str_eqz(why, "merged")) {
            line->settled = true;
        } else if (dr_str_eqz(why, "forbidden")) {
            reject_line(ex, o, s, line,
                        "the token may not read this line item");
        } else {
            reject_line(ex, o, s, line,
                        "FastTrack cannot read this line item (corrupt)");
        }
    }
}

static bool read_bodies(struct extractor *ex, struct object *o, struct sets *s,
                        size_t from, size_t to)
{
    struct dr_str ids[CONTRACT_BATCH];
    struct page page;
    enum api_result r;

    for (size_t i = from; i < to; i++) {
        ids[i - from] = s->lines.v[i].id;
    }
    path_batch(&ex->path, o->name);
    body_ids(&ex->body, ids, to - from);
    r = api_read(&ex->api, ex->path.p, dr_buf_view(&ex->body), ex->inner_arena,
                 &page);
    if (r == API_STOPPED) {
        return false;
    }
    if ((r == API_POISON || r == API_LARGE) && to - from > 1) {
        size_t mid = from + (to - from) / 2;
        return read_bodies(ex, o, s, from, mid) &&
               read_bodies(ex, o, s, mid, to);
    }
    if (r == API_OK) {
        DR_JSON_EACH(row, dr_json_get(page.root, "results"))
        {
            take_body(ex, o, s, from, to, row);
        }
        DR_JSON_EACH(miss, dr_json_get(page.root, "missing"))
        {
            take_missing(ex, o, s, from, to, miss);
        }
    }
    for (size_t i = from; i < to; i++) {
        if (!s->lines.v[i].settled) {
            reject_line(ex, o, s, &s->lines.v[i],
                        "FastTrack gives no readable line item for this id");
        }
    }
    return true;
}

/* ---- the currencies of deals ---- */

static void take_deal(struct extractor *ex, struct sets *s,
                      const struct dr_json *row)
{
    struct dr_str currency =
        dr_json_scalar(dr_json_get(dr_json_get(row, "properties"), "currency"));
    struct dr_source src;
    struct dr_err err = {0};

    for (size_t d = 0; record_parse(row, &src, &err) == 0 && d < s->n; d++) {
        if (dr_str_eq(s->deal[d].id, src.id)) {
            /* Hidden is not known; null would be "it has none". */
            s->priced[d] = (struct priced){
                .known = !dr_json_lists(dr_json_get(row, "redacted"),
                                        DR_STR_LIT("currency")),
                .currency = dr_arena_dup(
                    ex->page_arena, dr_utf8_prefix(currency, CURRENCY_MAX)),
                .updated_ms = folder_stamp(ex->api.folder, src.updated_ms)};
        }
    }
}

/* A deal that cannot be read is told where it is read itself: its set says
 * nothing of its currency then. */
static bool read_deals(struct extractor *ex, struct sets *s,
                       const struct dr_str *ids, size_t n)
{
    struct page page;
    enum api_result r;

    path_batch(&ex->path, "deal");
    body_ids(&ex->body, ids, n);
    r = api_read(&ex->api, ex->path.p, dr_buf_view(&ex->body), ex->inner_arena,
                 &page);
    if (r == API_STOPPED) {
        return false;
    }
    if ((r == API_POISON || r == API_LARGE) && n > 1) {
        return read_deals(ex, s, ids, n / 2) &&
               read_deals(ex, s, ids + n / 2, n - n / 2);
    }
    DR_JSON_EACH(row, r == API_OK ? dr_json_get(page.root, "results") : NULL)
    {
        take_deal(ex, s, row);
    }
    return true;
}

/* A deal that cannot be read any more keeps what its set said of it. */
static void recall(const struct extractor *ex, const struct object *o,
                   struct sets *s, size_t d)
{
    struct emitted_row row;

    if (!s->priced[d].known &&
        emitted_get(ex->emitted, object_index(ex, o), s->deal[d].id, &row) &&
        row.said > 0) {
        s->priced[d] = (struct priced){
            .known = true,
            .currency = currencies_get(&ex->currencies, row.said)};
    }
}

/* Of those deals alone whose lines name a currency. */
static bool read_currencies(struct extractor *ex, const struct object *o,
                            struct sets *s)
{
    struct dr_str ids[CONTRACT_BATCH];
    size_t of[CONTRACT_BATCH];
    size_t n = 0;

    for (size_t i = 0; i < s->lines.n; i++) {
        const struct line *line = &s->lines.v[i];
        if (line->priced && (n == 0 || line->deal != of[n - 1])) {
            of[n] = line->deal; /* in the deals' order */
            ids[n++] = s->deal[line->deal].id;
        }
    }
    if (n > 0 && !read_deals(ex, s, ids, n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        recall(ex, o, s, of[i]);
    }
    return true;
}

/* ---- the sets ---- */

void note_alone(struct extractor *ex, const struct dr_source *s)
{
    if (s->part_count == 1 && dr_str_eq(s->parts[0].id, s->id)) {
        dr_map_put(ex->alone, s->id, ex);
    } else {
        (void)dr_map_del(ex->alone, s->id);
    }
}

void end_alone(struct extractor *ex, struct object *o, struct dr_str id,
               int64_t server_ms)
{
    struct dr_source s = {
        .id = id, .op = DR_SRC_DELETE, .origin = DR_ORIGIN_TAIL};

    if (dr_map_del(ex->alone, id)) {
        emit_source(ex, o, &s, server_ms);
    }
}

/* What a reject of a line is worth when its deal was read again: nothing when
 * the line is whole now, wherever it is, or is no more in this set. */
static bool is_over(const struct sets *s, size_t d, struct dr_str deal,
                    struct dr_str id)
{
    bool of_deal = dr_str_eq(deal, s->deal[d].id);

    for (size_t i = 0; i < s->lines.n; i++) {
        const struct line *line = &s->lines.v[i];
        if (line->deal == d && dr_str_eq(line->id, id)) {
            return line->found || (of_deal && !line->rejected);
        }
    }
    return of_deal;
}

static void forgive_lines(struct extractor *ex, struct object *o,
                          const struct sets *s, size_t d)
{
    struct dr_str key;
    size_t at = 0;
    void *of;

    while (o->quarantined > 0 && dr_map_next(ex->unreadable, &at, &key, &of)) {
        struct dr_str line = key, deal;

        (void)dr_str_split(&line, ':');
        deal = dr_str_split(&line, '/');
        if (((const struct bad *)of)->of == o && line.p &&
            is_over(s, d, deal, line)) {
            (void)dr_map_del(ex->unreadable, key);
            o->quarantined--;
        }
    }
}

/* The sweep found another set than the tail had sent, though nothing in it
 * was changed since: the tail missed it. What the sweep has found of a deal is
 * told of the deal alone: its set comes with it. */
static void count_miss(struct extractor *ex, const struct object *o,
                       struct dr_str id, int64_t newest_ms)
{
    if (newest_ms < o->cursor.watermark_ms) {
        ex->tail_misses++;
        dr_log(DR_LOG_ERROR, "extractor.tail_miss",
               "object=%s record_id=" DR_STR_FMT, o->name, DR_STR_ARG(id));
    }
}

/* The tail learns that a line cannot be read and not of which deal it is: such
 * a set is for the sweep to mend. */
static bool has_rejected(const struct sets *s, size_t d)
{
    for (size_t i = 0; i < s->lines.n; i++) {
        if (s->lines.v[i].deal == d && s->lines.v[i].rejected) {
            return true;
        }
    }
    return false;
}

/* Nothing could be said of its deal, which is gone or cannot be read: that is
 * no change of the set that the tail could have seen. */
static bool has_lost_deal(const struct sets *s, size_t d)
{
    bool priced = false;

    for (size_t i = 0; i < s->lines.n; i++) {
        priced |= s->lines.v[i].deal == d && s->lines.v[i].priced;
    }
    return priced && !s->priced[d].known;
}

static void emit_set(struct extractor *ex, struct object *o,
                     const struct sets *s, size_t d, int64_t server_ms,
                     enum dr_origin origin)
{
    bool sweeping = origin == DR_ORIGIN_SWEEP && o->cursor.phase == CURSOR_TAIL;
    uint64_t before = o->written;
    int64_t newest_ms = s->priced[d].updated_ms;
    struct dr_part *parts = dr_xcalloc(s->lines.n + 1, sizeof(*parts));
    struct dr_source out = {.id = s->deal[d].id,
                            .op = DR_SRC_UPSERT,
                            .origin = origin,
                            .parts = parts};
    struct emitted_row known;

    if (s->priced[d].known) {
        out.body = currencies_print(ex->page_arena, s->priced[d].currency);
    }
    for (size_t i = 0; i < s->lines.n; i++) {
        const struct line *line = &s->lines.v[i];
        if (line->deal == d && line->found) {
            newest_ms =
                line->updated_ms > newest_ms ? line->updated_ms : newest_ms;
            parts[out.part_count++] = (struct dr_part){
                .id = line->id, .version = line->version, .body = line->body};
        }
    }
    /* A deal that never had a line needs no record; one that lost its last
     * line does. */
    if (out.part_count == 0 && dr_map_has(ex->alone, out.id)) {
        end_alone(ex, o, out.id, server_ms);
    } else if (out.part_count > 0 ||
               emitted_get(ex->emitted, object_index(ex, o), out.id, &known)) {
        emit_source(ex, o, &out, server_ms);
        if (sweeping && o->written > before && !has_rejected(s, d) &&
            !has_lost_deal(s, d) && !dr_map_has(ex->back, out.id)) {
            count_miss(ex, o, out.id, newest_ms);
        }
        note_alone(ex, &out);
        for (size_t i = 0; i < out.part_count; i++) {
            if (!dr_str_eq(parts[i].id, out.id)) {
                end_alone(ex, o, parts[i].id, server_ms);
            }
        }
    }
    free(parts);
    forgive_lines(ex, o, s, d);
}

/* Bodies of all lines, what is said of their deals where they have any, then
 * the sets. A set that could not be listed is not sent: an empty one would take
 * the lines away that are there. */
static bool read_sets(struct extractor *ex, struct object *o, struct sets *s,
                      int64_t server_ms, enum dr_origin origin, bool of_deals)
{
    size_t told = dr_map_count(ex->told);

    for (size_t at = 0; at < s->lines.n; at += CONTRACT_BATCH) {
        size_t to = at + CONTRACT_BATCH;
        if (!read_bodies(ex, o, s, at, to < s->lines.n ? to : s->lines.n)) {
            return false;
        }
    }
    if (of_deals && !read_currencies(ex, o, s)) {
        return false;
    }
    if (dr_map_count(ex->told) > told) {
        emit_flush(ex); /* what is damaged is told before its set is sent */
    }
    for (size_t d = 0; d < s->n; d++) {
        if (!s->deal[d].bad) {
            emit_set(ex, o, s, d, server_ms, origin);
        }
    }
    return true;
}

bool read_line_sets(struct extractor *ex, const struct dr_str *deals, size_t n,
                    enum dr_origin origin)
{
    struct object *o = object_find(ex, DR_STR_LIT("line_item"));
    struct sets s = {.n = n};
    int64_t server_ms = ex->api.server_ms;
    bool going;

    if (!o || n == 0) {
        return true;
    }
    DR_ASSERT(n <= CONTRACT_BATCH);
    for (size_t i = 0; i < n; i++) {
        s.deal[i].id = deals[i];
    }
    going =
        list_lines(ex, o, &s) && read_sets(ex, o, &s, server_ms, origin, true);
    sets_done(&s);
    return going;
}

/* Lines without a deal, each a record of its own under its own id. */
static bool lone_lines(struct extractor *ex, struct object *o,
                       const struct dr_str *ids, size_t n)
{
    struct sets s = {.n = n};
    bool going;

    for (size_t i = 0; i < n; i++) {
        s.deal[i].id = ids[i];
        add_line(&s.lines, i, ids[i]);
    }
    going = read_sets(ex, o, &s, ex->api.server_ms, DR_ORIGIN_SWEEP, false);
    for (size_t i = 0; going && i < s.lines.n; i++) {
        if (s.lines.v[i].found || s.lines.v[i].rejected) {
            dr_map_put(ex->lines, s.lines.v[i].id, ex);
        }
    }
    if (going) {
        emit_flush(ex);
    }
    sets_done(&s);
    return going;
}

void gone_lines(struct extractor *ex, struct object *o)
{
    struct dr_str key;
    size_t at = 0;
    void *of;

    while (dr_map_next(ex->unreadable, &at, &key, &of)) {
        struct dr_str line = key;

        (void)dr_str_split(&line, ':');
        (void)dr_str_split(&line, '/');
        if (((const struct bad *)of)->of == o && line.p &&
            !dr_map_has(ex->lines, line)) {
            (void)dr_map_del(ex->unreadable, key);
            o->quarantined--;
        }
    }
}

bool unseen_lines(struct extractor *ex, struct object *o)
{
    int kind = object_index(ex, o);
    size_t n = emitted_sweep_missing(ex->emitted, kind), at = 0;
    struct dr_arena *held DR_AUTO(dr_arena) = dr_arena_new(HELD_MAX);
    struct dr_str *ids = dr_xcalloc(n + 1, sizeof(*ids));
    size_t found = 0;
    bool going = true;

    while (found < n &&
           emitted_sweep_next(ex->emitted, kind, &at, &ids[found])) {
        ids[found] = dr_arena_dup(held, ids[found]);
        found++;
    }
    for (size_t i = 0; going && i < found; i++) {
        dr_arena_reset(ex->page_arena);
        going = dr_map_has(ex->alone, ids[i])
                    ? lone_lines(ex, o, &ids[i], 1)
                    : read_line_sets(ex, &ids[i], 1, DR_ORIGIN_SWEEP);
    }
    free(ids);
    return going;
}

bool orphan_lines(struct extractor *ex, struct object *o)
{
    char after[CURSOR_AFTER_MAX] = "";

    do {
        struct page page;
        struct dr_str ids[CONTRACT_BATCH];
        size_t n = 0;

        path_index(&ex->path, o->name, dr_str_z(after));
        if (!api_must(&ex->api, ex->path.p, after, ex->inner_arena,
                      CONTRACT_INDEX_PAGE, &page)) {
            return false;
        }
        hold_page(ex);
        api_turn(&page, after);
        DR_JSON_EACH(j, dr_json_get(page.root, "results"))
        {
            struct index_row row;
            if (!index_row(ex, o, j, &row) || dr_map_has(ex->lines, row.id)) {
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
