/* A deal with its stage, amount, currency, account and contacts. */
#include "plan_private.h"

#include <drover/base/decimal.h>

static void stage(struct build *b)
{
    struct dr_str pid = prop_text(b, "pipeline_id");
    struct dr_str sid = prop_text(b, "stage_id");
    const struct pipeline_plan *p = dr_map_get(b->plan->pipelines, pid);
    struct dr_str to = p ? map_text(p->stages, sid) : (struct dr_str){NULL, 0};

    if (!p) {
        build_reject(b, "unknown_pipeline", DR_STR_LIT("pipeline_id"),
                     DR_STR_LIT("deal.pipeline_id"),
                     "its pipeline does not exist in FastTrack any more",
                     "move the deal to a pipeline that exists");
        return;
    }
    if (p->target.n == 0) {
        build_reject(b, "missing_pipeline", DR_STR_LIT("pipeline_id"),
                     DR_STR_LIT("deal.pipeline_id"),
                     "the target has no pipeline of this name",
                     "create it as the checklist says, then propose and "
                     "approve the plan again");
        return;
    }
    if (to.n == 0) {
        build_reject(b, "unknown_stage", DR_STR_LIT("stage_id"),
                     DR_STR_LIT("deal.stage_id"),
                     "its stage was deleted or belongs to another pipeline",
                     "move the deal to a stage of its pipeline");
        return;
    }
    build_number(b, "deal_pipeline_id", "deal.pipeline_id", p->target);
    build_number(b, "deal_stage_id", "deal.stage_id", to);
}

static void amount(struct build *b)
{
    struct dr_str raw = prop_text(b, "amount");
    struct dr_str field = DR_STR_LIT("amount");
    struct dr_str rule = DR_STR_LIT("deal.amount"), exact;

    if (raw.n == 0) {
        build_note(b, field, rule, raw, DR_STR_LIT("0"),
                   "no amount at the source; Freshsales requires one");
        build_text(b, "amount", "deal.amount", DR_STR_LIT("0"));
        return;
    }
    if (value_decimal(b, field, rule, raw, &exact)) {
        build_text(b, "amount", "deal.amount", exact);
    }
}

static void currency(struct build *b)
{
    struct dr_str code = prop_text(b, "currency");
    struct dr_str id = map_text(b->plan->currencies, code);
    struct dr_str field = DR_STR_LIT("currency");

    if (redacted_hides(b, field)) {
        redacted_reject(b, "currency", "deal.currency",
                        "FastTrack does not show the currency to the token, "
                        "and the amount would be another one without it");
        return;
    }
    if (code.n == 0) {
        build_note(b, field, DR_STR_LIT("deal.currency"), code,
                   (struct dr_str){"", 0},
                   "no currency at the source: the account's base currency "
                   "applies");
        if (id.n == 0) { /* nothing tells which one it is */
            build_null(b, "currency_id", "deal.currency");
            return;
        }
    }
    if (id.n == 0) {
        build_reject(b, "unknown_currency", field, DR_STR_LIT("deal.currency"),
                     "the target account has no such currency",
                     "add the currency in Freshsales and propose the plan "
                     "again");
        return;
    }
    build_number(b, "currency_id", "deal.currency", id);
}

/* When a deal was closed, or, while it is open, when it should be. */
static void close_date(struct build *b)
{
    struct dr_str s = prop_text(b, "close_date");
    struct dr_str status = dr_str_trim(prop_text(b, "status"));
    struct dr_str rule = DR_STR_LIT("deal.close_date");
    bool closed = dr_str_ieq(status, DR_STR_LIT("won")) ||
                  dr_str_ieq(status, DR_STR_LIT("lost"));

    if (s.n > 0 && value_date(b, DR_STR_LIT("close_date"), rule, s)) {
        build_text(b, closed ? "closed_date" : "expected_close",
                   "deal.close_date", s);
    } else {
        build_null(b, closed ? "closed_date" : "expected_close",
                   "deal.close_date");
    }
    build_null(b, closed ? "expected_close" : "closed_date", "deal.close_date");
}

static void account_ref(struct build *b)
{
    struct end *ends;
    size_t n = pair_ends(b, "deal_company", &ends);
    struct dr_ref r = {.field = DR_STR_LIT("sales_account_id"),
                       .rule = DR_STR_LIT("deal.company"),
                       .lane = DR_STR_LIT("account"),
                       .on_miss = DR_MISS_DROP};

    if (n > 0) {
        r.key = load_key(b, "company", ends[0].id);
        build_ref(b, &r);
    }
    for (size_t i = 1; i < n; i++) {
        build_note(b, DR_STR_LIT("deal_company"), DR_STR_LIT("deal.company"),
                   ends[i].id, (struct dr_str){"", 0},
                   "a deal has one account in Freshsales: the primary company "
                   "was taken");
    }
}

static void contact_refs(struct build *b)
{
    struct end *ends;
    size_t n = pair_ends(b, "deal_contact", &ends);

    for (size_t i = 0; i < n; i++) {
        struct dr_ref r = {.field = DR_STR_LIT("contacts_added_list"),
                           .rule = DR_STR_LIT("deal.contact"),
                           .lane = DR_STR_LIT("contact"),
                           .key = load_key(b, "contact", ends[i].id),
                           .on_miss = DR_MISS_DROP};
        build_ref(b, &r);
    }
}

static struct dr_str deal_name(struct build *b)
{
    struct dr_str name = value_name(b, "name", DR_STR_LIT("deal.name"));

    build_text(b, "name", "deal.name", name);
    return name;
}

/* A name may be another deal's, of one that somebody has made meanwhile, too:
 * never found by it. */
static void choose_how(struct build *b, struct dr_load *l, struct dr_str name)
{
    l->how = first_how(b, DR_HOW_TWO_STEP);
    if (l->how == DR_HOW_TWO_STEP) {
        build_two_step(b, l, name);
    }
}

/* That of the target's stage; empty: the plan does not know it. */
static struct dr_str stage_probability(struct build *b)
{
    const struct pipeline_plan *p =
        dr_map_get(b->plan->pipelines, prop_text(b, "pipeline_id"));
    struct dr_str is = p ? map_text(p->probabilities, prop_text(b, "stage_id"))
                         : (struct dr_str){"", 0};
    struct dr_dec d;

    return dr_dec_parse_json(is, &d) == 0 ? is : (struct dr_str){"", 0};
}

/* Freshsales leaves no deal without one (reference 5.1). */
static void probability(struct build *b)
{
    struct dr_str own = stage_probability(b);

    for (size_t i = 0; i < b->op->n; i++) {
        const struct rule *r = &b->op->rules[i];
        if (dr_str_eqz(r->target, "probability") &&
            !build_has(b, "probability")) {
            build_note(b, r->source, r->id, (struct dr_str){"", 0}, own,
                       "no probability at the source: it has that of its "
                       "stage in Freshsales");
            build_field(b, r->target, r->id,
                        own.n > 0 ? DR_VAL_NUMBER : DR_VAL_NULL, own);
            return;
        }
    }
}

size_t make_deal(struct build *b, struct dr_load out[LOADS_MAX])
{
    struct dr_str name = deal_name(b);

    probability(b);
    amount(b);
    currency(b);
    stage(b);
    close_date(b);
    account_ref(b);
    contact_refs(b);
    build_text(b, "cf_source_id", "deal.id", b->rec->id);
    build_load(b, &out[0], "deal");
    choose_how(b, &out[0], name);
    build_hash(b, &out[0]);
    return 1;
}
