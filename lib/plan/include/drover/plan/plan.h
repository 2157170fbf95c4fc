/*
 * The plan: one canonical JSON file that says what every source record
 * becomes. Pure: no clock, no I/O, the same bytes in give the same bytes out.
 * The transformer applies it; the auditor derives the same a second time from
 * the raw record and compares with what the target really holds.
 *
 * Shape: bench reference 2, further keys here:
 *   objects[].lane, objects[].fields[]: {rule, source, target, transform,
 *     values{}, type, max, label, reason} (transform "ignore": not carried,
 *     reason; type: that of the custom field). Of a line of text (transform
 *     "append"): words{value: what people call it}, unit "s": a duration, which
 *     is written as "1 h 2 min 3 s"
 *   pipelines[].probabilities{source stage id: what the target's stage has}
 *   currencies{code: id, "": base}  hierarchy{cut[company ids]}
 *   names{company{id: name}}
 *   merge{policy, company{id: target id}, contact{id: target id}}
 *   emails{without[contact ids]}    another record holds the address
 *   owners{map, house, fallback, unresolved, names{source owner: name}}
 *   orphans{account_name, account_id}   authors{source user: name}
 *   lead_stage_id                   the lifecycle stage of persons (Suite)
 *   activities{call, html, long}    sales_activity|call_log, text|keep,
 *     cut|note: what an activity's text cannot hold goes, with the whole, into
 *     a note beside it: lane note, the same key
 *   notes{html}                     text|keep
 *   lines{currency, base, other[]}  reject|deal: what becomes of a line in
 *     another currency than its deal; deal: it stands in the deal's, told.
 *     base: the target account's, of deals that have none. other, for people:
 *     {code "W-CUR", currency, deal_currency, records, sum} of such lines
 *   files{max_bytes, storage_bytes, too_large, beyond, beyond_ids, broken,
 *     source_url, names}
 *     max_bytes: no larger file is uploaded; at most DR_FILE_MAX
 *     too_large: note|link|skip; link needs source_url, an https address with
 *     {id} in it. broken (no bytes to be had): note|reject
 *     names{attachment id: file name}: of inline images, for the texts
 *     storage_bytes: what the target holds in all; 0: not known. Of the files
 *     that it has no room for when the plan is proposed, beyond says what
 *     becomes: upload (the lane asks when the storage is full), or as
 *     too_large. Room is given in the order of creation, then of ids, to each
 *     that fits in what is left; beyond_ids are the others, in this order, if
 *     beyond is not upload (to change the word, propose anew). At most 100,000
 *     of 2 MiB: the rest is uploaded
 *   custom_objects{object: {fate, entity, parent, reason}}: fate module
 *     (records of the custom module `entity`, lane custom), fields (of the one
 *     `parent` it hangs on: op PATCH in the lane link, whose reference with the
 *     field "@record" is the record that is patched), notes (lane note), skip.
 *     A module's links are rows with transform special:link: source is the
 *     pair, target how the module's records name it ("deal_id", or
 *     "contact_ids", one reference for each end), max 1 where it takes one.
 *   events{fate, types{type: {name, versions{version: shape}}}}: fate
 *     activities, or report (counted in the audit, not written); shapes flat,
 *     typed, nested
 * Activities, notes and files may be left out, and each of their members; the
 * first word is then meant. A value, stage or currency that the target lacks as
 * yet is null; "" is "none, by decision".
 *
 * A row with transform "const" has `value`, which every record gets, and an
 * empty source: "<object>.type", the id of the type of sales activities.
 *
 * Activities, notes and files hang on one record of the target: the first
 * deal, else contact, else company of the pairs <object>_deal and so on. The
 * others are notes and a line of the text. Calls, e-mails, unknown kinds, notes
 * and files need one (class no_target); tasks and appointments do not. A
 * custom object that is folded into its parent's fields stands for it.
 *
 * Text of an activity: the body, an empty line, lines "Label: value", and the
 * marker's line. Of a note the same under a first line
 *   Note by AUTHOR, CREATED (FastTrack)
 * and at most 65,535 bytes: Freshsales documents no limit, this one is ours.
 * What is cut is a note that names the length of the whole.
 *
 * Times: a start of calls, e-mails and unknown kinds that is missing or of no
 * use is the end less the duration, else the time of creation; such an end is
 * the start plus the duration, else the start. They are notes, and an unusable
 * one stands in the text. A meeting at no time is rejected.
 */
