#include "conflicts.h"

#include "named.h"
#include "settle.h"

#define VALUE_MAX 200 /* bytes of a value that are shown */

/* What is known of both sides; NULL texts: not known. */
struct sides {
    struct dr_str name, property, source, wanted, target;
};

static const struct dr_str unknown = {NULL, 0};

static struct dr_str shown(struct dr_str s)
{
    return dr_utf8_prefix(s, VALUE_MAX);
}

/* Read back when the version that left the field alone was written, or later:
 * before that it is what we wrote ourselves. */
static bool read_since(const struct judge_load *l, uint64_t rev)
{
    return l->has_fact && !l->fact.refused && l->fact.rev >= rev;
}

static const struct dr_json *body_with(const struct judge_load *l,
                                       struct dr_str field)
{
    for (size_t i = 0; i < l->body_count; i++) {
        const struct dr_json *v = dr_json_gets(l->bodies[i], field);
        if (v) {
            return v;
        }
    }
    return NULL;
}

/* A rule is named after its object and property: "deal.amount". */
static struct dr_str property_of(struct dr_str rule)
{
    struct dr_str rest = rule;

    (void)dr_str_split(&rest, '.');
    return rest.p ? dr_str_split(&rest, '.') : unknown;
}

static void of_field(const struct judge_case *c, const struct judge_load *l,
                     const struct dr_load *load, const struct dr_field *f,
                     uint64_t rev, struct dr_arena *a, struct sides *out)
{
    struct dr_str actual = unknown;
    const struct dr_json *root = dr_json_parse(a, c->rec->body, NULL, NULL);
    enum dr_cmp cmp = DR_CMP_ABSENT;

    out->property = property_of(f->rule);
    out->wanted = f->value.p ? f->value : DR_STR_LIT("");
    if (root && out->property.p) {
        out->source = judge_source_text(root, out->property);
    }
    for (size_t i = 0;
         read_since(l, rev) && cmp == DR_CMP_ABSENT && i < l->body_count; i++) {
        cmp = dr_compare_field(load, f, l->bodies[i], a, &actual);
    }
    if (cmp != DR_CMP_ABSENT) {
        out->target = actual.p ? actual : DR_STR_LIT("");
    }
}

/* Ids, be they the elements or their `id`. */
static struct dr_str ids_of(const struct dr_json *v, struct dr_arena *a)
{
    struct dr_str out = DR_STR_LIT("");

    if (dr_json_type(v) != DR_JSON_ARRAY) {
        return dr_json_scalar(v);
    }
    DR_JSON_EACH(e, v)
    {
        const struct dr_json *id =
            dr_json_type(e) == DR_JSON_OBJECT ? dr_json_get(e, "id") : e;
        out = dr_arena_printf(a, DR_STR_FMT "%s" DR_STR_FMT, DR_STR_ARG(out),
                              out.n > 0 ? ", " : "",
                              DR_STR_ARG(dr_json_scalar(id)));
        if (out.n > VALUE_MAX) {
            break; /* no more is shown */
        }
    }
    return out;
}

/* A link's conflict is named after what the target shows of it. */
static bool is_of(const struct dr_ref *r, struct dr_str field)
{
    return dr_str_eq(r->field, field) ||
           (dr_str_eqz(field, "targetables") &&
            dr_str_starts(r->field, DR_STR_LIT("targetable:"))) ||
           (dr_str_eqz(field, "contacts") &&
            dr_str_eqz(r->field, "contacts_added_list"));
}

/* The ids of both sides: the source's, and those that the target has. */
static void of_links(const struct judge_load *l, const struct dr_load *load,
                     struct dr_str field, uint64_t rev, struct dr_arena *a,
                     struct sides *out)
{
    const struct dr_json *have = body_with(l, field);

    for (size_t i = 0; i < load->ref_count && out->source.n <= VALUE_MAX; i++) {
        struct dr_str id = load->refs[i].key;
        if (!is_of(&load->refs[i], field) || id.n == 0) {
            continue;
        }
        (void)dr_str_split(&id, ':');
        out->source = dr_arena_printf(
            a, DR_STR_FMT "%s" DR_STR_FMT, DR_STR_ARG(out->source),
            out->source.n > 0 ? ", " : "", DR_STR_ARG(id));
    }
    if (have && read_since(l, rev)) {
        out->target = ids_of(have, a);
    }
}

static void of_load(const struct judge_case *c, size_t at, struct dr_str field,
                    uint64_t rev, struct dr_arena *a, struct sides *out)
{
    const struct judge_load *l = &c->loads[at];
    const struct dr_load *load = &c->out->loads[at];

    if (out->name.n == 0 && l->body_count > 0) {
        out->name = named_record(l->bodies[0], a);
    }
    for (size_t i = 0; i < load->field_count; i++) {
        if (dr_str_eq(load->fields[i].name, field)) {
            of_field(c, l, load, &load->fields[i], rev, a, out);
            return;
        }
    }
    of_links(l, load, field, rev, a, out);
}

