/* The source side of the schema audit: every field, how it is filled, what it
 * should become, and what will not fit. Examples show shapes, not values. */
#include "propose_private.h"

#include <string.h>

#define EXAMPLES 5
#define AUDIT_ARENA ((size_t)256 << 20)

/* Shapes instead of values: letters a, digits 9. */
static void mask(struct dr_buf *out, struct dr_str s)
{
    for (size_t i = 0; i < s.n && i < 40; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= '0' && c <= '9') {
            dr_buf_ch(out, '9');
        } else if (c >= 0x80 || (unsigned)((c | 32) - 'a') < 26u) {
            if (c < 0x80 || c >= 0xc0) {
                dr_buf_ch(out, 'a');
            }
        } else {
            dr_buf_ch(out, (char)c);
        }
    }
}

struct example {
    struct dr_str value;
    uint64_t count;
};

/* The most frequent first; ties in byte order. */
static bool before(const struct example *x, const struct example *y)
{
    return x->count > y->count ||
           (x->count == y->count && dr_str_cmp(x->value, y->value) < 0);
}

static size_t top_examples(const struct field_stats *f,
                           struct example out[EXAMPLES])
{
    struct example e;
    size_t at = 0, n = 0;
    void *value;

    while (dr_map_next(f->distinct, &at, &e.value, &value)) {
        size_t i;
        e.count = *(const uint64_t *)value;
        if (n == EXAMPLES && !before(&e, &out[n - 1])) {
            continue;
        }
        n += n < EXAMPLES;
        for (i = n - 1; i > 0 && before(&e, &out[i - 1]); i--) {
            out[i] = out[i - 1];
        }
        out[i] = e;
    }
    return n;
}

static void write_shapes(const struct field_stats *f, struct dr_json_w *w)
{
    struct example top[EXAMPLES];
    size_t n = f->distinct ? top_examples(f, top) : 0;
    struct dr_buf shape;

    dr_buf_init(&shape, 256);
    if (n > 0) {
        mask(&shape, top[0].value);
    }
    dr_json_w_kv(w, "shape", dr_buf_view(&shape));
    dr_buf_done(&shape);
    dr_json_w_key(w, "examples_masked");
    dr_json_w_arr(w);
    for (size_t i = 0; i < n; i++) {
        struct dr_buf b;
        dr_buf_init(&b, 256);
        mask(&b, top[i].value);
        dr_json_w_str(w, dr_buf_view(&b));
        dr_buf_done(&b);
    }
    dr_json_w_end(w);
}

/* ---- what it should become ---- */

static void write_where(struct dr_json_w *w, const char *type,
                        struct dr_str field, const char *confidence,
                        const char *evidence)
{
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "type", type);
    dr_json_w_kv(w, "field", field);
    dr_json_w_kvz(w, "confidence", confidence);
    dr_json_w_kvz(w, "evidence", evidence);
    dr_json_w_end(w);
}

/* By the fate that would be proposed. */
static void write_custom_target(struct proposing *p,
                                const struct target_kind *k,
                                const struct dr_json *prop, struct dr_json_w *w)
{
    struct custom_fate f = custom_fate_of(p, k);
    struct target_kind as = custom_kind_of(p, k, &f);
    const char *evidence = NULL, *confidence = "0.99";
    struct dr_str field = DR_STR_LIT("description");

    if (f.fate == FATE_SKIP) {
        dr_json_w_null(w);
        return;
    }
    if (as.custom) {
        p->prefix = f.fate == FATE_FIELDS ? custom_prefix(p, k) : NULL;
        field = custom_target(p, &as, prop, &confidence, &evidence);
        p->prefix = NULL;
    } else {
        evidence = f.why;
    }
    write_where(w, as.type, field, confidence, evidence);
}

static void write_target(struct proposing *p, const struct target_kind *k,
                         const struct dr_json *prop, struct dr_json_w *w)
{
    struct dr_str name = dr_json_get_str(prop, "name"), field;
    const struct standard *s = k ? standard_of(p, k, name) : NULL;
    const char *evidence = NULL, *confidence = "0.99";

    dr_json_w_key(w, "target");
    if (!k || (!s && !k->custom)) {
        dr_json_w_null(w);
        return;
    }
    if (is_custom_kind(k)) {
        write_custom_target(p, k, prop, w);
        return;
    }
    if (s) {
        field = dr_str_z(s->target);
        evidence = "a standard field of this meaning";
    } else {
        field = custom_target(p, k, prop, &confidence, &evidence);
    }
    write_where(w, k->type, field, confidence, evidence);
}

/* ---- what will not fit (mapping reference 7) ---- */

