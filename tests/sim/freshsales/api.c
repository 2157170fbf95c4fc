/* The public API: which call is which, and what comes before it. */
#include <stdio.h>
#include <string.h>

#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "call.h"

#define ANSWER_MAX ((size_t)256 << 20)

/* ---- configuration ---- */

static void raw_list(struct call *c, const char *root, const struct list *l)
{
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, root);
    dr_json_w_arr(&c->w);
    for (size_t i = 0; l && i < l->n; i++) {
        dr_json_w_raw(&c->w, dr_str_z(l->v[i]));
    }
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

static void selector(struct call *c, struct dr_str rest)
{
    char name[128];
    const struct list *l;

    (void)snprintf(name, sizeof(name), DR_STR_FMT,
                   DR_STR_ARG(is(rest, "owners") ? DR_STR_LIT("users") : rest));
    l = dr_map_get(c->a->selectors, dr_str_z(name));
    if (!l) {
        fail(c, 404, "There is no such selector.");
        return;
    }
    raw_list(c, name, l);
}

static void settings(struct call *c, struct dr_str rest)
{
    struct dr_str entity = dr_str_split(&rest, '/');
    const struct list *l = dr_map_get(c->a->fields, entity);

    if (!l || !is(rest, "fields")) {
        fail(c, 404, "There are no such settings.");
        return;
    }
    raw_list(c, "fields", l);
}

/* ---- routing ---- */

static void one(struct call *c, struct kind *k, struct rec *r,
                struct dr_str rest)
{
    if (!rest.p) {
        if (is(c->method, "GET")) {
            c->op = "read";
            answer_record(c, k, r);
        } else if (is(c->method, "PUT")) {
            update(c, k, r);
        } else if (is(c->method, "DELETE")) {
            drop(c, k, r, false);
        } else {
            fail(c, 404, "There is no such call.");
        }
    } else if (is(rest, "forget")) {
        drop(c, k, r, true);
    } else if (is(rest, "restore")) {
        r->deleted = false;
        answer_record(c, k, r);
    } else if (kind_of_path(rest)) {
        sub_list(c, k, r, kind_of_path(rest));
    } else {
        fail(c, 404, "There is no such call.");
    }
}

static void of_kind(struct call *c, struct kind *k, struct dr_str rest)
{
    struct dr_str head = dr_str_split(&rest, '/');
    uint64_t id;
    struct rec *r;

    if (head.n == 0) {
        if (is(c->method, "POST")) {
            create(c, k);
        } else if (strcmp(k->type, "tasks") == 0 &&
                   dr_httpd_arg(c->req, "filter").n > 0) {
            task_list(c, k);
        } else {
            fail(c, 400, "filter is missing.");
        }
    } else if (is(head, "filters")) {
        filters(c, k);
    } else if (is(head, "view")) {
        view(c, k, rest);
    } else if (is(head, "upsert")) {
        upsert(c, k);
    } else if (is(head, "bulk_upsert")) {
        bulk(c, k);
    } else if (dr_str_u64(head, &id)) {
        fail(c, 404, "There is no such call.");
    } else {
        r = rec_find(k, id);
        if (!r ||
            (r->deleted && !knob_is(c->a->knobs, "get_soft_deleted", "200"))) {
            fail(c, 404, "The record does not exist.");
        } else {
            one(c, k, r, rest);
        }
    }
}

static void route(struct call *c)
{
    struct dr_str rest = c->path, head;
    struct dr_str cpq = DR_STR_LIT("cpq/products");
    struct kind *k;

    if (dr_str_starts(rest, cpq)) {
        rest = (struct dr_str){rest.p + cpq.n, rest.n - cpq.n};
        if (rest.n > 0) {
            rest = (struct dr_str){rest.p + 1, rest.n - 1};
        }
        of_kind(c, kind_of_type(DR_STR_LIT("products")), rest);
        return;
    }
    head = dr_str_split(&rest, '/');
    k = kind_of_path(head);
    if (k && (strcmp(k->type, "leads") != 0 || c->a->classic)) {
        of_kind(c, k, rest.p ? rest : (struct dr_str){"", 0});
    } else if (is(head, "settings")) {
        settings(c, rest);
    } else if (is(head, "selector")) {
        selector(c, rest);
    } else if (is(head, "lookup")) {
        lookup(c);
    } else if (is(head, "filtered_search")) {
        filtered_search(c, rest);
    } else if (is(head, "job_statuses")) {
        job_status(c, rest);
    } else {
        fail(c, 404, "There is no such call.");
    }
}

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

static bool below_base(struct call *c)
{
    struct dr_str path = dr_httpd_path(c->req);
    struct dr_str base =
        c->a->classic ? DR_STR_LIT("/api/") : DR_STR_LIT("/crm/sales/api/");
    struct dr_str json = DR_STR_LIT(".json");

    if (!dr_str_starts(path, base)) {
        return false;
    }
    c->path = (struct dr_str){path.p + base.n, path.n - base.n};
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

static void perform(struct call *c, const struct fault *f, int64_t now)
{
    if (!below_base(c)) {
        fail(c, 404, "There is no such call.");
        return;
    }
    count_call(c);
    if (!authorised(c)) {
        return;
    }
    if (!within_limits(c->a, now)) {
        refused(c);
        return;
    }
    c->a->burst = 0;
    c->a->accepted++;
    if (f && (f->close == FAULT_BEFORE || (f->status > 0 && !f->close) ||
              f->no_effect)) {
        fail(c, f->status ? f->status : 503, "fault");
        return;
    }
    route(c);
}

void api_handle(struct dr_httpd_req *r, void *ctx)
{
    struct account *a = ctx;
    struct call c = {
        .a = a, .req = r, .status = 200, .method = dr_httpd_method(r)};
    int64_t now = vclock_now(&a->clock);
    const struct fault *f;

    bulk_tick(a);
    c.ar = dr_arena_new((size_t)256 << 20);
    dr_buf_init(&c.out, ANSWER_MAX);
    begin(&c);
    f = faults_match(a->faults, c.method, dr_httpd_path(r));
    perform(&c, f, now);
    limit_headers(&c, now);
    journal_write(a, c.method, dr_httpd_path(r), dr_httpd_query(r), c.status,
                  c.kind, c.id, c.op, dr_httpd_body(r), c.out.n,
                  f ? f->name : NULL, c.effect);
    if (!sim_break_answer(r, f, c.status, dr_buf_view(&c.out))) {
        sim_answer(r, c.status, &c.out);
    }
    dr_buf_done(&c.out);
    dr_arena_free(c.ar);
}
