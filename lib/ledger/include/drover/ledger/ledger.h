/*
 * The ledger: what a partition of ledger.<lane> says, and what may be done
 * about it. Pure: no clock, no I/O. "Section n" is a section of the effects
 * protocol.
 *
 * The fold (section 4) is a function of the log's prefix, the same for every
 * reader: loader, auditor, rollback, trace checks. It keeps the epoch, the
 * owner and the unsettled attempts, which are few; facts, which are millions,
 * are handed out by dr_fold_accept and not kept.
 *
 *   META      remembered; a mismatch with the configuration is the caller's
 *             reason to refuse to start (section 3 rule 1)
 *   OWNER     accepted iff its epoch is above the current one
 *   ROLL      likewise; from then on loading has ended: dr_fold_rolled
 *   INTENT    counts iff (epoch, nonce) is the current owner at its offset;
 *             each of its keys is then unsettled, the newest attempt stands
 *   JOB       adds the status address to the attempts of its job
 *   DONE      always counts. Settles the key's attempt when that is of the
 *             same or a lower (rev, pass); a DONE of step 1 settles attempts
 *             of step 1 only
 *   REFUSED   counts iff it names the unsettled attempt (epoch, nonce, no.).
 *             attempt 0 is a refusal before any send: it counts when its
 *             writer is the current owner and nothing of the key is unsettled.
 *             Not final: no fact, the key may be tried again
 *   DELETED   always; settles the key's attempt. The key has no record then: a
 *             version newer than the removal's rev is a new create, and its
 *             DONE fixes a new id
 *   PREIMAGE  always
 *
 * Keys of the records (section 3 rule 2): facts and attempts must not compact
 * each other away, nor a refusal the DONE that fixed the target's id:
 *   <key>#fact DONE, DELETED   <key>#refused REFUSED   <key>#try INTENT
 *   <key>#pre#<rev> PREIMAGE   job#<nonce> INTENT of a bulk job
 *   job#<nonce>#url JOB        #owner OWNER, ROLL      #meta META
 */
#ifndef DROVER_LEDGER_LEDGER_H
#define DROVER_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/attrs.h>
#include <drover/base/buf.h>
#include <drover/base/str.h>
#include <drover/wire/wire.h>

#define DR_LEDGER_NONCE 16
/* META.partitioner and META.mapping of this version of Drover. */
#define DR_LEDGER_PARTITIONER 1
#define DR_LEDGER_MAPPING 1

/* An attempt whose outcome the ledger does not say yet. */
struct dr_attempt {
    uint64_t epoch;
    uint8_t nonce[DR_LEDGER_NONCE];
    uint32_t attempt, pass, step;
    uint64_t rev, dst;
    enum dr_effect op;
    int64_t offset; /* of its INTENT */
    char marker[33];
    char place[64]; /* below which it was put, of what is found so, or "" */
    bool bulk;
    uint8_t job[DR_LEDGER_NONCE];
};

enum dr_ledger_state {
    DR_LEDGER_NOTHING,
    DR_LEDGER_DONE,
    DR_LEDGER_CREATED, /* step 1 of two: exists, not yet as wanted */
    DR_LEDGER_REFUSED, /* final */
    DR_LEDGER_DELETED,
};

/* What one record says of its key. Strings borrow from the record. */
struct dr_ledger_fact {
    enum dr_ledger_state state;
    struct dr_str key, type, class, content_hash, amount, place, fields;
    uint64_t dst; /* the first one: it never changes; 0 with REFUSED */
    uint64_t rev;
    uint32_t pass;
    uint32_t origin; /* enum dr_done_origin */
    uint32_t made;   /* dr_done.made */
    int64_t offset;
};

enum dr_fold_what {
    DR_FOLD_IGNORED, /* does not count: a fenced writer, an old attempt */
    DR_FOLD_META,
    DR_FOLD_OWNER, /* accepted */
    DR_FOLD_ROLL,  /* accepted */
    DR_FOLD_INTENT,
    DR_FOLD_JOB,
    DR_FOLD_FACT,    /* out->fact is set */
    DR_FOLD_SETTLED, /* REFUSED, not final: out->fact.key may be tried again */
    DR_FOLD_PREIMAGE,
};

struct dr_folded {
    enum dr_fold_what what;
    struct dr_ledger_fact fact;
};

struct dr_fold;

/* From the beginning of the log. */
struct dr_fold *dr_fold_new(void);
/*
 * From somewhere in the log. epoch: the highest that counted before there.
 * Until an OWNER above every epoch seen appears it is not known who owned
 * what, so every INTENT counts: more keys look unsettled, never fewer, which
 * costs look-ups and is safe (section 3 rule 2).
 */
struct dr_fold *dr_fold_resume(uint64_t epoch);
/*
 * Where a fold that began at the start may be taken up again without guessing:
 * at its oldest unsettled INTENT, or else behind the last record; and who
 * owned the partition there. epoch 0: nobody yet. Of a fold that was resumed
 * by dr_fold_resume it says nothing.
 */
struct dr_fold_place {
    int64_t offset; /* of the next record to read */
    uint64_t epoch;
    bool owned;  /* an OWNER holds the epoch, and not a ROLL */
    bool rolled; /* dr_fold_rolled */
    uint8_t nonce[DR_LEDGER_NONCE];
};
void dr_fold_place(const struct dr_fold *f, struct dr_fold_place *out);
struct dr_fold *dr_fold_resume_at(const struct dr_fold_place *at);
void dr_fold_free(struct dr_fold *f);
DR_DEFINE_AUTO(dr_fold)

/* Records must come in the order of their offsets. A record at or below the
 * last offset is ignored: reading again is harmless. */
