/*
 * The reader: one pass, no recursion, nodes in the arena. Members of large
 * objects are checked for duplicates by sorting, so that a hostile object
 * cannot cost quadratic time.
 */
#include <drover/json/json.h>

#include <stdlib.h>
#include <string.h>

#define DEFAULT_BYTES ((size_t)8 << 20)
#define DEFAULT_DEPTH 64
#define DEFAULT_NODES ((size_t)1000000)
#define MAX_DEPTH 1024
#define SMALL_OBJECT 16 /* up to here members are compared pairwise */

struct reader {
    struct dr_arena *arena;
    const char *p, *end, *start;
    size_t nodes, max_nodes;
    unsigned max_depth;
    const char *why;
};

static bool fail(struct reader *r, const char *why)
{
    if (!r->why) {
        r->why = why;
    }
    return false;
}

static void skip_blanks(struct reader *r)
{
    while (r->p < r->end &&
           (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t')) {
        r->p++;
    }
}

static struct dr_json *new_node(struct reader *r)
{
    struct dr_json *j;

    if (r->nodes++ >= r->max_nodes) {
        fail(r, "too many values");
        return NULL;
    }
    j = dr_arena_alloc(r->arena, sizeof(*j));
    if (!j) {
        fail(r, "larger than the memory allowed for one record");
    }
    return j;
}

static int hex4(const char *p, const char *end, unsigned *out)
{
    unsigned v = 0;

    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        unsigned d;
        if (c >= '0' && c <= '9') {
            d = (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            d = (unsigned)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            d = (unsigned)(c - 'A') + 10;
        } else {
            return -1;
        }
        v = v * 16 + d;
    }
    *out = v;
    return 0;
}

static char *put_utf8(char *o, unsigned c)
{
    if (c < 0x80) {
        *o++ = (char)c;
    } else if (c < 0x800) {
        *o++ = (char)(0xc0 | (c >> 6));
        *o++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *o++ = (char)(0xe0 | (c >> 12));
        *o++ = (char)(0x80 | ((c >> 6) & 0x3f));
        *o++ = (char)(0x80 | (c & 0x3f));
    } else {
        *o++ = (char)(0xf0 | (c >> 18));
        *o++ = (char)(0x80 | ((c >> 12) & 0x3f));
        *o++ = (char)(0x80 | ((c >> 6) & 0x3f));
        *o++ = (char)(0x80 | (c & 0x3f));
    }
    return o;
}

/* \uXXXX at *pp (after the u); surrogates must come in pairs. */
static bool unicode_escape(struct reader *r, const char **pp, const char *end,
                           char **out)
{
    unsigned hi, lo;

    if (hex4(*pp, end, &hi)) {
        return fail(r, "a \\u escape needs four hex digits");
    }
    *pp += 4;
    if (hi >= 0xdc00 && hi <= 0xdfff) {
        return fail(r, "a lone surrogate");
    }
    if (hi >= 0xd800 && hi <= 0xdbff) {
        if (end - *pp < 6 || (*pp)[0] != '\\' || (*pp)[1] != 'u' ||
            hex4(*pp + 2, end, &lo) || lo < 0xdc00 || lo > 0xdfff) {
            return fail(r, "a lone surrogate");
        }
        *pp += 6;
        hi = 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00);
    }
    *out = put_utf8(*out, hi);
    return true;
}

static bool unescape(struct reader *r, const char *p, const char *end,
                     struct dr_str *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    char *buf = dr_arena_alloc(r->arena, (size_t)(end - p) + 1);
    char *o = buf;

    if (!buf) {
        return fail(r, "larger than the memory allowed for one record");
    }
    while (p < end) {
        const char *at;
        if (*p != '\\') {
            *o++ = *p++;
            continue;
        }
        p++;
        if (*p == 'u') {
            p++;
            if (!unicode_escape(r, &p, end, &o)) {
                return false;
            }
            continue;
        }
        at = memchr(from, *p, sizeof(from) - 1);
        if (!at) {
            return fail(r, "an unknown escape");
        }
        *o++ = to[at - from];
        p++;
    }
    *out = (struct dr_str){buf, (size_t)(o - buf)};
    return true;
}

