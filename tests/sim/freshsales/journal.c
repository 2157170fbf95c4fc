/* The books: a line of the journal for each request, and the statistics
 * (bench reference 1.1). */
#include <stdio.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#include "write.h"

#define MINUTE_LIMIT 400

static void text_markers(const struct dr_json *at, struct dr_json_w *w)
{
    const struct dr_json *texts[] = {
        dr_json_get(at, "description"), dr_json_get(at, "notes"),
        dr_json_get(dr_json_get(at, "note"), "description")};

    for (size_t i = 0; i < DR_ARRAY_LEN(texts); i++) {
        struct dr_str m = text_marker(dr_json_str(texts[i]));
        if (m.n > 0) {
            dr_json_w_str(w, m);
        }
    }
}

/* The identity fields of attributes; what names the record of an upsert
 * counts where they have none. */
static void identity(const struct dr_json *at, const struct dr_json *ident,
                     struct dr_json_w *w)
{
    struct dr_str external = dr_json_get_str(at, "external_id");
    struct dr_str source =
        dr_json_get_str(dr_json_get(at, "custom_field"), "cf_source_id");

    external = external.n ? external : dr_json_get_str(ident, "external_id");
    source = source.n ? source : dr_json_get_str(ident, "cf_source_id");
    if (external.n > 0) {
        dr_json_w_str(w, external);
    }
    if (source.n > 0) {
        dr_json_w_str(w, source);
    }
}

static void markers(const struct dr_json *j, struct dr_json_w *w)
{
    const struct dr_json *at = dr_json_get(j, "data");

    if (!at) { /* wrapped or bare */
        at = j;
        DR_JSON_EACH(m, j)
        {
            at = m->type == DR_JSON_OBJECT && kind_of_root(m->key) ? m : at;
        }
    }
    identity(at, dr_json_get(j, "unique_identifier"), w);
    text_markers(at, w);
}

static void touched(struct dr_json_w *w, const struct entry *e)
{
    dr_json_w_key(w, "record_ids");
    dr_json_w_arr(w);
    for (size_t i = 0; i < e->touched_n; i++) {
        const struct touch *t = &e->touched[i];
        dr_json_w_obj(w);
        dr_json_w_kvz(w, "type", t->kind->type);
        dr_json_w_key(w, "id");
        dr_json_w_u64(w, t->id);
        dr_json_w_kvz(w, "op", t->op);
        dr_json_w_end(w);
    }
    dr_json_w_end(w);
}

static void limits(struct account *a, struct dr_json_w *w)
{
    dr_json_w_key(w, "limit");
    dr_json_w_obj(w);
    dr_json_w_kvi(w, "hour_used", a->hour.used);
    dr_json_w_kvi(w, "hour_limit", hour_limit(a));
    dr_json_w_kvi(w, "minute_used", a->minute.used);
    dr_json_w_kvi(w, "minute_limit", MINUTE_LIMIT);
    dr_json_w_end(w);
    dr_json_w_kvi(w, "window_used", a->hour.used);
}

void journal_write(struct account *a, const struct entry *e)
{
    struct dr_arena *ar DR_AUTO(dr_arena) = dr_arena_new((size_t)256 << 20);
    uint8_t sum[32];
    char hex[65];
    struct dr_json_w w;
    struct dr_buf b;

    dr_sha256(e->body, sum);
    dr_hex(sum, 32, hex);
    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kvi(&w, "seq", journal_next(a->journal));
    dr_json_w_kvi(&w, "at_ms", vclock_now(&a->clock));
    dr_json_w_kv(&w, "method", e->method);
    dr_json_w_kv(&w, "path", e->path);
    dr_json_w_kv(&w, "query", e->query);
    dr_json_w_kvi(&w, "status", e->status);
    dr_json_w_key(&w, "user_id");
    dr_json_w_u64(&w, a->api_user);
    touched(&w, e);
    dr_json_w_key(&w, "markers");
    dr_json_w_arr(&w);
    if (e->body.n > 0 && e->body.p[0] != '-' && /* a form's boundary */
        !dr_str_ends(e->path, DR_STR_LIT("bulk_upsert"))) {
        markers(dr_json_parse(ar, e->body, NULL, NULL), &w);
    }
    dr_json_w_end(&w);
    dr_json_w_kvz(&w, "body_sha256", hex);
    dr_json_w_kvi(&w, "bytes_in", (int64_t)e->body.n);
    dr_json_w_kvi(&w, "bytes_out", (int64_t)e->out_bytes);
    limits(a, &w);
    dr_json_w_kvz(&w, "fault", e->fault);
    dr_json_w_kvb(&w, "effect", e->effect);
    dr_json_w_end(&w);
    journal_add(a->journal, dr_buf_view(&b));
    dr_buf_done(&b);
}

