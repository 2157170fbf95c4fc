/* What the files of the plan library share. */
#ifndef DROVER_PLAN_PRIVATE_H
#define DROVER_PLAN_PRIVATE_H

#include <drover/base/map.h>
#include <drover/plan/plan.h>

/* Freshsales' limits of one field (reference 19.3). */
#define TEXT_MAX 255
#define AREA_MAX 10000
/* Of the text of a note no limit is known: this one is ours. */
#define NOTE_MAX 65535 /* bytes */
#define LINES_MAX 100  /* products of one deal */
#define NUMBER_WHOLE 11
#define NUMBER_FRACTION 4
#define MOBILE_MAX 30

#define LOADS_MAX 4 /* load records that one record becomes */

/* The closed list of transforms (mapping reference 7). */
enum transform {
    XF_IGNORE,   /* not carried, for the rule's reason                     */
    XF_COPY,     /* text as it is, cut at max                              */
    XF_NUMBER,   /* plain decimal within the target's number field         */
    XF_MONEY,    /* plain decimal of any size, as a number                 */
    XF_PERCENT,  /* whole number 0 to 100                                  */
    XF_DATE,     /* YYYY-MM-DD                                             */
    XF_DATETIME, /* an instant                                             */
    XF_BOOL,
    XF_OPTION, /* pick-list: values map to text, unknown ones stay       */
    XF_ID,     /* pick-list: values map to ids of the target             */
    XF_MULTI,  /* several options joined by ;                            */
    XF_JOIN,   /* several texts joined by "; "                           */
    XF_TAGS,
    XF_APPEND,  /* a "Label: value" line of the description               */
    XF_HTML,    /* HTML reduced to text, cut at max                       */
    XF_CONST,   /* `value`, whatever the record says                      */
    XF_SPECIAL, /* the object's own code: `special` says which            */
};

struct rule {
    struct dr_str id, source, target, special, label, reason, value;
    enum transform xf;
    size_t max;
    struct dr_map *values; /* source value -> struct dr_str *; of a line of
                              text: what people call the value */
    bool seconds;          /* of a line of text: its value is a duration */
};

struct object_plan {
    struct dr_str object, type, lane;
    struct rule *rules;
    size_t n;
    struct dr_map *sources; /* property -> its first rule */
};

struct pipeline_plan {
    struct dr_str target;
    struct dr_map *stages;        /* source id -> struct dr_str * (target id) */
    struct dr_map *probabilities; /* source id -> what the target's stage has */
};

/* What becomes of a file that the target has no room for. */
enum file_fate { FILE_NOTE, FILE_LINK, FILE_SKIP, FILE_UPLOAD };

/* Files beyond the account's storage: no more stand in the plan, or more
 * bytes of ids. */
#define BEYOND_MAX 100000
#define BEYOND_BYTES ((size_t)2 << 20)

struct files_plan {
    uint64_t max_bytes, storage_bytes;
    enum file_fate too_large, beyond;
    bool reject_broken;
    struct dr_str source_url; /* "…{id}…"; empty: none      */
    struct dr_map *names;     /* attachment id -> file name */
    struct dr_map *beyond_ids;
};

/* What becomes of a custom object of the source. */
enum fate { FATE_NONE, FATE_MODULE, FATE_FIELDS, FATE_NOTES, FATE_SKIP };
const char *fate_name(enum fate f);
enum fate fate_named(struct dr_str name); /* FATE_NONE: no such word */

struct custom_plan {
    enum fate fate;
    struct dr_str entity; /* of the module            */
    struct dr_str parent; /* "deal": fields of a deal */
};

