/* A product with its price. Products have no custom fields here: what has no
 * field of its own goes into the description, line by line. */
#include "plan_private.h"

#include <drover/base/decimal.h>

static void price(struct build *b)
{
    struct dr_str raw = prop_text(b, "price");
    struct dr_str code = prop_text(b, "currency");
    struct dr_json_w w;
    struct dr_buf out;
    struct dr_dec d;
    char text[DR_DEC_TEXT];

    if (raw.n == 0) {
        return;
    }
    if (dr_dec_parse(raw, &d)) {
        build_reject(b, "bad_value", DR_STR_LIT("price"),
                     DR_STR_LIT("product.price"),
                     "the price is not a plain decimal number",
                     "write the price in FastTrack as plain digits");
        return;
    }
    dr_buf_init(&out, 4096);
    dr_json_w_init(&w, &out);
    dr_json_w_arr(&w);
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "currency_code", code);
    dr_json_w_key(&w, "unit_price");
    dr_json_w_raw(&w, dr_str_z(dr_dec_text(&d, text)));
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    build_number(b, "pricing_type", "product.price", DR_STR_LIT("1"));
    build_field(b, DR_STR_LIT("product_pricings"), DR_STR_LIT("product.price"),
                DR_VAL_JSON, dr_arena_dup(b->a, dr_buf_view(&out)));
    dr_buf_done(&out);
}

static void description(struct build *b)
{
    struct dr_str own = prop_text(b, "description");
    struct dr_str all;

    if (!dr_text_valid(own)) {
        own = (struct dr_str){"", 0};
    }
    all = build_printf(b, "%s", "");
    if (own.n + b->description.n > 0) {
        struct dr_buf out;
        dr_buf_init(&out, (size_t)1 << 20);
        dr_buf_str(&out, own);
        if (own.n > 0) {
            dr_buf_z(&out, "\n\n");
        }
        dr_buf_str(&out, dr_buf_view(&b->description));
        all = dr_arena_dup(b->a, dr_str_trim(dr_buf_view(&out)));
        dr_buf_done(&out);
    }
    build_text(b, "description", "product.description",
               dr_utf8_prefix(all, AREA_MAX));
}

size_t make_product(struct build *b, struct dr_load out[2])
{
    struct dr_str name = prop_text(b, "name");

    if (dr_str_trim(name).n == 0 || !dr_text_valid(name)) {
        build_reject(
            b, "required_empty", DR_STR_LIT("name"), DR_STR_LIT("product.name"),
            "the product has no usable name", "name the product in FastTrack");
    }
    build_text(b, "name", "product.name", dr_utf8_prefix(name, TEXT_MAX));
    build_text(b, "product_code", "product.id", b->rec->id);
    price(b);
    apply_provenance(b, false);
    description(b);
    build_load(b, &out[0], "product");
    build_hash(b, &out[0]);
    return 1;
}
