/*
 * What the headers of an answer say: pure, a line in, fields out. Hostile
 * values give "absent" (-1 or an empty text), never a guess.
 */
#include "headers_private.h"

#include <stdio.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>

#define RETRY_AFTER_MAX_MS 3600000

int64_t dr_http_retry_after(struct dr_str v, int64_t now_ms)
{
    struct dr_dec d, thousand;
    int64_t ms;

    if (dr_dec_parse(v, &d) == 0 && !d.neg) {
        (void)!dr_dec_parse(DR_STR_LIT("1000"), &thousand);
        if (dr_dec_mul(&d, &thousand, &d) == 0) {
            char text[DR_DEC_TEXT];
            dr_dec_round(&d, 0);
            if (dr_str_i64(dr_str_z(dr_dec_text(&d, text)), &ms) == 0) {
                return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
            }
        }
        return RETRY_AFTER_MAX_MS;
    }
    if (dr_http_date_parse(v, &ms) == 0) {
        ms -= now_ms;
        if (ms < 0) {
            return 0;
        }
        return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
    }
    return -1;
}

/* A count from a header, -1 when it is none. */
static int64_t count_of(struct dr_str v)
{
    int64_t n;

    return dr_str_i64(v, &n) || n < 0 ? -1 : n;
}

static void copy_header(char *out, size_t n, struct dr_str v)
{
    (void)snprintf(out, n, DR_STR_FMT, DR_STR_ARG(v));
}

/* RateLimit: "burst";r=73;t=6 : the first policy's r. */
static int64_t policy_remaining(struct dr_str v)
{
    struct dr_str first = dr_str_split(&v, ',');

    while (first.p) {
        struct dr_str part = dr_str_trim(dr_str_split(&first, ';'));
        if (dr_str_starts(part, DR_STR_LIT("r="))) {
            return count_of((struct dr_str){part.p + 2, part.n - 2});
        }
    }
    return -1;
}

/* "bytes 500-999/1000" */
static int64_t range_start(struct dr_str v)
{
    struct dr_str unit = DR_STR_LIT("bytes ");

    if (!dr_str_starts(v, unit)) {
        return -1;
    }
    v = (struct dr_str){v.p + unit.n, v.n - unit.n};
    return count_of(dr_str_split(&v, '-'));
}

static void one_header(struct dr_str name, struct dr_str v, char *retry_out,
                       struct dr_http_answer *a)
{
    if (dr_str_ieq(name, DR_STR_LIT("retry-after"))) {
        copy_header(retry_out, DR_HTTP_RETRY_TEXT, v);
    } else if (dr_str_ieq(name, DR_STR_LIT("date"))) {
        if (dr_http_date_parse(v, &a->date_ms)) {
            a->date_ms = -1;
        }
    } else if (dr_str_ieq(name, DR_STR_LIT("x-ratelimit-limit"))) {
        a->limit = count_of(v);
    } else if (dr_str_ieq(name, DR_STR_LIT("x-ratelimit-remaining"))) {
        a->remaining = count_of(v);
    } else if (dr_str_ieq(name, DR_STR_LIT("x-ratelimit-reset"))) {
        copy_header(a->reset, sizeof(a->reset), v);
    } else if (dr_str_ieq(name, DR_STR_LIT("ratelimit"))) {
        a->remaining = a->remaining < 0 ? policy_remaining(v) : a->remaining;
    } else if (dr_str_ieq(name, DR_STR_LIT("etag"))) {
        /* a cut tag would match nothing, or the wrong thing */
        copy_header(a->etag, sizeof(a->etag),
                    v.n < sizeof(a->etag) ? v : DR_STR_LIT(""));
    } else if (dr_str_ieq(name, DR_STR_LIT("content-range"))) {
        a->range_from = range_start(v);
    } else if (dr_str_ieq(name, DR_STR_LIT("content-type"))) {
        copy_header(a->content_type, sizeof(a->content_type), v);
    } else if (dr_str_ieq(name, DR_STR_LIT("x-next"))) {
        /* a cut cursor would go on from another place */
        a->next_cut = v.n >= sizeof(a->next);
        copy_header(a->next, sizeof(a->next), a->next_cut ? DR_STR_LIT("") : v);
    }
}

void dr_http_take_header(struct dr_str line, char retry_out[DR_HTTP_RETRY_TEXT],
                         struct dr_http_answer *ans)
{
    struct dr_str name;

    if (dr_str_starts(line, DR_STR_LIT("HTTP/"))) {
        retry_out[0] = '\0'; /* a new header block begins */
        return;
    }
    name = dr_str_split(&line, ':');
    if (line.p) {
        one_header(dr_str_trim(name), dr_str_trim(line), retry_out, ans);
    }
}