struct dr_plan {
    struct dr_arena *arena;
    const struct dr_json *root; /* what dr_plan_check walks */
    uint8_t hash[32];
    struct dr_str *scope;
    size_t scope_n;
    struct object_plan *objects;
    size_t object_n;
    struct dr_map *pipelines; /* struct pipeline_plan * */
    /* struct dr_str * */
    struct dr_map *owners, *owner_names, *authors, *currencies;
    struct dr_str fallback_owner; /* empty: park */
    struct dr_str house_owner;    /* of what nobody owns; empty: undecided */
    struct dr_map *cut, *names, *merge_company, *merge_contact,
        *without_email; /* values: struct dr_str * */
    struct dr_str orphan_name, orphan_id;
    bool keep_activity_html, keep_note_html;
    bool long_notes; /* what is cut of an activity stands in a note, too */
    struct files_plan files;
    bool lines_as_deal; /* a line of another currency stands in its deal's */
    struct dr_str base_currency; /* of the target account; empty: not known */
    bool leads;                  /* persons become lead records */
    struct dr_str lead_stage;    /* else contacts of this lifecycle stage */
    struct dr_map *customs;      /* object -> struct custom_plan * */
    struct dr_map *event_types;  /* type -> struct event_type *    */
    bool events_report;          /* events become no records       */
    struct dr_str source_schema_hash, target_schema_hash;
};

const struct object_plan *plan_object(const struct dr_plan *p,
                                      struct dr_str object);
/* The text a map holds for a key; p NULL: nothing. */
struct dr_str map_text(const struct dr_map *m, struct dr_str key);
/* fates.c: the members "custom_objects" and "events". */
void read_fates(struct dr_plan *p, const struct dr_json *root);
void free_fates(struct dr_plan *p);
enum transform transform_of(struct dr_str name);

/* Case-folded, trimmed, inner blanks collapsed: what names compare on. */
struct dr_str plan_norm(struct dr_arena *a, struct dr_str s);
/* Trimmed and lower-cased; empty when it is no single usable address. */
struct dr_str plan_email(struct dr_arena *a, struct dr_str s);
bool plan_email_usable(struct dr_str s);

/* ---- alias.c: what was merged at the source ---- */

/* The record that `id` became; `id` itself when it was not merged. */
struct dr_str alias_of(const struct dr_source *rec, struct dr_str type,
                       struct dr_str id);
/* The record with its associations leading where alias_of says. NULL: it needs
 * more memory than there is. */
const struct dr_source *alias_followed(struct dr_arena *a,
                                       const struct dr_source *rec);

/* ---- one record being made (build.c) ---- */

struct build {
    const struct dr_plan *plan;
    const struct object_plan *op;
    const struct dr_source *rec;   /* merged ones followed */
    const struct dr_source *named; /* as it came           */
    const struct dr_apply_opts *opts;
    struct dr_arena *a;
    const struct dr_json *root, *props, *next_prop;
    struct dr_field *fields;
    size_t field_n, field_cap;
    struct dr_ref *refs;
    size_t ref_n, ref_cap;
    struct dr_note *notes;
    size_t note_n, note_cap;
    struct dr_rejected *part_rejects;
    size_t part_reject_n, part_reject_cap;
    struct dr_line *lines;
    size_t line_n, line_cap;
    struct dr_buf description; /* appended lines */
    struct dr_str whole;       /* of a text that was cut */
    bool whole_html;
    struct dr_str part_id;   /* the line being made */
    enum dr_out_state state; /* 0: going on */
    struct dr_rejected reject;
    struct dr_str hides; /* dr_load.hides */
    bool oom;
};

void build_field(struct build *b, struct dr_str name, struct dr_str rule,
                 enum dr_value_kind kind, struct dr_str value);
void build_text(struct build *b, const char *name, const char *rule,
                struct dr_str value);
void build_number(struct build *b, const char *name, const char *rule,
                  struct dr_str value);
/* It has none in this version, and may have had one: an update clears it. Not
 * where a row of the plan writes the field. */
void build_null(struct build *b, const char *name, const char *rule);
bool build_has(const struct build *b, const char *name);
void build_ref(struct build *b, const struct dr_ref *r);
void build_note(struct build *b, struct dr_str field, struct dr_str rule,
                struct dr_str source, struct dr_str target, const char *cause);
/* The record (or the line, while part_id is set) cannot go. */
void build_reject(struct build *b, const char *class, struct dr_str field,
                  struct dr_str rule, const char *reason, const char *cure);
/* The record ends so, without load and without reject: `reason` in the arena
 * or a literal. */
void build_end(struct build *b, enum dr_out_state state, struct dr_str rule,
               const char *reason);
