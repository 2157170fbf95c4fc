/* The character references of HTML that texts of CRMs use. */
#include "html.h"

#include <drover/base/attrs.h>

#define REPLACEMENT 0xfffd
/* No name and no number is longer: what runs on is text. */
#define NAME_MAX 8
#define DIGITS_MAX 9

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

/* The others of HTML 4, by their characters; apos and check are of HTML 5. */
static const struct {
    const char *name;
    uint16_t c;
} others[] = {{"quot", '"'},       {"amp", '&'},       {"apos", '\''},
              {"lt", '<'},         {"gt", '>'},        {"OElig", 0x152},
              {"oelig", 0x153},    {"Scaron", 0x160},  {"scaron", 0x161},
              {"Yuml", 0x178},     {"fnof", 0x192},    {"circ", 0x2c6},
              {"tilde", 0x2dc},    {"Alpha", 0x391},   {"Beta", 0x392},
              {"Gamma", 0x393},    {"Delta", 0x394},   {"Epsilon", 0x395},
              {"Zeta", 0x396},     {"Eta", 0x397},     {"Theta", 0x398},
              {"Iota", 0x399},     {"Kappa", 0x39a},   {"Lambda", 0x39b},
              {"Mu", 0x39c},       {"Nu", 0x39d},      {"Xi", 0x39e},
              {"Omicron", 0x39f},  {"Pi", 0x3a0},      {"Rho", 0x3a1},
              {"Sigma", 0x3a3},    {"Tau", 0x3a4},     {"Upsilon", 0x3a5},
              {"Phi", 0x3a6},      {"Chi", 0x3a7},     {"Psi", 0x3a8},
              {"Omega", 0x3a9},    {"alpha", 0x3b1},   {"beta", 0x3b2},
              {"gamma", 0x3b3},    {"delta", 0x3b4},   {"epsilon", 0x3b5},
              {"zeta", 0x3b6},     {"eta", 0x3b7},     {"theta", 0x3b8},
              {"iota", 0x3b9},     {"kappa", 0x3ba},   {"lambda", 0x3bb},
              {"mu", 0x3bc},       {"nu", 0x3bd},      {"xi", 0x3be},
              {"omicron", 0x3bf},  {"pi", 0x3c0},      {"rho", 0x3c1},
              {"sigmaf", 0x3c2},   {"sigma", 0x3c3},   {"tau", 0x3c4},
              {"upsilon", 0x3c5},  {"phi", 0x3c6},     {"chi", 0x3c7},
              {"psi", 0x3c8},      {"omega", 0x3c9},   {"thetasym", 0x3d1},
              {"upsih", 0x3d2},    {"piv", 0x3d6},     {"ensp", 0x2002},
              {"emsp", 0x2003},    {"thinsp", 0x2009}, {"zwnj", 0x200c},
              {"zwj", 0x200d},     {"lrm", 0x200e},    {"rlm", 0x200f},
              {"ndash", 0x2013},   {"mdash", 0x2014},  {"lsquo", 0x2018},
              {"rsquo", 0x2019},   {"sbquo", 0x201a},  {"ldquo", 0x201c},
              {"rdquo", 0x201d},   {"bdquo", 0x201e},  {"dagger", 0x2020},
              {"Dagger", 0x2021},  {"bull", 0x2022},   {"hellip", 0x2026},
              {"permil", 0x2030},  {"prime", 0x2032},  {"Prime", 0x2033},
              {"lsaquo", 0x2039},  {"rsaquo", 0x203a}, {"oline", 0x203e},
              {"frasl", 0x2044},   {"euro", 0x20ac},   {"image", 0x2111},
              {"weierp", 0x2118},  {"real", 0x211c},   {"trade", 0x2122},
              {"alefsym", 0x2135}, {"larr", 0x2190},   {"uarr", 0x2191},
              {"rarr", 0x2192},    {"darr", 0x2193},   {"harr", 0x2194},
              {"crarr", 0x21b5},   {"lArr", 0x21d0},   {"uArr", 0x21d1},
              {"rArr", 0x21d2},    {"dArr", 0x21d3},   {"hArr", 0x21d4},
              {"forall", 0x2200},  {"part", 0x2202},   {"exist", 0x2203},
              {"empty", 0x2205},   {"nabla", 0x2207},  {"isin", 0x2208},
              {"notin", 0x2209},   {"ni", 0x220b},     {"prod", 0x220f},
              {"sum", 0x2211},     {"minus", 0x2212},  {"lowast", 0x2217},
              {"radic", 0x221a},   {"prop", 0x221d},   {"infin", 0x221e},
              {"ang", 0x2220},     {"and", 0x2227},    {"or", 0x2228},
              {"cap", 0x2229},     {"cup", 0x222a},    {"int", 0x222b},
              {"there4", 0x2234},  {"sim", 0x223c},    {"cong", 0x2245},
              {"asymp", 0x2248},   {"ne", 0x2260},     {"equiv", 0x2261},
              {"le", 0x2264},      {"ge", 0x2265},     {"sub", 0x2282},
              {"sup", 0x2283},     {"nsub", 0x2284},   {"sube", 0x2286},
              {"supe", 0x2287},    {"oplus", 0x2295},  {"otimes", 0x2297},
              {"perp", 0x22a5},    {"sdot", 0x22c5},   {"lceil", 0x2308},
              {"rceil", 0x2309},   {"lfloor", 0x230a}, {"rfloor", 0x230b},
              {"lang", 0x2329},    {"rang", 0x232a},   {"loz", 0x25ca},
              {"spades", 0x2660},  {"clubs", 0x2663},  {"hearts", 0x2665},
              {"diams", 0x2666},   {"check", 0x2713}};

