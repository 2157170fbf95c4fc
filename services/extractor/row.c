#include "row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/time.h>

#include "express.h"

/* ---- types ---- */

struct row_types {
    struct dr_map *of; /* "<object>/<property>" -> a word of words[] */
};

static const char *const words[] = {
    "string",   "text",     "html",       "bool",  "int",   "decimal", "date",
    "datetime", "enum",     "multi_enum", "phone", "email", "url",     "money",
    "percent",  "duration", "reference",  "file",  "json",
};

static const char *word_of(struct dr_str s)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(words); i++) {
        if (dr_str_eqz(s, words[i])) {
            return words[i];
        }
    }
    return NULL;
}

struct row_types *row_types_new(void)
{
    struct row_types *t = dr_xcalloc(1, sizeof(*t));

    t->of = dr_map_new(NULL);
    return t;
}

void row_types_free(struct row_types *t)
{
    if (t) {
        dr_map_free(t->of);
        free(t);
    }
}

static struct dr_str type_key(struct dr_buf *b, struct dr_str object,
                              struct dr_str property)
{
    dr_buf_init(b, 1 << 20);
    dr_buf_str(b, object);
    dr_buf_ch(b, '/');
    dr_buf_str(b, property);
    return dr_buf_view(b);
}

void row_types_learn(struct row_types *t, struct dr_str object,
                     const struct dr_json *properties)
{
    DR_JSON_EACH(p, properties)
    {
        const char *word = dr_json_true(dr_json_get(p, "multi"))
                               ? "multi_enum"
                               : word_of(dr_json_get_str(p, "data_type"));
        struct dr_buf key;
        (void)type_key(&key, object, dr_json_get_str(p, "name"));
        if (word) {
            union {
                const char *in;
                void *out;
            } value = {.in = word};
            dr_map_put(t->of, dr_buf_view(&key), value.out);
        }
        dr_buf_done(&key);
    }
}

/* The profile's word first, then the schema's, then plain text. */
static const char *type_of(const struct row_kind *k, struct dr_str property)
{
    const char *word = word_of(dr_json_str(
        dr_json_gets(profile_part(k->profile, k->object, "types"), property)));
    struct dr_buf key;

    if (!word && k->types) {
        word = dr_map_get(k->types->of, type_key(&key, k->object, property));
        dr_buf_done(&key);
    }
    return word ? word : "string";
}

/* ---- single values ---- */

static bool equal(const struct dr_json *a, const struct dr_json *b)
{
    if (dr_json_is_null(a) || dr_json_is_null(b)) {
        return dr_json_is_null(a) && dr_json_is_null(b);
    }
    return a->type == b->type &&
           (a->type == DR_JSON_STRING ? dr_str_eq(a->text, b->text)
                                      : dr_str_eq(a->raw, b->raw));
}

static bool is_among(const struct dr_json *list, const struct dr_json *j)
{
    DR_JSON_EACH(one, list)
    {
        if (equal(one, j)) {
            return true;
        }
    }
    return false;
}

static bool is_null(const struct profile *p, const struct dr_json *j)
{
    return dr_json_is_null(j) || is_among(profile_values(p, "null"), j);
}

bool row_bool(const struct profile *p, const struct dr_json *j)
{
    return dr_json_true(j) || is_among(profile_values(p, "true"), j);
}

static bool is_false(const struct profile *p, const struct dr_json *j)
{
    return dr_json_type(j) == DR_JSON_FALSE ||
           is_among(profile_values(p, "false"), j);
}

static int64_t zone_ms(const struct profile *p)
{
    struct dr_str z = dr_json_str(profile_values(p, "assume_timezone"));
    int64_t hours, minutes;

    if (z.n != 6 || dr_str_i64((struct dr_str){z.p + 1, 2}, &hours) ||
        dr_str_i64((struct dr_str){z.p + 4, 2}, &minutes)) {
        return 0;
    }
    return (hours * 60 + minutes) * (z.p[0] == '-' ? -60000 : 60000);
}

/* Milliseconds in one unit of a form; 0: it is no number. */
static int64_t unit_of(const struct profile *p, const char *which)
{
    struct dr_str form = dr_json_str(profile_values(p, which));

    return dr_str_eqz(form, "epoch_ms")  ? 1
           : dr_str_eqz(form, "epoch_s") ? 1000
                                         : 0;
}

