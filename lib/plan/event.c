/* An event becomes a sales activity of its contact: its own type, its name as
 * title, the moment of the event, its data as text. */
#include "event.h"

#include <drover/base/time.h>

#define DAY_MS INT64_C(86400000)

static struct dr_str member(const struct build *b, const char *name)
{
    return dr_json_scalar(dr_json_get(b->root, name));
}

/* The shape that the source's schema gives; unknown types and versions pass
 * as flat, and are told. */
static enum event_shape shape_of(struct build *b, const struct event_type *t)
{
    struct dr_str version = member(b, "schema_version");
    enum event_shape s =
        t ? event_shape_named(map_text(t->versions, version)) : EVENT_UNKNOWN;

    if (s != EVENT_UNKNOWN) {
        return s;
    }
    build_note(b, t ? DR_STR_LIT("schema_version") : DR_STR_LIT("type"),
               DR_STR_LIT("event.data"), t ? version : member(b, "type"),
               DR_STR_LIT("flat"),
               t ? "FastTrack's schema does not have this version of the "
                   "event: its data was read as flat"
                 : "FastTrack's schema does not have this type of event: its "
                   "data was read as flat");
    return EVENT_FLAT;
}

static void tell(struct build *b, const struct event_text *t,
                 enum event_shape declared, enum event_shape real)
{
    struct dr_str data = DR_STR_LIT("data"), rule = DR_STR_LIT("event.data");

    if (real > declared) {
        build_note(b, data, rule, dr_str_z(event_shape_name(real)),
                   dr_str_z(event_shape_name(declared)),
                   "the data is more than the schema of this version says: "
                   "what is deeper stands as JSON");
    }
    if (t->shortened > 0) {
        build_note(b, data, rule, build_printf(b, "%u names", t->shortened),
                   (struct dr_str){"", 0},
                   "names of more than 100 characters were cut there");
    }
    if (t->deep > 0 && declared == EVENT_NESTED) {
        build_note(b, data, rule, build_printf(b, "%u values", t->deep),
                   DR_STR_LIT("JSON"),
                   "the data is nested too deep: what is below stands as JSON");
    }
    if (t->left_out > 0) {
        build_note(b, data, rule, build_printf(b, "%u values", t->left_out),
                   (struct dr_str){"", 0},
                   "more values than the text of one activity takes (400): "
                   "the others were left out");
    }
}

static void origin_line(struct event_text *t, const char *label,
                        struct dr_str s)
{
    if (s.n > 0 && dr_text_valid(s) &&
        dr_str_find(s, DR_STR_LIT("\n")) == SIZE_MAX) {
        dr_buf_printf(&t->out, "%s: " DR_STR_FMT "\n", label, DR_STR_ARG(s));
    }
}

static void origin(struct build *b, struct event_text *t,
                   enum event_shape declared)
{
    origin_line(t, "Event", member(b, "type"));
    origin_line(t, "Notification", member(b, "notification_type"));
    origin_line(t, "Schema version", member(b, "schema_version"));
    origin_line(t, "Shape", dr_str_z(event_shape_name(declared)));
    origin_line(t, "Origin", member(b, "origin"));
    origin_line(t, "Ingested", member(b, "ingested_at"));
    origin_line(t, "User agent", member(b, "user_agent"));
    origin_line(t, "IP address", member(b, "ip_address"));
}

static struct dr_str fitting(struct build *b, struct dr_str s, size_t room)
{
    struct dr_str cut = dr_utf8_prefix(s, room);

    if (cut.n < s.n) {
        build_note(b, DR_STR_LIT("data"), DR_STR_LIT("event.data"), s, cut,
                   "cut to what the text of 10,000 characters holds beside "
                   "the lines that say where the event is from");
    }
    return cut;
}

/* The data first, then where it is from, last the marker; the data gives way
 * when all of it is more than the field holds. */
static void text(struct build *b, const struct event_type *type,
                 struct dr_str marker)
{
    const struct dr_json *data = dr_json_get(b->root, "data");
    struct dr_str last = marker_line(b, marker);
    enum event_shape declared = shape_of(b, type);
    struct event_text t, tail;
    struct dr_str lines;
    struct dr_buf all;
    size_t room;

