/* The character references of HTML that texts of CRMs use. */
#include "html.h"

#include <drover/base/attrs.h>

#define REPLACEMENT 0xfffd
/* No name and no number is longer: what runs on is text. */
#define ENTITY_MAX 12

/* U+00A0 to U+00FF in order. */
static const char *const latin1[96] = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar",
    "sect",   "uml",    "copy",   "ordf",   "laquo",  "not",    "shy",
    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",
    "micro",  "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",
    "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",
    "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute",
    "Ecirc",  "Euml",   "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",
    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",   "times",
    "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",
    "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",
    "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave",
    "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute",
    "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave", "uacute",
    "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};

static const struct {
    const char *name;
    uint32_t c;
} others[] = {{"amp", '&'},       {"lt", '<'},        {"gt", '>'},
              {"quot", '"'},      {"apos", '\''},     {"euro", 0x20ac},
              {"hellip", 0x2026}, {"mdash", 0x2014},  {"ndash", 0x2013},
              {"lsquo", 0x2018},  {"rsquo", 0x2019},  {"sbquo", 0x201a},
              {"ldquo", 0x201c},  {"rdquo", 0x201d},  {"bdquo", 0x201e},
              {"bull", 0x2022},   {"trade", 0x2122},  {"dagger", 0x2020},
              {"lsaquo", 0x2039}, {"rsaquo", 0x203a}, {"permil", 0x2030},
              {"OElig", 0x152},   {"oelig", 0x153},   {"Scaron", 0x160},
              {"scaron", 0x161},  {"Yuml", 0x178},    {"ensp", 0x2002},
              {"emsp", 0x2003},   {"thinsp", 0x2009}, {"zwnj", 0x200c},
              {"zwj", 0x200d},    {"larr", 0x2190},   {"rarr", 0x2192},
              {"minus", 0x2212},  {"le", 0x2264},     {"ge", 0x2265},
              {"ne", 0x2260},     {"infin", 0x221e},  {"check", 0x2713}};

/* Numbers 128 to 159 mean the characters of windows-1252 everywhere. */
static const uint16_t windows[32] = {
    0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
    0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};

void html_put_char(struct dr_buf *out, uint32_t c)
{
    if (c < 0x80) {
        dr_buf_ch(out, (char)c);
        return;
    }
    if (c < 0x800) {
        dr_buf_ch(out, (char)(unsigned char)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            dr_buf_ch(out, (char)(unsigned char)(0xe0 | c >> 12));
        } else {
            dr_buf_ch(out, (char)(unsigned char)(0xf0 | c >> 18));
            dr_buf_ch(out, (char)(unsigned char)(0x80 | (c >> 12 & 0x3f)));
        }
        dr_buf_ch(out, (char)(unsigned char)(0x80 | (c >> 6 & 0x3f)));
    }
    dr_buf_ch(out, (char)(unsigned char)(0x80 | (c & 0x3f)));
}

/* No control, no surrogate, nothing beyond Unicode comes out of a number. */
static uint32_t plausible(uint32_t c)
{
    if (c >= 0x80 && c < 0xa0) {
        return windows[c - 0x80];
    }
    if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f ||
        (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
        return REPLACEMENT;
    }
    return c;
}

static int digit(char c, uint32_t base)
{
    int v = c >= '0' && c <= '9'   ? c - '0'
            : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                   : 99;

    return v < (int)base ? v : -1;
}

static uint32_t number(struct dr_str s)
{
    uint32_t base = 10, c = 0;

    if (s.n > 0 && (s.p[0] == 'x' || s.p[0] == 'X')) {
        base = 16;
        s = (struct dr_str){s.p + 1, s.n - 1};
    }
    if (s.n == 0) {
        return 0;
    }
    for (size_t i = 0; i < s.n; i++) {
        int d = digit(s.p[i], base);
        if (d < 0) {
            return 0;
        }
        c = c > 0x10ffff ? c : c * base + (uint32_t)d;
    }
    return plausible(c);
}

static uint32_t named(struct dr_str s)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(others); i++) {
        if (dr_str_eqz(s, others[i].name)) {
            return others[i].c;
        }
    }
    for (uint32_t i = 0; i < DR_ARRAY_LEN(latin1); i++) {
        if (dr_str_eqz(s, latin1[i])) {
            return 0xa0 + i;
        }
    }
    return 0;
}

uint32_t html_entity(struct dr_str s, size_t *used)
{
    size_t n = 1;
    uint32_t c;

    while (n < s.n && n < ENTITY_MAX && s.p[n] != ';') {
        n++;
    }
    if (n < 2 || n >= s.n || s.p[n] != ';') {
        return 0;
    }
    c = s.p[1] == '#' ? number((struct dr_str){s.p + 2, n - 2})
                      : named((struct dr_str){s.p + 1, n - 1});
    *used = n + 1;
    return c;
}

bool html_decode(struct dr_str in, struct dr_buf *out)
{
    bool any = false;

    for (size_t i = 0; i < in.n;) {
        size_t used = 0;
        uint32_t c =
            in.p[i] == '&'
                ? html_entity((struct dr_str){in.p + i, in.n - i}, &used)
                : 0;
        if (c) {
            html_put_char(out, c);
            i += used;
            any = true;
        } else {
            dr_buf_ch(out, in.p[i++]);
        }
    }
    return any;
}
