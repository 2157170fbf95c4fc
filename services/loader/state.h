/*
 * What the loader holds: partitions, lanes, batches, walks. Each belongs to
 * the one thread.
 */
#ifndef DROVER_LOADER_STATE_H
#define DROVER_LOADER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/map.h>
#include <drover/http/client.h>
#include <drover/kafka/kafka.h>
#include <drover/kafka/offsets.h>
#include <drover/service/service.h>
#include <drover/store/store.h>
#include <drover/wire/wire.h>

#include "call.h"
#include "item.h"
#include "own.h"
#include "rows.h"
#include "types.h"

#define LANES 10
#define BATCH 100
#define MAX_BATCHES 20 /* unsettled batches a lane and loader            */
#define HELD_HIGH 2600 /* records of a lane in memory: pause above …     */
#define HELD_LOW 1800  /* … and take more below                          */
/* The same in bytes as read: long texts fill the memory before their number
 * does. A body made of one takes about as much again. */
#define HELD_BYTES_HIGH ((size_t)6 << 20)
#define HELD_BYTES_LOW ((size_t)4 << 20)
#define DRAINED_MS 200 /* no input for so long: short batches may go     */
#define SEND_MS 5000   /* S: INTENT to send                              */
#define PAUSE_MS 10000 /* P: check to send; beyond it the process ends   */
#define VIEWS TYPE_VIEWS
#define UPLOADS 2 /* files under way at a time */

struct loader;

/* ---- a partition of a lane ---- */

struct lanepart {
    struct lane *lane;
    int32_t part;
    bool assigned, paused, reading, following, want_view;
    struct own own;
    struct dr_offsets *offs;
    struct dr_map *items; /* key -> oldest item of the key */
    size_t held;
    struct list fresh;
    int64_t committed;
    int64_t recovered_ms; /* when the unsettled attempts were read */
    int64_t retry_ms;     /* not before: a claim that was lost     */
    /* Facts read, not yet in the id map. */
    struct dr_str *keys;
    struct dr_fact *facts;
    size_t fact_count, fact_cap;
    int64_t applied; /* in the id map */
    int64_t applied_ms;
    int64_t oldest; /* as the id map has it */
};

enum batch_state {
    BATCH_CALL,   /* waits for a token             */
    BATCH_INTENT, /* waits for its INTENTs         */
    BATCH_SENT,
    BATCH_PENDING, /* accepted: items wait for rows */
};

struct batch {
    struct batch *next;
    struct lane *lane;
    enum batch_state state;
    bool by_id;
    uint8_t nonce[DR_LEDGER_NONCE];
    struct item *items[BATCH]; /* NULL: settled or gone */
    int n, open, waiting;      /* INTENTs not read yet  */
    struct call *call;
    char *url;
    int64_t accepted_ms, sent_server_ms;
    int misses;
    bool terminal, polling, withdrawn;
};

/* ---- a lane ---- */

enum barrier { BARRIER_NO, BARRIER_WAIT, BARRIER_OK };

enum walk_mode {
    WALK_CREATED, /* by id ascending, from the shared position         */
    WALK_CHANGED, /* by update time descending, down to a floor        */
    WALK_BEFORE,  /* by id ascending, all: what records are before they
                     are updated in bulk                               */
};

struct walk {
    bool active, locked;
    enum walk_mode mode;
    int view;
    struct walk_at at;
    int64_t settled;  /* rows that were published by earlier walks    */
    int64_t floor_ms; /* WALK_CHANGED: older rows are not ours */
    int64_t started_ms, retry_ms, locked_ms;
    int failures;
};

