#include "golden_test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#define FILE_MAX ((size_t)1 << 20)

static void must(bool good, const char *what, const char *detail)
{
    if (!good) {
        (void)fprintf(stderr, "%s: %s\n", what, detail);
        exit(1);
    }
}

struct dr_str world_read(struct world *w, const char *path)
{
    char full[512];
    struct dr_str none = {NULL, 0}, out;
    char *text;
    FILE *f;

    (void)snprintf(full, sizeof(full), "%s/%s", GOLDEN_DIR, path);
    f = fopen(full, "re");
    if (!f) {
        return none;
    }
    text = dr_xmalloc(FILE_MAX);
    out = (struct dr_str){text, fread(text, 1, FILE_MAX, f)};
    must(out.n < FILE_MAX, path, "too large");
    (void)fclose(f);
    out = dr_arena_dup(w->a, out);
    free(text);
    return out;
}

static const struct dr_json *parse(struct world *w, const char *path)
{
    struct dr_err err = {0};
    struct dr_str text = world_read(w, path);
    const struct dr_json *j = dr_json_parse(w->a, text, NULL, &err);

    must(j != NULL, path, err.text);
    return j;
}

static enum dr_source_op op_of(struct dr_str s)
{
    return dr_str_eqz(s, "delete") ? DR_SRC_DELETE : DR_SRC_UPSERT;
}

static void links(struct world *w, const struct dr_json *j, struct dr_source *s)
{
    const struct dr_json *list = dr_json_get(j, "associations");
    struct dr_assoc *v =
        dr_arena_calloc(w->a, (list ? list->count : 0) + 1u, sizeof(*v));

    DR_JSON_EACH(e, list)
    {
        v[s->assoc_count++] = (struct dr_assoc){
            .pair = dr_json_get_str(e, "pair"),
            .to_id = dr_json_get_str(e, "to_id"),
            .primary = dr_json_true(dr_json_get(e, "primary"))};
    }
    s->assocs = v;
}

static void parts(struct world *w, const struct dr_json *j, struct dr_source *s)
{
    const struct dr_json *list = dr_json_get(j, "lines");
    struct dr_part *v =
        dr_arena_calloc(w->a, (list ? list->count : 0) + 1u, sizeof(*v));

    DR_JSON_EACH(e, list)
    {
        v[s->part_count++] = (struct dr_part){
            .id = dr_json_get_str(e, "id"), .version = 3, .body = e->raw};
    }
    s->parts = v;
}

/* {"state","partition","first_offset","last_offset","size","sha256" (hex)} */
static void blob(struct world *w, const struct dr_json *j, struct dr_source *s)
{
    const struct dr_json *b = dr_json_get(j, "blob");
    struct dr_str hex = dr_json_get_str(b, "sha256");
    uint8_t *hash = dr_arena_calloc(w->a, 1, 32);

    if (!b) {
        return;
    }
    must(hash && hex.n == 64 && dr_unhex(hex, hash, 32) == 0, "blob", "sha256");
    s->blob = (struct dr_blob){
        .state = (enum dr_blob_state)dr_json_get_i64(b, "state", 0),
        .partition = (int32_t)dr_json_get_i64(b, "partition", 0),
        .first_offset = dr_json_get_i64(b, "first_offset", 0),
        .last_offset = dr_json_get_i64(b, "last_offset", 0),
        .size = (uint64_t)dr_json_get_i64(b, "size", 0),
        .sha256 = {(const char *)hash, 32}};
}

static void add(struct world *w, const char *object, const char *name)
{
    struct golden *g = &w->v[w->n];
    char path[512];
    const struct dr_json *j, *r;

    must(w->n < GOLDEN_MAX, "tests/golden", "more files than GOLDEN_MAX");
    (void)snprintf(path, sizeof(path), "%s/%s", object, name);
    j = parse(w, path);
    r = dr_json_get(j, "record");
    (void)snprintf(g->path, sizeof(g->path), "%.*s",
                   (int)(strlen(path) - strlen(".in.json")), path);
    g->source = (struct dr_source){
        .object = dr_arena_dup(w->a, dr_str_z(object)),
        .id = r ? dr_json_get_str(r, "id") : dr_json_get_str(j, "id"),
        .rev = 7,
        .has_version = true,
        .version = 3,
        .archived = dr_json_true(dr_json_get(r, "archived")),
        .origin = dr_str_eqz(dr_json_get_str(j, "origin"), "tail")
                      ? DR_ORIGIN_TAIL
                      : DR_ORIGIN_SNAPSHOT,
        .op = op_of(dr_json_get_str(j, "op")),
        .body = r                       ? r->raw
                : dr_json_get(j, "set") ? dr_json_get(j, "set")->raw
                                        : (struct dr_str){"", 0}};
    links(w, j, &g->source);
    parts(w, j, &g->source);
    blob(w, j, &g->source);
    w->n++;
}

