/* Fields that an administrator adds and changes (reference 13). */
#include <stdio.h>
#include <string.h>

#include "modules.h"
#include "write.h"

void derive_name(struct dr_str label, const char *prefix, char *out, size_t cap)
{
    size_t first = (size_t)snprintf(out, cap, "%s", prefix), n = first;

    for (size_t i = 0; i < label.n && n + 2 < cap; i++) {
        char c = label.p[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
            c == '_') {
            out[n++] = c;
        } else if (n > first && out[n - 1] != '_') {
            out[n++] = '_';
        }
    }
    while (n > first && out[n - 1] == '_') {
        n--;
    }
    out[n] = '\0';
}

static void write_choices(struct account *a, struct dr_json_w *w,
                          const struct dr_json *have, const struct dr_json *add)
{
    int64_t position = 1;

    dr_json_w_key(w, "choices");
    dr_json_w_arr(w);
    DR_JSON_EACH(c, have)
    {
        dr_json_w_tree(w, c);
        position++;
    }
    DR_JSON_EACH(c, add)
    {
        dr_json_w_obj(w);
        dr_json_w_key(w, "id");
        dr_json_w_u64(w, new_id(a));
        dr_json_w_kv(w, "value", dr_json_scalar(c));
        dr_json_w_kvi(w, "position", position++);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

/* ---- a new field ---- */

/* What a look-up points to, as it was said or as its name says. */
static const struct kind *relation_of(const struct dr_json *j)
{
    struct dr_str to = dr_json_get_str(j, "relation");

    to = to.n ? to : dr_json_get_str(j, "lookup_type");
    to = to.n ? to
              : dr_json_get_str(dr_json_get(j, "field_options"), "lookup_type");
    to = to.n ? to : dr_json_get_str(j, "name");
    if (dr_str_starts(to, DR_STR_LIT("cf_"))) {
        to = (struct dr_str){to.p + 3, to.n - 3};
    }
    for (size_t i = 0; i < kind_count; i++) {
        if (kinds[i].bin && (dr_str_ieq(to, dr_str_z(kinds[i].type)) ||
                             dr_str_ieq(to, dr_str_z(kinds[i].root)) ||
                             dr_str_ieq(to, dr_str_z(kinds[i].model)))) {
            return &kinds[i];
        }
    }
    return NULL;
}

static void lookup_part(struct dr_json_w *w, const struct dr_json *j)
{
    const struct kind *to = relation_of(j);
    bool many = dr_json_true(dr_json_get(j, "multiple")) ||
                dr_str_ends(dr_json_get_str(j, "name"), DR_STR_LIT("_ids"));

    dr_json_w_kvb(w, "multiple", many);
    dr_json_w_key(w, "field_options");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "lookup_type", to ? to->root : NULL);
    dr_json_w_kvb(w, "multiple", many);
    dr_json_w_end(w);
}

bool is_lookup(const struct dr_json *def)
{
    struct dr_str type = dr_json_get_str(def, "type");

    return dr_str_eqz(type, "lookup") || dr_str_eqz(type, "auto_complete");
}

/* A relation of a module keeps its name; every other field of one's own is
 * called cf_…. */
static void name_of(const struct kind *module, const struct dr_json *j,
                    char *out, size_t cap)
{
    struct dr_str given = dr_json_get_str(j, "name");
    bool relation = module && is_lookup(j);

    if (given.n == 0) {
        derive_name(dr_json_get_str(j, "label"), relation ? "" : "cf_", out,
                    cap);
    } else if (module && !relation &&
               !dr_str_starts(given, DR_STR_LIT("cf_"))) {
        derive_name(given, "cf_", out, cap);
    } else {
        (void)snprintf(out, cap, DR_STR_FMT, DR_STR_ARG(given));
    }
}

static void write_field(struct account *a, struct dr_json_w *w,
                        const struct dr_json *j, const char *name)
{
    dr_json_w_obj(w);
    dr_json_w_key(w, "id");
    dr_json_w_u64(w, new_id(a));
    dr_json_w_kv(w, "label", dr_json_get_str(j, "label"));
    dr_json_w_kvz(w, "name", name);
    dr_json_w_kv(w, "type", dr_json_get_str(j, "type"));
    dr_json_w_kvb(w, "default", dr_json_true(dr_json_get(j, "default")));
    dr_json_w_kvb(w, "actionable", true);
    dr_json_w_kvb(w, "required", dr_json_true(dr_json_get(j, "required")));
    if (dr_json_true(dr_json_get(j, "unique"))) {
        dr_json_w_kvb(w, "unique", true);
    }
    dr_json_w_kvb(w, "visible", true);
    if (is_lookup(j)) {
        lookup_part(w, j);
    }
    write_choices(a, w, NULL, dr_json_get(j, "choices"));
    dr_json_w_end(w);
}

int field_add(struct account *a, const char *entity, const struct dr_json *j,
              struct refusal *r)
{
    struct kind *module = module_kind(dr_str_z(entity));
    struct list *l = list_of(a->fields, entity);
    struct dr_json_w w;
    struct dr_buf b;
    char name[96];

    name_of(module, j, name, sizeof(name));
    if (dr_json_get_str(j, "label").n == 0 &&
        dr_json_get_str(j, "name").n == 0) {
        return noz(r, "%s can't be blank", "label");
    }
    if (list_named(l, dr_str_z(name))) {
        return noz(r, "Name has already been taken", "");
    }
    if (check_quota(a, entity, j, r)) {
        return -1;
    }
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    write_field(a, &w, j, name);
    list_add(l, dr_buf_view(&b));
    dr_buf_done(&b);
    if (module) {
        module_refresh(a, module);
    }
    return 0;
}

static void change_field(struct account *a, const char *entity,
                         struct dr_str name, const struct dr_json *j)
{
    struct list *l = list_of(a->fields, entity);

    for (size_t i = 0; i < l->n; i++) {
        const struct dr_json *f = list_at(l, i);
        struct dr_json_w w;
        struct dr_buf b;
        if (!dr_str_eq(dr_json_get_str(f, "name"), name)) {
            continue;
        }
        dr_buf_init(&b, (size_t)1 << 20);
        dr_json_w_init(&w, &b);
        dr_json_w_obj(&w);
        DR_JSON_EACH(m, f)
        {
            if (!dr_str_eqz(m->key, "choices")) {
                dr_json_w_keys(&w, m->key);
                dr_json_w_tree(&w, m);
            }
        }
        write_choices(a, &w, dr_json_get(f, "choices"),
                      dr_json_get(j, "add_choices"));
        dr_json_w_end(&w);
        list_set(l, i, dr_buf_view(&b));
        dr_buf_done(&b);
    }
}

bool drop_entry(struct list *l, struct dr_str which)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct dr_json *e = list_at(l, i);
        if (dr_str_eq(dr_json_scalar(dr_json_get(e, "id")), which) ||
            dr_str_eq(dr_json_get_str(e, "name"), which)) {
            list_drop(l, i);
            return true;
        }
    }
    return false;
}

int change_fields(struct account *a, struct dr_str method, struct dr_str rest,
                  const struct dr_json *j, struct refusal *r)
{
    struct dr_str entity = dr_str_split(&rest, '/');
    char name[128];

    (void)snprintf(name, sizeof(name), DR_STR_FMT, DR_STR_ARG(entity));
    if (dr_str_eqz(method, "DELETE")) {
        if (!drop_entry(list_of(a->fields, name), rest)) {
            return 404;
        }
        if (module_kind(entity)) {
            module_refresh(a, module_kind(entity));
        }
        return 200;
    }
    if (dr_str_eqz(method, "PUT")) {
        if (check_choice_quota(a, name, rest, j, r)) {
            return r->status;
        }
        change_field(a, name, rest, j);
    } else if (field_add(a, name, j, r)) {
        return r->status;
    }
    return 200;
}
