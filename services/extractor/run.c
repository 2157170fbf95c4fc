/* The course of a run: catalogue, snapshot, tail, freeze. */
#include "extractor.h"
#include "folder.h"

#define SCHEMA_MS 60000 /* between two looks at the schema */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>

/* Topics must exist before the first record; their names come from the
 * schema. The catalogue's own records wait in the producer until then. */
static void ensure_topics(struct extractor *ex)
{
    const char *names[MAX_OBJECTS];

    for (size_t i = 0; i < ex->object_count; i++) {
        names[i] = ex->objects[i].name;
    }
    dr_service_topics(ex->svc, names, ex->object_count);
    for (size_t i = 0; i < ex->object_count; i++) {
        char label[CONTRACT_ID_MAX + 16];
        (void)snprintf(label, sizeof(label), "object=\"%s\"", names[i]);
        ex->m_object_lag[i] = dr_metric(
            ex->svc->metrics, "drover_source_object_lag_seconds", "gauge",
            "server time less the object's watermark", label);
        ex->m_object_left[i] = dr_metric(
            ex->svc->metrics, "drover_source_object_lag_records", "gauge",
            "records seen or expected and not sent yet", label);
    }
}

void control_poll(struct extractor *ex)
{
    const struct dr_control_view *v;

    (void)dr_control_poll(ex->control);
    v = dr_control(ex->control);
    ex->files.limit = v->state.file_limit;
    if (freeze_is_due(ex)) {
        ex->freezing = true;
        ex->phase = "freezing";
        dr_log(DR_LOG_INFO, "extractor.freezing",
               "waiting until the horizon passes the freeze");
        emit_status(ex, true);
    }
}

bool all_passed(const struct extractor *ex)
{
    for (size_t i = 0; i < ex->object_count; i++) {
        const struct object *o = &ex->objects[i];
        if (o->readable &&
            !horizon_passed(o->cursor.watermark_ms, ex->freeze_ms)) {
            return false;
        }
    }
    return horizon_passed(ex->objects[0].cursor.assoc_watermark_ms,
                          ex->freeze_ms);
}

static bool fetched(const struct extractor *ex)
{
    return files_pending(&ex->files) == 0;
}

/* Frozen is only what lacks nothing: the sweep may have found more bytes to
 * fetch. */
static void say_frozen(struct extractor *ex)
{
    if (ex->indexed && !ex->swept && fetched(ex)) {
        ex->swept = true;
        ex->phase = "frozen";
        dr_log(DR_LOG_INFO, "extractor.swept", "tail_misses=%llu",
               (unsigned long long)ex->tail_misses);
        emit_status(ex, true);
    }
}

bool last_steps(struct extractor *ex)
{
    if (!recheck_schema(ex) || !read_due(ex)) {
        return false;
    }
    if (!items_ask(ex)) {
        return true; /* what it found is asked: gone over again */
    }
    /* Before the sweep, for what is sent again must not look like what the
     * tail has missed; and after it, for what that finds. */
    if (!merges_freeze(ex) || !sweep(ex) || !merges_settle(ex)) {
        return false;
    }
    ex->indexed = ex->halted[0] == '\0';
    if (!ex->indexed) {
        ex->phase = "halted";
        emit_status(ex, true);
    }
    return true;
}

/* The pause between two rounds of the tail, used for bytes when there are
 * some to fetch. */
static bool fetch_or_wait(struct extractor *ex)
{
    int64_t until = dr_mono_ms() + ex->poll_ms;

    do {
        int64_t left = until - dr_mono_ms();
        if (fetched(ex) || left < 0) {
            return api_wait(&ex->api, left > 0 ? left : 0);
        }
        if (!fetch_round(ex) || !api_wait(&ex->api, left < 20 ? left : 20)) {
            return false;
        }
    } while (dr_mono_ms() < until);
    return true;
}

/* A sweep that halted goes over it again when a person said yes. */
static void go_on_when_answered(struct extractor *ex)
{
    for (size_t i = 0; i < ex->ask_count; i++) {
        if (strcmp(ex->asks[i].kind, "absence") == 0 &&
            ask_approved(ex, ex->asks[i].id)) {
            ask_close(ex, ex->asks[i].id);
            ex->halted[0] = '\0';
            ex->phase = ex->freezing ? "freezing" : ex->phase;
            return;
        }
    }
}

static bool one_round(struct extractor *ex)
{
    if (!tail_round(ex) || !merges_tail(ex)) {
        return false;
    }
    if (dr_mono_ms() >= ex->schema_due_ms) {
        ex->schema_due_ms = dr_mono_ms() + SCHEMA_MS;
        if (!recheck_schema(ex)) {
            return false;
        }
    }
    account_files(ex);
    go_on_when_answered(ex);
    /* Read after control was: people may have changed records until the moment
     * of the freeze, long after the round before. */
    freeze_now(ex);
    if (ex->freeze_ms > 0 && !ex->indexed && ex->halted[0] == '\0' &&
        all_passed(ex) && fetched(ex) && ask_corrupt(ex) && items_ask(ex) &&
        !last_steps(ex)) {
        return false;
    }
    say_frozen(ex);
    return fetch_or_wait(ex);
}

static void follow(struct extractor *ex)
{
    bool going = true;

    ex->phase = "tail";
    emit_status(ex, true);
    while (going && !dr_stop) {
        control_poll(ex);
        profile_asked(ex);
        going = freeze_is_over(ex) ? stand_still(ex) : one_round(ex);
    }
}

static bool has_tail(const struct extractor *ex)
{
    for (size_t i = 0; i < ex->object_count; i++) {
        if (ex->objects[i].cursor.phase != CURSOR_TAIL) {
            return false;
        }
    }
    return true;
}

