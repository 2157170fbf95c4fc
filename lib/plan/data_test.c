/*
 * Every record of the data sets, and damaged copies of them, through proposal
 * and plan: each has one outcome, and what would be sent is within the limits
 * of the target. The sets lie beside the repository (DR_SHARED, ../shared);
 * without them the test says so.
 */
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

#include <drover/base/decimal.h>
#include <drover/base/map.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>
#include <drover/plan/plan.h>

#define FILE_MAX ((size_t)256 << 20)
#define RECORD_ARENA ((size_t)64 << 20)
#define HOUSE 1

struct record {
    struct dr_str object, id, body;
};

struct set {
    char dir[400];
    struct dr_arena *a;
    struct dr_catalogs c;
    struct dr_map *links; /* "type id" -> struct list * */
    struct record *v;
    size_t n, cap;
};

struct list {
    struct dr_assoc v[64];
    size_t n;
};

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

static bool set_open(struct set *s, const char *name)
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

static void set_close(struct set *s)
{
    dr_map_free(s->links);
    free(s->v);
    dr_arena_free(s->a);
}

/* ---- as the extractor would send them ---- */

struct sent {
    struct dr_source source;
    struct dr_assoc links[80];
    struct dr_part part;
};

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

static void send(struct set *s, const struct record *r, struct dr_str body,
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

/* ---- what must hold ---- */

static struct dr_str field_of(const struct dr_load *l, const char *name)
{
    for (size_t i = 0; i < l->field_count; i++) {
        if (dr_str_eqz(l->fields[i].name, name)) {
            return l->fields[i].value;
        }
    }
    return (struct dr_str){NULL, 0};
}

static size_t text_limit(struct dr_str name)
{
    static const char *const lines[] = {"title", "name", "file_name",
                                        "location", "working_name"};

    for (size_t i = 0; i < DR_ARRAY_LEN(lines); i++) {
        if (dr_str_eqz(name, lines[i])) {
            return 255;
        }
    }
    return 10000;
}

static void check_field(const struct dr_load *l, const struct dr_field *f)
{
    struct dr_dec d;

    assert_true(f->name.n > 0 && f->rule.n > 0);
    assert_true(dr_text_valid(f->value));
    if (f->kind == DR_VAL_NUMBER) {
        assert_int_equal(dr_dec_parse_json(f->value, &d), 0);
    } else if (f->kind == DR_VAL_TEXT && dr_str_eqz(l->type, "notes")) {
        assert_true(f->value.n <= 65535);
    } else if (f->kind == DR_VAL_TEXT) {
        assert_true(dr_utf8_count(f->value) <= text_limit(f->name));
    }
}

static void check_times(const struct dr_load *l, const char *from,
                        const char *to)
{
    int64_t start, end;

    assert_int_equal(dr_time_parse(field_of(l, from), &start, NULL), 0);
    assert_int_equal(dr_time_parse(field_of(l, to), &end, NULL), 0);
    assert_true(start <= end);
    assert_true(field_of(l, "title").n > 0);
}

static void check_type(const struct dr_load *l)
{
    size_t targets = 0;
    struct dr_str text;

    for (size_t i = 0; i < l->ref_count; i++) {
        targets += dr_str_starts(l->refs[i].field, DR_STR_LIT("targetable:"));
    }
    if (dr_str_eqz(l->type, "sales_activities")) {
        check_times(l, "start_date", "end_date");
        assert_true(field_of(l, "owner_id").n > 0);
        assert_true(field_of(l, "sales_activity_type_id").n > 0);
    } else if (dr_str_eqz(l->type, "appointments")) {
        check_times(l, "from_date", "end_date");
    } else if (dr_str_eqz(l->type, "files")) {
        assert_true(field_of(l, "file_name").n > 0);
        assert_int_equal(l->blob.state, DR_BLOB_STORED);
    }
    if (dr_str_eqz(l->type, "sales_activities") ||
        dr_str_eqz(l->type, "notes") || dr_str_eqz(l->type, "files")) {
        assert_int_equal(targets, 1);
    }
    assert_true(targets <= 1);
    if (dr_str_eqz(l->lane, "activity") || dr_str_eqz(l->lane, "note")) {
        text = field_of(l, "notes");
        text = text.p ? text : field_of(l, "description");
        assert_true(dr_str_ends(text, DR_STR_LIT("]")));
        assert_true(dr_str_find(text, l->marker) != SIZE_MAX);
    }
}

static void check_load(const struct dr_source *rec, const struct dr_load *l)
{
    struct dr_env env = {.kind = DR_MSG_LOAD};
    struct dr_err err = {0};
    struct dr_buf bytes;

    assert_true(dr_str_eq(l->id, rec->id));
    assert_true(dr_str_ends(l->key, rec->id));
    assert_int_equal(l->content_hash.n, 32);
    assert_true(l->type.n > 0);
    for (size_t i = 0; i < l->field_count; i++) {
        check_field(l, &l->fields[i]);
    }
    check_type(l);
    env.u.load = *l;
    dr_buf_init(&bytes, DR_WIRE_MAX);
    if (dr_wire_pack(&env, &bytes, &err)) {
        fail_msg("%s", err.text);
    }
    dr_buf_done(&bytes);
}

static void check_outcome(const struct dr_source *rec,
                          const struct dr_outcome *o)
{
    const struct dr_rejected *r = &o->reject;

    switch (o->state) {
    case DR_OUT_LOAD:
        /* a set of lines may be set aside line by line */
        assert_true(o->load_count + o->part_reject_count > 0);
        assert_in_range(o->load_count, 0, 4);
        for (size_t i = 0; i < o->load_count; i++) {
            check_load(rec, &o->loads[i]);
        }
        break;
    case DR_OUT_PARKED:
    case DR_OUT_REJECTED:
        assert_int_equal(o->load_count, 0);
        assert_true(r->class.n > 0 && r->rule.n > 0 && r->field.n > 0);
        assert_true(r->reason.n > 0 && r->cure.n > 0);
        break;
    case DR_OUT_EXCLUDED:
    case DR_OUT_WAITING:
        assert_int_equal(o->load_count, 0);
        assert_int_equal(r->class.n, 0);
        assert_true(o->rule.n > 0 && o->reason.n > 0);
        break;
    case DR_OUT_GONE:
        fail();
    }
    for (size_t i = 0; i < o->note_count; i++) {
        assert_true(o->notes[i].field.n > 0 && o->notes[i].rule.n > 0);
        assert_true(o->notes[i].cause.n > 0);
    }
}

/* ---- the test ---- */

static const struct dr_apply_opts opts = {
    .migration = {"data", 4}, .generation = 1, .pass = 1};

static struct dr_str now; /* what a failure was about */

static int tell(void **state)
{
    (void)state;
    if (now.n > 0) {
        print_message("last: " DR_STR_FMT "\n", DR_STR_ARG(now));
    }
    now = (struct dr_str){NULL, 0};
    return 0;
}

static enum dr_out_state apply(const struct dr_plan *plan,
                               const struct dr_source *rec)
{
    struct dr_arena *a = dr_arena_new(RECORD_ARENA);
    struct dr_err err = {0};
    struct dr_outcome o;
    enum dr_out_state state;
    char hash[32] = {0};

    now = rec->id;
    if (dr_plan_apply(plan, rec, &opts, a, &o, &err)) {
        fail_msg(DR_STR_FMT ": %s", DR_STR_ARG(rec->id), err.text);
    }
    check_outcome(rec, &o);
    state = o.state;
    if (o.load_count > 0) {
        memcpy(hash, o.loads[0].content_hash.p, sizeof(hash));
        dr_arena_reset(a);
        assert_int_equal(dr_plan_apply(plan, rec, &opts, a, &o, &err), 0);
        assert_memory_equal(hash, o.loads[0].content_hash.p, sizeof(hash));
    }
    dr_arena_free(a);
    return state;
}

/* xorshift: the same damage at every run. */
static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void damage(char *text, size_t n, uint64_t *seed)
{
    static const char bytes[] = "\"\\{}[]:,0e-<>&u\x01\xff\xc3";

    for (uint64_t i = next(seed) % 4 + 1; i > 0; i--) {
        text[next(seed) % n] = bytes[next(seed) % (sizeof(bytes) - 1)];
    }
}

static void damaged(struct set *s, const struct dr_plan *plan,
                    const struct record *r, uint64_t *seed)
{
    char *text = dr_xmalloc(r->body.n);
    struct sent out;

    memcpy(text, r->body.p, r->body.n);
    damage(text, r->body.n, seed);
    send(s, r, (struct dr_str){text, r->body.n}, &out);
    (void)apply(plan, &out.source);
    send(s, r, (struct dr_str){text, next(seed) % r->body.n}, &out);
    (void)apply(plan, &out.source);
    free(text);
}

static struct dr_plan *propose(struct set *s, uint64_t fallback)
{
    struct dr_profile *p = dr_profile_new();
    struct dr_propose_opts o = {.house_owner = HOUSE,
                                .fallback_owner = fallback};
    struct dr_proposal out;
    struct dr_err err = {0};
    struct dr_plan *plan;
    struct sent one;

    for (size_t i = 0; i < s->n; i++) {
        send(s, &s->v[i], s->v[i].body, &one);
        assert_int_equal(dr_profile_add(p, &one.source, &err), 0);
    }
    dr_proposal_init(&out);
    if (dr_plan_propose(p, &s->c, &o, &out, &err)) {
        fail_msg("%s", err.text);
    }
    plan = dr_plan_parse(dr_buf_view(&out.plan), &err);
    assert_non_null(plan);
    dr_proposal_done(&out);
    dr_profile_free(p);
    return plan;
}

/* Bytes that an attachment could have: what waits then goes. */
static void with_bytes(const struct dr_plan *plan, struct sent *one,
                       size_t counts[8])
{
    static const char hash[32] = "of the bytes";

    if (dr_str_eqz(one->source.object, "attachment")) {
        one->source.blob =
            (struct dr_blob){DR_BLOB_STORED, 0, 0, 0, 5, {hash, sizeof(hash)}};
        assert_int_not_equal(apply(plan, &one->source), DR_OUT_WAITING);
        counts[0]++;
    }
}

static void run(const char *name, uint64_t fallback, bool harm)
{
    static struct sent one;
    struct dr_map *seen = dr_map_new(free);
    struct dr_plan *plan;
    struct set s;
    struct dr_str object;
    uint64_t seed = 88172645463325252u;
    size_t at = 0;
    void *v;

    if (!set_open(&s, name)) {
        print_message("SKIP: no data set here (%s)\n", s.dir);
        dr_map_free(seen);
        skip();
        return;
    }
    plan = propose(&s, fallback);
    for (size_t i = 0; i < s.n; i++) {
        size_t *counts = dr_map_get(seen, s.v[i].object);
        if (!counts) {
            counts = dr_xcalloc(8, sizeof(*counts));
            dr_map_put(seen, s.v[i].object, counts);
        }
        send(&s, &s.v[i], s.v[i].body, &one);
        counts[apply(plan, &one.source)]++;
        with_bytes(plan, &one, counts);
        if (harm) {
            damaged(&s, plan, &s.v[i], &seed);
        }
    }
    while (dr_map_next(seen, &at, &object, &v)) {
        const size_t *n = v;
        print_message(DR_STR_FMT ": %zu load, %zu excluded, %zu parked, %zu "
                                 "rejected, %zu waiting\n",
                      DR_STR_ARG(object), n[DR_OUT_LOAD], n[DR_OUT_EXCLUDED],
                      n[DR_OUT_PARKED], n[DR_OUT_REJECTED], n[DR_OUT_WAITING]);
    }
    assert_true(s.n > 1000);
    now = (struct dr_str){NULL, 0};
    dr_map_free(seen);
    dr_plan_free(plan);
    set_close(&s);
}

static void test_small(void **state)
{
    (void)state;
    run("small", 0, true);
}

static void test_fallback(void **state)
{
    (void)state;
    run("small", HOUSE, false);
}

static void test_realworld(void **state)
{
    (void)state;
    run("realworld", 0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_small, tell),
        cmocka_unit_test_teardown(test_fallback, tell),
        cmocka_unit_test_teardown(test_realworld, tell)};

    dr_crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
