/* What forbids approval: a plan is checked against the catalogues as they
 * are now, not as they were when it was proposed. */
#include "check_private.h"

#include <stdio.h>
#include <string.h>

#define CHECK_ARENA ((size_t)256 << 20)

void problem(struct checking *k, const char *code, struct dr_str object,
             struct dr_str field, struct dr_str detail, const char *cure)
{
    dr_json_w_obj(&k->w);
    dr_json_w_kvz(&k->w, "code", code);
    dr_json_w_kv(&k->w, "object", object);
    dr_json_w_kv(&k->w, "field", field);
    dr_json_w_kv(&k->w, "detail", detail);
    dr_json_w_kvz(&k->w, "cure", cure);
    dr_json_w_end(&k->w);
    k->n++;
}

static const char create[] =
    "create it as the checklist says, then propose the plan again";
static const char anew[] = "propose the plan again and approve the new one";
static const struct dr_str none = {"", 0};

static void check_schemas(struct checking *k)
{
    if (!dr_str_eq(source_schema_hash(k->a, k->c),
                   k->plan->source_schema_hash)) {
        problem(k, "source_schema", none, none,
                DR_STR_LIT("the plan was made for another source schema"),
                anew);
    }
    if (!dr_str_eq(target_schema_hash(k->a, k->c),
                   k->plan->target_schema_hash)) {
        problem(k, "target_schema", none, none,
                DR_STR_LIT("the plan was made for another state of the "
                           "target's set-up"),
                anew);
    }
}

/* ---- rows ---- */

static bool has_choice(const struct dr_json *field, struct dr_str text)
{
    DR_JSON_EACH(o, dr_json_get(field, "choices"))
    {
        if (dr_str_eq(dr_json_get_str(o, "value"), text)) {
            return true;
        }
    }
    return false;
}

static void check_choices(struct checking *k, struct dr_str object,
                          const struct dr_json *row,
                          const struct dr_json *field)
{
    struct dr_str type = dr_json_get_str(field, "type");

    if (!dr_str_eqz(type, "dropdown") && !dr_str_eqz(type, "radio") &&
        !dr_str_eqz(type, "multi_select_dropdown")) {
        return;
    }
    DR_JSON_EACH(v, dr_json_get(row, "values"))
    {
        if (!has_choice(field, dr_json_scalar(v))) {
            problem(k, "missing_choice", object, dr_json_get_str(row, "source"),
                    dr_arena_printf(k->a,
                                    "the field " DR_STR_FMT
                                    " has no choice \"" DR_STR_FMT "\"",
                                    DR_STR_ARG(dr_json_get_str(field, "name")),
                                    DR_STR_ARG(dr_json_scalar(v))),
                    create);
        }
    }
}

/* null stands for "not there yet". */
static void check_values(struct checking *k, struct dr_str object,
                         const struct dr_json *row)
{
    DR_JSON_EACH(v, dr_json_get(row, "values"))
    {
        if (dr_json_is_null(v)) {
            problem(k, "missing_value", object, dr_json_get_str(row, "source"),
                    dr_arena_printf(k->a,
                                    "the value \"" DR_STR_FMT
                                    "\" has no counterpart for " DR_STR_FMT,
                                    DR_STR_ARG(v->key),
                                    DR_STR_ARG(dr_json_get_str(row, "target"))),
                    "create it as the checklist says and propose the plan "
                    "again, or name another value in the plan");
        }
    }
}

/* Nor can a record do without what every one of its kind gets: the types of
 * activities are made by the admin. */
static void check_const(struct checking *k, struct dr_str object,
                        const struct dr_json *row)
{
    struct dr_str target = dr_json_get_str(row, "target");
    struct dr_str value = dr_json_scalar(dr_json_get(row, "value"));
    bool type = dr_str_eqz(target, "sales_activity_type_id");

    if (!dr_str_eqz(dr_json_get_str(row, "transform"), "const")) {
        return;
    }
    if (type && !by_id(dr_json_get(k->c->dst_selectors, "sales_activity_types"),
                       value)) {
        problem(k, "missing_activity_type", object, target,
                DR_STR_LIT("the target has no such type of sales activity"),
                create);
    } else if (!type && value.n == 0) {
        problem(k, "missing_value", object, dr_json_get_str(row, "rule"),
                dr_arena_printf(k->a, "no value is known yet for " DR_STR_FMT,
                                DR_STR_ARG(target)),
                create);
    }
}

