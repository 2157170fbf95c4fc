/* The calls of the contract, answered from a folder's files. */
#include "folder_private.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "extractor.h"

#define KEY_MAX 96 /* bytes that a cursor stands for */
#define PAGE_BYTES ((size_t)2 << 20)

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

    dr_buf_init(&b, (size_t)e->bytes + 1);
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

static void index_entry(struct answer *r, const struct entry *e)
{
    char at[DR_TIME_TEXT];

    dr_json_w_arr(&r->w);
    dr_json_w_str(&r->w, e->id);
    dr_json_w_u64(&r->w, e->version);
    dr_json_w_z(&r->w, dr_time_format(e->updated_ms, at));
    dr_json_w_bool(&r->w, e->archived);
    dr_json_w_end(&r->w);
}

/* What cannot be read is there as well: of it the id is all that is known. */
static void index_list(struct answer *r, const struct drop_kind *k)
{
    size_t i = drop_after(k, after_of(r));
    size_t b = drop_broken_after(k, after_of(r));
    struct dr_str last = {"", 0};

    list_begin(r);
    for (size_t n = 0; (i < k->n || b < k->broken_n) && n < CONTRACT_INDEX_PAGE;
         n++) {
        struct entry e = {.updated_ms = r->f->drop->produced_ms};
        if (b == k->broken_n ||
            (i < k->n && dr_str_cmp(k->v[i].id, k->broken[b]) < 0)) {
            e = k->v[i++];
        } else {
            e.id = k->broken[b++];
        }
        index_entry(r, &e);
        last = e.id;
    }
    dr_json_w_end(&r->w);
    paging(r, last, i < k->n || b < k->broken_n);
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
        const struct drop_gone *gone = drop_gone_find(k, dr_json_scalar(id));
        if (drop_find(k, dr_json_scalar(id))) {
            continue;
        }
        dr_json_w_obj(&r->w);
        dr_json_w_kv(&r->w, "id", dr_json_scalar(id));
        if (gone && gone->merged_into.n > 0) {
            dr_json_w_kvz(&r->w, "reason", "merged");
            dr_json_w_kv(&r->w, "merged_into", gone->merged_into);
        } else if (drop_is_broken(k, dr_json_scalar(id))) {
            dr_json_w_kvz(&r->w, "reason", "corrupt");
        } else {
            dr_json_w_kvz(&r->w, "reason", "deleted");
        }
        dr_json_w_end(&r->w);
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

struct news {
    struct dr_str id, merged_into; /* empty: not merged */
    const char *op;
    uint64_t version;
};

static void change(struct answer *r, const struct news *n)
{
    char at[DR_TIME_TEXT];

    dr_json_w_obj(&r->w);
    dr_json_w_kv(&r->w, "id", n->id);
    dr_json_w_kvz(&r->w, "op", n->op);
    dr_json_w_key(&r->w, "version");
    dr_json_w_u64(&r->w, n->version);
    dr_json_w_kvz(&r->w, "updated_at", dr_time_format(r->f->noticed_ms, at));
    if (n->merged_into.n > 0) {
        dr_json_w_kv(&r->w, "merged_into", n->merged_into);
    }
    dr_json_w_end(&r->w);
}

/* ---- what the drop has not and was sent before ---- */

/* Listed once for all pages: what is sent of the first ones changes it. */
static void list_absent(struct answer *r, const struct drop_kind *k)
{
    struct folder *f = r->f;
    struct extractor *ex = f->ex;
    const struct object *o = object_find(ex, k->name);
    int kind = o ? object_index(ex, o) : -1;
    struct dr_str id;
    size_t at = 0;

    f->absent_n = 0;
    dr_arena_reset(f->absent_ids);
    if (!o || o->is == OBJECT_LINES) {
        return; /* their sets are read again whole */
    }
    emitted_sweep_begin(ex->emitted, kind);
    for (size_t i = 0; i < k->n; i++) {
        emitted_sweep_saw(ex->emitted, kind, k->v[i].id);
    }
    for (size_t i = 0; i < k->broken_n; i++) {
        emitted_sweep_saw(ex->emitted, kind, k->broken[i]);
    }
    f->absent =
        dr_xrealloc(f->absent, (emitted_sweep_missing(ex->emitted, kind) + 1) *
                                   sizeof(*f->absent));
    while (emitted_sweep_next(ex->emitted, kind, &at, &id)) {
        id = dr_arena_dup(f->absent_ids, id);
        if (!id.p) {
            dr_die(DR_EXIT_NOMEM, "source folder",
                   "more records are gone than fit into %zu MiB: export in "
                   "smaller steps",
                   FOLDER_ABSENT_MAX >> 20);
        }
        f->absent[f->absent_n++] = id;
    }
}

/* Merged or deleted where a tombstone says so; else deleted, which the target
 * is not without a person's word. */
static void absent(struct answer *r, const struct drop_kind *k,
                   struct dr_str id)
{
    const struct object *o = object_find(r->f->ex, k->name);
    const struct drop_gone *gone = drop_gone_find(k, id);
    struct news n = {.id = id, .op = "delete"};
    struct emitted_row row;

    if (!o ||
        !emitted_get(r->f->ex->emitted, object_index(r->f->ex, o), id, &row)) {
        return;
    }
    n.version = row.version + 1;
    if (gone) {
        n.version = gone->version > n.version ? gone->version : n.version;
        n.merged_into = gone->merged_into;
        n.op = gone->merged_into.n > 0 ? "merge" : "delete";
    }
    change(r, &n);
}

/* A cursor of changes: "i" and the last id, or "g" and how many of those that
 * are gone were listed. */
static void turn(struct answer *r, char which, struct dr_str key)
{
    struct dr_str all =
        dr_arena_printf(r->a, "%c" DR_STR_FMT, which, DR_STR_ARG(key));

    paging(r, all, true);
}

static void gone_page(struct answer *r, const struct drop_kind *k,
                      struct dr_str from)
{
    uint64_t i = 0;

    if (from.n == 0 || dr_str_u64(from, &i)) {
        list_absent(r, k);
        i = 0;
    }
    for (size_t n = 0; i < r->f->absent_n && n < CONTRACT_PAGE; i++, n++) {
        absent(r, k, r->f->absent[i]);
    }
    dr_json_w_end(&r->w);
    if (i < r->f->absent_n) {
        turn(r, 'g', dr_arena_printf(r->a, "%llu", (unsigned long long)i));
    } else {
        paging(r, (struct dr_str){"", 0}, false);
    }
}

/* All of the drop: what is no news is not sent again; then what it has not. */
static void changes(struct answer *r, const struct drop_kind *k)
{
    struct dr_str after = after_of(r), last = {"", 0};
    char which = after.n > 0 ? after.p[0] : 'i';
    bool on = asked(r);
    size_t i;

    after = after.n > 0 ? (struct dr_str){after.p + 1, after.n - 1} : after;
    list_begin(r);
    if (which == 'g' && on) {
        gone_page(r, k, after);
        finish(r);
        return;
    }
    i = drop_after(k, after);
    for (size_t n = 0; on && i < k->n && n < CONTRACT_PAGE; i++, n++) {
        change(r, &(struct news){.id = k->v[i].id,
                                 .op = "upsert",
                                 .version = k->v[i].version});
        last = k->v[i].id;
    }
    dr_json_w_end(&r->w);
    if (!on) {
        paging(r, last, false);
    } else {
        turn(r, i < k->n ? 'i' : 'g', i < k->n ? last : (struct dr_str){"", 0});
    }
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

    folder_look(f);
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
