#include "multipart.h"

#include <string.h>

#define BOUNDARY_MAX 70 /* RFC 2046 */

static struct dr_str from(struct dr_str s, size_t at)
{
    return (struct dr_str){s.p + at, s.n - at};
}

/* Fast also through a hundred megabytes. */
static size_t find(struct dr_str hay, struct dr_str needle)
{
    const char *p = hay.n ? memmem(hay.p, hay.n, needle.p, needle.n) : NULL;

    return p ? (size_t)(p - hay.p) : SIZE_MAX;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A quoted value as curl (\") and as browsers (%22, %0D, %0A) write it. Takes
 * it and the closing quote off rest. */
static struct dr_str quoted_value(struct dr_arena *ar, struct dr_str *rest)
{
    char *out = dr_arena_alloc(ar, rest->n + 1);
    struct dr_str s = *rest;
    size_t n = 0, i = 0;

    for (; out && i < s.n && s.p[i] != '"'; i++) {
        int code = i + 2 < s.n && s.p[i] == '%' && hex(s.p[i + 1]) >= 0 &&
                           hex(s.p[i + 2]) >= 0
                       ? hex(s.p[i + 1]) * 16 + hex(s.p[i + 2])
                       : -1;
        if (code == '"' || code == '\r' || code == '\n') {
            out[n++] = (char)code;
            i += 2;
        } else if (s.p[i] == '\\' && i + 1 < s.n &&
                   (s.p[i + 1] == '"' || s.p[i + 1] == '\\')) {
            out[n++] = s.p[++i];
        } else {
            out[n++] = s.p[i];
        }
    }
    *rest = from(s, i < s.n ? i + 1 : s.n);
    return (struct dr_str){out ? out : "", n};
}

/* The parameter `name` of a header's value; p NULL: absent. */
static struct dr_str parameter(struct dr_arena *ar, struct dr_str value,
                               const char *name)
{
    size_t semicolon = find(value, DR_STR_LIT(";"));
    struct dr_str rest = semicolon == SIZE_MAX ? (struct dr_str){NULL, 0}
                                               : from(value, semicolon + 1);

    while (rest.p && rest.n > 0) {
        size_t eq = find(rest, DR_STR_LIT("="));
        struct dr_str key, v;
        if (eq == SIZE_MAX) {
            break;
        }
        key = dr_str_trim((struct dr_str){rest.p, eq});
        rest = from(rest, eq + 1);
        if (rest.n > 0 && rest.p[0] == '"') {
            rest = from(rest, 1);
            v = quoted_value(ar, &rest);
            (void)dr_str_split(&rest, ';');
        } else {
            v = dr_str_trim(dr_str_split(&rest, ';'));
        }
        if (dr_str_ieq(key, dr_str_z(name))) {
            return v;
        }
    }
    return (struct dr_str){NULL, 0};
}

static void read_header(struct dr_arena *ar, struct dr_str line,
                        struct part *out)
{
    struct dr_str value = line;
    struct dr_str name = dr_str_trim(dr_str_split(&value, ':'));

    if (!value.p) {
        return;
    }
    if (dr_str_ieq(name, DR_STR_LIT("Content-Disposition"))) {
        out->name = parameter(ar, value, "name");
        out->filename = parameter(ar, value, "filename");
    } else if (dr_str_ieq(name, DR_STR_LIT("Content-Type"))) {
        out->type = dr_str_trim(value);
    }
}

/* Headers, an empty line, the data. */
static int read_part(struct dr_arena *ar, struct dr_str s, struct part *out)
{
    size_t end;

    *out = (struct part){.name = {NULL, 0}};
    while ((end = find(s, DR_STR_LIT("\r\n"))) != 0) {
        if (end == SIZE_MAX || end > PART_HEADERS_MAX) {
            return -1;
        }
        read_header(ar, (struct dr_str){s.p, end}, out);
        s = from(s, end + 2);
    }
    out->data = from(s, 2);
    return out->name.p ? 0 : -1;
}

int multipart_read(struct dr_arena *ar, struct dr_str content_type,
                   struct dr_str body, struct multipart *out)
{
    struct dr_str boundary = parameter(ar, content_type, "boundary");
    struct dr_str delimiter;
    size_t at;

    out->n = 0;
    if (!dr_str_starts(content_type, DR_STR_LIT("multipart/form-data")) ||
        boundary.n == 0 || boundary.n > BOUNDARY_MAX) {
        return -1;
    }
    delimiter = dr_arena_printf(ar, "\r\n--" DR_STR_FMT, DR_STR_ARG(boundary));
    /* The first one needs no line end before it. */
    if (!dr_str_starts(body, from(delimiter, 2))) {
        return -1;
    }
    body = from(body, delimiter.n - 2);
    while (body.n >= 2 && memcmp(body.p, "--", 2) != 0) {
        if (memcmp(body.p, "\r\n", 2) != 0 || out->n == PARTS_MAX) {
            return -1;
        }
        body = from(body, 2);
        at = find(body, delimiter);
        if (at == SIZE_MAX ||
            read_part(ar, (struct dr_str){body.p, at}, &out->v[out->n++])) {
            return -1;
        }
        body = from(body, at + delimiter.n);
    }
    return body.n >= 2 ? 0 : -1;
}

const struct part *multipart_get(const struct multipart *m, const char *name)
{
    for (size_t i = m->n; i > 0; i--) {
        if (dr_str_eqz(m->v[i - 1].name, name)) {
            return &m->v[i - 1];
        }
    }
    return NULL;
}
