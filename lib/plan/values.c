/* Values: what one property becomes by an ordinary rule. */
#include "plan_private.h"

#include <string.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>

#define YEAR_1900_MS INT64_C(-2208988800000)
#define YEAR_2101_MS INT64_C(4133980800000)
/* Joined values are cut to the field's limit afterwards; this bounds what is
 * held meanwhile. No record is larger (wire.h). */
#define JOINED_MAX ((size_t)8 << 20)
#define TAGS_MAX ((size_t)64 << 10)

const struct dr_json *prop(const struct build *b, const char *name)
{
    return dr_json_get(b->props, name);
}

struct dr_str prop_text(const struct build *b, const char *name)
{
    return value_text(prop(b, name));
}

struct dr_str prop_ref(const struct build *b, const char *name,
                       const char *type)
{
    return alias_of(b->rec, dr_str_z(type), prop_text(b, name));
}

static void null_field(struct build *b, const struct rule *r)
{
    build_field(b, r->target, r->id, DR_VAL_NULL, (struct dr_str){"", 0});
}

static bool readable(struct build *b, struct dr_str source, struct dr_str rule,
                     struct dr_str s)
{
    if (dr_text_valid(s)) {
        return true;
    }
    build_reject(b, "bad_text", source, rule,
                 "the text holds a NUL character, which Freshsales cannot "
                 "store",
                 "remove the character in FastTrack; the record is picked up "
                 "by itself");
    return false;
}

static void bad_value(struct build *b, const struct rule *r, const char *why,
                      const char *cure)
{
    build_reject(b, "bad_value", r->source, r->id, why, cure);
}

/* ---- texts ---- */

/* "10,000" */
static const char *limit_of(struct build *b, size_t max)
{
    struct dr_str head = max >= 1000 ? build_printf(b, "%zu,", max / 1000)
                                     : (struct dr_str){"", 0};
    struct dr_str s = build_printf(
        b,
        head.n > 0
            ? "cut to " DR_STR_FMT "%03zu characters, the limit of the field"
            : "cut to " DR_STR_FMT "%zu characters, the limit of the field",
        DR_STR_ARG(head), max % 1000);

    return s.n > 0 ? s.p : "cut to the limit of the field";
}

struct dr_str value_cut(struct build *b, struct dr_str source,
                        struct dr_str rule, struct dr_str s, size_t max)
{
    struct dr_str cut = dr_utf8_prefix(s, max);

    if (cut.n < s.n) {
        build_note(b, source, rule, s, cut, limit_of(b, max));
    }
    return cut;
}

struct dr_str value_name(struct build *b, const char *property,
                         struct dr_str rule)
{
    struct dr_str source = dr_str_z(property);
    struct dr_str s = prop_text(b, property);

    if (dr_str_trim(s).n == 0) {
        build_reject(b, "required_empty", source, rule,
                     "it has no name, and Freshsales requires one",
                     "name it in FastTrack");
        return (struct dr_str){"", 0};
    }
    if (!readable(b, source, rule, s)) {
        return (struct dr_str){"", 0};
    }
    return value_cut(b, source, rule, s, TEXT_MAX);
}

static void put_text(struct build *b, const struct rule *r, struct dr_str s)
{
    if (readable(b, r->source, r->id, s)) {
        build_field(
            b, r->target, r->id, DR_VAL_TEXT,
            value_cut(b, r->source, r->id, s,
                      r->max > 0 && r->max < AREA_MAX ? r->max : AREA_MAX));
    }
}

/* Reduced texts are told, for what a tag said is lost with it. */
static void put_html(struct build *b, const struct rule *r, struct dr_str s)
{
    if (readable(b, r->source, r->id, s)) {
        put_text(b, r, value_html(b, r->source, r->id, s));
    }
}

static void put_option(struct build *b, const struct rule *r, struct dr_str s)
{
    struct dr_str to = map_text(r->values, s);

    if (to.p) {
        build_field(b, r->target, r->id, DR_VAL_TEXT, to);
    } else if (readable(b, r->source, r->id, s)) {
        build_field(b, r->target, r->id, DR_VAL_TEXT,
                    value_cut(b, r->source, r->id, s, TEXT_MAX));
    }
}

