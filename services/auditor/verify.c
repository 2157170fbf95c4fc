/* Field by field: what the plan makes of the source record against what the
 * target was seen to hold. */
#include "verify_private.h"

#include <inttypes.h>

#include <drover/base/decimal.h>

static const struct dr_str none = {"", 0};

struct dr_str judge_source_text(const struct dr_json *root,
                                struct dr_str property)
{
    const struct dr_json *v =
        dr_json_gets(dr_json_get(root, "properties"), property);

    return dr_json_is_null(v)          ? none
           : dr_json_scalar(v).n > 0   ? dr_json_scalar(v)
           : v->type == DR_JSON_STRING ? none
                                       : v->raw;
}

/* A rule is named after its object and property: "deal.amount". */
static struct dr_str property_of(struct dr_str rule)
{
    struct dr_str rest = rule;

    (void)dr_str_split(&rest, '.');
    return rest.p ? dr_str_split(&rest, '.') : rule;
}

void verify_tell(struct verifying *v, struct judged_field f)
{
    if (f.id.n == 0) {
        f.id = v->c->rec->id;
    }
    if (f.verdict == JUDGED_LOSS && v->refused.n > 0) {
        f.cause = v->refused;
    }
    v->sink->field(v->sink->ctx, &f);
}

/* The newest body that has the field at all: answers differ in what they
 * include. */
static enum dr_cmp compare(struct verifying *v, const struct dr_field *f,
                           struct dr_str *actual)
{
    enum dr_cmp cmp = DR_CMP_ABSENT;

    *actual = none;
    for (size_t i = 0; i < v->known->body_count && cmp == DR_CMP_ABSENT; i++) {
        cmp = dr_compare_field(v->load, f, v->known->bodies[i], v->a, actual);
    }
    return cmp;
}

const struct dr_json *judge_body(const struct judge_case *c, struct dr_arena *a)
{
    if (c->out && c->out->body) {
        return c->out->body;
    }
    return c->rec->body.n > 0 ? dr_json_parse(a, c->rec->body, NULL, NULL)
                              : NULL;
}

/* Only what differs is told with its source. */
static struct dr_str source_text(struct verifying *v, struct dr_str property)
{
    if (!v->root) {
        v->root = judge_body(v->c, v->a);
    }
    return judge_source_text(v->root, property);
}

bool verify_left_alone(const struct verifying *v, struct dr_str field,
                       struct dr_str *why)
{
    for (size_t i = 0; i < v->c->conflict_count; i++) {
        /* A later version may have found it as we left it again. What is taken
         * lets nothing pass but the other form. */
        if (dr_str_eq(v->c->conflicts[i].field, field) &&
            v->c->conflicts[i].rev >= v->known->fact.rev &&
            !dr_other_class(v->c->conflicts[i].class)) {
            *why = v->c->conflicts[i].reason;
            return true;
        }
    }
    return false;
}

/* Somebody else's record may have had the tag that says "archived". */
static bool keeps_tags(const struct verifying *v, const struct dr_field *f,
                       struct dr_str actual)
{
    return dr_str_eqz(f->name, "tags") &&
           v->known->fact.origin == DR_DONE_MERGED &&
           dr_str_find(actual, DR_STR_LIT("\"archived\"")) != SIZE_MAX &&
           dr_str_find(f->value, DR_STR_LIT("\"archived\"")) == SIZE_MAX;
}

/* Another record is seen to have its own form, or the loader met one. */
static bool is_taken(const struct verifying *v)
{
    bool met = false;

    for (size_t i = 0; i < v->c->conflict_count; i++) {
        met |= dr_other_class(v->c->conflicts[i].class) &&
               v->c->conflicts[i].rev >= v->known->fact.rev;
    }
    return met || v->known->held;
}

