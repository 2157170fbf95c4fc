#include "api.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>

#include "door.h"
#include "express.h"
#include "folder.h"
#include "token.h"

void api_init(struct api *a, struct dr_service *svc, const struct access *x)
{
    struct dr_err err = {0};

    *a = (struct api){
        .svc = svc, .access = *x, .profile = x->profile, .date_ms = -1};
    a->door = door_new(a, x->profile);
    dr_buf_init(&a->key_path, 128 << 10);
    dr_buf_init(&a->answer, ANSWER_MAX);
    if (strncmp(x->url, "folder:", 7) == 0) { /* no server: no client */
        throttle_init(&a->throttle, 0);
        return;
    }
    throttle_init(&a->throttle, (uint64_t)dr_wall_ms());
    a->throttle.max_told_ms = access_max_wait_ms(x);
    a->token = token_new(&a->access);
    a->http = a->token ? NULL : access_client(x, x->secret, a->key, &err);
    if (!a->token && !a->http) {
        dr_die(DR_EXIT_CONFIG, err.where, "%s", err.text);
    }
}

void api_done(struct api *a)
{
    door_free(a->door);
    dr_http_free(a->http);
    token_free(a->token);
    folder_free(a->folder);
    dr_buf_done(&a->answer);
    access_wipe(&a->key_path);
    explicit_bzero(a->key, sizeof(a->key));
}

/* Beyond this a person who looks at the log wants to know. */
#define WAIT_TOLD_MS 5000
/* A token that is refused sooner than that is refused for what it is; later it
 * was taken back, like the one before it; but not always anew. */
#define NEW_TOKEN_MS 10000
#define NEW_TOKENS_MAX 10 /* of one call */
/* A source whose cursors always expire would be read for ever. */
#define EXPIRED_MAX 1000

bool api_wait_told(struct api *a, int64_t ms)
{
    if (ms >= WAIT_TOLD_MS) {
        dr_log(DR_LOG_INFO, "extractor.waiting",
               "status=%d wait_s=%lld: the source asks for it, or does not "
               "answer",
               a->status, (long long)ms / 1000);
    }
    return api_wait(a, ms);
}

bool api_wait(struct api *a, int64_t ms)
{
    int64_t until = dr_mono_ms() + ms;

    for (;;) {
        int64_t left = until - dr_mono_ms();
        if (dr_stop) {
            return false;
        }
        if (left <= 0) {
            return true;
        }
        dr_service_tick(a->svc, left < 200 ? (int)left : 200);
    }
}

static struct dr_str error_part(const struct api *a, const struct dr_json *root,
                                const char *what)
{
    struct dr_str at = profile_error_pointer(a->profile, what);

    return at.n > 0 ? dr_json_scalar(pointer_get(root, at))
                    : (struct dr_str){0};
}

static void read_error(struct api *a, struct dr_arena *arena,
                       struct dr_err *err)
{
    const struct dr_json *root =
        dr_json_parse(arena, dr_buf_view(&a->answer), NULL, NULL);

    snprintf(a->code, sizeof(a->code), DR_STR_FMT,
             DR_STR_ARG(error_part(a, root, "code")));
    snprintf(a->poison_id, sizeof(a->poison_id), DR_STR_FMT,
             DR_STR_ARG(error_part(a, root, "id")));
    snprintf(a->poison_after, sizeof(a->poison_after), DR_STR_FMT,
             DR_STR_ARG(error_part(a, root, "after")));
    (void)dr_err_set(err, DR_REJECT, a->status, "source",
                     "the source answered %d %s", a->status, a->code);
}

/* By the server, or by the folder that stands for one. */
static void one_call(struct api *a, const char *method, const char *path,
                     struct dr_str body, struct dr_http_answer *ans)
{
    struct dr_err err = {0};

