/* The admin port (bench reference 1.2). */
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "world.h"

#define ANSWER_MAX ((size_t)1 << 30)

static void gone_line(struct dr_buf *b, const struct rec *r)
{
    static const char *const ops[] = {
        [DELETED] = "delete", [MERGED] = "merge", [PURGED] = "purge"};
    char text[DR_TIME_TEXT];
    struct dr_json_w w;

    dr_json_w_init(&w, b);
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "id", r->id);
    dr_json_w_kvz(&w, "op", ops[r->gone]);
    dr_json_w_kvi(&w, "version", (int64_t)r->version);
    dr_json_w_kvz(&w, "updated_at", dr_time_format(r->updated_ms, text));
    if (r->gone == MERGED) {
        dr_json_w_kv(&w, "merged_into", r->merged_into);
    }
    dr_json_w_end(&w);
    dr_buf_ch(b, '\n');
}

static void records(struct dr_httpd_req *r, struct world *w, struct dr_str type,
                    bool gone)
{
    const struct kind *k = world_kind(w, type);
    struct dr_buf b;

    dr_buf_init(&b, ANSWER_MAX);
    for (size_t i = 0; k && i < k->n; i++) {
        const struct rec *rec = &k->v[i];
        if (gone && rec->gone != LIVES) {
            gone_line(&b, rec);
        } else if (!gone && rec_exists(rec) && !rec->poison) {
            dr_buf_str(&b, rec->body);
            dr_buf_ch(&b, '\n');
        }
    }
    dr_httpd_answer(r, k ? 200 : 404, "application/x-ndjson", dr_buf_view(&b));
    dr_buf_done(&b);
}

/* Records that cannot be read, and what stands in a part in their place: its
 * length, and hashes of what a reject keeps of it: a MiB, or of a line beyond
 * all limits its head. */
#define KEPT_MAX ((size_t)1 << 20)
#define HEAD_MAX ((size_t)4096)

static void hash_of(struct dr_json_w *j, const char *key, struct dr_str s,
                    size_t max)
{
    uint8_t sum[32];
    char hex[65];

    s.n = s.n < max ? s.n : max;
    dr_sha256(s, sum);
    dr_hex(sum, sizeof(sum), hex);
    dr_json_w_kvz(j, key, hex);
}

static void poison(struct dr_httpd_req *r, struct world *w, struct dr_str type)
{
    const struct kind *k = world_kind(w, type);
    struct dr_buf b;

    dr_buf_init(&b, ANSWER_MAX);
    for (size_t i = 0; k && i < k->n; i++) {
        const struct rec *rec = &k->v[i];
        struct dr_json_w j;
        if (!rec_exists(rec) || !rec->poison) {
            continue;
        }
        dr_json_w_init(&j, &b);
        dr_json_w_obj(&j);
        dr_json_w_kv(&j, "id", rec->id);
        dr_json_w_kvi(&j, "bytes", (int64_t)rec->body.n);
        hash_of(&j, "sha256", rec->body, KEPT_MAX);
        hash_of(&j, "head_sha256", rec->body, HEAD_MAX);
        dr_json_w_end(&j);
        dr_buf_ch(&b, '\n');
    }
    dr_httpd_answer(r, k ? 200 : 404, "application/x-ndjson", dr_buf_view(&b));
    dr_buf_done(&b);
}

/* Every link of a pair of types, as the source has it now. */
static void associations(struct dr_httpd_req *r, struct world *w,
                         struct dr_str pair)
{
    struct dr_str to = pair, from = dr_str_split(&to, '/');
    const struct pair *p = world_pair(w, from, to);
    struct dr_buf b;

    dr_buf_init(&b, ANSWER_MAX);
    for (size_t i = 0; p && i < p->n; i++) {
        const struct assoc *a = &p->v[i];
        struct dr_json_w j;
        dr_json_w_init(&j, &b);
        dr_json_w_obj(&j);
        dr_json_w_kv(&j, "from_id", a->from);
        dr_json_w_kv(&j, "to_id", a->to);
        dr_json_w_kvi(&j, "type_id", a->type_id);
        dr_json_w_kv(&j, "label", a->label);
        dr_json_w_kv(&j, "category", a->category);
        dr_json_w_kvb(&j, "primary", a->primary);
        dr_json_w_end(&j);
        dr_buf_ch(&b, '\n');
    }
    dr_httpd_answer(r, p ? 200 : 404, "application/x-ndjson", dr_buf_view(&b));
    dr_buf_done(&b);
}

