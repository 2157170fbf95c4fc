/* What was sent against what FastTrack holds. */
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/wire/redaction.h>

#include "extractor.h"

#define ENDS_MAX 512

/* The newest record of each key, as it was sent. */
static struct dr_map *newest;
static struct dr_arena *arena;
static struct dr_map *ends; /* "type:id" -> struct dr_buf, lines */
static struct dr_map *bad;  /* keys that were rejected since they were sent */

static struct dr_str key_of(const char *type, struct dr_str id)
{
    return dr_arena_printf(arena, "%s:" DR_STR_FMT, type, DR_STR_ARG(id));
}

static void take(const struct dr_source *s)
{
    char type[80];
    struct dr_str key;
    const struct dr_source *before;

    (void)snprintf(type, sizeof(type), DR_STR_FMT, DR_STR_ARG(s->object));
    key = key_of(type, s->id);
    before = dr_map_get(newest, key);
    if (before && before->rev >= s->rev) {
        oracle_fail("a revision does not rise", key.p);
    }
    if (before && dr_str_eq(before->content_hash, s->content_hash) &&
        before->version == s->version && before->blob.state == s->blob.state &&
        !dr_map_has(bad, key)) {
        oracle_fail("a record was sent twice", key.p);
    }
    (void)dr_map_del(bad, key);
    dr_map_put(newest, key, (void *)(uintptr_t)s);
}

static void read_sent(void)
{
    for (size_t i = 0; i < oracle->sent_n; i++) {
        const struct dr_env *env;

        if (!sent[i].lost && strcmp(sent[i].topic, "rejected") == 0) {
            dr_map_put(bad, sent[i].key, sent);
        }
        if (sent[i].lost || strncmp(sent[i].topic, "source.", 7) != 0) {
            continue;
        }
        env = dr_wire_unpack(arena, sent[i].value, NULL);
        if (!env) {
            oracle_fail("a message cannot be read back", sent[i].topic);
        }
        if (env->kind == DR_MSG_SOURCE) {
            take(&env->u.source);
        }
    }
}

/* Numbers that may stand bare or as strings (contract 4.1) are the same. */
static void plain(struct dr_json_w *w, const struct dr_json *j)
{
    if (j->type == DR_JSON_OBJECT) {
        dr_json_w_obj(w);
        DR_JSON_EACH(m, j)
        {
            dr_json_w_keys(w, m->key);
            plain(w, m);
        }
        dr_json_w_end(w);
    } else if (j->type == DR_JSON_NUMBER) {
        dr_json_w_str(w, j->raw);
    } else {
        dr_json_w_tree(w, j);
    }
}

static void written(struct dr_buf *b, const struct dr_json *j)
{
    struct dr_json_w w;

    dr_buf_init(b, 16 << 20);
    dr_json_w_init(&w, b);
    if (j && drawn("numbers_bare")) {
        plain(&w, j);
    } else if (j) {
        dr_json_canonical(b, j);
    }
}

static bool same_json(struct dr_str a, struct dr_str b)
{
    struct dr_arena *tmp DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    const struct dr_json *x = dr_json_parse(tmp, a, NULL, NULL);
    const struct dr_json *y = dr_json_parse(tmp, b, NULL, NULL);
    struct dr_buf s, t;
    bool same;

    written(&s, x);
    written(&t, y);
    same = x && y && dr_str_eq(dr_buf_view(&s), dr_buf_view(&t));
    dr_buf_done(&s);
    dr_buf_done(&t);
    return same;
}

/* A person said that bodies of e-mails stay behind. */
static bool left_out(const struct object *o, struct dr_str body)
{
    const struct dr_json *j = dr_json_parse(arena, body, NULL, NULL);

    return drawn("scope.mail_approved") && strcmp(o->name, "email") == 0 &&
           dr_is_redaction(
               dr_str_z(o->name), DR_STR_LIT("body"),
               dr_json_get_str(dr_json_get(j, "properties"), "body"));
}

static bool is_quarantined(struct extractor *ex, struct dr_str key)
{
    return dr_map_has(ex->unreadable, key);
}

/* ---- associations ---- */

static int by_text(const void *a, const void *b)
{
    return dr_str_cmp(*(const struct dr_str *)a, *(const struct dr_str *)b);
}

