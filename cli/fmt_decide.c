/* What people decide or rebuild: questions, deletions, kept edits, inventory.
 */
#include "fmt.h"

#include "text.h"

#define VALUE_COLUMNS 60 /* of a cell: the JSON has it whole */

const char fmt_removal_spec[] = "lllrlllll";
const char *const fmt_removal_heads[] = {"object",    "id",    "type",
                                         "target id", "name",  "owner",
                                         "hangs on",  "state", "cause"};
const char fmt_conflict_spec[] = "lllrlllll";
const char *const fmt_conflict_heads[] = {
    "object", "id",         "name",          "target id", "field",
    "source", "the plan's", "in Freshsales", "reason"};

static void cell(struct text_table *t, const struct dr_json *j, const char *key)
{
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    fmt_value(&b, dr_json_get(j, key));
    text_cell(t, dr_arena_dup(t->arena, dr_buf_view(&b)));
    dr_buf_done(&b);
}

/* "-" for what is not known; the start of what is long. */
static void short_cell(struct text_table *t, const struct dr_json *j,
                       const char *key)
{
    fmt_cell(t, dr_json_get(j, key), VALUE_COLUMNS);
}

void fmt_removal_row(struct text_table *t, const struct dr_json *j)
{
    static const char *const keys[] = {"object",    "id",    "type",
                                       "target_id", "name",  "owner",
                                       "parent",    "state", "cause"};

    for (size_t i = 0; i < DR_ARRAY_LEN(keys); i++) {
        short_cell(t, j, keys[i]);
    }
}

void fmt_conflict_row(struct text_table *t, const struct dr_json *j)
{
    static const char *const keys[] = {"object",    "id",     "name",
                                       "target_id", "field",  "source",
                                       "wanted",    "target", "reason"};

    for (size_t i = 0; i < DR_ARRAY_LEN(keys); i++) {
        short_cell(t, j, keys[i]);
    }
}

void fmt_asks(struct fmt *f, const struct dr_json *j)
{
    static const char *const heads[] = {"id", "approved", "question"};
    const struct dr_json *asks = dr_json_get(j, "asks");
    struct text_table t;

    if (!asks || asks->count == 0) {
        dr_buf_z(f->out, "Nothing is asked.\n");
        return;
    }
    text_table_init(&t, f->arena, "lll", heads);
    DR_JSON_EACH(q, asks)
    {
        cell(&t, q, "id");
        text_cellz(&t, dr_json_true(dr_json_get(q, "approved")) ? "yes" : "no");
        cell(&t, q, "text");
    }
    text_table_print(&t, f->out, "");
}

/* ---- the profile ---- */

int64_t fmt_profile_check(struct fmt *f, const struct dr_json *j)
{
    static const char *const heads[] = {"object", "assumption", "verdict",
                                        "found", "cure"};
    struct text_table t;
    int64_t failed = 0;

    fmt_pair(f, "profile", dr_json_get(j, "profile"));
    if (dr_json_get(j, "at")) { /* older extractors do not say when */
        fmt_pair(f, "checked at", dr_json_get(j, "at"));
    }
    text_table_init(&t, f->arena, "lllll", heads);
    DR_JSON_EACH(c, dr_json_get(j, "checks"))
    {
        failed += dr_str_eqz(dr_json_get_str(c, "verdict"), "fails");
        for (size_t i = 0; i < DR_ARRAY_LEN(heads); i++) {
            cell(&t, c, heads[i]);
        }
    }
    text_table_print(&t, f->out, "");
    dr_buf_ch(f->out, '\n');
    text_many(f->out, failed, "assumption does not hold",
              "assumptions do not hold");
    dr_buf_ch(f->out, '\n');
    return failed;
}

/* ---- inventory ---- */

/* In one line, however it was laid out. */
static void compact(struct text_table *t, const struct dr_json *v)
{
    bool text = false;
    struct dr_buf b;

    if (v->type == DR_JSON_STRING) {
        text_cell(t, v->text);
        return;
    }
    dr_buf_init(&b, (size_t)1 << 20);
    for (size_t i = 0; i < v->raw.n; i++) {
        char c = v->raw.p[i];
        if (text && c == '\\' && i + 1 < v->raw.n) {
            dr_buf_ch(&b, c);
            c = v->raw.p[++i];
        } else if (c == '"') {
            text = !text;
        }
        if (text || (c != ' ' && c != '\n' && c != '\t' && c != '\r')) {
            dr_buf_ch(&b, c);
        }
    }
    text_cell(t, dr_arena_dup(t->arena, dr_buf_view(&b)));
    dr_buf_done(&b);
}