    event_text_init(&t);
    event_text_init(&tail);
    dr_buf_init(&all, (size_t)AREA_MAX * 8);
    event_text_data(&t, data, declared);
    tell(b, &t, declared, event_shape_of(data));
    origin(b, &tail, declared);
    lines = dr_utf8_prefix(dr_buf_view(&tail.out), AREA_MAX / 2);
    room = AREA_MAX - dr_utf8_count(lines) - dr_utf8_count(last) - 2;
    dr_buf_str(&all, fitting(b, dr_buf_view(&t.out), room));
    dr_buf_z(&all, t.out.n > 0 ? "\n" : "");
    dr_buf_str(&all, lines);
    dr_buf_str(&all, last);
    build_text(b, "notes", "event.data", build_dup(b, dr_buf_view(&all)));
    b->oom |= t.out.over || t.path.over || all.over;
    dr_buf_done(&all);
    event_text_done(&tail);
    event_text_done(&t);
}

static void when(struct build *b)
{
    struct dr_str field = DR_STR_LIT("occurred_at");
    struct dr_str rule = DR_STR_LIT("event.occurred_at"), out;
    struct dr_str s = member(b, "occurred_at");
    int64_t at, seen;

    if (!value_instant(b, field, rule, s, &out)) {
        return;
    }
    build_text(b, "start_date", "event.occurred_at", out);
    build_text(b, "end_date", "event.occurred_at", out);
    if (dr_time_parse(s, &at, NULL) == 0 &&
        dr_time_parse(member(b, "ingested_at"), &seen, NULL) == 0 &&
        at > seen + DAY_MS) {
        build_note(b, field, rule, s, out,
                   "the event lies in the future of the day on which FastTrack "
                   "took it in: written as it is");
    }
}

static void contact(struct build *b)
{
    struct dr_str id = member(b, "contact_id");
    struct dr_str left = alias_of(b->rec, DR_STR_LIT("contact"), id);
    struct dr_ref r = {.field = DR_STR_LIT("targetable:Contact"),
                       .rule = DR_STR_LIT("event.contact_id"),
                       .lane = DR_STR_LIT("contact"),
                       .on_miss = DR_MISS_REJECT};

    if (id.n == 0) {
        build_reject(b, "no_target", DR_STR_LIT("contact_id"), r.rule,
                     "the event names no contact, and an activity of "
                     "Freshsales stands on a record",
                     "none: events cannot be corrected; the plan can make a "
                     "report of them");
        return;
    }
    r.key = load_key(b, "contact", left);
    build_ref(b, &r);
    if (!dr_str_eq(left, id)) { /* as in target.c: where that is not there */
        r.key = load_key(b, "contact", id);
        build_ref(b, &r);
    }
}

/* Events have no owner: the house's, as the catalogue's. */
static void owner(struct build *b)
{
    struct dr_str user = b->plan->house_owner.n > 0 ? b->plan->house_owner
                                                    : b->plan->fallback_owner;

    if (user.n > 0) {
        build_number(b, "owner_id", "event.owner_id", user);
        return;
    }
    build_reject(b, "owner_unresolved", DR_STR_LIT("owner_id"),
                 DR_STR_LIT("event.owner_id"),
                 "events have no owner in FastTrack, and nobody was named for "
                 "what nobody owns",
                 "propose and approve the plan with a house owner: the event "
                 "then flows by itself");
    if (dr_str_eqz(b->reject.class, "owner_unresolved")) {
        b->state = DR_OUT_PARKED;
        b->reject.parked = true;
    }
}

size_t make_event(struct build *b, struct dr_load out[LOADS_MAX])
{
    struct dr_str type, name;
    const struct event_type *t;
    struct dr_load head;

    b->root = build_read(b, b->rec->body);
    if (dr_json_type(b->root) != DR_JSON_OBJECT) {
        build_reject(b, "unreadable", DR_STR_LIT("*"), DR_STR_LIT("record"),
                     "the event is no readable JSON object",
                     "none: events cannot be corrected in FastTrack");
        return 0;
    }
    type = member(b, "type");
    type = type.n > 0 ? type : member(b, "notification_type");
    t = dr_map_get(b->plan->event_types, type);
    name = t && t->name.n > 0 ? t->name
           : type.n > 0       ? type
                              : DR_STR_LIT("Event");
    for (size_t i = 0; i < b->op->n; i++) {
        apply_rule(b, &b->op->rules[i]);
    }
    owner(b);
    build_text(b, "title", "event.title",
               value_cut(b, DR_STR_LIT("type"), DR_STR_LIT("event.title"), name,
                         TEXT_MAX));
    when(b);
    contact(b);
    build_load(b, &head, "activity");
    text(b, t, head.marker);
    build_load(b, &out[0], "activity");
    build_hash(b, &out[0]);
    return 1;
}
