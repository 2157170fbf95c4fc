/*
 * The server: libmicrohttpd with an external epoll loop. A request is
 * collected whole, then handed to the handler; the answer goes out from the
 * same poll.
 */
#include <drover/http/server.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>

#define DEFAULT_BODY ((size_t)1 << 20)
#define MAX_SERVERS 8
#define DRAIN_FACTOR 8 /* of max_body is read before we hang up */
#define CONNECTION_MEMORY ((size_t)64 << 10) /* headers up to half of it */

struct dr_httpd {
    struct MHD_Daemon *daemon;
    struct dr_httpd_opts opts;
    struct dr_httpd_req *waiting; /* kept for later, doubly linked */
    bool resumed; /* the library does not count this as something to do */
    uint16_t port;
};

struct header {
    struct header *next;
    char *name, *value;
};

struct dr_httpd_req {
    struct dr_httpd *server;
    struct MHD_Connection *conn;
    char *method, *path, *rawpath, *query;
    struct dr_buf body;
    FILE *spool; /* a body that is too large for memory, */
    size_t spooled;
    char *map; /* once it is whole */
    struct header *headers;
    struct MHD_Response *response;
    struct dr_httpd_req *next, *prev; /* while suspended */
    size_t received;
    int status;
    int64_t due_ms; /* of a body that pauses; 0: waits for an answer */
    bool too_large, deferred, suspended, drop, answered, dispatched;
    void *user;
};

/* ---- what was asked ---- */

struct dr_str dr_httpd_method(const struct dr_httpd_req *r)
{
    return dr_str_z(r->method);
}

struct dr_str dr_httpd_path(const struct dr_httpd_req *r)
{
    return dr_str_z(r->path);
}

struct dr_str dr_httpd_rawpath(const struct dr_httpd_req *r)
{
    return dr_str_z(r->rawpath);
}

struct dr_str dr_httpd_query(const struct dr_httpd_req *r)
{
    return dr_str_z(r->query);
}

struct dr_str dr_httpd_body(const struct dr_httpd_req *r)
{
    return r->map ? (struct dr_str){r->map, r->spooled} : dr_buf_view(&r->body);
}

struct dr_str dr_httpd_header(const struct dr_httpd_req *r, const char *name)
{
    return dr_str_z(
        MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name));
}

struct last_arg {
    const char *name;
    struct dr_str value;
};

static enum MHD_Result keep_last(void *ctx, enum MHD_ValueKind kind,
                                 const char *key, const char *value)
{
    struct last_arg *last = ctx;

    (void)kind;
    if (strcmp(key, last->name) == 0) {
        last->value = dr_str_z(value ? value : "");
    }
    return MHD_YES;
}

struct dr_str dr_httpd_arg(const struct dr_httpd_req *r, const char *name)
{
    struct last_arg last = {name, {NULL, 0}};

    (void)MHD_get_connection_values(r->conn, MHD_GET_ARGUMENT_KIND, keep_last,
                                    &last);
    return last.value;
}

void dr_httpd_set_user(struct dr_httpd_req *r, void *user)
{
    r->user = user;
}

void *dr_httpd_user(const struct dr_httpd_req *r)
{
    return r->user;
}

/* ---- the answer ---- */

void dr_httpd_add_header(struct dr_httpd_req *r, const char *name,
                         const char *value)
{
    struct header *h;

    if (strpbrk(name, "\r\n") || strpbrk(value, "\r\n")) {
        return;
    }
    h = dr_xcalloc(1, sizeof(*h));
    h->name = dr_xstrdup(name);
    h->value = dr_xstrdup(value);
    h->next = r->headers;
    r->headers = h;
}

/* The library ends the process when a server with waiting connections is
 * stopped, so the server knows them. */
static void suspend(struct dr_httpd_req *r)
{
    struct dr_httpd *h = r->server;

    r->suspended = true;
    r->prev = NULL;
    r->next = h->waiting;
    if (h->waiting) {
        h->waiting->prev = r;
    }
    h->waiting = r;
    MHD_suspend_connection(r->conn);
}

static void resume(struct dr_httpd_req *r)
{
    if (!r->suspended) {
        return;
    }
    r->suspended = false;
    if (r->prev) {
        r->prev->next = r->next;
    } else {
        r->server->waiting = r->next;
    }
    if (r->next) {
        r->next->prev = r->prev;
    }
    r->server->resumed = true;
    MHD_resume_connection(r->conn);
}