#ifndef DROVER_PLAN_PLAN_H
#define DROVER_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/base/str.h>
#include <drover/json/json.h>
#include <drover/wire/wire.h>

/* The load key of the Unassigned Account, made once by the transformer. The id
 * stands in its cf_source_id, too, where only its length tells it from that of
 * a company: any shorter one may be a company's. */
#define DR_ORPHAN_OBJECT "_drover"
#define DR_ORPHAN_ID \
    "drover-unassigned-account-longer-than-any-id-of-the-source-may-be"
#define DR_ORPHAN_KEY DR_ORPHAN_OBJECT ":" DR_ORPHAN_ID

/* ---- where the own form is taken ---- */

/* An account whose name another one has is called "Name (id)": by the plan, or
 * when it is written (dr_load.other_name). The rule, and why: at the source,
 * or in the target, where the other one may lie in the recycle bin. */
#define DR_RULE_OTHER_NAME "company.name.unique"
#define DR_WHY_OTHER_NAME                                              \
    "another account has this name, and Freshsales wants names to be " \
    "unique: the id was added"
#define DR_WHY_NAME_TAKEN                                                \
    "another account has this name, or one in the recycle bin has, and " \
    "Freshsales wants names to be unique: the id was added"

/* A contact whose address another one has goes without it; the address stands
 * in work_email (dr_load.other_name). */
#define DR_RULE_OTHER_ADDRESS "contact.email.unique"
#define DR_WHY_OTHER_ADDRESS                                           \
    "another contact has this address, and Freshsales wants it to be " \
    "unique: kept as text in work_email"
#define DR_WHY_ADDRESS_TAKEN                                                \
    "another contact has this address, or one in the recycle bin has, and " \
    "Freshsales wants it to be unique: kept as text in work_email"

/* An account whose parent would close a circle goes without a parent. */
#define DR_RULE_CIRCLE "company.parent.cycle"
#define DR_WHY_CIRCLE "the parents form a circle: it was cut at this company"

/* How a record goes whose own form the target cannot take because of another
 * record: its other form. Of what is written so the loader says why. */
struct dr_other {
    const char *field;              /* the target's, of which it is told */
    const char *rule, *why, *class; /* classes.h has the cure */
    bool unseen; /* also where nobody is seen to have it: the recycle bin */
};
/* NULL: the record has no other form. */
const struct dr_other *dr_other_of(const struct dr_load *load);
/* The load record in it. -1: the arena is used up. */
int dr_other_form(const struct dr_load *load, struct dr_arena *a,
                  struct dr_load *out) DR_MUSTCHECK;
/* The target's record shows the other form's fields, and not the own ones. */
bool dr_other_is_shown(const struct dr_load *load, const struct dr_json *record,
                       struct dr_arena *a);
/* The two forms differ in the field. */
bool dr_other_differs(const struct dr_load *load, struct dr_str field);
/* What its own form wants to be unique: name or address. Empty: nothing. */
struct dr_str dr_other_own(const struct dr_load *load);
/* What the target's record of the type is seen to have of that. */
struct dr_str dr_other_seen(struct dr_str type, const struct dr_json *record);
/* The class is one of those that struct dr_other gives. */
bool dr_other_class(struct dr_str class);

/* The largest file that Freshsales takes (reference 11.1): 150 MB. */
#define DR_FILE_MAX UINT64_C(157286400)

/* ---- the plan file ---- */

struct dr_plan; /* immutable once parsed */

/* Untrusted input: at most 8 MiB, known transforms only. When the file names
 * a hash it must be that of its own canonical form without "hash". */
struct dr_plan *dr_plan_parse(struct dr_str json,
                              struct dr_err *err) DR_MUSTCHECK;
void dr_plan_free(struct dr_plan *p);
DR_DEFINE_AUTO(dr_plan)
struct dr_str dr_plan_hash(const struct dr_plan *p); /* 32 bytes */
bool dr_plan_in_scope(const struct dr_plan *p, struct dr_str object);
/* What becomes of the source's events: "activities", "report" (counted and
 * listed, not written) or "none" (outside the scope). */
const char *dr_plan_event_fate(const struct dr_plan *p);
/* The scope, in the order of the plan; at: 0 to count - 1. */
size_t dr_plan_scope_count(const struct dr_plan *p);
struct dr_str dr_plan_scope_at(const struct dr_plan *p, size_t at);
/* The lane an object's records go to first, then the others: "link" beside
 * that of companies, "note" beside that of attachments and, by plan, of
 * activities; none: not carried.
 * Used for markers. */