    *ans = (struct dr_http_answer){.outcome = DR_HTTP_ANSWERED,
                                   .retry_after_ms = -1,
                                   .date_ms = -1,
                                   .limit = -1,
                                   .remaining = -1};
    if (a->folder) {
        ans->status =
            folder_answer(a->folder, dr_str_z(path), body, &a->answer);
    } else if (dr_http_call(a->http, method, path, body, ans, &a->answer,
                            &err)) {
        bool left = ans->outcome != DR_HTTP_NOT_SENT;
        *ans = (struct dr_http_answer){.outcome = left ? DR_HTTP_UNSETTLED
                                                       : DR_HTTP_NOT_SENT,
                                       .too_large = ans->too_large,
                                       .retry_after_ms = -1,
                                       .date_ms = -1,
                                       .limit = -1,
                                       .remaining = -1};
    }
}

/* The request, its answer in a->answer. */
static void exchange(struct api *a, const char *method, const char *path,
                     struct dr_str body, struct dr_http_answer *ans)
{
    if (a->key[0]) {
        dr_buf_reset(&a->key_path);
        dr_buf_printf(&a->key_path, "%s%c%s", path,
                      strchr(path, '?') ? '&' : '?', a->key);
        path = a->key_path.p;
    }
    dr_service_tick(a->svc, 0);
    a->calls++;
    dr_buf_reset(&a->answer);
    one_call(a, method, path, body, ans);
    a->status = ans->status;
    a->date_ms = ans->date_ms;
    a->took_ms = ans->took_ms;
    a->code[0] = a->poison_after[0] = '\0';
    a->limits_told |= ans->limit >= 0 || ans->remaining >= 0;
}

/* The rule of the profile stands above what the status says by itself: the
 * throttle sees the status that means the same. */
static enum profile_do by_rule(struct api *a, struct dr_http_answer *ans)
{
    enum profile_do rule =
        profile_do(a->profile, ans->status, dr_str_z(a->code));

    ans->status = rule == PROFILE_RETRY  ? 500
                  : rule == PROFILE_WAIT ? 429
                  : rule == PROFILE_STOP ? 401
                                         : ans->status;
    a->refused += ans->status == 429;
    a->retry_after_told |= ans->status == 429 && ans->retry_after_ms >= 0;
    return rule;
}

/* The access token that a call needs: there, or asked for now. */
static enum api_result let_in(struct api *a, struct dr_err *err)
{
    return a->token && token_due(a->token) ? token_renew(a->token, a, err)
                                           : API_OK;
}

/* A token may be taken back before its end: a refused call goes out once more
 * with a new one. While the profile is tried out some calls may be refused for
 * good, and not each is worth a token. */
static bool is_renewable(const struct api *a)
{
    return a->token && (!a->trying || token_was_let_in(a->token));
}

_Noreturn static void stop(const struct api *a)
{
    if (a->token) {
        dr_die(DR_EXIT_FAILURE, "source",
               "the source refuses the token, also a new one (%d %s): check "
               "auth.scope and auth.audience of the profile, and what the "
               "client named in source.token_file may read",
               a->status, a->code);
    }
    dr_die(DR_EXIT_FAILURE, "source",
           "the source refuses the token (%d %s): check the file named by "
           "source.token_file",
           a->status, a->code);
}

/* No refusal, no success: what was asked may have been done all the same. A
 * redirect may lead to what was made by it. */
static bool is_unknown(const struct dr_http_answer *ans)
{
    return ans->outcome == DR_HTTP_ANSWERED
               ? ans->status >= 500 || ans->status == 408 ||
                     ans->status / 100 == 3
               : ans->outcome != DR_HTTP_NOT_SENT;
}

/* While the profile is tried out no call ends the process; true: the call has
 * failed. Few tries: what stands still meanwhile is the reading. */
static bool is_let_go(struct api *a, const struct dr_http_answer *ans,
                      enum throttle_do what)
{
    if (!a->trying ||
        (what != THROTTLE_STOP && what != THROTTLE_GIVE_UP &&
         (what != THROTTLE_AGAIN || a->throttle.failures <= API_TRIES_MAX))) {
        return false;
    }
    if (ans->outcome != DR_HTTP_ANSWERED) {
        a->status = 0;
        (void)snprintf(a->code, sizeof(a->code), "%.47s", ans->reason);
    }
    a->throttle.failures = 0; /* the next call is another */
    return true;
}

static enum api_result try_call(struct api *a, const char *method,
                                const char *path, struct dr_str body, bool once,
                                struct dr_arena *arena, struct dr_err *err)
{
    int64_t old_at_ms = 0; /* monotonic: a refusal from then on is renewed */
    int renewed = 0;

