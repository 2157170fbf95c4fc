/* Texts: HTML reduced, and the one text that a record of the target has, with
 * the lines that stand around it. */
#include "plan_private.h"

#include <string.h>

#include "html.h"

/* Images and rules take more room than their tags. */
#define GROWTH 2
/* So does a '<' that is written out. */
#define SAFE_GROWTH 4
/* Blank lines between the parts, and a little to spare. */
#define SEPARATORS 8
#define HTML_SEPARATORS 24 /* the same as <br> */
#define LINE_GROWTH 5      /* "&amp;" */
#define FIRST_MAX 500      /* characters */

/* What was made of a text; the text itself where there was nothing to do. */
static struct dr_str changed(struct build *b, struct dr_str s, unsigned found,
                             struct dr_buf *made)
{
    if (found != 0) {
        return build_take(b, made);
    }
    b->oom |= made->over;
    dr_buf_done(made);
    return s;
}

static struct dr_str reduced(struct build *b, struct dr_str s, unsigned *found)
{
    struct dr_buf text;

    dr_buf_init(&text, s.n * GROWTH + ((size_t)64 << 10));
    *found = html_to_text(s, b->plan->files.names, &text);
    return changed(b, s, *found, &text);
}

static struct dr_str made_safe(struct build *b, struct dr_str s,
                               unsigned *found)
{
    struct dr_buf text;

    dr_buf_init(&text, s.n * SAFE_GROWTH + ((size_t)64 << 10));
    *found = html_safe(s, &text);
    return changed(b, s, *found, &text);
}

/* Names of files are written into it first: they are made safe with it. */
static struct dr_str kept(struct build *b, struct dr_str s, unsigned *found)
{
    struct dr_buf text;
    unsigned images;

    dr_buf_init(&text, s.n * GROWTH + ((size_t)64 << 10));
    images = html_relink(s, b->plan->files.names, &text);
    s = made_safe(b, changed(b, s, images, &text), found);
    *found |= images;
    return s;
}

void text_of_html(struct build *b, struct text *t, struct dr_str s, bool keep)
{
    unsigned found;

    t->own = keep ? kept(b, s, &found) : reduced(b, s, &found);
    t->html = keep && (found & HTML_TAGS);
    if (keep && (found & HTML_IMAGES)) {
        build_note(b, t->source, t->rule, s, t->own,
                   "an image that is an attachment is named in its place: the "
                   "file stands on the record");
    } else if (!keep && (found & HTML_TAGS)) {
        build_note(b, t->source, t->rule, s, t->own,
                   "HTML reduced to its text: what only a tag said is not "
                   "carried");
    }
    if (keep && (found & HTML_UNSAFE)) {
        build_note(b, t->source, t->rule, s, t->own,
                   "HTML made safe to show: what could run, load or send "
                   "something was left out, what was open was closed");
    }
}

struct dr_str value_html(struct build *b, struct dr_str source,
                         struct dr_str rule, struct dr_str s)
{
    struct text t = {.source = source, .rule = rule};

    text_of_html(b, &t, s, false);
    return t.own;
}

struct dr_str marker_line(struct build *b, struct dr_str marker)
{
    return build_printf(
        b, "FastTrack " DR_STR_FMT " " DR_STR_FMT " [" DR_STR_FMT "]",
        DR_STR_ARG(b->rec->object), DR_STR_ARG(b->rec->id), DR_STR_ARG(marker));
}

/* ---- limits ---- */

static size_t size_of(const struct text *t, struct dr_str s)
{
    return t->chars > 0 ? dr_utf8_count(s) : s.n;
}

static struct dr_str prefix(const struct text *t, struct dr_str s, size_t max)
{
    if (t->chars > 0) {
        return dr_utf8_prefix(s, max);
    }
    if (s.n <= max) {
        return s;
    }
    while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80) {
        max--;
    }
    return (struct dr_str){s.p, max};
}

/* Lines around the text as the field takes it. */
static struct dr_str line_of(struct build *b, const struct text *t,
                             struct dr_str s)
{
    struct dr_buf out;

    if (!t->html) {
        return s;
    }
    dr_buf_init(&out, s.n * LINE_GROWTH + 16);
    html_escape(s, &out);
    b->oom |= out.over;
    s = build_dup(b, dr_buf_view(&out));
    dr_buf_done(&out);
    return s;
}

static size_t separators(const struct text *t)
{
    return t->html ? HTML_SEPARATORS : SEPARATORS;
}

static struct dr_str cut_lines(struct build *b, const struct text *t,
                               struct dr_str lines, size_t max)
{
    size_t last = size_of(t, t->last) + separators(t), room;
    struct dr_str tail = line_of(b, t, lines);

    if (size_of(t, tail) + last <= max / 2) {
        return tail;
    }
    build_note(b, dr_str_z(t->field), t->rule, lines, (struct dr_str){"", 0},
               "the lines that stand below the text were cut to half of what "
               "the field holds");
    room = last < max / 2 ? max / 2 - last : 0;
    return line_of(b, t, prefix(t, lines, t->html ? room / LINE_GROWTH : room));
}

/* Without the tag that the cut went through. */
static struct dr_str whole_tags(struct dr_str s)
{
    for (size_t i = s.n; i > 0 && s.p[i - 1] != '>'; i--) {
        if (s.p[i - 1] == '<') {
            return (struct dr_str){s.p, i - 1};
        }
    }
    return s;
}