/* True when one of the eight bytes needs a closer look: quote, backslash or
 * a control character. The usual has-zero and has-less tricks. */
static bool stop_in_eight(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t v, quote, slash;

    memcpy(&v, p, 8);
    quote = v ^ (ones * '"');
    slash = v ^ (ones * '\\');
    return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
            ((v - ones * 0x20) & ~v)) &
           highs;
}

/* *p stands on the opening quote. */
static bool read_string(struct reader *r, struct dr_str *out)
{
    const char *from = ++r->p;
    bool escaped = false;
    struct dr_str raw;

    for (;;) {
        while (r->end - r->p >= 8 && !stop_in_eight(r->p)) {
            r->p += 8;
        }
        if (r->p >= r->end) {
            return fail(r, "a string without end");
        }
        if (*r->p == '"') {
            break;
        }
        if ((unsigned char)*r->p < 0x20) {
            return fail(r, "a control character in a string");
        }
        if (*r->p == '\\') {
            escaped = true;
            r->p++;
            if (r->p >= r->end) {
                return fail(r, "a string without end");
            }
        }
        r->p++;
    }
    raw = (struct dr_str){from, (size_t)(r->p - from)};
    r->p++;
    if (!dr_utf8_valid(raw)) {
        return fail(r, "text that is not valid UTF-8");
    }
    if (escaped) {
        return unescape(r, raw.p, raw.p + raw.n, out);
    }
    *out = raw;
    return true;
}

static bool digits(struct reader *r)
{
    const char *from = r->p;

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9') {
        r->p++;
    }
    return r->p > from;
}

static bool read_number(struct reader *r, struct dr_str *out)
{
    const char *from = r->p;

    if (*r->p == '-') {
        r->p++;
    }
    if (r->p < r->end && *r->p == '0') {
        r->p++;
    } else if (!digits(r)) {
        return fail(r, "a number without digits");
    }
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        if (!digits(r)) {
            return fail(r, "a number that ends in a point");
        }
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-')) {
            r->p++;
        }
        if (!digits(r)) {
            return fail(r, "a number with an empty exponent");
        }
    }
    *out = (struct dr_str){from, (size_t)(r->p - from)};
    return true;
}

static bool read_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0) {
        return fail(r, "not a JSON value");
    }
    r->p += n;
    return true;
}

static bool read_scalar(struct reader *r, struct dr_json *j)
{
    switch (*r->p) {
    case '"':
        j->type = DR_JSON_STRING;
        return read_string(r, &j->text);
    case 't':
        j->type = DR_JSON_TRUE;
        return read_word(r, "true");
    case 'f':
        j->type = DR_JSON_FALSE;
        return read_word(r, "false");
    case 'n':
        j->type = DR_JSON_NULL;
        return read_word(r, "null");
    default:
        if (*r->p != '-' && (*r->p < '0' || *r->p > '9')) {
            return fail(r, "not a JSON value");
        }
        j->type = DR_JSON_NUMBER;
        return read_number(r, &j->text);
    }
}

static int key_order(const void *a, const void *b)
{
    const struct dr_str *const *x = a;
    const struct dr_str *const *y = b;

    return dr_str_cmp(**x, **y);
}

static bool no_duplicates(struct reader *r, const struct dr_json *obj)
{
    const struct dr_str **keys;
    size_t n = 0;
    bool ok = true;

    if (obj->count <= SMALL_OBJECT) {
        DR_JSON_EACH(a, obj)
        {
            for (const struct dr_json *b = obj->child; b != a; b = b->next) {
                if (dr_str_eq(a->key, b->key)) {
                    return fail(r, "a key that occurs twice");
                }
            }
        }
        return true;
    }
    keys = dr_xcalloc(obj->count, sizeof(const struct dr_str *));
    DR_JSON_EACH(a, obj)
    {
        keys[n++] = &a->key;
    }
    qsort(keys, n, sizeof(const struct dr_str *), key_order);
    for (size_t i = 1; ok && i < n; i++) {
        ok = !dr_str_eq(*keys[i - 1], *keys[i]);
    }
    free(keys);
    return ok || fail(r, "a key that occurs twice");
}

