#include "pass.h"

#include <string.h>

/* The original travels with a rejected record; with it and the reason the
 * record must stay below what the wire takes. */
#define ORIGINAL_MAX ((size_t)7 << 20)

struct step {
    const struct pass *p;
    struct dr_arena *a;
    struct out_list *out;
    struct out_message spare; /* written to when there is no room left */
    bool oom;
};

static struct out_message *add(struct step *s)
{
    struct out_list *out = s->out;

    if (out->n == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 16;
        struct out_message *v = dr_arena_calloc(s->a, cap, sizeof(*v));
        if (!v) {
            s->oom = true;
            return &s->spare;
        }
        if (out->n > 0) {
            memcpy(v, out->v, out->n * sizeof(*v));
        }
        out->v = v;
        out->cap = cap;
    }
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

static void add_load(struct step *s, const struct dr_load *l)
{
    struct out_message *m = add(s);

    m->topic = OUT_LOAD;
    m->lane = l->lane;
    m->partition = dr_partition(l->id, s->p->partitions);
    m->key = l->key;
    m->env.kind = DR_MSG_LOAD;
    m->env.u.load = *l;
}

struct origin {
    struct dr_str topic;
    int32_t partition;
    int64_t offset;
};

/* What is set aside: the record as it was read; of a set of lines, the line. */
static struct dr_str original_of(const struct dr_rejected *r,
                                 const struct dr_source *rec)
{
    struct dr_str body = rec->body;

    for (size_t i = 0; i < rec->part_count; i++) {
        if (dr_str_eq(rec->parts[i].id, r->part_id)) {
            body = rec->parts[i].body;
        }
    }
    if (body.n > ORIGINAL_MAX) {
        body.n = ORIGINAL_MAX;
    }
    return body;
}

static void add_rejected(struct step *s, struct dr_rejected r,
                         const struct dr_source *rec, const struct origin *at)
{
    struct out_message *m = add(s);

    r.topic = at->topic;
    r.partition = at->partition;
    r.offset = at->offset;
    r.original = original_of(&r, rec);
    m->topic = OUT_REJECTED;
    m->partition = dr_partition(rec->id, s->p->partitions);
    m->key = dr_arena_printf(s->a, DR_STR_FMT ":" DR_STR_FMT,
                             DR_STR_ARG(rec->object), DR_STR_ARG(rec->id));
    m->env.kind = DR_MSG_REJECTED;
    m->env.u.rejected = r;
}

/* Behind what it makes: who reads it anew comes to the same end. */
static void add_leftover(struct step *s, const struct dr_source *rec,
                         const struct dr_outcome *o)
{
    struct dr_load *l = dr_arena_calloc(s->a, 1, sizeof(*l));
    int n = l ? dr_plan_leftover(s->p->plan, rec, o, s->p->other_plans,
                                 &s->p->opts, s->a, l)
              : -1;

    if (n > 0) {
        add_load(s, l);
    }
    s->oom |= n < 0;
}

static int source(struct step *s, const struct dr_source *rec,
                  const struct origin *at, struct dr_err *err)
{
    struct dr_outcome o;

    if (!pass_wants(s->p, rec)) {
        return 0;
    }
    if (dr_plan_apply(s->p->plan, rec, &s->p->opts, s->a, &o, err)) {
        return -1;
    }
    for (size_t i = 0; o.state == DR_OUT_LOAD && i < o.load_count; i++) {
        add_load(s, &o.loads[i]);
    }
    add_leftover(s, rec, &o);
    if (o.state == DR_OUT_REJECTED || o.state == DR_OUT_PARKED) {
        add_rejected(s, o.reject, rec, at);
    }
    for (size_t i = 0; i < o.part_reject_count; i++) {
        add_rejected(s, o.part_rejects[i], rec, at);
    }
    return 0;
}

/* A marker goes to every partition of every lane that its object feeds; the
 * Unassigned Account goes before those of the companies. */
static void marker(struct step *s, const struct dr_marker *in)
{
    struct dr_str lanes[4];
    size_t n = dr_plan_lanes_of(s->p->plan, in->object, lanes);
    struct dr_load orphan;

    if (dr_str_eqz(in->object, "company") &&
        dr_plan_orphan(s->p->plan, &s->p->opts, s->a, &orphan)) {
        add_load(s, &orphan);
    }
    for (size_t l = 0; l < n; l++) {
        for (int32_t part = 0; part < s->p->partitions; part++) {
            struct out_message *m = add(s);
            m->topic = OUT_LOAD;
            m->lane = lanes[l];
            m->partition = part;
            m->key = DR_STR_LIT("#marker");
            m->env.kind = DR_MSG_MARKER;
            m->env.u.marker = *in;
            m->env.u.marker.pass = s->p->number;
        }
    }
}

int pass_step(const struct pass *p, const struct dr_env *env,
              struct dr_str topic, int32_t partition, int64_t offset,
              struct dr_arena *a, struct out_list *out, struct dr_err *err)
{
    struct step s = {.p = p, .a = a, .out = out};
    struct origin at = {topic, partition, offset};