/* The module that a custom object's records go to; false: it is not there. */
static bool check_module(struct checking *k, const struct dr_json *o)
{
    struct dr_str object = dr_json_get_str(o, "object");
    const struct custom_plan *c = dr_map_get(k->plan->customs, object);

    if (!c || c->fate != FATE_MODULE || module_of(k->c, c->entity)) {
        return true;
    }
    problem(k, "missing_module", object, c->entity,
            DR_STR_LIT("the target has no such custom module"), create);
    return false;
}

/* A link of a module's record is written by a field, too. */
static void check_link(struct checking *k, struct dr_str object,
                       const struct dr_json *row)
{
    const struct custom_plan *c = dr_map_get(k->plan->customs, object);
    struct dr_str target = dr_json_get_str(row, "target");

    if (c && c->fate == FATE_MODULE &&
        dr_str_eqz(dr_json_get_str(row, "transform"), "special:link") &&
        !module_writes(k->a, module_of(k->c, c->entity), target)) {
        problem(k, "missing_field", object, target,
                DR_STR_LIT("the custom module has no field for this link"),
                create);
    }
}

static void check_field(struct checking *k, const struct dr_json *o,
                        const struct dr_json *row)
{
    struct dr_str object = dr_json_get_str(o, "object");
    struct dr_str target = dr_json_get_str(row, "target");
    const struct dr_json *field;
    char type[64];

    check_values(k, object, row);
    check_const(k, object, row);
    check_link(k, object, row);
    if (!dr_str_starts(target, DR_STR_LIT("cf_"))) {
        return;
    }
    (void)snprintf(type, sizeof(type), DR_STR_FMT,
                   DR_STR_ARG(dr_json_get_str(o, "target_type")));
    field = field_by_name(k->c, type, target);
    if (k->plan->leads && strcmp(type, "contacts") == 0 &&
        !field_by_name(k->c, "leads", target)) {
        problem(k, "missing_field", DR_STR_LIT("lead"), target,
                DR_STR_LIT("leads of the target have no such custom field"),
                create);
    }
    if (field) {
        check_choices(k, object, row, field);
    } else {
        problem(k, "missing_field", object, target,
                DR_STR_LIT("the target has no such custom field"), create);
    }
}

/* What the target will not take a record without. */
static void check_required(struct checking *k, const struct dr_json *o)
{
    const struct dr_json *fields =
        target_fields(k->c, dr_json_get_str(o, "target_type"));
    struct dr_map *targets = dr_map_new(NULL);

    if (dr_str_eqz(dr_json_get_str(o, "lane"), "link") ||
        dr_str_eqz(dr_json_get_str(o, "object"), "line_item")) {
        fields = NULL; /* the record is there already */
    }
    DR_JSON_EACH(row, dr_json_get(o, "fields"))
    {
        dr_map_put(targets, dr_json_get_str(row, "target"), k);
    }
    DR_JSON_EACH(f, fields)
    {
        struct dr_str name = dr_json_get_str(f, "name");
        struct dr_str same =
            dr_str_eqz(name, "email")        ? DR_STR_LIT("emails")
            : dr_str_eqz(name, "targetable") ? DR_STR_LIT("targetable_id")
            : dr_str_eqz(name, "end_date")   ? DR_STR_LIT("start_date")
                                             : name;
        if (dr_json_true(dr_json_get(f, "required")) &&
            !dr_map_has(targets, same)) {
            problem(k, "required_field", dr_json_get_str(o, "object"), name,
                    DR_STR_LIT("the target requires this field, and no row of "
                               "the plan fills it"),
                    "map a property to it, or have it made optional in "
                    "Freshsales");
        }
    }
    dr_map_free(targets);
}

