/*
 * The writer. Text goes straight into the buffer; a tree is never built to be
 * printed. Misuse (a value without its key, a box never closed) ends the
 * process: half a document must not reach a CRM or a hash.
 */
#include <drover/json/json.h>

#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64

void dr_json_w_init(struct dr_json_w *w, struct dr_buf *out)
{
    *w = (struct dr_json_w){.out = out};
}

static void indent(struct dr_json_w *w)
{
    if (!w->pretty) {
        return;
    }
    dr_buf_ch(w->out, '\n');
    for (unsigned i = 0; i < w->depth; i++) {
        dr_buf_ch(w->out, ' ');
    }
}

/* The comma and the line before an item of the open box. */
static void before_item(struct dr_json_w *w, bool is_key)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0) {
        return;
    }
    DR_ASSERT(!(w->is_obj & 1) || is_key);
    if (w->has_item & 1) {
        dr_buf_ch(w->out, ',');
    }
    w->has_item |= 1;
    indent(w);
}

static void open_box(struct dr_json_w *w, bool obj)
{
    before_item(w, false);
    DR_ASSERT(w->depth < MAX_DEPTH);
    dr_buf_ch(w->out, obj ? '{' : '[');
    w->depth++;
    w->has_item <<= 1;
    w->is_obj = (w->is_obj << 1) | obj;
}

void dr_json_w_obj(struct dr_json_w *w)
{
    open_box(w, true);
}

void dr_json_w_arr(struct dr_json_w *w)
{
    open_box(w, false);
}

void dr_json_w_end(struct dr_json_w *w)
{
    bool obj = w->is_obj & 1, had = w->has_item & 1;

    DR_ASSERT(w->depth > 0 && !w->after_key);
    w->depth--;
    w->has_item >>= 1;
    w->is_obj >>= 1;
    if (had) {
        indent(w);
    }
    dr_buf_ch(w->out, obj ? '}' : ']');
}

static void escaped_byte(struct dr_buf *b, unsigned char c)
{
    switch (c) {
    case '"':
        dr_buf_z(b, "\\\"");
        break;
    case '\\':
        dr_buf_z(b, "\\\\");
        break;
    case '\b':
        dr_buf_z(b, "\\b");
        break;
    case '\f':
        dr_buf_z(b, "\\f");
        break;
    case '\n':
        dr_buf_z(b, "\\n");
        break;
    case '\r':
        dr_buf_z(b, "\\r");
        break;
    case '\t':
        dr_buf_z(b, "\\t");
        break;
    default:
        dr_buf_printf(b, "\\u%04x", (unsigned)c);
        break;
    }
}

/* Valid text: runs of plain bytes in one piece, the few others escaped. */
static void write_valid(struct dr_buf *b, struct dr_str s)
{
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            dr_buf_add(b, s.p + from, i - from);
            escaped_byte(b, c);
            from = i + 1;
        }
    }
    dr_buf_add(b, s.p + from, s.n - from);
}

/* Bytes that are no UTF-8 become U+FFFD, one each. */
static void write_repaired(struct dr_buf *b, struct dr_str s)
{
    size_t i = 0;

    while (i < s.n) {
        size_t len = 0;
        for (size_t n = 1; n <= 4 && i + n <= s.n && len == 0; n++) {
            if (dr_utf8_valid((struct dr_str){s.p + i, n})) {
                len = n;
            }
        }
        if (len == 0) {
            dr_buf_z(b, "\xef\xbf\xbd");
            i++;
        } else {
            write_valid(b, (struct dr_str){s.p + i, len});
            i += len;
        }
    }
}

static void write_string(struct dr_buf *b, struct dr_str s)
{
    dr_buf_ch(b, '"');
    if (dr_utf8_valid(s)) {
        write_valid(b, s);
    } else {
        write_repaired(b, s);
    }
    dr_buf_ch(b, '"');
}

void dr_json_w_keys(struct dr_json_w *w, struct dr_str key)
{
    DR_ASSERT(w->depth > 0 && (w->is_obj & 1) && !w->after_key);
    before_item(w, true);
    write_string(w->out, key);
    dr_buf_ch(w->out, ':');
    if (w->pretty) {
        dr_buf_ch(w->out, ' ');
    }
    w->after_key = true;
}

void dr_json_w_key(struct dr_json_w *w, const char *key)
{
    dr_json_w_keys(w, dr_str_z(key));
}

void dr_json_w_str(struct dr_json_w *w, struct dr_str s)
{
    before_item(w, false);
    write_string(w->out, s);
}

