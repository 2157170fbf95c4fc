/*
 * The client. Rules that keep a write from leaving twice (effects protocol,
 * section 2), each set in setup():
 *   - the body goes by a read callback and there is no seek callback: libcurl
 *     cannot rewind it, so it cannot send a POST again on a new connection;
 *   - a write without a body has nothing to rewind, and libcurl would send it
 *     again when a reused connection dies: it gets a connection of its own;
 *   - redirects are not followed; HTTP/1.1 is forced (HTTP/2 has retries of
 *     its own);
 *   - SO_LINGER {1,0}: what is cut is cut, the kernel delivers nothing later.
 */
#include <drover/http/client.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/clock.h>

#include "headers_private.h"
#include "memory_private.h"

#define URL_MAX_BYTES 8192
/* Old connections are closed, so that a change of address in DNS is seen. */
#define CONNECTION_LIFE_S 300L
#define AUTH_MAX ((size_t)4096)
#define REQUEST_MAX ((size_t)256 << 20)
#define UPLOAD_BUFFER 131072L

struct transfer {
    struct transfer *next, *prev;
    CURL *easy;
    struct dr_buf body, answer;
    size_t sent;
    dr_http_done_fn *done;
    dr_http_take_fn *take; /* NULL: the body is held */
    dr_http_give_fn *give; /* NULL: the request's body is held */
    uint64_t size, given;  /* of an upload */
    uint64_t from, skip;   /* of a stream: where it begins, what is left out */
    bool waiting;          /* `give` had nothing yet */
    struct curl_slist *headers; /* its own, or NULL */
    void *ctx;
    int64_t started_ms;
    struct dr_http_answer ans;
    char retry_after[DR_HTTP_RETRY_TEXT];
    bool headers_whole;
    const char *refused; /* why it was never sent, NULL: it was */
};

struct dr_http {
    CURLM *multi;
    struct curl_slist *headers;
    char *base_url;
    char *user_agent;
    struct dr_http_opts opts;
    struct transfer *free_list;
    struct transfer *active; /* doubly linked */
    int in_flight;
    bool address_refused; /* since the last answer */
};

/* ---- callbacks ---- */

static size_t ask_body(struct transfer *t, char *out, size_t n)
{
    long got;

    if (n > t->size - t->given) {
        n = (size_t)(t->size - t->given);
    }
    if (n == 0) {
        return 0;
    }
    got = t->give(out, n, t->ctx);
    if (got == DR_HTTP_LATER) {
        t->waiting = true;
        return CURL_READFUNC_PAUSE;
    }
    if (got <= 0 || (size_t)got > n) {
        return CURL_READFUNC_ABORT;
    }
    t->given += (uint64_t)got;
    return (size_t)got;
}

static size_t read_body(char *out, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    size_t left = t->body.n - t->sent;

    n *= size;
    if (t->give) {
        return ask_body(t, out, n);
    }
    if (n > left) {
        n = left;
    }
    memcpy(out, t->body.p + t->sent, n);
    t->sent += n;
    return n;
}

/* A part begins where it was asked for; of a whole, what is known already is
 * left out. */
static bool take_piece(struct transfer *t, long status, struct dr_str piece)
{
    if (t->from > 0 && status == 206 && t->ans.range_from != (int64_t)t->from) {
        t->refused = "the answer is another part than was asked for";
        return false;
    }
    if (status != 206 && t->skip > 0) {
        size_t n = t->skip < piece.n ? (size_t)t->skip : piece.n;
        t->skip -= n;
        piece = (struct dr_str){piece.p + n, piece.n - n};
    }
    return piece.n == 0 || t->take(piece, t->ctx);
}

static size_t take_body(char *in, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    long status = 0;

    n *= size;
    if (t->take &&
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status) ==
            CURLE_OK &&
        status >= 200 && status < 300) {
        return take_piece(t, status, (struct dr_str){in, n}) ? n : 0;
    }
    dr_buf_add(&t->answer, in, n);
    return t->answer.over ? 0 : n; /* 0 ends the transfer */
}

