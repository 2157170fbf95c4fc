#include "cursor.h"

#include <stdio.h>

#include <drover/base/arena.h>
#include <drover/json/json.h>

static const char *const phase_names[] = {"new", "list", "index", "lines",
                                          "tail"};

void cursor_print(const struct cursor *c, struct dr_buf *out)
{
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "phase", phase_names[c->phase]);
    dr_json_w_kvz(&w, "after", c->after);
    dr_json_w_kvz(&w, "last_id", c->last_id);
    dr_json_w_kvi(&w, "start_ms", c->start_ms);
    dr_json_w_kvi(&w, "watermark_ms", c->watermark_ms);
    dr_json_w_kvi(&w, "assoc_watermark_ms", c->assoc_watermark_ms);
    if (c->again) {
        dr_json_w_kvb(&w, "again", true);
    }
    if (c->by_content) {
        dr_json_w_kvb(&w, "by_content", true);
    }
    if (c->job.jobs > 0) {
        dr_json_w_key(&w, "export");
        dr_json_w_obj(&w);
        dr_json_w_kvz(&w, "job", c->job.id);
        dr_json_w_kvb(&w, "asking", c->job.asking);
        dr_json_w_kvi(&w, "jobs", c->job.jobs);
        dr_json_w_kvi(&w, "parts", c->job.parts);
        dr_json_w_kvi(&w, "rows", (int64_t)c->job.rows);
        dr_json_w_kvi(&w, "asked_ms", c->job.asked_ms);
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
}

static void copy_text(char *out, size_t n, struct dr_str s)
{
    snprintf(out, n, DR_STR_FMT, DR_STR_ARG(s));
}

int cursor_parse(struct dr_str json, struct cursor *out, struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(64 << 10);
    const struct dr_json *j = dr_json_parse(a, json, NULL, err);
    struct dr_str phase = dr_json_get_str(j, "phase");

    if (!j) {
        return -1;
    }
    *out = (struct cursor){0};
    for (size_t i = 0; i < DR_ARRAY_LEN(phase_names); i++) {
        if (dr_str_eqz(phase, phase_names[i])) {
            out->phase = (enum cursor_phase)i;
        }
    }
    copy_text(out->after, sizeof(out->after), dr_json_get_str(j, "after"));
    copy_text(out->last_id, sizeof(out->last_id),
              dr_json_get_str(j, "last_id"));
    out->start_ms = dr_json_get_i64(j, "start_ms", 0);
    out->watermark_ms = dr_json_get_i64(j, "watermark_ms", 0);
    out->assoc_watermark_ms = dr_json_get_i64(j, "assoc_watermark_ms", 0);
    out->again = dr_json_true(dr_json_get(j, "again"));
    out->by_content = dr_json_true(dr_json_get(j, "by_content"));
    j = dr_json_get(j, "export");
    copy_text(out->job.id, sizeof(out->job.id), dr_json_get_str(j, "job"));
    out->job.asking = dr_json_true(dr_json_get(j, "asking"));
    out->job.jobs = (uint32_t)dr_json_get_i64(j, "jobs", 0);
    out->job.parts = (uint32_t)dr_json_get_i64(j, "parts", 0);
    out->job.rows = (uint64_t)dr_json_get_i64(j, "rows", 0);
    out->job.asked_ms = dr_json_get_i64(j, "asked_ms", 0);
    return 0;
}
