/* The public API: routing, limits, answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "store.h"

#define ANSWER_MAX ((size_t)256 << 20)
#define PAGE_DEFAULT 25
#define PAGE_MAX 100

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

static void begin(struct call *c)
{
    dr_buf_reset(&c->out);
    dr_json_w_init(&c->w, &c->out);
}

static void fail(struct call *c, int status, const char *text)
{
    begin(c);
    c->status = status;
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "errors");
    dr_json_w_obj(&c->w);
    dr_json_w_kvi(&c->w, "code", status);
    dr_json_w_key(&c->w, "message");
    dr_json_w_arr(&c->w);
    dr_json_w_z(&c->w, text);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

static bool is(struct dr_str a, const char *b)
{
    return dr_str_eqz(a, b);
}

static struct dr_str include(const struct call *c)
{
    struct dr_str s = dr_httpd_arg(c->req, "include");

    return s.p ? s : (struct dr_str){"", 0};
}

static void answer_record(struct call *c, struct kind *k, const struct rec *r)
{
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, k->root);
    render(c->a, k, r, include(c), false, &c->w);
    dr_json_w_kvz(&c->w, "meta", NULL);
    dr_json_w_end(&c->w);
    c->kind = k;
    c->id = r->id;
}

/* Wrapped and bare bodies are one (reference 1.3). */
static const struct dr_json *attributes(struct call *c, const struct kind *k)
{
    const struct dr_json *j = dr_json_parse(
        c->ar, dr_httpd_body(c->req),
        &(struct dr_json_limits){.max_bytes = (size_t)64 << 20}, NULL);
    const struct dr_json *in = dr_json_get(j, k->root);

    return in && in->type == DR_JSON_OBJECT ? in : j;
}

/* ---- single records ---- */

static void create(struct call *c, struct kind *k)
{
    const struct dr_json *attrs = attributes(c, k);
    struct refusal no = {0};
    struct rec *r;

    if (!attrs) {
        fail(c, 400, "The request body is not JSON.");
        return;
    }
    r = write_record(c->a, k, NULL, attrs, "api", &no);
    if (!r) {
        fail(c, no.status, no.text);
        return;
    }
    c->op = "create";
    c->effect = true;
    c->status = (int)knob_int(c->a->knobs, "create_status");
    answer_record(c, k, r);
}

static void update(struct call *c, struct kind *k, struct rec *r)
{
    const struct dr_json *attrs = attributes(c, k);
    const struct dr_json *lines = dr_json_get(attrs, "products");
    struct refusal no = {0};

    if (!attrs) {
        fail(c, 400, "The request body is not JSON.");
        return;
    }
    if (!write_record(c->a, k, r, attrs, "api", &no) ||
        (lines && strcmp(k->type, "deals") == 0 &&
         apply_lines(c->a, r, lines, &no))) {
        fail(c, no.status, no.text);
        return;
    }
    c->op = "update";
    c->effect = true;
    answer_record(c, k, r);
}

static void drop(struct call *c, struct kind *k, struct rec *r, bool forget)
{
    c->op = "delete";
    c->kind = k;
    c->id = r->id;
    c->effect = true;
    c->a->removed[k - kinds]++;
    r->deleted = true;
    r->deleted_seq = journal_next(c->a->journal);
    if (forget || !k->bin) {
        size_t at = 0;
        while (k->v[at] != r) {
            at++;
        }
        memmove(&k->v[at], &k->v[at + 1],
                (k->n - at - 1) * sizeof(struct rec *));
        k->n--;
    }
    dr_buf_z(&c->out, k->bin ? "true" : "{\"success\":\"200\"}");
}

/* ---- lists ---- */

static uint64_t number_arg(struct call *c, const char *name, uint64_t otherwise)
{
    struct dr_str s = dr_httpd_arg(c->req, name);
    uint64_t v;

    return s.p && dr_str_u64(s, &v) == 0 ? v : otherwise;
}

typedef bool keep_fn(struct call *c, const struct rec *r, void *ctx);

static int newest_first(const void *a, const void *b)
{
    const struct rec *x = *(const struct rec *const *)a;
    const struct rec *y = *(const struct rec *const *)b;

    if (x->updated_ms != y->updated_ms) {
        return x->updated_ms > y->updated_ms ? -1 : 1;
    }
    return x->id > y->id ? -1 : 1;
}

