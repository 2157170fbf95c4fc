/*
 * The rate controller: one script over both windows, or nothing (performance
 * reference 1.6). Each window is a ring of buckets, one key a bucket in one
 * hash; a call expires one window after it was granted. The server's own
 * `remaining` is believed when it is smaller: neighbours use the account too.
 * After a 429 all loaders stop until `blocked`; then one canary tries.
 */
#include "store_private.h"

#include <stdio.h>
#include <string.h>

#define BUCKETS 240 /* a window is forgotten in steps of 1/240 */

/* KEYS[1] state hash. ARGV: cost, hour_limit, hour_ms, minute_limit,
 * minute_ms, reserve, buckets. Returns {granted, wait_ms, canary, epoch}. */
static struct script take_script = {
    .text =
        "local t = redis.call('TIME')\n"
        "local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / "
        "1000)\n"
        "local cost = tonumber(ARGV[1])\n"
        "local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')\n"
        "local blocked = tonumber(redis.call('HGET', KEYS[1], 'blocked') or "
        "'0')\n"
        "local canary = 0\n"
        "if blocked > 0 then\n"
        "  if now < blocked then return {0, blocked - now, 0, epoch} end\n"
        "  local busy = tonumber(redis.call('HGET', KEYS[1], 'canary') or "
        "'0')\n"
        "  if busy > now then return {0, math.min(busy - now, 200), 0, epoch} "
        "end\n"
        "  redis.call('HSET', KEYS[1], 'canary', now + 35000)\n"
        "  canary = 1\n"
        "end\n"
        "local steps = tonumber(ARGV[7])\n"
        "local function window(name, limit, len)\n"
        "  if limit <= 0 then return 0, nil end\n"
        "  local step = math.max(1, math.floor(len / steps))\n"
        "  local slot = math.floor(now / step)\n"
        "  local key = KEYS[1] .. ':' .. name\n"
        "  local used, oldest = 0, nil\n"
        "  local all = redis.call('HGETALL', key)\n"
        "  for i = 1, #all, 2 do\n"
        "    local s = tonumber(all[i])\n"
        "    if s <= slot - steps - 1 then redis.call('HDEL', key, all[i])\n"
        "    else\n"
        "      used = used + tonumber(all[i + 1])\n"
        "      if not oldest or s < oldest then oldest = s end\n"
        "    end\n"
        "  end\n"
        "  if used + cost > limit then\n"
        "    local free = ((oldest or slot) + steps + 1) * step - now\n"
        "    return math.max(1, free), nil\n"
        "  end\n"
        "  return 0, {key, slot, len}\n"
        "end\n"
        "local w1, a = window('hour', tonumber(ARGV[2]) - tonumber(ARGV[6]), "
        "tonumber(ARGV[3]))\n"
        "local w2, b = window('minute', tonumber(ARGV[4]), "
        "tonumber(ARGV[5]))\n"
        "local left = tonumber(redis.call('HGET', KEYS[1], 'left') or '-1')\n"
        "local reset = tonumber(redis.call('HGET', KEYS[1], 'reset') or '0')\n"
        "local w3 = 0\n"
        "if left >= 0 and now < reset and left - tonumber(ARGV[6]) < cost "
        "then w3 = reset - now end\n"
        "local wait = math.max(w1, w2, w3)\n"
        "if wait > 0 then\n"
        "  if canary == 1 then redis.call('HDEL', KEYS[1], 'canary') end\n"
        "  return {0, math.min(wait, 60000), 0, epoch}\n"
        "end\n"
        "if a then redis.call('HINCRBY', a[1], a[2], cost)\n"
        "  redis.call('PEXPIRE', a[1], a[3] * 2) end\n"
        "if b then redis.call('HINCRBY', b[1], b[2], cost)\n"
        "  redis.call('PEXPIRE', b[1], b[3] * 2) end\n"
        "if left >= 0 and now < reset then\n"
        "  redis.call('HSET', KEYS[1], 'left', left - cost) end\n"
        "return {1, 0, canary, epoch}\n"};

/* ARGV: status, remaining, reset_ms, retry_ms, canary, hour_ms, minute_ms */
static struct script report_script = {
    .text =
        "local t = redis.call('TIME')\n"
        "local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / "
        "1000)\n"
        "local status = tonumber(ARGV[1])\n"
        "local remaining = tonumber(ARGV[2])\n"
        "local reset = tonumber(ARGV[3])\n"
        "if status == 429 then\n"
        "  local retry = tonumber(ARGV[4])\n"
        "  local tries = redis.call('HINCRBY', KEYS[1], 'tries', 1)\n"
        "  if retry < 0 then\n"
        "    retry = tonumber(ARGV[7])\n"
        "    if remaining == 0 and reset >= 0 then retry = reset\n"
        "    elseif tries > 2 then retry = math.min(tonumber(ARGV[6]), retry "
        "* 2 ^ (tries - 2)) end\n"
        "  end\n"
        "  retry = math.max(50, math.min(retry, tonumber(ARGV[6])))\n"
        "  local b = tonumber(redis.call('HGET', KEYS[1], 'blocked') or "
        "'0')\n"
        "  redis.call('HSET', KEYS[1], 'blocked', math.max(b, now + "
        "math.floor(retry)))\n"
        "  redis.call('HDEL', KEYS[1], 'canary')\n"
        "  redis.call('HINCRBY', KEYS[1], 'epoch', 1)\n"
        "  return 0\n"
        "end\n"
        "if ARGV[5] == '1' then\n"
        "  redis.call('HDEL', KEYS[1], 'blocked', 'canary', 'tries')\n"
        "end\n"
        "if remaining >= 0 then\n"
        "  local left = tonumber(redis.call('HGET', KEYS[1], 'left') or "
        "'-1')\n"
        "  local known = tonumber(redis.call('HGET', KEYS[1], 'reset') or "
        "'0')\n"
        "  local upto = reset >= 0 and now + reset or now + "
        "tonumber(ARGV[6])\n"
        "  if left < 0 or now >= known or remaining < left then\n"
        "    redis.call('HSET', KEYS[1], 'left', remaining, 'reset', "
        "math.floor(upto)) end\n"
        "end\n"
        "return 1\n"};

