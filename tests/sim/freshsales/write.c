/* Writing a record: everything is checked before anything is stored. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>

#include "store.h"

#define AREA_MAX 10000

static int no(struct refusal *r, const char *fmt, const char *name)
    __attribute__((format(printf, 2, 0)));

static int no(struct refusal *r, const char *fmt, const char *name)
{
    r->status = 400;
    const char *at = strstr(fmt, "%s"); /* where the name goes */

    if (at)
        (void)snprintf(r->text, sizeof(r->text), "%.*s%s%s", (int)(at - fmt),
                       fmt, name, at + 2);
    else
        (void)snprintf(r->text, sizeof(r->text), "%s", fmt);
    return -1;
}

static bool known_id(const struct account *a, const char *selector, uint64_t id)
{
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    const struct list *l = dr_map_get(a->selectors, dr_str_z(selector));

    return l && list_find(l, id, ar) != NULL;
}

static bool empty(const struct dr_json *v)
{
    return dr_json_is_null(v) || (v->type == DR_JSON_STRING && v->text.n == 0);
}

static int check_id(struct account *a, const struct attr *t,
                    const struct dr_json *v, struct refusal *r)
{
    uint64_t id;

    if (dr_str_u64(dr_json_scalar(v), &id)) {
        return no(r, "%s is invalid", t->name);
    }
    if (t->kind == A_USER) {
        return known_id(a, "users", id) ? 0
                                        : no(r, "%s does not exist", t->name);
    }
    if (t->kind == A_ACCOUNT) {
        const struct rec *acc =
            rec_find(kind_of_type(DR_STR_LIT("sales_accounts")), id);
        return acc && !acc->deleted ? 0 : no(r, "%s does not exist", t->name);
    }
    return known_id(a, t->of, id) ? 0
                                  : no(r, "%s is not a valid choice", t->name);
}

static int check_value(struct account *a, const struct attr *t,
                       const struct dr_json *v, struct refusal *r)
{
    struct dr_dec d;
    int64_t ms;
    struct dr_str s = dr_json_scalar(v);

    if (empty(v)) {
        return 0;
    }
    switch (t->kind) {
    case A_TEXT:
        if (v->type != DR_JSON_STRING ||
            dr_utf8_count(v->text) > (size_t)knob_int(a->knobs, "text_limit")) {
            return no(r, "%s is too long (maximum is 255 characters)", t->name);
        }
        return 0;
    case A_AREA:
        return 0;
    case A_NUMBER:
    case A_MONEY:
        return dr_dec_parse_json(s, &d) ? no(r, "%s is not a number", t->name)
                                        : 0;
    case A_DATE:
        return dr_date_parse(s, &ms) && dr_time_parse(s, &ms, NULL)
                   ? no(r, "%s is not a date", t->name)
                   : 0;
    case A_TIME:
        return dr_time_parse(s, &ms, NULL) ? no(r, "%s is not a time", t->name)
                                           : 0;
    case A_USER:
    case A_ACCOUNT:
    case A_SELECT:
        return check_id(a, t, v, r);
    case A_BOOL:
    case A_TAGS:
    case A_RAW:
    case A_READONLY:
        return 0;
    }
    return 0;
}

/* ---- custom fields ---- */

static bool is_choice(const struct dr_json *def, struct dr_str s)
{
    DR_JSON_EACH(c, dr_json_get(def, "choices"))
    {
        if (dr_str_eq(dr_json_get_str(c, "value"), s)) {
            return true;
        }
    }
    return false;
}