/* Why it is empty there; NULL: the source's word stands in a field of its own,
 * so that nothing is lost. */
static const char *without_value(const struct build *b, const struct rule *r)
{
    const char *why = "Freshsales has no value of this name, by the plan";

    for (size_t i = 0; i < b->op->n; i++) {
        const struct rule *other = &b->op->rules[i];
        if (other == r || !dr_str_eq(other->source, r->source) ||
            other->xf == XF_IGNORE) {
            continue;
        }
        if (other->xf != XF_APPEND) {
            return NULL;
        }
        why = "Freshsales has no value of this name: it stands in the text";
    }
    return why;
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
    } else { /* by decision none */
        const char *why = without_value(b, r);
        if (why) {
            build_note(b, r->source, r->id, s, (struct dr_str){"", 0}, why);
        }
        null_field(b, r);
    }
}

/* ---- numbers ---- */

bool value_decimal(struct build *b, struct dr_str source, struct dr_str rule,
                   struct dr_str s, struct dr_str *out)
{
    struct dr_dec d;
    char text[DR_DEC_TEXT];

    if (dr_dec_parse(s, &d)) {
        build_reject(b, "bad_value", source, rule, "not a plain decimal number",
                     "write the number in FastTrack without currency sign, "
                     "thousands separator, brackets or exponent");
        return false;
    }
    *out = build_dup(b, dr_str_z(dr_dec_text(&d, text)));
    return true;
}

static void put_number(struct build *b, const struct rule *r, struct dr_str s)
{
    struct dr_str out;
    struct dr_dec d;

    if (!value_decimal(b, r->source, r->id, s, &out)) {
        return;
    }
    if (r->xf == XF_NUMBER && dr_dec_parse(out, &d) == 0 &&
        (d.n - d.scale > NUMBER_WHOLE || d.scale > NUMBER_FRACTION)) {
        bad_value(b, r,
                  "more than 11 digits before or 4 after the point: the "
                  "number field of Freshsales would change it",
                  "map the property to a text field in the plan, or shorten "
                  "the number");
        return;
    }
    build_field(b, r->target, r->id, DR_VAL_NUMBER, out);
}

/* The target keeps whole percents from 0 to 100. */
static void put_percent(struct build *b, const struct rule *r, struct dr_str s)
{
    struct dr_str out;
    struct dr_dec d, hundred;
    char text[DR_DEC_TEXT];

    if (!value_decimal(b, r->source, r->id, s, &out)) {
        return;
    }
    if (dr_dec_parse(out, &d) || dr_dec_parse(DR_STR_LIT("100"), &hundred) ||
        d.neg || dr_dec_cmp(&d, &hundred) > 0) {
        bad_value(b, r, "not a percentage from 0 to 100",
                  "correct the percentage in FastTrack");
        return;
    }
    if (d.scale > 0) {
        dr_dec_round(&d, 0);
        out = build_dup(b, dr_str_z(dr_dec_text(&d, text)));
        build_note(b, r->source, r->id, s, out,
                   "rounded: the target keeps whole percents");
    }
    build_field(b, r->target, r->id, DR_VAL_NUMBER, out);
}

/* ---- times ---- */

bool value_date(struct build *b, struct dr_str source, struct dr_str rule,
                struct dr_str s)
{
    int64_t ms;

    if (dr_date_parse(s, &ms) || ms < YEAR_1900_MS || ms >= YEAR_2101_MS) {
        build_reject(b, "bad_value", source, rule,
                     "not a date of the years 1900 to 2100 (YYYY-MM-DD)",
                     "correct the date in FastTrack");
        return false;
    }
    return true;
}