    for (;;) {
        struct dr_http_answer ans;
        enum profile_do rule = PROFILE_UNSAID;
        int64_t wait = 0;
        enum throttle_do what;
        enum api_result in = dr_stop ? API_STOPPED : let_in(a, err);

        if (in != API_OK) {
            return in;
        }
        exchange(a, method, path, body, &ans);
        if (ans.too_large) {
            a->throttle.failures = 0;
            return API_LARGE;
        }
        if (ans.outcome == DR_HTTP_ANSWERED && ans.status >= 400) {
            dr_arena_reset(arena);
            read_error(a, arena, err);
            rule = by_rule(a, &ans);
        }
        if (rule == PROFILE_ISOLATE) {
            a->throttle.failures = 0;
            return API_POISON;
        }
        if (rule == PROFILE_SKIP || rule == PROFILE_MERGE ||
            rule == PROFILE_SPLIT) {
            return API_NO;
        }
        if (once && is_unknown(&ans)) {
            return API_UNKNOWN;
        }
        what = throttle_after(&a->throttle, &ans, &wait);
        if (what == THROTTLE_STOP && dr_mono_ms() >= old_at_ms &&
            is_renewable(a) && renewed++ < NEW_TOKENS_MAX) {
            in = token_renew(a->token, a, err);
            old_at_ms = dr_mono_ms() + NEW_TOKEN_MS;
            if (in != API_OK) {
                return in;
            }
            continue;
        }
        if (is_let_go(a, &ans, what)) {
            return ans.outcome == DR_HTTP_ANSWERED ? API_NO : API_POISON;
        }
        if (what == THROTTLE_STOP) {
            stop(a);
        }
        if (what == THROTTLE_GIVE_UP) {
            dr_die(DR_EXIT_FAILURE, "source",
                   "no usable answer after %d tries (status %d, %s): check "
                   "source.url and the source's health, then start again; "
                   "nothing is lost",
                   THROTTLE_MAX_FAILURES, a->status,
                   ans.outcome != DR_HTTP_ANSWERED ? ans.reason
                   : a->status / 100 == 3 ? "a redirect, which is not followed"
                                          : a->code);
        }
        if (what == THROTTLE_USE) {
            token_let_in(a->token);
            return ans.status >= 400 ? API_NO : API_OK;
        }
        if (!api_wait_told(a, wait)) {
            return API_STOPPED;
        }
    }
}

enum api_result api_call(struct api *a, const char *method, const char *path,
                         struct dr_str body, struct dr_arena *arena,
                         struct dr_err *err)
{
    return try_call(a, method, path, body, false, arena, err);
}

static bool read_page(struct api *a, struct dr_arena *arena, struct page *out,
                      struct dr_err *err)
{
    dr_arena_reset(arena);
    if (page_parse(arena, dr_buf_view(&a->answer), out, err)) {
        return false;
    }
    a->now_ms = out->server_ms;
    if (out->server_ms > a->server_ms) {
        a->server_ms = out->server_ms;
    }
    return true;
}

enum api_result api_once(struct api *a, const char *path, struct dr_str body,
                         struct dr_arena *arena, struct page *out,
                         struct dr_err *err)
{
    enum api_result r = try_call(a, "POST", path, body, true, arena, err);

    return r == API_LARGE || (r == API_OK && !read_page(a, arena, out, err))
               ? API_UNKNOWN
               : r;
}

enum api_result api_plain(struct api *a, const char *path, struct dr_str body,
                          struct dr_arena *arena, struct page *out,
                          struct dr_err *err)
{
    /* A page that is no JSON is read again; a cut one may be whole then. */
    for (int tries = 0; tries < 3; tries++) {
        enum api_result r =
            api_call(a, body.n ? "POST" : "GET", path, body, arena, err);
        if (r != API_OK) {
            return r;
        }
        if (read_page(a, arena, out, err)) {
            return API_OK;
        }
        if (tries < 2 && !api_wait(a, 200)) {
            return API_STOPPED;
        }
    }
    return API_POISON;
}

