/* Lists inside a record: addresses, numbers, prices, links, targets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "write.h"

struct dr_str primary_email(const struct dr_json *attrs)
{
    const struct dr_json *e = dr_json_get(attrs, "emails");
    const struct dr_json *first;

    if (!e) {
        return dr_json_get_str(attrs, "email");
    }
    if (e->type == DR_JSON_STRING) {
        return e->text;
    }
    first = dr_json_at(e, 0);
    DR_JSON_EACH(m, e)
    {
        if (dr_json_true(dr_json_get(m, "is_primary"))) {
            first = m;
        }
    }
    return first && first->type == DR_JSON_STRING
               ? first->text
               : dr_json_get_str(first, "value");
}

#define EMAILS_MAX 50

struct email {
    uint64_t id;
    struct dr_str value, label;
};

struct emails {
    struct email v[EMAILS_MAX];
    size_t n, primary;
};

static struct email *email_of(struct emails *e, uint64_t id,
                              struct dr_str value)
{
    for (size_t i = 0; i < e->n; i++) {
        if ((id && e->v[i].id == id) ||
            (!id && dr_str_ieq(e->v[i].value, value))) {
            return &e->v[i];
        }
    }
    return NULL;
}

static struct email *add_email(struct account *a, struct emails *e,
                               struct dr_str value)
{
    struct email *x = email_of(e, 0, value);

    if (!x && value.n > 0 && e->n < EMAILS_MAX) {
        x = &e->v[e->n++];
        *x = (struct email){.id = new_id(a), .value = value};
    }
    return x;
}

/* {"value", "is_primary", "label"} adds, with an id it edits, with _destroy
 * it removes. */
static void edit_email(struct account *a, struct emails *e,
                       const struct dr_json *m)
{
    uint64_t id = (uint64_t)dr_json_get_i64(m, "id", 0);
    struct dr_str value = dr_json_get_str(m, "value");
    struct email *x = id ? email_of(e, id, value) : add_email(a, e, value);

    if (!x) {
        return;
    }
    if (dr_json_true(dr_json_get(m, "_destroy"))) {
        size_t at = (size_t)(x - e->v);
        memmove(x, x + 1, (e->n - at - 1) * sizeof(*x));
        e->n--;
        e->primary = e->primary > at ? e->primary - 1 : e->primary;
        return;
    }
    x->value = value.n ? value : x->value;
    x->label = dr_json_get_str(m, "label");
    if (dr_json_true(dr_json_get(m, "is_primary"))) {
        e->primary = (size_t)(x - e->v);
    }
}

/* A bare address becomes the primary one in place of what was it. */
static void bare_email(struct account *a, struct emails *e, struct dr_str value)
{
    struct email *x = email_of(e, 0, value);

    if (x) {
        e->primary = (size_t)(x - e->v);
    } else if (value.n == 0) {
        e->n = 0;
    } else if (e->n > 0) {
        e->v[e->primary].value = value;
    } else {
        (void)add_email(a, e, value);
    }
}

static void one_email(struct dr_json_w *w, const struct email *x, bool primary)
{
    dr_json_w_obj(w);
    dr_json_w_key(w, "id");
    dr_json_w_u64(w, x->id);
    dr_json_w_kv(w, "value", x->value);
    dr_json_w_kvb(w, "is_primary", primary);
    dr_json_w_key(w, "label");
    if (x->label.n) {
        dr_json_w_str(w, x->label);
    } else {
        dr_json_w_null(w);
    }
    dr_json_w_kvb(w, "_destroy", false);
    dr_json_w_end(w);
}

/* The values may stand in the text that is replaced: it goes last. */
static void write_emails(struct rec *r, const struct emails *e)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    if (e->n > 0) {
        dr_json_w_str(&w, e->v[e->primary].value);
        rec_set(r, "email", dr_buf_view(&b));
    } else {
        (void)dr_map_del(r->values, DR_STR_LIT("email"));
    }
    dr_buf_reset(&b);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    for (size_t i = 0; i < e->n; i++) {
        one_email(&w, &e->v[i], i == e->primary);
    }
    dr_json_w_end(&w);
    rec_set(r, "emails", dr_buf_view(&b));
    dr_buf_done(&b);
}

