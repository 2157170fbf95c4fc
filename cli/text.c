/* Escapes, widths, numbers and tables. */
#include "text.h"

#include <drover/base/err.h>

#define CELL_MAX ((size_t)1 << 20)
#define COLUMN_BYTES 8 /* at most, of a cell that is cut */

/* One character at p (n > 0 bytes): its length, 0 when it is no UTF-8. */
static size_t decode(const char *p, size_t n, uint32_t *out)
{
    unsigned char c = (unsigned char)*p;
    size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint32_t v = len == 1 ? c : c & (0xffU >> (len + 1));

    if (len > n || !dr_utf8_valid((struct dr_str){p, len})) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        v = v << 6 | ((unsigned char)p[i] & 0x3f);
    }
    *out = v;
    return len;
}

/* C0, DEL, C1, line and paragraph separators, everything that sets the
 * reading direction, and the byte order mark. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
           (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void text_esc(struct dr_buf *b, struct dr_str s)
{
    for (size_t i = 0; i < s.n;) {
        uint32_t c = 0;
        size_t len = decode(s.p + i, s.n - i, &c);
        if (len == 0) {
            dr_buf_printf(b, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
            len = 1;
        } else if (c == '\n' || c == '\t' || c == '\r') {
            dr_buf_z(b, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
        } else if (is_control(c)) {
            dr_buf_printf(b, c < 0x80 ? "\\x%02x" : "\\u{%x}", (unsigned)c);
        } else {
            dr_buf_add(b, s.p + i, len);
        }
        i += len;
    }
}

size_t text_cut_off(struct dr_str s)
{
    for (size_t back = 1; back <= 3 && back <= s.n; back++) {
        unsigned char c = (unsigned char)s.p[s.n - back];
        size_t len = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        if (c < 0x80 || c >= 0xc0) {
            return len > back ? back : 0;
        }
    }
    return 0;
}

static size_t char_width(uint32_t c)
{
    static const struct {
        uint32_t from, to;
        size_t width;
    } odd[] = {
        {0x300, 0x36f, 0},     {0x200b, 0x200d, 0}, {0x20d0, 0x20ff, 0},
        {0xfe00, 0xfe0f, 0},   {0x1100, 0x115f, 2}, {0x2e80, 0xa4cf, 2},
        {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2}, {0xfe30, 0xfe6f, 2},
        {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2}, {0x1f300, 0x1faff, 2},
        {0x20000, 0x3fffd, 2},
    };

    for (size_t i = 0; i < DR_ARRAY_LEN(odd); i++) {
        if (c >= odd[i].from && c <= odd[i].to) {
            return odd[i].width;
        }
    }
    return 1;
}

/* Columns of one character as text_esc shows it; len 0: it is none. */
static size_t shown_width(uint32_t c, size_t len)
{
    return len == 0                              ? 4
           : c == '\n' || c == '\t' || c == '\r' ? 2
           : !is_control(c)                      ? char_width(c)
           : c < 0x80                            ? 4
           : c < 0x100                           ? 6
           : c < 0x1000                          ? 7
                                                 : 8;
}

size_t text_width(struct dr_str s)
{
    size_t width = 0;

    for (size_t i = 0; i < s.n;) {
        uint32_t c = 0;
        size_t len = decode(s.p + i, s.n - i, &c);
        width += len ? char_width(c) : 1;
        i += len ? len : 1;
    }
    return width;
}

void text_count(struct dr_buf *b, int64_t n)
{
    char digits[24];
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    size_t at = sizeof(digits), count = 0;

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
        count++;
    } while (left > 0);
    if (n < 0) {
        dr_buf_ch(b, '-');
    }
    for (; count > 0; count--) {
        dr_buf_ch(b, digits[at++]);
        if (count % 3 == 1 && count > 1) {
            dr_buf_ch(b, ',');
        }
    }
}

void text_many(struct dr_buf *b, int64_t n, const char *one, const char *many)
{
    text_count(b, n);
    dr_buf_printf(b, " %s", n == 1 ? one : many);
}

void text_bytes(struct dr_buf *b, int64_t n)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    int64_t unit = 1024;
    size_t i = 0;

    if (n < unit) {
        dr_buf_printf(b, "%lld B", (long long)(n > 0 ? n : 0));
        return;
    }
    while (i + 1 < DR_ARRAY_LEN(units) && n / unit >= 1024) {
        unit *= 1024;
        i++;
    }
    dr_buf_printf(b, "%lld.%lld %s", (long long)(n / unit),
                  (long long)(n % unit * 10 / unit), units[i]);
}

void text_span(struct dr_buf *b, int64_t secs)
{
    long long s = secs < 0 ? 0 : secs;

    if (s < 60) {
        dr_buf_printf(b, "%lld s", s);
    } else if (s < 3600) {
        dr_buf_printf(b, "%lld min %02lld s", s / 60, s % 60);
    } else if (s < 86400) {
        dr_buf_printf(b, "%lld h %02lld min", s / 3600, s / 60 % 60);
    } else {
        dr_buf_printf(b, "%lld d %02lld h", s / 86400, s / 3600 % 24);
    }
}

