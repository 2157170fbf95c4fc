/* Reads a data set: catalogues, links and records. */
#include "data_world.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_MAX ((size_t)256 << 20)
#define RECORD_ARENA ((size_t)64 << 20)

/* ---- files ---- */

static bool shared(char out[400], const char *rest)
{
    const char *dir = getenv("DR_SHARED");

    (void)snprintf(out, 400, "%s/data/%s",
                   dir ? dir : DR_SOURCE_DIR "/../shared", rest);
    return access(out, R_OK) == 0;
}

/* Packed files are unpacked by gzip, beside us. */
static struct dr_str read_file(struct set *s, const char *path)
{
    bool packed = dr_str_ends(dr_str_z(path), DR_STR_LIT(".gz"));
    struct dr_buf all;
    struct dr_str out;
    char chunk[65536];
    int ends[2], status = 0;
    ssize_t n;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execlp(packed ? "gzip" : "cat", packed ? "gzip" : "cat",
                     packed ? "-dc" : "--", path, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    dr_buf_init(&all, FILE_MAX);
    while ((n = read(ends[0], chunk, sizeof(chunk))) > 0) {
        dr_buf_add(&all, chunk, (size_t)n);
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0 && !all.over);
    out = dr_arena_dup(s->a, dr_buf_view(&all));
    assert_non_null(out.p);
    dr_buf_done(&all);
    return out;
}

static const struct dr_json *parse(struct set *s, struct dr_str text)
{
    struct dr_json_limits limits = {.max_bytes = FILE_MAX};
    struct dr_err err = {0};
    const struct dr_json *j = dr_json_parse(s->a, text, &limits, &err);

    if (!j) {
        fail_msg("%s: %s", s->dir, err.text);
    }
    return j;
}

static const struct dr_json *read_json(struct set *s, const char *name)
{
    char path[700];

    (void)snprintf(path, sizeof(path), "%s/%s", s->dir, name);
    return parse(s, read_file(s, path));
}

/* ---- catalogues, in the form that the services give them ---- */

/* {"a": {"results": […]}} becomes {"a": […]}. */
static void write_results(struct dr_json_w *w, const struct dr_json *j)
{
    dr_json_w_obj(w);
    DR_JSON_EACH(e, j)
    {
        dr_json_w_keys(w, e->key);
        dr_json_w_tree(w, dr_json_get(e, "results"));
    }
    dr_json_w_end(w);
}

static const struct dr_json *schema_of(struct set *s)
{
    const struct dr_json *j = read_json(s, "schema.json"), *out;
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, FILE_MAX);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "objects");
    dr_json_w_tree(&w, dr_json_get(dr_json_get(j, "objects"), "results"));
    dr_json_w_key(&w, "properties");
    write_results(&w, dr_json_get(j, "properties"));
    dr_json_w_end(&w);
    out = parse(s, dr_arena_dup(s->a, dr_buf_view(&b)));
    dr_buf_done(&b);
    return out;
}

static const struct dr_json *pipelines_of(struct set *s)
{
    const struct dr_json *out;
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, FILE_MAX);
    dr_json_w_init(&w, &b);
    write_results(&w, read_json(s, "pipelines.json"));
    out = parse(s, dr_arena_dup(s->a, dr_buf_view(&b)));
    dr_buf_done(&b);
    return out;
}

/* The tenant, with the types that the checklist asks an administrator for. */
static const struct dr_json *selectors_of(struct set *s,
                                          const struct dr_json *tenant)
{
    static const char *const names[] = {"Imported call", "Imported email",
                                        "Imported activity", "Imported event"};
    const struct dr_json *out;
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, FILE_MAX);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    DR_JSON_EACH(e, dr_json_get(tenant, "selectors"))
    {
        dr_json_w_keys(&w, e->key);
        if (!dr_str_eqz(e->key, "sales_activity_types")) {
            dr_json_w_tree(&w, e);
            continue;
        }
        dr_json_w_arr(&w);
        for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
            dr_json_w_obj(&w);
            dr_json_w_kvi(&w, "id", (int64_t)i + 1);
            dr_json_w_kvz(&w, "name", names[i]);
            dr_json_w_end(&w);
        }
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    out = parse(s, dr_arena_dup(s->a, dr_buf_view(&b)));
    dr_buf_done(&b);
    return out;
}

