/* A record of a custom object: a record of a custom module, fields of the one
 * record it hangs on, or a note there. Which of them, the plan says. */
#include "plan_private.h"

#include <string.h>

const struct parent_kind parent_kinds[PARENT_KINDS] = {
    {"deal", "deals", "deal", "targetable:Deal"},
    {"contact", "contacts", "contact", "targetable:Contact"},
    {"company", "sales_accounts", "account", "targetable:SalesAccount"},
};

static struct dr_str rule_of(struct build *b, const char *name)
{
    return build_printf(b, DR_STR_FMT ".%s", DR_STR_ARG(b->rec->object), name);
}

/* "co_shipment_deal" */
static const char *pair_of(struct build *b, const struct parent_kind *k)
{
    struct dr_str pair = build_printf(b, DR_STR_FMT "_%s",
                                      DR_STR_ARG(b->rec->object), k->object);

    return pair.n > 0 ? pair.p : "";
}

static void tell_ends(struct build *b, const char *pair, struct dr_str rule,
                      const struct end *v, size_t from, size_t n,
                      const char *cause)
{
    for (size_t i = from; i < n; i++) {
        build_note(b, dr_str_z(pair), rule, v[i].id, (struct dr_str){"", 0},
                   cause);
    }
}

/* Links to what is neither deal nor contact nor company. */
static void tell_others(struct build *b, struct dr_str rule)
{
    for (size_t i = 0; i < b->rec->assoc_count; i++) {
        const struct dr_assoc *as = &b->rec->assocs[i];
        bool known = false;
        for (size_t k = 0; k < PARENT_KINDS; k++) {
            known |= dr_str_eqz(as->pair, pair_of(b, &parent_kinds[k]));
        }
        if (!known) {
            build_note(b, as->pair, rule, as->to_id, (struct dr_str){"", 0},
                       "a link to a record of this kind has no counterpart "
                       "in Freshsales");
        }
    }
}

static void text_of_rule(struct build *b, const char *special,
                         struct dr_str value)
{
    const struct rule *r = special_rule(b, special);

    if (r && value.n > 0) {
        build_field(b, r->target, r->id, DR_VAL_TEXT, value);
    }
}

/* ---- a record of a module ---- */

static void module_name(struct build *b)
{
    const struct rule *r = special_rule(b, "name");
    struct dr_str rule = r ? r->id : rule_of(b, "name");
    struct dr_str source = r ? r->source : DR_STR_LIT("id");
    const struct dr_json *j = dr_json_gets(b->props, source);
    struct dr_str s = value_text(j), name;

    if (dr_str_trim(s).n > 0) {
        name = value_cut(b, source, rule, s, TEXT_MAX);
    } else {
        name = b->rec->id;
        if (!dr_str_eqz(source, "id")) {
            build_note(b, source, rule, s, name,
                       "it has no name, and Freshsales requires one: its id "
                       "was taken");
        }
    }
    build_field(b, DR_STR_LIT("name"), rule, DR_VAL_TEXT, name);
}

static size_t module_links(struct build *b, const struct rule *r,
                           const struct parent_kind *k)
{
    struct end *ends;
    size_t n = pair_ends(b, pair_of(b, k), &ends);
    size_t taken = r->max == 1 && n > 1 ? 1 : n;

    for (size_t i = 0; i < taken; i++) {
        struct dr_ref ref = {.field = r->target,
                             .rule = r->id,
                             .lane = dr_str_z(k->lane),
                             .key = load_key(b, k->object, ends[i].id),
                             .primary = i == 0,
                             .on_miss = DR_MISS_DROP};
        build_ref(b, &ref);
    }
    if (n == 0) { /* it may have had one */
        build_field(b, r->target, r->id, DR_VAL_NULL, (struct dr_str){"", 0});
    }
    tell_ends(b, pair_of(b, k), r->id, ends, taken, n,
              "the module's field takes one record: the primary one was "
              "taken");
    return n;
}

static void all_links(struct build *b)
{
    bool could = false;
    size_t n = 0;

    for (size_t k = 0; k < PARENT_KINDS; k++) {
        const char *pair = pair_of(b, &parent_kinds[k]);
        const struct rule *r = NULL;
        for (size_t i = 0; i < b->op->n; i++) {
            const struct rule *x = &b->op->rules[i];
            if (dr_str_eqz(x->special, "link") && dr_str_eqz(x->source, pair)) {
                r = x;
            }
        }
        if (r) {
            could = true;
            n += module_links(b, r, &parent_kinds[k]);
        } else {
            struct end *ends;
            size_t all = pair_ends(b, pair, &ends);
            tell_ends(b, pair, rule_of(b, "link"), ends, 0, all,
                      "the module has no field for a link of this kind");
        }
    }
    if (could && n == 0) {
        build_note(b, DR_STR_LIT("associations"), rule_of(b, "link"),
                   (struct dr_str){"", 0}, (struct dr_str){"", 0},
                   "it hangs on no deal, contact or company in FastTrack: it "
                   "stands alone in the module");
    }
    tell_others(b, rule_of(b, "link"));
}

