/* The public API: which call is which, and what comes before it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#include "call.h"
#include "modules.h"
#include "write.h"

#define ANSWER_MAX ((size_t)256 << 20)
#define JSON_MAX ((size_t)64 << 20)

/* ---- routing ---- */

static void no_such_call(struct call *c)
{
    fail(c, 404, "There is no such call.");
}

static void read_record(struct call *c, struct kind *k, const struct rec *r)
{
    if (is_type(k, "notes")) {
        no_such_call(c); /* notes are read through their parent */
        return;
    }
    touch(c, k, r->id, "read");
    answer_record(c, k, r);
}

static void of_record(struct call *c, struct kind *k, struct rec *r)
{
    if (is(c->method, "GET")) {
        read_record(c, k, r);
    } else if (r->deleted) {
        fail(c, 404, "The record does not exist.");
    } else if (is(c->method, "PUT")) {
        update(c, k, r);
    } else if (is(c->method, "DELETE")) {
        drop(c, k, r, false);
    } else {
        no_such_call(c);
    }
}

static void below_record(struct call *c, struct kind *k, struct rec *r,
                         struct dr_str rest)
{
    bool post = is(c->method, "POST"), get = is(c->method, "GET");

    if (is(rest, "forget") && is(c->method, "DELETE") && k->bin) {
        drop(c, k, r, true);
    } else if (is(rest, "restore") && is(c->method, "PUT")) {
        restore(c, k, r);
    } else if (is(rest, "clone") && post && (k->core || k->module)) {
        clone(c, k, r);
    } else if (is(rest, "convert") && post && is_type(k, "leads") &&
               !r->deleted) {
        convert_lead(c, k, r);
    } else if (post && is(rest, "manage_team_members") && k->core &&
               !is_type(k, "leads") && !r->deleted) {
        manage_team(c, k, r);
    } else if (get && is(rest, "activities") &&
               (is_type(k, "contacts") || is_type(k, "leads"))) {
        feed(c, k, r);
    } else if (get && is(rest, "document_associations") && k->core) {
        associations(c, k, r);
    } else if (get && kind_of_path(rest)) {
        sub_list(c, k, r, kind_of_path(rest));
    } else {
        no_such_call(c);
    }
}

static void of_collection(struct call *c, struct kind *k)
{
    if (is(c->method, "POST")) {
        create(c, k);
    } else if (!is(c->method, "GET") || !walk(c, k)) {
        no_such_call(c); /* listing goes through a view */
    }
}

/* Calls on the whole kind; false: not one of them. */
static bool of_whole(struct call *c, struct kind *k, struct dr_str head,
                     struct dr_str rest)
{
    bool post = is(c->method, "POST"), get = is(c->method, "GET");

    if (is_type(k, "products")) {
        return product_bulk(c, k, head);
    }
    if (!k->core && !k->module) {
        return false;
    }
    if (get && is(head, "lists") && is_type(k, "contacts")) {
        contacts_of_list(c, rest);
    } else if (get && is(head, "filters")) {
        filters(c, k);
    } else if (get && is(head, "view")) {
        view(c, k, rest);
    } else if (post && is(head, "bulk_destroy")) {
        bulk_destroy(c, k);
    } else if (k->module) {
        return false; /* neither upsert nor bulk: none is documented */
    } else if (post && is(head, "upsert")) {
        upsert(c, k);
    } else if (post && is(head, "bulk_upsert")) {
        bulk_upsert(c, k);
    } else if (post && is(head, "bulk_assign_owner") &&
               (is_type(k, "contacts") || is_type(k, "leads"))) {
        bulk_assign_owner(c, k);
    } else {
        return false;
    }
    return true;
}

static void of_kind(struct call *c, struct kind *k, struct dr_str rest)
{
    struct dr_str head = dr_str_split(&rest, '/');
    bool gone = knob_is(c->a->knobs, "get_soft_deleted", "404");
    uint64_t id;
    struct rec *r;

    if (head.n == 0) {
        of_collection(c, k);
        return;
    }
    if (of_whole(c, k, head, rest)) {
        return;
    }
    if (dr_str_u64(head, &id)) {
        no_such_call(c);
        return;
    }
    r = rec_find(k, id);
    if (!r ||
        (r->deleted && gone && !is(rest, "forget") && !is(rest, "restore"))) {
        fail(c, 404, "The record does not exist.");
    } else if (rest.p) {
        below_record(c, k, r, rest);
    } else {
        of_record(c, k, r);
    }
}

