#include "body.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_custom(const struct dr_field *f)
{
    return dr_str_starts(f->name, DR_STR_LIT("cf_"));
}

static void value(struct dr_json_w *w, enum dr_value_kind kind, struct dr_str v)
{
    switch (kind) {
    case DR_VAL_TEXT:
        dr_json_w_str(w, v);
        break;
    case DR_VAL_NUMBER:
    case DR_VAL_BOOL:
    case DR_VAL_JSON:
        dr_json_w_raw(w, v);
        break;
    case DR_VAL_NULL:
        dr_json_w_null(w);
        break;
    }
}

/* ---- lists inside a record ---- */

static void destroy(struct dr_json_w *w, const struct dr_json *row)
{
    const struct dr_json *id = dr_json_get(row, "id");

    if (id) {
        dr_json_w_obj(w);
        dr_json_w_key(w, "id");
        dr_json_w_tree(w, id);
        dr_json_w_kvb(w, "_destroy", true);
        dr_json_w_end(w);
    }
}

/* The address goes as its row does (reference 3.3). */
static void no_emails(struct dr_json_w *w, const struct dr_json *before)
{
    const struct dr_json *rows = dr_json_get(before, "emails");

    if (dr_json_type(rows) != DR_JSON_ARRAY) {
        dr_json_w_null(w);
        return;
    }
    dr_json_w_arr(w);
    DR_JSON_EACH(row, rows)
    {
        destroy(w, row);
    }
    dr_json_w_end(w);
}

static bool has_price(const struct dr_json *wanted, struct dr_str currency)
{
    DR_JSON_EACH(e, wanted)
    {
        if (dr_str_ieq(dr_json_get_str(e, "currency_code"), currency)) {
            return true;
        }
    }
    return false;
}

/* A list of prices says nothing of those that it does not name (6.1). */
static void prices(struct dr_json_w *w, struct dr_str wanted,
                   const struct dr_json *before)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new((size_t)1 << 20);
    const struct dr_json *list = dr_json_parse(a, wanted, NULL, NULL);

    dr_json_w_arr(w);
    DR_JSON_EACH(e, list)
    {
        dr_json_w_tree(w, e);
    }
    DR_JSON_EACH(row, dr_json_get(before, "product_pricings"))
    {
        if (!has_price(list, dr_json_get_str(row, "currency_code"))) {
            destroy(w, row);
        }
    }
    dr_json_w_end(w);
}

/* Of a new record nothing is to be taken away. */
static bool is_nothing(const struct dr_field *f, const struct body_opts *o)
{
    bool before = o && o->before;

    return !before &&
           ((f->kind == DR_VAL_NULL && dr_str_eqz(f->name, "emails")) ||
            (f->kind == DR_VAL_JSON && dr_str_eqz(f->value, "[]")));
}

/* false: it is a plain value. */
static bool list_field(struct dr_json_w *w, const struct dr_field *f,
                       const struct body_opts *o)
{
    DR_AUTO(dr_arena) struct dr_arena *a = NULL;

    if (o && o->tags && tags_are(f)) {
        a = dr_arena_new((size_t)1 << 20);
        tags_write(w, o->tags, f->value, a);
        return true;
    }
    if (!o || !o->before) {
        return false;
    }
    if (f->kind == DR_VAL_NULL && dr_str_eqz(f->name, "emails")) {
        no_emails(w, o->before);
        return true;
    }
    if (f->kind == DR_VAL_JSON && dr_str_eqz(f->name, "product_pricings")) {
        prices(w, f->value, o->before);
        return true;
    }
    return false;
}

static bool kept(const struct body_opts *o, size_t field)
{
    return o && o->kept && o->kept[field];
}

