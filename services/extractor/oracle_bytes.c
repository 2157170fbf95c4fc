/*
 * The bytes of attachments: what stands in the topic `files` is what FastTrack
 * gives, and what does not stand there says why.
 */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

#include <drover/crypto/crypto.h>

#include "extractor.h"

#define BODY_MAX ((size_t)64 << 20)

/* What should have become of a file, by its metadata and its bytes. */
static enum dr_blob_state wanted(const struct dr_json *p, int status,
                                 struct dr_str body, const uint8_t sum[32])
{
    struct dr_str want = dr_json_get_str(p, "sha256");
    struct dr_str says = dr_json_get_str(p, "status");
    uint64_t size;
    char hex[65];

    if (!dr_str_eqz(says, "available")) {
        return dr_str_eqz(says, "missing") ? DR_BLOB_MISSING
                                           : DR_BLOB_QUARANTINED;
    }
    if (dr_str_u64(dr_json_scalar(dr_json_get(p, "size")), &size)) {
        return DR_BLOB_SIZE;
    }
    if (status != 200 && size > 0) {
        return DR_BLOB_MISSING;
    }
    if (size != body.n) {
        return DR_BLOB_SIZE;
    }
    dr_hex(sum, 32, hex);
    return want.n == 64 && !dr_str_eqz(want, hex) ? DR_BLOB_HASH
                                                  : DR_BLOB_STORED;
}

/* The chunks that the record names, one behind the other. */
static void stored(const struct dr_source *s, struct dr_buf *out)
{
    for (size_t i = 0; i < oracle->sent_n; i++) {
        const struct sent *m = &sent[i];
        if (!m->lost && strcmp(m->topic, "files") == 0 &&
            m->partition == s->blob.partition &&
            m->offset >= s->blob.first_offset &&
            m->offset <= s->blob.last_offset && dr_str_eq(m->key, s->id)) {
            dr_buf_str(out, m->value);
        }
    }
}

void bytes_check(const struct dr_source *s, const char *key)
{
    struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(8 << 20);
    const struct dr_json *p =
        dr_json_get(dr_json_parse(a, s->body, NULL, NULL), "properties");
    enum dr_blob_state want;
    struct dr_buf body, got;
    uint8_t sum[32];
    uint64_t size = 0;
    int status;

    if (dr_str_u64(dr_json_scalar(dr_json_get(p, "size")), &size) == 0 &&
        size > oracle->file_limit) {
        if (s->blob.state != 0) {
            oracle_fail("a file above the limit was fetched", key);
        }
        return;
    }
    dr_buf_init(&body, BODY_MAX);
    dr_buf_init(&got, BODY_MAX);
    status = sim_download(dr_arena_dupz(a, s->id), &body);
    dr_sha256(dr_buf_view(&body), sum);
    want = wanted(p, status, dr_buf_view(&body), sum);
    if (s->blob.state != want &&
        !(s->blob.state == DR_BLOB_MISSING && drawn("scope.files_approved"))) {
        (void)fprintf(stderr, "wanted %d, got %d\n", (int)want,
                      (int)s->blob.state);
        oracle_fail("its bytes ended otherwise", key);
    }
    if (s->blob.state == DR_BLOB_STORED) {
        stored(s, &got);
        if (!dr_str_eq(dr_buf_view(&got), dr_buf_view(&body)) ||
            !dr_str_eq(s->blob.sha256, (struct dr_str){(char *)sum, 32})) {
            oracle_fail("its bytes are others", key);
        }
    }
    dr_buf_done(&body);
    dr_buf_done(&got);
}
