/* Custom fields that the target's plan allows (reference 19.3). */
#include "propose_private.h"

enum quota { Q_TEXT, Q_DROPDOWN, Q_AREA, Q_MULTI, Q_NUMBER, Q_CHECK, Q_DATE };

const char *const quota_names[QUOTAS] = {
    "text",   "drop-down", "text area", "multi-select",
    "number", "checkbox",  "date"};

#define SAME(n)             \
    {                       \
        n, n, n, n, n, n, n \
    }

static const struct {
    const char *plan;
    struct quota_counts limit;
} limits[] = {
    {"free", {0, SAME(0)}},
    {"growth", {150, {20, 30, 5, 5, 30, 30, 30}}},
    {"pro", {250, {30, 40, 10, 10, 50, 50, 50}}},
    {"enterprise", {630, {70, 250, 20, 30, 70, 70, 70}}},
    /* the classic edition counts in all only */
    {"sprout", {0, SAME(0)}},
    {"blossom", {10, SAME(10)}},
    {"garden", {150, SAME(150)}},
    {"estate", {305, SAME(305)}},
    {"forest", {450, SAME(450)}},
};

/* 13.5: of one module. */
static const struct quota_counts module_limit = {310, SAME(310)};

static int kind_of(struct dr_str type)
{
    static const struct {
        const char *type;
        enum quota q;
    } table[] = {{"text", Q_TEXT},      {"dropdown", Q_DROPDOWN},
                 {"radio", Q_DROPDOWN}, {"textarea", Q_AREA},
                 {"paragraph", Q_AREA}, {"multi_select_dropdown", Q_MULTI},
                 {"number", Q_NUMBER},  {"decimal", Q_NUMBER},
                 {"checkbox", Q_CHECK}, {"date", Q_DATE},
                 {"date_time", Q_DATE}};

    for (size_t i = 0; i < DR_ARRAY_LEN(table); i++) {
        if (dr_str_eqz(type, table[i].type)) {
            return (int)table[i].q;
        }
    }
    return -1;
}

void quota_add(struct quota_counts *n, struct dr_str type)
{
    int q = kind_of(type);

    n->total++;
    if (q >= 0) {
        n->of[q]++;
    }
}

const struct quota_counts *quota_of(const struct dr_catalogs *c, bool module)
{
    struct dr_str plan = dr_json_get_str(c->dst_account, "plan");

    for (size_t i = 0; i < DR_ARRAY_LEN(limits); i++) {
        if (dr_str_ieq(plan, dr_str_z(limits[i].plan))) {
            return module ? &module_limit : &limits[i].limit;
        }
    }
    return NULL;
}

struct quota_counts quota_used(const struct dr_catalogs *c, const char *type)
{
    struct quota_counts n = {0};

    DR_JSON_EACH(f, target_fields(c, dr_str_z(type)))
    {
        if (dr_str_starts(dr_json_get_str(f, "name"), DR_STR_LIT("cf_"))) {
            quota_add(&n, dr_json_get_str(f, "type"));
        }
    }
    return n;
}

void quota_made(struct proposing *p, const char *type, struct dr_str of_type)
{
    struct quota_counts *n = dr_map_get(p->made, dr_str_z(type));

    if (!n) {
        n = dr_arena_alloc(p->a, sizeof(*n));
        if (!n) {
            return;
        }
        dr_map_put(p->made, dr_str_z(type), n);
    }
    quota_add(n, of_type);
}

bool quota_allows(struct proposing *p, const char *type,
                  const struct quota_counts *more)
{
    const struct quota_counts *limit = quota_of(p->c, false);
    const struct quota_counts *made = dr_map_get(p->made, dr_str_z(type));
    struct quota_counts n = quota_used(p->c, type);
    bool fits = true;

    for (int q = 0; limit && q < QUOTAS; q++) {
        fits &=
            n.of[q] + more->of[q] + (made ? made->of[q] : 0) <= limit->of[q];
    }
    return !limit ||
           (fits &&
            n.total + more->total + (made ? made->total : 0) <= limit->total);
}
