/* Records that go one a call: create, update, a deal's lines. */
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>

#define EXPIRE_MS 500
#define TRIES_MAX 6 /* ends without effect before a person must look */
#define FAILING_QUARANTINES 5 /* and for how long: 15 minutes in production */
#define PAUSE_MIN_MS 100
#define PAUSE_DOUBLINGS 7 /* the longest: 13 s */
#define STRANGE_MS 60000

void record_path(const struct type *t, uint64_t id, struct dr_buf *out)
{
    dr_buf_z(out, t->path);
    if (id) {
        dr_buf_ch(out, '/');
        dr_buf_u64(out, id);
    }
    if (t->include[0]) {
        dr_buf_z(out, "?include=");
        dr_buf_z(out, t->include);
    }
}

const struct dr_json *answer_json(struct loader *l,
                                  const struct dr_http_answer *ans)
{
    dr_arena_reset(l->scratch);
    if (ans->outcome != DR_HTTP_ANSWERED) {
        return NULL;
    }
    return dr_json_parse(l->scratch, ans->body, NULL, NULL);
}

void single_finish(struct item *it)
{
    it->call = NULL;
    it->lp->lane->in_flight--;
    item_unpin(it);
}

static void refuse_invalid(struct loader *l, struct item *it, int status,
                           const struct dr_json *doc)
{
    struct dr_buf b;

    if (status == 404 && it->route.dst) {
        item_lost(l, it);
        return;
    }
    dr_buf_init(&b, 4096);
    answer_message(doc, status, &b);
    if (status == 404) {
        item_refuse(l, it, "gone", status,
                    "what it hangs on is not in Freshsales any more: restore "
                    "that, or let it hang on another record at the source, "
                    "then redrive",
                    true, dr_buf_view(&b));
    } else {
        item_refuse_value(l, it, status, dr_buf_view(&b));
    }
    dr_buf_done(&b);
}

static void refuse_tired(struct loader *l, struct item *it, int status)
{
    bool error = status <= 0 || status >= 500;

    item_refuse(l, it, "server_error", status > 0 ? status : 0,
                "the target failed on this record again and again: ask its "
                "support, then redrive",
                true,
                error ? DR_STR_LIT("the target answered with errors only")
                      : DR_STR_LIT("the target gave no answer that says what "
                                   "the record is"));
}

bool single_often(const struct loader *l, int *n, int64_t *since_ms)
{
    if ((*n)++ == 0) {
        *since_ms = l->now_ms;
    }
    return *n > TRIES_MAX &&
           l->now_ms - *since_ms > FAILING_QUARANTINES * l->quarantine_ms;
}

/* An outage ends no record: only one that fails for long, while the target
 * answers others, is set aside. */
static bool too_often(const struct loader *l, int *n, int64_t *since_ms)
{
    return single_often(l, n, since_ms) && l->well_ms > *since_ms;
}

static bool tired(struct loader *l, struct item *it)
{
    return too_often(l, &it->tries, &it->failing_ms);
}

bool single_tired(struct loader *l, struct item *it, int status)
{
    if (!tired(l, it)) {
        return false;
    }
    refuse_tired(l, it, status);
    return true;
}

/* Once a minute is enough to read. */
static void tell_strange(struct loader *l, const struct item *it, int status)
{
    if (l->now_ms < l->strange_ms) {
        return;
    }
    l->strange_ms = l->now_ms + STRANGE_MS;
    dr_log(DR_LOG_WARN, "loader.strange_answer",
           "lane=%s key=%s status=%d: the target did not say what stands "
           "there; it is asked again, ever more seldom",
           it->lp->lane->name, it->key_text, status);
}

int64_t single_pause_ms(int n)
{
    return (int64_t)PAUSE_MIN_MS << (n < PAUSE_DOUBLINGS ? n : PAUSE_DOUBLINGS);
}

/* What a person must grant, and what comes too fast, ends no record. */
bool single_untold(struct loader *l, struct item *it, int status)
{
    bool over = too_often(l, &it->untold_n, &it->untold_ms);

    it->look_status = status;
    tell_strange(l, it, status);
    it->look_ms = l->now_ms + single_pause_ms(it->untold_n);
    return over && status != 403 && status != 429;
}

void single_unread(struct loader *l, struct item *it, int status)
{
    if (single_untold(l, it, status)) {
        refuse_tired(l, it, status);
        return;
    }
    item_move(it, &it->lp->lane->waiting, ITEM_PAUSE);
}

