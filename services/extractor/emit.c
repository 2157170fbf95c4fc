/* What leaves the extractor: records, rejects, markers, cursors, status. */
#include "extractor.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#include "folder.h"

/* Acknowledgements waited for at once; beyond it Kafka is not there. */
#define FLUSH_MS 120000
/* A Kafka message may have 8 MiB (lib/service), envelope and batch included. */
#define RECORD_MAX (((size_t)8 << 20) - ((size_t)64 << 10))
#define UNACKED_MAX ((size_t)4 << 20)
/* Bytes of a bad record that are kept with its reject. */
#define ORIGINAL_MAX ((size_t)1 << 20)

struct object *object_find(struct extractor *ex, struct dr_str name)
{
    for (size_t i = 0; i < ex->object_count; i++) {
        if (dr_str_eqz(name, ex->objects[i].name)) {
            return &ex->objects[i];
        }
    }
    return NULL;
}

int object_index(const struct extractor *ex, const struct object *o)
{
    return (int)(o - ex->objects);
}

const struct dr_json *emit_body(struct extractor *ex, const struct dr_source *s)
{
    struct dr_err err = {0};

    return s->body.n == 0 ? NULL
                          : dr_json_parse(ex->page_arena, s->body, NULL, &err);
}

static uint64_t content_of(const uint8_t hash[32])
{
    uint64_t v;

    memcpy(&v, hash, sizeof(v));
    return v;
}

/* What a record takes on the wire, and a little more. */
static size_t size_of(const struct dr_source *s)
{
    size_t n = s->body.n + 4096;

    for (size_t i = 0; i < s->assoc_count; i++) {
        const struct dr_assoc *a = &s->assocs[i];
        n += a->pair.n + a->to_id.n + a->type_id.n + a->label.n +
             a->category.n + 64;
    }
    for (size_t i = 0; i < s->part_count; i++) {
        n += s->parts[i].id.n + s->parts[i].body.n + 64;
    }
    for (size_t i = 0; i < s->alias_count; i++) {
        const struct dr_alias *a = &s->aliases[i];
        n += a->type.n + a->id.n + a->into.n + 16;
    }
    return n;
}

/* The client's queue may hold 16 MiB: with large bodies it is emptied before
 * it does, for a service has 64 MiB in all. */
void emit_spare(struct extractor *ex, size_t n)
{
    ex->unacked += n;
    if (ex->unacked > UNACKED_MAX) {
        emit_flush(ex);
    }
}

enum cut {
    CUT_NOT,
    CUT_WHOLE, /* its id alone was sent */
    CUT_KEPT,  /* it was sent as it was before */
};

static enum cut cut_of(const struct extractor *ex, const char *object,
                       struct dr_str id)
{
    struct dr_buf key;
    const void *how;

    dr_buf_init(&key, 512);
    dr_buf_printf(&key, "%s:" DR_STR_FMT, object, DR_STR_ARG(id));
    how = dr_map_get(ex->clamped, dr_buf_view(&key));
    dr_buf_done(&key);
    return !how ? CUT_NOT : how == ex ? CUT_WHOLE : CUT_KEPT;
}

static void note_cut(struct extractor *ex, struct object *o, struct dr_str id,
                     bool kept)
{
    struct dr_buf key;

    if (cut_of(ex, o->name, id) != CUT_NOT) {
        return;
    }
    dr_buf_init(&key, 512);
    dr_buf_printf(&key, "%s:" DR_STR_FMT, o->name, DR_STR_ARG(id));
    dr_map_put(ex->clamped, dr_buf_view(&key), kept ? (void *)o : (void *)ex);
    dr_buf_done(&key);
    o->clamped++;
}

void note_clamped(struct extractor *ex, struct object *o, struct dr_str id)
{
    note_cut(ex, o, id, false);
}

/* A set of lines has none. */
static int64_t stamp_of(const struct extractor *ex, const struct object *o,
                        const struct dr_source *s)
{
    return o->is == OBJECT_LINES ? s->updated_ms
                                 : folder_stamp(ex->api.folder, s->updated_ms);
}

/* A record of a drop that has no stamp is as old as the drop; but it was not
 * changed because a later drop has it again, too. */
static bool is_as_sent(const struct extractor *ex, const struct object *o,
                       const struct dr_source *s)
{
    const struct file *file = dr_map_get(ex->files.all, s->id);
    struct emitted_row known;
    uint8_t hash[32];

    if (!emitted_get(ex->emitted, object_index(ex, o), s->id, &known) ||
        known.gone || known.version != s->version) {
        return false;
    }
    source_hash(s, hash);
    return known.content ==
           (content_of(hash) ^
            (o->is == OBJECT_FILES && file ? files_mix(&file->blob) : 0));
}

