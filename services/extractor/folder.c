#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "drop.h"
#include "extractor.h"
#include "rows.h"

#define LOOK_MS 1000  /* between two looks at the manifest */
#define AGAIN_MS 5000 /* the same for a drop that was not taken */
#define GUARD 50      /* absent records that need no question, and one in 200 */
#define GUARD_SHARE 200
#define KEY_MAX 96 /* bytes that a cursor stands for */
#define PAGE_BYTES ((size_t)2 << 20)

struct folder {
    struct extractor *ex;
    struct drop *drop;
    int64_t looked_ms, again_ms;
    int64_t noticed_ms; /* when the drop was seen; stamp of its changes */
    bool delta;         /* the drop is offered as changes */
    bool started;
    bool halts; /* the extractor's halt is ours to end */
};

struct folder *folder_open(struct extractor *ex, const char *dir)
{
    struct folder *f = dr_xcalloc(1, sizeof(*f));
    struct dr_err err = {0};

    f->ex = ex;
    f->drop = drop_open(dir, &err);
    if (!f->drop) {
        dr_die(DR_EXIT_REFUSED, "source.url", "%s", err.text);
    }
    f->noticed_ms = dr_wall_ms() / 1000 * 1000;
    f->looked_ms = dr_mono_ms();
    return f;
}

void folder_free(struct folder *f)
{
    if (f) {
        drop_free(f->drop);
        free(f);
    }
}

FILE *folder_file(const struct folder *f, struct dr_str id)
{
    char path[5200];

    if (id.n == 0 || id.p[0] == '.' ||
        dr_str_find(id, DR_STR_LIT("/")) != SIZE_MAX) {
        return NULL;
    }
    (void)snprintf(path, sizeof(path), "%s/files/" DR_STR_FMT, f->drop->dir,
                   DR_STR_ARG(id));
    return fopen(path, "rbe");
}

/* ---- the next drop ---- */

static void halt(struct folder *f, const char *why)
{
    (void)snprintf(f->ex->halted, sizeof(f->ex->halted), "%s", why);
    f->halts = true;
    f->again_ms = dr_mono_ms() + AGAIN_MS;
    emit_status(f->ex, false);
}

/* A drop that lacks much is no deletion of much until somebody says so. */
static bool refused_absence(struct folder *f, int kind, size_t missing)
{
    char text[sizeof(f->ex->asks[0].text)];

    (void)snprintf(text, sizeof(text),
                   "%zu records of %s are not in the new drop: is it whole? "
                   "Export it again, or approve that they are deleted",
                   missing, f->ex->objects[kind].name);
    if (ask_absence(f->ex, kind, text)) {
        return false;
    }
    halt(f, text);
    return true;
}

static bool lacks_too_much(struct folder *f, const struct drop *next)
{
    struct extractor *ex = f->ex;

    for (size_t i = 0; i < ex->object_count; i++) {
        const struct object *o = &ex->objects[i];
        const struct drop_kind *k = drop_kind(next, dr_str_z(o->name));
        size_t share = emitted_count(ex->emitted, (int)i) / GUARD_SHARE;
        size_t missing;
        if (o->is == OBJECT_LINES || o->is == OBJECT_EVENTS) {
            continue;
        }
        emitted_sweep_begin(ex->emitted, (int)i);
        for (size_t at = 0; k && at < k->n; at++) {
            emitted_sweep_saw(ex->emitted, (int)i, k->v[at].id);
        }
        missing = emitted_sweep_missing(ex->emitted, (int)i);
        if (missing > (share > GUARD ? share : GUARD) ||
            (missing > 0 && missing == emitted_living(ex->emitted, (int)i))) {
            if (refused_absence(f, (int)i, missing)) {
                return true;
            }
        }
    }
    return false;
}

void folder_reject(struct folder *f)
{
    /* A drop that is read again after a restart is offered whole: what it
     * changed while nobody looked is news. */
    f->delta = !f->started && f->ex->objects[0].cursor.phase == CURSOR_TAIL &&
               !lacks_too_much(f, f->drop);
    f->started = true;
    for (size_t i = 0; i < f->drop->bad_n; i++) {
        const struct drop_bad *b = &f->drop->bad[i];
        struct gather g = {.ex = f->ex, .o = object_find(f->ex, b->object)};
        char name[1100];
        (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(b->file));
        if (g.o) {
            char why[256];
            (void)snprintf(why, sizeof(why), DR_STR_FMT, DR_STR_ARG(b->why));
            gather_bad(&g, b->raw, name, b->offset, b->bytes, why);
        }
    }
}

