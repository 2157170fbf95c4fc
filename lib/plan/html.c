#include "html.h"

#include <string.h>

#include <drover/base/attrs.h>

/* Longer addresses of links are not written behind their text. */
#define HREF_MAX 2048

enum action {
    A_NONE,  /* the tag goes, its text stays         */
    A_LINE,  /* a new line before and after          */
    A_BLOCK, /* an empty line before and after       */
    A_BREAK, /* <br>                                 */
    A_ITEM,  /* a line that starts with a dash       */
    A_CELL,  /* a blank between it and the next      */
    A_RULE,
    A_PRE,
    A_LINK,
    A_IMAGE,
    A_SKIP, /* all goes up to the closing tag       */
};

static const struct tag {
    const char *name;
    enum action action;
} tags[] = {
    {"a", A_LINK},        {"abbr", A_NONE},       {"acronym", A_NONE},
    {"address", A_LINE},  {"applet", A_NONE},     {"area", A_NONE},
    {"article", A_BLOCK}, {"aside", A_BLOCK},     {"audio", A_NONE},
    {"b", A_NONE},        {"base", A_NONE},       {"bdi", A_NONE},
    {"bdo", A_NONE},      {"bgsound", A_NONE},    {"big", A_NONE},
    {"blink", A_NONE},    {"blockquote", A_LINE}, {"body", A_LINE},
    {"br", A_BREAK},      {"button", A_NONE},     {"caption", A_LINE},
    {"center", A_LINE},   {"cite", A_NONE},       {"code", A_NONE},
    {"col", A_NONE},      {"colgroup", A_NONE},   {"dd", A_LINE},
    {"del", A_NONE},      {"details", A_LINE},    {"dfn", A_NONE},
    {"dir", A_LINE},      {"div", A_LINE},        {"dl", A_LINE},
    {"dt", A_LINE},       {"em", A_NONE},         {"embed", A_NONE},
    {"fieldset", A_LINE}, {"figcaption", A_LINE}, {"figure", A_BLOCK},
    {"font", A_NONE},     {"footer", A_BLOCK},    {"form", A_LINE},
    {"frame", A_NONE},    {"frameset", A_NONE},   {"h1", A_BLOCK},
    {"h2", A_BLOCK},      {"h3", A_BLOCK},        {"h4", A_BLOCK},
    {"h5", A_BLOCK},      {"h6", A_BLOCK},        {"head", A_LINE},
    {"header", A_BLOCK},  {"hr", A_RULE},         {"html", A_LINE},
    {"i", A_NONE},        {"iframe", A_NONE},     {"img", A_IMAGE},
    {"input", A_NONE},    {"ins", A_NONE},        {"kbd", A_NONE},
    {"label", A_NONE},    {"layer", A_NONE},      {"legend", A_LINE},
    {"li", A_ITEM},       {"link", A_NONE},       {"main", A_BLOCK},
    {"map", A_NONE},      {"mark", A_NONE},       {"marquee", A_LINE},
    {"menu", A_LINE},     {"meta", A_NONE},       {"nav", A_BLOCK},
    {"nobr", A_NONE},     {"noframes", A_NONE},   {"noscript", A_NONE},
    {"object", A_NONE},   {"ol", A_LINE},         {"optgroup", A_LINE},
    {"option", A_LINE},   {"p", A_BLOCK},         {"param", A_NONE},
    {"picture", A_NONE},  {"pre", A_PRE},         {"q", A_NONE},
    {"s", A_NONE},        {"samp", A_NONE},       {"script", A_SKIP},
    {"section", A_BLOCK}, {"select", A_LINE},     {"small", A_NONE},
    {"source", A_NONE},   {"spacer", A_NONE},     {"span", A_NONE},
    {"strike", A_NONE},   {"strong", A_NONE},     {"style", A_SKIP},
    {"sub", A_NONE},      {"summary", A_LINE},    {"sup", A_NONE},
    {"svg", A_NONE},      {"table", A_LINE},      {"tbody", A_LINE},
    {"td", A_CELL},       {"textarea", A_LINE},   {"tfoot", A_LINE},
    {"th", A_CELL},       {"thead", A_LINE},      {"time", A_NONE},
    {"title", A_SKIP},    {"tr", A_LINE},         {"tt", A_NONE},
    {"u", A_NONE},        {"ul", A_LINE},         {"var", A_NONE},
    {"video", A_NONE},    {"wbr", A_NONE},
};
static const struct tag office = {"o:p", A_NONE};

