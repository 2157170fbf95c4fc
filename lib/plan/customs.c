/* The custom field that carries a property: one that is there and fits, else
 * a new one for the checklist. */
#include "propose_private.h"

#include <string.h>

#define CHOICES_MAX 300 /* of one pick-list (reference 19.3) */

struct custom {
    const char *type; /* of the target's field */
    const char *transform;
    size_t max;
    bool choices;
};

static const struct custom text_field = {"text", "copy", TEXT_MAX, false};
static const struct custom area_field = {"textarea", "copy", AREA_MAX, false};
static const struct custom joined_field = {"textarea", "join", AREA_MAX, false};
static const struct custom one_of = {"dropdown", "optmap", 0, true};
static const struct custom some_of = {"multi_select_dropdown", "multi",
                                      AREA_MAX, true};

static bool type_is(const struct dr_json *prop, const char *type)
{
    return dr_str_eqz(dr_json_get_str(prop, "data_type"), type);
}

static bool is_multi(const struct dr_json *prop)
{
    return dr_json_true(dr_json_get(prop, "multi")) ||
           type_is(prop, "multi_enum");
}

static bool is_enum(const struct dr_json *prop)
{
    return type_is(prop, "enum") || type_is(prop, "multi_enum");
}

static bool is_number(const struct dr_json *prop)
{
    return type_is(prop, "int") || type_is(prop, "decimal") ||
           type_is(prop, "money") || type_is(prop, "percent") ||
           type_is(prop, "duration");
}

static bool is_long(const struct dr_json *prop)
{
    return type_is(prop, "text") || type_is(prop, "html") ||
           type_is(prop, "json") || type_is(prop, "file");
}

/* What fits a property when a field can be chosen freely. */
static struct custom fitting(struct proposing *p, const struct target_kind *k,
                             const struct dr_json *prop,
                             const struct field_stats *s)
{
    bool wide = s && s->longest > TEXT_MAX;
    bool many = s && (s->many || wide);

    if (is_enum(prop) && !many &&
        count_values(p, k->object, prop) <= CHOICES_MAX) {
        return is_multi(prop) ? some_of : one_of;
    }
    if (is_multi(prop)) {
        return joined_field;
    }
    if (type_is(prop, "bool")) {
        return (struct custom){"checkbox", "bool", 0, false};
    }
    if (type_is(prop, "date")) {
        return (struct custom){"date", "date", 0, false};
    }
    if (type_is(prop, "datetime")) {
        return (struct custom){"date_time", "datetime", 0, false};
    }
    if (is_number(prop) && !(s && s->overflow)) {
        return (struct custom){s && s->fraction ? "decimal" : "number",
                               "number", 0, false};
    }
    return is_long(prop) || wide ? area_field : text_field;
}

/* What an existing field of the target makes of it; type NULL: it does not
 * fit without loss. */
static struct custom existing(const struct dr_json *field,
                              const struct dr_json *prop,
                              const struct field_stats *s)
{
    static const struct custom none;
    struct dr_str t = dr_json_get_str(field, "type");
    bool wide = s && s->longest > TEXT_MAX;
    bool many = s && (s->many || wide);

    if (dr_str_eqz(t, "text") && !wide && !is_multi(prop) && !is_long(prop)) {
        return text_field;
    }
    if (dr_str_eqz(t, "textarea") || dr_str_eqz(t, "paragraph")) {
        return is_multi(prop) ? joined_field : area_field;
    }
    if ((dr_str_eqz(t, "dropdown") || dr_str_eqz(t, "radio")) &&
        !is_multi(prop) && !many) {
        return one_of;
    }
    if (dr_str_eqz(t, "multi_select_dropdown") && !many && is_enum(prop)) {
        return some_of;
    }
    if ((dr_str_eqz(t, "number") || dr_str_eqz(t, "decimal")) &&
        is_number(prop) && !is_multi(prop) && !(s && s->overflow)) {
        return (struct custom){"number", "number", 0, false};
    }
    if (dr_str_eqz(t, "checkbox") && type_is(prop, "bool")) {
        return (struct custom){"checkbox", "bool", 0, false};
    }
    if (dr_str_eqz(t, "date") && type_is(prop, "date")) {
        return (struct custom){"date", "date", 0, false};
    }
    if (dr_str_eqz(t, "date_time") && type_is(prop, "datetime")) {
        return (struct custom){"date_time", "datetime", 0, false};
    }
    return none;
}