static struct script back_script = {
    .text = "local t = redis.call('TIME')\n"
            "local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / "
            "1000)\n"
            "local function back(name, len)\n"
            "  local step = math.max(1, math.floor(len / "
            "tonumber(ARGV[4])))\n"
            "  local key = KEYS[1] .. ':' .. name\n"
            "  local slot = math.floor(now / step)\n"
            "  if redis.call('EXISTS', key) == 1 then\n"
            "    redis.call('HINCRBY', key, slot, -tonumber(ARGV[1])) end\n"
            "end\n"
            "back('hour', tonumber(ARGV[2]))\n"
            "back('minute', tonumber(ARGV[3]))\n"
            "return 1\n"};

#define RATE_ARGS 8

struct call {
    char text[RATE_ARGS][32];
    const char *v[RATE_ARGS + 1];
    size_t lens[RATE_ARGS + 1];
    struct dr_buf key;
    int n;
};

static void begin(struct call *c, const struct dr_store *s,
                  const struct dr_rate_opts *o)
{
    dr_buf_init(&c->key, 512);
    dr_store_key(s, &c->key, "rate", o->account);
    c->v[0] = c->key.p;
    c->lens[0] = c->key.n;
    c->n = 1;
}

static void arg(struct call *c, int64_t v)
{
    int at = c->n - 1;

    (void)snprintf(c->text[at], sizeof(c->text[0]), "%lld", (long long)v);
    c->v[c->n] = c->text[at];
    c->lens[c->n] = strlen(c->text[at]);
    c->n++;
}

static redisReply *run(struct dr_store *s, struct script *sc, struct call *c,
                       struct dr_err *err)
{
    redisReply *r = dr_store_eval(s, sc, 1, c->n, c->v, c->lens, err);

    dr_buf_done(&c->key);
    return r;
}

int dr_rate_take(struct dr_store *s, const struct dr_rate_opts *o, int cost,
                 struct dr_rate_grant *out, struct dr_err *err)
{
    struct call c;
    redisReply *r;
    int rc = 0;

    begin(&c, s, o);
    arg(&c, cost);
    arg(&c, o->hour_limit);
    arg(&c, o->hour_ms);
    arg(&c, o->minute_limit);
    arg(&c, o->minute_ms);
    arg(&c, o->reserve);
    arg(&c, BUCKETS);
    r = run(s, &take_script, &c, err);
    if (!r) {
        return -1;
    }
    if (r->type == REDIS_REPLY_ARRAY && r->elements == 4) {
        *out =
            (struct dr_rate_grant){.granted = r->element[0]->integer == 1,
                                   .wait_ms = r->element[1]->integer,
                                   .canary = r->element[2]->integer == 1,
                                   .epoch = (uint64_t)r->element[3]->integer};
    } else {
        rc = dr_err_set(err, DR_RETRY, 0, "redis", "rate: odd answer");
    }
    freeReplyObject(r);
    return rc;
}

int dr_rate_report(struct dr_store *s, const struct dr_rate_opts *o, int status,
                   int64_t limit, int64_t remaining, int64_t reset_ms,
                   int64_t retry_ms, bool canary, struct dr_err *err)
{
    struct call c;
    redisReply *r;

    (void)limit;
    begin(&c, s, o);
    arg(&c, status);
    arg(&c, remaining);
    arg(&c, reset_ms);
    arg(&c, retry_ms);
    arg(&c, canary);
    arg(&c, o->hour_ms);
    arg(&c, o->minute_ms);
    r = run(s, &report_script, &c, err);
    if (!r) {
        return -1;
    }
    freeReplyObject(r);
    return 0;
}

int dr_rate_give_back(struct dr_store *s, const struct dr_rate_opts *o,
                      int cost, struct dr_err *err)
{
    struct call c;
    redisReply *r;

    begin(&c, s, o);
    arg(&c, cost);
    arg(&c, o->hour_ms);
    arg(&c, o->minute_ms);
    arg(&c, BUCKETS);
    r = run(s, &back_script, &c, err);
    if (!r) {
        return -1;
    }
    freeReplyObject(r);
    return 0;
}
