/* The links of a record against those that the target was seen to hold. */
#include "verify_private.h"

#include <inttypes.h>

#include <drover/ledger/ledger.h>

static const struct dr_str none = {"", 0};

static const struct {
    const char *object, *ref, *field;
} pairs[] = {
    {"company", "parent_sales_account_id", "parent_company_id"},
    {"contact", "sales_accounts", "contact_company"},
    {"deal", "sales_account_id", "deal_company"},
    {"deal", "contacts_added_list", "deal_contact"},
};

/* What a targetable's type was called at the source. */
static const struct {
    const char *ref, *object;
} targetables[] = {{"targetable:Deal", "deal"},
                   {"targetable:Contact", "contact"},
                   {"targetable:Lead", "contact"},
                   {"targetable:SalesAccount", "company"},
                   {"targetable:Product", "product"}};

static struct dr_str pair_of(const struct verifying *v, const struct dr_ref *r)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(pairs); i++) {
        if (dr_str_eqz(v->load->object, pairs[i].object) &&
            dr_str_eqz(r->field, pairs[i].ref)) {
            return dr_str_z(pairs[i].field);
        }
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(targetables); i++) {
        if (dr_str_eqz(r->field, targetables[i].ref)) {
            return dr_arena_printf(v->a, DR_STR_FMT "_%s",
                                   DR_STR_ARG(v->load->object),
                                   targetables[i].object);
        }
    }
    return r->field;
}

static const struct dr_json *entry(const struct dr_json *list, uint64_t id)
{
    DR_JSON_EACH(e, list)
    {
        if (verify_is_id(dr_json_get(e, "id"), id)) {
            return e;
        }
    }
    return NULL;
}

static bool is_target(const struct dr_ref *r)
{
    return dr_str_starts(r->field, DR_STR_LIT("targetable:"));
}

static const char *list_of(const struct dr_ref *r)
{
    return dr_str_eqz(r->field, "sales_accounts")        ? "sales_accounts"
           : dr_str_eqz(r->field, "contacts_added_list") ? "contacts"
                                                         : NULL;
}

/* Call logs name one, and its type in small letters (reference 10.2). */
static bool holds_one_target(const struct dr_json *j, const struct dr_ref *r,
                             uint64_t id)
{
    static const char *const types[][2] = {
        {"targetable:Deal", "deal"},
        {"targetable:Contact", "contact"},
        {"targetable:Contact", "lead"},
        {"targetable:SalesAccount", "sales_account"},
        {"targetable:Product", "product"}};
    struct dr_str type = dr_json_get_str(j, "type");

    for (size_t i = 0; i < DR_ARRAY_LEN(types); i++) {
        if (dr_str_eqz(r->field, types[i][0]) &&
            dr_str_ieq(type, dr_str_z(types[i][1]))) {
            return verify_is_id(dr_json_get(j, "id"), id);
        }
    }
    return false;
}

/* A contact may be a lead there: the classic edition has both. */
static bool holds_target(const struct dr_json *body, const struct dr_ref *r,
                         uint64_t id)
{
    const struct dr_json *e = entry(dr_json_get(body, "targetables"), id);
    struct dr_str type = r->field, is = dr_json_get_str(e, "type");

    if (!dr_json_get(body, "targetables")) {
        return holds_one_target(dr_json_get(body, "targetable"), r, id);
    }
    (void)dr_str_split(&type, ':');
    return e && (dr_str_eq(is, type) ||
                 (dr_str_eqz(type, "Contact") && dr_str_eqz(is, "Lead")));
}

static bool holds_link(const struct dr_json *body, const struct dr_ref *r,
                       uint64_t id)
{
    const char *list = list_of(r);

    if (list) {
        return entry(dr_json_get(body, list), id) != NULL;
    }
    if (is_target(r)) {
        return holds_target(body, r, id);
    }
    if (dr_str_ends(r->field, DR_STR_LIT("_ids"))) {
        DR_JSON_EACH(e, dr_json_gets(body, r->field))
        {
            if (verify_is_id(e, id)) {
                return true;
            }
        }
        return false;
    }
    return verify_is_id(dr_json_gets(body, r->field), id);
}

