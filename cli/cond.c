/* The conditions, one table. */
#include "cond.h"

#include <string.h>

#include "text.h"

struct cond_kind {
    const char *name;
    const char *const *of; /* allowed after the colon, ends in NULL */
    bool (*met)(const struct dr_json *status, const char *of);
    const char *waits_for;
};

static const char *const gates[] = {
    "plan.propose", "plan.approve", "sample.start", "sample.sign", "run",
    "freeze",       "cutover",      "none",         NULL};
/* In the order in which a migration goes through them. */
static const char *const phases[] = {"audit", "plan",   "sample",  "signed",
                                     "run",   "freeze", "cutover", NULL};

static int place_in(const char *const *list, struct dr_str word)
{
    for (int i = 0; list[i]; i++) {
        if (dr_str_eqz(word, list[i])) {
            return i;
        }
    }
    return -1;
}

/* Absent is not 0. */
static bool is_zero(const struct dr_json *j, const char *key)
{
    return dr_json_get_i64(j, key, -1) == 0;
}

static bool met_snapshot(const struct dr_json *s, const char *of)
{
    (void)of;
    return dr_json_true(
        dr_json_get(dr_json_get(s, "source"), "snapshot_complete"));
}

static bool met_catalog(const struct dr_json *s, const char *of)
{
    const struct dr_json *t = dr_json_get(s, "target");

    (void)of;
    return dr_json_true(dr_json_get(t, "catalog_read")) &&
           dr_json_get_i64(t, "catalog_seq", -1) >=
               dr_json_get_i64(t, "catalog_wanted", 0);
}

static bool met_survey(const struct dr_json *s, const char *of)
{
    (void)of;
    return dr_json_true(
        dr_json_get(dr_json_get(s, "target"), "survey_complete"));
}

static bool met_gate(const struct dr_json *s, const char *of)
{
    const struct dr_json *g = dr_json_get(s, "gate");

    return dr_str_eqz(dr_json_get_str(g, "next"), of) &&
           (strcmp(of, "none") == 0 || dr_json_true(dr_json_get(g, "ready")));
}

static bool met_phase(const struct dr_json *s, const char *of)
{
    return place_in(phases, dr_json_get_str(s, "phase")) >=
           place_in(phases, dr_str_z(of));
}

static bool met_lanes(const struct dr_json *s, const char *of)
{
    const struct dr_json *lanes = dr_json_get(s, "lanes");

    (void)of;
    DR_JSON_EACH(lane, lanes)
    {
        if (!dr_json_true(dr_json_get(lane, "complete"))) {
            return false;
        }
    }
    return lanes && lanes->count > 0;
}

/* In a full pass no object may have a record without a state; in a sample
 * those outside it have none. */
static bool all_judged(const struct dr_json *s)
{
    DR_JSON_EACH(o, dr_json_get(s, "objects"))
    {
        if (!is_zero(o, "pending") &&
            dr_str_eqz(dr_json_get_str(s, "scope"), "all")) {
            return false;
        }
    }
    return true;
}

static bool met_drained(const struct dr_json *s, const char *of)
{
    const struct dr_json *books = dr_json_get(s, "books");

    DR_JSON_EACH(lane, dr_json_get(s, "lanes"))
    {
        if (!is_zero(lane, "lag")) {
            return false;
        }
    }
    return met_lanes(s, of) && is_zero(books, "lag") &&
           is_zero(books, "pending") && all_judged(s);
}

static const struct cond_kind kinds[] = {
    {"snapshot", NULL, met_snapshot, "the source's snapshot"},
    {"catalog", NULL, met_catalog, "the target's set-up to be read"},
    {"survey", NULL, met_survey, "the survey of the target's records"},
    {"lanes", NULL, met_lanes, "the lanes"},
    {"drained", NULL, met_drained, "everything to be loaded and judged"},
    {"gate", gates, met_gate, "the gate"},
    {"phase", phases, met_phase, "the phase"},
};

void cond_list(struct dr_buf *out)
{
    for (size_t i = 0; i < DR_ARRAY_LEN(kinds); i++) {
        const char *const *of = kinds[i].of;
        do {
            dr_buf_printf(out, "%s%s%s%s", out->n > 0 ? " " : "", kinds[i].name,
                          of ? ":" : "", of ? *of : "");
        } while (of && *++of);
    }
}

int cond_parse(struct cond *c, const char *text, struct dr_buf *why)
{
    struct dr_str of = dr_str_z(text);
    struct dr_str name = dr_str_split(&of, ':');

    for (size_t i = 0; i < DR_ARRAY_LEN(kinds); i++) {
        const struct cond_kind *k = &kinds[i];
        if (dr_str_eqz(name, k->name) && (k->of != NULL) == (of.p != NULL) &&
            (!k->of || place_in(k->of, of) >= 0)) {
            c->kind = k;
            c->of = k->of ? k->of[place_in(k->of, of)] : NULL;
            return 0;
        }
    }
    dr_buf_z(why, "there is no condition \"");
    text_esc(why, dr_str_z(text));
    dr_buf_z(why, "\"; there are: ");
    {
        struct dr_buf list;
        dr_buf_init(&list, 1024);
        cond_list(&list);
        dr_buf_str(why, dr_buf_view(&list));
        dr_buf_done(&list);
    }
    return -1;
}

bool cond_met(const struct cond *c, const struct dr_json *status)
{
    return c->kind->met(status, c->of);
}

void cond_progress(const struct cond *c, const struct dr_json *status,
                   struct dr_buf *out)
{
    const struct dr_json *g = dr_json_get(status, "gate");
    const struct dr_json *source = dr_json_get(status, "source");

    dr_buf_printf(out, "waiting for %s%s%s", c->kind->waits_for,
                  c->of ? " " : "", c->of ? c->of : "");
    if (c->kind->of == gates) {
        struct dr_str next = dr_json_get_str(g, "next");
        struct dr_str why = dr_json_get_str(g, "why");
        dr_buf_z(out, " (");
        text_esc(out, next.n > 0 ? next : DR_STR_LIT("nothing"));
        dr_buf_z(out, " is next");
        if (why.n > 0) {
            dr_buf_z(out, ": ");
            text_esc(out, why);
        }
        dr_buf_ch(out, ')');
    }
    if (c->kind->met == met_snapshot) {
        int64_t expected = 0, read = 0;
        DR_JSON_EACH(o, dr_json_get(source, "objects"))
        {
            expected += dr_json_get_i64(o, "expected", 0);
            read += dr_json_get_i64(o, "read", 0);
        }
        dr_buf_z(out, ": ");
        text_count(out, read);
        dr_buf_z(out, " of ");
        text_count(out, expected);
        dr_buf_z(out, " read");
    }
}
