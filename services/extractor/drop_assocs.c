/*
 * Associations of a folder: from_id, to_id, type_id, label, primary, category
 * and updated_at, in any order. A row that is none refuses the file: a link
 * that is left out would not be missed by anybody.
 */
#include "drop_private.h"

#include <stdlib.h>
#include <string.h>

#include "damage.h"

static const char *const heads[] = {"from_id", "to_id",    "type_id",   "label",
                                    "primary", "category", "updated_at"};
enum { FROM, TO, TYPE_ID, LABEL, PRIMARY, CATEGORY, UPDATED_AT, HEADS };

struct assocs {
    struct drop *d;
    struct drop_pair *p;
    size_t at[HEADS]; /* column, from 1; 0: there is none */
    size_t n;
    bool headed;
};

static int read_header(struct assocs *c, const struct dr_csv_record *r,
                       struct dr_err *err)
{
    c->n = r->n;
    for (size_t i = 0; i < r->n; i++) {
        struct dr_str head = dr_str_trim(r->cells[i].text);
        size_t k = 0;
        while (k < HEADS && !dr_str_ieq(head, dr_str_z(heads[k]))) {
            k++;
        }
        if (k == HEADS || c->at[k] > 0) {
            return dr_err_set(err, DR_HALT, 0, "csv",
                              "column %zu is none of from_id, to_id, type_id, "
                              "label, primary, category, updated_at, or stands "
                              "there twice: correct its header",
                              i + 1);
        }
        c->at[k] = i + 1;
    }
    return c->at[FROM] > 0 && c->at[TO] > 0
               ? 0
               : dr_err_set(err, DR_HALT, 0, "csv",
                            "there is no column from_id, or none to_id");
}

static struct dr_str cell(const struct assocs *c, const struct dr_csv_record *r,
                          int head)
{
    struct dr_str s = {"", 0};

    if (c->at[head] > 0) {
        s = r->cells[c->at[head] - 1].text;
        (void)damage_unwrap(s, &s);
    }
    return s;
}

/* NULL, or what is wrong with it. */
static const char *wrong_with(const struct assocs *c,
                              const struct dr_csv_record *r)
{
    struct dr_str from, to;

    if (r->n != c->n) {
        return "has not as many cells as the header";
    }
    from = cell(c, r, FROM);
    to = cell(c, r, TO);
    if (from.n == 0 || to.n == 0) {
        return "has no from_id or no to_id";
    }
    if (damage_of((struct dr_str){"", 0}, from) != DAMAGE_NONE ||
        damage_of((struct dr_str){"", 0}, to) != DAMAGE_NONE) {
        return "has an id that a spreadsheet rounded or cut off: export ids "
               "as text";
    }
    for (size_t i = 0; i < r->n; i++) {
        if (!dr_text_valid(r->cells[i].text)) {
            return "is not UTF-8, or holds NUL: name its encoding in the "
                   "manifest";
        }
    }
    return drop_word(cell(c, r, PRIMARY)) < 0
               ? "has a word in primary that is neither true nor false"
               : NULL;
}

static void add(struct assocs *c, const struct dr_csv_record *r)
{
    struct drop_pair *p = c->p;

    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 256;
        p->v = dr_xrealloc(p->v, p->cap * sizeof(*p->v));
    }
    p->v[p->n++] = (struct drop_end){
        .from = drop_keep(c->d, cell(c, r, FROM)),
        .to = drop_keep(c->d, cell(c, r, TO)),
        .type_id = drop_keep(c->d, cell(c, r, TYPE_ID)),
        .label = drop_keep(c->d, cell(c, r, LABEL)),
        .primary = drop_word(cell(c, r, PRIMARY)) == 1,
        .category = drop_keep(c->d, cell(c, r, CATEGORY)),
        .updated_at = drop_keep(c->d, cell(c, r, UPDATED_AT))};
}

static int assoc_row(void *ctx, const struct dr_csv_record *r,
                     struct dr_str raw, uint64_t offset, const char *bad,
                     struct dr_err *err)
{
    struct assocs *c = ctx;

    (void)raw;
    if (!c->headed && !bad) {
        c->headed = true;
        return read_header(c, r, err);
    }
    bad = bad ? bad : wrong_with(c, r);
    if (bad) {
        return dr_err_set(err, DR_HALT, 0, "csv", "the row at offset %llu %s",
                          (unsigned long long)offset, bad);
    }
    add(c, r);
    return 0;
}

/* ---- which pair it is ---- */

static bool in_schema(const struct drop *d, struct dr_str from,
                      struct dr_str to)
{
    const struct dr_json *list =
        dr_json_get(dr_json_get(d->schema, "associations"), "results");

    DR_JSON_EACH(p, list)
    {
        if (dr_str_eq(dr_json_get_str(p, "from"), from) &&
            dr_str_eq(dr_json_get_str(p, "to"), to)) {
            return true;
        }
    }
    return false;
}

