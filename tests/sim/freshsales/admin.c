/* The admin port (bench reference 1.1): what a person does in the screens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#include "store.h"

#define ANSWER_MAX ((size_t)1 << 30)

static void markers(const struct dr_json *j, struct dr_json_w *w)
{
    const struct dr_json *inner = dr_json_get(j, "data");
    const struct dr_json *at = inner ? inner : j;

    if (at && at->child && at->child->type == DR_JSON_OBJECT && !inner) {
        at = at->child;
    }
    if (dr_json_get_str(at, "external_id").n > 0) {
        dr_json_w_str(w, dr_json_get_str(at, "external_id"));
    }
    at = dr_json_get(at, "custom_field");
    if (dr_json_get_str(at, "cf_source_id").n > 0) {
        dr_json_w_str(w, dr_json_get_str(at, "cf_source_id"));
    }
}

static void touched(struct dr_json_w *w, const struct kind *k, uint64_t id,
                    const char *op)
{
    dr_json_w_key(w, "record_ids");
    dr_json_w_arr(w);
    if (k && id && op) {
        dr_json_w_obj(w);
        dr_json_w_kvz(w, "type", k->type);
        dr_json_w_key(w, "id");
        dr_json_w_u64(w, id);
        dr_json_w_kvz(w, "op", op);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

void journal_write(struct account *a, struct dr_str method, struct dr_str path,
                   struct dr_str query, int status, const struct kind *k,
                   uint64_t id, const char *op, struct dr_str body,
                   size_t out_bytes, const char *fault, bool effect)
{
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)256 << 20);
    uint8_t sum[32];
    char hex[65];
    struct dr_json_w w;
    struct dr_buf b;

    dr_sha256(body, sum);
    dr_hex(sum, 32, hex);
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "seq", journal_next(a->journal));
    dr_json_w_kvi(&w, "at_ms", vclock_now(&a->clock));
    dr_json_w_kv(&w, "method", method);
    dr_json_w_kv(&w, "path", path);
    dr_json_w_kv(&w, "query", query);
    dr_json_w_kvi(&w, "status", status);
    dr_json_w_key(&w, "user_id");
    dr_json_w_u64(&w, a->api_user);
    touched(&w, k, id, op);
    dr_json_w_key(&w, "markers");
    dr_json_w_arr(&w);
    if (body.n > 0 && !dr_str_ends(path, DR_STR_LIT("bulk_upsert"))) {
        markers(dr_json_parse(ar, body, NULL, NULL), &w);
    }
    dr_json_w_end(&w);
    dr_json_w_kvz(&w, "body_sha256", hex);
    dr_json_w_kvi(&w, "bytes_in", (int64_t)body.n);
    dr_json_w_kvi(&w, "bytes_out", (int64_t)out_bytes);
    dr_json_w_key(&w, "limit");
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "hour_used", a->hour_used);
    dr_json_w_kvi(&w, "hour_limit", hour_limit(a));
    dr_json_w_kvi(&w, "minute_used", a->minute_used);
    dr_json_w_kvi(&w, "minute_limit", 400);
    dr_json_w_end(&w);
    dr_json_w_kvi(&w, "window_used", a->hour_used);
    dr_json_w_kvz(&w, "fault", fault);
    dr_json_w_kvb(&w, "effect", effect);
    dr_json_w_end(&w);
    journal_add(a->journal, dr_buf_view(&b));
    dr_buf_done(&b);
}

static void records(struct dr_httpd_req *r, struct account *a,
                    struct dr_str type, bool deleted)
{
    const struct kind *k = kind_of_type(type);
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, ANSWER_MAX);
    for (size_t i = 0; k && i < k->n; i++) {
        if (k->v[i]->deleted == deleted) {
            dr_json_w_init(&w, &b);
            render(a, k, k->v[i], DR_STR_LIT("*"), true, &w);
            dr_buf_ch(&b, '\n');
        }
    }
    dr_httpd_answer(r, 200, "application/x-ndjson", dr_buf_view(&b));
    dr_buf_done(&b);
}

static void counts(struct dr_json_w *w, const char *key, const int64_t *v)
{
    dr_json_w_key(w, key);
    dr_json_w_obj(w);
    for (size_t i = 0; i < kind_count; i++) {
        dr_json_w_kvi(w, kinds[i].type, v[i]);
    }
    dr_json_w_end(w);
}

static void stats(struct dr_httpd_req *r, struct account *a)
{
    struct dr_json_w w;
    struct dr_buf b;
    struct dr_str key;
    void *n;
    size_t at = 0;
    char fill[32];
    int64_t thousandths =
        a->bulk_calls ? a->bulk_records * 10 / a->bulk_calls : 0;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "calls", a->calls);
    dr_json_w_key(&w, "calls_by");
    dr_json_w_obj(&w);
    while (dr_map_next(a->calls_by, &at, &key, &n)) {
        dr_json_w_keys(&w, key);
        dr_json_w_i64(&w, *(const int64_t *)n);
    }
    dr_json_w_end(&w);
    dr_json_w_kvi(&w, "accepted", a->accepted);
    dr_json_w_kvi(&w, "refused_429", a->refused);
    dr_json_w_kvi(&w, "largest_429_burst", a->largest_burst);
    dr_json_w_key(&w, "windows");
    dr_json_w_arr(&w);
    dr_json_w_end(&w);
    dr_json_w_key(&w, "bulk");
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "calls", a->bulk_calls);
    dr_json_w_kvi(&w, "records", a->bulk_records);
    (void)snprintf(fill, sizeof(fill), "%lld.%03lld",
                   (long long)(thousandths / 1000),
                   (long long)(thousandths % 1000));
    dr_json_w_kvz(&w, "fill", fill);
    dr_json_w_end(&w);
    counts(&w, "created", a->created);
    counts(&w, "updated", a->updated);
    counts(&w, "deleted", a->removed);
    dr_json_w_key(&w, "duplicates");
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "by_marker", a->duplicates);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    sim_answer(r, 200, &b);
    dr_buf_done(&b);
}

static void jobs(struct dr_httpd_req *r, const struct account *a)
{
    struct dr_buf b;

    dr_buf_init(&b, (size_t)64 << 20);
    for (const struct job *j = a->jobs; j; j = j->next) {
        dr_buf_printf(&b,
                      "{\"id\":%llu,\"type\":\"%s\",\"received_seq\":%lld,"
                      "\"size\":%lld,\"done_at_ms\":null,\"success\":%lld,"
                      "\"failed\":[",
                      (unsigned long long)j->id, j->kind->type,
                      (long long)j->received_seq, (long long)j->size,
                      (long long)j->success);
        dr_buf_str(&b, dr_buf_view(&j->failed));
        dr_buf_z(&b, "]}\n");
    }
    dr_httpd_answer(r, 200, "application/x-ndjson", dr_buf_view(&b));
    dr_buf_done(&b);
}

static void dump_lists(struct dr_json_w *w, const char *key, struct dr_map *m)
{
    struct dr_str name;
    void *v;
    size_t at = 0;

    dr_json_w_key(w, key);
    dr_json_w_obj(w);
    while (dr_map_next(m, &at, &name, &v)) {
        const struct list *l = v;
        dr_json_w_keys(w, name);
        dr_json_w_arr(w);
        for (size_t i = 0; i < l->n; i++) {
            dr_json_w_raw(w, dr_str_z(l->v[i]));
        }
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void tenant(struct dr_httpd_req *r, struct account *a)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)64 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    DR_JSON_EACH(m, a->tenant)
    {
        if (dr_str_eqz(m->key, "selectors")) {
            dump_lists(&w, "selectors", a->selectors);
        } else if (dr_str_eqz(m->key, "fields")) {
            dump_lists(&w, "fields", a->fields);
        } else if (!dr_str_eqz(m->key, "records")) {
            dr_json_w_keys(&w, m->key);
            dr_json_w_tree(&w, m);
        }
    }
    dr_json_w_end(&w);
    sim_answer(r, 200, &b);
    dr_buf_done(&b);
}

/* ---- set-up screens ---- */

