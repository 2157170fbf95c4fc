/*
 * The extractor's shell: everything that its steps share. One thread; every
 * step returns false when the service is asked to stop.
 */
#ifndef EXTRACTOR_EXTRACTOR_H
#define EXTRACTOR_EXTRACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/map.h>
#include <drover/kafka/kafka.h>
#include <drover/service/service.h>

#include "alias.h"
#include "api.h"
#include "contract.h"
#include "currencies.h"
#include "cursor.h"
#include "drift.h"
#include "emitted.h"
#include "files.h"
#include "horizon.h"
#include "profile_check.h"

#define HELD_MAX ((size_t)64 << 20) /* a page and its tree */
#define MAX_OBJECTS 64              /* of a source's schema, events included */
#define MAX_PAIRS 16                /* of one object */

/* Two objects whose associations the source serves: the ends of `from` travel
 * with its records. */
struct pair {
    char from[CONTRACT_ID_MAX + 1], to[CONTRACT_ID_MAX + 1];
    char name[2 * CONTRACT_ID_MAX + 2]; /* "contact_company" */
};

struct object {
    char name[CONTRACT_ID_MAX + 1];
    char topic[DR_TOPIC_MAX];
    enum object_is is;
    struct pair *pairs;
    size_t pair_count;
    bool readable;
    int limit;         /* rows of a list page: fewer where bodies are large */
    bool blocked;      /* an event that cannot be read hides what follows */
    uint64_t expected; /* record_count of the schema */
    uint64_t quarantined; /* rejected, parts of a set each */
    uint64_t lag_records; /* seen in the window, not sent yet */
    uint64_t written;
    uint64_t clamped;       /* records at or beyond source.until, left out */
    uint64_t *written_part; /* records in each partition of its topic */
    struct cursor cursor;
};

struct extractor;
/* The snapshot's source: reads all records of an object from where its cursor
 * stands, emits them (emit_rows, emit_source), saves the cursor as it goes and
 * leaves its phase at CURSOR_LINES. False: asked to stop. */
typedef bool pages_fn(struct extractor *ex, struct object *o);

/* A question to a person, until control's approvals hold its id. */
struct ask {
    char kind[12]; /* corrupt, absence, scope */
    char id[96];
    char text[320];
    uint64_t count;
};
#define ASKS_MAX 16

/* A record that was rejected, and when. */
struct bad {
    struct object *of;
    int64_t wall_ms;
};

/* merges.c */
struct merges {
    struct aliases *known;
    struct dr_alias *v; /* of the record that was looked at last */
    size_t n, cap;
    struct dr_arena *arena; /* its trees */
    struct dr_map *wanted;  /* "<object>:<id>" to be asked for */
    bool asking;            /* the topics are read for such ids */
    bool due;               /* some record may not know of a merge */
    int64_t next_ms;        /* not before, in the tail */
    bool full;              /* no more can be asked, which was told */
    uint64_t told;          /* records that were sent again */
};

