/* What a write is refused for; everything is checked before anything is
 * stored. */
#include <stdio.h>
#include <string.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>

#include "write.h"

#define TOO_LONG "%s is too long (maximum is %d characters)"

int no(struct refusal *r, const char *text, struct dr_str what)
{
    r->status = 400;
    r->text = text;
    (void)snprintf(r->what, sizeof(r->what), DR_STR_FMT, DR_STR_ARG(what));
    return -1;
}

int noz(struct refusal *r, const char *text, const char *what)
{
    return no(r, text, dr_str_z(what));
}

static int check_length(struct dr_str s, int64_t max, struct dr_str name,
                        struct refusal *r)
{
    r->max = max;
    return dr_utf8_count(s) > (size_t)max ? no(r, TOO_LONG, name) : 0;
}

static bool is_one_of(struct dr_str s, const char *words)
{
    struct dr_str rest = dr_str_z(words);

    while (rest.p) {
        if (dr_str_eq(dr_str_split(&rest, ' '), s)) {
            return true;
        }
    }
    return false;
}

static int check_id(struct account *a, const struct attr *t,
                    const struct dr_json *v, struct refusal *r)
{
    uint64_t id;

    if (dr_str_u64(dr_json_scalar(v), &id)) {
        return noz(r, "%s is invalid", t->name);
    }
    if (id == 0) {
        return 0; /* clients send 0 for none */
    }
    if (t->kind == A_USER) {
        return list_find(list_of(a->selectors, "users"), id)
                   ? 0
                   : noz(r, "%s does not exist", t->name);
    }
    if (t->kind == A_ACCOUNT) {
        return rec_alive(kind_named("sales_accounts"), id)
                   ? 0
                   : noz(r, "%s does not exist", t->name);
    }
    if (t->kind == A_RECORD || t->kind == A_RECORDS) {
        return !t->of || rec_alive(kind_named(t->of), id)
                   ? 0
                   : noz(r, "%s does not exist", t->name);
    }
    return list_find(dr_map_get(a->selectors, dr_str_z(t->of)), id)
               ? 0
               : noz(r, "%s is not a valid choice", t->name);
}

#define IDS_MAX 1000

static int check_ids(struct account *a, const struct attr *t,
                     const struct dr_json *v, struct refusal *r)
{
    if (v->type != DR_JSON_ARRAY || v->count > IDS_MAX) {
        return noz(r, "The type for %s is invalid.", t->name);
    }
    DR_JSON_EACH(id, v)
    {
        if (check_id(a, t, id, r)) {
            return -1;
        }
    }
    return 0;
}

static int check_value(struct account *a, const struct attr *t,
                       const struct dr_json *v, struct refusal *r)
{
    struct dr_dec d;
    char day[STAMP_TEXT];
    int64_t ms;
    struct dr_str s = dr_json_scalar(v);

    if (blank(v)) {
        return 0;
    }
    switch (t->kind) {
    case A_TEXT:
        return v->type != DR_JSON_STRING && v->type != DR_JSON_NUMBER
                   ? noz(r, "%s is invalid", t->name)
                   : check_length(s, knob_int(a->knobs, "text_limit"),
                                  dr_str_z(t->name), r);
    case A_AREA:
        return v->type != DR_JSON_STRING
                   ? noz(r, "%s is invalid", t->name)
                   : check_length(s, knob_int(a->knobs, "area_limit"),
                                  dr_str_z(t->name), r);
    case A_LONG:
        return v->type == DR_JSON_STRING ? 0 : noz(r, "%s is invalid", t->name);
    case A_DONE:
        return v->type == DR_JSON_TRUE || v->type == DR_JSON_FALSE ||
                       is_one_of(s, "0 1 true false")
                   ? 0
                   : noz(r, "%s is invalid", t->name);
    case A_NUMBER:
    case A_MONEY:
        return dr_dec_parse_json(s, &d) ? noz(r, "%s is not a number", t->name)
                                        : 0;
    case A_DATE:
        return read_day(a, s, day) ? noz(r, "%s is not a date", t->name) : 0;
    case A_TIME:
        return read_time(a, s, &ms) ? noz(r, "%s is not a time", t->name) : 0;
    case A_USER:
    case A_ACCOUNT:
    case A_SELECT:
    case A_RECORD:
        return check_id(a, t, v, r);
    case A_RECORDS:
        return check_ids(a, t, v, r);
    case A_TAGS:
    case A_NESTED:
        return v->type == DR_JSON_ARRAY
                   ? 0
                   : noz(r, "The type for %s is invalid.", t->name);
    case A_BOOL:
    case A_RAW:
    case A_EMAILS:
    case A_LINKS:
    case A_READONLY:
        return 0;
    }
    return 0;
}