static int check_custom_value(struct account *a, const struct dr_json *def,
                              const struct dr_json *v, struct refusal *r)
{
    struct dr_str type = dr_json_get_str(def, "type");
    struct dr_str s = dr_json_scalar(v);
    struct dr_dec d;
    char name[128];
    int64_t ms;

    (void)snprintf(name, sizeof(name), DR_STR_FMT,
                   DR_STR_ARG(dr_json_get_str(def, "name")));
    if (empty(v)) {
        return 0;
    }
    if (dr_str_eqz(type, "text") &&
        dr_utf8_count(s) > (size_t)knob_int(a->knobs, "text_limit")) {
        return no(r, "%s is too long (maximum is 255 characters)", name);
    }
    if (dr_str_eqz(type, "textarea") && dr_utf8_count(s) > AREA_MAX) {
        return no(r, "%s is too long (maximum is 10000 characters)", name);
    }
    if (dr_str_eqz(type, "number") || dr_str_eqz(type, "decimal")) {
        return dr_dec_parse_json(s, &d) || d.n - d.scale > 11 || d.scale > 4
                   ? no(r, "%s is not a valid number", name)
                   : 0;
    }
    if ((dr_str_eqz(type, "dropdown") || dr_str_eqz(type, "radio")) &&
        knob_is(a->knobs, "unknown_choice_value", "400")) {
        return is_choice(def, s) ? 0 : no(r, "%s is not a valid choice", name);
    }
    if (dr_str_eqz(type, "multi_select_dropdown")) {
        while (s.p) {
            if (!is_choice(def, dr_str_split(&s, ';'))) {
                return no(r, "%s is not a valid choice", name);
            }
        }
        return 0;
    }
    if (dr_str_eqz(type, "date") || dr_str_eqz(type, "date_time")) {
        return dr_date_parse(s, &ms) && dr_time_parse(s, &ms, NULL)
                   ? no(r, "%s is not a date", name)
                   : 0;
    }
    return 0;
}

static const struct dr_json *definition(const struct account *a,
                                        const struct kind *k,
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

static int check_custom(struct account *a, struct kind *k,
                        const struct dr_json *custom, struct refusal *r)
{
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);

    DR_JSON_EACH(v, custom)
    {
        const struct dr_json *def = definition(a, k, v->key, ar);
        if (def ? check_custom_value(a, def, v, r)
                : knob_is(a->knobs, "unknown_cf_key", "400") &&
                      no(r, "%s", "unknown custom field")) {
            return -1;
        }
    }
    return 0;
}

/* ---- uniqueness ---- */

static struct dr_str text_value(const struct rec *r, const char *name)
{
    struct dr_str v = rec_value(r, name);

    return v.n >= 2 && v.p[0] == '"' ? (struct dr_str){v.p + 1, v.n - 2}
                                     : (struct dr_str){"", 0};
}

/* JSON texts are compared as they are written: the writer is one. */
static struct dr_str quoted(struct dr_arena *a, struct dr_str s)
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

static bool same_name(struct dr_str a, struct dr_str b)
{
    return dr_str_ieq(dr_str_trim(a), dr_str_trim(b));
}

static bool taken(struct account *a, const struct kind *k,
                  const struct rec *self, const char *name, struct dr_str s)
{
    bool held = knob_is(a->knobs, "soft_deleted_holds_unique", "yes");
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)4 << 20);
    struct dr_str want = quoted(ar, s);

    for (size_t i = 0; s.n > 0 && i < k->n; i++) {
        if (k->v[i] != self && (held || !k->v[i]->deleted) &&
            same_name(text_value(k->v[i], name), want)) {
            return true;
        }
    }
    return false;
}

/* The primary address of whatever form the body has (reference 3.3). */
static struct dr_str primary_email(const struct dr_json *attrs)
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

static int check_unique(struct account *a, struct kind *k,
                        const struct rec *rec, const struct dr_json *attrs,
                        struct refusal *r)
{
    if (strcmp(k->type, "sales_accounts") == 0 &&
        taken(a, k, rec, "name", dr_json_get_str(attrs, "name"))) {
        return no(r, "%s has already been taken", "Name");
    }
    if (strcmp(k->type, "contacts") == 0) {
        if (taken(a, k, rec, "email", primary_email(attrs))) {
            return no(r, "%s is not unique", "Email");
        }
        if (taken(a, k, rec, "external_id",
                  dr_json_get_str(attrs, "external_id"))) {
            return no(r, "%s is not unique", "external_id");
        }
    }
    return 0;
}

/* ---- the whole ---- */

