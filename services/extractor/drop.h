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
    size_t bytes;
    uint64_t version;
    int64_t updated_ms;
    bool archived;
};

struct drop_kind {
    struct dr_str name;
    struct entry *v; /* by id */
    size_t n, cap;
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

struct drop {
    struct dr_arena *arena;
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
    size_t bad_n, bad_cap;
    FILE **files;
    size_t file_n;
};

/* NULL: err names the file and says what is wrong. A folder without a manifest
 * gets manifest.proposed.json, and is refused. */
struct drop *drop_open(const char *dir, struct dr_err *err);
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
/* Appends the record's JSON. */
int drop_body(const struct entry *e, struct dr_buf *out);

/* ---- drop_rows.c ---- */

/* The rows of one file into the index; the number of rows, or -1. */
int64_t drop_rows(struct drop *d, const struct dr_json *entry, FILE *stored,
                  struct dr_err *err);
int64_t drop_assocs(struct drop *d, const struct dr_json *entry, FILE *stored,
                    struct dr_err *err);
FILE *drop_scratch(struct drop *d);

/* ---- drop_propose.c ---- */

/* Writes what a manifest could be; always -1, with err. */
int drop_propose(const char *dir, struct dr_err *err);

#endif
