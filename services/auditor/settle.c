/*
 * Judging, bound to the books: gathers what is known of a record, asks the
 * pure judge, and writes down what it says.
 */
#include "settle.h"

#include <string.h>

#include <drover/base/log.h>
#include <drover/json/json.h>
#include <drover/ledger/ledger.h>

#include "held.h"
#include "lacking.h"
#include "lost.h"

/* ---- gathering ---- */

/* Deleted by decision, or found gone then: nothing can be linked with it. */
static bool is_gone(const struct fact_row *f)
{
    return f->deleted == FACT_DELETED || f->deleted == FACT_GONE;
}

static uint64_t target_of(struct auditor *au, struct dr_str lane,
                          struct dr_str key)
{
    struct fact_row f;

    return key.n > 0 && books_get_fact(au->books, lane, key, au->arena, &f) &&
                   !is_gone(&f)
               ? f.dst
               : 0;
}

/* Of which target record the load is a part: its own, or the one that it
 * patches. */
static uint64_t own_target(struct auditor *au, const struct dr_load *load,
                           const struct judge_load *l)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        const struct dr_ref *r = &load->refs[i];
        if (dr_str_eqz(r->field, "self") || dr_str_eqz(r->field, "deal") ||
            dr_str_eqz(r->field, "@record")) {
            return target_of(au, r->lane, r->key);
        }
    }
    return l->has_fact ? l->fact.dst : 0;
}

static void gather_bodies(struct auditor *au, const struct dr_load *load,
                          struct judge_load *l)
{
    struct dr_str texts[JUDGE_BODIES];
    size_t n = books_get_landed(au->books, load->type, l->dst, load->lane,
                                au->arena, texts, JUDGE_BODIES);

    for (size_t i = 0; i < n; i++) {
        const struct dr_json *j =
            dr_json_parse(au->arena, texts[i], NULL, NULL);
        if (j) {
            l->bodies[l->body_count++] = j;
        }
    }
}

static bool fact_of(struct auditor *au, const char *lane, const char *object,
                    struct dr_str id, struct fact_row *f)
{
    struct dr_str key =
        dr_arena_printf(au->arena, "%s:" DR_STR_FMT, object, DR_STR_ARG(id));

    return books_get_fact(au->books, dr_str_z(lane), key, au->arena, f);
}

/* By its own fact, or by that of what is written into it apart: the lines of a
 * deal, the parent of an account. */
static bool lost_there(struct auditor *au, const struct fact_row *f)
{
    struct dr_str id = f->key;
    struct fact_row part;
    bool known = false;

    (void)dr_str_split(&id, ':');
    if (dr_str_eqz(f->lane, "deal")) {
        known = fact_of(au, "deal_product", "line_item", id, &part);
    } else if (dr_str_eqz(f->lane, "account")) {
        known = fact_of(au, "link", "company", id, &part);
    }
    return lost(f) || (known && lost_by_part(f, &part));
}

static void gather_links(struct auditor *au, const struct dr_load *load,
                         struct judge_load *l)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        const struct dr_ref *r = &load->refs[i];
        struct fact_row f;
        l->refs[i] = r->dst;
        if (r->key.n > 0) {
            bool known =
                books_get_fact(au->books, r->lane, r->key, au->arena, &f);
            l->refs[i] = known && !is_gone(&f) ? f.dst : 0;
            l->gone[i] = known && is_gone(&f) ? f.dst : 0;
            l->lost[i] = known && lost_there(au, &f);
            l->lead[i] = known && dr_str_eqz(f.type, "leads");
        }
    }
    l->left_out = dr_links_settle(load, l->refs, l->lead);
    for (size_t i = 0; i < load->line_count; i++) {
        const struct dr_ref *r = &load->lines[i].product;
        l->lines[i] = target_of(au, r->lane, r->key);
        l->left_out += l->lines[i] == 0;
    }
}

static bool gather_load(struct auditor *au, const struct dr_load *load,
                        struct judge_load *l)
{
    *l = (struct judge_load){
        .refs =
            dr_arena_calloc(au->arena, load->ref_count + 1, sizeof(*l->refs)),
        .lead =
            dr_arena_calloc(au->arena, load->ref_count + 1, sizeof(*l->lead)),
        .gone =
            dr_arena_calloc(au->arena, load->ref_count + 1, sizeof(*l->gone)),
        .lost =
            dr_arena_calloc(au->arena, load->ref_count + 1, sizeof(*l->lost)),
        .lines = dr_arena_calloc(au->arena, load->line_count + 1,
                                 sizeof(*l->lines))};
    if (!l->refs || !l->lead || !l->gone || !l->lost || !l->lines) {
        return false;
    }
    l->has_fact =
        books_get_fact(au->books, load->lane, load->key, au->arena, &l->fact);
    gather_links(au, load, l);
    l->held =
        l->has_fact &&
        dr_content_is_other_form(l->fact.content_hash, load->content_hash) &&
        held(au, load, l);
    l->dst = own_target(au, load, l);
    if (l->dst) {
        gather_bodies(au, load, l);
    }
    return true;
}

