#include "gate.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/buf.h>
#include <drover/base/str.h>

static const char *const phases[PHASES] = {
    "audit", "plan", "sample", "signed", "run", "freeze", "cutover"};

static const char *const steps[] = {
    "plan.propose", "plan.approve", "sample.start", "sample.sign",
    "run",          "freeze",       "cutover",      "cutover.keep_removals",
    "redrive",      "none"};

const char *phase_name(enum phase p)
{
    return phases[p];
}

enum phase phase_of(const char *name)
{
    for (int i = 0; i < PHASES; i++) {
        if (strcmp(name, phases[i]) == 0) {
            return (enum phase)i;
        }
    }
    return PHASE_AUDIT;
}

const char *step_name(enum step s)
{
    return steps[s];
}

bool gate_writes(enum phase p)
{
    return p == PHASE_SAMPLE || p >= PHASE_RUN;
}

enum step gate_next(const struct state *s)
{
    switch (s->phase) {
    case PHASE_AUDIT:
        return STEP_PROPOSE;
    case PHASE_PLAN:
        return s->has_plan ? STEP_SAMPLE : STEP_APPROVE;
    case PHASE_SAMPLE:
        return STEP_SIGN;
    case PHASE_SIGNED:
        return STEP_RUN;
    case PHASE_RUN:
        return STEP_FREEZE;
    case PHASE_FREEZE:
        return STEP_CUTOVER;
    case PHASE_CUTOVER:
        break;
    }
    return STEP_NONE;
}

static int refuse(struct dr_err *err, const char *why)
{
    return dr_err_set(err, DR_HALT, 0, "gate", "%s", why);
}

static int check_propose(const struct state *s, const struct evidence *e,
                         struct dr_err *err)
{
    if (s->phase >= PHASE_FREEZE) {
        return refuse(err, "the source is frozen: it is too late for a plan");
    }
    if (!e->source_catalog) {
        return refuse(err, "the extractor has not read FastTrack's schema "
                           "yet: start it and wait");
    }
    if (!e->target_catalog) {
        return refuse(err, "no loader has read Freshsales' set-up yet: start "
                           "one and wait");
    }
    if (!e->survey_complete) {
        return refuse(err, "the loader still reads what is in Freshsales "
                           "already: wait");
    }
    if (!e->snapshot_complete && e->halted && e->halted[0]) {
        return dr_err_set(err, DR_HALT, 0, "gate",
                          "the extractor halted: %.180s", e->halted);
    }
    if (!e->snapshot_complete) {
        return refuse(err, "the extractor still reads FastTrack: wait until "
                           "the snapshot is complete");
    }
    return 0;
}

static bool forbidden(const struct evidence *e)
{
    return e->stands_still && e->stands_still[0];
}

/* To wait for the loaders: it is said only while they can go on by themselves.
 */
static int wait_for(const struct state *s, const struct evidence *e,
                    const char *why, struct dr_err *err)
{
    if (s->paused) {
        return refuse(err, "everything is paused: `drover resume`");
    }
    if (forbidden(e)) {
        return dr_err_set(err, DR_HALT, 0, "gate",
                          "the lane %s stands still: Freshsales forbids it "
                          "(403). Give the key's user the right to read and "
                          "write this kind, and the account a plan that has "
                          "it, then `drover resume`",
                          e->stands_still);
    }
    if (e->silent) {
        return refuse(err, "no loader runs: start one");
    }
    return refuse(err, why);
}

/* ---- requests of unknown outcome ---- */

#define NAMES 80 /* bytes of them in a refusal; the first always fits */

static void name_attempts(const struct evidence *e, struct dr_buf *out)
{
    char one[GATE_KEY + 32];
    int64_t named = 0;

    for (int i = 0; i < GATE_NAMED && named < e->attempts; i++) {
        const struct gate_attempt *a = &e->named[i];
        struct dr_str id = dr_str_z(a->key);
        struct dr_str object = dr_str_split(&id, ':');
        int n =
            snprintf(one, sizeof(one), "%s" DR_STR_FMT "%s" DR_STR_FMT " (%s)",
                     i > 0 ? ", " : "", DR_STR_ARG(object), id.n > 0 ? " " : "",
                     DR_STR_ARG(id), a->lane);
        if (out->n + (size_t)n > NAMES) {
            break;
        }
        dr_buf_z(out, one);
        named++;
    }
    if (named < e->attempts) {
        dr_buf_printf(out, " and %lld more", (long long)(e->attempts - named));
    }
}

