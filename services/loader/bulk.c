/*
 * Bulk lanes: up to 100 records a call, over all partitions of this loader
 * (7). One INTENT a partition with the job's nonce, all read back before the
 * single send; one that is not accepted means that none is sent.
 */
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#define SENDING_MAX 4 /* bulk calls on the way */
#define FEW 2         /* so few go singly: a walk costs a call, too */

static void batch_free(struct batch *b)
{
    struct batch **at = &b->lane->batches;

    while (*at != b) {
        at = &(*at)->next;
    }
    *at = b->next;
    b->lane->batch_count--;
    for (int i = 0; i < b->n; i++) {
        if (b->items[i]) {
            b->items[i]->batch = NULL;
        }
    }
    free(b->url);
    free(b);
}

void bulk_item_gone(struct item *it)
{
    struct batch *b = it->batch;

    if (!b) {
        return;
    }
    b->items[it->index] = NULL;
    b->open--;
    it->batch = NULL;
    if (b->state == BATCH_CALL || b->state == BATCH_INTENT) {
        b->withdrawn = true; /* its body holds a record that must not go */
    }
}

/* ---- the answer ---- */

static void each(struct loader *l, struct batch *b,
                 void (*fn)(struct loader *l, struct item *it, int status),
                 int status)
{
    for (int i = 0; i < b->n; i++) {
        struct item *it = b->items[i];
        if (it) {
            fn(l, it, status);
        }
    }
}

static void retry_one(struct loader *l, struct item *it, int status)
{
    const char *class = status == 429   ? "throttled"
                        : status == 403 ? "forbidden"
                        : status == 401 ? "forbidden"
                        : status == 0   ? "not_sent"
                                        : "batch_refused";

    item_retry(l, it, class, status);
}

static void withdraw_one(struct loader *l, struct item *it, int status)
{
    (void)status;
    item_retry(l, it, "withdrawn", 0);
}

static void look_one(struct loader *l, struct item *it, int status)
{
    bulk_item_gone(it);
    item_unsettled(l, it, status >= 500);
}

static void halve_one(struct loader *l, struct item *it, int status)
{
    int half = it->batch->n / 2;

    it->max_batch = half > 0 ? half : 1;
    it->alone = half <= 1;
    item_retry(l, it, "batch_refused", status);
}

static void wait_one(struct loader *l, struct item *it, int status)
{
    (void)l;
    (void)status;
    item_move(it, &it->lp->lane->confirming, ITEM_CONFIRM);
}

/* That a target takes our id as the identifier of a contact in bulk is not
 * certain (reference 15.2): by its address it would find somebody else's. Until
 * it took a call, one contact of each that is refused goes as a bulk of its
 * own: where that is refused, too, and the same contact is then created by
 * POST, it was the identifier (bulk_created). A body that is too large (413)
 * says nothing of it. */
static bool by_our_id(const struct batch *b)
{
    return !b->by_id && b->lane->type->ident == IDENT_EXTERNAL;
}

static bool tells_of_id(int status)
{
    return status == 400 || status == 422;
}

static void alone_one(struct loader *l, struct item *it, int status)
{
    it->alone = true;
    item_retry(l, it, "batch_refused", status);
}

void bulk_created(struct item *it)
{
    struct lane *lane = it->lp->lane;

    if (!it->doubted || it->other || lane->took_creates ||
        lane->single_creates) {
        return;
    }
    lane->single_creates = true;
    dr_log(DR_LOG_WARN, "loader.single_creates",
           "lane=%s the target finds no record by our id in bulk calls: each "
           "is created alone, which takes a call a record",
           lane->name);
}

static void halve(struct loader *l, struct batch *b, int status)
{
    struct item *first = b->items[0];

    each(l, b, halve_one, status);
    if (first && by_our_id(b) && !b->lane->took_creates &&
        tells_of_id(status)) {
        first->max_batch = 1;
        first->alone = false;
    }
}

static void refused(struct loader *l, struct batch *b,
                    const struct dr_http_answer *ans, const struct dr_json *doc)
{
    struct item *it = b->items[0];

    if (by_our_id(b) && b->lane->single_creates) {
        each(l, b, alone_one, ans->status);
        return;
    }
    if (b->n > 1 || !it) {
        halve(l, b, ans->status);
        return;
    }
    it->doubted = by_our_id(b) && tells_of_id(ans->status);
    bulk_item_gone(it);
    if (taken_ask(l, it, ans->status, doc)) {
        ; /* whether its parent closes a circle is being asked */
    } else if (it->type->unique && !it->route.dst) {
        alone_one(l, it, ans->status); /* which tells more */
    } else {
        (void)single_failed(l, it, OUT_AMBIGUOUS, ans, doc);
    }
}

