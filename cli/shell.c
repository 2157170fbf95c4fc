/* The shell of the process: what main() is made of. */
#include "shell.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <drover/base/clock.h>
#include <drover/crypto/crypto.h>

#include "text.h"

/* A parsed answer of 32 MiB and the tables made of it. */
#define ARENA_MAX ((size_t)1 << 30)
#define OUT_MAX ((size_t)256 << 20)
#define ANSWER_MAX ((size_t)64 << 20)
#define TIMEOUT_MAX_S 8640000 /* a hundred days */

volatile sig_atomic_t cli_stop;

static void on_signal(int sig)
{
    (void)sig;
    if (cli_stop) {
        _exit(CLI_INTERRUPTED);
    }
    cli_stop = 1;
}

static void take_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};

    (void)sigaction(SIGINT, &a, NULL);
    (void)sigaction(SIGTERM, &a, NULL);
    a.sa_handler = SIG_IGN; /* a reader that is gone shows in write */
    (void)sigaction(SIGPIPE, &a, NULL);
}

/* ---- output ---- */

void cli_progress_end(struct cli *c)
{
    if (c->progress) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
        c->progress = false;
    }
}

void cli_say(struct cli *c, const char *fmt, ...)
{
    va_list ap;

    cli_progress_end(c);
    (void)fflush(stdout);
    (void)fputs("drover: ", stderr);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
}

void cli_progress(struct cli *c, struct dr_str line)
{
    if (c->tty_err) {
        /* A line that wraps could not be taken back. */
        line = dr_utf8_valid(line) ? dr_utf8_prefix(line, 78) : line;
        (void)fprintf(stderr, "\r\033[K" DR_STR_FMT, DR_STR_ARG(line));
        (void)fflush(stderr);
        c->progress = true;
    }
}