static size_t take_header(char *in, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    struct dr_str line = {in, n * size};

    /* libcurl is content with headers that end in the middle. Interim answers
     * start anew; trailers come after the blank line and change nothing. */
    if (dr_str_starts(line, DR_STR_LIT("HTTP/"))) {
        t->headers_whole = false;
    } else if (dr_str_trim(line).n == 0) {
        t->headers_whole = true;
    }
    dr_http_take_header(line, t->retry_after, &t->ans);
    return n * size;
}

/* The address that a name has led to: refused before a byte is sent. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose,
                                 struct curl_sockaddr *a)
{
    struct dr_http *h = ctx;

    (void)purpose;
    if (!dr_address_allowed(&a->addr, h->opts.reach)) {
        h->address_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
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

static bool has_control(const char *z)
{
    for (; z && *z; z++) {
        if ((unsigned char)*z < 0x20 || *z == 0x7f) {
            return true;
        }
    }
    return false;
}

int dr_http_check(const struct dr_http_opts *o, struct dr_err *err)
{
    struct dr_str url = dr_str_z(o->base_url);
    struct dr_str plain = DR_STR_LIT("http://");
    struct dr_url parts;

    if (has_control(o->base_url) || dr_str_find(url, DR_STR_LIT("@")) < url.n) {
        return dr_err_set(err, DR_HALT, 0, "http.url",
                          "the address holds control characters or a user "
                          "name: give scheme, host, port and path only");
    }
    if (has_control(o->auth_header) || has_control(o->auth_name) ||
        has_control(o->user_agent) || dr_str_z(o->auth_name).n > 64 ||
        dr_str_z(o->auth_header).n > AUTH_MAX) {
        return dr_err_set(err, DR_HALT, 0, "http.auth",
                          "the token or user agent holds control characters "
                          "or is too long: check the secret's file");
    }
    if (!(dr_str_starts(url, DR_STR_LIT("https://")) ||
          dr_str_starts(url, plain)) ||
        dr_url_split(url, &parts, err)) {
        return dr_err_set(err, DR_HALT, 0, "http.url",
                          "\"%s\" is not an http(s) address: "
                          "https://host[:port][/path] is wanted",
                          o->base_url ? o->base_url : "");
    }
    if (!parts.https && !o->allow_plain && !dr_url_is_loopback(url)) {
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

    if (dr_http_check(o, err)) {
        return NULL;
    }
    if (!ready) {
        if (memory_start_curl()) {
            (void)dr_err_set(err, DR_HALT, 0, "http", "libcurl did not start");
            return NULL;
        }
        ready = true;
    }
    h = dr_xcalloc(1, sizeof(*h));
    h->opts = *o;
    h->opts.base_url = h->opts.auth_header = NULL; /* the caller's */
    h->opts.auth_name = NULL;
    h->opts.user_agent = NULL;
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
    add_header(h, o->form ? "Content-Type: application/x-www-form-urlencoded"
                          : "Content-Type: application/json");
    add_header(h, "Accept: application/json");
    add_header(h, "Expect:");
    if (o->auth_header) {
        struct dr_buf line;
        dr_buf_init(&line, 2 * AUTH_MAX);
        dr_buf_printf(&line, "%s: %s",
                      o->auth_name ? o->auth_name : "Authorization",
                      o->auth_header);
        add_header(h, line.p);
        explicit_bzero(line.p, line.n);
        dr_buf_done(&line);
    }
    return h;
}

/* Forms carry secrets, and so do their answers. */
static void wipe(const struct dr_http *h, struct transfer *t)
{
    if (h->opts.form && t->body.cap > 0) {
        explicit_bzero(t->body.p, t->body.cap);
    }
    if (h->opts.form && t->answer.cap > 0) {
        explicit_bzero(t->answer.p, t->answer.cap);
    }
}

