/* /v1/status and the answers of the steps. */
#include "fmt.h"

#include <string.h>

#include "text.h"

#define NAME_COLUMN 12

void fmt_value(struct dr_buf *b, const struct dr_json *value)
{
    if (dr_json_is_null(value)) {
        dr_buf_ch(b, '-');
    } else if (dr_json_type(value) == DR_JSON_STRING ||
               dr_json_type(value) == DR_JSON_NUMBER) {
        text_esc(b, dr_json_scalar(value));
    } else {
        struct dr_buf one; /* without the line ends it may have */
        dr_buf_init(&one, 2 * value->raw.n + 16);
        dr_json_canonical(&one, value);
        text_esc(b, dr_buf_view(&one));
        dr_buf_done(&one);
    }
}

void fmt_cell(struct text_table *t, const struct dr_json *value, size_t columns)
{
    struct dr_buf one; /* without the line ends it may have */

    if (dr_json_is_null(value)) {
        text_cellz(t, "-");
    } else if (dr_json_type(value) == DR_JSON_STRING) {
        text_cell_cut(t, value->text, columns);
    } else {
        dr_buf_init(&one, 2 * value->raw.n + 16);
        dr_json_canonical(&one, value);
        text_cell_cut(t, dr_buf_view(&one), columns);
        dr_buf_done(&one);
    }
}

static void name_column(struct dr_buf *b, const char *name)
{
    size_t n = strlen(name);

    dr_buf_z(b, name);
    do {
        dr_buf_ch(b, ' ');
    } while (++n < NAME_COLUMN);
}

void fmt_pair(struct fmt *f, const char *name, const struct dr_json *value)
{
    if (dr_json_is_null(value)) {
        return;
    }
    name_column(f->out, name);
    fmt_value(f->out, value);
    dr_buf_ch(f->out, '\n');
}

static int64_t number(const struct dr_json *j, const char *key)
{
    return dr_json_get_i64(j, key, 0);
}

static void counted(struct dr_buf *b, const struct dr_json *j, const char *key,
                    const char *what)
{
    text_count(b, number(j, key));
    dr_buf_printf(b, " %s", what);
}

/* "run, pass 2 (all), paused" */
static void phase(struct fmt *f, const struct dr_json *j)
{
    struct dr_str scope = dr_json_get_str(j, "scope");

    fmt_value(f->out, dr_json_get(j, "phase"));
    if (number(j, "pass") > 0) {
        dr_buf_printf(f->out, ", pass %lld", (long long)number(j, "pass"));
    }
    if (scope.n > 0) {
        dr_buf_z(f->out, " (");
        text_esc(f->out, scope);
        dr_buf_ch(f->out, ')');
    }
    if (dr_json_true(dr_json_get(j, "paused"))) {
        dr_buf_z(f->out, ", ");
        text_styled(f->out, f->color, TEXT_WARN, "paused");
    }
}

void fmt_step(struct fmt *f, const struct dr_json *j)
{
    dr_buf_z(f->out, "phase ");
    phase(f, j);
    dr_buf_ch(f->out, '\n');
}

static void plan(struct fmt *f, const struct dr_json *j)
{
    struct dr_str hash = dr_json_get_str(j, "plan_hash");
    struct dr_str latest = dr_json_get_str(j, "plan_latest");

    name_column(f->out, "plan");
    if (hash.n > 0) {
        text_esc(f->out, hash);
        dr_buf_z(f->out, ", approved\n");
    } else {
        dr_buf_z(f->out, latest.n > 0 ? "none approved\n" : "none\n");
    }
    if (latest.n > 0 && !dr_str_eq(hash, latest)) {
        name_column(f->out, "");
        text_esc(f->out, latest);
        dr_buf_z(f->out, ", newest, ");
        text_styled(f->out, f->color, TEXT_WARN, "not approved");
        dr_buf_ch(f->out, '\n');
    }
}

static void ends(struct fmt *f, const struct dr_json *j)
{
    const struct dr_json *s = dr_json_get(j, "source");
    const struct dr_json *t = dr_json_get(j, "target");
    struct dr_str halted = dr_json_get_str(s, "halted");

    name_column(f->out, "source");
    fmt_value(f->out, dr_json_get(s, "phase"));
    dr_buf_z(f->out, dr_json_true(dr_json_get(s, "snapshot_complete"))
                         ? ", snapshot complete"
                         : ", snapshot not complete");
    dr_buf_z(f->out, ", behind by ");
    text_span(f->out, number(s, "lag_s"));
    if (number(s, "tail_misses") > 0) {
        dr_buf_z(f->out, ", ");
        text_many(f->out, number(s, "tail_misses"), "change missed by the tail",
                  "changes missed by the tail");
    }
    dr_buf_ch(f->out, '\n');
    if (halted.n > 0) {
        name_column(f->out, "");
        text_styled(f->out, f->color, TEXT_BAD, "halted: ");
        text_esc(f->out, halted);
        dr_buf_ch(f->out, '\n');
    }
    name_column(f->out, "target");
    dr_buf_z(f->out, dr_json_true(dr_json_get(t, "catalog_read"))
                         ? "set-up read"
                         : "set-up not read yet");
    if (number(t, "catalog_seq") < number(t, "catalog_wanted")) {
        dr_buf_z(f->out, ", being read again");
    }
    dr_buf_z(f->out, dr_json_true(dr_json_get(t, "survey_complete"))
                         ? ", records surveyed\n"
                         : ", survey not complete\n");
}