struct lane {
    struct loader *l;
    const char *name;
    int index;
    const struct type *type; /* that its walks read; NULL: no bulk */
    char load_topic[DR_TOPIC_MAX], ledger_topic[DR_TOPIC_MAX];
    char landed_topic[DR_TOPIC_MAX];
    bool open, halted;
    bool took_creates;   /* the target: a bulk create of this lane          */
    bool single_creates; /* it takes none, for it does not find by our id   */
    enum barrier barrier;
    int64_t *ends; /* of all earlier lanes' ledgers when the lane opened */
    int64_t barrier_ms;
    size_t held, held_bytes;
    struct list parents, create, by_id, single, waiting; /* waiting: to look */
    struct list updates, before; /* to be changed in bulk; being read first */
    int64_t rows;                /* of the lane's view, as last seen        */
    struct list confirming; /* accepted in bulk: their rows are waited for */
    struct list work;       /* everything in between */
    struct batch *batches;
    int batch_count, sending;
    int in_flight; /* single calls */
    int64_t input_ms;
    int64_t job_ms, accepted_ms;
    bool walk_again;   /* somebody waits for rows             */
    int64_t walked_ms; /* when the last whole walk had begun  */
    struct walk walk;
    int walks_failed; /* in a row                             */
    uint64_t done, refused;
    int64_t *m_done, *m_refused;
};

/* ---- the loader ---- */

struct view {
    int64_t id;
};

struct upload_slot {
    struct dr_reader *reader; /* of `files`; made for the first file */
    bool used;
};

struct loader {
    struct dr_service *svc;
    int parts;
    struct dr_http *http;
    struct dr_store *store;
    struct dr_consumer *consumer;
    struct dr_reader *ledger, *landed, *catalog;
    struct dr_producer *ledger_out, *out;
    struct dr_control_reader *control;
    struct dr_arena *scratch; /* one message, one answer */
    struct dr_arena *rows;    /* a page of a view        */
    struct dr_arena *input;   /* the records of this turn */
    uint64_t taken;           /* number of the turn */
    struct lane lanes[LANES];
    struct lanepart *lps; /* lane * parts + partition */
    char rejected_topic[DR_TOPIC_MAX], catalog_topic[DR_TOPIC_MAX];

    /* configuration */
    int window, max_calls;
    int64_t quarantine_ms, parent_wait_ms, job_ms;
    bool unique_now; /* class U: creates are looked up without the wait */
    struct dr_rate_opts rate;
    const char *base_url;
    const char *plan; /* as target.plan names it, or "" */
    bool classic;

    /* control */
    bool working; /* phase and pause allow new effects */
    uint32_t pass;
    bool freezing; /* the last passes before the cut-over */
    uint8_t plan_hash[32];
    bool has_plan;
    uint64_t orphan_dst;
    uint64_t control_seq, catalog_wanted;

    /* id map */
    uint64_t incarnation;
    bool view_up;
    int64_t view_retry_ms;

    /* calls */
    struct call_queue urgent, normal;
    struct call *later; /* not before their due_ms */
    int calls_out, looking;
    int64_t rate_wait_ms, target_down_ms, target_backoff_ms, throttle_ms;
    int64_t well_ms;    /* the target last answered with success     */
    int64_t strange_ms; /* no word of another strange answer till then */
    bool ever_answered;
    int writes_sent;
    int64_t sent_checked_ms;
    uint64_t calls, refused_429;
    int64_t *m_calls, *m_429, *m_gap, *m_intents;

    /* the target's catalogue */
    uint64_t catalog_seq; /* of the newest target/account record */
    bool catalog_read, existing_done;
    int64_t catalog_end, catalog_at;
    int64_t catalog_retry_ms;
    struct catalog_job *catalog_job;
    struct view views[TYPES_MAX][VIEWS]; /* by type */
    int view_count[TYPES_MAX];

    /* files */
    struct upload_slot uploads[UPLOADS];
    int64_t uploads_ms; /* when they were last looked at */
    int files_refused;  /* in a row */
    struct dr_reader *claims_reader;
    struct dr_map *claims; /* "<type>:<id>" in the target: a record's */
    int64_t *claims_at;

    /* of waiting parents */
    struct dr_reader *fates_reader;
    struct dr_map *fates; /* key -> pass in which it was set aside last */
    uint32_t fates_pass;

    int64_t now_ms; /* monotonic, once a turn */
    int64_t tick_ms, flow_ms, expire_ms, commit_ms, status_ms, claim_ms,
        parents_ms;
    int exit_code;
    const char *crash_point;
    long crash_at;
    bool draining;
};

#endif
