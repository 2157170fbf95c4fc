#include "emitted.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/err.h>

#define ID_MAX 255

struct slot {
    uint64_t rev;
    uint64_t content;
    uint64_t version;
    uint32_t id_at; /* in the pool */
    uint8_t id_len;
    uint8_t object;
    bool used : 1, has_version : 1, gone : 1, hidden : 1, seen : 1;
    uint8_t said;
};
_Static_assert(sizeof(struct slot) == 32, "one for each record: keep it small");

struct emitted {
    struct slot *slots;
    size_t cap, used; /* cap is a power of two */
    char *pool;
    size_t pool_n, pool_cap;
    size_t count[64]; /* by object */
};

struct emitted *emitted_new(void)
{
    struct emitted *e = dr_xcalloc(1, sizeof(*e));

    e->cap = 1024;
    e->slots = dr_xcalloc(e->cap, sizeof(*e->slots));
    return e;
}

void emitted_free(struct emitted *e)
{
    if (!e) {
        return;
    }
    free(e->slots);
    free(e->pool);
    free(e);
}

static size_t place(const struct emitted *e, int object, struct dr_str id)
{
    uint64_t h = dr_hash64(id) + (uint64_t)object * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(h ^ (h >> 29)) & (e->cap - 1);

    while (e->slots[at].used) {
        const struct slot *s = &e->slots[at];
        if (s->object == object && s->id_len == id.n &&
            memcmp(e->pool + s->id_at, id.p, id.n) == 0) {
            break;
        }
        at = (at + 1) & (e->cap - 1);
    }
    return at;
}

static struct dr_str slot_id(const struct emitted *e, const struct slot *s)
{
    return (struct dr_str){e->pool + s->id_at, s->id_len};
}

static void grow(struct emitted *e)
{
    struct slot *old = e->slots;
    size_t n = e->cap;

    e->cap *= 2;
    e->slots = dr_xcalloc(e->cap, sizeof(*e->slots));
    for (size_t i = 0; i < n; i++) {
        if (old[i].used) {
            e->slots[place(e, old[i].object, slot_id(e, &old[i]))] = old[i];
        }
    }
    free(old);
}

static uint32_t pool_add(struct emitted *e, struct dr_str id)
{
    uint32_t at = (uint32_t)e->pool_n;

    DR_ASSERT(e->pool_n + id.n < UINT32_MAX);
    if (e->pool_n + id.n > e->pool_cap) {
        e->pool_cap = (e->pool_cap + id.n) * 2;
        e->pool = dr_xrealloc(e->pool, e->pool_cap);
    }
    memcpy(e->pool + e->pool_n, id.p, id.n);
    e->pool_n += id.n;
    return at;
}

bool emitted_get(const struct emitted *e, int object, struct dr_str id,
                 struct emitted_row *out)
{
    const struct slot *s = &e->slots[place(e, object, id)];

    if (!s->used) {
        return false;
    }
    *out = (struct emitted_row){.version = s->version,
                                .rev = s->rev,
                                .content = s->content,
                                .has_version = s->has_version,
                                .gone = s->gone,
                                .hidden = s->hidden,
                                .said = s->said};
    return true;
}

void emitted_put(struct emitted *e, int object, struct dr_str id,
                 const struct emitted_row *row)
{
    struct slot *s;

    DR_ASSERT(id.n <= ID_MAX && object >= 0 && object < 64);
    if ((e->used + 1) * 10 > e->cap * 7) {
        grow(e);
    }
    s = &e->slots[place(e, object, id)];
    if (s->used && s->rev > row->rev) {
        return;
    }
    if (!s->used) {
        s->used = true;
        s->object = (uint8_t)object;
        s->id_len = (uint8_t)id.n;
        s->id_at = pool_add(e, id);
        e->used++;
        e->count[object]++;
    }
    s->rev = row->rev;
    s->content = row->content;
    s->version = row->version;
    s->has_version = row->has_version;
    s->gone = row->gone;
    s->hidden = row->hidden;
    s->said = row->said;
    s->seen = true;
}

bool emitted_is_news(const struct emitted *e, int object, struct dr_str id,
                     const struct emitted_row *read)
{
    const struct slot *s = &e->slots[place(e, object, id)];

    if (!s->used) {
        return true;
    }
    if (s->has_version && read->has_version) {
        if (read->version != s->version) {
            return read->version > s->version;
        }
        if (s->gone && !read->gone) {
            return false; /* a re-read must not resurrect */
        }
    }
    return s->gone != read->gone || s->content != read->content;
}

uint64_t emitted_next_rev(const struct emitted *e, int object, struct dr_str id,
                          int64_t server_ms)
{
    const struct slot *s = &e->slots[place(e, object, id)];
    uint64_t now = server_ms > 0 ? (uint64_t)server_ms : 1;

    return s->used && s->rev >= now ? s->rev + 1 : now;
}

size_t emitted_count(const struct emitted *e, int object)
{
    return e->count[object];
}

size_t emitted_living(const struct emitted *e, int object)
{
    size_t n = 0;

    for (size_t i = 0; i < e->cap; i++) {
        n += e->slots[i].used && e->slots[i].object == object &&
             !e->slots[i].gone;
    }
    return n;
}

void emitted_sweep_begin(struct emitted *e, int object)
{
    for (size_t i = 0; i < e->cap; i++) {
        if (e->slots[i].object == object) {
            e->slots[i].seen = false;
        }
    }
}

void emitted_sweep_saw(struct emitted *e, int object, struct dr_str id)
{
    struct slot *s = &e->slots[place(e, object, id)];

    if (s->used) {
        s->seen = true;
    }
}

static bool is_missing(const struct slot *s, int object)
{
    return s->used && s->object == object && !s->seen && !s->gone;
}

size_t emitted_sweep_missing(const struct emitted *e, int object)
{
    size_t n = 0;

    for (size_t i = 0; i < e->cap; i++) {
        n += is_missing(&e->slots[i], object);
    }
    return n;
}

bool emitted_sweep_next(const struct emitted *e, int object, size_t *at,
                        struct dr_str *id_out)
{
    for (; *at < e->cap; (*at)++) {
        if (is_missing(&e->slots[*at], object)) {
            *id_out = slot_id(e, &e->slots[*at]);
            (*at)++;
            return true;
        }
    }
    return false;
}
