#include "modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrs.h"
#include "kinds.h"
#include "write.h"

#define MODULES_MAX 40
#define ENTITY_MAX 64

bool modules_allowed(const struct account *a)
{
    return !a->classic && dr_str_eqz(plan_of(a), "enterprise");
}

struct kind *module_kind(struct dr_str entity)
{
    struct kind *k = kind_of_type(entity);

    return k && k->module ? k : NULL;
}

const struct dr_json *module_definition(struct account *a, const struct kind *k)
{
    for (size_t i = 0; i < a->modules->n; i++) {
        const struct dr_json *m = list_at(a->modules, i);
        if (dr_str_eqz(dr_json_get_str(m, "entity_name"), k->type)) {
            return m;
        }
    }
    return NULL;
}

/* ---- what its records have ---- */

static const struct attr always[] = {TEXT("name"), KEPT("owner_id", A_USER),
                                     SHOWN("creater_id", show_creater),
                                     SHOWN("updater_id", show_updater)};

/* A relation is written as <name>_id or <name>_ids. */
static struct attr relation(const struct dr_json *def)
{
    const struct dr_json *options = dr_json_get(def, "field_options");
    const struct kind *to =
        kind_of_root(dr_json_get_str(options, "lookup_type"));
    bool many = dr_json_true(dr_json_get(options, "multiple"));
    struct dr_str name = dr_json_get_str(def, "name");
    struct attr t = {.kind = many ? A_RECORDS : A_RECORD,
                     .of = to ? to->type : NULL,
                     .otherwise = many ? "[]" : "null"};
    bool whole = dr_str_ends(name, DR_STR_LIT("_id")) ||
                 dr_str_ends(name, DR_STR_LIT("_ids"));
    struct dr_buf b;

    dr_buf_init(&b, 256);
    dr_buf_str(&b, name);
    dr_buf_z(&b, whole ? "" : many ? "_ids" : "_id");
    t.name = dr_xstrndup(dr_buf_view(&b));
    dr_buf_done(&b);
    return t;
}

static bool is_relation(const struct dr_json *def)
{
    return is_lookup(def) &&
           !dr_str_starts(dr_json_get_str(def, "name"), DR_STR_LIT("cf_"));
}

/* The old table stays: records in the making may still look at it. There are
 * no more of them than fields. */
void module_refresh(struct account *a, struct kind *k)
{
    struct list *l = list_of(a->fields, k->entity);
    size_t n = DR_ARRAY_LEN(always);
    struct attr *t = dr_xcalloc(n + l->n + 1, sizeof(*t));

    memcpy(t, always, sizeof(always));
    for (size_t i = 0; i < l->n; i++) {
        if (is_relation(list_at(l, i))) {
            t[n++] = relation(list_at(l, i));
        }
    }
    k->attrs = t;
}

/* ---- a new module ---- */

static bool is_entity(struct dr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') &&
            !(i > 0 && ((c >= '0' && c <= '9') || c == '_'))) {
            return false;
        }
    }
    return s.n > 0 && s.n <= ENTITY_MAX;
}

static struct dr_str first_text(const struct dr_json *j,
                                const char *const names[3])
{
    for (size_t i = 0; i < 3; i++) {
        struct dr_str s = dr_json_get_str(j, names[i]);
        if (s.n > 0) {
            return s;
        }
    }
    return (struct dr_str){"", 0};
}

static void write_module(struct account *a, struct dr_json_w *w,
                         const struct dr_json *j, const char *entity)
{
    static const char *const one[] = {"singular_name", "name", "entity_name"};
    static const char *const many[] = {"plural_name", "singular_name", "name"};
    const struct dr_json *id = dr_json_get(j, "id");
    char path[128];

    dr_json_w_obj(w);
    dr_json_w_key(w, "id");
    dr_json_w_u64(w, id ? (uint64_t)dr_json_get_i64(j, "id", 0) : new_id(a));
    dr_json_w_kvz(w, "entity_name", entity);
    dr_json_w_kv(w, "singular_name", first_text(j, one));
    dr_json_w_kv(w, "plural_name", first_text(j, many));
    dr_json_w_kv(w, "icon", dr_json_get_str(j, "icon"));
    dr_json_w_kv(w, "description", dr_json_get_str(j, "description"));
    dr_json_w_kvb(w, "show_in_navigation_menu", true);
    dr_json_w_kvi(w, "coll_id", (int64_t)a->modules->n + 1);
    dr_json_w_kvz(w, "table_name", entity);
    dr_json_w_kvb(w, "custom", true);
    dr_json_w_kvi(w, "status", 1);
    dr_json_w_kvi(w, "position", (int64_t)a->modules->n + 1);
    dr_json_w_key(w, "configs");
    dr_json_w_raw(w, DR_STR_LIT("{\"filters_v2_enabled\":true}"));
    dr_json_w_key(w, "layout_customizations");
    dr_json_w_raw(w, DR_STR_LIT("{}"));
    dr_json_w_key(w, "renaming_customizations");
    dr_json_w_raw(w, DR_STR_LIT("{}"));
    (void)snprintf(path, sizeof(path), "/crm/sales/custom_module/%s", entity);
    dr_json_w_kvz(w, "resource_path_for_navigation", path);
    dr_json_w_end(w);
}

