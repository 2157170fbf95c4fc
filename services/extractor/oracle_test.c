/*
 * The oracle of the tail (contract 8, 1): the real snapshot, tail and sweep
 * against the simulated FastTrack under its faults, with random edits between
 * any two calls. What was sent in the end is what FastTrack holds; a source
 * that keeps its word (A1 to A7) has no tail miss.
 *
 *   oracle_test SIMULATOR FOLDER SEEDS [FIRST]
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drover/base/log.h>
#include <drover/base/rand.h>
#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

#include "extractor.h"
#include "oracle.h"

#define PARTS 3
#define TYPES 32

/* ---- the simulator ---- */

struct sim {
    pid_t pid;
    int out;
    char api[64], admin[64], key[128];
    struct dr_http *http;  /* admin */
    struct dr_http *truth; /* api   */
    struct dr_buf answer;
};

static struct sim sim;
static struct dr_rand dice;
static uint64_t seed;
static const char *program, *folder;

_Noreturn void oracle_fail(const char *what, const char *which)
{
    (void)fprintf(stderr, "seed %llu: %s: %s\n", (unsigned long long)seed, what,
                  which);
    (void)kill(sim.pid, SIGKILL);
    exit(1);
}

static uint64_t roll(uint64_t n)
{
    return dr_rand_below(&dice, n);
}

#define KNOBS_MAX 12

/* What the contract names, each in some of the seeds (4.14). */
static int knobs(char text[KNOBS_MAX][96])
{
    static const char *const lag[] = {"fixed", "random", "bimodal"};
    int n = 0;

    if (roll(2)) {
        (void)snprintf(text[n++], 96, "visibility_lag_ms=%llu",
                       (unsigned long long)roll(100000));
        (void)snprintf(text[n++], 96, "visibility_lag=%s", lag[roll(3)]);
    }
    if (roll(3) == 0) {
        (void)snprintf(text[n++], 96, "node_skew_ms=%llu",
                       (unsigned long long)roll(10000));
    }
    if (roll(2)) {
        (void)snprintf(text[n++], 96, "page_rows=%llu",
                       (unsigned long long)(2 + roll(40)));
    }
    if (roll(3) == 0) {
        (void)snprintf(text[n++], 96, "ends_per_answer=%llu",
                       (unsigned long long)(1 + roll(3)));
    }
    if (roll(3) == 0) {
        (void)snprintf(text[n++], 96, "empty_pages=%llu",
                       (unsigned long long)(2 + roll(3)));
    }
    if (roll(3) == 0) {
        (void)snprintf(text[n++], 96, "repeat_rows=%llu",
                       (unsigned long long)(1 + roll(2)));
    }
    if (roll(4) == 0) {
        (void)snprintf(text[n++], 96, "batch_poison=ct_0%02llu",
                       (unsigned long long)(1 + roll(40)));
    }
    return n;
}

static struct dr_str field(struct dr_str line, const char *name, char *out,
                           size_t n)
{
    size_t at = dr_str_find(line, dr_str_z(name));
    struct dr_str v;

    if (at >= line.n) {
        oracle_fail("the simulator's first line", line.p);
    }
    v = (struct dr_str){line.p + at + strlen(name), line.n - at - strlen(name)};
    (void)snprintf(out, n, "%.*s", (int)strcspn(v.p, " \n"), v.p);
    return v;
}

