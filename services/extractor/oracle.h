/*
 * The oracle's own half: the extractor's surroundings as doubles in memory,
 * so that hundreds of runs need neither a broker nor real waits.
 */
#ifndef EXTRACTOR_ORACLE_H
#define EXTRACTOR_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/str.h>

/* What was sent: one message a call, in order, kept packed. */
struct sent {
    char topic[64];
    int32_t partition;
    int64_t offset;
    struct dr_str value;
};
extern struct sent *sent;
extern size_t sent_n;
void sent_clear(void);

/* Called at each tick of the service, that is around every call. */
extern void (*on_tick)(void);

/* ---- oracle_truth.c ---- */

struct extractor;
/* GET from the simulator: the admin port, or (api) the contract's own. What
 * it gives stays until the next call. */
typedef struct dr_str get_fn(bool api, const char *path);
_Noreturn void oracle_fail(const char *what, const char *which);
/* Everything that was sent against everything that FastTrack holds. */
void truth_check(struct extractor *ex, get_fn *get);

#endif
