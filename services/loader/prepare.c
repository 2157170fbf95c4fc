/* From FRESH to READY: facts, references, the way, the body. One question to
 * the id map for many records. */
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#include "multipart.h"

#define GROUP 50
#define PARENTS_MS 200
#define BODY_MAX ((size_t)4 << 20)

struct one {
    struct item *it;
    const struct dr_load *load;
    size_t at; /* of its own fact among the facts */
};

struct group {
    struct one v[GROUP];
    size_t n;
    struct dr_str *lanes, *keys;
    struct dr_fact *facts;
    size_t count, cap;
};

static void want(struct group *g, struct dr_str lane, struct dr_str key)
{
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 256;
        g->lanes = dr_xrealloc(g->lanes, g->cap * sizeof(*g->lanes));
        g->keys = dr_xrealloc(g->keys, g->cap * sizeof(*g->keys));
    }
    g->lanes[g->count] = lane;
    g->keys[g->count++] = key;
}

static void want_item(struct loader *l, struct group *g, struct item *it)
{
    const struct dr_load *load = item_load(l, it);
    size_t refs = refs_count(load);
    struct dr_str *lanes = dr_xcalloc(2 * refs, sizeof(*lanes));

    g->v[g->n++] = (struct one){it, load, g->count};
    want(g, dr_str_z(it->lp->lane->name), it->key);
    refs_keys(load, lanes, lanes + refs);
    for (size_t i = 0; i < refs; i++) {
        want(g, lanes[i], lanes[refs + i]);
    }
    free(lanes);
}

static bool has_ref(const struct dr_load *load, const char *field, size_t *at)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        if (dr_str_eqz(load->refs[i].field, field)) {
            *at = i;
            return true;
        }
    }
    return false;
}

static void set_amount(struct item *it, const struct dr_load *load,
                       const struct dr_fact *facts)
{
    size_t at;

    memset(it->amount, 0, sizeof(it->amount));
    if (load->line_count > 0 || dr_str_eqz(load->lane, "deal_product")) {
        if (has_ref(load, "deal", &at)) {
            amount_prepare(it, &facts[at]);
        }
        return;
    }
    for (size_t i = 0; i < load->field_count; i++) {
        const struct dr_field *f = &load->fields[i];
        if (dr_str_eqz(f->name, "amount") && f->value.n < sizeof(it->amount) &&
            dr_str_eqz(load->type, "deals")) {
            memcpy(it->amount, f->value.p, f->value.n);
        }
    }
}

/* Not within the run that made the deal, a moment before. A later pass may
 * have written it too, and have left what a person changed meanwhile. */
static bool set_is_late(const struct item *it, const struct dr_load *load,
                        const struct dr_fact *facts)
{
    size_t at;

    return amount_of_set(it) &&
           (it->tail || it->fact.state != DR_FACT_NONE ||
            !has_ref(load, "deal", &at) || facts[at].made != it->pass);
}

static uint64_t self_of(const struct dr_load *load, const struct links *links)
{
    size_t at;

    if (has_ref(load, "self", &at) || has_ref(load, "deal", &at) ||
        has_ref(load, "@record", &at)) {
        return links->ref[at];
    }
    return 0;
}

static void file_head(const struct dr_load *load, const struct links *links,
                      struct dr_buf *out)
{
    uint8_t random[BOUNDARY / 2];
    char boundary[BOUNDARY + 1];

    dr_random(random, sizeof(random));
    dr_hex(random, sizeof(random), boundary);
    multipart_head(load, links, boundary, out);
}

static void build(struct item *it, const struct dr_load *load,
                  const struct links *links)
{
    bool cut = it->other && load->op == DR_LOAD_PATCH;
    struct body_opts o = {.ended_links = cut ? 1u << LINKED_PARENT : 0};
    struct dr_buf b;

    dr_buf_init(&b, BODY_MAX);
    switch (it->route.way) {
    case WAY_BULK_CREATE:
        body_bulk(load, links, 0, NULL, &b);
        break;
    case WAY_BULK_ID:
        body_bulk(load, links, it->route.dst, &o, &b);
        break;
    case WAY_CREATE:
        if (it->type->shape == SHAPE_FILE) {
            file_head(load, links, &b);
        } else {
            body_single(it->type, load, links, NULL, &b);
        }
        break;
    case WAY_LINES:
        body_lines(load, links, dr_str_z(it->amount), &b);
        break;
    case WAY_CONVERT:
        conversion_body(&b);
        break;
    case WAY_DELETE:
    case WAY_FOLD:
    case WAY_UPDATE: /* after the record before it was read */
    case WAY_SKIP:
        break;
    }
    DR_ASSERT(!b.over);
    if (b.n > 0) {
        item_body(it, &b);
    }
    dr_buf_done(&b);
}

