/* The fold: a pure function of the log's prefix (effects protocol 4). */
#include <drover/ledger/ledger.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/map.h>

/* A bulk job, kept while an attempt of it is unsettled. */
struct job {
    size_t attempts;
    char *url;
};

struct dr_fold {
    uint64_t epoch;
    uint8_t nonce[DR_LEDGER_NONCE];
    bool owned;   /* an OWNER holds the epoch, not a ROLL or a guess */
    bool guessed; /* in mid-log: who owns is not known yet           */
    bool rolled;
    bool has_meta;
    struct dr_meta meta;
    int64_t offset;
    struct dr_map *open; /* key -> struct dr_attempt  */
    struct dr_map *jobs; /* 16 bytes -> struct job    */
};

static void free_job(void *p)
{
    struct job *j = p;

    if (j) {
        free(j->url);
        free(j);
    }
}

struct dr_fold *dr_fold_new(void)
{
    struct dr_fold *f = dr_xcalloc(1, sizeof(*f));

    f->offset = -1;
    f->open = dr_map_new(free);
    f->jobs = dr_map_new(free_job);
    return f;
}

struct dr_fold *dr_fold_resume(uint64_t epoch)
{
    struct dr_fold *f = dr_fold_new();

    f->epoch = epoch;
    f->guessed = true;
    return f;
}

struct dr_fold *dr_fold_resume_at(const struct dr_fold_place *at)
{
    struct dr_fold *f = dr_fold_new();

    f->offset = at->offset - 1;
    f->epoch = at->epoch;
    f->owned = at->owned;
    f->rolled = at->rolled;
    memcpy(f->nonce, at->nonce, sizeof(f->nonce));
    return f;
}

void dr_fold_free(struct dr_fold *f)
{
    if (!f) {
        return;
    }
    dr_map_free(f->open);
    dr_map_free(f->jobs);
    free(f);
}

static struct dr_str job_key(const struct dr_attempt *a)
{
    return (struct dr_str){(const char *)a->job, sizeof(a->job)};
}

static void settle(struct dr_fold *f, struct dr_str key)
{
    const struct dr_attempt *a = dr_map_get(f->open, key);
    struct dr_attempt copy;

    if (!a) {
        return;
    }
    copy = *a;
    (void)dr_map_del(f->open, key);
    if (copy.bulk) {
        struct job *j = dr_map_get(f->jobs, job_key(&copy));
        if (j && --j->attempts == 0) {
            (void)dr_map_del(f->jobs, job_key(&copy));
        }
    }
}

static void take_nonce(uint8_t out[DR_LEDGER_NONCE], struct dr_str nonce)
{
    memset(out, 0, DR_LEDGER_NONCE);
    if (nonce.n == DR_LEDGER_NONCE) {
        memcpy(out, nonce.p, DR_LEDGER_NONCE);
    }
}

static bool current(const struct dr_fold *f, uint64_t epoch,
                    struct dr_str nonce)
{
    if (f->guessed) {
        return true;
    }
    return f->owned && epoch == f->epoch && nonce.n == DR_LEDGER_NONCE &&
           memcmp(nonce.p, f->nonce, DR_LEDGER_NONCE) == 0;
}

static enum dr_fold_what take_over(struct dr_fold *f, uint64_t epoch,
                                   struct dr_str nonce, bool roll)
{
    if (roll && f->guessed) {
        f->rolled = true; /* it may be the one that counts: never load */
    }
    if (epoch <= f->epoch) {
        return DR_FOLD_IGNORED;
    }
    f->epoch = epoch;
    take_nonce(f->nonce, nonce);
    f->owned = !roll;
    f->guessed = false;
    f->rolled |= roll;
    return roll ? DR_FOLD_ROLL : DR_FOLD_OWNER;
}

