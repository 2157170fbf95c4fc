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

#include "profile.h"

/* What one message to Kafka may hold: a record beyond it cannot be carried. */
#define ANSWER_MAX (8u << 20)
#define ACCESS_PARAM_MAX 160

/* Borrowed, all of it. */
struct access {
    const char *url;
    struct dr_str secret; /* what the file of source.token_file holds */
    bool allow_plain;
    const struct profile *profile;
};

/* Whether clients could be had: err.where is "source.url" or
 * "source.token_file". */
int access_check(const struct access *x, struct dr_err *err) DR_MUSTCHECK;
/* The client whose calls carry the key. param_out: "name=value" where it is a
 * parameter of each path, or empty. NULL: err, as above. */
struct dr_http *access_client(const struct access *x, struct dr_str key,
                              char param_out[ACCESS_PARAM_MAX],
                              struct dr_err *err) DR_MUSTCHECK;

#endif
