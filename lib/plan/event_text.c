/* The data of an event as lines: one "path: value" a value. Keys and values
 * are hostile: what is no plain word or holds control characters is written
 * as JSON writes it, so that no value can pass for another line. */
#include "event.h"

#include <string.h>

#define DEPTH_MAX 12   /* deeper data stands in one line, as JSON */
#define LINES_MOST 400 /* values of one event                     */
#define PATH_MOST 400  /* bytes of a path; below it stands JSON           */
#define KEY_MOST 100   /* characters of one key                          */
#define HELD_MOST ((size_t)64 << 10) /* the field holds 10,000 characters */
#define TEXT_BYTES ((size_t)1 << 20)

static bool is_word(struct dr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if ((unsigned)((c | 32) - 'a') >= 26u && (c < '0' || c > '9') &&
            c != '_' && c != '-') {
            return false;
        }
    }
    return s.n > 0;
}

static bool has_control(struct dr_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) {
            return true;
        }
    }
    return !dr_text_valid(s);
}

/* A text as JSON writes it. */
static void put_quoted(struct dr_buf *out, struct dr_str s)
{
    struct dr_json j = {.type = DR_JSON_STRING, .text = s};

    dr_json_canonical(out, &j);
}

static void put_key(struct event_text *t, struct dr_str key)
{
    struct dr_str cut = dr_utf8_prefix(key, KEY_MOST);

    t->shortened += cut.n < key.n;
    if (is_word(cut)) {
        dr_buf_z(&t->path, t->path.n > 0 ? "." : "");
        dr_buf_str(&t->path, cut);
        return;
    }
    dr_buf_ch(&t->path, '[');
    put_quoted(&t->path, cut);
    dr_buf_ch(&t->path, ']');
}

/* No value is held beyond what the field takes; it is cut there, and told. */
static void put_value(struct event_text *t, const struct dr_json *j)
{
    bool text = j->type == DR_JSON_STRING;
    struct dr_str s = dr_utf8_prefix(text ? j->text : j->raw, AREA_MAX + 1);

    if (t->lines == LINES_MOST || t->out.n > HELD_MOST) {
        t->left_out++;
        return;
    }
    t->lines++;
    dr_buf_str(&t->out, dr_buf_view(&t->path));
    dr_buf_z(&t->out, ": ");
    if (text && !has_control(s)) {
        dr_buf_str(&t->out, s);
    } else if (text) {
        put_quoted(&t->out, s);
    } else if (s.n == j->raw.n) {
        dr_json_canonical(&t->out, j);
    } else {
        put_quoted(&t->out, s);
    }
    dr_buf_ch(&t->out, '\n');
}

static bool is_inner(const struct dr_json *j)
{
    return (j->type == DR_JSON_OBJECT || j->type == DR_JSON_ARRAY) &&
           j->count > 0;
}

/* By path, as far as the depth allows. */
static void flatten(struct event_text *t, const struct dr_json *j,
                    unsigned depth)
{
    size_t at = t->path.n;
    unsigned i = 0;

    if (!is_inner(j) || depth == 0 || at > PATH_MOST) {
        t->deep += is_inner(j);
        put_value(t, j);
        return;
    }
    DR_JSON_EACH(e, j)
    {
        if (j->type == DR_JSON_ARRAY) {
            dr_buf_printf(&t->path, "[%u]", i++);
        } else {
            put_key(t, e->key);
        }
        flatten(t, e, depth - 1);
        t->path.n = at;
    }
}

enum event_shape event_shape_of(const struct dr_json *data)
{
    enum event_shape out = EVENT_FLAT;

    if (dr_json_type(data) != DR_JSON_OBJECT) {
        return dr_json_is_null(data) ? EVENT_FLAT : EVENT_NESTED;
    }
    DR_JSON_EACH(e, data)
    {
        if (e->type == DR_JSON_OBJECT || e->type == DR_JSON_ARRAY) {
            return EVENT_NESTED;
        }
        if (e->type != DR_JSON_STRING) {
            out = EVENT_TYPED;
        }
    }
    return out;
}

const char *event_shape_name(enum event_shape s)
{
    static const char *const names[] = {
        [EVENT_UNKNOWN] = "unknown",
        [EVENT_FLAT] = "flat",
        [EVENT_TYPED] = "typed",
        [EVENT_NESTED] = "nested",
    };

    return names[s];
}

enum event_shape event_shape_named(struct dr_str name)
{
    for (int i = EVENT_FLAT; i <= EVENT_NESTED; i++) {
        if (dr_str_eqz(name, event_shape_name((enum event_shape)i))) {
            return (enum event_shape)i;
        }
    }
    return EVENT_UNKNOWN;
}

void event_text_init(struct event_text *t)
{
    *t = (struct event_text){0};
    dr_buf_init(&t->out, TEXT_BYTES);
    dr_buf_init(&t->path, (size_t)64 << 10);
}

void event_text_done(struct event_text *t)
{
    dr_buf_done(&t->out);
    dr_buf_done(&t->path);
}

void event_text_data(struct event_text *t, const struct dr_json *data,
                     enum event_shape as)
{
    if (dr_json_is_null(data)) {
        return;
    }
    if (data->type != DR_JSON_OBJECT) {
        dr_buf_z(&t->path, "data");
    }
    /* Flat and typed data has no depth: what is deeper all the same stands in
     * the line of its key. */
    flatten(t, data, as == EVENT_NESTED ? DEPTH_MAX : 1);
    t->path.n = 0;
}
