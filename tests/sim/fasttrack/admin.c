/* The admin port (bench reference 1.2). */
#include <string.h>

#include "world.h"

#define ANSWER_MAX ((size_t)1 << 30)

static void records(struct dr_httpd_req *r, struct world *w, struct dr_str type,
                    bool gone)
{
    const struct kind *k = world_kind(w, type);
    struct dr_buf b;

    dr_buf_init(&b, ANSWER_MAX);
    for (size_t i = 0; k && i < k->n; i++) {
        const struct rec *rec = &k->v[i];
        if (gone && rec->gone != LIVES) {
            dr_buf_printf(&b, "{\"id\":\"" DR_STR_FMT "\",\"op\":\"%s\"}\n",
                          DR_STR_ARG(rec->id),
                          rec->gone == MERGED ? "merge" : "delete");
        } else if (!gone && rec->gone == LIVES && !rec->poison &&
                   rec->body.n > 0) {
            dr_buf_str(&b, rec->body);
            dr_buf_ch(&b, '\n');
        }
    }
    dr_httpd_answer(r, k ? 200 : 404, "application/x-ndjson", dr_buf_view(&b));
    dr_buf_done(&b);
}

static void stats(struct dr_httpd_req *r, const struct world *w)
{
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    dr_buf_printf(&b, "{\"calls\":%lld,\"refused_429\":%lld}",
                  (long long)w->calls, (long long)w->refused);
    sim_answer(r, 200, &b);
    dr_buf_done(&b);
}

static void changes(struct dr_httpd_req *r, struct world *w)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 16);
    struct dr_buf b;

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
        }
    }
    script_tick(w);
    dr_buf_init(&b, 4096);
    script_status(w, &b);
    sim_answer(r, 200, &b);
    dr_buf_done(&b);
}

/* PUT/POST with a whole record; DELETE. */
static void edit(struct dr_httpd_req *r, struct world *w, struct dr_str rest)
{
    struct dr_str type = dr_str_split(&rest, '/');
    struct kind *k = world_kind(w, type);
    struct dr_str body = dr_arena_dup(w->arena, dr_httpd_body(r));
    const struct dr_json *j = dr_json_parse(w->arena, body, NULL, NULL);
    struct dr_str id = rest.n ? rest : dr_json_scalar(dr_json_get(j, "id"));
    int64_t now = vclock_now(&w->clock);
    struct rec *rec;

    if (!k || id.n == 0) {
        dr_httpd_answer(r, 404, NULL, DR_STR_LIT("false"));
        return;
    }
    if (dr_str_eqz(dr_httpd_method(r), "DELETE")) {
        rec = kind_put(w, k, id);
        rec->gone = DELETED;
        rec->version++;
        rec->updated_ms = now - now % 1000;
    } else {
        world_edit(w, k, id, j, now);
    }
    dr_httpd_answer(r, 200, NULL, DR_STR_LIT("true"));
}

void admin_handle(struct dr_httpd_req *r, void *ctx)
{
    struct world *w = ctx;
    struct dr_str path = dr_httpd_path(r);
    struct dr_str recs = DR_STR_LIT("/sim/records/");
    struct dr_str gone = DR_STR_LIT("/sim/deleted/");
    struct dr_str admin = DR_STR_LIT("/sim/admin/");

    script_tick(w);
    if (sim_admin(r, &w->clock, w->knobs, w->faults, w->journal)) {
        return;
    }
    if (dr_str_starts(path, recs)) {
        records(r, w, (struct dr_str){path.p + recs.n, path.n - recs.n}, false);
    } else if (dr_str_starts(path, gone)) {
        records(r, w, (struct dr_str){path.p + gone.n, path.n - gone.n}, true);
    } else if (dr_str_starts(path, admin)) {
        edit(r, w, (struct dr_str){path.p + admin.n, path.n - admin.n});
    } else if (dr_str_eqz(path, "/sim/stats")) {
        stats(r, w);
    } else if (dr_str_eqz(path, "/sim/changes")) {
        changes(r, w);
    } else {
        dr_httpd_answer(r, 404, NULL, DR_STR_LIT("{}"));
    }
}