/* What is common to all failed answers. false: it was a success. */
bool single_failed(struct loader *l, struct item *it, enum outcome o,
                   const struct dr_http_answer *ans, const struct dr_json *doc)
{
    switch (o) {
    case OUT_SUCCESS:
        return false;
    case OUT_AMBIGUOUS:
    case OUT_REFUSED:
        refuse_invalid(l, it, ans->status, doc);
        break;
    case OUT_FORBIDDEN:
        if (ans->status == 403) {
            lane_halt_forbidden(it->lp->lane);
        }
        item_retry(l, it, "forbidden", ans->status);
        break;
    case OUT_THROTTLED:
        item_retry(l, it, "throttled", ans->status);
        break;
    case OUT_NOT_SENT:
        item_retry(l, it, "not_sent", 0);
        break;
    case OUT_LOOK:
    case OUT_UNSETTLED:
        if (it->attempt == 0) {
            single_unread(l, it, ans->status);
        } else {
            (void)tired(l, it);
            item_unsettled(l, it, o == OUT_LOOK);
        }
        break;
    }
    return true;
}

void item_keep_why(struct item *it, int status, const struct dr_json *doc)
{
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    answer_message(doc, status, &b);
    free(it->why);
    it->why = dr_xstrndup(dr_buf_view(&b));
    dr_buf_done(&b);
}

static bool ours(struct loader *l, struct item *it,
                 const struct dr_json *record)
{
    struct row_case c = {.type = it->type, .dst = it->route.dst};

    c.load = item_load(l, it);
    return row_id(record) && row_matches(&c, record, l->scratch) == ROW_SAME;
}

void single_amount(struct loader *l, struct item *it)
{
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    body_amount(dr_str_z(it->amount), &b);
    item_body(it, &b);
    dr_buf_done(&b);
    it->route.step = 2;
    it->lp->lane->in_flight++;
    single_write(l, it, "PUT");
}

static void wrote(struct loader *l, struct item *it,
                  const struct dr_json *record)
{
    if (!ours(l, it, record)) {
        it->odd = true; /* another record's answer, or a mangled one */
        item_unsettled(l, it, false);
        return;
    }
    if (it->route.way == WAY_LINES && it->route.step != 2 && it->amount[0] &&
        !row_amount_is(record, dr_str_z(it->amount))) {
        item_half_landed(l, it, row_id(record), record->raw);
        return;
    }
    if (it->route.way == WAY_CREATE) {
        bulk_created(it);
    }
    item_landed(l, it, row_id(record), DR_LANDED_ANSWER, DR_DONE_ANSWERED,
                record->raw);
}

static void answered(struct loader *l, struct call *c,
                     const struct dr_http_answer *ans)
{
    struct item *it = c->ctx;
    const struct dr_json *doc = answer_json(l, ans);
    const struct dr_json *record = row_record(it->type, doc, l->scratch);
    enum outcome o = answer_outcome(ans, record != NULL);

    it->call = NULL;
    if (it->dead) {
        single_finish(it); /* its successor settles what we did not write */
        return;
    }
    if (c->upload && upload_ended(l, it, c->upload, ans, doc)) {
        ; /* it knows by itself */
    } else if (o == OUT_AMBIGUOUS && taken_ask(l, it, ans->status, doc)) {
        ; /* who has its name is being asked */
    } else if (!single_failed(l, it, o, ans, doc)) {
        wrote(l, it, record);
    }
    it->lp->lane->in_flight--;
    item_unpin(it);
}

/* The token may have come in another pass. What lines have made of an amount
 * is mended all the same. */
static bool too_late(const struct loader *l, const struct item *it)
{
    return it->route.step != 2 && it->pass < l->pass;
}

static void granted(struct loader *l, struct call *c)
{
    struct item *it = c->ctx;

    if (it->dead || !own_active(&it->lp->own) || too_late(l, it)) {
        call_drop(l, c);
        it->call = NULL;
        if (!it->dead) {
            item_again(it);
        }
        single_finish(it);
        return;
    }
    if (!alike_may_go(l, it)) {
        call_drop(l, c);
        it->call = NULL;
        item_move(it, &it->lp->lane->parents, ITEM_PARENT); /* soon again */
        single_finish(it);
        return;
    }
    ledger_intent(l, it->lp, &it, 1, NULL);
    (*l->m_intents)++;
    c->appended_ms = l->now_ms;
    item_move(it, &it->lp->lane->work, ITEM_INTENT);
}

