/* Lines in another currency than their deal (mapping reference W-CUR): counted
 * and summed in their own, for whoever decides what becomes of them. */
#include "propose_private.h"

#include <drover/base/decimal.h>

struct priced {
    uint64_t records, unsummed; /* unsummed: no plain decimals, or too large */
    struct dr_dec sum;
};

/* What the line says that it comes to, else its price times its quantity. */
static int worth(const struct dr_json *props, struct dr_dec *out)
{
    struct dr_str total = dr_json_scalar(dr_json_get(props, "line_total"));
    struct dr_dec quantity;

    if (total.n > 0) {
        return dr_dec_parse(total, out);
    }
    return dr_dec_parse(dr_json_scalar(dr_json_get(props, "unit_price")),
                        out) ||
                   dr_dec_parse(dr_json_scalar(dr_json_get(props, "quantity")),
                                &quantity) ||
                   dr_dec_mul(out, &quantity, out)
               ? -1
               : 0;
}

void profile_add_line(struct dr_profile *p, struct dr_arena *a,
                      const struct dr_source *rec, const struct dr_json *props)
{
    const struct dr_json *deal =
        dr_json_get(rec->part_count > 0 && rec->body.n > 0
                        ? dr_json_parse(a, rec->body, NULL, NULL)
                        : NULL,
                    "deal");
    struct dr_str code = dr_str_trim(dr_json_get_str(props, "currency"));
    struct dr_str of = dr_str_trim(dr_json_get_str(deal, "currency"));
    struct dr_str key = dr_arena_printf(a, DR_STR_FMT "\n" DR_STR_FMT,
                                        DR_STR_ARG(code), DR_STR_ARG(of));
    struct priced *x = dr_map_get(p->lines, key);
    struct dr_dec d;

    if (!deal || code.n == 0 || dr_str_ieq(code, of) ||
        (!x && dr_map_count(p->lines) >= DISTINCT_MAX)) {
        return;
    }
    if (!x) {
        x = dr_arena_calloc(p->arena, 1, sizeof(*x));
        if (!x) {
            dr_die(DR_EXIT_NOMEM, "profile",
                   "the profile needs more memory than it may take");
        }
        dr_dec_zero(&x->sum);
        dr_map_put(p->lines, key, x);
    }
    x->records++;
    if (worth(props, &d) || dr_dec_add(&x->sum, &d, &x->sum)) {
        x->unsummed++;
    }
}

/* What a deal without a currency is in. */
static struct dr_str base_of(const struct proposing *p)
{
    DR_JSON_EACH(c, dr_json_get(p->c->dst_selectors, "currencies"))
    {
        if (dr_json_get_i64(c, "currency_type", 0) == 1) {
            return dr_json_get_str(c, "currency_code");
        }
    }
    return dr_json_get_str(p->c->dst_account, "base_currency");
}

/* One pair of currencies that differ; false: the account's own. */
static bool differs(const struct proposing *p, struct dr_str key,
                    struct dr_str *code, struct dr_str *deal)
{
    *deal = key;
    *code = dr_str_split(deal, '\n');
    if (deal->n == 0) {
        *deal = base_of(p);
    }
    return !dr_str_ieq(*code, *deal);
}

uint64_t count_other_lines(struct proposing *p)
{
    struct dr_str key, code, deal;
    uint64_t n = 0;
    size_t at = 0;
    void *v;

    while (dr_map_next(p->profile->lines, &at, &key, &v)) {
        n += differs(p, key, &code, &deal) ? ((struct priced *)v)->records : 0;
    }
    return n;
}

void write_line_currencies(struct proposing *p, const char *name,
                           struct dr_json_w *w)
{
    size_t n;
    struct dr_str *keys = sorted_keys(p->a, p->profile->lines, &n);

    dr_json_w_key(w, name);
    dr_json_w_arr(w);
    for (size_t i = 0; i < n; i++) {
        const struct priced *x = dr_map_get(p->profile->lines, keys[i]);
        struct dr_str code, deal;
        char sum[DR_DEC_TEXT];
        if (!differs(p, keys[i], &code, &deal)) {
            continue;
        }
        dr_json_w_obj(w);
        dr_json_w_kvz(w, "code", "W-CUR");
        dr_json_w_kv(w, "currency", code);
        dr_json_w_kv(w, "deal_currency", deal);
        dr_json_w_kvi(w, "records", (int64_t)x->records);
        dr_json_w_kvz(w, "sum", dr_dec_text(&x->sum, sum));
        if (x->unsummed > 0) {
            dr_json_w_kvi(w, "not_summed", (int64_t)x->unsummed);
        }
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

void propose_lines(struct proposing *p)
{
    struct dr_json_w *w = &p->plan;

    dr_json_w_key(w, "lines");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "currency", p->o->lines_as_deal ? "deal" : "reject");
    dr_json_w_kv(w, "base", base_of(p));
    write_line_currencies(p, "other", w);
    dr_json_w_end(w);
}
