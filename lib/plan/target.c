/* What an activity, a note or a file stands on in the target. */
#include "plan_private.h"

#include <stdlib.h>
#include <string.h>

/* So many links are named in the text; all are told. */
#define NAMED_MAX 20
/* So many records are tried, one after the other, to stand on. */
#define STANDS_MAX 8

static const struct parent {
    const char *object, *field, *lane;
} parents[] = {{"deal", "targetable:Deal", "deal"},
               {"contact", "targetable:Contact", "contact"},
               {"company", "targetable:SalesAccount", "account"}};

static const struct parent *parent_named(struct dr_str object)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(parents); i++) {
        if (dr_str_eqz(object, parents[i].object)) {
            return &parents[i];
        }
    }
    return NULL;
}

/* "deal" of "call_deal", for a call. */
static struct dr_str other_end(const struct build *b, struct dr_str pair)
{
    size_t n = b->rec->object.n;

    if (pair.n > n + 1 && pair.p[n] == '_' &&
        dr_str_starts(pair, b->rec->object)) {
        return (struct dr_str){pair.p + n + 1, pair.n - n - 1};
    }
    return (struct dr_str){"", 0};
}

/* ---- the links of a record ---- */

struct link {
    struct dr_str object, id;
    bool primary;
};

struct links {
    struct link *v;
    size_t n;
};

static void add(struct links *l, struct dr_str object, struct dr_str id,
                bool primary)
{
    l->v[l->n++] = (struct link){object, id, primary};
}

/* Deals, contacts and companies in this order, what else there is behind. */
static size_t rank(struct dr_str object)
{
    const struct parent *p = parent_named(object);

    return p ? (size_t)(p - parents) : DR_ARRAY_LEN(parents);
}

static int by_identity(const void *x, const void *y)
{
    const struct link *a = x, *b = y;
    int c = dr_str_cmp(a->object, b->object);

    return c != 0 ? c : dr_str_cmp(a->id, b->id);
}

static int by_rank(const void *x, const void *y)
{
    const struct link *a = x, *b = y;
    size_t i = rank(a->object), j = rank(b->object);

    if (i != j) {
        return i < j ? -1 : 1;
    }
    if (a->primary != b->primary) {
        return a->primary ? -1 : 1;
    }
    return by_identity(a, b);
}

/* Each once, primary if any of its like is; of those there are many thousands
 * of some records. */
static void sort(struct links *l)
{
    size_t n = 0;

    qsort(l->v, l->n, sizeof(*l->v), by_identity);
    for (size_t i = 0; i < l->n; i++) {
        if (n > 0 && by_identity(&l->v[n - 1], &l->v[i]) == 0) {
            l->v[n - 1].primary |= l->v[i].primary;
        } else {
            l->v[n++] = l->v[i];
        }
    }
    l->n = n;
    qsort(l->v, l->n, sizeof(*l->v), by_rank);
}

/* From the associations; of attachments also from what the record says. */
static struct links links_of(struct build *b)
{
    const struct dr_source *rec = b->rec;
    const struct dr_json *said = prop(b, "parents");
    bool file = dr_str_eqz(rec->object, "attachment");
    size_t more = file && dr_json_type(said) == DR_JSON_ARRAY ? said->count : 0;
    struct links l = {
        dr_arena_calloc(b->a, rec->assoc_count + more + 1, sizeof(*l.v)), 0};

    if (!l.v) {
        b->oom = true;
        return l;
    }
    for (size_t i = 0; i < rec->assoc_count; i++) {
        const struct dr_assoc *as = &rec->assocs[i];
        struct dr_str object = other_end(b, as->pair);
        if (object.n > 0) { /* a file's own parents go before theirs */
            add(&l, object, as->to_id,
                file ? dr_str_eqz(as->category, "parent") : as->primary);
        }
    }
    for (const struct dr_json *e = more > 0 ? said->child : NULL; e;
         e = e->next) {
        struct dr_str object = dr_json_get_str(e, "type");
        struct dr_str id = dr_json_scalar(dr_json_get(e, "id"));
        if (object.n > 0 && id.n > 0 && dr_text_valid(object)) {
            add(&l, object, alias_of(rec, object, id), true);
        }
    }
    sort(&l);
    return l;
}

