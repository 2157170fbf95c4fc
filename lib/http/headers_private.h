/* Reading the headers of an answer: client.c's pure half. */
#ifndef DROVER_HTTP_HEADERS_PRIVATE_H
#define DROVER_HTTP_HEADERS_PRIVATE_H

#include <drover/http/client.h>

/* An HTTP date is 29 characters; longer values are cut and then mean none. */
#define DR_HTTP_RETRY_TEXT 64

/* One header line, its line end included. Retry-After is kept as text until
 * the answer is whole: an HTTP date counts from the Date header, which may
 * come later. */
void dr_http_take_header(struct dr_str line, char retry_out[DR_HTTP_RETRY_TEXT],
                         struct dr_http_answer *ans);

/* Seconds, fractions of seconds or an HTTP date after now_ms; in ms, at most
 * one hour; -1: none of these. */
int64_t dr_http_retry_after(struct dr_str v, int64_t now_ms);

#endif
