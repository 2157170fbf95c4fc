#include "pass.h"

static struct out_message *add(struct out_list *out)
{
    DR_ASSERT(out->n < PASS_OUT_MAX);
    out->v[out->n] = (struct out_message){0};
    return &out->v[out->n++];
}

bool pass_wants(const struct pass *p, const struct dr_source *s)
{
    struct dr_buf key;
    bool wanted;

    if (!p->sample_only) {
        return true;
    }
    dr_buf_init(&key, 512);
    dr_buf_str(&key, s->object);
    dr_buf_ch(&key, ':');
    dr_buf_str(&key, s->id);
    wanted = dr_map_has(p->sample, dr_buf_view(&key));
    dr_buf_done(&key);
    return wanted;
}

static void add_load(const struct pass *p, const struct dr_load *l,
                     struct out_list *out)
{
    struct out_message *m = add(out);

    m->topic = OUT_LOAD;
    m->lane = l->lane;
    m->partition = dr_partition(l->id, p->partitions);
    m->key = l->key;
    m->env.kind = DR_MSG_LOAD;
    m->env.u.load = *l;
}

struct origin {
    struct dr_str topic;
    int32_t partition;
    int64_t offset;
};

static void add_rejected(const struct pass *p, struct dr_rejected r,
                         const struct dr_source *s, const struct origin *at,
                         struct dr_arena *a, struct out_list *out)
{
    struct out_message *m = add(out);

    r.topic = at->topic;
    r.partition = at->partition;
    r.offset = at->offset;
    r.original = s->body;
    m->topic = OUT_REJECTED;
    m->partition = dr_partition(s->id, p->partitions);
    m->key = dr_arena_printf(a, DR_STR_FMT ":" DR_STR_FMT,
                             DR_STR_ARG(s->object), DR_STR_ARG(s->id));
    m->env.kind = DR_MSG_REJECTED;
    m->env.u.rejected = r;
}

static int source(const struct pass *p, const struct dr_source *s,
                  const struct origin *at, struct dr_arena *a,
                  struct out_list *out, struct dr_err *err)
{
    struct dr_outcome o;

    if (!pass_wants(p, s)) {
        return 0;
    }
    if (dr_plan_apply(p->plan, s, &p->opts, a, &o, err)) {
        return -1;
    }
    for (size_t i = 0; o.state == DR_OUT_LOAD && i < o.load_count; i++) {
        add_load(p, &o.loads[i], out);
    }
    if (o.state == DR_OUT_REJECTED || o.state == DR_OUT_PARKED) {
        add_rejected(p, o.reject, s, at, a, out);
    }
    for (size_t i = 0; i < o.part_reject_count; i++) {
        add_rejected(p, o.part_rejects[i], s, at, a, out);
    }
    return 0;
}

/* A marker goes to every partition of every lane that its object feeds; the
 * Unassigned Account goes before those of the companies. */
static void marker(const struct pass *p, const struct dr_marker *in,
                   struct dr_arena *a, struct out_list *out)
{
    struct dr_str lanes[4];
    size_t n = dr_plan_lanes_of(p->plan, in->object, lanes);
    struct dr_load orphan;

    if (dr_str_eqz(in->object, "company") &&
        dr_plan_orphan(p->plan, &p->opts, a, &orphan)) {
        add_load(p, &orphan, out);
    }
    for (size_t l = 0; l < n; l++) {
        for (int32_t part = 0; part < p->partitions; part++) {
            struct out_message *m = add(out);
            m->topic = OUT_LOAD;
            m->lane = lanes[l];
            m->partition = part;
            m->key = DR_STR_LIT("#marker");
            m->env.kind = DR_MSG_MARKER;
            m->env.u.marker = *in;
            m->env.u.marker.pass = p->number;
        }
    }
}

int pass_step(const struct pass *p, const struct dr_env *env,
              struct dr_str topic, int32_t partition, int64_t offset,
              struct dr_arena *a, struct out_list *out, struct dr_err *err)
{
    struct origin at = {topic, partition, offset};

    out->n = 0;
    if (env->kind == DR_MSG_SOURCE) {
        return source(p, &env->u.source, &at, a, out, err);
    }
    if (env->kind == DR_MSG_MARKER) {
        marker(p, &env->u.marker, a, out);
    }
    return 0;
}