struct extractor {
    struct dr_service *svc;
    struct api api;
    struct profile profile;
    struct dr_arena *profile_arena;
    bool try_profile; /* at the start */
    struct profile_memory check;
    struct dr_producer *producer;
    struct dr_control_reader *control;
    struct emitted *emitted;
    struct dr_map *unreadable; /* "<object>:<id>" -> struct bad */
    struct dr_map *listed;     /* of these, what the sweep saw */
    struct dr_map *told;     /* "<object>:<id>#<class>:<field>": partial ones */
    struct dr_map *redacted; /* e-mails without body; NULL: read again once */
    size_t redacted_new;     /* of them, those that were not */
    struct dr_map *bad_items; /* "owner:o_7", of the catalogue: items.c */
    struct ask asks[ASKS_MAX];
    size_t ask_count;
    int64_t budget_permille;
    struct dr_buf terms; /* of the account, as approved: account.c */
    struct dr_buf names; /* of properties, as they were last: again.c */
    char account_asked[96];
    bool mail_bodies, probe, files_left;
    struct dr_map *lines; /* ids of line items that some deal's set holds */
    struct dr_map *alone; /* ids of those that are records of their own */
    struct dr_map *back;  /* ids of deals that this sweep has found */
    struct currencies currencies; /* that sets of lines were sent with */
    struct horizon horizon;
    pages_fn *pages;
    int64_t until_ms;              /* source.until, 0: none */
    unsigned unpack_ratio;         /* source.unpack_ratio: text_bound */
    struct dr_map *clamped;        /* "<object>:<id>" that were left out */
    bool bulk_wanted, bulk_export; /* by configuration; and by the account */
    struct object objects[MAX_OBJECTS];
    size_t object_count;
    struct dr_arena *page_arena;  /* the page or index being worked on  */
    struct dr_arena *inner_arena; /* calls made while a page is held    */
    struct dr_buf held;           /* bytes of the page being worked on  */
    size_t unacked; /* bytes sent since Kafka last had everything       */
    struct dr_map *behind; /* "<type>:<id>" -> ids of its attachments   */
    struct merges merges;
    struct files files;
    struct fetch *fetch;
    const char *download_hosts; /* allow list, or ""                */
    bool local;             /* the source is loopback: its download host too */
    bool files_refused;     /* the scope is missing: asked of a person  */
    struct dr_map *stirred; /* attachments whose parents' ends changed  */
    struct dr_buf path, body;
    char rejected_topic[DR_TOPIC_MAX];
    char catalog_topic[DR_TOPIC_MAX];
    char cursor_topic[DR_TOPIC_MAX];
    char files_topic[DR_TOPIC_MAX];
    int64_t poll_ms;
    /* the tail */
    uint64_t windows, tail_misses;
    int64_t lag_s;
    int64_t lag_max_s;       /* of this process */
    int64_t events_until_ms; /* no event before their cursor is newer */
    const char *phase;       /* snapshot, tail, freezing, frozen, halted */
    int64_t freeze_ms;       /* server time of the freeze; 0: not known yet */
    int64_t froze_ms;        /* what an earlier start took for it, or 0 */
    bool freezing, indexed, swept, schema_drift; /* indexed: by the sweep */
    char halted[320];
    struct dr_buf schema;        /* of the start, until the cursors are there */
    struct dr_map *schema_items; /* as the plan was made from: drift.h */
    struct dr_buf drift;         /* what is other now, a line each */
    int64_t schema_due_ms;
    int64_t status_due_ms;
    int64_t *m_object_lag[MAX_OBJECTS], *m_object_left[MAX_OBJECTS];
    int64_t *m_read, *m_rejected, *m_calls, *m_refused, *m_lag, *m_misses;
};

struct object *object_find(struct extractor *ex, struct dr_str name);
int object_index(const struct extractor *ex, const struct object *o);

/* ---- emit.c ---- */

/* Sends a record to source.<object> when it is news; sets its rev, hash and
 * epoch. The partition is that of its id. */
void emit_source(struct extractor *ex, struct object *o, struct dr_source *s,
                 int64_t server_ms);
/* The tree of a record's body, in the page arena; NULL: it has none. */
const struct dr_json *emit_body(struct extractor *ex,
                                const struct dr_source *s);
struct reject {
    struct dr_str id, part_id, field, class, reason, cure, original;
    uint64_t version;
    bool partial; /* the record goes on; this field is damaged */
};
/* Once a record and run; its id is remembered in `unreadable`. */
void emit_rejected(struct extractor *ex, struct object *o,
                   const struct reject *r);
/* A row that is no record: its id is kept when it is one, else a short hash
 * of the row stands for it, so that each is counted. */
void emit_rejected_row(struct extractor *ex, struct object *o,
                       const struct dr_json *row, const char *reason);
/* A record beyond what one message may hold; raw: what is there of it. */
void emit_too_large(struct extractor *ex, struct object *o, struct dr_str id,
                    struct dr_str raw);
/* A record that the source itself cannot give. */
void emit_unreadable(struct extractor *ex, struct object *o, struct dr_str id,
                     const char *reason);
/* Index and change rows; false when one is unusable and was rejected. */
bool index_row(struct extractor *ex, struct object *o, const struct dr_json *j,
               struct index_row *out);
bool change_row(struct extractor *ex, struct object *o, const struct dr_json *j,
                struct change_row *out);
