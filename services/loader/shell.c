#include "shell.h"
#include "catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#include "catalog.h"
#include "loader.h"

#define SCRATCH ((size_t)64 << 20)
#define COMMIT_MS 200
#define INPUT_MAX 200 /* records a turn */
#define INPUT_BYTES ((size_t)2 << 20)
#define TICK_MS 10
#define DRAIN_MS 30000 /* T: a call under way may end  */
#define FLOW_MS 10

/* ---- opening ---- */

static void open_lanes(struct loader *l)
{
    static const struct {
        const char *lane, *type;
    } bulk_lanes[] = {{"account", "sales_accounts"},
                      {"contact", "contacts"},
                      {"deal", "deals"},
                      {"link", "sales_accounts"}};
    char labels[64];

    DR_ASSERT(dr_lane_count == LANES);
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = &l->lanes[i];
        lane->l = l;
        lane->name = dr_lanes[i];
        lane->index = i;
        lane->job_ms = l->job_ms;
        dr_topic(l->svc, lane->load_topic, "load", lane->name);
        dr_topic(l->svc, lane->ledger_topic, "ledger", lane->name);
        dr_topic(l->svc, lane->landed_topic, "landed", lane->name);
        for (size_t k = 0; k < DR_ARRAY_LEN(bulk_lanes); k++) {
            if (strcmp(lane->name, bulk_lanes[k].lane) == 0) {
                lane->type = type_of(dr_str_z(bulk_lanes[k].type));
            }
        }
        (void)snprintf(labels, sizeof(labels), "lane=\"%s\",outcome=\"done\"",
                       lane->name);
        lane->m_done = dr_metric(l->svc->metrics, "drover_loader_records_total",
                                 "counter", "records settled", labels);
        (void)snprintf(labels, sizeof(labels),
                       "lane=\"%s\",outcome=\"refused\"", lane->name);
        lane->m_refused =
            dr_metric(l->svc->metrics, "drover_loader_records_total", "counter",
                      "records settled", labels);
    }
    l->lps = dr_xcalloc((size_t)(LANES * l->parts), sizeof(*l->lps));
    for (int i = 0; i < LANES * l->parts; i++) {
        l->lps[i].lane = &l->lanes[i / l->parts];
        l->lps[i].part = i % l->parts;
        own_init(&l->lps[i].own);
    }
}

static void open_metrics(struct loader *l)
{
    struct dr_metrics *m = l->svc->metrics;

    l->m_calls = dr_metric(m, "drover_loader_calls_total", "counter",
                           "requests to the target", "");
    l->m_429 = dr_metric(m, "drover_loader_refused_429_total", "counter",
                         "requests refused by the rate limit", "");
    l->m_intents = dr_metric(m, "drover_loader_intents_total", "counter",
                             "INTENT records written", "");
    l->m_gap = dr_metric(m, "drover_loader_check_to_send_ms_max", "gauge",
                         "longest gap from ownership check to send", "");
}

/* auth holds the header until it is wiped. */
static struct dr_http_opts target_opts(const struct dr_conf *c,
                                       struct dr_buf *auth)
{
    dr_buf_init(auth, 8192);
    dr_buf_z(auth, "Token token=");
    dr_buf_str(auth, dr_conf_secret(c, "target.key_file"));
    return (struct dr_http_opts){
        .base_url = dr_conf_text(c, "target.url"),
        .allow_plain = dr_conf_bool(c, "target.allow_plain"),
        .total_ms = (int)dr_conf_int(c, "target.timeout_ms"),
        .auth_header = auth->p};
}

static int check_key(const struct dr_conf *c, struct dr_err *err)
{
    return dr_conf_secret(c, "target.key_file").n == 0
               ? dr_conf_refuse(c, "target.key_file", err,
                                "it is empty: put the API key into it")
               : 0;
}

static int check_target(const struct dr_conf *c, struct dr_err *err)
{
    struct dr_buf auth;
    struct dr_http_opts o = target_opts(c, &auth);
    struct dr_err why = {0};
    int r = dr_http_check(&o, &why);

    explicit_bzero(auth.p, auth.n);
    dr_buf_done(&auth);
    return r ? dr_conf_refuse(c,
                              strcmp(why.where, "http.auth") == 0
                                  ? "target.key_file"
                                  : "target.url",
                              err, "%s", why.text)
             : 0;
}

static int check_plan(const struct dr_conf *c, struct dr_err *err)
{
    const char *plan = dr_conf_text(c, "target.plan");

    return plan[0] && !catalog_plan_known(plan)
               ? dr_conf_refuse(c, "target.plan", err,
                                "no plan of Freshsales has that name: write "
                                "free, growth, pro or enterprise, of the "
                                "classic edition sprout, blossom, garden, "
                                "estate or forest, or leave it empty")
               : 0;
}

