/* Statistics over the source's records and over what the target held. */
#include "profile_private.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>

#define PROFILE_ARENA ((size_t)1 << 30)

static void stats_free(void *p)
{
    dr_map_free(((struct field_stats *)p)->distinct);
}

static void map_free(void *p)
{
    dr_map_free(p);
}

struct dr_profile *dr_profile_new(void)
{
    struct dr_profile *p = dr_xcalloc(1, sizeof(*p));

    p->arena = dr_arena_new(PROFILE_ARENA);
    p->objects = dr_map_new(map_free);
    p->counts = dr_map_new(NULL);
    p->owners = dr_map_new(NULL);
    p->parents = dr_map_new(NULL);
    p->stages = dr_map_new(NULL);
    p->parentage = dr_map_new(census_free);
    p->events = dr_map_new(NULL);
    p->lines = dr_map_new(NULL);
    p->had_accounts = dr_map_new(NULL);
    p->had_contacts = dr_map_new(NULL);
    p->inline_files = dr_map_new(NULL);
    p->words = dr_map_new(NULL);
    return p;
}

void dr_profile_free(struct dr_profile *p)
{
    if (!p) {
        return;
    }
    dr_map_free(p->objects);
    dr_map_free(p->counts);
    dr_map_free(p->owners);
    dr_map_free(p->parents);
    dr_map_free(p->stages);
    dr_map_free(p->parentage);
    dr_map_free(p->events);
    dr_map_free(p->lines);
    dr_map_free(p->had_accounts);
    dr_map_free(p->had_contacts);
    dr_map_free(p->inline_files);
    dr_map_free(p->words);
    free(p->files.whole.v);
    free(p->files.broken.v);
    free(p->companies.v);
    free(p->contacts.v);
    dr_arena_free(p->arena);
    free(p);
}

static void *must(void *p)
{
    if (!p) {
        dr_die(DR_EXIT_NOMEM, "profile",
               "the profile needs more memory than it may take");
    }
    return p;
}

void profile_add_one(struct dr_profile *p, struct dr_map *m, struct dr_str key)
{
    uint64_t *n = dr_map_get(m, key);

    if (!n) {
        n = must(dr_arena_alloc(p->arena, sizeof(*n)));
        dr_map_put(m, key, n);
    }
    (*n)++;
}

uint64_t profile_count(const struct dr_map *m, struct dr_str key)
{
    const uint64_t *n = m ? dr_map_get(m, key) : NULL;

    return n ? *n : 0;
}

static void keep(struct dr_profile *p, struct dr_map *m, struct dr_str key,
                 struct dr_str value)
{
    struct dr_str *s = must(dr_arena_alloc(p->arena, sizeof(*s)));

    *s = dr_arena_dup(p->arena, value);
    dr_map_put(m, key, s);
}

struct dr_str profile_text(struct dr_profile *p, struct dr_str s)
{
    struct dr_str out = dr_arena_dup(p->arena, s);

    if (out.n < s.n) {
        must(NULL);
    }
    return out;
}

struct dr_str profile_word(struct dr_profile *p, struct dr_str s)
{
    if (!dr_map_has(p->words, s)) {
        keep(p, p->words, s, s);
    }
    return map_text(p->words, s);
}

/* Two records of the target with one name: the older id, whatever order. */
static void keep_lowest(struct dr_profile *p, struct dr_map *m,
                        struct dr_str key, struct dr_str id)
{
    struct dr_str old = map_text(m, key);

    if (old.n == 0 || id.n < old.n ||
        (id.n == old.n && dr_str_cmp(id, old) < 0)) {
        keep(p, m, key, id);
    }
}

static struct field_stats *stats_of(struct dr_profile *p, struct dr_str object,
                                    struct dr_str property)
{
    struct dr_map *fields = dr_map_get(p->objects, object);
    struct field_stats *f;

