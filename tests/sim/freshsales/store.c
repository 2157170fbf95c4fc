/* Records and lists: what is kept and how it is reached. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>

/* ---- lists ---- */

static void forget_parsed(struct list *l)
{
    dr_arena_free(l->arena);
    dr_map_free(l->ids);
    dr_map_free(l->names);
    free(l->parsed);
    l->arena = NULL;
    l->ids = l->names = NULL;
    l->parsed = NULL;
}

void list_free(void *list)
{
    struct list *l = list;

    forget_parsed(l);
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i]);
    }
    free(l->v);
    free(l);
}

struct list *list_of(struct dr_map *m, const char *key)
{
    struct list *l = dr_map_get(m, dr_str_z(key));

    if (!l) {
        l = dr_xcalloc(1, sizeof(*l));
        dr_map_put(m, dr_str_z(key), l);
    }
    return l;
}

void list_add(struct list *l, struct dr_str json)
{
    forget_parsed(l);
    l->v = dr_xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
    l->v[l->n++] = dr_xstrndup(json);
}

void list_set(struct list *l, size_t i, struct dr_str json)
{
    char *text = dr_xstrndup(json);

    forget_parsed(l);
    free(l->v[i]);
    l->v[i] = text;
}

void list_drop(struct list *l, size_t i)
{
    forget_parsed(l);
    free(l->v[i]);
    memmove(&l->v[i], &l->v[i + 1], (l->n - i - 1) * sizeof(*l->v));
    l->n--;
}

static void put_once(struct dr_map *m, struct dr_str key, const void *value)
{
    if (key.n > 0 && !dr_map_has(m, key)) {
        dr_map_put(m, key, (void *)(uintptr_t)value);
    }
}

static void parse_list(struct list *l)
{
    if (l->parsed) {
        return;
    }
    l->arena = dr_arena_new((size_t)64 << 20);
    l->ids = dr_map_new(NULL);
    l->names = dr_map_new(NULL);
    l->parsed = dr_xcalloc(l->n + 1, sizeof(struct dr_json *));
    for (size_t i = 0; i < l->n; i++) {
        l->parsed[i] = dr_json_parse(l->arena, dr_str_z(l->v[i]), NULL, NULL);
        put_once(l->ids, dr_json_scalar(dr_json_get(l->parsed[i], "id")),
                 l->parsed[i]);
        put_once(l->names, dr_json_get_str(l->parsed[i], "name"), l->parsed[i]);
    }
}

const struct dr_json *list_at(struct list *l, size_t i)
{
    parse_list(l);
    return l->parsed[i];
}

const struct dr_json *list_find(struct list *l, uint64_t id)
{
    char text[24];

    if (!l) {
        return NULL;
    }
    parse_list(l);
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
    return dr_map_get(l->ids, dr_str_z(text));
}

const struct dr_json *list_named(struct list *l, struct dr_str name)
{
    if (!l) {
        return NULL;
    }
    parse_list(l);
    return dr_map_get(l->names, name);
}

/* ---- records ---- */

uint64_t new_id(struct account *a)
{
    return a->next_id++;
}

/* Where the id is, or would be. */
static size_t place_of(const struct kind *k, uint64_t id)
{
    size_t lo = 0, hi = k->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (k->v[mid]->id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

struct rec *rec_find(const struct kind *k, uint64_t id)
{
    size_t at = place_of(k, id);

    return at < k->n && k->v[at]->id == id ? k->v[at] : NULL;
}

struct rec *rec_alive(const struct kind *k, uint64_t id)
{
    struct rec *r = rec_find(k, id);

    return r && !r->deleted ? r : NULL;
}

static void unlink_rec(struct kind *k, struct rec *r)
{
    *(r->older ? &r->older->newer : &k->oldest) = r->newer;
    *(r->newer ? &r->newer->older : &k->newest) = r->older;
    r->older = r->newer = NULL;
}

/* Behind the last one that was not written later. */
static void link_rec(struct kind *k, struct rec *r)
{
    struct rec *before = k->newest;

    while (before && before->updated_ms > r->updated_ms) {
        before = before->older;
    }
    r->older = before;
    r->newer = before ? before->newer : k->oldest;
    *(before ? &before->newer : &k->oldest) = r;
    *(r->newer ? &r->newer->older : &k->newest) = r;
}

struct rec *rec_new(struct account *a, struct kind *k, uint64_t id,
                    const char *by)
{
    struct rec *r = dr_xcalloc(1, sizeof(*r));
    size_t at = place_of(k, id);

    r->id = id;
    r->by = by;
    r->creater = a->api_user;
    r->created_ms = r->updated_ms = vclock_now(&a->clock);
    r->born_mono_ms = dr_mono_ms();
    r->values = dr_map_new(free);
    r->custom = dr_map_new(free);
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 256;
        k->v = dr_xrealloc(k->v, k->cap * sizeof(*k->v));
    }
    memmove(&k->v[at + 1], &k->v[at], (k->n - at) * sizeof(*k->v));
    k->v[at] = r;
    k->n++;
    k->version++;
    link_rec(k, r);
    return r;
}

void rec_remove(struct kind *k, struct rec *r)
{
    size_t at = place_of(k, r->id);

    memmove(&k->v[at], &k->v[at + 1], (k->n - at - 1) * sizeof(*k->v));
    k->n--;
    k->version++;
    unlink_rec(k, r);
    dr_map_free(r->values);
    dr_map_free(r->custom);
    free(r);
}

void rec_relink(struct kind *k, struct rec *r)
{
    k->version++;
    unlink_rec(k, r);
    link_rec(k, r);
}

void rec_touch(struct account *a, struct kind *k, struct rec *r)
{
    r->updated_ms = vclock_now(&a->clock);
    r->updated_seq = journal_next(a->journal);
    rec_relink(k, r);
}

struct dr_str rec_value(const struct rec *r, const char *name)
{
    const char *v = dr_map_get(r->values, dr_str_z(name));

    return v ? dr_str_z(v) : (struct dr_str){NULL, 0};
}

struct dr_str rec_text(const struct rec *r, const char *name)
{
    struct dr_str v = rec_value(r, name);

    return v.n >= 2 && v.p[0] == '"' ? (struct dr_str){v.p + 1, v.n - 2}
                                     : (struct dr_str){"", 0};
}

const struct dr_json *rec_json(struct account *a, const struct rec *r,
                               const char *name)
{
    struct dr_str v = rec_value(r, name);

    return v.p ? scratch_parse(a, v) : NULL;
}

void rec_set(struct rec *r, const char *name, struct dr_str json)
{
    dr_map_put(r->values, dr_str_z(name), dr_xstrndup(json));
}

uint64_t rec_id(const struct rec *r, const char *name)
{
    uint64_t id;

    return dr_str_u64(rec_value(r, name), &id) ? 0 : id;
}

/* Values without blanks between them: a record is one line of NDJSON. */
char *compact(const struct dr_json *v)
{
    struct dr_buf b;
    char *out;

    dr_buf_init(&b, (size_t)64 << 20);
    dr_json_canonical(&b, v);
    out = dr_xstrndup(dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}

const struct dr_json *scratch_parse(struct account *a, struct dr_str json)
{
    return dr_json_parse(
        a->scratch, json,
        &(struct dr_json_limits){.max_bytes = (size_t)64 << 20}, NULL);
}
