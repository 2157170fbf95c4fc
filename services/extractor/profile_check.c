#include "profile_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/clock.h>
#include <drover/base/time.h>

#include "profile_trial.h"

#define DAY_MS INT64_C(86400000)
#define OBJECTS_MAX 64
#define PAGES 3 /* of one row each: enough to see an order */

static const struct dr_json *part(const struct trial *t, const char *name)
{
    return trial_part(t, name);
}

static size_t count(const struct ask *ask)
{
    return ask->rows ? ask->rows->count : 0;
}

/* ---- the list: what nothing goes without ---- */

static bool answer_is_json(struct trial *t)
{
    struct dr_err err = {0};

    return dr_json_parse(t->door->arena, dr_buf_view(&t->door->api->answer),
                         NULL, &err) != NULL;
}

/* A whole success that cannot be used: no JSON, no rows, or no time. */
static void tell_unusable(struct trial *t, const struct ask *ask)
{
    const struct dr_json *rows = dr_json_get(ask->call, "rows");

    if (!answer_is_json(t)) {
        tell(t, "list", MUST_FAIL, "correct source.url or the path",
             "the answer is no JSON");
    } else if (!ask->root ||
               (rows && ask->rows && ask->rows->type != DR_JSON_ARRAY)) {
        tell(t, "list", MUST_FAIL, "correct rows in the profile",
             "no list of rows stands at %.40s",
             rows ? "the place that the profile names" : "the root");
    } else {
        tell(t, "A6", MUST_FAIL,
             "correct clock in the profile: without the source's time no tail "
             "is safe",
             "the answer tells no time");
    }
}

enum listed {
    LIST_NONE,   /* there is nothing to go on with               */
    LIST_BROKEN, /* its first record cannot be read              */
    LIST_OTHER,  /* its first record has no id: another goes on  */
    LIST_FIRST,
};

/* One bad record is not a bad profile. The first that has an id goes to out. */
static bool others_have_ids(struct trial *t, struct seen *out)
{
    struct call c = call_of(t);
    enum api_result r;
    struct ask ask;

    c.limit = 10;
    if (!try_page(t, part(t, "list"), &c, "", &ask, &r)) {
        return true; /* not known */
    }
    DR_JSON_EACH(row, ask.rows)
    {
        look_at(t, row, out);
        if (out->id[0]) {
            return true;
        }
    }
    return false;
}

static enum listed no_list(struct trial *t, const struct ask *ask,
                           enum api_result r)
{
    char why[160];

    if (r == API_OK) {
        tell_unusable(t, ask);
    } else if (is_broken(t, r)) {
        say_broken(t, r, why, sizeof(why));
        tell(t, "list", UNKNOWN,
             part(t, "index")
                 ? "none needed: the snapshot sets the record aside; have it "
                   "mended to see the rest of the list checked"
                 : "have the record mended: without an index in the profile "
                   "the snapshot cannot step past it",
             "the first record %s", why);
        return LIST_BROKEN;
    } else if (r != API_STOPPED) {
        tell_refused(t, "list", MUST_FAIL, r);
    }
    return LIST_NONE;
}

/* A record without an id in the first place. */
static enum listed no_id(struct trial *t, struct seen *out)
{
    if (!others_have_ids(t, out)) {
        tell(t, "A1", MUST_FAIL, "correct keys.id in the profile",
             "records have no id where the profile says");
        return LIST_NONE;
    }
    tell(t, "A1", UNKNOWN, "mend the first record",
         "the first record has no id, others have");
    return out->id[0] ? LIST_OTHER : LIST_NONE;
}

