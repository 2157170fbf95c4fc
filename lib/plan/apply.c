/* One source record, one outcome. */
#include "plan_private.h"

#include <assert.h>
#include <string.h>

enum kind_flag {
    KIND_LINES = 1,  /* a set of lines: no body and no owner of its own   */
    KIND_CUSTOM = 2, /* has custom fields and tags                        */
    KIND_OWNED = 4,  /* cannot be written without an owner: else parked   */
};

struct kind {
    const char *object;
    size_t (*make)(struct build *b, struct dr_load out[LOADS_MAX]);
    unsigned flags;
};

static const struct kind kinds[] = {
    {"company", make_company, KIND_CUSTOM | KIND_OWNED},
    {"contact", make_contact, KIND_CUSTOM | KIND_OWNED},
    {"deal", make_deal, KIND_CUSTOM | KIND_OWNED},
    {"product", make_product, KIND_OWNED},
    {"line_item", make_lines, KIND_LINES},
    {"task", make_task, KIND_OWNED},
    {"call", make_activity, KIND_OWNED},
    {"email", make_activity, KIND_OWNED},
    {"meeting", make_meeting, 0},
    {"note", make_note, 0},
    {"attachment", make_file, 0},
    {"event", make_event, KIND_LINES},
};

/* A kind of activity that FastTrack's contract does not know. */
static const struct kind any_activity = {NULL, make_activity, KIND_OWNED};

/* A custom object, by its fate. */
static const struct kind *custom_kind(const struct dr_plan *p,
                                      struct dr_str object)
{
    static const struct kind fates[] = {
        [FATE_MODULE] = {"module", make_module, KIND_OWNED},
        [FATE_FIELDS] = {"fields", make_fold, 0},
        [FATE_NOTES] = {"notes", make_custom_note, 0},
        [FATE_SKIP] = {NULL, NULL, 0},
    };
    const struct custom_plan *c = dr_map_get(p->customs, object);

    return c && fates[c->fate].make ? &fates[c->fate] : NULL;
}

/* How an object is made: by its name, else by what the plan makes of it.
 * NULL: the plan does not carry it. */
static const struct kind *kind_of(const struct dr_plan *p, struct dr_str object)
{
    const struct object_plan *o = plan_object(p, object);

    if (!o || !dr_plan_in_scope(p, object)) {
        return NULL;
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(kinds); i++) {
        if (dr_str_eqz(object, kinds[i].object)) {
            return &kinds[i];
        }
    }
    if (dr_map_has(p->customs, object)) {
        return custom_kind(p, object);
    }
    return dr_str_eqz(o->lane, "activity") &&
                   dr_str_eqz(o->type, "sales_activities")
               ? &any_activity
               : NULL;
}

/* A call log has no owner: Freshsales takes the key's user. */
static bool owned(const struct kind *kind, const struct object_plan *o)
{
    return (kind->flags & KIND_OWNED) && !dr_str_eqz(o->type, "call_logs");
}

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

static void excluded(const struct dr_plan *p, struct dr_str object,
                     struct dr_outcome *out)
{
    const struct custom_plan *c = dr_map_get(p->customs, object);
    bool in = dr_plan_in_scope(p, object);

    out->state = DR_OUT_EXCLUDED;
    if (in && c && c->fate == FATE_SKIP) {
        out->rule = DR_STR_LIT("custom_object.skip");
        out->reason = DR_STR_LIT("the plan leaves this custom object out");
        return;
    }
    if (in && dr_str_eqz(object, "event") && p->events_report) {
        out->rule = DR_STR_LIT("event.report");
        out->reason = DR_STR_LIT("the plan counts events in a report and "
                                 "makes no records of them");
        return;
    }
    out->rule = DR_STR_LIT("scope");
    out->reason = DR_STR_LIT("this kind of record is outside the plan's "
                             "scope");
}

static int too_large(struct dr_err *err)
{
    return dr_err_set(err, DR_REJECT, 0, "plan",
                      "the record needs more memory than one record may take");
}

