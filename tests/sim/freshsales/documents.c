/* Calls on files and links: uploads, links, what a record has of both
 * (reference 11.1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#include "call.h"
#include "multipart.h"
#include "write.h"

#define PAGE_DEFAULT 25
#define FIELD_MAX ((size_t)4 << 10) /* of a form's field that is no file */

/* True: refused. */
static bool no_room(struct call *c, const struct part *file)
{
    struct account *a = c->a;

    if ((int64_t)file->data.n > knob_int(a->knobs, "file_limit")) {
        fail_with(c, &(struct refusal){
                         .status = (int)knob_int(a->knobs, "file_too_large"),
                         .text = "%s is too large",
                         .what = "file"});
        return true;
    }
    if (a->stored + (int64_t)file->data.n > storage_limit(a)) {
        fail(c, 400, "The storage of the account is full.");
        return true;
    }
    return false;
}

/* A field of the form; where there is none, the second best. */
static struct dr_str field(const struct multipart *m, const char *name,
                           struct dr_str otherwise)
{
    const struct part *p = multipart_get(m, name);

    return p && p->data.n > 0 ? p->data : otherwise;
}

static bool fields_ok(const struct multipart *m)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!dr_str_eqz(m->v[i].name, "file") &&
            (m->v[i].data.n > FIELD_MAX || !dr_text_valid(m->v[i].data))) {
            return false;
        }
    }
    return true;
}

/* The form as a JSON body would say it. */
static const struct dr_json *attributes_of(struct call *c,
                                           const struct multipart *m,
                                           const struct part *file)
{
    struct dr_str none = {"", 0}, text;
    struct dr_json_w w;
    struct dr_buf b;

    dr_buf_init(&b, (size_t)1 << 20);
    dr_json_w_init(&w, &b);
    dr_json_w_obj(&w);
    dr_json_w_kv(&w, "content_file_name",
                 field(m, "file_name", file->filename));
    dr_json_w_kvi(&w, "content_file_size", (int64_t)file->data.n);
    dr_json_w_kv(&w, "content_content_type",
                 file->type.n ? file->type
                              : DR_STR_LIT("application/octet-stream"));
    dr_json_w_kv(&w, "is_shared", field(m, "is_shared", DR_STR_LIT("false")));
    dr_json_w_kv(&w, "targetable_id", field(m, "targetable_id", none));
    dr_json_w_kv(&w, "targetable_type", field(m, "targetable_type", none));
    dr_json_w_end(&w);
    text = dr_arena_dup(c->ar, dr_buf_view(&b));
    dr_buf_done(&b);
    return dr_json_parse(c->ar, text, NULL, NULL);
}

static void store(struct call *c, struct kind *k, const struct part *file,
                  const struct dr_json *attrs)
{
    struct refusal r = {0};
    uint8_t sum[DR_SHA256];
    char hex[2 * DR_SHA256 + 1];
    struct rec *rec = write_record(c->a, k, NULL, attrs, "api", &r);

    if (!rec) {
        fail_with(c, &r);
        return;
    }
    if (bytes_keep(c->a, rec, file->data)) {
        remove_record(c->a, k, rec, true);
        fail(c, 500, "The file cannot be stored.");
        return;
    }
    dr_sha256(file->data, sum);
    dr_hex(sum, sizeof(sum), hex);
    rec_set(rec, "@sha256", dr_arena_printf(c->ar, "\"%s\"", hex));
    c->effect = true;
    c->status = (int)knob_int(c->a->knobs, "create_status");
    touch(c, k, rec->id, "create");
    answer_record(c, k, rec);
}

void upload(struct call *c)
{
    struct multipart m;
    const struct part *file;

    if (multipart_read(c->ar, c->type, c->body, &m) || !fields_ok(&m)) {
        fail(c, 400, "The request body is no form.");
        return;
    }
    file = multipart_get(&m, "file");
    if (!file || (file->filename.p && !dr_text_valid(file->filename)) ||
        (file->type.p && !dr_text_valid(file->type))) {
        fail_with(c, &(struct refusal){400, "%s can't be blank", 0, "file"});
        return;
    }
    if (!no_room(c, file)) {
        store(c, kind_named("files"), file, attributes_of(c, &m, file));
    }
}

