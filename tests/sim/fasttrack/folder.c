/* Reading the export folder (contract 6): every file that the manifest names
 * is checked, and what does not fit ends the process by name. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#define FOLDER_ARENA ((size_t)4 << 30)
#define LINE_MAX_BYTES ((size_t)64 << 20)

_Noreturn void world_refuse(const char *file, const char *why)
{
    dr_die(DR_EXIT_REFUSED, "source folder", "%s: %s", file, why);
}

static struct dr_str slurp(struct world *w, const char *dir, struct dr_str name,
                           bool required)
{
    char path[4096];
    FILE *f;
    long n;
    char *p;

    (void)snprintf(path, sizeof(path), "%s/" DR_STR_FMT, dir, DR_STR_ARG(name));
    f = fopen(path, "rbe");
    if (!f) {
        if (required) {
            world_refuse(path,
                         "is not there or cannot be read: export the folder "
                         "again, whole");
        }
        return (struct dr_str){NULL, 0};
    }
    (void)fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);
    p = n >= 0 ? dr_arena_alloc(w->arena, (size_t)n + 1) : NULL;
    if (!p || fread(p, 1, (size_t)n, f) != (size_t)n) {
        world_refuse(path, "cannot be read whole");
    }
    (void)fclose(f);
    return (struct dr_str){p, (size_t)n};
}

static const struct dr_json *json_file(struct world *w, const char *dir,
                                       const char *name, bool required)
{
    struct dr_json_limits limits = {.max_bytes = LINE_MAX_BYTES};
    struct dr_err err = {0};
    struct dr_str text = slurp(w, dir, dr_str_z(name), required);
    const struct dr_json *j =
        text.p ? dr_json_parse(w->arena, text, &limits, &err) : NULL;

    if (text.p && !j) {
        world_refuse(name, err.text);
    }
    return j;
}

static struct dr_str gunzip(struct world *w, struct dr_str in, const char *name)
{
    z_stream z = {0};
    size_t cap = in.n * 12 + 65536;
    char *out = dr_xmalloc(cap);
    struct dr_str text;
    int rc = Z_OK;

    if (inflateInit2(&z, 15 + 16) != Z_OK) {
        world_refuse(name, "zlib does not start");
    }
    z.next_in = (Bytef *)(uintptr_t)in.p;
    z.avail_in = (uInt)in.n;
    while (rc != Z_STREAM_END) {
        if (z.total_out == cap) {
            cap *= 2;
            out = dr_xrealloc(out, cap);
        }
        z.next_out = (Bytef *)out + z.total_out;
        z.avail_out = (uInt)(cap - z.total_out);
        rc = inflate(&z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END) {
            world_refuse(name, "not a whole gzip file");
        }
    }
    text = dr_arena_dup(w->arena, (struct dr_str){out, z.total_out});
    (void)inflateEnd(&z);
    free(out);
    return text;
}

/* The value after "key": in a line that may be broken behind it. */
static struct dr_str field_of(struct dr_str line, const char *key)
{
    struct dr_str mark = dr_str_z(key);
    size_t at = dr_str_find(line, mark);
    struct dr_str rest;

    if (at == SIZE_MAX) {
        return (struct dr_str){"", 0};
    }
    rest = (struct dr_str){line.p + at + mark.n, line.n - at - mark.n};
    if (rest.n > 0 && rest.p[0] == '"') {
        rest.p++;
        rest.n--;
        return dr_str_split(&rest, '"');
    }
    return dr_str_split(&rest, ',');
}

static int64_t stamp(struct dr_str s)
{
    int64_t ms;

    return dr_time_parse(s, &ms, NULL) ? 0 : ms;
}

static void raw_record(struct world *w, struct kind *k, struct dr_str line)
{
    struct rec *r = kind_append(k);

    (void)w;
    r->id = field_of(line, "\"id\":");
    if (dr_str_u64(field_of(line, "\"version\":"), &r->version)) {
        r->version = 1;
    }
    r->updated_ms = stamp(field_of(line, "\"updated_at\":"));
    r->body = line;
    r->poison = r->poison_named = true;
}

