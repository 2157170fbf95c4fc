/* Prices of a product. Freshsales knows one price a currency; FastTrack has
 * tiers by quantity beside it. The lowest tier of a currency is its price, the
 * others stand in the description, each with its exact numbers. */
#include "plan_private.h"

#include <drover/base/decimal.h>

#define TIERS_MAX 200

struct tier {
    struct dr_str quantity, price, code;
    struct dr_dec q, p;
    bool base;     /* the lowest of its currency           */
    bool told;     /* its price is that of the currency    */
    bool repeated; /* an earlier one is the same           */
};

struct prices {
    struct build *b;
    const struct rule *rule; /* of price_tiers; NULL: the plan has none */
    struct dr_str raw;       /* the tiers as they are in FastTrack      */
    struct dr_str price, code;
    struct tier *v;
    size_t n, lines;
    struct dr_json_w w;
    struct dr_buf out;
    size_t entries;
};

static bool is_code(struct dr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned)((s.p[i] | 32) - 'a') >= 26u) {
            return false;
        }
    }
    return s.n == 3;
}

static bool decimal_of(struct prices *x, const struct dr_json *j,
                       struct dr_dec *d, struct dr_str *text)
{
    char buf[DR_DEC_TEXT];

    if (dr_dec_parse(dr_json_scalar(j), d)) {
        return false;
    }
    *text = build_dup(x->b, dr_str_z(dr_dec_text(d, buf)));
    return true;
}

/* A tier without a currency of its own has the product's. */
static bool read_tier(struct prices *x, const struct dr_json *j, struct tier *t)
{
    struct dr_str code = dr_str_trim(dr_json_get_str(j, "currency"));

    t->code = code.n > 0 ? code : x->code;
    return dr_json_type(j) == DR_JSON_OBJECT && is_code(t->code) &&
           decimal_of(x, dr_json_get(j, "min_qty"), &t->q, &t->quantity) &&
           !t->q.neg &&
           decimal_of(x, dr_json_get(j, "price"), &t->p, &t->price);
}

static void unreadable(struct prices *x)
{
    build_note(x->b, x->rule->source, x->rule->id, x->raw,
               DR_STR_LIT("as it is, in the description"),
               "the price tiers are no list of {min_qty, price, currency} of "
               "at most 200: they stand in the description as they are");
    if (dr_text_valid(x->raw)) {
        dr_buf_printf(&x->b->description,
                      "Price tiers (unread): " DR_STR_FMT "\n",
                      DR_STR_ARG(x->raw));
    }
}

static void read_tiers(struct prices *x)
{
    const struct dr_json *j = prop(x->b, "price_tiers");

    x->rule = special_rule(x->b, "tiers");
    if (!x->rule || dr_json_is_null(j)) {
        return;
    }
    x->raw = j->raw;
    if (j->type != DR_JSON_ARRAY || j->count > TIERS_MAX) {
        unreadable(x);
        return;
    }
    x->v = dr_arena_calloc(x->b->a, j->count + 1u, sizeof(*x->v));
    if (!x->v) {
        x->b->oom = true;
        return;
    }
    DR_JSON_EACH(e, j)
    {
        if (!read_tier(x, e, &x->v[x->n])) {
            unreadable(x);
            x->n = 0;
            return;
        }
        x->n++;
    }
}

static void contradiction(struct prices *x, const struct tier *t,
                          struct dr_str kept, const char *cause)
{
    build_note(x->b, x->rule->source, x->rule->id,
               build_printf(x->b,
                            "from " DR_STR_FMT ": " DR_STR_FMT " " DR_STR_FMT,
                            DR_STR_ARG(t->quantity), DR_STR_ARG(t->price),
                            DR_STR_ARG(t->code)),
               kept, cause);
}

/* Of each currency the lowest tier is the base; two prices from one quantity
 * contradict each other. */
static void choose_bases(struct prices *x)
{
    for (size_t i = 0; i < x->n; i++) {
        struct tier *t = &x->v[i];
        t->base = true;
        for (size_t k = 0; k < x->n; k++) {
            const struct tier *o = &x->v[k];
            int order = dr_dec_cmp(&o->q, &t->q);
            if (k == i || !dr_str_ieq(o->code, t->code)) {
                continue;
            }
            t->base &= order > 0 || (order == 0 && k > i);
            if (order == 0 && k < i && dr_dec_cmp(&o->p, &t->p) == 0) {
                t->repeated = true;
            } else if (order == 0 && k < i) {
                contradiction(x, t, o->price,
                              "two prices from one quantity: the first one is "
                              "the price, both stand in the description");
            }
        }
    }
}

static void entry(struct prices *x, struct dr_str price, struct dr_str code)
{
    dr_json_w_obj(&x->w);
    dr_json_w_kv(&x->w, "currency_code", code);
    dr_json_w_key(&x->w, "unit_price");
    dr_json_w_raw(&x->w, price);
    dr_json_w_end(&x->w);
    x->entries++;
}