int cli_write(struct cli *c, struct dr_str s)
{
    if (fwrite(s.p ? s.p : "", 1, s.n, stdout) != s.n || fflush(stdout)) {
        if (errno != EPIPE) {
            cli_say(c, "stdout cannot be written: %s", strerror(errno));
        }
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cli_flush(struct cli *c)
{
    int rc;

    if (c->out.over) {
        cli_say(c, "too long to show: use --json");
        return CLI_FAILED;
    }
    rc = cli_write(c, dr_buf_view(&c->out));
    dr_buf_reset(&c->out);
    return rc;
}

/* Line by line, so that line ends stay. */
static void esc_lines(struct dr_buf *out, struct dr_str s)
{
    while (s.p) {
        struct dr_str line = dr_str_split(&s, '\n');
        text_esc(out, line);
        if (s.p) {
            dr_buf_ch(out, '\n');
        }
    }
}

int cli_write_data(struct cli *c, struct dr_str s)
{
    struct dr_buf in, out;
    size_t cut;
    int rc;

    if (!c->tty_out) {
        return cli_write(c, s);
    }
    dr_buf_init(&in, s.n + sizeof(c->held));
    dr_buf_init(&out, 8 * (s.n + sizeof(c->held)));
    dr_buf_add(&in, c->held, c->held_n);
    dr_buf_str(&in, s);
    cut = text_cut_off(dr_buf_view(&in));
    memcpy(c->held, in.p + in.n - cut, cut);
    c->held_n = cut;
    esc_lines(&out, (struct dr_str){in.p, in.n - cut});
    rc = cli_write(c, dr_buf_view(&out));
    dr_buf_done(&in);
    dr_buf_done(&out);
    return rc;
}

int cli_write_json(struct cli *c, struct dr_str body)
{
    int rc = cli_write_data(c, body);

    if (rc == CLI_OK && (body.n == 0 || body.p[body.n - 1] != '\n')) {
        rc = cli_write(c, DR_STR_LIT("\n"));
    }
    return rc;
}

const char *cli_by(struct cli *c)
{
    const char *by = args_flag(&c->args, "by");

    if (!by) {
        by = getenv("USER");
    }
    if (!by || by[0] == '\0' || !dr_text_valid(dr_str_z(by))) {
        cli_say(c, "who decides this? Give --by NAME");
        return NULL;
    }
    return by;
}

const char *cli_hash(const char *given)
{
    static const char prefix[] = "sha256:";

    return given && strncmp(given, prefix, sizeof(prefix) - 1) == 0
               ? given + sizeof(prefix) - 1
               : given;
}

void cli_pause(int64_t ms)
{
    int64_t until = dr_mono_ms() + ms;

    while (!cli_stop) {
        int64_t left = until - dr_mono_ms();
        if (left <= 0) {
            return;
        }
        /* Short, for a signal may come just before the poll. */
        (void)poll(NULL, 0, left < 100 ? (int)left : 100);
    }
}

/* ---- settings ---- */

static const char *flag_of(const char *name, void *ctx)
{
    return args_flag(ctx, name);
}

static int set_limits(struct cli *c)
{
    const char *given = args_flag(&c->args, "timeout");
    int64_t seconds = c->args.verb->timeout_s;

    if (given && (dr_str_i64(dr_str_z(given), &seconds) || seconds < 1 ||
                  seconds > TIMEOUT_MAX_S)) {
        cli_say(c, "--timeout is a number of seconds from 1 to %d",
                TIMEOUT_MAX_S);
        return CLI_USAGE;
    }
    c->timeout_ms = seconds * 1000;
    return CLI_OK;
}

static int open_settings(struct cli *c)
{
    struct dr_buf why;
    struct dr_err err;
    int rc = CLI_OK;

    dr_buf_init(&why, 8192);
    if (conf_load(&c->conf, flag_of, &c->args, args_flag(&c->args, "config"),
                  &why)) {
        cli_say(c, "%s", why.p);
        rc = CLI_USAGE;
    } else if (!c->conf.value[CONF_URL] || !c->conf.value[CONF_TOKEN_FILE]) {
        bool url = !c->conf.value[CONF_URL];
        cli_say(c,
                "%s: give %s, set %s, or write `%s = …` in "
                "~/.config/drover.conf",
                url ? "where is the auditor?" : "no token",
                url ? "--url" : "--token-file",
                url ? "DROVER_URL" : "DROVER_TOKEN_FILE",
                url ? "url" : "token_file");
        rc = CLI_USAGE;
    } else {
        char *url = c->conf.value[CONF_URL];
        for (size_t n = strlen(url); n > 0 && url[n - 1] == '/'; n--) {
            url[n - 1] = '\0';
        }
        c->token = dr_secret_read(c->conf.value[CONF_TOKEN_FILE], &err);
        if (!c->token) {
            cli_say(c, "--token-file: %s", err.text);
            rc = CLI_FAILED;
        }
    }
    dr_buf_done(&why);
    return rc;
}

static bool wants_color(const struct cli *c)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return c->tty_out && !args_flag(&c->args, "no-color") &&
           !(no && no[0] != '\0') && term && strcmp(term, "dumb") != 0;
}

static int print_help(struct cli *c)
{
    if (c->args.version) {
        dr_buf_z(&c->out, "drover " DR_VERSION "\n");
    } else if (c->args.verb) {
        help_verb(&c->out, c->args.verb);
    } else if (c->args.group) {
        help_group(&c->out, c->args.group);
    } else {
        help_all(&c->out);
    }
    return cli_flush(c);
}

static int run_verb(struct cli *c)
{
    int rc = set_limits(c);

    if (rc == CLI_OK && !c->args.verb->offline) {
        dr_crypto_init();
        rc = open_settings(c);
    }
    if (rc == CLI_OK) {
        rc = c->args.verb->run(c);
    }
    cli_progress_end(c);
    return rc;
}

int shell_run(int argc, char *const *argv)
{
    const char *term = getenv("TERM");
    bool dumb = !term || strcmp(term, "dumb") == 0;
    struct cli c = {.json = false};
    struct dr_buf why;
    int rc;

    take_signals();
    dr_buf_init(&c.out, OUT_MAX);
    dr_buf_init(&c.answer, ANSWER_MAX);
    dr_buf_init(&why, 8192);
    c.arena = dr_arena_new(ARENA_MAX);
    c.tty_out = isatty(STDOUT_FILENO) && !dumb;
    c.tty_err = isatty(STDERR_FILENO) && !dumb;
    if (args_parse(&c.args, argc, argv, &why)) {
        cli_say(&c, "%s", why.p);
        rc = CLI_USAGE;
    } else {
        c.json = args_flag(&c.args, "json") != NULL;
        c.color = wants_color(&c);
        rc = c.args.help || c.args.version ? print_help(&c) : run_verb(&c);
    }
    dr_http_free(c.http);
    dr_secret_free(c.token);
    conf_done(&c.conf);
    dr_arena_free(c.arena);
    dr_buf_done(&c.out);
    dr_buf_done(&c.answer);
    dr_buf_done(&why);
    return rc;
}