/* A body that was read without the link's include says nothing about it. */
static bool shows(const struct dr_json *body, const struct dr_ref *r)
{
    const char *list = list_of(r);

    if (is_target(r)) {
        return dr_json_get(body, "targetables") != NULL ||
               dr_json_get(body, "targetable") != NULL;
    }
    return (list ? dr_json_get(body, list) : dr_json_gets(body, r->field)) !=
           NULL;
}

static const struct dr_json *body_with(const struct verifying *v,
                                       const struct dr_ref *r)
{
    for (size_t i = 0; i < v->known->body_count; i++) {
        if (shows(v->known->bodies[i], r)) {
            return v->known->bodies[i];
        }
    }
    return NULL;
}

static struct dr_str source_id_of(const struct dr_ref *r)
{
    struct dr_str id = r->key;

    (void)dr_str_split(&id, ':');
    return id.p ? id : none;
}

/* The plan's own note tells of what it does not stand on. */
static bool stands_already(const struct verifying *v, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (is_target(&v->load->refs[i]) && v->known->refs[i]) {
            return true;
        }
    }
    return false;
}

/* How the target, and so a conflict, names it. */
static struct dr_str shown_as(const struct dr_ref *r)
{
    const char *list = list_of(r);

    return is_target(r) ? DR_STR_LIT("targetables")
           : list       ? dr_str_z(list)
                        : r->field;
}

static void left_to_people(const struct verifying *v, struct dr_str name,
                           struct judged_field *out)
{
    if (verify_left_alone(v, name, &out->cause)) {
        out->verdict = JUDGED_INTENDED;
    }
}

/* A contact that was there before, beside those that are gone now. */
static bool has_own_accounts(const struct verifying *v,
                             const struct dr_json *body)
{
    DR_JSON_EACH(e, dr_json_get(body, "sales_accounts"))
    {
        bool gone = false;
        for (size_t i = 0; v->known->gone && i < v->load->ref_count; i++) {
            gone |= v->known->gone[i] &&
                    verify_is_id(dr_json_get(e, "id"), v->known->gone[i]);
        }
        if (!gone) {
            return v->known->fact.origin == DR_DONE_MERGED;
        }
    }
    return false;
}

/* Without any company of its own it stands on the Unassigned Account. */
static void tell_orphan(const struct verifying *v, const struct dr_ref *r,
                        const struct dr_json *body, struct judged_field *out)
{
    out->expected = DR_STR_LIT("Unassigned Account");
    if (v->c->orphan && holds_link(body, r, v->c->orphan)) {
        out->actual = out->expected;
        out->cause = DR_STR_LIT("the company is not in the target: linked to "
                                "the Unassigned Account");
        return;
    }
    out->verdict = JUDGED_LOSS;
    out->cause = DR_STR_LIT("the company is not in the target, and the target "
                            "does not hold the link to the Unassigned Account");
    left_to_people(v, shown_as(r), out);
}

static void missing_end(struct verifying *v, size_t at,
                        const struct dr_json *body)
{
    const struct dr_ref *r = &v->load->refs[at];
    struct judged_field out = {
        .field = pair_of(v, r),
        .rule = r->rule,
        .source = source_id_of(r),
        .cause = v->known->lead[at]
                     ? DR_STR_LIT("the record at the other end is a lead in "
                                  "the target, which takes no such link")
                     : DR_STR_LIT("the record at the other end is not in the "
                                  "target: the link was left out"),
        .verdict = JUDGED_INTENDED};

    if (judge_orphaned(v->known, v->load, at) && !has_own_accounts(v, body)) {
        tell_orphan(v, r, body, &out);
    }
    verify_tell(v, out);
}

/* What stands on a record stays on it when that is deleted by decision. */
static bool on_what_is_gone(const struct verifying *v, size_t upto,
                            const struct dr_json *body)
{
    for (size_t i = 0; v->known->gone && i < upto; i++) {
        const struct dr_ref *r = &v->load->refs[i];
        if (is_target(r) && v->known->gone[i] &&
            holds_link(body, r, v->known->gone[i])) {
            return true;
        }
    }
    return false;
}

static bool primary_is(const struct dr_json *body, const struct dr_ref *r,
                       uint64_t id)
{
    const struct dr_json *e = entry(dr_json_get(body, "sales_accounts"), id);

    return !dr_str_eqz(r->field, "sales_accounts") || !r->primary ||
           dr_json_true(dr_json_get(e, "is_primary"));
}

