/*
 * The client. Rules that keep a write from leaving twice (effects protocol,
 * section 2), each set in setup():
 *   - the body goes by a read callback and there is no seek callback: libcurl
 *     cannot rewind it, so it cannot send a POST again on a new connection;
 *   - redirects are not followed; HTTP/1.1 is forced (HTTP/2 has retries of
 *     its own);
 *   - SO_LINGER {1,0}: what is cut is cut, the kernel delivers nothing later.
 */
#include <drover/http/client.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/clock.h>
#include <drover/base/decimal.h>
#include <drover/base/time.h>

#define RETRY_AFTER_MAX_MS 3600000
#define HEADER_MAX 256

struct transfer {
    struct transfer *next;
    CURL *easy;
    struct dr_buf body, answer;
    size_t sent;
    dr_http_done_fn *done;
    void *ctx;
    int64_t started_ms;
    struct dr_http_answer ans;
    char url[4096];
};

struct dr_http {
    CURLM *multi;
    struct curl_slist *headers;
    char *base_url;
    char *user_agent;
    struct dr_http_opts opts;
    struct transfer *free_list;
    int in_flight;
};

/* ---- callbacks ---- */

static size_t read_body(char *out, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    size_t left = t->body.n - t->sent;

    n *= size;
    if (n > left) {
        n = left;
    }
    memcpy(out, t->body.p + t->sent, n);
    t->sent += n;
    return n;
}

static size_t take_body(char *in, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;

    n *= size;
    dr_buf_add(&t->answer, in, n);
    return t->answer.over ? 0 : n; /* 0 ends the transfer */
}

/* Seconds, fractions of seconds, or an HTTP date against the Date header. */
static int64_t retry_after(struct dr_str v, int64_t date_ms)
{
    struct dr_dec d, thousand;
    int64_t ms;

    if (dr_dec_parse(v, &d) == 0 && !d.neg) {
        (void)!dr_dec_parse(DR_STR_LIT("1000"), &thousand);
        if (dr_dec_mul(&d, &thousand, &d) == 0) {
            char text[DR_DEC_TEXT];
            dr_dec_round(&d, 0);
            if (dr_str_i64(dr_str_z(dr_dec_text(&d, text)), &ms) == 0) {
                return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
            }
        }
        return RETRY_AFTER_MAX_MS;
    }
    if (dr_http_date_parse(v, &ms) == 0) {
        ms -= date_ms >= 0 ? date_ms : dr_wall_ms();
        if (ms < 0) {
            return 0;
        }
        return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
    }
    return -1;
}

static int64_t number_or(struct dr_str v, int64_t otherwise)
{
    int64_t n;

    return dr_str_i64(v, &n) ? otherwise : n;
}

static void copy_header(char *out, size_t n, struct dr_str v)
{
    (void)snprintf(out, n, DR_STR_FMT, DR_STR_ARG(v));
}

/* RateLimit: "burst";r=73;t=6 : the first policy's r. */
static int64_t policy_remaining(struct dr_str v)
{
    size_t at = dr_str_find(v, DR_STR_LIT(";r="));
    struct dr_str rest;

    if (at == SIZE_MAX) {
        return -1;
    }
    rest = (struct dr_str){v.p + at + 3, v.n - at - 3};
    return number_or(dr_str_split(&rest, ';'), -1);
}

static char *retry_text(struct transfer *t)
{
    return t->url; /* free once the request is on its way */
}

static void one_header(struct transfer *t, struct dr_str name, struct dr_str v)
{
    struct dr_http_answer *a = &t->ans;

    if (dr_str_ieq(name, DR_STR_LIT("retry-after"))) {
        copy_header(retry_text(t), HEADER_MAX, v);
    } else if (dr_str_ieq(name, DR_STR_LIT("date"))) {
        if (dr_http_date_parse(v, &a->date_ms)) {
            a->date_ms = -1;
        }
    } else if (dr_str_ieq(name, DR_STR_LIT("x-ratelimit-limit"))) {
        a->limit = number_or(v, -1);
    } else if (dr_str_ieq(name, DR_STR_LIT("x-ratelimit-remaining"))) {
        a->remaining = number_or(v, -1);
    } else if (dr_str_ieq(name, DR_STR_LIT("x-ratelimit-reset"))) {
        copy_header(a->reset, sizeof(a->reset), v);
    } else if (dr_str_ieq(name, DR_STR_LIT("ratelimit"))) {
        a->remaining = a->remaining < 0 ? policy_remaining(v) : a->remaining;
    } else if (dr_str_ieq(name, DR_STR_LIT("etag"))) {
        copy_header(a->etag, sizeof(a->etag), v);
    } else if (dr_str_ieq(name, DR_STR_LIT("content-type"))) {
        copy_header(a->content_type, sizeof(a->content_type), v);
    }
}

static size_t take_header(char *in, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    struct dr_str value = {in, n * size}, name;

    if (dr_str_starts(value, DR_STR_LIT("HTTP/"))) {
        retry_text(t)[0] = '\0'; /* a new header block begins */
        return n * size;
    }
    name = dr_str_split(&value, ':');
    if (value.p) {
        one_header(t, dr_str_trim(name), dr_str_trim(value));
    }
    return n * size;
}