static void read_catalogs(struct set *s, const char *name)
{
    char file[100], path[400];
    const struct dr_json *tenant;

    (void)snprintf(file, sizeof(file), "freshsales-tenant-%s.json", name);
    assert_true(shared(path, file));
    tenant = parse(s, read_file(s, path));
    s->c = (struct dr_catalogs){
        .src_schema = schema_of(s),
        .src_pipelines = pipelines_of(s),
        .src_owners = dr_json_get(read_json(s, "owners.json"), "results"),
        .src_currencies =
            dr_json_get(read_json(s, "currencies.json"), "results"),
        .dst_account =
            parse(s, DR_STR_LIT("{\"edition\":\"suite\",\"plan\":\"pro\"}")),
        .dst_fields = dr_json_get(tenant, "fields"),
        .dst_selectors = selectors_of(s, tenant)};
}

/* ---- links ---- */

static struct dr_str cell(struct dr_str *line)
{
    struct dr_str out;
    size_t end;

    if (line->n == 0 || line->p[0] != '"') {
        return dr_str_split(line, ',');
    }
    end = dr_str_find((struct dr_str){line->p + 1, line->n - 1},
                      DR_STR_LIT("\""));
    assert_true(end != SIZE_MAX);
    out = (struct dr_str){line->p + 1, end};
    line->p += end + 2;
    line->n -= end + 2;
    (void)dr_str_split(line, ',');
    return out;
}

static struct list *links_of(struct set *s, struct dr_str type,
                             struct dr_str id, bool make)
{
    struct dr_str key = dr_arena_printf(s->a, DR_STR_FMT " " DR_STR_FMT,
                                        DR_STR_ARG(type), DR_STR_ARG(id));
    struct list *l = dr_map_get(s->links, key);

    if (!l && make) {
        l = dr_arena_alloc(s->a, sizeof(*l));
        assert_non_null(l);
        dr_map_put(s->links, key, l);
    }
    return l;
}

static void read_links(struct set *s, const char *name)
{
    char path[700];
    struct dr_str pair = dr_arena_dup(
        s->a, (struct dr_str){name, strlen(name) - strlen(".csv")});
    struct dr_str text, line, type = pair;

    (void)snprintf(path, sizeof(path), "%s/associations/%s", s->dir, name);
    /* "co_shipment_deal": the type may have an underscore of its own. */
    while (type.n > 0 && type.p[type.n - 1] != '_') {
        type.n--;
    }
    type.n -= type.n > 0;
    if (dr_str_ends(pair, DR_STR_LIT("_co_shipment"))) {
        type = (struct dr_str){pair.p, pair.n - strlen("_co_shipment")};
    }
    text = read_file(s, path);
    (void)dr_str_split(&text, '\n');
    while (text.n > 0) {
        struct dr_assoc as = {.pair = pair};
        struct list *l;
        line = dr_str_split(&text, '\n');
        l = links_of(s, type, cell(&line), true);
        as.to_id = cell(&line);
        as.type_id = cell(&line);
        as.label = cell(&line);
        as.primary = dr_str_eqz(cell(&line), "true");
        if (l->n < DR_ARRAY_LEN(l->v)) {
            l->v[l->n++] = as;
        }
    }
}

/* ---- records ---- */

static void add_line(struct set *s, const char *object, struct dr_str line,
                     bool raw)
{
    struct record *r;

    if (line.n == 0) {
        return;
    }
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1024;
        s->v = dr_xrealloc(s->v, s->cap * sizeof(*s->v));
    }
    r = &s->v[s->n++];
    *r = (struct record){dr_arena_dup(s->a, dr_str_z(object)), {"", 0}, line};
    if (raw) {
        r->id = dr_arena_printf(s->a, "raw-%zu", s->n);
    } else {
        struct dr_arena *a = dr_arena_new(RECORD_ARENA);
        const struct dr_json *j = dr_json_parse(a, line, NULL, NULL);
        assert_non_null(j);
        r->id = dr_arena_dup(s->a, dr_json_scalar(dr_json_get(j, "id")));
        dr_arena_free(a);
    }
}