static void ready(struct item *it)
{
    struct lane *lane = it->lp->lane;
    struct list *to = &lane->single;

    if (it->route.way == WAY_BULK_CREATE) {
        to = &lane->create;
    } else if (it->route.way == WAY_BULK_ID) {
        to = &lane->by_id;
    } else if (it->route.way == WAY_UPDATE && lane->type == it->type &&
               lane->type && !it->route.merge && !it->alone) {
        to = &lane->updates; /* many of them go in bulk */
    }
    item_move(it, to, ITEM_READY);
}

/* An attempt that nobody has heard the end of: settled first (5 step 3). */
static void recovered(struct loader *l, struct item *it,
                      const struct dr_attempt *a)
{
    bool outdated = load_outdated(l, item_load(l, it));

    it->attempt = a->attempt;
    it->epoch = a->epoch;
    memcpy(it->nonce, a->nonce, sizeof(it->nonce));
    it->route.op = a->op;
    it->route.step = a->step;
    it->route.dst = a->dst ? a->dst : it->route.dst;
    it->unread = true;
    it->foreign = outdated || !attempt_is_of(a, it->rev, it->pass);
    if (a->step == STEP_OTHER && attempt_is_of(a, it->rev, it->pass)) {
        taken_is(it);
        it->alone = true;
    }
    place_attempted(it, a);
    it->content = it->foreign || a->op == DR_EFFECT_UPDATE;
    it->since_ms =
        it->sent_ms > it->lp->recovered_ms ? it->sent_ms : it->lp->recovered_ms;
    it->since_ms += a->bulk ? it->lp->lane->job_ms : 0; /* 7.5 */
    it->look_ms = it->since_ms + l->quarantine_ms;
    if (settle_at_once(l, it)) {
        it->look_ms = l->now_ms;
    }
    item_move(it, &it->lp->lane->waiting, ITEM_UNSETTLED);
    it->lp->lane->walk_again = true;
}

static bool is_lead(const struct dr_load *load, const struct links *links,
                    const struct dr_ref *r)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        if (r == &load->refs[i]) {
            return links->lead[i];
        }
    }
    return false;
}

static void refuse_parent(struct loader *l, struct item *it,
                          const struct dr_ref *which, bool lead)
{
    struct dr_str id = which->key, object = dr_str_split(&id, ':');
    struct dr_buf b;

    it->attempt = 0;
    dr_buf_init(&b, 1024);
    dr_buf_z(&b, "the ");
    dr_buf_str(&b, object);
    dr_buf_ch(&b, ' ');
    dr_buf_str(&b, id);
    dr_buf_z(&b, lead ? " that it belongs to is a lead in the target, which "
                        "takes none of its kind"
                      : " that it belongs to is not in the target");
    item_refuse(
        l, it, "parent_missing", 0,
        "cure the record it belongs to (`drover find` tells what became "
        "of it), then redrive",
        true, dr_buf_view(&b));
    dr_buf_done(&b);
}

static bool lines_left(struct loader *l, struct item *it,
                       const struct dr_load *load, const struct links *links)
{
    size_t left = 0;

    for (size_t i = 0; i < load->line_count; i++) {
        left += links->line[i] != 0;
        if (!links->line[i] && !it->told) {
            line_refuse(l, it, load, i);
        }
    }
    it->told = true;
    return left > 0 || load->line_count == 0;
}

static void wait_parent(struct loader *l, struct item *it)
{
    if (it->since_ms == 0) {
        it->since_ms = l->now_ms;
    }
    item_move(it, &it->lp->lane->parents, ITEM_PARENT);
}

/* A record that others wait for may wait itself, for one that never comes:
 * each lane waits longer than those that it refers to. */
