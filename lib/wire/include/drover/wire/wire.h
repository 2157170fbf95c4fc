/*
 * The wire: C structs and their bytes. The only user of generated protobuf
 * code. Values are borrowed on packing; unpacked ones live in the arena.
 *
 * What arrives is checked before and after unpacking: size (DR_WIRE_MAX),
 * format 1, a body, text that is valid UTF-8 without NUL, hashes of the right
 * length, enums in range, nothing twice, no more memory than the arena has and
 * no flood of empty sub-messages. What fails gives verdict DR_REJECT. Packing
 * checks text, hashes, enums and size in the same way: text out of a CRM goes
 * through dr_text_valid first (JSON may hold NUL).
 *
 * Numbers and money are text here as everywhere. "Present" is p != NULL for
 * strings; integers use 0 for absent except where has_x says otherwise.
 */
#ifndef DROVER_WIRE_WIRE_H
#define DROVER_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

#define DR_WIRE_FORMAT 1
/* Largest value that is unpacked at all; Kafka's own limit is below it. */
#define DR_WIRE_MAX (8u << 20)
/* Bytes of a source record's id: any text without NUL, not empty. The extractor
 * takes no longer one, so longer ones are Drover's own to give. */
#define DR_SOURCE_ID_MAX 64

enum dr_msg {
    DR_MSG_NONE,
    DR_MSG_SOURCE,
    DR_MSG_MARKER,
    DR_MSG_LOAD,
    DR_MSG_LANDED,
    DR_MSG_REJECTED,
    DR_MSG_CATALOG,
    DR_MSG_CURSOR,
    DR_MSG_CONTROL,
    DR_MSG_PLAN,
    DR_MSG_SAMPLE,
    DR_MSG_REMOVALS,
    DR_MSG_META,
    DR_MSG_OWNER,
    DR_MSG_INTENT,
    DR_MSG_JOB,
    DR_MSG_DONE,
    DR_MSG_REFUSED,
    DR_MSG_PREIMAGE,
    DR_MSG_ROLL,
    DR_MSG_DELETED,
    DR_MSG_AUDIT,
    DR_MSG_CHECKPOINT,
};

enum dr_origin { DR_ORIGIN_SNAPSHOT = 1, DR_ORIGIN_TAIL, DR_ORIGIN_SWEEP };

enum dr_source_op {
    DR_SRC_UPSERT = 1,
    DR_SRC_DELETE, /* gone at the source                                   */
    DR_SRC_MERGE,  /* gone into merged_into                                */
    DR_SRC_HIDDEN, /* 403: visibility lost                                 */
    DR_SRC_INDEX,  /* behind the end date: id and version only, no body    */
};

struct dr_assoc {
    struct dr_str pair, to_id, type_id, label, category;
    bool primary;
    int64_t updated_ms;
};

struct dr_part {
    struct dr_str id;
    uint64_t version;
    struct dr_str body;
};

/* A record of `type` that was merged at the source: `into` is the one that is
 * left, at the end of a chain of merges. */
struct dr_alias {
    struct dr_str type, id, into;
};

/* Why the bytes of an attachment are in `files`, or are not. */
enum dr_blob_state {
    DR_BLOB_STORED = 1,
    DR_BLOB_HASH,        /* the source's own hash is another one        */
    DR_BLOB_SIZE,        /* not as long as the source says              */
    DR_BLOB_MISSING,     /* the source has none: 404, status missing    */
    DR_BLOB_QUARANTINED, /* the source holds it back                    */
    DR_BLOB_REFUSED,     /* its address is one that must not be asked   */
};

/* The chunks of an attachment are the messages with its id as key from
 * first_offset to last_offset of a partition of `files`: raw bytes, 512 KiB
 * at most. None where size is 0. */
struct dr_blob {
    enum dr_blob_state state; /* 0: not fetched yet */
    int32_t partition;
    int64_t first_offset, last_offset;
    uint64_t size;
    struct dr_str sha256; /* 32 bytes, of what was read */
};

/*
 * rev: Drover's own revision of a key. The extractor sets it to the server
 * time (ms) of the read, or the last rev + 1 where that is not larger. Later
 * reads of a key have a larger rev even where the source moves no version
 * (association edits, 4.6 of the contract). The ledger's v is this rev.
 */
struct dr_source {
    struct dr_str object, id;
    uint64_t rev;
    bool has_version;
    uint64_t version;
    int64_t updated_ms, created_ms;
    bool archived;
    enum dr_origin origin;
    enum dr_source_op op;
    struct dr_str merged_into;
    struct dr_str body;
    const struct dr_assoc *assocs;
    size_t assoc_count;
    const struct dr_part *parts; /* line_item: the deal's lines, key = deal */
    size_t part_count;
    struct dr_str content_hash; /* 32 bytes, over aliases too */
    uint32_t epoch;
    struct dr_blob blob; /* attachment */
    /* Of ids that body, associations or parts name: these stay as they came,
     * and lib/plan follows. Each id once. */
    const struct dr_alias *aliases;
    size_t alias_count;
};

