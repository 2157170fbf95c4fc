/* The plan file: read into maps once, so that applying it only looks up. */
#include "plan_private.h"

#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#define PLAN_MAX ((size_t)8 << 20)
#define PLAN_ARENA ((size_t)256 << 20)

static const char *const transform_names[] = {
    [XF_IGNORE] = "ignore",     [XF_COPY] = "copy",
    [XF_NUMBER] = "number",     [XF_MONEY] = "money",
    [XF_PERCENT] = "percent",   [XF_DATE] = "date",
    [XF_DATETIME] = "datetime", [XF_BOOL] = "bool",
    [XF_OPTION] = "optmap",     [XF_ID] = "id",
    [XF_MULTI] = "multi",       [XF_JOIN] = "join",
    [XF_TAGS] = "tags",         [XF_APPEND] = "append",
    [XF_HTML] = "html_text",    [XF_CONST] = "const",
    [XF_SPECIAL] = "special",
};

/* "special:email" is XF_SPECIAL. Unknown names give -1 as a value no rule
 * may have. */
enum transform transform_of(struct dr_str name)
{
    if (dr_str_starts(name, DR_STR_LIT("special:"))) {
        return XF_SPECIAL;
    }
    for (size_t i = 0; i < XF_SPECIAL; i++) {
        if (dr_str_eqz(name, transform_names[i])) {
            return (enum transform)i;
        }
    }
    return (enum transform)(XF_SPECIAL + 1);
}

struct dr_str map_text(const struct dr_map *m, struct dr_str key)
{
    const struct dr_str *s = m ? dr_map_get(m, key) : NULL;

    return s ? *s : (struct dr_str){NULL, 0};
}

const struct object_plan *plan_object(const struct dr_plan *p,
                                      struct dr_str object)
{
    for (size_t i = 0; i < p->object_n; i++) {
        if (dr_str_eq(p->objects[i].object, object)) {
            return &p->objects[i];
        }
    }
    return NULL;
}

static void put_text(struct dr_plan *p, struct dr_map *m, struct dr_str key,
                     struct dr_str value)
{
    struct dr_str *s = dr_arena_alloc(p->arena, sizeof(*s));

    if (s) {
        *s = value.p ? value : (struct dr_str){"", 0};
        dr_map_put(m, key, s);
    }
}

/* {"a": "x", "b": 12} or ["a", "b"] (values are then empty). */
static struct dr_map *read_map(struct dr_plan *p, const struct dr_json *j)
{
    struct dr_map *m = dr_map_new(NULL);

    DR_JSON_EACH(e, j)
    {
        if (j->type == DR_JSON_ARRAY) {
            put_text(p, m, dr_json_scalar(e), (struct dr_str){NULL, 0});
        } else if (!dr_json_is_null(e)) {
            put_text(p, m, e->key, dr_json_scalar(e));
        }
    }
    return m;
}

static int read_rule(struct dr_plan *p, const struct dr_json *j, struct rule *r,
                     struct dr_err *err)
{
    struct dr_str xf = dr_json_get_str(j, "transform");

    r->id = dr_json_get_str(j, "rule");
    r->source = dr_json_get_str(j, "source");
    r->target = dr_json_get_str(j, "target");
    r->label = dr_json_get_str(j, "label");
    r->reason = dr_json_get_str(j, "reason");
    r->value = dr_json_scalar(dr_json_get(j, "value"));
    r->max = (size_t)dr_json_get_i64(j, "max", 0);
    r->xf = transform_of(xf);
    if (r->xf == XF_SPECIAL) {
        r->special = (struct dr_str){xf.p + 8, xf.n - 8};
    }
    r->values =
        read_map(p, dr_json_get(j, r->xf == XF_APPEND ? "words" : "values"));
    r->seconds = dr_str_eqz(dr_json_get_str(j, "unit"), "s");
    if (r->xf > XF_SPECIAL || r->id.n == 0) {
        return dr_err_set(err, DR_HALT, 0, "plan",
                          "rule \"" DR_STR_FMT "\": transform \"" DR_STR_FMT
                          "\" is not one this version knows",
                          DR_STR_ARG(r->id), DR_STR_ARG(xf));
    }
    return 0;
}