void set_emails(struct account *a, struct rec *r, const struct dr_json *attrs)
{
    const struct dr_json *in = dr_json_get(attrs, "emails");
    struct emails e = {.n = 0};

    if (!in) {
        in = dr_json_get(attrs, "email");
    }
    if (!in) {
        return;
    }
    DR_JSON_EACH(m, rec_json(a, r, "emails"))
    {
        struct email *x = e.n < EMAILS_MAX ? &e.v[e.n++] : &e.v[EMAILS_MAX - 1];
        *x = (struct email){(uint64_t)dr_json_get_i64(m, "id", 0),
                            dr_json_get_str(m, "value"),
                            dr_json_get_str(m, "label")};
        if (dr_json_true(dr_json_get(m, "is_primary"))) {
            e.primary = (size_t)(x - e.v);
        }
    }
    if (in->type != DR_JSON_ARRAY) {
        bare_email(a, &e, dr_json_str(in));
    } else if (in->child && in->child->type == DR_JSON_STRING) {
        e.n = e.primary = 0; /* the whole set, the first is the primary one */
        DR_JSON_EACH(m, in)
        {
            (void)add_email(a, &e, dr_json_str(m));
        }
    } else {
        DR_JSON_EACH(m, in)
        {
            edit_email(a, &e, m);
        }
    }
    e.primary = e.primary < e.n ? e.primary : 0;
    write_emails(r, &e);
}

/* ---- rows with ids ---- */

/* The row of `list` that changes `have`: by id, or the price of its
 * currency, since a product has one a currency. */
static const struct dr_json *change_of(const struct dr_json *list,
                                       const struct dr_json *have)
{
    DR_JSON_EACH(m, list)
    {
        const struct dr_json *id = dr_json_get(m, "id");
        struct dr_str currency = dr_json_get_str(m, "currency_code");
        if (id ? dr_str_eq(dr_json_scalar(id),
                           dr_json_scalar(dr_json_get(have, "id")))
               : currency.n > 0 &&
                     dr_str_eq(currency,
                               dr_json_get_str(have, "currency_code"))) {
            return m;
        }
    }
    return NULL;
}

/* Prices are numbers, however they were sent. */
static void row_value(struct dr_json_w *w, const struct dr_json *v)
{
    bool money =
        dr_str_eqz(v->key, "unit_price") || dr_str_eqz(v->key, "setup_fee");
    char *text = money ? number_kept(dr_json_scalar(v)) : NULL;

    dr_json_w_keys(w, v->key);
    if (text) {
        dr_json_w_raw(w, dr_str_z(text));
    } else {
        dr_json_w_tree(w, v);
    }
    free(text);
}

static void write_row(struct account *a, struct dr_json_w *w,
                      const struct dr_json *have, const struct dr_json *change,
                      bool price)
{
    static const char *const defaults[] = {"setup_fee", "billing_cycle",
                                           "billing_type"};

    dr_json_w_obj(w);
    dr_json_w_key(w, "id");
    if (have) {
        dr_json_w_i64(w, dr_json_get_i64(have, "id", 0));
    } else {
        dr_json_w_u64(w, new_id(a));
    }
    DR_JSON_EACH(v, have)
    {
        if (!dr_str_eqz(v->key, "id") && !dr_json_gets(change, v->key)) {
            row_value(w, v);
        }
    }
    DR_JSON_EACH(v, change)
    {
        if (!dr_str_eqz(v->key, "id") && !dr_str_eqz(v->key, "_destroy")) {
            row_value(w, v);
        }
    }
    for (size_t i = 0; price && i < DR_ARRAY_LEN(defaults); i++) {
        if (!dr_json_get(have, defaults[i]) &&
            !dr_json_get(change, defaults[i])) {
            dr_json_w_kvz(w, defaults[i], NULL);
        }
    }
    if (price && !dr_json_get(have, "is_locked") &&
        !dr_json_get(change, "is_locked")) {
        dr_json_w_kvb(w, "is_locked", false);
    }
    if (!dr_json_get(have, "_destroy")) {
        dr_json_w_kvb(w, "_destroy", false);
    }
    dr_json_w_end(w);
}

