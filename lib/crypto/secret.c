/* Secrets from files, in memory that is locked and wiped. */
#include <drover/crypto/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sodium.h>

#include <drover/base/arena.h>

#define SECRET_MAX 4096

struct dr_secret {
    char *p;
    size_t n;
};

static int refused(struct dr_err *err, const char *path, const char *why)
{
    return dr_err_set(err, DR_HALT, errno, "secret",
                      "cannot read the secret file %s: %s", path, why);
}

/* More than owner and group may read or write it. One that is mounted to be
 * read alone (Kubernetes does it so) is for all of its container. */
static int check_rights(int fd, const char *path, struct dr_err *err)
{
    struct statvfs fs;
    struct stat st;

    if (fstat(fd, &st)) {
        return refused(err, path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & S_IRWXO) == 0 ||
        (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0)) {
        return 0;
    }
    return dr_err_set(err, DR_HALT, 0, "secret",
                      "every user of this machine may read or write the secret "
                      "file %s (mode %04o): chmod 0400 it",
                      path, (unsigned)(st.st_mode & 07777));
}

/* Whole file, at most SECRET_MAX bytes. */
static int read_all(int fd, const char *path, char *out, size_t *n_out,
                    struct dr_err *err)
{
    size_t n = 0;
    ssize_t got = 1;

    while (n <= SECRET_MAX && got > 0) {
        got = read(fd, out + n, SECRET_MAX + 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    if (got < 0 || n > SECRET_MAX) {
        return refused(err, path,
                       got < 0 ? strerror(errno) : "larger than 4096 bytes");
    }
    *n_out = n;
    return 0;
}

static int read_file(const char *path, char *out, size_t *n_out,
                     struct dr_err *err)
{
    /* Not to wait for the other end of a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int r;

    if (fd < 0) {
        return refused(err, path, strerror(errno));
    }
    r = check_rights(fd, path, err) || read_all(fd, path, out, n_out, err) ? -1
                                                                           : 0;
    (void)close(fd);
    return r;
}

struct dr_secret *dr_secret_read(const char *path, struct dr_err *err)
{
    struct dr_secret *s;
    struct dr_str text;
    size_t n = 0;
    char *p;

    dr_crypto_init();
    p = sodium_malloc(SECRET_MAX + 1); /* locked where limits allow it */
    if (!p) {
        dr_die(DR_EXIT_NOMEM, "secret", "out of memory");
    }
    if (read_file(path, p, &n, err)) {
        sodium_free(p);
        return NULL;
    }
    text = dr_str_trim((struct dr_str){p, n});
    if (text.n == 0) {
        (void)dr_err_set(err, DR_HALT, 0, "secret",
                         "the secret file %s is empty", path);
        sodium_free(p);
        return NULL;
    }
    s = dr_xcalloc(1, sizeof(*s));
    memmove(p, text.p, text.n);
    p[text.n] = '\0';
    s->p = p;
    s->n = text.n;
    return s;
}

struct dr_str dr_secret_view(const struct dr_secret *s)
{
    return s ? (struct dr_str){s->p, s->n} : (struct dr_str){"", 0};
}

void dr_secret_free(struct dr_secret *s)
{
    if (s) {
        sodium_free(s->p); /* wipes */
        free(s);
    }
}
