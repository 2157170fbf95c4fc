/*
 * A growing byte buffer with a ceiling set at birth. Appending beyond the
 * ceiling sets `over` and drops the bytes: look at it once, at the end.
 * The contents always end in a NUL beyond n.
 */
#ifndef DROVER_BASE_BUF_H
#define DROVER_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/str.h>

struct dr_buf {
    char *p;
    size_t n, cap, max;
    bool over;
};

void dr_buf_init(struct dr_buf *b, size_t max);
void dr_buf_done(struct dr_buf *b);
void dr_buf_reset(struct dr_buf *b); /* n := 0, keeps the memory */
/* Room for n more bytes and no more than that, where the size is known before:
 * growing doubles. false: it would be beyond the ceiling. */
bool dr_buf_reserve(struct dr_buf *b, size_t n);
/* Hands the contents over, for the caller to free; the buffer is empty then. */
char *dr_buf_release(struct dr_buf *b) DR_MUSTCHECK;
void dr_buf_add(struct dr_buf *b, const void *p, size_t n);
void dr_buf_str(struct dr_buf *b, struct dr_str s);
void dr_buf_z(struct dr_buf *b, const char *z);
void dr_buf_ch(struct dr_buf *b, char c);
void dr_buf_u64(struct dr_buf *b, uint64_t v);
void dr_buf_i64(struct dr_buf *b, int64_t v);
void dr_buf_printf(struct dr_buf *b, const char *fmt, ...) DR_PRINTF(2, 3);
/* Percent-encodes everything but unreserved characters (RFC 3986). */
void dr_buf_urlenc(struct dr_buf *b, struct dr_str s);
struct dr_str dr_buf_view(const struct dr_buf *b);

#endif