static void accepted_by_target(struct loader *l, struct batch *b,
                               const struct dr_http_answer *ans,
                               const struct dr_json *doc)
{
    struct dr_str url = dr_json_get_str(doc, "job_status_url");
    struct lanepart *told = NULL;

    b->state = BATCH_PENDING;
    b->lane->took_creates |= !b->by_id;
    b->accepted_ms = b->lane->accepted_ms = l->now_ms;
    b->sent_server_ms = ans->date_ms;
    b->url = url.n > 0 ? dr_xstrndup(url) : NULL;
    for (int i = 0; i < b->n; i++) {
        struct item *it = b->items[i];
        /* Items of one partition stand together. */
        if (it && it->lp != told && b->url) {
            told = it->lp;
            ledger_job(l, told, b->nonce, b->url);
        }
    }
    each(l, b, wait_one, 0);
}

static void answered(struct loader *l, struct call *c,
                     const struct dr_http_answer *ans)
{
    struct batch *b = c->ctx;
    const struct dr_json *doc = answer_json(l, ans);

    b->call = NULL;
    b->lane->sending--;
    switch (answer_outcome(ans, dr_json_type(doc) == DR_JSON_OBJECT)) {
    case OUT_SUCCESS:
        accepted_by_target(l, b, ans, doc);
        return;
    case OUT_AMBIGUOUS:
    case OUT_REFUSED:
        refused(l, b, ans, doc);
        break;
    case OUT_FORBIDDEN:
        if (ans->status == 403) {
            lane_halt_forbidden(b->lane);
        }
        each(l, b, retry_one, ans->status);
        break;
    case OUT_THROTTLED:
        each(l, b, retry_one, 429);
        break;
    case OUT_NOT_SENT:
        each(l, b, retry_one, 0);
        break;
    case OUT_LOOK:
    case OUT_UNSETTLED:
        each(l, b, look_one, ans->status);
        break;
    }
    batch_free(b);
}

/* ---- before the send ---- */

static void withdraw(struct loader *l, struct batch *b)
{
    call_drop(l, b->call);
    b->lane->sending--;
    each(l, b, withdraw_one, 0);
    batch_free(b);
}

static void write_body(const struct batch *b, struct dr_buf *out)
{
    bool first = true;

    dr_buf_z(out, "{\"");
    dr_buf_z(out, b->lane->type->name);
    dr_buf_z(out, "\":[");
    for (int i = 0; i < b->n; i++) {
        const struct item *it = b->items[i];
        if (!it) {
            continue;
        }
        if (!first) {
            dr_buf_ch(out, ',');
        }
        first = false;
        dr_buf_add(out, it->body, it->body_size);
    }
    dr_buf_z(out, "]}");
    DR_ASSERT(!out->over);
}

static void write_intents(struct loader *l, struct batch *b)
{
    struct item *group[BATCH];
    int i = 0;

    while (i < b->n) {
        struct lanepart *lp = b->items[i]->lp;
        size_t n = 0;
        while (i < b->n && b->items[i]->lp == lp) {
            b->items[i]->state = ITEM_INTENT;
            group[n++] = b->items[i++];
        }
        ledger_intent(l, lp, group, n, b->nonce);
        (*l->m_intents)++;
    }
    b->waiting = b->n;
}

static bool all_active(const struct batch *b)
{
    for (int i = 0; i < b->n; i++) {
        if (!b->items[i] || !own_active(&b->items[i]->lp->own)) {
            return false;
        }
    }
    return true;
}

/* The token may have come in another pass. */
static bool any_outdated(const struct loader *l, const struct batch *b)
{
    for (int i = 0; i < b->n; i++) {
        if (b->items[i]->pass < l->pass) {
            return true;
        }
    }
    return false;
}

static void granted(struct loader *l, struct call *c)
{
    struct batch *b = c->ctx;

    if (b->withdrawn || !all_active(b) || any_outdated(l, b) ||
        !alike_batch(l, b)) {
        withdraw(l, b);
        return;
    }
    write_body(b, &c->body);
    write_intents(l, b);
    b->state = BATCH_INTENT;
    c->appended_ms = l->now_ms;
}

void bulk_accepted(struct loader *l, struct item *it)
{
    struct batch *b = it->batch;

    if (b->state != BATCH_INTENT || b->withdrawn) {
        return;
    }
    if (!b->call->checked_ms) {
        b->call->checked_ms = l->now_ms; /* the first of several checks */
    }
    if (--b->waiting > 0) {
        return;
    }
    if (call_expired(l, b->call) || !all_active(b) || !alike_batch(l, b)) {
        b->withdrawn = true;
        return;
    }
    b->state = BATCH_SENT;
    for (int i = 0; i < b->n; i++) {
        b->items[i]->state = ITEM_SENT;
    }
    call_go(l, b->call);
}

/* ---- forming ---- */

static int by_partition(const void *x, const void *y)
{
    const struct item *const *a = x, *const *b = y;

    if ((*a)->lp->part != (*b)->lp->part) {
        return (*a)->lp->part < (*b)->lp->part ? -1 : 1;
    }
    return (*a)->offset < (*b)->offset ? -1 : (*a)->offset > (*b)->offset;
}

