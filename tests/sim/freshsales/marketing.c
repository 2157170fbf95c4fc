/* Marketing lists of contacts (reference 11.2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrs.h"
#include "call.h"
#include "write.h"

#define PAGE_DEFAULT 25
#define IDS_MAX 10000 /* a call */

const struct attr list_attrs[] = {
    TEXT("name"), HIDDEN("contact_ids", A_READONLY, ADMIN, "[]"), END};

static void answer_list(struct call *c, const struct rec *r)
{
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "id");
    dr_json_w_u64(&c->w, r->id);
    dr_json_w_key(&c->w, "name");
    dr_json_w_raw(&c->w, rec_value(r, "name"));
    dr_json_w_end(&c->w);
}

static void write_list(struct call *c, struct kind *k, struct rec *rec)
{
    const struct dr_json *attrs = attributes(c, k);
    const char *op = rec ? "update" : "create";
    struct refusal r = {0};

    if (!attrs) {
        fail(c, 400, "The request body is not JSON.");
        return;
    }
    rec = write_record(c->a, k, rec, attrs, "api", &r);
    if (!rec) {
        fail_with(c, &r);
        return;
    }
    c->effect = true;
    touch(c, k, rec->id, op);
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, k->root);
    answer_list(c, rec);
    dr_json_w_end(&c->w);
}

static void all_lists(struct call *c, const struct kind *k)
{
    uint64_t per, from, to;

    if (!page_size(c, PAGE_DEFAULT, &per)) {
        return;
    }
    page_range(c, k->n, per, &from, &to);
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, k->type);
    dr_json_w_arr(&c->w);
    for (uint64_t i = from; i < to; i++) {
        answer_list(c, k->v[i]);
    }
    dr_json_w_end(&c->w);
    dr_json_w_key(&c->w, "meta");
    dr_json_w_obj(&c->w);
    dr_json_w_kvi(&c->w, "total_pages", (int64_t)page_count(c, k->n, per));
    dr_json_w_kvi(&c->w, "total", (int64_t)k->n);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

/* ---- who is on a list ---- */

static struct dr_map *members(struct call *c, const struct rec *r)
{
    struct dr_map *m = dr_map_new(NULL);

    DR_JSON_EACH(id, rec_json(c->a, r, "contact_ids"))
    {
        dr_map_put(m, dr_json_scalar(id), c);
    }
    return m;
}

static void keep_members(struct call *c, struct kind *k, struct rec *r,
                         const struct dr_map *m)
{
    struct dr_str id;
    size_t at = 0;
    struct dr_buf b;
    void *v;

    dr_buf_init(&b, (size_t)16 << 20);
    while (dr_map_next(m, &at, &id, &v)) {
        dr_buf_ch(&b, b.n ? ',' : '[');
        dr_buf_str(&b, id);
    }
    dr_buf_z(&b, b.n ? "]" : "[]");
    rec_set(r, "contact_ids", dr_buf_view(&b));
    dr_buf_done(&b);
    rec_touch(c->a, k, r);
    touch(c, k, r->id, "update");
}

/* The living contacts that the body names: by ids, or all of `from`. */
static struct dr_map *chosen(struct call *c, const struct dr_json *j,
                             const struct rec *from)
{
    const struct kind *contacts = kind_named("contacts");
    struct dr_map *m;

    if (dr_json_true(dr_json_get(j, "all"))) {
        return from ? members(c, from) : dr_map_new(NULL);
    }
    m = dr_map_new(NULL);
    DR_JSON_EACH(v, dr_json_get(j, "ids"))
    {
        uint64_t id;
        if (dr_str_u64(dr_json_scalar(v), &id) == 0 &&
            rec_alive(contacts, id)) {
            dr_map_put(
                m, dr_arena_printf(c->ar, "%llu", (unsigned long long)id), c);
        }
    }
    return m;
}

