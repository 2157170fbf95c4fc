/* What hangs on other records: tasks, notes, appointments, sales activities,
 * phone calls (reference 7 to 10). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kinds.h"
#include "write.h"

#define ATTENDEES_MAX 100

/* ---- the target of a body ---- */

static const struct dr_json *target_id(const struct dr_json *attrs)
{
    const struct dr_json *id = dr_json_get(attrs, "targetable_id");

    return id ? id : dr_json_get(dr_json_get(attrs, "targetable"), "id");
}

bool names_target(const struct dr_json *attrs)
{
    return !blank(target_id(attrs));
}

/* "Contact" and "contact" are one (reference 22/2). */
struct kind *target_kind(const struct dr_json *attrs)
{
    struct dr_str type = dr_json_get_str(attrs, "targetable_type");

    if (type.n == 0) {
        type = dr_json_get_str(dr_json_get(attrs, "targetable"), "type");
    }
    for (size_t i = 0; i < kind_count; i++) {
        if (dr_str_eqz(type, kinds[i].model) ||
            dr_str_eqz(type, kinds[i].root)) {
            return &kinds[i];
        }
    }
    return NULL;
}

struct rec *target_of(const struct dr_json *attrs, struct kind **kind_out)
{
    struct kind *k = target_kind(attrs);
    uint64_t id;

    if (!k || dr_str_u64(dr_json_scalar(target_id(attrs)), &id)) {
        return NULL;
    }
    *kind_out = k;
    return rec_alive(k, id);
}

/* Files hang on products, too, and neither they nor links on leads. */
static bool may_hang(const struct kind *k, const struct kind *on)
{
    bool file = is_type(k, "files");

    if (file || is_type(k, "document_links")) {
        return (on->core && !is_type(on, "leads")) ||
               (file && is_type(on, "products"));
    }
    return on->core;
}

static int check_target(const struct kind *k, const struct dr_json *attrs,
                        struct refusal *r)
{
    const struct dr_json *at = target_id(attrs);
    struct kind *on = NULL;
    uint64_t id;

    if (blank(at)) {
        return 0;
    }
    if (dr_str_u64(dr_json_scalar(at), &id)) {
        return noz(r, "%s is invalid", "targetable_id");
    }
    if (id == 0) {
        return 0; /* clients send 0 for none */
    }
    return target_of(attrs, &on) && may_hang(k, on)
               ? 0
               : noz(r, "%s does not exist", "targetable");
}

static void set_target(struct rec *r, const struct dr_json *attrs)
{
    const struct kind *k = target_kind(attrs);
    char text[128];
    uint64_t id;

    if (!k || dr_str_u64(dr_json_scalar(target_id(attrs)), &id) || id == 0) {
        return;
    }
    (void)snprintf(text, sizeof(text), "[{\"id\":%llu,\"type\":\"%s\"}]",
                   (unsigned long long)id, k->model);
    rec_set(r, "targetables", dr_str_z(text));
}

/* ---- what only some of them have ---- */

/* Whether the API takes the product's own types is not known: a knob. An
 * outcome belongs to its type. */
static int check_activity(struct account *a, const struct rec *rec,
                          const struct dr_json *attrs, struct refusal *r)
{
    struct list *types = list_of(a->selectors, "sales_activity_types");
    struct list *outcomes = list_of(a->selectors, "sales_activity_outcomes");
    const struct dr_json *e;
    uint64_t type, outcome;

    if (dr_str_u64(dr_json_scalar(dr_json_get(attrs, "sales_activity_type_id")),
                   &type) ||
        type == 0) {
        type = rec ? rec_id(rec, "sales_activity_type_id") : 0;
    }
    e = list_find(types, type);
    if (dr_json_true(dr_json_get(e, "is_default")) &&
        knob_is(a->knobs, "default_activity_types", "400")) {
        return noz(r, "%s is not a valid choice", "sales_activity_type_id");
    }
    if (dr_str_u64(
            dr_json_scalar(dr_json_get(attrs, "sales_activity_outcome_id")),
            &outcome) ||
        outcome == 0) {
        return 0;
    }
    e = list_find(outcomes, outcome);
    return (uint64_t)dr_json_get_i64(e, "sales_activity_type_id", 0) == type
               ? 0
               : noz(r, "%s is invalid", "sales_activity_outcome_id");
}

static int check_call(const struct dr_json *attrs, struct refusal *r)
{
    const struct dr_json *note = dr_json_get(attrs, "note");
    const struct dr_json *text = dr_json_get(note, "description");

    if (!dr_json_is_null(note) && note->type != DR_JSON_OBJECT) {
        return noz(r, "The type for %s is invalid.", "note");
    }
    return dr_json_is_null(text) || text->type == DR_JSON_STRING
               ? 0
               : noz(r, "%s is invalid", "description");
}

