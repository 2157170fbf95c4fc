/*
 * Attachments (contract 4.8): addresses on the download port that expire, and
 * the bytes behind them: of the folder, absent, or generated.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drover/base/clock.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "body.h"
#include "call.h"

#define SIGN_TEXT 17

/* ---- addresses ---- */

/* What makes an address the source's own: nobody else knows the key. */
static void sign(const struct world *w, struct dr_str path, int64_t expires_ms,
                 int64_t epoch, char out[SIGN_TEXT])
{
    struct dr_hash h;
    uint8_t sum[32];
    char hex[65];

    dr_hash_init(&h);
    dr_hash_part(&h, dr_str_z(w->key));
    dr_hash_part(&h, path);
    dr_hash_u64(&h, (uint64_t)expires_ms);
    dr_hash_u64(&h, (uint64_t)epoch);
    dr_hash_final(&h, sum);
    dr_hex(sum, sizeof(sum), hex);
    (void)snprintf(out, SIGN_TEXT, "%.16s", hex);
}

/* The clock that addresses expire by: the simulated one, or the wall's. */
static int64_t expiry_clock(const struct world *w)
{
    return knob_is(w->knobs, "download_clock", "real") ? dr_wall_ms()
                                                       : vclock_now(&w->clock);
}

static int64_t ttl_ms(const struct world *w)
{
    int64_t ms = knob_int(w->knobs, "download_ttl_ms");

    return ms > 0 ? ms
                  : 1000 * dr_json_get_i64(
                               dr_json_get(dr_json_get(w->manifest, "account"),
                                           "capabilities"),
                               "download_url_ttl_s", 900);
}

int64_t download_address(struct world *w, struct dr_str path,
                         struct dr_buf *out)
{
    int64_t ttl = ttl_ms(w);
    int64_t until = expiry_clock(w) + ttl;
    char mark[SIGN_TEXT];

    sign(w, path, until, w->download_epoch, mark);
    dr_buf_printf(out, "http://127.0.0.1:%u", (unsigned)w->download_port);
    while (path.n > 0) { /* slashes stay */
        struct dr_str part = dr_str_split(&path, '/');
        dr_buf_urlenc(out, part);
        if (path.p) {
            dr_buf_ch(out, '/');
        }
    }
    dr_buf_printf(out, "?expires=%lld&epoch=%lld&sig=%s", (long long)until,
                  (long long)w->download_epoch, mark);
    return vclock_now(&w->clock) + ttl;
}

void attachment_address(struct call *c, struct dr_str rest)
{
    struct dr_str id = dr_str_split(&rest, '/');
    struct kind *k = world_kind(c->w, DR_STR_LIT("attachment"));
    const struct rec *r = k ? kind_find(k, id) : NULL;
    struct dr_buf url;
    char text[DR_TIME_TEXT];
    int64_t until;

    if (!dr_str_eqz(rest, "download-url")) {
        fail(c, 404, "not_found", "no such call");
        return;
    }
    if (!dr_str_eqz(dr_httpd_method(c->req), "POST")) {
        fail(c, 405, "unsupported_parameter", "ask by POST");
        return;
    }
    if (!r || r->gone == PURGED || (r->gone == LIVES && !rec_exists(r))) {
        fail(c, 404, "not_found", "no such attachment");
        return;
    }
    if (r->gone != LIVES) {
        fail(c, 410, "gone_deleted", "the attachment is deleted");
        return;
    }
    dr_buf_init(&url, 4096);
    until = download_address(
        c->w, dr_arena_printf(c->a, "/files/" DR_STR_FMT, DR_STR_ARG(id)),
        &url);
    dr_json_w_obj(&c->j);
    dr_json_w_kv(&c->j, "url", dr_buf_view(&url));
    dr_json_w_kvz(&c->j, "expires_at",
                  dr_time_format(until - until % 1000, text));
    server_time(c);
    dr_json_w_end(&c->j);
    dr_buf_done(&url);
}

/* ---- the port ---- */

static int64_t arg_i64(const struct dr_httpd_req *r, const char *name)
{
    struct dr_str s = dr_httpd_arg(r, name);
    int64_t v;

    return !s.p || dr_str_i64(s, &v) ? -1 : v;
}

static bool address_holds(const struct world *w, struct dr_httpd_req *r)
{
    int64_t until = arg_i64(r, "expires");
    int64_t epoch = arg_i64(r, "epoch");
    struct dr_str sig = dr_httpd_arg(r, "sig");
    char mark[SIGN_TEXT];

    sign(w, dr_httpd_path(r), until, epoch, mark);
    return sig.p && dr_ct_eq(sig, dr_str_z(mark)) &&
           epoch == w->download_epoch && expiry_clock(w) < until;
}

/* An attachment that the index does not name is of the size it says. */
static bool content_generated(const struct world *w, struct dr_str id,
                              struct body *out)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)16 << 20);
    struct kind *k =
        world_kind((struct world *)(uintptr_t)w, DR_STR_LIT("attachment"));
    const struct rec *r = k ? kind_find(k, id) : NULL;
    const struct dr_json *j =
        r && rec_exists(r) ? dr_json_parse(a, r->body, NULL, NULL) : NULL;
    int64_t n = dr_json_get_i64(dr_json_get(j, "properties"), "size", -1);

    if (n < 0 || dr_map_has(w->contents, id)) {
        return false;
    }
    *out = (struct body){.kind = BODY_PATTERN251, .fd = -1, .n = (uint64_t)n};
    return true;
}

/* The bytes of one attachment; false: there are none. */
static bool content_of(const struct world *w, struct dr_str id,
                       struct body *out)
{
    const struct content *known = dr_map_get(w->contents, id);
    char path[4096];
    struct stat st;
    int fd;

