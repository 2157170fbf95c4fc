#include "rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>
#include <drover/ledger/ledger.h>
#include <drover/plan/plan.h>

#include "linked.h"
#include "multipart.h"
#include "tags.h"

uint64_t row_id(const struct dr_json *record)
{
    int64_t id;

    return dr_json_i64(dr_json_get(record, "id"), &id) || id <= 0
               ? 0
               : (uint64_t)id;
}

int64_t row_updated_ms(const struct dr_json *record)
{
    int64_t ms;
    unsigned flags;

    return dr_time_parse(dr_json_get_str(record, "updated_at"), &ms, &flags)
               ? -1
               : ms;
}

bool row_deleted(const struct dr_json *record)
{
    return dr_json_true(dr_json_get(record, "is_deleted"));
}

const struct dr_json *row_root(const struct type *t, const struct dr_json *doc)
{
    const struct dr_json *r = dr_json_get(doc, t->root);

    return dr_json_type(r) == DR_JSON_OBJECT ? r : NULL;
}

/* ---- call logs: their text is in a note beside them (reference 10.2) ---- */

static const struct dr_json *note_of(const struct dr_json *doc,
                                     const struct dr_json *call)
{
    const struct dr_json *id = dr_json_get(call, "note_id");
    const struct dr_json *notes = dr_json_get(doc, "notes");

    if (dr_json_type(dr_json_get(call, "note")) == DR_JSON_OBJECT) {
        return dr_json_get(call, "note");
    }
    DR_JSON_EACH(n, notes)
    {
        if (!dr_json_is_null(id) &&
            dr_str_eq(dr_json_scalar(dr_json_get(n, "id")),
                      dr_json_scalar(id))) {
            return n;
        }
    }
    return NULL;
}

static const struct dr_json *with_text(const struct type *t,
                                       const struct dr_json *doc,
                                       const struct dr_json *call,
                                       struct dr_arena *a)
{
    const struct dr_json *note = note_of(doc, call);
    const struct dr_json *out;
    struct dr_json_w w;
    struct dr_buf b;

    if (!note || dr_json_get(call, t->text)) {
        return call;
    }
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    DR_JSON_EACH(m, call)
    {
        dr_json_w_keys(&w, m->key);
        dr_json_w_tree(&w, m);
    }
    dr_json_w_kv(&w, t->text, dr_json_get_str(note, "description"));
    dr_json_w_end(&w);
    out = b.over
              ? call
              : dr_json_parse(a, dr_arena_dup(a, dr_buf_view(&b)), NULL, NULL);
    dr_buf_done(&b);
    return out;
}

const struct dr_json *row_whole(const struct type *t, const struct dr_json *doc,
                                const struct dr_json *row, struct dr_arena *a)
{
    return t->shape == SHAPE_CALL && row ? with_text(t, doc, row, a) : row;
}

const struct dr_json *row_record(const struct type *t,
                                 const struct dr_json *doc, struct dr_arena *a)
{
    const struct dr_json *r = row_root(t, doc);

    if (!r && t->shape == SHAPE_CALL) {
        r = dr_json_at(dr_json_get(doc, type_plural(t)), 0);
    } else if (!r && t->shape == SHAPE_BARE && row_id(doc)) {
        r = doc;
    }
    return row_whole(t, doc, dr_json_type(r) == DR_JSON_OBJECT ? r : NULL, a);
}

void walk_begin(struct walk_at *w, int64_t rows_settled)
{
    *w = (struct walk_at){.page = rows_settled / PAGE_ROWS + 1,
                          .rows = rows_settled};
}

void walk_page(struct walk_at *w, size_t rows, int64_t total_pages)
{
    int64_t upto = (w->page - 1) * PAGE_ROWS + (int64_t)rows;

    if (rows == 0 || (total_pages >= 0 && w->page >= total_pages)) {
        if (rows > 0 || upto > w->rows) {
            w->rows = upto;
        }
        w->end = true;
        return;
    }
    w->rows = w->page * PAGE_ROWS;
    w->page++;
}

static struct dr_str field_of(const struct dr_load *load, const char *name)
{
    for (size_t i = 0; i < load->field_count; i++) {
        if (dr_str_eqz(load->fields[i].name, name)) {
            return load->fields[i].value;
        }
    }
    return (struct dr_str){"", 0};
}