/* The properties of a record; NULL: it is no record. */
const struct dr_json *build_parse(struct build *b, struct dr_str text);
/* Any JSON; NULL: none. */
const struct dr_json *build_read(struct build *b, struct dr_str text);
/* Copies that fail are remembered: the record is then not made at all. */
struct dr_str build_dup(struct build *b, struct dr_str s);
/* Ends a text that was made: it lives in the arena then. */
struct dr_str build_take(struct build *b, struct dr_buf *text);
struct dr_str build_printf(struct build *b, const char *fmt, ...)
    DR_PRINTF(2, 3);
struct dr_str load_key(struct build *b, const char *object, struct dr_str id);
/* Fills everything of *out that does not depend on the object. */
void build_load(struct build *b, struct dr_load *out, const char *lane);
/* content_hash over what is sent. Last step. */
void build_hash(struct build *b, struct dr_load *l);

/* ---- values.c ---- */

/* A property's value, NULL type when absent or null. */
const struct dr_json *prop(const struct build *b, const char *name);
struct dr_str prop_text(const struct build *b, const char *name);
/* One that names a record of `type`, merged ones followed. */
struct dr_str prop_ref(const struct build *b, const char *name,
                       const char *type);
/* Applies an ordinary rule; special ones are the object's business. */
void apply_rule(struct build *b, const struct rule *r);
/* The note about a value that the plan leaves out. */
void apply_ignore(struct build *b, const struct rule *r,
                  const struct dr_json *j);
/* The first `max` characters, with a note when that is less. */
struct dr_str value_cut(struct build *b, struct dr_str source,
                        struct dr_str rule, struct dr_str s, size_t max);
/* An instant in the target's form, with notes on what was assumed. False:
 * it is none; the record was rejected. */
bool value_instant(struct build *b, struct dr_str source, struct dr_str rule,
                   struct dr_str s, struct dr_str *out);
bool value_is_instant(struct dr_str s);
/* A calendar day of the years 1900 to 2100. False: rejected. */
bool value_date(struct build *b, struct dr_str source, struct dr_str rule,
                struct dr_str s);
/* A plain decimal in its shortest form. False: rejected. */
bool value_decimal(struct build *b, struct dr_str source, struct dr_str rule,
                   struct dr_str s, struct dr_str *out);
/* The text of a piece of HTML (html.c), with a note when tags fell away. */
struct dr_str value_html(struct build *b, struct dr_str source,
                         struct dr_str rule, struct dr_str s);
/* The name a record must have: not blank, cut to what a line holds. Empty:
 * rejected. */
struct dr_str value_name(struct build *b, const char *property,
                         struct dr_str rule);

/* ---- odd.c ---- */

/* Strings as they are, numbers and booleans by their lexeme; arrays and
 * objects by their JSON. */
struct dr_str value_text(const struct dr_json *j);
/* The note about a value that is no text, where the rule makes one of it. */
void odd_tell(struct build *b, const struct rule *r, const struct dr_json *j);

/* ---- unknown.c ---- */

/* A note on each property of the record, or of the line, that no row names. */
void unknown_tell(struct build *b);

/* ---- redacted.c ---- */

/* The properties of b->root, those null that FastTrack does not show; b->hides
 * names one that would be carried. */
const struct dr_json *redacted_props(struct build *b);
/* A note on each of them. */
void redacted_tell(struct build *b);
bool redacted_hides(const struct build *b, struct dr_str property);
/* The end of the rule of a reference that dr_ref_is_merged. */
#define RULE_MERGED ".target.merged"
/* What would be another thing without it. */
void redacted_reject(struct build *b, const char *property, const char *rule,
                     const char *reason);

/* ---- common.c ---- */

/* owner_id, or parks the record. */
void apply_owner(struct build *b);
/* Creation, change, author and original owner, where the target has custom
 * fields; as lines of the description where it has none. */
void apply_provenance(struct build *b, bool custom_fields);
/* Parts of it, for texts that begin with the author and the time. */
void apply_later(struct build *b);
void apply_holder(struct build *b); /* owner, archived */
/* By name, where the plan has it; else the id. */
struct dr_str author_of(const struct build *b);
struct dr_str owner_of(const struct build *b);
/* "Label: value" below the text; nothing where there is no value. */
void text_line(struct build *b, const char *label, struct dr_str s);
/* Types with tags carry archived records under the tag "archived"; where no
 * rule has tags, no other one is ours. */
