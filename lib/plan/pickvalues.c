/* The values of pick-lists: those declared in the order of the source, then
 * those that records hold beyond them, in byte order. */
#include "propose_private.h"

#include <string.h>

static struct dr_str label_of(const struct dr_json *option)
{
    struct dr_str label = dr_json_get_str(option, "label");

    return label.n > 0 ? label : dr_json_get_str(option, "value");
}

void each_value(struct proposing *p, const char *object,
                const struct dr_json *prop, value_fn *fn, void *ctx)
{
    const struct field_stats *s = profile_field(p->profile, dr_str_z(object),
                                                dr_json_get_str(prop, "name"));
    struct dr_map *done = dr_map_new(NULL);
    struct dr_str *seen;
    size_t n = 0;

    DR_JSON_EACH(o, dr_json_get(prop, "options"))
    {
        struct dr_str value = dr_json_get_str(o, "value");
        if (!dr_map_has(done, value)) {
            dr_map_put(done, value, p);
            fn(p, ctx, value, label_of(o));
        }
    }
    /* Which of too many values were kept hangs on the order of reading. */
    seen = sorted_keys(p->a, s && !s->many ? s->distinct : NULL, &n);
    for (size_t i = 0; i < n; i++) {
        if (!dr_map_has(done, seen[i]) && dr_text_valid(seen[i])) {
            fn(p, ctx, seen[i], seen[i]);
        }
    }
    dr_map_free(done);
}

static void count_value(struct proposing *p, void *ctx, struct dr_str value,
                        struct dr_str label)
{
    size_t *n = ctx;

    (void)p;
    (void)value;
    (void)label;
    (*n)++;
}

size_t count_values(struct proposing *p, const char *object,
                    const struct dr_json *prop)
{
    size_t n = 0;

    each_value(p, object, prop, count_value, &n);
    return n;
}

/* ---- values that become ids of the target ---- */

struct ids {
    const struct dr_json *list;
    const char *kind;
    struct dr_str entity;
    /* Only entries that belong to this record of another list. */
    const char *of;
    struct dr_str stage;
};

static const struct dr_json *find(struct proposing *p, const struct ids *v,
                                  struct dr_str name)
{
    struct dr_str want = plan_norm(p->a, name);

    if (!v->of) {
        return by_name(p->a, v->list, "name", name);
    }
    DR_JSON_EACH(s, v->list)
    {
        struct dr_str of = dr_json_scalar(dr_json_get(s, v->of));
        if (dr_str_eq(of, v->stage) &&
            dr_str_eq(plan_norm(p->a, dr_json_get_str(s, "name")), want)) {
            return s;
        }
    }
    return NULL;
}

/* null: not known yet; "": by decision none. */
static void id_value(struct proposing *p, void *ctx, struct dr_str value,
                     struct dr_str label)
{
    const struct ids *v = ctx;
    const struct dr_json *hit = find(p, v, label);

    hit = hit ? hit : find(p, v, value);
    dr_json_w_keys(&p->plan, value);
    if (hit) {
        dr_json_w_str(&p->plan, id_of(hit));
        return;
    }
    if (!v->kind) {
        dr_json_w_z(&p->plan, "");
        return;
    }
    dr_json_w_null(&p->plan);
    if (item_begin(p, v->kind, v->entity, label,
                   DR_STR_LIT("a value of the source that the target lacks"))) {
        item_end(p);
    }
}

/* Freshsales knows two forecast categories; the others are none. */
static void forecast_value(struct proposing *p, void *ctx, struct dr_str value,
                           struct dr_str label)
{
    struct dr_str norm = plan_norm(p->a, value);

    (void)ctx;
    (void)label;
    dr_json_w_keys(&p->plan, value);
    if (dr_str_eqz(norm, "commit") || dr_str_eqz(norm, "committed")) {
        dr_json_w_z(&p->plan, "1");
    } else if (dr_str_eqz(norm, "best_case") || dr_str_eqz(norm, "best case")) {
        dr_json_w_z(&p->plan, "2");
    } else {
        dr_json_w_z(&p->plan, "");
    }
}

static void zone_value(struct proposing *p, void *ctx, struct dr_str value,
                       struct dr_str label)
{
    const char *zone = rails_zone(value);

    (void)ctx;
    (void)label;
    dr_json_w_keys(&p->plan, value);
    dr_json_w_z(&p->plan, zone ? zone : "");
}

void propose_ids(struct proposing *p, const struct target_kind *k,
                 const struct standard *s, const struct dr_json *prop)
{
    struct ids v = {.entity = dr_str_z(k->type), .kind = s->item};

    dr_json_w_key(&p->plan, "values");
    dr_json_w_obj(&p->plan);
    if (s->selector[0] == '\0') {
        each_value(p, k->object, prop, forecast_value, NULL);
    } else if (strcmp(s->selector, "rails_zones") == 0) {
        each_value(p, k->object, prop, zone_value, NULL);
    } else {
        v.list = dr_json_get(p->c->dst_selectors, s->selector);
        if (strcmp(s->selector, "contact_statuses") == 0) {
            v.of = p->lead_stage.n > 0 ? "lifecycle_stage_id" : NULL;
            v.stage = p->lead_stage;
            v.entity = dr_json_get_str(
                by_id(dr_json_get(p->c->dst_selectors, "lifecycle_stages"),
                      v.stage),
                "name");
        }
        if (strcmp(s->selector, "sales_activity_outcomes") == 0) {
            v.of = "sales_activity_type_id";
            v.stage = id_of(activity_type(p, k));
        }
        each_value(p, k->object, prop, id_value, &v);
    }
    dr_json_w_end(&p->plan);
}
