/* A deal's line items as one set. A line that cannot go is rejected by
 * itself; the rest of the set goes, and be it none: the deal may have had
 * lines before. */
#include "plan_private.h"

#include <string.h>

#include <drover/base/decimal.h>

#define CODE_MAX 20 /* of a currency, in words */

/* A number of the line as a lexeme; absent ones are left out. -1: rejected.
 * The rule is the name with "line_item." before it. */
static int number(struct build *b, const char *rule, struct dr_field *out,
                  size_t *n)
{
    const char *name = rule + strlen("line_item.");
    struct dr_str raw = prop_text(b, name), exact;

    if (raw.n == 0) {
        return 0;
    }
    if (!value_decimal(b, dr_str_z(name), dr_str_z(rule), raw, &exact)) {
        return -1;
    }
    out[(*n)++] =
        (struct dr_field){dr_str_z(name), dr_str_z(rule), DR_VAL_NUMBER, exact};
    return 0;
}

static int check_quantity(struct build *b)
{
    struct dr_dec d;

    if (dr_dec_parse(prop_text(b, "quantity"), &d) || d.neg ||
        dr_dec_is_zero(&d)) {
        build_reject(b, "bad_value", DR_STR_LIT("quantity"),
                     DR_STR_LIT("line_item.quantity"),
                     "the quantity is not a number above zero",
                     "correct the quantity in FastTrack");
        return -1;
    }
    return 0;
}

static bool is_discount(struct dr_str value, bool amount)
{
    struct dr_dec d, all;

    return dr_dec_parse(value, &d) == 0 && !d.neg &&
           dr_dec_parse(DR_STR_LIT("100"), &all) == 0 &&
           (amount || dr_dec_cmp(&d, &all) <= 0);
}

static int discount(struct build *b, struct dr_field *f, size_t *n)
{
    struct dr_str kind = dr_str_trim(prop_text(b, "discount_type"));
    struct dr_str rule = DR_STR_LIT("line_item.discount_type");
    bool amount = dr_str_ieq(kind, DR_STR_LIT("amount"));
    bool known = amount || dr_str_ieq(kind, DR_STR_LIT("percent"));
    size_t before = *n;
    struct dr_dec d;

    if (number(b, "line_item.discount", f, n)) {
        return -1;
    }
    if (*n == before) {
        return 0;
    }
    if (!known && dr_dec_parse(f[before].value, &d) == 0 &&
        dr_dec_is_zero(&d)) {
        *n = before; /* nothing off, of whatever kind */
        return 0;
    }
    if (!known) {
        build_reject(b, "bad_value", DR_STR_LIT("discount_type"), rule,
                     "a discount that is neither percent nor amount",
                     "choose percent or amount in FastTrack");
        return -1;
    }
    if (!is_discount(f[before].value, amount)) {
        build_reject(b, "bad_value", DR_STR_LIT("discount"),
                     DR_STR_LIT("line_item.discount"),
                     "a discount below zero, or of more than 100 percent",
                     "correct the discount in FastTrack");
        return -1;
    }
    f[(*n)++] =
        (struct dr_field){DR_STR_LIT("discount_type"), rule, DR_VAL_NUMBER,
                          amount ? DR_STR_LIT("2") : DR_STR_LIT("1")};
    return 0;
}

/* ---- the total ---- */

static struct dr_dec sent(const struct dr_field *f, size_t n, const char *name)
{
    struct dr_dec d;

    for (size_t i = 0; i < n; i++) {
        if (dr_str_eqz(f[i].name, name) && dr_dec_parse(f[i].value, &d) == 0) {
            return d;
        }
    }
    dr_dec_zero(&d);
    return d;
}

/* Price times quantity, minus discount, plus tax (reference 6.1). */
static int computed(const struct dr_field *f, size_t n, struct dr_dec *out)
{
    struct dr_dec off = sent(f, n, "discount"), tax = sent(f, n, "tax");
    struct dr_dec kind = sent(f, n, "discount_type"), one, cent;
    struct dr_dec quantity = sent(f, n, "quantity");

    *out = sent(f, n, "unit_price");
    if (dr_dec_parse(DR_STR_LIT("1"), &one) ||
        dr_dec_parse(DR_STR_LIT("0.01"), &cent) ||
        dr_dec_mul(out, &quantity, out)) {
        return -1;
    }
    if (dr_dec_cmp(&kind, &one) == 0 &&
        (dr_dec_mul(&off, &cent, &off) || dr_dec_mul(&off, out, &off))) {
        return -1;
    }
    return dr_dec_sub(out, &off, out) || dr_dec_add(out, &tax, out) ? -1 : 0;
}

