#include "door_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/time.h>

#define ANSWER_TREE ((size_t)64 << 20)
/* A row as deep as the reader takes stands one deeper, under "raw". */
#define PAGE_DEPTH 66
#define ASKED_TREE ((size_t)4 << 20)

struct door *door_new(struct api *api, const struct profile *profile)
{
    struct door *d = dr_xcalloc(1, sizeof(*d));

    d->api = api;
    d->profile = profile;
    d->types = row_types_new();
    d->properties = dr_map_new(free);
    d->arena = dr_arena_new(ANSWER_TREE);
    d->asked = dr_arena_new(ASKED_TREE);
    dr_buf_init(&d->path, 64 << 10);
    dr_buf_init(&d->body, 1 << 20);
    dr_buf_init(&d->out, ANSWER_MAX);
    return d;
}

void door_free(struct door *d)
{
    if (!d) {
        return;
    }
    row_types_free(d->types);
    dr_map_free(d->properties);
    dr_arena_free(d->arena);
    dr_arena_free(d->asked);
    dr_buf_done(&d->path);
    dr_buf_done(&d->body);
    dr_buf_done(&d->out);
    free(d);
}

struct row_kind door_kind(const struct door *d, const struct call *c)
{
    return (struct row_kind){.profile = d->profile,
                             .object = dr_str_z(c->object),
                             .types = d->types};
}

/* ---- one call to the source ---- */

static void number(char *out, size_t cap, int64_t v)
{
    (void)snprintf(out, cap, "%lld", (long long)v);
}

/* A bound in the form in which the source wants it. */
static void bound(char out[32], const struct dr_json *call, int64_t ms)
{
    struct dr_str form = dr_json_get_str(call, "time");
    char text[DR_TIME_TEXT];

    if (dr_str_eqz(form, "epoch_ms")) {
        number(out, 32, ms);
    } else if (dr_str_eqz(form, "epoch_s")) {
        number(out, 32, ms / 1000);
    } else {
        (void)snprintf(out, 32, "%s", dr_time_format(ms, text));
    }
}

/* The window [since, before) in the source's sense of the two. */
static void bounds(struct door *d, struct ask *ask, const struct call *c)
{
    const struct dr_json *sharp = dr_json_get(ask->call, "since_inclusive");
    bool till = dr_json_true(dr_json_get(ask->call, "before_inclusive"));
    int64_t g = profile_granularity_ms(d->profile);
    int64_t since =
        c->since_ms - 1000 * dr_json_get_i64(ask->call, "overlap_s", 0);

    since -= sharp && !dr_json_true(sharp) ? g : 0;
    bound(ask->since, ask->call, since > 0 ? since : 0);
    bound(ask->before, ask->call, till ? c->before_ms - g : c->before_ms);
    ask->vars.v[VAR_SINCE] = dr_str_z(ask->since);
    ask->vars.v[VAR_BEFORE] = dr_str_z(ask->before);
}

/* The properties that were learnt, else those which the profile names. */
static void name_properties(struct door *d, struct ask *ask,
                            struct dr_str object)
{
    static const char *const from[] = {"rename", "types"};
    const struct dr_json *list[2];
    struct dr_str all = dr_str_z(dr_map_get(d->properties, object));
    struct dr_str *v;
    size_t n = 0, cap = 1;

    if (!tree_has(dr_json_get(ask->call, "body"), VAR_PROPERTY) &&
        !tree_has(dr_json_get(ask->call, "query"), VAR_PROPERTIES)) {
        return;
    }
    for (size_t i = 0; i < all.n; i++) {
        cap += all.p[i] == ',';
    }
    for (size_t i = 0; i < 2; i++) {
        list[i] = profile_part(d->profile, object, from[i]);
        cap += list[i] ? list[i]->count : 0;
    }
    v = dr_arena_calloc(d->asked, cap, sizeof(*v));
    if (!v) {
        return;
    }
    ask->vars.v[VAR_PROPERTIES] = all;
    while (all.n > 0) {
        v[n++] = dr_str_split(&all, ',');
    }
    for (size_t i = 0; i < 2 && ask->vars.v[VAR_PROPERTIES].n == 0; i++) {
        DR_JSON_EACH(m, list[i])
        {
            v[n++] = m->key;
        }
    }
    ask->vars.properties = v;
    ask->vars.property_count = n;
}

