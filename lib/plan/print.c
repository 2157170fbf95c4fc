/* What one record becomes, as JSON for people. */
#include "plan_private.h"

static const char *state_word(enum dr_out_state s)
{
    static const char *const words[] = {"?",      "load",     "excluded",
                                        "parked", "rejected", "gone"};

    return words[s];
}

static void print_fields(struct dr_json_w *w, const struct dr_load *l)
{
    dr_json_w_key(w, "fields");
    dr_json_w_arr(w);
    for (size_t i = 0; i < l->field_count; i++) {
        const struct dr_field *f = &l->fields[i];
        dr_json_w_obj(w);
        dr_json_w_kv(w, "name", f->name);
        dr_json_w_kv(w, "rule", f->rule);
        dr_json_w_key(w, "value");
        if (f->kind == DR_VAL_NULL) {
            dr_json_w_null(w);
        } else if (f->kind == DR_VAL_TEXT) {
            dr_json_w_str(w, f->value);
        } else {
            dr_json_w_raw(w, f->value);
        }
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void print_ref(struct dr_json_w *w, const struct dr_ref *r)
{
    dr_json_w_obj(w);
    dr_json_w_kv(w, "field", r->field);
    dr_json_w_kv(w, "lane", r->lane);
    dr_json_w_kv(w, "key", r->key);
    dr_json_w_kvb(w, "primary", r->primary);
    dr_json_w_end(w);
}

static void print_load(struct dr_json_w *w, const struct dr_load *l)
{
    static const char *const how[] = {"?",    "single",   "e-mail",
                                      "name", "two-step", "merge"};

    dr_json_w_obj(w);
    dr_json_w_kv(w, "lane", l->lane);
    dr_json_w_kv(w, "key", l->key);
    dr_json_w_kv(w, "type", l->type);
    dr_json_w_kvz(w, "how", how[l->how]);
    print_fields(w, l);
    dr_json_w_key(w, "references");
    dr_json_w_arr(w);
    for (size_t i = 0; i < l->ref_count; i++) {
        print_ref(w, &l->refs[i]);
    }
    dr_json_w_end(w);
    dr_json_w_key(w, "lines");
    dr_json_w_arr(w);
    for (size_t i = 0; i < l->line_count; i++) {
        struct dr_load line = {.fields = l->lines[i].fields,
                               .field_count = l->lines[i].field_count};
        dr_json_w_obj(w);
        dr_json_w_kv(w, "id", l->lines[i].id);
        dr_json_w_kv(w, "product", l->lines[i].product.key);
        print_fields(w, &line);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
    dr_json_w_end(w);
}

void dr_outcome_print(const struct dr_outcome *o, struct dr_buf *out)
{
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    w.pretty = true;
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "state", state_word(o->state));
    if (o->state != DR_OUT_LOAD) {
        dr_json_w_kv(&w, "rule", o->rule);
        dr_json_w_kv(&w, "reason", o->reason);
        dr_json_w_kv(&w, "field", o->reject.field);
        dr_json_w_kv(&w, "cure", o->reject.cure);
    }
    dr_json_w_key(&w, "loads");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < o->load_count; i++) {
        print_load(&w, &o->loads[i]);
    }
    dr_json_w_end(&w);
    dr_json_w_key(&w, "notes");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < o->note_count; i++) {
        dr_json_w_obj(&w);
        dr_json_w_kv(&w, "field", o->notes[i].field);
        dr_json_w_kv(&w, "cause", o->notes[i].cause);
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    dr_buf_ch(out, '\n');
}