static void set_response(struct dr_httpd_req *r, int status,
                         const char *content_type,
                         struct MHD_Response *response)
{
    DR_ASSERT(!r->answered);
    if (!response) {
        dr_die(DR_EXIT_NOMEM, "http", "out of memory");
    }
    r->response = response;
    r->status = status;
    r->answered = true;
    (void)MHD_add_response_header(response, "Content-Type",
                                  content_type ? content_type
                                               : "application/json");
    for (const struct header *h = r->headers; h; h = h->next) {
        (void)MHD_add_response_header(response, h->name, h->value);
    }
    resume(r);
}

void dr_httpd_answer(struct dr_httpd_req *r, int status,
                     const char *content_type, struct dr_str body)
{
    char *copy = dr_xstrndup(body);

    set_response(
        r, status, content_type,
        MHD_create_response_from_buffer(body.n, copy, MHD_RESPMEM_MUST_FREE));
}

void dr_httpd_answer_take(struct dr_httpd_req *r, int status,
                          const char *content_type, struct dr_buf *body)
{
    size_t n = body->n;
    char *p = dr_buf_release(body);

    set_response(r, status, content_type,
                 MHD_create_response_from_buffer(n, p, MHD_RESPMEM_MUST_FREE));
}

void dr_httpd_answer_file(struct dr_httpd_req *r, int status,
                          const char *content_type, int fd, uint64_t size)
{
    set_response(r, status, content_type,
                 MHD_create_response_from_fd64(size, fd));
}

void dr_httpd_answer_range(struct dr_httpd_req *r, int status,
                           const char *content_type, int fd, uint64_t offset,
                           uint64_t size)
{
    set_response(r, status, content_type,
                 MHD_create_response_from_fd_at_offset64(size, fd, offset));
}

/* A body that its owner makes piece by piece. */
struct stream {
    struct dr_httpd_req *r;
    dr_httpd_read_fn *read;
    void (*done)(void *ctx);
    void *ctx;
    bool chunked;
};

static ssize_t stream_read(void *ctx, uint64_t pos, char *out, size_t max)
{
    struct stream *s = ctx;
    int64_t n = s->read(s->ctx, pos, out, max);

    if (n > 0) {
        return (ssize_t)n;
    }
    if (n == 0 || n == INT64_MIN) {
        return n == 0 && s->chunked ? MHD_CONTENT_READER_END_OF_STREAM
                                    : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    s->r->due_ms = dr_mono_ms() - n;
    suspend(s->r);
    return 0;
}

static void stream_free(void *ctx)
{
    struct stream *s = ctx;

    if (s->done) {
        s->done(s->ctx);
    }
    free(s);
}

void dr_httpd_answer_stream(struct dr_httpd_req *r, int status,
                            const char *content_type, uint64_t size,
                            dr_httpd_read_fn *read, void (*done)(void *ctx),
                            void *ctx)
{
    struct stream *s = dr_xcalloc(1, sizeof(*s));

    *s = (struct stream){.r = r,
                         .read = read,
                         .done = done,
                         .ctx = ctx,
                         .chunked = size == UINT64_MAX};
    set_response(r, status, content_type,
                 MHD_create_response_from_callback(
                     s->chunked ? MHD_SIZE_UNKNOWN : size, 64 << 10,
                     stream_read, s, stream_free));
}

void dr_httpd_defer(struct dr_httpd_req *r)
{
    r->deferred = true;
}

/* A body that stops: `n` bytes, then an error, which makes the library close
 * the connection. */
struct broken {
    char *p;
    size_t n;
};

static ssize_t broken_read(void *ctx, uint64_t pos, char *out, size_t max)
{
    const struct broken *b = ctx;
    size_t left = pos < b->n ? b->n - (size_t)pos : 0;

    if (left == 0) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (left > max) {
        left = max;
    }
    memcpy(out, b->p + pos, left);
    return (ssize_t)left;
}

static void broken_free(void *ctx)
{
    struct broken *b = ctx;

    free(b->p);
    free(b);
}

void dr_httpd_answer_broken(struct dr_httpd_req *r, int status,
                            const char *content_type, struct dr_str body,
                            enum dr_httpd_break how, size_t bytes)
{
    struct broken *b;
    uint64_t announced = body.n;

    if (how == DR_HTTPD_CLOSE) {
        DR_ASSERT(!r->answered);
        r->drop = true;
        r->answered = true;
        resume(r);
        return;
    }
    b = dr_xcalloc(1, sizeof(*b));
    b->n = how == DR_HTTPD_CUT && bytes < body.n ? bytes : body.n;
    b->p = dr_xstrndup((struct dr_str){body.p, b->n});
    if (how == DR_HTTPD_CHUNKED_NO_END) {
        announced = MHD_SIZE_UNKNOWN;
    } else if (how == DR_HTTPD_BAD_LENGTH) {
        announced = body.n + 1000;
    } else if (b->n == body.n) {
        announced = body.n + 1; /* nothing to cut: still not whole */
    }
    set_response(r, status, content_type,
                 MHD_create_response_from_callback(
                     announced, 32 << 10, broken_read, b, broken_free));
}

/* ---- libmicrohttpd's callbacks ---- */

static void *log_uri(void *ctx, const char *uri, struct MHD_Connection *conn)
{
    struct dr_httpd_req *r = dr_xcalloc(1, sizeof(*r));
    const char *mark = strchr(uri, '?');

    r->server = ctx;
    r->conn = conn;
    r->rawpath = dr_xstrndup(
        (struct dr_str){uri, mark ? (size_t)(mark - uri) : strlen(uri)});
    r->query = dr_xstrdup(mark ? mark + 1 : "");
    dr_buf_init(&r->body, r->server->opts.max_body);
    return r;
}

static void request_done(void *ctx, struct MHD_Connection *conn, void **cls,
                         enum MHD_RequestTerminationCode code)
{
    struct dr_httpd_req *r = *cls;

    (void)ctx;
    (void)conn;
    (void)code;
    if (!r) {
        return;
    }
    while (r->headers) {
        struct header *h = r->headers;
        r->headers = h->next;
        free(h->name);
        free(h->value);
        free(h);
    }
    if (r->response) {
        MHD_destroy_response(r->response);
    }
    free(r->method);
    free(r->path);
    free(r->rawpath);
    free(r->query);
    dr_buf_done(&r->body);
    if (r->map) {
        (void)munmap(r->map, r->spooled);
    }
    if (r->spool) {
        (void)fclose(r->spool);
    }
    free(r);
    *cls = NULL;
}

static enum MHD_Result queue_answer(struct dr_httpd_req *r)
{
    if (r->drop) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct linger reset = {.l_onoff = 1, .l_linger = 0};

        if (info) {
            (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &reset,
                             sizeof(reset));
        }
        return MHD_NO; /* closes the connection without an answer */
    }
    return MHD_queue_response(r->conn, (unsigned)r->status, r->response);
}