void ask_init(struct door *d, struct ask *ask, const struct dr_json *call,
              const struct call *c)
{
    struct dr_str object = dr_str_z(c->object), to = dr_str_z(c->to);
    int64_t most = dr_json_get_i64(call, "limit", CONTRACT_PAGE);

    *ask = (struct ask){.call = call};
    ask->vars.v[VAR_OBJECT] = object;
    ask->vars.v[VAR_REMOTE] = profile_remote(d->profile, object);
    ask->vars.v[VAR_TO] = to;
    ask->vars.v[VAR_REMOTE_TO] = profile_remote(d->profile, to);
    ask->vars.v[VAR_ID] = dr_str_z(c->id);
    number(ask->limit, sizeof(ask->limit),
           c->limit > 0 && c->limit < most ? c->limit : most);
    ask->vars.v[VAR_LIMIT] = dr_str_z(ask->limit);
    bounds(d, ask, c);
    name_properties(d, ask, object);
}

void ask_from(struct ask *ask, const char *inner)
{
    const struct dr_json *cursor = dr_json_get(ask->call, "cursor");
    struct dr_str style = dr_json_get_str(cursor, "style");
    int64_t first = dr_json_get_i64(cursor, "first", 0);
    int64_t at = dr_str_i64(dr_str_z(inner), &at) ? first : at;

    number(ask->offset, sizeof(ask->offset), at);
    if (dr_str_eqz(style, "body")) {
        ask->vars.v[VAR_AFTER] = dr_str_z(inner);
    } else if (dr_str_eqz(style, "offset")) {
        ask->vars.v[VAR_OFFSET] = dr_str_z(ask->offset);
    } else if (dr_str_eqz(style, "page")) {
        ask->vars.v[VAR_PAGE] = dr_str_z(ask->offset);
    } else if (dr_str_eqz(style, "keyset")) {
        ask->vars.v[VAR_LAST] = dr_str_z(inner);
    }
}

static int server_time(struct door *d, const struct dr_json *root)
{
    const struct dr_json *clock = dr_json_get(d->profile->root, "clock");
    int64_t ms = d->api->date_ms;

    if (dr_str_eqz(dr_json_get_str(clock, "from"), "body") &&
        row_time(d->profile, pointer_get(root, dr_json_get_str(clock, "path")),
                 &ms)) {
        ms = -1;
    }
    d->server_ms = ms > 0 ? ms : d->server_ms;
    return ms > 0 ? 0 : -1;
}

int ask_read(struct door *d, struct ask *ask, struct dr_err *err)
{
    const struct dr_json *at = dr_json_get(ask->call, "rows");
    struct dr_json_limits limits = {.max_nodes = 400000};

    dr_arena_reset(d->arena);
    ask->root =
        dr_json_parse(d->arena, dr_buf_view(&d->api->answer), &limits, err);
    if (!ask->root) {
        return -1;
    }
    ask->rows = at ? pointer_get(ask->root, at->text) : ask->root;
    if (at && !dr_json_is_null(ask->rows) && ask->rows->type != DR_JSON_ARRAY) {
        return dr_err_set(err, DR_REJECT, 0, "source.answer",
                          "no list of rows stands where the profile says");
    }
    if (server_time(d, ask->root)) {
        return dr_err_set(err, DR_REJECT, 0, "source.answer",
                          "the answer tells no time (A6): see clock in the "
                          "profile");
    }
    return 0;
}

enum api_result ask_send(struct door *d, struct ask *ask, struct dr_err *err)
{
    bool post = dr_str_eqz(dr_json_get_str(ask->call, "method"), "POST");

