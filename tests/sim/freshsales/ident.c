/* Which record an identifier names (reference 14.3, 15.1, 15.2, 23.2). */
#include <stdio.h>
#include <string.h>

#include "write.h"

static const struct hits *hits_of(struct account *a, struct kind *k,
                                  struct dr_str field, struct dr_str value)
{
    if (is_type(k, "contacts") && dr_str_eqz(field, "email")) {
        field = DR_STR_LIT("emails"); /* any of its addresses */
    }
    return index_find(a, k, field, quoted(a, value));
}

/* The living ones among the hits; the one with the lowest id. */
static size_t living(const struct hits *h, struct rec **lowest)
{
    size_t n = 0;

    *lowest = NULL;
    for (size_t i = 0; h && i < h->n; i++) {
        if (!h->v[i]->deleted) {
            n++;
            if (!*lowest || h->v[i]->id < (*lowest)->id) {
                *lowest = h->v[i];
            }
        }
    }
    return n;
}

struct rec *find_by(struct account *a, struct kind *k, struct dr_str field,
                    struct dr_str value)
{
    struct rec *r;
    uint64_t id;

    if (dr_str_eqz(field, "id")) {
        return dr_str_u64(value, &id) ? NULL : rec_alive(k, id);
    }
    (void)living(hits_of(a, k, field, value), &r);
    return r;
}

/* Fields that clients were seen to use, by kind. */
static bool usual(const struct kind *k, struct dr_str field)
{
    static const char *const contact[] = {"emails", "email", "external_id",
                                          "mobile_number", "id"};
    static const char *const named[] = {"name", "id"};

    if (is_type(k, "contacts") || is_type(k, "leads")) {
        for (size_t i = 0; i < DR_ARRAY_LEN(contact); i++) {
            if (dr_str_eqz(field, contact[i])) {
                return true;
            }
        }
        return false;
    }
    return dr_str_eqz(field, named[0]) || dr_str_eqz(field, named[1]);
}

int check_identifier(struct account *a, struct kind *k, struct dr_str field,
                     bool bulk, struct refusal *r)
{
    if (dr_str_starts(field, DR_STR_LIT("cf_"))) {
        const struct dr_json *def = definition(a, k, field);
        bool unique = dr_json_true(dr_json_get(def, "unique"));
        return def && (unique || knob_is(a->knobs, "cf_identifier", "any"))
                   ? 0
                   : no(r, "%s is invalid", field);
    }
    if (bulk && dr_str_eqz(field, "external_id") &&
        knob_is(a->knobs, "bulk_identifier_ext", "400")) {
        return no(r, "%s is invalid", field);
    }
    return usual(k, field) ? 0 : no(r, "%s is invalid", field);
}

int find_for_upsert(struct account *a, struct kind *k,
                    const struct dr_json *ident, struct rec **rec_out,
                    struct refusal *r)
{
    const char *several = knob_text(a->knobs, "upsert_ambiguous_key");
    struct dr_str value = dr_json_scalar(ident);
    size_t n;

    if (dr_str_eqz(ident->key, "id")) {
        *rec_out = find_by(a, k, ident->key, value);
        return *rec_out ? 0 : noz(r, "The record does not exist.", "");
    }
    n = living(hits_of(a, k, ident->key, value), rec_out);
    if (n > 1 && strcmp(several, "400") == 0) {
        return no(r, "%s is not unique", ident->key);
    }
    if (n > 1 && strcmp(several, "new") == 0) {
        *rec_out = NULL;
    }
    return 0;
}

const struct dr_json *with_identifier(struct account *a,
                                      const struct dr_json *attrs,
                                      const struct dr_json *ident)
{
    bool custom = dr_str_starts(ident->key, DR_STR_LIT("cf_"));
    bool add =
        !dr_str_eqz(ident->key, "id") && !dr_json_gets(attrs, ident->key) &&
        !(dr_str_eqz(ident->key, "emails") && dr_json_get(attrs, "email"));
    const struct dr_json *hash = dr_json_get(attrs, "custom_field");
    struct dr_json_w w;
    struct dr_buf b;
    struct dr_str text;

    dr_buf_init(&b, (size_t)16 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    DR_JSON_EACH(m, attrs)
    {
        if (!custom || m != hash) {
            dr_json_w_keys(&w, m->key);
            dr_json_w_tree(&w, m);
        }
    }
    if (custom) {
        dr_json_w_key(&w, "custom_field");
        dr_json_w_obj(&w);
        DR_JSON_EACH(m, hash)
        {
            dr_json_w_keys(&w, m->key);
            dr_json_w_tree(&w, m);
        }
        add = !dr_json_gets(hash, ident->key);
    }
    if (add) {
        dr_json_w_keys(&w, ident->key);
        dr_json_w_tree(&w, ident);
    }
    if (custom) {
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    text = dr_arena_dup(a->scratch, dr_buf_view(&b));
    dr_buf_done(&b);
    return scratch_parse(a, text);
}
