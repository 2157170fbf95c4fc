/*
 * Lists, changes and bodies of a source of another shape. The living and the
 * archived may stand in two listings: one cursor leads through both.
 */
#include "door_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void place_parse(const char *after, struct place *out)
{
    struct dr_str rest = dr_str_z(after);
    struct dr_str lane = dr_str_split(&rest, ':');

    *out = (struct place){.lane = lane.n == 1 ? lane.p[0] : '\0'};
    if (out->lane == 'C') {
        struct dr_str since = dr_str_split(&rest, ':');
        struct dr_str count = dr_str_split(&rest, ':');
        if (dr_str_i64(since, &out->since_ms) ||
            dr_str_u64(count, &out->count)) {
            *out = (struct place){0};
            return;
        }
    }
    (void)snprintf(out->inner, sizeof(out->inner), DR_STR_FMT,
                   DR_STR_ARG(rest));
}

static void place_print(const struct place *p, char out[CONTRACT_AFTER_MAX])
{
    if (p->lane == '\0') {
        out[0] = '\0';
    } else if (p->lane == 'C') {
        (void)snprintf(out, CONTRACT_AFTER_MAX, "C:%lld:%llu:%s",
                       (long long)p->since_ms, (unsigned long long)p->count,
                       p->inner);
    } else {
        (void)snprintf(out, CONTRACT_AFTER_MAX, "%c:%s", p->lane, p->inner);
    }
}

static const struct dr_json *part(const struct door *d, const struct call *c,
                                  const char *name)
{
    return profile_part(d->profile, dr_str_z(c->object), name);
}

/* The part of the profile that a lane reads by. */
static const char *const parts[] = {
    ['L'] = "list",    ['A'] = "archived", ['I'] = "index",
    ['C'] = "changes", ['D'] = "archived", ['F'] = "list",
};

/* After the last page of a listing comes the first of the archived. */
static void turn(struct door *d, const struct call *c, const struct ask *ask,
                 struct place *p)
{
    char next[sizeof(p->inner)];
    bool archived = part(d, c, "archived") != NULL;

    if (ask_next(ask, p->inner, next, sizeof(next))) {
        (void)snprintf(p->inner, sizeof(p->inner), "%s", next);
        return;
    }
    p->inner[0] = '\0';
    p->lane = archived && p->lane == 'L'   ? 'A'
              : archived && p->lane == 'C' ? 'D'
              : archived && p->lane == 'F' ? 'D'
                                           : '\0';
}

/* ---- list and index ---- */

enum api_result door_list(struct door *d, const struct call *c,
                          struct dr_err *err)
{
    struct row_kind kind = door_kind(d, c);
    bool bare = c->kind == CALL_INDEX;
    char next[CONTRACT_AFTER_MAX];
    struct dr_json_w w;
    struct place p;
    struct ask ask;
    enum api_result r;
    bool archived;

    place_parse(c->after, &p);
    p.lane = p.lane == 'A' ? 'A' : bare && part(d, c, "index") ? 'I' : 'L';
    archived = p.lane == 'A';
    ask_init(d, &ask, part(d, c, parts[(int)p.lane]), c);
    ask_from(&ask, p.inner);
    r = ask_source(d, &ask, err);
    if (r != API_OK) {
        return r;
    }
    page_begin(d, &w);
    DR_JSON_EACH(row, ask.rows)
    {
        if (bare) {
            row_index(&w, &kind, row, archived);
        } else {
            row_record(&w, &kind, row, archived);
        }
    }
    dr_json_w_end(&w);
    turn(d, c, &ask, &p);
    place_print(&p, next);
    page_end(d, &w, next);
    return API_OK;
}

/* ---- changes ---- */

static int64_t last_stamp(const struct row_kind *kind, const struct ask *ask)
{
    int64_t last = 0;

    DR_JSON_EACH(row, ask->rows)
    {
        int64_t ms = row_updated_ms(kind, row);
        last = ms > last ? ms : last;
    }
    return last;
}

/* A search ends at its cap: the next one begins at the last stamp it gave,
 * whose rows come twice. When one instant holds more than the cap, only the
 * list of all has the rest. */
static void pass_cap(const struct row_kind *kind, const struct ask *ask,
                     struct place *p)
{
    int64_t cap = dr_json_get_i64(ask->call, "cap", INT64_MAX);
    int64_t limit = dr_json_get_i64(ask->call, "limit", CONTRACT_PAGE);
    int64_t last = last_stamp(kind, ask);

