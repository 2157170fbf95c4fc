/*
 * The id map: what the ledger says of a key, as one string
 * "state|dst|rev|pass|origin|offset|hash|type|fields|keep". One script applies
 * the facts of a partition and moves its offset; a fact that is older than the
 * stored one is ignored, so reading the ledger again is harmless.
 */
#include "store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>

#include "apply_lua.h"

#define GROUP 500 /* facts a script call */
/* A group's keys and values; keys are ids of the source, 1 KiB at most. */
#define TEXT_MAX ((size_t)GROUP * (2048 + 2 * DR_FACT_FIELDS))

static struct script apply_script = {.text = apply_lua};

static void part_key(const struct dr_store *s, struct dr_buf *b,
                     const char *lane, int32_t partition)
{
    dr_store_key(s, b, "part", lane);
    dr_buf_printf(b, ":%d", (int)partition);
}

static void fact_key(const struct dr_store *s, struct dr_buf *b,
                     struct dr_str lane, struct dr_str key)
{
    dr_buf_z(b, s->prefix);
    dr_buf_z(b, "fact:");
    dr_buf_str(b, lane);
    dr_buf_ch(b, ':');
    dr_buf_str(b, key);
}

static void hex(struct dr_buf *b, const uint8_t *v, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        dr_buf_ch(b, digits[v[i] >> 4]);
        dr_buf_ch(b, digits[v[i] & 15]);
    }
}

static void fact_text(const struct dr_fact *f, struct dr_buf *b)
{
    dr_buf_printf(b, "%d|%" PRIu64 "|%" PRIu64 "|%u|%u|%" PRId64 "|",
                  (int)f->state, f->dst, f->rev, (unsigned)f->pass,
                  (unsigned)f->origin, f->offset);
    hex(b, f->content_hash, sizeof(f->content_hash));
    dr_buf_printf(b, "|%s|", f->type);
    hex(b, f->fields, f->fields_n);
    /* The amount is a CRM's text: last, whatever it holds. */
    dr_buf_printf(b, "|%d|%u|%s|%s", f->unknown, (unsigned)f->made, f->place,
                  f->amount);
}

struct args {
    struct dr_buf text;
    size_t at[2 * GROUP + 8], n;
};

static void args_begin(struct args *a)
{
    a->at[a->n++] = a->text.n;
}

static redisReply *run_script(struct dr_store *s, struct args *a, int keys,
                              struct dr_err *err)
{
    const char *v[2 * GROUP + 8];
    size_t lens[2 * GROUP + 8];

    for (size_t i = 0; i < a->n; i++) {
        size_t end = i + 1 < a->n ? a->at[i + 1] : a->text.n;
        v[i] = a->text.p + a->at[i];
        lens[i] = end - a->at[i];
    }
    return dr_store_eval(s, &apply_script, keys, (int)a->n, v, lens, err);
}

static int apply_group(struct dr_store *s, const char *lane, int32_t partition,
                       uint64_t epoch, const struct dr_str *keys,
                       const struct dr_fact *facts, size_t n, int64_t applied,
                       const int64_t *oldest, struct dr_err *err)
{
    struct args *a = dr_xcalloc(1, sizeof(*a));
    redisReply *r;
    int rc = -1;

    dr_buf_init(&a->text, TEXT_MAX);
    args_begin(a);
    part_key(s, &a->text, lane, partition);
    args_begin(a);
    dr_buf_z(&a->text, s->view_key);
    for (size_t i = 0; i < n; i++) {
        args_begin(a);
        fact_key(s, &a->text, dr_str_z(lane), keys[i]);
    }
    args_begin(a);
    dr_buf_u64(&a->text, epoch);
    args_begin(a);
    dr_buf_i64(&a->text, applied);
    args_begin(a);
    if (oldest) {
        dr_buf_i64(&a->text, *oldest);
    }
    args_begin(a);
    dr_buf_z(&a->text, s->token);
    for (size_t i = 0; i < n; i++) {
        args_begin(a);
        fact_text(&facts[i], &a->text);
    }
    DR_ASSERT(!a->text.over);
    r = run_script(s, a, (int)n + 2, err);
    if (r && r->type == REDIS_REPLY_INTEGER && r->integer == 1) {
        rc = 0;
    } else if (r && r->type == REDIS_REPLY_INTEGER && r->integer == -2) {
        rc = dr_store_view_lost(s, err);
    } else if (r) {
        rc = dr_err_set(err, DR_HALT, 0, "redis",
                        "%s/%d: a newer owner has the partition", lane,
                        (int)partition);
    }
    if (r) {
        freeReplyObject(r);
    }
    dr_buf_done(&a->text);
    free(a);
    return rc;
}

