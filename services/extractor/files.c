#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drover/base/arena.h>
#include <drover/base/err.h>
#include <drover/crypto/crypto.h>

#define TRIES_MAX 12
#define FAILING_MS 600000
#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 30000

void files_init(struct files *f)
{
    *f = (struct files){.all = dr_map_new(free), .wanted = dr_map_new(NULL)};
}

void files_done(struct files *f)
{
    dr_map_free(f->all);
    dr_map_free(f->wanted);
}

static void read_metadata(struct file *f, const struct dr_json *body)
{
    const struct dr_json *p = dr_json_get(body, "properties");
    struct dr_str status = dr_json_get_str(p, "status");

    f->sized =
        dr_str_u64(dr_json_scalar(dr_json_get(p, "size")), &f->size) == 0;
    f->size = f->sized ? f->size : 0;
    f->hashed =
        dr_unhex(dr_json_get_str(p, "sha256"), f->want, sizeof(f->want)) == 0;
    f->status = dr_str_eqz(status, "quarantined") ? FILE_QUARANTINED
                : dr_str_eqz(status, "missing")   ? FILE_MISSING
                                                  : FILE_AVAILABLE;
}

static bool same_bytes(const struct file *a, const struct file *b)
{
    if (a->size != b->size || a->sized != b->sized || a->status != b->status ||
        a->hashed != b->hashed) {
        return false;
    }
    return a->hashed ? memcmp(a->want, b->want, sizeof(a->want)) == 0
                     : a->version == b->version;
}

static void copy_blob(struct file *f, const struct dr_blob *b)
{
    f->blob = *b;
    if (b->sha256.n == sizeof(f->sha256)) {
        memcpy(f->sha256, b->sha256.p, sizeof(f->sha256));
        f->blob.sha256 = (struct dr_str){(char *)f->sha256, sizeof(f->sha256)};
    } else {
        f->blob.sha256 = (struct dr_str){NULL, 0};
    }
}

/* What the record says now; a file that is gone is forgotten. NULL: gone. */
static struct file *take(struct files *f, const struct dr_source *s,
                         const struct dr_json *body)
{
    struct file *known = dr_map_get(f->all, s->id);
    struct file now = {.version = s->version};

    if (s->op != DR_SRC_UPSERT) {
        (void)dr_map_del(f->wanted, s->id);
        (void)dr_map_del(f->all, s->id);
        return NULL;
    }
    read_metadata(&now, body);
    if (!known) {
        known = dr_xcalloc(1, sizeof(*known));
        *known = now;
        dr_map_put(f->all, s->id, known);
    } else if (!same_bytes(known, &now) ||
               (known->blob.state > DR_BLOB_STORED &&
                known->version != now.version)) {
        *known = now; /* what did not come may be there since it changed */
    } else {
        known->version = now.version;
    }
    return known;
}

static void want(struct files *f, struct dr_str id, struct file *file)
{
    if (file->blob.state && !file->again) {
        (void)dr_map_del(f->wanted, id);
    } else {
        dr_map_put(f->wanted, id, file);
    }
}

void files_note(struct files *f, struct dr_source *s,
                const struct dr_json *body)
{
    struct file *file = take(f, s, body);

    if (file) {
        s->blob = file->blob;
        want(f, s->id, file);
    }
}

void files_read_back(struct files *f, const struct dr_source *s,
                     const struct dr_json *body)
{
    struct file *file = take(f, s, body);

    if (file) {
        copy_blob(file, &s->blob);
        file->again = s->blob.state == DR_BLOB_REFUSED;
        want(f, s->id, file);
    }
}

static bool fits_limit(const struct files *f, const struct file *file)
{
    return f->limit > 0 && file->size <= f->limit;
}

size_t files_pending(const struct files *f)
{
    struct dr_str id;
    void *file;
    size_t at = 0, n = 0;

    while (f->limit > 0 && dr_map_next(f->wanted, &at, &id, &file)) {
        n += fits_limit(f, file);
    }
    return n;
}

size_t files_failing(const struct files *f)
{
    struct dr_str id;
    void *file;
    size_t at = 0, n = 0;

    while (dr_map_next(f->wanted, &at, &id, &file)) {
        n += fits_limit(f, file) && ((const struct file *)file)->tries > 0;
    }
    return n;
}

void files_failing_by_host(const struct files *f, size_t n[FILES_HOSTS + 1])
{
    struct dr_str id;
    void *value;
    size_t at = 0;

    memset(n, 0, (FILES_HOSTS + 1) * sizeof(*n));
    while (dr_map_next(f->wanted, &at, &id, &value)) {
        const struct file *file = value;
        if (fits_limit(f, file) && file->tries > 0) {
            n[file->host > 0 ? file->host - 1 : FILES_HOSTS]++;
        }
    }
}

