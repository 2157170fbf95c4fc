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

#include "linked.h"
#include "tags.h"

#define VALUES_MAX 256 /* of an array; longer ones are taken as they are */

static struct dr_str fields_of(const struct dr_fact *f)
{
    return (struct dr_str){(const char *)f->fields, f->fields_n};
}

struct dr_str edits_left(const struct item *it)
{
    return fields_of(&it->fact);
}

void edits_forget(struct item *it)
{
    free(it->kept);
    it->kept = NULL;
    it->kept_links = it->ended_links = 0;
    it->same = false;
}

/* ---- values, told alike however they are shown ---- */

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
    return linked_words(v, n, a);
}

struct dr_str edits_text(struct dr_str shown, struct dr_arena *a)
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

/* ---- lists of a record ---- */

const struct tags *edits_tags(struct loader *l, const struct item *it,
                              const struct dr_json *record)
{
    struct tags *t = dr_arena_calloc(l->scratch, 1, sizeof(*t));

    if (t) {
        *t = (struct tags){.now = dr_json_get(record, "tags"),
                           .fields = fields_of(&it->fact),
                           .merged = it->route.merge};
    }
    return t;
}

/* An address beside ours is somebody's, and so is what is the first one when
 * ours is gone. */
static bool more_emails(const struct dr_field *f, const struct dr_json *record)
{
    const struct dr_json *list = dr_json_get(record, "emails");

    return f->kind == DR_VAL_NULL && dr_str_eqz(f->name, "emails") && list &&
           list->count > 1;
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

    if (it->lines_made && dr_str_eqz(name, "amount")) {
        return false;
    }
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

/* Somebody else made it so: it is told, unless nothing was ever said of it. */
static bool kept_link(struct loader *l, struct item *it,
                      const struct dr_load *load, struct dr_str name,
                      uint64_t bit, bool theirs, bool wanted)
{
    bool committed = dr_committed(edits_left(it), name);

    if (committed ? !theirs : wanted) {
        return false;
    }
    if (committed) {
        tell(l, it, load, name, name);
    }
    it->kept_links |= bit;
    return true;
}

/* true: nothing is to be written of it. */
static bool find_link(struct loader *l, struct item *it,
                      const struct dr_load *load, const struct links *links,
                      enum linked k, const struct dr_json *record)
{
    struct dr_str now = linked_now(record, k, l->scratch);
    const struct linked_ends *beside =
        it->route.merge ? linked_beside(record, edits_left(it), l->scratch)
                        : NULL;
    struct dr_str wanted = linked_wanted(load, links, k, beside, l->scratch);

    if (!now.p || !wanted.p || dr_str_eq(now, wanted)) {
        return now.p || wanted.n == 0;
    }
    if (kept_link(l, it, load, linked_name(k), 1u << k,
                  linked_is_theirs(edits_left(it), k, now, wanted),
                  wanted.n > 0)) {
        return true;
    }
    if (linked_wanted(load, links, k, NULL, l->scratch).n == 0) {
        it->ended_links |= 1u << k; /* none of ours is left */
    }
    return false;
}

static bool find_relation(struct loader *l, struct item *it,
                          const struct dr_load *load, const struct links *links,
                          size_t at, const struct dr_json *record)
{
    struct dr_str name = load->refs[at].field;
    struct dr_str now = linked_relation_now(record, name, l->scratch);
    struct dr_str wanted = linked_relation_wanted(load, links, at, l->scratch);

    if (!now.p || dr_str_eq(now, wanted)) {
        return now.p || wanted.n == 0;
    }
    return kept_link(l, it, load, name, linked_relation_bit(load, at),
                     linked_one_is_theirs(edits_left(it), name, now, wanted),
                     wanted.n > 0);
}

/* A link that no record says of itself, or whose kind we do not know. */
static bool is_shown(const struct dr_load *load, size_t at)
{
    const struct dr_ref *r = &load->refs[at];
    bool shown =
        dr_str_eqz(r->field, "self") || dr_str_eqz(load->lane, "custom");

    for (int k = 0; k < LINKED_KINDS; k++) {
        shown |= linked_by(r, (enum linked)k);
    }
    return shown;
}

static bool find_links(struct loader *l, struct item *it,
                       const struct dr_load *load, const struct links *links,
                       const struct dr_json *record)
{
    bool same = true;

    for (int k = 0; k < LINKED_KINDS; k++) {
        if (dr_links_governed(load, linked_name((enum linked)k))) {
            same &= find_link(l, it, load, links, (enum linked)k, record);
        }
    }
    for (size_t i = 0; i < load->ref_count; i++) {
        if (linked_relation(load, i)) {
            same &= find_relation(l, it, load, links, i, record);
        }
        same &= links->ref[i] == 0 || is_shown(load, i);
    }
    return same;
}

/* true: it is as it shall be. */
static bool find_field(struct loader *l, struct item *it,
                       const struct dr_load *load, size_t i,
                       const struct dr_json *record)
{
    const struct dr_field *f = &load->fields[i];
    const struct tags *t = tags_are(f) ? edits_tags(l, it, record) : NULL;
    struct dr_str now;
    bool same =
        dr_compare_field(load, f, record, l->scratch, &now) == DR_CMP_SAME;

    if (t ? tags_same(t, f->value, l->scratch) : same) {
        return true;
    }
    if (t ? tags_theirs(t, f->value, l->scratch)
          : more_emails(f, record) ||
                theirs(it, f->name, edits_text(now, l->scratch), record)) {
        it->kept[i] = 1;
        tell(l, it, load, f->name, f->rule);
        return true;
    }
    return false;
}

int edits_find(struct loader *l, struct item *it, const struct dr_load *load,
               const struct links *links, const struct dr_json *record)
{
    bool same = true;

    edits_forget(it);
    if (it->fact.fields_n == 0) {
        return 0; /* never written by us, or before this was kept */
    }
    if (amount_look(l, it, load, record)) {
        return -1;
    }
    it->kept = dr_xcalloc(load->field_count + 1, 1);
    for (size_t i = 0; i < load->field_count; i++) {
        same &= find_field(l, it, load, i, record);
    }
    it->same = find_links(l, it, load, links, record) && same;
    it->told_kept = true;
    return 0;
}

/* ---- after a write ---- */

static void commit_field(struct loader *l, struct item *it,
                         const struct dr_load *load, size_t i,
                         const struct dr_json *record)
{
    const struct dr_field *f = &load->fields[i];
    struct dr_arena *a = l->scratch;
    struct dr_str now;

    if (it->kept && it->kept[i]) {
        if (tags_are(f)) {
            tags_commit_again(it->commits, fields_of(&it->fact));
        } else {
            dr_commit_again(it->commits, fields_of(&it->fact), f->name);
        }
        return;
    }
    if (tags_are(f) && dr_json_get(record, "tags")) {
        tags_commit(it->commits, edits_tags(l, it, record), f->value, a);
        return;
    }
    if (dr_compare_field(load, f, record, a, &now) == DR_CMP_ABSENT) {
        /* This answer does not show it; a later one will. */
        dr_commit(it->commits, f->name, edits_text(f->value, a));
    }
    dr_commit(it->commits, f->name, edits_text(now, a));
}

static void commit_link(struct loader *l, struct item *it, enum linked k,
                        const struct dr_json *record)
{
    struct dr_str now = linked_now(record, k, l->scratch);
    struct dr_str ours = {NULL, 0};
    const struct dr_load *load;
    struct links links;

    if (!now.p) {
        return;
    }
    if (it->route.merge) { /* among them are somebody else's */
        ours = item_links(l, it, &load, &links)
                   ? (struct dr_str){"", 0}
                   : linked_wanted(load, &links, k, NULL, l->scratch);
        ours = ours.p ? ours : (struct dr_str){"", 0};
    }
    linked_commit(it->commits, k, now, ours);
}

static void commit_links(struct loader *l, struct item *it,
                         const struct dr_load *load,
                         const struct dr_json *record)
{
    for (int k = 0; k < LINKED_KINDS; k++) {
        struct dr_str name = linked_name((enum linked)k);
        if ((it->kept_links >> k & 1u) != 0) {
            linked_commit_again(it->commits, edits_left(it), (enum linked)k);
        } else if (dr_links_governed(load, name)) {
            commit_link(l, it, (enum linked)k, record);
        }
    }
}

static void commit_relations(struct loader *l, struct item *it,
                             const struct dr_load *load,
                             const struct dr_json *record)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        struct dr_str name = load->refs[i].field, now;
        if (!linked_relation(load, i)) {
            continue;
        }
        now = linked_relation_now(record, name, l->scratch);
        if ((it->kept_links & linked_relation_bit(load, i)) != 0) {
            dr_commit_again(it->commits, edits_left(it), name);
        } else if (now.p) {
            dr_commit(it->commits, name, now);
        }
    }
}

