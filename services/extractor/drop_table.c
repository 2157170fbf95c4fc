/*
 * A CSV file of records: its columns by the schema, each row as the record of
 * the contract (4.4). Nothing is guessed: a column that nobody knows is
 * refused, a value that a spreadsheet has changed is told with its field.
 */
#include "drop_private.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#include "damage.h"
#include "scratch.h"
#include "textfile.h"

static const char *const envelope[] = {
    "id",       "type",        "version",  "created_at", "updated_at",
    "archived", "archived_at", "owner_id", "created_by"};
enum {
    IN_ID,
    IN_TYPE,
    IN_VERSION,
    IN_CREATED_AT,
    IN_UPDATED_AT,
    IN_ARCHIVED,
    IN_ARCHIVED_AT,
    IN_OWNER_ID,
    IN_CREATED_BY,
    ENVELOPE
};

struct column {
    int envelope;               /* index, or -1 */
    const struct dr_json *prop; /* of the schema, or NULL */
    bool left_out;
    bool unnamed; /* nothing may stand in it */
};

struct table {
    struct drop *d;
    struct drop_kind *k;
    const struct dr_json *props;
    const struct dr_json *entry; /* of the manifest */
    struct dr_str null_token;
    char decimal; /* '\0': the manifest does not say */
    struct column *columns;
    size_t n;
    bool versioned, headed;
    struct drop_csv csv;
    enum damage *damage; /* of the row's cells */
    struct scratch out;
    struct dr_buf json;
    struct dr_arena *a;
    /* what is told of the whole file */
    size_t links_out, nulls, guards;
    size_t forms[NUMBER_EITHER + 1];
};

/* ---- the header ---- */

/* By name, then by a label that one property alone has, in any case. NULL with
 * *twice: two have it. */
static const struct dr_json *property(const struct table *t, struct dr_str head,
                                      bool *twice)
{
    const struct dr_json *found = NULL;

    DR_JSON_EACH(p, t->props)
    {
        if (dr_str_eq(dr_json_get_str(p, "name"), head)) {
            return p;
        }
    }
    DR_JSON_EACH(p, t->props)
    {
        if (dr_str_ieq(dr_json_get_str(p, "label"), head)) {
            *twice = found != NULL;
            if (found) {
                return NULL;
            }
            found = p;
        }
    }
    return found;
}

static int bad_column(size_t i, struct dr_str head, const char *why,
                      struct dr_err *err)
{
    head = dr_text_valid(head) ? dr_utf8_prefix(head, 60) : DR_STR_LIT("?");
    return dr_err_set(err, DR_HALT, 0, "csv",
                      "column %zu (\"" DR_STR_FMT "\") %s", i + 1,
                      DR_STR_ARG(head), why);
}

static bool taken(const struct table *t, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if ((t->columns[i].prop && t->columns[k].prop == t->columns[i].prop) ||
            (t->columns[i].envelope >= 0 &&
             t->columns[k].envelope == t->columns[i].envelope)) {
            return true;
        }
    }
    return false;
}

/* What the manifest's "columns" calls it: {"Firmenname":"name","x":null}. */
static struct dr_str renamed(const struct table *t, struct dr_str head,
                             bool *left_out)
{
    const struct dr_json *as =
        dr_json_gets(dr_json_get(t->entry, "columns"), head);

    *left_out = as && as->type == DR_JSON_NULL;
    return as && as->type == DR_JSON_STRING ? as->text : head;
}

static int read_column(struct table *t, size_t i, struct dr_str head,
                       struct dr_err *err)
{
    struct column *c = &t->columns[i];
    struct dr_str name;
    bool twice = false;

    c->envelope = -1;
    name = renamed(t, head, &c->left_out);
    c->unnamed = name.n == 0;
    if (dr_str_starts(name, DR_STR_LIT("associations."))) {
        c->left_out = true;
        t->links_out++;
    }
    if (c->left_out || c->unnamed) {
        return 0;
    }
    for (int k = 0; k < ENVELOPE; k++) {
        if (dr_str_ieq(name, dr_str_z(envelope[k]))) {
            c->envelope = k;
        }
    }
    c->prop = c->envelope < 0 ? property(t, name, &twice) : NULL;
    if (c->envelope < 0 && !c->prop) {
        return bad_column(i, head,
                          twice ? "is the label of two properties: put the "
                                  "name of one in its place, or say which by "
                                  "\"columns\" in the manifest"
                                : "is no property of the schema: name the "
                                  "property by \"columns\" in the manifest, "
                                  "or null to leave it out",
                          err);
    }
    if (taken(t, i)) {
        return bad_column(i, head,
                          "stands there twice: take one away, or null it by "
                          "\"columns\" in the manifest",
                          err);
    }
    t->versioned = t->versioned || c->envelope == IN_VERSION;
    return 0;
}