void dr_json_w_z(struct dr_json_w *w, const char *z)
{
    if (z) {
        dr_json_w_str(w, dr_str_z(z));
    } else {
        dr_json_w_null(w);
    }
}

void dr_json_w_i64(struct dr_json_w *w, int64_t v)
{
    before_item(w, false);
    dr_buf_i64(w->out, v);
}

void dr_json_w_u64(struct dr_json_w *w, uint64_t v)
{
    before_item(w, false);
    dr_buf_u64(w->out, v);
}

void dr_json_w_bool(struct dr_json_w *w, bool v)
{
    dr_json_w_raw(w, v ? DR_STR_LIT("true") : DR_STR_LIT("false"));
}

void dr_json_w_null(struct dr_json_w *w)
{
    dr_json_w_raw(w, DR_STR_LIT("null"));
}

void dr_json_w_raw(struct dr_json_w *w, struct dr_str json)
{
    before_item(w, false);
    dr_buf_str(w->out, json);
}

void dr_json_w_tree(struct dr_json_w *w, const struct dr_json *j)
{
    if (j) {
        dr_json_w_raw(w, j->raw);
    } else {
        dr_json_w_null(w);
    }
}

void dr_json_w_kv(struct dr_json_w *w, const char *key, struct dr_str s)
{
    dr_json_w_key(w, key);
    dr_json_w_str(w, s);
}

void dr_json_w_kvz(struct dr_json_w *w, const char *key, const char *z)
{
    dr_json_w_key(w, key);
    dr_json_w_z(w, z);
}

void dr_json_w_kvi(struct dr_json_w *w, const char *key, int64_t v)
{
    dr_json_w_key(w, key);
    dr_json_w_i64(w, v);
}

void dr_json_w_kvb(struct dr_json_w *w, const char *key, bool v)
{
    dr_json_w_key(w, key);
    dr_json_w_bool(w, v);
}

/* ---- canonical form ---- */

static int member_order(const void *a, const void *b)
{
    const struct dr_json *const *x = a;
    const struct dr_json *const *y = b;

    return dr_str_cmp((*x)->key, (*y)->key);
}

/* One open box on the way down. The reader bounded the depth. */
struct frame {
    const struct dr_json **items;
    size_t n, at;
    bool obj;
};

static void open_frame(struct frame *f, const struct dr_json *j)
{
    size_t n = 0;

    f->items = dr_xcalloc(j->count + 1u, sizeof(const struct dr_json *));
    DR_JSON_EACH(m, j)
    {
        f->items[n++] = m;
    }
    f->n = n;
    f->at = 0;
    f->obj = j->type == DR_JSON_OBJECT;
    if (f->obj) {
        qsort(f->items, n, sizeof(const struct dr_json *), member_order);
    }
}

static bool is_box(const struct dr_json *j)
{
    return j->type == DR_JSON_OBJECT || j->type == DR_JSON_ARRAY;
}

static void canonical_scalar(struct dr_buf *out, const struct dr_json *j)
{
    if (j->type == DR_JSON_STRING) {
        write_string(out, j->text);
    } else {
        dr_buf_str(out, j->raw);
    }
}

void dr_json_canonical(struct dr_buf *out, const struct dr_json *j)
{
    struct frame *stack;
    size_t depth = 0, cap = 16;

    if (!j || !is_box(j)) {
        if (j) {
            canonical_scalar(out, j);
        }
        return;
    }
    stack = dr_xcalloc(cap, sizeof(*stack));
    open_frame(&stack[depth++], j);
    dr_buf_ch(out, stack[0].obj ? '{' : '[');
    while (depth > 0) {
        struct frame *f = &stack[depth - 1];
        const struct dr_json *item;

        if (f->at == f->n) {
            dr_buf_ch(out, f->obj ? '}' : ']');
            free(f->items);
            depth--;
            continue;
        }
        item = f->items[f->at];
        if (f->at++ > 0) {
            dr_buf_ch(out, ',');
        }
        if (f->obj) {
            write_string(out, item->key);
            dr_buf_ch(out, ':');
        }
        if (!is_box(item)) {
            canonical_scalar(out, item);
            continue;
        }
        if (depth == cap) {
            cap *= 2;
            stack = dr_xrealloc(stack, cap * sizeof(*stack));
        }
        open_frame(&stack[depth++], item);
        dr_buf_ch(out, stack[depth - 1].obj ? '{' : '[');
    }
    free(stack);
}
