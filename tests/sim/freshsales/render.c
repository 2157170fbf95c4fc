/* A record as the API shows it. */
#include <string.h>

#include <drover/base/decimal.h>

#include "kinds.h"

bool asked(struct dr_str include, const char *name)
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

static bool shows(const struct account *a, const struct attr *t,
                  struct dr_str include)
{
    if (t->include && t->include[0] == '@') {
        return t->include[1] == 'a' ? dr_str_eqz(include, "*") : a->classic;
    }
    return !t->include || asked(include, t->include);
}

static void stamp(struct account *a, struct dr_json_w *w, const char *key,
                  int64_t ms)
{
    char text[STAMP_TEXT];

    dr_json_w_kvz(w, key, stamp_text(a, ms, text));
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

/* Days show as midnight, times in the account's zone (reference 13.2). */
static void custom_value(struct account *a, struct dr_str type,
                         struct dr_str raw, struct dr_json_w *w)
{
    struct dr_str s = raw.n >= 2 && raw.p[0] == '"'
                          ? (struct dr_str){raw.p + 1, raw.n - 2}
                          : (struct dr_str){"", 0};
    char text[STAMP_TEXT], day[STAMP_TEXT];
    int64_t ms;

    if (dr_str_eqz(type, "date") && s.n > 0 && read_day(a, s, day) == 0) {
        dr_json_w_z(w, midnight_text(a, dr_str_z(day), text));
    } else if (dr_str_eqz(type, "date_time") && s.n > 0 &&
               read_time(a, s, &ms) == 0) {
        dr_json_w_z(w, stamp_text(a, ms, text));
    } else {
        dr_json_w_raw(w, raw);
    }
}

/* All fields of the definitions, null where there is no value. */
static void custom(struct account *a, const struct kind *k, const struct rec *r,
                   struct dr_json_w *w)
{
    struct list *defs = dr_map_get(a->fields, dr_str_z(k->entity));

    dr_json_w_key(w, "custom_field");
    dr_json_w_obj(w);
    for (size_t i = 0; defs && i < defs->n; i++) {
        const struct dr_json *f = list_at(defs, i);
        struct dr_str name = dr_json_get_str(f, "name");
        const char *v;
        if (!dr_str_starts(name, DR_STR_LIT("cf_"))) {
            continue;
        }
        dr_json_w_keys(w, name);
        v = dr_map_get(r->custom, name);
        if (v) {
            custom_value(a, dr_json_get_str(f, "type"), dr_str_z(v), w);
        } else {
            dr_json_w_null(w);
        }
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

static void value(struct account *a, const struct attr *t, struct dr_str v,
                  struct dr_json_w *w)
{
    char text[STAMP_TEXT];
    int64_t ms;

    if (!v.p) {
        dr_json_w_raw(w, dr_str_z(t->otherwise));
    } else if (t->kind == A_MONEY) {
        money(w, v);
    } else if (t->kind == A_TIME && dr_str_i64(v, &ms) == 0) {
        dr_json_w_z(w, stamp_text(a, ms, text));
    } else {
        dr_json_w_raw(w, v);
    }
}

static void user_ids(const struct rec *r, struct dr_json_w *w)
{
    struct dr_str owner = rec_value(r, "owner_id");

    dr_json_w_key(w, "user_ids");
    dr_json_w_arr(w);
    if (owner.p) {
        dr_json_w_raw(w, owner);
    }
    dr_json_w_end(w);
}

void render(struct account *a, const struct kind *k, const struct rec *r,
            struct dr_str include, bool sim, struct dr_json_w *w)
{
    struct show s = {a, k, r, w};

    dr_json_w_obj(w);
    dr_json_w_key(w, "id");
    dr_json_w_u64(w, r->id);
    for (const struct attr *t = k->attrs; t->name; t++) {
        if (!shows(a, t, include)) {
            continue;
        }
        dr_json_w_key(w, t->name);
        if (t->show) {
            t->show(&s);
        } else {
            value(a, t, rec_value(r, t->name), w);
        }
    }
    if (k->custom) {
        custom(a, k, r, w);
    }
    if (k->bin || sim) {
        dr_json_w_kvb(w, "is_deleted", r->deleted);
    }
    if (!sim && k->hangs && asked(include, "targetable") &&
        !attr_of(k, DR_STR_LIT("targetable"))) {
        dr_json_w_key(w, "targetable");
        show_target(&s);
        if (strcmp(k->type, "tasks") == 0) {
            user_ids(r, w);
        }
    }
    stamp(a, w, "created_at", r->created_ms);
    stamp(a, w, "updated_at", r->updated_ms);
    if (sim) {
        sim_part(r, w);
    }
    dr_json_w_end(w);
}

void render_partial(struct account *a, const struct kind *k,
                    const struct rec *r, struct dr_json_w *w)
{
    static const char *const shown[] = {
        "name",   "display_name",   "first_name",    "last_name",
        "avatar", "email",          "job_title",     "website",
        "amount", "last_contacted", "work_number",   "mobile_number",
        "city",   "country",        "record_type_id"};
    struct show s = {a, k, r, w};

    dr_json_w_kvb(w, "partial", true);
    dr_json_w_key(w, "id");
    dr_json_w_u64(w, r->id);
    for (size_t i = 0; i < DR_ARRAY_LEN(shown); i++) {
        const struct attr *t = attr_of(k, dr_str_z(shown[i]));
        if (!t) {
            continue;
        }
        dr_json_w_key(w, shown[i]);
        if (t->show) {
            t->show(&s);
        } else {
            value(a, t, rec_value(r, shown[i]), w);
        }
    }
}
