/* Records of one type: pages, index, changes, by id (contract 4.4). */
#include <stdlib.h>

#include <drover/base/time.h>

#include "call.h"

/* The record as lists and changes have it now, behind its visibility lag;
 * NULL: they do not know it. Index, batch and single reads have no lag. */
static const struct rec *seen(const struct call *c, const struct rec *r)
{
    if (r && r->visible_ms > c->now) {
        bite(c->w, "visibility_lag_ms");
    }
    while (r && r->visible_ms > c->now) {
        r = r->was;
    }
    return r;
}

static const struct rec *listed(struct call *c, const struct rec *now)
{
    struct dr_str archived = dr_httpd_arg(c->req, "archived");
    bool any = dr_str_eqz(archived, "any");
    bool only = dr_str_eqz(archived, "only");
    const struct rec *r = seen(c, now);

    return r && rec_exists(r) && (any || r->archived == only) ? r : NULL;
}

/* The knob: the last rows of the page before come again; how many. They count
 * for the page, which goes further by one row at least. */
static size_t repeat_rows(struct call *c, const struct kind *k,
                          struct dr_str after, size_t limit)
{
    size_t n = (size_t)knob_int(c->w->knobs, "repeat_rows"), again = 0;
    size_t end = after.n > 0 ? kind_after(k, after) : 0;

    n = n < limit ? n : limit - 1;
    for (size_t i = end > n ? end - n : 0; i < end; i++) {
        const struct rec *r = listed(c, &k->v[i]);
        if (r && !r->poison) {
            bite(c->w, "repeat_rows");
            record_write(c, k, r);
            again++;
        }
    }
    return again;
}

/* Where on its page the record stands that breaks it. */
static void note_place(struct call *c, const struct kind *k, size_t i, size_t n,
                       size_t limit)
{
    bool end = n + 1 == limit;

    for (i++; !end && i < k->n && !listed(c, &k->v[i]); i++) {
    }
    end = end || i == k->n;
    bite(c->w, n == 0 && end ? "poison.alone"
               : n == 0      ? "poison.first"
               : end         ? "poison.last"
                             : "poison.middle");
}

