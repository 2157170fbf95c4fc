/* The rows of an export's part, as NDJSON or CSV. */
#include "export.h"

#include <string.h>

#include <zlib.h>

#include <drover/base/time.h>

#define ROW_MAX ((size_t)64 << 20)
#define CELL_ENDS 12 /* associations of a CSV row; the rest is a number */

static const char *const envelope[] = {"id",         "version",   "created_at",
                                       "updated_at", "archived",  "archived_at",
                                       "owner_id",   "created_by"};

static bool asked(const struct job *j, struct dr_str name)
{
    struct dr_str rest = j->properties;

    while (rest.n > 0) {
        struct dr_str one = dr_str_split(&rest, ',');
        if (dr_str_eqz(one, "*") || dr_str_eq(one, name)) {
            return true;
        }
    }
    return j->properties.n == 0;
}

static const struct dr_json *properties_of(const struct world *w,
                                           const struct job *j)
{
    return dr_json_get(
        dr_json_gets(dr_json_get(w->schema, "properties"), j->object),
        "results");
}

/* ---- CSV: an unquoted empty cell is null, "" an empty string ---- */

static void cell(struct dr_buf *b, struct dr_str s, bool first)
{
    bool bare = s.n > 0;

    if (!first) {
        dr_buf_ch(b, ',');
    }
    for (size_t i = 0; i < s.n; i++) {
        bare = bare && !strchr(",\"\r\n", s.p[i]) && s.p[i] != '\0';
    }
    if (bare) {
        dr_buf_str(b, s);
        return;
    }
    dr_buf_ch(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"') {
            dr_buf_ch(b, '"');
        }
        dr_buf_ch(b, s.p[i]);
    }
    dr_buf_ch(b, '"');
}

/* Several values by ';'; one inside a value is "\;". */
static void multi(struct dr_buf *b, const struct dr_json *list)
{
    struct dr_buf all;
    const char *between = "";

    dr_buf_init(&all, ROW_MAX);
    DR_JSON_EACH(v, list)
    {
        struct dr_str s = dr_json_scalar(v);
        dr_buf_z(&all, between);
        for (size_t i = 0; i < s.n; i++) {
            if (s.p[i] == ';' || s.p[i] == '\\') {
                dr_buf_ch(&all, '\\');
            }
            dr_buf_ch(&all, s.p[i]);
        }
        between = ";";
    }
    cell(b, dr_buf_view(&all), false);
    dr_buf_done(&all);
}

static bool of_scalars(const struct dr_json *list)
{
    DR_JSON_EACH(v, list)
    {
        if (v->type != DR_JSON_STRING && v->type != DR_JSON_NUMBER) {
            return false;
        }
    }
    return true;
}

static void value(struct dr_buf *b, const struct dr_json *v, bool is_json)
{
    if (dr_json_is_null(v)) {
        dr_buf_ch(b, ',');
    } else if (v->type == DR_JSON_ARRAY && !is_json && of_scalars(v)) {
        multi(b, v);
    } else if (v->type == DR_JSON_STRING && !is_json) {
        cell(b, v->text, false);
    } else {
        cell(b, v->raw, false);
    }
}

static bool pair_of(const struct world *w, const struct job *j, size_t i)
{
    return j->associations && dr_str_eq(w->pairs[i].from, j->object);
}

static void csv_head(const struct world *w, const struct job *j,
                     struct dr_buf *b)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(envelope); i++) {
        cell(b, dr_str_z(envelope[i]), i == 0);
    }
    DR_JSON_EACH(p, properties_of(w, j))
    {
        if (asked(j, dr_json_get_str(p, "name"))) {
            cell(b, dr_json_get_str(p, "name"), false);
        }
    }
    for (size_t i = 0; i < w->pair_n; i++) {
        if (pair_of(w, j, i)) {
            dr_buf_printf(b, ",associations." DR_STR_FMT,
                          DR_STR_ARG(w->pairs[i].to));
        }
    }
    dr_buf_ch(b, '\n');
}

static void csv_ends(const struct pair *p, struct dr_str id, struct dr_buf *b)
{
    struct dr_buf all;
    size_t n = 0;

    dr_buf_init(&all, ROW_MAX);
    for (size_t i = pair_from(p, id); i < p->n && dr_str_eq(p->v[i].from, id);
         i++, n++) {
        if (n < CELL_ENDS) {
            dr_buf_printf(&all, "%s" DR_STR_FMT, n ? ";" : "",
                          DR_STR_ARG(p->v[i].to));
        }
    }
    if (n > CELL_ENDS) {
        dr_buf_printf(&all,
                      ";\xe2\x80\xa6"
                      "and %zu more",
                      n - CELL_ENDS);
    }
    if (n == 0) {
        dr_buf_ch(b, ',');
    } else {
        cell(b, dr_buf_view(&all), false);
    }
    dr_buf_done(&all);
}

static void csv_row(const struct world *w, const struct job *j,
                    const struct dr_json *r, struct dr_buf *b)
{
    const struct dr_json *values = dr_json_get(r, "properties");

    cell(b, dr_json_scalar(dr_json_get(r, "id")), true);
    for (size_t i = 1; i < DR_ARRAY_LEN(envelope); i++) {
        value(b, dr_json_get(r, envelope[i]), false);
    }
    DR_JSON_EACH(p, properties_of(w, j))
    {
        struct dr_str name = dr_json_get_str(p, "name");
        if (asked(j, name)) {
            value(b, dr_json_gets(values, name),
                  dr_str_eqz(dr_json_get_str(p, "data_type"), "json"));
        }
    }
    for (size_t i = 0; i < w->pair_n; i++) {
        if (pair_of(w, j, i)) {
            csv_ends(&w->pairs[i], dr_json_scalar(dr_json_get(r, "id")), b);
        }
    }
    dr_buf_ch(b, '\n');
}

