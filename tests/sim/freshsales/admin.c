/* The admin port (bench reference 1.1): what the account holds, and what a
 * person does in its screens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules.h"

#define ANSWER_MAX ((size_t)1 << 30)

static void one_user(struct account *a, const struct dr_json *u,
                     struct dr_json_w *w)
{
    dr_json_w_obj(w);
    DR_JSON_EACH(m, u)
    {
        dr_json_w_keys(w, m->key);
        dr_json_w_tree(w, m);
    }
    dr_json_w_kvb(w, "is_deleted", false);
    dr_json_w_key(w, "creater_id");
    dr_json_w_u64(w, a->api_user);
    dr_json_w_kvz(w, "created_at", NULL); /* no screen shows it */
    dr_json_w_kvz(w, "updated_at", NULL);
    dr_json_w_key(w, "_sim");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "created_by", "seed");
    dr_json_w_kvi(w, "created_seq", 0);
    dr_json_w_kvi(w, "updated_seq", 0);
    dr_json_w_end(w);
    dr_json_w_end(w);
}

static void users(struct account *a, struct dr_buf *b)
{
    struct list *l = list_of(a->selectors, "users");
    struct dr_json_w w;

    for (size_t i = 0; i < l->n; i++) {
        dr_json_w_init(&w, b);
        one_user(a, list_at(l, i), &w);
        dr_buf_ch(b, '\n');
    }
}

static void records(struct dr_httpd_req *r, struct account *a,
                    struct dr_str type, bool deleted)
{
    const struct kind *k = kind_of_type(type);
    bool people = dr_str_eqz(type, "users");
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, ANSWER_MAX);
    for (size_t i = 0; k && i < k->n; i++) {
        if (k->v[i]->deleted == deleted) {
            dr_arena_reset(a->scratch);
            dr_json_w_init(&w, &b);
            if (dr_str_eqz(type, "files")) {
                file_line(a, k->v[i], &w);
            } else {
                render(a, k, k->v[i], DR_STR_LIT("*"), true, &w);
            }
            dr_buf_ch(&b, '\n');
        }
    }
    if (people && !deleted) {
        users(a, &b);
    }
    dr_httpd_answer(r, k || people ? 200 : 404, "application/x-ndjson",
                    dr_buf_view(&b));
    dr_buf_done(&b);
}

static void stats(struct dr_httpd_req *r, struct account *a)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)16 << 20);
    dr_json_w_init(&w, &b);
    stats_write(a, &w);
    sim_answer(r, 200, &b);
    dr_buf_done(&b);
}

static void one_job(const struct job *j, struct dr_buf *b)
{
    struct dr_json_w w;
    char text[24];

    dr_json_w_init(&w, b);
    (void)snprintf(text, sizeof(text), "%lld", (long long)j->done_ms);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "id");
    dr_json_w_u64(&w, j->id);
    dr_json_w_kvz(&w, "type", j->kind->type);
    dr_json_w_kvi(&w, "received_seq", j->received_seq);
    dr_json_w_kvi(&w, "size", j->size);
    dr_json_w_key(&w, "done_at_ms");
    dr_json_w_raw(&w, dr_str_z(j->done ? text : "null"));
    dr_json_w_kvi(&w, "success", j->success);
    dr_json_w_key(&w, "failed");
    dr_json_w_arr(&w);
    dr_buf_str(b, dr_buf_view(&j->failed)); /* elements already */
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    dr_buf_ch(b, '\n');
}

static void jobs(struct dr_httpd_req *r, const struct account *a)
{
    struct dr_buf b;

    dr_buf_init(&b, (size_t)256 << 20);
    for (const struct job *j = a->jobs; j; j = j->next) {
        one_job(j, &b);
    }
    dr_httpd_answer(r, 200, "application/x-ndjson", dr_buf_view(&b));
    dr_buf_done(&b);
}

static void dump_list(struct dr_json_w *w, const struct list *l)
{
    dr_json_w_arr(w);
    for (size_t i = 0; i < l->n; i++) {
        dr_json_w_raw(w, dr_str_z(l->v[i]));
    }
    dr_json_w_end(w);
}

