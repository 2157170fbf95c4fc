/*
 * The fault knobs of the contract (4.14, and what its other sections say of
 * sources): which of them a seed draws, and whether they did anything. Those
 * that act in an answer are counted by the simulator, by the name in `bite`;
 * the others by the oracle itself.
 */
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/json/json.h>

struct knob {
    const char *name;
    const char *bite;    /* NULL: the oracle counts; "": the name itself */
    unsigned seeds, bit; /* that drew it, in which it did something */
    unsigned long long times;
};

static struct knob table[] = {
    /* time */
    {.name = "lag.fixed", .bite = "visibility_lag_ms"},
    {.name = "lag.random", .bite = "visibility_lag_ms"},
    {.name = "lag.bimodal", .bite = "visibility_lag_ms"},
    {.name = "node_skew", .bite = "node_skew_ms"},
    {.name = "clock.back"},
    {.name = "clock.forward"},
    {.name = "stamp.back_dated"},
    {.name = "stamp.seen_too_late"},
    {.name = "flood.new", .bite = "same_second"},
    {.name = "flood.edited", .bite = "same_second"},
    {.name = "flood.15000", .bite = "same_second"},
    /* paging */
    {.name = "page.cursor_expired", .bite = "f.cursor"},
    {.name = "page.rows_again", .bite = "repeat_rows"},
    {.name = "page.short", .bite = "page_rows"},
    {.name = "page.empty", .bite = "empty_pages"},
    {.name = "page.ends", .bite = "ends_per_answer"},
    {.name = "poison.with_id", .bite = ""},
    {.name = "poison.without_id", .bite = ""},
    {.name = "poison.first", .bite = ""},
    {.name = "poison.middle", .bite = ""},
    {.name = "poison.last", .bite = ""},
    {.name = "poison.alone", .bite = ""},
    {.name = "poison.batch", .bite = ""},
    {.name = "poison.breaks_batch", .bite = "batch_poison"},
    {.name = "poison.event", .bite = ""},
    {.name = "poison.later"},
    {.name = "poison.mended"},
    {.name = "corrupt.flagged"},
    {.name = "corrupt.asked"},
    /* transport */
    {.name = "429.seconds", .bite = "f.429.seconds"},
    {.name = "429.date", .bite = "f.429.date"},
    {.name = "429.fraction", .bite = "f.429.fraction"},
    {.name = "429.none", .bite = "f.429.none"},
    {.name = "burst.seconds", .bite = "burst"},
    {.name = "burst.date", .bite = "burst"},
    {.name = "burst.fraction", .bite = "burst"},
    {.name = "burst.none", .bite = "burst"},
    {.name = "daily", .bite = ""},
    {.name = "concurrency", .bite = ""},
    {.name = "lift", .bite = ""},
    {.name = "lift.over", .bite = "lift_over"},
    {.name = "500", .bite = "f.500"},
    {.name = "502.html", .bite = "f.502.html"},
    {.name = "503", .bite = "f.503"},
    {.name = "503.wait", .bite = "f.503.wait"},
    {.name = "cut.before", .bite = "f.cut.before"},
    {.name = "cut.mid", .bite = "f.cut.mid"},
    {.name = "cut.after", .bite = "f.cut.after"},
    {.name = "cut.at_byte", .bite = "f.cut.at_byte"},
    {.name = "wrong_length", .bite = "f.wrong_length"},
    {.name = "chunked_no_end", .bite = "f.chunked_no_end"},
    {.name = "gzip_bomb", .bite = "f.gzip_bomb"},
    {.name = "endless", .bite = "f.endless"},
    {.name = "slow", .bite = "f.slow"},
    {.name = "token.expired", .bite = "f.token"},
    {.name = "token.changed", .bite = "token"},
    {.name = "redirect.host", .bite = "f.redirect.host"},
    {.name = "redirect.call", .bite = "f.redirect.call"},
    {.name = "file.quarantined"},
    {.name = "file.lost"},
    {.name = "file.other_length"},
    {.name = "file.cut", .bite = "f.file.cut"},
    {.name = "file.503", .bite = "f.file.503"},
    {.name = "file.expired", .bite = "f.file.expired"},
    {.name = "address.short_lived", .bite = "download_expired"},
    /* bulk export */
    {.name = "bulk", .bite = "export_job"},
    {.name = "bulk.hash", .bite = "export_break=hash"},
    {.name = "bulk.truncated", .bite = "export_break=truncated"},
    {.name = "bulk.rows", .bite = "export_break=rows"},
    {.name = "bulk.crc", .bite = "export_break=crc"},
    {.name = "bulk.failed", .bite = "export_break=failed"},
    {.name = "bulk.expired", .bite = "export_expired"},
    {.name = "bulk.cancelled"},
    {.name = "bulk.rows_again", .bite = "export_repeat_rows"},
    {.name = "bulk.no_more_jobs", .bite = "export_jobs"},
    {.name = "bulk.cut", .bite = "f.bulk.cut"},
    {.name = "bulk.address_expired", .bite = "f.bulk.address_expired"},
    {.name = "line.whole", .bite = "poison.part"},
    {.name = "line.truncated", .bite = "bad_line.truncated"},
    {.name = "line.utf8", .bite = "bad_line.utf8"},
    {.name = "line.nul", .bite = "bad_line.nul"},
    {.name = "line.two", .bite = "bad_line.two"},
    {.name = "line.long", .bite = "bad_line.long"},
    {.name = "reject.raw_bytes"}, /* no knob: what the judge found of it */
    /* account */
    {.name = "plan.put_back"},
    {.name = "plan.approved"},
    {.name = "plan.comes_back"},
    {.name = "plan.refuses", .bite = "plan.refused"},
    {.name = "scope.objects", .bite = "scopes.refused"},
    {.name = "scope.mail", .bite = "scopes.redacted"},
    {.name = "scope.mail_approved"},
    {.name = "scope.files", .bite = "scopes.refused"},
    {.name = "scope.files_approved"},
    /* data */
    {.name = "schema.option_add"},
    {.name = "schema.property_add"},
    {.name = "schema.property_type"},
    {.name = "schema.property_rename"},
    {.name = "catalogue.damaged"},
    {.name = "schema.stage_add"},
    {.name = "edit"},
    {.name = "create"},
    {.name = "create.same_mail"},
    {.name = "delete"},
    {.name = "merge"},
    {.name = "merge.named"}, /* no knob: what the judge found of it */
    {.name = "archive"},
    {.name = "restore"},
    {.name = "purge"},
    {.name = "ends_only"},
    {.name = "redacted"},
    {.name = "unknown_activity", .bite = ""},
    {.name = "numbers_bare", .bite = "number_encoding"},
    {.name = "hidden", .bite = ""},
    {.name = "hidden.shown_again"},
    {.name = "absence.many"},
    {.name = "absence.whole_object"},
    {.name = "tombstones_expire"},
    /* the service itself */
    {.name = "kill.at_call"},
    {.name = "kill.at_message"},
    {.name = "kill.loses_messages"},
};
_Static_assert(sizeof(table) / sizeof(table[0]) <= KNOBS, "raise KNOBS");