/* A wanted end date is ours to keep: FastTrack has none (contract 4.10). The
 * id of what lies beyond it travels, so that it is in the books; a record that
 * was sent before it was changed stays as it was. True: nothing is to send. */
static bool clamp(struct extractor *ex, struct object *o, struct dr_source *s)
{
    bool set = o->is == OBJECT_LINES && cut_of(ex, "deal", s->id) != CUT_NOT;
    int64_t stamp_ms = stamp_of(ex, o, s);
    struct emitted_row known;
    bool was;

    if (ex->until_ms == 0 || s->op != DR_SRC_UPSERT ||
        (stamp_ms < ex->until_ms && !set)) {
        return false;
    }
    if (stamp_ms != s->updated_ms && is_as_sent(ex, o, s)) {
        return true;
    }
    was = emitted_get(ex->emitted, object_index(ex, o), s->id, &known) &&
          !known.gone && cut_of(ex, o->name, s->id) != CUT_WHOLE;
    note_cut(ex, o, s->id, was);
    s->op = DR_SRC_INDEX;
    s->body = (struct dr_str){NULL, 0};
    s->assoc_count = s->part_count = s->alias_count = 0;
    return was;
}

/* A drop is whole: what it holds again is back, whatever version our own
 * tombstone was given. A server's overlapping reads are not so. */
static bool is_back(const struct extractor *ex, int kind,
                    const struct dr_source *s)
{
    struct emitted_row known;

    return ex->api.folder && s->op == DR_SRC_UPSERT &&
           emitted_get(ex->emitted, kind, s->id, &known) && known.gone;
}

/* What was told unreadable and is read as it was before: who counts such
 * records, here and behind the topics, hears of it by the record alone. */
static bool is_mended(const struct extractor *ex, const struct object *o,
                      struct dr_str id, const struct emitted_row *row)
{
    struct emitted_row known;

    return was_rejected(ex, o, id) &&
           emitted_get(ex->emitted, object_index(ex, o), id, &known) &&
           !known.gone && !row->gone && known.version == row->version;
}

void emit_source(struct extractor *ex, struct object *o, struct dr_source *s,
                 int64_t server_ms)
{
    uint8_t hash[32];
    struct emitted_row row = {.version = s->version,
                              .has_version = s->has_version,
                              .gone = s->op == DR_SRC_DELETE ||
                                      s->op == DR_SRC_MERGE ||
                                      s->op == DR_SRC_HIDDEN,
                              .hidden = s->op == DR_SRC_HIDDEN};
    int kind = object_index(ex, o);
    int32_t part = dr_partition(s->id, ex->svc->partitions);
    struct dr_env env = {.kind = DR_MSG_SOURCE};
    struct emitted_row known;
    bool lived = emitted_get(ex->emitted, kind, s->id, &known) && !known.gone;

    s->object = dr_str_z(o->name);
    merges_attach(ex, s);
    if (clamp(ex, o, s)) {
        return;
    }
    s->updated_ms = stamp_of(ex, o, s);
    if (size_of(s) > RECORD_MAX) {
        emit_too_large(ex, o, s->id, s->body);
        return;
    }
    source_hash(s, hash);
    if (o->is == OBJECT_FILES && s->op != DR_SRC_INDEX) {
        files_note(&ex->files, s, emit_body(ex, s));
    }
    row.content = content_of(hash) ^ files_mix(&s->blob);
    if (!emitted_is_news(ex->emitted, kind, s->id, &row) &&
        !is_back(ex, kind, s) && !is_mended(ex, o, s->id, &row)) {
        return;
    }
    row.rev = emitted_next_rev(ex->emitted, kind, s->id, server_ms);
    row.said = o->is == OBJECT_LINES
                   ? currencies_take(&ex->currencies, emit_body(ex, s))
                   : 0;
    s->rev = row.rev;
    s->content_hash = (struct dr_str){(const char *)hash, sizeof(hash)};
    s->epoch = 1;
    env.u.source = *s;
    dr_service_send(ex->svc, ex->producer, o->topic, part, s->id, &env, NULL,
                    NULL);
    emitted_put(ex->emitted, kind, s->id, &row);
    merges_note(ex, o, s, lived);
    forgive(ex, o, s->id, dr_wall_ms() + 1);
    if (o->is == OBJECT_FILES && s->op != DR_SRC_INDEX) {
        note_behind(ex, s);
    }
    emit_spare(ex, size_of(s));
    o->written++;
    o->written_part[part]++;
    (*ex->m_read)++;
}

