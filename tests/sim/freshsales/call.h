/*
 * One call of the public API: what its handlers share. The answer grows in
 * `out` through `w`; a handler that fails replaces it. A call may be carried
 * out late, when its request is gone: so it holds all that handlers need.
 */
#ifndef FRESHSALES_CALL_H
#define FRESHSALES_CALL_H

#include "store.h"

#define TOUCHED_MAX 128

struct call {
    struct account *a;
    struct dr_httpd_req *req; /* NULL: carried out late */
    struct dr_arena *ar;
    struct dr_buf out;
    struct dr_json_w w;
    struct dr_str method, full, query, body;
    struct dr_str path; /* below the base */
    struct dr_str type; /* of the body; p NULL: absent */
    int status;
    struct touch touched[TOUCHED_MAX];
    size_t touched_n;
    bool effect;
};

/* ---- answer.c ---- */

void begin(struct call *c);
void fail(struct call *c, int status, const char *text);
void fail_with(struct call *c, const struct refusal *r);
bool is(struct dr_str a, const char *b);
/* A decoded argument of the query, the last of that name; p NULL: none. */
struct dr_str arg(struct call *c, const char *name);
struct dr_str include(struct call *c); /* "" when absent */
void touch(struct call *c, const struct kind *k, uint64_t id, const char *op);
/* The record under its root, what was included beside it. */
void answer_record(struct call *c, struct kind *k, const struct rec *r);
void answer_message(struct call *c, const char *text);
/* The body; NULL: not JSON. */
const struct dr_json *body_json(struct call *c);
/* What a wrapped or a bare body says of the record. */
const struct dr_json *attributes(struct call *c, const struct kind *k);

/* ---- records.c ---- */

void create(struct call *c, struct kind *k);
void update(struct call *c, struct kind *k, struct rec *r);
void drop(struct call *c, struct kind *k, struct rec *r, bool forget);
void restore(struct call *c, struct kind *k, struct rec *r);
void clone(struct call *c, struct kind *k, struct rec *r);
void upsert(struct call *c, struct kind *k);
void bulk_upsert(struct call *c, struct kind *k);
void job_status(struct call *c, struct dr_str rest);

/* ---- many.c ---- */

void bulk_destroy(struct call *c, struct kind *k);
void bulk_assign_owner(struct call *c, struct kind *k);
/* products_bulk_…; false: no such call. */
bool product_bulk(struct call *c, struct kind *k, struct dr_str what);
void convert_lead(struct call *c, struct kind *k, struct rec *r);

/* ---- lists.c ---- */

/* Which rows, in which order, from the query. */
struct rows {
    const struct rec **v;
    size_t n;
};
enum meta { META_PAGES, META_VIEW, META_TOTAL };

/* False: refused already. */
bool page_size(struct call *c, uint64_t otherwise, uint64_t *per_out);
void page(struct call *c, struct kind *k, const struct rows *rows, uint64_t per,
          enum meta meta);
void sort_rows(struct call *c, const struct rec **v, size_t n);
/* The rows of a page: [from, to). */
void page_range(struct call *c, size_t n, uint64_t per, uint64_t *from,
                uint64_t *to);
uint64_t page_count(struct call *c, size_t n, uint64_t per);
void view(struct call *c, struct kind *k, struct dr_str rest);
void filters(struct call *c, const struct kind *k);
void sub_list(struct call *c, struct kind *parent, struct rec *r,
              struct kind *k);

/* ---- walks.c ---- */

/* False: this kind has no such list. */
bool walk(struct call *c, struct kind *k);

/* ---- find.c ---- */

void search(struct call *c);
void lookup(struct call *c);
void filtered_search(struct call *c, struct dr_str entity);

/* ---- sides.c ---- */

/* Top-level arrays of what the include names, for these records. */
void side_loads(struct call *c, const struct kind *k, struct dr_str with,
                const struct rec *const *v, size_t n);

/* What stands beside appointments and phone calls whatever is included. */
void beside(struct call *c, const struct kind *k, struct dr_str with,
            const struct rec *const *v, size_t n);

/* ---- config.c ---- */

void selector(struct call *c, struct dr_str rest);
void settings(struct call *c, struct dr_str rest);

/* ---- documents.c ---- */

void upload(struct call *c);
/* Files and links of a record. */
void associations(struct call *c, const struct kind *parent,
                  const struct rec *r);

/* ---- marketing.c ---- */

/* False: no such call. */
bool marketing_lists(struct call *c, struct dr_str rest);
void contacts_of_list(struct call *c, struct dr_str rest);

/* ---- team.c ---- */

void manage_team(struct call *c, struct kind *k, struct rec *r);
/* What happened on the record, newest first. */
void feed(struct call *c, const struct kind *k, const struct rec *r);

/* ---- allowed.c ---- */

bool forbidden(const struct call *c);

/* ---- module_calls.c ---- */

void module_definitions(struct call *c, struct dr_str rest);
/* False: no such call. */
bool module_forms(struct call *c, struct dr_str entity, struct dr_str rest);

/* ---- limits.c ---- */

void lift_limits(struct account *a, int64_t from_ms, int64_t until_ms);
bool within_limits(struct account *a, int64_t now);
void limit_headers(struct call *c, int64_t now);
void too_many(struct call *c, int64_t now);

/* ---- api.c, late.c ---- */

/* Finds and carries out the call. */
void route(struct call *c);
bool below_base(struct call *c);
void call_init(struct call *c, struct account *a);
void call_done(struct call *c, const char *fault);
/* Carries the call out after delay_ms, without an answer. */
void late_effect(struct call *c, int64_t delay_ms, const char *fault);
/* Answers after delay_ms; the request is kept. */
void late_answer(struct call *c, int64_t delay_ms, const struct fault *f);
/* Answers now, as the fault wants it. */
void answer_now(struct account *a, struct dr_httpd_req *req,
                const struct fault *f, int status, struct dr_str body);

#endif