static int read_object(struct dr_plan *p, const struct dr_json *j,
                       struct object_plan *o, struct dr_err *err)
{
    const struct dr_json *fields = dr_json_get(j, "fields");

    o->object = dr_json_get_str(j, "object");
    o->type = dr_json_get_str(j, "target_type");
    o->lane = dr_json_get_str(j, "lane");
    o->rules = dr_arena_calloc(p->arena, (fields ? fields->count : 0) + 1u,
                               sizeof(*o->rules));
    if (!o->rules) {
        return dr_err_set(err, DR_HALT, 0, "plan", "too large");
    }
    o->sources = dr_map_new(NULL);
    DR_JSON_EACH(f, fields)
    {
        struct rule *r = &o->rules[o->n++];
        if (read_rule(p, f, r, err)) {
            return -1;
        }
        if (!dr_map_has(o->sources, r->source)) {
            dr_map_put(o->sources, r->source, r);
        }
    }
    return 0;
}

static int read_objects(struct dr_plan *p, const struct dr_json *root,
                        struct dr_err *err)
{
    const struct dr_json *list = dr_json_get(root, "objects");
    const struct dr_json *scope = dr_json_get(root, "scope");

    p->objects = dr_arena_calloc(p->arena, (list ? list->count : 0) + 1u,
                                 sizeof(*p->objects));
    p->scope = dr_arena_calloc(p->arena, (scope ? scope->count : 0) + 1u,
                               sizeof(*p->scope));
    if (!p->objects || !p->scope) {
        return dr_err_set(err, DR_HALT, 0, "plan", "too large");
    }
    DR_JSON_EACH(s, scope)
    {
        p->scope[p->scope_n++] = dr_json_str(s);
    }
    DR_JSON_EACH(o, list)
    {
        if (read_object(p, o, &p->objects[p->object_n++], err)) {
            return -1;
        }
    }
    return 0;
}

static void pipeline_free(void *v)
{
    dr_map_free(((struct pipeline_plan *)v)->stages);
    dr_map_free(((struct pipeline_plan *)v)->probabilities);
}

static void read_pipelines(struct dr_plan *p, const struct dr_json *list)
{
    p->pipelines = dr_map_new(pipeline_free);
    DR_JSON_EACH(j, list)
    {
        struct pipeline_plan *pp = dr_arena_alloc(p->arena, sizeof(*pp));
        if (pp) {
            pp->target = dr_json_scalar(dr_json_get(j, "target_id"));
            pp->stages = read_map(p, dr_json_get(j, "stages"));
            pp->probabilities = read_map(p, dr_json_get(j, "probabilities"));
            dr_map_put(p->pipelines, dr_json_get_str(j, "source_id"), pp);
        }
    }
}

static enum file_fate file_fate(struct dr_str word, enum file_fate none)
{
    return dr_str_eqz(word, "skip")     ? FILE_SKIP
           : dr_str_eqz(word, "link")   ? FILE_LINK
           : dr_str_eqz(word, "note")   ? FILE_NOTE
           : dr_str_eqz(word, "upload") ? FILE_UPLOAD
                                        : none;
}

static void read_files(struct dr_plan *p, const struct dr_json *j)
{
    struct files_plan *f = &p->files;

    if (dr_str_u64(dr_json_scalar(dr_json_get(j, "max_bytes")),
                   &f->max_bytes) ||
        f->max_bytes > DR_FILE_MAX) {
        f->max_bytes = DR_FILE_MAX;
    }
    if (dr_str_u64(dr_json_scalar(dr_json_get(j, "storage_bytes")),
                   &f->storage_bytes)) {
        f->storage_bytes = 0;
    }
    f->too_large = file_fate(dr_json_get_str(j, "too_large"), FILE_NOTE);
    if (f->too_large == FILE_UPLOAD) { /* no word for these */
        f->too_large = FILE_NOTE;
    }
    f->beyond = file_fate(dr_json_get_str(j, "beyond"), FILE_UPLOAD);
    f->beyond_ids = read_map(p, dr_json_get(j, "beyond_ids"));
    f->reject_broken = dr_str_eqz(dr_json_get_str(j, "broken"), "reject");
    f->source_url = dr_json_get_str(j, "source_url");
    f->names = read_map(p, dr_json_get(j, "names"));
}