static void reject_key(struct dr_buf *b, const struct object *o,
                       struct dr_str id, struct dr_str part)
{
    dr_buf_init(b, 512);
    dr_buf_printf(b, "%s:" DR_STR_FMT, o->name, DR_STR_ARG(id));
    if (part.n > 0) {
        dr_buf_printf(b, "/" DR_STR_FMT, DR_STR_ARG(part));
    }
}

bool was_rejected(const struct extractor *ex, const struct object *o,
                  struct dr_str id)
{
    struct dr_buf key;
    bool was;

    reject_key(&key, o, id, (struct dr_str){0});
    was = dr_map_has(ex->unreadable, dr_buf_view(&key));
    dr_buf_done(&key);
    return was;
}

bool remember(struct extractor *ex, struct object *o, struct dr_str key,
              bool partial, int64_t wall_ms)
{
    struct dr_map *in = partial ? ex->told : ex->unreadable;
    struct bad *bad;

    if (dr_map_has(in, key)) {
        bad = partial ? NULL : dr_map_get(in, key);
        if (bad && bad->wall_ms < wall_ms) {
            bad->wall_ms = wall_ms; /* mended between, and bad again */
        }
        return false;
    }
    if (partial) {
        dr_map_put(in, key, o);
        return true;
    }
    bad = dr_xcalloc(1, sizeof(*bad));
    *bad = (struct bad){o, wall_ms};
    dr_map_put(in, key, bad);
    o->quarantined++;
    return true;
}

void forgive(struct extractor *ex, struct object *o, struct dr_str id,
             int64_t wall_ms)
{
    struct dr_buf key;
    const struct bad *bad;

    if (o->quarantined == 0) {
        return;
    }
    reject_key(&key, o, id, (struct dr_str){0});
    bad = dr_map_get(ex->unreadable, dr_buf_view(&key));
    if (bad && bad->wall_ms < wall_ms) {
        (void)dr_map_del(ex->unreadable, dr_buf_view(&key));
        o->quarantined--;
    }
    dr_buf_done(&key);
}

void emit_rejected(struct extractor *ex, struct object *o,
                   const struct reject *r)
{
    struct dr_env env = {.kind = DR_MSG_REJECTED};
    int32_t part = dr_partition(r->id, ex->svc->partitions);
    struct dr_str original = r->original;
    struct dr_buf key, known;

    original.n = original.n > ORIGINAL_MAX ? ORIGINAL_MAX : original.n;
    reject_key(&known, o, r->id, r->part_id);
    if (r->partial) {
        dr_buf_printf(&known, "#" DR_STR_FMT ":" DR_STR_FMT,
                      DR_STR_ARG(r->class), DR_STR_ARG(r->field));
    }
    if (!remember(ex, o, dr_buf_view(&known), r->partial, dr_wall_ms())) {
        dr_buf_done(&known);
        return;
    }
    dr_buf_done(&known);
    env.u.rejected = (struct dr_rejected){.object = dr_str_z(o->name),
                                          .id = r->id,
                                          .part_id = r->part_id,
                                          .stage = DR_STR_LIT("extract"),
                                          .field = r->field,
                                          .partial = r->partial,
                                          .class = r->class,
                                          .reason = r->reason,
                                          .cure = r->cure,
                                          .original = original,
                                          .topic = dr_str_z(o->topic),
                                          .partition = part,
                                          .offset = -1,
                                          .version = r->version};
    reject_key(&key, o, r->id, (struct dr_str){0});
    dr_service_send(ex->svc, ex->producer, ex->rejected_topic, part,
                    dr_buf_view(&key), &env, NULL, NULL);
    dr_buf_done(&key);
    if (r->partial) {
        return;
    }
    (*ex->m_rejected)++;
    dr_log(DR_LOG_WARN, "extractor.rejected",
           "object=%s record_id=" DR_STR_FMT " class=" DR_STR_FMT, o->name,
           DR_STR_ARG(r->id), DR_STR_ARG(r->class));
}

