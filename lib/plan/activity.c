/*
 * Calls, e-mails, meetings and whatever other kind of activity a source has.
 * A sales activity keeps the original times; an appointment is what a meeting
 * becomes; a call log is what a call becomes by plan, and has none.
 */
#include "plan_private.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>

/* What a duration may add to a start: ten years. More is no duration. */
#define DURATION_MAX_S UINT64_C(315360000)

static struct dr_str rule_id(struct build *b, const char *name)
{
    return build_printf(b, DR_STR_FMT ".%s", DR_STR_ARG(b->rec->object), name);
}

/* The rule whose special is this, and its value; both may be none. */
static struct dr_str special_text(struct build *b, const char *special,
                                  const struct rule **rule)
{
    const struct rule *r = special_rule(b, special);

    *rule = r;
    if (!r || r->source.n == 0) {
        return (struct dr_str){"", 0};
    }
    return value_text(dr_json_gets(b->props, r->source));
}

static struct dr_str id_of_rule(struct build *b, const struct rule *r,
                                const char *name)
{
    return r ? r->id : rule_id(b, name);
}

/* ---- what it is called ---- */

/* "Call (no subject)". */
static struct dr_str stated_title(struct build *b)
{
    struct dr_str s =
        build_printf(b, DR_STR_FMT " (no subject)", DR_STR_ARG(b->rec->object));
    char *p = s.n > 0 ? dr_arena_dupz(b->a, s) : NULL;

    if (!p) {
        b->oom = true;
        return s;
    }
    if (p[0] >= 'a' && p[0] <= 'z') {
        p[0] = (char)(p[0] - 'a' + 'A');
    }
    return dr_str_z(p);
}

static void title(struct build *b)
{
    const struct rule *r;
    struct dr_str s = special_text(b, "title", &r);
    struct dr_str id = id_of_rule(b, r, "title");
    struct dr_str source = r ? r->source : DR_STR_LIT("subject");

    if (dr_str_trim(s).n > 0) {
        s = value_cut(b, source, id, s, TEXT_MAX);
    } else {
        struct dr_str stated = stated_title(b);
        build_note(b, source, id, s, stated,
                   "no subject at the source, and Freshsales requires a "
                   "title");
        s = stated;
    }
    build_field(b, DR_STR_LIT("title"), id, DR_VAL_TEXT, s);
}

/* ---- when ---- */

struct when {
    struct dr_str start, end; /* in the target's form */
};

/* A mail with a date that no calendar has is a mail all the same; a meeting
 * at a wrong time would be worse than none. */
static bool keeps_unreadable(const struct build *b)
{
    return !dr_str_eqz(b->op->type, "appointments");
}

/* Whether a time is of no use. It then stands in the text. */
static bool unreadable(struct build *b, struct dr_str s, const char *label)
{
    if (!keeps_unreadable(b) || value_is_instant(s)) {
        return false;
    }
    text_line(b, label, s);
    return true;
}

/* An instant and the duration, or less it. Empty: there is no usable one. */
static struct dr_str by_duration(struct build *b, struct dr_str from, int sign)
{
    const struct rule *r = special_rule(b, "duration");
    struct dr_str s = dr_json_scalar(
        dr_json_gets(b->props, r ? r->source : DR_STR_LIT("duration_s")));
    char text[DR_TIME_TEXT];
    uint64_t seconds;
    int64_t ms;

    if (dr_str_u64(dr_str_trim(s), &seconds) || seconds > DURATION_MAX_S ||
        dr_time_parse(from, &ms, NULL)) {
        return (struct dr_str){"", 0};
    }
    ms += sign * (int64_t)seconds * 1000;
    return build_dup(
        b, dr_str_z(dr_time_format(ms - ((ms % 1000) + 1000) % 1000, text)));
}

/* The end less the duration. Empty: one of them is not known. */
static struct dr_str before_end(struct build *b)
{
    const struct rule *r;
    struct dr_str end = special_text(b, "end", &r), start;

    start = value_is_instant(end) ? by_duration(b, end, -1)
                                  : (struct dr_str){"", 0};
    return value_is_instant(start) ? start : (struct dr_str){"", 0};
}

static const char *no_start(bool unusable, bool by_end)
{
    if (unusable) {
        return by_end ? "not an unambiguous time of the years 1900 to 2100: "
                        "its end less its duration was taken, and it stands "
                        "in the text"
                      : "not an unambiguous time of the years 1900 to 2100: "
                        "the time of its creation was taken, and it stands "
                        "in the text";
    }
    return by_end ? "no time at the source: its end less its duration was taken"
                  : "no time at the source: the time of its creation was taken";
}

