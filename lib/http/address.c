#include <drover/http/address.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include <drover/base/arena.h>

struct net4 {
    uint32_t net;
    int bits;
};

/* IANA's special-purpose registry, and what is not unicast. */
static const struct net4 closed[] = {
    {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},
    {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24},
    {0xc0586300, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xc6336400, 24},
    {0xcb007100, 24}, {0xe0000000, 4},  {0xf0000000, 4},
};

static bool allowed4(uint32_t a, enum dr_reach reach)
{
    if (a >> 24 == 127) {
        return reach == DR_REACH_LOOPBACK;
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(closed); i++) {
        if ((a ^ closed[i].net) >> (32 - closed[i].bits) == 0) {
            return false;
        }
    }
    return true;
}

/* Global unicast alone, without what only wraps another address. */
static bool allowed6(const uint8_t a[16], enum dr_reach reach)
{
    static const uint8_t loopback[16] = {[15] = 1};

    if (memcmp(a, loopback, sizeof(loopback)) == 0) {
        return reach == DR_REACH_LOOPBACK;
    }
    if (a[0] >> 5 != 1) {
        return false; /* not 2000::/3 */
    }
    if (a[0] == 0x20 && a[1] == 0x02) {
        return false; /* 2002::/16 wraps an IPv4 address */
    }
    if (a[0] == 0x20 && a[1] == 0x01 &&
        (a[2] < 0x02 || (a[2] == 0x0d && a[3] == 0xb8))) {
        return false; /* 2001::/23 and the documentation's */
    }
    return !(a[0] == 0x3f && a[1] == 0xff);
}

/* A name that merely begins like a loopback address ("127.0.0.1.example") is
 * none. */
bool dr_url_is_loopback(struct dr_str url)
{
    size_t at = dr_str_find(url, DR_STR_LIT("://"));
    struct dr_str host;
    struct in_addr addr;
    char text[INET_ADDRSTRLEN];

    if (at >= url.n) {
        return false;
    }
    url = (struct dr_str){url.p + at + 3, url.n - at - 3};
    host = dr_str_split(&url, '/');
    if (dr_str_eqz(host, "[::1]") ||
        dr_str_starts(host, DR_STR_LIT("[::1]:"))) {
        return true;
    }
    host = dr_str_split(&host, ':');
    if (host.n >= sizeof(text)) {
        return false;
    }
    (void)snprintf(text, sizeof(text), DR_STR_FMT, DR_STR_ARG(host));
    return dr_str_eqz(host, "localhost") ||
           (inet_pton(AF_INET, text, &addr) == 1 &&
            ntohl(addr.s_addr) >> 24 == 127);
}

bool dr_address_allowed(const struct sockaddr *a, enum dr_reach reach)
{
    if (reach == DR_REACH_ANY) {
        return true;
    }
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof(in));
        return allowed4(ntohl(in.sin_addr.s_addr), reach);
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, a, sizeof(in));
        return allowed6(in.sin6_addr.s6_addr, reach);
    }
    return false;
}

static int copy_part(CURLU *u, CURLUPart part, unsigned flags, char *out,
                     size_t n)
{
    char *text = NULL;
    int len = -1;

    if (curl_url_get(u, part, &text, flags) == CURLUE_OK) {
        len = snprintf(out, n, "%s", text);
        curl_free(text);
    }
    return len > 0 && (size_t)len < n ? 0 : -1;
}

static int take_path(CURLU *u, struct dr_url *out)
{
    char query[DR_URL_PATH] = "";
    char *text = NULL;
    size_t n;

    if (copy_part(u, CURLUPART_PATH, 0, out->path, sizeof(out->path))) {
        return -1;
    }
    if (curl_url_get(u, CURLUPART_QUERY, &text, 0) == CURLUE_OK) {
        n = strlen(text);
        if (n < sizeof(query)) {
            memcpy(query, text, n + 1);
        }
        curl_free(text);
        if (n >= sizeof(query) || strlen(out->path) + n + 2 > DR_URL_PATH) {
            return -1;
        }
        strncat(out->path, "?", sizeof(out->path) - strlen(out->path) - 1);
        strncat(out->path, query, sizeof(out->path) - strlen(out->path) - 1);
    }
    return 0;
}

static int take_parts(CURLU *u, const char *text, struct dr_url *out)
{
    char scheme[16], port[16], host[256];
    size_t n;
    uint64_t number;

    if (curl_url_set(u, CURLUPART_URL, text, CURLU_DISALLOW_USER) ||
        copy_part(u, CURLUPART_SCHEME, 0, scheme, sizeof(scheme)) ||
        copy_part(u, CURLUPART_HOST, 0, host, sizeof(host)) ||
        copy_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port)) ||
        dr_str_u64(dr_str_z(port), &number) || number > UINT16_MAX) {
        return -1;
    }
    out->https = strcmp(scheme, "https") == 0;
    out->port = (uint16_t)number;
    if (!out->https && strcmp(scheme, "http") != 0) {
        return -1;
    }
    (void)snprintf(out->origin, sizeof(out->origin), "%s://%s:%s", scheme, host,
                   port);
    n = strlen(host);
    if (host[0] == '[' && n > 2) {
        (void)snprintf(out->host, sizeof(out->host), "%.*s", (int)n - 2,
                       host + 1);
    } else {
        (void)snprintf(out->host, sizeof(out->host), "%s", host);
    }
    for (char *p = out->host; *p; p++) {
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    }
    return take_path(u, out);
}

int dr_url_split(struct dr_str text, struct dr_url *out, struct dr_err *err)
{
    CURLU *u = curl_url();
    char *z = dr_xstrndup(text);
    int r;

    if (!u) {
        dr_die(DR_EXIT_NOMEM, "http", "out of memory");
    }
    *out = (struct dr_url){0};
    r = strlen(z) == text.n ? take_parts(u, z, out) : -1;
    curl_url_cleanup(u);
    free(z);
    return r ? dr_err_set(err, DR_REJECT, 0, "http.url",
                          "not an http(s) address without user name, or too "
                          "long")
             : 0;
}
