/* What answers are made of: errors, one record, the body of a request. */
#include "call.h"
#include "write.h"

void begin(struct call *c)
{
    dr_buf_reset(&c->out);
    dr_json_w_init(&c->w, &c->out);
}

void fail_with(struct call *c, const struct refusal *r)
{
    begin(c);
    c->status = r->status;
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "errors");
    dr_json_w_obj(&c->w);
    dr_json_w_kvi(&c->w, "code", r->status);
    dr_json_w_key(&c->w, "message");
    dr_json_w_arr(&c->w);
    dr_json_w_str(&c->w, said(c->a, r, c->ar));
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

void fail(struct call *c, int status, const char *text)
{
    fail_with(c, &(struct refusal){.status = status, .text = text});
}

bool is(struct dr_str a, const char *b)
{
    return dr_str_eqz(a, b);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static struct dr_str decoded(struct dr_arena *a, struct dr_str s)
{
    char *p = dr_arena_alloc(a, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; p && i < s.n; i++) {
        if (s.p[i] == '+') {
            p[n++] = ' ';
        } else if (s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 &&
                   hex(s.p[i + 2]) >= 0) {
            p[n++] = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
            i += 2;
        } else {
            p[n++] = s.p[i];
        }
    }
    return (struct dr_str){p ? p : "", n};
}

struct dr_str arg(struct call *c, const char *name)
{
    struct dr_str rest = c->query, value = {NULL, 0};

    while (rest.p) {
        struct dr_str v = dr_str_split(&rest, '&');
        struct dr_str key = dr_str_split(&v, '=');
        if (is(decoded(c->ar, key), name)) {
            value = decoded(c->ar, v.p ? v : (struct dr_str){"", 0});
        }
    }
    return value;
}

struct dr_str include(struct call *c)
{
    struct dr_str s = arg(c, "include");

    return s.p ? s : (struct dr_str){"", 0};
}

void touch(struct call *c, const struct kind *k, uint64_t id, const char *op)
{
    if (c->touched_n < TOUCHED_MAX) {
        c->touched[c->touched_n++] = (struct touch){k, id, op};
    }
}

/* A task that is made comes alone, one that is read or changed with what it
 * hangs on (reference 22/4); an appointment that is changed likewise (9). */
static struct dr_str included(struct call *c, const struct kind *k)
{
    bool post = is(c->method, "POST"), put = is(c->method, "PUT");

    if (is_type(k, "tasks")) {
        return post ? DR_STR_LIT("") : DR_STR_LIT("targetable,users");
    }
    if (is_type(k, "call_logs")) {
        return DR_STR_LIT("targetable,creater");
    }
    if (is_type(k, "appointments") && put) {
        return dr_arena_printf(c->ar, DR_STR_FMT ",targetable",
                               DR_STR_ARG(include(c)));
    }
    return include(c);
}

void answer_record(struct call *c, struct kind *k, const struct rec *r)
{
    struct dr_str with = included(c, k);
    bool list = is_type(k, "call_logs"); /* one of them is a list, too */

    dr_json_w_obj(&c->w);
    if (is_type(k, "appointments")) {
        beside(c, k, DR_STR_LIT("*"), &r, 1);
    }
    dr_json_w_key(&c->w, list ? plural_of(k) : k->root);
    if (list) {
        dr_json_w_arr(&c->w);
    }
    render(c->a, k, r, with, false, &c->w);
    if (list) {
        dr_json_w_end(&c->w);
        beside(c, k, with, &r, 1);
    }
    side_loads(c, k, with, &r, 1);
    if (k->bin) {
        dr_json_w_kvz(&c->w, "meta", NULL);
    }
    dr_json_w_end(&c->w);
}

void answer_message(struct call *c, const char *text)
{
    dr_json_w_obj(&c->w);
    dr_json_w_kvz(&c->w, "message", text);
    dr_json_w_end(&c->w);
}

const struct dr_json *body_json(struct call *c)
{
    return dr_json_parse(
        c->ar, c->body, &(struct dr_json_limits){.max_bytes = (size_t)64 << 20},
        NULL);
}

/* Wrapped and bare bodies are one (reference 1.3). */
const struct dr_json *attributes(struct call *c, const struct kind *k)
{
    const struct dr_json *j = body_json(c);
    const struct dr_json *in = dr_json_get(j, k->root);

    in = in && in->type == DR_JSON_OBJECT ? in : j;
    return dr_json_type(in) == DR_JSON_OBJECT ? in : NULL;
}