/* ---- NDJSON ---- */

static void json_ends(const struct world *w, const struct job *j,
                      struct dr_str id, struct dr_json_w *o)
{
    dr_json_w_key(o, "associations");
    dr_json_w_obj(o);
    for (size_t i = 0; i < w->pair_n; i++) {
        const struct pair *p = &w->pairs[i];
        char at[DR_TIME_TEXT];
        if (!pair_of(w, j, i)) {
            continue;
        }
        dr_json_w_keys(o, p->to);
        dr_json_w_arr(o);
        for (size_t k = pair_from(p, id);
             k < p->n && dr_str_eq(p->v[k].from, id); k++) {
            dr_json_w_obj(o);
            dr_json_w_kv(o, "id", p->v[k].to);
            dr_json_w_kvi(o, "type_id", p->v[k].type_id);
            dr_json_w_kv(o, "label", p->v[k].label);
            dr_json_w_kv(o, "category", p->v[k].category);
            dr_json_w_kvb(o, "primary", p->v[k].primary);
            dr_json_w_kvz(o, "updated_at",
                          dr_time_format(p->v[k].updated_ms, at));
            dr_json_w_end(o);
        }
        dr_json_w_end(o);
    }
    dr_json_w_end(o);
}

static void json_row(struct world *w, const struct job *j, const struct rec *r,
                     struct dr_arena *a, struct dr_buf *b)
{
    struct call c = {.w = w, .a = a, .properties = j->properties};

    if (r->poison) { /* its bytes as they are */
        dr_buf_str(b, r->body);
        dr_buf_ch(b, '\n');
        return;
    }
    dr_buf_init(&c.out, ROW_MAX);
    dr_json_w_init(&c.j, &c.out);
    record_write(&c, j->kind, r);
    if (j->associations) {
        c.out.n--; /* the brace */
        dr_buf_str(b, dr_buf_view(&c.out));
        dr_buf_reset(&c.out);
        dr_json_w_init(&c.j, &c.out);
        dr_json_w_obj(&c.j);
        json_ends(w, j, r->id, &c.j);
        dr_json_w_end(&c.j);
        dr_buf_ch(b, ',');
        dr_buf_str(b, (struct dr_str){c.out.p + 1, c.out.n - 1});
    } else {
        dr_buf_str(b, dr_buf_view(&c.out));
    }
    dr_buf_ch(b, '\n');
    dr_buf_done(&c.out);
}

/* ---- one part ---- */

static bool wanted(const struct job *j, const struct rec *r)
{
    return rec_exists(r) && r->body.n > 0 && (j->archived || !r->archived) &&
           r->updated_ms >= j->from_ms;
}

static void note_corrupt(struct world *w, struct job *j, const struct rec *r)
{
    j->corrupt =
        dr_arena_printf(w->arena,
                        DR_STR_FMT "{\"id\":\"" DR_STR_FMT
                                   "\",\"reason\":\"record_unreadable\"}\n",
                        DR_STR_ARG(j->corrupt), DR_STR_ARG(r->id));
    j->corrupt_n++;
}

/* A record that is not readable stands in NDJSON as its bytes are; in CSV it
 * cannot stand at all. True: a row was written. */
static bool row(struct world *w, struct job *j, const struct rec *r,
                struct dr_buf *out)
{
    struct dr_json_limits limits = {.max_bytes = ROW_MAX};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)512 << 20);
    const struct dr_json *tree;

    if (r->poison && dr_str_cmp(r->id, j->last_id) > 0) {
        note_corrupt(w, j, r);
        bite(w, r->bad_line ? r->bad_line : "poison.part");
    }
    if (!j->csv) {
        json_row(w, j, r, a, out);
        return true;
    }
    tree = r->poison ? NULL : dr_json_parse(a, r->body, &limits, NULL);
    if (tree) {
        csv_row(w, j, tree, out);
    }
    return tree != NULL;
}

bool job_read(struct world *w, struct job *j, size_t max, struct dr_buf *out,
              struct part *p)
{
    struct kind *k = j->kind;
    size_t repeat = (size_t)knob_int(w->knobs, "export_repeat_rows");
    size_t from = kind_after(k, j->last_id), i;

    repeat = j->n == 0 ? 0 : from > repeat ? repeat : from;
    from -= repeat; /* rows of the part before, as they are now */
    if (repeat > 0) {
        bite(w, "export_repeat_rows");
    }
    if (j->csv) {
        csv_head(w, j, out);
    }
    for (i = from; i < k->n && p->rows < max + repeat; i++) {
        if (!wanted(j, &k->v[i]) || !row(w, j, &k->v[i], out)) {
            continue;
        }
        if (p->rows++ == 0) {
            p->first_id = k->v[i].id;
        }
        p->last_id = k->v[i].id;
    }
    if (p->last_id.n > 0) {
        bool further = dr_str_cmp(p->last_id, j->last_id) > 0;
        j->last_id = k->v[i - 1].id;
        return further;
    }
    return false;
}

struct dr_str gzip_of(struct world *w, struct dr_str text)
{
    z_stream z = {0};
    size_t cap;
    char *out;

    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY)) {
        dr_die(DR_EXIT_FAILURE, "gzip", "cannot pack");
    }
    cap = deflateBound(&z, text.n);
    out = dr_arena_alloc(w->arena, cap);
    z.next_in = (Bytef *)(uintptr_t)text.p;
    z.avail_in = (uInt)text.n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)cap;
    if (!out || deflate(&z, Z_FINISH) != Z_STREAM_END) {
        dr_die(DR_EXIT_FAILURE, "gzip", "cannot pack");
    }
    (void)deflateEnd(&z);
    return (struct dr_str){out, z.total_out};
}