static void whole_record(struct world *w, struct kind *k, struct dr_str line,
                         const char *where)
{
    struct dr_json_limits limits = {.max_bytes = LINE_MAX_BYTES};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(LINE_MAX_BYTES * 4);
    struct dr_err err = {0};
    const struct dr_json *j = dr_json_parse(a, line, &limits, &err);
    struct rec *r;

    if (!j) {
        world_refuse(where, err.text);
    }
    r = kind_append(k);
    r->id = dr_arena_dup(w->arena, dr_json_scalar(dr_json_get(j, "id")));
    r->version = (uint64_t)dr_json_get_i64(j, "version", 1);
    r->updated_ms = stamp(dr_json_get_str(j, "updated_at"));
    if (r->id.n == 0) {
        world_refuse(where, "a record without an id: export the folder again");
    }
    r->archived = dr_json_true(dr_json_get(j, "archived"));
    r->body = line;
    if (dr_str_eqz(k->name, "line_item")) {
        r->deal_id = dr_arena_dup(
            w->arena, dr_json_get_str(dr_json_get(j, "properties"), "deal_id"));
    }
}

static void add_event(struct world *w, struct dr_str line, bool raw,
                      const char *where)
{
    struct dr_json_limits limits = {.max_bytes = LINE_MAX_BYTES};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(LINE_MAX_BYTES * 4);
    struct dr_err err = {0};
    const struct dr_json *j = NULL;
    struct event e = {.line = line, .poison = raw};

    if (raw) {
        e.id = field_of(line, "\"id\":");
        e.type = field_of(line, ",\"type\":");
        e.ingested_ms = stamp(field_of(line, "\"ingested_at\":"));
    } else {
        j = dr_json_parse(a, line, &limits, &err);
        e.id = dr_arena_dup(w->arena, dr_json_scalar(dr_json_get(j, "id")));
        e.type = dr_arena_dup(w->arena, dr_json_get_str(j, "type"));
        e.ingested_ms = stamp(dr_json_get_str(j, "ingested_at"));
    }
    if (!raw && !j) {
        world_refuse(where, err.text);
    }
    if (e.id.n == 0) {
        world_refuse(where, "an event without an id: export the folder again");
    }
    events_add(w, &e);
}

static size_t load_lines(struct world *w, const struct dr_json *f,
                         struct dr_str text, const char *path)
{
    struct dr_str object = dr_json_get_str(f, "object");
    struct kind *k = world_kind(w, object);
    bool raw = dr_json_true(dr_json_get(f, "raw"));
    size_t rows = 0;
    char where[1100];

    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        if (line.n == 0) {
            continue;
        }
        rows++;
        (void)snprintf(where, sizeof(where), "%s line %zu", path, rows);
        if (dr_str_eqz(object, "event")) {
            add_event(w, line, raw, where);
        } else if (k && raw) {
            raw_record(w, k, line);
        } else if (k) {
            whole_record(w, k, line, where);
        }
    }
    return rows;
}

/* ---- associations ---- */

/* A cell in quotes may hold commas, and quotes by two. */
static struct dr_str quoted_cell(struct world *w, struct dr_str *rest)
{
    char *out = dr_arena_alloc(w->arena, rest->n + 1);
    size_t i = 1, n = 0;

    for (; out && i < rest->n; i++) {
        if (rest->p[i] == '"' && (i + 1 == rest->n || rest->p[i + 1] != '"')) {
            i++;
            break;
        }
        i += rest->p[i] == '"';
        out[n++] = rest->p[i];
    }
    *rest = (struct dr_str){rest->p + i, rest->n - i};
    (void)dr_str_split(rest, ',');
    return (struct dr_str){out, n};
}