static bool writes(const struct dr_load *load, const struct body_opts *o,
                   struct dr_str name)
{
    for (size_t i = 0; i < load->field_count; i++) {
        if (!kept(o, i) && dr_str_eq(load->fields[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* A target that takes the hash for the whole of it loses nothing (reference
 * 23.2, custom_field_put). */
static void custom(struct dr_json_w *w, const struct dr_load *load,
                   const struct body_opts *o)
{
    const struct dr_json *before = o ? o->custom : NULL;

    dr_json_w_key(w, "custom_field");
    dr_json_w_obj(w);
    for (size_t i = 0; i < load->field_count; i++) {
        const struct dr_field *f = &load->fields[i];
        if (is_custom(f) && !kept(o, i)) {
            dr_json_w_keys(w, f->name);
            value(w, f->kind, f->value);
        }
    }
    DR_JSON_EACH(v, before)
    {
        if (!dr_json_is_null(v) && !writes(load, o, v->key)) {
            dr_json_w_keys(w, v->key);
            dr_json_w_tree(w, v);
        }
    }
    dr_json_w_end(w);
}

static bool is_note(const struct type *t, const struct dr_field *f)
{
    return t && t->shape == SHAPE_CALL && dr_str_eqz(f->name, t->text);
}

static void fields(struct dr_json_w *w, const struct type *t,
                   const struct dr_load *load, const struct body_opts *o)
{
    bool some = false;

    for (size_t i = 0; i < load->field_count; i++) {
        const struct dr_field *f = &load->fields[i];
        if (kept(o, i) || is_nothing(f, o)) {
            continue;
        }
        if (is_custom(f)) {
            some = true;
            continue;
        }
        if (is_note(t, f)) {
            dr_json_w_key(w, "note");
            dr_json_w_obj(w);
            dr_json_w_keys(w, f->name);
            value(w, f->kind, f->value);
            dr_json_w_end(w);
            continue;
        }
        dr_json_w_keys(w, f->name);
        if (o && o->name.n > 0 && dr_str_eqz(f->name, "name")) {
            dr_json_w_str(w, o->name);
        } else if (!list_field(w, f, o)) {
            value(w, f->kind, f->value);
        }
    }
    if (some) {
        custom(w, load, o);
    }
}

static bool is(const struct dr_ref *r, const char *field)
{
    return dr_str_eqz(r->field, field);
}

static bool any(const struct dr_load *load, const struct links *l,
                const char *field)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        if (is(&load->refs[i], field) && l->ref[i]) {
            return true;
        }
    }
    return false;
}

/* Two companies may have become one account; it is linked once. */
static bool seen(const struct dr_load *load, const struct links *l, size_t upto,
                 const char *field)
{
    for (size_t i = 0; i < upto; i++) {
        if (is(&load->refs[i], field) && l->ref[i] == l->ref[upto]) {
            return true;
        }
    }
    return false;
}

static void account(struct dr_json_w *w, uint64_t id, bool primary)
{
    dr_json_w_obj(w);
    dr_json_w_key(w, "id");
    dr_json_w_u64(w, id);
    dr_json_w_kvb(w, "is_primary", primary);
    dr_json_w_end(w);
}

static bool linked_to(const struct dr_load *load, const struct links *l,
                      uint64_t account)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        if (is(&load->refs[i], "sales_accounts") && l->ref[i] == account) {
            return true;
        }
    }
    return false;
}

/* beside: of whose contact it was; then there is no Unassigned one. */
static bool is_account(const struct dr_load *load, const struct links *l,
                       size_t at, const struct linked_ends *beside)
{
    return is(&load->refs[at], "sales_accounts") && l->ref[at] &&
           !(beside && l->ref[at] == l->orphan);
}

static void accounts(struct dr_json_w *w, const struct dr_load *load,
                     const struct links *l, const struct linked_ends *beside)
{
    bool primary = false, some = false;

    for (size_t i = 0; i < load->ref_count; i++) {
        primary |= is_account(load, l, i, beside) && load->refs[i].primary;
    }
    dr_json_w_key(w, "sales_accounts");
    dr_json_w_arr(w);
    for (size_t i = 0; i < load->ref_count; i++) {
        const struct dr_ref *r = &load->refs[i];
        if (!is_account(load, l, i, beside) ||
            seen(load, l, i, "sales_accounts")) {
            continue;
        }
        account(w, l->ref[i], primary ? r->primary : true);
        primary = some = true; /* none was left: the first one is */
    }
    for (size_t i = 0; beside && i < beside->n; i++) {
        if (!linked_to(load, l, beside->id[i])) {
            account(w, beside->id[i], !some && beside->primary[i]);
        }
    }
    dr_json_w_end(w);
}

static bool wanted(const struct dr_load *load, const struct links *l,
                   uint64_t id)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        if (is(&load->refs[i], "contacts_added_list") && l->ref[i] == id) {
            return true;
        }
    }
    return false;
}

static void contacts(struct dr_json_w *w, const struct dr_load *load,
                     const struct links *l)
{
    dr_json_w_key(w, "contacts_added_list");
    dr_json_w_arr(w);
    for (size_t i = 0; i < load->ref_count; i++) {
        if (is(&load->refs[i], "contacts_added_list") && l->ref[i] &&
            !seen(load, l, i, "contacts_added_list")) {
            dr_json_w_u64(w, l->ref[i]);
        }
    }
    dr_json_w_end(w);
}

