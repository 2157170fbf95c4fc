#include "contract.h"

#include <string.h>

#include <drover/base/time.h>
#include <drover/crypto/crypto.h>

enum object_is object_is(struct dr_str type)
{
    return dr_str_eqz(type, "line_item")    ? OBJECT_LINES
           : dr_str_eqz(type, "attachment") ? OBJECT_FILES
           : dr_str_eqz(type, "event")      ? OBJECT_EVENTS
                                            : OBJECT_RECORDS;
}

int object_rank(struct dr_str type, bool custom)
{
    static const char *const first[] = {"product", "company", "contact", "deal",
                                        "line_item"};

    for (size_t i = 0; i < DR_ARRAY_LEN(first); i++) {
        if (dr_str_eqz(type, first[i])) {
            return (int)i;
        }
    }
    return custom                           ? 5
           : dr_str_eqz(type, "note")       ? 7
           : dr_str_eqz(type, "attachment") ? 8
           : dr_str_eqz(type, "event")      ? 9
                                            : 6; /* activities */
}

bool type_ok(struct dr_str type)
{
    for (size_t i = 0; i < type.n; i++) {
        char c = type.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '_' && c != '-') {
            return false;
        }
    }
    return type.n > 0 && type.n <= CONTRACT_ID_MAX;
}

static void add_after(struct dr_buf *b, struct dr_str after)
{
    if (after.n > 0) {
        dr_buf_z(b, "&after=");
        dr_buf_urlenc(b, after);
    }
}

static void add_time(struct dr_buf *b, const char *key, int64_t ms)
{
    char text[DR_TIME_TEXT];

    dr_buf_z(b, key);
    dr_buf_urlenc(b, dr_str_z(dr_time_format(ms, text)));
}

void path_list(struct dr_buf *b, const char *object, struct dr_str after,
               int limit)
{
    dr_buf_reset(b);
    dr_buf_printf(b, "/v1/objects/%s?archived=any&limit=%d", object, limit);
    add_after(b, after);
}

void path_index(struct dr_buf *b, const char *object, struct dr_str after)
{
    dr_buf_reset(b);
    dr_buf_printf(b, "/v1/objects/%s/index?limit=%d", object,
                  CONTRACT_INDEX_PAGE);
    add_after(b, after);
}

void path_changes(struct dr_buf *b, const char *object, int64_t since_ms,
                  int64_t before_ms, struct dr_str after)
{
    dr_buf_reset(b);
    dr_buf_printf(b, "/v1/objects/%s/changes?limit=%d", object, CONTRACT_PAGE);
    add_time(b, "&updated_since=", since_ms);
    add_time(b, "&updated_before=", before_ms);
    add_after(b, after);
}

void path_assoc_changes(struct dr_buf *b, int64_t since_ms, int64_t before_ms,
                        struct dr_str after)
{
    dr_buf_reset(b);
    dr_buf_printf(b, "/v1/associations/changes?limit=%d", CONTRACT_PAGE);
    add_time(b, "&updated_since=", since_ms);
    add_time(b, "&updated_before=", before_ms);
    add_after(b, after);
}

void path_batch(struct dr_buf *b, const char *object)
{
    dr_buf_reset(b);
    dr_buf_printf(b, "/v1/objects/%s/batch/read", object);
}

void path_assoc_batch(struct dr_buf *b, const char *from, const char *to)
{
    dr_buf_reset(b);
    dr_buf_printf(b, "/v1/associations/%s/%s/batch/read", from, to);
}

void path_events(struct dr_buf *b, struct dr_str after, int limit)
{
    dr_buf_reset(b);
    dr_buf_printf(b, "/v1/events?limit=%d", limit);
    add_after(b, after);
}

const char *path_account(void)
{
    return "/v1/account";
}

bool object_needed(struct dr_str type)
{
    return object_rank(type, false) <= 4;
}

void path_download(struct dr_buf *b, struct dr_str id)
{
    dr_buf_reset(b);
    dr_buf_z(b, "/v1/attachments/");
    dr_buf_urlenc(b, id);
    dr_buf_z(b, "/download-url");
}

void body_ids(struct dr_buf *b, const struct dr_str *ids, size_t n)
{
    struct dr_json_w w;

    dr_buf_reset(b);
    dr_json_w_init(&w, b);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "ids");
    dr_json_w_arr(&w);
    for (size_t i = 0; i < n; i++) {
        dr_json_w_str(&w, ids[i]);
    }
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}

/* 120 bytes a node: a page stays within 24 MB, and a record that does not
 * stands alone. */
