/* The profile tried out by a start, and by --profile-check. */
#include "extractor.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/log.h>

#include "profile_check.h"

bool profile_start(struct extractor *ex, bool whole)
{
    struct profile_verdict v;
    struct dr_buf json;

    if (!ex->try_profile || ex->api.folder) {
        return true; /* a folder was checked file by file */
    }
    dr_buf_init(&json, PROFILE_FINDINGS_MAX);
    if (!profile_try(&ex->api, &ex->profile, whole, &json, &v)) {
        dr_buf_done(&json);
        return false;
    }
    if (whole || v.must_fail > 0) {
        emit_catalog(ex, "source", "profile_check", dr_buf_view(&json));
    }
    dr_buf_done(&json);
    if (v.must_fail > 0) {
        emit_flush(ex);
        dr_die(DR_EXIT_REFUSED, "source.profile", "%s", v.first);
    }
    if (whole) {
        dr_log(v.fails > 0 ? DR_LOG_WARN : DR_LOG_INFO,
               "extractor.profile_check",
               "profile=" DR_STR_FMT " holds=%d fails=%d unknown=%d",
               DR_STR_ARG(ex->profile.name), v.holds, v.fails, v.unknown);
    }
    return true;
}

int profile_print(struct extractor *ex)
{
    struct profile_verdict v;
    struct dr_buf json;
    bool going;

    dr_buf_init(&json, PROFILE_FINDINGS_MAX);
    going = profile_try(&ex->api, &ex->profile, true, &json, &v);
    dr_buf_ch(&json, '\n');
    (void)fwrite(json.p, 1, json.n, stdout);
    dr_buf_done(&json);
    return going && v.must_fail == 0 ? DR_EXIT_OK : DR_EXIT_REFUSED;
}