struct dr_marker {
    struct dr_str object;
    uint32_t partition;
    uint64_t count;
    uint32_t pass;
    uint64_t emitted;
    uint32_t epoch;
};

enum dr_value_kind {
    DR_VAL_NULL = 1,
    DR_VAL_TEXT,
    DR_VAL_NUMBER, /* the lexeme */
    DR_VAL_BOOL,   /* "true" or "false" */
    DR_VAL_JSON,   /* any JSON text */
};

struct dr_field {
    struct dr_str name, rule;
    enum dr_value_kind kind;
    struct dr_str value;
};

enum dr_on_miss {
    DR_MISS_DROP = 1, /* leave the link out; the auditor lists it          */
    DR_MISS_ORPHAN,   /* link to the Unassigned Account, unless another of
                         the same field is there                           */
    DR_MISS_REJECT,   /* the record makes no sense without it              */
};

/*
 * A reference by source key. `field` names what the loader makes of it:
 *   sales_accounts          one entry of a contact's array, with primary
 *   contacts_added_list     one entry of a deal's contacts
 *   sales_account_id, parent_sales_account_id, deal (deal_product: the path)
 *   targetable:<Type>       a task's targetable_id with targetable_type; of
 *                           several the first whose record is there
 */
struct dr_ref {
    struct dr_str field, rule, lane, key;
    bool primary;
    enum dr_on_miss on_miss;
    uint64_t dst; /* literal target id when key is empty */
};

struct dr_line {
    struct dr_str id;
    uint64_t version;
    const struct dr_field *fields;
    size_t field_count;
    struct dr_ref product;
};

enum dr_load_op { DR_LOAD_WRITE = 1, DR_LOAD_PATCH, DR_LOAD_DELETE };

enum dr_load_how {
    DR_HOW_SINGLE = 1, /* one call a record                                 */
    DR_HOW_BULK,       /* bulk, a contact: found by external_id, the key's   */
    /* 3 was: bulk, found by a name that is unique */
    DR_HOW_TWO_STEP = 4, /* bulk create under working_name, then by id */
    DR_HOW_MERGE, /* into dst, which was there before: pre-image first  */
};

struct dr_load {
    struct dr_str lane, key, object, id;
    uint64_t rev;
    uint64_t version;
    uint32_t pass;
    struct dr_str plan_hash;    /* 32 bytes */
    struct dr_str content_hash; /* 32 bytes over everything that is sent */
    struct dr_str marker;       /* 32 hex digits */
    struct dr_str type;
    enum dr_load_op op;
    enum dr_load_how how;
    struct dr_str ident, working_name;
    uint64_t dst;
    const struct dr_field *fields;
    size_t field_count;
    const struct dr_ref *refs;
    size_t ref_count;
    const struct dr_line *lines;
    size_t line_count;
    enum dr_origin origin;
    struct dr_blob blob; /* file */
    /* Where another record has its name or address. account: the name that it
     * has then; contact: what stands in work_email, and no address. */
    struct dr_str other_name;
    bool other_first; /* the plan knew: its first write is in its other form */
    /* What FastTrack does not show to the token and would be carried
     * (redaction.h); empty: nothing. A new record goes without it; one that
     * stands must lose nothing by it. */
    struct dr_str hides;
};

enum dr_landed_how {
    DR_LANDED_ANSWER = 1,
    DR_LANDED_WALK,
    DR_LANDED_LOOKUP,
    DR_LANDED_BEFORE, /* there before the migration */
};

struct dr_landed {
    struct dr_str lane, key, type;
    uint64_t dst, rev;
    uint32_t pass;
    enum dr_landed_how how;
    struct dr_str body;
};

struct dr_rejected {
    struct dr_str object, id, part_id, lane, stage, class, field, rule;
    struct dr_str reason, cure, topic, original;
    int32_t partition;
    int64_t offset;
    bool redrivable, parked;
    uint64_t rev, version;
    uint32_t pass;
    bool partial; /* the record landed; this field was left alone */
};

struct dr_catalog {
    struct dr_str side, name, json, hash;
};

struct dr_cursor {
    struct dr_str name, json;
};

struct dr_control {
    uint64_t seq;
    struct dr_str phase;
    bool paused;
    struct dr_str plan_hash; /* 32 bytes, or empty: nothing is written */
    uint32_t pass;
    struct dr_str scope;
    const struct dr_str *open_lanes;
    size_t open_lane_count;
    uint64_t catalog_seq;
    uint32_t generation;
    /* Ids of questions (extractor's status, `asks`) that a person answered
     * with yes. */
    const struct dr_str *approvals;
    size_t approval_count;
    uint64_t file_limit;    /* bytes; no larger file is fetched; 0: none yet */
    uint64_t profile_check; /* number of the last check that was asked for */
};

struct dr_planfile {
    struct dr_str hash, json;
};