/* Several files may hold one pair. NULL: the manifest names none. */
static struct drop_pair *pair_of(struct drop *d, const struct dr_json *f,
                                 struct dr_err *err)
{
    struct dr_str from = dr_json_get_str(f, "from");
    struct dr_str to = dr_json_get_str(f, "to");
    struct drop_pair *p = drop_pair(d, from, to);

    if (p) {
        return p;
    }
    if (from.n == 0 || to.n == 0) {
        (void)dr_err_set(err, DR_HALT, 0, "csv",
                         "the manifest does not say from and to of it");
        return NULL;
    }
    if (!in_schema(d, from, to) && in_schema(d, to, from)) {
        (void)dr_err_set(err, DR_HALT, 0, "csv",
                         "its from and to stand the other way round in "
                         "schema.json: exchange them in both");
        return NULL;
    }
    if (!in_schema(d, from, to)) {
        drop_tell(d, dr_json_get_str(f, "path"),
                  "name them in schema.json, if they are to be carried",
                  "these associations are not in schema.json: they are not "
                  "carried");
    }
    d->pairs = dr_xrealloc(d->pairs, (d->pair_n + 1) * sizeof(*d->pairs));
    p = &d->pairs[d->pair_n++];
    *p = (struct drop_pair){.from = from, .to = to};
    return p;
}

int64_t drop_assocs(struct drop *d, const struct dr_json *f, FILE *stored,
                    struct dr_err *err)
{
    struct drop_csv csv = {.d = d, .entry = f};
    struct assocs c = {.d = d, .p = pair_of(d, f, err)};

    return c.p ? drop_each_csv(&csv, stored, assoc_row, &c, err) : -1;
}

/* ---- what lacks ---- */

/* No file of them; or none of the links that the drop before had. */
static bool lacks(const struct drop *d, const struct drop *before,
                  struct dr_str from, struct dr_str to)
{
    const struct drop_pair *was = before ? drop_pair(before, from, to) : NULL;
    const struct drop_pair *is = drop_pair(d, from, to);

    return before ? was && was->n > 0 && (!is || is->n == 0) : !is;
}

size_t drop_unlinked(const struct drop *d, const struct drop *before,
                     struct dr_arena *a, struct dr_str *out, size_t max)
{
    const struct dr_json *list =
        dr_json_get(dr_json_get(d->schema, "associations"), "results");
    size_t n = 0;

    DR_JSON_EACH(p, list)
    {
        struct dr_str from = dr_json_get_str(p, "from");
        struct dr_str to = dr_json_get_str(p, "to");
        const struct drop_kind *k = drop_kind(d, from);
        struct dr_str name;
        bool told = false;
        if (!k || k->n == 0 || dr_str_eqz(to, "line_item") ||
            !lacks(d, before, from, to)) {
            continue;
        }
        name = dr_arena_printf(a, DR_STR_FMT "/" DR_STR_FMT, DR_STR_ARG(from),
                               DR_STR_ARG(to));
        for (size_t i = 0; i < n; i++) { /* one pair has many labels */
            told = told || dr_str_eq(out[i], name);
        }
        if (n < max && !told) {
            out[n++] = name;
        }
    }
    return n;
}

void drop_tell_unlinked(struct drop *d)
{
    struct dr_str names[64];
    size_t n = drop_unlinked(d, NULL, d->arena, names, DR_ARRAY_LEN(names));

    for (size_t i = 0; i < n; i++) {
        drop_tell(d, names[i],
                  "export associations/ with them and name the file in the "
                  "manifest, if there are any",
                  "there is no file of these associations: such links are not "
                  "carried");
    }
}

/* Ids that lost their zeros or digits fit nothing any more: half of a file's
 * ends are no accident. */
void drop_tell_dangling(struct drop *d)
{
    for (size_t i = 0; i < d->pair_n; i++) {
        const struct drop_pair *p = &d->pairs[i];
        const struct drop_kind *from = drop_kind(d, p->from);
        const struct drop_kind *to = drop_kind(d, p->to);
        size_t lost = 0;
        for (size_t k = 0; from && to && k < p->n; k++) {
            lost +=
                !drop_find(from, p->v[k].from) || !drop_find(to, p->v[k].to);
        }
        if (lost * 2 > p->n) {
            drop_tell(d,
                      dr_arena_printf(d->arena,
                                      "associations " DR_STR_FMT "/" DR_STR_FMT,
                                      DR_STR_ARG(p->from), DR_STR_ARG(p->to)),
                      "look whether leading zeros or digits of ids were lost, "
                      "in them or in the records: export ids as text",
                      "%zu of %zu name a record that the folder has not", lost,
                      p->n);
        }
    }
}