static int check_attendees(const struct dr_json *attrs, struct refusal *r)
{
    const struct dr_json *list =
        dr_json_get(attrs, "appointment_attendees_attributes");

    return dr_json_is_null(list) ||
                   (list->type == DR_JSON_ARRAY && list->count <= ATTENDEES_MAX)
               ? 0
               : noz(r, "The type for %s is invalid.",
                     "appointment_attendees_attributes");
}

int check_hanging(struct account *a, const struct kind *k,
                  const struct rec *rec, const struct dr_json *attrs,
                  struct refusal *r)
{
    if (check_target(k, attrs, r)) {
        return -1;
    }
    if (is_type(k, "sales_activities")) {
        return check_activity(a, rec, attrs, r);
    }
    if (is_type(k, "call_logs")) {
        return check_call(attrs, r);
    }
    return is_type(k, "appointments") ? check_attendees(attrs, r) : 0;
}

static void set_note(struct account *a, struct rec *r,
                     const struct dr_json *note)
{
    const struct dr_json *text = dr_json_get(note, "description");
    char *kept;
    char id[24];

    if (dr_json_is_null(text)) {
        return;
    }
    kept = compact(text);
    rec_set(r, "description", dr_str_z(kept));
    free(kept);
    if (rec_id(r, "note_id") == 0) {
        (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)new_id(a));
        rec_set(r, "note_id", dr_str_z(id));
    }
}

void set_hanging(struct account *a, const struct kind *k, struct rec *r,
                 const struct dr_json *attrs)
{
    const struct dr_json *people =
        dr_json_get(attrs, "appointment_attendees_attributes");

    set_target(r, attrs);
    if (!k->path && !rec_value(r, "@tie").p) {
        char id[24]; /* of the tie between a file and what it hangs on */
        (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)new_id(a));
        rec_set(r, "@tie", dr_str_z(id));
    }
    if (is_type(k, "call_logs")) {
        set_note(a, r, dr_json_get(attrs, "note"));
    } else if (is_type(k, "appointments") &&
               dr_json_type(people) == DR_JSON_ARRAY) {
        set_nested(a, r, people, "appointment_attendees");
    }
}

/* ---- what they show ---- */

static const struct dr_json *first_target(const struct show *s)
{
    return dr_json_at(rec_json(s->a, s->r, "targetables"), 0);
}

void show_target_id(const struct show *s)
{
    const struct dr_json *t = first_target(s);

    if (t) {
        dr_json_w_i64(s->w, dr_json_get_i64(t, "id", 0));
    } else {
        dr_json_w_null(s->w);
    }
}

void show_target_type(const struct show *s)
{
    const struct dr_json *t = first_target(s);

    if (t) {
        dr_json_w_str(s->w, dr_json_get_str(t, "type"));
    } else {
        dr_json_w_null(s->w);
    }
}

/* {"type": "contact", "id": 501}: the type in lower case (reference 8). */
void show_target(const struct show *s)
{
    const struct dr_json *t = first_target(s);
    struct dr_str type = dr_json_get_str(t, "type");

    if (!t) {
        dr_json_w_null(s->w);
        return;
    }
    for (size_t i = 0; i < kind_count; i++) {
        if (dr_str_eqz(type, kinds[i].model)) {
            type = dr_str_z(kinds[i].root);
        }
    }
    dr_json_w_obj(s->w);
    dr_json_w_kv(s->w, "type", type);
    dr_json_w_kvi(s->w, "id", dr_json_get_i64(t, "id", 0));
    dr_json_w_end(s->w);
}

void show_attendee_ids(const struct show *s)
{
    dr_json_w_arr(s->w);
    DR_JSON_EACH(e, rec_json(s->a, s->r, "appointment_attendees"))
    {
        dr_json_w_i64(s->w, dr_json_get_i64(e, "id", 0));
    }
    dr_json_w_end(s->w);
}

void show_end_date(const struct show *s)
{
    struct dr_str v = rec_value(s->r, "end_date");
    char text[STAMP_TEXT];
    int64_t ms;

    dr_json_w_z(s->w,
                dr_str_i64(v, &ms) == 0 ? stamp_text(s->a, ms, text) : NULL);
}

void show_created(const struct show *s)
{
    char text[STAMP_TEXT];

    dr_json_w_z(s->w, stamp_text(s->a, s->r->created_ms, text));
}

/* ---- the marker in their text ---- */

/* "[" 32 hexadecimal digits "]" near the end of a text: what tells that two
 * records are one. */
struct dr_str text_marker(struct dr_str s)
{
    size_t from = s.n > 64 ? s.n - 64 : 0;

    for (size_t at = s.n; at >= from + 34; at--) {
        size_t n = 0;
        if (s.p[at - 1] != ']' || s.p[at - 34] != '[') {
            continue;
        }
        while (n < 32 &&
               ((s.p[at - 33 + n] >= '0' && s.p[at - 33 + n] <= '9') ||
                (s.p[at - 33 + n] >= 'a' && s.p[at - 33 + n] <= 'f'))) {
            n++;
        }
        if (n == 32) {
            return (struct dr_str){s.p + at - 33, 32};
        }
    }
    return (struct dr_str){"", 0};
}
