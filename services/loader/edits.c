/*
 * What people changed since we wrote a record: field by field against what it
 * was left at (DONE.fields). A field that is neither as we left it nor as it
 * shall be is theirs: it is left out of the update and told once.
 */
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>
#include <drover/plan/plan.h>

#define VALUES_MAX 256 /* of an array; longer ones are taken as they are */

static const char *const link_names[EDIT_LINKS] = {"sales_accounts", "contacts",
                                                   "sales_account_id",
                                                   "parent_sales_account_id"};

static struct dr_str fields_of(const struct dr_fact *f)
{
    return (struct dr_str){(const char *)f->fields, f->fields_n};
}

void edits_forget(struct item *it)
{
    free(it->kept);
    it->kept = NULL;
    it->kept_links = it->ended_links = 0;
    it->same = false;
}

/* ---- values, told alike however they are shown ---- */

static int by_text(const void *x, const void *y)
{
    const struct dr_str *a = x, *b = y;
    int rc = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);

    return rc ? rc : (a->n > b->n) - (a->n < b->n);
}

static struct dr_str joined(struct dr_str *v, size_t n, struct dr_arena *a)
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

/* The order of an array's words means nothing. */
static struct dr_str canonical_list(struct dr_str raw, struct dr_arena *a)
{
    struct dr_str v[VALUES_MAX];
    size_t n = 0;

    DR_JSON_EACH(e, dr_json_parse(a, raw, NULL, NULL))
    {
        struct dr_str word = dr_json_scalar(e);
        if (n == VALUES_MAX || word.n == 0) {
            return raw;
        }
        v[n++] = word;
    }
    return n > 0 ? joined(v, n, a) : (struct dr_str){"", 0};
}

static struct dr_str canonical(struct dr_str shown, struct dr_arena *a)
{
    int64_t ms;

    if (shown.n > 0 && shown.p[0] == '[') {
        return canonical_list(shown, a);
    }
    if (shown.n > 10 && dr_time_parse(shown, &ms, NULL) == 0) {
        return dr_arena_printf(a, "%lld ms", (long long)ms);
    }
    return shown;
}

static struct dr_str one_id(uint64_t id, bool primary, struct dr_arena *a)
{
    return dr_arena_printf(a, "%llu%s", (unsigned long long)id,
                           primary ? "*" : "");
}

/* As the record shows a link; p NULL: it does not. */
static struct dr_str link_now(const struct dr_json *record, size_t link,
                              struct dr_arena *a)
{
    const struct dr_json *j = dr_json_get(record, link_names[link]);
    struct dr_str v[VALUES_MAX];
    size_t n = 0;

    if (link >= EDIT_ARRAYS) {
        struct dr_str id =
            dr_json_is_null(j) ? (struct dr_str){"", 0} : dr_json_scalar(j);
        return j ? id : (struct dr_str){NULL, 0};
    }
    if (!j && link == EDIT_CONTACTS) {
        j = dr_json_get(record, "contact_ids");
    }
    if (dr_json_type(j) != DR_JSON_ARRAY) {
        return (struct dr_str){NULL, 0};
    }
    DR_JSON_EACH(e, j)
    {
        bool object = dr_json_type(e) == DR_JSON_OBJECT;
        int64_t id;
        if (n < VALUES_MAX &&
            dr_json_i64(object ? dr_json_get(e, "id") : e, &id) == 0) {
            v[n++] = one_id((uint64_t)id,
                            link == EDIT_ACCOUNTS &&
                                dr_json_true(dr_json_get(e, "is_primary")),
                            a);
        }
    }
    return n > 0 ? joined(v, n, a) : (struct dr_str){"", 0};
}

static bool is_link(const struct dr_ref *r, size_t link)
{
    return dr_str_eqz(r->field, link == EDIT_CONTACTS ? "contacts_added_list"
                                                      : link_names[link]);
}

/* As it shall be; p NULL: it is not written. */
static struct dr_str link_wanted(const struct dr_load *load,
                                 const struct links *links, size_t link,
                                 struct dr_arena *a)
{
    struct dr_str v[VALUES_MAX];
    bool primary = link != EDIT_ACCOUNTS;
    size_t n = 0;