bool verify_in_other(const struct verifying *v, struct dr_str field,
                     const struct dr_json *body, struct judged_field *out)
{
    const struct dr_other *o = dr_other_of(v->load);

    if (!dr_other_differs(v->load, field) ||
        !dr_other_is_shown(v->load, body, v->a)) {
        return false;
    }
    if (!dr_str_eqz(field, o->field)) { /* what is kept is as it shall be */
        out->expected = out->actual;
        return true;
    }
    out->rule = dr_str_z(o->rule);
    out->cause = dr_str_z(o->why);
    out->verdict = JUDGED_INTENDED;
    if (!is_taken(v) && v->load->other_first) {
        out->cause = DR_STR_LIT("by the plan another record was in the way: "
                                "it is asked for once more before the "
                                "cut-over");
    } else if (!is_taken(v)) {
        out->verdict = JUDGED_LOSS;
        out->cause = DR_STR_LIT("no other record is seen to be in the way of "
                                "its own form");
    }
    return true;
}

/* The newest that has the field at all. */
static const struct dr_json *newest_with(const struct verifying *v,
                                         const struct dr_field *f)
{
    struct dr_str now;

    for (size_t i = 0; i < v->known->body_count; i++) {
        if (dr_compare_field(v->load, f, v->known->bodies[i], v->a, &now) !=
            DR_CMP_ABSENT) {
            return v->known->bodies[i];
        }
    }
    return NULL;
}

static void verify_field(struct verifying *v, const struct dr_field *f)
{
    struct judged_field out = {
        .field = property_of(f->rule), .rule = f->rule, .expected = f->value};
    enum dr_cmp cmp = compare(v, f, &out.actual);

    if (cmp != DR_CMP_SAME || v->c->tell_source) {
        out.source = source_text(v, out.field);
    }
    if (cmp == DR_CMP_DIFFERENT &&
        verify_in_other(v, f->name, newest_with(v, f), &out)) {
        verify_tell(v, out);
        return;
    }
    if (cmp != DR_CMP_SAME && verify_left_alone(v, f->name, &out.cause)) {
        out.verdict = JUDGED_INTENDED;
    } else if (cmp == DR_CMP_DIFFERENT && keeps_tags(v, f, out.actual)) {
        out.verdict = JUDGED_INTENDED;
        out.cause = DR_STR_LIT("merged into a record that keeps its own tags");
    } else if (cmp != DR_CMP_SAME) {
        out.verdict = JUDGED_LOSS;
        out.cause = cmp == DR_CMP_ABSENT
                        ? DR_STR_LIT("the target did not show this field")
                        : DR_STR_LIT("the target holds another value");
    }
    verify_tell(v, out);
}

/* ---- line items ---- */

bool verify_is_id(const struct dr_json *j, uint64_t id)
{
    int64_t n;

    return dr_json_i64(j, &n) == 0 && n > 0 && (uint64_t)n == id;
}

static bool number_is(const struct dr_json *value, struct dr_str text)
{
    struct dr_dec a, b;

    return dr_dec_parse_json(dr_json_scalar(value), &a) == 0 &&
           dr_dec_parse_json(text, &b) == 0 && dr_dec_cmp(&a, &b) == 0;
}

static bool is_product(const struct dr_json *have, uint64_t product)
{
    const struct dr_json *id = dr_json_get(have, "product_id");

    return verify_is_id(id ? id : dr_json_get(have, "id"), product);
}

static bool line_fits(const struct dr_line *line, const struct dr_json *have)
{
    for (size_t i = 0; i < line->field_count; i++) {
        const struct dr_json *is = dr_json_gets(have, line->fields[i].name);
        if (is && !number_is(is, line->fields[i].value)) {
            return false;
        }
    }
    return true;
}

/* The first free line of the deal with this product; fitting: and with all of
 * the wanted values. */
static const struct dr_json *free_line(const struct dr_line *line,
                                       uint64_t product,
                                       const struct dr_json *have, bool *used,
                                       bool fitting)
{
    size_t at = 0;

    DR_JSON_EACH(h, have)
    {
        if (!used[at] && is_product(h, product) &&
            (!fitting || line_fits(line, h))) {
            used[at] = true;
            return h;
        }
        at++;
    }
    return NULL;
}

const struct dr_json **verify_match_lines(const struct dr_load *load,
                                          const uint64_t *products,
                                          const struct dr_json *deal,
                                          struct dr_arena *a)
{
    const struct dr_json *have = dr_json_get(deal, "products");
    const struct dr_json **out =
        dr_arena_calloc(a, load->line_count + 1, sizeof(*out));
    bool *used =
        dr_arena_calloc(a, (have ? have->count : 0) + 1u, sizeof(*used));