static void transfer_free(const struct dr_http *h, struct transfer *t)
{
    wipe(h, t);
    curl_slist_free_all(t->headers);
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
    while (h->active) {
        struct transfer *t = h->active;
        h->active = t->next;
        (void)curl_multi_remove_handle(h->multi, t->easy);
        transfer_free(h, t);
    }
    while (h->free_list) {
        struct transfer *t = h->free_list;
        h->free_list = t->next;
        transfer_free(h, t);
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
    (void)curl_easy_setopt(e, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(e, CURLOPT_SSLVERSION,
                           (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFE_S);
    (void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)h->opts.connect_ms);
    (void)curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)h->opts.total_ms);
    (void)curl_easy_setopt(e, CURLOPT_USERAGENT, h->user_agent);
    (void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
    (void)curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, set_socket);
    (void)curl_easy_setopt(e, CURLOPT_SOCKOPTDATA, h);
    (void)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, h);
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
        dr_buf_init(&t->body, REQUEST_MAX);
        dr_buf_init(&t->answer, h->opts.max_answer);
        if (h->opts.form) { /* as it grows it leaves what it had behind */
            (void)dr_buf_reserve(&t->answer, h->opts.max_answer);
        }
    }
    dr_buf_reset(&t->body);
    dr_buf_reset(&t->answer);
    t->sent = 0;
    t->refused = NULL;
    t->take = NULL;
    t->give = NULL;
    t->size = t->given = 0;
    t->from = t->skip = 0;
    t->waiting = false;
    t->headers_whole = false;
    t->retry_after[0] = '\0';
    t->next = h->active;
    t->prev = NULL;
    if (h->active) {
        h->active->prev = t;
    }
    h->active = t;
    t->ans = (struct dr_http_answer){.retry_after_ms = -1,
                                     .date_ms = -1,
                                     .limit = -1,
                                     .remaining = -1,
                                     .range_from = -1};
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
    if (t->body.n == 0 && strcmp(method, "GET") != 0) {
        (void)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    }
}

static struct transfer *start(struct dr_http *h, const char *method,
                              const char *path, struct dr_str body,
                              dr_http_done_fn *done, void *ctx)
{
    struct transfer *t = transfer_new(h);
    char url[URL_MAX_BYTES];
    int n = snprintf(url, sizeof(url), "%s%s", h->base_url, path);

    dr_buf_str(&t->body, body);
    if (n < 0 || (size_t)n >= sizeof(url)) {
        t->refused = "the address is longer than 8,191 bytes";
    } else if (has_control(path) || strchr(path, ' ')) {
        t->refused = "the address is not encoded";
    } else if (t->body.over) {
        t->refused = "the body is larger than 256 MiB";
    }
    if (t->refused) {
        url[0] = '\0'; /* libcurl refuses it; the answer comes by the poll */
    }
    t->done = done;
    t->ctx = ctx;
    t->started_ms = dr_mono_ms();
    (void)curl_easy_setopt(t->easy, CURLOPT_URL, url);
    set_method(t, method);
    if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK) {
        dr_die(DR_EXIT_FAILURE, "http", "libcurl took no request");
    }
    h->in_flight++;
    return t;
}

void dr_http_send(struct dr_http *h, const char *method, const char *path,
                  struct dr_str body, dr_http_done_fn *done, void *ctx)
{
    (void)start(h, method, path, body, done, ctx);
}

/* No limit on the whole. */
static void silence_only(const struct dr_http *h, struct transfer *t)
{
    (void)curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, 0L);
    (void)curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME,
                           (h->opts.total_ms + 999L) / 1000);
}

void dr_http_stream(struct dr_http *h, const char *path, dr_http_take_fn *take,
                    dr_http_done_fn *done, void *ctx)
{
    dr_http_stream_from(h, path, 0, take, done, ctx);
}

void dr_http_stream_from(struct dr_http *h, const char *path, uint64_t from,
                         dr_http_take_fn *take, dr_http_done_fn *done,
                         void *ctx)
{
    struct transfer *t =
        start(h, "GET", path, (struct dr_str){NULL, 0}, done, ctx);
    char range[32];

    t->take = take;
    t->from = t->skip = from;
    if (from > 0) {
        (void)snprintf(range, sizeof(range), "%llu-", (unsigned long long)from);
        (void)curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
    }
    silence_only(h, t);
}

/* Those of every request, with another kind of content; the first one is
 * Content-Type. */
static struct curl_slist *headers_with(struct dr_http *h, const char *type)
{
    struct curl_slist *list;
    char line[256];

