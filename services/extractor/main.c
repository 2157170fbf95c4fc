/*
 * drover-extractor: reads FastTrack whole, then goes on reading what changes.
 * Contract: services/extractor/README.md.
 */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

static const struct dr_conf_key keys[] = {
    DR_CONF_COMMON,
    {"source.url", DR_CONF_TEXT, NULL, 0, 0,
     "base address of FastTrack, without /v1; or folder:DIR, an export "
     "folder"},
    {"source.token_file", DR_CONF_SECRET, "", 0, 0,
     "file that holds the access token, or what OAuth2 needs; read scopes "
     "suffice"},
    {"source.refresh_file", DR_CONF_TEXT, "", 0, 0,
     "file of this service's own, for the refresh token that the source gives "
     "in place of the one in source.token_file; empty: in memory alone"},
    {"source.profile", DR_CONF_TEXT, "", 0, 0,
     "file of the source's profile (docs/profile.md); empty: fasttrack/1"},
    {"source.profile_check", DR_CONF_BOOL, "true", 0, 0,
     "try the profile out before the snapshot"},
    {"source.allow_plain", DR_CONF_BOOL, "false", 0, 0,
     "plain HTTP to an address that is not loopback (tests only)"},
    {"source.until", DR_CONF_TEXT, "", 0, 0,
     "end date: records changed at that time or later are left out, and "
     "counted; empty: none"},
    {"source.bulk_export", DR_CONF_TEXT, "auto", 0, 0,
     "auto: the snapshot is exported in bulk where the account can; never"},
    {"source.unpack_ratio", DR_CONF_INT, "100", 2, 2000,
     "a packed file may unpack to this many times its size, or 64 MiB"},
    {"source.download_hosts", DR_CONF_TEXT, "", 0, 0,
     "host[:port], … that attachments may be fetched from; empty: any public "
     "host on port 443"},
    {"source.corrupt_budget_permille", DR_CONF_INT, "1", 0, 1000,
     "records in a thousand that may be unreadable before a person is asked"},
    {"tail.poll_ms", DR_CONF_INT, "5000", 10, 3600000,
     "pause between two rounds of the tail"},
    {"tail.lag_s", DR_CONF_INT, "-1", -1, 86400,
     "visibility bound L; -1 takes what the source states, else 300"},
    {0}};

static void open_outputs(struct extractor *ex)
{
    struct dr_err err = {0};
    struct dr_kafka_opts o = ex->svc->kafka;

    o.linger_ms = 20;
    ex->producer = dr_producer_new(&o, &err);
    if (!ex->producer) {
        dr_die(DR_EXIT_FAILURE, "kafka", "%s", err.text);
    }
    dr_topic(ex->svc, ex->rejected_topic, "rejected", NULL);
    dr_topic(ex->svc, ex->catalog_topic, "catalog", NULL);
    dr_topic(ex->svc, ex->cursor_topic, "cursor", NULL);
    dr_topic(ex->svc, ex->files_topic, "files", NULL);
}

static void open_metrics(struct extractor *ex)
{
    struct dr_metrics *m = ex->svc->metrics;

    ex->m_read = dr_metric(m, "drover_records_total", "counter",
                           "records by stage and outcome",
                           "stage=\"extract\",outcome=\"emitted\"");
    ex->m_rejected = dr_metric(m, "drover_records_total", "counter",
                               "records by stage and outcome",
                               "stage=\"extract\",outcome=\"rejected\"");
    ex->m_calls = dr_metric(m, "drover_http_requests_total", "counter",
                            "calls to the CRM", "crm=\"source\"");
    ex->m_refused = dr_metric(m, "drover_http_refused_total", "counter",
                              "calls answered 429", "crm=\"source\"");
    ex->m_lag = dr_metric(m, "drover_source_lag_seconds", "gauge",
                          "server time less the oldest watermark", "");
    ex->m_misses = dr_metric(m, "drover_tail_misses_total", "counter",
                             "changes the tail missed and the sweep found", "");
}

/* --profile-check is this service's own: the skeleton does not know it. */
static bool take_flag(int *argc, char **argv, const char *flag)
{
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], flag) == 0) {
            memmove(&argv[i], &argv[i + 1],
                    (size_t)(*argc - i) * sizeof(*argv));
            (*argc)--;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static struct dr_service svc = {
        .own_flags =
            "  --profile-check   try each call of the profile with one "
            "record, and exit\n",
        .checks = settings_checks};
    static struct extractor ex;
    struct settings settings;
    struct dr_err err = {0};
    bool only_check = take_flag(&argc, argv, "--profile-check");

    dr_service_init(&svc, "extractor", keys, argc, argv);
    dr_crypto_init();
    settings = settings_of(svc.conf);
    extractor_init(&ex, &svc, &settings);
    ex.try_profile = dr_conf_bool(svc.conf, "source.profile_check");
    if (only_check) {
        return profile_print(&ex);
    }
    dr_service_topics(&svc, NULL, 0);
    open_outputs(&ex);
    open_metrics(&ex);
    ex.control = dr_control_open(&svc, &err);
    if (!ex.control) {
        dr_die(DR_EXIT_FAILURE, "kafka", "%s", err.text);
    }
    run(&ex);
    if (!dr_stop) {
        dr_die(DR_EXIT_INVARIANT, "extractor",
               "a step ended without being asked to stop");
    }
    if (dr_producer_flush(ex.producer, 10000)) {
        dr_log(DR_LOG_WARN, "extractor.unacknowledged",
               "stopped before Kafka had everything: it is read again");
    }
    dr_producer_free(ex.producer);
    dr_control_free(ex.control);
    extractor_done(&ex);
    dr_service_done(&svc);
    return DR_EXIT_OK;
}
