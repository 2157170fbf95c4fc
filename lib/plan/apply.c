/* One source record, one outcome. */
#include "plan_private.h"

#include <string.h>

static const struct {
    const char *object;
    size_t (*make)(struct build *b, struct dr_load out[2]);
    bool owner, custom;
} kinds[] = {
    {"company", make_company, true, true},
    {"contact", make_contact, true, true},
    {"deal", make_deal, true, true},
    {"product", make_product, true, false},
    {"line_item", make_lines, false, false},
    {"task", make_task, true, false},
};

static void gone(const struct dr_source *rec, struct dr_outcome *out)
{
    out->state = DR_OUT_GONE;
    out->rule = DR_STR_LIT("source.gone");
    out->reason = rec->op == DR_SRC_MERGE
                      ? DR_STR_LIT("merged into another record at the source")
                  : rec->op == DR_SRC_HIDDEN
                      ? DR_STR_LIT("no longer visible at the source")
                      : DR_STR_LIT("deleted at the source");
}

static void excluded(struct dr_outcome *out)
{
    out->state = DR_OUT_EXCLUDED;
    out->rule = DR_STR_LIT("scope");
    out->reason = DR_STR_LIT("this kind of record is outside the plan's "
                             "scope");
}

static int run(struct build *b, size_t kind, struct dr_outcome *out,
               struct dr_err *err)
{
    struct dr_load *loads = dr_arena_calloc(b->a, 2, sizeof(*loads));

    if (!loads) {
        return dr_err_set(err, DR_REJECT, 0, "plan", "record too large");
    }
    if (kinds[kind].owner) {
        apply_owner(b);
    }
    for (size_t i = 0; b->props && i < b->op->n; i++) {
        apply_rule(b, &b->op->rules[i]);
    }
    if (kinds[kind].custom) {
        apply_provenance(b, true);
    }
    out->load_count = kinds[kind].make(b, loads);
    out->loads = loads;
    if (b->oom) {
        return dr_err_set(err, DR_REJECT, 0, "plan",
                          "the record is larger than one record may be");
    }
    return 0;
}

static void finish(struct build *b, struct dr_outcome *out)
{
    out->part_rejects = b->part_rejects;
    out->part_reject_count = b->part_reject_n;
    if (b->state == 0) {
        out->state = DR_OUT_LOAD;
        out->notes = b->notes;
        out->note_count = b->note_n;
        return;
    }
    out->state = b->state;
    out->reject = b->reject;
    out->rule = b->reject.rule;
    out->reason = b->reject.reason;
    out->load_count = 0;
}

int dr_plan_apply(const struct dr_plan *p, const struct dr_source *rec,
                  const struct dr_apply_opts *o, struct dr_arena *a,
                  struct dr_outcome *out, struct dr_err *err)
{
    struct build b = {.plan = p, .rec = rec, .opts = o, .a = a};
    int rc;

    *out = (struct dr_outcome){0};
    if (rec->op == DR_SRC_DELETE || rec->op == DR_SRC_MERGE ||
        rec->op == DR_SRC_HIDDEN) {
        gone(rec, out);
        return 0;
    }
    b.op = plan_object(p, rec->object);
    for (size_t i = 0; i < DR_ARRAY_LEN(kinds); i++) {
        if (!b.op || rec->op == DR_SRC_INDEX ||
            !dr_str_eqz(rec->object, kinds[i].object) ||
            !dr_plan_in_scope(p, rec->object)) {
            continue;
        }
        if (rec->body.n > 0) {
            b.root = dr_json_parse(a, rec->body, NULL, NULL);
            b.props = dr_json_get(b.root, "properties");
            if (!b.props) {
                build_reject(&b, "unreadable", DR_STR_LIT("*"),
                             DR_STR_LIT("record"),
                             "the record has no "
                             "properties",
                             "repair the record in FastTrack");
            }
        }
        dr_buf_init(&b.description, (size_t)8 << 20);
        rc = run(&b, i, out, err);
        dr_buf_done(&b.description);
        if (rc == 0) {
            finish(&b, out);
        }
        return rc;
    }
    excluded(out);
    return 0;
}

