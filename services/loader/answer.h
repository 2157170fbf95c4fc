/*
 * What an answer means (effects protocol 5, the table; reference 18). Pure.
 * Texts are in the API user's language: they are shown, and matched by
 * answer_taken alone.
 */
#ifndef DROVER_LOADER_ANSWER_H
#define DROVER_LOADER_ANSWER_H

#include <stdbool.h>

#include <drover/base/buf.h>
#include <drover/http/client.h>
#include <drover/json/json.h>

enum outcome {
    OUT_SUCCESS = 1, /* 2xx with a whole JSON body                        */
    OUT_AMBIGUOUS,   /* 400 409 422: perhaps our own earlier create       */
    OUT_REFUSED,     /* another 4xx: nothing was done                     */
    OUT_FORBIDDEN,   /* 401 403: nothing was done, a person must act      */
    OUT_THROTTLED,   /* 429: nothing was done                             */
    OUT_NOT_SENT,    /* certain: it did not leave                         */
    OUT_LOOK,        /* a whole 5xx: look, but nothing is on its way      */
    OUT_UNSETTLED,   /* anything else                                     */
};

/* parsed: the body is JSON of an expected shape. */
enum outcome answer_outcome(const struct dr_http_answer *ans, bool parsed);

/* The server's words out of any error shape, one line, at most 200
 * characters; "HTTP 400" when there are none. */
void answer_message(const struct dr_json *body, int status, struct dr_buf *out);
/* The same of one message value: text, or array of texts. */
void answer_words(const struct dr_json *message, struct dr_buf *out);
/* It says, in words that were seen of it, that another record has the name, or
 * the address: word is "name" or "email". false says nothing: it may be another
 * language. */
bool answer_taken(const struct dr_json *body, const char *word);

/* X-RateLimit-Reset: DDMMYYHHMMSS in a zone that nobody tells, or epoch
 * seconds, against the server's Date. Milliseconds from now, -1: unknown. */
int64_t answer_reset_ms(const struct dr_http_answer *ans, int64_t now_ms);

#endif
