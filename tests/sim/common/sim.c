#include <sim/sim.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#define BODY_MAX ((size_t)64 << 20)
#define SPOOL ((size_t)4 << 20) /* larger bodies lie in a file */

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

void vclock_init(struct vclock *c, int64_t base_ms, int64_t scale)
{
    *c = (struct vclock){base_ms, dr_mono_ms(), scale >= 0 ? scale : 1};
}

int64_t vclock_now(const struct vclock *c)
{
    return c->base_ms + (dr_mono_ms() - c->mono_ms) * c->scale;
}

void vclock_set(struct vclock *c, int64_t scale, int64_t advance_ms)
{
    int64_t now = vclock_now(c);

    vclock_init(c, now + advance_ms, /* back too: clocks do that */
                scale >= 0 ? scale : c->scale);
}

/* ---- knobs ---- */

static struct knob *find_knob(struct knob *knobs, struct dr_str name)
{
    for (; knobs->name; knobs++) {
        if (dr_str_eqz(name, knobs->name)) {
            return knobs;
        }
    }
    return NULL;
}

/* Up to the first '|'. */
static struct dr_str first_of(const char *otherwise)
{
    struct dr_str rest = dr_str_z(otherwise);

    return dr_str_split(&rest, '|');
}

const char *knob_text(const struct knob *knobs, const char *name)
{
    struct knob *k = find_knob((struct knob *)(uintptr_t)knobs, dr_str_z(name));

    DR_ASSERT(k != NULL);
    if (!k->value[0]) {
        (void)snprintf(k->value, sizeof(k->value), DR_STR_FMT,
                       DR_STR_ARG(first_of(k->otherwise)));
    }
    return k->value;
}

int64_t knob_int(const struct knob *knobs, const char *name)
{
    int64_t v;

    return dr_str_i64(dr_str_z(knob_text(knobs, name)), &v) ? 0 : v;
}

bool knob_is(const struct knob *knobs, const char *name, const char *value)
{
    return strcmp(knob_text(knobs, name), value) == 0;
}

static bool may_be(const struct knob *k, struct dr_str value)
{
    struct dr_str rest = dr_str_z(k->otherwise);
    bool one = dr_str_find(rest, DR_STR_LIT("|")) == SIZE_MAX;

    while (!one && rest.p) {
        struct dr_str v = dr_str_split(&rest, '|');
        one = dr_str_eqz(v, "*") || dr_str_eq(v, value);
    }
    return one;
}

int knob_set(struct knob *knobs, struct dr_str name, struct dr_str value)
{
    struct knob *k = find_knob(knobs, name);

    if (!k || value.n >= sizeof(k->value) || !may_be(k, value)) {
        return -1;
    }
    (void)snprintf(k->value, sizeof(k->value), DR_STR_FMT, DR_STR_ARG(value));
    return 0;
}

/* ---- command line ---- */

static void usage(const char *base_flag)
{
    (void)fprintf(stderr,
                  "usage: %s PATH [--port N] [--download-port N] "
                  "[--admin-port N]\n"
                  "  [--key-file FILE] [--clock-scale N] [--start-at TIME] "
                  "[--seed N]\n  [--knob NAME=VALUE]...\n",
                  base_flag);
    exit(DR_EXIT_USAGE);
}

static int64_t number(const char *text, const char *base_flag)
{
    int64_t v;

    if (dr_str_i64(dr_str_z(text), &v)) {
        usage(base_flag);
    }
    return v;
}

static void read_key(const char *path, struct sim_opts *out)
{
    struct dr_err err = {0};
    struct dr_secret *s = dr_secret_read(path, &err);

    if (!s) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(DR_EXIT_CONFIG);
    }
    (void)snprintf(out->key, sizeof(out->key), DR_STR_FMT,
                   DR_STR_ARG(dr_secret_view(s)));
    dr_secret_free(s);
}

static void one_knob(struct knob *knobs, const char *text)
{
    struct dr_str value = dr_str_z(text);
    struct dr_str name = dr_str_split(&value, '=');

    if (!value.p || knob_set(knobs, name, value)) {
        (void)fprintf(stderr, "unknown knob, or a value it cannot have: %s\n",
                      text);
        exit(DR_EXIT_USAGE);
    }
}

