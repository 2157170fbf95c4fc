/* Pipelines, owners, currencies, names: what one record cannot decide. */
#include "propose_private.h"

#include <stdlib.h>
#include <string.h>

struct dr_str id_of(const struct dr_json *j)
{
    return dr_json_scalar(dr_json_get(j, "id"));
}

const struct dr_json *by_name(struct proposing *p, const struct dr_json *list,
                              const char *key, struct dr_str name)
{
    struct dr_str want = plan_norm(p->a, name);

    DR_JSON_EACH(j, list)
    {
        if (dr_str_eq(plan_norm(p->a, dr_json_get_str(j, key)), want)) {
            return j;
        }
    }
    return NULL;
}

/* ---- pipelines ---- */

static const char *forecast_type(const struct dr_json *stage)
{
    if (dr_json_true(dr_json_get(stage, "is_won"))) {
        return "Closed Won";
    }
    return dr_json_true(dr_json_get(stage, "is_closed")) ? "Closed Lost"
                                                         : "Open";
}

/* "0.20" is 20. */
static int64_t percent(struct dr_str s)
{
    int64_t v = 0;
    bool point = false;
    int after = 0;

    for (size_t i = 0; i < s.n && after < 2; i++) {
        if (s.p[i] == '.') {
            point = true;
        } else if (s.p[i] >= '0' && s.p[i] <= '9') {
            v = v * 10 + (s.p[i] - '0');
            after += point;
        }
    }
    for (; after < 2; after++) {
        v *= 10;
    }
    return v;
}

static bool stage_used(struct proposing *p, const struct dr_json *pipeline,
                       const struct dr_json *stage)
{
    struct dr_str key =
        dr_arena_printf(p->a, DR_STR_FMT "\n" DR_STR_FMT,
                        DR_STR_ARG(id_of(pipeline)), DR_STR_ARG(id_of(stage)));

    return !dr_json_true(dr_json_get(stage, "archived")) ||
           dr_map_has(p->profile->stages, key);
}

static bool pipeline_used(struct proposing *p, const struct dr_json *pipeline)
{
    if (!dr_json_true(dr_json_get(pipeline, "archived"))) {
        return true;
    }
    DR_JSON_EACH(s, dr_json_get(pipeline, "stages"))
    {
        if (stage_used(p, pipeline, s) &&
            dr_map_has(p->profile->stages,
                       dr_arena_printf(p->a, DR_STR_FMT "\n" DR_STR_FMT,
                                       DR_STR_ARG(id_of(pipeline)),
                                       DR_STR_ARG(id_of(s))))) {
            return true;
        }
    }
    return false;
}

static void stage_keys(struct dr_json_w *w, const struct dr_json *stage)
{
    dr_json_w_kvi(w, "position", dr_json_get_i64(stage, "order", 1));
    dr_json_w_kvi(w, "probability",
                  percent(dr_json_get_str(stage, "probability")));
    dr_json_w_kvz(w, "forecast_type", forecast_type(stage));
}

static void ask_pipeline(struct proposing *p, const struct dr_json *pipeline)
{
    struct dr_json_w *w = &p->list;

    item_begin(p, "pipeline", DR_STR_LIT("deals"),
               dr_json_get_str(pipeline, "label"),
               DR_STR_LIT("a pipeline of the source, with its stages in "
                          "order"));
    dr_json_w_key(w, "stages");
    dr_json_w_arr(w);
    DR_JSON_EACH(s, dr_json_get(pipeline, "stages"))
    {
        if (stage_used(p, pipeline, s)) {
            dr_json_w_obj(w);
            dr_json_w_kv(w, "name", dr_json_get_str(s, "label"));
            stage_keys(w, s);
            dr_json_w_end(w);
        }
    }
    dr_json_w_end(w);
    dr_json_w_end(w);
}

static void propose_stages(struct proposing *p, const struct dr_json *pipeline,
                           const struct dr_json *target)
{
    const struct dr_json *have = dr_json_get(target, "deal_stages");

    DR_JSON_EACH(s, dr_json_get(pipeline, "stages"))
    {
        struct dr_str label = dr_json_get_str(s, "label");
        const struct dr_json *hit = by_name(p, have, "name", label);

        if (!target || !stage_used(p, pipeline, s)) {
            continue;
        }
        if (hit) {
            dr_json_w_keys(&p->plan, id_of(s));
            dr_json_w_str(&p->plan, id_of(hit));
            continue;
        }
        item_begin(p, "stage", DR_STR_LIT("deals"), label,
                   DR_STR_LIT("a stage of the source that the pipeline "
                              "lacks"));
        dr_json_w_kv(&p->list, "pipeline", dr_json_get_str(target, "name"));
        stage_keys(&p->list, s);
        dr_json_w_end(&p->list);
    }
}