/* ---- the body ---- */

/* From the first byte beyond opts.spool on, all of it is in the file. A disk
 * that is full makes the body one that is too large. */
static void spool(struct dr_httpd_req *r, const char *p, size_t n)
{
    if (!r->spool) {
        r->spool = tmpfile();
        r->spooled = r->body.n;
        r->too_large = !r->spool || fwrite(r->body.p ? r->body.p : "", 1,
                                           r->body.n, r->spool) != r->body.n;
        dr_buf_done(&r->body);
        dr_buf_init(&r->body, 1);
    }
    if (!r->too_large && n <= r->server->opts.max_body - r->spooled) {
        r->spooled += n;
        r->too_large = fwrite(p, 1, n, r->spool) != n;
    } else {
        r->too_large = true;
    }
}

static void receive(struct dr_httpd_req *r, const char *p, size_t n)
{
    size_t limit = r->server->opts.spool;

    r->received += n;
    if (r->too_large) {
        return; /* read on for a while, and forgotten */
    }
    if (limit > 0 && (r->spool || r->body.n + n > limit)) {
        spool(r, p, n);
        return;
    }
    dr_buf_add(&r->body, p, n);
    r->too_large = r->body.over;
}

static void show_spooled(struct dr_httpd_req *r)
{
    void *map;

    if (!r->spool || r->spooled == 0 || r->too_large) {
        return;
    }
    map = fflush(r->spool) ? MAP_FAILED
                           : mmap(NULL, r->spooled, PROT_READ, MAP_PRIVATE,
                                  fileno(r->spool), 0);
    r->too_large = map == MAP_FAILED;
    r->map = r->too_large ? NULL : map;
}

static void dispatch(struct dr_httpd_req *r)
{
    const char *text = r->server->opts.too_large;

    r->dispatched = true;
    show_spooled(r);
    if (r->too_large) {
        dr_httpd_answer(
            r, 413, NULL,
            dr_str_z(text ? text
                          : "{\"error\":{\"code\":\"too_large\","
                            "\"message\":\"the body is too large\"}}"));
        return;
    }
    r->server->opts.handle(r, r->server->opts.ctx);
}

static enum MHD_Result access_handler(void *ctx, struct MHD_Connection *conn,
                                      const char *url, const char *method,
                                      const char *version, const char *upload,
                                      size_t *upload_size, void **cls)
{
    struct dr_httpd_req *r = *cls;

    (void)ctx;
    (void)conn;
    (void)version;
    if (!r->method) { /* the first call: headers are there */
        r->method = dr_xstrdup(method);
        r->path = dr_xstrdup(url);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        receive(r, upload, *upload_size);
        *upload_size = 0;
        /* Read on a while, so that the client sees the 413; not for ever. */
        return r->received / DRAIN_FACTOR > r->server->opts.max_body ? MHD_NO
                                                                     : MHD_YES;
    }
    if (!r->dispatched) {
        dispatch(r);
    }
    if (r->answered) {
        return queue_answer(r);
    }
    if (!r->deferred) {
        return MHD_NO;
    }
    suspend(r);
    return MHD_YES;
}