char sim_args[ARGS_MAX][TEXT_MAX];
size_t sim_arg_n;

static size_t place_of(const char *name)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(table); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return i;
        }
    }
    oracle_fail("no such knob", name);
}

bool drawn(const char *name)
{
    return oracle->drawn[place_of(name)];
}

void fired(const char *name)
{
    oracle->fired[place_of(name)]++;
}

static void is_of_seed(const char *name)
{
    oracle->drawn[place_of(name)] = true;
}

/* In one of n seeds. */
static bool maybe(const char *name, uint64_t n)
{
    bool is = roll(n) == 0;

    if (is) {
        is_of_seed(name);
    }
    return is;
}

static void arg(const char *name, uint64_t n)
{
    DR_ASSERT(sim_arg_n < ARGS_MAX);
    (void)snprintf(sim_args[sim_arg_n++], TEXT_MAX, "%s=%llu", name,
                   (unsigned long long)n);
}

static void arg_text(const char *name, const char *text)
{
    DR_ASSERT(sim_arg_n < ARGS_MAX);
    (void)snprintf(sim_args[sim_arg_n++], TEXT_MAX, "%s=%s", name, text);
}

/* One of several that exclude each other; `head` and what comes behind it. */
static const char *one_of(const char *head, const char *const *forms, size_t n)
{
    const char *form = forms[roll(n)];
    char name[64];

    (void)snprintf(name, sizeof(name), "%s.%s", head, form);
    is_of_seed(name);
    return form;
}

static void draw_time(void)
{
    static const char *const lags[] = {"fixed", "random", "bimodal"};

    oracle->breaks_word = roll(4) == 0;
    if (roll(2)) {
        arg("visibility_lag_ms", 1000 + roll(99000));
        arg_text("visibility_lag", one_of("lag", lags, 3));
    }
    if (maybe("node_skew", 3)) {
        arg("node_skew_ms", 1 + roll(10000));
    }
    is_of_seed("clock.forward");
    (void)maybe("clock.back", 4);
    if (oracle->breaks_word) {
        is_of_seed("stamp.back_dated");
        is_of_seed("stamp.seen_too_late");
    }
    if (!maybe("flood.15000", 50)) {
        (void)(maybe("flood.new", 5) || maybe("flood.edited", 4));
    }
}