static int epoch(int64_t unit, const struct dr_json *j, int64_t *ms_out)
{
    const int64_t most = 253402300799999; /* the end of the year 9999 */
    int64_t v;

    if (unit == 0 || dr_json_i64(j, &v) || v > most / unit ||
        v < -62135596800000 / unit) {
        return -1;
    }
    *ms_out = v * unit;
    return 0;
}

int row_time(const struct profile *p, const struct dr_json *j, int64_t *ms_out)
{
    unsigned flags = 0;

    if (epoch(unit_of(p, "time"), j, ms_out) == 0) {
        return 0;
    }
    if (dr_time_parse(dr_json_str(j), ms_out, &flags)) {
        return -1;
    }
    if (flags & DR_TIME_NO_ZONE) {
        *ms_out -= zone_ms(p);
    }
    return 0;
}

static void write_time(struct dr_json_w *w, int64_t ms)
{
    char text[DR_TIME_TEXT];

    dr_json_w_z(w, dr_time_format(ms, text));
}

/* A text of a person's stays as it is when it says where it belongs. */
static void write_datetime(struct dr_json_w *w, const struct profile *p,
                           const struct dr_json *j)
{
    unsigned flags = 0;
    int64_t ms;

    if (dr_time_parse(dr_json_str(j), &ms, &flags) == 0 &&
        !(flags & DR_TIME_NO_ZONE)) {
        dr_json_w_str(w, j->text);
    } else if (row_time(p, j, &ms) == 0) {
        write_time(w, ms);
    } else {
        dr_json_w_tree(w, j);
    }
}

static void write_date(struct dr_json_w *w, const struct profile *p,
                       const struct dr_json *j)
{
    char text[DR_TIME_TEXT];
    int64_t ms;

    if (epoch(unit_of(p, "date"), j, &ms) == 0) {
        dr_json_w_z(w, dr_date_format(ms, text));
    } else {
        dr_json_w_tree(w, j);
    }
}

static void write_multi(struct dr_json_w *w, const struct profile *p,
                        const struct dr_json *j)
{
    struct dr_str sep = dr_json_str(profile_values(p, "multi_separator"));
    struct dr_str rest = dr_json_str(j);

    if (j->type != DR_JSON_STRING || sep.n != 1) {
        dr_json_w_tree(w, j);
        return;
    }
    dr_json_w_arr(w);
    while (rest.p) {
        dr_json_w_str(w, dr_str_split(&rest, sep.p[0]));
    }
    dr_json_w_end(w);
}

/* JSON that travels as text. */
static void write_json(struct dr_json_w *w, const struct dr_json *j)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(4 << 20);
    struct dr_json_limits few = {.max_depth = 32, .max_nodes = 10000};
    const struct dr_json *in = j->type == DR_JSON_STRING
                                   ? dr_json_parse(a, j->text, &few, NULL)
                                   : NULL;

    dr_json_w_raw(w, in ? in->raw : j->raw);
}

static bool is_one_of(const char *word, const char *list)
{
    struct dr_str rest = dr_str_z(list);

    while (rest.p) {
        if (dr_str_eqz(dr_str_split(&rest, ' '), word)) {
            return true;
        }
    }
    return false;
}

static bool is_bare(const struct profile *p)
{
    return dr_str_eqz(dr_json_str(profile_values(p, "number_encoding")),
                      "json");
}

static void write_value(struct dr_json_w *w, const struct row_kind *k,
                        const char *type, const struct dr_json *j)
{
    const struct profile *p = k->profile;

    if (is_null(p, j)) {
        dr_json_w_null(w);
    } else if (strcmp(type, "bool") == 0 && row_bool(p, j)) {
        dr_json_w_bool(w, true);
    } else if (strcmp(type, "bool") == 0 && is_false(p, j)) {
        dr_json_w_bool(w, false);
    } else if (strcmp(type, "datetime") == 0) {
        write_datetime(w, p, j);
    } else if (strcmp(type, "date") == 0) {
        write_date(w, p, j);
    } else if (strcmp(type, "multi_enum") == 0) {
        write_multi(w, p, j);
    } else if (strcmp(type, "json") == 0) {
        write_json(w, j);
    } else if (j->type == DR_JSON_NUMBER && !is_bare(p) &&
               !is_one_of(type, "json multi_enum bool")) {
        dr_json_w_str(w, j->text); /* the lexeme, never a double */
    } else {
        dr_json_w_tree(w, j);
    }
}