/* Each with its fields. */
static void dump_modules(struct account *a, struct dr_json_w *w)
{
    dr_json_w_key(w, "custom_modules");
    dr_json_w_arr(w);
    for (size_t i = 0; i < a->modules->n; i++) {
        const struct dr_json *m = list_at(a->modules, i);
        dr_json_w_obj(w);
        DR_JSON_EACH(x, m)
        {
            dr_json_w_keys(w, x->key);
            dr_json_w_tree(w, x);
        }
        dr_json_w_key(w, "fields");
        dump_list(w, dr_map_get(a->fields, dr_json_get_str(m, "entity_name")));
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void dump_lists(struct dr_json_w *w, const char *key, struct dr_map *m)
{
    struct dr_str name;
    void *v;
    size_t at = 0;

    dr_json_w_key(w, key);
    dr_json_w_obj(w);
    while (dr_map_next(m, &at, &name, &v)) {
        if (!module_kind(name) || strcmp(key, "fields") != 0) {
            dr_json_w_keys(w, name);
            dump_list(w, v);
        }
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
        } else if (dr_str_eqz(m->key, "views")) {
            dump_lists(&w, "views", a->views);
        } else if (dr_str_eqz(m->key, "custom_modules")) {
            dump_modules(a, &w);
        } else if (dr_str_eqz(m->key, "plan")) {
            dr_json_w_kv(&w, "plan", plan_of(a));
        } else if (dr_str_eqz(m->key, "next_id")) {
            dr_json_w_key(&w, "next_id");
            dr_json_w_u64(&w, a->next_id);
        } else if (!dr_str_eqz(m->key, "records")) {
            dr_json_w_keys(&w, m->key);
            dr_json_w_tree(&w, m);
        }
    }
    dr_json_w_end(&w);
    sim_answer(r, 200, &b);
    dr_buf_done(&b);
}

/* ---- records in the screens ---- */

static int edit_record(struct account *a, struct dr_str method, struct kind *k,
                       struct dr_str rest, const struct dr_json *j,
                       struct touch *t, struct refusal *no)
{
    uint64_t id = 0;
    struct rec *rec = NULL;

    if (rest.n > 0 && dr_str_u64(rest, &id) == 0) {
        rec = rec_find(k, id);
    }
    if ((rest.n > 0 || !dr_str_eqz(method, "POST")) && !rec) {
        return 404;
    }
    if (dr_str_eqz(dr_str_z(k->type), "files") &&
        !dr_str_eqz(method, "DELETE")) {
        no->text = "A file comes through the API.";
        return 400;
    }
    *t = (struct touch){k, id, rec ? "update" : "create"};
    if (dr_str_eqz(method, "DELETE")) {
        t->op = "delete";
        remove_record(a, k, rec, false);
        return 200;
    }
    if (dr_json_get(j, "is_deleted") && rec && rec->deleted &&
        !dr_json_true(dr_json_get(j, "is_deleted"))) {
        restore_record(a, k, rec); /* from the recycle bin */
    }
    rec = write_record(a, k, rec, j, "admin", no);
    if (!rec) {
        return 400;
    }
    t->id = rec->id;
    return 200;
}

static void admin(struct dr_httpd_req *r, struct account *a, struct dr_str path)
{
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    const struct dr_json *j = dr_json_parse(ar, dr_httpd_body(r), NULL, NULL);
    struct dr_str method = dr_httpd_method(r), rest = path;
    struct kind *k = kind_of_type(dr_str_split(&rest, '/'));
    struct refusal no = {.text = "not done"};
    struct touch t = {.kind = NULL};
    int status;

    dr_arena_reset(a->scratch);
    if (!j && !dr_str_eqz(method, "DELETE")) {
        status = 400;
    } else if (k) {
        status = edit_record(a, method, k, rest, j, &t, &no);
    } else {
        status = setup_change(a, method, path, j, &no);
    }
    journal_write(a, &(struct entry){.method = DR_STR_LIT("ADMIN"),
                                     .path = dr_httpd_path(r),
                                     .query = {"", 0},
                                     .body = dr_httpd_body(r),
                                     .status = status,
                                     .touched = &t,
                                     .touched_n = t.kind && status == 200,
                                     .effect = status == 200});
    dr_httpd_answer(r, status, NULL,
                    status == 200 ? DR_STR_LIT("true") : said(a, &no, ar));
}

static struct dr_str behind(struct dr_str path, const char *prefix)
{
    size_t n = strlen(prefix);

    return dr_str_starts(path, dr_str_z(prefix))
               ? (struct dr_str){path.p + n, path.n - n}
               : (struct dr_str){NULL, 0};
}

static void file_bytes(struct dr_httpd_req *r, struct account *a,
                       struct dr_str id)
{
    uint64_t n;
    const struct rec *rec =
        dr_str_u64(id, &n) ? NULL : rec_find(kind_named("files"), n);

    if (rec) {
        bytes_answer(a, r, rec);
    } else {
        dr_httpd_answer(r, 404, NULL, DR_STR_LIT("{}"));
    }
}

void admin_handle(struct dr_httpd_req *r, void *ctx)
{
    struct account *a = ctx;
    struct dr_str path = dr_httpd_path(r);

    late_tick(a);
    bulk_tick(a);
    dr_arena_reset(a->scratch);
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
        records(r, a, DR_STR_LIT("files"), false);
    } else if (behind(path, "/sim/files/").p) {
        file_bytes(r, a, behind(path, "/sim/files/"));
    } else {
        dr_httpd_answer(r, 404, NULL, DR_STR_LIT("{}"));
    }
}
