/* A folder's CSV: its encoding, its dialect, its rows one after the other. */
#include "drop_private.h"

#include <string.h>

#include "scratch.h"
#include "textfile.h"

int drop_word(struct dr_str s)
{
    static const char *const yes[] = {"true", "yes", "1"};
    static const char *const no[] = {"false", "no", "0", ""};

    s = dr_str_trim(s);
    for (size_t i = 0; i < DR_ARRAY_LEN(no); i++) {
        if (i < DR_ARRAY_LEN(yes) && dr_str_ieq(s, dr_str_z(yes[i]))) {
            return 1;
        }
        if (dr_str_ieq(s, dr_str_z(no[i]))) {
            return 0;
        }
    }
    return -1;
}

/* The text as UTF-8, without a mark, into the scratch file. */
static int decode(struct drop_csv *c, struct textfile *t, struct scratch *out,
                  struct dr_err *err)
{
    enum dr_csv_encoding e = DR_CSV_UTF8;
    bool first = true, going = true;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)4 << 20);
    while (going && text_more(t, err)) {
        struct dr_str rest = text_rest(t);
        if (first) {
            if (!dr_csv_encoding_of(dr_json_get_str(c->entry, "encoding"), rest,
                                    &e)) {
                (void)dr_err_set(err, DR_HALT, 0, "csv",
                                 "its encoding is none of utf-8, utf-16, "
                                 "utf-16le, utf-16be, windows-1252: correct it "
                                 "in the manifest");
                break;
            }
            text_take(t, dr_csv_mark(e, rest));
            first = false;
        }
        dr_buf_reset(&b);
        text_take(t, dr_csv_decode(e, text_rest(t), &b));
        going = scratch_add(out, dr_buf_view(&b), err) == 0;
    }
    dr_buf_done(&b);
    c->decoded = e != DR_CSV_UTF8;
    if (err->verdict == DR_OK && text_rest(t).n > 0) {
        (void)dr_err_set(err, DR_HALT, 0, "csv",
                         "it ends in the middle of a character");
    }
    return err->verdict == DR_OK ? scratch_end(out, err) : -1;
}

static FILE *as_utf8(struct drop_csv *c, FILE *stored, struct dr_err *err)
{
    struct scratch out = scratch_in(drop_scratch(c->d));
    struct textfile t;
    int rc;

    *err = (struct dr_err){.verdict = DR_OK};
    text_open(&t, stored, drop_is_gzip(c->entry), drop_bound(c->d, c->entry));
    rc = decode(c, &t, &out, err);
    text_close(&t);
    rewind(out.f);
    return rc ? NULL : out.f;
}

/* "sep=;" before the header: a spreadsheet's own word for the delimiter. Its
 * length with the line's end; 0: there is none. */
static size_t sep_line(struct dr_str head, char *delimiter)
{
    static const char sep[] = "sep=";
    size_t n = sizeof(sep) - 1;

    if (!dr_str_starts(head, dr_str_z(sep)) || head.n < n + 2) {
        return 0;
    }
    *delimiter = head.p[n++];
    n += head.p[n] == '\r';
    return n < head.n && head.p[n] == '\n' ? n + 1 : 0;
}

/* What the manifest says, else what the first row shows. */
static int find_dialect(struct drop_csv *c, struct dr_str head, char sep,
                        struct dr_err *err)
{
    struct dr_str said = dr_json_get_str(c->entry, "delimiter");
    struct dr_str escape = dr_json_get_str(c->entry, "escape");

    c->dialect = dr_csv_sniff(head);
    if (said.n > 1 || escape.n > 1 ||
        (escape.n == 1 && escape.p[0] != '\\' && escape.p[0] != '"')) {
        return dr_err_set(err, DR_HALT, 0, "csv",
                          "the manifest's delimiter is not one character, or "
                          "its escape is neither \\ nor \"");
    }
    c->dialect.delimiter = said.n == 1   ? said.p[0]
                           : sep != '\0' ? sep
                                         : c->dialect.delimiter;
    c->dialect.backslash = escape.n == 1 && escape.p[0] == '\\';
    return 0;
}

/* One record at the front of the text, whole or known to be none: 1, -1; 0:
 * there is no more. */
static int next(struct drop_csv *c, struct textfile *t, struct dr_arena *a,
                struct dr_csv_record *r, struct dr_err *why, struct dr_err *err)
{
    bool all = t->ended;

    for (;;) {
        int got = dr_csv_read(&c->dialect, text_rest(t), all, a, r, why);
        if (got > 0 && all && !t->ended) {
            (void)dr_err_set(err, DR_HALT, 0, "csv",
                             "the row at offset %llu is longer than 8 MiB",
                             (unsigned long long)t->at);
            return 0;
        }
        if (got != 0) {
            return got;
        }
        if (text_more(t, err)) {
            continue;
        }
        if (all || err->verdict != DR_OK) {
            return 0;
        }
        all = true; /* the file's end, or more than a record may hold */
    }
}

static int64_t rows_of(struct drop_csv *c, struct textfile *t,
                       drop_csv_row *row, void *ctx, struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)64 << 20);
    struct dr_csv_record r;
    struct dr_err why = {0};
    int64_t rows = -1;
    int got;

    while ((got = next(c, t, a, &r, &why, err)) != 0) {
        struct dr_str raw = {text_rest(t).p, r.bytes};
        if (got < 0 || r.n > 0) {
            if (drop_row_fits(c->d, c->entry, ++rows, err) ||
                row(ctx, &r, raw, t->at, got < 0 ? why.text : NULL, err)) {
                return -1;
            }
        }
        text_take(t, r.bytes);
        dr_arena_reset(a);
    }
    if (err->verdict != DR_OK) {
        return -1;
    }
    return rows < 0 ? 0 : rows;
}

int64_t drop_each_csv(struct drop_csv *c, FILE *stored, drop_csv_row *row,
                      void *ctx, struct dr_err *err)
{
    FILE *text = as_utf8(c, stored, err);
    char sep = '\0';
    struct textfile t;
    int64_t rows;
    size_t n;

    if (!text) {
        return -1;
    }
    text_open(&t, text, false, UINT64_MAX);
    (void)text_more(&t, err);
    n = sep_line(text_rest(&t), &sep);
    text_take(&t, n);
    rows = find_dialect(c, text_rest(&t), n > 0 ? sep : '\0', err)
               ? -1
               : rows_of(c, &t, row, ctx, err);
    text_close(&t);
    return rows;
}