static struct dr_str sorted(struct dr_str *v, size_t n)
{
    struct dr_buf b;
    struct dr_str text;

    qsort(v, n, sizeof(*v), by_text);
    dr_buf_init(&b, 4 << 20);
    for (size_t i = 0; i < n; i++) {
        dr_buf_str(&b, v[i]);
        dr_buf_ch(&b, '\n');
    }
    text = dr_arena_dup(arena, dr_buf_view(&b));
    dr_buf_done(&b);
    return text;
}

static struct dr_str end_line(const char *pair, struct dr_str id,
                              struct dr_str type_id, struct dr_str label,
                              bool primary)
{
    return dr_arena_printf(
        arena, "%s " DR_STR_FMT " " DR_STR_FMT " " DR_STR_FMT " %d", pair,
        DR_STR_ARG(id), DR_STR_ARG(type_id), DR_STR_ARG(label), primary);
}

struct lines {
    struct dr_str v[ENDS_MAX];
    size_t n;
};

static void list_pair(const struct pair *p)
{
    char path[700], after[CONTRACT_AFTER_MAX] = "";

    do {
        struct page page;
        struct dr_err err = {0};
        struct dr_str body;

        (void)snprintf(path, sizeof(path),
                       "/v1/associations/%s/%s?limit=200%s%s", p->from, p->to,
                       after[0] ? "&after=" : "", after);
        body = dr_arena_dup(arena, sim_api("GET", path, (struct dr_str){0}));
        if (sim_status == 404) {
            return; /* a tenant without the pair */
        }
        if (sim_status != 200 || page_parse(arena, body, &page, &err)) {
            oracle_fail("the associations cannot be listed", path);
        }
        DR_JSON_EACH(row, dr_json_get(page.root, "results"))
        {
            const struct dr_json *to = dr_json_get(row, "to");
            struct dr_str key =
                key_of(p->from, dr_json_scalar(dr_json_get(row, "from")));
            struct lines *l = dr_map_get(ends, key);
            if (!l) {
                l = dr_xcalloc(1, sizeof(*l));
                dr_map_put(ends, key, l);
            }
            if (l->n < ENDS_MAX) {
                l->v[l->n++] =
                    end_line(p->name, dr_json_scalar(dr_json_get(to, "id")),
                             dr_json_scalar(dr_json_get(to, "type_id")),
                             dr_json_get_str(to, "label"),
                             dr_json_true(dr_json_get(to, "primary")));
            }
        }
        (void)snprintf(after, sizeof(after), DR_STR_FMT, DR_STR_ARG(page.next));
    } while (after[0]);
}

/* What an attachment hangs on, and what that hangs on (4.8). */
static void add_parents(struct extractor *ex, struct dr_str body,
                        struct lines *want)
{
    const struct dr_json *j = dr_json_parse(arena, body, NULL, NULL);
    static const char *const core[] = {"deal", "contact", "company"};

    DR_JSON_EACH(p, dr_json_get(dr_json_get(j, "properties"), "parents"))
    {
        char type[80], pair[200];
        struct dr_str id = dr_json_scalar(dr_json_get(p, "id"));
        const struct lines *of;

        (void)snprintf(type, sizeof(type), DR_STR_FMT,
                       DR_STR_ARG(dr_json_get_str(p, "type")));
        (void)snprintf(pair, sizeof(pair), "attachment_%s", type);
        want->v[want->n++] =
            end_line(pair, id, (struct dr_str){0}, (struct dr_str){0}, false);
        of = dr_map_get(ends, key_of(type, id));
        for (size_t i = 0; of && i < of->n; i++) {
            for (size_t c = 0; c < DR_ARRAY_LEN(core); c++) {
                (void)snprintf(pair, sizeof(pair), "%s_%s ", type, core[c]);
                if (strcmp(type, core[0]) != 0 && strcmp(type, core[1]) != 0 &&
                    strcmp(type, core[2]) != 0 &&
                    dr_str_starts(of->v[i], dr_str_z(pair))) {
                    size_t skip = strlen(type);
                    want->v[want->n++] = dr_arena_printf(
                        arena, "attachment" DR_STR_FMT,
                        DR_STR_ARG(((struct dr_str){of->v[i].p + skip,
                                                    of->v[i].n - skip})));
                }
            }
        }
    }
    (void)ex;
}