/* As the field says, or `filename`: which of them the target keeps is its own
 * affair. */
static bool is_named(const struct dr_load *load, struct dr_str have)
{
    struct dr_buf plain;
    bool same;

    dr_buf_init(&plain, 2048);
    file_name(load, true, &plain);
    same = dr_str_eq(have, dr_buf_view(&plain));
    dr_buf_reset(&plain);
    file_name(load, false, &plain);
    same |= dr_str_eq(have, dr_buf_view(&plain));
    dr_buf_done(&plain);
    return same;
}

/* Nothing of ours can stand on it: a file is told by name and size, a link by
 * address and name (effects protocol 1, class N). */
static bool same_content(const struct row_case *c, const struct dr_json *record)
{
    const struct dr_json *size = dr_json_get(record, "content_file_size");
    uint64_t n;

    if (c->type->shape == SHAPE_FILE) {
        return dr_str_u64(dr_json_scalar(size), &n) == 0 &&
               n == c->load->blob.size &&
               is_named(c->load, dr_json_get_str(record, "content_file_name"));
    }
    return dr_str_eq(dr_json_get_str(record, "url"),
                     field_of(c->load, "url")) &&
           dr_str_eq(dr_json_get_str(record, "name"),
                     field_of(c->load, "name"));
}

static bool has_identity(const struct row_case *c, const struct dr_json *record)
{
    struct dr_str id = type_identity(c->type, record);

    if (c->type->ident == IDENT_MARKER) {
        return dr_marker_in(dr_json_get_str(record, c->type->text),
                            c->load->marker);
    }
    if (c->type->ident == IDENT_CONTENT) {
        return same_content(c, record);
    }
    return id.n > 0 && dr_str_eq(id, key_id(c->load->key));
}

static bool same_id(const struct dr_json *value, uint64_t id)
{
    int64_t n;

    return dr_json_i64(value, &n) == 0 && n > 0 && (uint64_t)n == id;
}

static bool relations_match(const struct row_case *c,
                            const struct dr_json *record, struct dr_arena *a)
{
    for (size_t i = 0; i < c->load->ref_count; i++) {
        struct dr_str now;
        if (!linked_relation(c->load, i) ||
            (c->kept_links & linked_relation_bit(c->load, i)) != 0) {
            continue;
        }
        now = linked_relation_now(record, c->load->refs[i].field, a);
        if (now.p &&
            !dr_str_eq(now, linked_relation_wanted(c->load, c->links, i, a))) {
            return false;
        }
    }
    return true;
}

/* Links that the record shows; the others are the auditor's. */
static bool links_match(const struct row_case *c, const struct dr_json *record,
                        struct dr_arena *a)
{
    for (int k = 0; k < LINKED_KINDS; k++) {
        enum linked kind = (enum linked)k;
        struct dr_str now, wanted;
        if ((c->kept_links >> k & 1u) != 0 ||
            !dr_links_governed(c->load, linked_name(kind))) {
            continue;
        }
        now = linked_now(record, kind, a);
        wanted = linked_wanted(
            c->load, c->links, kind,
            c->merge ? linked_beside(record, c->fields, a) : NULL, a);
        if (now.p && wanted.p && !dr_str_eq(now, wanted)) {
            return false;
        }
    }
    return relations_match(c, record, a);
}

static bool fields_match(const struct row_case *c, const struct dr_json *record,
                         struct dr_arena *a)
{
    struct dr_str actual;

    for (size_t i = 0; i < c->load->field_count; i++) {
        const struct dr_field *f = &c->load->fields[i];
        struct tags t = {dr_json_get(record, "tags"), c->fields, c->merge};
        if (c->kept && c->kept[i]) {
            continue;
        }
        if (tags_are(f) ? !tags_same(&t, f->value, a)
                        : dr_compare_field(c->load, f, record, a, &actual) !=
                              DR_CMP_SAME) {
            return false;
        }
    }
    return links_match(c, record, a);
}

