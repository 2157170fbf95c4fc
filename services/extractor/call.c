#include "call.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/time.h>

/* Segments after /v1/; "*" is the object, "+" the other one, "#" an id. */
static const struct form {
    const char *path;
    enum call_kind kind;
    const char *name;
} forms[] = {
    {"account", CALL_ACCOUNT, "account"},
    {"schema/objects", CALL_SCHEMA_OBJECTS, "schema_objects"},
    {"schema/objects/*/properties", CALL_PROPERTIES, "properties"},
    {"schema/associations", CALL_SCHEMA_ASSOCIATIONS, "schema_associations"},
    {"schema/events", CALL_CATALOGUE, "schema_events"},
    {"pipelines/*", CALL_CATALOGUE, "pipelines"},
    {"owners", CALL_CATALOGUE, "owners"},
    {"currencies", CALL_CATALOGUE, "currencies"},
    {"tags", CALL_CATALOGUE, "tags"},
    {"automation/workflows", CALL_CATALOGUE, "workflows"},
    {"automation/sequences", CALL_CATALOGUE, "sequences"},
    {"automation/email-templates", CALL_CATALOGUE, "email_templates"},
    {"objects/*", CALL_LIST, "list"},
    {"objects/*/index", CALL_INDEX, "index"},
    {"objects/*/changes", CALL_CHANGES, "changes"},
    {"objects/*/batch/read", CALL_READ, "read"},
    {"objects/*/#", CALL_ONE, "one"},
    {"associations/changes", CALL_ASSOCIATION_CHANGES, "association_changes"},
    {"associations/*/+/batch/read", CALL_ASSOCIATIONS, "associations"},
    {"events", CALL_EVENTS, "events"},
};

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Percent-decodes into out; what does not fit is cut. */
static void decode(struct dr_str in, char *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < in.n && n + 1 < cap; i++) {
        char c = in.p[i];
        if (c == '%' && i + 2 < in.n && digit(in.p[i + 1]) >= 0 &&
            digit(in.p[i + 2]) >= 0) {
            c = (char)(digit(in.p[i + 1]) * 16 + digit(in.p[i + 2]));
            i += 2;
        }
        out[n++] = c;
    }
    out[n] = '\0';
}

static bool fits(struct dr_str path, const struct form *f, struct call *out)
{
    struct dr_str form = dr_str_z(f->path);

    while (form.p && path.p) {
        struct dr_str want = dr_str_split(&form, '/');
        struct dr_str got = dr_str_split(&path, '/');
        if (dr_str_eqz(want, "*")) {
            decode(got, out->object, sizeof(out->object));
        } else if (dr_str_eqz(want, "+")) {
            decode(got, out->to, sizeof(out->to));
        } else if (dr_str_eqz(want, "#")) {
            decode(got, out->id, sizeof(out->id));
        } else if (!dr_str_eq(want, got)) {
            return false;
        }
    }
    return !form.p && !path.p;
}

static int64_t time_of(struct dr_str in)
{
    char text[64];
    int64_t ms;

    decode(in, text, sizeof(text));
    return dr_time_parse(dr_str_z(text), &ms, NULL) ? 0 : ms;
}

static void parameters(struct dr_str query, struct call *out)
{
    while (query.p) {
        struct dr_str one = dr_str_split(&query, '&');
        struct dr_str key = dr_str_split(&one, '=');
        if (dr_str_eqz(key, "after")) {
            decode(one, out->after, sizeof(out->after));
        } else if (dr_str_eqz(key, "limit")) {
            out->limit = dr_str_i64(one, &out->limit) ? 0 : out->limit;
        } else if (dr_str_eqz(key, "updated_since")) {
            out->since_ms = time_of(one);
        } else if (dr_str_eqz(key, "updated_before")) {
            out->before_ms = time_of(one);
        }
    }
}

void call_parse(struct dr_str path, struct call *out)
{
    const struct dr_str base = DR_STR_LIT("/v1/");
    struct dr_str query = path;
    struct dr_str head = dr_str_split(&query, '?');

    *out = (struct call){0};
    if (!dr_str_starts(head, base)) {
        return;
    }
    head = (struct dr_str){head.p + base.n, head.n - base.n};
    for (size_t i = 0; i < DR_ARRAY_LEN(forms); i++) {
        if (fits(head, &forms[i], out)) {
            out->kind = forms[i].kind;
            out->name = forms[i].name;
            parameters(query, out);
            return;
        }
    }
    *out = (struct call){0};
}
