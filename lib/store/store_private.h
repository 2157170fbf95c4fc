/* What the files of this library share: commands, replies, reconnecting. */
#ifndef DROVER_STORE_PRIVATE_H
#define DROVER_STORE_PRIVATE_H

#include <hiredis/hiredis.h>

#include <drover/base/buf.h>
#include <drover/base/map.h>
#include <drover/store/store.h>

/* Raised whenever a fact's text, or what stands beside the facts, changes: what
 * an older version left reads as nothing at all, and is made anew from the
 * ledger. Read as single facts that are not there it would be made twice in the
 * target. */
#define VIEW_FORM 1

struct dr_store {
    redisContext *redis;
    char *host;
    int port;
    char *password;
    char *prefix; /* dr:<migration>:<form>: */
    int timeout_ms;
    int64_t retry_at_ms; /* after a failure: not before */
    int backoff_ms;
    /* Redis' own id, new with each start, and a token of ours beside the
     * view: when either changes, facts may be missing that were there. */
    char run_id[48];
    char *view_key;
    char token[40];
    uint64_t incarnation;
    struct dr_map *parts; /* partition's key -> incarnation last read in */
};

/* One script and the hash Redis knows it by. */
struct script {
    const char *text;
    char sha[41];
};

/* Runs a command of n arguments. NULL with DR_RETRY on any trouble with the
 * connection, which is then dropped: late replies would belong to an earlier
 * command. Error replies are NULL with DR_RETRY too. The reply is freed by
 * the caller. */
redisReply *dr_store_command(struct dr_store *s, int n, const char *const *args,
                             const size_t *lens, struct dr_err *err);
/* EVALSHA, loading the script when Redis does not know it. */
redisReply *dr_store_eval(struct dr_store *s, struct script *sc, int keys,
                          int n, const char *const *args, const size_t *lens,
                          struct dr_err *err);
/* Whether a reply is the token that we know. */
bool dr_store_is_token(const struct dr_store *s, const redisReply *r);
/* The view is not the one we knew: learns the new token and returns -1 with
 * DR_RETRY. */
int dr_store_view_lost(struct dr_store *s, struct dr_err *err);
/* A key under the migration's prefix, appended to b. */
void dr_store_key(const struct dr_store *s, struct dr_buf *b, const char *kind,
                  const char *name);

#endif
