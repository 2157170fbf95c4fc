#include "linked.h"

#include <stdlib.h>
#include <string.h>

#include "body.h"

#define EACH_MAX 8 /* of a longer list no end is committed on its own */

static const struct {
    const char *name; /* in the target's record */
    const char *ref;  /* in the load record     */
    const char *ids;  /* where bare ids may stand instead, or NULL */
    const char *each; /* for one end of a list, in commitments     */
} kinds[LINKED_KINDS] = {
    {"sales_accounts", "sales_accounts", NULL, "sales_accounts+"},
    {"contacts", "contacts_added_list", "contact_ids", "contacts+"},
    {"sales_account_id", "sales_account_id", NULL, NULL},
    {"parent_sales_account_id", "parent_sales_account_id", NULL, NULL},
    {"targetables", NULL, NULL, "targetables+"},
};

struct dr_str linked_name(enum linked k)
{
    return dr_str_z(kinds[k].name);
}

bool linked_is_list(enum linked k)
{
    return k == LINKED_ACCOUNTS || k == LINKED_CONTACTS;
}

bool linked_by(const struct dr_ref *r, enum linked k)
{
    return k == LINKED_TARGET
               ? dr_str_starts(r->field, DR_STR_LIT("targetable:"))
               : dr_str_eqz(r->field, kinds[k].ref);
}

static int by_text(const void *x, const void *y)
{
    return dr_str_cmp(*(const struct dr_str *)x, *(const struct dr_str *)y);
}

struct dr_str linked_words(struct dr_str *v, size_t n, struct dr_arena *a)
{
    struct dr_str out;
    struct dr_buf b;

    qsort(v, n, sizeof(*v), by_text);
    dr_buf_init(&b, (size_t)1 << 20);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !dr_str_eq(v[i], v[i - 1])) {
            dr_buf_ch(&b, '\n');
            dr_buf_str(&b, v[i]);
        }
    }
    out = dr_arena_dup(a, dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}

bool linked_has(const struct linked_ends *e, uint64_t id)
{
    for (size_t i = 0; i < e->n; i++) {
        if (e->id[i] == id) {
            return true;
        }
    }
    return false;
}

static void add(struct linked_ends *e, uint64_t id, bool primary)
{
    if (id && e->n < LINKED_ENDS && !linked_has(e, id)) {
        e->id[e->n] = id;
        e->primary[e->n++] = primary;
    }
}

static struct dr_str told(const struct linked_ends *e, struct dr_arena *a)
{
    struct dr_str v[LINKED_ENDS];

    for (size_t i = 0; i < e->n; i++) {
        v[i] = dr_arena_printf(a, "%llu%s", (unsigned long long)e->id[i],
                               e->primary[i] ? "*" : "");
    }
    return linked_words(v, e->n, a);
}

static const struct dr_json *list_of(const struct dr_json *record,
                                     enum linked k)
{
    const struct dr_json *j = dr_json_get(record, kinds[k].name);

    if (!j && kinds[k].ids) {
        j = dr_json_get(record, kinds[k].ids);
    }
    return dr_json_type(j) == DR_JSON_ARRAY ? j : NULL;
}

static void add_list(struct linked_ends *e, const struct dr_json *list,
                     enum linked k, bool primaries)
{
    DR_JSON_EACH(x, list)
    {
        bool object = dr_json_type(x) == DR_JSON_OBJECT;
        int64_t id;
        if (dr_json_i64(object ? dr_json_get(x, "id") : x, &id) == 0 &&
            id > 0) {
            add(e, (uint64_t)id,
                primaries && k == LINKED_ACCOUNTS &&
                    dr_json_true(dr_json_get(x, "is_primary")));
        }
    }
}

static struct dr_str target_words(struct dr_str type, uint64_t id,
                                  struct dr_arena *a)
{
    return dr_arena_printf(a, DR_STR_FMT " %llu", DR_STR_ARG(type),
                           (unsigned long long)id);
}

static struct dr_str targets_now(const struct dr_json *list, struct dr_arena *a)
{
    struct dr_str v[LINKED_ENDS];
    size_t n = 0;

    DR_JSON_EACH(x, list)
    {
        int64_t id;
        if (n < LINKED_ENDS && dr_json_i64(dr_json_get(x, "id"), &id) == 0 &&
            id > 0) {
            v[n++] = target_words(dr_json_get_str(x, "type"), (uint64_t)id, a);
        }
    }
    return linked_words(v, n, a);
}

static struct dr_str target_wanted(const struct dr_load *load,
                                   const struct links *links,
                                   struct dr_arena *a)
{
    size_t at = refs_target(load, links);
    struct dr_str word;