    request_path(&d->path, ask->call, &ask->vars);
    request_body(&d->body, ask->call, &ask->vars);
    if (d->path.over || d->body.over) {
        dr_die(DR_EXIT_CONFIG, "source.profile",
               "a request grows too long: name the properties in a body, not "
               "in the query");
    }
    return api_call(d->api, post ? "POST" : "GET", d->path.p,
                    dr_buf_view(&d->body), d->arena, err);
}

enum api_result ask_source(struct door *d, struct ask *ask, struct dr_err *err)
{
    for (int tries = 0; tries < 3; tries++) {
        enum api_result r = ask_send(d, ask, err);
        if (r != API_OK || ask_read(d, ask, err) == 0) {
            return r;
        }
        if (!api_wait(d->api, 200)) {
            return API_STOPPED;
        }
    }
    return API_POISON;
}

enum ask_on ask_peek(const struct ask *ask, const char *inner, char *next_out,
                     size_t cap)
{
    const struct dr_json *cursor = dr_json_get(ask->call, "cursor");
    const struct dr_json *total = dr_json_get(ask->call, "total");
    struct dr_str style = dr_json_get_str(cursor, "style");
    size_t n = ask->rows ? ask->rows->count : 0;
    int64_t first = dr_json_get_i64(cursor, "first", 0);
    int64_t at = dr_str_i64(dr_str_z(inner), &at) ? first : at, all;
    struct dr_str next = {0};

    if (dr_str_eqz(style, "body")) {
        next = dr_json_scalar(
            pointer_get(ask->root, dr_json_get_str(cursor, "next")));
    } else if (dr_str_eqz(style, "keyset") && n > 0) {
        next = dr_json_scalar(pointer_get(dr_json_at(ask->rows, n - 1),
                                          dr_json_get_str(cursor, "field")));
    } else if (dr_str_eqz(style, "offset") && n > 0 &&
               !(total &&
                 dr_json_i64(pointer_get(ask->root, total->text), &all) == 0 &&
                 at + (int64_t)n >= all)) {
        number(next_out, cap, at + (int64_t)n);
        return ASK_ON;
    } else if (dr_str_eqz(style, "page") && n > 0) {
        number(next_out, cap, at + 1);
        return ASK_ON;
    }
    if (next.n >= cap || (next.n > 0 && dr_str_eqz(next, inner))) {
        return ASK_LOOPS;
    }
    (void)snprintf(next_out, cap, DR_STR_FMT, DR_STR_ARG(next));
    return next.n > 0 ? ASK_ON : ASK_END;
}

bool ask_next(const struct ask *ask, const char *inner, char *next_out,
              size_t cap)
{
    enum ask_on on = ask_peek(ask, inner, next_out, cap);

    if (on == ASK_LOOPS) {
        dr_die(DR_EXIT_FAILURE, "source",
               "a list repeats its cursor or gives one that is too long: it "
               "would never end");
    }
    return on == ASK_ON;
}

/* ---- a page of the contract ---- */

void page_begin(struct door *d, struct dr_json_w *w)
{
    dr_buf_reset(&d->out);
    dr_json_w_init(w, &d->out);
    dr_json_w_obj(w);
    dr_json_w_key(w, "results");
    dr_json_w_arr(w);
}

void page_end(struct door *d, struct dr_json_w *w, const char *next)
{
    char text[DR_TIME_TEXT];

    dr_json_w_key(w, "paging");
    if (next[0]) {
        dr_json_w_obj(w);
        dr_json_w_key(w, "next");
        dr_json_w_obj(w);
        dr_json_w_kvz(w, "after", next);
        dr_json_w_end(w);
        dr_json_w_end(w);
    } else {
        dr_json_w_null(w);
    }
    dr_json_w_kvz(w, "server_time", dr_time_format(d->server_ms, text));
    dr_json_w_end(w);
}

