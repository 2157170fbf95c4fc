/*
 * The connection. A command that fails drops it: a late reply would belong to
 * an earlier command. The next command connects anew, after a pause that
 * grows. Nothing here waits but for the socket, at most timeout_ms.
 */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include <drover/base/arena.h>
#include <drover/base/clock.h>

#define PORT_DEFAULT 6379
#define TIMEOUT_MS 2000
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 2000

static struct timeval tv(int ms)
{
    return (struct timeval){.tv_sec = ms / 1000,
                            .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

static int failed(struct dr_store *s, struct dr_err *err,
                  enum dr_verdict verdict, const char *why)
{
    (void)dr_err_set(err, verdict, 0, "redis",
                     "%s:%d: %s. Check redis.address, and that Redis runs",
                     s->host, s->port, why);
    if (s->redis) {
        redisFree(s->redis); /* `why` may be inside it: used above */
        s->redis = NULL;
    }
    s->backoff_ms = s->backoff_ms ? s->backoff_ms * 2 : BACKOFF_MIN_MS;
    if (s->backoff_ms > BACKOFF_MAX_MS) {
        s->backoff_ms = BACKOFF_MAX_MS;
    }
    s->retry_at_ms = dr_mono_ms() + s->backoff_ms;
    return -1;
}

static int authenticate(struct dr_store *s, struct dr_err *err)
{
    redisReply *r;
    bool good;

    if (!s->password) {
        return 0;
    }
    r = redisCommand(s->redis, "AUTH %s", s->password);
    if (!r) {
        return failed(s, err, DR_RETRY, s->redis->errstr);
    }
    good = r->type != REDIS_REPLY_ERROR;
    freeReplyObject(r);
    return good ? 0
                : failed(s, err, DR_HALT,
                         "the password is refused: check redis.password_file");
}

static int check_policy(struct dr_store *s, struct dr_err *err)
{
    redisReply *r = redisCommand(s->redis, "CONFIG GET maxmemory-policy");
    bool good;

    if (!r) {
        return failed(s, err, DR_RETRY, s->redis->errstr);
    }
    /* Where CONFIG is forbidden its owner answers for the setting. */
    good = r->type != REDIS_REPLY_ARRAY || r->elements < 2 ||
           strcmp(r->element[1]->str, "noeviction") == 0;
    freeReplyObject(r);
    return good ? 0
                : failed(s, err, DR_HALT,
                         "maxmemory-policy must be noeviction, or ids would "
                         "vanish one by one: set it and start again");
}

/* Sets the token when there is none, and learns it. */
static int learn_token(struct dr_store *s, char out[40], struct dr_err *err)
{
    unsigned char bytes[16];
    char mine[40];
    redisReply *r;

    DR_ASSERT(getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        mine[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        mine[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    mine[32] = '\0';
    r = redisCommand(s->redis, "SET %s %s NX", s->view_key, mine);
    if (!r) {
        return failed(s, err, DR_RETRY, s->redis->errstr);
    }
    if (r->type == REDIS_REPLY_ERROR) {
        (void)failed(s, err, DR_RETRY, r->str); /* loading, read-only, full */
        freeReplyObject(r);
        return -1;
    }
    freeReplyObject(r);
    r = redisCommand(s->redis, "GET %s", s->view_key);
    if (!r || r->type != REDIS_REPLY_STRING || r->len >= 40) {
        freeReplyObject(r);
        return failed(s, err, DR_RETRY, "the view's token cannot be read");
    }
    memcpy(out, r->str, (size_t)r->len + 1);
    freeReplyObject(r);
    return 0;
}

static int learn_run_id(struct dr_store *s, char out[48], struct dr_err *err)
{
    redisReply *r = redisCommand(s->redis, "INFO server");
    const char *at;

    if (!r) {
        return failed(s, err, DR_RETRY, s->redis->errstr);
    }
    out[0] = '\0';
    at = r->type == REDIS_REPLY_STRING ? strstr(r->str, "run_id:") : NULL;
    for (size_t i = 0; at && i < 47; i++) {
        char c = at[7 + i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            break;
        }
        out[i] = c;
        out[i + 1] = '\0';
    }
    freeReplyObject(r);
    return 0;
}

static int another_view(struct dr_store *s, struct dr_err *err)
{
    s->incarnation++;
    return dr_err_set(err, DR_RETRY, 0, "redis",
                      "%s:%d: restarted, emptied or restored: the view is "
                      "made up from the ledger again",
                      s->host, s->port);
}

static int hello(struct dr_store *s, struct dr_err *err)
{
    char run_id[48], token[40];
    bool same;

    if (authenticate(s, err) || check_policy(s, err) ||
        learn_run_id(s, run_id, err) || learn_token(s, token, err)) {
        return -1;
    }
    s->backoff_ms = 0;
    same = s->incarnation == 0 ||
           (strcmp(run_id, s->run_id) == 0 && strcmp(token, s->token) == 0);
    memcpy(s->run_id, run_id, sizeof(run_id));
    memcpy(s->token, token, sizeof(token));
    if (s->incarnation == 0) {
        s->incarnation = 1;
    }
    return same ? 0 : another_view(s, err);
}

static int connect_to(struct dr_store *s, struct dr_err *err)
{
    if (s->redis) {
        return 0;
    }
    if (dr_mono_ms() < s->retry_at_ms) {
        return dr_err_set(err, DR_RETRY, 0, "redis",
                          "%s:%d: away, tried again in a moment", s->host,
                          s->port);
    }
    s->redis = redisConnectWithTimeout(s->host, s->port, tv(s->timeout_ms));
    if (!s->redis || s->redis->err) {
        return failed(s, err, DR_RETRY,
                      s->redis ? s->redis->errstr : "out of memory");
    }
    (void)redisSetTimeout(s->redis, tv(s->timeout_ms));
    (void)redisEnableKeepAlive(s->redis);
    return hello(s, err);
}

bool dr_store_is_token(const struct dr_store *s, const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING && strcmp(r->str, s->token) == 0;
}

int dr_store_view_lost(struct dr_store *s, struct dr_err *err)
{
    char token[40];

    if (s->redis && learn_token(s, token, err) == 0) {
        memcpy(s->token, token, sizeof(token));
        return another_view(s, err);
    }
    return -1;
}

static char *under(const char *migration, const char *name)
{
    struct dr_buf text;
    char *out;

    dr_buf_init(&text, 512);
    dr_buf_printf(&text, "dr:%s:%d:%s", migration, VIEW_FORM, name);
    out = dr_xstrdup(text.p);
    dr_buf_done(&text);
    return out;
}

static int read_address(const char *address, struct dr_str *host, int64_t *port,
                        struct dr_err *err)
{
    struct dr_str rest = dr_str_z(address);

    *host = dr_str_split(&rest, ':');
    *port = PORT_DEFAULT;
    if (host->n == 0 || dr_str_find(*host, DR_STR_LIT("/")) != SIZE_MAX ||
        (rest.p && (dr_str_i64(rest, port) || *port < 1 || *port > 65535))) {
        return dr_err_set(err, DR_HALT, 0, "redis.address",
                          "host:port is wanted, as in redis:6379");
    }
    return 0;
}

int dr_store_check_address(const char *address, struct dr_err *err)
{
    struct dr_str host;
    int64_t port;

    return read_address(address, &host, &port, err);
}

struct dr_store *dr_store_new(const struct dr_store_opts *o, struct dr_err *err)
{
    struct dr_store *s;
    struct dr_str host;
    int64_t port;

    if (read_address(o->address, &host, &port, err)) {
        return NULL;
    }
    s = dr_xcalloc(1, sizeof(*s));
    s->host = dr_xstrndup(host);
    s->port = (int)port;
    s->password = o->password ? dr_xstrdup(o->password) : NULL;
    s->timeout_ms = o->timeout_ms ? o->timeout_ms : TIMEOUT_MS;
    s->prefix = under(o->migration, "");
    s->view_key = under(o->migration, "view");
    s->parts = dr_map_new(NULL);
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
    free(s->view_key);
    dr_map_free(s->parts);
    free(s);
}

uint64_t dr_store_incarnation(const struct dr_store *s)
{
    return s->incarnation;
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
        (void)failed(s, err, DR_RETRY, s->redis->errstr);
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
    size_t digits = 0;

    DR_ASSERT(n + 3 <= MAX_ARGS && keys >= 0 && keys < 10000);
    for (int unit = 1000; unit > 0; unit /= 10) {
        if (keys >= unit || unit == 1) {
            count[digits++] = (char)('0' + keys / unit % 10);
        }
    }
    for (int i = 0; i < n; i++) {
        full[i + 3] = args[i];
        full_lens[i + 3] = lens[i];
    }
    full[0] = "EVALSHA";
    full_lens[0] = 7;
    full[2] = count;
    full_lens[2] = digits;
    for (int turn = 0; turn < 2; turn++) {
        redisReply *r;

        if (!sc->sha[0] && load(s, sc, err)) {
            return NULL;
        }
        full[1] = sc->sha;
        full_lens[1] = 40;
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
