/* Reading the export folder (contract 6), every file checked. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#define FOLDER_ARENA ((size_t)4 << 30)
#define LINE_MAX_BYTES ((size_t)64 << 20)

static void refuse(const char *file, const char *why)
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
            refuse(path, "cannot be read: is this an export folder?");
        }
        return (struct dr_str){NULL, 0};
    }
    (void)fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);
    p = n >= 0 ? dr_arena_alloc(w->arena, (size_t)n + 1) : NULL;
    if (!p || fread(p, 1, (size_t)n, f) != (size_t)n) {
        refuse(path, "cannot be read whole");
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
        refuse(name, err.text);
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
        refuse(name, "zlib does not start");
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
            refuse(name, "not a whole gzip file");
        }
    }
    text = dr_arena_dup(w->arena, (struct dr_str){out, z.total_out});
    (void)inflateEnd(&z);
    free(out);
    return text;
}

/* ---- records ---- */

struct kind *world_kind(struct world *w, struct dr_str name)
{
    for (size_t i = 0; i < w->kind_n; i++) {
        if (dr_str_eq(w->kinds[i].name, name)) {
            return &w->kinds[i];
        }
    }
    return NULL;
}

size_t kind_after(const struct kind *k, struct dr_str after)
{
    size_t lo = 0, hi = k->n;

    if (after.n == 0) {
        return 0;
    }
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (dr_str_cmp(k->v[mid].id, after) <= 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

struct rec *kind_find(struct kind *k, struct dr_str id)
{
    size_t at = kind_after(k, id);

    return at > 0 && dr_str_eq(k->v[at - 1].id, id) ? &k->v[at - 1] : NULL;
}

static struct rec *kind_append(struct kind *k)
{
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 256;
        k->v = dr_xrealloc(k->v, k->cap * sizeof(*k->v));
    }
    k->v[k->n] = (struct rec){0};
    return &k->v[k->n++];
}

struct rec *kind_put(struct world *w, struct kind *k, struct dr_str id)
{
    struct rec *r = kind_find(k, id);
    size_t at;

    if (r) {
        return r;
    }
    at = kind_after(k, id);
    (void)kind_append(k);
    memmove(&k->v[at + 1], &k->v[at], (k->n - 1 - at) * sizeof(*k->v));
    k->v[at] = (struct rec){.id = dr_arena_dup(w->arena, id)};
    return &k->v[at];
}

static int rec_order(const void *a, const void *b)
{
    return dr_str_cmp(((const struct rec *)a)->id, ((const struct rec *)b)->id);
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
                         const char *file)
{
    struct dr_json_limits limits = {.max_bytes = LINE_MAX_BYTES};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(LINE_MAX_BYTES * 4);
    struct dr_err err = {0};
    const struct dr_json *j = dr_json_parse(a, line, &limits, &err);
    struct rec *r;

    if (!j) {
        refuse(file, err.text);
    }
    r = kind_append(k);
    r->id = dr_arena_dup(w->arena, dr_json_scalar(dr_json_get(j, "id")));
    r->version = (uint64_t)dr_json_get_i64(j, "version", 1);
    r->updated_ms = stamp(dr_json_get_str(j, "updated_at"));
    r->archived = dr_json_true(dr_json_get(j, "archived"));
    r->body = line;
    if (dr_str_eqz(k->name, "line_item")) {
        r->deal_id = dr_arena_dup(
            w->arena, dr_json_get_str(dr_json_get(j, "properties"), "deal_id"));
    }
}

static void add_event(struct world *w, struct dr_str line, bool raw)
{
    if (w->event_n == w->event_cap) {
        w->event_cap = w->event_cap ? w->event_cap * 2 : 256;
        w->events = dr_xrealloc(w->events, w->event_cap * sizeof(*w->events));
    }
    if (raw) {
        w->poison_event = w->event_n;
    }
    w->events[w->event_n++] = line;
}

static size_t load_lines(struct world *w, const struct dr_json *f,
                         struct dr_str text, const char *path)
{
    struct dr_str object = dr_json_get_str(f, "object");
    struct kind *k = world_kind(w, object);
    bool raw = dr_json_true(dr_json_get(f, "raw"));
    size_t rows = 0;

    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        if (line.n == 0) {
            continue;
        }
        rows++;
        if (dr_str_eqz(object, "event")) {
            add_event(w, line, raw);
        } else if (k && raw) {
            raw_record(w, k, line);
        } else if (k) {
            whole_record(w, k, line, path);
        }
    }
    return rows;
}

/* ---- associations ---- */

struct pair *world_pair(struct world *w, struct dr_str from, struct dr_str to)
{
    for (size_t i = 0; i < w->pair_n; i++) {
        if (dr_str_eq(w->pairs[i].from, from) &&
            dr_str_eq(w->pairs[i].to, to)) {
            return &w->pairs[i];
        }
    }
    return NULL;
}

struct assoc *pair_add(struct pair *p)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 256;
        p->v = dr_xrealloc(p->v, p->cap * sizeof(*p->v));
    }
    p->v[p->n] = (struct assoc){0};
    return &p->v[p->n++];
}

static int assoc_order(const void *a, const void *b)
{
    const struct assoc *x = a;
    const struct assoc *y = b;
    int c = dr_str_cmp(x->from, y->from);

    c = c ? c : dr_str_cmp(x->to, y->to);
    return c ? c : (x->type_id > y->type_id) - (x->type_id < y->type_id);
}