    if (at == SIZE_MAX) {
        return (struct dr_str){NULL, 0};
    }
    word = target_words(
        body_target(&load->refs[at], links->lead && links->lead[at]),
        links->ref[at], a);
    return linked_words(&word, 1, a);
}

struct dr_str linked_now(const struct dr_json *record, enum linked k,
                         struct dr_arena *a)
{
    const struct dr_json *j = dr_json_get(record, kinds[k].name);
    struct linked_ends e = {.n = 0};

    if (k == LINKED_TARGET) {
        return dr_json_type(j) == DR_JSON_ARRAY ? targets_now(j, a)
                                                : (struct dr_str){NULL, 0};
    }
    if (!linked_is_list(k)) {
        return !j                   ? (struct dr_str){NULL, 0}
               : dr_json_is_null(j) ? (struct dr_str){"", 0}
                                    : dr_json_scalar(j);
    }
    j = list_of(record, k);
    if (!j) {
        return (struct dr_str){NULL, 0};
    }
    add_list(&e, j, k, true);
    return told(&e, a);
}

/* The first one is the primary account where none that is there is. Whose
 * contact it was has accounts: it gets no Unassigned one beside them. */
static void add_wanted(struct linked_ends *e, const struct dr_load *load,
                       const struct links *links, enum linked k, bool beside)
{
    bool primary = k != LINKED_ACCOUNTS;

    for (size_t i = 0; i < load->ref_count; i++) {
        primary |= linked_by(&load->refs[i], k) && links->ref[i] &&
                   load->refs[i].primary;
    }
    for (size_t i = 0; i < load->ref_count; i++) {
        const struct dr_ref *r = &load->refs[i];
        if (linked_by(r, k) && links->ref[i] &&
            !(beside && links->ref[i] == links->orphan)) {
            add(e, links->ref[i],
                k == LINKED_ACCOUNTS && (primary ? r->primary : true));
            primary = true;
        }
    }
}

struct dr_str linked_wanted(const struct dr_load *load,
                            const struct links *links, enum linked k,
                            const struct linked_ends *beside,
                            struct dr_arena *a)
{
    struct linked_ends e = {.n = 0};
    bool alone;

    if (k == LINKED_TARGET) {
        return target_wanted(load, links, a);
    }
    beside = k == LINKED_ACCOUNTS ? beside : NULL;
    add_wanted(&e, load, links, k, beside != NULL);
    if (!linked_is_list(k)) {
        return e.n > 0 ? dr_arena_printf(a, "%llu",
                                         (unsigned long long)e.id[e.n - 1])
                       : (struct dr_str){"", 0};
    }
    alone = e.n == 0;
    for (size_t i = 0; beside && i < beside->n; i++) {
        add(&e, beside->id[i], alone && beside->primary[i]);
    }
    return told(&e, a);
}

static bool next_word(struct dr_str *rest, struct dr_str *word)
{
    while (rest->p) {
        *word = dr_str_split(rest, '\n');
        if (word->n > 0) {
            return true;
        }
    }
    return false;
}

static bool in_words(struct dr_str words, struct dr_str word)
{
    struct dr_str w;

    while (next_word(&words, &w)) {
        if (dr_str_eq(w, word)) {
            return true;
        }
    }
    return false;
}

const struct linked_ends *linked_beside(const struct dr_json *record,
                                        struct dr_str fields,
                                        struct dr_arena *a)
{
    struct dr_str each = dr_str_z(kinds[LINKED_ACCOUNTS].each);
    struct linked_ends all = {.n = 0};
    struct linked_ends *out = dr_arena_calloc(a, 1, sizeof(*out));

    add_list(&all, list_of(record, LINKED_ACCOUNTS), LINKED_ACCOUNTS, true);
    for (size_t i = 0; out && i < all.n; i++) {
        struct dr_str word =
            dr_arena_printf(a, "%llu", (unsigned long long)all.id[i]);
        struct dr_str first =
            dr_arena_printf(a, DR_STR_FMT "*", DR_STR_ARG(word));
        if (!dr_committed_as(fields, each, word) &&
            !dr_committed_as(fields, each, first)) {
            add(out, all.id[i], all.primary[i]);
        }
    }
    return out && out->n > 0 ? out : NULL;
}

/* ---- what it was left at ---- */

void linked_commit(struct dr_commits *c, enum linked k, struct dr_str now,
                   struct dr_str ours)
{
    struct dr_str rest = now, w;
    size_t n = 0;

    dr_commit(c, linked_name(k), now);
    while (next_word(&rest, &w)) {
        n++;
    }
    if (!kinds[k].each || n > EACH_MAX) {
        return;
    }
    for (rest = now; next_word(&rest, &w);) {
        if (!ours.p || in_words(ours, w)) {
            dr_commit(c, dr_str_z(kinds[k].each), w);
        }
    }
}

