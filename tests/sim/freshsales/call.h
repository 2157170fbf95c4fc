/*
 * One call of the public API: what its handlers share. The answer grows in
 * `out` through `w`; a handler that fails replaces it.
 */
#ifndef FRESHSALES_CALL_H
#define FRESHSALES_CALL_H

#include "store.h"

struct call {
    struct account *a;
    struct dr_httpd_req *req;
    struct dr_arena *ar;
    struct dr_buf out;
    struct dr_json_w w;
    struct dr_str method, path; /* below the base */
    int status;
    struct kind *kind;
    uint64_t id;
    const char *op;
    bool effect;
};

/* ---- answer.c ---- */

void begin(struct call *c);
void fail(struct call *c, int status, const char *text);
bool is(struct dr_str a, const char *b);
struct dr_str include(const struct call *c);
void answer_record(struct call *c, struct kind *k, const struct rec *r);
const struct dr_json *attributes(struct call *c, const struct kind *k);

/* ---- records.c ---- */

void create(struct call *c, struct kind *k);
void update(struct call *c, struct kind *k, struct rec *r);
void drop(struct call *c, struct kind *k, struct rec *r, bool forget);
void upsert(struct call *c, struct kind *k);
void bulk(struct call *c, struct kind *k);
void job_status(struct call *c, struct dr_str rest);

/* ---- lists.c ---- */

void view(struct call *c, struct kind *k, struct dr_str rest);
void filters(struct call *c, const struct kind *k);
void sub_list(struct call *c, struct kind *parent, struct rec *r,
              struct kind *k);
void task_list(struct call *c, struct kind *k);
void lookup(struct call *c);
void filtered_search(struct call *c, struct dr_str entity);

/* ---- limits.c ---- */

bool within_limits(struct account *a, int64_t now);
void limit_headers(struct call *c, int64_t now);
void refused(struct call *c);

#endif
