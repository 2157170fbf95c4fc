#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>

#include "grant.h"
#include "kept.h"

#define TOKEN_TREE_MAX ((size_t)1 << 20)
#define AGAIN_MS 1000               /* at least, whatever the source says */
#define FORM_MAX ((size_t)32 << 10) /* each character encoded */

struct token {
    const struct access *access;
    const struct dr_json *auth;
    struct grant grant;
    struct dr_url url;
    struct throttle throttle;
    char refresh[GRANT_TOKEN_MAX + 1]; /* the newest */
    int64_t renew_at_ms; /* monotonic; -1: when a call is refused */
    bool had;            /* there is an access token              */
    bool let_in;         /* some call was answered by it          */
    bool unsaved;        /* `refresh` is in memory alone          */
    bool told;           /* that nobody keeps it                  */
    bool refused;        /* the last answer was a refusal:        */
    char code[48];       /* this one                              */
};

/* ---- its life ---- */

struct token *token_new(const struct access *x)
{
    const struct dr_json *auth = dr_json_get(x->profile->root, "auth");
    struct dr_err err = {0};
    struct token *t;

    if (!dr_str_eqz(dr_json_get_str(auth, "type"), "oauth2")) {
        return NULL;
    }
    t = dr_xcalloc(1, sizeof(*t));
    t->access = x;
    t->auth = auth;
    if (access_check(x, &err) || grant_read(auth, x->secret, &t->grant, &err) ||
        dr_url_split(dr_json_get_str(auth, "token_url"), &t->url, &err)) {
        dr_die(DR_EXIT_CONFIG, err.where, "%s", err.text);
    }
    (void)snprintf(t->refresh, sizeof(t->refresh), DR_STR_FMT,
                   DR_STR_ARG(t->grant.refresh_token));
    throttle_init(&t->throttle, (uint64_t)dr_wall_ms());
    t->throttle.max_told_ms = access_max_wait_ms(x);
    return t;
}

void token_free(struct token *t)
{
    if (t) {
        explicit_bzero(t, sizeof(*t));
        free(t);
    }
}

bool token_due(const struct token *t)
{
    return !t->had || (t->renew_at_ms >= 0 && dr_mono_ms() >= t->renew_at_ms);
}

void token_let_in(struct token *t)
{
    if (t) {
        t->let_in = true;
    }
}

void token_try_anew(struct token *t)
{
    if (t) {
        t->refused = false;
        t->had = t->had && t->let_in;
    }
}

const char *token_cure(const struct token *t)
{
    return t->refused ? grant_cure(t->code) : NULL;
}

bool token_was_let_in(const struct token *t)
{
    return t->let_in;
}

/* ---- the refresh token that is sent ---- */

static bool is_kept(const struct token *t)
{
    return t->access->refresh_file && t->access->refresh_file[0] &&
           grant_refreshes(t->auth);
}

/* What another process has kept meanwhile (a check of the profile, say). True:
 * it is another than ours. */
static bool take_kept(struct token *t)
{
    char kept[GRANT_TOKEN_MAX + 1];
    struct dr_err err = {0};
    int r = is_kept(t)
                ? kept_read(t->access->refresh_file, &t->grant, kept, &err)
                : 0;
    bool other = r > 0 && strcmp(kept, t->refresh) != 0;

    if (other) {
        (void)snprintf(t->refresh, sizeof(t->refresh), "%s", kept);
        t->unsaved = false;
    } else if (r < 0) {
        dr_log(DR_LOG_ERROR, "extractor.refresh_token",
               "source.refresh_file: %s", err.text);
    }
    explicit_bzero(kept, sizeof(kept));
    return other;
}

/* A token that only this process knows ends with it: a person wants to know
 * before the next start. */
static void save(struct token *t)
{
    struct dr_err err = {0};

    if (!is_kept(t)) {
        dr_log(t->told ? DR_LOG_DEBUG : DR_LOG_WARN, "extractor.refresh_token",
               "the source gave another refresh token, which is in memory "
               "alone: the next start may need a new one in the file of "
               "source.token_file; name a source.refresh_file to keep it");
        t->told = true;
        return;
    }
    t->unsaved = kept_write(t->access->refresh_file, &t->grant,
                            dr_str_z(t->refresh), &err) != 0;
    if (t->unsaved) {
        dr_log(DR_LOG_ERROR, "extractor.refresh_token",
               "the refresh token that the source gave cannot be kept (%s) and "
               "is in memory alone: make source.refresh_file writable; it is "
               "tried again with the next one",
               err.text);
    }
}

/* ---- one call for a token ---- */

struct asked {
    struct dr_http *http;
    struct dr_buf form, answer;
    struct dr_http_answer ans;
    struct dr_arena *arena;
    int64_t sent_ms;
    struct given given;
};

static void open_call(struct token *t, struct asked *q)
{
    struct dr_err err = {0};

    *q = (struct asked){.arena = dr_arena_new(TOKEN_TREE_MAX)};
    access_secret_buf(&q->form, FORM_MAX);
    access_secret_buf(&q->answer, TOKEN_ANSWER_MAX);
    q->http = access_token_client(t->access, &t->url, &t->grant, &err);
    if (!q->http) {
        dr_die(DR_EXIT_CONFIG, err.where, "%s", err.text);
    }
}

static void close_call(struct asked *q)
{
    dr_http_free(q->http);
    access_wipe(&q->form);
    access_wipe(&q->answer);
    dr_arena_wipe(q->arena);
    dr_arena_free(q->arena);
}

static enum grant_says ask(struct token *t, struct api *api, struct asked *q)
{
    const struct dr_json *root;
    struct dr_err err = {0};
    bool whole;

