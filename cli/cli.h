/* What every verb gets: the parsed command and the way to the auditor. */
#ifndef DROVER_CLI_CLI_H
#define DROVER_CLI_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/attrs.h>
#include <drover/base/buf.h>
#include <drover/http/client.h>
#include <drover/json/json.h>

#include "args.h"
#include "conf.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,        /* no connection, no right, no such thing      */
    CLI_USAGE = 2,         /* command line or settings                    */
    CLI_PLAN = 3,          /* no plan, not the approved one; books uneven */
    CLI_DATA = 4,          /* problems in a plan or in data               */
    CLI_GATE = 5,          /* a gate refuses                              */
    CLI_LATE = 6,          /* rate-limited, rebuilding, or out of time    */
    CLI_INTERRUPTED = 130, /* Ctrl-C                                      */
};

/* Set by the first SIGINT or SIGTERM; the second ends the process. */
extern volatile sig_atomic_t cli_stop;

struct cli {
    struct args args;
    struct conf conf;
    struct dr_secret *token;
    struct dr_http *http; /* made when it is first needed */
    struct dr_arena *arena;
    struct dr_buf answer; /* the last answer's body */
    struct dr_buf out;
    bool json, color, tty_out, tty_err;
    bool progress; /* a line of progress stands on the terminal */
    int64_t timeout_ms;
    char held[4]; /* beginning of a character: cli_write_data */
    size_t held_n;
};

/* One line on stderr, "drover: " before it. Control characters in it must be
 * escaped already. */
void cli_say(struct cli *c, const char *fmt, ...) DR_PRINTF(2, 3);
/* A line on stderr that the next one replaces; nothing without a terminal. */
void cli_progress(struct cli *c, struct dr_str line);
void cli_progress_end(struct cli *c);
/* Bytes to stdout. CLI_OK or CLI_FAILED (said, unless the reader is gone). */
int cli_write(struct cli *c, struct dr_str s) DR_MUSTCHECK;
/* The API's bytes: as they are, but on a terminal without what would move its
 * cursor. May come in pieces. */
int cli_write_data(struct cli *c, struct dr_str s) DR_MUSTCHECK;
/* What stands in c->out, then empties it. */
int cli_flush(struct cli *c) DR_MUSTCHECK;
/* The answer's bytes as they are, and a newline where there is none. */
int cli_write_json(struct cli *c, struct dr_str body) DR_MUSTCHECK;
/* Who: --by, else USER. NULL: neither (said). */
const char *cli_by(struct cli *c);
/* A plan's hash as the API has it: without the "sha256:" that stands in the
 * plan itself. */
const char *cli_hash(const char *given);
/* Waits, at most ms and not after a signal. */
void cli_pause(int64_t ms);

/* ---- the API ---- */

struct api_answer {
    int exit;     /* what it means: CLI_OK or a code        */
    int status;   /* 0: no answer                           */
    bool passing; /* may be better soon: worth asking again */
    struct dr_str body;
    const struct dr_json *json;
    char next[512];  /* cursor of the next page, or ""      */
    char text[2048]; /* what is wrong and what to do        */
};

/* One request. Nothing is said. body and json are valid until the next. */
void api_try(struct cli *c, const char *method, const char *path,
             struct dr_str body, int64_t limit_ms, struct api_answer *out);
/* The same with the verb's limit; what is wrong is said. json_out may be
 * NULL. Returns the exit code. */
int api_call(struct cli *c, const char *method, const char *path,
             struct dr_str body, const struct dr_json **json_out) DR_MUSTCHECK;
int api_get(struct cli *c, const char *path,
            const struct dr_json **json_out) DR_MUSTCHECK;
/* A GET whose body goes to take; the verb's limit is one of silence. */
int api_stream(struct cli *c, const char *path, dr_http_take_fn *take,
               void *ctx, struct api_answer *out) DR_MUSTCHECK;

/* What an answer that is no success means: fills exit, passing and text.
 * Pure. json: the body, NULL when it is none. */
void api_explain(struct api_answer *a, const struct dr_json *json);

/* ---- verbs ---- */

int cmd_status(struct cli *c);
int cmd_wait(struct cli *c);
int cmd_propose(struct cli *c);
int cmd_plan_show(struct cli *c);
int cmd_plan_put(struct cli *c);
int cmd_plan_check(struct cli *c);
int cmd_plan_approve(struct cli *c);
int cmd_ready(struct cli *c);
int cmd_owners(struct cli *c);
int cmd_duplicates(struct cli *c);
int cmd_sample_start(struct cli *c);
int cmd_sample_diff(struct cli *c);
int cmd_sample_sign(struct cli *c);
int cmd_run(struct cli *c);
int cmd_pause(struct cli *c);
int cmd_resume(struct cli *c);
int cmd_freeze(struct cli *c);
int cmd_cutover(struct cli *c);
int cmd_reconcile(struct cli *c);
int cmd_rejected_list(struct cli *c);
int cmd_rejected_show(struct cli *c);
int cmd_redrive(struct cli *c);
int cmd_find(struct cli *c);
int cmd_report(struct cli *c);
int cmd_asks(struct cli *c);
int cmd_approve(struct cli *c);
int cmd_removals_list(struct cli *c);
int cmd_removals_approve(struct cli *c);
int cmd_conflicts(struct cli *c);
int cmd_inventory(struct cli *c);
int cmd_profile_check(struct cli *c);
int cmd_completion(struct cli *c);

#endif
