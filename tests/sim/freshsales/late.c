/* What happens after its request: effects that come late, answers that come
 * late, answers that are broken. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include <drover/base/clock.h>

#include "call.h"

#define BOMB_BYTES ((size_t)64 << 20)

struct late {
    struct late *next;
    int64_t due_mono_ms;
    struct dr_httpd_req *req; /* an answer; NULL: an effect */
    struct fault fault;
    int status;
    char *method, *full, *query, *type;
    struct dr_str text; /* body of the request or of the answer */
};

static struct late *late_new(struct account *a, int64_t delay_ms)
{
    struct late *l = dr_xcalloc(1, sizeof(*l));

    l->due_mono_ms = dr_mono_ms() + delay_ms;
    l->next = a->late;
    a->late = l;
    return l;
}

static void late_free(struct late *l)
{
    free(l->method);
    free(l->full);
    free(l->query);
    free(l->type);
    free((void *)(uintptr_t)l->text.p);
    free(l);
}

void late_effect(struct call *c, int64_t delay_ms, const char *fault)
{
    struct late *l = late_new(c->a, delay_ms);

    l->method = dr_xstrndup(c->method);
    l->full = dr_xstrndup(c->full);
    l->query = dr_xstrndup(c->query);
    l->type = dr_xstrndup(c->type);
    l->text = (struct dr_str){dr_xstrndup(c->body), c->body.n};
    (void)snprintf(l->fault.name, sizeof(l->fault.name), "%s", fault);
}

void late_answer(struct call *c, int64_t delay_ms, const struct fault *f)
{
    struct late *l = late_new(c->a, delay_ms);

    l->req = c->req;
    l->status = c->status;
    l->fault = *f;
    l->fault.status = 0; /* the answer is made already */
    l->text = (struct dr_str){dr_xstrndup(dr_buf_view(&c->out)), c->out.n};
    dr_httpd_defer(c->req);
}

static void carry_out(struct account *a, const struct late *l)
{
    struct call c;

    call_init(&c, a);
    c.method = dr_str_z(l->method);
    c.full = dr_str_z(l->full);
    c.query = dr_str_z(l->query);
    c.type = dr_str_z(l->type);
    c.body = l->text;
    if (below_base(&c)) {
        route(&c);
    }
    c.method = DR_STR_LIT("LATE"); /* no request came: not its line again */
    call_done(&c, NULL);
}

void late_tick(struct account *a)
{
    struct late **at = &a->late;

    while (*at) {
        struct late *l = *at;
        if (dr_mono_ms() < l->due_mono_ms) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        if (l->req) {
            answer_now(a, l->req, &l->fault, l->status, l->text);
        } else {
            carry_out(a, l);
        }
        late_free(l);
        at = &a->late;
    }
}

/* ---- broken answers ---- */

/* Small on the wire, 64 MiB when it is unpacked. */
static void gzip_bomb(struct dr_httpd_req *req, int status)
{
    static unsigned char zeros[65536], out[1 << 18];
    z_stream z = {.next_out = out, .avail_out = sizeof(out)};
    size_t left = BOMB_BYTES;

    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY)) {
        dr_die(DR_EXIT_FAILURE, "gzip", "cannot pack");
    }
    while (left > 0) {
        z.next_in = zeros;
        z.avail_in = sizeof(zeros);
        (void)deflate(&z, Z_NO_FLUSH);
        left -= sizeof(zeros);
    }
    (void)deflate(&z, Z_FINISH);
    dr_httpd_add_header(req, "Content-Encoding", "gzip");
    dr_httpd_answer(req, status, NULL,
                    (struct dr_str){(char *)out, z.total_out});
    (void)deflateEnd(&z);
}

static bool dropped(const struct fault *f, struct dr_str key)
{
    for (int i = 0; i < FAULT_FIELDS && f->drop[i][0]; i++) {
        if (is(key, f->drop[i])) {
            return true;
        }
    }
    return false;
}

static void without(const struct fault *f, const struct dr_json *j,
                    struct dr_json_w *w)
{
    if (j->type == DR_JSON_OBJECT) {
        dr_json_w_obj(w);
    } else if (j->type == DR_JSON_ARRAY) {
        dr_json_w_arr(w);
    } else {
        dr_json_w_tree(w, j);
        return;
    }
    DR_JSON_EACH(m, j)
    {
        if (j->type == DR_JSON_OBJECT) {
            if (dropped(f, m->key)) {
                continue;
            }
            dr_json_w_keys(w, m->key);
        }
        without(f, m, w);
    }
    dr_json_w_end(w);
}

static void drop_fields(struct account *a, struct dr_httpd_req *req,
                        const struct fault *f, int status, struct dr_str body)
{
    const struct dr_json *j = scratch_parse(a, body);
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)256 << 20);
    dr_json_w_init(&w, &b);
    if (j) {
        without(f, j, &w);
    }
    dr_httpd_answer(req, status, NULL, dr_buf_view(&b));
    dr_buf_done(&b);
}

/* Faults of an answer that was made; false: answer it as it is. */
static bool spoil(struct account *a, struct dr_httpd_req *req,
                  const struct fault *f, int status, struct dr_str body)
{
    struct dr_str last = dr_buf_view(&a->previous);

    if (f->redirect[0]) {
        dr_httpd_add_header(req, "Location", f->redirect);
        dr_httpd_answer(req, 307, NULL, DR_STR_LIT("{}"));
    } else if (f->garble == FAULT_GZIP_BOMB) {
        gzip_bomb(req, status);
    } else if (f->garble != FAULT_PLAIN) {
        dr_httpd_answer_broken(req, status, NULL, body,
                               f->garble == FAULT_CONTENT_LENGTH
                                   ? DR_HTTPD_BAD_LENGTH
                                   : DR_HTTPD_CHUNKED_NO_END,
                               0);
    } else if (f->previous && last.n > 0) {
        dr_httpd_answer(req, 200, NULL, last);
    } else if (f->drop[0][0]) {
        drop_fields(a, req, f, status, body);
    } else {
        return false;
    }
    return true;
}

void answer_now(struct account *a, struct dr_httpd_req *req,
                const struct fault *f, int status, struct dr_str body)
{
    struct fault spoilt = f ? *f : (struct fault){.status = 0};

    if (spoilt.status >= 500 &&
        knob_is(a->knobs, "error_body_html_5xx", "on")) {
        spoilt.html = true;
    }
    if (spoilt.status > 0 && !spoilt.html && !spoilt.close) {
        if (spoilt.retry_after[0]) {
            dr_httpd_add_header(req, "Retry-After", spoilt.retry_after);
        }
        dr_httpd_answer(req, status, NULL, body);
        return;
    }
    if (f && (spoil(a, req, f, status, body) ||
              sim_break_answer(req, &spoilt, status, body))) {
        return;
    }
    if (status >= 500 && knob_is(a->knobs, "error_body_html_5xx", "on")) {
        dr_httpd_answer(req, status, "text/html",
                        DR_STR_LIT("<html><body>Error</body></html>"));
        return;
    }
    dr_httpd_answer(req, status, NULL, body);
    dr_buf_reset(&a->previous);
    dr_buf_str(&a->previous, body);
}
