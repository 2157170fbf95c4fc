/* The rows of a folder's files: NDJSON and CSV records, events, associations.
 */
#include "drop.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>
#include <drover/csv/csv.h>
#include <drover/wire/wire.h>

#include "contract.h"
#include "textfile.h"

#define UNPACKED_MAX ((uint64_t)1 << 40)
#define RAW_KEPT ((size_t)64 << 10)

static bool is_gzip(const struct dr_json *f)
{
    return dr_str_eqz(dr_json_get_str(f, "compression"), "gzip");
}

static void add_bad(struct drop *d, const struct dr_json *f, struct dr_str raw,
                    uint64_t offset, uint64_t bytes, const char *why)
{
    if (d->bad_n == d->bad_cap) {
        d->bad_cap = d->bad_cap ? d->bad_cap * 2 : 64;
        d->bad = dr_xrealloc(d->bad, d->bad_cap * sizeof(*d->bad));
    }
    raw.n = raw.n < RAW_KEPT ? raw.n : RAW_KEPT;
    d->bad[d->bad_n++] =
        (struct drop_bad){.object = dr_json_get_str(f, "object"),
                          .file = dr_json_get_str(f, "path"),
                          .raw = dr_arena_dup(d->arena, raw),
                          .why = dr_arena_dup(d->arena, dr_str_z(why)),
                          .offset = offset,
                          .bytes = bytes};
}

/* ---- one record ---- */

static struct entry *new_entry(struct drop_kind *k)
{
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 256;
        k->v = dr_xrealloc(k->v, k->cap * sizeof(*k->v));
    }
    k->v[k->n] = (struct entry){.version = 0};
    return &k->v[k->n++];
}

/* NULL, or why the line is no record of the kind. */
static const char *index_line(struct drop *d, struct drop_kind *k,
                              struct dr_str line, FILE *file, uint64_t offset,
                              struct dr_arena *a, struct dr_err *err)
{
    struct dr_json_limits limits = {.max_nodes = 100000};
    bool event = dr_str_eqz(k->name, "event");
    const struct dr_json *j;
    struct dr_source s;
    struct entry *e;

    dr_arena_reset(a);
    j = dr_json_parse(a, line, &limits, err);
    if (!j || (event ? event_parse(j, &s, err) : record_parse(j, &s, err))) {
        return err->text;
    }
    if (!event && !dr_str_eq(s.object, k->name)) {
        return "not of this type";
    }
    e = new_entry(k);
    *e = (struct entry){.id = dr_arena_dup(d->arena, s.id),
                        .file = file,
                        .offset = offset,
                        .bytes = line.n,
                        .version = s.version,
                        .updated_ms = s.updated_ms,
                        .archived = s.archived};
    if (event) { /* in the order of their arrival */
        e->id = dr_arena_printf(d->arena, "%020lld " DR_STR_FMT,
                                (long long)s.updated_ms, DR_STR_ARG(s.id));
    }
    if (dr_str_eqz(k->name, "line_item")) {
        e->deal = dr_arena_dup(
            d->arena, dr_json_scalar(dr_json_get(dr_json_get(j, "properties"),
                                                 "deal_id")));
    }
    return NULL;
}

static int64_t ndjson_rows(struct drop *d, const struct dr_json *f,
                           FILE *stored, struct drop_kind *k,
                           struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    FILE *scratch = is_gzip(f) ? drop_scratch(d) : NULL;
    struct text_line line;
    struct textfile t;
    uint64_t at = 0;
    int64_t rows = 0;
    int got;

    text_open(&t, stored, scratch != NULL, UNPACKED_MAX);
    while ((got = text_line(&t, &line, err)) > 0) {
        const char *why = "longer than 8 MiB";
        struct dr_err bad = {0};
        if (line.text.n == 0) {
            continue;
        }
        rows++;
        if (!line.too_long) {
            why = index_line(d, k, line.text, scratch ? scratch : stored,
                             scratch ? at : line.offset, a, &bad);
        }
        if (!why && dr_json_true(dr_json_get(f, "raw"))) {
            k->n--; /* it reads, but is not meant to */
            why = "the manifest says that it is no record";
        }
        if (why) {
            add_bad(d, f, line.text, line.offset, line.bytes, why);
        } else if (scratch) {
            (void)fwrite(line.text.p, 1, line.text.n, scratch);
            at += line.text.n;
        }
    }
    text_close(&t);
    if (scratch && (fflush(scratch) || ferror(scratch))) {
        dr_die(DR_EXIT_FAILURE, "disk", "no room for a scratch file");
    }
    return got < 0 ? -1 : rows;
}

/* ---- CSV ---- */

