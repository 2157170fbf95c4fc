/*
 * JSON, the one reader and the one writer of Drover.
 *
 * The reader takes untrusted bytes and gives a tree in an arena. It is strict
 * (RFC 8259; UTF-8; no duplicate keys; bounded depth), keeps every number as
 * its lexeme and every value's raw bytes, and never makes a double. Proven
 * against jansson by differential tests.
 */
#ifndef DROVER_JSON_JSON_H
#define DROVER_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

enum dr_json_type {
    DR_JSON_ABSENT, /* only for "no such node": dr_json_type(NULL) */
    DR_JSON_NULL,
    DR_JSON_FALSE,
    DR_JSON_TRUE,
    DR_JSON_NUMBER, /* text = the lexeme */
    DR_JSON_STRING, /* text = the decoded characters; may hold NUL (\u0000) */
    DR_JSON_ARRAY,
    DR_JSON_OBJECT,
};

struct dr_json {
    enum dr_json_type type;
    uint32_t count;        /* of members or elements                     */
    struct dr_str key;     /* decoded, when a member of an object        */
    struct dr_str text;    /* strings and numbers                        */
    struct dr_str raw;     /* the value's bytes as read                  */
    struct dr_json *child; /* first member or element                   */
    struct dr_json *next;  /* sibling                                   */
};

struct dr_json_limits {
    size_t max_bytes;   /* 0: 8 MiB  */
    unsigned max_depth; /* 0: 64   */
    size_t max_nodes;   /* 0: 1 million */
};

/* Text and tree live in the arena; strings without escapes point into
 * `bytes`, which must outlive the tree. Exactly one value, blanks around it.
 * Error verdict DR_REJECT; text names byte offset and reason. limits may be
 * NULL. */
const struct dr_json *dr_json_parse(struct dr_arena *a, struct dr_str bytes,
                                    const struct dr_json_limits *limits,
                                    struct dr_err *err) DR_MUSTCHECK;

/* All accept NULL and the wrong type: they then give NULL, "" or false. */
enum dr_json_type dr_json_type(const struct dr_json *j);
const struct dr_json *dr_json_get(const struct dr_json *obj, const char *key);
const struct dr_json *dr_json_gets(const struct dr_json *obj,
                                   struct dr_str key);
const struct dr_json *dr_json_at(const struct dr_json *arr, size_t i);
bool dr_json_is_null(const struct dr_json *j); /* null or absent */
/* The text of a string, else the empty string. */
struct dr_str dr_json_str(const struct dr_json *j);
struct dr_str dr_json_get_str(const struct dr_json *obj, const char *key);
/* The text of a string or the lexeme of a number: ids come as either. */
struct dr_str dr_json_scalar(const struct dr_json *j);
bool dr_json_true(const struct dr_json *j);
/* True: this string is one of the elements. */
bool dr_json_lists(const struct dr_json *arr, struct dr_str text);
/* Integers from a number or a string of digits. -1: neither. */
int dr_json_i64(const struct dr_json *j, int64_t *out) DR_MUSTCHECK;
int64_t dr_json_get_i64(const struct dr_json *obj, const char *key,
                        int64_t otherwise);

#define DR_JSON_EACH(var, parent)                                            \
    for (const struct dr_json *var = (parent) ? (parent)->child : NULL; var; \
         var = var->next)

/*
 * The writer. Commas are its business:
 *
 *   struct dr_json_w w;
 *   dr_json_w_init(&w, &buf);
 *   dr_json_w_obj(&w);
 *   dr_json_w_key(&w, "name");  dr_json_w_str(&w, name);
 *   dr_json_w_end(&w);
 *
 * Depth at most 64 (DR_ASSERT). Strings must be valid UTF-8; bytes that are
 * not are written as U+FFFD.
 */
struct dr_json_w {
    struct dr_buf *out;
    uint64_t has_item; /* one bit a level */
    uint64_t is_obj;
    unsigned depth;
    bool after_key;
    bool pretty; /* one space indentation, LF */
};

void dr_json_w_init(struct dr_json_w *w, struct dr_buf *out);
void dr_json_w_obj(struct dr_json_w *w);
void dr_json_w_arr(struct dr_json_w *w);
void dr_json_w_end(struct dr_json_w *w); /* ends object or array */
void dr_json_w_key(struct dr_json_w *w, const char *key);
void dr_json_w_keys(struct dr_json_w *w, struct dr_str key);
void dr_json_w_str(struct dr_json_w *w, struct dr_str s);
void dr_json_w_z(struct dr_json_w *w, const char *z); /* NULL: null */
void dr_json_w_i64(struct dr_json_w *w, int64_t v);
void dr_json_w_u64(struct dr_json_w *w, uint64_t v);
void dr_json_w_bool(struct dr_json_w *w, bool v);
void dr_json_w_null(struct dr_json_w *w);
/* A value that is JSON already: a number lexeme, or the raw of a node. */
void dr_json_w_raw(struct dr_json_w *w, struct dr_str json);
void dr_json_w_tree(struct dr_json_w *w, const struct dr_json *j);
/* Shorthands: key and value. */
void dr_json_w_kv(struct dr_json_w *w, const char *key, struct dr_str s);
void dr_json_w_kvz(struct dr_json_w *w, const char *key, const char *z);
void dr_json_w_kvi(struct dr_json_w *w, const char *key, int64_t v);
void dr_json_w_kvb(struct dr_json_w *w, const char *key, bool v);

/* Canonical form: members sorted by key bytes at every level, no blanks,
 * strings with the shortest escapes, number lexemes as they are. What plan
 * hashes, schema hashes and content hashes are taken over. */
void dr_json_canonical(struct dr_buf *out, const struct dr_json *j);

#endif
