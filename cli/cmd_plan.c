/* Plan, checklist, owners, duplicates. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <drover/base/clock.h>

#include "fmt.h"

#define PLAN_MAX ((size_t)64 << 20)

static struct fmt fmt_of(struct cli *c)
{
    return (struct fmt){.out = &c->out, .arena = c->arena, .color = c->color};
}

/* GET, then the JSON as it is or as text. */
static int show(struct cli *c, const char *path,
                void (*print)(struct fmt *, const struct dr_json *))
{
    const struct dr_json *j;
    struct fmt f = fmt_of(c);
    int rc = api_get(c, path, &j);

    if (rc != CLI_OK) {
        return rc;
    }
    if (c->json) {
        return cli_write_json(c, j->raw);
    }
    print(&f, j);
    return cli_flush(c);
}

int cmd_owners(struct cli *c)
{
    return show(c, "/v1/reports/owners.json", fmt_owners);
}

int cmd_duplicates(struct cli *c)
{
    return show(c, "/v1/reports/duplicates.json", fmt_duplicates);
}

/* What was answered about a plan: hash and counts; of a 422 its problems. */
static int plan_answer(struct cli *c, int rc, const struct dr_json *j)
{
    struct fmt f = fmt_of(c);

    if (rc == CLI_DATA && dr_json_get(j, "problems")) {
        if (c->json) {
            return cli_write_json(c, j->raw) ? CLI_FAILED : rc;
        }
        fmt_problems(&f, dr_json_get(j, "problems"));
        return cli_flush(c) ? CLI_FAILED : rc;
    }
    if (rc != CLI_OK) {
        return rc;
    }
    if (c->json) {
        return cli_write_json(c, j->raw);
    }
    fmt_proposed(&f, j);
    return cli_flush(c);
}

/* "a,b" as a JSON list. */
static int list_flag(struct cli *c, struct dr_json_w *w, const char *flag,
                     const char *key)
{
    const char *given = args_flag(&c->args, flag);
    struct dr_str rest = dr_str_z(given ? given : "");

    if (!given) {
        return CLI_OK;
    }
    dr_json_w_key(w, key);
    dr_json_w_arr(w);
    while (rest.p) {
        struct dr_str one = dr_str_trim(dr_str_split(&rest, ','));
        if (one.n == 0) {
            cli_say(c, "--%s: a name is empty; give a,b", flag);
            return CLI_USAGE;
        }
        dr_json_w_str(w, one);
    }
    dr_json_w_end(w);
    return CLI_OK;
}

static void text_flags(struct cli *c, struct dr_json_w *w,
                       const char *const flags[][2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *given = args_flag(&c->args, flags[i][0]);
        if (given) {
            dr_json_w_kvz(w, flags[i][1], given);
        }
    }
}