/* ---- records ---- */

static const struct dr_json *key_of(const struct row_kind *k,
                                    const struct dr_json *row, const char *key)
{
    const struct dr_json *keys = profile_part(k->profile, k->object, "keys");
    const struct dr_json *at = dr_json_get(keys, key);

    return at ? pointer_get(row, at->text) : NULL;
}

struct dr_str row_id(const struct row_kind *k, const struct dr_json *row)
{
    return dr_json_scalar(key_of(k, row, "id"));
}

int64_t row_updated_ms(const struct row_kind *k, const struct dr_json *row)
{
    int64_t ms;

    return row_time(k->profile, key_of(k, row, "updated_at"), &ms) ? 0 : ms;
}

static int64_t archived_ms(const struct row_kind *k, const struct dr_json *row)
{
    int64_t ms;

    return row_time(k->profile, key_of(k, row, "archived_at"), &ms) ? 0 : ms;
}

static bool is_archived(const struct row_kind *k, const struct dr_json *row,
                        bool archived)
{
    return archived || row_bool(k->profile, key_of(k, row, "archived"));
}

/* A2: the source's version; without one the stamp stands for it (R2), and the
 * content decides between equal ones (R3). */
static void write_version(struct dr_json_w *w, const struct row_kind *k,
                          const struct dr_json *row)
{
    const struct dr_json *v = key_of(k, row, "version");
    const struct dr_json *keys = profile_part(k->profile, k->object, "keys");
    int64_t ms = row_updated_ms(k, row);

    if (dr_json_get(keys, "version")) {
        dr_json_w_str(w, dr_json_scalar(v)); /* not a number: told later */
    } else {
        dr_json_w_u64(w, ms > 0 ? (uint64_t)ms : 0);
    }
}

static void write_stamp(struct dr_json_w *w, const struct row_kind *k,
                        const struct dr_json *row, const char *key,
                        const char *from)
{
    int64_t ms;

    dr_json_w_key(w, key);
    if (row_time(k->profile, key_of(k, row, from), &ms)) {
        dr_json_w_null(w);
    } else {
        write_time(w, ms);
    }
}

static void write_scalar(struct dr_json_w *w, const struct row_kind *k,
                         const char *key, const struct dr_json *j)
{
    struct dr_str s = dr_json_scalar(j);

    dr_json_w_key(w, key);
    if (s.n == 0 || is_null(k->profile, j)) {
        dr_json_w_null(w);
    } else {
        dr_json_w_str(w, s);
    }
}

static const struct dr_json *role_of(const struct row_kind *k,
                                     const struct dr_json *row)
{
    DR_JSON_EACH(r, profile_part(k->profile, k->object, "role"))
    {
        if (when_true(dr_json_get(r, "when"), row)) {
            return dr_json_get(r, "set");
        }
    }
    return NULL;
}

static const struct dr_json *unboxed(const struct profile *p,
                                     const struct dr_json *v)
{
    const struct dr_json *box = profile_values(p, "box");

    return box && v->type == DR_JSON_OBJECT ? pointer_get(v, box->text) : v;
}