void fmt_progress(struct fmt *f, const struct dr_json *j)
{
    const struct dr_json *p = dr_json_get(j, "progress");
    int64_t done = number(p, "done"), planned = number(p, "planned"), eta = 0;
    const struct dr_json *finish = dr_json_get(p, "finish_at");

    text_count(f->out, done);
    dr_buf_z(f->out, " of ");
    counted(f->out, p, "planned", "keys");
    if (planned > 0) {
        dr_buf_z(f->out, " (");
        text_share(f->out, done, planned);
        dr_buf_ch(f->out, ')');
    }
    dr_buf_z(f->out, ", ");
    fmt_value(f->out, dr_json_get(p, "rate"));
    dr_buf_z(f->out, " a second");
    if (dr_json_i64(dr_json_get(p, "eta_s"), &eta) == 0) {
        dr_buf_z(f->out, ", ");
        text_span(f->out, eta);
        dr_buf_z(f->out, " left");
    }
    if (!dr_json_is_null(finish)) {
        dr_buf_z(f->out, ", done at ");
        fmt_value(f->out, finish);
    }
}

static void gate(struct fmt *f, const struct dr_json *j)
{
    const struct dr_json *g = dr_json_get(j, "gate");
    struct dr_str why = dr_json_get_str(g, "why");

    if (dr_str_eqz(dr_json_get_str(g, "next"), "none")) {
        dr_buf_z(f->out, "none: the migration is cut over");
        return;
    }
    fmt_value(f->out, dr_json_get(g, "next"));
    dr_buf_z(f->out, ", ");
    if (dr_json_true(dr_json_get(g, "ready"))) {
        text_styled(f->out, f->color, TEXT_GOOD, "ready");
    } else {
        text_styled(f->out, f->color, TEXT_WARN, "not ready");
        if (why.n > 0) {
            dr_buf_z(f->out, ": ");
            text_esc(f->out, why);
        }
    }
}

static void figures(struct fmt *f, const struct dr_json *j)
{
    const struct dr_json *books = dr_json_get(j, "books");
    const struct dr_json *v = dr_json_get(j, "verified");

    name_column(f->out, "progress");
    fmt_progress(f, j);
    dr_buf_ch(f->out, '\n');
    name_column(f->out, "books");
    text_many(f->out, number(books, "lag"), "message to read, ",
              "messages to read, ");
    text_many(f->out, number(books, "pending"), "record not judged yet\n",
              "records not judged yet\n");
    name_column(f->out, "verified");
    counted(f->out, v, "records", "records, ");
    counted(f->out, v, "fields", "fields, ");
    if (number(v, "mismatches") > 0) {
        struct dr_buf b;
        dr_buf_init(&b, 64);
        text_many(&b, number(v, "mismatches"), "mismatch", "mismatches");
        text_styled(f->out, f->color, TEXT_BAD, b.p);
        dr_buf_done(&b);
    } else {
        dr_buf_z(f->out, "0 mismatches");
    }
    dr_buf_ch(f->out, '\n');
    name_column(f->out, "next step");
    gate(f, j);
    dr_buf_ch(f->out, '\n');
}

/* Files whose transfer failed and is tried again, and who did not send them. */
static void failing(struct fmt *f, const struct dr_json *files)
{
    const struct dr_json *hosts = dr_json_get(files, "failing_hosts");
    struct dr_buf b;

    if (number(files, "failing") == 0) {
        return;
    }
    name_column(f->out, "");
    dr_buf_init(&b, 256);
    text_many(&b, number(files, "failing"), "file could not be fetched yet",
              "files could not be fetched yet");
    text_styled(f->out, f->color, TEXT_WARN, b.p);
    dr_buf_done(&b);
    DR_JSON_EACH(h, hosts)
    {
        dr_buf_z(f->out, ", ");
        text_count(f->out, number(h, "files"));
        dr_buf_z(f->out, " from ");
        fmt_value(f->out, dr_json_get(h, "host"));
    }
    dr_buf_z(f->out, "; tried again\n");
}

