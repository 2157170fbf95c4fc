#include <drover/base/map.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <drover/base/arena.h>

#define NONE UINT32_MAX

struct entry {
    char *key;
    size_t n;
    uint64_t hash;
    void *value;
    bool live;
};

struct dr_map {
    struct entry *v; /* insertion order, holes where deleted */
    size_t used, cap, live;
    uint32_t *slots; /* index into v, NONE when free */
    size_t slot_cap; /* power of two */
    void (*free_value)(void *);
};

static uint64_t seed(void)
{
    static uint64_t s;

    if (s == 0) {
        if (getrandom(&s, sizeof(s), 0) != (ssize_t)sizeof(s)) {
            s = (uintptr_t)&s;
        }
        s |= 1;
    }
    return s;
}

static uint64_t hash_of(struct dr_str key)
{
    uint64_t h = dr_hash64(key) ^ seed();

    h *= 0x9e3779b97f4a7c15u;
    return h ^ (h >> 31);
}

struct dr_map *dr_map_new(void (*free_value)(void *))
{
    struct dr_map *m = dr_xcalloc(1, sizeof(*m));

    m->free_value = free_value;
    m->slot_cap = 16;
    m->slots = dr_xmalloc(m->slot_cap * sizeof(*m->slots));
    memset(m->slots, 0xff, m->slot_cap * sizeof(*m->slots));
    return m;
}

void dr_map_free(struct dr_map *m)
{
    if (!m) {
        return;
    }
    for (size_t i = 0; i < m->used; i++) {
        if (m->v[i].live) {
            free(m->v[i].key);
            if (m->free_value) {
                m->free_value(m->v[i].value);
            }
        }
    }
    free(m->v);
    free(m->slots);
    free(m);
}

size_t dr_map_count(const struct dr_map *m)
{
    return m->live;
}

/* The slot of the key, or the free one where it belongs. Slots of deleted
 * entries stay taken until the next rebuild. */
static size_t find(const struct dr_map *m, struct dr_str key, uint64_t hash)
{
    size_t at = (size_t)hash & (m->slot_cap - 1);

    while (m->slots[at] != NONE) {
        const struct entry *e = &m->v[m->slots[at]];
        if (e->live && e->hash == hash && e->n == key.n &&
            (key.n == 0 || memcmp(e->key, key.p, key.n) == 0)) {
            break;
        }
        at = (at + 1) & (m->slot_cap - 1);
    }
    return at;
}

static void rebuild(struct dr_map *m, size_t slot_cap)
{
    size_t n = 0;

    for (size_t i = 0; i < m->used; i++) {
        if (m->v[i].live) {
            m->v[n++] = m->v[i];
        }
    }
    m->used = n;
    m->slot_cap = slot_cap;
    m->slots = dr_xrealloc(m->slots, slot_cap * sizeof(*m->slots));
    memset(m->slots, 0xff, slot_cap * sizeof(*m->slots));
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)m->v[i].hash & (slot_cap - 1);
        while (m->slots[at] != NONE) {
            at = (at + 1) & (slot_cap - 1);
        }
        m->slots[at] = (uint32_t)i;
    }
}

static struct entry *lookup(const struct dr_map *m, struct dr_str key)
{
    size_t at = find(m, key, hash_of(key));

    return m->slots[at] == NONE ? NULL : &m->v[m->slots[at]];
}

void *dr_map_get(const struct dr_map *m, struct dr_str key)
{
    const struct entry *e = lookup(m, key);

    return e ? e->value : NULL;
}

bool dr_map_has(const struct dr_map *m, struct dr_str key)
{
    return lookup(m, key) != NULL;
}

void dr_map_put(struct dr_map *m, struct dr_str key, void *value)
{
    uint64_t hash = hash_of(key);
    struct entry *e = lookup(m, key);
    size_t at;

    if (e) {
        if (m->free_value && e->value != value) {
            m->free_value(e->value);
        }
        e->value = value;
        return;
    }
    if ((m->used + 1) * 10 > m->slot_cap * 7) {
        rebuild(m, m->live * 2 > m->used ? m->slot_cap * 2 : m->slot_cap);
    }
    if (m->used == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 16;
        m->v = dr_xrealloc(m->v, m->cap * sizeof(*m->v));
    }
    at = find(m, key, hash);
    m->slots[at] = (uint32_t)m->used;
    m->v[m->used++] = (struct entry){.key = dr_xstrndup(key),
                                     .n = key.n,
                                     .hash = hash,
                                     .value = value,
                                     .live = true};
    m->live++;
}

bool dr_map_del(struct dr_map *m, struct dr_str key)
{
    struct entry *e = lookup(m, key);

    if (!e) {
        return false;
    }
    free(e->key);
    if (m->free_value) {
        m->free_value(e->value);
    }
    *e = (struct entry){0};
    m->live--;
    return true;
}

bool dr_map_next(const struct dr_map *m, size_t *at, struct dr_str *key_out,
                 void **value_out)
{
    for (; *at < m->used; (*at)++) {
        const struct entry *e = &m->v[*at];
        if (!e->live) {
            continue;
        }
        if (key_out) {
            *key_out = (struct dr_str){e->key, e->n};
        }
        if (value_out) {
            *value_out = e->value;
        }
        (*at)++;
        return true;
    }
    return false;
}
