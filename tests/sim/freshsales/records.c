/* Writing through the API: single records, upsert, bulk upsert. */
#include <string.h>

#include "call.h"
#include "write.h"

#define NO_JSON "The request body is not JSON."
#define NOTE_MAX                                                \
    ((size_t)1 << 20) /* the whole body: no limit is documented \
                       */

/* True: refused. */
static bool too_large(struct call *c, const struct kind *k)
{
    if (!is_type(k, "notes") || c->body.n <= NOTE_MAX) {
        return false;
    }
    fail(c, 413, "The request body is too large.");
    return true;
}

void create(struct call *c, struct kind *k)
{
    const struct dr_json *attrs = attributes(c, k);
    struct refusal r = {0};
    struct rec *rec;

    if (too_large(c, k)) {
        return;
    }
    if (!attrs) {
        fail(c, 400, NO_JSON);
        return;
    }
    rec = write_record(c->a, k, NULL, attrs, "api", &r);
    if (!rec) {
        fail_with(c, &r);
        return;
    }
    c->effect = true;
    c->status = (int)knob_int(c->a->knobs, "create_status");
    touch(c, k, rec->id, "create");
    answer_record(c, k, rec);
}

void update(struct call *c, struct kind *k, struct rec *rec)
{
    const struct dr_json *attrs = attributes(c, k);
    struct refusal r = {0};

    if (too_large(c, k)) {
        return;
    }
    if (!attrs) {
        fail(c, 400, NO_JSON);
        return;
    }
    if (!write_record(c->a, k, rec, attrs, "api", &r)) {
        fail_with(c, &r);
        return;
    }
    c->effect = true;
    touch(c, k, rec->id, "update");
    answer_record(c, k, rec);
}

/* What hangs on an account goes with it when the caller says so. */
static void drop_associated(struct call *c, const struct rec *account)
{
    static const char *const of[][2] = {{"contacts", "sales_accounts"},
                                        {"deals", "sales_account_id"}};
    char id[24];

    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)account->id);
    for (size_t i = 0; i < DR_ARRAY_LEN(of); i++) {
        struct kind *k = kind_named(of[i][0]);
        const struct hits *h =
            index_find(c->a, k, dr_str_z(of[i][1]), dr_str_z(id));
        for (size_t n = 0; h && n < h->n; n++) {
            if (!h->v[n]->deleted) {
                touch(c, k, h->v[n]->id, "delete");
                remove_record(c->a, k, h->v[n], false);
            }
        }
    }
}

/* forget takes along what hangs on the record (reference 20). */
static void forget_hanging(struct call *c, const struct kind *k,
                           const struct rec *rec)
{
    char key[64];

    (void)snprintf(key, sizeof(key), "%s:%llu", k->model,
                   (unsigned long long)rec->id);
    for (size_t i = 0; i < kind_count; i++) {
        struct kind *hanging = &kinds[i];
        const struct hits *h =
            hanging->hangs
                ? index_find(c->a, hanging, DR_STR_LIT("targetables"),
                             dr_str_z(key))
                : NULL;
        for (size_t n = h ? h->n : 0; n > 0; n--) {
            struct rec *x = h->v[n - 1];
            if (!is(rec_value(x, "is_shared"), "true")) {
                touch(c, hanging, x->id, "delete");
                remove_record(c->a, hanging, x, true);
            }
        }
    }
}

void drop(struct call *c, struct kind *k, struct rec *r, bool forget)
{
    uint64_t id = r->id;

    c->effect = true;
    touch(c, k, id, "delete");
    if (is_type(k, "sales_accounts") &&
        is(arg(c, "delete_associated_contacts_deals"), "true")) {
        drop_associated(c, r);
    }
    if (forget) {
        forget_hanging(c, k, r);
    }
    remove_record(c->a, k, r, forget);
    if (is_type(k, "products")) {
        dr_buf_printf(&c->out, "{\"msg\":{\"id\":%llu,\"code\":\"success\"}}",
                      (unsigned long long)id);
    } else if (k->module && !forget) {
        answer_message(c, "The record is deleted.");
    } else {
        dr_buf_z(&c->out, k->bin ? "true" : "{\"success\":\"200\"}");
    }
}

void restore(struct call *c, struct kind *k, struct rec *r)
{
    if (!is_type(k, "products")) {
        fail(c, 404, "There is no such call."); /* not by the API: 20 */
        return;
    }
    c->effect = true;
    touch(c, k, r->id, "update");
    restore_record(c->a, k, r);
    answer_record(c, k, r);
}

/* ---- clone ---- */

static bool is_copied(const struct attr *t, const struct dr_json *body)
{
    return t->kind != A_READONLY && t->kind != A_EMAILS &&
           t->kind != A_NESTED && strcmp(t->name, "external_id") != 0 &&
           !dr_json_get(body, t->name);
}

/* The record's values under what the body says; what is unique is not
 * copied. */
