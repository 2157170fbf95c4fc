/* What names and addresses compare on. The original is what is sent. */
#include "plan_private.h"

#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct dr_str plan_norm(struct dr_arena *a, struct dr_str s)
{
    char *out;
    size_t n = 0;

    s = dr_str_trim(s);
    out = dr_arena_alloc(a, s.n + 1);
    if (!out) {
        return (struct dr_str){NULL, 0};
    }
    for (size_t i = 0; i < s.n; i++) {
        if (blank(s.p[i])) {
            if (n > 0 && out[n - 1] != ' ') {
                out[n++] = ' ';
            }
        } else {
            out[n++] = lower(s.p[i]);
        }
    }
    return (struct dr_str){out, n};
}

#define EMAIL_MAX 254

static bool email_char(char c)
{
    return (unsigned char)c > 0x20 && c != 0x7f && !strchr("\"(),:;<>[\\]", c);
}

bool plan_email_usable(struct dr_str s)
{
    struct dr_str domain;
    size_t at = SIZE_MAX;

    s = dr_str_trim(s);
    if (s.n == 0 || s.n > EMAIL_MAX) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '@' && at == SIZE_MAX) {
            at = i;
        } else if (s.p[i] == '@' || !email_char(s.p[i])) {
            return false;
        }
    }
    if (at == SIZE_MAX || at == 0 || at + 1 == s.n) {
        return false;
    }
    domain = (struct dr_str){s.p + at + 1, s.n - at - 1};
    return domain.p[0] != '.' && domain.p[domain.n - 1] != '.' &&
           s.p[0] != '.' && s.p[at - 1] != '.' &&
           dr_str_find(domain, DR_STR_LIT(".")) != SIZE_MAX &&
           dr_str_find(domain, DR_STR_LIT("..")) == SIZE_MAX;
}

struct dr_str plan_email(struct dr_arena *a, struct dr_str s)
{
    return plan_email_usable(s) ? plan_norm(a, s) : (struct dr_str){NULL, 0};
}
