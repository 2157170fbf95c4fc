/* Addresses from outside: how they are cut, and where they may lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <drover/base/arena.h>
#include <drover/http/client.h>

static bool allowed(const char *text, enum dr_reach reach)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_storage any = {0};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&any, &v4, sizeof(v4));
    } else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        memcpy(&any, &v6, sizeof(v6));
    } else {
        fail_msg("%s is no address", text);
    }
    return dr_address_allowed((const struct sockaddr *)(const void *)&any,
                              reach);
}

static void private_addresses_are_refused(void **state)
{
    static const char *const no[] = {"0.0.0.0",         "0.1.2.3",
                                     "10.0.0.1",        "10.255.255.255",
                                     "100.64.0.1",      "100.127.255.255",
                                     "169.254.169.254", "172.16.0.1",
                                     "172.31.255.255",  "192.0.0.8",
                                     "192.0.2.1",       "192.88.99.1",
                                     "192.168.1.1",     "198.18.0.1",
                                     "198.19.255.255",  "198.51.100.7",
                                     "203.0.113.9",     "224.0.0.1",
                                     "239.1.1.1",       "240.0.0.1",
                                     "255.255.255.255", "::",
                                     "::ffff:10.0.0.1", "::ffff:8.8.8.8",
                                     "::8.8.8.8",       "64:ff9b::a00:1",
                                     "64:ff9b:1::1",    "100::1",
                                     "2001::1",         "2001:10::1",
                                     "2001:db8::1",     "2002:a00:1::",
                                     "3fff::1",         "fc00::1",
                                     "fd00:ec2::254",   "fe80::1",
                                     "fec0::1",         "ff02::1",
                                     "5f00::1"};
    static const char *const yes[] = {
        "1.1.1.1",       "9.255.255.255", "11.0.0.0",     "100.63.255.255",
        "100.128.0.0",   "172.15.0.1",    "172.32.0.1",   "192.167.1.1",
        "198.17.0.1",    "223.255.255.1", "2606:4700::1", "2a00:1450::1",
        "2001:4860::88", "2400:cb00::1"};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(no); i++) {
        if (allowed(no[i], DR_REACH_PUBLIC) ||
            allowed(no[i], DR_REACH_LOOPBACK)) {
            fail_msg("%s is let through", no[i]);
        }
        assert_true(allowed(no[i], DR_REACH_ANY));
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(yes); i++) {
        if (!allowed(yes[i], DR_REACH_PUBLIC)) {
            fail_msg("%s is refused", yes[i]);
        }
    }
}

static void loopback_is_let_through_by_name_alone(void **state)
{
    static const char *const local[] = {"127.0.0.1", "127.255.0.9", "::1"};

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(local); i++) {
        assert_false(allowed(local[i], DR_REACH_PUBLIC));
        assert_true(allowed(local[i], DR_REACH_LOOPBACK));
    }
}

static void addresses_are_cut_by_one_parser(void **state)
{
    static const struct {
        const char *text, *host, *origin, *path;
        int port;
    } good[] = {
        {"https://DL.Example.com/f/1?sig=a%20b", "dl.example.com",
         "https://DL.Example.com:443", "/f/1?sig=a%20b", 443},
        {"http://127.0.0.1:8080", "127.0.0.1", "http://127.0.0.1:8080", "/",
         8080},
        {"https://2130706433/x", "127.0.0.1", "https://127.0.0.1:443", "/x",
         443},
        {"https://0x7f.1/x", "127.0.0.1", "https://127.0.0.1:443", "/x", 443},
        {"https://[::1]:9/x", "::1", "https://[::1]:9", "/x", 9},
    };
    static const char *const bad[] = {"",
                                      "/relative",
                                      "dl.example.com/no-scheme-is-http\n",
                                      "ftp://example.com/x",
                                      "file:///etc/passwd",
                                      "gopher://127.0.0.1:6379/_x",
                                      "https://user:pw@example.com/",
                                      "https://example.com@127.0.0.1/",
                                      "https://example.com:99999/",
                                      "https://exa mple.com/",
                                      "javascript:alert(1)"};
    struct dr_url u;

    (void)state;
    for (size_t i = 0; i < DR_ARRAY_LEN(good); i++) {
        assert_int_equal(dr_url_split(dr_str_z(good[i].text), &u, NULL), 0);
        assert_string_equal(u.host, good[i].host);
        assert_string_equal(u.origin, good[i].origin);
        assert_string_equal(u.path, good[i].path);
        assert_int_equal(u.port, good[i].port);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(bad); i++) {
        if (dr_url_split(dr_str_z(bad[i]), &u, NULL) == 0) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    assert_int_equal(
        dr_url_split((struct dr_str){"https://a.example/\0x", 20}, &u, NULL),
        -1);
}

static void very_long_addresses_are_refused(void **state)
{
    char *text = dr_xmalloc(10000);
    struct dr_url u;

    (void)state;
    (void)snprintf(text, 10000, "https://a.example/%08000d", 1);
    assert_int_equal(dr_url_split(dr_str_z(text), &u, NULL), -1);
    (void)snprintf(text, 10000, "https://a.example/?%08000d", 1);
    assert_int_equal(dr_url_split(dr_str_z(text), &u, NULL), -1);
    free(text);
}

static void note_outcome(const struct dr_http_answer *ans, void *ctx)
{
    *(enum dr_http_outcome *)ctx = ans->outcome;
}

/* Whatever resolved to it: the check is where the connection is opened. */
static void a_connection_to_a_refused_address_is_never_opened(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct dr_http_opts o = {.reach = DR_REACH_PUBLIC};
    enum dr_http_outcome got = DR_HTTP_UNKNOWN;
    char url[64];
    struct dr_http *h;

    (void)state;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(url, sizeof(url), "http://localhost:%u",
                   (unsigned)ntohs(at.sin_port));
    o.base_url = url;
    h = dr_http_new(&o, NULL);
    assert_non_null(h);
    dr_http_send(h, "GET", "/", (struct dr_str){0}, note_outcome, &got);
    while (dr_http_poll(h, 100) > 0) {
    }
    assert_int_equal(got, DR_HTTP_NOT_SENT);
    assert_int_equal(accept(fd, NULL, NULL), -1);
    dr_http_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_addresses_are_refused),
        cmocka_unit_test(loopback_is_let_through_by_name_alone),
        cmocka_unit_test(addresses_are_cut_by_one_parser),
        cmocka_unit_test(very_long_addresses_are_refused),
        cmocka_unit_test(a_connection_to_a_refused_address_is_never_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
