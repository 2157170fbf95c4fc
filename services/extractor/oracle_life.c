/*
 * One life of the service, in a process of its own: the real run() from its
 * start to its freeze, with edits, faults and decisions between any two calls.
 */
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extractor.h"

#define ROUNDS 8        /* of the tail, before the freeze */
#define ROUNDS_MAX 2000 /* then it will not freeze any more */
#define CALLS_MAX 20000 /* some seeds need a tenth of it */
#define FILE_LIMIT 2000000

static struct extractor ex;
static int64_t calls_seen = -1;
static unsigned waits; /* since the last call */

/* ---- around each call ---- */

/* Time that the service waited has passed in FastTrack too. */
static void pay_time(void)
{
    if (oracle->owed_ms > 0) {
        advance(oracle->owed_ms);
        oracle->owed_ms = 0;
    }
}

/* Jobs are broken for a while, in the ways that the seed drew. */
static void cancel_job(void)
{
    const struct cursor *c = NULL;
    char path[100];

    for (size_t i = 0; i < ex.object_count; i++) {
        c = ex.objects[i].cursor.job.id[0] ? &ex.objects[i].cursor : c;
    }
    if (c) { /* the newest */
        (void)snprintf(path, sizeof(path), "/v1/exports/%s", c->job.id);
        if (dr_str_find(sim_api("DELETE", path, (struct dr_str){0}),
                        DR_STR_LIT("\"cancelled\"")) != SIZE_MAX) {
            fired("bulk.cancelled");
        }
    }
}

static void turn_export_break(void)
{
    static const char *const ways[] = {"hash", "truncated", "rows", "crc",
                                       "failed"};
    const char *way = ways[roll(DR_ARRAY_LEN(ways))];
    char name[32];

    (void)snprintf(name, sizeof(name), "bulk.%s", way);
    postf("/sim/knobs", "{\"export_break\":\"%s\"}",
          roll(2) && drawn(name) ? way : "none");
}

/* Between two calls, and nowhere else: what happens while bytes come from the
 * download port would be before or after them by chance, and a seed could not
 * be run again. */
static bool is_between_calls(void)
{
    if (ex.api.calls == calls_seen || strstr(ex.path.p, "/download-url")) {
        return false;
    }
    return waits > 0 || !strstr(ex.path.p, "/v1/exports/");
}

static void tick(int waited_ms)
{
    oracle->misses_now = ex.tail_misses;
    oracle->owed_ms += waited_ms;
    if (waited_ms > 0) { /* a long wait is many ticks: some are enough */
        if (++waits <= 20 || waits % 100 == 0) {
            pay_time();
        }
        return;
    }
    if (!is_between_calls()) {
        return;
    }
    calls_seen = ex.api.calls;
    waits = 0;
    if (++oracle->calls > CALLS_MAX) {
        oracle_fail("it makes too many calls", ex.phase);
    }
    oracle->clock_ms++;
    pay_time();
    if (oracle->kill_at_call > 0 && oracle->calls >= oracle->kill_at_call) {
        oracle->kill_at_call = 0;
        _exit(LIFE_KILLED);
    }
    happen();
    if (drawn("bulk") && roll(6) == 0) {
        turn_export_break();
    }
    if (drawn("bulk.cancelled") && roll(12) == 0) {
        cancel_job();
    }
    if (oracle->editing && roll(4) == 0) {
        one_edit();
    }
}

/* ---- questions ---- */

static bool is_about_account(const struct ask *a)
{
    return strcmp(a->kind, "scope") == 0 && strlen(a->id) == 14 &&
           strspn(a->id + 6, "0123456789abcdef") == 8;
}

static bool may_approve(const struct ask *a)
{
    if (strcmp(a->kind, "scope") != 0) {
        return true;
    }
    if (is_about_account(a)) {
        return !something_is_away() || drawn("scope.mail_approved") ||
               drawn("scope.files_approved") || drawn("plan.approved");
    }
    return strcmp(a->id, "scope:email_body.read") == 0
               ? drawn("scope.mail_approved")
           : strcmp(a->id, "scope:files.read") == 0
               ? drawn("scope.files_approved")
               : drawn("plan.approved") &&
                     strncmp(a->id, "scope:co_", 9) == 0; /* of the plan's */
}

static void approve(const struct ask *a)
{
    if (oracle->approval_n == DR_ARRAY_LEN(oracle->approvals)) {
        oracle_fail("too many questions", a->id);
    }
    (void)snprintf(oracle->approvals[oracle->approval_n++],
                   sizeof(oracle->approvals[0]), "%s", a->id);
    if (strncmp(a->id, "catalogue:", 10) == 0) {
        fired("catalogue.damaged");
    } else if (strcmp(a->kind, "corrupt") == 0) {
        fired("corrupt.asked");
    } else if (strcmp(a->kind, "absence") == 0) {
        fired(a->count > 50 ? "absence.many" : "absence.whole_object");
    } else if (strcmp(a->id, "scope:email_body.read") == 0) {
        fired("scope.mail_approved");
    } else if (strcmp(a->id, "scope:files.read") == 0) {
        fired("scope.files_approved");
    } else if (drawn("plan.approved")) {
        fired("plan.approved");
    } else if (is_about_account(a) && drawn("scope.mail_approved")) {
        fired("scope.mail_approved");
    }
}

/* A question stands for some rounds, then a person deals with it: by yes, or
 * by putting back what was taken and, where the service says so, a restart. */