static bool changes_any(const struct dr_json *have, const struct dr_json *row)
{
    DR_JSON_EACH(m, have)
    {
        struct dr_json one = *row;
        struct dr_json list = {.type = DR_JSON_ARRAY, .child = &one};
        one.next = NULL;
        if (change_of(&list, m)) {
            return true;
        }
    }
    return false;
}

void set_nested(struct account *a, struct rec *r, const struct dr_json *list,
                const char *name)
{
    const struct dr_json *have = rec_json(a, r, name);
    bool price = strcmp(name, "product_pricings") == 0;
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(m, have)
    {
        const struct dr_json *c = change_of(list, m);
        if (!dr_json_true(dr_json_get(c, "_destroy"))) {
            write_row(a, &w, m, c, price);
        }
    }
    DR_JSON_EACH(m, list)
    {
        if (m->type == DR_JSON_OBJECT && !changes_any(have, m) &&
            !dr_json_true(dr_json_get(m, "_destroy"))) {
            write_row(a, &w, NULL, m, price);
        }
    }
    dr_json_w_end(&w);
    rec_set(r, name, dr_buf_view(&b));
    dr_buf_done(&b);
}

/* ---- links ---- */

/* Replaces the whole set; sales_account_id stands for one primary. */
void set_accounts(struct rec *r, const struct dr_json *attrs)
{
    const struct dr_json *list = dr_json_get(attrs, "sales_accounts");
    uint64_t one = 0;
    struct dr_json_w w;
    struct dr_buf b;
    bool flagged = false, first = true;

    if (!list &&
        dr_str_u64(dr_json_scalar(dr_json_get(attrs, "sales_account_id")),
                   &one)) {
        return;
    }
    DR_JSON_EACH(e, list)
    {
        flagged |= dr_json_true(dr_json_get(e, "is_primary"));
    }
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    if (one) {
        dr_buf_printf(&b, "{\"id\":%llu,\"is_primary\":true}",
                      (unsigned long long)one);
    }
    DR_JSON_EACH(e, list)
    {
        int64_t id = dr_json_get_i64(e, "id", 0);
        if (id == 0) {
            continue; /* clients send 0 for none */
        }
        dr_json_w_obj(&w);
        dr_json_w_kvi(&w, "id", id);
        dr_json_w_kvb(&w, "is_primary",
                      flagged ? dr_json_true(dr_json_get(e, "is_primary"))
                              : first);
        dr_json_w_end(&w);
        first = false;
    }
    dr_json_w_end(&w);
    rec_set(r, "sales_accounts", dr_buf_view(&b));
    dr_buf_done(&b);
}

static bool in_list(const struct dr_json *list, int64_t id)
{
    DR_JSON_EACH(e, list)
    {
        int64_t v;
        if (dr_json_i64(e, &v) == 0 && v == id) {
            return true;
        }
    }
    return false;
}

void set_contacts(struct account *a, struct rec *r, const struct dr_json *attrs)
{
    const struct dr_json *add = dr_json_get(attrs, "contacts_added_list");
    const struct dr_json *drop = dr_json_get(attrs, "contacts_removed_list");
    struct dr_json_w w;
    struct dr_buf b;

    if (!add && !drop) {
        return;
    }
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(c, rec_json(a, r, "contacts"))
    {
        int64_t id = dr_json_get_i64(c, "id", 0);
        if (!in_list(drop, id) && !in_list(add, id)) {
            dr_json_w_raw(&w, c->raw);
        }
    }
    DR_JSON_EACH(c, add)
    {
        int64_t id;
        if (dr_json_i64(c, &id) == 0) {
            dr_json_w_obj(&w);
            dr_json_w_kvi(&w, "id", id);
            dr_json_w_end(&w);
        }
    }
    dr_json_w_end(&w);
    rec_set(r, "contacts", dr_buf_view(&b));
    dr_buf_done(&b);
}
