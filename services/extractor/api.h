/*
 * Calls to the source, one at a time, with its throttling obeyed. A read that
 * failed in transport is safe to repeat and is, within limits. While waiting
 * the service's loop goes on (health, signals, control).
 */
#ifndef EXTRACTOR_API_H
#define EXTRACTOR_API_H

#include <drover/base/arena.h>
#include <drover/base/buf.h>
#include <drover/base/err.h>
#include <drover/http/client.h>
#include <drover/service/service.h>

#include "access.h"
#include "contract.h"
#include "profile.h"
#include "throttle.h"

/* Failures of one call, beyond which it has failed, while `trying`. */
#define API_TRIES_MAX 4

enum api_result {
    API_OK = 0,
    API_POISON,  /* record_unreadable: a record on this page               */
    API_LARGE,   /* more than ANSWER_MAX: ask for fewer rows               */
    API_NO,      /* a definite 4xx: code and text in err. While `trying`
                    also what would end the process, with its status      */
    API_STOPPED, /* the service is asked to stop                           */
    API_UNKNOWN, /* of api_once alone: it may have had its effect          */
};

struct folder;
struct door;
struct token;

struct api {
    struct folder *folder; /* answers instead of a server; NULL: a server */
    struct dr_service *svc;
    struct access access;
    struct token *token;  /* OAuth2; NULL: the file holds the key itself */
    struct dr_http *http; /* NULL: none yet, or a folder                 */
    const struct profile *profile;
    struct door *door;      /* how the contract's calls go out */
    struct dr_buf key_path; /* a path with the key as a parameter */
    /* "name=value" where the key is a parameter, or empty. */
    char key[ACCESS_PARAM_MAX];
    struct throttle throttle;
    struct dr_buf answer; /* the last whole body */
    char code[48];        /* error code of the last API_NO / API_POISON */
    char poison_id[80];   /* id named by record_unreadable, or empty */
    /* Where a list of events goes on behind it, or empty. */
    char poison_after[CONTRACT_AFTER_MAX];
    int status;
    int64_t calls, refused, expired;
    int64_t server_ms;     /* newest server_time seen */
    int64_t now_ms;        /* the last one: a clock may step back */
    int64_t date_ms;       /* Date of the last answer, or -1 */
    int64_t took_ms;       /* of the last call */
    bool trying;           /* the profile out: no call ends the process */
    bool limits_told;      /* some answer had limit headers */
    bool retry_after_told; /* some refusal said how long to wait */
};

/* Ends the process when access_check says no. */
void api_init(struct api *a, struct dr_service *svc, const struct access *x);
void api_done(struct api *a);

/* One call as it goes out: waits, repeats and ends the process as the rules of
 * the profile say. API_OK: a whole success is in a->answer. The arena is for
 * the error's text. */
enum api_result api_call(struct api *a, const char *method, const char *path,
                         struct dr_str body, struct dr_arena *arena,
                         struct dr_err *err);
/* A POST that begins something: it leaves again only after an answer that says
 * that nothing was begun, or when it never left. API_STOPPED: nothing was.
 * API_OK: out is the answer, as api_plain gives it. */
enum api_result api_once(struct api *a, const char *path, struct dr_str body,
                         struct dr_arena *arena, struct page *out,
                         struct dr_err *err);
/* A call whose answer is a page of the contract. */
enum api_result api_plain(struct api *a, const char *path, struct dr_str body,
                          struct dr_arena *arena, struct page *out,
                          struct dr_err *err);

/* A call of the contract, by the profile's door.
 * GET when body is empty, POST otherwise. The page's tree lives in the arena
 * and points into a->answer: valid until the next call. Ends the process
 * when the credentials are refused or the source stays away. */
enum api_result api_page(struct api *a, const char *path, struct dr_str body,
                         struct dr_arena *arena, struct page *out,
                         struct dr_err *err);

/* What to do about a call that was answered 401 or 403 while the profile is
 * tried out. */
const char *api_cure(const struct api *a);
/* Ends the process: the last call was refused. */
_Noreturn void api_refused(const struct api *a, const char *path);
/* api_page for what cannot be done without. A definite refusal ends the
 * process, for a record that may not be read must not look like one that is
 * not there. API_OK, API_POISON, API_LARGE or API_STOPPED. */
enum api_result api_read(struct api *a, const char *path, struct dr_str body,
                         struct dr_arena *arena, struct page *out);
/* The same where no single record could be left out either; false: asked to
 * stop. `max` rows at most, or the process ends. A cursor that expired begins
 * the list anew: `after` is "" then, and what was sent is no news. */
bool api_must(struct api *a, const char *path, char after[CONTRACT_AFTER_MAX],
              struct dr_arena *arena, size_t max, struct page *out);
/* Notes where the next page begins, "" after the last. Ends the process when
 * the source repeats itself: such a list has no end. */
void api_turn(const struct page *page, char after[CONTRACT_AFTER_MAX]);

/* Waits without blocking health checks; false when asked to stop. */
bool api_wait(struct api *a, int64_t ms);
/* The same, because of the last answer: the log is told of a long one. */
bool api_wait_told(struct api *a, int64_t ms);

#endif