static void answer(void)
{
    const struct ask *a = &ex.asks[roll(ex.ask_count)];

    if (is_about_account(a) && drawn("plan.put_back")) {
        fired("plan.put_back");
    }
    if (++oracle->asked % 3) {
        return;
    }
    if (may_approve(a)) {
        approve(a);
        return;
    }
    if (is_about_account(a)) {
        happenings_mend();
        return;
    }
    if (!something_is_away() && ex.halted[0]) {
        _exit(LIFE_RESTART);
    }
    happenings_mend();
}

/* ---- rounds ---- */

static void one_round(void)
{
    oracle->rounds++;
    if (drawn("clock.back") && roll(3) == 0) {
        advance(-60000);
        fired("clock.back");
    } else {
        advance((int64_t)roll(200000));
        fired("clock.forward");
    }
    if (oracle->rounds == 2) {
        oracle->file_limit = FILE_LIMIT;
        scope_of_files_goes();
        if (drawn("absence.many")) {
            crowd();
        }
    }
    if (oracle->rounds == 3 &&
        (drawn("flood.new") || drawn("flood.edited") || drawn("flood.15000"))) {
        flood();
    }
    if (oracle->rounds == 5 && drawn("tombstones_expire")) {
        tombstones_expire();
        _exit(LIFE_RESTART);
    }
    if (oracle->rounds == ROUNDS) {
        oracle->editing = false;
        vanish();
        unhide();
        happenings_mend();
        advance(150000); /* what was changed is to be seen everywhere */
        oracle->freezing = true;
    }
}

/* By approval, and read again when it may be. */
static void watch_left(void)
{
    bool left = false;

    for (size_t i = 0; i < ex.object_count; i++) {
        left = left || !ex.objects[i].readable;
    }
    if (oracle->left_behind && !left && drawn("plan.comes_back")) {
        fired("plan.comes_back");
    }
    oracle->left_behind = left;
}

static void control(void)
{
    watch_left();
    if (strcmp(ex.phase, "frozen") == 0) {
        dr_stop = 1;
        return;
    }
    if (ex.ask_count > 0) {
        oracle->calls++;
        happen();
        answer();
    }
    if (strcmp(ex.phase, "tail") == 0 && !ex.halted[0]) {
        one_round();
    } else if (oracle->freezing) {
        advance(60000);
        if (++oracle->rounds > ROUNDS_MAX) {
            oracle_fail("it does not freeze", ex.halted);
        }
    }
}

/* ---- a life ---- */

static void begin(struct dr_service *svc)
{
    static int64_t metrics[8];
    struct settings s = {
        .url = sim_url,
        .token = dr_str_z(oracle->token_changed ? "another" : sim_key),
        .budget_permille = drawn("corrupt.asked") ? 0 : 1000,
        .poll_ms = 100,
        .download_hosts = "",
        .bulk_export = drawn("bulk"),
        .lag_s = -1};

    extractor_init(&ex, svc, &s);
    ex.m_read = &metrics[0];
    ex.m_rejected = &metrics[1];
    ex.m_calls = &metrics[2];
    ex.m_refused = &metrics[3];
    ex.m_lag = &metrics[4];
    ex.m_misses = &metrics[5];
    (void)snprintf(ex.rejected_topic, sizeof(ex.rejected_topic), "rejected");
    (void)snprintf(ex.catalog_topic, sizeof(ex.catalog_topic), "catalog");
    (void)snprintf(ex.cursor_topic, sizeof(ex.cursor_topic), "cursor");
    (void)snprintf(ex.files_topic, sizeof(ex.files_topic), "files");
}

/* Nothing is to stand between the judges and what FastTrack holds. */
static void calm(void)
{
    on_tick = NULL;
    on_control = NULL;
    happenings_mend();
    postf("/sim/faults", "[]");
    postf("/sim/knobs",
          "{\"empty_pages\":\"0\",\"repeat_rows\":\"0\",\"page_rows\":\"0\","
          "\"burst\":\"0\",\"daily\":\"0\",\"concurrency\":\"0\","
          "\"token\":\"\",\"scopes\":\"folder\",\"download_ttl_ms\":\"0\","
          "\"node_skew_ms\":\"0\"}");
    postf("/sim/admin/schema",
          "{\"op\":\"schema\",\"change\":\"plan\",\"plan\":\"folder\"}");
    advance(1000000);
}

/* What is left behind needs somebody who said so. */
static void check_skipped(void)
{
    for (size_t i = 0; i < ex.object_count; i++) {
        if (!ex.objects[i].readable &&
            (!drawn("plan.approved") || drawn("plan.comes_back"))) {
            oracle_fail("it is left behind", ex.objects[i].name);
        }
    }
}

/* All that is damaged in the catalogue stood in a question. */
static void check_damaged(void)
{
    char head[32];

    (void)snprintf(head, sizeof(head), "catalogue:%u:", oracle->damaged);
    for (size_t i = 0; i < oracle->approval_n; i++) {
        if (strncmp(oracle->approvals[i], head, strlen(head)) == 0) {
            return;
        }
    }
    if (oracle->damaged > 0) {
        oracle_fail(
            "of the catalogue's damaged items some were not asked about", head);
    }
}

void life(void)
{
    static struct dr_service svc = {.name = "extractor", .partitions = PARTS};

    (void)snprintf(svc.id, sizeof(svc.id), "extractor-0");
    sim_connect();
    begin(&svc);
    on_tick = tick;
    on_control = control;
    run(&ex);
    if (!dr_stop || strcmp(ex.phase, "frozen") != 0) {
        oracle_fail("a step ended without being asked to stop", ex.phase);
    }
    oracle->misses_now = ex.tail_misses;
    calm();
    check_skipped();
    check_damaged();
    truth_check(&ex);
    quarantine_check(&ex);
    extractor_done(&ex);
    _exit(LIFE_FROZEN);
}