uint8_t files_host(struct files *f, const char *host)
{
    for (uint8_t i = 0; host[0] != '\0' && i < FILES_HOSTS; i++) {
        if (f->hosts[i][0] == '\0') {
            (void)snprintf(f->hosts[i], sizeof(f->hosts[i]), "%s", host);
        }
        if (strcmp(f->hosts[i], host) == 0) {
            return (uint8_t)(i + 1);
        }
    }
    return 0;
}

bool files_failed(struct file *file, bool progress, int64_t well_ms,
                  int64_t now_ms)
{
    int64_t wait = BACKOFF_MS;

    if (progress) {
        file->tries = 0;
        file->due_ms = now_ms;
        return false;
    }
    if (file->tries++ == 0) {
        file->failing_ms = now_ms;
    }
    for (int i = 0; i < file->tries && wait < BACKOFF_MAX_MS; i++) {
        wait *= 2;
    }
    file->due_ms = now_ms + (wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS);
    return now_ms - file->failing_ms > FILES_OUTAGE_MAX_MS ||
           (file->tries > TRIES_MAX && well_ms > file->failing_ms &&
            now_ms - file->failing_ms > FAILING_MS);
}

bool files_next(struct files *f, int64_t now_ms, size_t *at,
                struct dr_str *id_out, struct file **file_out)
{
    void *file;

    for (int round = 0; f->limit > 0 && round < 2; round++) {
        while (dr_map_next(f->wanted, at, id_out, &file)) {
            if (fits_limit(f, file) &&
                now_ms >= ((const struct file *)file)->due_ms) {
                *file_out = file;
                return true;
            }
        }
        *at = 0;
    }
    return false;
}

void files_settle(struct files *f, struct dr_str id, const struct dr_blob *blob,
                  const uint8_t *sha256)
{
    struct file *file = dr_map_get(f->all, id);
    struct dr_blob b = *blob;

    if (!file) {
        return; /* deleted meanwhile */
    }
    if (sha256) {
        b.sha256 = (struct dr_str){(const char *)sha256, 32};
    }
    copy_blob(file, &b);
    file->again = false;
    (void)dr_map_del(f->wanted, id);
}

void files_count(const struct files *f, uint64_t *stored, uint64_t *broken,
                 uint64_t *bytes)
{
    struct dr_str id;
    void *value;
    size_t at = 0;

    *stored = *broken = *bytes = 0;
    while (dr_map_next(f->all, &at, &id, &value)) {
        const struct dr_blob *b = &((const struct file *)value)->blob;
        *stored += b->state == DR_BLOB_STORED;
        *broken += b->state > DR_BLOB_STORED;
        *bytes += b->state == DR_BLOB_STORED ? b->size : 0;
    }
}

uint64_t files_mix(const struct dr_blob *b)
{
    return b->state == 0 ? 0
                         : ((uint64_t)b->state << 56 ^
                            (uint64_t)b->first_offset * 0x9e3779b97f4a7c15u) |
                               1;
}

/* ---- addresses ---- */

static struct dr_str lower(struct dr_str s, char out[256])
{
    size_t n = s.n < 255 ? s.n : 255;

    for (size_t i = 0; i < n; i++) {
        out[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]);
    }
    return (struct dr_str){out, n};
}

/* "host", on the usual port, or "host:port"; "[::1]:443" for an address. */
static bool is_named(const char *allowed, const struct dr_url *u)
{
    struct dr_str rest = dr_str_z(allowed);
    char text[256];

    while (rest.n > 0) {
        struct dr_str entry = dr_str_trim(dr_str_split(&rest, ','));
        bool v6 = strchr(u->host, ':') != NULL;
        struct dr_arena *a DR_AUTO(dr_arena) = dr_arena_new(4096);
        struct dr_str whole = dr_arena_printf(a, v6 ? "[%s]:%u" : "%s:%u",
                                              u->host, (unsigned)u->port);

        entry = lower(entry, text);
        if (dr_str_eq(entry, whole) ||
            (u->port == 443 && dr_str_eqz(entry, u->host))) {
            return true;
        }
    }
    return false;
}

int files_address(struct dr_str url, const char *allowed, bool local,
                  struct dr_url *out, enum dr_reach *reach_out)
{
    struct dr_err err = {0};

    if (dr_url_split(url, out, &err)) {
        return -1;
    }
    *reach_out = DR_REACH_PUBLIC;
    if (local) { /* a simulator: everything is plain and on this machine */
        *reach_out = DR_REACH_LOOPBACK;
        return 0;
    }
    if (!out->https) {
        return -1;
    }
    if (allowed[0]) {
        *reach_out = DR_REACH_ANY;
        return is_named(allowed, out) ? 0 : -1;
    }
    return out->port == 443 ? 0 : -1;
}