    if (!out || !used) {
        return NULL;
    }
    for (int fitting = 1; fitting >= 0; fitting--) {
        for (size_t i = 0; i < load->line_count; i++) {
            if (products[i] && !out[i]) {
                out[i] = free_line(&load->lines[i], products[i], have, used,
                                   fitting);
            }
        }
    }
    return out;
}

static const struct dr_json *deal_of(const struct judge_load *known)
{
    for (size_t i = 0; i < known->body_count; i++) {
        if (dr_json_get(known->bodies[i], "products")) {
            return known->bodies[i];
        }
    }
    return NULL;
}

bool verify_lines_stand(const struct dr_load *load,
                        const struct judge_load *known, struct dr_arena *a)
{
    const struct dr_json *deal = deal_of(known);
    const struct dr_json **lines =
        verify_match_lines(load, known->lines, deal, a);
    size_t wanted = 0;

    for (size_t i = 0; lines && i < load->line_count; i++) {
        wanted += known->lines[i] != 0;
        if (known->lines[i] &&
            (!lines[i] || !line_fits(&load->lines[i], lines[i]))) {
            return false;
        }
    }
    return lines && deal && dr_json_get(deal, "products")->count == wanted;
}

static void verify_line(struct verifying *v, const struct dr_line *line,
                        const struct dr_json *have)
{
    struct judged_field out = {.id = line->id};

    if (!have) {
        out.field = DR_STR_LIT("*");
        out.expected = DR_STR_LIT("a line of the deal");
        out.cause = DR_STR_LIT("the deal does not hold this line");
        out.verdict = JUDGED_LOSS;
        verify_tell(v, out);
        return;
    }
    for (size_t i = 0; i < line->field_count; i++) {
        const struct dr_field *f = &line->fields[i];
        const struct dr_json *is = dr_json_gets(have, f->name);
        struct judged_field one = {.id = line->id,
                                   .field = property_of(f->rule),
                                   .rule = f->rule,
                                   .source = f->value,
                                   .expected = f->value,
                                   .actual = dr_json_scalar(is)};
        if (!number_is(is, f->value)) {
            one.verdict = JUDGED_LOSS;
            one.cause = DR_STR_LIT("the target holds another value");
        }
        verify_tell(v, one);
    }
}

/* Lines that nobody asked for would change the deal's worth. */
static void verify_line_count(struct verifying *v, const struct dr_json *deal,
                              size_t wanted)
{
    const struct dr_json *have = dr_json_get(deal, "products");
    struct judged_field out = {
        .field = DR_STR_LIT("*"),
        .expected = dr_arena_printf(v->a, "%zu lines", wanted),
        .actual = dr_arena_printf(v->a, "%u lines",
                                  have ? (unsigned)have->count : 0)};

    if (deal && have->count != wanted) {
        out.verdict = JUDGED_LOSS;
        out.cause = DR_STR_LIT("the deal holds another number of lines");
        verify_tell(v, out);
    }
}

static void verify_lines(struct verifying *v)
{
    const struct dr_json *deal = deal_of(v->known), **lines;
    size_t wanted = 0;

    lines = verify_match_lines(v->load, v->known->lines, deal, v->a);
    for (size_t i = 0; lines && i < v->load->line_count; i++) {
        if (v->known->lines[i]) {
            wanted++;
            verify_line(v, &v->load->lines[i], lines[i]);
        }
    }
    verify_line_count(v, deal, wanted);
}

void verify_load(const struct judge_case *c, size_t at, struct dr_str refused,
                 struct dr_arena *a, const struct judge_sink *sink)
{
    struct verifying v = {.c = c,
                          .load = &c->out->loads[at],
                          .known = &c->loads[at],
                          .refused = refused,
                          .a = a,
                          .sink = sink};

    for (size_t i = 0; i < v.load->field_count; i++) {
        verify_field(&v, &v.load->fields[i]);
    }
    verify_links(&v);
    if (dr_str_eqz(v.load->lane, "deal_product")) {
        verify_lines(&v);
    }
}
