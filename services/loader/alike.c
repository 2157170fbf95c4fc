/*
 * Contacts whose ids differ in case only. They are different records, but a
 * target may take their `external_id` for one, and a bulk call that finds its
 * contact by it would then write over the other one. So in bulk goes only what
 * is alone with its id, as far as any loader has ever said. All others are
 * created one a call, which overwrites nobody: a target that takes the two for
 * one refuses it.
 *
 * That nobody else is there is asked when the token is had, for a call may wait
 * for that for an hour, and once more when the INTENT was read back: then what
 * is under way stands in the ledger, and whoever makes the id map anew says it
 * again (alike_apply) before a lane is worked (barriers). Whoever comes second
 * waits until the first one is there, or for as long as a request of its can
 * still act: a bulk call that is under way would write over it, too.
 */
#include "loader.h"

#include <stdlib.h>

#include <drover/crypto/crypto.h>

bool alike_matters(const struct lane *lane)
{
    return lane->type && lane->type->ident == IDENT_EXTERNAL;
}

struct ids {
    struct dr_buf text;
    struct dr_str *folded, *keys;
    size_t *at, n, cap;
};

static void add(struct ids *x, struct dr_str key)
{
    if (x->n == x->cap) {
        x->cap = x->cap ? x->cap * 2 : 128;
        x->folded = dr_xrealloc(x->folded, x->cap * sizeof(*x->folded));
        x->keys = dr_xrealloc(x->keys, x->cap * sizeof(*x->keys));
        x->at = dr_xrealloc(x->at, x->cap * sizeof(*x->at));
    }
    x->at[x->n] = x->text.n;
    x->keys[x->n++] = key;
    id_folded(key_id(key), &x->text);
}

static int say(struct loader *l, const struct lane *lane, struct ids *x,
               struct dr_alike *out)
{
    struct dr_err err;
    int rc = -1;

    DR_ASSERT(!x->text.over);
    for (size_t i = 0; i < x->n; i++) {
        size_t end = i + 1 < x->n ? x->at[i + 1] : x->text.n;
        x->folded[i] = (struct dr_str){x->text.p + x->at[i], end - x->at[i]};
    }
    if (!view_usable(l)) {
        ;
    } else if (dr_store_alike(l->store, lane->name, x->folded, x->keys, x->n,
                              l->scratch, out, &err)) {
        view_failed(l, &err);
    } else {
        rc = 0;
    }
    dr_buf_done(&x->text);
    free(x->folded);
    free(x->keys);
    free(x->at);
    return rc;
}

static void begin(struct ids *x)
{
    *x = (struct ids){.n = 0};
    dr_buf_init(&x->text, (size_t)64 << 20);
}

int alike_apply(struct loader *l, const struct lanepart *lp)
{
    const struct dr_attempt *a;
    struct dr_str key;
    struct ids x;
    size_t at = 0;

    if (!alike_matters(lp->lane)) {
        return 0;
    }
    begin(&x);
    for (size_t i = 0; i < lp->fact_count; i++) {
        add(&x, lp->keys[i]);
    }
    /* Our own were said before they were appended. */
    while (!own_active(&lp->own) && dr_fold_next(lp->own.fold, &at, &key, &a)) {
        add(&x, key);
    }
    return say(l, lp->lane, &x, NULL);
}

bool alike_batch(struct loader *l, struct batch *b)
{
    struct dr_alike out[BATCH];
    struct ids x;
    bool all = true;
    size_t n = 0;

    if (b->by_id || !alike_matters(b->lane)) {
        return true;
    }
    begin(&x);
    for (int i = 0; i < b->n; i++) {
        if (b->items[i]) {
            add(&x, b->items[i]->key);
        }
    }
    if (say(l, b->lane, &x, out)) {
        return false;
    }
    for (int i = 0; i < b->n; i++) {
        struct item *it = b->items[i];
        if (it && out[n++].is != DR_ALIKE_ALONE) {
            it->alone = true;
            all = false;
        }
    }
    return all;
}

static int ask(struct loader *l, const struct item *it, struct dr_alike *out)
{
    struct ids x;

    begin(&x);
    add(&x, it->key);
    return say(l, it->lp->lane, &x, out);
}

/* What stands there as ours was said when its fact came. */
static bool is_new(const struct item *it)
{
    bool stands = it->fact.dst != 0 && it->fact.state != DR_FACT_DELETED;

    return alike_matters(it->lp->lane) && it->type &&
           it->type->ident == IDENT_EXTERNAL && it->route.way != WAY_DELETE &&
           (!stands || it->route.way == WAY_CONVERT);
}

static bool landed(struct loader *l, const struct lane *lane, struct dr_str key)
{
    struct dr_str name = dr_str_z(lane->name);
    struct dr_fact f;

    return view_facts(l, &name, &key, 1, &f) == 0 &&
           (f.state == DR_FACT_DONE || f.state == DR_FACT_CREATED);
}

bool alike_may_go(struct loader *l, struct item *it)
{
    int64_t patience =
        l->quarantine_ms + it->lp->lane->job_ms + SEND_MS + PAUSE_MS;
    struct dr_alike is;
    uint64_t first;

    if (!is_new(it)) {
        return true;
    }
    if (ask(l, it, &is)) {
        return false;
    }
    if (is.is != DR_ALIKE_LATER) {
        return true;
    }
    first = dr_hash64(is.other);
    if (it->twin != first) {
        it->twin = first;
        it->twin_ms = l->now_ms;
    }
    return landed(l, it->lp->lane, is.other) ||
           l->now_ms - it->twin_ms > patience;
}

bool alike_still(struct loader *l, struct item *it)
{
    struct dr_alike is;

    return !is_new(it) ||
           (ask(l, it, &is) == 0 &&
            (is.is != DR_ALIKE_LATER || it->twin == dr_hash64(is.other)));
}

bool alike_refuse(struct loader *l, struct item *it)
{
    struct dr_str object, id;
    struct dr_alike is;
    struct dr_buf cure;

    if (!it->said_alike || !is_new(it) || ask(l, it, &is) ||
        is.is == DR_ALIKE_ALONE) {
        return false;
    }
    id = is.other;
    object = dr_str_split(&id, ':');
    dr_buf_init(&cure, 4096);
    dr_buf_z(&cure, "its id differs from that of ");
    dr_buf_str(&cure, object);
    dr_buf_ch(&cure, ' ');
    dr_buf_str(&cure, id);
    dr_buf_z(&cure, " in case only, and Freshsales takes the two for one: give "
                    "one of them another id at the source, or add this one by "
                    "hand");
    item_refuse(l, it, "duplicate", 400, cure.p, true,
                it->why ? dr_str_z(it->why) : DR_STR_LIT("the id is taken"));
    dr_buf_done(&cure);
    return true;
}
