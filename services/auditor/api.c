#include "api.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#include "ask.h"
#include "job.h"

/* ---- answering ---- */

void ask_error(struct ask *q, int status, const char *code, const char *message,
               const char *cure, const struct dr_buf *problems)
{
    struct dr_json_w w;

    dr_buf_reset(&q->out);
    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "error");
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "code", code);
    dr_json_w_kvz(&w, "message", message);
    dr_json_w_kvz(&w, "cure", cure);
    dr_json_w_end(&w);
    if (problems) {
        dr_json_w_key(&w, "problems");
        dr_json_w_raw(&w, dr_buf_view(problems));
    }
    dr_json_w_end(&w);
    dr_httpd_answer_take(q->req, status, NULL, &q->out);
}

void ask_err(struct ask *q, const struct dr_err *err)
{
    if (err->code == 404) {
        ask_error(q, 404, "not_found", err->text, "", NULL);
    } else if (strcmp(err->where, "gate") == 0) {
        ask_error(q, 409, "gate", err->text,
                  "`drover status` shows how far it is", NULL);
    } else {
        ask_error(q, 400, "bad_request", err->text, "", NULL);
    }
}

void ask_answer(struct ask *q)
{
    dr_httpd_answer_take(q->req, 200, NULL, &q->out);
}

void ask_phase(struct ask *q)
{
    struct dr_json_w w;

    dr_json_w_init(&w, &q->out);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "phase", phase_name(q->au->state.phase));
    dr_json_w_kvi(&w, "pass", q->au->state.pass);
    dr_json_w_end(&w);
    ask_answer(q);
}

/* ---- asking ---- */

struct dr_str ask_member(const struct ask *q, const char *name)
{
    return dr_json_scalar(dr_json_get(q->body, name));
}

bool ask_object(struct ask *q, struct dr_str object)
{
    const struct auditor *au = q->au;
    struct dr_buf b;

    for (size_t i = 0; i < au->object_count; i++) {
        if (dr_str_eqz(object, au->object_names[i])) {
            return true;
        }
    }
    if (object.n == 0 || au->object_count == 0 ||
        dr_str_eqz(object, DR_ORPHAN_OBJECT)) {
        return true; /* of no schema: not there yet, or of our own making */
    }
    object = dr_utf8_prefix(object, 64);
    dr_buf_init(&b, (size_t)AUDITOR_OBJECTS * 70 + 256);
    dr_buf_printf(&b, "there is no object \"" DR_STR_FMT "\"; there are: ",
                  DR_STR_ARG(object));
    for (size_t i = 0; i < au->object_count; i++) {
        dr_buf_printf(&b, "%s%s", i > 0 ? " " : "", au->object_names[i]);
    }
    ask_error(q, 400, "no_such_object", b.p, "", NULL);
    dr_buf_done(&b);
    return false;
}

/* Who decides: at most 200 characters of text, without controls. */
struct dr_str ask_by(const struct ask *q)
{
    struct dr_str s = dr_str_trim(ask_member(q, "by"));

    if (s.n == 0 || !dr_text_valid(s)) {
        return DR_STR_LIT("unnamed");
    }
    return dr_utf8_prefix(s, 200);
}

/* The evidence as of now, not as of the last look. */
bool ask_gate(struct ask *q, enum step step)
{
    struct dr_err err = {0};

    intake_catch_up(q->au, ASK_CATCH_UP_MS);
    q->au->watch_due_ms = 0;
    watch(q->au);
    if (gate_check(&q->au->state, &q->au->evidence, step, &err)) {
        ask_err(q, &err);
        return false;
    }
    return true;
}

void ask_step(struct ask *q, enum step step)
{
    struct auditor *au = q->au;

    if (!ask_gate(q, step)) {
        return;
    }
    gate_take(&au->state, step, NULL);
    lead_publish(au, step_name(step), ask_by(q));
    lead_take(au);
    watch_anew(au);
    if (step == STEP_RUN || step == STEP_REDRIVE) {
        books_dirty_all(au->books);
    }
    if (step == STEP_CUTOVER_KEEP) {
        /* The books tell who decided from now on. */
        intake_catch_up(au, ASK_CATCH_UP_MS);
    }
    ask_phase(q);
}

/* ---- routing ---- */

static const struct route {
    const char *method, *path;
    void (*run)(struct ask *q);
} routes[] = {
    {"GET", "/v1/status", get_status},
    {"POST", "/v1/plan/propose", post_propose},
    {"GET", "/v1/plan", get_plan},
    {"PUT", "/v1/plan", put_plan},
    {"POST", "/v1/plan/check", post_check},
    {"POST", "/v1/plan/approve", post_approve},
    {"POST", "/v1/target/refresh", post_refresh},
    {"GET", "/v1/ready", get_ready},
    {"POST", "/v1/profile/check", post_profile_check},
    {"POST", "/v1/sample/start", post_sample},
    {"POST", "/v1/sample/sign", post_sign},
    {"POST", "/v1/run", post_run},
    {"POST", "/v1/pause", post_pause},
    {"POST", "/v1/resume", post_resume},
    {"POST", "/v1/freeze", post_freeze},
    {"POST", "/v1/cutover", post_cutover},
    {"POST", "/v1/rejected/redrive", post_redrive},
    {"GET", "/v1/records", get_lines},
    {"GET", "/v1/rejected", get_lines},
    {"GET", "/v1/removals", get_lines},
    {"POST", "/v1/removals/approve", post_removals},
    {"GET", "/v1/conflicts", get_lines},
    {"GET", "/v1/events", get_lines},
    {"GET", "/v1/asks", get_asks},
    {"POST", "/v1/asks/approve", post_asks},
    {"GET", "/v1/find", get_find},
    {"GET", "/v1/reports/sample-diff.json", get_sample_diff},
    {"GET", "/v1/reports/reconciliation.json", get_reconciliation},
};

