/* Values on their way in: kinds of 3 to 8 and 13.2, limits of 19.3. */
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/time.h>

#include "fs.h"

#define AREA_LIMIT 10000
#define DIGITS_BEFORE 11
#define DIGITS_AFTER 4

bool knob_on(const struct fs *fs, const char *name)
{
    const char *v = knob_text(fs->knobs, name);

    return strcmp(v, "yes") == 0 || strcmp(v, "on") == 0 ||
           strcmp(v, "true") == 0 || strcmp(v, "1") == 0;
}

static bool is_scalar(const struct dr_json *in)
{
    enum dr_json_type t = dr_json_type(in);

    return t == DR_JSON_STRING || t == DR_JSON_NUMBER || t == DR_JSON_TRUE ||
           t == DR_JSON_FALSE;
}

static struct dr_str text_of(const struct dr_json *in)
{
    return dr_json_type(in) == DR_JSON_STRING ? in->text : in->raw;
}

static void put(char **slot, char *raw)
{
    free(*slot);
    *slot = raw;
}

bool dec_of_node(const struct dr_json *in, struct dr_dec *out)
{
    return dr_dec_parse_json(dr_str_trim(dr_json_scalar(in)), out) == 0;
}

bool dec_of_raw(const char *raw, struct dr_dec *out)
{
    struct dr_str s = dr_str_z(raw);

    if (s.n >= 2 && s.p[0] == '"') {
        s = (struct dr_str){s.p + 1, s.n - 2};
    }
    return dr_dec_parse_json(s, out) == 0;
}

char *raw_of_dec(const struct dr_dec *d)
{
    char text[DR_DEC_TEXT];

    return dr_xstrdup(dr_dec_text(d, text));
}

static void take_text(char **slot, const struct dr_json *in, const char *name,
                      int64_t limit, struct errs *e)
{
    struct dr_str s = text_of(in);

    if (!is_scalar(in)) {
        errs_add(e, MSG_TYPE, name, 0);
    } else if (limit > 0 && dr_utf8_count(s) > (size_t)limit) {
        errs_add(e, MSG_TOO_LONG, name, limit);
    } else {
        put(slot, raw_of_text(s));
    }
}

/* The lexeme stays as it came, but for an exponent. */
static void take_number(char **slot, const struct dr_json *in, const char *name,
                        struct errs *e)
{
    struct dr_str s = dr_str_trim(dr_json_scalar(in));
    struct dr_dec d;

    if (dr_json_type(in) == DR_JSON_STRING && s.n == 0) {
        put(slot, NULL);
    } else if (!dec_of_node(in, &d)) {
        errs_add(e, MSG_INVALID, name, 0);
    } else if (dr_json_type(in) == DR_JSON_NUMBER && dr_dec_parse(s, &d) == 0) {
        put(slot, dr_xstrndup(s));
    } else {
        put(slot, raw_of_dec(&d));
    }
}

static void take_money(char **slot, const struct dr_json *in, const char *name,
                       struct errs *e)
{
    struct dr_dec d;
    char text[DR_DEC_TEXT];

    if (dr_json_type(in) == DR_JSON_STRING && in->text.n == 0) {
        put(slot, NULL);
    } else if (!dec_of_node(in, &d)) {
        errs_add(e, MSG_INVALID, name, 0);
    } else {
        put(slot, raw_of_text(dr_str_z(dr_dec_money(&d, text))));
    }
}

static void take_int(char **slot, const struct dr_json *in, const char *name,
                     struct errs *e)
{
    struct dr_buf b;
    int64_t v;

    if (dr_json_type(in) == DR_JSON_STRING && in->text.n == 0) {
        put(slot, NULL);
    } else if (dr_json_i64(in, &v)) {
        errs_add(e, MSG_INVALID, name, 0);
    } else {
        dr_buf_init(&b, 32);
        dr_buf_i64(&b, v);
        put(slot, dr_xstrndup(dr_buf_view(&b)));
        dr_buf_done(&b);
    }
}

static void take_bool(char **slot, const struct dr_json *in, const char *name,
                      struct errs *e)
{
    struct dr_str s = text_of(in);