static struct dr_str csv_cell(struct world *w, struct dr_str *rest)
{
    return rest->n > 0 && rest->p[0] == '"' ? quoted_cell(w, rest)
                                            : dr_str_split(rest, ',');
}

/* from_id,to_id,type_id,label,primary,category,updated_at */
static size_t load_pair(struct world *w, const struct dr_json *f,
                        struct dr_str text)
{
    struct pair *p;
    size_t rows = 0;

    w->pairs = dr_xrealloc(w->pairs, (w->pair_n + 1) * sizeof(*w->pairs));
    p = &w->pairs[w->pair_n++];
    *p = (struct pair){.from = dr_json_get_str(f, "from"),
                       .to = dr_json_get_str(f, "to")};
    (void)dr_str_split(&text, '\n');
    while (text.n > 0) {
        struct dr_str line = dr_str_trim(dr_str_split(&text, '\n'));
        struct assoc *a;
        if (line.n == 0) {
            continue;
        }
        rows++;
        a = pair_add(p);
        a->from = csv_cell(w, &line);
        a->to = csv_cell(w, &line);
        if (dr_str_i64(csv_cell(w, &line), &a->type_id)) {
            a->type_id = 0;
        }
        a->label = csv_cell(w, &line);
        a->primary = dr_str_eqz(csv_cell(w, &line), "true");
        a->category = csv_cell(w, &line);
        a->updated_ms = stamp(csv_cell(w, &line));
    }
    pair_sort(p);
    return rows;
}

/* id,file_name,size,sha256,parent_type,parent_id,content_type,status,content:
 * one row a parent, which all say the same of the bytes. */
static size_t load_contents(struct world *w, struct dr_str text)
{
    size_t rows = 0;

    (void)dr_str_split(&text, '\n');
    while (text.n > 0) {
        struct dr_str line = dr_str_trim(dr_str_split(&text, '\n'));
        struct dr_str cell[9];
        struct content *c;
        if (line.n == 0) {
            continue;
        }
        rows++;
        for (size_t i = 0; i < DR_ARRAY_LEN(cell); i++) {
            cell[i] = csv_cell(w, &line);
        }
        c = dr_map_get(w->contents, cell[0]);
        if (!c) {
            c = dr_xcalloc(1, sizeof(*c));
            dr_map_put(w->contents, cell[0], c);
        }
        c->absent = dr_str_eqz(cell[8], "absent");
        c->generated = dr_str_eqz(cell[8], "pattern251");
        if (dr_str_u64(cell[2], &c->size)) {
            world_refuse("files/index.csv", "a size is no whole number: "
                                            "export the folder again");
        }
    }
    return rows;
}

/* ---- the manifest ---- */

static bool is_one_of(struct dr_str s, const char *const *list)
{
    for (; *list; list++) {
        if (dr_str_eqz(s, *list)) {
            return true;
        }
    }
    return false;
}

static bool below(struct dr_str path, const char *folder)
{
    return dr_str_starts(path, dr_str_z(folder));
}

/* Only what can be served is accepted: nothing is left out in silence. */
static void check_entry(struct world *w, const struct dr_json *f,
                        const char *path)
{
    static const char *const formats[] = {"ndjson", "csv", "json", NULL};
    static const char *const packings[] = {"none", "gzip", NULL};
    struct dr_str name = dr_json_get_str(f, "path");
    struct dr_str object = dr_json_get_str(f, "object");
    struct dr_str format = dr_json_get_str(f, "format");
    bool lines = below(name, "objects/") || below(name, "events/");

    if (name.n == 0 || name.n > 1000 || name.p[0] == '/' ||
        dr_str_find(name, DR_STR_LIT("..")) != SIZE_MAX) {
        world_refuse("manifest.json",
                     "an entry of files has no path inside the folder: mend "
                     "the entry or export the folder again");
    }
    if (!is_one_of(format, formats)) {
        world_refuse(path, "its format is none of ndjson, csv, json: mend "
                           "the manifest or export the folder again");
    }
    if (!is_one_of(dr_json_get_str(f, "compression"), packings)) {
        world_refuse(path, "its compression is neither none nor gzip: mend "
                           "the manifest or export the folder again");
    }
    if (lines && !dr_str_eqz(format, "ndjson")) {
        world_refuse(path, "records and events are served from ndjson alone: "
                           "export the folder in that format");
    }
    if (below(name, "associations/") && !dr_str_eqz(format, "csv")) {
        world_refuse(path, "associations are served from csv alone: export "
                           "the folder in that format");
    }
    if (lines && !dr_str_eqz(object, "event") && !world_kind(w, object)) {
        world_refuse(path, "its object is not in schema.json: export the "
                           "folder again");
    }
}

