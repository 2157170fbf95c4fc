/* The growing buffer with a ceiling. */
#include <drover/base/buf.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>

/* So that doubling and the NUL cannot overflow. */
#define CEILING (SIZE_MAX / 4)

static char empty[1];

void dr_buf_init(struct dr_buf *b, size_t max)
{
    *b = (struct dr_buf){.p = empty, .max = max < CEILING ? max : CEILING};
}

void dr_buf_done(struct dr_buf *b)
{
    if (b->cap > 0) {
        free(b->p);
    }
    *b = (struct dr_buf){.p = empty, .max = b->max};
}

void dr_buf_reset(struct dr_buf *b)
{
    b->n = 0;
    b->over = false;
    if (b->cap > 0) {
        b->p[0] = '\0';
    }
}

static bool fits(struct dr_buf *b, size_t n)
{
    b->over |= n > b->max || b->n > b->max - n;
    return !b->over;
}

static void set_cap(struct dr_buf *b, size_t cap)
{
    b->p = b->cap ? dr_xrealloc(b->p, cap) : dr_xmalloc(cap);
    b->cap = cap;
}

/* Room for n more bytes and the NUL. */
static bool reserve(struct dr_buf *b, size_t n)
{
    size_t cap = b->cap ? b->cap : 64;

    if (!fits(b, n)) {
        return false;
    }
    if (b->n + n + 1 <= b->cap) {
        return true;
    }
    while (cap < b->n + n + 1) {
        cap *= 2;
    }
    if (cap > b->max + 1) {
        cap = b->max + 1;
    }
    set_cap(b, cap);
    return true;
}

bool dr_buf_reserve(struct dr_buf *b, size_t n)
{
    if (!fits(b, n)) {
        return false;
    }
    if (b->n + n + 1 > b->cap) {
        set_cap(b, b->n + n + 1);
        b->p[b->n] = '\0';
    }
    return true;
}

char *dr_buf_release(struct dr_buf *b)
{
    char *p = b->cap > 0 ? dr_xrealloc(b->p, b->n + 1) : dr_xcalloc(1, 1);

    *b = (struct dr_buf){.p = empty, .max = b->max};
    return p;
}

void dr_buf_add(struct dr_buf *b, const void *p, size_t n)
{
    if (n == 0 || !reserve(b, n)) {
        return;
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void dr_buf_str(struct dr_buf *b, struct dr_str s)
{
    dr_buf_add(b, s.p, s.n);
}

void dr_buf_z(struct dr_buf *b, const char *z)
{
    dr_buf_str(b, dr_str_z(z));
}

void dr_buf_ch(struct dr_buf *b, char c)
{
    if (reserve(b, 1)) {
        b->p[b->n++] = c;
        b->p[b->n] = '\0';
    }
}

void dr_buf_u64(struct dr_buf *b, uint64_t v)
{
    dr_buf_printf(b, "%" PRIu64, v);
}

void dr_buf_i64(struct dr_buf *b, int64_t v)
{
    dr_buf_printf(b, "%" PRId64, v);
}

void dr_buf_printf(struct dr_buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n <= 0 || !reserve(b, (size_t)n)) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void dr_buf_urlenc(struct dr_buf *b, struct dr_str s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
            c == '~') {
            dr_buf_ch(b, (char)c);
        } else {
            dr_buf_ch(b, '%');
            dr_buf_ch(b, hex[c >> 4]);
            dr_buf_ch(b, hex[c & 15]);
        }
    }
}

struct dr_str dr_buf_view(const struct dr_buf *b)
{
    return (struct dr_str){b->p, b->n};
}
