/* The profile tried out: by a start, by --profile-check, and when `control`
 * asks for it. */
#include "extractor.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/log.h>

#include "folder.h"
#include "profile_check.h"
#include "token.h"

#define CHECK_CURSOR "#profile_check"

/* What this check leaves for the next one, also after a restart. */
static void save_memory(struct extractor *ex)
{
    struct dr_env env = {.kind = DR_MSG_CURSOR};
    struct dr_json_w w;
    struct dr_buf json;

    dr_buf_init(&json, PROFILE_MEMORY_MAX + 256);
    dr_json_w_init(&w, &json);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "number", (int64_t)ex->check.number);
    dr_json_w_key(&w, "seen");
    if (ex->check.seen.n > 0) {
        dr_json_w_raw(&w, dr_buf_view(&ex->check.seen));
    } else {
        dr_json_w_null(&w);
    }
    dr_json_w_end(&w);
    env.u.cursor = (struct dr_cursor){.name = DR_STR_LIT(CHECK_CURSOR),
                                      .json = dr_buf_view(&json)};
    emit_flush(ex); /* what was seen is of a report that is there */
    dr_service_send(ex->svc, ex->producer, ex->cursor_topic, 0,
                    DR_STR_LIT(CHECK_CURSOR), &env, NULL, NULL);
    emit_flush(ex);
    dr_buf_done(&json);
}

bool profile_read_back(struct extractor *ex, const struct dr_cursor *c)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(8 * PROFILE_MEMORY_MAX);
    const struct dr_json *j, *seen;

    if (!dr_str_eqz(c->name, CHECK_CURSOR)) {
        return false;
    }
    j = dr_json_parse(a, c->json, NULL, NULL);
    seen = dr_json_get(j, "seen");
    ex->check.number = (uint64_t)dr_json_get_i64(j, "number", 0);
    dr_buf_reset(&ex->check.seen);
    if (dr_json_type(seen) == DR_JSON_OBJECT) {
        dr_buf_str(&ex->check.seen, seen->raw);
    }
    return true;
}

static void log_verdict(const struct extractor *ex,
                        const struct profile_verdict *v)
{
    dr_log(v->fails > 0 ? DR_LOG_WARN : DR_LOG_INFO, "extractor.profile_check",
           "profile=" DR_STR_FMT " number=%llu holds=%d fails=%d unknown=%d",
           DR_STR_ARG(ex->profile.name), (unsigned long long)ex->check.number,
           v->holds, v->fails, v->unknown);
}

/* No call of a whole one ends the process: it looks at what the start, or the
 * work that goes on, has no need of. */
static bool try_out(struct extractor *ex, bool whole, struct dr_buf *json,
                    struct profile_verdict *v)
{
    bool going;

    token_try_anew(ex->api.token);
    ex->api.trying = whole;
    going = profile_try(&ex->api, &ex->profile, whole, &ex->check, json, v);
    ex->api.trying = false;
    return going;
}

bool profile_start(struct extractor *ex, bool whole)
{
    struct profile_verdict v;
    struct dr_buf json;

    if (!ex->try_profile || ex->api.folder) {
        return true; /* a folder was checked file by file */
    }
    dr_buf_init(&json, PROFILE_FINDINGS_MAX);
    if (!try_out(ex, whole, &json, &v)) {
        dr_buf_done(&json);
        return false;
    }
    if (whole || v.must_fail > 0) {
        emit_catalog(ex, "source", "profile_check", dr_buf_view(&json));
    }
    dr_buf_done(&json);
    if (v.must_fail > 0) {
        emit_flush(ex);
        dr_die(DR_EXIT_REFUSED, "source.profile", "%s", v.first);
    }
    if (whole) {
        save_memory(ex);
        log_verdict(ex, &v);
    }
    return true;
}

/* What fails is told and ends nothing: the records that were read are read.
 * One that is stopped is the next start's. */
static void answer(struct extractor *ex, uint64_t before)
{
    struct profile_verdict v;
    struct dr_buf json;

    dr_buf_init(&json, PROFILE_FINDINGS_MAX);
    if (try_out(ex, true, &json, &v)) {
        emit_catalog(ex, "source", "profile_check", dr_buf_view(&json));
        log_verdict(ex, &v);
    } else {
        ex->check.number = before;
    }
    save_memory(ex);
    dr_buf_done(&json);
}

void profile_asked(struct extractor *ex)
{
    uint64_t wanted = dr_control(ex->control)->state.profile_check;
    uint64_t before = ex->check.number;

    if (wanted <= ex->check.number) {
        return;
    }
    ex->check.number = wanted;
    save_memory(ex); /* a check that ends the process is not made again */
    if (ex->api.folder) {
        folder_publish(ex->api.folder);
    } else {
        answer(ex, before);
    }
}

void control_look(struct extractor *ex)
{
    (void)dr_control_poll(ex->control);
    profile_asked(ex);
}

int profile_print(struct extractor *ex)
{
    struct profile_verdict v;
    struct dr_buf json;
    bool going;

    dr_buf_init(&json, PROFILE_FINDINGS_MAX);
    going = profile_try(&ex->api, &ex->profile, true, &ex->check, &json, &v);
    dr_buf_ch(&json, '\n');
    (void)fwrite(json.p, 1, json.n, stdout);
    dr_buf_done(&json);
    return going && v.must_fail == 0 ? DR_EXIT_OK : DR_EXIT_REFUSED;
}
