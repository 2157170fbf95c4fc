#include <drover/zip/zip.h>

#include <stdlib.h>

#include <zlib.h>

#include <drover/base/arena.h>

#define IN_BYTES 65536
#define GZIP_ONLY (15 + 16)

struct dr_zip {
    FILE *f;
    bool gzip, member; /* inside a member of the file */
    uint64_t out, max_out;
    z_stream z;
    unsigned char in[IN_BYTES];
};

struct dr_zip *dr_zip_open(FILE *f, bool gzip, uint64_t max_out)
{
    struct dr_zip *z = dr_xcalloc(1, sizeof(*z));

    z->f = f;
    z->gzip = gzip;
    z->max_out = max_out;
    if (gzip && inflateInit2(&z->z, GZIP_ONLY) != Z_OK) {
        dr_die(DR_EXIT_NOMEM, "zip", "zlib does not start");
    }
    z->member = gzip; /* an empty file is no gzip file */
    return z;
}

void dr_zip_close(struct dr_zip *z)
{
    if (z && z->gzip) {
        (void)inflateEnd(&z->z);
    }
    free(z);
}

static int64_t bad(struct dr_err *err, const char *why)
{
    return dr_err_set(err, DR_REJECT, 0, "zip", "%s", why);
}

static int64_t count(struct dr_zip *z, size_t n, struct dr_err *err)
{
    z->out += n;
    return z->out > z->max_out
               ? dr_err_set(err, DR_REJECT, DR_ZIP_TOO_MUCH, "zip",
                            "it unpacks to more than is allowed")
               : (int64_t)n;
}

/* More packed bytes; false: the file ends here. */
static bool fill(struct dr_zip *z)
{
    size_t n = fread(z->in, 1, sizeof(z->in), z->f);

    z->z.next_in = z->in;
    z->z.avail_in = (uInt)n;
    return n > 0;
}

static int64_t unpack(struct dr_zip *z, char *out, size_t max,
                      struct dr_err *err)
{
    z->z.next_out = (unsigned char *)out;
    z->z.avail_out = max > UINT32_MAX ? UINT32_MAX : (uInt)max;
    for (;;) {
        size_t had = z->z.avail_out;
        int rc;
        if (z->z.avail_in == 0 && !fill(z)) {
            return z->member ? bad(err, "the gzip file is cut short") : 0;
        }
        if (!z->member) { /* one member after the other */
            if (inflateReset(&z->z) != Z_OK) {
                return bad(err, "zlib does not start again");
            }
            z->member = true;
        }
        rc = inflate(&z->z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            return bad(err, "it is no gzip file, or it is damaged");
        }
        z->member = rc != Z_STREAM_END;
        if (z->z.avail_out < had) {
            return count(z, had - z->z.avail_out, err);
        }
    }
}

int64_t dr_zip_read(struct dr_zip *z, char *out, size_t max, struct dr_err *err)
{
    size_t n;

    if (z->gzip) {
        return unpack(z, out, max, err);
    }
    n = fread(out, 1, max, z->f);
    return ferror(z->f) ? bad(err, "the file cannot be read")
                        : count(z, n, err);
}
