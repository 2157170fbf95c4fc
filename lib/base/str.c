/* Byte strings, strict integers, strict UTF-8 and the stable hash. */
#include <drover/base/str.h>

#include <string.h>

#include <drover/base/err.h>

struct dr_str dr_str_z(const char *z)
{
    return (struct dr_str){z, z ? strlen(z) : 0};
}

bool dr_str_eq(struct dr_str a, struct dr_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool dr_str_eqz(struct dr_str a, const char *z)
{
    return dr_str_eq(a, dr_str_z(z));
}

int dr_str_cmp(struct dr_str a, struct dr_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* strncasecmp would stop at a NUL and ask the locale. */
static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool dr_str_ieq(struct dr_str a, struct dr_str b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if (fold(a.p[i]) != fold(b.p[i])) {
            return false;
        }
    }
    return true;
}

bool dr_str_starts(struct dr_str s, struct dr_str prefix)
{
    return s.n >= prefix.n &&
           (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool dr_str_ends(struct dr_str s, struct dr_str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 ||
            memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct dr_str dr_str_trim(struct dr_str s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

size_t dr_str_find(struct dr_str hay, struct dr_str needle)
{
    const char *at;

    if (needle.n == 0) {
        return 0;
    }
    at = hay.n ? memmem(hay.p, hay.n, needle.p, needle.n) : NULL;
    return at ? (size_t)(at - hay.p) : SIZE_MAX;
}

struct dr_str dr_str_split(struct dr_str *rest, char sep)
{
    struct dr_str head = *rest;
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;

    if (!at) {
        *rest = (struct dr_str){NULL, 0};
        return head;
    }
    head.n = (size_t)(at - head.p);
    rest->p = at + 1;
    rest->n -= head.n + 1;
    return head;
}

int dr_str_u64(struct dr_str s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0) {
        return -1;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' ||
            __builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v)) {
            return -1;
        }
    }
    *out = v;
    return 0;
}

int dr_str_i64(struct dr_str s, int64_t *out)
{
    bool neg = s.n > 0 && s.p[0] == '-';
    uint64_t v;

    if (neg) {
        s.p++;
        s.n--;
    }
    if (dr_str_u64(s, &v) || v > (uint64_t)INT64_MAX + (neg ? 1 : 0)) {
        return -1;
    }
    *out = neg ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

/* Length of the valid sequence at p, 0 when there is none. */
static size_t utf8_seq(const unsigned char *p, size_t n)
{
    unsigned char c = p[0];

    if (c < 0x80) {
        return 1;
    }
    if (c < 0xc2) {
        return 0;
    }
    if (c < 0xe0) {
        return n > 1 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
    }
    if (c < 0xf0) {
        if (n < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
            (c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f)) {
            return 0;
        }
        return 3;
    }
    if (c > 0xf4 || n < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
        (p[3] & 0xc0) != 0x80 || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return 4;
}

bool dr_utf8_valid(struct dr_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;

    while (i < s.n) {
        uint64_t eight;
        size_t len;
        if (s.n - i >= 8) {
            memcpy(&eight, p + i, 8);
            if ((eight & 0x8080808080808080u) == 0) {
                i += 8;
                continue;
            }
        }
        len = utf8_seq(p + i, s.n - i);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}

bool dr_text_valid(struct dr_str s)
{
    return dr_utf8_valid(s) && (s.n == 0 || !memchr(s.p, '\0', s.n));
}

size_t dr_utf8_count(struct dr_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    }
    return n;
}

struct dr_str dr_utf8_prefix(struct dr_str s, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (((unsigned char)s.p[i] & 0xc0) != 0x80 && n++ == max) {
            s.n = i;
            break;
        }
    }
    return s;
}

uint64_t dr_hash64(struct dr_str s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < s.n; i++) {
        h ^= (unsigned char)s.p[i];
        h *= 0x100000001b3u;
    }
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    return h;
}

int32_t dr_partition(struct dr_str key, int32_t n)
{
    DR_ASSERT(n > 0);
    return (int32_t)(dr_hash64(key) % (uint64_t)n);
}
