/*
 * The account (contract 4.2): plan, scopes and capabilities decide what a read
 * means. They are compared with what this migration was begun or approved
 * with, at each start and in each round of the tail; when they changed, a
 * person is asked before anything more is believed.
 */
#include "extractor.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#define ACCOUNT_CURSOR "#account"
#define TERMS_MAX ((size_t)64 << 10)

/* Plan, scopes and capabilities in canonical JSON. */
static void terms_of(const struct dr_json *account, struct dr_buf *out)
{
    static const char *const keys[] = {"plan", "scopes", "capabilities"};

    dr_buf_init(out, TERMS_MAX);
    for (size_t i = 0; i < DR_ARRAY_LEN(keys); i++) {
        const struct dr_json *j = dr_json_get(account, keys[i]);
        dr_buf_printf(out, "%s\"%s\":", i ? "," : "{", keys[i]);
        if (j) {
            dr_json_canonical(out, j);
        } else {
            dr_buf_z(out, "null");
        }
    }
    dr_buf_z(out, "}");
}

static void save_terms(struct extractor *ex)
{
    struct dr_env env = {.kind = DR_MSG_CURSOR};

    env.u.cursor = (struct dr_cursor){.name = DR_STR_LIT(ACCOUNT_CURSOR),
                                      .json = dr_buf_view(&ex->terms)};
    dr_service_send(ex->svc, ex->producer, ex->cursor_topic, 0,
                    DR_STR_LIT(ACCOUNT_CURSOR), &env, NULL, NULL);
    emit_flush(ex);
}

bool account_read_back(struct extractor *ex, const struct dr_cursor *c)
{
    if (!dr_str_eqz(c->name, ACCOUNT_CURSOR)) {
        return false;
    }
    dr_buf_reset(&ex->terms);
    dr_buf_str(&ex->terms, c->json);
    return true;
}

static bool has_scope(const struct dr_json *account, const char *name)
{
    const struct dr_json *scopes = dr_json_get(account, "scopes");

    /* A source that names none promises all. */
    return !scopes || dr_json_lists(scopes, dr_str_z(name));
}

/* What a person wants to hear first. */
static void say_change(const struct extractor *ex, const struct dr_json *now,
                       char *out, size_t n)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *was =
        dr_json_parse(a, dr_buf_view(&ex->terms), NULL, NULL);
    struct dr_str plan_was = dr_json_get_str(was, "plan");
    struct dr_str plan = dr_json_get_str(now, "plan");
    size_t used;

    (void)snprintf(out, n, "the source's account has changed: plan %.20s",
                   plan.n ? dr_arena_dupz(a, plan) : "unknown");
    used = strlen(out);
    if (!dr_str_eq(plan, plan_was)) {
        (void)snprintf(out + used, n - used, " (was %.20s)",
                       plan_was.n ? dr_arena_dupz(a, plan_was) : "unknown");
    }
    DR_JSON_EACH(s, dr_json_get(was, "scopes"))
    {
        const char *name = dr_arena_dupz(a, dr_json_str(s));
        used = strlen(out);
        if (!has_scope(now, name)) {
            (void)snprintf(out + used, n - used, ", without the scope %.30s",
                           name);
        }
    }
    used = strlen(out);
    (void)snprintf(out + used, n - used,
                   ". Put it back, or approve what it is now");
}

static bool take_terms(struct extractor *ex, const struct dr_json *account,
                       struct ask *out)
{
    struct dr_buf now;
    uint8_t sum[32];
    char hex[65];
    bool same;

    ex->mail_bodies = has_scope(account, "email_body.read");
    if (has_scope(account, "files.read")) {
        ex->files_refused = false;
    }
    terms_of(account, &now);
    same = dr_str_eq(dr_buf_view(&now), dr_buf_view(&ex->terms));
    if (!same) {
        dr_sha256(dr_buf_view(&now), sum);
        dr_hex(sum, 4, hex);
        *out = (struct ask){.kind = "scope", .count = 1};
        (void)snprintf(out->id, sizeof(out->id), "scope:%s", hex);
        say_change(ex, account, out->text, sizeof(out->text));
        if (ex->terms.n == 0 || ask_approved(ex, out->id)) {
            dr_buf_reset(&ex->terms);
            dr_buf_str(&ex->terms, dr_buf_view(&now));
            ask_close(ex, out->id);
            emit_catalog(ex, "source", "account", account->raw);
            save_terms(ex);
            ex->probe = true;
            same = true;
        }
    }
    dr_buf_done(&now);
    return same;
}

