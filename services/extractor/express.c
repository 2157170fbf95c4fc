#include "express.h"

#include <string.h>

#define WHEN_DEPTH 8 /* of and, or inside each other */

/* ---- pointers ---- */

bool pointer_ok(struct dr_str p)
{
    if (p.n > 0 && p.p[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < p.n; i++) {
        if (p.p[i] == '~' &&
            (i + 1 == p.n || (p.p[i + 1] != '0' && p.p[i + 1] != '1'))) {
            return false;
        }
    }
    return true;
}

/* One token against one key, ~1 for / and ~0 for ~. */
static bool token_is(struct dr_str token, struct dr_str key)
{
    size_t k = 0;

    for (size_t i = 0; i < token.n; i++, k++) {
        char c = token.p[i];
        if (c == '~' && i + 1 < token.n) {
            c = token.p[++i] == '1' ? '/' : '~';
        }
        if (k == key.n || key.p[k] != c) {
            return false;
        }
    }
    return k == key.n;
}

static const struct dr_json *step(const struct dr_json *j, struct dr_str token)
{
    uint64_t at;

    if (dr_json_type(j) == DR_JSON_ARRAY) {
        return dr_str_u64(token, &at) || at >= j->count
                   ? NULL
                   : dr_json_at(j, (size_t)at);
    }
    if (dr_json_type(j) != DR_JSON_OBJECT) {
        return NULL;
    }
    DR_JSON_EACH(m, j)
    {
        if (token_is(token, m->key)) {
            return m;
        }
    }
    return NULL;
}

const struct dr_json *pointer_get(const struct dr_json *root,
                                  struct dr_str pointer)
{
    struct dr_str rest = pointer;

    if (pointer.n == 0) {
        return root;
    }
    (void)dr_str_split(&rest, '/'); /* what stands before the first one */
    while (root && rest.p) {
        root = step(root, dr_str_split(&rest, '/'));
    }
    return root;
}

/* ---- placeholders ---- */

static const char *const names[VAR_COUNT] = {
    [VAR_OBJECT] = "object",
    [VAR_REMOTE] = "remote",
    [VAR_TO] = "to",
    [VAR_REMOTE_TO] = "remote_to",
    [VAR_ID] = "id",
    [VAR_PROPERTY] = "property",
    [VAR_PROPERTIES] = "properties",
    [VAR_AFTER] = "after",
    [VAR_OFFSET] = "offset",
    [VAR_PAGE] = "page",
    [VAR_LAST] = "last",
    [VAR_LIMIT] = "limit",
    [VAR_SINCE] = "since",
    [VAR_BEFORE] = "before",
};

static int var_of(struct dr_str name)
{
    if (name.n > 0 && name.p[0] == '#') {
        name.p++;
        name.n--;
    }
    for (int i = 0; i < VAR_COUNT; i++) {
        if (dr_str_eqz(name, names[i])) {
            return i;
        }
    }
    return -1;
}

/* The next piece of a template: text, or a placeholder (*var_out >= 0). False
 * at its end. A brace that is not closed is a placeholder without a name. */
static bool piece(struct dr_str *rest, struct dr_str *text_out, int *var_out)
{
    size_t n = 0;

    *var_out = -1;
    if (rest->n == 0) {
        return false;
    }
    if (rest->p[0] == '{') {
        while (n < rest->n && rest->p[n] != '}') {
            n++;
        }
        *text_out = (struct dr_str){rest->p + 1, n - 1};
        *var_out = n < rest->n ? var_of(*text_out) : -1;
        *var_out = *var_out < 0 ? VAR_COUNT : *var_out;
        n += n < rest->n;
    } else {
        while (n < rest->n && rest->p[n] != '{') {
            n++;
        }
        *text_out = (struct dr_str){rest->p, n};
    }
    rest->p += n;
    rest->n -= n;
    return true;
}

bool template_ok(struct dr_str tpl, struct dr_str *bad_out)
{
    int var;

    while (piece(&tpl, bad_out, &var)) {
        if (var == VAR_COUNT) {
            return false;
        }
    }
    return true;
}

bool template_has(struct dr_str tpl, enum var wanted)
{
    struct dr_str text;
    int var;

    while (piece(&tpl, &text, &var)) {
        if (var == (int)wanted) {
            return true;
        }
    }
    return false;
}

bool tree_has(const struct dr_json *tpl, enum var var)
{
    if (dr_json_type(tpl) == DR_JSON_STRING) {
        return template_has(tpl->text, var);
    }
    if (dr_json_type(tpl) == DR_JSON_OBJECT ||
        dr_json_type(tpl) == DR_JSON_ARRAY) {
        DR_JSON_EACH(j, tpl)
        {
            if (tree_has(j, var)) {
                return true;
            }
        }
    }
    return false;
}

bool template_fill(struct dr_buf *out, struct dr_str tpl,
                   const struct vars *vars, bool encode)
{
    struct dr_str text;
    bool whole = true;
    int var;

    while (piece(&tpl, &text, &var)) {
        if (var < 0 || var == VAR_COUNT) {
            dr_buf_str(out, text);
            continue;
        }
        whole = whole && vars->v[var].n > 0;
        if (encode) {
            dr_buf_urlenc(out, vars->v[var]);
        } else {
            dr_buf_str(out, vars->v[var]);
        }
    }
    return whole;
}

void request_path(struct dr_buf *out, const struct dr_json *call,
                  const struct vars *vars)
{
    char sep = '?';

    dr_buf_reset(out);
    (void)template_fill(out, dr_json_get_str(call, "path"), vars, true);
    DR_JSON_EACH(q, dr_json_get(call, "query"))
    {
        size_t before = out->n;
        bool whole;
        dr_buf_ch(out, sep);
        dr_buf_urlenc(out, q->key);
        dr_buf_ch(out, '=');
        whole = template_fill(out, q->text, vars, true);
        if (whole) {
            sep = '&';
        } else if (!out->over) {
            out->n = before;
            out->p[before] = '\0';
        }
    }
}

static void fill_tree(struct dr_json_w *w, const struct dr_json *j,
                      const struct vars *vars);

/* True: the string has a value for each placeholder. */
static bool has_value(const struct dr_json *j, const struct vars *vars)
{
    struct dr_str rest = dr_json_str(j), text;
    int var;

    while (piece(&rest, &text, &var)) {
        if (var >= 0 && var < VAR_COUNT && vars->v[var].n == 0) {
            return false;
        }
    }
    return true;
}

static void fill_text(struct dr_json_w *w, const struct dr_json *j,
                      const struct vars *vars)
{
    struct dr_buf b;

    dr_buf_init(&b, 64 << 10);
    (void)template_fill(&b, j->text, vars, false);
    if (dr_str_starts(j->text, DR_STR_LIT("{#")) && b.n > 0) {
        dr_json_w_raw(w, dr_buf_view(&b));
    } else {
        dr_json_w_str(w, dr_buf_view(&b));
    }
    dr_buf_done(&b);
}

static void fill_each(struct dr_json_w *w, const struct dr_json *one,
                      const struct vars *vars, enum var var,
                      const struct dr_str *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct vars now = *vars;
        now.v[var] = v[i];
        fill_tree(w, one, &now);
    }
}

