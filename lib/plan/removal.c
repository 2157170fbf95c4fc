/* What is to go from the target: a deletion at the source that a person lets
 * through, and what Drover made beside a record and would not make now. */
#include "plan_private.h"

#include <drover/crypto/crypto.h>

/* Over what it says: the same removal is the same record, pass by pass. */
static struct dr_str removal_hash(struct build *b, const struct dr_load *l)
{
    struct dr_str rev = build_printf(b, "%llu", (unsigned long long)l->rev);
    struct dr_hash h;
    uint8_t out[32];

    dr_hash_init(&h);
    dr_hash_part(&h, l->key);
    dr_hash_part(&h, rev);
    dr_hash_part(&h, DR_STR_LIT("delete"));
    dr_hash_final(&h, out);
    return build_dup(b, (struct dr_str){(const char *)out, 32});
}

static void build_removal(struct build *b, struct dr_load *l, const char *lane,
                          struct dr_str type)
{
    build_load(b, l, lane);
    l->type = type;
    l->op = DR_LOAD_DELETE;
    l->content_hash = removal_hash(b, l);
}

size_t dr_plan_removal(const struct dr_plan *p, const struct dr_removal *r,
                       const struct dr_apply_opts *o, struct dr_arena *a,
                       struct dr_load out[4])
{
    struct dr_source rec = {.object = r->object,
                            .id = r->id,
                            .rev = r->rev,
                            .origin = DR_ORIGIN_TAIL};
    struct build b = {.plan = p,
                      .op = plan_object(p, r->object),
                      .rec = &rec,
                      .opts = o,
                      .a = a};
    struct dr_str lanes[4];
    size_t n = dr_plan_lanes_of(p, r->object, lanes), made = 0;

    for (size_t i = 0; b.op && i < n; i++) {
        char *lane = dr_arena_dupz(a, lanes[i]);
        if (!lane || dr_str_eqz(lanes[i], "link")) {
            b.oom |= !lane;
            continue;
        }
        build_removal(&b, &out[made++], lane, (struct dr_str){"", 0});
    }
    return b.oom ? 0 : made;
}

static bool makes(const struct dr_outcome *o, struct dr_str lane)
{
    for (size_t i = 0; i < o->load_count; i++) {
        if (dr_str_eq(o->loads[i].lane, lane)) {
            return true;
        }
    }
    return false;
}

/* This plan may have made a note of an earlier version. */
static bool before(const struct dr_plan *p, const struct dr_source *rec,
                   const struct dr_outcome *outcome)
{
    struct dr_str lanes[4];
    size_t n = dr_plan_lanes_of(p, rec->object, lanes);

    return rec->origin != DR_ORIGIN_SNAPSHOT && outcome->state == DR_OUT_LOAD &&
           n > 1 && dr_str_eqz(lanes[n - 1], "note");
}

/* So may another plan: of the text of an activity, about a file, or of a custom
 * object; also where this one leaves the record out. */
static bool otherwise(const struct dr_plan *p, const struct dr_source *rec,
                      const struct dr_outcome *outcome)
{
    const struct object_plan *o = plan_object(p, rec->object);

    return o &&
           (outcome->state == DR_OUT_LOAD ||
            outcome->state == DR_OUT_EXCLUDED) &&
           (dr_str_eqz(o->lane, "activity") || dr_str_eqz(o->lane, "file") ||
            dr_map_has(p->customs, rec->object));
}

int dr_plan_leftover(const struct dr_plan *p, const struct dr_source *rec,
                     const struct dr_outcome *outcome, bool other_plans,
                     const struct dr_apply_opts *o, struct dr_arena *a,
                     struct dr_load *out)
{
    struct build b = {.plan = p,
                      .op = plan_object(p, rec->object),
                      .rec = rec,
                      .opts = o,
                      .a = a};
    bool could =
        before(p, rec, outcome) || (other_plans && otherwise(p, rec, outcome));

    if (!could || makes(outcome, DR_STR_LIT("note"))) {
        return 0;
    }
    build_removal(&b, out, "note", DR_STR_LIT("notes"));
    return b.oom ? -1 : 1;
}

bool dr_plan_is_leftover(const struct dr_load *load)
{
    return load->op == DR_LOAD_DELETE && load->type.n > 0;
}
