#include "body.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include <drover/base/clock.h>

#define BOMB_BYTES ((size_t)256 << 20)
#define PAUSE_MS 20 /* between the pieces of a slow body */

struct sending {
    struct body b;
    uint64_t end; /* here the connection is cut; UINT64_MAX: nowhere */
    int64_t rate; /* bytes a second; 0: at once */
    int64_t began_ms;
};

struct body body_of(struct dr_str text)
{
    return (struct body){.text = dr_xstrndup(text), .fd = -1, .n = text.n};
}

static int64_t piece(const struct body *b, uint64_t pos, char *out, size_t max)
{
    switch (b->kind) {
    case BODY_TEXT:
        memcpy(out, b->text + b->from + pos, max);
        return (int64_t)max;
    case BODY_FILE: {
        ssize_t got = pread(b->fd, out, max, (off_t)(b->from + pos));
        return got > 0 ? got : INT64_MIN;
    }
    case BODY_PATTERN251:
        for (size_t i = 0; i < max; i++) {
            out[i] = (char)((b->from + pos + i) % 251);
        }
        return (int64_t)max;
    case BODY_ZEROS:
        memset(out, 0, max);
        return (int64_t)max;
    }
    return INT64_MIN;
}

static int64_t read_body(void *ctx, uint64_t pos, char *out, size_t max)
{
    struct sending *s = ctx;
    int64_t passed = dr_mono_ms() - s->began_ms - s->b.wait_ms;
    uint64_t due = UINT64_MAX;

    if (passed < 0) {
        return passed;
    }
    if (pos >= s->end) {
        return INT64_MIN;
    }
    if (pos >= s->b.n) {
        return 0;
    }
    if (s->rate > 0) {
        due = (uint64_t)(passed + PAUSE_MS) * (uint64_t)s->rate / 1000;
    }
    if (due <= pos) {
        return -PAUSE_MS;
    }
    max = max < due - pos ? max : (size_t)(due - pos);
    max = max < s->b.n - pos ? max : (size_t)(s->b.n - pos);
    max = max < s->end - pos ? max : (size_t)(s->end - pos);
    return piece(&s->b, pos, out, max);
}

static void done(void *ctx)
{
    struct sending *s = ctx;

    if (s->b.running) {
        (*s->b.running)--;
    }
    if (s->b.fd >= 0) {
        (void)close(s->b.fd);
    }
    free(s->b.text);
    free(s);
}

/* Small on the wire, large when it is unpacked. */
static struct dr_str bomb(void)
{
    static unsigned char zeros[65536], out[1 << 19];
    z_stream z = {.next_out = out, .avail_out = sizeof(out)};

    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY)) {
        dr_die(DR_EXIT_FAILURE, "gzip", "cannot pack");
    }
    for (size_t left = BOMB_BYTES; left > 0; left -= sizeof(zeros)) {
        z.next_in = zeros;
        z.avail_in = sizeof(zeros);
        (void)deflate(&z, Z_NO_FLUSH);
    }
    (void)deflate(&z, Z_FINISH);
    (void)deflateEnd(&z);
    return (struct dr_str){(char *)out, z.total_out};
}

/* What the fault makes of it; the size that is announced. */
static uint64_t spoil(struct sending *s, const struct fault *f)
{
    s->rate = f->rate;
    s->b.wait_ms += f->delay_ms;
    if (f->close == FAULT_MID || f->truncate > 0) {
        s->end = f->close == FAULT_MID ? s->b.n / 2 : f->truncate;
        return s->end < s->b.n ? s->b.n : s->b.n + 1;
    }
    if (f->garble == FAULT_CONTENT_LENGTH) {
        s->end = s->b.n;
        return s->b.n + 1000;
    }
    if (f->garble == FAULT_CHUNKED_NO_END) {
        s->end = s->b.n;
        return UINT64_MAX;
    }
    if (f->garble == FAULT_ENDLESS) {
        s->b.kind = BODY_ZEROS;
        s->b.n = UINT64_MAX;
        return UINT64_MAX;
    }
    return s->b.n;
}

void body_send(struct dr_httpd_req *r, int status, const char *type,
               const struct body *b, const struct fault *f)
{
    struct sending *s = dr_xcalloc(1, sizeof(*s));
    uint64_t size = b->n;

    *s = (struct sending){.b = *b, .end = UINT64_MAX, .began_ms = dr_mono_ms()};
    if (f && (f->close == FAULT_BEFORE || f->close == FAULT_AFTER)) {
        dr_httpd_answer_broken(r, status, type, (struct dr_str){"", 0},
                               DR_HTTPD_CLOSE, 0);
        done(s);
        return;
    }
    if (f && f->redirect[0]) {
        dr_httpd_add_header(r, "Location", f->redirect);
        dr_httpd_answer(r, 302, NULL, DR_STR_LIT("{}"));
        done(s);
        return;
    }
    if (f && f->garble == FAULT_GZIP_BOMB) {
        dr_httpd_add_header(r, "Content-Encoding", "gzip");
        dr_httpd_answer(r, status, type, bomb());
        done(s);
        return;
    }
    if (f) {
        size = spoil(s, f);
    }
    dr_httpd_answer_stream(r, status, type, size, read_body, done, s);
}
