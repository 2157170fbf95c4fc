/*
 * Redis: the id map as a materialised view of the ledger, the rate tokens and
 * the walk's position. The only user of hiredis. Losing Redis loses nothing;
 * while it is away callers get DR_RETRY and must stop sending.
 *
 * Refused at connect (DR_HALT): a maxmemory-policy other than noeviction.
 */
#ifndef DROVER_STORE_STORE_H
#define DROVER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/attrs.h>
#include <drover/base/err.h>
#include <drover/base/str.h>

struct dr_store;

struct dr_store_opts {
    const char *address;   /* host:port */
    const char *password;  /* NULL: none */
    const char *migration; /* prefix of every key: dr:<migration>:<form>: */
    int timeout_ms;        /* each command; 0: 2,000 */
};

/* Whether it has the form host[:port]. */
int dr_store_check_address(const char *address,
                           struct dr_err *err) DR_MUSTCHECK;
struct dr_store *dr_store_new(const struct dr_store_opts *o,
                              struct dr_err *err) DR_MUSTCHECK;
void dr_store_free(struct dr_store *s);
/* Rises when Redis was restarted, emptied or restored under us: facts may be
 * missing that were there. The call that finds out returns DR_RETRY. Whoever
 * relies on the view then reads the ledger again from dr_store_position on
 * before it believes that a fact does not exist. 1 at first. */
uint64_t dr_store_incarnation(const struct dr_store *s);

/* ---- facts: what the ledger says of a key ---- */

enum dr_fact_state {
    DR_FACT_NONE,
    DR_FACT_DONE,
    DR_FACT_REFUSED,
    DR_FACT_DELETED,
    DR_FACT_CREATED /* two-step, step 1 */
};

#define DR_FACT_FIELDS 512

struct dr_fact {
    enum dr_fact_state state;
    uint64_t dst, rev;
    uint32_t pass;
    uint32_t origin; /* enum dr_done_origin */
    uint32_t made;   /* dr_done.made */
    int64_t offset;  /* in ledger.<lane>, its position */
    uint8_t content_hash[32];
    bool unknown;    /* REFUSED: the outcome is not known, ever */
    char amount[64]; /* dr_done.amount and .place: cut never, longer is */
    char place[64];  /* refused                                         */
    char type[24];   /* of the target: "contacts" or "leads" */
    uint16_t fields_n;
    uint8_t fields[DR_FACT_FIELDS]; /* dr_done.fields */
};

/* Applies facts of one ledger partition and moves its `applied` offset to
 * `applied`, atomically (one script). A fact with a smaller offset than the
 * stored one is ignored: reading again is harmless. n may be 0. */
int dr_store_apply(struct dr_store *s, const char *lane, int32_t partition,
                   uint64_t epoch, const struct dr_str *keys,
                   const struct dr_fact *facts, size_t n, int64_t applied,
                   struct dr_err *err) DR_MUSTCHECK;
/* As dr_store_apply, and sets the oldest unsettled offset (-1: none) in the
 * same step: `applied` never passes an INTENT that a new owner would then
 * not read. */
int dr_store_move(struct dr_store *s, const char *lane, int32_t partition,
                  uint64_t epoch, const struct dr_str *keys,
                  const struct dr_fact *facts, size_t n, int64_t applied,
                  int64_t oldest, struct dr_err *err) DR_MUSTCHECK;

/* All that the view knows of a partition, in one command. */
struct dr_position {
    int64_t applied, oldest; /* -1: nothing, none */
    uint64_t epoch;          /* highest that was applied */
};
int dr_store_position(struct dr_store *s, const char *lane, int32_t partition,
                      struct dr_position *out, struct dr_err *err) DR_MUSTCHECK;
/* The offset up to which the view knows the partition, -1: nothing. */
int dr_store_applied(struct dr_store *s, const char *lane, int32_t partition,
                     int64_t *applied_out, struct dr_err *err) DR_MUSTCHECK;