/* A plan that leaves out all of its kind does not say where one before it wrote
 * such a record. */
static bool fact_anywhere(struct auditor *au, struct dr_str key,
                          struct fact_row *out)
{
    for (int i = 0; i < AUDITOR_LANES; i++) {
        if (books_get_fact(au->books, dr_str_z(dr_lanes[i]), key, au->arena,
                           out) &&
            out->dst && !is_gone(out)) {
            return true;
        }
    }
    return false;
}

static void gather_gone(struct auditor *au, struct judge_case *c)
{
    struct dr_str lanes[4], key;

    if (!au->plan) {
        return;
    }
    key = dr_arena_printf(au->arena, DR_STR_FMT ":" DR_STR_FMT,
                          DR_STR_ARG(c->rec->object), DR_STR_ARG(c->rec->id));
    c->gone_has_fact = dr_plan_lanes_of(au->plan, c->rec->object, lanes) == 0
                           ? fact_anywhere(au, key, &c->gone_fact)
                           : books_get_fact(au->books, lanes[0], key, au->arena,
                                            &c->gone_fact);
    if (books_kept_back(au->books, c->rec->object, c->rec->id, c->rec->rev)) {
        c->gone_fact.deleted = FACT_KEPT;
    }
    c->removal_open =
        books_removal_open(au->books, c->rec->object, c->rec->id, c->rec->rev);
}

struct dr_str settle_key(struct dr_arena *a, const struct dr_source *rec)
{
    return dr_arena_printf(a, DR_STR_FMT ":" DR_STR_FMT,
                           DR_STR_ARG(rec->object), DR_STR_ARG(rec->id));
}

static bool is_lost(struct auditor *au, const struct judge_case *c)
{
    struct fact_row deal;

    if (dr_str_eqz(c->rec->object, "line_item")) {
        return fact_of(au, "deal", "deal", c->rec->id, &deal) &&
               lost_there(au, &deal);
    }
    return c->gone_has_fact && lost_there(au, &c->gone_fact);
}

/* A deal that was deleted took its lines along. */
static bool deal_deleted(struct auditor *au, const struct dr_source *rec)
{
    struct fact_row f;

    return dr_str_eqz(rec->object, "line_item") &&
           fact_of(au, "deal", "deal", rec->id, &f) && is_gone(&f);
}

static bool of_this_pass(struct auditor *au, const struct dr_source *rec)
{
    if (au->state.all) {
        return true;
    }
    return au->sample && dr_map_has(au->sample, settle_key(au->arena, rec));
}

bool settle_gather(struct auditor *au, const struct dr_source *rec,
                   struct dr_outcome *out, struct judge_case *c)
{
    struct dr_apply_opts o = {.migration = dr_str_z(au->svc->migration),
                              .generation = au->state.generation,
                              .pass = au->state.pass};
    struct dr_err err = {0};

    *c = (struct judge_case){.rec = rec};
    c->in_scope_of_pass = of_this_pass(au, rec);
    if (au->plan) {
        if (dr_plan_apply(au->plan, rec, &o, au->arena, out, &err)) {
            return false;
        }
        c->out = out;
        for (size_t i = 0; i < out->load_count && i < JUDGE_LOADS; i++) {
            if (!gather_load(au, &out->loads[i], &c->loads[i])) {
                return false;
            }
        }
        c->orphan = dr_plan_orphan_dst(au->plan);
        if (!c->orphan) {
            c->orphan =
                target_of(au, DR_STR_LIT("account"), DR_STR_LIT(DR_ORPHAN_KEY));
        }
    }
    gather_gone(au, c);
    c->deal_deleted = deal_deleted(au, rec);
    c->lost = is_lost(au, c);
    c->conflict_count =
        books_get_conflicts(au->books, rec->object, rec->id, au->arena,
                            c->conflicts, JUDGE_CONFLICTS);
    return true;
}

/* ---- writing down ---- */

struct writing {
    struct auditor *au;
    const struct dr_source *rec;
    const struct judge_sink *also; /* NULL: nobody else listens */
    int64_t fields, mismatches;
};

static void write_field(void *ctx, const struct judged_field *f)
{
    struct writing *w = ctx;
    struct diff_row d = {.src_object = w->rec->object,
                         .src_id = w->rec->id,
                         .object = w->rec->object,
                         .id = f->id,
                         .field = f->field,
                         .source = dr_utf8_prefix(f->source, 200),
                         .expected = dr_utf8_prefix(f->expected, 200),
                         .actual = dr_utf8_prefix(f->actual, 200),
                         .cause = f->cause,
                         .mismatch = f->verdict == JUDGED_LOSS};

    if (w->also) {
        w->also->field(w->also->ctx, f);
    }
    if (f->verdict != JUDGED_INTENDED) {
        w->fields++;
    }
    if (f->verdict == JUDGED_SAME) {
        return;
    }
    if (f->verdict == JUDGED_LOSS) {
        w->mismatches++;
    }
    books_diff(w->au->books, &d);
}