static const char *const envelope[] = {
    "id",       "type",        "version",  "created_at", "updated_at",
    "archived", "archived_at", "owner_id", "created_by"};
#define ENVELOPE (sizeof(envelope) / sizeof(envelope[0]))

struct column {
    int envelope;               /* index, or -1 */
    const struct dr_json *prop; /* of the schema, or NULL */
    bool left_out;
};

struct table {
    struct drop *d;
    struct drop_kind *k;
    const struct dr_json *props;
    struct column *columns;
    size_t n;
    bool versioned;
};

/* By name, then by label in any case. */
static const struct dr_json *property(const struct table *t, struct dr_str head)
{
    DR_JSON_EACH(p, t->props)
    {
        if (dr_str_eq(dr_json_get_str(p, "name"), head)) {
            return p;
        }
    }
    DR_JSON_EACH(p, t->props)
    {
        if (dr_str_ieq(dr_json_get_str(p, "label"), head)) {
            return p;
        }
    }
    return NULL;
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

/* The header; nothing is guessed: what is no column of ours is refused. */
static int read_header(struct table *t, const struct dr_csv_record *r,
                       struct dr_err *err)
{
    const struct dr_str assocs = DR_STR_LIT("associations.");

    t->n = r->n;
    t->columns = dr_xcalloc(r->n + 1, sizeof(*t->columns));
    for (size_t i = 0; i < r->n; i++) {
        struct column *c = &t->columns[i];
        struct dr_str head = dr_str_trim(r->cells[i].text);
        c->envelope = -1;
        for (size_t k = 0; k < ENVELOPE; k++) {
            if (dr_str_ieq(head, dr_str_z(envelope[k]))) {
                c->envelope = (int)k;
            }
        }
        c->prop = c->envelope < 0 ? property(t, head) : NULL;
        c->left_out = dr_str_starts(head, assocs);
        if (!c->left_out && c->envelope < 0 && !c->prop) {
            return dr_err_set(err, DR_HALT, 0, "csv",
                              "column %zu (\"" DR_STR_FMT
                              "\") is no property of the schema",
                              i + 1, DR_STR_ARG(head));
        }
        if (!c->left_out && taken(t, i)) {
            return dr_err_set(err, DR_HALT, 0, "csv",
                              "column %zu stands there twice", i + 1);
        }
        t->versioned = t->versioned || c->envelope == 2;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (t->columns[i].envelope == 0) {
            return 0;
        }
    }
    return dr_err_set(err, DR_HALT, 0, "csv", "there is no column id");
}

static void one_value(struct dr_str s, void *ctx)
{
    dr_json_w_str(ctx, s);
}

/* A label stands for its option's value; what is neither goes on as it is. */
static struct dr_str option_of(const struct dr_json *p, struct dr_str s)
{
    const struct dr_json *list = dr_json_get(p, "options");

    DR_JSON_EACH(o, list)
    {
        if (dr_str_eq(dr_json_get_str(o, "value"), s)) {
            return s;
        }
    }
    DR_JSON_EACH(o, list)
    {
        if (dr_str_eq(dr_json_get_str(o, "label"), s)) {
            return dr_json_get_str(o, "value");
        }
    }
    return s;
}

static bool nothing(const struct dr_csv_cell *c)
{
    return !c->quoted && (c->text.n == 0 || dr_str_eqz(c->text, "\\N"));
}

static void write_value(struct dr_json_w *w, const struct dr_json *p,
                        const struct dr_csv_cell *c, struct dr_arena *a)
{
    struct dr_str type = dr_json_get_str(p, "data_type");
    const struct dr_json *j;

    if (nothing(c)) {
        dr_json_w_null(w);
    } else if (dr_json_true(dr_json_get(p, "multi")) ||
               dr_str_eqz(type, "multi_enum")) {
        dr_json_w_arr(w);
        dr_csv_split(c->text, one_value, w);
        dr_json_w_end(w);
    } else if (dr_str_eqz(type, "bool") &&
               (dr_str_ieq(c->text, DR_STR_LIT("true")) ||
                dr_str_ieq(c->text, DR_STR_LIT("false")))) {
        dr_json_w_bool(w, c->text.n == 4);
    } else if (dr_str_eqz(type, "json") &&
               (j = dr_json_parse(a, c->text, NULL, NULL)) != NULL) {
        dr_json_w_tree(w, j);
    } else {
        dr_json_w_str(w, option_of(p, c->text));
    }
}

static void write_envelope(struct dr_json_w *w, const struct table *t,
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
        if (e < 0 || e == 1) {
            continue;
        }
        dr_json_w_key(w, envelope[e]);
        if (e != 0 && nothing(&r->cells[i])) {
            dr_json_w_null(w);
        } else if (e == 2 && dr_str_u64(s, &version) == 0) {
            dr_json_w_u64(w, version);
        } else if (e == 5) {
            dr_json_w_bool(w, dr_str_ieq(s, DR_STR_LIT("true")) ||
                                  dr_str_eqz(s, "1"));
        } else {
            dr_json_w_str(w, s);
        }
    }
}