static void draw_pages(void)
{
    bool cursors = maybe("page.cursor_expired", 3);
    bool again = maybe("page.rows_again", 3);

    if (drawn("flood.edited")) { /* pages that few records fill */
        is_of_seed("page.short");
        arg("page_rows", 2 + roll(8));
    } else if ((roll(3) == 0 || cursors || again) && !drawn("flood.15000")) {
        is_of_seed("page.short");
        arg("page_rows", roll(12) == 0 ? 1 : 2 + roll(40));
    }
    if (maybe("page.ends", 3)) {
        arg("ends_per_answer", 1 + roll(3));
    }
    if (maybe("page.empty", 3)) {
        arg("empty_pages", 2 + roll(3));
    }
    if (again) {
        arg("repeat_rows", 1 + roll(2));
    }
}

static void draw_bulk(void)
{
    static const char *const breaks[] = {
        "bulk.hash", "bulk.truncated", "bulk.rows", "bulk.crc", "bulk.failed"};

    if (!maybe("bulk", 2)) {
        return;
    }
    arg("export_part_rows", 5 + roll(30));
    arg("export_break_jobs", 1000);
    is_of_seed("reject.raw_bytes");
    for (size_t i = 0; i < DR_ARRAY_LEN(breaks); i++) {
        (void)maybe(breaks[i], 3);
    }
    if (maybe("bulk.rows_again", 2)) {
        arg("export_repeat_rows", 1 + roll(3));
    }
    if (maybe("address.short_lived", 3)) {
        arg("download_ttl_ms", 1 + roll(150));
    }
    (void)maybe("bulk.expired", 3);
    (void)maybe("bulk.cancelled", 3);
    (void)maybe("bulk.no_more_jobs", 4);
    (void)maybe("bulk.cut", 3);
    (void)maybe("bulk.address_expired", 3);
}

static void draw_poison(void)
{
    static const char *const places[] = {"first", "middle", "last", "alone"};
    static const char *const lines[] = {"whole", "truncated", "utf8",
                                        "nul",   "two",       "long"};
    char id[32];

    if (maybe("poison.breaks_batch", 4)) {
        (void)snprintf(id, sizeof(id), "ct_0%02llu",
                       (unsigned long long)(1 + roll(40)));
        arg_text("batch_poison", id);
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(places) && !drawn("bulk"); i++) {
        if (roll(3) == 0) {
            (void)one_of("poison", &places[i], 1);
            is_of_seed(roll(2) ? "poison.with_id" : "poison.without_id");
            is_of_seed("poison.batch");
        }
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(lines) && drawn("bulk"); i++) {
        if (roll(3) == 0) {
            (void)one_of("line", &lines[i], 1);
        }
    }
    (void)maybe("poison.event", 4);
    (void)maybe("poison.later", 3);
    (void)maybe("poison.mended", 3);
    (void)maybe("corrupt.flagged", 3);
    (void)maybe("corrupt.asked", 4);
    (void)maybe("redacted", 4);
}

static void draw_limits(void)
{
    static const char *const forms[] = {"seconds", "date", "fraction", "none"};
    char text[64];

    if (drawn("flood.15000")) {
        return; /* it has enough calls to make */
    }
    if (roll(2)) {
        arg("burst", 20 + roll(20));
        arg_text("retry_after", one_of("burst", forms, 4));
        if (maybe("lift", 2)) {
            is_of_seed("lift.over");
            (void)snprintf(text, sizeof(text), "%llu/%llu",
                           (unsigned long long)roll(20000),
                           (unsigned long long)(20000 + roll(60000)));
            arg_text("lift", text);
        }
    }
    /* Short pages are many calls, and a day without any is many waits. */
    if (!drawn("page.short") && maybe("daily", 3)) {
        arg("daily", 200 + roll(400));
    }
}

static void draw_transport(void)
{
    static const char *const names[] = {
        "429.seconds",  "429.date",      "429.fraction",
        "429.none",     "500",           "502.html",
        "503",          "503.wait",      "cut.before",
        "cut.mid",      "cut.after",     "cut.at_byte",
        "endless",      "wrong_length",  "chunked_no_end",
        "slow",         "file.cut",      "file.503",
        "file.expired", "token.expired", "token.changed"};

    for (size_t i = 0; i < DR_ARRAY_LEN(names); i++) {
        (void)maybe(names[i], 5);
    }
    (void)maybe("gzip_bomb", 10); /* half a second of packing */
}

static void draw_account(void)
{
    if (roll(4) == 0) {
        is_of_seed(roll(2) ? "plan.put_back" : "plan.approved");
        is_of_seed("plan.refuses");
    }
    if (!maybe("scope.objects", 5) && maybe("scope.mail", 4)) {
        (void)maybe("scope.mail_approved", 2);
    } else if (maybe("scope.files", 3)) {
        (void)maybe("scope.files_approved", 2);
    }
}