/* What is wanted, as the API has it: the auditor says what is wrong with it. */
static int wishes(struct cli *c, struct dr_json_w *w)
{
    static const char *const plain[][2] = {{"house-owner", "house_owner"},
                                           {"fallback-owner", "fallback_owner"},
                                           {"orphan-account", "orphan_account"},
                                           {"events", "events"},
                                           {"calls", "calls"},
                                           {"html", "html"},
                                           {"line-currency", "line_currency"},
                                           {"long-texts", "long_texts"}};
    static const char *const files[][2] = {{"max-file", "max_bytes"},
                                           {"storage", "storage_bytes"},
                                           {"too-large", "too_large"},
                                           {"beyond-storage", "beyond"},
                                           {"broken", "broken"}};
    bool any = false;

    dr_json_w_obj(w);
    text_flags(c, w, plain, DR_ARRAY_LEN(plain));
    if (list_flag(c, w, "scope", "scope") ||
        list_flag(c, w, "custom-objects", "custom_objects")) {
        return CLI_USAGE;
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(files); i++) {
        any |= args_flag(&c->args, files[i][0]) != NULL;
    }
    if (any) {
        dr_json_w_key(w, "files");
        dr_json_w_obj(w);
        text_flags(c, w, files, DR_ARRAY_LEN(files));
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
    return CLI_OK;
}

int cmd_propose(struct cli *c)
{
    const struct dr_json *j = NULL;
    struct dr_json_w w;
    struct dr_buf body;
    int rc;

    dr_buf_init(&body, (size_t)1 << 20);
    dr_json_w_init(&w, &body);
    rc = wishes(c, &w);
    if (rc == CLI_OK) {
        rc = api_call(c, "POST", "/v1/plan/propose", dr_buf_view(&body), &j);
        rc = plan_answer(c, rc, j);
    }
    dr_buf_done(&body);
    return rc;
}

/* 404 without a hash means that there is no plan at all. */
static int no_plan(struct cli *c, const struct api_answer *a)
{
    cli_say(c, "%s", a->text);
    return a->status == 404 && !args_flag(&c->args, "hash") ? CLI_PLAN
                                                            : a->exit;
}

int cmd_plan_show(struct cli *c)
{
    const char *hash = cli_hash(args_flag(&c->args, "hash"));
    struct fmt f = fmt_of(c);
    struct api_answer a;
    struct dr_buf path;

    dr_buf_init(&path, 8192);
    dr_buf_z(&path, "/v1/plan");
    if (hash) {
        dr_buf_z(&path, "?hash=");
        dr_buf_urlenc(&path, dr_str_z(hash));
    }
    api_try(c, "GET", path.p, (struct dr_str){NULL, 0}, c->timeout_ms, &a);
    dr_buf_done(&path);
    if (a.exit != CLI_OK) {
        return no_plan(c, &a);
    }
    if (c->json) {
        return cli_write_json(c, a.body);
    }
    fmt_plan(&f, a.json);
    return cli_flush(c);
}

static int read_plan(struct cli *c, const char *path, struct dr_buf *out)
{
    bool std = strcmp(path, "-") == 0;
    FILE *f = std ? stdin : fopen(path, "rbe");
    char piece[16384];
    bool bad;
    size_t n;

    if (!f) {
        cli_say(c, "%s cannot be read: %s", path, strerror(errno));
        return CLI_FAILED;
    }
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0 && !cli_stop) {
        dr_buf_add(out, piece, n);
    }
    bad = ferror(f) != 0;
    if (!std) {
        (void)fclose(f);
    }
    if (cli_stop) {
        return CLI_INTERRUPTED;
    }
    if (bad || out->over) {
        cli_say(c,
                bad ? "%s cannot be read to its end"
                    : "%s is larger than 64 MiB: is it a plan?",
                path);
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cmd_plan_put(struct cli *c)
{
    struct dr_json_limits limits = {.max_bytes = PLAN_MAX,
                                    .max_nodes = 4000000};
    const struct dr_json *j = NULL;
    struct dr_err err;
    struct dr_buf plan;
    int rc;

    dr_buf_init(&plan, PLAN_MAX);
    rc = read_plan(c, c->args.pos[0], &plan);
    if (rc == CLI_OK &&
        dr_json_type(dr_json_parse(c->arena, dr_buf_view(&plan), &limits,
                                   &err)) != DR_JSON_OBJECT) {
        cli_say(c, "%s is no plan: %s", c->args.pos[0],
                err.text[0] ? err.text : "not a JSON object");
        rc = CLI_DATA;
    }
    if (rc == CLI_OK) {
        rc = api_call(c, "PUT", "/v1/plan", dr_buf_view(&plan), &j);
        rc = plan_answer(c, rc, j);
    }
    dr_buf_done(&plan);
    return rc;
}

/* With --approved: is it the approved plan? */
static int is_approved(struct cli *c, const char *hash)
{
    const struct dr_json *j;
    int rc = api_get(c, "/v1/status", &j);

    if (rc != CLI_OK) {
        return rc;
    }
    if (hash[0] == '\0' || !dr_str_eqz(dr_json_get_str(j, "plan_hash"), hash)) {
        cli_say(c, "the plan is not the approved one: approve it with `drover "
                   "plan approve HASH`");
        return CLI_PLAN;
    }
    return CLI_OK;
}

int cmd_plan_check(struct cli *c)
{
    const char *hash = cli_hash(args_flag(&c->args, "hash"));
    struct fmt f = fmt_of(c);
    const struct dr_json *problems;
    struct api_answer a;
    struct dr_json_w w;
    struct dr_buf body;
    char checked[256];
    int rc;

    dr_buf_init(&body, 65536);
    dr_json_w_init(&w, &body);
    dr_json_w_obj(&w);
    if (hash) {
        dr_json_w_kvz(&w, "hash", hash);
    }
    dr_json_w_end(&w);
    api_try(c, "POST", "/v1/plan/check", dr_buf_view(&body), c->timeout_ms, &a);
    dr_buf_done(&body);
    if (a.exit != CLI_OK) {
        return a.status == 422 ? plan_answer(c, a.exit, a.json)
                               : no_plan(c, &a);
    }
    problems = dr_json_get(a.json, "problems");
    if (dr_json_type(problems) != DR_JSON_ARRAY) {
        cli_say(c, "the answer lists no problems: are drover and the auditor "
                   "of the same version?");
        return CLI_FAILED;
    }
    rc = problems->count > 0 ? CLI_DATA : CLI_OK;
    (void)snprintf(checked, sizeof(checked), DR_STR_FMT,
                   DR_STR_ARG(dr_json_get_str(a.json, "hash")));
    if (!c->json) {
        fmt_pair(&f, "plan", dr_json_get(a.json, "hash"));
        fmt_problems(&f, problems);
    }
    if (c->json ? cli_write_json(c, a.body) : cli_flush(c)) {
        return CLI_FAILED;
    }
    return rc == CLI_OK && args_flag(&c->args, "approved")
               ? is_approved(c, checked)
               : rc;
}

int cmd_plan_approve(struct cli *c)
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
    dr_json_w_kvz(&w, "hash", cli_hash(c->args.pos[0]));
    dr_json_w_kvz(&w, "by", by);
    dr_json_w_end(&w);
    rc = api_call(c, "POST", "/v1/plan/approve", dr_buf_view(&body), &j);
    dr_buf_done(&body);
    if (rc != CLI_OK || c->json) {
        return plan_answer(c, rc, j);
    }
    dr_buf_z(&c->out, "approved ");
    fmt_value(&c->out, dr_json_get(j, "hash"));
    dr_buf_ch(&c->out, '\n');
    return cli_flush(c);
}

/* ---- ready ---- */

/* Asks for the target's set-up to be read again, and waits until it was. */
static int refresh(struct cli *c)
{
    int64_t until = dr_mono_ms() + c->timeout_ms, wanted = -1;
    const struct dr_json *j = NULL;
    int rc =
        api_call(c, "POST", "/v1/target/refresh", (struct dr_str){NULL, 0}, &j);

    if (rc != CLI_OK) {
        return rc;
    }
    wanted = dr_json_get_i64(j, "catalog_wanted", -1);
    if (wanted < 0) {
        cli_say(c, "the answer names no catalog_wanted: are drover and the "
                   "auditor of the same version?");
        return CLI_FAILED;
    }
    while (!cli_stop) {
        int64_t left = until - dr_mono_ms();
        struct api_answer a = {.exit = CLI_LATE};
        if (left > 0) {
            api_try(c, "GET", "/v1/status", (struct dr_str){NULL, 0}, left, &a);
        }
        if (a.exit == CLI_OK && dr_json_get_i64(dr_json_get(a.json, "target"),
                                                "catalog_seq", -1) >= wanted) {
            return CLI_OK;
        }
        if (a.exit != CLI_OK && !a.passing && left > 0) {
            cli_say(c, "%s", a.text);
            return a.exit;
        }
        if (left <= 0) {
            cli_say(c, "the target was not read again in time: is a loader "
                       "running? (--timeout allows more)");
            return CLI_LATE;
        }
        cli_progress(c, DR_STR_LIT("waiting for a loader to read the target's "
                                   "set-up"));
        cli_pause(left < 250 ? left : 250);
    }
    return CLI_INTERRUPTED;
}

int cmd_ready(struct cli *c)
{
    struct fmt f = fmt_of(c);
    const struct dr_json *j, *ready;
    int rc = CLI_OK;

    if (args_flag(&c->args, "refresh")) {
        rc = refresh(c);
        cli_progress_end(c);
    }
    if (rc == CLI_OK) {
        rc = api_get(c, "/v1/ready", &j);
    }
    if (rc != CLI_OK) {
        return rc;
    }
    ready = dr_json_get(j, "ready");
    if (dr_json_type(ready) != DR_JSON_TRUE &&
        dr_json_type(ready) != DR_JSON_FALSE) {
        cli_say(c, "the answer does not say whether the target is ready: are "
                   "drover and the auditor of the same version?");
        return CLI_FAILED;
    }
    rc = dr_json_true(ready) ? CLI_OK : CLI_GATE;
    if (c->json) {
        return cli_write_json(c, j->raw) ? CLI_FAILED : rc;
    }
    fmt_ready(&f, j);
    return cli_flush(c) ? CLI_FAILED : rc;
}