void linked_commit_again(struct dr_commits *c, struct dr_str fields,
                         enum linked k)
{
    dr_commit_again(c, fields, linked_name(k));
    if (kinds[k].each) {
        dr_commit_again(c, fields, dr_str_z(kinds[k].each));
    }
}

/* Each of its ends stands there on its own. */
static bool each_known(struct dr_str fields, enum linked k)
{
    return kinds[k].each &&
           (dr_committed(fields, dr_str_z(kinds[k].each)) ||
            dr_committed_as(fields, linked_name(k), (struct dr_str){"", 0}));
}

static bool has_more(struct dr_str fields, enum linked k, struct dr_str now,
                     struct dr_str wanted)
{
    struct dr_str w;

    while (next_word(&now, &w)) {
        if (!dr_committed_as(fields, dr_str_z(kinds[k].each), w) &&
            !in_words(wanted, w)) {
            return true;
        }
    }
    return false;
}

bool linked_one_is_theirs(struct dr_str fields, struct dr_str name,
                          struct dr_str now, struct dr_str wanted)
{
    return now.n > 0 ? !dr_committed_as(fields, name, now)
                     : wanted.n > 0 && dr_committed_as(fields, name, wanted);
}

bool linked_was_changed(struct dr_str fields, enum linked k, struct dr_str now)
{
    if (!dr_committed(fields, linked_name(k)) ||
        dr_committed_as(fields, linked_name(k), now)) {
        return false;
    }
    if (!kinds[k].each) {
        return now.n > 0;
    }
    return !each_known(fields, k) ||
           has_more(fields, k, now, (struct dr_str){"", 0});
}

bool linked_is_theirs(struct dr_str fields, enum linked k, struct dr_str now,
                      struct dr_str wanted)
{
    struct dr_str w, rest = wanted;

    if (!dr_committed(fields, linked_name(k)) ||
        dr_committed_as(fields, linked_name(k), now)) {
        return false;
    }
    if (!kinds[k].each) {
        return linked_one_is_theirs(fields, linked_name(k), now, wanted);
    }
    if (!each_known(fields, k) || has_more(fields, k, now, wanted)) {
        return true;
    }
    while (next_word(&rest, &w)) {
        if (dr_committed_as(fields, dr_str_z(kinds[k].each), w) &&
            !in_words(now, w)) {
            return true;
        }
    }
    return false;
}

/* ---- relations of a custom module ---- */

static bool is_relation(const struct dr_load *load, size_t at)
{
    struct dr_str field = load->refs[at].field;

    return dr_str_eqz(load->lane, "custom") &&
           !dr_str_starts(field, DR_STR_LIT("targetable:"));
}

bool linked_relation(const struct dr_load *load, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (dr_str_eq(load->refs[i].field, load->refs[at].field)) {
            return false;
        }
    }
    return is_relation(load, at);
}

uint64_t linked_relation_bit(const struct dr_load *load, size_t at)
{
    unsigned bit = LINKED_KINDS;

    for (size_t i = 0; i < at; i++) {
        bit += linked_relation(load, i);
    }
    return bit < 64 ? (uint64_t)1 << bit : 0;
}

struct dr_str linked_relation_now(const struct dr_json *record,
                                  struct dr_str field, struct dr_arena *a)
{
    const struct dr_json *j = dr_json_gets(record, field);
    struct dr_str v[LINKED_ENDS];
    size_t n = 0;

    if (dr_json_type(j) != DR_JSON_ARRAY) {
        return !j                   ? (struct dr_str){NULL, 0}
               : dr_json_is_null(j) ? (struct dr_str){"", 0}
                                    : dr_json_scalar(j);
    }
    DR_JSON_EACH(e, j)
    {
        if (n < LINKED_ENDS) {
            v[n++] = dr_json_scalar(e);
        }
    }
    return linked_words(v, n, a);
}

struct dr_str linked_relation_wanted(const struct dr_load *load,
                                     const struct links *links, size_t at,
                                     struct dr_arena *a)
{
    bool list = dr_str_ends(load->refs[at].field, DR_STR_LIT("_ids"));
    struct dr_str v[LINKED_ENDS];
    size_t n = 0;

    for (size_t i = at; i < load->ref_count && n < LINKED_ENDS; i++) {
        if (links->ref[i] &&
            dr_str_eq(load->refs[i].field, load->refs[at].field)) {
            v[n++] =
                dr_arena_printf(a, "%llu", (unsigned long long)links->ref[i]);
        }
    }
    return list ? linked_words(v, n, a) : n > 0 ? v[0] : (struct dr_str){"", 0};
}