static void window(struct dr_json_w *w, const char *kind,
                   const struct window_use *use)
{
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "kind", kind);
    dr_json_w_kvi(w, "used", use->used);
    dr_json_w_end(w);
}

static void stats(struct dr_httpd_req *r, const struct world *w)
{
    struct dr_json_w j;
    struct dr_buf b;
    struct dr_str key;
    size_t at = 0;
    void *n;

    dr_buf_init(&b, (size_t)64 << 20);
    dr_json_w_init(&j, &b);
    dr_json_w_obj(&j);
    dr_json_w_kvi(&j, "calls", w->calls);
    dr_json_w_key(&j, "calls_by");
    dr_json_w_obj(&j);
    while (dr_map_next(w->calls_by, &at, &key, &n)) {
        dr_json_w_keys(&j, key);
        dr_json_w_i64(&j, *(int64_t *)n);
    }
    dr_json_w_end(&j);
    dr_json_w_kvi(&j, "accepted", w->calls - w->refused);
    dr_json_w_kvi(&j, "refused_429", w->refused);
    dr_json_w_kvi(&j, "largest_429_burst", w->largest_burst);
    dr_json_w_kvi(&j, "downloads", w->downloads);
    dr_json_w_kvi(&j, "token_leaks", w->token_leaks);
    dr_json_w_key(&j, "windows");
    dr_json_w_arr(&j);
    window(&j, "burst", &w->limits.burst);
    window(&j, "daily", &w->limits.daily);
    dr_json_w_end(&j);
    bites_told(w, &j);
    dr_json_w_end(&j);
    sim_answer(r, 200, &b);
    dr_buf_done(&b);
}

static void changes(struct dr_httpd_req *r, struct world *w)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 16);
    struct dr_buf b;
    bool known = true;

    if (dr_str_eqz(dr_httpd_method(r), "POST")) {
        const struct dr_json *j =
            dr_json_parse(a, dr_httpd_body(r), NULL, NULL);
        struct dr_str action = dr_json_get_str(j, "action");
        if (dr_str_eqz(action, "start")) {
            script_start(w, dr_json_get_i64(j, "scale", 0));
        } else if (dr_str_eqz(action, "pause")) {
            w->playing = false;
        } else if (dr_str_eqz(action, "all")) {
            script_all(w);
        } else if (dr_str_eqz(action, "step")) {
            script_step(w);
        } else {
            known = false;
        }
    }
    script_tick(w);
    dr_buf_init(&b, 4096);
    script_status(w, &b);
    sim_answer(r, known ? 200 : 400, &b);
    dr_buf_done(&b);
}

/* The line of the script that this edit is, in the world's memory: a body
 * with `op` is one already, any other is a record that is saved. */
static const struct dr_json *edit_line(struct world *w, struct dr_httpd_req *r,
                                       struct dr_str type, struct dr_str id)
{
    struct dr_json_limits limits = {.max_bytes = (size_t)64 << 20};
    const struct dr_json *j = dr_json_parse(
        w->arena, dr_arena_dup(w->arena, dr_httpd_body(r)), &limits, NULL);
    bool delete = dr_str_eqz(dr_httpd_method(r), "DELETE");
    struct dr_json_w out;
    struct dr_buf b;
    struct dr_str text;

    dr_buf_init(&b, (size_t)64 << 20);
    dr_json_w_init(&out, &b);
    dr_json_w_obj(&out);
    if (!dr_str_eqz(type, "associations")) {
        dr_json_w_kv(&out, "type", type);
        dr_json_w_kv(&out, "id",
                     id.n ? id : dr_json_scalar(dr_json_get(j, "id")));
    }
    if (delete || !dr_json_get(j, "op")) {
        dr_json_w_kvz(&out, "op", delete ? "delete" : "upsert");
    }
    if (!delete &&!dr_json_get(j, "op") && j) {
        dr_json_w_key(&out, "record");
        dr_json_w_tree(&out, j);
    } else if (!delete) {
        DR_JSON_EACH(m, j)
        {
            if (!dr_str_eqz(m->key, "type") && !dr_str_eqz(m->key, "id")) {
                dr_json_w_keys(&out, m->key);
                dr_json_w_tree(&out, m);
            }
        }
    }
    dr_json_w_end(&out);
    text = dr_arena_dup(w->arena, dr_buf_view(&b));
    dr_buf_done(&b);
    return dr_json_parse(w->arena, text, &limits, NULL);
}

