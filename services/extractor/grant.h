/*
 * OAuth2 (RFC 6749) as far as a source is read by it: what the file of
 * source.token_file says, the form that asks for an access token, and what the
 * answer means. Pure. Nothing here puts a secret into an error's text.
 */
#ifndef EXTRACTOR_GRANT_H
#define EXTRACTOR_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/base/str.h>
#include <drover/json/json.h>

/* Characters of a token: with what stands beside it, it fits into a header
 * (4 KiB) and into a file of secrets (4 KiB). */
#define GRANT_TOKEN_MAX 3900

/* Of the file: lines client_id=, client_secret=, refresh_token=. */
struct grant {
    struct dr_str client_id, client_secret, refresh_token;
};

/* Lines `name=value`; empty ones and those that begin with # say nothing.
 * out[i] is that of names[i], empty where there is none, and points into text.
 * -1: a name that is none, one that occurs twice, a value that is empty or not
 * of printable ASCII. */
int grant_lines(struct dr_str text, const char *const *names,
                struct dr_str *out, size_t count,
                struct dr_err *err) DR_MUSTCHECK;
/* What `auth` of the profile needs must be there. Points into text. */
int grant_read(const struct dr_json *auth, struct dr_str text,
               struct grant *out, struct dr_err *err) DR_MUSTCHECK;
bool grant_refreshes(const struct dr_json *auth); /* grant: refresh_token */

/* The form. The client's secret is in it unless client_auth is basic. */
void grant_form(struct dr_buf *out, const struct dr_json *auth,
                const struct grant *g, struct dr_str refresh_token);
/* "id:secret" of client_auth basic, each encoded (RFC 6749, 2.3.1); nothing
 * where the form has them. */
void grant_client(struct dr_buf *out, const struct dr_json *auth,
                  const struct grant *g);

enum grant_says {
    GRANT_GIVEN,
    GRANT_AGAIN,   /* no usable answer: the same once more, later         */
    GRANT_REFUSED, /* somebody has to correct something                   */
};
struct given {
    struct dr_str token;
    struct dr_str refresh; /* in place of the one that was sent, or empty */
    int64_t lasts_ms;      /* -1: not told                                */
    const char *code; /* of a refusal: a word of the RFC's, never the source's
                         own; else what is wrong with the answer          */
};
/* `root` is the answer's JSON, NULL when it is none; what is given points into
 * it. */
enum grant_says grant_answer(const struct dr_json *root, int status,
                             struct given *out);
/* What to do about a refusal. */
const char *grant_cure(const char *code);
/* How long after it was asked for a token is renewed: before its end, by a
 * minute or a quarter of its life. -1: when a call is refused. */
int64_t grant_renew_ms(int64_t lasts_ms);

#endif
