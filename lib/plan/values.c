/* Values: what one property becomes by an ordinary rule. */
#include "plan_private.h"

#include <string.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>

#define YEAR_1900_MS INT64_C(-2208988800000)
#define YEAR_2101_MS INT64_C(4133980800000)

const struct dr_json *prop(const struct build *b, const char *name)
{
    return dr_json_get(b->props, name);
}

/* Strings as they are, numbers and booleans by their lexeme; arrays and
 * objects by their JSON. */
static struct dr_str text_of(const struct dr_json *j)
{
    switch (dr_json_type(j)) {
    case DR_JSON_STRING:
    case DR_JSON_NUMBER:
        return j->text;
    case DR_JSON_ABSENT:
    case DR_JSON_NULL:
        return (struct dr_str){"", 0};
    case DR_JSON_TRUE:
    case DR_JSON_FALSE:
    case DR_JSON_ARRAY:
    case DR_JSON_OBJECT:
        return j->raw;
    }
    return (struct dr_str){"", 0};
}

struct dr_str prop_text(const struct build *b, const char *name)
{
    return text_of(prop(b, name));
}

static void null_field(struct build *b, const struct rule *r)
{
    build_field(b, r->target, r->id, DR_VAL_NULL, (struct dr_str){"", 0});
}

static bool readable(struct build *b, const struct rule *r, struct dr_str s)
{
    if (dr_text_valid(s)) {
        return true;
    }
    build_reject(b, "bad_text", r->source, r->id,
                 "the text holds a NUL character, which Freshsales cannot "
                 "store",
                 "remove the character in FastTrack; the record is picked up "
                 "by itself");
    return false;
}

static void put_text(struct build *b, const struct rule *r, struct dr_str s)
{
    struct dr_str cut;

    if (!readable(b, r, s)) {
        return;
    }
    cut = r->max ? dr_utf8_prefix(s, r->max) : s;
    if (cut.n < s.n) {
        build_note(b, r->source, r->id, s, cut,
                   r->max > TEXT_MAX
                       ? "cut to 10,000 characters, the limit of the field"
                       : "cut to 255 characters, the limit of the field");
    }
    build_field(b, r->target, r->id, DR_VAL_TEXT, cut);
}

static void bad_value(struct build *b, const struct rule *r, const char *why,
                      const char *cure)
{
    build_reject(b, "bad_value", r->source, r->id, why, cure);
}

static void put_number(struct build *b, const struct rule *r, struct dr_str s)
{
    struct dr_dec d;
    char text[DR_DEC_TEXT];

    if (dr_dec_parse(s, &d)) {
        bad_value(b, r, "not a plain decimal number",
                  "write the number in FastTrack without currency sign, "
                  "thousands separator or exponent");
        return;
    }
    if (r->xf == XF_NUMBER &&
        (d.n - d.scale > NUMBER_WHOLE || d.scale > NUMBER_FRACTION)) {
        bad_value(b, r,
                  "more than 11 digits before or 4 after the point: the "
                  "number field of Freshsales would change it",
                  "map the property to a text field in the plan, or shorten "
                  "the number");
        return;
    }
    build_field(b, r->target, r->id, DR_VAL_NUMBER,
                dr_arena_dup(b->a, dr_str_z(dr_dec_text(&d, text))));
}

static void put_date(struct build *b, const struct rule *r, struct dr_str s)
{
    int64_t ms;

    if (dr_date_parse(s, &ms) || ms < YEAR_1900_MS || ms >= YEAR_2101_MS) {
        bad_value(b, r, "not a date of the years 1900 to 2100 (YYYY-MM-DD)",
                  "correct the date in FastTrack");
        return;
    }
    build_field(b, r->target, r->id, DR_VAL_TEXT, s);
}

static void put_datetime(struct build *b, const struct rule *r, struct dr_str s)
{
    unsigned flags = 0;
    int64_t ms;
    char text[DR_TIME_TEXT];
    struct dr_str out;

    if (dr_time_parse(s, &ms, &flags) || ms < YEAR_1900_MS ||
        ms >= YEAR_2101_MS) {
        bad_value(b, r,
                  "not an unambiguous time of the years 1900 to 2100 "
                  "(YYYY-MM-DDThh:mm:ss with zone)",
                  "correct the time in FastTrack");
        return;
    }
    ms -= ((ms % 1000) + 1000) % 1000; /* the target keeps whole seconds */
    out = dr_arena_dup(b->a, dr_str_z(dr_time_format(ms, text)));
    if (flags & DR_TIME_NO_ZONE) {
        build_note(b, r->source, r->id, s, out,
                   "no zone at the source: UTC was assumed");
    } else if (flags & (DR_TIME_LEAP_SECOND | DR_TIME_24H)) {
        build_note(b, r->source, r->id, s, out,
                   "a leap second or 24:00 was written as the instant that "
                   "calendars have");
    } else if (flags & DR_TIME_FRACTION) {
        build_note(b, r->source, r->id, s, out,
                   "fractions of a second are not kept by the target");
    }
    build_field(b, r->target, r->id, DR_VAL_TEXT, out);
}

