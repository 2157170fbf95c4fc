/* The source contract v1, section 4. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "world.h"

#define ANSWER_MAX ((size_t)256 << 20)
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
};

static void fail(struct call *c, int status, const char *code,
                 const char *message)
{
    c->status = status;
    dr_buf_reset(&c->out);
    dr_json_w_init(&c->j, &c->out);
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "error");
    dr_json_w_obj(&c->j);
    dr_json_w_kvz(&c->j, "code", code);
    dr_json_w_kvz(&c->j, "message", message);
    dr_json_w_end(&c->j);
    dr_json_w_end(&c->j);
}

static void unreadable(struct call *c, const struct rec *r)
{
    c->status = 500;
    dr_buf_reset(&c->out);
    dr_json_w_init(&c->j, &c->out);
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "error");
    dr_json_w_obj(&c->j);
    dr_json_w_kvz(&c->j, "code", "record_unreadable");
    dr_json_w_kvz(&c->j, "message", "a record cannot be read");
    if (r && r->poison_named) {
        dr_json_w_kv(&c->j, "id", r->id);
    }
    dr_json_w_end(&c->j);
    dr_json_w_end(&c->j);
}

static void server_time(struct call *c)
{
    char text[DR_TIME_TEXT];

    dr_json_w_kvz(&c->j, "server_time",
                  dr_time_format(c->now - c->now % 1000, text));
}

/* Cursors are opaque to the client: the last key in hex. */
static void paging(struct call *c, struct dr_str last, bool more)
{
    char hex[2 * 256 + 1];

    dr_json_w_key(&c->j, "paging");
    if (!more || last.n > 256) {
        dr_json_w_null(&c->j);
        return;
    }
    dr_hex(last.p, last.n, hex);
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "next");
    dr_json_w_obj(&c->j);
    dr_json_w_kvz(&c->j, "after", hex);
    dr_json_w_end(&c->j);
    dr_json_w_end(&c->j);
}

static bool cursor(struct call *c, struct dr_str *out)
{
    struct dr_str hex = dr_httpd_arg(c->req, "after");
    char *p;

    *out = (struct dr_str){"", 0};
    if (!hex.p || hex.n == 0) {
        return true;
    }
    p = dr_arena_alloc(c->a, hex.n / 2 + 1);
    if (!p || dr_unhex(hex, p, hex.n / 2)) {
        fail(c, 410, "cursor_expired", "the cursor is not known (any more)");
        return false;
    }
    *out = (struct dr_str){p, hex.n / 2};
    return true;
}

static size_t limit_of(struct call *c, size_t max)
{
    struct dr_str s = dr_httpd_arg(c->req, "limit");
    uint64_t n;

    if (!s.p || dr_str_u64(s, &n) || n == 0 || n > max) {
        return max;
    }
    return (size_t)n;
}

static bool visible(const struct call *c, const struct rec *r)
{
    return r->visible_ms <= c->now;
}

static bool listed(struct call *c, const struct rec *r)
{
    struct dr_str archived = dr_httpd_arg(c->req, "archived");
    bool any = dr_str_eqz(archived, "any");
    bool only = dr_str_eqz(archived, "only");

    return r->gone == LIVES && (r->body.n > 0 || r->poison) && visible(c, r) &&
           (any || r->archived == only);
}

