#include "answer.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/time.h>

#define WORDS 200
#define HOUR_MS 3600000
#define ZONE_SLACK_MS 60000 /* a window that has just ended */

enum outcome answer_outcome(const struct dr_http_answer *ans, bool parsed)
{
    int s = ans->status;

    if (ans->outcome == DR_HTTP_NOT_SENT) {
        return OUT_NOT_SENT;
    }
    if (ans->outcome != DR_HTTP_ANSWERED) {
        return OUT_UNSETTLED;
    }
    if (s >= 200 && s < 300) {
        return parsed ? OUT_SUCCESS : OUT_UNSETTLED;
    }
    switch (s) {
    case 400:
    case 409:
    case 422:
        return OUT_AMBIGUOUS;
    case 401:
    case 403:
        return OUT_FORBIDDEN;
    case 404:
    case 413:
        return OUT_REFUSED;
    case 429:
        return OUT_THROTTLED;
    default:
        break;
    }
    return s >= 500 && s < 600 ? OUT_LOOK : OUT_UNSETTLED;
}

static void add_words(struct dr_buf *out, struct dr_str text)
{
    if (text.n == 0 || out->n >= WORDS) {
        return;
    }
    if (out->n > 0) {
        dr_buf_z(out, "; ");
    }
    text = dr_utf8_prefix(text, WORDS - out->n);
    for (size_t i = 0; i < text.n; i++) {
        dr_buf_ch(out, (unsigned char)text.p[i] < ' ' ? ' ' : text.p[i]);
    }
}

void answer_words(const struct dr_json *message, struct dr_buf *out)
{
    if (dr_json_type(message) == DR_JSON_ARRAY) {
        DR_JSON_EACH(e, message)
        {
            add_words(out, dr_json_str(e));
        }
        return;
    }
    add_words(out, dr_json_str(message));
}

void answer_message(const struct dr_json *body, int status, struct dr_buf *out)
{
    static const char *const flat[] = {"message", "error", "description"};
    const struct dr_json *errors = dr_json_get(body, "errors");

    answer_words(dr_json_get(errors, "message"), out);
    if (dr_json_type(errors) == DR_JSON_ARRAY) {
        answer_words(errors, out);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(flat) && out->n == 0; i++) {
        answer_words(dr_json_get(body, flat[i]), out);
    }
    if (out->n == 0) {
        dr_buf_printf(out, "HTTP %d", status);
    }
}

/* The field comes first: "cf_vat is not unique" is not the name. */
static bool says_taken(struct dr_str text, struct dr_str word)
{
    return text.n > word.n && text.p[word.n] == ' ' &&
           dr_str_ieq((struct dr_str){text.p, word.n}, word) &&
           (dr_str_find(text, DR_STR_LIT("already been taken")) < text.n ||
            dr_str_find(text, DR_STR_LIT("is not unique")) < text.n);
}

static bool any_says_taken(const struct dr_json *message, struct dr_str word)
{
    if (dr_json_type(message) == DR_JSON_ARRAY) {
        DR_JSON_EACH(e, message)
        {
            if (says_taken(dr_json_str(e), word)) {
                return true;
            }
        }
        return false;
    }
    return says_taken(dr_json_str(message), word);
}

bool answer_taken(const struct dr_json *body, const char *word)
{
    struct dr_str of = dr_str_z(word);
    const struct dr_json *errors = dr_json_get(body, "errors");

    return any_says_taken(dr_json_get(errors, "message"), of) ||
           any_says_taken(errors, of) ||
           any_says_taken(dr_json_get(body, "message"), of);
}

static bool two(struct dr_str s, size_t at, int *out)
{
    if (s.p[at] < '0' || s.p[at] > '9' || s.p[at + 1] < '0' ||
        s.p[at + 1] > '9') {
        return false;
    }
    *out = (s.p[at] - '0') * 10 + (s.p[at + 1] - '0');
    return true;
}

int64_t answer_reset_ms(const struct dr_http_answer *ans, int64_t now_ms)
{
    struct dr_str s = dr_str_z(ans->reset);
    int64_t base = ans->date_ms >= 0 ? ans->date_ms : now_ms;
    int64_t at;
    int v[6];
    char text[32];
    unsigned flags;
    bool zoned = s.n != 10;

    if (s.n == 10 && dr_str_i64(s, &at) == 0) {
        at *= 1000;
    } else {
        if (s.n != 12) {
            return -1;
        }
        for (size_t i = 0; i < 6; i++) {
            if (!two(s, i * 2, &v[i])) {
                return -1;
            }
        }
        (void)snprintf(text, sizeof(text), "20%02d-%02d-%02dT%02d:%02d:%02dZ",
                       v[2], v[1], v[0], v[3], v[4], v[5]);
        if (dr_time_parse(dr_str_z(text), &at, &flags)) {
            return -1;
        }
    }
    if (zoned && (at < base - ZONE_SLACK_MS || at > base + HOUR_MS)) {
        /* The clock of another zone, whole hours away (reference 19.2). */
        at = base + ((at - base) % HOUR_MS + HOUR_MS) % HOUR_MS;
    }
    return at > base ? at - base : 0;
}