static void note(struct world *w, struct dr_httpd_req *r)
{
    struct dr_json_w j;
    struct dr_buf b;

    dr_buf_init(&b, 8192);
    dr_json_w_init(&j, &b);
    dr_json_w_obj(&j);
    dr_json_w_kvi(&j, "seq", journal_next(w->journal));
    dr_json_w_kvi(&j, "at_ms", vclock_now(&w->clock));
    dr_json_w_kvz(&j, "method", "ADMIN");
    dr_json_w_kv(&j, "path", dr_httpd_path(r));
    dr_json_w_kvi(&j, "status", 200);
    dr_json_w_kvz(&j, "fault", NULL);
    dr_json_w_kvb(&j, "effect", true);
    dr_json_w_end(&j);
    journal_add(w->journal, dr_buf_view(&b));
    dr_buf_done(&b);
}

/* What is no record: an event, or a change of the schema as the script has
 * it. NULL, or what is wrong with it. */
static const char *add_other(struct world *w, const struct dr_httpd_req *r,
                             bool event)
{
    const struct dr_json *j = dr_json_parse(
        w->arena, dr_arena_dup(w->arena, dr_httpd_body(r)), NULL, NULL);
    const char *why;

    if (!j) {
        return "the body is no JSON";
    }
    if (event) {
        return events_ingest(w, j, vclock_now(&w->clock));
    }
    why = schema_fault(w, j);
    if (!why) {
        schema_change(w, j);
    }
    return why;
}

/* As a user of FastTrack would: the version goes up by one, the stamp is the
 * clock's. */
static void edit(struct dr_httpd_req *r, struct world *w, struct dr_str rest)
{
    struct dr_str type = dr_str_split(&rest, '/');
    const char *why = "the body is no JSON";

    if (dr_str_eqz(type, "event") || dr_str_eqz(type, "schema")) {
        why = add_other(w, r, dr_str_eqz(type, "event"));
    } else {
        const struct dr_json *line = edit_line(w, r, type, rest);
        why = line ? change_fault(w, line) : why;
        if (!why) {
            change_apply(w, line, vclock_now(&w->clock));
        }
    }
    if (why) {
        dr_httpd_answer(r, 400, "text/plain", dr_str_z(why));
        return;
    }
    note(w, r);
    dr_httpd_answer(r, 200, NULL, DR_STR_LIT("true"));
}

static void export_jobs(struct dr_httpd_req *r, struct world *w)
{
    struct dr_buf b;

    exports_tick(w);
    dr_buf_init(&b, (size_t)16 << 20);
    exports_told(w, &b);
    dr_httpd_answer(r, 200, "application/x-ndjson", dr_buf_view(&b));
    dr_buf_done(&b);
}

void admin_handle(struct dr_httpd_req *r, void *ctx)
{
    struct world *w = ctx;
    struct dr_str path = dr_httpd_path(r);
    struct dr_str recs = DR_STR_LIT("/sim/records/");
    struct dr_str gone = DR_STR_LIT("/sim/deleted/");
    struct dr_str admin = DR_STR_LIT("/sim/admin/");
    struct dr_str bad = DR_STR_LIT("/sim/poison/");
    struct dr_str ends = DR_STR_LIT("/sim/associations/");

    script_tick(w);
    if (sim_admin(r, &w->clock, w->knobs, w->faults, w->journal)) {
        return;
    }
    if (dr_str_starts(path, recs)) {
        records(r, w, (struct dr_str){path.p + recs.n, path.n - recs.n}, false);
    } else if (dr_str_starts(path, gone)) {
        records(r, w, (struct dr_str){path.p + gone.n, path.n - gone.n}, true);
    } else if (dr_str_starts(path, bad)) {
        poison(r, w, (struct dr_str){path.p + bad.n, path.n - bad.n});
    } else if (dr_str_starts(path, ends)) {
        associations(r, w, (struct dr_str){path.p + ends.n, path.n - ends.n});
    } else if (dr_str_starts(path, admin)) {
        edit(r, w, (struct dr_str){path.p + admin.n, path.n - admin.n});
    } else if (dr_str_eqz(path, "/sim/stats")) {
        stats(r, w);
    } else if (dr_str_eqz(path, "/sim/exports")) {
        export_jobs(r, w);
    } else if (dr_str_eqz(path, "/sim/changes")) {
        changes(r, w);
    } else {
        dr_httpd_answer(r, 404, NULL, DR_STR_LIT("{}"));
    }
}