static int read_header(struct table *t, const struct dr_csv_record *r,
                       struct dr_err *err)
{
    t->n = r->n;
    t->columns = dr_xcalloc(r->n + 1, sizeof(*t->columns));
    t->damage = dr_xcalloc(r->n + 1, sizeof(*t->damage));
    for (size_t i = 0; i < r->n; i++) {
        if (read_column(t, i, dr_str_trim(r->cells[i].text), err)) {
            return -1;
        }
    }
    for (size_t i = 0; i < r->n; i++) {
        if (t->columns[i].envelope == IN_ID) {
            return 0;
        }
    }
    return dr_err_set(err, DR_HALT, 0, "csv",
                      "there is no column id: is \"delimiter\" in the manifest "
                      "right, and has the first row the names?");
}

/* ---- a value ---- */

static bool nothing(const struct table *t, const struct dr_csv_cell *c)
{
    return !c->quoted &&
           (c->text.n == 0 || dr_str_eqz(c->text, "\\N") ||
            (t->null_token.n > 0 && dr_str_eq(c->text, t->null_token)));
}

/* A label stands for its option's value; what is neither, or the label of two,
 * goes on as it is. */
static struct dr_str option_of(const struct dr_json *p, struct dr_str s)
{
    const struct dr_json *list = dr_json_get(p, "options");
    struct dr_str found = s;
    size_t n = 0;

    DR_JSON_EACH(o, list)
    {
        if (dr_str_eq(dr_json_get_str(o, "value"), s)) {
            return s;
        }
    }
    DR_JSON_EACH(o, list)
    {
        if (dr_str_eq(dr_json_get_str(o, "label"), s)) {
            found = dr_json_get_str(o, "value");
            n++;
        }
    }
    return n == 1 ? found : s;
}

struct many {
    struct dr_json_w *w;
    const struct dr_json *prop;
};

static void one_value(struct dr_str s, void *ctx)
{
    struct many *m = ctx;

    dr_json_w_str(m->w, option_of(m->prop, s));
}

static void write_number(struct table *t, struct dr_json_w *w, struct dr_str s)
{
    char plain[64];
    size_t n;

    t->forms[number_form(s)]++;
    if (t->decimal && number_plain(s, t->decimal, plain, &n)) {
        s = (struct dr_str){plain, n};
    }
    dr_json_w_str(w, s);
}

/* A guard against formulas is no part of a value that cannot begin so; before
 * a text it may be the text's own. */
static struct dr_str unguarded(struct table *t, struct dr_str type,
                               struct dr_str s)
{
    bool text = type.n == 0 || dr_str_eqz(type, "string") ||
                dr_str_eqz(type, "text") || dr_str_eqz(type, "html");

    if (damage_unwrap(s, &s) || !damage_guarded(s)) {
        return s;
    }
    t->guards += text;
    return text ? s : (struct dr_str){s.p + 1, s.n - 1};
}

static void write_value(struct table *t, struct dr_json_w *w,
                        const struct dr_json *p, const struct dr_csv_cell *c)
{
    struct dr_str type = dr_json_get_str(p, "data_type");
    struct dr_str s = unguarded(t, type, c->text);
    const struct dr_json *j;

    if (nothing(t, c)) {
        dr_json_w_null(w);
    } else if (dr_json_true(dr_json_get(p, "multi")) ||
               dr_str_eqz(type, "multi_enum")) {
        struct many m = {w, p};
        dr_json_w_arr(w);
        dr_csv_split(s, one_value, &m);
        dr_json_w_end(w);
    } else if (dr_str_eqz(type, "bool") &&
               (dr_str_ieq(s, DR_STR_LIT("true")) ||
                dr_str_ieq(s, DR_STR_LIT("false")))) {
        dr_json_w_bool(w, s.n == 4);
    } else if (dr_str_eqz(type, "json") &&
               (j = dr_json_parse(t->a, s, NULL, NULL)) != NULL) {
        dr_json_w_tree(w, j);
    } else if (damage_is_number(type)) {
        write_number(t, w, s);
    } else {
        dr_json_w_str(w, option_of(p, s));
    }
}

/* ---- a record ---- */