static void write_record(const struct table *t, const struct dr_csv_record *r,
                         struct dr_arena *a, struct dr_buf *out)
{
    struct dr_json_w w;

    dr_buf_reset(out);
    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    write_envelope(&w, t, r);
    dr_json_w_key(&w, "properties");
    dr_json_w_obj(&w);
    for (size_t i = 0; i < t->n; i++) {
        const struct dr_json *p = t->columns[i].prop;
        if (p && !t->columns[i].left_out) {
            dr_json_w_keys(&w, dr_json_get_str(p, "name"));
            write_value(&w, p, &r->cells[i], a);
        }
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}

/* The text of a CSV file as UTF-8, from its start and without a mark. */
static FILE *as_utf8(struct drop *d, const struct dr_json *f, FILE *stored,
                     struct dr_err *err)
{
    FILE *out = drop_scratch(d);
    enum dr_csv_encoding e = DR_CSV_UTF8;
    struct textfile t;
    struct dr_buf b;
    bool first = true, known = true;

    dr_buf_init(&b, (size_t)4 << 20);
    text_open(&t, stored, is_gzip(f), UNPACKED_MAX);
    while (known && text_more(&t, err)) {
        struct dr_str rest = text_rest(&t);
        if (first) {
            known =
                dr_csv_encoding_of(dr_json_get_str(f, "encoding"), rest, &e);
            text_take(&t, dr_csv_mark(e, rest));
            first = false;
        }
        dr_buf_reset(&b);
        text_take(&t, dr_csv_decode(e, text_rest(&t), &b));
        (void)fwrite(b.p, 1, b.n, out);
    }
    text_close(&t);
    dr_buf_done(&b);
    if (!known) {
        (void)dr_err_set(err, DR_HALT, 0, "csv", "its encoding is not known");
        return NULL;
    }
    if (fflush(out) || ferror(out)) {
        dr_die(DR_EXIT_FAILURE, "disk", "no room for a scratch file");
    }
    rewind(out);
    return err->verdict == DR_OK ? out : NULL;
}

static struct dr_csv_dialect dialect_of(const struct dr_json *f,
                                        struct dr_str head)
{
    struct dr_str said = dr_json_get_str(f, "delimiter");
    struct dr_csv_dialect d = dr_csv_sniff(head);

    d.delimiter = said.n == 1 ? said.p[0] : d.delimiter;
    d.backslash = dr_str_eqz(dr_json_get_str(f, "escape"), "\\");
    return d;
}

typedef int csv_row(void *ctx, const struct dr_csv_record *r, struct dr_str raw,
                    uint64_t offset, const char *bad);

/* Every record of the file to `row`; the number of rows, header excluded. */
static int64_t each_csv(const struct dr_json *f, FILE *text, csv_row *row,
                        void *ctx, struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct dr_csv_dialect dialect;
    struct textfile t;
    int64_t rows = -1;
    int failed = 0;

    text_open(&t, text, false, UNPACKED_MAX);
    (void)text_more(&t, err);
    dialect = dialect_of(f, text_rest(&t));
    while (!failed) {
        struct dr_csv_record r;
        struct dr_err why = {0};
        struct dr_str rest = text_rest(&t);
        int got = dr_csv_read(&dialect, rest, t.ended, a, &r, &why);
        if (got == 0 && !t.ended && text_more(&t, err)) {
            continue;
        }
        if (got == 0 && t.ended && rest.n > 0) {
            continue; /* now it is known to be the last */
        }
        if (got == 0) {
            break;
        }
        if (got < 0 || r.n > 0) {
            rows++;
            failed = row(ctx, &r, (struct dr_str){rest.p, r.bytes}, t.at,
                         got < 0 ? why.text : NULL);
        }
        text_take(&t, r.bytes);
        dr_arena_reset(a);
    }
    failed = failed || text_rest(&t).n > 0;
    text_close(&t);
    return failed ? -1 : rows < 0 ? 0 : rows;
}

struct record_ctx {
    struct table t;
    const struct dr_json *f;
    FILE *out;
    uint64_t at;
    struct dr_buf json;
    struct dr_arena *a;
    struct dr_err *err;
    bool headed;
};

static int record_row(void *ctx, const struct dr_csv_record *r,
                      struct dr_str raw, uint64_t offset, const char *bad)
{
    struct record_ctx *c = ctx;
    struct dr_err why = {0};

