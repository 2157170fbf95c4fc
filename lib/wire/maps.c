#include "maps.h"

#include <drover/base/attrs.h>
#include <drover/wire/wire.h>

#include <drover/v1/drover.pb-c.h>

#define F(st, kind, member)                                    \
    {                                                          \
#member, kind, offsetof(struct st, member), 0, 0, NULL \
    }
#define E(st, member, last)                                           \
    {                                                                 \
#member, MAP_ENUM, offsetof(struct st, member), 0, last, NULL \
    }
#define SUB(st, member, map)                                     \
    {                                                            \
#member, MAP_SUB, offsetof(struct st, member), 0, 0, map \
    }
#define LIST(st, field, member, count, map)           \
    {                                                 \
        field, MAP_SUBS, offsetof(struct st, member), \
            offsetof(struct st, count), 0, map        \
    }
#define TEXTS(st, field, member, count)                \
    {                                                  \
        field, MAP_TEXTS, offsetof(struct st, member), \
            offsetof(struct st, count), 0, NULL        \
    }
#define MAP(name, st, descriptor)                                   \
    static const struct msg_map name = {                            \
        &drover__v1__##descriptor##__descriptor, sizeof(struct st), \
        name##_fields, DR_ARRAY_LEN(name##_fields)}

static const struct field_map assoc_fields[] = {
    F(dr_assoc, MAP_TEXT, pair),     F(dr_assoc, MAP_TEXT, to_id),
    F(dr_assoc, MAP_TEXT, type_id),  F(dr_assoc, MAP_TEXT, label),
    F(dr_assoc, MAP_BOOL, primary),  F(dr_assoc, MAP_TEXT, category),
    F(dr_assoc, MAP_I64, updated_ms)};
MAP(assoc, dr_assoc, association);

static const struct field_map part_fields[] = {F(dr_part, MAP_TEXT, id),
                                               F(dr_part, MAP_U64, version),
                                               F(dr_part, MAP_BYTES, body)};
MAP(part, dr_part, part);

static const struct field_map blob_fields[] = {
    E(dr_blob, state, DR_BLOB_REFUSED), F(dr_blob, MAP_I32, partition),
    F(dr_blob, MAP_I64, first_offset),  F(dr_blob, MAP_I64, last_offset),
    F(dr_blob, MAP_U64, size),          F(dr_blob, MAP_HASH, sha256)};
MAP(blob, dr_blob, blob);

static const struct field_map alias_fields[] = {F(dr_alias, MAP_TEXT, type),
                                                F(dr_alias, MAP_TEXT, id),
                                                F(dr_alias, MAP_TEXT, into)};
MAP(alias, dr_alias, alias);

static const struct field_map source_fields[] = {
    F(dr_source, MAP_TEXT, object),
    F(dr_source, MAP_TEXT, id),
    F(dr_source, MAP_U64, rev),
    F(dr_source, MAP_U64, version),
    F(dr_source, MAP_I64, updated_ms),
    F(dr_source, MAP_I64, created_ms),
    F(dr_source, MAP_BOOL, archived),
    E(dr_source, origin, DR_ORIGIN_SWEEP),
    E(dr_source, op, DR_SRC_INDEX),
    F(dr_source, MAP_TEXT, merged_into),
    F(dr_source, MAP_BYTES, body),
    LIST(dr_source, "associations", assocs, assoc_count, &assoc),
    LIST(dr_source, "parts", parts, part_count, &part),
    F(dr_source, MAP_HASH, content_hash),
    F(dr_source, MAP_U32, epoch),
    SUB(dr_source, blob, &blob),
    LIST(dr_source, "aliases", aliases, alias_count, &alias)};
MAP(source, dr_source, source_record);

static const struct field_map marker_fields[] = {
    F(dr_marker, MAP_TEXT, object), F(dr_marker, MAP_U32, partition),
    F(dr_marker, MAP_U64, count),   F(dr_marker, MAP_U32, pass),
    F(dr_marker, MAP_U64, emitted), F(dr_marker, MAP_U32, epoch)};
MAP(marker, dr_marker, marker);

static const struct field_map field_fields[] = {
    F(dr_field, MAP_TEXT, name), F(dr_field, MAP_TEXT, rule),
    E(dr_field, kind, DR_VAL_JSON), F(dr_field, MAP_BYTES, value)};
MAP(field, dr_field, field);

static const struct field_map ref_fields[] = {
    F(dr_ref, MAP_TEXT, field),   F(dr_ref, MAP_TEXT, rule),
    F(dr_ref, MAP_TEXT, lane),    F(dr_ref, MAP_TEXT, key),
    F(dr_ref, MAP_BOOL, primary), E(dr_ref, on_miss, DR_MISS_REJECT),
    F(dr_ref, MAP_U64, dst)};
MAP(ref, dr_ref, ref);

static const struct field_map line_fields[] = {
    F(dr_line, MAP_TEXT, id), F(dr_line, MAP_U64, version),
    LIST(dr_line, "fields", fields, field_count, &field),
    SUB(dr_line, product, &ref)};
MAP(line, dr_line, line);

static const struct field_map load_fields[] = {
    F(dr_load, MAP_TEXT, lane),
    F(dr_load, MAP_TEXT, key),
    F(dr_load, MAP_TEXT, object),
    F(dr_load, MAP_TEXT, id),
    F(dr_load, MAP_U64, rev),
    F(dr_load, MAP_U64, version),
    F(dr_load, MAP_U32, pass),
    F(dr_load, MAP_HASH, plan_hash),
    F(dr_load, MAP_HASH, content_hash),
    F(dr_load, MAP_TEXT, marker),
    F(dr_load, MAP_TEXT, type),
    E(dr_load, op, DR_LOAD_DELETE),
    E(dr_load, how, DR_HOW_MERGE),
    F(dr_load, MAP_TEXT, ident),
    F(dr_load, MAP_U64, dst),
    LIST(dr_load, "fields", fields, field_count, &field),
    LIST(dr_load, "refs", refs, ref_count, &ref),
    LIST(dr_load, "lines", lines, line_count, &line),
    E(dr_load, origin, DR_ORIGIN_SWEEP),
    F(dr_load, MAP_TEXT, working_name),
    SUB(dr_load, blob, &blob),
    F(dr_load, MAP_TEXT, other_name),
    F(dr_load, MAP_TEXT, hides),
    F(dr_load, MAP_BOOL, other_first)};
MAP(load, dr_load, load_record);

static const struct field_map landed_fields[] = {
    F(dr_landed, MAP_TEXT, lane),        F(dr_landed, MAP_TEXT, key),
    F(dr_landed, MAP_TEXT, type),        F(dr_landed, MAP_U64, dst),
    F(dr_landed, MAP_U64, rev),          F(dr_landed, MAP_U32, pass),
    E(dr_landed, how, DR_LANDED_BEFORE), F(dr_landed, MAP_BYTES, body)};
MAP(landed, dr_landed, landed);

static const struct field_map rejected_fields[] = {
    F(dr_rejected, MAP_TEXT, object),     F(dr_rejected, MAP_TEXT, id),
    F(dr_rejected, MAP_TEXT, lane),       F(dr_rejected, MAP_TEXT, stage),
    F(dr_rejected, MAP_TEXT, class),      F(dr_rejected, MAP_TEXT, field),
    F(dr_rejected, MAP_TEXT, rule),       F(dr_rejected, MAP_TEXT, reason),
    F(dr_rejected, MAP_TEXT, cure),       F(dr_rejected, MAP_TEXT, topic),
    F(dr_rejected, MAP_I32, partition),   F(dr_rejected, MAP_I64, offset),
    F(dr_rejected, MAP_BOOL, redrivable), F(dr_rejected, MAP_BYTES, original),
    F(dr_rejected, MAP_U64, rev),         F(dr_rejected, MAP_U64, version),
    F(dr_rejected, MAP_U32, pass),        F(dr_rejected, MAP_BOOL, parked),
    F(dr_rejected, MAP_TEXT, part_id),    F(dr_rejected, MAP_BOOL, partial)};
MAP(rejected, dr_rejected, rejected);

static const struct field_map catalog_fields[] = {
    F(dr_catalog, MAP_TEXT, side), F(dr_catalog, MAP_TEXT, name),
    F(dr_catalog, MAP_BYTES, json), F(dr_catalog, MAP_HASH, hash)};
MAP(catalog, dr_catalog, catalog);

static const struct field_map cursor_fields[] = {F(dr_cursor, MAP_TEXT, name),
                                                 F(dr_cursor, MAP_BYTES, json)};
MAP(cursor, dr_cursor, cursor);

static const struct field_map control_fields[] = {
    F(dr_control, MAP_U64, seq),
    F(dr_control, MAP_TEXT, phase),
    F(dr_control, MAP_BOOL, paused),
    F(dr_control, MAP_HASH, plan_hash),
    F(dr_control, MAP_U32, pass),
    F(dr_control, MAP_TEXT, scope),
    TEXTS(dr_control, "open_lanes", open_lanes, open_lane_count),
    F(dr_control, MAP_U64, catalog_seq),
    F(dr_control, MAP_U32, generation),
    TEXTS(dr_control, "approvals", approvals, approval_count),
    F(dr_control, MAP_U64, file_limit),
    F(dr_control, MAP_U64, profile_check)};
MAP(control, dr_control, control);

static const struct field_map plan_fields[] = {F(dr_planfile, MAP_HASH, hash),
                                               F(dr_planfile, MAP_BYTES, json)};
MAP(plan, dr_planfile, plan_file);

static const struct field_map sample_fields[] = {
    F(dr_sample, MAP_U32, pass), TEXTS(dr_sample, "keys", keys, key_count)};
MAP(sample, dr_sample, sample);

static const struct field_map removal_fields[] = {
    F(dr_removal, MAP_TEXT, object), F(dr_removal, MAP_TEXT, id),
    F(dr_removal, MAP_U64, rev)};
MAP(removal, dr_removal, removal);

static const struct field_map removals_fields[] = {
    F(dr_removals, MAP_U64, seq),
    LIST(dr_removals, "items", items, item_count, &removal)};
MAP(removals, dr_removals, removals);

static const struct field_map meta_fields[] = {F(dr_meta, MAP_U32, partitions),
                                               F(dr_meta, MAP_U32, partitioner),
                                               F(dr_meta, MAP_U32, mapping)};
MAP(meta, dr_meta, meta);

static const struct field_map owner_fields[] = {
    F(dr_owner, MAP_U64, epoch), F(dr_owner, MAP_NONCE, nonce),
    F(dr_owner, MAP_TEXT, instance)};
MAP(owner, dr_owner, owner);

static const struct field_map item_fields[] = {
    F(dr_intent_item, MAP_TEXT, key),
    F(dr_intent_item, MAP_U64, rev),
    F(dr_intent_item, MAP_TEXT, marker),
    F(dr_intent_item, MAP_HASH, request_hash),
    E(dr_intent_item, op, DR_EFFECT_DELETE),
    F(dr_intent_item, MAP_U32, attempt),
    F(dr_intent_item, MAP_U32, pass),
    F(dr_intent_item, MAP_U32, step),
    F(dr_intent_item, MAP_U64, dst),
    F(dr_intent_item, MAP_TEXT, place)};
MAP(item, dr_intent_item, intent_item);

static const struct field_map intent_fields[] = {
    F(dr_intent, MAP_U64, epoch), F(dr_intent, MAP_NONCE, nonce),
    F(dr_intent, MAP_NONCE, job_nonce),
    LIST(dr_intent, "items", items, item_count, &item)};
MAP(intent, dr_intent, intent);

static const struct field_map job_fields[] = {
    F(dr_job, MAP_NONCE, job_nonce), F(dr_job, MAP_TEXT, status_url),
    F(dr_job, MAP_U64, epoch), F(dr_job, MAP_NONCE, nonce)};
MAP(job, dr_job, job);

static const struct field_map done_fields[] = {
    F(dr_done, MAP_TEXT, key),
    F(dr_done, MAP_U64, rev),
    F(dr_done, MAP_U64, dst),
    F(dr_done, MAP_U64, first_dst),
    E(dr_done, origin, DR_DONE_MERGED),
    E(dr_done, how, DR_DONE_ADOPTED),
    F(dr_done, MAP_HASH, response_hash),
    F(dr_done, MAP_HASH, content_hash),
    F(dr_done, MAP_HASH, landed_hash),
    F(dr_done, MAP_U32, pass),
    F(dr_done, MAP_TEXT, type),
    F(dr_done, MAP_U32, step),
    F(dr_done, MAP_TEXT, amount),
    F(dr_done, MAP_BYTES, fields),
    F(dr_done, MAP_TEXT, place),
    F(dr_done, MAP_U32, made)};
MAP(done, dr_done, done);

static const struct field_map refused_fields[] = {
    F(dr_refused, MAP_TEXT, key),         F(dr_refused, MAP_U64, rev),
    F(dr_refused, MAP_U64, epoch),        F(dr_refused, MAP_NONCE, nonce),
    F(dr_refused, MAP_U32, attempt),      F(dr_refused, MAP_TEXT, class),
    F(dr_refused, MAP_I32, code),         F(dr_refused, MAP_BOOL, final),
    F(dr_refused, MAP_TEXT, reason),      F(dr_refused, MAP_U32, pass),
    F(dr_refused, MAP_HASH, content_hash)};
MAP(refused, dr_refused, refused);

static const struct field_map preimage_fields[] = {
    F(dr_preimage, MAP_TEXT, key),   F(dr_preimage, MAP_U64, rev),
    F(dr_preimage, MAP_U64, dst),    F(dr_preimage, MAP_TEXT, type),
    F(dr_preimage, MAP_BYTES, body), F(dr_preimage, MAP_HASH, hash)};
MAP(preimage, dr_preimage, preimage);

static const struct field_map roll_fields[] = {
    F(dr_roll, MAP_U64, epoch), F(dr_roll, MAP_NONCE, nonce),
    F(dr_roll, MAP_HASH, plan_hash), F(dr_roll, MAP_TEXT, approval)};
MAP(roll, dr_roll, roll);

static const struct field_map deleted_fields[] = {
    F(dr_deleted, MAP_TEXT, key), F(dr_deleted, MAP_U64, dst),
    F(dr_deleted, MAP_U32, how),  F(dr_deleted, MAP_HASH, hash),
    F(dr_deleted, MAP_U64, rev),  F(dr_deleted, MAP_U32, pass)};
MAP(deleted, dr_deleted, deleted);

static const struct field_map audit_fields[] = {
    F(dr_audit_entry, MAP_U64, seq),
    F(dr_audit_entry, MAP_TEXT, lane),
    F(dr_audit_entry, MAP_I32, partition),
    F(dr_audit_entry, MAP_U64, epoch),
    F(dr_audit_entry, MAP_I64, offset),
    F(dr_audit_entry, MAP_I64, wall_ms),
    F(dr_audit_entry, MAP_TEXT, actor),
    F(dr_audit_entry, MAP_TEXT, operation),
    F(dr_audit_entry, MAP_TEXT, type),
    F(dr_audit_entry, MAP_TEXT, key),
    F(dr_audit_entry, MAP_U64, dst),
    F(dr_audit_entry, MAP_HASH, plan_hash),
    F(dr_audit_entry, MAP_HASH, request_hash),
    F(dr_audit_entry, MAP_I32, status),
    F(dr_audit_entry, MAP_HASH, prev)};
MAP(audit, dr_audit_entry, audit_entry);

static const struct field_map checkpoint_fields[] = {
    F(dr_checkpoint, MAP_U64, seq),   F(dr_checkpoint, MAP_U64, entries),
    F(dr_checkpoint, MAP_HASH, head), F(dr_checkpoint, MAP_I64, wall_ms),
    F(dr_checkpoint, MAP_HASH, prev), F(dr_checkpoint, MAP_BYTES, signature)};
MAP(checkpoint, dr_checkpoint, checkpoint);

#define BODY(kind, name, member) \
    [kind] = {name, &member, offsetof(struct dr_env, u.member)}

const struct body_map body_maps[] = {
    BODY(DR_MSG_SOURCE, "source", source),
    BODY(DR_MSG_MARKER, "marker", marker),
    BODY(DR_MSG_LOAD, "load", load),
    BODY(DR_MSG_LANDED, "landed", landed),
    BODY(DR_MSG_REJECTED, "rejected", rejected),
    BODY(DR_MSG_CATALOG, "catalog", catalog),
    BODY(DR_MSG_CURSOR, "cursor", cursor),
    BODY(DR_MSG_CONTROL, "control", control),
    BODY(DR_MSG_PLAN, "plan", plan),
    BODY(DR_MSG_SAMPLE, "sample", sample),
    BODY(DR_MSG_REMOVALS, "removals", removals),
    BODY(DR_MSG_META, "meta", meta),
    BODY(DR_MSG_OWNER, "owner", owner),
    BODY(DR_MSG_INTENT, "intent", intent),
    BODY(DR_MSG_JOB, "job", job),
    BODY(DR_MSG_DONE, "done", done),
    BODY(DR_MSG_REFUSED, "refused", refused),
    BODY(DR_MSG_PREIMAGE, "preimage", preimage),
    BODY(DR_MSG_ROLL, "roll", roll),
    BODY(DR_MSG_DELETED, "deleted", deleted),
    BODY(DR_MSG_AUDIT, "audit", audit),
    BODY(DR_MSG_CHECKPOINT, "checkpoint", checkpoint),
};
const size_t body_map_count = DR_ARRAY_LEN(body_maps);
