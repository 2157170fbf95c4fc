#include "checklist.h"

#include <string.h>

#define COLUMNS 8 /* of the table of an item's stages or fields */

/* One line of Markdown: what would end it or mark it up is taken away. */
static void plain(struct dr_buf *out, struct dr_str s)
{
    size_t digits = 0;

    while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9') {
        digits++;
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool begins = (i == 0 && strchr("-+=~", c)) ||
                      (i == digits && i > 0 && strchr(".)", c));
        if (c < 0x20 || c == 0x7f) {
            dr_buf_ch(out, ' ');
        } else if (begins || strchr("|*_`<>[]\\#&!", c)) {
            dr_buf_ch(out, '\\');
            dr_buf_ch(out, (char)c);
        } else {
            dr_buf_ch(out, (char)c);
        }
    }
}

/* A list of names in one line; what is neither is written as JSON. */
static void value(struct dr_buf *out, const struct dr_json *v)
{
    if (dr_json_type(v) != DR_JSON_ARRAY) {
        plain(out, dr_json_type(v) == DR_JSON_STRING || !v ? dr_json_str(v)
                   : v->type == DR_JSON_NULL               ? DR_STR_LIT("-")
                   : v->type == DR_JSON_TRUE               ? DR_STR_LIT("yes")
                   : v->type == DR_JSON_FALSE              ? DR_STR_LIT("no")
                                                           : v->raw);
        return;
    }
    DR_JSON_EACH(e, v)
    {
        plain(out, dr_json_type(e) == DR_JSON_STRING ? dr_json_str(e) : e->raw);
        dr_buf_z(out, e->next ? ", " : "");
    }
}

/* "forecast_type" as people say it. */
static void words(struct dr_buf *out, struct dr_str key)
{
    for (size_t i = 0; i < key.n; i++) {
        plain(out, key.p[i] == '_' ? DR_STR_LIT(" ")
                                   : (struct dr_str){key.p + i, 1});
    }
}

/* ---- lists ---- */

static void numbered(struct dr_buf *out, const struct dr_json *list)
{
    unsigned n = 0;

    DR_JSON_EACH(e, list)
    {
        dr_buf_printf(out, "  %u. ", ++n);
        value(out, e);
        dr_buf_ch(out, '\n');
    }
}

static size_t columns_of(const struct dr_json *list, struct dr_str *out)
{
    size_t n = 0;

    DR_JSON_EACH(row, list)
    {
        DR_JSON_EACH(m, row)
        {
            bool known = false;
            for (size_t i = 0; i < n; i++) {
                known |= dr_str_eq(out[i], m->key);
            }
            if (!known && n < COLUMNS) {
                out[n++] = m->key;
            }
        }
    }
    return n;
}

/* Stages and fields: a row each, what any of them says as columns. */
static void table(struct dr_buf *out, const struct dr_json *list)
{
    struct dr_str keys[COLUMNS];
    size_t n = columns_of(list, keys);

    dr_buf_z(out, "\n| ");
    for (size_t i = 0; i < n; i++) {
        words(out, keys[i]);
        dr_buf_z(out, i + 1 < n ? " | " : " |\n|");
    }
    for (size_t i = 0; i < n; i++) {
        dr_buf_z(out, " --- |");
    }
    DR_JSON_EACH(row, list)
    {
        dr_buf_z(out, "\n|");
        for (size_t i = 0; i < n; i++) {
            dr_buf_ch(out, ' ');
            value(out, dr_json_gets(row, keys[i]));
            dr_buf_z(out, " |");
        }
    }
    dr_buf_z(out, "\n\n");
}

static void list_of(struct dr_buf *out, const struct dr_json *m)
{
    dr_buf_z(out, "- ");
    words(out, m->key);
    dr_buf_printf(out, ", %u in this order:\n", (unsigned)m->count);
    if (dr_json_type(dr_json_at(m, 0)) == DR_JSON_OBJECT) {
        table(out, m);
    } else {
        numbered(out, m);
    }
}