/* Attachments; none without any. */
static void files(struct fmt *f, const struct dr_json *j)
{
    const struct dr_json *n = dr_json_get(j, "files");

    if (number(n, "known") == 0) {
        return;
    }
    name_column(f->out, "files");
    text_count(f->out, number(n, "pending"));
    dr_buf_z(f->out, " pending, ");
    text_bytes(f->out, number(n, "pending_bytes"));
    if (number(n, "pending_unsized") > 0) {
        dr_buf_z(f->out, " and ");
        text_count(f->out, number(n, "pending_unsized"));
        dr_buf_z(f->out, " of unknown size");
    }
    dr_buf_z(f->out, "; ");
    text_count(f->out, number(n, "landed"));
    dr_buf_z(f->out, " landed, ");
    text_bytes(f->out, number(n, "landed_bytes"));
    dr_buf_z(f->out, "; ");
    text_count(f->out, number(n, "to_fetch"));
    dr_buf_z(f->out, " to fetch from the source\n");
    failing(f, n);
}

#define LINES_MAX 10

/* Lines that the extractor tells, the first of them. */
static void told(struct fmt *f, const struct dr_json *list, const char *name,
                 const char *one, const char *many)
{
    struct dr_buf b;
    size_t n = 0;

    if (!list || dr_json_type(list) != DR_JSON_ARRAY || list->count == 0) {
        return;
    }
    name_column(f->out, name);
    dr_buf_init(&b, 256);
    text_many(&b, (int64_t)list->count, one, many);
    text_styled(f->out, f->color, TEXT_WARN, b.p);
    dr_buf_ch(f->out, '\n');
    dr_buf_done(&b);
    DR_JSON_EACH(line, list)
    {
        if (n++ == LINES_MAX) {
            name_column(f->out, "");
            dr_buf_z(f->out, "... all: drover status --json\n");
            return;
        }
        name_column(f->out, "");
        text_esc(f->out, dr_json_str(line));
        dr_buf_ch(f->out, '\n');
    }
}

/* What waits for a person. */
static void decisions(struct fmt *f, const struct dr_json *j)
{
    const struct dr_json *removals = dr_json_get(j, "removals");

    struct dr_str good =
        dr_json_get_str(dr_json_get(j, "source"), "consistency");

    if (good.n > 0) {
        name_column(f->out, "consistency");
        text_esc(f->out, good);
        dr_buf_z(f->out, " of the source's records can be read\n");
    }
    DR_JSON_EACH(q, dr_json_get(dr_json_get(j, "source"), "asks"))
    {
        if (!dr_json_true(dr_json_get(q, "approved"))) {
            name_column(f->out, "asked");
            text_styled(f->out, f->color, TEXT_WARN, "let pass? ");
            text_esc(f->out, dr_json_get_str(q, "text"));
            dr_buf_z(f->out, ": drover approve ");
            text_esc(f->out, dr_json_get_str(q, "id"));
            dr_buf_ch(f->out, '\n');
        }
    }
    if (number(removals, "proposed") > 0) {
        name_column(f->out, "deletions");
        text_count(f->out, number(removals, "proposed"));
        dr_buf_z(f->out, " proposed: drover removals list\n");
    }
    if (number(removals, "stays") > 0) {
        name_column(f->out, "deletions");
        text_count(f->out, number(removals, "stays"));
        dr_buf_z(f->out, " stay by decision: drover removals list\n");
    }
    if (number(j, "conflicts") > 0) {
        name_column(f->out, "conflicts");
        text_many(f->out, number(j, "conflicts"), "field", "fields");
        dr_buf_z(f->out, ": drover conflicts\n");
    }
}

/* Rows of text, then counts, by the keys. */
static void counts_table(struct fmt *f, const struct dr_json *rows,
                         const char *const *keys, size_t n)
{
    struct text_table t;
    char spec[TEXT_COLS + 1] = "l";

    if (!rows || rows->count == 0) {
        return;
    }
    for (size_t i = 1; i < n; i++) {
        spec[i] = 'r';
        spec[i + 1] = '\0';
    }
    text_table_init(&t, f->arena, spec, keys);
    DR_JSON_EACH(row, rows)
    {
        text_cell(&t, dr_json_get_str(row, keys[0]));
        for (size_t i = 1; i < n; i++) {
            text_cell_count(&t, number(row, keys[i]));
        }
    }
    dr_buf_ch(f->out, '\n');
    text_table_print(&t, f->out, "");
}

