/*
 * A deal's amount beside its lines, which overwrite it at the server. What is
 * written again after them is the source's, or a person's where somebody has
 * changed it since we left it. Once the lines stand nothing in the target tells
 * any more what it was; so the ledger says it before they are sent, in facts
 * of the set: `amount` is what is to be written again, and DONE.fields holds it
 * as KEPT where it is a person's, and as AMOUNT what the lines made of it where
 * nothing was written again yet.
 */
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#define AMOUNT DR_STR_LIT("amount")
#define KEPT DR_STR_LIT("amount.kept")

bool amount_of_set(const struct item *it)
{
    return strcmp(it->lp->lane->name, "deal_product") == 0;
}

static struct dr_str amount_of(const struct dr_json *deal, struct dr_arena *a)
{
    return edits_text(dr_json_scalar(dr_json_get(deal, "amount")), a);
}

/* However it is shown now; the deal's own lane says it as it was shown. */
static bool left_so(struct dr_str left, const struct dr_json *deal,
                    struct dr_arena *a)
{
    return dr_committed_as(left, AMOUNT, row_amount(deal, a)) ||
           dr_committed_as(left, AMOUNT, amount_of(deal, a));
}

static bool kept_before(const struct item *it, uint64_t deal)
{
    return it->fact.dst == deal && it->fact.amount[0] &&
           dr_committed_as(edits_left(it), KEPT, dr_str_z(it->fact.amount));
}

static void choose(struct item *it, const char *amount, bool theirs)
{
    char text[sizeof(it->amount)] = "";

    (void)memcpy(text, amount, strnlen(amount, sizeof(text) - 1));
    memcpy(it->amount, text, sizeof(it->amount));
    it->theirs = theirs;
}

void amount_prepare(struct item *it, const struct dr_fact *deal)
{
    bool theirs = kept_before(it, deal->dst);

    it->deal_rev = deal->rev;
    choose(it, theirs ? it->fact.amount : deal->amount, theirs);
}

/* ---- before the lines are sent ---- */

static bool is_theirs(const struct dr_fact *deal, const struct dr_json *record,
                      struct dr_arena *a)
{
    struct dr_str left = {(const char *)deal->fields, deal->fields_n};
    struct dr_str now = amount_of(record, a);

    return now.n > 0 && now.n < sizeof(deal->amount) &&
           dr_committed(left, AMOUNT) && !left_so(left, record, a);
}

static void find(struct item *it, const struct dr_fact *deal,
                 const struct dr_json *record, struct dr_arena *a)
{
    bool before = kept_before(it, deal->dst);

    if (!deal->amount[0] || row_amount_is(record, dr_str_z(deal->amount))) {
        choose(it, deal->amount, false);
    } else if (before && row_amount_is(record, dr_str_z(it->fact.amount))) {
        choose(it, it->fact.amount, true);
    } else if (it->fact.dst == deal->dst &&
               left_so(edits_left(it), record, a)) {
        /* As the lines made it: what it was before is known. */
        choose(it, before ? it->fact.amount : deal->amount, before);
    } else if (is_theirs(deal, record, a)) {
        choose(it, dr_arena_dupz(a, amount_of(record, a)), true);
    } else {
        choose(it, deal->amount, false);
    }
}

static int deal_of(struct loader *l, const struct dr_load *load,
                   struct dr_fact *out)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        const struct dr_ref *r = &load->refs[i];
        if (dr_str_eqz(r->field, "deal")) {
            return view_facts(l, &r->lane, &r->key, 1, out);
        }
    }
    return -1;
}

int amount_find(struct loader *l, struct item *it, const struct dr_json *record)
{
    const struct dr_load *load;
    struct dr_fact deal;
    struct links links;
    struct dr_buf b;

    if (item_links(l, it, &load, &links) || deal_of(l, load, &deal)) {
        return -1;
    }
    find(it, &deal, record, l->scratch);
    dr_buf_init(&b, (size_t)4 << 20);
    body_lines(load, &links, dr_str_z(it->amount), &b);
    DR_ASSERT(!b.over);
    item_body(it, &b);
    dr_buf_done(&b);
    return 0;
}

void amount_ahead(struct loader *l, struct item *it,
                  const struct dr_json *record)
{
    if (!it->theirs || (kept_before(it, it->route.dst) &&
                        strcmp(it->amount, it->fact.amount) == 0)) {
        return;
    }
    amount_commit(l, it, NULL);
    it->route.step = 1; /* as one that is half made: it may soon be */
    ledger_done(l, it, it->route.dst, DR_DONE_DISCOVERED, record->raw);
    it->route.step = 0;
}

/* ---- before the deal itself is ---- */

/* A person's that the lines have overwritten is no less a person's. */
static bool made_by_lines(const struct dr_fact *set, uint64_t deal,
                          const struct dr_json *record, struct dr_arena *a)
{
    struct dr_str left = {(const char *)set->fields, set->fields_n};

    return set->dst == deal && left_so(left, record, a) &&
           !dr_committed(left, KEPT);
}

int amount_look(struct loader *l, struct item *it, const struct dr_load *load,
                const struct dr_json *record)
{
    struct dr_str lane = DR_STR_LIT("deal_product"), id = it->key, key;
    struct dr_fact set;

    it->lines_made = false;
    if (!dr_str_eqz(load->lane, "deal")) {
        return 0;
    }
    (void)dr_str_split(&id, ':');
    key = dr_arena_printf(l->scratch, "line_item:" DR_STR_FMT, DR_STR_ARG(id));
    if (view_facts(l, &lane, &key, 1, &set)) {
        return -1;
    }
    it->lines_made = made_by_lines(&set, it->route.dst, record, l->scratch);
    return 0;
}

/* ---- after they were ---- */

void amount_commit(struct loader *l, struct item *it,
                   const struct dr_json *half)
{
    free(it->commits);
    it->commits = dr_xcalloc(1, sizeof(*it->commits));
    if (it->theirs) {
        dr_commit(it->commits, KEPT, dr_str_z(it->amount));
    }
    if (half) {
        dr_commit(it->commits, AMOUNT, row_amount(half, l->scratch));
    }
}

bool amount_untold(struct loader *l, const struct item *it,
                   const struct dr_json *record)
{
    const struct dr_attempt *a = dr_fold_unsettled(it->lp->own.fold, it->key);
    bool was_made = it->set_stands || !a || a->rev != it->rev;

    return it->amount[0] && was_made &&
           !row_amount_is(record, dr_str_z(it->amount)) &&
           !left_so(edits_left(it), record, l->scratch);
}