static int check_redis(const struct dr_conf *c, struct dr_err *err)
{
    struct dr_err why = {0};

    return dr_store_check_address(dr_conf_text(c, "redis.address"), &why)
               ? dr_conf_refuse(c, "redis.address", err, "%s", why.text)
               : 0;
}

/* Of a minute half is ours, whatever is reserved (rate_take.lua). */
static int check_reserve(const struct dr_conf *c, struct dr_err *err)
{
    int64_t hour = dr_conf_int(c, "rate.hour_limit");

    return hour > 0 && dr_conf_int(c, "rate.reserve") >= hour
               ? dr_conf_refuse(c, "rate.reserve", err,
                                "nothing is left of rate.hour_limit (%lld), "
                                "and no record would ever be sent: reserve "
                                "less than that",
                                (long long)hour)
               : 0;
}

dr_conf_check_fn *const shell_checks[] = {
    check_key, check_target, check_plan, check_redis, check_reserve, NULL};

static void open_target(struct loader *l)
{
    struct dr_buf auth;
    struct dr_http_opts o = target_opts(l->svc->conf, &auth);
    struct dr_err err = {0};

    o.max_connections = l->max_calls;
    l->http = dr_http_new(&o, &err);
    explicit_bzero(auth.p, auth.n);
    dr_buf_done(&auth);
    if (!l->http) {
        dr_die(DR_EXIT_CONFIG, err.where, "%s", err.text);
    }
    l->base_url = o.base_url;
    /* Classic addresses have no product in their path (reference 1.1). */
    l->classic =
        dr_str_find(dr_str_z(o.base_url), DR_STR_LIT("/crm/sales")) == SIZE_MAX;
}

static void open_store(struct loader *l)
{
    const struct dr_conf *c = l->svc->conf;
    struct dr_str password = dr_conf_secret(c, "redis.password_file");
    char *copy = password.n > 0 ? dr_xstrndup(password) : NULL;
    struct dr_store_opts o = {.address = dr_conf_text(c, "redis.address"),
                              .password = copy,
                              .migration = l->svc->migration};
    struct dr_err err = {0};

    l->store = dr_store_new(&o, &err);
    if (!l->store) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
    }
    l->incarnation = dr_store_incarnation(l->store);
    if (copy) {
        explicit_bzero(copy, password.n);
        free(copy);
    }
}

static void open_kafka(struct loader *l)
{
    const char *ledgers[LANES], *landed[LANES], *outs[2 * LANES + 2];
    struct dr_kafka_opts ledger_opts = l->svc->kafka;
    struct dr_err err = {0};
    size_t n = 0;

    ledger_opts.linger_ms = 0;
    l->svc->kafka.linger_ms = 5;
    for (int i = 0; i < LANES; i++) {
        ledgers[i] = l->lanes[i].ledger_topic;
        outs[n++] = landed[i] = l->lanes[i].landed_topic;
    }
    dr_topic(l->svc, l->rejected_topic, "rejected", NULL);
    outs[n++] = l->rejected_topic;
    outs[n++] = l->catalog_topic;
    l->ledger = dr_reader_new(&l->svc->kafka, ledgers, LANES, &err);
    l->landed =
        l->ledger ? dr_reader_new(&l->svc->kafka, landed, LANES, &err) : NULL;
    l->out = l->landed ? dr_producer_new(&l->svc->kafka, &err) : NULL;
    l->ledger_out = l->out ? dr_producer_new(&ledger_opts, &err) : NULL;
    l->control = l->ledger_out ? dr_control_open(l->svc, &err) : NULL;
    if (!l->control ||
        dr_producer_warm(l->ledger_out, ledgers, LANES, 60000, &err) ||
        dr_producer_warm(l->out, outs, n, 60000, &err)) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
    }
}

static void on_assigned(void *ctx, const int32_t *parts, size_t n);
static void on_revoked(void *ctx, const int32_t *parts, size_t n, bool lost);

static void open_consumer(struct loader *l)
{
    const char *loads[LANES];
    char group[128];
    struct dr_consumer_opts o = {.kafka = l->svc->kafka,
                                 .group = group,
                                 .topics = loads,
                                 .topic_count = LANES,
                                 .assigned = on_assigned,
                                 .revoked = on_revoked,
                                 .ctx = l};
    struct dr_err err = {0};

    (void)snprintf(group, sizeof(group), "drover.%s.loader", l->svc->migration);
    for (int i = 0; i < LANES; i++) {
        loads[i] = l->lanes[i].load_topic;
    }
    l->consumer = dr_consumer_new(&o, &err);
    if (!l->consumer) {
        dr_die(DR_EXIT_FAILURE, err.where, "%s", err.text);
    }
}

