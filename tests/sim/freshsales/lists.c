/* Reading many: views and sub-lists, in pages (reference 1.8, 14.1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/decimal.h>

#include "call.h"
#include "write.h"

#define PAGE_DEFAULT 25
#define PAGE_MAX 100

static uint64_t number_arg(struct call *c, const char *name, uint64_t otherwise)
{
    struct dr_str s = arg(c, name);
    uint64_t v;

    return s.p && dr_str_u64(s, &v) == 0 ? v : otherwise;
}

bool page_size(struct call *c, uint64_t otherwise, uint64_t *per_out)
{
    uint64_t per = number_arg(c, "per_page", otherwise);

    if (per > PAGE_MAX && knob_is(c->a->knobs, "per_page_over_100", "400")) {
        fail_with(c, &(struct refusal){400, "%s is invalid", 0, "per_page"});
        return false;
    }
    *per_out = per < 1 ? otherwise : per > PAGE_MAX ? PAGE_MAX : per;
    return true;
}

/* ---- order ---- */

enum order { BY_ID, BY_UPDATE, BY_CREATION, BY_AMOUNT };

static int by_creation(const void *x, const void *y)
{
    const struct rec *a = *(const struct rec *const *)x;
    const struct rec *b = *(const struct rec *const *)y;

    return a->created_ms != b->created_ms
               ? (a->created_ms < b->created_ms ? -1 : 1)
               : (a->id < b->id ? -1 : a->id > b->id);
}

static int by_update(const void *x, const void *y)
{
    const struct rec *a = *(const struct rec *const *)x;
    const struct rec *b = *(const struct rec *const *)y;

    return a->updated_ms != b->updated_ms
               ? (a->updated_ms < b->updated_ms ? -1 : 1)
               : (a->id < b->id ? -1 : a->id > b->id);
}

static int by_amount(const void *x, const void *y)
{
    const struct rec *a = *(const struct rec *const *)x;
    const struct rec *b = *(const struct rec *const *)y;
    struct dr_dec p, q;
    int order;

    dr_dec_zero(&p);
    dr_dec_zero(&q);
    (void)!dr_dec_parse_json(rec_text(a, "amount"), &p);
    (void)!dr_dec_parse_json(rec_text(b, "amount"), &q);
    order = dr_dec_cmp(&p, &q);
    return order ? order : (a->id < b->id ? -1 : a->id > b->id);
}

static enum order order_of(struct call *c)
{
    struct dr_str by = arg(c, "sort");

    return is(by, "updated_at")          ? BY_UPDATE
           : is(by, "created_at")        ? BY_CREATION
           : is(by, "open_deals_amount") ? BY_AMOUNT
           : is(by, "amount")            ? BY_AMOUNT
                                         : BY_ID;
}

/* Rows that come by rising id. */
void sort_rows(struct call *c, const struct rec **v, size_t n)
{
    enum order by = order_of(c);

    if (by != BY_ID) {
        qsort(v, n, sizeof(*v),
              by == BY_UPDATE     ? by_update
              : by == BY_CREATION ? by_creation
                                  : by_amount);
    }
    if (is(arg(c, "sort_type"), "desc")) {
        for (size_t i = 0; i < n / 2; i++) {
            const struct rec *t = v[i];
            v[i] = v[n - 1 - i];
            v[n - 1 - i] = t;
        }
    }
}

/* ---- pages ---- */

/* Rows a page really has: fewer where the knobs want short pages or rows
 * that come twice. No row is lost by either. */
static uint64_t effective(struct call *c, uint64_t per)
{
    if (knob_is(c->a->knobs, "view_short_pages", "on") && per > 1) {
        per -= per > 10 ? per / 10 : 1;
    }
    if (knob_is(c->a->knobs, "view_duplicate_rows", "on") && per > 1) {
        per--;
    }
    return per;
}

uint64_t page_count(struct call *c, size_t n, uint64_t per)
{
    per = effective(c, per);
    return n == 0 ? (uint64_t)knob_int(c->a->knobs, "empty_total_pages")
                  : (n + per - 1) / per;
}