/* What the step is set to, without which it cannot be rebuilt. */
static void config(struct fmt *f, const struct dr_json *settings)
{
    bool object = dr_json_type(settings) == DR_JSON_OBJECT;
    struct text_table t;

    if (dr_json_is_null(settings) || (object && settings->count == 0)) {
        return;
    }
    text_table_init(&t, f->arena, "ll", NULL);
    if (!object) {
        text_cellz(&t, "config");
        compact(&t, settings);
    } else {
        DR_JSON_EACH(m, settings)
        {
            text_cell(&t, m->key);
            compact(&t, m);
        }
    }
    text_table_print(&t, f->out, "       ");
}

static void steps(struct fmt *f, const struct dr_json *item)
{
    DR_JSON_EACH(s, dr_json_get(item, "steps"))
    {
        dr_buf_z(f->out, "    ");
        fmt_value(f->out, dr_json_get(s, "n"));
        dr_buf_z(f->out, ". ");
        fmt_value(f->out, dr_json_get(s, "kind"));
        dr_buf_z(f->out, ": ");
        fmt_value(f->out, dr_json_get(s, "summary"));
        dr_buf_ch(f->out, '\n');
        config(f, dr_json_get(s, "config"));
    }
}

static void automation(struct fmt *f, const struct dr_json *item)
{
    static const char *const facts[] = {"status", "object", "trigger",
                                        "enrolled", "updated_at"};
    struct text_table t;

    dr_buf_z(f->out, "  ");
    fmt_value(f->out, dr_json_get(item, "name"));
    dr_buf_z(f->out, " (");
    fmt_value(f->out, dr_json_get(item, "id"));
    dr_buf_z(f->out, ")\n");
    text_table_init(&t, f->arena, "ll", NULL);
    for (size_t i = 0; i < DR_ARRAY_LEN(facts); i++) {
        if (!dr_json_is_null(dr_json_get(item, facts[i]))) {
            text_cellz(&t, facts[i]);
            cell(&t, item, facts[i]);
        }
    }
    text_table_print(&t, f->out, "    ");
    steps(f, item);
}

/* Events that no plan makes records of are to be looked up elsewhere. */
static void custom_events(struct fmt *f, const struct dr_json *events)
{
    struct dr_str fate = dr_json_get_str(events, "fate");
    int64_t n = dr_json_get_i64(events, "count", 0);

    if (n == 0) {
        return;
    }
    dr_buf_z(f->out, "\nCustom events: ");
    text_count(f->out, n);
    dr_buf_z(f->out,
             dr_str_eqz(fate, "activities")
                 ? ", of which the plan makes sales activities: `drover "
                   "report events.ndjson` says what became of each\n"
             : dr_str_eqz(fate, "report")
                 ? ", not migrated by the plan: `drover report events.ndjson` "
                   "lists them\n"
             : dr_str_eqz(fate, "none")
                 ? ", outside the plan's scope: `drover report events.ndjson` "
                   "lists them\n"
                 : ": what becomes of them the plan says, none is approved "
                   "yet\n");
}

void fmt_inventory(struct fmt *f, const struct dr_json *j)
{
    static const char *const kinds[][2] = {
        {"workflows", "Workflows"},
        {"sequences", "Sequences"},
        {"email_templates", "E-mail templates"}};

    dr_buf_z(f->out, "Not migrated: to be rebuilt in Freshsales by hand.\n");
    for (size_t i = 0; i < DR_ARRAY_LEN(kinds); i++) {
        const struct dr_json *list = dr_json_get(j, kinds[i][0]);
        dr_buf_printf(f->out, "\n%s: %u\n", kinds[i][1],
                      list ? (unsigned)list->count : 0);
        DR_JSON_EACH(item, list)
        {
            automation(f, item);
        }
    }
    custom_events(f, dr_json_get(j, "events"));
}
