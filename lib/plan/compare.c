/* What is expected against what the target holds (reference 23.4 rule 6). */
#include "plan_private.h"

#include <drover/base/decimal.h>
#include <drover/base/time.h>

#include "html.h"

static bool same_number(struct dr_str a, struct dr_str b)
{
    struct dr_dec x, y;

    return dr_dec_parse_json(a, &x) == 0 && dr_dec_parse_json(b, &y) == 0 &&
           dr_dec_cmp(&x, &y) == 0;
}

static bool same_instant(struct dr_str a, struct dr_str b)
{
    int64_t x, y;

    if (dr_time_parse(a, &x, NULL) == 0 && dr_time_parse(b, &y, NULL) == 0) {
        return x == y;
    }
    /* A date against a stamp at midnight of the account's zone. */
    return a.n == 10 && b.n > 10 && dr_date_parse(a, &x) == 0 &&
           dr_str_eq(a, (struct dr_str){b.p, 10});
}

static bool in_list(struct dr_str list, char sep, struct dr_str item)
{
    while (list.p) {
        if (dr_str_eq(dr_str_trim(dr_str_split(&list, sep)), item)) {
            return true;
        }
    }
    return false;
}

static bool same_set(struct dr_str a, struct dr_str b)
{
    struct dr_str rest = a;

    while (rest.p) {
        if (!in_list(b, ';', dr_str_trim(dr_str_split(&rest, ';')))) {
            return false;
        }
    }
    for (rest = b; rest.p;) {
        if (!in_list(a, ';', dr_str_trim(dr_str_split(&rest, ';')))) {
            return false;
        }
    }
    return true;
}

static bool holds(const struct dr_json *array, struct dr_str text)
{
    DR_JSON_EACH(e, array)
    {
        if (dr_str_eq(dr_json_scalar(e), text)) {
            return true;
        }
    }
    return false;
}

/* Every expected tag is there; people may have given it more. The tag that says
 * of a record that it is archived is ours. */
static bool same_tags(struct dr_arena *a, struct dr_str expected,
                      const struct dr_json *actual)
{
    const struct dr_str archived = DR_STR_LIT("archived");
    const struct dr_json *list = dr_json_parse(a, expected, NULL, NULL);

    DR_JSON_EACH(e, list)
    {
        if (!holds(actual, dr_json_scalar(e))) {
            return false;
        }
    }
    return !holds(actual, archived) || holds(list, archived);
}

