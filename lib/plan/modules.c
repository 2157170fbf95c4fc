/* Custom modules of the target (reference 13.5), as its catalogue has them. */
#include "propose_private.h"

#include <string.h>

/* What the account itself says goes before what its plan has. */
bool modules_allowed(const struct dr_catalogs *c)
{
    const struct dr_json *has = dr_json_get(c->dst_account, "custom_modules");

    if (dr_str_eqz(dr_json_get_str(c->dst_account, "edition"), "classic")) {
        return false;
    }
    return has ? dr_json_true(has)
               : dr_str_ieq(dr_json_get_str(c->dst_account, "plan"),
                            DR_STR_LIT("enterprise"));
}

const struct dr_json *module_of(const struct dr_catalogs *c,
                                struct dr_str entity)
{
    DR_JSON_EACH(m, c->dst_modules)
    {
        if (dr_str_eq(dr_json_get_str(m, "entity_name"), entity)) {
            return m;
        }
    }
    return NULL;
}

const struct dr_json *module_named(struct dr_arena *a,
                                   const struct dr_catalogs *c,
                                   struct dr_str entity, struct dr_str name,
                                   struct dr_str plural)
{
    const struct dr_json *m = module_of(c, entity);

    m = m || name.n == 0 ? m
                         : by_name(a, c->dst_modules, "singular_name", name);
    return m || plural.n == 0
               ? m
               : by_name(a, c->dst_modules, "plural_name", plural);
}

const struct dr_json *target_fields(const struct dr_catalogs *c,
                                    struct dr_str type)
{
    const struct dr_json *list = dr_json_gets(c->dst_fields, type);

    return list ? list : dr_json_get(module_of(c, type), "fields");
}

static bool is_lookup(const struct dr_json *f)
{
    struct dr_str type = dr_json_get_str(f, "type");

    return dr_str_eqz(type, "lookup") || dr_str_eqz(type, "auto_complete");
}

static bool takes_many(const struct dr_json *f)
{
    return dr_json_true(dr_json_get(f, "multiple")) ||
           dr_json_true(
               dr_json_get(dr_json_get(f, "field_options"), "multiple"));
}

/* A look-up writes under <name>_id or <name>_ids, a custom one under its own
 * name. */
static struct dr_str write_name(struct dr_arena *a, const struct dr_json *f)
{
    struct dr_str name = dr_json_get_str(f, "name");

    if (!is_lookup(f) || dr_str_starts(name, DR_STR_LIT("cf_")) ||
        dr_str_ends(name, DR_STR_LIT("_id")) ||
        dr_str_ends(name, DR_STR_LIT("_ids"))) {
        return name;
    }
    return dr_arena_printf(a, DR_STR_FMT "%s", DR_STR_ARG(name),
                           takes_many(f) ? "_ids" : "_id");
}

/* What the look-up points to: said by the field, or by its name. */
static bool points_to(struct dr_arena *a, const struct dr_json *f,
                      const struct parent_kind *k)
{
    const struct dr_json *options = dr_json_get(f, "field_options");
    struct dr_str to = dr_json_get_str(f, "relation");
    struct dr_str name = dr_json_get_str(f, "name");
    size_t n = strlen(k->type) - 1; /* "deals" without the s */
    struct dr_str one = {k->type, n};

    to = to.n > 0 ? to : dr_json_get_str(options, "lookup_type");
    if (to.n > 0) {
        to = plan_norm(a, to);
        return dr_str_eqz(to, k->type) || dr_str_eq(to, one);
    }
    if (dr_str_starts(name, DR_STR_LIT("cf_"))) {
        name = (struct dr_str){name.p + 3, name.n - 3};
    }
    return dr_str_eqz(name, k->type) || dr_str_eq(name, one);
}

struct dr_str module_link(struct dr_arena *a, const struct dr_json *module,
                          const struct parent_kind *k, bool *many)
{
    const struct dr_json *best = NULL;

    DR_JSON_EACH(f, dr_json_get(module, "fields"))
    {
        if (is_lookup(f) && points_to(a, f, k) &&
            (!best || (*many && takes_many(f) && !takes_many(best)))) {
            best = f;
        }
    }
    if (!best) {
        return (struct dr_str){"", 0};
    }
    *many = takes_many(best);
    return write_name(a, best);
}

bool module_writes(struct dr_arena *a, const struct dr_json *module,
                   struct dr_str name)
{
    DR_JSON_EACH(f, dr_json_get(module, "fields"))
    {
        if (dr_str_eq(write_name(a, f), name)) {
            return true;
        }
    }
    return false;
}