void text_share(struct dr_buf *b, int64_t done, int64_t all)
{
    int64_t tenths;

    if (all <= 0 || done < 0) {
        return;
    }
    /* By steps of a thousandth of the whole: no product can overflow. */
    tenths = all < INT64_MAX / 1000 ? (done < all ? done * 1000 / all : 1000)
                                    : done / (all / 1000);
    if (tenths >= 1000) {
        tenths = done < all ? 999 : 1000;
    }
    dr_buf_printf(b, "%d.%d %%", (int)(tenths / 10), (int)(tenths % 10));
}

void text_styled(struct dr_buf *b, bool color, enum text_style style,
                 const char *z)
{
    static const char *const on[] = {"", "\033[32m", "\033[1;31m", "\033[33m",
                                     "\033[2m"};

    if (color && style != TEXT_PLAIN) {
        dr_buf_printf(b, "%s%s\033[0m", on[style], z);
    } else {
        dr_buf_z(b, z);
    }
}

/* ---- tables ---- */

struct text_cell {
    struct text_cell *next;
    struct dr_str text;
    size_t width;
};

void text_table_init(struct text_table *t, struct dr_arena *a, const char *spec,
                     const char *const *heads)
{
    *t = (struct text_table){.arena = a, .cols = dr_str_z(spec).n};
    DR_ASSERT(t->cols > 0 && t->cols <= TEXT_COLS);
    for (size_t i = 0; i < t->cols; i++) {
        t->right[i] = spec[i] == 'r';
    }
    for (size_t i = 0; heads && i < t->cols; i++) {
        text_cellz(t, heads[i]);
    }
}

void text_table_widen(struct text_table *t, const size_t width[TEXT_COLS])
{
    for (size_t i = 0; i < t->cols; i++) {
        t->width[i] = t->width[i] > width[i] ? t->width[i] : width[i];
    }
}

/* Takes text that is escaped already. */
static void add_cell(struct text_table *t, struct dr_str escaped)
{
    struct text_cell *c = dr_arena_alloc(t->arena, sizeof(*c));
    size_t col = t->cells % t->cols;

    if (!c) {
        dr_die(DR_EXIT_NOMEM, "table",
               "the table is larger than allowed: "
               "use --json");
    }
    c->text = dr_arena_dup(t->arena, escaped);
    c->width = text_width(c->text);
    if (c->width > t->width[col]) {
        t->width[col] = c->width;
    }
    if (t->last) {
        t->last->next = c;
    } else {
        t->first = c;
    }
    t->last = c;
    t->cells++;
}

void text_cell(struct text_table *t, struct dr_str s)
{
    struct dr_buf b;

    dr_buf_init(&b, CELL_MAX);
    text_esc(&b, s);
    add_cell(t, dr_buf_view(&b));
    dr_buf_done(&b);
}

void text_cellz(struct text_table *t, const char *z)
{
    text_cell(t, dr_str_z(z));
}

/* Bytes of s that take at most so many columns. Accents upon accents take
 * none, but room in memory. */
static size_t fitting(struct dr_str s, size_t columns)
{
    size_t at = 0, width = 0;

    while (at < s.n) {
        uint32_t c = 0;
        size_t len = decode(s.p + at, s.n - at, &c);
        width += shown_width(c, len);
        if (width > columns || at >= columns * COLUMN_BYTES) {
            break;
        }
        at += len ? len : 1;
    }
    return at;
}

void text_cell_cut(struct text_table *t, struct dr_str s, size_t columns)
{
    size_t n = fitting(s, columns);
    struct dr_buf b;

    dr_buf_init(&b, CELL_MAX);
    text_esc(&b, (struct dr_str){s.p, n});
    if (n < s.n) {
        dr_buf_z(&b, "...");
    }
    add_cell(t, dr_buf_view(&b));
    dr_buf_done(&b);
}

void text_cell_count(struct text_table *t, int64_t n)
{
    struct dr_buf b;

    dr_buf_init(&b, 64);
    text_count(&b, n);
    add_cell(t, dr_buf_view(&b));
    dr_buf_done(&b);
}

static void blanks(struct dr_buf *b, size_t n)
{
    while (n-- > 0) {
        dr_buf_ch(b, ' ');
    }
}

void text_table_print(const struct text_table *t, struct dr_buf *b,
                      const char *indent)
{
    size_t col = 0, pending = 0; /* blanks owed before the next text */

    for (const struct text_cell *c = t->first; c; c = c->next) {
        size_t pad = t->width[col] - c->width;
        if (col == 0) {
            dr_buf_z(b, indent);
            pending = 0;
        }
        if (t->right[col]) {
            pending += pad;
            pad = 0;
        }
        if (c->text.n > 0) {
            blanks(b, pending);
            dr_buf_str(b, c->text);
            pending = 0;
        }
        pending += pad + 2;
        if (++col == t->cols) {
            dr_buf_ch(b, '\n');
            col = 0;
        }
    }
}