static void check_bytes(const struct dr_json *f, struct dr_str stored,
                        const char *path)
{
    uint8_t sum[32];
    char hex[65];

    if (dr_json_get_i64(f, "bytes", -1) != (int64_t)stored.n) {
        world_refuse(path, "not of the size that the manifest says: export "
                           "the folder again");
    }
    dr_sha256(stored, sum);
    dr_hex(sum, 32, hex);
    if (!dr_str_eqz(dr_json_get_str(f, "sha256"), hex)) {
        world_refuse(path, "its SHA-256 is not that of the manifest: export "
                           "the folder again");
    }
}

static size_t count_rows(struct dr_str text, bool header)
{
    size_t rows = 0;

    while (text.n > 0) {
        rows += dr_str_split(&text, '\n').n > 0;
    }
    return header && rows > 0 ? rows - 1 : rows;
}

static void load_file(struct world *w, const char *dir, const struct dr_json *f)
{
    struct dr_str name = dr_json_get_str(f, "path");
    struct dr_str format = dr_json_get_str(f, "format");
    struct dr_str text;
    char path[1024];
    size_t rows;

    (void)snprintf(path, sizeof(path), DR_STR_FMT, DR_STR_ARG(name));
    check_entry(w, f, path);
    text = slurp(w, dir, name, true);
    check_bytes(f, text, path);
    if (dr_str_eqz(dr_json_get_str(f, "compression"), "gzip")) {
        text = gunzip(w, text, path);
    }
    rows = below(name, "associations/") ? load_pair(w, f, text)
           : below(name, "objects/") || below(name, "events/")
               ? load_lines(w, f, text, path)
           : dr_str_eqz(name, "files/index.csv")
               ? load_contents(w, text)
               : count_rows(text, dr_str_eqz(format, "csv"));
    if (!dr_str_eqz(format, "json") &&
        (int64_t)rows != dr_json_get_i64(f, "rows", -1)) {
        world_refuse(path, "not as many rows as the manifest says: export "
                           "the folder again");
    }
}

static void add_kinds(struct world *w)
{
    const struct dr_json *list =
        dr_json_get(dr_json_get(w->schema, "objects"), "results");

    w->kinds = dr_xcalloc((list ? list->count : 0) + 1u, sizeof(*w->kinds));
    DR_JSON_EACH(o, list)
    {
        w->kinds[w->kind_n++].name = dr_json_get_str(o, "type");
    }
}

static void add_poison(struct world *w)
{
    DR_JSON_EACH(p, dr_json_get(w->manifest, "poison"))
    {
        struct kind *k = world_kind(w, dr_json_get_str(p, "type"));
        struct rec *r = k ? kind_find(k, dr_json_get_str(p, "id")) : NULL;
        if (!r) {
            world_refuse("manifest.json", "poison names a record that is not "
                                          "in the folder: mend the entry or "
                                          "export the folder again");
        }
        r->poison = true;
        r->poison_named = dr_str_eqz(dr_json_get_str(p, "form"), "with_id");
    }
}