static void read_settings(struct loader *l)
{
    const struct dr_conf *c = l->svc->conf;
    const char *crash = getenv("DROVER_CRASH"); /* a hook of the kill tests */

    l->parts = l->svc->partitions;
    l->plan = dr_conf_text(c, "target.plan");
    l->window = (int)dr_conf_int(c, "loader.window");
    l->max_calls = l->window + 8;
    l->quarantine_ms = dr_conf_int(c, "loader.quarantine_ms");
    l->parent_wait_ms = dr_conf_int(c, "loader.parent_wait_ms");
    l->job_ms = dr_conf_int(c, "loader.job_ms");
    l->unique_now = dr_conf_bool(c, "loader.unique_now");
    l->rate = (struct dr_rate_opts){
        .account = dr_conf_text(c, "target.url"),
        .hour_limit = dr_conf_int(c, "rate.hour_limit"),
        .minute_limit = dr_conf_int(c, "rate.minute_limit"),
        .hour_ms = dr_conf_int(c, "rate.hour_ms"),
        .minute_ms = dr_conf_int(c, "rate.minute_ms"),
        .reserve = dr_conf_int(c, "rate.reserve")};
    if (crash && strchr(crash, ':')) {
        l->crash_point = dr_xstrndup(
            (struct dr_str){crash, (size_t)(strchr(crash, ':') - crash)});
        l->crash_at = strtol(strchr(crash, ':') + 1, NULL, 10);
    }
}

void shell_open(struct loader *l)
{
    l->now_ms = dr_mono_ms();
    l->view_up = true;
    l->scratch = dr_arena_new(SCRATCH);
    l->rows = dr_arena_new(SCRATCH);
    l->input = dr_arena_new(SCRATCH);
    read_settings(l);
    open_lanes(l);
    open_metrics(l);
    dr_service_topics(l->svc, NULL, 0);
    open_target(l);
    open_store(l);
    dr_topic(l->svc, l->catalog_topic, "catalog", NULL);
    open_kafka(l);
    catalog_open(l);
    (void)dr_control_catch_up(l->svc, l->control, DR_CONTROL_MS);
    control_changed(l);
    open_consumer(l);
}

/* ---- partitions come and go ---- */

static void on_assigned(void *ctx, const int32_t *parts, size_t n)
{
    struct loader *l = ctx;

    for (size_t i = 0; i < n; i++) {
        for (int lane = 0; lane < LANES; lane++) {
            struct lanepart *lp = &l->lps[lane * l->parts + parts[i]];
            lp->assigned = true;
            lp->paused = false;
            lp->want_view = true;
            lp->committed = -1;
            lp->applied = -1;
            lp->offs = dr_xmalloc(sizeof(*lp->offs));
            dr_offsets_init(lp->offs);
            lp->items = dr_map_new(NULL);
            lp_flow(lp);
        }
    }
    dr_log(DR_LOG_INFO, "loader.assigned", "partitions=%zu", n);
}

static bool under_way(struct loader *l, const int32_t *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (int lane = 0; lane < LANES; lane++) {
            struct lanepart *lp = &l->lps[lane * l->parts + parts[i]];
            struct dr_str key;
            void *value;
            size_t at = 0;
            while (lp->items && dr_map_next(lp->items, &at, &key, &value)) {
                const struct item *it = value;
                if (it->state == ITEM_INTENT || it->state == ITEM_SENT ||
                    it->state == ITEM_PUBLISH || it->state == ITEM_WRITTEN) {
                    return true;
                }
            }
        }
    }
    return false;
}

static void turn(struct loader *l, int wait_ms);

/* Sends nothing new; lets what is on its way end and writes its facts (6). */
static void drain(struct loader *l, const int32_t *parts, size_t n)
{
    int64_t until = dr_mono_ms() + DRAIN_MS;

    l->draining = true;
    while (under_way(l, parts, n) && dr_mono_ms() < until) {
        turn(l, 5);
    }
    l->draining = false;
}

static void settle_offsets(struct loader *l, struct lanepart *lp)
{
    int64_t prefix = lp->offs ? dr_offsets_prefix(lp->offs) : -1;

    if (prefix > lp->committed) {
        dr_consumer_settle(l->consumer, lp->lane->index, lp->part, prefix);
        lp->committed = prefix;
    }
}