    if (!is_scalar(in)) {
        errs_add(e, MSG_TYPE, name, 0);
    } else if (dr_str_eqz(s, "true") || dr_str_eqz(s, "1")) {
        put(slot, dr_xstrdup("true"));
    } else if (dr_str_eqz(s, "false") || dr_str_eqz(s, "0")) {
        put(slot, dr_xstrdup("false"));
    } else if (s.n == 0) {
        put(slot, NULL);
    } else {
        errs_add(e, MSG_INVALID, name, 0);
    }
}

/* Some clients send zero dates: nothing is meant by them (25). */
static bool zero_date(struct dr_str s)
{
    return s.n == 0 || dr_str_starts(s, DR_STR_LIT("0001-01-01")) ||
           dr_str_starts(s, DR_STR_LIT("0000-00-00"));
}

static void take_date(char **slot, const struct dr_json *in, const char *name,
                      struct errs *e)
{
    struct dr_str s = dr_str_trim(dr_json_str(in));
    char text[DR_TIME_TEXT];
    int64_t ms, day;

    if (dr_json_type(in) != DR_JSON_STRING) {
        errs_add(e, MSG_TYPE, name, 0);
    } else if (zero_date(s)) {
        put(slot, NULL);
    } else if (stamp_parse(s, &ms)) {
        errs_add(e, MSG_INVALID, name, 0);
    } else {
        if (s.n >= 10 && dr_date_parse((struct dr_str){s.p, 10}, &day) == 0) {
            ms = day; /* the day as it was written, whatever the zone */
        }
        put(slot, raw_of_text(dr_str_z(dr_date_format(ms, text))));
    }
}

static void take_stamp(char **slot, const struct dr_json *in, const char *name,
                       struct errs *e)
{
    struct dr_str s = dr_str_trim(dr_json_str(in));
    struct dr_buf b;
    int64_t ms;

    if (dr_json_type(in) != DR_JSON_STRING) {
        errs_add(e, MSG_TYPE, name, 0);
    } else if (zero_date(s)) {
        put(slot, NULL);
    } else if (stamp_parse(s, &ms)) {
        errs_add(e, MSG_INVALID, name, 0);
    } else {
        dr_buf_init(&b, 32);
        dr_buf_i64(&b, ms);
        put(slot, dr_xstrndup(dr_buf_view(&b)));
        dr_buf_done(&b);
    }
}

/* Empty strings and 0 mean "none": clients send them (25). */
static void take_id(struct fs *fs, char **slot, const struct dr_json *in,
                    const struct attr *at, struct errs *e)
{
    struct dr_str s = dr_json_scalar(in);
    int64_t id = 0;
    bool there;

    if (s.n == 0 && dr_json_type(in) == DR_JSON_STRING) {
        put(slot, NULL);
        return;
    }
    if (dr_json_i64(in, &id)) {
        errs_add(e, MSG_INVALID, at->name, 0);
        return;
    }
    if (id == 0) {
        put(slot, NULL);
        return;
    }
    there = at->kind == KIND_RECORD
                ? rec_live(fs, ent_by_path(dr_str_z(at->ref)), id) != NULL
                : selector_item(fs, at->ref, id) != NULL;
    if (!there) {
        errs_add(e, MSG_INVALID, at->name, 0);
        return;
    }
    put(slot, dr_xstrndup(s));
}

/* ---- choices ---- */

static const struct choice *choice_by_id(const struct field *f, struct dr_str s)
{
    for (size_t i = 0; i < f->choice_count; i++) {
        struct dr_str id = dr_str_z(f->choices[i].id);
        if (id.n >= 2 && id.p[0] == '"') {
            id = (struct dr_str){id.p + 1, id.n - 2};
        }
        if (dr_str_eq(id, s)) {
            return &f->choices[i];
        }
    }
    return NULL;
}

static const struct choice *choice_by_text(const struct field *f,
                                           struct dr_str s)
{
    for (size_t i = 0; i < f->choice_count; i++) {
        if (dr_str_eqz(s, f->choices[i].value)) {
            return &f->choices[i];
        }
    }
    return NULL;
}