void dr_fold_accept(struct dr_fold *f, const struct dr_env *env, int64_t offset,
                    struct dr_folded *out);

uint64_t dr_fold_epoch(const struct dr_fold *f); /* highest seen or given */
bool dr_fold_owned_by(const struct dr_fold *f, uint64_t epoch,
                      const uint8_t nonce[DR_LEDGER_NONCE]);
bool dr_fold_rolled(const struct dr_fold *f);
int64_t dr_fold_offset(const struct dr_fold *f); /* last accepted, -1: none */
/* NULL: no META yet. */
const struct dr_meta *dr_fold_meta(const struct dr_fold *f);

size_t dr_fold_unsettled_count(const struct dr_fold *f);
const struct dr_attempt *dr_fold_unsettled(const struct dr_fold *f,
                                           struct dr_str key);
/* size_t at = 0; while (dr_fold_next(f, &at, &key, &attempt)) … */
bool dr_fold_next(const struct dr_fold *f, size_t *at, struct dr_str *key_out,
                  const struct dr_attempt **out);
/* Offset of the oldest unsettled INTENT, -1: none. A later fold that starts
 * there and at the last accepted fact misses nothing. */
int64_t dr_fold_oldest(const struct dr_fold *f);
/* The status address of the attempt's job; empty: not known. */
struct dr_str dr_fold_job_url(const struct dr_fold *f,
                              const struct dr_attempt *a);

/* ---- deciding ---- */

/* What a look-up by marker showed (section 5 step 3). */
enum dr_found {
    DR_FOUND_NOT_LOOKED,
    DR_FOUND_NOTHING,
    DR_FOUND_SAME,  /* ours, with this version's content   */
    DR_FOUND_OLDER, /* ours, with other content            */
    DR_FOUND_OTHER, /* somebody else's under a unique key  */
};

enum dr_settle {
    DR_SETTLE_WAIT = 1, /* until the quarantine is over                   */
    DR_SETTLE_LOOK,     /* ask the target                                 */
    DR_SETTLE_DONE,     /* append DONE (discovered)                       */
    DR_SETTLE_RETRY,    /* no effect: REFUSED (not final), then again     */
    DR_SETTLE_REFUSE,   /* REFUSED (final): a conflict for a person       */
};

struct dr_settle_case {
    enum dr_effect op;
    enum dr_found found;
    int64_t waited_ms; /* by our own monotonic clock since we read INTENT */
    int64_t quarantine_ms;
    bool whole_5xx; /* answered: nothing is on its way, only a look is due */
    bool unique;    /* class U: the target itself refuses a second create  */
};

/* Step 3 of section 5. The effect that is seen is done at once; its absence
 * proves nothing before the quarantine is over. */
enum dr_settle dr_settle_decide(const struct dr_settle_case *c);

/*
 * A record that landed without some of its links, since their other ends were
 * not there, is done as long as nothing comes of them. Its DONE holds the hash
 * of its content with the number of links left out (up to 127) in the last
 * byte: a later pass sends it again when that number is another one. The byte's
 * highest bit says that it stands in its other form, for its own was taken.
 */
void dr_content_loosen(uint8_t hash[32], size_t missing);
void dr_content_in_other_form(uint8_t hash[32]);
bool dr_content_is_other_form(struct dr_str done_hash,
                              struct dr_str content_hash);
/* What a DONE says of a content: that it was written, whole, or else without
 * some of its links or in its other form; missing_out, which may be NULL,
 * receives how many links. */
enum dr_content { DR_CONTENT_OTHER, DR_CONTENT_LOOSE, DR_CONTENT_WHOLE };
enum dr_content dr_content_of(struct dr_str done_hash,
                              struct dr_str content_hash, size_t *missing_out);

/* The skip rule: what the fact says makes the wanted version superfluous.
 * missing: links that would be left out now; of those that ended since it
 * landed whole only what is to be mended. A later pass covers no other form. */
bool dr_fact_covers(const struct dr_ledger_fact *fact, uint64_t rev,
                    uint32_t pass, struct dr_str content_hash, size_t missing);

/*
 * What the fields of a record were left at: 8 bytes each in DONE.fields, the
 * first 3 of SHA-256(name) and the first 5 of SHA-256 over both, each with its
 * length; of the values themselves nothing is kept. A field may have several.
 * More fields than DR_COMMITS_MAX are not told: dr_commits_full.
 */
#define DR_COMMIT 8
#define DR_COMMITS_MAX 64
struct dr_commits {
    uint8_t bytes[DR_COMMIT * DR_COMMITS_MAX];
    size_t n; /* bytes */
};
void dr_commit(struct dr_commits *c, struct dr_str name, struct dr_str value);
/* What the earlier fact says of a field stays true. */
void dr_commit_again(struct dr_commits *c, struct dr_str fields,
                     struct dr_str name);
bool dr_commits_full(struct dr_str fields);
/* Was the field written at all? */
bool dr_committed(struct dr_str fields, struct dr_str name);
bool dr_committed_as(struct dr_str fields, struct dr_str name,
                     struct dr_str value);

/* Does the text hold the marker as a word of its own? Empty: never. */
bool dr_marker_in(struct dr_str text, struct dr_str marker);

/* Appends "<key><suffix>"; PREIMAGE and job keys as in the head. */
void dr_ledger_key(struct dr_buf *out, struct dr_str key, const char *suffix);
void dr_ledger_pre_key(struct dr_buf *out, struct dr_str key, uint64_t rev);
void dr_ledger_job_key(struct dr_buf *out, struct dr_str nonce,
                       const char *suffix);

#endif
