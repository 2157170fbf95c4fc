/* A product with its price. Products have no custom fields here: what has no
 * field of its own goes into the description, line by line. */
#include "plan_private.h"

static void put_price(struct build *b, struct dr_str price, struct dr_str code)
{
    struct dr_json_w w;
    struct dr_buf out;

    dr_buf_init(&out, 4096);
    dr_json_w_init(&w, &out);
    dr_json_w_arr(&w);
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "currency_code", code);
    dr_json_w_key(&w, "unit_price");
    dr_json_w_raw(&w, price);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    build_number(b, "pricing_type", "product.price", DR_STR_LIT("1"));
    build_field(b, DR_STR_LIT("product_pricings"), DR_STR_LIT("product.price"),
                DR_VAL_JSON, build_dup(b, dr_buf_view(&out)));
    dr_buf_done(&out);
}

static void price(struct build *b)
{
    struct dr_str raw = prop_text(b, "price");
    struct dr_str code = dr_str_trim(prop_text(b, "currency"));
    struct dr_str field = DR_STR_LIT("price"), exact;
    struct dr_str rule = DR_STR_LIT("product.price");

    if (raw.n == 0) {
        if (code.n > 0 && dr_text_valid(code)) {
            dr_buf_printf(&b->description, "Currency: " DR_STR_FMT "\n",
                          DR_STR_ARG(code));
        }
        return;
    }
    if (!value_decimal(b, field, rule, raw, &exact)) {
        return;
    }
    if (code.n == 0) {
        build_note(b, field, rule, raw, (struct dr_str){"", 0},
                   "a price without a currency: it stands in the description");
        dr_buf_printf(&b->description, "Price (no currency): " DR_STR_FMT "\n",
                      DR_STR_ARG(exact));
        return;
    }
    if (code.n != 3 || !dr_text_valid(code)) {
        build_reject(b, "unknown_currency", DR_STR_LIT("currency"),
                     DR_STR_LIT("product.currency"),
                     "the currency is no code of three letters",
                     "correct the currency in FastTrack");
        return;
    }
    put_price(b, exact, code);
}

size_t make_product(struct build *b, struct dr_load out[LOADS_MAX])
{
    struct dr_str name = value_name(b, "name", DR_STR_LIT("product.name"));
    struct text text = {.field = "description",
                        .source = DR_STR_LIT("description"),
                        .rule = DR_STR_LIT("product.description"),
                        .chars = AREA_MAX};

    build_text(b, "name", "product.name", name);
    build_text(b, "product_code", "product.id", b->rec->id);
    price(b);
    apply_provenance(b, false);
    text.own = prop_text(b, "description");
    apply_text(b, &text);
    build_load(b, &out[0], "product");
    build_hash(b, &out[0]);
    return 1;
}