static int set_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    const struct dr_http *h = ctx;
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    unsigned timeout = (unsigned)h->opts.total_ms;
    int one = 1;

    (void)purpose;
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
                     sizeof(timeout));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return CURL_SOCKOPT_OK;
}

/* ---- set-up ---- */

static bool is_loopback(struct dr_str host)
{
    struct dr_str h = host;

    h = dr_str_split(&h, '/');
    if (dr_str_starts(h, DR_STR_LIT("[::1]"))) {
        return true;
    }
    h = dr_str_split(&h, ':');
    return dr_str_eqz(h, "localhost") || dr_str_starts(h, DR_STR_LIT("127."));
}

static int check_url(const struct dr_http_opts *o, struct dr_err *err)
{
    struct dr_str url = dr_str_z(o->base_url);
    struct dr_str plain = DR_STR_LIT("http://");

    if (dr_str_starts(url, DR_STR_LIT("https://"))) {
        return 0;
    }
    if (!dr_str_starts(url, plain)) {
        return dr_err_set(err, DR_HALT, 0, "http.url",
                          "\"%s\" is not an http(s) address", o->base_url);
    }
    if (!o->allow_plain &&
        !is_loopback((struct dr_str){url.p + plain.n, url.n - plain.n})) {
        return dr_err_set(err, DR_HALT, 0, "http.url",
                          "plain HTTP is allowed to a loopback address only: "
                          "use https for %s",
                          o->base_url);
    }
    return 0;
}

static void add_header(struct dr_http *h, const char *text)
{
    struct curl_slist *more = curl_slist_append(h->headers, text);

    if (!more) {
        dr_die(DR_EXIT_NOMEM, "http", "out of memory");
    }
    h->headers = more;
}

struct dr_http *dr_http_new(const struct dr_http_opts *o, struct dr_err *err)
{
    static bool ready;
    struct dr_http *h;

    if (check_url(o, err)) {
        return NULL;
    }
    if (!ready) {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            (void)dr_err_set(err, DR_HALT, 0, "http", "libcurl did not start");
            return NULL;
        }
        ready = true;
    }
    h = dr_xcalloc(1, sizeof(*h));
    h->opts = *o;
    h->opts.connect_ms = o->connect_ms ? o->connect_ms : 5000;
    h->opts.total_ms = o->total_ms ? o->total_ms : 30000;
    h->opts.max_answer = o->max_answer ? o->max_answer : (size_t)8 << 20;
    h->opts.max_connections = o->max_connections ? o->max_connections : 16;
    h->base_url = dr_xstrdup(o->base_url);
    h->user_agent = dr_xstrdup(o->user_agent ? o->user_agent : "drover");
    h->multi = curl_multi_init();
    if (!h->multi) {
        dr_die(DR_EXIT_NOMEM, "http", "out of memory");
    }
    (void)curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                            (long)h->opts.max_connections);
    (void)curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    add_header(h, "Content-Type: application/json");
    add_header(h, "Accept: application/json");
    add_header(h, "Expect:");
    if (o->auth_header) {
        struct dr_buf line;
        dr_buf_init(&line, 8192);
        dr_buf_printf(&line, "Authorization: %s", o->auth_header);
        add_header(h, line.p);
        explicit_bzero(line.p, line.n);
        dr_buf_done(&line);
    }
    return h;
}

static void transfer_free(struct transfer *t)
{
    curl_easy_cleanup(t->easy);
    dr_buf_done(&t->body);
    dr_buf_done(&t->answer);
    free(t);
}

void dr_http_free(struct dr_http *h)
{
    if (!h) {
        return;
    }
    while (h->free_list) {
        struct transfer *t = h->free_list;
        h->free_list = t->next;
        transfer_free(t);
    }
    curl_multi_cleanup(h->multi);
    curl_slist_free_all(h->headers);
    free(h->base_url);
    free(h->user_agent);
    free(h);
}