    if (!fields) {
        fields = dr_map_new(stats_free);
        dr_map_put(p->objects, object, fields);
    }
    f = dr_map_get(fields, property);
    if (!f) {
        f = must(dr_arena_alloc(p->arena, sizeof(*f)));
        f->distinct = dr_map_new(NULL);
        dr_map_put(fields, property, f);
    }
    return f;
}

static bool is_time(struct dr_str s)
{
    int64_t ms;

    return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9' &&
           (dr_date_parse(s, &ms) == 0 || dr_time_parse(s, &ms, NULL) == 0);
}

static void one_value(struct dr_profile *p, struct field_stats *f,
                      struct dr_str s)
{
    struct dr_dec d;
    size_t chars = dr_utf8_count(s);

    if (chars > f->longest) {
        f->longest = chars;
    }
    f->wide += chars > TEXT_MAX;
    f->huge += chars > AREA_MAX;
    if (dr_dec_parse(s, &d) == 0) {
        f->overflow +=
            d.n - d.scale > NUMBER_WHOLE || d.scale > NUMBER_FRACTION;
        f->fraction |= d.scale > 0;
    } else {
        f->no_number++;
    }
    f->no_time += !is_time(s);
    if (s.n > OPTION_MAX) {
        f->many = true;
    } else if (dr_map_count(f->distinct) <= DISTINCT_MAX) {
        profile_add_one(p, f->distinct, s);
        f->many |= dr_map_count(f->distinct) > DISTINCT_MAX;
    }
}

static void add_properties(struct dr_profile *p, struct dr_str object,
                           const struct dr_json *props)
{
    DR_JSON_EACH(j, props)
    {
        struct field_stats *f = stats_of(p, object, j->key);
        if (dr_json_is_null(j) ||
            (j->type == DR_JSON_STRING && j->text.n == 0)) {
            continue;
        }
        f->filled++;
        if (j->type == DR_JSON_ARRAY) {
            size_t all = 0;
            DR_JSON_EACH(e, j)
            {
                one_value(p, f, dr_json_scalar(e));
                all += dr_utf8_count(dr_json_scalar(e)) + 2;
            }
            f->longest = all > f->longest ? all : f->longest;
        } else {
            one_value(p, f, dr_json_scalar(j).n ? dr_json_scalar(j) : j->raw);
        }
    }
}

static void add_named(struct dr_profile *p, struct named_list *l,
                      struct dr_str id, struct dr_str created,
                      struct dr_str name, struct dr_str raw)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 256;
        l->v = dr_xrealloc(l->v, l->cap * sizeof(*l->v));
    }
    l->v[l->n++] = (struct named){
        dr_arena_dup(p->arena, id), dr_arena_dup(p->arena, created),
        dr_arena_dup(p->arena, name), dr_arena_dup(p->arena, raw)};
}

/* What the target compares: the name as far as it is written. */
static struct dr_str target_name(struct dr_arena *a,
                                 const struct dr_json *props)
{
    return plan_norm(a,
                     dr_utf8_prefix(dr_json_get_str(props, "name"), TEXT_MAX));
}

static void add_deal(struct dr_profile *p, struct dr_arena *a,
                     const struct dr_json *props)
{
    struct dr_str stage =
        dr_arena_printf(a, DR_STR_FMT "\n" DR_STR_FMT,
                        DR_STR_ARG(dr_json_get_str(props, "pipeline_id")),
                        DR_STR_ARG(dr_json_get_str(props, "stage_id")));

    profile_add_one(p, p->stages, stage);
}