void page_range(struct call *c, size_t n, uint64_t per, uint64_t *from,
                uint64_t *to)
{
    uint64_t no = number_arg(c, "page", 1);

    per = effective(c, per);
    if (no == 0 || no - 1 > n / per) {
        *from = *to = n;
        return;
    }
    *from = (no - 1) * per;
    *to = *from + per < n ? *from + per : n;
    if (*from > 0 && *from < n &&
        knob_is(c->a->knobs, "view_duplicate_rows", "on")) {
        --*from;
    }
}

static void write_meta(struct call *c, const struct kind *k, size_t n,
                       uint64_t per, enum meta meta, const struct rows *shown)
{
    char id[24];

    dr_json_w_key(&c->w, "meta");
    dr_json_w_obj(&c->w);
    if (meta != META_TOTAL) {
        dr_json_w_kvi(&c->w, "total_pages", (int64_t)page_count(c, n, per));
    }
    dr_json_w_kvi(&c->w, "total", (int64_t)n);
    if (meta == META_VIEW) {
        dr_json_w_key(&c->w, "avatar_data");
        dr_json_w_obj(&c->w);
        dr_json_w_key(&c->w, k->model);
        dr_json_w_obj(&c->w);
        for (size_t i = 0; i < shown->n; i++) {
            (void)snprintf(id, sizeof(id), "%llu",
                           (unsigned long long)shown->v[i]->id);
            dr_json_w_kvz(&c->w, id, NULL);
        }
        dr_json_w_end(&c->w);
        dr_json_w_end(&c->w);
    }
    dr_json_w_end(&c->w);
}

void page(struct call *c, struct kind *k, const struct rows *rows, uint64_t per,
          enum meta meta)
{
    struct dr_str with = include(c);
    uint64_t from, to;
    struct rows shown;

    page_range(c, rows->n, per, &from, &to);
    shown = (struct rows){rows->v + from, (size_t)(to - from)};
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, plural_of(k));
    dr_json_w_arr(&c->w);
    for (size_t i = 0; i < shown.n; i++) {
        render(c->a, k, shown.v[i], with, false, &c->w);
    }
    dr_json_w_end(&c->w);
    side_loads(c, k, with, shown.v, shown.n);
    beside(c, k, with, shown.v, shown.n);
    write_meta(c, k, rows->n, per, meta, &shown);
    dr_json_w_end(&c->w);
}

/* ---- views ---- */

static bool in_view(struct account *a, const struct rec *r, struct dr_str name)
{
    struct dr_str type;

    if (is(name, "Recycle Bin") || r->deleted) {
        return r->deleted && is(name, "Recycle Bin");
    }
    if (dr_str_starts(name, DR_STR_LIT("My "))) {
        return rec_id(r, "owner_id") == a->api_user;
    }
    if (!is(name, "Open Deals") && !is(name, "Won Deals") &&
        !is(name, "Lost Deals")) {
        return true;
    }
    type = forecast_of(a, r);
    return is(name, "Won Deals")    ? is(type, "Closed Won")
           : is(name, "Lost Deals") ? is(type, "Closed Lost")
                                    : is(type, "Open");
}

/* By rising id, or as they were written: neither needs sorting. */
static void gather(struct call *c, struct kind *k, struct dr_str name,
                   struct sorted *s)
{
    enum order by = order_of(c);

    free(s->v);
    s->v = dr_xcalloc(k->n + 1, sizeof(*s->v));
    s->n = 0;
    if (by != BY_UPDATE) {
        for (size_t i = 0; i < k->n; i++) {
            if (in_view(c->a, k->v[i], name)) {
                s->v[s->n++] = k->v[i];
            }
        }
        sort_rows(c, s->v, s->n);
        return;
    }
    if (is(arg(c, "sort_type"), "desc")) {
        for (const struct rec *r = k->newest; r; r = r->older) {
            if (in_view(c->a, r, name)) {
                s->v[s->n++] = r;
            }
        }
        return;
    }
    for (const struct rec *r = k->oldest; r; r = r->newer) {
        if (in_view(c->a, r, name)) {
            s->v[s->n++] = r;
        }
    }
}

/* The rows of the view, from the last time when nothing was written since. */
static struct rows view_rows(struct call *c, struct kind *k, uint64_t id,
                             struct dr_str name)
{
    struct sorted *s = &k->sorted;
    char by[sizeof(s->by)];

