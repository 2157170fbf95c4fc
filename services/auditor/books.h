/*
 * The books: what is known of every record, as tables. A read model: each row
 * follows from the topics, the positions stand in the same transactions, and
 * without the file everything is read again from the beginning.
 *
 *   source   the newest version of every key of source.*, packed as it came
 *   record   one row for each line of records.ndjson, and its terminal state
 *   diff     what of a landed record is not in the target as the source has it
 *   fact     what the ledger says of a load record
 *   landed   what the target holds, by target record and lane
 *   reject   what stopped, by record and stage
 *   conflict fields that people changed in the target and that were left alone
 *   removal  deletions at the source that a person let through
 *
 * Rows of `source` are marked dirty when anything about them changed; judging
 * (settle.c) takes the mark away.
 */
#ifndef DROVER_AUDITOR_BOOKS_H
#define DROVER_AUDITOR_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/str.h>
#include <drover/ledger/ledger.h>
#include <drover/wire/wire.h>

#include "db.h"

struct books;

struct books *books_open(const char *path, struct dr_str migration);
void books_close(struct books *b);
/* Everything between is durable together. */
void books_begin(struct books *b);
void books_commit(struct books *b);
struct db *books_db(struct books *b);

/* ---- positions ---- */

/* The next offset to read; 0 for a topic that was never read. */
int64_t books_position(struct books *b, struct dr_str topic, int32_t part);
void books_set_position(struct books *b, struct dr_str topic, int32_t part,
                        int64_t next);
/* The same of a ledger, with who owned the partition there. */
void books_place(struct books *b, struct dr_str topic, int32_t part,
                 struct dr_fold_place *out);
void books_set_place(struct books *b, struct dr_str topic, int32_t part,
                     const struct dr_fold_place *at);

/* ---- what arrives ---- */

/* env: the packed message; older revisions than the one known are ignored. */
void books_source(struct books *b, const struct dr_source *s, struct dr_str env,
                  int64_t ts_ms);
struct fact_row {
    struct dr_str lane, key, type, class, reason, content_hash;
    struct dr_str landed_hash; /* of what the target held; of a DONE alone */
    bool refused;
    uint64_t dst, rev;
    uint32_t pass, origin;
    uint32_t deleted; /* enum fact_end */
};
/* Deleted by us, found gone then, kept since somebody had changed it (the
 * ledger's DELETED, by its numbers); or a refusal said that somebody deleted
 * what stood there. */
enum fact_end { FACT_STANDS, FACT_DELETED, FACT_GONE, FACT_KEPT, FACT_LOST };
/* A refusal does not take away a DONE of the same revision and pass, but for
 * one without content: the first of two steps, or what was found unfinished. */
void books_fact(struct books *b, const struct fact_row *f);
void books_fact_deleted(struct books *b, struct dr_str lane, struct dr_str key,
                        uint32_t how);
void books_landed(struct books *b, const struct dr_landed *l, int64_t ts_ms,
                  int64_t updated_ms);
void books_reject(struct books *b, const struct dr_rejected *r, int64_t ts_ms);
/* A field that the loader left alone (`partial`). */
void books_conflict(struct books *b, const struct dr_rejected *r,
                    int64_t ts_ms);
void books_removal(struct books *b, const struct dr_removal *r, uint64_t seq);
/* A marker of load.<lane>, or with an empty lane of source.<object>. */
void books_marker(struct books *b, struct dr_str lane, int32_t part,
                  const struct dr_marker *m, int64_t offset);
/* A load record: counted as such, and its key once in a pass, however often it
 * changes. */
void books_planned(struct books *b, struct dr_str lane, struct dr_str key,
                   uint32_t pass);
/* What an attachment says of its size; -1: nothing. */
void books_file(struct books *b, struct dr_str id, uint64_t rev, int64_t size);
void books_catalog(struct books *b, const struct dr_catalog *c);
void books_decision(struct books *b, const struct dr_audit_entry *e);

/* ---- what is known ---- */

/* A text kept under side and name; empty: none. Valid in the arena. */
struct dr_str books_catalog_text(struct books *b, const char *side,
                                 const char *name, struct dr_arena *a);
/* What the extractor last said of itself. */
struct dr_str books_extractor(struct books *b, struct dr_arena *a);
/* Side "kept": what the auditor itself wants to find again. */
void books_keep(struct books *b, const char *name, struct dr_str text);
struct dr_str books_kept(struct books *b, const char *name, struct dr_arena *a);
/* The newest source record of a key, unpacked into the arena. NULL: none. */
const struct dr_source *books_get_source(struct books *b, struct dr_str object,
                                         struct dr_str id, struct dr_arena *a);
bool books_get_fact(struct books *b, struct dr_str lane, struct dr_str key,
                    struct dr_arena *a, struct fact_row *out);
/* Bodies of a target record as the loaders left it, the newest first; at most
 * max. What a walk showed counts once a DONE names it, or while there is
 * nothing else: people may have changed the record since. The target's times
 * are whole seconds: of two lanes that wrote in one, whose answers may come in
 * any order, `lane` knows what it wrote itself; empty: it does not matter. */
size_t books_get_landed(struct books *b, struct dr_str type, uint64_t dst,
                        struct dr_str lane, struct dr_arena *a,
                        struct dr_str *bodies, size_t max);
struct conflict_row {
    struct dr_str field, class, reason;
    uint64_t rev; /* of the version that left it alone */
};
size_t books_get_conflicts(struct books *b, struct dr_str object,
                           struct dr_str id, struct dr_arena *a,
                           struct conflict_row *out, size_t max);
/* A person let the deletion of this record's revision through. */
bool books_removal_open(struct books *b, struct dr_str object, struct dr_str id,
                        uint64_t rev);
/* The loader did not delete it: somebody had changed it in the target. */
bool books_kept_back(struct books *b, struct dr_str object, struct dr_str id,
                     uint64_t rev);
/* How many records of a type of the target there were before the migration,
 * created by it, brought up to date by it, and known to be gone since. */
struct type_counts {
    int64_t before, created, updated, gone;
};
struct type_counts books_type_counts(struct books *b, struct dr_str type);
/* Marks everything that could be judged otherwise now. */
void books_dirty_all(struct books *b);
int64_t books_dirty_count(struct books *b);

/* ---- judged ---- */

struct record_row {
    struct dr_str object, id, src_object, src_id; /* of the source row */
    bool has_version;
    uint64_t version, rev, target;
    const char *state; /* NULL: not terminal yet */
    struct dr_str lane, type, rule, reason;
};
void books_record(struct books *b, const struct record_row *r);
/* Lines of a set that are in it no more become `deleted`. */
void books_lines_gone(struct books *b, struct dr_str deal, uint64_t rev);
struct diff_row {
    struct dr_str src_object, src_id; /* of the source row */
    struct dr_str object, id, field, source, expected, actual, cause;
    bool mismatch; /* what the target holds is not what was sent */
};
void books_clear_diffs(struct books *b, struct dr_str object, struct dr_str id);
void books_diff(struct books *b, const struct diff_row *d);
/* Figures of a verification: fields compared, fields that differ; enum
 * lacking. */
void books_verified(struct books *b, struct dr_str object, struct dr_str id,
                    int64_t fields, int64_t mismatches, int lacking);
/* Marks the records that lack links, and after a removal of accounts the
 * contacts; returns how many are marked in all. */
int64_t books_dirty_lacking(struct books *b);
int64_t books_lacking(struct books *b, int lacking);
void books_clean(struct books *b, struct dr_str object, struct dr_str id);

#endif
