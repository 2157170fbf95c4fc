/* Calls on many records at once, and the conversion of a lead. */
#include <string.h>

#include "call.h"
#include "write.h"

#define IDS_MAX 100 /* a call (reference 23.5) */

/* The ids of the body, at most 100; NULL: refused already. */
static const struct dr_json *ids_of(struct call *c, const char *key)
{
    const struct dr_json *ids = dr_json_get(body_json(c), key);

    if (dr_json_type(ids) == DR_JSON_ARRAY && ids->count <= IDS_MAX) {
        return ids;
    }
    fail_with(c, &(struct refusal){400, "The type for %s is invalid.", 0,
                                   "selected_ids"});
    return NULL;
}

static struct rec *one_of(struct kind *k, const struct dr_json *id,
                          bool deleted)
{
    uint64_t n;
    struct rec *r = dr_str_u64(dr_json_scalar(id), &n) ? NULL : rec_find(k, n);

    return r && r->deleted == deleted ? r : NULL;
}

static void destroy_all(struct call *c, struct kind *k,
                        const struct dr_json *ids)
{
    DR_JSON_EACH(id, ids)
    {
        struct rec *r = one_of(k, id, false);
        if (r) {
            touch(c, k, r->id, "delete");
            remove_record(c->a, k, r, false);
            c->effect = true;
        }
    }
    answer_message(c, "The records are being deleted.");
}

void bulk_destroy(struct call *c, struct kind *k)
{
    const struct dr_json *ids = ids_of(c, "selected_ids");

    if (ids) {
        destroy_all(c, k, ids);
    }
}

static void write_all(struct call *c, struct kind *k, const struct dr_json *ids,
                      const struct dr_json *attrs)
{
    struct refusal r = {0};

    DR_JSON_EACH(id, ids)
    {
        struct rec *rec = one_of(k, id, false);
        if (rec && !write_record(c->a, k, rec, attrs, "api", &r)) {
            fail_with(c, &r);
            return;
        }
        if (rec) {
            touch(c, k, rec->id, "update");
            c->effect = true;
        }
    }
    answer_message(c, "The records are being updated.");
}

void bulk_assign_owner(struct call *c, struct kind *k)
{
    const struct dr_json *ids = ids_of(c, "selected_ids");
    struct dr_str owner = dr_json_scalar(dr_json_get(body_json(c), "owner_id"));
    uint64_t id;

    if (!ids) {
        return;
    }
    if (dr_str_u64(owner, &id) || id == 0) {
        fail_with(c, &(struct refusal){400, "%s is invalid", 0, "owner_id"});
        return;
    }
    write_all(c, k, ids,
              dr_json_parse(c->ar,
                            dr_arena_printf(c->ar, "{\"owner_id\":%llu}",
                                            (unsigned long long)id),
                            NULL, NULL));
}

static void restore_all(struct call *c, struct kind *k,
                        const struct dr_json *ids)
{
    DR_JSON_EACH(id, ids)
    {
        struct rec *r = one_of(k, id, true);
        if (r) {
            touch(c, k, r->id, "update");
            restore_record(c->a, k, r);
            c->effect = true;
        }
    }
    answer_message(c, "The records are being restored.");
}

bool product_bulk(struct call *c, struct kind *k, struct dr_str what)
{
    bool put = is(what, "products_bulk_update");
    const struct dr_json *ids;

    if (put ? !is(c->method, "PUT")
            : !is(c->method, "POST") || (!is(what, "products_bulk_assign") &&
                                         !is(what, "products_bulk_delete") &&
                                         !is(what, "products_bulk_restore"))) {
        return false;
    }
    if (is(what, "products_bulk_assign")) {
        bulk_assign_owner(c, k);
        return true;
    }
    ids = ids_of(c, put ? "ids" : "selected_ids");
    if (!ids) {
        return true;
    }
    if (put) {
        write_all(c, k, ids, dr_json_get(body_json(c), k->root));
    } else if (is(what, "products_bulk_delete")) {
        destroy_all(c, k, ids);
    } else {
        restore_all(c, k, ids);
    }
    return true;
}

/* ---- a lead becomes a contact (reference 17, 23.5) ---- */

static const struct dr_json *object(struct call *c, struct dr_buf *b)
{
    struct dr_str text = dr_arena_dup(c->ar, dr_buf_view(b));

    dr_buf_done(b);
    return dr_json_parse(c->ar, text, NULL, NULL);
}

