#include "judge.h"

#include <string.h>

#include <drover/ledger/ledger.h>

static const struct dr_str none = {"", 0};

static struct record_row row_of(const struct judge_case *c)
{
    return (struct record_row){.object = c->rec->object,
                               .id = c->rec->id,
                               .src_object = c->rec->object,
                               .src_id = c->rec->id,
                               .has_version = c->rec->has_version,
                               .version = c->rec->version,
                               .rev = c->rec->rev};
}

static bool is_lines(const struct judge_case *c)
{
    return dr_str_eqz(c->rec->object, "line_item");
}

/* The same end for a record, or for every line of a set. */
static void tell_all(const struct judge_case *c, struct record_row row,
                     const struct judge_sink *sink)
{
    if (!is_lines(c)) {
        sink->record(sink->ctx, &row);
        return;
    }
    for (size_t i = 0; i < c->rec->part_count; i++) {
        row.id = c->rec->parts[i].id;
        row.has_version = true;
        row.version = c->rec->parts[i].version;
        sink->record(sink->ctx, &row);
    }
}

/* ---- the states without a target ---- */

/* What goes into the recycle bin is still there to be named. */
static bool binned(struct dr_str type)
{
    static const char *const types[] = {"contacts", "leads", "sales_accounts",
                                        "deals", "products"};

    for (size_t i = 0; i < DR_ARRAY_LEN(types); i++) {
        if (dr_str_eqz(type, types[i])) {
            return true;
        }
    }
    return false;
}

/* What became of the target's record after the source's was gone. */
static void tell_removal(const struct judge_case *c, struct record_row *row)
{
    const struct fact_row *f = &c->gone_fact;
    bool stands = f->deleted == FACT_STANDS || f->deleted == FACT_KEPT;

    if (stands || (f->deleted == FACT_DELETED && binned(f->type))) {
        row->lane = f->lane;
        row->type = f->type;
        row->target = f->dst;
    }
    if (f->deleted == FACT_DELETED) {
        row->rule = DR_STR_LIT("removal");
        row->reason = DR_STR_LIT("gone at the source, and by decision in "
                                 "Freshsales");
    } else if (f->deleted == FACT_LOST && !c->removal_open) {
        row->rule = DR_STR_LIT("removal");
        row->reason = DR_STR_LIT("gone at the source, and deleted in "
                                 "Freshsales by somebody before");
    } else if (f->deleted == FACT_GONE) {
        row->rule = DR_STR_LIT("removal");
        row->reason = DR_STR_LIT("gone at the source, and gone in Freshsales "
                                 "before we could delete it");
    } else if (f->deleted == FACT_KEPT) {
        row->rule = DR_STR_LIT("removal");
        row->reason = f->refused && f->reason.n > 0
                          ? f->reason
                          : DR_STR_LIT("gone at the source; kept in "
                                       "Freshsales: somebody changed it "
                                       "there");
    } else if (f->refused && f->rev >= c->rec->rev) {
        row->rule = f->class;
        row->reason = f->reason;
    } else if (c->removal_open) {
        row->state = NULL; /* on its way */
    }
}

struct dr_str judge_gone(const struct dr_source *rec, struct dr_arena *a)
{
    switch (rec->op) {
    case DR_SRC_MERGE:
        return dr_arena_printf(
            a, "merged into " DR_STR_FMT " " DR_STR_FMT " at the source",
            DR_STR_ARG(rec->object), DR_STR_ARG(rec->merged_into));
    case DR_SRC_HIDDEN:
        return DR_STR_LIT("no longer visible at the source");
    case DR_SRC_UPSERT:
    case DR_SRC_DELETE:
    case DR_SRC_INDEX:
        break;
    }
    return DR_STR_LIT("deleted at the source");
}

static void tell_gone(const struct judge_case *c, struct dr_arena *a,
                      const struct judge_sink *sink)
{
    struct record_row row = row_of(c);

    row.state = "deleted";
    row.rule = DR_STR_LIT("source.gone");
    row.reason = judge_gone(c->rec, a);
    if (c->gone_has_fact && dr_str_eqz(c->gone_fact.lane, "link")) {
        row.rule = DR_STR_LIT("custom_object.fields");
        row.reason = DR_STR_LIT("gone at the source; its values stay in "
                                "fields of the record that it hung on: clear "
                                "them there by hand");
    } else if (c->gone_has_fact && c->gone_fact.dst) {
        tell_removal(c, &row);
    }
    tell_all(c, row, sink);
}

