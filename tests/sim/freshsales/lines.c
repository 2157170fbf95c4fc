/* A deal's line items (reference 6.2). */
#include <stdio.h>

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

static void write_line(struct account *a, const struct rec *deal,
                       const struct rec *product, const struct dr_json *l,
                       struct dr_json_w *w)
{
    static const char *const kept[] = {"quantity", "unit_price", "discount",
                                       "discount_type", "tax"};
    uint64_t link = new_id(a);
    char text[32];

    dr_json_w_obj(w);
    dr_json_w_kvi(w, "product_id", (int64_t)product->id);
    dr_json_w_kvi(w, "id", (int64_t)product->id);
    dr_json_w_key(w, "name");
    dr_json_w_raw(w, rec_value(product, "name"));
    for (size_t i = 0; i < DR_ARRAY_LEN(kept); i++) {
        const struct dr_json *v = dr_json_get(l, kept[i]);
        dr_json_w_key(w, kept[i]);
        dr_json_w_raw(w, v ? v->raw : DR_STR_LIT("0"));
    }
    dr_json_w_kvi(w, "deal_id", (int64_t)deal->id);
    dr_json_w_kvi(w, "association_id", (int64_t)link);
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)link);
    dr_json_w_kvz(w, "_id", text);
    dr_json_w_end(w);
}

int apply_lines(struct account *a, struct rec *deal,
                const struct dr_json *lines, struct refusal *r)
{
    const struct kind *products = kind_of_type(DR_STR_LIT("products"));
    struct dr_dec sum;
    struct dr_json_w w;
    struct dr_buf b;
    char text[DR_DEC_TEXT];

    if (lines->count > 100) {
        return no(r, "%s: at most 100", "products");
    }
    DR_JSON_EACH(l, lines)
    {
        const struct rec *p =
            rec_find(products, (uint64_t)dr_json_get_i64(l, "id", 0));
        if (!p || p->deleted) {
            return no(r, "%s: a product does not exist", "products");
        }
    }
    dr_dec_zero(&sum);
    dr_buf_init(&b, (size_t)4 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_arr(&w);
    DR_JSON_EACH(l, lines)
    {
        const struct rec *p =
            rec_find(products, (uint64_t)dr_json_get_i64(l, "id", 0));
        write_line(a, deal, p, l, &w);
        line_total(l, &sum);
    }
    dr_json_w_end(&w);
    rec_set(deal, "products", dr_buf_view(&b));
    dr_buf_done(&b);
    /* The captured side effect: the lines overwrite the amount. */
    rec_set(deal, "amount", dr_str_z(dr_dec_money(&sum, text)));
    return 0;
}
