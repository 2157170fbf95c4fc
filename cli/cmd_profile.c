/* The profile's check: asked for, waited for, printed. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/clock.h>

#include "fmt.h"

#define REPORT "/v1/reports/profile-check.json"
#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 2000
#define ONE_CALL_MS 30000

static int show(struct cli *c, const struct dr_json *j)
{
    struct fmt f = {.out = &c->out, .arena = c->arena, .color = c->color};
    int64_t failed = fmt_profile_check(&f, j);
    int rc;

    if (c->json) {
        dr_buf_reset(&c->out);
        rc = cli_write_json(c, j->raw);
    } else {
        rc = cli_flush(c);
    }
    return rc == CLI_OK && failed > 0 ? CLI_DATA : rc;
}

/* CLI_OK: *number is that of the check to come. */
static int ask_for_it(struct cli *c, int64_t *number)
{
    const struct dr_json *j;
    int rc =
        api_call(c, "POST", "/v1/profile/check", (struct dr_str){NULL, 0}, &j);

    if (rc != CLI_OK) {
        return rc;
    }
    *number = dr_json_get_i64(j, "check_wanted", 0);
    if (*number <= 0) {
        cli_say(c, "the answer gives the check no number: are drover and the "
                   "auditor of the same version?");
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* CLI_OK, or the exit code: it is shown. -1: not yet; why is in text. */
static int look(struct cli *c, int64_t number, int64_t left, char *text,
                size_t n)
{
    struct api_answer a;

    api_try(c, "GET", REPORT, (struct dr_str){NULL, 0},
            left < ONE_CALL_MS ? left : ONE_CALL_MS, &a);
    if (a.exit == CLI_OK && dr_json_get_i64(a.json, "number", 0) >= number) {
        cli_progress_end(c);
        return show(c, a.json);
    }
    if (a.exit == CLI_OK || a.status == 404) {
        (void)snprintf(text, n, "the extractor has not answered");
    } else if (a.passing) {
        (void)snprintf(text, n, "%s", a.text);
    } else {
        cli_say(c, "%s", a.text);
        return a.exit;
    }
    cli_progress(c, DR_STR_LIT("waiting for the extractor to try each call"));
    return -1;
}

static int too_late(struct cli *c, const char *text)
{
    cli_say(c,
            "not within %lld s: %s. Is it running, and is its log quiet? It "
            "checks between two steps, and a long one must end first; then "
            "`drover profile check --last` shows what it found",
            (long long)(c->timeout_ms / 1000), text);
    return CLI_LATE;
}

int cmd_profile_check(struct cli *c)
{
    int64_t until = dr_mono_ms() + c->timeout_ms, pause = FIRST_PAUSE_MS;
    const struct dr_json *j;
    char text[2048] = "";
    int64_t number;
    int rc;

    if (args_flag(&c->args, "last")) {
        rc = api_get(c, REPORT, &j);
        return rc == CLI_OK ? show(c, j) : rc;
    }
    rc = ask_for_it(c, &number);
    if (rc != CLI_OK) {
        return rc;
    }
    rc = -1;
    while (rc < 0 && !cli_stop) {
        int64_t left = until - dr_mono_ms();
        if (left <= 0) {
            rc = too_late(c, text);
            break;
        }
        rc = look(c, number, left, text, sizeof(text));
        if (rc < 0) {
            cli_pause(left < pause ? left : pause);
            pause = pause * 3 / 2 < LONGEST_PAUSE_MS ? pause * 3 / 2
                                                     : LONGEST_PAUSE_MS;
        }
    }
    cli_progress_end(c);
    return cli_stop ? CLI_INTERRUPTED : rc;
}