    for (size_t i = 0; i < load->ref_count; i++) {
        primary |= is_link(&load->refs[i], link) && links->ref[i] &&
                   load->refs[i].primary;
    }
    for (size_t i = 0; i < load->ref_count && n < VALUES_MAX; i++) {
        if (is_link(&load->refs[i], link) && links->ref[i]) {
            bool star = link == EDIT_ACCOUNTS &&
                        (primary ? load->refs[i].primary : true);
            v[n++] = one_id(links->ref[i], star, a);
            primary = true;
        }
    }
    if (n == 0) {
        return (struct dr_str){NULL, 0};
    }
    return link < EDIT_ARRAYS ? joined(v, n, a) : v[n - 1];
}

/* ---- before an update ---- */

/* Nobody but us wrote it, as far as it says. */
static bool only_ours(const struct dr_json *record)
{
    struct dr_str by = dr_json_scalar(dr_json_get(record, "creater_id"));
    struct dr_str last = dr_json_scalar(dr_json_get(record, "updater_id"));

    return by.n > 0 && (last.n == 0 || dr_str_eq(by, last));
}

static bool theirs(const struct item *it, struct dr_str name, struct dr_str now,
                   const struct dr_json *record)
{
    struct dr_str fields = fields_of(&it->fact);

    if (dr_committed(fields, name)) {
        return !dr_committed_as(fields, name, now);
    }
    /* The plan did not write it before: what a person filled in stays. */
    return now.n > 0 && !dr_commits_full(fields) &&
           (it->fact.origin != DR_DONE_CREATED || !only_ours(record));
}

static void tell(struct loader *l, struct item *it, const struct dr_load *load,
                 struct dr_str field, struct dr_str rule)
{
    if (!it->told_kept) {
        field_kept(l, it, load, field, rule);
    }
}

static bool has_link(const struct dr_load *load, size_t link)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        if (is_link(&load->refs[i], link)) {
            return true;
        }
    }
    return false;
}

/* A single link that we made and nobody changed ends with the source's; the
 * arrays are written whole. */
static bool ends(const struct item *it, size_t link, struct dr_str now)
{
    struct dr_str name = dr_str_z(link_names[link]);

    return link >= EDIT_ARRAYS && now.n > 0 &&
           dr_committed_as(fields_of(&it->fact), name, now);
}

static bool find_links(struct loader *l, struct item *it,
                       const struct dr_load *load, const struct links *links,
                       const struct dr_json *record)
{
    bool same = true;

    for (size_t k = 0; k < EDIT_LINKS; k++) {
        struct dr_str wanted = link_wanted(load, links, k, l->scratch);
        struct dr_str now = link_now(record, k, l->scratch);
        struct dr_str name = dr_str_z(link_names[k]);
        if (!wanted.p && ends(it, k, now) && !has_link(load, k)) {
            it->ended_links |= 1u << k;
            same = false;
        }
        if (!wanted.p || (now.p && dr_str_eq(wanted, now))) {
            continue;
        }
        if (now.p && dr_committed(fields_of(&it->fact), name) &&
            theirs(it, name, now, record)) {
            it->kept_links |= 1u << k;
            tell(l, it, load, name, name);
        } else {
            same = false;
        }
    }
    for (size_t i = 0; i < load->ref_count; i++) {
        bool known =
            links->ref[i] == 0 || dr_str_eqz(load->refs[i].field, "self");
        for (size_t k = 0; k < EDIT_LINKS; k++) {
            known |= is_link(&load->refs[i], k);
        }
        same &= known;
    }
    return same;
}

void edits_find(struct loader *l, struct item *it, const struct dr_load *load,
                const struct links *links, const struct dr_json *record)
{
    bool same = true;

    edits_forget(it);
    if (it->fact.fields_n == 0) {
        return; /* never written by us, or before this was kept */
    }
    it->kept = dr_xcalloc(load->field_count + 1, 1);
    for (size_t i = 0; i < load->field_count; i++) {
        const struct dr_field *f = &load->fields[i];
        struct dr_str now;
        if (dr_compare_field(load, f, record, l->scratch, &now) ==
            DR_CMP_SAME) {
            continue;
        }
        if (theirs(it, f->name, canonical(now, l->scratch), record)) {
            it->kept[i] = 1;
            tell(l, it, load, f->name, f->rule);
        } else {
            same = false;
        }
    }
    it->same = find_links(l, it, load, links, record) && same;
    it->told_kept = true;
}

/* ---- before a fold ---- */

