/*
 * The reader against jansson: the same texts are accepted, with the same
 * values. The differences are by design and named in explained() and
 * ends_at_nul(): jansson has no numbers beyond int64 and double, no NUL in
 * keys, depth 2,048, and takes a NUL byte after the value for the end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include <drover/base/arena.h>
#include <drover/base/rand.h>
#include <drover/json/json.h>

static const char *const corpus[] = {
    "null",
    "true",
    " false ",
    "0",
    "-0",
    "-1.5e+10",
    "9223372036854775807",
    "-9223372036854775808",
    "1E-7",
    "\"\"",
    "\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"",
    "\"\\u00e4\\u20AC\\ud83d\\udc04\\u0000\"",
    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x84\xef\xbf\xbf\x7f\"",
    "[]",
    "[ ]",
    "{}",
    "{ \n\t\r}",
    "[1,2,[3,[4]],{\"a\":[]}]",
    "{\"a\":1,\"b\":{\"a\":2},\"\":3}",
    ("{\"id\":70001234567,\"email\":\"a@b.example\",\"tags\":[\"x\",\"y\"],"
     "\"custom_field\":{\"cf_since\":\"2026-03-02\",\"cf_none\":null},"
     "\"amount\":\"5600.0\",\"open\":true}"),
    ("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,"
     "\"j\":10,\"k\":11,\"l\":12,\"m\":13,\"n\":14,\"o\":15,\"p\":16,\"q\":"
     "17}"),
    /* refused */
    "",
    " ",
    "nul",
    "nulll",
    "True",
    "NaN",
    "Infinity",
    "-Infinity",
    "01",
    "-",
    "-01",
    "+1",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x10",
    "1 2",
    "'a'",
    "\"",
    "\"\\\"",
    "\"\\x41\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud800\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\t\"",
    "\"\n\"",
    "\"\\\n\"",
    "\"\x80\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xe2\x82\"",
    "\xef\xbb\xbf{}",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{a:1}",
    "{1:1}",
    "{\"a\":1]",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"\\u0061\":2}",
    "{\"b\":{\"x\":1,\"x\":1}}",
    ("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,"
     "\"j\":10,\"k\":11,\"l\":12,\"m\":13,\"n\":14,\"o\":15,\"p\":16,\"a\":"
     "17}"),
    "{}{}",
    "/* */ 1",
    "// \n1",
    "\v1",
    "\f1",
    ("\xc2\xa0"
     "1"),
};

#define GOOD 21 /* of these are accepted */

/* Counters prove that the run compared what it is meant to compare. */
static struct {
    unsigned accepted, refused, explained;
} seen;

static void show(struct dr_str text, const char *why)
{
    struct dr_buf b;

    dr_buf_init(&b, 1 << 20);
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x20 && c < 0x7f) {
            dr_buf_ch(&b, (char)c);
        } else {
            dr_buf_printf(&b, "\\x%02x", (unsigned)c);
        }
    }
    print_error("%s: %s\n", why, b.p);
    dr_buf_done(&b);
    fail();
}

static bool same_number(const struct dr_json *j, const json_t *o)
{
    char lexeme[512];
    int64_t v;

    if (json_is_integer(o)) {
        return dr_json_i64(j, &v) == 0 && v == json_integer_value(o);
    }
    (void)snprintf(lexeme, sizeof(lexeme), DR_STR_FMT, DR_STR_ARG(j->text));
    return json_is_real(o) && !(strtod(lexeme, NULL) < json_real_value(o)) &&
           !(strtod(lexeme, NULL) > json_real_value(o));
}

static bool same_string(struct dr_str s, const json_t *o)
{
    return json_is_string(o) &&
           dr_str_eq(
               s, (struct dr_str){json_string_value(o), json_string_length(o)});
}

/* Test trees are shallow: recursion is fine here. */
static bool same(const struct dr_json *j, const json_t *o)
{
    size_t i = 0;

    switch (j->type) {
    case DR_JSON_NULL:
        return json_is_null(o);
    case DR_JSON_TRUE:
        return json_is_true(o);
    case DR_JSON_FALSE:
        return json_is_false(o);
    case DR_JSON_NUMBER:
        return same_number(j, o) && dr_str_eq(j->text, j->raw);
    case DR_JSON_STRING:
        return same_string(j->text, o);
    case DR_JSON_ARRAY:
        if (!json_is_array(o) || json_array_size(o) != j->count) {
            return false;
        }
        DR_JSON_EACH(e, j)
        {
            if (!same(e, json_array_get(o, i++))) {
                return false;
            }
        }
        return i == j->count;
    case DR_JSON_OBJECT:
        if (!json_is_object(o) || json_object_size(o) != j->count) {
            return false;
        }
        DR_JSON_EACH(m, j)
        {
            const json_t *v = json_object_getn(o, m->key.p, m->key.n);
            if (!v || !same(m, v) || dr_json_gets(j, m->key) != m) {
                return false;
            }
        }
        return true;
    case DR_JSON_ABSENT:
    default:
        return false;
    }
}

