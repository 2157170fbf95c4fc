/*
 * Owning one partition of one lane's ledger (effects protocol 5 step 1, 4):
 *
 *   IDLE ─▶ RECOVER ─▶ (nothing to do: IDLE) or CLAIM ─▶ ACTIVE
 *                                                 └─ fenced ─▶ LOST
 *
 * Pure: records in, wishes out. The shell reads the log from own_start's
 * offset, appends what is wished, applies facts to the id map.
 */
#ifndef DROVER_LOADER_OWN_H
#define DROVER_LOADER_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/err.h>
#include <drover/ledger/ledger.h>

enum own_state {
    OWN_IDLE,
    OWN_RECOVER, /* reading to the end that was seen at the start */
    OWN_CLAIM,   /* OWNER is appended, not yet read               */
    OWN_ACTIVE,
    OWN_LOST, /* another owner, or a roll back                 */
};

struct own {
    enum own_state state;
    struct dr_fold *fold;
    uint64_t epoch;
    uint8_t nonce[DR_LEDGER_NONCE];
    int64_t end;     /* of the log when the recovery began  */
    int64_t read_to; /* last offset read, or one below the start */
    bool claim;      /* wanted, not only an up-to-date view */
    bool meta_asked;
    uint32_t attempt; /* the last number given to an attempt */
};

struct own_view {
    int64_t applied; /* of the id map, -1: it knows nothing        */
    int64_t oldest;  /* oldest unsettled INTENT it remembers, -1   */
    uint64_t epoch;  /* highest epoch it has seen                  */
};

enum own_wish {
    OWN_NOTHING,
    OWN_APPEND_META, /* META, then OWNER(own->epoch, own->nonce)    */
    OWN_APPEND_OWNER,
    OWN_READY,      /* became ACTIVE just now                      */
    OWN_STEP_DOWN,  /* became LOST just now                        */
    OWN_UP_TO_DATE, /* recovered without a claim: IDLE again       */
};

void own_init(struct own *o);
void own_done(struct own *o);
/* The offset to read from. end: the log's end now; nonce: fresh random. */
int64_t own_start(struct own *o, const struct own_view *v, int64_t end,
                  bool claim, const uint8_t nonce[DR_LEDGER_NONCE]);
/* Asked once after own_start: an empty stretch needs no record. */
enum own_wish own_check(struct own *o);
/* One record of the log, in order. *folded is always set. */
enum own_wish own_record(struct own *o, const struct dr_env *env,
                         int64_t offset, struct dr_folded *folded);
/* A record that cannot be read still moves the position. */
enum own_wish own_skip(struct own *o, int64_t offset);
/* META against the running configuration. */
int own_meta_fits(const struct own *o, uint32_t partitions,
                  struct dr_err *err) DR_MUSTCHECK;
/* May something be sent for this partition? */
bool own_active(const struct own *o);

#endif