static void code(struct dr_json_w *w, const char *name, uint64_t n)
{
    if (n > 0) {
        dr_json_w_obj(w);
        dr_json_w_kvz(w, "code", name);
        dr_json_w_kvi(w, "count", (int64_t)n);
        dr_json_w_end(w);
    }
}

/* Values that are no declared option. */
static uint64_t undeclared(const struct dr_json *prop,
                           const struct field_stats *s)
{
    const struct dr_json *options = dr_json_get(prop, "options");
    struct dr_str value;
    uint64_t n = 0;
    size_t at = 0;
    void *count;

    while (options && options->count > 0 && s->distinct &&
           dr_map_next(s->distinct, &at, &value, &count)) {
        bool there = false;
        DR_JSON_EACH(o, options)
        {
            there |= dr_str_eq(dr_json_get_str(o, "value"), value);
        }
        n += there ? 0 : *(const uint64_t *)count;
    }
    return n;
}

static bool type_in(struct dr_str type, const char *const *list)
{
    for (; *list; list++) {
        if (dr_str_eqz(type, *list)) {
            return true;
        }
    }
    return false;
}

static void write_problems(const struct dr_json *prop,
                           const struct field_stats *s, bool standard,
                           uint64_t other, struct dr_json_w *w)
{
    static const char *const numbers[] = {"int",     "decimal",  "money",
                                          "percent", "duration", NULL};
    static const char *const times[] = {"date", "datetime", NULL};
    static const char *const areas[] = {"text", "html", "json", NULL};
    struct dr_str t = dr_json_get_str(prop, "data_type");

    dr_json_w_key(w, "problems");
    dr_json_w_arr(w);
    code(w, "W-LEN", type_in(t, areas) ? s->huge : s->wide);
    code(w, "W-OPT", undeclared(prop, s));
    if (type_in(t, numbers)) {
        /* standard fields take numbers of any size */
        code(w, "W-NUM", s->no_number + (standard ? 0 : s->overflow));
    }
    if (type_in(t, times)) {
        code(w, "W-DATE", s->no_time);
    }
    code(w, "W-RO",
         dr_json_true(dr_json_get(prop, "calculated")) ? s->filled : 0);
    code(w, "W-CUR", other);
    dr_json_w_end(w);
}

static void write_field(struct proposing *p, struct dr_str object,
                        const struct dr_json *prop, struct dr_json_w *w)
{
    static const struct field_stats none;
    struct dr_str name = dr_json_get_str(prop, "name");
    const struct field_stats *s = profile_field(p->profile, object, name);
    const struct target_kind *k = kind_in(p->kinds, p->kind_n, object);

    s = s ? s : &none;
    dr_json_w_obj(w);
    dr_json_w_kv(w, "object", object);
    dr_json_w_kv(w, "name", name);
    dr_json_w_kv(w, "label", dr_json_get_str(prop, "label"));
    dr_json_w_kv(w, "type", dr_json_get_str(prop, "data_type"));
    dr_json_w_kvi(w, "count",
                  (int64_t)profile_count(p->profile->counts, object));
    dr_json_w_kvi(w, "filled", (int64_t)s->filled);
    dr_json_w_kvi(w, "distinct",
                  s->distinct ? (int64_t)dr_map_count(s->distinct) : 0);
    write_shapes(s, w);
    write_target(p, k, prop, w);
    write_problems(prop, s, k && standard_of(p, k, name),
                   dr_str_eqz(object, "line_item") &&
                           dr_str_eqz(name, "currency")
                       ? count_other_lines(p)
                       : 0,
                   w);
    dr_json_w_kvi(w, "longest", (int64_t)s->longest);
    dr_json_w_end(w);
}

void audit_open(struct proposing *p)
{
    p->a = dr_arena_new(AUDIT_ARENA);
    p->kinds = kinds_of(p->a, p->c, NULL, &p->kind_n);
    p->asked = dr_map_new(NULL);
    p->made = dr_map_new(NULL);
    p->classic =
        dr_str_eqz(dr_json_get_str(p->c->dst_account, "edition"), "classic");
}

void audit_close(struct proposing *p)
{
    dr_map_free(p->asked);
    dr_map_free(p->made);
    dr_arena_free(p->a);
}

void dr_profile_fields_json(const struct dr_profile *profile,
                            const struct dr_catalogs *c, struct dr_json_w *w)
{
    struct proposing p = {.profile = profile, .c = c};

    audit_open(&p);
    dr_json_w_key(w, "fields");
    dr_json_w_arr(w);
    DR_JSON_EACH(type, dr_json_get(c->src_schema, "properties"))
    {
        DR_JSON_EACH(f, type)
        {
            write_field(&p, type->key, f, w);
        }
    }
    dr_json_w_end(w);
    audit_close(&p);
}
