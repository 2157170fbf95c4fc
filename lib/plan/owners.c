/* Owners by e-mail to active users (mapping reference 8), and who wrote what.
 */
#include "propose_private.h"

/* The users with one address, as far as they matter. */
struct users {
    const struct dr_json *active; /* the first one */
    size_t active_n;
    bool inactive;
};

static struct users users_of(struct proposing *p, struct dr_str mail)
{
    struct users out = {NULL, 0, false};

    DR_JSON_EACH(u, dr_json_get(p->c->dst_selectors, "users"))
    {
        if (mail.n == 0 ||
            !dr_str_eq(plan_email(p->a, dr_json_get_str(u, "email")), mail)) {
            continue;
        }
        if (!dr_json_true(dr_json_get(u, "is_active"))) {
            out.inactive = true;
        } else if (out.active_n++ == 0) {
            out.active = u;
        }
    }
    return out;
}

static bool is_queue(const struct dr_json *owner)
{
    return dr_str_eqz(dr_json_get_str(owner, "kind"), "queue");
}

static const char *why_unmatched(const struct dr_json *owner,
                                 struct dr_str mail, const struct users *u)
{
    if (is_queue(owner)) {
        return "a queue, not a person";
    }
    if (mail.n == 0) {
        return "no e-mail address";
    }
    if (u->active_n > 1) {
        return "several users have this address";
    }
    return u->inactive ? "the user with this address is inactive in Freshsales"
                       : "no user with this address in Freshsales";
}

static struct dr_str full_name(struct proposing *p, const struct dr_json *owner)
{
    struct dr_str first = dr_json_get_str(owner, "first_name");
    struct dr_str last = dr_json_get_str(owner, "last_name");

    return dr_str_trim(dr_arena_printf(p->a, DR_STR_FMT " " DR_STR_FMT,
                                       DR_STR_ARG(first), DR_STR_ARG(last)));
}

static void write_state(struct dr_json_w *w, const struct dr_json *owner)
{
    const struct dr_json *active = dr_json_get(owner, "active");

    dr_json_w_kvz(w, "in_source",
                  dr_json_true(dr_json_get(owner, "archived")) ? "archived"
                  : active && !dr_json_true(active)            ? "inactive"
                                                               : "active");
}

/* owner NULL: records name it, the list does not have it. */
static void unmatched(struct proposing *p, struct dr_json_w *w,
                      struct dr_str id, const struct dr_json *owner,
                      const char *why)
{
    const struct dr_json *same = NULL;

    dr_json_w_obj(w);
    dr_json_w_kv(w, "source_id", id);
    dr_json_w_kv(w, "email", dr_json_get_str(owner, "email"));
    dr_json_w_kvz(w, "reason", why);
    dr_json_w_kvi(w, "records", (int64_t)profile_count(p->profile->owners, id));
    if (owner && !is_queue(owner)) {
        write_state(w, owner);
        same = full_name(p, owner).n > 0
                   ? by_name(p->a, dr_json_get(p->c->dst_selectors, "users"),
                             "display_name", full_name(p, owner))
                   : NULL;
    }
    if (dr_json_true(dr_json_get(same, "is_active"))) { /* never taken so */
        dr_json_w_kv(w, "same_name_user_id", id_of(same));
    }
    dr_json_w_end(w);
}

static void matched(struct proposing *p, struct dr_json_w *w,
                    const struct dr_json *owner, const struct dr_json *user)
{
    struct dr_str raw = dr_json_get_str(owner, "email");

    dr_json_w_keys(&p->plan, id_of(owner));
    dr_json_w_str(&p->plan, id_of(user));
    dr_json_w_obj(w);
    dr_json_w_kv(w, "source_id", id_of(owner));
    dr_json_w_kv(w, "email", raw);
    dr_json_w_kv(w, "user_id", id_of(user));
    dr_json_w_kvz(w, "how",
                  dr_str_eq(raw, dr_json_get_str(user, "email"))
                      ? "email"
                      : "email, other case");
    write_state(w, owner);
    dr_json_w_kvi(w, "records",
                  (int64_t)profile_count(p->profile->owners, id_of(owner)));
    dr_json_w_end(w);
}

static bool has_mail(struct proposing *p, const struct dr_json *owner,
                     struct dr_str mail)
{
    return !is_queue(owner) &&
           dr_str_eq(plan_email(p->a, dr_json_get_str(owner, "email")), mail);
}

/* The owners that share this one's address; told at the first of them. */
static void ambiguous(struct proposing *p, struct dr_json_w *w,
                      const struct dr_json *owner, struct dr_str mail,
                      const struct users *u)
{
    size_t n = 0;

    if (mail.n == 0 || is_queue(owner)) {
        return;
    }
    DR_JSON_EACH(o, p->c->src_owners)
    {
        if (has_mail(p, o, mail)) {
            if (n++ == 0 && o != owner) {
                return;
            }
        }
    }
    if (n < 2 && u->active_n < 2) {
        return;
    }
    dr_json_w_obj(w);
    dr_json_w_kv(w, "email", mail);
    dr_json_w_key(w, "source_ids");
    dr_json_w_arr(w);
    DR_JSON_EACH(o, p->c->src_owners)
    {
        if (has_mail(p, o, mail)) {
            dr_json_w_str(w, id_of(o));
        }
    }
    dr_json_w_end(w);
    dr_json_w_kv(w, "user_id", id_of(u->active));
    dr_json_w_kvz(w, "reason",
                  u->active_n > 1 ? "several users have this address: none was "
                                    "taken"
                                  : "several owners have this address: all "
                                    "became this user");
    dr_json_w_end(w);
}