struct level {
    struct dr_json *box;
    struct dr_json *last;
    const char *from;
};

static bool close_box(struct reader *r, struct level *l)
{
    l->box->raw = (struct dr_str){l->from, (size_t)(r->p - l->from)};
    return l->box->type != DR_JSON_OBJECT || no_duplicates(r, l->box);
}

static bool read_key(struct reader *r, struct dr_str *key)
{
    skip_blanks(r);
    if (r->p >= r->end || *r->p != '"') {
        return fail(r, "an object member without a key");
    }
    if (!read_string(r, key)) {
        return false;
    }
    skip_blanks(r);
    if (r->p >= r->end || *r->p != ':') {
        return fail(r, "a key without a colon");
    }
    r->p++;
    return true;
}

/* After a value: a comma goes on, a bracket closes. Returns with *depth at
 * the level that wants the next value, or 0 when the document is whole. */
static bool after_value(struct reader *r, struct level *levels, unsigned *depth)
{
    while (*depth > 0) {
        struct level *l = &levels[*depth - 1];
        bool obj = l->box->type == DR_JSON_OBJECT;

        skip_blanks(r);
        if (r->p >= r->end) {
            return fail(r, "the text ends too early");
        }
        if (*r->p == ',') {
            r->p++;
            return true;
        }
        if (*r->p != (obj ? '}' : ']')) {
            return fail(r, "a comma or a closing bracket is missing");
        }
        r->p++;
        if (!close_box(r, l)) {
            return false;
        }
        (*depth)--;
    }
    return true;
}

static void append(struct level *l, struct dr_json *j)
{
    if (l->last) {
        l->last->next = j;
    } else {
        l->box->child = j;
    }
    l->last = j;
    l->box->count++;
}

/* Opens a box at *p. True with *empty set when it closed at once. */
static bool open_box(struct reader *r, struct dr_json *j, struct level *levels,
                     unsigned *depth, bool *empty)
{
    const char *from = r->p;
    char closing = *r->p == '{' ? '}' : ']';

    j->type = *r->p == '{' ? DR_JSON_OBJECT : DR_JSON_ARRAY;
    if (*depth >= r->max_depth) {
        return fail(r, "nested too deeply");
    }
    r->p++;
    skip_blanks(r);
    if (r->p < r->end && *r->p == closing) {
        r->p++;
        j->raw = (struct dr_str){from, (size_t)(r->p - from)};
        *empty = true;
        return true;
    }
    levels[(*depth)++] = (struct level){j, NULL, from};
    *empty = false;
    return true;
}

static struct dr_json *read_document(struct reader *r, struct level *levels)
{
    struct dr_json *root = NULL;
    unsigned depth = 0;

    do {
        struct dr_str key = {0};
        struct dr_json *j;
        bool done = true;

        if (depth > 0 && levels[depth - 1].box->type == DR_JSON_OBJECT &&
            !read_key(r, &key)) {
            return NULL;
        }
        skip_blanks(r);
        if (r->p >= r->end) {
            fail(r, "the text ends too early");
            return NULL;
        }
        j = new_node(r);
        if (!j) {
            return NULL;
        }
        j->key = key;
        if (depth > 0) {
            append(&levels[depth - 1], j);
        } else {
            root = j;
        }
        if (*r->p == '{' || *r->p == '[') {
            if (!open_box(r, j, levels, &depth, &done)) {
                return NULL;
            }
        } else {
            const char *from = r->p;
            if (!read_scalar(r, j)) {
                return NULL;
            }
            j->raw = (struct dr_str){from, (size_t)(r->p - from)};
        }
        if (done && !after_value(r, levels, &depth)) {
            return NULL;
        }
    } while (depth > 0);
    return root;
}