static void removed(struct dr_json_w *w, const struct dr_load *load,
                    const struct links *l, const struct dr_json *linked)
{
    bool open = false;

    DR_JSON_EACH(e, linked)
    {
        const struct dr_json *id =
            dr_json_type(e) == DR_JSON_OBJECT ? dr_json_get(e, "id") : e;
        int64_t n;
        if (dr_json_i64(id, &n) || n <= 0 || wanted(load, l, (uint64_t)n)) {
            continue;
        }
        if (!open) {
            dr_json_w_key(w, "contacts_removed_list");
            dr_json_w_arr(w);
            open = true;
        }
        dr_json_w_i64(w, n);
    }
    if (open) {
        dr_json_w_end(w);
    }
}

static const struct {
    const char *name, *snake, *list;
} targets[] = {{"Deal", "deal", "deals"},
               {"Contact", "contact", "contacts"},
               {"SalesAccount", "sales_account", "sales_accounts"},
               {"Lead", "lead", "leads"},
               {"Product", "product", NULL}};

struct dr_str body_target(const struct dr_ref *r, bool lead)
{
    struct dr_str head = DR_STR_LIT("targetable:");

    if (!dr_str_starts(r->field, head)) {
        return (struct dr_str){"", 0};
    }
    if (lead) {
        return DR_STR_LIT("Lead");
    }
    return (struct dr_str){r->field.p + head.n, r->field.n - head.n};
}

static const char *target_snake(struct dr_str target)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(targets); i++) {
        if (dr_str_eqz(target, targets[i].name)) {
            return targets[i].snake;
        }
    }
    return "contact";
}

void body_target_path(struct dr_str target, uint64_t id, struct dr_buf *out)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(targets); i++) {
        if (targets[i].list && dr_str_eqz(target, targets[i].name)) {
            dr_buf_printf(out, "/%s/", targets[i].list);
            dr_buf_u64(out, id);
        }
    }
}

void body_parent_path(const struct dr_load *load, const struct links *l,
                      struct dr_buf *out)
{
    size_t at = refs_target(load, l);

    if (at != SIZE_MAX) {
        body_target_path(body_target(&load->refs[at], l->lead && l->lead[at]),
                         l->ref[at], out);
    }
}

static void target(struct dr_json_w *w, const struct type *t,
                   struct dr_str name, uint64_t id)
{
    if (t && t->shape == SHAPE_CALL) { /* reference 10.2 */
        char text[24];
        (void)snprintf(text, sizeof(text), "%" PRIu64, id);
        dr_json_w_kvz(w, "targetable_type", target_snake(name));
        dr_json_w_key(w, "targetable");
        dr_json_w_obj(w);
        dr_json_w_kvz(w, "id", text);
        dr_json_w_end(w);
        return;
    }
    dr_json_w_key(w, "targetable_id");
    dr_json_w_u64(w, id);
    dr_json_w_kv(w, "targetable_type", name);
}

/* A module's own relations bear the names that its form gives them; several
 * ends of one are an array. Where none is there (any more), none is to be. */
static void relation(struct dr_json_w *w, const struct dr_load *load,
                     const struct links *l, size_t at, bool first_time)
{
    struct dr_str field = load->refs[at].field;
    uint64_t one = 0;

    for (size_t i = 0; i < load->ref_count; i++) {
        if (dr_str_eq(load->refs[i].field, field)) {
            if (i < at) {
                return; /* written with the first */
            }
            one = one ? one : l->ref[i];
        }
    }
    if (!one && first_time) {
        return;
    }
    dr_json_w_keys(w, field);
    if (!one) {
        dr_json_w_null(w);
        return;
    }
    if (!dr_str_ends(field, DR_STR_LIT("_ids"))) {
        dr_json_w_u64(w, one);
        return;
    }
    dr_json_w_arr(w);
    for (size_t i = at; i < load->ref_count; i++) {
        if (l->ref[i] && dr_str_eq(load->refs[i].field, field)) {
            dr_json_w_u64(w, l->ref[i]);
        }
    }
    dr_json_w_end(w);
}

static bool kept_link(const struct body_opts *o, enum linked k)
{
    return o && (o->kept_links >> k & 1u) != 0;
}

static bool ended_link(const struct body_opts *o, enum linked k)
{
    return o && (o->ended_links >> k & 1u) != 0;
}

