/* Team selling, and what happened on a record (reference 3.5, 10.4). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "kinds.h"
#include "write.h"

#define TEAM_MAX 100
#define FEED_DEFAULT 25
#define FEED_MAX 100

/* ---- team members ---- */

void show_team(const struct show *s)
{
    const struct dr_json *team = rec_json(s->a, s->r, "@team");

    if (!team || team->count == 0) {
        dr_json_w_null(s->w);
        return;
    }
    dr_json_w_arr(s->w);
    DR_JSON_EACH(m, team)
    {
        dr_json_w_i64(s->w, dr_json_get_i64(m, "user_id", 0));
    }
    dr_json_w_end(s->w);
}

static int check_member(struct account *a, const struct dr_json *m,
                        struct refusal *r)
{
    struct list *designations = list_of(a->selectors, "designations");
    int64_t user = dr_json_get_i64(m, "user_id", 0);
    int64_t designation = dr_json_get_i64(m, "designation_id", 0);

    if (!list_find(list_of(a->selectors, "users"), (uint64_t)user)) {
        return noz(r, "%s does not exist", "user_id");
    }
    if (designation != 0 && designations->n > 0 &&
        !list_find(designations, (uint64_t)designation)) {
        return noz(r, "%s is not a valid choice", "designation_id");
    }
    return 0;
}

static const struct dr_json *of_user(const struct dr_json *list, int64_t user)
{
    DR_JSON_EACH(m, list)
    {
        if (dr_json_get_i64(m, "user_id", 0) == user) {
            return m;
        }
    }
    return NULL;
}

static void write_member(struct call *c, const struct rec *r,
                         const struct dr_json *m, const struct dr_json *have,
                         struct dr_json_w *w)
{
    char now[STAMP_TEXT];
    struct dr_str stamp =
        dr_str_z(stamp_text(c->a, vclock_now(&c->a->clock), now));
    struct dr_str born = dr_json_get_str(have, "created_at");
    int64_t designation = dr_json_get_i64(m, "designation_id", 0);

    dr_json_w_obj(w);
    dr_json_w_kvi(w, "user_id", dr_json_get_i64(m, "user_id", 0));
    dr_json_w_key(w, "designation_id");
    if (designation) {
        dr_json_w_i64(w, designation);
    } else {
        dr_json_w_null(w);
    }
    dr_json_w_key(w, "entity_id");
    dr_json_w_u64(w, r->id);
    dr_json_w_kv(w, "created_at", born.n ? born : stamp);
    dr_json_w_kv(w, "updated_at", stamp);
    dr_json_w_end(w);
}

/* Members that are there stay, those of the body are added or changed, and
 * removed by _destroy. */
static void keep_team(struct call *c, struct kind *k, struct rec *r,
                      const struct dr_json *team)
{
    const struct dr_json *have = rec_json(c->a, r, "@team");
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(m, have)
    {
        if (!of_user(team, dr_json_get_i64(m, "user_id", 0))) {
            dr_json_w_tree(&w, m);
        }
    }
    DR_JSON_EACH(m, team)
    {
        int64_t user = dr_json_get_i64(m, "user_id", 0);
        if (of_user(team, user) == m &&
            !dr_json_true(dr_json_get(m, "_destroy"))) {
            write_member(c, r, m, of_user(have, user), &w);
        }
    }
    dr_json_w_end(&w);
    rec_set(r, "@team", dr_buf_view(&b));
    dr_buf_done(&b);
    rec_touch(c->a, k, r);
}

void manage_team(struct call *c, struct kind *k, struct rec *r)
{
    const struct dr_json *team = dr_json_get(body_json(c), "team_users");
    struct refusal no = {0};

    if (dr_json_type(team) != DR_JSON_ARRAY || team->count > TEAM_MAX) {
        fail_with(c, &(struct refusal){400, "The type for %s is invalid.", 0,
                                       "team_users"});
        return;
    }
    DR_JSON_EACH(m, team)
    {
        if (check_member(c->a, m, &no)) {
            fail_with(c, &no);
            return;
        }
    }
    keep_team(c, k, r, team);
    c->effect = true;
    touch(c, k, r->id, "update");
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "team_users");
    dr_json_w_raw(&c->w, rec_value(r, "@team"));
    dr_json_w_end(&c->w);
}

/* ---- the feed ---- */

struct happened {
    const struct kind *k;
    const struct rec *r;
};

