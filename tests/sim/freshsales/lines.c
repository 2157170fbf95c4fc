/* A deal's line items (reference 6.2). */
#include <stdio.h>
#include <stdlib.h>

#include <drover/base/decimal.h>

#include "write.h"

static struct dr_dec dec_of(const struct dr_json *j, const char *key,
                            const char *otherwise)
{
    struct dr_dec d;

    if (dr_dec_parse_json(dr_json_scalar(dr_json_get(j, key)), &d)) {
        (void)!dr_dec_parse(dr_str_z(otherwise), &d);
    }
    return d;
}

static void line_total(const struct dr_json *l, struct dr_dec *sum)
{
    struct dr_dec total = dec_of(l, "unit_price", "0");
    struct dr_dec quantity = dec_of(l, "quantity", "1");
    struct dr_dec off = dec_of(l, "discount", "0");
    struct dr_dec tax = dec_of(l, "tax", "0");
    struct dr_dec cent;

    (void)!dr_dec_mul(&total, &quantity, &total);
    if (dr_json_get_i64(l, "discount_type", 1) == 1) {
        (void)!dr_dec_parse(DR_STR_LIT("0.01"), &cent);
        (void)!dr_dec_mul(&off, &cent, &off);
        (void)!dr_dec_mul(&off, &total, &off);
    }
    (void)!dr_dec_sub(&total, &off, &total);
    (void)!dr_dec_add(&total, &tax, &total);
    dr_dec_round(&total, 4);
    (void)!dr_dec_add(sum, &total, sum);
}

/* The price of the product in the deal's currency; "0": none. */
static struct dr_str list_price(struct account *a, const struct rec *product,
                                struct dr_str currency)
{
    DR_JSON_EACH(p, rec_json(a, product, "product_pricings"))
    {
        if (dr_str_eq(dr_json_get_str(p, "currency_code"), currency) &&
            dr_json_scalar(dr_json_get(p, "unit_price")).n > 0) {
            return dr_json_scalar(dr_json_get(p, "unit_price"));
        }
    }
    return DR_STR_LIT("0");
}

static struct dr_str currency_of(struct account *a, const struct rec *deal)
{
    const struct dr_json *c = list_find(list_of(a->selectors, "currencies"),
                                        rec_id(deal, "currency_id"));
    struct dr_str code = dr_json_get_str(c, "currency_code");

    return code.n ? code
                  : dr_json_get_str(dr_json_get(a->tenant, "account"),
                                    "base_currency");
}

/* A number, however it was sent; what it is when it was not. */
static void number(struct dr_json_w *w, const struct dr_json *l,
                   const char *key, struct dr_str otherwise)
{
    char *text = number_kept(dr_json_scalar(dr_json_get(l, key)));

    dr_json_w_key(w, key);
    dr_json_w_raw(w, text ? dr_str_z(text) : otherwise);
    free(text);
}

static void raw_of(struct dr_json_w *w, const struct rec *product,
                   const char *name, const char *otherwise)
{
    struct dr_str v = rec_value(product, name);

    dr_json_w_key(w, name);
    dr_json_w_raw(w, v.p ? v : dr_str_z(otherwise));
}

static void write_line(struct account *a, const struct rec *deal,
                       const struct rec *product, const struct dr_json *l,
                       struct dr_json_w *w)
{
    struct dr_str currency = currency_of(a, deal);
    uint64_t link = new_id(a);
    char text[32];

    dr_json_w_obj(w);
    dr_json_w_kvi(w, "product_id", (int64_t)product->id);
    dr_json_w_kvi(w, "id", (int64_t)product->id);
    raw_of(w, product, "name", "null");
    number(w, l, "unit_price", list_price(a, product, currency));
    dr_json_w_kvz(w, "setup_fee", NULL);
    dr_json_w_kvz(w, "billing_type", NULL);
    dr_json_w_kvz(w, "billing_cycle", NULL);
    dr_json_w_kv(w, "currency_code", currency);
    number(w, l, "quantity", DR_STR_LIT("1"));
    number(w, l, "discount", DR_STR_LIT("0"));
    number(w, l, "discount_type", DR_STR_LIT("1"));
    number(w, l, "tax", DR_STR_LIT("0"));
    dr_json_w_kvi(w, "deal_id", (int64_t)deal->id);
    dr_json_w_kvi(w, "association_id", (int64_t)link);
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)link);
    dr_json_w_kvz(w, "_id", text);
    raw_of(w, product, "pricing_type", "0");
    dr_json_w_kvz(w, "avatar", NULL);
    raw_of(w, product, "owner_id", "null");
    raw_of(w, product, "category", "null");
    dr_json_w_end(w);
}

int check_lines(const struct dr_json *lines, struct refusal *r)
{
    if (lines->type != DR_JSON_ARRAY || lines->count > 100) {
        return noz(r, "The type for %s is invalid.", "products");
    }
    DR_JSON_EACH(l, lines)
    {
        if (!rec_alive(kind_named("products"),
                       (uint64_t)dr_json_get_i64(l, "id", 0))) {
            return noz(r, "%s does not exist", "products");
        }
    }
    return 0;
}

void apply_lines(struct account *a, struct rec *deal,
                 const struct dr_json *lines)
{
    const struct kind *products = kind_named("products");
    struct dr_dec sum;
    struct dr_json_w w;
    struct dr_buf b;
    char text[DR_DEC_TEXT];

    if (lines->count == 0 && rec_value(deal, "products").n <= 2) {
        return; /* there were none */
    }
    dr_buf_init(&b, (size_t)4 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(l, lines)
    {
        const struct rec *p =
            rec_find(products, (uint64_t)dr_json_get_i64(l, "id", 0));
        write_line(a, deal, p, l, &w);
    }
    dr_json_w_end(&w);
    rec_set(deal, "products", dr_buf_view(&b));
    dr_dec_zero(&sum);
    DR_JSON_EACH(l, scratch_parse(a, dr_buf_view(&b)))
    {
        line_total(l, &sum);
    }
    dr_buf_done(&b);
    /* The captured side effect: the lines overwrite the amount (6.2). */
    rec_set(deal, "amount", dr_str_z(dr_dec_money(&sum, text)));
}