static void sort_rows(struct call *c, const struct rec **v, size_t n)
{
    struct dr_str by = dr_httpd_arg(c->req, "sort");
    bool desc = is(dr_httpd_arg(c->req, "sort_type"), "desc");
    bool newest = is(by, "updated_at");

    if (newest) {
        qsort(v, n, sizeof(const struct rec *), newest_first);
    }
    if (newest != desc) { /* turn round */
        for (size_t i = 0; i < n / 2; i++) {
            const struct rec *t = v[i];
            v[i] = v[n - 1 - i];
            v[n - 1 - i] = t;
        }
    }
}

static void page(struct call *c, struct kind *k, keep_fn *keep, void *ctx)
{
    uint64_t per = number_arg(c, "per_page", PAGE_DEFAULT);
    uint64_t no = number_arg(c, "page", 1);
    const struct rec **v = dr_xcalloc(k->n + 1, sizeof(const struct rec *));
    size_t n = 0;
    uint64_t pages;

    per = per < 1 ? PAGE_DEFAULT : per > PAGE_MAX ? PAGE_MAX : per;
    for (size_t i = 0; i < k->n; i++) {
        if (keep(c, k->v[i], ctx)) {
            v[n++] = k->v[i];
        }
    }
    sort_rows(c, v, n);
    pages = (n + per - 1) / per;
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, k->type);
    dr_json_w_arr(&c->w);
    for (uint64_t i = (no - 1) * per; no > 0 && i < n && i < no * per; i++) {
        render(c->a, k, v[i], include(c), false, &c->w);
    }
    dr_json_w_end(&c->w);
    dr_json_w_key(&c->w, "meta");
    dr_json_w_obj(&c->w);
    dr_json_w_kvi(&c->w, "total_pages",
                  n == 0 ? knob_int(c->a->knobs, "empty_total_pages")
                         : (int64_t)pages);
    dr_json_w_kvi(&c->w, "total", (int64_t)n);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    free(v);
}

static bool keep_view(struct call *c, const struct rec *r, void *ctx)
{
    struct dr_str name = *(const struct dr_str *)ctx;
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)16 << 20);
    struct dr_str type;

    if (is(name, "Recycle Bin")) {
        return r->deleted;
    }
    if (r->deleted) {
        return false;
    }
    if (!is(name, "Open Deals") && !is(name, "Won Deals") &&
        !is(name, "Lost Deals")) {
        return true;
    }
    type = dr_json_get_str(list_find(list_of(c->a->selectors, "deal_stages"),
                                     rec_id(r, "deal_stage_id"), a),
                           "forecast_type");
    return is(name, "Won Deals")    ? is(type, "Closed Won")
           : is(name, "Lost Deals") ? is(type, "Closed Lost")
                                    : is(type, "Open");
}

static bool shown_view(const struct call *c, const struct dr_json *v)
{
    return !is(dr_json_get_str(v, "name"), "All Deals") ||
           knob_is(c->a->knobs, "all_deals_view", "present");
}

static void view(struct call *c, struct kind *k, struct dr_str rest)
{
    uint64_t id = 0;

    if (dr_str_u64(rest, &id)) {
        id = 0;
    }
    DR_JSON_EACH(v, dr_json_get(dr_json_get(c->a->tenant, "views"), k->entity))
    {
        struct dr_str name = dr_json_get_str(v, "name");
        if ((uint64_t)dr_json_get_i64(v, "id", 0) == id && shown_view(c, v)) {
            page(c, k, keep_view, &name);
            return;
        }
    }
    fail(c, 404, "The view does not exist.");
}

static void filters(struct call *c, const struct kind *k)
{
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "filters");
    dr_json_w_arr(&c->w);
    DR_JSON_EACH(v, dr_json_get(dr_json_get(c->a->tenant, "views"), k->entity))
    {
        if (shown_view(c, v)) {
            dr_json_w_tree(&c->w, v);
        }
    }
    dr_json_w_end(&c->w);
    dr_json_w_key(&c->w, "meta");
    dr_json_w_obj(&c->w);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

/* Tasks of a record: by the sub-list of their target. */
static bool keep_target(struct call *c, const struct rec *r, void *ctx)
{
    (void)c;
    return !r->deleted && dr_str_find(rec_value(r, "targetables"),
                                      *(const struct dr_str *)ctx) != SIZE_MAX;
}

