/*
 * Changes of the schema in mid-run (contract 4.14), and an activity of a kind
 * that no contract names. Schema and pipelines are text: what changes is
 * spliced in and the whole is read again.
 */
#include <stdio.h>
#include <stdlib.h>

#include <drover/base/time.h>

#include "world.h"

#define LINE_MAX_BYTES ((size_t)64 << 20)

static const struct dr_json *parse(struct world *w, struct dr_str text)
{
    struct dr_json_limits limits = {.max_bytes = LINE_MAX_BYTES};
    struct dr_err err = {0};
    const struct dr_json *j = dr_json_parse(w->arena, text, &limits, &err);

    if (!j) {
        dr_die(DR_EXIT_INVARIANT, "schema", "spliced wrongly: %s", err.text);
    }
    return j;
}

/* `tree` with the bytes from..to replaced. */
static void splice(struct world *w, const struct dr_json **tree,
                   const char *from, const char *to, struct dr_str text)
{
    struct dr_str whole = (*tree)->raw;
    struct dr_buf b;

    dr_buf_init(&b, LINE_MAX_BYTES);
    dr_buf_add(&b, whole.p, (size_t)(from - whole.p));
    dr_buf_str(&b, text);
    dr_buf_add(&b, to, (size_t)(whole.p + whole.n - to));
    *tree = parse(w, dr_arena_dup(w->arena, dr_buf_view(&b)));
    dr_buf_done(&b);
}

static void put_in_place(struct world *w, const struct dr_json **tree,
                         const struct dr_json *node, struct dr_str text)
{
    if (node) {
        splice(w, tree, node->raw.p, node->raw.p + node->raw.n, text);
    }
}

/* A further item of an array, or member of an object ("key":value). */
static void append(struct world *w, const struct dr_json **tree,
                   const struct dr_json *node, struct dr_str text)
{
    if (node) {
        const char *end = node->raw.p + node->raw.n - 1;
        splice(w, tree, end, end,
               dr_arena_printf(w->arena, "%s" DR_STR_FMT,
                               node->count > 0 ? "," : "", DR_STR_ARG(text)));
    }
}

static const struct dr_json *results_of(const struct dr_json *holder)
{
    return dr_json_get(holder, "results");
}

static const struct dr_json *named(const struct dr_json *list, const char *key,
                                   struct dr_str name)
{
    DR_JSON_EACH(j, list)
    {
        if (dr_str_eq(dr_json_get_str(j, key), name)) {
            return j;
        }
    }
    return NULL;
}

const struct dr_json *schema_property(const struct world *w, struct dr_str type,
                                      struct dr_str name)
{
    return named(
        results_of(dr_json_gets(dr_json_get(w->schema, "properties"), type)),
        "name", name);
}

static void newer(struct world *w)
{
    const struct dr_json *v = dr_json_get(w->schema, "schema_version");
    int64_t n;

    if (v && dr_json_i64(v, &n) == 0) {
        put_in_place(w, &w->schema, v,
                     dr_arena_printf(w->arena, "%lld", (long long)n + 1));
    }
}

/* The values move with the name; no version does. */
static void rename_values(struct world *w, struct kind *k, struct dr_str name,
                          struct dr_str quoted)
{
    for (size_t i = 0; k && i < k->n; i++) {
        struct rec *r = &k->v[i];
        const struct dr_json *tree, *v;
        const char *end;
        if (!rec_exists(r) || r->poison) {
            continue;
        }
        tree = parse(w, r->body);
        v = dr_json_gets(dr_json_get(tree, "properties"), name);
        if (!v) {
            continue;
        }
        /* "name" : value, the key right before the value */
        end = v->raw.p;
        while (end > r->body.p && *end != ':') {
            end--;
        }
        while (end > r->body.p && *end != '"') {
            end--;
        }
        splice(w, &tree, end - name.n - 1, end + 1, quoted);
        r->body = tree->raw;
    }
}

static void rename_property(struct world *w, const struct dr_json *c,
                            const struct dr_json *p)
{
    struct dr_str type = dr_json_get_str(c, "type");
    struct dr_str name = dr_json_get_str(c, "property");
    const struct dr_json *to = dr_json_get(c, "new_name");

    put_in_place(w, &w->schema, dr_json_get(p, "name"), to->raw);
    rename_values(w, world_kind(w, type), name, to->raw);
}

static bool is(const struct dr_json *c, const char *change)
{
    return dr_str_eqz(dr_json_get_str(c, "change"), change);
}

static const struct dr_json *pipeline_of(const struct world *w,
                                         const struct dr_json *c)
{
    return named(
        results_of(dr_json_gets(w->pipelines, dr_json_get_str(c, "type"))),
        "id", dr_json_get_str(c, "pipeline"));
}

