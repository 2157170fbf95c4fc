/*
 * The Freshsales simulator: its state and what its parts offer each other.
 * Facts and section numbers are those of the Freshsales API reference.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include <stdbool.h>
#include <stdint.h>

#include <sim/sim.h>

#include <drover/base/decimal.h>
#include <drover/base/map.h>

#include "jobj.h"
#include "rate.h"

enum ent {
    ENT_CONTACT,
    ENT_ACCOUNT,
    ENT_DEAL,
    ENT_LEAD,
    ENT_PRODUCT,
    ENT_NOTE,
    ENT_TASK,
    ENT_COUNT,
};

/* Includes of 1.7, one bit each. */
enum {
    INC_OWNER = 1 << 0,
    INC_CREATER = 1 << 1,
    INC_UPDATER = 1 << 2,
    INC_SOURCE = 1 << 3,
    INC_CAMPAIGN = 1 << 4,
    INC_TERRITORY = 1 << 5,
    INC_STATUS = 1 << 6,
    INC_LIFECYCLE = 1 << 7,
    INC_ACCOUNTS = 1 << 8,
    INC_TASKS = 1 << 9,
    INC_NOTES = 1 << 10,
    INC_APPOINTMENTS = 1 << 11,
    INC_DEALS = 1 << 12,
    INC_CONTACTS = 1 << 13,
    INC_INDUSTRY = 1 << 14,
    INC_BUSINESS = 1 << 15,
    INC_STAGE = 1 << 16,
    INC_TYPE = 1 << 17,
    INC_REASON = 1 << 18,
    INC_PAYMENT = 1 << 19,
    INC_PICK = 1 << 20, /* deal_product */
    INC_CURRENCY = 1 << 21,
    INC_PRODUCTS = 1 << 22,
    INC_CHILDREN = 1 << 23,
    INC_PRICINGS = 1 << 24,
    INC_TARGETABLE = 1 << 25,
    INC_TASK_TYPE = 1 << 26,
    INC_PROBABILITY = 1 << 27,
    INC_ALL = (1 << 28) - 1,
    INC_DUMP = 1 << 28,    /* only on the admin port's lines */
    INC_CLASSIC = 1 << 29, /* only in the classic edition */
    INC_NEVER = 1 << 30,   /* only ever written */
};

enum kind {
    KIND_TEXT,   /* one line, knob text_limit */
    KIND_AREA,   /* long text */
    KIND_NUMBER, /* JSON number, lexeme kept */
    KIND_MONEY,  /* decimal, shown as a string "5600.0" */
    KIND_INT,
    KIND_BOOL,
    KIND_DATE,   /* "YYYY-MM-DD" */
    KIND_STAMP,  /* ms as digits; shown in the account's zone */
    KIND_ID,     /* id of a selector entry, ref names it */
    KIND_RECORD, /* id of a live record of type ref */
    KIND_CHOICE, /* id of a choice of the field's definition */
    KIND_OWN,    /* render and take do everything */
};

struct fs;
struct rec;
struct errs;
struct shown; /* how records are rendered */

struct attr {
    const char *name;
    enum kind kind;
    bool fixed;        /* a body cannot set it */
    uint32_t inc;      /* 0: always shown; else an include that reveals it */
    const char *ref;   /* KIND_ID: selector; KIND_RECORD: path of the entity */
    const char *unset; /* shown when there is no value; NULL: null */
    void (*render)(const struct shown *s, const struct rec *r);
    void (*take)(struct fs *fs, struct rec *r, const struct dr_json *in,
                 struct errs *e);
};

struct include {
    const char *name;
    uint32_t bit;
};

struct entity {
    const char *path;  /* "contacts": collection, root of a list */
    const char *root;  /* "contact" */
    const char *model; /* "Contact" */
    const struct attr *attrs;
    size_t attr_count;
    const struct include *includes;
    int fields; /* index of the definitions in struct fs, -1: none */
};

extern const struct entity entities[ENT_COUNT];
const struct entity *entity_of(enum ent e);
/* ENT_COUNT when there is none. */
enum ent ent_by_path(struct dr_str path);
enum ent ent_by_root(struct dr_str root);
enum ent ent_by_model(struct dr_str model);  /* "Contact", "sales_account" */
int attr_at(enum ent e, struct dr_str name); /* -1: none */

/* ---- records ---- */

struct email {
    int64_t id;
    char *value, *label; /* label may be NULL */
    bool primary;
};

struct link {
    enum ent ent;
    int64_t id;
    bool primary;
};

enum origin { ORIGIN_SEED, ORIGIN_API, ORIGIN_ADMIN };

