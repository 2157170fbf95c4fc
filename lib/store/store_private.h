/* What the files of this library share: commands, replies, reconnecting. */
#ifndef DROVER_STORE_PRIVATE_H
#define DROVER_STORE_PRIVATE_H

#include <hiredis/hiredis.h>

#include <drover/base/buf.h>
#include <drover/store/store.h>

struct dr_store {
    redisContext *redis;
    char *host;
    int port;
    char *password;
    char *prefix; /* dr:<migration>:<generation>: */
    int timeout_ms;
    int64_t retry_at_ms; /* after a failure: not before */
    char run_id[48];
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
/* A key under the migration's prefix, appended to b. */
void dr_store_key(const struct dr_store *s, struct dr_buf *b, const char *kind,
                  const char *name);

#endif
