/*
 * An export folder read whole (contract 6): its manifest held against every
 * file, its records indexed by id, its associations sorted. Bodies stay on
 * disk; what is packed or CSV is unfolded into a scratch file first.
 */
#ifndef EXTRACTOR_DROP_H
#define EXTRACTOR_DROP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <drover/base/arena.h>
#include <drover/json/json.h>

struct entry {
    struct dr_str id, deal; /* deal: of a line item */
    FILE *file;
    uint64_t offset;
    uint32_t bytes, sum; /* sum: of them, as the manifest was held against */
    uint64_t version;
    int64_t updated_ms;
    bool archived;
};

/* A record that the folder says is gone (tombstones.ndjson). */
struct drop_gone {
    struct dr_str id, merged_into; /* empty: deleted */
    uint64_t version;
};

struct drop_kind {
    struct dr_str name;
    struct entry *v; /* by id */
    size_t n, cap;
    struct drop_gone *gone; /* by id */
    size_t gone_n, gone_cap;
    struct dr_str *broken; /* ids of records that are there, and unreadable */
    size_t broken_n, broken_cap;
};

struct drop_end {
    struct dr_str from, to, type_id, label, category, updated_at;
    bool primary;
};

struct drop_pair {
    struct dr_str from, to;
    struct drop_end *v; /* by (from, to) */
    size_t n, cap;
};

/* A line that is no record. */
struct drop_bad {
    struct dr_str object, file, raw, why;
    uint64_t offset, bytes;
};

/* What a person should know of a folder that is taken all the same. */
struct drop_told {
    struct dr_str about, found, cure;
};
#define DROP_TOLD_MAX 64

struct drop {
    struct dr_arena *arena;
    unsigned unpack_ratio;
    char dir[4000];
    uint8_t hash[32]; /* of the manifest */
    int64_t produced_ms;
    const struct dr_json *manifest, *schema, *pipelines, *owners, *currencies,
        *automation;
    struct drop_kind *kinds;
    size_t kind_n;
    struct drop_pair *pairs;
    size_t pair_n;
    struct drop_bad *bad;
    size_t bad_n, bad_cap, bad_bytes;
    struct drop_told told[DROP_TOLD_MAX];
    size_t told_n;
    bool full; /* the arena is: what was to be kept is not */
    uint64_t rows;
    FILE **files;
    size_t file_n;
};

/* NULL: err names the file and says what is wrong. A folder without a manifest
 * gets manifest.proposed.json, and is refused. unpack_ratio: see text_bound. */
struct drop *drop_open(const char *dir, unsigned unpack_ratio,
                       struct dr_err *err);
void drop_free(struct drop *d);
/* Is the manifest another one than it was? */
bool drop_changed(const struct drop *d);

struct drop_kind *drop_kind(const struct drop *d, struct dr_str name);
const struct entry *drop_find(const struct drop_kind *k, struct dr_str id);
/* First index whose id is greater. */
size_t drop_after(const struct drop_kind *k, struct dr_str id);
struct drop_pair *drop_pair(const struct drop *d, struct dr_str from,
                            struct dr_str to);
size_t drop_ends(const struct drop_pair *p, struct dr_str from);
/* Tells bytes that were written over from those that were read. */
uint32_t drop_sum(struct dr_str bytes);
/* Appends the record's JSON. -1: it is not what it was. */
int drop_body(const struct entry *e, struct dr_buf *out);

/* It is there, and cannot be read: a broken line, or `poison` of the manifest.
 * Events and line items are not among them. */
bool drop_is_broken(const struct drop_kind *k, struct dr_str id);
/* First index of `broken` whose id is greater. */
size_t drop_broken_after(const struct drop_kind *k, struct dr_str id);

/* What is said of a record that the folder has not; NULL: nothing. */
const struct drop_gone *drop_gone_find(const struct drop_kind *k,
                                       struct dr_str id);

/* Pairs of the schema that have records but no file of associations, each as
 * "contact/company". With `before`, a drop: those that had links there and have
 * none now. */
size_t drop_unlinked(const struct drop *d, const struct drop *before,
                     struct dr_arena *a, struct dr_str *out, size_t max);

#endif