static void open_attempt(struct dr_fold *f, const struct dr_intent *in,
                         const struct dr_intent_item *item, int64_t offset)
{
    struct dr_attempt *a = dr_xcalloc(1, sizeof(*a));

    settle(f, item->key); /* the newest attempt stands */
    a->epoch = in->epoch;
    take_nonce(a->nonce, in->nonce);
    a->attempt = item->attempt;
    a->pass = item->pass;
    a->step = item->step;
    a->rev = item->rev;
    a->dst = item->dst;
    a->op = item->op;
    a->offset = offset;
    (void)snprintf(a->marker, sizeof(a->marker), DR_STR_FMT,
                   DR_STR_ARG(item->marker));
    if (item->place.n > 0 && item->place.n < sizeof(a->place)) {
        memcpy(a->place, item->place.p, item->place.n);
    }
    if (in->job_nonce.n == DR_LEDGER_NONCE) {
        struct job *j = dr_map_get(f->jobs, in->job_nonce);
        a->bulk = true;
        take_nonce(a->job, in->job_nonce);
        if (!j) {
            j = dr_xcalloc(1, sizeof(*j));
            dr_map_put(f->jobs, in->job_nonce, j);
        }
        j->attempts++;
    }
    dr_map_put(f->open, item->key, a);
}

static enum dr_fold_what intent(struct dr_fold *f, const struct dr_intent *in,
                                int64_t offset)
{
    if (f->guessed && in->epoch > f->epoch) {
        f->epoch = in->epoch; /* its OWNER was compacted away */
    }
    if (!current(f, in->epoch, in->nonce)) {
        return DR_FOLD_IGNORED;
    }
    for (size_t i = 0; i < in->item_count; i++) {
        open_attempt(f, in, &in->items[i], offset);
    }
    return DR_FOLD_INTENT;
}

static enum dr_fold_what job(struct dr_fold *f, const struct dr_job *rec)
{
    struct job *j = dr_map_get(f->jobs, rec->job_nonce);

    if (!j) {
        return DR_FOLD_IGNORED;
    }
    free(j->url);
    j->url = dr_xstrndup(rec->status_url);
    return DR_FOLD_JOB;
}

static void done(struct dr_fold *f, const struct dr_done *d, int64_t offset,
                 struct dr_ledger_fact *out)
{
    const struct dr_attempt *a = dr_map_get(f->open, d->key);

    if (a && (a->rev < d->rev || (a->rev == d->rev && a->pass <= d->pass)) &&
        (d->step != 1 || a->step == 1)) {
        settle(f, d->key);
    }
    *out = (struct dr_ledger_fact){.state = d->step == 1 ? DR_LEDGER_CREATED
                                                         : DR_LEDGER_DONE,
                                   .key = d->key,
                                   .type = d->type,
                                   .content_hash = d->content_hash,
                                   .amount = d->amount,
                                   .place = d->place,
                                   .fields = d->fields,
                                   .dst = d->first_dst ? d->first_dst : d->dst,
                                   .rev = d->rev,
                                   .pass = d->pass,
                                   .origin = (uint32_t)d->origin,
                                   .made = d->made,
                                   .offset = offset};
}

static enum dr_fold_what refused(struct dr_fold *f, const struct dr_refused *r,
                                 int64_t offset, struct dr_ledger_fact *out)
{
    const struct dr_attempt *a = dr_map_get(f->open, r->key);

    if (r->attempt == 0) {
        if (a || !current(f, r->epoch, r->nonce)) {
            return DR_FOLD_IGNORED;
        }
    } else if (!a || a->attempt != r->attempt || a->epoch != r->epoch ||
               r->nonce.n != DR_LEDGER_NONCE ||
               memcmp(a->nonce, r->nonce.p, DR_LEDGER_NONCE) != 0) {
        return DR_FOLD_IGNORED;
    }
    settle(f, r->key);
    *out = (struct dr_ledger_fact){.state = DR_LEDGER_REFUSED,
                                   .key = r->key,
                                   .class = r->class,
                                   .content_hash = r->content_hash,
                                   .rev = r->rev,
                                   .pass = r->pass,
                                   .offset = offset};
    if (!r->final) {
        out->state = DR_LEDGER_NOTHING;
        return DR_FOLD_SETTLED;
    }
    return DR_FOLD_FACT;
}

static enum dr_fold_what meta(struct dr_fold *f, const struct dr_meta *m)
{
    if (!f->has_meta) {
        f->meta = *m;
        f->has_meta = true;
    }
    return DR_FOLD_META;
}

/* It ends the attempt to delete, and every older one: nothing of ours stands
 * there any more. */
static enum dr_fold_what deleted(struct dr_fold *f, const struct dr_deleted *d,
                                 int64_t offset, struct dr_ledger_fact *out)
{
    settle(f, d->key);
    *out = (struct dr_ledger_fact){.state = DR_LEDGER_DELETED,
                                   .key = d->key,
                                   .dst = d->dst,
                                   .rev = d->rev,
                                   .pass = d->pass,
                                   .offset = offset};
    return DR_FOLD_FACT;
}

