/* What every object has: owner, provenance, links. */
#include "plan_private.h"

#include <string.h>

#include <drover/base/time.h>

const struct rule *special_rule(const struct build *b, const char *special)
{
    for (size_t i = 0; i < b->op->n; i++) {
        if (dr_str_eqz(b->op->rules[i].special, special)) {
            return &b->op->rules[i];
        }
    }
    return NULL;
}

static void park(struct build *b, struct dr_str owner)
{
    build_reject(b, "owner_unresolved", DR_STR_LIT("owner_id"),
                 DR_STR_LIT("owner"),
                 owner.n ? "its owner has no active user in Freshsales"
                         : "it has no owner in FastTrack",
                 "create the user, or name a fallback owner, and have the "
                 "plan approved: the record then flows by itself");
    if (b->state == DR_OUT_REJECTED &&
        dr_str_eqz(b->reject.class, "owner_unresolved")) {
        b->state = DR_OUT_PARKED;
        b->reject.parked = true;
    }
}

void apply_owner(struct build *b)
{
    struct dr_str owner = dr_json_scalar(dr_json_get(b->root, "owner_id"));
    struct dr_str user = map_text(b->plan->owners, owner);

    if (user.n == 0) {
        if (b->plan->fallback_owner.n == 0) {
            park(b, owner);
            return;
        }
        user = b->plan->fallback_owner;
        build_note(b, DR_STR_LIT("owner_id"), DR_STR_LIT("owner.fallback"),
                   owner, user,
                   owner.n ? "the owner has no active user in Freshsales: the "
                             "fallback owner was named by decision"
                           : "no owner at the source: the fallback owner was "
                             "named by decision");
    }
    build_number(b, "owner_id", "owner", user);
}

static struct dr_str author_of(const struct build *b)
{
    struct dr_str by = dr_json_scalar(dr_json_get(b->root, "created_by"));
    struct dr_str name = map_text(b->plan->authors, by);

    return name.n ? name : by;
}

static void line(struct build *b, const char *label, struct dr_str s)
{
    if (s.n > 0 && dr_text_valid(s)) {
        dr_buf_printf(&b->description, "%s: " DR_STR_FMT "\n", label,
                      DR_STR_ARG(s));
    }
}

void apply_provenance(struct build *b, bool custom_fields)
{
    struct dr_str created = dr_json_get_str(b->root, "created_at");
    struct dr_str updated = dr_json_get_str(b->root, "updated_at");
    struct dr_str owner = dr_json_scalar(dr_json_get(b->root, "owner_id"));

    if (!custom_fields) {
        line(b, "Created", created);
        line(b, "Last changed", updated);
        line(b, "Author", author_of(b));
        line(b, "Owner in FastTrack", owner);
        return;
    }
    if (created.n > 0) {
        build_text(b, "cf_source_created_at", "source.created_at", created);
    }
    if (updated.n > 0) {
        build_text(b, "cf_source_updated_at", "source.updated_at", updated);
    }
    build_text(b, "cf_source_author", "source.author", author_of(b));
    build_text(b, "cf_source_owner", "source.owner", owner);
}

static bool seen(const struct end *v, size_t n, struct dr_str id)
{
    for (size_t i = 0; i < n; i++) {
        if (dr_str_eq(v[i].id, id)) {
            return true;
        }
    }
    return false;
}

static void sort_ends(struct end *v, size_t n)
{
    for (size_t i = 1; i < n; i++) { /* few ends, nearly in order */
        struct end e = v[i];
        size_t at = i;
        while (at > 0 && (e.primary > v[at - 1].primary ||
                          (e.primary == v[at - 1].primary &&
                           dr_str_cmp(e.id, v[at - 1].id) < 0))) {
            v[at] = v[at - 1];
            at--;
        }
        v[at] = e;
    }
}

size_t pair_ends(struct build *b, const char *pair, struct end **out)
{
    const struct dr_source *rec = b->rec;
    struct end *v = dr_arena_calloc(b->a, rec->assoc_count + 1, sizeof(*v));
    size_t n = 0;

    if (!v) {
        b->oom = true;
        *out = NULL;
        return 0;
    }
    for (int primary = 1; primary >= 0; primary--) {
        for (size_t i = 0; i < rec->assoc_count; i++) {
            const struct dr_assoc *as = &rec->assocs[i];
            if (dr_str_eqz(as->pair, pair) && as->primary == (primary == 1) &&
                !seen(v, n, as->to_id)) {
                v[n++] = (struct end){as->to_id, as->primary};
            }
        }
    }
    sort_ends(v, n);
    *out = v;
    return n;
}