static bool read_body(struct build *b)
{
    b->root = build_parse(b, b->rec->body);
    if (b->root) {
        b->props = redacted_props(b);
        return true;
    }
    build_reject(b, "unreadable", DR_STR_LIT("*"), DR_STR_LIT("record"),
                 "the record is no readable JSON with properties",
                 "repair the record in FastTrack");
    return false;
}

static int run(struct build *b, const struct kind *kind, struct dr_outcome *out,
               struct dr_err *err)
{
    struct dr_load *loads = dr_arena_calloc(b->a, LOADS_MAX, sizeof(*loads));

    if (!loads) {
        return too_large(err);
    }
    if (!(kind->flags & KIND_LINES)) {
        if (!read_body(b)) {
            return b->oom ? too_large(err) : 0;
        }
        if (owned(kind, b->op)) {
            apply_owner(b);
        }
        apply_flags(b);
        for (size_t i = 0; i < b->op->n; i++) {
            apply_rule(b, &b->op->rules[i]);
        }
        unknown_tell(b);
    }
    if (kind->flags & KIND_CUSTOM) {
        apply_provenance(b, true);
        apply_archived(b);
    }
    out->load_count = kind->make(b, loads);
    out->loads = loads;
    if (b->oom) {
        return too_large(err);
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
    if (b->state == DR_OUT_EXCLUDED || b->state == DR_OUT_WAITING) {
        out->reject = (struct dr_rejected){0};
    }
    out->rule = b->reject.rule;
    out->reason = b->reject.reason;
    out->load_count = 0;
}

int dr_plan_apply(const struct dr_plan *p, const struct dr_source *rec,
                  const struct dr_apply_opts *o, struct dr_arena *a,
                  struct dr_outcome *out, struct dr_err *err)
{
    struct build b = {.plan = p,
                      .rec = alias_followed(a, rec),
                      .named = rec,
                      .opts = o,
                      .a = a};
    const struct kind *kind;
    int rc;

    *out = (struct dr_outcome){0};
    if (!b.rec) {
        return too_large(err);
    }
    if (rec->op == DR_SRC_DELETE || rec->op == DR_SRC_MERGE ||
        rec->op == DR_SRC_HIDDEN) {
        gone(rec, out);
        return 0;
    }
    kind = kind_of(p, rec->object);
    if (!kind) {
        excluded(p, rec->object, out);
        return 0;
    }
    if (rec->op == DR_SRC_INDEX) {
        out->state = DR_OUT_EXCLUDED;
        out->rule = DR_STR_LIT("source.until");
        out->reason = DR_STR_LIT("changed at the end date that was wanted "
                                 "(source.until) or later: it was not read");
        return 0;
    }
    b.op = plan_object(p, rec->object);
    dr_buf_init(&b.description, (size_t)8 << 20);
    rc = run(&b, kind, out, err);
    dr_buf_done(&b.description);
    out->body = b.root;
    if (rc == 0) {
        finish(&b, out);
    }
    return rc;
}

bool dr_plan_orphan(const struct dr_plan *p, const struct dr_apply_opts *o,
                    struct dr_arena *a, struct dr_load *out)
{
    static_assert(sizeof(DR_ORPHAN_ID) - 1 > DR_SOURCE_ID_MAX,
                  "a company could have this id");
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
    if (p->house_owner.n > 0) {
        build_number(&b, "owner_id", "owner.house", p->house_owner);
    } else if (p->fallback_owner.n > 0) {
        build_number(&b, "owner_id", "owner.fallback", p->fallback_owner);
    }
    build_text(&b, "name", "orphan.name", name);
    build_text(&b, "cf_source_id", "orphan.id", rec.id);
    build_load(&b, out, "account");
    account_by_name(&b, out, name, name);
    build_hash(&b, out);
    /* The builder's record is on the stack: only literals were taken. */
    return !b.oom;
}
