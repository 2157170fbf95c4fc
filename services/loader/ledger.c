/*
 * The ledger, read: claims partitions that have work, folds what they say,
 * hands outcomes to their items. An INTENT that was read back below the high
 * watermark is acknowledged and accepted at once (5 step 5).
 */
#include "loader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#define ENDS_MS 10000
#define CLAIM_EVERY_MS 20
#define READ_MAX 2000 /* records a turn */
#define APPLY_MS 50   /* the position alone moves this often */

static struct lanepart *lp_at(struct loader *l, int lane, int32_t part)
{
    return &l->lps[lane * l->parts + part];
}

/* ---- claiming ---- */

static bool wants_claim(const struct loader *l, const struct lanepart *lp)
{
    return lp->assigned && l->working && lp->lane->open && lp->held > 0 &&
           (lp->own.state == OWN_IDLE || lp->own.state == OWN_LOST) &&
           l->now_ms >= lp->retry_ms &&
           !(lp->own.fold && dr_fold_rolled(lp->own.fold)) &&
           lp->lane->barrier == BARRIER_OK;
}

static bool wants_view(const struct lanepart *lp)
{
    return lp->assigned && lp->want_view && lp->own.state == OWN_IDLE;
}

static void act(struct loader *l, struct lanepart *lp, enum own_wish wish);

static void start(struct loader *l, struct lanepart *lp, int64_t end,
                  bool claim)
{
    struct dr_position pos;
    struct own_view view;
    uint8_t nonce[DR_LEDGER_NONCE];
    struct dr_err err;
    int64_t from;

    if (dr_store_position(l->store, lp->lane->name, lp->part, &pos, &err)) {
        view_failed(l, &err);
        return;
    }
    lp->want_view = false;
    if (!claim && pos.applied + 1 >= end) {
        lp->applied = pos.applied;
        return; /* the id map knows it all */
    }
    view = (struct own_view){
        .applied = pos.applied, .oldest = pos.oldest, .epoch = pos.epoch};
    dr_random(nonce, sizeof(nonce));
    from = own_start(&lp->own, &view, end, claim, nonce);
    lp->applied = from == 0 ? -1 : pos.applied;
    lp->oldest = pos.oldest;
    lp->reading = true;
    dr_reader_add(l->ledger, lp->lane->index, lp->part, from);
    act(l, lp, own_check(&lp->own));
}

/* One question for all ends, not one a partition. */
static void start_all(struct loader *l)
{
    size_t n = (size_t)(LANES * l->parts);
    int64_t *ends = dr_xcalloc(n, sizeof(*ends));
    struct dr_err err;

    if (dr_reader_ends(l->ledger, l->parts, ENDS_MS, ends, &err)) {
        dr_log(DR_LOG_WARN, "loader.claim", "%s", err.text);
        free(ends);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct lanepart *lp = &l->lps[i];
        bool claim = wants_claim(l, lp);
        if (claim || wants_view(lp)) {
            start(l, lp, ends[i], claim);
        }
        if (!view_usable(l)) {
            break;
        }
    }
    free(ends);
}

void ledger_claims(struct loader *l)
{
    size_t n = (size_t)(LANES * l->parts);
    bool any = false;

    if (l->now_ms < l->claim_ms || !view_usable(l) || l->draining) {
        return;
    }
    l->claim_ms = l->now_ms + CLAIM_EVERY_MS;
    for (size_t i = 0; i < n && !any; i++) {
        any = wants_claim(l, &l->lps[i]) || wants_view(&l->lps[i]);
    }
    if (any) {
        start_all(l);
    }
}

void ledger_drop(struct lanepart *lp)
{
    if (lp->reading) {
        dr_reader_remove(lp->lane->l->ledger, lp->lane->index, lp->part);
        lp->reading = false;
    }
    landed_leave(lp);
    own_done(&lp->own);
    for (size_t i = 0; i < lp->fact_count; i++) {
        free((void *)(uintptr_t)lp->keys[i].p);
    }
    lp->fact_count = 0;
}

/* ---- what the fold wishes ---- */