/* ---- custom fields ---- */

static int check_choices(struct account *a, const struct dr_json *def,
                         struct dr_str s, struct dr_str name, struct refusal *r)
{
    bool several =
        dr_str_eqz(dr_json_get_str(def, "type"), "multi_select_dropdown");

    if (!knob_is(a->knobs, "unknown_choice_value", "400")) {
        return 0;
    }
    do {
        struct dr_str one = several ? dr_str_split(&s, ';') : s;
        if (!is_choice(def, one)) {
            return no(r, "%s is not a valid choice", name);
        }
    } while (several && s.p);
    return 0;
}

static int check_custom_value(struct account *a, const struct dr_json *def,
                              const struct dr_json *v, struct refusal *r)
{
    struct dr_str type = dr_json_get_str(def, "type");
    struct dr_str name = dr_json_get_str(def, "name");
    struct dr_str s = dr_json_scalar(v);
    char day[STAMP_TEXT];
    struct dr_dec d;

    if (blank(v)) {
        return 0;
    }
    if (dr_str_eqz(type, "text")) {
        return check_length(s, knob_int(a->knobs, "text_limit"), name, r);
    }
    if (dr_str_eqz(type, "textarea")) {
        return check_length(s, knob_int(a->knobs, "area_limit"), name, r);
    }
    if (dr_str_eqz(type, "number") || dr_str_eqz(type, "decimal")) {
        return dr_dec_parse_json(s, &d) || d.n - d.scale > 11 || d.scale > 4
                   ? no(r, "%s is not a number", name)
                   : 0;
    }
    if (dr_str_eqz(type, "dropdown") || dr_str_eqz(type, "radio") ||
        dr_str_eqz(type, "multi_select_dropdown")) {
        return check_choices(a, def, s, name, r);
    }
    if (dr_str_eqz(type, "date") || dr_str_eqz(type, "date_time")) {
        return read_day(a, s, day) ? no(r, "%s is not a date", name) : 0;
    }
    return 0;
}

/* ---- uniqueness ---- */

static bool taken(struct account *a, struct kind *k, const struct rec *self,
                  const char *name, struct dr_str s)
{
    bool held = knob_is(a->knobs, "soft_deleted_holds_unique", "yes");
    const struct hits *h =
        s.n ? index_find(a, k, dr_str_z(name), quoted(a, s)) : NULL;

    for (size_t i = 0; h && i < h->n; i++) {
        if (h->v[i] != self && (held || !h->v[i]->deleted)) {
            return true;
        }
    }
    return false;
}

static int check_unique(struct account *a, struct kind *k,
                        const struct rec *rec, const struct dr_json *attrs,
                        struct refusal *r)
{
    if (is_type(k, "sales_accounts") &&
        taken(a, k, rec, "name", dr_json_get_str(attrs, "name"))) {
        return noz(r, "Name has already been taken", "");
    }
    if (is_type(k, "contacts")) {
        if (taken(a, k, rec, "email", primary_email(attrs))) {
            return noz(r, "%s is not unique", "Email");
        }
        if (taken(a, k, rec, "external_id",
                  dr_json_get_str(attrs, "external_id"))) {
            return noz(r, "%s is not unique", "external_id");
        }
    }
    return 0;
}

