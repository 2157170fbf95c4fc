/* Errors, clocks, cursors and limits: what every answer is made of. */
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "call.h"

void fail(struct call *c, int status, const char *code, const char *message)
{
    c->status = status;
    dr_buf_reset(&c->out);
    dr_json_w_init(&c->j, &c->out);
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "error");
    dr_json_w_obj(&c->j);
    dr_json_w_kvz(&c->j, "code", code);
    dr_json_w_kvz(&c->j, "message", message);
    dr_json_w_end(&c->j);
    dr_json_w_end(&c->j);
}

void unreadable(struct call *c, const struct rec *r)
{
    c->status = 500;
    dr_buf_reset(&c->out);
    dr_json_w_init(&c->j, &c->out);
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "error");
    dr_json_w_obj(&c->j);
    dr_json_w_kvz(&c->j, "code", "record_unreadable");
    dr_json_w_kvz(&c->j, "message", "a record cannot be read");
    if (r && r->poison_named) {
        dr_json_w_kv(&c->j, "id", r->id);
    }
    dr_json_w_end(&c->j);
    dr_json_w_end(&c->j);
}

void server_time(struct call *c)
{
    char text[DR_TIME_TEXT];

    dr_json_w_kvz(&c->j, "server_time",
                  dr_time_format(c->now - c->now % 1000, text));
}

/* Cursors are opaque to the client: the last key in hex. */
void paging(struct call *c, struct dr_str last, bool more)
{
    char hex[2 * 256 + 1];

    dr_json_w_key(&c->j, "paging");
    if (!more || last.n > 256) {
        dr_json_w_null(&c->j);
        return;
    }
    dr_hex(last.p, last.n, hex);
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "next");
    dr_json_w_obj(&c->j);
    dr_json_w_kvz(&c->j, "after", hex);
    dr_json_w_end(&c->j);
    dr_json_w_end(&c->j);
}

bool cursor(struct call *c, struct dr_str *out)
{
    struct dr_str hex = dr_httpd_arg(c->req, "after");
    char *p;

    *out = (struct dr_str){"", 0};
    if (!hex.p || hex.n == 0) {
        return true;
    }
    p = dr_arena_alloc(c->a, hex.n / 2 + 1);
    if (!p || dr_unhex(hex, p, hex.n / 2)) {
        fail(c, 410, "cursor_expired", "the cursor is not known (any more)");
        return false;
    }
    *out = (struct dr_str){p, hex.n / 2};
    return true;
}

size_t limit_of(struct call *c, size_t max)
{
    struct dr_str s = dr_httpd_arg(c->req, "limit");
    uint64_t n;

    if (!s.p || dr_str_u64(s, &n) || n == 0 || n > max) {
        return max;
    }
    return (size_t)n;
}

int64_t time_arg(struct call *c, const char *name, int64_t otherwise)
{
    int64_t ms;

    return dr_time_parse(dr_httpd_arg(c->req, name), &ms, NULL) ? otherwise
                                                                : ms;
}

bool batch_poisoned(struct call *c, const struct dr_json *ids)
{
    const char *bad = knob_text(c->w->knobs, "batch_poison");

    DR_JSON_EACH(id, ids)
    {
        if (bad[0] && dr_str_eqz(dr_json_scalar(id), bad)) {
            unreadable(c, NULL);
            return true;
        }
    }
    return false;
}
