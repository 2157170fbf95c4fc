/* Writing through the API: single records, upsert, bulk jobs. */
#include <string.h>

#include "call.h"

void create(struct call *c, struct kind *k)
{
    const struct dr_json *attrs = attributes(c, k);
    struct refusal no = {0};
    struct rec *r;

    if (!attrs) {
        fail(c, 400, "The request body is not JSON.");
        return;
    }
    r = write_record(c->a, k, NULL, attrs, "api", &no);
    if (!r) {
        fail(c, no.status, no.text);
        return;
    }
    c->op = "create";
    c->effect = true;
    c->status = (int)knob_int(c->a->knobs, "create_status");
    answer_record(c, k, r);
}

void update(struct call *c, struct kind *k, struct rec *r)
{
    const struct dr_json *attrs = attributes(c, k);
    const struct dr_json *lines = dr_json_get(attrs, "products");
    struct refusal no = {0};

    if (!attrs) {
        fail(c, 400, "The request body is not JSON.");
        return;
    }
    if (!write_record(c->a, k, r, attrs, "api", &no) ||
        (lines && strcmp(k->type, "deals") == 0 &&
         apply_lines(c->a, r, lines, &no))) {
        fail(c, no.status, no.text);
        return;
    }
    c->op = "update";
    c->effect = true;
    answer_record(c, k, r);
}

void drop(struct call *c, struct kind *k, struct rec *r, bool forget)
{
    c->op = "delete";
    c->kind = k;
    c->id = r->id;
    c->effect = true;
    c->a->removed[k - kinds]++;
    r->deleted = true;
    r->deleted_seq = journal_next(c->a->journal);
    if (forget || !k->bin) {
        size_t at = 0;
        while (k->v[at] != r) {
            at++;
        }
        memmove(&k->v[at], &k->v[at + 1],
                (k->n - at - 1) * sizeof(struct rec *));
        k->n--;
    }
    dr_buf_z(&c->out, k->bin ? "true" : "{\"success\":\"200\"}");
}

void upsert(struct call *c, struct kind *k)
{
    const struct dr_json *j =
        dr_json_parse(c->ar, dr_httpd_body(c->req), NULL, NULL);
    const struct dr_json *ids = dr_json_get(j, "unique_identifier");
    const struct dr_json *attrs = dr_json_get(j, k->root);
    const struct dr_json *id = dr_json_at(ids, 0);
    struct refusal no = {0};
    struct rec *r;

    id = ids ? ids->child : NULL;
    if (!id || !attrs) {
        fail(c, 400, "unique_identifier is missing.");
        return;
    }
    r = find_by(k, id->key, dr_json_scalar(id));
    c->op = r ? "update" : "create";
    r = write_record(c->a, k, r, attrs, "api", &no);
    if (!r) {
        fail(c, no.status, no.text);
        return;
    }
    c->effect = true;
    answer_record(c, k, r);
}

void bulk(struct call *c, struct kind *k)
{
    const struct dr_json *j = dr_json_parse(
        c->ar, dr_httpd_body(c->req),
        &(struct dr_json_limits){.max_bytes = (size_t)64 << 20}, NULL);
    const struct dr_json *items = dr_json_get(j, k->type);
    uint64_t id;

    if (dr_json_type(items) != DR_JSON_ARRAY || items->count == 0 ||
        items->count > 100) {
        fail(c, 400, "1 to 100 records are wanted.");
        return;
    }
    id = bulk_accept(c->a, k, items);
    c->status = (int)knob_int(c->a->knobs, "bulk_status");
    c->effect = true;
    dr_json_w_obj(&c->w);
    dr_json_w_kvz(&c->w, "message", "The records are being processed.");
    dr_json_w_kv(&c->w, "job_status_url",
                 dr_arena_printf(
                     c->ar,
                     "https://" DR_STR_FMT
                     ".myfreshworks.com/crm/sales/api/job_statuses/%llu",
                     DR_STR_ARG(dr_json_get_str(c->a->tenant, "bundle_alias")),
                     (unsigned long long)id));
    dr_json_w_end(&c->w);
}

void job_status(struct call *c, struct dr_str rest)
{
    uint64_t id;
    const struct job *j = dr_str_u64(rest, &id) ? NULL : job_find(c->a, id);

    if (!j) {
        fail(c, 404, "The job does not exist.");
        return;
    }
    job_write(j, &c->w);
}