void apply_archived(struct build *b);
/* What FastTrack itself calls redacted or damaged. */
void apply_flags(struct build *b);
const struct rule *special_rule(const struct build *b, const char *special);
/* Bulk writes find a record by its ident. In the tail a name or address may
 * have come that the plan has not seen: such a record is written singly, so
 * that the target refuses it where it would change another one. One that is
 * written in two steps is found by a name that nobody else has. */
enum dr_load_how first_how(const struct build *b, enum dr_load_how bulk);
/* The ends of one pair, each once, the primary ones first. */
struct end {
    struct dr_str id;
    bool primary;
};
size_t pair_ends(struct build *b, const char *pair, struct end **out);

/* ---- names.c ---- */

/* "Name (id)", or "Name (id 2)" where nth is 2, within what a name may have:
 * what an account is called whose own name is another one's. */
struct dr_str plan_other_name(struct dr_arena *a, struct dr_str name,
                              struct dr_str id, int nth);
/* It was made so of another name than the record has now. A name that is not
 * of this form was chosen by people, and is never stale. */
bool plan_other_is_stale(struct dr_str other, struct dr_str name,
                         struct dr_str id);
/* Created under a name that carries the marker, then called as it shall be:
 * whatever has the name meanwhile is not taken for this record. */
void build_two_step(struct build *b, struct dr_load *l, struct dr_str name);

/* ---- text.c ---- */

/* The one text of a record: `first`, the own text, the appended lines, `last`;
 * each of them may be empty. What is too much is cut, and told. */
struct text {
    const char *field; /* of the target */
    struct dr_str source, rule;
    struct dr_str first, own, last;
    bool html;           /* own is HTML that was kept: so is all of it     */
    size_t chars, bytes; /* the limit: in characters, else in bytes */
};
void apply_text(struct build *b, const struct text *t);
/* By plan, a note with the whole of a text that was cut, behind the n load
 * records there are. Returns how many there are then. */
size_t add_whole_text(struct build *b, struct dr_load out[LOADS_MAX], size_t n);
/* Makes a text of FastTrack that is HTML the own text: by the plan kept, as
 * far as it is safe, or reduced. */
void text_of_html(struct build *b, struct text *t, struct dr_str s, bool keep);
/* "FastTrack <object> <id> [<marker>]" for a type without custom fields. */
struct dr_str marker_line(struct build *b, struct dr_str marker);

/* ---- target.c ---- */

/*
 * What an activity, a note or a file stands on: the first deal, else contact,
 * else company it is linked with. All other links are told, and stand in a
 * line of the text. False: there is none; with `required` it was rejected.
 */
bool apply_target(struct build *b, bool required);
/* build_hash for what the target never moves: a merge at the source makes no
 * other file of it. */
void target_hash_fixed(struct build *b, struct dr_load *load);

/* tiers.c: the prices of a product, and its tiers. */
void apply_prices(struct build *b);

/* custom.c: what a custom object's record or an event can stand on, the first
 * one first. */
#define PARENT_KINDS 3
struct parent_kind {
    const char *object, *type, *lane, *targetable;
};
extern const struct parent_kind parent_kinds[PARENT_KINDS];

/* ---- objects: each fills loads ---- */

size_t make_company(struct build *b, struct dr_load out[LOADS_MAX]);
/* How an account is found, and what it is called where `is`, made of the
 * source's name, is another one's. */
void account_by_name(struct build *b, struct dr_load *l, struct dr_str name,
                     struct dr_str is);
size_t make_contact(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_deal(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_product(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_lines(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_task(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_activity(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_meeting(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_note(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_file(struct build *b, struct dr_load out[LOADS_MAX]);

size_t make_module(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_fold(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_custom_note(struct build *b, struct dr_load out[LOADS_MAX]);
size_t make_event(struct build *b, struct dr_load out[LOADS_MAX]);

/* file.c: why a file of this status has no bytes; NULL: it has. */
const char *file_withheld(struct dr_str status);

#endif