void propose_pipelines(struct proposing *p)
{
    const struct dr_json *have =
        dr_json_get(p->c->dst_selectors, "deal_pipelines");

    dr_json_w_key(&p->plan, "pipelines");
    dr_json_w_arr(&p->plan);
    DR_JSON_EACH(j, dr_json_get(p->c->src_pipelines, "deal"))
    {
        const struct dr_json *target =
            by_name(p, have, "name", dr_json_get_str(j, "label"));

        if (!wanted(p, "deal") || !pipeline_used(p, j)) {
            continue;
        }
        dr_json_w_obj(&p->plan);
        dr_json_w_kv(&p->plan, "source_id", id_of(j));
        dr_json_w_key(&p->plan, "target_id");
        if (target) {
            dr_json_w_str(&p->plan, id_of(target));
        } else {
            dr_json_w_null(&p->plan);
            ask_pipeline(p, j);
        }
        dr_json_w_key(&p->plan, "stages");
        dr_json_w_obj(&p->plan);
        propose_stages(p, j, target);
        dr_json_w_end(&p->plan);
        dr_json_w_end(&p->plan);
    }
    dr_json_w_end(&p->plan);
}

/* ---- owners ---- */

/* The active user with this address; *many when there are several. */
static const struct dr_json *user_of(struct proposing *p, struct dr_str mail,
                                     bool *inactive, bool *many)
{
    const struct dr_json *hit = NULL;

    *inactive = *many = false;
    DR_JSON_EACH(u, dr_json_get(p->c->dst_selectors, "users"))
    {
        if (!dr_str_eq(plan_email(p->a, dr_json_get_str(u, "email")), mail)) {
            continue;
        }
        if (!dr_json_true(dr_json_get(u, "is_active"))) {
            *inactive = true;
        } else {
            *many = hit != NULL;
            hit = u;
        }
    }
    return *many ? NULL : hit;
}

static const char *why_unmatched(const struct dr_json *owner,
                                 struct dr_str mail, bool inactive)
{
    if (dr_str_eqz(dr_json_get_str(owner, "kind"), "queue")) {
        return "a queue, not a person";
    }
    if (mail.n == 0) {
        return "no e-mail address";
    }
    return inactive ? "the user with this address is inactive in Freshsales"
                    : "no user with this address in Freshsales";
}

static void unmatched(struct proposing *p, struct dr_json_w *w,
                      struct dr_str id, struct dr_str mail, const char *why)
{
    dr_json_w_obj(w);
    dr_json_w_kv(w, "source_id", id);
    dr_json_w_kv(w, "email", mail);
    dr_json_w_kvz(w, "reason", why);
    dr_json_w_kvi(w, "records", (int64_t)profile_count(p->profile->owners, id));
    dr_json_w_end(w);
}

static void matched(struct dr_json_w *w, struct dr_str id, struct dr_str raw,
                    const struct dr_json *user)
{
    dr_json_w_obj(w);
    dr_json_w_kv(w, "source_id", id);
    dr_json_w_kv(w, "email", raw);
    dr_json_w_kv(w, "user_id", id_of(user));
    dr_json_w_kvz(w, "how",
                  dr_str_eq(raw, dr_json_get_str(user, "email"))
                      ? "email"
                      : "email, other case");
    dr_json_w_end(w);
}

static void authors(struct proposing *p)
{
    dr_json_w_key(&p->plan, "authors");
    dr_json_w_obj(&p->plan);
    DR_JSON_EACH(o, p->c->src_owners)
    {
        struct dr_str user = dr_json_scalar(dr_json_get(o, "user_id"));
        struct dr_str first = dr_json_get_str(o, "first_name");
        struct dr_str last = dr_json_get_str(o, "last_name");
        struct dr_str mail = dr_json_get_str(o, "email");
        bool earlier = false;

        DR_JSON_EACH(e, p->c->src_owners)
        {
            if (e == o) {
                break;
            }
            earlier |=
                dr_str_eq(dr_json_scalar(dr_json_get(e, "user_id")), user);
        }
        if (user.n == 0 || earlier) {
            continue;
        }
        dr_json_w_keys(&p->plan, user);
        dr_json_w_str(
            &p->plan,
            dr_str_trim(dr_arena_printf(
                p->a, DR_STR_FMT " " DR_STR_FMT " " DR_STR_FMT,
                DR_STR_ARG(first), DR_STR_ARG(last), DR_STR_ARG(mail))));
    }
    dr_json_w_end(&p->plan);
}

