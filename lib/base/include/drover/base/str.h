/*
 * Length-carrying byte strings. A dr_str borrows; it need not end in NUL and
 * may hold any byte. p may be NULL only when n is 0.
 */
#ifndef DROVER_BASE_STR_H
#define DROVER_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/attrs.h>

struct dr_str {
    const char *p;
    size_t n;
};

#define DR_STR_LIT(s) ((struct dr_str){(s), sizeof(s) - 1})
#define DR_STR_FMT "%.*s"
#define DR_STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

struct dr_str dr_str_z(const char *z); /* NULL gives the empty string */
bool dr_str_eq(struct dr_str a, struct dr_str b);
bool dr_str_eqz(struct dr_str a, const char *z);
int dr_str_cmp(struct dr_str a, struct dr_str b);  /* bytes, memcmp order */
bool dr_str_ieq(struct dr_str a, struct dr_str b); /* ASCII case folded */
bool dr_str_starts(struct dr_str s, struct dr_str prefix);
bool dr_str_ends(struct dr_str s, struct dr_str suffix);
struct dr_str dr_str_trim(struct dr_str s); /* ASCII blanks at both ends */
/* Position of needle in hay, or SIZE_MAX. */
size_t dr_str_find(struct dr_str hay, struct dr_str needle);
/* Cuts *rest at the first sep: returns the head, *rest becomes the tail
 * (p NULL when there was no separator left). */
struct dr_str dr_str_split(struct dr_str *rest, char sep);

/* Strict decimal integers: optional '-', digits, nothing else, no overflow. */
int dr_str_i64(struct dr_str s, int64_t *out) DR_MUSTCHECK;
int dr_str_u64(struct dr_str s, uint64_t *out) DR_MUSTCHECK;

/* Strict UTF-8 (no overlong forms, no surrogates, <= U+10FFFF). */
bool dr_utf8_valid(struct dr_str s);
/* Valid UTF-8 and no NUL inside: what may travel as protobuf text. */
bool dr_text_valid(struct dr_str s);
size_t dr_utf8_count(struct dr_str s); /* characters; s must be valid */
/* Longest prefix of at most max characters, never cutting one in two. */
struct dr_str dr_utf8_prefix(struct dr_str s, size_t max);

/* Stable 64-bit hash (FNV-1a with a final mix). The partitioner of all topics
 * hangs on it: it never changes. */
uint64_t dr_hash64(struct dr_str s);
/* The partition of a key among n: dr_hash64(key) mod n. */
int32_t dr_partition(struct dr_str key, int32_t n);

#endif
