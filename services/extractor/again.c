/*
 * What is read whole again, because the tail cannot have told what became of
 * it: objects that were left behind and may be read now, for associations that
 * change move no stamp and their lane went on; and objects of which a property
 * is gone, by its removal or by another name, which moves no version (contract
 * 4.14). That it is due stands in the object's cursor, and the names of the
 * properties beside it, so that a restart forgets neither.
 */
#include "extractor.h"

#include <drover/base/log.h>

#define NAMES_CURSOR "#properties"
#define TREE_MAX ((size_t)64 << 20)

void read_again(struct extractor *ex, struct object *o)
{
    if (!o->cursor.again) {
        o->cursor.again = true;
        emit_cursor(ex, o);
    }
}

static bool whole(struct extractor *ex, struct object *o)
{
    if (o->is == OBJECT_EVENTS) {
        return true; /* their list was read up to a place, and goes on there */
    }
    if (o->is == OBJECT_LINES) {
        return !object_find(ex, DR_STR_LIT("deal")) ||
               (line_sets(ex, o, DR_ORIGIN_TAIL) && orphan_lines(ex, o));
    }
    return read_whole(ex, o);
}

bool read_due(struct extractor *ex)
{
    for (size_t i = 0; i < ex->object_count; i++) {
        struct object *o = &ex->objects[i];

        if (!o->cursor.again || !o->readable ||
            o->cursor.phase != CURSOR_TAIL) {
            continue;
        }
        dr_log(DR_LOG_INFO, "extractor.read_again", "object=%s", o->name);
        if (!whole(ex, o)) {
            return false;
        }
        emit_flush(ex);
        /* What the token does not see now may show itself, in the version that
         * was sent and by other names. */
        o->cursor.by_content =
            o->cursor.by_content ||
            (o->is != OBJECT_LINES && o->is != OBJECT_EVENTS &&
             emitted_sweep_missing(ex->emitted, object_index(ex, o)) > 0);
        o->cursor.again = false;
        emit_cursor(ex, o);
    }
    return true;
}

/* ---- names of properties ---- */

bool properties_read_back(struct extractor *ex, const struct dr_cursor *c)
{
    if (!dr_str_eqz(c->name, NAMES_CURSOR)) {
        return false;
    }
    dr_buf_reset(&ex->names);
    dr_buf_str(&ex->names, c->json);
    return true;
}

static void save_names(struct extractor *ex, struct dr_str now)
{
    struct dr_env env = {.kind = DR_MSG_CURSOR};

    dr_buf_reset(&ex->names);
    dr_buf_str(&ex->names, now);
    env.u.cursor =
        (struct dr_cursor){.name = DR_STR_LIT(NAMES_CURSOR), .json = now};
    dr_service_send(ex->svc, ex->producer, ex->cursor_topic, 0,
                    DR_STR_LIT(NAMES_CURSOR), &env, NULL, NULL);
    emit_flush(ex);
}

/* {type: [name]}; of a type whose properties could not be read just now, or
 * that is away, as they were. */
static void names_of(const struct dr_json *now, const struct dr_json *was,
                     struct dr_buf *out)
{
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    DR_JSON_EACH(type, now)
    {
        if (type->count == 0) {
            continue;
        }
        dr_json_w_keys(&w, type->key);
        dr_json_w_arr(&w);
        DR_JSON_EACH(p, type)
        {
            dr_json_w_str(&w, dr_json_get_str(p, "name"));
        }
        dr_json_w_end(&w);
    }
    DR_JSON_EACH(type, was)
    {
        const struct dr_json *is = dr_json_gets(now, type->key);
        if (!is || is->count == 0) {
            dr_json_w_keys(&w, type->key);
            dr_json_w_tree(&w, type);
        }
    }
    dr_json_w_end(&w);
}

static bool has_name(const struct dr_json *properties, struct dr_str name)
{
    DR_JSON_EACH(p, properties)
    {
        if (dr_str_eq(dr_json_get_str(p, "name"), name)) {
            return true;
        }
    }
    return false;
}

static void mark_gone(struct extractor *ex, const struct dr_json *now,
                      const struct dr_json *type)
{
    const struct dr_json *is = dr_json_gets(now, type->key);
    struct object *o = object_find(ex, type->key);

    DR_JSON_EACH(name, type)
    {
        if (o && is && is->count > 0 && !has_name(is, dr_json_str(name))) {
            dr_log(DR_LOG_WARN, "extractor.property_gone",
                   "object=%s property=" DR_STR_FMT
                   ": its records are read again",
                   o->name, DR_STR_ARG(dr_json_str(name)));
            read_again(ex, o);
            return;
        }
    }
}

void properties_check(struct extractor *ex, struct dr_str schema)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(TREE_MAX);
    const struct dr_json *now =
        dr_json_get(dr_json_parse(a, schema, NULL, NULL), "properties");
    const struct dr_json *was =
        dr_json_parse(a, dr_buf_view(&ex->names), NULL, NULL);
    struct dr_buf names;

    DR_JSON_EACH(type, was)
    {
        mark_gone(ex, now, type);
    }
    dr_buf_init(&names, NAMES_MAX);
    names_of(now, was, &names);
    if (!names.over &&
        !dr_str_eq(dr_buf_view(&names), dr_buf_view(&ex->names))) {
        save_names(ex, dr_buf_view(&names));
    }
    dr_buf_done(&names);
}