static void of_module(struct call *c, struct dr_str rest)
{
    struct dr_str entity = dr_str_split(&rest, '/');
    struct kind *k = module_kind(entity);

    if (!k) {
        no_such_call(c);
    } else if (!modules_allowed(c->a)) {
        fail(c, 403, FORBIDDEN);
    } else {
        of_kind(c, k, rest.p ? rest : (struct dr_str){"", 0});
    }
}

void route(struct call *c)
{
    struct dr_str rest = c->path, head;
    struct dr_str cpq = DR_STR_LIT("cpq/products");
    struct kind *k;

    if (dr_str_starts(rest, cpq) && (rest.n == cpq.n || rest.p[cpq.n] == '/')) {
        rest = (struct dr_str){rest.p + cpq.n, rest.n - cpq.n};
        (void)dr_str_split(&rest, '/');
        of_kind(c, kind_named("products"),
                rest.p ? rest : (struct dr_str){"", 0});
        return;
    }
    head = dr_str_split(&rest, '/');
    k = kind_of_path(head);
    if (k && (!is_type(k, "leads") || c->a->classic)) {
        of_kind(c, k, rest.p ? rest : (struct dr_str){"", 0});
    } else if (is(c->path, "documents") && is(c->method, "POST")) {
        upload(c);
    } else if (is(c->path, "document_links") && is(c->method, "POST")) {
        create(c, kind_named("document_links"));
    } else if (is(head, "lists")) {
        if (!marketing_lists(c, rest.p ? rest : (struct dr_str){"", 0})) {
            no_such_call(c);
        }
    } else if (is(head, "custom_module")) {
        of_module(c, rest);
    } else if (is(head, "settings")) {
        settings(c, rest);
    } else if (is(head, "selector")) {
        selector(c, rest);
    } else if (is(head, "search") && is(c->method, "GET")) {
        search(c);
    } else if (is(head, "lookup") && is(c->method, "GET")) {
        lookup(c);
    } else if (is(head, "filtered_search") && is(c->method, "POST")) {
        filtered_search(c, rest);
    } else if (is(head, "job_statuses")) {
        job_status(c, rest);
    } else {
        no_such_call(c);
    }
}

/* ---- before that ---- */

static bool authorised(struct call *c)
{
    struct dr_str auth = dr_httpd_header(c->req, "Authorization");
    struct dr_str head = DR_STR_LIT("Token token=");
    struct dr_str token;

    if (auth.p && dr_str_starts(auth, head)) {
        token = (struct dr_str){auth.p + head.n, auth.n - head.n};
        if (token.n >= 2 && token.p[0] == '"') {
            token = (struct dr_str){token.p + 1, token.n - 2};
        }
        if (dr_ct_eq(token, dr_str_z(c->a->key))) {
            return true;
        }
    }
    c->status = 401;
    dr_buf_z(&c->out, "{\"login\":\"failed\",\"message\":\"Invalid "
                      "credentials\"}");
    return false;
}

/* With or without the last /api: links leave it out, and so do clients. */
bool below_base(struct call *c)
{
    struct dr_str root =
        c->a->classic ? DR_STR_LIT("/") : DR_STR_LIT("/crm/sales/");
    struct dr_str api = DR_STR_LIT("api/"), json = DR_STR_LIT(".json");

    if (!dr_str_starts(c->full, root)) {
        return false;
    }
    c->path = (struct dr_str){c->full.p + root.n, c->full.n - root.n};
    if (dr_str_starts(c->path, api)) {
        c->path = (struct dr_str){c->path.p + api.n, c->path.n - api.n};
    }
    if (dr_str_ends(c->path, json)) {
        c->path.n -= json.n;
    }
    return true;
}

static void count_call(struct call *c)
{
    struct dr_buf key;
    int64_t *n;

    dr_buf_init(&key, 4096);
    dr_buf_str(&key, c->method);
    dr_buf_z(&key, " /");
    for (size_t i = 0; i < c->path.n && key.n < 4000; i++) {
        bool digit = c->path.p[i] >= '0' && c->path.p[i] <= '9';
        if (!digit) {
            dr_buf_ch(&key, c->path.p[i]);
        } else if (key.p[key.n - 1] != '#') {
            dr_buf_ch(&key, '#');
        }
    }
    n = dr_map_get(c->a->calls_by, dr_buf_view(&key));
    if (!n) {
        n = dr_xcalloc(1, sizeof(*n));
        dr_map_put(c->a->calls_by, dr_buf_view(&key), n);
    }
    (*n)++;
    c->a->calls++;
    dr_buf_done(&key);
}

/* ---- faults before the effect ---- */

static bool is_write(const struct call *c)
{
    return !is(c->method, "GET") &&
           !dr_str_starts(c->path, DR_STR_LIT("filtered_search"));
}