static void check_ends(struct extractor *ex, const struct object *o,
                       const struct dr_source *s, struct dr_str key)
{
    static struct lines want, got;
    const struct lines *listed = dr_map_get(ends, key);
    struct dr_str a, b;

    want.n = got.n = 0;
    if (o->is == OBJECT_FILES) {
        add_parents(ex, s->body, &want);
    } else if (listed) {
        want = *listed;
    }
    for (size_t i = 0; i < s->assoc_count && got.n < ENDS_MAX; i++) {
        const struct dr_assoc *e = &s->assocs[i];
        got.v[got.n++] = end_line(dr_arena_dupz(arena, e->pair), e->to_id,
                                  e->type_id, e->label, e->primary);
    }
    a = sorted(want.v, want.n);
    b = sorted(got.v, got.n);
    if (!dr_str_eq(a, b)) {
        (void)fprintf(stderr, "wanted:\n%s\ngot:\n%s\n", a.p, b.p);
        oracle_fail("its associations are others", key.p);
    }
}

/* ---- records ---- */

static void check_living(struct extractor *ex, const struct object *o,
                         struct dr_str line, struct dr_map *seen)
{
    const struct dr_json *j = dr_json_parse(arena, line, NULL, NULL);
    struct dr_str id = dr_json_scalar(dr_json_get(j, "id"));
    struct dr_str key = key_of(o->name, id);
    const struct dr_source *s = dr_map_get(newest, key);

    dr_map_put(seen, key, ex);
    if (is_quarantined(ex, key)) {
        return;
    }
    if (!s || s->op != DR_SRC_UPSERT) {
        oracle_fail("a record of FastTrack is not there", key.p);
    }
    if (!same_json(s->body, line) && !left_out(o, s->body)) {
        (void)fprintf(stderr, "wanted:\n" DR_STR_FMT "\ngot:\n" DR_STR_FMT "\n",
                      DR_STR_ARG(line), DR_STR_ARG(s->body));
        oracle_fail("a record is another one", key.p);
    }
    check_ends(ex, o, s, key);
    if (o->is == OBJECT_FILES) {
        bytes_check(s, key.p);
    }
}

static void check_object(struct extractor *ex, const struct object *o)
{
    struct dr_map *seen = dr_map_new(NULL);
    struct dr_str text, key;
    char path[128], prefix[80];
    size_t at = 0;
    void *value;

    (void)snprintf(path, sizeof(path), "/sim/records/%s", o->name);
    (void)snprintf(prefix, sizeof(prefix), "%s:", o->name);
    text = dr_arena_dup(arena, admin("GET", path, (struct dr_str){0}));
    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        if (line.n > 0) {
            check_living(ex, o, line, seen);
        }
    }
    while (dr_map_next(newest, &at, &key, &value)) {
        const struct dr_source *s = value;
        if (dr_str_starts(key, dr_str_z(prefix)) && s->op == DR_SRC_UPSERT &&
            !dr_map_has(seen, key) && !is_quarantined(ex, key)) {
            oracle_fail("a record is gone in FastTrack", key.p);
        }
    }
    dr_map_free(seen);
}

/* Every living line in one set, in its version. */
static void check_lines(struct extractor *ex, const struct object *o)
{
    struct dr_map *held = dr_map_new(NULL);
    struct dr_str text, key;
    size_t at = 0, living = 0;
    void *value;

    while (dr_map_next(newest, &at, &key, &value)) {
        const struct dr_source *s = value;
        for (size_t i = 0; dr_str_eqz(s->object, o->name) && i < s->part_count;
             i++) {
            if (dr_map_has(held, s->parts[i].id)) {
                oracle_fail("a line is held twice", key.p);
            }
            dr_map_put(held, s->parts[i].id, (void *)(uintptr_t)&s->parts[i]);
        }
    }
    text = dr_arena_dup(
        arena, admin("GET", "/sim/records/line_item", (struct dr_str){0}));
    while (text.n > 0) {
        struct dr_str line = dr_str_split(&text, '\n');
        const struct dr_json *j = dr_json_parse(arena, line, NULL, NULL);
        struct dr_str id = dr_json_scalar(dr_json_get(j, "id"));
        const struct dr_part *part = dr_map_get(held, id);
        if (line.n == 0) {
            continue;
        }
        living++;
        if (!part || !same_json(part->body, line)) {
            oracle_fail(part ? "a line is another one" : "a line is not there",
                        dr_arena_dupz(arena, id));
        }
    }
    if (living != dr_map_count(held)) {
        oracle_fail("lines are held that are gone", o->name);
    }
    dr_map_free(held);
    (void)ex;
}

