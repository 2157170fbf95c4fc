#include "textfile.h"

#include <string.h>

#define READ_BYTES ((size_t)64 << 10)
#define SMALL ((uint64_t)64 << 20)

uint64_t text_bound(uint64_t packed_bytes, unsigned ratio)
{
    uint64_t n;

    if (__builtin_mul_overflow(packed_bytes, (uint64_t)ratio, &n)) {
        return UINT64_MAX;
    }
    return n > SMALL ? n : SMALL;
}

void text_open(struct textfile *t, FILE *f, bool gzip, uint64_t max_bytes)
{
    *t = (struct textfile){.zip = dr_zip_open(f, gzip, max_bytes)};
    dr_buf_init(&t->buf, TEXT_LINE_MAX + 2 * READ_BYTES);
}

void text_close(struct textfile *t)
{
    dr_zip_close(t->zip);
    dr_buf_done(&t->buf);
}

struct dr_str text_rest(const struct textfile *t)
{
    return (struct dr_str){t->buf.p + t->used, t->buf.n - t->used};
}

bool text_more(struct textfile *t, struct dr_err *err)
{
    char piece[READ_BYTES];
    int64_t n;

    *err = (struct dr_err){.verdict = DR_OK};
    if (t->ended || t->buf.n - t->used > TEXT_LINE_MAX) {
        return false;
    }
    if (t->used > 0) { /* what was handed out makes room */
        memmove(t->buf.p, t->buf.p + t->used, t->buf.n - t->used);
        t->buf.n -= t->used;
        t->used = 0;
    }
    n = dr_zip_read(t->zip, piece, sizeof(piece), err);
    t->ended = n <= 0;
    if (n > 0) {
        dr_buf_add(&t->buf, piece, (size_t)n);
    }
    return n > 0;
}

void text_take(struct textfile *t, size_t n)
{
    t->used += n;
    t->at += n;
}

/* Up to its end, or all of a last one without; false: it is longer than a
 * line may be, and the rest of it is passed over. */
static bool find_end(struct textfile *t, size_t *n, struct dr_err *err)
{
    size_t seen = 0;

    for (;;) {
        struct dr_str rest = text_rest(t);
        const char *nl =
            rest.n > seen ? memchr(rest.p + seen, '\n', rest.n - seen) : NULL;
        if (nl) {
            *n = (size_t)(nl - rest.p) + 1;
            return *n <= TEXT_LINE_MAX;
        }
        seen = rest.n;
        if (!text_more(t, err)) {
            *n = seen;
            return seen <= TEXT_LINE_MAX;
        }
    }
}

/* Forgets up to the end of this line; its length. */
static uint64_t pass_over(struct textfile *t, struct dr_err *err)
{
    uint64_t from = t->at;

    for (;;) {
        struct dr_str rest = text_rest(t);
        const char *nl = rest.n > 0 ? memchr(rest.p, '\n', rest.n) : NULL;
        text_take(t, nl ? (size_t)(nl - rest.p) + 1 : rest.n);
        if (nl || !text_more(t, err)) {
            return t->at - from;
        }
    }
}

int text_line(struct textfile *t, struct text_line *out, struct dr_err *err)
{
    size_t n = 0;
    bool fits;

    *err = (struct dr_err){.verdict = DR_OK};
    *out = (struct text_line){.offset = t->at};
    fits = find_end(t, &n, err);
    if (err->verdict != DR_OK) {
        return -1;
    }
    if (n == 0) {
        return 0;
    }
    out->text = text_rest(t);
    if (!fits) {
        out->too_long = true;
        memcpy(t->head, out->text.p, sizeof(t->head));
        out->text = (struct dr_str){t->head, sizeof(t->head)};
        out->bytes = pass_over(t, err);
        return err->verdict == DR_OK ? 1 : -1;
    }
    text_take(t, n);
    out->bytes = n;
    out->text.n = n;
    if (out->text.p[n - 1] == '\n') {
        out->text.n--;
    }
    if (out->text.n > 0 && out->text.p[out->text.n - 1] == '\r') {
        out->text.n--;
    }
    return 1;
}