enum api_result api_page(struct api *a, const char *path, struct dr_str body,
                         struct dr_arena *arena, struct page *out,
                         struct dr_err *err)
{
    return door_page(a->door, path, body, arena, out, err);
}

const char *api_cure(const struct api *a)
{
    const char *of_token = a->token ? token_cure(a->token) : NULL;

    return of_token ? of_token
           : a->token && a->status == 401
               ? "check auth.scope and auth.audience of the profile, and what "
                 "the client named in source.token_file may read"
           : a->token
               ? "let the client named in source.token_file have the scope "
                 "that "
                 "reads it, name it in auth.scope of the profile, or leave the "
                 "object out of the profile"
           : a->status == 401
               ? "write a token that the source takes, and that has the scope "
                 "for it, into the file of source.token_file"
               : "give the token the scope that reads it, or leave the object "
                 "out of the profile";
}

void api_refused(const struct api *a, const char *path)
{
    const char *check =
        a->token ? "auth.scope of the profile and the scopes of the client "
                   "named in"
                 : "the scopes of the token named by";

    if (strcmp(a->code, "cursor_expired") == 0) {
        dr_die(DR_EXIT_FAILURE, "source",
               "the page cursor of %s expired: start again; it goes on where "
               "it stopped, nothing is lost",
               path);
    }
    dr_die(DR_EXIT_FAILURE, "source",
           "%s is refused (%d %s): check %s source.token_file and start again; "
           "it goes on where it stopped, nothing is lost",
           path, a->status, a->code, check);
}

enum api_result api_read(struct api *a, const char *path, struct dr_str body,
                         struct dr_arena *arena, struct page *out)
{
    struct dr_err err = {0};
    enum api_result r = api_page(a, path, body, arena, out, &err);

    if (r == API_NO) {
        api_refused(a, path);
    }
    return r;
}

/* The list from its start, which the last parameter of its path names not. */
static enum api_result begin_anew(struct api *a, const char *path,
                                  char after[CONTRACT_AFTER_MAX],
                                  struct dr_arena *arena, struct page *out)
{
    const char *cut = strstr(path, "&after=");
    struct dr_buf first;
    enum api_result r;

    if (++a->expired > EXPIRED_MAX) {
        api_refused(a, path);
    }
    dr_log(DR_LOG_WARN, "extractor.cursor_expired",
           "a page cursor expired: reading the list from its start");
    after[0] = '\0';
    dr_buf_init(&first, 8192);
    dr_buf_add(&first, path, cut ? (size_t)(cut - path) : strlen(path));
    r = api_read(a, first.p, (struct dr_str){0}, arena, out);
    dr_buf_done(&first);
    return r;
}

bool api_must(struct api *a, const char *path, char after[CONTRACT_AFTER_MAX],
              struct dr_arena *arena, size_t max, struct page *out)
{
    struct dr_err err = {0};
    enum api_result r = api_page(a, path, (struct dr_str){0}, arena, out, &err);
    const struct dr_json *rows;

    if (r == API_NO && a->status == 410) {
        r = begin_anew(a, path, after, arena, out);
    } else if (r == API_NO) {
        api_refused(a, path);
    }

    if (r == API_POISON || r == API_LARGE) {
        dr_die(DR_EXIT_FAILURE, "source",
               "%s cannot be read (%d %s): ask FastTrack to repair the list "
               "and start again; it goes on where it stopped, nothing is lost",
               path, a->status, a->code);
    }
    if (r != API_OK) {
        return false;
    }
    rows = dr_json_get(out->root, "results");
    if (rows && rows->count > max) {
        dr_die(DR_EXIT_FAILURE, "source",
               "%s answers %zu rows where the contract has at most %zu", path,
               (size_t)rows->count, max);
    }
    return true;
}

void api_turn(const struct page *page, char after[CONTRACT_AFTER_MAX])
{
    if (page->next.n > 0 && dr_str_eqz(page->next, after)) {
        dr_die(DR_EXIT_FAILURE, "source",
               "a list repeats its page cursor: it would never end");
    }
    snprintf(after, CONTRACT_AFTER_MAX, DR_STR_FMT, DR_STR_ARG(page->next));
}