static void write_envelope(struct dr_json_w *w, struct table *t,
                           const struct dr_csv_record *r)
{
    dr_json_w_kv(w, "type", t->k->name);
    if (!t->versioned) {
        dr_json_w_kvi(w, "version", 0); /* the content tells */
    }
    for (size_t i = 0; i < t->n; i++) {
        int e = t->columns[i].envelope;
        struct dr_str s = r->cells[i].text;
        uint64_t version;
        if (e < 0 || e == IN_TYPE) {
            continue;
        }
        (void)damage_unwrap(s, &s);
        dr_json_w_key(w, envelope[e]);
        if (e == IN_ARCHIVED) {
            dr_json_w_bool(w, !nothing(t, &r->cells[i]) && drop_word(s) == 1);
        } else if (e != IN_ID && nothing(t, &r->cells[i])) {
            dr_json_w_null(w);
        } else if (e == IN_VERSION && dr_str_u64(s, &version) == 0) {
            dr_json_w_u64(w, version);
        } else {
            dr_json_w_str(w, s);
        }
    }
}

static const char *damage_code(const struct table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->damage[i] != DAMAGE_NONE && t->damage[i] != DAMAGE_BYTES) {
            return "spreadsheet";
        }
    }
    return "undecodable";
}

/* As the source itself would mark them (4.9). */
static void write_damage(struct dr_json_w *w, const struct table *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++) {
        n += t->damage[i] != DAMAGE_NONE;
    }
    if (n == 0) {
        return;
    }
    dr_json_w_key(w, "corrupt");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "code", damage_code(t));
    dr_json_w_key(w, "fields");
    dr_json_w_arr(w);
    for (size_t i = 0; i < t->n; i++) {
        const struct column *c = &t->columns[i];
        if (t->damage[i] == DAMAGE_NONE) {
            continue;
        }
        if (c->prop) {
            dr_json_w_str(w, dr_json_get_str(c->prop, "name"));
        } else {
            dr_json_w_z(w, envelope[c->envelope]);
        }
    }
    dr_json_w_end(w);
    dr_json_w_end(w);
}

static void write_record(struct table *t, const struct dr_csv_record *r)
{
    struct dr_json_w w;

    dr_buf_reset(&t->json);
    dr_json_w_init(&w, &t->json);
    dr_json_w_obj(&w);
    write_envelope(&w, t, r);
    dr_json_w_key(&w, "properties");
    dr_json_w_obj(&w);
    for (size_t i = 0; i < t->n; i++) {
        const struct dr_json *p = t->columns[i].prop;
        if (p) {
            dr_json_w_keys(&w, dr_json_get_str(p, "name"));
            write_value(t, &w, p, &r->cells[i]);
        }
    }
    dr_json_w_end(&w);
    write_damage(&w, t);
    dr_json_w_end(&w);
}

/* ---- a row ---- */

static bool is_time(int e)
{
    return e == IN_CREATED_AT || e == IN_UPDATED_AT || e == IN_ARCHIVED_AT;
}

static enum damage damage_in(const struct table *t, const struct column *c,
                             const struct dr_csv_cell *cell)
{
    bool many = dr_json_true(dr_json_get(c->prop, "multi"));
    struct dr_str type = c->prop && !many
                             ? dr_json_get_str(c->prop, "data_type")
                             : DR_STR_LIT("");
    enum damage found;
    struct dr_str s = cell->text;
    int64_t ms;

    if (c->left_out || c->unnamed || nothing(t, cell)) {
        return DAMAGE_NONE;
    }
    found = damage_of(type, s);
    if (is_time(c->envelope) && dr_time_parse(s, &ms, NULL)) {
        found = DAMAGE_SERIAL;
    }
    if (found == DAMAGE_NONE && t->csv.decoded &&
        dr_str_find(s, DR_STR_LIT("\xef\xbf\xbd")) != SIZE_MAX) {
        found = DAMAGE_BYTES;
    }
    return found;
}

/* NULL, or why the row is no record. */
static const char *look_at(struct table *t, const struct dr_csv_record *r,
                           struct dr_err *err)
{
    const char *bad = NULL;

    for (size_t i = 0; i < t->n; i++) {
        const struct column *c = &t->columns[i];
        struct dr_str s = r->cells[i].text;
        t->damage[i] = damage_in(t, c, &r->cells[i]);
        if (c->envelope == IN_ID && t->damage[i] != DAMAGE_NONE) {
            bad = "its id was changed by a spreadsheet or lost bytes: export "
                  "ids as text";
        }
        if (!c->left_out && !dr_utf8_valid(s)) {
            bad = "not UTF-8: name the file's encoding in the manifest";
        }
        if (c->envelope == IN_ARCHIVED && !nothing(t, &r->cells[i]) &&
            drop_word(s) < 0) {
            bad = "archived is neither true nor false";
        }
        if (c->unnamed && dr_str_trim(s).n > 0) {
            (void)bad_column(i, DR_STR_LIT(""),
                             "has values but no name: name it, or take it away",
                             err);
        }
        t->nulls += c->prop && !r->cells[i].quoted &&
                    !nothing(t, &r->cells[i]) &&
                    dr_str_ieq(s, DR_STR_LIT("null"));
    }
    return bad;
}

