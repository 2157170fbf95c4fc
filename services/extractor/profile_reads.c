/*
 * The same record by three calls: the list, a read by its id, the index. Where
 * the list breaks at its first record, the index names those behind it.
 */
#include "profile_trial.h"

#include <stdio.h>
#include <string.h>

/* An id that no record has: absence must be told as such. */
static const char nobody[] = "drover-profile-check-0";

static const struct dr_json *part(const struct trial *t, const char *name)
{
    return trial_part(t, name);
}

/* By id; a row of the answer, or NULL. */
static const struct dr_json *try_read(struct trial *t, const char *id,
                                      enum api_result *r_out)
{
    const struct row_kind kind = trial_kind(t);
    struct call c = call_of(t);
    struct dr_str ids[] = {dr_str_z(id)};
    struct ask ask;

    dr_arena_reset(t->door->asked);
    ask_init(t->door, &ask, part(t, "read"), &c);
    ask.vars.ids = ids;
    ask.vars.id_count = 1;
    if (!try_call(t, &ask, r_out)) {
        return NULL;
    }
    DR_JSON_EACH(row, ask.rows)
    {
        if (dr_str_eqz(row_id(&kind, row), id)) {
            return row;
        }
    }
    return NULL;
}

static bool same(const struct trial *t, const struct seen *a,
                 const struct seen *b)
{
    return dr_json_get(part(t, "keys"), "version")
               ? strcmp(a->version, b->version) == 0
               : a->stamp_ms == b->stamp_ms;
}

/* A read that was refused or failed says nothing of the record. */
static bool says_nothing(const struct trial *t, enum api_result r)
{
    int status = t->door->api->status;

    return r != API_OK && (r != API_NO || status == 401 || status == 403 ||
                           status == 408 || status / 100 != 4);
}

void tell_stamp(struct trial *t, const struct seen *row)
{
    tell(t, "A3", row->stamp_ms > 0 ? HOLDS : FAILS,
         "correct keys.updated_at or values.time in the profile",
         row->stamp_ms > 0 ? "updated_at is a time"
                           : "updated_at is no time, or not there");
}

void try_bodies(struct trial *t, const struct seen *first)
{
    enum api_result r;
    const struct dr_json *row = try_read(t, first->id, &r);
    struct seen now;

    if (t->stopped) {
        return;
    }
    if (says_nothing(t, r)) {
        tell_refused(t, "read", FAILS, r);
        return;
    }
    if (!row) {
        tell(t, "read", UNKNOWN,
             "correct read in the profile, when the record is not corrupt",
             "a record of the list is not given by its id");
    } else {
        look_at(t, row, &now);
        tell(t, "A2", same(t, first, &now) ? HOLDS : FAILS,
             "list and read disagree: try again; if they still do, take the "
             "stamp from where both have it (keys)",
             same(t, first, &now) ? "list and read have the same version"
                                  : "list and read have different versions");
    }
}

void try_absence(struct trial *t)
{
    enum api_result r;
    const struct dr_json *row = try_read(t, nobody, &r);

    if (!t->stopped && says_nothing(t, r) && t->door->api->status != 403) {
        tell_refused(t, "absence", FAILS, r);
    } else if (!t->stopped) {
        tell(t, "absence", row ? FAILS : HOLDS,
             "deletions cannot be confirmed: correct read",
             row ? "an id that nobody has is answered"
                 : "an id that nobody has is not answered");
    }
}

static bool has_index(struct trial *t)
{
    if (!part(t, "index")) {
        tell(t, "index", UNKNOWN, "none needed: all bodies are read again",
             "the source has none");
    }
    return part(t, "index") != NULL;
}

static void look_at_index(const struct trial *t, const struct dr_json *row,
                          struct seen *out)
{
    if (t->profile->mapped) {
        look_at(t, row, out);
        return;
    }
    *out = (struct seen){0};
    (void)snprintf(out->id, sizeof(out->id), DR_STR_FMT,
                   DR_STR_ARG(dr_json_scalar(dr_json_at(row, 0))));
    (void)snprintf(out->version, sizeof(out->version), DR_STR_FMT,
                   DR_STR_ARG(dr_json_scalar(dr_json_at(row, 1))));
}

