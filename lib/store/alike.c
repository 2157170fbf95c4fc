/*
 * Ids that a target may take for one. Who writes a record under such an id
 * says so before, once for ever: whoever comes second sees the first, and the
 * first sees that there are others. Part of the view, and lost with it.
 */
#include "store_private.h"

#include <string.h>

#include <drover/base/arena.h>

#define GROUP 500
/* Keys are ids of the source, 1 KiB at most, and their prefix. */
#define TEXT_MAX ((size_t)GROUP * 4096)

/* KEYS: 1 the view's token, 2.. the names under which ids are alike. ARGV: 1
 * the token we know, 2.. the ids. A value is the id that was first, and once
 * there was another "*<length of the first>:<the first><another>". All join
 * before any is answered: "" alone, "F<another>" first, "L<the first>". */
static struct script alike_script = {
    .text = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -2 end\n"
            "for i = 2, #KEYS do\n"
            "  local v = redis.call('GET', KEYS[i])\n"
            "  if not v then redis.call('SET', KEYS[i], ARGV[i])\n"
            "  elseif v ~= ARGV[i] and v:sub(1, 1) ~= '*' then\n"
            "    redis.call('SET', KEYS[i],\n"
            "               '*' .. #v .. ':' .. v .. ARGV[i]) end\n"
            "end\n"
            "local out = {}\n"
            "for i = 2, #KEYS do\n"
            "  local v = redis.call('GET', KEYS[i])\n"
            "  local n, both = v:match('^%*(%d+):(.*)$')\n"
            "  if not n then out[i - 1] = ''\n"
            "  elseif both:sub(1, tonumber(n)) == ARGV[i] then\n"
            "    out[i - 1] = 'F' .. both:sub(tonumber(n) + 1)\n"
            "  else out[i - 1] = 'L' .. both:sub(1, tonumber(n)) end\n"
            "end\n"
            "return out\n"};

static void read_one(const redisReply *e, struct dr_arena *a,
                     struct dr_alike *out)
{
    struct dr_str v = {e->str, (size_t)e->len};

    *out = (struct dr_alike){.is = DR_ALIKE_ALONE};
    if (e->type == REDIS_REPLY_STRING && v.n > 0) {
        out->is = v.p[0] == 'F' ? DR_ALIKE_FIRST : DR_ALIKE_LATER;
        out->other = dr_arena_dup(a, (struct dr_str){v.p + 1, v.n - 1});
    }
}

static int group(struct dr_store *s, const char *lane,
                 const struct dr_str *folded, const struct dr_str *ids,
                 size_t n, struct dr_arena *a, struct dr_alike *out,
                 struct dr_err *err)
{
    const char *v[2 * GROUP + 2];
    size_t lens[2 * GROUP + 2], at[GROUP];
    struct dr_buf text;
    redisReply *r;
    int rc = 0;

    dr_buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < n; i++) {
        at[i] = text.n;
        dr_store_key(s, &text, "alike", lane);
        dr_buf_ch(&text, ':');
        dr_buf_str(&text, folded[i]);
    }
    DR_ASSERT(!text.over);
    v[0] = s->view_key;
    lens[0] = strlen(s->view_key);
    v[n + 1] = s->token;
    lens[n + 1] = strlen(s->token);
    for (size_t i = 0; i < n; i++) {
        v[i + 1] = text.p + at[i];
        lens[i + 1] = (i + 1 < n ? at[i + 1] : text.n) - at[i];
        v[n + 2 + i] = ids[i].p;
        lens[n + 2 + i] = ids[i].n;
    }
    r = dr_store_eval(s, &alike_script, (int)n + 1, 2 * (int)n + 2, v, lens,
                      err);
    dr_buf_done(&text);
    if (!r) {
        return -1;
    }
    if (r->type == REDIS_REPLY_INTEGER) {
        rc = dr_store_view_lost(s, err);
    } else if (r->type != REDIS_REPLY_ARRAY || r->elements != n) {
        rc = dr_err_set(err, DR_RETRY, 0, "redis", "alike: odd answer");
    }
    for (size_t i = 0; rc == 0 && i < n && out; i++) {
        read_one(r->element[i], a, &out[i]);
    }
    freeReplyObject(r);
    return rc;
}

int dr_store_alike(struct dr_store *s, const char *lane,
                   const struct dr_str *folded, const struct dr_str *ids,
                   size_t n, struct dr_arena *a, struct dr_alike *out,
                   struct dr_err *err)
{
    while (n > 0) {
        size_t now = n < GROUP ? n : GROUP;
        if (group(s, lane, folded, ids, now, a, out, err)) {
            return -1;
        }
        folded += now;
        ids += now;
        out = out ? out + now : NULL;
        n -= now;
    }
    return 0;
}
