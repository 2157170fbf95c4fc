/*
 * Addresses that another party names: taken apart by libcurl's own parser,
 * and which hosts they may lead to (security 4.1).
 */
#ifndef DROVER_HTTP_ADDRESS_H
#define DROVER_HTTP_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

/* Which addresses a connection may be opened to; looked at when it is opened,
 * whatever a name resolves to then. */
enum dr_reach {
    DR_REACH_ANY = 0,
    DR_REACH_PUBLIC,   /* not loopback, private, CGNAT, link-local, metadata,
                          multicast, reserved, ULA, v4-mapped, 64:ff9b::/96,
                          2002::/16 */
    DR_REACH_LOOPBACK, /* public or loopback */
};

#define DR_URL_PATH 4096

struct dr_url {
    bool https;
    uint16_t port;
    char host[256];         /* lower case; an IPv6 address without brackets */
    char origin[320];       /* "https://host:port" */
    char path[DR_URL_PATH]; /* with the query, encoded; begins with '/' */
};

/* Refuses what is no http(s) address, user names, and what is too long. */
int dr_url_split(struct dr_str text, struct dr_url *out,
                 struct dr_err *err) DR_MUSTCHECK;

/* Of an address of our own configuration: its host is loopback by its text. */
bool dr_url_is_loopback(struct dr_str url);

struct sockaddr;
bool dr_address_allowed(const struct sockaddr *a, enum dr_reach reach);

#endif
