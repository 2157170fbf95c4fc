#include "kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <drover/crypto/crypto.h>

#define PATH_MAX_BYTES 4096

static const char *const names[] = {"of", "refresh_token"};

/* Of which token of the file it came in place, told without the token. */
static void origin_of(const struct grant *g, char hex[2 * DR_SHA256 + 1])
{
    uint8_t sum[DR_SHA256];
    struct dr_hash h;

    dr_hash_init(&h);
    dr_hash_part(&h, g->client_id);
    dr_hash_part(&h, g->refresh_token);
    dr_hash_final(&h, sum);
    dr_hex(sum, sizeof(sum), hex);
}

int kept_read(const char *path, const struct grant *g,
              char out[GRANT_TOKEN_MAX + 1], struct dr_err *err)
{
    struct dr_str v[DR_ARRAY_LEN(names)];
    char origin[2 * DR_SHA256 + 1];
    struct dr_secret *s;
    int r;

    if (access(path, F_OK) != 0 && errno == ENOENT) {
        return 0;
    }
    s = dr_secret_read(path, err);
    if (!s) {
        return -1;
    }
    r = grant_lines(dr_secret_view(s), names, v, DR_ARRAY_LEN(names), err);
    if (r == 0 && (v[0].n == 0 || v[1].n == 0 || v[1].n > GRANT_TOKEN_MAX)) {
        r = dr_err_set(err, DR_HALT, 0, "kept",
                       "the file is none that a refresh token was kept in: "
                       "name another, or remove it");
    }
    if (r == 0) {
        origin_of(g, origin);
        r = dr_str_eqz(v[0], origin);
    }
    if (r == 1) {
        memcpy(out, v[1].p, v[1].n);
        out[v[1].n] = '\0';
    }
    dr_secret_free(s);
    return r;
}

static int write_all(int fd, struct dr_str s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        n = n < 0 ? 0 : n;
        s = (struct dr_str){s.p + n, s.n - (size_t)n};
    }
    return fsync(fd);
}

/* The name of a file is on the disk when its folder is. */
static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX_BYTES] = ".";
    int fd, r;

    if (slash) {
        (void)snprintf(folder, sizeof(folder), "%.*s",
                       slash > path ? (int)(slash - path) : 1, path);
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    r = fsync(fd);
    (void)close(fd);
    return r;
}

/* A name that no other process takes, be it in a container of its own, where
 * it has the same number. */
static int name_beside(const char *path, char out[PATH_MAX_BYTES])
{
    char hex[17];
    uint8_t dice[8];
    int n;

    dr_random(dice, sizeof(dice));
    dr_hex(dice, sizeof(dice), hex);
    n = snprintf(out, PATH_MAX_BYTES, "%s.%ld-%s.new", path, (long)getpid(),
                 hex);
    if (n < 0 || n >= PATH_MAX_BYTES) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

static int replace(const char *path, struct dr_str text)
{
    char tmp[PATH_MAX_BYTES];
    int fd, r, why;

    if (name_beside(path, tmp)) {
        return -1;
    }
    fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -1;
    }
    r = write_all(fd, text);
    if (close(fd) || r || rename(tmp, path)) {
        why = errno;
        (void)unlink(tmp);
        errno = why;
        return -1;
    }
    return sync_folder(path);
}

int kept_write(const char *path, const struct grant *g, struct dr_str token,
               struct dr_err *err)
{
    char origin[2 * DR_SHA256 + 1];
    struct dr_buf text;
    int r; /* errno */

    origin_of(g, origin);
    dr_buf_init(&text, GRANT_TOKEN_MAX + 196);
    dr_buf_printf(&text, "of=%s\nrefresh_token=" DR_STR_FMT "\n", origin,
                  DR_STR_ARG(token));
    r = replace(path, dr_buf_view(&text)) ? errno : 0;
    explicit_bzero(text.p, text.n);
    dr_buf_done(&text);
    return r ? dr_err_set(err, DR_HALT, r, "kept", "%s", strerror(r)) : 0;
}