/* ---- quotas of custom fields (reference 19.3) ---- */

static bool has_named(const struct dr_json *list, struct dr_str name)
{
    DR_JSON_EACH(f, list)
    {
        if (dr_str_eq(dr_json_get_str(f, "name"), name)) {
            return true;
        }
    }
    return false;
}

/* The fields that the rows of a type want of `in` beside those there are: a
 * custom object may want some of its parent, each once. */
static struct quota_counts count_fields(struct checking *k, struct dr_str type,
                                        struct dr_str in)
{
    const struct dr_json *have = target_fields(k->c, in);
    struct quota_counts n = quota_used(k->c, dr_arena_dupz(k->a, in));
    struct dr_map *done = dr_map_new(NULL);

    DR_JSON_EACH(o, dr_json_get(k->plan->root, "objects"))
    {
        if (!dr_str_eq(dr_json_get_str(o, "target_type"), type)) {
            continue;
        }
        DR_JSON_EACH(row, dr_json_get(o, "fields"))
        {
            struct dr_str target = dr_json_get_str(row, "target");
            if (dr_str_starts(target, DR_STR_LIT("cf_")) &&
                !has_named(have, target) && !dr_map_has(done, target)) {
                dr_map_put(done, target, k);
                quota_add(&n, dr_json_get_str(row, "type"));
            }
        }
    }
    dr_map_free(done);
    return n;
}

static void over_quota(struct checking *k, struct dr_str object,
                       const char *name, unsigned n, unsigned limit)
{
    if (n > limit) {
        problem(k, "quota", object, dr_str_z(name),
                dr_arena_printf(k->a,
                                name[0] ? "%u custom fields of this type; the "
                                          "target's plan allows %u"
                                        : "%u custom fields; the target's plan "
                                          "allows %u",
                                n, limit),
                "leave properties out in the plan (transform ignore with a "
                "reason), delete fields in Freshsales, or take a larger "
                "plan");
    }
}

static void check_counts(struct checking *k, struct dr_str object,
                         const struct quota_counts *limit,
                         const struct quota_counts *n)
{
    over_quota(k, object, "", n->total, limit->total);
    for (int q = 0; q < QUOTAS; q++) {
        over_quota(k, object, quota_names[q], n->of[q], limit->of[q]);
    }
}

static void check_quota(struct checking *k, const struct dr_json *o)
{
    struct dr_str object = dr_json_get_str(o, "object");
    struct dr_str type = dr_json_get_str(o, "target_type");
    const struct custom_plan *c = dr_map_get(k->plan->customs, object);
    const struct quota_counts *limit =
        quota_of(k->c, c && c->fate == FATE_MODULE);
    struct quota_counts n;

    if (!limit) {
        return;
    }
    n = count_fields(k, type, type);
    check_counts(k, object, limit, &n);
    if (k->plan->leads && dr_str_eqz(object, "contact")) {
        n = count_fields(k, type, DR_STR_LIT("leads"));
        check_counts(k, DR_STR_LIT("lead"), limit, &n);
    }
}

/* ---- what one record cannot decide ---- */

static void check_pipelines(struct checking *k)
{
    const struct dr_json *have =
        dr_json_get(k->c->dst_selectors, "deal_pipelines");

    DR_JSON_EACH(j, dr_json_get(k->plan->root, "pipelines"))
    {
        struct dr_str id = dr_json_get_str(j, "source_id");
        const struct dr_json *target =
            by_id(have, dr_json_scalar(dr_json_get(j, "target_id")));

        if (!target) {
            problem(k, "missing_pipeline", DR_STR_LIT("deal"), id,
                    DR_STR_LIT("the target has no such pipeline"), create);
            continue;
        }
        DR_JSON_EACH(s, dr_json_get(j, "stages"))
        {
            if (dr_json_is_null(s) ||
                !by_id(dr_json_get(target, "deal_stages"), dr_json_scalar(s))) {
                problem(k, "missing_stage", DR_STR_LIT("deal"), s->key,
                        dr_arena_printf(k->a,
                                        "the pipeline of " DR_STR_FMT
                                        " has no such stage",
                                        DR_STR_ARG(id)),
                        create);
            }
        }
    }
}