void edits_commit(struct loader *l, struct item *it, struct dr_str text)
{
    const struct dr_json *record = dr_json_parse(l->scratch, text, NULL, NULL);
    const struct dr_load *load = item_load(l, it);

    if (amount_of_set(it)) {
        amount_commit(l, it, NULL);
        return;
    }
    free(it->commits);
    it->commits = NULL;
    if (!record || it->route.step == 1) {
        return; /* not yet as wanted */
    }
    it->commits = dr_xcalloc(1, sizeof(*it->commits));
    commit_links(l, it, load, record); /* first: there is a limit */
    commit_relations(l, it, load, record);
    for (size_t i = 0; i < load->field_count; i++) {
        if (!tags_are(&load->fields[i])) {
            commit_field(l, it, load, i, record);
        }
    }
    for (size_t i = 0; i < load->field_count; i++) {
        if (tags_are(&load->fields[i])) { /* last: each takes its room */
            commit_field(l, it, load, i, record);
        }
    }
}

/* ---- after an attempt of which nobody heard ---- */

static void leave_links(struct loader *l, struct item *it,
                        const struct dr_load *load, const struct links *links,
                        const struct dr_json *record)
{
    for (int k = 0; k < LINKED_KINDS; k++) {
        struct dr_str now = linked_now(record, (enum linked)k, l->scratch);
        struct dr_str wanted =
            linked_wanted(load, links, (enum linked)k, NULL, l->scratch);
        bool ours = now.p && wanted.p && dr_str_eq(now, wanted);
        if (k == LINKED_TARGET && !ours) { /* it was sent for another one */
            (void)place_is_shown(record, it->place, &ours);
        }
        if (!ours) {
            it->kept_links |= 1u << k;
        }
    }
    for (size_t i = 0; i < load->ref_count; i++) {
        struct dr_str now, wanted;
        if (!linked_relation(load, i)) {
            continue;
        }
        now = linked_relation_now(record, load->refs[i].field, l->scratch);
        wanted = linked_relation_wanted(load, links, i, l->scratch);
        if (!now.p || !dr_str_eq(now, wanted)) {
            it->kept_links |= linked_relation_bit(load, i);
        }
    }
}

