/* Attributes that the server works out (reference 3.1, 4, 5.1, 6.1). */
#include <string.h>

#include <drover/base/decimal.h>

#include "kinds.h"

#define DAY_MS 86400000

static void stamp(const struct show *s, int64_t ms)
{
    char text[STAMP_TEXT];

    dr_json_w_z(s->w, ms ? stamp_text(s->a, ms, text) : NULL);
}

void show_display_name(const struct show *s)
{
    struct dr_str f = rec_text(s->r, "first_name");
    struct dr_str l = rec_text(s->r, "last_name");
    struct dr_str e = rec_text(s->r, "email");
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_buf_ch(&b, '"'); /* escapes stay as they are */
    if (f.n + l.n == 0) {
        dr_buf_str(&b, e);
    }
    dr_buf_str(&b, dr_str_trim(f));
    if (f.n > 0 && l.n > 0) {
        dr_buf_ch(&b, ' ');
    }
    dr_buf_str(&b, dr_str_trim(l));
    dr_buf_ch(&b, '"');
    dr_json_w_raw(s->w, dr_buf_view(&b));
    dr_buf_done(&b);
}

void show_links(const struct show *s)
{
    static const char *const lists[][2] = {
        {"conversations", "conversations/all"},
        {"timeline_feeds", "timeline_feeds"},
        {"document_associations", "document_associations"},
        {"notes", "notes"},
        {"tasks", "tasks"},
        {"appointments", "appointments"},
        {"reminders", "reminders"},
        {"duplicates", "duplicates"},
        {"connections", "connections"}};
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    dr_json_w_obj(s->w);
    for (size_t i = 0; i < DR_ARRAY_LEN(lists); i++) {
        dr_buf_reset(&b);
        dr_buf_printf(&b, "%s/%s/%llu/%s", s->a->classic ? "" : "/crm/sales",
                      s->k->path, (unsigned long long)s->r->id, lists[i][1]);
        dr_json_w_kv(s->w, lists[i][0], dr_buf_view(&b));
    }
    dr_json_w_end(s->w);
    dr_buf_done(&b);
}

/* ---- deals of a contact or account ---- */

struct dr_str forecast_of(struct account *a, const struct rec *deal)
{
    return dr_json_get_str(list_find(list_of(a->selectors, "deal_stages"),
                                     rec_id(deal, "deal_stage_id")),
                           "forecast_type");
}

static struct dr_dec money_of(const struct rec *deal)
{
    struct dr_str v = rec_value(deal, "amount");
    struct dr_dec d;

    if (v.n >= 2 && v.p[0] == '"') {
        v = (struct dr_str){v.p + 1, v.n - 2};
    }
    if (dr_dec_parse_json(v, &d)) {
        dr_dec_zero(&d);
    }
    return d;
}

static int64_t roll_up(const struct show *s, const char *forecast,
                       struct dr_dec *sum)
{
    const char *field =
        strcmp(s->k->type, "contacts") == 0 ? "contacts" : "sales_account_id";
    char id[24];
    const struct hits *h;
    int64_t n = 0;

    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)s->r->id);
    h = index_find(s->a, kind_named("deals"), dr_str_z(field), dr_str_z(id));
    dr_dec_zero(sum);
    for (size_t i = 0; h && i < h->n; i++) {
        if (!h->v[i]->deleted &&
            dr_str_eqz(forecast_of(s->a, h->v[i]), forecast)) {
            struct dr_dec d = money_of(h->v[i]);
            (void)!dr_dec_add(sum, &d, sum);
            n++;
        }
    }
    return n;
}

static void show_amount(const struct show *s, const char *forecast)
{
    struct dr_dec sum;
    char text[DR_DEC_TEXT];

    if (roll_up(s, forecast, &sum) == 0 &&
        knob_is(s->a->knobs, "rollups_on_new", "null")) {
        dr_json_w_null(s->w);
        return;
    }
    dr_json_w_z(s->w, dr_dec_money(&sum, text));
}

static void show_count(const struct show *s, const char *forecast)
{
    struct dr_dec sum;
    int64_t n = roll_up(s, forecast, &sum);

    if (n == 0 && knob_is(s->a->knobs, "rollups_on_new", "null")) {
        dr_json_w_null(s->w);
        return;
    }
    dr_json_w_i64(s->w, n);
}

void show_open_amount(const struct show *s)
{
    show_amount(s, "Open");
}

void show_won_amount(const struct show *s)
{
    show_amount(s, "Closed Won");
}

void show_open_count(const struct show *s)
{
    show_count(s, "Open");
}

void show_won_count(const struct show *s)
{
    show_count(s, "Closed Won");
}

void show_recent_note(const struct show *s)
{
    char key[64];
    const struct hits *h;

    (void)snprintf(key, sizeof(key), "%s:%llu", s->k->model,
                   (unsigned long long)s->r->id);
    h = index_find(s->a, kind_named("notes"), DR_STR_LIT("targetables"),
                   dr_str_z(key));
    if (!h || h->n == 0) {
        dr_json_w_null(s->w);
        return;
    }
    dr_json_w_raw(s->w, rec_value(h->v[h->n - 1], "description"));
}

/* 19 digits, above 2^53, the same for the same contact. */
void show_mcr_id(const struct show *s)
{
    dr_json_w_u64(s->w, UINT64_C(1656220000000000000) + s->r->id);
}

void show_creater(const struct show *s)
{
    dr_json_w_u64(s->w, s->r->creater);
}

void show_updater(const struct show *s)
{
    dr_json_w_u64(s->w, s->a->api_user);
}

void show_assigned(const struct show *s)
{
    stamp(s, s->r->assigned_ms);
}

