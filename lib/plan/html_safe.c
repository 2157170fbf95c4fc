/* HTML that is kept, made safe: what would run, load or send something in the
 * view of whoever reads it is left out, and nothing stays open. What is
 * written is read by a browser as it was read here: names and attributes are
 * told apart by the rules of HTML, and what they do not settle is written
 * anew. */
#include "html.h"

#include <string.h>

#include <drover/base/attrs.h>

/* Elements open at a time; deeper ones are left out, their text stays. */
#define DEPTH_MAX 128
#define NAME_MAX_BYTES 16
/* Of an address: a scheme that starts behind it is none that is known. */
#define SCHEME_SEEN 256

/* Left out with what stands in them: it is no text. */
static const char *const skipped[] = {"script", "style", "title", NULL};
/* Left out, and what stands in them stays. Behind the named ones: what a
 * browser does not read as HTML up to its end, where a tag could hide. */
static const char *const denied[] = {
    "iframe",   "object",   "embed",   "form",     "link",  "meta",
    "base",     "applet",   "bgsound", "frame",    "layer", "frameset",
    "noframes", "noscript", "svg",     "textarea", NULL};
static const char *const empty[] = {"area",   "br",    "col",   "hr",
                                    "img",    "input", "param", "source",
                                    "spacer", "wbr",   NULL};
/* Those that HTML lets end by themselves. */
static const char *const optional[] = {
    "p",    "li",    "dt",    "dd",       "tr",       "td",
    "th",   "thead", "tbody", "tfoot",    "colgroup", "option",
    "html", "head",  "body",  "optgroup", NULL};
static const char *const addresses[] = {
    "href",   "src",  "srcset",     "action", "formaction", "background",
    "poster", "data", "xlink:href", "lowsrc", "dynsrc",     NULL};
static const char *const schemes[] = {"http", "https", "mailto",
                                      "tel",  "cid",   NULL};
/* A backslash may write any of them in another way. */
static const char *const loading[] = {
    "url(", "src(", "image-set(", "expression(", "\\", "&", NULL};

struct safe {
    struct dr_str in;
    struct dr_buf *out;
    unsigned found;
    struct html_ahead ahead;
    /* What was looked for up to the end once is not looked for again. */
    bool broken;
    unsigned no_skip_end; /* one bit an element */
    struct dr_str open[DEPTH_MAX];
    size_t depth;
};

struct piece {
    struct dr_str name;
    bool close;
    size_t attrs, end; /* end is behind '>' */
};

struct attr {
    struct dr_str raw, name, value;
};