static void write_record(void *ctx, const struct record_row *r)
{
    struct writing *w = ctx;

    if (w->also) {
        w->also->record(w->also->ctx, r);
    }
    books_record(w->au->books, r);
}

/* A record that took more than a record may: the transformer set it aside. */
static void too_large(struct auditor *au, const struct dr_source *rec)
{
    struct record_row row = {.object = rec->object,
                             .id = rec->id,
                             .src_object = rec->object,
                             .src_id = rec->id,
                             .has_version = rec->has_version,
                             .version = rec->version,
                             .rev = rec->rev,
                             .state = "rejected",
                             .rule = DR_STR_LIT("record"),
                             .reason = DR_STR_LIT("the record needs more "
                                                  "memory than one may take")};

    books_record(au->books, &row);
}

bool settle_heard(struct auditor *au, const struct dr_source *rec,
                  const struct judge_sink *also, struct dr_outcome *out,
                  struct judge_case *c)
{
    struct writing w = {.au = au, .rec = rec, .also = also};
    struct judge_sink sink = {write_field, write_record, &w};
    bool judged;

    books_clear_diffs(au->books, rec->object, rec->id);
    judged = settle_gather(au, rec, out, c);
    if (judged) {
        judge(c, au->arena, &sink);
        held_note(au, c);
    } else {
        too_large(au, rec);
    }
    if (dr_str_eqz(rec->object, "line_item")) {
        books_lines_gone(au->books, rec->id, rec->rev);
    }
    books_verified(au->books, rec->object, rec->id, w.fields, w.mismatches,
                   judged ? (int)lacking(c) : LACKS_NOTHING);
    books_clean(au->books, rec->object, rec->id);
    return judged;
}

void settle_one(struct auditor *au, const struct dr_source *rec)
{
    struct dr_outcome out;
    struct judge_case c;

    (void)settle_heard(au, rec, NULL, &out, &c);
}

/* ---- records that no source row speaks of ---- */

/* What the extractor could not read, unless a readable version came after. A
 * line that could not be read is no part of the set that arrived without it. */
static void settle_unreadable(struct auditor *au)
{
    static const char records[] =
        "INSERT INTO record SELECT object, id, object, id, rev,"
        " nullif(version,0), 'rejected', NULL, NULL, NULL, class, reason"
        " FROM reject WHERE stage='extract' AND part_id='' AND NOT EXISTS("
        "  SELECT 1 FROM source s WHERE s.object=reject.object"
        "  AND s.id=reject.id AND s.ts>=reject.ts)"
        " ON CONFLICT(object,id) DO UPDATE SET state='rejected',"
        " version=excluded.version, lane=NULL, type=NULL, target=NULL,"
        " rule=excluded.rule, reason=excluded.reason";
    static const char lines[] =
        "INSERT INTO record SELECT object, part_id, '', '', rev,"
        " nullif(version,0), 'rejected', NULL, NULL, NULL, class, reason"
        " FROM reject WHERE stage='extract' AND part_id<>''"
        " ON CONFLICT(object,id) DO NOTHING";

    db_exec(books_db(au->books), records);
    db_exec(books_db(au->books), lines);
    au->unreadable = false;
}

bool settle_step(struct auditor *au, int max)
{
    struct db *db = books_db(au->books);
    struct dr_arena *keys DR_AUTO(dr_arena) = dr_arena_new((size_t)16 << 20);
    struct dr_str *objects =
        dr_arena_calloc(keys, (size_t)max, sizeof(*objects));
    struct dr_str *ids = dr_arena_calloc(keys, (size_t)max, sizeof(*ids));
    struct query *q =
        db_query(db, "SELECT object, id FROM source WHERE dirty=1 LIMIT ?1");
    int n = 0;

    db_int(q, 1, max);
    while (n < max && db_step(q)) {
        objects[n] = dr_arena_dup(keys, db_col(q, 0));
        ids[n++] = dr_arena_dup(keys, db_col(q, 1));
    }
    db_end(q);
    books_begin(au->books);
    for (int i = 0; i < n; i++) {
        const struct dr_source *rec;
        dr_arena_reset(au->arena);
        rec = books_get_source(au->books, objects[i], ids[i], au->arena);
        if (rec) {
            settle_one(au, rec);
        } else {
            books_clean(au->books, objects[i], ids[i]);
        }
    }
    if (n < max && au->unreadable) {
        settle_unreadable(au);
    }
    books_commit(au->books);

    return n == max;
}