/* The row that the check goes on with goes to out. */
static enum listed try_list(struct trial *t, struct seen *out, char next[256],
                            bool whole)
{
    struct call c = call_of(t);
    enum listed listed = LIST_FIRST;
    enum api_result r;
    struct ask ask;
    size_t n;

    next[0] = out->id[0] = '\0';
    if (!try_page(t, part(t, "list"), &c, "", &ask, &r)) {
        return no_list(t, &ask, r);
    }
    n = count(&ask);
    if (n == 0) {
        tell(t, "list", UNKNOWN, "try again when there are records",
             "no records: an empty object, or rows stand elsewhere");
        return LIST_NONE;
    }
    look_at(t, ask.rows->child, out);
    if (ask_peek(&ask, "", next, 256) != ASK_ON) {
        next[0] = '\0';
    }
    if (out->id[0] == '\0') {
        listed = no_id(t, out);
    }
    if (whole && listed != LIST_NONE) {
        tell(t, "list", HOLDS, "", "readable, with ids and the source's time");
        tell(t, "page_size", n == 1 ? HOLDS : FAILS,
             "set limit of the list to what the source gives at most",
             "asked for 1 row, got %zu", n);
        tell_stamp(t, out);
    }
    return listed;
}

/* Pages of one row, one after the other. */
static void try_cursor(struct trial *t, const struct seen *first,
                       const char *begin)
{
    struct call c = call_of(t);
    char inner[256], next[256];
    struct seen last = *first;
    bool ascending = true;
    enum api_result r;

    if (begin[0] == '\0') {
        tell(t, "cursor", UNKNOWN, "try again when there are more records",
             "one page holds all");
        return;
    }
    (void)snprintf(inner, sizeof(inner), "%s", begin);
    for (int i = 1; i < PAGES; i++) {
        struct seen now;
        struct ask ask;
        if (!try_page(t, part(t, "list"), &c, inner, &ask, &r)) {
            if (!t->stopped && r != API_OK) {
                tell_refused(t, "cursor", FAILS, r);
            }
            return;
        }
        if (count(&ask) == 0) {
            break;
        }
        look_at(t, ask.rows->child, &now);
        if (strcmp(now.id, last.id) == 0) {
            tell(t, "cursor", MUST_FAIL,
                 "correct the cursor of the list: it would never end",
                 "page %d is the page before", i + 1);
            return;
        }
        ascending = ascending && strcmp(now.id, last.id) > 0;
        last = now;
        if (ask_peek(&ask, inner, next, sizeof(next)) != ASK_ON) {
            break;
        }
        (void)snprintf(inner, sizeof(inner), "%s", next);
    }
    tell(t, "cursor", HOLDS, "", "the next page goes on");
    if (dr_str_eqz(dr_json_get_str(part(t, "assumptions"), "A5"), "keyset")) {
        tell(t, "A5", ascending ? HOLDS : FAILS,
             "say \"A5\":\"offset\": the sweep has the last word",
             ascending ? "ids ascend" : "ids do not ascend");
    }
}

/* ---- changes ---- */

static bool try_window(struct trial *t, int64_t since_ms, int64_t before_ms,
                       const char *inner, struct ask *ask)
{
    struct call c = call_of(t);
    enum api_result r;

    c.since_ms = since_ms;
    c.before_ms = before_ms;
    if (try_page(t, part(t, "changes"), &c, inner, ask, &r)) {
        return true;
    }
    if (!t->stopped) {
        tell_refused(t, "changes", FAILS, r == API_OK ? API_POISON : r);
    }
    return false;
}

/* Nothing was changed tomorrow, nor before 1970-01-02. */
static bool try_filter(struct trial *t, int64_t now_ms)
{
    const struct dr_json *how = part(t, "changes");
    struct ask ask;
    size_t late, early = 0;

    if (!try_window(t, now_ms + DAY_MS, now_ms + 2 * DAY_MS, "", &ask)) {
        return false;
    }
    late = count(&ask);
    if (tree_has(dr_json_get(how, "query"), VAR_BEFORE) ||
        tree_has(dr_json_get(how, "body"), VAR_BEFORE)) {
        if (!try_window(t, 0, DAY_MS, "", &ask)) {
            return false;
        }
        early = count(&ask);
    }
    tell(t, "filter", late + early == 0 ? HOLDS : FAILS,
         "correct the parameters of changes, or leave the call out: then the "
         "delta is a full read",
         late + early == 0 ? "no rows outside the window"
                           : "%zu rows of a window that can hold none",
         late + early);
    return late + early == 0;
}