    if (known && known->absent) {
        return false;
    }
    if (known && known->generated) {
        *out =
            (struct body){.kind = BODY_PATTERN251, .fd = -1, .n = known->size};
        return true;
    }
    if (dr_str_find(id, DR_STR_LIT("/")) != SIZE_MAX || id.p[0] == '.') {
        return false;
    }
    (void)snprintf(path, sizeof(path), "%s/files/" DR_STR_FMT, w->dir,
                   DR_STR_ARG(id));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *out = (struct body){
            .kind = BODY_FILE, .fd = fd, .n = (uint64_t)st.st_size};
        return true;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return content_generated(w, id, out);
}

/* "bytes=a-b", "bytes=a-", "bytes=-n": 206, or 416; other forms: the whole. */
static int range_of(struct dr_httpd_req *r, struct body *b)
{
    struct dr_str text = dr_httpd_header(r, "Range");
    struct dr_str unit = DR_STR_LIT("bytes=");
    struct dr_str first;
    uint64_t from, to, whole = b->n;
    char head[96];

    if (!text.p || !dr_str_starts(text, unit)) {
        return 200;
    }
    text = (struct dr_str){text.p + unit.n, text.n - unit.n};
    first = dr_str_split(&text, '-');
    if (!text.p || (first.n > 0 && dr_str_u64(first, &from)) ||
        (text.n > 0 && dr_str_u64(text, &to)) || first.n + text.n == 0) {
        return 200;
    }
    if (first.n == 0) {
        from = to < whole ? whole - to : 0;
        to = whole - 1;
    } else if (text.n == 0 || to >= whole) {
        to = whole - 1;
    }
    if (from >= whole || from > to) {
        (void)snprintf(head, sizeof(head), "bytes */%llu",
                       (unsigned long long)whole);
        dr_httpd_add_header(r, "Content-Range", head);
        return 416;
    }
    (void)snprintf(head, sizeof(head), "bytes %llu-%llu/%llu",
                   (unsigned long long)from, (unsigned long long)to,
                   (unsigned long long)whole);
    dr_httpd_add_header(r, "Content-Range", head);
    b->from = from;
    b->n = to - from + 1;
    return 206;
}

static void refuse(struct dr_httpd_req *r, int status, const char *why)
{
    dr_httpd_answer(r, status, "text/plain", dr_str_z(why));
}

static int serve(struct world *w, struct dr_httpd_req *r, const struct fault *f,
                 struct body *b)
{
    struct dr_str path = dr_httpd_path(r);
    struct dr_str files = DR_STR_LIT("/files/");
    struct dr_str text;
    int status;

    if (dr_str_starts(path, DR_STR_LIT("/exports/"))) {
        exports_tick(w);
        if (!export_body(w, path, &text)) {
            refuse(r, 403, "the job is over");
            return 403;
        }
        *b = body_of(text);
    } else if (!dr_str_starts(path, files) ||
               !content_of(
                   w, (struct dr_str){path.p + files.n, path.n - files.n}, b)) {
        refuse(r, 404, "no such file");
        return 404;
    }
    dr_httpd_add_header(r, "Accept-Ranges", "bytes");
    status = range_of(r, b);
    if (status == 416) {
        b->n = 0;
    }
    body_send(r, status, "application/octet-stream", b, f);
    return status;
}

static void expire_all(struct world *w, const struct fault *f)
{
    if (f && dr_str_eqz(dr_str_z(f->expire), "download")) {
        w->download_epoch++;
    }
}

static int handle(struct world *w, struct dr_httpd_req *r,
                  const struct fault *f, struct body *b)
{
    struct dr_str method = dr_httpd_method(r);

    if (dr_httpd_header(r, "Authorization").p) {
        w->token_leaks++;
        refuse(r, 400, "the token has no business here");
        return 400;
    }
    if (!dr_str_eqz(method, "GET")) {
        refuse(r, 405, "GET alone");
        return 405;
    }
    expire_all(w, f);
    if (f && f->name[0]) {
        bite(w, f->name);
    }
    if (!address_holds(w, r)) {
        bite(w, "download_expired");
        refuse(r, 403, "the address expired, or was never given");
        return 403;
    }
    if (f && f->status > 0) {
        if (f->retry_after[0]) {
            dr_httpd_add_header(r, "Retry-After", f->retry_after);
        }
        refuse(r, f->status, "as the fault script says");
        return f->status;
    }
    return serve(w, r, f, b);
}

void download_handle(struct dr_httpd_req *r, void *ctx)
{
    struct world *w = ctx;
    const struct fault *f =
        faults_match(w->faults, dr_httpd_method(r), dr_httpd_path(r));
    struct dr_str range = dr_httpd_header(r, "Range");
    struct body b = {.fd = -1};
    struct dr_json_w j;
    struct dr_buf line;

    w->downloads++;
    dr_buf_init(&line, 8192);
    dr_json_w_init(&j, &line);
    dr_json_w_obj(&j);
    dr_json_w_kvi(&j, "seq", journal_next(w->journal));
    dr_json_w_kvi(&j, "at_ms", vclock_now(&w->clock));
    dr_json_w_kv(&j, "method", dr_httpd_method(r));
    dr_json_w_kv(&j, "path", dr_httpd_path(r));
    dr_json_w_kv(&j, "range", range);
    dr_json_w_kvi(&j, "status", handle(w, r, f, &b));
    dr_json_w_kvi(&j, "bytes_out", (int64_t)b.n);
    dr_json_w_kvz(&j, "fault", f ? f->name : NULL);
    dr_json_w_kvb(&j, "effect", false);
    dr_json_w_end(&j);
    journal_add(w->journal, dr_buf_view(&line));
    dr_buf_done(&line);
}
