/*
 * The simulated Freshsales account: records as named JSON values, the tables
 * that say which attributes a kind has, selectors and field definitions.
 */
#ifndef FRESHSALES_STORE_H
#define FRESHSALES_STORE_H

#include <drover/base/map.h>
#include <sim/sim.h>

enum attr_kind {
    A_TEXT = 1, /* at most text_limit characters */
    A_AREA,     /* at most area_limit characters */
    A_LONG,     /* as much as a body of a megabyte holds */
    A_NUMBER,
    A_MONEY, /* shown as a string with a decimal */
    A_DATE,  /* kept as YYYY-MM-DD */
    A_TIME,  /* kept as milliseconds, shown in the account's zone */
    A_BOOL,
    A_DONE, /* true or false, however it was sent */
    A_TAGS,
    A_USER,    /* id of an existing user */
    A_ACCOUNT, /* id of a living account */
    A_RECORD,  /* id of a living record of the kind `of`, if that is known */
    A_RECORDS, /* a list of them */
    A_SELECT,  /* id in the selector `of` */
    A_RAW,     /* taken as it is */
    A_EMAILS,
    A_NESTED, /* rows with ids of their own: edited by id, _destroy */
    A_LINKS,  /* accounts of a contact */
    A_READONLY,
};

#define KINDS_MAX 64 /* with custom modules */

struct account;
struct kind;
struct rec;

/* What a computed attribute is shown from. */
struct show {
    struct account *a;
    const struct kind *k;
    const struct rec *r;
    struct dr_json_w *w;
};

struct attr {
    const char *name;
    enum attr_kind kind;
    const char *include;   /* hidden unless this include is asked for */
    const char *of;        /* A_SELECT: selector */
    const char *otherwise; /* JSON shown when there is no value */
    void (*show)(const struct show *s); /* computed */
};

/* The records that have a value in one field. */
struct hits {
    struct rec **v;
    size_t n, cap;
};

struct index {
    struct index *next;
    char field[96];
    struct dr_map *by; /* folded value -> struct hits * */
};

/* The rows of the last view, in order: pages of it need no new sorting. */
struct sorted {
    uint64_t version, view;
    char by[64];
    const struct rec **v;
    size_t n;
};

struct kind {
    const char *type, *root, *entity, *model;
    const char *path;   /* NULL: none of the ordinary calls */
    const char *plural; /* root of lists; NULL: the type */
    const struct attr *attrs;
    bool core;      /* contacts, accounts, deals, leads */
    bool custom;    /* has custom_field */
    bool bin;       /* soft delete */
    bool module;    /* an administrator's own */
    bool hangs;     /* on others, by its targetables */
    struct rec **v; /* by rising id */
    size_t n, cap;
    uint64_t version;            /* rises with every change */
    struct rec *oldest, *newest; /* by last write */
    struct index *indices;       /* made when first asked for */
    struct sorted sorted;
};

struct rec {
    uint64_t id, creater;
    bool deleted;
    int64_t created_ms, updated_ms, assigned_ms, stage_ms;
    int64_t born_mono_ms; /* search sees it after its lag */
    int64_t created_seq, updated_seq, deleted_seq;
    const char *by;            /* seed, api, admin */
    struct rec *older, *newer; /* of its kind, by last write */
    struct dr_map *values;     /* name -> char * JSON */
    struct dr_map *custom;     /* cf_… -> char * JSON */
};

struct job {
    struct job *next;
    uint64_t id;
    struct kind *kind;
    struct dr_arena *arena;
    const struct dr_json *items;
    int64_t start_mono_ms, due_mono_ms, received_seq;
    int64_t received_ms, done_ms;
    int64_t size, success, failed_n;
    bool done, expired;
    struct dr_buf failed; /* JSON array elements */
};

struct list { /* JSON texts, and what they say */
    char **v;
    size_t n;
    struct dr_arena *arena;
    const struct dr_json **parsed; /* NULL: changed since it was parsed */
    struct dr_map *ids, *names;
};

struct used_window { /* one that is over */
    bool minute;
    int64_t start_ms, used, limit;
};

struct window {
    int64_t length_ms;
    int64_t slot, used; /* of the fixed clock window, in any kind */
    int64_t first_ms;   /* first_call: when it began */
    int64_t *at;        /* rolling: times of the calls, a ring */
    size_t at_n, at_first, at_cap;
    int64_t tat_us;  /* gcra: theoretical arrival time */
    int64_t counted; /* of the kind in force */
};

struct late; /* effects and answers to come */