size_t dr_plan_lanes_of(const struct dr_plan *p, struct dr_str object,
                        struct dr_str out[4]);

/* ---- one record ---- */

enum dr_out_state {
    DR_OUT_LOAD = 1, /* loads[] is what it becomes                       */
    DR_OUT_EXCLUDED, /* by `rule`, for `reason`                          */
    DR_OUT_PARKED,   /* owner unresolved: reject tells which             */
    DR_OUT_REJECTED, /* reject has field, rule, reason, cure             */
    DR_OUT_GONE,     /* deleted, merged or hidden at the source          */
    DR_OUT_WAITING,  /* an attachment whose bytes are not here yet       */
};

/* Something that will not be in the target as the source has it (bench 3.1,
 * rule 4): one line of `differences`. */
struct dr_note {
    struct dr_str id;    /* the line item, when of one; else empty */
    struct dr_str field; /* source property, or association pair   */
    struct dr_str rule;
    struct dr_str source; /* as text, at most 200 characters         */
    struct dr_str target; /* what is written instead; empty: nothing */
    struct dr_str cause;  /* in words                                 */
};

struct dr_outcome {
    enum dr_out_state state;
    struct dr_str rule, reason;
    struct dr_rejected reject;
    const struct dr_load *loads;
    size_t load_count;
    /* Line items of a set that cannot go (the rest of the set does). */
    const struct dr_rejected *part_rejects;
    size_t part_reject_count;
    const struct dr_note *notes;
    size_t note_count;
    const struct dr_json *body; /* the record's, where it had to be read */
};

struct dr_apply_opts {
    struct dr_str migration; /* name: markers hang on it */
    uint32_t generation;
    uint32_t pass;
};

/* Everything in *out lives in the arena or in rec. -1 only when the arena's
 * budget is used up (DR_REJECT): a bad record is an outcome, not an error.
 * Whoever derives the same outcomes gives the same budget: 64 MiB. */
int dr_plan_apply(const struct dr_plan *p, const struct dr_source *rec,
                  const struct dr_apply_opts *o, struct dr_arena *a,
                  struct dr_outcome *out, struct dr_err *err) DR_MUSTCHECK;
/* The load record of the Unassigned Account; false when the admin named an
 * existing account instead. */
bool dr_plan_orphan(const struct dr_plan *p, const struct dr_apply_opts *o,
                    struct dr_arena *a, struct dr_load *out);

/* The load records of a deletion that a person lets through: op DELETE, one
 * for every lane in which the object may stand as a record of its own. Not
 * "link": what was written there is a part of another record. */
size_t dr_plan_removal(const struct dr_plan *p, const struct dr_removal *r,
                       const struct dr_apply_opts *o, struct dr_arena *a,
                       struct dr_load out[4]);

/*
 * What an earlier version of a record may have made beside it and this one does
 * not: the note about a file, or of the whole of a text; and what another plan
 * may have made of it (`other_plans`: there was one), that is also a note in
 * its place. What the past was is not known here; so it is said of each record
 * that could have had one, and whoever knows of none has nothing to do. A load
 * of op DELETE with the type of the note, where a removal that a person let
 * through has none. Returns 1; 0: nothing is to be said; -1: the arena is used
 * up.
 */
int dr_plan_leftover(const struct dr_plan *p, const struct dr_source *rec,
                     const struct dr_outcome *outcome, bool other_plans,
                     const struct dr_apply_opts *o, struct dr_arena *a,
                     struct dr_load *out) DR_MUSTCHECK;
bool dr_plan_is_leftover(const struct dr_load *load);

/* What one record becomes, for people: `drover-transformer --once`. */
void dr_outcome_print(const struct dr_outcome *o, struct dr_buf *out);

/* ---- proposing ---- */

