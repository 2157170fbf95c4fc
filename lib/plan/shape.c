/*
 * The shape of a plan that people edited. Reading it takes what it knows and
 * passes over the rest; whatever would be passed over in silence is a problem
 * here, with its place and what is expected there.
 */
#include "check_private.h"

#include <string.h>

/* A plan of 8 MiB may have a million things wrong with it. */
#define TOLD_MAX 100

/* What may stand in a place. */
enum {
    MAY_NULL = 1,
    MAY_TEXT = 2,
    MAY_NUMBER = 4,
    MAY_LIST = 8,
    MAY_OBJECT = 16,
    MAY_BE_ANY = 32, /* checked elsewhere, or for people */
    IS_ID = 64,      /* of Freshsales; "": none          */
    IS_COUNT = 128,  /* from 1                           */
    IS_SECONDS = 256,
};
#define TEXT_OR_NUMBER (MAY_TEXT | MAY_NUMBER)
#define DST_ID (TEXT_OR_NUMBER | MAY_NULL | IS_ID)

/* A member of the shape `in`; its own members or elements are of the shape
 * `of`. The name "*": any, and the elements of a list. */
static const struct member {
    const char *in, *name;
    unsigned may;
    const char *of;
} members[] = {
    {"plan", "format", MAY_TEXT, NULL},
    {"plan", "hash", MAY_TEXT, NULL},
    {"plan", "source_schema_hash", MAY_TEXT, NULL},
    {"plan", "target_schema_hash", MAY_TEXT, NULL},
    {"plan", "scope", MAY_LIST, "texts"},
    {"plan", "objects", MAY_LIST, "objects"},
    {"plan", "pipelines", MAY_LIST, "pipelines"},
    {"plan", "owners", MAY_OBJECT, "owners"},
    {"plan", "authors", MAY_OBJECT, "texts"},
    {"plan", "names", MAY_OBJECT, "names"},
    {"plan", "currencies", MAY_OBJECT, "ids"},
    {"plan", "hierarchy", MAY_OBJECT, "hierarchy"},
    {"plan", "merge", MAY_OBJECT, "merge"},
    {"plan", "emails", MAY_OBJECT, "emails"},
    {"plan", "orphans", MAY_OBJECT, "orphans"},
    {"plan", "leads", MAY_BE_ANY, NULL},
    {"plan", "lead_stage_id", DST_ID, NULL},
    {"plan", "files", MAY_OBJECT, "files"},
    {"plan", "lines", MAY_OBJECT, "lines"},
    {"plan", "activities", MAY_OBJECT, "activities"},
    {"plan", "notes", MAY_OBJECT, "notes"},
    {"plan", "custom_objects", MAY_OBJECT, "custom_objects"},
    {"plan", "events", MAY_OBJECT, "events"},

    {"texts", "*", MAY_TEXT, NULL},
    {"ids", "*", DST_ID, NULL},
    {"values", "*", TEXT_OR_NUMBER | MAY_NULL, NULL},
    {"any", "*", MAY_BE_ANY, NULL},

    {"objects", "*", MAY_OBJECT, "an object of the plan"},
    {"an object of the plan", "object", MAY_TEXT, NULL},
    {"an object of the plan", "target_type", MAY_TEXT, NULL},
    {"an object of the plan", "lane", MAY_TEXT, NULL},
    {"an object of the plan", "fields", MAY_LIST, "rows"},

    {"rows", "*", MAY_OBJECT, "a row"},
    {"a row", "rule", MAY_TEXT, NULL},
    {"a row", "source", MAY_TEXT, NULL},
    {"a row", "target", MAY_TEXT | MAY_NULL, NULL},
    {"a row", "transform", MAY_TEXT, NULL},
    {"a row", "type", MAY_TEXT, NULL},
    {"a row", "max", TEXT_OR_NUMBER | IS_COUNT, NULL},
    {"a row", "values", MAY_OBJECT, "values"},
    {"a row", "words", MAY_OBJECT, "values"},
    {"a row", "value", TEXT_OR_NUMBER | MAY_NULL, NULL},
    {"a row", "label", MAY_TEXT, NULL},
    {"a row", "unit", MAY_TEXT | IS_SECONDS, NULL},
    {"a row", "reason", MAY_TEXT, NULL},

    {"pipelines", "*", MAY_OBJECT, "a pipeline"},
    {"a pipeline", "source_id", TEXT_OR_NUMBER, NULL},
    {"a pipeline", "target_id", DST_ID, NULL},
    {"a pipeline", "stages", MAY_OBJECT, "ids"},
    {"a pipeline", "probabilities", MAY_OBJECT, "values"},

    {"owners", "map", MAY_OBJECT, "ids"},
    {"owners", "house", DST_ID, NULL},
    {"owners", "fallback", DST_ID, NULL},
    {"owners", "unresolved", MAY_BE_ANY, NULL},
    {"owners", "names", MAY_OBJECT, "texts"},
    {"names", "company", MAY_OBJECT, "texts"},
    {"hierarchy", "cut", MAY_OBJECT | MAY_LIST, "values"},
    {"merge", "policy", MAY_BE_ANY, NULL},
    {"merge", "company", MAY_OBJECT, "any"},
    {"merge", "contact", MAY_OBJECT, "any"},
    {"emails", "without", MAY_OBJECT | MAY_LIST, "values"},
    {"orphans", "account_name", MAY_TEXT, NULL},
    {"orphans", "account_id", DST_ID, NULL},

    {"files", "max_bytes", MAY_BE_ANY, NULL},
    {"files", "storage_bytes", TEXT_OR_NUMBER, NULL},
    {"files", "too_large", MAY_BE_ANY, NULL},
    {"files", "beyond", MAY_BE_ANY, NULL},
    {"files", "beyond_ids", MAY_LIST, "values"},
    {"files", "broken", MAY_BE_ANY, NULL},
    {"files", "source_url", MAY_TEXT, NULL},
    {"files", "names", MAY_OBJECT, "texts"},
    {"lines", "currency", MAY_BE_ANY, NULL},
    {"lines", "base", MAY_TEXT, NULL},
    {"lines", "other", MAY_LIST, "any"},
    {"activities", "call", MAY_BE_ANY, NULL},
    {"activities", "html", MAY_BE_ANY, NULL},
    {"activities", "long", MAY_BE_ANY, NULL},
    {"notes", "html", MAY_BE_ANY, NULL},

    {"custom_objects", "*", MAY_OBJECT, "a custom object"},
    {"a custom object", "fate", MAY_BE_ANY, NULL},
    {"a custom object", "entity", MAY_TEXT, NULL},
    {"a custom object", "parent", MAY_TEXT, NULL},
    {"a custom object", "reason", MAY_TEXT, NULL},
    {"events", "fate", MAY_BE_ANY, NULL},
    {"events", "types", MAY_OBJECT, "types"},
    {"types", "*", MAY_OBJECT, "a type of events"},
    {"a type of events", "name", MAY_TEXT, NULL},
    {"a type of events", "versions", MAY_OBJECT, "texts"},
};

