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
    A_AREA,
    A_NUMBER,
    A_MONEY, /* shown as a string with a decimal */
    A_DATE,
    A_TIME,
    A_BOOL,
    A_TAGS,
    A_USER,    /* id of an existing user */
    A_ACCOUNT, /* id of a living account */
    A_SELECT,  /* id in the selector `of` */
    A_RAW,     /* taken as it is */
    A_READONLY,
};

struct attr {
    const char *name;
    enum attr_kind kind;
    const char *include;   /* hidden unless this include is asked for */
    const char *of;        /* A_SELECT: selector */
    const char *otherwise; /* JSON shown when there is no value */
};

struct kind {
    const char *type, *root, *path, *entity, *model;
    const struct attr *attrs;
    bool custom;    /* has custom_field */
    bool bin;       /* soft delete */
    struct rec **v; /* by rising id */
    size_t n, cap;
};

struct rec {
    uint64_t id;
    bool deleted;
    int64_t created_ms, updated_ms;
    int64_t created_seq, updated_seq, deleted_seq;
    const char *by;        /* seed, api, admin */
    struct dr_map *values; /* name -> char * JSON */
    struct dr_map *custom; /* cf_… -> char * JSON */
};

struct job {
    struct job *next;
    uint64_t id;
    struct kind *kind;
    struct dr_arena *arena;
    const struct dr_json *items;
    int64_t due_mono_ms, received_seq;
    int64_t size, success, failed_n;
    bool done;
    struct dr_buf failed; /* JSON array elements */
};

struct list { /* JSON texts */
    char **v;
    size_t n;
};

struct account {
    struct dr_arena *arena;
    const struct dr_json *tenant;
    bool classic;
    struct dr_map *selectors; /* root key -> struct list * */
    struct dr_map *fields;    /* entity -> struct list *   */
    struct vclock clock;
    struct knob *knobs;
    struct faults *faults;
    struct journal *journal;
    struct dr_rand rand;
    char key[256];
    uint64_t next_id, api_user;
    struct job *jobs;
    int64_t hour_slot, hour_used, minute_slot, minute_used;
    int64_t calls, accepted, refused, burst, largest_burst;
    int64_t bulk_calls, bulk_records;
    struct dr_map *calls_by; /* "POST /contacts" -> int64_t * */
    struct dr_map *markers;  /* "type marker" -> int64_t * creates */
    int64_t duplicates;
    int64_t created[16], updated[16], removed[16];
};

extern struct kind kinds[];
extern const size_t kind_count;

void account_load(struct account *a, const char *file);
struct kind *kind_of_type(struct dr_str type);
struct kind *kind_of_path(struct dr_str path);
struct rec *rec_find(const struct kind *k, uint64_t id);
struct rec *rec_new(struct account *a, struct kind *k, uint64_t id,
                    const char *by);
struct dr_str rec_value(const struct rec *r, const char *name); /* raw JSON */
void rec_set(struct rec *r, const char *name, struct dr_str json);
uint64_t rec_id(const struct rec *r, const char *name); /* 0: null */
const struct attr *attr_of(const struct kind *k, struct dr_str name);

struct list *list_of(struct dr_map *m, const char *key);
void list_add(struct list *l, struct dr_str json);
/* The entry whose id is `id`, parsed into a; NULL: none. */
const struct dr_json *list_find(const struct list *l, uint64_t id,
                                struct dr_arena *a);
uint64_t new_id(struct account *a);
/* A value's JSON on one line, allocated. */
char *compact(const struct dr_json *v);

/* ---- check.c, write.c, lines.c ---- */

struct refusal {
    int status;
    char text[512];
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
/* The living record that an identifier names; NULL: none. */
struct rec *find_by(struct kind *k, struct dr_str field, struct dr_str value);
int apply_lines(struct account *a, struct rec *deal,
                const struct dr_json *lines, struct refusal *no);

/* ---- render.c ---- */

/* include "*": every one. */
void render(const struct account *a, const struct kind *k, const struct rec *r,
            struct dr_str include, bool sim, struct dr_json_w *w);

/* ---- bulk.c, api.c, admin.c ---- */

uint64_t bulk_accept(struct account *a, struct kind *k,
                     const struct dr_json *items);
void bulk_tick(struct account *a);
struct job *job_find(const struct account *a, uint64_t id);
void job_write(const struct job *j, struct dr_json_w *w);

void api_handle(struct dr_httpd_req *r, void *ctx);
void admin_handle(struct dr_httpd_req *r, void *ctx);
void journal_write(struct account *a, struct dr_str method, struct dr_str path,
                   struct dr_str query, int status, const struct kind *k,
                   uint64_t id, const char *op, struct dr_str body,
                   size_t out_bytes, const char *fault, bool effect);
int64_t hour_limit(const struct account *a);

#endif