bool was_rejected(const struct extractor *ex, const struct object *o,
                  struct dr_str id);
/* Notes a reject; false: it was known. */
bool remember(struct extractor *ex, struct object *o, struct dr_str key,
              bool partial, int64_t wall_ms);
/* A record that was rejected before `wall_ms` and is there now. */
void forgive(struct extractor *ex, struct object *o, struct dr_str id,
             int64_t wall_ms);
/* Notes that a record was left out because of source.until. */
void note_clamped(struct extractor *ex, struct object *o, struct dr_str id);
void emit_markers(struct extractor *ex, struct object *o);
/* n more bytes were sent: a few MiB are waited for before more follow. */
void emit_spare(struct extractor *ex, size_t n);
/* Waits until Kafka has everything sent so far. */
void emit_flush(struct extractor *ex);
void emit_cursor(struct extractor *ex, const struct object *o);
void emit_catalog(struct extractor *ex, const char *side, const char *name,
                  struct dr_str json);
/* ---- ask.c ---- */

bool ask_approved(const struct extractor *ex, const char *id);
/* True: it was approved. Else it stands in the status from now on. */
bool ask(struct extractor *ex, const struct ask *what);
void ask_close(struct extractor *ex, const char *id);
/* All whose ids begin so; but this one, unless it is NULL. */
void ask_close_all(struct extractor *ex, const char *head);
void ask_close_but(struct extractor *ex, const char *head, const char *but);
/* Eight hex digits that name a list, in whatever order it is given. */
void ask_name(struct dr_str *ids, size_t n, char out[9]);
/* Halts until it is approved; false: asked to stop. */
bool ask_wait(struct extractor *ex, const struct ask *what);
/* Whether what is quarantined is within the budget, or approved. */
bool ask_corrupt(struct extractor *ex);
bool ask_corrupt_wait(struct extractor *ex);
/* Whether what the sweep of this object missed may count as deleted: of these
 * very records, a person said so. */
bool ask_absence(struct extractor *ex, int kind, const char *text);

/* ---- items.c: damaged items of the catalogue ---- */

/* Rows of a list, with what their name is called. */
void items_check(struct extractor *ex, const char *what, const char *name_key,
                 struct dr_str rows);
/* A list that the source cannot give. */
void items_list_bad(struct extractor *ex, const char *path);
/* Before schema and pipelines are read: what was damaged in them is looked for
 * anew. */
void items_anew(struct extractor *ex);
/* True: there are none, or a person said yes. */
bool items_ask(struct extractor *ex);
bool items_ask_wait(struct extractor *ex);

/* ---- account.c ---- */

/* Reads the account; halts while it is not the one that was approved. */
bool account_check(struct extractor *ex);
bool account_read_back(struct extractor *ex, const struct dr_cursor *c);
/* Halts before records that a missing scope would leave empty. */
bool account_allows(struct extractor *ex, const struct object *o);
/* An object that may not be read: left out when a person approves. */
bool account_skips(struct extractor *ex, struct object *o);
/* Whether it may be read at all; asks when not. */
bool account_probe(struct extractor *ex, struct object *o);
void account_files(struct extractor *ex);

/* ---- again.c: what is read whole again ---- */

#define NAMES_MAX ((size_t)4 << 20)
/* It is due, from now on and after any restart. */
void read_again(struct extractor *ex, struct object *o);
/* Does what is due and may be read. */
bool read_due(struct extractor *ex);
/* Holds the properties of the schema against those of before. */
void properties_check(struct extractor *ex, struct dr_str schema);
bool properties_read_back(struct extractor *ex, const struct dr_cursor *c);

/* ---- flags.c ---- */

/* Fields that the source marks as damaged or leaves out: of a record, or of a
 * line in a deal's set (part_id). */
struct flagged {
    struct dr_str id, part_id;
    uint64_t version;
};
void tell_flags(struct extractor *ex, struct object *o, const struct flagged *f,
                const struct dr_json *row);

/* ---- redacted.c ---- */

/* Whether the body of an e-mail was left out when it was read last. */
void note_redacted(struct extractor *ex, const struct object *o,
                   struct dr_str id, bool is);