static int check_required(struct account *a, struct kind *k,
                          const struct dr_json *attrs, struct refusal *r)
{
    const struct list *l = dr_map_get(a->fields, dr_str_z(k->entity));
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);

    for (size_t i = 0; l && i < l->n; i++) {
        const struct dr_json *d =
            dr_json_parse(ar, dr_str_z(l->v[i]), NULL, NULL);
        char name[128];
        if (!dr_json_true(dr_json_get(d, "required"))) {
            continue;
        }
        (void)snprintf(name, sizeof(name), DR_STR_FMT,
                       DR_STR_ARG(dr_json_get_str(d, "name")));
        if (empty(dr_json_get(attrs, name))) {
            return no(r, "Need to fill this %s to submit the form.", name);
        }
    }
    if (strcmp(k->type, "products") == 0 && empty(dr_json_get(attrs, "name"))) {
        return no(r, "%s can't be blank", "name");
    }
    if (strcmp(k->type, "tasks") == 0 &&
        (empty(dr_json_get(attrs, "due_date")) ||
         empty(dr_json_get(attrs, "title")))) {
        return no(r, "%s can't be blank", "due_date or title");
    }
    return 0;
}

/* A stage belongs to its pipeline. */
static int check_stage(struct account *a, const struct rec *rec,
                       const struct dr_json *attrs, struct refusal *r)
{
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    uint64_t stage, pipeline;
    const struct dr_json *s;

    if (dr_str_u64(dr_json_scalar(dr_json_get(attrs, "deal_stage_id")),
                   &stage)) {
        return 0;
    }
    if (dr_str_u64(dr_json_scalar(dr_json_get(attrs, "deal_pipeline_id")),
                   &pipeline)) {
        pipeline = rec ? rec_id(rec, "deal_pipeline_id") : 0;
    }
    s = list_find(list_of(a->selectors, "deal_stages"), stage, ar);
    if (pipeline != 0 &&
        (uint64_t)dr_json_get_i64(s, "deal_pipeline_id", 0) != pipeline) {
        return no(r, "%s does not belong to the pipeline", "deal_stage_id");
    }
    return 0;
}

static int check_parent(const struct rec *rec, const struct dr_json *attrs,
                        struct refusal *r)
{
    const struct kind *k = kind_of_type(DR_STR_LIT("sales_accounts"));
    uint64_t up;

    if (!rec || dr_str_u64(dr_json_scalar(
                               dr_json_get(attrs, "parent_sales_account_id")),
                           &up)) {
        return 0;
    }
    for (int depth = 0; up != 0 && depth < 10000; depth++) {
        const struct rec *p = rec_find(k, up);
        if (up == rec->id) {
            return no(r, "%s forms a cycle", "parent_sales_account_id");
        }
        up = p ? rec_id(p, "parent_sales_account_id") : 0;
    }
    return 0;
}

static int check_links(const struct dr_json *attrs, struct refusal *r)
{
    const struct kind *accounts = kind_of_type(DR_STR_LIT("sales_accounts"));
    const struct kind *contacts = kind_of_type(DR_STR_LIT("contacts"));
    const struct dr_json *list = dr_json_get(attrs, "sales_accounts");

    if (list && list->type != DR_JSON_ARRAY) {
        return no(r, "The type for %s is invalid.", "sales_accounts");
    }
    DR_JSON_EACH(e, list)
    {
        const struct rec *x =
            rec_find(accounts, (uint64_t)dr_json_get_i64(e, "id", 0));
        if (!x || x->deleted) {
            return no(r, "%s does not exist", "sales_accounts");
        }
    }
    DR_JSON_EACH(e, dr_json_get(attrs, "contacts_added_list"))
    {
        uint64_t id;
        const struct rec *x =
            dr_str_u64(dr_json_scalar(e), &id) ? NULL : rec_find(contacts, id);
        if (!x || x->deleted) {
            return no(r, "%s does not exist", "contacts_added_list");
        }
    }
    return 0;
}

int check_write(struct account *a, struct kind *k, const struct rec *rec,
                const struct dr_json *attrs, struct refusal *r)
{
    if (!rec && check_required(a, k, attrs, r)) {
        return -1;
    }
    DR_JSON_EACH(v, attrs)
    {
        const struct attr *t = attr_of(k, v->key);
        if (t && check_value(a, t, v, r)) {
            return -1;
        }
    }
    if (check_custom(a, k, dr_json_get(attrs, "custom_field"), r) ||
        check_unique(a, k, rec, attrs, r) || check_links(attrs, r)) {
        return -1;
    }
    if (strcmp(k->type, "deals") == 0) {
        return check_stage(a, rec, attrs, r);
    }
    return strcmp(k->type, "sales_accounts") == 0 ? check_parent(rec, attrs, r)
                                                  : 0;
}

