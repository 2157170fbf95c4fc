/* The ledger, written: INTENT, JOB, DONE, REFUSED, PREIMAGE (4). */
#include "loader.h"

#include <string.h>

#include <drover/crypto/crypto.h>
#include <drover/ledger/ledger.h>

static void send(struct loader *l, struct lanepart *lp,
                 const struct dr_buf *key, struct dr_env *env)
{
    dr_service_send(l->svc, l->ledger_out, lp->lane->ledger_topic, lp->part,
                    dr_buf_view(key), env, NULL, NULL);
}

static struct dr_str nonce_of(const uint8_t *nonce)
{
    return (struct dr_str){(const char *)nonce, DR_LEDGER_NONCE};
}

static struct dr_str hash_of(const uint8_t *hash)
{
    return (struct dr_str){(const char *)hash, DR_SHA256};
}

void ledger_intent(struct loader *l, struct lanepart *lp,
                   struct item *const *items, size_t n, const uint8_t *job)
{
    static uint8_t hashes[BATCH][DR_SHA256];
    struct dr_intent_item list[BATCH];
    struct dr_env env = {.kind = DR_MSG_INTENT};
    struct dr_buf key;

    DR_ASSERT(n >= 1 && n <= BATCH);
    for (size_t i = 0; i < n; i++) {
        struct item *it = items[i];
        it->attempt = ++lp->own.attempt;
        it->epoch = lp->own.epoch;
        memcpy(it->nonce, lp->own.nonce, DR_LEDGER_NONCE);
        it->checked = false;
        it->sent_ms = l->now_ms;
        dr_sha256((struct dr_str){it->body, it->body_size}, hashes[i]);
        list[i] = (struct dr_intent_item){.key = it->key,
                                          .marker = dr_str_z(it->marker),
                                          .request_hash = hash_of(hashes[i]),
                                          .place = place_intent(it),
                                          .rev = it->rev,
                                          .dst = it->route.dst,
                                          .op = it->route.op,
                                          .attempt = it->attempt,
                                          .pass = it->pass,
                                          .step = it->route.step};
    }
    env.u.intent = (struct dr_intent){.epoch = lp->own.epoch,
                                      .nonce = nonce_of(lp->own.nonce),
                                      .items = list,
                                      .item_count = n};
    dr_buf_init(&key, 1024);
    if (job) {
        env.u.intent.job_nonce = nonce_of(job);
        dr_ledger_job_key(&key, nonce_of(job), "");
    } else {
        dr_ledger_key(&key, items[0]->key, "#try");
    }
    send(l, lp, &key, &env);
    dr_buf_done(&key);
    crash_at(l, "after_intent");
}

void ledger_job(struct loader *l, struct lanepart *lp, const uint8_t *job,
                const char *url)
{
    struct dr_env env = {.kind = DR_MSG_JOB};
    struct dr_buf key;

    env.u.job = (struct dr_job){.job_nonce = nonce_of(job),
                                .status_url = dr_str_z(url),
                                .nonce = nonce_of(lp->own.nonce),
                                .epoch = lp->own.epoch};
    dr_buf_init(&key, 256);
    dr_ledger_job_key(&key, nonce_of(job), "#url");
    send(l, lp, &key, &env);
    dr_buf_done(&key);
}

/* The id that the key keeps: of the first record that we made of it and that
 * was neither removed nor left since, nor became one of another kind. */
static uint64_t first_dst(const struct item *it, uint64_t dst)
{
    bool stands = it->fact.dst && it->fact.state != DR_FACT_DELETED &&
                  it->route.step != STEP_CONVERT && !it->route.anew;

    return stands ? it->fact.dst : dst;
}

static struct dr_str commits_of(const struct item *it)
{
    return it->commits ? (struct dr_str){(const char *)it->commits->bytes,
                                         it->commits->n}
                       : (struct dr_str){NULL, 0};
}

/* pass: of the attempt that wrote it. */
static uint32_t made(const struct item *it, uint64_t dst, uint32_t pass)
{
    if (it->fact.dst == dst) {
        return it->fact.made;
    }
    return it->route.origin == DR_DONE_CREATED ? pass : 0;
}

void ledger_done(struct loader *l, struct item *it, uint64_t dst,
                 enum dr_done_how how, struct dr_str record)
{
    struct dr_env env = {.kind = DR_MSG_DONE};
    uint8_t landed[DR_SHA256], content[DR_SHA256];
    struct dr_buf key;

