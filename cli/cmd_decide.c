/* What people let pass or rebuild: questions, deletions, the inventory. */
#include "cli.h"

#include "fmt.h"

static struct fmt fmt_of(struct cli *c)
{
    return (struct fmt){.out = &c->out, .arena = c->arena, .color = c->color};
}

static int print(struct cli *c, const struct dr_json *j,
                 void (*text)(struct fmt *, const struct dr_json *))
{
    struct fmt f = fmt_of(c);

    if (c->json) {
        return cli_write_json(c, j->raw);
    }
    text(&f, j);
    return cli_flush(c);
}

int cmd_asks(struct cli *c)
{
    const struct dr_json *j;
    int rc = api_get(c, "/v1/asks", &j);

    return rc == CLI_OK ? print(c, j, fmt_asks) : rc;
}

int cmd_inventory(struct cli *c)
{
    const struct dr_json *j;
    int rc = api_get(c, "/v1/reports/inventory.json", &j);

    return rc == CLI_OK ? print(c, j, fmt_inventory) : rc;
}

int cmd_approve(struct cli *c)
{
    const char *by = cli_by(c);
    const struct dr_json *j = NULL;
    struct dr_json_w w;
    struct dr_buf body;
    int rc;

    if (!by) {
        return CLI_USAGE;
    }
    dr_buf_init(&body, 65536);
    dr_json_w_init(&w, &body);
    dr_json_w_obj(&w);
    dr_json_w_kvz(&w, "id", c->args.pos[0]);
    dr_json_w_kvz(&w, "by", by);
    dr_json_w_end(&w);
    rc = api_call(c, "POST", "/v1/asks/approve", dr_buf_view(&body), &j);
    dr_buf_done(&body);
    return rc == CLI_OK ? print(c, j, fmt_asks) : rc;
}

/* "a,b" as a JSON list. */
static void id_list(struct dr_json_w *w, const char *ids)
{
    struct dr_str rest = dr_str_z(ids);

    dr_json_w_key(w, "ids");
    dr_json_w_arr(w);
    while (rest.p) {
        struct dr_str one = dr_str_trim(dr_str_split(&rest, ','));
        if (one.n > 0) {
            dr_json_w_str(w, one);
        }
    }
    dr_json_w_end(w);
}

static void removals_body(struct dr_json_w *w, const char *by,
                          const char *object, const char *ids)
{
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "by", by);
    if (object) {
        dr_json_w_kvz(w, "object", object);
    }
    if (ids) {
        id_list(w, ids);
    }
    dr_json_w_end(w);
}

static void fmt_approved(struct fmt *f, const struct dr_json *j)
{
    fmt_value(f->out, dr_json_get(j, "approved"));
    dr_buf_z(f->out, " deletions are on their way to Freshsales\n");
}

int cmd_removals_approve(struct cli *c)
{
    const char *by = cli_by(c), *ids = args_flag(&c->args, "ids");
    const char *object = args_flag(&c->args, "object");
    bool all = args_flag(&c->args, "all") != NULL;
    const struct dr_json *j = NULL;
    struct dr_json_w w;
    struct dr_buf body;
    int rc;

    if (!by) {
        return CLI_USAGE;
    }
    if (all == (object != NULL) || (ids && !object)) {
        cli_say(c, "name what may be deleted: --all, or --object O, or "
                   "--object O --ids a,b");
        return CLI_USAGE;
    }
    dr_buf_init(&body, (size_t)1 << 20);
    dr_json_w_init(&w, &body);
    removals_body(&w, by, object, ids);
    rc = api_call(c, "POST", "/v1/removals/approve", dr_buf_view(&body), &j);
    dr_buf_done(&body);
    return rc == CLI_OK ? print(c, j, fmt_approved) : rc;
}
