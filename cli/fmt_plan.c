/* The plan and what is decided about it. */
#include "fmt.h"

#include "text.h"

static int64_t number(const struct dr_json *j, const char *key)
{
    return dr_json_get_i64(j, key, 0);
}

/* "3 groups of duplicates: see …"; the hint only when there are any. */
static void count_line(struct fmt *f, int64_t n, const char *one,
                       const char *many, const char *hint)
{
    text_many(f->out, n, one, many);
    dr_buf_printf(f->out, "%s%s\n", n && hint ? ": see " : "",
                  n && hint ? hint : "");
}

void fmt_proposed(struct fmt *f, const struct dr_json *j)
{
    const struct dr_json *list = dr_json_get(j, "checklist");

    fmt_pair(f, "plan", dr_json_get(j, "hash"));
    if (dr_json_get(j, "problems")) {
        count_line(f, number(j, "problems"), "problem", "problems",
                   "`drover plan check`");
    }
    if (list) {
        count_line(f, number(list, "missing"), "thing to create in the target",
                   "things to create in the target",
                   "`drover report checklist.md`");
        count_line(f, number(list, "present"), "there already", "there already",
                   NULL);
    }
    if (dr_json_get(j, "owners_unmatched")) {
        count_line(f, number(j, "owners_unmatched"), "owner without a user",
                   "owners without a user", "`drover owners`");
    }
    if (dr_json_get(j, "duplicates")) {
        count_line(f, number(j, "duplicates"), "group of duplicates",
                   "groups of duplicates", "`drover duplicates`");
    }
    DR_JSON_EACH(name, dr_json_get(j, "too_large"))
    {
        text_esc(f->out, dr_json_str(name));
        dr_buf_z(f->out, " has more than 7 MiB: save it now (`drover report`), "
                         "books that are rebuilt have it no more\n");
    }
}

static uint32_t size_of(const struct dr_json *j, const char *key)
{
    const struct dr_json *v = dr_json_get(j, key);

    return v ? v->count : 0;
}

static void plan_objects(struct fmt *f, const struct dr_json *j)
{
    static const char *const heads[] = {"object", "becomes", "fields"};
    struct text_table t;

    text_table_init(&t, f->arena, "llr", heads);
    DR_JSON_EACH(o, dr_json_get(j, "objects"))
    {
        text_cell(&t, dr_json_get_str(o, "object"));
        text_cell(&t, dr_json_get_str(o, "target_type"));
        text_cell_count(&t, size_of(o, "fields"));
    }
    dr_buf_ch(f->out, '\n');
    text_table_print(&t, f->out, "");
}

static void plan_pipelines(struct fmt *f, const struct dr_json *j)
{
    static const char *const heads[] = {"pipeline", "becomes", "stages",
                                        "without a stage"};
    struct text_table t;

    if (size_of(j, "pipelines") == 0) {
        return;
    }
    text_table_init(&t, f->arena, "llrr", heads);
    DR_JSON_EACH(p, dr_json_get(j, "pipelines"))
    {
        struct dr_buf b;
        int64_t open = 0;
        DR_JSON_EACH(s, dr_json_get(p, "stages"))
        {
            open += dr_json_is_null(s);
        }
        dr_buf_init(&b, 4096);
        fmt_value(&b, dr_json_get(p, "target_id"));
        text_cell(&t, dr_json_scalar(dr_json_get(p, "source_id")));
        text_cell(&t, dr_buf_view(&b));
        text_cell_count(&t, size_of(p, "stages"));
        text_cell_count(&t, open);
        dr_buf_done(&b);
    }
    dr_buf_ch(f->out, '\n');
    text_table_print(&t, f->out, "");
}