/* ---- statistics ---- */

static void counts(struct dr_json_w *w, const char *key, const int64_t *v)
{
    dr_json_w_key(w, key);
    dr_json_w_obj(w);
    for (size_t i = 0; i < kind_count; i++) {
        dr_json_w_kvi(w, kinds[i].type, v[i]);
    }
    dr_json_w_end(w);
}

static void one_window(struct dr_json_w *w, const struct used_window *u)
{
    dr_json_w_obj(w);
    dr_json_w_kvz(w, "kind", u->minute ? "minute" : "hour");
    dr_json_w_kvi(w, "start_ms", u->start_ms);
    dr_json_w_kvi(w, "used", u->used);
    dr_json_w_kvi(w, "limit", u->limit);
    dr_json_w_end(w);
}

/* Those that are over, then the two that run. */
static void windows(const struct account *a, struct dr_json_w *w)
{
    const struct window *now[] = {&a->hour, &a->minute};

    dr_json_w_key(w, "windows");
    dr_json_w_arr(w);
    for (size_t i = 0; i < a->windows_n; i++) {
        one_window(w, &a->windows[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        struct used_window u = {i == 1, now[i]->slot * now[i]->length_ms,
                                now[i]->used,
                                i == 1 ? MINUTE_LIMIT : hour_limit(a)};
        if (u.used > 0) {
            one_window(w, &u);
        }
    }
    dr_json_w_end(w);
}

static void bulk_part(const struct account *a, struct dr_json_w *w)
{
    int64_t thousandths =
        a->bulk_calls ? a->bulk_records * 10 / a->bulk_calls : 0;
    char fill[32];

    dr_json_w_key(w, "bulk");
    dr_json_w_obj(w);
    dr_json_w_kvi(w, "calls", a->bulk_calls);
    dr_json_w_kvi(w, "records", a->bulk_records);
    (void)snprintf(fill, sizeof(fill), "%lld.%03lld",
                   (long long)(thousandths / 1000),
                   (long long)(thousandths % 1000));
    dr_json_w_kvz(w, "fill", fill);
    dr_json_w_end(w);
}

void stats_write(struct account *a, struct dr_json_w *w)
{
    struct dr_str key;
    size_t at = 0;
    void *n;

    dr_json_w_obj(w);
    dr_json_w_kvi(w, "calls", a->calls);
    dr_json_w_key(w, "calls_by");
    dr_json_w_obj(w);
    while (dr_map_next(a->calls_by, &at, &key, &n)) {
        dr_json_w_keys(w, key);
        dr_json_w_i64(w, *(const int64_t *)n);
    }
    dr_json_w_end(w);
    dr_json_w_kvi(w, "accepted", a->accepted);
    dr_json_w_kvi(w, "refused_429", a->refused);
    dr_json_w_kvi(w, "largest_429_burst", a->largest_burst);
    windows(a, w);
    bulk_part(a, w);
    counts(w, "created", a->created);
    counts(w, "updated", a->updated);
    counts(w, "deleted", a->removed);
    dr_json_w_key(w, "duplicates");
    dr_json_w_obj(w);
    dr_json_w_kvi(w, "by_marker", a->duplicates);
    dr_json_w_end(w);
    dr_json_w_end(w);
}