static void list(struct call *c, struct kind *k)
{
    struct dr_str after, last = {"", 0};
    size_t limit = limit_of(c, PAGE_MAX), n = 0, i;

    if (!cursor(c, &after)) {
        return;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    for (i = kind_after(k, after); i < k->n && n < limit; i++) {
        if (!listed(c, &k->v[i])) {
            continue;
        }
        if (k->v[i].poison) {
            unreadable(c, &k->v[i]);
            return;
        }
        dr_json_w_raw(&c->j, k->v[i].body);
        last = k->v[i].id;
        n++;
    }
    while (i < k->n && !listed(c, &k->v[i])) {
        i++;
    }
    dr_json_w_end(&c->j);
    paging(c, last, i < k->n);
    server_time(c);
    dr_json_w_end(&c->j);
}

static void index_page(struct call *c, struct kind *k)
{
    struct dr_str after, last = {"", 0};
    size_t limit = limit_of(c, INDEX_MAX), n = 0, i;
    char text[DR_TIME_TEXT];

    if (!cursor(c, &after)) {
        return;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    for (i = kind_after(k, after); i < k->n && n < limit; i++) {
        const struct rec *r = &k->v[i];
        if (r->gone != LIVES || (r->body.n == 0 && !r->poison)) {
            continue;
        }
        dr_json_w_arr(&c->j);
        dr_json_w_str(&c->j, r->id);
        dr_json_w_u64(&c->j, r->version);
        dr_json_w_z(&c->j, dr_time_format(r->updated_ms, text));
        dr_json_w_bool(&c->j, r->archived);
        dr_json_w_end(&c->j);
        last = r->id;
        n++;
    }
    while (i < k->n && k->v[i].gone != LIVES) {
        i++;
    }
    dr_json_w_end(&c->j);
    paging(c, last, i < k->n);
    server_time(c);
    dr_json_w_end(&c->j);
}

/* ---- changes, in the order (updated_at, id) ---- */

static int change_order(const void *a, const void *b)
{
    const struct rec *x = *(const struct rec *const *)a;
    const struct rec *y = *(const struct rec *const *)b;

    if (x->updated_ms != y->updated_ms) {
        return x->updated_ms < y->updated_ms ? -1 : 1;
    }
    return dr_str_cmp(x->id, y->id);
}

static int64_t time_arg(struct call *c, const char *name, int64_t otherwise)
{
    int64_t ms;

    return dr_time_parse(dr_httpd_arg(c->req, name), &ms, NULL) ? otherwise
                                                                : ms;
}

static bool beyond(const struct rec *r, int64_t ms, struct dr_str id)
{
    return r->updated_ms > ms ||
           (r->updated_ms == ms && dr_str_cmp(r->id, id) > 0);
}

/* "ms id" */
static bool change_cursor(struct call *c, int64_t *ms, struct dr_str *id)
{
    struct dr_str text;

    *ms = INT64_MIN;
    *id = (struct dr_str){"", 0};
    if (!cursor(c, &text)) {
        return false;
    }
    if (text.n > 0) {
        struct dr_str head = dr_str_split(&text, ' ');
        if (dr_str_i64(head, ms)) {
            fail(c, 410, "cursor_expired", "the cursor is not known");
            return false;
        }
        *id = text;
    }
    return true;
}

static const char *op_of(const struct rec *r)
{
    return r->gone == DELETED  ? "delete"
           : r->gone == MERGED ? "merge"
           : r->archived       ? "archive"
                               : "upsert";
}

static void change_row(struct call *c, const struct rec *r)
{
    char text[DR_TIME_TEXT];

    dr_json_w_obj(&c->j);
    dr_json_w_kv(&c->j, "id", r->id);
    dr_json_w_kvz(&c->j, "op", op_of(r));
    dr_json_w_kvi(&c->j, "version", (int64_t)r->version);
    dr_json_w_kvz(&c->j, "updated_at", dr_time_format(r->updated_ms, text));
    dr_json_w_key(&c->j, "merged_into");
    if (r->gone == MERGED) {
        dr_json_w_str(&c->j, r->merged_into);
    } else {
        dr_json_w_null(&c->j);
    }
    dr_json_w_end(&c->j);
}

static void changes(struct call *c, struct kind *k)
{
    int64_t since = time_arg(c, "updated_since", INT64_MIN);
    int64_t before = time_arg(c, "updated_before", INT64_MAX);
    size_t limit = limit_of(c, PAGE_MAX), n = 0, i = 0;
    const struct rec **v;
    struct dr_str id, last = {"", 0};
    int64_t ms;

    if (!change_cursor(c, &ms, &id)) {
        return;
    }
    v = dr_xcalloc(k->n + 1, sizeof(const struct rec *));
    for (size_t r = 0; r < k->n; r++) {
        if (k->v[r].updated_ms >= since && k->v[r].updated_ms < before &&
            visible(c, &k->v[r]) && beyond(&k->v[r], ms, id)) {
            v[n++] = &k->v[r];
        }
    }
    qsort(v, n, sizeof(const struct rec *), change_order);
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    for (; i < n && i < limit; i++) {
        change_row(c, v[i]);
        last =
            dr_arena_printf(c->a, "%lld " DR_STR_FMT,
                            (long long)v[i]->updated_ms, DR_STR_ARG(v[i]->id));
    }
    dr_json_w_end(&c->j);
    paging(c, last, i < n);
    server_time(c);
    dr_json_w_end(&c->j);
    free(v);
}

/* ---- by id ---- */

static void missing(struct call *c, struct dr_str id, const struct rec *r)
{
    dr_json_w_obj(&c->j);
    dr_json_w_kv(&c->j, "id", id);
    dr_json_w_kvz(&c->j, "reason",
                  r && r->poison           ? "corrupt"
                  : r && r->gone == MERGED ? "merged"
                                           : "deleted");
    if (r && r->gone == MERGED) {
        dr_json_w_kv(&c->j, "merged_into", r->merged_into);
    }
    dr_json_w_end(&c->j);
}

static bool whole(const struct rec *r)
{
    return r && r->gone == LIVES && !r->poison && r->body.n > 0;
}

static void batch_read(struct call *c, struct kind *k)
{
    const struct dr_json *body =
        dr_json_parse(c->a, dr_httpd_body(c->req), NULL, NULL);
    const struct dr_json *ids = dr_json_get(body, "ids");

    if (dr_json_type(ids) != DR_JSON_ARRAY || ids->count > BATCH_MAX) {
        fail(c, 400, "unsupported_parameter", "ids: a list of at most 100");
        return;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    DR_JSON_EACH(id, ids)
    {
        const struct rec *r = kind_find(k, dr_json_scalar(id));
        if (whole(r)) {
            dr_json_w_raw(&c->j, r->body);
        }
    }
    dr_json_w_end(&c->j);
    dr_json_w_key(&c->j, "missing");
    dr_json_w_arr(&c->j);
    DR_JSON_EACH(id, ids)
    {
        const struct rec *r = kind_find(k, dr_json_scalar(id));
        if (!whole(r)) {
            missing(c, dr_json_scalar(id), r);
        }
    }
    dr_json_w_end(&c->j);
    server_time(c);
    dr_json_w_end(&c->j);
}

static void one(struct call *c, struct kind *k, struct dr_str id)
{
    const struct rec *r = kind_find(k, id);

    if (!r) {
        fail(c, 404, "not_found", "no such record");
    } else if (r->gone != LIVES) {
        fail(c, 410, r->gone == MERGED ? "gone_merged" : "gone_deleted",
             "the record is gone");
    } else if (r->poison) {
        unreadable(c, r);
    } else {
        dr_buf_str(&c->out, r->body);
    }
}

/* ---- associations ---- */

static void assoc_end(struct call *c, struct dr_str id, const struct assoc *a)
{
    char text[DR_TIME_TEXT];

    dr_json_w_obj(&c->j);
    dr_json_w_kv(&c->j, "id", id);
    dr_json_w_kvi(&c->j, "type_id", a ? a->type_id : 0);
    dr_json_w_kv(&c->j, "label", a ? a->label : DR_STR_LIT("Line item"));
    dr_json_w_kv(&c->j, "category", a ? a->category : DR_STR_LIT("system"));
    dr_json_w_kvb(&c->j, "primary", a && a->primary);
    if (a) {
        dr_json_w_kvz(&c->j, "updated_at", dr_time_format(a->updated_ms, text));
    }
    dr_json_w_end(&c->j);
}

static void line_ends(struct call *c, struct dr_str deal)
{
    const struct kind *k = world_kind(c->w, DR_STR_LIT("line_item"));

    for (size_t i = 0; k && i < k->n; i++) {
        if (k->v[i].gone == LIVES && dr_str_eq(k->v[i].deal_id, deal)) {
            assoc_end(c, k->v[i].id, NULL);
        }
    }
}

static void pair_ends(struct call *c, const struct pair *p, struct dr_str from)
{
    for (size_t i = pair_from(p, from);
         i < p->n && dr_str_eq(p->v[i].from, from); i++) {
        assoc_end(c, p->v[i].to, &p->v[i]);
    }
}

static void assoc_batch(struct call *c, struct dr_str from, struct dr_str to)
{
    bool lines = dr_str_eqz(from, "deal") && dr_str_eqz(to, "line_item");
    const struct pair *p = lines ? NULL : world_pair(c->w, from, to);
    const struct dr_json *body =
        dr_json_parse(c->a, dr_httpd_body(c->req), NULL, NULL);

    if (!lines && !p) {
        fail(c, 404, "not_found", "no such pair");
        return;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    DR_JSON_EACH(id, dr_json_get(body, "ids"))
    {
        dr_json_w_obj(&c->j);
        dr_json_w_kv(&c->j, "from", dr_json_scalar(id));
        dr_json_w_key(&c->j, "to");
        dr_json_w_arr(&c->j);
        if (lines) {
            line_ends(c, dr_json_scalar(id));
        } else {
            pair_ends(c, p, dr_json_scalar(id));
        }
        dr_json_w_end(&c->j);
        dr_json_w_key(&c->j, "paging");
        dr_json_w_null(&c->j);
        dr_json_w_end(&c->j);
    }
    dr_json_w_end(&c->j);
    server_time(c);
    dr_json_w_end(&c->j);
}

static void assoc_changes(struct call *c)
{
    int64_t since = time_arg(c, "updated_since", INT64_MIN);
    int64_t before = time_arg(c, "updated_before", INT64_MAX);
    size_t limit = limit_of(c, PAGE_MAX), n = 0, i = 0;
    struct dr_str after, last = {"", 0};
    uint64_t from = 0;

    if (!cursor(c, &after)) {
        return;
    }
    if (after.n > 0 && dr_str_u64(after, &from) == 0) {
        i = (size_t)from;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    for (; i < c->w->moved_n && n < limit; i++) {
        const struct assoc_change *m = &c->w->moved[i];
        char text[DR_TIME_TEXT];
        if (m->ms < since || m->ms >= before) {
            continue;
        }
        dr_json_w_obj(&c->j);
        dr_json_w_kvz(&c->j, "op", m->removed ? "remove" : "add");
        dr_json_w_kv(&c->j, "from_type", m->from_type);
        dr_json_w_kv(&c->j, "to_type", m->to_type);
        dr_json_w_kv(&c->j, "from_id", m->from);
        dr_json_w_kv(&c->j, "to_id", m->to);
        dr_json_w_kvz(&c->j, "updated_at", dr_time_format(m->ms, text));
        dr_json_w_end(&c->j);
        n++;
    }
    last = dr_arena_printf(c->a, "%zu", i);
    dr_json_w_end(&c->j);
    paging(c, last, i < c->w->moved_n);
    server_time(c);
    dr_json_w_end(&c->j);
}

/* ---- account, schema, lists ---- */

static void account(struct call *c)
{
    dr_json_w_obj(&c->j);
    DR_JSON_EACH(m, dr_json_get(c->w->manifest, "account"))
    {
        dr_json_w_keys(&c->j, m->key);
        dr_json_w_tree(&c->j, m);
    }
    server_time(c);
    dr_json_w_end(&c->j);
}

static void results(struct call *c, const struct dr_json *holder)
{
    const struct dr_json *list = dr_json_get(holder, "results");

    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    if (list) {
        dr_json_w_tree(&c->j, list);
    } else {
        dr_json_w_arr(&c->j);
        dr_json_w_end(&c->j);
    }
    server_time(c);
    dr_json_w_end(&c->j);
}

static void events(struct call *c)
{
    size_t limit = limit_of(c, PAGE_MAX), i = 0, n = 0;
    struct dr_str after;
    uint64_t from = 0;

    if (!cursor(c, &after)) {
        return;
    }
    if (after.n > 0 && dr_str_u64(after, &from) == 0) {
        i = (size_t)from;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    for (; i < c->w->event_n && n < limit; i++, n++) {
        if (i == c->w->poison_event) {
            unreadable(c, NULL);
            return;
        }
        dr_json_w_raw(&c->j, c->w->events[i]);
    }
    dr_json_w_end(&c->j);
    paging(c, dr_arena_printf(c->a, "%zu", i), i < c->w->event_n);
    server_time(c);
    dr_json_w_end(&c->j);
}

static void objects(struct call *c, struct dr_str type, struct dr_str rest)
{
    struct kind *k = world_kind(c->w, type);

    if (!k) {
        fail(c, 404, "not_found", "no such type");
    } else if (!rest.p || rest.n == 0) {
        list(c, k);
    } else if (dr_str_eqz(rest, "changes")) {
        changes(c, k);
    } else if (dr_str_eqz(rest, "index")) {
        index_page(c, k);
    } else if (dr_str_eqz(rest, "batch/read")) {
        batch_read(c, k);
    } else {
        one(c, k, rest);
    }
}

static void schema(struct call *c, struct dr_str rest)
{
    struct dr_str what = dr_str_split(&rest, '/');
    struct dr_str type;

    if (!dr_str_eqz(what, "objects")) {
        results(c, dr_json_gets(c->w->schema, what));
    } else if (!rest.p) {
        results(c, dr_json_get(c->w->schema, "objects"));
    } else {
        type = dr_str_split(&rest, '/');
        results(c, dr_json_gets(dr_json_get(c->w->schema, "properties"), type));
    }
}

static void associations(struct call *c, struct dr_str rest)
{
    struct dr_str from = dr_str_split(&rest, '/');
    struct dr_str to;

    if (dr_str_eqz(from, "changes")) {
        assoc_changes(c);
        return;
    }
    to = dr_str_split(&rest, '/');
    if (dr_str_eqz(rest, "batch/read")) {
        assoc_batch(c, from, to);
    } else {
        fail(c, 404, "not_found", "no such call");
    }
}

static void automation(struct call *c, struct dr_str what)
{
    results(c,
            dr_json_gets(c->w->automation, dr_str_eqz(what, "email-templates")
                                               ? DR_STR_LIT("email_templates")
                                               : what));
}

static void route(struct call *c, struct dr_str path)
{
    struct dr_str rest = path, head;

    if (!dr_str_starts(path, DR_STR_LIT("/v1/"))) {
        fail(c, 404, "not_found", "no such call");
        return;
    }
    rest.p += 4;
    rest.n -= 4;
    head = dr_str_split(&rest, '/');
    if (dr_str_eqz(head, "account")) {
        account(c);
    } else if (dr_str_eqz(head, "objects")) {
        struct dr_str type = dr_str_split(&rest, '/');
        objects(c, type, rest);
    } else if (dr_str_eqz(head, "schema")) {
        schema(c, rest);
    } else if (dr_str_eqz(head, "associations")) {
        associations(c, rest);
    } else if (dr_str_eqz(head, "pipelines")) {
        results(c, dr_json_gets(c->w->pipelines, rest));
    } else if (dr_str_eqz(head, "owners")) {
        results(c, c->w->owners);
    } else if (dr_str_eqz(head, "currencies")) {
        results(c, c->w->currencies);
    } else if (dr_str_eqz(head, "tags")) {
        results(c, c->w->tags);
    } else if (dr_str_eqz(head, "events")) {
        events(c);
    } else if (dr_str_eqz(head, "automation")) {
        automation(c, rest);
    } else {
        fail(c, 404, "not_found", "no such call");
    }
}

static bool authorised(struct call *c)
{
    struct dr_str auth = dr_httpd_header(c->req, "Authorization");
    struct dr_str bearer = DR_STR_LIT("Bearer ");

    if (auth.p && dr_str_starts(auth, bearer) &&
        dr_ct_eq((struct dr_str){auth.p + bearer.n, auth.n - bearer.n},
                 dr_str_z(c->w->key))) {
        return true;
    }
    fail(c, 401, "unauthorized", "the token is not known");
    return false;
}

static void journal_line(struct call *c, const struct fault *f)
{
    struct dr_buf b;
    struct dr_json_w w;

    dr_buf_init(&b, 8192);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "seq", journal_next(c->w->journal));
    dr_json_w_kvi(&w, "at_ms", c->now);
    dr_json_w_kv(&w, "method", dr_httpd_method(c->req));
    dr_json_w_kv(&w, "path", dr_httpd_path(c->req));
    dr_json_w_kv(&w, "query", dr_httpd_query(c->req));
    dr_json_w_kvi(&w, "status", c->status);
    dr_json_w_kvz(&w, "fault", f ? f->name : NULL);
    dr_json_w_end(&w);
    journal_add(c->w->journal, dr_buf_view(&b));
    dr_buf_done(&b);
}

void api_handle(struct dr_httpd_req *r, void *ctx)
{
    struct world *w = ctx;
    struct call c = {.w = w, .req = r, .status = 200};
    const struct fault *f;
    char text[DR_TIME_TEXT];

    script_tick(w);
    c.now = vclock_now(&w->clock);
    c.a = dr_arena_new((size_t)64 << 20);
    dr_buf_init(&c.out, ANSWER_MAX);
    dr_json_w_init(&c.j, &c.out);
    w->calls++;
    f = faults_match(w->faults, dr_httpd_method(r), dr_httpd_path(r));
    if (authorised(&c)) {
        route(&c, dr_httpd_path(r));
    }
    dr_httpd_add_header(r, "Date", dr_http_date_format(c.now, text));
    if (f && f->status > 0) {
        c.status = f->status;
        w->refused += f->status == 429;
    }
    journal_line(&c, f);
    if (!sim_break_answer(r, f, c.status, dr_buf_view(&c.out))) {
        sim_answer(r, c.status, &c.out);
    }
    dr_buf_done(&c.out);
    dr_arena_free(c.a);
}

void download_handle(struct dr_httpd_req *r, void *ctx)
{
    (void)ctx;
    dr_httpd_answer(r, 404, NULL, DR_STR_LIT("{}"));
}
