/* drover-sim-freshsales: the Freshsales API for a tenant file. */
#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#include "store.h"

static struct knob knobs[] = {
    {"create_status", "200", ""},
    {"custom_field_put", "merge", ""},
    {"soft_deleted_holds_unique", "yes", ""},
    {"get_soft_deleted", "200", ""},
    {"unknown_choice_value", "400", ""},
    {"unknown_cf_key", "ignored", ""},
    {"bulk_status", "200", ""},
    {"job_delay_ms", "200", ""},
    {"rate_plan", "tenant", ""}, /* or a number an hour, or lifted */
    {"rate_minute", "on", ""},
    {"retry_after", "absent", ""},
    {"all_deals_view", "present", ""},
    {"empty_total_pages", "1", ""},
    {"text_limit", "255", ""},
    {"product_search", "no", ""},
    {NULL, NULL, ""},
};

static void tick(void *ctx)
{
    bulk_tick(ctx);
}

static void download(struct dr_httpd_req *r, void *ctx)
{
    (void)ctx;
    dr_httpd_answer(r, 404, NULL, DR_STR_LIT("{}"));
}

int main(int argc, char **argv)
{
    static struct account a;
    struct sim_opts o;
    struct sim_servers s = {.api = api_handle,
                            .download = download,
                            .admin = admin_handle,
                            .ctx = &a,
                            .tick = tick};

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