enum api_result door_none(struct door *d, struct dr_err *err)
{
    d->api->status = 404;
    (void)snprintf(d->api->code, sizeof(d->api->code), "not_in_profile");
    (void)dr_err_set(err, DR_REJECT, 404, "source",
                     "the profile has no such call");
    return API_NO;
}

static enum api_result mapped(struct door *d, const struct call *c,
                              const struct dr_json *body, struct dr_err *err)
{
    switch (c->kind) {
    case CALL_ACCOUNT:
        return door_account(d, err);
    case CALL_SCHEMA_OBJECTS:
        return door_objects(d, err);
    case CALL_SCHEMA_ASSOCIATIONS:
        return door_pairs(d);
    case CALL_CATALOGUE:
        return door_catalogue(d, c, err);
    default:
        break;
    }
    if (c->kind == CALL_ASSOCIATION_CHANGES) { /* the sweep finds them */
        struct dr_json_w w;
        page_begin(d, &w);
        dr_json_w_end(&w);
        page_end(d, &w, "");
        return API_OK;
    }
    if (!profile_has(d->profile, dr_str_z(c->object))) {
        return door_none(d, err);
    }
    switch (c->kind) {
    case CALL_PROPERTIES:
        return door_properties(d, c, err);
    case CALL_LIST:
    case CALL_INDEX:
        return door_list(d, c, err);
    case CALL_CHANGES:
        return door_changes(d, c, err);
    case CALL_READ:
        return door_read(d, c, body, err);
    case CALL_ASSOCIATIONS:
        return door_associations(d, c, body, err);
    default:
        return door_none(d, err);
    }
}

/* The page that was made takes the place of the answer. */
static enum api_result hand_over(struct door *d, struct dr_arena *arena,
                                 struct page *out, struct dr_err *err)
{
    struct dr_buf answer = d->api->answer;

    if (d->out.over) {
        return API_LARGE;
    }
    d->api->answer = d->out;
    d->out = answer;
    dr_arena_reset(arena);
    return page_parse_deep(arena, dr_buf_view(&d->api->answer), PAGE_DEPTH, out,
                           err)
               ? API_POISON
               : API_OK;
}

static enum api_result translated(struct door *d, const struct call *c,
                                  struct dr_str body, struct dr_arena *arena,
                                  struct page *out, struct dr_err *err)
{
    const struct dr_json *asked = NULL;
    enum api_result r;

    dr_arena_reset(d->asked);
    if (body.n > 0) {
        struct dr_str kept = dr_arena_dup(d->asked, body);
        asked = dr_json_parse(d->asked, kept, NULL, err);
    }
    r = mapped(d, c, asked, err);
    if (r == API_OK) {
        r = hand_over(d, arena, out, err);
    }
    if (r == API_OK) {
        d->api->now_ms = out->server_ms;
    }
    if (r == API_OK && out->server_ms > d->api->server_ms) {
        d->api->server_ms = out->server_ms;
    }
    return r;
}

enum api_result door_page(struct door *d, const char *path, struct dr_str body,
                          struct dr_arena *arena, struct page *out,
                          struct dr_err *err)
{
    const struct dr_json *call;
    struct ask ask;
    struct call c;

    call_parse(dr_str_z(path), &c);
    if (d->profile->mapped) {
        return translated(d, &c, body, arena, out, err);
    }
    call = c.kind == CALL_OTHER ? NULL : profile_call(d->profile, c.name);
    if (!call && c.object[0]) {
        call = profile_part(d->profile, dr_str_z(c.object), c.name);
    }
    if (!call) { /* what the contract has beyond the profile */
        return api_plain(d->api, path, body, arena, out, err);
    }
    dr_arena_reset(d->asked);
    ask_init(d, &ask, call, &c);
    ask_from(&ask, c.after);
    request_path(&d->path, call, &ask.vars);
    return api_plain(d->api, d->path.p, body, arena, out, err);
}