static void sub_list(struct call *c, struct kind *parent, struct rec *r,
                     struct kind *k)
{
    struct dr_str mark =
        dr_arena_printf(c->ar, "\"id\":%llu,\"type\":\"%s\"",
                        (unsigned long long)r->id, parent->model);

    page(c, k, keep_target, &mark);
}

static bool keep_task(struct call *c, const struct rec *r, void *ctx)
{
    bool done = is(rec_value(r, "status"), "1");

    (void)ctx;
    return !r->deleted &&
           done == is(dr_httpd_arg(c->req, "filter"), "completed");
}

/* ---- finding ---- */

static void lookup(struct call *c)
{
    struct dr_str q = dr_httpd_arg(c->req, "q");
    struct dr_str f = dr_httpd_arg(c->req, "f");
    struct dr_str entities = dr_httpd_arg(c->req, "entities");

    dr_json_w_obj(&c->w);
    while (entities.p) {
        struct dr_str one = dr_str_split(&entities, ',');
        for (size_t i = 0; i < kind_count; i++) {
            struct rec *r;
            if (!is(one, kinds[i].root)) {
                continue;
            }
            r = find_by(&kinds[i], f, q);
            dr_json_w_key(&c->w, kinds[i].type);
            dr_json_w_obj(&c->w);
            dr_json_w_key(&c->w, kinds[i].type);
            dr_json_w_arr(&c->w);
            if (r) {
                render(c->a, &kinds[i], r, DR_STR_LIT("*"), false, &c->w);
            }
            dr_json_w_end(&c->w);
            dr_json_w_end(&c->w);
        }
    }
    dr_json_w_end(&c->w);
}

static bool keep_rules(struct call *c, const struct rec *r, void *ctx)
{
    const struct dr_json *rules = ctx;

    (void)c;
    if (r->deleted) {
        return false;
    }
    DR_JSON_EACH(rule, rules)
    {
        struct dr_str at = dr_json_get_str(rule, "attribute");
        struct dr_str v = dr_json_scalar(dr_json_get(rule, "value"));
        char name[128];
        struct dr_str have;
        const char *cf;

        (void)snprintf(name, sizeof(name), DR_STR_FMT,
                       DR_STR_ARG(is(at, "contact_email.email")
                                      ? DR_STR_LIT("email")
                                      : at));
        cf = dr_map_get(r->custom, at);
        have = cf ? dr_str_z(cf) : rec_value(r, name);
        if (have.n >= 2 && have.p[0] == '"') {
            have = (struct dr_str){have.p + 1, have.n - 2};
        }
        if (!dr_str_ieq(have, v)) {
            return false;
        }
    }
    return true;
}

static void filtered_search(struct call *c, struct dr_str entity)
{
    const struct dr_json *j =
        dr_json_parse(c->ar, dr_httpd_body(c->req), NULL, NULL);

    for (size_t i = 0; i < kind_count; i++) {
        if (is(entity, kinds[i].root) &&
            (strcmp(kinds[i].type, "products") != 0 ||
             knob_is(c->a->knobs, "product_search", "yes"))) {
            page(c, &kinds[i], keep_rules,
                 (void *)(uintptr_t)dr_json_get(j, "filter_rule"));
            return;
        }
    }
    fail(c, 404, "There is no such entity.");
}

/* ---- upsert, bulk ---- */

static void upsert(struct call *c, struct kind *k)
{
    const struct dr_json *j =
        dr_json_parse(c->ar, dr_httpd_body(c->req), NULL, NULL);
    const struct dr_json *ids = dr_json_get(j, "unique_identifier");
    const struct dr_json *attrs = dr_json_get(j, k->root);
    const struct dr_json *id = dr_json_at(ids, 0);
    struct refusal no = {0};
    struct rec *r;

    id = ids ? ids->child : NULL;
    if (!id || !attrs) {
        fail(c, 400, "unique_identifier is missing.");
        return;
    }
    r = find_by(k, id->key, dr_json_scalar(id));
    c->op = r ? "update" : "create";
    r = write_record(c->a, k, r, attrs, "api", &no);
    if (!r) {
        fail(c, no.status, no.text);
        return;
    }
    c->effect = true;
    answer_record(c, k, r);
}