struct account {
    struct dr_arena *arena, *scratch;
    const struct dr_json *tenant;
    bool classic;
    struct dr_map *selectors; /* root key -> struct list * */
    struct dr_map *fields;    /* entity -> struct list *   */
    struct dr_map *views;     /* likewise */
    struct list *modules;     /* custom ones, as they are read */
    struct vclock clock;
    struct knob *knobs;
    struct faults *faults;
    struct journal *journal;
    struct dr_rand rand;
    char key[256];
    uint64_t next_id, api_user;
    struct job *jobs, **jobs_end;
    struct late *late;
    struct window hour, minute;
    int64_t lift_from_ms, lift_until_ms; /* no limits meanwhile */
    struct used_window *windows;         /* those that are over */
    size_t windows_n, windows_cap;
    int64_t calls, accepted, refused, burst, largest_burst;
    int64_t bulk_calls, bulk_records;
    struct dr_buf previous;  /* the last answer, for wrong_body */
    struct dr_map *calls_by; /* "POST /contacts" -> int64_t * */
    struct dr_map *markers;  /* "type marker" -> int64_t * creates */
    int64_t duplicates;
    FILE *bytes;        /* of all files, behind each other */
    int64_t bytes_n;    /* so long */
    int64_t stored;     /* of files that are there */
    uint64_t url_epoch; /* addresses of an earlier one are void */
    uint16_t download_port;
    int64_t created[KINDS_MAX], updated[KINDS_MAX], removed[KINDS_MAX];
};

#define FORBIDDEN "You are not authorized to perform this action."

extern struct kind kinds[KINDS_MAX];
extern size_t kind_count;

/* ---- tenant.c ---- */

void account_load(struct account *a, const char *file);

/* ---- kinds.c ---- */

void kinds_init(void);
struct kind *kind_of_type(struct dr_str type);
struct kind *kind_of_path(struct dr_str path);
struct kind *kind_of_root(struct dr_str root);
struct kind *kind_named(const char *type); /* must be there */
const struct attr *attr_of(const struct kind *k, struct dr_str name);
const char *plural_of(const struct kind *k);

/* ---- store.c ---- */

struct rec *rec_find(const struct kind *k, uint64_t id);
struct rec *rec_alive(const struct kind *k, uint64_t id);
struct rec *rec_new(struct account *a, struct kind *k, uint64_t id,
                    const char *by);
/* Takes it out for good. */
void rec_remove(struct kind *k, struct rec *r);
/* Its updated_ms was set: puts it where that belongs. */
void rec_relink(struct kind *k, struct rec *r);
/* Written now: the newest of its kind. */
void rec_touch(struct account *a, struct kind *k, struct rec *r);
struct dr_str rec_value(const struct rec *r, const char *name); /* raw JSON */
/* What stands between the quotes; "" when it is no string. */
struct dr_str rec_text(const struct rec *r, const char *name);
/* A value parsed into the account's scratch; NULL: none. */
const struct dr_json *rec_json(struct account *a, const struct rec *r,
                               const char *name);
void rec_set(struct rec *r, const char *name, struct dr_str json);
uint64_t rec_id(const struct rec *r, const char *name); /* 0: null */

struct list *list_of(struct dr_map *m, const char *key);
void list_free(void *list);
void list_add(struct list *l, struct dr_str json);
void list_set(struct list *l, size_t i, struct dr_str json);
void list_drop(struct list *l, size_t i);
const struct dr_json *list_at(struct list *l, size_t i);
/* By id or by name; NULL: none, or no list. */
const struct dr_json *list_find(struct list *l, uint64_t id);
const struct dr_json *list_named(struct list *l, struct dr_str name);
uint64_t new_id(struct account *a);
/* A value's JSON on one line, allocated. */
char *compact(const struct dr_json *v);
/* Parses into the account's scratch, which the next request empties. */
const struct dr_json *scratch_parse(struct account *a, struct dr_str json);

/* ---- index.c ---- */

/* Records whose field has this value; blanks around and case do not count.
 * The value is written as between the quotes of JSON. Deleted ones are
 * among them. NULL: none. Fields of many values: emails, contacts,
 * sales_accounts (ids), targetables ("Contact:12"). */
const struct hits *index_find(struct account *a, struct kind *k,
                              struct dr_str field, struct dr_str value);
void index_out(struct account *a, struct kind *k, struct rec *r);
void index_in(struct account *a, struct kind *k, struct rec *r);

/* ---- times.c ---- */

#define STAMP_TEXT 40
/* In the account's zone: 2026-03-02T09:00:00+01:00, or with Z. */
const char *stamp_text(struct account *a, int64_t ms, char out[STAMP_TEXT]);
/* Midnight of a day YYYY-MM-DD in the account's zone. */
const char *midnight_text(struct account *a, struct dr_str day,
                          char out[STAMP_TEXT]);
