/*
 * From an outcome to the ledger. What the target holds goes to `landed`, a
 * refusal to `rejected`, and only when the broker has that does the ledger say
 * DONE or REFUSED (I5: never a settled offset without its evidence).
 */
#include "loader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>
#include <drover/plan/plan.h>
#include <drover/wire/classes.h>

void landed_publish(struct loader *l, struct lane *lane, struct dr_str key,
                    struct dr_str source_id, const struct type *t, uint64_t dst,
                    uint64_t rev, enum dr_landed_how how, struct dr_str body,
                    dr_delivered_fn *cb, void *ctx)
{
    struct dr_env env = {.kind = DR_MSG_LANDED};

    env.u.landed = (struct dr_landed){.lane = dr_str_z(lane->name),
                                      .key = key,
                                      .type = dr_str_z(t->name),
                                      .dst = dst,
                                      .rev = rev,
                                      .pass = l->pass,
                                      .how = how,
                                      .body = body};
    dr_service_send(l->svc, l->out, lane->landed_topic,
                    dr_partition(source_id, l->parts), key, &env, cb, ctx);
}

/* What follows once the broker has the evidence. */
struct after {
    struct item *it;
    struct loader *l;
    bool refused;
    bool half; /* another call follows */
    uint64_t dst;
    enum dr_done_how how;
    char *record; /* or the reason */
    size_t size;
    const char *class;
    int code;
};

static void go_on(struct after *a)
{
    struct item *it = a->it;
    struct dr_str text = {a->record, a->size};

    if (!it->dead && it->state == ITEM_PUBLISH) {
        it->state = ITEM_WRITTEN;
        if (a->refused) {
            ledger_refused(a->l, it, a->class, a->code, true, text);
        } else if (a->half) {
            it->route.step = 1;
            ledger_done(a->l, it, a->dst, a->how, text);
            single_amount(a->l, it);
        } else {
            ledger_done(a->l, it, a->dst, a->how, text);
        }
    }
    item_unpin(it);
    free(a->record);
    free(a);
}

static void evidence_there(void *ctx, int32_t partition, int64_t offset)
{
    struct after *a = ctx;

    (void)partition;
    (void)offset;
    if (a->it->untold > 0) {
        a->it->after = a;
    } else {
        go_on(a);
    }
}

static struct after *after_new(struct loader *l, struct item *it,
                               struct dr_str text)
{
    struct after *a = dr_xcalloc(1, sizeof(*a));

    *a = (struct after){.it = it, .l = l, .size = text.n};
    a->record = dr_xmalloc(text.n + 1);
    if (text.n > 0) {
        memcpy(a->record, text.p, text.n);
    }
    it->pins++;
    bulk_item_gone(it);
    item_move(it, &it->lp->lane->work, ITEM_PUBLISH);
    return a;
}

struct rejection {
    const char *class, *cure;
    struct dr_str part_id, field, rule, reason;
    bool redrivable, partial;
    uint64_t rev; /* 0: the item's */
};

static void reject(struct loader *l, struct item *it,
                   const struct dr_load *load, const struct rejection *r,
                   dr_delivered_fn *cb, void *ctx)
{
    struct dr_env env = {.kind = DR_MSG_REJECTED};

    env.u.rejected =
        (struct dr_rejected){.object = load->object,
                             .id = load->id,
                             .part_id = r->part_id,
                             .lane = load->lane,
                             .stage = DR_STR_LIT("load"),
                             .class = dr_str_z(r->class),
                             .field = r->field,
                             .rule = r->rule,
                             .reason = r->reason,
                             .cure = dr_str_z(r->cure),
                             .topic = dr_str_z(it->lp->lane->load_topic),
                             .original = {it->bytes, it->size},
                             .partition = it->lp->part,
                             .offset = it->offset,
                             .redrivable = r->redrivable,
                             .partial = r->partial,
                             .rev = r->rev ? r->rev : it->rev,
                             .version = load->version,
                             .pass = it->pass};
    dr_service_send(l->svc, l->out, l->rejected_topic,
                    dr_partition(load->id, l->parts), it->key, &env, cb, ctx);
}

/* Once a DONE stands nobody would tell again what was left out of it. */
static void told(void *ctx, int32_t partition, int64_t offset)
{
    struct item *it = ctx;
    struct after *a = it->after;

    (void)partition;
    (void)offset;
    if (--it->untold == 0 && a) {
        it->after = NULL;
        go_on(a);
    }
    item_unpin(it);
}

static void tell_part(struct loader *l, struct item *it,
                      const struct dr_load *load, const struct rejection *r)
{
    it->untold++;
    it->pins++;
    reject(l, it, load, r, told, it);
}

/* Whoever finds that a fold has moved tells it: the one that moved it may have
 * died before it was told. Twice is once in the books. */
