#include "refs.h"

#include <string.h>

#include <drover/plan/plan.h>

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

/* Something of the key stands in the target. */
static uint64_t id_of(const struct dr_ref *r, const struct dr_fact *f)
{
    if (r->key.n == 0) {
        return r->dst;
    }
    return f->state == DR_FACT_DELETED ? 0 : f->dst;
}

/* A refusal is terminal: nothing will come for this version. */
static bool may_come(const struct dr_ref *r, const struct dr_fact *f)
{
    return r->key.n > 0 && f->state == DR_FACT_NONE;
}

struct state {
    const struct refs_case *c;
    const struct dr_fact *orphan;
    bool wait;
    const struct dr_ref *reject, *waiting;
};

static uint64_t orphan_id(const struct state *s)
{
    return s->c->orphan_dst ? s->c->orphan_dst : s->orphan->dst;
}

static uint64_t one(struct state *s, const struct dr_ref *r,
                    const struct dr_fact *f, bool *via_orphan)
{
    uint64_t id = id_of(r, f);

    if (id) {
        return id;
    }
    if (may_come(r, f) && s->c->may_wait) {
        s->wait = true;
        s->waiting = r;
        return 0;
    }
    if (r->on_miss == DR_MISS_ORPHAN) {
        id = orphan_id(s);
        *via_orphan = id != 0;
        if (!id && s->orphan->state == DR_FACT_NONE && s->c->may_wait) {
            s->wait = true;
            s->waiting = r;
        }
    }
    if (!id && r->on_miss != DR_MISS_DROP && !s->reject) {
        s->reject = r;
    }
    return id;
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
    *out = (struct links){.ref = ref, .line = line, .lead = lead};
    for (size_t i = 0; i < load->ref_count; i++) {
        ref[i] = one(&s, &load->refs[i], &c->facts[i], &out->via_orphan);
        lead[i] =
            load->refs[i].key.n > 0 && strcmp(c->facts[i].type, "leads") == 0;
    }
    for (size_t i = 0; i < load->line_count; i++) {
        const struct dr_ref *p = &load->lines[i].product;
        const struct dr_fact *f = &c->facts[load->ref_count + i];
        line[i] = id_of(p, f);
        if (!line[i] && may_come(p, f) && c->may_wait) {
            s.wait = true;
            s.waiting = p;
        }
    }
    *which = s.wait ? s.waiting : s.reject;
    *verdict = s.wait ? REFS_WAIT : s.reject ? REFS_REJECT : REFS_OK;
    return 0;
}

size_t refs_missing(const struct dr_load *load, const struct links *links)
{
    size_t n = links->via_orphan ? 1 : 0;

    for (size_t i = 0; i < load->ref_count; i++) {
        n += links->ref[i] == 0;
    }
    for (size_t i = 0; i < load->line_count; i++) {
        n += links->line[i] == 0;
    }
    return n;
}

size_t refs_target(const struct dr_load *load, const struct links *links)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        if (links->ref[i] &&
            dr_str_starts(load->refs[i].field, DR_STR_LIT("targetable:"))) {
            return i;
        }
    }
    return SIZE_MAX;
}