/* ---- names ---- */

static bool key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

struct dr_str key_of(struct proposing *p, struct dr_str label)
{
    struct dr_buf b;
    struct dr_str out;

    dr_buf_init(&b, 4096);
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (key_char(c)) {
            dr_buf_ch(&b, c);
        } else if (b.n > 0 && b.p[b.n - 1] != '_') {
            dr_buf_ch(&b, '_');
        }
    }
    while (b.n > 0 && b.p[b.n - 1] == '_') {
        b.n--;
    }
    out = dr_arena_printf(p->a, "cf_" DR_STR_FMT, DR_STR_ARG(dr_buf_view(&b)));
    dr_buf_done(&b);
    return out;
}

static bool is_used(struct proposing *p, const struct target_kind *k,
                    struct dr_str target)
{
    struct dr_str key = dr_arena_printf(p->a, "row\n%s\n" DR_STR_FMT, k->type,
                                        DR_STR_ARG(target));

    return dr_map_has(p->asked, key);
}

void custom_use(struct proposing *p, const struct target_kind *k,
                struct dr_str target)
{
    dr_map_put(p->asked,
               dr_arena_printf(p->a, "row\n%s\n" DR_STR_FMT, k->type,
                               DR_STR_ARG(target)),
               p);
}

/* Fields of a parent carry the custom object's name before their own, unless
 * theirs begins with it. */
static struct dr_str prefixed(struct proposing *p, struct dr_str s)
{
    struct dr_str head = p->prefix ? dr_str_z(p->prefix) : (struct dr_str){0};

    if (head.n == 0 || s.n == 0 ||
        (s.n > head.n && dr_str_ieq((struct dr_str){s.p, head.n}, head) &&
         (unsigned)((s.p[head.n] | 32) - 'a') >= 26u)) {
        return s;
    }
    return dr_arena_printf(p->a, DR_STR_FMT " " DR_STR_FMT, DR_STR_ARG(head),
                           DR_STR_ARG(s));
}

/* The same for people: with a capital. */
static struct dr_str prefixed_label(struct proposing *p, struct dr_str s)
{
    char *text = dr_arena_dupz(p->a, prefixed(p, s));

    if (p->prefix && text && text[0] >= 'a' && text[0] <= 'z') {
        text[0] = (char)(text[0] - 'a' + 'A');
    }
    return text ? dr_str_z(text) : s;
}

/* The i-th name for a property: "cf_x", "cf_x_2" and so on. */
static struct dr_str name_at(struct proposing *p, struct dr_str name, int i)
{
    struct dr_str first = key_of(p, prefixed(p, name));

    return i < 2
               ? first
               : dr_arena_printf(p->a, DR_STR_FMT "_%d", DR_STR_ARG(first), i);
}

/* A name that no other row and no field has. */
static struct dr_str new_name(struct proposing *p, const struct target_kind *k,
                              struct dr_str name)
{
    struct dr_str out = name_at(p, name, 1);

    for (int i = 2; is_used(p, k, out) || field_by_name(p->c, k->type, out);
         i++) {
        out = name_at(p, name, i);
    }
    return out;
}

/* Same name, same label, or the name behind the word "customer". */
static bool same_field(struct proposing *p, const struct dr_json *f,
                       const struct dr_json *prop)
{
    struct dr_str have = dr_json_get_str(f, "name");
    struct dr_str name = dr_json_get_str(prop, "name");
    struct dr_str label = prefixed_label(p, dr_json_get_str(prop, "label"));

    return dr_str_starts(have, DR_STR_LIT("cf_")) &&
           ((label.n > 0 &&
             dr_str_eq(plan_norm(p->a, label),
                       plan_norm(p->a, dr_json_get_str(f, "label")))) ||
            dr_str_eq(have, dr_arena_printf(p->a, "cf_customer_" DR_STR_FMT,
                                            DR_STR_ARG(name))));
}