/* What knob unknown_choice_value makes of a text that is no choice. */
static void unknown_choice(struct fs *fs, char **slot, struct dr_str s,
                           const char *name, struct errs *e)
{
    if (knob_is(fs->knobs, "unknown_choice_value", "null")) {
        put(slot, NULL);
    } else if (knob_is(fs->knobs, "unknown_choice_value", "text")) {
        put(slot, raw_of_text(s));
    } else {
        errs_add(e, MSG_NOT_A_CHOICE, name, 0);
    }
}

static void take_choice_id(struct fs *fs, struct rec *r, int at,
                           const struct dr_json *in, struct errs *e)
{
    const struct attr *attr = &entity_of(r->ent)->attrs[at];
    const struct field *f = field_of(fs, r->ent, dr_str_z(attr->name));
    struct dr_str s = text_of(in);
    const struct choice *c;

    if (!is_scalar(in)) {
        errs_add(e, MSG_TYPE, attr->name, 0);
        return;
    }
    if (!f || f->choice_count == 0) {
        take_int(&r->v[at], in, attr->name, e);
        return;
    }
    c = choice_by_id(f, s);
    if (!c) {
        c = choice_by_text(f, s);
    }
    if (c) {
        struct dr_buf b;
        dr_buf_init(&b, 256);
        raw_text(c->id, &b);
        put(&r->v[at], dr_xstrndup(dr_buf_view(&b)));
        dr_buf_done(&b);
    } else if (s.n == 0 || dr_str_eqz(s, "0")) {
        put(&r->v[at], NULL);
    } else {
        unknown_choice(fs, &r->v[at], s, attr->name, e);
    }
}

void value_take(struct fs *fs, struct rec *r, int at, const struct dr_json *in,
                struct errs *e)
{
    const struct attr *attr = &entity_of(r->ent)->attrs[at];
    char **slot = &r->v[at];

    if (attr->take) {
        attr->take(fs, r, in, e);
        return;
    }
    if (dr_json_is_null(in)) {
        put(slot, NULL);
        return;
    }
    switch (attr->kind) {
    case KIND_TEXT:
        take_text(slot, in, attr->name, knob_int(fs->knobs, "text_limit"), e);
        break;
    case KIND_AREA:
        take_text(slot, in, attr->name, 0, e);
        break;
    case KIND_NUMBER:
        take_number(slot, in, attr->name, e);
        break;
    case KIND_MONEY:
        take_money(slot, in, attr->name, e);
        break;
    case KIND_INT:
        take_int(slot, in, attr->name, e);
        break;
    case KIND_BOOL:
        take_bool(slot, in, attr->name, e);
        break;
    case KIND_DATE:
        take_date(slot, in, attr->name, e);
        break;
    case KIND_STAMP:
        take_stamp(slot, in, attr->name, e);
        break;
    case KIND_ID:
    case KIND_RECORD:
        take_id(fs, slot, in, attr, e);
        break;
    case KIND_CHOICE:
        take_choice_id(fs, r, at, in, e);
        break;
    case KIND_OWN:
        break;
    }
}

/* ---- custom fields ---- */

static bool type_is(const struct field *f, const char *type)
{
    return strcmp(f->type, type) == 0;
}

/* "number: 11 digits before, 4 after the decimal point" */
static void take_custom_number(char **slot, const struct dr_json *in,
                               const char *name, struct errs *e)
{
    struct dr_dec d;

    if (dr_json_scalar(in).n > 0 && dec_of_node(in, &d)) {
        char text[DR_DEC_TEXT];
        struct dr_str rest = dr_str_z(dr_dec_text(&d, text));
        struct dr_str whole = dr_str_split(&rest, '.');
        if (whole.n > 0 && whole.p[0] == '-') {
            whole = (struct dr_str){whole.p + 1, whole.n - 1};
        }
        if (whole.n > DIGITS_BEFORE || rest.n > DIGITS_AFTER) {
            errs_add(e, MSG_INVALID, name, 0);
            return;
        }
    }
    take_number(slot, in, name, e);
}

