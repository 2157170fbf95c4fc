/* Reading the tenant file (reference 26). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#include "modules.h"

static void refuse(const char *file, const char *why)
{
    dr_die(DR_EXIT_REFUSED, "tenant file", "%s: %s", file, why);
}

static struct dr_str slurp(struct account *a, const char *file)
{
    FILE *f = fopen(file, "rbe");
    long n;
    char *p;

    if (!f) {
        refuse(file, "cannot be read");
    }
    (void)fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);
    p = n >= 0 ? dr_arena_alloc(a->arena, (size_t)n + 1) : NULL;
    if (!p || fread(p, 1, (size_t)n, f) != (size_t)n) {
        refuse(file, "cannot be read whole");
    }
    (void)fclose(f);
    return (struct dr_str){p, (size_t)n};
}

static void check_keys(const char *file, const struct dr_json *t)
{
    static const char *const known[] = {"format",       "name",
                                        "edition",      "plan",
                                        "bundle_alias", "account",
                                        "api_user_id",  "selectors",
                                        "fields",       "custom_modules",
                                        "views",        "records",
                                        "next_id",      "lacks_on_purpose"};

    DR_JSON_EACH(m, t)
    {
        bool ok = false;
        for (size_t i = 0; i < DR_ARRAY_LEN(known); i++) {
            ok |= dr_str_eqz(m->key, known[i]);
        }
        if (!ok) {
            dr_die(DR_EXIT_REFUSED, "tenant file",
                   "%s: unknown key \"" DR_STR_FMT "\"", file,
                   DR_STR_ARG(m->key));
        }
    }
}

static void load_lists(struct dr_map *into, const struct dr_json *j)
{
    DR_JSON_EACH(m, j)
    {
        char key[128];
        struct list *l;
        (void)snprintf(key, sizeof(key), DR_STR_FMT, DR_STR_ARG(m->key));
        l = list_of(into, key);
        DR_JSON_EACH(e, m)
        {
            list_add(l, e->raw);
        }
    }
}

/* A value as writes would have stored it. */
static char *stored(struct account *a, const struct attr *t,
                    const struct dr_json *m)
{
    char text[STAMP_TEXT];
    int64_t ms;

    if (t->kind == A_TIME && read_time(a, dr_json_str(m), &ms) == 0) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)ms);
        return dr_xstrdup(text);
    }
    return compact(m);
}

static void load_record(struct account *a, struct kind *k,
                        const struct dr_json *j)
{
    struct rec *r =
        rec_new(a, k, (uint64_t)dr_json_get_i64(j, "id", 0), "seed");

    DR_JSON_EACH(m, j)
    {
        const struct attr *t = attr_of(k, m->key);
        if (t && m->type != DR_JSON_NULL && !(t->show && !t->otherwise)) {
            dr_map_put(r->values, m->key, stored(a, t, m));
        }
    }
    DR_JSON_EACH(m, dr_json_get(j, "custom_field"))
    {
        if (m->type != DR_JSON_NULL) {
            dr_map_put(r->custom, m->key, compact(m));
        }
    }
    r->deleted = dr_json_true(dr_json_get(j, "is_deleted"));
    r->born_mono_ms = INT64_MIN / 2; /* in the search index since long */
    r->creater =
        (uint64_t)dr_json_get_i64(j, "creater_id", (int64_t)a->api_user);
    (void)!dr_time_parse(dr_json_get_str(j, "created_at"), &r->created_ms,
                         NULL);
    (void)!dr_time_parse(dr_json_get_str(j, "updated_at"), &r->updated_ms,
                         NULL);
    r->stage_ms = r->created_ms;
    r->assigned_ms = rec_id(r, "owner_id") ? r->created_ms : 0;
    rec_relink(k, r);
}

static void load_records(struct account *a)
{
    DR_JSON_EACH(m, dr_json_get(a->tenant, "records"))
    {
        struct kind *k = kind_of_type(m->key);
        DR_JSON_EACH(j, m)
        {
            if (k) {
                load_record(a, k, j);
            }
        }
    }
}

void account_load(struct account *a, const char *file)
{
    struct dr_json_limits limits = {.max_bytes = (size_t)256 << 20};
    struct dr_err err = {0};

    kinds_init();
    a->arena = dr_arena_new((size_t)1 << 30);
    a->scratch = dr_arena_new((size_t)1 << 30);
    a->selectors = dr_map_new(list_free);
    a->fields = dr_map_new(list_free);
    a->calls_by = dr_map_new(free);
    a->markers = dr_map_new(free);
    a->views = dr_map_new(list_free);
    a->modules = dr_xcalloc(1, sizeof(*a->modules));
    a->jobs_end = &a->jobs;
    dr_buf_init(&a->previous, (size_t)256 << 20);
    a->tenant = dr_json_parse(a->arena, slurp(a, file), &limits, &err);
    if (!a->tenant) {
        refuse(file, err.text);
    }
    if (!dr_str_eqz(dr_json_get_str(a->tenant, "format"),
                    "freshsales-tenant/1")) {
        refuse(file, "not of format freshsales-tenant/1");
    }
    check_keys(file, a->tenant);
    a->classic = dr_str_eqz(dr_json_get_str(a->tenant, "edition"), "classic");
    a->next_id = (uint64_t)dr_json_get_i64(a->tenant, "next_id", 1000);
    a->api_user = (uint64_t)dr_json_get_i64(a->tenant, "api_user_id", 0);
    load_lists(a->selectors, dr_json_get(a->tenant, "selectors"));
    load_lists(a->fields, dr_json_get(a->tenant, "fields"));
    load_lists(a->views, dr_json_get(a->tenant, "views"));
    modules_load(a);
    load_records(a);
}
