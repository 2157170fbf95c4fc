/*
 * One call of the source contract: what its handlers share. The answer grows
 * in `out` through `j`; a handler that fails replaces it.
 */
#ifndef FASTTRACK_CALL_H
#define FASTTRACK_CALL_H

#include "world.h"

#define PAGE_MAX 200
#define INDEX_MAX 1000
#define BATCH_MAX 100

struct call {
    struct world *w;
    struct dr_httpd_req *req;
    struct dr_arena *a;
    struct dr_buf out;
    struct dr_json_w j;
    int status;
    int64_t now;
    const char *policy;       /* that refused the call */
    bool by_id;               /* the path ends in a record's id */
    struct dr_str properties; /* asked for, by commas; empty: all */
};

/* ---- answer.c ---- */

void fail(struct call *c, int status, const char *code, const char *message);
void fail_merged(struct call *c, struct dr_str into);
/* Names the call; it is the same in header, body and journal. */
const char *request_id(const struct call *c, char out[32]);
/* Sends what was made, or what the fault makes of it. */
void answer(struct call *c, const struct fault *f);
void unreadable(struct call *c, const struct rec *r);
/* `after` is the cursor behind it: events have no index to step past by. */
void unreadable_event(struct call *c, struct dr_str id, struct dr_str after);
/* The answer is 304: the caller knows the list. */
bool unchanged(struct call *c, const struct dr_json *list);
void server_time(struct call *c);
void paging(struct call *c, struct dr_str last, bool more);
/* The knob: a page without rows comes before this one. True: it is answered;
 * the same place is asked for again by another cursor. */
bool empty_page(struct call *c, struct dr_str after);
bool cursor(struct call *c, struct dr_str *out);
/* One of the order (time, id): "ms id". */
bool change_cursor(struct call *c, int64_t *ms, struct dr_str *id);
/* A batch that asks for the knob's id is answered as unreadable. */
bool batch_poisoned(struct call *c, const struct dr_json *ids);
size_t limit_of(struct call *c, size_t max);
int64_t time_arg(struct call *c, const char *name, int64_t otherwise);

/* ---- records.c: contract 4.4 ---- */

void records_list(struct call *c, struct kind *k);
void records_index(struct call *c, struct kind *k);
void records_changes(struct call *c, struct kind *k);
void records_batch(struct call *c, struct kind *k);
void records_one(struct call *c, struct kind *k, struct dr_str id);

/* ---- search.c: contract 4.4 ---- */

void records_search(struct call *c, struct kind *k);

/* ---- associations.c: contract 4.6 ---- */

void assoc_batch(struct call *c, struct dr_str from, struct dr_str to);
void assoc_list(struct call *c, struct dr_str from, struct dr_str to);
void assoc_changes(struct call *c);

/* ---- tenant.c: contract 4.2, 4.13 ---- */

void account(struct call *c);
/* Scopes and plan let the call in; else it is answered by 403. */
bool tenant_admits(struct call *c, struct dr_str head, struct dr_str type);

/* The schema's objects of a plan without custom ones: not readable. */
void tenant_objects(struct call *c);

/* ---- events.c: contract 4.7 ---- */

void events_list(struct call *c);
void events_schema(struct call *c);

/* ---- shape.c ---- */

void record_write(struct call *c, const struct kind *k, const struct rec *r);

/* ---- export.c: contract 4.10 ---- */

void exports(struct call *c, struct dr_str id);

/* ---- download.c: contract 4.8 ---- */

void attachment_address(struct call *c, struct dr_str rest);
/* A signed address of a path on the download port; when it expires, by the
 * simulated clock. */
int64_t download_address(struct world *w, struct dr_str path,
                         struct dr_buf *out);

/* ---- limits.c: contract 4.12 ---- */

/* Takes one call from the windows; false: they are used up, and the answer
 * is the 429. Both ways the answer gets its headers. */
bool limits_take(struct call *c);

#endif
