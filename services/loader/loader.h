/*
 * The loader's shell: what binds the pure parts (own, route, refs, body, rows,
 * answer) to Kafka, Redis, HTTP and the clock. One thread. The promise is the
 * effects protocol's: `reference` numbers in the comments are its sections.
 *
 * A load record is an item. Its way:
 *
 *   FRESH ─ facts ─▶ PARENT (waits) · skipped · refused · READY
 *   READY ─ token ─▶ INTENT appended ─ read back ─▶ SENT ─▶ outcome
 *   outcome: DONE or REFUSED appended (WRITTEN) ─ read back, in the id map ─▶
 *            settled · CONFIRM (bulk: waits for its row) · UNSETTLED (waits,
 *            then LOOK) · FRESH again
 */
#ifndef DROVER_LOADER_LOADER_H
#define DROVER_LOADER_LOADER_H

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

#include "answer.h"
#include "body.h"
#include "own.h"
#include "refs.h"
#include "route.h"
#include "rows.h"
#include "types.h"

#define LANES 10
#define BATCH 100
#define MAX_BATCHES 20 /* unsettled batches a lane and loader            */
#define HELD_HIGH 2600 /* records of a lane in memory: pause above …     */
#define HELD_LOW 1800  /* … and take more below                          */
#define DRAINED_MS 200 /* no input for so long: short batches may go     */
#define SEND_MS 5000   /* S: INTENT to send                              */
#define PAUSE_MS 10000 /* P: check to send; beyond it the process ends   */
#define VIEWS TYPE_VIEWS

struct loader;
struct item;
struct batch;

/* ---- items ---- */

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
    char marker[33];
    bool tail; /* not of the snapshot: parents may still come */
    const struct type *type;
    enum item_state state;
    struct route route;
    struct dr_fact fact;
    char *body; /* the request, or this record's entry in a bulk request */
    size_t body_size;
    char keep[64];    /* deal: its amount; deal_product: the amount to keep */
    uint32_t attempt; /* of the INTENT that is open, with its writer: */
    uint64_t epoch;
    uint8_t nonce[DR_LEDGER_NONCE];
    struct batch *batch;
    int index; /* in the batch */
    int64_t since_ms, look_ms, sent_ms;
    int max_batch;  /* 0: any; a refused batch is halved */
    uint64_t found; /* a look-up's id */
    bool whole_5xx, checked, alone, content, job_done;
    bool odd;    /* an answer of success without our identity in it */
    bool older;  /* a DONE of an older version was appended */
    bool told;   /* its refused lines stand in rejected */
    bool unread; /* recovered: the attempt was another owner's */
    char *why;   /* the job's words about it */
    int tries;   /* ends without effect that were not our own */
    int pins;    /* callbacks under way */
    bool dead;   /* its partition is gone: the last pin frees it */
    struct call *call;
};

void list_add(struct list *l, struct item *it);
void list_drop(struct item *it);

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
    enum barrier barrier;
    int64_t *ends; /* of all earlier lanes' ledgers when the lane opened */
    int64_t barrier_ms;
    size_t held;
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
    uint64_t done, refused;
    int64_t *m_done, *m_refused;
};

/* ---- calls ---- */

struct call;
typedef void call_granted_fn(struct loader *l, struct call *c);
typedef void call_done_fn(struct loader *l, struct call *c,
                          const struct dr_http_answer *ans);

struct call {
    struct call *next;
    struct loader *l;
    const char *method;
    char *path;
    struct dr_buf body;
    call_granted_fn *granted; /* writes: append the INTENT now */
    call_done_fn *done;
    void *ctx;
    struct lane *lane;
    bool canary, taken;
    int64_t appended_ms, checked_ms;
};

struct call_queue {
    struct call *first, *last;
};

/* ---- the loader ---- */

struct view {
    int64_t id;
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
    bool classic;

    /* control */
    bool working; /* phase and pause allow new effects */
    uint32_t pass;
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
    int calls_out, looking;
    int64_t rate_wait_ms, target_down_ms, target_backoff_ms;
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
    struct view views[8][VIEWS]; /* by type */
    int view_count[8];

    int64_t now_ms; /* monotonic, once a turn */
    int64_t tick_ms, flow_ms, expire_ms, commit_ms, status_ms, claim_ms,
        parents_ms;
    int exit_code;
    const char *crash_point;
    long crash_at;
    bool draining;
};

/* items.c */
void item_take(struct loader *l, const struct dr_kmsg *m);
const struct dr_load *item_load(struct loader *l, struct item *it);
void item_move(struct item *it, struct list *to, enum item_state state);
void item_again(struct item *it); /* FRESH: facts are asked anew */
void item_settled(struct item *it);
void item_unpin(struct item *it);
void item_body(struct item *it, const struct dr_buf *body);
struct item *item_find(struct lanepart *lp, struct dr_str key);
void lp_drop_items(struct lanepart *lp);
void items_restart(struct lanepart *lp);
void lp_flow(struct lanepart *lp); /* pause or resume */

bool load_outdated(const struct loader *l, const struct dr_load *load);

/* prepare.c */
void prepare(struct loader *l);

/* ledger.c: owning, reading, appending */
void ledger_claims(struct loader *l);
bool ledger_read(struct loader *l, int timeout_ms);
void ledger_apply(struct loader *l);
void ledger_drop(struct lanepart *lp);
void ledger_stepped_down(struct loader *l, struct lanepart *lp);
void ledger_intent(struct loader *l, struct lanepart *lp,
                   struct item *const *items, size_t n, const uint8_t *job);