int edits_attempted(struct loader *l, struct item *it,
                    const struct dr_json *record)
{
    const struct dr_load *load;
    struct links links;
    struct dr_str now;

    edits_forget(it);
    if (it->fact.fields_n == 0) {
        return 0; /* what it was left at is not known anyway */
    }
    if (item_links(l, it, &load, &links)) {
        return -1;
    }
    it->kept = dr_xcalloc(load->field_count + 1, 1);
    for (size_t i = 0; i < load->field_count; i++) {
        const struct dr_field *f = &load->fields[i];
        it->kept[i] =
            tags_are(f)
                ? !tags_same(edits_tags(l, it, record), f->value, l->scratch)
                : dr_compare_field(load, f, record, l->scratch, &now) !=
                      DR_CMP_SAME;
    }
    leave_links(l, it, load, &links, record);
    edits_commit(l, it, record->raw);
    return 0;
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

/* Of a module: one that is empty went with the record at its other end. */
static bool is_relation(struct dr_str name)
{
    return dr_str_ends(name, DR_STR_LIT("_ids")) ||
           dr_str_eqz(name, "deal_id") || dr_str_eqz(name, "contact_id") ||
           dr_str_eqz(name, "sales_account_id");
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
        for (int k = 0; k < LINKED_KINDS; k++) {
            other |= dr_str_eq(name, linked_name((enum linked)k));
        }
        struct dr_str now = edits_text(as_shown(m), a);
        other |= now.n == 0 && is_relation(name);
        if (!other && changed(f, name, now)) {
            return true;
        }
    }
    return false;
}

bool edits_since(const struct dr_fact *f, const struct dr_json *record,
                 struct dr_arena *a)
{
    for (int k = 0; k < LINKED_KINDS; k++) {
        struct dr_str now = linked_now(record, (enum linked)k, a);
        if (now.p && linked_was_changed(fields_of(f), (enum linked)k, now)) {
            return true;
        }
    }
    return f->fields_n == 0 || any_changed(f, record, a) ||
           any_changed(f, dr_json_get(record, "custom_field"), a);
}