    DR_ASSERT(!has_control(type) && strlen(type) < 200);
    (void)snprintf(line, sizeof(line), "Content-Type: %s", type);
    list = curl_slist_append(NULL, line);
    for (const struct curl_slist *e = h->headers->next; list && e;
         e = e->next) {
        struct curl_slist *more = curl_slist_append(list, e->data);
        if (!more) {
            dr_die(DR_EXIT_NOMEM, "http", "out of memory");
        }
    }
    if (!list) {
        dr_die(DR_EXIT_NOMEM, "http", "out of memory");
    }
    return list;
}

void dr_http_upload(struct dr_http *h, const char *path,
                    const char *content_type, uint64_t size,
                    dr_http_give_fn *give, dr_http_done_fn *done, void *ctx)
{
    struct transfer *t =
        start(h, "POST", path, (struct dr_str){NULL, 0}, done, ctx);

    t->give = give;
    t->size = size;
    t->headers = headers_with(h, content_type);
    (void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    (void)curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)size);
    (void)curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
    silence_only(h, t);
}

/* Certain that nothing reached the server: not a byte of the request was
 * written, and the error says that no connection came about. */
static bool never_sent(CURL *easy, CURLcode code)
{
    curl_off_t ready_us = 0;
    long written = 1;

    if (curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &written) ||
        written > 0 ||
        curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us)) {
        return false;
    }
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT: /* while connecting or waiting for a slot */
        return ready_us == 0;
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
    if (t->retry_after[0] != '\0') {
        a->retry_after_ms =
            dr_http_retry_after(dr_str_z(t->retry_after),
                                a->date_ms >= 0 ? a->date_ms : dr_wall_ms());
    }
    if (code == CURLE_OK && status > 0 && t->headers_whole) {
        a->outcome = DR_HTTP_ANSWERED;
        a->status = (int)status;
        a->body = dr_buf_view(&t->answer);
    } else {
        const char *why = t->refused;
        if (!why) {
            why = t->answer.over     ? "the answer is larger than allowed"
                  : code == CURLE_OK ? "the answer ended in its headers"
                                     : curl_easy_strerror(code);
        }
        a->outcome =
            never_sent(t->easy, code) ? DR_HTTP_NOT_SENT : DR_HTTP_UNSETTLED;
        a->too_large = t->answer.over;
        (void)snprintf(a->reason, sizeof(a->reason), "%s (%d)", why, (int)code);
    }
    a->address_refused = a->outcome != DR_HTTP_ANSWERED && h->address_refused;
    h->address_refused = false;
    a->body_cut = t->give && t->given < t->size;
    h->in_flight--;
    t->done(a, t->ctx);
    wipe(h, t);
    curl_slist_free_all(t->headers); /* after the next reset nobody asks */
    t->headers = NULL;
    if (t->prev) {
        t->prev->next = t->next;
    } else {
        h->active = t->next;
    }
    if (t->next) {
        t->next->prev = t->prev;
    }
    t->next = h->free_list;
    h->free_list = t;
}

/* Hands out what is finished; returns how many. */
static int deliver(struct dr_http *h)
{
    int left = 0, n = 0;
    CURLMsg *m;

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
        n++;
    }
    return n;
}

/* Uploads that had nothing to give are asked again. */
static void ask_again(struct dr_http *h)
{
    for (struct transfer *t = h->active; t; t = t->next) {
        if (t->waiting) {
            t->waiting = false;
            (void)curl_easy_pause(t->easy, CURLPAUSE_CONT);
        }
    }
}

int dr_http_poll(struct dr_http *h, int timeout_ms)
{
    int running = 0;

    ask_again(h);
    (void)curl_multi_perform(h->multi, &running);
    if (deliver(h) == 0 && running > 0 && timeout_ms > 0) {
        (void)curl_multi_poll(h->multi, NULL, 0, timeout_ms, NULL);
        (void)curl_multi_perform(h->multi, &running);
        (void)deliver(h);
    }
    return h->in_flight;
}

int dr_http_in_flight(const struct dr_http *h)
{
    return h->in_flight;
}