/* A contact that was there before and has accounts gets no Unassigned one. */
static void keeps_accounts(const struct verifying *v, const struct dr_ref *r,
                           const struct dr_json *body, struct judged_field *out)
{
    const struct dr_json *have = dr_json_get(body, "sales_accounts");

    if (dr_str_ends(r->rule, DR_STR_LIT(".orphan")) && have &&
        have->count > 0 && v->known->fact.origin == DR_DONE_MERGED) {
        out->verdict = JUDGED_INTENDED;
        out->cause = DR_STR_LIT("merged into a contact that keeps its own "
                                "accounts");
    }
}

/* A document does not say what it is attached to, but its DONE says whether
 * something was missing then. */
static void tell_late(struct verifying *v, struct judged_field out)
{
    size_t left_out = 0;

    if (dr_content_of(v->known->fact.content_hash, v->load->content_hash,
                      &left_out) == DR_CONTENT_LOOSE &&
        left_out > v->known->left_out) {
        out.verdict = JUDGED_INTENDED;
        out.cause = DR_STR_LIT("this record came after the file, which stands "
                               "on another one: the target moves no file");
        verify_tell(v, out);
    }
}

static void verify_ref(struct verifying *v, size_t i)
{
    const struct dr_ref *r = &v->load->refs[i];
    const struct dr_json *body;
    uint64_t id = v->known->refs[i];
    struct judged_field out = {
        .field = pair_of(v, r), .rule = r->rule, .source = source_id_of(r)};

    if (dr_str_eqz(r->field, "self") || dr_str_eqz(r->field, "deal") ||
        dr_str_eqz(r->field, "@record")) {
        return; /* the path of the request, not a field */
    }
    if (is_target(r) && stands_already(v, i)) {
        return;
    }
    body = body_with(v, r);
    if (!id) {
        missing_end(v, i, body);
        return;
    }
    if (!body && dr_str_eqz(v->load->type, "files")) {
        tell_late(v, out);
        return;
    }
    out.expected = dr_arena_printf(v->a, "%" PRIu64, id);
    if (is_target(r) && on_what_is_gone(v, i, body)) {
        out.verdict = JUDGED_INTENDED;
        out.cause = DR_STR_LIT("it stands on a record that was deleted by "
                               "decision since");
    } else if (!holds_link(body, r, id) && v->known->lost &&
               v->known->lost[i]) {
        out.verdict = JUDGED_INTENDED;
        out.cause = DR_STR_LIT("somebody deleted the record at the other end "
                               "in Freshsales");
    } else if (!holds_link(body, r, id) &&
               verify_in_other(v, r->field, body, &out)) {
        ; /* a parent that would close a circle */
    } else if (!holds_link(body, r, id)) {
        out.verdict = JUDGED_LOSS;
        out.cause = body ? DR_STR_LIT("the target does not hold this link")
                         : DR_STR_LIT("the target did not show this link");
        left_to_people(v, shown_as(r), &out);
        keeps_accounts(v, r, body, &out);
    } else if (!primary_is(body, r, id)) {
        out.verdict = JUDGED_LOSS;
        out.actual = DR_STR_LIT("linked, but not as the primary one");
        out.cause = DR_STR_LIT("the primary account is another one");
        left_to_people(v, shown_as(r), &out);
    } else {
        out.actual = out.expected;
    }
    verify_tell(v, out);
}

/* ---- links that the target holds and the source does not ---- */

static bool is_wanted(const struct verifying *v, struct dr_str name,
                      uint64_t id)
{
    bool orphan = false, some = false;

    for (size_t i = 0; i < v->load->ref_count; i++) {
        const struct dr_ref *r = &v->load->refs[i];
        if (!dr_str_eq(shown_as(r), name)) {
            continue;
        }
        orphan |= r->on_miss == DR_MISS_ORPHAN;
        some |= v->known->refs[i] != 0;
        if (v->known->refs[i] == id ||
            (v->known->gone && v->known->gone[i] == id)) {
            return true;
        }
    }
    return orphan && !some && v->c->orphan == id;
}

