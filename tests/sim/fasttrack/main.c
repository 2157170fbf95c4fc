/* drover-sim-fasttrack: an export folder served through the source contract. */
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#include "world.h"

static struct knob knobs[] = {
    {"visibility_lag_ms", "0", ""},
    {"visibility_lag", "fixed|random|bimodal", ""},
    {"ends_per_answer", "500", ""}, /* of one row, contract 4.6 */
    /* An id that breaks every batch, of bodies or ends, that asks for it. */
    {"batch_poison", "", ""},
    /* Rows of a page at most, whatever was asked for: short pages with more
     * behind them. 0: as asked. */
    {"page_rows", "0", ""},
    /* A page without rows, but with more behind it, before every n-th. */
    {"empty_pages", "0", ""},
    /* Each page of a list begins with the last n rows of the one before. */
    {"repeat_rows", "0", ""},
    {"search_lag_ms", "0", ""},
    {"search_cap", "10000", ""},
    /* How far the clock of every other node is behind. */
    {"node_skew_ms", "0", ""},
    /* Real ms that an answer takes, and how many may be under way. */
    {"answer_ms", "0", ""},
    {"concurrency", "0", ""},
    {"others", "0", ""},
    /* Which file of changes is the script. */
    {"script", "changes|hostile|both", ""},
    /* Calls a window; 0: no limit, plan: as the account's plan has it. */
    {"burst", "0", ""},
    {"burst_window_ms", "10000", ""},
    {"daily", "0", ""},
    {"retry_after", "seconds", ""},     /* or date, fraction, none */
    {"ratelimit_reset", "seconds", ""}, /* or epoch */
    /* Life of a download address; 0: as the account says. */
    {"download_ttl_ms", "0", ""},
    {"download_clock", "simulated|real", ""},
    /* Another token than the one of the start, which ran out then. */
    {"token", "", ""},
    /* What the token may: folder, or a list by commas. */
    {"scopes", "folder", ""},
    /* The limits are lifted: FROM/UNTIL, times or ms from now. */
    {"lift", "", ""},
    {"number_encoding", "folder|string|json", ""},
    /* An activity that no contract names: NAME or NAME:COUNT. */
    {"unknown_activity", "", ""},
    /* Bulk export, in ms of the simulated clock. */
    {"export_queue_ms", "1000", ""},
    {"export_part_ms", "500", ""},
    {"export_part_rows", "500", ""},
    {"export_ttl_ms", "86400000", ""},
    /* Rows of a part that the next one begins with. */
    {"export_repeat_rows", "0", ""},
    /* What is wrong with the first part of the first n jobs. */
    {"export_break", "none|hash|truncated|rows|crc|failed", ""},
    {"export_break_jobs", "1", ""},
    {NULL, NULL, ""},
};

static void tick(void *ctx)
{
    script_tick(ctx);
    exports_tick(ctx);
}

int main(int argc, char **argv)
{
    static struct world w;
    struct sim_opts o;
    struct sim_servers s = {.api = api_handle,
                            .download = download_handle,
                            .admin = admin_handle,
                            .ctx = &w,
                            .tick = tick,
                            .download_port = &w.download_port};

    sim_options(argc, argv, "--source", knobs, &o);
    dr_log_init("sim-fasttrack", "-", DR_LOG_INFO);
    dr_crypto_init();
    w.knobs = knobs;
    w.faults = faults_new(o.seed);
    w.journal = journal_new();
    w.calls_by = dr_map_new(NULL);
    w.bites = dr_map_new(NULL);
    dr_rand_init(&w.rand, o.seed);
    (void)snprintf(w.key, sizeof(w.key), "%s", o.key);
    world_load(&w, o.base);
    vclock_init(&w.clock, o.start_ms >= 0 ? o.start_ms : w.start_ms, o.scale);
    return sim_run(&o, &s);
}