static void look(struct folder *f)
{
    struct dr_err err = {0};
    struct drop *next;

    if (!f->started || dr_mono_ms() - f->looked_ms < LOOK_MS ||
        dr_mono_ms() < f->again_ms) {
        return;
    }
    f->looked_ms = dr_mono_ms();
    if (!drop_changed(f->drop)) {
        return;
    }
    next = drop_open(f->drop->dir, &err);
    if (!next) { /* being written, perhaps: looked at again */
        dr_log(DR_LOG_WARN, "extractor.drop_refused", "%s", err.text);
        halt(f, err.text);
        return;
    }
    if (lacks_too_much(f, next)) {
        drop_free(next);
        return;
    }
    drop_free(f->drop);
    f->drop = next;
    if (f->halts) {
        f->ex->halted[0] = '\0';
        f->halts = false;
    }
    f->noticed_ms = dr_wall_ms() / 1000 * 1000;
    folder_reject(f);
    f->delta = true;
    dr_log(DR_LOG_INFO, "extractor.drop", "a new drop is read as changes");
}

/* ---- answers ---- */

struct answer {
    struct folder *f;
    struct dr_arena *a;
    struct dr_buf *out;
    struct dr_json_w w;
    struct dr_str query;
    const struct dr_json *body;
    int status;
};

static void finish(struct answer *r)
{
    char now[DR_TIME_TEXT];

    dr_json_w_kvz(&r->w, "server_time",
                  dr_time_format(dr_wall_ms() / 1000 * 1000, now));
    dr_json_w_end(&r->w);
}

static void refuse(struct answer *r, int status, const char *code)
{
    dr_buf_reset(r->out);
    dr_buf_printf(r->out, "{\"error\":{\"code\":\"%s\"}}", code);
    r->status = status;
}

static struct dr_str arg(const struct answer *r, const char *name)
{
    struct dr_str rest = r->query, key = dr_str_z(name);

    while (rest.n > 0) {
        struct dr_str value = dr_str_split(&rest, '&');
        if (dr_str_eq(dr_str_split(&value, '='), key)) {
            return value;
        }
    }
    return (struct dr_str){"", 0};
}

/* Cursors are a key in hex: nothing in them needs an escape. */
static struct dr_str after_of(struct answer *r)
{
    struct dr_str hex = arg(r, "after");
    char *p = dr_arena_alloc(r->a, hex.n / 2 + 1);

    return !p || hex.n == 0 || dr_unhex(hex, p, hex.n / 2)
               ? (struct dr_str){"", 0}
               : (struct dr_str){p, hex.n / 2};
}

static void paging(struct answer *r, struct dr_str last, bool more)
{
    char hex[2 * KEY_MAX + 1];

    dr_json_w_key(&r->w, "paging");
    if (!more || last.n > KEY_MAX) {
        dr_json_w_null(&r->w);
        return;
    }
    dr_hex(last.p, last.n, hex);
    dr_json_w_raw(&r->w,
                  dr_arena_printf(r->a, "{\"next\":{\"after\":\"%s\"}}", hex));
}

static void list_begin(struct answer *r)
{
    dr_json_w_obj(&r->w);
    dr_json_w_key(&r->w, "results");
    dr_json_w_arr(&r->w);
}

static void results(struct answer *r, const struct dr_json *holder)
{
    const struct dr_json *list = dr_json_get(holder, "results");

    dr_json_w_obj(&r->w);
    dr_json_w_key(&r->w, "results");
    dr_json_w_raw(&r->w, list ? list->raw : DR_STR_LIT("[]"));
    finish(r);
}