void try_index(struct trial *t, const struct seen *first)
{
    struct call c = call_of(t);
    struct seen now = {0};
    enum api_result r;
    struct ask ask;

    if (!has_index(t)) {
        return;
    }
    if (!try_page(t, part(t, "index"), &c, "", &ask, &r)) {
        if (!t->stopped) {
            tell_refused(t, "index", FAILS, r == API_OK ? API_POISON : r);
        }
        return;
    }
    look_at_index(t, ask.rows ? ask.rows->child : NULL, &now);
    if (strcmp(now.id, first->id) != 0) {
        tell(t, "index", UNKNOWN, "none, when the list has another order",
             "index and list begin with different records");
        return;
    }
    tell(t, "index", same(t, first, &now) ? HOLDS : FAILS,
         "index and list disagree: try again; if they still do, the sweep "
         "reads every record twice",
         "index and list have the first record; page of %zu",
         ask.rows ? (size_t)ask.rows->count : 0);
}

static bool is_redacted_in(const struct trial *t, const struct dr_json *pattern,
                           const struct dr_json *values)
{
    const struct dr_json *v =
        dr_json_gets(values, dr_json_get_str(pattern, "property"));
    const struct dr_json *box = profile_values(t->profile, "box");

    if (box && dr_json_type(v) == DR_JSON_OBJECT) {
        v = pointer_get(v, box->text);
    }
    return dr_str_find(dr_json_str(v), dr_json_get_str(pattern, "contains")) !=
           SIZE_MAX;
}

/* A placeholder in the place of a body: the token lacks a scope. */
void try_redaction(struct trial *t, const struct seen *first)
{
    const struct dr_json *at = dr_json_get(part(t, "keys"), "values");

    DR_JSON_EACH(p, dr_json_get(t->profile->root, "redaction"))
    {
        const struct dr_json *row;
        enum api_result r;
        if (!dr_str_eqz(dr_json_get_str(p, "object"), t->object)) {
            continue;
        }
        row = try_read(t, first->id, &r);
        if (row && at) {
            bool is = is_redacted_in(t, p, pointer_get(row, at->text));
            tell(t, "redaction", is ? FAILS : HOLDS,
                 "give the token the scope that reads this text, or it is "
                 "lost",
                 is ? "a text is replaced by a placeholder"
                    : "no placeholder in the first record");
        }
    }
}

/* ---- a list that breaks at its first record ---- */

bool try_sample(struct trial *t, struct ask *ask, struct seen *named,
                size_t *n_out, enum api_result *r_out)
{
    struct call c = call_of(t);
    struct dr_str ids[PROFILE_SAMPLE];
    bool answered;
    size_t n = 0;

    c.limit = PROFILE_SAMPLE;
    if (!try_page(t, part(t, "index"), &c, "", ask, r_out)) {
        return false;
    }
    DR_JSON_EACH(row, ask->rows)
    {
        if (n < PROFILE_SAMPLE) {
            look_at_index(t, row, &named[n]);
            ids[n] = dr_str_z(named[n].id);
            n += named[n].id[0] != '\0';
        }
    }
    *n_out = n;
    dr_arena_reset(t->door->asked);
    ask_init(t->door, ask, part(t, "read"), &c);
    ask->vars.ids = ids;
    ask->vars.id_count = n;
    answered = try_call(t, ask, r_out);
    ask->vars.ids = NULL; /* they end here */
    ask->vars.id_count = 0;
    return answered;
}

/* Of those rows the first that the index names, too; NULL: none is given. */
static const struct seen *first_given(const struct trial *t,
                                      const struct ask *ask,
                                      const struct seen *named, size_t n,
                                      struct seen *out)
{
    DR_JSON_EACH(row, ask->rows)
    {
        look_at(t, row, out);
        for (size_t i = 0; i < n; i++) {
            if (strcmp(named[i].id, out->id) == 0) {
                return &named[i];
            }
        }
    }
    return NULL;
}

void try_behind(struct trial *t)
{
    struct seen named[PROFILE_SAMPLE], given;
    const struct seen *as_named;
    enum api_result r;
    struct ask ask;
    size_t n = 0;

    if (!has_index(t)) {
        return;
    }
    if (!try_sample(t, &ask, named, &n, &r)) {
        if (!t->stopped) {
            tell_refused(t, "read", FAILS, r == API_OK ? API_POISON : r);
        }
        return;
    }
    as_named = first_given(t, &ask, named, n, &given);
    if (!as_named) {
        tell(t, "read", UNKNOWN, "have the records mended, then check again",
             "none of the first %zu records can be read", n);
        return;
    }
    tell_stamp(t, &given);
    tell(t, "index", same(t, as_named, &given) ? HOLDS : FAILS,
         "index and read disagree: try again; if they still do, the sweep "
         "reads every record twice",
         same(t, as_named, &given)
             ? "index and read have the same version of a record behind it"
             : "index and read have different versions of a record");
    try_redaction(t, &given);
}
