/* A task. Freshsales has no custom fields for tasks: what has no field of its
 * own stands in the description, whose last line carries the marker. */
#include "plan_private.h"

static void due(struct build *b)
{
    struct dr_str field = DR_STR_LIT("due_at");
    struct dr_str rule = DR_STR_LIT("task.due_at");
    struct dr_str s = prop_text(b, "due_at"), out;

    if (s.n == 0) {
        build_reject(b, "required_empty", field, rule,
                     "the task has no due date, and Freshsales requires one",
                     "give the task a due date in FastTrack");
    } else if (value_instant(b, field, rule, s, &out)) {
        build_text(b, "due_date", "task.due_at", out);
    }
}

/* One record can be the target of a task; the others are told. */
static void target(struct build *b)
{
    static const struct {
        const char *pair, *field, *lane, *object;
    } kinds[] = {
        {"task_deal", "targetable:Deal", "deal", "deal"},
        {"task_contact", "targetable:Contact", "contact", "contact"},
        {"task_company", "targetable:SalesAccount", "account", "company"}};
    bool taken = false;

    for (size_t k = 0; k < DR_ARRAY_LEN(kinds); k++) {
        struct end *ends;
        size_t n = pair_ends(b, kinds[k].pair, &ends);
        for (size_t i = 0; i < n; i++) {
            struct dr_ref r = {.field = dr_str_z(kinds[k].field),
                               .rule = DR_STR_LIT("task.target"),
                               .lane = dr_str_z(kinds[k].lane),
                               .key = load_key(b, kinds[k].object, ends[i].id),
                               .on_miss = DR_MISS_DROP};
            if (!taken) {
                build_ref(b, &r);
                taken = true;
            } else {
                build_note(b, dr_str_z(kinds[k].pair),
                           DR_STR_LIT("task.target"), ends[i].id,
                           (struct dr_str){"", 0},
                           "a task stands on one record in Freshsales: the "
                           "deal, else the contact, else the account");
            }
        }
    }
}

size_t make_task(struct build *b, struct dr_load out[LOADS_MAX])
{
    struct dr_str title = value_name(b, "subject", DR_STR_LIT("task.subject"));
    struct dr_str status = dr_str_trim(prop_text(b, "status"));
    struct dr_load head;

    build_text(b, "title", "task.subject", title);
    build_number(b, "status", "task.status",
                 dr_str_ieq(status, DR_STR_LIT("completed")) ? DR_STR_LIT("1")
                                                             : DR_STR_LIT("0"));
    due(b);
    target(b);
    apply_provenance(b, false);
    build_load(b, &head, "activity");
    apply_description(
        b, "body", DR_STR_LIT("task.body"),
        build_printf(b, "FastTrack task " DR_STR_FMT " [" DR_STR_FMT "]",
                     DR_STR_ARG(b->rec->id), DR_STR_ARG(head.marker)));
    build_load(b, &out[0], "activity");
    build_hash(b, &out[0]);
    return 1;
}