static void try_order(struct trial *t, int64_t now_ms, struct seen *first)
{
    char inner[256] = "", next[256];
    int64_t last = 0;
    bool ascending = true, wanted;
    int pages = 0;

    first->stamp_ms = 0;
    for (; pages < PAGES; pages++) {
        struct seen now;
        enum ask_on on;
        struct ask ask;
        if (!try_window(t, 0, now_ms + DAY_MS, inner, &ask)) {
            return;
        }
        if (pages == 0 && count(&ask) > 1) {
            tell(t, "page_size", FAILS,
                 "set limit of changes to what the source gives at most",
                 "asked changes for 1 row, got %zu", count(&ask));
        }
        if (count(&ask) == 0) {
            break;
        }
        look_at(t, ask.rows->child, &now);
        *first = pages == 0 ? now : *first;
        ascending = ascending && now.stamp_ms >= last;
        last = now.stamp_ms;
        on = ask_peek(&ask, inner, next, sizeof(next));
        if (on == ASK_LOOPS) {
            tell(t, "cursor", MUST_FAIL,
                 "correct the cursor of changes: they would never end",
                 "the cursor of changes leads back to itself");
            return;
        }
        if (on == ASK_END) {
            pages++;
            break;
        }
        (void)snprintf(inner, sizeof(inner), "%s", next);
    }
    if (pages < 2) {
        tell(t, "order", UNKNOWN, "try again when more was changed",
             pages == 0 ? "no changes at all, though the list has records"
                        : "one change only");
        return;
    }
    wanted =
        dr_str_eqz(dr_json_get_str(part(t, "changes"), "order"), "ascending");
    tell(t, "order", ascending || !wanted ? HOLDS : FAILS,
         "say \"order\":\"any\" and no cap, or correct the sort in the call",
         ascending ? "changes ascend by updated_at"
                   : "changes do not ascend by updated_at");
}

/* A window that begins at a change must hold it. */
static void try_since(struct trial *t, const struct seen *first)
{
    struct seen now = {.stamp_ms = -1};
    struct ask ask;

    if (first->stamp_ms <= 0 ||
        !try_window(t, first->stamp_ms, first->stamp_ms + DAY_MS, "", &ask)) {
        return;
    }
    if (count(&ask) > 0) {
        look_at(t, ask.rows->child, &now);
    }
    tell(t, "since", now.stamp_ms == first->stamp_ms ? HOLDS : FAILS,
         "say \"since_inclusive\":false, or correct the granularity",
         now.stamp_ms == first->stamp_ms
             ? "a window holds the change that it begins with"
             : "a window leaves out the change that it begins with");
}

static void try_changes(struct trial *t)
{
    int64_t now_ms = t->door->server_ms;
    struct seen first = {0};

    if (!part(t, "changes")) {
        tell(t, "changes", UNKNOWN, "none needed: the delta is a full read",
             "the source has no call for them");
    } else if (now_ms <= 0) {
        tell(t, "changes", UNKNOWN, "check again when a record can be read",
             "no answer has told the source's time");
    } else if (try_filter(t, now_ms)) {
        try_order(t, now_ms, &first);
        try_since(t, &first);
    }
}

static void try_object(struct trial *t, bool whole)
{
    static const struct seen none;
    struct seen first;
    char next[256];
    enum listed listed = try_list(t, &first, next, whole);

    if (listed == LIST_NONE || !whole || t->stopped) {
        return;
    }
    if (listed == LIST_BROKEN) {
        try_behind(t);
    } else {
        try_cursor(t, listed == LIST_FIRST ? &first : &none, next);
    }
    try_changes(t);
    try_edits(t);
    if (listed != LIST_BROKEN) {
        try_bodies(t, &first);
        try_index(t, &first);
        try_redaction(t, &first);
    }
    try_absence(t);
}

