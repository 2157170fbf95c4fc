/* How many fields of one's own an entity may have (reference 13.5, 19.3). */
#include <string.h>

#include "modules.h"
#include "write.h"

#define CHOICES_MAX 300
#define MODULE_FIELDS_MAX 310
#define ACTIVITY_FIELDS_MAX 5 /* of each type */

enum {
    TOTAL,
    TEXTS,
    LISTS,
    AREAS,
    MULTIS,
    NUMBERS,
    BOXES,
    DATES,
    LOOKUPS,
    FORMULAS,
    CLASSES
};

/* Of the Suite, by plan. */
static const struct {
    const char *plan;
    int64_t max[CLASSES];
} suite[] = {
    {"free", {0}},
    {"growth", {150, 20, 30, 5, 5, 30, 30, 30, 0, 0}},
    {"pro", {250, 30, 40, 10, 10, 50, 50, 50, 10, 40}},
    {"enterprise", {630, 70, 250, 20, 30, 70, 70, 70, 50, 40}},
};

/* The classic edition counts all types together. */
static const struct {
    const char *plan;
    int64_t max;
} classic[] = {{"sprout", 0},   {"blossom", 10}, {"garden", 150},
               {"estate", 305}, {"forest", 450}, {"free", 0},
               {"growth", 150}, {"pro", 305},    {"enterprise", 450}};

static const struct {
    const char *type;
    int class;
} classes[] = {{"text", TEXTS},
               {"email", TEXTS},
               {"dropdown", LISTS},
               {"radio", LISTS},
               {"textarea", AREAS},
               {"paragraph", AREAS},
               {"multi_select_dropdown", MULTIS},
               {"number", NUMBERS},
               {"decimal", NUMBERS},
               {"checkbox", BOXES},
               {"date", DATES},
               {"date_time", DATES},
               {"date_time_split", DATES},
               {"lookup", LOOKUPS},
               {"auto_complete", LOOKUPS},
               {"formula", FORMULAS}};

static int class_of(const struct dr_json *def)
{
    struct dr_str type = dr_json_get_str(def, "type");

    for (size_t i = 0; i < DR_ARRAY_LEN(classes); i++) {
        if (dr_str_eqz(type, classes[i].type)) {
            return classes[i].class;
        }
    }
    return TOTAL;
}

/* Of a class, or of all for TOTAL. */
static int64_t counted(struct list *l, int class)
{
    int64_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        const struct dr_json *f = list_at(l, i);
        n += !dr_json_true(dr_json_get(f, "default")) &&
             (class == TOTAL || class_of(f) == class);
    }
    return n;
}

static int64_t limit_of(const struct account *a, const char *entity, int class)
{
    struct dr_str plan = plan_of(a);

    if (module_kind(dr_str_z(entity))) {
        return class == TOTAL ? MODULE_FIELDS_MAX : INT64_MAX;
    }
    if (strcmp(entity, "sales_activities") == 0) {
        return class == TOTAL ? INT64_MAX : ACTIVITY_FIELDS_MAX;
    }
    for (size_t i = 0; a->classic && i < DR_ARRAY_LEN(classic); i++) {
        if (dr_str_eqz(plan, classic[i].plan)) {
            return class == TOTAL ? classic[i].max : INT64_MAX;
        }
    }
    for (size_t i = 0; !a->classic && i < DR_ARRAY_LEN(suite); i++) {
        if (dr_str_eqz(plan, suite[i].plan)) {
            return suite[i].max[class];
        }
    }
    return INT64_MAX;
}

/* Four on contacts of the Suite, two elsewhere. */
static int check_unique(const struct account *a, const char *entity,
                        struct list *l, struct refusal *r)
{
    int64_t max = strcmp(entity, "contacts") == 0 && !a->classic ? 4 : 2;
    int64_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        n += dr_json_true(dr_json_get(list_at(l, i), "unique"));
    }
    r->max = max;
    return n >= max ? noz(r, "No more than %d %s are allowed.", "unique fields")
                    : 0;
}

int check_choice_quota(struct account *a, const char *entity,
                       struct dr_str name, const struct dr_json *j,
                       struct refusal *r)
{
    const struct dr_json *f =
        list_named(dr_map_get(a->fields, dr_str_z(entity)), name);
    const struct dr_json *have = dr_json_get(f, "choices");
    const struct dr_json *add = dr_json_get(j, f ? "add_choices" : "choices");

    r->max = CHOICES_MAX;
    return (have ? have->count : 0) + (add ? add->count : 0) > CHOICES_MAX
               ? noz(r, "No more than %d %s are allowed.", "choices")
               : 0;
}

int check_quota(struct account *a, const char *entity, const struct dr_json *j,
                struct refusal *r)
{
    struct list *l = list_of(a->fields, entity);
    int checked[] = {TOTAL, class_of(j)};

    if (check_choice_quota(a, entity, (struct dr_str){"", 0}, j, r)) {
        return -1;
    }
    for (size_t i = 0; i < 2; i++) {
        int64_t max = limit_of(a, entity, checked[i]);
        if (counted(l, checked[i]) >= max) {
            r->max = max;
            return noz(r, "No more than %d %s are allowed.",
                       checked[i] == TOTAL ? "fields" : "fields of this type");
        }
    }
    return dr_json_true(dr_json_get(j, "unique"))
               ? check_unique(a, entity, l, r)
               : 0;
}
