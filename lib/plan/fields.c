/* The rows of a plan, object by object: every property of the source stands
 * in exactly one of them, or in two where its word is kept beside an id. */
#include "propose_private.h"

#include <string.h>

/* Of one property; a list this long is data, and its values are their names. */
#define WORDS_MAX 500

void row_begin(struct proposing *p, const struct target_kind *k,
               struct dr_str source, const char *suffix, struct dr_str target,
               const char *transform)
{
    struct dr_json_w *w = &p->plan;

    dr_json_w_obj(w);
    dr_json_w_kv(w, "rule",
                 dr_arena_printf(p->a, "%s." DR_STR_FMT "%s", k->object,
                                 DR_STR_ARG(source), suffix));
    dr_json_w_kv(w, "source", source);
    dr_json_w_key(w, "target");
    if (target.n > 0) {
        dr_json_w_str(w, target);
    } else {
        dr_json_w_null(w);
    }
    dr_json_w_kvz(w, "transform", transform);
}

static void standard_row(struct proposing *p, const struct target_kind *k,
                         const struct standard *s, const struct dr_json *prop)
{
    row_begin(p, k, dr_str_z(s->source), "", dr_str_z(s->target), s->transform);
    if (s->max > 0) {
        dr_json_w_kvi(&p->plan, "max", (int64_t)s->max);
    }
    if (s->selector) {
        propose_ids(p, k, s, prop);
    }
    dr_json_w_end(&p->plan);
}

/* A duration is written out with its units: none is left in the label. */
static struct dr_str without_unit(struct dr_str label)
{
    static const char *const units[] = {
        " (s)", " (sec)", " (seconds)", " in seconds", " seconds", " s", "_s"};

    for (size_t i = 0; i < DR_ARRAY_LEN(units); i++) {
        struct dr_str unit = dr_str_z(units[i]);
        if (label.n > unit.n && dr_str_ends(label, unit)) {
            return (struct dr_str){label.p, label.n - unit.n};
        }
    }
    return label;
}

/* The labels of options, where they say more than the values. */
static void write_words(struct proposing *p, const struct dr_json *options)
{
    struct dr_map *done = dr_map_new(NULL);
    unsigned n = 0;

    DR_JSON_EACH(o, options)
    {
        struct dr_str value = dr_json_scalar(dr_json_get(o, "value"));
        struct dr_str label = dr_str_trim(dr_json_get_str(o, "label"));
        if (value.n == 0 || label.n == 0 || dr_str_eq(value, label) ||
            dr_map_has(done, value) || n == WORDS_MAX) {
            continue;
        }
        if (n++ == 0) {
            dr_json_w_key(&p->plan, "words");
            dr_json_w_obj(&p->plan);
        }
        dr_map_put(done, value, p);
        dr_json_w_keys(&p->plan, value);
        dr_json_w_str(&p->plan, label);
    }
    if (n > 0) {
        dr_json_w_end(&p->plan);
    }
    dr_map_free(done);
}

static void append_row(struct proposing *p, const struct target_kind *k,
                       const struct dr_json *prop, const char *suffix)
{
    struct dr_str name = dr_json_get_str(prop, "name");
    struct dr_str label = dr_json_get_str(prop, "label");
    bool seconds = dr_str_eqz(dr_json_get_str(prop, "data_type"), "duration");

    label = label.n ? label : name;
    row_begin(p, k, name, suffix,
              strcmp(k->type, "sales_activities") == 0
                  ? DR_STR_LIT("notes")
                  : DR_STR_LIT("description"),
              "append");
    dr_json_w_kv(&p->plan, "label", seconds ? without_unit(label) : label);
    if (seconds) {
        dr_json_w_kvz(&p->plan, "unit", "s");
    }
    write_words(p, dr_json_get(prop, "options"));
    dr_json_w_end(&p->plan);
}

static void ignore_row(struct proposing *p, const struct target_kind *k,
                       struct dr_str name, const char *why)
{
    row_begin(p, k, name, "", (struct dr_str){"", 0}, "ignore");
    dr_json_w_kvz(&p->plan, "reason", why);
    dr_json_w_end(&p->plan);
}

static bool is_filled(const struct proposing *p, const struct target_kind *k,
                      struct dr_str name)
{
    const struct field_stats *s =
        profile_field(p->profile, dr_str_z(k->object), name);

    return s && s->filled > 0;
}

/* Why a property is not carried at all; NULL: it is. */
static const char *why_not(const struct proposing *p,
                           const struct target_kind *k,
                           const struct dr_json *prop)
{
    if (dr_json_true(dr_json_get(prop, "calculated"))) {
        return "calculated by FastTrack from other data";
    }
    if (dr_json_true(dr_json_get(prop, "archived")) &&
        !is_filled(p, k, dr_json_get_str(prop, "name"))) {
        return "archived in FastTrack, and no record holds a value";
    }
    return NULL;
}