/* No price beside them, either. */
static bool same_prices(struct dr_arena *a, struct dr_str expected,
                        const struct dr_json *actual)
{
    const struct dr_json *list = dr_json_parse(a, expected, NULL, NULL);

    if (list && list->count != (actual ? actual->count : 0)) {
        return false;
    }
    DR_JSON_EACH(e, list)
    {
        bool found = false;
        DR_JSON_EACH(p, actual)
        {
            found |= dr_str_eq(dr_json_get_str(e, "currency_code"),
                               dr_json_get_str(p, "currency_code")) &&
                     same_number(dr_json_scalar(dr_json_get(e, "unit_price")),
                                 dr_json_scalar(dr_json_get(p, "unit_price")));
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* ---- texts of activities and notes ---- */

static bool is_text_field(const struct dr_load *load, const struct dr_field *f)
{
    return dr_str_eqz(f->name, "notes") ||
           (dr_str_eqz(f->name, "description") &&
            !dr_str_eqz(load->type, "products"));
}

/* What is read of a text: tags reduced, runs of blanks as one. A target shows
 * line breaks as it likes, and some wrap a text into HTML. */
static void words_of(struct dr_str s, struct dr_buf *out)
{
    struct dr_buf text;
    bool blank = false;

    dr_buf_init(&text, s.n * 2 + 4096);
    (void)html_to_text(s, NULL, &text);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
            blank = out->n > 0;
            continue;
        }
        if (blank) {
            dr_buf_ch(out, ' ');
            blank = false;
        }
        dr_buf_ch(out, c);
    }
    dr_buf_done(&text);
}

static bool same_words(struct dr_str a, struct dr_str b)
{
    struct dr_buf x, y;
    bool equal;

    dr_buf_init(&x, a.n * 2 + 4096);
    dr_buf_init(&y, b.n * 2 + 4096);
    words_of(a, &x);
    words_of(b, &y);
    equal = !x.over && !y.over && dr_str_eq(dr_buf_view(&x), dr_buf_view(&y));
    dr_buf_done(&x);
    dr_buf_done(&y);
    return equal;
}

/* Where a type has a field under another name when it is read. */
static const struct dr_json *renamed(const struct dr_load *load,
                                     const struct dr_field *f,
                                     const struct dr_json *record)
{
    if (dr_str_eqz(load->type, "files") && dr_str_eqz(f->name, "file_name")) {
        return dr_json_get(record, "content_file_name");
    }
    if (dr_str_eqz(load->type, "call_logs") &&
        dr_str_eqz(f->name, "description")) {
        return dr_json_get(dr_json_get(record, "note"), "description");
    }
    return NULL;
}

static const struct dr_json *actual_of(const struct dr_load *load,
                                       const struct dr_field *f,
                                       const struct dr_json *record)
{
    const struct dr_json *other = renamed(load, f, record);

    if (other) {
        return other;
    }
    if (dr_str_starts(f->name, DR_STR_LIT("cf_"))) {
        const struct dr_json *own = dr_json_get(record, "custom_field");
        /* a module's records may have them among the others */
        return dr_json_gets(own ? own : record, f->name);
    }
    if (dr_str_eqz(f->name, "emails")) {
        return dr_json_get(record, "email");
    }
    return dr_json_gets(record, f->name);
}

static struct dr_str shown(const struct dr_json *j)
{
    if (dr_json_is_null(j)) {
        return (struct dr_str){"", 0};
    }
    return dr_json_scalar(j).n         ? dr_json_scalar(j)
           : j->type == DR_JSON_STRING ? j->text
                                       : j->raw;
}

static bool same(const struct dr_load *load, const struct dr_field *f,
                 const struct dr_json *j, struct dr_arena *a)
{
    struct dr_str actual = shown(j);

    switch (f->kind) {
    case DR_VAL_NULL:
        return actual.n == 0 || dr_str_eqz(actual, "[]");
    case DR_VAL_NUMBER:
        return same_number(f->value, actual);
    case DR_VAL_BOOL: /* older accounts answer with numbers (10.1) */
        return dr_str_eq(f->value, actual) ||
               dr_str_eqz(actual, dr_str_eqz(f->value, "true") ? "1" : "0");
    case DR_VAL_JSON:
        return dr_str_eqz(f->name, "product_pricings")
                   ? same_prices(a, f->value, j)
                   : same_tags(a, f->value, j);
    case DR_VAL_TEXT:
        break;
    }
    if (dr_str_eq(f->value, actual)) {
        return true;
    }
    if (dr_str_eqz(f->name, "emails")) {
        return dr_str_ieq(dr_str_trim(f->value), dr_str_trim(actual));
    }
    if (dr_str_eqz(f->name, "amount")) {
        return same_number(f->value, actual);
    }
    if (is_text_field(load, f)) {
        return same_words(f->value, actual);
    }
    return same_instant(f->value, actual) ||
           (dr_str_starts(f->name, DR_STR_LIT("cf_")) &&
            dr_str_find(f->value, DR_STR_LIT(";")) != SIZE_MAX &&
            same_set(f->value, actual));
}

enum dr_cmp dr_compare_field(const struct dr_load *load,
                             const struct dr_field *field,
                             const struct dr_json *record, struct dr_arena *a,
                             struct dr_str *actual_out)
{
    const struct dr_json *j = actual_of(load, field, record);

    *actual_out = shown(j);
    if (same(load, field, j, a)) {
        return DR_CMP_SAME;
    }
    return j ? DR_CMP_DIFFERENT : DR_CMP_ABSENT;
}