static bool fits(struct proposing *p, const struct target_kind *k,
                 const struct dr_json *field, const struct dr_json *prop,
                 const struct field_stats *s)
{
    return field && existing(field, prop, s).type &&
           !is_used(p, k, dr_json_get_str(field, "name"));
}

/* By the names that new_name gives, so that what the checklist had created is
 * found; then by label. */
static const struct dr_json *find_custom(struct proposing *p,
                                         const struct target_kind *k,
                                         const struct dr_json *prop,
                                         const struct field_stats *s)
{
    struct dr_str name = dr_json_get_str(prop, "name");

    for (int i = 1; i < 10; i++) {
        const struct dr_json *hit =
            field_by_name(p->c, k->type, name_at(p, name, i));
        if (fits(p, k, hit, prop, s)) {
            return hit;
        }
    }
    DR_JSON_EACH(f, target_fields(p->c, dr_str_z(k->type)))
    {
        if (same_field(p, f, prop) && fits(p, k, f, prop, s)) {
            return f;
        }
    }
    return NULL;
}

/* The target makes the name out of the label: one that gives this name. */
struct dr_str label_for(struct proposing *p, struct dr_str target,
                        struct dr_str wish)
{
    struct dr_str bare = {target.p + 3, target.n - 3};
    char *text;

    if (wish.n > 0 && dr_str_eq(key_of(p, wish), target)) {
        return wish;
    }
    text = dr_arena_dupz(p->a, bare);
    for (size_t i = 0; text && i < bare.n; i++) {
        if (text[i] == '_') {
            text[i] = ' ';
        } else if (i == 0 && text[i] >= 'a' && text[i] <= 'z') {
            text[i] = (char)(text[i] - 'a' + 'A');
        }
    }
    return text && dr_str_eq(key_of(p, dr_str_z(text)), target) ? dr_str_z(text)
                                                                : bare;
}

/* ---- checklist ---- */

struct choices {
    const struct dr_json *have; /* the field's choices, or NULL */
    struct dr_map *missing;
    bool multi;
};

/* Freshsales joins options by semicolons: one that holds one is no option;
 * records with it are rejected. */
static bool no_option(struct dr_str label, bool multi)
{
    return multi && dr_str_find(label, DR_STR_LIT(";")) != SIZE_MAX;
}

static void choice_value(struct proposing *p, void *ctx, struct dr_str value,
                         struct dr_str label)
{
    struct choices *c = ctx;

    (void)value;
    if (no_option(label, c->multi)) {
        return;
    }
    DR_JSON_EACH(o, c->have)
    {
        if (dr_str_eq(dr_json_get_str(o, "value"), label)) {
            return;
        }
    }
    dr_map_put(c->missing, label, p);
}

static void write_choices(struct dr_json_w *w, const struct choices *c)
{
    struct dr_str label;
    size_t at = 0;

    dr_json_w_key(w, "choices");
    dr_json_w_arr(w);
    while (dr_map_next(c->missing, &at, &label, NULL)) {
        dr_json_w_str(w, label);
    }
    dr_json_w_end(w);
}

static void ask_choices(struct proposing *p, const struct target_kind *k,
                        const struct dr_json *prop, const struct dr_json *field)
{
    struct choices c = {.have = dr_json_get(field, "choices"),
                        .missing = dr_map_new(NULL),
                        .multi = is_multi(prop)};

    each_value(p, k->object, prop, choice_value, &c);
    if (dr_map_count(c.missing) > 0 &&
        item_begin(p, "choice", dr_str_z(k->type),
                   dr_json_get_str(field, "name"),
                   DR_STR_LIT("the pick-list lacks values of the source"))) {
        write_choices(&p->list, &c);
        item_end(p);
    }
    dr_map_free(c.missing);
}