/* Several names may stand for one meaning: the schema's first has it. */
static bool first_of(struct proposing *p, const struct target_kind *k,
                     const struct standard *s)
{
    struct dr_str key =
        dr_arena_printf(p->a, "meaning\n%s\n%s", k->object, s->transform);

    if (strcmp(k->rows, "activity") != 0) {
        return true;
    }
    if (dr_map_has(p->asked, key)) {
        return false;
    }
    dr_map_put(p->asked, key, p);
    return true;
}

void propose_property(struct proposing *p, const struct target_kind *k,
                      const struct dr_json *prop)
{
    struct dr_str name = dr_json_get_str(prop, "name");
    const struct standard *s = standard_of(p, k, name);
    const char *why = why_not(p, k, prop);
    const char *suffix = s ? ".kept" : "";

    if (name.n == 0) {
        return;
    }
    if (why) {
        ignore_row(p, k, name, why);
        return;
    }
    if (s && !first_of(p, k, s)) {
        s = NULL; /* another property is the title, the text, the start */
        suffix = "";
    }
    if (s) {
        standard_row(p, k, s, prop);
        if (!s->also_custom) {
            return;
        }
    }
    if (strcmp(k->object, "line_item") == 0) {
        ignore_row(p, k, name,
                   "a line of a Freshsales deal has no field for it");
    } else if (strcmp(k->type, "files") == 0) {
        ignore_row(p, k, name, "a file of Freshsales has no field for it");
    } else if (k->custom) {
        propose_custom(p, k, prop, suffix);
    } else {
        append_row(p, k, prop, suffix);
    }
}

/* The field of an own row, where the target lacks it. */
static void ask_own(struct proposing *p, const char *entity,
                    struct dr_str target, const char *type)
{
    struct dr_json_w *w = field_begin(p, entity, target, type);

    if (!w) {
        return;
    }
    dr_json_w_kv(w, "label", label_for(p, target, (struct dr_str){"", 0}));
    dr_json_w_kvz(w, "type", type);
    if (p->of_module && dr_str_eqz(target, "cf_source_id")) {
        dr_json_w_kvb(w, "unique", true);
    }
    dr_json_w_end(w);
}

void propose_own(struct proposing *p, const struct target_kind *k,
                 const struct own_row *o)
{
    struct dr_str target = dr_str_z(o->target);
    bool leads = p->classic && strcmp(k->type, "contacts") == 0;

    custom_use(p, k, target);
    if (o->type) {
        ask_own(p, k->type, target, o->type);
        if (leads) {
            ask_own(p, "leads", target, o->type);
        }
    } else if (leads && strcmp(o->special, "id") == 0) {
        ask_own(p, "leads", DR_STR_LIT("cf_source_id"), "text");
    }
    dr_json_w_obj(&p->plan);
    dr_json_w_kv(&p->plan, "rule",
                 dr_arena_printf(p->a, "%s.%s", k->object, o->name));
    dr_json_w_kvz(&p->plan, "source", o->source);
    dr_json_w_kv(&p->plan, "target", target);
    dr_json_w_kv(&p->plan, "transform",
                 dr_arena_printf(p->a, "special:%s", o->special));
    if (o->type) {
        dr_json_w_kvz(&p->plan, "type", o->type);
    }
    dr_json_w_end(&p->plan);
}

/* What no property of an unknown activity gives is made of its envelope. */
static void rest_of_activity(struct proposing *p, const struct target_kind *k)
{
    static const struct {
        const char *name, *target, *special;
    } rows[] = {{"title", "title", "special:title"},
                {"start", "start_date", "special:start"},
                {"end", "end_date", "special:end"}};

    for (size_t i = 0; i < DR_ARRAY_LEN(rows); i++) {
        struct dr_str key = dr_arena_printf(p->a, "meaning\n%s\n%s", k->object,
                                            rows[i].special);
        if (dr_map_has(p->asked, key)) {
            continue;
        }
        dr_json_w_obj(&p->plan);
        dr_json_w_kv(&p->plan, "rule",
                     dr_arena_printf(p->a, "%s.%s", k->object, rows[i].name));
        dr_json_w_kvz(&p->plan, "source", "");
        dr_json_w_kvz(&p->plan, "target", rows[i].target);
        dr_json_w_kvz(&p->plan, "transform", rows[i].special);
        dr_json_w_end(&p->plan);
    }
}

void propose_fields(struct proposing *p, const struct target_kind *k)
{
    if (strcmp(k->type, "sales_activities") == 0) {
        propose_activity_type(p, k);
    }
    for (size_t i = 0; i < own_row_count; i++) {
        if (strcmp(own_rows[i].object, k->rows) == 0) {
            propose_own(p, k, &own_rows[i]);
        }
    }
    DR_JSON_EACH(prop, dr_json_get(dr_json_get(p->c->src_schema, "properties"),
                                   k->object))
    {
        propose_property(p, k, prop);
    }
    if (strcmp(k->rows, "activity") == 0) {
        rest_of_activity(p, k);
    }
}