/* Facts of n keys, each with its lane, by one MGET. A missing one has state
 * DR_FACT_NONE. */
int dr_store_facts(struct dr_store *s, const struct dr_str *lanes,
                   const struct dr_str *keys, size_t n, struct dr_fact *out,
                   struct dr_err *err) DR_MUSTCHECK;

/* ---- ids that a target may take for one ---- */

enum dr_alike_is {
    DR_ALIKE_ALONE, /* nobody else came, so far             */
    DR_ALIKE_FIRST, /* others came after it                 */
    DR_ALIKE_LATER, /* another one was there before it      */
};

struct dr_alike {
    enum dr_alike_is is;
    struct dr_str other; /* LATER: the first; FIRST: one of the others */
};

/* Says of n ids that they are or may come to be in the target, each under the
 * name that all of its like have. What is said stays; saying it again changes
 * nothing. Of several in one call none is ALONE. An id begins with no star. out
 * NULL: nobody asks. With the view all of it is lost: it is to be said again of
 * every fact and every open attempt before anybody relies on it. */
int dr_store_alike(struct dr_store *s, const char *lane,
                   const struct dr_str *folded, const struct dr_str *ids,
                   size_t n, struct dr_arena *a, struct dr_alike *out,
                   struct dr_err *err) DR_MUSTCHECK;

/* ---- the walk of a view, shared by all loaders ---- */

/* Takes the right to walk for ttl_ms. 1: ours; 0: somebody walks; -1: err. */
int dr_store_walk_lock(struct dr_store *s, const char *what,
                       const char *instance, int ttl_ms,
                       struct dr_err *err) DR_MUSTCHECK;
int dr_store_walk_unlock(struct dr_store *s, const char *what,
                         const char *instance, int64_t rows_seen,
                         struct dr_err *err) DR_MUSTCHECK;
/* Rows of the view that are settled for good (0: from the start). */
int dr_store_walk_rows(struct dr_store *s, const char *what, int64_t *rows_out,
                       struct dr_err *err) DR_MUSTCHECK;

/* ---- rate controller: one Lua script, both windows or nothing ---- */

struct dr_rate_opts {
    const char *account;              /* the destination account: one budget */
    int64_t hour_limit, minute_limit; /* 0: no such window */
    int64_t hour_ms, minute_ms;       /* 3,600,000 and 60,000; a rehearsal
                                         with a scaled clock has less */
    int64_t reserve;                  /* calls an hour left to others, and
                                         that share of each minute */
    int64_t now_ms; /* 0: the clock of Redis, which all users share. Else the
                       time of this call, of a simulation */
};

struct dr_rate_grant {
    bool granted;
    int64_t wait_ms; /* when not granted: ask again then */
    bool canary;     /* the one call that may try after a 429 */
    uint64_t epoch;
};

/* Each granted call is reported or given back, once; what is neither counts as
 * spent after 35 s. wait_ms is at most 60,000. A grant with `canary` is the
 * only one until its report: pass the flag on. */
int dr_rate_take(struct dr_store *s, const struct dr_rate_opts *o, int cost,
                 struct dr_rate_grant *out, struct dr_err *err) DR_MUSTCHECK;
/* What the answer said; status 0: none came, the call counts as spent.
 * remaining/limit -1: no header. reset_ms: until the window resets, -1
 * unknown. status 429 blocks all loaders for retry_ms (-1: unknown) and lets
 * one canary try then. */
int dr_rate_report(struct dr_store *s, const struct dr_rate_opts *o, int status,
                   int64_t limit, int64_t remaining, int64_t reset_ms,
                   int64_t retry_ms, bool canary,
                   struct dr_err *err) DR_MUSTCHECK;
/* A granted call that was not sent gives its token back. */
int dr_rate_give_back(struct dr_store *s, const struct dr_rate_opts *o,
                      int cost, struct dr_err *err) DR_MUSTCHECK;

#endif
