/* Steps: what moves the migration on. */
#include "cli.h"

#include <string.h>

#include "fmt.h"

enum who { BY, PAUSE, RESUME }; /* PAUSE, RESUME: nobody */

static int step(struct cli *c, const char *path, enum who who, const char *hash)
{
    struct fmt f = {.out = &c->out, .arena = c->arena, .color = c->color};
    const char *size = args_flag(&c->args, "size");
    bool keep = args_flag(&c->args, "keep-removals") != NULL;
    const char *by = who == BY ? cli_by(c) : NULL;
    const struct dr_json *j = NULL;
    struct dr_json_w w;
    struct dr_buf body;
    uint64_t n = 0;
    int rc;

    if (who == BY && !by) {
        return CLI_USAGE;
    }
    if (size && (dr_str_u64(dr_str_z(size), &n) || n == 0 || n > 100000)) {
        cli_say(c, "--size is a number from 1 to 100000");
        return CLI_USAGE;
    }
    dr_buf_init(&body, 65536);
    dr_json_w_init(&w, &body);
    if (by || size || keep) {
        dr_json_w_obj(&w);
        if (by) {
            dr_json_w_kvz(&w, "by", by);
        }
        if (hash) {
            dr_json_w_kvz(&w, "hash", hash);
        }
        if (size) {
            dr_json_w_kvi(&w, "size", (int64_t)n);
        }
        if (keep) {
            dr_json_w_kvb(&w, "keep_removals", true);
        }
        dr_json_w_end(&w);
    }
    rc = api_call(c, "POST", path, dr_buf_view(&body), &j);
    dr_buf_done(&body);
    if (rc != CLI_OK) {
        return rc;
    }
    if (c->json) {
        return cli_write_json(c, j->raw);
    }
    if (who == PAUSE || who == RESUME) {
        dr_buf_z(&c->out, who == PAUSE ? "paused, " : "resumed, ");
    }
    fmt_step(&f, j);
    return cli_flush(c);
}

int cmd_sample_start(struct cli *c)
{
    return step(c, "/v1/sample/start", BY, NULL);
}

int cmd_sample_sign(struct cli *c)
{
    return step(c, "/v1/sample/sign", BY, cli_hash(c->args.pos[0]));
}

int cmd_run(struct cli *c)
{
    return step(c, "/v1/run", BY, NULL);
}

int cmd_pause(struct cli *c)
{
    return step(c, "/v1/pause", PAUSE, NULL);
}

int cmd_resume(struct cli *c)
{
    return step(c, "/v1/resume", RESUME, NULL);
}

int cmd_freeze(struct cli *c)
{
    return step(c, "/v1/freeze", BY, NULL);
}

int cmd_cutover(struct cli *c)
{
    return step(c, "/v1/cutover", BY, NULL);
}

int cmd_redrive(struct cli *c)
{
    return step(c, "/v1/rejected/redrive", BY, NULL);
}
