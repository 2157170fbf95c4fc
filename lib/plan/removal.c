/* A deletion at the source that a person lets through to the target. */
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
        struct dr_load *l = &out[made];
        if (!lane || dr_str_eqz(lanes[i], "link")) {
            b.oom |= !lane;
            continue;
        }
        build_load(&b, l, lane);
        l->type = (struct dr_str){"", 0};
        l->op = DR_LOAD_DELETE;
        l->content_hash = removal_hash(&b, l);
        made++;
    }
    return b.oom ? 0 : made;
}