    p->count += ask->rows ? ask->rows->count : 0;
    if (p->lane != 'C' || (int64_t)p->count + limit <= cap) {
        return;
    }
    p->inner[0] = '\0';
    p->count = 0;
    if (last > p->since_ms) {
        p->since_ms = last;
    } else {
        p->lane = 'F';
    }
}

enum api_result door_changes(struct door *d, const struct call *c,
                             struct dr_err *err)
{
    struct row_kind kind = door_kind(d, c);
    char next[CONTRACT_AFTER_MAX];
    struct call now = *c;
    struct dr_json_w w;
    struct place p;
    struct ask ask;
    enum api_result r;
    bool archived;

    place_parse(c->after, &p);
    if (p.lane != 'C' && p.lane != 'D' && p.lane != 'F') {
        p = (struct place){.lane = part(d, c, "changes") ? 'C' : 'F',
                           .since_ms = c->since_ms};
    }
    archived = p.lane == 'D';
    now.since_ms = p.lane == 'C' ? p.since_ms : c->since_ms;
    ask_init(d, &ask, part(d, c, parts[(int)p.lane]), &now);
    ask_from(&ask, p.inner);
    r = ask_source(d, &ask, err);
    if (r != API_OK) {
        return r;
    }
    page_begin(d, &w);
    DR_JSON_EACH(row, ask.rows)
    {
        row_stub(&w, &kind, row, archived);
    }
    dr_json_w_end(&w);
    turn(d, c, &ask, &p);
    pass_cap(&kind, &ask, &p);
    place_print(&p, next);
    page_end(d, &w, next);
    return API_OK;
}

/* ---- bodies by id ---- */

struct wanted {
    struct dr_str *v;
    bool *found;
    size_t n;
};

static bool wanted_from(struct door *d, const struct dr_json *body,
                        struct wanted *out)
{
    const struct dr_json *ids = dr_json_get(body, "ids");
    size_t n = ids ? ids->count : 0;

    *out = (struct wanted){
        .v = dr_arena_calloc(d->asked, n + 1, sizeof(*out->v)),
        .found = dr_arena_calloc(d->asked, n + 1, sizeof(*out->found))};
    if (!out->v || !out->found) {
        return false;
    }
    DR_JSON_EACH(id, ids)
    {
        out->v[out->n++] = dr_json_str(id);
    }
    return true;
}

static void write_found(struct door *d, struct dr_json_w *w,
                        const struct call *c, const struct dr_json *row,
                        struct wanted *wanted, bool archived)
{
    struct row_kind kind = door_kind(d, c);
    struct dr_str id = row_id(&kind, row);

    for (size_t i = 0; i < wanted->n; i++) {
        if (!wanted->found[i] && dr_str_eq(wanted->v[i], id)) {
            wanted->found[i] = true;
            row_record(w, &kind, row, archived);
            return;
        }
    }
}

/* Asks for those not found yet, as many at once as the source takes. */
static enum api_result read_by(struct door *d, struct dr_json_w *w,
                               const struct call *c, const struct dr_json *how,
                               struct wanted *wanted, bool archived,
                               struct dr_err *err)
{
    size_t most = (size_t)dr_json_get_i64(how, "limit", CONTRACT_BATCH);
    size_t at = 0;

    while (at < wanted->n) {
        struct dr_str ids[CONTRACT_BATCH];
        struct ask ask;
        enum api_result r;
        size_t n = 0;

        for (; at < wanted->n && n < most && n < CONTRACT_BATCH; at++) {
            if (!wanted->found[at]) {
                ids[n++] = wanted->v[at];
            }
        }
        if (n == 0) {
            break;
        }
        ask_init(d, &ask, how, c);
        ask.vars.ids = ids;
        ask.vars.id_count = n;
        r = ask_source(d, &ask, err);
        if (r != API_OK) {
            return r;
        }
        DR_JSON_EACH(row, ask.rows)
        {
            write_found(d, w, c, row, wanted, archived);
        }
    }
    return API_OK;
}

/* An id that no batch gave: a direct read says why, where there is one. */
static enum api_result read_one(struct door *d, struct dr_json_w *w,
                                const struct call *c, struct wanted *wanted,
                                size_t i, const char **why_out,
                                struct dr_err *err)
{
    const struct dr_json *how = part(d, c, "one");
    struct row_kind kind = door_kind(d, c);
    struct call one = *c;
    struct ask ask;
    enum api_result r;