static void withdraw(struct loader *l, struct item *it)
{
    struct call *c = it->call;

    it->call = NULL;
    call_drop(l, c);
    if (own_active(&it->lp->own) && it->epoch == it->lp->own.epoch) {
        item_retry(l, it, "withdrawn", 0);
    } else {
        /* Fenced meanwhile: our word would not count, and nobody would tell.
         * The fold says whether the INTENT did. */
        item_again(it);
    }
    single_finish(it);
}

void single_accepted(struct loader *l, struct item *it)
{
    if (!it->call) {
        return;
    }
    if (call_expired(l, it->call) || !alike_still(l, it)) {
        withdraw(l, it);
        return;
    }
    it->call->checked_ms = l->now_ms;
    it->state = ITEM_SENT;
    call_go(l, it->call);
}

/* S has passed and the INTENT was not accepted: nothing is sent. */
void singles_expire(struct loader *l)
{
    if (l->now_ms < l->expire_ms) {
        return;
    }
    l->expire_ms = l->now_ms + EXPIRE_MS;
    for (size_t i = 0; i < LANES; i++) {
        struct item *it = l->lanes[i].work.first;
        while (it) {
            struct item *next = it->next;
            if (it->state == ITEM_INTENT && it->call && !it->batch &&
                call_expired(l, it->call)) {
                withdraw(l, it);
            }
            it = next;
        }
    }
}

void single_read(struct loader *l, struct item *it, call_done_fn *by_id,
                 find_fn *by_list)
{
    struct dr_buf path;
    struct call *c;

    it->attempt = 0;
    item_move(it, &it->lp->lane->work, ITEM_CALL);
    if (it->type->unlisted) {
        find_listed(l, it, by_list);
        return;
    }
    dr_buf_init(&path, 1024);
    record_path(it->type, it->route.dst, &path);
    c = call_new(l, it->lp->lane, "GET", dr_buf_view(&path), by_id, it);
    dr_buf_done(&path);
    it->pins++;
    call_queue(l, c, false);
}

/* in_flight was counted by the caller; the item is pinned from here on. */
void single_write(struct loader *l, struct item *it, const char *method)
{
    struct upload *u = NULL;
    call_done_fn *done;
    struct dr_buf path;
    struct call *c;

    it->untold_n = 0;
    if (it->type->shape == SHAPE_FILE) {
        u = upload_new(l, it);
        if (!u) { /* refused */
            it->lp->lane->in_flight--;
            return;
        }
    }
    dr_buf_init(&path, 1024);
    if (it->route.way == WAY_CONVERT) {
        conversion_path(it, &path);
        done = conversion_answered;
    } else {
        record_path(it->type, it->route.dst, &path);
        done = it->route.way == WAY_DELETE ? removal_answered : answered;
    }
    c = call_new(l, it->lp->lane, method, dr_buf_view(&path), done, it);
    dr_buf_done(&path);
    c->granted = granted;
    c->upload = u;
    if (!u) {
        dr_buf_add(&c->body, it->body, it->body_size);
    }
    it->pins++;
    it->call = c;
    item_move(it, &it->lp->lane->work, ITEM_CALL);
    call_queue(l, c, false);
}

static void begin(struct loader *l, struct item *it)
{
    bool had_turn = it->locked;

    if (turn_needed(it) && !turn_enter(l, it)) {
        item_move(it, &it->lp->lane->parents, ITEM_PARENT); /* soon again */
        return;
    }
    if (it->route.way == WAY_LINES && it->locked && !had_turn) {
        item_again(it); /* with the amount that the deal has now */
        return;
    }
    it->lp->lane->in_flight++;
    if (it->route.way == WAY_DELETE) {
        removal_read(l, it);
        return;
    }
    if (it->route.way == WAY_UPDATE || it->route.way == WAY_FOLD ||
        it->route.preimage) {
        update_read(l, it);
        return;
    }
    single_write(l, it,
                 it->route.way == WAY_CREATE || it->route.way == WAY_CONVERT
                     ? "POST"
                     : "PUT");
}

void singles(struct loader *l)
{
    if (!l->working || l->draining || l->exit_code) {
        return;
    }
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &l->lanes[i];
        while (lane->open && !lane->halted && lane->single.first &&
               lane->in_flight < l->window) {
            struct item *it = lane->single.first;
            if (it->type->shape == SHAPE_FILE && !upload_room(l)) {
                break;
            }
            if (!own_active(&it->lp->own)) {
                item_again(it);
                continue;
            }
            begin(l, it);
        }
    }
}