static void quiet(void *ctx, const char *fmt, va_list ap)
{
    (void)ctx;
    (void)fmt;
    (void)ap;
}

static uint16_t bound_port(struct MHD_Daemon *d)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);

    return info ? info->port : 0;
}

static int read_bind(const char *bind_to, struct in_addr *out,
                     struct dr_err *err)
{
    return inet_pton(AF_INET, bind_to, out) == 1
               ? 0
               : dr_err_set(err, DR_HALT, 0, "http.bind",
                            "%s is not an IPv4 address", bind_to);
}

int dr_httpd_check_bind(const char *bind, struct dr_err *err)
{
    struct in_addr addr;

    return read_bind(bind, &addr, err);
}

struct dr_httpd *dr_httpd_new(const struct dr_httpd_opts *o, struct dr_err *err)
{
    struct dr_httpd *h = dr_xcalloc(1, sizeof(*h));
    struct sockaddr_in addr = {.sin_family = AF_INET};
    const char *bind_to = o->bind ? o->bind : "127.0.0.1";

    h->opts = *o;
    if (h->opts.max_body == 0) {
        h->opts.max_body = DEFAULT_BODY;
    }
    addr.sin_port = htons(o->port);
    if (read_bind(bind_to, &addr.sin_addr, err)) {
        free(h);
        return NULL;
    }
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, o->port,
        NULL, NULL, access_handler, h, MHD_OPTION_EXTERNAL_LOGGER, quiet, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, log_uri, h, MHD_OPTION_NOTIFY_COMPLETED,
        request_done, NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&addr,
        MHD_OPTION_CONNECTION_LIMIT, 1024u, MHD_OPTION_CONNECTION_TIMEOUT, 60u,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_END);
    if (!h->daemon) {
        (void)dr_err_set(err, DR_HALT, 0, "http.port",
                         "cannot listen on %s:%u: is the port taken?", bind_to,
                         (unsigned)o->port);
        free(h);
        return NULL;
    }
    h->port = bound_port(h->daemon);
    return h;
}

void dr_httpd_free(struct dr_httpd *h)
{
    if (!h) {
        return;
    }
    while (h->waiting) { /* hung up on: nobody will answer them */
        h->waiting->drop = true;
        h->waiting->answered = true;
        resume(h->waiting);
    }
    MHD_stop_daemon(h->daemon);
    free(h);
}

uint16_t dr_httpd_port(const struct dr_httpd *h)
{
    return h->port;
}

static int epoll_fd(const struct dr_httpd *h)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    return info ? info->epoll_fd : -1;
}

/* What the library wants to do at the latest, in ms; -1: nothing. */
static int wanted_ms(struct dr_httpd *h)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (h->resumed) {
        h->resumed = false;
        return 0;
    }
    if (MHD_get_timeout(h->daemon, &ms) != MHD_YES) {
        return -1;
    }
    return ms > 1000 ? 1000 : (int)ms;
}

/* Bodies that paused go on when they are due; ms until the next one is, at
 * most `wait`. */
static int go_on(struct dr_httpd *h, int wait)
{
    struct dr_httpd_req *next;

    for (struct dr_httpd_req *r = h->waiting; r; r = next) {
        int64_t left = r->due_ms > 0 ? r->due_ms - dr_mono_ms() : wait;
        next = r->next;
        if (r->due_ms > 0 && left <= 0) {
            r->due_ms = 0;
            resume(r);
        } else if (left < wait) {
            wait = (int)left;
        }
    }
    return wait;
}

void dr_httpd_poll(struct dr_httpd *const *servers, int n, int timeout_ms)
{
    struct pollfd fds[MAX_SERVERS];
    int wait = timeout_ms > 0 ? timeout_ms : 0;

    DR_ASSERT(n <= MAX_SERVERS);
    for (int i = 0; i < n; i++) {
        int ms;
        wait = go_on(servers[i], wait);
        ms = wanted_ms(servers[i]);
        if (ms >= 0 && ms < wait) {
            wait = ms;
        }
        fds[i] = (struct pollfd){.fd = epoll_fd(servers[i]), .events = POLLIN};
    }
    (void)poll(fds, (nfds_t)n, wait);
    for (int i = 0; i < n; i++) {
        (void)MHD_run(servers[i]->daemon);
    }
}