static void add_folder(struct world *w, const char *object)
{
    char path[512];
    struct dirent **names = NULL;
    int n;

    (void)snprintf(path, sizeof(path), "%s/%s", GOLDEN_DIR, object);
    n = scandir(path, &names, NULL, alphasort);
    must(n > 0, path, "cannot be listed");
    for (int i = 0; i < n; i++) {
        if (dr_str_ends(dr_str_z(names[i]->d_name), DR_STR_LIT(".in.json"))) {
            add(w, object, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
}

/* Every folder is an object of the source, in the order of their names. */
static void add_folders(struct world *w)
{
    struct dirent **names = NULL;
    int n = scandir(GOLDEN_DIR, &names, NULL, alphasort);

    must(n > 0, GOLDEN_DIR, "cannot be listed");
    for (int i = 0; i < n; i++) {
        if (names[i]->d_type == DT_DIR && names[i]->d_name[0] != '.') {
            add_folder(w, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
}

void world_open(struct world *w)
{
    const struct dr_json *j, *src, *dst;

    dr_crypto_init();
    *w = (struct world){.a = dr_arena_new((size_t)256 << 20)};
    j = parse(w, "catalog.json");
    src = dr_json_get(j, "source");
    dst = dr_json_get(j, "target");
    w->existing = dr_json_get(j, "existing");
    w->c =
        (struct dr_catalogs){.src_schema = dr_json_get(src, "schema"),
                             .src_pipelines = dr_json_get(src, "pipelines"),
                             .src_owners = dr_json_get(src, "owners"),
                             .src_currencies = dr_json_get(src, "currencies"),
                             .dst_account = dr_json_get(dst, "account"),
                             .dst_fields = dr_json_get(dst, "fields"),
                             .dst_selectors = dr_json_get(dst, "selectors")};
    w->house_owner = 11;
    add_folders(w);
}

void world_close(struct world *w)
{
    dr_arena_free(w->a);
}

struct dr_profile *world_profile(const struct world *w, size_t first,
                                 size_t step)
{
    struct dr_profile *p = dr_profile_new();
    struct dr_err err = {0};

    for (size_t i = 0; i < w->n; i++) {
        const struct dr_source *s = &w->v[(first + i * step) % w->n].source;
        must(dr_profile_add(p, s, &err) == 0, "profile", err.text);
    }
    DR_JSON_EACH(type, w->existing)
    {
        DR_JSON_EACH(r, type)
        {
            must(dr_profile_add_existing(p, type->key,
                                         (uint64_t)dr_json_get_i64(r, "id", 0),
                                         r->raw, &err) == 0,
                 "existing", err.text);
        }
    }
    return p;
}

void world_propose(const struct world *w, const struct dr_catalogs *c,
                   size_t first, size_t step, struct dr_proposal *out)
{
    struct dr_profile *p = world_profile(w, first, step);
    struct dr_propose_opts o = {.house_owner = w->house_owner};
    struct dr_err err = {0};

    dr_proposal_init(out);
    must(dr_plan_propose(p, c, &o, out, &err) == 0, "propose", err.text);
    dr_profile_free(p);
}

struct dr_plan *world_plan(const struct world *w)
{
    struct dr_err err = {0};
    struct dr_proposal p;
    struct dr_plan *plan;

    world_propose(w, &w->c, 0, 1, &p);
    plan = dr_plan_parse(dr_buf_view(&p.plan), &err);
    must(plan != NULL, "plan", err.text);
    dr_proposal_done(&p);
    return plan;
}
