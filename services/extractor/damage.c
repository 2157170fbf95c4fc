#include "damage.h"

#include <string.h>

#include <drover/base/attrs.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_one_of(struct dr_str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (dr_str_eqz(s, words[i])) {
            return true;
        }
    }
    return false;
}

/* One digit, a mark with more, E, a sign and two or three digits: as Excel
 * and its like show what is too long for the column. */
static bool rounded(struct dr_str s)
{
    size_t i = s.n > 0 && s.p[0] == '-';
    size_t from;

    if (i >= s.n || !digit(s.p[i++])) {
        return false;
    }
    if (i < s.n && (s.p[i] == '.' || s.p[i] == ',')) {
        from = ++i;
        while (i < s.n && digit(s.p[i])) {
            i++;
        }
        if (i == from) {
            return false;
        }
    }
    if (i + 2 > s.n || s.p[i] != 'E' ||
        (s.p[i + 1] != '+' && s.p[i + 1] != '-')) {
        return false;
    }
    from = i += 2;
    while (i < s.n && digit(s.p[i])) {
        i++;
    }
    return i == s.n && i - from >= 2 && i - from <= 3;
}

/* A day's number: 10000 is in 1927, 99999 in 2173; and a part of the day. */
static bool serial(struct dr_str s)
{
    size_t i = 0;

    while (i < s.n && digit(s.p[i])) {
        i++;
    }
    if (i != 5 || s.p[0] == '0') {
        return false;
    }
    if (i < s.n && (s.p[i] == '.' || s.p[i] == ',')) {
        i++;
        while (i < s.n && digit(s.p[i])) {
            i++;
        }
    }
    return i == s.n;
}

static bool error_value(struct dr_str s)
{
    static const char *const words[] = {"#NAME?", "#REF!",   "#VALUE!",
                                        "#NUM!",  "#DIV/0!", "#N/A",
                                        "#NULL!", "#CALC!",  "#SPILL!"};
    size_t i = 0;

    while (i < s.n && s.p[i] == '#') {
        i++;
    }
    return (i == s.n && i >= 3) || is_one_of(s, words, DR_ARRAY_LEN(words));
}

/* "…and 12 more" or "... and 12 more" at the end. */
static bool cut(struct dr_str s)
{
    static const char more[] = " more";
    size_t i = s.n;

    if (!dr_str_ends(s, dr_str_z(more))) {
        return false;
    }
    i -= sizeof(more) - 1;
    s.n = i;
    while (i > 0 && digit(s.p[i - 1])) {
        i--;
    }
    if (i == s.n) {
        return false;
    }
    s.n = i;
    if (!dr_str_ends(s, DR_STR_LIT("and "))) {
        return false;
    }
    s.n -= 4;
    s = dr_str_trim(s);
    return dr_str_ends(s, DR_STR_LIT("...")) ||
           dr_str_ends(s, DR_STR_LIT("\xe2\x80\xa6"));
}

enum damage damage_of(struct dr_str type, struct dr_str text)
{
    static const char *const prose[] = {"text", "html", "json"};
    bool is_date = dr_str_eqz(type, "date") || dr_str_eqz(type, "datetime");

    text = dr_str_trim(text);
    if (is_one_of(type, prose, DR_ARRAY_LEN(prose))) {
        return DAMAGE_NONE; /* people may write about such things */
    }
    return rounded(text)                              ? DAMAGE_ROUNDED
           : is_date && serial(text)                  ? DAMAGE_SERIAL
           : error_value(text)                        ? DAMAGE_ERROR
           : cut(text) && !dr_str_eqz(type, "string") ? DAMAGE_CUT
                                                      : DAMAGE_NONE;
}

bool damage_unwrap(struct dr_str text, struct dr_str *inside)
{
    if (text.n < 3 || text.p[0] != '=' || text.p[1] != '"' ||
        text.p[text.n - 1] != '"' ||
        memchr(text.p + 2, '"', text.n - 3) != NULL) {
        return false;
    }
    *inside = (struct dr_str){text.p + 2, text.n - 3};
    return true;
}

bool damage_guarded(struct dr_str text)
{
    return text.n >= 2 && text.p[0] == '\'' &&
           memchr("=+-@", text.p[1], 4) != NULL;
}

/* ---- numbers ---- */

bool damage_is_number(struct dr_str type)
{
    static const char *const words[] = {"int", "decimal", "money", "percent",
                                        "duration"};

    return is_one_of(type, words, DR_ARRAY_LEN(words));
}

/* A blank, a no-break one or an apostrophe between thousands: its length. */
static size_t gap(struct dr_str s, size_t i)
{
    static const char *const marks[] = {" ", "'", "\xc2\xa0", "\xe2\x80\xaf",
                                        "\xe2\x80\x99"};

    for (size_t k = 0; k < DR_ARRAY_LEN(marks); k++) {
        struct dr_str m = dr_str_z(marks[k]);
        struct dr_str rest = {s.p + i, s.n - i};
        if (dr_str_starts(rest, m)) {
            return m.n;
        }
    }
    return 0;
}

bool number_plain(struct dr_str text, char decimal, char *out, size_t *n_out)
{
    char other = decimal == ',' ? '.' : ',';
    size_t i = 0, run = 0, marks = 0;
    size_t n = 0;
    char plain[64];

    text = dr_str_trim(text);
    if (text.n == 0 || text.n >= sizeof(plain)) {
        return false;
    }
    if (text.p[0] == '-' || text.p[0] == '+') {
        if (text.p[i++] == '-') {
            plain[n++] = '-';
        }
    }
    while (i < text.n && text.p[i] != decimal) {
        size_t g = text.p[i] == other ? 1 : gap(text, i);
        if (digit(text.p[i])) {
            plain[n++] = text.p[i++];
            run++;
        } else if (g > 0 && run > 0 && run <= 3 && (marks == 0 || run == 3)) {
            marks++;
            run = 0;
            i += g;
        } else {
            return false;
        }
    }
    if (run == 0 || (marks > 0 && run != 3)) {
        return false;
    }
    if (i < text.n) {
        plain[n++] = '.';
        for (i++, run = 0; i < text.n && digit(text.p[i]); i++, run++) {
            plain[n++] = text.p[i];
        }
    }
    if (i < text.n || run == 0) {
        return false;
    }
    memcpy(out, plain, n);
    *n_out = n;
    return true;
}

enum number_form number_form(struct dr_str text)
{
    char out[64];
    size_t n;
    struct dr_str s = dr_str_trim(text);
    bool point = s.n < sizeof(out) && memchr(s.p, '.', s.n) != NULL;
    bool comma = s.n < sizeof(out) && memchr(s.p, ',', s.n) != NULL;
    bool as_point = (point || comma) && number_plain(s, '.', out, &n);
    bool as_comma = (point || comma) && number_plain(s, ',', out, &n);

    return as_point && as_comma ? NUMBER_EITHER
           : as_point           ? NUMBER_POINT
           : as_comma           ? NUMBER_COMMA
                                : NUMBER_OTHER;
}
