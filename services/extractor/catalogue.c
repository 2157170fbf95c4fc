/* The source's catalogue: account, schema, pipelines, owners, currencies and
 * the automation inventory, published for the auditor. */
#include "extractor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>

#define CATALOGUE_MAX (4u << 20)

/* GET path; the answer's `key` ("results" mostly) as raw JSON into out. */
static bool get_part(struct extractor *ex, const char *path, const char *key,
                     struct dr_buf *out, bool required)
{
    struct dr_err err = {0};
    struct page page;
    const struct dr_json *part;
    enum api_result r = api_page(&ex->api, path, (struct dr_str){0},
                                 ex->inner_arena, &page, &err);

    if (r == API_STOPPED) {
        return false;
    }
    if (r != API_OK) {
        bool refused = ex->api.status == 403 || ex->api.status == 404;
        if (required && !refused) {
            dr_die(DR_EXIT_FAILURE, "source",
                   "GET %s cannot be read (%d %s): ask FastTrack to repair the "
                   "list and start again",
                   path, ex->api.status, ex->api.code);
        }
        if (required) {
            dr_die(DR_EXIT_REFUSED, "source",
                   "GET %s is refused (%d %s): the token needs the scope "
                   "objects.read",
                   path, ex->api.status, ex->api.code);
        }
        dr_log(DR_LOG_WARN, "extractor.catalogue_refused", "path=%s code=%s",
               path, ex->api.code);
        if (!refused) {
            items_list_bad(ex, path);
        }
        dr_buf_z(out, "[]");
        return true;
    }
    part = key ? dr_json_get(page.root, key) : page.root;
    dr_buf_str(out, part ? part->raw : DR_STR_LIT("[]"));
    return true;
}

static bool publish(struct extractor *ex, const char *name, const char *path,
                    const char *key, bool required)
{
    struct dr_buf b;
    bool going;

    dr_buf_init(&b, CATALOGUE_MAX);
    going = get_part(ex, path, key, &b, required);
    if (going) {
        emit_catalog(ex, "source", name, dr_buf_view(&b));
    }
    if (going && strcmp(name, "owners") == 0) {
        items_check(ex, "owner", "id", dr_buf_view(&b));
    }
    dr_buf_done(&b);
    return going;
}

static void add_object(struct extractor *ex, struct dr_str name, bool readable,
                       uint64_t expected)
{
    struct object *o;

    if (ex->object_count == MAX_OBJECTS || !type_ok(name) ||
        object_find(ex, name)) {
        dr_die(DR_EXIT_REFUSED, "source.schema",
               "more than %d objects, one of them twice, or a type that is "
               "not made of letters, digits, _ and -, at most %d: ask "
               "FastTrack to mend the schema",
               MAX_OBJECTS, CONTRACT_ID_MAX);
    }
    o = &ex->objects[ex->object_count++];
    snprintf(o->name, sizeof(o->name), DR_STR_FMT, DR_STR_ARG(name));
    dr_topic(ex->svc, o->topic, "source", o->name);
    o->is = object_is(name);
    o->limit = CONTRACT_PAGE;
    o->readable = readable;
    ex->probe = ex->probe || !readable; /* who said so? the tail asks */
    o->expected = expected;
    o->written_part =
        dr_xcalloc((size_t)ex->svc->partitions, sizeof(*o->written_part));
}

/* In the order of the snapshot; events last. */
static void list_objects(struct extractor *ex, const struct dr_json *objects)
{
    for (int rank = 0; rank < OBJECT_RANKS; rank++) {
        DR_JSON_EACH(j, objects)
        {
            struct dr_str name = dr_json_get_str(j, "type");
            bool custom = dr_json_true(dr_json_get(j, "custom"));
            const struct dr_json *readable = dr_json_get(j, "readable");
            if (object_rank(name, custom) == rank) {
                add_object(ex, name, !readable || dr_json_true(readable),
                           (uint64_t)dr_json_get_i64(j, "record_count", 0));
            }
        }
    }
    add_object(ex, DR_STR_LIT("event"), true, 0);
}

/* A deal's lines travel as a set, not as ends. */
static void add_pair(struct extractor *ex, struct dr_str from, struct dr_str to)
{
    struct object *o = object_find(ex, from);
    struct pair *p;

    if (!o || !type_ok(to) || o->is == OBJECT_LINES ||
        dr_str_eqz(to, "line_item")) {
        return;
    }
    for (size_t i = 0; i < o->pair_count; i++) {
        if (dr_str_eqz(to, o->pairs[i].to)) {
            return; /* one pair has many labels */
        }
    }
    if (o->pair_count == MAX_PAIRS) {
        dr_die(DR_EXIT_REFUSED, "source.schema",
               "%s is associated with more than %d objects", o->name,
               MAX_PAIRS);
    }
    o->pairs = o->pairs ? o->pairs : dr_xcalloc(MAX_PAIRS, sizeof(*o->pairs));
    p = &o->pairs[o->pair_count++];
    (void)snprintf(p->from, sizeof(p->from), "%s", o->name);
    (void)snprintf(p->to, sizeof(p->to), DR_STR_FMT, DR_STR_ARG(to));
    (void)snprintf(p->name, sizeof(p->name), "%s_%s", p->from, p->to);
}