bool dr_plan_orphan(const struct dr_plan *p, const struct dr_apply_opts *o,
                    struct dr_arena *a, struct dr_load *out)
{
    struct dr_source rec = {.object = DR_STR_LIT(DR_ORPHAN_OBJECT),
                            .id = DR_STR_LIT(DR_ORPHAN_ID),
                            .rev = 1,
                            .origin = DR_ORIGIN_SNAPSHOT};
    struct object_plan op = {.type = DR_STR_LIT("sales_accounts"),
                             .lane = DR_STR_LIT("account")};
    struct build b = {.plan = p, .op = &op, .rec = &rec, .opts = o, .a = a};
    struct dr_str name =
        p->orphan_name.n ? p->orphan_name : DR_STR_LIT("Unassigned Account");

    if (p->orphan_id.n > 0 || !plan_object(p, DR_STR_LIT("company"))) {
        return false;
    }
    if (p->fallback_owner.n > 0) {
        build_number(&b, "owner_id", "owner.fallback", p->fallback_owner);
    }
    build_text(&b, "name", "orphan.name", name);
    build_text(&b, "cf_source_id", "orphan.id", rec.id);
    build_load(&b, out, "account");
    out->how = DR_HOW_NAME;
    out->ident = name;
    build_hash(&b, out);
    /* The builder's record is on the stack: only literals were taken. */
    return !b.oom;
}

static const char *state_word(enum dr_out_state s)
{
    static const char *const words[] = {"?",      "load",     "excluded",
                                        "parked", "rejected", "gone"};

    return words[s];
}

static void print_fields(struct dr_json_w *w, const struct dr_load *l)
{
    dr_json_w_key(w, "fields");
    dr_json_w_arr(w);
    for (size_t i = 0; i < l->field_count; i++) {
        const struct dr_field *f = &l->fields[i];
        dr_json_w_obj(w);
        dr_json_w_kv(w, "name", f->name);
        dr_json_w_kv(w, "rule", f->rule);
        dr_json_w_key(w, "value");
        if (f->kind == DR_VAL_NULL) {
            dr_json_w_null(w);
        } else if (f->kind == DR_VAL_TEXT) {
            dr_json_w_str(w, f->value);
        } else {
            dr_json_w_raw(w, f->value);
        }
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void print_ref(struct dr_json_w *w, const struct dr_ref *r)
{
    dr_json_w_obj(w);
    dr_json_w_kv(w, "field", r->field);
    dr_json_w_kv(w, "lane", r->lane);
    dr_json_w_kv(w, "key", r->key);
    dr_json_w_kvb(w, "primary", r->primary);
    dr_json_w_end(w);
}

static void print_load(struct dr_json_w *w, const struct dr_load *l)
{
    static const char *const how[] = {"?",    "single",   "e-mail",
                                      "name", "two-step", "merge"};

    dr_json_w_obj(w);
    dr_json_w_kv(w, "lane", l->lane);
    dr_json_w_kv(w, "key", l->key);
    dr_json_w_kv(w, "type", l->type);
    dr_json_w_kvz(w, "how", how[l->how]);
    print_fields(w, l);
    dr_json_w_key(w, "references");
    dr_json_w_arr(w);
    for (size_t i = 0; i < l->ref_count; i++) {
        print_ref(w, &l->refs[i]);
    }
    dr_json_w_end(w);
    dr_json_w_key(w, "lines");
    dr_json_w_arr(w);
    for (size_t i = 0; i < l->line_count; i++) {
        struct dr_load line = {.fields = l->lines[i].fields,
                               .field_count = l->lines[i].field_count};
        dr_json_w_obj(w);
        dr_json_w_kv(w, "id", l->lines[i].id);
        dr_json_w_kv(w, "product", l->lines[i].product.key);
        print_fields(w, &line);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
    dr_json_w_end(w);
}

void dr_outcome_print(const struct dr_outcome *o, struct dr_buf *out)
{
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    w.pretty = true;
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "state", state_word(o->state));
    if (o->state != DR_OUT_LOAD) {
        dr_json_w_kv(&w, "rule", o->rule);
        dr_json_w_kv(&w, "reason", o->reason);
        dr_json_w_kv(&w, "field", o->reject.field);
        dr_json_w_kv(&w, "cure", o->reject.cure);
    }
    dr_json_w_key(&w, "loads");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < o->load_count; i++) {
        print_load(&w, &o->loads[i]);
    }
    dr_json_w_end(&w);
    dr_json_w_key(&w, "notes");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < o->note_count; i++) {
        dr_json_w_obj(&w);
        dr_json_w_kv(&w, "field", o->notes[i].field);
        dr_json_w_kv(&w, "cause", o->notes[i].cause);
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    dr_buf_ch(out, '\n');
}