void dr_fold_accept(struct dr_fold *f, const struct dr_env *env, int64_t offset,
                    struct dr_folded *out)
{
    *out = (struct dr_folded){.what = DR_FOLD_IGNORED};
    if (offset <= f->offset) {
        return;
    }
    f->offset = offset;
    switch ((int)env->kind) {
    case DR_MSG_META:
        out->what = meta(f, &env->u.meta);
        break;
    case DR_MSG_OWNER:
        out->what = take_over(f, env->u.owner.epoch, env->u.owner.nonce, false);
        break;
    case DR_MSG_ROLL:
        out->what = take_over(f, env->u.roll.epoch, env->u.roll.nonce, true);
        break;
    case DR_MSG_INTENT:
        out->what = intent(f, &env->u.intent, offset);
        break;
    case DR_MSG_JOB:
        out->what = job(f, &env->u.job);
        break;
    case DR_MSG_DONE:
        done(f, &env->u.done, offset, &out->fact);
        out->what = DR_FOLD_FACT;
        break;
    case DR_MSG_REFUSED:
        out->what = refused(f, &env->u.refused, offset, &out->fact);
        break;
    case DR_MSG_DELETED:
        out->what = deleted(f, &env->u.deleted, offset, &out->fact);
        break;
    case DR_MSG_PREIMAGE:
        out->what = DR_FOLD_PREIMAGE;
        break;
    default:
        break;
    }
}

uint64_t dr_fold_epoch(const struct dr_fold *f)
{
    return f->epoch;
}

bool dr_fold_owned_by(const struct dr_fold *f, uint64_t epoch,
                      const uint8_t nonce[DR_LEDGER_NONCE])
{
    return f->owned && !f->guessed && !f->rolled && f->epoch == epoch &&
           memcmp(f->nonce, nonce, DR_LEDGER_NONCE) == 0;
}

bool dr_fold_rolled(const struct dr_fold *f)
{
    return f->rolled;
}

int64_t dr_fold_offset(const struct dr_fold *f)
{
    return f->offset;
}

const struct dr_meta *dr_fold_meta(const struct dr_fold *f)
{
    return f->has_meta ? &f->meta : NULL;
}

size_t dr_fold_unsettled_count(const struct dr_fold *f)
{
    return dr_map_count(f->open);
}

const struct dr_attempt *dr_fold_unsettled(const struct dr_fold *f,
                                           struct dr_str key)
{
    return dr_map_get(f->open, key);
}

bool dr_fold_next(const struct dr_fold *f, size_t *at, struct dr_str *key_out,
                  const struct dr_attempt **out)
{
    void *value = NULL;

    if (!dr_map_next(f->open, at, key_out, &value)) {
        return false;
    }
    *out = value;
    return true;
}

int64_t dr_fold_oldest(const struct dr_fold *f)
{
    const struct dr_attempt *a;
    struct dr_str key;
    int64_t oldest = -1;
    size_t at = 0;

    /* Insertion order is the order of offsets. */
    if (dr_fold_next(f, &at, &key, &a)) {
        oldest = a->offset;
    }
    return oldest;
}

/* An INTENT counts only of who owns the partition at its offset. */
void dr_fold_place(const struct dr_fold *f, struct dr_fold_place *out)
{
    const struct dr_attempt *a;
    struct dr_str key;
    size_t at = 0;

    *out = (struct dr_fold_place){.offset = f->offset + 1,
                                  .epoch = f->epoch,
                                  .owned = f->owned,
                                  .rolled = f->rolled};
    memcpy(out->nonce, f->nonce, sizeof(out->nonce));
    if (dr_fold_next(f, &at, &key, &a)) {
        out->offset = a->offset;
        out->epoch = a->epoch;
        out->owned = true;
        memcpy(out->nonce, a->nonce, sizeof(out->nonce));
    }
}

struct dr_str dr_fold_job_url(const struct dr_fold *f,
                              const struct dr_attempt *a)
{
    const struct job *j = a->bulk ? dr_map_get(f->jobs, job_key(a)) : NULL;

    return j && j->url ? dr_str_z(j->url) : (struct dr_str){NULL, 0};
}
