/* Names and addresses that the target wants to be unique: who keeps one, and
 * who becomes a record that was there before. */
#include "propose_private.h"

#include <stdlib.h>

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

/* "Name (id)", and further on where even that is taken. */
static struct dr_str other_name(struct proposing *p, struct dr_map *taken,
                                const struct named *v)
{
    struct dr_str name = plan_other_name(p->a, v->raw, v->id, 1);

    for (int i = 2; dr_map_has(taken, plan_norm(p->a, name)); i++) {
        name = plan_other_name(p->a, v->raw, v->id, i);
    }
    dr_map_put(taken, plan_norm(p->a, name), p);
    return name;
}

/* The first keeps the name, or becomes the account that had it before. */
static void rename_others(struct proposing *p, const struct named *v, size_t n,
                          struct dr_str target, void *ctx)
{
    (void)target;
    for (size_t i = 1; i < n; i++) {
        dr_json_w_keys(&p->plan, v[i].id);
        dr_json_w_str(&p->plan, other_name(p, ctx, &v[i]));
    }
}

/* Every name that an account has or will have. */
static struct dr_map *taken_names(const struct proposing *p)
{
    const struct dr_profile *f = p->profile;
    struct dr_map *taken = dr_map_new(NULL);
    struct dr_str key;
    size_t at = 0;

    for (size_t i = 0; i < f->companies.n; i++) {
        dr_map_put(taken, f->companies.v[i].name, taken);
    }
    while (dr_map_next(f->had_accounts, &at, &key, NULL)) {
        dr_map_put(taken, key, taken);
    }
    return taken;
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
        dr_json_w_keys(&p->plan, v[i].id);
        dr_json_w_str(&p->plan, v[i].name);
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
    dr_json_w_obj(&p->plan);
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

static void sort(const struct named_list *l)
{
    if (l->n > 0) {
        qsort(l->v, l->n, sizeof(*l->v), named_order);
    }
}

void propose_names(struct proposing *p, struct dr_buf *duplicates)
{
    const struct dr_profile *f = p->profile;
    struct dr_map *taken = taken_names(p);

    sort(&f->companies);
    sort(&f->contacts);
    dr_json_w_key(&p->plan, "names");
    dr_json_w_obj(&p->plan);
    dr_json_w_key(&p->plan, "company");
    dr_json_w_obj(&p->plan);
    each_group(p, &f->companies, f->had_accounts, rename_others, taken);
    dr_json_w_end(&p->plan);
    dr_json_w_end(&p->plan);
    merges(p);
    report_duplicates(p, duplicates);
    dr_map_free(taken);
}
