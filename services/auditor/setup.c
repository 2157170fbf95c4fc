#include "setup.h"

#include <string.h>

#include <drover/json/json.h>

#define SETUP_ARENA ((size_t)64 << 20)

struct setting {
    struct auditor *au;
    const struct dr_json *plan;
    struct dr_arena *a;
};

static const struct dr_json *tree(struct setting *s, const char *name)
{
    return dr_json_parse(s->a,
                         books_catalog_text(s->au->books, "source", name, s->a),
                         NULL, NULL);
}

static struct record_row row_of(const char *object, struct dr_str id)
{
    /* No row of `source` stands behind it. */
    return (struct record_row){.object = dr_str_z(object), .id = id};
}

static void merged(struct record_row *r, const char *type,
                   const struct dr_json *target, const char *reason)
{
    int64_t id;

    if (dr_json_i64(target, &id) || id <= 0) {
        return;
    }
    r->state = "merged";
    r->lane = DR_STR_LIT("setup");
    r->type = dr_str_z(type);
    r->target = (uint64_t)id;
    r->rule = DR_STR_LIT("setup");
    r->reason = dr_str_z(reason);
}

static void park_owner(struct setting *s, struct record_row *r)
{
    struct dr_rejected why = {
        .object = r->object,
        .id = r->id,
        .lane = DR_STR_LIT("setup"),
        .stage = DR_STR_LIT("transform"),
        .class = DR_STR_LIT("owner_unresolved"),
        .field = DR_STR_LIT("email"),
        .rule = DR_STR_LIT("owners"),
        .reason = DR_STR_LIT("no active user of Freshsales answers to this "
                             "owner"),
        .cure = DR_STR_LIT("create or activate the user in Freshsales, or "
                           "name a fallback owner, and propose the plan "
                           "again"),
        .parked = true,
        .redrivable = true,
        .offset = -1};

    r->state = "parked";
    r->rule = why.rule;
    r->reason = why.reason;
    books_reject(s->au->books, &why, 0);
}

static void settle_owners(struct setting *s)
{
    const struct dr_json *owners = dr_json_get(s->plan, "owners");
    const struct dr_json *map = dr_json_get(owners, "map");
    const struct dr_json *fallback = dr_json_get(owners, "fallback");

    DR_JSON_EACH(o, tree(s, "owners"))
    {
        struct dr_str id = dr_json_scalar(dr_json_get(o, "id"));
        struct record_row r = row_of("owner", id);
        if (!s->plan) {
            books_record(s->au->books, &r);
            continue;
        }
        merged(&r, "users", dr_json_gets(map, id), "the same e-mail address");
        if (!r.state && !dr_json_is_null(fallback)) {
            merged(&r, "users", fallback,
                   "nobody answers to this owner: the fallback owner, by "
                   "decision");
        }
        if (!r.state) {
            park_owner(s, &r);
        }
        books_record(s->au->books, &r);
    }
}

static const struct dr_json *plan_pipeline(const struct setting *s,
                                           struct dr_str id)
{
    DR_JSON_EACH(p, dr_json_get(s->plan, "pipelines"))
    {
        if (dr_str_eq(dr_json_get_str(p, "source_id"), id)) {
            return p;
        }
    }
    return NULL;
}

static void settle_pipelines(struct setting *s)
{
    DR_JSON_EACH(p, dr_json_get(tree(s, "pipelines"), "deal"))
    {
        struct dr_str id = dr_json_scalar(dr_json_get(p, "id"));
        struct record_row r = row_of("pipeline", id);
        if (s->plan) {
            merged(&r, "pipelines",
                   dr_json_get(plan_pipeline(s, id), "target_id"),
                   "the same name");
        }
        if (s->plan && !r.state) {
            r.state = "excluded";
            r.rule = DR_STR_LIT("scope");
            r.reason = DR_STR_LIT("no pipeline of the plan answers to it");
        }
        books_record(s->au->books, &r);
    }
}

void setup_settle(struct auditor *au)
{
    DR_AUTO(dr_arena) struct dr_arena *a = dr_arena_new(SETUP_ARENA);
    struct setting s = {.au = au, .a = a};

    s.plan = dr_json_parse(a, dr_control(au->control)->plan_json, NULL, NULL);
    books_begin(au->books);
    settle_owners(&s);
    settle_pipelines(&s);
    books_commit(au->books);
}
