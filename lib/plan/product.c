/* A product with its prices. Products have no custom fields here: what has no
 * field of its own goes into the description, line by line. */
#include "plan_private.h"

size_t make_product(struct build *b, struct dr_load out[LOADS_MAX])
{
    struct dr_str name = value_name(b, "name", DR_STR_LIT("product.name"));
    struct text text = {.field = "description",
                        .source = DR_STR_LIT("description"),
                        .rule = DR_STR_LIT("product.description"),
                        .chars = AREA_MAX};

    build_text(b, "name", "product.name", name);
    build_text(b, "product_code", "product.id", b->rec->id);
    apply_prices(b);
    apply_provenance(b, false);
    text.own = prop_text(b, "description");
    apply_text(b, &text);
    build_load(b, &out[0], "product");
    build_hash(b, &out[0]);
    return 1;
}