    (void)snprintf(by, sizeof(by), "%.20s:" DR_STR_FMT,
                   order_of(c) == BY_ID ? "id" : arg(c, "sort").p,
                   DR_STR_ARG(arg(c, "sort_type")));
    if (!s->v || s->version != k->version || s->view != id ||
        strcmp(s->by, by) != 0) {
        gather(c, k, name, s);
        s->version = k->version;
        s->view = id;
        (void)snprintf(s->by, sizeof(s->by), "%s", by);
    }
    return (struct rows){s->v, s->n};
}

static bool shown_view(const struct call *c, const struct dr_json *v)
{
    return !is(dr_json_get_str(v, "name"), "All Deals") ||
           knob_is(c->a->knobs, "all_deals_view", "present");
}

void view(struct call *c, struct kind *k, struct dr_str rest)
{
    struct list *views = list_of(c->a->views, k->entity);
    uint64_t id = 0, per;

    if (dr_str_u64(rest, &id)) {
        id = 0;
    }
    for (size_t i = 0; i < views->n; i++) {
        const struct dr_json *v = list_at(views, i);
        struct rows rows;
        if ((uint64_t)dr_json_get_i64(v, "id", 0) != id || !shown_view(c, v)) {
            continue;
        }
        if (page_size(c, PAGE_DEFAULT, &per)) {
            rows = view_rows(c, k, id, dr_json_get_str(v, "name"));
            page(c, k, &rows, per, META_VIEW);
        }
        return;
    }
    fail(c, 404, "The record does not exist.");
}

void filters(struct call *c, const struct kind *k)
{
    struct list *views = list_of(c->a->views, k->entity);

    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "filters");
    dr_json_w_arr(&c->w);
    for (size_t i = 0; i < views->n; i++) {
        if (shown_view(c, list_at(views, i))) {
            dr_json_w_tree(&c->w, list_at(views, i));
        }
    }
    dr_json_w_end(&c->w);
    dr_json_w_key(&c->w, "meta");
    dr_json_w_obj(&c->w);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

/* ---- sub-lists ---- */

/* What hangs on others by its target, contacts and deals of an account, deals
 * of a contact. */
static const char *link_field(const struct kind *parent, const struct kind *k)
{
    if (k->hangs) {
        return parent->core ? "targetables" : NULL;
    }
    if (is_type(parent, "sales_accounts")) {
        return is_type(k, "contacts")         ? "sales_accounts"
               : is_type(k, "deals")          ? "sales_account_id"
               : is_type(k, "sales_accounts") ? "parent_sales_account_id"
                                              : NULL;
    }
    return is_type(parent, "contacts") && is_type(k, "deals") ? "contacts"
                                                              : NULL;
}

static int by_id(const void *x, const void *y)
{
    const struct rec *a = *(const struct rec *const *)x;
    const struct rec *b = *(const struct rec *const *)y;

    return a->id < b->id ? -1 : a->id > b->id;
}

void sub_list(struct call *c, struct kind *parent, struct rec *r,
              struct kind *k)
{
    const char *field = link_field(parent, k);
    const struct hits *h;
    struct rows rows = {.n = 0};
    char key[64];
    uint64_t per;

    if (!field) {
        fail(c, 404, "There is no such call.");
        return;
    }
    if (!page_size(c, PAGE_DEFAULT, &per)) {
        return;
    }
    (void)snprintf(key, sizeof(key), "%s%s%llu",
                   strcmp(field, "targetables") == 0 ? parent->model : "",
                   strcmp(field, "targetables") == 0 ? ":" : "",
                   (unsigned long long)r->id);
    h = index_find(c->a, k, dr_str_z(field), dr_str_z(key));
    rows.v = dr_xcalloc(h ? h->n + 1 : 1, sizeof(*rows.v));
    for (size_t i = 0; h && i < h->n; i++) {
        if (!h->v[i]->deleted) {
            rows.v[rows.n++] = h->v[i];
        }
    }
    qsort(rows.v, rows.n, sizeof(*rows.v), by_id);
    sort_rows(c, rows.v, rows.n);
    page(c, k, &rows, per, META_PAGES);
    free(rows.v);
}
