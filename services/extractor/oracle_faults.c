/* Faults of the transport, a few of each kind that the seed drew; and what
 * happens to the account in mid-run. */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/time.h>

struct action {
    const char *knob, *name, *json; /* NULL: made by hand below */
    unsigned times;                 /* at most */
};

static const struct action actions[] = {
    {"429.seconds", "f.429.seconds", "{\"status\":429,\"retry_after\":\"2\"}",
     2},
    {"429.date", "f.429.date", NULL, 2},
    {"429.fraction", "f.429.fraction",
     "{\"status\":429,\"retry_after\":\"0.5\"}", 2},
    {"429.none", "f.429.none", "{\"status\":429}", 2},
    {"500", "f.500", "{\"status\":500}", 2},
    {"502.html", "f.502.html", "{\"status\":502,\"body\":\"html\"}", 2},
    {"503", "f.503", "{\"status\":503}", 2},
    {"503.wait", "f.503.wait", "{\"status\":503,\"retry_after\":\"3\"}", 2},
    {"cut.before", "f.cut.before", "{\"close\":\"before\"}", 2},
    {"cut.mid", "f.cut.mid", "{\"close\":\"mid\"}", 2},
    {"cut.after", "f.cut.after", "{\"close\":\"after\"}", 2},
    {"cut.at_byte", "f.cut.at_byte", "{\"truncate\":300}", 2},
    {"wrong_length", "f.wrong_length", "{\"garble\":\"content_length\"}", 2},
    {"chunked_no_end", "f.chunked_no_end", "{\"garble\":\"chunked_no_end\"}",
     2},
    {"gzip_bomb", "f.gzip_bomb", "{\"garble\":\"gzip_bomb\"}", 1},
    {"slow", "f.slow", "{\"bytes_per_s\":1000000}", 2},
    {"token.expired", "f.token", "{\"expire\":\"token\"}", 1},
    {"redirect.host", "f.redirect.host", NULL, 4},
    {"redirect.call", "f.redirect.call", NULL, 4},
};

/* The same on calls and hosts of their own. */
static const struct {
    struct action a;
    const char *path;
} special[] = {
    {{"endless", "f.endless", "{\"garble\":\"endless\"}", 1},
     "^/v1/objects/[a-z_]+$"},
    {{"file.cut", "f.file.cut", "{\"truncate\":7}", 3}, "^/files/"},
    {{"file.503", "f.file.503", "{\"status\":503}", 3}, "^/files/"},
    {{"file.expired", "f.file.expired", "{\"expire\":\"download\"}", 3},
     "^/files/"},
    {{"bulk.cut", "f.bulk.cut", "{\"truncate\":100}", 3}, "^/exports/"},
    {{"bulk.address_expired", "f.bulk.address_expired",
      "{\"expire\":\"download\"}", 3},
     "^/exports/"},
    {{"bulk.expired", "f.bulk.expired", "{\"expire\":\"job\"}", 2},
     "^/v1/exports/"},
    {{"page.cursor_expired", "f.cursor", "{\"expire\":\"cursor\"}", 4},
     "^/v1/objects/[a-z_]+$"},
    {{"page.cursor_expired", "f.cursor", "{\"expire\":\"cursor\"}", 4},
     "/changes$"},
    {{"page.cursor_expired", "f.cursor", "{\"expire\":\"cursor\"}", 4},
     "/(index|events)$"},
};

static const char *const lanes[] = {
    "^/v1/objects/[a-z_]+$", "/index$",     "/batch/read$",  "/changes$",
    "^/v1/associations/",    "^/v1/events", "^/v1/account$", "^/v1/schema/",
    "^/v1/exports",
};

/* What names a time, or an address that is known only now. */
static void made_by_hand(struct dr_buf *b, const struct action *a)
{
    char date[DR_TIME_TEXT];

    if (strcmp(a->knob, "redirect.host") == 0) {
        dr_buf_printf(b, "{\"redirect\":\"%s/files/at_001\"}", sim_files_url);
    } else if (strcmp(a->knob, "redirect.call") == 0) {
        dr_buf_printf(b, "{\"redirect\":\"%s/v1/tags\"}", sim_url);
    } else { /* half an hour from the start at most: in the past later on */
        dr_http_date_format(INT64_C(1772438400000) + (int64_t)roll(1800000),
                            date);
        dr_buf_printf(b, "{\"status\":429,\"retry_after\":\"%s\"}", date);
    }
}

static void one_fault(struct dr_buf *b, const struct action *a,
                      const char *path, uint64_t after)
{
    dr_buf_printf(b,
                  "%s{\"name\":\"%s\",\"match\":{\"path\":\"%s\"},"
                  "\"after\":%llu,\"times\":%llu,\"action\":",
                  b->n > 1 ? "," : "", a->name, path, (unsigned long long)after,
                  (unsigned long long)(1 + roll(a->times)));
    if (a->json) {
        dr_buf_z(b, a->json);
    } else {
        made_by_hand(b, a);
    }
    dr_buf_z(b, "}");
}