static void read_decisions(struct dr_plan *p, const struct dr_json *root)
{
    const struct dr_json *owners = dr_json_get(root, "owners");
    const struct dr_json *merge = dr_json_get(root, "merge");
    const struct dr_json *names = dr_json_get(root, "names");
    const struct dr_json *orphans = dr_json_get(root, "orphans");
    const struct dr_json *lines = dr_json_get(root, "lines");

    read_pipelines(p, dr_json_get(root, "pipelines"));
    p->owners = read_map(p, dr_json_get(owners, "map"));
    p->house_owner = dr_json_scalar(dr_json_get(owners, "house"));
    if (dr_str_eqz(dr_json_get_str(owners, "unresolved"), "fallback")) {
        p->fallback_owner = dr_json_scalar(dr_json_get(owners, "fallback"));
    }
    p->authors = read_map(p, dr_json_get(root, "authors"));
    p->owner_names = read_map(p, dr_json_get(owners, "names"));
    p->currencies = read_map(p, dr_json_get(root, "currencies"));
    p->cut = read_map(p, dr_json_get(dr_json_get(root, "hierarchy"), "cut"));
    p->names = read_map(p, dr_json_get(names, "company"));
    p->merge_company = read_map(p, dr_json_get(merge, "company"));
    p->merge_contact = read_map(p, dr_json_get(merge, "contact"));
    p->without_email =
        read_map(p, dr_json_get(dr_json_get(root, "emails"), "without"));
    p->orphan_name = dr_json_get_str(orphans, "account_name");
    p->orphan_id = dr_json_scalar(dr_json_get(orphans, "account_id"));
    p->keep_activity_html = dr_str_eqz(
        dr_json_get_str(dr_json_get(root, "activities"), "html"), "keep");
    p->keep_note_html =
        dr_str_eqz(dr_json_get_str(dr_json_get(root, "notes"), "html"), "keep");
    p->long_notes = dr_str_eqz(
        dr_json_get_str(dr_json_get(root, "activities"), "long"), "note");
    p->lines_as_deal = dr_str_eqz(dr_json_get_str(lines, "currency"), "deal");
    p->base_currency = dr_json_get_str(lines, "base");
    read_files(p, dr_json_get(root, "files"));
    p->leads = dr_str_eqz(dr_json_get_str(root, "leads"), "lead");
    p->lead_stage = dr_json_scalar(dr_json_get(root, "lead_stage_id"));
    read_fates(p, root);
    p->source_schema_hash = dr_json_get_str(root, "source_schema_hash");
    p->target_schema_hash = dr_json_get_str(root, "target_schema_hash");
}

/* SHA-256 of the canonical bytes of everything but "hash". */
static void own_hash(const struct dr_json *root, uint8_t out[32])
{
    struct dr_json copy = *root;
    struct dr_json *members, *last = NULL;
    struct dr_buf b;
    size_t n = 0;

    members = dr_xcalloc(root->count + 1u, sizeof(*members));
    copy.child = NULL;
    copy.count = 0;
    DR_JSON_EACH(m, root)
    {
        if (dr_str_eqz(m->key, "hash")) {
            continue;
        }
        members[n] = *m;
        members[n].next = NULL;
        if (last) {
            last->next = &members[n];
        } else {
            copy.child = &members[n];
        }
        last = &members[n++];
        copy.count++;
    }
    dr_buf_init(&b, PLAN_MAX * 2);
    dr_json_canonical(&b, &copy);
    dr_sha256(dr_buf_view(&b), out);
    dr_buf_done(&b);
    free(members);
}

static int check_hash(const struct dr_json *root, const uint8_t hash[32],
                      struct dr_err *err)
{
    struct dr_str said = dr_json_get_str(root, "hash");
    char hex[65];

