/* Files and links on records (reference 11.1): what is known of them, their
 * bytes, and addresses that serve them for a while. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <drover/base/clock.h>
#include <drover/crypto/crypto.h>

#include "attrs.h"
#include "kinds.h"

#define GIGABYTE INT64_C(1000000000)

const struct attr file_attrs[] = {
    SHOWN("url", show_url),
    FIXED("msg", "\"success\""),
    TEXT("content_file_name"),
    KEPT("content_file_size", A_NUMBER),
    TEXT("content_content_type"),
    SHOWN("content_file_size_readable", show_size),
    {"is_shared", A_DONE, NULL, NULL, "false", NULL},
    FIXED("is_attached", "true"),
    SHOWN("creater_id", show_creater),
    END};

const struct attr link_attrs[] = {
    KEPT("url", A_AREA),
    TEXT("name"),
    {"is_shared", A_DONE, NULL, NULL, "false", NULL},
    SHOWN("creater_id", show_creater),
    HIDDEN("targetables", A_READONLY, ADMIN, "[]"),
    END};

/* ---- bytes: all in one unlinked file, behind each other ---- */

int bytes_keep(struct account *a, struct rec *r, struct dr_str bytes)
{
    char text[24];

    if (!a->bytes) {
        a->bytes = tmpfile();
        if (!a->bytes) {
            return -1;
        }
    }
    (void)snprintf(text, sizeof(text), "%lld", (long long)a->bytes_n);
    for (size_t at = 0; at < bytes.n;) {
        ssize_t n = pwrite(fileno(a->bytes), bytes.p + at, bytes.n - at,
                           (off_t)(a->bytes_n + (int64_t)at));
        if (n <= 0) {
            return -1;
        }
        at += (size_t)n;
    }
    a->bytes_n += (int64_t)bytes.n;
    a->stored += (int64_t)bytes.n;
    rec_set(r, "@at", dr_str_z(text));
    return 0;
}

static int64_t size_of(const struct rec *r)
{
    int64_t n;

    return dr_str_i64(rec_value(r, "content_file_size"), &n) ? 0 : n;
}

void bytes_forget(struct account *a, const struct rec *r)
{
    if (rec_value(r, "@at").p) {
        a->stored -= size_of(r);
    }
}

void bytes_answer(struct account *a, struct dr_httpd_req *req,
                  const struct rec *r)
{
    struct dr_str type = rec_text(r, "content_content_type");
    char text[256];
    int64_t at;

    (void)snprintf(text, sizeof(text), DR_STR_FMT, DR_STR_ARG(type));
    if (dr_str_i64(rec_value(r, "@at"), &at)) {
        dr_httpd_answer(req, 404, NULL, DR_STR_LIT("{}"));
    } else if (size_of(r) == 0) {
        dr_httpd_answer(req, 200, text, DR_STR_LIT(""));
    } else {
        dr_httpd_answer_range(req, 200, text, dup(fileno(a->bytes)),
                              (uint64_t)at, (uint64_t)size_of(r));
    }
}

/* ---- how much there may be (reference 19.4) ---- */

static int64_t gigabytes_of(struct dr_str plan)
{
    static const struct {
        const char *plan;
        int64_t gigabytes;
    } plans[] = {{"free", 0},         {"growth", 2}, {"pro", 5},
                 {"enterprise", 100}, {"sprout", 1}, {"blossom", 2},
                 {"garden", 2},       {"estate", 5}, {"forest", 100}};

    for (size_t i = 0; i < DR_ARRAY_LEN(plans); i++) {
        if (dr_str_eqz(plan, plans[i].plan)) {
            return plans[i].gigabytes;
        }
    }
    return 0;
}

int64_t storage_limit(struct account *a)
{
    struct list *users = list_of(a->selectors, "users");
    int64_t n, active = 0;

    if (dr_str_i64(dr_str_z(knob_text(a->knobs, "storage_bytes")), &n) == 0) {
        return n;
    }
    for (size_t i = 0; i < users->n; i++) {
        const struct dr_json *on = dr_json_get(list_at(users, i), "is_active");
        active += !on || dr_json_true(on);
    }
    return gigabytes_of(plan_of(a)) * GIGABYTE * active;
}