/* A folder has no lag and nothing that a server offers. */
static void account(struct answer *r)
{
    const struct dr_json *a = dr_json_get(r->f->drop->manifest, "account");

    dr_json_w_obj(&r->w);
    DR_JSON_EACH(m, a)
    {
        if (dr_str_eqz(m->key, "capabilities")) {
            dr_json_w_key(&r->w, "capabilities");
            dr_json_w_obj(&r->w);
            DR_JSON_EACH(c, m)
            {
                if (!dr_str_eqz(c->key, "bulk_export") &&
                    !dr_str_eqz(c->key, "max_visibility_lag_s")) {
                    dr_json_w_keys(&r->w, c->key);
                    dr_json_w_tree(&r->w, c);
                }
            }
            dr_json_w_kvb(&r->w, "bulk_export", false);
            dr_json_w_kvi(&r->w, "max_visibility_lag_s", 0);
            dr_json_w_end(&r->w);
        } else if (!dr_str_eqz(m->key, "server_time")) {
            dr_json_w_keys(&r->w, m->key);
            dr_json_w_tree(&r->w, m);
        }
    }
    finish(r);
}

static void write_body(struct answer *r, const struct entry *e)
{
    struct dr_buf b;

    dr_buf_init(&b, e->bytes + 1);
    if (drop_body(e, &b)) {
        dr_die(DR_EXIT_FAILURE, "source folder",
               "a file changed or went away while it was read: put the folder "
               "back whole and start again; nothing is lost");
    }
    dr_json_w_raw(&r->w, dr_buf_view(&b));
    dr_buf_done(&b);
}

static size_t limit_of(const struct answer *r, size_t max)
{
    uint64_t n;

    return dr_str_u64(arg(r, "limit"), &n) || n == 0 || n > max ? max
                                                                : (size_t)n;
}

static void list(struct answer *r, const struct drop_kind *k)
{
    size_t limit = limit_of(r, CONTRACT_PAGE), i = drop_after(k, after_of(r));
    struct dr_str last = {"", 0};

    list_begin(r);
    for (size_t n = 0; i < k->n && n < limit && r->out->n < PAGE_BYTES;
         i++, n++) {
        write_body(r, &k->v[i]);
        last = k->v[i].id;
    }
    dr_json_w_end(&r->w);
    paging(r, last, i < k->n);
    finish(r);
}

static void index_list(struct answer *r, const struct drop_kind *k)
{
    size_t i = drop_after(k, after_of(r));
    struct dr_str last = {"", 0};
    char at[DR_TIME_TEXT];

    list_begin(r);
    for (size_t n = 0; i < k->n && n < CONTRACT_INDEX_PAGE; i++, n++) {
        const struct entry *e = &k->v[i];
        dr_json_w_arr(&r->w);
        dr_json_w_str(&r->w, e->id);
        dr_json_w_u64(&r->w, e->version);
        dr_json_w_z(&r->w, dr_time_format(e->updated_ms, at));
        dr_json_w_bool(&r->w, e->archived);
        dr_json_w_end(&r->w);
        last = e->id;
    }
    dr_json_w_end(&r->w);
    paging(r, last, i < k->n);
    finish(r);
}

static void batch(struct answer *r, const struct drop_kind *k)
{
    const struct dr_json *ids = dr_json_get(r->body, "ids");

    list_begin(r);
    DR_JSON_EACH(id, ids)
    {
        const struct entry *e = drop_find(k, dr_json_scalar(id));
        if (e) {
            write_body(r, e);
        }
    }
    dr_json_w_end(&r->w);
    dr_json_w_key(&r->w, "missing");
    dr_json_w_arr(&r->w);
    DR_JSON_EACH(id, ids)
    {
        if (!drop_find(k, dr_json_scalar(id))) {
            dr_json_w_obj(&r->w);
            dr_json_w_kv(&r->w, "id", dr_json_scalar(id));
            dr_json_w_kvz(&r->w, "reason", "deleted");
            dr_json_w_end(&r->w);
        }
    }
    dr_json_w_end(&r->w);
    finish(r);
}

/* Is the stamp of this drop's changes in the window that is asked for? */
static bool asked(const struct answer *r)
{
    struct dr_str since = arg(r, "updated_since");
    struct dr_str before = arg(r, "updated_before");
    char now[DR_TIME_TEXT];
    struct dr_buf b;
    bool in;

    dr_time_format(r->f->noticed_ms, now);
    dr_buf_init(&b, 256);
    dr_buf_urlenc(&b, dr_str_z(now));
    in = r->f->delta && dr_str_cmp(dr_buf_view(&b), since) >= 0 &&
         dr_str_cmp(dr_buf_view(&b), before) < 0;
    dr_buf_done(&b);
    return in;
}

