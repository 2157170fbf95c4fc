/*
 * Start: cursors say where each object stands, its source topic says what was
 * emitted. Reading the topic back makes a page that was read twice harmless
 * and gives the markers' counts.
 */
#include "extractor.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>

#define TICK_MS 200
#define READ_MS 60000 /* for the ends of the topics */

static struct dr_reader *open_reader(struct extractor *ex,
                                     const char *const *topics, size_t n,
                                     int parts, int64_t *ends)
{
    struct dr_err err = {0};
    struct dr_reader *r = dr_reader_new(&ex->svc->kafka, topics, n, &err);

    if (!r || dr_reader_ends(r, parts, READ_MS, ends, &err)) {
        dr_die(DR_EXIT_FAILURE, "kafka", "%s", err.text);
    }
    for (size_t t = 0; t < n; t++) {
        for (int p = 0; p < parts; p++) {
            if (ends[(int)t * parts + p] > 0) {
                dr_reader_add(r, (int)t, p, DR_OFFSET_BEGIN);
            }
        }
    }
    return r;
}

/* True while some partition is not at its end yet. */
static bool behind(const int64_t *ends, const int64_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (at[i] < ends[i]) {
            return true;
        }
    }
    return false;
}

static void read_all(struct extractor *ex, const char *const *topics, size_t n,
                     int parts, row_fn *row)
{
    size_t cells = n * (size_t)parts;
    int64_t *ends = dr_xcalloc(cells, sizeof(*ends));
    int64_t *at = dr_xcalloc(cells, sizeof(*at));
    struct dr_reader *r = open_reader(ex, topics, n, parts, ends);
    int64_t quiet_since = dr_mono_ms(), ticked = quiet_since;

    while (!dr_stop && behind(ends, at, cells)) {
        struct dr_kmsg m;
        struct dr_err err = {0};
        const struct dr_env *env;

        if (!dr_reader_poll(r, 200, &m)) {
            dr_service_tick(ex->svc, 0);
            if (dr_mono_ms() - quiet_since > READ_MS) {
                dr_die(DR_EXIT_FAILURE, "kafka",
                       "what was written before cannot be read back: check "
                       "the broker and start again");
            }
            continue;
        }
        quiet_since = dr_mono_ms();
        at[m.topic * parts + m.partition] = m.offset + 1;
        dr_arena_reset(ex->page_arena);
        env = m.value.p ? dr_wire_unpack(ex->page_arena, m.value, &err) : NULL;
        if (env) {
            row(ex, env, m.partition);
            quiet_since = dr_mono_ms(); /* it may have waited for Kafka */
        }
        if (quiet_since - ticked > TICK_MS) { /* somebody may ask how it is */
            dr_service_tick(ex->svc, 0);
            ticked = quiet_since;
        }
    }
    dr_reader_free(r);
    free(ends);
    free(at);
}

static void cursor_row(struct extractor *ex, const struct dr_env *env,
                       int32_t partition)
{
    struct object *o;
    struct dr_err err = {0};

    (void)partition;
    if (env->kind != DR_MSG_CURSOR || account_read_back(ex, &env->u.cursor) ||
        properties_read_back(ex, &env->u.cursor) ||
        freeze_read_back(ex, &env->u.cursor) ||
        profile_read_back(ex, &env->u.cursor)) {
        return;
    }
    o = object_find(ex, env->u.cursor.name);
    if (o && cursor_parse(env->u.cursor.json, &o->cursor, &err)) {
        dr_log(DR_LOG_WARN, "extractor.cursor_unreadable", "object=%s %s",
               o->name, err.text);
    }
}

static void source_row(struct extractor *ex, const struct dr_env *env,
                       int32_t partition)
{
    const struct dr_source *s = &env->u.source;
    struct emitted_row row;
    struct object *o;

    if (env->kind != DR_MSG_SOURCE) {
        return;
    }
    o = object_find(ex, s->object);
    if (!o || s->content_hash.n != 32) {
        return;
    }
    row = (struct emitted_row){.version = s->version,
                               .has_version = s->has_version,
                               .rev = s->rev,
                               .gone = s->op == DR_SRC_DELETE ||
                                       s->op == DR_SRC_MERGE ||
                                       s->op == DR_SRC_HIDDEN,
                               .hidden = s->op == DR_SRC_HIDDEN};
    if (o->is == OBJECT_LINES) {
        row.said = currencies_take(&ex->currencies, emit_body(ex, s));
    }
    memcpy(&row.content, s->content_hash.p, sizeof(row.content));
    row.content ^= files_mix(&s->blob);
    emitted_put(ex->emitted, object_index(ex, o), s->id, &row);
    forgive(ex, o, s->id, env->wall_ms + 1);
    merges_read_back(ex, s);
    for (size_t i = 0; i < s->part_count; i++) {
        dr_map_put(ex->lines, s->parts[i].id, ex);
    }
    if (s->op == DR_SRC_INDEX) {
        note_clamped(ex, o, s->id);
    } else if (o->is == OBJECT_LINES) {
        note_alone(ex, s);
    } else if (o->is == OBJECT_FILES) {
        note_behind(ex, s);
        files_read_back(&ex->files, s, emit_body(ex, s));
    }
    o->written++;
    o->written_part[partition]++;
}

static void rejected_row(struct extractor *ex, const struct dr_env *env,
                         int32_t partition)
{
    const struct dr_rejected *r = &env->u.rejected;
    struct object *o;
    struct dr_buf key;

    (void)partition;
    if (env->kind != DR_MSG_REJECTED || !dr_str_eqz(r->stage, "extract")) {
        return;
    }
    o = object_find(ex, r->object);
    if (!o) {
        return;
    }
    dr_buf_init(&key, 512);
    dr_buf_printf(&key, "%s:" DR_STR_FMT, o->name, DR_STR_ARG(r->id));
    if (r->part_id.n > 0) {
        dr_buf_printf(&key, "/" DR_STR_FMT, DR_STR_ARG(r->part_id));
    }
    if (r->partial) {
        dr_buf_printf(&key, "#" DR_STR_FMT ":" DR_STR_FMT, DR_STR_ARG(r->class),
                      DR_STR_ARG(r->field));
    }
    (void)remember(ex, o, dr_buf_view(&key), r->partial, env->wall_ms);
    if (r->partial && dr_str_eqz(r->class, "redacted")) {
        note_redacted(ex, o, r->id, true);
    }
    dr_buf_done(&key);
}

void read_sources(struct extractor *ex, row_fn *row)
{
    const char *topics[MAX_OBJECTS];

    for (size_t i = 0; i < ex->object_count; i++) {
        topics[i] = ex->objects[i].topic;
    }
    read_all(ex, topics, ex->object_count, ex->svc->partitions, row);
}

void resume(struct extractor *ex)
{
    const char *cursors[] = {ex->cursor_topic};
    const char *rejected[] = {ex->rejected_topic};

    read_all(ex, cursors, 1, 1, cursor_row);
    read_all(ex, rejected, 1, ex->svc->partitions, rejected_row);
    read_sources(ex, source_row);
    for (size_t i = 0; i < ex->object_count; i++) {
        const struct object *o = &ex->objects[i];
        if (o->cursor.phase != CURSOR_NEW) {
            dr_log(DR_LOG_INFO, "extractor.resumed",
                   "object=%s phase=%d records=%llu", o->name,
                   (int)o->cursor.phase, (unsigned long long)o->written);
        }
    }
}