/* What contact and lead have in common, and the account. */
static const struct dr_json *contact_of(struct call *c, const struct rec *lead,
                                        const struct rec *account)
{
    static const char *const same[] = {
        "first_name",  "last_name",      "job_title",   "email",
        "work_number", "mobile_number",  "address",     "city",
        "state",       "zipcode",        "country",     "time_zone",
        "facebook",    "twitter",        "linkedin",    "tags",
        "owner_id",    "lead_source_id", "campaign_id", "territory_id"};
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    for (size_t i = 0; i < DR_ARRAY_LEN(same); i++) {
        struct dr_str v = rec_value(lead, same[i]);
        if (v.p) {
            dr_json_w_key(&w, same[i]);
            dr_json_w_raw(&w, v);
        }
    }
    if (account) {
        dr_json_w_key(&w, "sales_account_id");
        dr_json_w_u64(&w, account->id);
    }
    dr_json_w_end(&w);
    return object(c, &b);
}

static const struct dr_json *deal_of(struct call *c, const struct dr_json *deal,
                                     const struct rec *account,
                                     const struct rec *contact)
{
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    DR_JSON_EACH(m, deal)
    {
        dr_json_w_keys(&w, m->key);
        dr_json_w_tree(&w, m);
    }
    if (account && !dr_json_get(deal, "sales_account_id")) {
        dr_json_w_key(&w, "sales_account_id");
        dr_json_w_u64(&w, account->id);
    }
    dr_json_w_key(&w, "contacts_added_list");
    dr_json_w_arr(&w);
    dr_json_w_u64(&w, contact->id);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    return object(c, &b);
}

/* The account of the conversion: the one named, or made of its attributes or
 * of the lead's company; none is no failure. -1: refused. */
static int account_of(struct call *c, const struct rec *lead,
                      const struct dr_json *wanted, struct rec **out,
                      struct refusal *r)
{
    struct kind *k = kind_named("sales_accounts");
    struct dr_str name;

    *out = NULL;
    if (!wanted) {
        wanted = rec_json(c->a, lead, "company");
    }
    if (!wanted || dr_json_is_null(wanted)) {
        return 0;
    }
    *out = rec_alive(k, (uint64_t)dr_json_get_i64(wanted, "id", 0));
    name = dr_json_get_str(wanted, "name");
    if (!*out && name.n > 0) {
        *out = find_by(c->a, k, DR_STR_LIT("name"), name);
    }
    if (!*out) {
        *out = write_record(c->a, k, NULL, wanted, "api", r);
        if (*out) {
            touch(c, k, (*out)->id, "create");
        }
    }
    return *out ? 0 : -1;
}

static void answer_one(struct call *c, struct kind *k, const struct rec *r)
{
    dr_json_w_key(&c->w, k->root);
    if (r) {
        render(c->a, k, r, (struct dr_str){"", 0}, false, &c->w);
    } else {
        dr_json_w_null(&c->w);
    }
}

/* Whether what hangs on a lead goes over to its contact is not known. */
static void move_hanging(struct call *c, const struct kind *leads,
                         const struct rec *lead, const struct rec *contact)
{
    struct dr_str key = dr_arena_printf(c->ar, "%s:%llu", leads->model,
                                        (unsigned long long)lead->id);
    struct dr_str to =
        dr_arena_printf(c->ar, "[{\"id\":%llu,\"type\":\"Contact\"}]",
                        (unsigned long long)contact->id);

    for (size_t i = 0;
         knob_is(c->a->knobs, "convert_moves", "yes") && i < kind_count; i++) {
        struct kind *k = &kinds[i];
        const struct hits *h =
            k->hangs ? index_find(c->a, k, DR_STR_LIT("targetables"), key)
                     : NULL;
        while (h && h->n > 0) {
            struct rec *r = h->v[0];
            index_out(c->a, k, r);
            rec_set(r, "targetables", to);
            index_in(c->a, k, r);
            touch(c, k, r->id, "update");
        }
    }
}

void convert_lead(struct call *c, struct kind *k, struct rec *lead)
{
    const struct dr_json *body = attributes(c, k);
    const struct dr_json *deal = dr_json_get(body, "deal");
    struct kind *contacts = kind_named("contacts");
    struct kind *deals = kind_named("deals");
    struct rec *account, *contact, *made = NULL;
    struct refusal r = {0};

    if (account_of(c, lead, dr_json_get(body, "sales_account"), &account, &r)) {
        fail_with(c, &r);
        return;
    }
    contact = write_record(c->a, contacts, NULL, contact_of(c, lead, account),
                           "api", &r);
    if (contact && deal) {
        made = write_record(c->a, deals, NULL,
                            deal_of(c, deal, account, contact), "api", &r);
    }
    if (!contact || (deal && !made)) {
        fail_with(c, &r);
        return;
    }
    touch(c, contacts, contact->id, "create");
    if (made) {
        touch(c, deals, made->id, "create");
    }
    move_hanging(c, k, lead, contact);
    touch(c, k, lead->id, "delete");
    remove_record(c->a, k, lead, false);
    c->effect = true;
    dr_json_w_obj(&c->w);
    answer_one(c, contacts, contact);
    answer_one(c, kind_named("sales_accounts"), account);
    answer_one(c, deals, made);
    dr_json_w_end(&c->w);
}
