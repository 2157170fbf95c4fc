/*
 * What stands in quarantine: every record that FastTrack cannot give, with
 * its place, the reason and the bytes where there were some; and no other.
 */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#include "extractor.h"

static struct dr_arena *arena;
static struct dr_map *whole;   /* "type:id", "line_item:<line>": its reject */
static struct dr_map *partial; /* "type:id#class:field" */
static struct dr_map *bad;     /* "type:id" that FastTrack cannot give */

static struct dr_str key_of(struct dr_str type, struct dr_str id)
{
    return dr_arena_printf(arena, DR_STR_FMT ":" DR_STR_FMT, DR_STR_ARG(type),
                           DR_STR_ARG(id));
}

static void read_sent(void)
{
    for (size_t i = 0; i < oracle->sent_n; i++) {
        const struct dr_env *env;
        const struct dr_rejected *r;
        struct dr_str key;

        if (sent[i].lost || strcmp(sent[i].topic, "rejected") != 0) {
            continue;
        }
        env = dr_wire_unpack(arena, sent[i].value, NULL);
        if (!env || env->kind != DR_MSG_REJECTED) {
            oracle_fail("a reject cannot be read back", "");
        }
        r = &env->u.rejected;
        key = key_of(r->object, r->part_id.n > 0 ? r->part_id : r->id);
        if (r->partial) {
            key = dr_arena_printf(
                arena, DR_STR_FMT "#" DR_STR_FMT ":" DR_STR_FMT,
                DR_STR_ARG(key), DR_STR_ARG(r->class), DR_STR_ARG(r->field));
        }
        dr_map_put(r->partial ? partial : whole, key, (void *)(uintptr_t)r);
    }
}

/* A reject says where, why, and what one may do; from a part of an export
 * also the bytes as they are. */
static void check_reject(const struct dr_rejected *r, const struct dr_json *of,
                         struct dr_str key)
{
    const struct dr_str part = DR_STR_LIT("part ");
    uint8_t sum[32];
    char hex[65], place[100];

    (void)snprintf(place, sizeof(place), "source." DR_STR_FMT,
                   DR_STR_ARG(r->object));
    if (r->reason.n == 0 || r->cure.n == 0 || r->class.n == 0 ||
        !dr_str_eqz(r->stage, "extract") || !dr_str_eqz(r->topic, place) ||
        r->partition != dr_partition(r->id, PARTS)) {
        oracle_fail("a reject lacks place or reason", key.p);
    }
    if (of && dr_str_starts(r->reason, part)) {
        fired("reject.raw_bytes");
        dr_sha256(r->original, sum);
        dr_hex(sum, sizeof(sum), hex);
        if (!dr_str_eqz(dr_json_get_str(of, "sha256"), hex) &&
            !dr_str_eqz(dr_json_get_str(of, "head_sha256"), hex)) {
            oracle_fail("a reject has other bytes", key.p);
        }
    }
}

static void take_bad(const struct object *o, const struct dr_json *j)
{
    struct dr_str key =
        key_of(dr_str_z(o->name), dr_json_scalar(dr_json_get(j, "id")));
    const struct dr_rejected *r = dr_map_get(whole, key);

    dr_map_put(bad, key, (void *)(uintptr_t)j);
    if (o->readable && !r) {
        oracle_fail("it cannot be read and is not in quarantine", key.p);
    }
    if (o->readable) {
        check_reject(r, j, key);
    }
}

static void read_bad(const struct object *o)
{
    char path[128];
    struct dr_str text;

    if (o->is == OBJECT_EVENTS) {
        return;
    }
    (void)snprintf(path, sizeof(path), "/sim/poison/%s", o->name);
    text = dr_arena_dup(arena, admin("GET", path, (struct dr_str){0}));
    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        const struct dr_json *j = dr_json_parse(arena, line, NULL, NULL);
        if (line.n > 0) {
            take_bad(o, j);
        }
    }
}

/* What the living say of themselves was told field by field. */
static void check_flags(const struct object *o, const struct dr_json *j)
{
    static const char *const flags[] = {"corrupt", "redacted"};

    for (size_t i = 0; i < DR_ARRAY_LEN(flags); i++) {
        const struct dr_json *list = dr_json_get(j, flags[i]);
        list = i == 0 ? dr_json_get(list, "fields") : list;
        DR_JSON_EACH(f, list)
        {
            struct dr_str key =
                key_of(dr_str_z(o->name), dr_json_scalar(dr_json_get(j, "id")));
            struct dr_str told = dr_arena_printf(
                arena, DR_STR_FMT "#%s:" DR_STR_FMT, DR_STR_ARG(key), flags[i],
                DR_STR_ARG(dr_json_str(f)));
            if (!dr_map_has(whole, key) && !dr_map_has(partial, told)) {
                oracle_fail("a damaged field is not told", told.p);
            }
        }
    }
}

static void check_living(const struct object *o)
{
    char path[128];
    struct dr_str text;

    if (o->is == OBJECT_EVENTS || !o->readable) {
        return;
    }
    (void)snprintf(path, sizeof(path), "/sim/records/%s", o->name);
    text = dr_arena_dup(arena, admin("GET", path, (struct dr_str){0}));
    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        if (line.n > 0) {
            check_flags(o, dr_json_parse(arena, line, NULL, NULL));
        }
    }
}

static bool breaks_batches(struct dr_str id)
{
    for (size_t i = 0; i < sim_arg_n; i++) {
        if (strncmp(sim_args[i], "batch_poison=", 13) == 0) {
            return dr_str_eqz(id, sim_args[i] + 13);
        }
    }
    return false;
}

static bool is_readable(struct extractor *ex, struct dr_str type)
{
    const struct object *o = object_find(ex, type);

    return o && o->readable;
}

/* Nobody else is held back. */
static void check_held(struct extractor *ex)
{
    struct dr_str key;
    size_t at = 0;
    void *value;

    while (dr_map_next(ex->unreadable, &at, &key, &value)) {
        struct dr_str rest = key, type = dr_str_split(&rest, ':'), line = rest;
        struct dr_str deal = dr_str_split(&line, '/');
        struct dr_str id = line.p && line.n > 0 ? line : deal;
        bool event = dr_str_eqz(type, "event") &&
                     dr_str_starts(id, DR_STR_LIT("ev_bad_"));
        if (!event && !breaks_batches(id) && is_readable(ex, type) &&
            !dr_map_has(bad, key_of(type, id))) {
            oracle_fail("it is in quarantine and can be read",
                        dr_arena_dupz(arena, key));
        }
    }
}

void quarantine_check(struct extractor *ex)
{
    arena = dr_arena_new((size_t)4 << 30);
    whole = dr_map_new(NULL);
    partial = dr_map_new(NULL);
    bad = dr_map_new(NULL);
    read_sent();
    for (size_t i = 0; i < ex->object_count; i++) {
        read_bad(&ex->objects[i]);
        check_living(&ex->objects[i]);
    }
    check_held(ex);
    dr_map_free(whole);
    dr_map_free(partial);
    dr_map_free(bad);
    dr_arena_free(arena);
}