void faults_plant(void)
{
    struct dr_buf b;

    dr_buf_init(&b, 64 << 10);
    dr_buf_z(&b, "[");
    for (size_t i = 0; i < DR_ARRAY_LEN(actions); i++) {
        const struct action *a = &actions[i];
        if (drawn(a->knob)) {
            one_fault(&b, a, lanes[roll(DR_ARRAY_LEN(lanes) - !drawn("bulk"))],
                      roll(8));
        }
    }
    for (size_t i = 0; i < DR_ARRAY_LEN(special); i++) {
        if (drawn(special[i].a.knob)) {
            one_fault(&b, &special[i].a, special[i].path, roll(6));
        }
    }
    dr_buf_z(&b, "]");
    post("/sim/faults", &b);
    if (drawn("concurrency")) { /* not under the oracle's own first calls */
        postf("/sim/knobs", "{\"concurrency\":\"%llu\",\"others\":\"%llu\"}",
              (unsigned long long)(1 + roll(4)),
              (unsigned long long)(3 + roll(20)));
    }
}

/* ---- the account ---- */

static void plan_one(uint64_t at, const char *path, const char *body)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(oracle->happens); i++) {
        struct happening *h = &oracle->happens[i];
        if (h->at_call == 0) {
            h->at_call = at;
            (void)snprintf(h->path, sizeof(h->path), "%s", path);
            (void)snprintf(h->body, sizeof(h->body), "%s", body);
            return;
        }
    }
    oracle_fail("more happenings than room", path);
}

/* Within `from` calls, for `calls` at most or until it is put back. */
static void scope_goes(const char *left, uint64_t from, uint64_t calls)
{
    uint64_t at = oracle->calls + 1 + roll(from);
    char body[256];

    (void)snprintf(body, sizeof(body), "{\"scopes\":\"%s\"}", left);
    plan_one(at, "/sim/knobs", body);
    plan_one(at + 1 + roll(calls), "/sim/knobs", "{\"scopes\":\"folder\"}");
}

static void plan_body(char out[256], const char *plan)
{
    (void)snprintf(out, 256,
                   "{\"op\":\"schema\",\"change\":\"plan\",\"plan\":\"%s\"}",
                   plan);
}

/* Somebody else has as many jobs under way as a small plan allows. */
static void others_export(void)
{
    for (int i = 0; i < 2; i++) {
        (void)sim_api("POST", "/v1/exports",
                      DR_STR_LIT("{\"object\":\"task\",\"format\":\"csv\","
                                 "\"compression\":\"none\"}"));
        if (sim_status != 202) {
            oracle_fail("no job for somebody else", "");
        }
    }
}

void happenings_plan(void)
{
    const char *first = !drawn("bulk")             ? "folder"
                        : roll(2) || drawn("lift") ? "enterprise"
                                                   : "growth";
    char body[256];

    memset(oracle->happens, 0, sizeof(oracle->happens));
    first = drawn("bulk.no_more_jobs") ? "growth" : first;
    plan_body(body, first);
    postf("/sim/admin/schema", "%s", body);
    if (drawn("bulk.no_more_jobs")) {
        others_export();
    }
    if (drawn("plan.put_back") || drawn("plan.approved")) {
        uint64_t at = oracle->calls + 1 + roll(400);
        plan_body(body, roll(4) ? "starter" : "growth");
        plan_one(at, "/sim/admin/schema", body);
        plan_body(body, first);
        if (drawn("plan.put_back")) {
            plan_one(at + 1 + roll(300), "/sim/admin/schema", body);
        } else if (drawn("plan.comes_back")) {
            plan_one(at + 200 + roll(600), "/sim/admin/schema", body);
        }
    }
    if (drawn("scope.objects")) {
        scope_goes("email_body.read,files.read,automation.read", 400, 80);
    }
    if (drawn("scope.mail")) {
        /* A person needs time to say yes; else until they put it back. */
        scope_goes("objects.read,files.read,automation.read",
                   drawn("scope.mail_approved") ? 300 : 400,
                   drawn("scope.mail_approved") ? 5000 : 150);
    }
    if (drawn("token.changed")) {
        plan_one(oracle->calls + 1 + roll(600), "/sim/knobs",
                 "{\"token\":\"another\"}");
    }
}

/* When there are bytes to fetch. */
void scope_of_files_goes(void)
{
    if (drawn("scope.files")) {
        scope_goes("objects.read,email_body.read,automation.read", 60,
                   drawn("scope.files_approved") ? 5000 : 60);
    }
}

static void do_it(struct happening *h)
{
    postf(h->path, "%s", h->body);
    h->at_call = 0;
    oracle->token_changed |= strstr(h->body, "token") != NULL;
}

void happen(void)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(oracle->happens); i++) {
        struct happening *h = &oracle->happens[i];
        if (h->at_call > 0 && h->at_call <= oracle->calls) {
            do_it(h);
        }
    }
}

void happenings_mend(void)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(oracle->happens); i++) {
        struct happening *h = &oracle->happens[i];
        if (h->at_call > 0) {
            do_it(h);
        }
    }
}

bool something_is_away(void)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(oracle->happens); i++) {
        if (oracle->happens[i].at_call > 0) {
            return true;
        }
    }
    return false;
}