/* ---- which of them ---- */

/* A custom object that was folded into its parent's fields stands, by its
 * fact in the lane `link`, for that parent. */
static bool folded(const struct build *b, struct dr_str object,
                   struct parent *out)
{
    const struct dr_json *c =
        dr_json_gets(dr_json_get(b->plan->root, "custom_objects"), object);
    const struct parent *p = parent_named(dr_json_get_str(c, "parent"));

    if (!p || !dr_str_eqz(dr_json_get_str(c, "fate"), "fields")) {
        return false;
    }
    *out = (struct parent){NULL, p->field, "link"};
    return true;
}

static struct dr_str link_key(struct build *b, const struct link *l)
{
    char *object = dr_arena_dupz(b->a, l->object);

    b->oom |= !object;
    return load_key(b, object ? object : "", l->id);
}

static bool stand_on(struct build *b, const struct link *l, bool required,
                     const char *rule)
{
    const struct parent *p = parent_named(l->object);
    struct parent custom;

    if (!p && folded(b, l->object, &custom)) {
        p = &custom;
    }
    if (p) {
        struct dr_ref r = {.field = dr_str_z(p->field),
                           .rule =
                               build_printf(b, DR_STR_FMT "%s",
                                            DR_STR_ARG(b->rec->object), rule),
                           .lane = dr_str_z(p->lane),
                           .key = link_key(b, l),
                           .on_miss = required ? DR_MISS_REJECT : DR_MISS_DROP};
        build_ref(b, &r);
    }
    return p != NULL;
}

/* ---- the others ---- */

/* By the name that the account has here, where the plan gave it one; else by
 * the id, which stands in the record's field of that name. */
static void put_link(struct build *b, const struct link *l)
{
    struct dr_str name = dr_str_eqz(l->object, "company")
                             ? map_text(b->plan->names, l->id)
                             : (struct dr_str){"", 0};

    dr_buf_printf(&b->description, DR_STR_FMT " ", DR_STR_ARG(l->object));
    if (name.n > 0 && dr_text_valid(name)) {
        dr_buf_printf(&b->description, DR_STR_FMT " (" DR_STR_FMT ")",
                      DR_STR_ARG(name), DR_STR_ARG(l->id));
    } else {
        dr_buf_str(&b->description, l->id);
    }
}

static void tell(struct build *b, const struct links *l, size_t taken)
{
    static const char heading[] = "Also linked with (FastTrack ids): ";
    size_t named = 0, left = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct dr_str id = l->v[i].id;
        if (i == taken) {
            continue;
        }
        build_note(
            b,
            build_printf(b, DR_STR_FMT "_" DR_STR_FMT,
                         DR_STR_ARG(b->rec->object),
                         DR_STR_ARG(l->v[i].object)),
            build_printf(b, DR_STR_FMT ".target", DR_STR_ARG(b->rec->object)),
            id, (struct dr_str){"", 0},
            "it stands on one record in Freshsales: the deal, else the "
            "contact, else the account, whichever is there");
        if (named == NAMED_MAX || !dr_text_valid(id)) {
            left++;
            continue;
        }
        dr_buf_z(&b->description, named++ > 0 ? ", " : heading);
        put_link(b, &l->v[i]);
    }
    if (left > 0) {
        dr_buf_printf(&b->description, "%s%zu more",
                      named > 0 ? " and " : heading, left);
    }
    if (named + left > 0) {
        dr_buf_ch(&b->description, '\n');
    }
}

/* ---- all ---- */

/* What became one of these by a merge. It stands in the target until a person
 * lets its removal through, and what is left may not land at all. */