/* ---- what a record has ---- */

static int by_id(const void *x, const void *y)
{
    const struct rec *a = *(const struct rec *const *)x;
    const struct rec *b = *(const struct rec *const *)y;

    return a->id < b->id ? -1 : a->id > b->id;
}

static void add_hits(struct rows *rows, const struct hits *h)
{
    for (size_t i = 0; h && i < h->n; i++) {
        rows->v[rows->n++] = h->v[i];
    }
}

static bool is_file(const struct rec *r)
{
    return rec_value(r, "@at").p != NULL;
}

static void rows_of(struct call *c, const char *type, const struct rows *shown)
{
    struct kind *k = kind_named(type);

    dr_json_w_key(&c->w, strcmp(type, "files") == 0 ? "documents" : type);
    dr_json_w_arr(&c->w);
    for (size_t i = 0; i < shown->n; i++) {
        if (is_file(shown->v[i]) == (strcmp(type, "files") == 0)) {
            render(c->a, k, shown->v[i], (struct dr_str){"", 0}, false, &c->w);
        }
    }
    dr_json_w_end(&c->w);
}

static void ties(struct call *c, const struct kind *parent, const struct rec *r,
                 const struct rows *shown)
{
    dr_json_w_key(&c->w, "document_associations");
    dr_json_w_arr(&c->w);
    for (size_t i = 0; i < shown->n; i++) {
        dr_json_w_obj(&c->w);
        dr_json_w_key(&c->w, "id");
        dr_json_w_u64(&c->w, rec_id(shown->v[i], "@tie"));
        dr_json_w_kvz(&c->w, "document_type",
                      is_file(shown->v[i]) ? "Document" : "DocumentLink");
        dr_json_w_key(&c->w, "document_id");
        dr_json_w_u64(&c->w, shown->v[i]->id);
        dr_json_w_kvz(&c->w, "targetable_type", parent->model);
        dr_json_w_key(&c->w, "targetable_id");
        dr_json_w_u64(&c->w, r->id);
        dr_json_w_end(&c->w);
    }
    dr_json_w_end(&c->w);
}

void associations(struct call *c, const struct kind *parent,
                  const struct rec *r)
{
    const struct hits *files, *links;
    struct rows rows = {.n = 0}, shown;
    uint64_t per, from, to;
    struct dr_str key = dr_arena_printf(c->ar, "%s:%llu", parent->model,
                                        (unsigned long long)r->id);

    if (!page_size(c, PAGE_DEFAULT, &per)) {
        return;
    }
    files =
        index_find(c->a, kind_named("files"), DR_STR_LIT("targetables"), key);
    links = index_find(c->a, kind_named("document_links"),
                       DR_STR_LIT("targetables"), key);
    rows.v = dr_xcalloc(1 + (files ? files->n : 0) + (links ? links->n : 0),
                        sizeof(*rows.v));
    add_hits(&rows, files);
    add_hits(&rows, links);
    qsort(rows.v, rows.n, sizeof(*rows.v), by_id);
    page_range(c, rows.n, per, &from, &to);
    shown = (struct rows){rows.v + from, (size_t)(to - from)};
    dr_json_w_obj(&c->w);
    rows_of(c, "files", &shown);
    rows_of(c, "document_links", &shown);
    ties(c, parent, r, &shown);
    dr_json_w_key(&c->w, "meta");
    dr_json_w_obj(&c->w);
    dr_json_w_kvi(&c->w, "total_pages", (int64_t)page_count(c, rows.n, per));
    dr_json_w_kvi(&c->w, "total", (int64_t)rows.n);
    dr_json_w_end(&c->w);
    dr_json_w_end(&c->w);
    free(rows.v);
}