struct scan {
    struct dr_str in;
    struct html_ahead ahead;
    const struct dr_map *names;
    struct dr_buf *out;
    unsigned found;
    /* What was looked for up to the end once is not looked for again. */
    bool no_end, broken;
    unsigned no_skip_end; /* one bit an element */
    bool lines;           /* line breaks of the source are kept             */
    unsigned pre;         /* inside <pre>                                    */
    unsigned breaks;
    bool item;          /* a dash was written and nothing behind it         */
    bool blank;         /* a blank is due before the next character        */
    struct dr_str href; /* of the link that is open                        */
    size_t link_at;     /* where its text starts in out                    */
};

/* ---- tags ---- */

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool name_char(char c)
{
    return letter(c) || (c >= '0' && c <= '9') || c == ':';
}

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

struct hit {
    const struct tag *tag;
    bool close;
    size_t attrs, end; /* of the tag: end is behind '>' */
};

static const struct tag *tag_named(struct dr_str name)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(tags); i++) {
        if (dr_str_ieq(name, dr_str_z(tags[i].name))) {
            return &tags[i];
        }
    }
    /* Word writes elements of its own: <o:p>, <w:wrap>, <st1:place>. */
    for (size_t i = 1; i + 1 < name.n && i < 5; i++) {
        if (name.p[i] == ':') {
            return &office;
        }
    }
    return NULL;
}

bool html_is_element(struct dr_str name)
{
    return tag_named(name) != NULL;
}

/* The '>' of a tag, not one inside quotes. Where quotes never close, the next
 * one. SIZE_MAX: there is none. */
static size_t tag_end(struct scan *s, size_t at)
{
    char quote = 0;
    const char *p;

    if (s->no_end) {
        return SIZE_MAX;
    }
    for (size_t i = at; !s->broken && i < s->in.n; i++) {
        char c = s->in.p[i];
        if (quote) {
            quote = c == quote ? (char)0 : quote;
        } else if ((c == '"' || c == '\'') && i > 0 &&
                   (s->in.p[i - 1] == '=' || space(s->in.p[i - 1]))) {
            quote = c;
        } else if (c == '>') {
            return i;
        }
    }
    s->broken = true;
    p = memchr(s->in.p + at, '>', s->in.n - at);
    s->no_end = !p;
    return p ? (size_t)(p - s->in.p) : SIZE_MAX;
}

/* The tag at s->in.p[at] == '<', when it is one. */
static bool tag_at(struct scan *s, size_t at, struct hit *out)
{
    size_t i = at + 1, from, end;

    out->close = i < s->in.n && s->in.p[i] == '/';
    i += out->close;
    from = i;
    while (i < s->in.n && name_char(s->in.p[i]) && i - from < 16) {
        i++;
    }
    if (i == from || !letter(s->in.p[from]) || i >= s->in.n ||
        (!space(s->in.p[i]) && s->in.p[i] != '>' && s->in.p[i] != '/')) {
        return false;
    }
    out->tag = tag_named((struct dr_str){s->in.p + from, i - from});
    if (!out->tag) {
        return false;
    }
    end = tag_end(s, i);
    out->attrs = i;
    out->end = end + 1;
    return end != SIZE_MAX;
}

/* The value of an attribute, as it stands there; p NULL: it has none. */
static struct dr_str attr(const struct scan *s, const struct hit *h,
                          const char *name)
{
    size_t i = h->attrs, end = h->end - 1;

    while (i < end) {
        size_t from, n;
        char quote;
        while (i < end && (space(s->in.p[i]) || s->in.p[i] == '/')) {
            i++;
        }
        from = i;
        while (i < end && !space(s->in.p[i]) && s->in.p[i] != '=') {
            i++;
        }
        n = i - from;
        while (i < end && space(s->in.p[i])) {
            i++;
        }
        if (i < end && s->in.p[i] == '=') {
            struct dr_str value;
            i++;
            while (i < end && space(s->in.p[i])) {
                i++;
            }
            quote = i < end && (s->in.p[i] == '"' || s->in.p[i] == '\'')
                        ? s->in.p[i++]
                        : (char)0;
            value.p = s->in.p + i;
            while (i < end &&
                   (quote ? s->in.p[i] != quote : !space(s->in.p[i]))) {
                i++;
            }
            value.n = (size_t)(s->in.p + i - value.p);
            i += quote != 0;
            if (dr_str_ieq((struct dr_str){s->in.p + from, n},
                           dr_str_z(name))) {
                return value;
            }
        } else if (n == 0) {
            i++;
        }
    }
    return (struct dr_str){NULL, 0};
}

/* ---- writing ---- */

static void flush(struct scan *s)
{
    if (s->out->n > 0 && s->breaks > 0) {
        while (s->out->p[s->out->n - 1] == ' ') {
            s->out->n--;
        }
        while (s->breaks > 0) {
            dr_buf_ch(s->out, '\n');
            s->breaks--;
        }
    } else if (s->blank && s->out->n > 0 && s->out->p[s->out->n - 1] != '\n') {
        dr_buf_ch(s->out, ' ');
    }
    s->breaks = 0;
    s->blank = false;
    s->item = false;
}

