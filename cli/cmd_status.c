/* status and wait: /v1/status once, or again and again. */
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drover/base/clock.h>
#include <drover/base/time.h>

#include "cond.h"
#include "fmt.h"
#include "text.h"

/* Often enough for a person, seldom enough for the auditor. */
#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 2000
#define ONE_CALL_MS 30000
/* A watch is ended by its user; this is the limit that everything has. */
#define WATCH_MS ((int64_t)30 * 86400 * 1000)

static struct dr_str nothing(void)
{
    return (struct dr_str){NULL, 0};
}

static int once(struct cli *c)
{
    struct fmt f = {.out = &c->out, .arena = c->arena, .color = c->color};
    const struct dr_json *j;
    int rc = api_get(c, "/v1/status", &j);

    if (rc != CLI_OK) {
        return rc;
    }
    if (c->json) {
        return cli_write_json(c, j->raw);
    }
    fmt_status(&f, j);
    return cli_flush(c);
}

/* ---- watch ---- */

/* The text in place of the last one: cursor home, each line cleared behind
 * its end, the rest of the screen too; no more lines than there are rows. */
static int redraw(struct cli *c)
{
    struct winsize size = {0};
    struct dr_str rest = dr_buf_view(&c->out);
    struct dr_buf screen;
    int rows, rc;

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    rows = size.ws_row > 2 ? size.ws_row - 1 : 1000;
    dr_buf_init(&screen, (size_t)1 << 20);
    dr_buf_z(&screen, "\033[H");
    while (rest.p && rest.n > 0 && rows-- > 0) {
        dr_buf_str(&screen, dr_str_split(&rest, '\n'));
        dr_buf_z(&screen, "\033[K\n");
    }
    dr_buf_z(&screen, "\033[J");
    dr_buf_reset(&c->out);
    rc = cli_write(c, dr_buf_view(&screen));
    dr_buf_done(&screen);
    return rc;
}

/* A line, when it says something new. */
static int line_on_change(struct cli *c, struct dr_buf *last)
{
    char now[DR_TIME_TEXT];
    int rc = CLI_OK;

    if (!dr_str_eq(dr_buf_view(&c->out), dr_buf_view(last))) {
        struct dr_buf line;
        dr_buf_reset(last);
        dr_buf_str(last, dr_buf_view(&c->out));
        dr_buf_init(&line, (size_t)1 << 20);
        if (!c->json) {
            dr_buf_printf(&line, "%s ",
                          dr_time_format(dr_wall_ms() / 1000 * 1000, now));
        }
        dr_buf_str(&line, dr_buf_view(&c->out));
        dr_buf_ch(&line, '\n');
        rc = cli_write(c, dr_buf_view(&line));
        dr_buf_done(&line);
    }
    dr_buf_reset(&c->out);
    return rc;
}

static bool all_done(const struct dr_json *j)
{
    const struct dr_json *books = dr_json_get(j, "books");

    return dr_str_eqz(dr_json_get_str(dr_json_get(j, "gate"), "next"),
                      "none") &&
           dr_json_get_i64(books, "lag", -1) == 0 &&
           dr_json_get_i64(books, "pending", -1) == 0;
}

static int watch_step(struct cli *c, const struct dr_json *j, bool draw,
                      struct dr_buf *last)
{
    struct fmt f = {.out = &c->out, .arena = c->arena, .color = c->color};

    if (draw) {
        fmt_status(&f, j);
        return redraw(c);
    }
    if (c->json) {
        dr_json_canonical(&c->out, j); /* one line, whatever it had */
    } else {
        fmt_status_line(&f, j);
    }
    return line_on_change(c, last);
}

