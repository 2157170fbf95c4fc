/*
 * The oracle of the tail: the real service against the simulated FastTrack,
 * its other surroundings doubled in memory. Each life of the service is a
 * process of its own, so that it may die as services do; what outlives it
 * (Kafka, the clock, the dice, what people decided) is in shared memory.
 */
#ifndef EXTRACTOR_ORACLE_H
#define EXTRACTOR_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/attrs.h>
#include <drover/base/buf.h>
#include <drover/base/rand.h>
#include <drover/base/str.h>

#define PARTS 3
#define KNOBS 128 /* at most, of oracle_knobs.c */
#define TEXT_MAX 128

/* How a life ends. Any other exit code is the service's own. */
enum ending { LIFE_FROZEN = 0, LIFE_KILLED = 90, LIFE_RESTART, LIFE_FAILED };

/* Something that happens to the account when that many calls were made. */
struct happening {
    uint64_t at_call; /* 0: done, or none */
    char path[TEXT_MAX], body[256];
};

struct oracle {
    uint64_t seed;
    struct dr_rand dice;
    const char *stage; /* what the run is at, for who reads of a failure */
    int64_t clock_ms;  /* the service's own */
    int64_t owed_ms;   /* that it waited, and FastTrack did not see pass */
    uint64_t calls;    /* by all lives; rounds of a question count too */
    uint64_t kill_at_call, kill_at_send; /* 0: not */
    unsigned lives, kills, deaths, fresh, edits, renames, damaged, rounds,
        asked;
    bool editing, breaks_word, token_changed, left_behind;
    struct happening happens[8];
    /* control */
    bool freezing;
    uint64_t file_limit;
    char approvals[32][96];
    size_t approval_n;
    /* knobs, by their place in the table */
    bool drawn[KNOBS];
    unsigned fired[KNOBS]; /* those that the oracle counts itself */
    uint64_t misses, misses_now;
    size_t sent_n, flushed_n, bytes_n;
};
extern struct oracle *oracle;
extern bool oracle_talks; /* tells all that it does, for one seed alone */

uint64_t roll(uint64_t n);
/* Says what is wrong and ends the life, or the run. */
_Noreturn void oracle_fail(const char *what, const char *which);

/* ---- oracle_double.c: what was sent, one message each, kept packed ---- */

struct sent {
    char topic[64];
    int32_t partition;
    int64_t offset;
    bool lost; /* a kill took it before Kafka had it */
    struct dr_str key, value;
};
extern struct sent *sent;
void double_open(void);
void sent_clear(void);
/* A kill: of each partition what was not acknowledged yet may be lost, the
 * newest first. How many were. */
unsigned sent_lose(void);
/* Around every call, and when the service waits; in each round of the tail
 * and of a question. */
extern void (*on_tick)(int waited_ms);
extern void (*on_control)(void);

/* ---- oracle_sim.c ---- */

void sim_start(const char *program, const char *folder);
void sim_stop(void);
extern char sim_url[64], sim_files_url[64], sim_key[128];
/* Clients of its two ports: of each process its own. */
void sim_connect(void);
/* Calls of the admin port, and of the contract's. What they give stays until
 * the next. */
struct dr_str admin(const char *method, const char *path, struct dr_str body);
struct dr_str sim_api(const char *method, const char *path, struct dr_str body);
extern int sim_status; /* of the contract's call; 0: it broke */
void post(const char *path, struct dr_buf *body);
void postf(const char *path, const char *fmt, ...) DR_PRINTF(2, 3);
void advance(int64_t ms);
/* The bytes of an attachment; the answer's status. */
int sim_download(const char *id, struct dr_buf *out);

/* ---- oracle_knobs.c ---- */

/* Draws the knobs of a seed: arguments of the simulator come out, "name=value"
 * each; true where this one is of the seed. */
#define ARGS_MAX 24
extern char sim_args[ARGS_MAX][TEXT_MAX];
extern size_t sim_arg_n;
void knobs_draw(void);
bool drawn(const char *name);
void fired(const char *name);
/* At the end of a seed: what the simulator counted is added up. */
void knobs_count(void);
void knobs_tell(void);        /* of this seed, to stderr */
bool knobs_report(bool must); /* of all seeds; false: one never fired */

/* ---- oracle_faults.c ---- */

void faults_plant(void);    /* of the transport */
void happenings_plan(void); /* of the account */
void scope_of_files_goes(void);
void happen(void);            /* those that are due */
void happenings_mend(void);   /* all that is still to be put back, at once */
bool something_is_away(void); /* a scope or a plan that comes back */

/* ---- oracle_edits.c: what people do in FastTrack ---- */

void world_read(struct dr_arena *a); /* as it is at the start */
void poison_start(void);
void damage_item(void); /* of the catalogue, the next one */
void one_edit(void);
void flood(void);
void crowd(void); /* so that many can vanish */
void unhide(void);
void vanish(void);            /* records without tombstones, many at once */
void tombstones_expire(void); /* some are deleted, and time passes */

/* ---- oracle_life.c ---- */

struct extractor;
_Noreturn void life(void);

/* ---- the judges ---- */

void truth_check(struct extractor *ex);
void quarantine_check(struct extractor *ex);
/* oracle_led.c; newest: key -> struct dr_source */
struct dr_map;
void led_check(struct extractor *ex, const struct dr_map *newest);
struct dr_source;
void bytes_check(const struct dr_source *s, const char *key);

#endif