static bool listed(const struct proposing *p, struct dr_str id)
{
    DR_JSON_EACH(o, p->c->src_owners)
    {
        if (dr_str_eq(id_of(o), id)) {
            return true;
        }
    }
    return false;
}

/* Owners that records name but the list does not have, and none at all. */
static void unknown_owners(struct proposing *p, struct dr_json_w *w)
{
    struct dr_str id;
    size_t at = 0;

    while (dr_map_next(p->profile->owners, &at, &id, NULL)) {
        if (!listed(p, id)) {
            unmatched(p, w, id, (struct dr_str){"", 0},
                      id.n ? "FastTrack does not list this owner"
                           : "records without an owner");
        }
    }
}

static void owner_tail(struct proposing *p, struct dr_json_w *w)
{
    uint64_t fallback = p->o->fallback_owner;

    dr_json_w_end(&p->plan);
    dr_json_w_key(&p->plan, "fallback");
    dr_json_w_key(w, "fallback");
    if (fallback) {
        dr_json_w_u64(&p->plan, fallback);
        dr_json_w_u64(w, fallback);
    } else {
        dr_json_w_null(&p->plan);
        dr_json_w_null(w);
    }
    dr_json_w_kvz(&p->plan, "unresolved", fallback ? "fallback" : "park");
    dr_json_w_end(&p->plan);
    dr_json_w_end(w);
}

void propose_owners(struct proposing *p, struct dr_buf *report)
{
    struct dr_buf miss;
    struct dr_json_w w, m;

    dr_buf_init(&miss, (size_t)16 << 20);
    dr_json_w_init(&w, report);
    dr_json_w_init(&m, &miss);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "matched");
    dr_json_w_arr(&w);
    dr_json_w_arr(&m);
    dr_json_w_key(&p->plan, "owners");
    dr_json_w_obj(&p->plan);
    dr_json_w_key(&p->plan, "map");
    dr_json_w_obj(&p->plan);
    DR_JSON_EACH(o, p->c->src_owners)
    {
        struct dr_str raw = dr_json_get_str(o, "email");
        struct dr_str mail = plan_email(p->a, raw);
        bool inactive = false, many = false;
        const struct dr_json *u =
            mail.n ? user_of(p, mail, &inactive, &many) : NULL;

        if (u && !dr_str_eqz(dr_json_get_str(o, "kind"), "queue")) {
            dr_json_w_keys(&p->plan, id_of(o));
            dr_json_w_str(&p->plan, id_of(u));
            matched(&w, id_of(o), raw, u);
        } else {
            unmatched(p, &m, id_of(o), raw,
                      many ? "several users have this address"
                           : why_unmatched(o, mail, inactive));
        }
    }
    unknown_owners(p, &m);
    dr_json_w_end(&m);
    dr_json_w_end(&w);
    dr_json_w_key(&w, "unmatched");
    dr_json_w_raw(&w, dr_buf_view(&miss));
    dr_json_w_key(&w, "ambiguous");
    dr_json_w_arr(&w);
    dr_json_w_end(&w);
    owner_tail(p, &w);
    authors(p);
    dr_buf_done(&miss);
}

/* ---- currencies ---- */

void propose_currencies(struct proposing *p)
{
    const struct field_stats *s =
        profile_field(p->profile, DR_STR_LIT("deal"), DR_STR_LIT("currency"));
    struct dr_str code;
    size_t at = 0;

    dr_json_w_key(&p->plan, "currencies");
    dr_json_w_obj(&p->plan);
    while (s && wanted(p, "deal") &&
           dr_map_next(s->distinct, &at, &code, NULL)) {
        const struct dr_json *hit =
            by_name(p, dr_json_get(p->c->dst_selectors, "currencies"),
                    "currency_code", code);

        if (hit && dr_json_true(dr_json_get(hit, "is_active"))) {
            dr_json_w_keys(&p->plan, code);
            dr_json_w_str(&p->plan, id_of(hit));
        } else if (code.n == 3) {
            item_begin(p, "currency", DR_STR_LIT("deals"), code,
                       hit ? DR_STR_LIT("activate it") : DR_STR_LIT("add it"));
            dr_json_w_end(&p->list);
        }
    }
    dr_json_w_end(&p->plan);
}