static int64_t patience_ms(const struct item *it, int64_t unit_ms)
{
    static const struct {
        const char *lane;
        int depth;
    } depths[] = {{"contact", 1},  {"link", 3}, {"deal", 2},
                  {"custom", 3},   {"note", 4}, {"deal_product", 3},
                  {"activity", 3}, {"file", 4}};

    for (size_t i = 0; i < DR_ARRAY_LEN(depths); i++) {
        if (strcmp(it->lp->lane->name, depths[i].lane) == 0) {
            return depths[i].depth * unit_ms;
        }
    }
    return unit_ms;
}

static bool may_wait(const struct loader *l, const struct item *it)
{
    return it->tail && !it->waited &&
           (it->since_ms == 0 ||
            l->now_ms - it->since_ms < patience_ms(it, l->parent_wait_ms));
}

/* What stands there is read before it is written once more; nothing tells
 * whether a create was followed, or what lines made of an amount. */
static bool is_unknown(const struct item *it)
{
    switch (it->route.way) {
    case WAY_UPDATE:
    case WAY_BULK_ID:
    case WAY_FOLD:
    case WAY_DELETE:
        return false;
    default:
        return it->fact.state == DR_FACT_REFUSED && it->fact.unknown;
    }
}

static void refused_before(struct loader *l, struct item *it)
{
    it->attempt = 0;
    item_refuse(l, it, "outcome_unknown", 0,
                "look in the target whether it is there; if not, create it "
                "by hand",
                false,
                DR_STR_LIT("an earlier request had no answer and the target "
                           "has no search for this kind"));
}

static void refuse_fixed(struct loader *l, struct item *it)
{
    item_refuse(l, it, "unchangeable", 0,
                "the target changes no file and no link once it is there: "
                "delete it there and add the new one by hand, or leave it",
                false,
                DR_STR_LIT("it changed in the source after it was loaded"));
}

/* Asked all the same, the target would refuse file after file, which is also
 * how a full storage shows (references 11.1 and 18). */
static bool file_on_lead(const struct item *it, const struct dr_load *load,
                         const struct links *links)
{
    size_t at = refs_target(load, links);

    return it->type->fixed && at != SIZE_MAX && links->lead[at];
}

static void refuse_on_lead(struct loader *l, struct item *it)
{
    item_refuse(l, it, "no_target", 0,
                "redrive it once the source says that the lead has become a "
                "contact, or add it by hand to another record",
                true,
                DR_STR_LIT("it belongs to a lead, and the target takes files "
                           "and links on contacts, accounts, deals and "
                           "products alone"));
}

/* What the target never changes is not sent again for a better link. Nor is
 * what landed whole when the record at the other end is removed, which takes
 * the link along; but whose company was is on the Unassigned Account then. */
static size_t missing_now(const struct item *it, const struct dr_load *load,
                          const struct links *links)
{
    struct dr_str done = {(const char *)it->fact.content_hash,
                          sizeof(it->fact.content_hash)};
    size_t missing;

    if (!it->type || it->fact.state != DR_FACT_DONE ||
        dr_content_of(done, load->content_hash, &missing) == DR_CONTENT_OTHER) {
        return links->missing;
    }
    return it->type->fixed || (missing == 0 && links->orphaned == 0)
               ? missing
               : links->missing;
}

/* The target moves no file. */
static bool is_left(const struct item *it, const struct refs_case *refs,
                    const struct links *links)
{
    return it->type && it->type->fixed &&
           refs_left_by_merge(refs, links, dr_str_z(it->fact.place));
}

/* It stands in its other form, and what it has of links. Its own is asked for
 * once, before the cut-over: each time costs five calls. */
static bool waits_in_other(const struct loader *l, const struct item *it,
                           const struct dr_load *load)
{
    struct dr_str done = {(const char *)it->fact.content_hash,
                          sizeof(it->fact.content_hash)};
    size_t missing;

    return !l->freezing && it->fact.state == DR_FACT_DONE &&
           dr_content_is_other_form(done, load->content_hash) &&
           dr_content_of(done, load->content_hash, &missing) !=
               DR_CONTENT_OTHER &&
           missing == it->missing;
}

/* It landed so, and nothing that it could hang on is there any more: whoever
 * removed that took the link along, and a later pass refuses nothing. */
static bool hangs_on_nothing(const struct item *it, const struct dr_load *load,
                             enum refs_verdict verdict)
{
    struct dr_str done = {(const char *)it->fact.content_hash,
                          sizeof(it->fact.content_hash)};