static void check_currencies(struct checking *k)
{
    const struct dr_json *have = dr_json_get(k->c->dst_selectors, "currencies");

    DR_JSON_EACH(c, dr_json_get(k->plan->root, "currencies"))
    {
        const struct dr_json *hit = by_id(have, dr_json_scalar(c));
        if (!hit || !dr_json_true(dr_json_get(hit, "is_active"))) {
            problem(k, "missing_currency", DR_STR_LIT("deal"), c->key,
                    DR_STR_LIT("the target has no such active currency"),
                    create);
        }
    }
}

static void check_user(struct checking *k, struct dr_str id, struct dr_str of)
{
    const struct dr_json *u =
        by_id(dr_json_get(k->c->dst_selectors, "users"), id);

    if (!u || !dr_json_true(dr_json_get(u, "is_active"))) {
        problem(k, "owner", of, id,
                DR_STR_LIT("no active user of the target has this id"),
                "activate the user, or propose the plan again");
    }
}

static void check_owners(struct checking *k)
{
    DR_JSON_EACH(o, dr_json_get(dr_json_get(k->plan->root, "owners"), "map"))
    {
        check_user(k, dr_json_scalar(o), o->key);
    }
    if (k->plan->house_owner.n > 0) {
        check_user(k, k->plan->house_owner, DR_STR_LIT("house"));
    } else if (k->plan->fallback_owner.n == 0 &&
               (plan_object(k->plan, DR_STR_LIT("product")) ||
                plan_object(k->plan, DR_STR_LIT("company")) ||
                plan_object(k->plan, DR_STR_LIT("event")))) {
        problem(k, "owner", DR_STR_LIT("house"), none,
                DR_STR_LIT("nobody owns the products of FastTrack's catalogue, "
                           "its events and the Unassigned Account"),
                "decide which user of Freshsales shall, and propose again with "
                "--house-owner");
    }
    if (k->plan->fallback_owner.n > 0) {
        check_user(k, k->plan->fallback_owner, DR_STR_LIT("fallback"));
    }
}

/* Every property of the source stands in a row. */
static void check_coverage(struct checking *k, const struct dr_json *o)
{
    struct dr_map *sources = dr_map_new(NULL);
    struct dr_str object = dr_json_get_str(o, "object");

    DR_JSON_EACH(row, dr_json_get(o, "fields"))
    {
        dr_map_put(sources, dr_json_get_str(row, "source"), k);
    }
    DR_JSON_EACH(
        f, dr_json_gets(dr_json_get(k->c->src_schema, "properties"), object))
    {
        struct dr_str name = dr_json_get_str(f, "name");
        if (!dr_map_has(sources, name)) {
            problem(k, "unmapped", object, name,
                    DR_STR_LIT("no row says what becomes of this property"),
                    "map it, or leave it out with transform ignore and a "
                    "reason");
        }
    }
    dr_map_free(sources);
}

size_t dr_plan_check(const struct dr_plan *p, const struct dr_catalogs *c,
                     struct dr_buf *problems_json)
{
    struct checking k = {.plan = p, .c = c};

    k.a = dr_arena_new(CHECK_ARENA);
    k.kinds = kinds_of(k.a, c, NULL, &k.kind_n);
    dr_json_w_init(&k.w, problems_json);
    dr_json_w_arr(&k.w);
    check_schemas(&k);
    check_edits(&k);
    DR_JSON_EACH(o, dr_json_get(p->root, "objects"))
    {
        bool there = check_module(&k, o);
        DR_JSON_EACH(row, there ? dr_json_get(o, "fields") : NULL)
        {
            check_field(&k, o, row);
        }
        check_coverage(&k, o);
        check_required(&k, o);
        check_quota(&k, o);
    }
    check_pipelines(&k);
    check_currencies(&k);
    check_owners(&k);
    dr_json_w_end(&k.w);
    dr_arena_free(k.a);
    return k.n;
}
