/*
 * The closed schema of a profile. One table a part; what stands in no table is
 * an error, so that a misspelt key is never taken for a default.
 */
#include "profile.h"

#include <stdio.h>
#include <string.h>

#include "express.h"
#include "profile_private.h"

enum rule_type {
    IS_TEXT,
    IS_WORD,  /* one of words            */
    IS_FLAG,  /* true or false           */
    IS_WHOLE, /* a number, min..max      */
    IS_POINTER,
    IS_TEMPLATE, /* text with {placeholders}             */
    IS_BODY,     /* any JSON whose texts are templates   */
    IS_ANY,
    IS_MAPPING, /* how one member of a record is found  */
    IS_WHEN,    /* a predicate                          */
    IS_PART,    /* an object: sub holds its members     */
    IS_MAP,     /* an object of any keys: sub[0] each   */
    IS_LIST,    /* sub[0] each                          */
};

struct rule {
    const char *key;
    enum rule_type type;
    bool required;
    const struct rule *sub;
    const char *words;
    int64_t min, max;
};

#define TEXT(key)                             \
    {                                         \
        key, IS_TEXT, false, NULL, NULL, 0, 0 \
    }
#define WORD(key, words)                       \
    {                                          \
        key, IS_WORD, false, NULL, words, 0, 0 \
    }
#define FLAG(key)                             \
    {                                         \
        key, IS_FLAG, false, NULL, NULL, 0, 0 \
    }
#define WHOLE(key, min, max)                       \
    {                                              \
        key, IS_WHOLE, false, NULL, NULL, min, max \
    }
#define POINTER(key)                             \
    {                                            \
        key, IS_POINTER, false, NULL, NULL, 0, 0 \
    }
#define SUB(key, type, sub)               \
    {                                     \
        key, type, false, sub, NULL, 0, 0 \
    }
#define MUST(key, type, sub, words)       \
    {                                     \
        key, type, true, sub, words, 0, 0 \
    }
#define END                                   \
    {                                         \
        NULL, IS_ANY, false, NULL, NULL, 0, 0 \
    }

static const struct rule a_text[] = {TEXT(""), END};
static const struct rule a_value[] = {{"", IS_ANY, false, NULL, NULL, 0, 0},
                                      END};
static const struct rule a_template[] = {
    {"", IS_TEMPLATE, false, NULL, NULL, 0, 0}, END};
static const struct rule a_mapping[] = {
    {"", IS_MAPPING, false, NULL, NULL, 0, 0}, END};

#define DATA_TYPES                                                           \
    "string text html bool int decimal date datetime enum multi_enum phone " \
    "email url money percent duration reference file json"
#define AS "value text bool not_bool time date"
static const struct rule a_type[] = {WORD("", DATA_TYPES), END};

static const struct rule cursor[] = {
    MUST("style", IS_WORD, NULL, "body offset page keyset none"),
    POINTER("next"), WHOLE("first", 0, 1), POINTER("field"), END};

#define CALL                                                           \
    WORD("method", "GET POST"), MUST("path", IS_TEMPLATE, NULL, NULL), \
        SUB("query", IS_MAP, a_template),                              \
        {"body", IS_BODY, false, NULL, NULL, 0, 0}, POINTER("rows"),   \
        POINTER("total"), SUB("cursor", IS_PART, cursor),              \
        WHOLE("limit", 1, 10000)

static const struct rule a_call[] = {CALL, END};
static const struct rule mapped_call[] = {CALL,
                                          SUB("map", IS_MAP, a_mapping),
                                          POINTER("to"),
                                          POINTER("from"),
                                          POINTER("next"),
                                          END};
static const struct rule changes[] = {CALL,
                                      WORD("time", "rfc3339 epoch_ms epoch_s"),
                                      FLAG("since_inclusive"),
                                      FLAG("before_inclusive"),
                                      WORD("order", "ascending any"),
                                      WHOLE("cap", 1, 10000000),
                                      WHOLE("overlap_s", 0, 86400),
                                      END};

