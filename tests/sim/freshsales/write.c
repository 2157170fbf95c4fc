/* Storing what was checked. */
#include "write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/decimal.h>

const struct dr_json *definition(const struct account *a, const struct kind *k,
                                 struct dr_str name)
{
    return list_named(dr_map_get(a->fields, dr_str_z(k->entity)), name);
}

bool is_choice(const struct dr_json *def, struct dr_str s)
{
    DR_JSON_EACH(c, dr_json_get(def, "choices"))
    {
        if (dr_str_eq(dr_json_get_str(c, "value"), s)) {
            return true;
        }
    }
    return false;
}

bool is_type(const struct kind *k, const char *type)
{
    return strcmp(k->type, type) == 0;
}

bool blank(const struct dr_json *v)
{
    return dr_json_is_null(v) || (v->type == DR_JSON_STRING && v->text.n == 0);
}

struct dr_str quoted(struct account *a, struct dr_str s)
{
    struct dr_json_w w;
    struct dr_buf b;
    struct dr_str out;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_str(&w, s);
    out = dr_arena_dup(a->scratch, (struct dr_str){b.p + 1, b.n - 2});
    dr_buf_done(&b);
    return out;
}

/* A deal without a stage takes the default pipeline's first; without a
 * probability that of its stage. */
static void deal_defaults(struct account *a, struct rec *r)
{
    struct list *l = list_of(a->selectors, "deal_stages");
    const struct dr_json *s;

    if (rec_id(r, "deal_stage_id") == 0 && l->n > 0) {
        uint64_t in = rec_id(r, "deal_pipeline_id");
        s = list_at(l, 0);
        for (size_t i = 0; in && i < l->n; i++) {
            s = list_at(l, i);
            if ((uint64_t)dr_json_get_i64(s, "deal_pipeline_id", 0) == in) {
                break;
            }
        }
        rec_set(r, "deal_stage_id", dr_json_scalar(dr_json_get(s, "id")));
    }
    s = list_find(l, rec_id(r, "deal_stage_id"));
    if (dr_json_get(s, "deal_pipeline_id")) {
        rec_set(r, "deal_pipeline_id",
                dr_json_scalar(dr_json_get(s, "deal_pipeline_id")));
    }
    if (!rec_value(r, "probability").p && dr_json_get(s, "probability")) {
        rec_set(r, "probability", dr_json_get(s, "probability")->raw);
    }
}

/* A status decides the stage; a stage alone gets its own first status when
 * the present one belongs to another. */
static void contact_defaults(struct account *a, struct rec *r,
                             const struct dr_json *attrs)
{
    const struct dr_json *status =
        list_find(list_of(a->selectors, "contact_statuses"),
                  rec_id(r, "contact_status_id"));
    int64_t stage = dr_json_get_i64(status, "lifecycle_stage_id", 0);
    const struct dr_json *s;

    if (stage == 0 || (uint64_t)stage == rec_id(r, "lifecycle_stage_id")) {
        return;
    }
    if (!blank(dr_json_get(attrs, "contact_status_id")) ||
        rec_id(r, "lifecycle_stage_id") == 0) {
        rec_set(r, "lifecycle_stage_id",
                dr_json_scalar(dr_json_get(status, "lifecycle_stage_id")));
        return;
    }
    s = list_find(list_of(a->selectors, "lifecycle_stages"),
                  rec_id(r, "lifecycle_stage_id"));
    s = dr_json_at(dr_json_get(s, "contact_status_ids"), 0);
    if (s) {
        rec_set(r, "contact_status_id", dr_json_scalar(s));
    }
}

/* A number's lexeme, however it was sent: "007" is none in JSON. */
char *number_kept(struct dr_str s)
{
    char text[DR_DEC_TEXT];
    struct dr_dec d;

    if (dr_dec_parse_json(s, &d)) {
        return NULL;
    }
    return dr_str_find(s, DR_STR_LIT("e")) != SIZE_MAX ||
                   dr_str_find(s, DR_STR_LIT("E")) != SIZE_MAX
               ? dr_xstrndup(s)
               : dr_xstrdup(dr_dec_text(&d, text));
}

static char *id_kept(struct dr_str s)
{
    char text[24];
    uint64_t id;

    if (dr_str_u64(s, &id) || id == 0) {
        return NULL;
    }
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
    return dr_xstrdup(text);
}