struct rec {
    enum ent ent;
    int64_t id;
    char **v;  /* JSON text by attribute, NULL: null */
    char **cf; /* by slot of the custom field */
    size_t cf_count;
    struct email *emails;
    size_t email_count;
    struct link *links; /* contact: accounts; deal: contacts; task: targets */
    size_t link_count;
    struct jobj *parts; /* deal: lines; product: prices */
    size_t part_count;
    char *tags, *phones; /* JSON arrays */
    char *new_account;   /* deal: name of an account to create with it */
    int64_t created_ms, updated_ms;
    int64_t made_mono; /* when it came into the search index's queue */
    bool deleted, lines_set;
    enum origin by;
    int64_t created_seq, updated_seq, deleted_seq;
};

struct reclist {
    struct rec **v; /* ascending id */
    size_t n, cap;
    uint64_t rev; /* raised by every change */
};

struct idlist {
    int64_t *v;
    size_t n, cap;
};

struct field {
    struct jobj def; /* without choices */
    char *name, *label, *type;
    bool custom, required, unique;
    int slot; /* of a custom field in rec.cf */
    struct choice {
        char *id, *value; /* id as JSON text */
    } * choices;
    size_t choice_count;
    struct dr_map *index; /* text -> struct idlist; NULL: not indexed */
};

struct fieldset {
    struct field *v;
    size_t n, slots;
};

enum { FIELDS_ACTIVITY = 4, FIELDS_COUNT = 5, SELECTOR_COUNT = 21 };

struct item {
    int64_t id;
    struct jobj o;
};

struct selector {
    const char *name; /* root key */
    struct item *v;
    size_t n;
};

struct view {
    int64_t id;
    struct jobj o;
};

struct job {
    struct job *next;
    int64_t id, received_seq, received_ms, due_ms, done_ms;
    enum ent ent;
    char *body; /* the items, JSON array */
    int64_t size, success, failed;
    char *failures;       /* JSON array for data, NULL before the end */
    char *admin_failures; /* JSON array for /sim/jobs */
    bool done;
};

struct stats {
    int64_t calls, accepted, refused, burst, largest_burst;
    struct dr_map *calls_by; /* text -> int64_t */
    int64_t bulk_calls, bulk_records;
    int64_t created[ENT_COUNT], updated[ENT_COUNT], deleted[ENT_COUNT];
    int64_t duplicates;
};

struct late;

struct fs {
    struct sim_opts opts;
    struct knob *knobs;
    struct vclock clock;
    struct faults *faults;
    struct journal *journal;
    struct dr_rand rand;
    struct rate rate;

    char *name, *edition, *plan, *alias, *lacks;
    struct jobj account;
    char *custom_modules;
    bool classic;
    char base[32]; /* "/crm/sales/api" or "/api" */
    int64_t api_user, next_id;

    struct selector selectors[SELECTOR_COUNT];
    struct fieldset fields[FIELDS_COUNT];
    struct {
        struct view *v;
        size_t n;
    } views[ENT_COUNT];
    struct reclist recs[ENT_COUNT];
    struct dr_map *by_name[ENT_COUNT];
    struct dr_map *by_email;    /* primary address of contacts */
    struct dr_map *by_external; /* of contacts */
    struct dr_map *by_target;   /* "task:Contact:7" -> tasks and notes */
    struct job *jobs, **jobs_end;
    struct late *late;
    struct stats stats;
    struct dr_buf previous; /* the last good answer, for wrong_body */
    struct {
        uint64_t rev;
        int64_t view;
        int sort;
        bool desc;
        struct rec **v;
        size_t n, cap;
    } sorted[ENT_COUNT];
};

/* ---- store.c ---- */

struct rec *rec_new(enum ent e);
struct rec *rec_copy(const struct rec *r);
void rec_free(struct rec *r);
/* The record with this id, deleted or not; NULL: none. */
struct rec *rec_find(const struct fs *fs, enum ent e, int64_t id);
struct rec *rec_live(const struct fs *fs, enum ent e, int64_t id);
void rec_insert(struct fs *fs, struct rec *r); /* takes it */
/* Puts the draft's content into the stored record and frees the draft. */
void rec_replace(struct fs *fs, struct rec *stored, struct rec *draft);
void rec_remove(struct fs *fs, struct rec *r); /* for good */
void rec_touch(struct fs *fs, struct rec *r);  /* a flag changed */
const char *rec_raw(const struct rec *r, const char *attr);
void rec_set(struct rec *r, const char *attr, struct dr_str raw);
void rec_setz(struct rec *r, const char *attr, const char *raw);
int64_t rec_i64(const struct rec *r, const char *attr);
void rec_text(const struct rec *r, const char *attr, struct dr_buf *out);
const char *rec_cf(const struct rec *r, int slot); /* NULL: null */
void rec_set_cf(struct rec *r, int slot, const char *raw);
const struct email *rec_email(const struct rec *r);
void rec_links_clear(struct rec *r);
void rec_link(struct rec *r, struct link l); /* once for each target */
void rec_unlink(struct rec *r, enum ent e, int64_t id);
bool rec_linked(const struct rec *r, enum ent e, int64_t id);
void index_field(struct fs *fs, enum ent e, struct field *f);
const struct idlist *index_get(const struct dr_map *m, struct dr_str text);
const struct idlist *targets_get(const struct fs *fs, enum ent of,
                                 enum ent target, int64_t id);

