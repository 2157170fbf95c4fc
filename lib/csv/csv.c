#include <drover/csv/csv.h>

#include <string.h>

/* ---- dialect ---- */

struct dr_csv_dialect dr_csv_sniff(struct dr_str head)
{
    static const char candidates[] = ",;\t|";
    size_t seen[sizeof(candidates)] = {0}, best = 0;
    bool quoted = false;

    for (size_t i = 0; i < head.n; i++) {
        char c = head.p[i];
        const char *at = strchr(candidates, c);
        quoted = quoted != (c == '"');
        if (!quoted && (c == '\n' || c == '\r')) {
            break;
        }
        if (!quoted && c != '\0' && at) {
            seen[at - candidates]++;
        }
    }
    for (size_t i = 1; i < sizeof(candidates) - 1; i++) {
        best = seen[i] > seen[best] ? i : best;
    }
    return (struct dr_csv_dialect){.delimiter = candidates[best]};
}

/* ---- one record ---- */

struct reader {
    const struct dr_csv_dialect *d;
    struct dr_str text;
    size_t at;
    bool last;
    struct dr_arena *a;
    struct dr_csv_cell cells[DR_CSV_CELLS];
    size_t n;
};

enum step { MORE_CELLS, RECORD_END, SHORT, BAD };

static enum step bad(struct dr_err *err, const char *why)
{
    (void)dr_err_set(err, DR_REJECT, 0, "csv", "%s", why);
    return BAD;
}

static bool line_end(const struct reader *r, size_t *n)
{
    char c = r->text.p[r->at];

    *n = 1;
    if (c == '\r' && r->at + 1 < r->text.n && r->text.p[r->at + 1] == '\n') {
        *n = 2;
    }
    return c == '\n' || c == '\r';
}

/* What follows a cell. */
static enum step behind(struct reader *r, struct dr_err *err)
{
    size_t n;

    if (r->at == r->text.n) {
        return r->last ? RECORD_END : SHORT;
    }
    if (r->text.p[r->at] == r->d->delimiter) {
        r->at++;
        return r->n < DR_CSV_CELLS ? MORE_CELLS : bad(err, "too many cells");
    }
    if (line_end(r, &n)) {
        /* A CR may have its LF behind what is here. */
        if (r->text.p[r->at] == '\r' && n == 1 && r->at + 1 == r->text.n &&
            !r->last) {
            return SHORT;
        }
        r->at += n;
        return RECORD_END;
    }
    return bad(err, "text behind a closing quote");
}

/* The closing quote of a cell; SIZE_MAX: it is not here. */
static size_t closing(const struct reader *r, bool *plain)
{
    size_t i = r->at;

    *plain = true;
    for (; i < r->text.n; i++) {
        if (r->d->backslash && r->text.p[i] == '\\' && i + 1 < r->text.n) {
            *plain = false;
            i++;
        } else if (r->text.p[i] == '"') {
            if (i + 1 < r->text.n && r->text.p[i + 1] == '"') {
                *plain = false;
                i++;
            } else if (i + 1 == r->text.n && !r->last) {
                return SIZE_MAX; /* it may be doubled */
            } else {
                return i;
            }
        }
    }
    return SIZE_MAX;
}

static struct dr_str unquoted(struct reader *r, struct dr_str s)
{
    char *out = dr_arena_alloc(r->a, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; out && i < s.n; i++) {
        if (s.p[i] == '"' ||
            (r->d->backslash && s.p[i] == '\\' && i + 1 < s.n)) {
            i++;
        }
        out[n++] = i < s.n ? s.p[i] : '"';
    }
    return (struct dr_str){out, out ? n : 0};
}

static enum step quoted_cell(struct reader *r, struct dr_err *err)
{
    struct dr_csv_cell *c = &r->cells[r->n++];
    bool plain;
    size_t end;

    r->at++;
    end = closing(r, &plain);
    if (end == SIZE_MAX) {
        return r->last ? bad(err, "a quote is not closed") : SHORT;
    }
    c->quoted = true;
    c->text = (struct dr_str){r->text.p + r->at, end - r->at};
    if (!plain) {
        c->text = unquoted(r, c->text);
    }
    r->at = end + 1;
    return c->text.p ? behind(r, err) : bad(err, "no memory");
}

static enum step plain_cell(struct reader *r, struct dr_err *err)
{
    struct dr_csv_cell *c = &r->cells[r->n++];
    size_t from = r->at;

    while (r->at < r->text.n && r->text.p[r->at] != r->d->delimiter &&
           r->text.p[r->at] != '\n' && r->text.p[r->at] != '\r') {
        r->at++;
    }
    *c = (struct dr_csv_cell){.text = {r->text.p + from, r->at - from}};
    return behind(r, err);
}

/* Where the next line begins, for a record that is none. */
static size_t next_line(struct dr_str text)
{
    const char *nl = text.n > 0 ? memchr(text.p, '\n', text.n) : NULL;

    return nl ? (size_t)(nl - text.p) + 1 : text.n;
}

static int finish(struct reader *r, enum step s, struct dr_csv_record *out,
                  struct dr_err *err)
{
    size_t bytes = r->n * sizeof(*r->cells);

    *out = (struct dr_csv_record){.bytes = r->at};
    if (s == SHORT) {
        return 0;
    }
    if (s == BAD) {
        out->bytes = next_line(r->text);
        return -1;
    }
    if (r->n == 1 && r->cells[0].text.n == 0 && !r->cells[0].quoted) {
        return 1; /* a blank line */
    }
    out->cells = dr_arena_alloc(r->a, bytes);
    if (!out->cells) {
        (void)bad(err, "no memory");
        out->bytes = next_line(r->text);
        return -1;
    }
    memcpy(out->cells, r->cells, bytes);
    out->n = r->n;
    return 1;
}

int dr_csv_read(const struct dr_csv_dialect *d, struct dr_str text, bool last,
                struct dr_arena *a, struct dr_csv_record *out,
                struct dr_err *err)
{
    static _Thread_local struct reader r;
    enum step s = MORE_CELLS;

    r.d = d;
    r.text = text;
    r.at = r.n = 0;
    r.last = last;
    r.a = a;
    if (text.n == 0) {
        *out = (struct dr_csv_record){.bytes = 0};
        return 0;
    }
    while (s == MORE_CELLS) {
        r.cells[r.n] = (struct dr_csv_cell){.quoted = false};
        s = r.at < text.n && text.p[r.at] == '"' ? quoted_cell(&r, err)
                                                 : plain_cell(&r, err);
    }
    return finish(&r, s, out, err);
}

void dr_csv_split(struct dr_str cell, void (*each)(struct dr_str, void *),
                  void *ctx)
{
    struct dr_buf one;

    dr_buf_init(&one, cell.n + 1);
    for (size_t i = 0; i < cell.n; i++) {
        if (cell.p[i] == '\\' && i + 1 < cell.n &&
            (cell.p[i + 1] == ';' || cell.p[i + 1] == '\\')) {
            dr_buf_ch(&one, cell.p[++i]);
        } else if (cell.p[i] == ';') {
            each(dr_buf_view(&one), ctx);
            dr_buf_reset(&one);
        } else {
            dr_buf_ch(&one, cell.p[i]);
        }
    }
    if (cell.n > 0) {
        each(dr_buf_view(&one), ctx);
    }
    dr_buf_done(&one);
}