static void link_lists(struct dr_json_w *w, const struct dr_load *load,
                       const struct links *l, const struct body_opts *o)
{
    if (!kept_link(o, LINKED_ACCOUNTS) &&
        (any(load, l, "sales_accounts") || ended_link(o, LINKED_ACCOUNTS))) {
        accounts(w, load, l, o ? o->beside : NULL);
    }
    if (kept_link(o, LINKED_CONTACTS)) {
        return;
    }
    if (any(load, l, "contacts_added_list")) {
        contacts(w, load, l);
    }
    if (o && o->linked) {
        removed(w, load, l, o->linked);
    }
}

/* One of the record's own, which bears the name of its reference. */
static void link_plain(struct dr_json_w *w, const struct dr_load *load,
                       const struct links *l, size_t at,
                       const struct body_opts *o)
{
    for (int k = LINKED_ACCOUNT; k <= LINKED_PARENT; k++) {
        if (linked_by(&load->refs[at], (enum linked)k) &&
            !kept_link(o, (enum linked)k)) {
            dr_json_w_keys(w, linked_name((enum linked)k));
            dr_json_w_u64(w, l->ref[at]);
        }
    }
}

static void links(struct dr_json_w *w, const struct type *t,
                  const struct dr_load *load, const struct links *l,
                  const struct body_opts *o)
{
    link_lists(w, load, l, o);
    for (int k = LINKED_ACCOUNT; k <= LINKED_PARENT; k++) {
        if (ended_link(o, (enum linked)k)) {
            dr_json_w_keys(w, linked_name((enum linked)k));
            dr_json_w_null(w);
        }
    }
    for (size_t i = 0; i < load->ref_count; i++) {
        const struct dr_ref *r = &load->refs[i];
        struct dr_str on;
        if (t && t->module) {
            if (!o || (o->kept_links & linked_relation_bit(load, i)) == 0) {
                relation(w, load, l, i, o == NULL);
            }
            continue;
        }
        if (!l->ref[i]) {
            continue;
        }
        on = body_target(r, l->lead && l->lead[i]);
        if (on.n > 0 && kept_link(o, LINKED_TARGET)) {
            continue;
        }
        if (on.n > 0) {
            target(w, t, on, l->ref[i]);
        } else {
            link_plain(w, load, l, i, o);
        }
    }
}

void body_single(const struct type *t, const struct dr_load *load,
                 const struct links *l, const struct body_opts *o,
                 struct dr_buf *out)
{
    bool bare = t->shape == SHAPE_BARE;
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    if (!bare) {
        dr_json_w_key(&w, t->root);
        dr_json_w_obj(&w);
    }
    fields(&w, t, load, o);
    links(&w, t, load, l, o);
    if (!bare) {
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
}

void body_bulk(const struct dr_load *load, const struct links *l, uint64_t dst,
               const struct body_opts *o, struct dr_buf *out)
{
    struct body_opts opts = o ? *o : (struct body_opts){.tags = NULL};
    char id[24];
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    if (dst) {
        (void)snprintf(id, sizeof(id), "%" PRIu64, dst);
        dr_json_w_kvz(&w, "id", id);
    } else if (load->how == DR_HOW_TWO_STEP) {
        dr_json_w_kv(&w, "name", load->working_name);
        opts.name = load->working_name;
    } else {
        /* By its address it could be somebody else's. */
        dr_json_w_kv(&w, "external_id", key_id(load->key));
    }
    dr_json_w_key(&w, "data");
    dr_json_w_obj(&w);
    fields(&w, NULL, load, &opts);
    links(&w, NULL, load, l, &opts);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}

void body_lines(const struct dr_load *load, const struct links *l,
                struct dr_str amount, struct dr_buf *out)
{
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "deal");
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "products");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < load->line_count; i++) {
        const struct dr_line *line = &load->lines[i];
        if (!l->line[i]) {
            continue;
        }
        dr_json_w_obj(&w);
        dr_json_w_key(&w, "id");
        dr_json_w_u64(&w, l->line[i]);
        for (size_t k = 0; k < line->field_count; k++) {
            dr_json_w_keys(&w, line->fields[k].name);
            value(&w, line->fields[k].kind, line->fields[k].value);
        }
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    if (amount.n > 0) {
        dr_json_w_kv(&w, "amount", amount);
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}

void body_amount(struct dr_str amount, struct dr_buf *out)
{
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "deal");
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "amount", amount);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}