void pair_sort(struct pair *p)
{
    if (p->n > 1) {
        qsort(p->v, p->n, sizeof(*p->v), assoc_order);
    }
}

size_t pair_from(const struct pair *p, struct dr_str from)
{
    size_t lo = 0, hi = p->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (dr_str_cmp(p->v[mid].from, from) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

void moved_add(struct world *w, const struct assoc_change *c)
{
    if (w->moved_n == w->moved_cap) {
        w->moved_cap = w->moved_cap ? w->moved_cap * 2 : 64;
        w->moved = dr_xrealloc(w->moved, w->moved_cap * sizeof(*w->moved));
    }
    w->moved[w->moved_n++] = *c;
}

/* from_id,to_id,type_id,label,primary,category,updated_at; labels may be
 * quoted. */
static struct dr_str csv_cell(struct dr_str *rest)
{
    struct dr_str cell;

    if (rest->n > 0 && rest->p[0] == '"') {
        rest->p++;
        rest->n--;
        cell = dr_str_split(rest, '"');
        (void)dr_str_split(rest, ',');
        return cell;
    }
    return dr_str_split(rest, ',');
}

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
        a->from = csv_cell(&line);
        a->to = csv_cell(&line);
        if (dr_str_i64(csv_cell(&line), &a->type_id)) {
            a->type_id = 0;
        }
        a->label = csv_cell(&line);
        a->primary = dr_str_eqz(csv_cell(&line), "true");
        a->category = csv_cell(&line);
        a->updated_ms = stamp(csv_cell(&line));
    }
    pair_sort(p);
    return rows;
}

/* ---- the folder ---- */

static void check_file(const struct dr_json *f, struct dr_str stored,
                       const char *path)
{
    uint8_t sum[32];
    char hex[65];

    if (dr_json_get_i64(f, "bytes", (int64_t)stored.n) != (int64_t)stored.n) {
        refuse(path, "not of the size that the manifest says: export the "
                     "folder again");
    }
    dr_sha256(stored, sum);
    dr_hex(sum, 32, hex);
    if (dr_json_get(f, "sha256") &&
        !dr_str_eqz(dr_json_get_str(f, "sha256"), hex)) {
        refuse(path, "its SHA-256 is not that of the manifest: export the "
                     "folder again");
    }
}

static void load_file(struct world *w, const char *dir, const struct dr_json *f)
{
    struct dr_str name = dr_json_get_str(f, "path");
    struct dr_str text;
    char path[1024];
    size_t rows;

    (void)snprintf(path, sizeof(path), DR_STR_FMT, DR_STR_ARG(name));
    if (!dr_str_starts(name, DR_STR_LIT("objects/")) &&
        !dr_str_starts(name, DR_STR_LIT("events/")) &&
        !dr_str_starts(name, DR_STR_LIT("associations/"))) {
        return;
    }
    text = slurp(w, dir, name, true);
    check_file(f, text, path);
    if (dr_str_eqz(dr_json_get_str(f, "compression"), "gzip")) {
        text = gunzip(w, text, path);
    }
    rows = dr_str_starts(name, DR_STR_LIT("associations/"))
               ? load_pair(w, f, text)
               : load_lines(w, f, text, path);
    if ((int64_t)rows != dr_json_get_i64(f, "rows", (int64_t)rows)) {
        refuse(path, "not as many rows as the manifest says: export the "
                     "folder again");
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
        if (r) {
            r->poison = true;
            r->poison_named = dr_str_eqz(dr_json_get_str(p, "form"), "with_id");
        }
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

        if (!k) {
            continue;
        }
        r = kind_put(w, k, dr_json_scalar(dr_json_get(j, "id")));
        r->gone =
            dr_str_eqz(dr_json_get_str(j, "op"), "merge") ? MERGED : DELETED;
        r->merged_into = dr_json_scalar(dr_json_get(j, "merged_into"));
        r->version = (uint64_t)dr_json_get_i64(j, "version", 1);
        r->updated_ms = stamp(dr_json_get_str(j, "updated_at"));
    }
}

void world_load(struct world *w, const char *dir)
{
    w->arena = dr_arena_new(FOLDER_ARENA);
    w->poison_event = SIZE_MAX;
    w->manifest = json_file(w, dir, "manifest.json", true);
    w->schema = json_file(w, dir, "schema.json", true);
    w->pipelines = json_file(w, dir, "pipelines.json", true);
    w->owners = json_file(w, dir, "owners.json", true);
    w->currencies = json_file(w, dir, "currencies.json", false);
    w->tags = json_file(w, dir, "tags.json", false);
    w->automation = json_file(w, dir, "automation.json", false);
    if (dr_json_type(dr_json_get(w->manifest, "files")) != DR_JSON_ARRAY) {
        refuse("manifest.json", "has no list \"files\"");
    }
    add_kinds(w);
    DR_JSON_EACH(f, dr_json_get(w->manifest, "files"))
    {
        load_file(w, dir, f);
    }
    for (size_t i = 0; i < w->kind_n; i++) {
        if (w->kinds[i].n > 1) {
            qsort(w->kinds[i].v, w->kinds[i].n, sizeof(struct rec), rec_order);
        }
    }
    add_poison(w);
    add_tombstones(w, slurp(w, dir, DR_STR_LIT("tombstones.ndjson"), false));
    script_load(w, slurp(w, dir, DR_STR_LIT("changes.ndjson"), false));
    w->start_ms = stamp(dr_json_get_str(w->manifest, "produced_at"));
}