/* A page with an event that cannot be read says how to go on behind it. */
static bool step_past(struct dr_str body, char after[CONTRACT_AFTER_MAX])
{
    const struct dr_json *e =
        dr_json_get(dr_json_parse(arena, body, NULL, NULL), "error");

    if (dr_json_get_str(e, "after").n == 0) {
        return false;
    }
    (void)snprintf(after, CONTRACT_AFTER_MAX, DR_STR_FMT,
                   DR_STR_ARG(dr_json_get_str(e, "after")));
    return true;
}

static void check_event(const struct dr_json *row)
{
    struct dr_str id = dr_json_scalar(dr_json_get(row, "id"));
    const struct dr_source *s = dr_map_get(newest, key_of("event", id));

    if (!s || !same_json(s->body, row->raw)) {
        oracle_fail("an event is not there", dr_arena_dupz(arena, id));
    }
}

/* One a page, so that one that cannot be read takes no other along. */
static void check_events(struct extractor *ex)
{
    char after[CONTRACT_AFTER_MAX] = "", path[700];
    size_t n = 0, have = 0, at = 0;
    struct dr_str key;
    void *value;

    do {
        struct page page;
        struct dr_err err = {0};
        struct dr_str body;

        (void)snprintf(path, sizeof(path), "/v1/events?limit=1%s%s",
                       after[0] ? "&after=" : "", after);
        body = dr_arena_dup(arena, sim_api("GET", path, (struct dr_str){0}));
        if (sim_status == 500 && step_past(body, after)) {
            continue;
        }
        if (sim_status != 200 || page_parse(arena, body, &page, &err)) {
            oracle_fail("the events", "cannot be listed");
        }
        DR_JSON_EACH(row, dr_json_get(page.root, "results"))
        {
            check_event(row);
            n++;
        }
        (void)snprintf(after, sizeof(after), DR_STR_FMT, DR_STR_ARG(page.next));
    } while (after[0]);
    while (dr_map_next(newest, &at, &key, &value)) {
        have += dr_str_starts(key, DR_STR_LIT("event:"));
    }
    if (have != n) {
        oracle_fail("events", "more or fewer than FastTrack has");
    }
    (void)ex;
}

/* A marker counts what its partition held before it. */
static void check_markers(const struct object *o)
{
    uint64_t n[PARTS] = {0};

    for (size_t i = 0; i < oracle->sent_n; i++) {
        const struct sent *s = &sent[i];
        const struct dr_env *env = s->lost || strcmp(s->topic, o->topic) != 0
                                       ? NULL
                                       : dr_wire_unpack(arena, s->value, NULL);
        if (env && env->kind == DR_MSG_SOURCE) {
            n[s->partition]++;
        } else if (env && env->kind == DR_MSG_MARKER &&
                   env->u.marker.count != n[s->partition]) {
            oracle_fail("a marker counts wrongly", o->name);
        }
    }
}

void truth_check(struct extractor *ex)
{
    arena = dr_arena_new((size_t)4 << 30);
    newest = dr_map_new(NULL);
    ends = dr_map_new(free);
    bad = dr_map_new(NULL);
    read_sent();
    for (size_t i = 0; i < ex->object_count; i++) {
        for (size_t p = 0; p < ex->objects[i].pair_count; p++) {
            list_pair(&ex->objects[i].pairs[p]);
        }
    }
    for (size_t i = 0; i < ex->object_count; i++) {
        const struct object *o = &ex->objects[i];
        check_markers(o);
        if (!o->readable) {
            continue;
        }
        if (o->is == OBJECT_LINES) {
            check_lines(ex, o);
        } else if (o->is == OBJECT_EVENTS) {
            check_events(ex);
        } else {
            check_object(ex, o);
        }
    }
    led_check(ex, newest);
    dr_map_free(newest);
    dr_map_free(ends);
    dr_map_free(bad);
    dr_arena_free(arena);
}
