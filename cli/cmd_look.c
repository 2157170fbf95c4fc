/* Looking: sample diff, books, rejected records, one record. */
#include "cli.h"

#include <string.h>

#include "fmt.h"
#include "pages.h"
#include "text.h"

/* A page of 1,000 lines, each at most some kilobytes. */
#define PAGE_MAX ((size_t)256 << 20)

static struct fmt fmt_of(struct cli *c)
{
    return (struct fmt){.out = &c->out, .arena = c->arena, .color = c->color};
}

static int unclear(struct cli *c, const char *what)
{
    cli_say(c,
            "the answer does not say %s: are drover and the auditor of the "
            "same version?",
            what);
    return CLI_FAILED;
}

/* The verdict's code, when the text or JSON could be written. */
static int print(struct cli *c, const struct dr_json *j, int verdict)
{
    if (!c->json) {
        return cli_flush(c) ? CLI_FAILED : verdict;
    }
    dr_buf_reset(&c->out);
    return cli_write_json(c, j->raw) ? CLI_FAILED : verdict;
}

int cmd_sample_diff(struct cli *c)
{
    struct fmt f = fmt_of(c);
    const struct dr_json *j;
    int64_t lost;
    int rc = api_get(c, "/v1/reports/sample-diff.json", &j);

    if (rc != CLI_OK) {
        return rc;
    }
    if (dr_json_type(dr_json_get(j, "records")) != DR_JSON_ARRAY) {
        return unclear(c, "what was compared");
    }
    lost = fmt_sample(&f, j);
    return print(c, j, lost > 0 ? CLI_DATA : CLI_OK);
}

int cmd_reconcile(struct cli *c)
{
    struct fmt f = fmt_of(c);
    const struct dr_json *j, *balanced;
    int64_t mismatches;
    int rc = api_get(c, "/v1/reports/reconciliation.json", &j);

    if (rc != CLI_OK) {
        return rc;
    }
    balanced = dr_json_get(j, "balanced");
    mismatches = dr_json_get_i64(dr_json_get(j, "verified"), "mismatches", -1);
    if ((dr_json_type(balanced) != DR_JSON_TRUE &&
         dr_json_type(balanced) != DR_JSON_FALSE) ||
        mismatches < 0) {
        return unclear(c, "whether the books balance");
    }
    fmt_reconciliation(&f, j);
    return print(c, j,
                 !dr_json_true(balanced) ? CLI_PLAN
                 : mismatches > 0        ? CLI_DATA
                                         : CLI_OK);
}

/* ---- rejected ---- */

#define LIST_GROUPS 3

/* Lines of one kind as a table, then how many there are of each group. */
struct list_kind {
    const char *path, *spec;
    const char *const *heads;
    void (*row)(struct text_table *t, const struct dr_json *j);
    const struct group {
        const char *one, *many; /* what was counted */
        const char *classes; /* with blanks between; NULL: all that are left */
    } groups[LIST_GROUPS];
};

struct listing {
    struct cli *c;
    const struct list_kind *kind;
    struct dr_buf page;
    struct whole whole;
    int64_t lines, in_group[LIST_GROUPS];
    size_t width[TEXT_COLS]; /* of the pages so far */
    int rc;
};

static bool list_take(struct dr_str piece, void *ctx)
{
    struct listing *l = ctx;

    whole_take(&l->whole, piece);
    if (l->c->json) {
        l->rc = cli_write_data(l->c, piece);
        return l->rc == CLI_OK;
    }
    dr_buf_str(&l->page, piece);
    if (l->page.over) {
        cli_say(l->c, "a page is larger than 256 MiB: use --json");
        l->rc = CLI_FAILED;
    }
    return l->rc == CLI_OK;
}

static bool is_of(const struct group *g, struct dr_str class)
{
    struct dr_str rest = dr_str_z(g->classes);
    bool found = !g->classes;

    while (rest.p && !found) {
        found = dr_str_eq(dr_str_split(&rest, ' '), class);
    }
    return found;
}

/* What says no class is of the first group. */
static void count_line(struct listing *l, const struct dr_json *j)
{
    struct dr_str class = dr_json_get_str(j, "class");
    size_t i = 0;

    while (class.n > 0 && i + 1 < LIST_GROUPS &&
           !is_of(&l->kind->groups[i], class)) {
        i++;
    }
    l->in_group[i]++;
    l->lines++;
}

/* Groups that have none are left out, but for the first where all have none. */
static void tell_counts(struct listing *l)
{
    struct dr_buf *out = &l->c->out;

    if (l->lines > 0) {
        dr_buf_ch(out, '\n');
    }
    for (size_t i = 0; i < LIST_GROUPS; i++) {
        const struct group *g = &l->kind->groups[i];
        int64_t n = l->in_group[i];
        if (n > 0 || (i == 0 && l->lines == 0)) {
            text_count(out, n);
            dr_buf_printf(out, " %s\n", n == 1 ? g->one : g->many);
        }
    }
}

/* One table a page, never narrower than the one before: widths of what is not
 * read yet are not known. */