    dr_service_tick(api->svc, 0);
    dr_arena_wipe(q->arena);
    dr_buf_reset(&q->answer);
    grant_form(&q->form, t->auth, &t->grant, dr_str_z(t->refresh));
    api->calls++;
    q->sent_ms = dr_mono_ms();
    whole = dr_http_call(q->http, "POST", t->url.path, dr_buf_view(&q->form),
                         &q->ans, &q->answer, &err) == 0;
    explicit_bzero(q->form.p,
                   q->form.n); /* the next one may be long in coming */
    if (!whole) {
        q->ans.retry_after_ms = -1;
        q->given = (struct given){.lasts_ms = -1, .code = q->ans.reason};
        return GRANT_AGAIN;
    }
    root = dr_json_parse(q->arena, dr_buf_view(&q->answer), NULL, NULL);
    return grant_answer(root, q->ans.status, &q->given);
}

/* ---- what comes of it ---- */

static void take(struct token *t, struct api *api, const struct asked *q)
{
    int64_t renew_ms = grant_renew_ms(q->given.lasts_ms);
    struct dr_err err = {0};
    bool rotated = q->given.refresh.n > 0 && grant_refreshes(t->auth) &&
                   !dr_str_eqz(q->given.refresh, t->refresh);

    if (rotated) {
        (void)snprintf(t->refresh, sizeof(t->refresh), DR_STR_FMT,
                       DR_STR_ARG(q->given.refresh));
    }
    if (rotated || t->unsaved) {
        save(t); /* before it is used: the one before may be gone */
    }
    dr_http_free(api->http);
    api->http = access_client(t->access, q->given.token, api->key, &err);
    if (!api->http) {
        dr_die(DR_EXIT_CONFIG, err.where, "%s", err.text);
    }
    t->renew_at_ms = renew_ms < 0 ? -1 : q->sent_ms + renew_ms;
    t->had = true;
    t->let_in = false;
    t->refused = false;
    t->throttle.failures = t->throttle.refusals = 0;
    dr_log(DR_LOG_DEBUG, "extractor.token", "a new access token, renew_s=%lld",
           (long long)renew_ms / 1000);
}

/* What the calls of a profile that is tried out hear: 401, the key is none. */
static enum api_result tell(struct api *api, int status, const char *code,
                            struct dr_err *err)
{
    api->status = status;
    (void)snprintf(api->code, sizeof(api->code), "%.47s", code);
    (void)dr_err_set(err, DR_REJECT, status, "source",
                     "the source gives no token: %d %s", status, api->code);
    return status > 0 ? API_NO : API_POISON;
}

static enum api_result refuse(struct token *t, struct api *api,
                              const struct asked *q, struct dr_err *err)
{
    if (!api->trying) {
        dr_die(DR_EXIT_FAILURE, "source",
               "the source gives no token (%d %s): %s", q->ans.status,
               q->given.code, grant_cure(q->given.code));
    }
    t->refused = true;
    (void)snprintf(t->code, sizeof(t->code), "%.47s", q->given.code);
    return tell(api, 401, q->given.code, err);
}

/* False: enough; what is asked for then is in *r_out. */
static bool again(struct token *t, struct api *api, struct asked *q,
                  enum api_result *r_out, struct dr_err *err)
{
    int64_t wait = 0;
    int status = q->ans.outcome == DR_HTTP_ANSWERED ? q->ans.status : 0;

    if (status > 0 && status < 500 && status != 429) {
        q->ans.status = 500; /* no usable answer, whatever it says of itself */
    }
    if (throttle_after(&t->throttle, &q->ans, &wait) == THROTTLE_GIVE_UP) {
        dr_die(DR_EXIT_FAILURE, "source",
               "no token after %d tries (status %d, %s): check auth.token_url "
               "of the profile and the source's health, then start again; "
               "nothing is lost",
               THROTTLE_MAX_FAILURES, status, q->given.code);
    }
    if (api->trying && t->throttle.failures > API_TRIES_MAX) {
        t->throttle.failures = 0;
        *r_out = tell(api, status > 0 ? q->ans.status : 0, q->given.code, err);
        return false;
    }
    api->status = status;
    *r_out = API_STOPPED;
    return api_wait_told(api, wait > AGAIN_MS ? wait : AGAIN_MS);
}

/* Of two processes with one refresh token that rotates the slower one sends
 * what is used up, and the other keeps the new one a moment later. */
static bool was_renewed(struct token *t, struct api *api, const struct asked *q)
{
    return strcmp(q->given.code, "invalid_grant") == 0 &&
           (take_kept(t) ||
            (is_kept(t) && api_wait(api, AGAIN_MS) && take_kept(t)));
}

enum api_result token_renew(struct token *t, struct api *api,
                            struct dr_err *err)
{
    enum api_result r = API_STOPPED;
    bool going = true, other = false;
    struct asked q;

    if (api->trying && t->refused) { /* asked once for all of its calls */
        return tell(api, 401, t->code, err);
    }
    if (!t->unsaved) { /* else ours is the newer one */
        (void)take_kept(t);
    }
    open_call(t, &q);
    while (going && !dr_stop) {
        enum grant_says says = ask(t, api, &q);
        if (says == GRANT_AGAIN) {
            going = again(t, api, &q, &r, err);
        } else if (says == GRANT_REFUSED && !other && was_renewed(t, api, &q)) {
            other = true; /* once */
        } else if (!dr_stop || says == GRANT_GIVEN) {
            going = false;
            r = says == GRANT_GIVEN ? API_OK : refuse(t, api, &q, err);
        }
    }
    if (r == API_OK) {
        take(t, api, &q);
    }
    close_call(&q);
    return r;
}