static int table_row(void *ctx, const struct dr_csv_record *r,
                     struct dr_str raw, uint64_t offset, const char *bad,
                     struct dr_err *err)
{
    struct table *t = ctx;
    struct dr_err why = {0};

    if (!t->headed) {
        t->headed = true;
        return bad ? dr_err_set(err, DR_HALT, 0, "csv", "its header: %s", bad)
                   : read_header(t, r, err);
    }
    if (!bad && r->n != t->n) {
        bad = "not as many cells as the header has";
    }
    bad = bad ? bad : look_at(t, r, err);
    if (err->verdict != DR_OK) {
        return -1;
    }
    if (!bad) {
        write_record(t, r);
        bad = t->json.over ? "longer than 8 MiB"
                           : drop_index(t->d, t->k, dr_buf_view(&t->json),
                                        t->out.f, t->out.n, t->a, &why);
    }
    return bad ? drop_add_bad(t->d,
                              &(struct drop_bad){
                                  .object = dr_json_get_str(t->entry, "object"),
                                  .file = dr_json_get_str(t->entry, "path"),
                                  .raw = raw,
                                  .why = dr_str_z(bad),
                                  .offset = offset,
                                  .bytes = raw.n},
                              err)
               : scratch_add(&t->out, dr_buf_view(&t->json), err);
}

/* ---- the file ---- */

/* Which mark stands for what in numbers is not guessed. */
static int sure_of_numbers(const struct table *t, struct dr_err *err)
{
    bool comma = t->forms[NUMBER_COMMA] > 0;
    bool either =
        t->forms[NUMBER_EITHER] > 0 && t->csv.dialect.delimiter == ';';

    if (t->decimal || t->forms[NUMBER_POINT] > 0 || (!comma && !either)) {
        return 0;
    }
    return dr_err_set(err, DR_HALT, 0, "csv",
                      "numbers stand there as %s: say by \"decimal\" in the "
                      "manifest whether \",\" or \".\" is the decimal mark",
                      comma ? "1.234,56" : "1.234");
}

static void tell_of(struct table *t)
{
    struct dr_str path = dr_json_get_str(t->entry, "path");

    if (t->links_out > 0) {
        drop_tell(t->d, path,
                  "export the associations as files of their own "
                  "(associations/contact_company.csv): such columns are cut "
                  "off in many exports",
                  "%zu columns of associations are not read", t->links_out);
    }
    if (t->nulls > 0) {
        drop_tell(t->d, path,
                  "if that is no value, say \"null\":\"NULL\" in the manifest",
                  "%zu cells hold the word NULL: it is carried as a text",
                  t->nulls);
    }
    if (t->guards > 0) {
        drop_tell(t->d, path, "export without it, if it is no part of them",
                  "%zu texts begin with ' before = + - or @, a guard against "
                  "formulas: they are carried as they are",
                  t->guards);
    }
}

static int options_of(struct table *t, struct dr_err *err)
{
    struct dr_str decimal = dr_json_get_str(t->entry, "decimal");

    if (decimal.n > 0 && !dr_str_eqz(decimal, ",") &&
        !dr_str_eqz(decimal, ".")) {
        return dr_err_set(err, DR_HALT, 0, "csv",
                          "the manifest's decimal is neither \",\" nor \".\"");
    }
    t->decimal = decimal.n == 1 ? decimal.p[0] : '\0';
    t->null_token = dr_json_get_str(t->entry, "null");
    return 0;
}

int64_t drop_table(struct drop *d, const struct dr_json *f, FILE *stored,
                   struct drop_kind *k, struct dr_err *err)
{
    struct table t = {
        .d = d,
        .k = k,
        .entry = f,
        .props = dr_json_get(
            dr_json_gets(dr_json_get(d->schema, "properties"), k->name),
            "results"),
        .csv = {.d = d, .entry = f}};
    int64_t rows = -1;

    if (options_of(&t, err)) {
        return -1;
    }
    t.out = scratch_in(drop_scratch(d));
    t.a = dr_arena_new((size_t)64 << 20);
    dr_buf_init(&t.json, TEXT_LINE_MAX);
    rows = drop_each_csv(&t.csv, stored, table_row, &t, err);
    if (rows >= 0 && (scratch_end(&t.out, err) || sure_of_numbers(&t, err))) {
        rows = -1;
    }
    tell_of(&t);
    dr_buf_done(&t.json);
    dr_arena_free(t.a);
    free(t.columns);
    free(t.damage);
    return rows;
}