static struct sides sides_of(struct auditor *au, struct dr_str object,
                             struct dr_str id, struct dr_str field,
                             uint64_t rev)
{
    struct sides out = {unknown, unknown, unknown, unknown, unknown};
    const struct dr_source *rec;
    struct dr_outcome outcome;
    struct judge_case c;

    dr_arena_reset(au->arena);
    rec = books_get_source(au->books, object, id, au->arena);
    if (rec && rec->op == DR_SRC_UPSERT &&
        settle_gather(au, rec, &outcome, &c) && c.out) {
        for (size_t i = 0; i < c.out->load_count && i < JUDGE_LOADS; i++) {
            of_load(&c, i, field, rev, au->arena, &out);
        }
    }
    return out;
}

/* ---- lines ---- */

static void text_or_null(struct dr_json_w *w, const char *key, struct dr_str s)
{
    dr_json_w_key(w, key);
    if (s.p) {
        dr_json_w_str(w, shown(s));
    } else {
        dr_json_w_null(w);
    }
}

static void line(struct auditor *au, struct query *q, struct dr_buf *out)
{
    struct sides s = sides_of(au, db_col(q, 0), db_col(q, 2), db_col(q, 1),
                              (uint64_t)db_col_int(q, 4));
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "object", db_col(q, 0));
    dr_json_w_kv(&w, "id", db_col(q, 2));
    text_or_null(&w, "name", s.name);
    text_or_null(&w, "type", db_col_null(q, 5) ? unknown : db_col(q, 5));
    dr_json_w_key(&w, "target_id");
    if (db_col_null(q, 6)) {
        dr_json_w_null(&w);
    } else {
        dr_json_w_i64(&w, db_col_int(q, 6));
    }
    dr_json_w_kv(&w, "field", db_col(q, 1));
    text_or_null(&w, "property", s.property);
    text_or_null(&w, "source", s.source);
    text_or_null(&w, "wanted", s.wanted);
    text_or_null(&w, "target", s.target);
    dr_json_w_kv(&w, "class", db_col(q, 7));
    dr_json_w_kv(&w, "reason", db_col(q, 3));
    dr_json_w_end(&w);
    dr_buf_ch(out, '\n');
}

/* "<object>:<field>:<id>" of the last line. */
static void cursor_of(struct query *q, struct dr_buf *next)
{
    dr_buf_reset(next);
    for (int i = 0; i < 3; i++) {
        dr_buf_z(next, i > 0 ? ":" : "");
        dr_buf_str(next, db_col(q, i));
    }
}

/* Of what was in the way of a record's own form there is no word when a later
 * version has that, or the same one in a later pass. */
#define STANDS                                                \
    "NOT (k.class IN ('name_taken','address_taken','circle')" \
    " AND EXISTS(SELECT 1 FROM fact f WHERE"                  \
    " f.lane=CASE k.field WHEN 'name' THEN 'account'"         \
    " WHEN 'emails' THEN 'contact' ELSE 'link' END"           \
    " AND f.key=k.object||':'||k.id"                          \
    " AND (f.pass, f.rev) > (k.pass, k.rev) AND f.refused=0))"

int64_t conflicts_count(struct auditor *au)
{
    struct query *q = db_query(books_db(au->books),
                               "SELECT count(*) FROM conflict k WHERE " STANDS);

    return db_one(q);
}

void conflicts_list(struct auditor *au, struct dr_str only, struct dr_str after,
                    int64_t limit, struct spool *out, struct dr_buf *next)
{
    struct dr_str object = dr_str_split(&after, ':');
    struct dr_str field = dr_str_split(&after, ':');
    struct query *q = db_query(
        books_db(au->books),
        "SELECT k.object, k.field, k.id, k.reason, k.rev, r.type, r.target,"
        " k.class"
        " FROM conflict k LEFT JOIN record r ON r.object=k.object"
        "  AND r.id=k.id"
        " WHERE (k.object, k.field, k.id) > (?1, ?2, ?3)"
        " AND (?5='' OR k.object=?5) AND " STANDS
        " ORDER BY k.object, k.field, k.id LIMIT ?4");
    int64_t n = 0;

    dr_buf_reset(next);
    db_text(q, 1, object);
    db_text(q, 2, field);
    db_text(q, 3, after);
    db_int(q, 4, limit);
    db_text(q, 5, only);
    while (db_step(q)) {
        line(au, q, &out->buf);
        cursor_of(q, next);
        spool_flow(out);
        n++;
    }
    if (n < limit) {
        dr_buf_reset(next);
    }
}