/* ---- setup.c: selectors, fields, views ---- */

extern const char *const selector_names[SELECTOR_COUNT];
extern const char *const fieldset_names[FIELDS_COUNT];
struct selector *selector_of(struct fs *fs, struct dr_str name);
const struct item *selector_item(const struct fs *fs, const char *name,
                                 int64_t id);
struct item *selector_add(struct selector *s, int64_t id);
void item_from(struct item *it, const struct dr_json *j);
struct field *field_of(struct fs *fs, enum ent e, struct dr_str name);
struct field *fields_add(struct fs *fs, int set, const struct dr_json *def,
                         struct dr_err *err);
void field_choices(struct field *f, const struct dr_json *choices);
void field_write(const struct field *f, struct dr_json_w *w);
void selector_write(const struct fs *fs, const struct selector *s,
                    struct dr_json_w *w);
const struct item *base_currency(const struct fs *fs);
bool stage_is(const struct fs *fs, int64_t stage, const char *forecast);

/* ---- tenant.c ---- */

/* -1: err tells in one line what is wrong with the file. */
int tenant_load(struct fs *fs, const char *path,
                struct dr_err *err) DR_MUSTCHECK;
void tenant_write(const struct fs *fs, struct dr_json_w *w);

/* ---- messages.c ---- */

enum msg {
    MSG_TAKEN,
    MSG_EMAIL_TAKEN,
    MSG_NOT_UNIQUE,   /* $ */
    MSG_NEED,         /* $ */
    MSG_TOO_LONG,     /* $ # */
    MSG_TYPE,         /* $ */
    MSG_INVALID,      /* $ */
    MSG_NOT_A_CHOICE, /* $ */
    MSG_UNKNOWN_CF,   /* $ */
    MSG_NOT_FOUND,
    MSG_LOGIN,
    MSG_LIMIT,
    MSG_BODY,
    MSG_TOO_MANY, /* $ # */
    MSG_IDENTIFIER,
    MSG_AMBIGUOUS,
    MSG_FILTER,
    MSG_SERVER,
    MSG_COUNT,
};

struct errs {
    const struct fs *fs;
    char *text[16];
    int n;
};

void errs_add(struct errs *e, enum msg m, const char *name, int64_t number);
void errs_done(struct errs *e);
/* The text in the language of knob error_language. */
void msg_write(const struct fs *fs, enum msg m, const char *name,
               int64_t number, struct dr_buf *out);

/* ---- value.c ---- */

bool knob_on(const struct fs *fs, const char *name); /* yes on true 1 */
int stamp_parse(struct dr_str s, int64_t *ms) DR_MUSTCHECK;
/* RFC 3339 in the zone of knob account_utc_offset, or UTC when dump. */
void stamp_write(const struct fs *fs, bool dump, int64_t ms,
                 struct dr_json_w *w);
void midnight_write(const struct fs *fs, bool dump, struct dr_str date,
                    struct dr_json_w *w);
/* Sets attribute at of r from in; complains to e. */
void value_take(struct fs *fs, struct rec *r, int at, const struct dr_json *in,
                struct errs *e);
void custom_take(struct fs *fs, struct rec *r, const struct dr_json *hash,
                 struct errs *e);
bool dec_of_node(const struct dr_json *in, struct dr_dec *out);
bool dec_of_raw(const char *raw, struct dr_dec *out);
char *raw_of_dec(const struct dr_dec *d); /* a JSON number */

/* ---- write.c ---- */

struct writer {
    struct fs *fs;
    enum ent ent;
    const struct dr_json *data; /* attributes, unwrapped */
    /* an identifier that fills the same attribute of a new record */
    const struct dr_json *ident;
    enum origin by;
    int64_t seq;
    struct errs *errs;
};

/* NULL: refused, errs tells why. */
struct rec *write_create(const struct writer *w);
/* False: refused and nothing changed. */
bool write_update(const struct writer *w, struct rec *r);
void write_delete(struct fs *fs, struct rec *r, int64_t seq);
void write_forget(struct fs *fs, struct rec *r);
void write_restore(struct fs *fs, struct rec *r, int64_t seq);

/* ---- entity rules: contacts.c, deals.c, lines.c, products.c, tasks.c ---- */

struct change {
    struct fs *fs;
    struct rec *draft;
    const struct rec *before; /* NULL: a new record */
    const struct dr_json *data;
    struct errs *errs;
    enum origin by;
};

