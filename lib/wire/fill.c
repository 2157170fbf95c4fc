#include "fill_private.h"

#include <string.h>

#include "maps.h"

static struct dr_str filler(struct dr_arena *a, struct dr_rand *r, size_t n)
{
    static const char *const piece[] = {"a",  "Z", "7",  " ",
                                        "\"", "é", "東", "😀"};
    char *p = dr_arena_alloc(a, n + 4);
    size_t at = 0;

    while (at < n) {
        const char *s = piece[dr_rand_below(r, DR_ARRAY_LEN(piece))];
        size_t len = strlen(s);
        memcpy(p + at, s, len);
        at += len;
    }
    return (struct dr_str){p, at};
}

static struct dr_str noise(struct dr_arena *a, struct dr_rand *r, size_t n)
{
    char *p = dr_arena_alloc(a, n + 1);

    for (size_t i = 0; i < n; i++) {
        p[i] = (char)dr_rand_u64(r);
    }
    return (struct dr_str){p, n};
}

static void fill(const struct msg_map *map, void *st, struct dr_arena *a,
                 struct dr_rand *r);

static void fill_list(const struct field_map *f, char *st, struct dr_arena *a,
                      struct dr_rand *r)
{
    size_t n = 1 + dr_rand_below(r, 3);
    size_t step = f->kind == MAP_TEXTS ? sizeof(struct dr_str) : f->sub->size;
    char *v = dr_arena_calloc(a, n, step);

    for (size_t i = 0; i < n; i++) {
        if (f->kind == MAP_TEXTS) {
            struct dr_str s = filler(a, r, 1 + dr_rand_below(r, 20));
            memcpy(v + i * step, &s, sizeof(s));
        } else {
            fill(f->sub, v + i * step, a, r);
        }
    }
    memcpy(st + f->at, &v, sizeof(v));
    memcpy(st + f->count_at, &n, sizeof(n));
}

static void fill_string(const struct field_map *f, char *st, struct dr_arena *a,
                        struct dr_rand *r)
{
    size_t n = f->kind == MAP_HASH    ? 32
               : f->kind == MAP_NONCE ? 16
                                      : 1 + dr_rand_below(r, 40);
    struct dr_str s = f->kind == MAP_TEXT ? filler(a, r, n) : noise(a, r, n);

    memcpy(st + f->at, &s, sizeof(s));
}

static void fill_field(const struct field_map *f, char *st, struct dr_arena *a,
                       struct dr_rand *r)
{
    uint64_t u64 = dr_rand_u64(r) | 1;
    uint32_t u32 = (uint32_t)u64;
    uint32_t one = 1 + (uint32_t)dr_rand_below(r, f->max);
    bool yes = true;

    switch (f->kind) {
    case MAP_U64:
    case MAP_I64:
        memcpy(st + f->at, &u64, 8);
        break;
    case MAP_U32:
    case MAP_I32:
        memcpy(st + f->at, &u32, 4);
        break;
    case MAP_BOOL:
        memcpy(st + f->at, &yes, sizeof(yes));
        break;
    case MAP_ENUM:
        memcpy(st + f->at, &one, 4);
        break;
    case MAP_SUB:
        fill(f->sub, st + f->at, a, r);
        break;
    case MAP_TEXTS:
    case MAP_SUBS:
        fill_list(f, st, a, r);
        break;
    case MAP_TEXT:
    case MAP_BYTES:
    case MAP_HASH:
    case MAP_NONCE:
        fill_string(f, st, a, r);
        break;
    }
}

static void fill(const struct msg_map *map, void *st, struct dr_arena *a,
                 struct dr_rand *r)
{
    for (size_t i = 0; i < map->field_count; i++) {
        fill_field(&map->fields[i], st, a, r);
    }
}

void fill_env(struct dr_env *env, enum dr_msg kind, struct dr_arena *a,
              struct dr_rand *r)
{
    *env = (struct dr_env){.kind = kind,
                           .generation = 1 + (uint32_t)dr_rand_below(r, 9),
                           .service = DR_STR_LIT("extractor-0"),
                           .wall_ms = (int64_t)dr_rand_below(r, 1u << 30)};
    memcpy(env->migration, noise(a, r, 16).p, 16);
    fill(body_maps[kind].map, (char *)env + body_maps[kind].at, a, r);
    if (kind == DR_MSG_SOURCE) {
        env->u.source.has_version = true;
    }
}

static bool same_str(const void *a, const void *b)
{
    struct dr_str x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return dr_str_eq(x, y) && (x.p == NULL) == (y.p == NULL);
}

static const char *compare(const struct msg_map *map, const char *a,
                           const char *b);

static bool same_list(const struct field_map *f, const char *a, const char *b)
{
    size_t n, m;
    const char *v, *w;

    memcpy(&n, a + f->count_at, sizeof(n));
    memcpy(&m, b + f->count_at, sizeof(m));
    memcpy(&v, a + f->at, sizeof(v));
    memcpy(&w, b + f->at, sizeof(w));
    for (size_t i = 0; n == m && i < n; i++) {
        size_t at = i * (f->sub ? f->sub->size : sizeof(struct dr_str));
        if (f->sub ? compare(f->sub, v + at, w + at) != NULL
                   : !same_str(v + at, w + at)) {
            return false;
        }
    }
    return n == m;
}

static bool same_field(const struct field_map *f, const char *a, const char *b)
{
    switch (f->kind) {
    case MAP_U64:
    case MAP_I64:
        return memcmp(a + f->at, b + f->at, 8) == 0;
    case MAP_U32:
    case MAP_I32:
    case MAP_ENUM:
        return memcmp(a + f->at, b + f->at, 4) == 0;
    case MAP_BOOL:
        return a[f->at] == b[f->at];
    case MAP_SUB:
        return !compare(f->sub, a + f->at, b + f->at);
    case MAP_TEXTS:
    case MAP_SUBS:
        return same_list(f, a, b);
    case MAP_TEXT:
    case MAP_BYTES:
    case MAP_HASH:
    case MAP_NONCE:
        return same_str(a + f->at, b + f->at);
    }
    return false;
}

static const char *compare(const struct msg_map *map, const char *a,
                           const char *b)
{
    for (size_t i = 0; i < map->field_count; i++) {
        if (!same_field(&map->fields[i], a, b)) {
            return map->fields[i].name;
        }
    }
    return NULL;
}

const char *differs(const struct dr_env *a, const struct dr_env *b)
{
    size_t at = body_maps[a->kind].at;

    if (a->kind != b->kind || a->generation != b->generation ||
        a->wall_ms != b->wall_ms || !dr_str_eq(a->service, b->service) ||
        memcmp(a->migration, b->migration, 16) != 0) {
        return "envelope";
    }
    if (a->kind == DR_MSG_SOURCE &&
        a->u.source.has_version != b->u.source.has_version) {
        return "has_version";
    }
    return compare(body_maps[a->kind].map, (const char *)a + at,
                   (const char *)b + at);
}