/* Label to internal name (reference 13.3). */
static void derive_name(struct dr_str label, char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, "cf_");

    for (size_t i = 0; i < label.n && n + 2 < cap; i++) {
        char c = label.p[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
            c == '_') {
            out[n++] = c;
        } else if (n > 3 && out[n - 1] != '_') {
            out[n++] = '_';
        }
    }
    while (n > 3 && out[n - 1] == '_') {
        n--;
    }
    out[n] = '\0';
}

static void write_choices(struct account *a, struct dr_json_w *w,
                          const struct dr_json *have, const struct dr_json *add)
{
    int64_t position = 1;

    dr_json_w_key(w, "choices");
    dr_json_w_arr(w);
    DR_JSON_EACH(c, have)
    {
        dr_json_w_tree(w, c);
        position++;
    }
    DR_JSON_EACH(c, add)
    {
        dr_json_w_obj(w);
        dr_json_w_key(w, "id");
        dr_json_w_u64(w, new_id(a));
        dr_json_w_kv(w, "value", dr_json_scalar(c));
        dr_json_w_kvi(w, "position", position++);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void add_field(struct account *a, const char *entity,
                      const struct dr_json *j)
{
    struct dr_json_w w;
    struct dr_buf b;
    char name[256];
    struct dr_str given = dr_json_get_str(j, "name");

    derive_name(dr_json_get_str(j, "label"), name, sizeof(name));
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "id");
    dr_json_w_u64(&w, new_id(a));
    dr_json_w_kv(&w, "label", dr_json_get_str(j, "label"));
    dr_json_w_kv(&w, "name", given.n ? given : dr_str_z(name));
    dr_json_w_kv(&w, "type", dr_json_get_str(j, "type"));
    dr_json_w_kvb(&w, "default", false);
    dr_json_w_kvb(&w, "actionable", true);
    dr_json_w_kvb(&w, "required", dr_json_true(dr_json_get(j, "required")));
    dr_json_w_kvb(&w, "visible", true);
    write_choices(a, &w, NULL, dr_json_get(j, "choices"));
    dr_json_w_end(&w);
    list_add(list_of(a->fields, entity), dr_buf_view(&b));
    dr_buf_done(&b);
}

static void change_field(struct account *a, const char *entity,
                         struct dr_str name, const struct dr_json *j)
{
    struct list *l = list_of(a->fields, entity);
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)16 << 20);

    for (size_t i = 0; i < l->n; i++) {
        const struct dr_json *f =
            dr_json_parse(ar, dr_str_z(l->v[i]), NULL, NULL);
        struct dr_json_w w;
        struct dr_buf b;
        if (!dr_str_eq(dr_json_get_str(f, "name"), name)) {
            continue;
        }
        dr_buf_init(&b, (size_t)1 << 20);
        dr_json_w_init(&w, &b);
        dr_json_w_obj(&w);
        DR_JSON_EACH(m, f)
        {
            if (!dr_str_eqz(m->key, "choices")) {
                dr_json_w_keys(&w, m->key);
                dr_json_w_tree(&w, m);
            }
        }
        write_choices(a, &w, dr_json_get(f, "choices"),
                      dr_json_get(j, "add_choices"));
        dr_json_w_end(&w);
        free(l->v[i]);
        l->v[i] = dr_xstrndup(dr_buf_view(&b));
        dr_buf_done(&b);
    }
}