/* "Ann North ann@north.example": users of the source are no users here. */
static struct dr_str name_and_mail(struct proposing *p, const struct dr_json *o)
{
    struct dr_str name = full_name(p, o);
    struct dr_str mail = dr_str_trim(dr_json_get_str(o, "email"));

    return dr_str_trim(dr_arena_printf(p->a, DR_STR_FMT " " DR_STR_FMT,
                                       DR_STR_ARG(name), DR_STR_ARG(mail)));
}

/* Who owned or wrote a record, as text: by the ids under `id`. */
static void people(struct proposing *p, const char *member, const char *id)
{
    struct dr_map *done = dr_map_new(NULL);

    dr_json_w_key(&p->plan, member);
    dr_json_w_obj(&p->plan);
    DR_JSON_EACH(o, p->c->src_owners)
    {
        struct dr_str key = dr_json_scalar(dr_json_get(o, id));

        if (key.n == 0 || dr_map_has(done, key)) {
            continue;
        }
        dr_map_put(done, key, p);
        dr_json_w_keys(&p->plan, key);
        dr_json_w_str(&p->plan, name_and_mail(p, o));
    }
    dr_json_w_end(&p->plan);
    dr_map_free(done);
}

/* Owners that records name but the list does not have, and none at all. */
static void unknown_owners(struct proposing *p, struct dr_json_w *w)
{
    size_t n;
    struct dr_str *ids = sorted_keys(p->a, p->profile->owners, &n);

    for (size_t i = 0; i < n; i++) {
        if (!by_id(p->c->src_owners, ids[i])) {
            unmatched(p, w, ids[i], NULL,
                      ids[i].n ? "FastTrack does not list this owner"
                               : "records without an owner");
        }
    }
}

static void decided(struct proposing *p, struct dr_json_w *w, const char *key,
                    uint64_t id)
{
    struct dr_json_w *const both[] = {&p->plan, w};

    for (size_t i = 0; i < DR_ARRAY_LEN(both); i++) {
        dr_json_w_key(both[i], key);
        if (id) {
            dr_json_w_u64(both[i], id);
        } else {
            dr_json_w_null(both[i]);
        }
    }
}

static void fallback(struct proposing *p, struct dr_json_w *w)
{
    uint64_t id = p->o->fallback_owner;

    decided(p, w, "house", p->o->house_owner);
    decided(p, w, "fallback", id);
    dr_json_w_kvz(&p->plan, "unresolved", id ? "fallback" : "park");
}

/* A person at work who owns records is a user that the target lacks. Nobody is
 * asked to bring back who has left. */
static void ask_user(struct proposing *p, const struct dr_json *owner,
                     struct dr_str mail, const struct users *u)
{
    const struct dr_json *active = dr_json_get(owner, "active");
    uint64_t n = profile_count(p->profile->owners, id_of(owner));

    if (is_queue(owner) || mail.n == 0 || u->active_n > 0 || u->inactive ||
        n == 0 || dr_json_true(dr_json_get(owner, "archived")) ||
        (active && !dr_json_true(active)) ||
        !item_begin(p, "user", DR_STR_LIT("users"), mail,
                    DR_STR_LIT("create and activate"))) {
        return;
    }
    dr_json_w_kv(&p->list, "email", mail);
    dr_json_w_kv(&p->list, "label", full_name(p, owner));
    dr_json_w_kvi(&p->list, "records", (int64_t)n);
    item_end(p);
}

struct lists {
    struct dr_json_w hit, miss, twice;
};

static void each_owner(struct proposing *p, struct lists *l)
{
    DR_JSON_EACH(o, p->c->src_owners)
    {
        struct dr_str mail = plan_email(p->a, dr_json_get_str(o, "email"));
        struct users u = users_of(p, mail);

        if (u.active_n == 1 && !is_queue(o)) {
            matched(p, &l->hit, o, u.active);
        } else {
            unmatched(p, &l->miss, id_of(o), o, why_unmatched(o, mail, &u));
            ask_user(p, o, mail, &u);
        }
        ambiguous(p, &l->twice, o, mail, &u);
    }
    unknown_owners(p, &l->miss);
}

void propose_owners(struct proposing *p, struct dr_buf *report)
{
    static const char *const names[] = {"matched", "unmatched", "ambiguous"};
    struct dr_buf text[DR_ARRAY_LEN(names)];
    struct lists l;
    struct dr_json_w *const lists[] = {&l.hit, &l.miss, &l.twice};
    struct dr_json_w w;

    for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
        dr_buf_init(&text[i], report->max);
        dr_json_w_init(lists[i], &text[i]);
        dr_json_w_arr(lists[i]);
    }
    dr_json_w_key(&p->plan, "owners");
    dr_json_w_obj(&p->plan);
    dr_json_w_key(&p->plan, "map");
    dr_json_w_obj(&p->plan);
    each_owner(p, &l);
    dr_json_w_end(&p->plan);
    dr_json_w_init(&w, report);
    dr_json_w_obj(&w);
    for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
        dr_json_w_end(lists[i]);
        dr_json_w_key(&w, names[i]);
        dr_json_w_raw(&w, dr_buf_view(&text[i]));
        dr_buf_done(&text[i]);
    }
    fallback(p, &w);
    people(p, "names", "id");
    dr_json_w_end(&w);
    dr_json_w_end(&p->plan);
    people(p, "authors", "user_id");
}