static void change(struct answer *r, struct dr_str id, const char *op,
                   uint64_t version)
{
    char at[DR_TIME_TEXT];

    dr_json_w_obj(&r->w);
    dr_json_w_kv(&r->w, "id", id);
    dr_json_w_kvz(&r->w, "op", op);
    dr_json_w_key(&r->w, "version");
    dr_json_w_u64(&r->w, version);
    dr_json_w_kvz(&r->w, "updated_at", dr_time_format(r->f->noticed_ms, at));
    dr_json_w_end(&r->w);
}

/* On the first page: what the drop has not and was sent before. */
static void absent(struct answer *r, const struct drop_kind *k)
{
    struct extractor *ex = r->f->ex;
    const struct object *o = object_find(ex, k->name);
    int kind = o ? object_index(ex, o) : -1;
    struct emitted_row row;
    struct dr_str id;
    size_t at = 0;

    if (!o || o->is == OBJECT_LINES) {
        return; /* their sets are read again whole */
    }
    emitted_sweep_begin(ex->emitted, kind);
    for (size_t i = 0; i < k->n; i++) {
        emitted_sweep_saw(ex->emitted, kind, k->v[i].id);
    }
    while (emitted_sweep_next(ex->emitted, kind, &at, &id)) {
        if (emitted_get(ex->emitted, kind, id, &row)) {
            change(r, id, "delete", row.version + 1);
        }
    }
}

/* All of the drop: what is no news is not sent again. */
static void changes(struct answer *r, const struct drop_kind *k)
{
    struct dr_str after = after_of(r), last = {"", 0};
    size_t i = drop_after(k, after), n = 0;
    bool on = asked(r);

    list_begin(r);
    for (; on && i < k->n && n < CONTRACT_PAGE; i++, n++) {
        change(r, k->v[i].id, "upsert", k->v[i].version);
        last = k->v[i].id;
    }
    if (on && i == k->n && n < CONTRACT_PAGE / 2) {
        absent(r, k);
    }
    dr_json_w_end(&r->w);
    paging(r, last, on && (i < k->n || n >= CONTRACT_PAGE / 2));
    finish(r);
}

static void objects(struct answer *r, struct dr_str type, struct dr_str rest)
{
    const struct drop_kind *k = drop_kind(r->f->drop, type);

    if (!k) {
        refuse(r, 404, "not_found");
    } else if (!rest.p || rest.n == 0) {
        list(r, k);
    } else if (dr_str_eqz(rest, "index")) {
        index_list(r, k);
    } else if (dr_str_eqz(rest, "changes")) {
        changes(r, k);
    } else if (dr_str_eqz(rest, "batch/read")) {
        batch(r, k);
    } else {
        refuse(r, 404, "not_found");
    }
}

/* ---- associations ---- */

static void end(struct answer *r, const struct drop_end *e)
{
    dr_json_w_obj(&r->w);
    dr_json_w_kv(&r->w, "id", e->to);
    dr_json_w_kv(&r->w, "type_id", e->type_id);
    dr_json_w_kv(&r->w, "label", e->label);
    dr_json_w_kv(&r->w, "category", e->category);
    dr_json_w_kvb(&r->w, "primary", e->primary);
    if (e->updated_at.n > 0) {
        dr_json_w_kv(&r->w, "updated_at", e->updated_at);
    }
    dr_json_w_end(&r->w);
}

static void lines_of(struct answer *r, struct dr_str deal)
{
    const struct drop_kind *k = drop_kind(r->f->drop, DR_STR_LIT("line_item"));

    for (size_t i = 0; k && i < k->n; i++) {
        if (dr_str_eq(k->v[i].deal, deal)) {
            end(r, &(struct drop_end){.to = k->v[i].id,
                                      .type_id = DR_STR_LIT("0"),
                                      .label = DR_STR_LIT("Line item"),
                                      .category = DR_STR_LIT("system")});
        }
    }
}

static void ends(struct answer *r, struct dr_str from, struct dr_str to)
{
    const struct drop_pair *p = drop_pair(r->f->drop, from, to);
    bool lines = dr_str_eqz(from, "deal") && dr_str_eqz(to, "line_item");

    if (!p && !lines) {
        refuse(r, 404, "not_found");
        return;
    }
    list_begin(r);
    DR_JSON_EACH(id, dr_json_get(r->body, "ids"))
    {
        struct dr_str one = dr_json_scalar(id);
        dr_json_w_obj(&r->w);
        dr_json_w_kv(&r->w, "from", one);
        dr_json_w_key(&r->w, "to");
        dr_json_w_arr(&r->w);
        if (lines) {
            lines_of(r, one);
        }
        for (size_t i = p ? drop_ends(p, one) : 0;
             p && i < p->n && dr_str_eq(p->v[i].from, one); i++) {
            end(r, &p->v[i]);
        }
        dr_json_w_end(&r->w);
        dr_json_w_key(&r->w, "paging");
        dr_json_w_null(&r->w);
        dr_json_w_end(&r->w);
    }
    dr_json_w_end(&r->w);
    finish(r);
}

