/* Values as the service has them, or why they cannot be: the same functions
 * serve --check-config and the start. */
#include "settings.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <drover/base/time.h>

#include "access.h"

static bool is_folder(const struct dr_conf *c)
{
    return strncmp(dr_conf_text(c, "source.url"), "folder:", 7) == 0;
}

/* Exports always run to the current date: the end is kept here. */
static int read_until(const struct dr_conf *c, int64_t *ms_out,
                      struct dr_err *err)
{
    struct dr_str text = dr_str_z(dr_conf_text(c, "source.until"));

    *ms_out = 0;
    if (text.n > 0 && dr_time_parse(text, ms_out, NULL) &&
        dr_date_parse(text, ms_out)) {
        return dr_conf_refuse(c, "source.until", err,
                              "a time as 2026-03-02T08:00:00Z or a date as "
                              "2026-03-02 is wanted; empty: none");
    }
    return 0;
}

static int check_until(const struct dr_conf *c, struct dr_err *err)
{
    int64_t ms;

    return read_until(c, &ms, err);
}

static int check_bulk(const struct dr_conf *c, struct dr_err *err)
{
    const char *mode = dr_conf_text(c, "source.bulk_export");

    return strcmp(mode, "auto") != 0 && strcmp(mode, "never") != 0
               ? dr_conf_refuse(c, "source.bulk_export", err,
                                "auto or never is wanted")
               : 0;
}

static int check_hosts(const struct dr_conf *c, struct dr_err *err)
{
    return dr_conf_check_hosts(c, "source.download_hosts", err);
}

static int check_refresh_file(const struct dr_conf *c, struct dr_err *err)
{
    return dr_conf_check_folder(c, "source.refresh_file", err);
}

static int check_profile(const struct dr_conf *c, struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(PROFILE_TREE);
    const char *path = dr_conf_text(c, "source.profile");
    struct profile profile;
    struct dr_err why = {0};

    if (is_folder(c)) {
        return path[0] ? dr_conf_refuse(c, "source.profile", err,
                                        "an export folder is read by the "
                                        "contract: leave it empty")
                       : 0;
    }
    return profile_load(a, path, &profile, &why)
               ? dr_conf_refuse(c, "source.profile", err, "%s", why.text)
               : 0;
}

/* An export folder needs none. */
static int check_token(const struct dr_conf *c, struct dr_err *err)
{
    return !is_folder(c) && dr_conf_secret(c, "source.token_file").n == 0
               ? dr_conf_refuse(c, "source.token_file", err,
                                "needed unless source.url is folder:DIR")
               : 0;
}

static int check_folder(const struct dr_conf *c, struct dr_err *err)
{
    const char *dir = dr_conf_text(c, "source.url") + 7;

    return access(dir, R_OK | X_OK) != 0
               ? dr_conf_refuse(c, "source.url", err,
                                "the folder cannot be read: %s",
                                strerror(errno))
               : 0;
}

/* What the profile says of it; by none that cannot be read. */
static int check_access(const struct dr_conf *c, access_check_fn *check,
                        struct dr_err *err)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(PROFILE_TREE);
    struct profile profile;
    struct access access = {
        .url = dr_conf_text(c, "source.url"),
        .secret = dr_conf_secret(c, "source.token_file"),
        .allow_plain = dr_conf_bool(c, "source.allow_plain"),
        .profile = &profile,
        .refresh_file = dr_conf_text(c, "source.refresh_file")};
    struct dr_err why = {0};

    if (is_folder(c)) {
        return 0;
    }
    return profile_load(a, dr_conf_text(c, "source.profile"), &profile, NULL) ==
                       0 &&
                   check(&access, &why)
               ? dr_conf_refuse(c, why.where, err, "%s", why.text)
               : 0;
}

static int check_url(const struct dr_conf *c, struct dr_err *err)
{
    return is_folder(c) ? check_folder(c, err)
                        : check_access(c, access_check_url, err);
}

static int check_token_url(const struct dr_conf *c, struct dr_err *err)
{
    return check_access(c, access_check_token_url, err);
}

static int check_key(const struct dr_conf *c, struct dr_err *err)
{
    return check_access(c, access_check_key, err);
}

static int check_kept(const struct dr_conf *c, struct dr_err *err)
{
    return check_access(c, access_check_refresh_file, err);
}

dr_conf_check_fn *const settings_checks[] = {
    check_until, check_bulk,      check_hosts, check_refresh_file,
    check_kept,  check_profile,   check_token, check_url,
    check_key,   check_token_url, NULL};

struct settings settings_of(const struct dr_conf *c)
{
    struct settings s = {
        .url = dr_conf_text(c, "source.url"),
        .profile = dr_conf_text(c, "source.profile"),
        .token = dr_conf_secret(c, "source.token_file"),
        .refresh_file = dr_conf_text(c, "source.refresh_file"),
        .allow_plain = dr_conf_bool(c, "source.allow_plain"),
        .download_hosts = dr_conf_text(c, "source.download_hosts"),
        .budget_permille = dr_conf_int(c, "source.corrupt_budget_permille"),
        .poll_ms = dr_conf_int(c, "tail.poll_ms"),
        .lag_s = dr_conf_int(c, "tail.lag_s"),
        .bulk_export = dr_conf_text(c, "source.bulk_export")[0] == 'a',
        .unpack_ratio = (unsigned)dr_conf_int(c, "source.unpack_ratio")};
    struct dr_err err = {0};

    DR_ASSERT(read_until(c, &s.until_ms, &err) == 0);
    return s;
}