static void stage_text(struct account *a, struct dr_buf *b, uint64_t pipeline,
                       const struct dr_json *s)
{
    struct dr_json_w w;

    dr_json_w_init(&w, b);
    dr_json_w_obj(&w);
    dr_json_w_kvb(&w, "partial", true);
    dr_json_w_key(&w, "id");
    dr_json_w_u64(&w, new_id(a));
    dr_json_w_kv(&w, "name", dr_json_get_str(s, "name"));
    dr_json_w_kvi(&w, "position", dr_json_get_i64(s, "position", 1));
    dr_json_w_kv(&w, "forecast_type", dr_json_get_str(s, "forecast_type"));
    dr_json_w_kvz(&w, "updated_at", "2026-01-05T08:00:00Z");
    dr_json_w_key(&w, "deal_pipeline_id");
    dr_json_w_u64(&w, pipeline);
    dr_json_w_kvi(&w, "choice_type", 2);
    dr_json_w_kvi(&w, "probability", dr_json_get_i64(s, "probability", 100));
    dr_json_w_end(&w);
}

static void add_pipeline(struct account *a, const struct dr_json *j)
{
    struct dr_json_w w;
    struct dr_buf b, s;
    uint64_t id = new_id(a);

    dr_buf_init(&b, (size_t)1 << 20);
    dr_buf_init(&s, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvb(&w, "partial", true);
    dr_json_w_key(&w, "id");
    dr_json_w_u64(&w, id);
    dr_json_w_kv(&w, "name", dr_json_get_str(j, "name"));
    dr_json_w_kvb(&w, "is_default", false);
    dr_json_w_kvi(&w, "rotting_days", 30);
    dr_json_w_key(&w, "deal_stages");
    dr_json_w_arr(&w);
    DR_JSON_EACH(st, dr_json_get(j, "stages"))
    {
        dr_buf_reset(&s);
        stage_text(a, &s, id, st);
        dr_json_w_raw(&w, dr_buf_view(&s));
        list_add(list_of(a->selectors, "deal_stages"), dr_buf_view(&s));
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    list_add(list_of(a->selectors, "deal_pipelines"), dr_buf_view(&b));
    dr_buf_done(&b);
    dr_buf_done(&s);
}

static void add_stage(struct account *a, const struct dr_json *j)
{
    struct list *l = list_of(a->selectors, "deal_pipelines");
    uint64_t id = (uint64_t)dr_json_get_i64(j, "deal_pipeline_id", 0);
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)16 << 20);
    struct dr_buf s, b;

    dr_buf_init(&s, (size_t)1 << 20);
    dr_buf_init(&b, (size_t)1 << 20);
    stage_text(a, &s, id, j);
    list_add(list_of(a->selectors, "deal_stages"), dr_buf_view(&s));
    for (size_t i = 0; i < l->n; i++) {
        const struct dr_json *p =
            dr_json_parse(ar, dr_str_z(l->v[i]), NULL, NULL);
        struct dr_json_w w;
        if ((uint64_t)dr_json_get_i64(p, "id", 0) != id) {
            continue;
        }
        dr_json_w_init(&w, &b);
        dr_json_w_obj(&w);
        DR_JSON_EACH(m, p)
        {
            dr_json_w_keys(&w, m->key);
            if (!dr_str_eqz(m->key, "deal_stages")) {
                dr_json_w_tree(&w, m);
                continue;
            }
            dr_json_w_arr(&w);
            DR_JSON_EACH(st, m)
            {
                dr_json_w_tree(&w, st);
            }
            dr_json_w_raw(&w, dr_buf_view(&s));
            dr_json_w_end(&w);
        }
        dr_json_w_end(&w);
        free(l->v[i]);
        l->v[i] = dr_xstrndup(dr_buf_view(&b));
    }
    dr_buf_done(&s);
    dr_buf_done(&b);
}

