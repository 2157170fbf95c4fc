/* Account, schema and catalogue of a source of another shape. */
#include "door_private.h"

#include <stdio.h>
#include <string.h>

#include <drover/base/time.h>

static void write_capabilities(struct door *d, struct dr_json_w *w)
{
    const struct profile *p = d->profile;
    struct dr_str encoding = dr_json_str(profile_values(p, "number_encoding"));

    dr_json_w_key(w, "capabilities");
    dr_json_w_obj(w);
    dr_json_w_kvb(w, "bulk_export", false);
    dr_json_w_kvb(w, "change_feed",
                  dr_json_get(dr_json_get(p->root, "default"), "changes"));
    dr_json_w_kvb(w, "index", false);
    dr_json_w_kvi(w, "max_visibility_lag_s", profile_lag_s(p));
    dr_json_w_kv(w, "number_encoding",
                 encoding.n > 0 ? encoding : DR_STR_LIT("string"));
    dr_json_w_end(w);
}

/* Where the source has no account, the first list tells its time. */
enum api_result door_account(struct door *d, struct dr_err *err)
{
    const struct dr_json *how = profile_call(d->profile, "account");
    const struct dr_json *first =
        dr_json_get(d->profile->root, "objects")->child;
    struct call c = {.limit = 1};
    char text[DR_TIME_TEXT];
    struct dr_json_w w;
    struct ask ask;
    enum api_result r;

    (void)snprintf(c.object, sizeof(c.object), DR_STR_FMT,
                   DR_STR_ARG(first->key));
    ask_init(d, &ask, how ? how : profile_part(d->profile, first->key, "list"),
             &c);
    ask_from(&ask, "");
    r = ask_source(d, &ask, err);
    if (r != API_OK) {
        return r;
    }
    dr_buf_reset(&d->out);
    dr_json_w_init(&w, &d->out);
    dr_json_w_obj(&w);
    row_map_members(&w, d->profile, dr_json_get(how, "map"),
                    how ? ask.rows : NULL, "server_time");
    if (!dr_json_get(dr_json_get(how, "map"), "capabilities")) {
        write_capabilities(d, &w);
    }
    dr_json_w_kvz(&w, "server_time", dr_time_format(d->server_ms, text));
    dr_json_w_end(&w);
    return API_OK;
}

/* How many there are, where a listing tells. */
static enum api_result count_of(struct door *d, const struct dr_json *how,
                                struct dr_str object, int64_t *sum,
                                struct dr_err *err)
{
    const struct dr_json *total = dr_json_get(how, "total");
    struct call c = {.limit = 1};
    struct ask ask;
    enum api_result r;
    int64_t n;

    if (!total) {
        return API_OK;
    }
    (void)snprintf(c.object, sizeof(c.object), DR_STR_FMT, DR_STR_ARG(object));
    ask_init(d, &ask, how, &c);
    ask_from(&ask, "");
    r = ask_source(d, &ask, err);
    if (r == API_OK &&
        dr_json_i64(pointer_get(ask.root, total->text), &n) == 0 && n > 0) {
        *sum += n;
    }
    return r;
}

enum api_result door_objects(struct door *d, struct dr_err *err)
{
    const struct profile *p = d->profile;
    struct dr_json_w w;

    page_begin(d, &w);
    DR_JSON_EACH(o, dr_json_get(p->root, "objects"))
    {
        struct dr_str label = dr_json_get_str(o, "label");
        int64_t n = 0;
        enum api_result r =
            count_of(d, profile_part(p, o->key, "list"), o->key, &n, err);
        if (r == API_OK) {
            r = count_of(d, profile_part(p, o->key, "archived"), o->key, &n,
                         err);
        }
        if (r == API_STOPPED) {
            return r;
        }
        dr_json_w_obj(&w);
        dr_json_w_kv(&w, "type", o->key);
        dr_json_w_kv(&w, "label", label.n > 0 ? label : o->key);
        dr_json_w_kvb(&w, "custom", dr_json_true(dr_json_get(o, "custom")));
        dr_json_w_kvi(&w, "record_count", n);
        dr_json_w_kvb(&w, "readable", r != API_NO);
        dr_json_w_end(&w);
    }
    dr_json_w_end(&w);
    page_end(d, &w, "");
    return API_OK;
}

