/*
 * Which records have a value: one index a field, made when it is first asked
 * for and kept from then on. A record of many values is in it under each.
 */
#include <stdlib.h>
#include <string.h>

#include "store.h"

typedef void key_fn(struct index *x, struct rec *r, struct dr_str key);

/* Blanks around and the case of ASCII letters do not count. */
static struct dr_str folded(struct dr_str s, struct dr_buf *b)
{
    s = dr_str_trim(s);
    dr_buf_reset(b);
    dr_buf_str(b, s);
    for (size_t i = 0; i < b->n; i++) {
        if (b->p[i] >= 'A' && b->p[i] <= 'Z') {
            b->p[i] = (char)(b->p[i] - 'A' + 'a');
        }
    }
    return dr_buf_view(b);
}

static bool by_bytes(const struct account *a, struct dr_str field)
{
    return dr_str_eqz(field, "external_id") &&
           knob_is(a->knobs, "ident_case", "bytes");
}

static void put(struct index *x, struct rec *r, struct dr_str key)
{
    struct hits *h = dr_map_get(x->by, key);

    if (!h) {
        h = dr_xcalloc(1, sizeof(*h));
        dr_map_put(x->by, key, h);
    }
    if (h->n > 0 && h->v[h->n - 1] == r) {
        return; /* the same value twice */
    }
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 2;
        h->v = dr_xrealloc(h->v, h->cap * sizeof(*h->v));
    }
    h->v[h->n++] = r;
}

static void take(struct index *x, struct rec *r, struct dr_str key)
{
    struct hits *h = dr_map_get(x->by, key);

    for (size_t i = h ? h->n : 0; i > 0; i--) {
        if (h->v[i - 1] == r) {
            memmove(&h->v[i - 1], &h->v[i], (h->n - i) * sizeof(*h->v));
            h->n--;
        }
    }
}

static void hits_free(void *p)
{
    struct hits *h = p;

    free(h->v);
    free(h);
}

/* The values of a field that holds a list of objects. */
static bool many(struct account *a, struct index *x, struct rec *r,
                 struct dr_buf *b, key_fn *fn)
{
    bool emails = strcmp(x->field, "emails") == 0;
    bool targets = strcmp(x->field, "targetables") == 0;
    char key[128];

    if (!emails && !targets && strcmp(x->field, "contacts") != 0 &&
        strcmp(x->field, "sales_accounts") != 0) {
        return false;
    }
    DR_JSON_EACH(e, rec_json(a, r, x->field))
    {
        struct dr_str id = dr_json_scalar(dr_json_get(e, "id"));
        if (emails) {
            fn(x, r, folded(dr_json_get_str(e, "value"), b));
            continue;
        }
        if (targets) {
            (void)snprintf(key, sizeof(key), DR_STR_FMT ":" DR_STR_FMT,
                           DR_STR_ARG(dr_json_get_str(e, "type")),
                           DR_STR_ARG(id));
            id = dr_str_z(key);
        }
        fn(x, r, folded(id, b));
    }
    return true;
}

static void each_key(struct account *a, struct index *x, struct rec *r,
                     key_fn *fn)
{
    bool custom = strncmp(x->field, "cf_", 3) == 0;
    const char *v =
        dr_map_get(custom ? r->custom : r->values, dr_str_z(x->field));
    struct dr_str s = dr_str_z(v);
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    if (v && (custom || !many(a, x, r, &b, fn))) {
        if (s.n >= 2 && s.p[0] == '"') {
            s = (struct dr_str){s.p + 1, s.n - 2};
        }
        s = by_bytes(a, dr_str_z(x->field)) ? s : folded(s, &b);
        if (s.n > 0) {
            fn(x, r, s);
        }
    }
    dr_buf_done(&b);
}

const struct hits *index_find(struct account *a, struct kind *k,
                              struct dr_str field, struct dr_str value)
{
    struct index *x = k->indices;
    const struct hits *h;
    struct dr_buf b;

    if (field.n == 0 || field.n >= sizeof(x->field)) {
        return NULL;
    }
    while (x && !dr_str_eqz(field, x->field)) {
        x = x->next;
    }
    if (!x) {
        x = dr_xcalloc(1, sizeof(*x));
        (void)snprintf(x->field, sizeof(x->field), DR_STR_FMT,
                       DR_STR_ARG(field));
        x->by = dr_map_new(hits_free);
        x->next = k->indices;
        k->indices = x;
        for (size_t i = 0; i < k->n; i++) {
            each_key(a, x, k->v[i], put);
        }
    }
    dr_buf_init(&b, (size_t)1 << 20);
    value = by_bytes(a, field) ? value : folded(value, &b);
    h = value.n > 0 ? dr_map_get(x->by, value) : NULL;
    dr_buf_done(&b);
    return h;
}

void index_out(struct account *a, struct kind *k, struct rec *r)
{
    for (struct index *x = k->indices; x; x = x->next) {
        each_key(a, x, r, take);
    }
}

void index_in(struct account *a, struct kind *k, struct rec *r)
{
    for (struct index *x = k->indices; x; x = x->next) {
        each_key(a, x, r, put);
    }
}
