/* Comments, declarations and processing instructions, which are left out of
 * text and of HTML that is kept alike. */
#include "html.h"

#include <string.h>

struct html_ahead html_ahead(struct dr_str in)
{
    const char *p = in.n > 0 ? memrchr(in.p, '>', in.n) : NULL;

    return (struct html_ahead){.in = in,
                               .last_end = p ? (size_t)(p - in.p) + 1 : 0};
}

static bool starts(struct dr_str s)
{
    return s.n >= 3 && (s.p[1] == '!' || s.p[1] == '?') &&
           ((s.p[2] >= 'a' && s.p[2] <= 'z') ||
            (s.p[2] >= 'A' && s.p[2] <= 'Z') || s.p[2] == '[' || s.p[2] == '-');
}

size_t html_markup_end(struct html_ahead *a, size_t at)
{
    struct dr_str rest = {a->in.p + at, a->in.n - at};
    const char *p;
    size_t end;

    if (!starts(rest)) {
        return 0;
    }
    if (dr_str_starts(rest, DR_STR_LIT("<!--")) && !a->no_comment_end) {
        end = dr_str_find(rest, DR_STR_LIT("-->"));
        if (end != SIZE_MAX) {
            return at + end + 3;
        }
        a->no_comment_end = true;
    }
    if (at >= a->last_end) {
        return 0;
    }
    p = memchr(rest.p, '>', rest.n);
    return (size_t)(p - a->in.p) + 1;
}
