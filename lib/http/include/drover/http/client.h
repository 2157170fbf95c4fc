/*
 * HTTP client over libcurl with the no-resend rule (effects protocol 2):
 * bodies go by a read callback that cannot rewind, redirects are off, no
 * library retry, HTTP/1.1, SO_LINGER {1,0}, TCP_USER_TIMEOUT. One request
 * leaves at most once; the outcome says how sure we are.
 *
 * One client per target host set; many requests in flight; no threads: the
 * caller runs dr_http_poll in its loop and gets answers by callback.
 */
#ifndef DROVER_HTTP_CLIENT_H
#define DROVER_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/err.h>
#include <drover/base/str.h>
#include <drover/http/address.h>

struct dr_http;

enum dr_http_outcome {
    DR_HTTP_UNKNOWN = 0,
    DR_HTTP_ANSWERED,  /* a whole answer: status, headers, whole body       */
    DR_HTTP_NOT_SENT,  /* certain: nothing of it reached the server         */
    DR_HTTP_UNSETTLED, /* bytes may have left; the effect is not known      */
};

struct dr_http_answer {
    enum dr_http_outcome outcome;
    int status;         /* when ANSWERED                                  */
    struct dr_str body; /* valid during the callback                      */
    char reason[160];   /* transport error in words, when not ANSWERED    */
    bool too_large;     /* cut at max_answer; not ANSWERED then           */
    int64_t took_ms;
    int64_t retry_after_ms; /* -1: absent. Seconds, fractions and HTTP dates
                               are understood; capped at one hour            */
    int64_t date_ms;        /* the server's Date header, or -1               */
    /* X-RateLimit-Limit / -Remaining, RateLimit; -1: absent.                */
    int64_t limit, remaining;
    char reset[40]; /* X-RateLimit-Reset as written, "" when absent  */
    char etag[80];
    char content_type[64];
    char next[512]; /* X-Next: cursor of the page that follows, or ""    */
    bool next_cut;  /* X-Next did not fit: there is more, but not from here */
    bool address_refused; /* opts.reach does not allow an address of it  */
    int64_t range_from; /* first byte of a 206, or -1                        */
    bool body_cut; /* an upload whose last byte never left: the server cannot
                      have had the whole of it                             */
};

typedef void dr_http_done_fn(const struct dr_http_answer *ans, void *ctx);

struct dr_http_opts {
    const char *base_url; /* scheme://host[:port]/prefix, no trailing slash.
                             Plain http only to a loopback address unless
                             allow_plain is set                            */
    bool allow_plain;
    bool form; /* bodies are forms, no JSON; they and their answers are wiped
                  after the call, and room for max_answer is there at once */
    enum dr_reach reach;     /* another address is NOT_SENT */
    const char *auth_header; /* "Token token=…" or "Bearer …"; not logged     */
    const char
        *auth_name; /* the header that it stands in; NULL: Authorization */
    const char *user_agent; /* NULL: "drover"                               */
    int connect_ms;         /* 0: 5,000 */
    int total_ms;           /* 0: 30,000 */
    size_t max_answer;      /* 0: 8 MiB; beyond it the transfer is cut      */
    int max_connections;    /* 0: 16 */
};

/* Whether dr_http_new would take address and secret. */
int dr_http_check(const struct dr_http_opts *o,
                  struct dr_err *err) DR_MUSTCHECK;
struct dr_http *dr_http_new(const struct dr_http_opts *o,
                            struct dr_err *err) DR_MUSTCHECK;
void dr_http_free(struct dr_http *h);

/* path starts with '/', is appended to base_url and must be encoded already.
 * The body is copied. done is called exactly once, from dr_http_poll. */
void dr_http_send(struct dr_http *h, const char *method, const char *path,
                  struct dr_str body, dr_http_done_fn *done, void *ctx);
/* A GET whose 2xx body is handed on piece by piece and never held; any other
 * body comes with the answer as always. take returns false to end the
 * transfer (UNSETTLED). A whole answer is no more than what done reports:
 * pieces of a broken one were handed on too. No limit on the whole; total_ms
 * limits silence. ctx goes to both. */
typedef bool dr_http_take_fn(struct dr_str piece, void *ctx);
void dr_http_stream(struct dr_http *h, const char *path, dr_http_take_fn *take,
                    dr_http_done_fn *done, void *ctx);
/* The same from byte `from` on, by Range: what a server sends before it all the
 * same is left out, and a part that begins elsewhere ends the transfer. */
void dr_http_stream_from(struct dr_http *h, const char *path, uint64_t from,
                         dr_http_take_fn *take, dr_http_done_fn *done,
                         void *ctx);

/* What an upload has to say when it is asked for more. */
#define DR_HTTP_LATER (-1L) /* nothing yet: asked again by the next poll   */
#define DR_HTTP_CUT (-2L)   /* nothing any more: cut before its end        */
/* Writes at most n bytes of the body at out and returns how many, above 0; or
 * one of the above. Asked for no more than `size` bytes in all. */
typedef long dr_http_give_fn(char *out, size_t n, void *ctx);
/*
 * A POST whose body of `size` bytes is asked for piece by piece and never
 * held. It goes over a connection of its own, leaves once and cannot be
 * rewound. No limit on the whole; total_ms limits silence, but not that of
 * `give`, which must end its own patience by DR_HTTP_CUT. done and ctx as
 * with dr_http_send.
 */
void dr_http_upload(struct dr_http *h, const char *path,
                    const char *content_type, uint64_t size,
                    dr_http_give_fn *give, dr_http_done_fn *done, void *ctx);
/* Runs transfers, waiting at most timeout_ms for activity. Returns the number
 * of requests still in flight. */
int dr_http_poll(struct dr_http *h, int timeout_ms);
int dr_http_in_flight(const struct dr_http *h);

/* For tools: one request, waits for the answer (bounded by total_ms). The
 * body is copied into out (may be NULL). */
struct dr_buf;
int dr_http_call(struct dr_http *h, const char *method, const char *path,
                 struct dr_str body, struct dr_http_answer *ans_out,
                 struct dr_buf *out, struct dr_err *err) DR_MUSTCHECK;

#endif