/* With those of latin1 what browsers take without the semicolon: so it was
 * written before HTML 4, and so templates still write it. */
static const struct {
    const char *name;
    char c;
} bare[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}};

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

/* *n: how many bytes are of the number. */
static uint32_t number(struct dr_str s, size_t *n)
{
    size_t hex = s.n > 0 && (s.p[0] == 'x' || s.p[0] == 'X');
    uint32_t base = hex ? 16 : 10, c = 0;
    size_t i = hex;

    while (i < s.n && i <= hex + DIGITS_MAX && digit(s.p[i], base) >= 0) {
        c = c > 0x10ffff ? c : c * base + (uint32_t)digit(s.p[i], base);
        i++;
    }
    *n = i;
    return i > hex && i <= hex + DIGITS_MAX ? plausible(c) : 0;
}

static uint32_t of_latin1(struct dr_str s)
{
    for (uint32_t i = 0; i < DR_ARRAY_LEN(latin1); i++) {
        if (dr_str_eqz(s, latin1[i])) {
            return 0xa0 + i;
        }
    }
    return 0;
}

static uint32_t named(struct dr_str s)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(others); i++) {
        if (dr_str_eqz(s, others[i].name)) {
            return others[i].c;
        }
    }
    return of_latin1(s);
}

static uint32_t named_bare(struct dr_str s)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(bare); i++) {
        if (dr_str_eqz(s, bare[i].name)) {
            return (unsigned char)bare[i].c;
        }
    }
    return of_latin1(s);
}

static uint32_t by_number(struct dr_str s, bool html, size_t *used)
{
    size_t n;
    uint32_t c = number((struct dr_str){s.p + 2, s.n - 2}, &n);
    bool closed = 2 + n < s.n && s.p[2 + n] == ';';

    *used = 2 + n + closed;
    return closed || html ? c : 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

/* Without the semicolon the longest name counts, as in a browser. */
static uint32_t by_name(struct dr_str s, bool html, size_t *used)
{
    size_t n = 1;
    uint32_t c;

    while (n < s.n && n <= NAME_MAX && is_letter(s.p[n])) {
        n++;
    }
    *used = n + 1;
    c = n < s.n && s.p[n] == ';' ? named((struct dr_str){s.p + 1, n - 1}) : 0;
    while (html && !c && n > 2) {
        c = named_bare((struct dr_str){s.p + 1, n - 1});
        *used = n--;
    }
    return c;
}

uint32_t html_entity(struct dr_str s, bool html, size_t *used)
{
    return s.n > 2 && s.p[1] == '#' ? by_number(s, html, used)
                                    : by_name(s, html, used);
}

bool html_decode(struct dr_str in, struct dr_buf *out)
{
    bool any = false;

    for (size_t i = 0; i < in.n;) {
        size_t used = 0;
        uint32_t c =
            in.p[i] == '&'
                ? html_entity((struct dr_str){in.p + i, in.n - i}, false, &used)
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