static void send(struct loader *l, struct lanepart *lp, struct dr_str key,
                 struct dr_env *env)
{
    dr_service_send(l->svc, l->ledger_out, lp->lane->ledger_topic, lp->part,
                    key, env, NULL, NULL);
}

static void append_owner(struct loader *l, struct lanepart *lp)
{
    struct dr_env env = {.kind = DR_MSG_OWNER};

    env.u.owner = (struct dr_owner){
        .epoch = lp->own.epoch,
        .nonce = {(const char *)lp->own.nonce, DR_LEDGER_NONCE},
        .instance = dr_str_z(l->svc->id)};
    send(l, lp, DR_STR_LIT("#owner"), &env);
}

static void append_meta(struct loader *l, struct lanepart *lp)
{
    struct dr_env env = {.kind = DR_MSG_META};

    env.u.meta = (struct dr_meta){.partitions = (uint32_t)l->parts,
                                  .partitioner = DR_LEDGER_PARTITIONER,
                                  .mapping = DR_LEDGER_MAPPING};
    send(l, lp, DR_STR_LIT("#meta"), &env);
}

/* Nothing of this partition is sent any more; its items begin again when it
 * is claimed again. Calls under way end and still write their facts. */
void ledger_stepped_down(struct loader *l, struct lanepart *lp)
{
    lp->own.state = OWN_LOST;
    dr_log(DR_LOG_WARN, "loader.fenced", "lane=%s partition=%d %s",
           lp->lane->name, (int)lp->part,
           lp->own.fold && dr_fold_rolled(lp->own.fold)
               ? "rolled back: loading has ended"
               : "another owner took it");
    lp->retry_ms = l->now_ms + 1000;
}

static void became_owner(struct loader *l, struct lanepart *lp)
{
    size_t open = dr_fold_unsettled_count(lp->own.fold);

    lp->recovered_ms = l->now_ms;
    lp->own.attempt = 0;
    items_restart(lp);
    if (open > 0) {
        dr_log(DR_LOG_INFO, "loader.recovered",
               "lane=%s partition=%d epoch=%" PRIu64 " unsettled=%zu",
               lp->lane->name, (int)lp->part, lp->own.epoch, open);
    }
    if (lp->lane->type) {
        landed_follow(lp);
    }
}

static void act(struct loader *l, struct lanepart *lp, enum own_wish wish)
{
    struct dr_err err;

    switch (wish) {
    case OWN_APPEND_META:
        append_meta(l, lp);
        append_owner(l, lp);
        break;
    case OWN_APPEND_OWNER:
        if (own_meta_fits(&lp->own, (uint32_t)l->parts, &err)) {
            dr_die(DR_EXIT_REFUSED, err.where, "%s", err.text);
        }
        append_owner(l, lp);
        break;
    case OWN_READY:
        became_owner(l, lp);
        break;
    case OWN_STEP_DOWN:
        ledger_stepped_down(l, lp);
        break;
    case OWN_UP_TO_DATE:
        dr_reader_remove(l->ledger, lp->lane->index, lp->part);
        lp->reading = false;
        break;
    case OWN_NOTHING:
        break;
    }
}

/* ---- reading ---- */

