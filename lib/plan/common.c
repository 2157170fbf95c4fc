/* What every object has: owner, provenance, links. */
#include "plan_private.h"

#include <stdlib.h>
#include <string.h>

const struct rule *special_rule(const struct build *b, const char *special)
{
    for (size_t i = 0; i < b->op->n; i++) {
        if (dr_str_eqz(b->op->rules[i].special, special)) {
            return &b->op->rules[i];
        }
    }
    return NULL;
}

static struct dr_str owner_rule(const struct build *b)
{
    const struct rule *r = special_rule(b, "owner");

    return r ? r->id : DR_STR_LIT("owner");
}

static void park(struct build *b, struct dr_str owner)
{
    build_reject(b, "owner_unresolved", DR_STR_LIT("owner_id"), owner_rule(b),
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

    if (owner.n == 0 && dr_str_eqz(b->rec->object, "product") &&
        b->plan->house_owner.n > 0) {
        user = b->plan->house_owner;
        build_note(b, DR_STR_LIT("owner_id"), DR_STR_LIT("owner.house"), owner,
                   user,
                   "FastTrack's catalogue has no owners: it was decided who "
                   "owns it in Freshsales");
    }
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
    build_field(b, DR_STR_LIT("owner_id"), owner_rule(b), DR_VAL_NUMBER, user);
}

/* ---- where it comes from ---- */

struct dr_str author_of(const struct build *b)
{
    struct dr_str by = dr_json_scalar(dr_json_get(b->root, "created_by"));
    struct dr_str name = map_text(b->plan->authors, by);

    return name.n ? name : by;
}

struct dr_str owner_of(const struct build *b)
{
    struct dr_str id = dr_json_scalar(dr_json_get(b->root, "owner_id"));
    struct dr_str name = map_text(b->plan->owner_names, id);

    return name.n ? name : id;
}

void text_line(struct build *b, const char *label, struct dr_str s)
{
    if (!dr_text_valid(s)) {
        build_note(b, dr_str_z(label), DR_STR_LIT("text.line"),
                   (struct dr_str){"", 0}, (struct dr_str){"", 0},
                   "the value holds a NUL character, which Freshsales cannot "
                   "store: its line was left out");
    } else if (s.n > 0) {
        dr_buf_printf(&b->description, "%s: " DR_STR_FMT "\n", label,
                      DR_STR_ARG(s));
    }
}

/* Fixed order: the same record gives the same text for ever. */
static void lines(struct build *b)
{
    text_line(b, "Created", dr_json_get_str(b->root, "created_at"));
    apply_later(b);
    text_line(b, "Author", author_of(b));
    apply_holder(b);
}

void apply_later(struct build *b)
{
    text_line(b, "Last changed", dr_json_get_str(b->root, "updated_at"));
}

void apply_holder(struct build *b)
{
    struct dr_str since = dr_json_get_str(b->root, "archived_at");

    text_line(b, "Owner in FastTrack", owner_of(b));
    if (b->rec->archived) {
        text_line(b, "Archived in FastTrack",
                  since.n ? since : DR_STR_LIT("yes"));
    }
}

static void origin(struct build *b, const char *special, struct dr_str value)
{
    const struct rule *r = special_rule(b, special);

    if (r) {
        build_field(b, r->target, r->id,
                    value.n > 0 ? DR_VAL_TEXT : DR_VAL_NULL,
                    dr_utf8_prefix(value, TEXT_MAX));
    }
}

void apply_provenance(struct build *b, bool custom_fields)
{
    if (!custom_fields) {
        lines(b);
        return;
    }
    origin(b, "created_at", dr_json_get_str(b->root, "created_at"));
    origin(b, "updated_at", dr_json_get_str(b->root, "updated_at"));
    origin(b, "author", author_of(b));
    origin(b, "source_owner", dr_json_scalar(dr_json_get(b->root, "owner_id")));
}

void apply_archived(struct build *b)
{
    if (!build_has(b, "tags")) {
        build_field(
            b, DR_STR_LIT("tags"),
            build_printf(b, DR_STR_FMT ".archived", DR_STR_ARG(b->rec->object)),
            DR_VAL_JSON,
            b->rec->archived ? DR_STR_LIT("[\"archived\"]") : DR_STR_LIT("[]"));
    }
}

static void flags_of(struct build *b, const struct dr_json *names,
                     const char *cause)
{
    DR_JSON_EACH(e, names)
    {
        if (e->type == DR_JSON_STRING) {
            build_note(b, e->text, DR_STR_LIT("source.flags"),
                       (struct dr_str){"", 0}, (struct dr_str){"", 0}, cause);
        }
    }
}

void apply_flags(struct build *b)
{
    const struct dr_json *corrupt = dr_json_get(b->root, "corrupt");
    const struct dr_json *fields = dr_json_get(corrupt, "fields");

    redacted_tell(b);
    if (!dr_json_is_null(corrupt) && (!fields || fields->count == 0)) {
        build_note(b, DR_STR_LIT("*"), DR_STR_LIT("source.flags"),
                   dr_json_get_str(corrupt, "code"), (struct dr_str){"", 0},
                   "FastTrack says that the record is damaged, and not where: "
                   "what it gave was carried");
    }
    flags_of(b, fields,
             "FastTrack says that this value is damaged: what it gave was "
             "carried");
}

enum dr_load_how first_how(const struct build *b, enum dr_load_how bulk)
{
    return b->rec->origin == DR_ORIGIN_SNAPSHOT ? bulk : DR_HOW_SINGLE;
}

/* ---- links ---- */

static int by_end(const void *x, const void *y)
{
    const struct end *a = x, *b = y;

    return dr_str_cmp(a->id, b->id);
}

static int primary_first(const void *x, const void *y)
{
    const struct end *a = x, *b = y;

    return a->primary != b->primary ? (a->primary ? -1 : 1) : by_end(a, b);
}

/* Each once, primary if any of its like is. Returns how many are left. */
static size_t sort_ends(struct end *v, size_t n)
{
    size_t left = 0;

    qsort(v, n, sizeof(*v), by_end);
    for (size_t i = 0; i < n; i++) {
        if (left > 0 && by_end(&v[left - 1], &v[i]) == 0) {
            v[left - 1].primary |= v[i].primary;
        } else {
            v[left++] = v[i];
        }
    }
    qsort(v, left, sizeof(*v), primary_first);
    return left;
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
    for (size_t i = 0; i < rec->assoc_count; i++) {
        const struct dr_assoc *as = &rec->assocs[i];
        if (dr_str_eqz(as->pair, pair)) {
            v[n++] = (struct end){as->to_id, as->primary};
        }
    }
    n = sort_ends(v, n);
    *out = v;
    return n;
}