/* A partition whose position was read in this incarnation of the view, or
 * that was never worked on: only there may facts be added. After the view was
 * lost, adding the newest would hide that the older ones are missing. */
static int check_known(struct dr_store *s, const char *lane, int32_t partition,
                       bool position_read, struct dr_err *err)
{
    uintptr_t now = (uintptr_t)s->incarnation, had;
    struct dr_buf key;
    int rc = 0;

    dr_buf_init(&key, 512);
    part_key(s, &key, lane, partition);
    had = (uintptr_t)dr_map_get(s->parts, dr_buf_view(&key));
    if (position_read || had == 0) {
        dr_map_put(s->parts, dr_buf_view(&key), (void *)now);
    } else if (had != now) {
        rc = dr_err_set(err, DR_RETRY, 0, "redis",
                        "%s/%d: the view was lost: its position is to be read "
                        "first",
                        lane, (int)partition);
    }
    dr_buf_done(&key);
    return rc;
}

static int apply_all(struct dr_store *s, const char *lane, int32_t partition,
                     uint64_t epoch, const struct dr_str *keys,
                     const struct dr_fact *facts, size_t n, int64_t applied,
                     const int64_t *oldest, struct dr_err *err)
{
    if (check_known(s, lane, partition, false, err)) {
        return -1;
    }
    for (; n > GROUP; keys += GROUP, facts += GROUP, n -= GROUP) {
        /* The offset moves with the last group only. */
        if (apply_group(s, lane, partition, epoch, keys, facts, GROUP, -1, NULL,
                        err)) {
            return -1;
        }
    }
    return apply_group(s, lane, partition, epoch, keys, facts, n, applied,
                       oldest, err);
}

int dr_store_apply(struct dr_store *s, const char *lane, int32_t partition,
                   uint64_t epoch, const struct dr_str *keys,
                   const struct dr_fact *facts, size_t n, int64_t applied,
                   struct dr_err *err)
{
    return apply_all(s, lane, partition, epoch, keys, facts, n, applied, NULL,
                     err);
}

int dr_store_move(struct dr_store *s, const char *lane, int32_t partition,
                  uint64_t epoch, const struct dr_str *keys,
                  const struct dr_fact *facts, size_t n, int64_t applied,
                  int64_t oldest, struct dr_err *err)
{
    return apply_all(s, lane, partition, epoch, keys, facts, n, applied,
                     &oldest, err);
}

static int64_t number_at(const redisReply *r, size_t i)
{
    int64_t v = -1;

    if (r->type != REDIS_REPLY_ARRAY || i >= r->elements ||
        r->element[i]->type != REDIS_REPLY_STRING ||
        dr_str_i64(
            (struct dr_str){r->element[i]->str, (size_t)r->element[i]->len},
            &v)) {
        return -1;
    }
    return v;
}

int dr_store_position(struct dr_store *s, const char *lane, int32_t partition,
                      struct dr_position *out, struct dr_err *err)
{
    const char *args[5] = {"HMGET", NULL, "applied", "oldest", "epoch"};
    size_t lens[5];
    struct dr_buf key;
    redisReply *r;
    int64_t epoch;

    dr_buf_init(&key, 512);
    part_key(s, &key, lane, partition);
    args[1] = key.p;
    for (int i = 0; i < 5; i++) {
        lens[i] = strlen(args[i]);
    }
    r = dr_store_command(s, 5, args, lens, err);
    dr_buf_done(&key);
    if (!r) {
        return -1;
    }
    epoch = number_at(r, 2);
    *out = (struct dr_position){.applied = number_at(r, 0),
                                .oldest = number_at(r, 1),
                                .epoch = epoch > 0 ? (uint64_t)epoch : 0};
    freeReplyObject(r);
    return check_known(s, lane, partition, true, err);
}

static int get_number(struct dr_store *s, const char *lane, int32_t partition,
                      const char *field, int64_t *out, struct dr_err *err)
{
    const char *args[3];
    size_t lens[3];
    struct dr_buf key;
    redisReply *r;

    dr_buf_init(&key, 512);
    part_key(s, &key, lane, partition);
    args[0] = "HGET";
    args[1] = key.p;
    args[2] = field;
    for (int i = 0; i < 3; i++) {
        lens[i] = strlen(args[i]);
    }
    r = dr_store_command(s, 3, args, lens, err);
    dr_buf_done(&key);
    if (!r) {
        return -1;
    }
    *out = -1;
    if (r->type == REDIS_REPLY_STRING &&
        dr_str_i64((struct dr_str){r->str, (size_t)r->len}, out)) {
        *out = -1;
    }
    freeReplyObject(r);
    return 0;
}

