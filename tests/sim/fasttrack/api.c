/* The source contract v1, section 4: which call is which, and the short ones.
 */
#include <stdio.h>

#include <drover/base/clock.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "call.h"

#define ANSWER_MAX ((size_t)256 << 20)

/* The tag of what was read: a run asks again before it cuts over. */
bool unchanged(struct call *c, const struct dr_json *list)
{
    struct dr_str known = dr_httpd_header(c->req, "If-None-Match");
    uint8_t sum[32];
    char hex[65], tag[40];

    dr_sha256(list ? list->raw : DR_STR_LIT("[]"), sum);
    dr_hex(sum, sizeof(sum), hex);
    (void)snprintf(tag, sizeof(tag), "\"%.16s\"", hex);
    dr_httpd_add_header(c->req, "ETag", tag);
    if (!dr_str_eqz(known, tag)) {
        return false;
    }
    c->status = 304;
    return true;
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

static void tagged(struct call *c, const struct dr_json *holder)
{
    if (!unchanged(c, dr_json_get(holder, "results"))) {
        results(c, holder);
    }
}

static void objects(struct call *c, struct dr_str type, struct dr_str rest)
{
    struct kind *k = world_kind(c->w, type);

    if (!k) {
        fail(c, 404, "not_found", "no such type");
    } else if (!rest.p || rest.n == 0) {
        records_list(c, k);
    } else if (dr_str_eqz(rest, "changes")) {
        records_changes(c, k);
    } else if (dr_str_eqz(rest, "index")) {
        records_index(c, k);
    } else if (dr_str_eqz(rest, "batch/read")) {
        records_batch(c, k);
    } else if (dr_str_eqz(rest, "search")) {
        records_search(c, k);
    } else {
        records_one(c, k, rest);
    }
}

static void schema(struct call *c, struct dr_str rest)
{
    struct dr_str what = dr_str_split(&rest, '/');
    struct dr_str type;

    if (dr_str_eqz(what, "events")) {
        events_schema(c);
    } else if (dr_str_eqz(what, "objects") && !rest.p &&
               !tenant_may(c->w, "custom_objects")) {
        tenant_objects(c);
    } else if (!dr_str_eqz(what, "objects")) {
        tagged(c, dr_json_gets(c->w->schema, what));
    } else if (!rest.p) {
        tagged(c, dr_json_get(c->w->schema, "objects"));
    } else {
        type = dr_str_split(&rest, '/');
        if (!world_kind(c->w, type)) {
            fail(c, 404, "not_found", "no such type");
            return;
        }
        tagged(c, dr_json_gets(dr_json_get(c->w->schema, "properties"), type));
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
    } else if (to.n > 0 && !rest.p) {
        assoc_list(c, from, to);
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
    struct dr_str rest = path, head, type;

    if (!dr_str_starts(path, DR_STR_LIT("/v1/"))) {
        fail(c, 404, "not_found", "no such call");
        return;
    }
    rest.p += 4;
    rest.n -= 4;
    head = dr_str_split(&rest, '/');
    type = rest;
    type = dr_str_split(&type, '/');
    if (!tenant_admits(c, head, type)) {
        return;
    }
    if (dr_str_eqz(head, "account")) {
        account(c);
    } else if (dr_str_eqz(head, "objects")) {
        (void)dr_str_split(&rest, '/');
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
    } else if (dr_str_eqz(head, "exports")) {
        exports(c, rest);
    } else if (dr_str_eqz(head, "attachments")) {
        attachment_address(c, rest);
    } else if (dr_str_eqz(head, "events")) {
        events_list(c);
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
    const char *token = knob_text(c->w->knobs, "token");

    if (auth.p && dr_str_starts(auth, bearer) &&
        dr_ct_eq((struct dr_str){auth.p + bearer.n, auth.n - bearer.n},
                 dr_str_z(token[0] ? token : c->w->key))) {
        return true;
    }
    if (token[0] && auth.n > bearer.n &&
        dr_str_eqz((struct dr_str){auth.p + bearer.n, auth.n - bearer.n},
                   c->w->key)) {
        bite(c->w, "token");
        fail(c, 401, "token_expired", "the token ran out");
        return false;
    }
    fail(c, 401, "unauthorized", "the token is not known");
    return false;
}

/* One line of the statistics: "GET /v1/objects/contact/changes", an id as #. */
static void count_call(struct call *c)
{
    struct dr_str method = dr_httpd_method(c->req);
    struct dr_str path = dr_httpd_path(c->req);
    struct dr_str key;
    int64_t *n;

    while (c->by_id && path.n > 0 && path.p[path.n - 1] != '/') {
        path.n--;
    }
    key = dr_arena_printf(c->a, DR_STR_FMT " " DR_STR_FMT "%s",
                          DR_STR_ARG(method), DR_STR_ARG(path),
                          c->by_id ? "#" : "");
    n = dr_map_get(c->w->calls_by, key);
    if (!n) {
        n = dr_xcalloc(1, sizeof(*n));
        dr_map_put(c->w->calls_by, key, n);
    }
    (*n)++;
    c->w->calls++;
    if (c->status != 429) {
        c->w->burst = 0;
        return;
    }
    c->w->refused++;
    if (++c->w->burst > c->w->largest_burst) {
        c->w->largest_burst = c->w->burst;
    }
}

static void journal_line(struct call *c, const struct fault *f)
{
    struct dr_str body = dr_httpd_body(c->req);
    struct dr_buf b;
    struct dr_json_w w;
    uint8_t sum[32];
    char hex[65] = "";

    if (body.n > 0) {
        dr_sha256(body, sum);
        dr_hex(sum, sizeof(sum), hex);
    }
    dr_buf_init(&b, 8192);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "seq", journal_next(c->w->journal));
    dr_json_w_kvi(&w, "at_ms", c->now);
    dr_json_w_kv(&w, "method", dr_httpd_method(c->req));
    dr_json_w_kv(&w, "path", dr_httpd_path(c->req));
    dr_json_w_kv(&w, "query", dr_httpd_query(c->req));
    dr_json_w_kvi(&w, "status", c->status);
    dr_json_w_kvz(&w, "body_sha256", hex[0] ? hex : NULL);
    dr_json_w_kvi(&w, "bytes_in", (int64_t)body.n);
    dr_json_w_kvi(&w, "bytes_out", (int64_t)c->out.n);
    dr_json_w_kvi(&w, "window_used", c->w->limits.burst.used);
    dr_json_w_kvz(&w, "fault", f ? f->name : NULL);
    dr_json_w_kvb(&w, "effect", false); /* every call is a read */
    dr_json_w_end(&w);
    journal_add(c->w->journal, dr_buf_view(&b));
    dr_buf_done(&b);
}

static bool expires(const struct fault *f, const char *what)
{
    return f && dr_str_eqz(dr_str_z(f->expire), what);
}

/* From now on the account is another one. */
static void change_tenant(struct world *w, const struct fault *f)
{
    if (f && f->plan[0]) {
        (void)snprintf(w->plan, sizeof(w->plan), "%s", f->plan);
    }
    if (f && f->lift_until_ms > 0) {
        tenant_lift(w, f->lift_from_ms, f->lift_until_ms);
    }
}

/* A call that a fault ends takes no turn of the windows. */
static void perform(struct call *c, const struct fault *f)
{
    change_tenant(c->w, f);
    if (f && f->name[0] && !expires(f, "cursor")) {
        bite(c->w, f->name);
    }
    if (f && f->status > 0) {
        c->status = f->status;
    } else if (!limits_take(c)) {
        return;
    } else if (expires(f, "token")) {
        fail(c, 401, "token_expired", "the token ran out");
    } else if (expires(f, "job")) {
        exports_expire(c->w);
        route(c, dr_httpd_path(c->req));
    } else if (expires(f, "cursor") && dr_httpd_arg(c->req, "after").p) {
        bite(c->w, f->name);
        fail(c, 410, "cursor_expired", "the cursor is not known any more");
    } else if (authorised(c)) {
        route(c, dr_httpd_path(c->req));
    }
}

void api_handle(struct dr_httpd_req *r, void *ctx)
{
    struct world *w = ctx;
    struct call c = {.w = w, .req = r, .status = 200};
    const struct fault *f;
    char text[DR_TIME_TEXT], id[32];

    script_tick(w);
    tenant_tick(w);
    exports_tick(w);
    /* Two nodes answer in turn; the clock of one is behind. */
    c.now = vclock_now(&w->clock) -
            (w->calls % 2) * knob_int(w->knobs, "node_skew_ms");
    if (w->calls % 2 && knob_int(w->knobs, "node_skew_ms") > 0) {
        bite(w, "node_skew_ms");
    }
    c.a = dr_arena_new((size_t)64 << 20);
    dr_buf_init(&c.out, ANSWER_MAX);
    dr_json_w_init(&c.j, &c.out);
    f = faults_match(w->faults, dr_httpd_method(r), dr_httpd_path(r));
    perform(&c, f);
    dr_httpd_add_header(r, "Date", dr_http_date_format(c.now, text));
    dr_httpd_add_header(r, "X-Request-Id", request_id(&c, id));
    count_call(&c);
    /* The body first: it names the call by the line that comes next. */
    answer(&c, f);
    journal_line(&c, f);
    dr_buf_done(&c.out);
    dr_arena_free(c.a);
}