static void tell_more(struct verifying *v, struct dr_str name, uint64_t id)
{
    struct judged_field out = {
        .field = name,
        .rule = name,
        .actual = dr_arena_printf(v->a, "%" PRIu64, id),
        .cause = DR_STR_LIT("the target holds a link that the source has not"),
        .verdict = JUDGED_LOSS};

    for (size_t i = 0; i < DR_ARRAY_LEN(pairs); i++) {
        struct dr_ref r = {.field = dr_str_z(pairs[i].ref)};
        if (dr_str_eqz(v->load->object, pairs[i].object) &&
            dr_str_eq(shown_as(&r), name)) {
            out.field = dr_str_z(pairs[i].field);
        }
    }
    left_to_people(v, name, &out);
    verify_tell(v, out);
}

static const struct dr_json *newest_with(const struct verifying *v,
                                         struct dr_str name)
{
    for (size_t i = 0; i < v->known->body_count; i++) {
        const struct dr_json *j = dr_json_gets(v->known->bodies[i], name);
        if (j) {
            return j;
        }
    }
    return NULL;
}

static void verify_more(struct verifying *v, struct dr_str name)
{
    const struct dr_json *have = newest_with(v, name);
    int64_t id;

    if (dr_json_type(have) != DR_JSON_ARRAY) {
        if (dr_json_i64(have, &id) == 0 && id > 0 &&
            !is_wanted(v, name, (uint64_t)id)) {
            tell_more(v, name, (uint64_t)id);
        }
        return;
    }
    DR_JSON_EACH(e, have)
    {
        bool object = dr_json_type(e) == DR_JSON_OBJECT;
        if (dr_json_i64(object ? dr_json_get(e, "id") : e, &id) == 0 &&
            id > 0 && !is_wanted(v, name, (uint64_t)id)) {
            tell_more(v, name, (uint64_t)id);
        }
    }
}

/* The first reference of a relation of a custom module. */
static bool is_relation(const struct verifying *v, size_t at)
{
    const struct dr_ref *refs = v->load->refs;

    for (size_t i = 0; i < at; i++) {
        if (dr_str_eq(refs[i].field, refs[at].field)) {
            return false;
        }
    }
    return dr_str_eqz(v->load->lane, "custom");
}

/* No call takes an activity or a note off the record that it stands on. */
static void verify_stands(struct verifying *v)
{
    struct dr_str name = DR_STR_LIT("targetables");
    const struct dr_json *have = newest_with(v, name);
    struct judged_field out = {
        .field = name,
        .rule = name,
        .cause = DR_STR_LIT("what it stood on is no link of it any more at the "
                            "source: Freshsales takes nothing off the record "
                            "that it stands on"),
        .verdict = JUDGED_INTENDED};

    for (size_t i = 0; i < v->load->ref_count; i++) {
        if (is_target(&v->load->refs[i]) && v->known->refs[i]) {
            return;
        }
    }
    DR_JSON_EACH(e, have)
    {
        int64_t id;
        if (dr_json_i64(dr_json_get(e, "id"), &id) == 0 &&
            !is_wanted(v, name, (uint64_t)id)) {
            out.actual = dr_arena_printf(v->a, DR_STR_FMT " %lld",
                                         DR_STR_ARG(dr_json_get_str(e, "type")),
                                         (long long)id);
            verify_tell(v, out);
        }
    }
}

/* Somebody else's record has links of its own. */
static bool is_ours(const struct verifying *v)
{
    const struct judge_load *main = &v->c->loads[0];

    return main->has_fact && main->fact.origin != DR_DONE_MERGED;
}

void verify_links(struct verifying *v)
{
    static const char *const names[] = {"sales_accounts", "contacts",
                                        "sales_account_id",
                                        "parent_sales_account_id"};

    for (size_t i = 0; is_ours(v) && i < DR_ARRAY_LEN(names); i++) {
        if (dr_links_governed(v->load, dr_str_z(names[i]))) {
            verify_more(v, dr_str_z(names[i]));
        }
    }
    if (dr_links_governed(v->load, DR_STR_LIT("targetables"))) {
        verify_stands(v);
    }
    for (size_t i = 0; i < v->load->ref_count; i++) {
        if (is_ours(v) && is_relation(v, i)) {
            verify_more(v, v->load->refs[i].field);
        }
        verify_ref(v, i);
    }
}