static void fill_array(struct dr_json_w *w, const struct dr_json *j,
                       const struct vars *vars)
{
    const struct dr_json *one = j->child;

    dr_json_w_arr(w);
    if (j->count == 1 && vars->v[VAR_ID].n == 0 && tree_has(one, VAR_ID)) {
        fill_each(w, one, vars, VAR_ID, vars->ids, vars->id_count);
    } else if (j->count == 1 && vars->v[VAR_PROPERTY].n == 0 &&
               tree_has(one, VAR_PROPERTY)) {
        fill_each(w, one, vars, VAR_PROPERTY, vars->properties,
                  vars->property_count);
    } else {
        DR_JSON_EACH(e, j)
        {
            fill_tree(w, e, vars);
        }
    }
    dr_json_w_end(w);
}

static void fill_tree(struct dr_json_w *w, const struct dr_json *j,
                      const struct vars *vars)
{
    if (j->type == DR_JSON_STRING) {
        fill_text(w, j, vars);
    } else if (j->type == DR_JSON_ARRAY) {
        fill_array(w, j, vars);
    } else if (j->type == DR_JSON_OBJECT) {
        dr_json_w_obj(w);
        DR_JSON_EACH(m, j)
        {
            if (m->type != DR_JSON_STRING || has_value(m, vars)) {
                dr_json_w_keys(w, m->key);
                fill_tree(w, m, vars);
            }
        }
        dr_json_w_end(w);
    } else {
        dr_json_w_raw(w, j->raw);
    }
}

