/*
 * What both simulators stand on: three ports and the ready line, the virtual
 * clock, the fault script, the journal, knobs. Shapes: bench reference 1.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <drover/base/arena.h>
#include <drover/base/rand.h>
#include <drover/http/server.h>
#include <drover/json/json.h>

/* ---- the virtual clock ---- */

struct vclock {
    int64_t base_ms; /* virtual time at the anchor */
    int64_t mono_ms; /* monotonic time of the anchor */
    int64_t scale;   /* 0: it stands still until it is set on */
};

void vclock_init(struct vclock *c, int64_t base_ms, int64_t scale);
int64_t vclock_now(const struct vclock *c);
/* Scale below 0: as it is. */
void vclock_set(struct vclock *c, int64_t scale, int64_t advance_ms);

/* ---- faults ---- */

enum fault_close { FAULT_OPEN, FAULT_BEFORE, FAULT_MID, FAULT_AFTER };

enum fault_garble {
    FAULT_PLAIN,
    FAULT_GZIP_BOMB,
    FAULT_CONTENT_LENGTH,
    FAULT_CHUNKED_NO_END,
    FAULT_ENDLESS, /* zeros for ever */
};
#define FAULT_FIELDS 8

struct fault {
    char name[64];
    int status;           /* 0: none */
    char retry_after[64]; /* "" absent */
    bool html;
    enum fault_close close;
    int64_t delay_ms;            /* answer late */
    bool no_effect;              /* with delay: nothing happens */
    size_t truncate;             /* bytes; 0: none */
    int64_t late_effect_ms;      /* a time-out now, the effect later */
    bool previous;               /* another request's answer */
    char drop[FAULT_FIELDS][64]; /* keys left out of the answer */
    char redirect[256];
    enum fault_garble garble;
    char expire[16]; /* token, download, cursor, job */
    char plan[32];   /* from now on */
    int64_t rate;    /* bytes of the body a second; 0: at once */
    /* A lift of the limits: ms of the simulated clock, from now
     * when they are small. 0: none. */
    int64_t lift_from_ms, lift_until_ms;
};

struct faults;
struct faults *faults_new(uint64_t seed);
int faults_replace(struct faults *f, struct dr_str json,
                   struct dr_err *err) DR_MUSTCHECK;
void faults_clear(struct faults *f);
/* The fault for this request, taking one of its turns; NULL: none. */
const struct fault *faults_match(struct faults *f, struct dr_str method,
                                 struct dr_str path);

/* "0.05" as millionths, for chances. */
uint32_t sim_millionths(struct dr_str s);

/* ---- knobs ---- */

/* `otherwise` is the default; with alternatives after '|', no other value is
 * taken, but for "*", which stands for any. */
struct knob {
    const char *name;
    const char *otherwise;
    char value[256];
};

const char *knob_text(const struct knob *knobs, const char *name);
int64_t knob_int(const struct knob *knobs, const char *name);
bool knob_is(const struct knob *knobs, const char *name, const char *value);
int knob_set(struct knob *knobs, struct dr_str name, struct dr_str value);

/* ---- journal: NDJSON lines kept in a temporary file ---- */

struct journal;
struct journal *journal_new(void);
int64_t journal_next(const struct journal *j); /* seq of the next line */
void journal_add(struct journal *j, struct dr_str line);
void journal_read(const struct journal *j, int64_t after, struct dr_buf *out);

/* ---- the process ---- */

struct sim_opts {
    const char *base; /* --source DIR or --tenant FILE */
    int64_t start_ms; /* --start-at, or -1 */
    int64_t scale;
    uint64_t seed;
    char key[256];
    uint16_t port, download_port, admin_port;
};

/* Parses the command line; base_flag is "--source" or "--tenant". Exits with
 * 2 on bad usage. Knobs given by --knob name=value are set. */
void sim_options(int argc, char **argv, const char *base_flag,
                 struct knob *knobs, struct sim_opts *out);

typedef void sim_handler(struct dr_httpd_req *req, void *ctx);

struct sim_servers {
    sim_handler *api, *download, *admin;
    void *ctx;
    /* Called between requests: jobs, late answers. */
    void (*tick)(void *ctx);
    size_t max_body;         /* of the API port; 0: 64 MiB */
    const char *too_large;   /* its JSON of a 413; may be NULL */
    uint16_t *download_port; /* set before the first request; may be NULL */
};
/* Starts the ports, prints the ready line, runs until SIGTERM. */
int sim_run(const struct sim_opts *o, const struct sim_servers *s);

/* Answers that both need. */
void sim_answer(struct dr_httpd_req *r, int status, const struct dr_buf *b);
/* Common admin calls: /sim/clock, /sim/knobs, /sim/faults, /sim/journal.
 * False: not one of them. */
bool sim_admin(struct dr_httpd_req *r, struct vclock *clock, struct knob *knobs,
               struct faults *faults, struct journal *journal);
/* What a fault does to an answer that was made; true when it dealt with it. */
bool sim_break_answer(struct dr_httpd_req *r, const struct fault *f, int status,
                      struct dr_str body);

#endif