int dr_store_applied(struct dr_store *s, const char *lane, int32_t partition,
                     int64_t *applied_out, struct dr_err *err)
{
    return get_number(s, lane, partition, "applied", applied_out, err) ||
                   check_known(s, lane, partition, true, err)
               ? -1
               : 0;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static void unhex(struct dr_str text, uint8_t *out)
{
    for (size_t i = 0; i < text.n / 2; i++) {
        out[i] = (uint8_t)(hex_value(text.p[2 * i]) * 16 +
                           hex_value(text.p[2 * i + 1]));
    }
}

/* A text we wrote ourselves; anything else counts as absent. */
static void parse_fact(struct dr_str text, struct dr_fact *out)
{
    struct dr_fact f = {0};
    int64_t state;
    uint64_t pass, origin, made;
    struct dr_str hash, type, fields, unknown, place;

    *out = (struct dr_fact){0};
    if (dr_str_i64(dr_str_split(&text, '|'), &state) ||
        dr_str_u64(dr_str_split(&text, '|'), &f.dst) ||
        dr_str_u64(dr_str_split(&text, '|'), &f.rev) ||
        dr_str_u64(dr_str_split(&text, '|'), &pass) ||
        dr_str_u64(dr_str_split(&text, '|'), &origin) ||
        dr_str_i64(dr_str_split(&text, '|'), &f.offset)) {
        return;
    }
    hash = dr_str_split(&text, '|');
    type = dr_str_split(&text, '|');
    fields = dr_str_split(&text, '|');
    unknown = dr_str_split(&text, '|');
    if (dr_str_u64(dr_str_split(&text, '|'), &made)) {
        return;
    }
    place = dr_str_split(&text, '|');
    if (hash.n != 64 || type.n >= sizeof(f.type) || fields.n % 2 != 0 ||
        fields.n > sizeof(f.fields) * 2 || !text.p ||
        place.n >= sizeof(f.place) || text.n >= sizeof(f.amount)) {
        return;
    }
    unhex(hash, f.content_hash);
    unhex(fields, f.fields);
    f.fields_n = (uint16_t)(fields.n / 2);
    if (type.n > 0) {
        memcpy(f.type, type.p, type.n);
    }
    if (place.n > 0) {
        memcpy(f.place, place.p, place.n);
    }
    if (text.n > 0) {
        memcpy(f.amount, text.p, text.n);
    }
    f.unknown = dr_str_eqz(unknown, "1");
    f.state = (enum dr_fact_state)state;
    f.pass = (uint32_t)pass;
    f.origin = (uint32_t)origin;
    f.made = (uint32_t)made;
    *out = f;
}

static int facts_group(struct dr_store *s, const struct dr_str *lanes,
                       const struct dr_str *keys, size_t n, struct dr_fact *out,
                       struct dr_err *err)
{
    const char *v[GROUP + 2];
    size_t lens[GROUP + 2], at[GROUP + 1];
    struct dr_buf text;
    redisReply *r;
    int rc = 0;

    dr_buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < n; i++) {
        at[i] = text.n;
        fact_key(s, &text, lanes[i], keys[i]);
    }
    at[n] = text.n;
    DR_ASSERT(!text.over);
    v[0] = "MGET";
    lens[0] = 4;
    v[1] = s->view_key;
    lens[1] = strlen(s->view_key);
    for (size_t i = 0; i < n; i++) {
        v[i + 2] = text.p + at[i];
        lens[i + 2] = at[i + 1] - at[i];
    }
    r = dr_store_command(s, (int)n + 2, v, lens, err);
    dr_buf_done(&text);
    if (!r) {
        return -1;
    }
    if (r->type != REDIS_REPLY_ARRAY || r->elements != n + 1) {
        rc = dr_err_set(err, DR_RETRY, 0, "redis", "MGET: odd answer");
    } else if (!dr_store_is_token(s, r->element[0])) {
        rc = dr_store_view_lost(s, err);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const redisReply *e = r->element[i + 1];
        out[i] = (struct dr_fact){0};
        if (e->type == REDIS_REPLY_STRING) {
            parse_fact((struct dr_str){e->str, (size_t)e->len}, &out[i]);
        }
    }
    freeReplyObject(r);
    return rc;
}

int dr_store_facts(struct dr_store *s, const struct dr_str *lanes,
                   const struct dr_str *keys, size_t n, struct dr_fact *out,
                   struct dr_err *err)
{
    while (n > 0) {
        size_t now = n < GROUP ? n : GROUP;
        if (facts_group(s, lanes, keys, now, out, err)) {
            return -1;
        }
        lanes += now;
        keys += now;
        out += now;
        n -= now;
    }
    return 0;
}