/* A selector entry: the body's members and an id of its own. */
static void add_entry(struct account *a, const char *selector,
                      const struct dr_json *j)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "id");
    dr_json_w_u64(&w, new_id(a));
    dr_json_w_kvb(&w, "partial", true);
    if (strcmp(selector, "currencies") == 0 || strcmp(selector, "users") == 0) {
        dr_json_w_kvb(&w, "is_active", true);
    }
    DR_JSON_EACH(m, j)
    {
        if (!dr_str_eqz(m->key, "id")) {
            dr_json_w_keys(&w, m->key);
            dr_json_w_tree(&w, m);
        }
    }
    dr_json_w_end(&w);
    list_add(list_of(a->selectors, selector), dr_buf_view(&b));
    dr_buf_done(&b);
}

/* PUT: members of the body replace those of the entry. */
static void change_entry(struct account *a, const char *selector,
                         struct dr_str rest, const struct dr_json *j)
{
    struct list *l = list_of(a->selectors, selector);
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)16 << 20);
    uint64_t id;

    for (size_t i = 0; dr_str_u64(rest, &id) == 0 && i < l->n; i++) {
        const struct dr_json *e =
            dr_json_parse(ar, dr_str_z(l->v[i]), NULL, NULL);
        struct dr_json_w w;
        struct dr_buf b;
        if ((uint64_t)dr_json_get_i64(e, "id", 0) != id) {
            continue;
        }
        dr_buf_init(&b, (size_t)1 << 20);
        dr_json_w_init(&w, &b);
        dr_json_w_obj(&w);
        DR_JSON_EACH(m, e)
        {
            const struct dr_json *n = dr_json_gets(j, m->key);
            dr_json_w_keys(&w, m->key);
            dr_json_w_tree(&w, n ? n : m);
        }
        dr_json_w_end(&w);
        free(l->v[i]);
        l->v[i] = dr_xstrndup(dr_buf_view(&b));
        dr_buf_done(&b);
    }
}