struct dr_sample {
    uint32_t pass;
    const struct dr_str *keys;
    size_t key_count;
};

/* Deletions at the source that a person lets through to the target. */
struct dr_removal {
    struct dr_str object, id;
    uint64_t rev; /* of the tombstone */
};

struct dr_removals {
    uint64_t seq; /* from 1 */
    const struct dr_removal *items;
    size_t item_count;
};

struct dr_meta {
    uint32_t partitions, partitioner, mapping;
};

struct dr_owner {
    uint64_t epoch;
    struct dr_str nonce; /* 16 bytes */
    struct dr_str instance;
};

enum dr_effect {
    DR_EFFECT_CREATE = 1,
    DR_EFFECT_UPDATE,
    DR_EFFECT_UPSERT,
    DR_EFFECT_DELETE,
};

struct dr_intent_item {
    struct dr_str key, marker, request_hash, place;
    uint64_t rev, dst;
    enum dr_effect op;
    uint32_t attempt, pass, step;
};

struct dr_intent {
    uint64_t epoch;
    struct dr_str nonce, job_nonce;
    const struct dr_intent_item *items;
    size_t item_count;
};

struct dr_job {
    struct dr_str job_nonce, status_url, nonce;
    uint64_t epoch;
};

enum dr_done_origin { DR_DONE_CREATED = 1, DR_DONE_UPDATED, DR_DONE_MERGED };
enum dr_done_how { DR_DONE_ANSWERED = 1, DR_DONE_DISCOVERED, DR_DONE_ADOPTED };

struct dr_done {
    struct dr_str key, type, response_hash, content_hash, landed_hash;
    uint64_t rev, dst, first_dst;
    enum dr_done_origin origin;
    enum dr_done_how how;
    uint32_t pass, step;
    struct dr_str amount; /* deal: its own, which line items overwrite */
    struct dr_str fields; /* what each field was left at: lib/ledger */
    struct dr_str place;  /* note, file: the path of its list; what became
                             fields of another record: that record's id */
    uint32_t made;        /* the pass that created it, 0: none of ours */
};

struct dr_refused {
    struct dr_str key, nonce, class, reason, content_hash;
    uint64_t rev, epoch;
    uint32_t attempt, pass;
    int32_t code;
    bool final;
};

struct dr_preimage {
    struct dr_str key, type, body, hash;
    uint64_t rev, dst;
};

struct dr_roll {
    uint64_t epoch;
    struct dr_str nonce, plan_hash, approval;
};

/* DELETED: it was there and is deleted, or was gone already. */
enum dr_deleted_how { DR_DELETED_NOW = 1, DR_DELETED_GONE };

struct dr_deleted {
    struct dr_str key, hash;
    uint64_t dst, rev; /* rev of the removal: older versions stay gone */
    uint32_t how, pass;
};

struct dr_audit_entry {
    uint64_t seq, epoch, dst;
    struct dr_str lane, actor, operation, type, key;
    struct dr_str plan_hash, request_hash, prev;
    int32_t partition, status;
    int64_t offset, wall_ms;
};

struct dr_checkpoint {
    uint64_t seq, entries;
    struct dr_str head, prev, signature;
    int64_t wall_ms;
};

struct dr_env {
    uint8_t migration[16];
    uint32_t generation;
    struct dr_str service;
    int64_t wall_ms;
    enum dr_msg kind;
    union {
        struct dr_source source;
        struct dr_marker marker;
        struct dr_load load;
        struct dr_landed landed;
        struct dr_rejected rejected;
        struct dr_catalog catalog;
        struct dr_cursor cursor;
        struct dr_control control;
        struct dr_planfile plan;
        struct dr_sample sample;
        struct dr_removals removals;
        struct dr_meta meta;
        struct dr_owner owner;
        struct dr_intent intent;
        struct dr_job job;
        struct dr_done done;
        struct dr_refused refused;
        struct dr_preimage preimage;
        struct dr_roll roll;
        struct dr_deleted deleted;
        struct dr_audit_entry audit;
        struct dr_checkpoint checkpoint;
    } u;
};

/* Appends the bytes to out. -1: text that is not valid, or over the limit:
 * the record is to be rejected, nothing was appended. */
int dr_wire_pack(const struct dr_env *env, struct dr_buf *out,
                 struct dr_err *err) DR_MUSTCHECK;
/* NULL on anything doubtful. Strings point into the arena or into bytes,
 * which must both outlive the result. Unknown fields are ignored here. */
const struct dr_env *dr_wire_unpack(struct dr_arena *a, struct dr_str bytes,
                                    struct dr_err *err) DR_MUSTCHECK;
/* Unpacks and packs again, unknown fields kept: what an older service that
 * passes a record on does to it (test of the change rules). */
int dr_wire_repack(struct dr_str bytes, struct dr_buf *out,
                   struct dr_err *err) DR_MUSTCHECK;

/* The body kind's stable name, "load". */
const char *dr_msg_name(enum dr_msg kind);

#endif