/* Every deal's set of lines is read again after a new drop. */
static void assoc_changes(struct answer *r)
{
    const struct drop_kind *k = drop_kind(r->f->drop, DR_STR_LIT("deal"));
    struct dr_str last = {"", 0};
    size_t i = k ? drop_after(k, after_of(r)) : 0;
    bool on = k && asked(r);
    char at[DR_TIME_TEXT];

    dr_time_format(r->f->noticed_ms, at);
    list_begin(r);
    for (size_t n = 0; on && i < k->n && n < CONTRACT_PAGE; i++, n++) {
        last = k->v[i].id;
        dr_json_w_obj(&r->w);
        dr_json_w_kvz(&r->w, "op", "add");
        dr_json_w_kvz(&r->w, "from_type", "deal");
        dr_json_w_kvz(&r->w, "to_type", "line_item");
        dr_json_w_kv(&r->w, "from_id", last);
        dr_json_w_kvz(&r->w, "to_id", "");
        dr_json_w_kvz(&r->w, "updated_at", at);
        dr_json_w_end(&r->w);
    }
    dr_json_w_end(&r->w);
    paging(r, last, on && i < k->n);
    finish(r);
}

/* ---- which call it is ---- */

static void schema(struct answer *r, struct dr_str rest)
{
    struct dr_str what = dr_str_split(&rest, '/');
    const struct drop *d = r->f->drop;

    if (dr_str_eqz(what, "objects") && rest.p) {
        results(r, dr_json_gets(dr_json_get(d->schema, "properties"),
                                dr_str_split(&rest, '/')));
    } else {
        results(r, dr_json_gets(d->schema, what));
    }
}

static void route(struct answer *r, struct dr_str path)
{
    const struct drop *d = r->f->drop;
    struct dr_str rest = path, head, type;

    (void)dr_str_split(&rest, '/');
    (void)dr_str_split(&rest, '/'); /* v1 */
    head = dr_str_split(&rest, '/');
    if (dr_str_eqz(head, "account")) {
        account(r);
    } else if (dr_str_eqz(head, "schema")) {
        schema(r, rest);
    } else if (dr_str_eqz(head, "objects")) {
        type = dr_str_split(&rest, '/');
        objects(r, type, rest);
    } else if (dr_str_eqz(head, "associations")) {
        type = dr_str_split(&rest, '/');
        if (dr_str_eqz(type, "changes")) {
            assoc_changes(r);
        } else {
            ends(r, type, dr_str_split(&rest, '/'));
        }
    } else if (dr_str_eqz(head, "pipelines")) {
        results(r, dr_json_gets(d->pipelines, rest));
    } else if (dr_str_eqz(head, "owners")) {
        results(r, d->owners);
    } else if (dr_str_eqz(head, "currencies")) {
        results(r, d->currencies);
    } else if (dr_str_eqz(head, "events")) {
        list(r, drop_kind(d, DR_STR_LIT("event")));
    } else if (dr_str_eqz(head, "automation")) {
        results(r,
                dr_json_gets(d->automation, dr_str_eqz(rest, "email-templates")
                                                ? DR_STR_LIT("email_templates")
                                                : rest));
    } else {
        refuse(r, 404, "not_found");
    }
}

int folder_answer(struct folder *f, struct dr_str path, struct dr_str body,
                  struct dr_buf *out)
{
    struct answer r = {.f = f, .out = out, .status = 200};

    look(f);
    r.a = dr_arena_new((size_t)8 << 20);
    r.query = path;
    path = dr_str_split(&r.query, '?');
    r.body = body.n > 0 ? dr_json_parse(r.a, body, NULL, NULL) : NULL;
    dr_buf_reset(out);
    dr_json_w_init(&r.w, out);
    route(&r, path);
    dr_arena_free(r.a);
    return r.status;
}