static void edit_record(struct dr_httpd_req *r, struct account *a,
                        struct kind *k, struct dr_str rest,
                        const struct dr_json *j)
{
    struct refusal no = {0};
    uint64_t id = 0;
    struct rec *rec = NULL;

    if (rest.n > 0 && dr_str_u64(rest, &id) == 0) {
        rec = rec_find(k, id);
    }
    if (dr_str_eqz(dr_httpd_method(r), "DELETE") && rec) {
        rec->deleted = true;
    } else {
        rec = write_record(a, k, rec, j, "admin", &no);
    }
    dr_httpd_answer(r, rec ? 200 : 400, NULL,
                    rec ? DR_STR_LIT("true") : dr_str_z(no.text));
}

static void admin(struct dr_httpd_req *r, struct account *a, struct dr_str rest)
{
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    const struct dr_json *j = dr_json_parse(ar, dr_httpd_body(r), NULL, NULL);
    struct dr_str what = dr_str_split(&rest, '/');
    bool put = dr_str_eqz(dr_httpd_method(r), "PUT");
    struct kind *k = kind_of_type(what);
    char name[128];

    journal_write(a, DR_STR_LIT("ADMIN"), dr_httpd_path(r),
                  (struct dr_str){"", 0}, 200, NULL, 0, NULL, dr_httpd_body(r),
                  0, NULL, true);
    if (k) {
        edit_record(r, a, k, rest, j);
        return;
    }
    if (dr_str_eqz(what, "fields")) {
        struct dr_str entity = dr_str_split(&rest, '/');
        (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(entity));
        if (put) {
            change_field(a, name, rest, j);
        } else {
            add_field(a, name, j);
        }
    } else if (dr_str_eqz(what, "pipelines")) {
        add_pipeline(a, j);
    } else if (dr_str_eqz(what, "stages")) {
        add_stage(a, j);
    } else {
        (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(what));
        if (put) {
            change_entry(a, name, rest, j);
        } else {
            add_entry(a, name, j);
        }
    }
    dr_httpd_answer(r, 200, NULL, DR_STR_LIT("true"));
}

static struct dr_str behind(struct dr_str path, const char *prefix)
{
    size_t n = strlen(prefix);

    return dr_str_starts(path, dr_str_z(prefix))
               ? (struct dr_str){path.p + n, path.n - n}
               : (struct dr_str){NULL, 0};
}

void admin_handle(struct dr_httpd_req *r, void *ctx)
{
    struct account *a = ctx;
    struct dr_str path = dr_httpd_path(r);

    bulk_tick(a);
    if (sim_admin(r, &a->clock, a->knobs, a->faults, a->journal)) {
        return;
    }
    if (behind(path, "/sim/records/").p) {
        records(r, a, behind(path, "/sim/records/"), false);
    } else if (behind(path, "/sim/deleted/").p) {
        records(r, a, behind(path, "/sim/deleted/"), true);
    } else if (behind(path, "/sim/admin/").p) {
        admin(r, a, behind(path, "/sim/admin/"));
    } else if (dr_str_eqz(path, "/sim/stats")) {
        stats(r, a);
    } else if (dr_str_eqz(path, "/sim/jobs")) {
        jobs(r, a);
    } else if (dr_str_eqz(path, "/sim/tenant")) {
        tenant(r, a);
    } else if (dr_str_eqz(path, "/sim/files")) {
        dr_httpd_answer(r, 200, "application/x-ndjson", (struct dr_str){"", 0});
    } else {
        dr_httpd_answer(r, 404, NULL, DR_STR_LIT("{}"));
    }
}
