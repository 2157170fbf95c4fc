/*
 * The gates of a migration (design 1): what may follow what. Pure. The state
 * is what `control` carries; the evidence is what the auditor has seen.
 *
 *   audit -> plan -> sample -> signed -> run -> freeze -> cutover
 *
 * A new plan may be approved at any time before the freeze, in mid-run, too:
 * its approval goes back to `plan`, and a sample, its sign-off and a run
 * follow. What was written by the plan before is corrected by the new pass.
 * Without one the full run is not thrown back to a sample.
 */
#ifndef DROVER_AUDITOR_GATE_H
#define DROVER_AUDITOR_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/err.h>

enum phase {
    PHASE_AUDIT,
    PHASE_PLAN,
    PHASE_SAMPLE,
    PHASE_SIGNED,
    PHASE_RUN,
    PHASE_FREEZE,
    PHASE_CUTOVER,
};
#define PHASES 7

const char *phase_name(enum phase p);
/* PHASE_AUDIT for what is no phase. */
enum phase phase_of(const char *name);

#define GATE_LANES 10

struct state {
    uint64_t seq;
    enum phase phase;
    bool paused, has_plan;
    uint8_t plan_hash[32];
    uint32_t pass, generation;
    bool all; /* scope of the pass: all, or the sample */
    bool open[GATE_LANES];
    uint64_t catalog_seq;
    uint64_t profile_check; /* number of the last one asked for */
};

/* A request whose outcome no ledger says yet. */
#define GATE_NAMED 3
#define GATE_KEY 64
struct gate_attempt {
    const char *lane;
    char key[GATE_KEY]; /* "<object>:<id>", as much as fits */
};

struct evidence {
    bool books_ready;       /* everything in Kafka was read once          */
    bool snapshot_complete; /* the source was read whole                  */
    bool source_catalog, target_catalog, survey_complete;
    bool lanes_complete; /* of the running pass: every lane          */
    bool lane_complete[GATE_LANES], lane_fed[GATE_LANES];
    /* Not fed by this plan, and not settled to its end: of one before. */
    bool lane_left[GATE_LANES];
    int64_t pending;    /* records of the pass not judged or not terminal */
    int64_t losses;     /* fields that differ without explanation     */
    bool frozen;        /* the extractor swept after the freeze       */
    const char *halted; /* why the extractor stopped; NULL: it runs   */
    const char *stands_still; /* a lane the target forbids; NULL: none */
    bool drained;             /* nobody has anything left to read           */
    int64_t removals;         /* proposed for deletion, and nobody decided */
    int64_t attempts;         /* requests whose outcome no ledger says yet */
    struct gate_attempt named[GATE_NAMED]; /* the first of them */
    bool silent;     /* no loader has said anything for long */
    bool links_open; /* it is not known yet whether links can still be made */
};

enum step {
    STEP_PROPOSE,
    STEP_APPROVE,
    STEP_SAMPLE,
    STEP_SIGN,
    STEP_RUN,
    STEP_FREEZE,
    STEP_CUTOVER,
    STEP_CUTOVER_KEEP, /* what is proposed for deletion stays */
    STEP_REDRIVE,
    STEP_NONE,
};

const char *step_name(enum step s);

/* The next step of a migration in this state. */
enum step gate_next(const struct state *s);
/* 0: it may be taken. -1: err says what it waits for and what to do. */
int gate_check(const struct state *s, const struct evidence *e, enum step step,
               struct dr_err *err) DR_MUSTCHECK;
/* The state after it. hash: STEP_APPROVE's plan. */
void gate_take(struct state *s, enum step step, const uint8_t hash[32]);
/* Opens the next lane when all before it are complete; true: one was opened.
 * Also one that this plan feeds no more, while something of a plan before is
 * left there: loaders settle that, and write nothing of it. */
bool gate_open_lane(struct state *s, const struct evidence *e);
/* Loaders write in this phase. */
bool gate_writes(enum phase p);

#endif