void contact_check(struct change *c);
void account_check(struct change *c);
void deal_check(struct change *c);
void lead_check(struct change *c);
void product_check(struct change *c);
void task_check(struct change *c);
void note_check(struct change *c);
/* Sums the lines, sets the amount and what hangs on it (6.2). */
void deal_money(struct fs *fs, struct rec *r);
void lines_take(struct fs *fs, struct rec *r, const struct dr_json *in,
                struct errs *e);
void pricings_take(struct fs *fs, struct rec *r, const struct dr_json *in,
                   struct errs *e);
void links_take_accounts(struct fs *fs, struct rec *r, const struct dr_json *in,
                         struct errs *e);

/* ---- render.c ---- */

struct shown {
    const struct fs *fs;
    struct dr_json_w *w;
    uint32_t inc;
    bool dump;    /* the admin port's line */
    bool put;     /* the answer of a PUT */
    bool partial; /* a filtered_search row */
};

void rec_write(const struct shown *s, const struct rec *r);
/* The members of a record line, without the braces. */
void rec_members(const struct shown *s, const struct rec *r);
void display_name(const struct rec *r, struct dr_buf *out);
uint32_t includes_parse(enum ent e, struct dr_str list);
/* The side-loaded arrays of these records, as members of the open object. */
void sideloads(const struct shown *s, enum ent e, struct rec *const *recs,
               size_t n);
void line_write(const struct shown *s, const struct rec *deal,
                const struct jobj *line);

/* ---- call.c: one request ---- */

struct touched {
    enum ent ent;
    int64_t id;
    char op; /* c u d r */
};

struct call {
    struct fs *fs;
    struct dr_arena *a;
    struct dr_str method, path, query, body, rest; /* rest: below the base */
    const struct dr_json *json; /* the body; NULL: none or broken */
    int64_t seq;
    int status;
    const char *type; /* content type, NULL: JSON */
    struct dr_buf out;
    struct dr_json_w w;
    bool effect;
    struct touched *touched;
    size_t touched_count, touched_cap;
};

struct dr_str call_arg(const struct call *c, const char *name); /* p NULL */
int64_t call_int(const struct call *c, const char *name, int64_t otherwise);
void call_touch(struct call *c, enum ent e, int64_t id, char op);
void call_fail(struct call *c, int status, enum msg m);
void call_fail_named(struct call *c, int status, enum msg m, const char *name);
void call_errs(struct call *c, const struct errs *e);
void call_record(struct call *c, const struct rec *r, bool put);
/* The attributes: below the root key, or the body itself (1.3). */
const struct dr_json *call_data(const struct call *c, const char *root);
struct writer call_writer(struct call *c, enum ent e,
                          const struct dr_json *data, struct errs *errs);
/* The request's journal line. */
void call_journal(struct call *c, const char *fault, int status, size_t n_out);
void call_done(struct call *c);

/* ---- the API: api.c, records.c, views.c, search.c, upsert.c, bulk.c ---- */

void api_run(struct call *c); /* one authorised, admitted request */
void api_handle(struct dr_httpd_req *req, void *ctx);
void late_tick(struct fs *fs);
void record_calls(struct call *c, enum ent e, struct dr_str rest);
void product_calls(struct call *c, struct dr_str rest);
void task_list(struct call *c);
void sublist(struct call *c, const struct rec *parent, struct dr_str what);
void views_list(struct call *c, enum ent e);
void view_page(struct call *c, enum ent e, int64_t view);
void search_any(struct call *c);
void search_lookup(struct call *c);
void search_filtered(struct call *c, struct dr_str entity);
void selector_calls(struct call *c, struct dr_str rest);
void fields_calls(struct call *c, struct dr_str set);
void upsert_single(struct call *c, enum ent e);
/* The records that an identifier names; complains about unusable ones. */
struct found {
    struct rec *rec;
    size_t n;
    bool bad;
};
struct found upsert_find(struct fs *fs, enum ent e, struct dr_str key,
                         const struct dr_json *value);
bool identifier_allowed(struct fs *fs, enum ent e, struct dr_str key,
                        bool bulk);
/* The record that was updated or made; NULL: refused. */
struct rec *upsert_apply(const struct writer *w, bool *created);
void bulk_upsert(struct call *c, enum ent e);
void bulk_destroy(struct call *c, enum ent e);
void bulk_assign(struct call *c, enum ent e);
void job_status(struct call *c, struct dr_str id);
void jobs_run(struct fs *fs);

/* ---- admin port ---- */

void admin_handle(struct dr_httpd_req *req, void *ctx);
void admin_edit(struct call *c, struct dr_str rest);
void admin_setup(struct call *c, struct dr_str kind, struct dr_str id);
void admin_stats(const struct fs *fs, struct dr_json_w *w);
void stats_call(struct fs *fs, const struct call *c, int status);

#endif