static void lanes(struct fmt *f, const struct dr_json *rows)
{
    /* The first five are keys and add up; a key that changes is one more load
     * record each time. */
    static const char *const keys[] = {"planned", "done", "refused",
                                       "idle",    "lag",  "load_records"};
    static const char *const heads[] = {"lane", "state",       "keys planned",
                                        "done", "refused",     "idle",
                                        "lag",  "load records"};
    struct text_table t;

    if (!rows || rows->count == 0) {
        return;
    }
    text_table_init(&t, f->arena, "llrrrrrr", heads);
    DR_JSON_EACH(row, rows)
    {
        text_cell(&t, dr_json_get_str(row, "lane"));
        text_cellz(&t, dr_json_true(dr_json_get(row, "complete")) ? "complete"
                       : dr_json_true(dr_json_get(row, "open"))   ? "open"
                                                                  : "closed");
        for (size_t i = 0; i < DR_ARRAY_LEN(keys); i++) {
            text_cell_count(&t, number(row, keys[i]));
        }
    }
    dr_buf_ch(f->out, '\n');
    text_table_print(&t, f->out, "");
}

static void loaders(struct fmt *f, const struct dr_json *rows)
{
    static const char *const heads[] = {"loader", "calls", "refused (429)",
                                        "waiting for"};
    struct text_table t;

    if (!rows || rows->count == 0) {
        return;
    }
    text_table_init(&t, f->arena, "lrrl", heads);
    DR_JSON_EACH(row, rows)
    {
        text_cell(&t, dr_json_scalar(dr_json_get(row, "id")));
        text_cell_count(&t, number(row, "calls"));
        text_cell_count(&t, number(row, "refused_429"));
        text_cell(&t, dr_json_get_str(row, "waiting"));
    }
    dr_buf_ch(f->out, '\n');
    text_table_print(&t, f->out, "");
}

/* Why a lane takes fifty times as many calls. */
static void single_creates(struct fmt *f, const struct dr_json *rows)
{
    DR_JSON_EACH(row, rows)
    {
        DR_JSON_EACH(lane, dr_json_get(row, "single_creates"))
        {
            name_column(f->out, "a call each");
            text_esc(f->out, dr_json_str(lane));
            dr_buf_z(f->out, ", says ");
            text_esc(f->out, dr_json_scalar(dr_json_get(row, "id")));
            dr_buf_z(f->out, ": the target takes none by our id in bulk\n");
        }
    }
}

void fmt_status(struct fmt *f, const struct dr_json *j)
{
    static const char *const reading[] = {"object", "expected", "read"};
    static const char *const tailing[] = {"object", "read", "lag_records",
                                          "lag_s", "clamped"};
    static const char *const objects[] = {"object",   "extracted", "landed",
                                          "merged",   "excluded",  "parked",
                                          "rejected", "deleted",   "pending"};
    const struct dr_json *source = dr_json_get(j, "source");

    fmt_pair(f, "migration", dr_json_get(j, "migration"));
    name_column(f->out, "phase");
    phase(f, j);
    dr_buf_ch(f->out, '\n');
    plan(f, j);
    ends(f, j);
    figures(f, j);
    files(f, j);
    told(f, dr_json_get(source, "drift"), "drift",
         "change of the source's schema since the start:",
         "changes of the source's schema since the start:");
    told(f, dr_json_get(source, "findings"), "folder",
         "finding, its cure in profile-check.json:",
         "findings, their cures in profile-check.json:");
    single_creates(f, dr_json_get(j, "loaders"));
    decisions(f, j);
    if (!dr_json_true(dr_json_get(source, "snapshot_complete"))) {
        counts_table(f, dr_json_get(source, "objects"), reading,
                     DR_ARRAY_LEN(reading));
    } else {
        counts_table(f, dr_json_get(source, "objects"), tailing,
                     DR_ARRAY_LEN(tailing));
    }
    lanes(f, dr_json_get(j, "lanes"));
    counts_table(f, dr_json_get(j, "objects"), objects, DR_ARRAY_LEN(objects));
    loaders(f, dr_json_get(j, "loaders"));
}

void fmt_status_line(struct fmt *f, const struct dr_json *j)
{
    const struct dr_json *p = dr_json_get(j, "progress");
    const struct dr_json *books = dr_json_get(j, "books");
    struct dr_str halted = dr_json_get_str(dr_json_get(j, "source"), "halted");
    int64_t rejected = 0;

    DR_JSON_EACH(o, dr_json_get(j, "objects"))
    {
        rejected += number(o, "rejected") + number(o, "parked");
    }
    phase(f, j);
    dr_buf_z(f->out, " | ");
    text_count(f->out, number(p, "done"));
    dr_buf_z(f->out, " of ");
    counted(f->out, p, "planned", "done, ");
    text_count(f->out, rejected);
    dr_buf_z(f->out, " set aside, ");
    counted(f->out, books, "pending", "not judged | next: ");
    gate(f, j);
    if (halted.n > 0) {
        dr_buf_z(f->out, " | source halted: ");
        text_esc(f->out, halted);
    }
}