static void draw_data(void)
{
    static const char *const always[] = {
        "edit",      "create",     "create.same_mail", "delete",
        "merge",     "archive",    "restore",          "purge",
        "ends_only", "merge.named"};

    for (size_t i = 0; i < DR_ARRAY_LEN(always); i++) {
        is_of_seed(always[i]);
    }
    (void)maybe("file.quarantined", 3);
    (void)maybe("file.lost", 3);
    (void)maybe("file.other_length", 3);
    (void)maybe("schema.option_add", 4);
    (void)maybe("schema.property_add", 4);
    (void)maybe("schema.property_type", 4);
    (void)maybe("schema.stage_add", 4);
    if (maybe("unknown_activity", 4)) {
        arg_text("unknown_activity", "fax:5");
    }
    if (maybe("numbers_bare", 4)) {
        arg_text("number_encoding", "json");
    }
    if (maybe("hidden", 3)) {
        (void)maybe("hidden.shown_again", 2);
    }
    (void)maybe("absence.many", 6);
    (void)maybe("absence.whole_object", 5);
    (void)maybe("tombstones_expire", 5);
    (void)maybe("kill.at_call", 2);
    (void)maybe("kill.at_message", 3);
    if (drawn("kill.at_message")) {
        is_of_seed("kill.loses_messages");
    }
}

/* By dice of their own: the seeds that failed before there were these stay
 * what they were where none of them is drawn. */
static void draw_apart(void)
{
    struct dr_rand dice = oracle->dice;

    dr_rand_init(&oracle->dice, ~oracle->seed);
    (void)maybe("redirect.host", 5);
    (void)maybe("redirect.call", 5);
    (void)maybe("concurrency", 5);
    (void)maybe("schema.property_rename", 4);
    if (drawn("plan.approved")) {
        (void)maybe("plan.comes_back", 2);
    }
    (void)maybe("catalogue.damaged", 5);
    if (drawn("bulk")) { /* of which the others draw few */
        (void)(drawn("bulk.no_more_jobs") || maybe("bulk.no_more_jobs", 5));
        if (!drawn("address.short_lived") && maybe("address.short_lived", 5)) {
            arg("download_ttl_ms", 1 + roll(60));
        }
    }
    oracle->dice = dice;
}

void knobs_draw(void)
{
    sim_arg_n = 0;
    memset(oracle->drawn, 0, sizeof(oracle->drawn));
    memset(oracle->fired, 0, sizeof(oracle->fired));
    draw_time();
    draw_pages();
    draw_bulk();
    draw_poison();
    draw_limits();
    draw_transport();
    draw_account();
    draw_data();
    draw_apart();
}

/* ---- what became of them ---- */

void knobs_count(void)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(1 << 20);
    const struct dr_json *stats = dr_json_parse(
        a, admin("GET", "/sim/stats", (struct dr_str){0}), NULL, NULL);
    const struct dr_json *bites = dr_json_get(stats, "bites");

    if (dr_json_get_i64(stats, "token_leaks", 0) > 0 ||
        dr_json_get_i64(dr_json_get(stats, "calls_by"), "GET /v1/tags", 0)) {
        oracle_fail("it follows a redirect", "");
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(table); i++) {
        struct knob *k = &table[i];
        int64_t n = oracle->fired[i];
        if (!oracle->drawn[i]) {
            continue;
        }
        if (k->bite) {
            n += dr_json_get_i64(bites, k->bite[0] ? k->bite : k->name, 0);
        }
        k->seeds++;
        k->bit += n > 0;
        k->times += (unsigned long long)n;
    }
}

void knobs_tell(void)
{
    (void)fprintf(stderr, "its knobs:");
    for (size_t i = 0; i < DR_ARRAY_LEN(table); i++) {
        if (oracle->drawn[i]) {
            (void)fprintf(stderr, " %s", table[i].name);
        }
    }
    (void)fprintf(stderr, "\nthe simulator's:");
    for (size_t i = 0; i < sim_arg_n; i++) {
        (void)fprintf(stderr, " --knob %s", sim_args[i]);
    }
    (void)fprintf(stderr, "\n");
}

bool knobs_report(bool must)
{
    bool all = true;

    (void)printf("%-24s %8s %8s %10s\n", "knob", "drawn", "fired", "times");
    for (size_t i = 0; i < DR_ARRAY_LEN(table); i++) {
        const struct knob *k = &table[i];
        bool idle = must && k->times == 0;
        (void)printf("%-24s %8u %8u %10llu%s\n", k->name, k->seeds, k->bit,
                     k->times, idle ? "   NEVER FIRED" : "");
        all = all && !idle;
    }
    return all;
}
