#include "route.h"

#include <string.h>

#include <drover/ledger/ledger.h>
#include <drover/plan/plan.h>

bool fact_covers(const struct dr_fact *f, const struct dr_load *load,
                 size_t missing)
{
    static const enum dr_ledger_state states[] = {
        [DR_FACT_NONE] = DR_LEDGER_NOTHING,
        [DR_FACT_DONE] = DR_LEDGER_DONE,
        [DR_FACT_REFUSED] = DR_LEDGER_REFUSED,
        [DR_FACT_DELETED] = DR_LEDGER_DELETED,
        [DR_FACT_CREATED] = DR_LEDGER_CREATED,
    };
    struct dr_ledger_fact fact = {
        .rev = f->rev,
        .pass = f->pass,
        .content_hash = {(const char *)f->content_hash,
                         sizeof(f->content_hash)}};

    if ((size_t)f->state < DR_ARRAY_LEN(states)) {
        fact.state = states[f->state];
    }
    return dr_fact_covers(&fact, load->rev, load->pass, load->content_hash,
                          missing);
}

static void first_time(const struct route_case *c, struct route *out)
{
    const struct dr_load *load = c->load;

    out->op = DR_EFFECT_CREATE;
    out->origin = DR_DONE_CREATED;
    out->way = WAY_CREATE;
    switch (load->how) {
    case DR_HOW_MERGE:
        out->way = WAY_UPDATE;
        out->op = DR_EFFECT_UPDATE;
        out->dst = load->dst;
        out->preimage = true;
        out->merge = true;
        out->origin = DR_DONE_MERGED;
        break;
    case DR_HOW_BULK:
    case DR_HOW_TWO_STEP:
        if (!c->alone) {
            out->way = WAY_BULK_CREATE;
            out->op = DR_EFFECT_UPSERT;
            out->step = load->how == DR_HOW_TWO_STEP ? 1 : 0;
        }
        break;
    case DR_HOW_SINGLE:
        break;
    }
}

static bool has_ref(const struct dr_load *load, const char *field)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        if (dr_str_eqz(load->refs[i].field, field)) {
            return true;
        }
    }
    return false;
}

/* A patch or a set of lines lands in a record that another lane made. */
static bool of_another(const struct route_case *c, struct route *out)
{
    bool patch = c->load->op == DR_LOAD_PATCH;
    bool fold = patch && has_ref(c->load, "@record");

    /* As any record that stands: read first. Unless another stands there now,
     * for its account was removed and came back. */
    if (patch && !fold && c->fact->dst && c->fact->state != DR_FACT_DELETED &&
        (c->self_dst == 0 || c->self_dst == c->fact->dst)) {
        return false;
    }
    if (!patch && !dr_str_eqz(c->load->lane, "deal_product")) {
        return false;
    }
    if (dr_links_only_end(c->load) &&
        (patch || c->fact->state == DR_FACT_DELETED ||
         (c->fact->dst == 0 && !c->open))) {
        return true; /* it never had one */
    }
    out->way = fold ? WAY_FOLD : patch ? WAY_BULK_ID : WAY_LINES;
    out->op = DR_EFFECT_UPDATE;
    out->dst = c->self_dst;
    out->origin = DR_DONE_UPDATED;
    /* What a fold changes has to be read anyway. */
    out->preimage = fold || (!patch && (c->fact->dst != 0 || c->late));
    return true;
}

/* Nothing of ours there, or something newer: nothing to remove. */
static void removal(const struct dr_fact *f, struct route *out)
{
    if (f->dst && f->state != DR_FACT_DELETED) {
        out->way = WAY_DELETE;
        out->op = DR_EFFECT_DELETE;
        out->dst = f->dst;
        out->origin = (enum dr_done_origin)f->origin;
    }
}

bool conversion_due(const struct dr_fact *f, const struct dr_load *load)
{
    return f->dst != 0 && f->state != DR_FACT_DELETED &&
           strcmp(f->type, "leads") == 0 && dr_str_eqz(load->type, "contacts");
}

bool conversion_back(const struct dr_fact *f, const struct dr_load *load)
{
    return f->dst != 0 && f->state != DR_FACT_DELETED &&
           strcmp(f->type, "contacts") == 0 && dr_str_eqz(load->type, "leads");
}

static void conversion(const struct dr_fact *f, struct route *out)
{
    out->way = WAY_CONVERT;
    out->op = DR_EFFECT_UPDATE;
    out->step = STEP_CONVERT;
    out->dst = f->dst;
    out->origin = f->origin ? (enum dr_done_origin)f->origin : DR_DONE_CREATED;
}

void route_of(const struct route_case *c, struct route *out)
{
    const struct dr_fact *f = c->fact;

    *out = (struct route){.way = WAY_SKIP};
    if (!c->left && !c->open && fact_covers(f, c->load, c->missing)) {
        return;
    }
    if (c->load->op == DR_LOAD_DELETE) {
        removal(f, out);
        return;
    }
    if (conversion_due(f, c->load)) {
        conversion(f, out);
        return;
    }
    if (of_another(c, out)) {
        return;
    }
    if (f->dst == 0 || f->state == DR_FACT_DELETED || c->left) {
        first_time(c, out);
        out->anew = c->left;
        return;
    }
    out->dst = f->dst;
    out->op = DR_EFFECT_UPDATE;
    out->origin = f->origin ? (enum dr_done_origin)f->origin : DR_DONE_CREATED;
    out->merge = f->origin == DR_DONE_MERGED;
    if (f->state == DR_FACT_CREATED && c->load->how == DR_HOW_TWO_STEP &&
        !c->alone) {
        out->way = WAY_BULK_ID;
        out->step = 2;
        return;
    }
    out->way = WAY_UPDATE;
    out->preimage = true;
}