static bool start_of(struct build *b, struct when *w)
{
    const struct rule *r;
    struct dr_str s = special_text(b, "start", &r);
    struct dr_str source = r && r->source.n ? r->source : DR_STR_LIT("start");
    struct dr_str id = id_of_rule(b, r, "start"), made;
    bool by_end;

    if (s.n > 0 && !unreadable(b, s, "Time in FastTrack")) {
        return value_instant(b, source, id, s, &w->start);
    }
    w->start = before_end(b);
    by_end = w->start.n > 0;
    made = dr_json_get_str(b->root, "created_at");
    if (!by_end && made.n == 0) {
        build_reject(b, "required_empty", source, id,
                     "it has neither a time nor a time of creation, and "
                     "Freshsales requires one",
                     "give it a time in FastTrack");
        return false;
    }
    if (!by_end &&
        !value_instant(b, DR_STR_LIT("created_at"), id, made, &w->start)) {
        return false;
    }
    build_note(b, source, id, s, w->start, no_start(s.n > 0, by_end));
    return true;
}

static bool is_before(struct dr_str a, struct dr_str b)
{
    int64_t x, y;

    return dr_time_parse(a, &x, NULL) == 0 && dr_time_parse(b, &y, NULL) == 0 &&
           x < y;
}

static const char *no_end(bool unusable, bool duration)
{
    if (unusable) {
        return duration ? "not an unambiguous time of the years 1900 to 2100: "
                          "the start and the duration were taken, and it "
                          "stands in the text"
                        : "not an unambiguous time of the years 1900 to 2100: "
                          "the start was taken, and it stands in the text";
    }
    return duration ? "no end at the source: it is the start and the duration"
                    : "no end at the source: the start was taken";
}

/* A record without a property for the end is a moment: nothing is missing. */
static bool end_of(struct build *b, struct when *w)
{
    const struct rule *r;
    struct dr_str s = special_text(b, "end", &r);
    struct dr_str id = id_of_rule(b, r, "end"), made;
    bool moment = !r || r->source.n == 0;

    if (s.n > 0 && !unreadable(b, s, "Ended")) {
        if (!value_instant(b, r->source, id, s, &w->end)) {
            return false;
        }
        if (is_before(w->end, w->start)) {
            build_note(b, r->source, id, s, w->start,
                       "it ends before it starts: the start was taken, and "
                       "the end stands in the text");
            text_line(b, "Ended", s);
            w->end = w->start;
        }
        return true;
    }
    made = by_duration(b, w->start, 1);
    w->end = made.n > 0 ? made : w->start;
    if (!moment || made.n > 0) {
        build_note(b, moment ? DR_STR_LIT("end") : r->source, id, s, w->end,
                   no_end(s.n > 0, made.n > 0));
    }
    return true;
}

static void times(struct build *b, const char *start, const char *end)
{
    struct when w;
    const struct rule *r;

    if (!start_of(b, &w) || !end_of(b, &w)) {
        return;
    }
    r = special_rule(b, "start");
    build_field(b, dr_str_z(start), id_of_rule(b, r, "start"), DR_VAL_TEXT,
                w.start);
    r = special_rule(b, "end");
    build_field(b, dr_str_z(end), id_of_rule(b, r, "end"), DR_VAL_TEXT, w.end);
}

/* ---- outcome, status, zone ---- */

/* A value that the plan turns into something of the target's; what it does
 * not know stands in the text alone, and the field is emptied. */
static void known_value(struct build *b, const char *special, const char *field,
                        enum dr_value_kind kind, const char *unknown)
{
    const struct rule *r;
    struct dr_str s = special_text(b, special, &r);
    struct dr_str to = r ? map_text(r->values, s) : (struct dr_str){"", 0};

    if (!r) {
        return;
    }
    to = s.n > 0 ? to : (struct dr_str){"", 0};
    build_field(b, dr_str_z(field), r->id, to.n > 0 ? kind : DR_VAL_NULL, to);
    if (s.n > 0 && to.n == 0) {
        build_note(b, r->source, r->id, s, (struct dr_str){"", 0}, unknown);
    }
}

