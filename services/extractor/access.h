/*
 * How the calls to the source are let in: where they go, and how the key goes
 * out with each, by `auth` of the profile.
 */
#ifndef EXTRACTOR_ACCESS_H
#define EXTRACTOR_ACCESS_H

#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/base/str.h>
#include <drover/http/client.h>

#include "grant.h"
#include "profile.h"

/* What one message to Kafka may hold: a record beyond it cannot be carried. */
#define ANSWER_MAX (8u << 20)
#define ACCESS_PARAM_MAX 160
#define TOKEN_ANSWER_MAX ((size_t)64 << 10)

/* Borrowed, all of it. */
struct access {
    const char *url;
    struct dr_str secret; /* what the file of source.token_file holds */
    bool allow_plain;
    const struct profile *profile;
    const char *refresh_file; /* kept.h; NULL or "": none */
};

/* Whether clients could be had; each asks one thing, so that all that is wrong
 * is told at once. err.where is the key of the configuration: "source.url",
 * "source.profile", "source.token_file", "source.refresh_file". */
typedef int access_check_fn(const struct access *x, struct dr_err *err);
access_check_fn access_check_url, access_check_token_url, access_check_key,
    access_check_refresh_file;
/* The first of them that says no. */
int access_check(const struct access *x, struct dr_err *err) DR_MUSTCHECK;
/* The client whose calls carry the key. param_out: "name=value" where it is a
 * parameter of each path, or empty. NULL: err, as above. */
struct dr_http *access_client(const struct access *x, struct dr_str key,
                              char param_out[ACCESS_PARAM_MAX],
                              struct dr_err *err) DR_MUSTCHECK;
/* The client that asks for OAuth2's access token: paths are that of url. */
struct dr_http *access_token_client(const struct access *x,
                                    const struct dr_url *url,
                                    const struct grant *g,
                                    struct dr_err *err) DR_MUSTCHECK;
/* For buffers that hold a secret: all of their room is there at once, since as
 * they grow they leave what they had behind; then wiped and freed. */
void access_secret_buf(struct dr_buf *b, size_t max);
void access_wipe(struct dr_buf *b);
/* The most that is waited when the source says how long. */
int64_t access_max_wait_ms(const struct access *x);

#endif
