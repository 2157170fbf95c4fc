/* What one record becomes, as JSON for people. */
#include "plan_private.h"

#include <drover/crypto/crypto.h>

static const char *state_word(enum dr_out_state s)
{
    static const char *const words[] = {
        "?", "load", "excluded", "parked", "rejected", "gone", "waiting"};

    return words[s];
}

static void print_fields(struct dr_json_w *w, const struct dr_field *v,
                         size_t n)
{
    dr_json_w_key(w, "fields");
    dr_json_w_arr(w);
    for (size_t i = 0; i < n; i++) {
        dr_json_w_obj(w);
        dr_json_w_kv(w, "name", v[i].name);
        dr_json_w_kv(w, "rule", v[i].rule);
        dr_json_w_key(w, "value");
        if (v[i].kind == DR_VAL_NULL) {
            dr_json_w_null(w);
        } else if (v[i].kind == DR_VAL_TEXT) {
            dr_json_w_str(w, v[i].value);
        } else {
            dr_json_w_raw(w, v[i].value);
        }
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void print_ref(struct dr_json_w *w, const struct dr_ref *r)
{
    static const char *const miss[] = {"?", "leave the link out",
                                       "link to the Unassigned Account",
                                       "reject the record"};

    dr_json_w_obj(w);
    dr_json_w_kv(w, "field", r->field);
    dr_json_w_kv(w, "rule", r->rule);
    dr_json_w_kv(w, "lane", r->lane);
    dr_json_w_kv(w, "key", r->key);
    if (r->dst != 0) {
        dr_json_w_key(w, "target_id");
        dr_json_w_u64(w, r->dst);
    }
    dr_json_w_kvb(w, "primary", r->primary);
    dr_json_w_kvz(w, "on_miss", miss[r->on_miss]);
    dr_json_w_end(w);
}

static void print_line(struct dr_json_w *w, const struct dr_line *l)
{
    dr_json_w_obj(w);
    dr_json_w_kv(w, "id", l->id);
    dr_json_w_kv(w, "product", l->product.key);
    print_fields(w, l->fields, l->field_count);
    dr_json_w_end(w);
}

static void print_load(struct dr_json_w *w, const struct dr_load *l)
{
    static const char *const how[] = {"?", "single",   "bulk",
                                      "?", "two-step", "merge"};

    dr_json_w_obj(w);
    dr_json_w_kv(w, "lane", l->lane);
    dr_json_w_kv(w, "key", l->key);
    dr_json_w_kv(w, "type", l->type);
    dr_json_w_kvz(w, "how", how[l->how]);
    if (l->ident.n > 0) {
        dr_json_w_kv(w, "found_by", l->ident);
    }
    if (l->working_name.n > 0) {
        dr_json_w_kv(w, "working_name", l->working_name);
    }
    if (l->other_name.n > 0) {
        dr_json_w_kv(w, "other_name", l->other_name);
    }
    if (l->other_first) {
        dr_json_w_kvb(w, "other_first", true);
    }
    if (l->hides.n > 0) {
        dr_json_w_kv(w, "hides", l->hides);
    }
    if (l->dst != 0) {
        dr_json_w_key(w, "target_id");
        dr_json_w_u64(w, l->dst);
    }
    if (l->blob.state != 0) {
        char hex[65] = "";
        if (l->blob.sha256.n == 32) {
            dr_hex(l->blob.sha256.p, 32, hex);
        }
        dr_json_w_key(w, "bytes");
        dr_json_w_obj(w);
        dr_json_w_key(w, "size");
        dr_json_w_u64(w, l->blob.size);
        dr_json_w_kvz(w, "sha256", hex);
        dr_json_w_end(w);
    }
    print_fields(w, l->fields, l->field_count);
    dr_json_w_key(w, "references");
    dr_json_w_arr(w);
    for (size_t i = 0; i < l->ref_count; i++) {
        print_ref(w, &l->refs[i]);
    }
    dr_json_w_end(w);
    dr_json_w_key(w, "lines");
    dr_json_w_arr(w);
    for (size_t i = 0; i < l->line_count; i++) {
        print_line(w, &l->lines[i]);
    }
    dr_json_w_end(w);
    dr_json_w_end(w);
}

static void print_reject(struct dr_json_w *w, const struct dr_rejected *r)
{
    dr_json_w_kv(w, "class", r->class);
    dr_json_w_kv(w, "field", r->field);
    dr_json_w_kv(w, "rule", r->rule);
    dr_json_w_kv(w, "reason", r->reason);
    dr_json_w_kv(w, "cure", r->cure);
}

static void print_note(struct dr_json_w *w, const struct dr_note *n)
{
    dr_json_w_obj(w);
    if (n->id.n > 0) {
        dr_json_w_kv(w, "id", n->id);
    }
    dr_json_w_kv(w, "field", n->field);
    dr_json_w_kv(w, "rule", n->rule);
    dr_json_w_kv(w, "source", n->source);
    dr_json_w_kv(w, "target", n->target);
    dr_json_w_kv(w, "cause", n->cause);
    dr_json_w_end(w);
}

void dr_outcome_print(const struct dr_outcome *o, struct dr_buf *out)
{
    struct dr_json_w w;

    dr_json_w_init(&w, out);
    w.pretty = true;
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "state", state_word(o->state));
    if (o->state == DR_OUT_EXCLUDED || o->state == DR_OUT_GONE ||
        o->state == DR_OUT_WAITING) {
        dr_json_w_kv(&w, "rule", o->rule);
        dr_json_w_kv(&w, "reason", o->reason);
    } else if (o->state != DR_OUT_LOAD) {
        print_reject(&w, &o->reject);
    }
    dr_json_w_key(&w, "loads");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < o->load_count; i++) {
        print_load(&w, &o->loads[i]);
    }
    dr_json_w_end(&w);
    dr_json_w_key(&w, "set_aside");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < o->part_reject_count; i++) {
        dr_json_w_obj(&w);
        dr_json_w_kv(&w, "id", o->part_rejects[i].part_id);
        print_reject(&w, &o->part_rejects[i]);
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    dr_json_w_key(&w, "notes");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < o->note_count; i++) {
        print_note(&w, &o->notes[i]);
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
    dr_buf_ch(out, '\n');
}
