/* Calls about status, plan and target. */
#include <stdio.h>

#include <drover/crypto/crypto.h>

#include "ask.h"
#include "desk.h"
#include "setup.h"
#include "status.h"

void get_status(struct ask *q)
{
    status_write(q->au, &q->out);
    ask_answer(q);
}

static void answer_desk(struct ask *q, const struct desk_result *r, bool whole)
{
    struct dr_json_w w;

    dr_buf_reset(&q->out);
    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "hash", r->hash);
    dr_json_w_kvi(&w, "problems", r->problems);
    if (whole) {
        dr_json_w_key(&w, "checklist");
        dr_json_w_obj(&w);
        dr_json_w_kvi(&w, "missing", r->missing);
        dr_json_w_kvi(&w, "present", r->present);
        dr_json_w_end(&w);
        dr_json_w_kvi(&w, "owners_unmatched", r->owners_unmatched);
        dr_json_w_kvi(&w, "duplicates", r->duplicates);
        dr_json_w_key(&w, "too_large");
        dr_json_w_arr(&w);
        for (size_t i = 0; i < r->large_count; i++) {
            dr_json_w_z(&w, r->large[i]);
        }
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    ask_answer(q);
}

void post_propose(struct ask *q)
{
    struct wishes wishes;
    struct desk_result r;
    struct dr_err err = {0};

    if (!ask_gate(q, STEP_PROPOSE)) {
        return;
    }
    if (wishes_parse(q->body, &wishes, &err) ||
        desk_propose(q->au, &wishes, &r, &err)) {
        ask_err(q, &err);
        return;
    }
    if (q->au->state.phase == PHASE_AUDIT) {
        gate_take(&q->au->state, STEP_PROPOSE, NULL);
        lead_publish(q->au, step_name(STEP_PROPOSE), ask_by(q));
    }
    answer_desk(q, &r, true);
}

void get_plan(struct ask *q)
{
    struct dr_str hash = dr_httpd_arg(q->req, "hash");
    struct dr_str text = desk_plan(q->au, hash);

    if (text.n == 0) {
        ask_error(q, 404, "not_found", "there is no such plan",
                  "`drover plan propose` makes one", NULL);
        return;
    }
    dr_httpd_answer(q->req, 200, NULL, text);
}

void put_plan(struct ask *q)
{
    struct desk_result r;
    struct dr_err err = {0};

    if (!ask_gate(q, STEP_APPROVE)) {
        return;
    }
    if (desk_put(q->au, dr_httpd_body(q->req), &r, &err)) {
        ask_err(q, &err);
        return;
    }
    answer_desk(q, &r, false);
}

void post_check(struct ask *q)
{
    struct dr_str hash = ask_member(q, "hash");
    struct dr_err err = {0};
    struct dr_buf problems;
    struct dr_json_w w;
    int64_t n = 0;

    dr_buf_init(&problems, AUDITOR_TEXT);
    if (desk_check(q->au, hash, &problems, &n, &err)) {
        ask_err(q, &err);
    } else {
        dr_json_w_init(&w, &q->out);
        dr_json_w_obj(&w);
        dr_json_w_kv(
            &w, "hash",
            hash.n ? hash
                   : books_kept(q->au->books, "plan.latest", q->au->request));
        dr_json_w_key(&w, "problems");
        dr_json_w_raw(&w, dr_buf_view(&problems));
        dr_json_w_end(&w);
        ask_answer(q);
    }
    dr_buf_done(&problems);
}

void post_approve(struct ask *q)
{
    struct dr_str hash = ask_member(q, "hash");
    struct dr_err err = {0};
    struct dr_buf problems;
    int64_t n = 0;

    if (!ask_gate(q, STEP_APPROVE)) {
        return;
    }
    dr_buf_init(&problems, AUDITOR_TEXT);
    if (hash.n == 0) {
        ask_error(q, 400, "bad_request", "the plan's hash is missing",
                  "name the hash that was reviewed", NULL);
    } else if (desk_check(q->au, hash, &problems, &n, &err)) {
        ask_err(q, &err);
    } else if (n > 0) {
        char text[96];
        (void)snprintf(text, sizeof(text),
                       "the plan has %lld problem%s: it cannot be approved",
                       (long long)n, n == 1 ? "" : "s");
        ask_error(q, 422, "plan_problems", text,
                  "carry out the checklist, have the target read again and "
                  "propose anew, or edit the plan",
                  &problems);
    } else if (desk_approve(q->au, hash, ask_by(q), &err)) {
        ask_err(q, &err);
    } else {
        struct dr_json_w w;
        setup_settle(q->au);
        dr_json_w_init(&w, &q->out);
        dr_json_w_obj(&w);
        dr_json_w_kv(&w, "hash", hash);
        dr_json_w_end(&w);
        ask_answer(q);
    }
    dr_buf_done(&problems);
}

void post_refresh(struct ask *q)
{
    struct dr_json_w w;

    q->au->state.catalog_seq++;
    lead_publish(q->au, NULL, (struct dr_str){"", 0});
    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "catalog_wanted", (int64_t)q->au->state.catalog_seq);
    dr_json_w_end(&w);
    ask_answer(q);
}

/* The extractor makes the calls and publishes what it finds under this number.
 */
void post_profile_check(struct ask *q)
{
    struct dr_json_w w;

    q->au->state.profile_check++;
    lead_publish(q->au, NULL, (struct dr_str){"", 0});
    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "check_wanted", (int64_t)q->au->state.profile_check);
    dr_json_w_end(&w);
    ask_answer(q);
}

void get_ready(struct ask *q)
{
    struct dr_err err = {0};

    intake_catch_up(q->au, ASK_CATCH_UP_MS);
    if (desk_ready(q->au, &q->out, &err)) {
        ask_err(q, &err);
    } else {
        ask_answer(q);
    }
}
