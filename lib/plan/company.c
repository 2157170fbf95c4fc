/* A company becomes an account; its parent travels in the lane `link`, and so
 * does the word that it has none: it may have had one. */
#include "plan_private.h"

#include <drover/wire/redaction.h>

#define COUNT_MAX 10 /* names of one company that are looked through */

/* A name by the plan is one for the name that the source had then. */
static struct dr_str account_name(struct build *b, struct dr_str name)
{
    struct dr_str other = map_text(b->plan->names, b->rec->id);

    if (other.n == 0 || name.n == 0 ||
        plan_other_is_stale(other, name, b->rec->id)) {
        return name;
    }
    other = dr_utf8_prefix(other, TEXT_MAX);
    build_note(b, DR_STR_LIT("name"), DR_STR_LIT(DR_RULE_OTHER_NAME),
               prop_text(b, "name"), other, DR_WHY_OTHER_NAME);
    return other;
}

/* Where another account has the name when this one is written, of which the
 * plan could not know: behind the one that the plan gave it, if any. */
static struct dr_str name_if_taken(struct build *b, struct dr_str name,
                                   struct dr_str is)
{
    struct dr_str other;
    int nth = 1;

    for (int i = 1; i < COUNT_MAX && !dr_str_eq(name, is); i++) {
        other = plan_other_name(b->a, name, b->rec->id, i);
        if (dr_str_eq(other, is)) {
            nth = i + 1;
            break;
        }
    }
    other = plan_other_name(b->a, name, b->rec->id, nth);
    b->oom |= !other.p;
    return other;
}

void account_by_name(struct build *b, struct dr_load *l, struct dr_str name,
                     struct dr_str is)
{
    l->ident = is;
    l->other_name = name_if_taken(b, name, is);
    if (first_how(b, DR_HOW_TWO_STEP) == DR_HOW_TWO_STEP) {
        build_two_step(b, l, is);
    }
}

static void add_refs(struct build *b, struct dr_str parent)
{
    struct dr_ref self = {.field = DR_STR_LIT("self"),
                          .rule = DR_STR_LIT("company.parent_company_id"),
                          .lane = DR_STR_LIT("account"),
                          .key = load_key(b, "company", b->rec->id),
                          .on_miss = DR_MISS_REJECT};
    struct dr_ref up = {.field = DR_STR_LIT("parent_sales_account_id"),
                        .rule = DR_STR_LIT("company.parent_company_id"),
                        .lane = DR_STR_LIT("account"),
                        .on_miss = DR_MISS_DROP};

    build_ref(b, &self);
    if (parent.n > 0) {
        up.key = load_key(b, "company", parent);
        build_ref(b, &up);
    }
}

/* The plan cut the circle here, at this very parent. Plans of before name no
 * parent. */
static bool is_cut(const struct build *b, struct dr_str parent)
{
    struct dr_str cut = map_text(b->plan->cut, b->rec->id);

    return cut.p && parent.n > 0 && (cut.n == 0 || dr_str_eq(cut, parent));
}

static struct dr_str parent_of(struct build *b)
{
    struct dr_str parent = prop_ref(b, "parent_company_id", "company");

    if (parent.n > 0 && dr_str_eq(parent, b->rec->id)) {
        build_note(b, DR_STR_LIT("parent_company_id"),
                   DR_STR_LIT(DR_RULE_CIRCLE), parent, (struct dr_str){"", 0},
                   "a company cannot be its own parent: left out");
        return (struct dr_str){"", 0};
    }
    return parent;
}

size_t make_company(struct build *b, struct dr_load out[LOADS_MAX])
{
    const struct dr_str none = {"", 0};
    struct dr_str name = value_name(b, "name", DR_STR_LIT("company.name"));
    struct dr_str is = account_name(b, name);
    struct dr_str parent = parent_of(b);
    struct dr_str before = map_text(b->plan->merge_company, b->rec->id);
    size_t fields;

    build_text(b, "name", "company.name", is);
    build_text(b, "cf_source_id", "company.id", b->rec->id);
    build_load(b, &out[0], "account");
    account_by_name(b, &out[0], name, is);
    if (before.n > 0 && dr_str_u64(before, &out[0].dst) == 0) {
        out[0].how = DR_HOW_MERGE;
    }
    build_hash(b, &out[0]);
    fields = b->field_n;
    b->field_n = 0;
    add_refs(b, parent);
    build_load(b, &out[1], "link");
    out[1].op = DR_LOAD_PATCH;
    out[1].other_first = is_cut(b, parent);
    if (!dr_hides(b->hides, DR_STR_LIT(DR_HIDES_MORE))) {
        out[1].hides = none; /* of fields alone */
    }
    build_hash(b, &out[1]);
    b->field_n = fields;
    return 2;
}