static void dispatch(struct ask *q)
{
    struct dr_str method = dr_httpd_method(q->req);
    struct dr_str path = dr_httpd_path(q->req);
    struct dr_str reports = DR_STR_LIT("/v1/reports/");
    struct dr_str rejected = DR_STR_LIT("/v1/rejected/");

    for (size_t i = 0; i < DR_ARRAY_LEN(routes); i++) {
        if (dr_str_eqz(method, routes[i].method) &&
            dr_str_eqz(path, routes[i].path)) {
            routes[i].run(q);
            return;
        }
    }
    if (dr_str_eqz(method, "GET") && dr_str_starts(path, reports)) {
        get_report(q, (struct dr_str){path.p + reports.n, path.n - reports.n});
    } else if (dr_str_eqz(method, "GET") && dr_str_starts(path, rejected)) {
        get_reject(q,
                   (struct dr_str){path.p + rejected.n, path.n - rejected.n});
    } else {
        ask_error(q, 404, "not_found", "there is no such call",
                  "docs/api.md lists the calls", NULL);
    }
}

static bool allowed(const struct auditor *au, const struct dr_httpd_req *req)
{
    struct dr_str given = dr_httpd_header(req, "Authorization");
    struct dr_str scheme = DR_STR_LIT("Bearer ");

    return dr_str_starts(given, scheme) &&
           dr_ct_eq((struct dr_str){given.p + scheme.n, given.n - scheme.n},
                    au->token);
}

static bool read_body(struct ask *q)
{
    struct dr_str body = dr_httpd_body(q->req);
    struct dr_err err = {0};

    if (body.n == 0 || dr_str_eqz(dr_httpd_method(q->req), "PUT")) {
        return true; /* a plan is read by its own reader */
    }
    q->body = dr_json_parse(q->au->request, body, NULL, &err);
    if (dr_json_type(q->body) != DR_JSON_OBJECT) {
        ask_error(q, 400, "bad_request",
                  q->body ? "the body is no JSON object" : err.text, "", NULL);
        return false;
    }
    return true;
}

static void handle(struct dr_httpd_req *req, void *ctx)
{
    struct auditor *au = ctx;
    struct ask q = {.au = au, .req = req};

    dr_arena_reset(au->request);
    dr_buf_init(&q.out, AUDITOR_TEXT);
    if (!allowed(au, req)) {
        dr_httpd_add_header(req, "WWW-Authenticate", "Bearer");
        ask_error(&q, 401, "unauthorized", "no token, or another one",
                  "send the token that api.token_file holds", NULL);
    } else if (!au->caught_up &&
               !dr_str_eqz(dr_httpd_path(req), "/v1/status")) {
        ask_error(&q, 503, "rebuilding",
                  "the books are still being rebuilt from Kafka",
                  "wait and ask again", NULL);
    } else if (read_body(&q)) {
        dispatch(&q);
    }
    dr_buf_done(&q.out);
    dr_arena_reset(au->request);
}

/* ---- opening ---- */

static void write_port(const char *path, uint16_t port)
{
    FILE *f;

    if (path[0] == '\0') {
        return;
    }
    f = fopen(path, "w");
    if (!f || fprintf(f, "%u\n", (unsigned)port) < 0 || fclose(f)) {
        dr_die(DR_EXIT_CONFIG, "api.port_file",
               "cannot write %s: name a file in a folder that exists", path);
    }
}

static int check_bind(const struct dr_conf *c, struct dr_err *err)
{
    return dr_conf_check_bind(c, "api.bind", err);
}

static int check_port_file(const struct dr_conf *c, struct dr_err *err)
{
    return dr_conf_check_folder(c, "api.port_file", err);
}

static int check_books(const struct dr_conf *c, struct dr_err *err)
{
    return dr_conf_check_folder(c, "books.file", err);
}

static int check_port(const struct dr_conf *c, struct dr_err *err)
{
    int64_t port = dr_conf_int(c, "api.port");

    return port != 0 && port == dr_conf_int(c, "http.port")
               ? dr_conf_refuse(c, "api.port", err,
                                "http.port is the same: give each its own")
               : 0;
}

static int check_token(const struct dr_conf *c, struct dr_err *err)
{
    return dr_conf_secret(c, "api.token_file").n < 16
               ? dr_conf_refuse(c, "api.token_file", err,
                                "the token is shorter than 16 characters: put "
                                "a random one into the file")
               : 0;
}

dr_conf_check_fn *const api_checks[] = {
    check_bind, check_port_file, check_books, check_port, check_token, NULL};

void api_open(struct auditor *au)
{
    const struct dr_conf *c = au->svc->conf;
    struct dr_err err = {0};
    struct dr_httpd_opts o = {.bind = dr_conf_text(c, "api.bind"),
                              .port = (uint16_t)dr_conf_int(c, "api.port"),
                              .max_body = (size_t)8 << 20,
                              .handle = handle,
                              .ctx = au};

    au->token = dr_conf_secret(c, "api.token_file");
    au->api = dr_httpd_new(&o, &err);
    if (!au->api) {
        dr_die(DR_EXIT_CONFIG, "api.port", "%s", err.text);
    }
    write_port(dr_conf_text(c, "api.port_file"), dr_httpd_port(au->api));
}

void api_close(struct auditor *au)
{
    job_drop(au);
    dr_httpd_free(au->api);
}