static const char *state_of(enum dr_out_state s)
{
    switch (s) {
    case DR_OUT_EXCLUDED:
        return "excluded";
    case DR_OUT_PARKED:
        return "parked";
    case DR_OUT_REJECTED:
        return "rejected";
    case DR_OUT_GONE:
        return "deleted";
    case DR_OUT_WAITING:
        return "waiting";
    case DR_OUT_LOAD:
        break;
    }
    return NULL;
}

/* ---- records ---- */

/* Written as the plan wants it now, if perhaps without some of its links. */
static bool same_content(const struct judge_load *l, const struct dr_load *load)
{
    return dr_content_of(l->fact.content_hash, load->content_hash, NULL) !=
           DR_CONTENT_OTHER;
}

bool judge_needs_no_end(const struct judge_load *l, const struct dr_load *load)
{
    return dr_links_only_end(load) && (!l->has_fact || l->fact.dst == 0);
}

bool judge_orphaned(const struct judge_load *l, const struct dr_load *load,
                    size_t at)
{
    bool some = load->refs[at].on_miss != DR_MISS_ORPHAN;

    for (size_t i = 0; i < load->ref_count && !some; i++) {
        some =
            l->refs[i] && dr_str_eq(load->refs[i].field, load->refs[at].field);
    }
    return !some;
}

/* Deleted by decision, or found gone then. */
static bool is_gone(const struct fact_row *f)
{
    return f->deleted == FACT_DELETED || f->deleted == FACT_GONE;
}

/* What the ledger says of this very content: done, refused or not yet. */
enum word { WORD_WAIT, WORD_DONE, WORD_REFUSED };

static enum word word_of(const struct judge_load *l, const struct dr_load *load)
{
    if (judge_needs_no_end(l, load)) {
        return WORD_DONE;
    }
    if (!l->has_fact) {
        return WORD_WAIT;
    }
    if (l->fact.refused) {
        return same_content(l, load) || l->fact.rev >= load->rev ? WORD_REFUSED
                                                                 : WORD_WAIT;
    }
    return same_content(l, load) ? WORD_DONE : WORD_WAIT;
}

static void notes(const struct judge_case *c, const struct judge_sink *sink)
{
    for (size_t i = 0; i < c->out->note_count; i++) {
        const struct dr_note *n = &c->out->notes[i];
        struct judged_field f = {.id = n->id.n ? n->id : c->rec->id,
                                 .field = n->field,
                                 .rule = n->rule,
                                 .source = n->source,
                                 .expected = n->target,
                                 .actual = n->target,
                                 .cause = n->cause,
                                 .verdict = JUDGED_INTENDED};
        sink->field(sink->ctx, &f);
    }
}

/* The record stands in the target in an older version: the newest one did not
 * get through. */
static void tell_older(const struct judge_case *c, struct dr_str why,
                       enum judged verdict, struct record_row *row,
                       const struct judge_sink *sink)
{
    struct judged_field f = {.id = c->rec->id,
                             .field = DR_STR_LIT("*"),
                             .source = DR_STR_LIT("newest version"),
                             .expected = DR_STR_LIT("newest version"),
                             .actual = DR_STR_LIT("an older version"),
                             .cause = why,
                             .verdict = verdict};

    sink->field(sink->ctx, &f);
    row->reason = why;
}

/* It stood in the target until somebody deleted it there. */
static void tell_lost(const struct judge_case *c, struct dr_str lane,
                      struct record_row *row, const struct judge_sink *sink)
{
    struct judged_field f = {
        .id = row->id,
        .field = DR_STR_LIT("*"),
        .source = DR_STR_LIT("newest version"),
        .expected = DR_STR_LIT("newest version"),
        .actual = DR_STR_LIT("deleted there"),
        .cause = is_lines(c) ? DR_STR_LIT("somebody deleted its deal in "
                                          "Freshsales")
                 : c->out->loads[0].op == DR_LOAD_PATCH
                     ? DR_STR_LIT("somebody deleted the record whose fields it "
                                  "became in Freshsales")
                     : DR_STR_LIT("somebody deleted it in Freshsales"),
        .verdict = JUDGED_INTENDED};