    return verdict == REFS_REJECT && load->ref_count > 0 &&
           body_target(&load->refs[0], false).n > 0 &&
           it->fact.state == DR_FACT_DONE &&
           dr_content_of(done, load->content_hash, NULL) != DR_CONTENT_OTHER;
}

/* An open attempt comes first: no fact says what stands there. It is settled
 * by the record that it was for, be that outdated or not here yet; else by
 * what comes now. */
static bool needs_nothing(const struct loader *l, const struct item *it,
                          const struct dr_attempt *a,
                          const struct dr_load *load, bool left,
                          enum refs_verdict verdict)
{
    if (a) {
        return !attempt_is_of(a, it->rev, it->pass) &&
               (load_outdated(l, load) || attempt_is_newer(a, it));
    }
    return load_outdated(l, load) ||
           (!left && (fact_covers(&it->fact, load, it->missing) ||
                      waits_in_other(l, it, load) ||
                      hangs_on_nothing(it, load, verdict)));
}

/* Before its references are looked at: the two forms may differ in them. */
static void choose_form(struct loader *l, struct one *o)
{
    if (!o->it->other && taken_begins(o->it, o->load)) {
        taken_is(o->it);
        o->load = item_load(l, o->it);
    }
}

/* So that whoever finds it after a kill knows what it was. */
static void mark_form(struct item *it, const struct dr_load *load)
{
    if (it->other &&
        (it->route.way == WAY_CREATE || it->route.way == WAY_UPDATE ||
         load->op == DR_LOAD_PATCH)) {
        it->route.step = STEP_OTHER;
    }
}

/* Those of the place that an attempt was for: only one of them can be the one
 * that is found there. */
static void set_alike(struct loader *l, struct item *it,
                      const struct dr_load *load, const struct links *links,
                      const struct dr_attempt *a)
{
    char place[PLACE_TEXT];
    uint64_t alike;

    if (!it->type || it->type->ident != IDENT_CONTENT) {
        return;
    }
    place_wanted(load, links, place);
    alike = turn_alike(load, a && a->place[0] ? a->place : place);
    if (it->locked && alike != it->alike) {
        turn_leave(l, it);
    }
    it->alike = alike;
}

static void decide(struct loader *l, struct one *o, const struct dr_fact *facts)
{
    struct item *it = o->it;
    const struct dr_attempt *a = dr_fold_unsettled(it->lp->own.fold, it->key);
    struct route_case rc = {.fact = &facts[0],
                            .alone = it->alone || it->lp->lane->single_creates,
                            .open = a != NULL};
    struct refs_case refs = {.facts = facts + 1,
                             .orphan_dst = l->orphan_dst,
                             .may_wait = may_wait(l, it)};
    enum refs_verdict verdict;
    const struct dr_ref *which;
    struct links links;

    it->fact = facts[0];
    choose_form(l, o);
    refs.load = rc.load = o->load;
    if (o->load->op == DR_LOAD_DELETE && it->fact.type[0]) {
        struct dr_str type = dr_str_z(it->fact.type);
        it->type = strcmp(it->lp->lane->name, "custom") == 0 ? type_module(type)
                                                             : type_of(type);
    }
    if (refs_resolve(&refs, l->scratch, &links, &verdict, &which)) {
        dr_die(DR_EXIT_INVARIANT, "prepare", "the arena is used up");
    }
    set_alike(l, it, o->load, &links, a);
    it->missing = rc.missing = missing_now(it, o->load, &links);
    rc.left = is_left(it, &refs, &links);
    if (needs_nothing(l, it, a, o->load, rc.left, verdict)) {
        item_settled(it);
        return;
    }
    rc.self_dst = self_of(o->load, &links);
    rc.late = set_is_late(it, o->load, facts + 1);
    route_of(&rc, &it->route);
    mark_form(it, o->load);
    set_amount(it, o->load, facts + 1);
    place_set(it, o->load, &links);
    if (a) {
        recovered(l, it, a);
        return;
    }
    it->attempt = 0;
    it->waited |= it->since_ms != 0 && !refs.may_wait; /* once is enough */
    if (it->route.way == WAY_SKIP) {
        item_settled(it); /* a removal of what is not there */
    } else if (it->route.way == WAY_DELETE && !removal_may_begin(l, it)) {
        return;
    } else if (hidden_stands(it, o->load)) {
        hidden_refuse(l, it, o->load);
    } else if (conversion_back(&it->fact, o->load)) {
        conversion_refuse_back(l, it);
    } else if (verdict == REFS_WAIT) {
        wait_parent(l, it);
    } else if (verdict == REFS_REJECT) {
        refuse_parent(l, it, which, is_lead(o->load, &links, which));
    } else if (is_unknown(it)) {
        refused_before(l, it);
    } else if (it->type->fixed && it->route.way == WAY_UPDATE) {
        refuse_fixed(l, it);
    } else if (file_on_lead(it, o->load, &links)) {
        refuse_on_lead(l, it);
    } else if (!lines_left(l, it, o->load, &links) && it->fact.dst == 0) {
        refuse_parent(l, it, &o->load->lines[0].product, false);
    } else {
        it->since_ms = 0;
        it->content =
            it->route.op == DR_EFFECT_UPDATE && it->route.way != WAY_CONVERT;
        build(it, o->load, &links);
        ready(it);
    }
}