/* What is damaged is asked about; only a snapshot waits for the answer. */
static bool items_allow(struct extractor *ex)
{
    if (has_tail(ex)) {
        (void)items_ask(ex);
        return true;
    }
    return items_ask_wait(ex);
}

static bool is_first_start(const struct extractor *ex)
{
    for (size_t i = 0; i < ex->object_count; i++) {
        if (ex->objects[i].cursor.phase != CURSOR_NEW) {
            return false;
        }
    }
    return true;
}

/* What the cursors say that the schema of the start is held against. */
static void go_on(struct extractor *ex)
{
    properties_check(ex, dr_buf_view(&ex->schema));
    dr_buf_done(&ex->schema);
    for (size_t i = 0; i < ex->object_count; i++) {
        ex->probe = ex->probe || ex->objects[i].cursor.again;
    }
}

void run(struct extractor *ex)
{
    if (!profile_start(ex, false) || !read_catalogue(ex)) {
        return;
    }
    ensure_topics(ex);
    emit_flush(ex);
    resume(ex);
    go_on(ex);
    control_poll(ex);
    freeze_resume(ex);
    ex->svc->ready = true;
    dr_log(DR_LOG_INFO, "extractor.up", "objects=%zu partitions=%d",
           ex->object_count, ex->svc->partitions);
    emit_status(ex, true);
    if (ex->api.folder && !folder_begin(ex->api.folder)) {
        return;
    }
    if (is_first_start(ex) && !profile_start(ex, true)) {
        return;
    }
    if (freeze_is_over(ex) ||
        (account_check(ex) && items_allow(ex) && snapshot(ex))) {
        follow(ex);
    }
}

void extractor_init(struct extractor *ex, struct dr_service *svc,
                    const struct settings *s)
{
    *ex = (struct extractor){.svc = svc,
                             .phase = "snapshot",
                             .poll_ms = s->poll_ms,
                             .budget_permille = s->budget_permille,
                             .download_hosts = s->download_hosts,
                             .bulk_wanted = s->bulk_export,
                             .until_ms = s->until_ms,
                             .unpack_ratio = s->unpack_ratio,
                             .pages = bulk_pages};
    ex->profile_arena = dr_arena_new(PROFILE_TREE);
    profile_open(ex->profile_arena, s->profile, &ex->profile);
    ex->horizon.granularity_ms = profile_granularity_ms(&ex->profile);
    ex->horizon.lag_ms = s->lag_s > 0 ? s->lag_s * 1000 : s->lag_s;
    ex->local = dr_url_is_loopback(dr_str_z(s->url)) || s->allow_plain;
    ex->emitted = emitted_new();
    ex->unreadable = dr_map_new(free);
    ex->bad_items = dr_map_new(NULL);
    ex->listed = dr_map_new(NULL);
    ex->told = dr_map_new(NULL);
    ex->redacted = dr_map_new(NULL);
    ex->clamped = dr_map_new(NULL);
    ex->lines = dr_map_new(NULL);
    ex->alone = dr_map_new(NULL);
    ex->back = dr_map_new(NULL);
    ex->behind = behind_new();
    ex->stirred = dr_map_new(NULL);
    merges_init(&ex->merges);
    files_init(&ex->files);
    ex->fetch = fetch_new();
    ex->page_arena = dr_arena_new(HELD_MAX);
    ex->inner_arena = dr_arena_new(HELD_MAX);
    dr_buf_init(&ex->path, 8192);
    dr_buf_init(&ex->body, 64 << 10);
    dr_buf_init(&ex->held, ANSWER_MAX);
    dr_buf_init(&ex->terms, 64 << 10);
    dr_buf_init(&ex->names, NAMES_MAX);
    dr_buf_init(&ex->drift, 64 << 10);
    dr_buf_init(&ex->check.seen, PROFILE_MEMORY_MAX);
    api_init(&ex->api, svc,
             &(struct access){.url = s->url,
                              .secret = s->token,
                              .allow_plain = s->allow_plain,
                              .profile = &ex->profile,
                              .refresh_file = s->refresh_file});
    if (strncmp(s->url, "folder:", 7) == 0) {
        ex->api.folder = folder_open(ex, s->url + 7);
        ex->horizon.lag_ms = 0;
    }
}

void extractor_done(struct extractor *ex)
{
    api_done(&ex->api);
    for (size_t i = 0; i < ex->object_count; i++) {
        free(ex->objects[i].written_part);
        free(ex->objects[i].pairs);
    }
    emitted_free(ex->emitted);
    dr_map_free(ex->unreadable);
    dr_map_free(ex->bad_items);
    dr_map_free(ex->listed);
    dr_map_free(ex->told);
    dr_map_free(ex->redacted);
    dr_map_free(ex->clamped);
    dr_map_free(ex->lines);
    dr_map_free(ex->alone);
    dr_map_free(ex->back);
    dr_map_free(ex->behind);
    dr_map_free(ex->stirred);
    merges_done(&ex->merges);
    files_done(&ex->files);
    fetch_free(ex->fetch);
    dr_arena_free(ex->page_arena);
    dr_arena_free(ex->inner_arena);
    dr_arena_free(ex->profile_arena);
    dr_buf_done(&ex->path);
    dr_buf_done(&ex->body);
    dr_buf_done(&ex->held);
    dr_buf_done(&ex->terms);
    dr_buf_done(&ex->names);
    dr_buf_done(&ex->schema);
    dr_buf_done(&ex->drift);
    dr_buf_done(&ex->check.seen);
    dr_map_free(ex->schema_items);
}
