/* The profile's check: account, scopes, catalogue, limits. */
#include <stdio.h>

#include "profile_trial.h"

static void try_capabilities(struct trial *t, const struct dr_json *account)
{
    const struct dr_json *caps = dr_json_get(account, "capabilities");
    int64_t lag = dr_json_get_i64(caps, "max_visibility_lag_s", -1);
    int64_t keep = dr_json_get_i64(caps, "tombstone_retention_days", -1);
    int64_t said = dr_json_get_i64(
        dr_json_get(trial_part(t, "assumptions"), "A7"), "retention_days", 0);

    tell(t, "A4", lag <= profile_lag_s(t->profile) ? HOLDS : FAILS,
         "raise A4.lag_s to what the source states",
         "the source states %lld s, the profile %lld s", (long long)lag,
         (long long)profile_lag_s(t->profile));
    if (keep >= 0) {
        tell(t, "A7", keep >= said ? HOLDS : FAILS,
             "a tail that rests for longer than this needs a full sweep: "
             "lower A7.retention_days",
             "tombstones are kept %lld days, the profile says %lld",
             (long long)keep, (long long)said);
    }
}

static void try_scopes(struct trial *t, const struct dr_json *account)
{
    static const char *const wanted[] = {"objects.read", "email_body.read",
                                         "files.read", "automation.read"};
    const struct dr_json *scopes = dr_json_get(account, "scopes");

    for (size_t i = 0; scopes && i < DR_ARRAY_LEN(wanted); i++) {
        bool has = dr_json_lists(scopes, dr_str_z(wanted[i]));
        tell(t, "scope", has ? HOLDS : FAILS,
             t->door->api->token
                 ? "let the client named in source.token_file have this scope "
                   "and name it in auth.scope of the profile, or accept what "
                   "it hides"
                 : "give the token this scope, or accept what it hides",
             "%s is %s", wanted[i], has ? "there" : "missing");
    }
}

void try_account(struct trial *t)
{
    const struct dr_json *how = profile_call(t->profile, "account");
    struct call c = {.limit = 1};
    enum api_result r;
    struct ask ask;

    if (!how) {
        return;
    }
    if (!try_page(t, how, &c, "", &ask, &r)) {
        if (r == API_OK) {
            tell(t, "A6", MUST_FAIL,
                 "correct clock in the profile: without the source's time no "
                 "tail is safe",
                 "the account tells no time");
        } else if (!t->stopped) {
            tell_refused(t, "account", FAILS, r);
        }
        return;
    }
    tell(t, "A6", HOLDS, "", "the source tells its time");
    if (!t->profile->mapped) {
        try_capabilities(t, ask.root);
        try_scopes(t, ask.root);
    }
}

void try_catalogue(struct trial *t)
{
    static const char *const names[] = {"owners", "pipelines", "currencies",
                                        "properties", "workflows"};

    for (size_t i = 0; i < DR_ARRAY_LEN(names) && !t->stopped; i++) {
        const struct dr_json *how = profile_call(t->profile, names[i]);
        struct call c = {.limit = 1};
        enum api_result r;
        struct ask ask;
        if (!how) {
            continue;
        }
        (void)snprintf(c.object, sizeof(c.object), "deal");
        if (try_page(t, how, &c, "", &ask, &r)) {
            tell(t, names[i], HOLDS, "", "readable");
        } else if (!t->stopped) {
            tell_refused(t, names[i], FAILS, r == API_OK ? API_POISON : r);
        }
    }
}

void tell_limits(struct trial *t)
{
    const struct api *api = t->door->api;

    tell(t, "limit_headers", api->limits_told ? HOLDS : UNKNOWN,
         "none needed: refusals are obeyed",
         api->limits_told ? "answers tell what is left of the limit"
                          : "no answer tells what is left of the limit");
    tell(t, "retry_after",
         api->retry_after_told ? HOLDS
         : api->refused > 0    ? FAILS
                               : UNKNOWN,
         "none needed: waits grow by themselves",
         api->retry_after_told ? "a refusal said how long to wait"
         : api->refused > 0    ? "a refusal did not say how long to wait"
                               : "no call was refused");
}
