/*
 * A small ordered JSON object that can be changed: selectors, field
 * definitions, views, price and line entries. Values are kept as JSON text.
 */
#ifndef FS_JOBJ_H
#define FS_JOBJ_H

#include <drover/base/buf.h>
#include <drover/json/json.h>

struct member {
    char *key;
    char *raw; /* JSON text */
};

struct jobj {
    struct member *v;
    size_t n, cap;
};

void jobj_done(struct jobj *o);
void jobj_copy(struct jobj *out, const struct jobj *from);
void jobj_from(struct jobj *out, const struct dr_json *j);
const char *jobj_raw(const struct jobj *o, const char *key); /* NULL: absent */
void jobj_set(struct jobj *o, const char *key, struct dr_str raw);
void jobj_setz(struct jobj *o, const char *key, const char *raw);
void jobj_set_text(struct jobj *o, const char *key, struct dr_str text);
void jobj_set_i64(struct jobj *o, const char *key, int64_t v);
void jobj_drop(struct jobj *o, const char *key);
/* 0 when absent or no integer. */
int64_t jobj_i64(const struct jobj *o, const char *key);
bool jobj_true(const struct jobj *o, const char *key);
/* Appends the decoded text of a string member; nothing when it is none. */
void jobj_text(const struct jobj *o, const char *key, struct dr_buf *out);
bool jobj_is(const struct jobj *o, const char *key, const char *text);
void jobj_write(const struct jobj *o, struct dr_json_w *w);

/* JSON text of a string and of a node; the caller frees. */
char *raw_of_text(struct dr_str text);
char *raw_of_node(const struct dr_json *j);
/* Appends the characters of a JSON string text, or the text itself when it is
 * another scalar. NULL and null append nothing. */
void raw_text(const char *raw, struct dr_buf *out);
int64_t raw_i64(const char *raw); /* 0: none */

#endif
