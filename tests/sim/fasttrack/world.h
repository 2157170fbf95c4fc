/*
 * The simulated FastTrack: records, associations, the change script. Records
 * are kept as the folder's bytes and served so.
 */
#ifndef FASTTRACK_WORLD_H
#define FASTTRACK_WORLD_H

#include <drover/base/map.h>
#include <sim/sim.h>

enum gone { LIVES, DELETED, MERGED, PURGED };

struct rec {
    struct dr_str id;
    uint64_t version;
    int64_t updated_ms;
    int64_t visible_ms; /* 0: at once; later with a visibility lag */
    /* What lists and changes show until then; NULL: nothing. */
    struct rec *was;
    bool archived, poison;
    bool hidden;          /* from the token's eyes alone */
    bool restored;        /* by the newest change */
    bool poison_named;    /* the error names the id */
    const char *bad_line; /* what the line op: poison made of it; NULL: whole */
    enum gone gone;
    struct dr_str merged_into;
    struct dr_str body;    /* the record's JSON */
    struct dr_str deal_id; /* line items        */
};

struct kind {
    struct dr_str name;
    struct rec *v; /* sorted by id */
    size_t n, cap;
};

struct assoc {
    struct dr_str from, to, label, category;
    int64_t type_id, updated_ms;
    bool primary;
};

struct pair {
    struct dr_str from, to; /* types */
    struct assoc *v;        /* sorted by (from, to, type) */
    size_t n, cap;
};

struct assoc_change {
    int64_t ms, visible_ms;
    int64_t type_id;
    struct dr_str from_type, to_type, from, to;
    bool removed;
};

struct event {
    struct dr_str id, type, line;
    int64_t ingested_ms, visible_ms;
    bool poison;
};

enum event_shape { SHAPE_FLAT, SHAPE_TYPED, SHAPE_NESTED };

/* What files/index.csv says of an attachment's bytes. */
struct content {
    uint64_t size;
    bool absent, generated; /* neither: under files/ */
};

/* One fixed window of a throttling policy. */
struct window_use {
    int64_t slot, used;
};

struct limits {
    struct window_use burst, daily;
};

struct job; /* export.h */

struct world {
    const char *dir;
    struct dr_arena *arena;
    const struct dr_json *manifest, *schema, *pipelines, *owners, *currencies,
        *tags, *automation;
    struct kind *kinds;
    size_t kind_n;
    struct pair *pairs;
    size_t pair_n;
    struct assoc_change *moved;
    size_t moved_n, moved_cap;
    struct event *events; /* in the order (ingested_ms, id) */
    size_t event_n, event_cap;
    /* change script */
    const struct dr_json **changes;
    size_t change_n, change_cap, applied;
    int64_t edits;
    bool playing;
    int64_t play_from_ms;
    /* knobs and time */
    struct vclock clock;
    struct knob *knobs;
    struct faults *faults;
    struct journal *journal;
    struct dr_rand rand;
    char key[256];
    struct limits limits;
    struct dr_map *calls_by; /* int64_t each */
    struct dr_map *bites;    /* the same: bites.c */
    int64_t calls, refused, burst, largest_burst;
    int64_t pages; /* asked for with empty_pages on */
    int running;   /* answers under way */
    int64_t start_ms;
    /* the account, where it changed in mid-run */
    char plan[32];
    char lift_knob[64]; /* as it was read */
    int64_t lift_from_ms, lift_until_ms;
    struct job *jobs;
    size_t job_n;
    /* downloads */
    struct dr_map *contents; /* struct content each, by attachment */
    uint16_t download_port;
    int64_t download_epoch; /* addresses of another one are void */
    int64_t downloads, token_leaks;
};

/* Ends the process (65) with the file's name when the folder is not whole. */
void world_load(struct world *w, const char *dir);
struct kind *world_kind(struct world *w, struct dr_str name);
struct rec *kind_find(struct kind *k, struct dr_str id);
/* A record that somebody can see: not a placeholder. */
bool rec_exists(const struct rec *r);
/* First index whose id is greater than `after` (all when after is empty). */
size_t kind_after(const struct kind *k, struct dr_str after);
struct rec *kind_append(struct kind *k);
void kind_sort(struct kind *k);
struct rec *kind_put(struct world *w, struct kind *k, struct dr_str id);
struct pair *world_pair(struct world *w, struct dr_str from, struct dr_str to);
size_t pair_from(const struct pair *p, struct dr_str from);
void pair_sort(struct pair *p);
struct assoc *pair_add(struct pair *p);
void moved_add(struct world *w, const struct assoc_change *c);

/* ---- bites.c ---- */

/* Notes that a knob or a fault of this name has made an answer another one
 * than it would have been. */
void bite(struct world *w, const char *name);
/* "bites":{name: how often}, into an object. */
void bites_told(const struct world *w, struct dr_json_w *out);

/* ---- events.c ---- */

void events_add(struct world *w, const struct event *e);
void events_sort(struct world *w);
/* A new one, ingested now; NULL, or what is wrong with it. */
const char *events_ingest(struct world *w, const struct dr_json *j, int64_t ms);

/* ---- schema.c ---- */

const struct dr_json *schema_property(const struct world *w, struct dr_str type,
                                      struct dr_str name);
/* Is it a change of the schema? NULL: yes, else what is wrong with it. */
const char *schema_fault(const struct world *w, const struct dr_json *c);
void schema_change(struct world *w, const struct dr_json *c);
void schema_unknown_activity(struct world *w);

/* ---- export.c ---- */

void exports_tick(struct world *w);
void exports_expire(struct world *w);
/* What stands behind a path of the download port; false: nothing (now). */
bool export_body(struct world *w, struct dr_str path, struct dr_str *out);
/* NDJSON of all jobs. */
void exports_told(const struct world *w, struct dr_buf *out);

/* ---- tenant.c ---- */

struct dr_str tenant_plan(const struct world *w);
bool tenant_may(const struct world *w, const char *capability);
enum event_shape tenant_shape(const struct world *w);
int64_t tenant_tombstone_ms(const struct world *w);
int tenant_jobs(const struct world *w, bool a_day);
bool tenant_scope(const struct world *w, const char *scope);
void tenant_lift(struct world *w, int64_t from_ms, int64_t until_ms);
bool tenant_lifted(const struct world *w, int64_t now);
void tenant_tick(struct world *w);

/* Numbers are bare, not strings: the knob, or the folder's manifest. */
bool numbers_bare(const struct world *w);

/* ---- script.c ---- */

/* Ends the process (65) when a line is none of the script's. */
void script_load(struct world *w, struct dr_str ndjson, const char *file);
void script_sort(struct world *w);
/* Is it a line of the script? NULL: yes, else what is wrong with it. */
const char *change_fault(struct world *w, const struct dr_json *c);
/* Applies one line as of `ms`; versions that it does not name go up by one. */
void change_apply(struct world *w, const struct dr_json *c, int64_t ms);
/* Applies the lines that are due by the virtual clock. */
void script_tick(struct world *w);
void script_start(struct world *w, int64_t scale);
void script_all(struct world *w);
void script_step(struct world *w);
void script_status(const struct world *w, struct dr_buf *out);
/* Ends the process (65): the folder is not what its manifest says. */
_Noreturn void world_refuse(const char *file, const char *why);

void api_handle(struct dr_httpd_req *r, void *ctx);
void admin_handle(struct dr_httpd_req *r, void *ctx);
void download_handle(struct dr_httpd_req *r, void *ctx);

#endif
