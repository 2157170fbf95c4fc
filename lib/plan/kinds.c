/* The kinds of records that are carried: those of FastTrack's contract (4.1),
 * and what the schema of this source has beyond them. */
#include "propose_private.h"

#include <string.h>

static const struct target_kind fixed[] = {
    {"company", "company", "sales_accounts", "account", true},
    {"contact", "contact", "contacts", "contact", true},
    {"deal", "deal", "deals", "deal", true},
    {"product", "product", "products", "product", false},
    {"line_item", "line_item", "deals", "deal_product", false},
    {"task", "task", "tasks", "activity", false},
    {"call", "call", "sales_activities", "activity", false},
    {"email", "email", "sales_activities", "activity", false},
    {"meeting", "meeting", "appointments", "activity", false},
    {"note", "note", "notes", "note", false},
    {"attachment", "attachment", "files", "file", false},
    {"event", "event", "sales_activities", "activity", false},
};

static bool is_fixed(struct dr_str object)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(fixed); i++) {
        if (dr_str_eqz(object, fixed[i].object)) {
            return true;
        }
    }
    return false;
}

/* A type that only this source has. False: it is not carried. */
static bool beyond(struct dr_arena *a, const struct dr_json *type,
                   struct target_kind *out)
{
    struct dr_str name = dr_json_get_str(type, "type");

    if (name.n == 0 || dr_json_true(dr_json_get(type, "custom"))) {
        return false;
    }
    *out = (struct target_kind){dr_arena_dupz(a, name), "activity",
                                "sales_activities", "activity", false};
    return out->object != NULL;
}

/* A custom object: what it becomes is decided when it is proposed. */
static bool custom_of(struct dr_arena *a, const struct dr_json *type,
                      struct target_kind *out)
{
    struct dr_str name = dr_json_get_str(type, "type");

    if (!dr_json_true(dr_json_get(type, "custom")) || name.n == 0) {
        return false;
    }
    *out = (struct target_kind){.object = dr_arena_dupz(a, name),
                                .rows = CUSTOM_ROWS,
                                .type = "",
                                .lane = "custom",
                                .custom = true};
    return out->object != NULL;
}

const struct target_kind *kinds_of(struct dr_arena *a,
                                   const struct dr_catalogs *c,
                                   const struct dr_propose_opts *o,
                                   size_t *n_out)
{
    const struct dr_json *types = dr_json_get(c->src_schema, "objects");
    size_t n = DR_ARRAY_LEN(fixed);
    struct target_kind *v =
        dr_arena_calloc(a, n + (types ? types->count : 0), sizeof(*v));

    if (!v) {
        dr_die(DR_EXIT_NOMEM, "plan",
               "the proposal needs more memory than it may take");
    }
    memcpy(v, fixed, sizeof(fixed));
    for (size_t i = 0; o && o->calls_as_logs && i < n; i++) {
        if (strcmp(v[i].object, "call") == 0) {
            v[i].rows = "call_log";
            v[i].type = "call_logs";
        }
    }
    DR_JSON_EACH(t, types)
    {
        if (!is_fixed(dr_json_get_str(t, "type")) &&
            (custom_of(a, t, &v[n]) || beyond(a, t, &v[n]))) {
            n++;
        }
    }
    *n_out = n;
    return v;
}

const char *rows_of(const struct target_kind *k, struct dr_str type)
{
    return dr_str_eqz(type, "call_logs") ? "call_log" : k->rows;
}

const struct target_kind *kind_in(const struct target_kind *v, size_t n,
                                  struct dr_str object)
{
    for (size_t i = 0; i < n; i++) {
        if (dr_str_eqz(object, v[i].object)) {
            return &v[i];
        }
    }
    return NULL;
}

bool is_custom_kind(const struct target_kind *k)
{
    return strcmp(k->rows, CUSTOM_ROWS) == 0;
}

bool is_event_kind(const struct target_kind *k)
{
    return strcmp(k->object, "event") == 0;
}