static int check_custom(struct account *a, struct kind *k,
                        const struct rec *rec, const struct dr_json *custom,
                        struct refusal *r)
{
    DR_JSON_EACH(v, custom)
    {
        const struct dr_json *def = definition(a, k, v->key);
        char name[96];
        if (!def && knob_is(a->knobs, "unknown_cf_key", "400")) {
            return no(r, "%s does not exist", v->key);
        }
        if (!def) {
            continue;
        }
        if (check_custom_value(a, def, v, r)) {
            return -1;
        }
        (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(v->key));
        if (dr_json_true(dr_json_get(def, "unique")) &&
            taken(a, k, rec, name, dr_json_scalar(v))) {
            return noz(r, "%s is not unique", name);
        }
    }
    return 0;
}

/* ---- the whole ---- */

/* Required where it is missing from a create, or emptied by an update. */
static bool missing(const struct rec *rec, const struct dr_json *attrs,
                    struct dr_str name)
{
    const struct dr_json *v = dr_json_gets(attrs, name);

    if (dr_str_starts(name, DR_STR_LIT("cf_"))) {
        v = dr_json_gets(dr_json_get(attrs, "custom_field"), name);
    }
    if (!v && dr_str_eqz(name, "emails")) {
        v = dr_json_get(attrs, "email");
    }
    if (dr_str_eqz(name, "targetable") || dr_str_eqz(name, "targetables")) {
        return !rec && !names_target(attrs);
    }
    return rec ? v && blank(v) : blank(v);
}

static int check_required(struct account *a, struct kind *k,
                          const struct rec *rec, const struct dr_json *attrs,
                          struct refusal *r)
{
    struct list *l = dr_map_get(a->fields, dr_str_z(k->entity));
    static const char *const always[][2] = {
        {"products", "name"},
        {"sales_accounts", "name"},
        {"deals", "name"},
        {"tasks", "title"},
        {"tasks", "due_date"},
        {"notes", "description"},
        {"appointments", "title"},
        {"appointments", "from_date"},
        {"appointments", "end_date"},
        {"sales_activities", "title"},
        {"sales_activities", "start_date"},
        {"sales_activities", "end_date"},
        {"sales_activities", "sales_activity_type_id"},
        {"sales_activities", "targetable"},
        {"call_logs", "targetable"},
        {"lists", "name"},
        {"files", "targetable"},
        {"files", "content_file_name"},
        {"document_links", "targetable"},
        {"document_links", "url"}};

    for (size_t i = 0; l && i < l->n; i++) {
        const struct dr_json *d = list_at(l, i);
        if (dr_json_true(dr_json_get(d, "required")) &&
            missing(rec, attrs, dr_json_get_str(d, "name"))) {
            return no(r, "Need to fill this %s to submit the form.",
                      dr_json_get_str(d, "name"));
        }
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(always); i++) {
        if (is_type(k, always[i][0]) &&
            missing(rec, attrs, dr_str_z(always[i][1]))) {
            return noz(r, "%s can't be blank", always[i][1]);
        }
    }
    if (is_type(k, "leads") && !rec && primary_email(attrs).n == 0 &&
        blank(dr_json_get(attrs, "mobile_number"))) {
        return noz(r, "%s can't be blank", "email");
    }
    return 0;
}

/* A stage belongs to its pipeline. */
static int check_stage(struct account *a, const struct rec *rec,
                       const struct dr_json *attrs, struct refusal *r)
{
    uint64_t stage, pipeline;
    const struct dr_json *s;

    if (dr_str_u64(dr_json_scalar(dr_json_get(attrs, "deal_stage_id")),
                   &stage) ||
        stage == 0) {
        return 0;
    }
    if (dr_str_u64(dr_json_scalar(dr_json_get(attrs, "deal_pipeline_id")),
                   &pipeline)) {
        pipeline = rec ? rec_id(rec, "deal_pipeline_id") : 0;
    }
    s = list_find(list_of(a->selectors, "deal_stages"), stage);
    if (pipeline != 0 &&
        (uint64_t)dr_json_get_i64(s, "deal_pipeline_id", 0) != pipeline) {
        return noz(r, "%s is invalid", "deal_stage_id");
    }
    return 0;
}