    *out = (struct out_list){NULL, 0, 0};
    if (env->kind == DR_MSG_SOURCE && source(&s, &env->u.source, &at, err)) {
        return -1;
    }
    if (env->kind == DR_MSG_MARKER) {
        marker(&s, &env->u.marker);
    }
    return s.oom ? dr_err_set(err, DR_REJECT, 0, "pass",
                              "the record becomes more than one may be")
                 : 0;
}

int pass_removal(const struct pass *p, const struct dr_removal *r,
                 struct dr_arena *a, struct out_list *out, struct dr_err *err)
{
    struct step s = {.p = p, .a = a, .out = out};
    struct dr_load *loads = dr_arena_calloc(a, 4, sizeof(*loads));
    struct dr_str lanes[4];
    size_t n = loads && !p->sample_only
                   ? dr_plan_removal(p->plan, r, &p->opts, a, loads)
                   : 0;

    *out = (struct out_list){NULL, 0, 0};
    for (size_t i = 0; i < n; i++) {
        add_load(&s, &loads[i]);
    }
    s.oom |= !loads || (n == 0 && !p->sample_only &&
                        dr_plan_lanes_of(p->plan, r->object, lanes) > 0 &&
                        !dr_str_eqz(lanes[0], "link"));
    return s.oom ? dr_err_set(err, DR_REJECT, 0, "pass",
                              "a removal becomes more than a record may be")
                 : 0;
}

static void rejected(const struct pass *p, const struct dr_rejected *r,
                     struct dr_buf *key, struct out_message *out)
{
    dr_buf_reset(key);
    dr_buf_str(key, r->object);
    dr_buf_ch(key, ':');
    dr_buf_str(key, r->id);
    *out = (struct out_message){.topic = OUT_REJECTED,
                                .partition = dr_partition(r->id, p->partitions),
                                .key = dr_buf_view(key)};
    out->env.kind = DR_MSG_REJECTED;
    out->env.u.rejected = *r;
    out->env.u.rejected.stage = DR_STR_LIT("transform");
    out->env.u.rejected.pass = p->number;
}

void pass_unreadable(const struct pass *p, struct dr_str object,
                     struct dr_str id, struct dr_str original,
                     struct dr_str topic, int32_t partition, int64_t offset,
                     struct dr_buf *name, struct dr_buf *key,
                     struct out_message *out)
{
    struct dr_rejected r = {
        .object = object,
        .class = DR_STR_LIT("unreadable"),
        .field = DR_STR_LIT("*"),
        .rule = DR_STR_LIT("record"),
        .reason = DR_STR_LIT("the message in Kafka is no record of Drover's: "
                             "something else wrote it, or it was damaged"),
        .cure = DR_STR_LIT("find who else writes to the topic; then change "
                           "the record in FastTrack, so that it is read anew"),
        .topic = topic,
        .partition = partition,
        .offset = offset,
        .original = original};

    dr_buf_reset(name);
    if (id.n > 0 && id.n <= 64 && dr_text_valid(id)) {
        dr_buf_str(name, id);
    } else {
        dr_buf_printf(name, "(no id) %d/%lld", (int)partition,
                      (long long)offset);
    }
    if (r.original.n > ORIGINAL_MAX) {
        r.original.n = ORIGINAL_MAX;
    }
    r.id = dr_buf_view(name);
    rejected(p, &r, key, out);
}

void pass_set_aside(const struct pass *p, const struct dr_source *rec,
                    struct dr_str topic, int32_t partition, int64_t offset,
                    struct dr_buf *key, struct out_message *out)
{
    struct dr_rejected r = {
        .object = rec->object,
        .id = rec->id,
        .class = DR_STR_LIT("too_large"),
        .field = DR_STR_LIT("*"),
        .rule = DR_STR_LIT("record"),
        .reason = DR_STR_LIT("the record needs more memory than one record "
                             "may take"),
        .cure = DR_STR_LIT("make the record smaller in FastTrack: it has too "
                           "many values, links or lines"),
        .topic = topic,
        .partition = partition,
        .offset = offset,
        .redrivable = true,
        .rev = rec->rev,
        .version = rec->version};

    r.original = original_of(&r, rec);
    rejected(p, &r, key, out);
}
