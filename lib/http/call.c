/* One call, waited for. */
#include <drover/http/client.h>

#include <drover/base/buf.h>

struct one_call {
    struct dr_http_answer *ans;
    struct dr_buf *out;
    bool done;
};

static void call_done(const struct dr_http_answer *ans, void *ctx)
{
    struct one_call *c = ctx;

    *c->ans = *ans;
    if (c->out) {
        dr_buf_str(c->out, ans->body);
        c->ans->body = dr_buf_view(c->out);
    } else {
        c->ans->body = (struct dr_str){NULL, 0};
    }
    c->done = true;
}

int dr_http_call(struct dr_http *h, const char *method, const char *path,
                 struct dr_str body, struct dr_http_answer *ans_out,
                 struct dr_buf *out, struct dr_err *err)
{
    struct one_call c = {.ans = ans_out, .out = out};

    dr_http_send(h, method, path, body, call_done, &c);
    while (!c.done) { /* bounded by total_ms */
        (void)dr_http_poll(h, 1000);
    }
    if (ans_out->outcome != DR_HTTP_ANSWERED) {
        return dr_err_set(err, DR_RETRY, 0, "http", "%s", ans_out->reason);
    }
    if (out && out->over) {
        return dr_err_set(err, DR_REJECT, 0, "http",
                          "the answer does not fit into %zu bytes", out->max);
    }
    return 0;
}
