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

/* Freshsales knows two: what is neither is open there, and its word stands in
 * the text. */
static void status(struct build *b)
{
    struct dr_str source = DR_STR_LIT("status");
    struct dr_str s = dr_str_trim(prop_text(b, "status"));
    bool completed = dr_str_ieq(s, DR_STR_LIT("completed"));

    build_number(b, "status", "task.status",
                 completed ? DR_STR_LIT("1") : DR_STR_LIT("0"));
    if (s.n > 0 && !completed && !dr_str_ieq(s, DR_STR_LIT("open"))) {
        build_note(b, source, DR_STR_LIT("task.status"), s, DR_STR_LIT("open"),
                   "a task of Freshsales is open or completed: this one is "
                   "open there");
    }
}

size_t make_task(struct build *b, struct dr_load out[LOADS_MAX])
{
    struct dr_str title = value_name(b, "subject", DR_STR_LIT("task.subject"));
    struct text text = {.field = "description",
                        .source = DR_STR_LIT("body"),
                        .rule = DR_STR_LIT("task.body"),
                        .chars = AREA_MAX};
    struct dr_load head;

    build_text(b, "title", "task.subject", title);
    status(b);
    due(b);
    (void)apply_target(b, false);
    apply_provenance(b, false);
    build_load(b, &head, "activity");
    text_of_html(b, &text, prop_text(b, "body"), b->plan->keep_activity_html);
    text.last = marker_line(b, head.marker);
    apply_text(b, &text);
    build_load(b, &out[0], "activity");
    build_hash(b, &out[0]);
    return add_whole_text(b, out, 1);
}
