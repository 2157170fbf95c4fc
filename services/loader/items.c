/* Items: load records in work, their lists, and what the partition's offsets
 * make of their end. */
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>

void list_drop(struct item *it)
{
    struct list *l = it->in;

    if (!l) {
        return;
    }
    *(it->prev ? &it->prev->next : &l->first) = it->next;
    *(it->next ? &it->next->prev : &l->last) = it->prev;
    it->prev = it->next = NULL;
    it->in = NULL;
    l->n--;
}

void list_add(struct list *l, struct item *it)
{
    list_drop(it);
    it->in = l;
    it->prev = l->last;
    *(l->last ? &l->last->next : &l->first) = it;
    l->last = it;
    l->n++;
}

void item_move(struct item *it, struct list *to, enum item_state state)
{
    list_add(to, it);
    it->state = state;
}

static void item_free(struct item *it)
{
    list_drop(it);
    free(it->bytes);
    free(it->key_text);
    free(it->body);
    free(it->why);
    free(it->kept);
    free(it->commits);
    free(it);
}

void item_unpin(struct item *it)
{
    if (--it->pins == 0 && it->dead) {
        item_free(it);
    }
}

/* Out of the partition; callbacks that still hold it find it dead. */
static void item_end(struct item *it)
{
    struct lanepart *lp = it->lp;

    bulk_item_gone(it);
    list_drop(it);
    lp->held--;
    lp->lane->held--;
    lp->lane->held_bytes -= it->size;
    it->dead = true;
    it->later = NULL;
    if (it->pins == 0) {
        item_free(it);
    }
}

void item_body(struct item *it, const struct dr_buf *body)
{
    free(it->body);
    it->body = dr_xmalloc(body->n + 1);
    memcpy(it->body, body->p, body->n);
    it->body_size = body->n;
}

void item_again(struct item *it)
{
    bulk_item_gone(it);
    it->whole_5xx = it->checked = false;
    it->job_done = it->unread = it->older = it->climbing = false;
    it->endless = false;
    if (it->state != ITEM_PARENT) {
        it->since_ms = 0; /* of an attempt, not of a wait for a parent */
    }
    it->found = 0;
    it->look_status = 0;
    it->foreign = false;
    free(it->commits);
    it->commits = NULL;
    edits_forget(it);
    item_move(it, &it->lp->fresh, ITEM_FRESH);
    turn_yield(it->lp->lane->l, it);
}

struct item *item_find(struct lanepart *lp, struct dr_str key)
{
    return lp->items ? dr_map_get(lp->items, key) : NULL;
}

static bool newer(const struct item *a, const struct item *b)
{
    return a->pass != b->pass ? a->pass > b->pass : a->rev >= b->rev;
}

bool attempt_is_of(const struct dr_attempt *a, uint64_t rev, uint32_t pass)
{
    return a->rev == rev && a->pass == pass;
}

bool attempt_is_newer(const struct dr_attempt *a, const struct item *it)
{
    return a->pass != it->pass ? a->pass > it->pass : a->rev > it->rev;
}

/* Is an attempt at this very record open? Before the partition is ours nobody
 * knows. It tells best what became of the attempt, and stays in work for that
 * even where it is outdated, or a newer one waits. */
static bool may_be_open(const struct lanepart *lp, struct dr_str key,
                        uint64_t rev, uint32_t pass)
{
    const struct dr_attempt *a;

    if (!own_active(&lp->own)) {
        return true;
    }
    a = dr_fold_unsettled(lp->own.fold, key);
    return a && attempt_is_of(a, rev, pass);
}

/* What nobody has begun is superseded by a newer one. */
static struct item *next_of(struct item *it)
{
    struct lanepart *lp = it->lp;
    struct item *next = it->later;

    while (next && next->later && newer(next->later, next) &&
           !may_be_open(lp, next->key, next->rev, next->pass)) {
        struct item *after = next->later;
        dr_offsets_settle(lp->offs, next->offset);
        item_end(next);
        next = after;
    }
    return next;
}

