/* Currencies by code, of deals and of products' prices. */
#include "propose_private.h"

static const struct dr_json *target_of(struct proposing *p, struct dr_str code)
{
    return by_name(p->a, dr_json_get(p->c->dst_selectors, "currencies"),
                   "currency_code", code);
}

/* Of deals without a currency: the account's own (reference 12). */
static const struct dr_json *base_currency(struct proposing *p)
{
    DR_JSON_EACH(c, dr_json_get(p->c->dst_selectors, "currencies"))
    {
        if (dr_json_get_i64(c, "currency_type", 0) == 1 &&
            dr_json_true(dr_json_get(c, "is_active"))) {
            return c;
        }
    }
    return NULL;
}

static void ask(struct proposing *p, struct dr_str code, bool there)
{
    if (item_begin(p, "currency", DR_STR_LIT("deals"), code,
                   there ? DR_STR_LIT("activate") : DR_STR_LIT("add"))) {
        dr_json_w_kv(&p->list, "code", code);
        item_end(p);
    }
}

static struct dr_str *codes_of(struct proposing *p, const char *object,
                               size_t *n)
{
    const struct field_stats *s =
        profile_field(p->profile, dr_str_z(object), DR_STR_LIT("currency"));

    return sorted_keys(p->a, s && wanted(p, object) ? s->distinct : NULL, n);
}

void propose_currencies(struct proposing *p)
{
    size_t n;
    struct dr_str *codes = codes_of(p, "deal", &n);
    const struct dr_json *base = wanted(p, "deal") ? base_currency(p) : NULL;

    dr_json_w_key(&p->plan, "currencies");
    dr_json_w_obj(&p->plan);
    if (base) {
        dr_json_w_kv(&p->plan, "", id_of(base));
    }
    for (size_t i = 0; i < n; i++) {
        const struct dr_json *hit = target_of(p, codes[i]);
        bool active = hit && dr_json_true(dr_json_get(hit, "is_active"));

        if (!active && codes[i].n != 3) {
            continue; /* no currency: such deals are rejected */
        }
        dr_json_w_keys(&p->plan, codes[i]);
        if (active) {
            dr_json_w_str(&p->plan, id_of(hit));
        } else {
            dr_json_w_null(&p->plan);
            ask(p, codes[i], hit != NULL);
        }
    }
    dr_json_w_end(&p->plan);
    codes = codes_of(p, "product", &n);
    for (size_t i = 0; i < n; i++) {
        if (codes[i].n == 3 && !target_of(p, codes[i])) {
            ask(p, codes[i], false);
        }
    }
}