bool edits_folded_here(const struct item *it)
{
    return it->fact.dst != 0 && it->fact.state != DR_FACT_DELETED &&
           (it->fact.keep[0] ? strcmp(it->fact.keep, it->keep) == 0
                             : it->fact.dst == it->route.dst);
}

/* A box that nobody ticked shows false, too. */
static bool is_empty(struct dr_str now)
{
    return now.n == 0 || dr_str_eqz(now, "false");
}

const struct dr_field *edits_occupied(const struct dr_load *load,
                                      const struct dr_json *record,
                                      struct dr_arena *a)
{
    for (size_t i = 0; i < load->field_count; i++) {
        struct dr_str now;
        if (dr_compare_field(load, &load->fields[i], record, a, &now) ==
                DR_CMP_DIFFERENT &&
            !is_empty(now)) {
            return &load->fields[i];
        }
    }
    return NULL;
}

/* ---- after a write ---- */

static void commit_field(struct item *it, const struct dr_load *load, size_t i,
                         const struct dr_json *record, struct dr_arena *a)
{
    const struct dr_field *f = &load->fields[i];
    struct dr_str now;

    if (it->kept && it->kept[i]) {
        dr_commit_again(it->commits, fields_of(&it->fact), f->name);
        return;
    }
    if (dr_compare_field(load, f, record, a, &now) == DR_CMP_ABSENT) {
        /* This answer does not show it; a later one will. */
        dr_commit(it->commits, f->name, canonical(f->value, a));
    }
    dr_commit(it->commits, f->name, canonical(now, a));
}

void edits_commit(struct loader *l, struct item *it, struct dr_str text)
{
    const struct dr_json *record = dr_json_parse(l->scratch, text, NULL, NULL);
    const struct dr_load *load = item_load(l, it);

    free(it->commits);
    it->commits = NULL;
    if (!record || it->route.step == 1) {
        return; /* not yet as wanted */
    }
    it->commits = dr_xcalloc(1, sizeof(*it->commits));
    for (size_t i = 0; i < load->field_count; i++) {
        commit_field(it, load, i, record, l->scratch);
    }
    for (size_t k = 0; k < EDIT_LINKS; k++) {
        struct dr_str now = link_now(record, k, l->scratch);
        if ((it->kept_links >> k & 1u) != 0) {
            dr_commit_again(it->commits, fields_of(&it->fact),
                            dr_str_z(link_names[k]));
        } else if (now.p && has_link(load, k)) {
            dr_commit(it->commits, dr_str_z(link_names[k]), now);
        }
    }
}

/* ---- before a removal ---- */

static bool changed(const struct dr_fact *f, struct dr_str name,
                    struct dr_str now)
{
    struct dr_str fields = fields_of(f);

    return dr_committed(fields, name) && !dr_committed_as(fields, name, now);
}

static struct dr_str as_shown(const struct dr_json *j)
{
    if (dr_json_is_null(j)) {
        return (struct dr_str){"", 0};
    }
    if (dr_json_scalar(j).n > 0) {
        return dr_json_scalar(j);
    }
    return dr_json_type(j) == DR_JSON_STRING ? j->text : j->raw;
}

static bool any_changed(const struct dr_fact *f, const struct dr_json *object,
                        struct dr_arena *a)
{
    const struct dr_str emails = DR_STR_LIT("emails");

    DR_JSON_EACH(m, object)
    {
        /* The list beside it is not what was written (reference 3.1). */
        bool other = dr_str_eqz(m->key, "emails");
        struct dr_str name =
            dr_str_eqz(m->key, "email") && dr_committed(fields_of(f), emails)
                ? emails
                : m->key;
        for (size_t k = 0; k < EDIT_LINKS; k++) {
            other |= dr_str_eqz(name, link_names[k]);
        }
        if (!other && changed(f, name, canonical(as_shown(m), a))) {
            return true;
        }
    }
    return false;
}

bool edits_since(const struct dr_fact *f, const struct dr_json *record,
                 struct dr_arena *a)
{
    for (size_t k = 0; k < EDIT_LINKS; k++) {
        struct dr_str now = link_now(record, k, a);
        if (now.p && changed(f, dr_str_z(link_names[k]), now)) {
            return true;
        }
    }
    return f->fields_n == 0 || any_changed(f, record, a) ||
           any_changed(f, dr_json_get(record, "custom_field"), a);
}