static void take_dropdown(struct fs *fs, char **slot, const struct field *f,
                          const struct dr_json *in, struct errs *e)
{
    struct dr_str s = text_of(in);

    if (!is_scalar(in)) {
        errs_add(e, MSG_TYPE, f->name, 0);
    } else if (s.n == 0) {
        put(slot, NULL);
    } else if (choice_by_text(f, s)) {
        put(slot, raw_of_text(s));
    } else {
        unknown_choice(fs, slot, s, f->name, e);
    }
}

/* One text joined by ';', or an array of texts. */
static void join(const struct dr_json *in, struct dr_buf *out)
{
    if (dr_json_type(in) != DR_JSON_ARRAY) {
        dr_buf_str(out, dr_json_scalar(in));
        return;
    }
    DR_JSON_EACH(j, in)
    {
        if (out->n > 0) {
            dr_buf_ch(out, ';');
        }
        dr_buf_str(out, dr_json_scalar(j));
    }
}

static void take_multi(struct fs *fs, char **slot, const struct field *f,
                       const struct dr_json *in, struct errs *e)
{
    struct dr_buf all;
    struct dr_str rest;
    bool good = true;

    dr_buf_init(&all, (size_t)1 << 20);
    join(in, &all);
    rest = dr_buf_view(&all);
    while (rest.p && good && all.n > 0) {
        struct dr_str one = dr_str_trim(dr_str_split(&rest, ';'));
        good = one.n == 0 || choice_by_text(f, one) != NULL;
    }
    if (all.n == 0) {
        put(slot, NULL);
    } else if (good) {
        put(slot, raw_of_text(dr_buf_view(&all)));
    } else {
        unknown_choice(fs, slot, dr_buf_view(&all), f->name, e);
    }
    dr_buf_done(&all);
}

static void take_custom(struct fs *fs, char **slot, const struct field *f,
                        const struct dr_json *in, struct errs *e)
{
    if (dr_json_is_null(in)) {
        put(slot, NULL);
    } else if (type_is(f, "formula")) {
        return; /* computed, read-only (13.2) */
    } else if (type_is(f, "textarea") || type_is(f, "paragraph")) {
        take_text(slot, in, f->name, AREA_LIMIT, e);
    } else if (type_is(f, "number") || type_is(f, "decimal")) {
        take_custom_number(slot, in, f->name, e);
    } else if (type_is(f, "dropdown") || type_is(f, "radio")) {
        take_dropdown(fs, slot, f, in, e);
    } else if (type_is(f, "multi_select_dropdown")) {
        take_multi(fs, slot, f, in, e);
    } else if (type_is(f, "checkbox")) {
        take_bool(slot, in, f->name, e);
    } else if (type_is(f, "date")) {
        take_date(slot, in, f->name, e);
    } else if (type_is(f, "date_time") || type_is(f, "date_time_split")) {
        take_stamp(slot, in, f->name, e);
    } else if (type_is(f, "auto_complete")) {
        take_int(slot, in, f->name, e);
    } else {
        take_text(slot, in, f->name, knob_int(fs->knobs, "text_limit"), e);
    }
}

void custom_take(struct fs *fs, struct rec *r, const struct dr_json *hash,
                 struct errs *e)
{
    if (dr_json_is_null(hash)) {
        return;
    }
    if (dr_json_type(hash) != DR_JSON_OBJECT) {
        errs_add(e, MSG_TYPE, "custom_field", 0);
        return;
    }
    if (knob_is(fs->knobs, "custom_field_put", "replace")) {
        for (size_t i = 0; i < r->cf_count; i++) {
            put(&r->cf[i], NULL);
        }
    }
    DR_JSON_EACH(j, hash)
    {
        struct field *f = field_of(fs, r->ent, j->key);
        if (f && f->custom) {
            char *now =
                rec_cf(r, f->slot) ? dr_xstrdup(rec_cf(r, f->slot)) : NULL;
            take_custom(fs, &now, f, j, e);
            rec_set_cf(r, f->slot, now);
            free(now);
        } else if (knob_is(fs->knobs, "unknown_cf_key", "400")) {
            char *name = dr_xstrndup(j->key);
            errs_add(e, MSG_UNKNOWN_CF, name, 0);
            free(name);
        }
    }
}