#define PAGE_NODES 200000

int page_parse(struct dr_arena *a, struct dr_str body, struct page *out,
               struct dr_err *err)
{
    return page_parse_deep(a, body, 0, out, err);
}

int page_parse_deep(struct dr_arena *a, struct dr_str body, unsigned depth,
                    struct page *out, struct dr_err *err)
{
    struct dr_json_limits limits = {.max_nodes = PAGE_NODES,
                                    .max_depth = depth};
    const struct dr_json *root = dr_json_parse(a, body, &limits, err);
    const struct dr_json *next;

    if (!root) {
        return -1;
    }
    if (dr_json_type(root) != DR_JSON_OBJECT) {
        return dr_err_set(err, DR_REJECT, 0, "source.answer",
                          "the answer is not a JSON object");
    }
    out->root = root;
    if (dr_time_parse(dr_json_get_str(root, "server_time"), &out->server_ms,
                      NULL)) {
        return dr_err_set(err, DR_REJECT, 0, "source.answer",
                          "the answer has no server_time: without the source's"
                          " clock no tail is safe (assumption A6)");
    }
    next = dr_json_get(dr_json_get(root, "paging"), "next");
    out->next = dr_json_scalar(dr_json_get(next, "after"));
    if (out->next.n >= CONTRACT_AFTER_MAX || !dr_text_valid(out->next)) {
        return dr_err_set(err, DR_REJECT, 0, "source.answer",
                          "the page cursor is longer than %d bytes or no text",
                          CONTRACT_AFTER_MAX - 1);
    }
    return 0;
}

static int64_t stamp(const struct dr_json *j, const char *key)
{
    int64_t ms;

    return dr_time_parse(dr_json_get_str(j, key), &ms, NULL) ? 0 : ms;
}

bool id_ok(struct dr_str id)
{
    return id.n > 0 && id.n <= CONTRACT_ID_MAX && dr_text_valid(id);
}

#define ID_WITHIN 512 /* bytes of a broken line where its id may be found */

struct dr_str id_in_broken(struct dr_str raw)
{
    const struct dr_str key = DR_STR_LIT("\"id\":");
    size_t at;
    struct dr_str rest = raw;

    rest.n = rest.n < ID_WITHIN ? rest.n : ID_WITHIN;
    at = dr_str_find(rest, key);
    if (at == SIZE_MAX) {
        return (struct dr_str){"", 0};
    }
    rest = (struct dr_str){rest.p + at + key.n, rest.n - at - key.n};
    rest = dr_str_trim(rest);
    if (rest.n < 2 || rest.p[0] != '"') {
        return (struct dr_str){"", 0};
    }
    rest = (struct dr_str){rest.p + 1, rest.n - 1};
    at = dr_str_find(rest, DR_STR_LIT("\""));
    rest.n = at == SIZE_MAX ? 0 : at;
    return id_ok(rest) && dr_str_find(rest, DR_STR_LIT("\\")) == SIZE_MAX
               ? rest
               : (struct dr_str){"", 0};
}

int record_parse(const struct dr_json *j, struct dr_source *out,
                 struct dr_err *err)
{
    struct dr_source s = {.op = DR_SRC_UPSERT};

    s.object = dr_json_get_str(j, "type");
    s.id = dr_json_scalar(dr_json_get(j, "id"));
    if (!id_ok(s.id)) {
        return dr_err_set(err, DR_REJECT, 0, "source.record",
                          "id: empty, longer than %d bytes or not text",
                          CONTRACT_ID_MAX);
    }
    if (dr_str_u64(dr_json_scalar(dr_json_get(j, "version")), &s.version)) {
        return dr_err_set(err, DR_REJECT, 0, "source.record",
                          "version: not a whole number");
    }
    s.has_version = true;
    s.updated_ms = stamp(j, "updated_at");
    s.created_ms = stamp(j, "created_at");
    s.archived = dr_json_true(dr_json_get(j, "archived"));
    s.body = j->raw;
    *out = s;
    return 0;
}

int event_parse(const struct dr_json *j, struct dr_source *out,
                struct dr_err *err)
{
    struct dr_source s = {.op = DR_SRC_UPSERT};

    s.id = dr_json_scalar(dr_json_get(j, "id"));
    if (!id_ok(s.id)) {
        return dr_err_set(err, DR_REJECT, 0, "source.event",
                          "id: empty, longer than %d bytes or not text",
                          CONTRACT_ID_MAX);
    }
    s.updated_ms = stamp(j, "ingested_at");
    s.created_ms = stamp(j, "occurred_at");
    s.body = j->raw;
    *out = s;
    return 0;
}

