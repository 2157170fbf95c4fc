#include "currencies.h"

#include <stdio.h>

#include <drover/base/buf.h>

struct dr_str currencies_print(struct dr_arena *a, struct dr_str code)
{
    struct dr_str out;
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, 1024);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "deal");
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "currency");
    dr_json_w_str(&w, code);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    out = dr_arena_dup(a, dr_buf_view(&b));
    dr_buf_done(&b);
    return out;
}

uint8_t currencies_take(struct currencies *c, const struct dr_json *body)
{
    const struct dr_json *said =
        dr_json_get(dr_json_get(body, "deal"), "currency");
    struct dr_str code = dr_json_str(said);

    if (dr_json_type(said) != DR_JSON_STRING || code.n > CURRENCY_MAX) {
        return 0;
    }
    for (size_t i = 0; i < c->n; i++) {
        if (dr_str_eqz(code, c->v[i])) {
            return (uint8_t)(i + 1);
        }
    }
    if (c->n == CURRENCIES_MAX) {
        return 0;
    }
    (void)snprintf(c->v[c->n], sizeof(c->v[0]), DR_STR_FMT, DR_STR_ARG(code));
    return (uint8_t)++c->n;
}

struct dr_str currencies_get(const struct currencies *c, uint8_t number)
{
    return dr_str_z(c->v[number - 1]);
}
