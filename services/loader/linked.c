#include "linked.h"

#include <stdlib.h>
#include <string.h>

#include "body.h"

#define ENDS_MAX 256 /* of a list; further ones are not looked at */

static const struct {
    const char *name; /* in the target's record */
    const char *ref;  /* in the load record     */
    const char *ids;  /* where bare ids may stand instead, or NULL */
} kinds[LINKED_KINDS] = {
    {"sales_accounts", "sales_accounts", NULL},
    {"contacts", "contacts_added_list", "contact_ids"},
    {"sales_account_id", "sales_account_id", NULL},
    {"parent_sales_account_id", "parent_sales_account_id", NULL},
    {"targetables", NULL, NULL},
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

struct ends {
    uint64_t id[ENDS_MAX];
    bool primary[ENDS_MAX];
    size_t n;
};

static bool has(const struct ends *e, uint64_t id)
{
    for (size_t i = 0; i < e->n; i++) {
        if (e->id[i] == id) {
            return true;
        }
    }
    return false;
}

static void add(struct ends *e, uint64_t id, bool primary)
{
    if (id && e->n < ENDS_MAX && !has(e, id)) {
        e->id[e->n] = id;
        e->primary[e->n++] = primary;
    }
}

static struct dr_str told(const struct ends *e, struct dr_arena *a)
{
    struct dr_str v[ENDS_MAX];

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

static void add_list(struct ends *e, const struct dr_json *list, enum linked k,
                     bool primaries)
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
    struct dr_str v[ENDS_MAX];
    size_t n = 0;

    DR_JSON_EACH(x, list)
    {
        int64_t id;
        if (n < ENDS_MAX && dr_json_i64(dr_json_get(x, "id"), &id) == 0 &&
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
    struct ends e = {.n = 0};

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

/* The first one is the primary account where none that is there is. */
static void add_wanted(struct ends *e, const struct dr_load *load,
                       const struct links *links, enum linked k)
{
    bool primary = k != LINKED_ACCOUNTS;

    for (size_t i = 0; i < load->ref_count; i++) {
        primary |= linked_by(&load->refs[i], k) && links->ref[i] &&
                   load->refs[i].primary;
    }
    for (size_t i = 0; i < load->ref_count; i++) {
        const struct dr_ref *r = &load->refs[i];
        if (linked_by(r, k) && links->ref[i]) {
            add(e, links->ref[i],
                k == LINKED_ACCOUNTS && (primary ? r->primary : true));
            primary = true;
        }
    }
}

struct dr_str linked_wanted(const struct dr_load *load,
                            const struct links *links, enum linked k,
                            const struct dr_json *beside, struct dr_arena *a)
{
    struct ends e = {.n = 0};

    if (k == LINKED_TARGET) {
        return target_wanted(load, links, a);
    }
    add_wanted(&e, load, links, k);
    if (!linked_is_list(k)) {
        return e.n > 0 ? dr_arena_printf(a, "%llu",
                                         (unsigned long long)e.id[e.n - 1])
                       : (struct dr_str){"", 0};
    }
    if (beside && k == LINKED_ACCOUNTS) {
        add_list(&e, list_of(beside, k), k, e.n == 0);
    }
    return told(&e, a);
}
