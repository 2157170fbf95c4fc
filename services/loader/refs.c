#include "refs.h"

#include <string.h>

#include <drover/plan/plan.h>

#include "body.h"

size_t refs_count(const struct dr_load *load)
{
    return load->ref_count + load->line_count + 1;
}

void refs_keys(const struct dr_load *load, struct dr_str *lanes,
               struct dr_str *keys)
{
    size_t n = 0;

    for (size_t i = 0; i < load->ref_count; i++, n++) {
        lanes[n] = load->refs[i].lane;
        keys[n] = load->refs[i].key;
    }
    for (size_t i = 0; i < load->line_count; i++, n++) {
        lanes[n] = load->lines[i].product.lane;
        keys[n] = load->lines[i].product.key;
    }
    lanes[n] = DR_STR_LIT("account");
    keys[n] = DR_STR_LIT(DR_ORPHAN_KEY);
}

/* The second of two steps writes all custom fields: it would take away what
 * was folded into the record before. */
static bool half_made(const struct dr_ref *r, const struct dr_fact *f)
{
    return f->state == DR_FACT_CREATED && dr_str_eqz(r->field, "@record");
}

/* Something of the key stands in the target. */
static uint64_t id_of(const struct dr_ref *r, const struct dr_fact *f)
{
    if (r->key.n == 0) {
        return r->dst;
    }
    return f->state == DR_FACT_DELETED || half_made(r, f) ? 0 : f->dst;
}

/* A refusal is terminal: nothing will come for this version. */
static bool may_come(const struct dr_ref *r, const struct dr_fact *f)
{
    return r->key.n > 0 && (f->state == DR_FACT_NONE || half_made(r, f));
}

struct state {
    const struct refs_case *c;
    const struct dr_fact *orphan;
    size_t orphaned;
    bool wait, stands; /* on a record: its other targetables do not matter */
    const struct dr_ref *reject, *waiting, *nowhere;
};

static uint64_t orphan_id(const struct state *s)
{
    return s->c->orphan_dst ? s->c->orphan_dst : s->orphan->dst;
}

static bool is_target(const struct dr_ref *r)
{
    return dr_str_starts(r->field, DR_STR_LIT("targetable:"));
}

static void wait_for(struct state *s, const struct dr_ref *r)
{
    s->wait = true;
    s->waiting = r;
}

static void missed(struct state *s, const struct dr_ref *r)
{
    if (r->on_miss != DR_MISS_REJECT) {
        return;
    }
    if (is_target(r) && !s->nowhere) {
        s->nowhere = r; /* unless another one is there */
    } else if (!is_target(r) && !s->reject) {
        s->reject = r;
    }
}

static uint64_t one(struct state *s, const struct dr_ref *r,
                    const struct dr_fact *f, bool lead)
{
    uint64_t id = lead && !dr_ref_takes_lead(r) ? 0 : id_of(r, f);

    if (id) {
        s->stands |= is_target(r);
        return id;
    }
    if (may_come(r, f) && s->c->may_wait) {
        wait_for(s, r);
        return 0;
    }
    missed(s, r);
    return 0;
}

/* Of several companies none is there: that is as if there were none. */
static void orphan(struct state *s, size_t at, uint64_t *ref)
{
    const struct dr_load *load = s->c->load;
    const struct dr_ref *r = &load->refs[at];

    for (size_t i = 0; i < load->ref_count; i++) {
        if (ref[i] && dr_str_eq(load->refs[i].field, r->field)) {
            return;
        }
    }
    ref[at] = orphan_id(s);
    s->orphaned += ref[at] != 0;
    if (!ref[at] && s->orphan->state == DR_FACT_NONE && s->c->may_wait) {
        wait_for(s, r);
    } else if (!ref[at] && !s->reject) {
        s->reject = r;
    }
}

/* Returns how many lines have no product. */
static size_t lines(struct state *s, uint64_t *line)
{
    const struct dr_load *load = s->c->load;
    size_t none = 0;

    for (size_t i = 0; i < load->line_count; i++) {
        const struct dr_ref *p = &load->lines[i].product;
        const struct dr_fact *f = &s->c->facts[load->ref_count + i];
        line[i] = id_of(p, f);
        none += line[i] == 0;
        if (!line[i] && may_come(p, f) && s->c->may_wait) {
            wait_for(s, p);
        }
    }
    return none;
}

static enum refs_verdict verdict_of(struct state *s,
                                    const struct dr_ref **which)
{
    if (!s->reject && !s->stands) {
        s->reject = s->nowhere;
    }
    *which = s->wait ? s->waiting : s->reject;
    return s->wait ? REFS_WAIT : s->reject ? REFS_REJECT : REFS_OK;
}

int refs_resolve(const struct refs_case *c, struct dr_arena *a,
                 struct links *out, enum refs_verdict *verdict,
                 const struct dr_ref **which)
{
    const struct dr_load *load = c->load;
    uint64_t *ref = dr_arena_calloc(a, load->ref_count + 1, sizeof(*ref));
    uint64_t *line = dr_arena_calloc(a, load->line_count + 1, sizeof(*line));
    bool *lead = dr_arena_calloc(a, load->ref_count + 1, sizeof(*lead));
    struct state s = {.c = c, .orphan = &c->facts[refs_count(load) - 1]};

    if (!ref || !line || !lead) {
        return -1;
    }
    for (size_t i = 0; i < load->ref_count; i++) {
        const struct dr_ref *r = &load->refs[i];
        lead[i] = r->key.n > 0 && strcmp(c->facts[i].type, "leads") == 0;
        if (!(is_target(r) && s.stands)) {
            ref[i] = one(&s, r, &c->facts[i], lead[i]);
        }
    }
    for (size_t i = 0; i < load->ref_count; i++) {
        if (load->refs[i].on_miss == DR_MISS_ORPHAN && !s.wait) {
            orphan(&s, i, ref);
        }
    }
    *out = (struct links){.ref = ref,
                          .line = line,
                          .lead = lead,
                          .orphan = orphan_id(&s),
                          .orphaned = s.orphaned};
    out->missing =
        dr_links_settle(load, ref, lead) + s.orphaned + lines(&s, line);
    *verdict = verdict_of(&s, which);
    return 0;
}

size_t refs_target(const struct dr_load *load, const struct links *links)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        if (links->ref[i] && is_target(&load->refs[i])) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* Its removal may have been let through already; its id is known then, too. */
static bool stood_at(const struct refs_case *c, size_t at, struct dr_str path)
{
    const struct dr_ref *r = &c->load->refs[at];
    struct dr_buf of;
    bool same;

    dr_buf_init(&of, 128);
    body_target_path(body_target(r, false), c->facts[at].dst, &of);
    same = dr_ref_is_merged(r) && dr_str_eq(dr_buf_view(&of), path);
    dr_buf_done(&of);
    return same;
}

bool refs_left_by_merge(const struct refs_case *c, const struct links *links,
                        struct dr_str path)
{
    size_t at = refs_target(c->load, links);

    if (at == SIZE_MAX || dr_ref_is_merged(&c->load->refs[at])) {
        return false;
    }
    for (size_t i = at + 1; i < c->load->ref_count; i++) {
        if (stood_at(c, i, path)) {
            return true;
        }
    }
    return false;
}
