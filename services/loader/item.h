/*
 * A load record in work. Its way:
 *
 *   FRESH ─ facts ─▶ PARENT (waits) · skipped · refused · READY
 *   READY ─ token ─▶ INTENT appended ─ read back ─▶ SENT ─▶ outcome
 *   outcome: DONE or REFUSED appended (WRITTEN) ─ read back, in the id map ─▶
 *            settled · CONFIRM (bulk: waits for its row) · UNSETTLED (waits,
 *            then LOOK) · PAUSE · FRESH again
 */
#ifndef DROVER_LOADER_ITEM_H
#define DROVER_LOADER_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/ledger/ledger.h>
#include <drover/store/store.h>
#include <drover/wire/wire.h>

#include "route.h"
#include "types.h"

#define PLACE_TEXT 64

struct item;
struct after;
struct batch;
struct lanepart;

enum item_state {
    ITEM_FRESH,
    ITEM_PARENT,
    ITEM_READY,
    ITEM_CALL,   /* waits for a token or for the record before the write */
    ITEM_INTENT, /* appended, not yet read back                          */
    ITEM_SENT,
    ITEM_CONFIRM,
    ITEM_UNSETTLED, /* look_ms is when to look                              */
    ITEM_LOOK,
    ITEM_PAUSE,   /* could not be read: begun again at look_ms            */
    ITEM_PUBLISH, /* waits until landed or rejected has its line          */
    ITEM_WRITTEN, /* waits until its DONE or REFUSED is in the id map     */
};

struct list {
    struct item *first, *last;
    size_t n;
};

struct item {
    struct item *prev, *next;
    struct list *in;
    struct item *later; /* newer record of the same key: its turn comes */
    struct lanepart *lp;
    int64_t offset;
    char *bytes;                /* the record as read */
    const struct dr_load *load; /* unpacked, while `taken` is the turn's */
    uint64_t taken;
    size_t size;
    char *key_text;
    struct dr_str key;
    uint64_t rev;
    uint32_t pass;
    uint8_t hash[32];
    size_t missing; /* links left out: their other ends are not there */
    char marker[33];
    uint64_t alike; /* a file's parent, name and size */
    bool fold;      /* it changes custom fields of another record */
    bool locked;    /* nobody else changes the record meanwhile   */
    bool tail;      /* not of the snapshot: parents may still come */
    bool waited;    /* for so long as it may                       */
    const struct type *type;
    enum item_state state;
    struct route route;
    struct dr_fact fact;
    char place[PLACE_TEXT]; /* below what it is put, or stands: place.c     */
    bool strayed; /* it was found below another record than it shall be   */
    char *body;   /* the request, or this record's entry in a bulk request */
    size_t body_size;
    char amount[64];   /* deal: its own; deal_product: the one to keep */
    bool theirs;       /* that is a person's                                 */
    bool lines_made;   /* deal: nobody but its lines made its amount         */
    bool set_stands;   /* the deal was seen with the lines of this set       */
    uint64_t deal_rev; /* the version that the deal was left at */
    uint32_t attempt;  /* of the INTENT that is open, with its writer: */
    uint64_t epoch;
    uint8_t nonce[DR_LEDGER_NONCE];
    struct batch *batch;
    int index; /* in the batch */
    int64_t since_ms, look_ms, sent_ms;
    int max_batch;  /* 0: any; a refused batch is halved */
    uint64_t found; /* a look-up's id */
    bool whole_5xx, checked, alone, content, job_done;
    bool endless;       /* its job was waited for long enough          */
    uint64_t twin;      /* of the one that came before it with an id alike */
    int64_t twin_ms;    /* since when that one is waited for               */
    bool said_alike;    /* the target: the id is taken                     */
    bool doubted;       /* refused in bulk, where it was the only one */
    bool odd;           /* an answer of success without our identity in it */
    bool older;         /* a DONE of an older version was appended */
    bool told;          /* its refused lines stand in rejected */
    bool unread;        /* recovered: the attempt was another owner's */
    bool foreign;       /* and for another version, or outdated: no row tells */
    char *why;          /* the job's words about it */
    int tries;          /* ends without effect that were not our own */
    int64_t failing_ms; /* when the first of them was         */
    bool climbing;      /* its parents have not said yet where they hang */
    int untold_n;       /* answers that did not say what stands there */
    int64_t untold_ms;  /* when the first of them came                */
    int64_t unheard_ms; /* when the last of them came           */
    int look_status;    /* of the last of them; 0: it was not asked; or
                           LOOK_UNANSWERED                             */
    int pins;           /* callbacks under way */
    int untold;         /* parts left out, not yet in rejected */
    struct after *after; /* waits for those */
    uint8_t *kept;       /* a field of the load each: people changed it */
    uint64_t kept_links;
    uint64_t ended_links;       /* of ours, which the source has no more */
    bool told_kept;             /* those stand in rejected */
    bool other;                 /* in its other form: its own is taken */
    bool said_taken;            /* in the target's own words */
    bool in_other;              /* and was seen so */
    bool told_other;            /* that stands in rejected */
    bool same;                  /* nothing is left to write */
    struct dr_commits *commits; /* what the fields were left at */
    bool dead; /* its partition is gone: the last pin frees it */
    struct call *call;
};

void list_add(struct list *l, struct item *it);
void list_drop(struct item *it);

#endif