/* Beside the names there is room for few words. */
static void what_to_do(const struct state *s, const struct evidence *e,
                       struct dr_buf *out)
{
    if (s->paused) {
        dr_buf_z(out, "Everything is paused: `drover resume`");
    } else if (forbidden(e)) {
        dr_buf_printf(out,
                      "Freshsales forbids the lane %s (403): grant it, then "
                      "`drover resume`",
                      e->stands_still);
    } else if (e->silent) {
        dr_buf_z(out, "No loader runs: start one");
    } else if (e->drained) {
        /* No loader has the record that it was for before it any more. */
        dr_buf_z(out, "Nobody is at it any more: `drover rejected redrive`");
    } else {
        dr_buf_printf(out, "The loaders look %s up: wait",
                      e->attempts == 1 ? "it" : "them");
    }
}

static int refuse_open(const struct state *s, const struct evidence *e,
                       struct dr_err *err)
{
    struct dr_buf names, deed;
    int rc;

    dr_buf_init(&names, 256);
    dr_buf_init(&deed, 256);
    name_attempts(e, &names);
    what_to_do(s, e, &deed);
    rc = dr_err_set(err, DR_HALT, 0, "gate",
                    "the outcome of %lld request%s to Freshsales is not known "
                    "yet: %s. %s",
                    (long long)e->attempts, e->attempts == 1 ? "" : "s",
                    names.p, deed.p);
    dr_buf_done(&names);
    dr_buf_done(&deed);
    return rc;
}

/* ---- the steps ---- */

static int check_sample(const struct state *s, struct dr_err *err)
{
    if (s->phase >= PHASE_FREEZE) {
        return refuse(err, "the source is frozen: it is too late for a "
                           "sample");
    }
    if (s->phase == PHASE_RUN) {
        return refuse(err, "the full run goes on, and a sample would throw it "
                           "back. To correct the plan: `drover plan propose` "
                           "or `plan put`, `drover plan approve`, then a "
                           "sample");
    }
    return s->has_plan ? 0
                       : refuse(err, "no plan is approved: approve one first");
}

static int check_sign(const struct state *s, const struct evidence *e,
                      struct dr_err *err)
{
    if (s->phase >= PHASE_FREEZE) {
        return refuse(err, "the source is frozen: it is too late for a "
                           "sample");
    }
    if (s->phase != PHASE_SAMPLE) {
        return refuse(err, "there is no sample to sign: start one first");
    }
    if (!e->lanes_complete) {
        return wait_for(s, e, "the sample is still being written: wait", err);
    }
    if (e->pending > 0) {
        return dr_err_set(err, DR_HALT, 0, "gate",
                          "%lld records of the sample are not verified yet: "
                          "wait",
                          (long long)e->pending);
    }
    if (e->losses > 0) {
        return dr_err_set(err, DR_HALT, 0, "gate",
                          "%lld fields of the sample differ from what the "
                          "plan says: see the sample's differences, correct "
                          "the plan and start the sample again",
                          (long long)e->losses);
    }
    return 0;
}

static int check_run(const struct state *s, struct dr_err *err)
{
    if (s->phase > PHASE_SIGNED) {
        return refuse(err, "the full run has been started already");
    }
    if (s->phase != PHASE_SIGNED) {
        return refuse(err, "the sample is not signed: the full run starts only "
                           "after the sign-off");
    }
    return 0;
}

static int check_freeze(const struct state *s, const struct evidence *e,
                        struct dr_err *err)
{
    if (s->phase > PHASE_RUN) {
        return refuse(err, "the source is frozen already");
    }
    if (s->phase != PHASE_RUN) {
        return refuse(err, "the full run by the approved plan has not been "
                           "started: nothing to freeze for");
    }
    if (e->halted && e->halted[0]) {
        return dr_err_set(err, DR_HALT, 0, "gate",
                          "the extractor halted: %.180s", e->halted);
    }
    if (!e->lanes_complete) {
        return wait_for(s, e,
                        "the snapshot is not loaded whole yet: wait for the "
                        "last lane",
                        err);
    }
    return 0;
}

static int refuse_removals(int64_t n, struct dr_err *err)
{
    return dr_err_set(err, DR_HALT, 0, "gate",
                      "%lld record%s gone at the source (`drover removals "
                      "list`), and nobody decided: let the deletions through "
                      "(`drover removals approve --all`), or say that they "
                      "stay (`drover cutover --keep-removals`)",
                      (long long)n, n == 1 ? " is" : "s are");
}

