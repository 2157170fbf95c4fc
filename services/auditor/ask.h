/*
 * One request to the API: what it asks, and what is answered. Shared by the
 * files of the API alone.
 */
#ifndef DROVER_AUDITOR_ASK_H
#define DROVER_AUDITOR_ASK_H

#include <drover/http/server.h>
#include <drover/json/json.h>

#include "auditor.h"

#define ASK_CATCH_UP_MS 5000 /* a gate is judged by all that is known */

struct ask {
    struct auditor *au;
    struct dr_httpd_req *req;
    const struct dr_json *body; /* NULL: none */
    struct dr_buf out;
};

/* What is in `out`. */
void ask_answer(struct ask *q);
/* problems: a JSON array beside the error, or NULL. */
void ask_error(struct ask *q, int status, const char *code, const char *message,
               const char *cure, const struct dr_buf *problems);
void ask_err(struct ask *q, const struct dr_err *err);
void ask_phase(struct ask *q);
/* A member of the body as text. */
struct dr_str ask_member(const struct ask *q, const char *name);
/* Whether the source has this object, or none is named. false: it was answered
 * with the names of those that it has. */
bool ask_object(struct ask *q, struct dr_str object);
/* Who decides: at most 200 characters of text, without controls. */
struct dr_str ask_by(const struct ask *q);
/* The evidence as of now, not as of the last look. false: it was answered. */
bool ask_gate(struct ask *q, enum step step);
/* Takes the step when its gate is open, and answers. */
void ask_step(struct ask *q, enum step step);

/* ---- the calls, by file ---- */

void get_status(struct ask *q);
void post_propose(struct ask *q);
void get_plan(struct ask *q);
void put_plan(struct ask *q);
void post_check(struct ask *q);
void post_approve(struct ask *q);
void post_refresh(struct ask *q);
void get_ready(struct ask *q);
void post_profile_check(struct ask *q);

void post_sample(struct ask *q);
void post_sign(struct ask *q);
void post_run(struct ask *q);
void post_freeze(struct ask *q);
void post_cutover(struct ask *q);
void post_redrive(struct ask *q);
void post_pause(struct ask *q);
void post_resume(struct ask *q);
void get_asks(struct ask *q);
void post_asks(struct ask *q);
void post_removals(struct ask *q);

void get_lines(struct ask *q);
void get_find(struct ask *q);
void get_report(struct ask *q, struct dr_str name);
void get_sample_diff(struct ask *q);
void get_reconciliation(struct ask *q);
void get_reject(struct ask *q, struct dr_str rest);

#endif