struct shape {
    struct checking *k;
    size_t told;
};

/* A member or element `j` of `in`, which is of the shape `shape`. */
struct place {
    const struct place *up;
    const struct dr_json *in, *j;
    const char *shape;
    size_t nth;
};

static struct dr_str object_of(const struct place *at)
{
    for (; at; at = at->up) {
        if (strcmp(at->shape, "an object of the plan") == 0) {
            return dr_json_get_str(at->in, "object");
        }
        if (strcmp(at->shape, "pipelines") == 0) {
            return DR_STR_LIT("deal");
        }
    }
    return (struct dr_str){"", 0};
}

/* "orphans.account_id", "pipelines[0].stages"; what is in an object of the plan
 * begins there, and what is in a row with the rule's id. */
static void put_path(struct dr_buf *out, const struct place *at)
{
    bool row = strcmp(at->shape, "a row") == 0;

    if (row) {
        dr_buf_str(out, dr_utf8_prefix(dr_json_get_str(at->in, "rule"), 128));
    } else if (at->up && strcmp(at->shape, "an object of the plan") != 0) {
        put_path(out, at->up);
    }
    if (dr_json_type(at->in) == DR_JSON_ARRAY) {
        dr_buf_printf(out, "[%zu]", at->nth);
    } else {
        dr_buf_z(out, out->n > 0 ? "." : "");
        dr_buf_str(out, dr_utf8_prefix(at->j->key, 64));
    }
}

static void tell(struct shape *s, const struct place *at, struct dr_str detail)
{
    struct dr_buf path;

    if (s->told++ < TOLD_MAX) {
        dr_buf_init(&path, 4096);
        put_path(&path, at);
        invalid(s->k, object_of(at), dr_buf_view(&path), detail);
        dr_buf_done(&path);
    }
}

/* ---- one place ---- */

static const char *kind_of(const struct dr_json *j)
{
    static const char *const words[] = {
        [DR_JSON_ABSENT] = "nothing",  [DR_JSON_NULL] = "null",
        [DR_JSON_FALSE] = "false",     [DR_JSON_TRUE] = "true",
        [DR_JSON_NUMBER] = "a number", [DR_JSON_STRING] = "a text",
        [DR_JSON_ARRAY] = "a list",    [DR_JSON_OBJECT] = "an object",
    };

    return words[dr_json_type(j)];
}