static void note_instant(struct build *b, struct dr_str source,
                         struct dr_str rule, struct dr_str s, struct dr_str out,
                         unsigned flags, bool fraction)
{
    if (flags & DR_TIME_NO_ZONE) {
        build_note(b, source, rule, s, out,
                   "no zone at the source: UTC was assumed");
    }
    if (flags & (DR_TIME_LEAP_SECOND | DR_TIME_24H)) {
        build_note(b, source, rule, s, out,
                   "a leap second or 24:00 was written as the instant that "
                   "calendars have");
    }
    if (fraction || (flags & DR_TIME_FRACTION)) {
        build_note(b, source, rule, s, out,
                   "fractions of a second are not kept by the target");
    }
}

bool value_is_instant(struct dr_str s)
{
    int64_t ms;

    return dr_time_parse(s, &ms, NULL) == 0 && ms >= YEAR_1900_MS &&
           ms < YEAR_2101_MS;
}

bool value_instant(struct build *b, struct dr_str source, struct dr_str rule,
                   struct dr_str s, struct dr_str *out)
{
    unsigned flags = 0;
    int64_t ms, rest;
    char text[DR_TIME_TEXT];

    if (dr_time_parse(s, &ms, &flags) || ms < YEAR_1900_MS ||
        ms >= YEAR_2101_MS) {
        build_reject(b, "bad_value", source, rule,
                     "not an unambiguous time of the years 1900 to 2100 "
                     "(YYYY-MM-DDThh:mm:ss with zone)",
                     "correct the time in FastTrack");
        return false;
    }
    rest = ((ms % 1000) + 1000) % 1000;
    *out = build_dup(b, dr_str_z(dr_time_format(ms - rest, text)));
    note_instant(b, source, rule, s, *out, flags, rest != 0);
    return true;
}

static void put_instant(struct build *b, const struct rule *r, struct dr_str s)
{
    struct dr_str out;

    if (value_instant(b, r->source, r->id, s, &out)) {
        build_field(b, r->target, r->id, DR_VAL_TEXT, out);
    }
}

/* ---- words for yes and no ---- */

