/* A server on bare sockets for tests: it counts what arrives whole and breaks
 * connections exactly where it is told to. Driven by the test's own loop. */
#ifndef DROVER_HTTP_RAW_TEST_H
#define DROVER_HTTP_RAW_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/buf.h>

#define RAW_CONNS 16

struct raw_conn {
    int fd;
    int requests; /* whole ones on this connection */
    struct dr_buf in;
};

struct raw {
    int listener;
    uint16_t port;
    int accepted, requests;
    size_t partial; /* bytes of requests that never got whole */
    char last[512]; /* the head of the last request */
    size_t last_body;
    struct raw_conn conns[RAW_CONNS];
    /* The answer to the n-th request of the connection: text to send (NULL:
     * none) and whether to close afterwards. */
    const char *(*answer)(struct raw *r, int nth, bool *close_out);
    void *ctx;
};

void raw_open(struct raw *r, const char *(*answer)(struct raw *, int, bool *));
void raw_close(struct raw *r);
/* Takes and answers what has come; never waits. */
void raw_step(struct raw *r);

/* A blocking client socket to 127.0.0.1:port with a time-out of 5 s. */
int raw_connect(uint16_t port);

#endif