static void list_pairs(struct extractor *ex, struct dr_str json)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(16 << 20);
    struct dr_err err = {0};
    const struct dr_json *pairs = dr_json_parse(a, json, NULL, &err);

    for (size_t i = 0; i < ex->object_count; i++) {
        ex->objects[i].pair_count = 0;
    }
    DR_JSON_EACH(j, pairs)
    {
        add_pair(ex, dr_json_get_str(j, "from"), dr_json_get_str(j, "to"));
    }
}

static void properties_of(struct extractor *ex, struct dr_json_w *w,
                          struct dr_str type, bool *going)
{
    struct dr_buf b;

    dr_buf_init(&b, CATALOGUE_MAX);
    dr_buf_reset(&ex->path);
    dr_buf_printf(&ex->path,
                  "/v1/schema/objects/" DR_STR_FMT "/properties?archived=any",
                  DR_STR_ARG(type));
    *going = get_part(ex, ex->path.p, "results", &b, false);
    dr_json_w_keys(w, type);
    dr_json_w_raw(w, dr_buf_view(&b));
    if (*going) {
        char what[CONTRACT_ID_MAX + 16];
        (void)snprintf(what, sizeof(what), "property " DR_STR_FMT,
                       DR_STR_ARG(type));
        items_check(ex, what, "name", dr_buf_view(&b));
    }
    dr_buf_done(&b);
}

/* {"objects":[…],"properties":{type:[…]},"associations":[…],"events":[…]} */
static bool read_schema(struct extractor *ex, struct dr_buf *out)
{
    struct dr_arena *held DR_AUTO(dr_arena) = dr_arena_new(16 << 20);
    struct dr_err err = {0};
    struct dr_json_w w;
    struct dr_buf part;
    const struct dr_json *objects;
    bool going;

    dr_buf_init(&part, CATALOGUE_MAX);
    going = get_part(ex, "/v1/schema/objects", "results", &part, true);
    items_check(ex, "object", "type", dr_buf_view(&part));
    objects = dr_json_parse(held, dr_buf_view(&part), NULL, &err);
    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "objects");
    dr_json_w_raw(&w, dr_buf_view(&part));
    dr_json_w_key(&w, "properties");
    dr_json_w_obj(&w);
    DR_JSON_EACH(j, objects)
    {
        if (going) {
            properties_of(ex, &w, dr_json_get_str(j, "type"), &going);
        }
    }
    dr_json_w_end(&w);
    if (going && ex->object_count == 0) {
        list_objects(ex, objects);
    }
    dr_buf_reset(&part);
    going = going &&
            get_part(ex, "/v1/schema/associations", "results", &part, true);
    if (going) {
        items_check(ex, "association", "from", dr_buf_view(&part));
        list_pairs(ex, dr_buf_view(&part));
    }
    dr_json_w_key(&w, "associations");
    dr_json_w_raw(&w, going ? dr_buf_view(&part) : DR_STR_LIT("[]"));
    dr_buf_reset(&part); /* small plans have no types of events: none */
    going = going && get_part(ex, "/v1/schema/events", "results", &part, false);
    dr_json_w_key(&w, "events");
    dr_json_w_raw(&w, going ? dr_buf_view(&part) : DR_STR_LIT("[]"));
    dr_json_w_end(&w);
    dr_buf_done(&part);
    return going;
}

/* {"deal":[…]} */
static bool read_pipelines(struct extractor *ex, struct dr_buf *out)
{
    struct dr_buf rows;
    bool going;

    dr_buf_init(&rows, CATALOGUE_MAX);
    going =
        get_part(ex, "/v1/pipelines/deal?archived=any", "results", &rows, true);
    if (going) {
        items_check(ex, "pipeline", "id", dr_buf_view(&rows));
        dr_buf_printf(out, "{\"deal\":" DR_STR_FMT "}",
                      DR_STR_ARG(dr_buf_view(&rows)));
    }
    dr_buf_done(&rows);
    return going;
}

static bool publish_pipelines(struct extractor *ex)
{
    struct dr_buf b;
    bool going;

    dr_buf_init(&b, CATALOGUE_MAX);
    going = read_pipelines(ex, &b);
    if (going) {
        emit_catalog(ex, "source", "pipelines", dr_buf_view(&b));
    }
    dr_buf_done(&b);
    return going;
}