/* Asks the account until it is what was approved. */
bool account_check(struct extractor *ex)
{
    for (;;) {
        struct dr_err err = {0};
        struct page page;
        struct ask a;
        enum api_result r =
            api_page(&ex->api, path_account(), (struct dr_str){0},
                     ex->inner_arena, &page, &err);

        if (r == API_STOPPED) {
            return false;
        }
        if (r != API_OK) {
            api_refused(&ex->api, path_account());
        }
        if (take_terms(ex, page.root, &a)) {
            if (ex->account_asked[0]) { /* put back */
                ask_close(ex, ex->account_asked);
                ex->account_asked[0] = ex->halted[0] = '\0';
                ex->probe = true; /* the schema may be of the time between */
                emit_status(ex, true);
            }
            return true;
        }
        if (strcmp(ex->account_asked, a.id) != 0) {
            ask_close(ex, ex->account_asked);
        }
        memcpy(ex->account_asked, a.id, sizeof(ex->account_asked));
        (void)snprintf(ex->halted, sizeof(ex->halted), "%s", a.text);
        (void)ask(ex, &a);
        emit_status(ex, false);
        if (!api_wait(&ex->api, ex->poll_ms < 1000 ? ex->poll_ms : 1000)) {
            return false;
        }
        control_poll(ex);
        profile_asked(ex);
    }
}

/* Bodies that are left out by the source must not pass for what is there. */
bool account_allows(struct extractor *ex, const struct object *o)
{
    struct ask a = {.kind = "scope",
                    .id = "scope:email_body.read",
                    .text = "the token lacks the scope email_body.read: bodies "
                            "of e-mails would be a placeholder. Give it the "
                            "scope and start again, or approve that they stay "
                            "behind",
                    .count = o->expected};

    if (strcmp(o->name, "email") != 0 || ex->mail_bodies) {
        return true;
    }
    return ask_wait(ex, &a);
}

bool account_skips(struct extractor *ex, struct object *o)
{
    struct ask a = {.kind = "scope", .count = o->expected};

    (void)snprintf(a.id, sizeof(a.id), "scope:%s", o->name);
    (void)snprintf(a.text, sizeof(a.text),
                   "the token or the plan does not allow reading %s: give it "
                   "the scope and start again, or approve that these records "
                   "stay behind",
                   o->name);
    if (!ask_wait(ex, &a)) {
        return false;
    }
    o->readable = false;
    read_again(ex, o);
    dr_log(DR_LOG_WARN, "extractor.object_refused", "object=%s", o->name);
    return true;
}

bool account_probe(struct extractor *ex, struct object *o)
{
    struct dr_err err = {0};
    struct page page;
    enum api_result r;

    if (object_needed(dr_str_z(o->name))) {
        return true;
    }
    if (o->is == OBJECT_EVENTS) {
        path_events(&ex->path, (struct dr_str){0}, 1);
    } else {
        path_list(&ex->path, o->name, (struct dr_str){0}, 1);
    }
    r = api_page(&ex->api, ex->path.p, (struct dr_str){0}, ex->inner_arena,
                 &page, &err);
    if (r == API_NO && ex->api.status == 403) {
        return account_skips(ex, o);
    }
    /* A page that breaks is one that may be read. */
    o->readable =
        o->readable || r == API_OK || r == API_POISON || r == API_LARGE;
    return r != API_STOPPED;
}

void account_files(struct extractor *ex)
{
    struct ask a = {.kind = "scope",
                    .id = "scope:files.read",
                    .text = "the token lacks the scope files.read: the bytes "
                            "of attachments cannot be fetched. Give it the "
                            "scope, or approve that they stay behind",
                    .count = files_pending(&ex->files)};

    if (ex->files_refused) {
        ex->files_left = ask(ex, &a);
    } else {
        ask_close(ex, a.id);
    }
}