/* Things that happen to the account, whatever comes of this request. */
static void disturb(struct account *a, const struct fault *f)
{
    if (strcmp(f->expire, "job") == 0) {
        for (struct job *j = a->jobs; j; j = j->next) {
            j->expired = true;
        }
    }
    if (strcmp(f->expire, "download") == 0) {
        a->url_epoch++;
    }
    if (f->plan[0] &&
        knob_set(a->knobs, DR_STR_LIT("plan"), dr_str_z(f->plan))) {
        (void)!knob_set(a->knobs, DR_STR_LIT("rate_plan"), dr_str_z(f->plan));
    }
    if (f->lift_until_ms > 0) {
        lift_limits(a, f->lift_from_ms, f->lift_until_ms);
    }
}

/* True: nothing happens, and the answer is there. */
static bool prevented(struct call *c, const struct fault *f)
{
    if (!f) {
        return false;
    }
    if (f->late_effect_ms > 0) {
        late_effect(c, f->late_effect_ms, f->name);
        fail(c, 408, "The request timed out.");
        return true;
    }
    if (f->close == FAULT_BEFORE || (f->status > 0 && !f->close) ||
        f->no_effect || f->redirect[0] || strcmp(f->expire, "token") == 0) {
        fail(c,
             f->status             ? f->status
             : f->redirect[0]      ? 307
             : f->expire[0] == 't' ? 401
                                   : 503,
             "fault");
        return true;
    }
    return false;
}

static bool chance(struct account *a, const char *knob)
{
    struct dr_str s = dr_str_z(knob_text(a->knobs, knob));

    return dr_rand_chance(&a->rand, sim_millionths(s)) != 0;
}

static const struct fault *perform(struct call *c, const struct fault *f,
                                   int64_t now)
{
    static const struct fault cut = {.name = "post_timeout",
                                     .close = FAULT_AFTER};
    int64_t late_ms;

    if (!below_base(c)) {
        no_such_call(c);
        return f;
    }
    count_call(c);
    if (!authorised(c)) {
        return f;
    }
    if (!within_limits(c->a, now)) {
        too_many(c, now);
        return f;
    }
    c->a->burst = 0;
    c->a->accepted++;
    if (f) {
        disturb(c->a, f);
    } else if (is(c->method, "POST") && is_write(c) &&
               chance(c->a, "post_timeout_after_commit_rate")) {
        f = &cut;
    }
    if (prevented(c, f)) {
        return f;
    }
    late_ms = knob_int(c->a->knobs, "write_late_s") * 1000;
    if (f && f->close != FAULT_OPEN && late_ms > 0 && is_write(c)) {
        late_effect(c, late_ms, f->name);
        fail(c, 408, "The request timed out.");
        return f;
    }
    if (forbidden(c)) {
        fail(c, 403, FORBIDDEN);
        return f;
    }
    if (c->body.n > JSON_MAX && !is(c->path, "documents")) {
        fail(c, 413, "The request body is too large.");
        return f;
    }
    route(c);
    return f;
}

void call_init(struct call *c, struct account *a)
{
    *c = (struct call){.a = a, .status = 200};
    dr_arena_reset(a->scratch);
    c->ar = dr_arena_new((size_t)256 << 20);
    dr_buf_init(&c->out, ANSWER_MAX);
    begin(c);
}

void call_done(struct call *c, const char *fault)
{
    journal_write(c->a, &(struct entry){.method = c->method,
                                        .path = c->full,
                                        .query = c->query,
                                        .body = c->body,
                                        .status = c->status,
                                        .touched = c->touched,
                                        .touched_n = c->touched_n,
                                        .out_bytes = c->out.n,
                                        .fault = fault,
                                        .effect = c->effect});
    dr_buf_done(&c->out);
    dr_arena_free(c->ar);
}

void api_handle(struct dr_httpd_req *r, void *ctx)
{
    struct account *a = ctx;
    int64_t now = vclock_now(&a->clock);
    const struct fault *f;
    struct call c;

    late_tick(a);
    bulk_tick(a);
    call_init(&c, a);
    c.req = r;
    c.method = dr_httpd_method(r);
    c.full = dr_httpd_path(r);
    c.query = dr_httpd_query(r);
    c.body = dr_httpd_body(r);
    c.type = dr_httpd_header(r, "Content-Type");
    f = faults_match(a->faults, c.method, c.full);
    f = perform(&c, f, now);
    limit_headers(&c, now);
    if (f && f->delay_ms > 0) {
        late_answer(&c, f->delay_ms, f);
    } else {
        answer_now(a, r, f, c.status, dr_buf_view(&c.out));
    }
    call_done(&c, f ? f->name : NULL);
}