/* Reads such e-mails again, each once, or all: the scope may have been away
 * for a moment, and no version moves when it comes back. */
bool reread_redacted(struct extractor *ex, bool all, enum dr_origin origin);

/* ---- status.c ---- */

/* The status record, at most once a second unless forced. */
void emit_status(struct extractor *ex, bool force);

/* ---- resume.c ---- */

/* Reads back cursors and source topics: what is there already. */
void resume(struct extractor *ex);
typedef void row_fn(struct extractor *ex, const struct dr_env *env,
                    int32_t partition);
/* Every record of the source topics as they stand now, in no order but that of
 * each partition. Until then, or until the service is asked to stop. */
void read_sources(struct extractor *ex, row_fn *row);

/* ---- merges.c: records that were merged at the source ---- */

void merges_init(struct merges *m);
void merges_done(struct merges *m);
/* Gives a record the aliases of the ids that it names; they last until the
 * next record is given its own. */
void merges_attach(struct extractor *ex, struct dr_source *s);
/* A record was sent; `lived`: it did before. */
void merges_note(struct extractor *ex, const struct object *o,
                 const struct dr_source *s, bool lived);
void merges_read_back(struct extractor *ex, const struct dr_source *s);
/* It was sent as merged: a source that does not say so any more, and gives no
 * version, has forgotten it (its tombstones are kept for a time). */
bool merges_knew(const struct extractor *ex, const struct object *o,
                 struct dr_str id);
/* Asks for what no record has, and sends again what was sent without knowing
 * of a merge; nothing when there is nothing new. */
bool merges_settle(struct extractor *ex);
bool merges_tail(struct extractor *ex); /* not too often */
bool merges_freeze(struct extractor *ex);

/* ---- catalogue.c ---- */

bool read_catalogue(struct extractor *ex);
/* Reads the schema again; notes drift. */
bool recheck_schema(struct extractor *ex);

/* ---- profile_start.c ---- */

/* Tries the profile and publishes what it finds; ends the process when
 * something fails that nothing goes without. `whole`: the first time. */
bool profile_start(struct extractor *ex, bool whole);
/* Makes the check that `control` asks for, when it does. Between two steps
 * only: it makes calls, so that no answer of before is left. control_look
 * reads `control` first, and no more of it. */
void profile_asked(struct extractor *ex);
void control_look(struct extractor *ex);
/* True: this cursor is what an earlier check has left. */
bool profile_read_back(struct extractor *ex, const struct dr_cursor *c);
/* The same for a person: on stdout, without Kafka. The exit code. */
int profile_print(struct extractor *ex);

/* ---- read.c: bodies by id ---- */

/* Reads up to CONTRACT_BATCH ids with their associations and emits them;
 * what is missing becomes a tombstone or a rejected record. */
bool read_ids(struct extractor *ex, struct object *o, const struct dr_str *ids,
              size_t n, enum dr_origin origin);
/* Keeps the page just read, so that it outlives the calls made for it: its
 * bytes and its tree change places with those of the page before. */
void hold_page(struct extractor *ex);
/* Copies it into an arena of HELD_MAX that is the caller's. */
void hold_in(struct extractor *ex, struct dr_arena *arena, struct page *page);
/* The records of a held page: associations are added, then all emitted. */
bool emit_rows(struct extractor *ex, struct object *o, const struct page *page,
               enum dr_origin origin);

/* ---- ends.c ---- */

/* What one id is associated with by some pairs; the caller frees vec.v. */
struct ends {
    struct dr_str id;
    struct assoc_vec vec; /* its strings live in the page arena */
    const char *bad;      /* why the ends are not whole; NULL: they are */
    struct dr_str after;  /* while reading */
};
/* Adds the ends of 1 to CONTRACT_BATCH ids by one pair. */
bool read_ends(struct extractor *ex, const struct pair *pair, struct ends *of,
               size_t n);

/* ---- behind.c: an attachment's ends are those of its parents ---- */

/* Adds them to the rows of a page; `rows` and `of` go side by side. */
bool parent_ends(struct extractor *ex, const struct dr_source *rows,
                 struct ends *of, size_t n);
