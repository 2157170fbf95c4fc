/* What the extractor says of itself: the status record and the metrics. */
#include "extractor.h"

#include <stdio.h>

#include <drover/base/clock.h>

#include "folder.h"

/* 1 - quarantined / total, never rounded up. */
static void consistency(struct dr_json_w *w, uint64_t bad, uint64_t n)
{
    char text[48];
    uint64_t share = n + bad == 0 ? 10000 : n * 10000 / (n + bad);

    (void)snprintf(text, sizeof(text), "%llu.%04llu",
                   (unsigned long long)(share / 10000),
                   (unsigned long long)(share % 10000));
    dr_json_w_kvz(w, "consistency", text);
}

static void status_lag(const struct extractor *ex, struct dr_json_w *w,
                       const struct object *o, int i)
{
    uint64_t known = emitted_count(ex->emitted, i) + o->quarantined;
    bool tail = o->cursor.phase == CURSOR_TAIL;
    uint64_t left = o->expected > known ? o->expected - known : 0;
    int64_t since =
        horizon_lag_s(o->cursor.watermark_ms, ex->api.server_ms, ex->freeze_ms);

    dr_json_w_kvi(w, "quarantined", (int64_t)o->quarantined);
    left = tail ? o->lag_records : left;
    since = o->readable ? since : 0; /* a person let it stay behind */
    if (ex->m_object_lag[i]) {
        *ex->m_object_lag[i] = since;
        *ex->m_object_left[i] = (int64_t)left;
    }
    dr_json_w_kvi(w, "lag_records", (int64_t)left);
    dr_json_w_kvi(w, "lag_s", since);
    consistency(w, o->quarantined, emitted_count(ex->emitted, i));
}

static void status_asks(const struct extractor *ex, struct dr_json_w *w)
{
    dr_json_w_key(w, "asks");
    dr_json_w_arr(w);
    for (size_t i = 0; i < ex->ask_count; i++) {
        const struct ask *a = &ex->asks[i];
        dr_json_w_obj(w);
        dr_json_w_kvz(w, "id", a->id);
        dr_json_w_kvz(w, "kind", a->kind);
        dr_json_w_kvz(w, "text", a->text);
        dr_json_w_kvi(w, "count", (int64_t)a->count);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void status_objects(const struct extractor *ex, struct dr_json_w *w)
{
    dr_json_w_key(w, "objects");
    dr_json_w_obj(w);
    for (size_t i = 0; i < ex->object_count; i++) {
        const struct object *o = &ex->objects[i];
        dr_json_w_key(w, o->name);
        dr_json_w_obj(w);
        dr_json_w_kvi(w, "read", (int64_t)emitted_count(ex->emitted, (int)i));
        dr_json_w_kvi(w, "expected", (int64_t)o->expected);
        dr_json_w_kvi(w, "clamped", (int64_t)o->clamped);
        dr_json_w_kvb(w, "done", o->cursor.phase == CURSOR_TAIL);
        dr_json_w_kvb(w, "carried", true);
        dr_json_w_kvb(w, "readable", o->readable);
        status_lag(ex, w, o, (int)i);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void status_findings(const struct extractor *ex, struct dr_json_w *w)
{
    dr_json_w_key(w, "findings");
    dr_json_w_arr(w);
    if (ex->api.folder) {
        folder_findings(ex->api.folder, w);
    }
    dr_json_w_end(w);
}

static uint64_t all_emitted(const struct extractor *ex)
{
    uint64_t n = 0;

    for (size_t i = 0; i < ex->object_count; i++) {
        n += emitted_count(ex->emitted, (int)i);
    }
    return n;
}

static void status_drift(const struct extractor *ex, struct dr_json_w *w)
{
    struct dr_str lines = dr_buf_view(&ex->drift);

    dr_json_w_kvb(w, "schema_drift", ex->schema_drift);
    dr_json_w_key(w, "drift");
    dr_json_w_arr(w);
    while (lines.n > 0) {
        dr_json_w_str(w, dr_str_split(&lines, '\n'));
    }
    dr_json_w_end(w);
}

static void status_failing(const struct extractor *ex, struct dr_json_w *w)
{
    size_t n[FILES_HOSTS + 1];

    files_failing_by_host(&ex->files, n);
    dr_json_w_kvi(w, "failing", (int64_t)files_failing(&ex->files));
    dr_json_w_key(w, "failing_hosts");
    dr_json_w_arr(w);
    for (size_t i = 0; i < FILES_HOSTS; i++) {
        if (n[i] > 0) {
            dr_json_w_obj(w);
            dr_json_w_kvz(w, "host", ex->files.hosts[i]);
            dr_json_w_kvi(w, "files", (int64_t)n[i]);
            dr_json_w_end(w);
        }
    }
    dr_json_w_end(w);
}

static void status_files(const struct extractor *ex, struct dr_json_w *w)
{
    uint64_t stored, broken, bytes;

    files_count(&ex->files, &stored, &broken, &bytes);
    dr_json_w_key(w, "files");
    dr_json_w_obj(w);
    dr_json_w_kvi(w, "limit", (int64_t)ex->files.limit);
    dr_json_w_kvi(w, "pending", (int64_t)files_pending(&ex->files));
    status_failing(ex, w);
    dr_json_w_kvi(w, "stored", (int64_t)stored);
    dr_json_w_kvi(w, "broken", (int64_t)broken);
    dr_json_w_kvi(w, "bytes", (int64_t)bytes);
    dr_json_w_end(w);
}

void emit_status(struct extractor *ex, bool force)
{
    int64_t now = dr_mono_ms();
    struct dr_json_w w;
    struct dr_buf json, name;

    *ex->m_calls = ex->api.calls;
    *ex->m_refused = ex->api.refused;
    *ex->m_lag = ex->lag_s;
    *ex->m_misses = (int64_t)ex->tail_misses;
    if (!force && now < ex->status_due_ms) {
        return;
    }
    ex->status_due_ms = now + 1000;
    dr_buf_init(&json, 256 << 10);
    dr_buf_init(&name, 256);
    dr_json_w_init(&w, &json);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "phase", ex->phase);
    status_objects(ex, &w);
    dr_json_w_kvi(&w, "tail_misses", (int64_t)ex->tail_misses);
    dr_json_w_kvi(&w, "windows", (int64_t)ex->windows);
    dr_json_w_kvi(&w, "lag_s", ex->lag_s);
    dr_json_w_kvi(&w, "lag_max_s", ex->lag_max_s);
    status_files(ex, &w);
    status_asks(ex, &w);
    consistency(&w, dr_map_count(ex->unreadable), all_emitted(ex));
    dr_json_w_kvi(&w, "calls", ex->api.calls);
    dr_json_w_kvi(&w, "refused_429", ex->api.refused);
    dr_json_w_kvi(&w, "frozen_at_ms", ex->freeze_ms);
    dr_json_w_kvb(&w, "swept", ex->swept);
    status_drift(ex, &w);
    status_findings(ex, &w);
    dr_json_w_kvz(&w, "halted", ex->halted);
    dr_json_w_end(&w);
    dr_buf_printf(&name, "extractor:%s", ex->svc->id);
    emit_catalog(ex, "status", name.p, dr_buf_view(&json));
    dr_buf_done(&json);
    dr_buf_done(&name);
}
