/*
 * The oracle of the tail (contract 8, 1): snapshot, tail, freeze and sweep
 * under every fault knob of the contract. What was sent in the end is what
 * FastTrack holds, less what stands in quarantine with its reason; a source
 * that keeps its word (A1 to A7) has no tail miss. Over many seeds each knob
 * must have done something.
 *
 *   oracle_test SIMULATOR FOLDER SEEDS [FIRST [all]]
 *
 * With `all` it tells all that it and the service do.
 */
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drover/base/err.h>
#include <drover/base/log.h>
#include <drover/crypto/crypto.h>

#define DEATHS_MAX 12
#define KILLS_MAX 4
#define TOLD 3000      /* bytes of what the service said last */
#define SEEDS_MUST 100 /* with fewer a knob may well stay idle */

bool oracle_talks;

static int said = -1; /* the lives' standard error */
static pid_t parent;

uint64_t roll(uint64_t n)
{
    return dr_rand_below(&oracle->dice, n);
}

static void tell_all(void)
{
    char piece[4096];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(said, piece, sizeof(piece), at)) > 0) {
        (void)fwrite(piece, 1, (size_t)n, stderr);
        at += n;
    }
}

static struct dr_str last_words(char out[TOLD + 1])
{
    off_t n = lseek(said, 0, SEEK_END);
    off_t from = n > TOLD ? n - TOLD : 0;
    ssize_t got = pread(said, out, TOLD, from);

    out[got > 0 ? got : 0] = '\0';
    return dr_str_z(out);
}

void oracle_fail(const char *what, const char *which)
{
    char words[TOLD + 1];

    (void)fprintf(stderr, "seed %llu: %s: %s\n",
                  (unsigned long long)oracle->seed, what, which);
    if (getpid() != parent) {
        _exit(LIFE_FAILED);
    }
    if (oracle_talks) {
        tell_all();
    } else {
        (void)fprintf(stderr, "%s", last_words(words).p);
    }
    knobs_tell();
    (void)fprintf(stderr,
                  "lives=%u kills=%u deaths=%u edits=%u calls=%llu\n"
                  "alone: extractor_oracle_test SIMULATOR FOLDER 1 %llu\n",
                  oracle->lives, oracle->kills, oracle->deaths, oracle->edits,
                  (unsigned long long)oracle->calls,
                  (unsigned long long)oracle->seed);
    sim_stop();
    exit(1);
}

/* ---- how lives end ---- */

/* The service may end itself where its README says so, and then says what to
 * do; anything else is a defect. */
static bool may_die(const char *words)
{
    static const struct {
        const char *says;
        const char *knobs[3];
    } reasons[] = {
        {"refuses the token", {"token.expired", "token.changed"}},
        {"is refused (403", {"scope.objects", "plan.refuses"}},
        {"is refused (401", {"token.expired", "token.changed"}},
        {"no usable answer after", {"500", "502.html", "cut.mid"}},
    };

    for (size_t i = 0; i < DR_ARRAY_LEN(reasons); i++) {
        for (size_t k = 0; strstr(words, reasons[i].says) && k < 3; k++) {
            if (reasons[i].knobs[k] && drawn(reasons[i].knobs[k])) {
                return true;
            }
        }
    }
    return false;
}

static void died(int code)
{
    char words[TOLD + 1];
    struct dr_str all = last_words(words);
    const char *line = words;

    for (size_t i = 0; i + 1 < all.n; i++) {
        line = words[i] == '\n' ? words + i + 1 : line;
    }
    if (code != DR_EXIT_FAILURE && code != DR_EXIT_REFUSED) {
        oracle_fail("the service died", "");
    }
    if (!may_die(line) || ++oracle->deaths > DEATHS_MAX) {
        oracle_fail("the service ended itself", "");
    }
    if (oracle->deaths % 2 == 0) {
        happenings_mend();
    }
}