static const struct rule calls[] = {
    SUB("account", IS_PART, mapped_call),
    SUB("schema_objects", IS_PART, mapped_call),
    SUB("properties", IS_PART, mapped_call),
    SUB("schema_associations", IS_PART, mapped_call),
    SUB("schema_events", IS_PART, mapped_call),
    SUB("pipelines", IS_PART, mapped_call),
    SUB("owners", IS_PART, mapped_call),
    SUB("currencies", IS_PART, mapped_call),
    SUB("tags", IS_PART, mapped_call),
    SUB("workflows", IS_PART, mapped_call),
    SUB("sequences", IS_PART, mapped_call),
    SUB("email_templates", IS_PART, mapped_call),
    SUB("associations", IS_PART, mapped_call),
    SUB("association_changes", IS_PART, changes),
    SUB("events", IS_PART, a_call),
    END};

static const struct rule keys[] = {MUST("id", IS_POINTER, NULL, NULL),
                                   POINTER("version"),
                                   POINTER("created_at"),
                                   POINTER("updated_at"),
                                   POINTER("archived"),
                                   POINTER("archived_at"),
                                   POINTER("owner"),
                                   POINTER("created_by"),
                                   POINTER("values"),
                                   END};

static const struct rule a3[] = {WHOLE("granularity_ms", 1, 86400000),
                                 FLAG("server_stamped"), END};
static const struct rule a4[] = {WHOLE("lag_s", 0, 86400), END};
static const struct rule a7[] = {WHOLE("retention_days", 0, 36500), END};
static const struct rule assumptions[] = {
    MUST("A1", IS_FLAG, NULL, NULL),
    MUST("A2", IS_WORD, NULL, "version updated_at"),
    MUST("A3", IS_PART, a3, NULL),
    MUST("A4", IS_PART, a4, NULL),
    MUST("A5", IS_WORD, NULL, "keyset offset"),
    MUST("A6", IS_FLAG, NULL, NULL),
    MUST("A7", IS_PART, a7, NULL),
    END};

static const struct rule role[] = {{"when", IS_WHEN, false, NULL, NULL, 0, 0},
                                   MUST("set", IS_MAP, a_value, NULL),
                                   END};
static const struct rule roles[] = {SUB("", IS_PART, role), END};

static const struct rule object[] = {TEXT("remote"),
                                     TEXT("label"),
                                     FLAG("custom"),
                                     SUB("list", IS_PART, a_call),
                                     SUB("archived", IS_PART, a_call),
                                     SUB("index", IS_PART, a_call),
                                     SUB("changes", IS_PART, changes),
                                     SUB("read", IS_PART, a_call),
                                     SUB("read_archived", IS_PART, a_call),
                                     SUB("one", IS_PART, a_call),
                                     SUB("keys", IS_PART, keys),
                                     SUB("rename", IS_MAP, a_text),
                                     SUB("types", IS_MAP, a_type),
                                     SUB("role", IS_LIST, roles),
                                     SUB("associations", IS_LIST, a_text),
                                     WORD("deletes", "changes sweep"),
                                     SUB("assumptions", IS_PART, assumptions),
                                     END};
static const struct rule an_object[] = {SUB("", IS_PART, object), END};

static const struct rule auth[] = {
    MUST("type", IS_WORD, NULL, "bearer header query basic oauth2"),
    TEXT("name"),
    SUB("hosts", IS_LIST, a_text),
    WORD("grant", "client_credentials refresh_token"),
    TEXT("token_url"),
    WORD("client_auth", "body basic"),
    TEXT("scope"),
    TEXT("audience"),
    END};
static const struct rule clock_part[] = {
    MUST("from", IS_WORD, NULL, "body date"), POINTER("path"), END};

static const struct rule error_rule[] = {
    {"status", IS_WHOLE, true, NULL, NULL, 400, 599},
    TEXT("code"),
    MUST("do", IS_WORD, NULL, "retry wait skip merge isolate split stop"),
    END};
static const struct rule error_rules[] = {SUB("", IS_PART, error_rule), END};
static const struct rule errors[] = {POINTER("code"), POINTER("id"),
                                     POINTER("after"),
                                     SUB("rules", IS_LIST, error_rules), END};

static const struct rule retry_after[] = {
    WORD("", "seconds http-date fraction none"), END};
static const struct rule limit_window[] = {
    MUST("name", IS_TEXT, NULL, NULL),
    {"calls", IS_WHOLE, true, NULL, NULL, 1, 1000000000},
    {"window_s", IS_WHOLE, true, NULL, NULL, 1, 31536000},
    END};
static const struct rule limit_windows[] = {SUB("", IS_PART, limit_window),
                                            END};