/* ---- addresses ---- */

/* Who has the address may read the file, until it expires. */
static void signature(const struct account *a, uint64_t id, int64_t until,
                      char out[65])
{
    uint8_t sum[DR_SHA256];
    struct dr_hash h;

    dr_hash_init(&h);
    dr_hash_part(&h, dr_str_z(a->key));
    dr_hash_u64(&h, id);
    dr_hash_u64(&h, (uint64_t)until);
    dr_hash_u64(&h, a->url_epoch);
    dr_hash_final(&h, sum);
    dr_hex(sum, sizeof(sum), out);
}

void show_url(const struct show *s)
{
    int64_t until =
        dr_mono_ms() + knob_int(s->a->knobs, "document_url_s") * 1000;
    char sign[65], text[256];

    signature(s->a, s->r->id, until, sign);
    (void)snprintf(text, sizeof(text),
                   "http://127.0.0.1:%u/files/%llu?expires=%lld&signature=%s",
                   (unsigned)s->a->download_port, (unsigned long long)s->r->id,
                   (long long)until, sign);
    dr_json_w_z(s->w, text);
}

void show_size(const struct show *s)
{
    static const char *const units[] = {"Bytes", "KB", "MB", "GB"};
    int64_t n = size_of(s->r);
    size_t unit = 0;
    char text[48];

    while (n >= 10240 && unit + 1 < DR_ARRAY_LEN(units)) {
        n /= 1024;
        unit++;
    }
    (void)snprintf(text, sizeof(text), "%lld %s", (long long)n, units[unit]);
    dr_json_w_z(s->w, text);
}

void download_handle(struct dr_httpd_req *req, void *ctx)
{
    struct account *a = ctx;
    struct dr_str path = dr_httpd_path(req), head = DR_STR_LIT("/files/");
    struct dr_str until_text = dr_httpd_arg(req, "expires");
    const struct rec *r = NULL;
    uint64_t id = 0;
    int64_t until;
    char sign[65];

    if (dr_str_starts(path, head) &&
        dr_str_u64((struct dr_str){path.p + head.n, path.n - head.n}, &id) ==
            0) {
        r = rec_find(kind_named("files"), id);
    }
    if (!r) {
        dr_httpd_answer(req, 404, "application/xml",
                        DR_STR_LIT("<Error><Code>NoSuchKey</Code></Error>"));
        return;
    }
    if (dr_str_i64(until_text, &until) == 0) {
        signature(a, id, until, sign);
    }
    if (dr_str_i64(until_text, &until) || until < dr_mono_ms() ||
        !dr_ct_eq(dr_str_z(sign), dr_httpd_arg(req, "signature"))) {
        dr_httpd_answer(req, 403, "application/xml",
                        DR_STR_LIT("<Error><Code>AccessDenied</Code></Error>"));
        return;
    }
    bytes_answer(a, req, r);
}

/* ---- the admin port ---- */

static void member(struct dr_json_w *w, const char *key, struct dr_str json)
{
    dr_json_w_key(w, key);
    dr_json_w_raw(w, json.p ? json : DR_STR_LIT("null"));
}

void file_line(struct account *a, const struct rec *r, struct dr_json_w *w)
{
    const struct dr_json *t = dr_json_at(rec_json(a, r, "targetables"), 0);

    dr_json_w_obj(w);
    dr_json_w_key(w, "id");
    dr_json_w_u64(w, r->id);
    member(w, "name", rec_value(r, "content_file_name"));
    dr_json_w_kvi(w, "size", size_of(r));
    member(w, "sha256", rec_value(r, "@sha256"));
    member(w, "content_type", rec_value(r, "content_content_type"));
    dr_json_w_kv(w, "parent_type", dr_json_get_str(t, "type"));
    dr_json_w_kvi(w, "parent_id", dr_json_get_i64(t, "id", 0));
    dr_json_w_key(w, "owner_id");
    dr_json_w_u64(w, r->creater);
    dr_json_w_end(w);
}