enum api_result door_pairs(struct door *d)
{
    struct dr_json_w w;

    page_begin(d, &w);
    DR_JSON_EACH(o, dr_json_get(d->profile->root, "objects"))
    {
        DR_JSON_EACH(to, profile_part(d->profile, o->key, "associations"))
        {
            dr_json_w_obj(&w);
            dr_json_w_kv(&w, "from", o->key);
            dr_json_w_kv(&w, "to", dr_json_str(to));
            dr_json_w_kvi(&w, "type_id", 0);
            dr_json_w_kvz(&w, "label", "");
            dr_json_w_kvz(&w, "category", "system");
            dr_json_w_end(&w);
        }
    }
    dr_json_w_end(&w);
    page_end(d, &w, "");
    return API_OK;
}

/* Remembers the types, and the names by which the source knows them. */
static void learn(struct door *d, struct dr_str object)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new((size_t)32 << 20);
    const struct dr_json *root =
        dr_json_parse(a, dr_buf_view(&d->out), NULL, NULL);
    const struct dr_json *rows = dr_json_get(root, "results");
    struct dr_buf names;

    if (!rows || rows->count == 0) {
        return;
    }
    row_types_learn(d->types, object, rows);
    dr_buf_init(&names, 1 << 20);
    DR_JSON_EACH(p, rows)
    {
        struct dr_str name = dr_json_get_str(p, "remote_name");
        bool whole = name.n > 0 && !memchr(name.p, ',', name.n);
        if (whole) {
            dr_buf_z(&names, names.n > 0 ? "," : "");
            dr_buf_str(&names, name);
        }
    }
    dr_map_put(d->properties, object, dr_xstrndup(dr_buf_view(&names)));
    dr_buf_done(&names);
}

/* All pages of one list as one. */
static enum api_result whole_list(struct door *d, const struct call *c,
                                  const struct dr_json *how, struct dr_err *err)
{
    bool properties = c->kind == CALL_PROPERTIES;
    struct row_kind kind = door_kind(d, c);
    char inner[CONTRACT_AFTER_MAX] = "", next[CONTRACT_AFTER_MAX];
    struct dr_json_w w;

    page_begin(d, &w);
    for (int pages = 0; pages < DOOR_PAGES_MAX; pages++) {
        struct ask ask;
        enum api_result r;

        ask_init(d, &ask, how, c);
        ask_from(&ask, inner);
        r = ask_source(d, &ask, err);
        if (r != API_OK) {
            return r;
        }
        DR_JSON_EACH(row, ask.rows)
        {
            if (properties) {
                row_property(&w, &kind, dr_json_get(how, "map"), row);
            } else {
                row_map(&w, d->profile, dr_json_get(how, "map"), row);
            }
        }
        if (!ask_next(&ask, inner, next, sizeof(next))) {
            break;
        }
        (void)snprintf(inner, sizeof(inner), "%s", next);
    }
    dr_json_w_end(&w);
    page_end(d, &w, "");
    return API_OK;
}

static enum api_result empty(struct door *d)
{
    struct dr_json_w w;

    page_begin(d, &w);
    dr_json_w_end(&w);
    page_end(d, &w, "");
    return API_OK;
}

enum api_result door_properties(struct door *d, const struct call *c,
                                struct dr_err *err)
{
    const struct dr_json *how = profile_call(d->profile, "properties");
    enum api_result r = how ? whole_list(d, c, how, err) : empty(d);

    if (r == API_OK) {
        learn(d, dr_str_z(c->object));
    }
    return r;
}

enum api_result door_catalogue(struct door *d, const struct call *c,
                               struct dr_err *err)
{
    const struct dr_json *how = profile_call(d->profile, c->name);

    return how ? whole_list(d, c, how, err) : empty(d);
}
