/* A task. Freshsales has no custom fields for tasks: what has no field of its
 * own stands in the description, whose last line carries the marker. */
#include "plan_private.h"

#include <drover/base/time.h>

static void due(struct build *b)
{
    struct dr_str s = prop_text(b, "due_at");
    int64_t ms;
    char text[DR_TIME_TEXT];

    if (s.n == 0 || dr_time_parse(s, &ms, NULL)) {
        build_reject(b, "required_empty", DR_STR_LIT("due_at"),
                     DR_STR_LIT("task.due_at"),
                     "the task has no usable due date, and Freshsales "
                     "requires one",
                     "give the task a due date in FastTrack");
        return;
    }
    build_text(b, "due_date", "task.due_at",
               dr_arena_dup(b->a, dr_str_z(dr_time_format(ms, text))));
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

static void description(struct build *b, struct dr_str marker)
{
    struct dr_str body = prop_text(b, "body");
    struct dr_buf out;

    if (!dr_text_valid(body)) {
        build_reject(b, "bad_text", DR_STR_LIT("body"), DR_STR_LIT("task.body"),
                     "the text holds a NUL character",
                     "remove the character in FastTrack");
        return;
    }
    dr_buf_init(&out, (size_t)8 << 20);
    dr_buf_str(&out, body);
    dr_buf_z(&out, "\n\n");
    dr_buf_str(&out, dr_buf_view(&b->description));
    dr_buf_printf(&out, "FastTrack task " DR_STR_FMT " [" DR_STR_FMT "]",
                  DR_STR_ARG(b->rec->id), DR_STR_ARG(marker));
    build_text(b, "description", "task.body",
               dr_arena_dup(b->a, dr_buf_view(&out)));
    dr_buf_done(&out);
}

size_t make_task(struct build *b, struct dr_load out[2])
{
    struct dr_str subject = prop_text(b, "subject"), cut;
    struct dr_str status = prop_text(b, "status");
    struct dr_load head;

    if (dr_str_trim(subject).n == 0 || !dr_text_valid(subject)) {
        build_reject(b, "required_empty", DR_STR_LIT("subject"),
                     DR_STR_LIT("task.subject"), "the task has no subject",
                     "give the task a subject in FastTrack");
    }
    cut = dr_utf8_prefix(subject, TEXT_MAX);
    if (cut.n < subject.n) {
        build_note(b, DR_STR_LIT("subject"), DR_STR_LIT("task.subject"),
                   subject, cut,
                   "cut to 255 characters, the limit of the field");
    }
    build_text(b, "title", "task.subject", cut);
    build_number(b, "status", "task.status",
                 dr_str_eqz(status, "completed") ? DR_STR_LIT("1")
                                                 : DR_STR_LIT("0"));
    due(b);
    target(b);
    apply_provenance(b, false);
    build_load(b, &head, "activity");
    description(b, head.marker);
    build_load(b, &out[0], "activity");
    build_hash(b, &out[0]);
    return 1;
}