    *why_out = "deleted";
    if (!how) {
        return API_OK;
    }
    (void)snprintf(one.id, sizeof(one.id), DR_STR_FMT,
                   DR_STR_ARG(wanted->v[i]));
    ask_init(d, &ask, how, &one);
    r = ask_source(d, &ask, err);
    if (r == API_OK && dr_str_eq(row_id(&kind, ask.rows), wanted->v[i])) {
        wanted->found[i] = true;
        row_record(w, &kind, ask.rows, false);
    } else if (r == API_NO) {
        *why_out = d->api->status == 403   ? "forbidden"
                   : d->api->status == 404 ? "deleted"
                   : d->api->status == 410 ? "deleted"
                                           : "corrupt";
        r = API_OK;
    } else if (r == API_OK || r == API_POISON) {
        *why_out = "corrupt";
        r = API_OK;
    }
    return r;
}

enum api_result door_read(struct door *d, const struct call *c,
                          const struct dr_json *body, struct dr_err *err)
{
    const struct dr_json *archived = part(d, c, "read_archived");
    const char **why;
    struct wanted wanted;
    struct dr_json_w w;
    enum api_result r;

    if (!wanted_from(d, body, &wanted)) {
        return API_LARGE;
    }
    why = (const char **)dr_arena_calloc(d->asked, wanted.n + 1, sizeof(*why));
    if (!why) {
        return API_LARGE;
    }
    page_begin(d, &w);
    r = read_by(d, &w, c, part(d, c, "read"), &wanted, false, err);
    if (r == API_OK && archived) {
        r = read_by(d, &w, c, archived, &wanted, true, err);
    }
    for (size_t i = 0; r == API_OK && i < wanted.n; i++) {
        if (!wanted.found[i]) {
            r = read_one(d, &w, c, &wanted, i, &why[i], err);
        }
    }
    if (r != API_OK) {
        return r;
    }
    dr_json_w_end(&w);
    dr_json_w_key(&w, "missing");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < wanted.n; i++) {
        if (!wanted.found[i]) {
            dr_json_w_obj(&w);
            dr_json_w_kv(&w, "id", wanted.v[i]);
            dr_json_w_kvz(&w, "reason", why[i]);
            dr_json_w_end(&w);
        }
    }
    dr_json_w_end(&w);
    page_end(d, &w, "");
    return API_OK;
}

/* ---- associations ---- */

static void write_ends(struct door *d, struct dr_json_w *w,
                       const struct dr_json *how, const struct dr_json *row)
{
    struct dr_str next =
        dr_json_scalar(pointer_get(row, dr_json_get_str(how, "next")));
    const struct dr_json *to = pointer_get(row, dr_json_get_str(how, "to"));

    dr_json_w_obj(w);
    dr_json_w_kv(
        w, "from",
        dr_json_scalar(pointer_get(row, dr_json_get_str(how, "from"))));
    dr_json_w_key(w, "to");
    dr_json_w_arr(w);
    if (dr_json_type(to) == DR_JSON_ARRAY) {
        DR_JSON_EACH(end, to)
        {
            row_map(w, d->profile, dr_json_get(how, "map"), end);
        }
    }
    dr_json_w_end(w);
    if (dr_json_get(how, "next") && next.n > 0) {
        dr_json_w_key(w, "paging");
        dr_json_w_obj(w);
        dr_json_w_key(w, "next");
        dr_json_w_obj(w);
        dr_json_w_kv(w, "after", next);
        dr_json_w_end(w);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static bool has_pair(const struct door *d, const struct call *c)
{
    return dr_json_lists(part(d, c, "associations"), dr_str_z(c->to));
}

enum api_result door_associations(struct door *d, const struct call *c,
                                  const struct dr_json *body,
                                  struct dr_err *err)
{
    const struct dr_json *how = profile_call(d->profile, "associations");
    const struct dr_json *after = dr_json_get(body, "after");
    struct wanted wanted;
    struct dr_json_w w;
    struct ask ask;
    enum api_result r;

    if (!how || !has_pair(d, c)) {
        return door_none(d, err);
    }
    if (!wanted_from(d, body, &wanted)) {
        return API_LARGE;
    }
    ask_init(d, &ask, how, c);
    ask.vars.ids = wanted.v;
    ask.vars.id_count = wanted.n;
    if (after && after->child) {
        ask.vars.v[VAR_AFTER] = dr_json_str(after->child);
    }
    r = ask_source(d, &ask, err);
    if (r != API_OK) {
        return r;
    }
    page_begin(d, &w);
    DR_JSON_EACH(row, ask.rows)
    {
        write_ends(d, &w, how, row);
    }
    dr_json_w_end(&w);
    page_end(d, &w, "");
    return API_OK;
}