static const char *expected(unsigned may)
{
    switch (may & (MAY_TEXT | MAY_NUMBER | MAY_LIST | MAY_OBJECT)) {
    case MAY_TEXT:
        return "a text";
    case TEXT_OR_NUMBER:
        return may & IS_ID ? "an id of Freshsales, in digits"
                           : "a text or a number";
    case MAY_LIST:
        return "a list";
    case MAY_OBJECT:
        return "an object";
    default:
        return "an object or a list";
    }
}

static bool is_allowed(const struct dr_json *j, unsigned may)
{
    switch (dr_json_type(j)) {
    case DR_JSON_NULL:
        return may & MAY_NULL;
    case DR_JSON_NUMBER:
        return may & MAY_NUMBER;
    case DR_JSON_STRING:
        return may & MAY_TEXT;
    case DR_JSON_ARRAY:
        return may & MAY_LIST;
    case DR_JSON_OBJECT:
        return may & MAY_OBJECT;
    case DR_JSON_ABSENT:
    case DR_JSON_FALSE:
    case DR_JSON_TRUE:
        break;
    }
    return false;
}

static bool is_whole(const struct dr_json *j)
{
    uint64_t n;

    return dr_str_u64(dr_json_scalar(j), &n) == 0 && n > 0;
}

/* True: it may be looked into. */
static bool check_place(struct shape *s, const struct place *at, unsigned may)
{
    const struct dr_json *j = at->j;

    if (may & MAY_BE_ANY) {
        return false;
    }
    if (!is_allowed(j, may)) {
        tell(s, at,
             dr_arena_printf(s->k->a, "it is %s: it must be %s", kind_of(j),
                             expected(may)));
        return false;
    }
    if ((may & IS_ID) && dr_json_scalar(j).n > 0 && !is_whole(j)) {
        tell(s, at, DR_STR_LIT("it must be an id of Freshsales, in digits"));
    } else if ((may & IS_COUNT) && !is_whole(j)) {
        tell(s, at, DR_STR_LIT("it must be a whole number from 1"));
    } else if ((may & IS_SECONDS) && !dr_str_eqz(dr_json_str(j), "s")) {
        tell(s, at, DR_STR_LIT("it can be s"));
    }
    return true;
}

/* ---- all places ---- */

static const struct member *member_of(const char *in, struct dr_str name)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(members); i++) {
        const struct member *m = &members[i];
        if (strcmp(m->in, in) == 0 &&
            (strcmp(m->name, "*") == 0 || dr_str_eqz(name, m->name))) {
            return m;
        }
    }
    return NULL;
}

static const char *said_of(const char *in)
{
    return strcmp(in, "plan") == 0 ? "a plan"
           : strchr(in, ' ')       ? in
                                   : "this member";
}

static void tell_unknown(struct shape *s, const struct place *at)
{
    const char *in = at->shape;
    struct dr_buf b;
    bool first = true;

    if (s->told >= TOLD_MAX) {
        s->told++;
        return;
    }
    dr_buf_init(&b, 4096);
    dr_buf_printf(&b, "%s has no such member: it has ", said_of(in));
    for (size_t i = 0; i < DR_ARRAY_LEN(members); i++) {
        if (strcmp(members[i].in, in) == 0) {
            dr_buf_printf(&b, "%s%s", first ? "" : ", ", members[i].name);
            first = false;
        }
    }
    tell(s, at, dr_arena_dup(s->k->a, dr_buf_view(&b)));
    dr_buf_done(&b);
}

/* The shapes are a tree, seven deep at most. */
static void walk(struct shape *s, const struct place *up,
                 const struct dr_json *in, const char *shape)
{
    size_t nth = 0;

    DR_JSON_EACH(j, in)
    {
        const struct member *m = member_of(shape, j->key);
        struct place here = {up, in, j, shape, nth++};
        if (!m) {
            tell_unknown(s, &here);
        } else if (check_place(s, &here, m->may) && m->of) {
            walk(s, &here, j, m->of);
        }
    }
}

void check_shape(struct checking *k)
{
    const struct dr_str none = {"", 0};
    struct shape s = {.k = k};

    walk(&s, NULL, k->plan->root, "plan");
    if (s.told > TOLD_MAX) {
        invalid(k, none, none,
                dr_arena_printf(k->a, "%zu more places are not as a plan's are",
                                s.told - TOLD_MAX));
    }
}