/* ISO 8601 or as JavaScript writes it. */
int read_time(struct account *a, struct dr_str s, int64_t *ms) DR_MUSTCHECK;
/* The day of a date or of a timestamp in the account's zone. */
int read_day(struct account *a, struct dr_str s,
             char out[STAMP_TEXT]) DR_MUSTCHECK;

/* ---- check.c, write.c, lines.c ---- */

struct refusal {
    int status;
    const char *text; /* English, %s is `what` */
    int64_t max;      /* for a %d */
    char what[256];
};

/* Checks the attributes of a body against kind and account; 0 or a refusal.
 * rec NULL: a create. */
int check_write(struct account *a, struct kind *k, const struct rec *rec,
                const struct dr_json *attrs, struct refusal *no);
void apply_write(struct account *a, struct kind *k, struct rec *rec,
                 const struct dr_json *attrs);
/* Both, creating when rec is NULL. Returns the record or NULL. */
struct rec *write_record(struct account *a, struct kind *k, struct rec *rec,
                         const struct dr_json *attrs, const char *by,
                         struct refusal *no);
/* To the recycle bin, or gone when forget or when there is no bin. */
void remove_record(struct account *a, struct kind *k, struct rec *r,
                   bool forget);
/* Back from the bin. */
void restore_record(struct account *a, struct kind *k, struct rec *r);

/* ---- ident.c ---- */

/* The living record that an identifier names, of several the lowest id;
 * NULL: none. */
struct rec *find_by(struct account *a, struct kind *k, struct dr_str field,
                    struct dr_str value);
/* May this be an identifier of upsert? 0 or a refusal. */
int check_identifier(struct account *a, struct kind *k, struct dr_str field,
                     bool bulk, struct refusal *no);
/* As find_by under the knob upsert_ambiguous_key. -1: refused. */
int find_for_upsert(struct account *a, struct kind *k,
                    const struct dr_json *ident, struct rec **rec_out,
                    struct refusal *no);
/* A body with its identifier among the attributes, in the scratch. */
const struct dr_json *with_identifier(struct account *a,
                                      const struct dr_json *attrs,
                                      const struct dr_json *ident);

/* ---- render.c ---- */

bool asked(struct dr_str include, const char *name);
/* include "*": every one. */
void render(struct account *a, const struct kind *k, const struct rec *r,
            struct dr_str include, bool sim, struct dr_json_w *w);
/* A row as other records show it: id, names, "partial": true. */
void render_partial(struct account *a, const struct kind *k,
                    const struct rec *r, struct dr_json_w *w);

/* ---- files.c ---- */

/* -1: there is no room on the disk. */
int bytes_keep(struct account *a, struct rec *r,
               struct dr_str bytes) DR_MUSTCHECK;
void bytes_forget(struct account *a, const struct rec *r);
void bytes_answer(struct account *a, struct dr_httpd_req *req,
                  const struct rec *r);
int64_t storage_limit(struct account *a);
void file_line(struct account *a, const struct rec *r, struct dr_json_w *w);
void download_handle(struct dr_httpd_req *req, void *ctx);

/* ---- computed.c ---- */

/* "Open", "Closed Won", "Closed Lost" */
struct dr_str forecast_of(struct account *a, const struct rec *deal);

/* ---- lang.c ---- */

/* The refusal in the account's language. */
struct dr_str said(struct account *a, const struct refusal *r,
                   struct dr_arena *ar);

/* ---- bulk.c ---- */

uint64_t bulk_accept(struct account *a, struct kind *k,
                     const struct dr_json *items);
void bulk_tick(struct account *a);
struct job *job_find(const struct account *a, uint64_t id);
void job_write(struct account *a, const struct job *j, struct dr_json_w *w);

/* ---- journal.c ---- */

struct touch {
    const struct kind *kind;
    uint64_t id;
    const char *op;
};

struct entry { /* of the journal */
    struct dr_str method, path, query, body;
    int status;
    const struct touch *touched;
    size_t touched_n;
    size_t out_bytes;
    const char *fault;
    bool effect;
};

void journal_write(struct account *a, const struct entry *e);
void stats_write(struct account *a, struct dr_json_w *w);

/* ---- api.c, admin.c, setup.c, late.c, limits.c ---- */

void api_handle(struct dr_httpd_req *r, void *ctx);
void admin_handle(struct dr_httpd_req *r, void *ctx);
/* Screens that change the set-up; the HTTP status. */
int setup_change(struct account *a, struct dr_str method, struct dr_str path,
                 const struct dr_json *j, struct refusal *no);
void late_tick(struct account *a);
int64_t hour_limit(const struct account *a);
/* The plan as it is now. */
struct dr_str plan_of(const struct account *a);

#endif
