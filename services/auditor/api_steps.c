/* Calls that move the migration on, and what only people may let pass. */
#include <drover/crypto/crypto.h>

#include "ask.h"
#include "asks.h"
#include "removals.h"
#include "sample.h"

/* ---- steps ---- */

void post_sample(struct ask *q)
{
    int64_t size = dr_json_get_i64(q->body, "size", SAMPLE_DEFAULT);
    struct dr_err err = {0};

    if (!ask_gate(q, STEP_SAMPLE)) {
        return;
    }
    if (size < SAMPLE_MIN || size > SAMPLE_MAX) {
        ask_error(q, 400, "bad_request",
                  "a sample has between 10 and 5000 records", "", NULL);
    } else if (sample_choose(q->au, size, &err)) {
        ask_err(q, &err);
    } else {
        ask_step(q, STEP_SAMPLE);
        books_dirty_all(q->au->books);
    }
}

void post_sign(struct ask *q)
{
    struct dr_str hash = ask_member(q, "hash");
    char hex[65] = "";

    if (q->au->state.has_plan) {
        dr_hex(q->au->state.plan_hash, 32, hex);
    }
    if (!dr_str_eqz(hash, hex)) {
        ask_error(q, 409, "gate",
                  "this is not the hash of the plan that made the sample",
                  "sign with the hash that `drover status` shows", NULL);
        return;
    }
    ask_step(q, STEP_SIGN);
}

void post_run(struct ask *q)
{
    ask_step(q, STEP_RUN);
}

void post_freeze(struct ask *q)
{
    ask_step(q, STEP_FREEZE);
}

void post_cutover(struct ask *q)
{
    const struct dr_json *keep = dr_json_get(q->body, "keep_removals");

    if (keep && keep->type != DR_JSON_TRUE && keep->type != DR_JSON_FALSE) {
        ask_error(q, 400, "bad_request", "keep_removals is true or false", "",
                  NULL);
        return;
    }
    ask_step(q, dr_json_true(keep) ? STEP_CUTOVER_KEEP : STEP_CUTOVER);
}

void post_redrive(struct ask *q)
{
    ask_step(q, STEP_REDRIVE);
}

/* A resume when nothing is paused tells the loaders to try halted lanes. */
static void set_paused(struct ask *q, bool paused)
{
    if (!gate_writes(q->au->state.phase) ||
        q->au->state.phase == PHASE_CUTOVER) {
        ask_error(q, 409, "gate", "nothing is being written now",
                  "`drover status` shows how far it is", NULL);
        return;
    }
    q->au->state.paused = paused;
    lead_publish(q->au, paused ? "pause" : "resume", ask_by(q));
    ask_phase(q);
}

void post_pause(struct ask *q)
{
    set_paused(q, true);
}

void post_resume(struct ask *q)
{
    set_paused(q, false);
}

/* ---- what only people may let pass ---- */

void get_asks(struct ask *q)
{
    struct dr_json_w w;

    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "asks");
    asks_write(q->au, &w);
    dr_json_w_end(&w);
    ask_answer(q);
}

void post_asks(struct ask *q)
{
    struct dr_err err = {0};

    if (asks_approve(q->au, ask_member(q, "id"), ask_by(q), &err)) {
        ask_err(q, &err);
        return;
    }
    get_asks(q);
}

void post_removals(struct ask *q)
{
    const struct dr_json *ids = dr_json_get(q->body, "ids");
    struct dr_str object = ask_member(q, "object");
    struct dr_err err = {0};
    struct dr_json_w w;
    int64_t n;

    if (q->au->state.phase < PHASE_RUN || q->au->state.phase == PHASE_CUTOVER) {
        ask_error(q, 409, "gate",
                  "deletions are carried out in the full run alone",
                  "`drover status` shows how far it is", NULL);
        return;
    }
    if (!ask_object(q, object)) {
        return;
    }
    if (ids && (dr_json_type(ids) != DR_JSON_ARRAY || object.n == 0)) {
        ask_error(q, 400, "bad_request",
                  "ids is a list, and belongs to one object", "", NULL);
        return;
    }
    n = removals_approve(q->au, object, ids, ask_by(q), &err);
    if (n < 0) {
        ask_err(q, &err);
        return;
    }
    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "approved", n);
    dr_json_w_end(&w);
    ask_answer(q);
}