    memcpy(content, it->hash, sizeof(content));
    dr_content_loosen(content, it->missing);
    if (it->in_other) {
        dr_content_in_other_form(content);
    }
    dr_sha256(record, landed);
    env.u.done = (struct dr_done){.key = it->key,
                                  .type = it->type ? dr_str_z(it->type->name)
                                                   : DR_STR_LIT(""),
                                  .content_hash = hash_of(content),
                                  .landed_hash = hash_of(landed),
                                  .rev = it->rev,
                                  .dst = dst,
                                  .first_dst = first_dst(it, dst),
                                  .origin = it->route.origin,
                                  .how = how,
                                  .pass = it->pass,
                                  .step = it->route.step,
                                  .made = made(it, dst, it->pass),
                                  .amount = dr_str_z(it->amount),
                                  .place = place_done(it),
                                  .fields = commits_of(it)};
    dr_buf_init(&key, 1024);
    dr_ledger_key(&key, it->key, "#fact");
    send(l, it->lp, &key, &env);
    dr_buf_done(&key);
    crash_at(l, "after_done");
}

/* A note stands where it was found. Of what else no list tells, the fact of
 * before knows, and of the first that is known of it, the item. */
static struct dr_str place_of_older(const struct item *it, uint64_t dst)
{
    if (it->type->unlisted || it->fact.dst == 0) {
        return place_done(it);
    }
    return dr_str_z(dst == it->fact.dst ? it->fact.place : "");
}

/* Ours, but not with this version's content: a fact that fixes the id, of no
 * content we know. The item goes on as an update of that id. */
void ledger_older(struct loader *l, struct item *it, uint64_t dst)
{
    static const uint8_t no_hash[DR_SHA256];
    const struct dr_attempt *a =
        it->lp->own.fold ? dr_fold_unsettled(it->lp->own.fold, it->key) : NULL;
    struct dr_env env = {.kind = DR_MSG_DONE};
    struct dr_buf key;

    env.u.done = (struct dr_done){
        .key = it->key,
        .type = dr_str_z(it->type->name),
        .content_hash = hash_of(no_hash),
        .amount = dr_str_z(amount_of_set(it) ? it->amount : ""),
        .place = place_of_older(it, dst),
        .fields = commits_of(it),
        .rev = a ? a->rev : it->rev,
        .dst = dst,
        .first_dst = first_dst(it, dst),
        .origin = it->route.origin,
        .how = DR_DONE_DISCOVERED,
        .made = made(it, dst, a ? a->pass : it->pass),
        .pass = a ? a->pass : it->pass};
    dr_buf_init(&key, 1024);
    dr_ledger_key(&key, it->key, "#fact");
    send(l, it->lp, &key, &env);
    dr_buf_done(&key);
}

void ledger_deleted(struct loader *l, struct item *it, enum dr_deleted_how how,
                    struct dr_str seen)
{
    struct dr_env env = {.kind = DR_MSG_DELETED};
    const struct dr_attempt *a =
        it->older && it->lp->own.fold
            ? dr_fold_unsettled(it->lp->own.fold, it->key)
            : NULL;
    uint8_t hash[DR_SHA256];
    struct dr_buf key;

    dr_sha256(seen, hash);
    env.u.deleted = (struct dr_deleted){.key = it->key,
                                        .hash = hash_of(hash),
                                        .dst = it->route.dst,
                                        .rev = a ? a->rev : it->rev,
                                        .pass = a ? a->pass : it->pass,
                                        .how = how};
    dr_buf_init(&key, 1024);
    dr_ledger_key(&key, it->key, "#fact");
    send(l, it->lp, &key, &env);
    dr_buf_done(&key);
}

void ledger_refused(struct loader *l, struct item *it, const char *class,
                    int code, bool final, struct dr_str reason)
{
    struct dr_env env = {.kind = DR_MSG_REFUSED};
    const struct own *own = &it->lp->own;
    bool tried = it->attempt != 0;
    struct dr_buf key;

    env.u.refused =
        (struct dr_refused){.key = it->key,
                            .nonce = nonce_of(tried ? it->nonce : own->nonce),
                            .class = dr_str_z(class),
                            .reason = reason,
                            .content_hash = hash_of(it->hash),
                            .rev = it->rev,
                            .epoch = tried ? it->epoch : own->epoch,
                            .attempt = it->attempt,
                            .pass = it->pass,
                            .code = code,
                            .final = final};
    dr_buf_init(&key, 1024);
    dr_ledger_key(&key, it->key, "#refused");
    send(l, it->lp, &key, &env);
    dr_buf_done(&key);
}

void ledger_preimage(struct loader *l, struct item *it, uint64_t dst,
                     struct dr_str record)
{
    struct dr_env env = {.kind = DR_MSG_PREIMAGE};
    uint8_t hash[DR_SHA256];
    struct dr_buf key;

    dr_sha256(record, hash);
    env.u.preimage = (struct dr_preimage){.key = it->key,
                                          .type = dr_str_z(it->type->name),
                                          .body = record,
                                          .hash = hash_of(hash),
                                          .rev = it->rev,
                                          .dst = dst};
    dr_buf_init(&key, 1024);
    dr_ledger_pre_key(&key, it->key, it->rev);
    send(l, it->lp, &key, &env);
    dr_buf_done(&key);
}