static void start_sim(void)
{
    char text[KNOBS_MAX][96], number[32], line[512] = "", port[16];
    const char *argv[16 + 2 * KNOBS_MAX] = {program, "--source", folder,
                                            "--seed", number};
    int argc = 5, n = knobs(text), fds[2];
    struct dr_http_opts o = {.total_ms = 20000, .max_connections = 1};
    size_t got = 0;

    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)seed);
    for (int i = 0; i < n; i++) {
        argv[argc++] = "--knob";
        argv[argc++] = text[i];
    }
    if (pipe2(fds, O_CLOEXEC)) {
        oracle_fail("pipe", "");
    }
    sim.pid = fork();
    if (sim.pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(fds[1], 1);
        (void)dup2(null, 2);
        (void)execv(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(fds[1]);
    sim.out = fds[0];
    while (got + 1 < sizeof(line) && !strchr(line, '\n')) {
        ssize_t r = read(fds[0], line + got, sizeof(line) - 1 - got);
        if (r <= 0) {
            oracle_fail("the simulator did not start", folder);
        }
        got += (size_t)r;
    }
    (void)field(dr_str_z(line), "api=", port, sizeof(port));
    (void)snprintf(sim.api, sizeof(sim.api), "http://127.0.0.1:%s", port);
    (void)field(dr_str_z(line), "admin=", port, sizeof(port));
    (void)snprintf(sim.admin, sizeof(sim.admin), "http://127.0.0.1:%s", port);
    (void)field(dr_str_z(line), "key=", sim.key, sizeof(sim.key));
    o.base_url = sim.admin;
    sim.http = dr_http_new(&o, NULL);
}

static void stop_sim(void)
{
    (void)kill(sim.pid, SIGKILL);
    (void)waitpid(sim.pid, NULL, 0);
    (void)close(sim.out);
    dr_http_free(sim.http);
    dr_http_free(sim.truth);
    sim.http = sim.truth = NULL;
}

/* A call to the admin port; the answer stays until the next. */
static struct dr_str admin(const char *method, const char *path,
                           struct dr_str body)
{
    struct dr_http_answer ans;
    struct dr_err err = {0};

    dr_buf_reset(&sim.answer);
    if (dr_http_call(sim.http, method, path, body, &ans, &sim.answer, &err)) {
        oracle_fail(path, err.text);
    }
    return dr_buf_view(&sim.answer);
}

static void post(const char *path, struct dr_buf *body)
{
    (void)admin("POST", path, dr_buf_view(body));
    dr_buf_done(body);
}

/* ---- what people do ---- */

struct kind {
    char name[65];
    struct dr_str rows[400];
    size_t n;
};

static struct kind kinds[TYPES];
static size_t kind_n;
static struct dr_arena *first; /* the records as they were at the start */
static struct extractor ex;
static bool editing, breaks_word;
static unsigned fresh, edits;

static void load_kinds(void)
{
    kind_n = 0;
    for (size_t i = 0; i < ex.object_count && kind_n < TYPES; i++) {
        struct kind *k = &kinds[kind_n];
        struct dr_str text;
        char path[128];

        if (ex.objects[i].is == OBJECT_EVENTS) {
            continue;
        }
        (void)snprintf(k->name, sizeof(k->name), "%s", ex.objects[i].name);
        (void)snprintf(path, sizeof(path), "/sim/records/%s", k->name);
        text = dr_arena_dup(first, admin("GET", path, (struct dr_str){0}));
        for (k->n = 0; text.n > 0 && k->n < DR_ARRAY_LEN(k->rows);) {
            struct dr_str line = dr_str_split(&text, '\n');
            if (line.n > 0) {
                k->rows[k->n++] = line;
            }
        }
        kind_n += k->n > 0;
    }
}

static const struct dr_json *some(struct dr_arena *a, const struct kind *k)
{
    return dr_json_parse(a, k->rows[roll(k->n)], NULL, NULL);
}

/* A copy with another owner; of a line, at times in another deal. */
static void write_record(struct dr_json_w *w, const struct dr_json *rec,
                         const char *id, const char *deal)
{
    char owner[16];

    (void)snprintf(owner, sizeof(owner), "o_%llu",
                   (unsigned long long)(1 + roll(1000)));
    dr_json_w_obj(w);
    DR_JSON_EACH(m, rec)
    {
        dr_json_w_keys(w, m->key);
        if (dr_str_eqz(m->key, "id") && id) {
            dr_json_w_z(w, id);
        } else if (dr_str_eqz(m->key, "owner_id")) {
            dr_json_w_z(w, owner);
        } else if (dr_str_eqz(m->key, "properties") && deal) {
            dr_json_w_obj(w);
            DR_JSON_EACH(p, m)
            {
                dr_json_w_keys(w, p->key);
                if (dr_str_eqz(p->key, "deal_id")) {
                    dr_json_w_z(w, deal);
                } else {
                    dr_json_w_tree(w, p);
                }
            }
            dr_json_w_end(w);
        } else {
            dr_json_w_tree(w, m);
        }
    }
    dr_json_w_end(w);
}

static void edit_record(struct dr_arena *a, const struct kind *k)
{
    const struct dr_json *rec = some(a, k);
    char id[32], deal[32], path[200];
    bool lines = strcmp(k->name, "line_item") == 0;
    bool anew = roll(5) == 0;
    struct dr_json_w w;
    struct dr_buf b;

    (void)snprintf(id, sizeof(id), "new_%u", ++fresh);
    (void)snprintf(deal, sizeof(deal), "de_%03llu",
                   (unsigned long long)(1 + roll(40)));
    dr_buf_init(&b, 1 << 20);
    dr_json_w_init(&w, &b);
    if (breaks_word && roll(2)) {
        dr_json_w_obj(&w);
        dr_json_w_kvz(&w, "op", "upsert");
        if (roll(2)) {
            dr_json_w_kvi(&w, "updated_at_offset_s", -9000000);
        } else {
            dr_json_w_kvi(&w, "visible_after_s", 1000000000);
        }
        dr_json_w_key(&w, "record");
        write_record(&w, rec, anew ? id : NULL, NULL);
        dr_json_w_end(&w);
        (void)snprintf(
            path, sizeof(path), "/sim/admin/%s/" DR_STR_FMT, k->name,
            DR_STR_ARG(anew ? dr_str_z(id)
                            : dr_json_scalar(dr_json_get(rec, "id"))));
    } else {
        write_record(&w, rec, anew ? id : NULL, lines && roll(2) ? deal : NULL);
        (void)snprintf(path, sizeof(path), "/sim/admin/%s", k->name);
    }
    post(path, &b);
}

static void change_record(struct dr_arena *a, const struct kind *k,
                          const char *op)
{
    struct dr_str id = dr_json_scalar(dr_json_get(some(a, k), "id"));
    struct dr_str other = dr_json_scalar(dr_json_get(some(a, k), "id"));
    char path[200];
    struct dr_buf b;

    dr_buf_init(&b, 4096);
    dr_buf_printf(&b, "{\"op\":\"%s\"", op);
    if (strcmp(op, "merge") == 0) {
        dr_buf_printf(&b, ",\"merged_into\":\"" DR_STR_FMT "\"",
                      DR_STR_ARG(other));
    }
    dr_buf_z(&b, "}");
    (void)snprintf(path, sizeof(path), "/sim/admin/%s/" DR_STR_FMT, k->name,
                   DR_STR_ARG(id));
    post(path, &b);
}

static const struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < kind_n; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static void edit_ends(struct dr_arena *a)
{
    static const char *const parents[] = {"note", "email"}; /* of files */
    const struct object *few = object_find(&ex, dr_str_z(parents[roll(2)]));
    const struct object *o =
        few && roll(2) ? few : &ex.objects[roll(ex.object_count)];
    const struct pair *p =
        o->pair_count ? &o->pairs[roll(o->pair_count)] : NULL;
    const struct kind *from = p ? kind_named(p->from) : NULL;
    const struct kind *to = p ? kind_named(p->to) : NULL;
    struct dr_buf b;

    if (!from || !to) {
        return;
    }
    dr_buf_init(&b, 4096);
    dr_buf_printf(
        &b,
        "{\"op\":\"%s\",\"from_type\":\"%s\",\"to_type\":\"%s\",\"from_id\":"
        "\"" DR_STR_FMT "\",\"to_id\":\"" DR_STR_FMT
        "\",\"type_id\":%llu,\"label\":\"L%llu\",\"category\":\"user\","
        "\"primary\":%s}",
        roll(3) ? "assoc_add" : "assoc_remove", p->from, p->to,
        DR_STR_ARG(dr_json_scalar(dr_json_get(some(a, from), "id"))),
        DR_STR_ARG(dr_json_scalar(dr_json_get(some(a, to), "id"))),
        (unsigned long long)(1 + roll(3)), (unsigned long long)roll(9),
        roll(2) ? "true" : "false");
    post("/sim/admin/associations", &b);
}

static void add_event(void)
{
    struct dr_buf b;

    fresh++;
    dr_buf_init(&b, 4096);
    dr_buf_printf(&b,
                  "{\"id\":\"ev_new_%u\",\"notification_type\":\"CUSTOM\","
                  "\"type\":\"order_placed\",\"contact_id\":\"ct_001\","
                  "\"origin\":\"store\",\"occurred_at\":"
                  "\"2026-01-01T00:00:00Z\",\"schema_version\":1,"
                  "\"data\":{\"n\":\"%u\"}}",
                  fresh, fresh);
    post("/sim/admin/event", &b);
}

static void one_edit(void)
{
    static const char *const ops[] = {"delete", "merge", "archive", "restore"};
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(8 << 20);
    const struct kind *k = &kinds[roll(kind_n)];

    switch (roll(12)) {
    case 0:
    case 1:
        change_record(a, k, ops[roll(DR_ARRAY_LEN(ops))]);
        break;
    case 2:
        change_record(a, kind_named("contact"),
                      edits % 40 ? "restore" : "purge");
        break;
    case 3:
    case 4:
    case 5:
        edit_ends(a);
        break;
    case 6:
        add_event();
        break;
    default:
        edit_record(a, k);
        break;
    }
    edits++;
}

static void tick(void)
{
    if (editing && roll(4) == 0) {
        editing = false; /* no edit within an edit */
        one_edit();
        editing = true;
    }
}

static void advance(int64_t ms)
{
    struct dr_buf b;

    dr_buf_init(&b, 256);
    dr_buf_printf(&b, "{\"advance_ms\":%lld}", (long long)ms);
    post("/sim/clock", &b);
}

/* Faults of the transport, a few of each run. */
static void plant_faults(void)
{
    static const char *const actions[] = {
        "{\"status\":500}",
        "{\"status\":502,\"body\":\"html\"}",
        "{\"status\":503,\"retry_after\":\"2\"}",
        "{\"status\":429,\"retry_after\":\"1\"}",
        "{\"status\":429}",
        "{\"status\":429,\"retry_after\":\"0.5\"}",
        "{\"close\":\"before\"}",
        "{\"close\":\"mid\"}",
        "{\"truncate\":7}",
        "{\"truncate\":300}",
        "{\"garble\":\"content_length\"}",
    };
    static const char *const lanes[] = {
        "^/v1/objects/[a-z_]+$", "/index$",     "/batch/read$",  "/changes$",
        "^/v1/associations/",    "^/v1/events", "^/v1/account$", "^/v1/schema/",
    };
    size_t n = roll(6);
    struct dr_buf b;

    dr_buf_init(&b, 8192);
    dr_buf_z(&b, "[");
    for (size_t i = 0; i < n; i++) {
        dr_buf_printf(&b,
                      "%s{\"name\":\"f%zu\",\"match\":{\"path\":\"%s\"},"
                      "\"after\":%llu,\"times\":%llu,\"action\":%s}",
                      i ? "," : "", i, lanes[roll(DR_ARRAY_LEN(lanes))],
                      (unsigned long long)roll(8),
                      (unsigned long long)(1 + roll(3)),
                      actions[roll(DR_ARRAY_LEN(actions))]);
    }
    dr_buf_z(&b, "]");
    post("/sim/faults", &b);
}

/* ---- one run ---- */

static struct dr_str get(bool api, const char *path)
{
    struct dr_http_answer ans;
    struct dr_err err = {0};

    if (!api) {
        return admin("GET", path, (struct dr_str){0});
    }
    dr_buf_reset(&sim.answer);
    if (dr_http_call(sim.truth, "GET", path, (struct dr_str){0}, &ans,
                     &sim.answer, &err)) {
        oracle_fail(path, err.text);
    }
    return ans.status == 200 ? dr_buf_view(&sim.answer) : (struct dr_str){0};
}

static void open_run(struct dr_service *svc)
{
    static int64_t metrics[16];
    struct settings s = {.url = sim.api,
                         .token = dr_str_z(sim.key),
                         .budget_permille = 1000,
                         .poll_ms = 100,
                         .download_hosts = "",
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
    if (!read_catalogue(&ex)) {
        oracle_fail("the catalogue", "cannot be read");
    }
    resume(&ex);
}

static void begin_run(struct dr_service *svc, uint64_t misses)
{
    open_run(svc);
    ex.tail_misses = misses;
    if (!account_check(&ex) || !snapshot(&ex)) {
        oracle_fail("the snapshot", "ended");
    }
}

static void tail_of(struct dr_service *svc)
{
    for (int i = 0; i < 8; i++) {
        advance((int64_t)roll(200000) -
                (breaks_word && roll(4) == 0 ? 60000 : 0));
        if (!tail_round(&ex)) {
            oracle_fail("the tail", "ended");
        }
        if (roll(10) == 0) { /* a restart goes on where it was */
            extractor_done(&ex);
            begin_run(svc, 0);
        }
    }
}

static void freeze(void)
{
    editing = false;
    advance(150000);
    if (!account_check(&ex)) {
        oracle_fail("the account", "ended");
    }
    ex.freeze_ms = ex.api.server_ms;
    for (int i = 0; i < 50 && !all_passed(&ex); i++) {
        advance(60000);
        if (!tail_round(&ex)) {
            oracle_fail("the tail", "ended");
        }
    }
    if (!all_passed(&ex)) {
        oracle_fail("the horizon", "does not pass the freeze");
    }
    if (!last_steps(&ex) || ex.halted[0]) {
        oracle_fail("the sweep", ex.halted);
    }
}

static void one_seed(void)
{
    static struct dr_service svc = {.name = "extractor", .partitions = PARTS};
    struct dr_http_opts o = {.total_ms = 20000, .max_connections = 1};
    char auth[200];

    (void)snprintf(svc.id, sizeof(svc.id), "extractor-0");
    dr_rand_init(&dice, seed);
    breaks_word = roll(4) == 0;
    fresh = edits = 0;
    editing = false;
    start_sim();
    (void)snprintf(auth, sizeof(auth), "Bearer %s", sim.key);
    o.base_url = sim.api;
    o.auth_header = auth;
    sim.truth = dr_http_new(&o, NULL);
    first = dr_arena_new((size_t)64 << 20);
    open_run(&svc);
    load_kinds();
    extractor_done(&ex);
    plant_faults();
    editing = true;
    begin_run(&svc, 0);
    tail_of(&svc);
    freeze();
    (void)admin("POST", "/sim/faults", DR_STR_LIT("[]"));
    (void)admin("POST", "/sim/knobs",
                DR_STR_LIT("{\"empty_pages\":\"0\",\"repeat_rows\":\"0\"}"));
    if (ex.tail_misses > 0 && !breaks_word) {
        oracle_fail("the tail missed", "what a source that keeps its word had");
    }
    truth_check(&ex, get);
    extractor_done(&ex);
    dr_arena_free(first);
    stop_sim();
    sent_clear();
}

int main(int argc, char **argv)
{
    uint64_t n = 0, from = 1;

    if (argc < 4 || dr_str_u64(dr_str_z(argv[3]), &n) ||
        (argc > 4 && dr_str_u64(dr_str_z(argv[4]), &from))) {
        (void)fprintf(stderr, "usage: %s SIMULATOR FOLDER SEEDS [FIRST]\n",
                      argv[0]);
        return 2;
    }
    program = argv[1];
    folder = argv[2];
    dr_log_init("oracle", "-", (enum dr_log_level)(argc > 5 ? 1 : 3));
    dr_crypto_init();
    dr_buf_init(&sim.answer, (size_t)64 << 20);
    on_tick = tick;
    for (uint64_t i = 0; i < n; i++) {
        seed = from + i;
        one_seed();
    }
    dr_buf_done(&sim.answer);
    (void)printf("%llu seeds, each as FastTrack has it\n",
                 (unsigned long long)n);
    return 0;
}