static void run_group(struct loader *l, struct group *g)
{
    g->facts = dr_xrealloc(g->facts, (g->count + 1) * sizeof(*g->facts));
    if (view_facts(l, g->lanes, g->keys, g->count, g->facts) == 0) {
        for (size_t i = 0; i < g->n; i++) {
            /* The map may have gone while an item of the group was decided. */
            if (own_active(&g->v[i].it->lp->own)) {
                size_t at = g->v[i].at + 1;
                fates_mark(l, g->v[i].it, g->keys + at,
                           refs_count(g->v[i].load) - 1, g->facts + at);
                decide(l, &g->v[i], &g->facts[g->v[i].at]);
            }
        }
    }
    g->n = g->count = 0;
    dr_arena_reset(l->scratch);
}

static void prepare_lp(struct loader *l, struct group *g, struct lanepart *lp)
{
    size_t n = lp->fresh.n;
    struct item *it = lp->fresh.first;

    for (size_t i = 0; i < n && it && own_active(&lp->own); i++) {
        struct item *next = it->next;
        if (it->pass <= l->pass) {
            want_item(l, g, it);
        }
        if (g->n == GROUP || (!next && g->n > 0) || i + 1 == n) {
            run_group(l, g);
            if (!view_usable(l)) {
                return;
            }
            next = lp->fresh.first; /* the rest: those not yet decided */
            if (next && next->pass > l->pass) {
                return;
            }
        }
        it = next;
    }
}

static void look_at_parents(struct loader *l)
{
    bool waits = false;

    if (l->now_ms < l->parents_ms) {
        return;
    }
    l->parents_ms = l->now_ms + PARENTS_MS;
    for (size_t i = 0; i < LANES; i++) {
        struct list *p = &l->lanes[i].parents;
        for (size_t n = p->n; n > 0 && p->first; n--) {
            waits |= p->first->tail && p->first->since_ms > 0;
            item_move(p->first, &p->first->lp->fresh, ITEM_FRESH);
        }
    }
    if (waits) {
        fates_read(l);
    }
}

void prepare(struct loader *l)
{
    static struct group g;
    size_t n = (size_t)(LANES * l->parts);

    if (!l->working || !view_usable(l) || l->draining) {
        return;
    }
    look_at_parents(l);
    dr_arena_reset(l->scratch);
    for (size_t i = 0; i < n; i++) {
        struct lanepart *lp = &l->lps[i];
        if (lp->fresh.n > 0 && own_active(&lp->own) && lp->lane->open &&
            !lp->lane->halted) {
            prepare_lp(l, &g, lp);
            if (!view_usable(l)) {
                return;
            }
        }
    }
}

int item_links(struct loader *l, struct item *it, const struct dr_load **load,
               struct links *links)
{
    struct refs_case c = {.orphan_dst = l->orphan_dst};
    struct dr_fact *facts;
    struct dr_str *lanes;
    enum refs_verdict verdict;
    const struct dr_ref *which;
    size_t n;
    int rc;

    c.load = *load = item_load(l, it);
    n = refs_count(c.load);
    lanes = dr_xcalloc(2 * n, sizeof(*lanes));
    facts = dr_xcalloc(n, sizeof(*facts));
    refs_keys(c.load, lanes, lanes + n);
    rc = view_facts(l, lanes, lanes + n, n, facts);
    c.facts = facts;
    if (rc == 0) {
        rc = refs_resolve(&c, l->scratch, links, &verdict, &which);
    }
    free(lanes);
    free(facts);
    return rc;
}