int index_row_parse(const struct dr_json *j, struct index_row *out)
{
    out->id = dr_json_scalar(dr_json_at(j, 0));
    if (!id_ok(out->id) ||
        dr_str_u64(dr_json_scalar(dr_json_at(j, 1)), &out->version)) {
        return -1;
    }
    if (dr_time_parse(dr_json_str(dr_json_at(j, 2)), &out->updated_ms, NULL)) {
        out->updated_ms = 0;
    }
    out->archived = dr_json_true(dr_json_at(j, 3));
    return 0;
}

int change_row_parse(const struct dr_json *j, struct change_row *out)
{
    out->id = dr_json_scalar(dr_json_get(j, "id"));
    out->op = dr_json_get_str(j, "op");
    out->merged_into = dr_json_scalar(dr_json_get(j, "merged_into"));
    if (!id_ok(out->id) || out->op.n == 0 ||
        (out->merged_into.n > 0 && !id_ok(out->merged_into)) ||
        dr_str_u64(dr_json_scalar(dr_json_get(j, "version")), &out->version)) {
        return -1;
    }
    out->updated_ms = stamp(j, "updated_at");
    return 0;
}

void assoc_add(struct assoc_vec *vec, const struct dr_assoc *a)
{
    if (vec->n == vec->cap) {
        vec->cap = vec->cap ? vec->cap * 2 : 16;
        vec->v = dr_xrealloc(vec->v, vec->cap * sizeof(*vec->v));
    }
    vec->v[vec->n++] = *a;
}

int assoc_row_parse(const struct dr_json *row, struct dr_str pair,
                    struct assoc_vec *out)
{
    DR_JSON_EACH(to, dr_json_get(row, "to"))
    {
        struct dr_assoc a = {.pair = pair};
        a.to_id = dr_json_scalar(dr_json_get(to, "id"));
        a.type_id = dr_json_scalar(dr_json_get(to, "type_id"));
        a.label = dr_json_get_str(to, "label");
        a.category = dr_json_get_str(to, "category");
        if (!id_ok(a.to_id) || !dr_text_valid(a.type_id) ||
            !dr_text_valid(a.label) || !dr_text_valid(a.category)) {
            return -1;
        }
        a.primary = dr_json_true(dr_json_get(to, "primary"));
        a.updated_ms = stamp(to, "updated_at");
        assoc_add(out, &a);
    }
    return 0;
}

struct dr_str assoc_row_after(const struct dr_json *row)
{
    const struct dr_json *next =
        dr_json_get(dr_json_get(row, "paging"), "next");

    return dr_json_scalar(dr_json_get(next, "after"));
}

void body_ids_after(struct dr_buf *b, struct dr_str id, struct dr_str after)
{
    struct dr_json_w w;

    dr_buf_reset(b);
    dr_json_w_init(&w, b);
    dr_json_w_obj(&w);
    dr_json_w_key(&w, "ids");
    dr_json_w_arr(&w);
    dr_json_w_str(&w, id);
    dr_json_w_end(&w);
    dr_json_w_key(&w, "after");
    dr_json_w_obj(&w);
    dr_json_w_keys(&w, id);
    dr_json_w_str(&w, after);
    dr_json_w_end(&w);
    dr_json_w_end(&w);
}

void source_hash(const struct dr_source *s, uint8_t out[32])
{
    struct dr_hash h;

    dr_hash_init(&h);
    dr_hash_u64(&h, s->op);
    dr_hash_part(&h, s->merged_into);
    dr_hash_part(&h, s->body);
    dr_hash_u64(&h, s->assoc_count);
    for (size_t i = 0; i < s->assoc_count; i++) {
        const struct dr_assoc *a = &s->assocs[i];
        dr_hash_part(&h, a->pair);
        dr_hash_part(&h, a->to_id);
        dr_hash_part(&h, a->type_id);
        dr_hash_part(&h, a->label);
        dr_hash_u64(&h, a->primary);
    }
    dr_hash_u64(&h, s->part_count);
    for (size_t i = 0; i < s->part_count; i++) {
        dr_hash_part(&h, s->parts[i].id);
        dr_hash_part(&h, s->parts[i].body);
    }
    for (size_t i = 0; i < s->alias_count; i++) {
        dr_hash_part(&h, s->aliases[i].type);
        dr_hash_part(&h, s->aliases[i].id);
        dr_hash_part(&h, s->aliases[i].into);
    }
    dr_hash_final(&h, out);
}