/* The pattern of a placeholder that stands for a text that may not be read. */
static bool is_redacted(const struct row_kind *k, struct dr_str property,
                        const struct dr_json *v)
{
    DR_JSON_EACH(r, dr_json_get(k->profile->root, "redaction"))
    {
        if (dr_str_eq(dr_json_get_str(r, "object"), k->object) &&
            dr_str_eq(dr_json_get_str(r, "property"), property) &&
            dr_str_find(dr_json_str(v), dr_json_get_str(r, "contains")) !=
                SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* The contract's name of a property; empty: another one has taken it. */
static struct dr_str name_of(const struct row_kind *k,
                             const struct dr_json *values,
                             const struct dr_json *set, struct dr_str remote)
{
    const struct dr_json *rename =
        profile_part(k->profile, k->object, "rename");
    const struct dr_json *to = dr_json_gets(rename, remote);
    struct dr_str name = to ? to->text : remote;

    if (dr_json_gets(set, name)) {
        return (struct dr_str){0};
    }
    DR_JSON_EACH(r, to ? NULL : rename)
    {
        if (dr_str_eq(r->text, name) && dr_json_gets(values, r->key)) {
            return (struct dr_str){0};
        }
    }
    return name;
}

static void write_properties(struct dr_json_w *w, const struct row_kind *k,
                             const struct dr_json *row,
                             const struct dr_json *values)
{
    const struct dr_json *set = role_of(k, row);

    dr_json_w_key(w, "properties");
    dr_json_w_obj(w);
    DR_JSON_EACH(s, set)
    {
        dr_json_w_keys(w, s->key);
        dr_json_w_tree(w, s);
    }
    DR_JSON_EACH(v, values)
    {
        struct dr_str name = name_of(k, values, set, v->key);
        const struct dr_json *in = unboxed(k->profile, v);
        if (name.n == 0) {
            continue; /* it stays in raw */
        }
        dr_json_w_keys(w, name);
        if (!in || is_redacted(k, name, in)) {
            dr_json_w_null(w);
        } else {
            write_value(w, k, type_of(k, name), in);
        }
    }
    dr_json_w_end(w);
    dr_json_w_key(w, "redacted");
    dr_json_w_arr(w);
    DR_JSON_EACH(v, values)
    {
        struct dr_str name = name_of(k, values, set, v->key);
        if (name.n > 0 && is_redacted(k, name, unboxed(k->profile, v))) {
            dr_json_w_str(w, name);
        }
    }
    dr_json_w_end(w);
}

void row_record(struct dr_json_w *w, const struct row_kind *k,
                const struct dr_json *row, bool archived)
{
    const struct dr_json *values = key_of(k, row, "values");

    dr_json_w_obj(w);
    dr_json_w_kv(w, "type", k->object);
    dr_json_w_kv(w, "id", row_id(k, row));
    dr_json_w_key(w, "version");
    write_version(w, k, row);
    write_stamp(w, k, row, "created_at", "created_at");
    write_stamp(w, k, row, "updated_at", "updated_at");
    dr_json_w_kvb(w, "archived", is_archived(k, row, archived));
    write_stamp(w, k, row, "archived_at", "archived_at");
    write_scalar(w, k, "owner_id", key_of(k, row, "owner"));
    write_scalar(w, k, "created_by", key_of(k, row, "created_by"));
    write_properties(w, k, row,
                     dr_json_type(values) == DR_JSON_OBJECT ? values : NULL);
    dr_json_w_key(w, "corrupt");
    dr_json_w_null(w);
    dr_json_w_key(w, "raw");
    dr_json_w_raw(w, row->raw);
    dr_json_w_end(w);
}

void row_index(struct dr_json_w *w, const struct row_kind *k,
               const struct dr_json *row, bool archived)
{
    dr_json_w_arr(w);
    dr_json_w_str(w, row_id(k, row));
    write_version(w, k, row);
    write_time(w, row_updated_ms(k, row));
    dr_json_w_bool(w, is_archived(k, row, archived));
    dr_json_w_end(w);
}

void row_stub(struct dr_json_w *w, const struct row_kind *k,
              const struct dr_json *row, bool archived)
{
    int64_t at = archived ? archived_ms(k, row) : 0;

    dr_json_w_obj(w);
    dr_json_w_kv(w, "id", row_id(k, row));
    dr_json_w_kvz(w, "op", archived ? "archive" : "upsert");
    dr_json_w_key(w, "version");
    write_version(w, k, row);
    dr_json_w_key(w, "updated_at");
    write_time(w, at > 0 ? at : row_updated_ms(k, row));
    dr_json_w_end(w);
}

/* ---- rows of the catalogue ---- */

static void write_mapped(struct dr_json_w *w, const struct profile *p,
                         const struct dr_json *how, const struct dr_json *row);

static void write_rows(struct dr_json_w *w, const struct profile *p,
                       const struct dr_json *how, const struct dr_json *row)
{
    const struct dr_json *rows = pointer_get(row, dr_json_get_str(how, "rows"));

    dr_json_w_arr(w);
    if (dr_json_type(rows) == DR_JSON_ARRAY) {
        DR_JSON_EACH(r, rows)
        {
            row_map(w, p, dr_json_get(how, "map"), r);
        }
    }
    dr_json_w_end(w);
}

static void write_as(struct dr_json_w *w, const struct profile *p,
                     struct dr_str as, const struct dr_json *v)
{
    int64_t ms;

    if (dr_str_eqz(as, "text")) {
        dr_json_w_str(w, dr_json_scalar(v));
    } else if (dr_str_eqz(as, "bool")) {
        dr_json_w_bool(w, row_bool(p, v));
    } else if (dr_str_eqz(as, "not_bool")) {
        dr_json_w_bool(w, !row_bool(p, v));
    } else if (dr_str_eqz(as, "time") && row_time(p, v, &ms) == 0) {
        write_time(w, ms);
    } else if (dr_str_eqz(as, "date")) {
        write_date(w, p, v);
    } else {
        dr_json_w_tree(w, v);
    }
}

static void write_from(struct dr_json_w *w, const struct profile *p,
                       const struct dr_json *how, const struct dr_json *row)
{
    const struct dr_json *v = pointer_get(row, dr_json_get_str(how, "from"));
    const struct dr_json *otherwise = dr_json_get(how, "otherwise");
    const struct dr_json *word =
        dr_json_gets(dr_json_get(how, "words"), dr_json_scalar(v));

    if (word) {
        dr_json_w_tree(w, word);
    } else if (!is_null(p, v)) {
        write_as(w, p, dr_json_get_str(how, "as"), v);
    } else if (otherwise) {
        dr_json_w_tree(w, otherwise);
    } else {
        dr_json_w_null(w);
    }
}

static void write_mapped(struct dr_json_w *w, const struct profile *p,
                         const struct dr_json *how, const struct dr_json *row)
{
    const struct dr_json *v;

    if (how->type == DR_JSON_OBJECT) {
        if (dr_json_get(how, "rows")) {
            write_rows(w, p, how, row);
        } else {
            write_from(w, p, how, row);
        }
        return;
    }
    if (how->type != DR_JSON_STRING || how->text.n == 0 ||
        how->text.p[0] != '/') {
        dr_json_w_tree(w, how); /* the same for all */
        return;
    }
    v = pointer_get(row, how->text);
    if (is_null(p, v)) {
        dr_json_w_null(w);
    } else {
        dr_json_w_tree(w, v);
    }
}

void row_map_members(struct dr_json_w *w, const struct profile *p,
                     const struct dr_json *map, const struct dr_json *row,
                     const char *but)
{
    DR_JSON_EACH(m, map)
    {
        if (!but || !dr_str_eqz(m->key, but)) {
            dr_json_w_keys(w, m->key);
            write_mapped(w, p, m, row);
        }
    }
}

void row_map(struct dr_json_w *w, const struct profile *p,
             const struct dr_json *map, const struct dr_json *row)
{
    dr_json_w_obj(w);
    row_map_members(w, p, map, row, NULL);
    dr_json_w_end(w);
}

void row_property(struct dr_json_w *w, const struct row_kind *k,
                  const struct dr_json *map, const struct dr_json *row)
{
    const struct dr_json *at = dr_json_get(map, "name");
    struct dr_str remote =
        dr_json_str(at ? pointer_get(row, dr_json_str(at)) : NULL);
    struct dr_str name = name_of(k, NULL, NULL, remote);
    const struct dr_json *type =
        dr_json_gets(profile_part(k->profile, k->object, "types"), name);

    dr_json_w_obj(w);
    dr_json_w_kv(w, "name", name);
    DR_JSON_EACH(m, map)
    {
        if (dr_str_eqz(m->key, "name")) {
            continue;
        }
        dr_json_w_keys(w, m->key);
        if (type && dr_str_eqz(m->key, "data_type")) {
            dr_json_w_tree(w, type);
        } else {
            write_mapped(w, k->profile, m, row);
        }
    }
    dr_json_w_kv(w, "remote_name", remote);
    dr_json_w_end(w);
}
