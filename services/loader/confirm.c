/*
 * Confirming what bulk calls did: rows of a view (7.3). A row that is not
 * shown after the walk reached the end is asked for at the job, walked for
 * once more, then looked up singly (7.5).
 */
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>

#define FLOOR_MS 2000      /* server times have no fractions */
#define JOB_QUARANTINES 20 /* for so long a job is waited for: an hour */

/* A create: the row was found by its identity already. Step 1 of two is told
 * by the working name, which carries the marker. */
static enum row_match created(const struct item *it,
                              const struct dr_json *record)
{
    if (row_deleted(record)) {
        return ROW_OTHER;
    }
    return it->route.step != 1 || dr_marker_in(dr_json_get_str(record, "name"),
                                               dr_str_z(it->marker))
               ? ROW_SAME
               : ROW_OLDER;
}

bool confirm_row(struct loader *l, struct item *it,
                 const struct dr_json *record, enum row_match *out)
{
    struct row_case c = {.type = it->lp->lane->type,
                         .step = it->route.step,
                         .dst = it->route.dst,
                         .kept = it->kept,
                         .kept_links = it->kept_links,
                         .merge = it->route.merge,
                         .fields = edits_left(it),
                         .content = true};
    struct links links = {0};

    if ((it->state != ITEM_CONFIRM && it->state != ITEM_UNSETTLED) ||
        it->foreign) { /* what was sent may still come: the quarantine tells */
        return false;
    }
    if (!it->content && it->route.op != DR_EFFECT_UPDATE) {
        *out = created(it, record);
        return true;
    }
    if (item_links(l, it, &c.load, &links)) {
        return false;
    }
    c.links = &links;
    *out = row_matches(&c, record, l->scratch);
    return true;
}

/* ---- jobs ---- */

static void job_failures(struct batch *b, const struct job_state *j)
{
    int64_t index = 0;

    for (int i = 0; i < b->n; i++) {
        const struct dr_json *message;
        /* The request held the items in this order, all of them. */
        if (job_failure(j, index++, &message) && b->items[i]) {
            struct dr_buf words;
            dr_buf_init(&words, 4096);
            answer_words(message, &words);
            free(b->items[i]->why);
            b->items[i]->why = dr_xstrndup(
                words.n > 0 ? dr_buf_view(&words)
                            : DR_STR_LIT("the bulk job refused it"));
            dr_buf_done(&words);
        }
    }
}

static void job_answered(struct loader *l, struct call *c,
                         const struct dr_http_answer *ans)
{
    struct batch *b = c->ctx;
    const struct dr_json *doc = answer_json(l, ans);
    enum outcome o = answer_outcome(ans, doc != NULL);
    struct job_state j = {.terminal = false};

    b->polling = false;
    if (o == OUT_SUCCESS) {
        job_read(doc, l->scratch, &j);
        b->terminal = j.terminal;
        if (j.terminal) {
            job_failures(b, &j);
        }
    } else if (o == OUT_REFUSED || o == OUT_AMBIGUOUS) {
        b->terminal = true; /* forgotten by the target: rows must tell */
    }
    if (!b->terminal) {
        b->lane->job_ms =
            job_longer(b->lane->job_ms, l->now_ms - b->lane->accepted_ms);
        b->lane->accepted_ms = l->now_ms;
    }
}

/* The path below our own base address, or NULL: a foreign host gets no key. */
static const char *job_path(const struct loader *l, const char *url)
{
    const char *at = strstr(url, "/job_statuses/");

    (void)l;
    if (!at || strlen(at) > 200) {
        return NULL;
    }
    for (const char *p = at; *p; p++) {
        if (*p <= ' ' || *p == '?' || *p == '#' || (unsigned char)*p > 126) {
            return NULL;
        }
    }
    return at;
}

static void poll_job(struct loader *l, struct batch *b)
{
    const char *path = b->url ? job_path(l, b->url) : NULL;

    if (!path) {
        b->terminal = true;
        return;
    }
    b->polling = true;
    call_queue(l, call_new(l, b->lane, "GET", dr_str_z(path), job_answered, b),
               true);
}

/* ---- after a walk ---- */

static void look_singly(struct loader *l, struct batch *b)
{
    for (int i = 0; i < b->n; i++) {
        struct item *it = b->items[i];
        if (it && it->state == ITEM_CONFIRM) {
            bulk_item_gone(it);
            it->job_done = b->terminal;
            it->endless = !b->terminal;
            it->since_ms = b->accepted_ms;
            it->look_ms = l->now_ms;
            item_move(it, &b->lane->waiting, ITEM_UNSETTLED);
        }
    }
}

static void missed(struct loader *l, struct batch *b)
{
    int64_t past = l->now_ms - b->accepted_ms;

    b->misses++;
    if (!b->terminal && past < JOB_QUARANTINES * l->quarantine_ms) {
        if (!b->polling) {
            poll_job(l, b);
        }
        return;
    }
    if (b->misses >= 2) {
        look_singly(l, b);
    }
}

void confirm_walk_ended(struct loader *l, struct lane *lane,
                        enum walk_mode mode, int64_t started_ms)
{
    bool all = true;

    if (mode == WALK_CREATED) {
        lane->walked_ms = started_ms;
        lane->walk_again = false;
    }
    for (struct batch *b = lane->batches; b; b = b->next) {
        if (b->state == BATCH_PENDING && b->by_id == (mode == WALK_CHANGED) &&
            b->open > 0 && b->accepted_ms <= started_ms) {
            all = false;
            missed(l, b);
        }
    }
    if (all && lane->job_ms > 20) {
        lane->job_ms -= lane->job_ms / 10;
    }
}

/* ---- when to walk ---- */

static bool drained(const struct loader *l, const struct lane *lane)
{
    return lane->create.n == 0 && lane->sending == 0 &&
           l->now_ms - lane->input_ms >= DRAINED_MS;
}

struct waiting {
    bool creates, by_id, polling;
    int64_t floor_ms;
};

static struct waiting what_waits(const struct lane *lane)
{
    struct waiting w = {.floor_ms = INT64_MAX};

    for (const struct batch *b = lane->batches; b; b = b->next) {
        if (b->state != BATCH_PENDING || b->open == 0) {
            continue;
        }
        w.polling |= b->polling;
        if (b->by_id) {
            int64_t at = b->sent_server_ms > 0 ? b->sent_server_ms : 0;
            w.by_id = true;
            w.floor_ms = at < w.floor_ms ? at : w.floor_ms;
        } else {
            w.creates = true;
        }
    }
    return w;
}

/* Nothing more can be sent before rows are read. */
static bool must_walk(const struct loader *l, const struct lane *lane)
{
    bool held_back = bulk_more_comes(l, lane) && lane->create.n < BATCH;

    return lane->batch_count >= MAX_BATCHES || held_back ||
           !bulk_create_turn(lane);
}

void confirm(struct loader *l, struct lane *lane)
{
    struct waiting w = what_waits(lane);

    if (lane->walk.active || w.polling ||
        l->now_ms < lane->accepted_ms + lane->job_ms ||
        l->now_ms < lane->walk.retry_ms) {
        return;
    }
    if (lane->walk_again || (w.creates && lane->sending == 0 &&
                             (must_walk(l, lane) || drained(l, lane)))) {
        (void)walk_start(l, lane, WALK_CREATED, 0);
    } else if (w.by_id && !w.creates && lane->sending == 0 &&
               (lane->batch_count >= MAX_BATCHES || lane->by_id.n < BATCH)) {
        (void)walk_start(l, lane, WALK_CHANGED, w.floor_ms - FLOOR_MS);
    }
}