/* ---- items ---- */

static void details(struct dr_buf *out, const struct dr_json *item)
{
    static const char *const said[] = {"kind", "entity", "name", "status"};

    DR_JSON_EACH(m, item)
    {
        bool titled = false;
        for (size_t i = 0; i < DR_ARRAY_LEN(said); i++) {
            titled |= dr_str_eqz(m->key, said[i]);
        }
        if (titled || dr_json_is_null(m) ||
            (m->type == DR_JSON_STRING && m->text.n == 0)) {
            continue;
        }
        if (dr_json_type(m) == DR_JSON_ARRAY && m->count > 0) {
            list_of(out, m);
            continue;
        }
        dr_buf_z(out, "- ");
        words(out, m->key);
        dr_buf_z(out, ": ");
        value(out, m);
        dr_buf_ch(out, '\n');
    }
}

static void section(struct dr_buf *out, const struct dr_json *item)
{
    dr_buf_z(out, "\n### ");
    words(out, dr_json_get_str(item, "kind"));
    dr_buf_z(out, " ");
    value(out, dr_json_get(item, "name"));
    dr_buf_z(out, " of ");
    value(out, dr_json_get(item, "entity"));
    dr_buf_z(out, "\n\n");
    details(out, item);
}

static unsigned sections(struct dr_buf *out, const struct dr_json *items,
                         const char *status, const char *title)
{
    unsigned n = 0;

    DR_JSON_EACH(i, items)
    {
        if (!dr_str_eqz(dr_json_get_str(i, "status"), status)) {
            continue;
        }
        if (n++ == 0) {
            dr_buf_printf(out, "\n## %s\n", title);
        }
        section(out, i);
    }
    return n;
}

void checklist_md(const struct dr_json *checklist, struct dr_buf *out)
{
    const struct dr_json *items = dr_json_get(checklist, "items");

    dr_buf_z(out, "# What to create in Freshsales\n");
    if (sections(out, items, "missing", "To be created") == 0) {
        dr_buf_z(out, "\nNothing is missing.\n");
    }
    (void)sections(out, items, "waived", "Waived: not asked for");
    (void)sections(out, items, "present", "There already");
}

/* ---- merging ---- */

static bool same_item(const struct dr_json *a, const struct dr_json *b)
{
    static const char *const keys[] = {"kind", "entity", "name", "detail"};

    for (size_t i = 0; i < DR_ARRAY_LEN(keys); i++) {
        if (!dr_str_eq(dr_json_get_str(a, keys[i]),
                       dr_json_get_str(b, keys[i]))) {
            return false;
        }
    }
    return true;
}

static bool listed(const struct dr_json *items, const struct dr_json *item)
{
    DR_JSON_EACH(i, items)
    {
        if (same_item(i, item)) {
            return true;
        }
    }
    return false;
}

static void write_present(struct dr_json_w *w, const struct dr_json *item)
{
    dr_json_w_obj(w);
    DR_JSON_EACH(m, item)
    {
        dr_json_w_keys(w, m->key);
        if (dr_str_eqz(m->key, "status")) {
            dr_json_w_z(w, "present");
        } else {
            dr_json_w_tree(w, m);
        }
    }
    dr_json_w_end(w);
}

void checklist_merge(const struct dr_json *now, const struct dr_json *before,
                     const struct dr_catalogs *c, struct dr_arena *a,
                     struct dr_buf *out)
{
    const struct dr_json *items = dr_json_get(now, "items");
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "items");
    dr_json_w_arr(&w);
    DR_JSON_EACH(i, items)
    {
        dr_json_w_tree(&w, i);
    }
    DR_JSON_EACH(i, dr_json_get(before, "items"))
    {
        if (!listed(items, i) && dr_plan_item_there(c, i, a)) {
            write_present(&w, i);
        }
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}