static void keep_fact(struct lanepart *lp, const struct dr_ledger_fact *f)
{
    static const enum dr_fact_state states[] = {
        [DR_LEDGER_NOTHING] = DR_FACT_NONE,
        [DR_LEDGER_DONE] = DR_FACT_DONE,
        [DR_LEDGER_CREATED] = DR_FACT_CREATED,
        [DR_LEDGER_REFUSED] = DR_FACT_REFUSED,
        [DR_LEDGER_DELETED] = DR_FACT_DELETED,
    };
    struct dr_fact *out;

    if (lp->fact_count == lp->fact_cap) {
        lp->fact_cap = lp->fact_cap ? lp->fact_cap * 2 : 64;
        lp->keys = dr_xrealloc(lp->keys, lp->fact_cap * sizeof(*lp->keys));
        lp->facts = dr_xrealloc(lp->facts, lp->fact_cap * sizeof(*lp->facts));
    }
    lp->keys[lp->fact_count] = (struct dr_str){dr_xstrndup(f->key), f->key.n};
    out = &lp->facts[lp->fact_count++];
    *out = (struct dr_fact){.state = states[f->state],
                            .dst = f->dst,
                            .rev = f->rev,
                            .pass = f->pass,
                            .origin = f->origin,
                            .made = f->made,
                            .offset = f->offset};
    if (f->content_hash.n == sizeof(out->content_hash)) {
        memcpy(out->content_hash, f->content_hash.p, f->content_hash.n);
    }
    if (f->type.n < sizeof(out->type) && f->type.n > 0) {
        memcpy(out->type, f->type.p, f->type.n);
    }
    if (f->fields.n <= sizeof(out->fields) && f->fields.n > 0) {
        memcpy(out->fields, f->fields.p, f->fields.n);
        out->fields_n = (uint16_t)f->fields.n;
    }
    if (f->amount.n < sizeof(out->amount) && f->amount.n > 0) {
        memcpy(out->amount, f->amount.p, f->amount.n);
    }
    if (f->place.n < sizeof(out->place) && f->place.n > 0) {
        memcpy(out->place, f->place.p, f->place.n);
    }
    out->unknown = dr_str_eqz(f->class, "outcome_unknown");
}

/* Our own INTENT came back and nobody took over before it. */
static void accepted(struct loader *l, struct lanepart *lp,
                     const struct dr_intent *in)
{
    if (!own_active(&lp->own) || in->epoch != lp->own.epoch ||
        in->nonce.n != DR_LEDGER_NONCE ||
        memcmp(in->nonce.p, lp->own.nonce, DR_LEDGER_NONCE) != 0) {
        return;
    }
    for (size_t i = 0; i < in->item_count; i++) {
        struct item *it = item_find(lp, in->items[i].key);
        if (!it || it->state != ITEM_INTENT ||
            it->attempt != in->items[i].attempt) {
            continue;
        }
        it->checked = true;
        if (it->batch) {
            bulk_accepted(l, it);
        } else {
            single_accepted(l, it);
        }
    }
}

static void one_record(struct loader *l, const struct dr_kmsg *m)
{
    struct lanepart *lp = lp_at(l, m->topic, m->partition);
    const struct dr_env *env;
    struct dr_folded folded;
    struct dr_err err;
    enum own_wish wish;

    if (!lp->reading) {
        return;
    }
    dr_arena_reset(l->scratch);
    env = m->value.p ? dr_wire_unpack(l->scratch, m->value, &err) : NULL;
    if (!env) {
        if (m->value.p) {
            dr_die(DR_EXIT_REFUSED, "ledger",
                   "%s/%d offset %lld cannot be read: %s; restore the topic",
                   lp->lane->ledger_topic, (int)m->partition,
                   (long long)m->offset, err.text);
        }
        act(l, lp, own_skip(&lp->own, m->offset));
        return;
    }
    wish = own_record(&lp->own, env, m->offset, &folded);
    if (folded.what == DR_FOLD_FACT) {
        keep_fact(lp, &folded.fact);
    } else if (folded.what == DR_FOLD_INTENT) {
        accepted(l, lp, &env->u.intent);
    } else if (folded.what == DR_FOLD_SETTLED) {
        struct item *it = item_find(lp, folded.fact.key);
        if (it && it->state == ITEM_WRITTEN) {
            item_again(it);
        }
    }
    act(l, lp, wish);
}

bool ledger_read(struct loader *l, int timeout_ms)
{
    struct dr_kmsg m;
    int n = 0;

    while (n < READ_MAX && dr_reader_poll(l->ledger, n ? 0 : timeout_ms, &m)) {
        one_record(l, &m);
        n++;
    }
    return n > 0;
}

void ledger_apply(struct loader *l)
{
    size_t n = (size_t)(LANES * l->parts);

    for (size_t i = 0; i < n && view_usable(l); i++) {
        struct lanepart *lp = &l->lps[i];
        if (lp->own.fold && lp->own.read_to > lp->applied &&
            (lp->fact_count > 0 || l->now_ms - lp->applied_ms > APPLY_MS)) {
            view_apply(l, lp);
        }
    }
}