static bool explained(const json_error_t *e)
{
    switch (json_error_code(e)) {
    case json_error_numeric_overflow:
    case json_error_null_byte_in_key:
    case json_error_stack_overflow:
        return true;
    default:
        return false;
    }
}

#define ORACLE_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL)

/* The canonical form means the same to jansson and is its own canonical. */
static void check_canonical(struct dr_str text, const struct dr_json *j,
                            const json_t *o, struct dr_arena *a)
{
    struct dr_buf once, twice;
    const struct dr_json *again;
    json_error_t e;
    json_t *back;

    dr_buf_init(&once, 1 << 20);
    dr_buf_init(&twice, 1 << 20);
    dr_json_canonical(&once, j);
    back = json_loadb(once.p, once.n, ORACLE_FLAGS, &e);
    if (!back || (o && !json_equal(back, o))) {
        show(text, "the canonical form means something else");
    }
    again = dr_json_parse(a, dr_buf_view(&once), NULL, NULL);
    if (!again) {
        show(text, "the canonical form does not parse");
    }
    dr_json_canonical(&twice, again);
    if (!dr_str_eq(dr_buf_view(&once), dr_buf_view(&twice))) {
        show(text, "the canonical form is not stable");
    }
    json_decref(back);
    dr_buf_done(&once);
    dr_buf_done(&twice);
}

/* True when what stands before the first NUL is a value on its own. */
static bool ends_at_nul(struct dr_arena *a, struct dr_str text)
{
    const char *nul = text.n ? memchr(text.p, '\0', text.n) : NULL;

    return nul &&
           dr_json_parse(a, (struct dr_str){text.p, (size_t)(nul - text.p)},
                         NULL, NULL);
}

static void compare(struct dr_arena *a, struct dr_str text)
{
    static const struct dr_json_limits limits = {.max_depth = 1024};
    struct dr_err err = {0};
    const struct dr_json *j;
    json_error_t e;
    json_t *o;
    /* an exact-size copy: the sanitizer sees a read past the end */
    char *copy = malloc(text.n ? text.n : 1);

    assert_non_null(copy);
    if (text.n) {
        memcpy(copy, text.p, text.n);
    }
    dr_arena_reset(a);
    j = dr_json_parse(a, (struct dr_str){copy, text.n}, &limits, &err);
    o = json_loadb(copy, text.n, ORACLE_FLAGS, &e);
    if (!o && explained(&e)) {
        seen.explained++;
    } else if (!j && o && ends_at_nul(a, text)) {
        seen.explained++;
    } else if (!j != !o) {
        show(text, j ? "only we take" : "only jansson takes");
    } else if (j && !same(j, o)) {
        show(text, "read differently");
    } else if (j) {
        seen.accepted++;
        check_canonical(text, j, o, a);
    } else {
        assert_int_equal(err.verdict, DR_REJECT);
        assert_string_equal(err.where, "json");
        seen.refused++;
    }
    json_decref(o);
    free(copy);
}

static void test_corpus(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(1 << 20);

    (void)state;
    memset(&seen, 0, sizeof(seen));
    for (size_t i = 0; i < DR_ARRAY_LEN(corpus); i++) {
        compare(a, dr_str_z(corpus[i]));
        for (size_t n = 0; n < strlen(corpus[i]); n++) { /* every prefix */
            compare(a, (struct dr_str){corpus[i], n});
        }
    }
    compare(a, DR_STR_LIT("1\0"));
    compare(a, DR_STR_LIT("\"\0\""));
    assert_true(seen.accepted >= GOOD);
    assert_true(seen.refused > 400);
}

/* What jansson cannot say, we say. */
static void test_differences(void **state)
{
    static const char *const more[] = {"1e400", "-1e400", "9223372036854775808",
                                       "{\"a\\u0000b\":1}",
                                       "123456789012345678901234567890"};
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(1 << 20);

    (void)state;
    memset(&seen, 0, sizeof(seen));
    for (size_t i = 0; i < DR_ARRAY_LEN(more); i++) {
        compare(a, dr_str_z(more[i]));
        if (!dr_json_parse(a, dr_str_z(more[i]), NULL, NULL)) {
            fail_msg("%s is refused", more[i]);
        }
    }
    assert_int_equal(seen.explained, DR_ARRAY_LEN(more));
}

static const char *const tokens[] = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud83d",
    "\\udc04",
    "\\u0000",
    "null",
    "true",
    "false",
    "0",
    "-",
    "1e5",
    ".5",
    "\"a\":",
    "\"a\"",
    " ",
    "\n",
    "\xc3\xa4",
    "\x80",
    "\xed\xa0\x80",
    "\x01",
    "[[[[",
    "{\"a\":{\"b\":",
    "1.25",
    "E+",
    "\xef\xbb\xbf",
    "\\n",
    "\"\":1,",
    "00",
};

