/* Errors, clocks, cursors and limits: what every answer is made of. */
#include <stdio.h>

#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "body.h"
#include "call.h"

static void error_body(struct call *c, int status, const char *code,
                       const char *message)
{
    char id[32];

    c->status = status;
    dr_buf_reset(&c->out);
    dr_json_w_init(&c->j, &c->out);
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "error");
    dr_json_w_obj(&c->j);
    dr_json_w_kvz(&c->j, "code", code);
    dr_json_w_kvz(&c->j, "message", message);
    dr_json_w_kvz(&c->j, "request_id", request_id(c, id));
}

static void error_end(struct call *c)
{
    dr_json_w_end(&c->j);
    server_time(c);
    dr_json_w_end(&c->j);
}

const char *request_id(const struct call *c, char out[32])
{
    (void)snprintf(out, 32, "r_%lld", (long long)journal_next(c->w->journal));
    return out;
}

void fail(struct call *c, int status, const char *code, const char *message)
{
    error_body(c, status, code, message);
    if (status == 429) {
        dr_json_w_kvz(&c->j, "policy", c->policy ? c->policy : "burst");
    }
    error_end(c);
}

void fail_merged(struct call *c, struct dr_str into)
{
    error_body(c, 410, "gone_merged", "the record was merged");
    dr_json_w_kv(&c->j, "merged_into", into);
    error_end(c);
}

void unreadable(struct call *c, const struct rec *r)
{
    error_body(c, 500, "record_unreadable", "a record cannot be read");
    if (r) {
        bite(c->w, r->poison_named ? "poison.with_id" : "poison.without_id");
    }
    if (r && r->poison_named) {
        dr_json_w_kv(&c->j, "id", r->id);
    }
    error_end(c);
}

void unreadable_event(struct call *c, struct dr_str id, struct dr_str after)
{
    char hex[2 * 256 + 1];

    bite(c->w, "poison.event");
    error_body(c, 500, "record_unreadable", "an event cannot be read");
    dr_json_w_kv(&c->j, "id", id);
    if (after.n <= 256) {
        dr_hex(after.p, after.n, hex);
        dr_json_w_kvz(&c->j, "after", hex);
    }
    error_end(c);
}

/* What the contract calls the error that a fault's status stands for. */
static const char *code_of(int status)
{
    switch (status) {
    case 400:
        return "unsupported_parameter";
    case 401:
        return "token_expired";
    case 403:
        return "forbidden_scope";
    case 404:
        return "not_found";
    case 410:
        return "cursor_expired";
    case 429:
        return "rate_limited";
    case 503:
        return "maintenance";
    default:
        return "internal";
    }
}

/* A fault with a status of its own. */
static void fault_status(struct call *c, const struct fault *f)
{
    if (f->retry_after[0]) {
        dr_httpd_add_header(c->req, "Retry-After", f->retry_after);
    }
    if (f->html) {
        dr_httpd_answer(c->req, f->status, "text/html",
                        DR_STR_LIT("<html><body>Bad gateway</body></html>"));
        return;
    }
    fail(c, f->status, code_of(f->status), "as the fault script says");
    sim_answer(c->req, c->status, &c->out);
}

void answer(struct call *c, const struct fault *f)
{
    int64_t takes = knob_int(c->w->knobs, "answer_ms");
    struct body b;

    if (!f && takes <= 0) {
        sim_answer(c->req, c->status, &c->out);
    } else if (!f) {
        b = body_of(dr_buf_view(&c->out));
        b.wait_ms = takes;
        b.running = &c->w->running;
        c->w->running++;
        body_send(c->req, c->status, NULL, &b, NULL);
    } else if (f->status > 0 && !f->close) {
        fault_status(c, f);
    } else {
        b = body_of(dr_buf_view(&c->out));
        body_send(c->req, c->status, NULL, &b, f);
    }
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

    if (more && knob_int(c->w->knobs, "page_rows") > 0) {
        bite(c->w, "page_rows");
    }
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

/* A cursor that ends in NUL has had its empty page: for the order of keys the
 * NUL changes nothing. */
bool empty_page(struct call *c, struct dr_str after)
{
    int64_t every = knob_int(c->w->knobs, "empty_pages");

    if (every <= 0 || (after.n > 0 && after.p[after.n - 1] == '\0') ||
        c->w->pages++ % every != 0) {
        return false;
    }
    bite(c->w, "empty_pages");
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    dr_json_w_end(&c->j);
    paging(c, dr_arena_printf(c->a, DR_STR_FMT "%c", DR_STR_ARG(after), '\0'),
           true);
    server_time(c);
    dr_json_w_end(&c->j);
    return true;
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
    uint64_t n, rows = (uint64_t)knob_int(c->w->knobs, "page_rows");

    max = rows > 0 && rows < max ? (size_t)rows : max;

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
            bite(c->w, "batch_poison");
            unreadable(c, NULL);
            return true;
        }
    }
    return false;
}
