/* What the files of the auditor share: the one struct that everything hangs
 * on, and who does what. */
#ifndef DROVER_AUDITOR_AUDITOR_H
#define DROVER_AUDITOR_AUDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/map.h>
#include <drover/json/json.h>
#include <drover/kafka/kafka.h>
#include <drover/ledger/ledger.h>
#include <drover/plan/plan.h>
#include <drover/service/service.h>

#include "books.h"
#include "gate.h"

#define AUDITOR_OBJECTS 65 /* of the source, events included */
#define AUDITOR_LANES 10
/* What one record may take; the transformer gives it the same. */
#define AUDITOR_ARENA ((size_t)64 << 20)
/* Reports and uploads. */
#define AUDITOR_TEXT ((size_t)16 << 20)
#define AUDITOR_APPROVALS 64 /* questions that people let pass */
#define AUDITOR_ASK_MAX 128  /* bytes of a question's id, NUL included */

struct job;

struct auditor {
    struct dr_service *svc;
    struct books *books;
    struct dr_httpd *api;
    struct dr_str token;
    struct dr_arena *arena;   /* of one message or record */
    struct dr_arena *request; /* of one request           */
    struct dr_producer *producer;
    char control_topic[DR_TOPIC_MAX], audit_topic[DR_TOPIC_MAX];

    /* intake.c: everything but the source's records */
    struct dr_reader *reader, *catalog;
    char catalog_topic[DR_TOPIC_MAX];
    char (*topics)[DR_TOPIC_MAX];
    size_t topic_count;
    struct dr_fold **folds; /* of each lane's partitions */
    /* and the source's records, once the schema has named the objects */
    struct dr_reader *sources;
    char object_names[AUDITOR_OBJECTS][64];
    char source_topics[AUDITOR_OBJECTS][DR_TOPIC_MAX];
    size_t object_count;
    bool caught_up;
    bool unreadable; /* the extractor may have set something aside */
    int64_t lag, lag_due_ms;
    int64_t loader_heard_ms; /* when one last said something of itself */

    /* the approved plan, or NULL */
    struct dr_plan *plan;
    struct dr_map *sample; /* keys of the sample pass */
    uint64_t file_limit;   /* bytes of the largest file that is fetched */
    struct dr_control_reader *control;

    struct state state; /* what control says; the auditor alone writes it */
    char approvals[AUDITOR_APPROVALS][AUDITOR_ASK_MAX];
    size_t approval_count;
    size_t removals_taken; /* of control's, into the books */
    struct evidence evidence;
    char halted[256], stands_still[32];
    int64_t catalog_read; /* sequence of the target's catalogue */
    struct dr_group *loaders, *transformers;
    uint32_t transformers_pass;
    int64_t watch_due_ms;
    uint32_t lacking_pass; /* whose lacking records were looked at again */
    bool relinked;         /* after this freeze                          */
    uint64_t decisions;    /* sequence of the last one */
    uint8_t last_decision[32];

    struct job *job; /* a report being made */

    /* records a second over the last ten seconds */
    int64_t rate_at[11], rate_n[11], rate_due_ms;
    int64_t *m_lag, *m_pending, *m_mismatches, *m_dead;
};

/* ---- intake.c ---- */

void intake_open(struct auditor *au);
void intake_close(struct auditor *au);
/* Reads what is there, at most a batch; true: there was something. */
bool intake_step(struct auditor *au);
/* Reads until the books are at the ends of the topics, for at most limit_ms. */
void intake_catch_up(struct auditor *au, int limit_ms);

/* ---- settle.c ---- */

/* Judges some of the records about which something changed. */
bool settle_step(struct auditor *au, int max);

/* ---- lead.c: the auditor's word ---- */

void lead_open(struct auditor *au);
/* Publishes au->state and waits until Kafka has it; writes the decision down.
 */
void lead_publish(struct auditor *au, const char *operation, struct dr_str by);
void lead_plan(struct auditor *au, struct dr_str hash, struct dr_str json);
/* Keeps a text under a name, in the books and in `catalog` (side "kept"), from
 * which the books have it again when they are rebuilt. false: it is too large
 * for that, and books that are rebuilt have a word about it (kept.h). */
bool lead_keep(struct auditor *au, const char *name, struct dr_str text);
void lead_sample(struct auditor *au, const struct dr_str *keys, size_t n);
/* Deletions that a person let through. */
void lead_removals(struct auditor *au, const struct dr_removal *v, size_t n,
                   struct dr_str by);
/* Takes the plan and the sample that the state names. */
void lead_take(struct auditor *au);

/* ---- watch.c ---- */

/* Looks how far everybody is, and opens the next lane. */
void watch(struct auditor *au);
/* Forgets what was seen of the pass before. */
void watch_anew(struct auditor *au);
/* The objects of the source that feed a lane by the approved plan. */
bool watch_feeds(const struct auditor *au, const char *lane,
                 struct dr_str object);

#endif