enum row_match row_matches(const struct row_case *c,
                           const struct dr_json *record, struct dr_arena *a)
{
    bool ours = c->dst ? row_id(record) == c->dst : has_identity(c, record);

    if (!ours || row_deleted(record)) {
        return ROW_OTHER;
    }
    if (c->step == 1) {
        return dr_str_eq(dr_json_get_str(record, "name"), c->load->working_name)
                   ? ROW_SAME
                   : ROW_OLDER;
    }
    if (c->content && !fields_match(c, record, a)) {
        return ROW_OLDER;
    }
    return ROW_SAME;
}

static bool number_is(const struct dr_json *value, struct dr_str text)
{
    struct dr_dec a, b;

    return dr_dec_parse_json(dr_json_scalar(value), &a) == 0 &&
           dr_dec_parse_json(text, &b) == 0 && dr_dec_cmp(&a, &b) == 0;
}

static bool line_is(const struct dr_line *line, uint64_t product,
                    const struct dr_json *have)
{
    const struct dr_json *id = dr_json_get(have, "product_id");

    if (!same_id(id ? id : dr_json_get(have, "id"), product)) {
        return false;
    }
    for (size_t i = 0; i < line->field_count; i++) {
        const struct dr_field *f = &line->fields[i];
        const struct dr_json *v = dr_json_gets(have, f->name);
        if (v && f->kind == DR_VAL_NUMBER && !number_is(v, f->value)) {
            return false;
        }
    }
    return true;
}

bool row_has_lines(const struct dr_load *load, const struct links *links,
                   const struct dr_json *deal)
{
    const struct dr_json *have = dr_json_get(deal, "products");
    uint64_t used = 0; /* at most 100 lines a deal: matched greedily, once */
    uint64_t used_high = 0;
    size_t wanted = 0;

    for (size_t i = 0; i < load->line_count; i++) {
        size_t at = 0;
        bool found = false;
        if (!links->line[i]) {
            continue;
        }
        wanted++;
        DR_JSON_EACH(h, have)
        {
            uint64_t *word = at < 64 ? &used : &used_high;
            uint64_t bit = UINT64_C(1) << (at % 64);
            if (at < 128 && !(*word & bit) &&
                line_is(&load->lines[i], links->line[i], h)) {
                *word |= bit;
                found = true;
                break;
            }
            at++;
        }
        if (!found) {
            return false;
        }
    }
    return have && have->count == wanted;
}

bool row_amount_is(const struct dr_json *deal, struct dr_str amount)
{
    return number_is(dr_json_get(deal, "amount"), amount);
}

struct dr_str row_amount(const struct dr_json *deal, struct dr_arena *a)
{
    struct dr_str shown = dr_json_scalar(dr_json_get(deal, "amount"));
    char text[DR_DEC_TEXT];
    struct dr_dec d;

    return dr_dec_parse_json(shown, &d)
               ? shown
               : dr_arena_dup(a, dr_str_z(dr_dec_text(&d, text)));
}

void job_read(const struct dr_json *doc, struct dr_arena *a,
              struct job_state *out)
{
    struct dr_str status = dr_json_get_str(doc, "status");
    const struct dr_json *data = dr_json_get(doc, "data");

    *out = (struct job_state){.known = dr_json_type(doc) == DR_JSON_OBJECT};
    out->terminal = dr_json_get_i64(doc, "progress", 0) >= 100 ||
                    (status.n > 0 && !dr_str_eqz(status, "queued") &&
                     !dr_str_eqz(status, "in_progress"));
    if (dr_json_type(data) == DR_JSON_STRING) {
        data = dr_json_parse(a, dr_json_str(data), NULL, NULL);
    }
    out->failed = dr_json_get(data, "failed");
}

#define JOB_MAX_MS 30000

int64_t job_longer(int64_t job_ms, int64_t since_accepted_ms)
{
    int64_t more = job_ms + job_ms / 2 + 1;

    if (since_accepted_ms < job_ms) {
        return job_ms;
    }
    return more < JOB_MAX_MS ? more : JOB_MAX_MS;
}

bool job_failure(const struct job_state *j, int64_t index,
                 const struct dr_json **message)
{
    DR_JSON_EACH(f, j->failed)
    {
        if (dr_json_get_i64(f, "index", -1) == index) {
            *message = dr_json_get(f, "message");
            return true;
        }
    }
    return false;
}