/* ---- names, duplicates, hierarchy ---- */

static int named_order(const void *a, const void *b)
{
    const struct named *x = a;
    const struct named *y = b;
    int c = dr_str_cmp(x->name, y->name);

    c = c ? c : dr_str_cmp(x->created, y->created);
    return c ? c : dr_str_cmp(x->id, y->id);
}

static void cluster(struct dr_json_w *w, const char *object,
                    const struct named *v, size_t n, struct dr_str target,
                    const char *decision)
{
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "object", object);
    dr_json_w_kv(w, "key", v[0].name);
    dr_json_w_key(w, "ids");
    dr_json_w_arr(w);
    for (size_t i = 0; i < n; i++) {
        dr_json_w_str(w, v[i].id);
    }
    dr_json_w_end(w);
    dr_json_w_key(w, "target_ids");
    dr_json_w_arr(w);
    if (target.n > 0) {
        dr_json_w_str(w, target);
    }
    dr_json_w_end(w);
    dr_json_w_kv(w, "survivor", target.n ? target : v[0].id);
    dr_json_w_kvz(w, "decision", decision);
    dr_json_w_end(w);
}

typedef void group_fn(struct proposing *p, const struct named *v, size_t n,
                      struct dr_str target, void *ctx);

/* Groups of equal names; target: the record that was there before. */
static void each_group(struct proposing *p, const struct named_list *l,
                       const struct dr_map *had, group_fn *fn, void *ctx)
{
    for (size_t i = 0; i < l->n;) {
        size_t n = 1;
        while (i + n < l->n && dr_str_eq(l->v[i].name, l->v[i + n].name)) {
            n++;
        }
        if (l->v[i].name.n > 0) {
            fn(p, &l->v[i], n, map_text(had, l->v[i].name), ctx);
        }
        i += n;
    }
}

/* The first keeps the name, or becomes the account that had it before. */
static void rename_others(struct proposing *p, const struct named *v, size_t n,
                          struct dr_str target, void *ctx)
{
    (void)target;
    (void)ctx;
    for (size_t i = 1; i < n; i++) {
        dr_json_w_keys(&p->plan, v[i].id);
        dr_json_w_str(&p->plan,
                      dr_arena_printf(p->a, DR_STR_FMT " (" DR_STR_FMT ")",
                                      DR_STR_ARG(dr_utf8_prefix(v[i].raw, 180)),
                                      DR_STR_ARG(v[i].id)));
    }
}

static void merge_first(struct proposing *p, const struct named *v, size_t n,
                        struct dr_str target, void *ctx)
{
    (void)n;
    (void)ctx;
    if (target.n > 0) {
        dr_json_w_keys(&p->plan, v[0].id);
        dr_json_w_str(&p->plan, target);
    }
}

static void without_others(struct proposing *p, const struct named *v, size_t n,
                           struct dr_str target, void *ctx)
{
    (void)target;
    (void)ctx;
    for (size_t i = 1; i < n; i++) {
        dr_json_w_str(&p->plan, v[i].id);
    }
}

struct report {
    struct dr_json_w *w;
    const char *object, *decision;
};

static void report_group(struct proposing *p, const struct named *v, size_t n,
                         struct dr_str target, void *ctx)
{
    struct report *r = ctx;

    (void)p;
    if (n > 1 || target.n > 0) {
        cluster(r->w, r->object, v, n, target,
                target.n ? "merged into the record that was there before"
                         : r->decision);
    }
}

static int text_order(const void *a, const void *b)
{
    const struct dr_str *x = a;
    const struct dr_str *y = b;

    return dr_str_cmp(*x, *y);
}

