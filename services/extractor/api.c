#include "api.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>

#include "folder.h"

void api_init(struct api *a, struct dr_service *svc, const char *url,
              struct dr_str token, bool allow_plain)
{
    struct dr_err err = {0};
    struct dr_buf auth;
    struct dr_http_opts o = {.base_url = url,
                             .allow_plain = allow_plain,
                             .max_answer = ANSWER_MAX,
                             .max_connections = 1};

    *a = (struct api){.svc = svc};
    if (strncmp(url, "folder:", 7) == 0) { /* no server: no client */
        throttle_init(&a->throttle, 0);
        dr_buf_init(&a->answer, ANSWER_MAX);
        return;
    }
    throttle_init(&a->throttle, (uint64_t)dr_wall_ms());
    dr_buf_init(&a->answer, ANSWER_MAX);
    dr_buf_init(&auth, 8192);
    dr_buf_z(&auth, "Bearer ");
    dr_buf_str(&auth, token);
    o.auth_header = auth.p;
    a->http = dr_http_new(&o, &err);
    if (!a->http) {
        dr_die(DR_EXIT_CONFIG, "source.url", "%s", err.text);
    }
    explicit_bzero(auth.p, auth.n);
    dr_buf_done(&auth);
}

void api_done(struct api *a)
{
    if (a->http) {
        dr_http_free(a->http);
    }
    folder_free(a->folder);
    dr_buf_done(&a->answer);
}

/* Beyond this a person who looks at the log wants to know. */
#define WAIT_TOLD_MS 5000
/* A source whose cursors always expire would be read for ever. */
#define EXPIRED_MAX 1000

static bool wait_for_source(struct api *a, int64_t ms)
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

static void read_error(struct api *a, struct dr_arena *arena,
                       struct dr_err *err)
{
    const struct dr_json *root =
        dr_json_parse(arena, dr_buf_view(&a->answer), NULL, NULL);
    const struct dr_json *e = dr_json_get(root, "error");

    snprintf(a->code, sizeof(a->code), DR_STR_FMT,
             DR_STR_ARG(dr_json_get_str(e, "code")));
    snprintf(a->poison_id, sizeof(a->poison_id), DR_STR_FMT,
             DR_STR_ARG(dr_json_scalar(dr_json_get(e, "id"))));
    snprintf(a->poison_after, sizeof(a->poison_after), DR_STR_FMT,
             DR_STR_ARG(dr_json_scalar(dr_json_get(e, "after"))));
    (void)dr_err_set(err, DR_REJECT, a->status, "source",
                     "the source answered %d %s", a->status, a->code);
}

static bool is_poison(const struct api *a)
{
    return strcmp(a->code, "record_unreadable") == 0;
}

/* By the server, or by the folder that stands for one. */
static struct dr_http_answer one_call(struct api *a, const char *path,
                                      struct dr_str body)
{
    struct dr_http_answer ans = {.outcome = DR_HTTP_ANSWERED,
                                 .retry_after_ms = -1};
    struct dr_err err = {0};

    if (a->folder) {
        ans.status = folder_answer(a->folder, dr_str_z(path), body, &a->answer);
        return ans;
    }
    if (dr_http_call(a->http, body.n ? "POST" : "GET", path, body, &ans,
                     &a->answer, &err)) {
        return (struct dr_http_answer){.outcome = DR_HTTP_UNSETTLED,
                                       .too_large = ans.too_large,
                                       .retry_after_ms = -1};
    }
    return ans;
}

enum api_result api_page(struct api *a, const char *path, struct dr_str body,
                         struct dr_arena *arena, struct page *out,
                         struct dr_err *err)
{
    int unparsable = 0;

    for (;;) {
        struct dr_http_answer ans;
        int64_t wait = 0;
        enum throttle_do what;

        if (dr_stop) {
            return API_STOPPED;
        }
        dr_service_tick(a->svc, 0);
        a->calls++;
        dr_buf_reset(&a->answer);
        ans = one_call(a, path, body);
        a->status = ans.status;
        a->code[0] = a->poison_after[0] = '\0';
        if (ans.too_large) {
            a->throttle.failures = 0;
            return API_LARGE;
        }
        if (ans.outcome == DR_HTTP_ANSWERED && ans.status >= 400) {
            dr_arena_reset(arena);
            read_error(a, arena, err);
            if (is_poison(a)) {
                a->throttle.failures = 0;
                return API_POISON;
            }
        }
        what = throttle_after(&a->throttle, &ans, &wait);
        a->refused += ans.status == 429;
        if (what == THROTTLE_STOP) {
            dr_die(DR_EXIT_FAILURE, "source",
                   "the source refuses the token (401): check the file named "
                   "by source.token_file");
        }
        if (what == THROTTLE_GIVE_UP) {
            dr_die(DR_EXIT_FAILURE, "source",
                   "no usable answer after %d tries (status %d, %s): check "
                   "source.url and the source's health, then start again; "
                   "nothing is lost",
                   THROTTLE_MAX_FAILURES, ans.status,
                   ans.outcome == DR_HTTP_ANSWERED ? a->code : ans.reason);
        }
        if (what == THROTTLE_AGAIN) {
            if (!wait_for_source(a, wait)) {
                return API_STOPPED;
            }
            continue;
        }
        if (ans.status >= 400) {
            return API_NO;
        }
        dr_arena_reset(arena);
        if (page_parse(arena, dr_buf_view(&a->answer), out, err) == 0) {
            if (out->server_ms > a->server_ms) {
                a->server_ms = out->server_ms;
            }
            return API_OK;
        }
        /* A page that is no JSON is read again; a cut one may be whole then. */
        if (++unparsable >= 3) {
            return API_POISON;
        }
        if (!api_wait(a, 200)) {
            return API_STOPPED;
        }
    }
}

void api_refused(const struct api *a, const char *path)
{
    if (strcmp(a->code, "cursor_expired") == 0) {
        dr_die(DR_EXIT_FAILURE, "source",
               "the page cursor of %s expired: start again; it goes on where "
               "it stopped, nothing is lost",
               path);
    }
    dr_die(DR_EXIT_FAILURE, "source",
           "%s is refused (%d %s): check the scopes of the token named by "
           "source.token_file and start again; it goes on where it stopped, "
           "nothing is lost",
           path, a->status, a->code);
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