static int newest_first(const void *x, const void *y)
{
    const struct rec *a = ((const struct happened *)x)->r;
    const struct rec *b = ((const struct happened *)y)->r;

    return a->created_ms != b->created_ms
               ? (a->created_ms > b->created_ms ? -1 : 1)
               : (a->id > b->id ? -1 : a->id < b->id);
}

/* The record itself and what hangs on it, as it was made. */
static size_t gather(struct call *c, const struct kind *k, const struct rec *r,
                     struct happened **out)
{
    struct dr_str key =
        dr_arena_printf(c->ar, "%s:%llu", k->model, (unsigned long long)r->id);
    size_t n = 0;

    *out = dr_xcalloc(1, sizeof(**out));
    (*out)[n++] = (struct happened){k, r};
    for (size_t i = 0; i < kind_count; i++) {
        const struct hits *h =
            kinds[i].hangs
                ? index_find(c->a, &kinds[i], DR_STR_LIT("targetables"), key)
                : NULL;
        if (h && h->n > 0) {
            *out = dr_xrealloc(*out, (n + h->n) * sizeof(**out));
        }
        for (size_t x = 0; h && x < h->n; x++) {
            (*out)[n++] = (struct happened){&kinds[i], h->v[x]};
        }
    }
    qsort(*out, n, sizeof(**out), newest_first);
    return n;
}

static void write_event(struct call *c, const struct kind *k,
                        const struct rec *r, const struct happened *h)
{
    char stamp[STAMP_TEXT];

    dr_json_w_obj(&c->w);
    dr_json_w_kv(&c->w, "composite_id",
                 dr_arena_printf(c->ar, "%s_%llu", h->k->root,
                                 (unsigned long long)h->r->id));
    dr_json_w_key(&c->w, "id");
    dr_json_w_u64(&c->w, h->r->id);
    dr_json_w_kvz(&c->w, "action_type", "create");
    dr_json_w_key(&c->w, "action_data");
    dr_json_w_raw(&c->w, DR_STR_LIT("{}"));
    dr_json_w_kvz(&c->w, "actionable_type", h->k->model);
    dr_json_w_key(&c->w, "actionable_id");
    dr_json_w_u64(&c->w, h->r->id);
    dr_json_w_kvz(&c->w, "targetable_type", k->model);
    dr_json_w_key(&c->w, "targetable_id");
    dr_json_w_u64(&c->w, r->id);
    dr_json_w_kvb(&c->w, "user_activity", true);
    if (asked(include(c), "user")) {
        dr_json_w_key(&c->w, "user_id");
        dr_json_w_u64(&c->w, h->r->creater);
    }
    dr_json_w_kvz(&c->w, "created_at",
                  stamp_text(c->a, h->r->created_ms, stamp));
    dr_json_w_end(&c->w);
}

/* The users that made what is shown, once each. */
static void write_users(struct call *c, const struct happened *v, size_t n)
{
    struct list *users = list_of(c->a->selectors, "users");

    dr_json_w_key(&c->w, "users");
    dr_json_w_arr(&c->w);
    for (size_t i = 0; i < users->n; i++) {
        uint64_t id = (uint64_t)dr_json_get_i64(list_at(users, i), "id", 0);
        bool any = false;
        for (size_t x = 0; x < n; x++) {
            any |= v[x].r->creater == id;
        }
        if (any) {
            dr_json_w_tree(&c->w, list_at(users, i));
        }
    }
    dr_json_w_end(&c->w);
}

static uint64_t number(struct call *c, const char *name, uint64_t otherwise)
{
    uint64_t n;

    return dr_str_u64(arg(c, name), &n) || n == 0 ? otherwise : n;
}

void feed(struct call *c, const struct kind *k, const struct rec *r)
{
    uint64_t limit = number(c, "limit", FEED_DEFAULT);
    uint64_t page_no = number(c, "page", 1);
    struct happened *v;
    size_t n = gather(c, k, r, &v), from, to;

    limit = limit > FEED_MAX ? FEED_MAX : limit;
    from = page_no - 1 > n / limit ? n : (size_t)((page_no - 1) * limit);
    to = from + limit < n ? from + (size_t)limit : n;
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "activities");
    dr_json_w_arr(&c->w);
    for (size_t i = from; i < to; i++) {
        write_event(c, k, r, &v[i]);
    }
    dr_json_w_end(&c->w);
    if (asked(include(c), "user")) {
        write_users(c, v + from, to - from);
    }
    dr_json_w_key(&c->w, "meta");
    dr_json_w_obj(&c->w);
    dr_json_w_kvb(&c->w, "has_next", to < n);
    dr_json_w_kvb(&c->w, "has_previous", from > 0 && n > 0);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    free(v);
}
