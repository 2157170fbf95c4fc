/* Storing what was checked; the record that an identifier names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "write.h"

const struct dr_json *definition(const struct account *a, const struct kind *k,
                                 struct dr_str name, struct dr_arena *ar)
{
    const struct list *l = dr_map_get(a->fields, dr_str_z(k->entity));

    for (size_t i = 0; l && i < l->n; i++) {
        const struct dr_json *d;
        if (dr_str_find(dr_str_z(l->v[i]), name) == SIZE_MAX) {
            continue;
        }
        d = dr_json_parse(ar, dr_str_z(l->v[i]), NULL, NULL);
        if (dr_str_eq(dr_json_get_str(d, "name"), name)) {
            return d;
        }
    }
    return NULL;
}

/* JSON texts are compared as they are written: the writer is one. */
struct dr_str quoted(struct dr_arena *a, struct dr_str s)
{
    struct dr_json_w w;
    struct dr_buf b;
    struct dr_str out;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_str(&w, s);
    out = dr_arena_dup(a, (struct dr_str){b.p + 1, b.n - 2});
    dr_buf_done(&b);
    return out;
}

bool same_name(struct dr_str a, struct dr_str b)
{
    return dr_str_ieq(dr_str_trim(a), dr_str_trim(b));
}

/* The primary address of whatever form the body has (reference 3.3). */
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

static void set_emails(struct account *a, struct rec *r,
                       const struct dr_json *attrs)
{
    struct dr_str mail = primary_email(attrs);
    struct dr_json_w w;
    struct dr_buf b;

    if (!dr_json_get(attrs, "emails") && !dr_json_get(attrs, "email")) {
        return;
    }
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    if (mail.n > 0) {
        dr_json_w_obj(&w);
        dr_json_w_key(&w, "id");
        dr_json_w_u64(&w, new_id(a));
        dr_json_w_kv(&w, "value", mail);
        dr_json_w_kvb(&w, "is_primary", true);
        dr_json_w_kvz(&w, "label", NULL);
        dr_json_w_kvb(&w, "_destroy", false);
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    rec_set(r, "emails", dr_buf_view(&b));
    dr_buf_reset(&b);
    dr_json_w_init(&w, &b);
    if (mail.n > 0) {
        dr_json_w_str(&w, mail);
    } else {
        dr_json_w_null(&w);
    }
    rec_set(r, "email", dr_buf_view(&b));
    dr_buf_done(&b);
}

static void set_accounts(struct rec *r, const struct dr_json *list)
{
    struct dr_json_w w;
    struct dr_buf b;
    bool flagged = false, first = true;

    DR_JSON_EACH(e, list)
    {
        flagged |= dr_json_true(dr_json_get(e, "is_primary"));
    }
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(e, list)
    {
        dr_json_w_obj(&w);
        dr_json_w_kvi(&w, "id", dr_json_get_i64(e, "id", 0));
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

static void set_contacts(struct rec *r, const struct dr_json *attrs)
{
    const struct dr_json *add = dr_json_get(attrs, "contacts_added_list");
    const struct dr_json *drop = dr_json_get(attrs, "contacts_removed_list");
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)8 << 20);
    const struct dr_json *have =
        dr_json_parse(a, rec_value(r, "contacts"), NULL, NULL);
    struct dr_json_w w;
    struct dr_buf b;

    if (!add && !drop) {
        return;
    }
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(c, have)
    {
        int64_t id = dr_json_get_i64(c, "id", 0);
        if (!in_list(drop, id) && !in_list(add, id)) {
            dr_json_w_raw(&w, c->raw);
        }
    }
    DR_JSON_EACH(c, add)
    {
        dr_json_w_obj(&w);
        dr_json_w_key(&w, "id");
        dr_json_w_raw(&w, dr_json_scalar(c));
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    rec_set(r, "contacts", dr_buf_view(&b));
    dr_buf_done(&b);
}

static void set_target(struct rec *r, const struct dr_json *attrs)
{
    struct dr_str id = dr_json_scalar(dr_json_get(attrs, "targetable_id"));
    struct dr_buf b;

    if (id.n == 0) {
        return;
    }
    dr_buf_init(&b, 4096);
    dr_buf_printf(&b, "[{\"id\":" DR_STR_FMT ",\"type\":\"" DR_STR_FMT "\"}]",
                  DR_STR_ARG(id),
                  DR_STR_ARG(dr_json_get_str(attrs, "targetable_type")));
    rec_set(r, "targetables", dr_buf_view(&b));
    dr_buf_done(&b);
}

/* A deal without a stage takes the default pipeline's first; without a
 * probability that of its stage. */
static void deal_defaults(struct account *a, struct rec *r)
{
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    const struct list *l = list_of(a->selectors, "deal_stages");
    const struct dr_json *s;

    if (rec_id(r, "deal_stage_id") == 0 && l->n > 0) {
        s = dr_json_parse(ar, dr_str_z(l->v[0]), NULL, NULL);
        rec_set(r, "deal_stage_id", dr_json_scalar(dr_json_get(s, "id")));
        rec_set(r, "deal_pipeline_id",
                dr_json_scalar(dr_json_get(s, "deal_pipeline_id")));
    }
    s = list_find(l, rec_id(r, "deal_stage_id"), ar);
    if (!rec_value(r, "probability").p && dr_json_get(s, "probability")) {
        rec_set(r, "probability", dr_json_get(s, "probability")->raw);
    }
}

void apply_write(struct account *a, struct kind *k, struct rec *r,
                 const struct dr_json *attrs)
{
    const struct dr_json *custom = dr_json_get(attrs, "custom_field");

    DR_JSON_EACH(v, attrs)
    {
        const struct attr *t = attr_of(k, v->key);
        if (!t || t->kind == A_READONLY || dr_str_eqz(v->key, "email") ||
            dr_str_eqz(v->key, "emails") ||
            dr_str_eqz(v->key, "sales_accounts")) {
            continue;
        }
        if (dr_json_is_null(v)) {
            (void)dr_map_del(r->values, v->key);
        } else {
            struct dr_str id = dr_json_scalar(v);
            bool is_id = t->kind == A_USER || t->kind == A_ACCOUNT ||
                         t->kind == A_SELECT;
            dr_map_put(r->values, v->key,
                       is_id && id.n ? dr_xstrndup(id) : compact(v));
        }
    }
    if (custom && knob_is(a->knobs, "custom_field_put", "replace")) {
        dr_map_free(r->custom);
        r->custom = dr_map_new(free);
    }
    DR_JSON_EACH(v, custom)
    {
        struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)8 << 20);
        if (definition(a, k, v->key, ar)) {
            dr_map_put(r->custom, v->key, compact(v));
        }
    }
    set_emails(a, r, attrs);
    if (dr_json_get(attrs, "sales_accounts")) {
        set_accounts(r, dr_json_get(attrs, "sales_accounts"));
    }
    set_contacts(r, attrs);
    set_target(r, attrs);
    if (strcmp(k->type, "deals") == 0) {
        deal_defaults(a, r);
    }
    r->updated_ms = vclock_now(&a->clock);
    r->updated_seq = journal_next(a->journal);
}