static void form(struct loader *l, struct lane *lane, struct list *from,
                 bool by_id)
{
    struct batch *b = dr_xcalloc(1, sizeof(*b));
    struct dr_buf path;
    int limit = BATCH;

    b->lane = lane;
    b->by_id = by_id;
    dr_random(b->nonce, sizeof(b->nonce));
    while (b->n < limit && from->first) {
        struct item *it = from->first;
        if (!own_active(&it->lp->own)) {
            item_again(it);
            continue;
        }
        if (it->max_batch > 0 && it->max_batch < limit) {
            limit = it->max_batch;
            if (b->n >= limit) {
                break;
            }
        }
        b->items[b->n++] = it;
        item_move(it, &lane->work, ITEM_CALL);
    }
    qsort(b->items, (size_t)b->n, sizeof(struct item *), by_partition);
    for (int i = 0; i < b->n; i++) {
        b->items[i]->batch = b;
        b->items[i]->index = i;
    }
    b->open = b->n;
    b->next = lane->batches;
    lane->batches = b;
    lane->batch_count++;
    if (b->n == 0) {
        batch_free(b);
        return;
    }
    lane->sending++;
    dr_buf_init(&path, 256);
    dr_buf_z(&path, lane->type->path);
    dr_buf_z(&path, "/bulk_upsert");
    b->call = call_new(l, lane, "POST", dr_buf_view(&path), answered, b);
    dr_buf_done(&path);
    b->call->granted = granted;
    call_queue(l, b->call, false);
}

/* Input is held back until some of what is in memory is settled: a short batch
 * now would be followed by more. */
bool bulk_more_comes(const struct loader *l, const struct lane *lane)
{
    for (int32_t p = 0; p < l->parts; p++) {
        const struct lanepart *lp = &l->lps[lane->index * l->parts + p];
        if (lp->assigned && lp->paused) {
            return true;
        }
    }
    return false;
}

static bool input_waits(struct loader *l, const struct lane *lane)
{
    if (l->now_ms - lane->input_ms < DRAINED_MS) {
        return true;
    }
    for (int32_t p = 0; p < l->parts; p++) {
        const struct lanepart *lp = &l->lps[lane->index * l->parts + p];
        if (lp->assigned && lp->fresh.n > 0 &&
            lp->fresh.first->pass <= l->pass && lp->own.state != OWN_LOST) {
            return true;
        }
    }
    return false;
}

static bool pending(const struct lane *lane, bool by_id)
{
    for (const struct batch *b = lane->batches; b; b = b->next) {
        if (b->by_id == by_id && b->open > 0) {
            return true;
        }
    }
    return false;
}

/* Two or three records: a call each is cheaper than a batch and its walk. */
static void few(struct lane *lane)
{
    while (lane->create.first) {
        struct item *it = lane->create.first;
        it->alone = true;
        item_again(it);
    }
}

/* Creates and changes by id take turns: the walk that confirms changes reads
 * everything that was touched since the first of them, creates included. */
bool bulk_create_turn(const struct lane *lane)
{
    return lane->by_id.n < BATCH && !pending(lane, true);
}

/* A short batch by id waits until no record is on its way from its creation to
 * its change: what comes one by one goes together. */
static bool id_turn(const struct lane *lane, bool rest)
{
    return !pending(lane, false) &&
           (lane->by_id.n >= BATCH ||
            (rest && lane->by_id.n > 0 && lane->work.n == 0));
}

static void form_batches(struct loader *l, struct lane *lane)
{
    while (lane->batch_count < MAX_BATCHES && lane->sending < SENDING_MAX) {
        bool rest = lane->create.n + lane->by_id.n > 0 &&
                    !bulk_more_comes(l, lane) && !input_waits(l, lane);

        if (lane->create.n > 0 &&
            (lane->single_creates ||
             (rest && lane->create.n <= FEW && !lane->batches))) {
            few(lane);
        } else if (bulk_create_turn(lane) &&
                   (lane->create.n >= BATCH || (rest && lane->create.n > 0))) {
            form(l, lane, &lane->create, false);
        } else if (id_turn(lane, rest && lane->create.n == 0)) {
            form(l, lane, &lane->by_id, true);
        } else {
            return;
        }
    }
}

static void tidy(struct loader *l, struct lane *lane)
{
    struct batch *b = lane->batches;

    while (b) {
        struct batch *next = b->next;
        if (b->state == BATCH_INTENT &&
            (b->withdrawn || call_expired(l, b->call))) {
            withdraw(l, b);
        } else if (b->state == BATCH_PENDING && b->open == 0 && !b->polling) {
            batch_free(b);
        }
        b = next;
    }
}

void bulk(struct loader *l)
{
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &l->lanes[i];
        if (!lane->type) {
            continue;
        }
        tidy(l, lane);
        if (lane->open && !lane->halted && l->working && !l->draining &&
            l->exit_code == 0) {
            if (lane->updates.n > 0) {
                rewrites(l, lane, input_waits(l, lane));
            }
            form_batches(l, lane);
        }
        if (!l->draining && l->exit_code == 0) {
            confirm(l, lane); /* reads only: also while paused */
        }
    }
}
