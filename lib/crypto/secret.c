/* Secrets from files, in memory that is locked and wiped. */
#include <drover/crypto/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include <drover/base/arena.h>

#define SECRET_MAX 4096

struct dr_secret {
    char *p;
    size_t n;
};

/* Whole file, at most SECRET_MAX bytes. -1: errno, -2: too large. */
static ssize_t read_file(const char *path, char *out)
{
    /* Not to wait for the other end of a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    size_t n = 0;
    ssize_t got = 1;
    int why;

    if (fd < 0) {
        return -1;
    }
    while (n <= SECRET_MAX && got > 0) {
        got = read(fd, out + n, SECRET_MAX + 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    why = errno;
    (void)close(fd);
    if (got < 0) {
        errno = why;
        return -1;
    }
    return n > SECRET_MAX ? -2 : (ssize_t)n;
}

struct dr_secret *dr_secret_read(const char *path, struct dr_err *err)
{
    struct dr_secret *s;
    struct dr_str text;
    ssize_t n;
    char *p;

    dr_crypto_init();
    p = sodium_malloc(SECRET_MAX + 1); /* locked where limits allow it */
    if (!p) {
        dr_die(DR_EXIT_NOMEM, "secret", "out of memory");
    }
    n = read_file(path, p);
    if (n < 0) {
        (void)dr_err_set(err, DR_HALT, errno, "secret",
                         "cannot read the secret file %s: %s", path,
                         n == -2 ? "larger than 4096 bytes" : strerror(errno));
        sodium_free(p);
        return NULL;
    }
    text = dr_str_trim((struct dr_str){p, (size_t)n});
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
