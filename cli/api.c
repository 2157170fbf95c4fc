/* The shell's way to the auditor: one request at a time, each with a limit,
 * each ended by Ctrl-C. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/crypto/crypto.h>

#include "text.h"

/* What is held of one answer; longer ones go through `drover report`. */
#define ANSWER_MAX ((size_t)32 << 20)
#define ANSWER_NODES ((size_t)4000000)
/* Longer than any limit of ours: the loop below decides. */
#define LIB_LIMIT_MS 1000000000

struct request {
    struct cli *c;
    struct api_answer *out;
    dr_http_take_fn *take;
    void *ctx;
    int64_t last_ms; /* when anything came */
    bool done, refused;
};

static int open_client(struct cli *c, struct api_answer *out)
{
    struct dr_http_opts o = {.base_url = c->conf.value[CONF_URL],
                             .max_answer = ANSWER_MAX,
                             .connect_ms = LIB_LIMIT_MS,
                             .total_ms = LIB_LIMIT_MS};
    const char *plain = c->conf.value[CONF_ALLOW_PLAIN];
    struct dr_err err;
    struct dr_buf auth;

    if (c->http) {
        return 0;
    }
    o.allow_plain = plain && strcmp(plain, "true") == 0;
    dr_buf_init(&auth, 8192);
    dr_buf_z(&auth, "Bearer ");
    dr_buf_str(&auth, dr_secret_view(c->token));
    o.auth_header = auth.p;
    c->http = dr_http_new(&o, &err);
    explicit_bzero(auth.p, auth.n);
    dr_buf_done(&auth);
    if (!c->http) {
        out->exit = CLI_USAGE;
        (void)snprintf(out->text, sizeof(out->text), "--url: %s%s", err.text,
                       strstr(err.text, "plain HTTP")
                           ? ", or give --allow-plain where the network "
                             "between is trusted"
                           : "");
        return -1;
    }
    return 0;
}

static void read_answer(struct request *r, const struct dr_http_answer *ans)
{
    struct api_answer *out = r->out;
    struct dr_json_limits limits = {.max_bytes = ANSWER_MAX,
                                    .max_nodes = ANSWER_NODES};
    struct dr_err err = {.text = ""};
    bool good = ans->status / 100 == 2;

    out->status = ans->status;
    dr_buf_str(&r->c->answer, ans->body);
    out->body = dr_buf_view(&r->c->answer);
    if (ans->next_cut) {
        out->exit = CLI_FAILED;
        (void)snprintf(out->text, sizeof(out->text),
                       "the auditor's cursor is too long: are drover and the "
                       "auditor of the same version?");
        return;
    }
    (void)snprintf(out->next, sizeof(out->next), "%s", ans->next);
    if (good && r->take) {
        return;
    }
    out->json = dr_json_parse(r->c->arena, out->body, &limits, &err);
    if (!good) {
        api_explain(out, out->json);
    } else if (!out->json) {
        out->exit = CLI_FAILED;
        (void)snprintf(out->text, sizeof(out->text),
                       "the answer is not JSON (%s): is %s the auditor's "
                       "address?",
                       err.text, r->c->conf.value[CONF_URL]);
    }
}

static void on_done(const struct dr_http_answer *ans, void *ctx)
{
    struct request *r = ctx;
    struct api_answer *out = r->out;

    r->done = true;
    if (ans->outcome == DR_HTTP_ANSWERED) {
        read_answer(r, ans);
        return;
    }
    out->exit = CLI_FAILED;
    out->passing = !r->refused;
    if (r->refused) {
        return; /* the taker has said why */
    }
    if (strstr(ans->reason, "larger than allowed")) {
        out->passing = false;
        (void)snprintf(out->text, sizeof(out->text),
                       "the answer is larger than 32 MiB: fetch it with "
                       "`drover report NAME --out FILE`");
        return;
    }
    (void)snprintf(out->text, sizeof(out->text),
                   ans->outcome == DR_HTTP_NOT_SENT
                       ? "no connection to %s: %s. Is the auditor running, "
                         "and is that its address?"
                       : "the connection to %s broke: %s. What was asked may "
                         "have been done: look with `drover status`",
                   r->c->conf.value[CONF_URL], ans->reason);
}

static bool on_piece(struct dr_str piece, void *ctx)
{
    struct request *r = ctx;

    r->last_ms = dr_mono_ms();
    if (!r->take(piece, r->ctx)) {
        r->refused = true;
        return false;
    }
    return !cli_stop;
}

/* Runs the request to its end, the limit's or the user's. */
static void finish(struct request *r, const char *method, int64_t limit_ms)
{
    struct cli *c = r->c;
    bool writes = strcmp(method, "GET") != 0;

    while (!r->done && !cli_stop && dr_mono_ms() - r->last_ms < limit_ms) {
        (void)dr_http_poll(c->http, limit_ms < 100 ? (int)limit_ms : 100);
    }
    if (r->done && (!cli_stop || r->out->status > 0)) {
        return;
    }
    if (!r->done) {
        dr_http_free(c->http); /* drops the request; done is never called */
        c->http = NULL;
    }
    r->out->exit = cli_stop ? CLI_INTERRUPTED : CLI_LATE;
    r->out->passing = !cli_stop;
    (void)snprintf(r->out->text, sizeof(r->out->text), "%s%s",
                   cli_stop ? "interrupted"
                            : "no answer in time: try again, or allow more "
                              "by --timeout",
                   writes && !r->done
                       ? ". The request may have been carried out: look with "
                         "`drover status`"
                       : "");
}

static void run(struct request *r, const char *method, const char *path,
                struct dr_str body, int64_t limit_ms)
{
    struct cli *c = r->c;

    *r->out = (struct api_answer){.exit = CLI_OK};
    dr_arena_reset(c->arena);
    dr_buf_reset(&c->answer);
    if (open_client(c, r->out)) {
        return;
    }
    r->last_ms = dr_mono_ms();
    if (r->take) {
        dr_http_stream(c->http, path, on_piece, on_done, r);
    } else {
        dr_http_send(c->http, method, path, body, on_done, r);
    }
    finish(r, method, limit_ms);
}

void api_try(struct cli *c, const char *method, const char *path,
             struct dr_str body, int64_t limit_ms, struct api_answer *out)
{
    struct request r = {.c = c, .out = out};

    run(&r, method, path, body, limit_ms);
}

int api_stream(struct cli *c, const char *path, dr_http_take_fn *take,
               void *ctx, struct api_answer *out)
{
    struct request r = {.c = c, .out = out, .take = take, .ctx = ctx};

    run(&r, "GET", path, (struct dr_str){NULL, 0}, c->timeout_ms);
    if (out->exit != CLI_OK && out->text[0] != '\0') {
        cli_say(c, "%s", out->text);
    }
    return out->exit;
}

int api_call(struct cli *c, const char *method, const char *path,
             struct dr_str body, const struct dr_json **json_out)
{
    struct api_answer a;

    api_try(c, method, path, body, c->timeout_ms, &a);
    if (a.exit != CLI_OK) {
        cli_say(c, "%s", a.text);
    }
    if (json_out) {
        *json_out = a.json;
    }
    return a.exit;
}

int api_get(struct cli *c, const char *path, const struct dr_json **json_out)
{
    return api_call(c, "GET", path, (struct dr_str){NULL, 0}, json_out);
}
