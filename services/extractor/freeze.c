/*
 * The instant of the freeze, and what comes after it. The instant is durable:
 * a restart in the freeze waits for no later one. After the cut-over nothing
 * is read any more: what people change in FastTrack then is no part of the
 * migration.
 */
#include "extractor.h"

#define FREEZE_CURSOR "#freeze"

static bool phase_is(const struct extractor *ex, const char *phase)
{
    return dr_str_eqz(dr_control(ex->control)->state.phase, phase);
}

static void save(struct extractor *ex)
{
    struct dr_env env = {.kind = DR_MSG_CURSOR};
    struct dr_json_w w;
    struct dr_buf json;

    dr_buf_init(&json, 256);
    dr_json_w_init(&w, &json);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "at_ms", ex->freeze_ms);
    dr_json_w_end(&w);
    env.u.cursor = (struct dr_cursor){.name = DR_STR_LIT(FREEZE_CURSOR),
                                      .json = dr_buf_view(&json)};
    dr_service_send(ex->svc, ex->producer, ex->cursor_topic, 0,
                    DR_STR_LIT(FREEZE_CURSOR), &env, NULL, NULL);
    emit_flush(ex);
    dr_buf_done(&json);
}

bool freeze_read_back(struct extractor *ex, const struct dr_cursor *c)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(64 << 10);

    if (!dr_str_eqz(c->name, FREEZE_CURSOR)) {
        return false;
    }
    ex->froze_ms =
        dr_json_get_i64(dr_json_parse(a, c->json, NULL, NULL), "at_ms", 0);
    return true;
}

bool freeze_is_due(const struct extractor *ex)
{
    return !ex->freezing && (phase_is(ex, "freeze") || phase_is(ex, "cutover"));
}

void freeze_resume(struct extractor *ex)
{
    if (ex->freezing && ex->freeze_ms == 0) {
        ex->freeze_ms = ex->froze_ms;
    }
}

void freeze_now(struct extractor *ex)
{
    if (ex->freezing && ex->freeze_ms == 0) {
        ex->freeze_ms = ex->api.server_ms;
        save(ex);
    }
}

/* The gate lets nobody cut over before all was read until the freeze. */
bool freeze_is_over(const struct extractor *ex)
{
    return ex->freezing && phase_is(ex, "cutover");
}

bool stand_still(struct extractor *ex)
{
    bool said = ex->swept;

    ex->indexed = ex->swept = true;
    ex->phase = "frozen";
    emit_status(ex, !said);
    return api_wait(&ex->api, ex->poll_ms);
}