    if (said.n == 0) {
        return 0;
    }
    dr_hex(hash, 32, hex);
    if (said.n != 71 || !dr_str_starts(said, DR_STR_LIT("sha256:")) ||
        memcmp(said.p + 7, hex, 64) != 0) {
        return dr_err_set(err, DR_HALT, 0, "plan",
                          "the file's hash is not that of its contents: it "
                          "was edited after it was made; remove the hash and "
                          "have it approved anew");
    }
    return 0;
}

struct dr_plan *dr_plan_parse(struct dr_str json, struct dr_err *err)
{
    struct dr_json_limits limits = {.max_bytes = PLAN_MAX};
    struct dr_plan *p = dr_xcalloc(1, sizeof(*p));
    const struct dr_json *root;
    struct dr_str text;

    p->arena = dr_arena_new(PLAN_ARENA);
    text = dr_arena_dup(p->arena, json);
    root = dr_json_parse(p->arena, text, &limits, err);
    if (!root) {
        dr_plan_free(p);
        return NULL;
    }
    p->root = root;
    if (!dr_str_eqz(dr_json_get_str(root, "format"), "drover-plan/1")) {
        (void)dr_err_set(err, DR_HALT, 0, "plan",
                         "not a plan of format drover-plan/1");
        dr_plan_free(p);
        return NULL;
    }
    own_hash(root, p->hash);
    if (check_hash(root, p->hash, err) || read_objects(p, root, err)) {
        dr_plan_free(p);
        return NULL;
    }
    read_decisions(p, root);
    return p;
}

void dr_plan_free(struct dr_plan *p)
{
    if (!p) {
        return;
    }
    for (size_t i = 0; i < p->object_n; i++) {
        for (size_t r = 0; r < p->objects[i].n; r++) {
            dr_map_free(p->objects[i].rules[r].values);
        }
        dr_map_free(p->objects[i].sources);
    }
    dr_map_free(p->pipelines);
    dr_map_free(p->owners);
    dr_map_free(p->authors);
    dr_map_free(p->owner_names);
    dr_map_free(p->currencies);
    dr_map_free(p->cut);
    dr_map_free(p->names);
    dr_map_free(p->merge_company);
    dr_map_free(p->merge_contact);
    dr_map_free(p->without_email);
    dr_map_free(p->files.names);
    dr_map_free(p->files.beyond_ids);
    free_fates(p);
    dr_arena_free(p->arena);
    free(p);
}

uint64_t dr_plan_orphan_dst(const struct dr_plan *p)
{
    uint64_t id;

    return p->orphan_id.n > 0 && dr_str_u64(p->orphan_id, &id) == 0 ? id : 0;
}

struct dr_str dr_plan_hash(const struct dr_plan *p)
{
    return (struct dr_str){(const char *)p->hash, 32};
}

bool dr_plan_in_scope(const struct dr_plan *p, struct dr_str object)
{
    for (size_t i = 0; i < p->scope_n; i++) {
        if (dr_str_eq(p->scope[i], object)) {
            return true;
        }
    }
    return false;
}

size_t dr_plan_scope_count(const struct dr_plan *p)
{
    return p->scope_n;
}

struct dr_str dr_plan_scope_at(const struct dr_plan *p, size_t at)
{
    return p->scope[at];
}

size_t dr_plan_lanes_of(const struct dr_plan *p, struct dr_str object,
                        struct dr_str out[4])
{
    const struct object_plan *o = plan_object(p, object);
    size_t n = 0;

    if (o && dr_plan_in_scope(p, object)) {
        out[n++] = o->lane;
        if (dr_str_eqz(object, "company")) {
            out[n++] = DR_STR_LIT("link");
        }
        /* about files that cannot go; texts that an activity cannot hold */
        if (dr_str_eqz(object, "attachment") ||
            (p->long_notes && dr_str_eqz(o->lane, "activity"))) {
            out[n++] = DR_STR_LIT("note");
        }
    }
    return n;
}
