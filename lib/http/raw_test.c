#include "raw_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

void raw_open(struct raw *r, const char *(*answer)(struct raw *, int, bool *))
{
    struct sockaddr_in a = loopback(0);
    socklen_t n = sizeof(a);

    memset(r, 0, sizeof(*r));
    r->answer = answer;
    for (int i = 0; i < RAW_CONNS; i++) {
        r->conns[i].fd = -1;
        dr_buf_init(&r->conns[i].in, (size_t)4 << 20);
    }
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(r->listener >= 0);
    assert_int_equal(bind(r->listener, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(r->listener, 64), 0);
    assert_int_equal(getsockname(r->listener, (struct sockaddr *)&a, &n), 0);
    r->port = ntohs(a.sin_port);
}

static void hang_up(struct raw *r, struct raw_conn *c)
{
    r->partial += c->in.n;
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    c->fd = -1;
    c->requests = 0;
    dr_buf_reset(&c->in);
}

void raw_close(struct raw *r)
{
    for (int i = 0; i < RAW_CONNS; i++) {
        hang_up(r, &r->conns[i]);
        dr_buf_done(&r->conns[i].in);
    }
    (void)close(r->listener);
}

/* Bytes of the first whole request in the buffer, 0 when there is none. */
static size_t whole_request(struct dr_str in, size_t *body_out)
{
    size_t head = dr_str_find(in, DR_STR_LIT("\r\n\r\n"));
    struct dr_str rest = in;
    uint64_t body = 0;

    if (head == SIZE_MAX) {
        return 0;
    }
    rest.n = head;
    while (rest.p) {
        struct dr_str line = dr_str_split(&rest, '\n');
        struct dr_str name = dr_str_split(&line, ':');
        if (dr_str_ieq(name, DR_STR_LIT("content-length"))) {
            assert_int_equal(dr_str_u64(dr_str_trim(line), &body), 0);
        }
    }
    *body_out = body;
    return in.n >= head + 4 + body ? head + 4 + body : 0;
}

static void answer_requests(struct raw *r, struct raw_conn *c)
{
    size_t n, body = 0;

    while ((n = whole_request(dr_buf_view(&c->in), &body)) > 0) {
        bool close_it = false;
        const char *text;
        (void)snprintf(r->last, sizeof(r->last), "%s", c->in.p);
        r->last_body = body;
        r->requests++;
        text = r->answer(r, ++c->requests, &close_it);
        if (text) {
            size_t len = strlen(text);
            assert_int_equal(send(c->fd, text, len, MSG_NOSIGNAL), len);
        }
        memmove(c->in.p, c->in.p + n, c->in.n - n + 1);
        c->in.n -= n;
        if (close_it) {
            hang_up(r, c);
            return;
        }
    }
}

static void read_conn(struct raw *r, struct raw_conn *c)
{
    char bytes[65536];
    ssize_t n;

    while (c->fd >= 0 &&
           (n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0) {
        if (n == 0) {
            hang_up(r, c);
            return;
        }
        dr_buf_add(&c->in, bytes, (size_t)n);
        assert_false(c->in.over);
        answer_requests(r, c);
    }
}

void raw_step(struct raw *r)
{
    int fd;

    while ((fd = accept(r->listener, NULL, NULL)) >= 0) {
        int i = 0;
        while (i < RAW_CONNS && r->conns[i].fd >= 0) {
            i++;
        }
        assert_true(i < RAW_CONNS);
        r->conns[i].fd = fd;
        r->accepted++;
    }
    for (int i = 0; i < RAW_CONNS; i++) {
        read_conn(r, &r->conns[i]);
    }
}

int raw_connect(uint16_t port)
{
    struct sockaddr_in a = loopback(port);
    struct timeval limit = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}