    row->state = "rejected";
    row->lane = lane;
    row->rule = DR_STR_LIT("gone");
    row->reason = f.cause;
    sink->field(sink->ctx, &f);
}

/* Something else that it became. */
static void tell_part_lost(const struct judge_case *c,
                           const struct dr_load *load, struct dr_arena *a,
                           const struct judge_sink *sink)
{
    struct judged_field f = {
        .id = c->rec->id,
        .field = load->type,
        .cause = dr_arena_printf(a,
                                 "somebody deleted in Freshsales what of it "
                                 "was among the " DR_STR_FMT,
                                 DR_STR_ARG(load->type)),
        .verdict = JUDGED_INTENDED};

    sink->field(sink->ctx, &f);
}

static void set_target(struct record_row *row, const struct fact_row *f)
{
    bool merged = f->origin == DR_DONE_MERGED;

    row->state = merged ? "merged" : "landed";
    row->lane = f->lane;
    row->type = f->type;
    row->target = f->dst;
    if (merged) {
        row->rule = DR_STR_LIT("merge");
        row->reason = DR_STR_LIT("the same e-mail address or account name as "
                                 "the record that was there before");
    }
}

/* A record that became fields of another one: that one's line has landed. */
static void set_folded(const struct judge_case *c, struct record_row *row)
{
    row->state = "merged";
    row->rule = DR_STR_LIT("custom_object.fields");
    row->reason = DR_STR_LIT("its values are fields of the record that it "
                             "hangs on");
    row->target = c->loads[0].dst;
    row->type = c->out->loads[0].type;
}

/* The record whose fields it became is deleted, and they with it. */
static bool went_along(const struct judge_case *c, struct record_row *row)
{
    const struct dr_load *load = &c->out->loads[0];
    const struct judge_load *l = &c->loads[0];
    bool gone = false, lost = false;

    for (size_t i = 0; load->op == DR_LOAD_PATCH && i < load->ref_count; i++) {
        if (dr_str_eqz(load->refs[i].field, "@record")) {
            gone |= l->gone && l->gone[i] && l->dst == 0;
            lost |= l->lost && l->lost[i];
        }
    }
    if (gone || lost) {
        row->state = "rejected";
        row->rule = DR_STR_LIT("custom_object.parent_gone");
        row->reason = lost ? DR_STR_LIT("somebody deleted the record whose "
                                        "fields it became in Freshsales")
                           : DR_STR_LIT("the record whose fields it became is "
                                        "gone at the source, and by decision "
                                        "in Freshsales");
    }
    return gone || lost;
}

static void judge_plain(const struct judge_case *c, struct dr_arena *a,
                        const struct judge_sink *sink)
{
    const struct judge_load *l = &c->loads[0];
    struct record_row row = row_of(c);
    bool waits = false;

    for (size_t i = 0; i < c->out->load_count; i++) {
        waits |= word_of(&c->loads[i], &c->out->loads[i]) == WORD_WAIT;
    }
    if (waits) {
        sink->record(sink->ctx, &row);
        return;
    }
    if (c->lost) {
        tell_lost(c, l->fact.lane, &row, sink);
        sink->record(sink->ctx, &row);
        return;
    }
    if (word_of(l, &c->out->loads[0]) == WORD_REFUSED &&
        (l->fact.dst == 0 || is_gone(&l->fact))) {
        row.state = "rejected";
        row.lane = l->fact.lane;
        row.rule = l->fact.class;
        row.reason = l->fact.reason;
        sink->record(sink->ctx, &row);
        return;
    }
    if (went_along(c, &row)) {
        sink->record(sink->ctx, &row);
        return;
    }
    set_target(&row, &l->fact);
    if (c->out->loads[0].op == DR_LOAD_PATCH) {
        set_folded(c, &row);
    }
    notes(c, sink);
    if (l->fact.refused) {
        tell_older(c, l->fact.reason, JUDGED_LOSS, &row, sink);
    } else {
        for (size_t i = 0; i < c->out->load_count; i++) {
            const struct judge_load *k = &c->loads[i];
            if (judge_needs_no_end(k, &c->out->loads[i])) {
                continue;
            }
            if (k->fact.deleted == FACT_LOST && k->fact.dst) {
                tell_part_lost(c, &c->out->loads[i], a, sink);
                continue;
            }
            verify_load(c, i, k->fact.refused ? k->fact.reason : none, a, sink);
        }
    }
    sink->record(sink->ctx, &row);
}

