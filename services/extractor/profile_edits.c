/*
 * Does updated_at move on an edit? Nothing is ever written to the source, so
 * this is shown by reading: by records that were edited before, and by those
 * that were edited between two checks.
 */
#include <stdio.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#include "profile_trial.h"

#define VALUES_MAX ((size_t)1 << 20)

/* A record as the next check will want to know it. */
struct sight {
    struct seen row;
    char mark[36]; /* its version; without one, a hash of its values */
};

struct edits {
    size_t records, edited, backward; /* of the sample, by created_at       */
    size_t again;                     /* of them, the check before had      */
    size_t moved;                     /* both rose: what is wanted          */
    size_t stuck;                     /* changed, and updated_at did not    */
    size_t alone;                     /* updated_at rose, the version did not */
    char first[CONTRACT_ID_MAX + 1];  /* of the last two                    */
};

/* Where a source has no versions, the content says that a record changed. */
static void mark_of(const struct trial *t, const struct dr_json *row,
                    struct sight *s)
{
    const struct dr_json *keys = trial_part(t, "keys");
    const struct dr_json *at = dr_json_get(keys, "values");
    const struct dr_json *values = at ? pointer_get(row, at->text) : row;
    struct dr_buf text;
    uint8_t sum[32];

    if (dr_json_get(keys, "version")) {
        (void)snprintf(s->mark, sizeof(s->mark), "%s", s->row.version);
        return;
    }
    dr_buf_init(&text, VALUES_MAX);
    if (values) {
        dr_json_canonical(&text, values);
    }
    s->mark[0] = '\0';
    if (!text.over) {
        dr_sha256(dr_buf_view(&text), sum);
        dr_hex(sum, 8, s->mark);
    }
    dr_buf_done(&text);
}

static int64_t created_ms(const struct trial *t, const struct dr_json *row)
{
    const struct dr_json *at = dr_json_get(trial_part(t, "keys"), "created_at");
    int64_t ms;

    return !at || row_time(t->profile, pointer_get(row, at->text), &ms) ? 0
                                                                        : ms;
}

static void remember_sight(struct trial *t, const struct sight *s)
{
    dr_json_w_arr(&t->seen);
    dr_json_w_z(&t->seen, s->row.id);
    dr_json_w_z(&t->seen, s->mark);
    dr_json_w_i64(&t->seen, s->row.stamp_ms);
    dr_json_w_end(&t->seen);
}

static const struct dr_json *seen_before(const struct trial *t, const char *id)
{
    DR_JSON_EACH(s, dr_json_get(t->before, t->object))
    {
        if (dr_str_eqz(dr_json_str(dr_json_at(s, 0)), id)) {
            return s;
        }
    }
    return NULL;
}

/* A version that is no number is told by the list; here it counts as new. */
static bool rose(struct dr_str was, const char *now)
{
    uint64_t a, b;

    return dr_str_u64(was, &a) || dr_str_u64(dr_str_z(now), &b)
               ? !dr_str_eqz(was, now)
               : b > a;
}

/* The record as it is now against what it was then. */
static void compare(const struct trial *t, const struct sight *now,
                    struct edits *e)
{
    const struct dr_json *was = seen_before(t, now->row.id);
    bool versions = dr_json_get(trial_part(t, "keys"), "version") != NULL;
    bool changed, later;
    int64_t stamp;

    if (!was || dr_json_i64(dr_json_at(was, 2), &stamp) || !now->mark[0]) {
        return;
    }
    changed = versions
                  ? rose(dr_json_str(dr_json_at(was, 1)), now->mark)
                  : !dr_str_eqz(dr_json_str(dr_json_at(was, 1)), now->mark);
    later = now->row.stamp_ms > stamp;
    e->again++;
    e->moved += changed && later;
    e->stuck += changed && !later;
    e->alone += versions && !changed && later;
    if (changed != later && (changed || versions) && e->first[0] == '\0') {
        (void)snprintf(e->first, sizeof(e->first), "%s", now->row.id);
    }
}

static void take(struct trial *t, const struct dr_json *row, struct edits *e)
{
    int64_t made = created_ms(t, row);
    struct sight s;

    look_at(t, row, &s.row);
    if (s.row.id[0] == '\0' || s.row.stamp_ms <= 0) {
        return;
    }
    mark_of(t, row, &s);
    e->records++;
    e->edited += made > 0 && s.row.stamp_ms > made;
    e->backward += made > 0 && s.row.stamp_ms < made;
    compare(t, &s, e);
    remember_sight(t, &s);
}

static void tell_edits(struct trial *t, const struct edits *e)
{
    if (e->stuck > 0) {
        tell(t, "edit", FAILS,
             "leave changes out of the profile: then the delta is a full read; "
             "with it, only the sweep finds such edits",
             "%zu of %zu records changed since the check before and kept "
             "updated_at, the first is %.64s",
             e->stuck, e->again, e->first);
    } else if (e->alone > 0) {
        tell(t, "edit", FAILS,
             "correct keys.version in the profile, or leave it out: then the "
             "content decides",
             "%zu of %zu records have a later updated_at and the version of "
             "before, the first is %.64s",
             e->alone, e->again, e->first);
    } else if (e->backward > 0) {
        tell(t, "edit", FAILS, "correct keys.updated_at or keys.created_at",
             "updated_at is before created_at at %zu of %zu records",
             e->backward, e->records);
    } else if (e->moved > 0) {
        tell(t, "edit", HOLDS, "",
             "%zu of %zu records were edited since the check before: "
             "updated_at moved at each",
             e->moved, e->again);
    } else if (e->edited > 0) {
        tell(t, "edit", HOLDS, "",
             "updated_at is later than created_at at %zu of %zu records; no "
             "edit was watched",
             e->edited, e->records);
    } else {
        tell(t, "edit", UNKNOWN,
             "edit one of the first records at the source and check again",
             "not seen: none of %zu records was ever edited", e->records);
    }
}

/* The first records: of the list, or those that can be read where one of them
 * breaks it. */
static bool list_sample(struct trial *t, struct ask *ask, enum api_result *r)
{
    struct call c = call_of(t);
    struct seen named[PROFILE_SAMPLE];
    size_t n;

    c.limit = PROFILE_SAMPLE;
    if (try_page(t, trial_part(t, "list"), &c, "", ask, r)) {
        return true;
    }
    return is_broken(t, *r) && trial_part(t, "index") &&
           try_sample(t, ask, named, &n, r);
}

void try_edits(struct trial *t)
{
    struct edits e = {0};
    enum api_result r;
    struct ask ask;
    int left = PROFILE_SAMPLE;

    if (t->stopped) {
        return;
    }
    if (!list_sample(t, &ask, &r)) {
        if (!t->stopped) {
            tell_refused(t, "edit", FAILS, r == API_OK ? API_POISON : r);
        }
        return;
    }
    dr_json_w_key(&t->seen, t->object);
    dr_json_w_arr(&t->seen);
    DR_JSON_EACH(row, ask.rows)
    {
        if (left-- == 0) {
            break;
        }
        take(t, row, &e);
    }
    dr_json_w_end(&t->seen);
    tell_edits(t, &e);
}