static int list_page(void *ctx)
{
    struct listing *l = ctx;
    struct cli *c = l->c;
    struct dr_str rest = dr_buf_view(&l->page);
    struct text_table t;

    if (!whole_ended(&l->whole)) {
        cli_say(c, "the answer ends in the middle of a line: try again");
        return CLI_FAILED;
    }
    text_table_init(&t, c->arena, l->kind->spec,
                    l->lines == 0 ? l->kind->heads : NULL);
    text_table_widen(&t, l->width);
    while (rest.p && !c->json) {
        struct dr_str line = dr_str_trim(dr_str_split(&rest, '\n'));
        const struct dr_json *j;
        struct dr_err err;
        if (line.n == 0) {
            continue;
        }
        j = dr_json_parse(c->arena, line, NULL, &err);
        if (!j) {
            cli_say(c, "line %lld is not JSON: %s", (long long)l->lines + 1,
                    err.text);
            return CLI_FAILED;
        }
        l->kind->row(&t, j);
        count_line(l, j);
    }
    if (l->lines > 0) {
        text_table_print(&t, &c->out, "");
        memcpy(l->width, t.width, sizeof(l->width));
    }
    dr_buf_reset(&l->page);
    return cli_flush(c);
}

static void query(struct dr_buf *b, const char *name, const char *value)
{
    if (value) {
        dr_buf_printf(b, "%c%s=", strchr(b->p, '?') ? '&' : '?', name);
        dr_buf_urlenc(b, dr_str_z(value));
    }
}

static int list(struct cli *c, const struct list_kind *kind)
{
    struct listing l = {.c = c, .kind = kind, .whole = {.ndjson = true}};
    struct dr_buf path;
    int rc;

    dr_buf_init(&path, 8192);
    dr_buf_init(&l.page, PAGE_MAX);
    dr_buf_z(&path, kind->path);
    query(&path, "object", args_flag(&c->args, "object"));
    query(&path, "class", args_flag(&c->args, "class"));
    rc = pages_get(c, path.p, list_take, list_page, &l);
    if (rc == CLI_OK && !c->json) {
        tell_counts(&l);
        rc = cli_flush(c);
    }
    dr_buf_done(&path);
    dr_buf_done(&l.page);
    return rc;
}

int cmd_rejected_list(struct cli *c)
{
    static const struct list_kind kind = {
        "/v1/rejected",
        fmt_rejected_spec,
        fmt_rejected_heads,
        fmt_rejected_row,
        {{"record was set aside", "records were set aside", NULL}}};

    return list(c, &kind);
}

int cmd_removals_list(struct cli *c)
{
    static const struct list_kind kind = {
        "/v1/removals",
        fmt_removal_spec,
        fmt_removal_heads,
        fmt_removal_row,
        {{"deletion at the source", "deletions at the source", NULL}}};

    return list(c, &kind);
}

int cmd_conflicts(struct cli *c)
{
    static const struct list_kind kind = {
        "/v1/conflicts",
        fmt_conflict_spec,
        fmt_conflict_heads,
        fmt_conflict_row,
        {{"field was changed in Freshsales and kept",
          "fields were changed in Freshsales and kept", "conflict"},
         {"field is not the source's: another record is in its way",
          "fields are not the source's: another record is in their way",
          "name_taken address_taken circle"},
         {"field or record was left in Freshsales as it stood",
          "fields or records were left in Freshsales as they stood", NULL}}};

    return list(c, &kind);
}

int cmd_rejected_show(struct cli *c)
{
    struct fmt f = fmt_of(c);
    const struct dr_json *j;
    struct dr_buf path;
    int rc;

    dr_buf_init(&path, 8192);
    dr_buf_z(&path, "/v1/rejected/");
    dr_buf_urlenc(&path, dr_str_z(c->args.pos[0]));
    dr_buf_ch(&path, '/');
    dr_buf_urlenc(&path, dr_str_z(c->args.pos[1]));
    rc = api_get(c, path.p, &j);
    dr_buf_done(&path);
    if (rc != CLI_OK) {
        return rc;
    }
    fmt_rejected(&f, j);
    return print(c, j, CLI_OK);
}

int cmd_find(struct cli *c)
{
    struct fmt f = fmt_of(c);
    const struct dr_json *j, *matches;
    struct dr_buf path;
    int rc;

    dr_buf_init(&path, 8192);
    dr_buf_z(&path, "/v1/find");
    query(&path, "id", c->args.pos[0]);
    query(&path, "object", args_flag(&c->args, "object"));
    rc = api_get(c, path.p, &j);
    dr_buf_done(&path);
    if (rc != CLI_OK) {
        return rc;
    }
    matches = dr_json_get(j, "matches");
    if (dr_json_type(matches) != DR_JSON_ARRAY) {
        return unclear(c, "what was found");
    }
    if (matches->count == 0) {
        cli_say(c, "no source record has this id");
    }
    fmt_found(&f, j);
    return print(c, j, matches->count > 0 ? CLI_OK : CLI_FAILED);
}

int cmd_completion(struct cli *c)
{
    if (completion(&c->out, c->args.pos[0])) {
        cli_say(c, "completion: bash, zsh or fish");
        return CLI_USAGE;
    }
    return cli_flush(c);
}