/* Leads of the classic edition carry the fields of contacts. */
static const char *entity_at(const struct proposing *p,
                             const struct target_kind *k, int i)
{
    if (i == 0) {
        return k->type;
    }
    return i == 1 && p->classic && strcmp(k->type, "contacts") == 0 ? "leads"
                                                                    : NULL;
}

static void ask_field(struct proposing *p, const struct target_kind *k,
                      const struct dr_json *prop, struct dr_str target,
                      struct custom c)
{
    struct choices all = {.missing = dr_map_new(NULL), .multi = is_multi(prop)};
    struct dr_str label =
        label_for(p, target, prefixed_label(p, dr_json_get_str(prop, "label")));
    const char *entity;

    each_value(p, k->object, prop, choice_value, &all);
    for (int i = 0; (entity = entity_at(p, k, i)) != NULL; i++) {
        struct dr_json_w *w = field_begin(p, entity, target, c.type);
        if (!w) {
            continue;
        }
        dr_json_w_kv(w, "label", label);
        dr_json_w_kvz(w, "type", c.type);
        if (c.choices) {
            write_choices(w, &all);
        }
        dr_json_w_end(w);
    }
    dr_map_free(all.missing);
}

/* ---- the row ---- */

static void option_value(struct proposing *p, void *ctx, struct dr_str value,
                         struct dr_str label)
{
    const bool *multi = ctx;

    if (!no_option(label, *multi)) {
        dr_json_w_keys(&p->plan, value);
        dr_json_w_str(&p->plan, label);
    }
}

void propose_custom(struct proposing *p, const struct target_kind *k,
                    const struct dr_json *prop, const char *suffix)
{
    struct dr_str name = dr_json_get_str(prop, "name"), target;
    const struct field_stats *s =
        profile_field(p->profile, dr_str_z(k->object), name);
    const struct dr_json *field = find_custom(p, k, prop, s);
    bool multi = is_multi(prop);
    struct custom c = field ? existing(field, prop, s) : fitting(p, k, prop, s);

    target = field ? dr_json_get_str(field, "name") : new_name(p, k, name);
    custom_use(p, k, target);
    if (field && c.choices) {
        ask_choices(p, k, prop, field);
    }
    ask_field(p, k, prop, target, c);
    row_begin(p, k, name, suffix, target, c.transform);
    dr_json_w_kvz(&p->plan, "type", c.type);
    if (c.max > 0) {
        dr_json_w_kvi(&p->plan, "max", (int64_t)c.max);
    }
    if (c.choices) {
        dr_json_w_key(&p->plan, "values");
        dr_json_w_obj(&p->plan);
        each_value(p, k->object, prop, option_value, &multi);
        dr_json_w_end(&p->plan);
    }
    dr_json_w_end(&p->plan);
}

const char *custom_type(struct proposing *p, const struct target_kind *k,
                        const struct dr_json *prop, bool *there)
{
    const struct field_stats *s = profile_field(p->profile, dr_str_z(k->object),
                                                dr_json_get_str(prop, "name"));
    const struct dr_json *field = find_custom(p, k, prop, s);

    *there = field != NULL;
    return field ? existing(field, prop, s).type : fitting(p, k, prop, s).type;
}

struct dr_str custom_target(struct proposing *p, const struct target_kind *k,
                            const struct dr_json *prop, const char **confidence,
                            const char **evidence)
{
    struct dr_str name = dr_json_get_str(prop, "name");
    const struct field_stats *s =
        profile_field(p->profile, dr_str_z(k->object), name);
    const struct dr_json *field = find_custom(p, k, prop, s);

    if (!field) {
        *confidence = "0";
        *evidence = "no field of the target fits: a custom field is to be "
                    "created";
        return new_name(p, k, name);
    }
    if (dr_str_eq(dr_json_get_str(field, "name"), name_at(p, name, 1))) {
        *confidence = "0.95";
        *evidence = "a custom field of the same name, of a type that fits";
    } else {
        *confidence = "0.9";
        *evidence = "a custom field of the same label, of a type that fits";
    }
    return dr_json_get_str(field, "name");
}