static void bulk(struct call *c, struct kind *k)
{
    const struct dr_json *j = dr_json_parse(
        c->ar, dr_httpd_body(c->req),
        &(struct dr_json_limits){.max_bytes = (size_t)64 << 20}, NULL);
    const struct dr_json *items = dr_json_get(j, k->type);
    uint64_t id;

    if (dr_json_type(items) != DR_JSON_ARRAY || items->count == 0 ||
        items->count > 100) {
        fail(c, 400, "1 to 100 records are wanted.");
        return;
    }
    id = bulk_accept(c->a, k, items);
    c->status = (int)knob_int(c->a->knobs, "bulk_status");
    c->effect = true;
    dr_json_w_obj(&c->w);
    dr_json_w_kvz(&c->w, "message", "The records are being processed.");
    dr_json_w_kv(&c->w, "job_status_url",
                 dr_arena_printf(
                     c->ar,
                     "https://" DR_STR_FMT
                     ".myfreshworks.com/crm/sales/api/job_statuses/%llu",
                     DR_STR_ARG(dr_json_get_str(c->a->tenant, "bundle_alias")),
                     (unsigned long long)id));
    dr_json_w_end(&c->w);
}

static void job_status(struct call *c, struct dr_str rest)
{
    uint64_t id;
    const struct job *j = dr_str_u64(rest, &id) ? NULL : job_find(c->a, id);

    if (!j) {
        fail(c, 404, "The job does not exist.");
        return;
    }
    job_write(j, &c->w);
}

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
            page(c, k, keep_task, NULL);
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

/* ---- limits ---- */

int64_t hour_limit(const struct account *a)
{
    const char *plan = knob_text(a->knobs, "rate_plan");
    struct dr_str tenant = dr_json_get_str(a->tenant, "plan");
    int64_t n;

    if (strcmp(plan, "lifted") == 0) {
        return 0;
    }
    if (dr_str_i64(dr_str_z(plan), &n) == 0) {
        return n;
    }
    return is(tenant, "enterprise") ? 5000 : is(tenant, "pro") ? 2000 : 1000;
}

static bool within_limits(struct account *a, int64_t now)
{
    int64_t limit = hour_limit(a);

    if (now / 3600000 != a->hour_slot) {
        a->hour_slot = now / 3600000;
        a->hour_used = 0;
    }
    if (now / 60000 != a->minute_slot) {
        a->minute_slot = now / 60000;
        a->minute_used = 0;
    }
    if (limit > 0 &&
        (a->hour_used >= limit ||
         (knob_is(a->knobs, "rate_minute", "on") && a->minute_used >= 400))) {
        return false;
    }
    a->hour_used++;
    a->minute_used++;
    return true;
}

static void limit_headers(struct call *c, int64_t now)
{
    int64_t limit = hour_limit(c->a);
    int64_t reset = (now / 3600000 + 1) * 3600000;
    char text[64], iso[DR_TIME_TEXT];

    limit = limit ? limit : 1000000000;
    (void)snprintf(text, sizeof(text), "%lld", (long long)limit);
    dr_httpd_add_header(c->req, "X-RateLimit-Limit", text);
    (void)snprintf(
        text, sizeof(text), "%lld",
        (long long)(limit > c->a->hour_used ? limit - c->a->hour_used : 0));
    dr_httpd_add_header(c->req, "X-RateLimit-Remaining", text);
    dr_time_format(reset, iso); /* YYYY-MM-DDTHH:MM:SSZ */
    (void)snprintf(text, sizeof(text), "%.2s%.2s%.2s%.2s%.2s%.2s", iso + 8,
                   iso + 5, iso + 2, iso + 11, iso + 14, iso + 17);
    dr_httpd_add_header(c->req, "X-RateLimit-Reset", text);
    dr_httpd_add_header(c->req, "Date", dr_http_date_format(now, iso));
}

static void refused(struct call *c)
{
    const char *after = knob_text(c->a->knobs, "retry_after");

    c->a->refused++;
    if (++c->a->burst > c->a->largest_burst) {
        c->a->largest_burst = c->a->burst;
    }
    if (strcmp(after, "absent") != 0) {
        dr_httpd_add_header(c->req, "Retry-After", after);
    }
    fail(c, 429, "Too many requests.");
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