void emit_unreadable(struct extractor *ex, struct object *o, struct dr_str id,
                     const char *reason)
{
    struct reject r = {
        .id = id,
        .class = DR_STR_LIT("unreadable"),
        .reason = dr_str_z(reason),
        .cure = DR_STR_LIT("ask FastTrack to repair the record, or accept that "
                           "it stays behind"),
    };

    emit_rejected(ex, o, &r);
}

void emit_too_large(struct extractor *ex, struct object *o, struct dr_str id,
                    struct dr_str raw)
{
    struct reject r = {
        .id = id,
        .class = DR_STR_LIT("too_large"),
        .reason = DR_STR_LIT("the record is larger than 8 MiB: more than one "
                             "message may hold"),
        .cure = DR_STR_LIT("shorten it in FastTrack: the tail picks it up by "
                           "itself"),
        .original = raw,
    };

    emit_rejected(ex, o, &r);
}

void emit_rejected_row(struct extractor *ex, struct object *o,
                       const struct dr_json *row, const char *reason)
{
    struct dr_str id = dr_json_scalar(dr_json_get(row, "id"));
    char name[32], hex[65];
    uint8_t hash[32];
    struct reject r = {.class = DR_STR_LIT("unreadable"),
                       .reason = dr_str_z(reason),
                       .cure = DR_STR_LIT("mend the record in FastTrack: the "
                                          "tail picks it up by itself"),
                       .original = row->raw};

    if (!id_ok(id)) {
        dr_sha256(row->raw, hash);
        dr_hex(hash, sizeof(hash), hex);
        snprintf(name, sizeof(name), "(no id) %.16s", hex);
        id = dr_str_z(name);
    }
    r.id = id;
    emit_rejected(ex, o, &r);
}

bool index_row(struct extractor *ex, struct object *o, const struct dr_json *j,
               struct index_row *out)
{
    if (index_row_parse(j, out) == 0) {
        return true;
    }
    emit_rejected_row(ex, o, j,
                      "a row of the index has no usable id or version");
    return false;
}

bool change_row(struct extractor *ex, struct object *o, const struct dr_json *j,
                struct change_row *out)
{
    if (change_row_parse(j, out) == 0) {
        return true;
    }
    emit_rejected_row(
        ex, o, j, "a change has no usable id, version, kind or merged_into");
    return false;
}

void emit_markers(struct extractor *ex, struct object *o)
{
    for (int p = 0; p < ex->svc->partitions; p++) {
        struct dr_env env = {.kind = DR_MSG_MARKER};
        env.u.marker = (struct dr_marker){.object = dr_str_z(o->name),
                                          .partition = (uint32_t)p,
                                          .count = o->written_part[p],
                                          .epoch = 1};
        dr_service_send(ex->svc, ex->producer, o->topic, p,
                        DR_STR_LIT("#marker"), &env, NULL, NULL);
    }
}

void emit_flush(struct extractor *ex)
{
    int64_t until = dr_mono_ms() + FLUSH_MS;

    ex->unacked = 0;
    while (dr_producer_flush(ex->producer, 500)) {
        dr_service_tick(ex->svc, 0);
        if (dr_mono_ms() > until) {
            dr_die(DR_EXIT_FAILURE, "kafka",
                   "no acknowledgement within %d s: check kafka.brokers and "
                   "start again; the cursor stands before what is missing",
                   FLUSH_MS / 1000);
        }
    }
}

void emit_cursor(struct extractor *ex, const struct object *o)
{
    struct dr_env env = {.kind = DR_MSG_CURSOR};
    struct dr_buf json;

    dr_buf_init(&json, 4096);
    cursor_print(&o->cursor, &json);
    env.u.cursor = (struct dr_cursor){.name = dr_str_z(o->name),
                                      .json = dr_buf_view(&json)};
    dr_service_send(ex->svc, ex->producer, ex->cursor_topic, 0,
                    dr_str_z(o->name), &env, NULL, NULL);
    dr_buf_done(&json);
    emit_flush(ex);
}

void emit_catalog(struct extractor *ex, const char *side, const char *name,
                  struct dr_str json)
{
    struct dr_env env = {.kind = DR_MSG_CATALOG};
    struct dr_buf key;

    env.u.catalog = (struct dr_catalog){
        .side = dr_str_z(side), .name = dr_str_z(name), .json = json};
    dr_buf_init(&key, 256);
    dr_buf_printf(&key, "%s:%s", side, name);
    dr_service_send(ex->svc, ex->producer, ex->catalog_topic, 0,
                    dr_buf_view(&key), &env, NULL, NULL);
    dr_buf_done(&key);
}