/*
 * The catalogues, as JSON trees. Any may be NULL until it was read.
 * Source: account (body of GET /account), schema {objects[], properties
 * {type: []}, associations[], events[]}, pipelines {deal: []}, owners [],
 * currencies []. events: the results of GET /schema/events, absent where the
 * source's plan has none; objects: entries with custom true are custom objects.
 * Target: account {edition, plan, custom_modules (whether they are to be had;
 * absent: by the plan), domain, …}, fields {contacts: [], …},
 * selectors {users: [], deal_pipelines: [], …}, modules: the custom modules
 * (catalogue "custom_modules"), an array of GET /settings/module_customizations
 * (entity_name, singular_name, plural_name), each with `fields`: those of GET
 * /settings/<entity>/forms, groups taken apart, as they are there {name, label,
 * type, required, choices[{value}], multiple, field_options{unique,
 * lookup_type, multiple}}. [] where the account has none, or no such plan. */
struct dr_catalogs {
    const struct dr_json *src_account, *src_schema, *src_pipelines;
    const struct dr_json *src_owners, *src_currencies;
    const struct dr_json *dst_account, *dst_fields, *dst_selectors;
    const struct dr_json *dst_modules;
};

/* Statistics over the newest version of every source record and over what
 * the target held before. */
struct dr_profile;
struct dr_profile *dr_profile_new(void);
void dr_profile_free(struct dr_profile *p);
DR_DEFINE_AUTO(dr_profile)
int dr_profile_add(struct dr_profile *p, const struct dr_source *rec,
                   struct dr_err *err) DR_MUSTCHECK;
/* A record that was in the target before: type, id, its JSON. */
int dr_profile_add_existing(struct dr_profile *p, struct dr_str type,
                            uint64_t dst, struct dr_str json,
                            struct dr_err *err) DR_MUSTCHECK;
/* The source side of audit.json: the member "fields" of bench 3, with the
 * recommended target and counts by warning code (mapping reference 7). Of
 * properties with more than 300 values "distinct" says 301. */
void dr_profile_fields_json(const struct dr_profile *p,
                            const struct dr_catalogs *c, struct dr_json_w *w);
/* Further members of audit.json: "events", the counts by {type,
 * schema_version, declared, shape}; "custom_objects", on how many deals,
 * contacts and companies each hangs, and the fate that is proposed for it;
 * "line_currencies", the `other` of the plan's "lines". */
void dr_profile_shapes_json(const struct dr_profile *p,
                            const struct dr_catalogs *c, struct dr_json_w *w);

struct dr_propose_opts {
    const struct dr_str *scope; /* objects; empty: all that are carried */
    size_t scope_count;
    uint64_t fallback_owner; /* 0: none: unresolved owners are parked */
    /* Who owns what nobody owns in FastTrack: the products of the catalogue
     * and the Unassigned Account. 0: undecided, which dr_plan_check refuses
     * unless there is a fallback owner. */
    uint64_t house_owner;
    struct dr_str orphan_name; /* empty: "Unassigned Account" */
    bool calls_as_logs;        /* else sales activities, with their times */
    bool html_keep;            /* HTML of texts is kept, not reduced      */
    bool long_notes; /* what an activity's text cannot hold is a note, too */
    /* Files: 0 is Freshsales' own limit, and the storage of its plan. What
     * is too large becomes a "note" (NULL), a "link" or is left out ("skip");
     * what the storage has no room for is an "upload" all the same (NULL), or
     * one of these; what has no bytes a "note" (NULL) or a "reject". */
    uint64_t file_max_bytes, storage_bytes;
    const char *files_too_large, *files_beyond, *files_broken;

    /* Fates of custom objects by decision, each "co_shipment=module" (or
     * fields, notes, skip). What cannot be is refused, not replaced. */
    const struct dr_str *fates;
    size_t fate_count;
    bool events_report; /* events are counted in the audit, not written */
    bool lines_as_deal; /* lines of another currency stand in their deal's */
};

/* Each buffer receives one JSON text (bench 3): plan with its hash,
 * checklist, owners, duplicates. A plan is proposed even while the checklist
 * has missing items; dr_plan_check then refuses it. */
struct dr_proposal {
    struct dr_buf plan, checklist, owners, duplicates;
};
void dr_proposal_init(struct dr_proposal *p);
void dr_proposal_done(struct dr_proposal *p);
int dr_plan_propose(const struct dr_profile *profile,
                    const struct dr_catalogs *c,
                    const struct dr_propose_opts *o, struct dr_proposal *out,
                    struct dr_err *err) DR_MUSTCHECK;

