/* Findings, and the calls that they are made by. */
#include "profile_trial.h"

#include <stdarg.h>
#include <stdio.h>

void tell(struct trial *t, const char *assumption, enum verdict v,
          const char *cure, const char *fmt, ...)
{
    static const char *const words[] = {"holds", "fails", "unknown", "fails"};
    char found[200];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(found, sizeof(found), fmt, ap);
    va_end(ap);
    dr_json_w_obj(&t->w);
    dr_json_w_kvz(&t->w, "object", t->object);
    dr_json_w_kvz(&t->w, "assumption", assumption);
    dr_json_w_kvz(&t->w, "verdict", words[v]);
    dr_json_w_kvb(&t->w, "must", v == MUST_FAIL);
    dr_json_w_kvz(&t->w, "found", found);
    dr_json_w_kvz(&t->w, "cure", v == HOLDS ? "" : cure);
    dr_json_w_end(&t->w);
    t->verdict->holds += v == HOLDS;
    t->verdict->fails += v == FAILS || v == MUST_FAIL;
    t->verdict->unknown += v == UNKNOWN;
    if (v == MUST_FAIL && t->verdict->must_fail++ == 0) {
        (void)snprintf(t->verdict->first, sizeof(t->verdict->first),
                       "%s%s%s: %.90s: %.90s", t->object,
                       t->object[0] ? ", " : "", assumption, found, cure);
    }
}

struct call call_of(const struct trial *t)
{
    struct call c = {.limit = 1};

    (void)snprintf(c.object, sizeof(c.object), "%s", t->object);
    return c;
}

struct row_kind trial_kind(const struct trial *t)
{
    return (struct row_kind){.profile = t->profile,
                             .object = dr_str_z(t->object)};
}

void look_at(const struct trial *t, const struct dr_json *row, struct seen *out)
{
    const struct row_kind kind = trial_kind(t);
    const struct dr_json *keys = trial_part(t, "keys");
    const struct dr_json *at = dr_json_get(keys, "version");

    *out = (struct seen){.stamp_ms = row_updated_ms(&kind, row)};
    (void)snprintf(out->id, sizeof(out->id), DR_STR_FMT,
                   DR_STR_ARG(row_id(&kind, row)));
    (void)snprintf(
        out->version, sizeof(out->version), DR_STR_FMT,
        DR_STR_ARG(dr_json_scalar(at ? pointer_get(row, at->text) : NULL)));
}

const struct dr_json *trial_part(const struct trial *t, const char *name)
{
    return profile_part(t->profile, dr_str_z(t->object), name);
}

bool try_call(struct trial *t, struct ask *ask, enum api_result *r_out)
{
    struct dr_err err = {0};

    *r_out = t->stopped ? API_STOPPED : ask_send(t->door, ask, &err);
    t->stopped = t->stopped || *r_out == API_STOPPED;
    return *r_out == API_OK && ask_read(t->door, ask, &err) == 0;
}

bool try_page(struct trial *t, const struct dr_json *how, const struct call *c,
              const char *inner, struct ask *ask, enum api_result *r_out)
{
    dr_arena_reset(t->door->asked);
    ask_init(t->door, ask, how, c);
    ask_from(ask, inner);
    return try_call(t, ask, r_out);
}

bool is_broken(const struct trial *t, enum api_result r)
{
    return r == API_LARGE || (r == API_POISON && t->door->api->status >= 400);
}

void say_broken(const struct trial *t, enum api_result r, char *out, size_t n)
{
    const struct api *api = t->door->api;
    bool named = api->poison_id[0] != '\0';

    if (r == API_LARGE) {
        (void)snprintf(out, n, "is larger than what can be carried");
    } else {
        (void)snprintf(out, n, "cannot be read (%d %s%s%.64s)", api->status,
                       api->code, named ? ", id " : "",
                       named ? api->poison_id : "");
    }
}

void tell_refused(struct trial *t, const char *what, enum verdict v,
                  enum api_result r)
{
    const struct api *api = t->door->api;
    int status = api->status;

    if (r == API_NO && (status == 401 || status == 403)) { /* of the token */
        tell(t, what, FAILS, api_cure(api), "refused: %d %s", status,
             api->code);
    } else if (r == API_NO && (status == 408 || status >= 500)) {
        tell(t, what, FAILS,
             "have the source mended, or leave the call out of the profile",
             "fails each time: %d %s", status, api->code);
    } else if (r == API_NO) {
        bool never = status == 400 || status == 404 || status == 405;
        tell(t, what, never ? v : FAILS, "correct the call in the profile",
             "answer: %d %s", status, api->code);
    } else if (is_broken(t, r)) {
        char why[160];
        say_broken(t, r, why, sizeof(why));
        tell(t, what, UNKNOWN, "have that record mended, then check again",
             "a record %s", why);
    } else {
        tell(t, what, UNKNOWN,
             "check again; where it stays so, have the source mended",
             "no readable answer (%d %s)", status, api->code);
    }
}
