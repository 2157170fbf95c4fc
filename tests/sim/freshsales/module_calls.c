/* Calls on custom modules: their definitions, their forms, their records
 * (reference 13.5). */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "modules.h"
#include "write.h"

/* ---- definitions ---- */

static void create_module(struct call *c)
{
    const struct dr_json *j = body_json(c);
    const struct dr_json *in = dr_json_get(j, "module_customization");
    struct refusal r = {0};

    in = in ? in : j;
    if (dr_json_type(in) != DR_JSON_OBJECT) {
        fail(c, 400, "The request body is not JSON.");
        return;
    }
    if (module_add(c->a, in, &r)) {
        fail_with(c, &r);
        return;
    }
    c->effect = true;
    c->status = (int)knob_int(c->a->knobs, "create_status");
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "module_customization");
    dr_json_w_raw(&c->w, dr_str_z(c->a->modules->v[c->a->modules->n - 1]));
    dr_json_w_end(&c->w);
}

static void list_modules(struct call *c)
{
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "module_customizations");
    dr_json_w_arr(&c->w);
    for (size_t i = 0; i < c->a->modules->n; i++) {
        dr_json_w_raw(&c->w, dr_str_z(c->a->modules->v[i]));
    }
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

static void one_module(struct call *c, struct dr_str rest)
{
    uint64_t id;

    if (dr_str_u64(rest, &id) || !list_find(c->a->modules, id)) {
        fail(c, 404, "The record does not exist.");
        return;
    }
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "module_customization");
    dr_json_w_tree(&c->w, list_find(c->a->modules, id));
    dr_json_w_end(&c->w);
}

void module_definitions(struct call *c, struct dr_str rest)
{
    bool get = is(c->method, "GET");

    if (!modules_allowed(c->a)) {
        fail(c, 403, FORBIDDEN);
    } else if (is(c->method, "POST") && !rest.p) {
        create_module(c);
    } else if (get && !rest.p) {
        list_modules(c);
    } else if (get) {
        one_module(c, rest);
    } else {
        fail(c, 404, "There is no such call.");
    }
}

/* ---- forms ---- */

static void text_id(struct dr_json_w *w, const char *key, uint64_t id)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
    dr_json_w_kvz(w, key, text);
}

static void form_field(struct dr_json_w *w, const struct dr_json *f,
                       uint64_t form, size_t position)
{
    const struct dr_json *options = dr_json_get(f, "field_options");
    bool custom = !dr_json_true(dr_json_get(f, "default"));

    dr_json_w_obj(w);
    text_id(w, "id", (uint64_t)dr_json_get_i64(f, "id", 0));
    dr_json_w_kv(w, "name", dr_json_get_str(f, "name"));
    dr_json_w_kv(w, "label", dr_json_get_str(f, "label"));
    dr_json_w_kv(w, "type", dr_json_get_str(f, "type"));
    dr_json_w_kvz(w, "field_class", custom ? "custom_field" : "default_field");
    dr_json_w_kvb(w, "required", dr_json_true(dr_json_get(f, "required")));
    dr_json_w_kvb(w, "visible", true);
    dr_json_w_kvb(w, "editable", true);
    dr_json_w_kvb(w, "custom", custom);
    dr_json_w_key(w, "choices");
    dr_json_w_arr(w);
    DR_JSON_EACH(ch, dr_json_get(f, "choices"))
    {
        dr_json_w_tree(w, ch);
    }
    dr_json_w_end(w);
    text_id(w, "form_id", form);
    text_id(w, "parent_id", form + 1);
    dr_json_w_kvi(w, "position", (int64_t)position);
    dr_json_w_key(w, "field_options");
    dr_json_w_obj(w);
    dr_json_w_kvb(w, "unique", dr_json_true(dr_json_get(f, "unique")));
    dr_json_w_kvb(w, "system_field", !custom);
    DR_JSON_EACH(o, options)
    {
        dr_json_w_keys(w, o->key);
        dr_json_w_tree(w, o);
    }
    dr_json_w_end(w);
    dr_json_w_end(w);
}

