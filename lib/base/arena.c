/* The bump allocator: a list of blocks, each twice the size of the last. */
#include <drover/base/arena.h>

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/err.h>

#define FIRST_BLOCK ((size_t)16 << 10)
#define KEEP_BLOCK ((size_t)256 << 10)
#define ALIGN 16u
/* From here on a buffer's memory is taken over. */
#define TAKE_MIN ((size_t)64 << 10)

struct block {
    struct block *prev;
    size_t cap, used;
    _Alignas(16) char data[];
};

/* Memory of a buffer that was taken over. */
struct taken {
    struct taken *prev;
    char *p;
};

struct dr_arena {
    struct block *top;
    struct taken *taken; /* in the blocks */
    size_t max, total;   /* bytes in blocks */
    size_t used;
};

void *dr_xmalloc(size_t n)
{
    void *p = malloc(n ? n : 1);

    if (!p) {
        dr_die(DR_EXIT_NOMEM, "memory", "out of memory (%zu bytes)", n);
    }
    return p;
}

void *dr_xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);

    if (!p) {
        dr_die(DR_EXIT_NOMEM, "memory", "out of memory (%zu x %zu bytes)", n,
               size);
    }
    return p;
}

void *dr_xrealloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);

    if (!q) {
        dr_die(DR_EXIT_NOMEM, "memory", "out of memory (%zu bytes)", n);
    }
    return q;
}

char *dr_xstrndup(struct dr_str s)
{
    char *p = dr_xmalloc(s.n + 1);

    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    p[s.n] = '\0';
    return p;
}

char *dr_xstrdup(const char *z)
{
    return dr_xstrndup(dr_str_z(z));
}

struct dr_arena *dr_arena_new(size_t max_bytes)
{
    struct dr_arena *a = dr_xcalloc(1, sizeof(*a));

    a->max = max_bytes;
    return a;
}

static void drop_taken(struct dr_arena *a)
{
    while (a->taken) {
        struct taken *t = a->taken;
        a->taken = t->prev;
        free(t->p);
    }
}

void dr_arena_free(struct dr_arena *a)
{
    if (!a) {
        return;
    }
    drop_taken(a);
    while (a->top) {
        struct block *b = a->top;
        a->top = b->prev;
        free(b);
    }
    free(a);
}

void dr_arena_reset(struct dr_arena *a)
{
    struct block *keep = NULL;

    drop_taken(a);
    while (a->top) {
        struct block *b = a->top;
        a->top = b->prev;
        if (!keep && b->cap <= KEEP_BLOCK) {
            keep = b;
        } else {
            free(b);
        }
    }
    a->total = 0;
    a->used = 0;
    if (keep) {
        keep->prev = NULL;
        keep->used = 0;
        a->top = keep;
        a->total = keep->cap;
    }
}

void dr_arena_wipe(struct dr_arena *a)
{
    for (struct block *b = a->top; b; b = b->prev) {
        explicit_bzero(b->data, b->used);
    }
    dr_arena_reset(a);
}

size_t dr_arena_used(const struct dr_arena *a)
{
    return a->used;
}

static bool add_block(struct dr_arena *a, size_t need)
{
    size_t cap = a->top ? a->top->cap * 2 : FIRST_BLOCK;
    size_t left = a->max > a->used ? a->max - a->used : 0;
    struct block *b;

    if (need > left) {
        return false;
    }
    if (cap > ((size_t)4 << 20)) {
        cap = (size_t)4 << 20;
    }
    if (cap < need) {
        cap = need;
    }
    b = dr_xmalloc(sizeof(*b) + cap);
    b->prev = a->top;
    b->cap = cap;
    b->used = 0;
    a->top = b;
    a->total += cap;
    return true;
}

static void *take(struct dr_arena *a, size_t n)
{
    size_t need;
    void *p;

    if (__builtin_add_overflow(n, (size_t)(ALIGN - 1), &need)) {
        return NULL;
    }
    need &= ~(size_t)(ALIGN - 1);
    if (need > a->max || a->used > a->max - need) {
        return NULL;
    }
    if ((!a->top || a->top->cap - a->top->used < need) && !add_block(a, need)) {
        return NULL;
    }
    p = a->top->data + a->top->used;
    a->top->used += need;
    a->used += need;
    return p;
}

void *dr_arena_alloc(struct dr_arena *a, size_t n)
{
    void *p = take(a, n ? n : 1);

    if (p) {
        memset(p, 0, n);
    }
    return p;
}

void *dr_arena_calloc(struct dr_arena *a, size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes)) {
        return NULL;
    }
    return dr_arena_alloc(a, bytes);
}

struct dr_str dr_arena_dup(struct dr_arena *a, struct dr_str s)
{
    char *p = s.n < SIZE_MAX ? take(a, s.n + 1) : NULL;

    if (!p) {
        return (struct dr_str){NULL, 0};
    }
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    p[s.n] = '\0';
    return (struct dr_str){p, s.n};
}

char *dr_arena_dupz(struct dr_arena *a, struct dr_str s)
{
    struct dr_str d = dr_arena_dup(a, s);

    return d.p ? (char *)(uintptr_t)d.p : NULL;
}

struct dr_str dr_arena_take(struct dr_arena *a, struct dr_buf *b)
{
    struct dr_str out = {NULL, 0};
    struct taken *t;

    if (b->n < TAKE_MIN) {
        out = dr_arena_dup(a, dr_buf_view(b));
        dr_buf_done(b);
        return out;
    }
    t = b->n <= a->max ? take(a, sizeof(*t)) : NULL;
    if (t && a->used <= a->max - b->n) {
        out.n = b->n;
        *t = (struct taken){a->taken, dr_buf_release(b)};
        a->taken = t;
        a->used += out.n;
        out.p = t->p;
    }
    dr_buf_done(b);
    return out;
}

struct dr_str dr_arena_printf(struct dr_arena *a, const char *fmt, ...)
{
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    p = n >= 0 ? take(a, (size_t)n + 1) : NULL;
    if (!p) {
        return (struct dr_str){NULL, 0};
    }
    va_start(ap, fmt);
    n = vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return (struct dr_str){p, (size_t)n};
}
