/* Texts to record ids: names, e-mail addresses, external ids, markers. */
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>

#include "index.h"

#define KEY_MAX ((size_t)1 << 20)

static void idlist_free(void *p)
{
    struct idlist *l = p;

    free(l->v);
    free(l);
}

struct dr_map *index_new(void)
{
    return dr_map_new(idlist_free);
}

void index_key(struct dr_str text, struct dr_buf *out)
{
    text = dr_str_trim(text);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        dr_buf_ch(out, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
}

const struct idlist *index_get(const struct dr_map *m, struct dr_str text)
{
    const struct idlist *l;
    struct dr_buf key;

    dr_buf_init(&key, KEY_MAX);
    index_key(text, &key);
    l = dr_map_get(m, dr_buf_view(&key));
    dr_buf_done(&key);
    return l;
}

static void put_id(struct dr_map *m, struct dr_str key, int64_t id)
{
    struct idlist *l = dr_map_get(m, key);

    if (!l) {
        l = dr_xcalloc(1, sizeof(*l));
        dr_map_put(m, key, l);
    }
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 2;
        l->v = dr_xrealloc(l->v, l->cap * sizeof(*l->v));
    }
    l->v[l->n++] = id;
}

static void drop_id(struct dr_map *m, struct dr_str key, int64_t id)
{
    struct idlist *l = dr_map_get(m, key);

    for (size_t i = 0; l && i < l->n; i++) {
        if (l->v[i] == id) {
            memmove(l->v + i, l->v + i + 1, (l->n - i - 1) * sizeof(*l->v));
            l->n--;
            break;
        }
    }
    if (l && l->n == 0) {
        (void)dr_map_del(m, key);
    }
}

static void change(struct dr_map *m, struct dr_str text, int64_t id, bool add)
{
    struct dr_buf key;

    dr_buf_init(&key, KEY_MAX);
    index_key(text, &key);
    if (key.n > 0 && add) {
        put_id(m, dr_buf_view(&key), id);
    } else if (key.n > 0) {
        drop_id(m, dr_buf_view(&key), id);
    }
    dr_buf_done(&key);
}

static void change_raw(struct dr_map *m, const char *raw, int64_t id, bool add)
{
    struct dr_buf text;

    if (!raw) {
        return;
    }
    dr_buf_init(&text, KEY_MAX);
    raw_text(raw, &text);
    change(m, dr_buf_view(&text), id, add);
    dr_buf_done(&text);
}

static void target_key(enum ent of, enum ent target, int64_t id,
                       struct dr_buf *out)
{
    dr_buf_init(out, 64);
    dr_buf_printf(out, "%d:%d:%lld", (int)of, (int)target, (long long)id);
}

const struct idlist *targets_get(const struct fs *fs, enum ent of,
                                 enum ent target, int64_t id)
{
    const struct idlist *l;
    struct dr_buf key;

    target_key(of, target, id, &key);
    l = dr_map_get(fs->by_target, dr_buf_view(&key));
    dr_buf_done(&key);
    return l;
}

static void change_targets(struct fs *fs, const struct rec *r, bool add)
{
    for (size_t i = 0; i < r->link_count; i++) {
        struct dr_buf key;
        target_key(r->ent, r->links[i].ent, r->links[i].id, &key);
        change(fs->by_target, dr_buf_view(&key), r->id, add);
        dr_buf_done(&key);
    }
}

static void change_custom(struct fs *fs, const struct rec *r, bool add)
{
    int set = entity_of(r->ent)->fields;

    if (set < 0) {
        return;
    }
    for (size_t i = 0; i < fs->fields[set].n; i++) {
        const struct field *f = &fs->fields[set].v[i];
        if (f->index) {
            change_raw(f->index, rec_cf(r, f->slot), r->id, add);
        }
    }
}

void index_rec(struct fs *fs, const struct rec *r, bool add)
{
    const struct email *mail = rec_email(r);

    if (attr_at(r->ent, DR_STR_LIT("name")) >= 0) {
        change_raw(fs->by_name[r->ent], rec_raw(r, "name"), r->id, add);
    }
    if (r->ent == ENT_CONTACT) {
        change_raw(fs->by_external, rec_raw(r, "external_id"), r->id, add);
        if (mail) {
            change(fs->by_email, dr_str_z(mail->value), r->id, add);
        }
    }
    if (r->ent == ENT_TASK || r->ent == ENT_NOTE) {
        change_targets(fs, r, add);
    }
    change_custom(fs, r, add);
}

/* A field that was just made or made unique. */
void index_field(struct fs *fs, enum ent e, struct field *f)
{
    const struct reclist *list = &fs->recs[e];

    if (f->index) {
        return;
    }
    f->index = index_new();
    for (size_t i = 0; i < list->n; i++) {
        change_raw(f->index, rec_cf(list->v[i], f->slot), list->v[i]->id, true);
    }
}