static const struct dr_json *copied(struct call *c, const struct kind *k,
                                    const struct rec *rec,
                                    const struct dr_json *body)
{
    struct dr_json_w w;
    struct dr_buf b;
    struct dr_str key, text;
    size_t at = 0;
    void *v;

    dr_buf_init(&b, (size_t)16 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    for (const struct attr *t = k->attrs; t->name; t++) {
        struct dr_str have = rec_value(rec, t->name);
        char stamp[STAMP_TEXT];
        int64_t ms;
        if (!have.p || !is_copied(t, body)) {
            continue;
        }
        dr_json_w_key(&w, t->name);
        if (t->kind == A_TIME && dr_str_i64(have, &ms) == 0) {
            dr_json_w_z(&w, stamp_text(c->a, ms, stamp));
        } else {
            dr_json_w_raw(&w, have);
        }
    }
    DR_JSON_EACH(m, body)
    {
        if (!is(m->key, "custom_field")) {
            dr_json_w_keys(&w, m->key);
            dr_json_w_tree(&w, m);
        }
    }
    dr_json_w_key(&w, "custom_field");
    dr_json_w_obj(&w);
    while (dr_map_next(rec->custom, &at, &key, &v)) {
        const struct dr_json *own =
            dr_json_gets(dr_json_get(body, "custom_field"), key);
        dr_json_w_keys(&w, key);
        dr_json_w_raw(&w, own ? own->raw : dr_str_z(v));
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    text = dr_arena_dup(c->ar, dr_buf_view(&b));
    dr_buf_done(&b);
    return dr_json_parse(c->ar, text, NULL, NULL);
}

void clone(struct call *c, struct kind *k, struct rec *r)
{
    const struct dr_json *attrs = copied(c, k, r, attributes(c, k));
    struct refusal no = {0};
    struct rec *made = write_record(c->a, k, NULL, attrs, "api", &no);

    if (!made) {
        fail_with(c, &no);
        return;
    }
    c->effect = true;
    c->status = (int)knob_int(c->a->knobs, "create_status");
    touch(c, k, made->id, "create");
    answer_record(c, k, made);
}

/* ---- upsert ---- */

void upsert(struct call *c, struct kind *k)
{
    const struct dr_json *j = body_json(c);
    const struct dr_json *ids = dr_json_get(j, "unique_identifier");
    const struct dr_json *attrs = dr_json_get(j, k->root);
    const struct dr_json *id = ids ? ids->child : NULL;
    struct refusal r = {0};
    struct rec *rec = NULL;

    if (!id) {
        fail_with(c, &(struct refusal){400, "%s can't be blank", 0,
                                       "unique_identifier"});
        return;
    }
    if (check_identifier(c->a, k, id->key, false, &r) ||
        find_for_upsert(c->a, k, id, &rec, &r)) {
        fail_with(c, &r);
        return;
    }
    touch(c, k, rec ? rec->id : 0, rec ? "update" : "create");
    rec =
        write_record(c->a, k, rec, with_identifier(c->a, attrs, id), "api", &r);
    if (!rec) {
        c->touched_n = 0;
        fail_with(c, &r);
        return;
    }
    c->touched[0].id = rec->id;
    c->effect = true;
    answer_record(c, k, rec);
}

/* One identifier beside data, of a field that may be one. */
static int check_items(struct account *a, struct kind *k,
                       const struct dr_json *items, struct refusal *r)
{
    DR_JSON_EACH(item, items)
    {
        DR_JSON_EACH(m, item)
        {
            if (!is(m->key, "data") &&
                check_identifier(a, k, m->key, true, r)) {
                return -1;
            }
        }
    }
    return 0;
}

void bulk_upsert(struct call *c, struct kind *k)
{
    const struct dr_json *items = dr_json_get(body_json(c), k->type);
    struct refusal r = {.status = 400};
    uint64_t id;

    if (dr_json_type(items) != DR_JSON_ARRAY || items->count == 0 ||
        (items->count > 100 && knob_is(c->a->knobs, "bulk_over_100", "400"))) {
        fail(c, 400, "1 to 100 records are wanted.");
        return;
    }
    if (check_items(c->a, k, items, &r)) {
        fail_with(c, &r);
        return;
    }
    id = bulk_accept(c->a, k, items);
    c->status = (int)knob_int(c->a->knobs, "bulk_status");
    c->effect = true;
    dr_json_w_obj(&c->w);
    dr_json_w_kvz(&c->w, "message", "The records are being processed.");
    dr_json_w_kv(&c->w, "job_status_url",
                 dr_arena_printf(
                     c->ar, "https://" DR_STR_FMT "%s/job_statuses/%llu",
                     DR_STR_ARG(dr_json_get_str(c->a->tenant, "bundle_alias")),
                     c->a->classic ? ".freshsales.io/api"
                                   : ".myfreshworks.com/crm/sales/api",
                     (unsigned long long)id));
    dr_json_w_end(&c->w);
}

void job_status(struct call *c, struct dr_str rest)
{
    uint64_t id;
    const struct job *j = dr_str_u64(rest, &id) ? NULL : job_find(c->a, id);

    if (!j) {
        fail(c, 404, "The record does not exist.");
        return;
    }
    job_write(c->a, j, &c->w);
}