/* The newer record of the key, if any, begins. */
void item_settled(struct item *it)
{
    struct lanepart *lp = it->lp;
    struct item *later = next_of(it);

    turn_leave(lp->lane->l, it);
    dr_offsets_settle(lp->offs, it->offset);
    if (later) {
        dr_map_put(lp->items, later->key, later);
        item_again(later);
    } else {
        (void)dr_map_del(lp->items, it->key);
    }
    item_end(it);
    lp_flow(lp);
}

void lp_drop_items(struct lanepart *lp)
{
    struct dr_str key;
    void *value;
    size_t at = 0;

    while (lp->items && dr_map_next(lp->items, &at, &key, &value)) {
        struct item *it = value;
        while (it) {
            struct item *later = it->later;
            item_end(it);
            it = later;
        }
    }
    dr_map_free(lp->items);
    lp->items = NULL;
}

static bool under_way(const struct item *it)
{
    return it->pins > 0 || it->call;
}

/* A partition that was claimed anew: what its items waited for was written
 * under another ownership. Facts are asked anew. */
void items_restart(struct lanepart *lp)
{
    struct dr_str key;
    void *value;
    size_t at = 0;

    while (lp->items && dr_map_next(lp->items, &at, &key, &value)) {
        struct item *it = value;
        if (it->state != ITEM_FRESH && !under_way(it)) {
            item_again(it);
        }
    }
}

void items_yield(struct loader *l)
{
    for (int32_t i = 0; i < LANES * l->parts; i++) {
        struct lanepart *lp = &l->lps[i];
        struct dr_str key;
        void *value;
        size_t at = 0;

        while (lp->items && dr_map_next(lp->items, &at, &key, &value)) {
            turn_yield(l, value);
        }
    }
}

const struct dr_load *item_load(struct loader *l, struct item *it)
{
    const struct dr_env *env;
    struct dr_err err;

    if (it->load && it->taken == l->taken) {
        return it->load; /* unpacked in this very turn */
    }
    env =
        dr_wire_unpack(l->scratch, (struct dr_str){it->bytes, it->size}, &err);
    DR_ASSERT(env && env->kind == DR_MSG_LOAD); /* it was readable before */
    return it->other ? taken_load(l, &env->u.load) : &env->u.load;
}

/* Pause above the high mark, resume below the low one. */
void lp_flow(struct lanepart *lp)
{
    struct lane *lane = lp->lane;
    struct loader *l = lane->l;
    bool full = dr_offsets_full(lp->offs) || lane->held >= HELD_HIGH ||
                lane->held_bytes >= HELD_BYTES_HIGH;
    bool may = lane->open && lane->held < HELD_LOW &&
               lane->held_bytes < HELD_BYTES_LOW && !dr_offsets_full(lp->offs);

    if (!lp->paused && (full || !lane->open)) {
        lp->paused = true;
        dr_consumer_pause(l->consumer, lane->index, lp->part);
    } else if (lp->paused && may) {
        lp->paused = false;
        dr_consumer_resume(l->consumer, lane->index, lp->part);
    }
}

/* An older pass, or another plan than the approved one: not ours to write. A
 * newer pass than we know of waits for our own view of control. */
bool load_outdated(const struct loader *l, const struct dr_load *load)
{
    if (load->pass > l->pass) {
        return false;
    }
    return load->pass < l->pass || !l->has_plan || load->plan_hash.n != 32 ||
           memcmp(load->plan_hash.p, l->plan_hash, 32) != 0;
}

/* A custom module may be new to us: the plan knows it. */
static const struct type *type_for(const struct dr_load *load)
{
    return dr_str_eqz(load->lane, "custom") ? type_module(load->type)
                                            : type_of(load->type);
}

