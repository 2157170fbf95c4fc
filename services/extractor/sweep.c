/*
 * The index sweep (contract 3.5): ids and versions of everything, compared
 * with what was emitted. It looks at no stamp, so it finds what the tail's
 * assumptions would miss. Absence is confirmed by a direct read; mass absence
 * stops the run.
 */
#include "extractor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>

/* Candidates beyond the larger of these two are not believed, nor that all
 * records of an object are gone at once. */
#define MASS_ABSENCE 50
#define MASS_ABSENCE_SHARE 200 /* one in 200: 0.5 % */

struct found {
    char text[CONTRACT_BATCH][CONTRACT_ID_MAX + 1];
    struct dr_str v[CONTRACT_BATCH];
    size_t n;
    enum dr_origin origin;
};

static bool found_flush(struct extractor *ex, struct object *o, struct found *f)
{
    bool going = true;

    if (f->n > 0) {
        going = read_ids(ex, o, f->v, f->n, f->origin);
        emit_flush(ex);
        f->n = 0;
    }
    return going;
}

static bool found_add(struct extractor *ex, struct object *o, struct found *f,
                      struct dr_str id)
{
    snprintf(f->text[f->n], sizeof(f->text[0]), DR_STR_FMT, DR_STR_ARG(id));
    f->v[f->n] = (struct dr_str){f->text[f->n], id.n};
    f->n++;
    return f->n < CONTRACT_BATCH || found_flush(ex, o, f);
}

/* ---- what was rejected and is not in the index any more ---- */

static void unread_key(struct dr_buf *b, const struct object *o,
                       struct dr_str id)
{
    dr_buf_init(b, 512);
    dr_buf_printf(b, "%s:" DR_STR_FMT, o->name, DR_STR_ARG(id));
}

/* A record that was never sent is not among those that the index is compared
 * with: what of the rejected ones it still has is noted aside. */
static void saw_rejected(struct extractor *ex, struct object *o,
                         struct dr_str id)
{
    struct dr_buf key;

    if (o->quarantined > 0) {
        unread_key(&key, o, id);
        if (dr_map_has(ex->unreadable, dr_buf_view(&key))) {
            dr_map_put(ex->listed, dr_buf_view(&key), o);
        }
        dr_buf_done(&key);
    }
}

/* The others are asked for by id: one that is deleted is deleted, and no
 * record that cannot be read. */
static bool confirm_rejected(struct extractor *ex, struct object *o,
                             struct found *f)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(HELD_MAX);
    size_t max = dr_map_count(ex->unreadable), at = 0, n = 0;
    struct dr_str *ids = dr_xcalloc(max + 1, sizeof(*ids)), key;
    bool going = true;
    void *of;

    while (dr_map_next(ex->unreadable, &at, &key, &of)) {
        struct dr_str id = key;

        (void)dr_str_split(&id, ':');
        if (((const struct bad *)of)->of == o && id_ok(id) &&
            !dr_str_starts(id, DR_STR_LIT("(no id)")) &&
            !dr_map_has(ex->listed, key)) {
            ids[n++] = dr_arena_dup(a, id);
        }
    }
    for (size_t i = 0; going && i < n; i++) {
        going = found_add(ex, o, f, ids[i]);
    }
    free(ids);
    return going && found_flush(ex, o, f);
}

/* ---- ids and versions ---- */

static bool is_deal(const struct object *o)
{
    return strcmp(o->name, "deal") == 0;
}

/* Unknown to us, another version, or one that could not be read: read it
 * again. It is a miss of the tail when its stamp lies below the watermark; but
 * that the token may see it again has moved none. */
static bool differs(struct extractor *ex, struct object *o,
                    const struct index_row *row)
{
    struct emitted_row known = {0};
    bool lives =
        emitted_get(ex->emitted, object_index(ex, o), row->id, &known) &&
        !known.gone;
    bool bad = was_rejected(ex, o, row->id);

    saw_rejected(ex, o, row->id);
    if ((lives && !bad && known.version == row->version) ||
        (ex->until_ms > 0 && row->updated_ms >= ex->until_ms)) {
        return false; /* or beyond what is wanted */
    }
    if (is_deal(o) && (!lives || bad)) {
        dr_map_put(ex->back, row->id, o);
    }
    if (row->updated_ms < o->cursor.watermark_ms && !known.hidden && !bad) {
        ex->tail_misses++;
        dr_log(DR_LOG_ERROR, "extractor.tail_miss",
               "object=%s record_id=" DR_STR_FMT, o->name, DR_STR_ARG(row->id));
    }
    return true;
}

static bool sweep_index(struct extractor *ex, struct object *o, struct found *f)
{
    struct dr_arena *held DR_AUTO(dr_arena) = dr_arena_new(HELD_MAX);
    char after[CURSOR_AFTER_MAX] = "";

    do {
        struct page page;

        path_index(&ex->path, o->name, dr_str_z(after));
        if (!api_must(&ex->api, ex->path.p, after, ex->inner_arena,
                      CONTRACT_INDEX_PAGE, &page)) {
            return false;
        }
        hold_in(ex, held, &page);
        api_turn(&page, after);
        DR_JSON_EACH(j, dr_json_get(page.root, "results"))
        {
            struct index_row row;
            if (!index_row(ex, o, j, &row)) {
                continue;
            }
            emitted_sweep_saw(ex->emitted, object_index(ex, o), row.id);
            if ((f->origin != DR_ORIGIN_SWEEP || differs(ex, o, &row) ||
                 o->cursor.by_content) &&
                !found_add(ex, o, f, row.id)) {
                return false;
            }
        }
    } while (after[0] != '\0');
    return found_flush(ex, o, f);
}