const struct dr_json *dr_json_parse(struct dr_arena *a, struct dr_str bytes,
                                    const struct dr_json_limits *limits,
                                    struct dr_err *err)
{
    struct dr_json_limits l = limits ? *limits : (struct dr_json_limits){0};
    struct level stack[DEFAULT_DEPTH], *levels = stack;
    struct reader r = {.arena = a, .p = bytes.p, .start = bytes.p};
    struct dr_json *root;

    r.end = bytes.n ? bytes.p + bytes.n : bytes.p;
    r.max_nodes = l.max_nodes ? l.max_nodes : DEFAULT_NODES;
    r.max_depth = l.max_depth ? l.max_depth : DEFAULT_DEPTH;
    if (bytes.n > (l.max_bytes ? l.max_bytes : DEFAULT_BYTES)) {
        (void)dr_err_set(err, DR_REJECT, 0, "json", "larger than %zu bytes",
                         l.max_bytes ? l.max_bytes : DEFAULT_BYTES);
        return NULL;
    }
    if (r.max_depth > DEFAULT_DEPTH) {
        r.max_depth = r.max_depth > MAX_DEPTH ? MAX_DEPTH : r.max_depth;
        levels = dr_xcalloc(r.max_depth, sizeof(*levels));
    }
    root = read_document(&r, levels);
    if (root) {
        skip_blanks(&r);
        if (r.p != r.end) {
            fail(&r, "something follows the value");
            root = NULL;
        }
    }
    if (levels != stack) {
        free(levels);
    }
    if (!root) {
        (void)dr_err_set(err, DR_REJECT, 0, "json", "byte %zu: %s",
                         (size_t)(r.p - r.start), r.why ? r.why : "not JSON");
    }
    return root;
}

enum dr_json_type dr_json_type(const struct dr_json *j)
{
    return j ? j->type : DR_JSON_ABSENT;
}

const struct dr_json *dr_json_gets(const struct dr_json *obj, struct dr_str key)
{
    if (!obj || obj->type != DR_JSON_OBJECT) {
        return NULL;
    }
    DR_JSON_EACH(j, obj)
    {
        if (dr_str_eq(j->key, key)) {
            return j;
        }
    }
    return NULL;
}

const struct dr_json *dr_json_get(const struct dr_json *obj, const char *key)
{
    return dr_json_gets(obj, dr_str_z(key));
}

const struct dr_json *dr_json_at(const struct dr_json *arr, size_t i)
{
    const struct dr_json *j =
        arr && arr->type == DR_JSON_ARRAY ? arr->child : NULL;

    for (; j && i > 0; i--) {
        j = j->next;
    }
    return j;
}

bool dr_json_is_null(const struct dr_json *j)
{
    return !j || j->type == DR_JSON_NULL;
}

struct dr_str dr_json_str(const struct dr_json *j)
{
    return j && j->type == DR_JSON_STRING ? j->text : (struct dr_str){"", 0};
}

struct dr_str dr_json_get_str(const struct dr_json *obj, const char *key)
{
    return dr_json_str(dr_json_get(obj, key));
}

struct dr_str dr_json_scalar(const struct dr_json *j)
{
    bool has = j && (j->type == DR_JSON_STRING || j->type == DR_JSON_NUMBER);

    return has ? j->text : (struct dr_str){"", 0};
}

bool dr_json_true(const struct dr_json *j)
{
    return j && j->type == DR_JSON_TRUE;
}

bool dr_json_lists(const struct dr_json *arr, struct dr_str text)
{
    DR_JSON_EACH(e, dr_json_type(arr) == DR_JSON_ARRAY ? arr : NULL)
    {
        if (e->type == DR_JSON_STRING && dr_str_eq(e->text, text)) {
            return true;
        }
    }
    return false;
}

int dr_json_i64(const struct dr_json *j, int64_t *out)
{
    return dr_str_i64(dr_json_scalar(j), out);
}

int64_t dr_json_get_i64(const struct dr_json *obj, const char *key,
                        int64_t otherwise)
{
    int64_t v;

    return dr_json_i64(dr_json_get(obj, key), &v) ? otherwise : v;
}