static void put_byte(struct scan *s, char c)
{
    if (c == '\r' || (c == '\n' && s->out->n == 0)) {
        return;
    }
    if (!space(c)) {
        flush(s);
        dr_buf_ch(s->out, c);
    } else if (s->pre > 0 || s->lines) {
        flush(s);
        dr_buf_ch(s->out, c);
    } else {
        s->blank = true;
    }
}

static void want(struct scan *s, unsigned breaks)
{
    if (s->item) {
        return; /* a block inside of a list's item stays on its line */
    }
    s->breaks = s->breaks > breaks ? s->breaks : breaks;
    s->blank = false;
}

static void put_z(struct scan *s, const char *z)
{
    flush(s);
    dr_buf_z(s->out, z);
}

/* ---- links and images ---- */

static bool shown_scheme(struct dr_str s)
{
    static const char *const schemes[] = {"http://", "https://",
                                          "mailto:", "tel:", "ftp://"};

    for (size_t i = 0; i < DR_ARRAY_LEN(schemes); i++) {
        size_t n = strlen(schemes[i]);
        if (s.n > n &&
            dr_str_ieq((struct dr_str){s.p, n}, dr_str_z(schemes[i]))) {
            return true;
        }
    }
    return false;
}

static void end_link(struct scan *s)
{
    struct dr_str href = dr_str_trim(s->href), text, bare;
    struct dr_buf b;

    s->href = (struct dr_str){NULL, 0};
    if (!href.p || href.n > HREF_MAX || !shown_scheme(href) ||
        s->out->n <= s->link_at) {
        return;
    }
    text = dr_str_trim(
        (struct dr_str){s->out->p + s->link_at, s->out->n - s->link_at});
    dr_buf_init(&b, HREF_MAX * 2);
    (void)html_decode(href, &b);
    bare = dr_buf_view(&b);
    if (dr_str_starts(bare, DR_STR_LIT("mailto:"))) {
        bare = (struct dr_str){bare.p + 7, bare.n - 7};
    }
    if (text.n > 0 && !dr_str_eq(text, bare) &&
        !dr_str_eq(text, dr_buf_view(&b))) {
        dr_buf_z(s->out, " <");
        dr_buf_str(s->out, bare);
        dr_buf_ch(s->out, '>');
    }
    dr_buf_done(&b);
}

/* The last part of an address, without what follows a question mark. */
static struct dr_str last_part(struct dr_str s)
{
    size_t end = s.n, from = 0;

    for (size_t i = 0; i < end; i++) {
        if (s.p[i] == '?' || s.p[i] == '#') {
            end = i;
        }
    }
    for (size_t i = 0; i < end; i++) {
        from = s.p[i] == '/' || s.p[i] == ':' ? i + 1 : from;
    }
    return (struct dr_str){s.p + from, end - from};
}

static struct dr_str file_name(const struct scan *s, struct dr_str src)
{
    const struct dr_str *hit = NULL;

    if (s->names && src.n > 0) {
        hit = dr_map_get(s->names, src);
        hit = hit ? hit : dr_map_get(s->names, last_part(src));
    }
    return hit ? *hit : (struct dr_str){NULL, 0};
}

static bool is_cid(struct dr_str src)
{
    return src.n > 4 &&
           dr_str_ieq((struct dr_str){src.p, 4}, DR_STR_LIT("cid:"));
}

static void put_image(struct scan *s, const struct hit *h)
{
    struct dr_str src = dr_str_trim(attr(s, h, "src"));
    struct dr_str alt = dr_str_trim(attr(s, h, "alt"));
    struct dr_str name = file_name(s, src);

    s->found |= HTML_IMAGES;
    if (name.n == 0) {
        name = alt.n > 0 && alt.n <= HREF_MAX ? alt
               : src.n <= HREF_MAX && (is_cid(src) || shown_scheme(src))
                   ? src
                   : (struct dr_str){"", 0};
    }
    put_z(s, name.n > 0 ? "[image: " : "[image");
    (void)html_decode(name, s->out);
    dr_buf_ch(s->out, ']');
}

/* ---- the walk ---- */

static size_t skip_to(struct scan *s, const struct hit *h)
{
    size_t n = strlen(h->tag->name);
    unsigned bit = 1u << (unsigned)(h->tag->name[1] - 'a');

    for (size_t i = h->end; !(s->no_skip_end & bit) && i + n + 2 < s->in.n;
         i++) {
        const char *p = memchr(s->in.p + i, '<', s->in.n - i);
        struct hit close;
        if (!p) {
            break;
        }
        i = (size_t)(p - s->in.p);
        if (i + n + 2 < s->in.n && s->in.p[i + 1] == '/' &&
            dr_str_ieq((struct dr_str){s->in.p + i + 2, n},
                       dr_str_z(h->tag->name)) &&
            tag_at(s, i, &close)) {
            return close.end;
        }
    }
    s->no_skip_end |= bit; /* then the tag alone goes, and its text stays */
    return h->end;
}