static void put_bool(struct build *b, const struct rule *r,
                     const struct dr_json *j)
{
    static const char *const yes[] = {"true", "yes", "1", "on"};
    static const char *const no[] = {"false", "no", "0", "off"};
    struct dr_str s = value_text(j);

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

/* ---- several values ---- */

struct joining {
    struct build *b;
    const struct rule *r;
    struct dr_buf out;
    struct dr_map *seen; /* options: exact repeats are dropped */
};

static void join_one(struct joining *k, struct dr_str s)
{
    struct dr_str to = map_text(k->r->values, s);

    to = to.p ? to : s;
    if (k->r->xf == XF_MULTI) {
        if (dr_str_find(to, DR_STR_LIT(";")) != SIZE_MAX) {
            bad_value(k->b, k->r,
                      "an option holds a semicolon, which Freshsales uses "
                      "between options",
                      "rename the option in FastTrack");
        }
        if (dr_map_has(k->seen, to)) {
            build_note(k->b, k->r->source, k->r->id, s, (struct dr_str){"", 0},
                       "the same option twice: kept once");
            return;
        }
        dr_map_put(k->seen, to, k);
    }
    if (k->out.n > 0) {
        dr_buf_z(&k->out, k->r->xf == XF_MULTI ? ";" : "; ");
    }
    dr_buf_str(&k->out, to);
}

static void put_joined(struct build *b, const struct rule *r,
                       const struct dr_json *j)
{
    struct joining k = {.b = b, .r = r};

    k.seen = r->xf == XF_MULTI ? dr_map_new(NULL) : NULL;
    dr_buf_init(&k.out, JOINED_MAX);
    if (j->type == DR_JSON_ARRAY) {
        DR_JSON_EACH(e, j)
        {
            join_one(&k, value_text(e));
        }
    } else {
        join_one(&k, value_text(j));
    }
    put_text(b, r, build_dup(b, dr_buf_view(&k.out)));
    dr_buf_done(&k.out);
    dr_map_free(k.seen);
}

/* ---- tags ---- */

static bool earlier(const struct dr_json *list, const struct dr_json *e)
{
    DR_JSON_EACH(x, list)
    {
        if (x == e) {
            return false;
        }
        if (dr_str_eq(value_text(x), value_text(e))) {
            return true;
        }
    }
    return false;
}

static void put_tags(struct build *b, const struct rule *r,
                     const struct dr_json *j)
{
    struct dr_json_w w;
    struct dr_buf out;
    bool has = false;

    dr_buf_init(&out, TAGS_MAX);
    dr_json_w_init(&w, &out);
    dr_json_w_arr(&w);
    if (dr_json_type(j) == DR_JSON_ARRAY) {
        DR_JSON_EACH(e, j)
        {
            if (!out.over && !dr_json_is_null(e) && !earlier(j, e) &&
                readable(b, r->source, r->id, value_text(e))) {
                dr_json_w_str(&w, value_text(e));
                has |= dr_str_eqz(value_text(e), "archived");
            }
        }
    } else if (value_text(j).n > 0 &&
               readable(b, r->source, r->id, value_text(j))) {
        dr_json_w_str(&w, value_text(j));
    }
    if (b->rec->archived && !has) {
        dr_json_w_z(&w, "archived");
    }
    dr_json_w_end(&w);
    if (out.over) {
        bad_value(b, r, "more tags than one record may have (64 KiB)",
                  "remove tags in FastTrack");
    } else {
        build_field(b, r->target, r->id, DR_VAL_JSON,
                    build_dup(b, dr_buf_view(&out)));
    }
    dr_buf_done(&out);
}

/* ---- lines of the description ---- */

/* "12 min 30 s": nothing is rounded away. What is no length of time in seconds
 * is said as it is at the source, for nobody knows its unit. */
static bool is_length(struct dr_str s)
{
    struct dr_dec d;

    return dr_dec_parse(dr_str_trim(s), &d) == 0 &&
           !dr_str_starts(dr_str_trim(s), DR_STR_LIT("-"));
}

static void put_duration(struct dr_buf *out, struct dr_str s)
{
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = {{3600, "h"}, {60, "min"}, {1, "s"}};
    uint64_t left;
    bool any = false;

    if (dr_str_u64(dr_str_trim(s), &left)) {
        dr_buf_str(out, s);
        dr_buf_z(out, is_length(s) ? " s" : "");
        return;
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(units); i++) {
        uint64_t n = left / units[i].seconds;
        left -= n * units[i].seconds;
        if (n > 0 || (units[i].seconds == 1 && !any)) {
            dr_buf_printf(out, "%s%llu %s", any ? " " : "",
                          (unsigned long long)n, units[i].name);
            any = true;
        }
    }
}

/* In the words of the source's people, where the plan has them. */
static void put_word(struct build *b, const struct rule *r, struct dr_str s)
{
    struct dr_str word = map_text(r->values, s);

    if (r->seconds && s.n > 0) {
        put_duration(&b->description, s);
    } else {
        dr_buf_str(&b->description, word.n > 0 ? word : s);
    }
}

static void put_line(struct build *b, const struct rule *r,
                     const struct dr_json *j)
{
    bool first = true;

    if (!readable(b, r->source, r->id, value_text(j))) {
        return;
    }
    dr_buf_str(&b->description, r->label);
    dr_buf_z(&b->description, ": ");
    if (j->type == DR_JSON_ARRAY) {
        DR_JSON_EACH(e, j)
        {
            dr_buf_z(&b->description, first ? "" : ", ");
            put_word(b, r, value_text(e));
            first = false;
        }
    } else {
        put_word(b, r, value_text(j));
    }
    dr_buf_ch(&b->description, '\n');
}

static void put_value(struct build *b, const struct rule *r,
                      const struct dr_json *j)
{
    struct dr_str s = value_text(j);

    switch (r->xf) {
    case XF_COPY:
        put_text(b, r, s);
        break;
    case XF_NUMBER:
    case XF_MONEY:
        put_number(b, r, s);
        break;
    case XF_PERCENT:
        put_percent(b, r, s);
        break;
    case XF_DATE:
        if (value_date(b, r->source, r->id, s)) {
            build_field(b, r->target, r->id, DR_VAL_TEXT, s);
        }
        break;
    case XF_DATETIME:
        put_instant(b, r, s);
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
    case XF_JOIN:
        put_joined(b, r, j);
        break;
    case XF_APPEND:
        put_line(b, r, j);
        break;
    case XF_HTML:
        put_html(b, r, s);
        break;
    case XF_TAGS:
    case XF_CONST:
    case XF_IGNORE:
    case XF_SPECIAL:
        break;
    }
}

/* Nothing at the source: nothing in the target, whatever an earlier version
 * left there. A box of the target's own has no third state, so it stands as in
 * a new record; a deal's probability is that of its stage (deal.c). */
static void put_nothing(struct build *b, const struct rule *r)
{
    if (r->xf == XF_BOOL && !dr_str_starts(r->target, DR_STR_LIT("cf_"))) {
        build_field(b, r->target, r->id, DR_VAL_BOOL,
                    dr_str_eqz(r->target, "is_active") ? DR_STR_LIT("true")
                                                       : DR_STR_LIT("false"));
    } else if (r->xf != XF_APPEND && !dr_str_eqz(r->target, "probability")) {
        null_field(b, r);
    }
}

/* Records list their properties in the schema's order, and so do the rules:
 * mostly the next one is the one that is asked for. */
static const struct dr_json *next_prop(struct build *b, struct dr_str name)
{
    const struct dr_json *j = b->next_prop;

    if (!j || !dr_str_eq(j->key, name)) {
        j = dr_json_gets(b->props, name);
    }
    if (j) {
        b->next_prop = j->next;
    }
    return j;
}

/* A value that the plan leaves out is told, record by record. */
void apply_ignore(struct build *b, const struct rule *r,
                  const struct dr_json *j)
{
    struct dr_str text = dr_json_type(j) == DR_JSON_STRING ? j->text
                         : j                               ? j->raw
                             : (struct dr_str){"", 0};
    struct dr_str why;

    if (dr_json_is_null(j) || text.n == 0 || dr_str_eqz(text, "[]")) {
        return;
    }
    why = build_printf(b, "left out by the plan: " DR_STR_FMT,
                       DR_STR_ARG(r->reason));
    build_note(b, r->source, r->id, text, (struct dr_str){"", 0},
               why.n ? why.p : "left out by the plan");
}

/* What every record gets: an id of the target, or a text. */
static void put_const(struct build *b, const struct rule *r)
{
    struct dr_dec d;

    if (r->value.n == 0) {
        bad_value(b, r, "the plan names no value for this field yet",
                  "create what the checklist asks for, and have the plan "
                  "proposed and approved again");
        return;
    }
    build_field(b, r->target, r->id,
                dr_dec_parse_json(r->value, &d) == 0 ? DR_VAL_NUMBER
                                                     : DR_VAL_TEXT,
                r->value);
}

void apply_rule(struct build *b, const struct rule *r)
{
    const struct dr_json *j = r->source.n > 0 ? next_prop(b, r->source) : NULL;
    bool blank = dr_json_type(j) == DR_JSON_STRING && j->text.n == 0;

    if (r->xf == XF_IGNORE) {
        apply_ignore(b, r, j);
        return;
    }
    odd_tell(b, r, j);
    if (r->xf == XF_SPECIAL) {
        return;
    }
    if (r->xf == XF_CONST) {
        put_const(b, r);
        return;
    }
    if (r->xf == XF_TAGS) {
        put_tags(b, r, j);
        return;
    }
    if (blank && r->xf != XF_COPY && r->xf != XF_APPEND) {
        build_note(b, r->source, r->id, (struct dr_str){"\"\"", 2},
                   (struct dr_str){"", 0},
                   "an empty text is no value of this type");
    }
    if (dr_json_is_null(j) || (blank && r->xf != XF_COPY)) {
        put_nothing(b, r);
        return;
    }
    put_value(b, r, j);
}
