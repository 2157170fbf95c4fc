/*
 * HTTP server over libmicrohttpd, driven from the caller's own loop (no
 * threads): for health, metrics, the auditor's API and the simulators.
 *
 * Limits: request line and headers 32 KiB, body max_body bytes (413 beyond),
 * 1,024 connections, 60 s idle time-out. HTTP/1.1, keep-alive.
 */
#ifndef DROVER_HTTP_SERVER_H
#define DROVER_HTTP_SERVER_H

#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

struct dr_httpd;
struct dr_httpd_req; /* valid until the handler answered */

struct dr_httpd_opts {
    const char *bind; /* "127.0.0.1" when NULL */
    uint16_t port;    /* 0: a free one */
    size_t max_body;  /* 0: 1 MiB */
    /* Bodies beyond this many bytes lie in an unlinked temporary file, not in
     * memory; dr_httpd_body shows them all the same. 0: none does. */
    size_t spool;
    const char *too_large; /* the JSON of a 413; NULL: one of our own */
    /* Called once a request has arrived whole. Must answer by one of the
     * dr_httpd_answer* calls before it returns, or keep the request by
     * dr_httpd_defer and answer later from the same thread. */
    void (*handle)(struct dr_httpd_req *req, void *ctx);
    void *ctx;
};

/* Whether it is an address to listen on by its form. */
int dr_httpd_check_bind(const char *bind, struct dr_err *err) DR_MUSTCHECK;
struct dr_httpd *dr_httpd_new(const struct dr_httpd_opts *o,
                              struct dr_err *err) DR_MUSTCHECK;
void dr_httpd_free(struct dr_httpd *h);
uint16_t dr_httpd_port(const struct dr_httpd *h);

/* Runs what is ready on up to n servers, waiting at most timeout_ms. */
void dr_httpd_poll(struct dr_httpd *const *servers, int n, int timeout_ms);

struct dr_str dr_httpd_method(const struct dr_httpd_req *r);
struct dr_str dr_httpd_path(const struct dr_httpd_req *r); /* decoded */
struct dr_str dr_httpd_rawpath(const struct dr_httpd_req *r);
struct dr_str dr_httpd_query(const struct dr_httpd_req *r); /* raw, no '?' */
struct dr_str dr_httpd_body(const struct dr_httpd_req *r);
/* p NULL when absent. Header names without regard to case. */
struct dr_str dr_httpd_header(const struct dr_httpd_req *r, const char *name);
/* A decoded query argument; the last one when repeated. p NULL: absent. */
struct dr_str dr_httpd_arg(const struct dr_httpd_req *r, const char *name);
/* Per-request user pointer. */
void dr_httpd_set_user(struct dr_httpd_req *r, void *user);
void *dr_httpd_user(const struct dr_httpd_req *r);

/* Headers for the coming answer. Values with CR or LF are refused. */
void dr_httpd_add_header(struct dr_httpd_req *r, const char *name,
                         const char *value);
/* Copies the body. content_type NULL: application/json. */
void dr_httpd_answer(struct dr_httpd_req *r, int status,
                     const char *content_type, struct dr_str body);
/* The same without a copy: the buffer is empty afterwards. */
void dr_httpd_answer_take(struct dr_httpd_req *r, int status,
                          const char *content_type, struct dr_buf *body);
/* The first `size` bytes of a file, read as they are sent: an answer of any
 * length costs no memory. Takes fd and closes it. */
void dr_httpd_answer_file(struct dr_httpd_req *r, int status,
                          const char *content_type, int fd, uint64_t size);
/* The same of `size` bytes from `offset`, for one file that holds many. */
void dr_httpd_answer_range(struct dr_httpd_req *r, int status,
                           const char *content_type, int fd, uint64_t offset,
                           uint64_t size);
/* A body made while it is sent. read puts at most max bytes that belong at pos
 * into out: > 0 is how many, 0 the end, -n that there are none for n ms yet,
 * INT64_MIN that the connection is to be cut.
 * size UINT64_MAX: not announced (chunked). An end before size cuts the
 * connection. done (may be NULL) gets ctx when the request is over. */
typedef int64_t dr_httpd_read_fn(void *ctx, uint64_t pos, char *out,
                                 size_t max);
void dr_httpd_answer_stream(struct dr_httpd_req *r, int status,
                            const char *content_type, uint64_t size,
                            dr_httpd_read_fn *read, void (*done)(void *ctx),
                            void *ctx);
void dr_httpd_defer(struct dr_httpd_req *r);

/* For simulators: what a broken server does. */
enum dr_httpd_break {
    DR_HTTPD_CLOSE,          /* reset without any answer                     */
    DR_HTTPD_CUT,            /* headers and the first `bytes`, then reset    */
    DR_HTTPD_BAD_LENGTH,     /* Content-Length larger than the body          */
    DR_HTTPD_CHUNKED_NO_END, /* chunked, the last chunk never comes          */
};
void dr_httpd_answer_broken(struct dr_httpd_req *r, int status,
                            const char *content_type, struct dr_str body,
                            enum dr_httpd_break how, size_t bytes);

#endif