static bool publish_automation(struct extractor *ex)
{
    static const char *const kinds[][2] = {
        {"workflows", "/v1/automation/workflows"},
        {"sequences", "/v1/automation/sequences"},
        {"email_templates", "/v1/automation/email-templates"},
    };
    struct dr_json_w w;
    struct dr_buf b, part;
    bool going = true;

    dr_buf_init(&b, CATALOGUE_MAX);
    dr_buf_init(&part, CATALOGUE_MAX);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    for (size_t i = 0; going && i < DR_ARRAY_LEN(kinds); i++) {
        dr_buf_reset(&part);
        going = get_part(ex, kinds[i][1], "results", &part, false);
        dr_json_w_key(&w, kinds[i][0]);
        dr_json_w_raw(&w, dr_buf_view(&part));
    }
    dr_json_w_end(&w);
    if (going) {
        emit_catalog(ex, "source", "automation", dr_buf_view(&b));
    }
    dr_buf_done(&part);
    dr_buf_done(&b);
    return going;
}

/* The visibility bound is at least what the source states (contract 3.2). */
static bool read_account(struct extractor *ex)
{
    struct dr_err err = {0};
    struct page page;
    const struct dr_json *caps;
    int64_t lag_s;

    switch (api_page(&ex->api, path_account(), (struct dr_str){0},
                     ex->inner_arena, &page, &err)) {
    case API_OK:
        break;
    case API_STOPPED:
        return false;
    default:
        dr_die(DR_EXIT_REFUSED, "source",
               "GET /v1/account is refused (%d %s): check source.url and the "
               "token's scopes",
               ex->api.status, ex->api.code);
    }
    caps = dr_json_get(page.root, "capabilities");
    ex->bulk_export =
        ex->bulk_wanted && dr_json_true(dr_json_get(caps, "bulk_export"));
    lag_s = dr_json_get_i64(caps, "max_visibility_lag_s", -1);
    if (ex->horizon.lag_ms < 0) {
        ex->horizon.lag_ms =
            (lag_s >= 0 ? lag_s : profile_lag_s(&ex->profile)) * 1000;
    } else if (lag_s >= 0 && ex->horizon.lag_ms < lag_s * 1000) {
        dr_die(DR_EXIT_CONFIG, "tail.lag_s",
               "the source states a visibility lag of %lld s: set tail.lag_s "
               "to at least that",
               (long long)lag_s);
    }
    emit_catalog(ex, "source", "account", page.root->raw);
    return true;
}

static bool read_items(struct extractor *ex, struct dr_buf *schema,
                       struct dr_map **items_out)
{
    struct dr_buf pipelines;
    bool going;

    items_anew(ex); /* what was mended is damaged no more */
    dr_buf_init(&pipelines, CATALOGUE_MAX);
    going = read_schema(ex, schema) && read_pipelines(ex, &pipelines);
    *items_out = going
                     ? drift_items(dr_buf_view(schema), dr_buf_view(&pipelines))
                     : NULL;
    dr_buf_done(&pipelines);
    return going;
}

bool read_catalogue(struct extractor *ex)
{
    if (!read_account(ex)) {
        return false;
    }
    dr_buf_init(&ex->schema, CATALOGUE_MAX);
    if (!read_items(ex, &ex->schema, &ex->schema_items)) {
        return false;
    }
    emit_catalog(ex, "source", "schema", dr_buf_view(&ex->schema));
    return publish_pipelines(ex) &&
           publish(ex, "owners", "/v1/owners?archived=any", "results", true) &&
           publish(ex, "currencies", "/v1/currencies", "results", false) &&
           publish_automation(ex);
}

bool recheck_schema(struct extractor *ex)
{
    struct dr_map *now = NULL;
    struct dr_buf schema;
    bool going, had = ex->schema_drift;

    dr_buf_init(&schema, CATALOGUE_MAX);
    going = read_items(ex, &schema, &now);
    if (going) {
        properties_check(ex, dr_buf_view(&schema));
        dr_buf_reset(&ex->drift);
        ex->schema_drift = drift_between(ex->schema_items, now, &ex->drift) > 0;
        if (ex->schema_drift != had) {
            dr_log(DR_LOG_WARN, "extractor.schema_drift",
                   "the schema is not what it was at the start: see the "
                   "status' drift");
        }
        if (ex->schema_drift || had) { /* or it is as it was again */
            emit_catalog(ex, "source", "schema", dr_buf_view(&schema));
            going = publish_pipelines(ex);
        }
    }
    (void)items_ask(ex);
    dr_map_free(now);
    dr_buf_done(&schema);
    return going;
}