static void tell_left_behind(struct loader *l, struct item *it)
{
    struct rejection r = {
        .class = "left_behind",
        .cure = "clear those fields in Freshsales by hand",
        .field = DR_STR_LIT("@record"),
        .reason = DR_STR_LIT("it hung on another record before, which keeps "
                             "its values in its fields"),
        .redrivable = true,
        .partial = true};

    if (fold_has_moved(it) && !it->told_kept) {
        it->told_kept = true;
        tell_part(l, it, item_load(l, it), &r);
    }
}

/* The auditor finds the same by itself; this is for whoever looks for it. What
 * was found may be our own of before, and what a person wrote stays. */
static void tell_other(struct loader *l, struct item *it, struct dr_str text)
{
    const struct dr_load *load = item_load(l, it);
    const struct dr_other *o = dr_other_of(load);
    const struct dr_json *record = dr_json_parse(l->scratch, text, NULL, NULL);
    struct rejection r = {.partial = true};

    it->in_other =
        it->other && o && dr_other_is_shown(load, record, l->scratch);
    if (!it->in_other || it->told_other || load->other_first) {
        return; /* what the plan knew is no news */
    }
    r.class = o->class;
    r.cure = dr_class_named(dr_str_z(o->class))->cure;
    r.field = dr_str_z(o->field);
    r.rule = dr_str_z(o->rule);
    r.reason = dr_str_z(o->why);
    it->told_other = true;
    tell_part(l, it, load, &r);
}

/* Freshsales has no call that moves or deletes a file. */
static void tell_file_left(struct loader *l, struct item *it)
{
    char why[192];
    struct rejection r = {
        .class = "file_left",
        .cure = "nothing: it goes with that record, whose removal is "
                "proposed; or delete it there by hand",
        .field = DR_STR_LIT("targetables"),
        .partial = true};

    if (it->route.anew) {
        (void)snprintf(why, sizeof(why),
                       "what it stood on was merged: it was written once "
                       "more, and %" PRIu64 " stays at %s",
                       it->fact.dst, it->fact.place);
        r.reason = dr_str_z(why);
        tell_part(l, it, item_load(l, it), &r);
    }
}

static const char changed_there[] =
    "changed in Freshsales since we wrote it; kept";
static const char decide[] = "decide which value is right; where it is the "
                             "source's, set it in Freshsales by hand";

/* Of the deal, not of its lines; for the version of it that was left. */
static void tell_of_deal(struct loader *l, struct item *it, const char *reason,
                         const char *cure)
{
    struct dr_load deal = *item_load(l, it);
    struct rejection r = {.class = "conflict",
                          .cure = cure,
                          .field = DR_STR_LIT("amount"),
                          .rule = DR_STR_LIT("deal.amount"),
                          .reason = dr_str_z(reason),
                          .redrivable = true,
                          .partial = true,
                          .rev = it->deal_rev};

    deal.object = DR_STR_LIT("deal");
    tell_part(l, it, &deal, &r);
}

static void tell_amount(struct loader *l, struct item *it)
{
    if (amount_of_set(it) && it->theirs && !it->told_kept) {
        it->told_kept = true;
        tell_of_deal(l, it, changed_there, decide);
    }
}

/* The lines stand, and theirs is nowhere but in the ledger. */
static void tell_amount_lost(struct loader *l, struct item *it)
{
    char why[192];

    if (amount_of_set(it) && it->theirs && it->route.step == 2) {
        (void)snprintf(why, sizeof(why),
                       "changed in Freshsales to %s since we wrote it; the "
                       "deal's lines have overwritten that, and it could not "
                       "be written again",
                       it->amount);
        tell_of_deal(l, it, why,
                     "decide which amount is right and set it in Freshsales by "
                     "hand");
    }
}

static void tell_parts(struct loader *l, struct item *it, struct dr_str record)
{
    tell_amount(l, it);
    tell_left_behind(l, it);
    tell_file_left(l, it);
    tell_other(l, it, record);
}

void item_landed(struct loader *l, struct item *it, uint64_t dst,
                 enum dr_landed_how how, enum dr_done_how done,
                 struct dr_str record)
{
    struct after *a = after_new(l, it, record);

    tell_parts(l, it, record);
    edits_commit(l, it, (struct dr_str){a->record, a->size});
    a->dst = dst;
    a->how = done;
    landed_publish(l, it->lp->lane, it->key, key_id(it->key), it->type, dst,
                   it->rev, how, record, evidence_there, a);
}

void item_half_landed(struct loader *l, struct item *it, uint64_t dst,
                      struct dr_str record)
{
    struct after *a = after_new(l, it, record);

    amount_commit(l, it,
                  dr_json_parse(l->scratch, (struct dr_str){a->record, a->size},
                                NULL, NULL));
    a->half = true;
    a->dst = dst;
    a->how = DR_DONE_ANSWERED;
    landed_publish(l, it->lp->lane, it->key, key_id(it->key), it->type, dst,
                   it->rev, DR_LANDED_ANSWER, record, evidence_there, a);
}

