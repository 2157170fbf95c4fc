/*
 * Calls to the target: a token first, then the INTENT where it is a write,
 * then one send (effects protocol 5, steps 5 and 6).
 */
#ifndef DROVER_LOADER_CALL_H
#define DROVER_LOADER_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/buf.h>
#include <drover/http/client.h>

struct loader;
struct lane;

struct call;
typedef void call_granted_fn(struct loader *l, struct call *c);
typedef void call_done_fn(struct loader *l, struct call *c,
                          const struct dr_http_answer *ans);

struct call {
    struct call *next;
    struct loader *l;
    const char *method;
    char *path;
    struct dr_buf body;
    call_granted_fn *granted; /* writes: append the INTENT now */
    call_done_fn *done;
    void *ctx;
    struct lane *lane;
    struct upload *upload; /* the body is a file, or NULL */
    bool canary, taken;
    int64_t appended_ms, checked_ms, due_ms;
};

struct call_queue {
    struct call *first, *last;
};

#endif
