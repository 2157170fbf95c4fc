#include "jobj.h"

#include <stdlib.h>
#include <string.h>

#define RAW_MAX ((size_t)64 << 20)

void jobj_done(struct jobj *o)
{
    for (size_t i = 0; i < o->n; i++) {
        free(o->v[i].key);
        free(o->v[i].raw);
    }
    free(o->v);
    *o = (struct jobj){NULL, 0, 0};
}

static struct member *find(const struct jobj *o, const char *key)
{
    for (size_t i = 0; i < o->n; i++) {
        if (strcmp(o->v[i].key, key) == 0) {
            return &o->v[i];
        }
    }
    return NULL;
}

static struct member *add(struct jobj *o, struct dr_str key)
{
    if (o->n == o->cap) {
        o->cap = o->cap ? o->cap * 2 : 8;
        o->v = dr_xrealloc(o->v, o->cap * sizeof(*o->v));
    }
    o->v[o->n].key = dr_xstrndup(key);
    o->v[o->n].raw = NULL;
    return &o->v[o->n++];
}

void jobj_copy(struct jobj *out, const struct jobj *from)
{
    *out = (struct jobj){NULL, 0, 0};
    for (size_t i = 0; i < from->n; i++) {
        add(out, dr_str_z(from->v[i].key))->raw = dr_xstrdup(from->v[i].raw);
    }
}

void jobj_from(struct jobj *out, const struct dr_json *j)
{
    *out = (struct jobj){NULL, 0, 0};
    DR_JSON_EACH(m, j)
    {
        add(out, m->key)->raw = raw_of_node(m);
    }
}

const char *jobj_raw(const struct jobj *o, const char *key)
{
    const struct member *m = find(o, key);

    return m ? m->raw : NULL;
}

void jobj_set(struct jobj *o, const char *key, struct dr_str raw)
{
    struct member *m = find(o, key);

    if (!m) {
        m = add(o, dr_str_z(key));
    }
    free(m->raw);
    m->raw = dr_xstrndup(raw);
}

void jobj_setz(struct jobj *o, const char *key, const char *raw)
{
    jobj_set(o, key, dr_str_z(raw));
}

void jobj_set_text(struct jobj *o, const char *key, struct dr_str text)
{
    char *raw = raw_of_text(text);

    jobj_setz(o, key, raw);
    free(raw);
}

void jobj_set_i64(struct jobj *o, const char *key, int64_t v)
{
    struct dr_buf b;

    dr_buf_init(&b, 32);
    dr_buf_i64(&b, v);
    jobj_set(o, key, dr_buf_view(&b));
    dr_buf_done(&b);
}

void jobj_drop(struct jobj *o, const char *key)
{
    struct member *m = find(o, key);

    if (m) {
        free(m->key);
        free(m->raw);
        memmove(m, m + 1, (size_t)(o->v + o->n - (m + 1)) * sizeof(*m));
        o->n--;
    }
}

int64_t jobj_i64(const struct jobj *o, const char *key)
{
    return raw_i64(jobj_raw(o, key));
}

bool jobj_true(const struct jobj *o, const char *key)
{
    const char *raw = jobj_raw(o, key);

    return raw && strcmp(raw, "true") == 0;
}

void jobj_text(const struct jobj *o, const char *key, struct dr_buf *out)
{
    raw_text(jobj_raw(o, key), out);
}

bool jobj_is(const struct jobj *o, const char *key, const char *text)
{
    struct dr_buf b;
    bool same;

    dr_buf_init(&b, RAW_MAX);
    jobj_text(o, key, &b);
    same = dr_str_eqz(dr_buf_view(&b), text);
    dr_buf_done(&b);
    return same;
}

void jobj_write(const struct jobj *o, struct dr_json_w *w)
{
    dr_json_w_obj(w);
    for (size_t i = 0; i < o->n; i++) {
        dr_json_w_key(w, o->v[i].key);
        dr_json_w_raw(w, dr_str_z(o->v[i].raw));
    }
    dr_json_w_end(w);
}

/* ---- JSON texts ---- */

char *raw_of_text(struct dr_str text)
{
    struct dr_json_w w;
    struct dr_buf b;
    char *out;

    dr_buf_init(&b, RAW_MAX);
    dr_json_w_init(&w, &b);
    dr_json_w_str(&w, text);
    out = dr_xstrndup(dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}

char *raw_of_node(const struct dr_json *j)
{
    if (dr_json_type(j) == DR_JSON_STRING) {
        return raw_of_text(j->text);
    }
    return j ? dr_xstrndup(j->raw) : dr_xstrdup("null");
}

static char unescaped(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* Only the writer's own escapes occur: \uXXXX stands for control bytes. */
void raw_text(const char *raw, struct dr_buf *out)
{
    size_t n;

    if (!raw || strcmp(raw, "null") == 0) {
        return;
    }
    n = strlen(raw);
    if (raw[0] != '"' || n < 2) {
        dr_buf_add(out, raw, n);
        return;
    }
    for (size_t i = 1; i + 1 < n; i++) {
        if (raw[i] != '\\') {
            dr_buf_ch(out, raw[i]);
        } else if (raw[i + 1] == 'u' && i + 5 < n) {
            char hex[3] = {raw[i + 4], raw[i + 5], '\0'};
            dr_buf_ch(out, (char)strtol(hex, NULL, 16));
            i += 5;
        } else {
            dr_buf_ch(out, unescaped(raw[++i]));
        }
    }
}

int64_t raw_i64(const char *raw)
{
    struct dr_str s = dr_str_z(raw);
    int64_t v;

    if (s.n >= 2 && s.p[0] == '"') {
        s = (struct dr_str){s.p + 1, s.n - 2};
    }
    return dr_str_i64(s, &v) ? 0 : v;
}