/* A status belongs to its lifecycle stage (reference 3.4, 23.2). */
static int check_status(struct account *a, const struct rec *rec,
                        const struct dr_json *attrs, struct refusal *r)
{
    uint64_t status, stage;
    const struct dr_json *s;

    if (knob_is(a->knobs, "status_lifecycle_mismatch", "coerce") ||
        dr_str_u64(dr_json_scalar(dr_json_get(attrs, "contact_status_id")),
                   &status) ||
        status == 0) {
        return 0;
    }
    if (dr_str_u64(dr_json_scalar(dr_json_get(attrs, "lifecycle_stage_id")),
                   &stage)) {
        stage = rec ? rec_id(rec, "lifecycle_stage_id") : 0;
    }
    s = list_find(list_of(a->selectors, "contact_statuses"), status);
    if (stage != 0 &&
        (uint64_t)dr_json_get_i64(s, "lifecycle_stage_id", 0) != stage) {
        return noz(r, "%s is invalid", "contact_status_id");
    }
    return 0;
}

static int check_parent(const struct rec *rec, const struct dr_json *attrs,
                        struct refusal *r)
{
    const struct kind *k = kind_named("sales_accounts");
    uint64_t up;

    if (!rec || dr_str_u64(dr_json_scalar(
                               dr_json_get(attrs, "parent_sales_account_id")),
                           &up)) {
        return 0;
    }
    for (int depth = 0; up != 0 && depth < 10000; depth++) {
        const struct rec *p = rec_find(k, up);
        if (up == rec->id) {
            return noz(r, "%s is invalid", "parent_sales_account_id");
        }
        up = p ? rec_id(p, "parent_sales_account_id") : 0;
    }
    return 0;
}

static int check_links(const struct dr_json *attrs, struct refusal *r)
{
    const struct dr_json *list = dr_json_get(attrs, "sales_accounts");

    if (list && list->type != DR_JSON_ARRAY && !dr_json_is_null(list)) {
        return noz(r, "The type for %s is invalid.", "sales_accounts");
    }
    DR_JSON_EACH(e, list)
    {
        uint64_t id = (uint64_t)dr_json_get_i64(e, "id", 0);
        if (e->type != DR_JSON_OBJECT) {
            return noz(r, "The type for %s is invalid.", "sales_accounts");
        }
        if (id != 0 && !rec_alive(kind_named("sales_accounts"), id)) {
            return noz(r, "%s does not exist", "sales_accounts");
        }
    }
    DR_JSON_EACH(e, dr_json_get(attrs, "contacts_added_list"))
    {
        uint64_t id;
        if (dr_str_u64(dr_json_scalar(e), &id) ||
            !rec_alive(kind_named("contacts"), id)) {
            return noz(r, "%s does not exist", "contacts_added_list");
        }
    }
    return 0;
}

int check_write(struct account *a, struct kind *k, const struct rec *rec,
                const struct dr_json *attrs, struct refusal *r)
{
    if (check_required(a, k, rec, attrs, r)) {
        return -1;
    }
    DR_JSON_EACH(v, attrs)
    {
        const struct attr *t = attr_of(k, v->key);
        if (t && check_value(a, t, v, r)) {
            return -1;
        }
    }
    if (check_custom(a, k, rec, dr_json_get(attrs, "custom_field"), r) ||
        check_unique(a, k, rec, attrs, r)) {
        return -1;
    }
    if (is_type(k, "contacts")) {
        return check_links(attrs, r) || check_status(a, rec, attrs, r) ? -1 : 0;
    }
    if (is_type(k, "deals")) {
        return check_links(attrs, r) || check_stage(a, rec, attrs, r) ? -1 : 0;
    }
    if (k->hangs) {
        return check_hanging(a, k, rec, attrs, r);
    }
    return is_type(k, "sales_accounts") ? check_parent(rec, attrs, r) : 0;
}