static bool among(struct dr_str s, const char *const *list)
{
    while (*list && !dr_str_ieq(s, dr_str_z(*list))) {
        list++;
    }
    return *list != NULL;
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool plain(char c)
{
    return letter(c) || (c >= '0' && c <= '9') || c == ':' || c == '-' ||
           c == '_' || c == '.';
}

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* ---- attributes ---- */

static struct dr_str between(const struct safe *s, size_t from, size_t to)
{
    return (struct dr_str){s->in.p + from, to - from};
}

/* The value behind '='; the place behind it. */
static size_t read_value(const struct safe *s, size_t i, struct attr *out)
{
    const char *p = s->in.p;
    size_t from;
    char quote;

    while (i < s->in.n && space(p[i])) {
        i++;
    }
    quote = i < s->in.n && (p[i] == '"' || p[i] == '\'') ? p[i] : (char)0;
    from = i += quote != 0;
    while (i < s->in.n &&
           (quote ? p[i] != quote : !space(p[i]) && p[i] != '>')) {
        i++;
    }
    out->value = between(s, from, i);
    return i < s->in.n ? i + (quote != 0) : i;
}

/* The next attribute from *i on. 0: the tag ends, *i is behind its '>';
 * -1: it never does. */
static int next_attr(const struct safe *s, size_t *i, struct attr *out)
{
    const char *p = s->in.p;
    size_t at = *i, from;

    while (at < s->in.n && (space(p[at]) || p[at] == '/')) {
        at++;
    }
    if (at >= s->in.n || p[at] == '>') {
        *i = at + 1;
        return at < s->in.n ? 0 : -1;
    }
    from = at++;
    while (at < s->in.n && !space(p[at]) && p[at] != '/' && p[at] != '>' &&
           p[at] != '=') {
        at++;
    }
    out->name = between(s, from, at);
    out->value = (struct dr_str){"", 0};
    *i = at;
    while (at < s->in.n && space(p[at])) {
        at++;
    }
    if (at < s->in.n && p[at] == '=') {
        *i = read_value(s, at + 1, out);
    }
    out->raw = between(s, from, *i);
    return 1;
}

/* As a browser reads it: blanks and controls are not seen in a scheme. An
 * address without one leads to where the page is from. */
static bool address_is_safe(struct dr_str decoded, bool whole)
{
    char scheme[8];
    size_t n = 0;

    for (size_t i = 0; i < decoded.n; i++) {
        char c = decoded.p[i];
        if (c == ':') {
            return among((struct dr_str){scheme, n}, schemes);
        }
        if (c == '/' || c == '?' || c == '#') {
            return true;
        }
        if (c == '&') {
            return false; /* may stand for a colon */
        }
        if ((unsigned char)c > ' ') {
            scheme[n < sizeof(scheme) ? n : sizeof(scheme) - 1] = c;
            n += n < sizeof(scheme);
        }
    }
    return whole;
}

static bool style_is_safe(struct dr_buf *decoded)
{
    for (size_t i = 0; i < decoded->n; i++) {
        char c = decoded->p[i];
        decoded->p[i] = c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
    }
    for (size_t i = 0; loading[i]; i++) {
        if (dr_str_find(dr_buf_view(decoded), dr_str_z(loading[i])) !=
            SIZE_MAX) {
            return false;
        }
    }
    return true;
}

static bool attr_is_safe(const struct attr *a)
{
    bool address = among(a->name, addresses), out;
    bool whole = !address || a->value.n <= SCHEME_SEEN;
    struct dr_buf b;

    for (size_t i = 0; i < a->name.n; i++) {
        if (!plain(a->name.p[i])) {
            return false;
        }
    }
    if (a->name.n > 2 && (a->name.p[0] | 32) == 'o' &&
        (a->name.p[1] | 32) == 'n') {
        return false;
    }
    if (!address && !dr_str_ieq(a->name, DR_STR_LIT("style"))) {
        return true;
    }
    dr_buf_init(&b, a->value.n * 4 + 64);
    (void)html_decode(
        (struct dr_str){a->value.p, whole ? a->value.n : SCHEME_SEEN}, &b);
    out = address ? address_is_safe(dr_buf_view(&b), whole) : style_is_safe(&b);
    out &= !b.over;
    dr_buf_done(&b);
    return out;
}

/* ---- what is open ---- */

static void forget(struct safe *s, size_t at, size_t n)
{
    memmove(&s->open[at], &s->open[at + n],
            (s->depth - at - n) * sizeof(s->open[0]));
    s->depth -= n;
}

/* False: too many are. A paragraph ends where the next one starts. */
static bool opens(struct safe *s, struct dr_str name)
{
    if (among(name, empty)) {
        return true;
    }
    for (size_t i = s->depth;
         i > 0 && among(name, optional) && among(s->open[i - 1], optional);
         i--) {
        if (dr_str_ieq(s->open[i - 1], name)) {
            s->depth = i - 1;
            break;
        }
    }
    if (s->depth == DEPTH_MAX) {
        return false;
    }
    s->open[s->depth++] = name;
    return true;
}

/* False: nothing of that name is open. What was opened behind it and is not
 * closed yet goes on, as in a browser: <b><i></b></i>. */
static bool closes(struct safe *s, struct dr_str name)
{
    size_t at = s->depth;

    while (at > 0 && !dr_str_ieq(s->open[at - 1], name)) {
        at--;
    }
    if (at == 0) {
        return false;
    }
    for (size_t i = s->depth; i > at; i--) {
        if (among(s->open[i - 1], optional)) {
            forget(s, i - 1, 1);
        }
    }
    forget(s, at - 1, 1);
    return true;
}

static void close_all(struct safe *s)
{
    while (s->depth > 0) {
        struct dr_str name = s->open[--s->depth];
        s->found |= among(name, optional) ? 0 : HTML_UNSAFE;
        dr_buf_z(s->out, "</");
        dr_buf_str(s->out, name);
        dr_buf_ch(s->out, '>');
    }
}

/* ---- the walk ---- */

/* Behind the end of an element whose content goes; where it never ends, the
 * tag alone goes. */
static size_t skip_to(struct safe *s, const struct piece *t)
{
    unsigned bit = 1u << (unsigned)((t->name.p[1] | 32) - 'a');
    size_t n = t->name.n;

    for (size_t i = t->end; !(s->no_skip_end & bit) && i < s->in.n; i++) {
        const char *p = memchr(s->in.p + i, '<', s->in.n - i);
        i = p ? (size_t)(p - s->in.p) : s->in.n;
        if (i + n + 2 < s->in.n && s->in.p[i + 1] == '/' &&
            dr_str_ieq(between(s, i + 2, i + 2 + n), t->name) &&
            !plain(s->in.p[i + 2 + n])) {
            p = memchr(s->in.p + i, '>', s->in.n - i);
            return p ? (size_t)(p - s->in.p) + 1 : s->in.n;
        }
    }
    s->no_skip_end |= bit;
    return t->end;
}

/* The tag at '<'. Where a quote never closes it ends at the next '>', and so
 * do all behind it. */
static bool tag_at(struct safe *s, size_t at, struct piece *t)
{
    size_t i = at + 1, from;
    struct attr a;
    int rc = 1;

    t->close = i < s->in.n && s->in.p[i] == '/';
    from = i += t->close;
    while (i < s->in.n && plain(s->in.p[i]) && i - from < NAME_MAX_BYTES) {
        i++;
    }
    t->name = between(s, from, i);
    t->attrs = i;
    if (i >= s->ahead.last_end || i == from || !letter(s->in.p[from]) ||
        (!space(s->in.p[i]) && s->in.p[i] != '>' && s->in.p[i] != '/') ||
        !html_is_element(t->name)) {
        return false;
    }
    while (!s->broken && rc > 0) {
        rc = next_attr(s, &i, &a);
        s->broken = rc < 0;
    }
    if (s->broken) {
        const char *p = memchr(s->in.p + t->attrs, '>', s->in.n - t->attrs);
        i = (size_t)(p - s->in.p) + 1;
    }
    t->end = i;
    return true;
}

/* As it stands there, but for attributes that are left out. */
static void put_tag(struct safe *s, const struct piece *t)
{
    size_t before = s->out->n, i = t->attrs;
    bool all = !s->broken && !t->close;
    struct attr a;

    dr_buf_z(s->out, t->close ? "</" : "<");
    dr_buf_str(s->out, t->name);
    while (!s->broken && !t->close && next_attr(s, &i, &a) > 0) {
        if (attr_is_safe(&a)) {
            dr_buf_ch(s->out, ' ');
            dr_buf_str(s->out, a.raw);
        } else {
            all = false;
        }
    }
    if (all) {
        s->out->n = before;
        dr_buf_ch(s->out, '<');
        dr_buf_str(s->out, between(s, (size_t)(t->name.p - s->in.p), t->end));
        return;
    }
    dr_buf_ch(s->out, '>');
    if (!t->close || s->broken) {
        s->found |= HTML_UNSAFE;
    }
}

static size_t one_tag(struct safe *s, const struct piece *t)
{
    bool skip = among(t->name, skipped);

    s->found |= HTML_TAGS;
    if (skip || among(t->name, denied) ||
        !(t->close ? among(t->name, empty) || closes(s, t->name)
                   : opens(s, t->name))) {
        s->found |= HTML_UNSAFE;
        return skip && !t->close ? skip_to(s, t) : t->end;
    }
    put_tag(s, t);
    return t->end;
}

/* A '<' that starts nothing is written so that it cannot: not even with what
 * comes to stand behind it. */
static void put_less(struct safe *s, size_t at)
{
    char next = at + 1 < s->in.n ? s->in.p[at + 1] : '<';

    if (letter(next) || memchr("</!?", next, 4)) {
        s->found |= HTML_ENTITIES;
        dr_buf_z(s->out, "&lt;");
    } else {
        dr_buf_ch(s->out, '<');
    }
}

unsigned html_safe(struct dr_str in, struct dr_buf *out)
{
    struct safe s = {.in = in, .ahead = html_ahead(in), .out = out};

    for (size_t i = 0; i < in.n && !out->over;) {
        struct piece t;
        size_t end;
        if (in.p[i] != '<') {
            dr_buf_ch(out, in.p[i++]);
        } else if ((end = html_markup_end(&s.ahead, i)) > 0) {
            s.found |= HTML_TAGS | HTML_UNSAFE;
            i = end;
        } else if (tag_at(&s, i, &t)) {
            i = one_tag(&s, &t);
        } else {
            put_less(&s, i++);
        }
    }
    close_all(&s);
    return s.found;
}

void html_escape(struct dr_str in, struct dr_buf *out)
{
    for (size_t i = 0; i < in.n; i++) {
        switch (in.p[i]) {
        case '<':
            dr_buf_z(out, "&lt;");
            break;
        case '>':
            dr_buf_z(out, "&gt;");
            break;
        case '&':
            dr_buf_z(out, "&amp;");
            break;
        case '\n':
            dr_buf_z(out, "<br>");
            break;
        default:
            dr_buf_ch(out, in.p[i]);
            break;
        }
    }
}