/* The evidence is in `landed` already: another loader's walk, or our own. */
void item_done_now(struct loader *l, struct item *it, uint64_t dst,
                   struct dr_str record)
{
    tell_parts(l, it, record);
    if (it->untold > 0) {
        struct after *a = after_new(l, it, record);
        edits_commit(l, it, (struct dr_str){a->record, a->size});
        a->dst = dst;
        a->how = DR_DONE_DISCOVERED;
        it->after = a;
        return;
    }
    bulk_item_gone(it);
    edits_commit(l, it, record);
    item_move(it, &it->lp->lane->work, ITEM_WRITTEN);
    ledger_done(l, it, dst, DR_DONE_DISCOVERED, record);
}

void item_refuse(struct loader *l, struct item *it, const char *class, int code,
                 const char *cure, bool redrivable, struct dr_str reason)
{
    struct after *a = after_new(l, it, reason);
    const struct dr_load *load = item_load(l, it);
    struct rejection r = {.class = class,
                          .cure = cure,
                          .reason = {a->record, a->size},
                          .redrivable = redrivable};

    if (dr_plan_is_leftover(load)) {
        /* Not of the record itself, which stands as it did before. */
        r.field = DR_STR_LIT("also"); /* as its line names it */
        r.partial = true;
    }
    a->refused = true;
    a->class = class;
    a->code = code;
    tell_amount_lost(l, it);
    reject(l, it, load, &r, evidence_there, a);
}

void item_refuse_value(struct loader *l, struct item *it, int code,
                       struct dr_str reason)
{
    item_refuse(l, it, "refused", code,
                "change the value in the source, or the rule in the plan, "
                "then redrive",
                true, reason);
}

/* Nothing of ours was ever there: the plan names what is not. */
static void refuse_merge(struct loader *l, struct item *it)
{
    struct dr_buf b;

    dr_buf_init(&b, 256);
    dr_buf_z(&b, "the record ");
    dr_buf_u64(&b, it->route.dst);
    dr_buf_z(&b, ", into which the plan merges this one, is not in Freshsales");
    item_refuse(l, it, "refused", 404,
                "correct the merge in the plan, or restore that record from "
                "the recycle bin of Freshsales, then redrive",
                true, dr_buf_view(&b));
    dr_buf_done(&b);
}

void item_lost(struct loader *l, struct item *it)
{
    const char *cure =
        it->type && it->type->bin
            ? "where it was deleted on purpose, nothing; else restore it from "
              "the recycle bin of Freshsales, which keeps it for 90 days, then "
              "redrive"
            : "where it was deleted on purpose, nothing; else write it anew in "
              "Freshsales by hand: it has no recycle bin for this kind";

    if (it->route.merge && it->fact.dst == 0) {
        refuse_merge(l, it);
        return;
    }
    item_refuse(l, it, "gone", 404, cure, it->type && it->type->bin,
                DR_STR_LIT("somebody deleted it in Freshsales"));
}

void line_refuse(struct loader *l, struct item *it, const struct dr_load *load,
                 size_t line)
{
    struct rejection r = {
        .class = "parent_missing",
        .cure = "cure the product, then redrive the line items of this deal",
        .part_id = load->lines[line].id,
        .field = load->lines[line].product.field,
        .rule = load->lines[line].product.rule,
        .reason = DR_STR_LIT("the product of this line is not in the target"),
        .redrivable = true};

    tell_part(l, it, load, &r);
}

void field_kept(struct loader *l, struct item *it, const struct dr_load *load,
                struct dr_str field, struct dr_str rule)
{
    struct rejection r = {.class = "conflict",
                          .cure = decide,
                          .field = field,
                          .rule = rule,
                          .reason = dr_str_z(changed_there),
                          .redrivable = true,
                          .partial = true};

    tell_part(l, it, load, &r);
}

/* No effect was had: the attempt ends and the record is tried again. */
void item_retry(struct loader *l, struct item *it, const char *class, int code)
{
    bulk_item_gone(it);
    if (it->attempt == 0) {
        item_again(it);
        return;
    }
    item_move(it, &it->lp->lane->work, ITEM_WRITTEN);
    ledger_refused(l, it, class, code, false, (struct dr_str){NULL, 0});
}

void item_unsettled(struct loader *l, struct item *it, bool whole_5xx)
{
    int64_t pause = it->tries > 1 ? single_pause_ms(it->tries) : 0;

    it->whole_5xx = whole_5xx;
    it->since_ms = l->now_ms;
    it->look_ms = l->now_ms + (whole_5xx ? pause : l->quarantine_ms);
    item_move(it, &it->lp->lane->waiting, ITEM_UNSETTLED);
}
