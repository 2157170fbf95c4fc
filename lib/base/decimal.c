/* Schoolbook decimal arithmetic on digit arrays: exact, bounded, no heap. */
#include <drover/base/decimal.h>

#include <string.h>

void dr_dec_zero(struct dr_dec *out)
{
    memset(out, 0, sizeof(*out));
}

/* Drops leading zeros before the point; zero has no digits and no sign. */
static void normalise(struct dr_dec *a)
{
    unsigned lead = 0;

    while (lead < a->n && a->d[lead] == 0 &&
           (unsigned)(a->n - lead) > a->scale) {
        lead++;
    }
    if (lead > 0) {
        memmove(a->d, a->d + lead, (size_t)a->n - lead);
        a->n = (uint8_t)(a->n - lead);
    }
    if (dr_dec_is_zero(a)) {
        a->neg = false;
    }
}

static int parse_plain(struct dr_str s, struct dr_dec *out)
{
    struct dr_dec r;
    bool point = false, digit_after = true, digit = false;

    dr_dec_zero(&r);
    if (s.n > 0 && s.p[0] == '-') {
        r.neg = true;
        s.p++;
        s.n--;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.') {
            if (point || !digit) {
                return -1;
            }
            point = true;
            digit_after = false;
            continue;
        }
        if (s.p[i] < '0' || s.p[i] > '9') {
            return -1;
        }
        digit = digit_after = true;
        if (!point && r.n == 0 && s.p[i] == '0') {
            continue; /* a leading zero */
        }
        if (r.n == DR_DEC_DIGITS) {
            return -1;
        }
        r.d[r.n++] = (uint8_t)(s.p[i] - '0');
        r.scale = (uint8_t)(r.scale + point);
    }
    if (!digit || !digit_after) {
        return -1;
    }
    normalise(&r);
    *out = r;
    return 0;
}

int dr_dec_parse(struct dr_str s, struct dr_dec *out)
{
    return parse_plain(s, out);
}

/* Moves the point by e places. Zeros at the end must not make it too long. */
static int shift(struct dr_dec *a, int64_t e)
{
    if (dr_dec_is_zero(a)) {
        dr_dec_zero(a);
        return 0;
    }
    while (e < 0 && a->scale > 0 && a->d[a->n - 1] == 0) {
        a->n--;
        a->scale--;
    }
    while (e < 0 && a->scale == 0 && a->n > 0 && a->d[a->n - 1] == 0) {
        a->n--;
        e++;
    }
    for (; e > 0; e--) {
        if (a->scale > 0) {
            a->scale--;
            continue;
        }
        if (a->n == DR_DEC_DIGITS) {
            normalise(a); /* zeros in front are room */
        }
        if (a->n == DR_DEC_DIGITS) {
            return -1;
        }
        a->d[a->n++] = 0;
    }
    for (; e < 0; e++) {
        if (a->scale == DR_DEC_DIGITS) {
            return -1;
        }
        a->scale++;
        if (a->scale > a->n) {
            memmove(a->d + 1, a->d, a->n);
            a->d[0] = 0;
            a->n++;
        }
    }
    normalise(a);
    return 0;
}

int dr_dec_parse_json(struct dr_str s, struct dr_dec *out)
{
    struct dr_dec r;
    int64_t e = 0;
    size_t at = 0;

    while (at < s.n && s.p[at] != 'e' && s.p[at] != 'E') {
        at++;
    }
    if (at < s.n) {
        struct dr_str exp = {s.p + at + 1, s.n - at - 1};
        if (exp.n > 1 && exp.p[0] == '+' && exp.p[1] != '-') {
            exp.p++;
            exp.n--;
        }
        if (dr_str_i64(exp, &e)) {
            return -1;
        }
    }
    if (parse_plain((struct dr_str){s.p, at}, &r)) {
        return -1;
    }
    if (e > 2 * DR_DEC_DIGITS || e < -2 * DR_DEC_DIGITS) {
        e = e > 0 ? 2 * DR_DEC_DIGITS : -2 * DR_DEC_DIGITS; /* fits no more */
    }
    if (shift(&r, e)) {
        return -1;
    }
    *out = r;
    return 0;
}