void request_body(struct dr_buf *out, const struct dr_json *call,
                  const struct vars *vars)
{
    const struct dr_json *body = dr_json_get(call, "body");
    struct dr_json_w w;

    dr_buf_reset(out);
    if (body) {
        dr_json_w_init(&w, out);
        fill_tree(&w, body, vars);
    }
}

/* ---- predicates ---- */

static int when_bad(const char *at, const char *what, struct dr_err *err)
{
    return dr_err_set(err, DR_HALT, 0, "source.profile",
                      "%s: %s: write {\"path\":\"/x\",\"eq\":…}, ne, in or "
                      "exists, or {\"and\":[…]}, {\"or\":[…]}",
                      at, what);
}

static int when_check_at(const struct dr_json *when, const char *at, int depth,
                         struct dr_err *err)
{
    const struct dr_json *many = dr_json_get(when, "and");
    const struct dr_json *path = dr_json_get(when, "path");
    const struct dr_json *exists = dr_json_get(when, "exists");
    const struct dr_json *in = dr_json_get(when, "in");

    many = many ? many : dr_json_get(when, "or");
    if (dr_json_type(when) != DR_JSON_OBJECT || depth > WHEN_DEPTH) {
        return when_bad(at, "is no predicate, or too deep", err);
    }
    if (many) {
        if (when->count != 1 || dr_json_type(many) != DR_JSON_ARRAY) {
            return when_bad(at, "and, or stand alone and hold a list", err);
        }
        DR_JSON_EACH(w, many)
        {
            if (when_check_at(w, at, depth + 1, err)) {
                return -1;
            }
        }
        return 0;
    }
    if (dr_json_type(path) != DR_JSON_STRING || !pointer_ok(path->text) ||
        when->count != 2) {
        return when_bad(at, "needs a path that is a JSON pointer, and one test",
                        err);
    }
    if (exists && exists->type != DR_JSON_TRUE &&
        exists->type != DR_JSON_FALSE) {
        return when_bad(at, "exists is true or false", err);
    }
    if (in && in->type != DR_JSON_ARRAY) {
        return when_bad(at, "in holds a list", err);
    }
    return exists || in || dr_json_get(when, "eq") || dr_json_get(when, "ne")
               ? 0
               : when_bad(at, "has an unknown test", err);
}

int when_check(const struct dr_json *when, const char *at, struct dr_err *err)
{
    return when_check_at(when, at, 0, err);
}

static bool same(const struct dr_json *a, const struct dr_json *b)
{
    bool scalar_a =
        a && (a->type == DR_JSON_STRING || a->type == DR_JSON_NUMBER);
    bool scalar_b =
        b && (b->type == DR_JSON_STRING || b->type == DR_JSON_NUMBER);

    if (scalar_a && scalar_b) {
        return dr_str_eq(a->text, b->text);
    }
    if (dr_json_is_null(a) || dr_json_is_null(b)) {
        return dr_json_is_null(a) && dr_json_is_null(b);
    }
    return a->type == b->type && dr_str_eq(a->raw, b->raw);
}

static bool any_true(const struct dr_json *list, const struct dr_json *row,
                     bool wanted)
{
    DR_JSON_EACH(w, list)
    {
        if (when_true(w, row) == wanted) {
            return true;
        }
    }
    return false;
}

bool when_true(const struct dr_json *when, const struct dr_json *row)
{
    const struct dr_json *test, *value;

    if (!when) {
        return true;
    }
    if ((test = dr_json_get(when, "and")) != NULL) {
        return !any_true(test, row, false);
    }
    if ((test = dr_json_get(when, "or")) != NULL) {
        return any_true(test, row, true);
    }
    value = pointer_get(row, dr_json_get_str(when, "path"));
    if ((test = dr_json_get(when, "exists")) != NULL) {
        return dr_json_is_null(value) != dr_json_true(test);
    }
    if ((test = dr_json_get(when, "eq")) != NULL) {
        return same(value, test);
    }
    if ((test = dr_json_get(when, "ne")) != NULL) {
        return !same(value, test);
    }
    DR_JSON_EACH(one, dr_json_get(when, "in"))
    {
        if (same(value, one)) {
            return true;
        }
    }
    return false;
}