static void add_identity(struct dr_profile *p, struct dr_arena *a,
                         const struct dr_source *rec,
                         const struct dr_json *root)
{
    const struct dr_json *props = dr_json_get(root, "properties");
    struct dr_str created = dr_json_get_str(root, "created_at");

    if (dr_str_eqz(rec->object, "company")) {
        struct dr_str parent = dr_json_get_str(props, "parent_company_id");
        add_named(p, &p->companies, rec->id, created, target_name(a, props),
                  dr_json_get_str(props, "name"));
        if (parent.n > 0) {
            keep(p, p->parents, rec->id,
                 alias_of(rec, DR_STR_LIT("company"), parent));
        }
    } else if (dr_str_eqz(rec->object, "contact")) {
        struct dr_str mail = plan_email(a, dr_json_get_str(props, "email"));
        if (mail.n > 0) {
            add_named(p, &p->contacts, rec->id, created, mail, mail);
        }
    } else if (dr_str_eqz(rec->object, "deal")) {
        add_deal(p, a, props);
    } else if (dr_str_eqz(rec->object, "line_item")) {
        profile_add_line(p, a, rec, props);
    } else if (dr_str_eqz(rec->object, "attachment")) {
        struct dr_str name = dr_json_get_str(props, "file_name");
        if (dr_json_true(dr_json_get(props, "inline")) && name.n > 0 &&
            dr_text_valid(name)) {
            keep(p, p->inline_files, rec->id, name);
        }
        profile_add_file(p, rec, root);
    }
}

/* Records that are written without an owner: nobody has to be found. */
static bool has_owner(struct dr_str object)
{
    static const char *const without[] = {"line_item", "meeting", "note",
                                          "attachment", "event"};

    for (size_t i = 0; i < DR_ARRAY_LEN(without); i++) {
        if (dr_str_eqz(object, without[i])) {
            return false;
        }
    }
    return true;
}

/* A record that cannot be read is counted and tells nothing. */
static void add_body(struct dr_profile *p, const struct dr_source *rec,
                     struct dr_str body)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    const struct dr_json *root = dr_json_parse(a, body, NULL, NULL);
    const struct dr_source *led = alias_followed(a, rec);

    if (!led) {
        must(NULL);
    }
    profile_add_one(p, p->counts, rec->object);
    if (!root) {
        return;
    }
    add_properties(p, rec->object, dr_json_get(root, "properties"));
    census_add(p, a, led, root);
    if (has_owner(rec->object)) {
        profile_add_one(p, p->owners,
                        dr_json_scalar(dr_json_get(root, "owner_id")));
    }
    add_identity(p, a, rec, root);
}

int dr_profile_add(struct dr_profile *p, const struct dr_source *rec,
                   struct dr_err *err)
{
    (void)err;
    if (rec->op != DR_SRC_UPSERT) {
        return 0;
    }
    for (size_t i = 0; i < rec->part_count; i++) {
        add_body(p, rec, rec->parts[i].body);
    }
    /* That of a set of lines is about its deal. */
    if (rec->body.n > 0 && rec->part_count == 0) {
        add_body(p, rec, rec->body);
    }
    return 0;
}

int dr_profile_add_existing(struct dr_profile *p, struct dr_str type,
                            uint64_t dst, struct dr_str json,
                            struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)8 << 20);
    const struct dr_json *root = dr_json_parse(a, json, NULL, err);
    struct dr_str id = dr_arena_printf(a, "%llu", (unsigned long long)dst);
    struct dr_str name = plan_norm(a, dr_json_get_str(root, "name"));

    if (!root) {
        return -1;
    }
    if (dr_str_eqz(type, "sales_accounts") && name.n > 0) {
        keep_lowest(p, p->had_accounts, name, id);
    } else if (dr_str_eqz(type, "contacts")) {
        struct dr_str mail = plan_email(a, dr_json_get_str(root, "email"));
        if (mail.n > 0) {
            keep_lowest(p, p->had_contacts, mail, id);
        }
    }
    return 0;
}

const struct field_stats *profile_field(const struct dr_profile *p,
                                        struct dr_str object,
                                        struct dr_str property)
{
    const struct dr_map *fields = dr_map_get(p->objects, object);

    return fields ? dr_map_get(fields, property) : NULL;
}
