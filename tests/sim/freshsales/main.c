/* drover-sim-freshsales: the Freshsales API for a tenant file. */
#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#include "store.h"

/* A file and its form; what is larger never gets to the file's own limit. */
#define BODY_MAX (((size_t)160 << 20))
#define TOO_LARGE                                   \
    "{\"errors\":{\"code\":413,\"message\":[\"The " \
    "request body is too large.\"]}}"

/* The reference's section 23.2, and rate_plan. README.md says what each value
 * means. */
static struct knob knobs[] = {
    {"create_status", "200|201", ""},
    {"created_at_in_body", "ignored|stored", ""},
    {"creater_id_in_body", "ignored|stored", ""},
    {"custom_field_put", "merge|replace", ""},
    {"soft_deleted_holds_unique", "yes|no", ""},
    {"get_soft_deleted", "200|404", ""},
    {"unknown_choice_value", "400|null|text", ""},
    {"unknown_cf_key", "ignored|400", ""},
    {"status_lifecycle_mismatch", "400|coerce", ""},
    {"per_page_over_100", "clamp|400", ""},
    {"bulk_over_100", "400|truncate", ""},
    {"bulk_status", "200|202", ""},
    {"job_delay_ms", "200", ""},
    {"job_partial_failure_rate", "0", ""},
    {"search_lag_ms", "0", ""},
    {"view_short_pages", "off|on", ""},
    {"view_duplicate_rows", "off|on", ""},
    {"rate_window", "fixed|rolling|first_call|leaky", ""},
    {"plan",
     "tenant|free|growth|pro|enterprise|sprout|blossom|garden|estate|forest",
     ""},
    {"rate_plan", "tenant", ""},
    {"rate_minute", "on|off", ""},
    {"rate_reset_format", "DDMMYYHHMMSS|epoch|absent", ""},
    {"rate_429_charged", "no|yes", ""},
    {"retry_after", "absent", ""},
    {"error_language", "en|nl|de", ""},
    {"error_body_html_5xx", "off|on", ""},
    {"post_timeout_after_commit_rate", "0", ""},
    {"write_late_s", "0", ""},
    {"all_deals_view", "present|absent", ""},
    {"empty_total_pages", "1|0", ""},
    {"text_limit", "255|256", ""},
    {"area_limit", "10000", ""},
    {"default_activity_types", "400|accepted", ""},
    {"rollups_on_new", "0.0|null", ""},
    {"account_utc_offset", "tenant", ""},
    {"cf_identifier", "any|unique", ""},
    {"bulk_identifier_ext", "accepted|400", ""},
    {"ident_case", "folded|bytes", ""},
    {"upsert_ambiguous_key", "lowest|400|new", ""},
    {"product_search", "no|yes", ""},
    {"forbidden", "none", ""},
    {"convert_moves", "no|yes", ""},
    {"file_limit", "157286400", ""},
    {"file_too_large", "413|400", ""},
    {"storage_bytes", "plan", ""},
    {"document_url_s", "300", ""},
    {NULL, NULL, ""},
};

static void tick(void *ctx)
{
    late_tick(ctx);
    bulk_tick(ctx);
}

int main(int argc, char **argv)
{
    static struct account a;
    struct sim_opts o;
    struct sim_servers s = {.api = api_handle,
                            .download = download_handle,
                            .admin = admin_handle,
                            .ctx = &a,
                            .tick = tick,
                            .download_port = &a.download_port,
                            .max_body = BODY_MAX,
                            .too_large = TOO_LARGE};

    sim_options(argc, argv, "--tenant", knobs, &o);
    dr_log_init("sim-freshsales", "-", DR_LOG_INFO);
    dr_crypto_init();
    a.knobs = knobs;
    a.faults = faults_new(o.seed);
    a.journal = journal_new();
    dr_rand_init(&a.rand, o.seed);
    (void)snprintf(a.key, sizeof(a.key), "%s", o.key);
    vclock_init(&a.clock, o.start_ms >= 0 ? o.start_ms : dr_wall_ms(), o.scale);
    account_load(&a, o.base);
    return sim_run(&o, &s);
}