size_t make_module(struct build *b, struct dr_load out[LOADS_MAX])
{
    const struct rule *archived = special_rule(b, "archived");

    module_name(b);
    apply_provenance(b, true);
    if (archived) {
        build_field(b, archived->target, archived->id, DR_VAL_BOOL,
                    b->rec->archived ? DR_STR_LIT("true")
                                     : DR_STR_LIT("false"));
    }
    text_of_rule(b, "id", b->rec->id);
    all_links(b);
    build_load(b, &out[0], "custom");
    build_hash(b, &out[0]);
    return 1;
}

/* ---- fields of the parent ---- */

/* One line: where the record is from. */
static struct dr_str origin_text(struct build *b)
{
    struct dr_str created = dr_json_get_str(b->root, "created_at");
    struct dr_str changed = dr_json_get_str(b->root, "updated_at");
    struct dr_str owner = owner_of(b);

    return build_printf(b,
                        "created " DR_STR_FMT ", changed " DR_STR_FMT
                        ", author " DR_STR_FMT ", owner " DR_STR_FMT "%s",
                        DR_STR_ARG(created), DR_STR_ARG(changed),
                        DR_STR_ARG(author_of(b)), DR_STR_ARG(owner),
                        b->rec->archived ? ", archived" : "");
}

static void no_parent(struct build *b, const char *pair, const char *what)
{
    struct dr_str why =
        build_printf(b, "it hangs on no %s, and the plan makes %s", pair, what);

    build_reject(b, "no_target", DR_STR_LIT("associations"),
                 rule_of(b, "target"), why.n ? why.p : "it hangs on no record",
                 "link it in FastTrack; it is picked up by itself");
}

size_t make_fold(struct build *b, struct dr_load out[LOADS_MAX])
{
    const struct custom_plan *c = dr_map_get(b->plan->customs, b->rec->object);
    struct dr_ref ref = {.field = DR_STR_LIT("@record"),
                         .rule = rule_of(b, "target"),
                         .on_miss = DR_MISS_REJECT};

    for (size_t k = 0; k < PARENT_KINDS; k++) {
        const struct parent_kind *kind = &parent_kinds[k];
        struct end *ends;
        size_t n = pair_ends(b, pair_of(b, kind), &ends);
        bool here = c && dr_str_eqz(c->parent, kind->object);
        if (here && n == 0) {
            no_parent(b, kind->object, "fields of the record it hangs on");
        } else if (here) {
            ref.lane = dr_str_z(kind->lane);
            ref.key = load_key(b, kind->object, ends[0].id);
            build_ref(b, &ref);
        }
        tell_ends(b, pair_of(b, kind), ref.rule, ends, here, n,
                  "it became fields of one record: the link to this one is "
                  "not kept");
    }
    tell_others(b, ref.rule);
    text_of_rule(b, "origin",
                 value_cut(b, DR_STR_LIT("created_by"), rule_of(b, "origin"),
                           origin_text(b), TEXT_MAX));
    text_of_rule(b, "id", b->rec->id);
    build_load(b, &out[0], "link");
    out[0].op = DR_LOAD_PATCH;
    build_hash(b, &out[0]);
    return 1;
}

/* ---- a note on the parent ---- */

size_t make_custom_note(struct build *b, struct dr_load out[LOADS_MAX])
{
    struct text t = {.field = "description",
                     .source = DR_STR_LIT("*"),
                     .rule = rule_of(b, "text")};
    struct dr_str lines;
    struct dr_load head;

    (void)apply_target(b, true);
    apply_provenance(b, false);
    build_load(b, &head, "note");
    t.last = marker_line(b, head.marker);
    /* All of it is lines: they are the text, not what stands below one. */
    lines = build_dup(b, dr_str_trim(dr_buf_view(&b->description)));
    dr_buf_reset(&b->description);
    t.own = lines;
    t.bytes = NOTE_MAX;
    apply_text(b, &t);
    build_load(b, &out[0], "note");
    build_hash(b, &out[0]);
    return 1;
}