static void outcome(struct build *b, const char *field)
{
    known_value(b, "outcome", field, DR_VAL_NUMBER,
                "Freshsales has no outcome of this name for this type: it "
                "stands in the text");
}

/* Where it says nothing, it is not done. */
static void status(struct build *b)
{
    static const char *const done[] = {"completed", "complete", "done",
                                       "closed"};
    const struct rule *r;
    struct dr_str s = dr_str_trim(special_text(b, "status", &r));
    bool is_done = false;

    for (size_t i = 0; i < DR_ARRAY_LEN(done); i++) {
        is_done |= dr_str_ieq(s, dr_str_z(done[i]));
    }
    if (r) {
        build_field(b, DR_STR_LIT("status"), r->id, DR_VAL_BOOL,
                    is_done ? DR_STR_LIT("true") : DR_STR_LIT("false"));
    }
}

/* ---- who ---- */

static bool put_person(struct dr_buf *out, const struct dr_json *e)
{
    static const char *const keys[] = {"role", "name", "email", "phone",
                                       "status"};
    bool any = false;

    for (size_t i = 0; i < DR_ARRAY_LEN(keys); i++) {
        struct dr_str s = dr_str_trim(dr_json_scalar(dr_json_get(e, keys[i])));
        if (s.n > 0) {
            dr_buf_z(out, any ? " " : "");
            dr_buf_str(out, s);
            any = true;
        }
    }
    return any;
}

/* A line a list of people; what is no such list stands there as it is. */
static void participants(struct build *b)
{
    const struct rule *r = special_rule(b, "participants");
    const struct dr_json *list = r ? dr_json_gets(b->props, r->source) : NULL;
    struct dr_buf out;
    bool people = dr_json_type(list) == DR_JSON_ARRAY;

    if (dr_json_is_null(list)) {
        return;
    }
    dr_buf_init(&out, (size_t)8 << 20);
    DR_JSON_EACH(e, people ? list : NULL)
    {
        size_t before = out.n;
        dr_buf_z(&out, before > 0 ? "; " : "");
        if (!put_person(&out, e)) {
            out.n = before;
            dr_buf_z(&out, before > 0 ? "; " : "");
            dr_buf_str(&out, dr_json_scalar(e).n ? dr_json_scalar(e) : e->raw);
        }
    }
    if (!people) {
        dr_buf_str(&out,
                   dr_json_scalar(list).n ? dr_json_scalar(list) : list->raw);
    }
    text_line(b, "Participants", dr_buf_view(&out));
    dr_buf_done(&out);
}

/* ---- the text ---- */

/* body_type says when a body is no HTML, whatever stands in it. */
static bool is_plain(const struct build *b)
{
    return dr_str_ieq(dr_str_trim(prop_text(b, "body_type")),
                      DR_STR_LIT("text"));
}

static void body(struct build *b, const char *field, const char *lane)
{
    const struct rule *r;
    struct dr_str s = special_text(b, "body", &r);
    struct dr_load head;
    struct text text = {.field = field,
                        .source = r ? r->source : DR_STR_LIT("body"),
                        .rule = id_of_rule(b, r, "body"),
                        .chars = AREA_MAX};

    apply_provenance(b, false);
    build_load(b, &head, lane);
    text.own = s;
    if (!is_plain(b)) {
        text_of_html(b, &text, s, b->plan->keep_activity_html);
    }
    text.last = marker_line(b, head.marker);
    apply_text(b, &text);
}

static size_t done(struct build *b, struct dr_load out[LOADS_MAX])
{
    build_load(b, out, "activity");
    build_hash(b, out);
    return add_whole_text(b, out, 1);
}

/* ---- call logs ---- */

/* What has no owner of its own: whose it was stands in the text. */
static void tell_owner(struct build *b, const char *cause)
{
    struct dr_str owner = dr_json_scalar(dr_json_get(b->root, "owner_id"));

    if (owner.n > 0) {
        build_note(b, DR_STR_LIT("owner_id"), rule_id(b, "owner_id"), owner,
                   (struct dr_str){"", 0}, cause);
    }
}