void show_stage_time(const struct show *s)
{
    stamp(s, s->r->stage_ms);
}

void show_children(const struct show *s)
{
    char id[24];
    const struct hits *h;
    int64_t n = 0;

    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)s->r->id);
    h = index_find(s->a, kind_named("sales_accounts"),
                   DR_STR_LIT("parent_sales_account_id"), dr_str_z(id));
    for (size_t i = 0; h && i < h->n; i++) {
        n += !h->v[i]->deleted;
    }
    dr_json_w_i64(s->w, n);
}

/* ---- money of a deal ---- */

static void show_product_of(const struct show *s, struct dr_str factor,
                            const char *unit)
{
    struct dr_dec d = money_of(s->r), f, u;
    char text[DR_DEC_TEXT];

    if (dr_dec_parse_json(factor, &f) == 0 &&
        dr_dec_parse(dr_str_z(unit), &u) == 0 && dr_dec_mul(&d, &f, &d) == 0) {
        (void)!dr_dec_mul(&d, &u, &d);
    }
    dr_json_w_z(s->w, dr_dec_money(&d, text));
}

void show_base_amount(const struct show *s)
{
    const struct dr_json *c = list_find(list_of(s->a->selectors, "currencies"),
                                        rec_id(s->r, "currency_id"));
    struct dr_str rate = dr_json_get_str(c, "exchange_rate");

    show_product_of(s, rate.n ? rate : DR_STR_LIT("1"), "1");
}

void show_expected_value(const struct show *s)
{
    struct dr_str p = rec_value(s->r, "probability");

    show_product_of(s, p.p ? p : DR_STR_LIT("100"), "0.01");
}

static int64_t age_of(const struct show *s)
{
    return (vclock_now(&s->a->clock) - s->r->created_ms) / DAY_MS;
}

void show_age(const struct show *s)
{
    dr_json_w_i64(s->w, age_of(s));
}

void show_rotten(const struct show *s)
{
    const struct dr_json *p =
        list_find(list_of(s->a->selectors, "deal_pipelines"),
                  rec_id(s->r, "deal_pipeline_id"));
    int64_t days = dr_json_get_i64(p, "rotting_days", -1);

    if (days < 0) {
        dr_json_w_null(s->w);
        return;
    }
    dr_json_w_i64(s->w, age_of(s) - days);
}

void show_base_price(const struct show *s)
{
    struct dr_str base =
        dr_json_get_str(dr_json_get(s->a->tenant, "account"), "base_currency");

    DR_JSON_EACH(p, rec_json(s->a, s->r, "product_pricings"))
    {
        const struct dr_json *v = dr_json_get(p, "unit_price");
        if (v && dr_str_eq(dr_json_get_str(p, "currency_code"), base)) {
            dr_json_w_raw(s->w, v->raw);
            return;
        }
    }
    dr_json_w_null(s->w);
}

/* ---- links ---- */

static void show_linked(const struct show *s, const char *field,
                        const char *type)
{
    struct kind *k = kind_named(type);

    dr_json_w_arr(s->w);
    DR_JSON_EACH(e, rec_json(s->a, s->r, field))
    {
        const struct rec *r =
            rec_find(k, (uint64_t)dr_json_get_i64(e, "id", 0));
        if (!r || r->deleted) {
            continue;
        }
        dr_json_w_obj(s->w);
        render_partial(s->a, k, r, s->w);
        if (dr_json_get(e, "is_primary")) {
            dr_json_w_kvb(s->w, "is_primary",
                          dr_json_true(dr_json_get(e, "is_primary")));
        }
        dr_json_w_end(s->w);
    }
    dr_json_w_end(s->w);
}

void show_accounts(const struct show *s)
{
    show_linked(s, "sales_accounts", "sales_accounts");
}

void show_contacts(const struct show *s)
{
    show_linked(s, "contacts", "contacts");
}

/* ---- ids of what is included ---- */

static void ids_of_list(const struct show *s, const char *field)
{
    dr_json_w_arr(s->w);
    DR_JSON_EACH(e, rec_json(s->a, s->r, field))
    {
        dr_json_w_i64(s->w, dr_json_get_i64(e, "id", 0));
    }
    dr_json_w_end(s->w);
}

/* Of the records whose `field` names this one. */
static void ids_pointing(const struct show *s, const char *type,
                         const char *field)
{
    bool target = strcmp(field, "targetables") == 0;
    const struct hits *h;
    char key[64];

    (void)snprintf(key, sizeof(key), "%s%s%llu", target ? s->k->model : "",
                   target ? ":" : "", (unsigned long long)s->r->id);
    h = index_find(s->a, kind_named(type), dr_str_z(field), dr_str_z(key));
    dr_json_w_arr(s->w);
    for (size_t i = 0; h && i < h->n; i++) {
        if (!h->v[i]->deleted) {
            dr_json_w_u64(s->w, h->v[i]->id);
        }
    }
    dr_json_w_end(s->w);
}

void show_contact_ids(const struct show *s)
{
    if (strcmp(s->k->type, "deals") == 0) {
        ids_of_list(s, "contacts");
    } else {
        ids_pointing(s, "contacts", "sales_accounts");
    }
}

void show_deal_ids(const struct show *s)
{
    ids_pointing(s, "deals",
                 strcmp(s->k->type, "contacts") == 0 ? "contacts"
                                                     : "sales_account_id");
}

void show_task_ids(const struct show *s)
{
    ids_pointing(s, "tasks", "targetables");
}

void show_appointment_ids(const struct show *s)
{
    ids_pointing(s, "appointments", "targetables");
}

void show_note_ids(const struct show *s)
{
    ids_pointing(s, "notes", "targetables");
}