/* Every module has a view of all and one of the bin. */
static void add_views(struct account *a, const struct kind *k,
                      const struct dr_json *def)
{
    struct list *l = list_of(a->views, k->entity);
    struct dr_str plural = dr_json_get_str(def, "plural_name");
    struct dr_json_w w;
    struct dr_buf b, name;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_buf_init(&name, (size_t)1 << 20);
    for (int bin = 0; bin < 2 && l->n < 2; bin++) {
        dr_buf_reset(&b);
        dr_buf_reset(&name);
        dr_buf_z(&name, bin ? "Recycle Bin" : "All ");
        dr_buf_str(&name, bin ? (struct dr_str){"", 0} : plural);
        dr_json_w_init(&w, &b);
        dr_json_w_obj(&w);
        dr_json_w_key(&w, "id");
        dr_json_w_u64(&w, new_id(a));
        dr_json_w_kv(&w, "name", dr_buf_view(&name));
        dr_json_w_kvz(&w, "model_class_name", k->model);
        dr_json_w_kvi(&w, "user_id", 0);
        dr_json_w_kvb(&w, "is_default", true);
        dr_json_w_end(&w);
        list_add(l, dr_buf_view(&b));
    }
    dr_buf_done(&b);
    dr_buf_done(&name);
}

static const char *const defaults[] = {
    "{\"name\":\"name\",\"label\":\"Name\",\"type\":\"text\",\"default\":true,"
    "\"required\":true}",
    "{\"name\":\"owner_id\",\"label\":\"Owner\",\"type\":\"dropdown\","
    "\"default\":true}"};

static void add_default_fields(struct account *a, const char *entity)
{
    struct list *l = list_of(a->fields, entity);

    for (size_t i = 0; i < DR_ARRAY_LEN(defaults); i++) {
        const struct dr_json *f = scratch_parse(a, dr_str_z(defaults[i]));
        if (!list_named(l, dr_json_get_str(f, "name"))) {
            struct dr_buf b;
            dr_buf_init(&b, 1024);
            dr_buf_printf(&b, "{\"id\":%llu,%s", (unsigned long long)new_id(a),
                          defaults[i] + 1);
            list_add(l, dr_buf_view(&b));
            dr_buf_done(&b);
        }
    }
}

static struct kind *new_kind(struct account *a, const struct dr_json *j,
                             const char *entity)
{
    struct kind *k = &kinds[kind_count++];
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    write_module(a, &w, j, entity);
    list_add(a->modules, dr_buf_view(&b));
    dr_buf_done(&b);
    *k = (struct kind){.type = dr_xstrdup(entity),
                       .custom = true,
                       .bin = true,
                       .module = true};
    k->root = k->entity = k->model = k->type;
    return k;
}

static int check_module(const struct dr_json *j, const char *entity,
                        struct refusal *r)
{
    struct dr_str e = dr_str_z(entity);

    if (!is_entity(e)) {
        return noz(r, "%s is invalid", "entity_name");
    }
    if (kind_of_type(e) || kind_of_root(e) || kind_of_path(e) ||
        dr_str_eqz(e, "users") || dr_str_eqz(e, "fields")) {
        return noz(r, "Name has already been taken", "");
    }
    r->max = MODULES_MAX;
    return kind_count >= KINDS_MAX ||
                   dr_json_get_str(j, "entity_name").n > ENTITY_MAX
               ? noz(r, "No more than %d %s are allowed.", "modules")
               : 0;
}

int module_add(struct account *a, const struct dr_json *j, struct refusal *r)
{
    static const char *const entities[] = {"entity_name", "entity", ""};
    static const char *const names[] = {"singular_name", "name", "label"};
    struct dr_str given = first_text(j, entities);
    struct kind *k;
    char entity[128];

    if (!modules_allowed(a)) {
        *r = (struct refusal){.status = 403, .text = FORBIDDEN};
        return -1;
    }
    if (given.n > 0) {
        (void)snprintf(entity, sizeof(entity), DR_STR_FMT, DR_STR_ARG(given));
    } else {
        derive_name(first_text(j, names), "cm_", entity, ENTITY_MAX);
    }
    if (check_module(j, entity, r)) {
        return -1;
    }
    k = new_kind(a, j, entity);
    add_default_fields(a, entity);
    add_views(a, k, module_definition(a, k));
    module_refresh(a, k);
    DR_JSON_EACH(f, dr_json_get(j, "fields"))
    {
        if (field_add(a, entity, f, r)) {
            return -1;
        }
    }
    return 0;
}

/* ---- those of the tenant file ---- */

void modules_load(struct account *a)
{
    DR_JSON_EACH(m, dr_json_get(a->tenant, "custom_modules"))
    {
        struct dr_str e = dr_json_get_str(m, "entity_name");
        struct refusal r = {0};
        struct kind *k;
        char entity[128];
        (void)snprintf(entity, sizeof(entity), DR_STR_FMT, DR_STR_ARG(e));
        if (check_module(m, entity, &r)) {
            dr_die(DR_EXIT_REFUSED, "tenant file", "custom module %s: %s",
                   entity, r.text);
        }
        k = new_kind(a, m, entity);
        DR_JSON_EACH(f, dr_json_get(m, "fields"))
        {
            list_add(list_of(a->fields, entity), f->raw);
        }
        add_default_fields(a, entity);
        add_views(a, k, module_definition(a, k));
        module_refresh(a, k);
    }
}