/* ---- line items ---- */

static const struct dr_rejected *rejected_part(const struct judge_case *c,
                                               struct dr_str id)
{
    for (size_t i = 0; i < c->out->part_reject_count; i++) {
        if (dr_str_eq(c->out->part_rejects[i].part_id, id)) {
            return &c->out->part_rejects[i];
        }
    }
    return NULL;
}

static const struct dr_line *line_of(const struct dr_load *load,
                                     struct dr_str id, size_t *at)
{
    for (size_t i = 0; i < load->line_count; i++) {
        if (dr_str_eq(load->lines[i].id, id)) {
            *at = i;
            return &load->lines[i];
        }
    }
    return NULL;
}

/* The deal may still hold the lines that were taken out of its set. */
static bool being_emptied(const struct judge_case *c,
                          const struct dr_load *load)
{
    return load && load->line_count == 0 && !c->deal_deleted &&
           word_of(&c->loads[0], load) == WORD_WAIT;
}

/* The deal holds of this set what it can, be it no line at all. */
static bool was_written(const struct judge_case *c, const struct dr_load *load)
{
    return load && !c->deal_deleted && !c->lost &&
           !judge_needs_no_end(&c->loads[0], load) &&
           word_of(&c->loads[0], load) == WORD_DONE;
}

/* The newest set was refused, so the deal goes on holding the one of before. */
static bool holds_older(const struct judge_case *c, const struct dr_load *load)
{
    const struct fact_row *f = &c->loads[0].fact;

    return load && c->loads[0].has_fact && f->refused && f->dst &&
           f->deleted == 0 && !c->lost && !c->deal_deleted &&
           word_of(&c->loads[0], load) == WORD_REFUSED;
}

/* Or it holds the newest, and what was refused is the call after it, that
 * writes again the amount which they overwrote. */
static bool holds_newest(const struct judge_case *c, const struct dr_load *load,
                         struct dr_arena *a)
{
    return holds_older(c, load) && verify_lines_stand(load, &c->loads[0], a);
}

static void tell_amount(const struct judge_case *c,
                        const struct judge_sink *sink)
{
    struct judged_field f = {.id = c->rec->id,
                             .field = DR_STR_LIT("amount"),
                             .source = DR_STR_LIT("that of the deal"),
                             .expected = DR_STR_LIT("that of the deal"),
                             .actual = DR_STR_LIT("what its lines make"),
                             .cause = c->loads[0].fact.reason,
                             .verdict = JUDGED_LOSS};

    sink->field(sink->ctx, &f);
}

static void judge_line(const struct judge_case *c, const struct dr_load *load,
                       bool stands, struct record_row *row,
                       const struct judge_sink *sink)
{
    const struct judge_load *l = &c->loads[0];
    const struct dr_rejected *r = rejected_part(c, row->id);
    size_t at = 0;

    if (r && being_emptied(c, load)) {
        return;
    }
    if (r) {
        row->state = "rejected";
        row->rule = r->rule;
        row->reason = r->reason;
        return;
    }
    if (!load || !line_of(load, row->id, &at)) {
        return;
    }
    if (c->deal_deleted) {
        row->state = "rejected";
        row->rule = DR_STR_LIT("line_item.deal_gone");
        row->reason = DR_STR_LIT("its deal is gone at the source, and by "
                                 "decision in Freshsales");
        return;
    }
    if (c->lost && word_of(l, load) != WORD_WAIT) {
        tell_lost(c, l->fact.lane, row, sink);
        return;
    }
    switch (stands ? WORD_DONE : word_of(l, load)) {
    case WORD_WAIT:
        return;
    case WORD_REFUSED:
        row->state = "rejected";
        row->lane = l->fact.lane;
        row->rule = l->fact.class;
        row->reason = l->fact.reason;
        return;
    case WORD_DONE:
        break;
    }
    if (!l->lines[at]) {
        row->state = "rejected";
        row->rule = DR_STR_LIT("line_item.product_id");
        row->reason =
            DR_STR_LIT("the product of this line is not in the target");
        return;
    }
    row->state = "landed";
    row->lane = l->fact.lane;
    row->type = l->fact.type;
    row->target = l->dst;
}