void ledger_done(struct loader *l, struct item *it, uint64_t dst,
                 enum dr_done_how how, struct dr_str record);
void ledger_older(struct loader *l, struct item *it, uint64_t dst);
void ledger_refused(struct loader *l, struct item *it, const char *class,
                    int code, bool final, struct dr_str reason);
void ledger_preimage(struct loader *l, struct item *it, uint64_t dst,
                     struct dr_str record);
void ledger_job(struct loader *l, struct lanepart *lp, const uint8_t *job,
                const char *url);

/* view.c: the id map */
int view_facts(struct loader *l, const struct dr_str *lanes,
               const struct dr_str *keys, size_t n, struct dr_fact *out);
bool view_usable(struct loader *l);
void view_check(struct loader *l);
void view_failed(struct loader *l, const struct dr_err *err);
void view_apply(struct loader *l, struct lanepart *lp);
void barriers(struct loader *l);

/* calls.c */
struct call *call_new(struct loader *l, struct lane *lane, const char *method,
                      struct dr_str path, call_done_fn *done, void *ctx);
void call_queue(struct loader *l, struct call *c, bool urgent);
void call_go(struct loader *l, struct call *c);
void call_drop(struct loader *l, struct call *c);
void calls_sent(struct loader *l);
void calls_pump(struct loader *l);
bool call_expired(struct loader *l, const struct call *c);
void crash_at(struct loader *l, const char *point);

/* outcome.c: from an outcome to the ledger */
void landed_publish(struct loader *l, struct lane *lane, struct dr_str key,
                    struct dr_str source_id, const struct type *t, uint64_t dst,
                    uint64_t rev, enum dr_landed_how how, struct dr_str body,
                    dr_delivered_fn *cb, void *ctx);
void item_landed(struct loader *l, struct item *it, uint64_t dst,
                 enum dr_landed_how how, enum dr_done_how done,
                 struct dr_str record);
void item_done_now(struct loader *l, struct item *it, uint64_t dst,
                   struct dr_str record);
void item_refuse(struct loader *l, struct item *it, const char *class, int code,
                 const char *cure, bool redrivable, struct dr_str reason);
void line_refuse(struct loader *l, struct item *it, const struct dr_load *load,
                 size_t line);
void item_retry(struct loader *l, struct item *it, const char *class, int code);
void item_unsettled(struct loader *l, struct item *it, bool whole_5xx);

enum find_state {
    FIND_NOTHING,
    FIND_OURS,
    FIND_OTHER,
    FIND_UNKNOWN,
    FIND_FAILED
};

/* single.c, update.c */
void singles(struct loader *l);
void singles_expire(struct loader *l);
void single_accepted(struct loader *l, struct item *it);
void single_write(struct loader *l, struct item *it, const char *method);
void single_finish(struct item *it);
void single_ambiguous(struct loader *l, struct item *it, enum find_state s,
                      const struct dr_json *record);
void item_keep_why(struct item *it, int status, const struct dr_json *doc);
bool single_failed(struct loader *l, struct item *it, enum outcome o,
                   const struct dr_http_answer *ans, const struct dr_json *doc);
void update_read(struct loader *l, struct item *it);
/* The path of a record with every include; id 0: of the list. */
void record_path(const struct type *t, uint64_t id, struct dr_buf *out);
/* Parses an answer into scratch, which is reset before. NULL: not JSON. */
const struct dr_json *answer_json(struct loader *l,
                                  const struct dr_http_answer *ans);

/* bulk.c, confirm.c */
void bulk(struct loader *l);
void bulk_accepted(struct loader *l, struct item *it);
void bulk_item_gone(struct item *it);
void confirm(struct loader *l, struct lane *lane);
void confirm_walk_ended(struct loader *l, struct lane *lane,
                        enum walk_mode mode, int64_t started_ms);
bool confirm_row(struct loader *l, struct item *it,
                 const struct dr_json *record, enum row_match *out);
void landed_read(struct loader *l);
void landed_follow(struct lanepart *lp);
void landed_leave(struct lanepart *lp);

/* walk.c */
bool walk_start(struct loader *l, struct lane *lane, enum walk_mode mode,
                int64_t floor_ms);
void walk_path(const struct type *t, int64_t view, int64_t page,
               bool descending, struct dr_buf *out);

/* rewrite.c */
void rewrites(struct loader *l, struct lane *lane, bool input_waits);
void rewrite_row(struct loader *l, struct item *it,
                 const struct dr_json *record);
void rewrite_walk_ended(struct loader *l, struct lane *lane);
/* What of the record before shapes the request that changes it. */
void update_opts(const struct item *it, const struct dr_load *load,
                 const struct dr_json *record, struct body_opts *out);

/* settle.c, find.c */
void settles(struct loader *l);
/* record: of what was found, whole. Called once. */
typedef void find_fn(struct loader *l, struct item *it, enum find_state s,
                     const struct dr_json *record);
void find_item(struct loader *l, struct item *it, find_fn *then);

/* survey.c */
void catalog_pump(struct loader *l);
void catalog_open(struct loader *l);

/* control.c, status.c */
void control_changed(struct loader *l);
void status_pump(struct loader *l, bool now);
void lane_halt(struct lane *lane, const char *why);

/* links of an item, resolved anew (facts by one call). 0, or -1: the id map
 * is away or the arena used up. Both results live in l->scratch. */
int item_links(struct loader *l, struct item *it, const struct dr_load **load,
               struct links *links);

#endif