static void one_option(const char *flag, const char *value,
                       const char *base_flag, struct knob *knobs,
                       struct sim_opts *out)
{
    if (strcmp(flag, base_flag) == 0) {
        out->base = value;
    } else if (strcmp(flag, "--port") == 0) {
        out->port = (uint16_t)number(value, base_flag);
    } else if (strcmp(flag, "--download-port") == 0) {
        out->download_port = (uint16_t)number(value, base_flag);
    } else if (strcmp(flag, "--admin-port") == 0) {
        out->admin_port = (uint16_t)number(value, base_flag);
    } else if (strcmp(flag, "--key-file") == 0) {
        read_key(value, out);
    } else if (strcmp(flag, "--clock-scale") == 0) {
        out->scale = number(value, base_flag);
    } else if (strcmp(flag, "--seed") == 0) {
        out->seed = (uint64_t)number(value, base_flag);
    } else if (strcmp(flag, "--knob") == 0) {
        one_knob(knobs, value);
    } else if (strcmp(flag, "--start-at") == 0) {
        if (dr_time_parse(dr_str_z(value), &out->start_ms, NULL)) {
            usage(base_flag);
        }
    } else {
        usage(base_flag);
    }
}

void sim_options(int argc, char **argv, const char *base_flag,
                 struct knob *knobs, struct sim_opts *out)
{
    *out = (struct sim_opts){.start_ms = -1, .scale = 1, .seed = 1};
    (void)snprintf(out->key, sizeof(out->key), "test-key");
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) {
            usage(base_flag);
        }
        one_option(argv[i], argv[i + 1], base_flag, knobs, out);
    }
    if (!out->base) {
        usage(base_flag);
    }
}

/* ---- the process ---- */

static struct dr_httpd *open_port(struct dr_httpd_opts o)
{
    struct dr_err err = {0};
    struct dr_httpd *h;

    o.max_body = o.max_body ? o.max_body : BODY_MAX;
    o.spool = SPOOL;
    h = dr_httpd_new(&o, &err);

    if (!h) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
    }
    return h;
}

int sim_run(const struct sim_opts *o, const struct sim_servers *s)
{
    struct dr_httpd *ports[3];

    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGPIPE, SIG_IGN);
    ports[0] = open_port((struct dr_httpd_opts){.port = o->port,
                                                .max_body = s->max_body,
                                                .too_large = s->too_large,
                                                .handle = s->api,
                                                .ctx = s->ctx});
    ports[1] = open_port((struct dr_httpd_opts){
        .port = o->download_port, .handle = s->download, .ctx = s->ctx});
    ports[2] = open_port((struct dr_httpd_opts){
        .port = o->admin_port, .handle = s->admin, .ctx = s->ctx});
    if (s->download_port) {
        *s->download_port = dr_httpd_port(ports[1]);
    }
    printf("ready api=%u download=%u admin=%u key=%s\n",
           (unsigned)dr_httpd_port(ports[0]), (unsigned)dr_httpd_port(ports[1]),
           (unsigned)dr_httpd_port(ports[2]), o->key);
    (void)fflush(stdout);
    while (!stop) {
        dr_httpd_poll(ports, 3, 10);
        if (s->tick) {
            s->tick(s->ctx);
        }
    }
    for (int i = 0; i < 3; i++) {
        dr_httpd_free(ports[i]);
    }
    return DR_EXIT_OK;
}

void sim_answer(struct dr_httpd_req *r, int status, const struct dr_buf *b)
{
    dr_httpd_answer(r, status, NULL, dr_buf_view(b));
}

/* ---- admin calls that both have ---- */

static void answer_clock(struct dr_httpd_req *r, const struct vclock *c)
{
    struct dr_buf b;

    dr_buf_init(&b, 256);
    dr_buf_printf(&b, "{\"now_ms\":%lld,\"scale\":%lld}",
                  (long long)vclock_now(c), (long long)c->scale);
    sim_answer(r, 200, &b);
    dr_buf_done(&b);
}

