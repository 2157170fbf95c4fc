/*
 * What an attachment hangs on (contract 4.8): its parents, by its own
 * property; and where a parent is an activity, a note or a custom object, the
 * deals, contacts and companies that the parent is associated with. The source
 * lists no associations of attachments: these are made here.
 */
#include "extractor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>

#define PARENTS_MAX 64 /* of one attachment */

static bool is_core(struct dr_str type)
{
    return dr_str_eqz(type, "deal") || dr_str_eqz(type, "contact") ||
           dr_str_eqz(type, "company");
}

static const struct dr_json *parents_of(struct extractor *ex,
                                        const struct dr_source *s)
{
    return dr_json_get(dr_json_get(emit_body(ex, s), "properties"), "parents");
}

static void add_end(struct extractor *ex, struct ends *e, struct dr_str type,
                    struct dr_str id, struct dr_str category,
                    const struct dr_assoc *like)
{
    struct dr_assoc a = like ? *like : (struct dr_assoc){0};

    a.pair = dr_arena_printf(ex->page_arena, "attachment_" DR_STR_FMT,
                             DR_STR_ARG(type));
    a.to_id = id;
    a.category = category;
    assoc_add(&e->vec, &a);
}

/* One parent of one attachment, whose ends are wanted. */
struct link {
    size_t row;
    struct dr_str id;
};

struct links {
    struct link *v;
    size_t n, cap;
};

static void add_link(struct links *l, size_t row, struct dr_str id)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 256;
        l->v = dr_xrealloc(l->v, l->cap * sizeof(*l->v));
    }
    l->v[l->n++] = (struct link){row, id};
}

/* The direct parents; those whose own ends are wanted go to the list of their
 * object. */
static void direct_ends(struct extractor *ex, const struct dr_source *s,
                        struct ends *e, size_t row, struct links *of_object)
{
    size_t n = 0;

    DR_JSON_EACH(p, parents_of(ex, s))
    {
        struct dr_str type = dr_json_get_str(p, "type");
        struct dr_str id = dr_json_scalar(dr_json_get(p, "id"));
        const struct object *o = object_find(ex, type);

        if (!type_ok(type) || !id_ok(id) || ++n > PARENTS_MAX) {
            e->bad = "a parent of it is no record: its type or id is not text "
                     "or too long, or there are more than 64";
            return;
        }
        add_end(ex, e, type, id, DR_STR_LIT("parent"), NULL);
        if (o && !is_core(type) && o->pair_count > 0) {
            add_link(&of_object[object_index(ex, o)], row, id);
        }
    }
}

/* The parents of one batch and what they are associated with. */
struct parents {
    struct ends v[CONTRACT_BATCH];
    size_t n;
};

static bool is_known(const struct parents *p, struct dr_str id)
{
    for (size_t i = 0; i < p->n; i++) {
        if (dr_str_eq(p->v[i].id, id)) {
            return true;
        }
    }
    return false;
}

static void hand_down(struct extractor *ex, const struct object *o,
                      const struct ends *parent, struct ends *e)
{
    struct dr_str via = dr_arena_printf(ex->page_arena, "via:%s:" DR_STR_FMT,
                                        o->name, DR_STR_ARG(parent->id));

    if (parent->bad) {
        e->bad = "the associations of its parent cannot be read";
    }
    for (size_t i = 0; i < parent->vec.n; i++) {
        const struct dr_assoc *a = &parent->vec.v[i];
        size_t skip = strlen(o->name) + 1; /* "note_deal" -> "deal" */
        struct dr_str type = {a->pair.p + skip, a->pair.n - skip};
        add_end(ex, e, type, a->to_id, via, a);
    }
}

static bool batch_ends(struct extractor *ex, const struct object *o,
                       struct parents *p, const struct links *l, size_t from,
                       size_t to, struct ends *of)
{
    bool going = true;

    for (size_t i = 0; going && i < o->pair_count; i++) {
        if (p->n > 0 && is_core(dr_str_z(o->pairs[i].to))) {
            going = read_ends(ex, &o->pairs[i], p->v, p->n);
        }
    }
    for (size_t i = from; going && i < to; i++) {
        for (size_t k = 0; k < p->n; k++) {
            if (dr_str_eq(p->v[k].id, l->v[i].id)) {
                hand_down(ex, o, &p->v[k], &of[l->v[i].row]);
            }
        }
    }
    for (size_t k = 0; k < p->n; k++) {
        free(p->v[k].vec.v);
    }
    p->n = 0;
    return going;
}