/* Remembers which records an attachment hangs on. */
void note_behind(struct extractor *ex, const struct dr_source *s);
struct dr_map *behind_new(void);
/* A record's ends changed, or it is gone: its attachments are read again by
 * the next flush_stirred. */
void stir(struct extractor *ex, struct dr_str type, struct dr_str id);
bool flush_stirred(struct extractor *ex);

/* ---- fetch.c: the bytes of attachments ---- */

struct fetch *fetch_new(void);
void fetch_free(struct fetch *f);
/* One round: a few MiB, two seconds at most. */
bool fetch_round(struct extractor *ex);

/* ---- events.c ---- */

/* From the settled place to the end of the list. The cursor moves behind what
 * is settled only: a late event is never jumped over. */
bool read_events(struct extractor *ex, struct object *o, enum dr_origin origin);
/* Their cursor is a place, which cannot step back with the clock: where the
 * clock is before it, the list is read from its start. */
void events_follow_clock(struct extractor *ex, struct object *o);
/* The whole list again: what the tail missed is sent and counted. */
bool sweep_events(struct extractor *ex, struct object *o);

/* ---- lines.c ---- */

/* Reads the line items of up to CONTRACT_BATCH deals as sets. */
bool read_line_sets(struct extractor *ex, const struct dr_str *deals, size_t n,
                    enum dr_origin origin);

/* The sets of all deals in the index. */
bool line_sets(struct extractor *ex, struct object *o, enum dr_origin origin);
/* Records of source.line_item that the sweep has not seen: a set whose deal
 * is gone, or a line that is alone. Each is read again. */
bool unseen_lines(struct extractor *ex, struct object *o);

/* After a sweep: rejects of lines that are no more are over. */
void gone_lines(struct extractor *ex, struct object *o);

/* Lines that no set holds: their deal is gone. Each becomes a record of its
 * own, which the plan rejects with that reason. */
bool orphan_lines(struct extractor *ex, struct object *o);
/* A line that was a record of its own and is in a set now, or deleted: that
 * record is gone, for no line may be held twice. */
void end_alone(struct extractor *ex, struct object *o, struct dr_str id,
               int64_t server_ms);
/* What a record in source.line_item says about that, when it is read back. */
void note_alone(struct extractor *ex, const struct dr_source *s);

/* ---- snapshot.c, tail.c, sweep.c ---- */

bool snapshot(struct extractor *ex);
/* pages_fn by the API's lists. */
bool api_pages(struct extractor *ex, struct object *o);
/* pages_fn by bulk export, else by the lists. */
bool bulk_pages(struct extractor *ex, struct object *o);
bool tail_round(struct extractor *ex);
/* All records of an object, whatever their versions say. */
bool read_whole(struct extractor *ex, struct object *o);

/* ---- freeze.c ---- */

/* Control says so, and it has not begun. */
bool freeze_is_due(const struct extractor *ex);
/* Its instant: that of an earlier start; else now, durably. */
void freeze_resume(struct extractor *ex);
void freeze_now(struct extractor *ex);
bool freeze_read_back(struct extractor *ex, const struct dr_cursor *c);
/* After the cut-over nothing is read; stand_still is the pause then. */
bool freeze_is_over(const struct extractor *ex);
bool stand_still(struct extractor *ex);

/* ---- run.c ---- */

void control_poll(struct extractor *ex);
/* Until the service is asked to stop. */
void run(struct extractor *ex);
/* What a freeze ends with: schema, sweep, and what it found. */
bool last_steps(struct extractor *ex);
bool all_passed(const struct extractor *ex);

struct settings {
    const char *url;
    const char *profile; /* a file; NULL or "": the one compiled in */
    struct dr_str token;
    const char *refresh_file; /* NULL or "": none */
    bool allow_plain;
    const char *download_hosts;
    int64_t budget_permille, poll_ms, lag_s;
    bool bulk_export;
    int64_t until_ms; /* 0: none */
    unsigned unpack_ratio;
};
/* Everything but producer, control, topics and metrics. */
void extractor_init(struct extractor *ex, struct dr_service *svc,
                    const struct settings *s);
void extractor_done(struct extractor *ex);
bool sweep(struct extractor *ex);

#endif
