/*
 * Judging one record: what became of it, and whether the target holds what the
 * plan makes of the raw source record. Pure: the shell gathers what is known
 * (struct judge_case), and gets the state and every compared field back.
 */
#ifndef DROVER_AUDITOR_JUDGE_H
#define DROVER_AUDITOR_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/json/json.h>
#include <drover/plan/plan.h>

#include "books.h"

/* Bodies of one target record that are looked at, the newest first. */
#define JUDGE_BODIES 4
#define JUDGE_LOADS 4
#define JUDGE_CONFLICTS 64

/* A load record that the plan makes, and what is known of it. */
struct judge_load {
    bool has_fact;
    struct fact_row fact;
    uint64_t dst;    /* the target record it is part of; 0: none yet      */
    uint64_t *refs;  /* for each of the load's refs: the target id, 0: none */
    bool *lead;      /* likewise: that id is a lead's                       */
    uint64_t *gone;  /* likewise: the id it had until it was deleted; or NULL */
    bool *lost;      /* likewise: somebody deleted that one there; or NULL  */
    size_t left_out; /* links that would be left out if it were sent now    */
    bool held; /* another record is seen to be in the way of its own form */
    uint64_t *lines; /* likewise for each line's product                  */
    const struct dr_json *bodies[JUDGE_BODIES];
    size_t body_count;
};

struct judge_case {
    const struct dr_source *rec;
    const struct dr_outcome *out; /* NULL: no plan is approved yet */
    struct judge_load loads[JUDGE_LOADS];
    uint64_t orphan;       /* the Unassigned Account; 0: not there yet */
    bool in_scope_of_pass; /* false: not of the sample, still to come */
    /* Of a record that is gone: where its main lane's record stands. */
    bool gone_has_fact;
    struct fact_row gone_fact;
    bool removal_open; /* a person let its deletion through */
    bool tell_source;  /* with every field; else with what differs */
    bool deal_deleted; /* of a set of lines: its deal is gone in the target */
    /* Somebody deleted there what it, or of lines their deal, had become. */
    bool lost;
    /* Target fields that people changed and that were left alone. */
    struct conflict_row conflicts[JUDGE_CONFLICTS];
    size_t conflict_count;
};

enum judged {
    JUDGED_SAME,
    JUDGED_INTENDED, /* told by the plan's own note */
    JUDGED_LOSS,     /* the target holds something else */
};

struct judged_field {
    struct dr_str id; /* the line item, when of one; else the record */
    struct dr_str field, rule, source, expected, actual, cause;
    enum judged verdict;
};

struct judge_sink {
    void (*field)(void *ctx, const struct judged_field *f);
    /* One line of records.ndjson. */
    void (*record)(void *ctx, const struct record_row *r);
    void *ctx;
};

void judge(const struct judge_case *c, struct dr_arena *a,
           const struct judge_sink *sink);

/* It only says that a link has ended, and there never was one, or it was
 * refused: nobody writes a line about it. */
bool judge_needs_no_end(const struct judge_load *l, const struct dr_load *load);
/* This reference goes to the Unassigned Account: none of its kind is there. */
bool judge_orphaned(const struct judge_load *l, const struct dr_load *load,
                    size_t at);
/* Why a record is gone: deleted, merged into which, or no longer visible. */
struct dr_str judge_gone(const struct dr_source *rec, struct dr_arena *a);

/* ---- between judge.c and verify.c ---- */

/* Compares everything a load record wanted. refused: why the target did not
 * take it; what differs is then told in these words. */
void verify_load(const struct judge_case *c, size_t at, struct dr_str refused,
                 struct dr_arena *a, const struct judge_sink *sink);
/* For each line of the load record the product line of the deal that it became:
 * one with all its values before one of the same product; NULL: none. In the
 * arena; NULL when that is full. products: the target id of each line's
 * product, 0: not there. */
const struct dr_json **verify_match_lines(const struct dr_load *load,
                                          const uint64_t *products,
                                          const struct dr_json *deal,
                                          struct dr_arena *a);
/* The deal was seen with these lines, as they are wanted, and no others. */
bool verify_lines_stand(const struct dr_load *load,
                        const struct judge_load *known, struct dr_arena *a);
/* The body of the source record: a large one is not read a second time when
 * the plan has read it. NULL: there is none, or none that can be read. */
const struct dr_json *judge_body(const struct judge_case *c,
                                 struct dr_arena *a);
/* A property of it, as text. */
struct dr_str judge_source_text(const struct dr_json *root,
                                struct dr_str property);

#endif