static bool object_ends(struct extractor *ex, const struct object *o,
                        const struct links *l, struct ends *of)
{
    struct parents *p = dr_xcalloc(1, sizeof(*p));
    size_t from = 0;
    bool going = true;

    for (size_t i = 0; going && i < l->n; i++) {
        if (!is_known(p, l->v[i].id)) {
            if (p->n == CONTRACT_BATCH) {
                going = batch_ends(ex, o, p, l, from, i, of);
                from = i;
            }
            p->v[p->n++] = (struct ends){.id = l->v[i].id};
        }
    }
    going = going && batch_ends(ex, o, p, l, from, l->n, of);
    free(p);
    return going;
}

bool parent_ends(struct extractor *ex, const struct dr_source *rows,
                 struct ends *of, size_t n)
{
    struct links *l = dr_xcalloc(ex->object_count, sizeof(*l));
    bool going = true;

    for (size_t i = 0; i < n; i++) {
        direct_ends(ex, &rows[i], &of[i], i, l);
    }
    for (size_t i = 0; i < ex->object_count; i++) {
        going = going && object_ends(ex, &ex->objects[i], &l[i], of);
        free(l[i].v);
    }
    free(l);
    return going;
}

/* ---- which attachments hang on a record ---- */

static struct dr_str behind_key(struct dr_buf *b, struct dr_str type,
                                struct dr_str id)
{
    dr_buf_init(b, 256);
    dr_buf_printf(b, DR_STR_FMT ":" DR_STR_FMT, DR_STR_ARG(type),
                  DR_STR_ARG(id));
    return dr_buf_view(b);
}

void note_behind(struct extractor *ex, const struct dr_source *s)
{
    const struct dr_str direct = DR_STR_LIT("attachment_");

    for (size_t i = 0; i < s->assoc_count; i++) {
        const struct dr_assoc *a = &s->assocs[i];
        struct dr_str type = {a->pair.p + direct.n, a->pair.n - direct.n};
        struct dr_map *ids;
        struct dr_buf key;

        if (!dr_str_eqz(a->category, "parent") ||
            !dr_str_starts(a->pair, direct) || is_core(type)) {
            continue;
        }
        ids = dr_map_get(ex->behind, behind_key(&key, type, a->to_id));
        if (!ids) {
            ids = dr_map_new(NULL);
            dr_map_put(ex->behind, dr_buf_view(&key), ids);
        }
        dr_map_put(ids, s->id, ex);
        dr_buf_done(&key);
    }
}

static void ids_free(void *ids)
{
    dr_map_free(ids);
}

struct dr_map *behind_new(void)
{
    return dr_map_new(ids_free);
}

void stir(struct extractor *ex, struct dr_str type, struct dr_str id)
{
    struct dr_map *ids;
    struct dr_buf key;
    struct dr_str one;
    void *value;
    size_t at = 0;

    ids = dr_map_get(ex->behind, behind_key(&key, type, id));
    dr_buf_done(&key);
    while (ids && dr_map_next(ids, &at, &one, &value)) {
        dr_map_put(ex->stirred, one, ex);
    }
}

bool flush_stirred(struct extractor *ex)
{
    struct object *o = object_find(ex, DR_STR_LIT("attachment"));
    size_t n = dr_map_count(ex->stirred), at = 0, found = 0;
    struct dr_map *now = ex->stirred;
    struct dr_str *ids;
    void *value;
    bool going = true;

    if (n == 0 || !o || !o->readable) {
        return true;
    }
    ex->stirred = dr_map_new(NULL);
    ids = dr_xcalloc(n, sizeof(*ids));
    while (found < n && dr_map_next(now, &at, &ids[found], &value)) {
        found++;
    }
    for (size_t i = 0; going && i < found; i += CONTRACT_BATCH) {
        size_t left = found - i;
        going = read_ids(ex, o, ids + i,
                         left < CONTRACT_BATCH ? left : CONTRACT_BATCH,
                         DR_ORIGIN_TAIL);
    }
    free(ids);
    dr_map_free(now);
    return going;
}