/* Freshsales knows two: what is neither is outgoing there. */
static void direction(struct build *b)
{
    const struct rule *r;
    struct dr_str s = dr_str_trim(special_text(b, "direction", &r));
    bool in = dr_str_ieq(s, DR_STR_LIT("inbound")) ||
              dr_str_ieq(s, DR_STR_LIT("incoming"));
    bool out = dr_str_ieq(s, DR_STR_LIT("outbound")) ||
               dr_str_ieq(s, DR_STR_LIT("outgoing"));

    if (!r) {
        return;
    }
    build_field(b, DR_STR_LIT("call_direction"), r->id, DR_VAL_BOOL,
                in ? DR_STR_LIT("true") : DR_STR_LIT("false"));
    if (!in && !out) {
        build_note(b, r->source, r->id, s, DR_STR_LIT("outgoing"),
                   "a call log of Freshsales is incoming or outgoing: this one "
                   "is outgoing there");
    }
}

static void duration(struct build *b)
{
    const struct rule *r;
    struct dr_str s = dr_str_trim(special_text(b, "duration", &r));
    uint64_t seconds;
    bool known = s.n > 0 && dr_str_u64(s, &seconds) == 0;

    if (!r) {
        return;
    }
    build_field(b, DR_STR_LIT("call_duration"), r->id,
                known ? DR_VAL_NUMBER : DR_VAL_NULL,
                known ? s : (struct dr_str){"", 0});
    if (s.n > 0 && !known) {
        build_note(b, r->source, r->id, s, (struct dr_str){"", 0},
                   "no whole number of seconds: it stands in the text");
    }
}

/* Freshsales stamps a logged call with the time of writing (10.2): what it
 * cannot hold stands in the text and is told. */
static void logged_times(struct build *b)
{
    struct when w = {{"", 0}, {"", 0}};

    if (!start_of(b, &w) || !end_of(b, &w)) {
        return;
    }
    text_line(b, "Started", w.start);
    text_line(b, "Ended", w.end);
    build_note(b, DR_STR_LIT("started_at"), rule_id(b, "start"), w.start,
               (struct dr_str){"", 0},
               "a call log has the time of its writing: the original time "
               "stands in the text");
}

static size_t call_log(struct build *b, struct dr_load out[LOADS_MAX])
{
    const struct rule *r;

    direction(b);
    duration(b);
    logged_times(b);
    text_line(b, "Subject", special_text(b, "title", &r));
    outcome(b, "outcome_id");
    tell_owner(b, "a call log has the user of the key as its owner: it stands "
                  "in the text");
    participants(b);
    (void)apply_target(b, true);
    body(b, "description", "activity");
    return done(b, out);
}

/* ---- the kinds ---- */

/* A kind that FastTrack's contract does not name. */
static void tell_unknown(struct build *b)
{
    if (!dr_str_eqz(b->rec->object, "call") &&
        !dr_str_eqz(b->rec->object, "email")) {
        build_note(b, DR_STR_LIT("type"), rule_id(b, "type"), b->rec->object,
                   DR_STR_LIT("Imported activity"),
                   "a kind of activity that Drover does not know: carried as "
                   "a general one");
    }
}

size_t make_activity(struct build *b, struct dr_load out[LOADS_MAX])
{
    if (dr_str_eqz(b->op->type, "call_logs")) {
        return call_log(b, out);
    }
    title(b);
    tell_unknown(b);
    times(b, "start_date", "end_date");
    outcome(b, "sales_activity_outcome_id");
    status(b);
    participants(b);
    (void)apply_target(b, true);
    body(b, "notes", "activity");
    return done(b, out);
}

/* Where the plan says that it stands in the text, and nowhere else. */
static void outcome_in_text(struct build *b)
{
    struct dr_str s = dr_str_trim(prop_text(b, "outcome"));

    for (size_t i = 0; s.n > 0 && i < b->op->n; i++) {
        const struct rule *r = &b->op->rules[i];
        if (dr_str_eqz(r->source, "outcome") && r->xf == XF_APPEND) {
            build_note(b, r->source, r->id, s, (struct dr_str){"", 0},
                       "an appointment is given no outcome: it stands in the "
                       "text");
            return;
        }
    }
}

/* Appointments have no owner that could be set. Attendees are not written:
 * Freshsales might invite them. */
size_t make_meeting(struct build *b, struct dr_load out[LOADS_MAX])
{
    title(b);
    times(b, "from_date", "end_date");
    known_value(b, "time_zone", "time_zone", DR_VAL_TEXT,
                "Freshsales has no such time zone: it stands in the text");
    outcome_in_text(b);
    tell_owner(b, "an appointment has no owner that could be set: it stands in "
                  "the text");
    participants(b);
    (void)apply_target(b, false);
    body(b, "description", "activity");
    return done(b, out);
}
