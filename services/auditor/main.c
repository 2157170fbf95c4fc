/*
 * drover-auditor: opens the gates, keeps the books, verifies every field and
 * tells. Contract: services/auditor/README.md.
 */
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>
#include <drover/http/server.h>

#include "api.h"
#include "auditor.h"
#include "job.h"
#include "removals.h"

#define SETTLE_MAX 300 /* records judged between two looks at the sockets */
#define IDLE_MS 20

static const struct dr_conf_key keys[] = {
    DR_CONF_COMMON,
    {"books.file", DR_CONF_TEXT, NULL, 0, 0,
     "SQLite file of the books; made when it is not there, rebuilt from Kafka"},
    {"api.bind", DR_CONF_TEXT, "127.0.0.1", 0, 0, "address of the API"},
    {"api.port", DR_CONF_INT, "8420", 0, 65535, "0 takes a free port"},
    {"api.port_file", DR_CONF_TEXT, "", 0, 0,
     "where the port taken is written (tests, demo)"},
    {"api.token_file", DR_CONF_SECRET, NULL, 0, 0,
     "file that holds the token which callers send"},
    {0}};

static void open_metrics(struct auditor *au)
{
    struct dr_metrics *m = au->svc->metrics;

    au->m_lag = dr_metric(m, "drover_audit_lag_records", "gauge",
                          "messages that the books have not read yet", "");
    au->m_pending =
        dr_metric(m, "drover_audit_pending_records", "gauge",
                  "records of the pass without a terminal state", "");
    au->m_mismatches =
        dr_metric(m, "drover_diff_mismatches", "gauge",
                  "fields that the target holds otherwise than planned", "");
}

static void open_all(struct auditor *au)
{
    dr_service_topics(au->svc, NULL, 0);
    au->arena = dr_arena_new(AUDITOR_ARENA);
    au->request = dr_arena_new((size_t)256 << 20);
    au->unreadable = true;
    open_metrics(au);
    au->books = books_open(dr_conf_text(au->svc->conf, "books.file"),
                           dr_str_z(au->svc->migration));
    lead_open(au);
    removals_take(au);
    /* A kill may have come between a decision and its mark on the records:
     * those that no later message touches would wait for ever. */
    books_dirty_all(au->books);
    intake_open(au);
    api_open(au);
}

static void run(struct auditor *au)
{
    while (!dr_stop) {
        bool busy = intake_step(au);

        busy |= settle_step(au, SETTLE_MAX);
        busy |= job_step(au);
        watch(au);
        dr_httpd_poll(&au->api, 1, busy ? 0 : IDLE_MS);
        dr_service_tick(au->svc, 0);
        (void)dr_producer_poll(au->producer, 0);
        au->svc->ready = au->caught_up;
    }
}

static void close_all(struct auditor *au)
{
    api_close(au);
    intake_close(au);
    dr_group_free(au->loaders);
    dr_group_free(au->transformers);
    dr_control_free(au->control);
    dr_producer_free(au->producer);
    dr_plan_free(au->plan);
    dr_map_free(au->sample);
    books_close(au->books);
    dr_arena_free(au->arena);
    dr_arena_free(au->request);
}

int main(int argc, char **argv)
{
    static struct dr_service svc = {.checks = api_checks};
    static struct auditor au;

    dr_service_init(&svc, "auditor", keys, argc, argv);
    dr_crypto_init();
    au.svc = &svc;
    open_all(&au);
    dr_log(DR_LOG_INFO, "auditor.up", "partitions=%d phase=%s", svc.partitions,
           phase_name(au.state.phase));
    run(&au);
    close_all(&au);
    dr_service_done(&svc);
    return DR_EXIT_OK;
}