static void on_revoked(void *ctx, const int32_t *parts, size_t n, bool lost)
{
    struct loader *l = ctx;

    drain(l, parts, n);
    for (size_t i = 0; i < n; i++) {
        for (int lane = 0; lane < LANES; lane++) {
            struct lanepart *lp = &l->lps[lane * l->parts + parts[i]];
            if (!lp->assigned) {
                continue;
            }
            if (!lost) {
                settle_offsets(l, lp);
            }
            lp->assigned = false;
            lp_drop_items(lp);
            ledger_drop(lp);
            free(lp->offs);
            lp->offs = NULL;
        }
    }
    dr_log(DR_LOG_INFO, "loader.revoked", "partitions=%zu lost=%d", n,
           (int)lost);
}

/* ---- the loop ---- */

static void commit(struct loader *l)
{
    if (l->now_ms < l->commit_ms) {
        return;
    }
    l->commit_ms = l->now_ms + COMMIT_MS;
    for (int i = 0; i < LANES * l->parts; i++) {
        if (l->lps[i].assigned) {
            settle_offsets(l, &l->lps[i]);
        }
    }
    dr_consumer_commit(l->consumer);
}

static bool ledger_awaited(const struct loader *l)
{
    for (int i = 0; i < LANES; i++) {
        const struct lane *lane = &l->lanes[i];
        if (lane->sending > 0 || lane->in_flight > 0 || lane->work.n > 0) {
            return true;
        }
    }
    for (int i = 0; i < LANES * l->parts; i++) {
        if (l->lps[i].own.state == OWN_CLAIM ||
            l->lps[i].own.state == OWN_RECOVER) {
            return true;
        }
    }
    return false;
}

/* Everything but new input. */
static void turn(struct loader *l, int wait_ms)
{
    bool awaited = ledger_awaited(l);
    bool answers = dr_http_in_flight(l->http) > 0;

    l->now_ms = dr_mono_ms();
    if (l->now_ms >= l->tick_ms) {
        l->tick_ms = l->now_ms + TICK_MS;
        dr_service_tick(l->svc, 0);
    }
    (void)ledger_read(l, awaited && !answers ? wait_ms : 0);
    landed_read(l);
    (void)dr_producer_poll(l->out, 0);
    (void)dr_producer_poll(l->ledger_out, 0);
    l->now_ms = dr_mono_ms();
    uploads_alive(l);
    (void)dr_http_poll(l->http, answers ? wait_ms : 0);
    calls_sent(l);
    l->now_ms = dr_mono_ms();
    view_check(l);
    ledger_apply(l);
    view_check(l);
    ledger_claims(l);
    barriers(l);
    prepare(l);
    bulk(l);
    singles(l);
    singles_expire(l);
    settles(l);
    calls_pump(l);
}

/* A partition may have been paused while others held the room. */
static void flow(struct loader *l)
{
    if (l->now_ms < l->flow_ms) {
        return;
    }
    l->flow_ms = l->now_ms + FLOW_MS;
    for (int i = 0; i < LANES * l->parts; i++) {
        struct lanepart *lp = &l->lps[i];
        if (lp->assigned && lp->paused && lp->lane->open) {
            lp_flow(lp);
        }
    }
}

static bool idle(const struct loader *l)
{
    return !ledger_awaited(l) && dr_http_in_flight(l->http) == 0;
}

static bool input(struct loader *l, int wait_ms)
{
    struct dr_kmsg m;
    int n = 0;

    dr_arena_reset(l->input);
    l->taken++;
    while (n < INPUT_MAX && dr_arena_used(l->input) < INPUT_BYTES &&
           dr_consumer_poll(l->consumer, n ? 0 : wait_ms, &m)) {
        item_take(l, &m);
        n++;
    }
    return n > 0;
}

void shell_run(struct loader *l)
{
    bool busy = false;

    while (!dr_stop && l->exit_code == 0) {
        if (dr_control_poll(l->control)) {
            control_changed(l);
        }
        busy = input(l, idle(l) && !busy ? 20 : 0);
        turn(l, busy ? 0 : 2);
        flow(l);
        catalog_pump(l);
        commit(l);
        status_pump(l, false);
    }
}

void shell_close(struct loader *l)
{
    status_pump(l, true);
    dr_consumer_free(l->consumer); /* drains by on_revoked */
    if (dr_producer_flush(l->ledger_out, 10000) ||
        dr_producer_flush(l->out, 10000)) {
        dr_log(DR_LOG_WARN, "loader.unacknowledged",
               "stopped before Kafka had everything: it is settled next time");
    }
    dr_producer_free(l->ledger_out);
    dr_producer_free(l->out);
    dr_reader_free(l->ledger);
    dr_reader_free(l->landed);
    dr_reader_free(l->catalog);
    uploads_close(l);
    dr_control_free(l->control);
    dr_http_free(l->http);
    dr_store_free(l->store);
}