static void put_bool(struct build *b, const struct rule *r,
                     const struct dr_json *j)
{
    static const char *const yes[] = {"true", "yes", "1", "on"};
    static const char *const no[] = {"false", "no", "0", "off"};
    struct dr_str s = text_of(j);

    if (j->type == DR_JSON_TRUE || j->type == DR_JSON_FALSE) {
        build_field(b, r->target, r->id, DR_VAL_BOOL, j->raw);
        return;
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(yes); i++) {
        bool is_yes = dr_str_ieq(s, dr_str_z(yes[i]));
        if (is_yes || dr_str_ieq(s, dr_str_z(no[i]))) {
            struct dr_str v = is_yes ? DR_STR_LIT("true") : DR_STR_LIT("false");
            build_note(b, r->source, r->id, s, v, "a word read as yes or no");
            build_field(b, r->target, r->id, DR_VAL_BOOL, v);
            return;
        }
    }
    bad_value(b, r, "neither yes nor no", "correct the value in FastTrack");
}

static void put_option(struct build *b, const struct rule *r, struct dr_str s)
{
    struct dr_str to = map_text(r->values, s);

    if (!readable(b, r, s)) {
        return;
    }
    build_field(b, r->target, r->id, DR_VAL_TEXT, to.p ? to : s);
}

static void put_id(struct build *b, const struct rule *r, struct dr_str s)
{
    struct dr_str to = map_text(r->values, s);

    if (!to.p) {
        bad_value(b, r, "the plan has no target value for this pick-list value",
                  "propose and approve the plan again: it then asks for the "
                  "new value");
        return;
    }
    if (to.n > 0) {
        build_field(b, r->target, r->id, DR_VAL_NUMBER, to);
    } else { /* the source's word is kept in a custom field */
        null_field(b, r);
    }
}

/* Elements of an array, or the one value. */
static void put_joined(struct build *b, const struct rule *r,
                       const struct dr_json *j, const char *separator)
{
    struct dr_buf out;

    dr_buf_init(&out, (size_t)1 << 20);
    if (j->type != DR_JSON_ARRAY) {
        dr_buf_str(&out, text_of(j));
    } else {
        DR_JSON_EACH(e, j)
        {
            struct dr_str s = text_of(e);
            struct dr_str to = map_text(r->values, s);
            if (r->xf == XF_MULTI &&
                dr_str_find(s, DR_STR_LIT(";")) != SIZE_MAX) {
                bad_value(b, r,
                          "an option holds a semicolon, which Freshsales uses "
                          "between options",
                          "rename the option in FastTrack");
            }
            if (out.n > 0) {
                dr_buf_z(&out, separator);
            }
            dr_buf_str(&out, to.p ? to : s);
        }
    }
    put_text(b, r, dr_arena_dup(b->a, dr_buf_view(&out)));
    dr_buf_done(&out);
}

static void put_tags(struct build *b, const struct rule *r,
                     const struct dr_json *j)
{
    struct dr_json_w w;
    struct dr_buf out;

    dr_buf_init(&out, (size_t)1 << 20);
    dr_json_w_init(&w, &out);
    dr_json_w_arr(&w);
    DR_JSON_EACH(e, j)
    {
        if (e->type == DR_JSON_STRING) {
            dr_json_w_str(&w, e->text);
        }
    }
    if (b->rec->archived) {
        dr_json_w_z(&w, "archived");
    }
    dr_json_w_end(&w);
    build_field(b, r->target, r->id, DR_VAL_JSON,
                dr_arena_dup(b->a, dr_buf_view(&out)));
    dr_buf_done(&out);
}

static void put_line(struct build *b, const struct rule *r, struct dr_str s)
{
    if (!readable(b, r, s)) {
        return;
    }
    dr_buf_str(&b->description, r->label);
    dr_buf_z(&b->description, ": ");
    dr_buf_str(&b->description, s);
    dr_buf_ch(&b->description, '\n');
}

static void put_value(struct build *b, const struct rule *r,
                      const struct dr_json *j)
{
    struct dr_str s = text_of(j);

    switch (r->xf) {
    case XF_COPY:
        put_text(b, r, s);
        break;
    case XF_NUMBER:
    case XF_MONEY:
        put_number(b, r, s);
        break;
    case XF_DATE:
        put_date(b, r, s);
        break;
    case XF_DATETIME:
        put_datetime(b, r, s);
        break;
    case XF_BOOL:
        put_bool(b, r, j);
        break;
    case XF_OPTION:
        put_option(b, r, s);
        break;
    case XF_ID:
        put_id(b, r, s);
        break;
    case XF_MULTI:
        put_joined(b, r, j, ";");
        break;
    case XF_JOIN:
        put_joined(b, r, j, "; ");
        break;
    case XF_APPEND:
        put_line(b, r, s);
        break;
    case XF_TAGS:
    case XF_IGNORE:
    case XF_SPECIAL:
        break;
    }
}

void apply_rule(struct build *b, const struct rule *r)
{
    const struct dr_json *j = dr_json_gets(b->props, r->source);

    if (r->xf == XF_SPECIAL || r->xf == XF_IGNORE) {
        return;
    }
    if (r->xf == XF_TAGS) {
        put_tags(b, r, j);
        return;
    }
    /* An empty text is no value where the type is not text. */
    if (dr_json_is_null(j) ||
        (j->type == DR_JSON_STRING && j->text.n == 0 && r->xf != XF_COPY)) {
        if (!dr_json_is_null(j) && r->xf != XF_APPEND) {
            build_note(b, r->source, r->id, (struct dr_str){"\"\"", 2},
                       (struct dr_str){"", 0},
                       "an empty text is no value of this type");
        }
        if (r->xf != XF_APPEND) {
            null_field(b, r);
        }
        return;
    }
    put_value(b, r, j);
}