    if (!c->headed) {
        c->headed = true;
        if (bad) {
            return dr_err_set(c->err, DR_HALT, 0, "csv", "its header: %s", bad);
        }
        return read_header(&c->t, r, c->err);
    }
    if (!bad && r->n != c->t.n) {
        bad = "not as many cells as the header has";
    }
    if (!bad) {
        dr_arena_reset(c->a);
        write_record(&c->t, r, c->a, &c->json);
        bad = index_line(c->t.d, c->t.k, dr_buf_view(&c->json), c->out, c->at,
                         c->a, &why);
    }
    if (bad) {
        add_bad(c->t.d, c->f, raw, offset, raw.n, bad);
        return 0;
    }
    (void)fwrite(c->json.p, 1, c->json.n, c->out);
    c->at += c->json.n;
    return 0;
}

static int64_t csv_rows(struct drop *d, const struct dr_json *f, FILE *stored,
                        struct drop_kind *k, struct dr_err *err)
{
    FILE *text = as_utf8(d, f, stored, err);
    struct record_ctx c = {
        .t = {.d = d,
              .k = k,
              .props = dr_json_get(
                  dr_json_gets(dr_json_get(d->schema, "properties"), k->name),
                  "results")},
        .f = f,
        .err = err};
    int64_t rows;

    if (!text) {
        return -1;
    }
    c.out = drop_scratch(d);
    c.a = dr_arena_new((size_t)64 << 20);
    dr_buf_init(&c.json, TEXT_LINE_MAX);
    rows = each_csv(f, text, record_row, &c, err);
    if (fflush(c.out) || ferror(c.out)) {
        dr_die(DR_EXIT_FAILURE, "disk", "no room for a scratch file");
    }
    dr_buf_done(&c.json);
    dr_arena_free(c.a);
    free(c.t.columns);
    return rows;
}

int64_t drop_rows(struct drop *d, const struct dr_json *f, FILE *stored,
                  struct dr_err *err)
{
    struct drop_kind *k = drop_kind(d, dr_json_get_str(f, "object"));
    struct dr_str format = dr_json_get_str(f, "format");

    if (!k) {
        return dr_err_set(err, DR_HALT, 0, "folder",
                          "its object is not in schema.json");
    }
    if (dr_str_eqz(format, "csv")) {
        return csv_rows(d, f, stored, k, err);
    }
    return dr_str_eqz(format, "ndjson")
               ? ndjson_rows(d, f, stored, k, err)
               : dr_err_set(err, DR_HALT, 0, "folder",
                            "its format is neither ndjson nor csv");
}

/* ---- associations: from_id,to_id,type_id,label,primary,category,updated_at */

struct assoc_ctx {
    struct drop *d;
    struct drop_pair *p;
    bool headed;
};

static int assoc_row(void *ctx, const struct dr_csv_record *r,
                     struct dr_str raw, uint64_t offset, const char *bad)
{
    struct assoc_ctx *c = ctx;
    struct dr_arena *a = c->d->arena;
    struct drop_pair *p = c->p;
    struct drop_end *e;

    (void)raw;
    (void)offset;
    if (!c->headed) {
        c->headed = true;
        return bad != NULL;
    }
    if (bad || r->n < 6) {
        return -1;
    }
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 256;
        p->v = dr_xrealloc(p->v, p->cap * sizeof(*p->v));
    }
    e = &p->v[p->n++];
    *e = (struct drop_end){.from = dr_arena_dup(a, r->cells[0].text),
                           .to = dr_arena_dup(a, r->cells[1].text),
                           .type_id = dr_arena_dup(a, r->cells[2].text),
                           .label = dr_arena_dup(a, r->cells[3].text),
                           .primary = dr_str_eqz(r->cells[4].text, "true"),
                           .category = dr_arena_dup(a, r->cells[5].text)};
    if (r->n > 6) {
        e->updated_at = dr_arena_dup(a, r->cells[6].text);
    }
    return 0;
}

int64_t drop_assocs(struct drop *d, const struct dr_json *f, FILE *stored,
                    struct dr_err *err)
{
    struct assoc_ctx c = {.d = d};
    FILE *text = as_utf8(d, f, stored, err);
    int64_t rows;

    if (!text) {
        return -1;
    }
    d->pairs = dr_xrealloc(d->pairs, (d->pair_n + 1) * sizeof(*d->pairs));
    c.p = &d->pairs[d->pair_n++];
    *c.p = (struct drop_pair){.from = dr_json_get_str(f, "from"),
                              .to = dr_json_get_str(f, "to")};
    rows = each_csv(f, text, assoc_row, &c, err);
    return rows < 0 ? dr_err_set(err, DR_HALT, 0, "csv",
                                 "a row of it is no association")
                    : rows;
}
