/* HTML as CRMs hold it, reduced to text. Pure; linear in the input, whatever
 * stands in it. */
#ifndef DROVER_PLAN_HTML_H
#define DROVER_PLAN_HTML_H

#include <drover/base/buf.h>
#include <drover/base/map.h>

enum html_found {
    HTML_TAGS = 1,     /* tags fell away                                   */
    HTML_ENTITIES = 2, /* written out as the characters they stand for     */
    HTML_IMAGES = 4,   /* became "[image: …]"                              */
    HTML_UNSAFE = 8,   /* left out or closed, so that it can be shown      */
};

/*
 * Appends the text of `in` and says what was done to it; 0: it is text
 * already and was copied as it is. A tag is what bears the name of an element
 * of HTML: "a < b" and "<bob@example.com>" stay. Scripts, styles, titles and
 * comments go; blocks become lines, links keep their text and their address
 * behind it, images become "[image: name]". `names` (attachment id or content
 * id -> struct dr_str *) gives an image the name of its file; it may be NULL.
 */
unsigned html_to_text(struct dr_str in, const struct dr_map *names,
                      struct dr_buf *out);
/* The HTML as it is, but for images that are attachments of the source: those
 * become "[image: name]", for their address will not lead anywhere. 0: it has
 * none of them, and nothing was written. */
unsigned html_relink(struct dr_str in, const struct dr_map *names,
                     struct dr_buf *out);

/* Whether HTML has an element of that name; Word's own count, too. */
bool html_is_element(struct dr_str name);

/*
 * html_safe.c: HTML that is kept, without what would run, load or send
 * something where it is shown, and with what is open at the end closed.
 * HTML_TAGS: there are (or were) tags in it. HTML_ENTITIES: a '<' that belongs
 * to none was written out. Its output is at most four times the input and
 * HTML_CLOSING_MAX; given its own output, it leaves that as it is.
 */
unsigned html_safe(struct dr_str in, struct dr_buf *out);
#define HTML_CLOSING_MAX 2560
/* A text as HTML shows it, each line end a <br>. */
void html_escape(struct dr_str in, struct dr_buf *out);

/* html_markup.c: what is told of a text by looking ahead, once each. */
struct html_ahead {
    struct dr_str in;
    size_t last_end; /* behind the last '>'; 0: there is none */
    bool no_comment_end;
};
struct html_ahead html_ahead(struct dr_str in);
/* Behind the comment, declaration or processing instruction that starts at the
 * '<'; 0: none does. It ends where it does in a browser: a comment that closes
 * there, all else at the next '>', be it in quotes. */
size_t html_markup_end(struct html_ahead *a, size_t at);

/* entities.c: the character that starts at s.p[0] == '&'; *used is how many
 * bytes it takes. 0: no entity. html: it stands between tags, where browsers
 * want no semicolon; elsewhere "R&D" and "?a=1&copy=2" are what they are. */
uint32_t html_entity(struct dr_str s, bool html, size_t *used);
/* The text of an attribute or of a text without tags. */
bool html_decode(struct dr_str in, struct dr_buf *out);
void html_put_char(struct dr_buf *out, uint32_t c);

#endif