static void open_pre(struct scan *s, const struct hit *h)
{
    want(s, 1);
    if (!h->close) {
        s->pre++;
    } else if (s->pre > 0) {
        s->pre--;
    }
}

static size_t one_tag(struct scan *s, const struct hit *h)
{
    s->found |= HTML_TAGS;
    switch (h->tag->action) {
    case A_NONE:
        break;
    case A_LINE:
        want(s, 1);
        break;
    case A_BLOCK:
        want(s, 2);
        break;
    case A_BREAK:
        s->breaks += s->breaks < 3;
        s->blank = false;
        break;
    case A_ITEM:
        s->item = false;
        want(s, 1);
        if (!h->close) {
            put_z(s, "- ");
            s->item = true;
        }
        break;
    case A_CELL:
        s->blank = true;
        break;
    case A_RULE:
        want(s, 1);
        put_z(s, "---");
        want(s, 1);
        break;
    case A_PRE:
        open_pre(s, h);
        break;
    case A_LINK:
        end_link(s);
        if (!h->close) {
            s->href = attr(s, h, "href");
            s->link_at = s->out->n;
        }
        break;
    case A_IMAGE:
        if (!h->close) {
            put_image(s, h);
        }
        break;
    case A_SKIP:
        return h->close ? h->end : skip_to(s, h);
    }
    return h->end;
}

/* Whether there are tags at all, and any that make lines: where there are
 * none, the lines are those of the text. */
static bool look(struct scan *s)
{
    bool any = false;
    const char *p;

    s->lines = true;
    for (size_t i = 0; s->lines && (p = memchr(s->in.p + i, '<', s->in.n - i));
         i++) {
        struct hit h;
        i = (size_t)(p - s->in.p);
        if (tag_at(s, i, &h)) {
            any = true;
            s->lines = h.tag->action == A_NONE || h.tag->action == A_LINK ||
                       h.tag->action == A_IMAGE || h.tag->action == A_SKIP;
            i = h.end - 1;
        }
    }
    return any;
}

static size_t one_step(struct scan *s, size_t i)
{
    struct dr_str rest = {s->in.p + i, s->in.n - i};
    struct hit h;
    size_t used = 0;
    uint32_t c;

    if (rest.p[0] == '<') {
        used = html_markup_end(&s->ahead, i);
        if (used > 0) {
            s->found |= HTML_TAGS;
            return used;
        }
        if (tag_at(s, i, &h)) {
            return one_tag(s, &h);
        }
    } else if (rest.p[0] == '&' && (c = html_entity(rest, true, &used)) != 0) {
        s->found |= HTML_ENTITIES;
        flush(s);
        html_put_char(s->out, c);
        return i + used;
    }
    put_byte(s, rest.p[0]);
    return i + 1;
}

unsigned html_to_text(struct dr_str in, const struct dr_map *names,
                      struct dr_buf *out)
{
    struct scan s = {
        .in = in, .ahead = html_ahead(in), .names = names, .out = out};
    size_t before = out->n;

    if (in.n == 0) {
        return 0;
    }
    if (!look(&s)) {
        return html_decode(in, out) ? HTML_ENTITIES : 0;
    }
    s.no_end = s.broken = false;
    for (size_t i = 0; i < in.n && !out->over;) {
        i = one_step(&s, i);
    }
    end_link(&s);
    while (out->n > before && space(out->p[out->n - 1])) {
        out->n--;
    }
    return s.found;
}

unsigned html_relink(struct dr_str in, const struct dr_map *names,
                     struct dr_buf *out)
{
    struct scan s = {.in = in, .names = names, .out = out, .lines = true};
    size_t from = 0; /* of what is not written yet */

    for (size_t i = 0; i < in.n;) {
        struct hit h;
        struct dr_str src;
        if (in.p[i] != '<' || !tag_at(&s, i, &h)) {
            i++;
            continue;
        }
        src = dr_str_trim(attr(&s, &h, "src"));
        if (h.tag->action == A_IMAGE && !h.close &&
            (is_cid(src) || file_name(&s, src).n > 0)) {
            dr_buf_add(out, in.p + from, i - from);
            put_image(&s, &h);
            from = h.end;
        }
        i = h.end;
    }
    if (s.found != 0) {
        dr_buf_add(out, in.p + from, in.n - from);
    }
    return s.found;
}