/* ---- storing ---- */

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

/* ---- line items (reference 6.2) ---- */

static struct dr_dec dec_of(const struct dr_json *j, const char *key,
                            const char *otherwise)
{
    struct dr_dec d;

    if (dr_dec_parse_json(dr_json_scalar(dr_json_get(j, key)), &d)) {
        (void)!dr_dec_parse(dr_str_z(otherwise), &d);
    }
    return d;
}

static void line_total(const struct dr_json *l, struct dr_dec *sum)
{
    struct dr_dec total = dec_of(l, "unit_price", "0");
    struct dr_dec quantity = dec_of(l, "quantity", "1");
    struct dr_dec off = dec_of(l, "discount", "0");
    struct dr_dec tax = dec_of(l, "tax", "0");
    struct dr_dec cent;

    (void)!dr_dec_mul(&total, &quantity, &total);
    if (dr_json_get_i64(l, "discount_type", 1) == 1) {
        (void)!dr_dec_parse(DR_STR_LIT("0.01"), &cent);
        (void)!dr_dec_mul(&off, &cent, &off);
        (void)!dr_dec_mul(&off, &total, &off);
    }
    (void)!dr_dec_sub(&total, &off, &total);
    (void)!dr_dec_add(&total, &tax, &total);
    dr_dec_round(&total, 4);
    (void)!dr_dec_add(sum, &total, sum);
}

static void write_line(struct account *a, const struct rec *deal,
                       const struct rec *product, const struct dr_json *l,
                       struct dr_json_w *w)
{
    static const char *const kept[] = {"quantity", "unit_price", "discount",
                                       "discount_type", "tax"};
    uint64_t link = new_id(a);
    char text[32];

    dr_json_w_obj(w);
    dr_json_w_kvi(w, "product_id", (int64_t)product->id);
    dr_json_w_kvi(w, "id", (int64_t)product->id);
    dr_json_w_key(w, "name");
    dr_json_w_raw(w, rec_value(product, "name"));
    for (size_t i = 0; i < DR_ARRAY_LEN(kept); i++) {
        const struct dr_json *v = dr_json_get(l, kept[i]);
        dr_json_w_key(w, kept[i]);
        dr_json_w_raw(w, v ? v->raw : DR_STR_LIT("0"));
    }
    dr_json_w_kvi(w, "deal_id", (int64_t)deal->id);
    dr_json_w_kvi(w, "association_id", (int64_t)link);
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)link);
    dr_json_w_kvz(w, "_id", text);
    dr_json_w_end(w);
}

int apply_lines(struct account *a, struct rec *deal,
                const struct dr_json *lines, struct refusal *r)
{
    const struct kind *products = kind_of_type(DR_STR_LIT("products"));
    struct dr_dec sum;
    struct dr_json_w w;
    struct dr_buf b;
    char text[DR_DEC_TEXT];

    if (lines->count > 100) {
        return no(r, "%s: at most 100", "products");
    }
    DR_JSON_EACH(l, lines)
    {
        const struct rec *p =
            rec_find(products, (uint64_t)dr_json_get_i64(l, "id", 0));
        if (!p || p->deleted) {
            return no(r, "%s: a product does not exist", "products");
        }
    }
    dr_dec_zero(&sum);
    dr_buf_init(&b, (size_t)4 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(l, lines)
    {
        const struct rec *p =
            rec_find(products, (uint64_t)dr_json_get_i64(l, "id", 0));
        write_line(a, deal, p, l, &w);
        line_total(l, &sum);
    }
    dr_json_w_end(&w);
    rec_set(deal, "products", dr_buf_view(&b));
    dr_buf_done(&b);
    /* The captured side effect: the lines overwrite the amount. */
    rec_set(deal, "amount", dr_str_z(dr_dec_money(&sum, text)));
    return 0;
}
