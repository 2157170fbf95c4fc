/* Texts: HTML reduced, and the one text that a record of the target has, with
 * the lines that stand below it. */
#include "plan_private.h"

#include "html.h"

/* Images and rules take more room than their tags. */
#define GROWTH 2

struct dr_str value_html(struct build *b, struct dr_str source,
                         struct dr_str rule, struct dr_str s)
{
    struct dr_buf text;
    struct dr_str out = s;
    unsigned found;

    dr_buf_init(&text, s.n * GROWTH + 64);
    found = html_to_text(s, NULL, &text);
    b->oom |= text.over;
    if (found != 0) {
        out = build_dup(b, dr_buf_view(&text));
    }
    if (found & HTML_TAGS) {
        build_note(b, source, rule, s, out,
                   "HTML reduced to its text: what only a tag said is not "
                   "carried");
    }
    dr_buf_done(&text);
    return out;
}