static struct links merged_into(struct build *b, const struct links *l)
{
    const struct dr_source *rec = b->rec;
    struct links out = {
        dr_arena_calloc(b->a, rec->alias_count + 1, sizeof(*out.v)), 0};
    struct link *known = dr_arena_calloc(
        b->a, rec->alias_count > 0 ? l->n + 1 : 1, sizeof(*known));

    if (!out.v || !known || !l->v) {
        b->oom = true;
        return out;
    }
    if (rec->alias_count > 0) {
        memcpy(known, l->v, l->n * sizeof(*known));
        qsort(known, l->n, sizeof(*known), by_identity);
    }
    for (size_t i = 0; i < rec->alias_count; i++) {
        const struct dr_alias *a = &rec->aliases[i];
        struct link into = {a->type, a->into, false};
        if (bsearch(&into, known, l->n, sizeof(*known), by_identity)) {
            add(&out, a->type, a->id, false);
        }
    }
    sort(&out);
    return out;
}

/* So many of them were given, from `stands` on. */
static size_t give(struct build *b, const struct links *l, size_t stands,
                   bool required, const char *rule, size_t *first)
{
    for (size_t i = 0; i < l->n && stands < STANDS_MAX; i++) {
        if (stand_on(b, &l->v[i], required, rule) && stands++ == 0) {
            *first = i;
        }
    }
    return stands;
}

/* Whether it was written before the merge is not known here. */
static void tell_merged(struct build *b, const struct link *on)
{
    const struct dr_source *rec = b->rec;

    for (size_t i = 0; i < rec->alias_count; i++) {
        const struct dr_alias *a = &rec->aliases[i];
        if (dr_str_eq(a->type, on->object) && dr_str_eq(a->into, on->id)) {
            build_note(
                b,
                build_printf(b, DR_STR_FMT "_" DR_STR_FMT,
                             DR_STR_ARG(rec->object), DR_STR_ARG(a->type)),
                build_printf(b, DR_STR_FMT ".target", DR_STR_ARG(rec->object)),
                a->id, a->into,
                "merged at the source: Freshsales moves no file, so one that "
                "was on it before was written once more, on what is left");
        }
    }
}

bool apply_target(struct build *b, bool required)
{
    struct links l = links_of(b), merged = merged_into(b, &l);
    size_t taken = l.n, none = 0;
    size_t stands = give(b, &l, 0, required, ".target", &taken);

    (void)give(b, &merged, stands, required, RULE_MERGED, &none);
    tell(b, &l, taken);
    if (taken < l.n && dr_str_eqz(b->rec->object, "attachment")) {
        tell_merged(b, &l.v[taken]);
    }
    if (taken == l.n && required) {
        build_reject(
            b, "no_target",
            build_printf(b, DR_STR_FMT "_deal", DR_STR_ARG(b->rec->object)),
            build_printf(b, DR_STR_FMT ".target", DR_STR_ARG(b->rec->object)),
            l.n > 0 ? "it hangs on no deal, contact or company "
                      "itself, and Freshsales takes none on what it "
                      "hangs on"
                    : "it hangs on no record, and Freshsales takes "
                      "none that does not",
            "link it with a deal, contact or company in FastTrack; "
            "it is picked up by itself");
    }
    return taken < l.n;
}

void target_hash_fixed(struct build *b, struct dr_load *load)
{
    struct dr_source named = *b->named;
    struct build before = *b;
    struct dr_load as_named = *load;
    struct links l;
    size_t first = 0;

    named.alias_count = 0;
    before.rec = &named;
    before.refs = NULL;
    before.ref_n = before.ref_cap = 0;
    l = links_of(&before);
    (void)give(&before, &l, 0, true, ".target", &first);
    as_named.refs = before.refs;
    as_named.ref_count = before.ref_n;
    build_hash(&before, &as_named);
    load->content_hash = as_named.content_hash;
    b->oom |= before.oom;
}