/* An owner, a pipeline or a property, by "item" and its id or name. */
static const struct dr_json *item_of(const struct world *w,
                                     const struct dr_json *c)
{
    struct dr_str item = dr_json_get_str(c, "item");
    struct dr_str id = dr_json_get_str(c, "id");

    return dr_str_eqz(item, "owner") ? named(results_of(w->owners), "id", id)
           : dr_str_eqz(item, "pipeline")
               ? named(results_of(dr_json_gets(w->pipelines,
                                               dr_json_get_str(c, "type"))),
                       "id", id)
               : schema_property(w, dr_json_get_str(c, "type"), id);
}

static void flag_item(struct world *w, const struct dr_json *c)
{
    struct dr_str item = dr_json_get_str(c, "item");
    const struct dr_json **tree = dr_str_eqz(item, "owner")      ? &w->owners
                                  : dr_str_eqz(item, "pipeline") ? &w->pipelines
                                                                 : &w->schema;
    const struct dr_json *of = item_of(w, c);

    if (!dr_json_get(of, "corrupt")) {
        append(w, tree, of,
               DR_STR_LIT("\"corrupt\":{\"code\":\"encoding\",\"fields\":[]}"));
    }
}

const char *schema_fault(const struct world *w, const struct dr_json *c)
{
    if (is(c, "plan")) {
        return dr_json_get_str(c, "plan").n > 0 ? NULL : "plan is missing";
    }
    if (is(c, "stage_add")) {
        return dr_json_get(c, "stage") && pipeline_of(w, c)
                   ? NULL
                   : "stage_add needs type, a pipeline of it and a stage";
    }
    if (is(c, "item_flag")) {
        return item_of(w, c) ? NULL
                             : "item_flag needs item (owner, pipeline or "
                               "property), the id of one and a type";
    }
    if (!is(c, "option_add") && !is(c, "property_rename") &&
        !is(c, "property_type") && !is(c, "property_add")) {
        return "change is none of option_add, property_add, property_rename, "
               "property_type, stage_add, item_flag, plan";
    }
    if (is(c, "option_add") && !dr_json_get(c, "option")) {
        return "option_add needs its option";
    }
    if (is(c, "property_rename") && dr_json_get_str(c, "new_name").n == 0) {
        return "property_rename needs new_name";
    }
    if (is(c, "property_type") && dr_json_get_str(c, "new_type").n == 0) {
        return "property_type needs new_type";
    }
    if (is(c, "property_add") &&
        dr_json_type(dr_json_get(c, "property")) != DR_JSON_OBJECT) {
        return "property_add needs the property as the schema has it";
    }
    return NULL;
}

void schema_change(struct world *w, const struct dr_json *c)
{
    struct dr_str type = dr_json_get_str(c, "type");
    const struct dr_json *all =
        results_of(dr_json_gets(dr_json_get(w->schema, "properties"), type));
    const struct dr_json *p =
        schema_property(w, type, dr_json_get_str(c, "property"));

    if (is(c, "plan")) { /* "folder": as the folder's account has it */
        struct dr_str plan = dr_json_get_str(c, "plan");
        (void)snprintf(w->plan, sizeof(w->plan), DR_STR_FMT,
                       dr_str_eqz(plan, "folder") ? 0 : (int)plan.n, plan.p);
        return;
    }
    if (is(c, "item_flag")) {
        flag_item(w, c);
        return;
    }
    if (is(c, "stage_add")) {
        append(w, &w->pipelines, dr_json_get(pipeline_of(w, c), "stages"),
               dr_json_get(c, "stage")->raw);
        return;
    }
    if (is(c, "property_add")) {
        append(w, &w->schema, all, dr_json_get(c, "property")->raw);
    } else if (p && is(c, "option_add")) {
        append(w, &w->schema, dr_json_get(p, "options"),
               dr_json_get(c, "option")->raw);
    } else if (p && is(c, "property_type")) {
        put_in_place(w, &w->schema, dr_json_get(p, "data_type"),
                     dr_json_get(c, "new_type")->raw);
    } else if (p && is(c, "property_rename")) {
        rename_property(w, c, p);
    }
    newer(w);
}

/* ---- an activity of a kind that no contract names ---- */

static void letter_schema(struct world *w, struct dr_str type, size_t n)
{
    static const char *const props[][3] = {
        {"subject", "Subject", "string"},
        {"body", "Body", "html"},
        {"started_at", "Started at", "datetime"}};
    struct dr_arena *a = w->arena;
    struct dr_buf b;

    append(w, &w->schema, results_of(dr_json_get(w->schema, "objects")),
           dr_arena_printf(a,
                           "{\"type\":\"%s\",\"label\":\"%s\","
                           "\"label_plural\":\"%ss\",\"custom\":false,"
                           "\"primary_display\":\"subject\",\"required\":[],"
                           "\"record_count\":%zu,\"readable\":true}",
                           type.p, type.p, type.p, n));
    dr_buf_init(&b, 8192);
    dr_buf_printf(&b, "\"%s\":{\"results\":[", type.p);
    for (size_t i = 0; i < DR_ARRAY_LEN(props); i++) {
        dr_buf_printf(&b,
                      "%s{\"name\":\"%s\",\"label\":\"%s\",\"data_type\":"
                      "\"%s\",\"multi\":false,\"required\":false,\"unique\":"
                      "false,\"read_only\":false,\"calculated\":false,"
                      "\"archived\":false,\"options\":[],\"schema_version\":1}",
                      i ? "," : "", props[i][0], props[i][1], props[i][2]);
    }
    dr_buf_z(&b, "]}");
    append(w, &w->schema, dr_json_get(w->schema, "properties"),
           dr_buf_view(&b));
    dr_buf_done(&b);
}