static int watch(struct cli *c)
{
    int64_t limit = args_flag(&c->args, "timeout") ? c->timeout_ms : WATCH_MS;
    int64_t until = dr_mono_ms() + limit;
    bool draw = c->tty_out && !c->json;
    bool told = false;
    struct dr_buf last;
    int rc = CLI_OK;

    dr_buf_init(&last, (size_t)64 << 20);
    if (draw) {
        rc = cli_write(c, DR_STR_LIT("\033[2J"));
    }
    while (rc == CLI_OK && !cli_stop) {
        int64_t left = until - dr_mono_ms();
        struct api_answer a;
        if (left <= 0) {
            rc = CLI_LATE;
            break;
        }
        api_try(c, "GET", "/v1/status", nothing(),
                left < ONE_CALL_MS ? left : ONE_CALL_MS, &a);
        if (a.exit == CLI_OK) {
            bool done = all_done(a.json);
            told = false;
            rc = watch_step(c, a.json, draw, &last);
            if (done) {
                break;
            }
        } else if (!a.passing) {
            cli_say(c, "%s", a.text);
            rc = a.exit;
        } else if (draw) {
            cli_progress(c, dr_str_z(a.text));
        } else if (!told) {
            cli_say(c, "%s (still trying)", a.text);
            told = true;
        }
        left = until - dr_mono_ms();
        cli_pause(left < 1000 ? left : 1000);
    }
    cli_progress_end(c);
    dr_buf_done(&last);
    return cli_stop ? CLI_INTERRUPTED : rc;
}

int cmd_status(struct cli *c)
{
    return args_flag(&c->args, "watch") ? watch(c) : once(c);
}

/* ---- wait ---- */

struct waiting {
    struct cond cond;
    int64_t until;
    bool told;       /* that the auditor cannot be asked       */
    char text[2048]; /* why not the last time */
};

/* CLI_OK: met; -1: not yet; else the exit code. */
static int look(struct cli *c, struct waiting *w, int64_t left)
{
    struct fmt f = {.out = &c->out, .arena = c->arena, .color = c->color};
    struct dr_str halted;
    struct api_answer a;

    api_try(c, "GET", "/v1/status", nothing(),
            left < ONE_CALL_MS ? left : ONE_CALL_MS, &a);
    w->text[0] = '\0';
    if (a.exit != CLI_OK) {
        (void)snprintf(w->text, sizeof(w->text), "%s", a.text);
        if (!a.passing) {
            cli_say(c, "%s", a.text);
            return a.exit;
        }
        if (!w->told) {
            cli_say(c, "%s (still trying)", a.text);
            w->told = true;
        }
        return -1;
    }
    w->told = false;
    if (cond_met(&w->cond, a.json)) {
        return c->json ? cli_write_json(c, a.body) : CLI_OK;
    }
    halted = dr_json_get_str(dr_json_get(a.json, "source"), "halted");
    if (halted.n > 0) {
        text_esc(&c->out, halted);
        cli_say(c, "the extractor has halted: %s", c->out.p);
        dr_buf_reset(&c->out);
        return CLI_FAILED;
    }
    cond_progress(&w->cond, a.json, &c->out);
    (void)snprintf(w->text, sizeof(w->text), "%s", c->out.p);
    dr_buf_z(&c->out, "; ");
    fmt_progress(&f, a.json);
    cli_progress(c, dr_buf_view(&c->out));
    dr_buf_reset(&c->out);
    return -1;
}

int cmd_wait(struct cli *c)
{
    struct waiting w = {.until = dr_mono_ms() + c->timeout_ms};
    int64_t pause = FIRST_PAUSE_MS;
    struct dr_buf why;
    int rc = -1;

    dr_buf_init(&why, 4096);
    if (cond_parse(&w.cond, c->args.pos[0], &why)) {
        cli_say(c, "%s", why.p);
        rc = CLI_USAGE;
    }
    dr_buf_done(&why);
    while (rc < 0 && !cli_stop) {
        int64_t left = w.until - dr_mono_ms();
        if (left <= 0) {
            cli_say(c, "not within %lld s: %s; %s",
                    (long long)(c->timeout_ms / 1000), c->args.pos[0], w.text);
            rc = CLI_LATE;
            break;
        }
        rc = look(c, &w, left);
        if (rc < 0) {
            cli_pause(left < pause ? left : pause);
            pause = pause * 3 / 2 < LONGEST_PAUSE_MS ? pause * 3 / 2
                                                     : LONGEST_PAUSE_MS;
        }
    }
    cli_progress_end(c);
    return cli_stop ? CLI_INTERRUPTED : rc;
}