/* A source without an index: all bodies are read again, and the content says
 * what differs. A stamp that moved below the watermark is a miss; what moves
 * no stamp (an association, an archiving) only the sweep can find. */
static bool sweep_list(struct extractor *ex, struct object *o,
                       enum dr_origin origin)
{
    char after[CURSOR_AFTER_MAX] = "";

    do {
        struct page page;

        path_list(&ex->path, o->name, dr_str_z(after), CONTRACT_PAGE);
        if (!api_must(&ex->api, ex->path.p, after, ex->inner_arena,
                      CONTRACT_PAGE, &page)) {
            return false;
        }
        hold_page(ex);
        api_turn(&page, after);
        DR_JSON_EACH(j, dr_json_get(page.root, "results"))
        {
            struct dr_source s;
            struct dr_err err = {0};
            if (record_parse(j, &s, &err)) {
                continue; /* rejected with the others of its kind */
            }
            emitted_sweep_saw(ex->emitted, object_index(ex, o), s.id);
            if (origin == DR_ORIGIN_SWEEP) {
                (void)differs(ex, o,
                              &(struct index_row){.id = s.id,
                                                  .version = s.version,
                                                  .updated_ms = s.updated_ms});
            }
        }
        if (!emit_rows(ex, o, &page, origin)) {
            return false;
        }
        emit_flush(ex);
        emit_status(ex, false);
    } while (after[0] != '\0');
    return true;
}

static bool has_index(const struct extractor *ex, const struct object *o)
{
    return !ex->profile.mapped ||
           profile_part(&ex->profile, dr_str_z(o->name), "index");
}

static bool confirm_absent(struct extractor *ex, struct object *o,
                           struct found *f)
{
    int kind = object_index(ex, o);
    size_t missing = emitted_sweep_missing(ex->emitted, kind);
    size_t share = emitted_count(ex->emitted, kind) / MASS_ABSENCE_SHARE;
    struct dr_str *ids;
    size_t at = 0, n = 0;
    bool going = true;

    if (missing > (share > MASS_ABSENCE ? share : MASS_ABSENCE) ||
        (missing > 0 && missing == emitted_living(ex->emitted, kind))) {
        char text[sizeof(ex->asks[0].text)];
        (void)snprintf(text, sizeof(text),
                       "%zu records of %s are not in the source's index any "
                       "more: check the token's scope and the plan, then start "
                       "again; or approve that they are gone",
                       missing, o->name);
        if (!ask_absence(ex, kind, text)) {
            (void)snprintf(ex->halted, sizeof(ex->halted), "%s", text);
            dr_log(DR_LOG_ERROR, "extractor.mass_absence", "%s", ex->halted);
            return true;
        }
    }
    ids = dr_xcalloc(missing + 1, sizeof(*ids));
    while (n < missing && emitted_sweep_next(ex->emitted, kind, &at, &ids[n])) {
        n++;
    }
    for (size_t i = 0; going && i < n; i++) {
        going = found_add(ex, o, f, ids[i]);
    }
    free(ids);
    return going && found_flush(ex, o, f);
}

static bool sweep_object(struct extractor *ex, struct object *o)
{
    struct found *f = dr_xcalloc(1, sizeof(*f));
    bool going;

    emitted_sweep_begin(ex->emitted, object_index(ex, o));
    dr_map_free(ex->listed);
    ex->listed = dr_map_new(NULL);
    f->origin = DR_ORIGIN_SWEEP;
    going =
        has_index(ex, o) ? sweep_index(ex, o, f) : sweep_list(ex, o, f->origin);
    if (going) {
        going = confirm_absent(ex, o, f) && confirm_rejected(ex, o, f) &&
                flush_stirred(ex);
    }
    free(f);
    return going;
}

bool read_whole(struct extractor *ex, struct object *o)
{
    struct found *f = dr_xcalloc(1, sizeof(*f));
    bool going;

    emitted_sweep_begin(ex->emitted, object_index(ex, o));
    f->origin = DR_ORIGIN_TAIL;
    going =
        has_index(ex, o) ? sweep_index(ex, o, f) : sweep_list(ex, o, f->origin);
    free(f);
    return going;
}

/* Line items are held by deal, so they are swept by deal: all sets are read
 * again, then those whose deal is gone, then the lines that no set holds. */
static bool sweep_lines(struct extractor *ex, struct object *o)
{
    emitted_sweep_begin(ex->emitted, object_index(ex, o));
    dr_map_free(ex->lines);
    ex->lines = dr_map_new(NULL);
    if (!line_sets(ex, o, DR_ORIGIN_SWEEP) || !unseen_lines(ex, o) ||
        !orphan_lines(ex, o)) {
        return false;
    }
    gone_lines(ex, o);
    return true;
}

static bool sweep_all(struct extractor *ex)
{
    for (size_t i = 0; i < ex->object_count; i++) {
        struct object *o = &ex->objects[i];
        bool lines = o->is == OBJECT_LINES;

        if (!o->readable || (lines && !object_find(ex, DR_STR_LIT("deal")))) {
            continue;
        }
        /* What names a merge that the sweep has found is no miss of its own:
         * these two are read again whole, and so compared by content. */
        if ((lines || o->is == OBJECT_EVENTS) && !merges_settle(ex)) {
            return false;
        }
        if (o->is == OBJECT_EVENTS ? !sweep_events(ex, o)
            : lines                ? !sweep_lines(ex, o)
                                   : !sweep_object(ex, o)) {
            return false;
        }
    }
    emit_flush(ex);
    return true;
}

bool sweep(struct extractor *ex)
{
    bool going = reread_redacted(ex, true, DR_ORIGIN_SWEEP) && sweep_all(ex);

    dr_map_free(ex->back);
    ex->back = dr_map_new(NULL);
    return going;
}
