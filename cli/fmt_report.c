/* Sample, books, rejected records, one record's story. */
#include "fmt.h"

#include "text.h"

const char fmt_rejected_spec[] = "llllll";
const char *const fmt_rejected_heads[] = {"object", "id",     "stage",
                                          "class",  "reason", "what to do"};

static int64_t number(const struct dr_json *j, const char *key)
{
    return dr_json_get_i64(j, key, 0);
}

static void scalar_cell(struct text_table *t, const struct dr_json *v)
{
    struct dr_buf b;

    if (dr_json_type(v) == DR_JSON_STRING || dr_json_is_null(v)) {
        text_cell(t, v && v->text.n > 0 ? v->text : DR_STR_LIT("-"));
        return;
    }
    dr_buf_init(&b, (size_t)1 << 20);
    fmt_value(&b, v);
    text_cell(t, dr_buf_view(&b));
    dr_buf_done(&b);
}

static void coverage(struct fmt *f, const char *name, const struct dr_json *c)
{
    if (!c) {
        return;
    }
    dr_buf_printf(f->out, "%s ", name);
    fmt_value(f->out, dr_json_at(c, 0));
    dr_buf_z(f->out, " of ");
    fmt_value(f->out, dr_json_at(c, 1));
    dr_buf_ch(f->out, '\n');
}

static void sample_signed(struct fmt *f, const struct dr_json *s)
{
    if (dr_json_is_null(s)) {
        dr_buf_z(f->out, "not signed\n");
        return;
    }
    dr_buf_z(f->out, "signed by ");
    fmt_value(f->out, dr_json_get(s, "by"));
    dr_buf_z(f->out, " at ");
    fmt_value(f->out, dr_json_get(s, "at"));
    dr_buf_z(f->out, " for plan ");
    fmt_value(f->out, dr_json_get(s, "hash"));
    dr_buf_ch(f->out, '\n');
}

/* Anything that is not said to be harmless counts as a loss. */
static bool is_loss(struct dr_str verdict)
{
    return !dr_str_eqz(verdict, "same") && !dr_str_eqz(verdict, "intended");
}

/* Of a field's values, several on a line, and of a cause's text, the last. The
 * JSON has them whole. */
#define VALUE_COLUMNS 36
#define CAUSE_COLUMNS 120

struct sample_counts {
    int64_t same, intended, loss, astray;
};

static void value_cell(struct text_table *t, const struct dr_json *v,
                       size_t columns)
{
    if (v && v->type == DR_JSON_STRING && v->text.n == 0) {
        text_cellz(t, "-");
    } else {
        fmt_cell(t, v, columns);
    }
}

static void sample_record(struct text_table *t, const struct dr_json *r,
                          struct sample_counts *n)
{
    static const struct {
        const char *key;
        size_t columns;
    } of_field[] = {{"field", VALUE_COLUMNS},
                    {"source", VALUE_COLUMNS},
                    {"expected", VALUE_COLUMNS},
                    {"actual", VALUE_COLUMNS},
                    {"cause", CAUSE_COLUMNS}};
    struct dr_str state = dr_json_get_str(r, "state");

    if (state.n > 0 && !dr_str_eqz(state, "landed") &&
        !dr_str_eqz(state, "merged")) {
        n->astray++;
        text_cell(t, state);
        scalar_cell(t, dr_json_get(r, "object"));
        scalar_cell(t, dr_json_get(r, "id"));
        for (size_t i = 0; i < DR_ARRAY_LEN(of_field); i++) {
            text_cellz(t, "");
        }
    }
    DR_JSON_EACH(x, dr_json_get(r, "fields"))
    {
        struct dr_str verdict = dr_json_get_str(x, "verdict");
        if (dr_str_eqz(verdict, "same")) {
            n->same++;
            continue;
        }
        n->intended += !is_loss(verdict);
        n->loss += is_loss(verdict);
        scalar_cell(t, dr_json_get(x, "verdict"));
        scalar_cell(t, dr_json_get(r, "object"));
        scalar_cell(t, dr_json_get(r, "id"));
        for (size_t i = 0; i < DR_ARRAY_LEN(of_field); i++) {
            value_cell(t, dr_json_get(x, of_field[i].key), of_field[i].columns);
        }
    }
}