/* HTML that is cut is closed anew; its end tags need room, too. */
static struct dr_str cut_html(struct build *b, const struct text *t,
                              size_t room)
{
    size_t less = 0;

    for (int tries = 0; tries < 3 && less <= room; tries++) {
        unsigned found;
        struct dr_str s =
            made_safe(b, whole_tags(prefix(t, t->own, room - less)), &found);
        size_t size = size_of(t, s);
        if (size <= room) {
            return s;
        }
        less =
            tries == 0 ? size - room + HTML_CLOSING_MAX / 16 : HTML_CLOSING_MAX;
    }
    return (struct dr_str){"", 0};
}

static struct dr_str cut_own(struct build *b, const struct text *t, size_t room,
                             size_t max)
{
    struct dr_str cut, why;

    if (size_of(t, t->own) <= room) {
        return t->own;
    }
    cut = t->html ? cut_html(b, t, room) : prefix(t, t->own, room);
    why = build_printf(
        b,
        "cut to what the field of %zu %s holds beside the lines around the "
        "text: the whole has %zu characters (%zu bytes)",
        max, t->chars > 0 ? "characters" : "bytes", dr_utf8_count(t->own),
        t->own.n);
    build_note(b, t->source, t->rule, t->own, cut,
               why.n > 0 ? why.p : "cut to what the field holds");
    b->whole = t->own;
    b->whole_html = t->html;
    return cut;
}

static void part(struct dr_buf *out, struct dr_str s, struct dr_str between)
{
    if (s.n > 0) {
        dr_buf_str(out, out->n > 0 ? between : (struct dr_str){"", 0});
        dr_buf_str(out, s);
    }
}

/* The bytes of the blank at s.p[i]; 0: it is none. A line of mails that shall
 * look empty often holds a no-break space. */
static size_t blank_at(struct dr_str s, size_t i)
{
    if (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\r' || s.p[i] == '\n') {
        return 1;
    }
    return i + 1 < s.n && memcmp(s.p + i, "\xc2\xa0", 2) == 0 ? 2 : 0;
}

/* Without the blank lines at both ends. */
static struct dr_str trim_lines(struct dr_str s)
{
    size_t from = 0, end = 0, n;

    for (size_t i = 0; i < s.n && (n = blank_at(s, i)) > 0; i += n) {
        from = s.p[i] == '\n' ? i + 1 : from;
        end = i + n;
    }
    if (end == s.n) {
        return (struct dr_str){"", 0};
    }
    end = s.n;
    for (size_t i = s.n; i > from; i -= n) {
        n = blank_at(s, i - 1);
        if (n == 0 && i - from > 1 && blank_at(s, i - 2) == 2) {
            n = 2;
        }
        if (n == 0) {
            break;
        }
        end = s.p[i - 1] == '\n' ? i - 1 : end;
    }
    end -= end > from && end < s.n && s.p[end - 1] == '\r';
    return (struct dr_str){s.p + from, end - from};
}

void apply_text(struct build *b, const struct text *given)
{
    struct text t = *given;
    size_t max = t.chars > 0 ? t.chars : t.bytes, taken;
    struct dr_str end = line_of(b, &t, DR_STR_LIT("\n")), gap, tail;
    struct dr_buf out;

    gap = line_of(b, &t, DR_STR_LIT("\n\n"));
    t.own = trim_lines(t.own);
    t.first = line_of(b, &t, dr_utf8_prefix(t.first, FIRST_MAX));
    t.last = line_of(b, &t, t.last);
    tail = cut_lines(b, &t, dr_str_trim(dr_buf_view(&b->description)), max);
    taken = size_of(&t, t.first) + size_of(&t, tail) + size_of(&t, t.last) +
            separators(&t);
    t.own = cut_own(b, &t, taken < max ? max - taken : 0, max);
    dr_buf_init(&out, (size_t)NOTE_MAX * 8);
    part(&out, t.first, gap);
    part(&out, t.own, gap);
    part(&out, tail, gap);
    part(&out, t.last, tail.n > 0 ? end : gap);
    build_field(b, dr_str_z(t.field), t.rule, DR_VAL_TEXT,
                build_dup(b, dr_buf_view(&out)));
    dr_buf_done(&out);
}

/* A second record of the same key, in the lane of notes. Fields of its own:
 * the first record's are used by that. */
size_t add_whole_text(struct build *b, struct dr_load out[LOADS_MAX], size_t n)
{
    struct text text = {.field = "description",
                        .source = DR_STR_LIT("body"),
                        .own = b->whole,
                        .html = b->whole_html,
                        .bytes = NOTE_MAX};
    struct dr_load head;

    if (!b->plan->long_notes || b->whole.n == 0) {
        return n;
    }
    b->fields = NULL;
    b->field_n = b->field_cap = 0;
    dr_buf_reset(&b->description);
    text.rule =
        build_printf(b, DR_STR_FMT ".whole", DR_STR_ARG(b->rec->object));
    text.first =
        build_printf(b, "The whole text of this " DR_STR_FMT " (FastTrack)",
                     DR_STR_ARG(b->rec->object));
    build_load(b, &head, "note");
    text.last = marker_line(b, head.marker);
    apply_text(b, &text);
    build_load(b, &out[n], "note");
    out[n].type = DR_STR_LIT("notes");
    build_hash(b, &out[n]);
    return n + 1;
}