static bool is_one_or_less(const struct dr_dec *q)
{
    struct dr_dec one;

    return dr_dec_parse(DR_STR_LIT("1"), &one) == 0 && dr_dec_cmp(q, &one) <= 0;
}

/* The base tier beside the price of the same currency: equal, or told. */
static void compare_base(struct prices *x, struct tier *t)
{
    struct dr_dec own;

    if (dr_dec_parse(x->price, &own) == 0 && is_one_or_less(&t->q)) {
        t->told = dr_dec_cmp(&own, &t->p) == 0;
        if (!t->told) {
            contradiction(x, t, x->price,
                          "the lowest tier is another price than the "
                          "product's: the product's was taken, the tier "
                          "stands in the description");
        }
    }
}

/* The price of a currency that the product itself has none in. */
static void take_base(struct prices *x, struct tier *t)
{
    entry(x, t->price, t->code);
    t->told = is_one_or_less(&t->q);
    if (!t->told) {
        contradiction(x, t, t->price,
                      "a price from this quantity on only: Freshsales has "
                      "it for any quantity");
    }
}

static void write_entries(struct prices *x)
{
    bool own = x->price.n > 0 && x->code.n > 0;

    if (own) {
        entry(x, x->price, x->code);
    }
    for (size_t i = 0; i < x->n; i++) {
        struct tier *t = &x->v[i];
        if (!t->base) {
            continue;
        }
        if (own && dr_str_ieq(t->code, x->code)) {
            compare_base(x, t);
        } else {
            take_base(x, t);
        }
    }
}

static void write_lines(struct prices *x)
{
    for (size_t i = 0; i < x->n; i++) {
        const struct tier *t = &x->v[i];
        if (!t->told && !t->repeated) {
            dr_buf_printf(&x->b->description,
                          "Price from " DR_STR_FMT ": " DR_STR_FMT
                          " " DR_STR_FMT "\n",
                          DR_STR_ARG(t->quantity), DR_STR_ARG(t->price),
                          DR_STR_ARG(t->code));
            x->lines++;
        }
    }
    if (x->lines > 0) {
        build_note(x->b, x->rule->source, x->rule->id, x->raw,
                   build_printf(x->b, "%zu lines of the description", x->lines),
                   "Freshsales has one price a currency: the further tiers "
                   "stand in the description");
    }
}

/* False: rejected. Leaves x->price and x->code empty where there is none. */
static bool own_price(struct prices *x)
{
    struct build *b = x->b;
    struct dr_str raw = prop_text(b, "price");
    struct dr_str field = DR_STR_LIT("price"), exact;
    struct dr_str rule = DR_STR_LIT("product.price");

    x->code = dr_str_trim(prop_text(b, "currency"));
    if (raw.n == 0) {
        return true;
    }
    if (!value_decimal(b, field, rule, raw, &exact)) {
        return false;
    }
    if (x->code.n == 0) {
        build_note(b, field, rule, raw, (struct dr_str){"", 0},
                   "a price without a currency: it stands in the description");
        dr_buf_printf(&b->description, "Price (no currency): " DR_STR_FMT "\n",
                      DR_STR_ARG(exact));
        return true;
    }
    if (!is_code(x->code)) {
        build_reject(b, "unknown_currency", DR_STR_LIT("currency"),
                     DR_STR_LIT("product.currency"),
                     "the currency is no code of three letters",
                     "correct the currency in FastTrack");
        return false;
    }
    x->price = exact;
    return true;
}

static bool has_currency(const struct prices *x, struct dr_str code)
{
    for (size_t i = 0; i < x->n; i++) {
        if (dr_str_ieq(x->v[i].code, code)) {
            return true;
        }
    }
    return false;
}

void apply_prices(struct build *b)
{
    struct prices x = {.b = b};

    if (!own_price(&x)) {
        return;
    }
    read_tiers(&x);
    if (x.price.n == 0 && prop_text(b, "price").n == 0 && x.code.n > 0 &&
        dr_text_valid(x.code) && !has_currency(&x, x.code)) {
        dr_buf_printf(&b->description, "Currency: " DR_STR_FMT "\n",
                      DR_STR_ARG(x.code));
    }
    dr_buf_init(&x.out, (size_t)64 << 10);
    dr_json_w_init(&x.w, &x.out);
    dr_json_w_arr(&x.w);
    choose_bases(&x);
    write_entries(&x);
    dr_json_w_end(&x.w);
    write_lines(&x);
    build_number(b, "pricing_type", "product.price",
                 x.entries > 0 ? DR_STR_LIT("1") : DR_STR_LIT("0"));
    build_field(b, DR_STR_LIT("product_pricings"), DR_STR_LIT("product.price"),
                DR_VAL_JSON, build_dup(b, dr_buf_view(&x.out)));
    b->oom |= x.out.over;
    dr_buf_done(&x.out);
}
