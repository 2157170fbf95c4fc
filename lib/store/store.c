#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>

#define PORT_DEFAULT 6379
#define RETRY_MS 500

static struct timeval tv(int ms)
{
    return (struct timeval){.tv_sec = ms / 1000,
                            .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static void drop(struct dr_store *s)
{
    if (s->redis) {
        redisFree(s->redis);
        s->redis = NULL;
    }
    s->retry_at_ms = dr_mono_ms() + RETRY_MS;
}

static int failed(struct dr_store *s, struct dr_err *err, const char *why)
{
    (void)dr_err_set(err, DR_RETRY, 0, "redis", "%s:%d: %s", s->host, s->port,
                     why);
    drop(s);
    return -1;
}

static int hello(struct dr_store *s, struct dr_err *err)
{
    redisReply *r;
    bool good;

    if (s->password) {
        r = redisCommand(s->redis, "AUTH %s", s->password);
        good = r && r->type != REDIS_REPLY_ERROR;
        freeReplyObject(r);
        if (!good) {
            (void)failed(s, err, "the password is refused");
            if (err) {
                err->verdict = DR_HALT;
            }
            return -1;
        }
    }
    r = redisCommand(s->redis, "CONFIG GET maxmemory-policy");
    good = !r || r->type != REDIS_REPLY_ARRAY || r->elements < 2 ||
           strcmp(r->element[1]->str, "noeviction") == 0;
    freeReplyObject(r);
    if (!good) {
        (void)failed(s, err,
                     "maxmemory-policy must be noeviction: ids would vanish "
                     "one by one; set it and start again");
        if (err) {
            err->verdict = DR_HALT;
        }
        return -1;
    }
    return 0;
}

static int connect_to(struct dr_store *s, struct dr_err *err)
{
    if (s->redis) {
        return 0;
    }
    if (dr_mono_ms() < s->retry_at_ms) {
        return dr_err_set(err, DR_RETRY, 0, "redis",
                          "%s:%d: away, trying again in a moment", s->host,
                          s->port);
    }
    s->redis = redisConnectWithTimeout(s->host, s->port, tv(s->timeout_ms));
    if (!s->redis || s->redis->err) {
        return failed(s, err, s->redis ? s->redis->errstr : "out of memory");
    }
    (void)redisSetTimeout(s->redis, tv(s->timeout_ms));
    return hello(s, err);
}

struct dr_store *dr_store_new(const struct dr_store_opts *o, struct dr_err *err)
{
    struct dr_store *s = dr_xcalloc(1, sizeof(*s));
    struct dr_str rest = dr_str_z(o->address);
    struct dr_str host = dr_str_split(&rest, ':');
    int64_t port = PORT_DEFAULT;
    struct dr_buf b;

    s->host = dr_xstrndup(host);
    if (rest.p && (dr_str_i64(rest, &port) || port < 1 || port > 65535)) {
        (void)dr_err_set(err, DR_HALT, 0, "redis.address",
                         "host:port is wanted");
        dr_store_free(s);
        return NULL;
    }
    s->port = (int)port;
    s->password = o->password ? dr_xstrdup(o->password) : NULL;
    s->timeout_ms = o->timeout_ms ? o->timeout_ms : 2000;
    dr_buf_init(&b, 256);
    dr_buf_printf(&b, "dr:%s:%u:", o->migration, (unsigned)o->generation);
    s->prefix = dr_xstrdup(b.p);
    dr_buf_done(&b);
    if (connect_to(s, err)) {
        dr_store_free(s);
        return NULL;
    }
    return s;
}

void dr_store_free(struct dr_store *s)
{
    if (!s) {
        return;
    }
    if (s->redis) {
        redisFree(s->redis);
    }
    free(s->host);
    free(s->password);
    free(s->prefix);
    free(s);
}

redisReply *dr_store_command(struct dr_store *s, int n, const char *const *args,
                             const size_t *lens, struct dr_err *err)
{
    redisReply *r;
    const char **argv = (const char **)(uintptr_t)args; /* not written to */

    if (connect_to(s, err)) {
        return NULL;
    }
    r = redisCommandArgv(s->redis, n, argv, lens);
    if (!r) {
        (void)failed(s, err, s->redis->errstr);
        return NULL;
    }
    if (r->type == REDIS_REPLY_ERROR && strncmp(r->str, "NOSCRIPT", 8) != 0) {
        (void)dr_err_set(err, DR_RETRY, 0, "redis", "%s", r->str);
        freeReplyObject(r);
        return NULL;
    }
    return r;
}

static int load(struct dr_store *s, struct script *sc, struct dr_err *err)
{
    const char *args[] = {"SCRIPT", "LOAD", sc->text};
    size_t lens[] = {6, 4, strlen(sc->text)};
    redisReply *r = dr_store_command(s, 3, args, lens, err);

    if (!r) {
        return -1;
    }
    DR_ASSERT(r->type == REDIS_REPLY_STRING && r->len == 40);
    memcpy(sc->sha, r->str, 41);
    freeReplyObject(r);
    return 0;
}

#define MAX_ARGS 2048

redisReply *dr_store_eval(struct dr_store *s, struct script *sc, int keys,
                          int n, const char *const *args, const size_t *lens,
                          struct dr_err *err)
{
    const char *full[MAX_ARGS];
    size_t full_lens[MAX_ARGS];
    char count[16];
    struct dr_buf b;

    DR_ASSERT(n + 3 <= MAX_ARGS);
    dr_buf_init(&b, sizeof(count) - 1);
    dr_buf_i64(&b, keys);
    memcpy(count, b.p, b.n + 1);
    dr_buf_done(&b);
    for (int i = 0; i < n; i++) {
        full[i + 3] = args[i];
        full_lens[i + 3] = lens[i];
    }
    for (int turn = 0; turn < 2; turn++) {
        redisReply *r;

        if (!sc->sha[0] && load(s, sc, err)) {
            return NULL;
        }
        full[0] = "EVALSHA";
        full_lens[0] = 7;
        full[1] = sc->sha;
        full_lens[1] = 40;
        full[2] = count;
        full_lens[2] = strlen(count);
        r = dr_store_command(s, n + 3, full, full_lens, err);
        if (!r || r->type != REDIS_REPLY_ERROR) {
            return r;
        }
        freeReplyObject(r); /* NOSCRIPT: flushed or a new server */
        sc->sha[0] = '\0';
    }
    (void)dr_err_set(err, DR_RETRY, 0, "redis", "the script does not stay");
    return NULL;
}

void dr_store_key(const struct dr_store *s, struct dr_buf *b, const char *kind,
                  const char *name)
{
    dr_buf_z(b, s->prefix);
    dr_buf_z(b, kind);
    dr_buf_ch(b, ':');
    dr_buf_z(b, name);
}