void records_list(struct call *c, struct kind *k)
{
    struct dr_str after, last = {"", 0};
    size_t limit = limit_of(c, PAGE_MAX), n = 0, i;

    c->properties = dr_httpd_arg(c->req, "properties");
    if (!cursor(c, &after) || empty_page(c, after)) {
        return;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    n = repeat_rows(c, k, after, limit);
    for (i = kind_after(k, after); i < k->n && n < limit; i++) {
        const struct rec *r = listed(c, &k->v[i]);
        if (!r) {
            continue;
        }
        if (r->poison) {
            note_place(c, k, i, n, limit);
            unreadable(c, r);
            return;
        }
        record_write(c, k, r);
        last = r->id;
        n++;
    }
    while (i < k->n && !listed(c, &k->v[i])) {
        i++;
    }
    dr_json_w_end(&c->j);
    paging(c, last, i < k->n);
    server_time(c);
    dr_json_w_end(&c->j);
}

void records_index(struct call *c, struct kind *k)
{
    struct dr_str after, last = {"", 0};
    size_t limit = limit_of(c, INDEX_MAX), n = 0, i;
    char text[DR_TIME_TEXT];

    if (!cursor(c, &after) || empty_page(c, after)) {
        return;
    }
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    for (i = kind_after(k, after); i < k->n && n < limit; i++) {
        const struct rec *r = &k->v[i];
        if (!rec_exists(r)) {
            continue;
        }
        dr_json_w_arr(&c->j);
        dr_json_w_str(&c->j, r->id);
        dr_json_w_u64(&c->j, r->version);
        dr_json_w_z(&c->j, dr_time_format(r->updated_ms, text));
        dr_json_w_bool(&c->j, r->archived);
        dr_json_w_end(&c->j);
        last = r->id;
        n++;
    }
    while (i < k->n && !rec_exists(&k->v[i])) {
        i++;
    }
    dr_json_w_end(&c->j);
    paging(c, last, i < k->n);
    server_time(c);
    dr_json_w_end(&c->j);
}

/* ---- changes, in the order (updated_at, id) ---- */

static int change_order(const void *a, const void *b)
{
    const struct rec *x = *(const struct rec *const *)a;
    const struct rec *y = *(const struct rec *const *)b;

    if (x->updated_ms != y->updated_ms) {
        return x->updated_ms < y->updated_ms ? -1 : 1;
    }
    return dr_str_cmp(x->id, y->id);
}

static bool beyond(const struct rec *r, int64_t ms, struct dr_str id)
{
    return r->updated_ms > ms ||
           (r->updated_ms == ms && dr_str_cmp(r->id, id) > 0);
}

/* "ms id" */
bool change_cursor(struct call *c, int64_t *ms, struct dr_str *id)
{
    struct dr_str text;

    *ms = INT64_MIN;
    *id = (struct dr_str){"", 0};
    if (!cursor(c, &text)) {
        return false;
    }
    if (text.n > 0) {
        struct dr_str head = dr_str_split(&text, ' ');
        if (head.n == 1 && head.p[0] == '\0') { /* after an empty page */
            return true;
        }
        if (dr_str_i64(head, ms)) {
            fail(c, 410, "cursor_expired", "the cursor is not known");
            return false;
        }
        *id = text;
    }
    return true;
}

static const char *op_of(const struct rec *r)
{
    return r->gone == DELETED  ? "delete"
           : r->gone == MERGED ? "merge"
           : r->archived       ? "archive"
           : r->restored       ? "restore"
                               : "upsert";
}

static void change_row(struct call *c, const struct rec *r)
{
    char text[DR_TIME_TEXT];

    dr_json_w_obj(&c->j);
    dr_json_w_kv(&c->j, "id", r->id);
    dr_json_w_kvz(&c->j, "op", op_of(r));
    dr_json_w_kvi(&c->j, "version", (int64_t)r->version);
    dr_json_w_kvz(&c->j, "updated_at", dr_time_format(r->updated_ms, text));
    dr_json_w_key(&c->j, "merged_into");
    if (r->gone == MERGED) {
        dr_json_w_str(&c->j, r->merged_into);
    } else {
        dr_json_w_null(&c->j);
    }
    dr_json_w_end(&c->j);
}

static bool changes_know(const struct rec *r)
{
    return rec_exists(r) || r->gone == DELETED || r->gone == MERGED;
}

static struct dr_str raw_cursor(struct call *c)
{
    struct dr_str text = {"", 0};

    return cursor(c, &text) ? text : (struct dr_str){"", 0};
}

/* A tombstone that the plan keeps no longer. */
static bool forgotten(const struct call *c, const struct rec *r)
{
    bool is = r->gone != LIVES && r->gone != PURGED &&
              r->updated_ms + tenant_tombstone_ms(c->w) < c->now;

    if (is) {
        bite(c->w, "tombstone_forgotten");
    }
    return is;
}

void records_changes(struct call *c, struct kind *k)
{
    int64_t since = time_arg(c, "updated_since", INT64_MIN);
    int64_t before = time_arg(c, "updated_before", INT64_MAX);
    size_t limit = limit_of(c, PAGE_MAX), n = 0, i = 0;
    const struct rec **v;
    struct dr_str id, last = {"", 0};
    int64_t ms;

    if (!change_cursor(c, &ms, &id) || empty_page(c, raw_cursor(c))) {
        return;
    }
    v = dr_xcalloc(k->n + 1, sizeof(const struct rec *));
    for (size_t at = 0; at < k->n; at++) {
        const struct rec *r = seen(c, &k->v[at]);
        if (r && changes_know(r) && !forgotten(c, r) &&
            r->updated_ms >= since && r->updated_ms < before &&
            beyond(r, ms, id)) {
            v[n++] = r;
        }
    }
    qsort(v, n, sizeof(const struct rec *), change_order);
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    for (; i < n && i < limit; i++) {
        change_row(c, v[i]);
        last =
            dr_arena_printf(c->a, "%lld " DR_STR_FMT,
                            (long long)v[i]->updated_ms, DR_STR_ARG(v[i]->id));
    }
    if (i > 1 && i < n && v[0]->updated_ms == v[i]->updated_ms) {
        bite(c->w, "same_second");
    }
    dr_json_w_end(&c->j);
    paging(c, last, i < n);
    server_time(c);
    dr_json_w_end(&c->j);
    free(v);
}

/* ---- by id ---- */

static void missing(struct call *c, struct dr_str id, const struct rec *r)
{
    bool corrupt = r && r->poison && rec_exists(r);
    bool forbidden = r && r->gone == LIVES && r->hidden;

    if (corrupt) {
        bite(c->w, "poison.batch");
    }
    if (forbidden) {
        bite(c->w, "hidden");
    }
    dr_json_w_obj(&c->j);
    dr_json_w_kv(&c->j, "id", id);
    dr_json_w_kvz(&c->j, "reason",
                  corrupt                  ? "corrupt"
                  : forbidden              ? "forbidden"
                  : r && r->gone == MERGED ? "merged"
                                           : "deleted");
    if (r && r->gone == MERGED) {
        dr_json_w_kv(&c->j, "merged_into", r->merged_into);
    }
    dr_json_w_end(&c->j);
}

static bool whole(const struct rec *r)
{
    return r && rec_exists(r) && !r->poison;
}

/* A list of names as `properties=` has it. */
static struct dr_str comma_list(struct call *c, const struct dr_json *names)
{
    struct dr_str all = {"", 0};

    DR_JSON_EACH(n, names)
    {
        all = dr_arena_printf(c->a, DR_STR_FMT "," DR_STR_FMT, DR_STR_ARG(all),
                              DR_STR_ARG(dr_json_str(n)));
    }
    return all;
}

void records_batch(struct call *c, struct kind *k)
{
    const struct dr_json *body =
        dr_json_parse(c->a, dr_httpd_body(c->req), NULL, NULL);
    const struct dr_json *ids = dr_json_get(body, "ids");

    if (dr_json_type(ids) != DR_JSON_ARRAY || ids->count > BATCH_MAX) {
        fail(c, 400, "unsupported_parameter", "ids: a list of at most 100");
        return;
    }
    if (batch_poisoned(c, ids)) {
        return;
    }
    c->properties = comma_list(c, dr_json_get(body, "properties"));
    dr_json_w_obj(&c->j);
    dr_json_w_key(&c->j, "results");
    dr_json_w_arr(&c->j);
    DR_JSON_EACH(id, ids)
    {
        const struct rec *r = kind_find(k, dr_json_scalar(id));
        if (whole(r)) {
            record_write(c, k, r);
        }
    }
    dr_json_w_end(&c->j);
    dr_json_w_key(&c->j, "missing");
    dr_json_w_arr(&c->j);
    DR_JSON_EACH(id, ids)
    {
        const struct rec *r = kind_find(k, dr_json_scalar(id));
        if (!whole(r)) {
            missing(c, dr_json_scalar(id), r);
        }
    }
    dr_json_w_end(&c->j);
    server_time(c);
    dr_json_w_end(&c->j);
}

void records_one(struct call *c, struct kind *k, struct dr_str id)
{
    const struct rec *r = kind_find(k, id);

    c->by_id = true;
    c->properties = dr_httpd_arg(c->req, "properties");
    if (!r || (!r->hidden && !changes_know(r)) || forgotten(c, r)) {
        fail(c, 404, "not_found", "no such record");
    } else if (r->gone == MERGED) {
        fail_merged(c, r->merged_into);
    } else if (r->gone == DELETED) {
        fail(c, 410, "gone_deleted", "the record is deleted");
    } else if (r->hidden) {
        fail(c, 403, "forbidden_scope", "the token may not see it");
    } else if (r->poison) {
        unreadable(c, r);
    } else { /* the record, and the clock that every body has */
        char text[DR_TIME_TEXT];
        record_write(c, k, r);
        c->out.n--; /* the brace */
        dr_buf_printf(&c->out, ",\"server_time\":\"%s\"}",
                      dr_time_format(c->now - c->now % 1000, text));
    }
}