/* The source's own total is no field of the target, which computes one: told
 * where the two are not equal to the source's last decimal. The amount of the
 * deal stays the source's, whatever the lines add up to. */
static void compare_total(struct build *b, const struct dr_field *f, size_t n)
{
    struct dr_str raw = prop_text(b, "line_total");
    struct dr_dec want, have;
    char text[DR_DEC_TEXT];

    if (raw.n == 0 || dr_dec_parse(raw, &want) || computed(f, n, &have)) {
        return;
    }
    dr_dec_round(&have, want.scale > 4 ? want.scale : 4);
    if (dr_dec_cmp(&want, &have) != 0) {
        build_note(b, DR_STR_LIT("line_total"),
                   DR_STR_LIT("line_item.line_total"), raw,
                   build_dup(b, dr_str_z(dr_dec_text(&have, text))),
                   "Freshsales computes the total of a line from price, "
                   "quantity, discount and tax: it is another one");
    }
}

/* ---- the currency ---- */

/* That of the deal, which the set says; empty: not known. */
static struct dr_str deal_currency(struct build *b)
{
    const struct dr_json *deal =
        b->rec->body.n > 0 ? dr_json_get(build_read(b, b->rec->body), "deal")
                           : NULL;
    struct dr_str code = dr_str_trim(dr_json_get_str(deal, "currency"));

    return code.n > 0 || !deal ? code : b->plan->base_currency;
}

/* A line of the target has no currency but its deal's: an amount of another
 * one would be bent. */
static int check_currency(struct build *b, struct dr_str deal)
{
    static const char cure[] =
        "give the line its deal's currency in FastTrack, or propose the plan "
        "with --line-currency deal: it then stands there unconverted, and is "
        "told";
    struct dr_str code = dr_str_trim(prop_text(b, "currency"));
    struct dr_str field = DR_STR_LIT("currency");
    struct dr_str rule = DR_STR_LIT("line_item.currency");

    if (code.n == 0 || (deal.n > 0 && dr_str_ieq(code, deal))) {
        return 0;
    }
    if (deal.n == 0) {
        build_note(b, field, rule, code, deal,
                   "the currency of its deal is not known, and a line has no "
                   "other in Freshsales");
        return 0;
    }
    if (b->plan->lines_as_deal) {
        build_note(b, field, rule, code, deal,
                   "by decision the line's amounts stand unconverted in the "
                   "currency of its deal");
        return 0;
    }
    build_reject(b, "other_currency", field, rule,
                 build_printf(b,
                              "its amounts are in " DR_STR_FMT
                              ", its deal is in " DR_STR_FMT
                              ", and a line has no currency of its own in "
                              "Freshsales",
                              DR_STR_ARG(dr_utf8_prefix(code, CODE_MAX)),
                              DR_STR_ARG(dr_utf8_prefix(deal, CODE_MAX)))
                     .p,
                 cure);
    return -1;
}

/* Without one of these the line would be another one. */
static int check_shown(struct build *b)
{
    static const char *const rules[] = {
        "line_item.product_id",    "line_item.quantity",
        "line_item.unit_price",    "line_item.discount",
        "line_item.discount_type", "line_item.tax",
        "line_item.currency"};

    for (size_t i = 0; i < DR_ARRAY_LEN(rules); i++) {
        const char *name = rules[i] + strlen("line_item.");
        if (redacted_hides(b, dr_str_z(name))) {
            redacted_reject(b, name, rules[i],
                            "FastTrack does not show this value to the token, "
                            "and the line would be another one without it");
            return -1;
        }
    }
    return 0;
}

static int make_line(struct build *b, const struct dr_part *part,
                     struct dr_str currency, struct dr_line *out)
{
    struct dr_str product = prop_ref(b, "product_id", "product");
    struct dr_field *f = dr_arena_calloc(b->a, 8, sizeof(*f));
    size_t n = 0;