static void judge_lines(const struct judge_case *c, struct dr_arena *a,
                        const struct judge_sink *sink)
{
    const struct dr_load *load =
        c->out->load_count > 0 ? &c->out->loads[0] : NULL;
    bool stands = holds_newest(c, load, a);

    for (size_t i = 0; i < c->rec->part_count; i++) {
        struct record_row row = row_of(c);
        row.id = c->rec->parts[i].id;
        row.has_version = true;
        row.version = c->rec->parts[i].version;
        judge_line(c, load, stands, &row, sink);
        sink->record(sink->ctx, &row);
    }
    if (stands) {
        tell_amount(c, sink);
    } else if (holds_older(c, load)) {
        struct record_row set = row_of(c);
        tell_older(c, c->loads[0].fact.reason, JUDGED_LOSS, &set, sink);
    }
    if (stands || was_written(c, load)) {
        notes(c, sink);
        verify_load(c, 0, none, a, sink);
    }
}

/* ---- all ---- */

/* The plan leaves it out, and an earlier one or an earlier version was written:
 * what stands there of it is nobody's mistake, and must be known. */
static void tell_left_out(const struct judge_case *c, struct record_row *row,
                          const struct judge_sink *sink)
{
    const struct fact_row *f = &c->gone_fact;
    bool ours = f->origin != DR_DONE_MERGED && f->origin != DR_DONE_UPDATED &&
                !dr_str_eqz(f->lane, "link");
    struct judged_field told = {
        .id = c->rec->id,
        .field = DR_STR_LIT("*"),
        .source = DR_STR_LIT("left out"),
        .expected = DR_STR_LIT("left out"),
        .actual = DR_STR_LIT("an older version"),
        .cause = ours ? DR_STR_LIT("the plan leaves it out: what was written "
                                   "of it before stays in Freshsales until "
                                   "somebody deletes it there")
                      : DR_STR_LIT("the plan leaves it out: what was written "
                                   "of it before stays in Freshsales, in a "
                                   "record that is not of it alone"),
        .verdict = JUDGED_INTENDED};

    row->lane = f->lane;
    row->type = f->type;
    row->target = f->dst;
    sink->field(sink->ctx, &told);
}

void judge(const struct judge_case *c, struct dr_arena *a,
           const struct judge_sink *sink)
{
    const struct dr_outcome *o = c->out;
    struct record_row row = row_of(c);

    if (c->rec->op == DR_SRC_DELETE || c->rec->op == DR_SRC_MERGE ||
        c->rec->op == DR_SRC_HIDDEN) {
        tell_gone(c, a, sink);
        return;
    }
    if (!o) {
        tell_all(c, row, sink);
        return;
    }
    if (o->state == DR_OUT_LOAD && !c->in_scope_of_pass) {
        tell_all(c, row, sink);
        return;
    }
    if (o->state == DR_OUT_LOAD) {
        if (is_lines(c)) {
            judge_lines(c, a, sink);
        } else {
            judge_plain(c, a, sink);
        }
        return;
    }
    row.state = state_of(o->state);
    row.rule = o->rule;
    row.reason = o->reason;
    if (c->gone_has_fact && c->gone_fact.dst && !is_gone(&c->gone_fact) &&
        !c->lost && !is_lines(c)) {
        if (o->state == DR_OUT_EXCLUDED) {
            tell_left_out(c, &row, sink);
        } else {
            set_target(&row, &c->gone_fact);
            tell_older(c, o->reason, JUDGED_INTENDED, &row, sink);
        }
    }
    tell_all(c, row, sink);
}