static void shared_deals(struct proposing *p)
{
    const struct dr_map *deals = p->profile->deals;
    struct dr_str *v = dr_xcalloc(dr_map_count(deals) + 1, sizeof(*v));
    struct dr_str name;
    void *value;
    size_t at = 0, n = 0;

    while (dr_map_next(deals, &at, &name, &value)) {
        if (*(const uint64_t *)value > 1 ||
            dr_map_has(p->profile->had_deals, name)) {
            v[n++] = name;
        }
    }
    qsort(v, n, sizeof(*v), text_order);
    dr_json_w_key(&p->plan, "shared_deals");
    dr_json_w_arr(&p->plan);
    for (size_t i = 0; i < n; i++) {
        dr_json_w_str(&p->plan, v[i]);
    }
    dr_json_w_end(&p->plan);
    free(v);
}

/* Follows the parents from one company; when the walk comes back to where it
 * began, that company is in a circle. The largest id of a circle is cut. */
static bool is_cut(const struct dr_profile *p, struct dr_str start)
{
    struct dr_str at = map_text(p->parents, start), largest = start;
    size_t steps = dr_map_count(p->parents) + 1;

    while (at.n > 0 && steps-- > 0) {
        if (dr_str_eq(at, start)) {
            return dr_str_eq(largest, start);
        }
        if (dr_str_cmp(at, largest) > 0) {
            largest = at;
        }
        at = map_text(p->parents, at);
    }
    return false;
}

static void hierarchy(struct proposing *p)
{
    struct dr_str id;
    size_t at = 0;

    dr_json_w_key(&p->plan, "hierarchy");
    dr_json_w_obj(&p->plan);
    dr_json_w_key(&p->plan, "cut");
    dr_json_w_arr(&p->plan);
    while (dr_map_next(p->profile->parents, &at, &id, NULL)) {
        if (is_cut(p->profile, id)) {
            dr_json_w_str(&p->plan, id);
        }
    }
    dr_json_w_end(&p->plan);
    dr_json_w_end(&p->plan);
}

static void merges(struct proposing *p)
{
    const struct dr_profile *f = p->profile;

    dr_json_w_key(&p->plan, "merge");
    dr_json_w_obj(&p->plan);
    dr_json_w_kvz(&p->plan, "policy", "source_wins");
    dr_json_w_key(&p->plan, "company");
    dr_json_w_obj(&p->plan);
    each_group(p, &f->companies, f->had_accounts, merge_first, NULL);
    dr_json_w_end(&p->plan);
    dr_json_w_key(&p->plan, "contact");
    dr_json_w_obj(&p->plan);
    each_group(p, &f->contacts, f->had_contacts, merge_first, NULL);
    dr_json_w_end(&p->plan);
    dr_json_w_end(&p->plan);
    dr_json_w_key(&p->plan, "emails");
    dr_json_w_obj(&p->plan);
    dr_json_w_key(&p->plan, "without");
    dr_json_w_arr(&p->plan);
    each_group(p, &f->contacts, f->had_contacts, without_others, NULL);
    dr_json_w_end(&p->plan);
    dr_json_w_end(&p->plan);
}

static void report_duplicates(struct proposing *p, struct dr_buf *out)
{
    const struct dr_profile *f = p->profile;
    struct dr_json_w w;
    struct report accounts = {&w, "company",
                              "kept apart: the id was added to the names of "
                              "the later ones"};
    struct report people = {&w, "contact",
                            "kept apart: the later ones keep the address in "
                            "work_email"};

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "clusters");
    dr_json_w_arr(&w);
    each_group(p, &f->companies, f->had_accounts, report_group, &accounts);
    each_group(p, &f->contacts, f->had_contacts, report_group, &people);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}

void propose_names(struct proposing *p, struct dr_buf *duplicates)
{
    const struct dr_profile *f = p->profile;

    if (f->companies.n > 0) {
        qsort(f->companies.v, f->companies.n, sizeof(struct named),
              named_order);
    }
    if (f->contacts.n > 0) {
        qsort(f->contacts.v, f->contacts.n, sizeof(struct named), named_order);
    }
    hierarchy(p);
    dr_json_w_key(&p->plan, "names");
    dr_json_w_obj(&p->plan);
    dr_json_w_key(&p->plan, "company");
    dr_json_w_obj(&p->plan);
    each_group(p, &f->companies, f->had_accounts, rename_others, NULL);
    dr_json_w_end(&p->plan);
    shared_deals(p);
    dr_json_w_end(&p->plan);
    merges(p);
    report_duplicates(p, duplicates);
}