static void admin_clock(struct dr_httpd_req *r, struct vclock *c)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 16);

    if (dr_str_eqz(dr_httpd_method(r), "POST")) {
        const struct dr_json *j =
            dr_json_parse(a, dr_httpd_body(r), NULL, NULL);
        vclock_set(c, dr_json_get_i64(j, "scale", c->scale),
                   dr_json_get_i64(j, "advance_ms", 0));
    }
    answer_clock(r, c);
}

static void admin_knobs(struct dr_httpd_req *r, struct knob *knobs)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    struct dr_json_w w;
    struct dr_buf b;
    int status = 200;

    if (dr_str_eqz(dr_httpd_method(r), "POST")) {
        DR_JSON_EACH(j, dr_json_parse(a, dr_httpd_body(r), NULL, NULL))
        {
            struct dr_str v =
                dr_json_type(j) == DR_JSON_STRING ? j->text : j->raw;
            if (knob_set(knobs, j->key, v)) {
                status = 400;
            }
        }
    }
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    for (; knobs->name; knobs++) {
        dr_json_w_key(&w, knobs->name);
        dr_json_w_obj(&w);
        dr_json_w_kv(&w, "default", first_of(knobs->otherwise));
        dr_json_w_kvz(&w, "value", knob_text(knobs, knobs->name));
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    sim_answer(r, status, &b);
    dr_buf_done(&b);
}

static void admin_faults(struct dr_httpd_req *r, struct faults *f)
{
    struct dr_err err = {0};

    if (dr_str_eqz(dr_httpd_method(r), "DELETE")) {
        faults_clear(f);
    } else if (faults_replace(f, dr_httpd_body(r), &err)) {
        dr_httpd_answer(r, 400, "text/plain", dr_str_z(err.text));
        return;
    }
    dr_httpd_answer(r, 200, NULL, DR_STR_LIT("true"));
}

static void admin_journal(struct dr_httpd_req *r, const struct journal *j)
{
    struct dr_str after = dr_httpd_arg(r, "after");
    int64_t seq = 0;
    struct dr_buf b;

    if (after.p && dr_str_i64(after, &seq)) {
        seq = 0;
    }
    dr_buf_init(&b, (size_t)1 << 30);
    journal_read(j, seq, &b);
    dr_httpd_answer(r, 200, "application/x-ndjson", dr_buf_view(&b));
    dr_buf_done(&b);
}

bool sim_admin(struct dr_httpd_req *r, struct vclock *clock, struct knob *knobs,
               struct faults *faults, struct journal *journal)
{
    struct dr_str path = dr_httpd_path(r);

    if (dr_str_eqz(path, "/sim/clock")) {
        admin_clock(r, clock);
    } else if (dr_str_eqz(path, "/sim/knobs")) {
        admin_knobs(r, knobs);
    } else if (dr_str_eqz(path, "/sim/faults")) {
        admin_faults(r, faults);
    } else if (dr_str_eqz(path, "/sim/journal")) {
        admin_journal(r, journal);
    } else {
        return false;
    }
    return true;
}

bool sim_break_answer(struct dr_httpd_req *r, const struct fault *f, int status,
                      struct dr_str body)
{
    if (!f) {
        return false;
    }
    if (f->close == FAULT_MID) {
        dr_httpd_answer_broken(r, status, NULL, body, DR_HTTPD_CUT, body.n / 2);
        return true;
    }
    if (f->close == FAULT_AFTER || f->close == FAULT_BEFORE) {
        dr_httpd_answer_broken(r, status, NULL, body, DR_HTTPD_CLOSE, 0);
        return true;
    }
    if (f->truncate > 0) {
        dr_httpd_answer_broken(r, status, NULL, body, DR_HTTPD_CUT,
                               f->truncate);
        return true;
    }
    if (f->status > 0) {
        if (f->retry_after[0]) {
            dr_httpd_add_header(r, "Retry-After", f->retry_after);
        }
        dr_httpd_answer(r, f->status, f->html ? "text/html" : NULL,
                        f->html ? DR_STR_LIT("<html><body>Bad gateway</body>"
                                             "</html>")
                                : DR_STR_LIT("{\"errors\":{\"code\":500,"
                                             "\"message\":[\"fault\"]}}"));
        return true;
    }
    return false;
}
