/*
 * The map: open addressing over an insertion-ordered table. The hash is
 * SipHash-1-3 under a key drawn at start: with a hash whose collisions can be
 * computed beforehand, a seed mixed in afterwards would not help.
 */
#include <drover/base/map.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <drover/base/arena.h>
#include <drover/base/err.h>

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

struct sip {
    uint64_t a, b, c, d;
};

static uint64_t rotate(uint64_t v, int n)
{
    return (v << n) | (v >> (64 - n));
}

static void sip_round(struct sip *s)
{
    s->a += s->b;
    s->b = rotate(s->b, 13) ^ s->a;
    s->a = rotate(s->a, 32);
    s->c += s->d;
    s->d = rotate(s->d, 16) ^ s->c;
    s->a += s->d;
    s->d = rotate(s->d, 21) ^ s->a;
    s->c += s->b;
    s->b = rotate(s->b, 17) ^ s->c;
    s->c = rotate(s->c, 32);
}

static const uint64_t *secret_key(void)
{
    static uint64_t key[2];

    if (key[0] == 0) {
        if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key)) {
            dr_die(DR_EXIT_FAILURE, "random",
                   "the system gives no random numbers");
        }
        key[0] |= 1; /* never 0 again: drawn */
    }
    return key;
}

static uint64_t hash_of(struct dr_str key)
{
    const uint64_t *k = secret_key();
    struct sip s = {k[0] ^ 0x736f6d6570736575u, k[1] ^ 0x646f72616e646f6du,
                    k[0] ^ 0x6c7967656e657261u, k[1] ^ 0x7465646279746573u};
    uint64_t m;
    size_t i = 0;

    for (; key.n - i >= 8; i += 8) {
        memcpy(&m, key.p + i, 8);
        s.d ^= m;
        sip_round(&s);
        s.a ^= m;
    }
    m = (uint64_t)key.n << 56;
    for (unsigned at = 0; i < key.n; i++, at += 8) {
        m |= (uint64_t)(unsigned char)key.p[i] << at;
    }
    s.d ^= m;
    sip_round(&s);
    s.a ^= m;
    s.c ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
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