static int check_cutover(const struct state *s, const struct evidence *e,
                         bool keep, struct dr_err *err)
{
    if (s->phase != PHASE_FREEZE) {
        return refuse(err, "freeze first: the source must stand still");
    }
    if (e->halted && e->halted[0]) {
        return dr_err_set(err, DR_HALT, 0, "gate",
                          "the extractor halted: %.180s", e->halted);
    }
    if (!e->frozen) {
        return refuse(err, "the extractor is still reading the last window "
                           "and the index: wait, and see that it runs");
    }
    if (e->attempts > 0) {
        return refuse_open(s, e, err);
    }
    if (!e->drained) {
        return wait_for(s, e,
                        "the last changes are still on their way: wait, and "
                        "see that transformer and loaders run",
                        err);
    }
    if (e->pending > 0) {
        return dr_err_set(err, DR_HALT, 0, "gate",
                          "%lld records have no terminal state yet: wait; "
                          "if their number stays, `drover rejected redrive` "
                          "sends them once more",
                          (long long)e->pending);
    }
    if (e->removals > 0 && !keep) {
        return refuse_removals(e->removals, err);
    }
    if (e->links_open) {
        return refuse(err, "records whose links can be made by now are being "
                           "looked for, to be sent once more: wait");
    }
    return 0;
}

int gate_check(const struct state *s, const struct evidence *e, enum step step,
               struct dr_err *err)
{
    if (!e->books_ready) {
        return refuse(err, "the books are still being rebuilt from Kafka: "
                           "wait");
    }
    if (s->phase == PHASE_CUTOVER) {
        return refuse(err, "the migration is cut over: no step is left");
    }
    switch (step) {
    case STEP_PROPOSE:
        return check_propose(s, e, err);
    case STEP_APPROVE:
        return s->phase >= PHASE_FREEZE
                   ? refuse(err, "the source is frozen: it is too late for "
                                 "another plan")
                   : 0;
    case STEP_SAMPLE:
        return check_sample(s, err);
    case STEP_SIGN:
        return check_sign(s, e, err);
    case STEP_RUN:
        return check_run(s, err);
    case STEP_FREEZE:
        return check_freeze(s, e, err);
    case STEP_CUTOVER:
    case STEP_CUTOVER_KEEP:
        return check_cutover(s, e, step == STEP_CUTOVER_KEEP, err);
    case STEP_REDRIVE:
        return s->phase == PHASE_RUN || s->phase == PHASE_FREEZE
                   ? 0
                   : refuse(err, "only during the full run can records be "
                                 "tried again");
    case STEP_NONE:
        break;
    }
    return refuse(err, "no such step");
}

static void new_pass(struct state *s, enum phase phase, bool all)
{
    s->pass++;
    s->all = all;
    s->phase = phase;
    memset(s->open, 0, sizeof(s->open));
}

void gate_take(struct state *s, enum step step, const uint8_t hash[32])
{
    switch (step) {
    case STEP_PROPOSE:
        if (s->phase == PHASE_AUDIT) {
            s->phase = PHASE_PLAN;
        }
        break;
    case STEP_APPROVE:
        s->phase = PHASE_PLAN;
        s->has_plan = true;
        memcpy(s->plan_hash, hash, 32);
        memset(s->open, 0, sizeof(s->open));
        break;
    case STEP_SAMPLE:
        new_pass(s, PHASE_SAMPLE, false);
        break;
    case STEP_SIGN:
        s->phase = PHASE_SIGNED;
        memset(s->open, 0, sizeof(s->open));
        break;
    case STEP_RUN:
        new_pass(s, PHASE_RUN, true);
        break;
    case STEP_FREEZE:
        s->phase = PHASE_FREEZE;
        break;
    case STEP_CUTOVER:
    case STEP_CUTOVER_KEEP:
        s->phase = PHASE_CUTOVER;
        break;
    case STEP_REDRIVE:
        new_pass(s, s->phase, true);
        break;
    case STEP_NONE:
        break;
    }
}

bool gate_open_lane(struct state *s, const struct evidence *e)
{
    if (!gate_writes(s->phase) || s->paused || !s->has_plan || s->pass == 0) {
        return false;
    }
    for (int i = 0; i < GATE_LANES; i++) {
        if (!e->lane_fed[i] && !e->lane_left[i]) {
            continue;
        }
        if (!s->open[i]) {
            s->open[i] = true;
            return true;
        }
        if (!e->lane_complete[i]) { /* nor is one of which anything is left */
            return false;
        }
    }
    return false;
}