int64_t fmt_sample(struct fmt *f, const struct dr_json *j)
{
    static const char *const heads[] = {"verdict", "object", "id",
                                        "field",   "source", "expected",
                                        "actual",  "cause"};
    const struct dr_json *cover = dr_json_get(j, "coverage");
    struct sample_counts n = {0, 0, 0, 0};
    struct text_table t;

    text_table_init(&t, f->arena, "llllllll", heads);
    DR_JSON_EACH(r, dr_json_get(j, "records"))
    {
        sample_record(&t, r, &n);
    }
    if (n.intended + n.loss + n.astray > 0) {
        text_table_print(&t, f->out, "");
        dr_buf_ch(f->out, '\n');
    }
    text_many(f->out, number(j, "size"), "record", "records");
    if (n.astray > 0) {
        dr_buf_z(f->out, ", ");
        text_count(f->out, n.astray);
        dr_buf_z(f->out, " not landed");
    }
    dr_buf_z(f->out, "; fields: ");
    text_count(f->out, n.same);
    dr_buf_z(f->out, " the same, ");
    text_count(f->out, n.intended);
    dr_buf_z(f->out, " altered as the plan says, ");
    text_count(f->out, n.loss);
    dr_buf_z(f->out, " lost\n");
    coverage(f, "rules covered", dr_json_get(cover, "rules"));
    coverage(f, "values covered", dr_json_get(cover, "values"));
    sample_signed(f, dr_json_get(j, "signed"));
    return n.loss;
}

/* ---- reconciliation ---- */

static void book_states(struct fmt *f, const struct dr_json *objects)
{
    static const char *const heads[] = {"object",   "extracted", "landed",
                                        "merged",   "excluded",  "parked",
                                        "rejected", "deleted"};
    struct text_table t;

    text_table_init(&t, f->arena, "lrrrrrrr", heads);
    DR_JSON_EACH(o, objects)
    {
        const struct dr_json *states = dr_json_get(o, "states");
        text_cell(&t, dr_json_get_str(o, "object"));
        text_cell_count(&t, number(o, "extracted"));
        for (size_t i = 2; i < DR_ARRAY_LEN(heads); i++) {
            text_cell_count(&t, number(states, heads[i]));
        }
    }
    text_table_print(&t, f->out, "");
}

static void book_totals(struct fmt *f, const struct dr_json *objects)
{
    static const char *const heads[] = {"object",    "field",  "currency",
                                        "source",    "target", "explained",
                                        "difference"};
    struct text_table t;
    size_t rows = 0;

    text_table_init(&t, f->arena, "lllrrrr", heads);
    DR_JSON_EACH(o, objects)
    {
        DR_JSON_EACH(x, dr_json_get(o, "totals"))
        {
            rows++;
            text_cell(&t, dr_json_get_str(o, "object"));
            for (size_t i = 1; i < DR_ARRAY_LEN(heads); i++) {
                const struct dr_json *v = dr_json_get(x, heads[i]);
                scalar_cell(&t, i == 2 && !v ? dr_json_get(x, "unit") : v);
            }
        }
    }
    if (rows > 0) {
        dr_buf_ch(f->out, '\n');
        text_table_print(&t, f->out, "");
    }
}

/* ---- differences by cause ---- */

#define CAUSES_SHOWN 8 /* of an object */

static void cause_row(struct text_table *t, const struct dr_json *c)
{
    bool mismatch = dr_json_true(dr_json_get(c, "mismatch"));

    text_cell(t, dr_json_get_str(c, "object"));
    text_cell_count(t, number(c, "count"));
    text_cellz(t, mismatch ? "mismatch" : "told");
    text_cell_cut(t, dr_json_get_str(c, "cause"), CAUSE_COLUMNS);
}

/* The list has mismatches first, then the most frequent. */
static size_t causes_of(struct text_table *t, const struct dr_json *causes,
                        struct dr_str object)
{
    size_t n = 0;

    DR_JSON_EACH(c, causes)
    {
        if (dr_str_eq(dr_json_get_str(c, "object"), object) &&
            n++ < CAUSES_SHOWN) {
            cause_row(t, c);
        }
    }
    if (n > CAUSES_SHOWN) {
        text_cell(t, object);
        text_cellz(t, "");
        text_cellz(t, "");
        text_cell(t, dr_arena_printf(t->arena, "and %zu more causes",
                                     n - CAUSES_SHOWN));
    }
    return n;
}

static void book_causes(struct fmt *f, const struct dr_json *objects,
                        const struct dr_json *causes)
{
    static const char *const heads[] = {"object", "differences", "", "cause"};
    struct text_table t;
    size_t n = 0;

    text_table_init(&t, f->arena, "lrll", heads);
    DR_JSON_EACH(o, objects)
    {
        n += causes_of(&t, causes, dr_json_get_str(o, "object"));
    }
    if (n > 0) {
        dr_buf_ch(f->out, '\n');
        text_table_print(&t, f->out, "");
    }
}

/* ---- target records at which more than one landed ---- */

#define SHARED_SHOWN 20

static void book_shared(struct fmt *f, const struct dr_json *shared)
{
    static const char *const heads[] = {"written over", "target id", "object",
                                        "id"};
    struct text_table t;
    size_t n = 0;

    text_table_init(&t, f->arena, "llll", heads);
    DR_JSON_EACH(s, shared)
    {
        if (n++ >= SHARED_SHOWN) {
            continue;
        }
        DR_JSON_EACH(r, dr_json_get(s, "records"))
        {
            text_cell(&t, dr_json_get_str(s, "type"));
            scalar_cell(&t, dr_json_get(s, "target_id"));
            text_cell(&t, dr_json_get_str(r, "object"));
            text_cell(&t, dr_json_get_str(r, "id"));
        }
    }
    if (n == 0) {
        return;
    }
    dr_buf_ch(f->out, '\n');
    text_table_print(&t, f->out, "");
    if (n > SHARED_SHOWN) {
        dr_buf_z(f->out, "and ");
        text_count(f->out, (int64_t)(n - SHARED_SHOWN));
        dr_buf_z(f->out, " more\n");
    }
    text_esc(f->out, dr_json_get_str(dr_json_at(shared, 0), "cure"));
    dr_buf_ch(f->out, '\n');
}