/* One random edit: flip, delete, insert a token, repeat or splice. */
static void mutate(struct dr_rand *rnd, struct dr_buf *b)
{
    size_t at = (size_t)dr_rand_below(rnd, b->n + 1);
    size_t len = (size_t)dr_rand_below(rnd, b->n - at + 1);
    struct dr_buf out;

    dr_buf_init(&out, 1 << 16);
    dr_buf_add(&out, b->p, at);
    switch (dr_rand_below(rnd, 5)) {
    case 0:
        dr_buf_ch(&out, (char)dr_rand_u64(rnd));
        len = at < b->n;
        break;
    case 1:
        len = len > 4 ? 4 : len;
        break;
    case 2:
        dr_buf_z(&out, tokens[dr_rand_below(rnd, DR_ARRAY_LEN(tokens))]);
        len = 0;
        break;
    case 3:
        dr_buf_add(&out, b->p + at, len);
        len = 0;
        break;
    default:
        dr_buf_z(&out, corpus[dr_rand_below(rnd, DR_ARRAY_LEN(corpus))]);
        break;
    }
    dr_buf_add(&out, b->p + at + len, b->n - at - len);
    if (out.n <= 2000) {
        dr_buf_reset(b);
        dr_buf_str(b, dr_buf_view(&out));
    }
    dr_buf_done(&out);
}

static void test_mutations(void **state)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(4 << 20);
    struct dr_rand rnd;
    struct dr_buf b;

    (void)state;
    memset(&seen, 0, sizeof(seen));
    dr_rand_init(&rnd, 20260302);
    dr_buf_init(&b, 1 << 16);
    for (int i = 0; i < 30000; i++) {
        uint64_t edits = 1 + dr_rand_below(&rnd, 3);
        dr_buf_reset(&b);
        /* mostly from the good ones: bad texts seldom become good */
        dr_buf_z(
            &b,
            corpus[dr_rand_below(&rnd, i % 4 ? GOOD : DR_ARRAY_LEN(corpus))]);
        while (edits-- > 0) {
            mutate(&rnd, &b);
        }
        compare(a, dr_buf_view(&b));
    }
    dr_buf_done(&b);
    print_message("accepted %u, refused %u, explained %u\n", seen.accepted,
                  seen.refused, seen.explained);
    assert_true(seen.accepted > 2000);
    assert_true(seen.refused > 10000);
}

/* ---- random trees, built by jansson and printed by it ---- */

static json_t *random_string(struct dr_rand *rnd)
{
    static const char *const parts[] = {"a",
                                        "Z",
                                        " ",
                                        "\"",
                                        "\\",
                                        "/",
                                        "\n",
                                        "\x01",
                                        "\x7f",
                                        "\xc3\xa4",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x90\x84",
                                        "abcdefgh",
                                        "01234567"};
    struct dr_buf b;
    json_t *s;
    uint64_t n = dr_rand_below(rnd, 12);

    dr_buf_init(&b, 1024);
    while (n-- > 0) {
        dr_buf_z(&b, parts[dr_rand_below(rnd, DR_ARRAY_LEN(parts))]);
    }
    s = json_stringn(b.p, b.n);
    dr_buf_done(&b);
    return s;
}

static json_t *random_value(struct dr_rand *rnd, int depth)
{
    uint64_t kind = dr_rand_below(rnd, depth > 0 ? 8 : 6);
    uint64_t n = dr_rand_below(rnd, 24);
    json_t *box;

    switch (kind) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(n & 1);
    case 2:
        return json_integer((json_int_t)(dr_rand_u64(rnd) >> (n * 2)));
    case 3:
        return json_real((double)dr_rand_below(rnd, 1u << 30) / 1024);
    case 4:
    case 5:
        return random_string(rnd);
    case 6:
        box = json_array();
        while (n-- > 0) {
            (void)json_array_append_new(box, random_value(rnd, depth - 1));
        }
        return box;
    default:
        box = json_object();
        while (n-- > 0) {
            json_t *key = random_string(rnd);
            (void)json_object_setn_new(box, json_string_value(key),
                                       json_string_length(key),
                                       random_value(rnd, depth - 1));
            json_decref(key);
        }
        return box;
    }
}

static void test_random_trees(void **state)
{
    static const size_t styles[] = {JSON_COMPACT, JSON_INDENT(3),
                                    JSON_ENSURE_ASCII, JSON_ESCAPE_SLASH};
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(16 << 20);
    struct dr_rand rnd;

    (void)state;
    memset(&seen, 0, sizeof(seen));
    dr_rand_init(&rnd, 5);
    for (int i = 0; i < 400; i++) {
        json_t *tree = random_value(&rnd, 3);
        char *text = json_dumps(tree, JSON_ENCODE_ANY | styles[i % 4]);

        assert_non_null(text);
        compare(a, dr_str_z(text));
        free(text);
        json_decref(tree);
    }
    assert_int_equal(seen.accepted, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_random_trees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