static void plan_kill(void)
{
    if (oracle->kills < KILLS_MAX && drawn("kill.at_call") && roll(3)) {
        oracle->kill_at_call = oracle->calls + 1 + roll(500);
    }
    if (oracle->kills < KILLS_MAX && drawn("kill.at_message") && roll(3)) {
        oracle->kill_at_send = 1 + roll(1000);
    }
}

static void killed(void)
{
    bool at_message = oracle->kill_at_send == 0 && drawn("kill.at_message");

    oracle->kills++;
    fired(at_message ? "kill.at_message" : "kill.at_call");
    oracle->kill_at_call = oracle->kill_at_send = 0;
    if (at_message && sent_lose() > 0) {
        fired("kill.loses_messages");
    }
}

/* True: it lived until it was frozen and judged. */
static bool live(void)
{
    int status = 0;
    pid_t child;

    oracle->lives++;
    plan_kill();
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        (void)dup2(said, 2);
        life();
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        oracle_fail("fork", "");
    }
    oracle->misses += oracle->misses_now;
    oracle->misses_now = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) == LIFE_FAILED) {
        oracle_fail(WIFEXITED(status) ? "it says" : "the service crashed", "");
    }
    switch (WEXITSTATUS(status)) {
    case LIFE_FROZEN:
        return true;
    case LIFE_RESTART:
        return false;
    case LIFE_KILLED:
        killed();
        return false;
    default:
        died(WEXITSTATUS(status));
        return false;
    }
}

/* ---- a seed ---- */

static void one_seed(const char *program, const char *folder, uint64_t seed)
{
    struct dr_arena *first = dr_arena_new((size_t)64 << 20);

    memset(oracle, 0, sizeof(*oracle));
    oracle->seed = seed;
    oracle->clock_ms = 1000;
    dr_rand_init(&oracle->dice, seed);
    (void)ftruncate(said, 0);
    (void)lseek(said, 0, SEEK_SET);
    knobs_draw();
    sim_start(program, folder);
    sim_connect();
    world_read(first);
    poison_start();
    happenings_plan();
    if (drawn("catalogue.damaged")) {
        damage_item();
    }
    faults_plant();
    oracle->editing = true;
    while (!live()) {
    }
    /* What shows itself again is of a stamp that is long settled. */
    if (oracle->misses > 0 && !oracle->breaks_word &&
        !drawn("hidden.shown_again")) {
        oracle_fail("the tail missed", "what a source that keeps its word had");
    }
    knobs_count();
    if (oracle_talks) {
        tell_all();
        (void)fprintf(stderr,
                      "lives=%u calls=%llu edits=%u messages=%zu bytes=%zu\n",
                      oracle->lives, (unsigned long long)oracle->calls,
                      oracle->edits, oracle->sent_n, oracle->bytes_n);
    }
    sim_stop();
    sent_clear();
    dr_arena_free(first);
}

int main(int argc, char **argv)
{
    uint64_t n = 0, from = 1;

    if (argc < 4 || dr_str_u64(dr_str_z(argv[3]), &n) ||
        (argc > 4 && dr_str_u64(dr_str_z(argv[4]), &from))) {
        (void)fprintf(stderr,
                      "usage: %s SIMULATOR FOLDER SEEDS [FIRST [all]]\n",
                      argv[0]);
        return 2;
    }
    parent = getpid();
    double_open();
    said = memfd_create("said", MFD_CLOEXEC);
    oracle_talks = argc > 5;
    dr_log_init("oracle", "-", oracle_talks ? DR_LOG_INFO : DR_LOG_WARN);
    dr_crypto_init();
    for (uint64_t i = 0; i < n; i++) {
        one_seed(argv[1], argv[2], from + i);
    }
    if (!knobs_report(n >= SEEDS_MUST)) {
        return 1;
    }
    (void)printf("%llu seeds, each as FastTrack has it\n",
                 (unsigned long long)n);
    return 0;
}