static const struct rule limits[] = {
    SUB("retry_after", IS_LIST, retry_after), WHOLE("max_wait_s", 1, 86400),
    SUB("windows", IS_LIST, limit_windows), END};

static const struct rule values[] = {SUB("null", IS_LIST, a_value),
                                     SUB("true", IS_LIST, a_value),
                                     SUB("false", IS_LIST, a_value),
                                     WORD("number_encoding", "string json"),
                                     WORD("time", "rfc3339 epoch_ms epoch_s"),
                                     WORD("date", "date epoch_ms epoch_s"),
                                     TEXT("assume_timezone"),
                                     TEXT("multi_separator"),
                                     POINTER("box"),
                                     END};

static const struct rule redacted[] = {
    MUST("object", IS_TEXT, NULL, NULL), MUST("property", IS_TEXT, NULL, NULL),
    MUST("contains", IS_TEXT, NULL, NULL), END};
static const struct rule redactions[] = {SUB("", IS_PART, redacted), END};

static const struct rule top[] = {
    MUST("profile", IS_TEXT, NULL, NULL),
    TEXT("about"),
    MUST("answers", IS_WORD, NULL, "contract mapped"),
    MUST("auth", IS_PART, auth, NULL),
    MUST("clock", IS_PART, clock_part, NULL),
    MUST("errors", IS_PART, errors, NULL),
    MUST("limits", IS_PART, limits, NULL),
    MUST("values", IS_PART, values, NULL),
    SUB("redaction", IS_LIST, redactions),
    MUST("calls", IS_PART, calls, NULL),
    MUST("default", IS_PART, object, NULL),
    SUB("objects", IS_MAP, an_object),
    END};

/* ---- the check ---- */

int profile_wrong(struct check *c, const char *what, const char *words)
{
    return dr_err_set(c->err, DR_HALT, 0, "source.profile", "%s: %s%s%s",
                      c->at[0] ? c->at : "/", what, words ? ": one of " : "",
                      words ? words : "");
}

size_t profile_enter(struct check *c, struct dr_str key)
{
    size_t n = strlen(c->at);

    (void)snprintf(c->at + n, sizeof(c->at) - n, "/" DR_STR_FMT,
                   DR_STR_ARG(dr_utf8_prefix(key, 40)));
    return n;
}

static bool is_word(const char *words, struct dr_str s)
{
    struct dr_str rest = dr_str_z(words);

    while (rest.p) {
        if (dr_str_eq(dr_str_split(&rest, ' '), s)) {
            return s.n > 0;
        }
    }
    return false;
}

static int check_templates(struct check *c, const struct dr_json *j)
{
    struct dr_str bad;

    if (j->type == DR_JSON_STRING && !template_ok(j->text, &bad)) {
        return profile_wrong(
            c,
            "names a {placeholder} that does not exist, or leaves "
            "a brace open: see docs/profile.md for their list",
            NULL);
    }
    if (j->type == DR_JSON_OBJECT || j->type == DR_JSON_ARRAY) {
        DR_JSON_EACH(m, j)
        {
            if (check_templates(c, m)) {
                return -1;
            }
        }
    }
    return 0;
}

#define MAP_DEPTH 8 /* of rows inside rows */

static int check_as(struct check *c, const struct dr_json *j, int depth)
{
    const struct dr_json *from = dr_json_get(j, "from");
    const struct dr_json *rows = dr_json_get(j, "rows");
    const struct dr_json *map = dr_json_get(j, "map");
    const struct dr_json *as = dr_json_get(j, "as");
    const struct dr_json *words = dr_json_get(j, "words");
    const struct dr_json *parts[] = {from, rows,  map,
                                     as,   words, dr_json_get(j, "otherwise")};
    size_t known = 0;

    for (size_t i = 0; i < DR_ARRAY_LEN(parts); i++) {
        known += parts[i] != NULL;
    }
    if (known != j->count || depth > MAP_DEPTH ||
        (from && (from->type != DR_JSON_STRING || !pointer_ok(from->text))) ||
        (rows && (rows->type != DR_JSON_STRING || !pointer_ok(rows->text))) ||
        (from != NULL) == (rows != NULL) || (rows != NULL) != (map != NULL) ||
        (words && words->type != DR_JSON_OBJECT) ||
        (as && !is_word(AS, dr_json_str(as)))) {
        return profile_wrong(c,
                             "is {\"from\":pointer,\"as\":word,\"words\":{…},"
                             "\"otherwise\":value} or {\"rows\":pointer,"
                             "\"map\":{…}}",
                             NULL);
    }
    DR_JSON_EACH(m, map)
    {
        if (m->type == DR_JSON_OBJECT && check_as(c, m, depth + 1)) {
            return -1;
        }
    }
    return 0;
}