/* The objects' names: the profile's, else the schema's. Copied. */
static size_t list_objects(struct trial *t, char (*out)[CONTRACT_ID_MAX + 1])
{
    const struct dr_json *how = profile_call(t->profile, "schema_objects");
    struct call c = {0};
    enum api_result r;
    struct ask ask;
    size_t n = 0;

    if (t->profile->mapped) {
        DR_JSON_EACH(o, dr_json_get(t->profile->root, "objects"))
        {
            if (n < OBJECTS_MAX) {
                (void)snprintf(out[n++], CONTRACT_ID_MAX + 1, DR_STR_FMT,
                               DR_STR_ARG(o->key));
            }
        }
        return n;
    }
    if (!how || !try_page(t, how, &c, "", &ask, &r)) {
        if (how && !t->stopped && r != API_OK) {
            tell_refused(t, "schema", MUST_FAIL, r);
        }
        return 0;
    }
    DR_JSON_EACH(o, dr_json_get(ask.root, "results"))
    {
        const struct dr_json *readable = dr_json_get(o, "readable");
        if (n < OBJECTS_MAX && (!readable || dr_json_true(readable)) &&
            type_ok(dr_json_get_str(o, "type"))) {
            (void)snprintf(out[n++], CONTRACT_ID_MAX + 1, DR_STR_FMT,
                           DR_STR_ARG(dr_json_get_str(o, "type")));
        }
    }
    return n;
}

void profile_head(struct dr_json_w *w, struct dr_str name, uint64_t number)
{
    char at[DR_TIME_TEXT];

    dr_json_w_obj(w);
    dr_json_w_kv(w, "profile", name);
    dr_json_w_kvi(w, "number", (int64_t)number);
    dr_json_w_kvz(w, "at", dr_time_format(dr_wall_ms() / 1000 * 1000, at));
    dr_json_w_key(w, "checks");
    dr_json_w_arr(w);
}

static void report_end(struct dr_json_w *w, const struct profile_verdict *v)
{
    dr_json_w_end(w);
    dr_json_w_kvi(w, "holds", v->holds);
    dr_json_w_kvi(w, "fails", v->fails);
    dr_json_w_kvi(w, "unknown", v->unknown);
    dr_json_w_kvi(w, "must_fail", v->must_fail);
    dr_json_w_end(w);
}

static void try_all(struct trial *t, bool whole)
{
    char(*names)[CONTRACT_ID_MAX + 1] = dr_xcalloc(OBJECTS_MAX, sizeof(*names));
    size_t n;

    try_account(t);
    n = t->stopped ? 0 : list_objects(t, names);
    for (size_t i = 0; i < n && !t->stopped; i++) {
        t->object = names[i];
        try_object(t, whole);
    }
    t->object = "";
    if (whole && !t->stopped) {
        try_catalogue(t);
        tell_limits(t);
    }
    free(names);
}

bool profile_try(struct api *api, const struct profile *profile, bool whole,
                 struct profile_memory *memory, struct dr_buf *out,
                 struct profile_verdict *verdict_out)
{
    struct dr_arena *before DR_AUTO(dr_arena) =
        dr_arena_new(8 * PROFILE_MEMORY_MAX);
    struct trial t = {.door = door_new(api, profile),
                      .profile = profile,
                      .verdict = verdict_out,
                      .object = ""};
    struct dr_buf seen;

    dr_buf_init(&seen, PROFILE_MEMORY_MAX);
    *verdict_out = (struct profile_verdict){0};
    dr_buf_reset(out);
    dr_json_w_init(&t.w, out);
    dr_json_w_init(&t.seen, &seen);
    t.before = dr_json_parse(before, dr_buf_view(&memory->seen), NULL, NULL);
    dr_json_w_obj(&t.seen);
    profile_head(&t.w, profile->name, memory->number);
    try_all(&t, whole);
    report_end(&t.w, verdict_out);
    dr_json_w_end(&t.seen);
    if (whole && !t.stopped) {
        dr_buf_reset(&memory->seen);
        dr_buf_str(&memory->seen, dr_buf_view(&seen));
    }
    dr_buf_done(&seen);
    door_free(t.door);
    return !t.stopped;
}