static void add_tombstones(struct world *w, struct dr_str text)
{
    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        const struct dr_json *j =
            line.n ? dr_json_parse(w->arena, line, NULL, NULL) : NULL;
        struct kind *k = world_kind(w, dr_json_get_str(j, "type"));
        struct rec *r;

        if (line.n == 0) {
            continue;
        }
        if (!k || dr_json_scalar(dr_json_get(j, "id")).n == 0) {
            world_refuse("tombstones.ndjson", "a line is no tombstone of an "
                                              "object of the schema: export "
                                              "the folder again");
        }
        r = kind_put(w, k, dr_json_scalar(dr_json_get(j, "id")));
        r->gone =
            dr_str_eqz(dr_json_get_str(j, "op"), "merge") ? MERGED : DELETED;
        r->merged_into = dr_json_scalar(dr_json_get(j, "merged_into"));
        r->version = (uint64_t)dr_json_get_i64(j, "version", 1);
        r->updated_ms = stamp(dr_json_get_str(j, "updated_at"));
    }
}

static void check_ids(const struct kind *k)
{
    char name[128];

    for (size_t i = 1; i < k->n; i++) {
        if (dr_str_eq(k->v[i - 1].id, k->v[i].id)) {
            (void)snprintf(name, sizeof(name), DR_STR_FMT " " DR_STR_FMT,
                           DR_STR_ARG(k->name), DR_STR_ARG(k->v[i].id));
            world_refuse(name, "the folder holds this record twice: export "
                               "it again");
        }
    }
}

static void check_manifest(struct world *w)
{
    const struct dr_json *m = w->manifest;

    if (!dr_str_eqz(dr_json_get_str(m, "contract"), "1")) {
        world_refuse("manifest.json", "contract is not \"1\": this folder is "
                                      "of another format");
    }
    if (dr_json_type(dr_json_get(m, "files")) != DR_JSON_ARRAY ||
        dr_json_type(dr_json_get(m, "account")) != DR_JSON_OBJECT) {
        world_refuse("manifest.json", "the list files or the object account "
                                      "is missing: export the folder again");
    }
    if (dr_time_parse(dr_json_get_str(m, "produced_at"), &w->start_ms, NULL)) {
        world_refuse("manifest.json", "produced_at is no time: export the "
                                      "folder again");
    }
}

static void load_scripts(struct world *w, const char *dir)
{
    static const char *const files[] = {"changes.ndjson",
                                        "changes-hostile.ndjson"};
    bool both = knob_is(w->knobs, "script", "both");
    bool hostile = knob_is(w->knobs, "script", "hostile");

    for (size_t i = 0; i < DR_ARRAY_LEN(files); i++) {
        if (both || hostile == (i == 1)) {
            script_load(w, slurp(w, dir, dr_str_z(files[i]), false), files[i]);
        }
    }
    script_sort(w);
}

void world_load(struct world *w, const char *dir)
{
    w->dir = dir;
    w->contents = dr_map_new(free);
    w->arena = dr_arena_new(FOLDER_ARENA);
    w->manifest = json_file(w, dir, "manifest.json", true);
    w->schema = json_file(w, dir, "schema.json", true);
    w->pipelines = json_file(w, dir, "pipelines.json", true);
    w->owners = json_file(w, dir, "owners.json", true);
    w->currencies = json_file(w, dir, "currencies.json", false);
    w->tags = json_file(w, dir, "tags.json", false);
    w->automation = json_file(w, dir, "automation.json", false);
    check_manifest(w);
    add_kinds(w);
    DR_JSON_EACH(f, dr_json_get(w->manifest, "files"))
    {
        load_file(w, dir, f);
    }
    for (size_t i = 0; i < w->kind_n; i++) {
        kind_sort(&w->kinds[i]);
        check_ids(&w->kinds[i]);
    }
    events_sort(w);
    add_poison(w);
    add_tombstones(w, slurp(w, dir, DR_STR_LIT("tombstones.ndjson"), false));
    schema_unknown_activity(w);
    load_scripts(w, dir);
}