static void change(struct call *c, struct kind *k, struct rec *r,
                   const struct dr_map *who, bool add)
{
    struct dr_map *m = members(c, r);
    struct dr_str id;
    size_t at = 0;
    void *v;

    while (dr_map_next(who, &at, &id, &v)) {
        if (add) {
            dr_map_put(m, id, c);
        } else {
            (void)dr_map_del(m, id);
        }
    }
    keep_members(c, k, r, m);
    dr_map_free(m);
}

static void change_members(struct call *c, struct kind *k, struct rec *r,
                           struct dr_str what)
{
    const struct dr_json *j = body_json(c);
    const struct dr_json *ids = dr_json_get(j, "ids");
    bool all = dr_json_true(dr_json_get(j, "all"));
    bool move = is(what, "move_contacts"), add = is(what, "add_contacts");
    struct rec *from =
        rec_find(k, (uint64_t)dr_json_get_i64(j, "from_list_id", 0));
    struct dr_map *who;

    if ((all ? add : dr_json_type(ids) != DR_JSON_ARRAY) ||
        (ids && ids->count > IDS_MAX)) {
        fail_with(
            c, &(struct refusal){400, "The type for %s is invalid.", 0, "ids"});
        return;
    }
    if (move && !from) {
        fail_with(
            c, &(struct refusal){400, "%s does not exist", 0, "from_list_id"});
        return;
    }
    who = chosen(c, j, move ? from : r);
    if (move) {
        change(c, k, from, who, false);
    }
    change(c, k, r, who, move || add);
    c->effect = true;
    dr_json_w_obj(&c->w);
    dr_json_w_kv(&c->w, "message",
                 all ? DR_STR_LIT("Updating now... we'll let you know once "
                                  "this is done.")
                     : dr_arena_printf(c->ar, "%zu contacts updated.",
                                       dr_map_count(who)));
    dr_json_w_end(&c->w);
    dr_map_free(who);
}

bool marketing_lists(struct call *c, struct dr_str rest)
{
    struct kind *k = kind_named("lists");
    struct dr_str head = dr_str_split(&rest, '/');
    bool put = is(c->method, "PUT");
    struct rec *r;
    uint64_t id;

    if (head.n == 0) {
        if (is(c->method, "POST")) {
            write_list(c, k, NULL);
        } else if (is(c->method, "GET")) {
            all_lists(c, k);
        } else {
            return false;
        }
        return true;
    }
    r = dr_str_u64(head, &id) ? NULL : rec_find(k, id);
    if (!put || (rest.p && !is(rest, "add_contacts") &&
                 !is(rest, "remove_contacts") && !is(rest, "move_contacts"))) {
        return false;
    }
    if (!r) {
        fail(c, 404, "The record does not exist.");
    } else if (rest.p) {
        change_members(c, k, r, rest);
    } else {
        write_list(c, k, r);
    }
    return true;
}

void contacts_of_list(struct call *c, struct dr_str rest)
{
    struct kind *contacts = kind_named("contacts");
    struct rows rows = {.n = 0};
    const struct dr_json *ids;
    const struct rec *r;
    uint64_t id, per;

    r = dr_str_u64(rest, &id) ? NULL : rec_find(kind_named("lists"), id);
    if (!r) {
        fail(c, 404, "The record does not exist.");
        return;
    }
    if (!page_size(c, PAGE_DEFAULT, &per)) {
        return;
    }
    ids = rec_json(c->a, r, "contact_ids");
    rows.v = dr_xcalloc((ids ? ids->count : 0) + 1, sizeof(*rows.v));
    DR_JSON_EACH(v, ids)
    {
        const struct rec *one =
            dr_str_u64(dr_json_scalar(v), &id) ? NULL : rec_alive(contacts, id);
        if (one) {
            rows.v[rows.n++] = one;
        }
    }
    page(c, contacts, &rows, per, META_PAGES);
    free(rows.v);
}
