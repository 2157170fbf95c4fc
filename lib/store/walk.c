/* The right to walk a view, and how far it was walked, shared by all
 * loaders. A lost lock or position costs calls, never correctness. */
#include "store_private.h"

#include <stdio.h>
#include <string.h>

/* KEYS[1] lock, KEYS[2] rows; ARGV[1] instance, ARGV[2] rows or -1. */
static struct script unlock_script = {
    .text = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
            "redis.call('DEL', KEYS[1])\n"
            "if tonumber(ARGV[2]) >= 0 then\n"
            "  redis.call('SET', KEYS[2], ARGV[2]) end\n"
            "return 1\n"};

static redisReply *command(struct dr_store *s, int n, const char *const *args,
                           struct dr_err *err)
{
    size_t lens[8];

    for (int i = 0; i < n; i++) {
        lens[i] = strlen(args[i]);
    }
    return dr_store_command(s, n, args, lens, err);
}

int dr_store_walk_lock(struct dr_store *s, const char *what,
                       const char *instance, int ttl_ms, struct dr_err *err)
{
    struct dr_buf key;
    char ttl[16];
    const char *args[6] = {"SET", NULL, instance, "NX", "PX", ttl};
    redisReply *r;
    int got;

    (void)snprintf(ttl, sizeof(ttl), "%d", ttl_ms);
    dr_buf_init(&key, 512);
    dr_store_key(s, &key, "walk-lock", what);
    args[1] = key.p;
    r = command(s, 6, args, err);
    dr_buf_done(&key);
    if (!r) {
        return -1;
    }
    got = r->type == REDIS_REPLY_STATUS ? 1 : 0;
    freeReplyObject(r);
    return got;
}

int dr_store_walk_unlock(struct dr_store *s, const char *what,
                         const char *instance, int64_t rows_seen,
                         struct dr_err *err)
{
    struct dr_buf lock, rows;
    char count[24];
    const char *args[4];
    size_t lens[4];
    redisReply *r;

    (void)snprintf(count, sizeof(count), "%lld", (long long)rows_seen);
    dr_buf_init(&lock, 512);
    dr_buf_init(&rows, 512);
    dr_store_key(s, &lock, "walk-lock", what);
    dr_store_key(s, &rows, "walk-rows", what);
    args[0] = lock.p;
    args[1] = rows.p;
    args[2] = instance;
    args[3] = count;
    for (int i = 0; i < 4; i++) {
        lens[i] = strlen(args[i]);
    }
    r = dr_store_eval(s, &unlock_script, 2, 4, args, lens, err);
    dr_buf_done(&lock);
    dr_buf_done(&rows);
    if (!r) {
        return -1;
    }
    freeReplyObject(r);
    return 0;
}

int dr_store_walk_rows(struct dr_store *s, const char *what, int64_t *rows_out,
                       struct dr_err *err)
{
    struct dr_buf key;
    const char *args[2] = {"GET", NULL};
    redisReply *r;

    dr_buf_init(&key, 512);
    dr_store_key(s, &key, "walk-rows", what);
    args[1] = key.p;
    r = command(s, 2, args, err);
    dr_buf_done(&key);
    if (!r) {
        return -1;
    }
    *rows_out = 0;
    if (r->type == REDIS_REPLY_STRING &&
        dr_str_i64((struct dr_str){r->str, (size_t)r->len}, rows_out)) {
        *rows_out = 0;
    }
    freeReplyObject(r);
    return 0;
}