/* Numbers, however they were sent. */
static char *ids_kept(const struct dr_json *list)
{
    struct dr_json_w w;
    struct dr_buf b;
    char *out;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(v, list)
    {
        char *id = id_kept(dr_json_scalar(v));
        if (id) {
            dr_json_w_raw(&w, dr_str_z(id));
        }
        free(id);
    }
    dr_json_w_end(&w);
    out = dr_xstrndup(dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}

/* Numbers in the place of texts are texts. */
static char *text_kept(const struct dr_json *v)
{
    struct dr_buf b;
    char *out;

    if (v->type != DR_JSON_NUMBER) {
        return compact(v);
    }
    dr_buf_init(&b, (size_t)1 << 20);
    dr_buf_ch(&b, '"');
    dr_buf_str(&b, v->text);
    dr_buf_ch(&b, '"');
    out = dr_xstrndup(dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}

/* The JSON to keep, allocated; NULL: no value. */
static char *kept(struct account *a, const struct attr *t,
                  const struct dr_json *v)
{
    struct dr_str s = dr_json_scalar(v);
    char day[STAMP_TEXT], text[STAMP_TEXT + 2];
    int64_t ms;

    switch (t->kind) {
    case A_USER:
    case A_ACCOUNT:
    case A_SELECT:
    case A_RECORD:
        return id_kept(s);
    case A_RECORDS:
        return ids_kept(v);
    case A_NUMBER:
        return number_kept(s);
    case A_TEXT:
        return text_kept(v);
    case A_DATE:
        if (s.n == 0 || read_day(a, s, day) || strncmp(day, "0001", 4) == 0) {
            return NULL; /* clients send year 1 for none */
        }
        (void)snprintf(text, sizeof(text), "\"%s\"", day);
        return dr_xstrdup(text);
    case A_TIME:
        if (s.n == 0 || read_time(a, s, &ms)) {
            return NULL;
        }
        (void)snprintf(text, sizeof(text), "%lld", (long long)ms);
        return dr_xstrdup(text);
    case A_MONEY:
        return s.n ? compact(v) : NULL;
    case A_DONE:
        return dr_xstrdup(v->type == DR_JSON_TRUE || dr_str_eqz(s, "1") ||
                                  dr_str_eqz(s, "true")
                              ? "true"
                              : "false");
    case A_AREA:
    case A_LONG:
    case A_BOOL:
    case A_TAGS:
    case A_RAW:
    case A_EMAILS:
    case A_NESTED:
    case A_LINKS:
    case A_READONLY:
        return compact(v);
    }
    return NULL;
}

static void set_attribute(struct account *a, struct rec *r,
                          const struct attr *t, const struct dr_json *v)
{
    char *text;

    if (t->kind == A_NESTED) {
        set_nested(a, r, v, t->name);
        return;
    }
    if (t->kind == A_READONLY || t->kind == A_EMAILS || t->kind == A_LINKS) {
        return;
    }
    text = dr_json_is_null(v) ? NULL : kept(a, t, v);
    if (text) {
        dr_map_put(r->values, v->key, text);
    } else {
        (void)dr_map_del(r->values, v->key);
    }
}

/* What the knob says of values that are no choice of their field. */
static char *custom_kept(struct account *a, const struct dr_json *def,
                         const struct dr_json *v)
{
    struct dr_str type = dr_json_get_str(def, "type");
    bool several = dr_str_eqz(type, "multi_select_dropdown");
    struct dr_str rest = dr_json_scalar(v);
    struct dr_json_w w;
    struct dr_buf b;
    char *out;

    if (v->type == DR_JSON_STRING &&
        (dr_str_eqz(type, "number") || dr_str_eqz(type, "decimal"))) {
        return number_kept(v->text);
    }
    if (!knob_is(a->knobs, "unknown_choice_value", "null") ||
        (!several && !dr_str_eqz(type, "dropdown") &&
         !dr_str_eqz(type, "radio"))) {
        return compact(v);
    }
    if (!several) {
        return is_choice(def, rest) ? compact(v) : NULL;
    }
    dr_buf_init(&b, (size_t)1 << 20);
    while (rest.p) {
        struct dr_str one = dr_str_split(&rest, ';');
        if (is_choice(def, one)) {
            dr_buf_z(&b, b.n ? ";" : "");
            dr_buf_str(&b, one);
        }
    }
    rest = dr_arena_dup(a->scratch, dr_buf_view(&b));
    dr_buf_reset(&b);
    dr_json_w_init(&w, &b);
    dr_json_w_str(&w, rest);
    out = rest.n ? dr_xstrndup(dr_buf_view(&b)) : NULL;
    dr_buf_done(&b);
    return out;
}

static void set_custom(struct account *a, struct kind *k, struct rec *r,
                       const struct dr_json *custom)
{
    if (custom && knob_is(a->knobs, "custom_field_put", "replace")) {
        dr_map_free(r->custom);
        r->custom = dr_map_new(free);
    }
    DR_JSON_EACH(v, custom)
    {
        const struct dr_json *def = definition(a, k, v->key);
        char *text;
        if (!def) {
            continue;
        }
        text = blank(v) ? NULL : custom_kept(a, def, v);
        if (text) {
            dr_map_put(r->custom, v->key, text);
        } else {
            (void)dr_map_del(r->custom, v->key);
        }
    }
}

/* Dates and authors in a body count only where the knobs say so. */
static void set_origin(struct account *a, struct rec *r,
                       const struct dr_json *attrs)
{
    uint64_t id;

    if (knob_is(a->knobs, "created_at_in_body", "stored")) {
        (void)!read_time(a, dr_json_get_str(attrs, "created_at"),
                         &r->created_ms);
    }
    if (knob_is(a->knobs, "creater_id_in_body", "stored") &&
        dr_str_u64(dr_json_scalar(dr_json_get(attrs, "creater_id")), &id) ==
            0) {
        r->creater = id;
    }
}

void apply_write(struct account *a, struct kind *k, struct rec *r,
                 const struct dr_json *attrs)
{
    uint64_t owner = rec_id(r, "owner_id");
    uint64_t stage = rec_id(r, "deal_stage_id");

    index_out(a, k, r);
    DR_JSON_EACH(v, attrs)
    {
        const struct attr *t = attr_of(k, v->key);
        if (t) {
            set_attribute(a, r, t, v);
        }
    }
    set_custom(a, k, r, dr_json_get(attrs, "custom_field"));
    set_emails(a, r, attrs);
    if (is_type(k, "contacts")) {
        set_accounts(r, attrs);
        contact_defaults(a, r, attrs);
    } else if (is_type(k, "deals")) {
        set_contacts(a, r, attrs);
        deal_defaults(a, r);
    } else if (k->hangs) {
        set_hanging(a, k, r, attrs);
    }
    set_origin(a, r, attrs);
    rec_touch(a, k, r);
    if (rec_id(r, "owner_id") != owner) {
        r->assigned_ms = r->updated_ms;
    }
    if (rec_id(r, "deal_stage_id") != stage) {
        r->stage_ms = r->updated_ms;
    }
    index_in(a, k, r);
}

static void count_marker(struct account *a, const struct kind *k,
                         const struct rec *r)
{
    const char *cf = dr_map_get(r->custom, DR_STR_LIT("cf_source_id"));
    struct dr_str mark = cf ? dr_str_z(cf) : rec_value(r, "external_id");
    struct dr_str text;
    struct dr_buf key;
    int64_t *n;

    if (!mark.p && k->hangs) {
        text = rec_value(r, is_type(k, "sales_activities") ? "notes"
                                                           : "description");
        mark = text_marker(text);
    }
    if (mark.n == 0 || dr_str_eqz(mark, "null")) {
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

/* "sales_account": {"name": …} of a deal links that account, or makes it
 * (reference 5.1). 0: none; -1: refused. */
static int inline_account(struct account *a, struct kind *k,
                          const struct dr_json *attrs, const char *by,
                          struct rec **out, struct refusal *r)
{
    struct kind *accounts = kind_named("sales_accounts");
    const struct dr_json *in = dr_json_get(attrs, "sales_account");

    *out = NULL;
    if (!is_type(k, "deals") || dr_json_type(in) != DR_JSON_OBJECT ||
        !blank(dr_json_get(attrs, "sales_account_id"))) {
        return 0;
    }
    *out =
        find_by(a, accounts, DR_STR_LIT("name"), dr_json_get_str(in, "name"));
    if (!*out) {
        *out = write_record(a, accounts, NULL, in, by, r);
    }
    return *out ? 0 : -1;
}

static void link_account(struct account *a, struct kind *k, struct rec *deal,
                         const struct rec *account)
{
    char id[24];

    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)account->id);
    index_out(a, k, deal);
    rec_set(deal, "sales_account_id", dr_str_z(id));
    index_in(a, k, deal);
}

struct rec *write_record(struct account *a, struct kind *k, struct rec *rec,
                         const struct dr_json *attrs, const char *by,
                         struct refusal *r)
{
    const struct dr_json *lines =
        is_type(k, "deals") ? dr_json_get(attrs, "products") : NULL;
    bool create = rec == NULL;
    struct rec *account;

    if (check_write(a, k, rec, attrs, r) || (lines && check_lines(lines, r)) ||
        inline_account(a, k, attrs, by, &account, r)) {
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
    if (account) {
        link_account(a, k, rec, account);
    }
    if (lines) {
        apply_lines(a, rec, lines);
    }
    if (create) {
        count_marker(a, k, rec);
    }
    return rec;
}

void remove_record(struct account *a, struct kind *k, struct rec *r,
                   bool forget)
{
    a->removed[k - kinds] += !r->deleted;
    bytes_forget(a, r);
    if (forget || !k->bin) {
        index_out(a, k, r);
        rec_remove(k, r);
        return;
    }
    r->deleted = true;
    r->deleted_seq = journal_next(a->journal);
    k->version++;
}

void restore_record(struct account *a, struct kind *k, struct rec *r)
{
    r->deleted = false;
    r->deleted_seq = 0;
    a->updated[k - kinds]++;
    rec_touch(a, k, r);
}
