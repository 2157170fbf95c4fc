/*
 * drover-loader: writes what the transformer made into the target, exactly
 * once. Contract: services/loader/README.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#include "loader.h"
#include "shell.h"

static const struct dr_conf_key keys[] = {
    DR_CONF_COMMON,
    {"target.url", DR_CONF_TEXT, NULL, 0, 0,
     "base address of Freshsales up to /api, as the profile page shows it"},
    {"target.key_file", DR_CONF_SECRET, NULL, 0, 0,
     "file that holds the API key"},
    {"target.plan", DR_CONF_TEXT, "", 0, 0,
     "the account's plan, which its quotas and its storage hang on: free, "
     "growth, pro or enterprise, of the classic edition sprout, blossom, "
     "garden, estate or forest; empty: told from the calls an hour"},
    {"target.allow_plain", DR_CONF_BOOL, "false", 0, 0,
     "allow plain http to a host other than this machine"},
    {"target.timeout_ms", DR_CONF_INT, "30000", 1000, 30000,
     "T of the effects protocol: a call's limit"},
    {"redis.address", DR_CONF_TEXT, NULL, 0, 0, "host:port"},
    {"redis.password_file", DR_CONF_SECRET, "", 0, 0,
     "file that holds the password; empty: none"},
    {"rate.hour_limit", DR_CONF_INT, "1000", 0, 1000000,
     "calls an hour the account allows; 0 lifts it"},
    {"rate.minute_limit", DR_CONF_INT, "400", 0, 1000000,
     "calls a minute; 0 lifts it"},
    {"rate.hour_ms", DR_CONF_INT, "3600000", 100, 3600000,
     "length of the hour window; less for a rehearsal with a scaled clock"},
    {"rate.minute_ms", DR_CONF_INT, "60000", 10, 60000,
     "length of the minute window"},
    {"rate.reserve", DR_CONF_INT, "0", 0, 1000000,
     "calls an hour left to people and other integrations"},
    {"loader.window", DR_CONF_INT, "16", 1, 64,
     "single calls under way at a time"},
    {"loader.quarantine_ms", DR_CONF_INT, "180000", 0, 3600000,
     "Q of the effects protocol: how long after a send its effect may come; 0 "
     "is for rehearsals alone, with a target that loses no call"},
    {"loader.parent_wait_ms", DR_CONF_INT, "60000", 0, 3600000,
     "how long a change in the tail waits for the record it belongs to; a "
     "deal twice, what hangs on it three or four times as long; a sixth of it "
     "where the plan set that record aside"},
    {"loader.job_ms", DR_CONF_INT, "300", 1, 600000,
     "first guess of a bulk job's duration"},
    {"loader.unique_now", DR_CONF_BOOL, "false", 0, 0,
     "accounts and contacts: look an open create up without the wait; only "
     "where the target's uniqueness was measured to be atomic"},
    {0}};

int main(int argc, char **argv)
{
    static struct dr_service svc = {.checks = shell_checks};
    static struct loader l;

    dr_service_init(&svc, "loader", keys, argc, argv);
    dr_crypto_init();
    l.svc = &svc;
    shell_open(&l);
    svc.ready = true;
    dr_log(DR_LOG_INFO, "loader.up", "partitions=%d", l.parts);
    shell_run(&l);
    shell_close(&l);
    dr_service_done(&svc);
    return l.exit_code;
}
