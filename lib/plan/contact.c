/* A contact, or an unconverted person: a lead where the target has leads. */
#include "plan_private.h"

/* The lead rule of the contract (4.5): a person who was not converted and
 * belongs to no company. Both classes have one key, contact:<id>: a person
 * that becomes a contact during the tail is the same record of another type. */
static bool is_person(const struct build *b, size_t companies)
{
    return companies == 0 && prop_text(b, "converted_at").n == 0 &&
           dr_str_ieq(dr_str_trim(prop_text(b, "record_kind")),
                      DR_STR_LIT("person"));
}

/* The plan saw another contact with the address that it has. Plans of before
 * name no address. */
static bool is_shared(struct build *b, struct dr_str email)
{
    struct dr_str shared = map_text(b->plan->without_email, b->rec->id);

    return shared.p && email.n > 0 &&
           (shared.n == 0 || dr_str_eq(plan_norm(b->a, email), shared));
}

/* The address that identifies the contact; empty: it has none. What cannot
 * be the address goes to *kept. apart: nor can one that is shared. */
static struct dr_str usable_email(struct build *b, bool apart,
                                  struct dr_str *kept)
{
    struct dr_str raw = prop_text(b, "email");
    struct dr_str field = DR_STR_LIT("email");
    struct dr_str rule = DR_STR_LIT("contact.email");
    const char *why = NULL;

    if (raw.n == 0) {
        return raw;
    }
    if (!dr_text_valid(raw) || dr_utf8_count(raw) > TEXT_MAX) {
        build_reject(b, "bad_value", field, rule,
                     "the e-mail address is longer than 255 characters or "
                     "holds a NUL character",
                     "correct the address in FastTrack");
        return (struct dr_str){"", 0};
    }
    if (!plan_email_usable(raw)) {
        why = "not one usable e-mail address: kept as text in work_email";
    } else if (apart && is_shared(b, raw)) {
        why = DR_WHY_OTHER_ADDRESS;
    }
    if (why) {
        build_note(b, field, rule, raw, (struct dr_str){"", 0}, why);
        *kept = raw;
        return (struct dr_str){"", 0};
    }
    if (dr_str_trim(raw).n < raw.n) {
        build_note(b, field, rule, raw, dr_str_trim(raw),
                   "blanks around the address are not kept");
    }
    return dr_str_trim(raw);
}

static void text_or_null(struct build *b, const char *name, const char *rule,
                         struct dr_str value)
{
    if (value.n > 0) {
        build_text(b, name, rule, value);
    } else {
        build_null(b, name, rule);
    }
}

/* What cannot be the address is kept as text in work_email. */
static struct dr_str email_of(struct build *b, bool apart)
{
    struct dr_str kept = {"", 0};
    struct dr_str email = usable_email(b, apart, &kept);

    text_or_null(b, "work_email", "contact.email.kept", kept);
    text_or_null(b, "emails", "contact.email", email);
    return email;
}

static void note_primaries(struct build *b, const struct end *ends, size_t n)
{
    for (size_t i = 1; i < n && ends[i].primary; i++) {
        build_note(b, DR_STR_LIT("contact_company"),
                   DR_STR_LIT("contact.company"), ends[i].id,
                   (struct dr_str){"", 0},
                   "several companies are marked as the primary one: the "
                   "first by id was taken, this one is linked as a further "
                   "one");
    }
}

static void company_refs(struct build *b, const struct end *ends, size_t n,
                         bool person)
{
    if (n == 0 && !person) {
        struct dr_ref r = {.field = DR_STR_LIT("sales_accounts"),
                           .rule = DR_STR_LIT("contact.company.orphan"),
                           .lane = DR_STR_LIT("account"),
                           .key = DR_STR_LIT(DR_ORPHAN_KEY),
                           .primary = true,
                           .on_miss = DR_MISS_DROP};
        if (b->plan->orphan_id.n > 0 &&
            dr_str_u64(b->plan->orphan_id, &r.dst) == 0) {
            r.key = (struct dr_str){"", 0};
        }
        build_ref(b, &r);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct dr_ref r = {.field = DR_STR_LIT("sales_accounts"),
                           .rule = DR_STR_LIT("contact.company"),
                           .lane = DR_STR_LIT("account"),
                           .key = load_key(b, "company", ends[i].id),
                           .primary = i == 0,
                           .on_miss = i == 0 ? DR_MISS_ORPHAN : DR_MISS_DROP};
        build_ref(b, &r);
    }
}

/* The company named in the record, when the associations flag none. */
static void prefer_named(struct build *b, struct end *ends, size_t n)
{
    struct dr_str named = prop_ref(b, "primary_company_id", "company");

    for (size_t i = 1; n > 1 && !ends[0].primary && i < n; i++) {
        if (dr_str_eq(ends[i].id, named)) {
            struct end e = ends[i];
            ends[i] = ends[0];
            ends[0] = e;
        }
    }
}

