/* What answers are made of: errors, one record, the body of a request. */
#include "call.h"

void begin(struct call *c)
{
    dr_buf_reset(&c->out);
    dr_json_w_init(&c->w, &c->out);
}

void fail(struct call *c, int status, const char *text)
{
    begin(c);
    c->status = status;
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, "errors");
    dr_json_w_obj(&c->w);
    dr_json_w_kvi(&c->w, "code", status);
    dr_json_w_key(&c->w, "message");
    dr_json_w_arr(&c->w);
    dr_json_w_z(&c->w, text);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
}

bool is(struct dr_str a, const char *b)
{
    return dr_str_eqz(a, b);
}

struct dr_str include(const struct call *c)
{
    struct dr_str s = dr_httpd_arg(c->req, "include");

    return s.p ? s : (struct dr_str){"", 0};
}

void answer_record(struct call *c, struct kind *k, const struct rec *r)
{
    dr_json_w_obj(&c->w);
    dr_json_w_key(&c->w, k->root);
    render(c->a, k, r, include(c), false, &c->w);
    dr_json_w_kvz(&c->w, "meta", NULL);
    dr_json_w_end(&c->w);
    c->kind = k;
    c->id = r->id;
}

/* Wrapped and bare bodies are one (reference 1.3). */
const struct dr_json *attributes(struct call *c, const struct kind *k)
{
    const struct dr_json *j = dr_json_parse(
        c->ar, dr_httpd_body(c->req),
        &(struct dr_json_limits){.max_bytes = (size_t)64 << 20}, NULL);
    const struct dr_json *in = dr_json_get(j, k->root);

    return in && in->type == DR_JSON_OBJECT ? in : j;
}