/* A call (or task) as a letter: other type and id, three properties. */
static void letter(struct world *w, struct kind *k, const struct rec *from)
{
    const struct dr_json *j = parse(w, from->body);
    const struct dr_json *p = dr_json_get(j, "properties");
    const struct dr_json *at = dr_json_get(p, "started_at");
    struct dr_json_w out;
    struct dr_buf b;
    struct rec *r;

    at = at ? at : dr_json_get(p, "due_at");
    r = kind_append(k);
    *r = (struct rec){.id = dr_arena_printf(w->arena, "%s_" DR_STR_FMT,
                                            k->name.p, DR_STR_ARG(from->id)),
                      .version = from->version,
                      .updated_ms = from->updated_ms,
                      .archived = from->archived};
    dr_buf_init(&b, LINE_MAX_BYTES);
    dr_json_w_init(&out, &b);
    dr_json_w_obj(&out);
    DR_JSON_EACH(m, j)
    {
        dr_json_w_keys(&out, m->key);
        if (dr_str_eqz(m->key, "type")) {
            dr_json_w_str(&out, k->name);
        } else if (dr_str_eqz(m->key, "id")) {
            dr_json_w_str(&out, r->id);
        } else if (dr_str_eqz(m->key, "properties")) {
            dr_json_w_obj(&out);
            dr_json_w_key(&out, "subject");
            dr_json_w_tree(&out, dr_json_get(p, "subject"));
            dr_json_w_key(&out, "body");
            dr_json_w_tree(&out, dr_json_get(p, "body"));
            dr_json_w_key(&out, "started_at");
            dr_json_w_tree(&out, at);
            dr_json_w_end(&out);
        } else {
            dr_json_w_tree(&out, m);
        }
    }
    dr_json_w_end(&out);
    r->body = dr_arena_dup(w->arena, dr_buf_view(&b));
    dr_buf_done(&b);
}

static void letter_ends(struct world *w, const struct kind *k,
                        struct dr_str model, const char *to)
{
    struct dr_str other = dr_str_z(to);
    const struct pair *of = world_pair(w, model, other);
    struct pair *p;
    size_t skip = k->name.n + 1;

    w->pairs = dr_xrealloc(w->pairs, (w->pair_n + 1) * sizeof(*w->pairs));
    of = world_pair(w, model, other); /* the list may have moved */
    p = &w->pairs[w->pair_n++];
    *p = (struct pair){.from = k->name, .to = other};
    append(w, &w->schema, results_of(dr_json_get(w->schema, "associations")),
           dr_arena_printf(w->arena,
                           "{\"from\":\"%s\",\"to\":\"%s\",\"type_id\":91,"
                           "\"label\":\"About\",\"category\":\"system\","
                           "\"cardinality\":\"many_to_many\","
                           "\"max_per_record\":10000}",
                           k->name.p, to));
    for (size_t i = 0; of && i < k->n; i++) {
        struct dr_str id = {k->v[i].id.p + skip, k->v[i].id.n - skip};
        for (size_t at = pair_from(of, id);
             at < of->n && dr_str_eq(of->v[at].from, id); at++) {
            struct assoc *a = pair_add(p);
            *a = of->v[at];
            a->from = k->v[i].id;
            a->type_id = 91;
        }
    }
    pair_sort(p);
}

/* The knob: "letter" or "letter:20". */
void schema_unknown_activity(struct world *w)
{
    struct dr_str rest = dr_str_z(knob_text(w->knobs, "unknown_activity"));
    struct dr_str name = dr_arena_dup(w->arena, dr_str_split(&rest, ':'));
    struct dr_str model = world_kind(w, DR_STR_LIT("call"))
                              ? DR_STR_LIT("call")
                              : DR_STR_LIT("task");
    struct kind *from, *k;
    uint64_t n = 10;

    if (name.n == 0 || world_kind(w, name)) {
        return;
    }
    if (rest.p && dr_str_u64(rest, &n)) {
        n = 10;
    }
    w->kinds = dr_xrealloc(w->kinds, (w->kind_n + 1) * sizeof(*w->kinds));
    k = &w->kinds[w->kind_n++];
    *k = (struct kind){.name = name};
    from = world_kind(w, model);
    for (size_t i = 0; from && i < from->n && k->n < n; i++) {
        if (rec_exists(&from->v[i]) && !from->v[i].poison) {
            letter(w, k, &from->v[i]);
        }
    }
    kind_sort(k);
    letter_schema(w, name, k->n);
    letter_ends(w, k, model, "contact");
    letter_ends(w, k, model, "deal");
}
