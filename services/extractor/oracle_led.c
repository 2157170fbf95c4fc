/* What was merged, by FastTrack's own word, against the aliases that records
 * were sent with: each id that a record names and that became another record
 * needs one, and no other id has one. */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

#include "extractor.h"

/* Longer than any chain of a seed. */
#define CHAIN_MAX 1000

static struct dr_arena *arena;
static struct dr_map *there; /* "type:id" of what can be read, or cannot */
static struct dr_map *gone;  /* "type:id" -> struct dr_json, its line */
static struct dr_map *once;  /* "type:id" that a tombstone called merged */

static struct dr_str key_of(struct dr_str type, struct dr_str id)
{
    return dr_arena_printf(arena, DR_STR_FMT ":" DR_STR_FMT, DR_STR_ARG(type),
                           DR_STR_ARG(id));
}

static void read_lines(const char *path, const char *type, struct dr_map *into)
{
    struct dr_str text =
        dr_arena_dup(arena, admin("GET", path, (struct dr_str){0}));

    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        const struct dr_json *j =
            line.n > 0 ? dr_json_parse(arena, line, NULL, NULL) : NULL;
        if (j) {
            dr_map_put(
                into,
                key_of(dr_str_z(type), dr_json_scalar(dr_json_get(j, "id"))),
                (void *)(uintptr_t)j);
        }
    }
}

static void read_truth(struct extractor *ex)
{
    struct dr_str key;
    size_t at = 0;
    void *value;

    for (size_t i = 0; i < ex->object_count; i++) {
        const struct object *o = &ex->objects[i];
        char path[128];
        if (o->is == OBJECT_EVENTS || o->is == OBJECT_LINES) {
            continue; /* nothing names them */
        }
        (void)snprintf(path, sizeof(path), "/sim/records/%s", o->name);
        read_lines(path, o->name, there);
        (void)snprintf(path, sizeof(path), "/sim/deleted/%s", o->name);
        read_lines(path, o->name, gone);
    }
    while (dr_map_next(ex->unreadable, &at, &key, &value)) {
        if (!dr_map_has(gone, key)) {
            dr_map_put(there, key, ex);
        }
    }
}

static void read_tombstones(void)
{
    for (size_t i = 0; i < oracle->sent_n; i++) {
        const struct dr_env *env =
            sent[i].lost ? NULL : dr_wire_unpack(arena, sent[i].value, NULL);
        if (env && env->kind == DR_MSG_SOURCE &&
            env->u.source.op == DR_SRC_MERGE) {
            dr_map_put(once, key_of(env->u.source.object, env->u.source.id),
                       oracle);
        }
    }
}

/* Where an id leads: empty, nowhere. False: FastTrack said so once, and has
 * deleted or purged what is left of it since. */
static bool leads_to(struct dr_str type, struct dr_str id, struct dr_str *out)
{
    *out = (struct dr_str){"", 0};
    for (int i = 0; i < CHAIN_MAX; i++) {
        struct dr_str key = key_of(type, id);
        const struct dr_json *line = dr_map_get(gone, key);

        if (dr_map_has(there, key)) {
            *out = i > 0 ? id : *out;
            return true;
        }
        if (!dr_str_eqz(dr_json_get_str(line, "op"), "merge") &&
            dr_map_has(once, key)) {
            return false;
        }
        if (!dr_str_eqz(dr_json_get_str(line, "op"), "merge")) {
            return true;
        }
        id = dr_json_get_str(line, "merged_into");
    }
    return true;
}

static struct dr_str alias_of(const struct dr_source *s, struct dr_str type,
                              struct dr_str id)
{
    for (size_t i = 0; i < s->alias_count; i++) {
        if (dr_str_eq(s->aliases[i].type, type) &&
            dr_str_eq(s->aliases[i].id, id)) {
            return s->aliases[i].into;
        }
    }
    return (struct dr_str){"", 0};
}

static void check_ref(struct extractor *ex, const struct dr_source *s,
                      struct dr_str type, struct dr_str id)
{
    const struct object *o = object_find(ex, type);
    struct dr_str want, got = alias_of(s, type, id);

    if (id.n == 0 || !o || !o->readable || o->is == OBJECT_LINES ||
        o->is == OBJECT_EVENTS || !leads_to(type, id, &want)) {
        return;
    }
    if (!dr_str_eq(want, got)) {
        (void)fprintf(stderr,
                      DR_STR_FMT ":" DR_STR_FMT " leads to \"" DR_STR_FMT
                                 "\", its alias is \"" DR_STR_FMT "\"\n",
                      DR_STR_ARG(type), DR_STR_ARG(id), DR_STR_ARG(want),
                      DR_STR_ARG(got));
        oracle_fail("it names what was merged", key_of(s->object, s->id).p);
    }
    if (want.n > 0) {
        fired("merge.named");
    }
}

static void check_property(struct extractor *ex, const struct dr_source *s,
                           struct dr_str body, const char *name,
                           const char *type)
{
    const struct dr_json *j = dr_json_parse(arena, body, NULL, NULL);

    check_ref(ex, s, dr_str_z(type),
              dr_json_scalar(dr_json_get(dr_json_get(j, "properties"), name)));
}

static void check_one(struct extractor *ex, const struct dr_source *s)
{
    for (size_t i = 0; i < s->assoc_count; i++) {
        size_t skip = s->object.n + 1;
        struct dr_str pair = s->assocs[i].pair;
        check_ref(ex, s, (struct dr_str){pair.p + skip, pair.n - skip},
                  s->assocs[i].to_id);
    }
    for (size_t i = 0; i < s->part_count; i++) {
        check_property(ex, s, s->parts[i].body, "product_id", "product");
    }
    if (dr_str_eqz(s->object, "company")) {
        check_property(ex, s, s->body, "parent_company_id", "company");
    } else if (dr_str_eqz(s->object, "event")) {
        const struct dr_json *j = dr_json_parse(arena, s->body, NULL, NULL);
        check_ref(ex, s, DR_STR_LIT("contact"),
                  dr_json_scalar(dr_json_get(j, "contact_id")));
    }
}

void led_check(struct extractor *ex, const struct dr_map *newest)
{
    struct dr_str key;
    size_t at = 0;
    void *value;

    arena = dr_arena_new((size_t)4 << 30);
    there = dr_map_new(NULL);
    gone = dr_map_new(NULL);
    once = dr_map_new(NULL);
    read_truth(ex);
    read_tombstones();
    while (dr_map_next(newest, &at, &key, &value)) {
        const struct dr_source *s = value;
        if (s->op == DR_SRC_UPSERT && !dr_map_has(ex->unreadable, key)) {
            check_one(ex, s);
        }
    }
    dr_map_free(there);
    dr_map_free(gone);
    dr_map_free(once);
    dr_arena_free(arena);
}