/* Options that are the same for every request of a handle. */
static void setup(struct dr_http *h, struct transfer *t)
{
    CURL *e = t->easy;

    (void)curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    (void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                           (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)h->opts.connect_ms);
    (void)curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)h->opts.total_ms);
    (void)curl_easy_setopt(e, CURLOPT_USERAGENT, h->user_agent);
    (void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
    (void)curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, set_socket);
    (void)curl_easy_setopt(e, CURLOPT_SOCKOPTDATA, h);
    (void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    (void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    (void)curl_easy_setopt(e, CURLOPT_READFUNCTION, read_body);
    (void)curl_easy_setopt(e, CURLOPT_READDATA, t);
}

static struct transfer *transfer_new(struct dr_http *h)
{
    struct transfer *t = h->free_list;

    if (t) {
        h->free_list = t->next;
        curl_easy_reset(t->easy);
    } else {
        t = dr_xcalloc(1, sizeof(*t));
        t->easy = curl_easy_init();
        if (!t->easy) {
            dr_die(DR_EXIT_NOMEM, "http", "out of memory");
        }
        dr_buf_init(&t->body, (size_t)256 << 20);
        dr_buf_init(&t->answer, h->opts.max_answer);
    }
    dr_buf_reset(&t->body);
    dr_buf_reset(&t->answer);
    t->sent = 0;
    t->ans = (struct dr_http_answer){
        .retry_after_ms = -1, .date_ms = -1, .limit = -1, .remaining = -1};
    setup(h, t);
    return t;
}

static void set_method(struct transfer *t, const char *method)
{
    CURL *e = t->easy;

    if (strcmp(method, "GET") == 0) {
        (void)curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    } else if (strcmp(method, "POST") == 0) {
        (void)curl_easy_setopt(e, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)t->body.n);
    } else if (t->body.n > 0 || strcmp(method, "PUT") == 0) {
        (void)curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
        (void)curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE,
                               (curl_off_t)t->body.n);
        (void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
    } else {
        (void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
    }
}

void dr_http_send(struct dr_http *h, const char *method, const char *path,
                  struct dr_str body, dr_http_done_fn *done, void *ctx)
{
    struct transfer *t = transfer_new(h);
    int n = snprintf(t->url, sizeof(t->url), "%s%s", h->base_url, path);

    DR_ASSERT(n > 0 && (size_t)n < sizeof(t->url));
    dr_buf_str(&t->body, body);
    DR_ASSERT(!t->body.over);
    t->done = done;
    t->ctx = ctx;
    t->started_ms = dr_mono_ms();
    (void)curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
    t->url[0] = '\0'; /* from here on it holds Retry-After */
    set_method(t, method);
    if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK) {
        dr_die(DR_EXIT_FAILURE, "http", "libcurl took no request");
    }
    h->in_flight++;
}

/* Certain that nothing reached the server: no connection came about. */
static bool never_sent(CURLcode code)
{
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        return true;
    default:
        return false;
    }
}

static void finish(struct dr_http *h, struct transfer *t, CURLcode code)
{
    struct dr_http_answer *a = &t->ans;
    long status = 0;

    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    a->took_ms = dr_mono_ms() - t->started_ms;
    if (t->url[0] != '\0') {
        a->retry_after_ms = retry_after(dr_str_z(t->url), a->date_ms);
    }
    if (code == CURLE_OK && status > 0) {
        a->outcome = DR_HTTP_ANSWERED;
        a->status = (int)status;
        a->body = dr_buf_view(&t->answer);
    } else {
        a->outcome = never_sent(code) ? DR_HTTP_NOT_SENT : DR_HTTP_UNSETTLED;
        (void)snprintf(a->reason, sizeof(a->reason), "%s (%d)",
                       t->answer.over ? "the answer is larger than allowed"
                                      : curl_easy_strerror(code),
                       (int)code);
    }
    h->in_flight--;
    t->done(a, t->ctx);
    t->next = h->free_list;
    h->free_list = t;
}

int dr_http_poll(struct dr_http *h, int timeout_ms)
{
    int running = 0, left = 0;
    CURLMsg *m;

    (void)curl_multi_perform(h->multi, &running);
    if (running > 0 && timeout_ms > 0) {
        (void)curl_multi_poll(h->multi, NULL, 0, timeout_ms, NULL);
        (void)curl_multi_perform(h->multi, &running);
    }
    while ((m = curl_multi_info_read(h->multi, &left))) {
        char *private = NULL;
        CURLcode code = m->data.result;
        CURL *easy = m->easy_handle;

        if (m->msg != CURLMSG_DONE) {
            continue;
        }
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        (void)curl_multi_remove_handle(h->multi, easy);
        finish(h, (struct transfer *)(void *)private, code);
    }
    return h->in_flight;
}

int dr_http_in_flight(const struct dr_http *h)
{
    return h->in_flight;
}

/* ---- one call, waited for ---- */

struct one_call {
    struct dr_http_answer *ans;
    struct dr_buf *out;
    bool done;
};

static void call_done(const struct dr_http_answer *ans, void *ctx)
{
    struct one_call *c = ctx;

    *c->ans = *ans;
    if (c->out) {
        dr_buf_str(c->out, ans->body);
        c->ans->body = dr_buf_view(c->out);
    } else {
        c->ans->body = (struct dr_str){NULL, 0};
    }
    c->done = true;
}

int dr_http_call(struct dr_http *h, const char *method, const char *path,
                 struct dr_str body, struct dr_http_answer *ans_out,
                 struct dr_buf *out, struct dr_err *err)
{
    struct one_call c = {.ans = ans_out, .out = out};

    dr_http_send(h, method, path, body, call_done, &c);
    while (!c.done) { /* bounded by total_ms */
        (void)dr_http_poll(h, 1000);
    }
    if (ans_out->outcome != DR_HTTP_ANSWERED) {
        return dr_err_set(err, DR_RETRY, 0, "http", "%s", ans_out->reason);
    }
    return 0;
}