/* Takes bytes, into which the load record points. */
static struct item *item_new(struct lanepart *lp, const struct dr_kmsg *m,
                             const struct dr_load *load, char *bytes)
{
    struct item *it = dr_xcalloc(1, sizeof(*it));

    it->lp = lp;
    it->offset = m->offset;
    it->size = m->value.n;
    it->bytes = bytes;
    it->load = load;
    it->taken = lp->lane->l->taken;
    it->key_text = dr_xstrndup(load->key);
    it->key = dr_str_z(it->key_text);
    it->rev = load->rev;
    it->pass = load->pass;
    if (load->content_hash.n == sizeof(it->hash)) {
        memcpy(it->hash, load->content_hash.p, sizeof(it->hash));
    }
    if (load->marker.n < sizeof(it->marker)) {
        memcpy(it->marker, load->marker.p, load->marker.n);
    }
    it->tail = load->origin != DR_ORIGIN_SNAPSHOT;
    it->type = type_for(load);
    it->fold = load->op == DR_LOAD_PATCH && load->field_count > 0;
    lp->held++;
    lp->lane->held++;
    lp->lane->held_bytes += it->size;
    return it;
}

/* One at a time for a key (I3). A record that nobody has begun is superseded
 * by a newer one; an older one that comes late is superseded at once. */
static void item_queue(struct lanepart *lp, struct item *it)
{
    struct item *head = item_find(lp, it->key);
    struct item *last = head;

    if (!head) {
        dr_map_put(lp->items, it->key, it);
        list_add(&lp->fresh, it);
        return;
    }
    while (last->later) {
        last = last->later;
    }
    if (last == head || may_be_open(lp, it->key, last->rev, last->pass) ||
        may_be_open(lp, it->key, it->rev, it->pass)) {
        last->later = it;
        return;
    }
    if (newer(it, last)) {
        struct item *before = head;
        while (before->later != last) {
            before = before->later;
        }
        before->later = it;
        dr_offsets_settle(lp->offs, last->offset);
        item_end(last);
    } else {
        dr_offsets_settle(lp->offs, it->offset);
        item_end(it);
    }
}

static struct lanepart *lp_of(struct loader *l, int lane, int32_t part)
{
    return &l->lps[lane * l->parts + part];
}

static void take_load(struct loader *l, struct lanepart *lp,
                      const struct dr_kmsg *m, const struct dr_load *load,
                      char *bytes)
{
    bool removal = load->op == DR_LOAD_DELETE; /* the ledger knows its type */
    bool known =
        (removal || type_for(load)) && dr_str_eqz(load->lane, lp->lane->name);

    if (!known) {
        dr_log(DR_LOG_ERROR, "loader.unknown_type",
               "lane=%s offset=%lld: a kind this version does not write",
               lp->lane->name, (long long)m->offset);
    }
    if (!known || (load_outdated(l, load) &&
                   !may_be_open(lp, load->key, load->rev, load->pass))) {
        dr_offsets_settle(lp->offs, m->offset);
        free(bytes);
        return;
    }
    item_queue(lp, item_new(lp, m, load, bytes));
}

void item_take(struct loader *l, const struct dr_kmsg *m)
{
    struct lanepart *lp = lp_of(l, m->topic, m->partition);
    const struct dr_env *env;
    struct dr_err err;
    char *bytes;

    if (!lp->assigned) {
        return;
    }
    lp->lane->input_ms = l->now_ms;
    dr_offsets_take(lp->offs, m->offset);
    bytes = dr_xmalloc(m->value.n + 1);
    if (m->value.n > 0) {
        memcpy(bytes, m->value.p, m->value.n);
    }
    env = dr_wire_unpack(l->input, (struct dr_str){bytes, m->value.n}, &err);
    if (!env || memcmp(env->migration, l->svc->migration_id, 16) != 0) {
        /* The transformer's own partition: nothing of a customer is here that
         * the auditor does not miss in its books. */
        dr_log(DR_LOG_ERROR, "loader.unreadable", "topic=%s/%d offset=%lld %s",
               lp->lane->load_topic, (int)m->partition, (long long)m->offset,
               env ? "of another migration" : err.text);
        dr_offsets_settle(lp->offs, m->offset);
    } else if (env->kind == DR_MSG_LOAD) {
        take_load(l, lp, m, &env->u.load, bytes);
        bytes = NULL;
    } else {
        dr_offsets_settle(lp->offs, m->offset); /* a marker: the auditor's */
    }
    free(bytes);
    lp_flow(lp);
}