/* The form's id is its module's, its one group's the next. */
static void show_form(struct call *c, const struct kind *k, uint64_t form)
{
    struct list *l = list_of(c->a->fields, k->entity);

    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "forms");
    dr_json_w_arr(&c->w);
    dr_json_w_obj(&c->w);
    text_id(&c->w, "id", form);
    dr_json_w_kvz(&c->w, "name", k->type);
    dr_json_w_key(&c->w, "fields");
    dr_json_w_arr(&c->w);
    dr_json_w_obj(&c->w);
    text_id(&c->w, "id", form + 1);
    dr_json_w_kvz(&c->w, "name", "basic_information");
    dr_json_w_kvz(&c->w, "label", "Basic information");
    dr_json_w_kvz(&c->w, "type", "section");
    dr_json_w_key(&c->w, "fields");
    dr_json_w_arr(&c->w);
    for (size_t i = 0; i < l->n; i++) {
        form_field(&c->w, list_at(l, i), form, i + 1);
    }
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

/* field_type is a number whose meaning is published nowhere: ours is the
 * place in this list, from 1. */
static struct dr_str type_of(const struct dr_json *j)
{
    static const char *const types[] = {
        "text",  "textarea", "number", "decimal",   "dropdown",
        "radio", "checkbox", "date",   "date_time", "multi_select_dropdown",
        "lookup"};
    int64_t n = dr_json_get_i64(j, "field_type", 0);

    return n >= 1 && (size_t)n <= DR_ARRAY_LEN(types) ? dr_str_z(types[n - 1])
                                                      : (struct dr_str){"", 0};
}

static void create_field(struct call *c, const struct kind *k)
{
    const struct dr_json *j = body_json(c);
    struct list *l = list_of(c->a->fields, k->entity);
    struct refusal r = {0};
    struct dr_json_w w;
    struct dr_buf b;
    int failed;

    if (dr_json_type(j) != DR_JSON_OBJECT || type_of(j).n == 0) {
        fail_with(c, &(struct refusal){400, "%s is invalid", 0, "field_type"});
        return;
    }
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "type", type_of(j));
    DR_JSON_EACH(m, j)
    {
        if (!is(m->key, "type") && !is(m->key, "default")) {
            dr_json_w_keys(&w, m->key);
            dr_json_w_raw(&w, m->raw);
        }
    }
    dr_json_w_end(&w);
    j = dr_json_parse(c->ar, dr_arena_dup(c->ar, dr_buf_view(&b)), NULL, NULL);
    dr_buf_done(&b);
    failed = field_add(c->a, k->entity, j, &r);
    if (failed) {
        fail_with(c, &r);
        return;
    }
    c->effect = true;
    c->status = (int)knob_int(c->a->knobs, "create_status");
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "field");
    dr_json_w_raw(&c->w, dr_str_z(l->v[l->n - 1]));
    dr_json_w_end(&c->w);
}

bool module_forms(struct call *c, struct dr_str entity, struct dr_str rest)
{
    const struct kind *k = module_kind(entity);
    struct dr_str head = dr_str_split(&rest, '/');
    struct dr_str form = rest.p ? dr_str_split(&rest, '/') : rest;
    uint64_t id, given;

    if (!k || !modules_allowed(c->a) || !is(head, "forms")) {
        return false;
    }
    id = (uint64_t)dr_json_get_i64(module_definition(c->a, k), "id", 0);
    if (is(c->method, "GET") && !form.p) {
        show_form(c, k, id);
    } else if (is(c->method, "POST") && is(rest, "fields") &&
               dr_str_u64(form, &given) == 0 && given == id) {
        create_field(c, k);
    } else {
        return false;
    }
    return true;
}