static int check_node(struct check *c, const struct dr_json *j,
                      const struct rule *r);

static int check_part(struct check *c, const struct dr_json *j,
                      const struct rule *rules)
{
    DR_JSON_EACH(m, j)
    {
        const struct rule *r = rules;
        size_t n = profile_enter(c, m->key);
        while (r->key && !dr_str_eqz(m->key, r->key)) {
            r++;
        }
        if (!r->key) {
            return profile_wrong(c,
                                 "no such key: correct or remove it "
                                 "(docs/profile.md lists all)",
                                 NULL);
        }
        if (check_node(c, m, r)) {
            return -1;
        }
        c->at[n] = '\0';
    }
    for (const struct rule *r = rules; r->key; r++) {
        if (r->required && !dr_json_get(j, r->key)) {
            (void)profile_enter(c, dr_str_z(r->key));
            return profile_wrong(c, "is missing: add it", r->words);
        }
    }
    return 0;
}

static int check_each(struct check *c, const struct dr_json *j,
                      const struct rule *one)
{
    size_t i = 0;

    DR_JSON_EACH(m, j)
    {
        char number[24];
        size_t n;
        (void)snprintf(number, sizeof(number), "%zu", i++);
        n = profile_enter(c,
                          j->type == DR_JSON_ARRAY ? dr_str_z(number) : m->key);
        if (check_node(c, m, one)) {
            return -1;
        }
        c->at[n] = '\0';
    }
    return 0;
}

static int check_text(struct check *c, const struct dr_json *j,
                      const struct rule *r)
{
    if (j->type != DR_JSON_STRING || !dr_text_valid(j->text)) {
        return profile_wrong(c, "must be text", r->words);
    }
    if (r->type == IS_WORD && !is_word(r->words, j->text)) {
        return profile_wrong(c, "unknown word", r->words);
    }
    if (r->type == IS_POINTER && !pointer_ok(j->text)) {
        return profile_wrong(
            c,
            "is no JSON pointer: begin it with / and write ~1 for "
            "a / inside",
            NULL);
    }
    if (r->type == IS_TEMPLATE) {
        return check_templates(c, j);
    }
    return 0;
}

static int check_whole(struct check *c, const struct dr_json *j,
                       const struct rule *r)
{
    int64_t v;
    char text[80];

    if (j->type == DR_JSON_NUMBER && dr_json_i64(j, &v) == 0 && v >= r->min &&
        v <= r->max) {
        return 0;
    }
    (void)snprintf(text, sizeof(text), "must be a whole number, %lld to %lld",
                   (long long)r->min, (long long)r->max);
    return profile_wrong(c, text, NULL);
}

static int check_node(struct check *c, const struct dr_json *j,
                      const struct rule *r)
{
    switch (r->type) {
    case IS_TEXT:
    case IS_WORD:
    case IS_POINTER:
    case IS_TEMPLATE:
        return check_text(c, j, r);
    case IS_FLAG:
        return j->type == DR_JSON_TRUE || j->type == DR_JSON_FALSE
                   ? 0
                   : profile_wrong(c, "must be true or false", NULL);
    case IS_WHOLE:
        return check_whole(c, j, r);
    case IS_BODY:
        return check_templates(c, j);
    case IS_ANY:
        return 0;
    case IS_MAPPING:
        return j->type == DR_JSON_OBJECT ? check_as(c, j, 0) : 0;
    case IS_WHEN:
        return when_check(j, c->at, c->err);
    case IS_LIST:
        return j->type == DR_JSON_ARRAY
                   ? check_each(c, j, r->sub)
                   : profile_wrong(c, "must be a list", NULL);
    case IS_PART:
    case IS_MAP:
        if (j->type != DR_JSON_OBJECT) {
            return profile_wrong(c, "must be an object", NULL);
        }
        return r->type == IS_PART ? check_part(c, j, r->sub)
                                  : check_each(c, j, r->sub);
    }
    return 0;
}

int profile_check_parts(struct check *c, const struct dr_json *root)
{
    return check_part(c, root, top);
}