    if (!f) {
        b->oom = true;
        return -1;
    }
    if (check_shown(b)) {
        return -1;
    }
    if (product.n == 0) {
        build_reject(b, "no_product", DR_STR_LIT("product_id"),
                     DR_STR_LIT("line_item.product_id"),
                     "the line names no product of the catalogue, and "
                     "Freshsales has no lines without one",
                     "give the line a product in FastTrack");
        return -1;
    }
    if (check_currency(b, currency) || check_quantity(b) ||
        number(b, "line_item.quantity", f, &n) ||
        number(b, "line_item.unit_price", f, &n) || discount(b, f, &n) ||
        number(b, "line_item.tax", f, &n)) {
        return -1;
    }
    *out =
        (struct dr_line){.id = part->id,
                         .version = part->version,
                         .fields = f,
                         .field_count = n,
                         .product = {.field = DR_STR_LIT("product"),
                                     .rule = DR_STR_LIT("line_item.product_id"),
                                     .lane = DR_STR_LIT("product"),
                                     .key = load_key(b, "product", product),
                                     .on_miss = DR_MISS_REJECT}};
    if (out->product.key.n == 0) {
        return -1;
    }
    compare_total(b, f, n);
    return 0;
}

/* A record that holds one line under the line's own id: its deal is gone. */
static bool is_orphan(const struct build *b)
{
    const struct dr_source *rec = b->rec;

    return rec->part_count == 1 && dr_str_eq(rec->parts[0].id, rec->id) &&
           !dr_str_eq(prop_text(b, "deal_id"), rec->id);
}

static void one_part(struct build *b, const struct dr_part *part,
                     struct dr_str currency)
{
    b->root = build_parse(b, part->body);
    b->part_id = part->id;
    b->props = b->root ? redacted_props(b) : NULL;
    if (!b->props) {
        build_reject(b, "unreadable", DR_STR_LIT("*"), DR_STR_LIT("line_item"),
                     "the line cannot be read", "repair it in FastTrack");
    } else if (is_orphan(b)) {
        build_reject(b, "deal_gone", DR_STR_LIT("deal_id"),
                     DR_STR_LIT("line_item.deal_id"),
                     "the deal of this line does not exist",
                     "delete the line, or restore its deal, in FastTrack");
    } else if (b->line_n == LINES_MAX) {
        build_reject(b, "too_many_lines", DR_STR_LIT("deal_id"),
                     DR_STR_LIT("line_item.deal_id"),
                     "Freshsales holds at most 100 products on one deal",
                     "join lines, or split the deal, in FastTrack");
    } else if (make_line(b, part, currency, &b->lines[b->line_n]) == 0) {
        b->line_n++;
        redacted_tell(b);
        for (size_t i = 0; i < b->op->n; i++) {
            const struct rule *r = &b->op->rules[i];
            if (r->xf == XF_IGNORE) {
                apply_ignore(b, r, dr_json_gets(b->props, r->source));
            }
        }
        unknown_tell(b);
    }
}

size_t make_lines(struct build *b, struct dr_load out[LOADS_MAX])
{
    struct dr_ref deal = {.field = DR_STR_LIT("deal"),
                          .rule = DR_STR_LIT("line_item.deal_id"),
                          .lane = DR_STR_LIT("deal"),
                          .key = load_key(b, "deal", b->rec->id),
                          .on_miss = DR_MISS_REJECT};
    struct dr_str currency = deal_currency(b);

    b->lines = dr_arena_calloc(b->a, LINES_MAX + 1, sizeof(*b->lines));
    if (!b->lines) {
        b->oom = true;
        return 0;
    }
    for (size_t i = 0; i < b->rec->part_count; i++) {
        one_part(b, &b->rec->parts[i], currency);
    }
    b->part_id = (struct dr_str){NULL, 0};
    b->root = NULL;
    if (is_orphan(b)) {
        return 0; /* no deal to take lines from */
    }
    build_ref(b, &deal);
    build_load(b, &out[0], "deal_product");
    build_hash(b, &out[0]);
    return 1;
}