static void count_marker(struct account *a, const struct kind *k,
                         const struct rec *r)
{
    const char *cf = dr_map_get(r->custom, DR_STR_LIT("cf_source_id"));
    struct dr_str mark = cf ? dr_str_z(cf) : rec_value(r, "external_id");
    struct dr_buf key;
    int64_t *n;

    if (!mark.p || dr_str_eqz(mark, "null")) {
        return;
    }
    dr_buf_init(&key, (size_t)1 << 20);
    dr_buf_printf(&key, "%s ", k->type);
    dr_buf_str(&key, mark);
    n = dr_map_get(a->markers, dr_buf_view(&key));
    if (!n) {
        n = dr_xcalloc(1, sizeof(*n));
        dr_map_put(a->markers, dr_buf_view(&key), n);
    }
    a->duplicates += ++*n > 1;
    dr_buf_done(&key);
}

struct rec *write_record(struct account *a, struct kind *k, struct rec *rec,
                         const struct dr_json *attrs, const char *by,
                         struct refusal *r)
{
    bool create = rec == NULL;

    if (check_write(a, k, rec, attrs, r)) {
        return NULL;
    }
    if (create) {
        rec = rec_new(a, k, new_id(a), by);
        rec->created_seq = journal_next(a->journal);
        a->created[k - kinds]++;
    } else {
        a->updated[k - kinds]++;
    }
    apply_write(a, k, rec, attrs);
    if (create) {
        count_marker(a, k, rec);
    }
    return rec;
}

struct rec *find_by(struct kind *k, struct dr_str field, struct dr_str value)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)4 << 20);
    struct dr_str want = quoted(a, value);
    bool custom = dr_str_starts(field, DR_STR_LIT("cf_"));
    char name[128];
    uint64_t id;

    if (dr_str_eqz(field, "id")) {
        struct rec *r = dr_str_u64(value, &id) ? NULL : rec_find(k, id);
        return r && !r->deleted ? r : NULL;
    }
    (void)snprintf(
        name, sizeof(name), DR_STR_FMT,
        DR_STR_ARG(dr_str_eqz(field, "emails") ? DR_STR_LIT("email") : field));
    for (size_t i = 0; i < k->n; i++) {
        const char *cf = custom ? dr_map_get(k->v[i]->custom, field) : NULL;
        struct dr_str have = custom ? dr_str_z(cf) : rec_value(k->v[i], name);
        if (have.n >= 2 && have.p[0] == '"') {
            have = (struct dr_str){have.p + 1, have.n - 2};
        }
        if (!k->v[i]->deleted && have.n > 0 && same_name(have, want)) {
            return k->v[i];
        }
    }
    return NULL;
}