void fmt_reconciliation(struct fmt *f, const struct dr_json *j)
{
    const struct dr_json *objects = dr_json_get(j, "objects");
    const struct dr_json *d = dr_json_get(j, "differences");
    const struct dr_json *v = dr_json_get(j, "verified");
    struct dr_buf b;

    book_states(f, objects);
    book_totals(f, objects);
    book_causes(f, objects, dr_json_get(j, "causes"));
    book_shared(f, dr_json_get(j, "shared"));
    dr_buf_ch(f->out, '\n');
    text_many(f->out, d ? d->count : 0, "difference", "differences");
    dr_buf_z(f->out, " listed with the cause: drover report "
                     "reconciliation.json\n");
    dr_buf_z(f->out, "verified ");
    text_count(f->out, number(v, "records"));
    dr_buf_z(f->out, " records, ");
    text_count(f->out, number(v, "fields"));
    dr_buf_z(f->out, " fields: ");
    dr_buf_init(&b, 64);
    text_many(&b, number(v, "mismatches"), "mismatch", "mismatches");
    text_styled(f->out, f->color,
                number(v, "mismatches") > 0 ? TEXT_BAD : TEXT_PLAIN, b.p);
    dr_buf_done(&b);
    dr_buf_ch(f->out, '\n');
    if (dr_json_true(dr_json_get(j, "balanced"))) {
        text_styled(f->out, f->color, TEXT_GOOD, "The books balance.");
    } else {
        text_styled(f->out, f->color, TEXT_BAD, "The books do not balance.");
    }
    dr_buf_ch(f->out, '\n');
}

/* ---- rejected ---- */

void fmt_rejected_row(struct text_table *t, const struct dr_json *j)
{
    scalar_cell(t, dr_json_get(j, "object"));
    scalar_cell(t, dr_json_get(j, "id"));
    scalar_cell(t, dr_json_get(j, "stage"));
    scalar_cell(t, dr_json_get(j, "class"));
    scalar_cell(t, dr_json_get(j, "reason"));
    scalar_cell(t, dr_json_get(j, "cure"));
}

static void members(struct fmt *f, const struct dr_json *j, const char *indent)
{
    struct text_table t;

    text_table_init(&t, f->arena, "ll", NULL);
    DR_JSON_EACH(m, j)
    {
        if (!dr_json_is_null(m)) {
            text_cell(&t, m->key);
            scalar_cell(&t, m);
        }
    }
    text_table_print(&t, f->out, indent);
}

void fmt_rejected(struct fmt *f, const struct dr_json *j)
{
    DR_JSON_EACH(line, dr_json_get(j, "lines"))
    {
        members(f, line, "");
        dr_buf_ch(f->out, '\n');
    }
    dr_buf_z(f->out, "original\n  ");
    fmt_value(f->out, dr_json_get(j, "original"));
    dr_buf_ch(f->out, '\n');
}

/* ---- find ---- */

static void section(struct fmt *f, const char *title, const struct dr_json *j)
{
    if (!j || j->count == 0) {
        return;
    }
    dr_buf_printf(f->out, "%s\n", title);
    if (dr_json_type(j) == DR_JSON_OBJECT) {
        members(f, j, "  ");
        return;
    }
    DR_JSON_EACH(item, j)
    {
        members(f, item, "  ");
        if (item->next) {
            dr_buf_ch(f->out, '\n');
        }
    }
}

void fmt_found(struct fmt *f, const struct dr_json *j)
{
    static const char *const apart[] = {"body", "loads", "target",
                                        "differences"};

    DR_JSON_EACH(m, dr_json_get(j, "matches"))
    {
        struct text_table t;
        text_table_init(&t, f->arena, "ll", NULL);
        DR_JSON_EACH(x, m)
        {
            bool own = dr_json_is_null(x);
            for (size_t i = 0; i < DR_ARRAY_LEN(apart); i++) {
                own = own || dr_str_eqz(x->key, apart[i]);
            }
            if (!own) {
                text_cell(&t, x->key);
                scalar_cell(&t, x);
            }
        }
        text_table_print(&t, f->out, "");
        section(f, "source", dr_json_get(m, "body"));
        section(f, "sent", dr_json_get(m, "loads"));
        section(f, "target", dr_json_get(m, "target"));
        section(f, "differences", dr_json_get(m, "differences"));
        if (m->next) {
            dr_buf_ch(f->out, '\n');
        }
    }
}