/*
 * What of the attachments will not fit, before any byte moves: one object.
 *   max_bytes, storage_bytes, storage ("known", or "not known: …"), files,
 *     bytes
 *   too_large, broken, beyond, upload: {count, bytes, decision}; broken: those
 *     that the source itself says to have no bytes; beyond: those of the plan's
 *     beyond_ids, by a word other than upload
 *   no_room: likewise: of the uploads those that do not fit
 *   storage_over: by how many bytes the uploads exceed the storage; 0: not
 *   items: [{id, file_name, size, class, reason, decision, owner, owner_of,
 *     author, parent: {type, id}, parents}], the largest first: all that are
 *     too large, and (class "storage") all that are beyond or have no room;
 *     then, by their ids, all that are broken. At most 2,000; left_off: how
 *     many are not listed. owner_of: whose owner it is, "attachment", or the
 *     parent's type where the file has none of its own; "" where that has none
 *     either.
 * Decisions are the plan's words. plan NULL: as if its "files" were empty.
 */
struct dr_records {
    /* The newest of this record, in the arena; NULL: it is not known. */
    const struct dr_source *(*get)(void *ctx, struct dr_str object,
                                   struct dr_str id, struct dr_arena *a);
    void *ctx;
};
/* records NULL: nothing is known of parents. */
void dr_plan_files_json(const struct dr_profile *profile,
                        const struct dr_plan *plan,
                        const struct dr_records *records, struct dr_json_w *w);

/* Problems that forbid approval, as a JSON array of {"code","object","field",
 * "detail","cure"}. Codes: source_schema target_schema (stale), unmapped,
 * missing_field missing_choice missing_value missing_pipeline missing_stage
 * missing_currency missing_activity_type missing_module, required_field, quota
 * (reference 19.3), owner, invalid (what only an edited plan has wrong).
 * Returns their number. A module that is missing is one problem, its fields
 * are none. */
size_t dr_plan_check(const struct dr_plan *p, const struct dr_catalogs *c,
                     struct dr_buf *problems_json);

/* Whether the target's catalogue shows what an item of a checklist asks for:
 * a name as the proposal would find it, every one of its choices, a user or a
 * currency only while active. What the arena holds is thrown away. */
bool dr_plan_item_there(const struct dr_catalogs *c, const struct dr_json *item,
                        struct dr_arena *a);

/* ---- references ---- */

/* The account of the target that the plan names as the Unassigned one; 0: it
 * is made (dr_plan_orphan). */
uint64_t dr_plan_orphan_dst(const struct dr_plan *p);
/* May the reference's other end be a lead (classic edition)? What hangs on a
 * record may hang on a lead; a deal's contacts and the relations of a module
 * are contacts. */
bool dr_ref_takes_lead(const struct dr_ref *r);

/*
 * Which of a record's references become links. ids: the target's id of each
 * reference, 0: not there; those that become none are set to 0. lead: whether
 * that id is a lead's. Of references `targetable:` the first that is there is
 * the one on which the record stands; those behind it are not needed.
 * Returns how many links are left out, or may become better ones: a lead may
 * become a contact, and then what hangs on it has to follow.
 */
size_t dr_links_settle(const struct dr_load *load, uint64_t *ids,
                       const bool *lead);

/*
 * Does the load say all there is of the links that the target shows under
 * this name (sales_accounts, contacts, sales_account_id,
 * parent_sales_account_id, targetables)? Those that it does not name have
 * ended, then.
 */
bool dr_links_governed(const struct dr_load *load, struct dr_str name);
/* The other end was merged into another one that the load names before it: it
 * stands until a person lets its removal through. */
bool dr_ref_is_merged(const struct dr_ref *r);
/* A company without a parent, a deal without a line: there is something to do
 * only where it had one before. */
bool dr_links_only_end(const struct dr_load *load);

/* ---- comparing with what the target holds ---- */

enum dr_cmp { DR_CMP_SAME = 1, DR_CMP_DIFFERENT, DR_CMP_ABSENT };

/* One expected field against a record of the target as read with all
 * includes (reference 23.4 rule 6): money as decimals, timestamps as
 * instants, multi-selects and tags as sets, e-mails by address, the texts of
 * activities and notes by what is read of them (HTML reduced, runs of blanks
 * as one), the rest as text. A file's bytes are not compared here. actual_out:
 * what is there, as text in the arena. */
enum dr_cmp dr_compare_field(const struct dr_load *load,
                             const struct dr_field *field,
                             const struct dr_json *record, struct dr_arena *a,
                             struct dr_str *actual_out);

#endif
