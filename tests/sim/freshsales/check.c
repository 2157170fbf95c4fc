/* What a write is refused for; everything is checked before anything is
 * stored. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>

#include "write.h"

#define AREA_MAX 10000

int no(struct refusal *r, const char *fmt, ...)
{
    va_list ap;

    r->status = 400;
    va_start(ap, fmt);
    (void)vsnprintf(r->text, sizeof(r->text), fmt, ap);
    va_end(ap);
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