bool dr_dec_is_zero(const struct dr_dec *a)
{
    for (unsigned i = 0; i < a->n; i++) {
        if (a->d[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Working form: digits least significant first around a common point. */
struct wide {
    uint8_t d[2 * DR_DEC_DIGITS + 2];
};

#define WIDE_POINT DR_DEC_DIGITS
#define WIDE_N (2 * DR_DEC_DIGITS + 2)

static void widen(const struct dr_dec *a, struct wide *w)
{
    memset(w, 0, sizeof(*w));
    for (unsigned i = 0; i < a->n; i++) {
        /* digit i has weight 10^(n - 1 - i - scale) */
        w->d[WIDE_POINT + (int)a->n - 1 - (int)i - (int)a->scale] = a->d[i];
    }
}

static int narrow(const struct wide *w, bool neg, struct dr_dec *out)
{
    int hi = WIDE_N - 1, lo = 0;
    struct dr_dec r;

    while (hi >= WIDE_POINT && w->d[hi] == 0) {
        hi--;
    }
    while (lo < WIDE_POINT && w->d[lo] == 0) {
        lo++;
    }
    if (hi - lo + 1 > DR_DEC_DIGITS) {
        return -1;
    }
    dr_dec_zero(&r);
    r.neg = neg;
    r.scale = (uint8_t)(WIDE_POINT - lo);
    for (int i = hi; i >= lo; i--) {
        r.d[r.n++] = w->d[i];
    }
    normalise(&r);
    *out = r;
    return 0;
}

static int wide_cmp(const struct wide *a, const struct wide *b)
{
    for (int i = WIDE_N - 1; i >= 0; i--) {
        if (a->d[i] != b->d[i]) {
            return a->d[i] > b->d[i] ? 1 : -1;
        }
    }
    return 0;
}

static void wide_add(struct wide *a, const struct wide *b)
{
    int carry = 0;

    for (int i = 0; i < WIDE_N; i++) {
        int v = a->d[i] + b->d[i] + carry;
        a->d[i] = (uint8_t)(v % 10);
        carry = v / 10;
    }
}

/* a -= b, where a >= b */
static void wide_sub(struct wide *a, const struct wide *b)
{
    int borrow = 0;

    for (int i = 0; i < WIDE_N; i++) {
        int v = a->d[i] - b->d[i] - borrow;
        borrow = v < 0;
        a->d[i] = (uint8_t)(v < 0 ? v + 10 : v);
    }
}

static int add_signed(const struct dr_dec *a, const struct dr_dec *b,
                      bool flip_b, struct dr_dec *out)
{
    struct wide wa, wb;
    bool bneg = b->neg != flip_b;

    widen(a, &wa);
    widen(b, &wb);
    if (a->neg == bneg) {
        wide_add(&wa, &wb);
        return narrow(&wa, a->neg, out);
    }
    if (wide_cmp(&wa, &wb) >= 0) {
        wide_sub(&wa, &wb);
        return narrow(&wa, a->neg, out);
    }
    wide_sub(&wb, &wa);
    return narrow(&wb, bneg, out);
}

int dr_dec_add(const struct dr_dec *a, const struct dr_dec *b,
               struct dr_dec *out)
{
    return add_signed(a, b, false, out);
}

int dr_dec_sub(const struct dr_dec *a, const struct dr_dec *b,
               struct dr_dec *out)
{
    return add_signed(a, b, true, out);
}

int dr_dec_mul(const struct dr_dec *a, const struct dr_dec *b,
               struct dr_dec *out)
{
    unsigned acc[2 * DR_DEC_DIGITS] = {0}; /* least significant first */
    unsigned n = (unsigned)a->n + b->n;
    unsigned scale = (unsigned)a->scale + b->scale;
    unsigned lo = 0;
    struct dr_dec r;

    for (unsigned i = 0; i < a->n; i++) {
        for (unsigned j = 0; j < b->n; j++) {
            acc[(a->n - 1u - i) + (b->n - 1u - j)] +=
                (unsigned)a->d[i] * b->d[j];
        }
    }
    for (unsigned i = 0; i + 1 < n; i++) {
        acc[i + 1] += acc[i] / 10;
        acc[i] %= 10;
    }
    while (n > scale && n > 0 && acc[n - 1] == 0) {
        n--;
    }
    while (lo < scale && acc[lo] == 0) {
        lo++;
    }
    if (n - lo > DR_DEC_DIGITS || scale - lo > DR_DEC_DIGITS) {
        return -1;
    }
    dr_dec_zero(&r);
    r.neg = a->neg != b->neg;
    r.scale = (uint8_t)(scale - lo);
    for (unsigned i = n; i > lo; i--) {
        r.d[r.n++] = (uint8_t)acc[i - 1];
    }
    normalise(&r);
    *out = r;
    return 0;
}

int dr_dec_cmp(const struct dr_dec *a, const struct dr_dec *b)
{
    struct wide wa, wb;
    int c;

    if (a->neg != b->neg) {
        return a->neg ? -1 : 1;
    }
    widen(a, &wa);
    widen(b, &wb);
    c = wide_cmp(&wa, &wb);
    return a->neg ? -c : c;
}

void dr_dec_round(struct dr_dec *a, unsigned scale)
{
    bool up;
    struct dr_dec one;

    if (a->scale <= scale) {
        return;
    }
    up = false;
    while (a->scale > scale) {
        up = a->n > 0 && a->d[a->n - 1] >= 5;
        a->scale--;
        if (a->n > 0) {
            a->n--;
        }
    }
    if (up) {
        dr_dec_zero(&one);
        one.neg = a->neg;
        one.scale = (uint8_t)scale;
        one.n = (uint8_t)(scale + 1);
        one.d[scale] = 1;
        /* One digit fewer than before: it fits. */
        (void)!dr_dec_add(a, &one, a);
    }
    normalise(a);
}

static const char *print(const struct dr_dec *a, char out[DR_DEC_TEXT],
                         unsigned min_scale)
{
    unsigned scale = a->scale, whole, at = 0;

    while (scale > min_scale && scale > 0 &&
           a->d[a->n - 1u - (a->scale - scale)] == 0) {
        scale--;
    }
    whole = (unsigned)a->n - a->scale;
    if (a->neg) {
        out[at++] = '-';
    }
    if (whole == 0) {
        out[at++] = '0';
    }
    for (unsigned i = 0; i < whole; i++) {
        out[at++] = (char)('0' + a->d[i]);
    }
    if (scale > 0 || min_scale > 0) {
        out[at++] = '.';
    }
    for (unsigned i = 0; i < scale; i++) {
        out[at++] = (char)('0' + a->d[whole + i]);
    }
    for (unsigned i = scale; i < min_scale; i++) {
        out[at++] = '0';
    }
    out[at] = '\0';
    return out;
}

const char *dr_dec_text(const struct dr_dec *a, char out[DR_DEC_TEXT])
{
    return print(a, out, 0);
}

const char *dr_dec_money(const struct dr_dec *a, char out[DR_DEC_TEXT])
{
    return print(a, out, 1);
}
