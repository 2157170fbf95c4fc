/* A record as the API shows it. */
#include <string.h>

#include <drover/base/decimal.h>
#include <drover/base/time.h>

#include "store.h"

static bool asked(struct dr_str include, const char *name)
{
    if (dr_str_eqz(include, "*")) {
        return true;
    }
    while (include.p) {
        struct dr_str one = dr_str_trim(dr_str_split(&include, ','));
        if (dr_str_eqz(one, name) ||
            /* The stage of a contact shows with its status. */
            (strcmp(name, "lifecycle_stage") == 0 &&
             dr_str_eqz(one, "contact_status"))) {
            return true;
        }
    }
    return false;
}

static void stamp(struct dr_json_w *w, const char *key, int64_t ms)
{
    char text[DR_TIME_TEXT];

    dr_json_w_kvz(w, key, dr_time_format(ms - ms % 1000, text));
}

static void money(struct dr_json_w *w, struct dr_str raw)
{
    struct dr_dec d;
    char text[DR_DEC_TEXT];
    struct dr_str s = raw;

    if (s.n >= 2 && s.p[0] == '"') {
        s = (struct dr_str){s.p + 1, s.n - 2};
    }
    if (dr_dec_parse_json(s, &d)) {
        dr_json_w_raw(w, raw);
    } else {
        dr_json_w_z(w, dr_dec_money(&d, text));
    }
}

static void custom(const struct account *a, const struct kind *k,
                   const struct rec *r, struct dr_json_w *w)
{
    const struct list *defs = dr_map_get(a->fields, dr_str_z(k->entity));
    struct dr_str key;
    void *v;
    size_t at = 0;

    dr_json_w_key(w, "custom_field");
    dr_json_w_obj(w);
    for (size_t i = 0; defs && i < defs->n; i++) {
        struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
        const struct dr_json *f =
            dr_json_parse(ar, dr_str_z(defs->v[i]), NULL, NULL);
        struct dr_str name = dr_json_get_str(f, "name");
        if (dr_str_starts(name, DR_STR_LIT("cf_")) &&
            !dr_map_has(r->custom, name)) {
            dr_json_w_keys(w, name);
            dr_json_w_null(w);
        }
    }
    while (dr_map_next(r->custom, &at, &key, &v)) {
        dr_json_w_keys(w, key);
        dr_json_w_raw(w, dr_str_z(v));
    }
    dr_json_w_end(w);
}

static void sim_part(const struct rec *r, struct dr_json_w *w)
{
    dr_json_w_key(w, "_sim");
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "created_by", r->by);
    dr_json_w_kvi(w, "created_seq", r->created_seq);
    dr_json_w_kvi(w, "updated_seq", r->updated_seq);
    if (r->deleted) {
        dr_json_w_kvi(w, "deleted_seq", r->deleted_seq);
    }
    dr_json_w_end(w);
}

static void display_name(const struct rec *r, struct dr_json_w *w)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *f =
        dr_json_parse(a, rec_value(r, "first_name"), NULL, NULL);
    const struct dr_json *l =
        dr_json_parse(a, rec_value(r, "last_name"), NULL, NULL);
    const struct dr_json *e =
        dr_json_parse(a, rec_value(r, "email"), NULL, NULL);
    struct dr_str both = dr_str_trim(dr_arena_printf(
        a, DR_STR_FMT " " DR_STR_FMT, DR_STR_ARG(dr_json_str(f)),
        DR_STR_ARG(dr_json_str(l))));

    dr_json_w_kv(w, "display_name", both.n ? both : dr_json_str(e));
}

void render(const struct account *a, const struct kind *k, const struct rec *r,
            struct dr_str include, bool sim, struct dr_json_w *w)
{
    dr_json_w_obj(w);
    dr_json_w_key(w, "id");
    dr_json_w_u64(w, r->id);
    for (const struct attr *t = k->attrs; t->name; t++) {
        struct dr_str v = rec_value(r, t->name);
        if (t->include && !asked(include, t->include)) {
            continue;
        }
        dr_json_w_key(w, t->name);
        if (!v.p) {
            dr_json_w_raw(w, dr_str_z(t->otherwise));
        } else if (t->kind == A_MONEY) {
            money(w, v);
        } else {
            dr_json_w_raw(w, v);
        }
    }
    if (strcmp(k->type, "contacts") == 0 || strcmp(k->type, "leads") == 0) {
        display_name(r, w);
    }
    if (k->custom) {
        custom(a, k, r, w);
    }
    dr_json_w_kvb(w, "is_deleted", r->deleted);
    dr_json_w_key(w, "creater_id");
    dr_json_w_u64(w, a->api_user);
    stamp(w, "created_at", r->created_ms);
    stamp(w, "updated_at", r->updated_ms);
    if (sim) {
        sim_part(r, w);
    }
    dr_json_w_end(w);
}