static void read_objects(struct set *s, const char *name)
{
    char path[700], object[64];
    struct dr_str text;
    const char *dash = strchr(name, '-');

    assert_non_null(dash);
    (void)snprintf(object, sizeof(object), "%.*s", (int)(dash - name), name);
    (void)snprintf(path, sizeof(path), "%s/objects/%s", s->dir, name);
    text = read_file(s, path);
    while (text.n > 0) {
        add_line(s, object, dr_str_split(&text, '\n'),
                 strncmp(dash, "-raw", 4) == 0);
    }
}

static void each_file(struct set *s, const char *folder, const char *part,
                      void (*fn)(struct set *, const char *))
{
    char path[700];
    struct dirent **names = NULL;
    int n;

    (void)snprintf(path, sizeof(path), "%s/%s", s->dir, folder);
    n = scandir(path, &names, NULL, alphasort);
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        if (strstr(names[i]->d_name, part)) {
            fn(s, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
}

bool set_open(struct set *s, const char *name)
{
    *s = (struct set){.a = NULL};
    if (!shared(s->dir, name)) {
        return false;
    }
    s->a = dr_arena_new((size_t)1 << 30);
    s->links = dr_map_new(NULL);
    read_catalogs(s, name);
    each_file(s, "associations", ".csv", read_links);
    each_file(s, "objects", ".ndjson", read_objects);
    return true;
}

void set_close(struct set *s)
{
    dr_map_free(s->links);
    free(s->v);
    dr_arena_free(s->a);
}

/* ---- as the extractor would send them ---- */

/* A file stands where what it hangs on stands. */
static void file_links(struct set *s, const struct dr_json *j, struct sent *out)
{
    DR_JSON_EACH(p, dr_json_get(dr_json_get(j, "properties"), "parents"))
    {
        struct dr_str type = dr_json_get_str(p, "type");
        const struct list *l =
            links_of(s, type, dr_json_scalar(dr_json_get(p, "id")), false);
        for (size_t i = 0; l && i < l->n && out->source.assoc_count < 80; i++) {
            struct dr_str to = l->v[i].pair;
            out->links[out->source.assoc_count++] = (struct dr_assoc){
                .pair = dr_arena_printf(
                    s->a, "attachment_" DR_STR_FMT,
                    DR_STR_ARG(((struct dr_str){to.p + type.n + 1,
                                                to.n - type.n - 1}))),
                .to_id = l->v[i].to_id};
        }
    }
}

void set_send(struct set *s, const struct record *r, struct dr_str body,
              struct sent *out)
{
    struct dr_arena *a = dr_arena_new(RECORD_ARENA);
    const struct dr_json *j = dr_json_parse(a, body, NULL, NULL);
    const struct list *l = links_of(s, r->object, r->id, false);

    out->source = (struct dr_source){.object = r->object,
                                     .id = r->id,
                                     .rev = 1,
                                     .op = DR_SRC_UPSERT,
                                     .origin = DR_ORIGIN_SNAPSHOT,
                                     .body = body};
    if (l) {
        memcpy(out->links, l->v, l->n * sizeof(l->v[0]));
        out->source.assoc_count = l->n;
    }
    if (dr_str_eqz(r->object, "attachment")) {
        file_links(s, j, out);
    }
    if (dr_str_eqz(r->object, "line_item")) {
        out->part = (struct dr_part){r->id, 1, body};
        out->source.parts = &out->part;
        out->source.part_count = 1;
        out->source.body = (struct dr_str){"", 0};
    }
    out->source.assocs = out->links;
    dr_arena_free(a);
}
