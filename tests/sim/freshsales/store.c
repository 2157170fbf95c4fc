/* Records, selectors, field definitions; reading the tenant file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#include "store.h"

static void list_free(void *p)
{
    struct list *l = p;

    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i]);
    }
    free(l->v);
    free(l);
}

struct list *list_of(struct dr_map *m, const char *key)
{
    struct list *l = dr_map_get(m, dr_str_z(key));

    if (!l) {
        l = dr_xcalloc(1, sizeof(*l));
        dr_map_put(m, dr_str_z(key), l);
    }
    return l;
}

void list_add(struct list *l, struct dr_str json)
{
    l->v = dr_xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
    l->v[l->n++] = dr_xstrndup(json);
}

const struct dr_json *list_find(const struct list *l, uint64_t id,
                                struct dr_arena *a)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct dr_json *j =
            dr_json_parse(a, dr_str_z(l->v[i]), NULL, NULL);
        if ((uint64_t)dr_json_get_i64(j, "id", 0) == id) {
            return j;
        }
    }
    return NULL;
}

uint64_t new_id(struct account *a)
{
    return a->next_id++;
}

struct rec *rec_find(const struct kind *k, uint64_t id)
{
    size_t lo = 0, hi = k->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (k->v[mid]->id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < k->n && k->v[lo]->id == id ? k->v[lo] : NULL;
}

struct rec *rec_new(struct account *a, struct kind *k, uint64_t id,
                    const char *by)
{
    struct rec *r = dr_xcalloc(1, sizeof(*r));
    size_t at = k->n;

    r->id = id;
    r->by = by;
    r->created_ms = r->updated_ms = vclock_now(&a->clock);
    r->values = dr_map_new(free);
    r->custom = dr_map_new(free);
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 256;
        k->v = dr_xrealloc(k->v, k->cap * sizeof(*k->v));
    }
    while (at > 0 && k->v[at - 1]->id > id) {
        k->v[at] = k->v[at - 1];
        at--;
    }
    k->v[at] = r;
    k->n++;
    return r;
}

struct dr_str rec_value(const struct rec *r, const char *name)
{
    const char *v = dr_map_get(r->values, dr_str_z(name));

    return v ? dr_str_z(v) : (struct dr_str){NULL, 0};
}

void rec_set(struct rec *r, const char *name, struct dr_str json)
{
    dr_map_put(r->values, dr_str_z(name), dr_xstrndup(json));
}

uint64_t rec_id(const struct rec *r, const char *name)
{
    uint64_t id;

    return dr_str_u64(rec_value(r, name), &id) ? 0 : id;
}

/* ---- the tenant file ---- */

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

/* Values without blanks between them: a record is one line of NDJSON. */
char *compact(const struct dr_json *v)
{
    struct dr_buf b;
    char *out;

    dr_buf_init(&b, (size_t)64 << 20);
    dr_json_canonical(&b, v);
    out = dr_xstrndup(dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}

static void load_record(struct account *a, struct kind *k,
                        const struct dr_json *j)
{
    struct rec *r =
        rec_new(a, k, (uint64_t)dr_json_get_i64(j, "id", 0), "seed");

    DR_JSON_EACH(m, j)
    {
        if (attr_of(k, m->key) && m->type != DR_JSON_NULL) {
            dr_map_put(r->values, m->key, compact(m));
        }
    }
    DR_JSON_EACH(m, dr_json_get(j, "custom_field"))
    {
        dr_map_put(r->custom, m->key, compact(m));
    }
    r->deleted = dr_json_true(dr_json_get(j, "is_deleted"));
    (void)!dr_time_parse(dr_json_get_str(j, "created_at"), &r->created_ms,
                         NULL);
    (void)!dr_time_parse(dr_json_get_str(j, "updated_at"), &r->updated_ms,
                         NULL);
}

void account_load(struct account *a, const char *file)
{
    struct dr_json_limits limits = {.max_bytes = (size_t)256 << 20};
    struct dr_err err = {0};

    a->arena = dr_arena_new((size_t)1 << 30);
    a->selectors = dr_map_new(list_free);
    a->fields = dr_map_new(list_free);
    a->calls_by = dr_map_new(free);
    a->markers = dr_map_new(free);
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