void fmt_plan(struct fmt *f, const struct dr_json *j)
{
    const struct dr_json *owners = dr_json_get(j, "owners");
    const struct dr_json *merge = dr_json_get(j, "merge");

    fmt_pair(f, "plan", dr_json_get(j, "hash"));
    fmt_pair(f, "format", dr_json_get(j, "format"));
    fmt_pair(f, "scope", dr_json_get(j, "scope"));
    dr_buf_z(f->out, "owners      ");
    text_count(f->out, size_of(owners, "map"));
    dr_buf_z(f->out, " matched; what others own: ");
    fmt_value(f->out, dr_json_get(owners, "unresolved"));
    if (!dr_json_is_null(dr_json_get(owners, "fallback"))) {
        dr_buf_z(f->out, " to user ");
        fmt_value(f->out, dr_json_get(owners, "fallback"));
    }
    dr_buf_ch(f->out, '\n');
    fmt_pair(f, "house owner", dr_json_get(owners, "house"));
    fmt_pair(f, "orphans to",
             dr_json_get(dr_json_get(j, "orphans"), "account_name"));
    fmt_pair(f, "leads as", dr_json_get(j, "leads"));
    fmt_pair(f, "merge", dr_json_get(merge, "policy"));
    plan_objects(f, j);
    plan_pipelines(f, j);
    dr_buf_z(f->out,
             "\nThe whole plan, to be edited: drover plan show --json\n");
}

void fmt_problems(struct fmt *f, const struct dr_json *problems)
{
    static const char *const heads[] = {"code", "object", "field", "problem",
                                        "what to do"};
    struct text_table t;

    if (!problems || problems->count == 0) {
        text_styled(f->out, f->color, TEXT_GOOD, "no problems");
        dr_buf_ch(f->out, '\n');
        return;
    }
    text_table_init(&t, f->arena, "lllll", heads);
    DR_JSON_EACH(p, problems)
    {
        text_cell(&t, dr_json_get_str(p, "code"));
        text_cell(&t, dr_json_get_str(p, "object"));
        text_cell(&t, dr_json_get_str(p, "field"));
        text_cell(&t, dr_json_get_str(p, "detail"));
        text_cell(&t, dr_json_get_str(p, "cure"));
    }
    text_table_print(&t, f->out, "");
    dr_buf_ch(f->out, '\n');
    count_line(f, problems->count, "problem", "problems", NULL);
}

/* ---- ready ---- */

#define WANTS_SHOWN 8

/* "Engaging 40 %", "Deal (lookup of deals)", "Open" */
static void want(struct dr_buf *b, const struct dr_json *e)
{
    struct dr_str label = dr_json_get_str(e, "label");
    const struct dr_json *type = dr_json_get(e, "type");

    if (dr_json_type(e) != DR_JSON_OBJECT) {
        fmt_value(b, e);
        return;
    }
    fmt_value(b, dr_json_get(e, label.n > 0 ? "label" : "name"));
    if (dr_json_get(e, "probability")) {
        dr_buf_ch(b, ' ');
        fmt_value(b, dr_json_get(e, "probability"));
        dr_buf_z(b, " %");
    }
    if (type) {
        dr_buf_z(b, " (");
        fmt_value(b, type);
        if (dr_json_get(e, "relation")) {
            dr_buf_z(b, " of ");
            fmt_value(b, dr_json_get(e, "relation"));
        }
        dr_buf_ch(b, ')');
    }
}

static void wants(struct dr_buf *b, const struct dr_json *item, const char *key)
{
    const struct dr_json *list = dr_json_get(item, key);
    size_t n = 0;

    if (dr_json_type(list) != DR_JSON_ARRAY || list->count == 0) {
        return;
    }
    dr_buf_printf(b, "; %u %s: ", (unsigned)list->count, key);
    DR_JSON_EACH(e, list)
    {
        if (n++ == WANTS_SHOWN) {
            dr_buf_z(b, ", and ");
            text_count(b, (int64_t)list->count - WANTS_SHOWN);
            dr_buf_z(b, " more");
            return;
        }
        dr_buf_z(b, n > 1 ? ", " : "");
        want(b, e);
    }
}

/* What an admin has to know to create it, bounded. */
static void ready_detail(struct text_table *t, const struct dr_json *item)
{
    static const char *const lists[] = {"choices", "stages", "fields"};
    static const char *const facts[] = {"label", "pipeline", "position",
                                        "probability"};
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    fmt_value(&b, dr_json_get(item, "detail"));
    for (size_t i = 0; i < DR_ARRAY_LEN(facts); i++) {
        if (!dr_json_is_null(dr_json_get(item, facts[i]))) {
            dr_buf_printf(&b, "; %s ", facts[i]);
            fmt_value(&b, dr_json_get(item, facts[i]));
        }
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(lists); i++) {
        wants(&b, item, lists[i]);
    }
    text_cell(t, dr_arena_dup(t->arena, dr_buf_view(&b)));
    dr_buf_done(&b);
}