static void put_id(struct build *b, const char *name, const struct rule *r,
                   struct dr_str id)
{
    if (r) {
        build_field(b, dr_str_z(name), r->id,
                    id.n > 0 ? DR_VAL_NUMBER : DR_VAL_NULL, id);
    }
}

static void lifecycle(struct build *b, bool person)
{
    const struct rule *stage = special_rule(b, "lifecycle");
    const struct rule *status = special_rule(b, "lead_status");
    struct dr_str is = {"", 0};
    struct dr_str raw = prop_text(b, "lifecycle_stage");
    struct dr_str lead = b->plan->lead_stage;
    struct dr_str id =
        stage ? map_text(stage->values, raw) : (struct dr_str){NULL, 0};

    if (!stage) {
        return;
    }
    if (person && lead.n > 0) {
        if (raw.n > 0 && !dr_str_eq(id, lead)) {
            build_note(b, stage->source, stage->id, raw, DR_STR_LIT("lead"),
                       "a person that is no contact yet stands in the "
                       "lifecycle stage Lead");
        }
        id = lead;
    }
    if (raw.n > 0 && !id.p) {
        build_reject(b, "bad_value", stage->source, stage->id,
                     "the plan has no target value for this lifecycle stage",
                     "propose and approve the plan again: it then asks for "
                     "the new value");
        return;
    }
    if (status && id.n > 0 && dr_str_eq(id, lead)) {
        is = map_text(status->values, prop_text(b, "lead_status"));
    }
    put_id(b, "lifecycle_stage_id", stage, id);
    put_id(b, "contact_status_id", status, is);
}

/* Leads of the classic edition have stages of their own. */
static void lead_stage(struct build *b)
{
    const struct rule *r = special_rule(b, "lead_status");
    struct dr_str raw = prop_text(b, "lead_status");

    put_id(b, "lead_stage_id", r,
           r ? map_text(r->values, raw) : (struct dr_str){NULL, 0});
}

/* Freshsales takes no lead without an address or a mobile number (reference
 * 17). */
static void reachable(struct build *b, struct dr_str email)
{
    struct dr_str phone = prop_text(b, "phone");
    struct dr_str cut = dr_utf8_prefix(phone, MOBILE_MAX);

    if (email.n > 0) {
        build_null(b, "mobile_number", "contact.phone.mobile");
        return;
    }
    if (dr_str_trim(phone).n == 0 || !dr_text_valid(phone)) {
        build_reject(b, "required_empty", DR_STR_LIT("email"),
                     DR_STR_LIT("contact.email"),
                     "neither a usable e-mail address nor a phone number, "
                     "and Freshsales takes no lead without",
                     "give the person an address or a number in FastTrack");
        return;
    }
    build_note(b, DR_STR_LIT("phone"), DR_STR_LIT("contact.phone"), phone, cut,
               "a lead without an e-mail address needs a mobile number: the "
               "phone number stands there, too");
    build_text(b, "mobile_number", "contact.phone.mobile", cut);
}

static void by_email(struct build *b, struct dr_load *l, struct dr_str email,
                     bool named)
{
    l->ident = email;
    l->other_first = email.n > 0 && is_shared(b, email);
    if (email.n > 0 && named) { /* an address alone is no contact without it */
        l->other_name = prop_text(b, "email");
    }
}

size_t make_contact(struct build *b, struct dr_load out[LOADS_MAX])
{
    struct dr_str before = map_text(b->plan->merge_contact, b->rec->id);
    struct dr_str email;
    struct end *ends;
    size_t n = pair_ends(b, "contact_company", &ends);
    bool person = is_person(b, n);
    bool lead = person && b->plan->leads;
    bool named = dr_str_trim(prop_text(b, "first_name")).n > 0 ||
                 dr_str_trim(prop_text(b, "last_name")).n > 0;

    email = email_of(b, lead || !named);
    if (email.n == 0 && !named) {
        build_reject(b, "required_empty", DR_STR_LIT("last_name"),
                     DR_STR_LIT("contact.name"),
                     "neither a name nor a usable e-mail address",
                     "name the contact in FastTrack");
    }
    if (before.n > 0 && redacted_hides(b, DR_STR_LIT("email"))) {
        redacted_reject(b, "email", "contact.email",
                        "FastTrack does not show the address to the token, and "
                        "by that it was to become a contact that is there");
    }
    build_text(b, lead ? "cf_source_id" : "external_id", "contact.id",
               b->rec->id);
    if (lead) {
        lead_stage(b);
        reachable(b, email);
    } else {
        lifecycle(b, person);
        prefer_named(b, ends, n);
        note_primaries(b, ends, n);
        company_refs(b, ends, n, person);
    }
    build_load(b, &out[0], "contact");
    if (lead) {
        out[0].type = DR_STR_LIT("leads");
    } else {
        out[0].how = first_how(b, DR_HOW_BULK);
        by_email(b, &out[0], email, named);
        if (email.n > 0 && before.n > 0 &&
            dr_str_u64(before, &out[0].dst) == 0) {
            out[0].how = DR_HOW_MERGE;
        }
    }
    build_hash(b, &out[0]);
    return 1;
}
