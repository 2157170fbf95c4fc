#include "download.h"

#include <string.h>

#include <drover/base/arena.h>
#include <drover/crypto/crypto.h>
#include <drover/http/client.h>

#define SILENCE_MS 60000

struct running {
    FILE *out;
    struct dr_hash hash;
    uint64_t bytes, max;
    bool over, done, full;
    struct dr_http_answer ans;
};

static bool take(struct dr_str piece, void *ctx)
{
    struct running *r = ctx;

    if (piece.n > r->max - r->bytes) {
        r->over = true;
        return false;
    }
    if (fwrite(piece.p, 1, piece.n, r->out) != piece.n) {
        r->full = true;
        return false;
    }
    dr_hash_bytes(&r->hash, piece);
    r->bytes += piece.n;
    return true;
}

static void done(const struct dr_http_answer *ans, void *ctx)
{
    struct running *r = ctx;

    r->done = true;
    r->ans = *ans;
}

static enum download_result judged(struct running *r, struct downloaded *got,
                                   struct dr_err *err)
{
    uint8_t sum[32];
    int status = r->ans.status;

    if (r->full) {
        dr_die(DR_EXIT_FAILURE, "disk",
               "no room for a file of the export: free some below $TMPDIR "
               "and start again; nothing is lost");
    }
    if (r->over) {
        (void)dr_err_set(err, DR_REJECT, 0, "download",
                         "longer than announced");
        return DOWNLOAD_BROKEN;
    }
    if (r->ans.address_refused) {
        (void)dr_err_set(err, DR_HALT, 0, "download",
                         "the source gave an address in a network that "
                         "downloads may not come from");
        return DOWNLOAD_REFUSED;
    }
    if (r->ans.outcome != DR_HTTP_ANSWERED) {
        (void)dr_err_set(err, DR_RETRY, 0, "download", "%s", r->ans.reason);
        return DOWNLOAD_BROKEN;
    }
    if (status == 401 || status == 403 || status == 404 || status == 410) {
        (void)dr_err_set(err, DR_RETRY, status, "download",
                         "the address ran out (%d)", status);
        return DOWNLOAD_EXPIRED;
    }
    if (status != 200) {
        (void)dr_err_set(err, DR_RETRY, status, "download",
                         "the download host answered %d%s", status,
                         status / 100 == 3 ? "; redirects are not followed"
                                           : "");
        return DOWNLOAD_BROKEN;
    }
    dr_hash_final(&r->hash, sum);
    dr_hex(sum, sizeof(sum), got->sha256);
    got->bytes = r->bytes;
    return fflush(r->out) ? DOWNLOAD_BROKEN : DOWNLOAD_OK;
}

static enum download_result transfer(struct dr_service *svc, struct dr_http *h,
                                     const char *path, struct running *r,
                                     struct downloaded *got, struct dr_err *err)
{
    dr_http_stream(h, path, take, done, r);
    while (!r->done) {
        if (dr_stop) {
            return DOWNLOAD_STOPPED;
        }
        (void)dr_http_poll(h, 100);
        dr_service_tick(svc, 0);
    }
    return judged(r, got, err);
}

enum download_result download(struct extractor *ex, struct dr_str url,
                              uint64_t max_bytes, FILE *out,
                              struct downloaded *got, struct dr_err *err)
{
    struct running r = {.out = out, .max = max_bytes};
    struct dr_http_opts o = {.allow_plain = true, /* files_address judged */
                             .max_connections = 1,
                             .total_ms = SILENCE_MS};
    struct dr_url address;
    enum download_result result;
    struct dr_http *h;

    if (files_address(url, ex->download_hosts, ex->local, &address, &o.reach)) {
        (void)dr_err_set(err, DR_HALT, 0, "download",
                         "the source gave an address that is none, or that "
                         "source.download_hosts does not allow");
        return DOWNLOAD_REFUSED;
    }
    o.base_url = address.origin;
    h = dr_http_new(&o, err); /* no token: it has no business there */
    if (!h) {
        return DOWNLOAD_REFUSED;
    }
    rewind(out);
    dr_hash_init(&r.hash);
    result = transfer(ex->svc, h, address.path, &r, got, err);
    dr_http_free(h);
    return result;
}