void fmt_ready(struct fmt *f, const struct dr_json *j)
{
    static const char *const heads[] = {"kind", "of", "name", "detail"};
    struct text_table t;
    int64_t missing = 0, waived = 0, all = 0;

    text_table_init(&t, f->arena, "llll", heads);
    DR_JSON_EACH(i, dr_json_get(j, "items"))
    {
        struct dr_str status = dr_json_get_str(i, "status");
        all++;
        waived += dr_str_eqz(status, "waived");
        if (dr_str_eqz(status, "present") || dr_str_eqz(status, "waived")) {
            continue;
        }
        missing++;
        text_cell(&t, dr_json_get_str(i, "kind"));
        text_cell(&t, dr_json_get_str(i, "entity"));
        text_cell(&t, dr_json_get_str(i, "name"));
        ready_detail(&t, i);
    }
    if (missing > 0) {
        dr_buf_z(f->out, "Missing in the target:\n\n");
        text_table_print(&t, f->out, "  ");
        dr_buf_z(f->out, "\nEach with all its choices, stages and fields: "
                         "drover report checklist.md\n\n");
    }
    text_count(f->out, all - missing - waived);
    dr_buf_z(f->out, " of ");
    text_count(f->out, all);
    dr_buf_z(f->out, " present");
    if (waived > 0) {
        dr_buf_z(f->out, ", ");
        text_count(f->out, waived);
        dr_buf_z(f->out, " waived");
    }
    dr_buf_z(f->out, "; ");
    if (dr_json_true(dr_json_get(j, "ready"))) {
        text_styled(f->out, f->color, TEXT_GOOD, "the target is ready");
    } else {
        text_styled(f->out, f->color, TEXT_WARN, "the target is not ready");
    }
    dr_buf_ch(f->out, '\n');
}

void fmt_owners(struct fmt *f, const struct dr_json *j)
{
    static const char *const heads[] = {"owner", "e-mail", "records",
                                        "why there is no user"};
    const struct dr_json *un = dr_json_get(j, "unmatched");
    const struct dr_json *am = dr_json_get(j, "ambiguous");
    struct text_table t;

    count_line(f, size_of(j, "matched"), "owner matched", "owners matched",
               NULL);
    count_line(f, size_of(j, "unmatched"), "owner without a user",
               "owners without a user", NULL);
    count_line(f, size_of(j, "ambiguous"), "owner with more than one",
               "owners with more than one", NULL);
    fmt_pair(f, "house owner", dr_json_get(j, "house"));
    fmt_pair(f, "fallback", dr_json_get(j, "fallback"));
    if (size_of(j, "unmatched") + size_of(j, "ambiguous") == 0) {
        return;
    }
    text_table_init(&t, f->arena, "llrl", heads);
    for (int k = 0; k < 2; k++) {
        DR_JSON_EACH(o, k ? am : un)
        {
            struct dr_str reason = dr_json_get_str(o, "reason");
            text_cell(&t, dr_json_scalar(dr_json_get(o, "source_id")));
            text_cell(&t, dr_json_get_str(o, "email"));
            text_cell_count(&t, number(o, "records"));
            text_cell(&t, reason.n > 0 || !k ? reason
                                             : DR_STR_LIT("several match"));
        }
    }
    dr_buf_ch(f->out, '\n');
    text_table_print(&t, f->out, "");
}

void fmt_duplicates(struct fmt *f, const struct dr_json *j)
{
    static const char *const heads[] = {"object", "key",      "source",
                                        "target", "survivor", "decision"};
    const struct dr_json *clusters = dr_json_get(j, "clusters");
    struct text_table t;

    if (clusters && clusters->count > 0) {
        text_table_init(&t, f->arena, "llrrll", heads);
        DR_JSON_EACH(c, clusters)
        {
            text_cell(&t, dr_json_get_str(c, "object"));
            text_cell(&t, dr_json_get_str(c, "key"));
            text_cell_count(&t, size_of(c, "ids"));
            text_cell_count(&t, size_of(c, "target_ids"));
            text_cell(&t, dr_json_scalar(dr_json_get(c, "survivor")));
            text_cell(&t, dr_json_get_str(c, "decision"));
        }
        text_table_print(&t, f->out, "");
        dr_buf_ch(f->out, '\n');
    }
    count_line(f, clusters ? clusters->count : 0, "group of duplicates",
               "groups of duplicates", NULL);
}
